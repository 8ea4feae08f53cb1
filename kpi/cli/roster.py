"""`kpi roster`: a first roster from the files at hand."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@options.option("-s", "--system", metavar="ID|YAML", help="Says which columns and names are units.")
@options.definitions
@options.form()
@options.output("A roster is read as csv or xlsx.")
@options.writing
@command
def roster(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, form: str | None,
    output: Sequence[str],
) -> Exit:  # fmt: skip
    """Write a roster from files: who is in them, with codes, other names and the unit above."""
    from kpi.errors import DataError, Diagnostic, Message, Severity, count
    from kpi.intake.frames import sources
    from kpi.intake.roster_from_files import roster_from_files
    from kpi.language.loading import catalogue
    from kpi.report.diagnostics import tally
    from kpi.report.language import sentences
    from kpi.report.roster import RosterReport

    if not files:
        hint = Message("kpi roster period.csv -o roster.csv")
        raise DataError(Diagnostic("K543", Message("there is no file to take units from"), hint=hint))
    loaded = None if system is None else catalogue.load(system, definitions)
    with console.progress():
        draft = roster_from_files(sources(list(files)), system=loaded)
    console.publish(RosterReport(draft), form, output)
    shown = [finding for finding in draft.findings if not (console.quiet and finding.severity is Severity.INFO)]
    console.report(shown)
    units = Message(
        "{units}: {tally}.", units=count(draft.frame.height, "entity", "entities"), tally=tally(draft.findings)
    )
    console.note(sentences([units, *([Message("Wrote {files}.", files=tuple(output))] if output else [])]))
    return Exit.FAILED if any(finding.severity is Severity.ERROR for finding in draft.findings) else Exit.FINE
