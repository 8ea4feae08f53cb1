"""Events whose number (编号, 办件编号, 工单号, id) stands in several rows, in a dataset without a key: all count."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.cells.cell_text import as_text
from kpi.intake.events.events import MONTH, WHO, Events
from kpi.intake.events.rounded_numbers import is_rounded
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import column_of
from kpi.language.measures import Measure
from kpi.values.patterns import regex

#: Headers of numbers of events, without blanks and in lower case. Those of projects, people or enterprises may repeat.
_NUMBER = regex(
    "编号|((办件|业务|事项办理|受理|案件|案|工单|诉求|来电|投诉|举报|申请|申报|申办|订单|流水|记录|事件|信访|信访件|检查|处罚|许可|单据|单|件|凭证|票|合同)"
    "(流水)?(编号|编码|号码?|序号|id))|流水|唯一(编码|标识|码)|主键"
    r"|id|uuid|guid|((case|ticket|request|order|record|event|transaction|application|complaint|call|serial|incident|permit)"
    r"[ _-]?(id|no\.?|number|nr\.?|key))"
)

#: Numbers that often begin anew for each unit or month.
_GENERAL = regex(r"编号|流水号?|记录(编号|号)|单号|id|((record|serial)[ _-]?(id|no\.?|number|nr\.?|key))")

#: How many rows tables may have in which numbers are compared.
_ROWS = 500_000

#: A column whose numbers stand in so many rows on average is not one of numbers of events.
_MANY = 5

_SOURCE, _TEXT, _AT = "#source", "#number", "#at"


def repeated_numbers(tables: Sequence[Events], measures: Mapping[str, Measure]) -> Iterator[Diagnostic]:
    """Yield a warning (K690) for each column of numbers of events in which some stand in several rows.

    Numbers may begin anew in another table, and those called 编号 or id for each unit or month: then the unit and the
    month must be the same, too. A column that a measure reads, as `distinct` does, is its business.

    Args:
        tables: the tables of a dataset without a key.
        measures: its measures.
    """
    finer = {measure.per for measure in measures.values() if measure.per is not None}
    headers = dict.fromkeys(header for table in tables for header in _numbers(table, finer))
    for header in headers:
        mine = [(at, table) for at, table in enumerate(tables) if header in _numbers(table, finer)]
        complete = [table.source.table.whole or table.source.table for _, table in mine]
        if any(table.remote is not None for table in complete) or sum(map(_size, complete)) > _ROWS:
            continue
        if not _repeats(pl.concat(table.kept().select(_text(header).hash(0)) for _, table in mine)):
            continue
        rows = pl.concat(
            table.kept()
            .select(
                pl.lit(at, dtype=pl.UInt32).alias(_SOURCE),
                _text(header).alias(_TEXT),
                table.columns[WHO].alias(WHO),
                table.columns[MONTH].alias(MONTH),
            )
            .drop_nulls(_TEXT)
            for at, table in mine
        )
        yield from _findings(header, rows.collect(engine="streaming").with_row_index(_AT), tables)


def _numbers(table: Events, finer: Collection[str]) -> list[str]:
    """Return the headers of the columns of numbers of events of a table."""
    read = {column[0] for name in table.kinds if (column := column_of(table.source.table, name)) is not None}
    used = {*(header for role, header in table.source.roles.items() if role != "order"), *read, *finer}
    columns = (column for column in table.source.table.columns if column not in used)
    return [column for column in columns if _NUMBER.fullmatch(_plain(column))]


def _plain(header: str) -> str:
    return re.sub(r"\s", "", header).casefold()


def _size(table: Table) -> int:
    """Return the number of rows of a table; sheets, of which it is not at hand, are in memory."""
    return table.size or table.about or table.rows


def _text(header: str) -> pl.Expr:
    text = as_text(header).str.strip_chars()
    return pl.when(text != "").then(text)


def _repeats(hashes: pl.LazyFrame) -> bool:
    """Return whether some hashes of numbers are there again, and not as often as those of something else.

    Hashes take less than half the time of the numbers themselves.
    """
    values = hashes.collect(engine="streaming").to_series().drop_nulls()
    return values.n_unique() < len(values) <= _MANY * values.n_unique()


def _findings(header: str, rows: pl.DataFrame, tables: Sequence[Events]) -> Iterator[Diagnostic]:
    rows = rows.filter(pl.col(_TEXT).is_duplicated())
    inside = rows.filter(pl.struct(_SOURCE, _TEXT).is_duplicated())
    inside = inside.clear() if _GENERAL.fullmatch(_plain(header)) else inside
    alike = rows.filter(pl.struct(_TEXT, WHO, MONTH).is_duplicated())
    further = (
        items.sort(_SOURCE, _AT).filter(~pl.struct(keys).is_first_distinct())
        for items, keys in ((inside, [_SOURCE, _TEXT]), (alike, [_TEXT, WHO, MONTH]))
    )
    again = pl.concat(further).unique([_SOURCE, _AT]).sort(_SOURCE, _AT)
    # What a spreadsheet rounded is the same for different events, and no key would tell them apart.
    if not again.height or again.select(is_rounded(pl.col(_TEXT)).all()).item():
        return
    place = tables[again[_SOURCE][0]].source.table.place(None, header)
    message = Message(
        "{rows} with a number in `{column}` that stands in another row, such as {number}; all count",
        rows=count(again.height, "row"), column=header, number=again[_TEXT][0],
    )  # fmt: skip
    hint = Message(
        "if it is the number of an event, write `key: {column}` for the dataset, so that each counts once",
        column=header,
    )
    yield Diagnostic("K690", message, place, hint, Severity.WARNING)
