"""Cohorts that are ranked apart, drawn apart: a picture for each, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from msgspec import Struct

from kpi.errors import Message
from kpi.report.language import tr
from kpi.report.marks import visible
from kpi.report.plots.theme import MOST, drawing, shortened
from kpi.report.plots.view import View

#: The most cohorts that are drawn, and the least units of each that are.
_MOST_COHORTS, _LEAST_UNITS = 12, 5


class Part(Struct, frozen=True):
    """The units of a cohort that are drawn.

    Attributes:
        cohort: its name, None where all units are ranked together.
        rows: the rows of these units.
        names: the units in order.
        more: the statement that there are more; None if there are not.
    """

    cohort: str | None
    rows: pl.DataFrame
    names: list[str]
    more: Message | None = None


def parts_of(view: View, frame: pl.DataFrame, order: pl.DataFrame) -> tuple[list[Part], Message | None]:
    """Return the cohorts of a frame with the units that are drawn, and the statement that there are more cohorts.

    Args:
        view: its unit is always drawn.
        frame: the rows to draw, with the columns `cohort` and `entity`.
        order: the units in the order in which they are drawn, with the same columns.
    """
    present = set(order["cohort"])
    known = view.card.totals["cohort"].unique(maintain_order=True)
    cohorts = [cohort for cohort in known if cohort is not None and cohort in present]
    if len(cohorts) + (order["cohort"].null_count() > 0) < 2:
        names, more = shortened(order["entity"].to_list())
        return [_part(view, None, frame, names, more)], None
    shown: list[str | None] = [*cohorts[:_MOST_COHORTS]]
    if order["cohort"].null_count() and len(shown) < _MOST_COHORTS:
        shown.append(None)
    most = max(MOST // len(shown), _LEAST_UNITS)
    parts = []
    for cohort in shown:
        own = pl.col("cohort").eq_missing(pl.lit(cohort, dtype=pl.String))
        names, more = shortened(order.filter(own)["entity"].to_list(), most)
        parts.append(_part(view, cohort or tr("No cohort"), frame.filter(own), names, more))
    left = Message("the first {shown:,} of {all:,} cohorts", shown=len(shown), all=len(cohorts))
    return parts, left if len(cohorts) > _MOST_COHORTS else None


def _part(view: View, cohort: str | None, frame: pl.DataFrame, names: list[str], more: Message | None) -> Part:
    if view.entity is not None and view.entity not in names and view.entity in set(frame["entity"]):
        names = [*names, view.entity]
    return Part(cohort, frame.filter(pl.col("entity").is_in(names)), names, more)


def below_each(parts: Sequence[Part], cohorts: Message | None) -> list[str]:
    """Return the lines below the title of the whole: what is left out."""
    return [parts[0].more or ""] if len(parts) == 1 else [cohorts or ""]


def stacked(parts: Sequence[Part], charts: Sequence[Any]) -> Any:
    """Return the charts of cohorts one below the other, each under the name of its cohort; a single one as it is."""
    alt = drawing()
    if len(charts) == 1:
        return charts[0]
    named = [
        chart.properties(
            title=alt.TitleParams(
                visible(part.cohort or ""),
                subtitle=[tr(part.more)] if part.more else [],
                fontSize=13,
                offset=6,
                frame="group",
            )
        )
        for part, chart in zip(parts, charts, strict=True)
    ]
    return alt.vconcat(*named, spacing=18)
