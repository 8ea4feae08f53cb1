"""Windows: rolling totals, moving averages, pooled rates, totals to date, growth between periods of one's own."""

from __future__ import annotations

import math
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.errors import Severity
from kpi.language.loading.loader import examine_text

MEASURES = """
measures:
  x: {unit: 件}
  z: {unit: 件}
  rate: {unit: '%'}
  stock: {unit: 人, over_time: last}
  run: {unit: 件, over_time: ytd}
"""


def text(indicators: str, period: str = "month") -> str:
    head = f"system: windows\nperiod: {period}\nentities: {{title: 县}}\ndatasets: {{data: {{form: panel}}}}\n"
    return f"{head}{MEASURES}indicators:\n{indicators}"


def codes(indicators: str, period: str = "month") -> dict[str, Severity]:
    return {item.code: item.severity for item in examine_text(text(indicators, period)).findings}


def scored(indicators: str, frame: pl.DataFrame, grain: str = "month", **options: object) -> Scorecard:
    loaded = examine_text(text(indicators, grain))
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    return kpi.score(frame, system=loaded.system, **options)


def months(values: dict[str, list[list[float | None]]], first: int = 2021 * 12) -> pl.DataFrame:
    """Return a wide table: for each measure one list of figures a unit, a figure a month."""
    units = len(next(iter(values.values())))
    many = len(next(iter(values.values()))[0])
    return pl.DataFrame(
        {
            "期别": [f"{(first + i) // 12}-{(first + i) % 12 + 1:02}" for _ in range(units) for i in range(many)],
            "地区": [f"县{unit}" for unit in range(units) for _ in range(many)],
            **{name: [value for unit in columns for value in unit] for name, columns in values.items()},
        }
    )


def values(card: Scorecard, indicator: str, entity: str = "县0") -> list[float | None]:
    rows = card.indicators.filter(pl.col("indicator") == indicator, pl.col("entity") == entity)
    return rows["value"].to_list()


def statuses(card: Scorecard, indicator: str, entity: str = "县0") -> list[str]:
    rows = card.indicators.filter(pl.col("indicator") == indicator, pl.col("entity") == entity)
    return rows["status"].to_list()


# ---- LAWS ---- #

FIGURE = st.one_of(st.none(), st.decimals("0.1", "99999.9", places=1).map(float))
SERIES = st.lists(st.tuples(FIGURE, FIGURE), min_size=14, max_size=30)
EACH = settings(max_examples=15, deadline=None)


@EACH
@given(SERIES, st.integers(1, 13))
def test_a_rolling_total_is_the_decimal_sum_of_its_terms_or_incomplete(rows, number):
    xs = [x for x, _ in rows]
    card = scored(
        f"  r: {{kind: rolling, of: x, over: {number}m}}\n", months({"x": [xs, xs[::-1]], "z": [[1.0] * len(xs)] * 2})
    )
    for entity, series in (("县0", xs), ("县1", xs[::-1])):
        for i, (value, status) in enumerate(zip(values(card, "r", entity), statuses(card, "r", entity), strict=True)):
            window = series[max(i - number + 1, 0) : i + 1]
            if series[i] is None:
                assert (value, status) == (None, "missing")
            elif len(window) < number or None in window:
                assert (value, status) == (None, "incomplete")
            else:
                assert (value, status) == (float(sum(Decimal(str(item)) for item in window)), "ok")


@EACH
@given(SERIES)
def test_a_window_of_one_period_is_the_figure(rows):
    card = scored(
        "  level: {kind: level, of: x}\n  r: {kind: rolling, of: x, over: 1m}\n"
        "  m: {kind: rolling, of: x, over: 1m, as: mean}\n"
        "  plain: {kind: ratio, numerator: x, denominator: z}\n"
        "  pooled: {kind: ratio, numerator: x, denominator: z, pool: 1m}\n",
        months({"x": [[x for x, _ in rows]], "z": [[y for _, y in rows]]}),
    )
    assert values(card, "r") == values(card, "m") == values(card, "level")
    assert statuses(card, "r") == statuses(card, "m") == statuses(card, "level")
    assert (values(card, "pooled"), statuses(card, "pooled")) == (values(card, "plain"), statuses(card, "plain"))


