"""Texts of cells mean the same whatever blanks, width or type they come in: conditions, keys, finer units, groups."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

import kpi
from kpi.errors import DataError

REPORTED = """\
system: s
period: quarter
entities: {{title: 县}}
measures: {{a: {{title: 数量, unit: 件, where: "{where}"}}}}
indicators: {{x: {{kind: level, of: a}}}}
pillars: {{甲: {{weight: 100, parts: {{x: 100}}}}}}
"""
EVENTS = """\
system: s
period: year
entities: {{title: 县}}
datasets: {{cases: {{form: records, columns: {{period: 日期, entity: 县}}{key}}}}}
measures: {{a: {{{measure}, unit: 件, from: cases}}}}
indicators: {{x: {{kind: level, of: a}}}}
pillars: {{甲: {{weight: 100, parts: {{x: 100}}}}}}
"""
MIDNIGHT = dt.datetime.fromisoformat("2024-01-05T00:00:00")
ODD = ["城镇", "城镇 ", " 城镇", "城镇\u200b", "城镇\xa0", "\u3000城镇"]


@pytest.fixture
def card(tmp_path):
    def score(text, data):
        (tmp_path / "s.yaml").write_text(text, "utf-8")
        return kpi.score(data, system=tmp_path / "s.yaml")

    return score


def long(cells):
    some = len(cells)
    units = [f"{number}县" for number in range(some)]
    return pl.DataFrame({"期别": ["2024Q1"] * some, "地区": units, "指标": ["数量"] * some, "数值": [10] * some}), units


def taken(card):
    return [value is not None for value in card.indicators.sort("entity")["value"]]


def events(some):
    return {"日期": ["2024-01-05"] * some, "县": ["甲县"] * some}


def counted(card):
    return card.indicators["value"].to_list()


def codes(card):
    return [(item.code, item.severity.value, str(item.message)) for item in card.findings_list]


@pytest.mark.parametrize("form", ["long", "wide", "csv"])
def test_a_condition_of_reported_figures_takes_texts_whatever_blanks_they_have(card, tmp_path, form):
    frame, units = long([*ODD, "乡村"])
    frame = frame.with_columns(类别=pl.Series([*ODD, "乡村"]))
    if form == "wide":
        frame = frame.drop("指标").rename({"数值": "数量"})
    if form == "csv":
        frame.write_csv(tmp_path / "d.csv")
        frame = tmp_path / "d.csv"
    assert taken(card(REPORTED.format(where="类别 = '城镇'"), frame)) == [True] * len(ODD) + [False]
    others = card(REPORTED.format(where="类别 <> '城镇'"), frame)
    assert taken(others) == [False] * len(ODD) + [True]
    assert "K628" not in [code for code, *_ in codes(others)]
    assert len(units) == len(ODD) + 1


def test_blank_cells_that_a_condition_of_reported_figures_drops_are_counted(card):
    frame, _ = long(range(4))
    result = card(
        REPORTED.format(where="类别 <> '城镇'"), frame.with_columns(类别=pl.Series(["城镇", " ", None, "乡"]))
    )
    assert taken(result) == [False, False, False, True]
    (note,) = [message for code, _, message in codes(result) if code == "K628"]
    assert "2 rows with a blank `类别` are not counted" in note


@pytest.mark.parametrize(
    ("cell", "where"),
    [
        (1, "类别 = '1'"), (1.0, "类别 = '1'"), (1.0, "类别 = '１'"), ("１", "类别 = '1'"), (1, "类别 IN ('1', '2')"),
        (1.5, "类别 = '1.5'"), (Decimal("1.00"), "类别 = '1'"), (Decimal(100), "类别 = '100'"),
        (MIDNIGHT.date(), "类别 = '2024-01-05'"), (MIDNIGHT, "类别 = '2024-01-05'"),
        (MIDNIGHT.replace(hour=8), "类别 = '2024-01-05 08:00:00'"), (330482.0, "类别 LIKE '3304__'"),
        (True, "类别 = '是'"), (True, "类别 = 'true'"), (True, "类别 <> '否'"), (True, "类别 = 'True'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["long", "wide", "events", "parquet"])
def test_a_condition_takes_cells_of_any_type_as_the_text_that_a_file_has(card, tmp_path, form, cell, where):
    frame = pl.DataFrame({"期别": ["2024Q1"] * 2, "地区": ["甲县"] * 2, "指标": ["数量"] * 2, "数值": [10, 20]})
    frame = frame.with_columns(类别=pl.Series([cell, None]))
    if form == "wide":
        frame = frame.drop("指标").rename({"数值": "数量"})
    if form == "parquet":
        frame.write_parquet(tmp_path / "d.parquet")
        frame = tmp_path / "d.parquet"
    text, value = REPORTED.format(where=where), 10.0
    if form == "events":
        frame = pl.DataFrame(events(2)).with_columns(类别=pl.Series([cell, None]))
        text, value = EVENTS.format(measure=f'kind: count, where: "{where}"', key=""), 1.0
    assert counted(card(text, frame)) == [value]


def test_a_column_is_a_number_for_one_measure_and_a_text_for_another(card):
    other = "measures: {b: {title: 件数, unit: 件, where: '类别 >= 1'}, "
    text = REPORTED.format(where="类别 = '1'").replace("measures: {", other)
    text = text.replace("of: a}}", "of: a}, y: {kind: level, of: b}}").replace("x: 100", "x: 50, y: 50")
    some = {"期别": ["2024Q1"] * 2, "地区": ["甲县"] * 2, "指标": ["数量", "件数"], "数值": [10, 20]}
    for cells in (["1", "1"], [1, 1]):
        assert sorted(counted(card(text, pl.DataFrame(some | {"类别": cells})))) == [10.0, 20.0]


def test_a_key_is_one_event_as_a_float_and_as_an_integer(card):
    text = EVENTS.format(measure="kind: count", key=", key: 编号")
    frames = [pl.DataFrame(events(2) | {"编号": cells}) for cells in ([1, 2], [1.0, None], ["2", "3"])]
    assert counted(card(text, frames)) == [4.0]


@pytest.mark.parametrize("frequency", ["Q", "Q-DEC"])
@pytest.mark.parametrize("categorical", [False, True])
def test_periods_of_pandas_are_read_as_their_texts(card, frequency, categorical):
    pandas = pytest.importorskip("pandas")
    periods = pandas.period_range("2024Q1", periods=2, freq=frequency)
    frame = pandas.DataFrame({"期别": pandas.Categorical(periods) if categorical else periods})
    frame = frame.assign(地区="甲县", 指标="数量", 数值=[10, 20], 类别=pandas.Series([1, None]))
    assert counted(card(REPORTED.format(where="类别 = '1'"), frame)) == [10.0]


@pytest.mark.parametrize("frequency", ["Q-MAR", "2Q"])
def test_periods_of_pandas_whose_text_means_another_time_are_refused(card, frequency):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"期别": pandas.period_range("2024Q1", periods=1, freq=frequency)})
    with pytest.raises(DataError, match="K557"):
        card(REPORTED.format(where="类别 = '1'"), frame.assign(地区="甲县", 指标="数量", 数值=10, 类别=1))


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_column_of_a_type_that_only_its_writer_knows_is_refused_in_words(card, tmp_path, form):
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"期别": pandas.period_range("2024Q1", periods=1, freq="Q")})
    frame = frame.assign(地区="甲县", 指标="数量", 数值=10, 类别=1)
    if form == "parquet":
        frame.to_parquet(tmp_path / "d.parquet")
    with pytest.raises(DataError, match="K554"):
        card(REPORTED.format(where="类别 = '1'"), tmp_path / "d.parquet" if form == "parquet" else arrow.table(frame))


@pytest.mark.parametrize(
    ("kind", "cells"),
    [("Int64", [1, None]), ("Float64", [1, None]), ("string", ["１", None]), ("category", [1, 2]),
     ("category", ["1 ", "2"]), ("Sparse[int]", [1, 0]), ("object", [1, None])],
)  # fmt: skip
@pytest.mark.parametrize("form", ["long", "events"])
def test_types_of_pandas_are_texts(card, form, kind, cells):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(cells, dtype=kind)
    if form == "events":
        text = EVENTS.format(measure="kind: count, where: \"类别 = '1'\"", key="")
        assert counted(card(text, pandas.DataFrame(events(2)).assign(类别=column))) == [1.0]
        return
    frame = pandas.DataFrame({"期别": ["2024Q1", "2024Q1"]}).assign(地区=["甲县", "乙县"], 指标="数量", 数值=10)
    assert sorted(taken(card(REPORTED.format(where="类别 = '1'"), frame.assign(类别=column)))) == [False, True]


def test_spans_of_time_that_a_condition_reads_are_named(card):
    frame, _ = long([1, 2])
    frame = frame.with_columns(类别=pl.Series([dt.timedelta(days=1)] * 2))
    with pytest.raises(DataError, match="K553"):
        card(REPORTED.format(where="类别 = '1'"), frame)


VILLAGES = ["东村", "东 村", "东\u3000村", "东\u200b村", "东村 "]


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_finer_units_and_distinct_values_are_compared_as_names(card, kind):
    frame = pl.DataFrame(events(6)).with_columns(村=pl.Series([*VILLAGES, "西村"], dtype=kind))
    assert counted(card(EVENTS.format(measure="kind: distinct, of: 村", key=""), frame)) == [2.0]
    both = [frame, frame.with_columns(pl.lit("丙县").alias("县"))]
    assert counted(card(EVENTS.format(measure="kind: distinct, of: 村", key=""), both)) == [2.0, 2.0]
    where = EVENTS.format(measure="kind: distinct, of: 村, where: '村 IS NOT NULL'", key="")
    assert counted(card(where, frame)) == [2.0]
    for measure in ("kind: count, per: 村", "kind: distinct, of: 村, per: 村"):
        finer = EVENTS.format(measure=measure, key="").replace(
            "kind: level, of: a", "kind: count, of: a, passes: '>= 1'"
        )
        assert counted(card(finer, frame)) == [2.0]
        assert counted(card(finer.replace(">= 1", ">= 5"), frame)) == [1.0 if "kind: count, per" in measure else 0.0]


def test_rows_that_name_no_finer_unit_are_counted_in_a_finding(card):
    text = EVENTS.format(measure="kind: count, per: 村, where: 级 = '1'", key="")
    text = text.replace("kind: level, of: a", "kind: count, of: a, passes: '>= 1'")
    frame = pl.DataFrame(events(5)).with_columns(村=pl.Series(["东村", None, " ", None, "\u3000"]))
    frame = frame.with_columns(级=pl.Series([1.0, 1.0, 1.0, None, 2.0]))
    (result,) = [item for item in codes(card(text, frame)) if item[0] == "K628"]
    assert result[1:] == ("warning", "2 rows with a blank `村` are of no finer unit, and not counted by `a`")


GROUPS = ["A组", "Ａ组", "A\u200b组", "A 组"]


@pytest.mark.parametrize("form", ["data", "roster"])
def test_groups_are_compared_as_names(card, tmp_path, form):
    units = [f"{number}县" for number in range(len(GROUPS) + 1)]
    text = REPORTED.format(where="类别 = '1'").replace("{title: 县}", "{title: 县, roster: r.csv}")
    text = text if form == "roster" else REPORTED.format(where="类别 = '1'")
    frame, _ = long(units)
    frame = frame.with_columns(类别=1, 分组=pl.Series([*GROUPS, "B组"]))
    frame.select(entity="地区", cohort="分组").write_csv(tmp_path / "r.csv")
    result = card(text, frame if form == "data" else frame.drop("分组"))
    assert sorted(result.totals["cohort"].unique()) == ["A组", "B组"]


def test_groups_that_are_numbers_are_the_texts_that_a_file_has(card):
    frame, _ = long([1, 2])
    frames = [
        frame.with_columns(类别=1, 分组=1.0),
        frame.with_columns(pl.lit("丙县").alias("地区"), 类别=1, 分组=1).head(1),
    ]
    assert card(REPORTED.format(where="类别 = '1'"), frames).totals["cohort"].unique().to_list() == ["1"]


@pytest.mark.parametrize("form", ["long", "events"])
def test_truth_values_that_are_compared_with_another_text_are_reported(card, form):
    frame, _ = long([1, 2])
    where = "类别 = '有' OR 类别 = '是'"
    text = REPORTED.format(where=where)
    if form == "events":
        frame, text = pl.DataFrame(events(2)), EVENTS.format(measure=f'kind: count, where: "{where}"', key="")
    result = card(text, frame.with_columns(类别=pl.Series([True, False])))
    assert [item[1:] for item in codes(result) if item[0] == "K651"] == [
        ("warning", "`类别` holds truth values, which are compared as '是' and '否': '有' is neither")
    ]
    plain = card(text.replace("类别 = '有' OR ", ""), frame.with_columns(类别=pl.Series([True, False])))
    assert "K651" not in [code for code, *_ in codes(plain)]


def test_a_float_that_is_no_number_is_no_distinct_value(card):
    frame = pl.DataFrame(events(3)).with_columns(村=pl.Series([1.0, float("nan"), None]))
    whole = frame.head(1).cast({"村": pl.Int64})
    assert counted(card(EVENTS.format(measure="kind: distinct, of: 村", key=""), frame)) == [1.0]
    assert counted(card(EVENTS.format(measure="kind: distinct, of: 村", key=""), [frame, whole])) == [1.0]
