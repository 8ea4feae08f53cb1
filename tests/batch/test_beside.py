"""Nights of definitions that are written out from tables, and of rosters whose units are such for some time only."""

from __future__ import annotations

import polars as pl
from city import QUARTERS, SYSTEM
from test_nights import check, held, night, same

TABLE = (
    "name,kind,title,unit,of,weight,pillar,target\n"
    "length,level,长度,公里,公路,2,建设,≥300\nbuilt,level,规模,亿元,产值,1,建设,≥110\n"
)


def with_a_table(city):
    head, _, _ = SYSTEM.partition("indicators:")
    text = f"{head}indicators: {{table: tables/indicators.csv}}\nscoring: {{kind: completion, cap: 100}}\n"
    (city.folder / "small.yaml").write_text(text, "utf-8")
    (city.folder / "tables").mkdir()
    (city.folder / "tables" / "indicators.csv").write_text(TABLE, "utf-8")


def test_a_night_sees_a_changed_table_and_any_night_can_be_computed_again(city):
    with_a_table(city)
    config = city.config()
    result = night(config)
    assert result.failed == [], result.findings
    check(config)
    first = held(config)
    assert [item.status for item in night(config).outcomes] == ["unchanged"]
    (city.folder / "tables" / "indicators.csv").write_text(TABLE.replace("≥300", "≥200"), "utf-8")
    result = night(config)
    assert result.outcomes[0].scored == tuple(QUARTERS)
    assert not same(first, held(config))
    check(config)
    # What the first night scored by is kept, too.
    assert same(first, held(config, 1))


def test_a_table_that_is_wrong_stops_its_system_with_the_cell(city):
    with_a_table(city)
    (city.folder / "tables" / "indicators.csv").write_text(TABLE.replace("公里", "里程"), "utf-8")
    (failed,) = night(city.config()).findings
    assert (failed.code, failed.place.row, failed.place.field) == ("K305", 2, "unit")


def test_a_unit_out_of_its_time_is_not_ranked_in_nights_either(city):
    roster = "entity,code,valid_from\n甲县,330101,\n乙县,330102,\n丙县,330103,2022Q2\n"
    (city.folder / "roster.csv").write_text(roster, "utf-8")
    config = city.config()
    assert night(config).failed == []
    totals = held(config)["totals"].filter(entity="丙县")
    ranked = totals.drop_nulls("rank")["period"].sort().to_list()
    assert ranked == [item for item in QUARTERS if item >= "2022Q2"]
    out = totals.filter(~totals["period"].is_in(ranked))
    assert out["status"].cast(pl.String).unique().to_list() == ["not_applicable"]
    check(config)
    city.correct("2022Q3")
    night(config)
    check(config)
