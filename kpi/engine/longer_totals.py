"""Totals of longer periods: a year from its quarters, with pillars, vetoes, stars and places of their own.

They are computed from the wide frame of a result, row by row: the row of a scored period has the longer period up to
it, which is complete in the last row. Rows of the same place in the year follow one another by a year, so that places
move, and stars too, from year to year.
"""

from __future__ import annotations

import functools
import operator

import polars as pl

from kpi.engine.totals import after_vetoes, changes, further_places, placed, starred
from kpi.language.adjustments import vetoes
from kpi.language.indicators import ENTITIES
from kpi.language.longer_totals import TotalsOver
from kpi.language.sums import total
from kpi.language.system import System
from kpi.values.columns import LONGER, PARTS_THERE, Column, share_of
from kpi.values.status import guarded, reason


def longer(system: System, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the wide frame with totals, pillars, vetoes, places and stars being those of longer periods.

    `LONGER` is the index of the longer period, `PARTS_THERE` how many of its periods have a total, and
    `share_of(place)` the factor (0 to 1, for a sum 1) with which each of them enters. `former` columns hold the longer
    period before.
    """
    over = system.totals_over
    if over is None:
        return frame.clear()
    number = over.number(system.period)
    # The changes of a longer period are against the one before.
    alone = system.model_copy(update={"ranking": system.ranking.model_copy(update={"against": None})})
    result = _combined(alone, over, frame.lazy(), number)
    by_place = []
    # NOTE: a place without rows, such as the fourth quarter in July, has no number of units to shift by.
    for place in sorted((frame["period"] % number).unique()) or [0]:
        rows = result.filter(pl.col("period") % number == place)
        rows = rows.with_columns(**placed(alone)).with_columns(**starred(alone)).with_columns(**changes(alone))
        for columns in further_places(alone):
            rows = rows.with_columns(**columns)
        before = {Column(name).former: pl.col(name).shift(ENTITIES) for name in ("score", "rank", "stars")}
        by_place.append(rows.with_columns(**before))
    return pl.concat(by_place).collect(engine="in-memory").sort("period", "entity")


def _combined(system: System, over: TotalsOver, frame: pl.LazyFrame, number: int) -> pl.LazyFrame:
    """Return the frame with the totals, pillars and vetoes of longer periods."""
    place = pl.col("period") % number

    def parts(column: pl.Expr) -> list[pl.Expr]:
        """Return the values of the periods of the longer one, up to that of the row, by their place."""
        return [up_to(column, at) for at in range(number)]

    def up_to(column: pl.Expr, at: int) -> pl.Expr:
        """Return the value of the period at a place of the longer one, null where the row is before it."""
        value: pl.Expr = pl.when(place == at).then(column)
        for lag in range(1, number - at):
            value = pl.when(place == at + lag).then(column.shift(ENTITIES * lag)).otherwise(value)
        return value

    def combined(column: str) -> pl.Expr:
        values = parts(pl.col(column))
        if over.by == "last":
            return values[-1]
        weighed = total([value * over.weight(at) for at, value in enumerate(values)])
        there = total([value.is_not_null().cast(pl.Float64) * over.weight(at) for at, value in enumerate(values)])
        result = weighed if over.by == "sum" else weighed / there
        return pl.when(there > 0).then(result)

    raws = parts(pl.col("raw"))
    count = functools.reduce(operator.add, [raw.is_not_null().cast(pl.Int64) for raw in raws])
    complete = raws[-1].is_not_null() if over.by == "last" else count >= over.needed(system.period)
    # Without any total the reason is that of the periods, if they have the same.
    reasons = parts(pl.col(Column("raw").status))
    shared = functools.reduce(
        operator.and_, [(item == pl.col(Column("raw").status)).fill_null(value=True) for item in reasons]
    )
    first = {LONGER: pl.col("period") // number, PARTS_THERE: count}
    first |= {share_of(at): _share(over, raws, at) for at in range(number)}
    values: dict[str, pl.Expr] = {"#total": combined("raw")}
    for name in system.pillars:
        score = pl.when(complete).then(combined(Column(name).score))
        values[Column(name).score] = score
        missing = pl.col(Column(name).score.status)
        values[Column(name).score.status] = (
            pl.when(score.is_not_null())
            .then(reason("ok"))
            .otherwise(pl.when(complete & (missing != reason("ok"))).then(missing).otherwise(reason("incomplete")))
        )
    for name in vetoes(system.adjustments):
        held = [part.fill_null(value=False) for part in parts(pl.col(Column(name).veto))]
        values[Column(name).veto] = held[-1] if over.vetoes == "last" else functools.reduce(operator.or_, held)
    limited = _limited(system)
    more = {"#complete": complete, "#shared": shared, "#reason": pl.col(Column("raw").status)}
    frame = frame.with_columns(**first, **values, **more).with_columns(**limited)
    *_, last = ("#total", *limited)
    failed = [pl.col(Column(name).veto) for name, veto in vetoes(system.adjustments).items() if veto.effect.fail]
    guards = {"not_scored": functools.reduce(operator.or_, failed)} if failed else {}
    guards |= {"missing": pl.col(PARTS_THERE) == 0, "incomplete": ~pl.col("#complete")}
    none = (pl.col(PARTS_THERE) == 0) & pl.col("#shared")
    if failed:
        none &= ~guards["not_scored"]
    pair = guarded("raw", pl.col(last), guards, reasons=[(none, pl.col("#reason"))])
    frame = frame.with_columns(**pair.values, **{"#entered": pl.when(pl.col("#complete")).then(pl.col(last))})
    shown = system.ranking.rounded(pl.col("raw"))
    return frame.with_columns(**pair.statuses, score=shown)


def _share(over: TotalsOver, raws: list[pl.Expr], at: int) -> pl.Expr:
    """Return the factor with which the total of a period enters that of the longer one, 0 for what does not."""
    if over.by == "last":
        return pl.lit(1.0 if at == len(raws) - 1 else 0.0)
    own = raws[at].is_not_null().cast(pl.Float64) * over.weight(at)
    if over.by == "sum":
        return own
    there = total([raw.is_not_null().cast(pl.Float64) * over.weight(place) for place, raw in enumerate(raws)])
    return pl.when(there > 0).then(own / there).otherwise(0.0)


def _limited(system: System) -> dict[str, pl.Expr]:
    """Return the total after each veto that acts on the score, by the column of its name, in their order."""
    return {Column(name).uncapped: capped for name, capped in after_vetoes(system, pl.col("#total")).items()}
