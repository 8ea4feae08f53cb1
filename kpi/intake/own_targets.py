"""Targets that differ by entity: from the data, or from a file beside the definition."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kpi.errors import DataError, Diagnostic
from kpi.intake.entities import Entities
from kpi.intake.files import read
from kpi.intake.numbers import read_numbers
from kpi.intake.table import ROW
from kpi.system import System


def add(
    grid: pl.DataFrame, system: System, targets: pl.DataFrame, entities: Entities
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Returns the grid with `name.own_target` (Float64, in the indicator's unit) for each indicator that needs it.

    Args:
        grid: the panel, one row per period and entity.
        system: gives the indicators.
        targets: targets in the data: indicator, entity, start, months, target.
        entities: who there is.
    """
    findings: list[Diagnostic] = []
    for name, indicator in system.indicators.items():
        sources = [target.per_entity for target in indicator.target if target.per_entity is not None]
        if not sources:
            continue
        column = pl.lit(None, dtype=pl.Float64)
        if sources[0].file is not None:
            found, more = _from_file(system.home / sources[0].file, name, entities)
            findings += more
            grid = grid.join(found, on="entity", how="left", maintain_order="left")
            column = pl.col("target")
        elif targets.height:
            mine = _by_period(targets.filter(pl.col("indicator") == name), system.period.months)
            grid = grid.join(mine, on=["entity", "period"], how="left", maintain_order="left")
            # A target that is given once holds until another is given, and for the periods before it too.
            column = pl.col("target").forward_fill().over("entity").backward_fill().over("entity")
        grid = grid.with_columns(column.alias(f"{name}.own_target")).drop("target", strict=False)
    return grid, findings


def _by_period(targets: pl.DataFrame, size: int) -> pl.DataFrame:
    ends = (pl.col("start") + pl.col("months") - 1) // size
    return (
        targets.sort("start", "row")
        .select("entity", "target", period=ends.cast(pl.Int32))
        .unique(["entity", "period"], keep="last", maintain_order=True)
    )


def _from_file(path: Path, indicator: str, entities: Entities) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """The targets of one indicator in a file with the columns entity, indicator, target."""
    table = read(path)[0]
    absent = [one for one in ("entity", "indicator", "target") if one not in table.columns]
    if absent:
        raise DataError(Diagnostic("K541", f"the target file has no column {', '.join(absent)}", table.place()))
    frame = table.numbered().collect().filter(pl.col("indicator") == indicator)
    meaning = entities.resolve(frame["entity"].drop_nulls().to_list())
    known = pl.DataFrame(
        {"entity": list(meaning), "who": list(meaning.values())}, schema={"entity": pl.String, "who": pl.UInt32}
    )
    numbers = read_numbers(frame["target"])
    frame = frame.with_columns(numbers["value"].alias("number"), numbers["problem"])
    frame = frame.join(known, on="entity", how="left", maintain_order="left")
    unknown = frame.filter(pl.col("who").is_null()).to_dicts()
    findings = [entities.unknown(str(row["entity"]), table.place(int(row[ROW]), "entity")) for row in unknown]
    findings += [
        Diagnostic("K604", str(row["problem"]), table.place(int(row[ROW]), "target"))
        for row in frame.filter(pl.col("problem").is_not_null()).to_dicts()
    ]
    good = frame.filter(pl.col("who").is_not_null()).select(entity="who", target="number")
    return good.unique("entity", keep="last", maintain_order=True), findings
