"""Alerts are reported once when they begin and once when they end, in a scoring and from night to night."""

from __future__ import annotations

import json

import pytest
from city import SYSTEM

import kpi
from kpi.analysis.alert_findings import ALERTS
from kpi.batch.batch_run import archive_of, run, store_of
from kpi.batch.config import load
from kpi.batch.notifications import write_note, write_summary
from kpi.batch.replay import verified
from kpi.errors import Severity
from kpi.language.alerts import results
from kpi.language.loading.cross_references import RESERVED
from kpi.language.loading.loader import examine_text
from tests.soundness.small_evaluation import examined, small_card

NOTIFY = "notify:\n  low: {title: 产值偏低, when: made < 50}\n"
HIGH, LOW = [100.0, 100, 100], [100.0, 40, 100]


@pytest.fixture
def alerted(city):
    """A city with an alert and three quarters, of which none is low."""
    for file in (city.folder / "inbox").glob("*.csv"):
        file.unlink()
    (city.folder / "small.yaml").write_text(SYSTEM + NOTIFY, "utf-8")
    for quarter in ("2021Q1", "2021Q2", "2021Q3"):
        city.report(quarter, created=HIGH)
    return city


def night(city, store='store = "store"'):
    result = run(load(city.config(store=store)))
    assert result.failed == []
    (outcome,) = result.outcomes
    return [(alert.code, alert.place.entity, alert.place.period) for alert in outcome.alerts], result


def scored(city, **options):
    card = kpi.score(sorted((city.folder / "inbox").glob("*.csv")), system=city.folder / "small.yaml", **options)
    rows = card.findings.filter(card.findings["code"].is_in(["K652", "K653", "K654"]))
    return rows.select("code", "entity", "period").rows()


def test_a_scoring_reports_beginning_and_end_and_what_holds_on_at_the_end(alerted):
    assert scored(alerted) == []
    alerted.report("2021Q2", created=LOW)
    assert scored(alerted) == [("K652", "乙县", "2021Q2"), ("K654", "乙县", "2021Q3")]
    alerted.report("2021Q3", created=LOW)
    assert scored(alerted) == [("K652", "乙县", "2021Q2"), ("K653", "乙县", "2021Q3")]
    assert scored(alerted, period="2021Q2") == [("K652", "乙县", "2021Q2")]
    assert scored(alerted, period="2021Q3") == [("K653", "乙县", "2021Q3")]


def test_an_alert_of_the_first_period_begins_there(alerted):
    alerted.report("2021Q1", created=LOW)
    assert scored(alerted) == [("K652", "乙县", "2021Q1"), ("K654", "乙县", "2021Q2")]


def test_a_missing_figure_neither_begins_nor_ends_an_alert(alerted):
    alerted.report("2021Q1", created=LOW)
    file = alerted.folder / "inbox" / "2021Q2.csv"
    file.write_text(file.read_text("utf-8").replace("乙县,产值,100,", "乙县,产值,—,"), "utf-8")
    assert scored(alerted) == [("K652", "乙县", "2021Q1")]


def test_nights_report_an_alert_once_when_it_begins_and_once_when_it_ends(alerted, store):
    assert night(alerted, store)[0] == []
    alerted.report("2021Q4", created=LOW)
    assert night(alerted, store)[0] == [("K652", "乙县", "2021Q4")]
    assert night(alerted, store)[0] == []
    alerted.report("2022Q1", created=LOW)
    assert night(alerted, store)[0] == []
    alerted.report("2021Q2", created=[101.0, 100, 100])
    assert night(alerted, store)[0] == []
    alerted.report("2022Q2", created=HIGH)
    assert night(alerted, store)[0] == [("K654", "乙县", "2022Q2")]
    assert night(alerted, store)[0] == []


