"""`kpi stress`: the robustness of a ranking."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@options.system
@options.definitions
@options.period
@options.data
@options.option("--runs", type=click.IntRange(1), default=500, show_default=True, help="How many runs are simulated.")
@options.option(
    "--weights", type=click.FloatRange(0, 99), default=20, show_default=True, help="Percent that weights may be off."
)
@options.option("--seed", type=int, default=1, show_default=True, help="Other runs for another seed.")
@options.form()
@options.output()
@options.succession
@options.writing
@command
def stress(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None,
    data: Sequence[str], runs: int, weights: float, seed: int, form: str | None,
    output: Sequence[str], succession: str | None,
) -> Exit:  # fmt: skip
    """Say how robust the ranking is: places under other weights and methods."""
    from kpi import session
    from kpi.errors import Message
    from kpi.report.robustness import RobustnessReport

    more, named = options.files_of(data)
    with console.progress():
        robustness = session.stress(
            [*files, *more], system=system, definitions=definitions, data=named, period=period, runs=runs,
            weights=weights, seed=seed, succession=succession,
        )  # fmt: skip
    console.publish(RobustnessReport(robustness), form, output)
    if output:
        console.note(Message("Wrote {files}.", files=tuple(output)))
    return Exit.FINE
