"""Every rule V1 to V14 of statistical practice: a faulty file, the finding it gives, and the figures refused for it.

`clean.csv` breaks no rule; each other file restates a few of its figures. V13 (weights and bands) is about definitions,
see tests/faulty.
"""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.language.loading.loader import examine
from kpi.language.system import System

FOLDER = Path(__file__).parent
with (FOLDER / "expected.csv").open(encoding="utf-8") as stream:
    EXPECTED = {name: list(rows) for name, rows in groupby(csv.DictReader(stream), lambda row: row["file"])}


@pytest.fixture(scope="module")
def system():
    loaded = examine(FOLDER / "system.yaml")
    assert loaded.findings == ()
    return loaded.system


def messages_of(card):
    return [
        (item.code, str(item.severity), item.place.entity or "", item.place.period or "", item.message)
        for item in card.findings_list
    ]


def refused(card):
    rows = card.measures.filter(pl.col("status") == "refused")
    return sorted(rows.select("measure", "entity", "period").rows())


def test_the_clean_file_breaks_no_rule(system):
    card = kpi.score(FOLDER / "clean.csv", system=system)
    assert (messages_of(card), refused(card)) == ([], [])
    assert card.totals["score"].null_count() == 0


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_faulty_file_gives_its_finding_and_no_other(name, system):
    card = kpi.score([FOLDER / "clean.csv", FOLDER / name], system=system)
    rows = EXPECTED[name]
    assert messages_of(card) == [
        tuple(row[key] for key in ("code", "severity", "entity", "period", "message")) for row in rows
    ]
    assert " ".join(map("/".join, refused(card))) == rows[0]["refused"]


def test_every_rule_has_a_file():
    assert {path.name for path in FOLDER.glob("v*.csv")} == set(EXPECTED)
    assert {name[:3] for name in EXPECTED} == {f"v{number:02}" for number in range(1, 15)} - {"v13"}


def test_an_error_takes_exactly_what_it_touches(system):
    """A refused figure refuses what is computed from it; everything else has the score it would have without."""
    clean = kpi.score(FOLDER / "clean.csv", system=system)
    faulty = kpi.score([FOLDER / "clean.csv", FOLDER / "v02-part.csv"], system=system)
    keys = ["period", "entity", "indicator"]
    both = clean.indicators.join(faulty.indicators, on=keys, suffix=" then")
    changed = both.filter(pl.struct("value", "status", "score").ne_missing(
        pl.struct("value then", "status then", "score then").struct.rename_fields(["value", "status", "score"])
    ))  # fmt: skip
    assert changed.select(*keys, "status then", "score_status then").rows() == [
        ("2023Q4", "甲县", "online_rate", "refused", "refused")
    ]
    # Its weight goes to the rest, as the definition says.
    total = faulty.totals.filter(period="2023Q4", entity="甲县")
    assert total.select("score", "coverage").rows() == [(100.0, 50.0)]


def rule(check, **more):
    return System.model_validate({
        "system": "checked", "period": "quarter", "entities": {},
        "measures": {"stock": {"title": "存量", "unit": "户", "over_time": "last", "at_least": 1},
                     "base": {"title": "总数", "unit": "户", "over_time": "last", "at_least": 1}},
        "indicators": {"rate": {"kind": "ratio", "numerator": "stock", "denominator": "base", "unit": "%"},
                       "twice": {"kind": "formula", "expr": "rate * 2", "unit": "%"}},
        "checks": {"rule": check}, **more,
    })  # fmt: skip


def figures(*rows):
    return pl.DataFrame(rows, schema=["期别", "地区", "指标", "数值"], orient="row")


def test_both_sides_of_a_ratio_end_with_one_month():
    """A stock of November over one of December is no ratio."""
    frame = figures(
        ("2023-11", "甲县", "存量", "5"), ("2023-12", "甲县", "总数", "10"), ("2023-10", "甲县", "总数", "9")
    )
    card = kpi.score(frame, system=rule({"same_scope": ["stock", "base"], "severity": "error"}))
    assert [item.message for item in card.findings_list if item.code == "K701"] == [
        "rule: 存量, 总数 must end with the same month; 2023-11, 2023-12"
    ]
    assert card.indicators["status"].cast(pl.String).to_list() == ["refused", "refused"]


