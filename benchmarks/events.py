"""W: events aggregated to measures, by the engine, by hand in Polars, by DuckDB and pandas, and the floor of all.

24 measures that merge: the number of cases, the waiting minutes and the mean fee under eight conditions; then three
distinct counts and three quantiles in addition. Every contender reads one Parquet file and gives one row for each
county and month.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

WHO, WHEN, CHANNEL, KIND = "所属县市", "办结日期", "渠道", "事项类型"
WAIT, FEE, RATING, STAFF, ITEM, APPLICANT = "等待分钟", "收费", "满意度", "经办人", "事项", "申请人"

#: The conditions: as definitions and SQL have them, in Polars, and in pandas.
CONDITIONS: dict[str, tuple[str, pl.Expr, Callable]] = {
    "remote": (
        f"{CHANNEL} IN ('网上', '掌上')", pl.col(CHANNEL).is_in(["网上", "掌上"]),
        lambda d: d[CHANNEL].isin(["网上", "掌上"]),
    ),
    "counter": (f"{CHANNEL} = '窗口'", pl.col(CHANNEL) == "窗口", lambda d: d[CHANNEL] == "窗口"),
    "permits": (f"{KIND} = '事项01'", pl.col(KIND) == "事项01", lambda d: d[KIND] == "事项01"),
    "quick": (f"{WAIT} < 10", pl.col(WAIT) < 10, lambda d: d[WAIT] < 10),
    "content": (f"{RATING} >= 60", pl.col(RATING) >= 60, lambda d: d[RATING] >= 60),
    "online_pair": (
        f"{KIND} IN ('事项02', '事项03') AND {CHANNEL} = '网上'",
        pl.col(KIND).is_in(["事项02", "事项03"]) & (pl.col(CHANNEL) == "网上"),
        lambda d: d[KIND].isin(["事项02", "事项03"]) & (d[CHANNEL] == "网上"),
    ),
    "dear": (f"{FEE} > 500", pl.col(FEE) > 500, lambda d: d[FEE] > 500),
    "unrated": (f"{RATING} IS NULL", pl.col(RATING).is_null(), lambda d: d[RATING].isna()),
}  # fmt: skip

#: What does not merge: name, kind, column, condition, quantile.
HARD = (
    ("staff", "distinct", STAFF, "remote", None),
    ("items", "distinct", ITEM, "counter", None),
    ("applicants", "distinct", APPLICANT, "permits", None),
    ("wait_middle", "quantile", WAIT, "remote", 0.5),
    ("fee_high", "quantile", FEE, "counter", 0.9),
    ("rating_low", "quantile", RATING, "remote", 0.1),
)

#: Rows that are made, and written, at a time.
_BATCH = 500_000

#: Rows that pandas takes at a time.
PANDAS_ROWS = 5_000_000


def generate(path: Path, rows: int, entities: int, months: int, *, by_day: bool = False, after: int = 0) -> None:
    """Write a file of events in no order, or by day, the same for the same sizes, in little memory.

    Files that are parts of one begin `after` so many rows.
    """
    days = months * 30

    def batch(first: int, count: int) -> pl.DataFrame:
        number = pl.int_range(after + first, after + first + count, dtype=pl.UInt64)

        def drawn(seed: int, of: int) -> pl.Expr:
            return number.hash(seed) % of

        def named(stem: str, seed: int, of: int) -> pl.Expr:
            return pl.lit(pl.Series([f"{stem}{place:04d}" for place in range(of)])).gather(drawn(seed, of))

        return pl.select(
            named("样本县", 1, entities).alias(WHO),
            (pl.date(2021, 1, 1) + pl.duration(days=number * days // rows if by_day else drawn(2, days))).alias(WHEN),
            pl.lit(pl.Series(["网上", "掌上", "窗口", "自助", "电话"])).gather(drawn(3, 5)).alias(CHANNEL),
            pl.lit(pl.Series([f"事项{place:02d}" for place in range(8)])).gather(drawn(4, 8)).alias(KIND),
            (drawn(5, 600) / 10).alias(WAIT),
            (drawn(6, 100_000) / 100).alias(FEE),
            pl.when(drawn(7, 10) < 9).then(drawn(8, 101).cast(pl.Float64)).alias(RATING),
            named("经办人", 9, 2000).alias(STAFF),
            named("项", 10, 150).alias(ITEM),
            drawn(11, 1 << 22).cast(pl.UInt32).alias(APPLICANT),
        )

    schema = batch(0, 1).schema
    parts = [
        pl.defer(lambda first=first: batch(first, min(_BATCH, rows - first)), schema=schema)
        for first in range(0, rows, _BATCH)
    ]
    pl.concat(parts).sink_parquet(path, row_group_size=_BATCH)


# ---- CONTENDERS ---- #


def system(*, hard: bool = False):
    """Return the system that defines the measures, and an indicator for each, with equal weights."""
    from kpi.language.system import System

    measures: dict[str, dict] = {}
    for name, (where, _, _) in CONDITIONS.items():
        measures[f"n_{name}"] = {"kind": "count", "unit": "件", "where": where}
        measures[f"w_{name}"] = {"kind": "sum", "of": WAIT, "unit": "分钟", "where": where}
        measures[f"f_{name}"] = {"kind": "mean", "of": FEE, "unit": "元", "where": where}
    for name, kind, of, where, q in HARD if hard else ():
        more = {} if q is None else {"q": q}
        measures[name] = {"kind": kind, "of": of, "unit": "1", "where": CONDITIONS[where][0], **more}
    return System.model_validate(
        {
            "system": "events", "period": "month", "entities": {}, "measures": measures,
            "indicators": {f"i_{name}": {"kind": "level", "of": name} for name in measures},
            "pillars": {"all": {"parts": {f"i_{name}": 1 for name in measures}}}, "scoring": {"kind": "minmax"},
            "datasets": {"cases": {"form": "records", "columns": {"period": WHEN, "entity": WHO},
                                   "types": {RATING: "number"}}},
        }
    )  # fmt: skip


def engine(path: str | list[str], *, hard: bool = False) -> Callable[[], pl.DataFrame]:
    """The engine, from the file to figures with statuses and counts of rows."""
    from kpi.intake.entities import from_data
    from kpi.intake.events import records
    from kpi.intake.files.reader import read
    from kpi.intake.matching.datasets import match

    of = system(hard=hard)

    def work() -> pl.DataFrame:
        files = [path] if isinstance(path, str) else path
        gathered = records.gather([match(of, table)[0] for file in files for table in read(file)], of)
        entities = from_data(gathered.texts(), {})
        answer = gathered.measured(entities)
        assert not answer.findings
        names = pl.Series("entity", entities.names)
        return answer.figures.with_columns(entity=names.gather(answer.figures["entity"]))

    return work


def scorecard(path: str, *, period: str | None = None) -> Callable[[], pl.DataFrame]:
    """The engine, from the file to totals and ranks, of all periods or of one."""
    from kpi.engine.plan import compile_plan
    from kpi.session import score

    compile_plan(of := system())  # imports what is imported when it is needed
    return lambda: score(path, system=of, period=period).totals


def hashed(path: str) -> Callable[[], str]:
    """The hash of the file alone, which is made beside everything else."""
    from kpi.intake.files.contents import content_hash

    return lambda: content_hash([path])


def wide(figures: pl.DataFrame) -> pl.DataFrame:
    """Return the engine's figures as the others have them, a column a measure."""
    return figures.pivot("measure", index=["entity", "period"], values="value")


