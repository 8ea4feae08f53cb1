"""Columns and values by their labels: in files of statistics packages, and under headers in two languages."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import read_number
from kpi.intake.files.headers import clean, named, role, split_unit
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import condition_columns, datasets, is_unit, measure_names, needed_columns
from kpi.language.datasets import Records
from kpi.language.record_columns import READ_AS_NUMBERS
from kpi.language.system import System

#: The roles of columns whose values are names.
_KEYS = {"period", "entity", "measure", "unit", "cohort", "scope", "reporter"}
#: How many values a note names.
_NAMED = 6


def by_labels(system: System, table: Table) -> tuple[Table, list[Diagnostic]] | None:
    """Return a table with the names and values that a system knows, and the note on the values that are labels.

    A column that the system does not know by its name but by its label is called by the label; one that it knows by its
    name gets the unit of the label. The values of columns of
    names become the texts that they stand for; those of figures stay numbers, but where their label is a mark of a
    missing figure. Nothing is returned for a table that would change and whose rows have not been checked.
    """
    if not table.labels and not table.value_labels:
        return table, []
    known = _known(system)
    names = {
        column: label
        for column, label in table.labels.items()
        if label not in table.columns and not _is_known(known, column) and _is_known(known, label)
    }
    # Of two columns of one label neither can be meant.
    names = {column: label for column, label in names.items() if list(names.values()).count(label) == 1}
    units = {column: name for column, name in _with_units(system, known, table).items() if column not in names}
    if (names or units) and table.pieces is not None:
        return None
    labelled, notes = _with_values(system, table.renamed(names | units))
    if units:
        shown = [f"{column}: {split_unit(name, is_unit)[1]}" for column, name in units.items()]
        message = Message("units are read from the labels of the columns: {units}", units=tuple(shown[:_NAMED]))
        if len(shown) > _NAMED:
            message = Message("{number:,} units are read from the labels of the columns, such as {units}",
                              number=len(shown), units=tuple(shown[:_NAMED]))  # fmt: skip
        notes = [*notes, Diagnostic("K518", message, table.place(), severity=Severity.INFO)]
    return labelled, notes


def _with_units(system: System, known: Mapping[str, str], table: Table) -> dict[str, str]:
    """Return headers with the units of the labels of columns of figures that are known by a name without a unit.

    A unit in brackets or behind 单位： counts whatever the rest of the label is; one behind `/`, `,` or `_`, which may
    be a word of a sentence, only where the rest names the same column.
    """
    figures = {*measure_names(system), *_record_figures(system)}
    declared = {clean(header) for dataset in datasets(system).values() for header in dataset.headers.values()}
    units: dict[str, str] = {}
    for column, label in table.labels.items():
        unit = _unit_of(known, column, label) if column in figures and column not in declared else None
        if unit is not None and (name := f"{column}({unit})") not in table.columns:
            units[column] = name
    return units


def _unit_of(known: Mapping[str, str], column: str, label: str) -> str | None:
    """Return the unit that the label of a column gives it, None where the column has its own or there is none."""
    text, unit = split_unit(label, is_unit)
    if unit is None or split_unit(column, is_unit)[1] is not None:
        return None
    plain = label.endswith(tuple(")]】>〕")) or ":" in label
    return unit if plain or named(known, text) == named(known, column) is not None else None


def _record_figures(system: System) -> set[str]:
    """Return the columns of figures that measures of events read."""
    return {
        clean(column)
        for key, dataset in datasets(system).items()
        if isinstance(dataset, Records)
        for column, kind in needed_columns(system, key).items()
        if kind in READ_AS_NUMBERS
    }


def _known(system: System) -> dict[str, str]:
    """Return the texts that name columns of a system's data: measures, and whatever its definition names."""
    texts = [system.entities.title, system.ranking.cohort, *condition_columns(system)]
    texts += [measure.per for measure in system.measures.values()]
    for key, dataset in datasets(system).items():
        texts += [*dataset.headers.values(), *dataset.parts_of_period]
        if isinstance(dataset, Records):
            texts += [*needed_columns(system, key), *dataset.key]
    return {clean(text): text for text in texts if text} | dict(measure_names(system))


