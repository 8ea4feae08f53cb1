"""`kpi score`: files become a league table with stars and ranks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.engine.scorecard import Scorecard


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@options.system
@options.definitions
@options.period
@options.data
@options.output()
@options.form()
@options.option("--strict", is_flag=True, help="No result at all when a row is refused.")
@options.explanations
@options.succession
@options.writing
@command
def score(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None,
    data: Sequence[str], output: Sequence[str], form: str | None, strict: bool, explanations: str | None,
    succession: str | None,
) -> Exit:  # fmt: skip
    """Score files: a league table with stars and ranks."""
    from kpi import session
    from kpi.errors import DataError, Diagnostic, Message, Severity
    from kpi.report.diagnostics import tally
    from kpi.report.results import ScorecardReport

    began = time.perf_counter()
    more, named = options.files_of(data)
    if not files and not data:
        raise DataError(Diagnostic("K543", Message("there is no file to score"), hint=Message("kpi score period.csv")))
    with console.progress():
        card = session.score(
            [*files, *more], system=system, definitions=definitions, data=named, period=period,
            explanations=explanations, partly=True, succession=succession,
        )  # fmt: skip
    errors = [one for one in card.findings_list if one.severity is Severity.ERROR]
    notes = [one for one in card.findings_list if one.severity is not Severity.INFO or not console.quiet]
    if strict and errors:
        console.report(notes)
        console.say(f"Nothing was scored: {tally(card.findings_list)} (--strict).")
        return Exit.FAILED
    console.publish(ScorecardReport(card), form, output)
    console.report(notes)
    console.note(summary(card, time.perf_counter() - began, output))
    return Exit.FAILED if errors else Exit.FINE


def summary(card: Scorecard, seconds: float, output: Sequence[str] = ()) -> str:
    """Return the last line of a scoring: how much was scored, what became of every row, what is undefined and why."""
    from collections import Counter

    import polars as pl

    from kpi.errors import count
    from kpi.report.diagnostics import tally
    from kpi.values.columns import Column

    counts = card.counts
    scored = card.totals["score"].count()
    periods = card.periods
    span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    entities = card.entities.height
    parts = [
        (
            f"Scored {count(entities, 'entity', 'entities')} on {count(len(card.definition.indicators), 'indicator')}, "
            f"{span} ({scored:,} of {count(card.totals.height, 'total')}) in {seconds:.2f} s."
        )
    ]
    rows = [f"{counts['used']:,} used"] + [
        f"{counts[key]:,} {key.replace('_', ' ')}"
        for key in ("refused", "restated", "repeated", "left_out")
        if counts.get(key)
    ]
    parts.append(f"{count(counts['read'], 'row')} read: {', '.join(rows)}.")
    if others := counts.get("passed_over"):
        parts.append(f"{count(others, 'row')} for other periods passed over.")
    if unread := counts.get("unread"):
        parts.append(f"{count(unread, 'file or sheet', 'files or sheets')} not read.")
    shown = card.frame if card.shown is None else card.frame.filter(pl.col("period").is_in(list(card.shown)))
    statuses = shown.select(Column(name).status for name in card.definition.indicators)
    undefined = Counter(status for column in statuses for status in column.filter(column != "ok"))
    if undefined:
        reasons = ", ".join(f"{number:,} {status}" for status, number in undefined.most_common())
        parts.append(f"{count(undefined.total(), 'value')} undefined: {reasons}.")
    if card.findings_list:
        parts.append(f"{tally(card.findings_list)}.")
    if output:
        parts.append(f"Wrote {', '.join(output)}.")
    return " ".join(parts)
