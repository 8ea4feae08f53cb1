"""Rows of a long table that name no measure of the system: misspelt, misused, or of figures that it does not use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kpi.errors import Diagnostic, Severity, count, nearest, suggest
from kpi.intake.files.headers import split_unit
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, is_unit, measure_names, measure_of
from kpi.intake.reported.lookups import names_of
from kpi.language.model import kind_of
from kpi.language.system import System

#: How many figures that a system does not use are named, the rest are counted.
_NAMED = 10


@dataclass(frozen=True)
class Extra:
    """The texts in the column of measures that name other figures than those of the system.

    A text that is like the name of a measure without any row is probably a misspelling, and a table without any known
    measure is another table: of these no text is an extra figure.

    Attributes:
        texts: the texts, and the name of the measure that has rows which each is like, None where there is none.
        absent: the names of measures that no row has: what an unknown text may have been meant to be.
    """

    texts: Mapping[str, str | None]
    absent: Sequence[str]

    @classmethod
    def of(cls, system: System, named: Collection[str]) -> Extra:
        """Return those among all texts of a column of measures."""
        names = names_of(system)
        meanings = {text: measure_of(names, text)[0] for text in named}
        given = set(meanings.values()) - {None}
        absent = [text for text, name in measure_names(system).items() if name not in given]
        unknown = [text for text, name in meanings.items() if name is None and _misused(system, text) is None]
        if not given:
            return cls({}, absent)
        bare = {text: split_unit(text, is_unit)[0] for text in unknown}
        extra = [text for text in unknown if suggest(bare[text], absent) is None]
        return cls({text: nearest(bare[text], names) for text in extra}, absent)

    def without(
        self, raw: pl.DataFrame, further: Mapping[str, int], source: Placed, found: list[Diagnostic]
    ) -> tuple[pl.DataFrame, int]:
        """Return rows without those of other figures, and how many these are; findings name and count them.

        Args:
            raw: rows, of measures of which the name is known or null.
            further: how many more rows than are in `raw` a text has.
            source: their table.
            found: takes the findings.
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
            message = (
                f"{rows} of `{text}`, which the system does not use, left out: is it another figure, or"
                f" `{self.texts[text]}`, misspelt?"
            )
            found.append(
                Diagnostic("K537", message, source.table.place(first.get(text), header), None, Severity.WARNING)
            )
        far = sorted((text for text in counts if not self.texts[text]), key=lambda text: (-counts[text], text))
        if far:
            rows, many = count(sum(counts[text] for text in far), "row"), count(len(far), "figure")
            shown = ", ".join(f"`{text}` ({counts[text]:,})" for text in far[:_NAMED])
            rest = f" and {len(far) - _NAMED:,} more" if len(far) > _NAMED else ""
            message = f"{rows} of {many} that the system does not use, left out: {shown}{rest}"
            found.append(Diagnostic("K537", message, source.table.place(None, header), None, Severity.INFO))
        return raw.filter(~extra), counts.total()


def _misused(system: System, text: str) -> str | None:
    """Return why a figure of the system is not to be reported under its name, None where that is no figure of it."""
    computed = next((name for name, one in system.measures.items() if text in (name, one.title)), None)
    if computed is not None:
        kind = kind_of(type(system.measures[computed]))
        return f"`{text}` is computed from records (`kind: {kind}`), it is not reported"
    if any(text in (name, one.title) for name, one in system.indicators.items()):
        return f"`{text}` is an indicator of {system.system}: it is computed, not reported"
    return None


def unknown_measure(system: System, absent: Sequence[str], row: dict[str, object]) -> tuple[str, str, str | None]:
    """Return code, message and hint for a row whose measure is not known.

    Args:
        system: gives the names.
        absent: the names that the text may have been meant to be.
        row: with the text in `measure`.
    """
    if row["measure"] is None:
        return "K601", "the row names no measure", None
    text = str(row["measure"])
    if (misused := _misused(system, text)) is not None:
        return "K601", misused, None
    hint = suggest(split_unit(text, is_unit)[0], absent)
    return "K601", f"`{text}` is not a measure of {system.system}", hint
