"""Scoring from end to end, from files and a system to a scorecard: the functions behind `kpi score` and services."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.analysis.alert_findings import alert_findings
from kpi.analysis.check_findings import judged
from kpi.analysis.group_findings import ungrouped
from kpi.analysis.price_findings import bases_outside, plain_relatives
from kpi.analysis.short_data import too_short
from kpi.analysis.unsolved import unsolved
from kpi.engine.lookback import reach, window
from kpi.engine.plan import Plan, compile_plan
from kpi.engine.reporting_quality import Supply
from kpi.engine.scorecard import Scorecard
from kpi.errors import (
    DataError,
    DefinitionError,
    Diagnostic,
    KpiError,
    Message,
    Place,
    Severity,
    not_yet_reported,
    suggest,
)
from kpi.intake import frames
from kpi.intake.calendars import examined as calendars_examined
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entity_classes import examined as classes_examined
from kpi.intake.files import named_queries
from kpi.intake.files.damage import DamagedError, damage_reported
from kpi.intake.files.reader import Source, read_all
from kpi.intake.files.table import Table
from kpi.intake.grid import Panel
from kpi.intake.matching.datasets import fitting, is_named, measure_names, measure_of, panel_columns, systems_named
from kpi.intake.matching.labels import by_labels
from kpi.intake.panel import take_in
from kpi.intake.query_answers import Explanations
from kpi.intake.query_answers import explanations as read_explanations
from kpi.intake.reported.entity_targets import examined as targets_examined
from kpi.intake.reported.row_pruning import Reached
from kpi.intake.roster import roster_of
from kpi.intake.shapes.tables import shaped
from kpi.intake.succession import examined as units_examined
from kpi.language.loading import catalogue
from kpi.language.loading.loader import Draft, Loaded, draft, examine
from kpi.language.system import System
from kpi.process import progress
from kpi.report.language import wordings
from kpi.values import period_texts, periods
from kpi.values.periods import Period

if TYPE_CHECKING:
    from kpi.analysis.audit import Audit
    from kpi.analysis.robustness import Robustness
    from kpi.analysis.uncertainty.points import Spread


def _plots(card: Scorecard) -> Any:
    from kpi.report.plots.kinds import Plots

    return Plots(card)


# Plots stand above the engine: `card.plot.places()`.
Scorecard.namespaces["plot"] = _plots

Files = str | Path | Sequence[str | Path]
#: A system or its name, see `kpi.load`.
Given = str | Path | Mapping[str, Any] | System


def score(
    files: Any,
    *,
    system: Given | None = None,
    definitions: str | Path | None = None,
    data: Mapping[str, Any] | None = None,
    period: str | int | None = None,
    explanations: Source | None = None,
    partly: bool = False,
    succession: str | Path | None = None,
    intervals: int | None = None,
) -> Scorecard:
    """Score files, or frames, and return the scorecard.

    Args:
        files: one or several paths, names of queries in kpi.toml, frames of Polars or pandas, Arrow tables, or mappings
            with a list for each column; each is matched to a dataset by its columns.
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
    sources, named = _sources(files, data)
    folder = None if definitions is None else Path(definitions)
    every = [*sources, *(source for group in named.values() for source in group)]
    if not every:
        raise DataError(_nothing())
    try:
        with damage_reported(every):
            loaded = _system(system, every, folder, partly=partly)
    except DamagedError as error:
        remaining = [finding for source in every for finding in error.without(source)]
        if not (partly and remaining):
            raise
        loaded = _system(system, remaining, folder, partly=partly)
    assert loaded.system is not None  # noqa: S101
    scored = loaded.system if succession is None else loaded.system.succeeding(Path(succession))
    requested, plan = _period(scored, period), compile_plan(scored)
    reached = None
    if requested is not None:
        reached = partial(Reached, scored, requested.index(scored.period), lambda: window(reach(scored)))
    panel = take_in(
        scored, sources, named=named, period=None if period is None else str(period), partly=partly, reached=reached
    )
    panel = replace(panel, findings=(*panel.findings, *panel.absent, *_at_its_end(scored, period, requested)))
    card = score_panel(plan, panel, period=requested, explanations=explanations)
    return _with_intervals(card, intervals)


