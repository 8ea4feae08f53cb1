"""`kpi audit`: an index by the ten steps of the handbook."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("system", metavar="SYSTEM")
@click.argument("files", nargs=-1, metavar="FILE...")
@options.definitions
@options.period
@options.data
@options.option("--runs", type=click.IntRange(1), default=500, show_default=True, help="How many runs are simulated.")
@options.option("--seed", type=int, default=1, show_default=True, help="Other runs for another seed.")
@options.option(
    "--sensitivity",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Base points of Sobol' indices: the variance by choice; 0 for none.",
)
@options.form("the text on a terminal, the remarks as CSV in a pipe.")
@options.output("The audit itself is .html, .docx, .pdf or .md.")
@options.succession
@options.writing
@command
def audit(
    console: Console, *, system: str, files: Sequence[str], definitions: str | None, period: str | None,
    data: Sequence[str], runs: int, seed: int, sensitivity: int, form: str | None, output: Sequence[str],
    succession: str | None,
) -> Exit:  # fmt: skip
    """Audit an index by the ten steps of the OECD/JRC handbook: structure, data, correlations, weights, robustness."""
    from kpi import session
    from kpi.errors import DataError, Diagnostic, Message
    from kpi.report.audit.report import AuditReport

    more, named = options.files_of(data)
    if not files and not data:
        hint = Message("kpi audit SYSTEM period.csv -o audit.html")
        raise DataError(Diagnostic("K543", Message("there is no file to audit"), hint=hint))
    with console.progress():
        audit = session.audit(
            [*files, *more], system=system, definitions=definitions, data=named, period=period, runs=runs, seed=seed,
            sensitivity=sensitivity, succession=succession,
        )  # fmt: skip
        console.publish(AuditReport(audit), form, output)
    console.mention(audit.card.findings_list)
    if output:
        console.note(Message("Wrote {files}.", files=tuple(output)))
    return Exit.FINE
