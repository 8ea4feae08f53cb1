"""The panel: all files of a call, read, cleaned and laid out as one complete grid of entities and periods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from kpi import progress
from kpi.datasets import Records, ReportedData
from kpi.errors import DataError, Diagnostic, Place, Severity
from kpi.indicators import Count
from kpi.intake import codes, records, repeats, reported, timing
from kpi.intake import facts as facts_of
from kpi.intake import findings as row_findings
from kpi.intake import own_targets as targets_of
from kpi.intake.cells import Cells, filled, settle, span
from kpi.intake.damage import DamagedError, damage_told
from kpi.intake.entities import Entities, from_data
from kpi.intake.files import Source, content_hash, given_once, read_all
from kpi.intake.grid import Counts, Panel, grid
from kpi.intake.long import Long
from kpi.intake.match import Placed, match, of_system, systems_named
from kpi.intake.pieces import Unfit
from kpi.intake.plain import Coded
from kpi.intake.reached import Anew, Reached, Unreached, proven
from kpi.intake.records import Aggregated, Gathered
from kpi.intake.reported import Figures
from kpi.intake.roster import roster_of
from kpi.intake.table import ROW, Table
from kpi.intake.wide import Wide
from kpi.measures import Reported
from kpi.periods import Period
from kpi.resources import make_sure
from kpi.system import System

#: The bytes that a figure, or an indicator with its score, takes at least for each entity and period: it has a value,
#: a status, and a number of rows or a score.
_CELL = 17


@dataclass
class _Intake:
    """One reading of all files: what is found on the way is kept here."""

    system: System
    period: str | None
    partly: bool = False
    unread: list[Diagnostic] = field(default_factory=list)
    reached: Reached | None = None
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    restated: int = 0
    repeated: int = 0
    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    facts: facts_of.Facts = field(default_factory=facts_of.Facts)
    earlier: pl.DataFrame = field(default_factory=pl.DataFrame)

    def panel(self, tables: Sequence[tuple[Table, str | None]], data_hash: Callable[[], str]) -> Panel:
        sources = self.sources(tables)
        sources = sources if self.reached is None else [self.reached.of(source) for source in sources]
        wholes = facts_of.wholes(self.system)
        roster = roster_of(self.system)
        roster = replace(roster, wholes=wholes) if roster is not None else None
        apart = {
            number: (Long if isinstance(source.dataset, ReportedData) else Wide).of(
                source, self.system, roster, self.period
            )
            for number, source in enumerate(sources)
            if not isinstance(source.dataset, Records)
        }
        events = records.gathered(sources, self.system)
        entities = roster or replace(self.named(sources, apart, events.values()), wholes=wholes)
        figures, cells, targets = self.figures(sources, entities, apart, events)
        for source in sources:
            self.findings += codes.disagreements(source, entities)
        # Units that are no entities stand behind them, and are no rows of the grid.
        number, every = len(entities.names), figures
        figures, targets = (
            frame.filter(pl.col("entity") < number) if frame.height else frame for frame in (figures, targets)
        )
        there = figures.height > 0 or cells is not None
        passed = sum(one.passed_over for one in apart.values())
        if self.reached is not None:
            passed += self.reached.passed_over
            if passed:
                self.reached.prove(*(span(figures, cells) if there else (0, -1)))
        if not there:
            # With nothing usable there is no period to score: the findings say why.
            errors = [one for one in self.findings if one.severity is Severity.ERROR]
            raise DataError(
                errors
                or [Diagnostic("K550", "the files hold no figure that can be used", Place(sources[0].table.file))]
            )
        first, last = span(figures, cells)
        many, size = len(entities.names) * (last - first + 1), _CELL * len(self.system.symbols)
        words = f"{Period.of(first, self.system.period).label} to {Period.of(last, self.system.period).label}"
        make_sure(many * size, f"a panel of {len(entities.names):,} entities from {words}")
        with progress.stage("laying out the panel"):
            measures = [name for name, measure in self.system.measures.items() if measure.per is None]
            frame = filled(grid(self.system, entities, first, last), measures, figures, cells)
            frame = self.counted(frame, figures)
        frame, more = targets_of.add(frame, self.system, targets, entities)
        self.findings += more
        frame = frame.with_columns(
            self.facts.columns(frame, self.system) + facts_of.of_wholes(frame, every, self.system, number)
        )
        self.findings += self.facts.findings
        grain = self.system.period
        return Panel(
            frame,
            entities,
            tuple(Period.of(index, grain) for index in range(first, last + 1)),
            tuple(self.findings),
            Counts(self.read, self.refused, self.restated, self.repeated, passed),
            data_hash(),
            tuple(source.table.file for source in sources),
            self.notes,
            self.facts.reporters(self.system),
            repeats.superseded(self.earlier, sources, self.system, entities),
            len(
                {(one.place.file, one.place.sheet) for one in self.unread}
                - {(source.table.file, source.table.sheet) for source in sources}
            ),
        )

    # ---- WHO AND WHICH ---- #

    def sources(self, tables: Sequence[tuple[Table, str | None]]) -> list[Placed]:
        sources, lost = [], []
        for whole, name in tables:
            if whole.pieces is not None and systems_named(whole):
                raise Unfit
            table, others = of_system(self.system, whole)
            self.findings += [*whole.notes, *others]
            source, notes = match(self.system, table, name=name)
            if source is None:
                lost += notes
            else:
                if table.pieces is not None and isinstance(source.dataset, Records):
                    raise Unfit
                sources.append(source)
                self.read += table.refused
                self.refused += table.refused
                self.findings += notes
        if lost and not (self.partly and sources and all(one.code == "K541" for one in lost)):
            raise DataError([*self.unread, *lost])
        self.unread += lost
        self.findings += self.unread
        return sources

    def named(self, sources: Sequence[Placed], apart: Mapping[int, Coded], events: Iterable[Gathered]) -> Entities:
        """The entities that the data name."""
        names = {text for one in events for text in one.texts()}
        cohorts: dict[str, str] = {}
        names.update(name for one in apart.values() for name in one.names)
        for source in sources:
            whole = source.table.whole or source.table
            if source.table.whole is not None and source.table.pieces is None:
                # Who is named is there in every period.
                who = whole.raw.select(pl.col(source.who).cast(pl.String).unique()).collect(engine="streaming")
                names.update(who.to_series().str.strip_chars().drop_nulls())
            group = (
                self.system.ranking.cohort
                if self.system.ranking.cohort in source.table.columns
                else source.roles.get("cohort")
            )
            if group is not None and group in source.table.columns:
                pairs = whole.frame.select(pl.col(source.who).cast(pl.String), pl.col(group).cast(pl.String))
                for name, cohort in pairs.drop_nulls().unique().sort(pl.all()).collect().rows():
                    if cohorts.setdefault(name.strip(), cohort) != cohort:
                        message = f"{name} is in two groups, {cohorts[name.strip()]} and {cohort}; the first is used"
                        self.findings.append(
                            Diagnostic("K607", message, source.table.place(None, group), None, Severity.WARNING)
                        )
        return from_data(sorted(names - set(facts_of.wholes(self.system))), cohorts)

    # ---- FIGURES ---- #

    def figures(
        self, sources: Sequence[Placed], entities: Entities, apart: Mapping[int, Coded], events: Mapping[str, Gathered]
    ) -> tuple[pl.DataFrame, Cells | None, pl.DataFrame]:
        parts: list[pl.DataFrame] = []
        rows: list[pl.DataFrame] = []
        targets: list[pl.DataFrame] = []
        for number, source in enumerate(sources):
            if isinstance(source.dataset, Records):
                continue
            with progress.stage(f"cleaning {source.table.file}"):
                made = reported.clean_rows(source, number, self.system, entities, self.period, apart=apart.get(number))
                self.facts.take(source, self.system, entities, self.period)
            rows.append(made.rows)
            targets += [made.targets] if made.targets.height else []
            self.notes |= made.notes
            self.found(made)
        for name, some in events.items():
            with progress.stage(f"measuring {name}"):
                counted = some.measured(entities)
            parts.append(counted.figures)
            self.found(counted)
        cells = None
        if rows:
            measures, grain = list(self.system.measures), self.system.period
            plain = [one for number, some in apart.items() for one in some.numbered(number, entities)]
            cells, others = settle(plain, pl.concat(rows), measures, len(entities.names), grain)
            parts.append(self.timed(others, sources, alone=cells is None))
        merged = pl.concat([pl.DataFrame(schema=timing.FIGURES), *(part for part in parts if part.height)])
        return merged, cells, pl.concat(targets, how="vertical_relaxed") if targets else pl.DataFrame()

    def found(self, made: Aggregated | Figures) -> None:
        self.findings += made.findings
        self.read += made.read
        self.refused += made.refused
        if isinstance(made, Aggregated):
            self.repeated += made.repeated
            self.restated += made.restated

    def timed(self, rows: pl.DataFrame, sources: Sequence[Placed], *, alone: bool) -> pl.DataFrame:
        """The figures per scored period of clean rows; `alone` says that there are no others."""
        grain = self.system.period
        if alone and timing.labels_by_end(rows, grain):
            if self.reached is not None and not self.reached.by_end:
                raise Unreached
            rows = rows.with_columns(
                start=pl.col("start") + 1 - grain.months, months=pl.lit(grain.months, dtype=pl.Int32)
            )
            message = f"every figure is for a month that ends a {grain}; the months are read as names of the {grain}s"
            self.findings.append(Diagnostic("K620", message, severity=Severity.INFO))
        kept, twice, self.earlier = timing.newest(rows)
        self.restated += self.earlier.height
        found = repeats.told(twice, sources, self.system)
        self.findings += found.findings
        self.repeated += found.repeated
        self.refused += found.refused
        names = {name: one.timing for name, one in self.system.measures.items() if isinstance(one, Reported)}
        figures, coarse = timing.to_scored(kept, names, grain)
        for number, source in enumerate(sources):
            # A row refused before stands in for the figure it would have been: it was told and counted then.
            mine = coarse.filter((pl.col("source") == number) & ~timing.refused()).rename({"row": ROW})
            if mine.height:
                self.refused += mine.height
                self.findings += row_findings.of_rows(source.table, mine, source.roles.get("period"), self.too_coarse)
        return figures

    def too_coarse(self, row: dict[str, object]) -> tuple[str, str, str | None]:
        period = Period(int(str(row["start"])), int(str(row["months"])))
        grain = self.system.period
        return "K609", f"{period.title} is longer than a {grain} and does not begin in January", f"report it by {grain}"

    # ---- THE GRID ---- #

    def counted(self, grid: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
        """Adds `name.passed` and `name.units` for indicators that count finer units against a threshold."""
        for name, indicator in self.system.indicators.items():
            if not isinstance(indicator, Count):
                continue
            mine = figures.filter(
                (pl.col("measure") == indicator.of)
                & pl.col("per").is_not_null()
                & (pl.col("value").is_not_null() | timing.refused())
            )
            passed = mine.group_by("entity", "period").agg(
                indicator.test(self.system.symbols).expr.sum().cast(pl.Float64).alias(f"{name}.passed"),
                pl.col("value").count().cast(pl.Float64).alias(f"{name}.units"),
                timing.refused().any().alias(f"{name}.refused"),
            )
            grid = grid.join(passed, on=["entity", "period"], how="left", maintain_order="left")
        return grid


def take_in(
    system: System, data: Sequence[Source], *, named: Mapping[str, Sequence[Source]] | None = None,
    period: str | None = None, data_hash: str | None = None, partly: bool = False,
    reached: Anew | None = None,
) -> Panel:  # fmt: skip
    """Reads files and frames into a panel.

    Args:
        system: the system whose datasets they are.
        data: files and frames matched to datasets by their columns.
        named: files and frames whose dataset the caller names.
        period: the period of all rows, for data without a period column.
        data_hash: that of all contents as `content_hash` makes it, where it is known.
        partly: files that cannot be read or placed are findings of the panel, if others can.
        reached: makes what tells which rows a period can be scored from; the panel then holds what that needs.

    Raises:
        DataError: when a file cannot be read or placed, or nothing in the files can be used. Bad rows do not raise:
            they are findings of the panel.
    """
    wanted: list[tuple[Source, str | None]] = [(source, None) for source in data]
    wanted += [(source, name) for name, some in (named or {}).items() for source in some]
    wanted, twice = given_once(wanted)
    sources = [source for source, _ in wanted]

    lost: list[Diagnostic] = []

    def taken(*, unchecked: bool, reached: Reached | None) -> Panel:
        unread = [*lost] if partly else None
        found = read_all([source for source, _ in wanted], unchecked=unchecked, unread=unread)
        tables = [(table, name) for (_, name), group in zip(wanted, found, strict=True) for table in group]
        return _Intake(system, period, partly, unread or [], reached, [*twice]).panel(tables, hashed)

    def fitting(anew: Anew | None) -> Panel:
        with damage_told(sources):
            try:
                return taken(unchecked=True, reached=anew and anew())
            except Unfit:
                return taken(unchecked=False, reached=anew and anew())

    # The hash is made beside the reading: it reads the same bytes and has nothing else to do with them.
    with ThreadPoolExecutor(1, "hash") as pool:
        hashed = pool.submit(content_hash, sources).result if data_hash is None else lambda: data_hash
        try:
            return proven(fitting, reached)
        except DamagedError as error:
            left = [(some, name) for source, name in wanted for some in error.without(source)]
            if not (partly and left):
                raise
            wanted, lost = left, [*error.diagnostics]
            return proven(fitting, reached)
