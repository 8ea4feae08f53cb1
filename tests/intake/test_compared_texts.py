"""Texts that conditions compare events with: those that no row has, and other spellings in some rows, are reported."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.errors import Severity

ROWS = pl.DataFrame(
    {
        "区县": ["东区", "东区", "西区", "西区", "西区"],
        "日期": ["2024-01-03", "2024-01-04", "2024-01-05", "2024-01-06", "2024-01-06"],
        "状态": ["已办结", "已办结", "已办结", "已办结", "在办"],
        "网办": ["是", "是", "否", "否", "是"],
    }
)
SYSTEM = """\
system: texts
period: month
entities: {{title: 区县{roster}}}
datasets: {{办件: {{form: records, columns: {{entity: 区县, period: 日期}}}}}}
measures:
  全部: {{kind: count, unit: 件}}
  部分: {{kind: count, unit: 件, where: "{where}"}}
indicators: {{x: {{kind: ratio, numerator: 部分, denominator: 全部, unit: '%', target: {{at_least: 90}}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
"""


def system_of(where: str, roster: str = "") -> str:
    return SYSTEM.format(where=where, roster=roster)


def findings_of(data, where: str, roster: str = "", **options) -> list:
    card = kpi.score(*([] if data is None else [data]), system=system_of(where, roster), **options)
    return [item for item in card.findings_list if item.code == "K681"]


def with_status(*texts: str | None) -> pl.DataFrame:
    return ROWS.with_columns(pl.Series("状态", texts, dtype=pl.String))


@pytest.mark.parametrize(
    ("where", "severity"),
    [
        ("状态 = '办结'", Severity.WARNING),
        ("状态 = '已办结件'", Severity.WARNING),
        ("状态 IN ('办结', '归档')", Severity.WARNING),
        ("状态 = '办结' AND 网办 = '是'", Severity.WARNING),
        ("状态 LIKE '办结%'", Severity.INFO),
        ("left(状态, 2) = '办结'", Severity.WARNING),
        ("状态 = '作废'", Severity.INFO),
    ],
)
def test_a_text_that_no_row_has(where, severity):
    (finding,) = findings_of(ROWS, where)
    assert finding.severity is severity
    assert finding.message.endswith("but '在办', '已办结'")
    assert finding.message.startswith(f"`{where}` selects no row")


@pytest.mark.parametrize(
    "where",
    [
        "状态 = '已办结'",
        "状态 IN ('办结', '已办结')",
        "状态 = '办结' OR 网办 = '是'",
        "状态 <> '作废'",
        "NOT (状态 = '作废')",
        "状态 LIKE '%办结'",
        "left(状态, 1) = '已'",
        "upper(状态) = '已办结'",
        "状态 IS NULL OR 状态 = '办结'",
    ],
)
def test_conditions_that_some_rows_meet(where):
    assert findings_of(ROWS, where) == []


@pytest.mark.parametrize("where", ["状态 <> '办结'", "NOT (状态 = '办结')", "状态 NOT IN ('办结')"])
def test_a_text_that_excludes_no_row(where):
    (finding,) = findings_of(ROWS, where)
    assert finding.severity is Severity.WARNING
    assert "excludes no row" in finding.message
    assert "'已办结'" in finding.hint


def test_contraries_are_not_taken_for_the_text():
    (finding,) = findings_of(with_status("未办结", "未办结", "在办", "在办", "在办"), "状态 = '办结'")
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    ("spelled", "where"),
    [
        ("已 办结", "状态 = '已办结'"),
        ("已办结。", "状态 = '已办结'"),
        ("(已办结)", "状态 <> '已办结'"),
        ("closed", "状态 IN ('Closed')"),
    ],
)
def test_other_spellings(spelled, where):
    text = "Closed" if spelled == "closed" else "已办结"
    (finding,) = findings_of(with_status(text, text, spelled, text, None), where)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith(f"1 row with '{spelled}' (1) in `状态` is not counted as '{text}'")
    assert (finding.place.row, finding.place.field) == (3, "状态")


def test_words_for_true():
    rows = ROWS.with_columns(网办=pl.Series(["是", "Y", "√", "N", "否"]))
    (finding,) = findings_of(rows, "网办 = '是'")
    assert finding.message.startswith("2 rows with 'Y' (1), '√' (1)")


@pytest.mark.parametrize(
    "texts", [("A", "A+", "A-", "B", "B"), ("1.1", "11", "1-1", "111", "1/1"), ("A", "a", "B", "B", "B")]
)
def test_codes_that_differ_in_signs_are_not_spellings(texts):
    where = "状态 = 'A' OR 状态 = 'a'" if "a" in texts else f"状态 = '{texts[0]}'"
    assert findings_of(with_status(*texts), where) == []


def test_spellings_that_the_definition_knows():
    assert (
        findings_of(with_status("已办结", "已 办结", "已办结", "在办", "在办"), "状态 IN ('已办结', '已 办结')") == []
    )


def test_blanks_around_and_full_width_are_no_other_spelling():
    assert findings_of(with_status("已办结 ", "　已办结", "已办结", "在办", None), "状态 = '已办结'") == []


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "two files", "roster", "period"])
def test_every_form_of_events(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    path = Path("rows.xlsx" if form == "xlsx" else "rows.parquet" if form == "parquet" else "rows.csv")
    {"xlsx": ROWS.write_excel, "parquet": ROWS.write_parquet}.get(form, ROWS.write_csv)(path)
    data = [path]
    if form == "two files":
        ROWS.with_columns(日期=pl.col("日期").str.replace("-01-", "-02-")).write_csv("more.csv")
        data.append(Path("more.csv"))
    pl.DataFrame({"区县": ["东区", "西区"]}).write_csv("roster.csv")
    roster = ", roster: roster.csv" if form == "roster" else ""
    options = {"period": "2024-01"} if form == "period" else {}
    (finding,) = findings_of(data, "状态 = '办结'", roster, **options)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("at", [5_000, 150_000])
def test_a_large_table(tmp_path, monkeypatch, at):
    """Of the first rows all spellings are reported, of all rows those of a condition that selects none."""
    monkeypatch.chdir(tmp_path)
    rows = ROWS.head(1).select(pl.all().repeat_by(200_000).explode())
    odd = pl.int_range(rows.height) == at
    rows.with_columns(状态=pl.when(odd).then(pl.lit("已办结。")).otherwise("状态")).write_csv("rows.csv")
    found = findings_of("rows.csv", "状态 = '已办结'")
    assert [item.message[:21] for item in found] == (["1 row with '已办结。' (1)"] if at < 10_000 else [])
    (finding,) = findings_of("rows.csv", "状态 = '办结'")
    assert finding.message.endswith("but '已办结', '已办结。'")
    rows.with_columns(状态=pl.when(odd).then(pl.lit("归档")).otherwise("状态")).write_csv("rows.csv")
    assert findings_of("rows.csv", "状态 = '归档'") == []


def test_a_database(tmp_path, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    rows = with_status("已办结", "已办结", "已办结", "已办结。", "在办")
    with duckdb.connect("rows.duckdb") as connection:
        connection.register("there", rows.to_arrow())
        connection.execute("CREATE TABLE 办件 AS SELECT * FROM there")
    place = {"warehouse": "duckdb:rows.duckdb"}
    assert findings_of(None, "状态 = '已办结'", **place)[0].message == findings_of(rows, "状态 = '已办结'")[0].message
    assert findings_of(None, "状态 = '办结'", **place)[0].message == findings_of(rows, "状态 = '办结'")[0].message


@pytest.mark.parametrize("where", ["状态 = '已办结'", "状态 = '办结'", "状态 = '归档'"])
@pytest.mark.parametrize("roster", ["", ", roster: roster.csv"])
def test_nights_and_their_verification(tmp_path, monkeypatch, roster, where):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"区县": ["东区", "西区"]}).write_csv("roster.csv")
    Path("t.yaml").write_text(system_of(where, roster), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for month, odd in (("01", "已办结。"), ("02", "已办结"), ("03", "已 办结"), ("04", "归档")):
        rows = with_status("已办结", "已办结", odd, "已办结", "在办")
        rows.with_columns(日期=pl.col("日期").str.replace("-01-", f"-{month}-")).write_csv(f"d{month}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        # With a roster the files are read each by itself.
        assert "K681" in done.stderr or (not roster and month == "04" and "归档" in where)
        verified = CliRunner().invoke(main, ["batch", "n.toml", "--verify"])
        assert verified.exit_code == 0, verified.stderr


def test_in_chinese(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ROWS.write_csv("rows.csv")
    Path("t.yaml").write_text(system_of("状态 = '办结'"), "utf-8")
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["score", "rows.csv", "--system", "t.yaml"])
    assert "没有选中任何一行" in done.stderr


def with_texts(usual: str, times: int, *others: str) -> pl.DataFrame:
    texts = [usual] * times + list(others)
    return pl.DataFrame({"区县": "东区", "日期": "2024-01-03", "网办": "是", "状态": texts}).with_columns(
        区县=pl.when(pl.int_range(len(texts)) % 2 == 0).then(pl.lit("东区")).otherwise(pl.lit("西区"))
    )


@pytest.mark.parametrize(
    ("usual", "others"),
    [
        ("办结", ["已办结", "办结了", "办结的", "辦結", "已辦結"]),
        ("已办结", ["办结", "已办结了"]),
        ("办结", ["办洁"]),
        ("已办结", ["己办结"]),
        ("已办结", ["已结办"]),
        ("审核通过", ["审合通过"]),
        ("不合格", ["不合各"]),
        ("Completed", ["Complted"]),
        ("Completed", ["COMPLETED", "Compelted"]),
        ("Case closed", ["Case clsed"]),
    ],
)
@pytest.mark.parametrize("test", ["=", "<>"])
def test_probable_spellings_are_reported_once_with_their_rows(usual, others, test):
    rows = with_texts(usual, 40, *others, "退件", "在办")
    (finding,) = findings_of(rows, f"状态 {test} '{usual}'")
    assert finding.severity is Severity.WARNING
    assert all(f"'{text}' (1)" in finding.message for text in others), finding.message
    assert "'退件'" not in finding.message
    assert finding.place.row == 41
    assert ("NOT IN" in finding.hint) is (test == "<>")


def test_two_texts_of_one_state_are_reported_however_many_rows_have_them():
    (finding,) = findings_of(with_texts("办结", 6, *["已办结"] * 5), "状态 = '办结'")
    assert "5 rows with '已办结' (5)" in finding.message


@pytest.mark.parametrize(
    ("usual", "others"),
    [
        ("办结", ["未办结", "办理中", "退件", "不予办结", "待办结", "已办", "办理", "办结率"]),
        ("男", ["女", "南"]),
        ("A", ["B", "AB", "A1"]),
        ("Q1", ["Q2", "Q3", "Q11"]),
        ("2024-01", ["2024-02"]),
        ("complete", ["incomplete", "contemplate"]),
        ("Male", ["Female"]),
        ("employee", ["employer"]),
        ("typical", ["atypical"]),
        ("inland", ["island"]),
        ("type A", ["type B"]),
        ("一级", ["二级", "乙级", "三级"]),
        ("合格", ["不合格", "基本合格"]),
        ("终止", ["中止", "截止"]),
        ("网上", ["网下", "线上", "窗口"]),
        ("已受理", ["未受理", "不受理", "已办理", "已审理"]),
        ("已收", ["已售", "已付"]),
        ("东区", ["西区", "冬区"]),
        ("医院", ["医员", "学院"]),
    ],
)
def test_other_texts_are_no_spellings(usual, others):
    assert findings_of(with_texts(usual, 40, *others), f"状态 = '{usual}'") == []


def test_a_letter_that_many_rows_have_is_no_slip():
    assert findings_of(with_texts("登录", 40, *["登陆"] * 9), "状态 = '登录'") == []


def test_texts_that_other_measures_count_are_no_spellings():
    system = system_of("状态 = '办结'").replace(
        "indicators:", "  其他: {kind: count, unit: 件, where: \"状态 = '已办结'\"}\nindicators:"
    )
    card = kpi.score(with_texts("办结", 9, "已办结"), system=system)
    assert [item for item in card.findings_list if item.code == "K681"] == []


@pytest.mark.parametrize("where", ["状态 = '办洁'", "状态 = '辦結'"])
def test_a_slip_in_the_condition_names_the_text_of_the_rows(where):
    (finding,) = findings_of(with_texts("办结", 9, "退件"), where)
    assert (finding.severity, "'办结'" in finding.hint) == (Severity.WARNING, True)


def test_probable_spellings_in_chinese(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with_texts("办结", 9, "已办结").write_csv("rows.csv")
    Path("t.yaml").write_text(system_of("状态 = '办结'"), "utf-8")
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["score", "rows.csv", "--system", "t.yaml"])
    assert "含义不同则无需处理" in done.stderr
