"""From the periods that figures are for to the periods that are scored.

Flows (`over_time: sum`) are summed when their finer periods fill the scored one without gap or overlap; a figure for
exactly the scored period goes before; a year-to-date figure (1-9月) is never summed, only the difference of two of them
taken. Stocks (`last`) are taken at the end. `ytd` keeps year-to-date figures, or adds up from January.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from kpi.measures import SCALE, OverTime, exact_sum, unscaled
from kpi.periods import Grain
from kpi.status import OK, Status, reason

KEYS = ["measure", "entity", "per"]

#: The columns of figures per scored period.
FIGURES: dict[str, pl.DataType | type[pl.DataType]] = {
    "measure": pl.String, "entity": pl.UInt32, "per": pl.String, "period": pl.Int32, "value": pl.Float64,
    "status": Status, "rows": pl.Int64,
}  # fmt: skip

#: Turns rows of some measures into figures per scored period of so many months.
Combine = Callable[[pl.DataFrame, int], pl.DataFrame]


def refused() -> pl.Expr:
    """Returns whether a clean row stands for one that was refused before."""
    return pl.col("status") == reason("refused")


def newest(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Returns the figures that count, those that contradict each other, and those that were restated.

    Of several rows for one entity, measure and period the latest valid revision counts: one that was refused does not
    take the place of an earlier one that is right. Two of the same revision contradict each other unless they say the
    same: neither is used then, the figure is `refused`. The restated have the columns of clean rows, and in `after` and
    `edition` the figure that counts instead and its revision.

    Args:
        rows: clean rows (see `kpi.intake.reported`).
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
    twice = latest.filter(pl.len().over(keys) > 1)
    kept = latest.sort("source", "row").unique(keys, keep="first", maintain_order=True)
    clash = latest.filter((pl.len().over(keys) > 1) & ~same)
    if clash.height:
        void = clash.select(keys).unique().with_columns(clash=True)
        kept = kept.join(void, on=keys, how="left", nulls_equal=True, maintain_order="left").with_columns(
            value=pl.when(pl.col("clash").is_null()).then("value"),
            status=pl.when(pl.col("clash").is_null()).then("status").otherwise(reason("refused")),
        ).drop("clash")  # fmt: skip
    now = kept.select(*keys, after="value", edition="revision")
    return kept, twice, earlier.join(now, on=keys, how="left", nulls_equal=True, maintain_order="left")


def labels_by_end(rows: pl.DataFrame, grain: Grain) -> bool:
    """Returns whether months stand for the scored periods that they end, as in 2023-03, 2023-06 for quarters.

    That is so when every figure is for a single month and every month ends a scored period.
    """
    if grain is Grain.MONTH or not rows.height:
        return False
    ends = (pl.col("months") == 1) & ((pl.col("start") + 1) % grain.months == 0)
    return bool(rows.select(ends.all()).item())


def to_scored(rows: pl.DataFrame, timings: Mapping[str, OverTime], grain: Grain) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns one figure per measure, entity, finer unit and scored period, and the rows too coarse to use.

    Columns of the figures: measure, entity, per, period (Int32, index at the grain), value, status, rows (Int64).

    Args:
        rows: clean rows, one per measure, entity, finer unit and period.
        timings: how each measure is combined over time.
        grain: of the scored periods.
    """
    size = grain.months
    rows = rows.with_columns(end=pl.col("start") + pl.col("months") - 1).with_columns(
        period=(pl.col("end") // size).cast(pl.Int32),
        inside=pl.col("start") // size == pl.col("end") // size,
        to_date=(pl.col("start") % 12 == 0) & (pl.col("end") // 12 == pl.col("start") // 12),
    )
    coarse = rows.filter(~pl.col("inside") & ~pl.col("to_date"))
    rows = rows.filter(pl.col("inside") | pl.col("to_date"))
    by_timing: dict[OverTime, list[str]] = {}
    for name, timing in timings.items():
        by_timing.setdefault(timing, []).append(name)
    parts = []
    for timing, names in sorted(by_timing.items()):
        mine = rows.filter(pl.col("measure").is_in(names))
        if mine.height:
            parts.append(_COMBINE[timing](mine, size))
    empty = pl.DataFrame(schema=FIGURES)
    found = pl.concat([empty, *(part.select(empty.columns).cast(empty.schema) for part in parts)])
    return found, coarse


def _ok() -> pl.Expr:
    return pl.col("status") == OK


def _together(status: pl.Expr) -> pl.Expr:
    """The one reason of parts of which some have no figure, null where all have.

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


def _flows(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    """Sums of periods that fill the scored one, else differences of year-to-date figures, else incomplete."""
    keys = [*KEYS, "period"]
    whole = (pl.col("months") == size) & pl.col("inside")
    if rows.select(whole.all()).item():
        return rows.with_columns(rows=pl.lit(1, dtype=pl.Int64))
    part = pl.col("inside") & ~whole
    bits = ((2 ** pl.col("months").cast(pl.Int64)) - 1) * 2 ** (pl.col("start") % size).cast(pl.Int64)
    found = rows.group_by(keys).agg(
        exact=pl.col("value").filter(whole).first(),
        exact_status=pl.col("status").filter(whole).first(),
        total=exact_sum(pl.when(part).then(pl.col("value"))),
        months=pl.when(part).then(pl.col("months")).sum(),
        covered=pl.when(part).then(bits).bitwise_or(),
        worst=_together(pl.col("status").filter(part)),
        rows=pl.len().cast(pl.Int64),
    )
    tiled = (pl.col("months") == size) & (pl.col("covered").bitwise_count_ones() == size)
    found = found.with_columns(
        value=pl.when(pl.col("exact_status").is_not_null()).then("exact")
        .when(tiled & pl.col("worst").is_null()).then("total"),
        status=pl.when(pl.col("exact_status").is_not_null()).then("exact_status")
        .when(tiled & pl.col("worst").is_null()).then(OK)
        .when(pl.col("worst").is_not_null() & (pl.col("months") >= size)).then("worst").otherwise(reason("incomplete")),
    )  # fmt: skip
    to_date = (
        rows.filter(pl.col("to_date") & _ok())
        .select(*KEYS, "end", so_far="value")
        .unique([*KEYS, "end"], maintain_order=True)
    )
    found = found.with_columns(
        end=((pl.col("period") + 1) * size - 1).cast(pl.Int32), before=(pl.col("period") * size - 1).cast(pl.Int32)
    )
    found = found.join(to_date, on=[*KEYS, "end"], how="left", nulls_equal=True)
    found = found.join(
        to_date.rename({"end": "before", "so_far": "earlier"}), on=[*KEYS, "before"], how="left", nulls_equal=True
    )
    # January's year to date starts from nothing.
    earlier = pl.when((pl.col("before") + 1) % 12 == 0).then(0.0).otherwise(pl.col("earlier"))
    difference = unscaled(((pl.col("so_far") - earlier) * SCALE).round())
    usable = (pl.col("status") != OK) & difference.is_not_null()
    return found.with_columns(
        value=pl.when(usable).then(difference).otherwise("value"), status=pl.when(usable).then(OK).otherwise("status")
    )


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
    summed = flows.with_columns(
        value=pl.when(complete).then(unscaled((pl.col("value") * SCALE).round().cum_sum().over(year))),
        status=pl.when(complete).then(OK).when(_ok()).then(reason("incomplete")).otherwise(pl.col("status")),
    )
    rest = summed.join(direct, on=[*KEYS, "period"], how="anti", nulls_equal=True)
    return pl.concat([direct.select(rest.columns), rest.cast(direct.schema)])


def _stocks(rows: pl.DataFrame, size: int, *, latest: bool = True) -> pl.DataFrame:  # noqa: ARG001
    """The figure for the latest (or earliest) time within the scored period."""
    ordered = rows.sort([*KEYS, "period", "end", "start", "source", "row"])
    return ordered.group_by([*KEYS, "period"], maintain_order=True).agg(
        value=pl.col("value").last() if latest else pl.col("value").first(),
        status=pl.col("status").last() if latest else pl.col("status").first(),
        rows=pl.len().cast(pl.Int64),
    )


def _first(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    return _stocks(rows, size, latest=False)


def _aggregated(combine: pl.Expr) -> Combine:
    def aggregate(rows: pl.DataFrame, size: int) -> pl.DataFrame:  # noqa: ARG001
        inside = rows.filter(pl.col("inside"))
        return inside.group_by([*KEYS, "period"]).agg(
            value=combine,
            status=pl.when(_ok().any()).then(OK).otherwise(_together(pl.col("status"))),
            rows=_ok().sum().cast(pl.Int64),
        )

    return aggregate


_COMBINE: dict[OverTime, Combine] = {
    "sum": _flows,
    "ytd": _to_date,
    "last": _stocks,
    "first": _first,
    "mean": _aggregated(pl.when(_ok().any()).then(exact_sum(pl.col("value")) / pl.col("value").count())),
    "max": _aggregated(pl.col("value").max()),
    "min": _aggregated(pl.col("value").min()),
}
