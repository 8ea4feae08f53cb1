"""What no document states and the authors of a system chose (`ours`), in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from pydantic import BaseModel

from kpi.errors import Message
from kpi.language.model import Definition
from kpi.language.system import System
from kpi.report.language import listed, tr
from kpi.report.paper.model import Column, Section, Table

#: Parts of a definition by the key under which they stand.
_PARTS: Mapping[str, Message] = {
    "composite": Message("the total"), "pillars": Message("pillars"), "indicators": Message("indicators themselves"),
    "target": Message("targets"), "score": Message("own scoring rules"), "scoring": Message("the scoring rule"),
    "adjustments": Message("adjustments"), "stars": Message("levels"), "ranking": Message("ranking"),
    "lights": Message("lights"), "checks": Message("checks"), "quality": Message("reporting quality"),
    "treatment": Message("data treatment"), "measures": Message("figures"), "datasets": Message("datasets"),
    "weights": Message("the method of weighting"),
}  # fmt: skip

#: Keys in words; others are shown as they are written.
_KEYS: Mapping[str, Message] = {
    "weight": Message("weight"), "parts": Message("weights of the parts"), "missing": Message("missing values"),
    "mean": Message("mean"), "title": Message("title"), "unit": Message("unit"), "better": Message("direction"),
    "target": Message("target"), "score": Message("scoring rule"), "by": Message("deadline"),
    "share": Message("how the total is shared"), "file": Message("targets of the units"),
    "total": Message("total"), "schedule": Message("schedule"), "tolerance": Message("tolerance"),
    "period": Message("period of the baseline"), "baseline": Message("baseline"), "at_least": Message("bound"),
    "at_most": Message("bound"), "above": Message("bound"), "below": Message("bound"), "within": Message("bounds"),
    "cuts": Message("cut points"), "cut": Message("cut point"), "shares": Message("shares"),
    "cohorts": Message("shares of cohorts"), "rounding": Message("rounding"), "ties": Message("equal values"),
    "rungs": Message("rungs"), "names": Message("names of levels"), "moves": Message("moves"),
    "cap": Message("upper limit"), "floor": Message("lower limit"), "full": Message("full mark"),
    "decimals": Message("decimals"), "points": Message("points"), "per": Message("step"), "max": Message("most points"),
    "opens": Message("threshold"), "when": Message("condition"), "effect": Message("effect"),
    "cohort": Message("group that is ranked together"), "tie_break": Message("tie-break"),
    "matrix": Message("judgements"),
    "where": Message("condition"), "expr": Message("formula"), "over_time": Message("aggregation over time"),
}  # fmt: skip


class Choice(Struct, frozen=True):
    """Something that is ours: of which part of the definition, of which item, and which keys, none for all of it."""

    part: str
    item: str
    keys: tuple[str, ...]


def choices(system: System) -> list[Choice]:
    """Return everything in a system that is marked as `ours`, in the order of the definition."""
    return list(_below(system, (), system))


def _below(value: object, path: tuple[str | int, ...], system: System) -> Iterator[Choice]:
    if isinstance(value, BaseModel):
        ours = getattr(value, "ours", False)
        by_default = "ours" not in value.model_fields_set and path == ("quality",) and not system.checks
        if ours and not by_default:
            part = next(key for key in reversed(path) if key in _PARTS)
            name = str(path[1]) if len(path) > 1 and path[0] in ("pillars", "indicators", "measures") else ""
            yield Choice(str(part), _item(path, name, system), () if ours is True else tuple(ours))
        for key in type(value).model_fields:
            yield from _below(getattr(value, key), (*path, key), system)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _below(inner, (*path, key), system)
    elif isinstance(value, tuple):
        for place, inner in enumerate(value):
            yield from _below(inner, (*path, place), system)


def _item(path: tuple[str | int, ...], name: str, system: System) -> str:
    if name in system.symbols:
        return system.symbols[name].title
    if name in system.pillars:
        return system.pillars[name].title or name
    return _titles(path, system)


def _titles(path: tuple[str | int, ...], system: System) -> str:
    """Return the title of an item of any other group; empty for what there is once."""
    group = getattr(system, str(path[0]), None)
    if len(path) < 2 or not isinstance(group, Mapping):
        return ""
    return getattr(group.get(path[1]), "title", None) or str(path[1])


def covers(definition: Definition, key: str) -> bool:
    """Return whether a key of a definition is ours."""
    return definition.ours is True or (definition.ours is not False and key in definition.ours)


def key_words(keys: Iterable[str]) -> str:
    """Return keys of a definition in words."""
    return listed(dict.fromkeys(tr(_KEYS[key]) if key in _KEYS else key for key in keys))


def ours_section(system: System) -> Section:
    """Return what is ours, what is alike in a row."""
    section = Section(tr("What no document states and is ours"), tr("Ours"))
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for choice in choices(system):
        groups.setdefault((choice.part, choice.keys), []).append(choice.item)
    if not groups:
        section.write(tr("Nothing in the definition is marked as chosen by its authors."))
        return section
    section.write(
        tr("The following is stated by no document that the definition names; the authors of the definition chose it.")
    )
    columns = [Column(tr("Part"), 2), Column(tr("What it concerns"), 6), Column(tr("What is ours"), 4)]
    rows = [
        (tr(_PARTS[part]), listed(items), key_words(keys) if keys else tr("all of it"))
        for (part, keys), items in groups.items()
    ]
    section.parts.append(Table(columns, rows).compact())
    return section
