"""Durations and working days by every command and path: a batch, a comparison, one period, a roster, large files."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.batch.batch_run import store_of
from kpi.batch.config import load
from kpi.cli.main import main
from kpi.intake.events import mergeable, ordered
from kpi.intake.files import chunks, pieces

DEFINITION = """system: dates
period: month
entities: {title: 镇ROSTER}
calendar: days.csv
datasets: {bj: {form: records, columns: {period: 办结时间, entity: 镇}}}
measures:
  every:  {kind: count, unit: 件}
  soon:   {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 5 天}
  kept:   {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 时限}
  july:   {kind: count, unit: 件, where: weekday(受理时间) < 6 AND 受理时间 >= '2025-07-01'}
  open:   {kind: count, unit: 件, where: period_end - 受理时间 > 10 天}
  wait:   {kind: mean, unit: 天, of: 办结时间 - 受理时间}
  middle: {kind: median, unit: 小时, of: 办结时间 - 受理时间}
  within: {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 5 工作日}
  days:   {kind: mean, unit: 工作日, of: 办结时间 - 受理时间}
  half:   {kind: median, unit: 工作日, of: 办结时间 - 受理时间}
  most:   {kind: max, unit: 工作日, of: 办结时间 - 受理时间 - 时限}
indicators:
  rate:   {kind: ratio, numerator: within, denominator: every, unit: '%', target: {at_least: 90}}
  slow:   {kind: level, of: days, target: {at_most: 4}}
  faster: {kind: growth, of: wait, over: 1m, target: {at_most: 10}}
pillars: {p: {parts: {rate: 1, slow: 1, faster: 1}}}
"""
CALENDAR = "date,working\n2025-05-01,no\n2025-05-02,no\n2025-05-05,no\n2025-04-27,yes\n2025-06-02,no\n"


def rows(months: range, extra: int = 0) -> str:
    lines = ["受理时间,办结时间,镇,时限（工作日）"]
    for n in range(360):
        end = date(2025, months[n % len(months)], 2 + n * 7 % 26)
        start = end - timedelta(days=(n * 11 + extra) % 19)
        lines.append(f"{start} {n % 24:02}:{n % 60:02},{end} {n * 5 % 24:02}:00,{'甲乙丙'[n % 3]},{n % 8}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def texts() -> tuple[str, str]:
    return rows(range(4, 8)), rows(range(4, 8), extra=3)


@pytest.fixture
def home(tmp_path, texts) -> Path:
    (tmp_path / "days.csv").write_text(CALENDAR, "utf-8")
    (tmp_path / "s.yaml").write_text(DEFINITION.replace("ROSTER", ""), "utf-8")
    (tmp_path / "d.csv").write_text(texts[0], "utf-8")
    return tmp_path


def run(*args: object) -> str:
    done = CliRunner().invoke(main, [str(item) for item in args])
    assert done.exit_code == 0, done.output
    return done.output


COLUMNS = ["period", "entity", "measure", "value", "status"]


def measures(card: kpi.Scorecard) -> pl.DataFrame:
    return card.measures.select(COLUMNS)


def test_one_period_is_as_all_periods_say(home):
    every = kpi.score(home / "d.csv", system=home / "s.yaml")
    assert every.measures["status"].eq("ok").all()
    for period in ("2025-05", "2025-07"):
        card = kpi.score(home / "d.csv", system=home / "s.yaml", period=period)
        assert measures(card).equals(measures(every).filter(pl.col("period") == period))
        assert card.indicators.equals(every.indicators.filter(pl.col("period") == period))
        assert card.counts["passed_over"] > 0


def test_a_roster_changes_no_figure(home):
    every = kpi.score(home / "d.csv", system=home / "s.yaml")
    (home / "roster.csv").write_text("entity,aliases\n甲镇,甲\n乙镇,乙\n丙镇,丙\n", "utf-8")
    (home / "r.yaml").write_text(DEFINITION.replace("ROSTER", ", roster: roster.csv"), "utf-8")
    listed = kpi.score(home / "d.csv", system=home / "r.yaml")
    key = ["period", "entity", "measure"]
    named = measures(listed).with_columns(pl.col("entity").str.strip_suffix("镇")).sort(key)
    assert named.equals(measures(every).sort(key))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_large_files_and_buckets_give_the_same(home, monkeypatch, suffix):
    every = kpi.score(home / "d.csv", system=home / "s.yaml")
    file = home / f"large.{suffix}"
    frame = pl.read_csv(home / "d.csv")
    if suffix == "parquet":
        times = pl.col("受理时间", "办结时间").str.to_datetime("%Y-%m-%d %H:%M")
        frame.with_columns(times).write_parquet(file, row_group_size=50)
    else:
        frame.write_csv(file)
    monkeypatch.setattr(mergeable, "SMALL", 0)
    monkeypatch.setattr(mergeable, "_HEAD", 20)
    monkeypatch.setattr(ordered, "CELLS", 200)
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    assert measures(kpi.score(file, system=home / "s.yaml")).equals(measures(every))
    assert run("check", home / "s.yaml", "--data", file, "-q")


def test_a_batch_publishes_what_score_says_and_scores_again_when_the_calendar_changes(home):
    (home / "nightly.toml").write_text('store = "store"\n[[source]]\nsystem = "s.yaml"\ndata = "d.csv"\n', "utf-8")

    def published() -> pl.DataFrame:
        run("batch", home / "nightly.toml")
        result = store_of(load(home / "nightly.toml")).read("measures")
        return result.sort("period", "position").select(COLUMNS)

    def scored() -> pl.DataFrame:
        return measures(kpi.score(home / "d.csv", system=home / "s.yaml"))

    first = published()
    assert first.equals(scored().cast(dict(first.schema)))
    (home / "days.csv").write_text(CALENDAR + "2025-07-03,no\n2025-07-04,no\n", "utf-8")
    second = published()
    assert second.equals(scored().cast(dict(second.schema)))
    moved = first.filter(pl.col("value") != second["value"])["measure"].unique()
    assert {"within", "days"} <= set(moved) <= {"within", "days", "half", "most", "kept"}


def test_a_comparison_has_the_figures_of_both_files(home, texts):
    (home / "e.csv").write_text(texts[1], "utf-8")
    reports = json.loads(run("diff", home / "d.csv", home / "e.csv", "-s", home / "s.yaml", "-f", "json", "-q"))
    before, after = (measures(kpi.score(home / name, system=home / "s.yaml")) for name in ("d.csv", "e.csv"))
    both = before.join(after, on=["period", "entity", "measure"], suffix="_after")
    moved = both.filter(pl.col("value") != pl.col("value_after")).height
    assert len(reports["figures"]) == moved > 80
    reports = json.loads(
        run("diff", "2025-05", "2025-06", "--data", home / "d.csv", "-s", home / "s.yaml", "-f", "json", "-q")
    )
    assert {item["measure"] for item in reports["figures"]} >= {"within", "days", "wait", "middle"}
    assert run("stress", home / "d.csv", "-s", home / "s.yaml", "--runs", 5, "-q")
