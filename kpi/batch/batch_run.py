"""A batch run: take the lock, score every system, publish once, then write the requested outputs."""

from __future__ import annotations

import datetime as dt
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kpi.batch import editions, integrity, last_run, system_run
from kpi.batch.config import STORES, Config, Source
from kpi.batch.fingerprints import engine
from kpi.batch.inputs import Inputs, gathered
from kpi.batch.read_cache import Index, slices_of
from kpi.batch.store.base import Run, Store
from kpi.batch.store.foreign import opened
from kpi.batch.store.former import refuse_former
from kpi.batch.store.whole import Archive, not_writable
from kpi.batch.system_run import Outcome
from kpi.errors import DataError, DefinitionError, Diagnostic, KpiError, Message, Place, Severity, redacted
from kpi.process import extensions, progress
from kpi.process.credentials import connection

#: Logs an event with its fields.
Logger = Callable[..., None]


class Night(Struct):
    """The result of a run: its number, None if nothing was published, and one outcome per system."""

    run: Run | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[str]:
        """The systems that could not be scored or were not published."""
        return [outcome.system for outcome in self.outcomes if outcome.status == "failed"]


def store_of(config: Config) -> Store:
    """Return the store of a configuration, opened lazily: nothing is written before the lock is held.

    Raises:
        DataError: K850 if the store has an older layout, K851 if a Parquet store is requested, K812 if a
            package is missing.
    """
    table = config.store
    if table.kind == "postgresql":
        from kpi.batch.store.postgres import PostgresStore

        file = None if table.connection_file is None else config.path(table.connection_file)
        return PostgresStore(connection(env=table.connection_env, file=file))
    if table.kind not in STORES:
        return opened(table.kind, config.path(table.path or ""))
    from kpi.batch.store.delta import DeltaStore

    folder = config.path(table.path or "")
    try:
        refuse_former(folder)
    except OSError as error:
        raise not_writable(folder, error) from None
    if table.was_parquet:
        hint = Message('store = {{kind = "delta", path = "{path}"}}, or without `kind`', path=table.path)
        raise DataError(
            Diagnostic("K851", Message("there is no Parquet store any more"), Place(str(config.file)), hint)
        )
    return DeltaStore(folder)


def archive_of(config: Config) -> Archive:
    """Return the archive: the configured folder, or `archive` in the store or beside the configuration."""
    if config.archive is not None:
        return Archive(config.path(config.archive))
    beside = "." if config.store.kind not in STORES else config.store.path or "."
    return Archive(config.path(beside) / "archive")


def run(
    config: Config, *, wait: float = 0, stop: bool = False, everything: bool = False,
    supersede: tuple[str, str] | None = None, log: Logger = lambda *_, **__: None,
) -> Night:  # fmt: skip
    """Run a night and return its result; the store holds the old or the new results, never a mixture.

    A system that fails keeps its last results and does not affect the others.

    Args:
        config: the configuration.
        wait: the seconds to wait for another batch.
        stop: stop at the first system that fails, without publishing.
        everything: score every period, changed or not.
        supersede: an edition and the reason for revising it.
        log: receives every event with its fields.

    Raises:
        KpiError: K810 if another batch is running; errors of the store or the disk, in which case nothing is published.
    """
    began = time.perf_counter()
    store, archive = store_of(config), archive_of(config)
    started = _now()
    with _locked(store, wait):
        if damage := store.check() or last_run.lost(store, archive):
            raise DataError(damage)
        head = store.head()
        number = head.number + 1 if head else 1
        state: dict[str, Any] = {"systems": {}, "editions": {}} if head is None else _copied(head.state)
        log("start", run=number, store=store.where, engine=engine())
        if supersede is not None:
            editions.known(state, supersede[0])
        result = Night()
        for source in config.source:
            outcome = _outcome(
                config, source, store, archive, state=state, number=number, everything=everything, supersede=supersede
            )
            if outcome.system in {earlier.system for earlier in result.outcomes}:
                message = Message("two sources are for `{system}`; give one source all its data", system=outcome.system)
                raise DefinitionError(Diagnostic("K802", message))
            result.outcomes.append(outcome)
            result.findings += outcome.findings
            log("system", run=number, system=outcome.system, **outcome.as_json())
            if outcome.status == "failed" and stop:
                result.seconds = time.perf_counter() - began
                return result
            if outcome.entry:
                state["systems"][outcome.system] = outcome.entry
        changes = [change for outcome in result.outcomes for change in outcome.changes]
        manifest = _manifest(config, started, result)
        if supersede is not None and state["editions"][supersede[0]]["system"] not in result.failed:
            manifest["superseded"] = {"edition": supersede[0], "reason": supersede[1]}
            editions.supersede(
                state, store, archive, name=supersede[0], reason=supersede[1], number=number, changes=changes
            )
        result.run = Run(number, manifest, state)
        with progress.stage(Message("storing the results")):
            store.publish(result.run, changes)
        log("published", run=result.run.number, changes=len(changes))
        try:
            last_run.record(store, archive, result.run.number)
            _tidy(config, store, archive, result.run)
        except DataError as error:
            # The run is published; only its trace beside the store, or the clean-up of old runs, failed.
            result.findings += [replace(finding, severity=Severity.WARNING) for finding in error.diagnostics]
        result.findings += _outputs(config, archive, result)
        # Nothing of the night depends on these: it is published, with a warning.
        wrong = [*integrity.archive_damage(state, archive), *integrity.lost_periods(state)]
        result.findings += [replace(finding, severity=Severity.WARNING) for finding in wrong]
    result.seconds = time.perf_counter() - began
    log("end", run=result.run.number, failed=result.failed, seconds=round(result.seconds, 3))
    return result


