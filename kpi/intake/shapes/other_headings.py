"""Headings among the rows of a table that are not its own: what follows them would be read under the wrong columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import polars as pl

from kpi.errors import DataError, Diagnostic, Message
from kpi.intake.files.headers import LEVELS, clean, role, split_unit
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import is_unit, measure_names, measure_of
from kpi.language.system import System
from kpi.values.patterns import regex

#: The roles of columns whose heading shows that a row is one.
_KEYS = ("entity", "code", "measure")

_NUMBER = regex(r"[+-]?[0-9][0-9,]*(\.[0-9]+)?")
_YEAR = regex(r"(19|20)[0-9]{2}(\.0)?")

#: The most rows that the in-memory engine looks through sooner than the other one has started.
_SMALL = 10_000

#: The most rows whose texts are compared here: patterns take longer to compile than so few texts to clean.
_FEW = 200

#: The beginning of a name.
_NAME = r"^\s*\p{L}"

#: In how many columns of figures names of others are looked for: a heading has several.
_FIGURES = 2


def check_headings(table: Table, system: System, declared: Collection[str] = ()) -> None:
    """Check that each row that repeats the heading of a key repeats all of them, and no other is a heading.

    Tables that are read in pieces are not checked here: their headings are, where they are left out. Nor are those with
    a column that is not of texts: no row of them can be a heading.

    Args:
        table: as it stands in its file, or with its blocks below each other.
        system: gives the names of measures.
        declared: the headings of further keys.

    Raises:
        DataError: K563 a row has other headings than the table.
    """
    if table.pieces is not None:
        return
    schema = table.frame.collect_schema()
    texts = [header for header in table.columns if schema[header] == pl.String]
    if any(schema[header] not in (pl.String, pl.Null) for header in table.columns):
        return  # a column of numbers or dates holds no heading, so no row does
    own = set(table.columns) - {header for header in table.roles.values() if header is not None}
    keys = [
        header
        for at, header in enumerate(table.columns)
        if header in texts and header in own and (at == 0 or header in declared or role(header) in _KEYS)
    ]
    if len(texts) < 2:
        return
    # NOTE: Polars 2.1 takes a derived column of such a name for a pattern, and finds none.
    keys = [key for key in keys if not (key.startswith("^") and key.endswith("$"))]
    figures = [header for header in texts if header not in keys and measure_of(measure_names(system), header)[0]]
    figures = figures[:_FIGURES]
    if not (keys or figures):
        return
    few = table.remote is None and table.size is not None and table.size <= _FEW
    any_like = _suspected_of_few(table, keys, figures) if few else _suspected(table, keys, figures)
    for key, is_like in zip(keys, any_like, strict=False):
        if not is_like:
            continue
        texts_like = table.distinct(table.frame.select(_texts(key)).filter(_like(key))).collect().to_series()
        if words := [text for text in texts_like if clean(text) in _words(key)]:
            rows = table.frame.with_row_index(ROW, offset=table.first_row).filter(_texts(key).is_in(words))
            refuse_others(table, rows.collect(), key)
    for header, has_names in zip(figures, any_like[len(keys) :], strict=False):
        if has_names:
            _refuse_names(table, system, header)


def _like(key: str) -> pl.Expr:
    """Return whether a cell of a column may be its heading once more."""
    return ~_texts(key).str.contains(_others(_words(key)))


def _suspected(table: Table, keys: Sequence[str], figures: Sequence[str]) -> Sequence[bool]:
    """Return which columns may hold a heading: keys, then figures with a name among them.

    All columns are looked at in one pass.
    """
    named = [_texts(header).str.contains(_NAME) for header in figures]
    looks = [look.any().alias(str(place)) for place, look in enumerate([*map(_like, keys), *named])]
    small = table.size is not None and table.size <= _SMALL
    seen = table.mapped(table.frame.select(looks)).select(pl.all().any())
    return seen.collect(engine="in-memory" if small else "auto").row(0)


def _suspected_of_few(table: Table, keys: Sequence[str], figures: Sequence[str]) -> Sequence[bool]:
    """Return the same as `_suspected` for a table of few rows, without a pattern."""
    texts = {header: {*table.first_cells(header)} - {None} for header in (*keys, *figures)}
    headings = [not _words(key).isdisjoint(map(clean, texts[key])) for key in keys]
    return headings + [any(text.lstrip()[:1].isalpha() for text in texts[header]) for header in figures]


def _texts(header: str) -> pl.Expr:
    return pl.selectors.by_name(header).cast(pl.String)


def _refuse_names(table: Table, system: System, header: str) -> None:
    """Refuse a table that has the name of another figure among the figures of a column.

    Raises:
        DataError: K563 there is one.
    """
    words = table.frame.with_row_index(ROW, offset=table.first_row).select(ROW, _texts(header).alias("text"))
    words = words.filter(pl.col("text").str.contains(_NAME))
    own = {*_words(header), split_unit(header, is_unit)[0]}
    for row, text in words.unique("text", keep="first", maintain_order=True).collect(engine="streaming").rows():
        if not _names_figure(clean(text), system) or clean(text) in own:
            continue
        message = Message(
            "row {row} has `{text}` among the figures of `{header}`: the rows below it are of other columns",
            row=table.row_of(row), text=clean(text), header=header,
        )  # fmt: skip
        hint = Message("put every table into a sheet or file of its own")
        raise DataError(Diagnostic("K563", message, table.place(row, header), hint))


def refuse_others(table: Table, rows: pl.DataFrame, key: str) -> None:
    """Refuse a table one of whose headings among the rows is not its own.

    Args:
        table: the table.
        rows: the rows that have the heading of a key in its column: `ROW` and the cells.
        key: the header of the column.

    Raises:
        DataError: K563 such a row has another text in another column.
    """
    further = {name: header for header, names in table.repeats.items() for name in names}
    for row in rows.rows(named=True):
        different = _different(row, table, further)
        if different is None or any(_is_figure(cell) for name, cell in row.items() if name in table.columns):
            continue
        header, text = different
        message = Message(
            "row {row} has the heading `{key}` once more, but `{text}` where the table has `{header}`: the rows below "
            "it are of other columns", row=table.row_of(row[ROW]), key=key, text=text, header=header,
        )  # fmt: skip
        hint = Message("put every table into a sheet or file of its own")
        raise DataError(Diagnostic("K563", message, table.place(row[ROW], header), hint))


def _different(row: Mapping[str, object], table: Table, further: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the first column whose cell in a row is not its heading, and the text of the cell; None without one."""
    added = {header for header in table.roles.values() if header is not None}
    for header in table.columns:
        cell = row.get(header)
        if cell is None or header in added or not (text := clean(str(cell)).removesuffix(".0")):
            continue
        words = _words(further.get(header, header))
        if table.depth > 1:
            # A row of units below the heading, too, is part of it.
            words |= {split_unit(word, is_unit)[0] for word in words}
        if text not in words and header not in table.unreadable and not is_unit(text):
            return header, text
    return None


