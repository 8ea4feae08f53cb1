"""Disclosure rules in the store: what a night keeps, what was the truth is not in it."""

from __future__ import annotations

import polars as pl
from city import QUARTERS, STORES, SYSTEM
from test_nights import check, held, night

RULES = SYSTEM.replace(
    "indicators:\n",
    "  accidents: {title: 事故, unit: 件}\nindicators:\n  safe: {kind: level, of: accidents, better: lower}\n",
)


def with_accidents(city):
    """Add accidents to the reports of every quarter: few of 甲县 in one of them."""
    for quarter in QUARTERS:
        with (city.folder / "inbox" / f"{quarter}.csv").open("a", encoding="utf-8") as file:
            for unit, number in (("甲县", 3 if quarter == "2023Q2" else 33), ("乙县", 44), ("丙县", 55)):
                file.write(f"{quarter},{unit},事故,{number},件\n")


def test_a_store_keeps_what_is_published_alone(city, store, request):
    if store == "postgresql":
        request.getfixturevalue("database")
    rules = RULES + "disclosure: {threshold: 5, of: [accidents]}\n"
    (city.folder / "small.yaml").write_text(rules, "utf-8")
    with_accidents(city)
    config = city.config(store=STORES.get(store, store))
    assert night(config).failed == []
    frames = held(config)
    rows = frames["measures"].filter(measure="accidents", period="2023Q2").select("entity", "value", "status", "rows")
    small = rows.filter(entity="甲县").row(0)
    assert small == ("甲县", None, "suppressed", None)
    assert rows.filter(pl.col("status") == "suppressed").height == 2
    others = frames["measures"].filter(pl.col("measure") == "accidents", pl.col("period") != "2023Q2")
    assert (others["status"] == "ok").all()
    shown = frames["indicators"].filter(indicator="safe", period="2023Q2", entity="甲县")
    assert shown.select("value", "status").row(0) == (None, "suppressed")
    check(config)


def test_what_the_last_night_has_published_is_a_warning(city, store):
    """Rules that come later suppress what readers have already."""
    (city.folder / "small.yaml").write_text(RULES, "utf-8")
    with_accidents(city)
    config = city.config(store=STORES.get(store, store))
    night(config)
    (city.folder / "small.yaml").write_text(RULES + "disclosure: {threshold: 5, of: [accidents]}\n", "utf-8")
    result = night(config)
    (finding,) = [item for item in result.findings if item.code == "K967"]
    assert finding.place.period == "2023Q2"
    assert str(finding.message).startswith("2 figures of 2023Q2")
    check(config)
    (city.folder / "inbox" / "2023Q2.csv").touch()
    assert not [item for item in night(config, everything=True).findings if item.code == "K967"]
