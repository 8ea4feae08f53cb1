"""Rosters made of files: every unit once, no totals, open questions as findings, and a round trip."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.errors import DataError
from kpi.intake.roster import from_roster
from kpi.intake.roster_from_files import COLUMNS, roster_from_files
from kpi.report.files import write
from kpi.report.roster import RosterReport

REPORTS = (
    "期别,区划代码,地区,指标,数值\n"
    "2023Q4,330481,海宁市,gdp,1\n"
    "2023Q4,330483,桐乡市,gdp,2\n"
    "2023Q4,330424,海盐县,gdp,3\n"
    "2023Q4,,合计,gdp,6\n"
)


@pytest.fixture
def files(tmp_path):
    def put(**texts):
        paths = []
        for name, text in texts.items():
            paths.append(tmp_path / f"{name}.csv")
            paths[-1].write_text(text, "utf-8")
        return paths

    return put


def messages_of(draft):
    return [(finding.code, str(finding.severity)) for finding in draft.findings]


def rows(draft, *columns):
    return draft.frame.select(columns).rows()


def test_short_and_full_names_are_one_unit_with_its_code_parent_and_files(files):
    paths = files(
        reports=REPORTS, cases="地区,办件量\n桐乡,3\n海宁市,4\n海盐县,5\n", codes="区划代码,pop\n330483000000,5\n"
    )
    draft = roster_from_files(paths)
    assert draft.frame.columns == list(COLUMNS)
    assert rows(draft, "entity", "code", "cohort", "aliases", "parent") == [
        ("海盐县", "330424", None, None, "330400"),
        ("海宁市", "330481", None, None, "330400"),
        ("桐乡市", "330483", None, "桐乡", "330400"),
    ]
    assert [[item.rpartition("/")[2] for item in cell.split("、")] for (cell,) in rows(draft, "files")] == [
        ["reports.csv", "cases.csv"], ["reports.csv", "cases.csv"], ["reports.csv", "cases.csv", "codes.csv"],
    ]  # fmt: skip
    (total,) = draft.findings
    assert (total.code, total.message) == ("K612", "totals and the like are left out of the roster: 合计 (row 5)")


def test_a_full_name_without_a_code_is_joined_to_the_code_beside_its_short_name(files):
    draft = roster_from_files(
        files(a="代码,地区,x\n222400,延边,1\n", b="地区,x\n延边朝鲜族自治州,1\n", c="地区,x\n延边州,1\n")
    )
    assert rows(draft, "entity", "code", "aliases") == [("延边朝鲜族自治州", "222400", "延边州、延边")]


def test_a_name_that_may_be_two_is_asked_for_and_is_no_unit(files):
    draft = roster_from_files(files(a="代码,地区,x\n110105,朝阳区,1\n211300,朝阳市,1\n", b="地区,x\n朝阳,1\n"))
    assert rows(draft, "entity", "code") == [("朝阳区", "110105"), ("朝阳市", "211300")]
    assert messages_of(draft) == [("K484", "warning")]
    assert draft.findings[0].message == "`朝阳` may be 朝阳区 or 朝阳市, and is not in the roster"
    assert (draft.findings[0].place.row, draft.findings[0].place.field) == (2, "地区")


def test_one_name_with_two_codes_is_two_units_and_a_row_without_a_code_is_asked_for(files):
    draft = roster_from_files(
        files(a="代码,地区,x\n320106,鼓楼区,1\n350102,鼓楼区,1\n", b="地区,x\n鼓楼区,1\n", c="地区,x\n鼓楼,2\n")
    )
    assert rows(draft, "entity", "code", "aliases") == [("鼓楼区", "320106", None), ("鼓楼区", "350102", None)]
    assert messages_of(draft) == [("K616", "info"), ("K484", "warning"), ("K484", "warning")]
    assert draft.findings[1].message == (
        "`鼓楼区` may be 鼓楼区（320106） or 鼓楼区（350102）, and is not in the roster"
    )


def test_names_under_one_code_are_one_unit_shown_by_the_latest(files):
    text = "期别,代码,地区,x\n1985,330419,海宁县,1\n1990,330419,海宁市,1\n"
    assert rows(roster_from_files(files(a=text)), "entity", "aliases") == [("海宁市", "海宁县")]


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ("东湖县", "东胡县", [("东湖县", "东胡县")]),
        ("东湖县", "西湖县", []),
        ("第1中学", "第2中学", []),
        ("嘉兴市南湖区", "南湖区", [("嘉兴市南湖区", "南湖区")]),
        ("南岭市", "南岭县", [("南岭市", "南岭县")]),
        ("东湖", "东湖县", []),
    ],
)
def test_names_that_may_be_one_unit_are_told_unless_one_table_has_both(files, first, second, pairs):
    apart = roster_from_files(files(a=f"期别,地区,x\n2023,{first},1\n", b=f"期别,地区,x\n2023,{second},1\n"))
    assert [item.message for item in apart.findings] == [f"{a} and {b} may be one unit" for a, b in pairs]
    later = roster_from_files(files(a=f"期别,地区,x\n2023,{first},1\n2024,{second},1\n"))
    assert len(later.findings) == len(pairs)
    both = roster_from_files(files(a=f"期别,地区,x\n2023,{first},1\n2023,{second},1\n"))
    assert both.findings == ()


def test_codes_tell_units_apart_whatever_their_names(files):
    draft = roster_from_files(files(a="代码,地区,x\n330402,东湖县,1\n", b="代码,地区,x\n330411,东胡县,1\n"))
    assert draft.findings == ()


def test_a_city_among_its_counties_is_told(files):
    draft = roster_from_files(files(a="代码,地区,x\n330400,嘉兴市,1\n330483,桐乡市,1\n"))
    assert rows(draft, "entity", "parent") == [("嘉兴市", "330000"), ("桐乡市", "330400")]
    assert [item.message for item in draft.findings] == [
        "units that others belong to would be ranked beside them: 嘉兴市"
    ]


def test_codes_of_enterprises_have_no_parent(files):
    draft = roster_from_files(files(a="代码,企业名称,x\n330402,甲公司,1\nA17,乙公司,1\n"))
    assert rows(draft, "parent") == [(None,), (None,)]


def test_headings_remarks_and_repeated_headers_are_no_units(files):
    text = "地区,x\n华北,\n甲县,1\n地区,x\n乙县,2\n平均,3\n"
    draft = roster_from_files(files(a=text))
    assert rows(draft, "entity") == [("甲县",), ("乙县",)]
    assert messages_of(draft) == [("K612", "info"), ("K614", "info")]


def test_units_across_the_header_and_above_the_table(files):
    draft = roster_from_files(files(a="指标,甲县,乙县\ngdp,1,2\n", b="地区：丙县,\n指标,数值\ngdp,1\n"))
    assert rows(draft, "entity") == [("甲县",), ("乙县",), ("丙县",)]
    assert draft.findings == ()


def test_a_column_of_places_without_a_known_heading_names_units(files):
    draft = roster_from_files(files(a="所在地,x\n甲县,1\n乙县,2\n"))
    assert rows(draft, "entity") == [("甲县",), ("乙县",)]


def test_a_table_without_units_is_told(files):
    draft = roster_from_files(files(a="日期,放假\n2023-01-01,是\n", b="地区,x\n甲县,1\n"))
    assert [(item.code, str(item.severity), item.place.row) for item in draft.findings] == [("K546", "warning", 1)]
    assert rows(draft, "entity") == [("甲县",)]


def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_used(files, tmp_path):
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    draft = roster_from_files([*files(a="地区,x\n甲县,1\n"), tmp_path / "broken.xlsx"])
    assert rows(draft, "entity") == [("甲县",)]
    assert [str(item.severity) for item in draft.findings] == ["error"]
    with pytest.raises(DataError):
        roster_from_files([tmp_path / "none.csv"])


def test_the_system_says_what_headers_and_names_mean(files):
    system = kpi.load(
        {
            "system": "s", "period": "year",
            "entities": {"title": "参评单位", "leave_out": ["省本级"], "keep": ["全市"]},
            "measures": {"x": {"unit": "件"}}, "indicators": {"y": {"kind": "level", "of": "x"}},
        }
    )  # fmt: skip
    paths = files(a="参评单位,x\n甲局,1\n省本级,2\n全市,3\n")
    assert rows(roster_from_files(paths, system=system), "entity") == [("甲局",), ("全市",)]


def test_an_alias_that_a_cell_cannot_hold_is_told(files):
    text = "期别,代码,企业名称,x\n2022,A1,甲/乙公司,1\n2023,A1,甲乙公司,1\n"
    draft = roster_from_files(files(a=text))
    assert rows(draft, "entity", "aliases") == [("甲乙公司", None)]
    assert messages_of(draft) == [("K616", "info"), ("K484", "warning")]


def test_frames_and_other_formats_give_the_same_roster(files, tmp_path):
    paths = files(a="代码,地区,x\n330481,海宁市,1\n330483,桐乡市,2\n")
    frame = pl.read_csv(paths[0])
    frame.write_parquet(tmp_path / "a.parquet")
    frame.with_columns(代码=pl.col("代码").cast(pl.Float64)).write_excel(tmp_path / "a.xlsx")
    expected = rows(roster_from_files(paths), "entity", "code", "parent")
    for other in (frame, tmp_path / "a.parquet", tmp_path / "a.xlsx"):
        assert rows(roster_from_files([other]), "entity", "code", "parent") == expected


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_files_are_read_with_it_without_findings(files, tmp_path, form, language):
    paths = files(
        reports=REPORTS + "2023Q4,320106,鼓楼区,gdp,7\n2023Q4,350102,鼓楼区,gdp,8\n",
        cases="期别,地区,popu\n2023Q4,桐乡,3\n2023Q4,海宁市,4\n2023Q4,海盐,5\n2023Q4,全市,12\n",
    )
    with kpi.using_language(language):
        write(RosterReport(roster_from_files(paths)), tmp_path / f"roster.{form}")
    entities = from_roster(tmp_path / f"roster.{form}", None)
    assert entities.names == ["鼓楼区（320106）", "海盐县", "海宁市", "桐乡市", "鼓楼区（350102）"]
    system = {
        "system": "s", "period": "quarter", "entities": {"roster": str(tmp_path / f"roster.{form}")},
        "measures": {"gdp": {"unit": "亿元"}, "popu": {"unit": "万人"}},
        "indicators": {"size": {"kind": "level", "of": "gdp"}},
    }  # fmt: skip
    card = kpi.score(paths, system=system)
    assert [item.code for item in card.findings_list] == ["K612", "K612"]
    assert card.measures.filter(entity="桐乡市")["value"].to_list() == [2.0, 3.0]


def test_files_without_units_make_no_roster(tmp_path):
    file = tmp_path / "figures.csv"
    file.write_text("期别,窗口,visitors\n2024Q1,甲窗,1\n", "utf-8")
    with pytest.raises(DataError, match="the files name no units") as raised:
        roster_from_files([file])
    assert [item.code for item in raised.value.diagnostics] == ["K546", "K546"]
    assert "-s SYSTEM" in str(raised.value.diagnostics[-1].hint)


def test_a_definition_may_name_a_column_of_codes_as_that_of_units():
    definition = """
system: s
period: year
entities: {title: 县}
datasets: {panel: {form: panel, columns: {entity: 区划代码}}}
measures: {m: {title: 投资, unit: 元}}
indicators: {i: {kind: level, of: m, better: higher}}
"""
    frame = pl.DataFrame({"区划代码": ["330101", "330102"], "期别": ["2023", "2023"], "投资": [5, 7]})
    plain, declared = (roster_from_files([frame], system=item) for item in (None, kpi.load(definition)))
    assert declared.frame.equals(plain.frame)
    assert declared.frame["code"].to_list() == ["330101", "330102"]
