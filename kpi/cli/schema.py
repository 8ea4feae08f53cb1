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

    from kpi.errors import Message
    from kpi.language.loading.schema import in_words, json_schema
    from kpi.report.files import replace
    from kpi.report.language import described

    text = json.dumps(in_words(json_schema(installed=True), described), ensure_ascii=False, indent=2) + "\n"
    if output is None:
        console.write(text)
        return Exit.FINE
    replace(Path(output), text.encode())
    console.say(Message("Wrote {files}.", files=output))
    return Exit.FINE
