"""Plots of all units: the distribution of scores, places over time, the heat map, and correlations."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from kpi.analysis import statistics
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message
from kpi.report.bulletin.words import names as names_of
from kpi.report.language import tr
from kpi.report.plots.cohorts import Part, below_each, parts_of, stacked
from kpi.report.plots.theme import GROUPS, MARKED, PEERS, SCORES, drawing, finished, rows, steps, titled
from kpi.report.plots.view import View

#: The height of a row and the width of a column (pixels).
_ROW, _COLUMN = 18, 22
#: The least height of a picture of places (pixels), and the most names of units that share one.
_LEAST, _SHARING = 90, 3


def distribution(view: View) -> Any:
    """Draw how many units have which total, a bar for each level of stars, with a mark for a unit."""
    alt, card = drawing(), view.card
    totals = view.totals().drop_nulls("score")
    if totals.is_empty():
        raise nothing_scored(card)
    levels = totals.with_columns(level=pl.col("grade").fill_null(_signs(pl.col("stars"))).fill_null(""))
    order = levels.sort("stars", "score", descending=True)["level"].unique(maintain_order=True).to_list()
    heading = tr("Grade") if levels["grade"].count() else tr("Stars")
    several = len(order) > 1
    low, high, width = _bins(levels["score"])
    binned = levels.with_columns(start=((pl.col("score") - low) / width).floor() * width + low)
    binned = binned.group_by("start", "level", maintain_order=True).agg(units=pl.len())
    top = pl.col("units").cum_sum().over("start")
    binned = binned.sort("start", "level").with_columns(
        end=pl.col("start") + width, top=top, base=top - pl.col("units")
    )
    most = int(binned["top"].max())  # type: ignore[arg-type]
    bars = alt.Chart(rows(binned)).mark_bar(stroke="white").encode(
        x=alt.X("start:Q", title=tr("Score"), scale=alt.Scale(domain=[low, high], nice=False)), x2="end:Q",
        y2="base:Q", y=alt.Y("top:Q", title=tr("Units"), axis=alt.Axis(values=steps(most), format="d")),
        color=alt.Color("level:N", title=heading, scale=alt.Scale(domain=order, range=GROUPS))
        if several
        else alt.value(MARKED),
    )  # fmt: skip
    layers = [bars]
    if view.entity is not None:
        marked = alt.Chart(rows(levels.filter(pl.col("entity") == view.entity).select("entity", "score")))
        line = marked.mark_rule(color="black", strokeDash=[4, 3], size=1.5).encode(x="score:Q")
        text = marked.mark_text(align="left", dx=5, y=8).encode(x="score:Q", text="entity:N")
        layers += [line, text]
    title = titled(view.headline(Message("distribution of scores")), below=view.below())
    return finished(alt.layer(*layers).properties(width=560, height=280, title=title))


def places(view: View) -> Any:
    """Draw the place of each unit in each period as a line (bump chart), the last places as labels.

    Units are ranked within cohorts: each has a picture of its own.
    """
    card = view.card
    frame = card.totals.drop_nulls("rank").with_columns(rank=pl.col("rank").cast(pl.Int64))
    if view.cohort is not None:
        frame = frame.filter(pl.col("cohort") == view.cohort)
    if frame.is_empty():
        raise nothing_scored(card)
    periods = [label for label in card.periods if label in set(frame["period"])]
    latest = frame.filter(pl.col("period") == periods[-1]).sort("rank", "entity")
    parts, more = parts_of(view, frame, latest)
    charts = [_bumps(view, part, periods) for part in parts]
    title = titled(view.of_system(Message("places over time")), below=[*view.below(), *below_each(parts, more)])
    # Each cohort has colours of its own.
    return finished(stacked(parts, charts).resolve_scale(color="independent").properties(title=title))


def _bumps(view: View, part: Part, periods: list[str]) -> Any:
    """Draw the places of the units that are ranked together."""
    alt, names, frame = drawing(), part.names, part.rows
    marked = {view.entity} if view.entity is not None else {*names[:5]}
    shades = [GROUPS[number % 5] if name in marked else PEERS for number, name in enumerate(names)]
    colors = alt.Color("entity:N", legend=None, sort=names, scale=alt.Scale(domain=names, range=shades))
    last = int(frame["rank"].max())  # type: ignore[arg-type]
    x = alt.X("period:O", sort=periods, title=None, scale=alt.Scale(domain=periods),
              axis=alt.Axis(labelAngle=0 if len(periods) < 12 else -60))  # fmt: skip
    y = alt.Y("rank:Q", scale=alt.Scale(domain=[last + 0.5, 0.5], nice=False), title=tr("Rank"),
              axis=alt.Axis(values=steps(last, 1), format="d", grid=False))  # fmt: skip
    base = alt.Chart(rows(frame.select("period", "entity", "rank")))
    lines = base.mark_line(point=alt.OverlayMarkDef(size=45, filled=True), strokeWidth=2).encode(x=x, y=y, color=colors)
    # Units that share a place share a label.
    ends = frame.filter(pl.col("period") == periods[-1]).sort("entity").group_by("rank", maintain_order=True)
    texts = [(periods[-1], rank, names_of(units, _SHARING)) for rank, units in ends.agg("entity").iter_rows()]
    ended = pl.DataFrame(texts, schema={"period": pl.String, "rank": pl.Int64, "units": pl.String}, orient="row")
    labels = alt.Chart(rows(ended)).mark_text(align="left", dx=9).encode(x=x, y=y, text="units:N")
    width = max(320, min(1200, 70 * len(periods)))
    return alt.layer(lines, labels).properties(width=width, height=max(_LEAST, _ROW * last))


def heat_map(view: View) -> Any:
    """Draw the score of each unit in each indicator as a colour, the best of a cohort first; without a score white."""
    totals = view.totals()
    cells = view.indicators().drop_nulls("score")
    if cells.is_empty():
        raise nothing_scored(view.card)
    titles = view.titles()
    columns = [titles[name] for name in view.card.definition.indicators if name in set(cells["indicator"])]
    cells = cells.with_columns(indicator=pl.col("indicator").replace_strict(titles))
    parts, more = parts_of(view, cells, totals.sort("rank", "entity", nulls_last=True))
    domain = _span(cells["score"])
    charts = [_scores_of(part, columns, domain, top=place == 0) for place, part in enumerate(parts)]
    title = titled(view.headline(Message("scores by indicator")), below=[*view.below(), *below_each(parts, more)])
    return finished(stacked(parts, charts).properties(title=title))


def _scores_of(part: Part, columns: list[str], domain: list[float], *, top: bool) -> Any:
    """Draw the scores of the units that are ranked together; the names of indicators stand above the first ones."""
    alt = drawing()
    cells = part.rows.select("entity", "indicator", "score")
    return alt.Chart(rows(cells)).mark_rect(stroke="white", strokeWidth=0.5).encode(
        x=alt.X(
            "indicator:N", sort=columns, title=None, scale=alt.Scale(domain=columns),
            axis=alt.Axis(labelAngle=-60, orient="top", labelOverlap=False, labels=top, ticks=top),
        ),
        y=alt.Y("entity:N", sort=part.names, title=None, scale=alt.Scale(domain=part.names),
                axis=alt.Axis(labelOverlap=False)),
        color=alt.Color("score:Q", title=tr("Score (%)"), scale=alt.Scale(range=SCORES, domain=domain)),
        tooltip=["entity:N", "indicator:N", alt.Tooltip("score:Q", format=".2f")],
    ).properties(width=_COLUMN * len(columns), height=_ROW * len(part.names))  # fmt: skip


def correlation(view: View) -> Any:
    """Draw Pearson's correlations of the scores of all pairs of indicators over the units of the last period shown."""
    alt, card = drawing(), view.at_period()
    table = statistics.correlations(card).drop_nulls("correlation")
    if table.is_empty():
        message = Message("there are no two indicators with scores of three units that differ")
        raise DataError(Diagnostic("K880", message))
    titles = view.titles()
    used = {*table["first"], *table["second"]}
    names = [titles[name] for name in card.definition.indicators if name in used]
    pairs = table.select("first", "second", "correlation")
    both = pl.concat([pairs, pairs.select(first="second", second="first", correlation="correlation")]).with_columns(
        pl.col("first", "second").replace_strict(titles)
    )
    chart = alt.Chart(rows(both)).mark_rect(stroke="white", strokeWidth=0.5).encode(
        x=alt.X("first:N", sort=names, title=None, axis=alt.Axis(labelAngle=-60, orient="top", labelOverlap=False)),
        y=alt.Y("second:N", sort=names, title=None, axis=alt.Axis(labelOverlap=False)),
        color=alt.Color("correlation:Q", title=tr("Correlation"),
                        scale=alt.Scale(domain=[-1, 0, 1], range=["#D55E00", "#F5F5F5", "#0072B2"])),
        tooltip=["first:N", "second:N", alt.Tooltip("correlation:Q", format=".2f")],
    )  # fmt: skip
    size = _ROW * len(names)
    title = titled(view.headline(Message("correlation of scores")), below=view.below())
    return finished(chart.properties(width=size, height=size, title=title))


