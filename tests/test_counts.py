"""How many findings there are: all of them, however few are listed."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.batch.system_run import Outcome
from kpi.cli.main import main
from kpi.errors import number_of
from kpi.report.diagnostics import render, tally
from kpi.report.files import content
from kpi.report.markdown import LISTED, markdown

DEFINITION = """\
system: many
period: year
entities: {title: 县}
datasets: {figures: {form: reported}, wide: {form: panel}, cases: {form: records, columns: {period: 日期, entity: 县}}}
measures: {a: {title: 件数, unit: 件}, b: {kind: sum, of: 用时, unit: 天, from: cases}}
indicators: {x: {kind: level, of: a}, y: {kind: level, of: b}}
pillars: {甲: {weight: 100, parts: {x: 50, y: 50}}}
"""
BAD, GOOD = 3361, 10


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(DEFINITION, "utf-8")
    return tmp_path


def written(name, rows):
    pl.DataFrame(rows).write_csv(name)
    return name


def units():
    return [f"第{number}县" for number in range(BAD + GOOD)]


def files():
    cells = ["约5"] * BAD + ["5"] * GOOD
    years = ["2023"] * len(cells)
    yield "long", written("long.csv", {"期别": years, "县": units(), "指标": ["件数"] * len(cells), "数值": cells})
    yield "wide", written("wide.csv", {"期别": years, "县": units(), "件数": cells})
    yield "events", written("events.csv", {"日期": ["2023-05-01"] * len(cells), "县": units(), "用时": cells})


def errors_in(text):
    (result,) = re.findall(r"([\d,]+) errors?\b(?!.*error)", text.splitlines()[-1])
    return int(result.replace(",", ""))


def test_every_summary_counts_all_cells(folder):
    for name, file in files():
        card = kpi.score(file, system="s.yaml")
        errors = [item for item in card.findings_list if item.severity == "error"]
        assert len(errors) < BAD
        assert number_of(errors) == BAD, name
        assert tally(errors) == f"{BAD:,} errors"
        assert f"{BAD - 5:,} more K604 errors" in render(errors)
        result = card.findings.filter(severity="error")
        assert result["stands_for"].sum() == BAD
        in_json = json.loads(content(card, "json"))["findings"]
        assert sum(item["stands_for"] for item in in_json if item["severity"] == "error") == BAD
        assert f"{number_of(card.findings_list) - LISTED:,} more are not listed" in markdown(card)
        assert Outcome("many", findings=card.findings_list).as_json()["findings"]["error"] == BAD
        for arguments in (["score", file, "-s", "s.yaml"], ["check", "s.yaml", "--data", file]):
            done = CliRunner().invoke(main, arguments)
            assert errors_in(done.stderr) == BAD, (name, arguments)


def test_a_few_are_listed_and_counted_alike(folder):
    cells = ["约5"] * 7 + ["5"]
    written("few.csv", {"期别": ["2023"] * 8, "县": units()[:8], "件数": cells})
    done = CliRunner().invoke(main, ["check", "s.yaml", "--data", "few.csv", "--output-format", "json"])
    result = [item for item in json.loads(done.stderr[: done.stderr.rindex("]") + 1]) if item["severity"] == "error"]
    assert [item["stands_for"] for item in result] == [1] * 7
    assert errors_in(done.stderr) == 7


def test_rows_with_too_many_cells_are_counted(folder):
    lines = [
        "期别,县,件数",
        *(f"2023,第{number}县,1,234" for number in range(300)),
        *(f"2023,乙{n},5" for n in range(400)),
    ]
    (folder / "ragged.csv").write_text("\n".join(lines) + "\n", "utf-8")
    result = [item for item in kpi.check("s.yaml", data="ragged.csv") if item.code == "K506"]
    assert number_of(result) == 300
