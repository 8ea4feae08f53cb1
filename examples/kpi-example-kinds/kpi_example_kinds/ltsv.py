"""A reader and a writer: labelled tab-separated values, one row a line, `name:value` fields with tabs between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from kpi.extend import DataError, Diagnostic, Message, Place

_SPACES = str.maketrans("\t\r\n", "   ")


def read(path: Path) -> pl.DataFrame:
    """Read a file in UTF-8; fields that a line lacks are empty.

    Raises:
        DataError: a field has no colon.
    """
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        fields = [field.partition(":") for field in line.split("\t") if field]
        if any(not colon for _, colon, _ in fields):
            raise DataError(Diagnostic("K503", Message("a field has no name before a colon"), Place(str(path), number)))
        if fields:
            rows.append({name: value for name, _, value in fields})
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def write(frames: Mapping[str, pl.DataFrame], head: Mapping[str, Any]) -> bytes:
    """Write the first table of a result, without its empty fields."""
    first = next(iter(frames.values()))
    lines = (
        "\t".join(f"{name}:{str(value).translate(_SPACES)}" for name, value in row.items() if value is not None)
        for row in first.iter_rows(named=True)
    )
    return "".join(f"{line}\n" for line in lines).encode()
