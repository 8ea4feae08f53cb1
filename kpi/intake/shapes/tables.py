"""Tables as datasets take them: turned into the long form where periods or units stand across, with all their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.cells.cell_text import texts_of
from kpi.intake.cells.numbers import read_numbers
from kpi.intake.cells.text_folding import as_names
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean, role, roles
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import condition_columns, datasets, fits_records, may_be
from kpi.intake.roster import roster_of
from kpi.intake.shapes.adjacent_blocks import blocks_of, together
from kpi.intake.shapes.blocks import has_lines, joined
from kpi.intake.shapes.combined_keys import is_combined, parted
from kpi.intake.shapes.other_headings import check_headings
from kpi.intake.shapes.recognition import ACROSS, Recognised, Recognition
from kpi.intake.shapes.table_keys import (
    KEYS,
    declared_keys,
    key_notes,
    period_of_table,
    with_keys,
    with_year,
    years_lacking,
)
from kpi.intake.shapes.turning import Shape, turned
from kpi.language.datasets import Dataset, Records
from kpi.language.system import System

#: How many columns a note names.
_NAMED = 12


def shaped(system: System, table: Table, name: str | None = None) -> tuple[Table | None, list[Diagnostic]] | None:
    """Return a table as a dataset can take it, None where it cannot be understood; and the findings.

    A table that lies in the long or wide form, or holds events, is returned as it is, but for keys that no column has.
    Nothing is returned for a table that would change and whose rows have not been checked: they have to be, first.

    Args:
        system: the system whose datasets are meant.
        table: the table as it was read.
        name: the dataset, where the caller says which.
    """
    try:
        return _shaped(system, table, _meant(system, table, name))
    except DataError as error:
        return None, list(error.diagnostics)


def _meant(system: System, table: Table, name: str | None) -> Dataset | None:
    """Return the dataset whose shape and keys hold for a table: the one that is named, or the first that declares some.

    A dataset is meant only where the table has all columns that it names. A table that has a column for each key and
    one of figures lies in no other shape.
    """
    if name is not None:
        return datasets(system).get(name)
    plain = {"entity", "measure", "value"} <= set(roles(table.columns)[0])
    for key, dataset in datasets(system).items():
        if not may_be(table, key):
            continue
        if plain and dataset.shape is not None and dataset.shape.columns is not None:
            continue
        headers = {clean(header) for header in (*dataset.headers.values(), *dataset.parts_of_period)}
        declares = dataset.shape is not None or dataset.elsewhere or dataset.parts_of_period or dataset.headers
        if declares and headers <= set(table.columns):
            return dataset
    return None


def _shaped(system: System, table: Table, dataset: Dataset | None) -> tuple[Table, list[Diagnostic]] | None:
    own = {} if dataset is None else declared_keys(table, dataset, system.timeline)
    if "unit" in own:
        # It holds whatever a column of units has: one of codes would be refused row by row.
        table = replace(table, unit=own.pop("unit")[0], roles={**table.roles, "unit": None})
    if isinstance(dataset, Records) or (dataset is None and fits_records(system, table)):
        texts = {key: text for key, (text, _) in own.items()}
        if table.elsewhere is None:  # a table of a database has one heading
            check_headings(table, system, _headings_of_keys(system, dataset))
        return None if texts and table.pieces is not None else (with_keys(table, texts, None), key_notes(table, own))
    plain = _without_blocks(system, table, dataset)
    if plain is None:
        return None
    table, notes = plain

    @cache
    def roster() -> Entities | None:
        return roster_of(system)

    look = _with_year(Recognition(system, table, dataset, roster), notes)
    if look is None:
        return None
    table = look.table
    result = look.shape()
    if result is None:
        return _with_missing_keys(look, own, notes)
    if table.pieces is not None:
        return None
    if wrong := table.repeated(list(result.shape.columns)) or _dimensions(system, table, look, result.shape):
        raise DataError(wrong)
    shape, sources = _with_table_keys(look, result, own)
    table = turned(table, shape)
    return table, [_note(table, shape, sources), *_left_out(system, table, result), *notes]


def _without_blocks(system: System, table: Table, dataset: Dataset | None) -> tuple[Table, list[Diagnostic]] | None:
    """Return a table with its blocks as one table and a column for each of its keys, and the notes on that.

    None for a table that would change and whose rows have not been checked.
    """
    keys = _headings_of_keys(system, dataset)
    way = None if dataset is None or dataset.shape is None else dataset.shape.blocks
    blocks = blocks_of(table, keys, way)
    may_change = blocks is not None or has_lines(table, system.timeline) or is_combined(table, system.timeline)
    if may_change and table.pieces is not None:
        return None
    notes: list[Diagnostic] = []
    if blocks is not None:
        table, notes = together(table, blocks, keys)
    declared = dataset is not None and (
        "period" in {*dataset.elsewhere, *dataset.headers} or bool(dataset.parts_of_period)
    )
    table, more = joined(table, system.timeline, bare=not declared)
    notes += more
    check_headings(table, system, keys)
    if is_combined(table, system.timeline):
        table, flags = parted(table)
        notes += _flags(table, flags)
    return table, notes


def _headings_of_keys(system: System, dataset: Dataset | None) -> set[str]:
    """Return the headings of keys that the definition gives: that of the units, and those of the dataset."""
    declared = {} if dataset is None else dataset.headers
    named = [header for role_of, header in declared.items() if role_of in ("entity", "code", "period", "measure")]
    parts = () if dataset is None else dataset.parts_of_period
    return {clean(header) for header in (system.entities.title, *named, *parts)}


def _with_year(look: Recognition, notes: list[Diagnostic]) -> Recognition | None:
    """Return the look at a table whose periods have the year that its surroundings name, if they lack one.

    None for a table that would change and whose rows have not been checked. `notes` receives where the year is from.
    """
    if (year := _year_of_parts(look)) is None:
        return look
    header, (number, where) = year
    if look.table.pieces is not None:
        return None
    table = with_year(look.table, header, number, look.system.timeline)
    notes += key_notes(table, {"year": (str(number), where)})
    return replace(look, table=table)


def _year_of_parts(look: Recognition) -> tuple[str, tuple[int, Message]] | None:
    """Return the column of periods that name no year, and the year that the surroundings of the table name, and where.

    None where the periods name their year, another column does, or nothing.
    """
    header = look.roles.get("period")
    further = [item for item in look.headers if role(item) == "period" and item != header]
    if header is None or further or look.parts or header not in look.table.columns:
        return None
    year = look.year()
    return (header, year) if year is not None and years_lacking(look.table, header, look.system.timeline) else None


def _with_table_keys(
    look: Recognition, recognised: Recognised, own: Mapping[str, tuple[str, Message]]
) -> tuple[Shape, list[Message]]:
    """Return a shape with the keys that the whole table has, and where all keys come from."""
    keys = dict(own)
    known = {*look.roles, *recognised.shape.ids, *keys}
    dated = "period" in known or any("period" in stated for stated in recognised.shape.columns.values())
    if not dated and (period := period_of_table(look.table, look.system.timeline)) is not None:
        keys["period"] = period
    constants = {**recognised.shape.constants, **{key: text for key, (text, _) in keys.items()}}
    sources = [*recognised.sources]
    for key, (text, where) in keys.items():
        sources.append(Message("the {key} `{text}` from {where}", key=KEYS[key], text=text, where=where))
    return replace(recognised.shape, constants=constants), sources


def _with_missing_keys(
    look: Recognition, own: Mapping[str, tuple[str, Message]], notes: list[Diagnostic]
) -> tuple[Table, list[Diagnostic]] | None:
    """Return a table that is not turned with the keys that its columns lack; nothing for one in pieces."""
    table, keys = look.table, dict(own)
    if look.figures or {"measure", "value"} <= set(look.roles):
        known = {*look.roles, *keys}
        if not {"entity", "code"} & known and (entity := look.entity_of_table()) is not None:
            keys["entity"] = entity
        if "period" not in known and (period := period_of_table(table, look.system.timeline)) is not None:
            keys["period"] = period
    if keys and table.pieces is not None:
        return None
    roles = {**table.roles, **{item: header for item, header in look.roles.items() if header in look.read_by_cells}}
    table = replace(table, roles=roles)
    table = with_keys(table, {key: text for key, (text, _) in keys.items()}, look.roles.get("entity"))
    return table, [*key_notes(table, keys), *notes]


def _note(table: Table, shape: Shape, sources: Sequence[Message]) -> Diagnostic:
    """Return the note that says how a table was turned."""
    headers = list(shape.columns)
    message = (
        Message("{what} in columns {first} to {last}", what=ACROSS[shape.across], first=headers[0],
                last=headers[-1])
        if len(headers) > 1
        else Message("{what} in column {first}", what=ACROSS[shape.across], first=headers[0])
    )  # fmt: skip
    if sources:
        message = Message("{message}; {sources}", message=message, sources=tuple(sources))
    return Diagnostic("K562", message, table.place(), None, Severity.INFO)


def _left_out(system: System, table: Table, recognised: Recognised) -> list[Diagnostic]:
    """Return the note on the columns of a turned table that nothing reads."""
    needed = {*condition_columns(system), system.ranking.cohort, *(measure.per for measure in system.measures.values())}
    items = [header for header in recognised.left_out if header not in needed]
    if not items:
        return []
    quoted = [f"`{header}`" for header in items[:_NAMED]]
    more = [Message("{more} more", more=len(items) - _NAMED)] if len(items) > _NAMED else []
    message = Message("columns left out: {columns}", columns=(*quoted, *more))
    return [Diagnostic("K567", message, table.place(), None, Severity.INFO)]


def _flags(table: Table, flags: Mapping[str, int]) -> list[Diagnostic]:
    """Return the note on flags behind figures."""
    if not flags:
        return []
    counts = tuple(f"{flag} ({many:,})" for flag, many in flags.items())
    message = Message("figures with flags are used as they are: {flags}", flags=counts)
    return [Diagnostic("K568", message, table.place(), None, Severity.INFO)]


#: A text of digits that is a number and no code: without zeros in front.
_PLAIN_NUMBER = r"^[+-]?(0|[1-9][0-9,]*)(\.[0-9]*)?$"


def _as_read(cells: pl.Series) -> pl.Series:
    """Return cells as texts that are compared: as names are, and numbers by their value.

    >>> _as_read(pl.Series("a", ["男 ", "　男", "1,234", "1234.0", "１", "01", " "])).to_list()
    ['男', '男', '1234', '1234', '1', '01', None]
    """
    texts = as_names(texts_of(cells))
    distinct = texts.unique().drop_nulls()
    distinct = distinct.filter(distinct.str.contains(_PLAIN_NUMBER))
    values = texts_of(read_numbers(distinct)["value"])
    return texts.replace(distinct, values.zip_with(values.is_not_null(), distinct))


def _dimensions(system: System, table: Table, look: Recognition, shape: Shape) -> list[Diagnostic]:
    """Return the error on columns that tell rows of one unit and measure apart, if no measure says which is meant."""
    dated = [header for header in look.headers if role(header) == "period"]
    keys = list(dict.fromkeys([*shape.ids.values(), *look.roles.values(), *look.parts, *dated]))
    keys = [header for header in keys if header not in shape.columns]
    conditions = condition_columns(system)
    wide = {system.ranking.cohort, *(measure.per for measure in system.measures.values())}
    rest = [item for item in table.columns if item not in shape.columns and item not in keys and item not in wide]
    if not keys or not rest:
        return []
    frame = pl.DataFrame(
        [_as_read(cells) for cells in table.frame.select(pl.selectors.by_name(*keys, *rest)).collect()]
    )
    named = [header for item, header in shape.ids.items() if item in ("entity", "code", "measure")]
    frame = frame.filter(pl.all_horizontal(pl.selectors.by_name(*named).is_not_null())) if named else frame
    several = frame.group_by(keys).agg(pl.selectors.by_name(*rest).n_unique()).select(
        pl.selectors.by_name(*rest).max() > 1
    )  # fmt: skip
    differing = [header for header in rest if several[header].any()]
    if not differing or any(header in conditions for header in differing):
        return []
    shown = differing[0]
    text = frame[shown].drop_nulls().unique(maintain_order=True)[0]
    message = Message(
        "rows of one unit and measure differ in {columns}: which are meant is not said",
        columns=tuple(f"`{header}`" for header in differing),
    )
    hint = Message("say it at the measure: `where: \"{column} = '{text}'\"`", column=shown, text=text)
    return [Diagnostic("K569", message, table.place(table.header_row), hint)]