def _is_figure(cell: object) -> bool:
    """Return whether a cell is a number that is no year: the row of one is of figures, whatever its key is.

    >>> [_is_figure(cell) for cell in ("1,200.5", "2023", "GDP", None)]
    [True, False, False, False]
    """
    text = "" if cell is None else clean(str(cell))
    return _NUMBER.fullmatch(text) is not None and _YEAR.fullmatch(text) is None


def _names_figure(text: str, system: System) -> bool:
    """Return whether a text is the name of a measure, or a name with a unit behind it: 完成率(%)."""
    name, unit = split_unit(text, is_unit)
    named = unit is not None and len(name) > 1 and not any(mark.isdigit() for mark in name)
    return named or measure_of(measure_names(system), text)[0] is not None


def _others(words: Collection[str]) -> str:
    """Return a pattern of texts that `clean` makes none of some words: with a digit or ideograph that none of them has.

    `clean` keeps both as they are. So the ids of thousands of records are passed over without being cleaned.

    >>> [regex(_others({"县区"})).search(text) is None for text in ("县 区", "县", "JX000001", "南湖区")]
    [True, True, False, False]
    """
    kept = "".join(sorted({*"0123456789"}.difference(*words)))
    ideographs = "".join(sorted({mark for word in words for mark in word if "一" <= mark <= "鿿"}))
    places = [0x4E00 - 1, *map(ord, ideographs), 0x9FFF + 1]
    gaps = [(low + 1, high - 1) for low, high in pairwise(places) if high - low > 1]
    return f"[{kept}{''.join(f'{chr(low)}-{chr(high)}' for low, high in gaps)}]"


def _words(header: str) -> set[str]:
    """Return what may stand in the rows of a heading: all of it, a level, or the parts of one of joined columns."""
    return {header, clean(header), *header.split(LEVELS), header.replace("+", ",")}
