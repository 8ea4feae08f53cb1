"""Units of several levels that are ranked together, and units without a cohort beside others: both are reported."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import kpi
from kpi.intake.division_codes import divisions_above

ROWS = [("330102", "上城区", 12.0), ("330105", "拱墅区", 13.0), ("330106", "西湖区", 14.0), ("330100", "杭州市", 200.0)]


def definition(**entities: Any) -> dict[str, Any]:
    return {
        "system": "t", "title": "T", "period": "year", "entities": {"title": "地区", **entities},
        "measures": {"r": {"title": "GDP", "unit": "亿元"}},
        "indicators": {"a": {"kind": "level", "of": "r", "score": {"kind": "minmax"}}},
        "pillars": {"p": {"weight": 100, "parts": {"a": 100}, "ours": True}},
    }  # fmt: skip


def frame(rows: list[tuple[str, ...]] = ROWS, *, long: bool = False, **more: Any) -> pl.DataFrame:
    code, name, figures = zip(*rows, strict=True)
    cells: dict[str, Any] = {"年份": ["2023"] * len(rows), "代码": code, "地区": name, **more}
    cells |= {"指标": ["GDP"] * len(rows), "数值": figures} if long else {"GDP": figures}
    return pl.DataFrame(cells)


def findings(card: Any) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.message)) for finding in card.findings_list]


@pytest.mark.parametrize("form", ["wide", "long", "twelve digits", "codes alone", "events", "numbers"])
def test_a_city_among_its_counties_is_reported(form):
    system: Any = definition()
    data = frame(long=form == "long")
    if form == "twelve digits":
        data = data.with_columns(pl.col("代码") + "000000")
    elif form == "codes alone":
        data = data.drop("地区")
    elif form == "numbers":
        data = data.with_columns(pl.col("代码").cast(pl.Int64))
    elif form == "events":
        roles = {"period": "年份", "entity": "地区", "code": "代码"}
        system["datasets"] = {"ev": {"form": "records", "columns": roles}}
        system["measures"] = {"r": {"kind": "sum", "of": "GDP", "unit": "亿元", "from": "ev"}}
    ((code, message),) = findings(kpi.score(data, system=system))
    assert code == "K486"
    assert ("330100" if form == "codes alone" else "杭州市") in message


def test_units_of_one_level_are_not_reported():
    assert findings(kpi.score(frame(ROWS[:3]), system=definition())) == []
    cities = [("330100", "杭州市", 1.0), ("330200", "宁波市", 2.0), ("310000", "上海市", 3.0)]
    assert findings(kpi.score(frame(cities), system=definition())) == []
    assert findings(kpi.score(frame(), system=definition(keep=["杭州市"]))) == []
    assert findings(kpi.score(frame(分组=["区", "区", "区", "市"]), system=definition())) == []


@pytest.mark.parametrize(
    ("roster", "warned"),
    [
        ("entity,code\n上城区,330102\n拱墅区,330105\n西湖区,330106\n杭州市,330100\n", True),
        ("entity,code\n上城区,330102\n拱墅区,330105\n西湖区,330106\n", False),
        ("entity,code,cohort\n上城区,330102,区\n拱墅区,330105,区\n西湖区,330106,区\n杭州市,330100,市\n", False),
        ("entity\n上城区\n拱墅区\n西湖区\n浙江省\n", True),
        ("entity,code,from,to\n上城区,330102,2023-01,\n西湖区,330106,2023-01,\n杭州市,330100,,2022-12\n", False),
        ("entity,code,from,to\n上城区,330102,2022-01,\n西湖区,330106,2023-01,\n杭州市,330100,,2022-12\n", True),
    ],
    ids=["several levels", "one level", "cohorts", "names", "one after another", "both for a year"],
)
@pytest.mark.parametrize("form", ["wide", "long", "csv", "parquet"])
def test_units_of_several_levels_in_a_roster_are_reported(roster, warned, form, tmp_path):
    (tmp_path / "roster.csv").write_text(roster, "utf-8")
    data: Any = frame(long=form == "long").filter(pl.col("地区").is_in(roster.replace("\n", ",").split(",")))
    if form in {"csv", "parquet"}:
        path = tmp_path / f"d.{form}"
        (data.write_csv if form == "csv" else data.write_parquet)(path)
        data = path
    card = kpi.score(data, system=definition(roster=str(tmp_path / "roster.csv")))
    names = {item.place.entity for item in card.findings_list if item.code == "K486"}
    assert names == ({"浙江省" if "浙江省" in roster else "杭州市"} if warned else set())


def test_a_unit_of_the_roster_that_is_kept_is_meant(tmp_path):
    (tmp_path / "roster.csv").write_text("entity,code\n上城区,330102\n拱墅区,330105\n杭州市,330100\n", "utf-8")
    data = frame().filter(pl.col("地区") != "西湖区")
    roster = str(tmp_path / "roster.csv")
    ((code, message),) = findings(kpi.score(data, system=definition(roster=roster)))
    assert (code, "杭州市" in message) == ("K486", True)
    assert findings(kpi.score(data, system=definition(roster=roster, keep=["杭州市"]))) == []


def test_a_province_among_counties_is_reported_without_codes():
    rows = [("", "浙江省", 100.0), ("", "上城区", 1.0), ("", "德清县", 2.0)]
    ((code, message),) = findings(kpi.score(frame(rows).drop("代码"), system=definition()))
    assert (code, "浙江省" in message) == ("K486", True)
    rows = [("", "浙江省", 100.0), ("", "内蒙古自治区", 90.0), ("", "北京市", 3.0)]
    assert findings(kpi.score(frame(rows).drop("代码"), system=definition())) == []


def test_a_country_among_its_regions_is_reported_by_codes():
    codes = ["AT", "AT11", "AT12", "AT13", "BE10", "BE21", "BE22", "CZ01"]
    data = frame([(code, code, 1.0 + at) for at, code in enumerate(codes)]).drop("代码")
    ((code, message),) = findings(kpi.score(data, system=definition()))
    assert (code, message.endswith(": AT")) == ("K486", True)
    assert findings(kpi.score(data.filter(pl.col("地区") != "AT"), system=definition())) == []


COUNTIES = ["海宁市", "桐乡市", "平湖市", "嘉善县", "海盐县", "南湖区", "秀洲区", "鄂温克族自治旗"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([*COUNTIES, "硖石街道"], ["硖石街道"]),
        ([*COUNTIES, "长安镇", "云龙乡"], ["长安镇", "云龙乡"]),
        (["硖石街道办事处", *COUNTIES[:4]], ["硖石街道办事处"]),
        ([f"{name} County" for name in "ABCD"] + ["Long Township"], ["Long Township"]),
        ([*COUNTIES[:6], "长安镇", "云龙乡"], []),
        ([*COUNTIES[:3], "硖石街道"], []),
        ([*COUNTIES[:4], "硖石街道", "经济开发区"], []),
        ([*COUNTIES[:4], "硖石街道", "尖山新区", "度假区管委会"], []),
        (["硖石街道", "长安镇", "许村镇", "海宁市"], []),
        (["新乡", "桐乡", "海宁市", "平湖市", "南湖区", "嘉善县", "海盐县", "秀洲区"], []),
        (["景德镇", *COUNTIES], []),
        (["城镇", *COUNTIES], []),
        (["其他镇", *COUNTIES], []),
        (["开发区", *COUNTIES], []),
        (["Cape Town", *(f"{name} City" for name in "ABCD")], []),
    ],
)
def test_a_town_among_counties_is_reported_by_its_name(names, found, tmp_path):
    data = frame([("", name, 1.5 + at) for at, name in enumerate(names)]).drop("代码")
    result = [(code, message) for code, message in findings(kpi.score(data, system=definition())) if code == "K486"]
    words = "towns or streets are ranked beside counties, cities and districts: "
    assert result == ([("K486", words + ", ".join(sorted(found)))] if found else [])
    assert "K486" not in dict(findings(kpi.score(data, system=definition(keep=found))))
    for cohort, warned in (("县", bool(found)), ("镇", False)):
        lines = [f"{name},{cohort if name in found else '县'}" for name in names]
        (tmp_path / "r.csv").write_text("\n".join(["entity,cohort", *lines]), "utf-8")
        card = kpi.score(data, system=definition(roster=str(tmp_path / "r.csv")))
        assert ("K486" in dict(findings(card))) == warned


def test_grandparents_are_above():
    assert divisions_above(["330000", "330102", "110105", "420000", "429004"]) == {"330000", "420000"}


@pytest.mark.parametrize("blank", ["", "  "])
def test_units_without_a_cohort_are_reported(blank, tmp_path):
    text = f"entity,cohort\n上城区,一\n拱墅区,一\n西湖区,{blank}\n杭州市,二\n"
    (tmp_path / "roster.csv").write_text(text, "utf-8")
    card = kpi.score(frame(), system=definition(roster=str(tmp_path / "roster.csv")))
    ((code, message),) = findings(card)
    assert code == "K677"
    assert "西湖区" in message
    assert card.totals.filter(entity="西湖区")["of"].to_list() == [1]
    (tmp_path / "roster.csv").write_text(text.replace(f"西湖区,{blank}", "西湖区,一"), "utf-8")
    assert findings(kpi.score(frame(), system=definition(roster=str(tmp_path / "roster.csv")))) == []


def test_blank_groups_in_the_data_are_reported():
    card = kpi.score(frame(ROWS[:3], 分组=["一", "一", None]), system=definition())
    ((code, message),) = findings(card)
    assert (code, "西湖区" in message) == ("K677", True)
    assert findings(kpi.score(frame(ROWS[:3], 分组=[None, None, None]), system=definition())) == []
    ((code, message),) = findings(kpi.score(frame(ROWS[:3], 分组=["一", "—", "无"]), system=definition()))
    assert (code, "拱墅区" in message, "西湖区" in message) == ("K677", True, True)
