"""Documents and rulesets are read by programs of others, each in an environment of its own, for older packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kpi.language import ossie, vtl
from kpi.language.loading import catalogue

pytestmark = pytest.mark.slow

#: What dbt itself reads documents with.
METRICFLOW = """
import collections, json, sys
from metricflow.converters.models import OSIDocument
from metricflow.converters.osi_to_msi import OSIToMSIConverter
answer = {}
for path in sys.argv[1:]:
    document = OSIDocument.parse_raw(open(path, encoding="utf-8").read())
    manifest = OSIToMSIConverter().convert(document).output
    (model,) = manifest.semantic_models
    answer[path] = {
        "version": document.version, "metrics": [one.name for one in manifest.metrics if "_numerator" not in one.name
        and "_denominator" not in one.name], "entities": [one.name for one in model.entities],
    }
print(json.dumps(answer))
"""
VTLENGINE = """
import json, sys
from vtlengine.API import create_ast
print(json.dumps({path: [len(one.rules) for one in create_ast(open(path, encoding="utf-8").read()).children]
                  for path in sys.argv[1:]}))
"""


def answer(folder: Path, package: str, program: str, files: list[Path]) -> dict[str, object]:
    """Return what a program in a new environment with a package prints; skip where that cannot be installed."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True, env=env)
    python = folder / "env/bin/python"
    done = subprocess.run([python, "-m", "pip", "install", "-q", package], check=False, capture_output=True, env=env)
    if done.returncode:
        pytest.skip(f"{package} cannot be installed here")
    done = subprocess.run([python, "-c", program, *files], check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_dbt_reads_the_documents(tmp_path):
    expected = {}
    for name in catalogue.files():
        system = catalogue.find(name).system
        assert system is not None
        document, _ = ossie.document(system)
        file = tmp_path / f"{name}.ossie.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        metrics = [item["name"] for item in document["semantic_model"][0].get("metrics", ())]
        expected[str(file)] = {"version": "0.1.1", "metrics": metrics, "entities": ["entity", "period"]}
    assert answer(tmp_path, "metricflow>=0.213", METRICFLOW, [*map(Path, expected)]) == expected


def test_a_parser_of_vtl_reads_the_rulesets(tmp_path):
    expected = {}
    for name in catalogue.files():
        system = catalogue.find(name).system
        assert system is not None
        text, _ = vtl.ruleset(system)
        if text:
            (tmp_path / f"{name}.vtl").write_text(text, encoding="utf-8")
            expected[str(tmp_path / f"{name}.vtl")] = [text.count("errorcode")]
    assert expected
    assert answer(tmp_path, "vtlengine>=1.9", VTLENGINE, [*map(Path, expected)]) == expected