def by_hand(path: str, *, hard: bool = False) -> Callable[[], pl.DataFrame]:
    """Polars as an expert writes it: one streaming `group_by`, conditions once, sums of floats."""

    def work() -> pl.DataFrame:
        tests = {f"?{name}": test for name, (_, test, _) in CONDITIONS.items()}
        aggregations = {}
        for name in CONDITIONS:
            aggregations[f"n_{name}"] = pl.col(f"?{name}").sum().cast(pl.Float64)
            aggregations[f"w_{name}"] = pl.when(pl.col(f"?{name}")).then(pl.col(WAIT)).sum()
            aggregations[f"f_{name}"] = pl.when(pl.col(f"?{name}")).then(pl.col(FEE)).mean()
        for name, _, of, where, q in HARD if hard else ():
            value = pl.col(of).filter(pl.col(f"?{where}"))
            aggregations[name] = value.n_unique().cast(pl.Float64) if q is None else value.quantile(q, "linear")
        month = (pl.col(WHEN).dt.year() * 12 + pl.col(WHEN).dt.month() - 1).alias("period")
        frame = pl.scan_parquet(path).with_columns(**tests)
        return frame.group_by(pl.col(WHO).alias("entity"), month).agg(**aggregations).collect()

    return work


def duckdb(path: str, *, hard: bool = False) -> Callable[[], object]:
    """The same in SQL."""
    import duckdb as db

    columns = []
    for name, (where, _, _) in CONDITIONS.items():
        columns += [
            f"count(*) FILTER ({where})::DOUBLE AS n_{name}",
            f"coalesce(sum({WAIT}) FILTER ({where}), 0) AS w_{name}",
            f"avg({FEE}) FILTER ({where}) AS f_{name}",
        ]
    for name, _, of, where, q in HARD if hard else ():
        what = f"count(DISTINCT {of})" if q is None else f"quantile_cont({of}, {q})"
        columns.append(f"({what} FILTER ({CONDITIONS[where][0]}))::DOUBLE AS {name}")
    month = f"(year({WHEN}) * 12 + month({WHEN}) - 1)::INTEGER AS period"
    query = f"SELECT {WHO} AS entity, {month}, {', '.join(columns)} FROM '{path}' GROUP BY ALL"  # noqa: S608
    return lambda: db.sql(query).to_arrow_table()


