"""A table with the periods and figures that it names, and the survey that its shape makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from kpi.drafting.survey.figures import Figures
from kpi.drafting.survey.headings import Headings
from kpi.drafting.survey.result import Figure, Survey
from kpi.drafting.survey.row_labels import labelled_entities, row_labels
from kpi.drafting.survey.subject import Subject
from kpi.errors import Message
from kpi.intake.files.headers import role
from kpi.intake.files.table import Table
from kpi.values.timelines import Timeline


class Reading(Struct, frozen=True):
    """The table, the periods in its headings, and its figures."""

    subject: Subject
    headings: Headings
    figures: Figures

    @classmethod
    def of(cls, table: Table, year: int, timeline: Timeline) -> Reading:
        """Return the reading of a table."""
        subject = Subject(table, year, timeline)
        return cls(subject, Headings(subject), Figures(subject))

    def survey(
        self, form: str, figures: Sequence[Figure], entity: str | None, spans: Sequence[str], where: str | None = None,
        *, own: bool = False,
    ) -> Survey:  # fmt: skip
        """Return the survey, with what is declared of its figures and guessed of its headings.

        Args:
            form: `reported`, `panel` or `records`.
            figures: the figures.
            entity: the column of units.
            spans: the periods of the rows.
            where: the condition that tells rows apart.
            own: whether the table needs a dataset of its own even where nothing is declared.
        """
        subject, notes = self.subject, self.subject.notes
        notes.declared.setdefault("form", form)
        for header, why in self.headings.unread.items():
            notes.guess(Message("column `{header}` is left out: {why}", header=header, why=why), header)
        self._declare_notation(form, own=own)
        plain = {"form": form, **notes.plain} if notes.plain or own else notes.plain
        units = labelled_entities(self.headings) if entity is None else tuple(subject.columns[entity].distinct)
        return Survey(
            subject.table, form, figures, notes.declared if own else plain, notes.declared, entity, units,
            sum(role(header) == "entity" for header in subject.headers) > 1, tuple(spans), where,
            tuple(notes.guesses), subject.columns,
        )  # fmt: skip

    def _declare_notation(self, form: str, *, own: bool) -> None:
        """Declare decimal commas, and marks that stand for missing figures."""
        subject, notes = self.subject, self.subject.notes
        cells = [column for column in subject.columns.values() if column.figures]
        if any(column.comma for column in cells):
            notes.declare("decimal", ",")
            notes.guess(Message("figures have a decimal comma"))
        if form == "records" or subject.flags or row_labels(self.headings) is not None:
            return
        counted: Counter[str] = Counter()
        for column in cells:
            for mark in column.marks() if 0.5 < column.figures < 1 or not own else ():
                counted[mark] += column.cells.count(mark)
        marks = [mark for mark, many in counted.items() if many > 1]
        if marks:
            notes.declare("missing", marks)
            notes.guess(Message("{marks} stand for missing figures", marks=tuple(f"`{mark}`" for mark in marks)))
