"""Warn of measures that no file has: no column of a wide file, no row of a long one, no file of their records.

A column or a row without a figure is different: the entity has not reported, which its status states. Code: K555.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, statements
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import Placed, datasets, measure_names, of_dataset, panel_columns
from kpi.language.datasets import PanelData, Records
from kpi.language.system import System
from kpi.values.columns import Column

#: Findings about columns and rows that may be misspelt measures, which are named in their hints.
_MISSPELT = ("K528", "K601")

#: How many columns of a file are listed.
_NAMED = 12


def absent(
    system: System, sources: Sequence[Placed], frame: pl.DataFrame, known: Sequence[Diagnostic] = ()
) -> tuple[Diagnostic, ...]:
    """Return a warning for each measure that no file has a column or a row for.

    Args:
        system: gives the measures.
        sources: the tables that were read.
        frame: the panel, with `name.rows` for each measure.
        known: other findings; a measure that is in a hint about a misspelling is not reported again.
    """
    hints = [item.hint for item in known if item.code in _MISSPELT and item.hint]
    return (*_without_records(system, sources), *_unreported(system, sources, frame, hints))


def _without_records(system: System, sources: Sequence[Placed]) -> Iterator[Diagnostic]:
    """Yield a warning for each records dataset that no file belongs to."""
    there = {source.name for source in sources}
    for name, dataset in datasets(system).items():
        measures = of_dataset(system, name)
        if isinstance(dataset, Records) and measures and name not in there:
            titles = tuple(system.symbols[measure].title for measure in measures)
            message = Message(
                "no file belongs to the dataset `{dataset}`, so there is no figure of {titles}",
                dataset=name,
                titles=titles,
            )
            hint = Message("give its file too, or say which it is: --data {dataset}=FILE", dataset=name)
            yield Diagnostic("K555", message, hint=hint, severity=Severity.WARNING)


def _unreported(
    system: System, sources: Sequence[Placed], frame: pl.DataFrame, hints: Sequence[str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each reported measure without a column and without a row."""
    names = [name for name, item in system.measures.items() if item.reported and item.per is None]
    tables = [source for source in sources if not isinstance(source.dataset, Records)]
    read = [panel_columns(system, source.table, list(source.roles.values())) for source in tables]
    headed = {
        measure
        for source, columns in zip(tables, read, strict=True)
        if isinstance(source.dataset, PanelData)
        for measure, _ in columns.values()
    }
    names = [name for name in names if name not in headed]
    if not names:
        return
    files = statements([_columns(source.table) for source in tables]) if tables else None
    known = measure_names(system)
    for name in names:
        if frame.get_column(Column(name).rows).sum():
            continue
        title = system.symbols[name].title
        texts = [text for text, measure in known.items() if measure == name]
        if any(f"`{text}`" in hint for text in texts for hint in hints):
            continue
        message = Message("no file has a column or a row for {title}", title=title)
        if title != name:
            message = Message("no file has a column or a row for {title} (`{name}`)", title=title, name=name)
        yield Diagnostic("K555", message, hint=files, severity=Severity.WARNING)


def _columns(table: Table) -> Message:
    """Return the sentence that lists the columns of a file."""
    headers = table.file_columns
    columns, more = tuple(headers[:_NAMED]), len(headers) - _NAMED
    if more > 0:
        return Message("{file} has {columns} and {more} more", file=table.file, columns=columns, more=more)
    return Message("{file} has {columns}", file=table.file, columns=columns)
