"""Regions and groups among the units of a table are left out as totals are, and doubtful names are reported."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.intake import region_names
from kpi.intake.files import chunks, pieces
from kpi.intake.roster_from_files import roster_from_files

COUNTRIES = [
    ("China", "CHN", 1000.0), ("France", "FRA", 60.0), ("South Africa", "ZAF", 59.0), ("High income", "HIC", 800.0),
    ("Euro area", "EMU", 300.0), ("OECD members", "OED", 900.0), ("East Asia & Pacific", "EAS", 2300.0),
    ("Sub-Saharan Africa (excluding high income)", "SSA", 1200.0), ("World", "WLD", 8000.0),
]  # fmt: skip
PLACES = [
    ("全国", 1000.0), ("东部地区", 500.0), ("西 部", 90.0), ("长三角地区", 300.0), ("浙江省", 80.0), ("北京", 40.0),
    ("吉林市", 10.0), ("不分地区", 7.0), ("最高", 80.0), ("最低", 10.0),
]  # fmt: skip


def definition(title: str = "人口", **entities: Any) -> dict[str, Any]:
    return {
        "system": "t", "title": "T", "period": "year", "entities": {"title": "地区", **entities},
        "measures": {"r": {"title": title, "unit": "人"}},
        "indicators": {"a": {"kind": "level", "of": "r", "score": {"kind": "minmax"}}},
        "pillars": {"p": {"weight": 100, "parts": {"a": 100}, "ours": True}},
    }  # fmt: skip


def ranked(card: Any) -> set[str]:
    return set(card.totals["entity"])


def codes(card: Any) -> list[str]:
    return [finding.code for finding in card.findings_list]


def wide(rows: list[tuple[Any, ...]] = PLACES) -> pl.DataFrame:
    return pl.DataFrame(
        {"年份": ["2023"] * len(rows), "地区": [row[0] for row in rows], "人口": [row[-1] for row in rows]}
    )


@pytest.mark.parametrize("form", ["wide", "long", "across", "coded", "codes alone"])
def test_groups_of_countries_are_no_countries(form):
    names, short, figures = zip(*COUNTRIES, strict=True)
    year = ["2022"] * len(names)
    frames = {
        "wide": {"Year": year, "Country Name": names, "人口": figures},
        "long": {"Year": year, "Country Name": names, "indicator": ["人口"] * len(names), "value": figures},
        "across": {"Country Name": names, "Indicator Name": ["人口"] * len(names), "2021": figures, "2022": figures},
        "coded": {"Year": year, "Country Name": names, "Country Code": short, "人口": figures},
        "codes alone": {"Year": year, "Country Code": short, "人口": figures},
    }
    card = kpi.score(pl.DataFrame(frames[form]), system=definition(), period="2022")
    assert ranked(card) == ({"CHN", "FRA", "ZAF"} if form == "codes alone" else {"China", "France", "South Africa"})
    assert {"K612"} <= set(codes(card)) <= {"K612", "K562"}
    (note,) = [finding for finding in card.findings_list if finding.code == "K612"]
    assert ("WLD" if form == "codes alone" else "World (row") in note.message


@pytest.mark.parametrize("form", ["wide", "events", "large"])
def test_parts_of_a_country_are_no_units_beside_places(form, tmp_path, monkeypatch):
    system: Any = definition()
    data: Any = wide()
    if form == "events":
        system["datasets"] = {"ev": {"form": "records", "columns": {"period": "年份", "entity": "地区"}}}
        system["measures"] = {"r": {"kind": "sum", "of": "人口", "unit": "人", "from": "ev"}}
    elif form == "large":
        monkeypatch.setattr(chunks, "LARGE", 100)
        monkeypatch.setattr(chunks, "LOOK", 400)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
        more = [(f"{at}县", float(at)) for at in range(1, 100)]
        data = tmp_path / "large.csv"
        data.write_text(wide([*more, *PLACES]).write_csv(), "utf-8")
    card = kpi.score(data, system=system)
    assert {"浙江省", "北京", "吉林市"} <= ranked(card)
    assert ranked(card).isdisjoint({"全国", "东部地区", "西部", "长三角地区", "不分地区", "最高", "最低"})
    assert {"K612"} <= set(codes(card)) <= {"K612", "K486"}


def test_regions_that_are_all_there_is_are_ranked():
    rows = [("全国", 1000.0), ("东部地区", 500.0), ("中部地区", 300.0), ("西部地区", 150.0), ("其他", 50.0)]
    card = kpi.score(wide(rows), system=definition())
    assert ranked(card) == {"东部地区", "中部地区", "西部地区", "其他"}
    rows = [("华东", 5.0), ("华南", 3.0), ("海外", 4.0)]
    assert ranked(kpi.score(wide(rows), system=definition())) == {"华东", "华南", "海外"}
    rows = [("World", 5.0), ("Euro area", 3.0), ("High income", 4.0)]
    assert ranked(kpi.score(wide(rows), system=definition())) == {"World", "Euro area", "High income"}


def test_a_region_that_is_kept_or_in_the_roster_is_a_unit(tmp_path):
    card = kpi.score(wide(), system=definition(keep=["东部地区"]))
    assert ranked(card) == {"东部地区", "浙江省", "北京", "吉林市"}
    (tmp_path / "roster.csv").write_text("entity\n浙江省\n北京\n吉林市\n长三角地区\n", "utf-8")
    card = kpi.score(wide(), system=definition(roster=str(tmp_path / "roster.csv")))
    assert ranked(card) == {"浙江省", "北京", "吉林市", "长三角地区"}
    (tmp_path / "other.csv").write_text("entity\n浙江省\n北京\n吉林市\n", "utf-8")
    card = kpi.score(wide(), system=definition(roster=str(tmp_path / "other.csv")))
    assert ranked(card) == {"浙江省", "北京", "吉林市"}
    assert codes(card) == ["K612"]


def test_a_roster_with_regions_says_which_there_are(tmp_path):
    (tmp_path / "roster.csv").write_text("entity\n华东大区\n华南大区\n", "utf-8")
    rows = [("华东", 5.0), ("华南大区", 3.0)]
    card = kpi.score(wide(rows), system=definition(roster=str(tmp_path / "roster.csv")))
    assert "K602" in codes(card)


def test_a_region_without_figures_is_a_heading():
    frame = wide([("华北", None), ("天津市", 3.0), ("河北省", 4.0), ("华东", None), ("上海市", 5.0)])
    frame = frame.with_columns(pl.when(pl.col("人口").is_not_null()).then("年份").alias("年份"))
    card = kpi.score(frame, system=definition())
    assert ranked(card) == {"天津市", "河北省", "上海市"}
    assert codes(card) == ["K614"]


def test_doubtful_names_are_reported():
    rows = [("甲县", 5.0), ("乙县", 3.0), ("市直", 4.0), ("其他", 1.0)]
    card = kpi.score(wide(rows), system=definition())
    assert ranked(card) == {"甲县", "乙县", "市直", "其他"}
    (finding,) = card.findings_list
    assert finding.code == "K676"
    assert "其他, 市直" in finding.message
    assert codes(kpi.score(wide(rows), system=definition(keep=["市直", "其他"]))) == []
    card = kpi.score(wide(rows), system=definition(leave_out=["市直", "其他"]))
    assert ranked(card) == {"甲县", "乙县"}
    assert codes(card) == ["K612"]


def test_check_reports_regions_too(tmp_path):
    (tmp_path / "a.csv").write_text(wide([*PLACES, ("其他", 3.0)]).write_csv(), "utf-8")
    (tmp_path / "t.yaml").write_text(json.dumps(definition()), "utf-8")
    findings = kpi.check(tmp_path / "t.yaml", data=tmp_path / "a.csv")
    assert {"K612", "K676"} <= {finding.code for finding in findings}


def test_every_name_of_a_group_is_worth_a_look():
    names, groups = region_names.groups_of_countries()
    assert all(map(region_names.may_be_region, {*names, *groups}))


@pytest.mark.parametrize("family", ["_DOMESTIC", "_GROUPS", "_DOUBTFUL"])
@settings(deadline=None, max_examples=300, derandomize=True)
@given(data=st.data())
def test_the_quick_search_rules_out_no_name(family, data):
    kinds = getattr(region_names, family)
    kind = data.draw(st.sampled_from(kinds))
    text = data.draw(st.from_regex(kind.pattern, fullmatch=True, alphabet=st.characters(exclude_categories=("Z", "C"))))
    assert re.search(kind.contains, text)
    if len(text) <= 80:
        assert (region_names.may_be_doubtful if family == "_DOUBTFUL" else region_names.may_be_region)(text)


REGIONS = (
    "浙北 浙西南地区 苏中 粤东西北 陕南 渝东北 南疆 杭嘉湖 苏锡常一体化 武汉城市圈 杭州都市圈 全市企业 "
    "全省规上工业企业 嘉兴全市 各县区 全市乡镇总数"
)
UNITS = (
    "晋中 渝北 渝中 陇西 湘西 黔南 黔西 桂东 琼中 宁南 甘南 云南 湖南 海南 新北 津南 辽中 全州县 全椒县 全南县 "
    "万全区 新城区 郊区 城区 矿区 都市报社 市区供电所 浙北高速公司 全州工业园区"
)


@pytest.mark.parametrize("name", REGIONS.split())
def test_parts_of_provinces_and_wholes_are_no_units(name):
    rows = [("南湖区", 5.0), ("嘉善县", 3.0), (name, 4.0), ("桐乡市", 1.0)]
    card = kpi.score(wide(rows), system=definition())
    assert ranked(card) == {"南湖区", "嘉善县", "桐乡市"}
    assert codes(card) == ["K612"]


@pytest.mark.parametrize("name", UNITS.split())
def test_units_that_are_called_like_regions_are_ranked(name):
    rows = [("南湖区", 5.0), ("嘉善县", 3.0), (name, 4.0), ("桐乡市", 1.0)]
    card = kpi.score(wide(rows), system=definition())
    assert name in ranked(card)
    assert set(codes(card)) <= {"K486"}


def test_the_districts_together_are_no_unit_beside_districts():
    rows = [("市区", 8.0), ("南湖区", 5.0), ("秀洲区", 3.0), ("海宁市", 4.0)]
    card = kpi.score(wide(rows), system=definition())
    assert (ranked(card), codes(card)) == ({"南湖区", "秀洲区", "海宁市"}, ["K612"])
    rows = [("市区", 8.0), ("海宁市", 5.0), ("嘉善县", 3.0), ("经济开发区", 4.0)]
    card = kpi.score(wide(rows), system=definition())
    assert "市区" in ranked(card)
    assert codes(card) == ["K676"]
    assert codes(kpi.score(wide(rows), system=definition(keep=["市区"]))) == []


def test_regions_of_the_united_states_are_no_states():
    rows = [("United States", 9.0), ("Northeast", 3.0), ("Midwest", 2.0), ("South", 3.0), ("West", 1.0), ("Texas", 3.0)]
    assert ranked(kpi.score(wide(rows), system=definition())) == {"Texas"}
    assert ranked(kpi.score(wide(rows[1:5]), system=definition())) == {"Northeast", "Midwest", "South", "West"}
    assert ranked(kpi.score(wide([rows[3], *rows[5:]]), system=definition())) == {"South", "Texas"}


def test_a_roster_of_files_has_no_regions(tmp_path):
    (tmp_path / "a.csv").write_text(wide([*PLACES, ("其他", 3.0)]).write_csv(), "utf-8")
    draft = roster_from_files([tmp_path / "a.csv"])
    assert set(draft.frame["entity"]) == {"浙江省", "北京", "吉林市", "其他"}
    assert [finding.code for finding in draft.findings] == ["K612", "K676"]


def test_cells_that_name_no_unit_or_several_are_reported():
    rows = [("甲局", 5.0), ("乙局", 3.0), ("甲局、乙局", 4.0), ("—", 1.0), ("(空白)", 2.0), ("Other counties", 1.0)]
    (finding,) = kpi.score(wide(rows), system=definition()).findings_list
    assert finding.code == "K676"
    assert all(name in finding.message for name in ("甲局、乙局", "—", "(空白)", "Other counties"))
    assert codes(kpi.score(wide([("甲局", 5.0), ("甲、乙片", 4.0)]), system=definition())) == []
    assert codes(kpi.score(wide([("甲局", 5.0), ("乙局", 3.0), ("甲局，乙局", 4.0)]), system=definition())) == ["K676"]
    assert codes(kpi.score(wide([("China", 5.0), ("Hong Kong SAR, China", 4.0)]), system=definition())) == []