@EACH
@given(SERIES, st.sampled_from(["3m", "12m", "ytd"]))
def test_a_pooled_ratio_is_the_ratio_of_the_totals(rows, over):
    card = scored(
        f"  pooled: {{kind: ratio, numerator: x, denominator: z, pool: {over}}}\n"
        f"  a: {{kind: rolling, of: x, over: {over}}}\n  b: {{kind: rolling, of: z, over: {over}}}\n"
        "  quotient: {kind: ratio, numerator: a, denominator: b}\n"
        f"  covered: {{kind: coverage, covered: x, total: z, pool: {over}}}\n",
        months({"x": [[x for x, _ in rows]], "z": [[y for _, y in rows]]}),
    )
    assert values(card, "pooled") == values(card, "quotient")
    for ratio, part in zip(values(card, "pooled"), values(card, "covered"), strict=True):
        assert part is None or math.isclose(part, ratio)


@EACH
@given(SERIES, st.integers(1, 40))
def test_a_later_series_has_later_results(rows, later):
    xs = [x for x, _ in rows]
    definition = "  r: {kind: rolling, of: x, over: 6m}\n  m: {kind: rolling, of: x, over: 3m, as: mean, at_least: 2}\n"
    frames = [months({"x": [xs], "z": [[1.0] * len(xs)]}, 2021 * 12 + shift) for shift in (0, later)]
    first, second = (scored(definition, frame) for frame in frames)
    for name in ("r", "m"):
        assert values(first, name) == values(second, name)
        assert statuses(first, name) == statuses(second, name)


@pytest.mark.parametrize("grain", ["month", "quarter"])
def test_a_total_of_a_constant_is_the_number_of_periods(grain):
    many = 12 if grain == "month" else 4
    frame = months({"x": [[0.1] * 36], "z": [[0.1] * 36]})
    card = scored("  r: {kind: rolling, of: x, over: 1y}\n  to: {kind: rolling, of: x, over: ytd}\n", frame, grain)
    assert values(card, "r") == [None] * (many - 1) + [1.2] * (2 * many + 1)
    assert values(card, "to") == [round(1.2 / many * (i % many + 1), 9) for i in range(3 * many)]


def test_growth_to_date_is_the_growth_of_the_totals_to_date():
    xs = [float(i * i % 17 + 1) for i in range(30)]
    card = scored(
        "  to: {kind: rolling, of: x, over: ytd}\n  a: {kind: growth, of: to}\n"
        "  b: {kind: growth, of: x, cumulative: true}\n  points: {kind: growth, of: x, cumulative: true, as: points}\n",
        months({"x": [xs], "z": [xs]}),
    )
    assert values(card, "a") == pytest.approx(values(card, "b"), abs=1e-9)
    assert statuses(card, "a") == statuses(card, "b")
    assert values(card, "points")[12] == xs[12] - xs[0]
    assert values(card, "points")[13] == sum(xs[12:14]) - sum(xs[0:2])


def test_growth_since_an_own_period_is_that_of_two_levels():
    xs = [100.0 * 1.1**i for i in range(6)]
    frame = pl.DataFrame({"期别": [str(2015 + i) for i in range(6)], "地区": "县0", "x": xs, "z": xs})
    card = scored(
        "  since: {kind: growth, of: x, since: 2016, as: annualised}\n"
        "  fixed: {kind: growth, of: x, since: 2016, until: 2018}\n"
        "  points: {kind: growth, of: x, since: 2016, as: points}\n",
        frame, "year",
    )  # fmt: skip
    assert values(card, "since") == [None, None, *[pytest.approx(10)] * 4]
    assert statuses(card, "since") == ["no_baseline", "no_baseline", "ok", "ok", "ok", "ok"]
    assert values(card, "fixed") == [None, None, None, *[pytest.approx(21)] * 3]
    assert statuses(card, "fixed")[:3] == ["incomplete"] * 3
    assert values(card, "points")[2:] == [pytest.approx(xs[i] - xs[1]) for i in range(2, 6)]


