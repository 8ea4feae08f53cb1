"""Aggregate records, one event a row, to measures per entity and scored period.

Mergeable statistics are aggregated in one pass of the streaming engine (`events.mergeable`), with a further pass for
each column of finer units (`per`), which has other groups; others are aggregated a bucket of periods at a time
(`kpi.intake.events.ordered`). Bad rows are located only if the pass counts some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.aggregate_rows import Exclusions
from kpi.intake.calendars import calendar_of, counting, notes_of
from kpi.intake.entities import Entities
from kpi.intake.events.conditions import (
    blank_comparands,
    blank_note,
    blank_operands,
    left_out_blank,
    reads,
    truth_notes,
)  # fmt: skip
from kpi.intake.events.events import MONTH, WHO, bad, dated, events, number_columns
from kpi.intake.events.keys import Deduplication, deduplicated, shared_events
from kpi.intake.events.mergeable import PER, REFUSED, ROWS, SOURCE, Aggregation, aggregation
from kpi.intake.events.ordered import Statistics
from kpi.intake.events.times import negative, negative_findings, settled, uncounted_findings, with_working_days
from kpi.intake.events.total_rows import TotalRows, finer_totals, without_totals
from kpi.intake.events.units import converted, scales, with_implied_units
from kpi.intake.matching.datasets import Placed, column_of, of_dataset
from kpi.intake.rows_left_out import left_out_notes
from kpi.language.datasets import Records
from kpi.language.expressions.times import PERIOD_END
from kpi.language.measures import SCALE, Measure, OfColumn, OfRows, Part, exact_sum, unscaled
from kpi.language.record_columns import as_written, computed, counted_in, expressions_of
from kpi.language.system import System
from kpi.process import progress
from kpi.values.columns import Column
from kpi.values.periods import Grain, Period
from kpi.values.status import OK, reason


@dataclass
class Aggregated:
    """Measures of one table of records.

    `figures` has the columns measure, entity, per, period, value, status, rows (as `period_aggregation.to_scored`).
    """

    figures: pl.DataFrame
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    left_out: int = 0
    repeated: int = 0
    restated: int = 0


@dataclass(frozen=True)
class Gathered:
    """The tables of a dataset, aggregated by name and month as written, before the entities are known."""

    grain: Grain
    measures: Mapping[str, Measure]
    pass_over: Aggregation
    tables: Mapping[str | None, pl.DataFrame]
    repeats: Deduplication
    totals: TotalRows
    differences: Sequence[tuple[str, str]] = ()

    def texts(self) -> list[str]:
        """Return the distinct names and codes of rows, sorted."""
        return sorted({text for table in self.tables.values() for text in table[WHO].drop_nulls().unique()})

    def units(self) -> list[str]:
        """Return the names and codes of rows with a readable date; refused rows do not make entities."""
        items = (table.filter(dated(pl.col(MONTH), self.grain))[WHO].drop_nulls() for table in self.tables.values())
        return sorted({text for texts in items for text in texts.unique()})

    def begins(self, entities: Entities) -> dict[int, int]:
        """Return the first month in which there are rows of each entity, by its place."""
        rows = self.tables[None].filter(dated(pl.col(MONTH), self.grain))
        rows = rows.group_by(WHO).agg(pl.col(MONTH).min()).drop_nulls()
        first = dict(rows.select(WHO, MONTH).rows())
        begins: dict[int, int] = {}
        for text, place in entities.resolve(first).items():
            begins[place] = min(first[text], begins.get(place, first[text]))
        return begins

    def measured(
        self, entities: Entities, *, unions: Mapping[int, int] | None = None, ended: Mapping[int, int] | None = None
    ) -> Aggregated:
        """Return the measures of the entities, and the findings about rows.

        Args:
            entities: the entities.
            unions: the positions of former entities whose rows count for another, with the position of that.
            ended: the positions of former entities, with the month from which they no longer exist.
        """
        named = entities.resolve(self.texts())
        meaning = {text: (unions or {}).get(place, place) for text, place in named.items()}
        known = pl.DataFrame(
            {WHO: list(meaning), "entity": list(meaning.values())}, schema={WHO: pl.String, "entity": pl.UInt32}
        )
        figures, over = [], self.pass_over
        tied: dict[str, int] = {}
        for (per, timing, _), group in self._groups().items():
            values = self._merged(group, per, known, tied, by_month=timing is not None)
            values = self._with_none(values, group, per, known, len(entities.names), by_month=timing is not None)
            figures.append(_long(values, group, timing, self.grain))
        out = Aggregated(pl.concat(figures) if figures else pl.DataFrame())
        out.findings += [*over.notes, *self.totals.findings, *self.repeats.findings]
        out.read, out.refused = self.repeats.left_out + self.totals.left_out, 0
        out.left_out = self.totals.left_out
        out.repeated, out.restated = self.repeats.repeated, self.repeats.restated
        self._count(out, entities, known)
        out.findings += self._after_end(entities, named, unions or {}, ended or {})
        out.findings += self._blank(known)
        out.findings += self._of_one_date(tied)
        out.findings += self._negative(known)
        if not cast("Records", over.tables[0].source.dataset).key:
            of_entities = [measure for measure in self.measures.values() if measure.per is None]
            out.findings += shared_events(
                over.tables, self._known(None, known), [part.name for part in _parts(of_entities)], self.grain
            )
        return out

    def _after_end(
        self, entities: Entities, named: Mapping[str, int], unions: Mapping[int, int], ended: Mapping[int, int]
    ) -> list[Diagnostic]:
        """Return a finding for each former entity with rows after its end."""
        findings = []
        for old, start in ended.items():
            texts = pl.Series([text for text, place in named.items() if place == old], dtype=pl.String)
            rows = self.tables[None].filter(
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

    def _groups(self) -> dict[tuple[str | None, str | None, bool], dict[str, Measure]]:
        """Return the measures by column of finer units, aggregation over months, and whether no event means 0."""
        groups: dict[tuple[str | None, str | None, bool], dict[str, Measure]] = {}
        for name, measure in self.measures.items():
            timing = measure.over_time if measure.over_time != "ytd" else None
            groups.setdefault((measure.per, timing, _is_zero(measure)), {})[name] = measure
        return groups

    def _merged(
        self,
        group: Mapping[str, Measure],
        per: str | None,
        known: pl.DataFrame,
        tied: dict[str, int],
        *,
        by_month: bool,
    ) -> pl.DataFrame:
        """Return value and rows of each measure by entity, finer unit and period (or month).

        `tied` takes the number of rows of one date that differ, by the measures of the last or first.
        """
        months = 1 if by_month else self.grain.months
        keys = ["entity", PER, "period"]
        table = self._known(per, known).with_columns(period=(pl.col(MONTH) // months).cast(pl.Int32))
        over = self.pass_over
        parts = _parts(group.values(), over)
        merged = table.group_by(keys).agg(part.merged().alias(part.name) for part in parts)
        of_rows = {name: measure for name, measure in group.items() if isinstance(measure, OfRows)}
        statistics = Statistics(self.pass_over, known, per, self.grain.months, by_month)
        for items in statistics.of(of_rows, self._known(per, known)):
            merged = merged.join(items, on=keys, how="left", nulls_equal=True)
        tied.update(statistics.tied)
        merged = merged.with_columns(
            pl.lit(None, dtype=pl.Float64).alias(name) for name in of_rows if name not in merged.columns
        )
        columns: dict[str, pl.Expr] = {}
        for name, measure in group.items():
            own = [pl.col(part.name) for part in measure.parts()]
            value, rows = measure.figure(*own, *([pl.col(name)] if name in of_rows else []))
            columns[name], columns[Column(name).rows] = value, rows
            columns |= self._judged(name, measure, value)
        return merged.select(*keys, **columns)

    def _judged(self, name: str, measure: Measure, value: pl.Expr) -> dict[str, pl.Expr]:
        """Return the columns of a measure: its value in its unit, null if rows are refused, and whether they are."""
        over = self.pass_over
        factor = over.factor(measure)
        if factor is None:
            return {name: pl.lit(None, dtype=pl.Float64), Column(name).refused: pl.lit(value=True)}
        if not over.careful:
            return {name: converted(value, factor), Column(name).refused: pl.lit(value=False)}
        refused = pl.col(over.refusal(measure).name) > 0
        return {name: pl.when(~refused).then(converted(value, factor)), Column(name).refused: refused}

    def _with_none(
        self, values: pl.DataFrame, group: Mapping[str, Measure], per: str | None, known: pl.DataFrame, entities: int,
        *, by_month: bool,
    ) -> pl.DataFrame:  # fmt: skip
        """Add 0 for entities without a row in a period for which the dataset has rows, if `none: 0` is declared."""
        if not all(map(_is_zero, group.values())):
            return values
        months = 1 if by_month else self.grain.months
        covered = self._known(None, known).select(period=(pl.col(MONTH) // months).cast(pl.Int32)).unique()
        units = values.select("entity", PER).unique()
        if per is None:
            units = pl.select(entity=pl.int_range(entities, dtype=pl.UInt32), per=pl.lit(None, dtype=pl.String))
        keys = ["entity", PER, "period"]
        lacking = units.join(covered, how="cross").join(values, on=keys, how="anti", nulls_equal=True)
        filled = lacking.with_columns(
            *(pl.lit(0.0).alias(name) for name in group),
            *(pl.lit(0).alias(Column(name).rows) for name in group),
            *(pl.lit(value=False).alias(Column(name).refused) for name in group),
        )
        return pl.concat([values, filled.select(values.columns).cast(values.schema)])

    def _known(self, per: str | None, known: pl.DataFrame) -> pl.DataFrame:
        """Return the groups with a known entity and a valid month."""
        return self.tables[per].filter(dated(pl.col(MONTH), self.grain)).join(known, on=WHO, how="inner")

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
        groups = self.tables[None].join(known, on=WHO, how="left")
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

    def _negative(self, known: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about negative differences of times, one for each table and pair of columns."""
        if not self.differences:
            return []
        names = {pair: negative(*pair).name for pair in self.differences}
        rows = self._known(None, known).group_by(SOURCE).agg(pl.col(list(names.values())).cast(pl.Int64).sum())
        out = []
        for row in rows.sort(SOURCE).to_dicts():
            many = {pair: int(row[name]) for pair, name in names.items()}
            out += negative_findings(self.pass_over.tables[row[SOURCE]], many)
        return out

    def _blank(self, known: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about rows excluded by blank texts, one for each condition and column."""
        measures_of: dict[Part, list[str]] = {}
        for name, measure in self.measures.items():
            for part in _blanks(measure, self.pass_over.kinds):
                measures_of.setdefault(part, []).append(name)
        findings = []
        for part, names in measures_of.items():
            per = self.measures[names[0]].per
            rows = int(self._known(per, known)[part.name].cast(pl.Int64).sum())
            if rows:
                place = self.pass_over.tables[0].source.table.place(None, part.of)
                findings.append(blank_note(str(part.where), str(part.of), names, rows, place))
        return [
            *findings, *self._blank_comparands(known), *self._blank_operands(known), *self._blank_figures(known),
            *self._blank_finer_units(known),
        ]  # fmt: skip

    def _blank_figures(self, known: pl.DataFrame) -> list[Diagnostic]:
        """Return the notes on rows without a figure in a column that is summed or averaged, one for each column."""
        blanks: dict[str, tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            parts = _figureless(measure)
            if parts is None:
                continue
            groups = self._known(measure.per, known)
            rows, filled = (groups[part.name].cast(pl.Int64) for part in parts)
            lacking_rows = rows - filled
            if self.pass_over.careful:
                lacking_rows -= groups[self.pass_over.refusal(measure).name].cast(pl.Int64)
            lacking = int(lacking_rows.clip(0).sum())
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

    def _blank_finer_units(self, known: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about rows that name no finer unit, one for each column of these."""
        findings = []
        for per in self.tables.keys() - {None}:
            most = 0
            names: list[str] = []
            for name, measure in self.measures.items():
                part = Part("rows", measure.where).name
                if measure.per == per:
                    every, own = (int(self._known(item, known)[part].cast(pl.Int64).sum()) for item in (None, per))
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

    def _blank_comparands(self, known: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about rows with a blank in a comparison of columns, one for each condition and column."""
        blanks: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            for column, part in _comparands(measure).items():
                rows = int(self._known(measure.per, known)[part.name].cast(pl.Int64).sum())
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

    def _blank_operands(self, known: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about rows with blank operands, one for each expression and column."""
        blanks: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            for column, part in _operands(measure).items():
                rows = int(self._known(measure.per, known)[part.name].cast(pl.Int64).sum())
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


def gather(sources: Sequence[Placed], system: System, everywhere: frozenset[str] = frozenset()) -> Gathered:
    """Aggregate a dataset of records as far as possible without knowing the entities.

    Args:
        sources: its tables, which are combined: a file for each month, or for each department.
        system: gives the measures, with `where`, `per` and `over_time`.
        everywhere: columns of finer units of which all rows are inspected for names of totals.

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
        tables, totals = without_totals(tables, measures, Exclusions.of(system), everywhere=everywhere)
        tables, repeats = deduplicated(tables, measures, dataset, grain=system.period)
        over = aggregation(tables, kinds, measures, units, _parts(measures.values()), calendar=calendar)
        over = replace(over, notes=(*misfits, *notes, *remarks))
        negatives = [negative(*pair) for pair in pairs]
        finer = [Part("rows", item.where) for item in measures.values() if item.per is not None]
        whole, over = over.verified(list(dict.fromkeys([*_parts(by_per[None], over), *finer, *negatives])))
        # An undeclared decimal comma makes other cells of its column ambiguous: they are read again.
        more = [table.undeclared_commas(over.second or ()) for table in tables]
        if not any(more):
            break
        unclear = [item | new for item, new in zip(unclear, more, strict=True)]
    read = dict(whole.group_by(SOURCE).agg(pl.col(ROWS).sum()).rows())
    for place, source in enumerate(sources):
        source.table.all_read(read.get(place, 0) + repeats.left_out_of(place) + totals.by_table.get(place, 0))
    results: dict[str | None, pl.DataFrame] = {None: whole}
    for per, items in by_per.items():
        if per is not None:
            rows = [Part("rows", item.where) for item in items]
            results[per] = over.partials(list(dict.fromkeys([*_parts(items, over), *rows])), per)
            if per not in everywhere and finer_totals(results[per][PER]):
                # Totals that stand beyond the first rows of a large table.
                return gather(sources, system, everywhere | {per})
    return Gathered(system.period, measures, over, results, repeats, totals, pairs)


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


def _parts(measures: Iterable[Measure], over: Aggregation | None = None) -> list[Part]:
    """Return the distinct parts of measures; with the pass, also those that count refused and excluded rows."""
    items = list(measures)
    parts = [part for measure in items for part in measure.parts()]
    parts += [part for measure in items for part in _figureless(measure) or ()]
    if over is not None:
        parts += [over.refusal(measure) for measure in items if over.careful]
        parts += [part for measure in items for part in _blanks(measure, over.kinds)]
        parts += [part for measure in items for part in _operands(measure).values()]
        parts += [part for measure in items for part in _comparands(measure).values()]
    return list(dict.fromkeys(parts))


def _blanks(measure: Measure, kinds: Mapping[str, str]) -> list[Part]:
    return [Part("blank", measure.where, column) for column in left_out_blank(measure.where, kinds)]


def _comparands(measure: Measure) -> dict[str, Part]:
    """Return the parts that count rows that a blank drops from a measure's condition, by column."""
    return {name: Part("rows", test) for name, test in blank_comparands(measure.where).items()}


def _operands(measure: Measure) -> dict[str, Part]:
    """Return the parts that count rows with a blank operand of a measure's expression, by column."""
    if not isinstance(measure, OfColumn) or not measure.computed:
        return {}
    return {name: Part("rows", test) for name, test in blank_operands(measure.of, measure.where).items()}


def _figureless(measure: Measure) -> tuple[Part, Part] | None:
    """Return the parts whose difference counts the rows of a sum or mean of a column that have no figure in it."""
    if not isinstance(measure, OfColumn) or not measure.of_all_rows or measure.computed:
        return None
    return Part("rows", measure.where), Part("filled", measure.where, measure.of)


def _is_zero(measure: Measure) -> bool:
    """Return whether a measure is 0 for an entity without events."""
    return getattr(measure, "none", None) == 0


def _long(table: pl.DataFrame, measures: Mapping[str, Measure], timing: str | None, grain: Grain) -> pl.DataFrame:
    """Unpivot the columns of a query to one figure a row, aggregated over months as `over_time` declares."""
    if timing is not None:
        table = table.group_by(["entity", "per", (pl.col("period") // grain.months).alias("scored")]).agg(
            **{name: _over_months(pl.col(name), timing) for name in measures},
            **{Column(name).rows: pl.col(Column(name).rows).sum() for name in measures},
            **{Column(name).refused: pl.col(Column(name).refused).any() for name in measures},
        ).rename({"scored": "period"})  # fmt: skip
        table = table.with_columns(pl.when(~pl.col(Column(name).refused)).then(name).alias(name) for name in measures)
    parts = []
    for name, measure in measures.items():
        part = table.select(
            measure=pl.lit(name), entity=pl.col("entity"), per=pl.col("per"), period=pl.col("period").cast(pl.Int32),
            value=pl.col(name), rows=pl.col(Column(name).rows).cast(pl.Int64), refused=pl.col(Column(name).refused),
        )  # fmt: skip
        if measure.over_time == "ytd":
            year = ["entity", "per", pl.col("period") * grain.months // 12]
            part = (
                part.sort("period")
                .with_columns(
                    value=unscaled((pl.col("value") * SCALE).round().cum_sum().over(year)),
                    rows=pl.col("rows").cum_sum().over(year),
                    refused=pl.col("refused").cum_max().over(year),
                )
                .with_columns(value=pl.when(~pl.col("refused")).then("value"))
            )
        parts.append(part)
    figures = pl.concat(parts).with_columns(
        status=pl.when("refused").then(reason("refused")).when(pl.col("value").is_not_null()).then(OK)
        .otherwise(reason("missing")),
    )  # fmt: skip
    return figures.select("measure", "entity", "per", "period", "value", "status", "rows")


def _over_months(value: pl.Expr, timing: str) -> pl.Expr:
    """Return the aggregation of the months of a scored period."""
    return {
        "sum": pl.when(value.count() > 0).then(exact_sum(value)),
        "mean": pl.when(value.count() > 0).then(exact_sum(value) / value.count()),
        "median": value.median() + 0.0,
        "max": value.max(),
        "min": value.min(),
        "last": value.sort_by("period").last(),
        "first": value.sort_by("period").first(),
    }[timing]
