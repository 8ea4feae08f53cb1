"""Two names of one unit in turn: figures under one of them where, and only where, the other has none.

A name with a slip in one month, a unit with a new ending since February, a department that writes a name in another way
than the others: without a roster each name is a unit with gaps. What is there under a name is compared in the panel, by
measure and scored period.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.entities import Entities
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.entity_codes import in_one_table
from kpi.intake.near_names import letters_swapped, near
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.names import clean, look
from kpi.values.patterns import regex
from kpi.values.periods import Period

if TYPE_CHECKING:
    import numpy as np

    Matrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]

#: Pairs of places of units.
Pairs: TypeAlias = list[tuple[int, int]]

#: Among fewer units nothing says which figures a unit should have; among more, names are near by chance.
_UNITS, _MOST_UNITS = 4, 20_000
#: The most pairs of near names that are looked at.
_PAIRS = 50_000
#: In which part of the units a cell has a figure that every unit should have, and which part of all cells these are.
_USUAL, _DENSE = 0.8, 0.8
#: Which part of the usual cells a unit has that is complete, and which part of the units is.
_COMPLETE, _MOSTLY = 0.9, 0.8
#: In which part of the units two names may alternate.
_ALTERNATING = 1 / 3
#: How many pairs of near names may be expected to alternate by chance.
_BY_CHANCE = 0.5
#: Where figures are sparse: of how many periods a name has figures of one alone, in which part of the units that may
#: be, and how many figures it has at least.
_PERIODS, _RARE, _ROWS = 4, 0.1, 2
#: How many letters a word needs for one of them to be a slip; shorter ones number units: Team A, District II.
_WORD = 4

#: What an English name may be without.
_ENGLISH_ENDING = regex(
    r" (city|county|district|town|township|subdistrict|village|province|prefecture|municipality|state|region|borough)$"
)


class _Cells(Struct, frozen=True, dict=True):
    """Which cells of the panel have a row: by measure a matrix of periods and units."""

    frame: pl.DataFrame
    measures: Sequence[str]
    number: int

    def of(self, measure: str) -> Matrix:
        """Return which periods and units have a row for a measure."""
        rows: Matrix = self.frame[Column(measure).rows].to_numpy().reshape(-1, self.number)
        return rows > 0

    def places(self, places: Sequence[int]) -> Matrix:
        """Return which measures, periods and units of some have a row."""
        import numpy as np

        return np.stack([self.of(measure)[:, places] for measure in self.measures])

    @property
    def of_units(self) -> Matrix:
        """How many measures and periods have a row, by unit."""
        rows: Matrix = sum(self.of(measure).sum(axis=0) for measure in self.measures)
        return rows

    @cached_property
    def filled(self) -> Matrix:
        """How many units have a row, by measure and period."""
        import numpy as np

        return np.stack([self.of(measure).sum(axis=1) for measure in self.measures])


def alternating(
    frame: pl.DataFrame, entities: Entities, system: System, sources: Sequence[Placed], known: Collection[int] = (),
    *, partly: bool = False,
) -> Iterator[Diagnostic]:  # fmt: skip
    """Yield a warning (K648) for each name that has figures only where another name, which is near it, has none.

    Both together have about the figures that other units have, which are about all that any has: then units lack
    figures by exception, and hardly two with near names in turn. Where many names are near each other and many units
    lack figures, as with the names of people, nothing is said.

    Args:
        frame: the panel, ordered by period and entity.
        entities: those of the data.
        system: gives the measures and the scored periods.
        sources: the tables; two names in one row of cells of a table, for one period, are two units.
        known: the places of units that the table of successions names.
        partly: whether other periods are in the files and were not read.
    """
    number = len(entities.names)
    measures = [name for name, measure in system.measures.items() if measure.per is None]
    if not _UNITS <= number <= _MOST_UNITS or not measures or not frame.height:
        return
    cells = _Cells(frame, measures, number)
    # Of two names that have figures in turn, one has at most half of all.
    if int(cells.of_units.min()) * 2 > frame.height // number * len(measures):
        return
    near_pairs = list(islice(_near(entities.names), _PAIRS + 1))
    if not near_pairs or len(near_pairs) > _PAIRS:
        return
    pairs = _in_turn(cells, [pair for pair in near_pairs if _may_be_one(*pair, entities, known)])
    groups = _groups(cells, pairs)
    if groups and not _is_unusual(cells, groups, len(near_pairs)):
        groups = _of_one_period(cells, groups)
    if not groups:
        return
    # The tables are read once more for these alone.
    pairs = [(main, other) for main, others in sorted(groups.items()) for other in sorted(others)]
    for main, other in _never_together(pairs, entities, sources):
        yield _finding(cells, main, other, entities.names, system, partly=partly)


# ---- WHICH NAMES ARE NEAR ---- #


def _near(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of names that may be of one unit, each pair once."""
    place: dict[str, int] = {}
    spellings: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        place.setdefault(clean(name), at)
        spellings.setdefault(_spelling(name), []).append(at)
    there = set()
    for items in spellings.values():
        for pair in combinations(items, 2):
            there.add(pair)
            yield pair
    for item, other in near(place):
        pair = min(place[item], place[other]), max(place[item], place[other])
        if pair not in there and _differ_in_words(item, other):
            there.add(pair)
            yield pair
    for item, other, _ in letters_swapped(place):
        pair = min(place[item], place[other]), max(place[item], place[other])
        if pair not in there and _differ_in_words(item, other):
            yield pair


