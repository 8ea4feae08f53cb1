"""`kpi init`: a small working system with data to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("directory", default=".", metavar="[DIR]")
@command
def init(console: Console, *, directory: str) -> Exit:
    """Write a small working system with data, and say what to run next."""
    from kpi.cli import starter
    from kpi.errors import Message

    for file in starter.write(Path(directory)):
        console.say(Message("Wrote {files}.", files=file))
    console.write(starter.next_commands(Path(directory)))
    return Exit.FINE
