"""Names that may be of one unit: a slip of one letter, another ending, the name of the place above before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.entities import Entities, short_forms
from kpi.values.names import look, unmarked
from kpi.values.patterns import regex

#: Letters that number or distinguish units, so that names which differ in them are two: 东湖 and 西湖.
_TELLING = frozenset(
    "0123456789一二三四五六七八九十百甲乙丙丁戊己庚辛壬癸子丑寅卯东西南北中上下前后左右内外新老大小高低"
)

#: How many letters a name needs at least for one of them to be a slip, and how long the shorter of two nested names is.
_SLIP, _NESTED = 3, 3

#: Marks of footnotes and list numbers, which are no part of a name.
_MARKS = regex(r"^(?:\d+[.、)]|\(\d+\)|#)(?=\D)|[*#†‡°^※]+$")


def alike(entities: Entities) -> Iterator[Diagnostic]:
    """Yield a warning (K647) for names that differ by a mark, a list number or look-alike letters alone.

    >>> from kpi.intake.entities import from_data
    >>> [finding.message for finding in alike(from_data({"海宁市", "1.海宁市", "2.桐乡市", "平湖市"}))]
    ['`1.海宁市`, `海宁市` seem to be one unit, and are scored as several']
    """
    yield from _parts(entities.names)
    looks = [_MARKS.sub("", look(unmarked(name))) for name in entities.names]
    by_look: dict[str, list[str]] = {}
    if len(set(looks)) < len(looks):
        for text, name in zip(looks, entities.names, strict=True):
            by_look.setdefault(text, []).append(name)
    for names in by_look.values():
        # Marks alone, 一区① beside 一区②, tell units apart.
        if len(names) > 1 and not all(unmarked(name) != name for name in names):
            several = tuple(f"`{name}`" for name in sorted(names))
            message = Message("{names} seem to be one unit, and are scored as several", names=several)
            hint = Message("write the name in one way, or use a roster with aliases")
            yield Diagnostic("K647", message, Place(entity=names[0]), hint, Severity.WARNING)


def _parts(names: Sequence[str]) -> Iterator[Diagnostic]:
    """Yield a warning (K647) for names that begin with #, with which yearbooks mark a part of the unit above.

    Where all names begin so, it parts nothing. A name that is there without the mark, too, is reported as such.
    """
    if not any(look(name).startswith("#") for name in names):
        return
    plain = {look(name) for name in names if not look(name).startswith("#")}
    parts = [name for name in names if look(name).startswith("#") and look(name).lstrip("#") not in plain]
    if not plain or not parts:
        return
    several = first_names([f"`{name}`" for name in parts])
    message = Message("{names}: # marks a part of the unit above, and parts are ranked beside it", names=several)
    hint = Message('if they are no units of their own, write `leave_out: ["{name}"]` under `entities:`; if they are,'
                   " take away the #", name=parts[0])  # fmt: skip
    yield Diagnostic("K647", message, Place(entity=parts[0]), hint, Severity.WARNING)


def near(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of different names, cleaned, that may be of one unit, each once, in their order.

    >>> list(near(["东湖县", "东胡县", "西湖县", "南岭市", "南岭县", "桐乡市", "嘉兴市桐乡市"]))
    [('东湖县', '东胡县'), ('南岭市', '南岭县'), ('桐乡市', '嘉兴市桐乡市')]
    """
    order = {name: at for at, name in enumerate(dict.fromkeys(names))}
    pairs = {*_slips(order), *_endings(order), *_nested(order)}
    sorted_pairs = ((item, other) if order[item] < order[other] else (other, item) for item, other in pairs)
    yield from sorted(set(sorted_pairs), key=lambda pair: (order[pair[0]], order[pair[1]]))


def _slips(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names that differ in one letter, or by one that is left out."""
    for item, other, left, right in one_letter_apart(names):
        if not {left, right} & _TELLING and _words(left + right):
            yield item, other


def one_letter_apart(names: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield names that differ in one letter, each with its own; it is empty where one of them lacks it.

    All names with one letter taken out are compared, which takes no time of the square of their number.

    >>> list(one_letter_apart(["东湖县", "东胡县", "东湖", "湖东县"]))
    [('东湖县', '东胡县', '湖', '胡')]
    """
    without: dict[str, list[tuple[str, int]]] = {}
    for name in names:
        if len(name) < _SLIP:
            continue
        without.setdefault(name, []).append((name, -1))
        for at in range(len(name)):
            without.setdefault(name[:at] + name[at + 1 :], []).append((name, at))
    for items in without.values():
        for (item, at), (other, there) in combinations(items, 2):
            if item == other:
                continue
            left, right = item[at] if at >= 0 else "", other[there] if there >= 0 else ""
            if at == there or not left or not right:
                yield item, other, left, right


def letters_swapped(names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Yield names that differ in the order of two letters beside each other, with the place of the first of these.

    >>> list(letters_swapped(["德清县", "清德县", "东湖县", "县东湖", "2024", "2042"]))
    [('德清县', '清德县', 0)]
    """
    same_letters: dict[str, list[str]] = {}
    for name in names:
        same_letters.setdefault("".join(sorted(name)), []).append(name)
    for items in same_letters.values():
        for item, other in combinations(items, 2):
            apart = [at for at, (left, right) in enumerate(zip(item, other, strict=True)) if left != right]
            if len(apart) == 2 and apart[1] == apart[0] + 1 and _words(item[apart[0]] + other[apart[0]]):
                yield item, other, apart[0]


def _words(letters: str) -> bool:
    """Return whether letters are of words; another digit or sign makes another name."""
    return all(letter.isalpha() for letter in letters)


def _endings(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names that differ in their ending alone, as 南岭市 and 南岭县."""
    stems: dict[str, list[str]] = {}
    for name in names:
        for stem in {name, *short_forms(name)}:
            stems.setdefault(stem, []).append(name)
    for items in stems.values():
        yield from combinations(items, 2)


def _nested(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names of which one is the end of the other, as 桐乡市 of 嘉兴市桐乡市."""
    known = set(names)
    for name in known:
        for at in range(1, len(name) - _NESTED + 1):
            if name[at:] in known and _words(name[:at]):
                yield name[at:], name
