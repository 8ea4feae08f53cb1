"""What is probably wrong where checks are broken, and corrections that would make them hold; none is ever applied."""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import polars as pl
from msgspec import Struct, field

from kpi.analysis.error_localisation import balanced, component, located
from kpi.analysis.sums_of_units import corrections_of_sums
from kpi.analysis.typing_errors import Correction, corrections, stepped, whole_steps
from kpi.engine.check_stages import Rule
from kpi.engine.plan import Plan, valued
from kpi.errors import Message, statements
from kpi.intake.grid import Panel
from kpi.language.indicators.base import title_of
from kpi.language.linear_edits import Edit
from kpi.language.never_negative import never_negative
from kpi.language.system import System
from kpi.values import units
from kpi.values.columns import ENTITIES

#: The most rows of a period in which figures are located.
_MOST = 200
#: The most proposals, and the most figures that can be wrong, that a finding names.
_SHOWN, _NAMED = 5, 12
#: The number of other figures of a measure that show by being whole that all of them are.
_TELLING = 5
#: How far from its neighbour in time a figure may be, in powers of ten, so that no other power is nearer.
_NEAR = 0.5

#: The period index and the entity of a row; WHOLE for that of all entities together.
Row = tuple[int, int]
WHOLE = -1


class Suspicions(Struct):
    """The words about what is probably wrong, by row and rule: for the suggestions of a 查询单."""

    words: dict[tuple[Row, str], Message] = field(default_factory=dict)

    def of(self, row: Row, rule: Rule) -> Message | None:
        """Return what is probably wrong where a rule is broken, None where nothing is known."""
        return self.words.get((row, rule.broken))


class _Case(Struct):
    """Rules that are broken in a row, and what hangs together with them by the figures that they share."""

    row: Row
    broken: list[Rule]
    figures: dict[str, float]
    linked: list[Edit]
    natural: frozenset[str] = frozenset()
    sets: list[tuple[str, ...]] = field(default_factory=list)
    tried: list[Correction] = field(default_factory=list)
    proposed: list[Correction] = field(default_factory=list)


def suspicions(plan: Plan, frame: pl.DataFrame, panel: Panel) -> Suspicions:
    """Return what is probably wrong in the rows in which checks are broken.

    Args:
        plan: the plan that was run.
        frame: its result, of the periods that are judged.
        panel: with the figures as reported.
    """
    result, system = Suspicions(), plan.system
    _add_wholes(plan, frame, panel, result)
    rules = [rule for rule in plan.rules if rule.breach.aggregate_unit is None and rule.check.severity != "info"]
    broken = [rule for rule in rules if frame[rule.broken].any()]
    every = plan.edits if broken else ()
    if not every and not any(rule.breach.names for rule in broken):
        return result
    rows: dict[Row, list[Rule]] = {}
    for rule in broken:
        for period, entity in frame.select("period", "entity").filter(frame[rule.broken]).iter_rows():
            rows.setdefault((period, entity), []).append(rule)
    cases = []
    late = Message("not looked into: checks are broken in more than {most} rows of the period", most=_MOST)
    for period, group in itertools.groupby(sorted(rows), key=lambda row: row[0]):
        of_period = list(group)
        cases += [case for row in of_period[:_MOST] for case in _cases(system, row, rows[row], panel, every)]
        result.words |= {(row, rule.broken): late for row in of_period[_MOST:] for rule in rows[row]}
        del period
    _locate(system, cases, panel, result)
    _propose(plan, cases, panel)
    for case in cases:
        if (words := _words(system, case)) is not None:
            earlier = (result.words.get((case.row, rule.broken)) for rule in case.broken)
            result.words |= {
                (case.row, rule.broken): words if own is None else statements([own, words])
                for rule, own in zip(case.broken, earlier, strict=True)
            }
    return result


