r"""Tables of Eurostat: the keys of a row joined by commas under `unit,sex,geo\time`, flags behind the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl
from msgspec.structs import replace

from kpi.intake.files.table import Table
from kpi.intake.shapes.labels import period_in
from kpi.values.patterns import regex
from kpi.values.timelines import Timeline

_HEADER = regex(r"((?:\w+,)*\w+)\\\w+")
#: A figure or the mark of a missing one, and the flags behind it.
_FLAGGED = r"^\s*(:|[+-]?[0-9][0-9.,]*)\s*([a-z]{1,4})?\s*$"


def is_combined(table: Table, timeline: Timeline) -> bool:
    r"""Return whether the first header joins keys, as in `unit,sex,geo\time`, over a table of periods."""
    first, *rest = table.columns
    return _HEADER.fullmatch(first) is not None and any(
        period_in(header, timeline=timeline) is not None for header in rest
    )


def parted(table: Table) -> tuple[Table, Mapping[str, int]]:
    """Return a table with a column for each key and without flags, and how many figures have which flag.

    The last key names the entity. `:` is a missing figure, with or without flags. Cells that are neither stay as they
    are.
    """
    match = _HEADER.fullmatch(table.columns[0])
    assert match is not None  # noqa: S101
    keys, headers = match[1].split(","), table.columns[1:]
    frame = table.frame.collect()
    parts = frame[table.columns[0]].str.split(",")
    if (parts.list.len() > len(keys)).any():
        parts = (
            frame[table.columns[0]]
            .str.splitn(",", len(keys))
            .struct.unnest()
            .select(pl.concat_list(pl.all()))["field_0"]
        )
    columns = [parts.list.get(at, null_on_oob=True).str.strip_chars().alias(key) for at, key in enumerate(keys)]
    flags: Counter[str] = Counter()
    for header in headers:
        cells = frame[header]
        if cells.dtype == pl.String:
            parsed = pl.DataFrame({"figure": cells.str.extract(_FLAGGED, 1), "flag": cells.str.extract(_FLAGGED, 2)})
            flags.update(dict(parsed.filter(pl.col("figure") != ":").drop_nulls("flag").group_by("flag").len().rows()))
            figure = parsed["figure"].zip_with(parsed["figure"].is_not_null(), cells)
            cells = figure.set(figure == ":", None).alias(header)
        columns.append(cells)
    roles = {"entity": keys[-1], **{item: None for item in ("unit", "code", "cohort", "note") if item in keys[:-1]}}
    table = replace(
        table, frame=pl.DataFrame(columns).lazy(), columns=(*keys, *headers), cells=None, numbered_cells=None,
        scan=None, roles={**table.roles, **roles},
    )  # fmt: skip
    return table, dict(sorted(flags.items()))
