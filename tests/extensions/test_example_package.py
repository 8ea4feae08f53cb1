"""The example package, installed by pip into a new environment and used through the command."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/kpi-example-kinds"

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("KPI_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, cwd=cwd, env=env | {"KPI_LANG": "en"}, capture_output=True, check=False, text=True, encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of a new environment that has the example, this checkout, and the packages of the one at work."""
    home = tmp_path_factory.mktemp("example")
    run(sys.executable, "-m", "venv", home / "env", cwd=home)
    python = home / "env/bin/python"
    (packages,) = (home / "env").glob("lib/python*/site-packages")
    (packages / "kpi_here.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]), encoding="utf-8")
    source = shutil.copytree(EXAMPLE, home / "source")
    run(python, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", source, cwd=home)
    return python


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(EXAMPLE / "data", tmp_path / "data"))


def test_what_is_from_where(python, folder):
    printed = run(python, "-m", "kpi", "show", "--kinds", "-f", "csv", cwd=folder).stdout
    origins = {(row["family"], row["kind"]): row["origin"] for row in csv.DictReader(io.StringIO(printed))}
    brought = {key for key, origin in origins.items() if origin == "kpi-example-kinds 0.1.0"}
    assert brought == {
        ("indicators", "diffusion"), ("scoring", "logistic"), ("stars", "head_tail"), ("readers", "ltsv"),
        ("writers", "ltsv"), ("stores", "sqlite"),
    }  # fmt: skip


def test_a_file_is_read_scored_and_written(python, folder):
    done = run(python, "-m", "kpi", "score", "survey.ltsv", "-s", "survey.yaml", "-o", "league.ltsv", cwd=folder)
    assert "9 figures read: 9 used" in done.stderr
    lines = (folder / "league.ltsv").read_text("utf-8").splitlines()
    rows = [dict(field.split(":", 1) for field in line.split("\t")) for line in lines]
    # By hand: 60 + 20/2 = 70, 20 + 40/2 = 40, 30 + 40/2 = 50; the curve gives 1/(1 + e^-2), 1/(1 + e), 1/2.
    assert {row["entity"]: row["score"] for row in rows} == {"纺织": "88.08", "电子": "50.0", "化工": "26.89"}
    # The mean of all is 54.99, which one alone is above; it is its own mean.
    assert {row["entity"]: row["stars"] for row in rows} == {"纺织": "2", "电子": "1", "化工": "1"}


def test_a_score_is_explained_in_the_words_of_the_kind(python, folder):
    explained = run(python, "-m", "kpi", "explain", "survey.ltsv", "纺织", "-s", "survey.yaml", cwd=folder).stdout
    assert "(产量增加 + 产量不变 ÷ 2) ÷ all answers" in explained
    assert "on an S curve, 50 % at 50" in explained


def test_a_measure_of_another_unit_is_a_finding_with_its_line(python, folder):
    text = (folder / "survey.yaml").read_text("utf-8").replace("产量减少, unit: 家", "产量减少, unit: 万元")
    (folder / "survey.yaml").write_text(text, encoding="utf-8")
    done = run(python, "-m", "kpi", "check", "survey.yaml", "--output-format", "concise", cwd=folder, code=1)
    assert "survey.yaml:13:" in done.stderr
    assert "K301" in done.stderr


def test_the_schema_for_editors_has_the_kinds(python, folder):
    printed = json.dumps(json.loads(run(python, "-m", "kpi", "schema", cwd=folder).stdout))
    assert all(f'"const": "{kind}"' in printed for kind in ("diffusion", "logistic", "head_tail"))


def test_nights_go_into_the_store(python, folder):
    first = run(python, "-m", "kpi", "batch", "nightly.toml", cwd=folder)
    assert "1 period scored" in first.stderr + first.stdout
    again = run(python, "-m", "kpi", "batch", "nightly.toml", cwd=folder)
    assert "unchanged" in again.stderr + again.stdout
    more = (folder / "survey.ltsv").read_text("utf-8").replace("2024Q1", "2024Q2").replace("60", "50")
    with (folder / "survey.ltsv").open("a", encoding="utf-8") as file:
        file.write(more)
    run(python, "-m", "kpi", "batch", "nightly.toml", cwd=folder)
    whole = run(python, "-m", "kpi", "batch", "nightly.toml", "--check-store", cwd=folder)
    assert "whole" in whole.stdout + whole.stderr
    for number in ("1", "2"):
        run(python, "-m", "kpi", "batch", "nightly.toml", "--verify", "--run", number, cwd=folder)


def test_a_damaged_store_is_reported(python, folder):
    run(python, "-m", "kpi", "batch", "nightly.toml", cwd=folder)
    file = folder / "results.sqlite"
    content = bytearray(file.read_bytes())
    content[100:5000] = bytes(4900)
    file.write_bytes(content)
    done = run(python, "-m", "kpi", "batch", "nightly.toml", "--check-store", cwd=folder, code=1)
    assert "K833" in done.stderr + done.stdout