def _with_intervals(card: Scorecard, runs: int | None) -> Scorecard:
    """Return a scorecard with intervals, where they are asked for or the system declares them."""
    shown = card.definition.uncertainty.show == "intervals"
    if runs == 0 or (runs is None and not shown):
        return card
    from kpi.analysis.intervals import RUNS, with_intervals

    return with_intervals(card, RUNS if runs is None else runs)


def _nothing() -> Diagnostic:
    return Diagnostic("K543", Message("there is no data to score"), hint=Message("give files or frames"))


def _sources(files: Any, data: Any) -> tuple[list[Source], dict[str, list[Source]]]:
    """Return the sources of a caller, with queries executed, and those by dataset."""
    if data is not None and not isinstance(data, Mapping):
        message = Message(
            "`data` is of the type {type}, not a mapping from the names of datasets to data", type=type(data).__name__
        )
        raise DataError(
            Diagnostic(
                "K556", message, hint=Message("give data={{dataset: files}}, or the files as the first argument")
            )
        )
    unnamed = named_queries.every(frames.sources(files))
    return unnamed, {str(name): named_queries.every(frames.sources(group)) for name, group in (data or {}).items()}


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
        frame = plan.collect(panel.frame)
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
    verdict.findings.extend(too_short(plan, frame))
    apart = ungrouped(plan.system, judging, panel.entities.names, shown)
    alerts = alert_findings(plan.system, frame, panel.entities.names, labels, shown)
    findings = [*panel.findings, *apart, *verdict.findings, *alerts, *answers.findings]
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
    return card if period is None else card.only(list(shown))


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


def check(
    paths: Files = (), *, data: Any = None, system: Given | None = None, definitions: str | Path | None = None,
    period: str | int | None = None, explanations: Source | None = None, datasets: Mapping[str, Any] | None = None,
    succession: str | Path | None = None,
) -> list[Diagnostic]:  # fmt: skip
    """Check definitions, and data against them, and return every finding, in the language in use.

    Args:
        paths: YAML files and folders of them; nothing: the whole catalogue.
        data: files, or frames, to check, None for no data; against `system`, else against the one of `paths` that they
            name or that alone fits them, else against one of the catalogue, as `score` finds it.
        system: the system the data are for, when more than one fits; whatever `kpi.load` takes.
        definitions: a folder in which ids are looked up first.
        period: check the data of this period only.
        explanations: a file with answers to queries.
        datasets: files and frames whose dataset is named, by its name.
        succession: as for `score`.
    """
    done = checked(
        paths, data=data, system=system, definitions=definitions, period=period, explanations=explanations,
        datasets=datasets, succession=succession,
    )  # fmt: skip
    return [finding.rendered() for finding in done.findings]


@dataclass(frozen=True)
class Checked:
    """The result of a check: the definitions, all findings, and the scorecard if the data could be scored."""

    examined: tuple[Loaded, ...]
    findings: tuple[Diagnostic, ...]
    card: Scorecard | None = None


def checked(
    paths: Files = (), *, data: Any = None, system: Given | None = None, definitions: str | Path | None = None,
    period: str | int | None = None, explanations: Source | None = None, datasets: Mapping[str, Any] | None = None,
    succession: str | Path | None = None,
) -> Checked:  # fmt: skip
    """Check definitions, and data against them; arguments as for `check`.

    Data are checked if the definitions of `paths` have no errors, which come first.
    """
    folder = None if definitions is None else Path(definitions)
    files = _paths(paths)
    examined = tuple(examine_all(files, folder))
    findings = [finding for loaded in examined for finding in loaded.findings]
    for loaded in examined:
        if loaded.system is not None:
            findings += _roster_examined(loaded.system)
            findings += (one for one in units_examined(loaded.system) if one not in findings)
            findings += calendars_examined(loaded.system)
            findings += not_yet_reported(targets_examined(loaded.system), findings)
            findings += (one for one in classes_examined(loaded.system) if one not in findings)
    wrong = files and any(finding.severity is Severity.ERROR for finding in findings)
    card = None
    try:
        some_data, named = ([], {}) if wrong else _sources(() if data is None else data, datasets)
        every = [*some_data, *(source for group in named.values() for source in group)]
        if not every and not wrong and (data is not None or datasets is not None):
            findings.append(_nothing())
        if every:
            if system is None and files:
                system = _of_examined(every, examined)
            card = score(
                some_data, system=system, definitions=definitions, data=named, period=period,
                explanations=explanations, partly=True, succession=succession, intervals=0,
            )  # fmt: skip
            findings += not_yet_reported(card.findings_list, findings)
    except KpiError as error:
        findings += not_yet_reported(error.diagnostics, findings)
    return Checked(examined, tuple(findings), card)


