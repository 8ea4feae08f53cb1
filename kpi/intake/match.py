"""Which file is which dataset: by the columns it has, or as the caller says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from kpi import expressions, units
from kpi.datasets import Dataset, PanelData, Records, ReportedData
from kpi.errors import Diagnostic, Severity, count, suggest
from kpi.intake.headers import LEVELS, REPORTERS, by_levels, clean, role, roles, split_unit
from kpi.intake.table import Table
from kpi.measures import Distinct, Measure, Reported
from kpi.system import System
from kpi.terms import ExpressionError


@dataclass(frozen=True)
class Placed:
    """A table with the dataset it belongs to, and which header plays which role."""

    table: Table
    name: str
    dataset: Dataset
    roles: Mapping[str, str]

    @property
    def who(self) -> str:
        """The header that names the entity."""
        return self.roles.get("entity") or self.roles["code"]


#: Headers of a column that names the system (评价体系) of each row.
_SYSTEM = ("system", "评价体系", "评价体系名称")


def systems_named(table: Table) -> list[str]:
    """Returns the texts in a table's column for the system, sorted; none when it has no such column."""
    header = next((one for one in table.columns if one.casefold() in _SYSTEM), None)
    if header is None:
        return []
    column = pl.col(header).cast(pl.String).str.strip_chars()
    return table.frame.select(column.drop_nulls().unique().sort()).collect().to_series().to_list()


def of_system(system: System, table: Table) -> tuple[Table, list[Diagnostic]]:
    """Returns a table without the rows that belong to another system, and the note that says how many they are.

    Rows belong to another system when the table's column for the system names this one in some rows, by its id or its
    title, and another in theirs. They become blank, so that the others keep their row numbers.
    """
    named = systems_named(table)
    mine = [text for text in named if is_named(system, text)]
    if not mine or len(mine) == len(named):
        return table, []
    header = next(one for one in table.columns if one.casefold() in _SYSTEM)
    belongs = pl.col(header).cast(pl.String).str.strip_chars().is_in(mine).fill_null(value=True)
    others = table.frame.select((~belongs).sum()).collect().item()
    frame = table.frame.select(pl.when(belongs).then(pl.all()))
    rest = "、".join(text for text in named if text not in mine)
    message = f"{count(others, 'row')} of another system ({rest}) left out"
    return replace(table, frame=frame, cells=None, numbered_cells=None, scan=None), [
        Diagnostic("K526", message, table.place(None, header), None, Severity.INFO)
    ]


def is_named(system: System, text: str) -> bool:
    """Returns whether a text is the id or the title of a system."""
    return clean(text) in {clean(one) for one in (system.system, system.title) if one}


def datasets(system: System) -> dict[str, Dataset]:
    """Returns the system's datasets; one that declares none takes reported and wide files."""
    return system.datasets or {"reported": ReportedData(), "panel": PanelData()}


def is_unit(text: str) -> bool:
    """Returns whether a text is a unit of the registry."""
    try:
        units.parse(text)
    except units.UnitError:
        return False
    return True


def measure_names(system: System) -> dict[str, str]:
    """Returns every text under which files carry a reported measure: name, title, synonyms."""
    found: dict[str, str] = {}
    for name, measure in system.measures.items():
        for text in (name, measure.title, *measure.synonyms):
            if text and isinstance(measure, Reported):
                found.setdefault(clean(text), name)
    return found


def of_dataset(system: System, name: str) -> dict[str, Measure]:
    """Returns the measures that are computed from the records of a dataset."""
    only = sum(one.form == "records" for one in datasets(system).values()) == 1  # type: ignore[attr-defined]
    return {
        key: measure
        for key, measure in system.measures.items()
        if not isinstance(measure, Reported) and (measure.source == name or (measure.source is None and only))
    }


def needed_columns(system: System, name: str) -> dict[str, str]:
    """Returns the columns that the measures of a records dataset read, each with its kind, number or text."""
    dataset = datasets(system)[name]
    kinds: dict[str, str] = {}
    for measure in of_dataset(system, name).values():
        if measure.where is not None:
            try:
                found = expressions.parse(measure.where).column_kinds()
            except ExpressionError:
                continue
            # A use such as IS NULL says nothing: any that needs a number counts.
            kinds |= {name: kind for name, kind in found.items() if kinds.get(name) != "number"}
    for measure in of_dataset(system, name).values():
        for column in measure.columns():
            if not isinstance(measure, Distinct):
                kinds[column] = "number"
            else:
                kinds.setdefault(column, "text")
        if measure.per is not None:
            kinds[measure.per] = "text"
    return kinds | (dataset.types if isinstance(dataset, Records) else {})


def column_of(table: Table, name: str) -> tuple[str, str | None] | None:
    """Returns the header of a column that measures of records name, and the unit written in it; None without one.

    A heading may have a unit that the definition does not repeat: 金额 is the column 金额（万元）, if only one is so.
    """
    header = clean(name)
    if header in table.columns:
        return header, split_unit(header, is_unit)[1]
    found = [
        (one, unit) for one in table.columns for text, unit in [split_unit(one, is_unit)] if unit and text == header
    ]
    return found[0] if len(found) == 1 else None


