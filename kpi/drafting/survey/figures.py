"""The figures of a table: what they are called, and their units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import polars as pl

from kpi.drafting.columns import Column
from kpi.drafting.survey.likely_units import likely_unit
from kpi.drafting.survey.result import Figure
from kpi.drafting.survey.subject import Subject
from kpi.drafting.survey.titles import name_around
from kpi.errors import Message
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import LEVELS, halves, role, split_unit
from kpi.intake.matching.datasets import is_unit
from kpi.intake.shapes.labels import labelled
from kpi.language.indicators.deflation import of_relatives
from kpi.language.measures import calls_cumulative


class Figures:
    """The figures of a table, by the texts that name them."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    # ---- NAMES ---- #

    def of_texts(
        self, texts: Iterable[str], headers: Mapping[str, str] | None, units: Mapping[str, str] | None = None,
        cells: Sequence[str] = (),
    ) -> list[Figure]:  # fmt: skip
        """Return a figure for each text, with the unit behind it, beside it, above the table or guessed.

        Args:
            texts: the texts that name figures.
            headers: the column that each text is the name of, None where figures are named in cells.
            units: the units of texts in a column of units.
            cells: the columns that hold the figures which are named in cells.
        """
        figures: dict[str, Figure] = {}
        for text in texts:
            header = None if headers is None else headers[text]
            title, unit = self._parts_of(text, header)
            columns = [self.subject.columns[column] for column in (cells if header is None else [header])]
            unit = unit or (units or {}).get(text)
            figures.setdefault(title, self.figure(title, unit, header, columns))
        return list(figures.values())

    def _parts_of(self, text: str, header: str | None) -> tuple[str, str | None]:
        """Return the name of a figure without its unit, and the unit that stands with it."""
        title, unit = split_unit(text, is_unit)
        if unit is None and header is not None:
            unit = split_unit(header, is_unit)[1]
        if header is None and not of_relatives(title):
            title = re.sub(r"\([^()]*=\s*100\s*\)$", "", title)
        if LEVELS in title and self.subject.table.depth > 1:
            levels = [split_unit(level, is_unit) for level in title.split(LEVELS)]
            title = LEVELS.join(name for name, _ in levels)
            unit = unit or next((own for _, own in reversed(levels) if own), None)
        both = halves(title)
        return (title if both is None else both[0]), unit

    def of_table(self, headers: Sequence[str], *, constant: bool = False) -> Figure:
        """Return the figure that a whole table is of.

        Args:
            headers: the columns that hold it.
            constant: whether its name has to be declared even where it stands around the table.
        """
        subject, line = self.subject, labelled(self.subject.table.titles, "measure")
        if line is None:
            text = name_around(subject)
            subject.notes.guess(Message("all figures are of `{text}`, by the title or name of the table", text=text))
        else:
            text = line[0]
        title, unit = split_unit(text, is_unit)
        if constant or (line is None and text not in subject.surroundings):
            subject.notes.declare_column("measure", {"constant": title})
        return self.figure(title, unit, None, [subject.columns[header] for header in headers])

    def texts_in(self, header: str, cells: Sequence[str]) -> list[str]:
        """Return the texts of a column of measures in rows with a figure; those of other rows are headings or notes.

        Args:
            header: the column of measures.
            cells: the columns that hold the figures.
        """
        filled = pl.any_horizontal(
            pl.selectors.by_name(*cells).cast(pl.String).str.strip_chars().fill_null("").str.len_chars() > 0
        )
        text = as_text(header).str.strip_chars().alias("text")
        rows = self.subject.table.frame.select(text, filled.alias("filled")).group_by("text", maintain_order=True).agg(
            pl.col("filled").any()
        ).drop_nulls("text").collect()  # fmt: skip
        texts = [(name, has) for name, has in rows.rows() if name and role(name) is None]
        if without := [name for name, has in texts if not has]:
            shown = (*(f"`{name}`" for name in without[:6]), *["…"][: len(without) > 6])
            self.subject.notes.guess(Message("rows without any figure are no measures: {texts}", texts=shown), header)
        return [name for name, has in texts if has]

    # ---- UNITS ---- #

    @cached_property
    def units_known(self) -> list[str]:
        """The units in the column of units, the most frequent first; those that are none are not read."""
        header, notes = self.subject.roles.get("unit"), self.subject.notes
        if header is None:
            return []
        counted = Counter(self.subject.columns[header].cells)
        known = [text for text, _ in counted.most_common() if is_unit(text)]
        unknown = [text for text in counted if not is_unit(text)]
        if unknown and not known:
            # The unit of a figure that its name does not say is 1, and the column would contradict it.
            notes.declare_column("unit", {"constant": "1"})
            units = tuple(f"`{text}`" for text in unknown[:6])
            notes.guess(Message("the figures are numbers, as {units} in `{header}` are no known units", units=units,
                                header=header), header)  # fmt: skip
        return known

    def units_by(self, measure: str) -> dict[str, str]:
        """Return the unit that rows of a figure have in the column of units."""
        header = self.subject.roles.get("unit")
        if header is None or not self.units_known:
            return {}
        pairs = self.subject.table.frame.select(
            as_text(measure).str.strip_chars().alias("of"),
            as_text(header).str.strip_chars().alias("unit"),
        )
        most = pairs.drop_nulls().group_by("of", "unit").len().sort("len", "unit", descending=[True, False]).collect()
        units: dict[str, str] = {}
        for of, unit, _ in most.rows():
            if is_unit(unit):
                units.setdefault(of, unit)
        return units

    def figure(self, title: str, unit: str | None, header: str | None = None, columns: Sequence[Column] = ()) -> Figure:
        """Return a figure with its unit, else that of the table or of the cells, else the one that its name suggests.

        Args:
            title: its name.
            unit: the unit that stands with it.
            header: the column that it is the name of.
            columns: the columns that hold it.
        """
        table = self.subject.table
        running = calls_cumulative(" ".join((header or title, *table.titles)))
        if unit is None and table.unit is not None and is_unit(table.unit):
            unit = table.unit
        if unit is None and (of_relatives(title) or (header is not None and of_relatives(header))):
            unit = "%"
        if unit is None:
            unit = next((own for column in columns if (own := column.unit) is not None and is_unit(own)), None)
        if unit is not None:
            return Figure(title, unit, running=running, header=header)
        likely = likely_unit(title)
        if likely == "%" and header is not None and columns and all(column.within_one for column in columns):
            likely = "1"
        return Figure(title, likely, guessed=True, running=running, header=header)
