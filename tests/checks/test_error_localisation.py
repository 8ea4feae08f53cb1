"""Error localisation and proposals: the smallest sets that can be wrong, by brute force, and slips recognised."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.analysis.error_localisation import located
from kpi.language.linear_edits import Edit, edits
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: balance
period: quarter
entities: {title: 县}
measures:
  gdp: {title: 生产总值, unit: 亿元}
  first: {title: 一产, unit: 亿元}
  second: {title: 二产, unit: 亿元}
  third: {title: 三产, unit: 万元}
  tax: {title: 税收, unit: 亿元}
  people: {title: 人口, unit: 万人}
indicators:
  size: {kind: level, of: gdp}
  burden: {kind: ratio, numerator: tax, denominator: gdp}
checks:
  sum: {parts: [first, second, third], whole: gdp, severity: error}
  taxed: {between: [0, 40], of: burden}
  less: {expr: first <= second + 5}
  growth: {growth_within: 30, of: people}
"""


def hints(more: str = "", text: str = SYSTEM, **columns) -> dict[tuple[str, str], str]:
    """Return the suggestions by entity and check."""
    number = len(next(iter(columns.values())))
    periods = columns.pop("期别", ["2023Q4"] * number)
    names = columns.pop("地区", [f"县{at}" for at in range(number)])
    card = kpi.score({"期别": periods, "地区": names, **columns}, system=examine_text(text + more).system)
    return {
        (item.place.entity, str(item.message).partition(":")[0]): str(item.hint)
        for item in card.findings_list if item.code == "K701"
    }  # fmt: skip


ROW = {"first": [2.0], "second": [5.0], "third": [30000.0], "gdp": [10.0], "tax": [1.0], "people": [50.0]}


def row(**changed: float) -> dict[str, list[float]]:
    return ROW | {name: [value] for name, value in changed.items()}


def test_checks_are_linear_inequalities_over_measures():
    """The unit of a part and a ratio are converted; growth is not linear."""
    result = {(item.check, item.low): item for item in edits(examine_text(SYSTEM).system)}
    assert result["sum", -0.015].factors == pytest.approx({"first": 1, "second": 1, "third": 0.0001, "gdp": -1})
    assert result["taxed", None].factors == pytest.approx({"tax": 100, "gdp": -40})
    assert result["less", None].factors == pytest.approx({"first": 1, "second": -1})
    assert result["less", None].high == pytest.approx(5)
    assert "growth" not in {check for check, _ in result}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"second": 50.0}, "二产 50 may be 5 (too large by a factor of 10)"),
        ({"gdp": 1.0}, "生产总值 1 may be 10 (too small by a factor of 10)"),
        ({"third": 3.0}, "三产 3 may be 30,000 (too small by a factor of 10,000)"),
        ({"second": -5.0}, "二产 -5 may be 5 (the sign)"),
        ({"second": 5.12, "gdp": 10.21}, "生产总值 10.21 may be 10.12 (two digits swapped)"),
    ],
)
def test_slips_are_recognised_and_not_applied(changed, expected):
    columns = row(**changed)
    assert expected in hints(**columns)["县0", "sum"]
    system = examine_text(SYSTEM).system
    card = kpi.score({"期别": ["2023Q4"], "地区": ["县0"], **columns}, system=system)
    assert card.measures.filter(measure="gdp")["value"].to_list() == [None]  # refused, as it was before
    assert card.measures.filter(measure="tax")["value"].to_list() == [1.0]


def test_the_figure_in_two_broken_checks_is_the_one():
    """Of the sum each figure could be wrong, of the sum and the range of the tax only the whole."""
    assert hints(**row(gdp=2.0, tax=1.5))["县0", "sum"] == "probably wrong: 生产总值"
    assert hints(text=SYSTEM.replace(", severity: error", ""), **row(gdp=2.0, tax=1.5)) == dict.fromkeys(
        [("县0", "sum"), ("县0", "taxed")], "probably wrong: 生产总值"
    )


