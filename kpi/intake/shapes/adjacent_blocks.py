"""Adjacent blocks: tables that go on to the right, under a repeated heading such as 地区 | 2018 | 地区 | 2018.

Every figure is of the unit in its own block, the first column of which names it. Blocks with the same columns are read
one below the other; those with other columns for the same units are joined by these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import clean, role
from kpi.intake.files.merged_cells import apart
from kpi.intake.files.table import Adjacent, Table
from kpi.intake.shapes.labels import are_words, is_unnamed

#: The roles of columns that say whose a figure is.
_KEYS = ("entity", "code", "period", "measure", "cohort")
#: The roles of columns that may stand before the first block, for all of them.
_SHARED = ("order", "period")

#: What to do about rows of a block that cannot be joined.
_NAME = Message("give every row of a block a name of its own")

Way = Literal["below", "joined"]


class Blocks(Struct, frozen=True):
    """The blocks of a table.

    Attributes:
        first: the heading of the key that is repeated.
        shared: the columns before the first block, which all rows have.
        columns: of each block the headings, with the names of the columns.
        way: how the dataset declares that they belong together, None where it does not.
    """

    first: str
    shared: tuple[str, ...]
    columns: tuple[Mapping[str, str], ...]
    way: Way | None

    @property
    def headings(self) -> list[str]:
        """All headings of the blocks."""
        return list(dict.fromkeys(heading for block in self.columns for heading in block))


def blocks_of(table: Table, keys: Collection[str] = (), way: Way | None = None) -> Blocks | None:
    """Return the adjacent blocks of a table, None where it has none.

    They begin where the heading of a key is repeated; where the first column has no heading, at every column of words
    without one. Of a table in pieces, whose cells are not known, there are blocks if a key is repeated at all.

    Args:
        table: the table.
        keys: further headings of keys, as the definition has them.
        way: how the blocks belong together, where the definition says it.
    """
    heading = {repeat: header for header, items in table.repeats.items() for repeat in items}
    if (begin := _begin(table, keys)) is None:
        return None
    unnamed = is_unnamed(begin)
    starts = [
        at for at, name in enumerate(table.columns)
        if heading.get(name, name) == begin or (unnamed and is_unnamed(name) and _may_name(table, name))
    ]  # fmt: skip
    if len(starts) < 2:
        return None
    headings = [begin if at in starts else heading.get(name, name) for at, name in enumerate(table.columns)]
    # A number or rank may stand before the key: what stands before it in every block belongs to the block.
    while starts[0] and len({headings[at - 1] for at in starts}) == 1:
        starts = [at - 1 for at in starts]
    ends = [*starts[1:], len(headings)]
    columns = tuple(
        dict(zip(headings[start:end], table.columns[start:end], strict=True))
        for start, end in zip(starts, ends, strict=True)
    )
    blocks = Blocks(begin, table.columns[: starts[0]], columns, way)
    narrow = any(all(role(heading) in (*_KEYS, "order") or heading in keys or heading == begin for heading in block)
                 for block in columns)  # fmt: skip
    # A key that is repeated without figures of its own, as at the right edge of a page, begins no block.
    return None if narrow or sum(map(len, columns)) + starts[0] != len(table.columns) else blocks


def _begin(table: Table, keys: Collection[str]) -> str | None:
    """Return the heading that blocks begin with, None where there are none."""
    for header in table.columns:
        if header in table.repeats and (role(header) in _KEYS or header in keys):
            return header
    first = table.columns[0] if table.columns else ""
    may_begin = first in table.repeats or (is_unnamed(first) and table.repeats)
    return first if may_begin and _may_name(table, first) else None


def _may_name(table: Table, header: str) -> bool:
    """Return whether a column may name units: its cells are words, or not known."""
    return table.pieces is not None or _holds_words(table, header)


def _holds_words(table: Table, header: str) -> bool:
    cells = table.frame.select(as_text(header).str.strip_chars()).head(1000).collect().to_series().alias("cells")
    return are_words([item for item in cells.drop_nulls().unique(maintain_order=True).head(200).to_list() if item])


def together(table: Table, blocks: Blocks, keys: Collection[str] = ()) -> tuple[Table, list[Diagnostic]]:
    """Return a table of adjacent blocks as one without, and the note on it (K584).

    A table whose repeated columns have the same cells as those that they repeat stays as it is.

    Args:
        table: the table, not in pieces.
        blocks: its blocks.
        keys: further headings of keys, as the definition has them.

    Raises:
        DataError: K585 it is not clear whose the figures are.
    """
    reading = _Reading(table, blocks, keys)
    if blocks.way is None and not is_unnamed(blocks.first) and reading.repeats_cells():
        return table, []
    if (blocks.way or reading.way()) == "below":
        table, message = reading.below(), reading.note_below()
    else:
        table = reading.joined()
        message = Message(
            "{many} blocks beside each other, each with its own `{heading}`, joined by {keys}",
            many=len(blocks.columns), heading=blocks.first, keys=tuple(f"`{key}`" for key in reading.keys),
        )  # fmt: skip
    return table, [Diagnostic("K584", message, table.place(), None, Severity.INFO)]


class _Reading:
    """The cells of a table of blocks."""

    def __init__(self, table: Table, blocks: Blocks, keys: Collection[str]) -> None:
        self.table, self.blocks = table, blocks
        figures = [name for block in blocks.columns for heading, name in block.items() if role(heading) not in _KEYS]
        # A figure merged over several rows or columns is none of them, wherever its cells stand afterwards.
        self.frame = apart(table, figures).frame.collect()
        in_all = [heading for heading in blocks.columns[0] if all(heading in block for block in blocks.columns)]
        self.keys = [item for item in in_all if item == blocks.first or role(item) in _KEYS or item in keys]
        orders = {item for item in blocks.headings if role(item) == "order"}
        self.figures = [
            [item for item in block if item not in self.keys and item not in orders] for block in blocks.columns
        ]

    def repeats_cells(self) -> bool:
        """Return whether all columns of a heading have the same cells."""
        return all(
            self.frame[header].eq_missing(self.frame[repeat]).all()
            for header, items in self.table.repeats.items() for repeat in items
        )  # fmt: skip

    def names(self, at: int, headings: Sequence[str], *, once: bool = False) -> dict[tuple[str, ...], int]:
        """Return the rows of a block with a name, from 0, by their cells under some headings; of several the first.

        Raises:
            DataError: K585 two rows have the same, or a row of figures has none, where each is needed `once`.
        """
        columns = [self.blocks.columns[at][heading] for heading in headings]
        shared = [item for item in self.blocks.shared if role(item) == "period"]
        rows: dict[tuple[str, ...], int] = {}
        frame = self.frame.select(pl.selectors.by_name(item).cast(pl.String) for item in (*shared, *columns))
        for row, cells in enumerate(frame.rows()):
            texts = tuple(clean(cell or "") for cell in cells)
            if not any(texts[len(shared) :]):
                if once and any(
                    self.frame[self.blocks.columns[at][figure]][row] is not None for figure in self.figures[at]
                ):
                    message = Message("row {row} of a block has figures, but no name", row=self.table.first_row + row)
                    raise self.unclear(message, _NAME, row)
            elif rows.setdefault(texts, row) != row and once:
                message = Message("`{name}` stands in two rows of one block", name=_shown(texts))
                raise self.unclear(message, _NAME, row)
        return rows

    def way(self) -> Way:
        """Return how the blocks belong together.

        Raises:
            DataError: K585 that is not clear.
        """
        widest = max(self.figures, key=len)
        if strangers := [item for item in self.blocks.shared if role(item) not in _SHARED]:
            raise self.unclear(
                Message("`{column}` stands before the first of the blocks, and is of which of them is not said",
                        column=strangers[0]),
                self.declare("below"),
            )  # fmt: skip
        if all(set(block) & set(widest) and set(block) <= set(widest) for block in self.figures):
            self._check_below()
            return "below"
        shared = [item for at, block in enumerate(self.figures) for item in block
                  if any(item in other for other in self.figures[:at])]  # fmt: skip
        if shared:
            items = next(
                item for block in self.figures for item in block if not all(item in other for other in self.figures)
            )
            message = Message(
                "`{column}` is not in all of them, but `{other}` is in several", column=items, other=shared[0]
            )
            raise self.unclear(message, self.declare("below"))
        self._check_joined()
        return "joined"

    def _check_below(self) -> None:
        """Check that no two blocks have different figures for one name.

        Raises:
            DataError: K585 two do.
        """
        words = [item for item in self.blocks.columns[0] if item not in self.keys and role(item) is None]
        words = [word for word in words if all(
            word in block and _holds_words(self.table, block[word]) for block in self.blocks.columns
        )]  # fmt: skip
        seen: dict[tuple[str, ...], tuple[int, int]] = {}
        for at, block in enumerate(self.blocks.columns):
            for name, row in self.names(at, [*self.keys, *words]).items():
                other, before = seen.setdefault(name, (at, row))
                if other == at:
                    continue
                for heading in self.figures[at]:
                    column = self.blocks.columns[other].get(heading)
                    item, two = self.frame[block[heading]][row], column and self.frame[column][before]
                    if item is not None and two is not None and clean(str(item)) != clean(str(two)):
                        message = Message(
                            "`{name}` stands in two of them, in rows {first} and {second}, with different `{heading}`:"
                            " {one} and {two}",
                            name=_shown(name), first=self.table.first_row + before,
                            second=self.table.first_row + row, heading=heading, one=str(two), two=str(item),
                        )  # fmt: skip
                        hint = Message("write into the headings of each block what its figures are of, such as"
                                       " 2018年{heading} and 2019年{heading}", heading=heading)  # fmt: skip
                        raise self.unclear(message, hint, row)

    def _check_joined(self) -> None:
        """Check that the longest block has the names of all others.

        Raises:
            DataError: K585 it lacks one.
        """
        named = [self.names(at, self.keys, once=True) for at in range(len(self.blocks.columns))]
        longest = max(named, key=len)
        for rows in named:
            for name, row in rows.items():
                if name not in longest:
                    raise self.unclear(
                        Message("they have other columns and other names, `{name}` is not in all of them",
                                name=_shown(name)),
                        self.declare("joined"), row,
                    )  # fmt: skip

    def below(self) -> Table:
        """Return the table with the blocks one below the other."""
        parts = []
        for at, block in enumerate(self.blocks.columns):
            cells = [pl.selectors.by_name(name).as_expr() for name in block.values()]
            # What stands before the blocks is of a row of a block only where that has cells.
            filled = pl.any_horizontal(cell.is_not_null() for cell in cells)
            before = self.blocks.shared if at == 0 else [item for item in self.blocks.shared if role(item) in _SHARED]
            shared = [pl.when(filled).then(pl.selectors.by_name(item)).alias(item) for item in before]
            named = [cell.alias(heading) for cell, heading in zip(cells, block, strict=True)]
            parts.append(self.frame.select(*shared, *named))
        where = Adjacent(self.frame.height, self.blocks.columns)
        return self.of(pl.concat(parts, how="diagonal_relaxed"), where)

    def note_below(self) -> Message:
        """Return what is said of blocks one below the other."""
        message = Message(
            "{many} blocks beside each other, each with its own `{heading}`, read one below the other",
            many=len(self.blocks.columns), heading=self.blocks.first,
        )  # fmt: skip
        widest = max(self.figures, key=len)
        lacking = tuple(f"`{item}`" for item in widest if not all(item in block for block in self.figures))
        if lacking:
            message = Message("{message}; not all have {columns}", message=message, columns=lacking)
        return message

    def joined(self) -> Table:
        """Return the table with the columns of all blocks beside the keys of the first.

        Raises:
            DataError: K585 a block has two rows of one name.
        """
        named = [self.names(at, self.keys, once=True) for at in range(len(self.blocks.columns))]
        rows: dict[tuple[str, ...], None] = dict.fromkeys(name for block in named for name in block)
        places = tuple(tuple(block.get(name) for name in rows) for block in named)
        parts: dict[str, pl.Series] = {}
        for at, block in enumerate(self.blocks.columns):
            picked = pl.Series(places[at], dtype=pl.UInt32)
            for heading, name in block.items():
                cells = self.frame[name].gather(picked)
                if heading in self.keys and heading in parts:
                    cells = parts[heading].zip_with(parts[heading].is_not_null(), cells)
                elif heading in parts:
                    if role(heading) == "order":
                        continue
                    raise self.unclear(
                        Message("`{heading}` stands in several blocks", heading=heading), self.declare("below")
                    )
                parts[heading] = cells.alias(heading)
        first = [next(place for block in places if (place := block[row]) is not None) for row in range(len(rows))]
        own = pl.Series(places[0], dtype=pl.UInt32)
        shared = [self.frame[item].gather(first if role(item) in _SHARED else own) for item in self.blocks.shared]
        where = Adjacent(self.frame.height, self.blocks.columns, places)
        return self.of(pl.DataFrame([*shared, *parts.values()]), where)

    def of(self, frame: pl.DataFrame, where: Adjacent) -> Table:
        """Return the table with other rows."""
        table = self.table
        columns = {heading: [block[heading] for block in self.blocks.columns if heading in block]
                   for heading in self.blocks.headings}  # fmt: skip
        columns |= {item: [item] for item in self.blocks.shared}
        numbers = {item for item, names in columns.items() if all(name in table.numbers for name in names)}
        mixed = {
            item for item, names in columns.items()
            if item not in numbers and any(name in table.numbers or name in table.mixed for name in names)
        }  # fmt: skip
        return replace(
            table, frame=frame.lazy(), columns=tuple(frame.columns), size=frame.height, about=None, merged=(),
            numbers=frozenset(numbers), mixed=frozenset(mixed), repeats={}, cells=None, numbered_cells=None,
            scan=None, adjacent=where, labels={item: text for item, text in table.labels.items() if item in columns},
        )  # fmt: skip

    # ---- FINDINGS ---- #

    def declare(self, way: Way) -> Message:
        """Return the lines of the definition that say how the blocks belong together."""
        long = {"measure", "value"} <= {str(role(heading)) for heading in self.blocks.columns[0]}
        return Message(
            "if each figure is of the name in its own block, say in the definition"
            " `datasets:` / `  table: {{form: {form}, shape: {{blocks: {way}}}}}`",
            form="reported" if long else "panel", way=way,
        )  # fmt: skip

    def unclear(self, why: Message, hint: Message, row: int | None = None) -> DataError:
        """Return the refusal of a table whose blocks cannot be read."""
        message = Message(
            "{many} blocks stand beside each other, each with its own `{heading}`, and are not read: {why}",
            many=len(self.blocks.columns), heading=self.blocks.first, why=why,
        )  # fmt: skip
        place = self.table.place(self.table.header_row if row is None else self.table.first_row + row)
        return DataError(Diagnostic("K585", message, place, hint))


def _shown(name: Sequence[str]) -> str:
    return " ".join(item for item in name if item)
