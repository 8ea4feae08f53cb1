"""Rows of a long table that name no measure of the system: misspelt, misused, or of figures that it does not use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Severity, count, nearest, suggest
from kpi.intake.files.headers import split_unit
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, is_unit, measure_names
from kpi.intake.reported.lookups import MeasureText, Resolver, names_of
from kpi.language.system import System

#: How many figures that a system does not use are named, the rest are counted.
_NAMED = 10


class Extra(Struct, frozen=True):
    """The texts in the column of measures that name other figures than those of the system.

    A text that is like the name of a measure without any row is probably a misspelling, and a table without any known
    measure is another table: of these no text is an extra figure.

    Attributes:
        texts: the texts, and the name of the measure that has rows which each is like, None where there is none.
        absent: the names of measures that no row has: what an unknown text may have been meant to be.
        misused: the texts that name figures which are computed, not reported.
    """

    texts: Mapping[str, str | None]
    absent: Sequence[str]
    misused: Collection[str] = ()

    @classmethod
    def of(cls, system: System, meanings: Mapping[str, MeasureText]) -> Extra:
        """Return those among all texts of a column of measures, given with what they mean."""
        names = names_of(system)
        given = {meaning.name for meaning in meanings.values()} - {None}
        absent = [text for text, name in measure_names(system).items() if name not in given]
        misused = {text for text, meaning in meanings.items() if meaning.misused}
        unknown = [text for text, meaning in meanings.items() if meaning.name is None and text not in misused]
        if not given:
            return cls({}, absent, misused)
        bare = {text: split_unit(text, is_unit)[0] for text in unknown}
        extra = [text for text in unknown if suggest(bare[text], absent) is None]
        return cls({text: nearest(bare[text], names) for text in extra}, absent, misused)

    def without(
        self, raw: pl.DataFrame, further: Mapping[str, int], source: Placed, findings: list[Diagnostic]
    ) -> tuple[pl.DataFrame, int]:
        """Return rows without those of other figures, and how many these are; findings name and count them.

        Args:
            raw: rows, of measures of which the name is known or null.
            further: how many more rows than are in `raw` a text has.
            source: their table.
            findings: takes the findings.
        """
        if not self.texts:
            return raw, 0
        extra = pl.col("name").is_null() & pl.col("measure").is_in(list(self.texts))
        counts = Counter(dict(raw.filter(extra).group_by("measure").len().rows()))
        counts.update({text: many for text, many in further.items() if text in self.texts})
        header = source.roles.get("measure")
        first = dict(raw.filter(extra).group_by("measure").agg(pl.col(ROW).min()).rows())
        for text in sorted((text for text in counts if self.texts[text]), key=lambda text: first.get(text, 0)):
            rows = count(counts[text], "row")
            message = Message(
                "{rows} of `{text}`, which the system does not use, left out: is it another figure, or "
                "`{texts}`, misspelt?",
                rows=rows,
                text=text,
                texts=self.texts[text],
            )
            findings.append(
                Diagnostic("K537", message, source.table.place(first.get(text), header), None, Severity.WARNING)
            )
        far = sorted((text for text in counts if not self.texts[text]), key=lambda text: (-counts[text], text))
        if far:
            rows, many = count(sum(counts[text] for text in far), "row"), count(len(far), "figure")
            shown = tuple(f"`{text}` ({counts[text]:,})" for text in far[:_NAMED])
            message = Message(
                "{rows} of {figures} that the system does not use, left out: {names}",
                rows=rows,
                figures=many,
                names=shown,
            )
            if len(far) > _NAMED:
                message = Message("{message} and {more:,} more", message=message, more=len(far) - _NAMED)
            findings.append(Diagnostic("K537", message, source.table.place(None, header), None, Severity.INFO))
        return raw.filter(~extra), counts.total()


def unknown_measure(resolver: Resolver, extra: Extra, row: dict[str, object]) -> tuple[Message, Message | None]:
    """Return message and hint for a row whose measure is not known.

    Args:
        resolver: gives why the text names nothing.
        extra: gives the names that the text may have been meant to be.
        row: with the text in `measure`.
    """
    if row["measure"] is None:
        return Message("the row names no measure"), None
    text = str(row["measure"])
    hint = None if text in extra.misused else suggest(split_unit(text, is_unit)[0], extra.absent)
    reason = resolver.measures([text])[text].reason
    assert reason is not None  # noqa: S101
    return reason, hint
