"""`kpi check`: definitions, and data against them, without scoring."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@options.data
@options.form("without it findings are on stderr, as --output-format says.")
@options.output("The findings are a form (查询单).")
@options.explanations
@options.system
@options.definitions
@options.period
@options.succession
@options.writing
@command
def check(
    console: Console, *, paths: Sequence[str], data: Sequence[str], form: str | None, output: Sequence[str],
    explanations: str | None, system: str | None, definitions: str | None, period: str | None,
    succession: str | None,
) -> Exit:  # fmt: skip
    """Check definitions, and data against them."""
    from kpi import session
    from kpi.errors import Message, Severity, count
    from kpi.report.diagnostics import tally
    from kpi.report.language import sentences
    from kpi.report.quality import reporting
    from kpi.report.queries import FindingsReport

    files, named = options.files_of(data)
    with console.progress():
        done = session.checked(
            list(paths), data=files, datasets=named, system=system, definitions=definitions, period=period,
            explanations=explanations, succession=succession,
        )  # fmt: skip
    if form is None:
        if done.card is not None:
            console.write(reporting(done.card, width=console.width))
        console.report(done.findings)
    if form is not None or output:
        console.publish(FindingsReport(done.findings), form, output)
    indicators = sum(len(loaded.system.indicators) for loaded in done.examined if loaded.system)
    parts = [count(len(done.examined), "file"), count(indicators, "indicator")]
    parts += [count(len(data), "data file")] if data else []
    checked = Message("Checked {parts}: {tally}.", parts=tuple(parts), tally=tally(done.findings))
    console.note(sentences([checked, *([Message("Wrote {files}.", files=tuple(output))] if output else [])]))
    if any(finding.code == "K100" for finding in done.findings):
        return Exit.FAILED
    return Exit.FINDINGS if any(item.severity is Severity.ERROR for item in done.findings) else Exit.FINE
