"""Event data: units, cells that cannot be read, texts, events that are given twice, units without any event."""

from __future__ import annotations

import itertools
from datetime import date

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.analysis.explain import explain
from kpi.cli.main import main
from kpi.errors import DataError
from kpi.intake.events import mergeable, ordered
from kpi.intake.events.conditions import cell, condition, decided
from kpi.intake.files.contents import content_hash
from kpi.language.system import System

COLUMNS = {"period": "日期", "entity": "地区"}


def system(measures: dict, *, period: str = "year", entities: dict | None = None, **more) -> System:
    """A system with an indicator for each measure that has no finer units."""
    dataset = {"form": "records", "columns": COLUMNS} | more.pop("events", {})
    levels = {f"i_{name}": {"kind": "level", "of": name} for name, item in measures.items() if "per" not in item}
    return System.model_validate(
        {
            "system": "events", "period": period, "entities": entities or {}, "measures": measures,
            "datasets": {"ev": dataset}, "indicators": levels,
        } | more
    )  # fmt: skip


def figures(card: kpi.Scorecard, entity: str = "甲县", period: str | None = None) -> dict[str, float | str]:
    """The value of each indicator, or its status where it has none."""
    rows = card.indicators.filter(entity=entity, **({"period": period} if period else {}))
    return {
        name.removeprefix("i_"): value if status == "ok" else status
        for name, value, status in rows.select("indicator", "value", "status").rows()
    }


def count(card: kpi.Scorecard, what: str) -> int:
    return card.counts.get(what, 0)


def codes(card: kpi.Scorecard) -> list[str]:
    return card.findings["code"].to_list()


@pytest.fixture(params=["csv", "parquet", "frame", "xlsx"])
def given_as(request, tmp_path):
    """Gives rows of texts as a file of each kind."""
    counter = itertools.count()

    def build(frame: pl.DataFrame):
        path = tmp_path / f"{next(counter)}.{request.param}"
        if request.param == "frame":
            return frame
        {"csv": frame.write_csv, "parquet": frame.write_parquet, "xlsx": frame.write_excel}[request.param](path)
        return path

    return build


@pytest.fixture(params=["small", "large"])
def size(request, monkeypatch):
    """Whether sums are made in few bits, as those of large files are."""
    if request.param == "large":
        monkeypatch.setattr(mergeable, "SMALL", 0)
        monkeypatch.setattr(ordered, "CELLS", 40)


def rows(**columns: list[str | None]) -> pl.DataFrame:
    count = max(map(len, columns.values()))
    base = {"日期": ["2024-01-05", "2024-02-06", "2024-03-07", "2024-04-08"][:count], "地区": ["甲县"] * count}
    return pl.DataFrame(base | columns)


# ---- UNITS ---- #

MONEY = {
    "yuan": {"kind": "sum", "of": "金额", "unit": "元"},
    "wan": {"kind": "sum", "of": "金额", "unit": "万元"},
    "hours": {"kind": "mean", "of": "用时", "unit": "小时"},
}


@pytest.mark.usefixtures("size")
def test_units_in_cells_are_converted_for_every_measure(given_as):
    data = rows(金额=["2000", "0.2万元", "0.2万"], 用时=["24小时", "1天", "30分钟"])
    card = kpi.score(given_as(data), system=system(MONEY))
    assert figures(card) == {"yuan": 6000, "wan": 0.6, "hours": pytest.approx(48.5 / 3, abs=1e-9)}
    assert card.findings.filter(code="K627").height == 1


KINDS = {
    kind: {"kind": kind, "of": "金额", "unit": "元"} | ({"q": 0.5} if kind == "quantile" else {})
    for kind in ("sum", "mean", "min", "max", "median", "quantile", "first", "last")
}
EXACT = dict(zip(KINDS, (60_000, 20_000, 10_000, 30_000, 20_000, 20_000, 10_000, 30_000), strict=True))


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    "columns",
    [
        {"金额（万元）": ["1", "2", "3"]},
        {"金额(元)": ["10000", "20,000", "3万"]},
        {"金额": ["1万元", "2万元", "0.0003亿元"]},
        {"金额": ["1", "2", "3"], "计量单位": ["万元"] * 3},
        {"金额": ["10000", "2", "3万元"], "计量单位": ["元", "万元", "件"]},
        {"金额（元）": ["1", "2", "3"], "计量单位": ["万元"] * 3},
    ],
    ids=str,
)
def test_every_kind_of_measure_is_in_its_unit_wherever_the_unit_stands(columns, given_as):
    card = kpi.score(given_as(rows(**columns)), system=system(KINDS))
    assert figures(card) == EXACT
    assert not card.findings.filter(pl.col("severity") == "error").height


def test_numbers_of_any_type_take_the_unit_of_their_heading():
    for dtype in (pl.Int64, pl.Float32, pl.Decimal(10, 2)):
        data = rows(**{"金额（万元）": ["1", "2", "3"]}).with_columns(pl.col("金额（万元）").cast(dtype))
        assert figures(kpi.score(data, system=system(KINDS))) == EXACT


