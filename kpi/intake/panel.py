"""The panel: all files of a call, read, cleaned and laid out as one complete grid of entities and periods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property, partial
from itertools import chain

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake import (
    alternating_names,
    assumed_years,
    days_as_periods,
    entity_classes,
    named_units,
    near_names,
    near_totals,
    parts_of_year,
    row_findings,
    undeclared_totals,
)
from kpi.intake.absent_measures import absent
from kpi.intake.aggregate_rows import Exclusions, by_name
from kpi.intake.blank_cohorts import blank_cohorts
from kpi.intake.cells.text_folding import as_names
from kpi.intake.contradicting_spans import contradictions
from kpi.intake.entities import BESIDE, Entities, from_data, nobody
from kpi.intake.events import records
from kpi.intake.events.records import Aggregated, Gathered
from kpi.intake.files.contents import content_hash, given_once
from kpi.intake.files.damage import DamagedError, damage_reported, unchanged
from kpi.intake.files.headers import CATEGORIES, clean
from kpi.intake.files.merged_cells import apart as apart_merged
from kpi.intake.files.reader import read_all
from kpi.intake.files.remote import Remote
from kpi.intake.files.sources import Source
from kpi.intake.files.table import ROW, Table
from kpi.intake.finer_facts import FinerFacts, finer_facts, with_facts
from kpi.intake.finer_figures import of_finer_periods
from kpi.intake.grid import Counts, Panel, grid
from kpi.intake.matching import entity_codes
from kpi.intake.matching.datasets import (
    UNPLACED,
    Placed,
    choices_of,
    conditions_by_unit,
    figure_columns,
    match,
    of_system,
    refused_columns,
    systems_named,
    unreadable_columns,
    with_conditions,
)
from kpi.intake.matching.date_order import ordered
from kpi.intake.matching.dates_beside import dates_beside
from kpi.intake.matching.key_columns import keyed
from kpi.intake.matching.labels import by_labels
from kpi.intake.matching.other_decimals import beside_commas
from kpi.intake.matching.sheets import header_unused, is_aside, sheet_aside
from kpi.intake.matching.units_beside import units_beside
from kpi.intake.near_cohorts import near_cohorts
from kpi.intake.nested_units import nested
from kpi.intake.regions import beside_places, doubtful
from kpi.intake.reported import cumulative_headings, duplicates, period_aggregation, row_cleaning
from kpi.intake.reported import entity_targets as targets_of
from kpi.intake.reported import figure_facts as facts_of
from kpi.intake.reported.added_levels import added_levels
from kpi.intake.reported.cell_placement import Cells, filled, settle, span
from kpi.intake.reported.fast_long import Long
from kpi.intake.reported.fast_wide import Wide
from kpi.intake.reported.fractions import fractions
from kpi.intake.reported.lookups import Resolver
from kpi.intake.reported.plain_rows import Coded
from kpi.intake.reported.read_plan import Escalate, Pruning, ReadPlan, settled
from kpi.intake.reported.rising_figures import rising_findings, rising_within
from kpi.intake.reported.row_cleaning import Figures
from kpi.intake.reported.spare_figures import without_spare
from kpi.intake.reported.stated_targets import settled as settled_targets
from kpi.intake.reported.zero_targets import zero_targets
from kpi.intake.roster import roster_of
from kpi.intake.rows_left_out import figureless_note
from kpi.intake.shapes.tables import shaped
from kpi.intake.succession import Areas, Succession, succession_of
from kpi.intake.target_columns import without_column
from kpi.intake.unused_ratings import unused_ratings
from kpi.intake.validity import out_of_time
from kpi.intake.version_numbers import misordered
from kpi.intake.week_53 import without_counterpart
from kpi.language.datasets import Records
from kpi.language.measures import reported
from kpi.language.system import System
from kpi.process import progress
from kpi.process.limits import make_sure, shortage
from kpi.process.prefetch import beside
from kpi.values.periods import Period

#: The bytes that a figure, or an indicator with its score, takes at least for each entity and period: it has a value,
#: a status, and a number of rows or a score.
_CELL = 17

# The most rows of frames that are hashed at once: to start a thread takes longer.
_FEW = 1_000

# From how many rows on reading them keeps the machine busy.
_MOMENT = 200_000

# The notes on rows that are about no unit, which say why nothing may be left.
_LEFT_OUT = ("K612", "K614", "K615")


class _Read(Struct, frozen=True):
    """The result of a reading whose plan is sufficient.

    Attributes:
        sources: the tables, with what their columns are.
        entities: the entities.
        figures: figures per scored period, see `reported.period_aggregation`.
        cells: figures that stand alone.
        targets: the entities' own targets in the data.
        finer: facts about finer units whose figures are not kept.
        passed_over: how many rows, or figures of wide tables, were not read.
    """

    sources: Sequence[Placed]
    entities: Entities
    figures: pl.DataFrame
    cells: Cells | None
    targets: pl.DataFrame
    finer: Sequence[FinerFacts] = ()
    passed_over: int = 0


class _Intake(Struct, dict=True):
    """One reading of all files by a plan, with the findings and counts so far."""

    system: System
    plan: ReadPlan
    period: str | None
    partly: bool = False
    unread: list[Diagnostic] = field(default_factory=list)
    pruning: Pruning | None = None
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    restated: int = 0
    repeated: int = 0
    left_out: int = 0
    by_end: bool = False
    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    facts: facts_of.Facts = field(default_factory=facts_of.Facts)
    earlier: pl.DataFrame = field(default_factory=pl.DataFrame)
    succession: Succession | None = None
    areas: Areas | None = None
    begins: dict[int, int] = field(default_factory=dict)

    @cached_property
    def beside(self) -> entity_codes.Beside:
        """The codes that stand beside names."""
        return entity_codes.Beside(self.system.timeline)

    def read_tables(self, tables: Sequence[tuple[Table, str | None]]) -> _Read | Escalate:
        """Return what the tables hold, or a plan that does more."""
        sources = self.sources(tables)
        if isinstance(sources, Escalate):
            return sources
        sources = sources if self.pruning is None else [self.pruning.of(source) for source in sources]
        wholes = facts_of.wholes(self.system)
        roster = self.listed(wholes)
        exclusions = Exclusions.of(self.system, self.units_of_tables(sources))
        exclusions = replace(exclusions, leave_out=exclusions.leave_out | self.plan.regions)
        none = replace(nobody(), marked={}, wholes=wholes, exclusions=exclusions)
        sources = self.beside.of(sources, roster, none)
        known: Mapping[str, Sequence[str]] = {}
        if roster is None:
            known = self.beside.named(none)
            self.findings += entity_codes.renamed(known, self.beside.sources.values())
            if known:
                none = replace(none, ambiguous=from_data([], known).ambiguous)
        aggregated: Callable[[], dict[str, Gathered]] = partial(records.gathered, sources, self.system)
        if _in_a_moment(sources):
            aggregated = beside(aggregated)
        apart = self.coded(sources, roster or none)
        if isinstance(apart, Escalate):
            return apart
        events = aggregated()
        entities = roster or self.named(sources, apart, events.values(), none, known)
        read = self.figures(sources, entities, apart, events)
        if isinstance(read, Escalate):
            return read
        self.findings += [note for source in sources for note in _fetched(source.table)]
        self.findings += [*self.beside.findings, *assumed_years.assumed(sources, self.system)]
        self.findings += days_as_periods.days(sources, apart, self.system)
        self.findings += parts_of_year.partly(sources, apart, self.system)
        for number, pairs in self.beside.pairs.items() if roster is not None else ():
            self.findings += entity_codes.disagreements(self.beside.sources[number], pairs, read.entities)
        self.findings += entity_codes.footnoted(read.entities)
        passed = sum(coded.passed_over for coded in apart.values())
        if self.pruning is not None:
            passed += self.pruning.passed_over
            figures = read.figures.filter(pl.col("entity") < len(read.entities.names))
            bounds = span(figures, read.cells) if figures.height or read.cells is not None else (0, -1)
            if passed and (more := self.pruning.insufficient(self.plan, *bounds)) is not None:
                return more
        return replace(read, passed_over=passed)

    def panel(self, read: _Read, data_hash: Callable[[], str]) -> Panel:
        """Return the panel of what was read.

        Raises:
            DataError: nothing in the files can be used.
        """
        sources, entities, figures, cells, targets = read.sources, read.entities, read.figures, read.cells, read.targets
        # Units that are no entities stand behind them, and are no rows of the grid.
        number, every = len(entities.names), figures
        figures, targets = (
            frame.filter(pl.col("entity") < number) if frame.height else frame for frame in (figures, targets)
        )
        if not figures.height and cells is None:
            # With nothing usable there is no period to score: the findings say why.
            errors = [finding for finding in self.findings if finding.severity is Severity.ERROR]
            nothing = Diagnostic(
                "K550", Message("the files hold no figure that can be used"), Place(sources[0].table.file)
            )
            raise DataError(errors or [nothing, *(finding for finding in self.findings if finding.code in _LEFT_OUT)])
        first, last = span(figures, cells)
        many, size = len(entities.names) * (last - first + 1), _CELL * len(self.system.symbols)
        panel = Message(
            "a panel of {entities:,} entities from {first} to {last}",
            entities=len(entities.names),
            first=Period.of(first, self.system.period).label,
            last=Period.of(last, self.system.period).label,
        )
        make_sure(many * size, panel)
        with progress.stage(Message("laying out the panel")):
            measures = [name for name, measure in self.system.measures.items() if measure.per is None]
            frame = filled(grid(self.system, entities, first, last), measures, figures, cells)
            finer = figures if self.areas is None else self.areas.finer(figures)
            frame = with_facts(self.system, frame, [finer_facts(self.system, finer), *read.finer])
        self.findings += named_units.unknown(self.system, entities)
        if not entities.closed:
            totals = [*undeclared_totals.unnamed(frame, entities, self.system)]
            totals += near_totals.nearly(frame, entities, self.system, {item.place.entity for item in totals})
            units = () if self.succession is None else self.succession.units
            known = set(entities.resolve(units).values())
            self.findings += [*totals, *near_names.alike(entities)]
            self.findings += alternating_names.alternating(
                frame, entities, self.system, sources, known, partly=read.passed_over > 0
            )
            self.findings += doubtful(entities.names, entities.exclusions)
        self.findings += nested(entities)
        self.findings += [*blank_cohorts(entities, self.system), *near_cohorts(entities, self.system)]
        reporting = entities
        if self.areas is not None:
            frame, entities, every = self.brought(self.areas, frame, entities, every)
            number = len(entities.names)
        areas = None
        if self.areas is not None:
            from kpi.intake.target_areas import TargetAreas

            areas = TargetAreas(self.areas, self.system, self.begins)
        frame, more = targets_of.add(frame, self.system, targets, entities, areas)
        frame, of_classes = entity_classes.add(frame, self.system, entities)
        self.findings += [*of_classes, *unused_ratings(frame, self.system, entities, sources)]
        self.findings += without_counterpart(self.system, first, last)
        self.findings += [*more, *(areas.findings() if areas is not None else ())]
        self.findings += zero_targets(frame, self.system)
        self.findings += fractions(frame, self.system, entities, sources)
        frame, more = out_of_time(frame, entities, self.system)
        self.findings += more
        frame = frame.with_columns(
            self.facts.columns(frame, self.system) + facts_of.aggregate_columns(frame, every, self.system, number)
        )
        self.findings += self.facts.findings
        grain = self.system.period
        return Panel(
            frame,
            entities,
            tuple(Period.of(index, grain) for index in range(first, last + 1)),
            tuple(self.findings),
            Counts(self.read, self.refused, self.restated, self.repeated, read.passed_over, self.left_out),
            data_hash(),
            tuple(source.table.file for source in sources),
            self.notes,
            self.facts.reporters(self.system),
            duplicates.superseded(self.earlier, sources, self.system, reporting),
            len(
                {(finding.place.file, finding.place.sheet) for finding in self.unread}
                - {(source.table.file, source.table.sheet) for source in sources}
            ),
            (
                *absent(self.system, sources, frame, self.findings),
                *without_column(self.system, sources, targets, entities),
            ),
            {} if self.areas is None else self.areas.former(),
            {} if areas is None else areas.renamed(),
        )

    def units_of_tables(self, sources: Sequence[Placed]) -> list[str]:
        """Return the entities of tables that are about one each, such as 全国, where all tables are such."""
        named = [source.table.of_one for source in sources]
        return [name for name in named if name is not None] if all(named) else []

    def listed(self, wholes: Sequence[str]) -> Entities | None:
        """Return the entities of the roster and the wholes behind them, None without one; read what succeeds what."""
        roster = roster_of(self.system)
        self.succession = succession_of(self.system)
        self.findings += assumed_years.of_roster(self.system)
        if self.succession is not None:
            self.findings += self.succession.within()
            if roster is not None:
                roster = self.succession.apart(roster)
                # When they begin and end says the table.
                reported = set(roster.resolve(self.succession.units).values())
                roster = replace(roster, spans={at: items for at, items in roster.spans.items() if at not in reported})
                self.succession.steps(roster)
        return replace(roster, wholes=wholes, marked={}) if roster is not None else None

    def brought(
        self, areas: Areas, frame: pl.DataFrame, entities: Entities, every: pl.DataFrame
    ) -> tuple[pl.DataFrame, Entities, pl.DataFrame]:
        """Return panel, entities and figures on the areas of today, without units that are none any more."""
        frame = areas.brought(frame)
        self.findings += areas.findings
        self.refused += areas.unused
        places = areas.moved()

        def moved(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.with_columns(places.gather(rows["entity"]).alias("entity")).drop_nulls("entity")

        now = dict(enumerate(places.to_list()))
        self.notes = {
            (name, who, at): text for (name, old, at), text in self.notes.items() if (who := now[old]) is not None
        }
        self.facts.rows = [moved(rows) for rows in self.facts.rows]
        return frame, entities.without(areas.ended), moved(every) if every.height else every

    # ---- WHO AND WHICH ---- #

    def sources(self, tables: Sequence[tuple[Table, str | None]]) -> list[Placed] | Escalate:
        """Return the tables with their datasets and roles, or the plan to check the rows of large ones beforehand."""
        sources: list[Placed] = []
        lost: list[Diagnostic] = []
        aside: list[Diagnostic] = []
        for complete, name in tables:
            if complete.pieces is not None and systems_named(complete):
                return self.plan.verified()
            labelled = by_labels(self.system, complete)
            if labelled is None:
                return self.plan.verified()
            read, labels = labelled
            table, others = of_system(self.system, read)
            self.findings += [*complete.notes, *labels, *others]
            shape = shaped(self.system, table, name)
            if shape is None:
                return self.plan.verified()
            turned, notes = shape
            source, more = (None, []) if turned is None else match(self.system, turned, name=name)
            notes = [*notes, *more]
            notes = [*notes, *(unreadable_columns(source, self.system) if source is not None else ())]
            if source is None or any(finding.code == "K554" for finding in notes):
                wrong = [finding for finding in notes if finding.severity is Severity.ERROR]
                (aside if is_aside(complete) else lost).extend(wrong)
            else:
                located = keyed(source, self.system)
                pieces = source.table.pieces
                if located is None or (pieces is not None and isinstance(source.dataset, Records)):
                    return self.plan.verified()
                source, more = located
                source, inferred = ordered(source)
                more = [*more, *inferred]
                if pieces is not None and conditions_by_unit(self.system, source):
                    return self.plan.verified()
                source = with_conditions(self.system, source)
                source = replace(source, table=source.table.with_unreadable(refused_columns(source, self.system)))
                merged = apart_merged(source.table, figure_columns(self.system, source))
                sources.append(replace(source, table=merged))
                notes = [*notes, *more]
                notes = [*notes, *header_unused(source)]
                notes += [*beside_commas(source, self.system), *units_beside(source, self.system)]
                notes += dates_beside(source, self.system)
                self.read += table.refused
                self.refused += table.refused
                self.findings += notes
        beside = {source.table.file for source in sources}
        lost += [finding for finding in aside if finding.place.file not in beside]
        self.findings += [sheet_aside(finding) for finding in aside if finding.place.file in beside]
        if lost and not (self.partly and sources and all(finding.code in UNPLACED for finding in lost)):
            raise DataError([*self.unread, *lost])
        self.unread += lost
        self.findings += self.unread
        return sources

    def coded(self, sources: Sequence[Placed], entities: Entities) -> dict[int, Coded] | Escalate:
        """Return the reported rows of each table, plain ones apart, by the number of the table."""
        apart: dict[int, Coded] = {}
        for number, source in enumerate(sources):
            if isinstance(source.dataset, Records):
                continue
            shape = Long if source.dataset.long else Wide
            coded = shape.of(source, self.system, entities, self.period, self.plan)
            if isinstance(coded, Escalate):
                return coded
            apart[number] = coded
        return apart

    def named(
        self, sources: Sequence[Placed], apart: Mapping[int, Coded], events: Iterable[Gathered], none: Entities,
        known: Mapping[str, Sequence[str]],
    ) -> Entities:  # fmt: skip
        """Return the entities that the data name, also those that may prove to have no figure.

        `none` holds the names that are no unit's, `known` the codes with their names.
        """
        texts = {text for gathered in events for text in gathered.units()}
        texts.update(name for coded in apart.values() for name in coded.names)
        for source in sources:
            if source.table.whole is not None and source.table.pieces is None:
                # Who is named is there in every period.
                who = source.table.whole.raw.select(entity_codes.entity_text(source).alias("who").unique()).collect(
                    engine="streaming"
                )
                own = who["who"].str.strip_chars().drop_nulls()
                texts.update(
                    text for text in own if not entity_codes.repeats_heading(source, text.rpartition(BESIDE)[2])
                )
        if self.succession is not None:
            self.succession.check_names(texts)
            texts.update(self.succession.units)
        behind = {clean(name) for name in none.wholes}
        names = {
            text for text in texts
            if BESIDE not in text and clean(text) and clean(text) not in behind and not none.excluded(text)
        }  # fmt: skip
        entities = from_data(
            names, known, exclusions=none.exclusions, apart=partial(entity_codes.in_one_table, sources)
        )
        self.findings += entity_codes.short_names(entities)
        return replace(entities, wholes=none.wholes)

    def figureless(
        self, sources: Sequence[Placed], entities: Entities, apart: Mapping[int, Coded], events: Iterable[Gathered],
        units: set[int],
    ) -> set[int]:  # fmt: skip
        """Return the places of entities without a figure anywhere, not even one that is refused or marked as missing.

        Headings and remarks in the column of names look so. `units` have a row that is not plain, and is no heading.
        """
        lacking = {place for place, name in enumerate(entities.names) if not entities.exclusions.is_kept(name)} - units
        lacking -= set(() if self.succession is None else entities.resolve(self.succession.units).values())
        for items in events:
            lacking -= set(entities.resolve(items.units()).values())
        for coded in apart.values():
            lacking -= coded.units(entities, lacking)
        for source in sources if lacking else ():
            lacking -= self.passed_over_units(source, entities)
        return lacking

    def passed_over_units(self, source: Placed, entities: Entities) -> set[int]:
        """Return the places of the entities with a row for another period than those that are read."""
        table = source.table
        if table.whole is None or table.only is None:
            return set()
        there: pl.Expr = pl.lit(value=True)
        if source.dataset.long:
            measure = entity_codes.text_of(source.roles["measure"])
            texts = table.whole.raw.select(measure.alias("text").unique()).collect().to_series().drop_nulls()
            meanings = Resolver(source, self.system, entities).measures(texts)
            known = pl.Series([text for text, meaning in meanings.items() if meaning.name is not None], dtype=pl.String)
            there = measure.is_in(known.implode()).fill_null(value=False)
        rows = table.whole.raw.filter(~table.only & there).select(entity_codes.entity_text(source).alias("who"))
        texts = rows.unique().collect(engine="streaming").to_series().drop_nulls()
        return set(entities.resolve(texts.str.strip_chars()).values())

    def without(
        self, lacking: set[int], sources: Sequence[Placed], entities: Entities, rows: list[pl.DataFrame],
        targets: list[pl.DataFrame],
    ) -> tuple[Entities, list[pl.DataFrame], list[pl.DataFrame]]:  # fmt: skip
        """Remove the entities that have no figure, and renumber whatever names entities by their places."""
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
        self.facts.rows = [moved(frame) for frame in self.facts.rows]
        return fewer, [moved(frame) for frame in rows], [moved(frame) for frame in targets]

    def grouped(self, sources: Sequence[Placed], entities: Entities) -> Entities:
        """Return the entities with the groups that the data give them."""
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
        if not cohorts and entities.frame["cohort"].null_count() == len(entities.names):
            return entities
        own = pl.Series([cohorts.get(place) for place in range(len(entities.names))], dtype=pl.String)
        return replace(entities, frame=entities.frame.with_columns(cohort=own))

    def groups(self, source: Placed, header: str, entities: Entities) -> list[tuple[int, str]]:
        """Return the texts of a column beside each entity, given by its place."""
        complete = source.table.whole or source.table
        cells = complete.frame.select(
            who=entity_codes.entity_text(source),
            group=entity_codes.text_of(header).map_batches(as_names, return_dtype=pl.String),
        )
        pairs = complete.distinct(cells.drop_nulls())
        rows = pairs.sort(pl.all()).collect().rows()
        meant = entities.resolve({text for text, _ in rows})
        pairs_by_place = [(place, group) for text, group in rows if (place := meant.get(text)) is not None]
        return [(place, group) for place, group in pairs_by_place if place < len(entities.names)]

    def ungrouped(self, source: Placed, entities: Entities) -> list[Diagnostic]:
        """Return the findings with a note on a column such as 类别 that might group the entities, with one value each.

        It takes the place of the note that the column names no measure.
        """
        findings = self.findings
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
                findings = [finding for finding in findings if (finding.code, finding.place) != ("K528", place)]
                findings.append(Diagnostic("K530", message, place, hint, Severity.INFO))
        return findings

    def group_of(self, source: Placed) -> str | None:
        """Return the header of the column of groups; in events, whose columns are about events, a declared one only."""
        columns = source.table.columns
        if self.system.ranking.cohort in columns:
            return self.system.ranking.cohort
        declared = source.dataset.headers.get("cohort")
        events = isinstance(source.dataset, Records)
        header = (clean(declared) if declared else None) if events else source.roles.get("cohort")
        return header if header in columns else None

    # ---- FIGURES ---- #

    def figures(
        self, sources: Sequence[Placed], entities: Entities, apart: Mapping[int, Coded], events: Mapping[str, Gathered]
    ) -> _Read | Escalate:
        """Return the figures and targets of the tables, and the entities, or a plan that does more."""
        parts: list[pl.DataFrame] = []
        rows: list[pl.DataFrame] = []
        targets: list[pl.DataFrame] = []
        units: set[int] = set()
        revisions: dict[str, Placed] = {}
        for number, source in enumerate(sources):
            if isinstance(source.dataset, Records):
                continue
            with progress.stage(Message("cleaning {file}", file=source.table.file)):
                cleaned = row_cleaning.clean_rows(apart[number], number, entities, self.period)
                self.facts.take(replace(apart[number].resolver, entities=entities), self.period)
            rows.append(cleaned.rows)
            self.findings += self.running_totals(source, cleaned, apart[number])
            targets += [cleaned.targets] if cleaned.targets.height else []
            units |= cleaned.units
            revisions.update(dict.fromkeys(cleaned.versions, source))
            self.notes |= cleaned.notes
            self.add(cleaned)
        self.findings += misordered(revisions)
        risen = rising_within(rows, self.system)
        self.findings += rising_findings(risen, self.system, self.findings, sources[0].table.place())
        if not entities.closed:
            lacking = self.figureless(sources, entities, apart, events.values(), units)
            if lacking:
                entities, rows, targets = self.without(lacking, sources, entities, rows, targets)
            if regions := beside_places(entities.names, entities.exclusions):
                return self.plan.without_regions(regions)
            entities = self.grouped(sources, entities)
        if self.succession is not None:
            self.areas = Areas(self.succession, self.succession.steps(entities), entities, self.system.measures)
        unions = None if self.areas is None else self.areas.unions
        ended = {} if self.areas is None else {old: step.start for old, step in self.areas.ended.items()}
        # Areas move figures of finer units; nothing else looks at each of them.
        reduce = partial(finer_facts, self.system) if self.areas is None else None
        finer: list[FinerFacts] = []
        for name, items in events.items():
            self.begin(items.begins(entities) if self.areas is not None else {})
            with progress.stage(Message("measuring {name}", name=name)):
                counted = items.measured(entities, unions=unions, ended=ended, reduce=reduce)
            finer += counted.reduced
            parts.append(counted.figures)
            self.add(counted)
        cells = None
        if rows:
            measures, grain = list(self.system.measures), self.system.period
            plain = [part for number, items in apart.items() for part in items.numbered(number, entities)]
            cells, others = settle(plain, pl.concat(rows), measures, len(entities.names), grain)
            timed = self.timed(others, sources, entities, cells)
            if isinstance(timed, Escalate):
                return timed
            parts.append(timed)
        merged = pl.concat([period_aggregation.NOTHING, *(part for part in parts if part.height)])
        return _Read(sources, entities, merged, cells, self.stated(targets, sources), finer)

    def running_totals(self, source: Placed, cleaned: Figures, coded: Coded) -> list[Diagnostic]:
        """Return the findings about headings with 累计 over figures that are added up."""
        if not (headings := cumulative_headings.undeclared(source, self.system, cleaned.notes)):
            return []
        labelled = cumulative_headings.within_the_year(cleaned.rows, coded.plain, self.system)
        return [*cumulative_headings.contradicted(source, headings, labelled, self.system)]

    def stated(self, targets: Sequence[pl.DataFrame], sources: Sequence[Placed]) -> pl.DataFrame:
        """Return the targets of all tables, one for each indicator, entity and period."""
        stated = pl.concat(targets, how="vertical_relaxed") if targets else pl.DataFrame()
        if self.by_end and stated.height:
            months = self.system.period.months
            stated = stated.with_columns(start=pl.col("start") + 1 - months, months=pl.lit(months, dtype=pl.Int32))
        stated, more = settled_targets(stated, sources, self.system)
        self.findings += more
        return stated

    def begin(self, months: Mapping[int, int]) -> None:
        """Take in the first months with events of entities."""
        for place, month in months.items():
            self.begins[place] = min(month, self.begins.get(place, month))

    def add(self, result: Aggregated | Figures) -> None:
        self.findings += result.findings
        self.read += result.read
        self.refused += result.refused
        self.left_out += result.left_out
        if isinstance(result, Aggregated):
            self.repeated += result.repeated
            self.restated += result.restated

    def timed(
        self, rows: pl.DataFrame, sources: Sequence[Placed], entities: Entities, cells: Cells | None
    ) -> pl.DataFrame | Escalate:
        """Return the figures per scored period of clean rows, beside figures that stand alone."""
        if not rows.height and self.areas is None:
            return period_aggregation.NOTHING
        grain = self.system.period
        measures = reported(self.system.measures)
        running = [name for name, item in measures.items() if item.from_january]
        others = rows.filter(~pl.col("measure").is_in(running)) if running else rows
        if cells is None and others.height and period_aggregation.labels_by_end(rows, grain):
            if self.pruning is not None and not self.pruning.by_end:
                return self.plan.with_rows(None)
            rows = rows.with_columns(
                start=pl.col("start") + 1 - grain.months, months=pl.lit(grain.months, dtype=pl.Int32)
            )
            message = Message(
                "every figure is for a month that ends a {grain}; the months are read as names of the {grain}s",
                grain=grain,
            )
            self.findings.append(Diagnostic("K620", message, severity=Severity.INFO))
            self.by_end = True
        kept, repeated, self.earlier = period_aggregation.newest(
            period_aggregation.from_january(rows, running),
            partial(duplicates.told_apart, sources=sources, system=self.system),
        )
        self.restated += self.earlier.height
        repeats = duplicates.repeats_of(repeated, sources, self.system)
        self.findings += repeats.findings
        self.repeated += repeats.repeated
        self.refused += repeats.refused
        timings = {name: measure.timing for name, measure in measures.items()}
        enough = {name: measure.at_least for name, measure in measures.items() if measure.at_least is not None}
        undecided = [name for name, measure in measures.items() if measure.flow_or_level]
        every = kept
        kept, spare = without_spare(kept, timings, self.system, entities)
        self.findings += spare
        self.findings += of_finer_periods(kept, self.system, entities.names)
        figures, coarse = period_aggregation.to_scored(kept, timings, grain, enough, undecided)
        self.findings += added_levels(kept, measures, grain)
        usable, every = (
            rows if not coarse.height else rows.join(coarse, on=["source", "row", "measure"], how="anti")
            for rows in (kept, every)
        )
        self.findings += contradictions(every, timings, self.system, entities, sources)
        for number, source in enumerate(sources):
            # A row refused before stands in for the figure it would have been: it was reported and counted then.
            mine = coarse.filter((pl.col("source") == number) & ~period_aggregation.refused()).rename({"row": ROW})
            if mine.height:
                self.refused += mine.height
                self.findings += row_findings.of_rows(source.table, mine, source.roles.get("period"), self.too_coarse)
        if self.areas is None:
            return figures
        from kpi.intake.periods_of_change import PeriodsOfChange

        change = PeriodsOfChange(self.areas, measures, lambda place, period: _has_before(cells, place, period))
        figures = change.made_whole(
            usable, figures, lambda rows: period_aggregation.to_scored(rows, timings, grain, enough, undecided)[0]
        )
        self.findings += change.findings
        return figures

    def too_coarse(self, row: dict[str, object]) -> row_findings.Finding:
        grain = self.system.period
        period = Period(int(str(row["start"])), int(str(row["months"])), grain.timeline)
        message = Message(
            "{period} is longer than a {grain} and does not begin in January", period=period.title, grain=grain.noun
        )
        hint = Message("report it by {grain}", grain=grain.noun)
        name = str(row["measure"])
        if row["to_date"] and reported(self.system.measures)[name].timing == "last":
            message = Message(
                "{period} is longer than a {grain}, and {measure}, which has no unit, may be a flow or a level",
                period=period.title, grain=grain.noun, measure=self.system.symbols[name].title,
            )  # fmt: skip
            hint = Message("write its unit, or `over_time: sum` for a flow, `over_time: last` for a level")
        elif row["to_date"]:
            message = Message(
                "{period} is longer than a {grain} and {measure} is taken from figures within the {grain}",
                period=period.title,
                grain=grain.noun,
                measure=self.system.symbols[name].title,
            )
        return "K609", message, hint


def _has_before(cells: Cells | None, place: int, period: int) -> bool:
    """Return whether figures that stand alone are there for an entity before a period."""
    if cells is None or period <= cells.first:
        return False
    values = cells.values.gather_every(cells.entities, place)
    many = min(period - cells.first, cells.periods)
    return any(
        values.slice(at * cells.periods, many).is_not_nan().any() for at in range(len(cells.measures))
    )  # fmt: skip


def take_in(
    system: System, data: Sequence[Source], *, named: Mapping[str, Sequence[Source]] | None = None,
    period: str | None = None, data_hash: str | None = None, partly: bool = False,
    reached: Callable[[], Pruning] | None = None,
) -> Panel:  # fmt: skip
    """Read files and frames into a panel.

    Args:
        system: the system whose datasets they are.
        data: files and frames matched to datasets by their columns.
        named: files and frames whose dataset the caller names.
        period: the period of all rows, for data without a period column.
        data_hash: that of all contents as `content_hash` makes it, where it is known.
        partly: files that cannot be read or placed are findings of the panel, if others can.
        reached: makes a pruning of rows to those that a period can depend on; the panel then holds these.

    Raises:
        DataError: when a file cannot be read or placed, or nothing in the files can be used. Bad rows do not raise:
            they are findings of the panel.
    """
    if system.entities.succession is not None or any(map(_is_remote, [*data, *chain(*(named or {}).values())])):
        # Whether a unit was there before it received another depends on all periods; and what is aggregated elsewhere
        # is aggregated for all of them.
        reached = None
    given: list[tuple[Source, str | None]] = [(source, None) for source in data]
    given += [(source, name) for name, items in (named or {}).items() for source in items]
    files, notes = given_once(given)
    # The hash is made beside the reading: it reads the same bytes and has nothing else to do with them.
    with unchanged([source for source, _ in files]), ThreadPoolExecutor(1, "hash") as pool:
        start = ReadPlan(tuple(files), rows=reached)
        call = _Call(system, period, start, notes, pool, data_hash, partly)
        return settled(call.read, start, reopen=True)


def _in_a_moment(sources: Sequence[Placed]) -> bool:
    """Return whether there are events beside reported figures, and both are few: then they are read side by side.

    More keep the threads of Polars busy by themselves, and should not be held at once. Tables of a database share its
    connection, which answers one question at a time.
    """
    if any(source.table.remote is not None for source in sources):
        return False
    kinds = {isinstance(source.dataset, Records) for source in sources}
    return len(kinds) > 1 and sum(source.table.size or _MOMENT for source in sources) < _MOMENT


def _fetched(table: Table) -> Sequence[Diagnostic]:
    """Return the notes about what was computed from fetched rows of a table elsewhere."""
    return () if table.remote is None else table.remote[1].notes()


def _is_remote(source: Source) -> bool:
    return isinstance(source, Remote)


class _Call(Struct, dict=True):
    """The files of one call, read by one plan after another; see `take_in` for the attributes."""

    system: System
    period: str | None
    start: ReadPlan
    notes: Sequence[Diagnostic]
    pool: Executor
    data_hash: str | None
    partly: bool

    def __post_init__(self) -> None:
        known = self.data_hash
        self._hash = self._hashed(self.start) if known is None else lambda: known

    def read(self, plan: ReadPlan) -> Panel | Escalate:
        """Read the files by a plan.

        Raises:
            DataError: see `take_in`.
        """
        try:
            with damage_reported(source for source, _ in plan.files):
                return self._read(plan)
        except DamagedError as error:
            left = tuple((items, name) for source, name in plan.files for items in error.without(source))
            if plan.damaged or not (self.partly and left):
                raise
            rest = replace(self.start, files=left, damaged=tuple(error.diagnostics))
            if self.data_hash is None and any(finding.code == "K549" for finding in rest.damaged):
                # What cannot be read has no hash.
                self._hash = self._hashed(rest)
            return Escalate(rest, reopen=True)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            # The statistics of a file, by which rows are found, may be damaged where no row is.
            if plan.rows is None or shortage(error) is not None:
                raise
            return plan.with_rows(None)

    def _read(self, plan: ReadPlan) -> Panel | Escalate:
        unread = [*plan.damaged] if self.partly else None
        groups = read_all(
            [source for source, _ in plan.files],
            unchecked=plan.verification == "deferred",
            unread=unread,
            choices=[choices_of(self.system, name) for _, name in plan.files],
        )
        tables = [(table, name) for (_, name), group in zip(plan.files, groups, strict=True) for table in group]
        pruning = None if plan.rows is None else plan.rows()
        intake = _Intake(self.system, plan, self.period, self.partly, unread or [], pruning, [*self.notes])
        try:
            read = intake.read_tables(tables)
        except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
            # Rows that are checked while they are read may not form a table.
            if all(table.pieces is None for table, _ in tables):
                raise
            return plan.verified()
        return read if isinstance(read, Escalate) else intake.panel(read, self._hash)

    def _hashed(self, plan: ReadPlan) -> Callable[[], str]:
        if any(_is_remote(source) for source, _ in plan.files):
            # What is fetched is known when everything is read.
            return lambda: content_hash([source for source, _ in plan.files])
        if all(isinstance(source, pl.DataFrame) and source.height <= _FEW for source, _ in plan.files):
            known = content_hash([source for source, _ in plan.files])
            return lambda: known
        return self.pool.submit(content_hash, [source for source, _ in plan.files]).result
