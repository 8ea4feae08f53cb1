"""Class of wrong answer: a column of the roster of another year, where the entity's rows differ with time."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi

YEARS = ["2024", "2025"]


def scored(folder: Path, roster: str, definition: str, rows: dict[str, list]) -> kpi.Scorecard:
    (folder / "roster.csv").write_text(roster, "utf-8")
    text = "system: s\nperiod: year\nentities: {roster: roster.csv}\n" + definition
    (folder / "s.yaml").write_text(text, "utf-8")
    return kpi.score(pl.DataFrame(rows), system=str(folder / "s.yaml"))


WEIGHTS = """
measures: {x: {unit: 分}, y: {unit: 分}}
indicators: {a: {kind: level, of: x}, b: {kind: level, of: y}}
scoring: {kind: goalposts, low: 0, high: 100}
pillars:
  p:
    weight: 100
    parts:
      a: {by: COLUMN, values: {工业县: 80, 生态县: 10}}
      b: {by: COLUMN, values: {工业县: 20, 生态县: 90}}
"""


@pytest.mark.parametrize(
    ("heading", "column", "ranking"),
    [
        ("cohort", "cohort", ""), ("分组", "cohort", ""), ("分组", "分组", ""), ("类别", "类别", ""),
        ("类别", "类别", "ranking: {cohort: 类别}\n"), ("类别", "cohort", "ranking: {cohort: 类别}\n"),
    ],
)  # fmt: skip
def test_weights_are_those_of_the_row_that_holds(tmp_path, heading, column, ranking):
    """(50 x 80 + 80 x 20)/100 = 56 as 工业县, (50 x 10 + 80 x 90)/100 = 77 as 生态县."""
    roster = f"entity,code,{heading},valid_from,valid_to\nA,1,工业县,,2024\nA,1,生态县,2025,\nB,2,生态县,,\n"
    rows = {"期别": YEARS * 2, "地区": ["A", "A", "B", "B"], "x": [50, 50, 50, 50], "y": [80, 80, 80, 80]}
    card = scored(tmp_path, roster, WEIGHTS.replace("COLUMN", column) + ranking, rows)
    scores = {(row["entity"], row["period"]): row["score"] for row in card.totals.iter_rows(named=True)}
    assert scores == {("A", "2024"): 56, ("A", "2025"): 77, ("B", "2024"): 77, ("B", "2025"): 77}
    if ranking or column == "cohort":
        places = {(row["entity"], row["period"]): (row["cohort"], row["rank"], row["of"])
                  for row in card.totals.iter_rows(named=True)}  # fmt: skip
        assert places == {
            ("A", "2024"): ("工业县", 1, 1), ("B", "2024"): ("生态县", 1, 1),
            ("A", "2025"): ("生态县", 1, 2), ("B", "2025"): ("生态县", 1, 2),
        }  # fmt: skip


def test_rules_and_groups_are_those_of_the_row_that_holds(tmp_path):
    """60 of 80 is 75 % as 工业县 and 60 of 100 is 60 % as 生态县."""
    roster = "entity,cohort,片区,valid_from,valid_to\nA,工业县,东,,2024\nA,生态县,西,2025,\nB,生态县,西,,\n"
    definition = """
measures: {x: {unit: 分}}
indicators:
  a:
    kind: level
    of: x
    score: {by: cohort, values: {工业县: {kind: goalposts, low: 0, high: 80},
                                 生态县: {kind: goalposts, low: 0, high: 100}}}
pillars: {p: {weight: 100, parts: {a: 1}}}
groups: {area: {column: 片区}}
ranking: {within: [area]}
"""
    rows = {"期别": YEARS * 2, "地区": ["A", "A", "B", "B"], "x": [60, 60, 70, 70]}
    card = scored(tmp_path, roster, definition, rows)
    got = [(row["score"], row["rank"], row["of"]) for row in card.totals.sort("entity", "period").iter_rows(named=True)]
    assert got == [(75, 1, 1), (60, 2, 2), (70, 1, 1), (70, 1, 2)]


TARGETS = """
measures: {x: {unit: 件}}
indicators: {a: {kind: level, of: x, target: {at_least: BOUND}, score: {kind: completion}}}
"""


def test_targets_by_value_are_those_of_the_row_that_holds(tmp_path):
    """4 of 8 is 50 % in 2024, 4 of 5 is 80 % in 2025."""
    roster = "entity,code,功能区,valid_from,valid_to\n丙县,3,工业县,,2024\n丙县,3,生态县,2025,\n"
    bound = "{by: 功能区, values: {工业县: 8, 生态县: 5}}"
    rows = {"期别": YEARS, "地区": ["丙县"] * 2, "x": [4, 4]}
    card = scored(tmp_path, roster, TARGETS.replace("BOUND", bound), rows)
    assert card.indicators.sort("period")["score"].to_list() == pytest.approx([50, 80])
    lacking = scored(tmp_path, roster, TARGETS.replace("BOUND", bound.replace("工业县: 8, ", "")), rows)
    assert "K643" in {finding.code for finding in lacking.findings_list}
    assert "K643" in {finding.code for finding in kpi.session.checked(str(tmp_path / "s.yaml")).findings}


def test_shares_are_of_the_rows_that_hold(tmp_path):
    """Of 100, 10 of 10 + 10 is 50 in 2024, and 30 of 30 + 10 is 75 in 2025."""
    roster = "entity,code,人口,valid_from,valid_to\n丙县,3,10,,2024\n丙县,3,30,2025,\n丁县,4,10,,\n"
    rows = {"期别": YEARS * 2, "地区": ["丙县"] * 2 + ["丁县"] * 2, "x": [25] * 4}
    card = scored(tmp_path, roster, TARGETS.replace("BOUND", "{share: 人口, total: 100}"), rows)
    targets = card.frame.sort("entity", "period")["a.target"].to_list()
    assert targets == pytest.approx([50, 75, 50, 25])


def test_a_former_class_without_a_weight_is_reported(tmp_path):
    """By `cohort`, as by every other column: 山区县 held until 2024 and has no weight."""
    roster = "entity,code,cohort,valid_from,valid_to\nA,1,山区县,,2024\nA,1,生态县,2025,\n"
    rows = {"期别": YEARS, "地区": ["A", "A"], "x": [50, 50], "y": [80, 80]}
    card = scored(tmp_path, roster, WEIGHTS.replace("COLUMN", "cohort"), rows)
    assert dict(card.totals.select("period", "score").rows()) == {"2024": None, "2025": 77}
    assert any("山区县" in str(item.message) for item in card.findings_list if item.code == "K426")
