"""Replay of past runs from their manifests: to explain results, and to verify the store to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi import session
from kpi.batch import findings
from kpi.batch.fingerprints import engine
from kpi.batch.inputs import Inputs
from kpi.batch.store.base import Run, Store, ordered
from kpi.batch.store.whole import Archive
from kpi.batch.system_run import Prepared, frames_of, with_uncertainty
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, count, suggest


def again(run: Run, system: str, archive: Archive, *, use_slices: bool = False) -> Scorecard:
    """Return the scorecard of a system in a run, computed from the archived inputs of the run.

    Args:
        run: the run.
        system: its id.
        archive: where the inputs are.
        use_slices: use the slices that the run archived, instead of reading the files again.

    Raises:
        DataError: K824 if the run has no such system, K814 if an archived input is missing or changed.
    """
    systems = run.state["systems"]
    if system not in systems:
        hint = suggest(system, systems) or Message("there is {systems}", systems=tuple(systems) or Message("none"))
        raise DataError(
            Diagnostic(
                "K824", Message("run {number} has no system `{system}`", number=run.number, system=system), hint=hint
            )
        )
    with Prepared.of(Inputs.of_json(system, systems[system]["inputs"]), archive) as ready:
        if use_slices:
            figures, _ = ready.figures(systems[system]["slices"])
            card = session.score_panel(ready.plan, figures.panel(), explanations=figures.explanations)
            return with_uncertainty(card)
        panel = ready.laid.panel()
        explanations = ready.laid.explanations(panel.entities, panel.periods)
        return with_uncertainty(session.score_panel(ready.plan, panel, explanations=explanations))


class Verified(Struct, frozen=True):
    """The result of verifying a system: how many values are equal to the bit, and what differs."""

    system: str
    values: int
    findings: tuple[Diagnostic, ...]
    skipped: tuple[str, ...] = ()


def verified(store: Store, archive: Archive, number: int | None = None) -> Iterator[Verified]:
    """Compute a run again from its archived inputs only, and compare everything it published, value by value.

    All periods are scored at once, also if the run had scored them one by one. Periods whose changed inputs were not
    scored (a closed edition, `periods = "last 3"`) are skipped and listed.

    Yields:
        one result per system, in the order of names.

    Raises:
        DataError: K811 if the run does not exist, K825 if nothing was published.
    """
    run = store.head() if number is None else store.run(number)
    if run is None:
        raise DataError(
            Diagnostic("K825", Message("nothing was published yet"), hint=Message("kpi batch CONFIG runs a night"))
        )
    for system in sorted(run.state["systems"]):
        yield _verified(store, archive, run, system)


def _verified(store: Store, archive: Archive, run: Run, system: str) -> Verified:
    entry = run.state["systems"][system]
    findings_of_run: list[Diagnostic] = []
    if entry["engine"] != engine():
        message = Message(
            "{system} was scored by another engine: {engine}; this is {engine_2}",
            system=system,
            engine=entry["engine"],
            engine_2=engine(),
        )
        findings_of_run.append(Diagnostic("K826", message, hint=Message("compare with the engine of the run")))
    with Prepared.of(Inputs.of_json(system, entry["inputs"]), archive) as ready:
        panel = ready.laid.panel()
        there = [period.label for period in panel.periods]
        pending = set(entry["pending"])
        compared = [label for label in there if label not in pending]
        explanations = ready.laid.explanations(panel.entities, panel.periods)
        # A run scores periods without the findings of files, which say what those of periods leave out.
        apart = replace(panel, findings=())
        cards = [with_uncertainty(session.score_panel(ready.plan, apart, explanations=explanations))]

        def all_findings(of_files: Iterable[Diagnostic]) -> pl.DataFrame:
            every = findings.findings_of(
                ready.laid.system, of_files, explanations=explanations,
                holds=lambda name: panel.frame[name].count() > 0, cards=cards, recent=panel.frame,
                entities=panel.entities.names, there=panel.periods,
            )  # fmt: skip
            return findings.table(every, system)

        fresh = frames_of(cards, system) | {"findings": all_findings(panel.findings)}
        published = store.read("findings", system=system, number=run.number)
        if not pending and _compared(ordered(fresh["findings"]), published)[1]:
            # A run reads files of different periods each by itself, and a finding may count the rows of one.
            fresh["findings"] = all_findings(ready.findings_apart(panel.findings))
    values = 0
    for table, frame in fresh.items():
        stored = store.read(table, system=system, number=run.number)
        if table == "findings" and pending:
            continue
        computed = frame if table == "findings" else frame.filter(pl.col("period").is_in(compared))
        published = (
            stored if table == "findings" or not stored.height else stored.filter(~pl.col("period").is_in(pending))
        )
        same, difference = _compared(ordered(computed), published)
        values += same
        if difference:
            findings_of_run.append(
                Diagnostic(
                    "K827",
                    Message("{system}, {table}: {difference}", system=system, table=table, difference=difference),
                    hint=Message(
                        "the store or an input was changed: kpi batch CONFIG --all scores everything again, but for "
                        "closed editions"
                    ),
                )
            )
    return Verified(system, values, tuple(findings_of_run), tuple(sorted(pending)))


def _compared(computed: pl.DataFrame, published: pl.DataFrame) -> tuple[int, str | None]:
    """Return the number of equal values, and a description of the first difference."""
    if not computed.height and not published.height:
        return 0, None
    missing = [name for name in computed.columns if name not in published.columns]
    if missing:
        return 0, f"the store lacks {', '.join(missing)}"
    if computed.height != published.height:
        return 0, f"{count(published.height, 'row')} in the store, {count(computed.height, 'row')} computed"
    published = published.select(computed.columns)
    for name in computed.columns:
        new_bits, old_bits = _bits(computed[name]), _bits(published[name])
        different = new_bits.ne_missing(old_bits)
        if different.any():
            row = int(different.arg_max() or 0)
            where = " ".join(str(computed[key][row]) for key in ("period", "entity") if key in computed.columns)
            return 0, (
                f"{count(int(different.sum()), 'value')} of `{name}` differ, first for {where}:"
                f" {published[name][row]!r} in the store, {computed[name][row]!r} computed"
            )
    return computed.height * computed.width, None


def _bits(series: pl.Series) -> pl.Series:
    """Return floats as the integers of their bits, so that 0.0 and -0.0 differ."""
    return series.reinterpret(signed=False) if series.dtype == pl.Float64 else series
