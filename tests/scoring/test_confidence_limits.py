"""Confidence limits and funnel limits: against PHStatsMethods, published tables, by hand, by class of wrong answer."""

from __future__ import annotations

import math
import warnings

import numpy as np
import polars as pl
import pytest

import kpi
from kpi.analysis.robustness import stressed
from kpi.errors import rendered
from kpi.language.loading.loader import examine_text
from kpi.values import intervals

SYSTEM = """
system: small
period: year
entities: {title: 区}
measures:
  hits: {unit: 件}
  cases: {unit: 件}
  deaths: {unit: 人}
  area: {unit: 平方公里}
  rate_of_weighted: {unit: '1'}
  variance: {unit: '1'}
indicators:
  share: {kind: ratio, numerator: hits, denominator: cases}
  density: {kind: ratio, numerator: deaths, denominator: area}
  number: {kind: level, of: deaths}
  weighted: {kind: level, of: rate_of_weighted}
"""


def scored(frame: dict, more: str) -> kpi.Scorecard:
    return kpi.score(frame, system=system(more))


def system(more: str):
    examined = examine_text(SYSTEM + more)
    assert not [str(entry) for entry in examined.findings if entry.severity == "error"], examined.findings
    return examined.system


def figures(**more: list[float | None]) -> dict:
    number = len(next(iter(more.values())))
    return {"地区": [f"区{entry}" for entry in range(number)], "期别": ["2023"] * number, **more}


def rows(card: kpi.Scorecard, name: str) -> list[dict]:
    return card.limits.filter(indicator=name).sort("entity").to_dicts()


