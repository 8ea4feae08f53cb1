"""Turning: the columns of figures of a table become rows, each with the keys that its header stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import role as role_of
from kpi.intake.files.merged_cells import apart
from kpi.intake.files.table import Origin, Table

#: What the added columns of a turned table are called.
ADDED = {"period": "期别", "entity": "地区", "measure": "指标", "unit": "计量单位", "value": "数值"}


#: Dots before the name of a unit that show its level.
LEADING_DOTS = r"^[.．·]+\s*"


class Shape(Struct, frozen=True):
    """How a table lies.

    Attributes:
        across: what the columns of figures are: `periods`, `entities` or `measures`.
        columns: the headers of the columns of figures, each with what it says: a text for each role.
        ids: the columns that say the other keys, by role.
        constants: what holds for all figures, by role.
        labels: how many of the first rows are levels of the header rather than data.
        filled: the columns whose blank cells repeat the cell above.
        years: the column of the year of the periods in the headers, None where these name it.
        ignored: the roles that no column has, whatever its header says.
    """

    across: str
    columns: Mapping[str, Mapping[str, str]]
    ids: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    labels: int = 0
    filled: Sequence[str] = ()
    years: str | None = None
    ignored: Sequence[str] = ()


def new_name(name: str, taken: Sequence[str]) -> str:
    """Return a name for a further column that no other has."""
    while name in taken:
        name += "'"
    return name


def turned(table: Table, shape: Shape) -> Table:
    """Return a table with a row for each figure, column by column, and the keys of its header beside it.

    A row without anything but the name of its unit has no keys: it is a heading, or blank.

    Args:
        table: the table as it lies in the file.
        shape: what its columns are.
    """
    targets = [header for header in table.columns if role_of(header) == "target"]
    frame = apart(table, [*shape.columns, *targets]).frame.collect()
    height = frame.height
    frame = frame.with_columns(pl.selectors.by_name(*shape.filled).forward_fill()) if shape.filled else frame
    if shape.labels:
        frame = frame.with_columns(pl.when(pl.int_range(pl.len()) >= shape.labels).then(pl.all()))
    if "entity" in shape.ids and frame.schema[shape.ids["entity"]] == pl.String:
        name = pl.selectors.by_name(shape.ids["entity"])
        frame = frame.with_columns(name.str.replace(LEADING_DOTS, ""))
    rest = [header for header in table.columns if header not in shape.columns]
    named = {shape.ids[role] for role in ("entity",) if role in shape.ids}
    text = [header for header in frame.columns if header not in named]
    bare = frame.select(pl.all_horizontal(pl.selectors.by_name(*text).is_null())).to_series()
    roles = [role for role in ADDED if any(role in keys for keys in shape.columns.values()) or role in shape.constants]
    names: dict[str, str] = {}
    for role in [*roles, "value"]:
        names[role] = new_name(ADDED[role], [*table.columns, *names.values()])
    many = len(shape.columns)
    block = pl.select(pl.int_range(height * many, dtype=pl.UInt32) // height).to_series()
    if bare.any():
        block = block.zip_with(~pl.concat([bare] * many), pl.repeat(None, len(block), dtype=pl.UInt32, eager=True))
    result = [pl.concat([frame[header]] * many, rechunk=True) for header in rest]
    for role in roles:
        texts = [keys.get(role, shape.constants.get(role)) for keys in shape.columns.values()]
        result.append(pl.Series(texts, dtype=pl.String).gather(block).alias(names[role]))
    result.append(_figures([frame[header] for header in shape.columns]).alias(names["value"]))
    long = pl.DataFrame(result)
    if shape.years is not None:
        years = as_text(shape.years).str.replace(r"(年度?|\.0)$", "")
        dated = pl.concat_str(years, pl.lit("年"), pl.selectors.by_name(names["period"]))
        long = long.with_columns(dated.alias(names["period"]))
    numbers = all(header in table.numbers for header in shape.columns)
    mixed = not numbers and any(header in table.numbers or header in table.mixed for header in shape.columns)
    value = {names["value"]}
    return replace(
        table,
        frame=long.lazy(), columns=(*rest, *names.values()), size=len(block), about=None,
        numbers=(table.numbers & set(rest)) | (value if numbers else set()),
        mixed=(table.mixed & set(rest)) | (value if mixed else set()),
        repeats={item: items for item, items in table.repeats.items() if item in rest},
        merged=(), cells=None, numbered_cells=None, scan=None, pieces=None,
        roles={**table.roles, **dict.fromkeys(shape.ignored), **shape.ids, **names},
        of_one=_of_one(shape),
        origin=Origin(height, tuple(shape.columns), frozenset(names.values())),
    )  # fmt: skip


def _of_one(shape: Shape) -> str | None:
    """Return the entity that all figures are of, None where there are several."""
    texts = {keys.get("entity", shape.constants.get("entity")) for keys in shape.columns.values()}
    return texts.pop() if len(texts) == 1 and not {"entity", "code"} & set(shape.ids) else None


def _figures(columns: Sequence[pl.Series]) -> pl.Series:
    """Return columns of figures one below the other: as numbers where all are, else as texts."""
    if len({column.dtype for column in columns}) > 1:
        numeric = all(column.dtype.is_numeric() or column.dtype == pl.Null for column in columns)
        columns = [column.cast(pl.Float64 if numeric else pl.String) for column in columns]
    return pl.concat([column.alias("value") for column in columns], rechunk=True)
