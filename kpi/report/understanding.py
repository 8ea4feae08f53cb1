"""How tables are understood, for people: the header, keys, units and first figures, a paragraph a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from kpi.errors import Diagnostic
from kpi.intake.understanding import KEYS, Understood
from kpi.report.cards import printed, table_of
from kpi.report.language import listed, localized, tr
from kpi.report.marks import visible

#: How many findings about rows, and figures, are listed.
_LISTED, _FIGURES = 10, 30

Rows = Sequence[tuple[str | None, ...]]


def paragraph(
    here: Understood, rows: Sequence[Diagnostic], *, width: int | None = None, lines: Sequence[str] = (),
    then: Rows = (), known: bool = True,
) -> str:  # fmt: skip
    """Return how a table is understood.

    Args:
        here: the table.
        rows: what was found in its rows.
        width: of the terminal.
        lines: of YAML that would help a table that is not understood.
        then: its first figures as they would be understood then.
        known: whether its figures are measures of the system.
    """
    table = here.table
    name = table.file if table.sheet is None else f"{table.file}[{table.sheet}]"
    parts: list[object] = [Text(visible(name), style="bold")]
    parts += [Text(f"  {line}") for line in _facts(here)]
    if here.units:
        parts += [Text(f"  {tr('Figures and their units:')}"), _units(here)]
    if here.rows:
        parts += [Text(f"  {tr('First figures as understood:')}"), _long(here.rows)]
    if here.dataset is not None:
        words = tr("Rows left out or refused, and why:") if rows else tr("No row is left out or refused.")
        parts += [Text(f"  {words}"), *(Text(f"    {line}") for line in _findings(rows))]
    else:
        parts.append(Text(f"  {tr('Not understood:')}"))
        parts += [Text(f"    {line}") for line in _findings(here.errors)]
    if not here.usable:
        parts += _helping(here, lines, then, known=known)
    return printed(*parts, "", width=width)


def _helping(here: Understood, lines: Sequence[str], then: Rows, *, known: bool) -> list[object]:
    """Return what would help, and the first figures as they would be understood then; else the rows as they are."""
    parts: list[object] = []
    words = tr("It would be with these lines in the definition:")
    if not known:
        words = tr("Its figures are no measures of the definition; these would be such:")
    if lines:
        parts += [Text(f"  {words}"), *(Text(f"    {visible(line)}") for line in lines)]
    if then:
        parts += [Text(f"  {tr('First figures as understood then:')}"), _long(then)]
    elif not here.rows:
        parts += [Text(f"  {tr('First rows as read:')}"), _as_read(here)]
    return parts


def _facts(here: Understood) -> list[str]:
    table = here.table
    facts = []
    if table.header_row is not None:
        last = table.header_row + table.depth - 1
        row = str(table.header_row) if table.depth == 1 else f"{table.header_row}-{last}"
        facts.append(tr("Header: row {row}; data from row {first}", row=row, first=table.first_row))
    else:
        facts.append(tr("Header: the names of its columns"))
    if table.titles:
        facts.append(tr("Above it: {titles}", titles=tuple(map(visible, table.titles))))
    if table.unit is not None:
        facts.append(tr("Unit of the table: {unit}", unit=visible(table.unit)))
    facts.append(tr("Columns: {columns}", columns=_quoted(table.file_columns)))
    if here.form is not None:
        facts.append(tr("Shape: {form} (dataset `{dataset}`)", form=localized(here.form), dataset=str(here.dataset)))
    facts += [localized(note) for note in here.shape]
    if here.keys:
        keys = [
            tr("{key} in `{header}`", key=localized(KEYS[role]), header=visible(header))
            for role, header in here.keys.items()
        ]
        facts.append(tr("Keys: {keys}", keys=listed(keys)))
    facts += [localized(note) for note in here.columns]
    return facts


def _quoted(columns: Sequence[str]) -> str:
    shown = [f"`{visible(column)}`" for column in columns[:12]]
    if len(columns) > 12:
        shown.append(tr("{more} more", more=len(columns) - 12))
    return str(listed(shown))


def _units(here: Understood) -> object:
    table = table_of(tr("Column"), tr("Figure"), tr("Unit"), tr("Unit from"))
    for unit in here.units[:_FIGURES]:
        table.add_row(visible(unit.header), visible(unit.title), visible(unit.unit), localized(unit.source))
    if len(here.units) > _FIGURES:
        table.add_row(tr("{more} more", more=len(here.units) - _FIGURES), "", "", "")
    return table


def _long(rows: Rows) -> object:
    table = table_of(tr("Entity"), tr("Period"), tr("Figure"), tr("Value"), tr("Unit"))
    for row in rows:
        table.add_row(
            *(visible(cell) if cell is not None else tr("missing") for cell in row[:4]), visible(row[4] or "")
        )
    return table


def _as_read(here: Understood) -> object:
    columns = here.table.columns[:8]
    table = table_of(*map(visible, columns))
    for row in here.table.frame.head(3).collect().select(columns).rows():
        table.add_row(*(visible("" if cell is None else str(cell)) for cell in row))
    return table


def _findings(findings: Iterable[Diagnostic]) -> list[str]:
    items = list(findings)
    lines = []
    for item in items[:_LISTED]:
        places = [tr("row {row}", row=item.place.row)] if item.place.row is not None else []
        places += [tr("column {column}", column=visible(item.place.field))] if item.place.field is not None else []
        text = f"{localized(item.message)} [{item.code}]"
        lines.append(tr("{place}: {finding}", place=listed(places), finding=text) if places else text)
    if len(items) > _LISTED:
        lines.append(tr("{more} more", more=len(items) - _LISTED))
    return lines
