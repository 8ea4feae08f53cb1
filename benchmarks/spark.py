"""P: events in files that Spark reads, aggregated by its workers: the engine, a job by hand, and Spark's own SQL.

Each contender opens a session in two threads of this machine and runs once on a small file before the clock runs: Java
is slow at first, and workers import Polars.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks import events
from benchmarks.child import ROOT

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

#: How many rows the file has on which a contender runs before the clock does.
_FEW = 20_000

_COLUMNS = (events.WHO, events.WHEN, events.CHANNEL, events.KIND, events.WAIT, events.FEE, events.RATING)
_MORE = (events.STAFF, events.ITEM, events.APPLICANT)

Run = Callable[[str], pl.DataFrame]

#: Sessions end with the process, which runs one contender.
_OPEN = ExitStack()
atexit.register(_OPEN.close)


def definition(path: str, *, hard: bool = False) -> Callable[[], pl.DataFrame]:
    """The engine, from the path of the files to figures with statuses and counts of rows."""
    from kpi.intake.entities import from_data
    from kpi.intake.events import records
    from kpi.intake.files.reader import read_all
    from kpi.intake.matching.datasets import match
    from kpi.warehouse.spark.session import table

    of, session = events.system(hard=hard), _session()

    def run(file: str) -> pl.DataFrame:
        tables = read_all([table(session, file)])[0]
        gathered = records.gather([match(of, item)[0] for item in tables], of)
        entities = from_data(gathered.texts(), {})
        figures = gathered.measured(entities).figures
        names = pl.Series("entity", entities.names)
        return figures.with_columns(entity=names.gather(figures["entity"]))

    return _warm(run, path)


def by_hand(path: str, *, hard: bool = False) -> Callable[[], pl.DataFrame]:
    """A job of `mapInArrow` as an expert writes it: groups of each partition in Polars, merged by the driver.

    What does not merge needs all rows of a group in one place, so rows are distributed by county and month first.
    """
    session = _session()

    def run(file: str) -> pl.DataFrame:
        from pyspark.sql import functions

        rows = session.read.parquet(file).select(*_COLUMNS, *(_MORE if hard else ()))
        schema = "answer binary"
        if not hard:
            parts = [pl.read_ipc(part) for part in _payloads(rows.mapInArrow(_partly, schema))]
            return _merged(pl.concat(parts))
        # As many as there are threads: each holds its part of the rows.
        month = functions.trunc(functions.col(events.WHEN), "month")
        rows = rows.repartition(4, functions.col(events.WHO), month)
        parts = [pl.read_ipc(part) for part in _payloads(rows.mapInArrow(_wholly, schema))]
        return pl.concat(parts)

    return _warm(run, path)


def native(path: str, *, hard: bool = False) -> Callable[[], pl.DataFrame]:
    """Spark's own SQL: one `GROUP BY`, sums of floats, exact distinct counts and quantiles."""
    session = _session()
    columns = []
    for name, (where, _, _) in events.CONDITIONS.items():
        columns += [
            f"double(count_if({where})) AS n_{name}",
            f"coalesce(sum({events.WAIT}) FILTER (WHERE {where}), 0) AS w_{name}",
            f"avg({events.FEE}) FILTER (WHERE {where}) AS f_{name}",
        ]
    for name, _, of, where, q in events.HARD if hard else ():
        what = f"count(DISTINCT {of})" if q is None else f"percentile({of}, {q})"
        columns.append(f"double({what} FILTER (WHERE {events.CONDITIONS[where][0]})) AS {name}")
    month = f"year({events.WHEN}) * 12 + month({events.WHEN}) - 1"
    keys = f"{events.WHO} AS entity, {month} AS period"
    query = f"SELECT {keys}, {', '.join(columns)} FROM {{rows}} GROUP BY 1, 2"  # noqa: S608 - our own names
    names = {*_COLUMNS, *_MORE}
    query = re.sub(r"'[^']*'|\w+", lambda word: f"`{word[0]}`" if word[0] in names else word[0], query)

    def run(file: str) -> pl.DataFrame:
        answer = pl.from_arrow(session.sql(query, rows=session.read.parquet(file)).toArrow())
        assert isinstance(answer, pl.DataFrame)
        return answer

    return _warm(run, path)


