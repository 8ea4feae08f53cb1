"""The level above that of a unit: what its total lacks, and the least change of a single figure that reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.way_up import least_change
from kpi.engine.scorecard import Scorecard
from kpi.errors import Message

Row = Mapping[str, Any]

#: The most values, units times indicators of the period, for which the least change is looked for by the way.
CHEAP = 3_000
#: The most values that are looked at for the least changes of all units: units times units times indicators.
CHEAP_FOR_ALL = 2_000


class Change(Struct, frozen=True):
    """A change of one figure."""

    indicator: str
    title: str
    value: float | None
    needed: float
    unit: str


class NextLevel(Struct, frozen=True):
    """The next level of a unit.

    Attributes:
        level: the number of the level; None where there is none above.
        title: its name.
        needed: the total that it takes: the cut, or the lowest total of the peers who have it.
        lacking: what the total lacks to that; 0 or less where the total suffices and other requirements are not met.
        by: `cut` or `peers`, where `needed` comes from.
        change: the least change of a single figure that reaches the level, scored again; None if none does or it was
            not looked for.
    """

    level: float | None
    title: str = ""
    needed: float | None = None
    lacking: float | None = None
    by: str = "cut"
    change: Change | None = None

    def words(self, decimals: int) -> Message:
        """Return what is lacking."""
        if self.lacking is None:
            return Message("no higher level")
        if self.lacking <= 0:
            return Message("the total reaches {level}, other requirements are not met", level=self.title)
        return Message(
            "{points:.{decimals}f} points to {level}", points=self.lacking, decimals=decimals, level=self.title
        )


def next_level(
    card: Scorecard, row: Row, totals: Mapping[str, Row], peers: Mapping[str, str | None]
) -> NextLevel | None:
    """Return the next level of a unit: that of the next cut, or else the lowest above its own that a peer has.

    Args:
        card: the scorecard.
        row: the totals of the unit in a period.
        totals: those of all units in the period, by entity.
        peers: the group within which levels are given, by entity.

    Returns:
        None without levels, for a unit without a total, and where levels depend on the others and none is above.
    """
    scheme = card.definition.stars
    if scheme is None or row["stars"] is None or row["score"] is None:
        return None
    cuts = scheme.cuts_of_total
    if cuts:
        higher = [step for step in sorted(cuts) if step > row["stars"]]
        if not higher:
            return NextLevel(None)
        return NextLevel(higher[0], scheme.title(higher[0]), cuts[higher[0]], cuts[higher[0]] - row["score"])
    above = [
        (other["stars"], other["score"])
        for name, other in totals.items()
        if peers[name] == peers[row["entity"]] and other["score"] is not None
        and other["stars"] is not None and other["stars"] > row["stars"]
    ]  # fmt: skip
    if not above:
        return None
    step = min(stars for stars, _ in above)
    needed = min(score for stars, score in above if stars == step)
    return NextLevel(step, scheme.title(step), needed, needed - row["score"], "peers")


def ahead(card: Scorecard, entity: str, period: str | None = None) -> NextLevel | None:
    """Return the next level of a unit, in a period or the last, with the least change of a single figure.

    The change is looked for where units times indicators are no more than `CHEAP`; `kpi.way_up` always looks.
    """
    label = card.periods[-1] if period is None else period
    index = next((index for index, text in card.labels.items() if text == label), None)
    if index is None or label not in card.periods:
        return None
    part = card.only([index])
    totals = {row["entity"]: row for row in part.totals.iter_rows(named=True)}
    peers = dict(part.peer_groups.select("entity", "group").iter_rows())
    result = next_level(card, totals[entity], totals, peers) if entity in totals else None
    size = part.totals.height * max(len(card.definition.indicators), 1)
    # What would change its level is a hint at suppressed figures, its own or those that its peers are compared by.
    if result is None or result.level is None or size > CHEAP or card.worlds:
        return result
    row = least_change(card, entity, result.level, period=label)
    return result if row is None else replace(result, change=Change(**row))


def least_changes(card: Scorecard, period: str | None = None) -> dict[str, Change] | None:
    """Return the least change of a single figure that reaches the next level, by unit that has one.

    Each is scored again with all units, so they are looked for where that takes seconds at most.

    Args:
        card: the scorecard.
        period: its label, None for the last.

    Returns:
        None where units times units times indicators are more than `CHEAP_FOR_ALL`; nothing without levels.
    """
    if card.definition.stars is None or not card.periods:
        return {}
    label = card.periods[-1] if period is None else period
    units = card.totals.filter(pl.col("period") == label)["entity"].to_list()
    if len(units) ** 2 * max(len(card.definition.indicators), 1) > CHEAP_FOR_ALL:
        return None
    steps = {entity: ahead(card, entity, label) for entity in units}
    return {entity: above.change for entity, above in steps.items() if above is not None and above.change is not None}
