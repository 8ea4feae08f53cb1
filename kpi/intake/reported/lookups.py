"""What the texts of reported rows mean: which measure, entity or period a distinct text names, each asked for once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import polars as pl

from kpi.intake.entities import Entities, code_of
from kpi.intake.files.encoding import mixed
from kpi.intake.files.headers import clean
from kpi.intake.files.pieces import Unfit
from kpi.intake.matching.datasets import Placed, measure_names, measure_of
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.intake.reported import entity_targets
from kpi.language.measures import OverTime, Reported
from kpi.language.system import System
from kpi.values import periods, units

#: What is combined over time in such a way that a figure for exactly the scored period is the figure.
_AS_IT_IS: frozenset[OverTime] = frozenset({"sum", "last", "first", "mean", "median", "max", "min"})

#: What a text means where that is no place: not looked up yet, or known but never plain.
UNSEEN, NOT_PLAIN = -2, -1

_LARGEST = 2**15 - 1

#: What the distinct texts of a column mean: a place, `NOT_PLAIN`, or None for nothing.
Meaning = Callable[[list[str]], list[int | None]]


def narrow(places: Sequence[int | None]) -> type[pl.Int16 | pl.Int32]:
    """Returns the smallest type that many rows of such places are held in."""
    return pl.Int16 if all(one is None or one <= _LARGEST for one in places) else pl.Int32


class Lookup:
    """What the texts of a Categorical column mean, each asked for once; several threads may ask.

    `texts` are those seen, stripped, `places` the places that some of them mean, and `odd` tells whether one of them
    is known but never plain. With `unmixed`, a text of UTF-8 that was read as GB18030 is `Unfit`.
    """

    def __init__(self, mean: Meaning) -> None:
        self.unmixed = False
        self._mean = mean
        self._lock = Lock()
        # In 32 bits whatever the places need: a gather of 16 takes twice the time. True: nothing in it is unseen.
        self._known = pl.Series(dtype=pl.Int32), True
        self._dtype: type[pl.Int16 | pl.Int32] = pl.Int16
        self.texts: dict[str, int | None] = {}
        self.places: set[int] = set()
        self.odd = False

    def of(self, column: pl.Series) -> pl.Series:
        """Returns what every cell means (Int16 while that is enough, then Int32), null where that is nothing."""
        codes = column.to_physical()
        most = codes.max()
        if most is None:
            return pl.repeat(None, len(column), dtype=self._dtype, eager=True)
        known, whole = self._known
        found = known[codes] if int(str(most)) < len(known) else None
        if found is None or not (whole or found.min() != UNSEEN):
            with self._lock:
                self._learn(column.unique().drop_nulls())
                found = self._known[0][codes]
        return found.cast(self._dtype, wrap_numerical=True)

    def _learn(self, new: pl.Series) -> None:
        codes = new.to_physical()
        known, _ = self._known
        more = max(int(str(codes.max())) + 1 - len(known), 0)
        known = pl.concat([known, pl.repeat(UNSEEN, more, dtype=pl.Int32, eager=True)])
        unseen = (known.gather(codes) == UNSEEN).fill_null(value=False)
        new, codes = new.filter(unseen), codes.filter(unseen)
        texts = new.cast(pl.String).str.strip_chars().to_list()
        wanted = sorted({text for text in texts if text} - self.texts.keys())
        if self.unmixed and any(map(mixed, wanted)):
            raise Unfit
        self.texts |= dict(zip(wanted, self._mean(wanted), strict=True))
        self.places |= {place for text in wanted if (place := self.texts[text]) is not None and place >= 0}
        meant = [self.texts.get(text) for text in texts]
        self.odd = self.odd or NOT_PLAIN in meant
        if narrow(meant) == pl.Int32:
            self._dtype = pl.Int32
        known = known.scatter(codes, pl.Series(meant, dtype=pl.Int32))
        self._known = known, not (known == UNSEEN).any()


def names_of(system: System) -> dict[str, str]:
    """Returns the name behind every cleaned text that the column of measures may hold.

    Those are measures, and indicators that take their targets from the data.
    """
    names = measure_names(system)
    for key in entity_targets.takers(system):
        for text in filter(None, (key, system.indicators[key].title)):
            names.setdefault(clean(text), key)
    return names


def measure_meaning(system: System, *, alone: bool = True) -> Meaning:
    """Returns which measure a text names: its place among the measures of the system.

    A text with a unit, such as GDP(亿元), is plain where that is the measure's own and `alone`: nothing else gives one.
    """
    names = names_of(system)
    places = dict.fromkeys(names.values(), NOT_PLAIN)
    for place, (name, measure) in enumerate(system.measures.items()):
        if isinstance(measure, Reported) and measure.where is None and measure.per is None:
            plain = measure.timing in _AS_IT_IS and not measure.from_january
            places[name] = place if plain else NOT_PLAIN

    def meant(text: str) -> int | None:
        name, unit = measure_of(names, text)
        if name is None or unit is None or (alone and _is_own(system, name, unit)):
            return places.get(name or "")
        return NOT_PLAIN

    return lambda texts: [meant(text) for text in texts]


def _is_own(system: System, name: str, unit: str) -> bool:
    """Return whether a unit is that of a measure."""
    try:
        return units.factor(units.parse(unit), system.unit(name)) == 1
    except units.UnitError:
        return False


def entity_meaning(entities: Entities, source: Placed, role: str = "entity") -> Meaning:
    """Returns which entity the text of a name or code (`role`) means: its place among those of a roster."""

    def mean(text: str) -> int | None:
        place = entities.by_code(text) if role == "code" else entities.place(text)
        if place is None:
            aside = role == "entity" and (entities.excluded(text) or repeats_heading(source, text))
            return NOT_PLAIN if aside else None
        # A code that holds for some time only is judged with the period of its row; a whole is no entity.
        odd = clean(text) in entities.times or code_of(text) in entities.times or place >= len(entities.names)
        return NOT_PLAIN if odd else place

    return lambda texts: [mean(text) for text in texts]


def period_meaning(system: System, order: periods.Order = "ymd") -> Meaning:
    """Returns which scored period a text names: its index; `order` is that of dates whose year stands last."""
    size = system.period.months

    def place(start: int | None, months: int | None) -> int | None:
        if start is None:
            return None
        return start // size if months == size and start % size == 0 else NOT_PLAIN

    def mean(texts: list[str]) -> list[int | None]:
        known = periods.parse_column(pl.Series(texts, dtype=pl.String), order=order)
        spans = {text: place(start, months) for text, start, months, _ in known.rows()}
        return [spans[text] for text in texts]

    return mean
