"""Plots of one unit: what makes its total, where its values stand among its peers, and its targets over time."""

from __future__ import annotations

from typing import Any

import polars as pl

from kpi.analysis.explain import explain
from kpi.errors import DataError, Diagnostic, Message
from kpi.report.language import localized, tr
from kpi.report.plots.theme import BETTER, MARKED, NEUTRAL, PEERS, WORSE, drawing, finished, rows, shortened, titled
from kpi.report.plots.view import View

_ROW = 22


def entity_of(view: View) -> str:
    """Return the unit of a plot that shows one.

    Raises:
        DataError: K880, none is given.
    """
    if view.entity is None:
        message = Message("this plot shows one unit: say which")
        raise DataError(Diagnostic("K880", message, hint=Message("--entity NAME, or entity= in Python")))
    return view.entity


def waterfall(view: View) -> Any:
    """Draw how the contributions of pillars, bonuses, deductions and limits add up to the total of a unit."""
    alt, entity = drawing(), entity_of(view)
    total = explain(view.card, entity, period=view.period)
    # A pillar without points stands there; a bonus or deduction that does not apply does not.
    parts = [part for part in total.parts if part.contribution or (part.contribution == 0 and part.weight is not None)]
    if not parts or total.contribution is None:
        message = Message("{entity} has no total in {period}", entity=entity, period=view.period)
        raise DataError(Diagnostic("K880", message, hint=Message("`kpi explain` says why")))
    steps, start = [], 0.0
    for place, part in enumerate(parts):
        end = start + float(part.contribution or 0)
        label = localized(part.title)
        steps.append((place, label, start, end, end - start, "up" if end >= start else "down"))
        start = end
    steps.append((len(parts), tr("Total"), 0.0, total.contribution, total.contribution, "total"))
    schema = ["place", "part", "start", "end", "points", "kind"]
    frame = pl.DataFrame(steps, schema=schema, orient="row").with_columns(
        label=pl.Series([f"{points:.2f}" if kind == "total" else f"{points:+.2f}" for *_, points, kind in steps])
    )
    order = frame["part"].to_list()
    base = alt.Chart(rows(frame))
    y = alt.Y("part:N", sort=order, title=None)
    colors = alt.Color(
        "kind:N", legend=None, scale=alt.Scale(domain=["up", "down", "total"], range=[BETTER, WORSE, MARKED])
    )
    bars = base.mark_bar(size=14).encode(x=alt.X("start:Q", title=tr("Points")), x2="end:Q", y=y, color=colors)
    texts = base.transform_calculate(right="max(datum.start, datum.end)").mark_text(align="left", dx=4)
    texts = texts.encode(x="right:Q", y=y, text="label:N")
    title = titled(view.headline(Message("what makes the total of {entity}", entity=entity)), below=view.below())
    return finished(alt.layer(bars, texts).properties(width=520, height=_ROW * len(order), title=title))


def spread(view: View) -> Any:
    """Draw the score of a unit in each indicator within those of its peers: all as ticks, the unit as a point."""
    alt, entity = drawing(), entity_of(view)
    cells = view.indicators().drop_nulls("score")
    own = cells.filter(pl.col("entity") == entity)
    if own.is_empty():
        message = Message("{entity} has no score of an indicator in {period}", entity=entity, period=view.period)
        raise DataError(Diagnostic("K880", message, hint=Message("`kpi explain` says why")))
    titles = view.titles()
    names, more = shortened([titles[name] for name in own["indicator"]])
    cells = cells.with_columns(title=pl.col("indicator").replace_strict(titles)).filter(pl.col("title").is_in(names))
    y = alt.Y("title:N", sort=names, title=None, axis=alt.Axis(labelOverlap=False, grid=True))
    x = alt.X("score:Q", title=tr("Score (%)"))
    peers = (
        alt.Chart(rows(cells.select("title", "score", "entity"))).mark_tick(color=PEERS, thickness=2).encode(x=x, y=y)
    )
    middle = cells.group_by("title", maintain_order=True).agg(pl.col("score").median())
    medians = alt.Chart(rows(middle)).mark_tick(color=NEUTRAL, thickness=3, size=16).encode(x=x, y=y)
    mine = cells.filter(pl.col("entity") == entity).select("title", "score")
    points = alt.Chart(rows(mine)).mark_circle(color=MARKED, size=80, opacity=1).encode(x=x, y=y)
    below = [*view.below(), Message("point: {entity}; dark mark: the median of its peers", entity=entity), more or ""]
    title = titled(view.headline(Message("{entity} among its peers", entity=entity)), below=below)
    return finished(alt.layer(peers, medians, points).properties(width=460, height=_ROW * len(names), title=title))


def schedule(view: View) -> Any:
    """Draw the part of its targets that a unit has reached in each period, beside the part that was due (burn-up)."""
    alt, entity = drawing(), entity_of(view)
    table = view.card.indicators.filter((pl.col("entity") == entity) & pl.col("attainment").is_not_null())
    if view.indicator is not None:
        table = table.filter(pl.col("indicator") == view.indicator)
    dated = table.filter(pl.col("schedule").is_not_null())
    table = dated if dated.height else table
    if table.is_empty():
        raise DataError(Diagnostic("K880", Message("{entity} has no target with an attainment", entity=entity)))
    titles = view.titles()
    names, more = shortened([titles[name] for name in table["indicator"].unique(maintain_order=True)], 24)
    table = table.with_columns(title=pl.col("indicator").replace_strict(titles)).filter(pl.col("title").is_in(names))
    periods = [label for label in view.card.periods if label in set(table["period"])]
    base = alt.Chart().encode(x=alt.X("period:O", sort=periods, title=None))
    due = base.mark_line(color=NEUTRAL, strokeDash=[5, 4]).encode(y="schedule:Q")
    reached = base.mark_line(color=MARKED, point=True).encode(
        y=alt.Y("attainment:Q", title=tr("Percent of the target"))
    )
    layers = (due, reached) if dated.height else (reached,)
    facets = alt.layer(*layers, data=rows(table.select("period", "title", "attainment", "schedule")))
    facets = facets.properties(width=220, height=130)
    below = [*view.below(), Message("line: reached; dashed: due by then") if dated.height else "", more or ""]
    title = titled(view.of_system(Message("targets of {entity}", entity=entity)), below=below)
    chart = facets.facet(facet=alt.Facet("title:N", sort=names, title=None), columns=3)
    return finished(chart.properties(title=title))