def _add_wholes(plan: Plan, frame: pl.DataFrame, panel: Panel, suspected: Suspicions) -> None:
    """Add the corrections of one figure with which the units add up to their whole, under no entity."""
    for rule in plan.rules:
        if rule.breach.aggregate_unit is None or not frame[rule.broken].any():
            continue
        (name,) = rule.breach.names
        for period in frame.filter(rule.broken)["period"].unique().sort().to_list():
            entries = corrections_of_sums(rule, period, panel)
            rows = [None if entity is None else (period, entity) for entity, _ in entries]
            whole = _as_whole(
                plan.system, panel, name, [(row, item) for row, (_, item) in zip(rows, entries, strict=True)]
            )
            entries = list(itertools.compress(entries, whole))
            of_units = [((period, entity), item) for entity, item in entries if entity is not None]
            verdicts = iter(_kept(plan, of_units, panel) if of_units else ())
            kept = [(entity, item) for entity, item in entries if entity is None or next(verdicts).good]
            if kept:
                of_whole = str(rule.breach.aggregate_unit)
                suspected.words[(period, WHOLE), rule.broken] = statements(_proposals(
                    (of_whole if entity is None else panel.entities.names[entity], item)
                    for entity, item in sorted(kept, key=lambda entry: entry[1].rank)
                ))  # fmt: skip


def _cases(system: System, row: Row, broken: list[Rule], panel: Panel, every: Sequence[Edit]) -> Iterator[_Case]:
    """Yield a case for each group of broken rules and edits that share figures, directly or by others."""
    period, entity = row
    read = {rule.broken: _measures(system, rule) for rule in broken}
    names = {name for edit in every for name in edit.factors} | {name for used in read.values() for name in used}
    known = [name for name in panel.frame.columns if name in names]
    reported = (
        panel.frame.select("period", "entity", *known).filter(period=period, entity=entity).drop("period", "entity")
    )
    figures = {name: value for name, value in (reported.row(0, named=True) if reported.height else {}).items()
               if value is not None}  # fmt: skip
    checks = {rule.name for rule in broken}
    wrong = [edit for edit in every if edit.check in checks and figures.keys() >= edit.factors.keys()]
    wrong = [edit for edit in wrong if not edit.holds(figures)]
    left = broken
    while wrong:
        linked = component(every, wrong[:1], figures)
        wrong = [edit for edit in wrong if edit not in linked]
        shared = {name for edit in linked for name in edit.factors}
        own = [rule for rule in broken if read[rule.broken] & shared]
        left = [rule for rule in left if rule not in own]
        yield _Case(row, own, figures, linked)
    while left:
        shared, own = set(read[left[0].broken]), left[:1]
        while more := [rule for rule in left if rule not in own and read[rule.broken] & shared]:
            own = [*own, *more]
            shared |= {name for rule in more for name in read[rule.broken]}
        left = [rule for rule in left if rule not in own]
        yield _Case(row, own, figures, [])


def _locate(system: System, cases: Sequence[_Case], panel: Panel, suspected: Suspicions) -> None:
    """Add the sets of figures that can be wrong to the cases."""
    natural: dict[int, frozenset[str]] = {}
    for case in cases:
        period = case.row[0]
        if period not in natural:
            there = set(panel.frame.columns)
            names = [name for name in system.measures if name in there]
            of_period = panel.frame.select("period", *names).filter(period=period)
            least = of_period.select(pl.col(names).min()).row(0, named=True) if names else {}
            natural[period] = frozenset(
                name for name, value in least.items()
                if value is not None and (value >= 0 or never_negative(name, system.measures[name]))
            )  # fmt: skip
        case.natural = natural[period]
    linear = [case for case in cases if case.linked]
    if linear and importlib.util.find_spec("scipy") is None:
        lacking = Message("which figure is wrong is located with scipy: pip install 'kpi-scorecard[stress]'")
        suspected.words |= {(case.row, rule.broken): lacking for case in linear for rule in case.broken}
        return
    weights = {} if system.localise is None else system.localise.weights
    for case in linear:
        case.sets = located(case.linked, case.figures, weights=weights, natural=case.natural)


def _propose(plan: Plan, cases: Sequence[_Case], panel: Panel) -> None:
    """Add the corrections with which no rule about their figure is broken to the cases, the likeliest first."""
    tries: dict[str, list[tuple[_Case, Correction]]] = {}
    for case in cases:
        for name in _suspects(case):
            tries.setdefault(name, []).extend(
                (case, item) for item in _tries(case, name, panel) if item.after >= 0 or name not in case.natural
            )
    for name, of_name in tries.items():
        whole = _as_whole(plan.system, panel, name, [(case.row, item) for case, item in of_name])
        for case, item in itertools.compress(of_name, whole):
            case.tried.append(item)
    trials = [(case, item) for case in cases for item in case.tried]
    if not trials:
        return
    kept = _kept(plan, [(case.row, entry) for case, entry in trials], panel)
    #: The later rows and rules that a correction of an earlier figure mends.
    mended = {
        (row, rule, item.name) for (_, item), verdict in zip(trials, kept, strict=True) if verdict.good
        for row, rule in verdict.mended
    }  # fmt: skip
    for (case, item), verdict in zip(trials, kept, strict=True):
        if verdict.good and not all((case.row, rule.broken, item.name) in mended for rule in case.broken):
            case.proposed.append(item)
    for case in cases:
        case.proposed = _in_order(case, panel) if len(case.proposed) > 1 else case.proposed


