"""What a definition asks for of uncertainty is in the store: intervals, limits, levels by chance, projections."""

from __future__ import annotations

import polars as pl
import pytest
from city import QUARTERS, SYSTEM
from test_nights import check, held, night

import kpi
from kpi.batch.batch_run import store_of
from kpi.batch.config import load

ASKED = (
    SYSTEM.replace(
        "indicators:\n",
        "  done: {title: 办结, unit: 件}\n  cases: {title: 受理, unit: 件}\nindicators:\n"
        "  share: {kind: ratio, numerator: done, denominator: cases, score: {kind: goalposts, low: 0, high: 100}}\n"
        "  ahead: {kind: projection, of: made, at_least: 2, target: {at_least: 150}}\n",
    ).replace("parts: {length: 2, plan: 1}", "parts: {length: 2, plan: 1, share: 3}")
    + "limits: {level: 95, of: share}\nstars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}, half: true}\n"
)
INTERVALS = ASKED + "uncertainty: {weights: 20, sampling: {share: wilson}, show: intervals}\n"


def write(city, text: str) -> None:
    (city.folder / "small.yaml").write_text(text, "utf-8")


def add_cases(city) -> None:
    for place, quarter in enumerate(QUARTERS):
        with (city.folder / "inbox" / f"{quarter}.csv").open("a", encoding="utf-8") as file:
            for unit, done in (("甲县", 70 + place), ("乙县", 80), ("丙县", 88 - place)):
                file.write(f"{quarter},{unit},办结,{done},件\n{quarter},{unit},受理,100,件\n")


def directly(city) -> kpi.Scorecard:
    files = sorted(str(file) for file in (city.folder / "inbox").glob("*.csv"))
    return kpi.score(files, system=str(city.folder / "small.yaml"))


def test_a_store_keeps_what_is_asked_for_to_the_bit(city, store):
    add_cases(city)
    write(city, INTERVALS)
    config = city.config(store=store)
    assert night(config).failed == []
    card, frames = directly(city), held(config)
    for name in ("limits", "alike", "outlook"):
        expected, stored = card.table(name), frames[name]
        assert stored.height == expected.height > 0, name
        columns = [column for column in expected.columns if column != "system"]
        keys = [key for key in ("period", "entity", "indicator") if key in columns]
        plain = expected.select(columns).with_columns(pl.selectors.by_dtype(pl.Enum).cast(pl.String))
        assert stored.select(columns).sort(keys).equals(plain.sort(keys)), name
    keys = ["period", "entity"]
    totals, stored = card.totals.sort(keys), frames["totals"].sort(keys)
    for column in ("rank_low", "rank_high", "score_low", "score_high"):
        assert stored[column].count() > 0
        assert stored[column].equals(totals[column]), column
    levels = [f"probability_{half / 2:g}" for half in range(10, -1, -1)]
    assert [name for name in stored.columns if name.startswith("probability_")] == levels
    known = stored.drop_nulls("probability_5")
    assert known.select(pl.sum_horizontal(levels)).to_series().to_list() == pytest.approx([100.0] * known.height)
    for name in (column for column in totals.columns if column.startswith("probability_")):
        assert stored[name].equals(totals[name]), name
    assert frames["indicators"].filter(indicator="share")["stars_low"].count() > 0
    check(config)


def test_a_corrected_quarter_changes_its_rows_alone_and_the_store_can_be_verified(city, store):
    add_cases(city)
    write(city, INTERVALS)
    config = city.config(store=store)
    night(config)
    before = held(config)
    file = city.folder / "inbox" / "2023Q4.csv"
    file.write_text(file.read_text("utf-8").replace("甲县,办结,81", "甲县,办结,95"), "utf-8")
    assert night(config).failed == []
    after = held(config)
    for name in ("limits", "alike"):
        old, new = (frames[name].filter(pl.col("period") != "2023Q4") for frames in (before, after))
        assert old.equals(new), name
    assert not before["limits"].equals(after["limits"])
    check(config)


def test_a_system_that_asks_for_nothing_has_no_such_table_and_none_beside_it(city, store):
    config = city.config(store=store)
    assert night(config).failed == []
    opened = store_of(load(config))
    entry = opened.head().state["systems"]["small"]
    assert not {"asked", "intervals"} & set(entry)
    for name in ("limits", "alike", "outlook"):
        assert opened.read(name, system="small").height == 0
    assert not [name for name in opened.read("totals").columns if name.startswith(("rank_low", "probability_"))]


def test_what_is_asked_for_no_longer_goes_and_comes_again(city, store):
    add_cases(city)
    write(city, INTERVALS)
    config = city.config(store=store)
    night(config)
    write(city, ASKED.replace("limits: {level: 95, of: share}\n", ""))
    assert night(config).failed == []
    frames = held(config)
    assert frames["limits"].height == frames["alike"].height == 0
    assert frames["totals"]["rank_low"].count() == 0
    check(config)
    write(city, INTERVALS)
    assert night(config).failed == []
    assert held(config)["limits"].height > 0
    check(config)


def test_a_period_without_intervals_is_a_finding_of_its_own(city, store):
    add_cases(city)
    write(city, INTERVALS)
    for quarter in QUARTERS[:3]:
        file = city.folder / "inbox" / f"{quarter}.csv"
        lines = [line for line in file.read_text("utf-8").splitlines() if "丙县" not in line]
        file.write_text("\n".join(lines) + "\n", "utf-8")
    config = city.config(store=store)
    night(config)
    findings = held(config)["findings"].filter(code="K891")
    assert sorted(findings["period"]) == QUARTERS[:3]
    city.correct("2023Q4")
    night(config)
    assert held(config)["findings"].filter(code="K891").height == findings.height
    check(config)


def test_the_spread_of_corrections_is_that_of_all_periods(city, store):
    """A correction of an old quarter changes the intervals of all, so all are scored again."""
    add_cases(city)
    write(city, INTERVALS.replace("sampling: {share: wilson}", "revision: all"))
    for quarter in ("2022Q1", "2022Q2"):
        file = city.folder / "inbox" / f"{quarter}.csv"
        head, *lines = file.read_text("utf-8").splitlines()
        again = [f"{line},1" for line in lines if "产值" in line and "甲县" in line]
        changed = [line.replace(line.split(",")[3], "140")[:-1] + "2" for line in again]
        file.write_text("\n".join([f"{head},修订", *(f"{line},1" for line in lines), *changed]) + "\n", "utf-8")
    config = city.config(store=store)
    assert night(config).failed == []
    keys = ["period", "entity"]
    direct, stored = directly(city).totals.sort(keys), held(config)["totals"].sort(keys)
    assert stored["rank_low"].count() > 0
    assert stored["rank_low"].equals(direct["rank_low"])
    assert stored["score_low"].equals(direct["score_low"])
    check(config)
