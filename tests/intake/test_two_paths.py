"""The fast and the careful path read drawn tables alike: wide ones, codes beside names, files read in pieces."""

from __future__ import annotations

import ast
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kpi
from kpi.errors import DataError
from kpi.intake import row_findings
from kpi.intake.entities import from_data
from kpi.intake.files import chunks, pieces
from kpi.intake.files.reader import read_all
from kpi.intake.matching.datasets import match
from kpi.intake.panel import take_in
from kpi.intake.reported import fast_long, fast_rows, fast_wide, lookups, read_plan
from kpi.intake.reported.read_plan import Columns, Escalate, ReadPlan, settled
from kpi.language.loading.loader import examine
from kpi.language.system import System

DEFINITION = """
system: s
period: quarter
entities: {{title: 县, leave_out: [戊县]{roster}}}
datasets:
  long: {{form: reported{more}}}
  wide: {{form: panel{more}}}
measures:
  flow: {{title: 收入, unit: 万元}}
  stock: {{title: 站数, unit: 个, over_time: last}}
  rate: {{title: 办结率, unit: '%'}}
  so_far: {{title: 上缴, unit: 万元, over_time: ytd}}
  urban: {{title: 城区收入, unit: 万元, where: "区域 = '城'"}}
indicators:
  a: {{title: 收入水平, kind: level, of: flow, target: {{at_least: {{column: target}}}}}}
  b: {{kind: growth, of: stock, over: 1y}}
"""
ROSTER = "entity,code,from,to\n甲县,330101,2020,2022\n乙县,330102,,\n丙县,330103,,\n"

#: Cells that are mostly plain, and cells about which something has to be decided.
CELLS = {
    "期别": (["2023Q1", "2023Q2", "2022Q1", "2023年三季度"], ["2023-05", "2023-03", "2023", "2023-1/2", "", "x"]),
    "地区": (["甲县", "乙县", "丙县"], [" 甲县", "330102", "甲", "丁县", "合计", "戊县", "地区", "", "\u200b"]),
    "区划代码": (["330101", "330102", "330103"], ["330102000000", "330103.0", "999999", "区划代码", "", "甲县"]),
    "指标": (["收入", "站数", "办结率"], ["上缴", "城区收入", "收入(亿元)", "收入水平", "b", "税收", "城区收人", ""]),
    "figure": (
        ["1", "2.5", "0", "-3", "120"],
        ["—", "", "不适用", "…", "1.2万", "3亿元", "12%", "1,234.5", "abc", "1e19", "1e400", "-0", "5,1", "684.864"],
    ),
    "计量单位": ([""], ["亿元", "万元", "个", "没有"]),
    "修订": ([""], ["1", "2", "x"]),
    "目标值": ([""], ["5", "高"]),
    "说明": ([""], ["口径调整"]),
    "区域": (["城"], ["乡", ""]),
}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    wide, oddness = draw(st.booleans()), draw(st.sampled_from([0, 1, 3]))
    keys = draw(st.sampled_from([["地区"], ["地区", "区划代码"], ["区划代码"]]))
    beside = draw(st.sets(st.sampled_from(["修订", "目标值", "说明", "区域"])))
    figures = draw(st.sampled_from([["收入"], ["收入", "站数"], ["收入(亿元)", "办结率", "城区收入"]]))
    columns = ["期别", *keys, *(figures if wide else ["指标", "数值", "计量单位"]), *sorted(beside)]

    def cell(column: str) -> st.SearchStrategy[str]:
        plain, odd = CELLS.get(column, CELLS["figure"])
        return st.sampled_from([*plain * (4 if oddness < 3 else 1), *(odd if oddness else [])])

    row = st.fixed_dictionaries({column: cell(column) for column in columns})
    blank = st.just(dict.fromkeys(columns, ""))
    rows = draw(st.lists(st.one_of(row, row, row, row, row, row, row, blank), min_size=1, max_size=25))
    return pl.DataFrame(rows)


