"""Scored periods within which units succeed one another, made whole from finer figures.

With a date in April, the figures of a year consist of months before it, of the former units, and of months since, of
the new one. Figures that end before the date are added up as those of earlier scored periods are, span by span, and
count for the new unit; the year is then made of all of them by `over_time`, cumulative figures included. A figure that
covers the date, such as one for the whole year, is taken to be on the new area.

What cannot be made whole has no figure: `incomplete` where a part is not reported, `break` where figures do not add up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.reported.period_aggregation import KEYS, together
from kpi.intake.succession import Areas, Inflow, Step
from kpi.language.measures import Reported, exact_sum
from kpi.values.periods import Period
from kpi.values.status import OK, reason

#: Gives the figures per scored period of clean rows (see `period_aggregation.to_scored`).
Scored = Callable[[pl.DataFrame], pl.DataFrame]


class PeriodsOfChange(Struct, dict=True):
    """Figures of the periods within which units succeed one another, and what was found.

    Attributes:
        areas: the units and dates.
        measures: the reported measures.
        earlier: returns whether a unit has figures of before a scored period among those that stand alone.
    """

    areas: Areas
    measures: Mapping[str, Reported]
    earlier: Callable[[int, int], bool]
    findings: list[Diagnostic] = field(default_factory=list)

    def made_whole(self, rows: pl.DataFrame, figures: pl.DataFrame, scored: Scored) -> pl.DataFrame:
        """Return figures in which those of new units include the finer figures of former ones before a date.

        Args:
            rows: clean rows, one per measure, entity, finer unit and period.
            figures: the figures per scored period that are made of them.
            scored: makes figures of rows.
        """
        self._all, size = rows, self.areas.succession.grain.months
        moved = rows
        for step in self.areas.steps:
            if self.areas.succession.grain.timeline.weeks or step.start % 12 == 0 or not rows.height:
                continue
            units = {place for flow in step.flows for place in (flow.old, flow.new)}
            year = pl.col("start") // 12 == step.start // 12
            mine = moved.filter(year & pl.col("entity").is_in(units))
            if not mine.height:
                continue
            before = self._before(step, mine)
            replaced = pl.concat([before.rows, mine.filter(~_ends_before(step))])
            moved = pl.concat([moved.filter(~(year & pl.col("entity").is_in(units))), replaced])
            within = [
                name for name, measure in self.measures.items()
                if step.start % size or measure.timing == "ytd" or measure.from_january
                or mine.filter((pl.col("measure") == name) & (pl.col("months") > size)).height
            ]  # fmt: skip
            changed = pl.col("measure").is_in(within) & pl.col("entity").is_in(before.changed)
            changed &= pl.col("period").is_between(step.since, (step.start // 12 + 1) * 12 // size - 1)
            now = before.explained(scored(replaced)).filter(changed)
            self._report(step, now, figures.filter(changed))
            figures = pl.concat([figures.filter(~changed), now.select(figures.columns)])
        return figures

    def _before(self, step: Step, rows: pl.DataFrame) -> _Before:
        """Return the rows that end before a date under the units that there are since."""
        old = rows.filter(_ends_before(step))
        parts = [old.filter(~pl.col("entity").is_in([*step.olds, *step.news]))]
        mixed: set[tuple[str, int]] = set()
        used: set[tuple[str, int]] = set()
        for new in step.news:
            flows, listed = tuple(step.into(new)), any(flow.old == new for flow in step.into(new))
            own = not listed and self._has_earlier(new, step)
            inflow = Inflow(new, flows, own=own, listed=listed, unions=frozenset())
            for name, measure in self.measures.items():
                mine = old.filter(pl.col("measure") == name)
                shares = inflow.parts(measure)
                used |= {(name, flow.old) for flow in flows}
                if shares is None:
                    mixed |= {(name, new)} if mine.filter(pl.col("entity") == new).height else set()
                    continue
                parts.append(_together(mine, new, shares, all_of=measure.per is None))
        untouched = old.filter(pl.col("entity").is_in(step.olds) & ~pl.col("entity").is_in(step.news))
        kept = [~((pl.col("measure") == name) & (pl.col("entity") == place)) for name, place in used]
        parts.append(untouched.filter(kept) if kept else untouched)
        gone = step.olds - set(step.news)
        self.areas.within |= set(untouched["entity"].unique())
        return _Before(pl.concat(parts), frozenset(mixed), sorted(gone | set(step.news)))

    def _has_earlier(self, place: int, step: Step) -> bool:
        mine = self._all.filter((pl.col("entity") == place) & (pl.col("start") + pl.col("months") <= step.start))
        return mine.height > 0 or self.earlier(place, step.since)

    def _report(self, step: Step, now: pl.DataFrame, was: pl.DataFrame) -> None:
        """Add a finding for figures that would be those of a part of the period, or of a part of the area."""
        lost = now.filter(pl.col("status").is_in(["incomplete", "break"]))
        lost = was.filter(pl.col("status") == OK).join(
            lost.select(*KEYS, "period"), on=[*KEYS, "period"], how="semi", nulls_equal=True
        )
        lost = lost.filter(pl.col("entity").is_in(step.news))
        if not lost.height:
            return
        areas = self.areas
        flow = next(flow for flow in step.flows if flow.new == lost["entity"].min())
        labels = [Period.of(at, areas.succession.grain).label for at in lost["period"].unique().sort()]
        message = Message(
            "{names}: no figure of {measures} for {periods}, as the figures before {when} of all units that it is made "
            "of are not there, or do not add up",
            names=tuple(areas.entities.names[place] for place in lost["entity"].unique().sort()),
            measures=tuple(self.measures[name].title or name for name in self.measures if name in set(lost["measure"])),
            periods=tuple(labels),
            when=Period(step.start, 1, areas.succession.grain.timeline).label,
        )
        hint = Message("report the months before it of each unit, or one figure of the new area for the whole period")
        place = areas.succession.place(flow.number, "new")
        self.findings.append(Diagnostic("K638", message, place, hint, Severity.WARNING))


class _Before(Struct, frozen=True):
    """Rows that end before a date, under the units since; (measure, unit) of rows of another area; units changed."""

    rows: pl.DataFrame
    mixed: Collection[tuple[str, int]]
    changed: Sequence[int]

    def explained(self, figures: pl.DataFrame) -> pl.DataFrame:
        """Return figures of which those that lack rows of another area are a break."""
        pairs = pl.DataFrame(list(self.mixed), {"measure": pl.String, "entity": pl.UInt32}, orient="row")
        pairs = pairs.with_columns(mixed=pl.lit(value=True))
        figures = figures.join(pairs, on=["measure", "entity"], how="left", maintain_order="left")
        open_ = pl.col("mixed").is_not_null() & (pl.col("status") == reason("incomplete"))
        return figures.with_columns(status=pl.when(open_).then(reason("break")).otherwise("status")).drop("mixed")


def _ends_before(step: Step) -> pl.Expr:
    return pl.col("start") + pl.col("months") <= step.start


def _together(rows: pl.DataFrame, new: int, shares: Sequence[tuple[int, float]], *, all_of: bool) -> pl.DataFrame:
    """Return the rows of some units added up for one, span by span; spans that one of them lacks are left out.

    Without `all_of`, rows are those of finer units, which only change to whom they belong.
    """
    entity = pl.lit(new, dtype=rows.schema["entity"])
    if not shares:
        return rows.filter(pl.col("entity") == new)
    parts = pl.DataFrame(shares, {"entity": pl.UInt32, "share": pl.Float64}, orient="row")
    mine = rows.join(parts, on="entity", maintain_order="left")
    if not all_of or (len(shares) == 1 and shares[0][1] == 1):
        return mine.select(rows.columns).with_columns(entity=entity)
    keys = ["measure", "per", "start", "months"]
    others = [name for name in rows.columns if name not in {*keys, "value", "status", "entity"}]
    added = mine.group_by(keys, maintain_order=True).agg(
        pl.col(others).first(), entity=entity.first(), value=exact_sum(pl.col("value") * pl.col("share")),
        worst=together(pl.col("status")), units=pl.col("entity").n_unique(),
    ).filter(pl.col("units") == len(shares))  # fmt: skip
    return added.with_columns(
        value=pl.when(pl.col("worst").is_null()).then("value"), status=pl.coalesce("worst", OK)
    ).select(rows.columns).cast(rows.schema)  # fmt: skip
