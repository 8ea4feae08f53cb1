"""Analyses as reports: the tables of `kpi.analysis.statistics` as text and frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis import statistics
from kpi.engine.scorecard import Scorecard
from kpi.errors import Message, count
from kpi.report.cards import printed, table_of
from kpi.report.language import tr
from kpi.report.marks import NOTHING, number, visible
from kpi.report.shape import HEADINGS, About, Report, Screen, origin

#: The maximum number of pairs, gaps, strengths and weaknesses shown.
MOST = 8


@dataclass(frozen=True)
class AnalysisReport(Report):
    """The statistics of a scorecard, or with `entity` the strengths and weaknesses of one entity."""

    schema: ClassVar[str] = "kpi.analysis/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "availability": Message("Data coverage"),
        "consistency": Message("Internal consistency"),
        "correlations": Message("Correlation"),
        "profile": Message("Strengths and weaknesses"),
    }
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "there": Message("Available"),
        "lacking": Message("Lacking"),
        "not_applicable": Message("Not applicable"),
        "percent": Message("Coverage"),
        "parts": Message("Number of parts"),
        "entities": Message("Units"),
        "alpha": Message("Cronbach's α"),
        "first": Message("First indicator"),
        "second": Message("Second indicator"),
        "within": Message("Same pillar"),
        "correlation": Message("Correlation"),
        "mean": Message("Peer mean"),
        "ahead": Message("Ahead"),
        "standing": Message("Relative position"),
    }

    card: Scorecard
    entity: str | None = None

    @property
    def about(self) -> About:
        """The system, the latest period and the entity."""
        card = self.card
        title = " ".join(filter(None, (self.entity, card.title, card.periods[-1])))
        words = origin(card.definition_hash, card.data_hash)
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, hashes, and the entity of a profile."""
        card = self.card
        head = {
            "schema": self.schema,
            "system": card.system,
            "period": card.periods[-1],
            "definition_hash": card.definition_hash,
            "data_hash": card.data_hash,
        }
        return head if self.entity is None else {**head, "entity": self.entity}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return availability, consistency and correlations; or the profile of the entity."""
        if self.entity is not None:
            return {"profile": statistics.profile(self.card, self.entity)}
        return {
            "availability": statistics.availability(self.card),
            "consistency": statistics.consistency(self.card),
            "correlations": statistics.correlations(self.card),
        }

    def text(self, screen: Screen) -> str:
        """Return the tables, limited to the strongest entries."""
        return analysed(self.card, self.entity, width=screen.width)


def analysed(card: Scorecard, entity: str | None = None, *, width: int | None = None) -> str:
    """Return the analysis of a scorecard: availability, consistency and correlation; or the profile of an entity.

    Raises:
        DataError: when there is no such entity.
    """
    if entity is not None:
        return _profile(card, entity, width)
    title = Text(f"{visible(card.title)}  {card.periods[-1]}", style="bold")
    return printed(title, *_availability(card), *_consistency(card), *_correlations(card), width=width)


def _profile(card: Scorecard, entity: str, width: int | None) -> str:
    frame = statistics.profile(card, entity)
    parts: list[object] = [Text(f"{visible(entity)}  {visible(card.title)}  {card.periods[-1]}", style="bold")]
    strong, weak = frame.filter(pl.col("standing") < 0.5), frame.filter(pl.col("standing") > 0.5).reverse()
    for heading, rows in ((tr("Strengths"), strong.head(MOST)), (tr("Weaknesses"), weak.head(MOST))):
        table = table_of(tr("Indicator"), tr("Title"), tr("Score"), tr("Peer mean"), tr("Ahead"), tr("Rank"))
        for row in rows.iter_rows(named=True):
            numbers = [number(row[key], 1) for key in ("score", "mean", "ahead")]
            table.add_row(row["indicator"], visible(row["title"]), *numbers, f"{row['rank']}/{row['of']}")
        parts += [Text(f"\n{heading}"), table]
    return printed(*parts, width=width)


def _availability(card: Scorecard) -> list[object]:
    frame = statistics.availability(card)
    gaps = frame.filter(pl.col("lacking") > 0)
    there, missing = sum(frame["there"]), sum(frame["lacking"])
    percent = 100 * there / max(there + missing, 1)
    head = Text(
        "\n"
        + tr(
            "Data availability {percent:.1f} %, {gaps} with gaps", percent=percent, gaps=count(gaps.height, "indicator")
        )
    )
    table = table_of(tr("Indicator"), tr("Title"), tr("Available"), tr("Lacking"), tr("Not applicable"), "%")
    for row in gaps.head(MOST).iter_rows(named=True):
        counts = [str(row[key]) for key in ("there", "lacking", "not_applicable")]
        table.add_row(row["indicator"], visible(row["title"]), *counts, number(row["percent"], 1))
    return [head, table] if gaps.height else [head]


def _consistency(card: Scorecard) -> list[object]:
    table = table_of(tr("Pillar"), tr("Title"), tr("Parts"), tr("Units"), tr("Cronbach's α"))
    for row in statistics.consistency(card).iter_rows(named=True):
        alpha = number(row["alpha"], 2) or NOTHING
        table.add_row(row["pillar"], visible(row["title"]), str(row["parts"]), str(row["entities"]), alpha)
    return (
        [Text("\n" + tr("Internal consistency (α below 0.70: the parts may not measure one thing)")), table]
        if table.row_count
        else []
    )


def _correlations(card: Scorecard) -> list[object]:
    frame = statistics.correlations(card).drop_nulls("correlation")
    parts: list[object] = []
    for within, heading in ((True, tr("Within a pillar")), (False, tr("Between pillars"))):
        rows = frame.filter(pl.col("within") == within)
        if not rows.height:
            continue
        mean = sum(rows["correlation"]) / rows.height
        table = table_of(tr("Indicator"), tr("Indicator"), tr("Correlation"), tr("Units"))
        for row in rows.head(MOST).iter_rows(named=True):
            table.add_row(row["first"], row["second"], number(row["correlation"], 3), str(row["entities"]))
        parts += [
            Text(
                "\n"
                + tr(
                    "{heading}: {pairs}, mean correlation {mean:.3f}, the strongest",
                    heading=heading,
                    pairs=count(rows.height, "pair"),
                    mean=mean,
                )
            ),
            table,
        ]
    return parts
