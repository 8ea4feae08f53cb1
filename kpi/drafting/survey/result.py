"""What a table is taken for: the result of a survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from kpi.drafting.columns import Column
from kpi.drafting.survey.notes import Guess
from kpi.intake.files.table import Table


class Figure(Struct, frozen=True):
    """A figure that a table has: what it is called, its unit, and whether the unit had to be guessed."""

    title: str
    unit: str
    guessed: bool = False
    running: bool = False
    header: str | None = None


class Survey(Struct, frozen=True):
    """What a table is taken for.

    Attributes:
        table: the table.
        form: `reported`, `panel` or `records`.
        figures: what it has; of events the columns of figures.
        plain: what a dataset says of it where its shape is recognised; without anything no dataset is needed.
        declared: the same with its shape and keys in full, where that is not so.
        entity: the heading of the column of units, None without one.
        units: the names in that column.
        several: whether further columns name units, such as those of a city and its counties.
        spans: texts of the periods of its rows.
        where: the condition that tells rows of one unit and figure apart, None where there is no need.
        guesses: what had to be guessed.
        columns: what its columns hold.
    """

    table: Table
    form: str
    figures: Sequence[Figure]
    plain: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    entity: str | None = None
    units: Sequence[str] = ()
    several: bool = False
    spans: Sequence[str] = ()
    where: str | None = None
    guesses: Sequence[Guess] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
