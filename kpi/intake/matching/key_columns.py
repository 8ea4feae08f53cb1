"""Which columns name the period and the unit of a row, where several could: 年份 and 月份, 城市 and 区县.

A file that has a year and a month in two columns is read by both together, one with a city and a county by the county.
What is decided here is a note; what cannot be decided is a warning (K210), and the first column is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import REPORTERS, clean, halves, numbers_weeks, role, two_columns
from kpi.intake.matching.datasets import Placed
from kpi.language.datasets import Records
from kpi.language.system import System
from kpi.values import period_texts, periods
from kpi.values.periods import Grain, Length, Period
from kpi.values.timelines import MONTHS, Timeline

#: How many of the first rows show what a column holds.
_HEAD = 10_000

_MONTHS = {"月", "月份", "月度", "month"}
_QUARTERS = {"季", "季度", "季别", "quarter"}
_WHOLE_YEAR = {"全年", "年度", "全年度", "year"}

#: Headers of years.
_YEARS = {"年", "年度", "年份", "year", "iso_year", "isoyear"}

#: The administrative levels that headers name, the coarsest first.
_LEVELS = (
    {"城市", "地市", "市", "city"},
    {"县市区", "县(市、区)", "县(市,区)", "县(市区)", "县市", "区县", "区县市", "区(县)", "市县", "县区", "县域",
     "市(县、区)", "县", "区", "county", "district"},
    {"镇街", "乡镇", "街道", "镇(街道)", "乡镇(街道)", "镇(街)", "镇", "town"},
    {"村"},
)  # fmt: skip
#: Headers that name places of any level.
_PLACES = {"地区", "区域", "行政区划", "地区名称", "区划名称", "行政区划名称", "region"}


def keyed(source: Placed, system: System) -> tuple[Placed, list[Diagnostic]] | None:
    """Return a table with the columns that name its periods and units, and the findings about further ones.

    None where the period stands in two columns of a table whose rows have not been checked: they have to be, first.
    """
    period = _period(source, system)
    if period is None:
        return None
    dated, findings = period
    named, more = finest_units(dated, clean(system.entities.title))
    return named, [*findings, *more]


def _rivals(source: Placed, of: str) -> list[str]:
    """Return the headers that could play a role that the dataset does not settle, if there are several."""
    if of in source.dataset.columns or of not in source.roles or source.roles[of] in source.table.roles.values():
        return []
    repeated = {repeat for header, items in source.table.repeats.items() for repeat in (header, *items)}
    playing = {header for key, header in source.roles.items() if key != of}
    headers = [
        header for header in source.table.columns
        if role(header) == of and header not in repeated and header not in playing
    ]  # fmt: skip
    if source.roles[of] not in headers:
        headers.insert(0, source.roles[of])
    return headers if len(headers) > 1 else []


def _sample(source: Placed, headers: Sequence[str]) -> pl.DataFrame:
    """Return the first rows of some columns as text, null where there are only blanks."""
    return source.table.raw.head(_HEAD).select(map(_text, headers)).collect()


def _text(header: str) -> pl.Expr:
    text = as_text(header).str.strip_chars()
    return pl.when(text != "").then(text.str.replace(r"^(\d+)\.0$", "$1")).alias(header)


def _note(source: Placed, message: Message, of: str, other: str) -> Diagnostic:
    hint = Message("to read another, say `columns: {{{of}: {other}}}` in `datasets:`", of=of, other=other)
    return Diagnostic("K538", message, source.table.place(), hint, Severity.INFO)


def _quoted(headers: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"`{header}`" for header in headers)


# ---- PERIODS ---- #


def _period(source: Placed, system: System) -> tuple[Placed, list[Diagnostic]] | None:
    """Return a table with the column of its periods: the complete one, or year and month combined."""
    if source.dataset.parts_of_period:
        year, part = map(clean, source.dataset.parts_of_period)
        own = {Length.MONTH: 0, Length.QUARTER: 1}.get(system.period.length, 2)
        return _together(source, year, part, (), system.timeline, fineness=min(fineness_of(part), own))
    headers = _rivals(source, "period")
    if not system.timeline.weeks or not all(
        numbers_weeks(item) or clean(item).casefold() in _YEARS for item in headers
    ):
        headers = [header for header in headers if not numbers_weeks(header)]
    if len(headers) < 2:
        return source, []
    head = _sample(source, headers)
    # A heading that is repeated among the rows is no period.
    texts = {header: head[header].alias("cells").drop_nulls().unique().sort() for header in headers}
    texts = {header: items.filter([clean(text) != header for text in items]) for header, items in texts.items()}
    kinds = {header: _kind(items, system.timeline) for header, items in texts.items() if len(items)}
    full, years, parts = (
        [header for header, kind in kinds.items() if kind == this] for this in ("full", "year", "part")
    )
    events = isinstance(source.dataset, Records)
    if len(full) == 1 and (events or not parts):
        others = [header for header in headers if header != full[0]]
        message = Message(
            "the period is read from `{full}` alone; {others} say no more and are not read",
            full=full[0],
            others=_quoted(others),
        )
        note = _note(source, message, "period", others[0])
        return replace(source, roles={**source.roles, "period": full[0]}), [note]
    if not full and len(years) == 1 and parts:
        part = min(parts, key=fineness_of)
        others = [header for header in headers if header not in (years[0], part)]
        return _together(source, years[0], part, others, system.timeline)
    used = next(iter([*full, *years, *parts]), headers[0])
    findings = [two_columns("period", used, header, source.table.place()) for header in headers if header != used]
    return replace(source, roles={**source.roles, "period": used}), findings


def _kind(texts: pl.Series, timeline: Timeline) -> str:
    """Return what most of some texts are: `full` periods shorter than a year, a `year`, or a `part` of one."""
    if timeline.weeks and all(period_texts.calendar_year(text) is not None for text in texts):
        return "year"
    read = period_texts.parse_column(texts, timeline=timeline)
    months = read["months"].drop_nulls()
    if len(months) * 2 <= read.height:
        return "part"
    return "year" if (months == 12).all() else "full"


def fineness_of(header: str) -> int:
    """Return what bare numbers below a header of parts of a year are: months (0), quarters (1), or neither (2)."""
    words = {clean(header).casefold(), *(half.casefold() for half in halves(header) or ())}
    return 0 if words & _MONTHS else 1 if words & _QUARTERS else 2


def _together(
    source: Placed,
    year: str,
    part: str,
    others: Sequence[str],
    timeline: Timeline,
    *,
    fineness: int | None = None,
) -> tuple[Placed, list[Diagnostic]] | None:
    """Return a table with a further column of periods, made of a column of years and one of their parts.

    None for a table that is read in pieces.

    Args:
        source: the table.
        year: the header of the column of years.
        part: that of the column of their parts.
        others: headers that name periods too and are not read.
        timeline: what is counted.
        fineness: what bare numbers are: months (0) or quarters (1); left out: as the header says.
    """
    table = source.table
    if table.pieces is not None:
        return None
    fine = fineness_of(part) if fineness is None else fineness
    pairs = table.distinct(table.raw.select(_text(year), _text(part))).collect(engine="streaming")
    meant = {
        f"{first or ''}\n{second or ''}": joined_period(first, second, fine, timeline) for first, second in pairs.rows()
    }
    key = pl.concat_str([_text(year).fill_null(""), _text(part).fill_null("")], separator="\n")
    period = key.replace_strict(meant, default=None, return_dtype=pl.String)
    name = f"{year}+{part}"
    message = Message("the period is read from `{year}` and `{part}` together", year=year, part=part)
    if others:
        message = Message("{message}; {not_read}", message=message, not_read=_not_read(others))
    note = _note(source, message, "period", year)
    return replace(source, table=table.with_column(name, period), roles={**source.roles, "period": name}), [note]


def joined_period(year: str | None, part: str | None, fineness: int, timeline: Timeline = MONTHS) -> str | None:
    """Return the text of the period of a year and a part of it; what makes none is a text that names none.

    >>> joined_period("2023", "6", 0), joined_period("2023年", "二季度", 1), joined_period("2023", "2", 1)
    ('2023年6月', '2023Q2', '2023年2季度')
    >>> joined_period("2023", "202306", 0), joined_period("2023", "全年", 0), joined_period("2022", "2023-06", 0)
    ('2023-06', '2023', '2022, 2023-06')
    >>> joined_period("2023", None, 0) is None
    True
    """
    if part is None:
        return None
    complete, span = _span(part, timeline), _span(year, timeline)
    if complete is None:
        text = _part_of(year, part, span, fineness, timeline)
    else:
        # A month of 2023/24 stands beside that year, or beside its own.
        years = {complete.year, timeline.first_day(complete.start).year}
        given = {None if span is None else span.year, None if year is None else period_texts.calendar_year(year)}
        text = complete.label if year is None or years & given else None
    return text or ", ".join(filter(None, (year, part)))


def _part_of(year: str | None, part: str, span: Period | None, fineness: int, timeline: Timeline) -> str | None:
    """Return the text of a part of a year that does not name its year, None where they make no period."""
    if part.casefold() in _WHOLE_YEAR and span is not None and span.months == Grain.YEAR.months:
        return year if timeline.shifted else span.label
    number, bare = (
        None if year is None else period_texts.calendar_year(year),
        re.fullmatch("[0-9]{1,2}", part) is not None,
    )
    if number is None:
        text = f"{year} {'Q' if bare and fineness == 1 else ''}{part}"
        return text if timeline.shifted and _span(text, timeline) is not None else None
    if bare and timeline.weeks:
        return f"{number}-W{int(part):02d}"
    if bare and fineness < 2:
        return f"{number}年{int(part)}{('月', '季度')[fineness]}"
    inside = _span(part, timeline, number)
    # A quarter without its year has two readings, which its text keeps.
    return None if inside is None else f"{number}年{part}" if timeline.shifted else inside.label


def _span(text: str | None, timeline: Timeline, year: int | None = None) -> Period | None:
    """Return the period that a text names, in a year where it names none, None where it names no period."""
    try:
        return None if text is None else period_texts.parse(text, year=year, timeline=timeline)
    except periods.PeriodError:
        return None


# ---- UNITS ---- #


def finest_units(source: Placed, title: str) -> tuple[Placed, list[Diagnostic]]:
    """Return a table with the column of its units, that of the finest level, and the findings about others.

    Args:
        source: the table.
        title: what the system calls its units, cleaned; the header of their column wherever it is one.
    """
    headers = _rivals(source, "entity")
    if not headers:
        return source, []
    used = source.roles["entity"]
    if used == title:
        others = [header for header in headers if header != used and header not in REPORTERS]
        message = Message(
            "`{used}` names the units, as the system calls them; {not_read}", used=used, not_read=_not_read(others)
        )
        notes = [_note(source, message, "entity", others[0])] if others else []
        return source, [*notes, *_namesakes(source, used, others)]
    head = _sample(source, headers)
    filled = [header for header in headers if head[header].null_count() < head.height]
    finest = filled[0] if len(filled) == 1 else _finest(source, filled)
    if finest is None:
        return source, [
            two_columns("entity", used, header, source.table.place()) for header in headers if header != used
        ]
    others = [header for header in headers if header != finest]
    not_read = _not_read(others)
    if len(filled) > 1:
        message = Message("`{finest}` names the units, as it is finer; {not_read}", finest=finest, not_read=not_read)
    else:
        message = Message("`{finest}` names the units, as it is filled; {not_read}", finest=finest, not_read=not_read)
    finest_of = replace(source, roles={**source.roles, "entity": finest})
    return finest_of, [_note(source, message, "entity", others[0]), *_namesakes(source, finest, others)]


def _namesakes(source: Placed, used: str, others: Sequence[str]) -> list[Diagnostic]:
    """Return a warning where a name stands under several values of a coarser column of places, such as 鼓楼区."""
    if "code" in source.roles:
        return []
    for coarse in others:
        if _level(coarse) is None or coarse in REPORTERS:
            continue
        pairs = source.table.raw.select(_text(used).alias("fine"), _text(coarse).alias("coarse")).drop_nulls()
        pairs = source.table.distinct(pairs)
        several = pairs.group_by("fine").agg(pl.col("coarse").sort()).filter(pl.col("coarse").list.len() > 1)
        names = several.sort("fine").collect(engine="streaming")
        if names.height:
            name, over = names.row(0)
            message = Message(
                "`{name}` in `{used}` stands under several values of `{coarse}` ({over}), and is one unit all the same",
                name=name, used=used, coarse=coarse, over=tuple(over[:5]),
            )  # fmt: skip
            if names.height > 1:
                more = count(names.height - 1, "more name")
                message = Message("{contradiction}; so with {more} of it", contradiction=message, more=more)
            hint = Message(
                "units of one name are one unit: give a column of codes, or write both names, the coarser first, "
                "into the column of units"
            )
            return [Diagnostic("K579", message, source.table.place(None, used), hint, Severity.WARNING)]
    return []


def _not_read(others: Sequence[str]) -> Message:
    if len(others) == 1:
        return Message("`{header}` is not read", header=others[0])
    return Message("{headers} are not read", headers=_quoted(others))


class _Level(Struct, frozen=True):
    """The level of a header, None where it is of any."""

    header: str
    level: int | None


def _level(header: str) -> _Level | None:
    """Return the administrative level that a header names, None where it names no place."""
    words = {clean(header).casefold(), *(half.casefold() for half in halves(header) or ())}
    level = next((at for at, items in enumerate(_LEVELS) if words & items), None)
    return _Level(header, level) if level is not None or words & _PLACES else None


def _finest(source: Placed, headers: Sequence[str]) -> str | None:
    """Return the header of the finest of some places, None where that is undecided."""
    levels = [_level(header) for header in headers]
    known = [level for level in levels if level is not None]
    if not known or len(known) < len(levels):
        return None
    ranked = sorted((level.level, level.header) for level in known if level.level is not None)
    if len(ranked) == len(known) and ranked[-1][0] > ranked[-2][0]:
        return ranked[-1][1]
    rows = source.table.distinct(source.table.raw.select(map(_text, headers))).collect(engine="streaming")
    distinct = {header: rows[header].n_unique() for header in headers}
    order = sorted(headers, key=lambda header: distinct[header])
    inside = all(
        distinct[coarse] < distinct[fine] == rows.select(fine, coarse).unique().height
        for coarse, fine in pairwise(order)
    )
    return order[-1] if inside else None
