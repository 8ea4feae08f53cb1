"""`kpi explain`: the explanation of a score, from the stars down to the figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.engine.scorecard import Scorecard
    from kpi.report.shape import Report


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE... ENTITY [INDICATOR]")
@options.system
@options.definitions
@options.period
@options.data
@options.option(
    "--to",
    "aim",
    metavar="LEVEL",
    help="The least changes that reach a level by number or name, or a place: 5, 优秀, rank:3.",
)
@options.form("a tree.")
@options.output()
@options.option("--run", "number", type=int, metavar="NUMBER", help="A past run of a batch instead of files.")
@options.batch_file
@options.succession
@options.writing
@command
def explain(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None,
    data: Sequence[str], form: str | None, output: Sequence[str], number: int | None, batch: str,
    succession: str | None, aim: str | None,
) -> Exit:  # fmt: skip
    """Say why an entity got its score, from the star down to the figures; or with --to, how it gets to a level."""
    from kpi import session
    from kpi.analysis.explain import explain as explained
    from kpi.analysis.explain import name_of
    from kpi.analysis.next_level import ahead
    from kpi.errors import DataError, Diagnostic, Message, Place
    from kpi.intake.files import named_queries
    from kpi.report.formats import TEXT
    from kpi.report.tree import ExplanationReport

    sources = [
        argument
        for argument in files
        if (Path(argument).exists() or argument in named_queries.names()) and number is None
    ]
    rest = [argument for argument in files if argument not in sources]
    if not sources and not data and number is None:
        raise DataError(Diagnostic("K500", Message("there is no file `{files}`", files=files[0]), Place(files[0])))
    if not rest or len(rest) > 2:
        hint = Message("kpi explain period.csv 桐乡市, or kpi explain period.csv 桐乡市 一网通办率")
        missing = Diagnostic("K543", Message("say whose score is to be explained"), hint=hint)
        raise DataError(
            missing if not rest else Diagnostic("K500", Message("there is no file `{rest}`", rest=rest[0]), hint=hint)
        )
    if number is not None:
        from kpi.cli.batch import card_of

        if succession is not None:
            raise DataError(options.of_a_run())
        card = card_of(batch, number, system, period)
    else:
        more, named = options.files_of(data)
        card = session.score(
            [*sources, *more], system=system, definitions=definitions, data=named, period=period, partly=True,
            succession=succession, intervals=0,
        )  # fmt: skip
    part = rest[1] if len(rest) == 2 else None
    longer = None if period is None or part is not None else session.longer_period(card.definition, period)
    report: Report
    if aim is not None:
        if part is not None or longer is not None:
            message = Message("a way up is one of the total of a scored period")
            hint = Message("name the unit alone, and a scored period: {period}", period=card.periods[-1])
            raise DataError(Diagnostic("K877", message, hint=hint))
        report = _way_up(console, card, rest[0], aim)
    else:
        unit = name_of(card, rest[0])
        node = explained(card, rest[0], part, period=longer)
        above = None if part is not None or longer is not None else ahead(card, unit)
        report = ExplanationReport(card, unit, node, above)
    console.publish(report, form, output, usual=TEXT)
    console.mention(card.findings_list)
    if output:
        console.note(Message("Wrote {files}.", files=tuple(output)))
    return Exit.FINE


def _way_up(console: Console, card: Scorecard, unit: str, aim: str) -> Report:
    """Return how a unit gets to a level; say which units were left out of the comparison."""
    from kpi.analysis.disclosure import analysed
    from kpi.analysis.way_up import way_up
    from kpi.report.way_up import WayUpReport

    with console.progress():
        report = WayUpReport(way_up(card, unit, aim))
    console.report(finding for finding in analysed(card).findings_list if finding.code == "K965")
    return report