def test_the_unit_above_the_table_is_that_of_columns_without_one(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("单位：万元,,\n日期,地区,金额\n2024-01-05,甲县,1\n2024-02-05,甲县,2\n2024-03-05,甲县,3\n", "utf-8")
    assert figures(kpi.score(path, system=system(KINDS))) == EXACT


def test_files_in_different_units_are_one_dataset(given_as):
    files = [
        given_as(rows(**{head: [text]}))
        for head, text in {"金额（万元）": "1", "金额(元)": "20000", "金额": "30000"}.items()
    ]
    for order in itertools.permutations(files):
        card = kpi.score(list(order), system=system({"s": KINDS["sum"], "m": KINDS["max"]}))
        assert figures(card) == {"s": 60_000, "m": 30_000}


def test_minutes_add_up_to_an_hour():
    of = system({"h": {"kind": "sum", "of": "用时", "unit": "小时"}}, period="month")
    data = rows(用时=["20分钟"] * 3).with_columns(日期=pl.lit("2024-01-05"))
    assert figures(kpi.score(data, system=of)) == {"h": 1.0}


@pytest.mark.parametrize("bad", ["3件", "5天", "12.5%"])
def test_a_unit_of_another_dimension_refuses_the_figure(bad, given_as):
    card = kpi.score(
        given_as(rows(金额=["1", bad, "3"])), system=system(KINDS | {"n": {"kind": "count", "unit": "件"}})
    )
    assert figures(card) == dict.fromkeys(KINDS, "refused") | {"n": 3}
    assert codes(card) == ["K605"]
    assert count(card, "refused") == 1


def test_a_heading_of_another_dimension_is_one_finding():
    card = kpi.score(
        rows(**{"金额（件）": ["1", "2", "3"]}),
        system=system({"s": KINDS["sum"], "n": {"kind": "count", "unit": "件"}}),
    )
    assert figures(card) == {"s": "refused", "n": 3}
    assert codes(card) == ["K605"]
    assert (count(card, "read"), count(card, "refused")) == (3, 3)


@pytest.mark.parametrize("word", ["万元-inf", "万元/", "没有这个单位"])
def test_a_text_above_the_table_that_is_no_unit_refuses_its_figures(word, tmp_path):
    lines = [f"单位：{word}", "日期,地区,金额", "2024-01-05,甲县,1", "2024-01-06,甲县,2"]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n", "utf-8")
    of = system({"s": KINDS["sum"], "n": {"kind": "count", "unit": "件"}})
    card = kpi.score(tmp_path / "d.csv", system=of)
    assert figures(card) == {"s": "refused", "n": 2}
    assert codes(card) == ["K605", "K521"]
    assert word in card.findings["message"][0]
    # Beside a table in a unit that is known, its figures alone are refused.
    (tmp_path / "e.csv").write_text("\n".join(["单位：万元", lines[1], "2024-01-07,乙县,3"]) + "\n", "utf-8")
    both = kpi.score([tmp_path / "d.csv", tmp_path / "e.csv"], system=of)
    assert (figures(both)["s"], figures(both, "乙县")["s"]) == ("refused", 30000 if KINDS["sum"]["unit"] == "元" else 3)


def test_a_condition_compares_in_the_unit_of_the_column():
    late = {
        "late": {"kind": "count", "unit": "件", "where": "用时 > 5"},
        "h": {"kind": "max", "of": "用时", "unit": "小时"},
    }
    card = kpi.score(rows(**{"用时（天）": ["4", "6天", "121小时", "120小时"]}), system=system(late))
    assert figures(card) == {"late": 2, "h": 145 - 1}


def test_a_column_that_only_a_condition_reads_takes_the_one_unit_of_its_cells():
    of = system({"good": {"kind": "count", "unit": "件", "where": "满意率 >= 90"}})
    card = kpi.score(rows(满意率=["95%", "90%", "80%"]), system=of)
    assert (figures(card), codes(card)) == ({"good": 2}, ["K633"])
    mixed = kpi.score(rows(满意率=["95小时", "90分钟", "80"]), system=of)
    assert figures(mixed) == {"good": "refused"}
    assert codes(mixed) == ["K605", "K605"]


def test_a_column_of_organisations_is_no_column_of_units():
    of = system({"s": KINDS["sum"]})
    assert figures(kpi.score(rows(金额=["1", "2"], 单位=["民政局", "公安局"]), system=of)) == {"s": 3}
    assert figures(kpi.score(rows(金额=["1", "2"], 单位=["万元", "元"]), system=of)) == {"s": 10_002}


# ---- CELLS THAT CANNOT BE READ ---- #


@pytest.mark.usefixtures("size")
def test_a_cell_that_cannot_be_read_refuses_every_measure_that_needs_it(given_as):
    data = pl.concat([rows(金额=["100", "约200", "300"]), rows(金额=["300"]).with_columns(地区=pl.lit("乙县"))])
    measures = KINDS | {"n": {"kind": "count", "unit": "件"}, "d": {"kind": "distinct", "of": "地区", "unit": "个"}}
    card = kpi.score(given_as(data), system=system(measures))
    assert figures(card) == dict.fromkeys(KINDS, "refused") | {"n": 3, "d": 1}
    assert set(figures(card, "乙县").values()) == {300, 1}
    assert (count(card, "read"), count(card, "used"), count(card, "refused")) == (4, 3, 1)
    assert codes(card) == ["K604"]


def test_only_the_period_with_the_cell_is_refused():
    card = kpi.score(rows(金额=["100", "约200", "300"]), system=system({"s": KINDS["sum"]}, period="month"))
    assert [figures(card, period=f"2024-0{month}")["s"] for month in (1, 2, 3)] == [100, "refused", 300]


@pytest.mark.parametrize("timing", ["sum", "max", "mean", "last"])
def test_months_that_are_combined_are_refused_together(timing):
    card = kpi.score(rows(金额=["100", "约200", "300"]), system=system({"s": KINDS["sum"] | {"over_time": timing}}))
    assert figures(card) == {"s": "refused"}


def test_a_year_to_date_is_refused_from_the_cell_on():
    card = kpi.score(
        rows(金额=["100", "约200", "300"]), system=system({"s": KINDS["sum"] | {"over_time": "ytd"}}, period="month")
    )
    assert [figures(card, period=f"2024-0{month}")["s"] for month in (1, 2, 3)] == [100, "refused", "refused"]


def test_a_cell_of_a_condition_refuses_what_it_decides_and_nothing_else(given_as):
    measures = {
        "all": "1 = 1", "late": "用时 > 5", "web": "渠道 = '网上' AND 用时 > 5", "desk": "渠道 = '窗口' AND 用时 > 5",
        "either": "渠道 = '网上' OR 用时 > 5", "not": "NOT (渠道 = '窗口' OR 用时 > 5)", "blank": "用时 IS NULL",
    }  # fmt: skip
    of = system({name: {"kind": "count", "unit": "件", "where": where} for name, where in measures.items()})
    data = rows(用时=["2", "约7", "1"], 渠道=["窗口", "窗口", "网上"])
    card = kpi.score(given_as(data), system=of)
    assert figures(card) == {
        "all": 3, "late": "refused", "web": 0, "desk": "refused", "either": "refused", "not": 1, "blank": "refused",
    }  # fmt: skip
    assert (count(card, "used"), count(card, "refused")) == (2, 1)


def test_a_cell_of_a_row_that_is_left_out_matters_to_nobody(given_as):
    of = system({"s": KINDS["sum"] | {"where": "状态 = '办结'"}})
    card = kpi.score(given_as(rows(金额=["100", "待定", "300"], 状态=["办结", "办理中", "办结"])), system=of)
    assert (figures(card), codes(card), count(card, "refused")) == ({"s": 400}, [], 0)


def test_a_row_with_several_cells_that_cannot_be_read_counts_once():
    of = system({"s": KINDS["sum"], "late": {"kind": "sum", "of": "用时", "unit": "天"}})
    card = kpi.score(rows(金额=["100", "约1"], 用时=["1", "约1"]), system=of)
    assert codes(card) == ["K604", "K604"]
    assert (count(card, "read"), count(card, "refused")) == (2, 1)


def test_a_ratio_of_a_refused_measure_is_refused():
    of = system(
        {"n": {"kind": "count", "unit": "件"}, "late": {"kind": "count", "unit": "件", "where": "用时 > 5"}},
        indicators={"rate": {"kind": "ratio", "numerator": "late", "denominator": "n"}},
    )
    assert figures(kpi.score(rows(用时=["2", "约7", "1"]), system=of)) == {"rate": "refused"}


def test_a_count_of_finer_units_is_refused_with_one_of_them():
    of = system(
        {"v": {"kind": "mean", "of": "金额", "unit": "元", "per": "村"}},
        indicators={"many": {"kind": "count", "of": "v", "passes": ">= 90"}},
    )
    assert figures(kpi.score(rows(金额=["100", "约1", "95"], 村=["一村", "二村", "三村"]), system=of)) == {
        "many": "refused"
    }
    assert figures(kpi.score(rows(金额=["100", "约1", "95"], 村=["一村", None, "三村"]), system=of)) == {"many": 2}


CELLS = st.sampled_from([None, 1.0, 7.0, "bad"])


@settings(deadline=None, max_examples=40)
@given(
    where=st.recursive(
        st.sampled_from(["a > 5", "b > 5", "a = 1", "a + b > 5", "t = 'x'", "t <> 'x'", "a IN (1, 2)"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda parts: f"({' '.join(parts)})"),
            inner.map(lambda item: f"NOT ({item})"),
        ),
        max_leaves=5,
    ),
    a=CELLS, b=CELLS, t=st.sampled_from([None, "x", "y"]),
)  # fmt: skip
def test_a_condition_is_decided_as_if_every_figure_had_been_tried(where, a, b, t):
    kinds = {"a": "number", "b": "number", "t": "text"}

    def frame(a, b) -> pl.DataFrame:
        schema = {
            cell("a"): pl.Float64,
            cell("b"): pl.Float64,
            cell("t"): pl.String,
            "bad a": pl.Boolean,
            "bad b": pl.Boolean,
        }
        cells = [None if item == "bad" else item for item in (a, b)]
        return pl.DataFrame([[*cells, t, a == "bad", b == "bad"]], schema=schema, orient="row")

    result = decided(where, kinds, lambda name: pl.col(f"bad {name}"))
    holds, opened = frame(a, b).select(result.holds, result.open.alias("open")).row(0)
    tried = [[-9.0, 1.0, 2.0, 3.0, 7.0, 99.0] if item == "bad" else [item] for item in (a, b)]
    results = {frame(*pair).select(condition(where, kinds)).item() is True for pair in itertools.product(*tried)}
    # Whether a condition depends on a cell is found part by part: `a > 5 OR NOT a > 5` counts as depending on it.
    assert not holds or results == {True}
    assert opened or results == {holds}


# ---- DATES ---- #


@pytest.mark.parametrize("dtype", [pl.String, pl.Date])
def test_a_difference_of_dates_without_a_unit_refuses_the_measure(dtype):
    of = system(
        {"n": {"kind": "count", "unit": "件"}, "fast": {"kind": "count", "unit": "件", "where": "办结 - 受理 <= 5"}}
    )
    data = rows(受理=["2024-01-01", "2024-01-02"], 办结=["2024-01-03", "2024-01-20"]).with_columns(
        pl.col("受理", "办结").str.to_date().cast(dtype)
    )
    card = kpi.score(data, system=of)
    assert figures(card) == {"n": 2, "fast": "refused"}
    assert set(codes(card)) == {"K467", "K604"}
    assert "write the unit of time: 5 天" in card.findings["hint"].to_list()


# ---- TEXTS ---- #


@pytest.mark.usefixtures("size")
def test_texts_are_compared_trimmed_and_in_half_width(given_as):
    measures = {
        "complaints": {"kind": "count", "unit": "件", "where": "事项 = '投诉'"},
        "full": {"kind": "count", "unit": "件", "where": "事项 IN ('投诉　')"},
        "others": {"kind": "count", "unit": "件", "where": "事项 <> '投诉'"},
        "like": {"kind": "count", "unit": "件", "where": "证号 LIKE '０1%'"},
        "people": {"kind": "distinct", "of": "证号", "unit": "人"},
        "valid": {"kind": "count", "unit": "件", "where": "状态 <> '作废'"},
        "all_valid": {"kind": "count", "unit": "件", "where": "状态 <> '作废' OR 状态 IS NULL"},
    }
    data = rows(事项=["投诉", "投诉 ", "　投诉"], 证号=["0123", "0123 ", "０１２３"], 状态=["办结", " ", "作废"])
    card = kpi.score(given_as(data), system=system(measures))
    assert figures(card) == {
        "complaints": 3, "full": 3, "others": 0, "like": 3, "people": 1, "valid": 1, "all_valid": 2,
    }  # fmt: skip
    (result,) = card.findings.rows(named=True)
    assert (result["code"], result["severity"]) == ("K628", "info")
    assert "1 row with a blank `状态`" in result["message"]


def test_brackets_of_both_widths_are_one_text():
    of = system({"n": {"kind": "count", "unit": "件", "where": "事项 = '办证（首次）'"}})
    assert figures(kpi.score(rows(事项=["办证（首次）", "办证(首次)", "办证"]), system=of)) == {"n": 2}


def test_finer_units_are_known_by_folded_names():
    of = system(
        {
            "v": {"kind": "median", "of": "金额", "unit": "元", "per": "村"},
            "s": {"kind": "sum", "of": "金额", "unit": "元", "per": "村"},
        },
        indicators={
            "a": {"kind": "count", "of": "v", "passes": ">= 0"}, "b": {"kind": "count", "of": "s", "passes": ">= 6"},
        },
    )  # fmt: skip
    card = kpi.score(rows(金额=["1", "2", "3"], 村=["１村", "1村 ", "1村"]), system=of)
    assert figures(card) == {"a": 1, "b": 1}


# ---- EVENTS GIVEN TWICE ---- #

NUMBERED = {"n": {"kind": "count", "unit": "件"}, "s": {"kind": "sum", "of": "金额", "unit": "元"},
            "m": {"kind": "median", "of": "金额", "unit": "元"}}  # fmt: skip
JANUARY = pl.DataFrame(
    {"日期": ["2024-01-05", "2024-01-06"], "地区": ["甲县"] * 2, "办件编号": ["A1", "A2"], "金额": ["100", "200"]}
)
BOTH = pl.concat(
    [JANUARY, pl.DataFrame({"日期": ["2024-02-01"], "地区": ["甲县"], "办件编号": ["A3"], "金额": ["400"]})]
)


def keyed(key: str | list[str] = "办件编号") -> System:
    return system(NUMBERED, period="month", events={"key": key})


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("key", ["办件编号", ["地区", "办件编号"]])
def test_an_event_with_a_key_counts_once_across_files(key, given_as):
    files = [given_as(JANUARY), given_as(BOTH.with_columns(pl.col("办件编号") + " "))]
    for order in (files, files[::-1]):
        card = kpi.score(order, system=keyed(key))
        assert figures(card, period="2024-01") == {"n": 2, "s": 300, "m": 150}
        assert figures(card, period="2024-02") == {"n": 1, "s": 400, "m": 400}
        assert (count(card, "read"), count(card, "used"), count(card, "repeated")) == (5, 3, 2)
        assert codes(card) == ["K629"]
        assert figures(kpi.score(order, system=keyed(key), period="2024-01")) == {"n": 2, "s": 300, "m": 150}


def test_rows_of_one_event_that_contradict_each_other_are_refused_in_any_order(given_as):
    later = BOTH.with_columns(金额=pl.when(pl.col("办件编号") == "A2").then(pl.lit("250")).otherwise("金额"))
    files = [given_as(JANUARY), given_as(later)]
    for order in (files, files[::-1]):
        card = kpi.score(order, system=keyed())
        assert set(figures(card, period="2024-01").values()) == {"refused"}
        assert figures(card, period="2024-02")["s"] == 400
        assert sorted(codes(card)) == ["K608", "K608", "K629"]
        assert (count(card, "used"), count(card, "refused"), count(card, "repeated")) == (2, 2, 1)


def test_of_the_rows_of_one_event_the_latest_revision_counts():
    first = JANUARY.with_columns(修订=pl.lit("0"))
    later = BOTH.with_columns(
        修订=pl.lit("1"), 金额=pl.when(pl.col("办件编号") == "A2").then(pl.lit("250")).otherwise("金额")
    )
    card = kpi.score([first, later], system=keyed())
    assert figures(card, period="2024-01")["s"] == 350
    assert (count(card, "read"), count(card, "used"), count(card, "restated")) == (5, 3, 2)
    card = kpi.score([first.with_columns(修订=pl.lit("一")), later], system=keyed())
    assert figures(card, period="2024-01")["s"] == "refused"


def test_a_sample_of_a_system_with_a_key_has_no_event_twice(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        "system: s\nperiod: month\nentities: {title: 县}\ndatasets: {ev: {form: records, key: 办件编号}}\n"
        "measures: {n: {kind: count, unit: 件}}\nindicators: {i: {kind: level, of: n}}\n",
        "utf-8",
    )
    done = CliRunner().invoke(
        main, ["sample", str(path), "--rows", "500", "--entities", "3", "-o", str(tmp_path / "x")]
    )
    assert done.exit_code == 0, done.output
    card = kpi.score(tmp_path / "x", system=path)
    assert (count(card, "used"), codes(card)) == (500, [])


def test_rows_without_a_key_are_events_of_their_own():
    data = JANUARY.with_columns(办件编号=pl.lit(None, dtype=pl.String))
    card = kpi.score(data, system=keyed())
    assert (figures(card)["n"], codes(card)) == (2, ["K630"])


def test_a_key_that_no_column_has_is_said():
    with pytest.raises(DataError, match="编号X"):
        kpi.score(JANUARY, system=keyed("编号X"))


def test_files_that_hold_the_same_events_are_reported(given_as):
    card = kpi.score([given_as(JANUARY), given_as(BOTH)], system=system(NUMBERED, period="month"))
    assert codes(card) == ["K631"]
    assert "2 rows of 甲县 for 2024-01" in card.findings["message"][0]
    others = JANUARY.with_columns(办件编号=pl.Series(["B1", "B2"]))
    assert codes(kpi.score([given_as(JANUARY), given_as(others)], system=system(NUMBERED, period="month"))) == []


def test_the_same_events_written_otherwise_are_reported(given_as):
    of = system(NUMBERED, period="month")
    otherwise = JANUARY.with_columns(pl.col("日期").str.replace_all("-", "/"), pl.col("金额") + ".0")
    assert codes(kpi.score([given_as(JANUARY), given_as(otherwise)], system=of)) == ["K631"]


BILLIONS = [1.5, 2.25, 0.3, 0.00012]
OTHER_UNITS = {
    "headings": ({"金额（亿元）": BILLIONS}, {"金额（万元）": [15000.0, 22500.0, 3000.0, 1.2]}),
    "cells": (
        {"金额": [f"{item}亿元" for item in BILLIONS]}, {"金额": ["15000万元", "22,500万元", "3000万元", "12000元"]},
    ),
    "a column": ({"金额": BILLIONS, "计量单位": ["亿元"] * 4},
                 {"金额": [15000.0, 22500.0, 3000.0, 1.2], "计量单位": ["万元"] * 4}),
    "uneven": ({"金额（小时）": [1.0, 0.5, 0.25, 1 / 3]}, {"金额": ["60分钟", "30分钟", "15分钟", "20分钟"]}),
}  # fmt: skip


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("how", OTHER_UNITS)
def test_the_same_events_in_other_units_are_reported_or_count_once(given_as, how, keyed, read):
    same = {"日期": [f"2024-01-0{at}" for at in range(1, 5)], "地区": ["甲县"] * 4, "办件编号": [*"1234"]}
    files = [given_as(pl.DataFrame({**same, **more})) for more in OTHER_UNITS[how]]
    unit = "小时" if how == "uneven" else "万元"
    measures = {"n": NUMBERED["n"], **({"s": {"kind": "sum", "of": "金额", "unit": unit}} if read else {})}
    if how == "uneven" and not read:
        return
    of = system(measures, period="month", events={"key": "办件编号"} if keyed else {})
    total = 25 / 12 if how == "uneven" else 40501.2
    for order in (files, files[::-1]):
        card = kpi.score(order, system=of)
        result = figures(card)
        times = 1 if keyed else 2
        assert result["n"] == 4 * times
        assert result.get("s", total * times) == pytest.approx(total * times, rel=1e-9)
        assert set(codes(card)) <= {"K629", "K631", "K632", "K633", "K627"}
        assert ("K629" if keyed else "K631") in codes(card)
    first, second = (pl.DataFrame({**same, **more}) for more in OTHER_UNITS[how])
    apart = [given_as(first), given_as(second.with_columns(日期=pl.lit("2024-01-09")))]
    assert "K631" not in codes(kpi.score(apart, system=of))


def test_a_later_file_with_more_events_is_reported(given_as):
    of = system(NUMBERED, period="month")
    many = pl.concat([JANUARY.with_columns(办件编号=pl.lit(f"C{at}")) for at in range(3)])
    more = pl.concat([many, JANUARY.head(1).with_columns(办件编号=pl.lit("C9"))])
    assert codes(kpi.score([given_as(many), given_as(more)], system=of)) == ["K631"]
    apart = many.with_columns(办件编号=pl.lit("D") + pl.int_range(pl.len()).cast(pl.String))
    # The numbers of the first stand in several rows each.
    assert codes(kpi.score([given_as(many), given_as(apart)], system=of)) == ["K690"]


def test_a_file_given_twice_counts_once(tmp_path):
    of = system(NUMBERED, period="month")
    for kind in ("csv", "parquet"):
        paths = [tmp_path / kind / f"{name}.{kind}" for name in "ab"]
        paths[0].parent.mkdir()
        getattr(JANUARY, f"write_{kind}")(paths[0])
        paths[1].write_bytes(paths[0].read_bytes())
        alone = kpi.score(paths[0], system=of)
        for some in (
            [paths[0], paths[0]],
            paths,
            [paths[0].parent],
            [paths[0].parent / f"*.{kind}"],
            [*paths, paths[0].parent],
        ):
            card = kpi.score(some, system=of)
            assert figures(card) == figures(alone)
            assert set(codes(card)) == {"K548"}
            assert count(card, "read") == 2
            assert content_hash(some) == content_hash([paths[0]])
            assert card.data_hash == alone.data_hash


def test_a_frame_given_twice_counts_once_and_another_with_the_same_size_does_not():
    of = system(NUMBERED, period="month")
    card = kpi.score([JANUARY, JANUARY], system=of)
    assert (figures(card)["n"], codes(card)) == (2, ["K548"])
    assert figures(kpi.score([JANUARY, JANUARY.with_columns(金额=pl.lit("7"))], system=of))["n"] == 4


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow", "mapping"])
def test_what_a_program_gives_twice_counts_once(kind):
    def build():
        return {
            "polars": JANUARY.clone, "pandas": JANUARY.to_pandas, "arrow": JANUARY.to_arrow,
            "mapping": lambda: JANUARY.to_dict(as_series=False),
        }[kind]()  # fmt: skip

    of, item = system(NUMBERED, period="month"), build()
    for twice in ([item, item], [item, build()]):
        card = kpi.score(twice, system=of)
        assert (figures(card)["n"], codes(card)) == (2, ["K548"])
        assert card.data_hash == kpi.score(item, system=of).data_hash


def test_a_file_of_reported_figures_given_twice_counts_once(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("期别,地区,办件量\n2024,甲县,5\n", "utf-8")
    of = System.model_validate(
        {"system": "r", "period": "year", "entities": {}, "measures": {"办件量": {"unit": "件"}},
         "indicators": {"i": {"kind": "level", "of": "办件量"}}}
    )  # fmt: skip
    card = kpi.score([path, path], system=of)
    assert (figures(card), codes(card)) == ({"i": 5}, ["K548"])


# ---- NO EVENT ---- #

ZERO = {"cc": {"kind": "count", "unit": "件", "none": 0}}
REPORTS = pl.DataFrame(
    {"期别": ["2024-01", "2024-01", "2024-02", "2024-02"], "地区": ["甲县", "乙县"] * 2, "办件量": ["100"] * 4}
)


def complaints(**more) -> System:
    measures = ZERO | {"cases": {"title": "办件量", "unit": "件", "from": "rep"}}
    return System.model_validate(
        {
            "system": "none", "period": "month", "entities": {}, "measures": measures,
            "datasets": {"rep": {"form": "panel"}, "ev": {"form": "records"}},
            "indicators": {"rate": {"kind": "ratio", "numerator": "cc", "denominator": "cases", "unit": "‰",
                                    "target": {"at_most": 5}}},
            "pillars": {"px": {"weight": 1, "parts": {"rate": 1}}},
        } | more
    )  # fmt: skip


def test_a_unit_without_any_event_has_zero_where_that_is_said():
    events = pl.DataFrame({"日期": ["2024-01-05"], "地区": ["甲县"]})
    card = kpi.score([events, REPORTS], system=complaints())
    assert card.totals.filter(period="2024-01").select("entity", "score", "rank").rows() == [
        ("乙县", 100, 1),
        ("甲县", 50, 2),
    ]
    # Of February the register says nothing.
    assert figures(card, "乙县", "2024-02") == {"rate": "missing"}
    tree = explain(card, "乙县", period="2024-01")
    assert any("none: 0" in item.detail for item in tree.walk())


@pytest.mark.parametrize("timing", [None, "sum", "mean", "max", "ytd"])
def test_none_is_zero_over_time(timing):
    measure = ZERO["cc"] | ({"over_time": timing} if timing else {})
    of = system({"cc": measure}, period="quarter")
    data = pl.DataFrame({"日期": ["2024-01-05", "2024-02-05", "2024-04-01"], "地区": ["甲县", "乙县", "乙县"]})
    card = kpi.score(data, system=of)
    first = {None: 1, "sum": 1, "mean": 0.5, "max": 1, "ytd": 1}[timing]
    assert figures(card, "甲县", "2024Q1") == {"cc": first}
    assert figures(card, "甲县", "2024Q2") == {"cc": 1 if timing == "ytd" else 0}


def test_none_of_one_measure_changes_no_other():
    of = system(ZERO | {"s": {"kind": "sum", "of": "金额", "unit": "元", "over_time": "last"}} | {
        "z": ZERO["cc"] | {"over_time": "last"}
    }, period="quarter")  # fmt: skip
    data = pl.DataFrame({"日期": ["2024-01-05", "2024-02-05"], "地区": ["甲县", "乙县"], "金额": ["5", "6"]})
    assert figures(kpi.score(data, system=of)) == {"cc": 1, "s": 5, "z": 0}


def test_none_is_zero_of_sums_and_numbers_of_values_and_finer_units():
    of = system(
        {
            "s": {"kind": "sum", "of": "金额", "unit": "元", "none": 0},
            "d": {"kind": "distinct", "of": "金额", "unit": "个", "none": 0},
            "n": {"kind": "count", "unit": "件"},
            "v": {"kind": "count", "unit": "件", "none": 0, "per": "村"},
        },
        period="month",
        indicators={
            **{f"i_{name}": {"kind": "level", "of": name} for name in "sdn"},
            "i_v": {"kind": "count", "of": "v", "passes": "= 0"},
        },
    )
    data = pl.DataFrame(
        {"日期": ["2024-01-05", "2024-02-05"], "地区": ["甲县", "乙县"], "金额": ["5", "6"], "村": ["一村", "二村"]}
    )
    card = kpi.score(data, system=of)
    assert figures(card, "甲县", "2024-02") == {"s": 0, "d": 0, "n": "missing", "v": 1}


def test_a_figure_that_cannot_be_read_is_not_none():
    of = system({"s": {"kind": "sum", "of": "金额", "unit": "元", "none": 0}})
    assert figures(kpi.score(rows(金额=["约5"]), system=of)) == {"s": "refused"}
    assert figures(kpi.score(rows(金额=[None], 备注=["x"]), system=of)) == {"s": "missing"}


def test_a_mean_has_no_none():
    with pytest.raises(ValueError, match="none"):
        system({"m": {"kind": "mean", "of": "金额", "unit": "元", "none": 0}})


# ---- TOGETHER ---- #


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["甲县", "乙县"]), st.integers(1, 3), st.sampled_from(["网上", "窗口"]), st.integers(0, 500)
        ),
        min_size=1, max_size=12,
    ),
    st.data(),
)  # fmt: skip
def test_the_same_events_written_in_any_way_give_the_same_figures(events, draw):
    measures = KINDS | {
        "web": {"kind": "count", "unit": "件", "where": "渠道 = '网上'"},
        "dear": {"kind": "count", "unit": "件", "where": "金额 > 250"},
        "ways": {"kind": "distinct", "of": "渠道", "unit": "个"},
    }
    plain = pl.DataFrame(
        {
            "日期": [date(2024, month, 5) for _, month, _, _ in events], "地区": [who for who, *_ in events],
            "渠道": [way for _, _, way, _ in events], "金额": [str(fee) for *_, fee in events],
            "号": [str(number) for number in range(len(events))],
        }
    )  # fmt: skip
    written = {
        "plain": str, "unit": lambda fee: f"{fee}元", "wan": lambda fee: f"{fee / 10_000}万元",
        "wide": lambda fee: str(fee).translate({ord(item): ord(item) + 0xFEE0 for item in "0123456789"}),
    }  # fmt: skip
    odd = plain.with_columns(
        金额=pl.Series([written[draw.draw(st.sampled_from(sorted(written)))](fee) for *_, fee in events]),
        渠道=pl.Series([draw.draw(st.sampled_from([way, f"{way} ", f"　{way}"])) for _, _, way, _ in events]),
    )
    of = system(measures, period="quarter", events={"key": "号"})
    cut = draw.draw(st.integers(0, len(events) - 1))
    again = [odd[: cut + 1], odd[cut:]]
    first, second = kpi.score(plain, system=of), kpi.score(again, system=of)
    for who in {who for who, *_ in events}:
        assert figures(first, who) == figures(second, who)


