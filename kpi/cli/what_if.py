"""`kpi what-if`: the totals, stars and places with other values of some figures."""

from __future__ import annotations

from collections.abc import Sequence

import click
from msgspec.structs import replace

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command("what-if")
@click.argument("files", nargs=-1, metavar="FILE...")
@options.option(
    "--set",
    "values",
    multiple=True,
    required=True,
    metavar="UNIT.FIGURE=VALUE",
    help="Another value of a measure or indicator, such as '桐乡市.一网通办率=95'; any number of them.",
)
@options.system
@options.definitions
@options.period
@options.data
@options.form()
@options.output()
@options.succession
@options.writing
@command
def what_if(
    console: Console, *, files: Sequence[str], values: Sequence[str], system: str | None, definitions: str | None,
    period: str | None, data: Sequence[str], form: str | None, output: Sequence[str], succession: str | None,
) -> Exit:  # fmt: skip
    """Say what would change with other figures: totals, stars and places of all units that move."""
    from kpi import session
    from kpi.analysis.diff import diff, side
    from kpi.analysis.disclosure import analysed
    from kpi.analysis.what_if import given_values, index_of, new_findings
    from kpi.analysis.what_if import what_if as replaced
    from kpi.errors import Message, count
    from kpi.report.difference import DifferenceReport
    from kpi.report.language import tr

    given = given_values(values)
    more, named = options.files_of(data)
    with console.progress():
        card = session.score(
            [*files, *more], system=system, definitions=definitions, data=named, period=period, partly=True,
            succession=succession, intervals=0,
        )  # fmt: skip
        card = card.only([index_of(card, None)])
        after, card = replaced(card, given), analysed(card)
        label = card.periods[-1]
        difference = diff(side(card, label), side(after, tr("{period}, what if", period=label)))
    new = new_findings(card, after)
    console.report(new)
    findings = replace(after, findings_list=new).findings if new else None
    console.publish(DifferenceReport(difference, findings=findings), form, output)
    console.mention(card.findings_list)
    changed = count(difference.changed.height, "total")
    console.note(Message("{changed} would be different in {period}.", changed=changed, period=label))
    if output:
        console.note(Message("Wrote {files}.", files=tuple(output)))
    return Exit.FINE
