"""`kpi sample`: synthetic data for a system."""

from __future__ import annotations

import sys
import time

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("system", metavar="SYSTEM")
@options.option(
    "--rows", type=click.IntRange(1), help="Events of a records dataset; left out: 20 an entity and period."
)
@options.option("--entities", type=click.IntRange(1), help="Left out: those of the roster, else 20.")
@options.option("--periods", type=click.IntRange(1), help="Left out: those of two years.")
@options.option("-p", "--period", metavar="PERIOD", help="The last period; left out: the last of 2023.")
@options.option("--seed", type=int, default=1, show_default=True, help="Other figures for another seed.")
@options.option("--flaws", is_flag=True, help="Leave some figures out, correct some late, use other units.")
@options.option("--dataset", metavar="NAME", help="Only this dataset of the system.")
@options.option(
    "-o", "--output", metavar="OUT", help="A csv or parquet file, or a folder for all datasets; else stdout."
)
@options.option("-f", "--format", "form", type=click.Choice(["csv", "parquet"]), help="Of the files in a folder.")
@options.definitions
@options.writing
@command
def sample(
    console: Console, *, system: str, rows: int | None, entities: int | None, periods: int | None, period: str | None,
    seed: int, flaws: bool, dataset: str | None, output: str | None, form: str | None, definitions: str | None,
) -> Exit:  # fmt: skip
    """Write synthetic data for a system, of any size, the same for the same seed."""
    from kpi.errors import DataError, Diagnostic, Message, count
    from kpi.intake.synthetic.files import Sample, write, write_stream
    from kpi.language.loading.catalogue import load

    began = time.perf_counter()
    request = Sample(
        load(system, definitions), last=period, rows=rows, entities=entities, periods=periods, seed=seed, flaws=flaws
    )
    if output is None:
        if form == "parquet":
            raise DataError(
                Diagnostic(
                    "K541", Message("standard output takes csv only"), hint=Message("name a file: -o sample.parquet")
                )
            )
        # Rows on the same terminal show the progress themselves.
        with console.progress(quiet=sys.stdout.isatty()):
            write_stream(request, sys.stdout.buffer, dataset)
        return Exit.FINE
    with console.progress():
        written = write(request, output, form=form, dataset=dataset)
    files = tuple(Message("{file} ({rows})", file=file, rows=count(rows, "row")) for file, rows in written.items())
    seconds = time.perf_counter() - began
    console.note(Message("Wrote {files} in {seconds:.2f} s. Every figure is invented.", files=files, seconds=seconds))
    return Exit.FINE
