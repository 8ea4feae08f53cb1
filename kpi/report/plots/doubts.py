"""Plots of what `kpi stress` finds: levels, who is ahead, effective importance, what the variance comes from.

All are of the simulated runs of one period, by `view.runs` and `view.seed`.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from kpi.analysis.robustness import Robustness, stressed
from kpi.errors import DataError, Diagnostic, Message
from kpi.report.language import localized, tr
from kpi.report.plots.cohorts import Part, below_each, parts_of, stacked
from kpi.report.plots.theme import BETTER, MARKED, MOST, PEERS, SCORES, drawing, finished, rows, shortened, titled
from kpi.report.plots.view import View
from kpi.report.robustness_words import choice_words

_ROW = 18
#: The most units of a picture of pairs, and the most parts of one of importance.
_PAIRS, _PARTS = 40, 30
#: The base points of Sobol' indices for the smallest number of runs that is asked for.
_LEAST_BASES = 16


def _results(view: View, *, sensitivity: int = 0) -> Robustness:
    drawing()
    return stressed(view.at_period(), runs=view.runs, seed=view.seed, sensitivity=sensitivity)


def probabilities(view: View) -> Any:
    """Draw how probable each level of each unit is under other weights, methods and figures, as parts of a bar."""
    results = _results(view)
    scheme = view.card.definition.stars
    table = _of_cohort(view, results.stars).drop_nulls("stars")
    if scheme is None or table.is_empty():
        message = Message("{system} gives no levels, so none is probable", system=view.card.system)
        raise DataError(Diagnostic("K880", message, hint=Message("write `stars:`")))
    order = _of_cohort(view, results.ranks).drop_nulls("rank").sort("rank", "entity")
    titles = {level: localized(scheme.title(level)) for level in sorted(table["stars"].unique(), reverse=True)}
    table = table.with_columns(level=pl.col("stars").replace_strict(titles, return_dtype=pl.String))
    parts, more = parts_of(view, table, order)
    charts = [_levels(part, list(titles.values())) for part in parts]
    below = [*view.below(), Message("percent of {runs:,} runs", runs=view.runs), *below_each(parts, more)]
    title = titled(view.headline(Message("probabilities of levels")), below=below)
    return finished(stacked(parts, charts).properties(title=title))


def _levels(part: Part, titles: list[str]) -> Any:
    alt = drawing()
    scale = alt.Scale(domain=titles, range=_shades(len(titles)))
    return alt.Chart(rows(part.rows.select("entity", "stars", "level", "percent"))).mark_bar(size=12).encode(
        x=alt.X("percent:Q", title=tr("Percent of runs"), stack="zero", scale=alt.Scale(domain=[0, 100])),
        y=alt.Y("entity:N", sort=part.names, title=None, axis=alt.Axis(labelOverlap=False)),
        color=alt.Color("level:N", title=tr("Level"), scale=scale),
        order=alt.Order("stars:Q", sort="descending"),
        tooltip=["entity:N", "level:N", alt.Tooltip("percent:Q", format=".1f")],
    ).properties(width=520, height=_ROW * len(part.names))  # fmt: skip


def _shades(number: int) -> list[str]:
    """Return the colours of levels from the highest down: those of scores, evenly, from dark to light."""
    if number == 1:
        return SCORES[-1:]
    places = [at * (len(SCORES) - 1) / (number - 1) for at in range(number)]
    return [_between(SCORES, place) for place in reversed(places)]


def _between(colours: list[str], place: float) -> str:
    low = min(int(place), len(colours) - 2)
    pair = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours[low : low + 2]]
    mixed = [round(first + (second - first) * (place - low)) for first, second in zip(*pair, strict=True)]
    return "#" + "".join(f"{part:02X}" for part in mixed)


def ahead(view: View) -> Any:
    """Draw in how many runs each unit has a better place than each other one, as colours; ties count half."""
    alt, results = drawing(), _results(view)
    order = _of_cohort(view, results.ranks).drop_nulls("rank").sort("cohort", "rank", "entity")
    names, more = shortened(order["entity"].to_list(), _PAIRS)
    shown = pl.col("entity").is_in(names) & pl.col("other").is_in(names)
    half = pl.col("ahead") + pl.col("equal") / 2
    pairs = _of_cohort(view, results.ahead).filter(shown).select("entity", "other", percent=half)
    both = pl.concat([pairs, pairs.select(entity="other", other="entity", percent=100 - pl.col("percent"))])
    both = both.unique(["entity", "other"], keep="first", maintain_order=True)
    size = max(_ROW * len(names), 120)
    chart = alt.Chart(rows(both)).mark_rect().encode(
        x=alt.X("other:N", sort=names, title=tr("than"), axis=alt.Axis(labelOverlap=False, labelAngle=-60)),
        y=alt.Y("entity:N", sort=names, title=tr("ahead"), axis=alt.Axis(labelOverlap=False)),
        color=alt.Color(
            "percent:Q", title=tr("Percent of runs"), scale=alt.Scale(domain=[0, 100], range=[PEERS, "#FFFFFF", MARKED])
        ),
        tooltip=["entity:N", "other:N", alt.Tooltip("percent:Q", format=".1f")],
    ).properties(width=size, height=size)  # fmt: skip
    below = [*view.below(), Message("percent of {runs:,} runs; equal places count half", runs=view.runs), more or ""]
    return finished(chart.properties(title=titled(view.headline(Message("who is ahead of whom")), below=below)))


def importance(view: View) -> Any:
    """Draw the weight of each indicator and pillar on paper, and its part of the variance of totals."""
    alt, table = drawing(), _results(view).importance.drop_nulls("effective")
    if table.is_empty():
        message = Message("totals do not differ, so no part is important")
        raise DataError(Diagnostic("K880", message))
    table = table.sort("effective", "title", descending=[True, False]).head(_PARTS)
    names = table["title"].to_list()
    paper, effect = tr("Weight on paper (%)"), tr("In effect (%)")
    dots = table.unpivot(["weight", "effective"], index=["part", "title"], variable_name="kind", value_name="percent")
    labels = {"weight": paper, "effective": effect}
    dots = dots.with_columns(pl.col("kind").replace_strict(labels, return_dtype=pl.String))
    y = alt.Y("title:N", sort=names, title=None, axis=alt.Axis(labelOverlap=False))
    x_axis = alt.X("weight:Q", title="%")
    span = alt.Chart(rows(table)).mark_rule(color=PEERS, strokeWidth=2).encode(x=x_axis, x2="effective:Q", y=y)
    points = alt.Chart(rows(dots)).mark_circle(size=70, opacity=1).encode(
        x=alt.X("percent:Q", title="%"), y=y,
        color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=[paper, effect], range=[BETTER, MARKED])),
        tooltip=["title:N", "kind:N", alt.Tooltip("percent:Q", format=".1f")],
    )  # fmt: skip
    title = titled(view.headline(Message("weights on paper and in effect")), below=view.below())
    return finished(alt.layer(span, points).properties(width=520, height=_ROW * len(names), title=title))


def sensitivity(view: View) -> Any:
    """Draw Sobol' indices of the mean shift of ranks: each choice by itself, and with its interactions.

    Lines are bootstrap intervals. The number of base points is the number of runs, rounded down to a power of two.
    """
    alt = drawing()
    bases = max(1 << (view.runs.bit_length() - 1), _LEAST_BASES)
    table = _results(view, sensitivity=bases).sensitivity
    assert table is not None  # noqa: S101 - it was asked for
    table = table.filter(pl.col("result") == "ranks").drop_nulls("total")
    if table.is_empty():
        message = Message("no choice moves a place, so there is nothing to divide between them")
        raise DataError(Diagnostic("K880", message, hint=Message("declare what varies: `uncertainty:`")))
    table = table.sort("total", "choice", descending=[True, False]).head(MOST)
    names = [localized(choice_words(choice)) for choice in table["choice"]]
    first, total = tr("First order"), tr("With interactions")
    long = pl.concat([
        table.select(
            choice=pl.Series(names), kind=pl.lit(label), index=pl.col(name), low=f"{name}_low", high=f"{name}_high"
        )
        for name, label in (("first", first), ("total", total))
    ])  # fmt: skip
    base = alt.Chart(rows(long))
    y = alt.Y("choice:N", sort=names, title=None, axis=alt.Axis(labelOverlap=False))
    offset = alt.YOffset("kind:N", sort=[first, total])
    color = alt.Color("kind:N", title=None, scale=alt.Scale(domain=[first, total], range=[PEERS, MARKED]))
    bars = base.mark_bar(size=9).encode(x=alt.X("index:Q", title=tr("Part of the variance")), y=y, yOffset=offset,
                                       color=color)  # fmt: skip
    lines = base.mark_rule(color="#111827").encode(x="low:Q", x2="high:Q", y=y, yOffset=offset)
    below = [*view.below(), Message("{bases:,} base points; lines: bootstrap intervals of 95 %", bases=bases)]
    title = titled(view.headline(Message("which choices move places")), below=below)
    return finished(alt.layer(bars, lines).properties(width=460, height=2 * _ROW * len(names), title=title))


def _of_cohort(view: View, frame: pl.DataFrame) -> pl.DataFrame:
    return frame if view.cohort is None else frame.filter(pl.col("cohort") == view.cohort)
