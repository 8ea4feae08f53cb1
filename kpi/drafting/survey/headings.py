"""Periods in headings of figures: 2023年1月, 产值 2023年, 1月 where a title names the year."""

from __future__ import annotations

import re
from functools import cached_property

from kpi.drafting.survey.subject import Subject
from kpi.drafting.timeline_guess import order_of, unreadable_period
from kpi.errors import Message
from kpi.intake.shapes.labels import period_in, period_inside, with_any_measure
from kpi.values import period_texts
from kpi.values.periods import Order
from kpi.values.timelines import MONTHS


class Headings:
    """The headings of figures of a table, as periods."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    @cached_property
    def of_figures(self) -> list[str]:
        """The headings of figures that play no role."""
        return [header for header in self.subject.others if self.subject.columns[header].figures]

    @cached_property
    def order(self) -> Order:
        """The order of day and month in headings."""
        return order_of(self.of_figures)

    def period_in(self, text: str, year: int | None = None) -> str | None:
        """Return the text of the period that a heading is."""
        return period_in(text, year, self.order, self.subject.timeline)

    @cached_property
    def dated(self) -> dict[str, tuple[str, str]]:
        """The headings that are periods with their year: the period, and what stands beside it."""
        depth, timeline = self.subject.table.depth, self.subject.timeline
        dated: dict[str, tuple[str, str]] = {}
        for header in self.of_figures:
            if (text := self.period_in(header)) is not None:
                dated[header] = (text, "")
            elif (both := with_any_measure(header, depth=depth, order=self.order, timeline=timeline)) is not None:
                dated[header] = both
        return dated

    @cached_property
    def unread(self) -> dict[str, Message]:
        """The headings that look like periods but cannot be read, each with why."""
        others = [header for header in self.of_figures if header not in self.dated]
        whys = {header: unreadable_period(header, self.order, self.subject.timeline) for header in others}
        return {header: why for header, why in whys.items() if why is not None}

    # ---- PARTS OF A YEAR ---- #

    @cached_property
    def parts(self) -> dict[str, str]:
        """The headings that are parts of a year, such as 1月, where a year is named: the periods."""
        headers = [header for header in self.of_figures if self.period_in(header, 2000) is not None]
        if len(headers) < 2:
            return {}
        year = self._year or self.subject.default_year
        return {header: text for header in headers if (text := self.period_in(header, year)) is not None}

    @cached_property
    def _year(self) -> int | None:
        """The year that the surroundings of the table name."""
        for text in self.subject.surroundings:
            for timeline in (MONTHS, self.subject.timeline):
                if (inside := period_inside(text, timeline)) is not None:
                    return int(re.sub("^[^0-9]+", "", inside)[:4])
        return None

    def declare_year(self) -> None:
        """Declare the year of parts of a year, unless the readers take it from around the table."""
        if self._year_is_read():
            return
        year, notes = str(self._year or self.subject.default_year), self.subject.notes
        notes.declare("shape", {"columns": "periods"})
        notes.declare_column("period", {"constant": year})
        if self._year is None:
            notes.guess(Message("the year {year}, as no title, sheet or file says one", year=year))

    def _year_is_read(self) -> bool:
        """Return whether the readers take the year of parts of it from around the table: it stands there alone."""
        timeline = self.subject.timeline
        periods = (period_inside(text, timeline) for text in self.subject.surroundings)
        inside = next((period for period in periods if period), None)
        return inside is not None and not timeline.weeks and period_texts.calendar_year(inside) is not None
