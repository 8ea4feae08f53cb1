"""Records: one event a row becomes measures per entity and scored period.

What merges is aggregated in one pass of the streaming engine (`events.mergeable`), and one more for each column of
finer units (`per`), whose groups are others; what does not merge is taken a bucket of periods at a time
(`kpi.intake.events.ordered`). Rows that are wrong are looked for only when there are some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.calendars import calendar_of, counting
from kpi.intake.entities import Entities
from kpi.intake.events.conditions import blank_operands, left_out_blank, reads
from kpi.intake.events.events import MONTH, WHO, bad, dated, events, number_columns
from kpi.intake.events.keys import Once, alike, once
from kpi.intake.events.mergeable import PER, REFUSED, ROWS, SOURCE, Aggregation, aggregation
from kpi.intake.events.ordered import Statistics
from kpi.intake.events.times import negative, negative_findings, settled, uncounted_findings, with_working_days
from kpi.intake.events.units import converted, scales, with_implied_units
from kpi.intake.matching.datasets import Placed, of_dataset
from kpi.intake.rows_left_out import left_out_notes
from kpi.language.datasets import Records
from kpi.language.expressions.times import PERIOD_END
from kpi.language.measures import SCALE, Measure, OfColumn, OfRows, Part, exact_sum, unscaled
from kpi.language.record_columns import as_written, computed, counted_in
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
    """The tables of a dataset, aggregated by who and month as they are written, before it is known who there is."""

    grain: Grain
    measures: Mapping[str, Measure]
    pass_over: Aggregation
    tables: Mapping[str | None, pl.DataFrame]
    repeats: Once
    differences: Sequence[tuple[str, str]] = ()

    def texts(self) -> list[str]:
        """Returns the distinct texts that say who a row is about, sorted."""
        return sorted({text for table in self.tables.values() for text in table[WHO].drop_nulls().unique()})

    def units(self) -> list[str]:
        """Returns those of the texts that a row with a readable date has: what is refused makes no unit."""
        some = (table.filter(dated(pl.col(MONTH)))[WHO].drop_nulls() for table in self.tables.values())
        return sorted({text for texts in some for text in texts.unique()})

    def measured(
        self, entities: Entities, *, unions: Mapping[int, int] | None = None, ended: Mapping[int, int] | None = None
    ) -> Aggregated:
        """Returns the measures of the entities, and what is wrong in the rows.

        Args:
            entities: who there is.
            unions: the places of units whose rows count for another, with the place of that.
            ended: the places of units that are none any more, with the month from which they are none.
        """
        named = entities.resolve(self.texts())
        meaning = {text: (unions or {}).get(place, place) for text, place in named.items()}
        known = pl.DataFrame(
            {WHO: list(meaning), "entity": list(meaning.values())}, schema={WHO: pl.String, "entity": pl.UInt32}
        )
        figures, over = [], self.pass_over
        for (per, timing, _), group in self._groups().items():
            found = self._merged(group, per, known, by_month=timing is not None)
            found = self._with_none(found, group, per, known, len(entities.names), by_month=timing is not None)
            figures.append(_long(found, group, timing, self.grain))
        out = Aggregated(pl.concat(figures) if figures else pl.DataFrame())
        out.findings += [*over.notes, *self.repeats.findings]
        out.read, out.refused = self.repeats.left_out, 0
        out.repeated, out.restated = self.repeats.repeated, self.repeats.restated
        self._told(out, entities, known)
        out.findings += self._late(entities, named, unions or {}, ended or {})
        out.findings += self._blank(known)
        out.findings += self._negative(known)
        if not cast("Records", over.tables[0].source.dataset).key:
            whole = [measure for measure in self.measures.values() if measure.per is None]
            out.findings += alike(over.tables, self._known(None, known), [part.name for part in _parts(whole)])
        return out

    def _late(
        self, entities: Entities, named: Mapping[str, int], unions: Mapping[int, int], ended: Mapping[int, int]
    ) -> list[Diagnostic]:
        """Return a finding for each unit with rows from a time at which it is none any more."""
        found = []
        for old, start in ended.items():
            texts = pl.Series([text for text, place in named.items() if place == old], dtype=pl.String)
            rows = self.tables[None].filter(
                dated(pl.col(MONTH)) & (pl.col(MONTH) >= start) & pl.col(WHO).is_in(texts.implode())
            )
            many = int(rows[ROWS].sum())
            if many:
                name, when = entities.names[old], Period(start, 1).label
                does = f"count for {entities.names[unions[old]]}" if old in unions else "are not used"
                message = Message(
                    "{many} of `{name}`, which is no unit from {when} on, {does}",
                    many=count(many, "row"),
                    name=name,
                    when=when,
                    does=does,
                )
                place = self.pass_over.tables[int(rows[SOURCE][0])].source.table.place()
                severity = Severity.WARNING if old in unions else Severity.ERROR
                found.append(Diagnostic("K646", message, place, Message("write the new unit in them"), severity))
        return found

    def _groups(self) -> dict[tuple[str | None, str | None, bool], dict[str, Measure]]:
        """The measures by the column of finer units, how months are combined, and whether no event is 0."""
        groups: dict[tuple[str | None, str | None, bool], dict[str, Measure]] = {}
        for name, measure in self.measures.items():
            timing = measure.over_time if measure.over_time != "ytd" else None
            groups.setdefault((measure.per, timing, _is_zero(measure)), {})[name] = measure
        return groups

    def _merged(
        self, group: Mapping[str, Measure], per: str | None, known: pl.DataFrame, *, by_month: bool
    ) -> pl.DataFrame:
        """Value and rows of each measure for every entity, finer unit and period, or month."""
        months = 1 if by_month else self.grain.months
        keys = ["entity", PER, "period"]
        table = self._known(per, known).with_columns(period=(pl.col(MONTH) // months).cast(pl.Int32))
        over = self.pass_over
        parts = _parts(group.values(), over)
        merged = table.group_by(keys).agg(part.merged().alias(part.name) for part in parts)
        of_rows = {name: measure for name, measure in group.items() if isinstance(measure, OfRows)}
        made = Statistics(self.pass_over, known, per, self.grain.months, by_month)
        for some in made.of(of_rows, self._known(per, known)):
            merged = merged.join(some, on=keys, how="left", nulls_equal=True)
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
        """A measure in its unit, null where rows cannot be used, and whether that is so."""
        over = self.pass_over
        factor = over.factor(measure)
        if factor is None:
            return {name: pl.lit(None, dtype=pl.Float64), Column(name).refused: pl.lit(value=True)}
        if not over.careful:
            return {name: converted(value, factor), Column(name).refused: pl.lit(value=False)}
        refused = pl.col(over.refusal(measure).name) > 0
        return {name: pl.when(~refused).then(converted(value, factor)), Column(name).refused: refused}

    def _with_none(
        self, found: pl.DataFrame, group: Mapping[str, Measure], per: str | None, known: pl.DataFrame, entities: int,
        *, by_month: bool,
    ) -> pl.DataFrame:  # fmt: skip
        """Adds 0 for entities without a row in a period of which the dataset has rows, where `none: 0` says so."""
        if not all(map(_is_zero, group.values())):
            return found
        months = 1 if by_month else self.grain.months
        covered = self._known(None, known).select(period=(pl.col(MONTH) // months).cast(pl.Int32)).unique()
        units = found.select("entity", PER).unique()
        if per is None:
            units = pl.select(entity=pl.int_range(entities, dtype=pl.UInt32), per=pl.lit(None, dtype=pl.String))
        keys = ["entity", PER, "period"]
        lacking = units.join(covered, how="cross").join(found, on=keys, how="anti", nulls_equal=True)
        filled = lacking.with_columns(
            *(pl.lit(0.0).alias(name) for name in group),
            *(pl.lit(0).alias(Column(name).rows) for name in group),
            *(pl.lit(value=False).alias(Column(name).refused) for name in group),
        )
        return pl.concat([found, filled.select(found.columns).cast(found.schema)])

    def _known(self, per: str | None, known: pl.DataFrame) -> pl.DataFrame:
        """The groups that are of an entity and a month."""
        return self.tables[per].filter(dated(pl.col(MONTH))).join(known, on=WHO, how="inner")

    def _told(self, out: Aggregated, entities: Entities, known: pl.DataFrame) -> None:
        """Counts the rows, and finds those that are wrong where there are any."""
        there = set(known[WHO])
        known_not = [text for text in self.texts() if text not in there and entities.stranger(text)]
        # Of a name that is nobody's without a roster every row is refused for another reason.
        nameless = pl.col(WHO).is_null() | pl.col(WHO).is_in(pl.Series(known_not, dtype=pl.String).implode())
        named = pl.col("entity").is_not_null() | ~nameless
        lost = sorted(self.pass_over.second or ())
        # Native files have blank texts where others have nothing.
        nobody = pl.col(WHO).fill_null("").str.strip_chars() == ""
        whole = self.tables[None].join(known, on=WHO, how="left")
        aside = self._left_out(out, entities, whole)
        counted = whole.join(aside, on=[SOURCE, WHO], how="anti", nulls_equal=True).group_by(SOURCE).agg(
            rows=pl.col(ROWS).sum(), strangers=pl.col(ROWS).filter(~named).sum(),
            undated=pl.col(ROWS).filter(~dated(pl.col(MONTH))).sum(),
            refused=pl.when(named & dated(pl.col(MONTH))).then(self._refused_rows()).otherwise(pl.col(ROWS)).sum(),
            empty=pl.col(ROWS).filter(nobody & pl.col(MONTH).is_null()).sum(),
            unknown=pl.col(WHO).filter(~named).unique().drop_nulls(),
            **{name: pl.col(bad(name)).filter(named & dated(pl.col(MONTH))).sum() for name in lost},
        ).sort(SOURCE)  # fmt: skip
        passed = dict(aside.group_by(SOURCE).agg(pl.col(WHO)).rows())
        for one in counted.to_dicts():
            table = self.pass_over.tables[one[SOURCE]]
            blank = table.blank() if one["empty"] else 0
            out.read += one["rows"] - blank
            out.refused += one["refused"] - blank
            cells = self.pass_over.lost_of(one[SOURCE], {name: one[name] for name in lost})
            out.findings += table.findings(
                entities, one["unknown"], one["strangers"] - blank, one["undated"] - blank, cells,
                passed=passed.get(one[SOURCE], ()),
            )  # fmt: skip
            out.findings += uncounted_findings(table, self.pass_over)
        out.findings += self.pass_over.misfits()

    def _left_out(self, out: Aggregated, entities: Entities, whole: pl.DataFrame) -> pl.DataFrame:
        """Counts the rows of totals and the like and of repeated headings, and returns their tables and texts."""
        unknown = whole.filter(pl.col("entity").is_null() & pl.col(WHO).is_not_null()).group_by(SOURCE, WHO).agg(
            pl.col(ROWS).sum()
        ).sort(SOURCE, WHO)  # fmt: skip
        tables = self.pass_over.tables
        mine = [tables[source].aside(entities, text) for source, text in unknown.select(SOURCE, WHO).rows()]
        aside = unknown.filter(pl.Series(mine, dtype=pl.Boolean))
        out.read += int(aside[ROWS].sum())
        out.left_out += int(aside[ROWS].sum())
        for (source,), some in aside.partition_by(SOURCE, as_dict=True, maintain_order=True).items():
            table = tables[int(str(source))]
            out.findings += left_out_notes(table.source, table.rows_of(some[WHO].to_list()), entities)
        return aside.select(SOURCE, WHO)

    def _refused_rows(self) -> pl.Expr:
        """How many rows of a group some measure would need and cannot use."""
        misfits = [
            measure.parts()[0].name
            for measure in self.measures.values()
            if measure.per is None and self.pass_over.factor(measure) is None
        ]
        return pl.max_horizontal(pl.col(name).cast(pl.Int64) for name in (REFUSED, *misfits))

    def _negative(self, known: pl.DataFrame) -> list[Diagnostic]:
        """The findings about differences of times that are negative, one a table and pair of columns."""
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
        """The findings about rows that conditions leave out as a text is blank, one a condition and column."""
        found: dict[Part, list[str]] = {}
        for name, measure in self.measures.items():
            for part in _blanks(measure, self.pass_over.kinds):
                found.setdefault(part, []).append(name)
        out = []
        for part, names in found.items():
            per = self.measures[names[0]].per
            rows = int(self._known(per, known)[part.name].cast(pl.Int64).sum())
            if rows:
                verb = "is" if rows == 1 else "are"
                message = Message(
                    "{rows} with a blank `{of}` {verb} not counted by `{where}` ({name}): a blank is not known "
                    "to be another text",
                    rows=count(rows, "row"),
                    of=part.of,
                    verb=verb,
                    where=part.where,
                    name=tuple(f"`{name}`" for name in names),
                )
                hint = Message("to count them, write ({where} OR {of} IS NULL)", where=part.where, of=part.of)
                table = self.pass_over.tables[0].source.table
                out.append(Diagnostic("K628", message, table.place(None, part.of), hint, Severity.INFO))
        return [*out, *self._blank_operands(known)]

    def _blank_operands(self, known: pl.DataFrame) -> list[Diagnostic]:
        """The findings about rows without a value of an expression as a cell is blank, for each column of each."""
        found: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for name, measure in self.measures.items():
            for column, part in _operands(measure).items():
                rows = int(self._known(measure.per, known)[part.name].cast(pl.Int64).sum())
                most, names = found.get((measure.of, column), (0, []))  # type: ignore[attr-defined]
                if rows:
                    found[measure.of, column] = (max(most, rows), [*names, name])  # type: ignore[attr-defined]
        out = []
        for (text, column), (rows, names) in found.items():
            verb = "has" if rows == 1 else "have"
            message = Message(
                "{rows} with a blank `{column}` {verb} no `{text}` and {verb_2} left out of {name}",
                rows=count(rows, "row"),
                column=column,
                verb=verb,
                text=as_written(text),
                verb_2=Message("is") if rows == 1 else Message("are"),
                name=tuple(f"`{name}`" for name in names),
            )
            timed = self.pass_over.kinds[column] == "time"
            hint = None if timed else Message("where a blank is none, write coalesce({column}, 0)", column=column)
            place = self.pass_over.tables[0].source.table.place(None, column)
            out.append(Diagnostic("K628", message, place, hint, Severity.INFO))
        return out


def gathered(sources: Sequence[Placed], system: System) -> dict[str, Gathered]:
    """Returns every dataset of records among some tables, aggregated as `gather` does, by its name."""
    groups: dict[str, list[Placed]] = {}
    for source in sources:
        if isinstance(source.dataset, Records):
            groups.setdefault(source.name, []).append(source)
    found = {}
    for name, some in groups.items():
        sizes = [source.table.size for source in some]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        with progress.stage(Message("aggregating {name}", name=name), total):
            found[name] = gather(some, system)
    return found


def gather(sources: Sequence[Placed], system: System) -> Gathered:
    """Returns a dataset of records, aggregated as far as can be without knowing who there is.

    Args:
        sources: its tables, which count as one: a file for each month, or for each department.
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
    made = computed(measures.values())
    kinds = {**columns_read.kinds, **dict.fromkeys(made, "computed")}
    if any(PERIOD_END in reads(text) for text in (*made, *(one.where for one in measures.values()))):
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
        tables, repeats = once(tables, measures, dataset, grain=system.period)
        over = aggregation(tables, kinds, measures, units, _parts(measures.values()), calendar=calendar)
        over = replace(over, notes=(*misfits, *notes))
        negatives = [negative(*pair) for pair in pairs]
        whole, over = over.proven(list(dict.fromkeys([*_parts(by_per[None], over), *negatives])))
        # A decimal comma that is not declared makes other cells of its column unclear: they are read anew.
        more = [table.undeclared_commas(over.second or ()) for table in tables]
        if not any(more):
            break
        unclear = [one | new for one, new in zip(unclear, more, strict=True)]
    read = dict(whole.group_by(SOURCE).agg(pl.col(ROWS).sum()).rows())
    for place, source in enumerate(sources):
        source.table.all_read(read.get(place, 0) + repeats.left_out_of(place))
    found: dict[str | None, pl.DataFrame] = {None: whole}
    found |= {per: over.partials(_parts(some, over), per) for per, some in by_per.items() if per is not None}
    return Gathered(system.period, measures, over, found, repeats, pairs)


