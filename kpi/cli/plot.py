"""`kpi plot`: a picture of a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

#: The kinds of plots, as in `kpi.report.plots.kinds`, which imports more than help needs.
KINDS = (
    "distribution", "places", "heat_map", "waterfall", "spread", "schedule", "weights", "correlation", "intervals",
    "probabilities", "ahead", "importance", "sensitivity", "funnel", "map",
)  # fmt: skip


@click.command()
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("files", nargs=-1, metavar="FILE...")
@options.system
@options.definitions
@options.period
@options.data
@options.option("-e", "--entity", metavar="ENTITY", help="The unit that the plot is of, or marks.")
@options.option("-i", "--indicator", metavar="INDICATOR", help="The indicator of a funnel plot, map or schedule.")
@options.option("--geojson", metavar="FILE", help="The areas of the units, for a map.")
@options.option("--runs", type=click.IntRange(1), default=500, show_default=True, help="How many runs are simulated.")
@options.option("--seed", type=int, default=1, show_default=True, help="Other runs for another seed.")
@options.option(
    "-o", "--output", metavar="OUT", required=True, help="The picture: .svg, .png, .pdf, .html, or .json (Vega-Lite)."
)
@options.succession
@options.writing
@command
def plot(
    console: Console, *, kind: str, files: Sequence[str], system: str | None, definitions: str | None,
    period: str | None, data: Sequence[str], entity: str | None, indicator: str | None, geojson: str | None, runs: int,
    seed: int, output: str, succession: str | None,
) -> Exit:  # fmt: skip
    """Draw a picture of a result: distribution, places, heat_map, waterfall, spread, schedule, weights, correlation,
    intervals, probabilities, ahead, importance, sensitivity, funnel or map.
    """  # noqa: D205  # the head of the help
    from kpi import session
    from kpi.errors import DataError, Diagnostic, Message
    from kpi.report.plots import pictures
    from kpi.report.plots.kinds import plotted

    more, named = options.files_of(data)
    if not files and not data:
        hint = Message("kpi plot places period.csv -o places.svg")
        raise DataError(Diagnostic("K543", Message("there is no file to score"), hint=hint))
    with console.progress():
        # All periods, as places move and targets are reached over them; the plot is of the one asked for.
        card = session.score(
            [*files, *more], system=system, definitions=definitions, data=named, partly=True, succession=succession,
            intervals=0,
        )  # fmt: skip
        label = None if period is None else session.label_of(card, period)
        chart = plotted(
            card, kind, period=label, entity=entity, indicator=indicator,
            geojson=None if geojson is None else Path(geojson), runs=runs, seed=seed,
        )  # fmt: skip
        findings = pictures.write(chart, output)
    console.report(findings)
    console.mention(card.findings_list)
    console.note(Message("Wrote {files}.", files=(output,)))
    return Exit.FINE
