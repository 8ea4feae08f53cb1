"""Likely mistakes (疑似笔误): valid definitions that are probably not what was meant.

Each is a warning, and each can be confirmed in the definition: a number with its unit, `relative: true` beside weights,
`pillars: {}`, `on: rounded`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from kpi.errors import Message, Severity
from kpi.language.adjustments import deducts
from kpi.language.aggregation.nodes import Pillar
from kpi.language.classes import Weighed
from kpi.language.loading.contrary_names import contrary
from kpi.language.loading.idle_targets import idle
from kpi.language.loading.rates_as_counts import rates_as_counts
from kpi.language.model import Path, Problem, Problems
from kpi.language.quantities import Quantity
from kpi.language.system import System
from kpi.values.units import PER_MILLE, PERCENT, Unit

#: Sums of weights that are shares, of 1, 10 or 100.
_SHARES = (1, 10, 100)
#: How far a sum may be from marks to look like a slip: a part of the marks, for all pillars and for the parts of one.
_NEAR, _PART = 0.1, 0.2
#: With so many distinct totals or fewer, rounded totals tie.
_FEW = 100
#: From which full mark on, and with how many of them, cuts of stars up to 1 look like fractions.
_MARKS, _CUTS = 10, 3


def slips(system: System) -> Problems:
    """Yield the likely mistakes of a system without errors, in the order of the file."""
    yield from _fractions(system)
    yield from contrary(system)
    yield from rates_as_counts(system)
    yield from idle(system)
    yield from _weights(system)
    yield from _marks_of_parts(system)
    yield from _no_tree(system)
    yield from _coarse_totals(system)
    yield from _cuts_as_fractions(system)
    yield from _below_every_cut(system)


def _slip(code: str, path: Path, message: Message, hint: Message, *, at_key: bool = False) -> Problem:
    return Problem(code, path, message, hint, severity=Severity.WARNING, at_key=at_key)


# ---- FRACTIONS IN PERCENT ---- #


def _fractions(system: System) -> Problems:
    """Yield bare numbers between 0 and 1 where a percent or per mille is expected."""
    common = system.scoring is not None
    for name, indicator in system.indicators.items():
        unit = system.symbols[name].unit if name in system.symbols else None
        if unit not in (PERCENT, PER_MILLE):
            continue
        for place, target in enumerate(indicator.target):
            path: Path = ("indicators", name, "target", place)
            yield from _as_fraction(unit, {(*path, *tail): item for tail, item in target.quantities().items()})
        rule = indicator.score or (system.scoring if common else None)
        if rule is None:
            continue
        at: Path = ("indicators", name, "score") if indicator.score is not None else ("scoring",)
        # The size of a step is often small.
        numbers = {(*at, *tail): item for tail, item in rule.quantities().items() if tail[-1:] != ("per",)}
        yield from _as_fraction(unit, numbers)


def _as_fraction(unit: Unit, numbers: Mapping[Path, Quantity | None]) -> Iterator[Problem]:
    """Yield the first of numbers that belong together if all but zeros look like fractions."""
    bare = {path: item for path, item in numbers.items() if isinstance(item, int | float) and item}
    if any(isinstance(item, str) for item in numbers.values()) or not all(0 < abs(x) <= 1 for x in bare.values()):
        return
    if unit == PER_MILLE and all(abs(x) == 1 for x in bare.values()):
        return  # at most 1 ‰ is a usual target, and 1000 ‰ is none
    for path, number in list(bare.items())[:1]:
        whole = number * (100 if unit == PERCENT else 1000)
        message = Message(
            "{number:g} in {unit} is {number:g} {unit}, not {whole:g} {unit}", number=number, unit=unit, whole=whole
        )
        hint = Message(
            "write {whole:g}, or with its unit, '{number:g} {unit}', if that is meant",
            whole=whole,
            number=number,
            unit=unit,
        )
        yield _slip("K433", path, message, hint)


# ---- WEIGHTS THAT LOOK LIKE MARKS ---- #


def _numbers(weights: Mapping[str, Weighed]) -> dict[str, float]:
    """Return the weights that are one number."""
    return {name: float(weight) for name, weight in weights.items() if isinstance(weight, int | float)}


def _marks(weights: Mapping[str, float]) -> bool:
    """Return whether weights look like marks: none below 1, not all alike."""
    return all(weight >= 1 for weight in weights.values()) and (len(weights) == 1 or len(set(weights.values())) > 1)


def _is(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-9)


def _weights(system: System) -> Problems:
    """Yield weights of the top that look like marks and add up to something near the full mark."""
    tops = [system.pillars[name] for name in system.tops]
    if not tops or system.composite.relative or system.composite.weights is not None:
        return
    if system.varied.keys() & system.tops.keys():
        # Marks by class are compared with each other, see `full_marks`.
        return
    if len(tops) == 1 and tops[0].weight is None:
        (name,) = system.tops
        if system.varied.keys() & tops[0].parts.keys():
            return
        weights = _numbers(tops[0].parts)
        path: Path = ("pillars", name, "parts")
        if tops[0].weights is not None or tops[0].relative:
            return
    elif all(top.weight is not None for top in tops):
        weights, path = _numbers(system.tops), ("pillars",)
    else:
        return
    total = math.fsum(weights.values())
    full = [100.0, system.composite.full]
    if not _marks(weights) or len(weights) < 2 or any(_is(total, item) for item in full):
        return
    if any(abs(total - item) <= _NEAR * item for item in full):
        hint = (
            Message("make it 100, or write `relative: true` beside `parts:` if they are proportions")
            if len(path) == 3
            else Message("make it 100, or write `composite: {{relative: true}}` if they are proportions")
        )
        yield _slip(
            "K434",
            path,
            Message("the weights look like marks of 100 and add up to {total:g}", total=total),
            hint,
            at_key=True,
        )


def _marks_of_parts(system: System) -> Problems:
    """Yield pillars whose parts look like marks that do not add up to the pillar's own."""
    given: dict[str, Weighed] = {name: item.weight for name, item in system.pillars.items() if item.weight is not None}
    given |= {
        part: item.parts[part] for item in system.pillars.values() for part in item.parts if part in system.pillars
    }
    # Marks by class are compared with each other, see `full_marks`.
    fixed = {name for name in given if not system.varied.keys() & {name, *system.pillars[name].parts}}
    own = _numbers({name: weight for name, weight in given.items() if name in fixed})
    sums = {name: math.fsum(_numbers(system.pillars[name].parts).values()) for name in own}
    agree = any(_is(sums[name], weight) and weight > 1 for name, weight in own.items())
    for name, weight in own.items():
        pillar, total = system.pillars[name], sums[name]
        if (
            _relative(pillar)
            or not _marks(_numbers(pillar.parts))
            or weight < 1
            or any(_is(total, item) for item in (weight, *_SHARES))
        ):
            continue
        if agree or abs(total - weight) <= _PART * weight:
            message = Message(
                "the parts of `{name}` have {total:g} in all, the pillar {weight:g}",
                name=name,
                total=total,
                weight=weight,
            )
            hint = Message("make them agree, or write `relative: true` beside `parts:` if they are proportions")
            yield _slip("K435", ("pillars", name, "parts"), message, hint, at_key=True)


