"""The way up: the least changes of a unit's figures with which it reaches a level or a place.

Each figure that counts in the total, or that an adjustment or a rung asks about, is a candidate. Its values are looked
at in steps of its last decimal, from the value as it is to the ends of what is possible, and the nearest one that
reaches the aim with everything else as it is, is the least single change. So a value is rounded away from the present
one, to where it suffices. Between two values that are looked at, more of a change is taken to do no less.

The shortest set has the fewest figures that reach the aim, each at its best value. Sizes are tried in order, all sets
of a size as long as there are no more than `SETS` in all (every set of up to twelve figures); beyond them the figure
with the largest gain is added again and again, and figures that turn out not to be needed are taken away. Then the
amounts are reduced, those of the figures with the smallest gain first, so that none can be less while the others stay.

Every answer is scored again by the whole plan, over all units and periods.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.disclosure import analysed, refuse_compared, refuse_hidden
from kpi.analysis.explain import name_of, place_of
from kpi.analysis.trials import Standing, Trial, Trials
from kpi.analysis.what_if import Replacement, index_of, landmarks, replaced, searched
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError
from kpi.language.system import System
from kpi.process.progress import stage
from kpi.values import units
from kpi.values.columns import Column

#: How many sets of figures are tried before sets are built one figure at a time: all sets of twelve figures.
SETS = 4096
#: How many values are looked at in each round of a search.
_POINTS = 24
#: How many values are looked at first, evenly and by orders of magnitude, and how many of those at which others are.
_FIRST, _KNOWN = 8, 16
#: How far beyond all known values the search goes where a figure has no limit, times the largest of them.
_BEYOND = 100

_SINGLE: dict[str, type[pl.DataType]] = {
    "indicator": pl.String, "title": pl.String, "value": pl.Float64, "needed": pl.Float64, "change": pl.Float64,
    "unit": pl.String, "limit": pl.Float64, "score": pl.Float64, "stars": pl.Float64, "grade": pl.String,
    "rank": pl.UInt32, "reached": pl.Boolean,
}  # fmt: skip
_TOGETHER: dict[str, type[pl.DataType]] = {
    name: _SINGLE[name] for name in ("indicator", "title", "value", "needed", "change", "unit")
}
_TOTALS: dict[str, type[pl.DataType]] = {
    "situation": pl.String, "score": pl.Float64, "raw_score": pl.Float64, "stars": pl.Float64, "grade": pl.String,
    "rank": pl.UInt32, "of": pl.UInt32, "veto": pl.String, "status": pl.String,
}  # fmt: skip


class Aim(Struct, frozen=True):
    """A level that is to be reached or passed, or a place that is to be at least as good."""

    level: float | None = None
    rank: int | None = None
    title: str = ""

    def met(self, standing: Standing) -> bool:
        """Return whether a unit with a standing is there."""
        if self.rank is not None:
            return standing.rank is not None and standing.rank <= self.rank
        return standing.level is not None and self.level is not None and standing.level >= self.level


class WayUp(Struct, frozen=True):
    """The way of a unit to a level or place in a period.

    `reached`: whether it is there already; `reachable`: whether it can get there by its own figures; `shortest`:
    whether no smaller set than `together` exists, rather than that none was seen.

    `single`, a row a figure that can do better, those that reach the aim alone first, of them the least change beside
    the spread of the units: indicator, title, value, needed (the least value that reaches the aim, null if none does),
    change, unit, limit (the nearest value beyond which nothing is gained), and the total with the needed value, or
    with the one at the limit: score, stars, grade, rank; reached.

    `together`, a row a figure of the shortest set, empty if there is none: indicator, title, value, needed, change,
    unit.

    `totals`: situation (now, together, best: every figure at its limit), score, raw_score, stars, grade, rank, of,
    veto, status.
    """

    card: Scorecard
    period: str
    entity: str
    aim: Aim
    reached: bool
    reachable: bool
    shortest: bool
    single: pl.DataFrame
    together: pl.DataFrame
    totals: pl.DataFrame

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """All frames by name."""
        return {"single": self.single, "together": self.together, "totals": self.totals}


def way_up(card: Scorecard, unit: str, to: float | str, *, period: str | None = None) -> WayUp:
    """Return the least single changes and the shortest set of changes with which a unit reaches a level.

    Args:
        card: the results as scored.
        unit: the name or code of the unit.
        to: a level by its number or name, such as 5 or 优秀; a place as `rank:3`.
        period: the label of the period; None for the last that is shown.

    Raises:
        DataError: K602 for an unknown unit, K551 for an unknown period, K876 for no level of the system, K966 for a
            unit with suppressed figures, or whose standing depends on one.
    """
    place, index, aim = place_of(card, unit), index_of(card, period), aim_of(card.definition, to)
    refuse_hidden(card, index, place)
    left, stars = analysed(card), card.definition.stars
    by_place = aim.rank is not None or stars is None or not stars.cuts_of_total
    refuse_compared(card, left, card.labels[index], card.entities["entity"][place], by_place=by_place)
    card = left
    with stage(Message("looking for the way up")):
        way = _Search(card, index, place, aim, together=True).way()
        # An answer that the whole plan does not confirm is looked for again with the whole plan alone.
        return way if way is not None else _Search(card, index, place, aim, together=False).certain()


def least_change(card: Scorecard, unit: str, to: float | str, *, period: str | None = None) -> dict[str, Any] | None:
    """Return the least change of a single figure with which a unit reaches a level: the first row of `single`.

    The cells are indicator, title, value, needed and unit. None if no figure does so by itself, if the unit is there
    already, and if scoring again does not confirm it.
    """
    place, index, aim = place_of(card, unit), index_of(card, period), aim_of(card.definition, to)
    return _Search(card, index, place, aim, together=True).nearest()


# ---- THE AIM ---- #


def aim_of(system: System, to: float | str) -> Aim:
    """Return the aim that a number or a text states.

    Raises:
        DataError: K876, there is no such level.
    """
    text = str(to).strip()
    kind, colon, number = text.replace("：", ":").partition(":")
    if colon and kind.strip().lower() in ("rank", "名次"):
        if not number.strip().isdecimal() or int(number) < 1:
            message = Message("`{text}` is no place", text=text)
            raise DataError(Diagnostic("K876", message, hint=Message("write rank:3 for the third place or better")))
        return Aim(rank=int(number), title=Message("place {rank} or better", rank=int(number)))
    scheme = system.stars
    if scheme is None:
        message = Message("the system has no stars, so `{text}` is no level", text=text)
        raise DataError(Diagnostic("K876", message, hint=Message("ask for a place: --to rank:3")))
    by_name = {name: float(level) for level, name in scheme.names.items()}
    level = by_name.get(text)
    if level is None:
        level = _level(text)
    known = sorted({*scheme.names, *scheme.cuts_of_total, *getattr(scheme, "rungs", ()), *range(1, scheme.number + 1)})
    half = scheme.dtype == pl.Float64
    wrong = level is None or not 0 <= level <= (max(known) if known else 5) or (not level.is_integer() and not half)
    if not wrong and known and level.is_integer():  # type: ignore[union-attr]
        wrong = level not in known
    if wrong or level is None:
        message = Message("`{text}` is no level of the system", text=text)
        titles = tuple(dict.fromkeys(str(scheme.names.get(item, item)) for item in known)) or tuple("12345")
        hint = suggest(text, by_name) or Message("there is {levels}; a place is rank:3", levels=titles)
        raise DataError(Diagnostic("K876", message, hint=hint))
    return Aim(level=level, title=scheme.title(level))


def _level(text: str) -> float | None:
    """Return the number of a level as people write it: 5, 5星, 5 stars, ★★★."""
    if text and set(text) <= set("★☆"):
        return float(text.count("★"))
    for ending in ("星级", "星", "stars", "star"):
        text = text.removesuffix(ending).strip()
    try:
        number = float("一二三四五".index(text) + 1) if len(text) == 1 and text in "一二三四五" else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


# ---- THE FIGURES THAT MAY CHANGE ---- #


class Figure(Struct, frozen=True):
    """A figure of the unit that may change, in steps of its last decimal.

    Attributes:
        name: of the indicator or measure.
        value: as it is, None where there is none.
        low: the lowest number of steps that is looked at.
        high: the highest.
        start: the place in steps from which distances count; between two whole ones where the value has more decimals.
        decimals: of a step.
        known: the places in steps at which the score may change its course.
        best: the value that is best for the unit, once it is known; None where none is better than the present one.
        limit: the nearest that is as good by itself.
    """

    name: str
    value: float | None
    low: int
    high: int
    start: float
    decimals: int
    known: tuple[int, ...]
    best: float | None = None
    limit: float | None = None

    def at(self, step: int) -> float:
        """Return the value at a number of steps, as its decimal text reads."""
        return float(f"{step}e-{self.decimals}")

    def paths(self) -> Iterator[list[int]]:
        """Yield the places that are looked at first, in each direction, nearest first."""
        for up in (True, False):
            end = self.high if up else self.low
            first = math.floor(self.start) + 1 if up else math.ceil(self.start) - 1
            if self.value is None:
                # Without a value the least change is the value nearest to the end where the search starts.
                first = round(self.start)
            length = end - first if up else first - end
            if length < 0:
                continue
            offsets = {round(length * part / _FIRST) for part in range(_FIRST + 1)}
            offsets |= {round(length ** (part / _FIRST)) for part in range(_FIRST + 1)} if length else set()
            sign = 1 if up else -1
            ahead = sorted({(place - first) * sign for place in self.known if (place - first) * sign >= 0})
            offsets.update(ahead[:: 1 + len(ahead) // _KNOWN])
            yield [first + sign * offset for offset in sorted(offsets) if 0 <= offset <= length]


def figures(card: Scorecard, index: int, place: int) -> list[Figure]:
    """Return the figures that may change: what counts in the total, then what adjustments and rungs ask about."""
    system = card.definition
    scored = [name for name in system.indicators if name in system.counted and system.rule(name) is not None]
    names = dict.fromkeys([*scored, *(name for name in _asked_about(system) if name in system.symbols)])
    row = card.frame.row(by_predicate=(pl.col("period") == index) & (pl.col("entity") == place), named=True)
    usable = [name for name in names if row.get(Column(name).status) != "not_applicable" and name in row]
    return [_figure(card, index, name, row[name]) for name in usable]


def _asked_about(system: System) -> Iterator[str]:
    """Yield the names in adjustments, and in conditions of them and of rungs."""
    conditions = [getattr(item, "when", None) for item in system.adjustments.values()]
    conditions += [getattr(rung, "when", None) for rung in getattr(system.stars, "rungs", {}).values()]
    for adjustment in system.adjustments.values():
        yield from adjustment.names()
    for text in filter(None, conditions):
        try:
            yield from (name for name, _ in expressions.parse(text).names())
        except ExpressionError:  # pragma: no cover - the loader refuses it
            continue


def _figure(card: Scorecard, index: int, name: str, value: float | None) -> Figure:
    known = landmarks(card, index, name)
    low, high = searched(card, index, name, known)
    ends = [item for item in (low, high) if item is not None]
    largest = max((abs(item) for item in [*known, *ends]), default=0.0) or 1.0
    decimals = _decimals(card.definition, name, known, largest)
    if card.definition.unit(name) != units.YES_NO:
        low = -_BEYOND * largest if low is None else low
        high = _BEYOND * largest if high is None else high
    assert low is not None and high is not None  # noqa: S101, PT018
    scale = 10.0**decimals
    bottom, top = math.ceil(round(low * scale, 6)), math.floor(round(high * scale, 6))
    if value is not None:
        start = _steps(value, decimals)
    else:
        indicator = card.definition.indicators.get(name)
        better = "higher" if indicator is None else indicator.direction
        worst = (known[0] if better == "higher" else known[-1]) if known else 0.0
        limited = (low > -_BEYOND * largest) if better == "higher" else (high < _BEYOND * largest)
        start = float(bottom if better == "higher" else top) if limited else round(worst * scale)
    places = tuple(round(item * scale) for item in known)
    return Figure(name, value, bottom, top, start, decimals, places)


def _steps(value: float, decimals: int) -> float:
    """Return a value in steps; exactly whole where the value is written with so many decimals."""
    nearest = round(value * 10**decimals)
    return float(nearest) if float(f"{nearest}e-{decimals}") == value else value * 10**decimals


def _decimals(system: System, name: str, known: Sequence[float], largest: float) -> int:
    """Return the decimals of a figure: as declared, none of whole numbers, else two, more where values are small."""
    indicator = system.indicators.get(name)
    unit = system.unit(name)
    if unit == units.YES_NO:
        return 0
    if indicator is not None and indicator.decimals is not None:
        return indicator.decimals
    if unit.text not in ("%", "‰") and known and all(value.is_integer() for value in known):
        return 0
    return min(9, max(2, math.ceil(3 - math.log10(largest))))


# ---- THE SEARCH ---- #

#: Places that were looked at in each direction, nearest first, with the standings there.
Seen: TypeAlias = Sequence[tuple[list[int], list[Standing]]]


class _Search:
    """The search for the way of a unit to an aim."""

    def __init__(self, card: Scorecard, index: int, place: int, aim: Aim, *, together: bool) -> None:
        self.card, self.index, self.place, self.aim = card, index, place, aim
        self.figures = figures(card, index, place)
        self.trials = Trials(card, index, place, [figure.name for figure in self.figures], together=together)

    def certain(self) -> WayUp:
        way = self.way()
        assert way is not None  # noqa: S101 - trials one by one are what confirms them
        return way

    def way(self) -> WayUp | None:
        """Return the way, None if scoring again does not confirm it."""
        (now,) = self.trials.standings([{}])
        if self.aim.met(now):
            return self._answer(now, {}, {}, {}, shortest=True)
        starts = self._starts()
        self.figures = self._asked([self._with_best(item, starts.get(item.name, []), now) for item in self.figures])
        single = {
            figure.name: needed
            for figure in self.figures
            if (needed := self._least(figure, starts.get(figure.name, []), {})) is not None
        }
        together, shortest = self._set(single)
        return self._answer(now, single, together, self._best, shortest=shortest)

    def nearest(self) -> dict[str, Any] | None:
        """Return the least single change."""
        (now,) = self.trials.standings([{}])
        if self.aim.met(now):
            return None
        starts = self._starts()
        needed = {item.name: self._least(item, starts.get(item.name, []), {}) for item in self.figures}
        single = {name: value for name, value in needed.items() if value is not None}
        if not single:
            return None
        name = min(single, key=lambda candidate: self._effort(candidate, single[candidate]))
        if not self._met(self._total({name: single[name]})):
            return None
        figure = next(item for item in self.figures if item.name == name)
        cells = self._cells(figure, single[name])
        return {key: cells[key] for key in ("indicator", "title", "value", "needed", "unit")}

    def _starts(self) -> dict[str, Seen]:
        """Return the places that are looked at first, by figure, with the standings there."""
        paths = [(figure, path) for figure in self.figures for path in figure.paths()]
        looked = self.trials.standings([{figure.name: figure.at(step)} for figure, path in paths for step in path])
        at = 0
        starts: dict[str, Seen] = {}
        for figure, path in paths:
            starts[figure.name] = [*starts.get(figure.name, ()), (path, looked[at : at + len(path)])]
            at += len(path)
        return starts

    def _with_best(self, figure: Figure, seen: Seen, now: Standing) -> Figure:
        """Return a figure with its best value, if any is better than the present one, or may be with others changed."""
        indicator = self.card.definition.indicators.get(figure.name)
        up = indicator is None or indicator.direction == "higher"
        ends = [(item.order, step) for path, standings in seen for step, item in zip(path, standings, strict=True)]
        best = max((order for order, _ in ends), default=now.order)
        steps = [step for order, step in ends if order == best]
        if best <= now.order:
            # Alone it changes nothing for the better; on its better side it may, once others have changed.
            steps = [step for step in steps if best == now.order and (step > figure.start) == up]
        if not steps:
            return figure
        nearest = min(steps, key=lambda step: abs(step - figure.start))
        # The farthest of equally good values, as another figure may lift what limits the nearest.
        return replace(figure, best=figure.at(max(steps) if up else min(steps)), limit=figure.at(nearest))

    def _asked(self, figures: Sequence[Figure]) -> list[Figure]:
        """Return the figures, with the better end as the best value of those that only conditions ask about."""
        best = {item.name: item.best for item in figures if item.best is not None and self._scored(item)}
        settled = []
        for figure in figures:
            if self._scored(figure):
                settled.append(figure)
                continue
            others = {name: value for name, value in best.items() if name != figure.name}
            values = [figure.at(figure.low), figure.at(figure.high)]
            (here, *there) = self.trials.standings([others, *({**others, figure.name: item} for item in values)])
            order, value = max(zip((item.order for item in there), values, strict=True), key=lambda pair: pair[0])
            better = order > here.order
            settled.append(replace(figure, best=value if better else None, limit=value if better else None))
        return settled

    @property
    def _best(self) -> dict[str, float]:
        return {figure.name: figure.best for figure in self.figures if figure.best is not None}

    def _scored(self, figure: Figure) -> bool:
        return figure.name in self.card.definition.counted

    def _least(self, figure: Figure, seen: Seen, others: Trial) -> float | None:
        """Return the value nearest to the present one that reaches the aim, None if none does.

        Args:
            figure: the figure.
            seen: the places looked at in each direction, nearest first, with the standings there.
            others: the values of other figures.
        """
        reaching: list[int] = []
        for path, standings in seen:
            hit = next((at for at, standing in enumerate(standings) if self.aim.met(standing)), None)
            if hit is not None:
                reaching.append(self._between(figure, path[hit - 1] if hit else None, path[hit], others))
        if not reaching:
            return None
        return figure.at(min(reaching, key=lambda step: abs(step - figure.start)))

    def _between(self, figure: Figure, short: int | None, enough: int, others: Trial) -> int:
        """Return the first place after `short` that reaches the aim, which `enough` does."""
        while short is not None and abs(enough - short) > 1:
            length, sign = abs(enough - short), 1 if enough > short else -1
            offsets = sorted({round(length * part / _POINTS) for part in range(1, _POINTS)} - {0, length})
            steps = [short + sign * offset for offset in offsets]
            standings = self.trials.standings([{**others, figure.name: figure.at(step)} for step in steps])
            hit = next((at for at, standing in enumerate(standings) if self.aim.met(standing)), len(steps))
            enough = steps[hit] if hit < len(steps) else enough
            short = steps[hit - 1] if hit else short
        return enough

    def _reached(self, trials: Sequence[Trial]) -> list[bool]:
        return [self.aim.met(standing) for standing in self.trials.standings(trials)]

    # ---- SETS ---- #

    def _set(self, single: Mapping[str, float]) -> tuple[Trial, bool]:
        """Return the values of the shortest set, and whether no shorter one exists; empty if there is none."""
        if single:
            nearest = min(single, key=lambda name: self._effort(name, single[name]))
            return {nearest: single[nearest]}, True
        best = self._best
        tried = len(best)
        for size in range(2, len(best) + 1):
            number = math.comb(len(best), size)
            if tried + number > SETS:
                names = self._greedy(best)
                return (self._reduced({name: best[name] for name in names}), False) if names else ({}, False)
            tried += number
            trials = [{name: best[name] for name in names} for names in combinations(best, size)]
            standings = self.trials.standings(trials)
            there = [at for at, standing in enumerate(standings) if self.aim.met(standing)]
            if there:
                chosen = max(there, key=lambda at: standings[at].order)
                return self._reduced(trials[chosen]), True
        return {}, True

    def _greedy(self, best: Trial) -> list[str]:
        """Return figures that reach the aim at their best values, none of which is superfluous; empty if none do."""
        chosen: list[str] = []
        while True:
            rest = [name for name in best if name not in chosen]
            if not rest:
                return []
            trials = [{item: best[item] for item in [*chosen, name]} for name in rest]
            standings = self.trials.standings(trials)
            at = max(range(len(rest)), key=lambda place: (self.aim.met(standings[place]), standings[place].order))
            chosen.append(rest[at])
            if self.aim.met(standings[at]):
                break
        for name in list(chosen):
            fewer = {item: best[item] for item in chosen if item != name}
            if self._reached([fewer])[0]:
                chosen.remove(name)
        return chosen

    def _reduced(self, trial: Trial) -> Trial:
        """Return a set that reaches the aim with the least amounts, those of the smallest gain reduced first."""
        gains = dict(zip(trial, self.trials.standings([{name: trial[name]} for name in trial]), strict=True))
        values = dict(trial)
        known = {figure.name: figure for figure in self.figures}
        for name in sorted(trial, key=lambda place: gains[place].order):
            figure = known[name]
            others = {item: value for item, value in values.items() if item != name}
            best = round(trial[name] * 10**figure.decimals)
            paths = [path for path in figure.paths() if best in path]
            seen = []
            for path in paths:
                steps = path[: path.index(best) + 1]
                trials = [{**others, name: figure.at(step)} for step in steps]
                seen.append((steps, self.trials.standings(trials)))
            needed = self._least(figure, seen, others)
            values[name] = values[name] if needed is None else needed
        return {name: values[name] for name in trial}

    def _effort(self, name: str, needed: float) -> tuple[float, str]:
        """Return how large a change is beside the spread of the units, and the name to decide between equal ones."""
        figure = next(item for item in self.figures if item.name == name)
        spread = (max(figure.known) - min(figure.known)) / 10**figure.decimals if figure.known else 0.0
        start = figure.start / 10**figure.decimals if figure.value is None else figure.value
        return abs(needed - start) / (spread or abs(start) or 1.0), name

    # ---- THE ANSWER ---- #

    def _answer(self, now: Standing, single: Trial, together: Trial, best: Trial, *, shortest: bool) -> WayUp | None:
        """Return the answer with the totals of every change scored again, None if that does not confirm it."""
        there = self.aim.met(now)
        rows = []
        for figure in self.figures if not there else ():
            needed = single.get(figure.name)
            shown = figure.limit if needed is None else needed
            if shown is None:
                continue
            total = self._total({figure.name: shown})
            if self._met(total) != (needed is not None):
                return None
            cells = self._cells(figure, needed)
            rows.append(
                {**cells, "limit": figure.limit, "reached": needed is not None}
                | {key: total[key] for key in ("score", "stars", "grade", "rank")}
            )
        effort = {name: self._effort(name, needed) for name, needed in single.items()}
        rows.sort(key=lambda row: effort.get(str(row["indicator"]), (math.inf, "")))
        totals = [{"situation": "now", **self._total({})}]
        if together:
            totals.append({"situation": "together", **self._total(together)})
            if not self._met(totals[-1]):
                return None
        if best:
            totals.append({"situation": "best", **self._total(best)})
        changes = [self._cells(figure, together[figure.name]) for figure in self.figures if figure.name in together]
        card = self.card
        return WayUp(
            card, card.labels[self.index], name_of(card, card.entities["entity"][self.place]), self.aim, there,
            there or bool(together), shortest, pl.DataFrame(rows, schema=_SINGLE),
            pl.DataFrame(changes, schema=_TOGETHER), pl.DataFrame(totals, schema=_TOTALS),
        )  # fmt: skip

    def _cells(self, figure: Figure, needed: float | None) -> dict[str, object]:
        system = self.card.definition
        change = None
        if needed is not None and figure.value is not None:
            change = round(needed - figure.value, max(figure.decimals, 6))
        return {
            "indicator": figure.name, "title": system.symbols[figure.name].title, "value": figure.value,
            "needed": needed, "change": change, "unit": str(system.unit(figure.name)),
        }  # fmt: skip

    def _total(self, trial: Trial) -> dict[str, object]:
        """Return the row of the unit in the totals, scored again by the whole plan."""
        replacements = [Replacement(self.place, name, value) for name, value in trial.items()]
        card = replaced(self.card, self.index, replacements) if trial else self.card
        frame = card.only([self.index]).totals.filter(pl.col("entity") == card.entities["entity"][self.place])
        row = frame.row(0, named=True)
        stars = row["stars"]
        return {key: row[key] for key in _TOTALS if key in row} | {"stars": None if stars is None else float(stars)}

    def _met(self, total: Mapping[str, object]) -> bool:
        level, rank = total["stars"], total["rank"]
        assert level is None or isinstance(level, float)  # noqa: S101
        assert rank is None or isinstance(rank, int)  # noqa: S101
        return self.aim.met(Standing(None, level, rank))