def _session() -> SparkSession:
    """Open a session as `kpi score --spark local[2]` does."""
    from kpi.warehouse.spark.session import opened

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    return _OPEN.enter_context(opened("local[2]"))


def _warm(run: Run, path: str) -> Callable[[], pl.DataFrame]:
    small = Path(path).parent / f"few-{os.getpid()}.parquet"
    events.generate(small, _FEW, 30, 36)
    run(str(small))
    return lambda: run(path)


# ---- THE JOB BY HAND ---- #


def _payloads(answers: Any) -> Iterator[bytes]:
    return (row for row in answers.toArrow()["answer"].to_pylist())


def _partly(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Aggregate the rows of a partition to counts and sums."""
    tests = {f"?{name}": test for name, (_, test, _) in events.CONDITIONS.items()}
    sums = {}
    for name in events.CONDITIONS:
        there = pl.col(f"?{name}")
        sums[f"n_{name}"] = there.sum()
        sums[f"w_{name}"] = pl.when(there).then(pl.col(events.WAIT)).sum()
        sums[f"f_{name}"] = pl.when(there).then(pl.col(events.FEE)).sum()
        sums[f"c_{name}"] = pl.when(there).then(pl.col(events.FEE)).count()
    if (rows := _frame(batches)) is not None:
        yield _batch(rows.with_columns(**tests).group_by(*_keys()).agg(**sums))


def _merged(parts: pl.DataFrame) -> pl.DataFrame:
    added = parts.group_by("entity", "period").sum()
    return added.select(
        "entity",
        "period",
        *(
            column
            for name in events.CONDITIONS
            for column in (
                pl.col(f"n_{name}").cast(pl.Float64), pl.col(f"w_{name}"),
                (pl.col(f"f_{name}") / pl.col(f"c_{name}")).fill_nan(None).alias(f"f_{name}"),
            )
        ),
    )  # fmt: skip


def _wholly(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Aggregate the rows of a partition, which has all rows of its groups."""
    tests = {f"?{name}": test for name, (_, test, _) in events.CONDITIONS.items()}
    answers = {}
    for name in events.CONDITIONS:
        there = pl.col(f"?{name}")
        answers[f"n_{name}"] = there.sum().cast(pl.Float64)
        answers[f"w_{name}"] = pl.when(there).then(pl.col(events.WAIT)).sum()
        answers[f"f_{name}"] = pl.when(there).then(pl.col(events.FEE)).mean()
    for name, _, of, where, q in events.HARD:
        value = pl.col(of).filter(pl.col(f"?{where}"))
        answers[name] = value.n_unique().cast(pl.Float64) if q is None else value.quantile(q, "linear")
    if (rows := _frame(batches)) is not None:
        yield _batch(rows.with_columns(**tests).group_by(*_keys()).agg(**answers))


def _keys() -> tuple[pl.Expr, pl.Expr]:
    month = pl.col(events.WHEN).dt.year() * 12 + pl.col(events.WHEN).dt.month() - 1
    return pl.col(events.WHO).alias("entity"), month.alias("period")


def _frame(batches: Iterable[pa.RecordBatch]) -> pl.DataFrame | None:
    import pyarrow as pa

    many = list(batches)
    frame = pl.from_arrow(pa.Table.from_batches(many)) if many else None
    return frame if isinstance(frame, pl.DataFrame) else None


def _batch(frame: pl.DataFrame) -> pa.RecordBatch:
    import io

    import pyarrow as pa

    file = io.BytesIO()
    frame.write_ipc(file)
    return pa.RecordBatch.from_pydict({"answer": [file.getvalue()]})
