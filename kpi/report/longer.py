"""Totals over longer periods as a table for readers: the year to which the period of a league table belongs."""

from __future__ import annotations

import polars as pl

from kpi.report.language import joined, localized, tr
from kpi.report.marks import NOTHING, level, movement, number, reason
from kpi.report.shape import Results


def longer_tables(scorecard: Results, period: str | None) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return the title, the headings and the rows of the totals of the longer period up to a period.

    There is a table for each cohort, as the units of one are ranked together; none for results without such totals.
    """
    frame: pl.DataFrame | None = getattr(scorecard, "extras", {}).get("longer")
    rows = None if frame is None or period is None else frame.filter(period=period)
    if rows is None or not rows.height:
        return []
    rated = rows["stars"].null_count() < rows.height
    named = rows["grade"].null_count() < rows.height
    headings = [tr("Rank"), tr("Move"), tr("Former rank"), localized(scorecard.entity_title), tr("Score")]
    headings += ([tr("Grade") if named else tr("Stars")] if rated else []) + [tr("Change"), tr("Remarks")]
    title = tr("{period}, from its periods", period=rows["over"][0])
    tables = []
    cohorts = rows["cohort"].unique(maintain_order=True).to_list()
    for cohort in cohorts:
        lines = _lines(
            scorecard, rows.filter(pl.col("cohort").eq_missing(pl.lit(cohort, dtype=pl.String))), rated, named
        )
        alone = cohort is None and len(cohorts) == 1
        group = "" if alone else tr("{cohort}, {lines}", cohort=cohort or tr("No cohort"), lines=len(lines))
        tables.append((" ".join(filter(None, (title, group))), headings, lines))
    return tables


def _lines(scorecard: Results, rows: pl.DataFrame, rated: bool, named: bool) -> list[list[str]]:
    """Return the units of a cohort, the best first."""
    lines = []
    for row in rows.sort("rank", nulls_last=True, maintain_order=True).iter_rows(named=True):
        notes = []
        if row["score"] is None:
            withheld = row["status"] == "suppressed"
            status = reason(row["status"])
            notes.append(tr("Total: {status}", status=status) if withheld else tr("Not rated: {status}", status=status))
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
                joined(notes),
            ]
        )
    return lines
