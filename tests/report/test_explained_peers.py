"""The spread of peers and the next level: computed independently, and the same in text, JSON and Markdown."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import kpi
from kpi.analysis.explain import explain
from kpi.analysis.next_level import CHEAP, ahead
from kpi.report.files import content
from kpi.report.shape import Screen
from kpi.report.tree import ExplanationReport

UNITS = ("甲", "乙", "丙", "丁", "戊", "己")
RATES = (95.0, 60.0, 88.0, 71.5, 80.0, None)
COUNTS = (9.0, 2.0, 7.0, 5.0, 4.0, 3.0)
SYSTEM = """
system: peers
period: year
entities: {title: 县}
measures: {rate: {title: 率, unit: '%'}, count: {title: 投诉数, unit: 件}}
indicators:
  a: {kind: level, of: rate, title: 办结率, target: {at_least: 100}}
  b: {kind: level, of: count, title: 投诉, better: lower, target: {at_most: 2}}
pillars: {p: {title: 政务, weight: 100, parts: {a: 50, b: 50}}}
stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 60, 2: 40, 1: 0}}
"""
QUOTA = SYSTEM.replace("{kind: bands, cuts: {5: 90, 4: 80, 3: 60, 2: 40, 1: 0}}",
                       "{kind: quota, shares: {5: 20, 4: 40, 3: 40, 2: 0, 1: 0}}")  # fmt: skip


def scored(system: str = SYSTEM, **more: list[str]) -> kpi.Scorecard:
    return kpi.score(
        pl.DataFrame({"县": UNITS, "年": ["2023"] * 6, "率": RATES, "投诉数": COUNTS, **more}), system=system
    )


@pytest.fixture(scope="module")
def card() -> kpi.Scorecard:
    return scored()


def node(card: kpi.Scorecard, unit: str, name: str):
    return next(item for item in explain(card, unit).walk() if item.name == name)


def test_the_five_numbers_are_those_of_numpy(card) -> None:
    for name, values in (("a", RATES), ("b", COUNTS)):
        known = [value for value in values if value is not None]
        spread = node(card, "丙", name).peers
        five = (spread.least, spread.lower, spread.middle, spread.upper, spread.greatest)
        assert five == pytest.approx(tuple(np.percentile(known, [0, 25, 50, 75, 100])))
        assert spread.number == len(known)


def test_places_follow_the_direction(card) -> None:
    assert node(card, "丙", "a").peers.place == 2  # 95, 88
    assert node(card, "丙", "b").peers.place == 5  # fewer complaints are better: 2, 3, 4, 5, 7
    assert node(card, "己", "a").peers.place is None  # no value
    total = explain(card, "丙").peers
    assert total.place == card.totals.row(by_predicate=pl.col("entity") == "丙", named=True)["rank"]


def test_peers_are_those_who_are_ranked_together() -> None:
    system = SYSTEM.replace("entities: {title: 县}", "entities: {title: 县}\nranking: {cohort: 组}")
    card = scored(system, 组=["一", "一", "一", "二", "二", "二"])
    spread = node(card, "丙", "b").peers
    assert (spread.number, spread.least, spread.greatest, spread.place) == (3, 2.0, 9.0, 2)


def test_one_unit_has_no_spread() -> None:
    frame = pl.DataFrame({"县": ["甲"], "年": ["2023"], "率": [95.0], "投诉数": [2.0]})
    card = kpi.score(frame, system=SYSTEM)
    assert explain(card, "甲").peers is None
    assert "place" not in ExplanationReport(card, "甲", explain(card, "甲")).text(Screen())


def test_the_next_level_is_that_of_the_cut_and_its_change_is_enough(card) -> None:
    above = ahead(card, "丙")
    row = card.totals.row(by_predicate=pl.col("entity") == "丙", named=True)
    # The mean of 88 and 2/7 of 100, by hand.
    assert (row["score"], above.level, above.needed, above.by) == (58.29, 3, 60, "cut")
    assert above.lacking == pytest.approx(60 - 58.29)
    moved = kpi.what_if(card, {f"丙.{above.change.indicator}": str(above.change.needed)})
    assert moved.totals.row(by_predicate=pl.col("entity") == "丙", named=True)["stars"] == 3


def test_where_levels_depend_on_others_the_lowest_peer_counts() -> None:
    card = scored(QUOTA)
    totals = {row["entity"]: row for row in card.totals.iter_rows(named=True)}
    unit = min((row for row in totals.values() if row["stars"] == 3), key=lambda row: row["score"])["entity"]
    above = ahead(card, unit)
    assert above.by == "peers"
    assert above.needed == min(row["score"] for row in totals.values() if row["stars"] == above.level)


def test_the_highest_level_and_no_levels_have_no_next() -> None:
    card = scored()
    best = card.totals.sort("score", descending=True)["entity"][0]
    high = scored(SYSTEM.replace("5: 90, 4: 80, 3: 60, 2: 40", "5: 50, 4: 40, 3: 30, 2: 20"))
    assert ahead(high, best).level is None
    assert "no higher level" in ExplanationReport(high, best, explain(high, best), ahead(high, best)).text(Screen())
    assert ahead(scored(SYSTEM.partition("stars:")[0]), best) is None


def test_a_large_system_has_no_change(card, monkeypatch) -> None:
    assert CHEAP > 0
    monkeypatch.setattr("kpi.analysis.next_level.CHEAP", 1)
    above = ahead(card, "丙")
    assert above.change is None
    assert above.lacking > 0


def test_all_formats_have_the_same_figures(card) -> None:
    report = ExplanationReport(card, "丙", explain(card, "丙"), ahead(card, "丙"))
    text, markdown = report.text(Screen(width=200)), content(report, "md").decode()
    words = "place 2 of 5; minimum 60 %, quartiles 71.5 %, 80 %, 88 %, maximum 95 %"
    assert words in text
    assert words in markdown
    assert "Next level: 1.71 points to 3 stars" in text
    assert "Next level: 1.71 points to 3 stars" in markdown
    assert "├──────━━━━┿━━━━●───┤ " in text
    read = json.loads(content(report, "json"))
    assert read["ahead"]["needed"] == 60
    assert read["explanation"]["peers"]["number"] == 6
    row = report.frames()["explanation"].filter(name="a").row(0, named=True)
    assert [row[key] for key in ("least", "lower", "middle", "upper", "greatest", "place")] == [60, 71.5, 80, 88, 95, 2]
    assert report.frames()["ahead"].row(0, named=True)["needed"] == 60
