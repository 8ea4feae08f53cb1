"""How the figures of a table's columns are written: what its dataset declares, and undeclared decimal commas.

The decimal mark is that of a whole column. Where one cell of a column can only be read with a decimal comma (`5,1`,
`1.892.122`) and none is declared, the cells that would be other figures with it (`684.864`, `1,234`) are refused too.
Where two columns of a wide table have such cells, this holds for its other columns of texts as well (`fast_rows`).
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message
from kpi.intake.cells.numbers import Notation, read_numbers, undecided
from kpi.intake.files.table import ROW, Table
from kpi.language.datasets import Dataset

#: How many cells of a column the finding about it quotes.
_QUOTED = 3


def notation_of(dataset: Dataset, table: Table, header: str | None, unclear: Collection[str] = ()) -> Notation:
    """Return how the figures of a column are written.

    Args:
        dataset: declares the decimal mark and the marks of missing figures.
        table: has the column.
        header: of the column.
        unclear: the columns in which decimal commas were seen that are not declared.
    """
    notation = Notation.of(dataset.decimal, dataset.missing)
    if notation.decimal == ".":
        return replace(notation, unclear=header in unclear)
    if header in table.numbers or (header is not None and table.frame.collect_schema()[header].is_numeric()):
        return replace(notation, decimal=".")
    return replace(notation, mixed=header in table.mixed)


def read_column(cells: pl.Series, notation: Notation) -> tuple[pl.DataFrame, pl.Series]:
    """Return what `read_numbers` gives of all cells of a column, and which of them have an undecided decimal mark."""
    read = read_numbers(cells, notation=notation)
    unclear = undecided(cells, read["problem"], notation)
    if unclear.any() and notation.decimal == "." and not notation.unclear:
        return read_column(cells, replace(notation, unclear=True))
    return read, unclear


def decimal_finding(table: Table, header: str, rows: pl.DataFrame, notation: Notation, further: int = 0) -> Diagnostic:
    """Return the finding about a column with cells whose decimal mark is undecided.

    Args:
        table: has the column.
        header: of the column.
        rows: the cells: the columns `ROW` and text.
        notation: of the column.
        further: how many more such cells there are.
    """
    rows = rows.sort(ROW)
    plain = replace(notation, unclear=False)
    alone = undecided(rows["text"], rows["text"], plain)
    first = rows.filter(alone).row(0) if alone.any() else rows.row(0)
    place = table.place(int(first[rows.columns.index(ROW)]), header)
    texts = rows["text"].unique(maintain_order=True)
    quoted = tuple(f"`{text}`" for text in texts.head(_QUOTED)) + (("…",) if len(texts) > _QUOTED else ())
    many = rows.height + further
    refused = Message("1 cell of the column is refused ({cells})", cells=quoted)
    if many > 1:
        refused = Message("{many:,} cells of the column are refused ({cells})", many=many, cells=quoted)
    if notation.mixed:
        message = Message("{refused}: a number, or a text with a point between groups of digits?", refused=refused)
        return Diagnostic("K635", message, place, Message("make all cells of the column numbers, or all of them texts"))
    hint = Message(
        "write `decimal: ','` for the dataset if it has decimal commas, or else write figures with a decimal point"
    )
    if not alone.any():
        message = Message("other cells of the table seem to have decimal commas, so {refused}", refused=refused)
        return Diagnostic("K635", message, place, hint)
    message = Message(
        "`{first}` seems to have a decimal comma, so {refused}",
        first=first[rows.columns.index("text")],
        refused=refused,
    )
    return Diagnostic("K635", message, place, hint)