def test_sets_of_the_same_weight_are_all_named():
    result = hints(**row(second=6.3))["县0", "sum"]
    assert result == "probably wrong: one of 一产, 二产, 三产, 生产总值"


def test_figures_that_cannot_be_negative_are_no_suspects():
    """To restore the sum, 一产 would have to be -6."""
    result = hints(**row(second=13.0))["县0", "sum"]
    assert "一产" not in result


def test_weights_make_figures_trusted():
    result = hints("localise: {weights: {gdp: 5, first: 5, second: 5}}", **row(second=6.3))["县0", "sum"]
    assert result == "probably wrong: 三产"


def test_an_odd_growth_that_is_a_power_of_ten_is_recognised():
    columns = {name: value * 2 for name, value in ROW.items()} | {"people": [50.0, 520.0]}
    result = hints(**columns, 期别=["2022Q4", "2023Q4"], 地区=["甲县", "甲县"])
    assert result["甲县", "growth"] == "人口 520 may be 52 (too large by a factor of 10)"


def test_a_missing_figure_leaves_its_checks_out():
    assert hints(**(row(second=50.0) | {"third": [None]})) == {}


def test_suggestions_are_in_the_form_of_queries():
    columns = row(second=50.0)
    findings = kpi.check(data={"期别": ["2023Q4"], "地区": ["县0"], **columns}, system=examine_text(SYSTEM).system)
    from kpi.report.queries import form

    with kpi.using_language("en"):
        table = form(findings)
    assert "二产 50 may be 5" in table.filter(pl.col("Code") == "K701")["Suggestion"][0]


@pytest.mark.parametrize(
    ("block", "word"),
    [("{of: [growth]}", "not linear"), ("{of: [nothing]}", "no check"), ("{weights: {size: 2}}", "no measure")],
)
def test_what_cannot_be_located_is_an_error(block, word):
    (result,) = examine_text(f"{SYSTEM}localise: {block}").findings
    assert result.code == "K673"
    assert word in str(result.message)


def test_without_scipy_the_form_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install" in hints(**row(second=50.0))["县0", "sum"]


@st.composite
def balances(draw):
    """Return a sum with subtotals, and a row that may be off."""
    figures = {name: float(draw(st.integers(0, 12))) for name in "abcdef"}
    rules = [
        Edit("one", {"a": 1.0, "b": 1.0, "c": -1.0}, 0.0, 0.0), Edit("two", {"c": 1.0, "d": 1.0, "e": -1.0}, 0.0, 0.0),
        Edit("three", {"f": 1.0, "e": -0.5}, None, 0.0), Edit("four", {"a": 1.0}, None, 10.0),
    ]  # fmt: skip
    return rules, figures


@settings(max_examples=60, deadline=None)
@given(balances())
def test_sets_are_the_smallest_by_brute_force(case):
    """Every set of figures by size, its freed figures searched on a grid of halves that holds all solutions."""
    from scipy.optimize import linprog

    rules, figures = case
    if all(edit.holds(figures) for edit in rules):
        return
    names = list(figures)

    def possible(free: tuple[str, ...]) -> bool:
        above, most = [], []
        for edit in rules:
            fixed = sum(factor * figures[name] for name, factor in edit.factors.items() if name not in free)
            part = [edit.factors.get(name, 0.0) for name in free]
            if edit.high is not None:
                above.append(part)
                most.append(edit.high - fixed + 1e-7)
            if edit.low is not None:
                above.append([-item for item in part])
                most.append(fixed - edit.low + 1e-7)
        if not free:
            return all(edit.holds(figures) for edit in rules)
        return linprog([0.0] * len(free), above, most, bounds=[(0, None)] * len(free)).status == 0

    for size in range(1, len(names) + 1):
        sets = [item for item in itertools.combinations(names, size) if possible(item)]
        if sets:
            break
    result = located(rules, figures, weights={}, natural=frozenset(names))
    assert {frozenset(item) for item in result} == {frozenset(item) for item in sets[:12]} or len(sets) > 12


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("weights", [{}, {"a": 2.0, "b": 2.0, "gdp": 2.0}])
def test_the_size_of_an_unrelated_check_does_not_accuse_its_figures(scale, weights):
    """The sum lacks 1 of 221.99; the range per head holds, whatever unit it is in."""
    figures = {"a": 22.17, "b": 198.82, "gdp": 221.99, "pop": 80.54}
    rules = [
        Edit("sum", {"a": 1.0, "b": 1.0, "gdp": -1.0}, 0.0, 0.0),
        Edit("range", {"gdp": 1e4 * scale, "pop": -1000.0 * scale}, 0.0, None),
        Edit("range", {"gdp": 1e4 * scale, "pop": -60000.0 * scale}, None, 0.0),
    ]
    result = located(rules, figures, weights=weights, natural=frozenset(figures))
    assert result == [("a",), ("b",), ("gdp",)]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("lack", [1.0, 1e-4, 1e-6])