def read(system: System, source: object) -> tuple[object, ...]:
    """Return all that a reading gives: the figures to the bit, counts, notes, and findings.

    Of several figures of one row that repeat others, the order of the findings is not compared.
    """
    try:
        panel = take_in(system, [source], data_hash="")
    except DataError as error:
        return ("nothing", *map(repr, error.diagnostics))
    figures = panel.frame.with_columns(pl.col(pl.Float64).reinterpret(dtype=pl.UInt64))
    restated = None if panel.restated is None else panel.restated.rows()
    findings = sorted(map(repr, panel.findings))
    return figures.schema, figures.rows(), panel.counts, panel.notes, restated, panel.entities.names, findings


class Systems(dict[tuple[bool, str], System]):
    def __repr__(self) -> str:
        return "systems"


@pytest.fixture(scope="module")
def systems(tmp_path_factory) -> Systems:
    home = tmp_path_factory.mktemp("paths")
    (home / "roster.csv").write_text(ROSTER, "utf-8")
    systems = Systems()
    for roster in (False, True):
        for more in ("", ", dates: dmy", ", decimal: ','"):
            path = home / f"{roster}{len(more)}.yaml"
            path.write_text(DEFINITION.format(roster=", roster: roster.csv" if roster else "", more=more), "utf-8")
            loaded = examine(path)
            assert loaded.system is not None, loaded.findings
            systems[roster, more] = loaded.system
    return systems


@pytest.fixture(scope="module", autouse=True)
def _small_batches():
    with pytest.MonkeyPatch.context() as patch:
        for module in (fast_rows, fast_wide):
            patch.setattr(module, "BATCH", 4)
        for module in (row_findings, fast_long):
            patch.setattr(module, "LIMIT", 3)
        yield


def compare(systems: Systems, data: st.DataObject) -> None:
    system = systems[data.draw(st.booleans()), data.draw(st.sampled_from(["", "", ", dates: dmy", ", decimal: ','"]))]
    table = data.draw(tables())
    fast = read(system, table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookups, "_AS_IT_IS", frozenset())  # no measure is plain then
        careful = read(system, table)
    assert fast == careful


def test_a_heading_among_the_codes_is_no_code(systems):
    rows = [("2023Q1", "330103", "1", "乙县"), ("2023Q1", "区划代码", "120", "甲县"), ("2023Q1", "330101", "0", "合计")]
    table = pl.DataFrame(rows, schema=["期别", "区划代码", "收入", "地区"], orient="row")
    panel = take_in(systems[False, ""], [table], data_hash="")
    assert dict(zip(panel.entities.names, panel.frame["flow"], strict=True)) == {"乙县": 1.0, "甲县": 120.0}


@pytest.mark.parametrize("name", ["合计", "甲县"])
def test_a_decimal_comma_in_a_row_of_totals_leaves_the_column_undecided(systems, name):
    rows = [("2023Q1", "甲县", "684.864"), ("2023Q2", name, "5,1")]
    table = pl.DataFrame(rows, schema=["期别", "地区", "站数"], orient="row")
    refused = [finding.code for finding in take_in(systems[False, ""], [table], data_hash="").findings]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookups, "_AS_IT_IS", frozenset())
        careful = [finding.code for finding in take_in(systems[False, ""], [table], data_hash="").findings]
    assert "K635" in refused
    assert refused == careful


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_both_paths_give_the_same(systems, data):
    compare(systems, data)


@pytest.mark.slow
@settings(max_examples=80, derandomize=True, deadline=None)
@given(data=st.data())
def test_both_paths_give_the_same_in_many_tables(systems, data):
    compare(systems, data)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_read_in_pieces_gives_what_it_gives_at_once(systems, tmp_path, data):
    system = systems[data.draw(st.booleans()), ""]
    table = pl.concat([data.draw(tables())] * 6)
    text = table.write_csv()
    if data.draw(st.booleans()):
        text = text.replace("口径调整", '"口径\n调整"').replace("2023Q2", '"2023Q2"')
    if data.draw(st.integers(0, 4)) == 0:
        text = text.replace("\n2022Q1,", "\n2022Q1,,,,,,,,,,,,9,", 1)
    path = tmp_path / "t.csv"
    path.write_text(text, data.draw(st.sampled_from(["utf-8", "gb18030"])), newline="")
    at_once = read(system, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGE", 100)
        patch.setattr(chunks, "LOOK", 400)
        patch.setattr(chunks, "SEARCHED", 4)
        patch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, data.draw(st.sampled_from([60, 500]))))
        in_pieces = read(system, path)
    assert in_pieces == at_once


