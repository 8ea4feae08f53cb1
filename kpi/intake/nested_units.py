"""Units of several levels that are ranked together: a province or city beside the counties that lie in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.division_codes import PROVINCES, divisions_above
from kpi.intake.entities import ALWAYS, Entities, code_of
from kpi.intake.region_names import is_district
from kpi.values.names import clean
from kpi.values.patterns import regex

#: Full names of provinces, without those of municipalities, which end like cities.
_PROVINCE = frozenset(name for name in PROVINCES.values() if not name.endswith("市"))
#: Names of divisions below cities.
_COUNTY = regex(r".{1,12}(?<!自治)(县|旗|区|镇|乡|街道)")

#: Codes of NUTS: a country, then a digit or letter for each level down to the third.
_NUTS = regex(r"[A-Z]{2}[0-9A-Z]{0,3}")
#: How many there are at least, so that they are no other abbreviations.
_CODES = 8


#: Names of towns and streets. 桐乡, 新乡 and 景德镇 are short for cities, 城镇 and 乡镇 are all of a kind.
_TOWN = regex(
    r"(?!其[他它]|各|所有|全|景德镇).{2,12}(街道(办事处|办)?|(?<![城乡村集强])镇|(?<![城返下家回水])乡)"
    r"|.+ (township|subdistrict)",
    re.IGNORECASE,
)
#: Names of counties, cities and banners; `is_district` recognises those of districts.
_COUNTY_OR_CITY = regex(r".{2,12}(县|旗|(?<![超城都夜集股早菜])市)|.+ (county|city|district)", re.IGNORECASE)
#: In which part of the units towns stand by mistake at most, and how many counties there are then, in which part.
_FEW, _COUNTIES, _MOSTLY = 0.2, 4, 0.8


class _Unit(Struct, frozen=True):
    """A unit with its code, or its name in place of one, and the first and last months of the times when it is one."""

    name: str
    code: str
    spans: Sequence[tuple[int, int]]

    def overlaps(self, other: _Unit) -> bool:
        """Return whether both are there in some month; a unit overlaps itself."""
        return any(first <= end and start <= last for first, last in self.spans for start, end in other.spans)


def nested(entities: Entities) -> Iterator[Diagnostic]:
    """Yield a warning (K486) for units of another level than those of their cohort: that others belong to, or below.

    Codes of administrative divisions say which others belong to, at the same time, or those of NUTS in Europe; without
    any, the full names of provinces beside those of counties. Towns and streets are below counties by their names.

    Args:
        entities: those of the data or of the roster, with their cohorts.
    """
    groups: dict[str | None, list[int]] = {}
    names, codes, cohorts = (entities.frame[name].to_list() for name in ("entity", "code", "cohort"))
    codes = [code_of(code or name) for name, code in zip(names, codes, strict=True)]
    for place, cohort in enumerate(cohorts):
        groups.setdefault(cohort, []).append(place)
    items: list[str] = []
    lower: list[str] = []
    for places in groups.values():
        units = [_Unit(names[place], codes[place], entities.spans.get(place, (ALWAYS,))) for place in places]
        above = units_above([unit.name for unit in units], [unit.code for unit in units])
        if above and entities.spans:
            above = _at_a_time(units, above)
        items += (name for name in above if not entities.exclusions.is_kept(name))
        if not above:
            lower += (name for name in towns([unit.name for unit in units]) if not entities.exclusions.is_kept(name))
    if items:
        message = Message("units that others belong to are ranked beside them: {names}", names=first_names(items))
        yield _finding(message, items[0], entities)
    if lower:
        message = Message("towns or streets are ranked beside counties, cities and districts: {names}",
                          names=first_names(lower))  # fmt: skip
        yield _finding(message, lower[0], entities)


def _finding(message: Message, name: str, entities: Entities) -> Diagnostic:
    """Return the warning about units of another level than those that they are ranked beside."""
    hint = Message('leave them out with `leave_out: ["{name}"]` under `entities:`, or use a roster', name=name)
    if entities.closed:
        hint = Message(
            'take them out of the roster, or give them another cohort; else write `keep: ["{name}"]` under `entities:`',
            name=name,
        )
    return Diagnostic("K486", message, Place(entity=name), hint, Severity.WARNING)


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


def towns(names: Sequence[str]) -> list[str]:
    """Return the names of a few towns and streets among those of counties, cities and districts.

    Where they are more than a fifth, or development zones and others more than a fifth with them, they are ranked on
    purpose.

    >>> towns(["硖石街道", "海宁市", "桐乡市", "海盐县", "南湖区", "秀洲区"])
    ['硖石街道']
    >>> towns(["硖石街道", "海宁市", "桐乡市", "海盐县", "经济开发区", "嘉兴港区"])
    []
    """
    few = [name for name in names if _TOWN.fullmatch(clean(name))]
    if not 0 < len(few) <= _FEW * len(names):
        return []
    others = sum(_COUNTY_OR_CITY.fullmatch(clean(name)) is not None or is_district(name) for name in names)
    return few if others >= max(_COUNTIES, _MOSTLY * len(names)) else []


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
