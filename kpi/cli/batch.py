"""`kpi batch`: run a batch, verify a past run, close an edition, inspect and repair the store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.engine.scorecard import Scorecard


@click.command()
@click.argument("config", metavar="CONFIG")
@options.option("--wait", type=float, default=0, metavar="SECONDS", help="Wait for another batch that is at work.")
@options.option("-x", "--stop", is_flag=True, help="Stop at the first system that fails and publish nothing.")
@options.option("--all", "everything", is_flag=True, help="Score every period, changed or not.")
@options.option("--verify", is_flag=True, help="Compute the last run again and compare it with the store, bit by bit.")
@options.option("--run", "number", type=int, metavar="NUMBER", help="The run to verify instead of the last.")
@options.option("--check-store", is_flag=True, help="Report the state of the store.")
@options.option("--repair", is_flag=True, help="Go back to the last run of the store that is whole.")
@options.option("--migrate", is_flag=True, help="Bring a store of an older engine over to the layout of this one.")
@options.option("--close", metavar="EDITION", help="Freeze the results of --period as an edition.")
@options.option(
    "-p", "--period", "periods", multiple=True, metavar="PERIOD", help="What an edition closes: 2022, 2023Q4 ..."
)
@options.system
@options.option("--supersede", metavar="EDITION", help="Score the periods of a closed edition again: a new revision.")
@options.option("--reason", metavar="TEXT", help="Why the edition is superseded.")
@options.writing
@command
def batch(
    console: Console, *, config: str, wait: float, stop: bool, everything: bool, verify: bool, number: int | None,
    check_store: bool, repair: bool, migrate: bool, close: str | None, periods: Sequence[str], system: str | None,
    supersede: str | None, reason: str | None,
) -> Exit:  # fmt: skip
    """Score what changed, from files and databases into a store; CONFIG is a TOML file."""
    if migrate:
        return _migrated(console, config, wait=wait)
    if check_store or repair:
        return _repaired(console, config, wait=wait) if repair else _checked(console, config)
    if verify or number is not None:
        return _verified_again(console, config, number)
    if close is not None:
        return _closed(console, config, close, system, periods, wait=wait)
    return _night(console, config, wait=wait, stop=stop, everything=everything, supersede=supersede, reason=reason)


def _night(
    console: Console, file: str, *, wait: float, stop: bool, everything: bool, supersede: str | None, reason: str | None
) -> Exit:
    """Run a night: exit code 0 if all is current, 1 if a system failed, 2 if nothing could be done."""
    from kpi.batch.alerts import withdrawals
    from kpi.batch.batch_run import run
    from kpi.batch.config import load
    from kpi.batch.notifications import Log, summary, write_metrics, write_note, write_summary
    from kpi.errors import DataError, Diagnostic, KpiError, Message, Severity

    if (supersede is None) != (reason is None):
        hint = Message("kpi batch CONFIG --supersede EDITION --reason TEXT")
        raise DataError(
            Diagnostic("K828", Message("superseding an edition needs a reason, and a reason an edition"), hint=hint)
        )
    config = load(Path(file))
    log = Log(None if config.log is None else config.path(config.log))
    try:
        with console.progress():
            result = run(
                config, wait=wait, stop=stop, everything=everything, log=log,
                supersede=None if supersede is None or reason is None else (supersede, reason),
            )  # fmt: skip
    except KpiError as error:
        log("failed", messages=[str(item) for item in error.diagnostics])
        raise
    finally:
        console.report([log.problem] if log.problem else [])
    if config.summary is not None:
        write_summary(config.path(config.summary), result)
    if config.notify is not None:
        write_note(config.path(config.notify), result)
    if config.metrics is not None:
        write_metrics(config.path(config.metrics), result, timestamp=time.time())
    serious = (Severity.ERROR, Severity.WARNING)
    console.report(finding for finding in result.findings if finding.severity in serious or not console.quiet)
    if not console.quiet:
        console.report(withdrawals([alert for outcome in result.outcomes for alert in outcome.alerts]))
    if not console.quiet or result.failed:
        console.say(summary(result))
    return Exit.FINDINGS if result.failed else Exit.FINE


def _verified_again(console: Console, file: str, number: int | None) -> Exit:
    """Compute a run again and compare it with the store: exit code 1 if anything differs."""
    from kpi.batch import integrity
    from kpi.batch.batch_run import archive_of, store_of
    from kpi.batch.config import load
    from kpi.batch.replay import verified
    from kpi.errors import DataError, Message, count
    from kpi.report.language import sentences

    config = load(Path(file))
    store = store_of(config)
    damage = store.check(thorough=True)
    console.report(damage)
    try:
        head = store.head()
    except DataError:
        head = None
    if damage and head is None:
        return Exit.FINDINGS
    archive = archive_of(config)
    # The inputs are compared when they are read.
    wrong = integrity.archive_damage(head.state, archive, thorough=True, inputs=False) if head else []
    console.report(wrong)
    bad = bool(damage or wrong)
    for check in verified(store, archive, number):
        console.report(check.findings)
        bad = bad or bool(check.findings)
        values = count(check.values, "value")
        parts = [
            Message("{system}: {values} computed again; the store differs.", system=check.system, values=values)
            if check.findings
            else Message(
                "{system}: {values} computed again; the store is what was published, to the bit.",
                system=check.system, values=values,
            )
        ]  # fmt: skip
        if check.skipped:
            parts.append(
                Message("Left out, as they were not scored from these inputs: {periods}.", periods=tuple(check.skipped))
            )
        console.say(sentences(parts))
    return Exit.FINDINGS if bad else Exit.FINE


def _checked(console: Console, file: str) -> Exit:
    """Report the state of the store: exit code 1 if it is damaged."""
    from kpi.batch import integrity
    from kpi.batch.batch_run import archive_of, store_of
    from kpi.batch.config import load
    from kpi.errors import Message, count
    from kpi.report.language import joined

    config = load(Path(file))
    store = store_of(config)
    if damage := integrity.damage(store, archive_of(config)):
        console.report(damage)
        return Exit.FINDINGS
    head = store.head()
    if head is None:
        console.say(Message("{store}: nothing was published yet.", store=store.where))
        return Exit.FINE
    there = head.state["systems"].items()
    systems = joined(
        Message("{system}, {periods}", system=name, periods=count(len(entry["periods"]), "period"))
        for name, entry in there
    )
    editions = tuple(head.state["editions"]) or (Message("none"),)
    console.say(
        Message(
            "{store}: whole. The last run is {number} ({systems}). Closed editions: {editions}.",
            store=store.where, number=head.number, systems=systems, editions=editions,
        )
    )  # fmt: skip
    return Exit.FINE


def _repaired(console: Console, file: str, *, wait: float) -> Exit:
    """Restore the last intact run and damaged files of the archive: exit code 2 if that cannot be done."""
    from msgspec.structs import replace

    from kpi.batch import integrity
    from kpi.batch.batch_run import archive_of, store_of
    from kpi.batch.config import load
    from kpi.errors import DataError, Diagnostic, Message, Place, count
    from kpi.report.language import sentences

    config = load(Path(file))
    store, archive = store_of(config), archive_of(config)
    with store.lock(wait, damaged=True):
        damage = integrity.damage(store, archive)
        if gone := [finding for finding in damage if finding.code == "K838"]:
            raise DataError(gone)
        if not damage:
            console.say(Message("{store}: whole, nothing to repair.", store=store.where))
            return Exit.FINE
        # Without the hint to repair.
        shown = [replace(finding, hint=None) if finding.code != "K837" else finding for finding in damage]
        console.report(shown)
        of_store = any(finding.code == "K833" for finding in damage)
        done = integrity.repaired(config, store, archive)
        remaining = integrity.damage(store, archive)
    broken = [replace(finding, hint=None) for finding in remaining if finding.code == "K833"]
    if done is None or broken:
        message = Message("no run of the store is whole")
        hint = Message(
            "move the store aside and run a night: everything is computed again from the inputs; the tables of "
            "closed editions are Parquet files in the archive"
        )
        new = [finding for finding in broken if finding not in shown]
        raise DataError([*new, Diagnostic("K835", message, Place(store.where), hint)])
    parts = []
    if done.lost:
        lost = Message("{store}: rows of {systems} are lost; the next night scores them again.",
                       store=store.where, systems=done.lost)  # fmt: skip
        parts.append(lost)
    elif of_store:
        parts.append(
            Message(
                "{store}: went back to run {number}, the last that is whole; the next night scores what came after.",
                store=store.where,
                number=done.number,
            )
        )
    if done.files:
        files = count(done.files, "file")
        parts.append(Message("{files} of the archive written again.", files=files))
    if parts:
        console.say(sentences(parts))
    if lost_files := [finding for finding in remaining if finding.code == "K814"]:
        hint = Message("put the file back from a backup; results that were published are as they were")
        raise DataError([replace(finding, hint=hint) for finding in lost_files])
    return Exit.FINE


def _migrated(console: Console, file: str, *, wait: float) -> Exit:
    """Migrate the store to the current layout."""
    from kpi.batch.config import load
    from kpi.batch.migration import migrated
    from kpi.errors import Message, count
    from kpi.report.language import sentences

    config = load(Path(file))
    with console.progress():
        done = migrated(config, wait=wait)
    console.report(done.findings)
    if not done.was_needed:
        console.say(Message("{store}: nothing to bring over, the layout is that of this engine.", store=done.where))
    else:
        runs = count(len(done.runs), "run")
        parts = [
            Message(
                "{store}: {runs} brought over ({first} to {last}).",
                store=done.where, runs=runs, first=done.runs[0], last=done.runs[-1],
            )
            if done.runs
            else Message("{store}: {runs} brought over.", store=done.where, runs=runs)
        ]  # fmt: skip
        if done.aside:
            where = Message(
                "The old files are in {folder}; remove them when you no longer want them.", folder=done.aside
            )
            parts.append(where)
        console.say(sentences(parts))
    if config.store.was_parquet:
        console.say(Message('{file}: replace `kind = "parquet"` by `kind = "delta"`.', file=file))
    return Exit.FINE


def _closed(console: Console, file: str, name: str, system: str | None, labels: Iterable[str], *, wait: float) -> Exit:
    """Close an edition."""
    from kpi.batch import editions
    from kpi.batch.batch_run import archive_of, store_of
    from kpi.batch.config import load
    from kpi.errors import DataError, Diagnostic, Message

    config = load(Path(file))
    store = store_of(config)
    with store.lock(wait):
        if damage := store.check():
            raise DataError(damage)
        head = store.head()
        there = list(head.state["systems"]) if head else []
        if system is None and len(there) != 1:
            hint = Message("--system {there}", there=there[0] if there else Message("ID"))
            raise DataError(Diagnostic("K828", Message("say whose periods the edition closes"), hint=hint))
        done = editions.close(store, archive_of(config), name=name, system=system or there[0], labels=list(labels))
    labels = done.state["editions"][name]["periods"]
    console.say(
        Message(
            "Edition {name} is closed: {periods}. It can only be superseded, with a reason.",
            name=name, periods=tuple(labels),
        )
    )  # fmt: skip
    return Exit.FINE


def card_of(file: str, number: int, system: str | None, period: str | None = None) -> Scorecard:
    """Return the scorecard of a past run, computed again, for `kpi explain --run`; `period` restricts it."""
    from kpi.batch.batch_run import archive_of, store_of
    from kpi.batch.config import load
    from kpi.batch.replay import again
    from kpi.errors import DataError, Diagnostic, Message
    from kpi.values import period_texts
    from kpi.values import periods as calendar

    config = load(Path(file))
    past = store_of(config).run(number)
    there = sorted(past.state["systems"])
    if system is None and len(there) != 1:
        raise DataError(
            Diagnostic(
                "K824",
                Message("run {number} has several systems: {there}", number=number, there=tuple(there)),
                hint=Message("say which with --system"),
            )
        )
    card = again(past, system or there[0], archive_of(config))
    if period is None:
        return card
    try:
        requested = period_texts.parse(period, timeline=card.definition.timeline).label
    except calendar.PeriodError as error:
        raise DataError(Diagnostic("K606", error.message, hint=error.hint)) from None
    index = next((index for index, label in card.labels.items() if label == requested), None)
    if index is None:
        raise DataError(
            Diagnostic(
                "K551",
                Message("run {number} has nothing for {wanted}", number=number, wanted=requested),
                hint=Message("{periods}", periods=tuple(card.periods)),
            )
        )
    return card.only([index])