# ---- PLANS ---- #


def test_a_reading_goes_on_until_a_plan_is_sufficient():
    asked = []

    def read(plan: ReadPlan) -> str | Escalate:
        asked.append(plan)
        if not plan.columns.complete:
            return plan.with_columns(Columns(complete=True))
        return "read" if plan.verification == "beforehand" else plan.verified()

    assert settled(read, ReadPlan(), reopen=True) == "read"
    assert [(plan.columns.complete, plan.verification) for plan in asked] == [
        (False, "deferred"), (True, "deferred"), (True, "beforehand"),
    ]  # fmt: skip
    # Whoever has files open leaves it to the caller to open them anew.
    assert settled(read, ReadPlan(), reopen=False) == Escalate(
        ReadPlan(columns=Columns(complete=True), verification="beforehand"), reopen=True
    )


@pytest.mark.parametrize(
    ("cell", "columns"),
    [
        ("2", Columns()),
        ("5,1", Columns(unclear=frozenset({"数值"}))),
        (None, Columns(complete=True)),
    ],
)
def test_a_table_is_read_by_a_plan_that_does_more_only_where_its_rows_ask_for_it(systems, monkeypatch, cell, columns):
    row = {"期别": "2023Q1", "地区": "甲县", "指标": "收入", "数值": "1", "颜色": None}
    other = {**row, "地区": "乙县", "数值": cell} if cell else {**dict.fromkeys(row), "颜色": "红"}
    system, plans = systems[False, ""], []
    encode = fast_long.Long.read
    monkeypatch.setattr(fast_long.Long, "read", lambda self: plans.append(self.plan.columns) or encode(self))
    table = read_all([pl.DataFrame([row, other], schema=dict.fromkeys(row, pl.String))])[0][0]
    source, _ = match(system, table)
    assert source is not None
    coded = fast_long.Long.of(source, system, from_data([]), None)
    assert not isinstance(coded, Escalate)
    assert coded.read == 2
    assert plans == ([Columns()] if columns == Columns() else [Columns(), columns])


@pytest.mark.parametrize("measure", ["收入", "收入(亿元)", "财政收入"])
def test_an_entity_is_there_for_one_period_as_it_is_for_all(measure):
    system = {
        "system": "s",
        "period": "month",
        "entities": {"title": "县"},
        "measures": {"income": {"title": "收入", "unit": "万元", "synonyms": ["财政收入"]}},
        "indicators": {"a": {"kind": "level", "of": "income"}},
    }
    row = {"期别": "2023-02", "地区": "甲县", "指标": "收入", "数值": "1"}
    # Nothing but a row that is passed over names the other.
    rows = [row, row | {"期别": "2023-01"}, row | {"地区": "乙县", "期别": "2022-10", "指标": measure}]
    card = kpi.score(pl.DataFrame(rows), system=system, period="2023-02")
    assert card.counts["passed_over"] == 1
    states = card.measures.select("entity", "status").rows()
    assert states == [("乙县", "missing"), ("甲县", "ok")]
    every = kpi.score(pl.DataFrame(rows), system=system).measures.filter(pl.col("period") == "2023-02")
    assert every.select("entity", "status").rows() == states


@pytest.mark.parametrize("measure", ["收入", "收入(万元)", "收入（亿元）", "营收"])
def test_finer_units_are_those_of_the_measure_however_it_is_named(measure):
    system = {
        "system": "s",
        "period": "month",
        "entities": {"title": "县"},
        "measures": {"income": {"title": "收入", "unit": "万元", "per": "企业", "synonyms": ["营收"]}},
        "indicators": {"a": {"kind": "count", "of": "income", "passes": ">= 2"}},
    }
    row = {"期别": "2023-02", "地区": "甲县", "指标": measure, "数值": "3", "企业": "东厂"}
    card = kpi.score(pl.DataFrame([row, row | {"企业": "西厂", "数值": "0.5"}]), system=system)
    passed = 2 if "亿元" in measure else 1
    assert card.indicators.select("value", "status").rows() == [(passed, "ok")]


def test_no_reading_escalates_by_an_exception():
    raised = [
        path.name
        for path in Path(read_plan.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and any("Exception" in ast.unparse(base) for base in node.bases)
    ]
    assert raised == []