@contextmanager
def _locked(store: Store, wait: float) -> Iterator[None]:
    """Hold the lock of the store, reporting the wait as progress."""
    with ExitStack() as stack:
        with progress.stage(Message("waiting for {store}", store=store.where)):
            stack.enter_context(store.lock(wait))
        yield


def _outcome(
    config: Config, source: Source, store: Store, archive: Archive, *, state: Mapping[str, Any], number: int,
    everything: bool, supersede: tuple[str, str] | None,
) -> Outcome:  # fmt: skip
    """Score one system; an error in one system does not affect the others."""
    name = Path(source.system).stem
    began = time.perf_counter()
    try:
        inputs = gathered(config, source, archive)
        name = inputs.system
        hashed = time.perf_counter() - began
        before = state["systems"].get(name)
        if system_run.unchanged(before, inputs) and not everything and supersede is None:
            outcome = Outcome(name)
        else:
            closed = editions.closed(state, name, but=supersede[0] if supersede else None)
            outcome = system_run.scored(
                source, inputs, before=before, store=store, archive=archive, number=number, closed=closed,
                everything=everything,
            )  # fmt: skip
        outcome.seconds = {"hash": hashed, **outcome.seconds}
    except KpiError as error:
        return Outcome(name, "failed", findings=error.diagnostics)
    except BaseException as error:  # one bad system must not take the night with it
        if (finding := extensions.blamed(error)) is not None:
            return Outcome(name, "failed", findings=(finding,))
        if not isinstance(error, Exception):
            raise
        words = redacted(f"{type(error).__name__}: {error}")[:500]
        hint = Message("this is a mistake of the engine: please report it with the data that show it")
        return Outcome(
            name,
            "failed",
            findings=(Diagnostic("K829", Message("{name}: {words}", name=name, words=words), hint=hint),),
        )
    return outcome


def _manifest(config: Config, started: str, result: Night) -> dict[str, Any]:
    """Return the manifest of a run; inputs and keys are in the state."""
    return {
        "started": started, "finished": _now(), "config": config.file.name, "engine": engine(),
        "versions": _versions(), "systems": {outcome.system: outcome.as_json() for outcome in result.outcomes},
    }  # fmt: skip


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    calculate, store = ("polars", "pydantic", "sqlglot", "chinesecalendar"), ("deltalake", "psycopg", "duckdb")
    for name in (*calculate, "fastexcel", *store):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"systems": dict(state["systems"]), "editions": {k: dict(v) for k, v in state["editions"].items()}}


def _tidy(config: Config, store: Store, archive: Archive, last: Run) -> None:
    """Remove old runs, the inputs that only they used, and slices that the last run does not use."""
    shelf = slices_of(archive)
    slices_in_use = {entry["slices"] for entry in last.state["systems"].values() if "slices" in entry}
    shelf.prune(slices_in_use.union(*(Index.get(shelf, sha).files for sha in slices_in_use)))
    if not store.tidy(config.store.keep):
        return
    needed: set[str] = set()
    for number in store.numbers():
        state = last.state if number == last.number else store.run(number).state
        for entry in state["systems"].values():
            needed |= Inputs.of_json("", entry["inputs"]).hashes
        needed.update(editions.files(state))
    archive.prune(needed)


def _outputs(config: Config, archive: Archive, result: Night) -> list[Diagnostic]:
    """Write the output files of the sources whose systems were scored in this run."""
    from kpi.batch.replay import again
    from kpi.report.files import left_out, write

    findings: list[Diagnostic] = []
    assert result.run is not None  # noqa: S101
    for source, outcome in zip(config.source, result.outcomes, strict=True):
        missing = [name for name in source.output if not config.path(name).exists()]
        names = source.output if outcome.status == "scored" else missing if outcome.status == "unchanged" else ()
        if not names:
            continue
        try:
            card = again(result.run, outcome.system, archive, use_slices=True)
            for name in names:
                target = config.path(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                path = f"{target}/" if name.endswith("/") else target
                write(card, path)
                outcome.findings = (*outcome.findings, *left_out(card, path))
        except (KpiError, OSError) as error:
            due = (
                error.diagnostics
                if isinstance(error, KpiError)
                else (Diagnostic("K813", Message("{error}", error=error)),)
            )
            findings += due
            outcome.findings = (*outcome.findings, *due)
            outcome.status = "failed"
    return findings
