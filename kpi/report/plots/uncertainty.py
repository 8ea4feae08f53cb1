"""Plots of what is certain: intervals of places, and rates within the limits of chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from msgspec import Struct

from kpi.analysis.robustness import stressed
from kpi.engine.funnel_limits import INNER, OUTER
from kpi.errors import DataError, Diagnostic, Message
from kpi.language.small_numbers import limited
from kpi.report.language import tr
from kpi.report.plots.cohorts import Part, below_each, parts_of, stacked
from kpi.report.plots.theme import MARKED, NEUTRAL, PEERS, drawing, finished, rows, titled
from kpi.report.plots.view import View
from kpi.values.columns import Column

_ROW = 18
#: The most units that a funnel plot names.
_NAMED = 20
#: The quantiles of the normal distribution for the two limits of a funnel plot: 95 and 99.8 percent.
_LIMITS = {"95 %": INNER, "99.8 %": OUTER}


class _Widening(Struct, frozen=True):
    """Over-dispersion of a group, in percentage points.

    Attributes:
        centre: the value of the group.
        between: the variance between units beyond chance, which is added.
        factor: by which the standard errors are multiplied.
    """

    centre: float
    between: float
    factor: float


def _widening(view: View, name: str, entities: list[str]) -> _Widening | None:
    """Return the over-dispersion that the system declares, None unless all of the units are in one group."""
    limits, _ = limited(view.card.definition).get(name, (None, None))
    if limits is None or limits.funnel == "none":
        return None
    card = view.at_period()
    places = card.entities["entity"].is_in(entities)
    column = Column(name)
    rows_of = card.detailed.filter(
        pl.col("entity").is_in(list(np.flatnonzero(places.to_numpy()))) & pl.col(column.widened).is_not_null()
    )
    centres = rows_of[column.centre].unique()
    if len(centres) != 1:
        return None
    chance, widened = float(rows_of[column.deviation][0]), float(rows_of[column.widened][0])
    if limits.funnel == "multiplicative":
        return _Widening(float(centres[0]), 0.0, widened / chance)
    return _Widening(float(centres[0]), max(widened**2 - chance**2, 0.0), 1.0)


def _spread(overall: float, cases: float, wider: _Widening | None) -> float:
    """Return the standard error of a proportion of some cases, with over-dispersion."""
    chance = overall * (1 - overall) / cases
    return math.sqrt(chance) if wider is None else wider.factor * math.sqrt(chance + wider.between / 10_000)


def intervals(view: View) -> Any:
    """Draw the interval of places of each unit under other weights and methods, 5 to 95 percent of the runs."""
    drawing()
    return drawn_intervals(view, stressed(view.at_period(), runs=view.runs, seed=view.seed).ranks, view.runs)


def drawn_intervals(view: View, ranks: pl.DataFrame, runs: int) -> Any:
    """Draw the intervals of the frame `ranks` of a robustness analysis."""
    if view.cohort is not None:
        ranks = ranks.filter(pl.col("cohort") == view.cohort)
    ranks = ranks.drop_nulls("rank").sort("rank", "entity")
    parts, more = parts_of(view, ranks, ranks)
    most = int(ranks["worst"].max() or 1)  # type: ignore[arg-type]
    below = [
        *view.below(), Message("point: place; bar: 5 to 95 percent of {runs:,} runs; line: all", runs=runs),
        *below_each(parts, more),
    ]  # fmt: skip
    title = titled(view.headline(Message("intervals of places")), below=below)
    return finished(stacked(parts, [_bars(part, most) for part in parts]).properties(title=title))


def _bars(part: Part, most: int) -> Any:
    """Draw the intervals of the units that are ranked together, on an axis of `most` places."""
    alt = drawing()
    base = alt.Chart(rows(part.rows.select("entity", "rank", "low", "high", "best", "worst")))
    y = alt.Y("entity:N", sort=part.names, title=None, axis=alt.Axis(labelOverlap=False))
    x = alt.X(
        "best:Q", title=tr("Rank"), scale=alt.Scale(domain=[1, most], zero=False, nice=False, padding=8),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )  # fmt: skip
    whole = base.mark_rule(color=PEERS, strokeWidth=1.5).encode(x=x, x2="worst:Q", y=y)
    usual = base.mark_bar(color=MARKED, opacity=0.35, size=9).encode(x="low:Q", x2="high:Q", y=y)
    place = base.mark_circle(color=MARKED, size=60, opacity=1).encode(x="rank:Q", y=y)
    return alt.layer(whole, usual, place).properties(width=520, height=_ROW * len(part.names))


def funnel(view: View) -> Any:
    """Draw a rate of each unit against its denominator, with the limits that chance explains around the overall rate.

    The limits are those of a proportion, p ± z·√(p(1 - p)/n) for n cases and the overall rate p, at 95 and 99.8
    percent; where the system declares limits of the indicator they are its funnel limits, with over-dispersion. Source:
    D. J. Spiegelhalter, Funnel plots for comparing institutional performance, Statistics in Medicine 24 (2005),
    1185-1202.
    """
    alt, system = drawing(), view.card.definition
    proportions = {name: indicator.proportion for name, indicator in system.indicators.items()}
    name = view.indicator
    if name is None or (parts := proportions[name]) is None:
        possible = [other for other, measures in proportions.items() if measures is not None]
        message = Message("a funnel plot shows a ratio or coverage of counts: say which")
        hint = Message("--indicator, one of {names}", names=tuple(possible[:5])) if possible else None
        raise DataError(Diagnostic("K880", message, hint=hint))
    part, whole = parts
    figures = view.card.measures.filter((pl.col("period") == view.period) & pl.col("measure").is_in([part, whole]))
    table = figures.pivot(on="measure", index="entity", values="value") if figures.height else pl.DataFrame()
    units = {str(system.unit(other)) for other in (part, whole)}
    if len(units) != 1 or part == whole or not {part, whole} <= {*table.columns}:
        message = Message(
            "`{indicator}` is no part of a count: a funnel plot would not hold", indicator=system.symbols[name].title
        )
        raise DataError(Diagnostic("K880", message))
    table = table.select("entity", hits=pl.col(part), cases=pl.col(whole)).drop_nulls().filter(pl.col("cases") > 0)
    if view.cohort is not None:
        table = table.filter(pl.col("entity").is_in(view.totals()["entity"].to_list()))
    if table.height < 3 or (table["hits"] > table["cases"]).any() or (table["hits"] < 0).any():
        message = Message(
            "a funnel plot needs three units whose {part} is part of {whole}",
            part=system.symbols[part].title,
            whole=system.symbols[whole].title,
        )
        raise DataError(Diagnostic("K880", message))
    overall = float(table["hits"].sum()) / float(table["cases"].sum())
    wider = _widening(view, name, table["entity"].to_list())
    if wider is not None:
        overall = wider.centre / 100
    least, most = 0.6 * float(table["cases"].min()), 1.05 * float(table["cases"].max())  # type: ignore[arg-type]
    grid = [least + (most - least) * (step / 200) ** 2 for step in range(201)]
    lines = [
        (cases, label, 100 * bound)
        for label, width in _LIMITS.items()
        for cases in grid
        for sign in (-1, 1)
        if 0 <= (bound := overall + sign * width * _spread(overall, cases, wider)) <= 1
    ]
    sides = pl.DataFrame(lines, schema=["cases", "limit", "rate"], orient="row").with_columns(
        side=pl.col("limit") + pl.when(pl.col("rate") > 100 * overall).then(pl.lit("+")).otherwise(pl.lit("-"))
    )
    points = table.with_columns(rate=100 * pl.col("hits") / pl.col("cases"))
    outer = [100 * _LIMITS["99.8 %"] * _spread(overall, cases, wider) for cases in points["cases"]]
    outside = points.filter((pl.col("rate") - 100 * overall).abs() > pl.Series(outer, dtype=pl.Float64))
    x = alt.X("cases:Q", scale=alt.Scale(zero=False, nice=False), title=system.symbols[whole].title)
    y = alt.Y("rate:Q", title=f"{system.symbols[name].title} (%)", scale=alt.Scale(zero=False))
    limits = alt.Chart(rows(sides)).mark_line(color=NEUTRAL, strokeWidth=1).encode(
        x=x, y=y, detail="side:N", strokeDash=alt.StrokeDash("limit:N", title=tr("Limits")))  # fmt: skip
    mean = alt.Chart(rows(pl.DataFrame({"rate": [100 * overall]}))).mark_rule(color=NEUTRAL).encode(y="rate:Q")
    dots = alt.Chart(rows(points)).mark_circle(color=MARKED, size=50, opacity=0.8).encode(
        x=x, y=y, tooltip=["entity:N", alt.Tooltip("rate:Q", format=".2f"), "cases:Q"])  # fmt: skip
    far = outside.sort((pl.col("rate") - 100 * overall).abs(), "entity", descending=[True, False]).head(_NAMED)
    marked = far if view.entity is None else points.filter(pl.col("entity") == view.entity)
    labels = alt.Chart(rows(marked)).mark_text(align="left", dx=7).encode(x=x, y=y, text="entity:N")
    below: list[str] = view.below()
    if view.entity is None and outside.height > _NAMED:
        below.append(
            Message(
                "named: of {all:,} units outside the limits the {shown:,} farthest", all=outside.height, shown=_NAMED
            )
        )
    title = titled(
        view.headline(Message("{indicator}, funnel plot", indicator=system.symbols[name].title)), below=below
    )
    return finished(alt.layer(limits, mean, dots, labels).properties(width=560, height=340, title=title))
