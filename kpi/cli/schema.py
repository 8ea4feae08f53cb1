"""`kpi schema`: the JSON Schema of the definition language, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from kpi.cli.command import Exit, command, option
from kpi.cli.console import Console


@click.command()
@option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
@command
def schema(console: Console, *, output: str | None) -> Exit:
    """Print the JSON Schema of the definition language, for editors."""
    import json

    from kpi.errors import DataError, Diagnostic, Message, Place
    from kpi.language.loading.schema import json_schema
    from kpi.process.atomic_files import whole

    text = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    if output is None:
        console.write(text)
        return Exit.FINE
    try:
        with whole(Path(output)) as beside:
            beside.write_text(text, "utf-8")
    except OSError as error:
        raise DataError(
            Diagnostic("K510", Message("cannot be written: {strerror}", strerror=error.strerror), Place(output))
        ) from error
    console.say(f"Wrote {output}.")
    return Exit.FINE
