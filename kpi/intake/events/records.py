"""Aggregate records, one event a row, to measures per entity and scored period.

Mergeable statistics are aggregated in one pass of the streaming engine (`events.mergeable`), with a further pass for
each column of finer units (`per`), which has other groups; others are aggregated a bucket of periods at a time
(`kpi.intake.events.ordered`). Bad rows are located only if the pass counts some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import cast

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.aggregate_rows import Exclusions
from kpi.intake.calendars import calendar_of, counting, notes_of
from kpi.intake.entities import Entities
from kpi.intake.events.compared_texts import text_findings
from kpi.intake.events.conditions import blank_note, reads, truth_notes
from kpi.intake.events.events import MONTH, WHO, Events, bad, dated, events, number_columns
from kpi.intake.events.finer_units import FinerUnits
from kpi.intake.events.keys import Deduplication, deduplicated, shared_events
from kpi.intake.events.measuring import (
    Measuring,
    blanks_of,
    comparands_of,
    figureless_of,
    in_place,
    names_kept,
    operands_of,
    parts_of,
    timing_of,
)  # fmt: skip
from kpi.intake.events.mergeable import REFUSED, SOURCE, Aggregation, aggregation
from kpi.intake.events.remote import PER, ROWS
from kpi.intake.events.repeated_numbers import repeated_numbers
from kpi.intake.events.suspected_totals import with_suspected_totals
from kpi.intake.events.times import negative, negative_findings, settled, uncounted_findings, with_working_days
from kpi.intake.events.total_rows import (
    TotalRows,
    finer_totals,
    is_inspected_in_part,
    late_totals,
    without_totals,
)
from kpi.intake.events.units import scales, with_implied_units
from kpi.intake.finer_facts import FinerFacts
from kpi.intake.matching.datasets import Placed, column_of, of_dataset
from kpi.intake.rows_left_out import left_out_notes
from kpi.language.datasets import Records
from kpi.language.expressions.times import PERIOD_END
from kpi.language.measures import Measure, OfRows, Part
from kpi.language.record_columns import as_written, computed, counted_in, expressions_of
from kpi.language.system import System
from kpi.process import progress
from kpi.values.periods import Grain, Period


class Aggregated(Struct):
    """Measures of one table of records.

    `figures` has the columns measure, entity, per, period, value, status, rows (as `period_aggregation.to_scored`).
    If figures of finer units were `reduced`, one without `per` and value stands in it for all of an entity and period.
    """

    figures: pl.DataFrame
    reduced: list[FinerFacts] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    left_out: int = 0
    repeated: int = 0
    restated: int = 0


class Gathered(Struct, frozen=True, dict=True):
    """The tables of a dataset, aggregated by name and month as written, before the entities are known.

    Attributes:
        grain: the grain of the scored periods.
        measures: the measures of the dataset.
        pass_over: the pass over the rows.
        whole: the parts of every group of an entity.
        finer: the finer units of each column of these.
        repeats: rows that are left out as their event has another.
        differences: the pairs of columns of times of which a difference is used.
    """

    grain: Grain
    measures: Mapping[str, Measure]
    pass_over: Aggregation
    whole: pl.DataFrame
    finer: Mapping[str, FinerUnits]
    repeats: Deduplication
    totals: TotalRows
    differences: Sequence[tuple[str, str]] = ()

    def texts(self) -> list[str]:
        """Return the distinct names and codes of rows, sorted."""
        return self._texts

    @cached_property
    def _texts(self) -> list[str]:
        return sorted(self.whole[WHO].drop_nulls().unique())

    def units(self) -> list[str]:
        """Return the names and codes of rows with a readable date; refused rows do not make entities."""
        return sorted(self.whole.filter(dated(pl.col(MONTH), self.grain))[WHO].drop_nulls().unique())

    def begins(self, entities: Entities) -> dict[int, int]:
        """Return the first month in which there are rows of each entity, by its place."""
        rows = self.whole.filter(dated(pl.col(MONTH), self.grain))
        rows = rows.group_by(WHO).agg(pl.col(MONTH).min()).drop_nulls()
        first = dict(rows.select(WHO, MONTH).rows())
        begins: dict[int, int] = {}
        for text, place in entities.resolve(first).items():
            begins[place] = min(first[text], begins.get(place, first[text]))
        return begins

    def measured(
        self, entities: Entities, *, unions: Mapping[int, int] | None = None, ended: Mapping[int, int] | None = None,
        reduce: Callable[[pl.DataFrame], FinerFacts] | None = None,
    ) -> Aggregated:  # fmt: skip
        """Return the measures of the entities, and the findings about rows.

        Args:
            entities: the entities.
            unions: the positions of former entities whose rows count for another, with the position of that.
            ended: the positions of former entities, with the month from which they no longer exist.
            reduce: makes what is needed of the figures of some finer units, which are not kept then.
        """
        named = entities.resolve(self.texts())
        meaning = {text: (unions or {}).get(place, place) for text, place in named.items()}
        known = pl.DataFrame(
            {WHO: list(meaning), "entity": list(meaning.values())}, schema={WHO: pl.String, "entity": pl.UInt32}
        )
        over, whole = self.pass_over, self._known(known)
        measuring = Measuring(self.measures, self.grain, known, whole, len(entities.names))
        figures = measuring.figures(None, over, whole.with_columns(pl.lit(None, dtype=pl.String).alias(PER)))
        reduced: list[FinerFacts] = []
        late: list[Diagnostic] = []
        for per, finer in self.finer.items():
            anonymous = reduce is not None and not any(map(names_kept, self.measures.values()))
            totals: set[str] = set()
            for part in replace(finer, anonymous=anonymous).passes(known, whole):
                totals.update(finer_totals(part.groups[PER]))
                mine = measuring.figures(per, part.over, part.groups, distinct=part.distinct)
                if reduce is None:
                    figures += mine
                    continue
                reduced += map(reduce, mine)
                figures += map(in_place, mine)
            late += late_totals(over.tables[0], per, totals)
        out = Aggregated(pl.concat(figures) if figures else pl.DataFrame(), reduced)
        out.findings += [*over.notes, *self.totals.findings, *self.repeats.findings, *late]
        out.read, out.refused = self.repeats.left_out + self.totals.left_out, 0
        out.left_out = self.totals.left_out
        out.repeated, out.restated = self.repeats.repeated, self.repeats.restated
        self._count(out, entities, known)
        out.findings += self._after_end(entities, named, unions or {}, ended or {})
        out.findings += self._blank(measuring.counts)
        out.findings += self._of_one_date(measuring.tied)
        out.findings += self._negative(whole)
        if not cast("Records", over.tables[0].source.dataset).key or self.repeats.rounded:
            of_entities = [measure for measure in self.measures.values() if measure.per is None]
            parts = [part.name for part in parts_of(of_entities)]
            if shared := shared_events(over.tables, whole, parts, self.grain):
                # Files with the same events have the same numbers: this asks for a key, too.
                out.findings = [finding for finding in out.findings if finding.code != "K690"] + shared
        return out

    def _after_end(
        self, entities: Entities, named: Mapping[str, int], unions: Mapping[int, int], ended: Mapping[int, int]
    ) -> list[Diagnostic]:
        """Return a finding for each former entity with rows after its end."""
        findings = []
        for old, start in ended.items():
            texts = pl.Series([text for text, place in named.items() if place == old], dtype=pl.String)
            rows = self.whole.filter(
                dated(pl.col(MONTH), self.grain) & (pl.col(MONTH) >= start) & pl.col(WHO).is_in(texts.implode())
            )
            many = int(rows[ROWS].sum())
            if many:
                name, when = entities.names[old], Period(start, 1, self.grain.timeline).label
                message = Message(
                    "{rows} of `{unit}`, which is no unit from {period} on, are not used",
                    rows=count(many, "row"),
                    unit=name,
                    period=when,
                )
                if old in unions:
                    message = Message(
                        "{rows} of `{unit}`, which is no unit from {period} on, count for {other}",
                        rows=count(many, "row"),
                        unit=name,
                        period=when,
                        other=entities.names[unions[old]],
                    )
                place = self.pass_over.tables[int(rows[SOURCE][0])].source.table.place()
                severity = Severity.WARNING if old in unions else Severity.ERROR
                findings.append(Diagnostic("K646", message, place, Message("write the new unit in them"), severity))
        return findings

    def _known(self, known: pl.DataFrame) -> pl.DataFrame:
        """Return the groups of entities with a known name and a valid month."""
        return self.whole.filter(dated(pl.col(MONTH), self.grain)).join(known, on=WHO, how="inner")

    def _count(self, out: Aggregated, entities: Entities, known: pl.DataFrame) -> None:
        """Count the rows, and locate bad rows if there are any."""
        there = set(known[WHO])
        known_not = [text for text in self.texts() if text not in there and entities.is_unknown(text)]
        # Without a roster, all rows of an unknown name are refused for another reason.
        nameless = pl.col(WHO).is_null() | pl.col(WHO).is_in(pl.Series(known_not, dtype=pl.String).implode())
        named = pl.col("entity").is_not_null() | ~nameless
        inside = dated(pl.col(MONTH), self.grain)
        usable, lost = named & inside, sorted(self.pass_over.second or ())
        # Native files may have blank texts in place of nulls.
        nobody = pl.col(WHO).fill_null("").str.strip_chars() == ""
        groups = self.whole.join(known, on=WHO, how="left")
        aside = self._left_out(out, entities, groups)
        counted = groups.join(aside, on=[SOURCE, WHO], how="anti", nulls_equal=True).group_by(SOURCE).agg(
            rows=pl.col(ROWS).sum(), strangers=pl.col(ROWS).filter(~named).sum(),
            undated=pl.col(ROWS).filter(~inside).sum(),
            refused=pl.when(usable).then(self._refused_rows()).otherwise(pl.col(ROWS)).sum(),
            empty=pl.col(ROWS).filter(nobody & pl.col(MONTH).is_null()).sum(),
            unknown=pl.col(WHO).filter(~named).unique().drop_nulls(),
            **{name: pl.col(bad(name)).filter(usable).sum() for name in lost},
        ).sort(SOURCE)  # fmt: skip
        passed = dict(aside.group_by(SOURCE).agg(pl.col(WHO)).rows())
        for to_dict in counted.to_dicts():
            table = self.pass_over.tables[to_dict[SOURCE]]
            blank = table.blank() if to_dict["empty"] else 0
            out.read += to_dict["rows"] - blank
            out.refused += to_dict["refused"] - blank
            cells = self.pass_over.lost_of(to_dict[SOURCE], {name: to_dict[name] for name in lost})
            out.findings += table.findings(
                entities, to_dict["unknown"], to_dict["strangers"] - blank, to_dict["undated"] - blank, cells,
                passed=passed.get(to_dict[SOURCE], ()),
            )  # fmt: skip
            out.findings += uncounted_findings(table, self.pass_over)
        out.findings += self.pass_over.misfits()

    def _left_out(self, out: Aggregated, entities: Entities, groups: pl.DataFrame) -> pl.DataFrame:
        """Count the rows of totals and the like and of repeated headings, and return their tables and texts."""
        unknown = groups.filter(pl.col("entity").is_null() & pl.col(WHO).is_not_null()).group_by(SOURCE, WHO).agg(
            pl.col(ROWS).sum()
        ).sort(SOURCE, WHO)  # fmt: skip
        tables = self.pass_over.tables
        left_out = [tables[source].is_left_out(entities, text) for source, text in unknown.select(SOURCE, WHO).rows()]
        aside = unknown.filter(pl.Series(left_out, dtype=pl.Boolean))
        out.read += int(aside[ROWS].sum())
        out.left_out += int(aside[ROWS].sum())
        for (source,), items in aside.partition_by(SOURCE, as_dict=True, maintain_order=True).items():
            table = tables[int(str(source))]
            out.findings += left_out_notes(table.source, table.rows_of(items[WHO].to_list()), entities)
        return aside.select(SOURCE, WHO)

    def _refused_rows(self) -> pl.Expr:
        """Count the rows of a group that some measure needs and cannot use."""
        misfits = [
            measure.parts()[0].name
            for measure in self.measures.values()
            if measure.per is None and self.pass_over.factor(measure) is None
        ]
        return pl.max_horizontal(pl.col(name).cast(pl.Int64) for name in (REFUSED, *misfits))

    def _of_one_date(self, tied: Mapping[str, int]) -> list[Diagnostic]:
        """Return a finding for each measure of the last or first row for which rows of one date differ."""
        findings = []
        for name, rows in sorted(tied.items()):
            measure = self.measures[name]
            hint = Message("leave one row for each date, or say with `where:` which is meant")
            place = self.pass_over.tables[0].source.table.place(None, getattr(measure, "of", None))
            findings.append(Diagnostic("K650", measure.ties(name, rows), place, hint, Severity.WARNING))
        return findings

    def _negative(self, whole: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about negative differences of times, one for each table and pair of columns."""
        if not self.differences:
            return []
        names = {pair: negative(*pair).name for pair in self.differences}
        rows = whole.group_by(SOURCE).agg(pl.col(list(names.values())).cast(pl.Int64).sum())
        out = []
        for row in rows.sort(SOURCE).to_dicts():
            many = {pair: int(row[name]) for pair, name in names.items()}
            out += negative_findings(self.pass_over.tables[row[SOURCE]], many)
        return out

    def _blank(self, counts: Mapping[tuple[str | None, str], int]) -> list[Diagnostic]:
        """Return the findings about rows excluded by blank texts, one for each condition and column."""
        measures_of: dict[Part, list[str]] = {}
        for name, measure in self.measures.items():
            for part in blanks_of(measure, self.pass_over.kinds):
                measures_of.setdefault(part, []).append(name)
        findings = []
        for part, names in measures_of.items():
            per = self.measures[names[0]].per
            rows = counts[per, part.name]
            if rows:
                place = self.pass_over.tables[0].source.table.place(None, part.of)
                findings.append(blank_note(str(part.where), str(part.of), names, rows, place))
        return [
            *findings, *self._blank_comparands(counts), *self._blank_operands(counts), *self._blank_figures(counts),
            *self._blank_finer_units(counts),
        ]  # fmt: skip

    def _blank_figures(self, counts: Mapping[tuple[str | None, str], int]) -> list[Diagnostic]:
        """Return the notes on rows without a figure in a column that is summed or averaged, one for each column."""
        blanks: dict[str, tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            parts = figureless_of(measure)
            if parts is None:
                continue
            rows, filled = (counts[measure.per, part.name] for part in parts)
            refused = counts[measure.per, self.pass_over.refusal(measure).name] if self.pass_over.careful else 0
            lacking = max(rows - filled - refused, 0)
            most, names = blanks.get(measure.taken_from, (0, []))
            if lacking:
                blanks[measure.taken_from] = (max(most, lacking), [*names, name])
        findings = []
        for column, (rows, names) in blanks.items():
            fields = {"column": column, "measures": tuple(f"`{name}`" for name in names)}
            message = Message("1 row has no figure in `{column}` and is left out of {measures}", **fields)
            if rows > 1:
                message = Message(
                    "{number:,} rows have no figure in `{column}` and are left out of {measures}",
                    number=rows, **fields,
                )  # fmt: skip
            place = self.pass_over.tables[0].source.table.place(None, column)
            findings.append(Diagnostic("K628", message, place, None, Severity.INFO))
        return findings

    def _blank_finer_units(self, counts: Mapping[tuple[str | None, str], int]) -> list[Diagnostic]:
        """Return the findings about rows that name no finer unit, one for each column of these."""
        findings = []
        for per in self.finer:
            most = 0
            names: list[str] = []
            for name, measure in self.measures.items():
                part = Part("rows", measure.where).name
                if measure.per == per:
                    every, own = counts[None, part], counts[per, part]
                    most, names = max(most, every - own), [*names, *([f"`{name}`"] if every > own else [])]
            if not most:
                continue
            message = Message(
                "1 row with a blank `{column}` is of no finer unit, and not counted by {measures}",
                column=per, measures=tuple(names),
            )  # fmt: skip
            if most > 1:
                message = Message(
                    "{number:,} rows with a blank `{column}` are of no finer unit, and not counted by {measures}",
                    number=most, column=per, measures=tuple(names),
                )  # fmt: skip
            place = self.pass_over.tables[0].source.table.place(None, per)
            hint = Message("write in each row which one it is of")
            findings.append(Diagnostic("K628", message, place, hint, Severity.WARNING))
        return findings

    def _blank_comparands(self, counts: Mapping[tuple[str | None, str], int]) -> list[Diagnostic]:
        """Return the findings about rows with a blank in a comparison of columns, one for each condition and column."""
        blanks: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            for column, part in comparands_of(measure).items():
                rows = counts[measure.per, part.name]
                if rows:
                    key = (str(measure.where), column)
                    most, names = blanks.get(key, (0, []))
                    blanks[key] = (max(most, rows), [*names, name])
        findings = []
        for (where, column), (rows, names) in blanks.items():
            fields = {
                "column": column, "where": as_written(where), "measures": tuple(f"`{name}`" for name in names),
            }  # fmt: skip
            message = Message(
                "1 row with a blank `{column}` is not counted by `{where}` ({measures}): a blank cannot be compared",
                **fields,
            )
            if rows > 1:
                message = Message(
                    "{number:,} rows with a blank `{column}` are not counted by `{where}` ({measures}): "
                    "a blank cannot be compared",
                    number=rows,
                    **fields,
                )
            hint = Message(
                "where they shall not lower a share, count its total with `where: {column} IS NOT NULL`", column=column
            )
            place = self.pass_over.tables[0].source.table.place(None, column)
            findings.append(Diagnostic("K628", message, place, hint, Severity.INFO))
        return findings

    def _blank_operands(self, counts: Mapping[tuple[str | None, str], int]) -> list[Diagnostic]:
        """Return the findings about rows with blank operands, one for each expression and column."""
        blanks: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            for column, part in operands_of(measure).items():
                rows = counts[measure.per, part.name]
                most, names = blanks.get((measure.of, column), (0, []))  # type: ignore[attr-defined]
                if rows:
                    blanks[measure.of, column] = (max(most, rows), [*names, name])  # type: ignore[attr-defined]
        findings = []
        for (text, column), (rows, names) in blanks.items():
            fields = {
                "column": column,
                "expression": as_written(text),
                "measures": tuple(f"`{name}`" for name in names),
            }
            message = Message(
                "1 row with a blank `{column}` has no `{expression}` and is left out of {measures}", **fields
            )
            if rows > 1:
                message = Message(
                    "{number:,} rows with a blank `{column}` have no `{expression}` and are left out of {measures}",
                    number=rows,
                    **fields,
                )
            timed = self.pass_over.kinds[column] == "time"
            hint = None if timed else Message("where a blank is none, write coalesce({column}, 0)", column=column)
            place = self.pass_over.tables[0].source.table.place(None, column)
            findings.append(Diagnostic("K628", message, place, hint, Severity.INFO))
        return findings


def gathered(sources: Sequence[Placed], system: System) -> dict[str, Gathered]:
    """Aggregate every dataset of records among some tables with `gather`; by name."""
    groups: dict[str, list[Placed]] = {}
    for source in sources:
        if isinstance(source.dataset, Records):
            groups.setdefault(source.name, []).append(source)
    datasets = {}
    for name, items in groups.items():
        sizes = [source.table.size for source in items]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        with progress.stage(Message("aggregating {dataset}", dataset=name), total):
            datasets[name] = gather(items, system)
    return datasets


def gather(sources: Sequence[Placed], system: System) -> Gathered:
    """Aggregate a dataset of records as far as possible without knowing the entities.

    Args:
        sources: its tables, which are combined: a file for each month, or for each department.
        system: gives the measures, with `where`, `per` and `over_time`.

    Raises:
        ComputeError: rows are lost.
        DataError: K666, K667 there is no calendar to count working days by.
    """
    name, dataset = sources[0].name, cast("Records", sources[0].dataset)
    measures = {key: counted_in(measure) for key, measure in of_dataset(system, name).items()}
    columns_read, misfits = settled(sources, measures)
    columns_read = with_working_days(sources, columns_read, measures)
    calendar = calendar_of(system, dataset) if counting(measures.values(), columns_read.kinds) else None
    remarks = [] if calendar is None else notes_of(system, dataset, calendar)
    remarks += _truth_notes(sources, measures, columns_read.kinds)
    result = computed(measures.values())
    kinds = {**columns_read.kinds, **dict.fromkeys(result, "computed")}
    if any(PERIOD_END in reads(text) for text in (*result, *(item.where for item in measures.values()))):
        kinds[PERIOD_END] = "period"
    pairs = columns_read.differences
    by_per: dict[str | None, list[Measure]] = {None: []}
    for measure in measures.values():
        by_per.setdefault(measure.per, []).append(measure)
    unclear: list[set[str]] = [set() for _ in sources]
    exclusions, suspected = Exclusions.of(system), set[int]()
    while True:
        numbers = [
            number_columns(source, columns_read.kinds, commas) for source, commas in zip(sources, unclear, strict=True)
        ]
        numbers = [with_implied_units(columns, measures, kinds) for columns in numbers]
        units, notes = scales(numbers, measures, kinds, sources[0].table.place())
        tables = [
            events(
                source,
                measures,
                columns_read.kinds,
                system.period,
                scales=units,
                numbers=columns,
                calendar=calendar,
                alone=len(sources) == 1,
            )
            for source, columns in zip(sources, numbers, strict=True)
        ]
        complete = tables
        tables, totals = without_totals(complete, measures, exclusions, suspected=suspected)
        tables, repeats = deduplicated(tables, measures, dataset, grain=system.period)
        repeats.findings += () if dataset.key else repeated_numbers(tables, measures)
        over = aggregation(tables, kinds, measures, units, parts_of(measures.values()), calendar=calendar)
        over = replace(over, notes=(*misfits, *notes, *remarks))
        negatives = [negative(*pair) for pair in pairs]
        finer = [Part("rows", item.where) for item in measures.values() if item.per is not None]
        whole, over = over.verified(list(dict.fromkeys([*parts_of(by_per[None], over), *finer, *negatives])))
        # An undeclared decimal comma makes other cells of its column ambiguous: they are read again.
        more = [table.undeclared_commas(over.second or ()) for table in tables]
        if any(more):
            unclear = [item | new for item, new in zip(unclear, more, strict=True)]
            continue
        large = {at for at, table in enumerate(complete) if is_inspected_in_part(table)} - suspected
        suspected |= large & with_suspected_totals(whole, measures.values()) if large else set()
        if suspected.isdisjoint(large) or not _more_totals(complete, measures, exclusions, suspected, totals):
            break
    over = replace(over, notes=(*over.notes, *text_findings(tables, over, measures, whole)))
    read = dict(whole.group_by(SOURCE).agg(pl.col(ROWS).sum()).rows())
    for place, source in enumerate(sources):
        source.table.all_read(read.get(place, 0) + repeats.left_out_of(place) + totals.by_table.get(place, 0))
    finer_units: dict[str, FinerUnits] = {}
    for per, items in by_per.items():
        if per is not None:
            parts = list(dict.fromkeys([*parts_of(items, over), *(Part("rows", item.where) for item in items)]))
            by_month = any(timing_of(item) is not None or isinstance(item, OfRows) for item in items)
            months = 1 if by_month else system.period.months
            finer_units[per] = FinerUnits(over, per, parts, system.period, months)
    return Gathered(system.period, measures, over, whole, finer_units, repeats, totals, pairs)


def _more_totals(
    tables: Sequence[Events], measures: Mapping[str, Measure], exclusions: Exclusions, suspected: set[int],
    totals: TotalRows,
) -> bool:  # fmt: skip
    """Return whether there are more rows of totals than were left out, if suspected tables are inspected completely."""
    return without_totals(tables, measures, exclusions, suspected=suspected)[1].left_out > totals.left_out


def _truth_notes(
    sources: Sequence[Placed], measures: Mapping[str, Measure], kinds: Mapping[str, str]
) -> list[Diagnostic]:
    """Return the findings about columns of truth values that are compared with other texts."""
    texts = list(expressions_of(list(measures.values())))
    findings = []
    for source in sources:
        schema = source.table.frame.collect_schema()
        for name in (name for name, kind in kinds.items() if kind == "text"):
            known = column_of(source.table, name)
            if known is not None and schema[known[0]] == pl.Boolean:
                findings += truth_notes(texts, name, source.table.place(None, known[0]))
    return findings