@pytest.mark.parametrize("level", [95, 99.8])
@pytest.mark.parametrize(("hits", "cases"), [(65, 100), (1045, 5000), (0, 20), (20, 20), (1, 29), (15, 148)])
def test_limits_of_proportions_are_those_of_the_public_health_methods(hits, cases, level):
    """PHStatsMethods has the statistics of PHEindicatormethods; 65/100 and 1045/5000 are inputs of its own tests."""
    methods = pytest.importorskip("PHStatsMethods.confidence_intervals")
    row = rows(scored(figures(hits=[hits], cases=[cases]), f"limits: {level}"), "share")[0]
    low, high = methods.wilson(hits, cases, level / 100)
    assert row["lower"] == pytest.approx(100 * low, abs=1e-9)
    assert row["upper"] == pytest.approx(100 * high, abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_limits_of_proportions_are_those_of_newcombe(hits, cases, low, high):
    """R. G. Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3."""
    row = rows(scored(figures(hits=[hits], cases=[cases]), "limits: 95"), "share")[0]
    assert row["lower"] == pytest.approx(100 * low, abs=0.005)
    assert row["upper"] == pytest.approx(100 * high, abs=0.005)


def test_none_and_all_are_exact_ends():
    none, every = rows(scored(figures(hits=[0, 20], cases=[20, 20]), "limits: 95"), "share")
    assert (none["lower"], every["upper"]) == (0.0, 100.0)


@pytest.mark.parametrize("level", [95, 99.8])
@pytest.mark.parametrize("events", [1, 5, 9, 10, 65, 1045])
def test_limits_of_rates_and_numbers_are_those_of_the_public_health_methods(events, level):
    """Byar's from ten events on, exact ones below, as there."""
    methods = pytest.importorskip("PHStatsMethods.confidence_intervals")
    card = scored(figures(deaths=[events], area=[50]), f"limits: {level}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low, high = methods.byars_lower(events, level / 100), methods.byars_upper(events, level / 100)
    rate, number = rows(card, "density")[0], rows(card, "number")[0]
    assert (rate["lower"], rate["upper"]) == pytest.approx((low / 50, high / 50), rel=1e-9)
    assert (number["lower"], number["upper"]) == pytest.approx((low, high), rel=1e-9)


def test_limits_of_weighted_sums_are_those_of_dobson():
    methods = pytest.importorskip("PHStatsMethods.confidence_intervals")
    more = """
limits: {of: weighted, method: {by: dobson, events: deaths, variance: variance}}
"""
    row = rows(scored(figures(rate_of_weighted=[2.9], deaths=[40], variance=[0.04]), more), "weighted")[0]
    low = methods.dobson_lower(2.9, 40, 0.04, 0.95, 1)
    high = methods.dobson_upper(2.9, 40, 0.04, 0.95, 1)
    assert (row["lower"], row["upper"]) == pytest.approx((low, high), rel=1e-9)


@pytest.mark.parametrize("events", [0.445, 3.5])
def test_few_events_that_are_no_whole_number_have_limits(events):
    frame = pl.DataFrame({"events": [events]})
    low, high = (frame.select(intervals.byar(pl.col("events"), z)).item() for z in (-1.96, 1.96))
    assert 0 <= low < events < high


def test_units_of_multiples_do_not_change_limits():
    """千件 over 件 is the same proportion."""
    plain = rows(scored(figures(hits=[65], cases=[100]), "limits: 95"), "share")[0]
    text = SYSTEM.replace("hits: {unit: 件}", "hits: {unit: 千件}")
    other = kpi.score(figures(hits=[0.065], cases=[100]), system=examine_text(text + "limits: 95").system)
    row = rows(other, "share")[0]
    assert (row["lower"], row["upper"]) == pytest.approx((plain["lower"], plain["upper"]))


#: A funnel of PHEindicatormethods' tests (testdata_funnel_prop_outputs.csv): baseline, then for some populations the
#: limits at 95 and 99.8 percent, which are those of the normal approximation there too.
BASELINE = 80.642448
FUNNEL = {
    102: (72.974925, 88.309971, 68.553233, 92.731663), 234: (75.580155, 85.70474, 72.660842, 88.624054),
    1008: (78.203374, 83.081521, 76.796814, 84.488082), 15171: (80.013741, 81.271155, 79.65118, 81.633716),
}  # fmt: skip


def test_funnel_limits_are_those_of_the_public_health_methods():
    """The values all but equal the baseline, so that there is no over-dispersion."""
    sizes = list(FUNNEL)
    hits = [BASELINE / 100 * size for size in sizes]
    card = scored(figures(hits=hits, cases=[float(size) for size in sizes]), "limits: {funnel: plain}")
    for row, size in zip(rows(card, "share"), sizes, strict=True):
        ends = (row["low_95"], row["high_95"], row["low_998"], row["high_998"])
        assert row["centre"] == pytest.approx(BASELINE, abs=1e-5)
        assert ends == pytest.approx(FUNNEL[size], abs=1e-5)


def by_hand(hits: list[float], cases: list[float], how: str) -> tuple[float, list[float], float]:
    """Return centre, widened standard errors and dispersion by the formulas of Spiegelhalter (2005), one by one."""
    centre = sum(hits) / sum(cases)
    errors = [math.sqrt(centre * (1 - centre) / entry) for entry in cases]
    z = [(h / n - centre) / s for h, n, s in zip(hits, cases, errors, strict=True)]
    low, high = np.quantile(z, [0.1, 0.9])
    phi = sum(min(max(entry, low), high) ** 2 for entry in z) / len(z)
    if how == "multiplicative":
        return centre, [s * math.sqrt(max(phi, 1)) for s in errors], phi
    weights = [1 / s**2 for s in errors]
    number = len(z)
    between = (number * phi - (number - 1)) / (sum(weights) - sum(w * w for w in weights) / sum(weights))
    return centre, [math.sqrt(s**2 + max(between, 0)) for s in errors], phi


@pytest.mark.parametrize("how", ["additive", "multiplicative"])
def test_over_dispersion_is_that_of_spiegelhalter(how):
    hits, cases = [50, 80, 150, 280, 300, 90, 40, 500], [100, 110, 240, 500, 450, 300, 90, 620]
    centre, errors, phi = by_hand(hits, cases, how)
    assert phi > 1
    for row, error, hit, case in zip(
        rows(scored(figures(hits=hits, cases=cases), f"limits: {{funnel: {how}}}"), "share"), errors, hits, cases,
        strict=True,
    ):  # fmt: skip
        assert row["dispersion"] == pytest.approx(phi)
        assert row["high_998"] == pytest.approx(min(100, 100 * (centre + 3.090232306 * error)))
        away = (hit / case - centre) / error
        outer = "alarm" if abs(away) > 3.0902 else "alert"
        side = "above" if away > 0 else "below"
        assert row["signal"] == ("within" if abs(away) <= 1.95996 else f"{outer}_{side}")


def test_a_missing_figure_has_no_limits_and_does_not_move_the_group():
    """What is missing is no zero: the group's value is that of the others."""
    card = scored(figures(hits=[50, 60, 55, None], cases=[100, 100, 100, 400]), "limits: 95")
    *there, missing = rows(card, "share")
    assert all(entry["centre"] == pytest.approx(55) for entry in there)
    assert missing["lower"] is None
    assert missing["signal"] is None


@pytest.mark.parametrize(("hits", "word"), [(9999.0, "more than"), (-3.0, "below zero")])
def test_impossible_counts_leave_only_their_unit_out(hits, word):
    """More events than cases, or fewer than none, are no part of the group, and are reported."""
    good = [50.0, 60.0, 55.0, 80.0]
    expected = rows(scored(figures(hits=good, cases=[100.0] * 4), "limits: 95"), "share")
    card = scored(figures(hits=[*good, hits], cases=[100.0] * 4 + [622.0]), "limits: 95")
    *others, wrong = rows(card, "share")
    assert others == expected
    assert [wrong[key] for key in ("lower", "low_95", "signal")] == [None] * 3
    (result,) = [entry for entry in card.findings_list if entry.code == "K672"]
    assert (result.place.entity, result.place.period, str(result.severity)) == ("区4", "2023", "warning")
    assert word in str(result.message)


@pytest.mark.parametrize("more", ["limits: {of: density}", "limits: {of: weighted, method: {column: variance}}"])
def test_negative_numbers_and_errors_leave_only_their_unit_out(more):
    columns = {"deaths": [5.0, 6, 9, -4], "area": [10.0] * 4, "rate_of_weighted": [5.0, 6, 9, 4],
               "variance": [1.0, 1, 1, -1]}  # fmt: skip
    card = scored(figures(**columns), more)
    name = card.limits["indicator"][0]
    assert [row["centre"] for row in rows(card, name)[:3]] == pytest.approx(
        [20 / 3 / (10 if name == "density" else 1)] * 3
    )
    assert [entry.place.entity for entry in card.findings_list if entry.code == "K672"] == ["区3"]


def test_all_cases_in_another_multiple_are_no_more_than_all():
    text = SYSTEM.replace("hits: {unit: 件}", "hits: {unit: 万件}")
    card = kpi.score(
        figures(hits=[1.1, 1.0, 0.9], cases=[11000.0] * 3), system=examine_text(text + "limits: 95").system
    )
    assert rows(card, "share")[0]["upper"] == pytest.approx(100)
    assert not [entry for entry in card.findings_list if entry.code == "K672"]


def test_two_units_are_no_group():
    assert {row["signal"] for row in rows(scored(figures(hits=[1, 99], cases=[100, 100]), "limits: 95"), "share")} == {
        None
    }


def test_groups_have_their_own_limits():
    frame = figures(hits=[10, 20, 30, 70, 80, 90], cases=[100] * 6) | {"分组": ["甲"] * 3 + ["乙"] * 3}
    card = scored(frame, "ranking: {cohort: 分组}\nlimits: 95")
    centres = {row["cohort"]: row["centre"] for row in rows(card, "share")}
    assert centres == pytest.approx({"甲": 20, "乙": 80})


def test_limits_are_columns_of_the_indicators_only_where_declared():
    frame = figures(hits=[50, 60, 55], cases=[100, 100, 100])
    plain, limited = scored(frame, ""), scored(frame, "limits: 95")
    assert not {"lower", "upper", "signal"} & set(plain.indicators.columns)
    assert "limits" not in plain.extras
    assert {"lower", "upper", "signal"} <= set(limited.indicators.columns)
    assert limited.indicators.drop("lower", "upper", "signal").equals(plain.indicators)
    assert [stage.name for stage in limited.plan.stages] == [stage.name for stage in plain.plan.stages]
    assert plain.definition_hash != limited.definition_hash


def test_the_key_of_an_indicator_goes_before_that_of_the_system():
    text = SYSTEM.replace("denominator: cases}", "denominator: cases, limits: {level: 99.8, funnel: none}}")
    card = kpi.score(figures(hits=[50, 60, 55], cases=[100] * 3), system=examine_text(text + "limits: 90").system)
    row = rows(card, "share")[0]
    assert row["level"] == 99.8
    assert row["low_95"] is None


def test_stated_errors_have_limits_around_the_value():
    more = """
uncertainty: {sampling: {weighted: {standard_error: 2}}}
limits: {of: [weighted], funnel: plain}
"""
    result = rows(scored(figures(rate_of_weighted=[10.0, 12.0, 30.0]), more), "weighted")
    assert result[0]["lower"] == pytest.approx(10 - 2 * 1.959964, abs=1e-5)
    assert result[0]["centre"] == pytest.approx(52 / 3)
    assert result[2]["signal"] == "alarm_above"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ("limits: {of: [weighted]}", "limits.of"),
        ("limits: {of: [nothing]}", "limits.of"),
        ("limits: {of: [share], method: {column: nothing}}", "limits"),
    ],
)
def test_limits_that_cannot_be_known_are_an_error(more, place):
    result = [entry for entry in examine_text(SYSTEM + more).findings if entry.code == "K672"]
    assert result, place


