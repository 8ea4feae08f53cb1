"""`kpi score`: score files and print the league table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.engine.scorecard import Scorecard
    from kpi.errors import Message
    from kpi.language.system import System


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@options.system
@options.definitions
@options.period
@options.data
@options.warehouse
@options.spark
@options.table
@options.output()
@options.form()
@options.option("--wide", is_flag=True, help="All columns of the table, wider than the terminal.")
@options.option(
    "--columns", metavar="A,B", help="Only these columns of the table, by name or heading: rank,entity,score."
)
@options.intervals
@options.option("--strict", is_flag=True, help="No result at all when a row is refused.")
@options.explanations
@options.succession
@options.writing
@command
def score(
    console: Console, *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None,
    data: Sequence[str], output: Sequence[str], form: str | None, wide: bool, columns: str | None, strict: bool,
    explanations: str | None, succession: str | None, intervals: int | None, warehouse: str | None,
    spark: str | None, table: Sequence[str],
) -> Exit:  # fmt: skip
    """Score files: a league table with stars and ranks."""
    from kpi import session
    from kpi.errors import DataError, Diagnostic, Message, Severity
    from kpi.report.diagnostics import tally
    from kpi.report.results import ScorecardReport

    began = time.perf_counter()
    chosen = tuple(filter(None, (name.strip() for name in (columns or "").replace("，", ",").split(","))))
    console = replace(console, wide=wide, columns=chosen)
    more, named = options.files_of(data)
    if not files and not data and warehouse is None and spark is None:
        raise DataError(Diagnostic("K543", Message("there is no file to score"), hint=Message("kpi score period.csv")))
    with console.progress(), options.tables_of_spark(spark, table) as (tables, by_dataset):
        every = {name: [*named.get(name, []), *by_dataset.get(name, [])] for name in {**named, **by_dataset}}
        card = session.score(
            [*files, *more, *tables], system=system, definitions=definitions, data=every, period=period,
            explanations=explanations, partly=True, succession=succession, intervals=intervals,
            warehouse=options.without_password(warehouse), tables=None if spark else options.tables_of(table),
        )  # fmt: skip
    errors = [finding for finding in card.findings_list if finding.severity is Severity.ERROR]
    notes = [item for item in card.findings_list if item.severity is not Severity.INFO or not console.quiet]
    if strict and errors:
        console.report(notes)
        console.say(Message("Nothing was scored: {tally} (--strict).", tally=tally(card.findings_list)))
        return Exit.FAILED
    console.publish(ScorecardReport(card), form, output)
    console.report(notes)
    console.note(summary(card, time.perf_counter() - began, output))
    return Exit.FAILED if errors else Exit.FINE


def _counted(number: int, system: System) -> Message:
    """Return how much data there is: figures that were reported, rows of events, or both."""
    from kpi.errors import count
    from kpi.language.measures import reported

    figures = len(reported(system.measures))
    if figures == len(system.measures):
        return count(number, "figure")
    return count(number, "row or figure", "rows and figures") if figures else count(number, "row")


def summary(card: Scorecard, seconds: float, output: Sequence[str] = ()) -> str:
    """Return the last line of a scoring: what was scored, what was read, and the undefined values by reason."""
    from collections import Counter

    import polars as pl

    from kpi.errors import Message, count
    from kpi.report.diagnostics import tally
    from kpi.report.language import listed, sentences
    from kpi.report.marks import reason
    from kpi.values.columns import Column

    counts, system = card.counts, card.definition
    periods = card.periods
    span: str = periods[0]
    if len(periods) > 1:
        span = Message("{first} to {last}", first=periods[0], last=periods[-1])
    kinds = {
        "used": Message("used"), "refused": Message("refused"), "restated": Message("restated"),
        "repeated": Message("repeated"), "left_out": Message("left out"),
    }  # fmt: skip
    rows = [
        Message("{number:,} {what}", number=counts[kind], what=noun)
        for kind, noun in kinds.items()
        if kind == "used" or counts.get(kind)
    ]
    parts = [
        Message(
            "Scored {entities} on {indicators}, {span} ({scored:,} of {totals}) in {seconds:.2f} s.",
            entities=count(card.entities.height, "entity", "entities"),
            indicators=count(len(card.definition.indicators), "indicator"), span=span,
            scored=card.totals["score"].count(), totals=count(card.totals.height, "total"), seconds=seconds,
        ),
        Message("{rows} read: {kinds}.", rows=_counted(counts["read"], system), kinds=tuple(rows)),
    ]  # fmt: skip
    if others := counts.get("passed_over"):
        parts.append(Message("{rows} for other periods passed over.", rows=_counted(others, system)))
    if unread := counts.get("unread"):
        parts.append(Message("{files} not read.", files=count(unread, "file or sheet", "files or sheets")))
    shown = card.frame if card.shown is None else card.frame.filter(pl.col("period").is_in(list(card.shown)))
    statuses = shown.select(Column(name).status for name in card.definition.indicators)
    undefined = Counter(status for column in statuses for status in column.filter(column != "ok"))
    if undefined:
        reasons = listed(f"{number:,} {reason(status)}" for status, number in undefined.most_common())
        values = count(undefined.total(), "value")
        parts.append(Message("{values} undefined: {reasons}.", values=values, reasons=reasons))
    if card.findings_list:
        parts.append(Message("{tally}.", tally=tally(card.findings_list)))
    if output:
        parts.append(Message("Wrote {files}.", files=tuple(output)))
    return sentences(parts)