def _roster_examined(system: System) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the roster of a system, as scoring with it would report."""
    if system.entities.roster is None or not (system.home / system.entities.roster).is_file():
        return ()  # the definition has a finding that it is not there
    try:
        roster_of(system)
    except DataError as error:
        return error.diagnostics
    return ()


def _of_examined(data: Sequence[Source], examined: Sequence[Loaded]) -> System | None:
    """Return the usable system that matches the data."""
    usable = [loaded for loaded in examined if loaded.system]
    return usable[0].system if len(usable) == 1 else _matching(named_queries.every(data), [usable], partly=True).system


def examine_all(paths: Files = (), definitions: Path | None = None) -> list[Loaded]:
    """Return the definitions in some files and folders, examined; the catalogue if there are no paths."""
    files = _paths(paths)
    if not files:
        return list(catalogue.systems(definitions).values())
    loaded: list[Loaded] = []
    for path in map(Path, files):
        if path.is_dir():
            inside = sorted([*path.glob("**/*.yaml"), *path.glob("**/*.yml")])
            if not inside:
                place = Place(str(path))
                nothing = Diagnostic(
                    "K100", Message("the folder holds no definitions"), place, Message("they are .yaml files")
                )
                loaded.append(Loaded(str(path), None, (nothing,)))
            loaded += [examine(file) for file in inside]
        elif not path.exists() and path.suffix not in (".yaml", ".yml") and str(path) in catalogue.files(definitions):
            loaded.append(examine(catalogue.files(definitions)[str(path)]))
        else:
            loaded.append(examine(path))
    return loaded


def _paths(paths: Files) -> list[str | Path]:
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _period(system: System, period: str | int | None) -> Period | None:
    if period is None:
        return None
    try:
        requested = period_texts.parse(str(period), timeline=system.timeline)
    except periods.PeriodError as error:
        raise DataError(Diagnostic("K606", error.message, hint=error.hint)) from None
    if requested.grain != system.period:
        # A year-to-date period such as 1-9月 denotes the period at its end.
        index = requested.end // system.period.months
        if requested.start % 12 or (requested.end + 1) % system.period.months:
            raise DataError(
                Diagnostic(
                    "K606",
                    Message("{period} is not a {grain}", period=requested.title, grain=system.period.title),
                    hint=Message("score a whole one, such as {label}", label=Period.of(index, system.period).label),
                )
            )
        requested = Period.of(index, system.period)
    return requested


def longer_period(system: System, period: str) -> str | None:
    """Return the label of a longer period that the system has totals of, None for any other text."""
    over = system.totals_over
    if over is None:
        return None
    try:
        asked = period_texts.parse(period, timeline=system.timeline)
    except periods.PeriodError:
        return None
    return asked.label if asked.grain == over.grain(system.period) else None


def label_of(card: Scorecard, period: str | int) -> str:
    """Return the label of a scored period of a scorecard, whatever its written form.

    Raises:
        DataError: K606, the text is no period of the system's grain.
    """
    requested = _period(card.definition, period)
    assert requested is not None  # noqa: S101
    return requested.label


def _at_its_end(system: System, period: str | int | None, scored: Period | None) -> list[Diagnostic]:
    """Return the note that the period asked for is longer than the scored ones, and which of them is scored."""
    if period is not None and longer_period(system, str(period)) is not None:
        return []
    if scored is None or (asked := period_texts.parse(str(period), timeline=system.timeline)).grain == scored.grain:
        return []
    message = Message(
        "{period} is longer than a {grain}: {label}, at its end, is scored",
        period=asked.title, grain=system.period.title, label=scored.label,
    )  # fmt: skip
    hint = Message("say `{label}`; for the longer period, use a system of that period", label=scored.label)
    return [Diagnostic("K578", message, hint=hint, severity=Severity.INFO)]


def system_for(files: Any, *, definitions: str | Path | None = None) -> System:
    """Return the system that files name, or that alone fits them: the one by which `score` scores them.

    Raises:
        DefinitionError: none does, or several do.
        DataError: files cannot be read.
    """
    some, named = _sources(files, None)
    every = [*some, *(one for group in named.values() for one in group)]
    found = _system(None, every, None if definitions is None else Path(definitions), partly=True).system
    assert found is not None  # noqa: S101
    return found


def period_of_form(
    system: System, period: str | int | None, card: Scorecard | None, today: dt.date | None = None
) -> Period:
    """Return the period that a form is for: as asked for, the next after a scorecard, or the last that has ended.

    Args:
        system: whose grain counts.
        period: as a text; None for one of the others.
        card: of the figures there are, None without any.
        today: left out: the day of the call.

    Raises:
        DataError: K606, the text is no period of the grain.
    """
    if (wanted := _period(system, period)) is not None:
        return wanted
    grain = system.period
    if card is not None:
        return Period.of(max(card.labels) + 1, grain)
    day = today or dt.datetime.now(dt.UTC).date()
    return Period.of(period_texts.parse(day.isoformat(), timeline=grain.timeline).index(grain) - 1, grain)


def _system(system: Given | None, data: Sequence[Source], folder: Path | None, *, partly: bool) -> Loaded:
    """Return the requested system, the one that the data name, or the only one that matches them."""
    if system is not None:
        return catalogue.resolve(system, folder)
    # A folder of the catalogue is read if nothing before it matches.
    groups = [_Drafts(group) for group in catalogue.by_folder(folder)]
    return _matching(data, groups, partly=partly)


class _Drafts(Sequence[Draft]):
    """The definitions of a folder, read on first access."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    @cached_property
    def _read(self) -> list[Draft]:
        return [draft(file) for file in self._files]

    def __getitem__(self, at: Any) -> Any:
        return self._read[at]

    def __len__(self) -> int:
        return len(self._files)


