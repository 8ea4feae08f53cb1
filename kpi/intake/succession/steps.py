"""Which unit goes into which, from when, in steps by date; and what in such a table cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake import assumed_years
from kpi.intake.entities import Entities, code_of, short_forms
from kpi.intake.files.headers import clean
from kpi.intake.files.table import Table
from kpi.values.periods import Grain, Period

#: Shares of one unit are parts of one within so much.
_TOLERANCE = 1e-6


class Row(Struct, frozen=True):
    """A row of the table: `old` goes into `new` from the month `start`, by `share` (1 is all) where one is given."""

    old: str
    new: str
    start: int
    within: bool
    share: float | None
    number: int


class Flow(Struct, frozen=True):
    """What a unit gives to another, both by their places; `share` is None where its figures cannot be divided."""

    old: int
    new: int
    share: float | None
    number: int


class Step(Struct, frozen=True):
    """What happens at one date: `since` is the first scored period on the new areas."""

    start: int
    since: int
    flows: tuple[Flow, ...]

    def into(self, new: int) -> list[Flow]:
        """Return what a unit receives, from itself too."""
        return [flow for flow in self.flows if flow.new == new]

    @property
    def olds(self) -> set[int]:
        """The places of the units that give."""
        return {flow.old for flow in self.flows}

    @property
    def news(self) -> list[int]:
        """The places of the units that receive, in order."""
        return sorted({flow.new for flow in self.flows})


class Succession(Struct, frozen=True):
    """The rows of a table of units that succeed one another, see the module; `table` is where they stand."""

    table: Table
    rows: tuple[Row, ...]
    headers: Mapping[str, str | None]
    grain: Grain

    @property
    def units(self) -> list[str]:
        """The texts that name units."""
        return list(dict.fromkeys(text for row in self.rows for text in (row.old, row.new)))

    def place(self, number: int, role: str) -> Place:
        """Return the place of a cell."""
        return self.table.place(number, self.headers[role])

    # ---- WHICH UNITS ---- #

    def check_names(self, units: Iterable[str]) -> None:
        """Check the names of the table against the units in data, which are all there are without a roster.

        Raises:
            DataError: K639, a name that the data do not have is a unit's without its ending, or the other way round, or
                differs in one character from that of a unit that the table does not name.
        """
        named = {clean(text) for text in self.units}
        known = {clean(unit): unit for unit in units}
        by_form: dict[str, list[str]] = {}
        for key in known:
            for form in {key, *short_forms(key)}:
                by_form.setdefault(form, []).append(key)
        wrong = []
        for row in self.rows:
            for role, text in (("old", row.old), ("new", row.new)):
                key = clean(text)
                forms = (key, *(form for form in short_forms(key) if form in known))
                alike = dict.fromkeys(unit for form in forms for unit in by_form.get(form, ()))
                alike |= dict.fromkeys(unit for unit in known if unit not in named and _is_slip(key, unit))
                if key not in known and alike:
                    message = Message("`{text}` is no unit of {where}", text=text, where=Message("the data"))
                    hint = Message(
                        "did you mean `{name}`? If not, leave the row out: a unit without figures gives none",
                        name=known[next(iter(alike))],
                    )
                    wrong.append(Diagnostic("K639", message, self.place(row.number, role), hint))
        if wrong:
            raise DataError(wrong)

    def apart(self, roster: Entities) -> Entities:
        """Return the entities of a roster with the old units as entities of their own, also those it has as aliases."""
        entities = roster
        for row in self.rows:
            key, place = clean(row.old), entities.place(row.old)
            if place is not None and not self._is_alias(row.old, place, entities):
                continue
            if clean(row.old) in entities.ambiguous:
                continue
            alike = {key, *short_forms(key)}
            others = {
                text: at for text, at in entities.others.items()
                if not (alike & {text, *short_forms(text)} or code_of(text) == code_of(key)) or at != place
            }  # fmt: skip
            line = pl.DataFrame({"entity": [row.old]}, schema={"entity": pl.String})
            frame = pl.concat([entities.frame, line], how="diagonal")
            entities = replace(entities, frame=frame, others=others)
        return entities

    def _is_alias(self, old: str, place: int, entities: Entities) -> bool:
        """Return whether a text is another name of the unit that it goes into, rather than its name or code."""
        if place >= len(entities.names):
            return False
        own = entities.frame.row(place, named=True)
        if clean(old) in {clean(own["entity"]), clean(own["code"] or "")} or clean(old) not in entities.others:
            return False
        return any(entities.place(row.new) == place for row in self.rows if row.old == old)

    def steps(self, entities: Entities) -> tuple[Step, ...]:
        """Return what happens, in the order of dates.

        Raises:
            DataError: with the rows, K639 a unit that is none, one that goes into another twice or round in a circle,
                K644 shares that do not make 1.
        """
        wrong: list[Diagnostic] = []
        by_date: dict[int, dict[int, list[Flow]]] = {}
        for row in self.rows:
            places = {role: entities.place(text) for role, text in (("old", row.old), ("new", row.new))}
            for role, at in places.items():
                if at is None or at >= len(entities.names):
                    text = row.old if role == "old" else row.new
                    where = Message("the roster") if entities.closed else Message("the data")
                    hint = entities.meant(text) or Message("write a name or code of {where}", where=where)
                    message = Message("`{text}` is no unit of {where}", text=text, where=where)
                    if clean(text) in entities.ambiguous:
                        message, hint = Message("`{text}` may be several units", text=text), Message("write the code")
                    wrong.append(Diagnostic("K639", message, self.place(row.number, role), hint))
            old, new = places["old"], places["new"]
            if old is None or new is None or max(old, new) >= len(entities.names):
                continue
            mine = by_date.setdefault(row.start, {}).setdefault(old, [])
            if any(flow.new == new for flow in mine):
                message = Message(
                    "`{old}` goes into `{new}` twice from {label}",
                    old=row.old,
                    new=row.new,
                    label=Period(row.start, 1, self.grain.timeline).label,
                )
                wrong.append(
                    Diagnostic("K639", message, self.place(row.number, "new"), Message("leave one of the rows out"))
                )
                continue
            mine.append(Flow(old, new, row.share, row.number))
        if not wrong:
            for start, rows in sorted(by_date.items()):
                wrong += [*self._shares(start, rows, entities), *self._circles(start, rows, entities)]
        if wrong:
            raise DataError(wrong)
        size = self.grain.months
        return tuple(
            Step(start, start // size, tuple(chain.from_iterable(_passed_on(old, rows) for old in rows)))
            for start, rows in sorted(by_date.items())
        )

    def _shares(self, start: int, rows: Mapping[int, list[Flow]], entities: Entities) -> Iterable[Diagnostic]:
        """Yield shares of a unit that do not make 1."""
        for old, flows in rows.items():
            given = [flow.share for flow in flows if flow.share is not None]
            name, when = entities.names[old], Period(start, 1, self.grain.timeline).label
            if not given:
                continue
            last = flows[-1].number
            if len(given) < len(flows):
                message = Message(
                    "some rows of `{name}` from {when} have a share and others none", name=name, when=when
                )
                hint = Message("give each a share, or none, and nothing is divided")
                yield Diagnostic("K644", message, self.place(last, "share"), hint)
            elif abs(sum(given) - 1) > _TOLERANCE:
                message = Message(
                    "the shares of `{name}` from {when} make {given:.10g}, not 1",
                    name=name,
                    when=when,
                    given=sum(given),
                )
                kept = all(flow.new != old for flow in flows) and sum(given) < 1
                hint = (
                    Message("add the row for what stays with `{name}`", name=name)
                    if kept
                    else Message("write parts of 1, such as 0.55 or 55%")
                )
                yield Diagnostic("K644", message, self.place(last, "share"), hint)

    def _circles(self, start: int, rows: Mapping[int, list[Flow]], entities: Entities) -> Iterable[Diagnostic]:
        """Yield units that go into one another at one date."""
        through = {old for old, flows in rows.items() if all(flow.new != old for flow in flows)}
        reported: set[int] = set()
        for old in sorted(through, key=lambda old: rows[old][0].number):
            seen, ahead = {old}, [flow.new for flow in rows[old] if flow.new in through]
            while ahead:
                now = ahead.pop()
                if now == old and not seen & reported:
                    message = Message(
                        "`{names}` goes into itself by way of others, from {label}",
                        names=entities.names[old],
                        label=Period(start, 1, self.grain.timeline).label,
                    )
                    hint = Message("say with dates which came first, or what part of a unit goes where")
                    yield Diagnostic("K639", message, self.place(rows[old][0].number, "old"), hint)
                    reported |= seen
                    break
                if now not in seen:
                    seen.add(now)
                    ahead += [flow.new for flow in rows[now] if flow.new in through]

    def within(self) -> list[Diagnostic]:
        """Return a warning for each date inside a scored period, and about dates with two readings."""
        header = str(self.headers["date"])
        dates = (
            self.table.frame.select(pl.selectors.by_name(header).cast(pl.String)).collect().to_series().alias("cells")
        )
        results = [*assumed_years.of_texts(dates, self.grain.timeline, self.table.place(None, header))]
        for start in dict.fromkeys(row.start for row in self.rows if row.within):
            rows = [row for row in self.rows if row.start == start and row.within]
            label = Period.of(start // self.grain.months, self.grain).title
            message = Message(
                "the date lies within {label}: its figures are made of those of the old units for months before it and "
                "of those of the new units since; a figure for the whole {grain} is taken to be on the new areas",
                label=label,
                grain=self.grain.noun,
            )
            hint = Message("if figures are on the new areas for all of {label}, write its first day", label=label)
            results.append(Diagnostic("K645", message, self.place(rows[0].number, "date"), hint, Severity.WARNING))
        return results


def _is_slip(text: str, name: str) -> bool:
    """Return whether two names differ in one character; numbers are codes, of which that says nothing.

    >>> _is_slip("江于区", "江干区"), _is_slip("330104", "330102"), _is_slip("余杭", "余姚")
    (True, False, False)
    """
    same = len(text) == len(name) > 2 and not text.isascii()
    return same and sum(item != other for item, other in zip(text, name, strict=True)) == 1


def _passed_on(old: int, rows: Mapping[int, list[Flow]]) -> Iterable[Flow]:
    """Yield where the area of a unit goes in the end, of units that go into one another at one date."""
    flows = rows[old]
    for flow in flows:
        share = 1.0 if len(flows) == 1 else flow.share
        further = rows.get(flow.new, [])
        if flow.new == old or not further or any(item.new == flow.new for item in further):
            yield Flow(old, flow.new, share, flow.number)
            continue
        for item in _passed_on(flow.new, rows):
            both = None if share is None or item.share is None else share * item.share
            yield Flow(old, item.new, both, flow.number)


def last_steps(steps: Sequence[Step]) -> dict[int, Step]:
    """Return the places of the units that are none any more, each with the step that ended it."""
    results: dict[int, Step] = {}
    for step in steps:
        for flow in step.flows:
            results.pop(flow.new, None)
        news = set(step.news)
        results |= {old: step for old in step.olds if old not in news}
    return results


def unions(steps: Sequence[Step]) -> dict[int, int]:
    """Return the units whose events count for another, by their places: those that went into it as a whole.

    Where one of the two was divided at some time, figures are brought to the areas of today instead.
    """
    divided = {place for step in steps for flow in step.flows if flow.share != 1 for place in (flow.old, flow.new)}
    ended = last_steps(steps)
    item = {
        flow.old: flow.new
        for old, step in ended.items()
        for flow in step.flows
        if flow.old == old and not {flow.old, flow.new} & divided
    }

    def last(place: int) -> int:
        return last(item[place]) if place in item else place

    return {old: last(old) for old in item}
