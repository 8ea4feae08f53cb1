"""`kpi init`: a small working system with data to begin with, or the definition that a table of indicators states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("paths", nargs=-1, metavar="[DIR | FILE...]")
@options.option(
    "--table", is_flag=True, help="FILE is a table of indicators, the annex of a 考核办法, or iMeta and iData."
)
@options.option("-o", "--output", "into", metavar="DIR", help="Of a table: where the definition goes; left out: here.")
@options.writing
@command
def init(console: Console, *, paths: Sequence[str], table: bool, into: str | None) -> Exit:
    """Write a small working system with data, and say what to run next; with --table that of an annex."""
    if table:
        from kpi.cli.annex import from_table

        return from_table(console, paths, into)
    from kpi.cli import starter
    from kpi.errors import DataError, Diagnostic, Message

    if len(paths) > 1:
        hint = Message("name one folder; a table of indicators is read with --table")
        raise DataError(Diagnostic("K543", Message("{number} arguments are given", number=len(paths)), hint=hint))
    directory = Path(paths[0] if paths else into or ".")
    for file in starter.write(directory):
        console.say(Message("Wrote {files}.", files=file))
    console.write(starter.next_commands(directory))
    return Exit.FINE
