"""`kpi mcp`: a server for language models over standard input and output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@options.option("--data", multiple=True, metavar="DIR", help="A folder of data that may be read; none for no data.")
@options.option("--definitions", multiple=True, metavar="DIR", help="A folder of definitions, before those shipped.")
@options.option("--allow-write", is_flag=True, help="Let definitions be written into the first folder of definitions.")
@command
def mcp(console: Console, *, data: Sequence[str], definitions: Sequence[str], allow_write: bool) -> Exit:  # noqa: ARG001
    """Serve systems, results and explanations to language models (MCP), on standard input and output."""
    from kpi.agents.access import Access
    from kpi.agents.answers import Answers
    from kpi.agents.server import server_of
    from kpi.errors import DataError, Diagnostic, Message, Place

    missing = [name for name in (*data, *definitions) if not Path(name).is_dir()]
    if missing:
        raise DataError(Diagnostic("K501", Message("there is no such folder"), Place(name)) for name in missing)
    if allow_write and not definitions:
        hint = Message("add --definitions DIR")
        raise DataError(Diagnostic("K543", Message("say where definitions are written"), hint=hint))
    access = Access(
        tuple(Path(item).resolve() for item in data), tuple(Path(definition).resolve() for definition in definitions)
    )
    server_of(Answers(access, allow_write)).run("stdio")
    return Exit.FINE