def _bins(scores: pl.Series) -> tuple[float, float, float]:
    """Return the limits of a histogram and the width of its bars, about twenty of 1, 2 or 5 times a power of ten.

    >>> _bins(pl.Series([65.1, 94.9]))
    (64.0, 96.0, 2.0)
    """
    least, most = float(scores.min()), float(scores.max())  # type: ignore[arg-type]
    # Where all have the same score, a bar of it has a width that can be read.
    rough = (most - least or max(abs(most), 1.0) / 4) / 20
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    low = math.floor(least / width) * width
    return low, (math.floor(most / width) + 1) * width, width


def _span(scores: pl.Series) -> list[float]:
    """Return the limits of the scale of colours: steps from the ten below the lowest score to 100, or above.

    >>> _span(pl.Series([62.5, 100.0])), _span(pl.Series([100.0, 100.0]))[0], _span(pl.Series([-3.0, 120.0]))[::3]
    ([60.0, 73.33333333333333, 86.66666666666667, 100.0], 90.0, [-10.0, 120.0])
    """
    high = max(100.0, float(scores.max()))  # type: ignore[arg-type]
    low = min(math.floor(float(scores.min()) / 10) * 10.0, high - 10)  # type: ignore[arg-type]
    return [low + (high - low) * step / (len(SCORES) - 1) for step in range(len(SCORES))]


def _signs(level: pl.Expr) -> pl.Expr:
    return pl.when(level.is_not_null()).then(pl.concat_str(level.cast(pl.String), pl.lit(" ★")))


def nothing_scored(card: Scorecard) -> DataError:
    """Return the error of a plot without a score to show."""
    message = Message("no unit of {system} has a score in the period", system=card.system)
    if not card.definition.tops:
        return DataError(Diagnostic("K880", Message("{system} has no total that could be drawn", system=card.system)))
    return DataError(Diagnostic("K880", message, hint=Message("`kpi score` says why")))
