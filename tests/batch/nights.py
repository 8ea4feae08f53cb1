"""A night in a process of its own that starts at once: forked from a server that has imported everything already."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from kpi.batch.batch_run import run
from kpi.batch.config import load

_CONTEXT = multiprocessing.get_context("forkserver")
# Polars is imported there and never used, so that it survives the fork.
_CONTEXT.set_forkserver_preload([
    "deltalake", "psycopg", "kpi.batch.batch_run",
    "kpi.batch.store.delta", "kpi.batch.store.postgres",
])  # fmt: skip


def _night(config: Path, ready: Connection) -> None:
    some = load(config)
    ready.send(None)
    ready.close()
    run(some)


def begun(config: Path) -> ForkServerProcess:
    """Starts a night and returns its process once it has read the configuration."""
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    child = _CONTEXT.Process(target=_night, args=(config, theirs))
    child.start()
    theirs.close()
    ours.recv()
    ours.close()
    return child
