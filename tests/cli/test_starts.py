"""Every kind of first system works as it is written, and its commands run."""

from __future__ import annotations

import csv
import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kpi.cli import starter
from kpi.cli.init import init as command
from kpi.cli.main import main
from kpi.errors import Severity
from kpi.language.loading.loader import examine

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", starter.KIND_NAMES)
def test_a_kind_is_written_and_its_commands_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["init", "--kind", name, "first"])
    assert done.exit_code == 0, done.stderr
    steps = done.stdout.splitlines()
    assert steps[0] == "cd first"
    monkeypatch.chdir(tmp_path / "first")
    for step in steps[1:]:
        after = CliRunner().invoke(main, shlex.split(step)[1:])
        assert after.exit_code == 0, (step, after.stderr)
        assert "error" not in after.stderr
    definition = next(item for item in (tmp_path / "first").glob("*.yaml"))
    assert [item for item in examine(definition).findings if item.severity is not Severity.INFO] == []


def test_a_kind_does_not_overwrite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["init", "--kind", "index"]).exit_code == 0
    again = CliRunner().invoke(main, ["init", "--kind", "index"])
    assert (again.exit_code, "K540" in again.stderr) == (2, True)


def test_an_unknown_kind_is_refused_with_those_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["init", "--lang", "en", "--kind", "亩产"])
    assert done.exit_code == 2
    assert "亩均" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_option_offers_every_kind():
    option = next(item for item in command.params if item.name == "kind")
    assert sorted(option.type.choices) == sorted(starter.KIND_NAMES)


def test_the_data_are_those_of_the_script(tmp_path, monkeypatch):
    before = {item: item.read_bytes() for item in sorted(starter.STARTS.rglob("*.csv"))}
    script = runpy.run_path(str(ROOT / "docs/starts.py"), run_name="script")
    written = {}
    monkeypatch.setitem(script["write"].__globals__, "HERE", tmp_path)
    for kind in starter.KINDS:
        (tmp_path / kind).mkdir()
        script[kind.replace("-", "_")](script["random"].Random(2024))
    for item in before:
        written[item] = (tmp_path / item.relative_to(starter.STARTS)).read_bytes()
    assert written == before


@pytest.mark.parametrize("kind", starter.KINDS)
def test_a_roster_lists_all_units(kind):
    with (starter.STARTS / kind / "roster.csv").open(encoding="utf-8") as file:
        names = [row["entity"] for row in csv.DictReader(file)]
    assert starter.KINDS[kind][2] in names


@pytest.mark.parametrize("kind", [None, *starter.KINDS])
def test_the_comments_of_a_start_are_in_the_language_in_use(kind, tmp_path):
    from kpi.process.locale import using

    written = {}
    for language in ("en", "zh"):
        with using(language):
            files = starter.write(tmp_path / language, kind)
        (file,) = [path for path in files if path.suffix == ".yaml"]
        written[language] = file.read_text("utf-8")
    english, chinese = (
        [line for line in text.splitlines() if line.lstrip().startswith("# ") and "$schema" not in line]
        for text in written.values()
    )
    assert english
    assert not {*english} & {*chinese}
    assert all(re.search("[\u4e00-\u9fff]", line) for line in chinese)
    assert yaml.safe_load(written["en"]) == yaml.safe_load(written["zh"])
