"""`kpi report`: score files and write the bulletin (通报) of a period."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@options.system
@options.definitions
@options.option("-p", "--period", metavar="PERIOD", help="The period of the bulletin; the last.")
@options.data
@options.option("--template", metavar="FILE", help="A template of your own: .docx for Word and PDF, .md for Markdown.")
@options.option("--copy-template", "copy", metavar="OUT", help="Write the template to begin with, .docx or .md.")
@options.output("The bulletin is .docx, .pdf or .md.")
@options.form("Markdown.")
@options.intervals
@options.explanations
@options.succession
@options.writing
@command
def report(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None,
    data: Sequence[str], template: str | None, copy: str | None, output: Sequence[str], form: str | None,
    explanations: str | None, succession: str | None, intervals: int | None,
) -> Exit:  # fmt: skip
    """Write the bulletin (通报) of a period: scores, places, indicators, targets, warnings, annexes."""
    from kpi import session
    from kpi.cli.score import summary
    from kpi.errors import DataError, Diagnostic, Message, Severity
    from kpi.report.results import BulletinReport

    began = time.perf_counter()
    if copy is not None:
        return _copied(console, Path(copy))
    more, named = options.files_of(data)
    if not files and not data:
        hint = Message("kpi report period.csv -o bulletin.docx")
        raise DataError(Diagnostic("K543", Message("there is no file to score"), hint=hint))
    if template is not None:
        _check_template(Path(template), output, form)
    with console.progress():
        # All periods, as a bulletin compares with the period before and a year before.
        card = session.score(
            [*files, *more], system=system, definitions=definitions, data=named, explanations=explanations,
            partly=True, succession=succession, intervals=intervals,
        )  # fmt: skip
        label = None if period is None else session.label_of(card, period)
    bulletin = BulletinReport(card, label, None if template is None else Path(template))
    console.publish(bulletin, form, output, usual="md")
    console.report([item for item in card.findings_list if item.severity is not Severity.INFO or not console.quiet])
    console.note(summary(card, time.perf_counter() - began, output))
    errors = any(finding.severity is Severity.ERROR for finding in card.findings_list)
    return Exit.FAILED if errors else Exit.FINE


def _copied(console: Console, target: Path) -> Exit:
    """Write the template of the language in use to a file, unless there is one already."""
    from kpi.errors import DataError, Diagnostic, Message, Place
    from kpi.report.bulletin.render import default_template
    from kpi.report.files import replace

    if target.suffix.lower() not in (".docx", ".md"):
        hint = Message("kpi report --copy-template my.docx")
        raise DataError(Diagnostic("K883", Message("a template is .docx or .md"), Place(str(target)), hint))
    if target.exists():
        hint = Message("name another file")
        raise DataError(Diagnostic("K540", Message("`{file}` exists already", file=target), Place(str(target)), hint))
    replace(target, default_template(target.suffix.lower()[1:]))
    console.note(Message("Wrote {files}.", files=(str(target),)))
    return Exit.FINE


def _check_template(template: Path, output: Sequence[str], form: str | None) -> None:
    """Refuse a template that is for none of the formats, or not for all of those that a template makes.

    Raises:
        DataError: K883.
    """
    from kpi.errors import DataError, Diagnostic, Message, Place
    from kpi.report.formats import SUFFIXES, suffix_of

    kinds = {"docx": ".docx", "pdf": ".docx", "md": ".md"}
    wanted = [SUFFIXES.get(suffix_of(Path(out).name), "") for out in output]
    if form is not None or not output:
        wanted.append(form or "md")
    needed = {kinds[item] for item in wanted if item in kinds}
    if needed != {template.suffix.lower()}:
        hint = Message("a .docx template makes .docx and .pdf, one as .md makes .md; write them one after the other")
        message = Message("the template is not of the kind that is written")
        raise DataError(Diagnostic("K883", message, Place(str(template)), hint))
