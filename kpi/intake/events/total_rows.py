"""Rows of totals among events: a column of texts says 小计, 本月合计 or 过次页 where others say what the event was.

They are no events and are left out as rows of totals of reported figures are. A text that a measure
compares the column with is its own business: its rows stay, with a warning where another measure counts them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.aggregate_rows import Exclusions, by_name, folded, listed, unframed
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import fold
from kpi.intake.events.conditions import literals
from kpi.intake.events.events import Events, Repeats, unit_column
from kpi.intake.files.headers import clean
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import column_of
from kpi.language.measures import Measure
from kpi.language.record_columns import expressions_of
from kpi.values.patterns import regex

_SPAN = (
    r"(本|当|该|上|全)?(日|天|旬|周|月|月份|季|季度|半年|年|年度|期|页|次|批|组|户|类|项|科目|市|县|区|省|镇|乡|村)"
    r"|\d{1,2}月份?|第?[一二三四1-4]季度|\d{4}年度?|上半年|下半年"
)
_NAME = regex(
    rf"({_SPAN})?(累计|[合总小共](计|計))(数|额|金额|件数)?[\d一二三四五六七八九十]{{0,2}}"
    r"|平均(值|数)?|均值|过次页|转次页|承前页|承上页|(grand |sub[- ]?)?totals?|averages?"
)
# The texts that are worth a closer look, for the scan.
_SUSPECT, _LONGEST = "计|計|均|次页|前页|上页|(?i:total|average)|[Ａ-Ｚａ-ｚ]", 60

#: How many of the first rows of a table are inspected, and how many of a large one, beside its last; if a total stands
#: there, or the figures look so (`suspected_totals`), all rows are.
_ROWS, _HEAD = 100_000, 20_000
#: How many rows a table has at most of which all finer units are inspected; those of a larger one are a warning.
_INSPECTED = 5_000_000


@lru_cache(1 << 12)
def is_total(text: str) -> bool:
    """Return whether a whole cell is the name of a total, a mean or a balance carried over.

    >>> some = ("小 计", "本月合计：", "本年累计", "6月小计", "【合计】", "小计2", "过次页", "Sub-total")
    >>> [text for text in some if not is_total(text)]
    []
    >>> [text for text in ("水电费合计", "会计", "设计", "统计局", "共计划", "Total Energies") if is_total(text)]
    []
    """
    return _NAME.fullmatch(unframed(folded(text))) is not None


class TotalRows(Struct):
    """The rows of totals of a dataset: the findings, and the number of rows left out of each table, by position."""

    findings: list[Diagnostic] = field(default_factory=list)
    by_table: dict[int, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """The number of rows that are left out."""
        return sum(self.by_table.values())


def without_totals(
    tables: Sequence[Events],
    measures: Mapping[str, Measure],
    exclusions: Exclusions,
    *,
    suspected: Collection[int] = (),
) -> tuple[list[Events], TotalRows]:
    """Leave out the rows of totals of some tables.

    Args:
        tables: the tables of a dataset.
        measures: its measures, whose conditions may name a total.
        exclusions: the names that are kept.
        suspected: the positions of tables of which all rows are inspected, whatever their size.
    """
    result, left_out = TotalRows(), {}
    finer = {measure.per for measure in measures.values() if measure.per is not None}
    for at, table in enumerate(tables):
        rows = _rows(table, _with_totals(table, finer, every=at in suspected), exclusions)
        totals: set[int] = set()
        for header, items in rows.items():
            compared = literals(expressions_of(list(measures.values())), _names(table, header))
            kept = [(text, row) for text, row in items if fold(text) in compared]
            if kept:
                result.findings += _kept(table, header, kept, measures)
            out = [(text, row) for text, row in items if fold(text) not in compared and row not in totals]
            if out:
                totals |= {row for _, row in out}
                result.findings.append(_note(table, header, out))
        if totals:
            left_out[at], result.by_table[at] = totals, len(totals)
    if not left_out:
        return list(tables), result
    nothing = pl.Series(dtype=pl.UInt32)
    return [
        replace(table, repeats=Repeats(pl.Series(sorted(left_out.get(at, ())), dtype=pl.UInt32), nothing))
        for at, table in enumerate(tables)
    ], result


def finer_totals(names: pl.Series) -> set[str]:
    """Return the names of finer units (`per`) that are those of totals; none where hashes stand for them."""
    if names.dtype != pl.String:
        return set()
    suspects = names.to_frame("name").filter(_suspect(pl.col("name"))).to_series().unique()
    return set(filter(is_total, suspects))


def late_totals(table: Events, per: str, names: Collection[str]) -> list[Diagnostic]:
    """Return the warning (K675) about finer units with the names of totals that stand beyond the first rows."""
    if not names:
        return []
    message = Message(
        "finer units in `{column}` have names of totals, and count: {names}", column=per, names=tuple(sorted(names))
    )
    hint = Message("leave them out with `where: {column} <> '{name}'`", column=per, name=min(names))
    header, _ = column_of(table.source.table, per) or (per, None)
    return [Diagnostic("K675", message, table.source.table.place(None, header), hint, Severity.WARNING)]


def _texts(table: Events) -> list[str]:
    """Return the columns of texts of a table that say what an event was: neither when nor about whom, nor figures."""
    roles = table.source.roles
    taken = {roles.get(role) for role in ("period", "entity", "code", "revision")} | {unit_column(table.source)}
    taken |= {column.header for column in table.numbers.values()}
    schema = table.source.table.raw.collect_schema()
    return [
        name for name, dtype in schema.items()
        if name not in taken and (dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum))
    ]  # fmt: skip


def is_inspected_in_part(table: Events) -> bool:
    """Return whether a table is so large that totals in the middle of it are not looked for, and can be."""
    complete = table.source.table.whole or table.source.table
    return (complete.size or complete.about or 0) > _ROWS and complete.remote is None


def _with_totals(table: Events, finer: Collection[str], *, every: bool) -> list[str]:
    """Return the columns that have names of totals in their first rows, and columns of finer units to be inspected.

    With `every` the names may stand in any row.
    """
    headers = _texts(table)
    complete = table.source.table.whole or table.source.table
    many = complete.size or complete.about or 0
    # NOTE: Polars 2.1 takes a derived column with a name such as ^a$ for a pattern, and finds none.
    suspects = [
        as_text(header).filter(_suspect(as_text(header))).unique().implode().alias(str(place))
        for place, header in enumerate(headers)
    ]  # fmt: skip
    texts = []
    if headers and every:
        texts.append(complete.raw.select(suspects).collect(engine="streaming"))
    elif headers:
        texts.append(complete.raw.head(_HEAD if many > _ROWS else _ROWS).select(suspects).collect())
    if headers and not every and many > _ROWS and complete.remote is None:
        # Totals stand below the last rows of what they sum up.
        texts.append(complete.last_texts(headers).select(suspects))
    inspected = finer if many <= _INSPECTED and complete.remote is None else ()
    return [
        header for place, header in enumerate(headers)
        if any(is_total(text) for frame in texts for text in frame.to_series(place)[0])
        or not _names(table, header).isdisjoint(inspected)
    ]  # fmt: skip


def _names(table: Events, header: str) -> set[str]:
    """Return the names that the measures may give a column."""
    columns = ((name, column_of(table.source.table, name)) for name in table.kinds)
    return {header, *(name for name, column in columns if column is not None and column[0] == header)}


def _suspect(text: pl.Expr) -> pl.Expr:
    return (text.str.len_bytes() <= _LONGEST) & text.str.contains(_SUSPECT)


def _rows(table: Events, headers: Sequence[str], exclusions: Exclusions) -> dict[str, list[tuple[str, int]]]:
    """Return the texts and rows of totals in some columns.

    A column of which most filled cells are names of totals is one of kinds of figures, and is left alone.
    """
    rows_of = {}
    for header in headers:
        text = as_text(header)
        cells = table.source.table.numbered().select(ROW, text=text)
        suspects = cells.filter(_suspect(pl.col("text"))).collect()
        items = [
            (str(name), int(row)) for row, name in suspects.rows() if is_total(name) and not exclusions.is_kept(name)
        ]
        if items and 2 * len(items) <= int(cells.select(pl.col("text").count()).collect().item()):
            rows_of[header] = items
    return rows_of


def _note(table: Events, header: str, rows: Sequence[tuple[str, int]]) -> Diagnostic:
    """Return the note on rows that are left out."""
    source = table.source.table
    totals = listed(by_name((text, source.row_of(row)) for text, row in rows))
    message = Message("left out, as totals and the like are no events: {totals}", totals=totals)
    hint = Message("if they are events, write `entities: {{keep: [{name}]}}`", name=clean(rows[0][0]))
    return Diagnostic("K612", message, source.place(None, header), hint, Severity.INFO)


def _kept(
    table: Events, header: str, rows: Sequence[tuple[str, int]], measures: Mapping[str, Measure]
) -> list[Diagnostic]:
    """Return the warning about rows of totals that a measure asks for and others count as events."""
    names = _names(table, header)
    others = tuple(
        f"`{name}`" for name, measure in measures.items() if not literals(expressions_of([measure]), names)
    )  # fmt: skip
    if not others:
        return []
    source = table.source.table
    totals = listed(by_name((text, source.row_of(row)) for text, row in rows))
    message = Message("rows of totals count as events in {measures}: {totals}", measures=others, totals=totals)
    hint = Message(
        "as another measure asks for {name}, they are kept: leave them out with `where: {column} <> '{name}'`",
        name=clean(rows[0][0]), column=header,
    )  # fmt: skip
    return [Diagnostic("K675", message, source.place(None, header), hint, Severity.WARNING)]
