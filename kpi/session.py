"""Scoring from end to end: files and a system become a scorecard. What `kpi score` and embedding services call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kpi import catalogue, periods, progress, sources
from kpi.breaches import judged
from kpi.datasets import ReportedData
from kpi.errors import DataError, DefinitionError, Diagnostic, Place, Severity, suggest
from kpi.intake.damage import DamagedError, damage_told
from kpi.intake.explanations import Explanations
from kpi.intake.explanations import explanations as read_explanations
from kpi.intake.files import Data, Source, listed, read_all
from kpi.intake.grid import Panel
from kpi.intake.headers import clean
from kpi.intake.match import is_named, match, measure_names, panel_columns, systems_named
from kpi.intake.panel import take_in
from kpi.intake.pieces import Unfit
from kpi.intake.reached import Reached
from kpi.intake.table import Table
from kpi.loader import Draft, Loaded, examine
from kpi.periods import Period
from kpi.plan import Plan, compile_plan
from kpi.quality import Supply
from kpi.reach import looks_back
from kpi.scorecard import Scorecard
from kpi.system import System

if TYPE_CHECKING:
    from kpi.robustness import Robustness

Files = str | Path | Sequence[str | Path]


def score(
    files: Data,
    *,
    system: str | Path | System | None = None,
    definitions: str | Path | None = None,
    data: Mapping[str, Data] | None = None,
    period: str | None = None,
    explanations: Source | None = None,
    partly: bool = False,
) -> Scorecard:
    """Scores files, or frames, and returns the scorecard.

    Args:
        files: one or several paths, names of queries in kpi.toml, DataFrames and LazyFrames; each is matched to a
            dataset by its columns.
        system: an id, the path of a YAML file, or a loaded system; None when the files name it in a column `system`
            (评价体系) or only one system of the catalogue fits.
        definitions: a folder in which ids are looked up first.
        data: files and frames whose dataset is named.
        period: score only this period, such as 2023Q4; also the period of files that have no period column. Rows for
            periods that it does not reach are passed over, and only it is judged.
        explanations: a file that answers queries, such as a 查询单 that came back; see `kpi.intake.explanations`.
        partly: files that cannot be read or placed are findings, where others can.

    Raises:
        DefinitionError: when the system cannot be found or used.
        DataError: when files cannot be read or placed, or hold nothing for the period; with `partly`, when one is not
            there or none can be read and placed. Bad rows are findings instead.

    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "期别": ["2023Q4"] * 2, "地区": ["东湖县", "西山区"], "办件量": [200, 100], "网上办件量": [180, 75]})
    >>> system = System.model_validate({
    ...     "system": "small", "period": "quarter", "entities": {},
    ...     "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    ...     "indicators": {"rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "unit": "%"}}})
    >>> score(frame, system=system).indicators["value"].to_list()
    [90.0, 75.0]
    """
    some = sources.every(listed(files))
    named = {name: sources.every(listed(one)) for name, one in (data or {}).items()}
    folder = None if definitions is None else Path(definitions)
    every = [*some, *(one for group in named.values() for one in group)]
    try:
        with damage_told(every):
            loaded = _system(system, every, folder, partly=partly)
    except DamagedError as error:
        left = [one for source in every for one in error.without(source)]
        if not (partly and left):
            raise
        loaded = _system(system, left, folder, partly=partly)
    assert loaded.system is not None  # noqa: S101
    wanted, plan = _period(loaded.system, period), compile_plan(loaded.system)
    reached = None
    if wanted is not None:
        reached = partial(Reached, loaded.system, wanted.index(loaded.system.period), partial(looks_back, plan))
    panel = take_in(loaded.system, some, named=named, period=period, partly=partly, reached=reached)
    return score_panel(plan, panel, period=wanted, explanations=explanations)


def score_panel(
    plan: Plan, panel: Panel, *, period: Period | None = None, explanations: Source | Explanations | None = None
) -> Scorecard:
    """Scores a panel with a compiled plan; `period` is the only one to show and to judge.

    Raises:
        DataError: K551 when there is nothing for the period.
    """
    grain = plan.system.period
    labels = {one.index(grain): one.label for one in panel.periods}
    if period is not None and period.index(grain) not in labels:
        there = f"{panel.periods[0].label} to {panel.periods[-1].label}"
        raise DataError(Diagnostic("K551", f"the files hold nothing for {period.label}", hint=f"they hold {there}"))
    with progress.stage("scoring"):
        frame = plan.collect(panel.frame)
    shown = labels if period is None else {period.index(grain): period.label}
    if explanations is None or isinstance(explanations, Explanations):
        said = explanations or Explanations()
    else:
        said = read_explanations(
            explanations, system=plan.system, entities=panel.entities, labels=shown, alone=period is not None
        )
    panel = replace(panel, notes={**panel.notes, **said.notes}) if said.notes else panel
    judging = frame if period is None else frame.filter(pl.col("period").is_in(list(shown)))
    verdict = judged(plan, judging, panel, shown, said.answers)
    found = [*panel.findings, *verdict.findings, *said.findings, *said.unused(verdict.used)]
    counts = {key: getattr(panel.counts, key) for key in ("read", "used", "refused", "restated", "repeated")}
    more = {"passed_over": panel.counts.passed_over, "unread": panel.unread, "left_out": panel.counts.left_out}
    counts |= {key: number for key, number in more.items() if number}
    supply = Supply(restated=panel.restated, doubtful=frozenset(verdict.doubtful))
    if panel.reporters is not None:
        supply = replace(supply, reporters=panel.reporters)
    card = Scorecard(plan, frame, panel.entities.frame, labels, tuple(found), panel.data_hash, None, counts, supply)
    return card if period is None else card.only(list(shown))


def stress(
    files: Data,
    *,
    system: str | Path | System | None = None,
    definitions: str | Path | None = None,
    data: Mapping[str, Data] | None = None,
    period: str | None = None,
    runs: int = 500,
    weights: float = 20,
    seed: int = 1,
) -> Robustness:
    """Scores files, or frames, and returns how robust the ranking of a period is, by default the last.

    Args:
        files: as for `score`, and so are the next four.
        system: an id, a path, or a loaded system.
        definitions: a folder in which ids are looked up first.
        data: files and frames whose dataset is named.
        period: which; left out: the last.
        runs: how many runs are simulated.
        weights: every weight is drawn from within so many percent of its own.
        seed: the same seed gives the same runs.

    Raises:
        DefinitionError: as for `score`.
        DataError: as for `score`, or when there is nothing to rank.
    """
    from kpi.robustness import stressed

    card = score(files, system=system, definitions=definitions, data=data, period=period)
    return stressed(card, runs=runs, weights=weights, seed=seed)


def check(
    paths: Files = (), *, data: Data = (), system: str | None = None, definitions: str | Path | None = None,
    explanations: Source | None = None,
) -> list[Diagnostic]:  # fmt: skip
    """Checks definitions, and data against them, and returns every finding.

    Args:
        paths: YAML files and folders of them; nothing: the whole catalogue.
        data: files, or frames, to check against `system`.
        system: the system the data are for, when more than one fits.
        definitions: a folder in which ids are looked up first.
        explanations: a file that answers queries.
    """
    folder = None if definitions is None else Path(definitions)
    findings = [finding for loaded in examine_all(paths, folder) for finding in loaded.findings]
    some = listed(data)
    if some and not any(one.severity is Severity.ERROR for one in findings):
        first = _paths(paths)[:1]
        chosen = system or (str(first[0]) if first and Path(first[0]).is_file() else None)
        try:
            card = score(some, system=chosen, definitions=definitions, explanations=explanations, partly=True)
            findings += card.findings_list
        except (DataError, DefinitionError) as error:
            findings += error.diagnostics
    return findings


def examine_all(paths: Files = (), definitions: Path | None = None) -> list[Loaded]:
    """Returns every definition file in some files and folders, examined; the catalogue when there are none."""
    some = _paths(paths)
    if not some:
        return list(catalogue.systems(definitions).values())
    found: list[Loaded] = []
    for path in map(Path, some):
        if path.is_dir():
            inside = sorted([*path.glob("**/*.yaml"), *path.glob("**/*.yml")])
            if not inside:
                place = Place(str(path))
                nothing = Diagnostic("K100", "the folder holds no definitions", place, "they are .yaml files")
                found.append(Loaded(str(path), None, (nothing,)))
            found += [examine(one) for one in inside]
        elif not path.exists() and path.suffix not in (".yaml", ".yml") and str(path) in catalogue.files(definitions):
            found.append(examine(catalogue.files(definitions)[str(path)]))
        else:
            found.append(examine(path))
    return found


def _paths(paths: Files) -> list[str | Path]:
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _period(system: System, period: str | None) -> Period | None:
    if period is None:
        return None
    try:
        wanted = periods.parse(period)
    except periods.PeriodError as error:
        raise DataError(Diagnostic("K606", str(error), hint=error.hint)) from None
    if wanted.grain is not system.period:
        # A year-to-date name such as 1-9月 means the period it ends with.
        index = wanted.end // system.period.months
        if wanted.start % 12 or (wanted.end + 1) % system.period.months:
            raise DataError(
                Diagnostic("K606", f"{wanted.title} is not a {system.period}", hint="score a whole one, such as 2023Q4")
            )
        wanted = Period.of(index, system.period)
    return wanted


def _system(system: str | Path | System | None, data: Sequence[Source], folder: Path | None, *, partly: bool) -> Loaded:
    """Returns the system that is given, that the data name, or that alone fits them."""
    if isinstance(system, System):
        return Loaded("", system, ())
    if system is not None:
        return catalogue.find(str(system), folder)
    try:
        return _chosen(data, folder, unchecked=True, partly=partly)
    except (Unfit, DefinitionError, pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        # Rows that do not form a table may be why.
        return _chosen(data, folder, unchecked=False, partly=partly)


def _chosen(data: Sequence[Source], folder: Path | None, *, unchecked: bool, partly: bool) -> Loaded:
    """Returns the system that the data name, or that alone fits them; large files may be left unchecked.

    With `partly`, what is wrong with a file that cannot be read is told when all are taken in.
    """
    unread: list[Diagnostic] | None = [] if partly else None
    tables = [table for group in read_all(data, unchecked=unchecked, unread=unread) for table in group]
    if any(table.pieces is not None and systems_named(table) for table in tables):
        raise Unfit
    # To check them all takes as long as to read them all, and only those that may be meant matter.
    drafts = catalogue.drafts(folder)
    named = sorted({text for table in tables for text in systems_named(table)})
    chosen = _usable(one for one in drafts.values() if one.system and any(is_named(one.system, text) for text in named))
    how = "are named in"
    if not chosen:
        chosen, how = _fitting(drafts.values(), tables), "fit"
        if folder is not None and (near := [one for one in chosen if Path(one.file).parent == folder]):
            chosen = near  # what is looked up first is meant before what is shipped
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        known = [name for name, one in drafts.items() if _usable([one])]
        there = f"say which with --system; there is {', '.join(known) or 'none'}"
        hint = next(filter(None, (suggest(text, known) for text in named)), there)
        unknown = f"`{named[0]}`, which the files name, is not a system" if named else "no system fits the files"
        raise DefinitionError(Diagnostic("K206", unknown, hint=hint))
    names = ", ".join(one.system.system for one in chosen if one.system)
    raise DefinitionError(
        Diagnostic("K206", f"several systems {how} the files: {names}", hint="say which with --system")
    )


def _usable(drafts: Iterable[Draft]) -> list[Loaded]:
    """Returns those of some systems that have no errors."""
    return [loaded for one in drafts if (loaded := one.checked()).system]


def _fitting(drafts: Iterable[Draft], tables: Sequence[Table]) -> list[Loaded]:
    """The systems that all tables fit and that know the most of their figures: systems share such as 办件总量."""
    looked_at: dict[tuple[int, str], list[str]] = {}

    def texts(at: int, header: str) -> list[str]:
        if (at, header) not in looked_at:
            looked_at[at, header] = _texts(tables[at], header)
        return looked_at[at, header]

    fit: dict[int, list[Draft]] = {}
    for one in drafts:
        if one.system:
            counts = [fits(one.system, table, partial(texts, at)) for at, table in enumerate(tables)]
            fit.setdefault(sum(counts) if all(counts) else 0, []).append(one)
    return next(filter(None, (_usable(fit[many]) for many in sorted(fit, reverse=True) if many)), [])


def _texts(table: Table, header: str) -> list[str]:
    """Returns the distinct texts of a column; the same look checks the rows of a table that has not been checked."""
    column = pl.selectors.by_name(header).cast(pl.String)
    if table.pieces is None:
        found = table.frame.select(column).group_by(pl.all()).len().collect().to_series()
    else:
        texts = table.pieces.map(lambda piece: piece.scan().select(column).collect().unique())
        found = pl.concat(texts).to_series().unique()
    return found.drop_nulls().to_list()


def fits(system: System, table: Table, texts: Callable[[str], list[str]]) -> int:
    """Returns how many of a table's figures the system knows: 0 where the table is no dataset of it.

    Args:
        system: which.
        table: the table.
        texts: gives the distinct texts of one of its columns.
    """
    source, _ = match(system, table)
    if source is None:
        return 0
    if not isinstance(source.dataset, ReportedData):
        return max(1, len(panel_columns(system, table)))
    names = measure_names(system)
    return sum(clean(text) in names for text in texts(source.roles["measure"]))