def match(system: System, table: Table, *, name: str | None = None) -> tuple[Placed | None, list[Diagnostic]]:
    """Returns the dataset that a table belongs to, or why it belongs to none.

    A file with columns for measure and value is reported data; one that has all columns that the measures of a records
    dataset read is that; one with a column per measure is a panel.

    Args:
        system: the system whose datasets are meant.
        table: the table to place.
        name: the dataset, when the caller says which.
    """
    found, notes = roles(table.columns, place=table.place())
    # The system's own word for its entities heads their column more often than any general one.
    if (own := clean(system.entities.title)) in table.columns:
        other = found.get("entity", own)
        # What was taken for the entity may then say who hands its figures in.
        found = {**found, "entity": own} | ({"reporter": other} if other != own and other in REPORTERS else {})
    known = datasets(system)
    if name is not None and name not in known:
        return None, [Diagnostic("K204", f"unknown dataset `{name}`", table.place(), suggest(name, known))]
    reasons: list[tuple[int, Diagnostic]] = []
    for key, dataset in known.items():
        if name is not None and key != name:
            continue
        declared = {str(role): clean(header) for role, header in dataset.columns.items()}
        source = Placed(table, key, dataset, {**{str(role): header for role, header in found.items()}, **declared})
        lacking = _lacking(system, source)
        if not lacking:
            if isinstance(dataset, PanelData):
                return source, _strangers(system, source)
            return source, list(notes) if isinstance(dataset, ReportedData) else []
        reasons.append((len(lacking), _lacks(source, lacking)))
    nearest = min(reasons, key=lambda pair: pair[0])[1]
    return None, [nearest]


def _lacking(system: System, source: Placed) -> list[str]:
    headers = set(source.table.columns)
    lacking = [header for header in source.dataset.columns.values() if clean(header) not in headers]
    if "entity" not in source.roles and "code" not in source.roles:
        lacking.append("地区 (entity)")
    if isinstance(source.dataset, Records):
        lacking += [name for name in needed_columns(system, source.name) if column_of(source.table, name) is None]
        lacking += [name for name in source.dataset.key if column_of(source.table, name) is None]
        if "period" not in source.roles:
            lacking.append("日期 (period)")
        return list(dict.fromkeys(lacking))
    if isinstance(source.dataset, ReportedData):
        return lacking + [
            f"{words} ({role})" for role, words in (("measure", "指标"), ("value", "数值")) if role not in source.roles
        ]
    if not panel_columns(system, source.table, list(source.roles.values())):
        lacking.append("a column headed by a measure")
    return lacking


def panel_columns(system: System, table: Table, taken: Collection[str] = ()) -> dict[str, tuple[str, str | None]]:
    """Returns the columns of a wide table that hold measures: header to measure and the unit in the header."""
    names = measure_names(system)
    columns = {}
    for header in table.columns:
        text, unit = split_unit(header, is_unit)
        measure = names.get(clean(header)) or names.get(clean(text))
        if measure is not None and header not in taken:
            columns[header] = (measure, unit if clean(header) not in names else None)
    return columns | _by_levels(table, names, taken, columns)


def _by_levels(
    table: Table, names: Mapping[str, str], taken: Collection[str], columns: Mapping[str, tuple[str, str | None]]
) -> dict[str, tuple[str, str | None]]:
    """Returns the columns that a level of a header of several rows names, where one column alone has the measure.

    Args:
        table: the wide table.
        names: the measures by their names.
        taken: columns that are something else.
        columns: those whose whole name is that of a measure.
    """
    found, given = {}, {measure for measure, _ in columns.values()}
    for header in table.columns if table.depth > 1 else ():
        text, own = split_unit(header, is_unit)
        levels = [split_unit(level, is_unit) for level in text.split(LEVELS)]
        measure = next((names[one] for one in by_levels(LEVELS.join(name for name, _ in levels)) if one in names), None)
        if measure is not None and header not in taken and header not in columns:
            # A unit in a group, 收支(万元) over 收入, is that of all below it.
            found[header] = (measure, next(filter(None, (own, *(unit for _, unit in reversed(levels)))), None))
    times = Counter(measure for measure, _ in found.values())
    return {header: one for header, one in found.items() if times[one[0]] == 1 and one[0] not in given}


def _strangers(system: System, source: Placed) -> list[Diagnostic]:
    """Returns a finding for each column of a wide table that is not read: it names no measure and plays no role."""
    table = source.table
    columns = panel_columns(system, table, list(source.roles.values()))
    read = {*columns, *source.roles.values()}
    known = measure_names(system)
    attributes = {one.casefold() for one in (system.ranking.cohort or "cohort", *_SYSTEM)}
    found = []
    if levels := [one for one in columns if one not in known and split_unit(one, is_unit)[0] not in known]:
        said = ", ".join(f"`{one}` as {system.symbols[columns[one][0]].title}" for one in levels)
        message = f"columns are read by a level of their names: {said}"
        found.append(Diagnostic("K525", message, table.place(), None, Severity.INFO))
    for header in table.columns:
        if header in read or header.casefold() in attributes or role(header) is not None:
            continue
        name, _ = split_unit(header, is_unit)
        hint = suggest(name, known)
        if table.depth > 1 and hint is None:
            hint = suggest(name.rpartition(LEVELS)[2], known)
        severity = Severity.INFO if hint is None else Severity.WARNING
        message = f"column `{header}` names no measure of {system.system} and is not read"
        found.append(Diagnostic("K528", message, table.place(None, header), hint, severity))
    return found


def _lacks(source: Placed, lacking: list[str]) -> Diagnostic:
    columns = "、".join(source.table.columns[:12])
    first = lacking[0]
    what = "columns" if len(lacking) > 1 else "a column"
    message = f"dataset `{source.name}` needs {what} that the file does not have: {', '.join(lacking)}"
    hint = (
        suggest(first.split(" ")[0], source.table.columns)
        or f"its columns are {columns}; say which is which under `columns:`, or with --data NAME=FILE"
    )
    return Diagnostic("K541", message, source.table.place(), hint, Severity.ERROR)
