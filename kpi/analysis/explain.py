"""Explanation of a score: from the stars down to the figures, with weights and contributions that add up.

The explanation is a tree of plain nodes, which the terminal, reports and services share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.peers import Peers, Spread
from kpi.engine import headlines
from kpi.engine.contributions import (
    NOISE,
    Entry,
    after_mean,
    effect_title,
    entry_name,
    limits,
    residual_kind,
    residual_title,
    within,
)
from kpi.engine.funnel_limits import SIGNALS
from kpi.engine.plan import compile_plan
from kpi.engine.scorecard import Scorecard, as_scorecard
from kpi.errors import DataError, Diagnostic, Message, count, statements, suggest
from kpi.intake.aggregate_rows import is_aggregate
from kpi.intake.entities import Entities, from_data
from kpi.intake.files.headers import clean
from kpi.language.adjustments import Award, Veto, awards, vetoes
from kpi.language.classes import columns_of
from kpi.language.indicators import CLASSES, class_of
from kpi.language.indicators.base import in_titles
from kpi.language.indicators.derived import window
from kpi.language.model import kind_of
from kpi.language.record_columns import counted_in
from kpi.language.small_numbers import limited
from kpi.language.system import ROOT, System
from kpi.language.targets import COMPARATORS, is_fixed
from kpi.values.columns import LONGER, Column, class_by, in_ranking, share_of
from kpi.values.periods import Period
from kpi.values.status import STATUSES


class Explained(Struct, frozen=True):
    """One line of an explanation with its parts.

    `score` is in percent of full marks, `weight` in percent of the total weight, `contribution` in points of the total,
    as `contributions` defines it: the contributions of the parts of a node add up to its own. `counted` is the score
    that entered the mean of the parent, which differs from `score` where a missing part is substituted. `treated` is
    the value that was scored, which differs from `value` after data treatment. `grade` is the name of the level of a
    total. `full_marks` are those of a pillar or indicator, where the system shows marks. `peers` is the spread of the
    units that are ranked together: of the values of an indicator, else of scores.
    """

    name: str
    title: str
    kind: str
    score: float | None = None
    weight: float | None = None
    contribution: float | None = None
    value: float | None = None
    unit: str | None = None
    status: str = "ok"
    detail: str = ""
    counted: float | None = None
    treated: float | None = None
    grade: str | None = None
    full_marks: float | None = None
    peers: Spread | None = None
    parts: tuple[Explained, ...] = ()

    def __repr__(self) -> str:
        """Return the line, without its parts."""
        return f"<Explained {self.title}: {self.score}, {len(self.parts)} parts>"

    def walk(self) -> Iterator[Explained]:
        """Yield the node and all its descendants."""
        yield self
        for part in self.parts:
            yield from part.walk()


def name_of(card: Scorecard, entity: str) -> str:
    """Return the displayed name for the name, short name or code of an entity; unknown texts are returned unchanged."""
    entities = Entities(card.entities, closed=True)
    place = entities.place(entity)
    return entity if place is None else entities.names[place]


def _is_text(given: object) -> bool:
    return isinstance(given, str)


def place_of(card: Scorecard, entity: str) -> int:
    """Return the number of the entity with a name, short name or code.

    Raises:
        DataError: K602, there is none.
    """
    entities = Entities(card.entities, closed=True)
    place = entities.place(entity) if _is_text(entity) else None
    if place is None and not _is_text(entity):
        hint: Message | None = Message("give the name or code of a unit as text")
        raise DataError(Diagnostic("K602", Message("`{entity}` is not among the entities", entity=entity), hint=hint))
    if place is None:
        if (gone := went(card, entity)) is not None:
            raise DataError(gone)
        named = [name for name in entities.names if clean(name).startswith(f"{clean(entity)}(")]
        hint = Message("there is {entities}", entities=tuple(named[:5])) if named else suggest(entity, entities.names)
        if not named and is_aggregate(entity):
            hint = Message(
                "totals and the like are left out; `entities: {{keep: [{entity}]}}` makes a unit of one", entity=entity
            )
        raise DataError(Diagnostic("K602", Message("`{entity}` is not among the entities", entity=entity), hint=hint))
    return place


def explain(card: Scorecard, entity: str, indicator: str | None = None, *, period: str | None = None) -> Explained:
    """Return the explanation of the total of an entity, or of one of its indicators or pillars.

    Args:
        card: a scorecard.
        entity: the name or code.
        indicator: the name or title of an indicator or pillar; None for the whole tree.
        period: the label; None for the last.

    Raises:
        DataError: if the entity, indicator or period does not exist.
    """
    system = as_scorecard(card).definition
    place = place_of(card, entity)
    labels = card.periods
    label = period or labels[-1]
    if label not in labels and indicator is None and (year := _longer_row(card, label, place)) is not None:
        return _longer(card, place, label, year)
    index = next((index for index, text in card.labels.items() if text == label), None)
    if index is None:
        raise DataError(
            Diagnostic(
                "K551",
                Message("`{period}` is not among the periods", period=label),
                hint=Message("there is {periods}", periods=tuple(labels)),
            )
        )
    row = card.detailed.row(by_predicate=(pl.col("period") == index) & (pl.col("entity") == place), named=True)
    of_entity = card.frame.filter(pl.col("entity") == place)
    peers = Peers(card, index, place)
    tree = _Tree(system, row, {int(item["period"]): item for item in of_entity.iter_rows(named=True)}, peers)
    if indicator is None:
        return tree.total()
    names = {**{name: name for name in [*system.indicators, *system.pillars, *system.measures]}}
    names |= {
        (definition.title or name): name
        for name, definition in [*system.measures.items(), *system.pillars.items(), *system.indicators.items()]
    }
    if indicator not in names:
        raise DataError(
            Diagnostic(
                "K203",
                Message("`{indicator}` is not an indicator", indicator=indicator),
                hint=suggest(indicator, names),
            )
        )
    if names[indicator] in system.headlines:
        return _headline(card, names[indicator], index, place, tree)
    return tree.node(names[indicator])


def _longer_row(card: Scorecard, label: str, place: int) -> Mapping[str, Any] | None:
    """Return the last row of an entity of a longer period, None where the scorecard has no such period."""
    if card.definition.totals_over is None:
        return None
    rows = card.longer_rows.filter(pl.col("entity") == place).sort("period", descending=True)
    return next((row for row in rows.iter_rows(named=True) if card.longer_label(row[LONGER]) == label), None)


def _longer(card: Scorecard, place: int, label: str, row: Mapping[str, Any]) -> Explained:
    """Return the total of a longer period, down to the periods that it is made of, in points of the longer one."""
    system, over = card.definition, card.definition.totals_over
    assert over is not None  # noqa: S101
    number = over.number(system.period)
    frame = card.published(
        lambda every: card.plan.detail(
            card.plan.with_intervals(every).filter(pl.col("period") // number == row[LONGER])
        )
    )
    rows = {item["period"]: item for item in frame.filter(pl.col("entity") == place).iter_rows(named=True)}
    every = {int(item["period"]): item for item in card.frame.filter(pl.col("entity") == place).iter_rows(named=True)}
    parts = []
    for at in range(number):
        index = row[LONGER] * number + at
        title = Period.of(index, system.period).label
        if index not in rows:
            parts.append(Explained(title, title, "period", status="missing"))
            continue
        node, share = _Tree(system, rows[index], every).total(), row[share_of(at)]
        scaled = _scaled(node, share if row["raw"] is not None else None)
        detail = Message("enters with {share:.4g}", share=share)
        weight = None if over.by == "sum" or share is None else share * 100
        status = node.status if node.score is None else "ok"
        parts.append(
            replace(scaled, name=title, title=title, kind="period", weight=weight, status=status, detail=detail,
                    counted=node.contribution, grade=None)
        )  # fmt: skip
    parts += _vetoed(system, row)
    names = system.stars.names if system.stars is not None else {}
    stars = row["stars"]
    return Explained(
        label, over.words(system.period), "total", row["score"], 100.0, row["raw"], row["raw"], None,
        row[Column("raw").status], f"{stars}" if stars is not None else "",
        grade=None if stars is None else names.get(int(stars)), parts=tuple(parts),
    )  # fmt: skip


def _vetoed(system: System, row: Mapping[str, Any]) -> Iterator[Explained]:
    """Yield the vetoes that act on the total of a longer period, with what they take."""
    names = system.stars.names if system.stars is not None else {}
    before = row["#total"]
    for name, veto in vetoes(system.adjustments).items():
        after = row.get(Column(name).uncapped, before)
        took = None if after is None or before is None or row["raw"] is None else after - before
        before = after
        if row[Column(name).veto]:
            effect = veto.effect.words(names)
            condition = in_titles(veto.when, system.symbols)
            detail = Message("{condition}, applied: {effect}", condition=condition, effect=effect)
            points = took if took is not None and abs(took) >= NOISE else None
            yield Explained(name, veto.title or name, "veto", contribution=points, detail=detail)


def _scaled(node: Explained, share: float | None) -> Explained:
    """Return a node with the contributions of it and its parts times a factor, None where there is none."""
    points = None if node.contribution is None or share is None else node.contribution * share
    return replace(node, contribution=points, parts=tuple(_scaled(part, share) for part in node.parts))


def _headline(card: Scorecard, name: str, index: int, place: int, tree: _Tree) -> Explained:
    """Return a headline as the total of a system of its own, so that the contributions are in its points."""
    alone = headlines.alone(card.definition, name)
    plan = compile_plan(alone)
    frame = card.published(
        lambda every: plan.combined_again(card.plan.with_intervals(every).filter(pl.col("period") == index))
    )
    row = frame.row(by_predicate=(pl.col("period") == index) & (pl.col("entity") == place), named=True)
    node = _Tree(alone, row, tree.periods).node(name)
    beside = tree.beside(name)
    return replace(node, detail=statements(filter(None, (beside.detail, node.detail))))


def went(card: Scorecard, entity: str) -> Diagnostic | None:
    """Return the finding about an entity that went into others, None of any other."""
    units = from_data(card.former)
    place = units.place(entity)
    former = next((name for name in card.former if place is not None and units.place(name) == place), None)
    if former is None:
        return None
    hint = Message("ask for the unit that there is now")
    if former in card.renamed:
        hint = Message("its name is {name} now", name=card.renamed[former])
    return Diagnostic("K602", card.former[former], hint=hint)


class _Tree:
    """The nodes of the explanation of one row of the wide frame."""

    def __init__(
        self, system: System, row: Mapping[str, Any], periods: Mapping[int, Mapping[str, Any]],
        peers: Peers | None = None,
    ) -> None:  # fmt: skip
        self.system, self.row, self.periods, self.peers = system, row, periods, peers

    def spread(self, column: str, *, higher: bool = True) -> Spread | None:
        """Return the spread of a column among the peers; None where the tree has none, as that of a longer period."""
        if self.peers is None or column not in self.peers.rows.columns:
            return None
        return self.peers.spread(column, higher=higher)

    def total(self) -> Explained:
        row, system = self.row, self.system
        names = system.stars.names if system.stars is not None else {}
        entries = {entry.name: entry for entry in limits(system)}
        tops = self.parts(ROOT, list(system.tops)) if system.tops else ()
        beside = [*(self.beside(name) for name in system.headlines), *self.places()]
        added = [
            self.award(name, award)
            for name, award in awards(system.adjustments).items()
            if not award.joins() or self.row[Column(name).points]
        ]
        bounds = [self.limit(entry) for entry in entries.values() if entry.kind != "veto"]
        vetoed = [self.veto(name, adjustment, entries) for name, adjustment in vetoes(system.adjustments).items()]
        return Explained(
            ROOT, Message("Composite score"), "total", row["score"], 100.0, row["raw"], row["raw"], None,
            row[Column("raw").status],
            f"{row['stars']}" if row["stars"] is not None else "",
            grade=None if row["stars"] is None else names.get(int(row["stars"])), peers=self.spread("score"),
            parts=(*tops, *added, *(bound for bound in bounds if bound.contribution), *vetoed, *beside),
        )  # fmt: skip

    def places(self) -> Iterator[Explained]:
        """Yield the places in the rankings of the system, where there are several or former ones."""
        system = self.system
        for name in (system.ranking.within or (system.ranking.main,)) if system.places_apart else ():
            column = in_ranking(name)
            place, former = self.row[column.place], self.row[column.former]
            if place is None:
                continue
            detail = Message("place {place:g} of {number}", place=place, number=self.row[column.ranked])
            if former is not None:
                against = system.ranking.against
                over = Message("one period before") if against is None else window(against)
                detail = Message("{place}; {window}: place {former:g}", place=detail, window=over, former=former)
            titles = {"all": Message("all units"), "cohort": Message("the cohort")}
            title = Message("Rank within {group}", group=titles.get(name, name))
            yield Explained(column.place, title, "place", detail=detail)

    def beside(self, name: str) -> Explained:
        """Return a headline, which does not count, without its parts: they are explained by its name."""
        row, column = self.row, Column(name)
        detail = Message("a headline of its own, not counted in the total")
        if row[column.place] is not None:
            detail = Message(
                "a headline of its own, not counted in the total: place {place:g} of {number}",
                place=row[column.place],
                number=row[column.ranked],
            )
        return Explained(
            name, self.titled(name), "pillar", row[column.score], 0.0, 0.0, status=row[column.score.status],
            detail=detail,
        )  # fmt: skip

    def points(self, entry: Entry) -> float | None:
        """Return the points of an entry in this row, None if they are floating-point error."""
        points: float | None = pl.DataFrame([self.needed], infer_schema_length=None).select(entry.points).item()
        return None if points is None or abs(points) < NOISE else points

    @cached_property
    def needed(self) -> dict[str, Any]:
        """The columns of the row that the entries of adjustments and limits read."""
        adjustments = self.system.adjustments
        columns = [Column(ROOT).score, *(Column(name).fact(key) for name in adjustments for key in ("points", "veto"))]
        for pillar in set(self.system.within.values()):
            columns += [Column(pillar).score, Column(pillar).unadjusted, Column(pillar).weight]
            columns += [Column(part).declared for part in self.system.pillars[pillar].parts]
        return {name: self.row[name] for name in columns if name in self.row}

    def limit(self, entry: Entry) -> Explained:
        return Explained(entry.name, entry.title, entry.kind, contribution=self.points(entry))

    def veto(self, name: str, adjustment: Veto, entries: Mapping[str, Entry]) -> Explained:
        holds = self.row[Column(name).veto]
        unjudged = self.row[Column(name).unjudged]
        condition = in_titles(adjustment.when, self.system.symbols)
        effect = adjustment.effect.words(self.system.stars.names if self.system.stars is not None else {})
        if holds:
            detail = Message("{condition}, applied: {effect}", condition=condition, effect=effect)
        elif unjudged:
            detail = Message("{condition}, not judged, as figures are missing", condition=condition)
        else:
            detail = Message("{condition}, not applied", condition=condition)
        entry = entries.get(entry_name(self.system, name))
        took = None if entry is None else self.points(entry)
        return Explained(name, adjustment.title or name, "veto", contribution=took, detail=detail)

    def within(self, pillar: str) -> Iterator[Explained]:
        """Yield the adjustments within a pillar, and its floor and cap where they take effect."""
        entries = {entry.name: entry for entry in within(self.system, pillar)}
        for name, award in awards(self.system.adjustments, pillar).items():
            entry = entries.pop(entry_name(self.system, name))
            points = self.row[Column(name).points]
            marks = Message("{points:+.6g} marks", points=points) if points else ""
            if points and abs(points) == 1:
                marks = Message("{points:+.6g} mark", points=points)
            detail = statements(filter(None, (marks, self.judged(name, award))))
            if points or not award.joins():
                yield replace(self.limit(entry), title=award.title or name, detail=detail)
        yield from (item for entry in entries.values() if (item := self.limit(entry)).contribution)

    def award(self, name: str, adjustment: Award) -> Explained:
        points, detail = self.row[Column(name).points], self.judged(name, adjustment)
        return Explained(name, adjustment.title or name, kind_of(type(adjustment)), contribution=points, detail=detail)

    def judged(self, name: str, adjustment: Award) -> str:
        """Return the condition of conditional points, and whether figures of the points are missing."""
        lacking = Message("not judged, as figures are missing") if self.row.get(Column(name).unjudged) else ""
        return statements(filter(None, (self.opening(name, adjustment), lacking)))

    def opening(self, name: str, adjustment: Award) -> str:
        """Return the condition of conditional points, and whether it holds."""
        if adjustment.joins():
            known = self.system.adjustments
            return adjustment.opens_words({key: known[key].title or key for key in adjustment.joins()}) or ""
        if Column(name).opened not in self.row:
            return ""
        of = (*adjustment.waits_for(), *([] if adjustment.within is None else [adjustment.within]))
        titles = {key: self.titled(key) for key in of}
        condition = adjustment.opens_words(titles) or ""
        return condition if self.row[Column(name).opened] else Message("{condition}, not reached", condition=condition)

    def titled(self, name: str) -> str:
        """Return the title of a pillar or an indicator."""
        if name in self.system.pillars:
            return self.system.pillars[name].title or name
        return self.system.symbols[name].title

    def parts(self, node: str, names: list[str]) -> tuple[Explained, ...]:
        """Return the parts of a node and the residual."""
        parts = [self.node(name) for name in names]
        definition = self.system.composite if node == ROOT else self.system.pillars[node]
        after = {
            column: (kind, effect_title(definition, kind)) for kind, column in after_mean(node, definition).items()
        }
        residual = (residual_kind(definition), residual_title(self.system, node))
        for column, (kind, title) in {Column(node).residual: residual, **after}.items():
            points = self.row.get(column)
            if points is not None and abs(points) >= NOISE:
                parts.append(Explained(column, title, kind, contribution=points))
        return tuple(parts)

    def node(self, name: str) -> Explained:
        if name in self.system.pillars:
            return self.pillar(name)
        if name in self.system.indicators:
            return self.indicator(name)
        return self.measure(name)

    def stand_in(self, name: str) -> str:
        """Return the score that is substituted for a part without one."""
        counted = self.row.get(Column(name).counted)
        if self.row[Column(name).score] is not None or counted is None:
            return ""
        parent = self.system.parents.get(name)
        node = self.system.composite if parent is None else self.system.pillars[parent]
        return Message("{policy}, counted as {score:.2f} points", policy=node.missing.words(), score=counted)

    def pillar(self, name: str) -> Explained:
        row, pillar = self.row, self.system.pillars[name]
        mean = pillar.mean_words if pillar.mean != "arithmetic" else ""
        again = [] if pillar.rule is None else [self.again(name)]
        caps = [cap.words(self.system.titles, self.system.symbols) for cap in pillar.caps]
        method = "" if pillar.weights is None else pillar.weights.words()
        how = (mean, method, *self.of_class(name), *again, *caps, self.stand_in(name))
        return Explained(
            name, pillar.title or name, "pillar", row[Column(name).score], row[Column(name).weight],
            row[Column(name).contribution], status=row[Column(name).score.status],
            detail=statements(filter(None, how)),
            counted=row.get(Column(name).counted), full_marks=self.full_marks(name),
            peers=self.spread(Column(name).score),
            parts=(*self.parts(name, list(pillar.parts)), *self.within(name)),
        )  # fmt: skip

    def again(self, name: str) -> Message:
        """Return how the result of a pillar is scored again, with the result."""
        rule, result = self.system.pillars[name].rule, self.row[Column(name).result]
        words = Message("") if rule is None else rule.in_full()
        if result is None:
            return words
        return Message("result {result:.2f} points, {rule}", result=result, rule=words)

    def indicator(self, name: str) -> Explained:
        row, indicator = self.row, self.system.indicators[name]
        status = row[Column(name).status]
        if status == "ok":
            status = row[Column(name).score.status]
        inputs = dict.fromkeys(used for _, used in indicator.inputs())
        return Explained(
            name, self.system.symbols[name].title, "indicator", row[Column(name).score], row.get(Column(name).weight),
            row.get(Column(name).contribution),
            row[name], str(self.system.unit(name)), status, statements(self.how(name)), row.get(Column(name).counted),
            row[name] if name not in self.system.treated else row[self.system.treated[name]], None,
            self.full_marks(name), self.spread(name, higher=indicator.direction == "higher"),
            tuple(self.node(used) for used in inputs if Column(used).status in row),
        )  # fmt: skip

    def how(self, name: str) -> Iterator[str]:
        """Yield the formula, the target in force, its attainment, and the scoring rule if the indicator has its own."""
        row, indicator, unit = self.row, self.system.indicators[name], self.system.unit(name)
        yield indicator.words(self.system.symbols)
        yield from self.baseline(name)
        yield from self.outlook(name)
        yield from self.limits(name)
        targets = self.system.targets(name)
        if is_fixed(targets):
            yield Message("target {target}", target=targets[0].words(unit))
        elif targets and row[Column(name).target] is not None:
            yield Message(
                "target {comparator} {bound:,.10g} {unit}",
                comparator=COMPARATORS[targets[0].comparator][0],
                bound=row[Column(name).target],
                unit=unit,
            )
        elif targets and row[Column(name).score] is not None and (rule := self.system.rule(name)) and rule.needs_target:
            yield Message("no task set")
        if row[Column(name).attainment] is not None and indicator.quantitative:
            yield Message("attainment {percent:.1f} %", percent=row[Column(name).attainment])
        if row[Column(name).schedule] is not None:
            yield Message("schedule {percent:.1f} %", percent=row[Column(name).schedule])
        rule = self.system.rule(name)
        if rule is not None and (indicator.score is not None or rule.classes):
            yield (rule.of_class(self.classes) or rule).in_full()
        yield from self.of_class(name, () if rule is None else rule.classes)
        yield from self.changed(name)
        if stand_in := self.stand_in(name):
            yield stand_in

    @cached_property
    def classes(self) -> dict[str, str]:
        """The classes of the entity, by the columns of the roster."""
        return {attribute: self.row[class_by(attribute)] or "" for attribute in self.system.classes}

    def full_marks(self, name: str) -> float | None:
        """Return the full marks of an item of the tree, None where results show percent or its weight is no mark."""
        if self.system.show != "marks":
            return None
        marks = self.system.shown_marks(name)
        return self.row[Column(name).declared] if isinstance(marks, pl.Expr) else marks

    def of_class(self, name: str, more: Iterable[str] = ()) -> Iterator[Message]:
        """Yield the classes by which the weight of a part, and perhaps its rule, differ."""
        for attribute in dict.fromkeys((*columns_of(self.system.varied.get(name, 0.0)), *more)):
            own = self.classes[attribute] or Message("blank")
            yield Message("{column}: {value}", column=attribute, value=own)

    def baseline(self, name: str) -> Iterator[str]:
        """Return the figure that the value is computed against, and its period."""
        grain = self.system.period
        known = self.system.indicators[name].baseline(self.row["period"], grain)
        if known is None:
            return
        of, index = known
        then, when = self.periods.get(index), Period.of(index, grain).label
        value = None if then is None else then[of]
        if value is not None:
            yield Message(
                "compared with {value:,.10g} {unit} in {period}", value=value, unit=self.system.unit(of), period=when
            )
            return
        status = STATUSES["missing" if then is None else then[Column(of).status]]
        yield Message("compared with {period}, which has no figure: {status}", period=when, status=status)

    def outlook(self, name: str) -> Iterator[Message]:
        """Yield the interval of a projection, and the growth of a pace with its class."""
        row, column, indicator = self.row, Column(name), self.system.indicators[name]
        if row[name] is None:
            return
        if indicator.projects and row[column.high] is not None:
            yield Message("between {low:,.6g} and {high:,.6g}", low=row[column.low], high=row[column.high])
        elif indicator.projects:
            yield Message("{low:,.6g} at least", low=row[column.low])
        if indicator.classified:
            yield Message(
                "{actual:+,.4g} a year, {required:+,.4g} required",
                actual=row[column.actual], required=row[column.required],
            )  # fmt: skip
            value = pl.DataFrame({name: [row[name]]})
            yield CLASSES[value.select(class_of(name, indicator.class_cuts)).item()]

    def limits(self, name: str) -> Iterator[Message]:
        """Yield the confidence limits of a value, and where it is between the funnel limits of its group."""
        row, column, result = self.row, Column(name), self.limited.get(name)
        if result is None or row[name] is None or row[column.lower_limit] is None:
            return
        yield Message(
            "limits of {level:g} %: {low:,.6g} to {high:,.6g}",
            level=result[0].level, low=row[column.lower_limit], high=row[column.upper_limit],
        )  # fmt: skip
        yield from self.rating(column)
        # With disclosure rules the group may have a figure that is suppressed.
        if row.get(column.signal) is not None and row[column.centre] is not None:
            yield Message("{signal} around the group's {value:,.6g}", signal=SIGNALS[row[column.signal]],
                          value=row[column.centre])  # fmt: skip

    def rating(self, column: Column) -> Iterator[Message]:
        """Yield the rating of an indicator, where its limits reach another one."""
        scheme, own = self.system.stars, self.row.get(column.level)
        if scheme is None or own is None:
            return
        ends = [end for part in (column.level_low, column.level_high) if (end := self.row[part]) not in (None, own)]
        if len(ends) == 2:
            yield Message(
                "rating {level}, not distinguishable from {first} to {last}", level=scheme.title(own),
                first=scheme.title(ends[0]), last=scheme.title(ends[1]),
            )  # fmt: skip
        elif ends:
            yield Message("rating {level}, not distinguishable from {other}", level=scheme.title(own),
                          other=scheme.title(ends[0]))  # fmt: skip

    @cached_property
    def limited(self) -> Mapping[str, Any]:
        """The indicators with confidence limits."""
        return limited(self.system)

    def broken(self, name: str) -> Iterator[Message]:
        """Return that a series breaks with the period, as areas changed."""
        before = self.periods.get(self.row["period"] - 1)
        columns = [column for column in self.system.breaks(name) if column in self.row]
        if before is not None and any(before[column] != self.row[column] for column in columns):
            label = Period.of(self.row["period"] - 1, self.system.period).label
            yield Message("areas changed: not comparable with {period} and before", period=label)

    def changed(self, name: str) -> Iterator[str]:
        """Yield the changes of a value by data treatment, step by step."""
        before = self.row[name]
        for step, names in self.system.steps.items():
            if name not in names:
                continue
            after, treatment = Column(name).after(step), self.system.treatment[step]
            current = self.row[after]
            if current != before:
                mirrored = treatment.mirrors and self.row[Column(after).mirrored] == 1
                yield Message(
                    "{treatment}: {before} → {after}",
                    treatment=treatment.words_mirrored if mirrored else treatment.words_of_values,
                    before=_shown(before),
                    after=_shown(current),
                )
            before = current
        reliability = self.row.get(Column(name).reliability)
        if reliability is not None:
            yield Message("reliability {share:.3f}", share=reliability)

    def measure(self, name: str) -> Explained:
        rows = self.row.get(Column(name).rows) or 0
        details = [count(rows, "row")] if rows else []
        measure = self.system.measures[name]
        if rows and measure.from_january:
            details.append(
                Message("cumulative from January to the period")
                if measure.over_time == "ytd"
                else Message("difference of figures cumulative from January")
            )
        if measure.computed and counted_in(measure) is not measure:
            details.append(Message("taken from {expression}, in working days", expression=measure.taken_from))
        elif measure.computed:
            details.append(Message("taken from {expression}", expression=measure.taken_from))
        if measure.where is not None:
            details.append(Message("where {condition}", condition=measure.where))
        if added := self.row.get(Column(name).added):
            details.append(Message("change of divisions: {changes}", changes=added))
        details += self.broken(name)
        if not rows and self.row[name] == 0 and getattr(measure, "none", None) == 0:
            details = [Message("no record, counted as 0 (none: 0)")]
        return Explained(
            name, self.system.symbols[name].title, "measure", value=self.row[name], unit=str(self.system.unit(name)),
            status=self.row[Column(name).status], detail=statements(details),
        )  # fmt: skip


def _shown(value: float | None) -> str:
    return Message("none") if value is None else f"{value:,.6g}"


def words(status: str) -> str:
    """Return the description of a status.

    >>> words("zero_denominator")
    'zero denominator'
    """
    return STATUSES[status]
