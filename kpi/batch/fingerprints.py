"""Keys of periods: a period is scored again if its key changed.

The key is a hash of all inputs of its results: the definition, the engine, the entities, and the figures of the panel
that enter it, its own and those of the earlier periods in `lookback`. A correction of 2022-06 thus changes the key of
2022-06, of 2022-07 if changes of rank look back to it, and of 2023-06 if a growth does, and no other key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import polars as pl

import kpi
from kpi.language.lookback import HISTORY, WHOLE, Reach
from kpi.process import extensions
from kpi.process.distribution import version
from kpi.values.periods import Grain, Period

#: By column and period, a number that changes if a figure does.
Marks = Mapping[str, Mapping[int, int]]


@cache
def engine() -> str:
    """Return the identity of the engine: its version, that of Polars, a hash of its source, and its extensions."""
    folder = Path(kpi.__file__).parent
    text = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        text.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    identity = f"kpi {version() or 'source'} ({text.hexdigest()[:12]}), polars {pl.__version__}"
    # Only those that results may depend on.
    families = ("indicators", "scoring", "stars", "readers")
    brought = {item.origin for family in families for item in extensions.every(family)}
    return ", ".join([identity, *sorted(brought)])


def keys(
    entities: pl.DataFrame, periods: Sequence[Period], marks: Marks, *, reached: Reach, fingerprint: str, grain: Grain
) -> dict[str, str]:
    """Return the key of every period, by label.

    Args:
        entities: the frame of the entities.
        periods: all periods, in order.
        marks: the result of `marks` for all periods.
        reached: the columns that enter the results, with their lags in periods.
        fingerprint: the hash of the definition.
        grain: the grain of the scored periods.
    """
    entities_hash = hashlib.sha256(entities.write_ndjson().encode()).hexdigest()
    every = [period.index(grain) for period in periods]
    chains = {
        # Periods without facts such as corrections have no mark.
        name: dict(_chained({at: marks[name].get(at, 0) for at in every}))
        for name, lags in reached.items() if min(lags) < 0 and name in marks
    }  # fmt: skip
    last = every[-1]
    result = {}
    for period in periods:
        at = period.index(grain)
        parts = [
            (name, lag, chains[name][{HISTORY: at, WHOLE: last}[lag]] if lag < 0 else marks[name].get(at - lag))
            for name in sorted(marks)
            for lag in sorted({0, *reached.get(name, ())})
        ]
        text = json.dumps([fingerprint, engine(), entities_hash, at, parts])
        result[period.label] = hashlib.sha256(text.encode()).hexdigest()[:32]
    return result


def marks(frame: pl.DataFrame) -> dict[str, dict[int, int]]:
    """Return by column and period a number that changes if a figure does, independent of the number of threads.

    Args:
        frame: a panel, or some periods or columns of one.
    """
    columns = [name for name in frame.columns if name not in ("entity", "period") and name[0] != "#"]
    plain = frame.with_columns(pl.selectors.by_dtype(pl.Enum, pl.Categorical).cast(pl.String))
    marked = plain.group_by("period", maintain_order=True).agg(
        pl.struct("entity", name).hash().sum().alias(name) for name in columns
    )
    periods = marked["period"].to_list()
    return {name: dict(zip(periods, marked[name].to_list(), strict=True)) for name in columns}


def _chained(marks: Mapping[int, int]) -> Iterator[tuple[int, str]]:
    """Return for every period a hash of the marks up to it."""
    text = hashlib.sha256()
    for at, mark in marks.items():
        text.update(f"{at}:{mark};".encode())
        yield at, text.hexdigest()