# ---- WITH THE RULES OF OTHER CELLS ---- #

OF_AMOUNT = {
    "yuan": {"kind": "sum", "of": "金额", "unit": "元"},
    "large": {"kind": "count", "where": "金额 > 1000", "unit": "件"},
    "all": {"kind": "count", "unit": "件"},
}


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("unit", [None, "元"])
def test_an_undeclared_decimal_comma_refuses_what_needs_the_ambiguous_cells(given_as, unit):
    data = rows(金额=["684.864", "1.892.122", "5", "6"])
    data = data if unit is None else data.with_columns(计量单位=pl.lit(unit))
    card = kpi.score(given_as(data), system=system(OF_AMOUNT))
    assert figures(card) == {"yuan": "refused", "large": "refused", "all": 4}
    assert codes(card) == ["K635"]
    assert "684.864" in card.findings_list[0].message
    assert (count(card, "read"), count(card, "used"), count(card, "refused")) == (4, 2, 2)


@pytest.mark.usefixtures("size")
def test_declared_commas_and_marks_are_read_with_units(given_as):
    data = rows(金额=["684.864", "0,1万元", "NP", "-9"])
    card = kpi.score(given_as(data), system=system(OF_AMOUNT, events={"decimal": ",", "missing": ["NP", -9]}))
    assert figures(card) == {"yuan": 685_864, "large": 1, "all": 4}
    assert codes(card) == ["K628"]  # the rows with a mark have no figure


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float32, pl.Float64])
def test_numbers_that_mark_missing_figures_in_typed_columns_with_a_unit(tmp_path, dtype):
    data = rows(x=["a"] * 4).with_columns(pl.Series("金额（万元）", [1, -9, 2, 5]).cast(dtype))
    data.write_parquet(path := tmp_path / "e.parquet")
    for given_data in (data, path):
        card = kpi.score(given_data, system=system(OF_AMOUNT, events={"missing": [-9]}))
        assert figures(card)["yuan"] == 80_000


