"""The way up of a unit as a report: the least single changes, the shortest set, and the totals with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis.way_up import WayUp
from kpi.errors import Message, count
from kpi.report.cards import printed, table_of
from kpi.report.language import localized, tr
from kpi.report.marks import NOTHING, figure, level, number, reason, visible
from kpi.report.shape import HEADINGS, WORDS, About, Report, Screen, origin, plain

#: The maximum number of single changes shown.
MOST = 20


@dataclass(frozen=True)
class WayUpReport(Report):
    """The way of a unit to a level; the first frame has the single changes."""

    schema: ClassVar[str] = "kpi.way_up/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "single": Message("Single changes"),
        "together": Message("Changes together"),
        "totals": Message("Totals with the changes"),
    }
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "needed": Message("Needed value"),
        "change": Message("Change"),
        "limit": Message("Best value"),
        "situation": Message("Situation"),
    }
    words: ClassVar[Mapping[str, Mapping[str, str]]] = WORDS | {
        "situation": {
            "now": Message("as it is"),
            "together": Message("with the changes together"),
            "best": Message("with every figure at its best"),
        }
    }
    way: WayUp

    @property
    def about(self) -> About:
        """The unit, the period, the system and the aim."""
        card, way = self.way.card, self.way
        title = f"{way.entity} {way.period} {card.title}: {localized(way.aim.title)}"
        words = origin(card.definition_hash, card.data_hash)
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, entity, the aim, the verdict and the hashes."""
        way = self.way
        return {
            "schema": self.schema, "system": way.card.system, "period": way.period, "entity": way.entity,
            "level": way.aim.level, "rank": way.aim.rank, "reached": way.reached, "reachable": way.reachable,
            "shortest": way.shortest, "definition_hash": way.card.definition_hash, "data_hash": way.card.data_hash,
        }  # fmt: skip

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `WayUp` describes them."""
        return {name: plain(frame) for name, frame in self.way.frames.items()}

    def text(self, screen: Screen) -> str:
        """Return the verdict and the tables."""
        way = self.way
        parts: list[object] = [Text(visible(f"{way.entity}  {way.period}  {way.card.title}"), style="bold")]
        rows = {row["situation"]: row for row in way.totals.iter_rows(named=True)}
        parts.append(Text(tr("Now: {total}", total=self._standing(rows["now"]))))
        aim = localized(way.aim.title)
        if way.reached:
            parts.append(Text(tr("{aim}: reached already.", aim=aim)))
            return printed(*parts, width=screen.width)
        if not way.reachable:
            parts.append(Text(tr("{aim}: not reachable by its own figures.", aim=aim), style="bold"))
            parts += [Text(line) for line in self._why(rows)]
        parts += self._single()
        if way.reachable:
            parts += self._together(rows["together"])
        parts.append(Text(way_origin(self.about), style="dim"))
        return printed(*parts, width=screen.width)

    def _why(self, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return why the aim is not reached, from the total with every figure at its best."""
        best = rows.get("best")
        if best is None:
            return [tr("No figure of its own can be better than it is.")]
        lines = [tr("With every figure at its best: {total}", total=self._standing(best))]
        if best["veto"]:
            lines.append(tr("A veto holds all the same: {veto}", veto=visible(best["veto"])))
        scheme = self.way.card.definition.stars
        if scheme is not None and self.way.aim.level is not None:
            lines.append(tr("Levels: {scheme}", scheme=scheme.in_full(self.way.card.definition.symbols)))
        if not self.way.shortest:
            lines.append(tr("Not every set of figures was tried."))
        return lines

    def _single(self) -> list[object]:
        way = self.way
        there = way.single.filter("reached")
        if not there.height:
            number_of = count(way.single.height, "figure")
            return [Text("\n" + tr("No single change reaches it ({number} looked at).", number=number_of))]
        shown = table_of(
            tr("Alone"), tr("Now"), tr("Needed"), tr("Change"), tr("Score"), self._level_heading(), tr("Rank")
        )
        for row in there.head(MOST).iter_rows(named=True):
            total = [number(row["score"], way.card.decimals), self._level(row), f"{row['rank'] or NOTHING}"]
            shown.add_row(*_cells(row), *total)
        more = tr(", {rows} more", rows=there.height - MOST) if there.height > MOST else ""
        words = tr("Single changes, everything else as it is: {number}{more}", number=there.height, more=more)
        return [Text("\n" + words, style="bold"), shown]

    def _together(self, row: Mapping[str, Any]) -> list[object]:
        way = self.way
        if way.together.height < 2:
            return []
        shown = table_of(tr("Together"), tr("Now"), tr("Needed"), tr("Change"))
        for change in way.together.iter_rows(named=True):
            shown.add_row(*_cells(change))
        words = tr("The shortest set of changes: {number}", number=way.together.height)
        if not way.shortest:
            words = tr("The shortest set of changes that was found: {number}", number=way.together.height)
        after = tr("With them: {total}", total=self._standing(row))
        return [Text("\n" + words, style="bold"), shown, Text(after)]

    def _level_heading(self) -> str:
        scheme = self.way.card.definition.stars
        return tr("Grade") if scheme is not None and scheme.names else tr("Stars")

    def _level(self, row: Mapping[str, Any]) -> str:
        scheme = self.way.card.definition.stars
        return visible(level(row["stars"], row["grade"], named=scheme is not None and bool(scheme.names)))

    def _standing(self, row: Mapping[str, Any]) -> str:
        """Return a total with its level and place in words."""
        if row["score"] is None:
            return reason(row["status"])
        parts = [number(row["score"], self.way.card.decimals), self._level(row)]
        if row["rank"] is not None:
            parts.append(tr("place {rank} of {of}", rank=row["rank"], of=row["of"]))
        return "  ".join(filter(None, parts))


def way_origin(about: About) -> str:
    """Return the last line of the text: that everything was scored again, and by what."""
    return f"{tr('Each change was scored again, with all units and rules.')}  {about.origin}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    unit, change = row["unit"], row["change"]
    title = visible(row["title"])
    now = NOTHING if row["value"] is None else figure(row["value"], unit)
    moved = ""
    if change is not None and unit != "是/否":
        moved = f"{'+' if change > 0 else ''}{figure(change, '百分点' if unit == '%' else unit)}"
    return [title, now, figure(row["needed"], unit), moved]
