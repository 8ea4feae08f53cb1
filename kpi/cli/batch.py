"""What `kpi batch` does, by its options: a night, a check of a past one, an edition. Returns the exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kpi.batch import editions
from kpi.batch.batch_run import archive_of, run, store_of
from kpi.batch.config import load
from kpi.batch.notifications import Log, summary, write_metrics, write_note, write_summary
from kpi.batch.replay import again, verified
from kpi.cli.progress_line import showing
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, KpiError, Place, Severity, count
from kpi.values import periods as calendar

FINE, FINDINGS, FAILED = 0, 1, 2

Show = Callable[[Iterable[Diagnostic]], None]
Say = Callable[[str], None]


def batch(
    *, config: str, wait: float, stop: bool, everything: bool, verify: bool, number: int | None, close: str | None,
    periods: Sequence[str], system: str | None, supersede: str | None, reason: str | None, check_store: bool,
    repair: bool, quiet: bool, show: Show, say: Say,
) -> int:  # fmt: skip
    """Does what the options of `kpi batch` ask for, and returns the exit code."""
    if check_store or repair:
        return repaired(config, wait=wait, show=show, say=say) if repair else checked(config, show=show, say=say)
    if verify or number is not None:
        return verified_again(config, number, show=show, say=say)
    if close is not None:
        return closed(config, close, system, periods, wait=wait, say=say)
    return night(
        config, wait=wait, stop=stop, everything=everything, supersede=supersede, reason=reason, show=show, say=say,
        quiet=quiet,
    )  # fmt: skip


def night(
    file: str, *, wait: float, stop: bool, everything: bool, supersede: str | None, reason: str | None, show: Show,
    say: Say, quiet: bool,
) -> int:  # fmt: skip
    """Runs a night: 0 when all is current, 1 when a system failed, 2 when nothing could be done."""
    if (supersede is None) != (reason is None):
        hint = "kpi batch CONFIG --supersede EDITION --reason TEXT"
        raise DataError(Diagnostic("K828", "superseding an edition needs a reason, and a reason an edition", hint=hint))
    config = load(Path(file))
    log = Log(None if config.log is None else config.path(config.log))
    try:
        with showing(quiet=quiet):
            result = run(
                config, wait=wait, stop=stop, everything=everything, tell=log,
                supersede=None if supersede is None or reason is None else (supersede, reason),
            )  # fmt: skip
    except KpiError as error:
        log("failed", messages=[str(one) for one in error.diagnostics])
        raise
    finally:
        show([log.problem] if log.problem else [])
    if config.summary is not None:
        write_summary(config.path(config.summary), result)
    if config.notify is not None:
        write_note(config.path(config.notify), result)
    if config.metrics is not None:
        write_metrics(config.path(config.metrics), result, now=time.time())
    show(one for one in result.findings if one.severity in (Severity.ERROR, Severity.WARNING) or not quiet)
    if not quiet or result.failed:
        say(summary(result))
    return FINDINGS if result.failed else FINE


def verified_again(file: str, number: int | None, *, show: Show, say: Say) -> int:
    """Computes a run again and compares it with the store: 1 when anything differs."""
    config = load(Path(file))
    store = store_of(config)
    damage = store.check(thorough=True)
    show(damage)
    bad = bool(damage)
    for one in verified(store, archive_of(config), number):
        show(one.findings)
        bad = bad or bool(one.findings)
        words = "differs" if one.findings else "is what was published, to the bit"
        skipped = (
            f"; left out, as they were not scored from these inputs: {', '.join(one.skipped)}" if one.skipped else ""
        )
        say(f"{one.system}: {count(one.values, 'value')} computed again; the store {words}{skipped}.")
    return FINDINGS if bad else FINE


def checked(file: str, *, show: Show, say: Say) -> int:
    """Report the state of the store: 1 when it is damaged."""
    store = store_of(load(Path(file)))
    if damage := store.check(thorough=True):
        show(damage)
        return FINDINGS
    head = store.head()
    if head is None:
        say(f"{store.where}: nothing was published yet.")
        return FINE
    there = head.state["systems"].items()
    systems = "; ".join(f"{name}, {count(len(one['periods']), 'period')}" for name, one in there)
    frozen = ", ".join(head.state["editions"]) or "none"
    say(f"{store.where}: whole. The last run is {head.number} ({systems}). Closed editions: {frozen}.")
    return FINE


def repaired(file: str, *, wait: float, show: Show, say: Say) -> int:
    """Bring back the last run that is whole: 2 when none is."""
    store = store_of(load(Path(file)))
    with store.lock(wait, damaged=True):
        damage = store.check(thorough=True)
        if not damage:
            say(f"{store.where}: whole, nothing to repair.")
            return FINE
        show(damage)
        number = store.repair()
        left = store.check(thorough=True)
    if number is None or left:
        message = "no run of the store is whole"
        hint = (
            "move the store aside and run a night: everything is computed again from the inputs; the tables of closed"
            " editions are Parquet files in the archive"
        )
        raise DataError([*left, Diagnostic("K835", message, Place(store.where), hint)])
    say(f"{store.where}: went back to run {number}, the last that is whole; the next night scores what came after.")
    return FINE


def closed(file: str, name: str, system: str | None, labels: Iterable[str], *, wait: float, say: Say) -> int:
    """Closes an edition."""
    config = load(Path(file))
    store = store_of(config)
    with store.lock(wait):
        if damage := store.check():
            raise DataError(damage)
        head = store.head()
        there = list(head.state["systems"]) if head else []
        if system is None and len(there) != 1:
            hint = f"--system {there[0] if there else 'ID'}"
            raise DataError(Diagnostic("K828", "say whose periods the edition closes", hint=hint))
        done = editions.close(store, archive_of(config), name=name, system=system or there[0], labels=list(labels))
    labels = done.state["editions"][name]["periods"]
    say(f"Edition {name} is closed: {', '.join(labels)}. It can only be superseded, with a reason.")
    return FINE


def card_of(file: str, number: int, system: str | None, period: str | None = None) -> Scorecard:
    """Returns the scorecard of a past run, computed again, for `kpi explain --run`; `period` keeps only that."""
    config = load(Path(file))
    past = store_of(config).run(number)
    there = sorted(past.state["systems"])
    if system is None and len(there) != 1:
        raise DataError(
            Diagnostic("K824", f"run {number} has several systems: {', '.join(there)}", hint="say which with --system")
        )
    card = again(past, system or there[0], archive_of(config))
    if period is None:
        return card
    try:
        wanted = calendar.parse(period).label
    except calendar.PeriodError as error:
        raise DataError(Diagnostic("K606", str(error), hint=error.hint)) from None
    index = next((index for index, label in card.labels.items() if label == wanted), None)
    if index is None:
        raise DataError(Diagnostic("K551", f"run {number} has nothing for {wanted}", hint=", ".join(card.periods)))
    return card.only([index])