def test_a_repeated_heading_is_left_out_and_no_event(given_as):
    head = pl.DataFrame({"日期": "日期", "地区": "地区", "金额": "金额", "编号": "编号"})
    data = pl.concat([rows(金额=["1", "2"], 编号=["a", "b"]), head, head])
    card = kpi.score(given_as(data), system=system(OF_AMOUNT, events={"key": "编号"}))
    assert (figures(card)["yuan"], codes(card)) == (3, ["K615"])
    assert (count(card, "read"), count(card, "used"), count(card, "left_out")) == (4, 2, 2)


def test_totals_that_two_files_share_are_no_events_that_count_twice():
    item, other = (rows(金额=[text, "9"]).with_columns(地区=pl.Series(["甲县", "合计"])) for text in "12")
    card = kpi.score([item, other], system=system(OF_AMOUNT))
    assert figures(card)["yuan"] == 3
    assert codes(card) == ["K612", "K612"]


# ---- THE LAST AND THE FIRST ---- #


@pytest.mark.usefixtures("size")
def test_rows_of_one_date_that_differ_are_reported_where_the_last_or_first_counts(given_as):
    measures = {kind: {"kind": kind, "of": "金额", "unit": "元"} for kind in ("last", "first")}
    dates = ["2024-01-05", "2024-01-05", "2024-02-06", "2024-02-06"]
    card = kpi.score(given_as(rows(日期=dates, 金额=["3", "5", "2", "1"])), system=system(measures))
    assert figures(card) == {"last": 2, "first": 3}
    assert [(item.code, str(item.severity)) for item in card.findings_list] == [("K650", "warning")] * 2
    first, last = (item.message for item in card.findings_list)
    assert "2 rows of one date differ, the smallest" in first
    assert "2 rows of one date differ, the largest" in last
    alike = kpi.score(given_as(rows(日期=dates, 金额=["3", "3", "2", "2"])), system=system(measures))
    assert codes(alike) == []