def _relative(pillar: Pillar) -> bool:
    return pillar.relative or pillar.weights is not None


# ---- TOTALS ---- #


def _no_tree(system: System) -> Problems:
    """Yield targets and scores that make no total because there are no pillars."""
    if system.pillars or "pillars" in system.model_fields_set:
        return
    scored = [name for name in system.indicators if system.rule(name) is not None]
    if scored:
        name = scored[0]
        path: Path = ("indicators", name, "target" if system.indicators[name].target else "score")
        message = Message(
            "indicators are scored, and no pillars make a total of them: there are no totals, ranks and stars"
        )
        yield _slip("K436", path, message, Message("add `pillars:`, or `pillars: {{}}` if that is meant"), at_key=True)


def _coarse_totals(system: System) -> Problems:
    """Yield a full mark so small that rounded totals tie."""
    full, ranking = system.composite.full, system.ranking
    if not system.pillars or ranking.on != "rounded" or "on" in ranking.model_fields_set:
        return
    steps = full * 10**ranking.decimals
    if full < _FEW and steps <= _FEW:
        message = Message(
            "totals between 0 and {full:g} with {decimals} decimals tie: there are {steps:g} steps",
            full=full,
            decimals=ranking.decimals,
            steps=steps,
        )
        hint = Message("write `ranking: {{decimals: 4}}`, or `ranking: {{on: rounded}}` if that is meant")
        yield _slip("K437", ("composite", "full"), message, hint)


def _cuts_as_fractions(system: System) -> Problems:
    """Yield cuts of stars between 0 and 1 where totals go to 100: nearly every total is above all of them."""
    cuts = {} if system.stars is None else system.stars.cuts_of_total
    fractions = [cut for cut in cuts.values() if 0 < cut <= 1]
    # Standard scores lie around 0: few cuts of theirs are all above 0.
    if system.composite.full < _MARKS or len(fractions) < _CUTS or any(not 0 <= cut <= 1 for cut in cuts.values()):
        return
    message = Message(
        "the cuts are up to {cut:g}, and totals up to {full:g}", cut=max(fractions), full=system.composite.full
    )
    hint = Message(
        "write {whole:g} for {cut:g}, and so on", whole=max(fractions) * system.composite.full, cut=max(fractions)
    )
    yield _slip("K433", ("stars", "cuts"), message, hint, at_key=True)


def _below_every_cut(system: System) -> Problems:
    """Yield a lowest cut of 0 where totals may fall below 0: they have no level."""
    scheme, composite = system.stars, system.composite
    if scheme is None or composite.floor is not None or scheme.floor is not None or not system.pillars:
        return
    falls = deducts(system.adjustments) or any(pillar.floor is None for pillar in system.pillars.values())
    cuts = scheme.cuts_of_total
    if not falls or not cuts or min(cuts.values()) != 0:
        return
    lowest = min(cuts, key=lambda level: cuts[level])
    message = Message("totals may fall below 0, as `composite: {{floor: null}}` says, and have no level then")
    hint = Message(
        "write `floor: {level}` in `stars:`, so that {title} holds below 0 too, or `composite: {{floor: 0}}`",
        level=lowest, title=scheme.title(lowest),
    )  # fmt: skip
    yield _slip("K866", ("stars", "cuts"), message, hint, at_key=True)
