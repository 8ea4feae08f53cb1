"""A document as data: a title, sections with a heading each, and in them paragraphs and tables.

All texts are in the language of the reader already. Writers decide on fonts, pages and rules; what is said, and in
which order, is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct, field
from rich.cells import cell_len

from kpi.report.language import current, tr
from kpi.report.marks import change, visible
from kpi.values.patterns import regex

# Signs that no XML has: halves of pairs of UTF-16, and two that are no characters.
_NO_XML = regex("[\ud800-\udfff\ufffe\uffff]")

#: A cell: a text, a number, a picture, nothing, or `SAME`, which is the cell above once more.
Cell: TypeAlias = "str | float | Same | Picture | None"


class Same:
    """The type of `SAME`."""

    __slots__ = ()


class Picture(Struct, frozen=True):
    """A picture in a cell, of which only pages make use: SVG that the program drew, trusted markup."""

    markup: str


#: How many half-width signs a column has for each share of its width, and at least, and of its heading at least.
_SHARE, _LEAST, _HEAD = 8, 6, 12

#: A cell that is one with the cell above.
SAME = Same()


class Column(Struct, frozen=True):
    """A column of a table.

    Attributes:
        heading: the heading.
        width: the greatest share of the width of the table, relative to the other columns; short texts take less.
        align: of texts; numbers are at the right.
        decimals: of numbers; None for as many as they have, at most six digits.
        signed: whether numbers are differences, which have a sign.
    """

    heading: str
    width: float = 1
    align: Literal["left", "center", "right"] = "left"
    decimals: int | None = None
    signed: bool = False

    def shown(self, cell: Cell) -> str:
        """Return a cell as text; `SAME` and nothing are empty.

        >>> Column("分值", decimals=2).shown(2.5), Column("权重").shown(2.0), Column("权重").shown(None)
        ('2.50', '2', '')
        >>> Column("增减", decimals=2, signed=True).shown(2.5)
        '+2.50'
        """
        if cell is None or isinstance(cell, Same | Picture):
            return ""
        if isinstance(cell, str):
            return inert(cell)
        if self.signed:
            return change(cell, 2 if self.decimals is None else self.decimals)
        return f"{cell:,.6g}" if self.decimals is None else f"{cell:,.{self.decimals}f}"


def _breadth(text: str) -> int:
    """Return how many half-width signs a text takes; stars are as wide as Chinese signs in Chinese fonts."""
    return cell_len(text) + sum(text.count(sign) for sign in "★☆")


class Table(Struct, frozen=True):
    """A table with a header; its `caption` stands above it."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    @property
    def widths(self) -> list[float]:
        """The shares of the columns in the width of the table, which add up to 1."""
        wanted = []
        for place, column in enumerate(self.columns):
            longest = max((_breadth(column.shown(row[place])) for row in self.rows), default=0)
            needed = max(longest, min(cell_len(column.heading), _HEAD)) + 3
            wanted.append(min(max(needed, _LEAST), max(column.width * _SHARE, _LEAST)))
        return [width / sum(wanted) for width in wanted]

    def compact(self) -> Table:
        """Return the table without the columns in which no row has anything."""
        kept = [at for at in range(len(self.columns)) if any(row[at] not in (None, "") for row in self.rows)]
        rows = [[row[at] for at in kept] for row in self.rows]
        return Table([self.columns[at] for at in kept], rows, self.caption)

    def merged(self, column: int) -> Iterator[tuple[int, int]]:
        """Yield the first and the last row of each cell of a column that continues in the rows below.

        >>> table = Table([Column("一级指标")], [["政务"], [SAME], ["民生"]])
        >>> list(table.merged(0))
        [(0, 1)]
        """
        start = 0
        for row in range(1, len(self.rows) + 1):
            if row < len(self.rows) and isinstance(self.rows[row][column], Same):
                continue
            if row - 1 > start:
                yield start, row - 1
            start = row


class Paragraph(Struct, frozen=True):
    """A paragraph; a `remark` is set in smaller type, as what stands below a table."""

    text: str
    remark: bool = False


Part: TypeAlias = "Paragraph | Table"


class Section(Struct):
    """A heading with what stands below it; a `wide` section is on pages in landscape.

    Attributes:
        heading: the heading, without a number.
        short: the heading in a few characters, for the tab of a sheet.
        parts: paragraphs and tables, in order.
        wide: whether its tables need the width of a page in landscape.
    """

    heading: str
    short: str = ""
    parts: list[Part] = field(default_factory=list)
    wide: bool = False

    def write(self, *texts: str) -> None:
        """Append paragraphs, but no empty ones."""
        self.parts += [Paragraph(text) for text in texts if text]

    @property
    def tables(self) -> list[Table]:
        """The tables of the section."""
        return [part for part in self.parts if isinstance(part, Table)]


class Paper(Struct, frozen=True):
    """A document: a title, a line below it, sections, and a line in the margin of each page."""

    title: str
    subtitle: str = ""
    sections: Sequence[Section] = ()
    margin: str = ""

    @property
    def numbered(self) -> list[tuple[str, Section]]:
        """The sections that have something in them, with a number before each heading in the style of the language."""
        filled = [section for section in self.sections if section.parts]
        return [
            (tr("{number}. {heading}", number=numeral(place), heading=inert(item.heading)), item)
            for place, item in enumerate(filled, start=1)
        ]


#: The digits of Chinese numerals.
_DIGITS = "〇一二三四五六七八九"


def numeral(number: int) -> str:
    """Return the number of a heading: 一, 十二 in Chinese, 1, 12 elsewhere.

    >>> from kpi.report.language import using
    >>> with using("zh"):
    ...     [numeral(one) for one in (1, 10, 12, 20, 21)]
    ['一', '十', '十二', '二十', '二十一']
    """
    if current() != "zh" or not 0 < number < 100:
        return str(number)
    tens, items = divmod(number, 10)
    return ("" if not tens else "十" if tens == 1 else f"{_DIGITS[tens]}十") + (_DIGITS[items] if items else "")


def sentence(text: str) -> str:
    """Return a phrase as a sentence: with a capital letter and a full stop.

    >>> sentence("by score: A ≥ 90")
    'By score: A ≥ 90.'
    """
    words = tr("{rule}.", rule=text)
    return words[:1].upper() + words[1:]


def inert(text: str) -> str:
    r"""Return a text on one line, with signs escaped that a file format cannot hold or that reorder what is read.

    >>> inert("东湖县\n\ufffe")
    '东湖县\\n\\ufffe'
    """
    return _NO_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
