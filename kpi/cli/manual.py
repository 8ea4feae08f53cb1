"""Commands that teach the language: the JSON Schema for editors, what a code means, a small system to begin with."""

from __future__ import annotations

import sys
from pathlib import Path

from kpi.cli.console import say, tell
from kpi.errors import Diagnostic, KpiError, Place
from kpi.process.atomic_files import whole

FINE, FAILED = 0, 2


def schema(output: str | None) -> int:
    """Prints or writes the JSON Schema of the definition language."""
    import json

    from kpi.language.loading.schema import json_schema

    text = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
        return FINE
    try:
        with whole(Path(output)) as beside:
            beside.write_text(text, "utf-8")
    except OSError as error:
        tell([Diagnostic("K510", f"cannot be written: {error.strerror}", Place(output))], "full", "auto")
        return FAILED
    say(f"Wrote {output}.")
    return FINE


def rule(code: str | None) -> int:
    """Prints what the code of a finding means, or all of them one a line."""
    from kpi.report.rules import rule as find
    from kpi.report.rules import rules

    if code is None:
        sys.stdout.write("".join(f"{one.code}  {one.means}\n" for one in rules().values()))
        return FINE
    try:
        sys.stdout.write(find(code).card())
    except KpiError as error:
        tell(error.diagnostics, "full", "auto")
        return FAILED
    return FINE


def init(directory: str) -> int:
    """Writes a small working system and prints the next commands."""
    from kpi.cli import starter

    try:
        written = starter.write(Path(directory))
    except KpiError as error:
        tell(error.diagnostics, "full", "auto")
        return FAILED
    for file in written:
        say(f"Wrote {file}.")
    sys.stdout.write(starter.next_commands(Path(directory)))
    return FINE