def _parts(measures: Iterable[Measure], over: Aggregation | None = None) -> list[Part]:
    """What the measures keep, each once; with the pass, also of the rows that they cannot use or leave out."""
    some = list(measures)
    parts = [part for measure in some for part in measure.parts()]
    if over is not None:
        parts += [over.refusal(measure) for measure in some if over.careful]
        parts += [part for measure in some for part in _blanks(measure, over.kinds)]
        parts += [part for measure in some for part in _operands(measure).values()]
    return list(dict.fromkeys(parts))


def _blanks(measure: Measure, kinds: Mapping[str, str]) -> list[Part]:
    return [Part("blank", measure.where, column) for column in left_out_blank(measure.where, kinds)]


def _operands(measure: Measure) -> dict[str, Part]:
    """The parts that count the rows for which what a measure computes has no value, by the column that is blank."""
    if not isinstance(measure, OfColumn) or not measure.computed:
        return {}
    return {name: Part("rows", test) for name, test in blank_operands(measure.of, measure.where).items()}


def _is_zero(measure: Measure) -> bool:
    """Whether an entity without any event has 0."""
    return getattr(measure, "none", None) == 0


def _long(table: pl.DataFrame, measures: Mapping[str, Measure], timing: str | None, grain: Grain) -> pl.DataFrame:
    """The columns of one query as one figure a row, combined over months where `over_time` says so."""
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
    found = pl.concat(parts).with_columns(
        status=pl.when("refused").then(reason("refused")).when(pl.col("value").is_not_null()).then(OK)
        .otherwise(reason("missing")),
    )  # fmt: skip
    return found.select("measure", "entity", "per", "period", "value", "status", "rows")


def _over_months(value: pl.Expr, timing: str) -> pl.Expr:
    """How the months of a scored period are combined."""
    return {
        "sum": pl.when(value.count() > 0).then(exact_sum(value)),
        "mean": pl.when(value.count() > 0).then(exact_sum(value) / value.count()),
        "median": value.median() + 0.0,
        "max": value.max(),
        "min": value.min(),
        "last": value.sort_by("period").last(),
        "first": value.sort_by("period").first(),
    }[timing]