def test_an_error_about_an_indicator_refuses_it_and_what_comes_of_it():
    frame = figures(("2023Q4", "甲县", "存量", "11"), ("2023Q4", "甲县", "总数", "10"), ("2023Q4", "乙县", "存量", "1"),
                    ("2023Q4", "乙县", "总数", "10"))  # fmt: skip
    card = kpi.score(frame, system=rule({"expr": "rate <= 100", "severity": "error"}))
    shown = card.indicators.select("entity", "indicator", "value", pl.col("status").cast(pl.String)).rows()
    assert shown == [
        ("乙县", "rate", 10.0, "ok"), ("乙县", "twice", 20.0, "ok"),
        ("甲县", "rate", None, "refused"), ("甲县", "twice", None, "refused"),
    ]  # fmt: skip
    assert refused(card) == []
    assert kpi.score(frame, system=rule({"expr": "rate <= 100"})).indicators["value"].null_count() == 0


def others(card):
    """What is found but for the measures that these small files leave out."""
    return [item for item in card.findings_list if item.code != "K555"]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"due": "10d"}, "the data have no dates of reporting to check"),
        ({"adds_up_to": "全市", "of": "base"}, "the data have no figures of 全市 to check against"),
    ],
)
def test_a_rule_that_nothing_in_the_data_answers_is_told(check, words):
    card = kpi.score(figures(("2023Q4", "甲县", "存量", "5")), system=rule(check))
    assert [(item.code, item.message) for item in others(card)] == [("K704", f"rule: {words}")]


def test_a_day_that_cannot_be_read_is_told():
    frame = figures(("2023Q4", "甲县", "存量", "5")).with_columns(报送日期=pl.lit("下周"))
    card = kpi.score(frame, system=rule({"due": "10d"}))
    assert [(item.code, item.place.row, item.place.field) for item in card.findings_list if item.code == "K606"] == [
        ("K606", 1, "报送日期")
    ]


@pytest.mark.parametrize(
    "day", ["2024-01-11", "2024/1/11", "20240111", "2024年1月11日", "2024.01.11", "2024-01-11 08:30:00"]
)
def test_days_as_they_are_typed(day):
    frame = figures(("2023Q4", "甲县", "存量", "5")).with_columns(报送日期=pl.lit(day))
    (result,) = others(kpi.score(frame, system=rule({"due": "10d", "of": "stock"})))
    assert result.message.endswith("reported on 2024-01-11, due by 2024-01-10")


@pytest.mark.parametrize(
    ("due", "last"), [("10d", "2024-01-10"), ("2w", "2024-01-14"), ("1m", "2024-01-31"), ("0d", "2023-12-31")]
)
def test_deadlines(due, last):
    frame = figures(("2023Q4", "甲县", "存量", "5")).with_columns(报送日期=pl.lit("2024-03-01"))
    (result,) = others(kpi.score(frame, system=rule({"due": due, "of": "stock"})))
    assert result.message.endswith(f"due by {last}")


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ("{due: soon}", "K453"),
        ("{due: 10d, of: [rate]}", "K452"),
        ("{adds_up_to: 全市, of: [fee]}", "K452"),
        ("{same_scope: [gdp, gpd]}", "K203"),
        ("{roster: twice}", "K113"),
        ("{roster: once, of: [gpd]}", "K203"),
        ("{complete: [gpd]}", "K203"),
        ("{required: village}", "K407"),
        ("{expr: village > 0}", "K407"),
    ],
)
def test_faults_of_checks_are_told(tmp_path, check, code):
    file = tmp_path / "s.yaml"
    file.write_text(
        "system: s\nperiod: quarter\nentities: {}\ndatasets:\n  reports: {form: reported}\n"
        "  items: {form: records}\nmeasures:\n  gdp: {unit: 亿元}\n"
        "  fee: {kind: sum, from: items, of: 收费, unit: 元}\n"
        "  village: {kind: mean, from: items, of: 满意度, unit: '%', per: 村}\n"
        "indicators:\n  rate: {kind: level, of: gdp}\n"
        f"checks:\n  rule: {check}\n",
        "utf-8",
    )
    assert code in [item.code for item in examine(file).findings]
