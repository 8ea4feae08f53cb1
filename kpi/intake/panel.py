"""The panel: all files of a call, read, cleaned and laid out as one complete grid of entities and periods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake import row_findings, undeclared_totals
from kpi.intake.absent_measures import absent
from kpi.intake.aggregate_rows import Exclusions, by_name
from kpi.intake.contradicting_spans import contradictions
from kpi.intake.entities import BESIDE, Entities, from_data
from kpi.intake.events import records
from kpi.intake.events.records import Aggregated, Gathered
from kpi.intake.files.damage import DamagedError, damage_told, unchanged
from kpi.intake.files.headers import CATEGORIES, clean
from kpi.intake.files.merged_cells import apart as apart_merged
from kpi.intake.files.pieces import Unfit
from kpi.intake.files.reader import Source, content_hash, given_once, read_all
from kpi.intake.files.table import ROW, Table
from kpi.intake.grid import Counts, Panel, grid
from kpi.intake.matching import entity_codes
from kpi.intake.matching.datasets import (
    UNPLACED,
    Placed,
    figure_columns,
    match,
    of_system,
    systems_named,
    unreadable_columns,
)
from kpi.intake.matching.key_columns import keyed
from kpi.intake.reported import cumulative_headings, duplicates, period_aggregation, row_cleaning
from kpi.intake.reported import entity_targets as targets_of
from kpi.intake.reported import figure_facts as facts_of
from kpi.intake.reported.cell_placement import Cells, filled, settle, span
from kpi.intake.reported.fast_long import Long
from kpi.intake.reported.fast_wide import Wide
from kpi.intake.reported.fractions import fractions
from kpi.intake.reported.lookups import names_of
from kpi.intake.reported.plain_rows import Coded
from kpi.intake.reported.row_cleaning import Figures
from kpi.intake.reported.row_pruning import Anew, Reached, Unreached, proven
from kpi.intake.roster import roster_of
from kpi.intake.rows_left_out import figureless_note
from kpi.intake.shapes.tables import shaped
from kpi.intake.succession import Areas, Succession, succession_of
from kpi.language.datasets import Records, ReportedData
from kpi.language.indicators import Count
from kpi.language.measures import Reported
from kpi.language.system import System
from kpi.process import progress
from kpi.process.limits import make_sure
from kpi.values.columns import Column
from kpi.values.periods import Period

#: The bytes that a figure, or an indicator with its score, takes at least for each entity and period: it has a value,
#: a status, and a number of rows or a score.
_CELL = 17

# The notes on rows that are about no unit, which say why nothing may be left.
_LEFT_OUT = ("K612", "K614", "K615")


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
    left_out: int = 0
    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    facts: facts_of.Facts = field(default_factory=facts_of.Facts)
    beside: entity_codes.Beside = field(default_factory=entity_codes.Beside)
    earlier: pl.DataFrame = field(default_factory=pl.DataFrame)
    succession: Succession | None = None
    areas: Areas | None = None

    def panel(self, tables: Sequence[tuple[Table, str | None]], data_hash: Callable[[], str]) -> Panel:
        sources = self.sources(tables)
        sources = sources if self.reached is None else [self.reached.of(source) for source in sources]
        wholes = facts_of.wholes(self.system)
        roster = self.listed(wholes)
        exclusions = Exclusions.of(self.system, self.units_of_tables(sources))
        nobody = replace(from_data([]), wholes=wholes, exclusions=exclusions)
        sources = self.identified(sources, roster, nobody)
        known: Mapping[str, Sequence[str]] = {}
        if roster is None:
            known = self.beside.named(nobody)
            self.findings += entity_codes.renamed(known, self.beside.sources.values())
            nobody = replace(nobody, ambiguous=from_data([], known).ambiguous)
        apart = {
            number: (Long if isinstance(source.dataset, ReportedData) else Wide).of(
                source, self.system, roster or nobody, self.period
            )
            for number, source in enumerate(sources)
            if not isinstance(source.dataset, Records)
        }
        events = records.gathered(sources, self.system)
        entities = roster or self.named(sources, apart, events.values(), nobody, known)
        figures, cells, targets, entities = self.figures(sources, entities, apart, events)
        self.findings += self.beside.findings
        for number, pairs in self.beside.pairs.items() if roster is not None else ():
            self.findings += entity_codes.disagreements(self.beside.sources[number], pairs, entities)
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
            nothing = Diagnostic(
                "K550", Message("the files hold no figure that can be used"), Place(sources[0].table.file)
            )
            raise DataError(errors or [nothing, *(one for one in self.findings if one.code in _LEFT_OUT)])
        first, last = span(figures, cells)
        many, size = len(entities.names) * (last - first + 1), _CELL * len(self.system.symbols)
        words = f"{Period.of(first, self.system.period).label} to {Period.of(last, self.system.period).label}"
        make_sure(many * size, f"a panel of {len(entities.names):,} entities from {words}")
        with progress.stage("laying out the panel"):
            measures = [name for name, measure in self.system.measures.items() if measure.per is None]
            frame = filled(grid(self.system, entities, first, last), measures, figures, cells)
            frame = self.counted(frame, figures if self.areas is None else self.areas.finer(figures))
        if roster is None:
            self.findings += undeclared_totals.unnamed(frame, entities, self.system)
        reporting = entities
        if self.areas is not None:
            frame, entities, every, targets = self.brought(self.areas, frame, entities, every, targets)
            number = len(entities.names)
        frame, more = targets_of.add(frame, self.system, targets, entities)
        self.findings += more
        self.findings += fractions(frame, self.system, entities, sources)
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
            Counts(self.read, self.refused, self.restated, self.repeated, passed, self.left_out),
            data_hash(),
            tuple(source.table.file for source in sources),
            self.notes,
            self.facts.reporters(self.system),
            duplicates.superseded(self.earlier, sources, self.system, reporting),
            len(
                {(one.place.file, one.place.sheet) for one in self.unread}
                - {(source.table.file, source.table.sheet) for source in sources}
            ),
            absent(self.system, sources, frame, self.findings),
        )

    def units_of_tables(self, sources: Sequence[Placed]) -> list[str]:
        """Return the entities of tables that are about one each, such as 全国, where all tables are such."""
        named = [source.table.of_one for source in sources]
        return [name for name in named if name is not None] if all(named) else []

    def listed(self, wholes: Sequence[str]) -> Entities | None:
        """Return the entities of the roster and the wholes behind them, None without one; read what succeeds what."""
        roster = roster_of(self.system)
        self.succession = succession_of(self.system)
        if self.succession is not None:
            self.findings += self.succession.within()
            if roster is not None:
                roster = self.succession.apart(roster)
                self.succession.steps(roster)
        return replace(roster, wholes=wholes) if roster is not None else None

    def brought(
        self, areas: Areas, frame: pl.DataFrame, entities: Entities, every: pl.DataFrame, targets: pl.DataFrame
    ) -> tuple[pl.DataFrame, Entities, pl.DataFrame, pl.DataFrame]:
        """Return panel, entities, figures and targets on the areas of today, without units that are none any more."""
        frame = areas.brought(frame)
        self.findings += areas.findings
        self.refused += areas.unused
        places = areas.moved()

        def moved(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.with_columns(places.gather(rows["entity"]).alias("entity")).drop_nulls("entity")

        if targets.height:
            of_old = sorted({entities.names[place] for place in targets["entity"] if place in areas.ended})
            if of_old:
                message = Message(
                    "the targets of {of_old} are not used: these are no units any more", of_old="、".join(of_old)
                )
                hint = Message("give the target of the new unit")
                self.findings.append(Diagnostic("K646", message, Place(None), hint, Severity.WARNING))
            targets = moved(targets)
        now = dict(enumerate(places.to_list()))
        self.notes = {
            (name, who, at): text for (name, old, at), text in self.notes.items() if (who := now[old]) is not None
        }
        self.facts.rows = [moved(rows) for rows in self.facts.rows]
        return frame, entities.without(areas.ended), moved(every) if every.height else every, targets

    # ---- WHO AND WHICH ---- #

    def sources(self, tables: Sequence[tuple[Table, str | None]]) -> list[Placed]:
        sources, lost = [], []
        for whole, name in tables:
            if whole.pieces is not None and systems_named(whole):
                raise Unfit
            table, others = of_system(self.system, whole)
            self.findings += [*whole.notes, *others]
            shape, notes = shaped(self.system, table, name)
            source, more = (None, []) if shape is None else match(self.system, shape, name=name)
            notes = [*notes, *more]
            notes = [*notes, *(unreadable_columns(source, self.system) if source is not None else ())]
            if source is None or any(one.code == "K554" for one in notes):
                lost += [one for one in notes if one.severity is Severity.ERROR]
            else:
                if source.table.pieces is not None and isinstance(source.dataset, Records):
                    raise Unfit
                source, more = keyed(source, self.system)
                merged = apart_merged(source.table, figure_columns(self.system, source))
                sources.append(replace(source, table=merged))
                notes = [*notes, *more]
                self.read += table.refused
                self.refused += table.refused
                self.findings += notes
        if lost and not (self.partly and sources and all(one.code in UNPLACED for one in lost)):
            raise DataError([*self.unread, *lost])
        self.unread += lost
        self.findings += self.unread
        return sources

    def identified(self, sources: Sequence[Placed], roster: Entities | None, nobody: Entities) -> list[Placed]:
        """The tables with the columns that tell whom their rows are about."""
        try:
            return self.beside.of(sources, roster, nobody)
        except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
            if all(source.table.pieces is None for source in sources):
                raise
            raise Unfit from error

    def named(
        self, sources: Sequence[Placed], apart: Mapping[int, Coded], events: Iterable[Gathered], nobody: Entities,
        known: Mapping[str, Sequence[str]],
    ) -> Entities:  # fmt: skip
        """Whom the data name, also those who may prove to have no figure; `nobody` tells which names are no unit's.

        `known` are the codes with their names.
        """
        texts = {text for one in events for text in one.units()}
        texts.update(name for one in apart.values() for name in one.names)
        for source in sources:
            if source.table.whole is not None and source.table.pieces is None:
                # Who is named is there in every period.
                who = source.table.whole.raw.select(entity_codes.who(source).alias("who").unique()).collect(
                    engine="streaming"
                )
                own = who["who"].str.strip_chars().drop_nulls()
                texts.update(
                    text for text in own if not entity_codes.repeats_heading(source, text.rpartition(BESIDE)[2])
                )
        texts.update(() if self.succession is None else self.succession.units)
        behind = {clean(name) for name in nobody.wholes}
        names = {
            text for text in texts
            if BESIDE not in text and clean(text) and clean(text) not in behind and not nobody.excluded(text)
        }  # fmt: skip
        return replace(from_data(names, known), wholes=nobody.wholes, exclusions=nobody.exclusions)

    def figureless(
        self, sources: Sequence[Placed], entities: Entities, apart: Mapping[int, Coded], events: Iterable[Gathered],
        units: set[int],
    ) -> set[int]:  # fmt: skip
        """The places of those who have no figure anywhere, not even one that is refused or marked as missing.

        Headings and remarks in the column of names look so. `units` have a row that is not plain, and is no heading.
        """
        lacking = {place for place, name in enumerate(entities.names) if not entities.exclusions.kept(name)} - units
        lacking -= set(() if self.succession is None else entities.resolve(self.succession.units).values())
        for some in events:
            lacking -= set(entities.resolve(some.units()).values())
        for one in apart.values():
            lacking -= one.units(entities, lacking)
        for source in sources if lacking else ():
            lacking -= self.passed_over_units(source, entities)
        return lacking

    def passed_over_units(self, source: Placed, entities: Entities) -> set[int]:
        """The places of those who have a row for another period than those that are read."""
        table = source.table
        if table.whole is None or table.only is None:
            return set()
        there: pl.Expr = pl.lit(value=True)
        if isinstance(source.dataset, ReportedData):
            measure, names = entity_codes.text_of(source.roles["measure"]), names_of(self.system)
            texts = table.whole.raw.select(measure.alias("text").unique()).collect().to_series().drop_nulls()
            known = pl.Series([text for text in texts if clean(text) in names], dtype=pl.String)
            there = measure.is_in(known.implode()).fill_null(value=False)
        rows = table.whole.raw.filter(~table.only & there).select(entity_codes.who(source).alias("who"))
        texts = rows.unique().collect(engine="streaming").to_series().drop_nulls()
        return set(entities.resolve(texts.str.strip_chars()).values())

    def without(
        self, lacking: set[int], sources: Sequence[Placed], entities: Entities, rows: list[pl.DataFrame],
        targets: list[pl.DataFrame],
    ) -> tuple[Entities, list[pl.DataFrame], list[pl.DataFrame]]:  # fmt: skip
        """Takes those who have no figure out of the entities, and out of everything that names them by their places."""
        for number, source in enumerate(sources):
            theirs = pl.concat(rows).filter((pl.col("source") == number) & pl.col("entity").is_in(lacking))
            self.left_out += theirs.height
            if theirs.height:
                named = [(entities.names[place], row) for place, row in theirs.select("entity", "row").rows()]
                self.findings.append(figureless_note(source, by_name(named), closed=False))
        fewer = entities.without(lacking)
        kept = [place for place in range(len(entities.every)) if place not in lacking]
        now = dict(zip(kept, range(len(kept)), strict=True))
        places = pl.Series([now.get(place) for place in range(len(entities.every))], dtype=pl.UInt32)

        def moved(frame: pl.DataFrame) -> pl.DataFrame:
            return frame.with_columns(places.gather(frame["entity"]).alias("entity")).drop_nulls("entity")

        self.notes = {(name, now[who], at): text for (name, who, at), text in self.notes.items() if who in now}
        self.facts.rows = [moved(one) for one in self.facts.rows]
        return fewer, [moved(one) for one in rows], [moved(one) for one in targets]

    def grouped(self, sources: Sequence[Placed], entities: Entities) -> Entities:
        """The entities with the groups that the data give them."""
        cohorts: dict[int, str] = {}
        for source in sources:
            group = self.group_of(source)
            if group is None:
                self.findings = self.ungrouped(source, entities)
                continue
            for place, cohort in self.groups(source, group, entities):
                if cohorts.setdefault(place, cohort) != cohort:
                    name = entities.names[place]
                    message = Message(
                        "{name} is in two groups, {cohorts} and {cohort}; the first is used",
                        name=name,
                        cohorts=cohorts[place],
                        cohort=cohort,
                    )
                    where = source.table.place(None, group)
                    self.findings.append(Diagnostic("K607", message, where, None, Severity.WARNING))
        own = pl.Series([cohorts.get(place) for place in range(len(entities.names))], dtype=pl.String)
        return replace(entities, frame=entities.frame.with_columns(cohort=own))

    def groups(self, source: Placed, header: str, entities: Entities) -> list[tuple[int, str]]:
        """What a column says beside each entity, given by its place."""
        whole = source.table.whole or source.table
        pairs = (
            whole.frame.select(who=entity_codes.who(source), group=entity_codes.text_of(header)).drop_nulls().unique()
        )
        rows = pairs.sort(pl.all()).collect().rows()
        meant = entities.resolve({text for text, _ in rows})
        found = [(place, group) for text, group in rows if (place := meant.get(text)) is not None]
        return [(place, group) for place, group in found if place < len(entities.names)]

    def ungrouped(self, source: Placed, entities: Entities) -> list[Diagnostic]:
        """The findings with a note on a column such as 类别 that might group the entities: one value beside each.

        It takes the place of the note that the column names no measure.
        """
        found = self.findings
        for header in () if isinstance(source.dataset, Records) else source.table.columns:
            if header.casefold() not in CATEGORIES or header in source.roles.values():
                continue
            own = set(self.groups(source, header, entities))
            if len({group for _, group in own}) > 1 and len({place for place, _ in own}) == len(own):
                message = Message(
                    "column `{header}` does not group the entities: all are ranked together", header=header
                )
                hint = Message("if it groups them, write `ranking: {{cohort: {header}}}`", header=header)
                place = source.table.place(None, header)
                found = [one for one in found if (one.code, one.place) != ("K528", place)]
                found.append(Diagnostic("K530", message, place, hint, Severity.INFO))
        return found

    def group_of(self, source: Placed) -> str | None:
        """The header of a table's column of groups; in events, whose columns are about events, a declared one only."""
        columns = source.table.columns
        if self.system.ranking.cohort in columns:
            return self.system.ranking.cohort
        declared = source.dataset.headers.get("cohort")
        events = isinstance(source.dataset, Records)
        found = (clean(declared) if declared else None) if events else source.roles.get("cohort")
        return found if found in columns else None

    # ---- FIGURES ---- #

    def figures(
        self, sources: Sequence[Placed], entities: Entities, apart: Mapping[int, Coded], events: Mapping[str, Gathered]
    ) -> tuple[pl.DataFrame, Cells | None, pl.DataFrame, Entities]:
        parts: list[pl.DataFrame] = []
        rows: list[pl.DataFrame] = []
        targets: list[pl.DataFrame] = []
        units: set[int] = set()
        for number, source in enumerate(sources):
            if isinstance(source.dataset, Records):
                continue
            with progress.stage(f"cleaning {source.table.file}"):
                made = row_cleaning.clean_rows(
                    source, number, self.system, entities, self.period, apart=apart.get(number)
                )
                self.facts.take(source, self.system, entities, self.period)
            rows.append(made.rows)
            if said := cumulative_headings.undeclared(source, self.system):
                plain = apart[number].plain if number in apart else []
                labelled = cumulative_headings.within_the_year(made.rows, plain, self.system)
                self.findings += cumulative_headings.told(source, said, labelled, self.system)
            targets += [made.targets] if made.targets.height else []
            units |= made.units
            self.notes |= made.notes
            self.found(made)
        if not entities.closed:
            lacking = self.figureless(sources, entities, apart, events.values(), units)
            if lacking:
                entities, rows, targets = self.without(lacking, sources, entities, rows, targets)
            entities = self.grouped(sources, entities)
        if self.succession is not None:
            self.areas = Areas(self.succession, self.succession.steps(entities), entities, self.system.measures)
        unions = None if self.areas is None else self.areas.unions
        ended = {} if self.areas is None else {old: step.start for old, step in self.areas.ended.items()}
        for name, some in events.items():
            with progress.stage(f"measuring {name}"):
                counted = some.measured(entities, unions=unions, ended=ended)
            parts.append(counted.figures)
            self.found(counted)
        cells = None
        if rows:
            measures, grain = list(self.system.measures), self.system.period
            plain = [one for number, some in apart.items() for one in some.numbered(number, entities)]
            cells, others = settle(plain, pl.concat(rows), measures, len(entities.names), grain)
            parts.append(self.timed(others, sources, entities, alone=cells is None))
        merged = pl.concat([pl.DataFrame(schema=period_aggregation.FIGURES), *(part for part in parts if part.height)])
        stated = pl.concat(targets, how="vertical_relaxed") if targets else pl.DataFrame()
        return merged, cells, stated, entities

    def found(self, made: Aggregated | Figures) -> None:
        self.findings += made.findings
        self.read += made.read
        self.refused += made.refused
        self.left_out += made.left_out
        if isinstance(made, Aggregated):
            self.repeated += made.repeated
            self.restated += made.restated

    def timed(self, rows: pl.DataFrame, sources: Sequence[Placed], entities: Entities, *, alone: bool) -> pl.DataFrame:
        """The figures per scored period of clean rows; `alone` says that there are no others."""
        grain = self.system.period
        measures = {name: one for name, one in self.system.measures.items() if isinstance(one, Reported)}
        running = [name for name, one in measures.items() if one.from_january]
        others = rows.filter(~pl.col("measure").is_in(running)) if running else rows
        if alone and others.height and period_aggregation.labels_by_end(rows, grain):
            if self.reached is not None and not self.reached.by_end:
                raise Unreached
            rows = rows.with_columns(
                start=pl.col("start") + 1 - grain.months, months=pl.lit(grain.months, dtype=pl.Int32)
            )
            message = Message(
                "every figure is for a month that ends a {grain}; the months are read as names of the {grain}s",
                grain=grain,
            )
            self.findings.append(Diagnostic("K620", message, severity=Severity.INFO))
        kept, twice, self.earlier = period_aggregation.newest(period_aggregation.from_january(rows, running))
        self.restated += self.earlier.height
        found = duplicates.told(twice, sources, self.system)
        self.findings += found.findings
        self.repeated += found.repeated
        self.refused += found.refused
        timings = {name: one.timing for name, one in measures.items()}
        enough = {name: one.at_least for name, one in measures.items() if one.at_least is not None}
        figures, coarse = period_aggregation.to_scored(kept, timings, grain, enough)
        usable = kept if not coarse.height else kept.join(coarse, on=["source", "row", "measure"], how="anti")
        self.findings += contradictions(usable, timings, self.system, entities, sources)
        for number, source in enumerate(sources):
            # A row refused before stands in for the figure it would have been: it was told and counted then.
            mine = coarse.filter((pl.col("source") == number) & ~period_aggregation.refused()).rename({"row": ROW})
            if mine.height:
                self.refused += mine.height
                self.findings += row_findings.of_rows(source.table, mine, source.roles.get("period"), self.too_coarse)
        return figures

    def too_coarse(self, row: dict[str, object]) -> tuple[str, str, str | None]:
        period, grain = Period(int(str(row["start"])), int(str(row["months"]))), self.system.period
        why = "does not begin in January"
        if row["to_date"]:
            symbol = self.system.symbols[str(row["measure"])]
            why = f"{symbol.title} is taken from figures within the {grain}"
        return "K609", f"{period.title} is longer than a {grain} and {why}", f"report it by {grain}"

    # ---- THE GRID ---- #

    def counted(self, grid: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
        """Adds `name.passed` and `name.units` for indicators that count finer units against a threshold."""
        for name, indicator in self.system.indicators.items():
            if not isinstance(indicator, Count):
                continue
            mine = figures.filter(
                (pl.col("measure") == indicator.of)
                & pl.col("per").is_not_null()
                & (pl.col("value").is_not_null() | period_aggregation.refused())
            )
            passed = mine.group_by("entity", "period").agg(
                indicator.test(self.system.symbols).expr.sum().cast(pl.Float64).alias(Column(name).passed),
                pl.col("value").count().cast(pl.Float64).alias(Column(name).units),
                period_aggregation.refused().any().alias(Column(name).refused),
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
    if system.entities.succession is not None:
        # Whether a unit was there before it received another depends on all periods.
        reached = None
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
    with unchanged(sources), ThreadPoolExecutor(1, "hash") as pool:
        hashed = pool.submit(content_hash, sources).result if data_hash is None else lambda: data_hash
        try:
            return proven(fitting, reached)
        except DamagedError as error:
            left = [(some, name) for source, name in wanted for some in error.without(source)]
            if not (partly and left):
                raise
            wanted, lost = left, [*error.diagnostics]
            if data_hash is None and any(one.code == "K549" for one in lost):
                # What cannot be read has no hash.
                hashed = pool.submit(content_hash, [source for source, _ in left]).result
            return proven(fitting, reached)
