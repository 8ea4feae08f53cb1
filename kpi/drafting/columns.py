"""What the columns of a table hold: figures, dates, periods, words, from their first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property

import polars as pl
from msgspec import Struct

from kpi.intake.cells.cell_text import texts_of
from kpi.intake.cells.numbers import Notation, read_number
from kpi.intake.files.headers import clean, split_unit
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import is_unit
from kpi.intake.shapes.labels import period_in
from kpi.intake.shapes.recognition import is_place
from kpi.values import period_texts, periods
from kpi.values.patterns import regex
from kpi.values.periods import Order
from kpi.values.timelines import MONTHS, Timeline

#: How many of the first rows show what a column holds.
HEAD = 2000

_DAY = regex(r"(?:19|20)\d{2}[-/.年]?\d{1,2}[-/.月]?\d{1,2}日?(?:[ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2}.*")
_DAY_BEHIND = regex(r"(\d{1,2})[-/.](\d{1,2})[-/.](?:19|20)\d{2}")
#: Headings of codes and numbers that identify.
_CODES = regex(
    r"[码号]$|邮编$|电话$|手机$|传真$|(^|[^a-z])(codes?|ids?|zip|zipcode|postcode|fips|phone|telephone|fax)$",
    re.IGNORECASE,
)
_COMMA = Notation(decimal=",")


class Column(Struct, frozen=True, dict=True):
    """The first cells of a column, as texts without blank ones."""

    header: str
    cells: list[str]
    dtype: pl.DataType
    timeline: Timeline = MONTHS

    @property
    def filled(self) -> bool:
        """Whether there is any cell."""
        return bool(self.cells)

    @cached_property
    def distinct(self) -> list[str]:
        """The different cells, in the order in which they come."""
        return list(dict.fromkeys(self.cells))

    def share(self, test: Callable[[str], bool]) -> float:
        """Return the part of the different cells that pass a test, 0 where there is none."""
        return sum(map(test, self.distinct)) / len(self.distinct) if self.distinct else 0.0

    @cached_property
    def figures(self) -> float:
        """The part of the different cells that are figures, or marks of missing ones; 0 where none is a figure."""
        if self.dtype.is_numeric() or self.dtype == pl.Boolean:
            return 1.0 if self.filled else 0.0
        numbers = [self.number(cell) for cell in self.distinct]
        if not any(numbers):
            return 0.0
        return sum(number is not None for number in numbers) / len(numbers)

    def number(self, cell: str) -> bool | None:
        """Return whether a cell is a figure; False for a mark of a missing one, None for anything else."""
        read = read_number(cell)
        if read.problem is not None:
            read = read_number(cell, _COMMA)
        return None if read.problem is not None else read.value is not None

    @cached_property
    def is_dates(self) -> bool:
        """Whether the cells are days, perhaps with a time."""
        if self.dtype in (pl.Date, pl.Datetime):
            return self.filled
        return self.filled and self.share(_is_day) > 0.9

    @cached_property
    def dates(self) -> Order:
        """The order of year, month and day in dates whose year stands last: `ymd` where they need none.

        Where no day is beyond 12, dates are taken for `dmy`.
        """
        pairs = [(int(day[1]), int(day[2])) for cell in self.distinct if (day := _DAY_BEHIND.match(cell)) is not None]
        if not pairs:
            return "ymd"
        return "mdy" if any(second > 12 for _, second in pairs) else "dmy"

    @cached_property
    def is_periods(self) -> bool:
        """Whether the cells are periods with their year."""
        return self.filled and self.share(self._is_period) > 0.9

    def _is_period(self, cell: str) -> bool:
        return period_in(clean(cell), None, self.dates, self.timeline) is not None

    @cached_property
    def is_places(self) -> bool:
        """Whether most cells are names of places."""
        return self.filled and self.share(lambda cell: is_place(clean(cell))) > 0.5

    @cached_property
    def is_words(self) -> bool:
        """Whether most cells are words: neither figures nor dates."""
        return self.filled and not self.is_dates and self.figures < 0.5 and not self.dtype.is_numeric()

    @cached_property
    def is_codes(self) -> bool:
        """Whether the cells are codes, no figures: digits of which some begin with 0, or a heading that says so.

        >>> [Column(header, ["12"], pl.String()).is_codes for header in ("邮政编码", "ZIP", "id", "件数", "码(个)")]
        [True, True, True, False, False]
        >>> Column("FIPS", ["01", "02"], pl.String()).is_codes, Column("share", ["0.1", "0"], pl.String()).is_codes
        (True, False)
        """
        if split_unit(self.header, is_unit)[1] is not None:
            return False
        if _CODES.search(clean(self.header)):
            return True
        return self.dtype == pl.String and any(re.fullmatch("0[0-9]+", cell) for cell in self.distinct)

    @property
    def unit(self) -> str | None:
        """The unit that most of the figures that have one have behind them."""
        if self.dtype.is_numeric():
            return None
        read = (read_number(cell) for cell in self.cells)
        units = Counter(
            number.unit
            for number in read
            if number.value is not None and number.unit is not None and is_unit(number.unit)
        )
        return units.most_common(1)[0][0] if units else None

    @property
    def within_one(self) -> bool:
        """Whether all figures are fractions between 0 and 1, some of them between."""
        values = [read.value for cell in self.distinct if (read := read_number(cell)).value is not None]
        return bool(values) and all(0 <= value <= 1 for value in values) and any(0 < value < 1 for value in values)

    @property
    def comma(self) -> bool:
        """Whether figures have a decimal comma."""
        odd = [cell for cell in self.distinct if "," in cell and read_number(cell).problem is not None]
        return bool(odd) and all(read_number(cell, _COMMA).problem is None for cell in self.distinct if "," in cell)

    def marks(self) -> list[str]:
        """Return the short texts without digits that stand where figures are missing, beside the usual marks."""
        return [
            cell
            for cell in self.distinct
            if len(cell) <= 4 and not re.search(r"\d", cell) and self.number(cell) is None
        ]


def _is_day(cell: str) -> bool:
    if _DAY.fullmatch(cell.strip()) is None:
        return False
    try:
        period_texts.parse(cell)
    except periods.PeriodError:
        return _DAY_BEHIND.match(cell) is not None
    return not re.fullmatch(r"\d{6}", cell.strip())


def columns_of(table: Table, timeline: Timeline = MONTHS) -> dict[str, Column]:
    """Return what the columns of a table hold, by their headers; further columns of one header are left out."""
    further = {header for headers in table.repeats.values() for header in headers}
    frame = table.frame.head(HEAD).collect()
    columns = {}
    for header in table.columns:
        if header in further or header in table.unreadable:
            continue
        # Polars takes the name of a series, such as ^a$, for a pattern where it evaluates a method of it.
        series = frame[header].alias("")
        texts = texts_of(series).str.strip_chars().drop_nulls()
        columns[header] = Column(header, [text for text in texts.to_list() if text], series.dtype, timeline)
    return columns
