"""Figures before a merger or split, brought to the areas of today."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.entities import Entities, short_forms
from kpi.intake.files.headers import clean
from kpi.intake.reported.period_aggregation import together
from kpi.intake.succession.steps import Flow, Step, Succession, last_steps, unions
from kpi.language.measures import Count, Measure, Reported, Sum, exact_sum
from kpi.values import units
from kpi.values.columns import Column
from kpi.values.periods import Period
from kpi.values.status import OK, STATUSES, Status, reason


def adds_up(measure: Measure) -> bool:
    """Return whether the figures of units make that of all of them together: amounts, and sums and counts of events.

    A share, an index, a mean, yes/no or a rank does not, nor the highest or lowest of several periods.
    """
    if measure.over_time in ("max", "min", "median"):
        return False
    return units.summable(measure.quantity) if isinstance(measure, Reported) else isinstance(measure, Count | Sum)


class _Before(Struct, frozen=True):
    """The periods of a panel before a date: rows are ordered by period, of which each has `number`, from `first` on."""

    periods: range
    first: int
    number: int

    def rows(self, place: int) -> list[int]:
        """Return the rows of a unit."""
        return [(period - self.first) * self.number + place for period in self.periods]


class Areas(Struct, dict=True):
    """Figures brought to the areas of today: the panel, and what was found.

    `inflows` has what every unit is made of at each date, once the panel is brought to the areas of today. `within` are
    old units with figures in the scored period of their end (`kpi.intake.periods_of_change`).
    """

    succession: Succession
    steps: tuple[Step, ...]
    entities: Entities
    measures: Mapping[str, Measure]

    def __post_init__(self) -> None:
        """Prepare what all figures share."""
        self.findings: list[Diagnostic] = []
        self.unused = 0
        self.ended = last_steps(self.steps)
        self.unions = unions(self.steps)
        self.inflows: list[tuple[Step, Mapping[int, Inflow]]] = []
        self._breaks: dict[str, dict[int, set[int]]] = {name: {} for name in self.measures}
        self._divided: dict[int, list[tuple[str, list[int]]]] = {}
        self.within: set[int] = set()
        self._left_over: list[tuple[str, int, int]] = []

    def gone_words(self, text: str) -> Message | None:
        """Return where a unit went that is none any more, None for any other text.

        Args:
            text: a name or code.
        """
        place = self.entities.place(text)
        step = None if place is None else self.ended.get(place)
        if step is None or place is None:
            return None
        return Message(
            "{name} (which went into {into} in {when})",
            name=self.entities.names[place],
            into=tuple(self.entities.names[flow.new] for flow in step.flows if flow.old == place),
            when=Period(step.start, 1, self.succession.grain.timeline).label,
        )

    def former(self) -> dict[str, Message]:
        """Return the units that are none any more by their names, each with where it went."""
        return {
            self.entities.names[old]: Message(
                "`{name}` went into {into} in {when}",
                name=self.entities.names[old],
                into=tuple(self.entities.names[flow.new] for flow in step.flows if flow.old == old),
                when=Period(step.start, 1, self.succession.grain.timeline).label,
            )
            for old, step in self.ended.items()
        }

    def finer(self, figures: pl.DataFrame) -> pl.DataFrame:
        """Return figures of finer units (`per`), those of a unit that went into another as a whole under that one.

        Where one of the units that became one has none for a period, the others' are left out: they would be a part.

        Args:
            figures: with the columns measure, entity, per, period, as `period_aggregation.to_scored` gives them.
        """
        mine = figures.filter(pl.col("per").is_not_null())
        if not mine.height:
            return figures
        for step in self.steps:
            for new in step.news:
                flows = step.into(new)
                if any(flow.share != 1 for flow in flows):
                    continue
                olds = [flow.old for flow in flows]
                before = pl.col("period") < step.since
                own = mine.filter(before & (pl.col("entity") == new)).height > 0
                olds += [new] if own and new not in olds else []
                items = before & pl.col("entity").is_in(olds)
                there = mine.filter(items).group_by("measure", "period").agg(pl.col("entity").n_unique() == len(olds))
                reported = [name for name, measure in self.measures.items() if isinstance(measure, Reported)]
                partial = there.filter(~pl.col("entity") & pl.col("measure").is_in(reported)).drop("entity")
                moved = mine.filter(items).join(partial, on=["measure", "period"], how="anti")
                moved = moved.with_columns(entity=pl.lit(new, dtype=mine.schema["entity"]))
                mine = pl.concat([mine.filter(~items), moved])
        return pl.concat([figures.filter(pl.col("per").is_null()), mine])

    def brought(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the panel on the areas of today, without the units that are none any more.

        Columns that are added for every measure: `name.breaks` (Int32, how often its series has broken up to the
        period), `name.added` (String, the figures that were added, in words; null where none were).
        """
        first, number = int(frame["period"][0]), int(frame["#entities"][0])
        last = int(frame["period"][-1])
        self._unused(frame)
        columns: dict[str, pl.Series] = {}
        for name in self.measures:
            columns |= {item: frame[item] for item in _columns(name) if item in frame.columns}
            columns[Column(name).added] = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        for name, new, period in self._left_over:
            self._without_value(
                name, columns, _Before(range(period, period + 1), first, number).rows(new), "incomplete"
            )
        for step in self.steps:
            self._step(step, columns, _Before(range(first, min(step.since, last + 1)), first, number))
        self.findings += self._of_divided_events()
        places = frame.select("period", "entity")
        for name in self.measures:
            columns[Column(name).breaks] = self._counted(places, name)
        kept = ~pl.col("entity").is_in(sorted(self.ended))
        left = pl.lit(number - len(self.ended), dtype=pl.Int64).alias("#entities")
        frame = frame.with_columns(column.alias(name) for name, column in columns.items()).filter(kept)
        places_now = self.moved()
        return frame.with_columns(places_now.gather(frame["entity"]).alias("entity"), left)

    def moved(self) -> pl.Series:
        """Return the place of every entity, and of the wholes behind them, among those that are left; null for none."""
        kept = [place for place in range(len(self.entities.every)) if place not in self.ended]
        now = dict(zip(kept, range(len(kept)), strict=True))
        return pl.Series([now.get(place) for place in range(len(self.entities.every))], dtype=pl.UInt32)

    def _step(self, step: Step, columns: dict[str, pl.Series], before: _Before) -> None:
        plans = {new: self._plan(step, new, columns, before) for new in step.news}
        self.inflows.append((step, plans))
        changed: dict[str, pl.Series] = {}
        for name, measure in self.measures.items():
            flows: list[tuple[int, int, float]] = []
            after = {new: set(breaks) for new, breaks in self._breaks[name].items()}
            for new, plan in plans.items():
                parts = plan.parts(measure)
                if parts is None:
                    after.setdefault(new, set()).add(step.since)
                    if plan.is_new and measure.per is None:
                        self._not_there(name, columns, before.rows(new))
                    continue
                flows += [(new, old, share) for old, share in parts]
                if parts:
                    own = {at for at in self._breaks[name].get(new, ()) if at >= step.since}
                    earlier = (self._breaks[name].get(old, set()) for old, _ in parts)
                    after[new] = own | {at for at in chain.from_iterable(earlier) if at < step.since}
            self._breaks[name] = after
            self._mixed(name, step, plans, columns, before)
            if measure.per is None and flows and before:
                changed |= self._added(name, columns, flows, before)
        columns |= changed

    def _mixed(
        self, name: str, step: Step, inflows: Mapping[int, Inflow], columns: dict[str, pl.Series], before: _Before
    ) -> None:
        """Mark figures of events of the period of a date as a break where events are divided: they are of two areas."""
        measure, size = self.measures[name], self.succession.grain.months
        span = 12 if measure.over_time == "ytd" else size
        if isinstance(measure, Reported) or measure.per is not None or step.start % span == 0:
            return
        last = before.first + len(columns[name]) // before.number - 1
        first, end = max(step.since, before.first), min(((step.start // span + 1) * span - 1) // size, last)
        divided = [new for new, item in inflows.items() if any(flow.old not in item.unions for flow in item.flows)]
        marked = [
            new for new in divided
            if self._without_value(name, columns, _Before(range(first, end + 1), before.first, before.number).rows(new))
        ]  # fmt: skip
        if marked:
            self._divided.setdefault(step.start, []).append((name, marked))

    @staticmethod
    def _without_value(name: str, columns: dict[str, pl.Series], rows: Sequence[int], status: str = "break") -> bool:
        """Take the figures of some rows away, with a status that says why; return whether there were any."""
        own, why = name, Column(name).status
        there = [row for row in rows if columns[why][row] == "ok"]
        if there:
            code = pl.Series([status], dtype=Status).to_physical()[0]
            columns[own] = columns[own].scatter(there, None)
            columns[why] = columns[why].to_physical().scatter(there, code).cat.to(Status)
        return bool(there)

    def _of_divided_events(self) -> Iterable[Diagnostic]:
        """Yield a finding for each date inside a period of which events are of two areas."""
        for start, items in self._divided.items():
            units = sorted(set(chain.from_iterable(news for _, news in items)))
            flow = next(flow for step in self.steps if step.start == start for flow in step.flows)
            message = Message(
                "{names}: no figure of {measures} for {period}, as events before {when} are of another area",
                names=tuple(self.entities.names[place] for place in units),
                measures=tuple(dict.fromkeys(self.measures[name].title or name for name, _ in items)),
                period=Period.of(start // self.succession.grain.months, self.succession.grain).label,
                when=Period(start, 1, self.succession.grain.timeline).label,
            )
            place = self.succession.place(flow.number, "new")
            yield Diagnostic("K638", message, place, None, Severity.WARNING)

    def _plan(self, step: Step, new: int, columns: Mapping[str, pl.Series], before: _Before) -> Inflow:
        flows, rows = step.into(new), before.rows(new)

        def has_own(*, events: bool) -> bool:
            return any(
                bool((columns[Column(name).status].gather(rows) != "missing").any())
                for name, measure in self.measures.items()
                if measure.per is None and isinstance(measure, Reported) is not events
            )

        listed = any(flow.old == new for flow in flows)
        taken = {flow.old for flow in flows if flow.old in self.unions}
        own = not listed and bool(rows) and (has_own(events=False) or (not taken and has_own(events=True)))
        reported = any(isinstance(measure, Reported) for measure in self.measures.values())
        added = (reported or len(taken) < len(flows)) and all(flow.share is not None for flow in flows)
        if not listed and not own and rows and added:
            self._guess(step, new, flows)
        return Inflow(new, tuple(flows), own=own, listed=listed, unions=frozenset(taken))

    def _guess(self, step: Step, new: int, flows: Sequence[Flow]) -> None:
        """Add a finding for a unit that is taken for a new one, as it has no figures before the date."""
        names = [self.entities.names[flow.old] for flow in flows]
        name, when = self.entities.names[new], Period.of(step.since, self.succession.grain).label
        alone = len(flows) == 1 and flows[0].share == 1
        if alone and set(short_forms(clean(name))) & set(short_forms(clean(names[0]))):
            return
        divided = any(flow.share != 1 for flow in flows)
        message = Message(
            "`{name}` has no figures of its own before {when}: it is taken for a new unit, with the area of {units}",
            name=name,
            when=when,
            units=tuple(names),
        )
        if divided:
            message = Message(
                "`{name}` has no figures of its own before {when}: it is taken for a new unit, with the area of "
                "parts of {units}",
                name=name,
                when=when,
                units=tuple(names),
            )
        hint = Message("if it was there before, add a row with `{name}` as old and as new unit", name=name)
        place = self.succession.place(flows[0].number, "new")
        self.findings.append(Diagnostic("K645", message, place, hint, Severity.WARNING if alone else Severity.INFO))

    def _not_there(self, name: str, columns: dict[str, pl.Series], rows: Sequence[int]) -> None:
        """Mark what a new unit lacks before its date as a break, as its area was there under another unit."""
        status = columns[Column(name).status]
        gaps = [row for row in rows if status[row] == "missing"]
        if gaps:
            code = pl.Series(["break"], dtype=Status).to_physical()[0]
            columns[Column(name).status] = status.to_physical().scatter(gaps, code).cat.to(Status)

    def _added(
        self, name: str, columns: Mapping[str, pl.Series], flows: Sequence[tuple[int, int, float]], before: _Before
    ) -> dict[str, pl.Series]:  # fmt: skip
        """Return the columns of a measure with the figures of units added, for the periods before a date."""
        at = pl.DataFrame({"base": before.rows(0)})
        parts = pl.DataFrame(flows, {"new": pl.Int64, "old": pl.Int64, "share": pl.Float64}, orient="row")
        rows = at.join(parts, how="cross").with_columns(
            target=pl.col("base") + pl.col("new"), source=pl.col("base") + pl.col("old")
        )
        value, status, many = (columns[column].gather(rows["source"]) for column in _columns(name))
        names = self.entities.names
        text = [
            _words(number, why, share, names[old])
            for number, why, share, old in zip(
                value.to_list(), status.cast(pl.String).to_list(), rows["share"], rows["old"], strict=True
            )
        ]
        rows = rows.with_columns(value=value, status=status, many=many, said=pl.Series(text, dtype=pl.String))
        whole = (pl.len() == 1) & (pl.col("share").first() == 1)
        done = rows.group_by("target", maintain_order=True).agg(
            value=pl.when(whole).then(pl.col("value").first()).otherwise(exact_sum(pl.col("value") * pl.col("share"))),
            worst=together(pl.col("status")), many=pl.col("many").sum(), said=pl.col("said").str.join("＋"),
            there=(pl.col("status") != reason("missing")).any(),
        ).with_columns(
            value=pl.when(pl.col("worst").is_null()).then("value"),
            status=pl.when(pl.col("worst").is_null()).then(OK).otherwise("worst"),
            said=pl.when("there").then("said"),
        )  # fmt: skip
        places, (own, why, rows_of) = done["target"], _columns(name)
        return {
            own: columns[own].scatter(places, done["value"]),
            why: columns[why].to_physical().scatter(places, done["status"].to_physical()).cat.to(Status),
            rows_of: columns[rows_of].scatter(places, done["many"]),
            Column(name).added: columns[Column(name).added].scatter(places, done["said"]),
        }

    def _counted(self, places: pl.DataFrame, name: str) -> pl.Series:
        """Return how often the series of a measure has broken up to each row of the panel."""
        breaks = [(entity, since) for entity, items in self._breaks[name].items() for since in items]
        here = [((pl.col("entity") == entity) & (pl.col("period") >= since)).cast(pl.Int32) for entity, since in breaks]
        none = pl.repeat(0, places.height, dtype=pl.Int32, eager=True)
        return places.select(pl.sum_horizontal(here).cast(pl.Int32)).to_series() if here else none

    def _unused(self, frame: pl.DataFrame) -> None:
        """Add findings for figures of units that are none any more, and for units without any figure."""
        names = [
            name for name, measure in self.measures.items() if measure.per is None and isinstance(measure, Reported)
        ]
        given = {name: pl.col(Column(name).status) != "missing" for name in names}
        many = [
            pl.when(there).then(pl.max_horizontal(Column(name).rows, 1)).otherwise(0) for name, there in given.items()
        ]
        for old, step in self.ended.items() if names else ():
            name = self.entities.names[old]
            flows = [flow for flow in step.flows if flow.old == old]
            into = tuple(self.entities.names[flow.new] for flow in flows)
            place = self.succession.place(flows[0].number, "old")
            rows = frame.filter(pl.col("entity") == old).select("period", many=pl.sum_horizontal(many))
            rows = rows.filter(pl.col("many") > 0)
            if not rows.height and old not in self.within:
                message = Message(
                    "the data have no figure of `{name}`: those of {into} before the date lack its part",
                    name=name,
                    into=into,
                )
                hint = Message(
                    "add its figures, or leave the row out where those of the new unit are on its new area already"
                )
                self.findings.append(Diagnostic("K639", message, place, hint, Severity.WARNING))
            late = rows.filter(pl.col("period") >= step.since)
            if late.height:
                labels = [Period.of(at, self.succession.grain).label for at in late["period"]]
                span = Message("{first} to {last}", first=labels[0], last=labels[-1]) if len(labels) > 1 else labels[0]
                when = Period(step.start, 1, self.succession.grain.timeline).label
                message = Message(
                    "`{name}` has figures for {span}, but went into {into} in {when}: they are not used",
                    name=name,
                    span=span,
                    into=into,
                    when=when,
                )
                hint = Message(
                    "report them under the new unit, or correct the date; if only a part went, add a row for the rest"
                )
                self.findings.append(Diagnostic("K646", message, place, hint))
                self.unused += int(late["many"].sum())
            if step.start % self.succession.grain.months:
                now = frame.filter((pl.col("entity") == old) & (pl.col("period") == step.since))
                self._left_over += [
                    (measure, flow.new, step.since) for measure in names for flow in flows
                    if flow.share is not None and adds_up(self.measures[measure])
                    and (now[Column(measure).status] != "missing").any()
                ]  # fmt: skip


class Inflow(Struct, frozen=True):
    """What a unit is made of at a date: flows into it, and whether it was there before.

    `own` says that it has figures before and is no old unit; `listed` that it is one of the old units itself.
    """

    new: int
    flows: tuple[Flow, ...]
    own: bool
    listed: bool
    unions: Collection[int]

    @property
    def is_new(self) -> bool:
        """Whether it was not there before."""
        return not (self.own or self.listed)

    def parts(self, measure: Measure) -> list[tuple[int, float]] | None:
        """Return what makes its figures before the date, none where that is so already; None where nothing can."""
        events = not isinstance(measure, Reported)
        flows = [flow for flow in self.flows if not (events and flow.old in self.unions)]
        if not flows:
            return []
        own = [(self.new, 1.0)] if self.own or (events and self.unions and not self.listed) else []
        parts = [(flow.old, flow.share) for flow in flows if flow.share is not None]
        if len(parts) < len(flows):
            return None
        same = len(parts) == 1 and not own and parts[0][1] == 1
        divided = measure.per is not None and any(share != 1 for _, share in parts)
        if same or (measure.per is not None and not divided) or (measure.per is None and adds_up(measure)):
            return [*own, *parts]
        return None


def _columns(name: str) -> tuple[str, str, str]:
    return name, Column(name).status, Column(name).rows


def _words(value: float | None, status: str, share: float, name: str) -> str:
    """Return a part of a sum in words.

    >>> _words(20.0, "ok", 0.55, "余杭区"), _words(None, "missing", 1.0, "江干区")
    ('20×0.55（余杭区）', 'not reported（江干区）')
    """
    figure = STATUSES[status] if value is None else f"{value:,.10g}"
    return f"{figure}{'' if share == 1 or value is None else f'×{share:.10g}'}（{name}）"