def test_an_indicator_whose_kind_shows_no_error_cannot_have_limits():
    text = SYSTEM.replace("of: rate_of_weighted}", "of: rate_of_weighted, limits: 95}")
    (result,) = examine_text(text).findings
    assert result.code == "K672"
    assert "`weighted`" in str(result.message)


def test_a_level_that_is_no_level_is_an_error():
    assert examine_text(SYSTEM + "limits: 9.5").system is None


# ---- COUNTS OF SEVERAL PERIODS ---- #

POOLED = """
system: pooled
period: year
entities: {title: 区}
measures: {hits: {unit: 件}, cases: {unit: 件}, deaths: {unit: 人}, area: {unit: 平方公里}}
indicators:
  share: {kind: ratio, numerator: hits, denominator: cases, pool: 3y}
  covered: {kind: coverage, covered: hits, total: cases, pool: 3y}
  density: {kind: ratio, numerator: deaths, denominator: area, pool: 2y}
limits: 95
"""
YEARS = ["2020", "2021", "2022", "2023"]
COUNTS = {
    "区0": {"hits": [3, 5, 2, 4], "cases": [40, 50, 45, 60], "deaths": [4, 9, 2, 3], "area": [50] * 4},
    "区1": {"hits": [0, 0, 0, 1], "cases": [9, 8, 7, 9], "deaths": [0, 0, 0, 12], "area": [20] * 4},
    "区2": {"hits": [5, None, 6, 7], "cases": [90, 95, 92, 91], "deaths": [1, 2, 3, 4], "area": [30] * 4},
}


