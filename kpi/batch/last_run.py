"""The last run of a store, recorded in the archive beside it: a store that is gone is not begun anew in silence.

`last_run.json` in the folder of the archive has the number of the last run of each store by its place. A store without
any run that has a number there was dropped, or is another one under the same name.
"""

from __future__ import annotations

import json
from pathlib import Path

from kpi.batch.store.base import Store
from kpi.batch.store.whole import Archive, write_durably
from kpi.errors import Diagnostic, Message, Place


def record(store: Store, archive: Archive, number: int) -> None:
    """Record the number of the last run of a store.

    Raises:
        DataError: K813, if the file cannot be written.
    """
    recorded = _recorded(archive)
    if recorded.get(store.where) != number:
        text = json.dumps({**recorded, store.where: number}, ensure_ascii=False, sort_keys=True)
        write_durably(_file(archive), f"{text}\n".encode())


def lost(store: Store, archive: Archive) -> list[Diagnostic]:
    """Return the finding K838 if a store without any run had runs."""
    number = _recorded(archive).get(store.where)
    if number is None or store.head() is not None:
        return []
    message = Message("the store is empty, but run {number} was published into it: it is gone", number=number)
    hint = Message(
        "put it back from a backup, or see whether the configuration means another one; to begin anew, remove {file}: "
        "everything is computed from the inputs, and the tables of closed editions are in the archive",
        file=str(_file(archive)),
    )
    return [Diagnostic("K838", message, Place(store.where), hint)]


def _file(archive: Archive) -> Path:
    return archive.folder / "last_run.json"


def _recorded(archive: Archive) -> dict[str, int]:
    """Return the numbers by store; none where the file is missing or is none of these."""
    try:
        tree = json.loads(_file(archive).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {str(where): number for where, number in tree.items() if isinstance(number, int)}
        if isinstance(tree, dict)
        else {}
    )