def test_a_correction_withdraws_an_alert(alerted):
    alerted.report("2021Q3", created=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    alerted.report("2021Q3", created=HIGH)
    assert night(alerted)[0] == [("K655", "乙县", "2021Q3")]


def test_a_correction_withdraws_the_alert_that_was_reported_and_ends_no_older_alert(alerted):
    # Nobody was sent the alert of Q1, which ended in Q2, before the first night.
    alerted.report("2021Q1", created=LOW)
    (alerted.folder / "inbox" / "2021Q3.csv").unlink()
    assert night(alerted)[0] == []
    alerted.report("2021Q3", created=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    alerted.report("2021Q3", created=HIGH)
    assert night(alerted)[0] == [("K655", "乙县", "2021Q3")]
    assert night(alerted)[0] == []
    alerted.report("2021Q3", created=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]


@pytest.mark.parametrize("absent", ["cell", "row", "file"])
def test_an_alert_whose_figure_is_missing_for_a_night_stays_as_it_is(alerted, absent):
    file = alerted.folder / "inbox" / "2021Q3.csv"
    alerted.report("2021Q3", created=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    text = file.read_text("utf-8")
    line = "2021Q3,乙县,产值,40,亿元\n"
    assert line in text
    if absent == "file":
        file.unlink()
    else:
        file.write_text(text.replace(line, line.replace("40", "—") if absent == "cell" else ""), "utf-8")
    assert night(alerted)[0] == []
    file.write_text(text, "utf-8")
    assert night(alerted)[0] == []
    alerted.report("2021Q3", created=HIGH)
    assert night(alerted)[0] == [("K655", "乙县", "2021Q3")]


def test_an_alert_ends_once_where_a_later_figure_is_known(alerted):
    file = alerted.folder / "inbox" / "2021Q3.csv"
    alerted.report("2021Q3", created=LOW)
    night(alerted)
    text = file.read_text("utf-8")
    file.write_text(text.replace("乙县,产值,40,", "乙县,产值,—,"), "utf-8")
    alerted.report("2021Q4", created=HIGH)
    assert night(alerted)[0] == [("K654", "乙县", "2021Q4")]
    file.write_text(text, "utf-8")
    assert night(alerted)[0] == []
    alerted.report("2022Q1", created=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2022Q1")]


def test_a_note_is_in_the_language_in_use(alerted, tmp_path):
    alerted.report("2021Q3", created=LOW)
    with kpi.using_language("zh"):
        _, result = night(alerted)
        note = write_note(tmp_path, result).read_text("utf-8")
    assert "警告 K652" in note
    assert "warning" not in note


def test_a_first_night_reports_what_holds_and_nothing_of_the_past(alerted):
    alerted.report("2021Q1", created=LOW)
    alerted.report("2021Q3", created=[40.0, 100, 100])
    assert night(alerted)[0] == [("K652", "甲县", "2021Q3")]


def test_an_alert_in_another_language_is_the_same(alerted):
    alerted.report("2021Q3", created=LOW)
    with kpi.using_language("zh"):
        assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    with kpi.using_language("en"):
        alerted.report("2021Q4", created=LOW)
        assert night(alerted)[0] == []


def test_a_note_has_the_alerts_that_are_news(alerted, tmp_path):
    alerted.report("2021Q3", created=LOW)
    _, result = night(alerted)
    note = write_note(tmp_path, result).read_text("utf-8")
    assert "产值偏低" in note
    write_summary(tmp_path / "summary.json", result)
    assert len(json.loads((tmp_path / "summary.json").read_text("utf-8"))["alerts"]) == 1
    alerted.report("2021Q4", created=LOW)
    _, result = night(alerted)
    assert "产值偏低" not in write_note(tmp_path, result).read_text("utf-8")


def test_a_night_with_alerts_can_be_computed_again(alerted):
    alerted.report("2021Q3", created=LOW)
    night(alerted)
    alerted.report("2021Q4", created=LOW)
    night(alerted)
    config = load(alerted.config())
    (verification,) = verified(store_of(config), archive_of(config))
    assert not verification.findings


@pytest.mark.parametrize(
    ("when", "code"), [("made < 50 件", "K121"), ("nothing < 50", "K203"), ("made + 1", "K302"), ("made <", "K120")]
)
def test_a_condition_of_an_alert_is_checked(when, code):
    text = SYSTEM.replace(", roster: roster.csv", "") + f"notify:\n  low: {{when: '{when}'}}\n"
    (finding,) = examine_text(text).findings
    assert (finding.code, finding.severity) == (code, Severity.ERROR)


# ---- ALERTS ON RESULTS ---- #

RESULTS = """
    measures: {x: {unit: 分}, y1: {unit: 分}}
    indicators: {i: {kind: level, of: x}, j: {kind: level, of: y1}}
    scoring: {kind: goalposts, low: 0, high: 100}
    stars: {kind: bands, cuts: {2: 60, 1: 0}}
    pillars: {p: {title: 经济, weight: 100, parts: {i: 60, j: 40}}, h: {title: 韧性, weight: 0, parts: {i: 1}}}
    notify: {one: {when: WHEN}}
"""
#: 甲 has 80, 50, 90 in three years, 乙 always 70.
ROWS = [(2021 + at, who, name, value) for who, values in (("甲", (80, 50, 90)), ("乙", (70, 70, 70)))
        for at, value in enumerate(values) for name in ("x", "y1")]  # fmt: skip
FALLS = [("K652", "甲", "2022"), ("K654", "甲", "2023")]
PLACES = [
    ("K652", "乙", "2021"),
    ("K654", "乙", "2022"),
    ("K652", "甲", "2022"),
    ("K652", "乙", "2023"),
    ("K654", "甲", "2023"),
]


def reported(card):
    return [(item.code, item.place.entity, item.place.period) for item in card.findings_list if item.code in ALERTS]


@pytest.mark.parametrize(
    ("when", "expected", "words"),
    [
        ("score < 60", FALLS, "Total < 60"),
        ("score < 60 AND x > 5", FALLS, "Total < 60 AND x > 5"),
        ("p < 55", FALLS, "经济 < 55"),
        ("h <= 50", FALLS, "韧性 <= 50"),
        ("stars = 1", FALLS, "Stars = 1"),
        ("rank > 1", PLACES, "Rank > 1"),
        (
            "rank_change < 0",
            [("K652", "甲", "2022"), ("K652", "乙", "2023"), ("K654", "甲", "2023")],
            "Rank change < 0",
        ),
        ("score_change < -20", FALLS, "Score change < -20"),
    ],
)
def test_alerts_on_pillars_headlines_and_totals(when, expected, words):
    card = small_card(RESULTS.replace("WHEN", when), *ROWS)
    assert sorted(reported(card)) == sorted(expected)
    begins = next(item for item in card.findings_list if item.code == "K652")
    assert str(begins.message) == f"alert one begins: {words}"


def test_the_names_of_totals_are_no_names_of_figures():
    assert set(results({}, totals=True, stars=True)) <= RESERVED


def test_what_a_system_has_not_is_no_name_of_an_alert():
    text = RESULTS.replace("WHEN", "stars = 1").replace("    stars: {kind: bands, cuts: {2: 60, 1: 0}}\n", "")
    assert [item.code for item in examined(text).findings] == ["K203"]
    (unknown,) = examined(RESULTS.replace("WHEN", "scores < 60")).findings
    assert (unknown.code, unknown.hint) == ("K203", "did you mean `score`?")
    assert [item.code for item in examined(RESULTS.replace("WHEN", "rank > p")).findings] == ["K301"]


def test_nights_report_alerts_on_totals_once(alerted, store):
    text = SYSTEM + "notify:\n  low: {when: rank > 2 AND 建设 < 101}\n"
    text = text.replace("growth: {kind: growth, of: made, over: 1y, target: {at_least: 5}}",
                        "growth: {kind: level, of: made, target: {at_least: 200}}")  # fmt: skip
    (alerted.folder / "small.yaml").write_text(text, "utf-8")
    for quarter in ("2021Q1", "2021Q2", "2021Q3"):
        alerted.report(quarter, created=[90.0, 100, 110])
    assert night(alerted, store)[0] == [("K652", "甲县", "2021Q1")]
    assert night(alerted, store)[0] == []
    alerted.report("2021Q4", created=[120.0, 100, 110])
    assert set(night(alerted, store)[0]) == {("K652", "乙县", "2021Q4"), ("K654", "甲县", "2021Q4")}
    config = load(alerted.config(store=store))
    (verification,) = verified(store_of(config), archive_of(config))
    assert not verification.findings


def test_a_system_without_alerts_has_no_stage_of_them():
    from kpi.engine.plan import compile_plan

    plain = examine_text(SYSTEM.replace(", roster: roster.csv", "")).system
    assert not [stage.name for stage in compile_plan(plain).stages if stage.name.startswith("alerts")]
