"""Alerts are reported once when they begin and once when they end, in a scoring and from night to night."""

from __future__ import annotations

import json

import pytest
from city import SYSTEM

import kpi
from kpi.batch.batch_run import archive_of, run, store_of
from kpi.batch.config import load
from kpi.batch.notifications import write_note, write_summary
from kpi.batch.replay import verified
from kpi.errors import Severity
from kpi.language.loading.loader import examine_text

NOTIFY = "notify:\n  low: {title: 产值偏低, when: made < 50}\n"
HIGH, LOW = [100.0, 100, 100], [100.0, 40, 100]


@pytest.fixture
def alerted(city):
    """A city with an alert and three quarters, of which none is low."""
    for file in (city.folder / "inbox").glob("*.csv"):
        file.unlink()
    (city.folder / "small.yaml").write_text(SYSTEM + NOTIFY, "utf-8")
    for quarter in ("2021Q1", "2021Q2", "2021Q3"):
        city.report(quarter, made=HIGH)
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
    alerted.report("2021Q2", made=LOW)
    assert scored(alerted) == [("K652", "乙县", "2021Q2"), ("K654", "乙县", "2021Q3")]
    alerted.report("2021Q3", made=LOW)
    assert scored(alerted) == [("K652", "乙县", "2021Q2"), ("K653", "乙县", "2021Q3")]
    assert scored(alerted, period="2021Q2") == [("K652", "乙县", "2021Q2")]
    assert scored(alerted, period="2021Q3") == [("K653", "乙县", "2021Q3")]


def test_an_alert_of_the_first_period_begins_there(alerted):
    alerted.report("2021Q1", made=LOW)
    assert scored(alerted) == [("K652", "乙县", "2021Q1"), ("K654", "乙县", "2021Q2")]


def test_a_missing_figure_neither_begins_nor_ends_an_alert(alerted):
    alerted.report("2021Q1", made=LOW)
    file = alerted.folder / "inbox" / "2021Q2.csv"
    file.write_text(file.read_text("utf-8").replace("乙县,产值,100,", "乙县,产值,—,"), "utf-8")
    assert scored(alerted) == [("K652", "乙县", "2021Q1")]


def test_nights_report_an_alert_once_when_it_begins_and_once_when_it_ends(alerted, store):
    assert night(alerted, store)[0] == []
    alerted.report("2021Q4", made=LOW)
    assert night(alerted, store)[0] == [("K652", "乙县", "2021Q4")]
    assert night(alerted, store)[0] == []
    alerted.report("2022Q1", made=LOW)
    assert night(alerted, store)[0] == []
    alerted.report("2021Q2", made=[101.0, 100, 100])
    assert night(alerted, store)[0] == []
    alerted.report("2022Q2", made=HIGH)
    assert night(alerted, store)[0] == [("K654", "乙县", "2022Q2")]
    assert night(alerted, store)[0] == []


def test_a_correction_withdraws_an_alert(alerted):
    alerted.report("2021Q3", made=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    alerted.report("2021Q3", made=HIGH)
    assert night(alerted)[0] == [("K655", "乙县", "2021Q3")]


def test_a_correction_withdraws_the_alert_that_was_reported_and_ends_no_older_alert(alerted):
    # Nobody was sent the alert of Q1, which ended in Q2, before the first night.
    alerted.report("2021Q1", made=LOW)
    (alerted.folder / "inbox" / "2021Q3.csv").unlink()
    assert night(alerted)[0] == []
    alerted.report("2021Q3", made=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    alerted.report("2021Q3", made=HIGH)
    assert night(alerted)[0] == [("K655", "乙县", "2021Q3")]
    assert night(alerted)[0] == []
    alerted.report("2021Q3", made=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]


@pytest.mark.parametrize("absent", ["cell", "row", "file"])
def test_an_alert_whose_figure_is_missing_for_a_night_stays_as_it_is(alerted, absent):
    file = alerted.folder / "inbox" / "2021Q3.csv"
    alerted.report("2021Q3", made=LOW)
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
    alerted.report("2021Q3", made=HIGH)
    assert night(alerted)[0] == [("K655", "乙县", "2021Q3")]


def test_an_alert_ends_once_where_a_later_figure_is_known(alerted):
    file = alerted.folder / "inbox" / "2021Q3.csv"
    alerted.report("2021Q3", made=LOW)
    night(alerted)
    text = file.read_text("utf-8")
    file.write_text(text.replace("乙县,产值,40,", "乙县,产值,—,"), "utf-8")
    alerted.report("2021Q4", made=HIGH)
    assert night(alerted)[0] == [("K654", "乙县", "2021Q4")]
    file.write_text(text, "utf-8")
    assert night(alerted)[0] == []
    alerted.report("2022Q1", made=LOW)
    assert night(alerted)[0] == [("K652", "乙县", "2022Q1")]


def test_a_note_is_in_the_language_in_use(alerted, tmp_path):
    alerted.report("2021Q3", made=LOW)
    with kpi.using_language("zh"):
        _, result = night(alerted)
        note = write_note(tmp_path, result).read_text("utf-8")
    assert "警告 K652" in note
    assert "warning" not in note


def test_a_first_night_reports_what_holds_and_nothing_of_the_past(alerted):
    alerted.report("2021Q1", made=LOW)
    alerted.report("2021Q3", made=[40.0, 100, 100])
    assert night(alerted)[0] == [("K652", "甲县", "2021Q3")]


def test_an_alert_in_another_language_is_the_same(alerted):
    alerted.report("2021Q3", made=LOW)
    with kpi.using_language("zh"):
        assert night(alerted)[0] == [("K652", "乙县", "2021Q3")]
    with kpi.using_language("en"):
        alerted.report("2021Q4", made=LOW)
        assert night(alerted)[0] == []


def test_a_note_has_the_alerts_that_are_news(alerted, tmp_path):
    alerted.report("2021Q3", made=LOW)
    _, result = night(alerted)
    note = write_note(tmp_path, result).read_text("utf-8")
    assert "产值偏低" in note
    write_summary(tmp_path / "summary.json", result)
    assert len(json.loads((tmp_path / "summary.json").read_text("utf-8"))["alerts"]) == 1
    alerted.report("2021Q4", made=LOW)
    _, result = night(alerted)
    assert "产值偏低" not in write_note(tmp_path, result).read_text("utf-8")


def test_a_night_with_alerts_can_be_computed_again(alerted):
    alerted.report("2021Q3", made=LOW)
    night(alerted)
    alerted.report("2021Q4", made=LOW)
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


def test_a_system_without_alerts_has_no_stage_of_them():
    from kpi.engine.plan import compile_plan

    plain = examine_text(SYSTEM.replace(", roster: roster.csv", "")).system
    assert "alerts" not in [stage.name for stage in compile_plan(plain).stages]
