"""Plain rows take a short way into the panel; it leads to the same panel, findings and counts as the long one."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.io.plugins import register_io_source

from kpi.errors import DataError
from kpi.intake import row_findings
from kpi.intake.entities import from_data
from kpi.intake.files.reader import read_all
from kpi.intake.grid import Panel
from kpi.intake.matching.datasets import match
from kpi.intake.panel import take_in
from kpi.intake.reported import fast_long, fast_rows, lookups
from kpi.language.loading.loader import examine
from kpi.language.system import System

DEFINITION = """
system: s
period: {grain}
entities: {{title: 县{roster}}}
measures:
  flow: {{title: 收入, unit: 万元, synonyms: [财政收入]}}
  stock: {{title: 站数, unit: 个, over_time: last}}
  rate: {{title: 办结率, unit: '%'}}
  level: {{title: 平均, unit: 分, over_time: mean}}
  so_far: {{title: 累计, unit: 万元, over_time: ytd}}
  urban: {{title: 城区收入, unit: 万元, where: "区域 = '城'"}}
  finer: {{title: 村收入, unit: 万元, per: 村}}
  yes: {{title: 出台, unit: 是/否}}
indicators:
  a: {{title: 收入水平, kind: level, of: flow, target: {{at_least: {{column: target}}}}}}
  b: {{kind: level, of: stock}}
  villages: {{kind: count, of: finer, passes: '>= 2'}}