def _spelling(name: str) -> str:
    """Return an English name without signs and its ending, any other as it is.

    >>> [_spelling(name) for name in ("St. Albans", "st albans District", "Jiaxing City", "桐乡市")]
    ['st albans', 'st albans', 'jiaxing', '桐乡市']
    """
    if not name.isascii():
        return name
    words = " ".join(re.sub(r"[^\w\s]", " ", name.casefold()).split())
    return _ENGLISH_ENDING.sub("", words) or name


def _differ_in_words(name: str, other: str) -> bool:
    """Return whether the Latin words in which two names differ are long enough for a slip.

    >>> _differ_in_words("Haining", "Hainning"), _differ_in_words("Team A", "Team B"), _differ_in_words("甲县", "乙县")
    (True, False, True)
    """
    words, others = (set(re.findall("[A-Za-z0-9]+", text)) for text in (name, other))
    return all(len(word) >= _WORD and word.isalpha() for word in words ^ others)


def _may_be_one(item: int, other: int, entities: Entities, known: Collection[int]) -> bool:
    """Return whether nothing tells two units with near names apart, and no other finding is about them."""
    names, codes = entities.names, entities.frame["code"]
    if codes[item] and codes[other]:
        return False
    if item in known and other in known:
        return False
    pair = names[item], names[other]
    if any(entities.exclusions.is_kept(name) or name in entities.unclear for name in pair):
        return False
    return look(pair[0]) != look(pair[1])


# ---- WHETHER THEY TAKE TURNS ---- #


def _in_turn(cells: _Cells, pairs: Pairs) -> Pairs:
    """Return the pairs of units that have no cell in common, and each some."""
    import numpy as np

    left = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    some = np.zeros(cells.number, dtype=np.bool_)
    for measure in cells.measures:
        if not len(left):
            return []
        there = cells.of(measure)
        left = left[~(there[:, left[:, 0]] & there[:, left[:, 1]]).any(axis=0)]
        some |= there.any(axis=0)
    return [(int(item), int(other)) for item, other in left if some[item] and some[other]]


def _never_together(pairs: Pairs, entities: Entities, sources: Sequence[Placed]) -> Pairs:
    """Return the pairs of units of which no table has both for one period and measure."""
    names = [clean(name) for name in entities.names]
    apart = in_one_table(sources, {names[at] for pair in pairs for at in pair})
    return [pair for pair in pairs if not any({names[at] for at in pair} <= group for group in apart)]


def _groups(cells: _Cells, pairs: Pairs) -> dict[int, list[int]]:
    """Return the units with most figures, each with those that have the figures it lacks."""
    import numpy as np

    if not pairs:
        return {}
    places = sorted({at for pair in pairs for at in pair})
    there = dict(zip(places, np.moveaxis(cells.places(places), 2, 0), strict=True))
    size = {at: int(there[at].sum()) for at in places}
    groups: dict[int, list[int]] = {}
    used: set[int] = set()
    for main in sorted(places, key=lambda at: (-size[at], at)):
        if main in used:
            continue
        whole, others = there[main].copy(), []
        near_it = {item if other == main else other for item, other in pairs if main in (item, other)} - used
        for at in sorted(near_it, key=lambda at: (-size[at], at)):
            if not (whole & there[at]).any():
                whole |= there[at]
                others.append(at)
        if others:
            groups[main] = others
            used |= {main, *others}
    return groups


