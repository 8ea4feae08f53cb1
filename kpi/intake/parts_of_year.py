"""Report tables of which a title, or the name of the sheet or file, says 1-9月 while the rows say a whole year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.numbers import fold
from kpi.intake.files.headers import clean
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import Placed
from kpi.intake.reported.plain_rows import Coded
from kpi.intake.shapes.labels import stem
from kpi.language.system import System
from kpi.values import period_texts, periods
from kpi.values.patterns import regex
from kpi.values.timelines import Timeline

#: A part of a year, with the year before it where there is one; a whole year or a date is none.
_PART = regex(
    r"(?:(?P<year>(?:19|20)\d\d)年?)?(?P<part>"
    r"(?<![\d.])(?:1[0-2]|[1-9])(?:[-—–~至到](?:1[0-2]|[1-9]))?月(?:份|底|末)?(?!\d*[\d日])"
    r"|[上下]半年|前?[一二三四两1-4]个?季度|第[一二三四1-4]季度)"
)
#: Parts that end with the year, by which stocks at its end are meant, or all of it.
_TO_THE_END = regex(r"(?:1[-—–~至到])?12月(?:份|底|末)?|前?[四4]个?季度")


def partly(sources: Sequence[Placed], apart: Mapping[int, Coded], system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K671) for each table of reported figures of years that is said to be of a part of them.

    Args:
        sources: the tables.
        apart: the rows of the tables of reported figures, by the number of the table.
        system: says when years begin.
    """
    for number, coded in apart.items():
        source = sources[number]
        years = _years(coded.resolver.texts_of_periods(), source, system.timeline)
        if not years or (answer := _part(source.table, years)) is None:
            continue
        part, where = answer
        message = Message(
            "{where} says `{part}`, but the figures are read as those of {years}", where=where, part=part,
            years=tuple(sorted(years)),
        )  # fmt: skip
        hint = Message("write the part into the column of periods, like {year}年{part}", year=max(years), part=part)
        yield Diagnostic("K671", message, source.table.place(None, source.roles.get("period")), hint, Severity.WARNING)


def _years(texts: Sequence[str], source: Placed, timeline: Timeline) -> frozenset[str]:
    """Return the years that texts of periods name, empty where one of them is no year."""
    years = set()
    for text in texts:
        try:
            period = period_texts.parse(text, order=source.dataset.dates, timeline=timeline)
        except periods.PeriodError:
            continue
        if timeline.weeks or period.months != 12:
            return frozenset()
        years.add(period.label)
    return frozenset(years)


def _part(table: Table, years: frozenset[str]) -> tuple[str, Message] | None:
    """Return the part of a year that a table is said to be of, and where that stands; None where nothing says so."""
    candidates = [(title, Message("the title `{title}`", title=title)) for title in table.titles]
    candidates += [] if table.sheet is None else [(clean(table.sheet), Message("the name of the sheet"))]
    candidates.append((stem(table.file), Message("the name of the file")))
    for text, where in candidates:
        parts = [match for match in _PART.finditer(fold(text)) if not _TO_THE_END.fullmatch(match["part"])]
        # Two parts are compared with each other, and one of another year says when the table was made.
        if len(parts) == 1 and (parts[0]["year"] is None or any(parts[0]["year"] in year for year in years)):
            return parts[0]["part"], where
    return None
