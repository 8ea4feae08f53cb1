"""Regions and groups among the units of a table: which are left out, and which names are reported.

A table of provinces often has rows of 东部地区, one of countries rows of World and High income, one of the counties of
a city a row of 市区. They are left out as totals are, but only beside other units: an evaluation of the regions
themselves has no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.aggregate_rows import Exclusions, folded, is_aggregate
from kpi.intake.division_codes import SHORT
from kpi.intake.region_names import (
    groups_of_countries,
    is_district,
    is_districts,
    is_domestic,
    is_doubtful,
    is_group,
    is_region,
    may_be_doubtful,
    may_be_region,
)
from kpi.values.patterns import regex

#: The four regions of the US Census Bureau, which tables of states have rows of, and the country above them.
_CENSUS = ("northeast", "midwest", "south", "west")
_COUNTRY = "united states"

#: Names that show that a table is about parts of China.
_PLACE = regex(r".{1,12}(省|市|县|区|州|盟|旗|镇|乡|街道|村)")
_COUNTRY_CODE = regex(r"[A-Z]{3}")

#: What parts the names of several units in one cell; a comma between words may belong to a name: Hong Kong SAR, China.
_COMMA = regex("[、，,；;]")
_PARTING = regex("[、，；;]|(?<=[\u2e80-\u9fff]),|,(?=[\u2e80-\u9fff])")


def beside_places(names: Iterable[str], exclusions: Exclusions) -> frozenset[str]:
    """Return the names of regions among names, folded, if there are places of their own beside them; else none.

    Parts of China are regions only beside places there, 市区 and its like only beside districts, and codes such as WLD
    only among codes of three letters.

    >>> sorted(beside_places(["World", "High income", "China"], Exclusions()))
    ['high income', 'world']
    >>> beside_places(["东部", "中部", "西部", "全国", "其他"], Exclusions())
    frozenset()
    >>> beside_places(["市区", "海宁市"], Exclusions()), beside_places(["市区", "南湖区", "海宁市"], Exclusions())
    (frozenset(), frozenset({'市区'}))
    """
    names = list(names)
    census = _census(names)
    _, codes = groups_of_countries()
    if not census and not any(may_be_region(name) and (is_region(name) or name in codes) for name in names):
        return frozenset()
    every = {name for name in names if not exclusions.exclude(name) and not exclusions.is_kept(name)}
    coded = {name for name in every if _COUNTRY_CODE.fullmatch(name)}
    groups = {name for name in every if is_group(name) or folded(name) in census}
    if len(coded) * 2 > len(every):
        groups |= coded & codes
    domestic = {name for name in every if is_domestic(name)}
    others = {name for name in every - domestic - groups if not is_doubtful(name)}
    if not any(_PLACE.fullmatch(name) or name in SHORT for name in map(folded, others)):
        domestic = set()
    if any(map(is_district, others)):
        domestic |= {name for name in every if is_districts(name)}
    return frozenset(map(folded, domestic | (groups if others else set())))


def _census(names: Collection[str]) -> frozenset[str]:
    """Return the names of the regions of the United States, folded, and that of the country, if all regions are there.

    >>> sorted(_census(["West", "South Region", "Midwest", "Northeast", "United States", "Texas"]))
    ['midwest', 'northeast', 'south region', 'united states', 'west']
    >>> _census(["West", "South", "Texas"])
    frozenset()
    """
    short = [name for name in names if len(name) <= len("northeast region")]
    texts = {folded(name): folded(name).removesuffix(" region") for name in short if name[:1] in "NMSWUnmswu"}
    if not set(_CENSUS) <= set(texts.values()):
        return frozenset()
    return frozenset(text for text, plain in texts.items() if plain in (*_CENSUS, _COUNTRY))


def doubtful(names: Collection[str], exclusions: Exclusions) -> Iterator[Diagnostic]:
    """Yield a warning (K676) that names such as 其他 and 市直 are ranked as units, if other names are.

    So are several names in one cell, of which one behind the first is that of another unit.
    """
    own = set(names)

    def is_reported(name: str) -> bool:
        several = _COMMA.search(name) and not own.isdisjoint(map(str.strip, _PARTING.split(name)[1:]))
        return (bool(several) or (may_be_doubtful(name) and is_doubtful(name))) and not exclusions.is_kept(name)

    items = [name for name in names if is_reported(name)]
    if not items or all(is_doubtful(name) or is_aggregate(name) for name in names):
        return
    message = Message("ranked as units, though such names are often none: {names}", names=first_names(items))
    hint = Message(
        'if they are none, write `leave_out: ["{name}"]` under `entities:`; if they are, `keep: ["{name}"]`',
        name=items[0],
    )
    yield Diagnostic("K676", message, Place(entity=items[0]), hint, Severity.WARNING)
