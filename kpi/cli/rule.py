"""`kpi rule`: the meaning of a finding code."""

from __future__ import annotations

import click

from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("code", required=False)
@command
def rule(console: Console, *, code: str | None) -> Exit:
    """Say what the code of a finding means, with an example; without a code, list them all."""
    from kpi.report.language import translated
    from kpi.report.rules import rule as find
    from kpi.report.rules import rules

    if code is None:
        console.write("".join(f"{entry.code}  {translated(entry.means)}\n" for entry in rules().values()))
    else:
        console.write(find(code).card())
    return Exit.FINE
