"""`kpi serve`: the HTTP service that scores uploaded data and serves stored results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.service.settings import Settings


@click.command()
@click.argument("config", required=False, metavar="[CONFIG]")
@options.option("--store", metavar="FOLDER", help="A store in Delta Lake, without the configuration of its batch.")
@options.definitions
@options.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@options.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port; 0: a free one."
)
@options.option("--tokens", metavar="FILE", help="The tokens and their rights (YAML); left out: KPI_TOKENS, else none.")
@options.option("--new-token", metavar="NAME", help="Print a new token and its entry for the file, and end.")
@options.option("--audit", metavar="FILE", help="The audit log, one JSON object a line; left out: standard error.")
@options.option("--workers", type=click.IntRange(0, 256), default=0, help="Processes that score; 0: one a processor.")
@options.option(
    "--readers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that read the store."
)
@options.option(
    "--max-size", type=click.IntRange(1), default=64, show_default=True, help="MB of the body of a request."
)
@options.option("--max-rows", type=click.IntRange(1), default=5_000_000, show_default=True, help="Rows of an upload.")
@options.option(
    "--max-seconds", type=click.FloatRange(0.1), default=60, show_default=True, help="Seconds of the work on a request."
)
@options.option(
    "--upload-seconds",
    type=click.FloatRange(0.1),
    default=60,
    show_default=True,
    help="Seconds for the body to arrive.",
)
@options.option(
    "--max-memory", type=click.IntRange(200), default=2048, show_default=True, help="MB of a worker process."
)
@options.option(
    "--queue", type=click.IntRange(1), default=64, show_default=True, help="Requests that wait for a worker."
)
@options.findings
@command
def serve(
    console: Console, *, config: str | None, store: str | None, definitions: str | None, host: str, port: int,
    tokens: str | None, new_token: str | None, audit: str | None, workers: int, readers: int, max_size: int,
    max_rows: int, max_seconds: float, upload_seconds: float, max_memory: int, queue: int,
) -> Exit:  # fmt: skip
    """Serve HTTP: score uploads, stored results, league tables, explanations, diffs, reports, what-if.

    CONFIG is that of a batch, whose store is served.
    """
    _check_packages()
    from kpi.errors import DataError, Diagnostic, Message
    from kpi.process.locale import current
    from kpi.service import access
    from kpi.service.audit_log import AuditLog
    from kpi.service.limits import Limits
    from kpi.service.server import bound
    from kpi.service.server import serve as run
    from kpi.service.service import Service
    from kpi.service.settings import Settings

    if new_token is not None:
        token, entry = access.drawn(new_token)
        console.write(f"{token}\n")
        console.say(Message("Only its hash is kept. Its entry under `tokens:`, to which you give its rights:"))
        console.say(entry.rstrip())
        return Exit.FINE
    if config is not None and store is not None:
        hint = Message("kpi serve nightly.toml, or kpi serve --store FOLDER")
        message = Message("the configuration of a batch has its store already")
        raise DataError(Diagnostic("K543", message, hint=hint))
    limits = Limits(
        size=max_size << 20, rows=max_rows, seconds=max_seconds, upload_seconds=upload_seconds,
        memory=max_memory << 20, queue=queue, workers=workers, readers=readers,
    )  # fmt: skip
    folder, batch, place = (None if text is None else Path(text).absolute() for text in (definitions, config, store))
    settings = Settings(folder, batch, place, current(), limits)
    _check(settings)
    allowed = access.read(None if tokens is None else Path(tokens), os.environ)
    listening = bound(host, port, has_tokens=bool(allowed.tokens))
    service = Service(settings, allowed, AuditLog(None if audit is None else Path(audit)))
    shown = f"[{host}]" if ":" in host else host
    console.say(Message("Serving http://{host}:{port}", host=shown, port=listening.getsockname()[1]))
    run(service, listening)
    return Exit.FINE


def _check(settings: Settings) -> None:
    """Open the store once, so that a mistake ends the command and not the first request.

    Raises:
        KpiError: as `kpi.batch.config.load` and the stores.
    """
    from kpi.service.problems import Problem
    from kpi.service.stored import Stored

    if settings.has_store:
        try:
            Stored(settings).head()
        except Problem:  # nothing was published yet
            return


def _check_packages() -> None:
    """Raise DataError K918, if a package of the extra is missing."""
    from importlib.util import find_spec

    from kpi.errors import DataError, Diagnostic, Message

    names = {"fastapi": "fastapi", "uvicorn": "uvicorn", "prometheus_client": "prometheus-client",
             "python_multipart": "python-multipart"}  # fmt: skip
    lacking = [name for module, name in names.items() if find_spec(module) is None]
    if lacking:
        hint = Message("pip install {names}, or '.[serve]' in a checkout", names=" ".join(lacking))
        message = Message("the service needs the package `{name}`", name=lacking[0])
        raise DataError(Diagnostic("K918", message, hint=hint))
