"""Targets that differ by entity: from the data, from a file beside the definition, or from the roster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, suggest
from kpi.intake import assumed_years, row_findings
from kpi.intake.aggregate_rows import by_name, listed
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import PLAIN, problem_of
from kpi.intake.cells.unit_factors import factors, misfit
from kpi.intake.entities import Entities
from kpi.intake.files.headers import Role, roles, split_unit
from kpi.intake.files.merged_cells import SPLIT, apart, of_several, range_of
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.notation import notation_of, read_column
from kpi.intake.reported.period_aggregation import labels_by_end
from kpi.intake.reported.roster_targets import from_roster
from kpi.intake.reported.stated_targets import forward_filled, in_scored_periods, without_targets
from kpi.intake.reported.target_totals import beside_total, on_areas_beside_total
from kpi.intake.roster import roster_of
from kpi.language.indicators import Level
from kpi.language.system import System
from kpi.values import period_texts
from kpi.values.columns import Column
from kpi.values.periods import Grain
from kpi.values.timelines import Timeline


class OnAreas(Protocol):
    """What brings targets to the areas of today, where units succeed one another (`kpi.intake.target_areas`)."""

    @property
    def entities(self) -> Entities:
        """The units that targets may be given for, former ones included."""

    def on_areas(self, grid: pl.DataFrame, indicator: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the grid with the column `target` of targets that are given for these units."""

    def silent(self) -> OnAreas:
        """Return the same, whose findings are not reported."""

    def set_aside(self) -> Mapping[str, int]:
        """Return the former units whose targets none of today has, with the period from which on they are no units."""

    def of_today(self, grid: pl.DataFrame, indicator: str) -> pl.DataFrame:
        """Return the grid with the column `target`, of the units of today, without what is of another area."""


#: The keys of the panel.
_KEYS = {"period": pl.Int32, "entity": pl.UInt32}

#: The columns of a file of targets, each with the role that a heading in other words has; the first three are needed.
_COLUMNS: dict[str, Role] = {
    "entity": "entity", "indicator": "measure", "target": "target", "period": "period", "unit": "unit"
}  # fmt: skip
_NEEDED = ("entity", "indicator", "target")


def targeted_in_data(system: System) -> list[str]:
    """Return the indicators whose targets stand in the data."""
    return [
        name
        for name, indicator in system.indicators.items()
        if any(target.per_entity is not None and target.per_entity.column is not None for target in indicator.target)
    ]


