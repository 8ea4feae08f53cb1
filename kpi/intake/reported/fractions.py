"""Fractions in columns of percents: 0.95 beside 92.3 and 88.1 is probably 95 %. They are reported, not converted.

A figure in (0, 1] looks like a fraction where the other figures of its measure, in % or ‰, are far larger: at least
two are beyond 1, their median is at least 20, and they are as many, or none is below 10. Where most figures are at
most 1 and none is beyond 1.5, all look like fractions when their median, as a percent, lies near the target: from a
third of it to three times it. Where the other figures lie far apart, as shares of forest do, a unit may well have
0.9 %: its figures look like fractions only if they have more decimals than the others and would be near them as
percents, or if the unit has such percents in other periods. A scoring rule's own figures, of which the largest counts
if it is at least 20 (the upper goalpost, the highest band, the benchmark), are as good as a target.
The rules are this package's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity, count
from kpi.intake.entities import Entities
from kpi.intake.matching.datasets import Placed, panel_columns
from kpi.language.datasets import PanelData, Records
from kpi.language.indicators import Level
from kpi.language.measures import Reported
from kpi.language.quantities import in_unit
from kpi.language.system import System
from kpi.language.targets import COMPARATORS, PerEntity
from kpi.values.columns import Column
from kpi.values.periods import Period
from kpi.values.units import PER_MILLE, PERCENT, Unit

#: What a fraction is multiplied by, by the unit of the figures.
_SCALES = {PERCENT: 100, PER_MILLE: 1000}

#: How large the median of the other figures is at least, and each where they are fewer than those that look odd.
_FAR, _CLEAR = 20, 10

#: From how large a target on figures that are all at most 1 are compared with it, and how near it they are.
_LEAST_TARGET, _NEAR = 1.5, 3

#: How large a fraction is at most where most are at most 1, as of completion rates a little over 100 %.
_OVER = 1.5

#: How far apart percents lie among which one of at most 1 may be right: the ninth decile as a multiple of the first.
_WIDE = 1.5
#: From which part of the least other figure, and to how many times the greatest, a fraction would be as a percent.
_BELOW, _ABOVE = 0.5, 1.25
#: Figures with more decimals are computed, so that their decimals say nothing.
_WRITTEN = 4
#: By how many figures the decimals of all are judged.
_FIRST = 1000

#: How many figures a finding names.
_NAMED = 5


def fractions(grid: pl.DataFrame, system: System, entities: Entities, sources: Sequence[Placed]) -> list[Diagnostic]:
    """Return a warning for each measure, and each column of targets, with figures that look like fractions.

    Args:
        grid: the panel with its measures and the entities' own targets.
        system: gives measures, units and targets.
        entities: the entities.
        sources: the tables of the call.
    """
    columns = [_Column(name, name, system.unit(name), "figure") for name in system.measures]
    for name, indicator in system.indicators.items():
        own = (Column(name).own_target(place) for place in range(len(indicator.target)))
        columns += [
            _Column(column, name, system.unit(name), "target", target.per_entity)
            for column, target in zip(own, indicator.target, strict=True)
        ]
    columns = [column for column in columns if column.unit in _SCALES]
    there = set(grid.columns) if columns else set()
    columns = [
        column for column in columns
        if column.column in there and grid.get_column(column.column).dtype == pl.Float64
    ]  # fmt: skip
    if not columns:
        return []
    # NOTE: not pl.col, which takes a name such as ^.*$ for a pattern.
    cells = pl.selectors.by_name(*(column.column for column in columns))
    small = grid.select(cells.is_between(0, 1, closed="right").sum()).row(0, named=True)
    findings = []
    for column in columns:
        if not small[column.column]:
            continue
        values = grid[column.column]
        targets = _targets(system, column.name, grid) if column.what == "figure" else []
        standards = _standards(system, column.name) if column.what == "figure" else []
        odd = _odd(values, grid["entity"], targets, standards, _SCALES[column.unit])
        if odd is not None:
            rows = grid.select("period", "entity", value=values).filter(odd[0])
            # A target holds for the periods after it as well.
            rows = rows.unique("entity", keep="first", maintain_order=True) if column.what == "target" else rows
            rows = rows.with_columns(pl.Series("entity", entities.names, dtype=pl.String)[rows["entity"]])
            findings.append(_finding(system, column, rows, odd[1], _file(system, column, sources)))
    return findings


class _Column(Struct, frozen=True):
    """A column of the panel: of which measure or indicator, in which unit, and whether it has figures or targets."""

    column: str
    name: str
    unit: Unit
    what: str
    bound: PerEntity | None = None


def _odd(
    values: pl.Series, units: pl.Series, targets: list[float], standards: list[float], scale: int
) -> tuple[pl.Series, Message] | None:  # fmt: skip
    """Return which figures look like fractions, None where none does, and why they do."""
    small, others = (values > 0) & (values <= 1), values.filter(values.abs() > 1)
    if len(others) >= 2 and float(str(others.median())) >= _FAR:
        if small.sum() <= len(others) or float(str(others.min())) >= _CLEAR:
            small = _without_right(values, small, units, scale)
            why = Message("the median of the larger ones is {median:g}", median=float(str(others.median())))
            return (small, why) if small.any() else None
        return None
    # A completion rate may be a little over 100 %.
    over = len(others) > 0
    if not (targets or standards) or (over and (float(str(others.abs().max())) > _OVER or small.sum() <= len(others))):
        return None
    small = (values > 0) & (values <= _OVER)
    median = float(str(values.filter(small).median())) * scale
    for target in targets:
        if target > _LEAST_TARGET and target / _NEAR <= median <= target * _NEAR:
            most = _OVER if over else 1
            return small, Message("all are at most {most:g}, and the target is {target:g}", most=most, target=target)
    for standard in standards:
        if standard / _NEAR <= median <= standard * _NEAR:
            most = _OVER if over else 1
            return small, Message(
                "all are at most {most:g}, and the scoring rule refers to {standard:g}", most=most, standard=standard
            )
    return None


def _without_right(values: pl.Series, small: pl.Series, units: pl.Series, scale: int) -> pl.Series:
    """Return which of some figures of at most 1 look like fractions, without those of units that may well have such."""
    others = values.filter(values.abs() > 1)
    low, high = (float(str(others.quantile(part, "nearest"))) for part in (0.1, 0.9))
    wide = not 0 < high <= low * _WIDE
    decimals = _decimals(others.head(_FIRST).to_list())
    least, greatest = float(str(others.min())) * _BELOW, float(str(others.max())) * _ABOVE
    mine = pl.DataFrame({"unit": units, "value": values}).filter(units.is_in(units.filter(small).implode()))
    mine = mine.filter(pl.col("value") > 0)
    by_unit = mine.group_by("unit").agg(
        own=pl.col("value").filter(pl.col("value") <= _OVER),
        larger=pl.col("value").filter(pl.col("value") > _OVER).median(),
    )
    kept = []
    for unit, own, larger in by_unit.rows():
        value = sorted(own)[len(own) // 2]
        if larger is not None:
            # As a percent it is nearer the unit's other figures than it is now.
            near = larger**2 > value * value * scale
        elif wide:
            more = decimals > _WRITTEN or _decimals(own) > decimals
            near = more and least <= value * scale <= greatest
        else:
            near = True
        kept += [unit] if near else []
    return small & units.is_in(pl.Series(kept, dtype=units.dtype).implode())


def _decimals(values: Sequence[float]) -> int:
    """Return with how many decimals figures are written, at most."""
    return max(len(f"{value:.10f}".rstrip("0").partition(".")[2]) for value in values)


def _standards(system: System, measure: str) -> list[float]:
    """Return the largest figure of each scoring rule that judges a measure by figures of its own."""
    standards = []
    for name, indicator in system.indicators.items():
        rule = indicator.score
        if not (isinstance(indicator, Level) and indicator.of == measure) or rule is None or rule.judges_by_target:
            continue
        figures = [in_unit(item, system.unit(name)) for item in rule.quantities().values() if item is not None]
        standards += [max(figures)] if figures and max(figures) >= _FAR else []
    return standards


def _targets(system: System, measure: str, grid: pl.DataFrame) -> list[float]:
    """Return the targets of the indicators that show a measure, of entities' own ones the median."""
    targets = []
    for name, indicator in system.indicators.items():
        if not (isinstance(indicator, Level) and indicator.of == measure):
            continue
        for place, target in enumerate(indicator.target):
            own = Column(name).own_target(place)
            if own in grid.columns and grid[own].dtype == pl.Float64 and grid[own].null_count() < grid.height:
                targets.append(float(str(grid[own].median())))
                continue
            bounds = (getattr(target, comparator, None) for comparator in COMPARATORS if comparator != "done")
            for bound in bounds:
                each = bound if isinstance(bound, tuple) else (bound,)
                targets += [
                    in_unit(bound, system.unit(name))
                    for bound in each
                    if bound is not None and not isinstance(bound, PerEntity)
                ]
    return targets


