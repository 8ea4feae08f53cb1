"""The figures of tables whose rows stay where they are: computed once a night, and archived in the place of the rows.

A database or a cluster aggregates all rows every night. What comes back, with the figures of the files beside it, is a
panel, which is archived under its hash like a file: equal figures mean that nothing is scored, and a past run is
repeated from them, under its own definition alone.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import to_builtins
from msgspec.structs import replace

from kpi.batch.config import Config, Source
from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.aggregate_rows import Exclusions
from kpi.intake.entities import Entities
from kpi.intake.files.remote import Remote
from kpi.intake.grid import Counts, Panel
from kpi.intake.roster import roster_of
from kpi.language.system import System
from kpi.session.warehouses import in_warehouse
from kpi.values.periods import Period

_HEAD, _FRAMES = "panel.json", ("frame", "reporters", "restated")

#: The attributes of entities that come from the data; those of a roster are read from the roster.
_OF_ENTITIES = ("others", "ambiguous", "joined", "unclear", "marked", "wholes")


@contextmanager
def opened(config: Config, source: Source, system: System) -> Iterator[dict[str, Remote]]:
    """Open the warehouse or the session of Spark of a source, and give its tables by dataset.

    Raises:
        DataError: K987, the system adds up units over time; K980 to K986 of warehouses; K920 to K926 of Spark.
    """
    if system.entities.succession is not None:
        message = Message("a batch does not add up the figures of tables elsewhere over a succession of units")
        hint = Message("fetch the rows with `[[source.query]]`")
        raise DataError(Diagnostic("K987", message, Place(system.system), hint))
    if source.spark is not None:
        from kpi.warehouse.spark.session import opened as session_of
        from kpi.warehouse.spark.session import table

        with session_of(source.spark) as session:
            yield {name: table(session, _place(config, item)) for name, item in source.tables.items()}
        return
    name = source.database_file
    address = source.warehouse if name is None else f"duckdb:{config.path(name)}"
    with in_warehouse(address, source.tables or None, system, None) as tables:
        yield {dataset: item for dataset, item in tables.items() if isinstance(item, Remote)}


def packed(panel: Panel, fingerprint: str, root: Path) -> bytes:
    """Return a panel as bytes, equal for equal panels.

    Args:
        panel: the figures.
        fingerprint: of the definition that they were computed under.
        root: the folder of the configuration, which names of files in findings leave out.
    """
    head = {
        "fingerprint": fingerprint,
        "findings": _findings(panel.findings, root), "absent": _findings(panel.absent, root),
        "counts": to_builtins(panel.counts),
        "unread": panel.unread,
        "notes": [[*at, text] for at, text in panel.notes.items()],
        "entities": None if panel.entities.closed else _entities(panel.entities),
    }  # fmt: skip
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_HEAD), json.dumps(head, ensure_ascii=False, sort_keys=True))
        for name in _FRAMES:
            frame: pl.DataFrame | None = getattr(panel, name)
            if frame is not None:
                part = BytesIO()
                frame.write_parquet(part, compression="lz4", statistics=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.parquet"), part.getvalue())
    return content.getvalue()


def unpacked(file: Path, system: System, fingerprint: str, data_hash: str) -> Panel:
    """Return an archived panel.

    Args:
        file: its file in the archive, whose content was compared with its hash.
        system: the system.
        fingerprint: of the definition that is to be scored.
        data_hash: that of the data.

    Raises:
        DataError: K988, the figures were computed under another definition.
    """
    with zipfile.ZipFile(file) as archive:
        head = json.loads(archive.read(_HEAD))
        frames = {
            name: pl.read_parquet(archive.read(f"{name}.parquet")) if f"{name}.parquet" in archive.namelist() else None
            for name in _FRAMES
        }
    if head["fingerprint"] != fingerprint:
        message = Message("the archived figures were computed under another definition, and their rows were elsewhere")
        hint = Message("score the rows where they are: kpi score --warehouse …")
        raise DataError(Diagnostic("K988", message, Place(system.system), hint))
    entities = roster_of(system) if head["entities"] is None else _entities_of(head["entities"])
    frame = frames["frame"]
    assert entities is not None  # noqa: S101 - closed entities are those of a roster
    assert frame is not None  # noqa: S101 - every panel has one
    periods = tuple(Period.of(at, system.period) for at in frame["period"].unique().sort())
    return Panel(
        frame, entities, periods, _diagnostics(head["findings"]), Counts(**head["counts"]), data_hash,
        notes={(measure, who, at): text for measure, who, at, text in head["notes"]},
        reporters=frames["reporters"], restated=frames["restated"], unread=head["unread"],
        absent=_diagnostics(head["absent"]),
    )  # fmt: skip


def _findings(findings: tuple[Diagnostic, ...], root: Path) -> list[dict[str, Any]]:
    """Return findings as JSON, with names of files as the configuration has them."""
    own = f"{root}{os.sep}"
    return [
        replace(item, place=replace(item.place, file=(item.place.file or "").replace(own, "") or None)).as_dict()
        for item in findings
    ]


def _diagnostics(items: list[dict[str, Any]]) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(**item | {"place": Place(**item["place"]), "severity": Severity(item["severity"])}) for item in items
    )


def _entities(entities: Entities) -> Mapping[str, Any]:
    kept = {name: getattr(entities, name) for name in _OF_ENTITIES}
    out = entities.exclusions
    return {
        **kept, "rows": entities.frame.to_dicts(),
        "leave_out": sorted(out.leave_out), "keep": sorted(out.keep),
    }  # fmt: skip


def _entities_of(tree: dict[str, Any]) -> Entities:
    schema = {"entity": pl.String, "code": pl.String, "cohort": pl.String}
    exclusions = Exclusions(frozenset(tree["leave_out"]), frozenset(tree["keep"]))
    kept = {name: tree[name] for name in _OF_ENTITIES}
    return Entities(pl.DataFrame(tree["rows"], schema), exclusions=exclusions, **kept)


def _place(config: Config, table: str) -> str:
    """Return a table of Spark: a path on this machine is one of the configuration."""
    is_path = "/" in table or re.search(r"\.(parquet|csv|jsonl?|orc)$", table) is not None
    return str(config.path(table)) if is_path and "://" not in table else table