def over_years(text: str = POOLED, counts: dict = COUNTS) -> kpi.Scorecard:
    records = [
        {"地区": unit, "期别": year, **{name: column[at] for name, column in columns.items()}}
        for unit, columns in counts.items() for at, year in enumerate(YEARS)
    ]  # fmt: skip
    return kpi.score(pl.DataFrame(records), system=examine_text(text).system)


def pooled_limits(card: kpi.Scorecard, name: str, year: str) -> dict[str, tuple]:
    frame = card.limits.filter(indicator=name, period=year)
    return {row["entity"]: (row["value"], row["lower"], row["upper"]) for row in frame.to_dicts()}


@pytest.mark.parametrize("name", ["share", "covered"])
def test_limits_of_pooled_proportions_are_wilsons_of_the_pooled_counts(name):
    """11/155 and 1/24 by statsmodels.stats.proportion.proportion_confint(method="wilson")."""
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    rated = pooled_limits(over_years(), name, "2023")
    for unit, hits, cases in (("区0", 11, 155), ("区1", 1, 24)):
        low, high = proportion.proportion_confint(hits, cases, 0.05, "wilson")
        assert rated[unit] == pytest.approx((100 * hits / cases, 100 * low, 100 * high), abs=1e-9), unit
    # A year without a figure is no year without events.
    assert rated["区2"] == (None, None, None)


def test_limits_of_pooled_rates_are_those_of_the_pooled_events():
    """Exact limits of five events from the chi-squared distribution, Byar's of twelve; over twice the area."""
    chi2 = pytest.importorskip("scipy.stats").chi2
    rated = pooled_limits(over_years(), "density", "2023")
    few = tuple(chi2.ppf(part, 2 * events) / 2 / 100 for part, events in ((0.025, 5), (0.975, 6)))
    assert rated["区0"][1:] == pytest.approx(few, rel=1e-6)
    z = intervals.quantile(95)
    byar = tuple(
        number * (1 - 1 / (9 * number) + sign * z / (3 * math.sqrt(number))) ** 3 / 40
        for number, sign in ((12, -1), (13, 1))
    )
    assert rated["区1"][1:] == pytest.approx(byar, rel=1e-9)


