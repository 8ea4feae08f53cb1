"""Cohorts (分组) whose name is another's but for a slip, 工业具 beside 工业县: their units are ranked apart.

A slip is one letter, two neighbours exchanged, capital letters, or traditional characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.cells.text_folding import as_names
from kpi.intake.division_codes import PROVINCES
from kpi.intake.entities import Entities
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW
from kpi.intake.near_names import letters_swapped, one_letter_apart
from kpi.language.grouping import columns_of_roster
from kpi.language.system import System
from kpi.values.columns import COHORT
from kpi.values.patterns import regex
from kpi.values.traditional import simplified

#: How many units a cohort needs for another one to be its slip, and how many times as many.
_ENOUGH, _TIMES = 3, 10
#: How many letters a name has at least in which two may be exchanged.
_NAME = 3
#: Latin words that are shorter may well differ in one letter: group A, class II.
_WORD = 4
#: Letters that number or place classes: one of them makes another name.
_TELLING = frozenset(
    "0123456789一二三四五六七八九十百甲乙丙丁戊己庚辛壬癸子丑寅卯东西南北中上下前后左右内外新老旧大小高低"
)
#: Letters that classes are called by; names that differ in two of them are two: 农业县, 工业县.
_CLASSES = frozenset(
    "省市州盟县区旗镇乡村街国工农林牧渔商贸旅矿企事山海江河湖库陆岛原岭城郊边强弱优良差重轻先进公私民官男女红黄橙蓝绿黑白金"
    "银铜铁春夏秋冬少穷富贫有无非不未正副主次准半长短快慢冷热校院医教文体党政群军直属类级组片带型生业态好坏多"
)
#: What stands before or behind a name to make another of it: 新开发区, 准一线.
_BESIDE = frozenset("新老旧大小副次准半非不无未前后原超特类")
#: Names of places, which differ in any letter but the last.
_PLACE = regex(r"[省市州盟县区旗镇乡村]$")
#: Classes that end as places do.
_CLASS = regex(
    r"工业|农业|林业|牧业|渔业|生态|旅游|商贸|重点|综合|优化|开发|发展|主产|功能|山区|沿海|城区|郊区|强|弱|类|型|组|片"
)
#: English words that are two and differ in one letter.
_TWO = ({"inland", "island"},)


class _Pair(NamedTuple):
    rare: str
    usual: str


def near_cohorts(entities: Entities, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K665) for each cohort that is called as another but for a slip.

    A cohort whose name differs in letters has few units; one that differs in capital letters or in traditional
    characters has fewer than the other, or as many. So are the groups by a column of the roster. A class without a
    weight or rule of its own is reported as such (K426).

    Args:
        entities: those of the roster or of the data, with the column cohort.
        system: says where the roster is, and which classes there are.
    """
    headers = dict.fromkeys(columns_of_roster(system.groups).values())
    if entities.frame[COHORT].null_count() < entities.frame.height:
        headers = {COHORT: None, **headers}
    stated = _stated(system)
    reported = set()
    for header in headers:
        if header not in entities.frame.columns or header in system.classes:
            continue
        own = as_names(entities.frame[header].cast(str)).to_list()
        for pair in _pairs(Counter(filter(None, own))):
            if pair not in reported and pair.rare not in stated:
                reported.add(pair)
                names = [name for name, value in zip(entities.names, own, strict=True) if value == pair.rare]
                yield _finding(pair, names, own.count(pair.usual), entities, system)


def _stated(system: System) -> set[str]:
    """Return the classes that scoring rules name, which are no slips."""
    rules = filter(None, map(system.rule, system.indicators))
    return {value for rule in rules for value in rule.class_values}


def _pairs(sizes: Mapping[str, int]) -> Iterator[_Pair]:
    """Yield the names that differ from a more frequent one by a slip.

    >>> list(_pairs({"工业县": 3, "工业具": 1, "农业县": 1, "城区": 4, "一类县": 5, "二类县": 1}))
    [_Pair(rare='工业具', usual='工业县')]
    >>> list(_pairs({"Coastal": 30, "Costal": 2, "Group A": 30, "Group B": 1, "台州市": 1, "杭州市": 13}))
    [_Pair(rare='Costal', usual='Coastal')]
    >>> list(_pairs({"urban": 2, "Urban": 2, "生态县": 4, "生態縣": 1}))
    [_Pair(rare='Urban', usual='urban'), _Pair(rare='生態縣', usual='生态县')]
    """
    yield from _written_alike(sizes)
    if not any(size >= _ENOUGH for size in sizes.values()):
        return
    for item, other in _exchanged(sizes):
        pair = _Pair(item, other) if sizes[item] < sizes[other] else _Pair(other, item)
        if _few(sizes[pair.rare], sizes[pair.usual]):
            yield pair
    apart = list(one_letter_apart(sizes))
    # Where two cohorts of many units differ in one place, names differ there by meaning.
    meant = {
        _hole(item, other) for item, other, _, _ in apart if not _few(sizes[item], sizes[other])
        and not _few(sizes[other], sizes[item])
    }  # fmt: skip
    for item, other, left, right in apart:
        pair = _Pair(item, other) if sizes[item] < sizes[other] else _Pair(other, item)
        if not _few(sizes[pair.rare], sizes[pair.usual]) or _hole(item, other) in meant:
            continue
        if not _by_meaning(item, other, left, right):
            yield pair


