"""The columns of a panel that the definition takes from the roster, or names entities for: groups, and exceptions."""

from __future__ import annotations

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, suggest
from kpi.intake.cells.text_folding import as_names
from kpi.intake.entities import Entities
from kpi.language.grouping import columns_of_roster
from kpi.language.system import System


def given_columns(system: System) -> tuple[str, ...]:
    """Return the columns of a panel that come from the definition and its roster, and not from data."""
    return (*columns_of_roster(system.groups), *system.exempted)


def of_roster(system: System, entities: Entities) -> dict[str, pl.Series]:
    """Return the groups by columns of the roster, empty for none, and whom a screening step keeps by name.

    Raises:
        DataError: K863, the roster has no such column; K864, a name is none of the entities.
    """
    columns: dict[str, pl.Series] = {}
    for name, header in columns_of_roster(system.groups).items():
        if header not in entities.frame.columns:
            raise DataError(
                Diagnostic(
                    "K863",
                    Message("the roster has no column `{column}`, by which entities are grouped", column=header),
                    Place(str(system.entities.roster)),
                    suggest(header, entities.frame.columns),
                )
            )
        columns[name] = as_names(entities.frame[header].cast(pl.String)).fill_null("")
    for name, exempt in system.exempted.items():
        places = {item: entities.place(item) for item in exempt}
        unknown = next((item for item, place in places.items() if place is None), None)
        if unknown is not None:
            raise DataError(
                Diagnostic(
                    "K864",
                    Message("`{name}`, which a screening step keeps, is none of the entities", name=unknown),
                    hint=suggest(unknown, entities.names),
                )
            )
        columns[name] = pl.Series([place in places.values() for place in range(len(entities.names))], dtype=pl.Boolean)
    return columns
