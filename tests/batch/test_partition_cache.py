"""What a Delta store keeps of its partitions: the same rows as its files have, of the version that is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from kpi.batch.store import partition_cache
from kpi.batch.store.base import Change, Run
from kpi.batch.store.delta import DeltaStore
from kpi.errors import DataError

PERIODS = [f"2024-{month:02}" for month in range(1, 13)]


def totals(period: str, score: float, entities: int = 50) -> pl.DataFrame:
    names = [f"样本县{number:03}" for number in range(entities)]
    return pl.DataFrame({"system": "s", "period": period, "position": 0, "entity": names}).with_columns(
        score=pl.int_range(pl.len()) / 7 + score
    )


def publish(store: DeltaStore, number: int, *frames: pl.DataFrame) -> None:
    with store.lock(0):
        periods = tuple(frame["period"][0] for frame in frames)
        store.publish(Run(number), [Change("totals", "s", periods, pl.concat(frames, how="diagonal"))])


@pytest.fixture
def store(tmp_path):
    store = DeltaStore(tmp_path / "store")
    publish(store, 1, *(totals(period, month) for month, period in enumerate(PERIODS)))
    return store


def asked(store: DeltaStore, **asked) -> pl.DataFrame:
    """Ask twice, as the first question of a table is not kept."""
    first = store.read("totals", system="s", **asked)
    again = store.read("totals", system="s", **asked)
    assert first.equals(again)
    return again


def test_kept_rows_are_those_of_a_new_process(store):
    for question in (
        {},
        {"periods": PERIODS[-1:]},
        {"where": {"entity": ["样本县007"]}},
        {"periods": PERIODS[:3], "where": {"entity": ["样本县007", "样本县049"]}},
    ):
        kept = asked(store, **question)
        assert kept.equals(DeltaStore(store.folder).read("totals", system="s", **question))
        assert kept.height


def test_a_corrected_period_is_read_again_and_the_run_before_stays(store):
    question = {"where": {"entity": ["样本县007"]}}
    before = asked(store, **question)
    publish(DeltaStore(store.folder), 2, totals("2024-05", 900))
    after = asked(store, **question)
    corrected = dict(zip(after["period"], after["score"], strict=True))
    assert corrected["2024-05"] == 901
    assert after.filter(pl.col("period") != "2024-05").equals(before.filter(pl.col("period") != "2024-05"))
    assert asked(store, number=1, **question).equals(before)


def test_a_new_column_is_missing_in_the_periods_before(store):
    asked(store)
    publish(DeltaStore(store.folder), 2, totals("2025-01", 3).with_columns(stars=pl.lit(5, pl.Int64)))
    after = asked(store)
    assert after.filter(pl.col("stars").is_not_null())["period"].unique().to_list() == ["2025-01"]
    assert after.height == 13 * 50
    assert asked(store, periods=["2024-05"]).columns == after.columns


def test_a_file_that_goes_is_reported_although_its_rows_are_kept(store):
    asked(store)
    next(Path(store.folder, "totals").rglob("period=2024-05/*.parquet")).unlink()
    with pytest.raises(DataError, match="K833"):
        store.read("totals", system="s")


def test_a_file_that_changes_is_read_again(store):
    asked(store)
    file = next(Path(store.folder, "totals").rglob("period=2024-05/*.parquet"))
    file.write_bytes(b"PAR1" + bytes(file.stat().st_size - 8) + b"PAR1")
    with pytest.raises(DataError, match="K833"):
        store.read("totals", system="s")


def test_no_more_than_the_bound_is_kept(store, monkeypatch):
    asked(store, periods=PERIODS[:1])
    one = store.partition_cache.size
    monkeypatch.setattr(partition_cache, "BOUND", 4 * one)
    for period in PERIODS:
        expected = DeltaStore(store.folder).read("totals", system="s", periods=[period])
        assert asked(store, periods=[period]).equals(expected)
        assert one <= store.partition_cache.size <= 4 * one
    assert asked(store).height == 12 * 50


def test_threads_share_what_is_kept(store, monkeypatch):
    monkeypatch.setattr(partition_cache, "BOUND", 20_000)
    expected = {period: DeltaStore(store.folder).read("totals", system="s", periods=[period]) for period in PERIODS}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda period: (period, store.read("totals", system="s", periods=[period])), PERIODS * 20)
        )
    assert all(rows.equals(expected[period]) for period, rows in answers)
    assert 0 < store.partition_cache.size <= 20_000