# ---- STATUSES ---- #


def test_a_window_with_a_refused_figure_is_refused():
    frame = months({"x": [[1.0] * 8], "z": [[1.0] * 8]}).with_columns(
        x=pl.when(pl.int_range(pl.len()) == 2).then(pl.lit("一些")).otherwise(pl.col("x").cast(pl.String))
    )
    card = scored(
        "  r: {kind: rolling, of: x, over: 3m}\n  p: {kind: ratio, numerator: x, denominator: z, pool: 3m}\n"
        "  to: {kind: rolling, of: x, over: ytd}\n  m: {kind: rolling, of: x, over: 3m, as: mean, at_least: 2}\n",
        frame,
    )
    expected = ["incomplete", "incomplete", "refused", "refused", "refused", "ok", "ok", "ok"]
    assert statuses(card, "r") == statuses(card, "p") == expected
    assert statuses(card, "to") == ["ok", "ok", *["refused"] * 6]
    assert statuses(card, "m") == ["incomplete", "ok", "ok", "ok", "ok", "ok", "ok", "ok"]


def test_a_window_longer_than_the_data_is_incomplete_throughout():
    card = scored(
        "  r: {kind: rolling, of: x, over: 36m}\n  p: {kind: ratio, numerator: x, denominator: z, pool: 99y}\n",
        months({"x": [[1.0] * 8], "z": [[1.0] * 8]}),
    )
    assert set(statuses(card, "r")) == set(statuses(card, "p")) == {"incomplete"}
    assert [item.code for item in card.findings_list if item.code == "K659"] == ["K659"] * 2


def test_a_window_that_some_period_fills_is_no_finding():
    card = scored(
        "  r: {kind: rolling, of: x, over: 8m}\n  m: {kind: rolling, of: x, over: 1y, as: mean, at_least: 3}\n"
        "  to: {kind: rolling, of: x, over: ytd}\n  g: {kind: growth, of: x}\n",
        months({"x": [[1.0] * 8], "z": [[1.0] * 8]}),
    )
    assert "K659" not in {item.code for item in card.findings_list}


def test_a_pooled_denominator_of_zero_has_no_quotient():
    frame = months({"x": [[1.0, 1, 1, 1]], "z": [[0.0, 0, 5, -7]]})
    card = scored("  p: {kind: ratio, numerator: x, denominator: z, pool: 2m, min_denominator: 6}\n", frame)
    assert statuses(card, "p") == ["incomplete", "zero_denominator", "too_few", "negative_denominator"]


def test_a_window_does_not_reach_across_a_change_of_areas(tmp_path):
    (tmp_path / "roster.csv").write_text("entity,code\n余杭区,330110\n临平区,330113\n", "utf-8")
    (tmp_path / "succession.csv").write_text("old,new,date,share\n余杭区,余杭区,2022,\n余杭区,临平区,2022,\n", "utf-8")
    definition = text(
        "  r: {kind: rolling, of: x, over: 2y}\n  p: {kind: ratio, numerator: x, denominator: z, pool: 2y}\n"
        "  own: {kind: growth, of: x, since: 2020}\n  before: {kind: growth, of: x, since: 2020, until: 2021}\n",
        "year",
    )
    definition = definition.replace("{title: 县}", "{title: 县, roster: roster.csv, succession: succession.csv}")
    loaded = examine_text(definition, folder=tmp_path)
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    years = ["2020", "2021", "2022", "2023"]
    card = kpi.score(
        pl.DataFrame({"期别": years, "地区": "余杭区", "x": [2.0, 3, 4, 5], "z": 1.0}), system=loaded.system
    )
    for name in ("r", "p"):
        assert statuses(card, name, "余杭区") == ["incomplete", "ok", "break", "ok"]
    assert statuses(card, "own", "余杭区") == ["no_baseline", "ok", "break", "break"]
    assert values(card, "before", "余杭区") == [None, *[pytest.approx(50)] * 3]


