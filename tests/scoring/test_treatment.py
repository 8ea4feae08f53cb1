"""Data treatment: what is filled, moved, bent or left out, and that every touched cell is on record."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sample import problems, scored, system_text

from kpi.language.treatment.outliers import Gate, box_cox, logarithm, winsorised

MINMAX = {"kind": "minmax"}


def treated(folder, steps, figures, names=("a",), **options):
    return scored(folder, system_text(list(names), scoring=MINMAX, treatment=steps, **options), figures)


def series(card, name="a"):
    """Return the treated values by entity and period."""
    wide = card.frame.sort("entity", "period")
    return wide[f"{name}.treated"].to_list()


def years(**columns):
    """A figure a year for one entity, and another entity that has all years."""
    number = len(next(iter(columns.values())))
    mine = pl.DataFrame({"period": range(2019, 2019 + number), "entity": ["A"] * number, **columns})
    other = mine.with_columns(pl.lit("B").alias("entity"), *[pl.lit(0.0).alias(name) for name in columns])
    return pl.concat([mine, other])


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"by": "previous"}, [None, 2, 2, 2, 8, 8]),
        ({"by": "previous", "periods": 1}, [None, 2, 2, None, 8, 8]),
        ({"by": "linear"}, [None, 2, 4, 6, 8, None]),
    ],
)
def test_gaps_in_time(tmp_path, step, expected):
    figures = years(a=[None, 2.0, None, None, 8.0, None])
    assert series(treated(tmp_path, {"gaps": {"kind": "impute"} | step}, figures))[:6] == expected


@pytest.mark.parametrize(("by", "at_least", "expected"), [("mean", 0, 4), ("median", 0, 3), ("mean", 80, None)])
def test_gaps_among_peers(tmp_path, by, at_least, expected):
    figures = pl.DataFrame({"period": 2023, "entity": list("ABCD"), "a": [2.0, 3.0, 7.0, None], "b": [1.0] * 4})
    step = {"kind": "impute", "by": by, "at_least": at_least, "of": ["a"]}
    card = treated(tmp_path, {"gaps": step}, figures, ["a", "b"])
    assert series(card)[3] == expected
    gap = card.indicators.filter((pl.col("entity") == "D") & (pl.col("indicator") == "a")).row(0, named=True)
    assert (gap["value"], gap["status"]) == (None, "missing")
    assert gap["score_status"] == ("ok" if expected is not None else "missing")
    record = card.treated.select("entity", "step", "before", "after").rows()
    assert record == ([] if expected is None else [("D", "gaps", None, expected)])


def test_entities_with_too_few_figures_are_no_peers_of_the_others(tmp_path):
    figures = pl.DataFrame({"period": 2023, "entity": list("ABC"), "a": [1.0, 2.0, 9.0], "b": [1.0, 2.0, None]})
    steps = {"few": {"kind": "screen", "at_least": 60}}
    card = treated(tmp_path, steps, figures, ["a", "b"], pillars={"全": {"parts": ["a", "b"]}})
    assert card.indicators.filter(pl.col("indicator") == "a")["score"].to_list() == [0, 100, None]
    assert card.indicators.filter(pl.col("indicator") == "a")["score_status"].to_list() == ["ok", "ok", "not_scored"]
    assert card.indicators.filter(pl.col("indicator") == "a")["value"].to_list() == [1, 2, 9]
    assert card.totals.filter(pl.col("entity") == "C")["rank"].to_list() == [None]
    assert card.treated.select("entity", "indicator", "before", "after").rows() == [("C", "a", 9.0, None)]


def test_what_was_filled_in_is_scored_but_nobody_reported_it(tmp_path):
    figures = pl.DataFrame({"period": 2023, "entity": list("ABC"), "a": [1.0, 2.0, None], "b": [1.0, 2.0, 9.0]})
    pillars = {"上": {"weight": 1, "parts": ["下"]}, "下": {"parts": {"a": 3, "b": 1}, "missing": "fail"}}
    card = treated(tmp_path, {"gaps": {"kind": "impute", "by": "mean"}}, figures, ["a", "b"], pillars=pillars)
    rows = card.totals.sort("entity")
    assert rows["score"].null_count() == 0
    assert rows["coverage"].to_list() == [100, 100, 25]
    assert card.pillars.filter(pl.col("entity") == "C")["coverage"].to_list() == [25, 25]


EVERY_POLICY = ["redistribute", "spread", "zero", "fail", "cohort_mean", {"penalty": {"points": 3}}]


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=str)
@pytest.mark.parametrize("filled", [{}, {"gaps": {"kind": "impute", "by": "mean"}}], ids=["", "filled"])
def test_who_is_left_out_has_no_score_whatever_is_done_with_gaps(tmp_path, policy, filled):
    figures = pl.DataFrame(
        {"period": 2023, "entity": list("ABC"), "a": [1.0, 2.0, 9.0], "b": [1.0, 2.0, None], "c": [1.0, 2.0, None]}
    )
    steps = {"few": {"kind": "screen", "at_least": 60}, **filled}
    pillars = {
        "上": {"weight": 1, "parts": ["a", "b"], "missing": policy},
        "下": {"weight": 1, "parts": ["c"], "missing": policy},
    }
    card = treated(tmp_path, steps, figures, ["a", "b", "c"], pillars=pillars, composite={"missing": policy})
    rows = card.totals.sort("entity")
    assert rows["score"].to_list() == [0, 100, None]
    assert rows["rank"].to_list() == [2, 1, None]
    assert rows["status"].to_list() == ["ok", "ok", "not_scored"]
    assert set(card.pillars.filter(pl.col("entity") == "C")["status"]) == {"not_scored"}
    assert card.treated.select("entity", "step", "indicator").rows() == [("C", "few", "a")]


LONG_TAIL = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 500.0]


@pytest.mark.parametrize("mirror", [1, -1])
def test_outliers_are_moved_in_on_the_long_side(mirror):
    moved = winsorised(pl.Series(LONG_TAIL) * mirror, Gate(), 5, undo=False) * mirror
    assert moved.to_list() == [1, 2, 3, 4, 5, 6, 7, 7]


def test_outliers_that_are_too_many_are_kept_or_undone():
    column = pl.Series([0.0] * 40 + [100.0, 200.0, 300.0])
    assert winsorised(column, Gate(), 1, undo=True).to_list() == column.to_list()
    assert winsorised(column, Gate(), 1, undo=False).to_list()[-3:] == [100, 200, 200]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), max_size=20), st.integers(1, 4))
def test_treating_outliers_keeps_order_gaps_and_range(values, most):
    column = pl.Series(values, dtype=pl.Float64)
    known = column.drop_nulls()
    for result in (winsorised(column, Gate(), most, undo=False), logarithm(column), box_cox(column, None)):
        assert result.is_null().to_list() == column.is_null().to_list()
        pairs = sorted(zip(known, result.drop_nulls(), strict=True))
        assert all(b[1] >= a[1] - 1e-9 for a, b in itertools.pairwise(pairs))
        assert result.drop_nulls().is_finite().all()
    moved = winsorised(column, Gate(), most, undo=False)
    if len(known):
        assert known.min() <= moved.min() <= moved.max() <= known.max()


def test_box_cox_finds_the_power_that_makes_a_lognormal_column_symmetric():
    column = pl.Series([float(2**power) for power in range(-6, 7)])
    assert abs(box_cox(column, None).skew(bias=False)) < 0.01


def test_a_transformed_indicator_keeps_its_value_and_its_record_says_how(tmp_path):
    figures = pl.DataFrame({"period": 2023, "entity": list("ABCDEFGH"), "a": LONG_TAIL})
    steps = {"tails": {"kind": "winsorise"}, "logs": {"kind": "transform", "by": "log", "when": "always"}}
    card = treated(tmp_path, steps, figures)
    assert card.indicators["value"].to_list() == LONG_TAIL
    moved = card.treated.filter(pl.col("step") == "tails").select("entity", "before", "after").rows()
    assert moved == [("H", 500.0, 7.0)]
    assert card.treated.filter(pl.col("step") == "logs").height == 8


def test_without_treatment_the_record_is_empty_and_has_its_columns(tmp_path):
    figures = pl.DataFrame({"period": 2023, "entity": ["A"], "a": [1.0]})
    empty = scored(tmp_path, system_text(["a"], scoring=MINMAX), figures).treated
    assert empty.height == 0
    assert "before" in empty.columns


@pytest.mark.parametrize(
    ("steps", "options", "code"),
    [
        ({"x": {"kind": "impute", "by": "mean", "of": ["b"]}}, {}, "K203"),
        ({"x": {"kind": "impute", "by": "mean", "periods": 2}}, {}, "K113"),
        ({"x": {"kind": "transform", "by": "log", "power": 2}}, {}, "K113"),
        ({"x": {"kind": "transform", "by": "log"}}, {"scoring": {"kind": "goalposts", "low": 0, "high": 1}}, "K425"),
        ({"x": {"kind": "winsorize"}}, {}, "K114"),
    ],
)
def test_steps_that_cannot_be_meant_are_refused(steps, options, code):
    assert code in problems(system_text(["a"], **({"scoring": MINMAX} | options), treatment=steps))
