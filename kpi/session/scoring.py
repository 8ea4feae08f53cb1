"""Score data from end to end, from files and a system to a scorecard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec.structs import replace

from kpi.analysis.above_whole import rates_above_whole
from kpi.analysis.alert_findings import alert_findings
from kpi.analysis.check_findings import judged
from kpi.analysis.group_findings import ungrouped
from kpi.analysis.growth_as_index import growth_as_index
from kpi.analysis.impossible_counts import impossible_counts
from kpi.analysis.lone_periods import lone_periods
from kpi.analysis.price_findings import bases_outside, plain_relatives
from kpi.analysis.short_data import too_short
from kpi.analysis.target_sizes import target_sizes
from kpi.analysis.unsolved import unsolved
from kpi.engine.foreign_columns import collected
from kpi.engine.lookback import reach, window
from kpi.engine.plan import Plan, compile_plan
from kpi.engine.reporting_quality import Supply
from kpi.engine.scorecard import Scorecard
from kpi.errors import (
    DataError,
    DefinitionError,
    Diagnostic,
    Message,
)
from kpi.intake.copied_periods import copied_periods
from kpi.intake.files.damage import DamagedError, damage_reported
from kpi.intake.files.sources import Source
from kpi.intake.finer_figures import unless_finer, within
from kpi.intake.grid import Panel
from kpi.intake.lone_zeros import lone_zeros
from kpi.intake.magnitudes import magnitude_findings
from kpi.intake.negative_counts import negative_counts
from kpi.intake.panel import take_in
from kpi.intake.query_answers import Explanations
from kpi.intake.query_answers import explanations as read_explanations
from kpi.intake.reported.rising_figures import rising_findings, rising_in_panel
from kpi.intake.reported.row_pruning import Reached
from kpi.process import progress
from kpi.report.language import wordings
from kpi.session.asked_periods import at_its_end, requested_period
from kpi.session.given_data import given_sources, in_files, no_data
from kpi.session.systems import Given, chosen_system
from kpi.session.warehouses import in_warehouse
from kpi.values.periods import Period

if TYPE_CHECKING:
    from kpi.analysis.audit import Audit
    from kpi.analysis.robustness import Robustness
    from kpi.analysis.uncertainty.points import Spread


def _plots(card: Scorecard) -> Any:
    from kpi.report.plots.kinds import Plots

    return Plots(card)


def _alike(card: Scorecard) -> pl.DataFrame:
    from kpi.analysis.uncertainty.level_sets import kept

    return kept(card)


# Plots stand above the engine: `card.plot.places()`.
Scorecard.namespaces["plot"] = _plots
Scorecard.namespaces["alike"] = _alike


def score(
    files: Any = (),
    *,
    system: Given | None = None,
    definitions: str | Path | None = None,
    data: Mapping[str, Any] | None = None,
    period: str | int | None = None,
    explanations: Source | None = None,
    partly: bool = False,
    succession: str | Path | None = None,
    intervals: int | None = None,
    warehouse: str | None = None,
    tables: Mapping[str, str] | None = None,
) -> Scorecard:
    """Score files, or frames, and return the scorecard.

    Args:
        files: one or several paths, names of queries in kpi.toml, files open for bytes, contents with a name
            (`kpi.NamedFile`), frames of Polars or pandas, Arrow tables, relations of DuckDB and whatever else gives a
            stream of Arrow, or mappings with a list for each column; each is matched to a dataset by its columns.
        system: whatever `kpi.load` takes; None when the files name it in a column `system` (评价体系) or only one
            system of the catalogue fits.
        definitions: a folder in which ids are looked up first.
        data: files and frames by dataset.
        period: score only this period, such as 2023Q4; also the period of files that have no period column. Rows for
            periods that it does not reach are passed over, and only it is judged.
        explanations: a file that answers queries, such as a 查询单 that came back; see `kpi.intake.query_answers`.
        partly: report files that cannot be read or matched as findings, if others can.
        succession: a table of units that merge, split or change their name, in place of the system's own
            (`entities: {succession: ...}`).
        intervals: the number of simulated runs from which `totals` has intervals of scores and places and the
            probability of each level; 0 for none; None for what the system declares (`uncertainty: {show: intervals}`).
        warehouse: the address of a database whose rows stay there: `duckdb:FILE`, `postgresql://host/database`,
            `clickhouse://host/database`, or `env:VARIABLE` for a variable that holds one. Measures of events are
            aggregated there.
        tables: the table (`table`, `schema.table`) of each dataset in it; None for tables with the names of the
            system's datasets of events.

    Raises:
        DefinitionError: if the system cannot be found or used.
        DataError: when there are none, when files cannot be read or placed, or hold nothing for the period; with
            `partly`, when one is not there or none can be read and placed. Bad rows are findings instead.

    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "期别": ["2023Q4"] * 2, "地区": ["东湖县", "西山区"], "办件量": [200, 100], "网上办件量": [180, 75]})
    >>> system = {
    ...     "system": "small", "period": "quarter", "entities": {},
    ...     "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    ...     "indicators": {"rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "unit": "%"}}}
    >>> score(frame, system=system).indicators["value"].to_list()
    [90.0, 75.0]
    """
    if intervals is not None and intervals < 0:
        message = Message("`intervals` is {number}, and runs are 0 or more", number=intervals)
        raise DataError(Diagnostic("K556", message, hint=Message("0 is none, and 500 is usual")))
    with in_files(files, data) as given, in_warehouse(warehouse, tables, system, definitions) as elsewhere:
        named = {**(given.named or {}), **elsewhere} if elsewhere else given.named
        card = _scored(
            given.unnamed, data=named, system=system, definitions=definitions, period=period,
            explanations=explanations, succession=succession, partly=partly,
        )  # fmt: skip
        return _with_intervals(given.card(card), intervals)


def _with_intervals(card: Scorecard, runs: int | None) -> Scorecard:
    """Return a scorecard with intervals, where they are asked for or the system declares them."""
    shown = card.definition.uncertainty.show == "intervals"
    if runs == 0 or (runs is None and not shown):
        return card
    from kpi.analysis.intervals import RUNS, with_intervals

    return with_intervals(card, RUNS if runs is None else runs)


def _scored(
    files: Any, *, data: Any, system: Given | None, definitions: str | Path | None, period: str | int | None,
    explanations: Source | None, succession: str | Path | None, partly: bool,
) -> Scorecard:  # fmt: skip
    sources, named = given_sources(files, data)
    folder = None if definitions is None else Path(definitions)
    every = [*sources, *(source for group in named.values() for source in group)]
    if not every:
        raise DataError(no_data())
    try:
        with damage_reported(every):
            loaded = chosen_system(system, every, folder, partly=partly)
    except DamagedError as error:
        remaining = [finding for source in every for finding in error.without(source)]
        if not (partly and remaining):
            raise
        loaded = chosen_system(system, remaining, folder, partly=partly)
    assert loaded.system is not None  # noqa: S101
    scored = loaded.system if succession is None else loaded.system.succeeding(Path(succession))
    requested, plan = requested_period(scored, period), compile_plan(scored)
    reached = None
    if requested is not None:
        reached = partial(Reached, scored, requested.index(scored.period), lambda: window(reach(scored)))
    panel = take_in(
        scored, sources, named=named, period=None if period is None else str(period), partly=partly, reached=reached
    )
    passed_over = (finding for finding in loaded.findings if finding.code == "K206")
    findings = (*passed_over, *panel.findings, *panel.absent, *at_its_end(scored, period, requested))
    panel = replace(panel, findings=findings)
    return score_panel(plan, panel, period=requested, explanations=explanations)


def score_panel(
    plan: Plan, panel: Panel, *, period: Period | None = None, explanations: Source | Explanations | None = None
) -> Scorecard:
    """Score a panel with a compiled plan; `period` is the only one to show and to check.

    Raises:
        DataError: K551 if there are no figures for the period.
    """
    grain = plan.system.period
    labels = {period_of.index(grain): period_of.label for period_of in panel.periods}
    if period is not None and period.index(grain) not in labels:
        raise DataError(
            Diagnostic(
                "K551",
                Message("the files hold nothing for {period}", period=period.label),
                hint=Message("they hold {first} to {last}", first=panel.periods[0].label, last=panel.periods[-1].label),
            )
        )
    with progress.stage(Message("scoring")):
        frame = collected(plan, panel.frame)
    shown = labels if period is None else {period.index(grain): period.label}
    if explanations is None or isinstance(explanations, Explanations):
        answers = explanations or Explanations()
    else:
        answers = read_explanations(
            explanations, system=plan.system, entities=panel.entities, labels=shown, alone=period is not None
        )
    panel = replace(panel, notes={**panel.notes, **answers.notes}) if answers.notes else panel
    judging = frame if period is None else frame.filter(pl.col("period").is_in(list(shown)))
    verdict = judged(plan, judging, panel, shown, answers.answers, wordings=wordings)
    verdict.findings.extend(unsolved(plan, judging, shown))
    verdict.findings.extend(bases_outside(plan.system, panel.periods))
    verdict.findings.extend(plain_relatives(plan.system, judging, shown))
    verdict.findings.extend(too_short(plan.system, len(panel.periods)))
    verdict.findings.extend(lone_periods(plan.system, panel.frame, labels))
    risen = rising_in_panel(plan.system, panel.frame)
    verdict.findings.extend(rising_findings(risen, plan.system, [*plan.system.warnings, *panel.findings]))
    apart = ungrouped(plan.system, judging, panel.entities.names, shown)
    counts_apart = [
        *impossible_counts(plan.system, judging, panel.entities.names, shown),
        *negative_counts(plan.system, judging, panel.entities.names, shown),
        *rates_above_whole(plan.system, judging, panel.entities.names, shown),
        *target_sizes(plan.system, judging, panel.entities.names, shown),
    ]
    magnitudes = [
        *magnitude_findings(plan.system, panel.frame, panel.entities.names, shown),
        *growth_as_index(plan.system, panel.frame, panel.entities.names, shown),
        *lone_zeros(plan.system, panel.frame, panel.entities.names, shown),
        *copied_periods(plan.system, panel.frame, shown),
    ]
    alerts = alert_findings(plan.system, frame, panel.entities.names, labels, shown)
    of_figures = [*unless_finer([*counts_apart, *magnitudes], panel.findings, grain)]
    of_files = panel.findings if period is None else within(panel.findings, shown, grain)
    findings = [*plan.system.warnings, *of_files, *apart, *of_figures, *verdict.findings, *alerts]
    findings += answers.findings
    findings += answers.unused(verdict.used)
    counts = {key: getattr(panel.counts, key) for key in ("read", "used", "refused", "restated", "repeated")}
    more = {"left_out": panel.counts.left_out, "passed_over": panel.counts.passed_over, "unread": panel.unread}
    counts |= {key: number for key, number in more.items() if number}
    supply = Supply(restated=panel.restated, doubtful=frozenset(verdict.doubtful))
    if panel.reporters is not None:
        supply = replace(supply, reporters=panel.reporters)
    card = Scorecard(
        plan, frame, panel.entities.frame, labels, tuple(findings), panel.data_hash, None, counts, supply,
        former=panel.former, renamed=panel.renamed,
    )  # fmt: skip
    shown_card = card if period is None else card.only(list(shown))
    if plan.system.disclosure is None:
        return shown_card
    from kpi.analysis.disclosure import protected  # most systems publish all figures

    return protected(shown_card)


def stress(
    files: Any,
    *,
    system: Given | None = None,
    definitions: str | Path | None = None,
    data: Mapping[str, Any] | None = None,
    period: str | int | None = None,
    runs: int = 500,
    weights: float | None = None,
    seed: int = 1,
    succession: str | Path | None = None,
    vary: Mapping[str, Any] | None = None,
    spread: Spread = "random",
    first: int = 5,
    coverage: float = 95,
    sensitivity: int = 0,
) -> Robustness:
    """Score files, or frames, and return the robustness of the ranking of a period, by default the last.

    Args:
        files: as for `score`, and so are the next four.
        system: as for `score`.
        definitions: a folder in which ids are looked up first.
        data: files and frames by dataset.
        period: the label of the period; None for the last.
        runs: the number of simulated runs.
        weights: the half-width in percent of the uniform distribution that each weight is drawn from; None for what the
            system declares under `uncertainty:`, or 20.
        seed: of the random numbers; equal seeds give equal runs.
        succession: as for `score`.
        vary: what varies, as under `uncertainty:`, in the place of the same keys there.
        spread: how points are drawn: `random`, or evenly: `sobol`, `halton`, `latin`.
        first: the number of places of "who may be among the first".
        coverage: the percent of confidence sets and bootstrap intervals.
        sensitivity: the number of base points of Sobol' indices; 0 for none.

    Raises:
        DefinitionError: as for `score`, or if `vary` is wrong.
        DataError: as for `score`, or if there is nothing to rank or an error of figures is not known.
    """
    from kpi.analysis.robustness import stressed
    from kpi.language.loading.loader import varying

    card = score(
        files, system=system, definitions=definitions, data=data, period=period, succession=succession, intervals=0
    )
    uncertainty, findings = varying(card.definition, vary or {}, "vary")
    if findings:
        raise DefinitionError(findings)
    return stressed(
        card, runs=runs, weights=weights, seed=seed, uncertainty=uncertainty, spread=spread, first=first,
        coverage=coverage, sensitivity=sensitivity,
    )  # fmt: skip


def audit(
    files: Any, *, system: Given | None = None, definitions: str | Path | None = None,
    data: Mapping[str, Any] | None = None, period: str | int | None = None, runs: int = 500, seed: int = 1,
    sensitivity: int = 0, succession: str | Path | None = None,
) -> Audit:  # fmt: skip
    """Score files, or frames, and return the audit of a period, by default the last, by the steps of the handbook.

    Args:
        files: as for `score`, and so are the next four and `succession`.
        system: as for `score`.
        definitions: a folder in which ids are looked up first.
        data: files and frames by dataset.
        period: the label of the period; None for the last.
        runs: of the robustness analysis.
        seed: of its random numbers; equal seeds give equal runs.
        sensitivity: the number of base points of Sobol' indices; 0 for none.
        succession: as for `score`.

    Raises:
        DefinitionError: as for `score`.
        DataError: as for `score`. What cannot be analysed is stated in the audit instead.
    """
    from kpi.analysis.audit import audited

    card = score(
        files, system=system, definitions=definitions, data=data, period=period, succession=succession, intervals=0
    )
    return audited(card, runs=runs, seed=seed, sensitivity=sensitivity)
