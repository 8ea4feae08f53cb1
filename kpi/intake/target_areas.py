"""Targets of units that succeed one another (区划调整): a figure is compared with a target of its own area.

A target that is given for a period is for the area that its unit had then, and holds for no other area: not after a
merger or split, and not for figures before it that are brought to the area of today. One without a period is for the
area of today. A new name alone changes no area: the targets of the former name are those of the new one.

Where an indicator shows one measure that adds up, its figures before the date are sums of those of the former units,
and so are its targets, by the same shares. Of any other indicator a target of the new area does not follow from those
of the former ones: the unit has none, which is reported (K637). The rules are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.entities import Entities
from kpi.intake.reported.entity_targets import unused
from kpi.intake.reported.stated_targets import forward_filled
from kpi.intake.succession import Areas, Inflow, Step, adds_up
from kpi.language.measures import Measure
from kpi.language.system import System
from kpi.values.periods import Period

#: Targets of one unit by period (index at the grain), None where it has none.
_Series = dict[int, float | None]


class _Target(Struct, frozen=True):
    """A target of a unit: the scored period that it is given for, None without one; null where none holds any more."""

    period: int | None
    value: float | None


class TargetAreas(Struct, dict=True):
    """The targets of the units of today, on the areas of their figures, and what was found.

    Attributes:
        areas: how figures were brought to the areas of today.
        system: gives the indicators.
        begins: the first month with events of a unit under its own name, by its place.
    """

    areas: Areas
    system: System
    begins: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what all indicators share."""
        self._facts: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._first: dict[tuple[str, str], int] = {}
        self._unused: dict[int, None] = {}
        self._changes: dict[int, set[int]] = {}
        for step, new, inflow in self._steps:
            if self._renames(step, inflow):
                old, own = inflow.flows[0].old, self._changes.setdefault(new, set())
                own |= {since for since in self._changes.get(old, ()) if since < step.since}
            else:
                self._changes.setdefault(new, set()).add(step.since)

    @property
    def entities(self) -> Entities:
        """The units that targets may be given for, former ones included."""
        return self.areas.entities

    @cached_property
    def _steps(self) -> list[tuple[Step, int, Inflow]]:
        """What every unit is made of at each date, but for units that stay what they are."""
        return [
            (step, new, inflow)
            for step, inflows in self.areas.inflows
            for new, inflow in inflows.items()
            if any(flow.old != new or flow.share != 1 for flow in inflow.flows)
        ]

    @cached_property
    def _affected(self) -> set[int]:
        return {
            place for _, new, inflow in self._steps for place in (new, *(flow.old for flow in inflow.flows))
        }  # fmt: skip

    def _was_there(self, step: Step, inflow: Inflow) -> bool:
        return inflow.own or inflow.listed or self.begins.get(inflow.new, step.start) < step.start

    def _renames(self, step: Step, inflow: Inflow) -> bool:
        """Return whether a unit is another one under a new name."""
        return len(inflow.flows) == 1 and inflow.flows[0].share == 1 and not self._was_there(step, inflow)

    def renamed(self) -> dict[str, str]:
        """Return the former names of units that are what they were, each with the present one."""
        names = self.entities.names
        results: dict[str, str] = {}
        for step, new, inflow in reversed(self._steps):
            old = inflow.flows[0].old
            if self._renames(step, inflow) and old in self.areas.ended and names[old] not in results:
                now = results.get(names[new], names[new])
                results |= {names[old]: now} if new not in self.areas.ended or names[new] in results else {}
        return results

    def on_areas(self, grid: pl.DataFrame, indicator: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the grid with the column `target`, null where a unit has none for the area of its figure.

        Args:
            grid: the panel on the areas of today.
            indicator: the indicator.
            rows: its targets as `entity_targets` gives them, entities as places among `entities`.
        """
        now, size = self.areas.moved(), self.system.period.months
        affected = pl.col("entity").is_in(sorted(self._affected))
        mine, others = rows.filter(affected), rows.filter(~affected)
        others = others.with_columns(now.gather(others["entity"]).alias("entity")).drop_nulls("entity")
        grid = grid.hstack([forward_filled(grid, others, size)])
        if not mine.height:
            return grid
        periods = range(int(grid["period"][0]), int(grid["period"][-1]) + 1)
        series = self._targets(indicator, mine, periods, size)
        placed = [
            (period, now[place], value)
            for place, item in series.items() if now[place] is not None
            for period, value in item.items()
        ]  # fmt: skip
        kinds = {"period": pl.Int32, "entity": pl.UInt32, "own": pl.Float64}
        frame = pl.DataFrame(placed, kinds, orient="row")
        grid = grid.join(frame, on=["period", "entity"], how="left", maintain_order="left")
        return grid.with_columns(pl.coalesce("own", "target").alias("target")).drop("own")

    def silent(self) -> TargetAreas:
        """Return the same, with findings of its own."""
        return TargetAreas(self.areas, self.system, self.begins)

    def set_aside(self) -> dict[str, int]:
        """Return the former units whose targets none of today has, with the period from which on they are no units."""
        since = {flow.old: step.since for step, _, inflow in self._steps for flow in inflow.flows}
        return {self.entities.names[place]: since[place] for place in self._unused if place in since}

    def of_today(self, grid: pl.DataFrame, indicator: str) -> pl.DataFrame:
        """Return the grid without targets of the roster for figures of former areas: it lists the units of today."""
        now, periods = self.areas.moved(), range(int(grid["period"][0]), int(grid["period"][-1]) + 1)
        given = {int(who) for who in grid.filter(pl.col("target").is_not_null())["entity"].unique()}
        former: dict[int, int] = {}
        for step, new, inflow in self._steps:
            here = now[new]
            if self._renames(step, inflow) or here not in given or step.since <= periods[0] or inflow.is_new:
                continue
            if self._brought(indicator, inflow) is not True:
                former[here] = max(former.get(here, 0), step.since)
                self._note("former", indicator, step, new, inflow)
        gone = [
            (pl.col("entity") == here) & (pl.col("period") < since) for here, since in former.items()
        ]  # fmt: skip
        return grid if not gone else grid.with_columns(target=pl.when(~pl.any_horizontal(gone)).then("target"))

    # ---- ONE INDICATOR ---- #

    def _targets(self, indicator: str, rows: pl.DataFrame, periods: range, size: int) -> dict[int, _Series]:
        """Return the targets of units that succeeded one another, by their places."""
        given = self._given(rows, size)
        series = {place: self._held(place, targets, periods) for place, targets in given.items()}
        used: set[int] = set()
        lacking: set[int] = set()
        for step, first, inflow in self._steps:
            new = self._later(first, step)
            if self._renames(step, inflow):
                continue
            before = [period for period in periods if period < step.since]
            own = series.get(new, {})
            brought = self._brought(indicator, inflow)
            earlier = {flow.old for flow in inflow.flows} | ({new} if self._was_there(step, inflow) else set())
            items = any(series.get(place, {}).get(period) is not None for place in earlier for period in before)
            later = any(own.get(period) is not None for period in periods if period >= step.since)
            if items and not later and step.since in periods:
                self._note("after", indicator, step, new, inflow)
                lacking |= {new, *earlier}
            if not before or (inflow.is_new and brought is not True):
                continue
            if brought is not True:
                kept = {period: own.get(period) if brought is False else None for period in before}
                if later and any(value is None for value in kept.values()):
                    self._note("former", indicator, step, new, inflow)
                    lacking |= {new, *earlier}
            else:
                today = self._of_today(given.get(new, []), new, step, any_given=items)
                parts = self._parts(indicator, step, inflow, new)
                kept = {period: _sum(parts, series, period) for period in before}
                if any(value is not None for value in kept.values()):
                    self._note("added", indicator, step, new, inflow)
                    used |= {old for old, _ in parts}
                kept = {period: today if value is None else value for period, value in kept.items()}
                if items and any(value is None for value in kept.values()):
                    self._note("before", indicator, step, new, inflow)
                    lacking |= {new, *earlier}
            series[new] = {**own, **kept}
        gone = [place for place in given if place in self.areas.ended and place not in used | lacking]
        self._unused |= dict.fromkeys(gone)
        return series

    def _given(self, rows: pl.DataFrame, size: int) -> dict[int, list[_Target]]:
        """Return the targets of every unit in their order, those of a former name under the new one."""
        ends = ((pl.col("start") + pl.col("months") - 1) // size).alias("end")
        mine = rows.sort("start", "row", nulls_last=False).select("entity", ends, "target").rows()
        places = [entity for entity, _, _ in mine]
        for step, new, inflow in self._steps:
            if not self._renames(step, inflow):
                continue
            old = inflow.flows[0].old
            for at, (_, end, _) in enumerate(mine):
                if places[at] == old and (old in self.areas.ended or (end is not None and end < step.since)):
                    places[at] = new
        given: dict[int, dict[int | None, float | None]] = {}
        # What is given under the present name goes before what is given under a former one.
        for under_own_name in (False, True):
            for place, (entity, end, value) in zip(places, mine, strict=True):
                if (entity == place) is under_own_name:
                    given.setdefault(place, {})[end] = value
        return {
            place: [_Target(end, own[end]) for end in sorted(own, key=lambda end: -1 if end is None else end)]
            for place, own in given.items()
        }

    def _epoch(self, place: int, period: int | None) -> int:
        """Return how often the area of a unit has changed up to a period, in all without one."""
        changes = self._changes.get(place, ())
        return len(changes) if period is None else sum(since <= period for since in changes)

    def _held(self, place: int, targets: Sequence[_Target], periods: range) -> _Series:
        """Return the target of a unit for each period: given for its area, holding on as `entity_targets.held` does."""
        series: _Series = {}
        for period in periods:
            same = [target for target in targets if self._epoch(place, target.period) == self._epoch(place, period)]
            so_far = [item for item in same if item.period is None or item.period <= period]
            series[period] = (so_far[-1] if so_far else same[0]).value if same else None
        return series

    def _of_today(self, targets: Sequence[_Target], place: int, step: Step, *, any_given: bool) -> float | None:
        """Return a target that holds for the time before a date too, as the figures are on the area since then.

        One that is given with a period holds for earlier ones only where nothing was given for these (`any_given`).
        """
        epoch = self._epoch(place, step.since)
        same = [target for target in targets if self._epoch(place, target.period) == epoch]
        undated = [item.value for item in same if item.period is None]
        return undated[0] if undated else None if any_given or not same else same[0].value

    def _later(self, place: int, step: Step) -> int:
        """Return the place under which a unit of a date is known today, after new names."""
        for later, new, inflow in self._steps:
            if later.start > step.start and inflow.flows[0].old == place and self._renames(later, inflow):
                place = new
        return place

    def _measures(self, name: str) -> Iterable[Measure]:
        """Yield the measures that an indicator is made of."""
        if name in self.system.measures:
            yield self.system.measures[name]
            return
        used = dict.fromkeys(used for _, used in self.system.indicators[name].inputs())
        yield from chain.from_iterable(map(self._measures, used))

    def _brought(self, indicator: str, inflow: Inflow) -> bool | None:
        """Return whether figures before the date are brought to the new area; None where only some of them are."""
        brought = {inflow.parts(measure) is not None for measure in self._measures(indicator)}
        return brought.pop() if len(brought) == 1 else None

    def _parts(self, indicator: str, step: Step, inflow: Inflow, new: int) -> list[tuple[int, float]]:
        """Return the units and shares that make the target before a date, none where targets do not add up."""
        shown = self.system.indicators[indicator].measure_shown
        if shown is None or shown not in self.system.measures or not adds_up(self.system.measures[shown]):
            return []
        own = [(new, 1.0)] if self._was_there(step, inflow) and not inflow.listed else []
        flows = [(new if flow.old == inflow.new else flow.old, flow.share) for flow in inflow.flows]
        return [*own, *((old, share) for old, share in flows if share is not None)]

    # ---- FINDINGS ---- #

    def _note(self, fact: str, indicator: str, step: Step, new: int, inflow: Inflow) -> None:
        key = fact, Period.of(step.since, self.system.period).label
        units = self._facts.setdefault(key, {}).setdefault(self.entities.names[new], [])
        self._first.setdefault(key, inflow.flows[0].number)
        units += [self.system.symbols[indicator].title]

    def findings(self) -> list[Diagnostic]:
        """Return what was found for all indicators, once for each date."""
        results = []
        for (fact, when), units in self._facts.items():
            titles = tuple(dict.fromkeys(chain.from_iterable(units.values())))
            place = self.areas.succession.place(self._first[fact, when], "new")
            results.append(_finding(fact, when, tuple(units), titles, place))
        if self._unused:
            names = [self.areas.gone_words(self.entities.names[place]) for place in self._unused]
            first = next(iter(self._unused))
            row = next(flow.number for flow in self.areas.ended[first].flows if flow.old == first)
            results.append(unused([name for name in names if name], self.areas.succession.place(row, "old")))
        return results


def _sum(parts: Sequence[tuple[int, float]], series: Mapping[int, _Series], period: int) -> float | None:
    """Return the targets of units together for a period, None where one of them has none."""
    values = [(series.get(place, {}).get(period), share) for place, share in parts]
    known = [value * share for value, share in values if value is not None]
    return round(sum(known), 9) if parts and len(known) == len(parts) else None


def _finding(fact: str, when: str, names: Sequence[str], titles: Sequence[str], place: Place) -> Diagnostic:
    """Return the finding about the targets of some units before or after a date."""
    fields = {"names": names, "indicators": titles, "when": when}
    if fact == "added":
        message = Message(
            "{names}: the targets of {indicators} before {when} are those of its former units together, as the "
            "figures are",
            **fields,
        )
        return Diagnostic("K637", message, place, None, Severity.INFO)
    if fact == "before":
        message = Message(
            "{names}: no target of {indicators} before {when}, as the targets given are for former areas, and the "
            "figures are brought to the area of today",
            **fields,
        )
        hint = Message("give the target for the area of today, in a row without a period")
    elif fact == "after":
        message = Message(
            "{names}: no target of {indicators} from {when} on, as the targets given before are for a former area",
            **fields,
        )
        hint = Message("give the target of the new area, with {when} as its period", when=when)
    else:
        message = Message(
            "{names}: no target of {indicators} before {when}, as the figures are of a former area, and the target of "
            "the area of today",
            **fields,
        )
        hint = Message("give the target of the former area, with a period before {when}", when=when)
    return Diagnostic("K637", message, place, hint, Severity.WARNING)