def test_pooled_limits_are_narrower_than_those_of_a_year_and_the_group_is_pooled_too():
    card = over_years()
    yearly = over_years(POOLED.replace(", pool: 3y", ""))
    (_, low, high), (_, year_low, year_high) = (pooled_limits(item, "share", "2023")["区0"] for item in (card, yearly))
    assert high - low < year_high - year_low
    more = {**COUNTS, "区2": {**COUNTS["区2"], "hits": [5, 5, 6, 7]}}
    centres = over_years(counts=more).limits.filter(indicator="share", period="2023")["centre"]
    assert centres.to_list() == pytest.approx([100 * (11 + 1 + 18) / (155 + 24 + 278)] * 3)


def test_pooled_rates_are_shrunk_and_sampled_by_their_pooled_counts():
    shrunk = POOLED.replace("pool: 3y}", "pool: 3y, shrink: reliability, score: {kind: goalposts, low: 0, high: 9}}", 1)
    more = {**COUNTS, "区2": {**COUNTS["区2"], "hits": [5, 5, 6, 7]}}
    card = over_years(shrunk, more)
    assert not [str(item.message) for item in card.findings_list if item.code == "K672"]
    assert card.treated.filter(indicator="share", period="2023").height == 3
    text = POOLED + "pillars: {all: {weight: 100, parts: {share: 100}}}\nuncertainty: {sampling: {share: wilson}}\n"
    text = text.replace("pool: 3y}", "pool: 3y, score: {kind: goalposts, low: 0, high: 9}}", 1)
    ranks = stressed(over_years(text, more), runs=200).ranks
    assert (ranks["low"] < ranks["high"]).any()


def test_impossible_pooled_counts_name_their_window():
    more = {**COUNTS, "区1": {**COUNTS["区1"], "hits": [20, 0, 30, 1]}}
    card = over_years(POOLED.replace("  covered: {kind: coverage, covered: hits, total: cases, pool: 3y}\n", ""), more)
    with kpi.using_language("en"):
        (finding,) = [item for item in card.findings_list if item.code == "K672" and item.place.period == "2023"]
    assert "hits over 3 years is 31, more than cases over 3 years with 24" in str(finding.message)


def test_counts_that_are_none_have_no_pooled_limits_either():
    text = POOLED.replace("deaths: {unit: 人}", "deaths: {unit: 万元}").replace("limits: 95", "limits: {of: density}")
    (finding,) = [item for item in examine_text(text).findings if item.code == "K672"]
    assert "`density`" in str(finding.message)


def impossible(card):
    with kpi.using_language("en"):
        return [(item, str(item.message)) for item in card.findings_list if item.code == "K672"]


def test_impossible_counts_of_many_units_are_one_finding():
    good = [50.0, 60.0, 55.0, 80.0]
    hits, cases = [*good, *[900.0] * 4, -3.0], [100.0] * 9
    ((item, message),) = impossible(scored(figures(hits=hits, cases=cases), "limits: 95"))
    assert (item.place.entity, item.place.period, item.stands_for) == (None, "2023", 5)
    assert message.endswith(
        "区4: hits is 900, more than cases with 100, 区5: hits is 900, more than cases with 100, "
        "区6: hits is 900, more than cases with 100, and 2 more figures"
    )
    with kpi.using_language("zh"):
        assert "区4：hits为 900，多于cases的 100" in rendered(item.message)
    ((_, message),) = impossible(scored(figures(hits=hits[3:6:2], cases=cases[:2]), "limits: 95"))
    assert message.endswith("hits is 900, more than cases with 100, and a part is never more than all")
    more = "limits: 95\ndisclosure: {threshold: 5, of: [cases]}"
    ((_, message),) = impossible(scored(figures(hits=hits, cases=cases), more))
    assert message.endswith("区4, 区5, 区6, and 2 more figures")


@pytest.mark.parametrize("years", [range(2000, 2024), range(1990, 2024)])
def test_impossible_counts_of_many_periods_are_few_findings(years):
    each = figures(hits=[50, 900, 900, 60], cases=[100.0] * 4)
    data = pl.concat(pl.DataFrame({**each, "期别": [str(year)] * 4}) for year in years)
    found = impossible(scored(data, "limits: 95"))
    assert sum(item.stands_for for item, _ in found) == 2 * len(years)
    assert len(found) == (24 if len(years) == 24 else 4)
    if len(years) > 24:
        assert found[-1][1] == (
            "share has no limits for 62 more figures, of 1993 to 2023, as there can be no such figures"
        )