def _is_known(known: Mapping[str, str], header: str) -> bool:
    text, _ = split_unit(header, is_unit)
    return role(header) is not None or named(known, header) is not None or named(known, text) is not None


def _text_columns(system: System) -> set[str]:
    """Return the columns of texts that a system names, beside those with the role of a name."""
    keys = {system.entities.title, system.ranking.cohort, *condition_columns(system)}
    for key, dataset in datasets(system).items():
        keys |= {header for item, header in dataset.headers.items() if item in _KEYS} | {*dataset.parts_of_period}
        if isinstance(dataset, Records):
            needed = needed_columns(system, key)
            keys |= {column for column, kind in needed.items() if kind not in READ_AS_NUMBERS} | {*dataset.key}
    return {clean(item) for item in keys if item} - _record_figures(system)


def _replacements(system: System, table: Table) -> dict[str, dict[float | str, str]]:
    """Return the values that are read as their labels, by column."""
    texts, measures = _text_columns(system), measure_names(system)
    replaced: dict[str, dict[float | str, str]] = {}
    for column, values in table.value_labels.items():
        if role(column) == "measure":
            replaced[column] = {
                value: text for value, text in values.items() if named(measures, clean(str(value))) is None
            }
        elif column in texts or role(column) in _KEYS:
            replaced[column] = dict(values)
        else:
            replaced[column] = {value: text for value, text in values.items() if _is_mark(text)}
    return {column: values for column, values in replaced.items() if values}


def _is_mark(text: str) -> bool:
    """Return whether a label is a mark of a missing figure."""
    read = read_number(text)
    return read.problem is None and read.status != "ok"


def _with_values(system: System, table: Table) -> tuple[Table, list[Diagnostic]]:
    """Return a table with labels in place of values, and the note on them."""
    replaced = _replacements(system, table)
    if not replaced:
        return table, []
    for column in [item for item in replaced if role(item) == "entity" and "code" not in map(role, table.columns)]:
        # The codes of SDMX identify units, unlike the numbers of a questionnaire.
        if all(isinstance(value, str) for value in replaced[column]):
            code = f"{column} (code)"
            table = table.with_column(code, as_text(column))
            table = replace(table, roles={**table.roles, "code": code})
    columns = [_replaced(column, values) for column, values in replaced.items()]

    def written(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
        return None if rows is None else rows.with_columns(columns)

    shown = [
        f"{column}: {_number(value)} = {text}" for column, values in replaced.items() for value, text in values.items()
    ]
    message = Message("values are read as the labels that the file gives them: {labels}", labels=tuple(shown[:_NAMED]))
    if len(shown) > _NAMED:
        message = Message("{number:,} values are read as the labels that the file gives them, such as {labels}",
                          number=len(shown), labels=tuple(shown[:_NAMED]))  # fmt: skip
    read = replace(
        table, frame=table.frame.with_columns(columns), cells=written(table.cells),
        numbered_cells=written(table.numbered_cells), scan=None,
    )  # fmt: skip
    return read, [Diagnostic("K518", message, table.place(), severity=Severity.INFO)]


def _replaced(column: str, values: Mapping[float | str, str]) -> pl.Expr:
    """Return a column with the labels of its values, other values as text."""
    text = as_text(column)
    written = {_number(value): label for value, label in values.items()}
    return text.replace(written).alias(column)


def _number(value: float | str) -> str:
    """Write a value as the column of text has it.

    >>> _number(1.0), _number(1.5), _number("a")
    ('1', '1.5', 'a')
    """
    return str(int(value)) if isinstance(value, int | float) and float(value).is_integer() else str(value)