def _written_alike(sizes: Mapping[str, int]) -> Iterator[_Pair]:
    """Yield names that differ in capital letters or traditional characters alone from the most frequent of them."""
    alike: dict[str, list[str]] = {}
    for name in sizes:
        alike.setdefault(simplified(name).casefold(), []).append(name)
    for names in alike.values():
        usual = max(names, key=sizes.__getitem__)
        yield from (_Pair(name, usual) for name in names if name != usual)


def _exchanged(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names that differ in the order of two letters beside each other, neither of which tells classes apart.

    >>> list(_exchanged(["生态功能区", "生态能功区", "Coastal", "Caostal", "东西部", "西东部", "AB", "BA"]))
    [('生态功能区', '生态能功区'), ('Coastal', 'Caostal')]
    """
    for item, other, at in letters_swapped(names):
        if not _tell_apart({item[at], other[at]}) and _is_long(item, at):
            yield item, other


def _is_long(name: str, at: int) -> bool:
    """Return whether the name, or the Latin word in which a letter stands, is so long that slips are likely in it."""
    if not name[at].isascii():
        return len(name) >= _NAME
    word = re.split(r"\W", name[:at])[-1] + re.split(r"\W", name[at:])[0]
    return len(word) >= _WORD


def _tell_apart(letters: set[str]) -> bool:
    """Return whether some letters, in place of each other, make another class."""
    if not all(letter.isalpha() for letter in letters) or letters & _TELLING:
        return True
    return letters <= _CLASSES and len(letters) > 1


def _few(rare: int, usual: int) -> bool:
    return usual >= _ENOUGH and (rare == 1 or rare * _TIMES <= usual)


def _hole(item: str, other: str) -> tuple[str, str]:
    """Return what stands before and behind the letter in which two names differ."""
    at = next((at for at, (one, two) in enumerate(zip(item, other, strict=False)) if one != two), len(min(item, other)))
    return item[:at], max(item, other, key=len)[at + 1 :]


def _by_meaning(item: str, other: str, left: str, right: str) -> bool:
    """Return whether the letter in which two names differ makes two classes of them."""
    letters = {left, right} - {""}
    if _tell_apart(letters):
        return True
    if len(letters) == 1 and letters <= _BESIDE:
        return True
    if any(letter.isascii() for letter in letters):
        before, behind = _hole(item, other)
        word = re.split(r"\W", before)[-1] + left + re.split(r"\W", behind)[0]
        return len(word) < _WORD or {item.casefold(), other.casefold()} in _TWO or item.casefold() == other.casefold()
    if {item, other} <= set(PROVINCES.values()):
        return True
    # The letter is that of the end where nothing stands behind it.
    of_place = bool(_hole(item, other)[1]) and _PLACE.search(item) is not None and _PLACE.search(other) is not None
    return of_place and not (_CLASS.search(item) or _CLASS.search(other))


def _finding(pair: _Pair, names: list[str], usual: int, entities: Entities, system: System) -> Diagnostic:
    message = Message(
        "`{rare}` ({names}) is a group of its own beside `{usual}`, which {number:,} units are in",
        rare=pair.rare, names=first_names(names), usual=pair.usual, number=usual,
    )  # fmt: skip
    hint = Message("write `{usual}` if that is meant; names that differ in more than a letter tell groups apart",
                   usual=pair.usual)  # fmt: skip
    return Diagnostic("K665", message, _place(pair.rare, names[0], entities, system), hint, Severity.WARNING)


def _place(rare: str, name: str, entities: Entities, system: System) -> Place:
    """Return the first cell of a cohort: in the roster, else its unit."""
    if not entities.closed or system.entities.roster is None:
        return Place(entity=name)
    table = read(system.home / system.entities.roster)[0]
    rows = table.numbered().collect()
    for header in table.columns:
        at = rows.filter(as_names(rows[header].cast(str)) == rare)[ROW]
        if at.len():
            return table.place(int(at[0]), header)
    return Place(str(system.home / system.entities.roster))
