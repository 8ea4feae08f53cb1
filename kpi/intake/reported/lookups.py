"""Resolve the texts of reported rows: which measure, entity, period and unit each distinct text means, and why none.

A `Resolver` is the only place that decides this. The fast path looks its codes up for the categories of a column
(`Lookup`); the careful path joins its resolutions to rows. So both paths resolve a text alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Literal, NamedTuple

import polars as pl
from msgspec import Struct, field

from kpi.errors import Message
from kpi.intake.cells import unit_factors
from kpi.intake.cells.unit_factors import Factors
from kpi.intake.entities import Entities, code_of
from kpi.intake.files.encoding import mixed
from kpi.intake.files.headers import clean
from kpi.intake.matching.datasets import Placed, measure_names, measure_of
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.intake.reported import entity_targets
from kpi.language.measures import OverTime, Reported
from kpi.language.model import kind_of
from kpi.language.system import System
from kpi.values import period_texts, units

#: What is combined over time in such a way that a figure for exactly the scored period is the figure.
_AS_IT_IS: frozenset[OverTime] = frozenset({"sum", "last", "first", "mean", "median", "max", "min"})

#: Codes that are no place: a text that has not been looked up, or one that is resolved but never plain.
UNSEEN, NOT_PLAIN = -2, -1

_LARGEST = 2**15 - 1

#: Why a text means no entity.
NoEntity = Literal["excluded", "heading", "ambiguous", "blank", "unknown"]

#: Reasons for which a row is about no unit: it is left out rather than refused.
ASIDE: tuple[NoEntity, ...] = ("excluded", "heading")


class MeasureText(NamedTuple):
    """The meaning of a text in the column of measures.

    Attributes:
        code: the measure's place among those of the system, `NOT_PLAIN`, or None where `name` is None.
        reason: why the text names nothing, as a sentence; None where it does.
        name: the measure, or the indicator whose targets the data state.
        unit: what is written behind the name: 亿元 in GDP(亿元).
        misused: whether the text names a figure that is computed, not reported.
    """

    code: int | None
    reason: Message | None
    name: str | None
    unit: str | None
    misused: bool


class EntityText(NamedTuple):
    """The meaning of a name or code.

    Attributes:
        code: the entity's place, `NOT_PLAIN`, or None where the text means none.
        reason: why the text means no entity, None where it does.
        place: the place among the entities and, behind them, the wholes.
    """

    code: int | None
    reason: NoEntity | None
    place: int | None


class PeriodText(NamedTuple):
    """The meaning of the text of a period.

    Attributes:
        code: the index of the scored period that it is, `NOT_PLAIN` for another period, None where it is none.
        reason: why the text is no period and what to do, None where it is one.
        start: the first month.
        months: how many months.
    """

    code: int | None
    reason: str | None
    start: int | None
    months: int | None


def names_of(system: System) -> dict[str, str]:
    """Return the name behind every cleaned text that the column of measures may hold.

    Those are measures, and indicators that take their targets from the data.
    """
    names = dict(measure_names(system))
    for key in entity_targets.targeted_in_data(system):
        for text in filter(None, (key, system.indicators[key].title)):
            names.setdefault(clean(text), key)
    return names


class Resolver(Struct, frozen=True, dict=True):
    """Resolve the texts of the key columns of one table, each distinct text once.

    Attributes:
        source: the table and what its columns are.
        system: gives measures, units and scored periods.
        entities: the entities. Without a roster the fast path reads a table before the entities are known: `entities`
            then holds the texts that mean none, and any other text is `unknown`.
    """

    source: Placed
    system: System
    entities: Entities
    _measures: dict[str, MeasureText] = field(default_factory=dict)
    _periods: dict[str, PeriodText] = field(default_factory=dict)

    # ---- MEASURES AND THEIR UNITS ---- #

    @cached_property
    def _names(self) -> dict[str, str]:
        return names_of(self.system)

    @cached_property
    def _codes(self) -> dict[str, int]:
        """The codes of measures and of indicators whose targets the data state."""
        codes = dict.fromkeys(self._names.values(), NOT_PLAIN)
        for place, (name, measure) in enumerate(self.system.measures.items()):
            if isinstance(measure, Reported) and measure.where is None and measure.per is None:
                plain = measure.timing in _AS_IT_IS and not measure.from_january
                codes[name] = place if plain else NOT_PLAIN
        return codes

    @cached_property
    def unit_places(self) -> Factors:
        """The factors from units of the table into those of measures, by places, for the fast path."""
        return Factors(self.system, self.source.table.unit)

    def factors(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the factor, or the misfit, of each unit, typed unit and measure (see `unit_factors.factors`)."""
        return unit_factors.factors(rows, self.system)

    def factor(self, unit: str | None, measure: str) -> float | None:
        """Return the factor from a unit, None for that of the measure, into that of a measure; None for a misfit."""
        return unit_factors.factor(unit, None, self.system, measure)[0]

    def measures(self, texts: Iterable[str]) -> dict[str, MeasureText]:
        """Return what texts in the column of measures mean."""
        texts = list(texts)
        self._measures.update({text: self._measure(text) for text in texts if text not in self._measures})
        return {text: self._measures[text] for text in texts}

    def _measure(self, text: str) -> MeasureText:
        name, unit = measure_of(self._names, text)
        if name is None:
            misuse = self._misuse(text)
            reason = misuse or Message("`{text}` is not a measure of {system}", text=text, system=self.system.system)
            return MeasureText(None, reason, None, None, misuse is not None)
        plain = unit is None or (self._no_other_unit and self._is_own(name, unit))
        return MeasureText(self._codes[name] if plain else NOT_PLAIN, None, name, unit, misused=False)

    def _misuse(self, text: str) -> Message | None:
        """Return why a figure of the system is not to be reported under its name, None where the text is no figure."""
        system = self.system
        computed = next((name for name, measure in system.measures.items() if text in (name, measure.title)), None)
        if computed is not None:
            kind = kind_of(type(system.measures[computed]))
            return Message(
                "`{text}` is computed from records (`kind: {kind}`), it is not reported", text=text, kind=kind
            )
        if any(text in (name, indicator.title) for name, indicator in system.indicators.items()):
            return Message(
                "`{text}` is an indicator of {system}: it is computed, not reported", text=text, system=system.system
            )
        return None

    @property
    def _no_other_unit(self) -> bool:
        """Whether nothing but the text of a measure gives the unit of its figures."""
        return "unit" not in self.source.roles and self.source.table.unit is None

    def _is_own(self, name: str, unit: str) -> bool:
        """Return whether a unit is that of a measure."""
        try:
            return units.factor(units.parse(unit), self.system.unit(name)) == 1
        except units.UnitError:
            return False

    # ---- ENTITIES ---- #

    def names(self, texts: Iterable[str]) -> dict[str, EntityText]:
        """Return what texts in the column of names mean."""
        return {text: self._name(text) for text in texts}

    def codes(self, texts: Iterable[str]) -> dict[str, EntityText]:
        """Return what texts in a column of codes beside names mean."""
        return {text: self._at(text, self.entities.by_code(text)) for text in texts}

    def _name(self, text: str) -> EntityText:
        entities = self.entities
        if (place := entities.lookup.get(clean(text))) is not None:
            return self._at(text, place)
        # Without a roster a name that denotes no unit means none, whatever else it is like.
        excluded = not entities.closed and entities.excluded(text)
        place = None if excluded else entities.by_code(text)
        if place is not None:
            return self._at(text, place)
        if excluded or (entities.closed and entities.excluded(text)):
            return EntityText(NOT_PLAIN, "excluded", None)
        if repeats_heading(self.source, text):
            return EntityText(NOT_PLAIN, "heading", None)
        if not (name := clean(text)):
            return EntityText(None, "blank", None)
        return EntityText(None, "ambiguous" if name in entities.ambiguous else "unknown", None)

    def _at(self, text: str, place: int | None) -> EntityText:
        if place is None:
            return EntityText(None, "unknown", None)
        times = self.entities.times
        # A code that holds for some time only is judged with the period of its row; a whole is no entity.
        plain = place < len(self.entities.names)
        plain = plain and (not times or (clean(text) not in times and code_of(text) not in times))
        return EntityText(place if plain else NOT_PLAIN, None, place)

    def with_entities(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows with who they are about: `who` (UInt32, place) and `no_entity` (why the name means none).

        Args:
            rows: with the columns entity and code (String). A known code identifies, else the name does.
        """
        names, codes = self.names(distinct(rows, "entity")), self.codes(distinct(rows, "code"))
        closed = self.entities.closed
        places = {
            text: NOT_PLAIN if meaning.reason == "excluded" and not closed else meaning.place
            for text, meaning in names.items()
        }
        rows = joined(rows, "entity", "no_entity", {text: meaning.reason for text, meaning in names.items()})
        rows = joined(rows, "entity", "named", places, pl.Int32)
        rows = joined(rows, "code", "coded", {text: meaning.place for text, meaning in codes.items()}, pl.Int32)
        who = identified(rows["named"], rows["coded"], closed=closed)
        rows = rows.with_columns(who.alias("who")).drop("named", "coded")
        return rows.with_columns(pl.when(pl.col("who") != NOT_PLAIN).then("who").cast(pl.UInt32).alias("who"))

    # ---- PERIODS ---- #

    def periods(self, texts: Iterable[str]) -> dict[str, PeriodText]:
        """Return what texts of periods mean."""
        texts, size = list(texts), self.system.period.months
        new = [text for text in texts if text not in self._periods]
        # The period that a caller gives for all rows is written as callers write periods.
        order = self.source.dataset.dates if "period" in self.source.roles else "ymd"
        for text, start, months, problem in period_texts.parse_texts(new, order=order, timeline=self.system.timeline):
            code = None
            if start is not None:
                code = start // size if months == size and start % size == 0 else NOT_PLAIN
            self._periods[text] = PeriodText(code, problem, start, months)
        return {text: self._periods[text] for text in texts}

    def texts_of_periods(self) -> list[str]:
        """Return the distinct texts of periods that were resolved, sorted."""
        return sorted(self._periods)

    def with_periods(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows with their period: start and months (Int32), or `no_period`, why there is none.

        Args:
            rows: with the column period (String).
        """
        meanings = self.periods(distinct(rows, "period"))
        table = pl.DataFrame(
            [(text, meaning.start, meaning.months, meaning.reason) for text, meaning in meanings.items()],
            schema={"period": pl.String, "start": pl.Int32, "months": pl.Int32, "no_period": pl.String},
            orient="row",
        )
        return rows.join(table, on="period", how="left", maintain_order="left")


def identified(name: pl.Series, code: pl.Series, *, closed: bool) -> pl.Series:
    """Return the entities of rows with a name and a code: a known code identifies, else the name does.

    Args:
        name: what their names mean: a place, `NOT_PLAIN`, or null.
        code: what their codes mean.
        closed: whether there is a roster; without one a total (`NOT_PLAIN`) is none whatever its code.
    """
    if name.dtype != code.dtype:
        name, code = name.cast(pl.Int32), code.cast(pl.Int32)
    if code.null_count():
        code = code.zip_with(code.is_not_null(), name)
    if not closed and name.min() == NOT_PLAIN:
        code = code.zip_with((name != NOT_PLAIN).fill_null(value=True), name)
    return code


# ---- ROWS OF TEXTS ---- #


def distinct(rows: pl.DataFrame, column: str) -> list[str]:
    """Return the distinct texts of a column, sorted."""
    return rows[column].drop_nulls().unique().sort().to_list()


def joined(
    rows: pl.DataFrame, column: str, name: str, meanings: Mapping[str, object], dtype: pl.DataType | type = pl.String
) -> pl.DataFrame:
    """Return rows with a column `name` of what the texts of another column mean, null for those that mean nothing."""
    table = pl.DataFrame(
        {column: list(meanings), name: list(meanings.values())}, schema={column: pl.String, name: dtype}
    )
    return rows.join(table, on=column, how="left", maintain_order="left")


# ---- CODES OF CATEGORIES ---- #

#: Gives the codes of distinct texts: a place, `NOT_PLAIN`, or None for nothing.
Codes = Callable[[list[str]], Sequence[int | None]]


def narrow(places: Collection[int | None]) -> type[pl.Int16 | pl.Int32]:
    """Return the smallest type in which many rows of such places are held."""
    return pl.Int16 if all(place is None or place <= _LARGEST for place in places) else pl.Int32


#: Up to so many cells are looked up one by one.
_FEW = 512


def _stripped(column: pl.Series) -> list[str | None]:
    """Return the texts of a column without blanks around them."""
    texts = column.cast(pl.String)
    cells: list[str | None] = texts.to_list()
    if any(text and (text[0].isspace() or text[-1].isspace()) for text in cells):
        return texts.str.strip_chars().to_list()
    return cells


class Lookup:
    """Look up the codes of the texts of a Categorical column, each distinct text once; safe for several threads.

    Attributes:
        texts: the distinct texts, stripped, with their codes.
        places: the codes that are places.
        odd: whether the code of a text is `NOT_PLAIN`.
        mixed: whether a text of UTF-8 was read as GB18030.

    Args:
        codes: gives the codes of distinct texts.
        gb18030: whether texts were read as GB18030.
    """

    def __init__(self, codes: Codes, *, gb18030: bool) -> None:
        self.mixed = False
        self._resolve, self._gb18030 = codes, gb18030
        self._lock = Lock()
        # In 32 bits whatever the places need: a gather of 16 takes twice the time. True: nothing in it is unseen.
        self._known = pl.Series(dtype=pl.Int32), True
        self._dtype: type[pl.Int16 | pl.Int32] = pl.Int16
        self.texts: dict[str, int | None] = {}
        self.places: set[int] = set()
        self.odd = False

    def of(self, column: pl.Series) -> pl.Series:
        """Return the code of every cell (Int16 while that is enough, then Int32), null where there is none."""
        if len(column) <= _FEW:
            texts = _stripped(column)
            with self._lock:
                self._look_up(texts)
            return pl.Series([None if text is None else self.texts.get(text) for text in texts], dtype=self._dtype)
        categories = column.to_physical()
        most = categories.max()
        if most is None:
            return pl.repeat(None, len(column), dtype=self._dtype, eager=True)
        known, complete = self._known
        codes = known[categories] if int(str(most)) < len(known) else None
        if codes is None or not (complete or codes.min() != UNSEEN):
            with self._lock:
                self._learn(column.unique().drop_nulls())
                codes = self._known[0][categories]
        return codes.cast(self._dtype, wrap_numerical=True)

    def _learn(self, new: pl.Series) -> None:
        categories = new.to_physical()
        known, _ = self._known
        more = max(int(str(categories.max())) + 1 - len(known), 0)
        known = pl.concat([known, pl.Series([UNSEEN], dtype=pl.Int32).new_from_index(0, more)])
        unseen = known[categories] == UNSEEN
        new, categories = new.filter(unseen), categories.filter(unseen)
        texts = _stripped(new)
        self._look_up(texts)
        codes = [None if text is None else self.texts.get(text) for text in texts]
        known = known.scatter(categories, pl.Series(codes, dtype=pl.Int32))
        self._known = known, not (known == UNSEEN).any()

    def _look_up(self, texts: Iterable[str | None]) -> None:
        """Resolve the texts that are new."""
        wanted = sorted({text for text in texts if text} - self.texts.keys())
        if not wanted:
            return
        self.mixed = self.mixed or (self._gb18030 and any(map(mixed, wanted)))
        codes = self._resolve(wanted)
        self.texts |= dict(zip(wanted, codes, strict=True))
        self.places |= {place for place in codes if place is not None and place >= 0}
        self.odd = self.odd or NOT_PLAIN in codes
        if narrow(codes) == pl.Int32:
            self._dtype = pl.Int32