def test_pairs_do_not_depend_on_sizes(scale, lack):
    """Two sums with no figure in common but a bound that both totals are in."""
    figures = {"a": 1.0, "b": 1.0, "all": 2.0 + lack, "c": scale, "d": scale, "sum": 2 * scale * (1 + lack)}
    rules = [
        Edit("one", {"a": 1.0, "b": 1.0, "all": -1.0}, 0.0, 0.0),
        Edit("two", {"c": 1.0, "d": 1.0, "sum": -1.0}, 0.0, 0.0),
        Edit("both", {"all": scale, "sum": -10.0}, None, 0.0),
    ]
    result = located(rules, figures, weights={}, natural=frozenset(figures))
    assert result == [(item, two) for item in ("a", "b", "all") for two in ("c", "d", "sum")]


def test_errors_of_checks_without_a_figure_in_common_are_located_apart():
    """Each finding has the proposal for its own figures alone."""
    text = SYSTEM.replace("  people:", "  men: {title: 男, unit: 万人}\n  women: {title: 女, unit: 万人}\n  people:")
    text = text.replace("  growth:", "  heads: {parts: [men, women], whole: people}\n  growth:")
    result = hints(text=text, **row(second=50.0, men=30.0, women=200.0))
    assert "二产 50 may be 5 (too large by a factor of 10)" in result["县0", "sum"]
    assert "女 200 may be 20 (too large by a factor of 10)" in result["县0", "heads"]
    assert "女" not in result["县0", "sum"]
    assert "二产" not in result["县0", "heads"]


def series(check: str, values: list[float]) -> dict[str, str]:
    """Return the suggestions by year for one series."""
    text = f"""
system: series
period: year
entities: {{title: 县}}
measures: {{people: {{title: 人口, unit: 人}}}}
indicators: {{size: {{kind: level, of: people}}}}
checks: {{odd: {check}}}
"""
    years = [str(2010 + at) for at in range(len(values))]
    card = kpi.score({"期别": years, "地区": ["县"] * len(years), "people": values}, system=examine_text(text).system)
    return {item.place.period: str(item.hint) for item in card.findings_list if item.code == "K701"}


def test_what_a_correction_of_an_earlier_figure_mends_has_no_proposal_of_its_own():
    result = series("{growth_within: 30, of: people}", [100, 102, 105, 106, 109, 110, 1130, 115])
    assert result == {"2016": "人口 1,130 may be 113 (too large by a factor of 10)", "2017": "None"}


def test_a_correction_that_breaks_a_later_check_is_none():
    """In the new area ten times as many live, in each later year."""
    result = series("{growth_within: 30, of: people}", [100, 102, 1050, 1060, 1070])
    assert result == {"2012": "None"}


@pytest.mark.parametrize("power", [1, 4, -1, -4])
def test_the_nearest_factor_is_proposed_and_no_sign(power):
    """What `magnitude` does not look for, such as 100,000 times as much, is no correction for it."""
    (hint,) = series("{magnitude: people}", [100, 102, 105 * 10.0**power]).values()
    factor = f"{10 ** abs(power):,}"
    assert hint.endswith(f" may be 105 (too {'large' if power > 0 else 'small'} by a factor of {factor})")
    assert hint.count("may be") == 1
