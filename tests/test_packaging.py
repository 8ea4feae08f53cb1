"""What `pip install` gives: the wheel of a complete source distribution, installed where no checkout is."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SYSTEM = "jiaxing-2022"
SAMPLES = [ROOT / "sample_data" / SYSTEM / name for name in ("reports.csv", "cases.csv")]
DEFINITIONS = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("definitions/**/*") if path.is_file()}

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Return what a command prints that must succeed, run without the settings of the Python around it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("KPI_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{(done.stdout + done.stderr).decode()}"
    return done.stdout.decode()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the source distribution: what that forgets is missing here too."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The programs' directory of a new environment that holds the wheel and what it requires, nothing else."""
    home = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", home / "env", cwd=home)
    programs = home / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel, cwd=home)
    return programs


def test_the_wheel_holds_every_module_and_definition(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    code = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("kpi/**/*.py")}
    assert {f"kpi/{name}" for name in DEFINITIONS} <= names
    assert code <= names
    assert f"kpi/definitions/{SYSTEM}.yaml" in names


def test_the_wheel_holds_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"kpi", "kpi_scorecard"}
    assert not [name for name in names if "__pycache__" in name or "/test" in name]


def test_the_wheel_is_licensed(wheel):
    archive = zipfile.ZipFile(wheel)
    (licence,) = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    assert "Apache License" in archive.read(licence).decode()


def test_the_package_is_imported_from_where_it_was_installed(installed, tmp_path):
    place = run(installed / "python", "-c", "import kpi; print(kpi.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)


def test_a_shipped_system_scores_a_file_by_its_id(installed, tmp_path):
    printed = run(installed / "kpi", "score", *SAMPLES, "--system", SYSTEM, "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert {"嘉善县", "海宁市"} <= {row["entity"] for row in rows}
    assert any(float(row["score"]) > 0 for row in rows if row["score"])
