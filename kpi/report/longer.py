"""Totals over longer periods as a table for readers: the year to which the period of a league table belongs."""

from __future__ import annotations

import polars as pl

from kpi.report.language import localized, tr
from kpi.report.marks import NOTHING, level, movement, number, reason
from kpi.report.shape import Results


def longer_table(scorecard: Results, period: str | None) -> tuple[str, list[str], list[list[str]]] | None:
    """Return the title, the headings and the rows of the totals of the longer period up to a period.

    None for results without such totals.
    """
    frame: pl.DataFrame | None = getattr(scorecard, "extras", {}).get("longer")
    rows = None if frame is None or period is None else frame.filter(period=period)
    if rows is None or not rows.height:
        return None
    rated = rows["stars"].null_count() < rows.height
    named = rows["grade"].null_count() < rows.height
    headings = [tr("Rank"), tr("Move"), tr("Former rank"), localized(scorecard.entity_title), tr("Score")]
    headings += ([tr("Grade") if named else tr("Stars")] if rated else []) + [tr("Change"), tr("Remarks")]
    lines = []
    for row in rows.sort("rank", nulls_last=True, maintain_order=True).iter_rows(named=True):
        notes = []
        if row["score"] is None:
            notes.append(tr("Not rated: {status}", status=reason(row["status"])))
        if row["periods"] < row["expected"]:
            notes.append(tr("{periods} of {expected} periods", periods=row["periods"], expected=row["expected"]))
        if row["veto"]:
            notes.append(tr("Veto: {veto}", veto=row["veto"]))
        lines.append(
            [
                NOTHING if row["rank"] is None else f"{row['rank']:g}",
                movement(row["rank_change"]),
                "" if row["rank_before"] is None else f"{row['rank_before']:g}",
                row["entity"],
                number(row["score"], scorecard.decimals) or NOTHING,
                *([level(row["stars"], row["grade"], named=named)] if rated else []),
                "" if row["score_change"] is None else f"{row['score_change']:+.{scorecard.decimals}f}",
                "; ".join(notes),
            ]
        )
    return tr("{period}, from its periods", period=rows["over"][0]), headings, lines
