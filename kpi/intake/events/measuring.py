"""Make the figures of measures from the groups of their rows (`events.mergeable`, `events.finer_units`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl
from msgspec import Struct, field

from kpi.intake.events.conditions import blank_comparands, blank_operands, left_out_blank
from kpi.intake.events.events import MONTH
from kpi.intake.events.mergeable import Aggregation
from kpi.intake.events.ordered import Statistics
from kpi.intake.events.remote import PER
from kpi.intake.events.units import converted
from kpi.language.measures import SCALE, Measure, OfColumn, OfRows, Part, exact_sum, unscaled
from kpi.values.columns import Column
from kpi.values.periods import Grain
from kpi.values.status import OK, reason

# How the names of parts begin that are numbers of rows.
_COUNTS = ("rows\n", "blank\n", "filled\n", "refused\n", "unsure\n")


class Measuring(Struct):
    """The measures of a dataset, made into figures.

    Attributes:
        measures: the measures.
        grain: the grain of the scored periods.
        known: the entity of each name: columns `WHO` and entity.
        whole: the groups of the entities themselves, with a known name and a valid month.
        entities: the number of entities.
        tied: the rows of one date, the last or the first, that differ, by measure; complete when all figures are made.
        counts: the numbers of rows in parts, by the column of finer units and the part; complete as `tied`.
    """

    measures: Mapping[str, Measure]
    grain: Grain
    known: pl.DataFrame
    whole: pl.DataFrame
    entities: int
    tied: dict[str, int] = field(default_factory=dict)
    counts: Counter[tuple[str | None, str]] = field(default_factory=Counter)

    def figures(
        self, per: str | None, over: Aggregation, table: pl.DataFrame, *, distinct: int | None = None
    ) -> list[pl.DataFrame]:
        """Return the figures of the measures with a column of finer units, None for those of entities.

        Columns: measure, entity, per, period, value, status, rows (as `period_aggregation.to_scored`).

        Args:
            per: the column.
            over: gives the rows of the groups.
            table: the groups, with the columns entity, `PER`, `MONTH` and parts.
            distinct: the months of the periods of which no entity and finer unit has several groups.
        """
        names = [name for name in table.columns if name.startswith(_COUNTS)]
        sums = table.select(pl.col(name).cast(pl.Int64).sum() for name in names)
        self.counts.update({(per, name): int(sums[name][0]) for name in names})
        figures = []
        for (timing, _), group in self._groups(per).items():
            by_month = timing is not None
            values = self._merged(group, per, over, table, by_month=by_month, distinct=distinct)
            values = self._with_none(values, group, per, by_month=by_month)
            figures.append(_long(values, group, timing, self.grain))
        return figures

    def _groups(self, per: str | None) -> dict[tuple[str | None, bool], dict[str, Measure]]:
        """Return the measures of a column of finer units, by aggregation over months and whether no event means 0."""
        groups: dict[tuple[str | None, bool], dict[str, Measure]] = {}
        for name, measure in self.measures.items():
            if measure.per == per:
                groups.setdefault((timing_of(measure), is_zero(measure)), {})[name] = measure
        return groups

    def _merged(
        self, group: Mapping[str, Measure], per: str | None, over: Aggregation, table: pl.DataFrame,
        *, by_month: bool, distinct: int | None,
    ) -> pl.DataFrame:  # fmt: skip
        """Return value and rows of each measure by entity, finer unit and period (or month)."""
        months = 1 if by_month else self.grain.months
        keys = ["entity", PER, "period"]
        periods = table.lazy().with_columns(period=(pl.col(MONTH) // months).cast(pl.Int32))
        parts = parts_of(group.values(), over)
        if distinct == months:
            merged = periods.select(*keys, *(part.alone().alias(part.name) for part in parts))
        else:
            merged = periods.group_by(keys).agg(part.merged().alias(part.name) for part in parts)
        of_rows = {name: measure for name, measure in group.items() if isinstance(measure, OfRows)}
        statistics = Statistics(over, self.known, per, self.grain.months, by_month)
        for items in statistics.of(of_rows, table):
            merged = merged.join(items.lazy(), on=keys, how="left", nulls_equal=True)
        for name, rows_tied in statistics.tied.items():
            self.tied[name] = self.tied.get(name, 0) + rows_tied
        there = merged.collect_schema().names()
        merged = merged.with_columns(
            pl.lit(None, dtype=pl.Float64).alias(name) for name in of_rows if name not in there
        )
        columns: dict[str, pl.Expr] = {}
        for name, measure in group.items():
            own = [pl.col(part.name) for part in measure.parts()]
            value, rows = measure.figure(*own, *([pl.col(name)] if name in of_rows else []))
            columns[name], columns[Column(name).rows] = value, rows
            columns |= _judged(name, measure, value, over)
        # Groups that stand alone are as many as rows: a batch at a time, their parts are never there at once.
        return merged.select(*keys, **columns).collect(engine="streaming" if distinct == months else "in-memory")

    def _with_none(
        self, values: pl.DataFrame, group: Mapping[str, Measure], per: str | None, *, by_month: bool
    ) -> pl.DataFrame:
        """Add 0 for entities without a row in a period for which the dataset has rows, if `none: 0` is declared."""
        if not all(map(is_zero, group.values())):
            return values
        months = 1 if by_month else self.grain.months
        covered = self.whole.select(period=(pl.col(MONTH) // months).cast(pl.Int32)).unique()
        units = values.select("entity", PER).unique()
        if per is None:
            units = pl.select(entity=pl.int_range(self.entities, dtype=pl.UInt32), per=pl.lit(None, dtype=pl.String))
        keys = ["entity", PER, "period"]
        lacking = units.join(covered, how="cross").join(values, on=keys, how="anti", nulls_equal=True)
        filled = lacking.with_columns(
            *(pl.lit(0.0).alias(name) for name in group),
            *(pl.lit(0).alias(Column(name).rows) for name in group),
            *(pl.lit(value=False).alias(Column(name).refused) for name in group),
        )
        return pl.concat([values, filled.select(values.columns).cast(values.schema)])


def in_place(figures: pl.DataFrame) -> pl.DataFrame:
    """Return what stands for the figures of finer units: one without a value for the ends of each entity's periods."""
    ends = figures.lazy().group_by("entity").agg(
        pl.col("measure").first(), period=pl.concat_list(pl.col("period").min(), pl.col("period").max()),
        rows=pl.col("rows").sum(),
    )  # fmt: skip
    return ends.explode("period").select(
        "measure", "entity", pl.lit(None, dtype=pl.String).alias("per"), "period",
        pl.lit(None, dtype=pl.Float64).alias("value"), reason("missing").alias("status"), "rows",
    ).collect()  # fmt: skip


