"""Programs that use the library are checked by the strictest settings of two type checkers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import kpi
from tests.library import typed_client

CLIENT = Path(__file__).with_name("typed_client.py")
ROOT = CLIENT.parents[2]


def test_the_client_runs(tmp_path):
    assert "2023Q4" in typed_client.main(tmp_path)


@pytest.mark.slow
def test_mypy_is_content():
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--follow-imports=silent", str(CLIENT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_pyright_is_content(tmp_path):
    if find_spec("basedpyright") is None:
        pytest.skip("basedpyright is not installed")
    settings = {"typeCheckingMode": "strict", "include": [str(CLIENT)], "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--project", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


#: Names that programs use: one that goes is first deprecated, see CONTRIBUTING.
PUBLIC = {
    "DataError", "DefinitionError", "Diagnostic", "KpiError", "NamedFile", "Plan", "Scorecard", "Scorer", "System",
    "__version__", "aio", "audit", "bulletin", "check", "compile", "content", "diff", "explain", "load", "plot",
    "score", "stress", "using_language", "way_up", "what_if", "write",
}  # fmt: skip


def test_no_public_name_goes_without_a_warning(monkeypatch):
    assert set(kpi.__all__) | set(vars(kpi)["_DEPRECATED"]) >= PUBLIC
    monkeypatch.setitem(vars(kpi)["_DEPRECATED"], "evaluate", ("score", "2.0"))
    with pytest.warns(DeprecationWarning, match=r"kpi\.evaluate goes with version 2\.0: use kpi\.score"):
        assert kpi.evaluate is kpi.score


def test_the_version_is_that_of_the_distribution():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", kpi.__version__)


def test_every_public_name_is_typed():
    text = (ROOT / "kpi/__init__.py").read_text("utf-8")
    declared = text.partition("if TYPE_CHECKING:")[2].partition("#: Where")[0]
    for name in kpi.__all__:
        assert f" as {name}\n" in declared.replace("  # noqa: A004 - as re.compile", "") or f"{name}: " in declared
    assert (ROOT / "kpi/py.typed").is_file()
