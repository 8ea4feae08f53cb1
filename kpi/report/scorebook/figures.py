"""What the sheets of a workbook show of one period of a scorecard, as plain rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.next_level import Change, least_changes, next_level
from kpi.engine.scorecard import Scorecard
from kpi.report.language import joined, localized, tr
from kpi.report.league import League, Line, doubt, league
from kpi.report.marks import alike_decimals, least_change, level, reason

Row = Mapping[str, Any]

#: The most units on the sheets that are read; a sheet has 1,048,576 rows, headings and footnotes included.
UNITS = 500_000


class Period(Struct, frozen=True, dict=True):
    """One period of a scorecard."""

    card: Scorecard
    period: str | None

    @cached_property
    def standing(self) -> League:
        """The league table; its period is the one that is shown. Of very many units it has the first ones."""
        whole, left = league(self.part, period=self.period), UNITS
        blocks = []
        for block in whole.blocks:
            blocks.append(replace(block, lines=block.lines[:left]))
            left -= len(blocks[-1].lines)
        return replace(whole, blocks=tuple(blocks))

    @cached_property
    def part(self) -> Scorecard:
        """The scorecard of this period alone: the frames of all periods may be large."""
        card = self.card
        label = self.period if self.period is not None else next(iter(reversed(card.periods)), None)
        if label not in card.periods or len(card.periods) == 1:
            return card
        return card.only([index for index, text in card.labels.items() if text == label])

    @cached_property
    def totals(self) -> dict[str, Row]:
        """The totals of the period, by entity."""
        frame = self.part.totals.filter(period=self.standing.period)
        return {row["entity"]: row for row in frame.iter_rows(named=True)}

    @cached_property
    def peers(self) -> dict[str, str | None]:
        """The group within which levels are given, by entity; the ranking may have others."""
        rows = self.part.peer_groups.filter(period=self.standing.period).select("entity", "group").iter_rows()
        return dict(rows)

    @cached_property
    def indicators(self) -> pl.DataFrame:
        """The indicators of the period."""
        return self.part.indicators.filter(period=self.standing.period)

    @cached_property
    def decimals(self) -> dict[str, int]:
        """The decimals with which the values of each indicator are shown."""
        value = pl.col("value").cast(pl.Float64)
        frame = self.indicators.group_by("indicator").agg(
            value.abs().filter(value != 0).min().fill_null(0.0).alias("smallest"),
            value.abs().max().fill_null(0.0).alias("largest"), (value == value.round()).all().alias("whole"),
        )  # fmt: skip
        system = self.card.definition
        return {
            row["indicator"]: alike_decimals(
                row["smallest"], row["largest"], whole=row["whole"],
                declared=system.indicators[row["indicator"]].decimals, unit=str(system.unit(row["indicator"])),
            )
            for row in frame.iter_rows(named=True)
        }  # fmt: skip

    @cached_property
    def scheduled(self) -> bool:
        """Whether an indicator has a schedule in the period, and so a light."""
        return self.indicators["schedule"].null_count() < self.indicators.height

    @cached_property
    def compared(self) -> bool:
        """Whether a unit has peers, so that there is a spread."""
        sizes = self.indicators.group_by("cohort").agg(pl.col("entity").n_unique())["entity"]
        return any(size > 1 for size in sizes)

    @cached_property
    def counted(self) -> list[str]:
        """The indicators that stand in the tree, in its order."""
        system = self.card.definition
        return [name for name in system.indicators if name in system.parents]

    @cached_property
    def points(self) -> dict[tuple[str, str], float]:
        """What each top pillar gives to the total, by entity and title."""
        frame = self.part.pillars.filter(pl.col("parent").is_null(), period=self.standing.period)
        rows = frame.select("entity", "title", "points").iter_rows()
        return {(entity, title): points for entity, title, points in rows if points is not None}

    @cached_property
    def headlines(self) -> dict[str, dict[str, Row]]:
        """The indices beside the total by title, each by entity, with score and rank."""
        results: dict[str, dict[str, Row]] = {}
        for row in self.part.headlines.filter(period=self.standing.period).iter_rows(named=True):
            results.setdefault(row["title"], {})[row["entity"]] = row
        return results

    @cached_property
    def pillars(self) -> list[str]:
        """The titles of the pillars that make the total."""
        return [title for title in self.standing.pillars if title not in self.headlines]

    def level(self, line: Line | Row) -> str:
        """Return the level of a line, or of a row of the totals, as it is shown."""
        stars, grade = (line.stars, line.grade) if isinstance(line, Line) else (line["stars"], line["grade"])
        return level(stars, grade, named=self.standing.named)

    @property
    def level_names(self) -> Mapping[int, str]:
        """The names of levels, empty where they have none."""
        stars = self.card.definition.stars
        return {} if stars is None else stars.names

    def to_next(self, entity: str) -> str:
        """Return what a unit lacks to the next level: to its cut, or else to the lowest total of those who have it."""
        above = next_level(self.card, self.totals[entity], self.totals, self.peers)
        return "" if above is None else localized(above.words(self.card.decimals))

    @cached_property
    def changes(self) -> dict[str, Change] | None:
        """The least change of a single figure that reaches the next level, by entity; None where it takes too long."""
        return least_changes(self.card, self.standing.period)

    def least_change(self, entity: str) -> str:
        """Return the least change of a single figure that reaches the next level, empty where there is none."""
        change = (self.changes or {}).get(entity)
        return "" if change is None else least_change(change.title, change.value, change.needed, change.unit)


def adds_up(parts: list[float], total: float, decimals: int) -> bool:
    """Return whether a spreadsheet that adds parts and rounds them has exactly a total.

    Spreadsheets round the 15 digits that they show, half away from zero. Where they differ, as with half to even, the
    total is written as a number.

    >>> adds_up([1.005, 1.0], 2.01, 2), adds_up([0.125], 0.12, 2)
    (True, False)
    """
    whole = 0.0
    for part in parts:
        whole += part
    if not math.isfinite(whole):
        return False
    step = Decimal(1).scaleb(-decimals)
    return float(Decimal(f"{whole:.15g}").quantize(step, ROUND_HALF_UP)) == total


def remarks(row: Row, names: Mapping[int, str]) -> str:
    """Return why an indicator does not have full marks, and from which other ratings its own is not distinguishable."""
    doubtful = doubt(row["stars"], row["stars_low"], row["stars_high"], names) if "stars_low" in row else ""
    return joined(filter(None, [why(row), doubtful]))


def why(row: Row) -> str:
    """Return why an indicator does not have full marks, empty where it has."""
    score = row["score"]
    if score is None:
        return reason(row["score_status"])
    if score >= 100:
        return ""
    if row["reached"] is False:
        return _off_target(row)
    if row["reached"]:
        return tr("target reached, the rule gives {score:.1f} %", score=score)
    return tr("the rule gives {score:.1f} %", score=score)


def _off_target(row: Row) -> str:
    target, value = row["target"], row["value"]
    if row["comparator"] == "done":
        return tr("not done")
    if row["comparator"] == "within" or target is None or value is None:
        return tr("outside the range of the target")
    unit = tr("pp") if row["unit"] == "%" else row["unit"]
    return tr("off target by {gap:,.4g} {unit}", gap=abs(target - value), unit=unit)
