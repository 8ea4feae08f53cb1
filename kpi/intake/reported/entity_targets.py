"""Targets that differ by entity: from the data, from a file beside the definition, or from the roster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl

from kpi.errors import DataError, Diagnostic, Place, Severity, suggest
from kpi.intake import row_findings
from kpi.intake.aggregate_rows import by_name, listed
from kpi.intake.cells.numbers import PLAIN
from kpi.intake.cells.unit_factors import factors
from kpi.intake.entities import Entities
from kpi.intake.files.headers import Role, roles, split_unit
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.notation import notation_of, read_column
from kpi.language.indicators import Level
from kpi.language.quantities import in_unit
from kpi.language.system import System
from kpi.language.targets import EQUAL, PerEntity
from kpi.values import periods
from kpi.values.columns import Column

#: Says of a text that names a unit which is none any more what it is and where it went, None of others.
Gone = Callable[[str], str | None]

#: The columns of a file of targets, each with the role that a heading in other words has; the first three are needed.
_COLUMNS: dict[str, Role] = {
    "entity": "entity", "indicator": "measure", "target": "target", "period": "period", "unit": "unit"
}  # fmt: skip
_NEEDED = ("entity", "indicator", "target")


def takers(system: System) -> list[str]:
    """Returns the indicators whose targets stand in the data."""
    return [
        name
        for name, indicator in system.indicators.items()
        if any(one.per_entity is not None and one.per_entity.column is not None for one in indicator.target)
    ]


def in_data(
    raw: pl.DataFrame, system: System, source: Placed, found: list[Diagnostic]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the entities' own targets in the data, and the rows that state nothing else and cannot be read.

    A target stands in the target column beside a figure, or alone on a row that names the indicator. Columns of the
    targets: indicator, entity (place), start, months, target (in the indicator's unit), row.

    Args:
        raw: rows whose measure or indicator (`name`), entity (`who`) and period are known.
        system: gives the indicators.
        source: the table that the rows come from.
        found: gets a finding for each target that cannot be read.
    """
    table, header = source.table, source.roles.get("target")
    indicators = takers(system)
    # A figure's target is that of every indicator which shows the figure.
    of_level = [(one.of, name) for name in indicators if isinstance(one := system.indicators[name], Level)]
    means = pl.DataFrame(
        [*of_level, *((name, name) for name in indicators)], {"name": pl.String, "taker": pl.String}, orient="row"
    )
    rows = raw.filter(pl.col("target").is_not_null() | pl.col("name").is_in(indicators))
    if rows.height and not indicators:
        message = "no indicator takes its targets from the data; this column is not read"
        found.append(Diagnostic("K527", message, table.place(None, header), None, Severity.INFO))
    rows = rows.with_columns(alone=pl.col("name").is_in(indicators))
    rows = rows.join(means, on="name", maintain_order="left_right").with_columns(name="taker")
    stated = rows.select(pl.coalesce(pl.col("target"), pl.col("value").cast(pl.String))).to_series()
    numbers, _ = read_column(stated, notation_of(source.dataset, table, header))
    rows = rows.with_columns(
        numbers["value"].alias("target"), numbers["unit"].alias("typed"), numbers["problem"],
        pl.when(pl.col("target").is_null()).then("field").otherwise(pl.lit(header)).alias("field"),
    )  # fmt: skip
    factor = factors(rows, system)
    rows = rows.join(factor, on=["unit", "typed", "name"], how="left", nulls_equal=True, maintain_order="left")
    # Beside a figure the row's unit is judged with the figure, where a misfit refuses both.
    judged = pl.col("target").is_not_null() & (pl.col("alone") | pl.col("typed").is_not_null())
    rows = rows.with_columns(problem=pl.coalesce("problem", pl.when(judged).then("misfit")))
    wrong = rows.filter(pl.col("problem").is_not_null())
    wrong = wrong.unique([ROW, "field", "problem"], keep="first", maintain_order=True)
    found += row_findings.of_rows(table, wrong, None, lambda row: ("K604", f"the target {row['problem']}", None))
    rows = rows.with_columns(target=pl.col("target") * pl.col("factor")).drop_nulls("target")
    rows = rows.filter(pl.col("problem").is_null())
    return rows.select("start", "months", "target", indicator="name", entity="who", row=ROW), wrong.filter("alone")


