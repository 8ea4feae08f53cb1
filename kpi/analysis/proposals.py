"""What is probably wrong where checks are broken, and corrections that would make them hold; none is ever applied."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from kpi.analysis.error_localisation import component, located
from kpi.engine.check_stages import Rule
from kpi.engine.plan import Plan, valued
from kpi.errors import Message, statements
from kpi.intake.grid import Panel
from kpi.language.indicators.base import title_of
from kpi.language.linear_edits import Edit, edits
from kpi.language.system import System
from kpi.values.columns import ENTITIES

#: The most rows of a period in which figures are located.
_MOST = 200
#: The most proposals that a finding names.
_SHOWN = 3
#: The factors of typing errors.
_FACTORS = (10, 100, 1000, 10_000)

#: The period index and the entity of a row.
Row = tuple[int, int]


@dataclass(frozen=True)
class Correction:
    """Another value that a figure may have had before it was typed.

    `how` are the words about the typing error; `factor` says whether it is a factor of ten or the sign.
    """

    name: str
    before: float
    after: float
    how: Message
    factor: bool


def corrections(name: str, value: float) -> Iterator[Correction]:
    """Yield what a figure may have been before a typing error.

    >>> [one.after for one in corrections("x", 132.0)][8:]
    [-132.0, 312.0, 123.0]
    """
    for factor in _FACTORS:
        how = Message("too small by a factor of {factor:,}", factor=factor)
        yield Correction(name, value, float(Decimal(repr(value)) * factor), how, factor=True)
    for factor in _FACTORS:
        how = Message("too large by a factor of {factor:,}", factor=factor)
        yield Correction(name, value, float(Decimal(repr(value)) / factor), how, factor=True)
    yield Correction(name, value, -value, Message("the sign"), factor=True)
    text = format(Decimal(repr(value)).normalize(), "f")
    for place in range(len(text) - 1):
        first, second = text[place], text[place + 1]
        if first.isdigit() and second.isdigit() and first != second:
            swapped = float(f"{text[:place]}{second}{first}{text[place + 2 :]}")
            yield Correction(name, value, swapped, Message("two digits swapped"), factor=False)
    for decimals in (2, 1, 0):
        rounded = float(round(Decimal(repr(value)), decimals))
        if rounded != value:
            yield Correction(name, value, rounded, Message("rounded"), factor=False)


@dataclass
class Suspicions:
    """The words about what is probably wrong, by row and rule: for the suggestions of a 查询单."""

    words: dict[tuple[Row, str], Message] = field(default_factory=dict)

    def of(self, row: Row, rule: Rule) -> Message | None:
        """Return what is probably wrong where a rule is broken, None where nothing is known."""
        return self.words.get((row, rule.broken))


@dataclass
class _Case:
    """A row in which rules are broken."""

    row: Row
    broken: list[Rule]
    figures: dict[str, float]
    linked: list[Edit]
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
    found, system = Suspicions(), plan.system
    rules = [rule for rule in plan.rules if rule.breach.aggregate_unit is None and rule.check.severity != "info"]
    broken = [rule for rule in rules if frame[rule.broken].any()]
    every = edits(system) if broken else []
    if not every and not any(rule.breach.names for rule in broken):
        return found
    rows: dict[Row, list[Rule]] = {}
    for rule in broken:
        for period, entity in frame.filter(pl.col(rule.broken)).select("period", "entity").iter_rows():
            rows.setdefault((period, entity), []).append(rule)
    cases = []
    late = Message("not looked into: checks are broken in more than {most} rows of the period", most=_MOST)
    for period, group in itertools.groupby(sorted(rows), key=lambda row: row[0]):
        of_period = list(group)
        cases += [_case(row, rows[row], panel, every) for row in of_period[:_MOST]]
        found.words |= {(row, rule.broken): late for row in of_period[_MOST:] for rule in rows[row]}
        del period
    _locate(system, cases, panel, found)
    _propose(plan, cases, panel)
    for case in cases:
        if (words := _words(system, case)) is not None:
            earlier = (found.words.get((case.row, rule.broken)) for rule in case.broken)
            found.words |= {
                (case.row, rule.broken): words if own is None else statements([own, words])
                for rule, own in zip(case.broken, earlier, strict=True)
            }
    return found


def _case(row: Row, broken: list[Rule], panel: Panel, every: Sequence[Edit]) -> _Case:
    period, entity = row
    names = {name for edit in every for name in edit.factors} | {name for rule in broken for name in rule.breach.names}
    known = [name for name in panel.frame.columns if name in names]
    reported = panel.frame.filter(period=period, entity=entity).select(known)
    figures = {name: value for name, value in (reported.row(0, named=True) if reported.height else {}).items()
               if value is not None}  # fmt: skip
    checks = {rule.name for rule in broken}
    wrong = [edit for edit in every if edit.check in checks and figures.keys() >= edit.factors.keys()]
    wrong = [edit for edit in wrong if not edit.holds(figures)]
    return _Case(row, broken, figures, component(every, wrong, figures) if wrong else [])


def _locate(system: System, cases: Sequence[_Case], panel: Panel, suspected: Suspicions) -> None:
    """Add the sets of figures that can be wrong to the cases."""
    linear = [case for case in cases if case.linked]
    if linear and importlib.util.find_spec("scipy") is None:
        lacking = Message("which figure is wrong is located with scipy: pip install 'kpi-scorecard[stress]'")
        suspected.words |= {(case.row, rule.broken): lacking for case in linear for rule in case.broken}
        return
    weights = {} if system.localise is None else system.localise.weights
    natural: dict[int, frozenset[str]] = {}
    for case in linear:
        period = case.row[0]
        if period not in natural:
            of_period = panel.frame.filter(period=period)
            names = [name for name in system.measures if name in of_period.columns]
            least = of_period.select(pl.col(names).min()).row(0, named=True) if names else {}
            natural[period] = frozenset(name for name, value in least.items() if value is not None and value >= 0)
        case.sets = located(case.linked, case.figures, weights=weights, natural=natural[period])


def _propose(plan: Plan, cases: Sequence[_Case], panel: Panel) -> None:
    """Add the corrections with which no rule about their figure is broken to the cases."""
    for case in cases:
        for name in _suspects(case):
            for one in corrections(name, case.figures[name]) if case.figures.get(name) else ():
                changed = case.figures | {name: one.after}
                if case.linked and any(name in edit.factors for edit in case.linked):
                    fits = all(edit.holds(changed) for edit in case.linked)
                else:
                    # What only looks odd beside other periods would fit after many a change of digits.
                    fits = one.factor
                if fits:
                    case.tried.append(one)
    trials = [(case, one) for case in cases for one in case.tried]
    if not trials:
        return
    kept = _kept(plan, [(case.row, one) for case, one in trials], panel)
    for (case, one), good in zip(trials, kept, strict=True):
        if good and all(one.after != other.after or one.name != other.name for other in case.proposed):
            case.proposed.append(one)


def _suspects(case: _Case) -> list[str]:
    """Return the figures that alone can be wrong."""
    if case.linked:
        return [one[0] for one in case.sets if len(one) == 1]
    return list(dict.fromkeys(name for rule in case.broken for name in rule.breach.names if name in case.figures))


def _kept(plan: Plan, trials: Sequence[tuple[Row, Correction]], panel: Panel) -> list[bool]:
    """Return for each correction whether no rule about its figure is broken with it.

    Each trial is an entity of a panel of its own, with the history of the entity and the corrected figure.
    """
    frame = panel.frame
    chosen = pl.DataFrame(
        {"entity": [row[1] for row, _ in trials], "#trial": range(len(trials))},
        schema={"entity": frame.schema["entity"], "#trial": pl.UInt32},
    )
    stacked = chosen.join(frame, on="entity", how="left", maintain_order="left").sort("period", "#trial")
    for name in dict.fromkeys(one.name for _, one in trials):
        own = [(at, row[0], one.after) for at, (row, one) in enumerate(trials) if one.name == name]
        after = pl.DataFrame(own, schema={"#trial": pl.UInt32, "period": pl.Int32, "#after": pl.Float64}, orient="row")
        stacked = stacked.join(after, on=["#trial", "period"], how="left", maintain_order="left")
        stacked = stacked.with_columns(pl.coalesce("#after", name).alias(name)).drop("#after")
    stacked = stacked.with_columns(
        pl.col("#trial").cast(frame.schema["entity"]).alias("entity"),
        pl.lit(len(trials), dtype=frame.schema[ENTITIES]).alias(ENTITIES),
    ).drop("#trial")
    judged = valued(plan.system, stacked.lazy()).collect(engine="in-memory")
    at = {(period, entity): place for place, (period, entity) in enumerate(judged.select("period", "entity").rows())}
    kept = []
    for number, (row, one) in enumerate(trials):
        place = at[row[0], number]
        rules = [rule for rule in plan.rules if one.name in _measures(plan.system, rule)]
        rules = [rule for rule in rules if rule.breach.aggregate_unit is None]
        kept.append(not any(judged[rule.broken][place] for rule in rules))
    return kept


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
        shown = [
            Message("{figure}", figure=title_of(system.symbols, one[0])) if len(one) == 1
            else Message("{figures} together", figures=tuple(title_of(system.symbols, name) for name in one))
            for one in case.sets
        ]  # fmt: skip
        if number == 1:
            parts.append(Message("probably wrong: {figures}", figures=shown[0]))
        else:
            parts.append(Message("probably wrong: one of {figures}", figures=tuple(shown)))
    parts += [
        Message(
            "{figure} {before} may be {after} ({how})", figure=title_of(system.symbols, one.name),
            before=_number(one.before), after=_number(one.after), how=one.how,
        )
        for one in _fewest(case.proposed)
    ]  # fmt: skip
    return statements(parts) if parts else None


def _fewest(proposed: Iterable[Correction]) -> list[Correction]:
    return list(itertools.islice(proposed, _SHOWN))


def _number(value: float) -> str:
    return f"{value:,.10g}"
