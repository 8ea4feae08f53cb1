"""`kpi form`: the blank workbook that departments fill in, which is then scored as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.intake.entry_forms import EntryForm


@click.command()
@click.argument("system", metavar="SYSTEM")
@options.period
@options.data
@options.option(
    "--by",
    type=click.Choice(["nothing", "department", "unit"]),
    default="nothing",
    show_default=True,
    help="A sheet for each department in charge (`lead`), or for each unit.",
)
@options.option(
    "-o", "--output", required=True, metavar="OUT", help="An xlsx file; a folder takes a file for each sheet."
)
@options.definitions
@options.writing
@command
def form(
    console: Console, *, system: str, period: str | None, data: Sequence[str], by: str, output: str,
    definitions: str | None,
) -> Exit:  # fmt: skip
    """Write the blank workbook that departments fill in for a period.

    Keys are protected, cells take numbers only, and those of the period before stand beside where --data has them.
    """
    from typing import cast

    from kpi import session
    from kpi.cli import starter
    from kpi.errors import Message, count
    from kpi.intake.entry_forms import HEADINGS, By, entry_form
    from kpi.language.loading import catalogue
    from kpi.report.language import localized, sentences, tr

    meant = catalogue.load(system, definitions)
    files, named = options.files_of(data)
    card = None
    with console.progress():
        if data:
            card = session.score(files, system=meant, data=named, partly=True, intervals=0)
    wanted = session.period_of_form(meant, period, card)
    listed = [] if card is None else card.entities.select("entity", "code").rows()
    result = entry_form(
        meant, wanted, by=cast("By", by), measures=None if card is None else card.measures, listed=listed,
        words={role: localized(text) for role, text in HEADINGS.items()}, other=tr("Others"),
    )  # fmt: skip
    written = _written(Path(output), result)
    console.report(result.findings)
    figures = count(sum(len(page.items) * len(page.units) for page in result.pages), "figure")
    parts = [
        Message("A form for {figures} of {period}.", figures=figures, period=wanted.title),
        Message("Wrote {files}.", files=tuple(written)),
    ]
    console.note(sentences(parts))
    console.write(starter.commands_for([*written, *data], Path(system)))
    return Exit.FINDINGS if result.findings else Exit.FINE


def _written(out: Path, blank: EntryForm) -> list[str]:
    """Write a form as one file, or a file for each page into a folder, and return their names."""
    from kpi.errors import DataError, Diagnostic, Message, Place
    from kpi.process import atomic_files
    from kpi.process.os_errors import reason
    from kpi.report.entry_form import workbook
    from kpi.report.xlsx import sheet_name

    if out.suffix.lower() == ".xlsx":
        contents = {out: workbook(blank)}
    elif out.suffix:
        hint = Message("write -o form.xlsx, or a folder")
        raise DataError(Diagnostic("K541", Message("a form is an xlsx file"), Place(str(out)), hint))
    else:
        names: list[str] = []
        contents = {}
        for page in blank.pages:
            names.append(sheet_name(page.name or blank.title, names))
            contents[out / f"{names[-1]}.xlsx"] = workbook(blank, [page])
    try:
        for file, content in contents.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_files.replacing(file) as unfinished:
                unfinished.write_bytes(content)
    except OSError as error:
        message = Message("cannot be written: {strerror}", strerror=reason(error))
        raise DataError(Diagnostic("K540", message, Place(str(out)))) from None
    return [str(file) for file in contents]
