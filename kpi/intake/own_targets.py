"""Targets that differ by entity: from the data, from a file beside the definition, or from the roster."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kpi.errors import DataError, Diagnostic, Place, suggest
from kpi.intake.entities import Entities
from kpi.intake.files import read
from kpi.intake.numbers import read_numbers
from kpi.intake.table import ROW
from kpi.system import System
from kpi.targets import EQUAL, PerEntity, in_unit


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
        if sources[0].file is None and sources[0].column is None:
            found, more = _from_roster(sources[0], name, system, entities)
            findings += more
            grid = grid.join(found, on="entity", how="left", maintain_order="left")
            column = pl.col("target")
        elif sources[0].file is not None:
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


def _from_roster(
    bound: PerEntity, indicator: str, system: System, entities: Entities
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """The targets that follow from the roster: by the value of a column, or as shares of a total."""
    number, unit = entities.frame.height, system.unit(indicator)
    found = pl.DataFrame({"entity": range(number)}, schema={"entity": pl.UInt32})
    if bound.share == EQUAL:
        return found.with_columns(target=pl.lit(float(bound.total or 0) / number)), []
    attribute = bound.by or bound.share or ""
    if attribute not in entities.frame.columns:
        place = Place(str(system.home / system.entities.roster) if system.entities.roster else None)
        hint = suggest(attribute, entities.frame.columns) or "add the column to the roster"
        raise DataError(
            Diagnostic("K545", f"the roster has no column `{attribute}`, which {indicator} needs", place, hint)
        )
    texts = entities.frame[attribute]
    if bound.by is not None:
        bounds = {value: in_unit(one, unit) for value, one in bound.values.items()}
        return found.with_columns(
            texts.replace_strict(bounds, default=None, return_dtype=pl.Float64).alias("target")
        ), []
    numbers = read_numbers(texts)
    findings = [
        Diagnostic(
            "K604", f"`{text}` is no number to share by: {name} has no target for {indicator}", Place(entity=name)
        )
        for name, text, number in zip(entities.names, texts, numbers["value"], strict=True)
        if number is None
    ]
    value = numbers["value"].fill_nan(None)
    return found.with_columns((value / (value.sum() or 1) * float(bound.total or 0)).alias("target")), findings


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
