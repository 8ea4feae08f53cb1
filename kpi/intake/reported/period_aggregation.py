"""Aggregate figures over time, from the periods that they are for to the periods that are scored.

Flows (`over_time: sum`) are summed when their finer periods fill the scored one without gap or overlap; a figure for
exactly the scored period goes before; a year-to-date figure (1-9月) is never summed, only the difference of two of them
taken. Stocks (`last`) are taken at the end. `ytd` keeps year-to-date figures, or adds up from January. Figures of
`mean`, `median`, `max` and `min` must fill the scored period as those of `sum` must.

A scored period that is not filled is `incomplete`, or `refused` where one of its parts is; `at_least` says how many
finer figures are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import polars as pl

from kpi.language.measures import SCALE, OverTime, exact_sum, unscaled
from kpi.values.periods import Grain
from kpi.values.status import OK, Status, reason

KEYS = ["measure", "entity", "per"]

#: The columns of figures per scored period.
FIGURES: dict[str, pl.DataType | type[pl.DataType]] = {
    "measure": pl.String, "entity": pl.UInt32, "per": pl.String, "period": pl.Int32, "value": pl.Float64,
    "status": Status, "rows": pl.Int64,
}  # fmt: skip

#: No figures.
NOTHING = pl.DataFrame(schema=FIGURES)


def refused() -> pl.Expr:
    """Return whether a clean row stands for one that was refused before."""
    return pl.col("status") == reason("refused")


def newest(
    rows: pl.DataFrame, told_apart: Callable[[pl.DataFrame], pl.Series] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the figures that count, those that contradict each other, and those that were restated.

    Of several rows for one entity, measure and period the latest valid revision counts: one that was refused does not
    take the place of an earlier one that is right. Two of the same revision contradict each other unless they say the
    same: neither is used then, the figure is `refused`; the second frame has in `apart` those of one value that are
    different figures all the same. The restated have the columns of clean rows, and in `after` and
    `edition` the figure that counts instead and its revision.

    Args:
        rows: clean rows (see `kpi.intake.reported.row_cleaning`).
        told_apart: returns for each of the rows of one value whether another cell says that they are different figures.
    """
    keys = [*KEYS, "start", "months"]
    none = rows.clear().with_columns(after=pl.lit(None, dtype=pl.Float64), edition=pl.lit(None, dtype=pl.Float64))
    if not rows.select(keys).is_duplicated().any():
        return rows, rows.clear(), none
    best = pl.when(~refused()).then(pl.col("revision")).max().over(keys)
    # A refused row without a revision that can be read, or of the same one, leaves open what is meant.
    passed = refused() & (pl.col("revision") != best) & pl.col("revision").is_finite()
    rows = rows.filter(~passed.fill_null(value=False))
    latest = rows.filter(pl.col("revision") == pl.col("revision").max().over(keys))
    earlier = rows.filter((pl.col("revision") != pl.col("revision").max().over(keys)) & ~refused())
    same = (pl.col("value").n_unique().over(keys) == 1) & (pl.col("status").n_unique().over(keys) == 1)
    repeated = latest.filter(pl.len().over(keys) > 1)
    alike = repeated.filter(same & ~refused())
    if told_apart is not None and alike.height:
        flags = alike.select(*keys, told_apart(alike).alias("apart")).unique()
        latest = latest.join(flags, on=keys, how="left", nulls_equal=True, maintain_order="left")
        latest = latest.with_columns(pl.col("apart").fill_null(value=False))
    else:
        latest = latest.with_columns(apart=pl.lit(value=False))
    repeated = latest.filter(pl.len().over(keys) > 1)
    same &= ~pl.col("apart")
    kept = latest.sort("source", "row").unique(keys, keep="first", maintain_order=True)
    clash = latest.filter((pl.len().over(keys) > 1) & ~same)
    if clash.height:
        void = clash.select(keys).unique().with_columns(clash=True)
        kept = kept.join(void, on=keys, how="left", nulls_equal=True, maintain_order="left").with_columns(
            value=pl.when(pl.col("clash").is_null()).then("value"),
            status=pl.when(pl.col("clash").is_null()).then("status").otherwise(reason("refused")),
        ).drop("clash")  # fmt: skip
    kept = kept.drop("apart")
    now = kept.select(*keys, after="value", edition="revision")
    return kept, repeated, earlier.join(now, on=keys, how="left", nulls_equal=True, maintain_order="left")