def pandas(path: str, *, hard: bool = False) -> Callable[[], object]:
    """The same in pandas, one column a measure before the `groupby`, so that it is aggregated in C.

    It takes some million rows at a time and adds up what it finds: fifty million do not fit into memory.
    """
    import pandas as pd
    from pyarrow import parquet

    assert not hard

    def measures_of(data: pd.DataFrame) -> pd.DataFrame:
        days = pd.to_datetime(data[WHEN])
        keys = [data[WHO].astype("category").rename("entity"), (days.dt.year * 12 + days.dt.month - 1).rename("period")]
        columns = {}
        for name, (_, _, test) in CONDITIONS.items():
            matched = test(data)
            columns |= {f"n_{name}": matched.astype(float), f"w_{name}": data[WAIT].where(matched),
                        f"f_{name}": data[FEE].where(matched)}  # fmt: skip
        grouped = pd.DataFrame(columns).groupby(keys, observed=True, sort=False)
        counted = grouped[[name for name in columns if name[0] == "f"]].count().add_prefix("#")
        return grouped.sum().join(counted).reset_index().astype({"entity": str})

    def work() -> object:
        columns = [WHO, WHEN, CHANNEL, KIND, WAIT, FEE, RATING]
        batches = parquet.ParquetFile(path).iter_batches(PANDAS_ROWS, columns=columns)
        parts = pd.concat([measures_of(batch.to_pandas()) for batch in batches])
        whole = parts.groupby(["entity", "period"], sort=False).sum()
        for name in CONDITIONS:
            whole[f"f_{name}"] /= whole.pop(f"#f_{name}")
        return whole.reset_index()

    return work


def sums(path: str, *, how: str) -> Callable[[], pl.DataFrame]:
    """The sums of two columns under eight conditions, of floats, or of whole multiples of 1e-9 in 64 or 128 bits."""
    kinds = {"64 bits": pl.Int64, "128 bits": pl.Int128}

    def work() -> pl.DataFrame:
        frame = pl.scan_parquet(path).with_columns(**{f"?{name}": test for name, (_, test, _) in CONDITIONS.items()})
        if how in kinds:
            frame = frame.with_columns((pl.col(WAIT, FEE) * 1e9).round().cast(kinds[how]))
        added = {
            f"{of} {name}": pl.when(pl.col(f"?{name}")).then(pl.col(of)).sum()
            for name in CONDITIONS
            for of in (WAIT, FEE)
        }
        added_up = frame.group_by(pl.col(WHO).alias("entity"), pl.col(WHEN).dt.month().alias("period")).agg(**added)
        return added_up.with_columns(pl.col(*added).cast(pl.Float64) / (1.0 if how == "floats" else 1e9)).collect()

    return work


def floor(path: str) -> Callable[[], pl.DataFrame]:
    """Read the same columns and touches every value of them."""

    def work() -> pl.DataFrame:
        texts = [pl.col(name).str.len_bytes().sum() for name in (WHO, CHANNEL, KIND)]
        numbers = [pl.col(name).sum() for name in (WAIT, FEE, RATING)]
        return pl.scan_parquet(path).select(*texts, *numbers, pl.col(WHEN).max()).collect()

    return work