def _file(system: System, column: _Column, sources: Sequence[Placed]) -> Place:
    """Return the file that the figures of a measure, or targets, come from, where only one can be."""
    if column.bound is not None and column.bound.column is None:
        file = column.bound.file or system.entities.roster
        return Place(str(system.home / file) if file else None)
    files = [*_files(system, column.name, sources)]
    return files[0] if len(files) == 1 else Place()


def _files(system: System, name: str, sources: Sequence[Placed]) -> Iterator[Place]:
    """Yield the files that may have figures of a measure, or targets of an indicator."""
    measure = system.measures.get(name)
    for source in sources:
        if isinstance(source.dataset, PanelData) and measure is not None:
            columns = panel_columns(system, source.table, list(source.roles.values()))
            yield from (source.table.place(None, header) for header, (of, _) in columns.items() if of == name)
        elif isinstance(source.dataset, Records) != (measure is None or isinstance(measure, Reported)):
            yield source.table.place()


def _finding(system: System, column: _Column, rows: pl.DataFrame, why: Message, place: Place) -> Diagnostic:
    """Return the warning about the figures, or targets, in some rows that look like fractions."""
    indicator, unit = system.indicators.get(column.name), column.unit
    shown = indicator.of if isinstance(indicator, Level) and indicator.title is None else column.name
    title = system.symbols[shown].title or shown
    named = tuple(
        f"{entity} {Period.of(period, system.period).label} {value:g}"
        for period, entity, value in rows.head(_NAMED).rows()
    )
    named += ("…",) if rows.height > _NAMED else ()
    figures = count(rows.height, column.what)
    if rows.height == 1:
        message = Message(
            "`{title}` is in {unit}, and {figure} looks like a fraction ({named}): {why}",
            title=title,
            unit=unit,
            figure=figures,
            named=named,
            why=why,
        )
    else:
        message = Message(
            "`{title}` is in {unit}, and {figures} look like fractions ({named}): {why}",
            title=title,
            unit=unit,
            figures=figures,
            named=named,
            why=why,
        )
    better = f"{rows['value'][0] * _SCALES[unit]:.10g}"
    hint = Message(
        "write {better} or {better}{unit} for {value:g}; all of them in the unit 1 are right, too",
        better=better,
        unit=unit,
        value=rows["value"][0],
    )
    return Diagnostic("K636", message, place, hint, Severity.WARNING)
