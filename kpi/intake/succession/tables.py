"""Tables of units that succeed one another: read, and checked without any data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import problem_of, read_numbers
from kpi.intake.entities import from_data
from kpi.intake.files.headers import clean
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Table
from kpi.intake.roster import roster_of
from kpi.intake.succession.steps import Row, Succession
from kpi.values import period_texts, periods
from kpi.values.periods import Grain

if TYPE_CHECKING:
    from kpi.language.system import System

_HEADERS = {
    "old": ("old", "旧", "原", "旧单位", "原单位", "旧名称", "原名称", "调整前", "调整前单位"),
    "new": ("new", "新", "现", "新单位", "现单位", "新名称", "现名称", "调整后", "调整后单位"),
    "date": ("date", "日期", "生效日期", "调整日期", "生效时间", "起始日期"),
    "share": ("share", "份额", "比例", "占比", "比重"),
}


def succession_of(system: System) -> Succession | None:
    """Return the table of units that succeed one another, None where the system names none.

    Raises:
        DataError: K639 a column is missing, or a row has no unit or date; K644 a share that is none.
    """
    if system.entities.succession is None:
        return None
    return read_succession(system.home / system.entities.succession, system.period)


def examined(system: System) -> list[Diagnostic]:
    """Return what is wrong with the table of units that succeed one another, without any data."""
    try:
        table = succession_of(system)
        if table is None:
            return []
        roster = roster_of(system)
        table.steps(from_data(table.units) if roster is None else table.apart(roster))
    except DataError as error:
        return list(error.diagnostics)
    return table.within()


def read_succession(path: Path, grain: Grain) -> Succession:
    """Read a table of units that succeed one another: the columns old, new, date and, where units split, share.

    Args:
        path: a table file with a row per old and new unit.
        grain: of the scored periods.

    Raises:
        DataError: as for `succession_of`.
    """
    table = read(path)[0]
    known = {clean(header).casefold(): header for header in table.columns}
    headers = {role: next((known[word] for word in words if word in known), None) for role, words in _HEADERS.items()}
    lacking = [role for role in ("old", "new", "date") if headers[role] is None]
    if lacking:
        words = tuple(f"`{role}` ({_HEADERS[role][1]})" for role in lacking)
        hint = suggest(lacking[0], list(table.columns)) or Message("its columns are old, new, date and share")
        raise DataError(
            Diagnostic(
                "K639", Message("the table of succession has no column {columns}", columns=words), table.place(), hint
            )
        )
    rows, wrong = _rows(table, headers, grain)
    if not rows and not wrong:
        wrong.append(Diagnostic("K639", Message("the table of succession has no rows"), table.place()))
    if wrong:
        raise DataError(wrong)
    return Succession(table, tuple(rows), headers, grain)


def _rows(table: Table, headers: Mapping[str, str | None], grain: Grain) -> tuple[list[Row], list[Diagnostic]]:
    """Return the rows, and what is wrong with others."""
    frame = table.numbered().collect()
    cells = frame.select(
        pl.lit(None, dtype=pl.String).alias(role) if header is None
        else as_text(header).str.strip_chars().fill_null("").alias(role)
        for role, header in headers.items()
    ).with_columns(number=frame[ROW])  # fmt: skip
    spans = {row["text"]: row for row in period_texts.parse_column(cells["date"], timeline=grain.timeline).to_dicts()}
    share = headers["share"]
    parts = (
        [None] * frame.height
        if share is None
        else read_numbers(frame[share]).with_columns(text=frame[share]).to_dicts()
    )
    rows: list[Row] = []
    wrong: list[Diagnostic] = []
    for cell, number in zip(cells.to_dicts(), parts, strict=True):
        given = [role for role in ("old", "new", "date") if cell[role]]
        if not given:
            continue
        span, (part, problem) = spans[cell["date"]], _share(number)
        problems = {
            role: Message("the row has no {column}", column=role)
            for role in ("old", "new", "date")
            if role not in given
        }
        if "date" in given and (no_date := period_texts.problem(cell["date"], timeline=grain.timeline)) is not None:
            problems["date"] = no_date
        wrong += [
            Diagnostic("K639", text, table.place(cell["number"], headers[role])) for role, text in problems.items()
        ]
        if problem is not None:
            place = table.place(cell["number"], share)
            wrong.append(Diagnostic("K644", problem, place, Message("write parts of 1, such as 0.55 or 55%")))
        if not problems:
            start = int(span["start"])
            within = start % grain.months != 0 or _begun(cell["date"], start, grain)
            rows.append(Row(clean(cell["old"]), clean(cell["new"]), start, within, part, int(cell["number"])))
    return rows, wrong


def _share(cell: Mapping[str, object] | None) -> tuple[float | None, Message | None]:
    """Return a share as a part of one, None where the cell is blank, and what is wrong with it."""
    if cell is None:
        return None, None
    if cell["problem"] is not None:
        return None, problem_of(cell["text"])
    if cell["value"] is None:
        return None, None
    value = float(str(cell["value"])) / (100 if cell["unit"] == "%" else 1)
    if cell["unit"] not in (None, "%") or not 0 < value <= 1:
        return None, Message("`{value:g}{unit}` is no share", value=cell["value"], unit=cell["unit"] or "")
    return value, None


def _begun(text: str, start: int, grain: Grain) -> bool:
    """Return whether a date lies behind the first day of its month or week."""
    if not grain.timeline.weeks:
        return _day(text) > 1
    try:
        return period_texts.parse_instant(text).date() > grain.timeline.first_day(start)
    except periods.PeriodError:
        return False


def _day(text: str) -> int:
    """Return the day of a date, 1 where a text names none.

    >>> [_day(text) for text in ("2021-04-09", "20210409", "2021年4月9日", "2021-04-01 00:00:00", "2021-04", "2021")]
    [9, 9, 9, 1, 1, 1]
    """
    digits = re.findall(r"\d+", text)
    if digits and len(digits[0]) >= 8:
        return int(digits[0][6:8])
    return int(digits[2]) if len(digits) > 2 else 1
