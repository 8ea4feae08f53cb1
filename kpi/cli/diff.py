"""`kpi diff`: the difference of two periods, results, definitions or runs, and its causes."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("given", nargs=-1, metavar="A B")
@options.data
@options.option("--at", multiple=True, type=int, metavar="RUN", help="A run of a batch; one is compared with the last.")
@options.batch_file
@options.option("-e", "--entity", metavar="ENTITY", help="Everything that moved this one.")
@options.system
@options.definitions
@options.period
@options.form()
@options.output()
@options.succession
@options.writing
@command
def diff(
    console: Console, *, given: Sequence[str], data: Sequence[str], at: Sequence[int], batch: str, entity: str | None,
    system: str | None, definitions: str | None, period: str | None, form: str | None, output: Sequence[str],
    succession: str | None,
) -> Exit:  # fmt: skip
    """Say what changed between two periods, two results, two definitions or two runs of a batch.

    kpi diff 2024Q1 2024Q2 --data period.csv, kpi diff old.json new.json,
    kpi diff old.yaml new.yaml --data period.csv, kpi diff --at 3 --at 4 --batch nightly.toml
    """
    from kpi.batch.comparison import compared, runs
    from kpi.errors import DataError, Diagnostic, Message, count
    from kpi.report.difference import DifferenceReport
    from kpi.report.language import sentences

    if at:
        if given or data:
            hint = Message("kpi diff --at 3 --at 4 --batch nightly.toml")
            raise DataError(Diagnostic("K543", Message("runs are compared by themselves, without files"), hint=hint))
        if succession is not None:
            raise DataError(options.of_a_run())
        difference = runs(at, config=batch, system=system, period=period)
    else:
        files, named = options.files_of(data)
        difference = compared(
            given, files=files, named=named, system=system, definitions=definitions, period=period,
            succession=succession,
        )  # fmt: skip
    difference = difference if entity is None else difference.of(entity)
    console.publish(DifferenceReport(difference, entity), form, output)
    console.mention([*difference.before.findings, *difference.after.findings])
    parts = [count(difference.changed.height, "total")]
    if difference.before.measures is not None and difference.after.measures is not None:
        parts.append(count(difference.figures.height, "figure"))
    parts += (
        [count(difference.definitions.height, "line of the definition", "lines of the definition")]
        if difference.definitions.height
        else []
    )
    changed = Message(
        "{before} to {after}: {parts} changed.",
        before=difference.before.name,
        after=difference.after.name,
        parts=tuple(parts),
    )
    console.note(sentences([changed, *([Message("Wrote {files}.", files=tuple(output))] if output else [])]))
    return Exit.FINE