def _matching(data: Sequence[Source], groups: Sequence[Sequence[Draft | Loaded]], *, partly: bool) -> Loaded:
    """Return the system that the data name, or the only match, of the first group that has one."""
    # Malformed rows may be the reason that no system matches unchecked tables.
    with suppress(DefinitionError, pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        if (chosen := _chosen(data, groups, unchecked=True, partly=partly)) is not None:
            return chosen
    chosen = _chosen(data, groups, unchecked=False, partly=partly)
    assert chosen is not None  # noqa: S101
    return chosen


def _chosen(
    data: Sequence[Source], groups: Sequence[Sequence[Draft | Loaded]], *, unchecked: bool, partly: bool
) -> Loaded | None:
    """Return the system that the data name, or that alone fits them; large files may be left unchecked.

    None where a large file that is unchecked names systems: its rows have to be checked first. With `partly`, what is
    wrong with a file that cannot be read is reported when all are taken in.
    """
    unread: list[Diagnostic] | None = [] if partly else None
    tables = [table for group in read_all(data, unchecked=unchecked, unread=unread) for table in group]
    if any(table.pieces is not None and systems_named(table) for table in tables):
        return None
    # To check them all takes as long as to read them all, and only those that may be meant matter.
    named = sorted({text for table in tables for text in systems_named(table)})
    chosen = _first(groups, partial(_named, named)) if named else []
    by_name = bool(chosen)
    if not chosen:
        chosen = _first(groups, partial(_fitting, tables))
    if len(chosen) == 1:
        return chosen[0]
    if not chosen and any(table.pieces is not None for table in tables):
        return None
    if not chosen:
        known = [item.system.system for group in groups for draft in group for item in _usable([draft]) if item.system]
        choice = (
            Message("say which with --system; there is {systems}", systems=tuple(known))
            if known
            else Message("say which with --system; there is none")
        )
        hint = next(filter(None, (suggest(text, known) for text in named)), choice)
        unknown = (
            Message("`{name}`, which the files name, is not a system", name=named[0])
            if named
            else Message("no system fits the files")
        )
        raise DefinitionError(Diagnostic("K206", unknown, hint=hint))
    names = tuple(loaded.system.system for loaded in chosen if loaded.system)
    several = (
        Message("several systems are named in the files: {systems}", systems=names)
        if by_name
        else Message("several systems fit the files: {systems}", systems=names)
    )
    raise DefinitionError(Diagnostic("K206", several, hint=Message("say which with --system")))


def _first(
    groups: Sequence[Sequence[Draft | Loaded]], chosen: Callable[[Sequence[Draft | Loaded]], list[Loaded]]
) -> list[Loaded]:
    """Return the systems selected from the first group that has any: folders are searched in order."""
    return next(filter(None, map(chosen, groups)), [])


def _named(texts: Sequence[str], group: Sequence[Draft | Loaded]) -> list[Loaded]:
    """Return the systems of a group with an id or title among some texts."""
    return _usable(loaded for loaded in group if loaded.system and any(is_named(loaded.system, text) for text in texts))


def _usable(drafts: Iterable[Draft | Loaded]) -> list[Loaded]:
    """Return the systems without errors."""
    examined = (draft if isinstance(draft, Loaded) else draft.checked() for draft in drafts)
    return [loaded for loaded in examined if loaded.system]


def _fitting(tables: Sequence[Table], drafts: Sequence[Draft | Loaded]) -> list[Loaded]:
    """Return the systems that fit all tables and use the most of their figures, as systems share some (办件总量).

    A sheet that fits none, such as one of remarks, decides nothing where others do: it is reported when it is read.
    """
    looked_at: dict[tuple[int, str], list[str]] = {}

    def texts(at: int, header: str) -> list[str]:
        if (at, header) not in looked_at:
            looked_at[at, header] = _texts(tables[at], header)
        return looked_at[at, header]

    usable = [(candidate, candidate.system) for candidate in drafts if candidate.system]
    figures = [[fits(system, table, partial(texts, at)) for at, table in enumerate(tables)] for _, system in usable]
    needed = [at for at, table in enumerate(tables) if table.sheet is None or any(counts[at] for counts in figures)]
    fit: dict[int, list[Draft | Loaded]] = {}
    for (candidate, _), counts in zip(usable, figures, strict=True):
        number = sum(counts) if needed and all(counts[at] for at in needed) else 0
        fit.setdefault(number, []).append(candidate)
    return next(filter(None, (_usable(fit[many]) for many in sorted(fit, reverse=True) if many)), [])


def _texts(table: Table, header: str) -> list[str]:
    """Return the distinct texts of a column; this also checks the rows of an unchecked table."""
    column = as_text(header)
    if table.pieces is None:
        distinct = table.frame.select(column).group_by(pl.all()).len().collect().to_series()
    else:
        texts = table.pieces.map(lambda piece: piece.scan().select(column).collect().unique())
        distinct = pl.concat(texts).to_series().unique()
    return distinct.drop_nulls().to_list()


def fits(system: System, table: Table, texts: Callable[[str], list[str]]) -> int:
    """Return the number of figures of a table that the system uses, 0 if the table matches no dataset of it.

    Args:
        system: the system.
        table: the table.
        texts: returns the distinct texts of a column.
    """
    labelled = by_labels(system, table)
    if labelled is None:
        return 0
    if labelled[0] is not table:
        table = labelled[0]
        texts = partial(_texts, table)
    shape = shaped(system, table)
    turned = None if shape is None else shape[0]
    if turned is None:
        return 0
    if turned.origin is not None or turned.roles:
        texts = partial(_texts, turned)
    source = fitting(system, turned, texts)
    if source is None:
        return 0
    if not source.dataset.long:
        return max(1, len(panel_columns(system, turned)))
    names = measure_names(system)
    return sum(measure_of(names, text)[0] is not None for text in texts(source.roles["measure"]))
