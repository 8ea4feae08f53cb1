"""The tables of a warehouse as data of a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message
from kpi.intake.matching.datasets import datasets
from kpi.language.datasets import Records
from kpi.language.loading import catalogue
from kpi.session.systems import Given


@contextmanager
def in_warehouse(
    address: str | None, tables: Mapping[str, str] | None, system: Given | None, definitions: str | Path | None
) -> Iterator[dict[str, object]]:
    """Open a warehouse for the time of the block, and return its tables by dataset; none without an address.

    Args:
        address: of the database.
        tables: the table of each dataset; None for tables with the names of the system's datasets of events.
        system: whatever `kpi.load` takes.
        definitions: a folder in which ids are looked up first.

    Raises:
        DataError: K986, it is not said which tables are meant; as `warehouse.databases.Database.batches`.
        DefinitionError: the system cannot be found.
    """
    if address is None:
        if tables:
            message = Message("tables are named, but no warehouse that has them")
            raise DataError(Diagnostic("K986", message, hint=Message("--warehouse duckdb:FILE")))
        yield {}
        return
    from kpi.warehouse.tables import Warehouse

    names = dict(tables) if tables else _by_dataset(system, definitions)
    warehouse = Warehouse.at(address)
    try:
        yield {name: warehouse.table(table) for name, table in names.items()}
    finally:
        warehouse.close()


def _by_dataset(system: Given | None, definitions: str | Path | None) -> dict[str, str]:
    hint = Message("--table DATASET=SCHEMA.TABLE")
    if system is None:
        message = Message("neither the tables of the warehouse are named nor the system that says which")
        raise DataError(Diagnostic("K986", message, hint=hint))
    loaded = catalogue.resolve(system, None if definitions is None else Path(definitions)).system
    assert loaded is not None  # noqa: S101
    names = {name: name for name, dataset in datasets(loaded).items() if isinstance(dataset, Records)}
    if not names:
        message = Message("the system has no dataset of events (form: records) to look for in the warehouse")
        raise DataError(Diagnostic("K986", message, hint=hint))
    return names