"""
ROSTER = "entity,code,from,to\n甲县,330101,2020,2022\n乙县,330102,,\n丙县,330103,,\n"

MEASURES = ["收入", "站数", "办结率", "平均", "累计", "城区收入", "村收入", "出台"]


def often(plain: list[str], odd: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(plain), st.sampled_from(plain), st.sampled_from(plain), st.sampled_from(odd))


PERIODS = {
    "month": ["2023-01", "2023-02", "2023-03", "2023-12", "202304", "2023年4月"],
    "quarter": ["2023Q1", "2023Q2", "2023年三季度", "2022Q4"],
    "year": ["2022", "2023年", "2023-01/12"],
}
ODD_PERIODS = [
    "2023-1/2",
    "2023年1-6月",
    "2023年1-9月",
    "2023-03",
    "2023-06",
    "2023Q1",
    "2023",
    "2023H1",
    "x",
    "",
    "2023-13",
]


@st.composite
def tables(draw: st.DrawFn, grain: str) -> pl.DataFrame:
    row = st.fixed_dictionaries(
        {
            "period": often(PERIODS[grain], ODD_PERIODS),
            "entity": often(["甲县", "乙县", "丙县"], [" 甲县", "330101", "330102", "甲", "丁县", "", "　"]),
            "measure": often(MEASURES[:3], [*MEASURES[3:], "财政收入", " 收入", "收入水平", "a", "别的", "另外", ""]),
            "value": often(
                ["1", "2.5", "0", "120", "-3"],
                [
                    "0.000",
                    "1,234.5",
                    "12%",
                    "3.5亿元",
                    "—",
                    "…",
                    "",
                    "abc",
                    "1e30",
                    "1e19",
                    "是",
                    "-0",
                    " 7",
                    "nan",
                    "2万",
                ],
            ),
            "unit": often([""], ["万元", "亿元", "元", "个", "%", "没有", " 万元 ", "分"]),
            "revision": often(["", "0"], ["1", "2", "x", "1.0", "0.0", " 0", "-0", "00"]),
            "target": often([""], ["5", "高", "3亿元"]),
            "note": often([""], ["口径调整"]),
            "区域": st.sampled_from(["城", "乡", ""]),
            "村": st.sampled_from(["东", "西", ""]),
        }
    )
    rows = draw(st.lists(row, min_size=1, max_size=30))
    columns = [
        "period",
        "entity",
        "measure",
        "value",
        *draw(st.sets(st.sampled_from(["unit", "revision", "target", "note", "区域", "村"]))),
    ]
    return pl.DataFrame(rows).select(columns)


def taken(system: System, sources: list) -> Panel | list[str]:
    try:
        return take_in(system, sources)
    except DataError as error:
        return [str(item) for item in error.diagnostics]


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Float64).reinterpret(dtype=pl.UInt64))


def same(short: Panel | list[str], long: Panel | list[str]) -> None:
    if isinstance(short, list) or isinstance(long, list):
        assert short == long
        return
    assert short.findings == long.findings
    assert short.counts == long.counts
    assert short.notes == long.notes
    assert short.periods == long.periods
    assert short.entities.names == long.entities.names
    assert short.frame.schema == long.frame.schema
    assert bits(short.frame).equals(bits(long.frame))


class Systems(dict):
    def __repr__(self) -> str:
        return "systems"


@pytest.fixture(scope="module")
def systems(tmp_path_factory) -> Systems:
    home = tmp_path_factory.mktemp("plain")
    (home / "roster.csv").write_text(ROSTER, "utf-8")
    result = Systems()
    for grain in PERIODS:
        for roster in (False, True):
            path = home / f"{grain}{roster}.yaml"
            path.write_text(DEFINITION.format(grain=grain, roster=", roster: roster.csv" if roster else ""), "utf-8")
            loaded = examine(path)
            assert loaded.system is not None, loaded.findings
            result[grain, roster] = loaded.system
    return result


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_rows, "BATCH", 4)
        patch.setattr(row_findings, "LIMIT", 3)
        patch.setattr(fast_long, "LIMIT", 3)
        yield


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_short_way_leads_where_the_long_way_does(systems, data):
    compare(systems, data)


@pytest.mark.slow
@settings(max_examples=100, derandomize=True, deadline=None)
@given(data=st.data())
def test_the_short_way_leads_where_the_long_way_does_in_many_tables(systems, data):
    compare(systems, data)


def compare(systems, data):
    grain = data.draw(st.sampled_from(list(PERIODS)))
    system = systems[grain, data.draw(st.booleans())]
    sources = data.draw(st.lists(tables(grain), min_size=1, max_size=2))
    short = taken(system, sources)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookups, "_AS_IT_IS", frozenset())
        long = taken(system, sources)
    same(short, long)


def test_a_table_without_the_column_of_a_condition_is_a_finding_on_each_row_concerned(systems):
    table = pl.DataFrame(
        {"period": ["2023-01"] * 2, "entity": ["甲县"] * 2, "measure": ["收入", "城区收入"], "value": ["3", "2"]}
    )
    panel = take_in(systems["month", False], [table])
    assert [(item.code, item.place.row, item.message) for item in panel.findings] == [
        ("K541", 2, "城区收入 takes rows where 区域 = '城', but the file has no column `区域`")
    ]
    assert (panel.counts.read, panel.counts.refused, panel.counts.used) == (2, 1, 1)
    assert panel.frame.select("flow", "urban.status").rows() == [(3.0, "refused")]


def test_rows_beyond_those_listed_are_counted(systems):
    names = ["收入", *("城区收" for _ in range(9)), "收入"]
    table = pl.DataFrame(
        {"period": ["2023-01"] * 11, "entity": ["甲县", *["乙县"] * 10], "measure": names, "value": "1"}
    )
    panel = take_in(systems["month", False], [table])
    assert [item.message for item in panel.findings if item.code == "K601"] == [
        *("`城区收` is not a measure of s" for _ in range(3)),
        "... and 6 more rows of this kind",
    ]
    assert (panel.counts.read, panel.counts.refused, panel.counts.used) == (11, 9, 2)


def test_figures_alone_in_their_cells_take_the_short_way(systems):
    table = pl.DataFrame(
        {
            "period": ["2023-01", "2023-02"],
            "entity": ["甲县", "乙县"],
            "measure": "收入",
            "value": [1.0, 2.0],
            "unit": "亿元",
        }
    )
    system = systems["month", False]
    source = match(system, read_all([table])[0][0])[0]
    apart = fast_long.Long.of(source, system, from_data([]), None)
    assert (apart.others.height, apart.read, apart.names) == (0, 2, ["乙县", "甲县"])
    assert pl.concat([item.frame for item in apart.plain])["value"].to_list() == [10000.0, 20000.0]


@pytest.mark.parametrize("none", ["0", 0, 0.0, " 0 ", None])
def test_a_first_edition_numbered_0_is_as_plain_as_one_without_a_number(systems, none):
    table = pl.DataFrame({"period": ["2023-01"] * 3, "entity": ["甲县", "乙县", "丙县"], "measure": "收入", "value": 1})
    numbers = pl.Series("revision", [none, none, 1 if none is None else type(none)(1)])
    system = systems["month", False]
    source = match(system, read_all([table.with_columns(numbers)])[0][0])[0]
    apart = fast_long.Long.of(source, system, from_data([]), None)
    assert (apart.others.height, apart.read, [item.frame.height for item in apart.plain]) == (1, 3, [2])


def test_more_entities_than_short_integers_count(systems, monkeypatch):
    monkeypatch.setattr(fast_rows, "BATCH", 20_000)
    names = [f"县{at:05}" for at in range(40_000)]
    table = pl.DataFrame({"entity": names, "value": range(40_000)}).with_columns(period=pl.lit("2023-01"))
    panel = take_in(systems["month", False], [table.with_columns(measure=pl.lit("收入"))])
    assert list(panel.entities.names) == names
    assert panel.frame["flow"].to_list() == [float(at) for at in range(40_000)]


@pytest.mark.parametrize(
    ("other", "read", "left_out", "whole"), [("其他", 2, 1, 2), (None, 1, 0, 1), ("named", 2, 0, 0)]
)
def test_columns_that_nothing_needs_are_read_only_for_rows_with_nothing_else(systems, other, read, left_out, whole):
    row = {"period": "2023-01", "entity": "乙县", "measure": "收入", "value": "2"}
    second = {**row, "colour": None} if other == "named" else {**dict.fromkeys(row), "colour": other}
    table = pl.DataFrame([{**row, "entity": "甲县", "colour": None}, second], schema=dict.fromkeys(second, pl.String))
    asked = []

    def rows(columns, predicate, _rows, _size):
        assert predicate is None
        asked.append(columns)
        yield table if columns is None else table.select(columns)

    source = register_io_source(rows, schema=table.schema)
    panel = take_in(systems["month", True], [source], data_hash="known")
    assert (panel.counts.read, panel.counts.refused, panel.counts.left_out) == (read, 0, left_out)
    assert [finding.code for finding in panel.findings].count("K614") == left_out
    assert asked.count(None) == whole
    assert all("colour" not in columns for columns in asked if columns is not None)