@pytest.mark.parametrize("period", ["2022-06", "2022-12", "2021-03"])
def test_the_results_of_one_period_are_those_of_all(period):
    frame = months({"x": [[float(i % 7 + 1) for i in range(24)]], "z": [[float(i % 5 + 1) for i in range(24)]]})
    definition = (
        "  r: {kind: rolling, of: x, over: 12m}\n  p: {kind: ratio, numerator: x, denominator: z, pool: 6m}\n"
        "  to: {kind: growth, of: x, cumulative: true}\n  own: {kind: growth, of: x, since: 2021-02}\n"
    )
    of_all = scored(definition, frame).indicators.filter(pl.col("period") == period)
    assert scored(definition, frame, period=period).indicators.equals(of_all)


# ---- DEFINITIONS ---- #


@pytest.mark.parametrize(
    ("indicator", "code"),
    [
        ("{kind: rolling, of: rate, over: 12m}", "K438"),
        ("{kind: rolling, of: run, over: 12m}", "K438"),
        ("{kind: rolling, of: run, over: 12m, as: mean}", "K438"),
        ("{kind: ratio, numerator: run, denominator: x, pool: 3m}", "K438"),
        ("{kind: ratio, numerator: rate, denominator: x, pool: 3m}", "K438"),
        ("{kind: coverage, covered: x, total: run, pool: 3m}", "K438"),
        ("{kind: growth, of: run, cumulative: true}", "K438"),
        ("{kind: growth, of: rate, cumulative: true}", "K438"),
        ("{kind: growth, of: x, cumulative: true, over: 3m}", "K439"),
        ("{kind: growth, of: x, until: 2021-03}", "K439"),
        ("{kind: growth, of: x, since: 2021-03, over: 1y}", "K439"),
        ("{kind: growth, of: x, since: 2021-03, cumulative: true}", "K439"),
        ("{kind: growth, of: x, since: 2021-03, until: 2021-03}", "K439"),
        ("{kind: growth, of: x, since: 2021}", "K432"),
        ("{kind: growth, of: x, since: soon}", "K105"),
        ("{kind: rolling, of: x, over: ytd, as: mean}", "K439"),
        ("{kind: rolling, of: x, over: 3m, at_least: 2}", "K439"),
        ("{kind: rolling, of: x, over: 3m, as: mean, at_least: 4}", "K439"),
        ("{kind: rolling, of: x, over: year}", "K105"),
        ("{kind: rolling, of: x, over: 13w}", "K404"),
        ("{kind: rolling, of: stock, over: 12m}", "K448"),
    ],
)
def test_a_window_that_means_nothing_is_a_finding(indicator, code):
    result = codes(f"  r: {indicator}\n")
    assert set(result) == {code}
    assert result[code] is (Severity.WARNING if code == "K448" else Severity.ERROR)


@pytest.mark.parametrize(
    ("indicator", "period", "code"),
    [
        ("{kind: rolling, of: x, over: 1m}", "quarter", "K404"),
        ("{kind: ratio, numerator: x, denominator: z, pool: 1q}", "year", "K404"),
    ],
)
def test_a_window_is_a_whole_number_of_periods(indicator, period, code):
    assert set(codes(f"  r: {indicator}\n", period)) == {code}


def test_weeks_have_no_window_of_a_year_and_none_to_date():
    weekly = text("  a: {kind: rolling, of: x, over: 1y}\n  b: {kind: rolling, of: x, over: ytd}\n", "week")
    result = [item.code for item in examine_text(weekly.replace("  run: {unit: 件, over_time: ytd}\n", "")).findings]
    assert result == ["K404", "K439"]


def test_a_mean_of_a_stock_and_a_pooled_stock_are_meant():
    assert not codes("  m: {kind: rolling, of: stock, over: 12m, as: mean}\n")
    assert not codes("  p: {kind: ratio, numerator: x, denominator: stock, pool: 12m}\n")


def test_a_total_to_date_is_not_compared_with_one_of_other_months():
    result = codes("  to: {kind: rolling, of: x, over: ytd}\n  g: {kind: growth, of: to, over: 1m}\n")
    assert result == {"K462": Severity.ERROR}
