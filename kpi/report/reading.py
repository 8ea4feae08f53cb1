"""Read results back: a JSON document or a folder of Parquet files of `kpi score -o`, to compare them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from kpi.analysis.diff import REST, Side
from kpi.engine.scorecard import HEADLINES, LONGER_COLUMNS, PLACES, RESTATED
from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.report.language import tr
from kpi.report.shape import SCHEMA

_NUMBERS = ("score", "raw_score", "stars", "rank", "value", "points", "weight")
_NEEDED = {
    "totals": ("period", "cohort", "entity", "score", "raw_score", "stars", "grade", "rank", "status"),
    "indicators": ("period", "entity", "indicator", "title", "value", "unit", "score", "weight", "points"),
}

#: What is read where it was written.
_KEPT = ("measures", "restated", "adjustments", "longer", "headlines", "places")

#: The columns of further standings.
_STANDINGS = {"longer": LONGER_COLUMNS, "headlines": HEADLINES, "places": PLACES}


def is_result(path: Path) -> bool:
    """Return whether a file or folder is a result of `kpi score -o` that can be compared."""
    try:
        if path.is_dir():
            return (path / "totals.parquet").is_file()
        if path.suffix.lower() == ".json":
            with path.open("rb") as file:
                return SCHEMA.encode() in file.read(200)
        return path.suffix.lower() == ".parquet" and _metadata(path).get("schema") == SCHEMA
    except (OSError, pl.exceptions.PolarsError):
        return False


def read_result(path: Path) -> Side:
    """Return a result as one side of a comparison.

    The contributions to totals are the points of indicators and of the frame `adjustments`, as written; the remainder
    is one entry: in results written before that frame existed, it holds bonuses, caps and means that are no sums. A
    single Parquet file has the totals only; a folder has the measures too. Restated figures are read if present.

    Raises:
        DataError: K503, if the file is damaged or lacks a column.
    """
    try:
        head, tables = _document(path) if path.suffix.lower() == ".json" and path.is_file() else _parquet(path)
        totals, indicators = (_typed(tables[name], name) for name in _NEEDED)
        # NOTE: results without the frame `adjustments` have points in percent, whatever the full mark.
        full = float(head.get("full", 100.0)) if "adjustments" not in tables else 100.0
        adjustments = tables.get("adjustments")
        restated = tables.get("restated")
        if restated is not None:
            restated = restated.select(pl.col(name).cast(kind) for name, kind in RESTATED.items())
        standings = {name: _standing(tables[name], kinds) for name, kinds in _STANDINGS.items() if name in tables}
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        hint = Message("write it again with kpi score -o")
        raise DataError(
            Diagnostic("K503", Message("no result that can be read: {error}", error=error), Place(str(path)), hint)
        ) from None
    return Side(
        str(path), str(head["system"]), str(head.get("title") or head["system"]), str(head["definition_hash"]),
        str(head["data_hash"]), int(head.get("decimals", 2)), totals, indicators,
        _contributions(totals, indicators, adjustments, full), tables.get("measures"),
        entity_title=_entity_title(head), restated=restated,
        longer=standings.get("longer"), headlines=standings.get("headlines"), places=standings.get("places"),
    )  # fmt: skip


def _entity_title(head: Mapping[str, Any]) -> str:
    """Return what the entities are called; the usual name is written in English and shown in the language in use."""
    usual = Message("Entity")
    written = str(head.get("entity_title") or usual)
    return usual if written == usual else written


def _document(path: Path) -> tuple[Mapping[str, Any], dict[str, pl.DataFrame]]:
    tree = json.loads(path.read_bytes())
    names = [name for name in (*_NEEDED, *_KEPT) if name in _NEEDED or name in tree]
    tables = {name: pl.DataFrame(tree[name], infer_schema_length=None) for name in names}
    return tree, tables


def _parquet(path: Path) -> tuple[Mapping[str, Any], dict[str, pl.DataFrame]]:
    if path.is_file():
        nothing = dict.fromkeys(_NEEDED["indicators"], pl.String)
        return _metadata(path), {"totals": pl.read_parquet(path), "indicators": pl.DataFrame(schema=nothing)}
    names = [name for name in (*_NEEDED, *_KEPT) if (path / f"{name}.parquet").is_file()]
    return _metadata(path / "totals.parquet"), {name: pl.read_parquet(path / f"{name}.parquet") for name in names}


def _metadata(path: Path) -> Mapping[str, str]:
    return pl.read_parquet_metadata(path)


def _typed(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the required columns; integers stay integers."""
    kinds = {column: pl.Float64 if column in _NUMBERS else pl.String for column in _NEEDED[name]}
    typed = frame.select(pl.col(column).cast(kind) for column, kind in kinds.items())
    integers = [
        column for column in ("stars", "rank") if column in kinds and (typed[column].drop_nulls() % 1 == 0).all()
    ]
    return typed.with_columns(pl.col(integers).cast(pl.Int64))


def _standing(frame: pl.DataFrame, kinds: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Return totals, places or headlines as read, numbers that are whole as integers."""
    typed = frame.select(
        pl.col(name).cast(pl.String if kind == pl.String else pl.Float64) for name, kind in kinds.items()
    )
    whole = [
        name
        for name, kind in kinds.items()
        if kind not in (pl.String, pl.Float64) and (typed[name].drop_nulls() % 1 == 0).all()
    ]
    return typed.with_columns(pl.col(whole).cast(pl.Int64))


def _contributions(
    totals: pl.DataFrame, indicators: pl.DataFrame, adjustments: pl.DataFrame | None, full: float
) -> pl.DataFrame:
    keys = ["period", "entity"]
    rows = indicators.select(*keys, "indicator", "title", "weight", contribution=pl.col("points") * full / 100)
    if adjustments is not None and adjustments.height:
        more = adjustments.select(
            *keys, "title", indicator="part", contribution="points", weight=pl.lit(None, dtype=pl.Float64)
        )
        rows = pl.concat([rows, more.select(rows.columns)])
    rows = rows.drop_nulls("contribution")
    explained = rows.group_by(keys, maintain_order=True).agg(pl.col("contribution").sum())
    rest = totals.select(*keys, "raw_score").join(explained, on=keys, how="left", maintain_order="left")
    rest = rest.select(
        *keys, pl.lit(REST).alias("indicator"), pl.lit(tr("Adjustments, caps, vetoes")).alias("title"),
        pl.lit(None, dtype=pl.Float64).alias("weight"),
        (pl.col("raw_score") - pl.col("contribution").fill_null(0.0)).round(9).alias("contribution"),
    )  # fmt: skip
    return pl.concat([rows, rest])
