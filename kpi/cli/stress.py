"""`kpi stress`: the robustness of a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.analysis.uncertainty.points import Spread


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@options.system
@options.definitions
@options.period
@options.data
@options.option("--runs", type=click.IntRange(1), default=500, show_default=True, help="How many runs are simulated.")
@options.option(
    "--weights",
    type=click.FloatRange(0, 99),
    default=None,
    help="Percent that weights may be off; left out: as declared, or 20.",
)
@options.option(
    "--vary",
    multiple=True,
    metavar="KEY=VALUE",
    help="What varies, as under `uncertainty:`, such as 'means=[geometric]' or sampling=known.",
)
@options.option("--seed", type=int, default=1, show_default=True, help="Other runs for another seed.")
@options.option(
    "--points",
    "spread",
    type=click.Choice(["random", "sobol", "halton", "latin"]),
    default="random",
    show_default=True,
    help="How runs are spread over the choices: at random, or evenly.",
)
@options.option(
    "--first", type=click.IntRange(1), default=5, show_default=True, help="Who may be among the first so many."
)
@options.option(
    "--coverage", type=click.FloatRange(50, 99.9), default=95, show_default=True, help="Percent of confidence sets."
)
@options.option(
    "--sensitivity",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Base points of Sobol' indices: the variance by choice; 0 for none.",
)
@options.form()
@options.output()
@options.succession
@options.writing
@command
def stress(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None,
    data: Sequence[str], runs: int, weights: float | None, vary: Sequence[str], seed: int, spread: Spread, first: int,
    coverage: float, sensitivity: int, form: str | None, output: Sequence[str], succession: str | None,
) -> Exit:  # fmt: skip
    """Say how robust the ranking is: places under other weights, methods and figures."""
    from kpi import session
    from kpi.errors import Message
    from kpi.report.robustness import RobustnessReport

    more, named = options.files_of(data)
    varied = _varied(vary)
    with console.progress():
        robustness = session.stress(
            [*files, *more], system=system, definitions=definitions, data=named, period=period, runs=runs,
            weights=weights, seed=seed, succession=succession, vary=varied, spread=spread, first=first,
            coverage=coverage, sensitivity=sensitivity,
        )  # fmt: skip
    console.report(finding for finding in robustness.card.findings_list if finding.code == "K965")
    console.publish(RobustnessReport(robustness), form, output)
    console.mention(robustness.card.findings_list)
    if output:
        console.note(Message("Wrote {files}.", files=tuple(output)))
    return Exit.FINE


def _varied(arguments: Sequence[str]) -> dict[str, Any]:
    """Return what `--vary` states, by key: each value is read as YAML.

    Raises:
        DefinitionError: K542, if a key or a value is missing, or the value is no YAML.
    """
    import yaml

    from kpi.errors import DefinitionError, Diagnostic, Message

    varied: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = None
        if not key or not equals or value is None:
            message = Message("`--vary {argument}` does not say what varies", argument=argument)
            hint = Message("write --vary KEY=VALUE, such as --vary weights=25 or --vary 'means=[geometric]'")
            raise DefinitionError(Diagnostic("K542", message, hint=hint))
        varied[key] = value
    return varied