def add(
    grid: pl.DataFrame, system: System, targets: pl.DataFrame, entities: Entities, gone: Gone | None = None
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Returns the grid with a column (`own_target`; Float64, in the indicator's unit) for each target of each entity.

    Args:
        grid: the panel, one row per period and entity.
        system: gives the indicators.
        targets: targets in the data: indicator, entity, start, months, target, row.
        entities: who there is.
        gone: says of a text that names a unit which is none any more, where it went.

    Raises:
        DataError: a target file cannot be read, or lacks a column.
    """
    found: list[Diagnostic] = []
    files: dict[str, pl.DataFrame] = {}
    wanted = [
        (name, place, target.per_entity)
        for name, indicator in system.indicators.items()
        for place, target in enumerate(indicator.target)
        if target.per_entity is not None
    ]
    for name, place, bound in wanted:
        column = pl.lit(None, dtype=pl.Float64)
        mine = targets
        if bound.file is None and bound.column is None:
            by_entity, more = _from_roster(bound, name, system, entities)
            found += more
            grid = grid.join(by_entity, on="entity", how="left", maintain_order="left")
            column, mine = pl.col("target"), targets.clear()
        elif bound.file is not None:
            if bound.file not in files:
                files[bound.file], more = _from_file(system.home / bound.file, system, entities, gone)
                found += more
            mine = files[bound.file]
        if mine.height:
            grid = _held(grid, mine.filter(pl.col("indicator") == name), system.period.months)
            column = pl.col("target")
        grid = grid.with_columns(column.alias(Column(name).own_target(place))).drop("target", strict=False)
    return grid, found


def _held(grid: pl.DataFrame, targets: pl.DataFrame, size: int) -> pl.DataFrame:
    """Adds the column `target`: one that is given holds until another is given, the first for the time before it too.

    One without a period is given before all others. Which periods the grid has makes no difference.
    """
    ends = (pl.col("start") + pl.col("months") - 1) // size
    given = (
        targets.sort("start", "row", nulls_last=False)
        .select("entity", "target", period=ends.cast(pl.Int32).fill_null(-1))
        .unique(["entity", "period"], keep="last", maintain_order=True)
        .sort("period", "entity")
    )
    first = given.unique("entity", keep="first", maintain_order=True).select("entity", first="target")
    # NOTE: without the check, as Polars 2.1 cannot tell whether a column is sorted within groups, and says so.
    held = grid.join_asof(given, on="period", by="entity", check_sortedness=False)
    held = held.join(first, on="entity", how="left", maintain_order="left")
    return held.with_columns(pl.coalesce("target", "first").alias("target")).drop("first")


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
    numbers, _ = read_column(texts, PLAIN)
    findings = [
        Diagnostic(
            "K604", f"`{text}` is no number to share by: {name} has no target for {indicator}", Place(entity=name)
        )
        for name, text, number in zip(entities.names, texts, numbers["value"], strict=True)
        if number is None
    ]
    value = numbers["value"].fill_nan(None)
    return found.with_columns((value / (value.sum() or 1) * float(bound.total or 0)).alias("target")), findings


def _from_file(
    path: Path, system: System, entities: Entities, gone: Gone | None
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """The targets in a file with the columns entity, indicator, target and perhaps period and unit, and what is wrong.

    The columns may have the headings that data files have for them, such as 地区, 指标, 目标值, 期别, 计量单位.

    Columns: indicator, entity (place), start, months (null without a period), target (in the indicator's unit), row.
    """
    table = read(path)[0]
    said, found = _headings(table)
    absent = [one for one in _NEEDED if one not in said]
    if absent:
        hint = (
            "call the columns entity, indicator, target, or 地区, 指标, 目标值; their unit stands in a column 计量单位"
        )
        raise DataError(Diagnostic("K541", f"the target file has no column {', '.join(absent)}", table.place(), hint))
    rows = table.numbered().collect()
    text = {
        one: pl.col(said[one]).cast(pl.String).str.strip_chars() if one in said else pl.lit(None, dtype=pl.String)
        for one in ("entity", "indicator", "period", "unit")
    }
    rows = rows.select(ROW, target=pl.col(said["target"]), **text)
    rows = _current(table, rows, gone, said=said, found=found)
    rows = _known(table, rows, system, entities, said=said, found=found)
    rows = _dated(table, rows, said=said, found=found)
    rows = _valued(table, rows, system, said=said, found=found)
    keys = ["name", "who", "start", "months"]
    twice = rows.filter(pl.struct(keys).is_duplicated() & ~pl.struct(keys).is_first_distinct())
    found += row_findings.of_rows(
        table,
        twice,
        said["target"],
        lambda row: ("K608", f"{row['entity']} has another target for `{row['name']}`", None),
    )
    # A target given twice is none: which one is meant is for the file to say.
    rows = rows.filter(~pl.struct(keys).is_duplicated())
    return rows.select("start", "months", "target", indicator="name", entity="who", row=ROW), found


def _headings(table: Table) -> tuple[dict[str, str], list[Diagnostic]]:
    """Return the heading of each column of a file of targets, by its name or in other words, and rivals (K210).

    A heading with a unit, such as 目标值(万元), is none: which unit the targets have is said in the column `unit`.
    """
    exact = [one for one in _COLUMNS if one in table.columns]
    others = [one for one in table.columns if one not in exact and split_unit(one)[1] is None]
    wanted = {role: one for one, role in _COLUMNS.items() if one not in exact}
    by_role, rivals = roles(others, place=table.place(), about=wanted)
    said = {wanted[role]: heading for role, heading in by_role.items() if role in wanted}
    return said | {one: one for one in exact}, [replace(one, hint="leave out one of the columns") for one in rivals]


def unused(names: Iterable[str], place: Place) -> Diagnostic:
    """Return the finding about targets of units that are none any more.

    Args:
        names: the units, each with where it went.
        place: of the targets.
    """
    message = f"the targets of {'、'.join(names)} are not added to those of others, and not used"
    return Diagnostic("K646", message, place, "give the target of the unit that there is now", Severity.WARNING)


def _current(
    table: Table, rows: pl.DataFrame, gone: Gone | None, *, said: dict[str, str], found: list[Diagnostic]
) -> pl.DataFrame:
    """Keep the rows of units that are not gone."""
    texts: list[str] = [] if gone is None else rows["entity"].drop_nulls().unique(maintain_order=True).to_list()
    where = {text: words for text in texts if gone is not None and (words := gone(text)) is not None}
    if not where:
        return rows
    first = rows.filter(pl.col("entity").is_in(list(where)))[ROW][0]
    found.append(unused(where.values(), table.place(first, said["entity"])))
    return rows.filter(~pl.col("entity").is_in(list(where)).fill_null(value=False))


def _known(
    table: Table,
    rows: pl.DataFrame,
    system: System,
    entities: Entities,
    *,
    said: dict[str, str],
    found: list[Diagnostic],
) -> pl.DataFrame:
    """Keeps the rows of known entities and indicators."""
    meaning = entities.resolve(rows["entity"].drop_nulls().unique().to_list())
    rows = rows.with_columns(
        who=pl.col("entity").replace_strict(meaning, default=None, return_dtype=pl.UInt32),
        name=pl.when(pl.col("indicator").is_in(list(system.indicators))).then("indicator"),
    )
    strangers = rows.filter(pl.col("who").is_null()).select("entity", ROW).rows()
    aside = [(text, row) for text, row in strangers if text and entities.excluded(text)]
    if aside:
        message = f"left out, as totals and the like are no units: {listed(by_name(aside))}"
        found.append(Diagnostic("K612", message, table.place(None, said["entity"]), None, Severity.INFO))
    unknown = [(text, row) for text, row in strangers if (text, row) not in aside]
    found += [entities.unknown(text or "", table.place(row, said["entity"])) for text, row in unknown]
    for row in rows.filter(pl.col("name").is_null()).to_dicts():
        hint = suggest(str(row["indicator"]), system.indicators)
        message = f"`{row['indicator'] or ''}` is not an indicator of {system.system}"
        found.append(Diagnostic("K203", message, table.place(row[ROW], said["indicator"]), hint))
    return rows.drop_nulls(["who", "name"])


def _dated(table: Table, rows: pl.DataFrame, *, said: dict[str, str], found: list[Diagnostic]) -> pl.DataFrame:
    """Keeps the rows whose period is blank or can be read, and adds start and months."""
    known = periods.parse_column(rows["period"]).rename({"text": "period"})
    rows = rows.join(known, on="period", how="left", nulls_equal=True, maintain_order="left")
    bad = rows.filter(pl.col("problem").is_not_null())
    found += row_findings.of_rows(table, bad, said.get("period"), lambda row: ("K606", str(row["problem"]), None))
    return rows.filter(pl.col("problem").is_null()).drop("problem")


def _valued(
    table: Table, rows: pl.DataFrame, system: System, *, said: dict[str, str], found: list[Diagnostic]
) -> pl.DataFrame:
    """Keeps the rows with a target, in the unit of their indicator."""
    numbers, _ = read_column(rows["target"], PLAIN)
    rows = rows.with_columns(numbers["value"].alias("target"), numbers["unit"].alias("typed"), numbers["problem"])
    factor = factors(rows, system)
    rows = rows.join(factor, on=["unit", "typed", "name"], how="left", nulls_equal=True, maintain_order="left")
    bad = rows.filter(pl.col("problem").is_not_null())
    found += row_findings.of_rows(table, bad, said["target"], lambda row: ("K604", str(row["problem"]), None))
    rows = rows.filter(pl.col("problem").is_null())
    misfit = rows.filter(pl.col("factor").is_null() & pl.col("target").is_not_null())
    found += row_findings.of_rows(table, misfit, said["target"], lambda row: ("K605", str(row["misfit"]), None))
    return rows.with_columns(target=pl.col("target") * pl.col("factor")).drop_nulls("target")
