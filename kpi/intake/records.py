"""Records: one event a row becomes measures per entity and scored period, in one pass over the file.

All measures of a dataset are aggregations of one `group_by` over a lazy scan, so a file is read once, by the streaming
engine, and only the columns that are needed. What texts mean (periods, entities) is found on their distinct values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from kpi import expressions, periods
from kpi.errors import Diagnostic
from kpi.intake import findings
from kpi.intake.entities import Entities
from kpi.intake.headers import clean
from kpi.intake.match import Placed, needed_columns, of_dataset
from kpi.intake.numbers import read_numbers
from kpi.intake.table import ROW
from kpi.measures import SCALE, Measure, exact_sum, unscaled
from kpi.periods import Grain
from kpi.status import OK, Status, reason
from kpi.system import System
from kpi.terms import Term


@dataclass
class Aggregated:
    """Measures of one table of records.

    `figures` has the columns measure, entity, per, period, value, status, rows (as `kpi.intake.timing.to_scored`).
    """

    figures: pl.DataFrame
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0


def distinct_texts(source: Placed, header: str) -> list[str]:
    """Returns the distinct texts of a column, sorted; one pass over that column alone."""
    column = pl.col(header).cast(pl.String)
    return source.table.frame.select(column.drop_nulls().unique().sort()).collect().to_series().to_list()


def aggregate(sources: Sequence[Placed], system: System, entities: Entities) -> Aggregated:
    """Returns the measures of a dataset of records.

    Args:
        sources: its tables, which count as one: a file for each month, or for each department.
        system: gives the measures, with `where`, `per` and `over_time`.
        entities: who there is.
    """
    grain = system.period
    measures = of_dataset(system, sources[0].name)
    kinds = needed_columns(system, sources[0].name)
    frames, bad = zip(*(_prepared(source, kinds, entities, grain) for source in sources), strict=True)
    frame = frames[0]
    if len(frames) > 1:
        finer = [clean(measure.per) for measure in measures.values() if measure.per is not None]
        read = {f"n {column}" if kind == "number" else column for column, kind in kinds.items()}
        columns = ["#entity", "#month", "#period", "#order", *sorted(read.union(finer))]
        frame = pl.concat([one.select(columns) for one in frames], how="vertical_relaxed")
    out = Aggregated(pl.DataFrame())
    usable = frame.filter(pl.col("#entity").is_not_null() & pl.col("#month").is_not_null())
    groups: dict[tuple[str | None, str | None], dict[str, Measure]] = {}
    for name, measure in measures.items():
        timing = measure.over_time if measure.over_time != "ytd" else None
        groups.setdefault((measure.per, timing), {})[name] = measure
    queries = [
        _query(usable, group, per, kinds, by_month=timing is not None) for (per, timing), group in groups.items()
    ]
    counted = frame.select(pl.len(), refused=(pl.col("#entity").is_null() | pl.col("#month").is_null()).sum())
    collected = pl.collect_all([counted, *bad, *queries])
    out.read, out.refused = collected[0].row(0)
    out.findings = [
        finding
        for source, rows in zip(sources, collected[1 : len(sources) + 1], strict=True)
        for finding in _findings(source, rows, entities)
    ]
    figures = [
        _long(table, group, timing, grain)
        for table, ((_, timing), group) in zip(collected[len(sources) + 1 :], groups.items(), strict=True)
    ]
    out.figures = pl.concat(figures) if figures else out.figures
    return out


def _prepared(
    source: Placed, kinds: Mapping[str, str], entities: Entities, grain: Grain
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The rows with `#entity`, `#month`, `#period`, `#order` and typed columns, and the rows that are wrong."""
    table, who, when = source.table, source.who, source.roles["period"]
    schema = table.frame.collect_schema()
    frame = table.numbered()
    meaning = entities.resolve(distinct_texts(source, who))
    known = pl.LazyFrame(
        {"#who": list(meaning), "#entity": list(meaning.values())}, schema={"#who": pl.String, "#entity": pl.UInt32}
    )
    named = pl.col(who).cast(pl.String)
    frame = frame.with_columns(pl.when(named.str.strip_chars() != "").then(named).alias("#who"))
    frame = frame.join(known, on="#who", how="left")
    if schema[when] in (pl.Date, pl.Datetime):
        date = pl.col(when)
        month = (date.dt.year() * 12 + date.dt.month() - 1).cast(pl.Int32)
        frame = frame.with_columns(month.alias("#month"), (month * 100 + date.dt.day()).alias("#order"))
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias("#problem"))
    else:
        texts = periods.parse_column(pl.Series(distinct_texts(source, when), dtype=pl.String))
        inside = pl.col("start") // grain.months == (pl.col("start") + pl.col("months") - 1) // grain.months
        texts = texts.select(
            pl.col("text").alias("#when"),
            pl.when(inside).then(pl.col("start") + pl.col("months") - 1).cast(pl.Int32).alias("#month"),
            pl.when(inside | pl.col("start").is_null()).then(pl.col("problem"))
            .otherwise(pl.format("`{}` is longer than the scored periods", "text")).alias("#problem"),
        )  # fmt: skip
        texts = texts.with_columns((pl.col("#month") * 100 + _day(pl.col("#when"))).alias("#order"))
        frame = frame.with_columns(pl.col(when).cast(pl.String).alias("#when")).join(
            texts.lazy(), on="#when", how="left"
        )
    frame = frame.with_columns((pl.col("#month") // grain.months).cast(pl.Int32).alias("#period"))
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    typed: dict[str, pl.Expr] = {}
    wrong: dict[str, pl.Expr] = {}
    for column in numbers:
        header = clean(column)
        source_column = pl.col(header)
        if schema[header].is_integer():
            typed[f"n {column}"] = source_column.cast(pl.Float64)
        else:
            read = source_column.map_batches(_values, return_dtype=pl.Float64, is_elementwise=True)
            typed[f"n {column}"] = read
            wrong[column] = source_column.map_batches(_problems, return_dtype=pl.String, is_elementwise=True)
    frame = frame.with_columns(**typed)
    unplaced = pl.col("#entity").is_null() | pl.col("#month").is_null()
    shown = frame.with_columns(**{f"p {column}": expr for column, expr in wrong.items()})
    bad = shown.filter(pl.any_horizontal([unplaced, *(pl.col(f"p {column}").is_not_null() for column in wrong)]))
    when_text = pl.col(when).cast(pl.String)
    return frame, bad.select(
        ROW, pl.col("#who"), when_text.alias("#text"), "#entity", "#month", "#problem", *(f"p {c}" for c in wrong)
    )


def _day(text: pl.Expr) -> pl.Expr:
    """The day of the month in the text of a date, 0 where it has none: 2023/9/30, 2023年9月30日, 20230930."""
    numbers = text.str.extract_all("[0-9]+")
    digits = pl.when(numbers.list.len() > 2).then(numbers.list.get(2, null_on_oob=True))
    return digits.otherwise(text.str.extract("^[0-9]{6}([0-9]{2})")).cast(pl.Int32, strict=False).fill_null(0)


def _values(column: pl.Series) -> pl.Series:
    return read_numbers(column)["value"]


def _problems(column: pl.Series) -> pl.Series:
    return read_numbers(column)["problem"]


def _query(
    frame: pl.LazyFrame, measures: Mapping[str, Measure], per: str | None, kinds: Mapping[str, str], *, by_month: bool
) -> pl.LazyFrame:  # fmt: skip
    """One `group_by` with value and row count of each measure; by month where they are combined over time after."""
    aggregations: dict[str, pl.Expr] = {}
    conditions: dict[str, pl.Expr] = {}
    columns = {column: f"n {column}" if kind == "number" else column for column, kind in kinds.items()}

    def scope(column: str) -> Term:
        return Term(pl.col(columns.get(column, column)), kinds.get(column, "text"))

    for name, measure in measures.items():
        matched = pl.lit(True)
        if measure.where is not None:
            matched = conditions.setdefault(
                measure.where, expressions.parse(measure.where).resolve(scope).expr.fill_null(value=False)
            )
        if measure.where is None:
            matched = pl.col("#entity").is_not_null()
        bound = measure.model_copy(update={"of": columns[measure.columns()[0]]}) if measure.columns() else measure
        aggregations[name], aggregations[f"{name}.rows"] = bound.aggregate(matched, pl.col("#order"))
    keys = [pl.col("#entity").alias("entity"), (pl.col("#month") if by_month else pl.col("#period")).alias("period")]
    finer = pl.lit(None, dtype=pl.String) if per is None else pl.col(clean(per)).cast(pl.String)
    frame = frame.with_columns(finer.alias("per"))
    if per is not None:
        frame = frame.filter(pl.col("per").is_not_null())
    return frame.group_by([*keys, "per"]).agg(**aggregations)


def _long(table: pl.DataFrame, measures: Mapping[str, Measure], timing: str | None, grain: Grain) -> pl.DataFrame:
    """The columns of one query as one figure a row, combined over months where `over_time` says so."""
    if timing is not None:
        table = table.group_by(["entity", "per", (pl.col("period") // grain.months).alias("scored")]).agg(
            **{name: _over_months(pl.col(name), timing) for name in measures},
            **{f"{name}.rows": pl.col(f"{name}.rows").sum() for name in measures},
        ).rename({"scored": "period"})  # fmt: skip
    parts = []
    for name, measure in measures.items():
        part = table.select(
            measure=pl.lit(name), entity=pl.col("entity"), per=pl.col("per"), period=pl.col("period").cast(pl.Int32),
            value=pl.col(name), rows=pl.col(f"{name}.rows").cast(pl.Int64),
        )  # fmt: skip
        if measure.over_time == "ytd":
            year = ["entity", "per", pl.col("period") * grain.months // 12]
            part = part.sort("period").with_columns(
                value=unscaled((pl.col("value") * SCALE).round().cum_sum().over(year)),
                rows=pl.col("rows").cum_sum().over(year),
            )
        parts.append(part)
    status = pl.when(pl.col("value").is_not_null()).then(OK).otherwise(reason("missing")).cast(Status)
    found = pl.concat(parts).with_columns(status=status)
    return found.select("measure", "entity", "per", "period", "value", "status", "rows")


def _over_months(value: pl.Expr, timing: str) -> pl.Expr:
    """How the months of a scored period are combined."""
    return {
        "sum": pl.when(value.count() > 0).then(exact_sum(value)),
        "mean": pl.when(value.count() > 0).then(exact_sum(value) / value.count()),
        "max": value.max(),
        "min": value.min(),
        "last": value.sort_by("period").last(),
        "first": value.sort_by("period").first(),
    }[timing]


def _findings(source: Placed, bad: pl.DataFrame, entities: Entities) -> list[Diagnostic]:
    found: list[Diagnostic] = []

    def unknown(row: dict[str, object]) -> tuple[str, str, str | None]:
        if row["#who"] is None:
            return "K602", "the row names no entity", None
        finding = entities.unknown(str(row["#who"]), source.table.place())
        return finding.code, finding.message, finding.hint

    def when(row: dict[str, object]) -> tuple[str, str, str | None]:
        return "K606", str(row["#problem"] or "the row has no date"), None

    for condition, column, tell in (("#entity", source.who, unknown), ("#month", source.roles["period"], when)):
        rows = bad.filter(pl.col(condition).is_null())
        if rows.height:
            found += findings.of_rows(source.table, rows, column, tell)
    for column in bad.columns:
        if column.startswith("p "):
            rows = bad.filter(pl.col(column).is_not_null())
            if rows.height:
                found += findings.of_rows(source.table, rows, column[2:], partial(_bad_number, column))
    return found


def _bad_number(column: str, row: dict[str, object]) -> tuple[str, str, str | None]:
    return "K604", str(row[column]), None