def names_kept(measure: Measure) -> bool:
    """Return whether the names of finer units are needed beyond one period or the groups of its rows."""
    periods = measure.over_time is not None or is_zero(measure)
    return measure.per is not None and (periods or isinstance(measure, OfRows))


def timing_of(measure: Measure) -> str | None:
    """Return how figures of months make those of a scored period, None for measures made of its rows at once."""
    return measure.over_time if measure.over_time != "ytd" else None


def parts_of(measures: Iterable[Measure], over: Aggregation | None = None) -> list[Part]:
    """Return the distinct parts of measures; with the pass, also those that count refused and excluded rows."""
    items = list(measures)
    parts = [part for measure in items for part in measure.parts()]
    parts += [part for measure in items for part in figureless_of(measure) or ()]
    if over is not None:
        parts += [over.refusal(measure) for measure in items if over.careful]
        parts += [part for measure in items for part in blanks_of(measure, over.kinds)]
        parts += [part for measure in items for part in operands_of(measure).values()]
        parts += [part for measure in items for part in comparands_of(measure).values()]
    return list(dict.fromkeys(parts))


def blanks_of(measure: Measure, kinds: Mapping[str, str]) -> list[Part]:
    """Return the parts that count rows that a measure's condition leaves out as a column is blank."""
    return [Part("blank", measure.where, column) for column in left_out_blank(measure.where, kinds)]


def figureless_of(measure: Measure) -> tuple[Part, Part] | None:
    """Return the parts whose difference counts the rows of a sum or mean of a column that have no figure in it."""
    if not isinstance(measure, OfColumn) or not measure.of_all_rows or measure.computed:
        return None
    return Part("rows", measure.where), Part("filled", measure.where, measure.of)


def comparands_of(measure: Measure) -> dict[str, Part]:
    """Return the parts that count rows that a blank drops from a measure's condition, by column."""
    return {name: Part("rows", test) for name, test in blank_comparands(measure.where).items()}


def operands_of(measure: Measure) -> dict[str, Part]:
    """Return the parts that count rows with a blank operand of a measure's expression, by column."""
    if not isinstance(measure, OfColumn) or not measure.computed:
        return {}
    return {name: Part("rows", test) for name, test in blank_operands(measure.of, measure.where).items()}


def is_zero(measure: Measure) -> bool:
    """Return whether a measure is 0 for an entity without events."""
    return getattr(measure, "none", None) == 0


def _judged(name: str, measure: Measure, value: pl.Expr, over: Aggregation) -> dict[str, pl.Expr]:
    """Return the columns of a measure: its value in its unit, null if rows are refused, and whether they are."""
    factor = over.factor(measure)
    if factor is None:
        return {name: pl.lit(None, dtype=pl.Float64), Column(name).refused: pl.lit(value=True)}
    if not over.careful:
        return {name: converted(value, factor), Column(name).refused: pl.lit(value=False)}
    refused = pl.col(over.refusal(measure).name) > 0
    return {name: pl.when(~refused).then(converted(value, factor)), Column(name).refused: refused}


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