def _in_order(case: _Case, panel: Panel) -> list[Correction]:
    """Return the corrections of a case, the likeliest first, of each figure one in each direction.

    A figure that is as large as that of the same unit in the period beside it is likelier than another; then come the
    kinds of errors in their order.
    """
    beside = {name: _neighbour(case.row, name, panel) for name in {item.name for item in case.proposed}}

    def order(item: Correction) -> tuple[bool, int]:
        other = beside[item.name]
        return other is None or not _near(item.after, other), item.rank

    result: list[Correction] = []
    for item in sorted(case.proposed, key=order):
        same = [other for other in result if other.name == item.name]
        if not any(item.after == other.after or (item.direction == other.direction and item.coarse) for other in same):
            result.append(item)
    return result


def _as_whole(
    system: System, panel: Panel, name: str, corrected: Sequence[tuple[Row | None, Correction]]
) -> list[bool]:
    """Return for each correction of a measure whether it is as whole as its other figures; None for one of no row.

    A number of things is whole, one in 万人 a whole number of 0.0001, unless another figure of the measure is none, as
    an average may be. Of any measure figures are whole where there are several others and all are.
    """
    measure = system.measures[name]
    counted = units.is_count(measure.quantity)
    step = float(1 / measure.quantity.scale) if counted else 1.0
    values = panel.frame[name].drop_nulls()
    all_broken = values.len() - int(whole_steps(values, step).sum())
    results = []
    for row, item in corrected:
        number = values.len() - (row is not None)
        broken = all_broken - (row is not None and not stepped(item.before, step))
        results.append(broken > 0 or not (counted or number >= _TELLING) or stepped(item.after, step))
    return results


def _tries(case: _Case, name: str, panel: Panel) -> Iterator[Correction]:
    """Yield the corrections of a figure of a case with which its edits hold."""
    value = case.figures.get(name)
    if value is None:
        return
    if any(name in edit.factors for edit in case.linked):
        for correction in corrections(name, value, balanced(case.linked, case.figures, name)):
            changed = case.figures | {name: correction.after}
            if all(edit.holds(changed) for edit in case.linked):
                yield correction
        return
    if any(rule.check.equates and name in rule.breach.names for rule in case.broken):
        yield from corrections(name, value)
        return
    # What only looks odd beside other periods would fit after many a change of digits, and several powers of ten.
    beside = _neighbour(case.row, name, panel)
    for correction in corrections(name, value):
        if correction.coarse and (beside is None or _near(correction.after, beside)):
            yield correction


def _neighbour(row: Row, name: str, panel: Panel) -> float | None:
    """Return the figure of the entity before, else after, that of a row; None where there is none but zero."""
    period, entity = row
    own = panel.frame.filter((pl.col("entity") == entity) & (pl.col(name) != 0)).select("period", name).sort("period")
    before, after = own.filter(pl.col("period") < period), own.filter(pl.col("period") > period)
    if before.height:
        return float(before[name][-1])
    return float(after[name][0]) if after.height else None


def _near(value: float, beside: float) -> bool:
    """Return whether no other power of ten, and not the other sign, is nearer to a figure.

    >>> [_near(value, 105.0) for value in (113.0, 1130.0, -113.0)]
    [True, False, False]
    """
    return value / beside > 0 and abs(math.log10(value / beside)) < _NEAR


def _suspects(case: _Case) -> list[str]:
    """Return the figures that alone can be wrong."""
    if case.linked:
        return [item[0] for item in case.sets if len(item) == 1]
    return list(dict.fromkeys(name for rule in case.broken for name in rule.breach.names if name in case.figures))


class _Verdict(Struct, frozen=True):
    """Whether no rule about a figure is broken by its correction, and which rules of later rows hold only with it."""

    good: bool
    mended: frozenset[tuple[Row, str]]


