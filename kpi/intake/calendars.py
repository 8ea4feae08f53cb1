"""Working days of a dataset of events: Chinese public holidays and make-up days, or a table of the user."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count, suggest
from kpi.intake.cells import instants
from kpi.intake.cells.numbers import PLAIN
from kpi.intake.files.headers import clean
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import datasets, of_dataset
from kpi.language.datasets import Dataset, Records
from kpi.language.measures import Measure
from kpi.language.record_columns import DURATIONS, column_kinds, counted_in, counts_working_days, expressions_of
from kpi.values.periods import EPOCH
from kpi.values.working_days import WorkingDays

if TYPE_CHECKING:
    from kpi.language.system import System

_HEADERS = {
    "date": ("date", "day", "日期"),
    "working": ("working", "workday", "工作日", "是否工作日", "上班", "是否上班", "类型"),
}
_WORKING = {
    True: ("yes", "y", "true", "1", "是", "工作日", "上班", "班", "补班", "调休上班", "working"),
    False: (
        "no",
        "n",
        "false",
        "0",
        "否",
        "休息日",
        "非工作日",
        "节假日",
        "法定节假日",
        "放假",
        "休息",
        "休",
        "假",
        "free",
    ),
}
_MEANING = {word: working for working, words in _WORKING.items() for word in words}

#: A year has at least so many holidays from Monday to Friday (全国年节及纪念日放假办法 names 13 days, 11 before 2025).
_FEW = 7

#: The package lists no make-up day for the last Saturday of 2005, which was one.
_FIRST_YEAR = 2006


def notes_of(system: System, dataset: Dataset, calendar: WorkingDays) -> list[Diagnostic]:
    """Return what is to be said of the working days for a dataset, see `few_days`."""
    own = dataset.calendar if isinstance(dataset, Records) else None
    return few_days(calendar, Place(str(system.home / (own or system.calendar or ""))))


def calendar_of(system: System, dataset: Dataset) -> WorkingDays:
    """Return the working days for a dataset: of the table that it or the system names, else those of China.

    Raises:
        DataError: K666 the package that knows them is not installed; K667 what is wrong with the table.
    """
    own = dataset.calendar if isinstance(dataset, Records) else None
    name = own or system.calendar
    return of_china() if name is None else of_table(system.home / name)


@functools.cache
def of_china() -> WorkingDays:
    """Return the working days of China by the notices of the State Council (国务院办公厅关于节假日安排的通知).

    Raises:
        DataError: K666 the package `chinesecalendar` is not installed.
    """
    import importlib

    try:
        known = importlib.import_module("chinese_calendar")
    except ImportError:
        message = Message(
            "counting working days needs the package `chinesecalendar`, which knows holidays and make-up days"
        )
        hint = Message("pip install chinesecalendar, or name a table of your own in the definition: calendar: days.csv")
        raise DataError(Diagnostic("K666", message, hint=hint)) from None
    years = range(_FIRST_YEAR, max(known.holidays).year + 1)
    return WorkingDays.of_weeks(years, set(known.workdays), set(known.holidays), "chinesecalendar")


def of_table(path: Path) -> WorkingDays:
    """Read a table of days that differ from Monday to Friday: the columns date and working.

    It holds for the years that it has a day of, which are without a gap. A year at an end of which it has days of the
    turn of the year alone is not listed: a table of 2023 often begins with the last days of December.

    Raises:
        DataError: K667 a column is missing, a cell is neither, a day is given twice, a year lacks; and with the file.
    """
    table = read(path)[0]
    known = {clean(header).casefold(): header for header in table.columns}
    headers = {role: next((known[word] for word in words if word in known), None) for role, words in _HEADERS.items()}
    lacking = [role for role, header in headers.items() if header is None]
    if lacking:
        words = ", ".join(f"`{role}` ({_HEADERS[role][-1 if role == 'date' else 2]})" for role in lacking)
        hint = suggest(lacking[0], list(table.columns)) or Message("its columns are date and working")
        raise DataError(
            Diagnostic("K667", Message("the calendar has no column {words}", words=words), table.place(), hint)
        )
    days, wrong = _days(table, str(headers["date"]), str(headers["working"]))
    if not days and not wrong:
        wrong.append(Diagnostic("K667", Message("the calendar has no rows"), table.place()))
    years = sorted({day.year for day in days})
    gaps = [str(year) for year in range(years[0], years[-1]) if year not in years] if years else []
    if gaps:
        message = Message(
            "the calendar has no day of {gaps}, between {first} and {last}",
            gaps=tuple(gaps),
            first=years[0],
            last=years[-1],
        )
        wrong.append(
            Diagnostic("K667", message, table.place(), Message("list the holidays and make-up days of every year"))
        )
    if wrong:
        raise DataError(wrong)
    years = _listed(years, days)
    working, free = ({day for day, works in days.items() if works is wanted} for wanted in (True, False))
    calendar = WorkingDays.of_weeks(years, working, free, path.name, of_own=True)
    return replace(calendar, listed={year: sum(day.year == year for day in days) for year in years})


def few_days(calendar: WorkingDays, place: Place) -> list[Diagnostic]:
    """Return a warning for the years of which a table lists hardly a day: all others are taken for Monday to Friday.

    Args:
        calendar: the working days.
        place: of the table.
    """
    few = {year: many for year, many in calendar.listed.items() if many < _FEW}
    if not few:
        return []
    message = Message(
        "the calendar lists {listed}: every other day counts as Monday to Friday",
        listed=tuple(Message("{number} of {year}", number=count(many, "day"), year=year) for year, many in few.items()),
    )
    hint = Message("list all holidays and make-up days of these years, or remove their rows")
    return [Diagnostic("K641", message, place, hint, Severity.WARNING)]


def _listed(years: list[int], days: Iterable[date]) -> list[int]:
    """Return the years of a table without a first or last one of which it has days beside the turn of the year alone.

    >>> _listed([2022, 2023], [date(2022, 12, 31), date(2023, 1, 2), date(2023, 10, 1)])
    [2023]
    """
    listed = {day.year for day in days if (1, 7) < (day.month, day.day) < (12, 25)}
    first, last = years[0] not in listed, years[-1] not in listed
    inner = years[first : len(years) - last]
    return inner or years


def _days(table: Table, date_header: str, working_header: str) -> tuple[dict[date, bool], list[Diagnostic]]:
    """Return the days of a table, each with whether it is a working day, and what is wrong in other rows."""
    frame = table.numbered().collect()
    at = instants.read(frame[date_header], PLAIN, "ymd")
    texts = frame[date_header].cast(pl.String), frame[working_header].cast(pl.String)
    days: dict[date, bool] = {}
    wrong: list[Diagnostic] = []
    for row, micros, day_text, text in zip(frame[ROW], at, *texts, strict=True):
        word = clean(text or "").casefold().removesuffix(".0")
        if not word and not clean(day_text or ""):
            continue
        if micros is None or micros != micros:  # noqa: PLR0124 - NaN
            problem = Message("`{text}` is no date", text=day_text) if day_text else Message("the row has no date")
            wrong.append(Diagnostic("K667", problem, table.place(row, date_header), Message("write it as 2025-10-01")))
            continue
        day = (EPOCH + timedelta(microseconds=micros)).date()
        if word not in _MEANING:
            problem = Message("`{text}` does not say whether {day} is a working day", text=text or "", day=day)
            hint = Message("write 工作日 or 休息日, yes or no")
            wrong.append(Diagnostic("K667", problem, table.place(row, working_header), hint))
        elif days.setdefault(day, _MEANING[word]) != _MEANING[word]:
            problem = Message("{day} is both a working day and none", day=day)
            wrong.append(
                Diagnostic("K667", problem, table.place(row, date_header), Message("leave one of the rows out"))
            )
    return days, wrong


def examined(system: System) -> list[Diagnostic]:
    """Return what is wrong with the calendars of a system's events, without any data.

    That of China has to be there where the definition shows that something is counted in working days.
    """
    results: list[Diagnostic] = []
    for name, dataset in datasets(system).items():
        if not isinstance(dataset, Records):
            continue
        measures = [counted_in(measure) for measure in of_dataset(system, name).values()]
        kinds = column_kinds(dataset, measures).kinds
        if (dataset.calendar or system.calendar) or counting(measures, kinds):
            try:
                known = calendar_of(system, dataset)
                results += [item for item in notes_of(system, dataset, known) if item not in results]
            except DataError as error:
                results += [diagnostic for diagnostic in error.diagnostics if diagnostic not in results]
    return results


def version_of(system: System) -> str | None:
    """Return the version of the package whose working days results may depend on, None where they do not."""
    from importlib import metadata

    for name, dataset in datasets(system).items():
        if isinstance(dataset, Records) and not (dataset.calendar or system.calendar):
            measures = [counted_in(measure) for measure in of_dataset(system, name).values()]
            kinds = column_kinds(dataset, measures).kinds
            # A duration in days may prove to be one in working days.
            if set(kinds.values()) & set(DURATIONS) or counting(measures, kinds):
                try:
                    return metadata.version("chinesecalendar")
                except metadata.PackageNotFoundError:
                    return None
    return None


def counting(measures: Iterable[Measure], kinds: Mapping[str, str]) -> bool:
    """Return whether some measures count working days, by the kinds of the columns that they read."""
    return any(counts_working_days(text, kinds) for text in dict.fromkeys(expressions_of(list(measures))))
