"""Rosters: which texts mean which entity, codes that changed, and every row that is wrong."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.errors import DataError
from kpi.intake.roster import from_roster

HISTORY = (
    "名称,代码,别名,启用日期,停用日期,类别,人口\n"
    "海宁市,330419,海宁县、硖石,1986-11,,市,70\n"
    "桐乡市,330423,,,1993-03,市,60\n"
    "桐乡市,330483,,1993-04,,市,80\n"
)


@pytest.fixture
def roster(tmp_path):
    def reader(text, cohort=None):
        path = tmp_path / "roster.csv"
        path.write_text(text, "utf-8")
        return from_roster(path, cohort)

    return reader


def test_every_code_and_name_of_an_entity_means_it(roster):
    entities = roster(HISTORY)
    assert entities.names == ["海宁市", "桐乡市"]
    texts = ["桐乡", "桐乡市", "330423", "330483", "海宁县", "硖石", "330419", "嘉善县"]
    assert entities.resolve(texts) == {
        "桐乡": 1, "桐乡市": 1, "330423": 1, "330483": 1, "海宁县": 0, "硖石": 0, "330419": 0,
    }  # fmt: skip


def test_a_county_has_a_code_of_twelve_digits_too(roster):
    entities = roster(HISTORY)
    assert entities.resolve(["330483000000", "330423000000", "330419000000", "330483001000"]) == {
        "330483000000": 1, "330423000000": 1, "330419000000": 0,
    }  # fmt: skip
    long = roster("entity,code\n桐乡市,330483000000\n")
    assert long.resolve(["330483", "330483000000"]) == {"330483": 0, "330483000000": 0}


def test_an_entity_is_shown_with_its_last_row(roster):
    assert roster(HISTORY).frame.rows(named=True)[1] == {
        "人口": "80", "entity": "桐乡市", "code": "330483", "cohort": "市", "类别": "市",
    }  # fmt: skip


def test_a_code_out_of_its_time_is_told(roster):
    rows = pl.DataFrame(
        {
            "entity": ["330423", "330423", "330483", "桐乡", "桐乡市", "330423000000"],
            "code": [None, None, None, "330483", None, None],
            "months": [3] * 6,
        },
        schema_overrides={"months": pl.Int32},
    )
    starts = [1993 * 12, 1993 * 12 + 3, 1993 * 12, 1993 * 12 + 3, 1990 * 12, 2000 * 12]
    rows = rows.with_columns(start=pl.Series(starts, dtype=pl.Int32))
    assert roster(HISTORY).outdated(rows)["outdated"].to_list() == [
        "`330423` is the code of 桐乡市 only until 1993-03",
        "`330483` is the code of 桐乡市 only since 1993-04",
        "`330423000000` is the code of 桐乡市 only until 1993-03",
    ]


def test_order_and_cohort(roster):
    entities = roster("entity,order,组\n乙,2,北\n甲,1,南\n丙,,北\n", "组")
    assert entities.frame.select("entity", "cohort").rows() == [("甲", "南"), ("乙", "北"), ("丙", "北")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("entity,code\n甲县,1\n甲县,\n", [("K603", 3, "entity")]),
        ("entity,code\n甲县,1\n甲　县,1\n", [("K603", 3, "entity")]),
        ("entity,aliases\n甲县,鼓楼\n乙县,甲县；鼓楼\n", [("K603", 3, "aliases"), ("K603", 3, "aliases")]),
        ("entity,code,valid_to\n甲县,1,2020\n甲县,2,\n", [("K603", 3, "entity")]),
        ("entity,code,valid_to,valid_from\n甲县,1,2020,\n甲县,2,,2020-12\n", [("K603", 3, "entity")]),
        ("entity,code\n甲县,1\n乙县,1\n丙县,1\n", [("K603", 3, "code"), ("K603", 4, "code")]),
        ("entity,valid_from\n甲县,早先\n", [("K606", 2, "valid_from")]),
        ("entity,order\n甲县,一\n乙县,二\n", [("K604", 2, "order"), ("K604", 3, "order")]),
        ("entity,code\n,1\n", [("K602", 2, "entity")]),
    ],
)
def test_rows_that_are_wrong(roster, text, expected):
    with pytest.raises(DataError) as caught:
        roster(text)
    assert [(item.code, item.place.row, item.place.field) for item in caught.value.diagnostics] == expected


def test_one_code_for_two_times_without_overlap_is_right(roster):
    text = "entity,code,valid_from,valid_to\n甲县,1,,2020\n甲县,2,2021,\n"
    assert roster(text).names == ["甲县"]


def test_a_code_beside_another_name_is_told_once(tmp_path):
    (tmp_path / "roster.csv").write_text(HISTORY, "utf-8")
    (tmp_path / "s.yaml").write_text(
        "system: s\nperiod: quarter\nentities: {roster: roster.csv}\nmeasures: {gdp: {unit: 亿元}}\n"
        "indicators: {size: {kind: level, of: gdp}}\n",
        "utf-8",
    )
    data = tmp_path / "data.csv"
    data.write_text(
        "期别,区划代码,地区,gdp\n2023Q2,330483,海宁市,1\n2023Q3,330483,海宁市,2\n2023Q4,330483,桐乡,3\n"
        "2023Q1,999999,桐乡市,4\n",
        "utf-8",
    )
    card = kpi.score(data, system=tmp_path / "s.yaml")
    (result,) = card.findings_list
    assert (result.code, str(result.severity), result.place.row, result.place.field) == (
        "K611",
        "warning",
        2,
        "区划代码",
    )
    assert result.message == "`330483` is the code of 桐乡市, but the row names 海宁市; the code counts"
    assert card.measures.filter(entity="桐乡市")["value"].to_list() == [4.0, 1.0, 2.0, 3.0]
    assert card.measures.filter(entity="海宁市")["value"].to_list() == [None] * 4


@pytest.mark.parametrize("form", ["long", "wide"])
def test_a_code_stands_for_a_name_that_is_left_blank(tmp_path, form):
    (tmp_path / "roster.csv").write_text(HISTORY, "utf-8")
    (tmp_path / "s.yaml").write_text(
        "system: s\nperiod: quarter\nentities: {roster: roster.csv}\nmeasures: {gdp: {unit: 亿元}}\n"
        "indicators: {size: {kind: level, of: gdp}}\n",
        "utf-8",
    )
    head, measure = ("指标,数值", "gdp,") if form == "long" else ("gdp", "")
    rows = ["330483,", "330483, ", ",海宁市", "999999,", ",", "330483,无此县"]
    lines = [f"2023Q{1 + min(at, 3)},{row},{measure}{at + 1}" for at, row in enumerate(rows)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join([f"期别,区划代码,地区,{head}", *lines]) + "\n", "utf-8")
    card = kpi.score(data, system=tmp_path / "s.yaml")
    reports = [(item.code, item.place.row, item.message.split(";")[0]) for item in card.findings_list]
    assert reports == [
        ("K602", 5, "`999999` is not in the roster"),
        ("K602", 6, "the row names no entity"),
        ("K611", 7, "`330483` is the code of 桐乡市, but the row names 无此县, which is not in the roster"),
    ]
    figures = card.measures.filter(pl.col("value").is_not_null())
    assert sorted(figures.select("entity", "period", "value").rows()) == [
        ("桐乡市", "2023Q1", 1.0), ("桐乡市", "2023Q2", 2.0), ("桐乡市", "2023Q4", 6.0),
        ("海宁市", "2023Q3", 3.0),
    ]  # fmt: skip
    assert (*(card.counts[item] for item in ("read", "used", "refused")),) == (6, 4, 2)


LIMITED = (
    "entity,code,aliases,valid_from,valid_to\n"
    "甲县,330401,老甲县、甲城,,\n"
    "乙区,330402,,2022,\n"
    "丙县,330403,,,2021\n"
    "丁县,330404,,2020,2020\n"
    "丁县,330405,,2022,2022\n"
)


def of_time(tmp_path, **more):
    (tmp_path / "roster.csv").write_text(LIMITED, "utf-8")
    return {
        "system": "s", "period": "year", "entities": {"roster": str(tmp_path / "roster.csv")},
        "measures": {"a": {"unit": "件"}, "b": {"unit": "件"}, "done": {"unit": "是/否"}},
        "indicators": {
            "size": {"kind": "level", "of": "a", "target": {"at_least": 10}},
            "rest": {"kind": "formula", "expr": "coalesce(b, 1)", "unit": "件", "target": {"at_least": 1}},
            "built": {"kind": "milestone", "of": "done"},
        },
        "pillars": {"all": {"parts": {"size": 1, "rest": 1, "built": 1}, "missing": "zero", "relative": True}},
    } | more  # fmt: skip


def figures(*rows):
    lines = [f"{year},{who},{a},是" for year, who, a in rows]
    return pl.read_csv(("期别,地区,a,done\n" + "\n".join(lines)).encode(), infer_schema=False)


def test_a_unit_out_of_its_time_is_not_ranked_and_not_missing(tmp_path):
    data = figures(
        ("2020", "甲城", 5), ("2020", "丙县", 6), ("2020", "丁县", 7),
        ("2021", "甲县", 5), ("2021", "丙县", 6),
        ("2022", "甲县", 5), ("2022", "乙区", 6), ("2022", "330405", 7), ("2023", "甲县", 5),
    )  # fmt: skip
    checks = {"there": {"required": ["a"]}, "gaps": {"complete": ["a"]}, "once": {"roster": "once"}}
    card = kpi.score(data, system=of_time(tmp_path, checks=checks))
    ranked = card.totals.filter(pl.col("rank").is_not_null()).select("period", "entity").rows()
    assert sorted(ranked) == [
        ("2020", "丁县"), ("2020", "丙县"), ("2020", "甲县"), ("2021", "丙县"), ("2021", "甲县"),
        ("2022", "丁县"), ("2022", "乙区"), ("2022", "甲县"), ("2023", "乙区"), ("2023", "甲县"),
    ]  # fmt: skip
    out = card.totals.filter(pl.col("rank").is_null())
    assert out["status"].unique().to_list() == ["not_applicable"]
    assert card.totals.filter(period="2022")["of"].drop_nulls().unique().to_list() == [3]
    # 乙区 has no figure in its second year; that is missing, and nothing else is.
    checked = [item.place for item in card.findings_list if item.code.startswith("K7")]
    assert {(item.entity, item.period) for item in checked} == {("乙区", "2023")}


def test_figures_of_a_unit_out_of_its_time_are_not_used_and_named(tmp_path):
    data = figures(("2021", "甲县", 5), ("2021", "乙区", 99), ("2022", "甲县", 5), ("2022", "丙县", 99))
    card = kpi.score(data, system=of_time(tmp_path))
    reports = [(item.code, item.message) for item in card.findings_list if item.code == "K610"]
    assert reports == [
        ("K610", "figures of 乙区 for 2021 are not used: by the roster it is a unit from 2022-01"),
        ("K610", "figures of 丙县 for 2022 are not used: by the roster it is a unit until 2021-12"),
    ]
    assert card.measures.filter(pl.col("value") == 99).height == 0
    assert kpi.score(data, system=of_time(tmp_path), period="2022").totals["rank"].count() == 3


@pytest.mark.parametrize("form", ["wide", "long", "parquet"])
def test_the_time_of_a_unit_holds_whatever_the_form(tmp_path, form):
    wide = figures(("2021", "甲县", 5), ("2021", "乙区", 99), ("2022", "甲县", 5), ("2022", "乙区", 7))
    data = wide
    if form == "long":
        data = wide.unpivot(index=["期别", "地区"], variable_name="指标", value_name="数值")
    elif form == "parquet":
        data = tmp_path / "data.parquet"
        wide.write_parquet(data)
    card = kpi.score(data, system=of_time(tmp_path))
    mine = card.indicators.filter(entity="乙区", period="2021")
    assert mine["status"].cast(pl.String).to_list() == ["not_applicable"] * 3


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("嘉善市", "嘉善县"),
        ("海定市", "海宁市"),
        ("浙江省海宁市", "海宁市"),
        ("330438", "330483"),
        ("嘉兴", None),
        ("桐乡市梧桐街道", None),
        ("全部企", None),  # of an aggregate, which is no unit of the roster
    ],
)
def test_what_is_not_in_the_roster_is_near_a_name_that_is(tmp_path, text, meant):
    (tmp_path / "r.csv").write_text("entity,code\n嘉善县,330421\n海宁市,330481\n桐乡市,330483\n", "utf-8")
    (tmp_path / "s.yaml").write_text(UNKNOWN, "utf-8")
    definition = kpi.load(tmp_path / "s.yaml")
    card = kpi.score(pl.DataFrame({"年份": ["2023"] * 2, "县": ["海宁市", text], "GDP": [1.0, 2.0]}), system=definition)
    (hint,) = {str(item.hint) for item in card.findings_list if item.code == "K602"}
    assert (f"`{meant}`" in hint) if meant else ("did you mean" not in hint and "leave_out" in hint)


UNKNOWN = """
system: s
period: year
entities: {title: 县, roster: r.csv}
measures: {gdp: {title: GDP, unit: 亿元}}
indicators: {share: {kind: share, of: gdp, within: all}}
checks: {sums: {adds_up_to: 全部企业, of: [gdp]}}
"""