def _kept(plan: Plan, corrected: Sequence[tuple[Row, Correction]], panel: Panel) -> list[_Verdict]:
    """Return for each correction whether with it no rule about its figure is broken that was not, in later periods too.

    Each trial is an entity of a panel of its own, with the history of the entity and the corrected figure; one more for
    each entity has the figures as they are.
    """
    frame = panel.frame
    plain = {entity: len(corrected) + at for at, entity in enumerate(dict.fromkeys(row[1] for row, _ in corrected))}
    unchanged: list[tuple[Row, Correction | None]] = [((0, entity), None) for entity in plain]
    trials = [*corrected, *unchanged]
    chosen = pl.DataFrame(
        {"entity": [row[1] for row, _ in trials], "#trial": range(len(trials))},
        schema={"entity": frame.schema["entity"], "#trial": pl.UInt32},
    )
    stacked = chosen.join(frame, on="entity", how="left", maintain_order="left").sort("period", "#trial")
    for name in dict.fromkeys(entry.name for _, entry in corrected):
        own = [(at, row[0], entry.after) for at, (row, entry) in enumerate(corrected) if entry.name == name]
        after = pl.DataFrame(own, schema={"#trial": pl.UInt32, "period": pl.Int32, "#after": pl.Float64}, orient="row")
        stacked = stacked.join(after, on=["#trial", "period"], how="left", maintain_order="left")
        stacked = stacked.with_columns(pl.coalesce("#after", name).alias(name)).drop("#after")
    stacked = stacked.with_columns(
        pl.col("#trial").cast(frame.schema["entity"]).alias("entity"),
        pl.lit(len(trials), dtype=frame.schema[ENTITIES]).alias(ENTITIES),
    ).drop("#trial")
    judged = valued(plan.system, stacked.lazy()).collect(engine="in-memory")
    places: dict[int, dict[int, int]] = {}
    for place, (period, trial) in enumerate(judged.select("period", "entity").iter_rows()):
        places.setdefault(trial, {})[period] = place
    rules = [rule for rule in plan.rules if rule.breach.aggregate_unit is None]
    read = {rule.broken: _measures(plan.system, rule) for rule in rules}
    broken = {rule.broken: judged[rule.broken].to_list() for rule in rules}
    verdicts = []
    for number, ((period, entity), item) in enumerate(corrected):
        good, mended = True, set()
        for rule, names in read.items():
            for later, place in places[number].items() if item.name in names else ():
                before = broken[rule][places[plain[entity]][later]]
                now = broken[rule][place]
                if later >= period and now and (later == period or not before):
                    good = False
                elif later > period and before and not now:
                    mended.add(((later, entity), rule))
        verdicts.append(_Verdict(good, frozenset(mended)))
    return verdicts


def _measures(system: System, rule: Rule) -> set[str]:
    """Return the measures that a rule is about, also by indicators."""
    names = list(rule.breach.names)
    for name in names:
        if name in system.indicators:
            names += [used for _, used in system.indicators[name].inputs() if used not in names]
    return set(names)


def _words(system: System, case: _Case) -> Message | None:
    """Return what is probably wrong in words, None where nothing is known."""
    parts: list[Message] = []
    if case.sets:
        number = len(case.sets)
        shown: list[str] = [
            Message("{figure}", figure=title_of(system.symbols, item[0])) if len(item) == 1
            else Message("{figures} together", figures=tuple(title_of(system.symbols, name) for name in item))
            for item in case.sets[:_NAMED]
        ]  # fmt: skip
        if number > _NAMED:
            shown.append(Message("{number} others", number=number - _NAMED))
        if number == 1:
            parts.append(Message("probably wrong: {figures}", figures=shown[0]))
        else:
            parts.append(Message("probably wrong: one of {figures}", figures=tuple(shown)))
    parts += _proposals((title_of(system.symbols, item.name), item) for item in case.proposed)
    return statements(parts) if parts else None


def _proposals(corrected: Iterable[tuple[str, Correction]]) -> list[Message]:
    """Return the words about corrections, each with the words for its figure; of many the first."""
    words = [
        Message(
            "{figure} {before} may be {after} ({how})",
            figure=figure, before=_number(item.before), after=_number(item.after), how=item.how,
        )
        for figure, item in corrected
    ]  # fmt: skip
    if (more := len(words) - _SHOWN) > 0:
        words[_SHOWN:] = [Message("there are {number} more proposals", number=more)]
    return words


def _number(value: float) -> str:
    return f"{Decimal(f'{value:.10g}'):,f}"