def in_data(
    raw: pl.DataFrame, system: System, source: Placed, findings: list[Diagnostic]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the entities' own targets in the data, and the rows that state nothing else and cannot be read.

    A target stands in the target column beside a figure, or alone on a row that names the indicator. Columns of the
    targets: indicator, entity (place), start, months, target (in the indicator's unit), row, measure, alone, revision.

    Args:
        raw: rows whose measure or indicator (`name`), entity (`who`) and period are known.
        system: gives the indicators.
        source: the table that the rows come from.
        findings: takes one for each target that cannot be read.
    """
    table, header = source.table, source.roles.get("target")
    indicators = targeted_in_data(system)
    # A figure's target is that of every indicator which shows the figure.
    of_level = [(indicator.of, name) for name in indicators if isinstance(indicator := system.indicators[name], Level)]
    means = pl.DataFrame(
        [*of_level, *((name, name) for name in indicators)], {"name": pl.String, "taker": pl.String}, orient="row"
    )
    stating = pl.col("target").is_not_null()
    rows = raw.filter(stating | pl.col("name").is_in(indicators) if indicators else stating)
    if not rows.height:
        return pl.DataFrame(), pl.DataFrame()
    if not indicators:
        message = Message("no indicator takes its targets from the data; this column is not read")
        findings.append(Diagnostic("K527", message, table.place(None, header), None, Severity.INFO))
    rows = rows.with_columns(alone=pl.col("name").is_in(indicators))
    rows = rows.join(means, on="name", maintain_order="left_right").with_columns(name="taker", measure="name")
    stated = rows.select(pl.coalesce(pl.col("target"), pl.col("value").cast(pl.String))).to_series()
    notation = notation_of(source.dataset, table, header)
    numbers, _ = read_column(stated, notation)
    rows = rows.with_columns(
        numbers["value"].alias("target"), numbers["unit"].alias("typed"), numbers["problem"], stated.alias("stated"),
        pl.when(pl.col("target").is_null()).then("field").otherwise(pl.lit(header)).alias("field"),
    )  # fmt: skip
    factor = factors(rows, system)
    rows = rows.join(factor, on=["unit", "typed", "name"], how="left", nulls_equal=True, maintain_order="left")
    # Beside a figure the row's unit is judged with the figure, where a misfit refuses both.
    judged = pl.col("target").is_not_null() & (pl.col("alone") | pl.col("typed").is_not_null())
    rows = rows.with_columns(problem=pl.coalesce("problem", pl.when(judged).then("misfit")))
    wrong = rows.filter(pl.col("problem").is_not_null())
    wrong = wrong.unique([ROW, "field", "problem"], keep="first", maintain_order=True)

    def no_target(row: dict[str, object]) -> row_findings.Finding:
        if (merged := range_of(str(row["stated"]))) is not None:
            return "K533", of_several(*merged), SPLIT
        reason = problem_of(row["stated"], notation) or misfit(row, system) or row["problem"]
        return "K604", Message("the target {reason}", reason=reason), None

    findings += row_findings.of_rows(table, wrong, None, no_target)
    # A refused target is none: no earlier one holds instead.
    usable = pl.when(pl.col("problem").is_null()).then(pl.col("target") * pl.col("factor"))
    rows = rows.with_columns(target=usable).filter(pl.col("target").is_not_null() | pl.col("problem").is_not_null())
    kept = rows.select(
        "start", "months", "target", "measure", "alone", "revision", indicator="name", entity="who", row=ROW
    )
    return kept, wrong.filter("alone")


def add(
    grid: pl.DataFrame, system: System, targets: pl.DataFrame, entities: Entities, areas: OnAreas | None = None
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return the grid with a column (`own_target`; Float64, in the indicator's unit) for each target of each entity.

    Args:
        grid: the panel, one row per period and entity.
        system: gives the indicators.
        targets: targets in the data: indicator, entity, start, months, target, row.
        entities: the entities.
        areas: brings targets to the areas of today, where units succeed one another; `targets` then name its entities.

    Raises:
        DataError: a target file cannot be read, or lacks a column.
    """
    findings: list[Diagnostic] = []
    files: dict[str, pl.DataFrame] = {}
    wanted = [
        (name, place, target.per_entity)
        for name, indicator in system.indicators.items()
        for place, target in enumerate(indicator.target)
        if target.per_entity is not None
    ]
    for name, place, bound in wanted:
        column = without_targets(grid)
        if bound.file is not None and areas is None and entities.closed:
            of_file = _kept(system, entities, bound.file).of(name, bound.total)
            findings += [item for item in of_file.findings if item not in findings]
            if of_file.targets.height:
                column = forward_filled(grid, of_file.targets, system.period.months)
            grid = grid.hstack([column.alias(Column(name).own_target(place))])
            continue
        mine = targets
        if bound.file is None and bound.column is None:
            by_entity, more = from_roster(bound, name, system, entities, grid["period"].unique().sort().to_list())
            findings += [item for item in more if item not in findings]
            keys = [key for key in ("entity", "period") if key in by_entity.columns]
            joined = grid.join(by_entity, on=keys, how="left", maintain_order="left")
            column = (joined if areas is None else areas.of_today(joined, name))["target"]
            mine = targets.clear()
        elif bound.file is not None:
            if bound.file not in files:
                known = entities if areas is None else areas.entities
                files[bound.file], more = _from_file(system.home / bound.file, system, known)
                findings += more
            mine = files[bound.file]
        where = Place() if bound.file is None else Place(str(system.home / bound.file))
        if mine.height:
            mine = mine.filter(pl.col("indicator") == name)
            mine, more = in_scored_periods(mine, name, system, entities if areas is None else areas.entities, where)
            findings += [item for item in more if item not in findings]
            size = system.period.months
            column = forward_filled(grid, mine, size) if areas is None else areas.on_areas(grid, name, mine)["target"]
        if bound.total is not None and (bound.file or bound.column):
            if areas is None:
                more = beside_total(mine, bound.total, name, system, entities, place=where)
            else:
                silent = areas.silent()
                held = _on_areas(grid, name, mine, system, silent)
                aside = silent.set_aside()
                more = on_areas_beside_total(held, bound.total, name, system, entities, aside=aside, place=where)
            findings += [item for item in more if item not in findings]
        grid = grid.hstack([column.alias(Column(name).own_target(place))])
    return grid, findings


def _on_areas(
    grid: pl.DataFrame, indicator: str, targets: pl.DataFrame, system: System, areas: OnAreas
) -> pl.DataFrame:
    """Return the targets of the units of today (period, entity, target), from the first period that has one on.

    The last period is that of the last target, or of the grid.
    """
    size = system.period.months
    ends = targets.select((pl.col("start") + pl.col("months") - 1) // size).to_series().drop_nulls().to_list()
    first, last = (
        (min(ends), max([*ends, *grid["period"].tail(1)])) if ends else (grid["period"][0], grid["period"][-1])
    )
    periods = pl.DataFrame({"period": range(int(first), int(last) + 1)}, schema={"period": pl.Int32})
    every = periods.join(grid.select("entity").unique().sort("entity"), how="cross")
    return areas.on_areas(every, indicator, targets).select("period", "entity", "target")


def examined(system: System) -> list[Diagnostic]:
    """Return what is wrong with the targets that come from the roster or from a file, without any data."""
    bounds = [target.per_entity for indicator in system.indicators.values() for target in indicator.target]
    if system.entities.succession is not None or all(bound is None or bound.column is not None for bound in bounds):
        return []
    try:
        entities = roster_of(system)
        # Without a roster the data say which units there are.
        return [] if entities is None else add(pl.DataFrame(schema=_KEYS), system, pl.DataFrame(), entities)[1]
    except DataError as error:
        return list(error.diagnostics)


def _of_ends(rows: pl.DataFrame, grain: Grain) -> pl.DataFrame:
    """Return targets with months that end scored periods as those of the periods, where all are for such months."""
    dated = rows.drop_nulls("start")
    if not labels_by_end(dated, grain):
        return rows
    start = pl.when(pl.col("start").is_not_null()).then(pl.col("start") + 1 - grain.months)
    months = pl.when(pl.col("start").is_not_null()).then(grain.months)
    return rows.with_columns(start=start.cast(pl.Int32), months=months.cast(pl.Int32))


class _OfIndicator(NamedTuple):
    """The targets of one indicator in a file, of scored periods, and the findings about them and about the file."""

    targets: pl.DataFrame
    findings: Sequence[Diagnostic]


class _Kept(Struct, dict=True):
    """The targets of a file for a roster.

    Attributes:
        system: gives the indicators.
        entities: those of the roster.
        path: the file.
        state: tells whether the file is unchanged.
        indicators: what is known of each indicator and total already.
    """

    system: System
    entities: Entities
    path: Path
    state: tuple[int, ...]
    indicators: dict[tuple[str, float | None], _OfIndicator] = field(default_factory=dict)

    def of(self, name: str, total: float | None) -> _OfIndicator:
        """Return the targets of an indicator, and the findings, also about the total that they should make."""
        key = (name, total)
        if key not in self.indicators:
            place = Place(str(self.path))
            mine, findings = self._every
            mine = mine.filter(pl.col("indicator") == name)
            more: list[Diagnostic] = []
            if mine.height:
                mine, more = in_scored_periods(mine, name, self.system, self.entities, place)
            if total is not None:
                more = [*more, *beside_total(mine, total, name, self.system, self.entities, place=place)]
            self.indicators[key] = _OfIndicator(mine, [*findings, *more])
        return self.indicators[key]

    @cached_property
    def _every(self) -> tuple[pl.DataFrame, list[Diagnostic]]:
        return _from_file(self.path, self.system, self.entities)


#: Where a system keeps the targets of its files, beside the cached properties that are derived from it, too.
_KEPT = "targets of files"


def _kept(system: System, entities: Entities, file: str) -> _Kept:
    """Return the targets of a file, which are kept while the file and the roster are unchanged."""
    path = system.home / file
    try:
        known = path.stat()
        state: tuple[int, ...] = (known.st_mtime_ns, known.st_size, known.st_ino, known.st_dev)
    except OSError:
        state = ()
    by_file: dict[str, _Kept] = vars(system).setdefault(_KEPT, {})
    kept = by_file.get(file)
    # A roster that was read again has another frame.
    if kept is None or not state or kept.state != state or kept.entities.frame is not entities.frame:
        kept = by_file[file] = _Kept(system, entities, path, state)
    return kept


def _from_file(path: Path, system: System, entities: Entities) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return the targets in a file of the columns entity, indicator, target, perhaps period and unit, and the findings.

    The columns may have the headings that data files have for them, such as 地区, 指标, 目标值, 期别, 计量单位.

    Columns: indicator, entity (place), start, months (null without a period), target (in the indicator's unit), row.
    """
    table = read(path)[0]
    headings, findings = _headings(table)
    absent = [column for column in _NEEDED if column not in headings]
    if absent:
        hint = Message(
            "call the columns entity, indicator, target, or 地区, 指标, 目标值; their unit stands in a column 计量单位"
        )
        raise DataError(
            Diagnostic(
                "K541", Message("the target file has no column {absent}", absent=tuple(absent)), table.place(), hint
            )
        )
    table = apart(table, [headings["target"]])
    rows = table.numbered().collect()
    text = {
        column: as_text(headings[column]).str.strip_chars() if column in headings else pl.lit(None, dtype=pl.String)
        for column in ("entity", "indicator", "period", "unit")
    }
    rows = rows.select(ROW, target=pl.col(headings["target"]), **text)
    rows = _known(table, rows, system, entities, headings=headings, findings=findings)
    rows = _dated(table, rows, system.timeline, headings=headings, findings=findings)
    rows = _valued(table, rows, system, headings=headings, findings=findings)
    keys = ["name", "who", "start", "months"]
    repeated = rows.filter(pl.struct(keys).is_duplicated() & ~pl.struct(keys).is_first_distinct())
    findings += row_findings.of_rows(
        table,
        repeated,
        headings["target"],
        lambda row: (
            "K608",
            Message("{entity} has another target for `{indicator}`", entity=row["entity"], indicator=row["name"]),
            None,
        ),
    )
    # Of several targets for the same none is used, nor an earlier one: the file does not say which is meant.
    rows = rows.with_columns(target=pl.when(~pl.struct(keys).is_duplicated()).then("target"))
    rows = _of_ends(rows.unique(keys, keep="first", maintain_order=True), system.period)
    return rows.select("start", "months", "target", indicator="name", entity="who", row=ROW), findings


def _headings(table: Table) -> tuple[dict[str, str], list[Diagnostic]]:
    """Return the heading of each column of a file of targets, by its name or in other words, and rivals (K210).

    A heading with a unit, such as 目标值(万元), is none: which unit the targets have is said in the column `unit`.
    """
    exact = [column for column in _COLUMNS if column in table.columns]
    others = [column for column in table.columns if column not in exact and split_unit(column)[1] is None]
    wanted = {role: column for column, role in _COLUMNS.items() if column not in exact}
    by_role, rivals = roles(others, place=table.place(), about=wanted)
    headings = {wanted[role]: heading for role, heading in by_role.items() if role in wanted}
    return headings | {column: column for column in exact}, [
        replace(rival, hint=Message("leave out one of the columns")) for rival in rivals
    ]


def unused(names: Iterable[str], place: Place) -> Diagnostic:
    """Return the finding about targets of units that are none any more.

    Args:
        names: the units, each with where it went.
        place: of the targets.
    """
    message = Message("the targets of {names} are not added to those of others, and not used", names=tuple(names))
    return Diagnostic(
        "K646", message, place, Message("give the target of the unit that there is now"), Severity.WARNING
    )


def _known(
    table: Table,
    rows: pl.DataFrame,
    system: System,
    entities: Entities,
    *,
    headings: Mapping[str, str],
    findings: list[Diagnostic],
) -> pl.DataFrame:
    """Keep the rows of known entities and indicators."""
    meaning = entities.resolve(rows["entity"].drop_nulls().unique().to_list())
    rows = rows.with_columns(
        who=pl.col("entity").replace_strict(meaning, default=None, return_dtype=pl.UInt32),
        name=pl.when(pl.col("indicator").is_in(list(system.indicators))).then("indicator"),
    )
    strangers = rows.filter(pl.col("who").is_null()).select("entity", ROW).rows()
    aside = [(text, row) for text, row in strangers if text and entities.excluded(text)]
    if aside:
        message = Message("left out, as totals and the like are no units: {aside}", aside=listed(by_name(aside)))
        findings.append(Diagnostic("K612", message, table.place(None, headings["entity"]), None, Severity.INFO))
    unknown = [(text, row) for text, row in strangers if (text, row) not in aside]
    findings += [entities.unknown(text or "", table.place(row, headings["entity"])) for text, row in unknown]
    for row in rows.filter(pl.col("name").is_null()).to_dicts():
        hint = suggest(str(row["indicator"]), system.indicators)
        message = Message(
            "`{indicator}` is not an indicator of {system}", indicator=row["indicator"] or "", system=system.system
        )
        findings.append(Diagnostic("K203", message, table.place(row[ROW], headings["indicator"]), hint))
    return rows.drop_nulls(["who", "name"])


def _dated(
    table: Table, rows: pl.DataFrame, timeline: Timeline, *, headings: Mapping[str, str], findings: list[Diagnostic]
) -> pl.DataFrame:
    """Keep the rows whose period is blank or can be read, and add start and months."""
    known = period_texts.parse_column(rows["period"], timeline=timeline).rename({"text": "period"})
    rows = rows.join(known, on="period", how="left", nulls_equal=True, maintain_order="left")
    bad = rows.filter(pl.col("problem").is_not_null())

    def no_period(row: dict[str, object]) -> row_findings.Finding:
        return (
            "K606",
            period_texts.problem(str(row["period"]), timeline=timeline) or Message("{reason}", reason=row["problem"]),
            None,
        )

    findings += row_findings.of_rows(table, bad, headings.get("period"), no_period)
    findings += assumed_years.of_texts(rows["period"], timeline, table.place(None, headings.get("period")))
    return rows.filter(pl.col("problem").is_null()).drop("problem")


def _valued(
    table: Table, rows: pl.DataFrame, system: System, *, headings: Mapping[str, str], findings: list[Diagnostic]
) -> pl.DataFrame:
    """Keep the rows with a target, in the unit of their indicator; a refused one is null, as no earlier one holds."""
    numbers, _ = read_column(rows["target"], PLAIN)
    rows = rows.with_columns(
        numbers["value"].alias("target"), numbers["unit"].alias("typed"), numbers["problem"], stated="target"
    )
    factor = factors(rows, system)
    rows = rows.join(factor, on=["unit", "typed", "name"], how="left", nulls_equal=True, maintain_order="left")
    bad = rows.filter(pl.col("problem").is_not_null())

    def no_number(row: dict[str, object]) -> row_findings.Finding:
        if (merged := range_of(str(row["stated"]))) is not None:
            return "K533", of_several(*merged), SPLIT
        return "K604", problem_of(row["stated"]) or Message("{reason}", reason=row["problem"]), None

    def no_unit(row: dict[str, object]) -> row_findings.Finding:
        return "K605", misfit(row, system) or Message("{reason}", reason=row["misfit"]), None

    findings += row_findings.of_rows(table, bad, headings["target"], no_number)
    misfits = rows.filter(pl.col("factor").is_null() & pl.col("target").is_not_null())
    findings += row_findings.of_rows(table, misfits, headings["target"], no_unit)
    stated = pl.col("target").is_not_null() | pl.col("problem").is_not_null()
    return rows.filter(stated).with_columns(target=pl.col("target") * pl.col("factor"))