def _is_unusual(cells: _Cells, groups: dict[int, list[int]], near_pairs: int) -> bool:
    """Return whether figures are dense, each group complete, and what it takes no coincidence."""
    import numpy as np

    merged = cells.number - sum(map(len, groups.values()))
    if merged < _UNITS or len(groups) > max(1, _ALTERNATING * merged):
        return False
    usual = cells.filled >= _USUAL * merged
    expected, every = int(usual.sum()), int((cells.filled > 0).sum())
    if not expected or expected < _DENSE * every:
        return False
    own = np.zeros(cells.number, dtype=np.int64)
    for at, measure in enumerate(cells.measures):
        own += cells.of(measure)[usual[at]].sum(axis=0)
    complete = own >= _COMPLETE * expected
    lacking = int((~complete).sum())
    for main, others in groups.items():
        if own[[main, *others]].sum() < _COMPLETE * expected or not own[[main, *others]].all():
            return False
    inside = {at for main, others in groups.items() for at in (main, *others)}
    outside = [at for at in range(cells.number) if at not in inside]
    if complete[outside].sum() < _MOSTLY * len(outside):
        return False
    others_near = near_pairs - sum(map(len, groups.values()))
    return others_near * (lacking / cells.number) ** 2 / 2 <= _BY_CHANCE


def _of_one_period(cells: _Cells, groups: dict[int, list[int]]) -> dict[int, list[int]]:
    """Return the units with names near them that have several figures, all of one period, which only there are none of.

    Figures may be sparse, then: hardly a unit is there for one period alone, and lacks what another one usually has.
    """
    import numpy as np

    every = cells.places(range(cells.number))
    there: Matrix = np.asarray(every.any(axis=0))
    periods: Matrix = np.asarray(there.any(axis=1))
    rare = np.count_nonzero(there, axis=0) == 1
    if np.count_nonzero(periods) < _PERIODS or np.count_nonzero(rare) > max(1, _RARE * cells.number):
        return {}
    kept: dict[int, list[int]] = {}
    for main, others in groups.items():
        for other in others:
            measures: Matrix = np.asarray(every[:, :, other].any(axis=1))
            elsewhere = periods & ~there[:, other]
            usual = every[measures][:, elsewhere, main].mean(axis=1)
            if rare[other] and np.count_nonzero(measures) >= _ROWS and usual.min() >= _USUAL:
                kept.setdefault(main, []).append(other)
    return kept


# ---- THE FINDING ---- #


def _finding(cells: _Cells, main: int, other: int, names: Sequence[str], system: System, *, partly: bool) -> Diagnostic:
    import numpy as np

    mine: Matrix
    its: Matrix
    mine, its = (cells.places([at])[:, :, 0] for at in (other, main))
    titles = [system.symbols[measure].title for measure in cells.measures]
    first = int(cells.frame["period"][0])
    of_mine: Matrix = np.asarray(mine.any(axis=1))
    in_common = bool((of_mine & its.any(axis=1)).any())
    rows, columns = (np.flatnonzero(there.any(axis=0)).tolist() for there in (mine, its))
    name, than = names[other], names[main]
    grain = system.period
    if partly and not set(rows) & set(columns):
        # What is before and after the periods that were read is not known.
        message = Message(
            "of the periods that were read, {first} to {last}, `{name}` has figures only where `{other}` has none: "
            "they seem to be one unit", name=name, other=than,
            first=Period.of(first, grain).label, last=Period.of(int(cells.frame["period"][-1]), grain).label,
        )  # fmt: skip
    elif rows[0] > columns[-1] or columns[0] > rows[-1]:
        early, late = (than, name) if rows[0] > columns[-1] else (name, than)
        until, since = min(rows[-1], columns[-1]), max(rows[0], columns[0])
        message = Message(
            "`{name}` has figures until {until}, `{other}` since {since}: they seem to be one unit",
            name=early, until=Period.of(first + until, grain).label,
            other=late, since=Period.of(first + since, grain).label,
        )  # fmt: skip
    elif not set(rows) & set(columns):
        periods = first_names([Period.of(first + at, grain).label for at in rows])
        message = Message(
            "`{name}` has figures only in {periods}, where `{other}` has none: they seem to be one unit",
            name=name, periods=periods, other=than,
        )  # fmt: skip
    elif not in_common:
        measures = first_names([title for title, there in zip(titles, of_mine, strict=True) if there])
        message = Message(
            "`{name}` has figures only of {measures}, of which `{other}` has none: they seem to be one unit",
            name=name, measures=measures, other=than,
        )  # fmt: skip
    else:
        message = Message(
            "`{name}` has figures only where `{other}` has none: they seem to be one unit", name=name, other=than
        )
    hint = Message(
        "correct the name, or use a roster with aliases; if the unit has changed, name it in a table"
        ' `entities: {{succession: FILE}}`; if they are two, write `keep: ["{name}"]`',
        name=name,
    )
    return Diagnostic("K648", message, Place(entity=name), hint, Severity.WARNING)
