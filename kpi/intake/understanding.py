"""How a table is understood: header, shape and keys, the unit of each figure, and its first figures in long form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from msgspec import Struct

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.aggregate_rows import Exclusions, shown
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import YUAN_SIGN, Notation, read_number
from kpi.intake.cells.unit_factors import meant
from kpi.intake.files.headers import split_unit
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import (
    Placed,
    column_of,
    is_unit,
    match,
    measure_names,
    measure_of,
    needed_columns,
    of_dataset,
    of_system,
    panel_columns,
)
from kpi.intake.matching.date_order import ordered
from kpi.intake.matching.key_columns import keyed
from kpi.intake.matching.labels import by_labels
from kpi.intake.shapes.tables import shaped
from kpi.language.datasets import PanelData, Records
from kpi.language.record_columns import READ_AS_NUMBERS
from kpi.language.system import System
from kpi.values import period_texts, periods

#: How many figures are shown.
ROWS = 3
#: How many of the first rows are looked through for them.
_HEAD = 200
#: Notes on the shape and keys of a table.
_OF_SHAPE = ("K584", "K562", "K565", "K538", "K625")
#: Notes on columns that are not read.
_COLUMNS = ("K528", "K534", "K567", "K210", "K525")

#: What the keys of a figure are called.
KEYS = {
    "entity": Message("Entity"), "code": Message("Code"), "period": Message("Period"), "measure": Message("Measure"),
    "value": Message("Value"), "unit": Message("unit of measure"),
}  # fmt: skip


class Unit(Struct, frozen=True):
    """A figure of a table, with its unit and where that comes from."""

    header: str
    title: str
    unit: str
    source: Message


class Understood(Struct, frozen=True):
    """How a table is understood.

    Attributes:
        table: as it was read.
        dataset: the dataset that it belongs to, None where it belongs to none.
        form: its form in words, None as before.
        keys: the headers that are its keys, by role.
        shape: notes on its shape and on keys that no column has.
        units: its figures with their units.
        rows: its first figures in long form: entity, period, measure, value, unit; None for what is not known.
        columns: notes on columns that are not read.
        errors: why it is not understood, or not in part.
    """

    table: Table
    dataset: str | None = None
    form: Message | None = None
    keys: Mapping[str, str] | None = None
    shape: Sequence[Message] = ()
    units: Sequence[Unit] = ()
    rows: Sequence[tuple[str | None, ...]] = ()
    columns: Sequence[Message] = ()
    errors: Sequence[Diagnostic] = ()

    @property
    def usable(self) -> bool:
        """Whether it belongs to a dataset and its first figures have all their keys."""
        if self.dataset is None or (self.rows and not self.figured):
            return False
        return not self.rows or any(_known(row[0]) and _known(row[1]) and _known(row[2]) for row in self.rows)

    @property
    def figured(self) -> bool:
        """Whether some of its columns, or rows, are figures of the system."""
        return bool(self.units) or any(row[4] is None and _known(row[2]) for row in self.rows)


def _known(text: str | None) -> bool:
    return text is not None and not text.startswith("? ")


def understood(system: System, table: Table, name: str | None = None) -> Understood:
    """Return how a table is understood as data of a system.

    Args:
        system: the system.
        table: the table, whose rows have been checked.
        name: its dataset, where that is said.
    """
    if (labelled := by_labels(system, table)) is None:
        return Understood(table)
    own, others = of_system(system, labelled[0])
    known = {*table.columns, *own.columns}
    result = shaped(system, own, name)
    notes = list(others)
    if result is None:
        return Understood(table)
    turned, more = result
    notes += more
    source = None
    if turned is not None:
        source, more = match(system, turned, name=name)
        notes += more
    if source is not None and (located := keyed(source, system)) is not None:
        source, more = located
        notes += more
    if source is not None:
        source, more = ordered(source)
        notes += more
    errors = [note for note in notes if note.severity is Severity.ERROR]
    columns = [note.message for note in notes if note.code in _COLUMNS]
    if source is None:
        return Understood(table, columns=columns, errors=errors)
    keys = {role: header for role, header in source.roles.items() if role in KEYS}
    # Keys that no column of the file has are in the notes on its shape.
    keys = {role: header for role, header in keys.items() if set(header.split("+")) <= known}
    return Understood(
        table, source.name, _form(source), keys, [note.message for note in notes if note.code in _OF_SHAPE],
        list(_units(system, source)), _rows(system, source), columns, errors,
    )  # fmt: skip


def _form(source: Placed) -> Message:
    if isinstance(source.dataset, Records):
        return Message("events: one a row, counted and added up by unit and period")
    if source.table.origin is not None:
        return Message("turned: each cell of its columns of figures becomes a row")
    if isinstance(source.dataset, PanelData):
        return Message("wide: a row for each unit and period, a column for each figure")
    return Message("long: a row for each figure")


# ---- UNITS ---- #


def _units(system: System, source: Placed) -> list[Unit]:
    """Return the figures of a table, each with its unit and where that comes from."""
    if isinstance(source.dataset, PanelData):
        columns = panel_columns(system, source.table, list(source.roles.values()))
        return [_unit(system, source, header, name, unit) for header, (name, unit) in columns.items()]
    if isinstance(source.dataset, Records):
        return _of_events(system, source)
    names = measure_names(system)
    results: dict[str, Unit] = {}
    header = source.roles["measure"]
    texts = source.table.frame.select(as_text(header).str.strip_chars().unique(
        maintain_order=True)).collect().to_series().alias("cells")  # fmt: skip
    for text in texts.drop_nulls():
        name, unit = measure_of(names, text)
        if name is not None:
            results.setdefault(name, _unit(system, source, text, name, unit))
    return list(results.values())


def _unit(system: System, source: Placed, header: str, name: str, unit: str | None) -> Unit:
    measure = system.measures[name]
    title = measure.title or name
    if unit is not None:
        return Unit(header, title, unit, Message("the heading"))
    column, origin, above = source.roles.get("unit"), source.table.origin, source.table.unit
    if column is not None and (origin is None or column not in origin.added):
        return Unit(header, title, measure.unit, Message("column `{column}`, else the definition", column=column))
    if column is not None and (own := _added_unit(source, header, column)) is not None and own != above:
        return Unit(header, title, own, Message("the heading"))
    if split_unit(source.roles.get("value", ""), is_unit)[1] is not None:
        return Unit(header, title, above or measure.unit, Message("the heading"))
    if above is not None and is_unit(above):
        text = "unit" in source.dataset.elsewhere
        return Unit(header, title, above, Message("the definition") if text else Message("the line above the table"))
    return Unit(header, title, measure.unit, Message("the definition"))


def _added_unit(source: Placed, text: str, column: str) -> str | None:
    """Return the unit that the headings of a turned table give a figure, None where they give none."""
    names = as_text(source.roles["measure"]).str.strip_chars()
    rows = source.table.frame.filter(names == text).select(as_text(column))
    units = rows.drop_nulls().head(1).collect().to_series().alias("cells").to_list()
    return units[0] if units else None


def _of_events(system: System, source: Placed) -> list[Unit]:
    units = []
    measures = of_dataset(system, source.name)
    for column, kind in needed_columns(system, source.name).items():
        known = column_of(source.table, column)
        if known is None or kind not in READ_AS_NUMBERS:
            continue
        header, unit = known
        measure = next((item for item in measures.values() if getattr(item, "of", None) == column), None)
        where = Message("the heading") if unit is not None else Message("the definition")
        units.append(Unit(header, column, unit or (measure.unit if measure is not None else "1"), where))
    return units


# ---- ROWS ---- #


def _rows(system: System, source: Placed) -> list[tuple[str | None, ...]]:
    """Return the first figures in long form; of events the first rows with what their measures read."""
    frame = source.table.numbered().head(_HEAD).collect()
    frame = source.table.in_order(frame)
    exclusions = Exclusions.of(system)
    rows = (row for row in frame.iter_rows(named=True) if not exclusions.exclude(_who(source, row) or ""))
    figures = (figure for row in rows for figure in _figures(system, source, row))
    return list(islice(figures, ROWS))


def _who(source: Placed, row: Mapping[str, object]) -> str | None:
    text = _text(row.get(source.who)) if "entity" in source.roles or "code" in source.roles else None
    return None if text is None else shown(text)


def _figures(system: System, source: Placed, row: Mapping[str, object]) -> list[tuple[str | None, ...]]:
    names = measure_names(system)
    who, when = _who(source, row), _period(system, source, _text(row.get(source.roles.get("period", ROW))))
    if "period" not in source.roles:
        when = None
    if isinstance(source.dataset, Records):
        read = [
            known[0] for column in needed_columns(system, source.name) if (known := column_of(source.table, column))
        ]
        keys = {source.roles.get(item) for item in ("entity", "code", "period")}
        cells = ", ".join(f"{header}={_text(row.get(header)) or ''}" for header in read if header not in keys)
        return [(who, when, cells or "+1", None, None)]
    if isinstance(source.dataset, PanelData):
        figures: list[tuple[str | None, ...]] = []
        for header, (measure, behind) in panel_columns(system, source.table, list(source.roles.values())).items():
            own = _unit(system, source, header, measure, behind)
            figures.append((who, when, own.title, *_value(source, _text(row.get(header)), own.unit)))
        # A row with nothing but a name is a heading.
        return figures if when is not None or any(figure[3] is not None for figure in figures) else []
    text = _text(row.get(source.roles["measure"]))
    name, stated = measure_of(names, text or "")
    unit = _text(row.get(source.roles["unit"])) if "unit" in source.roles else stated
    if name is not None:
        unit = unit or _unit(system, source, text or "", name, stated).unit
    value = _text(row.get(source.roles["value"]))
    if text is None and value is None:
        return []
    title = None if name is None else system.symbols[name].title
    return [(who, when, title or (f"? {text}" if text else None), *_value(source, value, unit))]


def _value(source: Placed, text: str | None, unit: str | None) -> tuple[str | None, str | None]:
    """Return a figure as it is read, and its unit; a cell that is none with a question mark."""
    notation = Notation.of(source.dataset.decimal, source.dataset.missing)
    if text is None:
        return None, unit
    number = read_number(text, notation)
    if number.problem is not None:
        return f"? {text}", unit
    if number.value is None:
        return None, unit
    typed = meant(unit, YUAN_SIGN, "")[1] if number.unit == YUAN_SIGN else number.unit
    return f"{number.value:.12g}", typed if typed is not None and is_unit(typed) else unit


def _period(system: System, source: Placed, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return period_texts.parse(text, order=source.dataset.dates, timeline=system.timeline).label
    except periods.PeriodError:
        return f"? {text}"


def _text(cell: object) -> str | None:
    return None if cell is None or not str(cell).strip() else str(cell).strip()