def labels_by_end(rows: pl.DataFrame, grain: Grain) -> bool:
    """Return whether months stand for the scored periods that they end, as in 2023-03, 2023-06 for quarters.

    That is so when every figure is for a single month and every month ends a scored period.
    """
    if grain.months == 1 or not rows.height:
        return False
    ends = (pl.col("months") == 1) & ((pl.col("start") + 1) % grain.months == 0)
    return bool(rows.select(ends.all()).item())


def from_january(rows: pl.DataFrame, running: Collection[str]) -> pl.DataFrame:
    """Return clean rows in which the figures of cumulative measures are for the months since January.

    Args:
        rows: clean rows (see `kpi.intake.reported.row_cleaning`).
        running: the measures whose figures run from January however they are labelled.
    """
    if not running or not rows.height:
        return rows
    mine = pl.col("measure").is_in(list(running))
    months = pl.col("start") % 12 + pl.col("months")
    return rows.with_columns(
        start=pl.when(mine).then(pl.col("start") // 12 * 12).otherwise("start").cast(pl.Int32),
        months=pl.when(mine).then(months).otherwise("months").cast(pl.Int32),
    )


def to_scored(
    rows: pl.DataFrame,
    timings: Mapping[str, OverTime],
    grain: Grain,
    enough: Mapping[str, int] | None = None,
    undecided: Collection[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return one figure per measure, entity, finer unit and scored period, and the rows that no timing can use.

    Columns of the figures: measure, entity, per, period (Int32, index at the grain), value, status, rows (Int64).

    Args:
        rows: clean rows, one per measure, entity, finer unit and period.
        timings: how each measure is combined over time.
        grain: of the scored periods.
        enough: how many finer figures are enough, for measures that do not need all.
        undecided: the measures that may be flows or levels, so that no figure for the year to date can be used.
    """
    size = grain.months
    rows = placed(rows, size)
    within = [name for name, timing in timings.items() if timing not in _TO_DATE or name in undecided]
    usable = pl.col("inside") | (pl.col("to_date") & ~pl.col("measure").is_in(within))
    coarse, rows = rows.filter(~usable), rows.filter(usable)
    groups: dict[tuple[OverTime, int], list[str]] = {}
    for name, timing in timings.items():
        groups.setdefault((timing, (enough or {}).get(name, 0)), []).append(name)
    parts = []
    for (timing, least), names in sorted(groups.items()):
        mine = rows.filter(pl.col("measure").is_in(names))
        if mine.height:
            parts.append(_combined(mine, size, timing, least))
    figures = pl.concat([NOTHING, *(part.select(NOTHING.columns).cast(NOTHING.schema) for part in parts)])
    return figures, coarse


def placed(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    """Add the scored period in which the span of a row ends, and how the two lie to each other.

    Columns: end (the last month), period (index at the grain), inside (whether the period has the complete span),
    exact (whether it is the span), to_date (whether the span begins with a year and ends in it).
    """
    return rows.with_columns(end=pl.col("start") + pl.col("months") - 1).with_columns(
        period=(pl.col("end") // size).cast(pl.Int32),
        inside=pl.col("start") // size == pl.col("end") // size,
        exact=(pl.col("months") == size) & (pl.col("start") % size == 0),
        to_date=(pl.col("start") % 12 == 0) & (pl.col("end") // 12 == pl.col("start") // 12),
    )


#: What is made of figures for the year to date as well; all else is of figures within the scored period.
_TO_DATE: frozenset[OverTime] = frozenset({"sum", "ytd", "last"})


def _combined(rows: pl.DataFrame, size: int, timing: OverTime, least: int) -> pl.DataFrame:
    """Combine the figures of measures of one timing; `least` finer figures are enough, all for 0."""
    if timing == "ytd":
        return _to_date(rows, size)
    if rows.select(pl.col("exact").all()).item():
        return rows.with_columns(rows=pl.lit(1, dtype=pl.Int64))
    if timing == "sum":
        return _flows(rows, size)
    return _at_end(rows, size, timing, least) if timing in ("last", "first") else _filling(rows, size, timing, least)


def _ok() -> pl.Expr:
    return pl.col("status") == OK


def together(status: pl.Expr) -> pl.Expr:
    """Return the reason of a total of parts of which some have no figure, null where all have.

    What all parts share holds for the whole. Else a refused part comes first, then a missing one; a whole of which only
    a part does not apply, or is below the unit, is incomplete.
    """
    return (
        pl.when((status == OK).all()).then(None)
        .when((status == reason("refused")).any()).then(reason("refused"))
        .when(status.n_unique() == 1).then(status.first())
        .when((status == reason("missing")).any()).then(reason("missing"))
        .otherwise(reason("incomplete"))
    )  # fmt: skip


def by_period(rows: pl.DataFrame, size: int, **combined: pl.Expr) -> pl.DataFrame:
    """Return what the figures of every scored period are, as columns beside its keys.

    Columns: exact and exact_status (the figure for exactly the period, null where there is none), apart (Boolean,
    whether finer figures overlap nowhere), filled (Boolean, whether they also fill the period), good (how many of them
    there are), worst (the reason of those without a figure, null where all have one), lacking (what the period is when
    its finer figures do not do), and what `combined` makes of the finer figures.

    Args:
        rows: figures that are `placed`.
        size: the months of a scored period.
        combined: aggregations over the column `part`, the values of finer figures.
    """
    exactly = pl.col("exact")
    part = pl.col("inside") & ~exactly
    bits = ((2 ** pl.col("months").cast(pl.Int64)) - 1) * 2 ** (pl.col("start") % size).cast(pl.Int64)
    periods = rows.with_columns(part=pl.when(part).then("value")).group_by([*KEYS, "period"]).agg(
        exact=pl.col("value").filter(exactly).first(),
        exact_status=pl.col("status").filter(exactly).first(),
        months=pl.when(part).then(pl.col("months")).sum(),
        covered=pl.when(part).then(bits).bitwise_or(),
        good=(part & _ok()).sum().cast(pl.Int64),
        worst=together(pl.col("status").filter(part)),
        rows=pl.len().cast(pl.Int64),
        **combined,
    )  # fmt: skip
    apart = pl.col("covered").bitwise_count_ones() == pl.col("months")
    refused = pl.col("worst") == reason("refused")
    return periods.with_columns(
        apart=apart,
        filled=apart & (pl.col("months") == size),
        lacking=pl.when(refused | (pl.col("worst").is_not_null() & (pl.col("months") >= size))).then("worst")
        .otherwise(reason("incomplete")),
    )  # fmt: skip


def _settled(periods: pl.DataFrame, done: pl.Expr, value: pl.Expr) -> pl.DataFrame:
    """Add value and status: the figure for exactly the period, else `value` where it is `done`, else why not."""
    exact = pl.col("exact_status").is_not_null()
    return periods.with_columns(
        value=pl.when(exact).then("exact").when(done).then(value),
        status=pl.when(exact).then("exact_status").when(done).then(OK).otherwise(pl.col("lacking")),
    )


def _flows(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    """Sum of periods that fill the scored one, else differences of year-to-date figures, else incomplete."""
    if rows.select(pl.col("exact").all()).item():
        return rows.with_columns(rows=pl.lit(1, dtype=pl.Int64))
    periods = by_period(rows, size, total=exact_sum(pl.col("part")))
    periods = _settled(periods, pl.col("filled") & pl.col("worst").is_null(), pl.col("total"))
    to_date = rows.filter("to_date").select(*KEYS, "end", so_far="value", so_far_status="status")
    periods = periods.with_columns(
        end=((pl.col("period") + 1) * size - 1).cast(pl.Int32), before=(pl.col("period") * size - 1).cast(pl.Int32)
    )
    periods = periods.join(to_date, on=[*KEYS, "end"], how="left", nulls_equal=True)
    former = to_date.rename({"end": "before", "so_far": "earlier", "so_far_status": "earlier_status"})
    periods = periods.join(former, on=[*KEYS, "before"], how="left", nulls_equal=True)
    # January's year to date starts from nothing.
    earlier = pl.when((pl.col("before") + 1) % 12 == 0).then(0.0).otherwise(pl.col("earlier"))
    difference = unscaled(((pl.col("so_far") - earlier) * SCALE).round())
    usable = (pl.col("status") != OK) & difference.is_not_null()
    # Where there is nothing else, the running totals say why the figure is not there.
    so_far, nothing = pl.col("so_far_status"), pl.col("status") == reason("incomplete")
    refused = (so_far == reason("refused")) | (so_far.is_not_null() & (pl.col("earlier_status") == reason("refused")))
    return periods.with_columns(
        value=pl.when(usable).then(difference).otherwise("value"),
        status=pl.when(usable).then(OK)
        .when(nothing & refused).then(reason("refused"))
        .when(nothing & (so_far != OK)).then(so_far)
        .otherwise("status"),
    )  # fmt: skip


def _to_date(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    """Year-to-date figures as reported at the end of each scored period, else what the year's periods add up to."""
    ends = rows.filter(pl.col("to_date") & ((pl.col("end") + 1) % size == 0))
    direct = ends.group_by([*KEYS, "period"]).agg(
        value=pl.col("value").first(), status=pl.col("status").first(), rows=pl.len().cast(pl.Int64)
    )
    flows = (
        _flows(rows.filter(pl.col("inside")), size) if rows.select(pl.col("inside").any()).item() else direct.clear()
    )
    flows = flows.select(*KEYS, "period", "value", "status", "rows").sort([*KEYS, "period"])
    year = [*KEYS, pl.col("period") * size // 12]
    place = (pl.col("period") * size % 12 // size).cast(pl.Int64)
    complete = (pl.int_range(pl.len()).over(year) == place) & (_ok().cast(pl.Int64).cum_sum().over(year) == place + 1)
    refused_so_far = refused().cast(pl.Int64).cum_sum().over(year) > 0
    summed = flows.with_columns(
        value=pl.when(complete).then(unscaled((pl.col("value") * SCALE).round().cum_sum().over(year))),
        status=pl.when(complete).then(OK)
        .when(_ok() & refused_so_far).then(reason("refused"))
        .when(_ok()).then(reason("incomplete")).otherwise(pl.col("status")),
    )  # fmt: skip
    rest = summed.join(direct, on=[*KEYS, "period"], how="anti", nulls_equal=True)
    totals = pl.concat([direct.select(rest.columns), rest.cast(direct.schema)])
    # 1-5月 covers part of the second quarter, but does not determine its value.
    partly = rows.group_by([*KEYS, "period"]).agg(
        value=pl.lit(None, dtype=pl.Float64),
        status=pl.when(refused().any()).then(reason("refused")).otherwise(reason("incomplete")),
        rows=pl.len().cast(pl.Int64),
    ).join(totals, on=[*KEYS, "period"], how="anti", nulls_equal=True)  # fmt: skip
    return pl.concat([totals, partly.select(totals.columns).cast(totals.schema)])


def _at_end(rows: pl.DataFrame, size: int, timing: OverTime, least: int) -> pl.DataFrame:
    """Return the figure at the end (or the beginning) of each scored period.

    That for exactly the period goes before others; of these, that of the shortest span. Where none is reported the
    period is incomplete, unless there are `least` figures: then the latest (or the earliest) of them counts.
    """
    last = timing == "last"
    ordered = rows.sort([*KEYS, "period", "end", "start", "source", "row"])
    edge = pl.col("end").last() == (pl.col("period").first() + 1) * size - 1
    if not last:
        edge = pl.col("start").first() == pl.col("period").first() * size
    value, status = (pl.col(name).last() if last else pl.col(name).first() for name in ("value", "status"))
    good = pl.col("value").filter(_ok())
    enough = pl.lit(least > 0) & (pl.col("end" if last else "start").filter(_ok()).n_unique() >= max(least, 1))
    return ordered.group_by([*KEYS, "period"], maintain_order=True).agg(
        at_edge=edge, value=value, status=status, enough=enough, latest=good.last() if last else good.first(),
        refused=refused().any(), rows=pl.len().cast(pl.Int64),
        exact=pl.col("value").filter(pl.col("exact")).first(),
        exact_status=pl.col("status").filter(pl.col("exact")).first(),
    ).with_columns(
        value=pl.when(pl.col("at_edge") & _ok()).then("value").when("enough").then("latest"),
        status=pl.when(pl.col("at_edge") & _ok() | pl.col("enough")).then(OK).when("at_edge").then("status")
        .when("refused").then(reason("refused")).otherwise(reason("incomplete")),
    ).with_columns(
        value=pl.when(pl.col("exact_status").is_not_null()).then("exact").otherwise("value"),
        status=pl.coalesce("exact_status", "status"),
    )  # fmt: skip


def _filling(rows: pl.DataFrame, size: int, timing: OverTime, least: int) -> pl.DataFrame:
    """Return the mean, median, maximum or minimum of figures that fill each scored period, or of `least` of them."""
    periods = by_period(rows, size, combined=made_of(pl.col("part"), timing))
    complete = pl.col("filled") & pl.col("worst").is_null()
    enough = pl.lit(least > 0) & pl.col("apart") & (pl.col("good") >= least)
    return _settled(periods, complete | enough, pl.col("combined"))


def made_of(part: pl.Expr, timing: OverTime) -> pl.Expr:
    """Return the mean, median, maximum or minimum of finer figures, null where there are none."""
    combined = {
        "mean": exact_sum(part) / part.count(), "median": part.median() + 0.0, "max": part.max(), "min": part.min(),
    }[timing]  # fmt: skip
    return pl.when(part.count() > 0).then(combined)
