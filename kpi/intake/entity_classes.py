"""The classes of entities by columns of the roster, by which weights and scoring rules differ.

A column that the definition takes for the cohort, or that is called `cohort`, is the cohort of the panel. An entity
whose class has no weight or no rule is reported with the class and what gives none; it has the status `not_given`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, first_names, suggest
from kpi.intake.changing_attributes import by_period
from kpi.intake.entities import Entities
from kpi.intake.roster import roster_of
from kpi.language import classes
from kpi.language.system import System
from kpi.values.columns import COHORT, MONTH, class_by
from kpi.values.names import comparable


def _column_of(attribute: str, system: System, columns: Sequence[str]) -> str:
    """Return the column of the entities that has a class.

    Raises:
        DataError: K545, the roster lacks the column.
    """
    if attribute in columns:
        return attribute
    cohorts = {COHORT, system.ranking.cohort, *(dataset.headers.get("cohort") for dataset in system.datasets.values())}
    if attribute in cohorts:
        return COHORT
    if system.entities.roster is None:
        message = Message(
            "there is no roster with a column `{column}`, by which weights or rules differ", column=attribute
        )
        hint = Message("name one, `entities: {{roster: ...}}`, or say that the column of the data is the cohort: "
                       "`ranking: {{cohort: {column}}}`", column=attribute)  # fmt: skip
        raise DataError(Diagnostic("K545", message, Place(), hint))
    hint = suggest(attribute, columns) or Message("add the column to the roster")
    message = Message("the roster has no column `{column}`, by which weights or rules differ", column=attribute)
    raise DataError(Diagnostic("K545", message, _place(system), hint))


def of_entities(attribute: str, system: System, entities: Entities) -> list[str]:
    """Return the class of each entity by a column of the roster, empty where it has none.

    Raises:
        DataError: K545, the roster lacks the column.
    """
    return [comparable(cell) for cell in entities.frame[_column_of(attribute, system, entities.frame.columns)]]


def add(grid: pl.DataFrame, system: System, entities: Entities) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return the grid with a column of classes (`class_by`; String) for each column of the roster, and the findings.

    Args:
        grid: the panel, one row per period and entity.
        system: gives weights and rules.
        entities: the entities, in the order of their places.
    """
    findings: list[Diagnostic] = []
    for attribute in system.classes:
        header, own = _column_of(attribute, system, entities.frame.columns), of_entities(attribute, system, entities)
        latest = pl.Series(class_by(attribute), own, dtype=pl.String)
        grid = by_period(grid, latest, header, entities, months=system.period.months, read=_compared)
        findings += without_class(attribute, own, system, entities)
    return grid, findings + list(_too_early(grid, system))


def _compared(cells: pl.Series) -> list[str]:
    return [comparable(cell) for cell in cells]


def examined(system: System) -> list[Diagnostic]:
    """Return the findings about classes of the units of the roster, without any data."""
    if not system.classes or system.entities.succession is not None:
        return []
    try:
        entities = roster_of(system)
        if entities is None:
            # Only the data say which units there are.
            for attribute in system.classes:
                _column_of(attribute, system, ())
            return []
        own = {attribute: of_entities(attribute, system, entities) for attribute in system.classes}
        return [item for attribute, items in own.items() for item in without_class(attribute, items, system, entities)]
    except DataError as error:
        return list(error.diagnostics)


def _place(system: System) -> Place:
    return Place(str(system.home / system.entities.roster) if system.entities.roster else None)


def _tables(attribute: str, system: System) -> Iterator[tuple[Message, Sequence[str]]]:
    """Yield what has numbers or rules by a column, in words, with the values that it gives them for."""
    for part, weight in system.varied.items():
        title = system.pillars[part].title or part if part in system.pillars else system.symbols[part].title
        for table in classes.classes_of(weight):
            if table.by == attribute:
                yield Message("the weight of {title}", title=title), tuple(table.values)
    for name in system.indicators:
        rule = system.rule(name)
        if rule is not None and attribute in rule.classes:
            yield Message("the scoring rule of {title}", title=system.symbols[name].title), rule.class_values


def without_class(attribute: str, own: Sequence[str], system: System, entities: Entities) -> list[Diagnostic]:
    """Return the findings about units whose class has no weight or no rule, one for each class."""
    lacking: dict[str, tuple[list[str], list[Message]]] = {}
    changing = entities.changing.get(_column_of(attribute, system, entities.frame.columns), {})
    former = [(name, comparable(cell)) for name, spells in changing.items() for *_, cell in spells]
    for what, values in _tables(attribute, system):
        known = set(map(comparable, values))
        for name, cell in [*zip(entities.names, own, strict=True), *former]:
            if cell not in known:
                names, places = lacking.setdefault(cell, ([], []))
                if name not in names:
                    names.append(name)
                if what not in places:
                    places.append(what)
    findings = []
    for cell, (names, places) in lacking.items():
        first, more = places[0], len(places) - 1
        what = first if not more else Message("{first} and {more} more", first=first, more=more)
        message = (
            Message(
                "`{column}` is blank for {names}, and {what} differs by it: no score", column=attribute,
                names=first_names(names), what=what,
            )
            if not cell
            else Message(
                "{what} gives nothing for `{value}` ({names}): no score", what=what, value=cell,
                names=first_names(names),
            )
        )  # fmt: skip
        hint = Message("give a number or rule for each value of `{column}`, or correct the roster", column=attribute)
        where = Place(_place(system).file, field=attribute)
        findings.append(Diagnostic("K426", message, where, hint, Severity.WARNING))
    return findings


def _too_early(grid: pl.DataFrame, system: System) -> Iterator[Diagnostic]:
    """Yield the findings about scored periods before the first that a weight is given for."""
    if not grid.height or MONTH not in grid.columns:
        return
    earliest = grid[MONTH].min()
    for part, weight in system.varied.items():
        start = classes.begins(weight, system.timeline)
        if start is not None and isinstance(earliest, int) and earliest < start and isinstance(weight, tuple):
            title = system.pillars[part].title or part if part in system.pillars else system.symbols[part].title
            message = Message(
                "the weight of {title} is given from {period} on: no score in the periods before", title=title,
                period=weight[0].from_,
            )  # fmt: skip
            hint = Message("let the first weight of the list have no `from`, if it holds before too")
            yield Diagnostic("K427", message, Place(), hint, Severity.WARNING)
