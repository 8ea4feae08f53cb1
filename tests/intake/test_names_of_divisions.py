"""Short and full names of provinces, prefectures and banners: each means its unit, and no two become one."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.errors import Place
from kpi.intake.division_codes import PROVINCES, SHORT
from kpi.intake.entities import Entities, from_data, short_forms

with (Path(__file__).parents[1] / "data" / "divisions.csv").open(encoding="utf-8") as file:
    PREFECTURES = [name for row in csv.DictReader(file) for name in row["地级"].split()]
STATES = [name for name in PREFECTURES if name.endswith("自治州")]

SYSTEM = {
    "system": "s", "period": "year", "entities": {}, "measures": {"a": {"unit": "件"}, "b": {"unit": "件"}},
    "indicators": {"rate": {"kind": "ratio", "numerator": "a", "denominator": "b"}},
}  # fmt: skip


def listed(names):
    frame = pl.DataFrame({"entity": list(names)}).with_columns(code=pl.lit(None, pl.String), cohort=pl.lit(None))
    return Entities(frame, closed=True)


def test_the_lists_are_complete():
    assert (len(PROVINCES), len(SHORT), len(PREFECTURES), len(STATES)) == (34, 34, 333, 30)
    assert len({*PREFECTURES}) == 333


@pytest.mark.parametrize("full", PROVINCES.values())
def test_a_province_has_its_short_name_and_is_found_by_either(full):
    short = next(text for text, name in SHORT.items() if name == full)
    whole, brief = listed(PROVINCES.values()), listed(SHORT)
    assert whole.names[whole.place(short)] == full
    assert brief.names[brief.place(full)] == short
    assert from_data([short, full]).names == [full]
    assert from_data([short, full]).joined == {short: full}


@pytest.mark.parametrize("full", STATES)
def test_an_autonomous_prefecture_has_its_short_names(full):
    name, state, _ = short_forms(full) if len(list(short_forms(full))) == 3 else (None, *short_forms(full))
    everywhere = listed(PREFECTURES)
    assert everywhere.names[everywhere.place(state)] == full
    assert listed([state]).place(full) == 0
    assert from_data([state, full]).names == [full]
    if name is None:
        assert full == "海南藏族自治州"
    else:
        assert everywhere.names[everywhere.place(name)] == full


@pytest.mark.parametrize(
    ("full", "forms"),
    [
        ("鄂温克族自治旗", ["鄂温克", "鄂温克旗"]),
        ("鄂伦春自治旗", ["鄂伦春", "鄂伦春旗"]),
        ("莫力达瓦达斡尔族自治旗", ["莫力达瓦", "莫力达瓦旗"]),
        ("东乡族自治县", ["东乡", "东乡县"]),
        ("积石山保安族东乡族撒拉族自治县", ["积石山", "积石山县"]),
        ("塔什库尔干塔吉克自治县", ["塔什库尔干", "塔什库尔干县"]),
        ("察布查尔锡伯自治县", ["察布查尔", "察布查尔县"]),
        ("龙胜各族自治县", ["龙胜", "龙胜县"]),
        ("双江拉祜族佤族布朗族傣族自治县", ["双江", "双江县"]),
        ("科尔沁右翼前旗", ["科尔沁右翼前"]),
        ("兴安盟", ["兴安"]),
        ("大兴安岭地区", ["大兴安岭"]),
        ("神农架林区", ["神农架"]),
        ("浦东新区", ["浦东"]),
        ("延边州", ["延边"]),
    ],
)
def test_a_county_banner_or_league_has_its_short_names(full, forms):
    result = listed([full, "别处县"])
    assert [result.place(form) for form in forms] == [0] * len(forms)


def test_no_two_prefectures_or_provinces_have_a_name_in_common():
    names = [*PROVINCES.values(), *PREFECTURES]
    owners: dict[str, set[str]] = {}
    for name in names:
        for text in {name, *short_forms(name)}:
            owners.setdefault(text, set()).add(name)
    assert {text: some for text, some in owners.items() if len(some) > 1} == {}
    result = listed(names)
    assert [result.place(name) for name in names] == list(range(len(names)))
    assert from_data(names).names == sorted(names)


@pytest.mark.parametrize(("short", "prefecture"), [("吉林", "吉林市"), ("海南", "海南藏族自治州")])
def test_the_name_of_a_province_is_that_of_no_prefecture(short, prefecture):
    prefectures = listed(PREFECTURES)
    assert prefectures.place(short) is None
    finding = prefectures.unknown(short, Place())
    assert (finding.code, finding.message) == ("K602", f"`{short}` may be {prefecture} or {SHORT[short]}")
    assert from_data([short, prefecture]).names == sorted([short, prefecture])


@pytest.mark.parametrize("county", ["大理", "楚雄", "玉树", "恩施"])
def test_a_prefecture_is_not_the_county_that_is_called_as_it_is(county):
    full = next(name for name in STATES if name.startswith(county))
    assert listed([county, "别处"]).place(full) is None
    assert listed([f"{county}市", "别处"]).place(full) is None
    assert from_data([f"{county}市", full, f"{county}州"]).names == sorted([f"{county}市", full])


def test_a_name_of_several_units_is_asked_for_with_a_roster_and_told_without():
    both = ["朝阳市", "朝阳区"]
    assert listed(both).unknown("朝阳", Place()).message == "`朝阳` may be 朝阳市 or 朝阳区"
    frame = pl.DataFrame({"期别": ["2023"] * 3, "地区": ["朝阳", *both], "a": [1, 2, 3], "b": [2, 2, 4]})
    card = kpi.score([frame.head(1), frame.tail(2)], system=SYSTEM)
    assert card.indicators["entity"].to_list() == ["朝阳", "朝阳区", "朝阳市"]
    assert [(item.code, item.message) for item in card.findings_list] == [
        ("K488", "`朝阳` may be 朝阳区 or 朝阳市; it is taken as a unit of its own")
    ]


@pytest.mark.parametrize("form", ["long", "wide"])
def test_short_and_full_names_of_two_files_are_one_unit(form):
    names, shorts = ["河北省", "桐乡市", "鄂温克族自治旗"], ["河北", "桐乡", "鄂温克旗"]
    frames = [
        pl.DataFrame({"期别": ["2023"] * 3, "地区": who, name: [1, 2, 3]})
        if form == "wide"
        else pl.DataFrame({"期别": ["2023"] * 3, "地区": who, "指标": [name] * 3, "数值": [1, 2, 3]})
        for name, who in (("a", names), ("b", shorts))
    ]
    card = kpi.score(frames, system=SYSTEM)
    assert card.indicators.select("entity", "value").rows() == [(name, 100.0) for name in sorted(names)]
    (note,) = card.findings_list
    assert note.message == (
        "short names are taken for the only unit that has them: 桐乡 (桐乡市), 河北 (河北省), 鄂温克旗 (鄂温克族自治旗)"
    )


def test_names_that_one_table_has_for_one_period_are_two_units_and_so_are_those_that_are_kept():
    frame = pl.DataFrame({"期别": ["2023"] * 2, "地区": ["高新", "高新区"], "a": [1, 2], "b": [2, 2]})
    assert kpi.score(frame, system=SYSTEM).indicators["entity"].to_list() == ["高新", "高新区"]
    apart = [frame.head(1), frame.tail(1)]
    assert kpi.score(apart, system=SYSTEM).indicators["entity"].to_list() == ["高新区"]
    kept = SYSTEM | {"entities": {"keep": ["高新"]}}
    assert kpi.score(apart, system=kept).indicators["entity"].to_list() == ["高新", "高新区"]


def test_events_may_name_a_unit_in_two_ways():
    system = SYSTEM | {
        "datasets": {"cases": {"form": "records"}, "reports": {"form": "reported"}},
        "measures": {"a": {"kind": "count", "from": "cases", "unit": "件"}, "b": {"unit": "件"}},
    }
    events = pl.DataFrame({"日期": ["2023-01-02", "2023-01-02", "2023-02-03"], "地区": ["桐乡", "桐乡市", "桐乡"]})
    figures = pl.DataFrame({"期别": ["2023"], "地区": ["桐乡市"], "指标": ["b"], "数值": [6]})
    card = kpi.score([events, figures], system=system)
    assert card.indicators.select("entity", "value").rows() == [("桐乡市", 50.0)]
