"""Check what adjustments say of pillars and of each other: `within`, and the limits on several together."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.errors import Message, suggest
from kpi.language.adjustments import all_awards
from kpi.language.model import Path, Problem, Problems
from kpi.language.system import System


def problems(system: System) -> Problems:
    """Yield pillars that are none or have no marks, and limits on what is not counted in one score."""
    known = all_awards(system.adjustments)
    limited: dict[str, str] = {}
    for name, award in known.items():
        path: Path = ("adjustments", name)
        if award.within is not None:
            yield from _pillar(system, name, award.within)
        for place, used in enumerate(award.joins()):
            at: Path = (*path, "of", place)
            if used not in known:
                message = Message("unknown bonus or deduction `{name}`", name=used)
                yield Problem("K491", at, message, hint=suggest(used, known), label=Message("not defined"))
            elif known[used].joins():
                message = Message("`{name}` is a limit itself", name=used)
                yield Problem("K491", at, message, hint=Message("name bonuses and deductions"))
            elif known[used].within != award.within:
                message = Message("`{name}` changes another score than this limit", name=used)
                hint = Message("write the same `within:` for both, or a limit for each score")
                yield Problem("K491", at, message, hint=hint)
            elif limited.setdefault(used, name) != name:
                message = Message("`{name}` is already counted by `{limit}`", name=used, limit=limited[used])
                yield Problem("K491", at, message, hint=Message("let one limit count it"))


def _pillar(system: System, name: str, pillar: str) -> Iterator[Problem]:
    path: Path = ("adjustments", name, "within")
    if pillar not in system.pillars:
        message = Message("unknown pillar `{name}`", name=pillar)
        yield Problem("K491", path, message, hint=suggest(pillar, system.pillars), label=Message("not defined"))
        return
    definition = system.pillars[pillar]
    if definition.relative or definition.weights is not None:
        message = Message("the weights of `{pillar}` are proportions, no marks", pillar=pillar)
        hint = Message("give its parts their marks, or leave `within` out: points of the total")
        yield Problem("K490", path, message, hint=hint)
    inside = _inside(system, pillar)
    for used in system.adjustments[name].waits_for():
        if used in system.pillars and used not in inside:
            words = {"name": used, "pillar": pillar}
            message = Message("`{name}` is no part of `{pillar}`, whose score is computed apart", **words)
            hint = Message("name an indicator, or a pillar inside it")
            yield Problem("K491", ("adjustments", name, "opens", used), message, hint=hint, at_key=True)


def _inside(system: System, pillar: str) -> set[str]:
    """Return the pillars inside a pillar."""
    inside: set[str] = set()
    waiting = [pillar]
    while waiting:
        for part in system.pillars[waiting.pop()].parts:
            if part in system.pillars and part not in inside:
                inside.add(part)
                waiting.append(part)
    return inside
