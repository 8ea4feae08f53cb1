"""Keys that a whole table has, from a line above it, the name of its sheet or file, or a constant."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.files.headers import clean
from kpi.intake.files.table import Table
from kpi.intake.matching.key_columns import fineness_of, joined_period
from kpi.intake.shapes.labels import labelled, named_inside, period_in, period_inside, periods_inside, stem
from kpi.intake.shapes.turning import ADDED, new_name
from kpi.language.datasets import Dataset, Elsewhere
from kpi.values import period_texts
from kpi.values.timelines import Timeline

#: How many of the first rows show what a column holds.
_HEAD = 10_000

#: What the keys of a table are called in messages.
KEYS = {"period": Message("period"), "entity": Message("unit"), "measure": Message("measure"),
        "year": Message("year")}  # fmt: skip


def declared_keys(table: Table, dataset: Dataset, timeline: Timeline) -> dict[str, tuple[str, Message]]:
    """Return the keys that a dataset declares for whole tables: by role the text, and where it stands.

    Raises:
        DataError: K566 a text is not there.
    """
    keys: dict[str, tuple[str, Message]] = {}
    for role, source in dataset.elsewhere.items():
        text = _text(table, role, source, timeline)
        if text is None:
            place = {"sheet": Message("name of the sheet"), "file": Message("name of the file"),
                     "title": Message("lines above the table")}[str(source.from_)]  # fmt: skip
            message = Message("the {place} says no {key}", place=place, key=KEYS[role])
            hint = Message("write `{role}: {{constant: ...}}` or name the column, under `columns:`", role=role)
            raise DataError(Diagnostic("K566", message, table.place(), hint))
        where = {
            "sheet": Message("the name of the sheet"), "file": Message("the name of the file"),
            "title": Message("the lines above the table"), None: Message("the definition"),
        }[source.from_]  # fmt: skip
        keys[role] = (text, where)
    return keys


def _text(table: Table, role: str, source: Elsewhere, timeline: Timeline) -> str | None:
    """Return the text of a key, None where it is not there."""
    if source.constant is not None:
        return source.constant
    if source.from_ == "title":
        if role in ("period", "entity", "measure") and (line := labelled(table.titles, role)) is not None:
            return line[0]
        if role == "period":
            return period_inside(" ".join(table.titles), timeline)
        return table.titles[0] if len(table.titles) == 1 else None
    text = clean(table.sheet or "") if source.from_ == "sheet" else stem(table.file)
    if role == "period":
        return text if period_in(text, timeline=timeline) is not None else period_inside(text, timeline)
    return text or None


def period_of_table(table: Table, timeline: Timeline) -> tuple[str, Message] | None:
    """Return the period that the lines above a table, its sheet and its file name, and where it stands.

    A text that is a period goes before one that names one among other words: 各市主要指标（2019年). None where there is
    none, or where they differ.
    """
    candidates: list[tuple[str, Message]] = []
    if (line := labelled(table.titles, "period")) is not None:
        candidates.append((line[0], Message("the title `{title}`", title=line[1])))
    candidates += [(title, Message("the title `{title}`", title=title)) for title in table.titles]
    if table.sheet is not None:
        candidates.append((clean(table.sheet), Message("the name of the sheet")))
    candidates.append((stem(table.file), Message("the name of the file")))
    dated = [(text, where) for text, where in candidates if period_in(text, timeline=timeline) is not None]
    titled, others = (
        [(text, where) for words, where in items if (text := named_inside(words, timeline)) is not None]
        for items in (
            [candidate for candidate in candidates if candidate not in dated and candidate[0] in table.titles],
            [candidate for candidate in candidates if candidate not in dated and candidate[0] not in table.titles],
        )
    )
    # A title of two periods, such as of a comparison, says that not all rows are of one.
    if any(periods_inside(title, timeline) > 1 for title in table.titles):
        titled = []
    named = dated or titled
    # A longer name of a sheet or file may be of something else: it only contradicts.
    agreed = len({period_texts.parse(text, timeline=timeline) for text, _ in (*dated, *titled, *others)}) == 1
    return named[0] if named and agreed else None


def with_keys(table: Table, keys: Mapping[str, str], named: str | None) -> Table:
    """Return a table with a column for each key that all of its rows have.

    Rows that have nothing but the name of a unit have none: they are headings, or blank.

    Args:
        table: the table, not in pieces.
        keys: the texts by role.
        named: the header of the column of units, None without one.
    """
    if not keys:
        return table
    others = [header for header in table.columns if header != named]
    filled = pl.any_horizontal(pl.selectors.by_name(*others).is_not_null())
    roles = dict(table.roles)
    for role, text in keys.items():
        name = new_name(ADDED[role], table.columns)
        table = table.with_column(name, pl.when(filled).then(pl.lit(text)))
        roles[role] = name
    return replace(table, roles=roles, of_one=keys.get("entity", table.of_one))


def years_lacking(table: Table, header: str, timeline: Timeline) -> bool:
    """Return whether the periods of a column, in the first rows, are parts of a year and none names its year."""
    texts = table.raw.head(_HEAD).select(_texts(header)).unique().collect().to_series().alias("cells").drop_nulls()
    known = [period_in(clean(text), timeline=timeline) is not None for text in texts]
    return not any(known) and any(_in_year(text, header, 2000, timeline) is not None for text in texts)


def with_year(table: Table, header: str, year: int, timeline: Timeline) -> Table:
    """Return a table whose column of parts of a year, such as 1月, names the year, too; not for one in pieces."""
    texts = table.raw.select(_texts(header)).unique().collect().to_series().alias("cells").drop_nulls()
    meant = {text: _in_year(text, header, year, timeline) for text in texts}
    meant = {text: period for text, period in meant.items() if period is not None}
    column = _texts(header).replace(meant)

    def written(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
        return None if rows is None else rows.with_columns(column)

    return replace(
        table, frame=table.frame.with_columns(column), cells=written(table.cells),
        numbered_cells=written(table.numbered_cells), scan=None, numbers=table.numbers - {header},
        mixed=table.mixed - {header},
    )  # fmt: skip


def _texts(header: str) -> pl.Expr:
    text = pl.selectors.by_name(header).as_expr().cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text.str.replace(r"^(\d+)\.0$", "$1")).alias(header)


def _in_year(text: str, header: str, year: int, timeline: Timeline) -> str | None:
    """Return the text of a part of a year with that year, None for any other.

    >>> [_in_year(text, "月份", 2023, Timeline()) for text in ("1月", "2", "一季度", "东湖县")]
    ['2023-01', '2023年2月', '2023Q1', None]
    """
    joined = joined_period(str(year), clean(text), fineness_of(header), timeline)
    return joined if joined is not None and period_in(joined, timeline=timeline) is not None else None


def key_notes(table: Table, keys: Mapping[str, tuple[str, Message]]) -> list[Diagnostic]:
    """Return a note on each key of a whole table."""
    return [
        Diagnostic(
            "K565",
            Message("the {key} of all rows is `{text}`, from {where}", key=KEYS[role], text=text, where=where),
            table.place(), None, Severity.INFO,
        )
        for role, (text, where) in keys.items()
    ]  # fmt: skip
