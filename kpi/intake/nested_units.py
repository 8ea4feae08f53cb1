"""Units of several levels that are ranked together: a province or city beside the counties that lie in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.division_codes import PROVINCES, divisions_above
from kpi.intake.entities import ALWAYS, Entities, code_of
from kpi.values.names import clean

#: Full names of provinces, without those of municipalities, which end like cities.
_PROVINCE = frozenset(name for name in PROVINCES.values() if not name.endswith("市"))
#: Names of divisions below cities.
_COUNTY = re.compile(r".{1,12}(?<!自治)(县|旗|区|镇|乡|街道)")

#: Codes of NUTS: a country, then a digit or letter for each level down to the third.
_NUTS = re.compile(r"[A-Z]{2}[0-9A-Z]{0,3}")
#: How many there are at least, so that they are no other abbreviations.
_CODES = 8


@dataclass(frozen=True)
class _Unit:
    """A unit with its code, or its name in place of one, and the first and last months of the times when it is one."""

    name: str
    code: str
    spans: Sequence[tuple[int, int]]

    def overlaps(self, other: _Unit) -> bool:
        """Return whether both are there in some month; a unit overlaps itself."""
        return any(first <= end and start <= last for first, last in self.spans for start, end in other.spans)


def nested(entities: Entities) -> Iterator[Diagnostic]:
    """Yield a warning (K486) for units that others belong to, in the same cohort, and at the same time.

    Codes of administrative divisions say so, or those of NUTS in Europe; without any, the full names of provinces
    beside those of counties.

    Args:
        entities: those of the data or of the roster, with their cohorts.
    """
    groups: dict[str | None, list[int]] = {}
    names, codes, cohorts = (entities.frame[name].to_list() for name in ("entity", "code", "cohort"))
    codes = [code_of(code or name) for name, code in zip(names, codes, strict=True)]
    for place, cohort in enumerate(cohorts):
        groups.setdefault(cohort, []).append(place)
    items: list[str] = []
    for places in groups.values():
        above = units_above([names[place] for place in places], [codes[place] for place in places])
        if above and entities.spans:
            units = [_Unit(names[place], codes[place], entities.spans.get(place, (ALWAYS,))) for place in places]
            above = _at_a_time(units, above)
        items += (name for name in above if not entities.exclusions.is_kept(name))
    if not items:
        return
    message = Message("units that others belong to are ranked beside them: {names}", names=first_names(items))
    hint = Message('leave them out with `leave_out: ["{name}"]` under `entities:`, or use a roster', name=items[0])
    if entities.closed:
        hint = Message(
            'take them out of the roster, or give them another cohort; else write `keep: ["{name}"]` under `entities:`',
            name=items[0],
        )
    yield Diagnostic("K486", message, Place(entity=items[0]), hint, Severity.WARNING)


def _at_a_time(units: Sequence[_Unit], names: Collection[str]) -> list[str]:
    """Return those of the names of some of the units that others belong to while both are there."""
    at_a_time = {unit.name: [other for other in units if unit.overlaps(other)] for unit in units if unit.name in names}
    return [
        name for name in names
        if name in units_above([unit.name for unit in at_a_time[name]], [unit.code for unit in at_a_time[name]])
    ]  # fmt: skip


def units_above(names: Sequence[str], codes: Sequence[str]) -> list[str]:
    """Return the names of the units that others of them belong to.

    Args:
        names: of the units.
        codes: their codes, or their names again.
    """
    above = divisions_above(codes) or _nuts_above(set(codes))
    if above:
        return [name for name, code in zip(names, codes, strict=True) if code in above]
    provinces = [name for name in names if clean(name) in _PROVINCE]
    counties = provinces and any(_COUNTY.fullmatch(clean(name)) for name in names if clean(name) not in _PROVINCE)
    return provinces if counties else []


def _nuts_above(codes: AbstractSet[str]) -> set[str]:
    """Return the codes of NUTS that others of some codes begin with.

    >>> sorted(_nuts_above({"BE", "BE1", "BE10", "ES11", "ES12", "ES13", "FR10", "FRB0"}))
    ['BE', 'BE1']
    >>> _nuts_above({"AA", "AAB", "AB", "BC"})
    set()
    """
    if len(codes) < _CODES or not all(_NUTS.fullmatch(code) for code in codes):
        return set()
    return {code[:size] for code in codes for size in range(2, len(code)) if code[:size] in codes}
