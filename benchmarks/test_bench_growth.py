"""How the cost grows: with rows from file to measures, and with entities, periods and indicators of the scoring."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest

from benchmarks import systems
from benchmarks.race import Apart, Race, hold
from benchmarks.size import size
from kpi.engine.plan import compile_plan
from kpi.intake.panel import take_in
from kpi.intake.synthetic.files import Sample, write
from kpi.language.loading import catalogue


@cache
def events_system():
    return catalogue.load("jiaxing-2022")


def measured(file: str):
    """Events in a file to the panel, all that `kpi score` does before it scores."""
    of = events_system()
    return lambda: take_in(of, [file]).frame


def test_rows(benchmark, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("rows")
    sizes = [size(many, least=many // 1000) for many in (1_000_000, 2_000_000, 4_000_000, 8_000_000)]
    contenders = {}
    for many in sizes:
        file = folder / f"{many}.parquet"
        write(Sample(events_system(), rows=many), file, dataset="items")
        contenders[f"{many:,} rows"] = Apart(measured, {"file": str(file)})
    race = Race(
        "Growth with the rows",
        f"{sizes[0]:,} rows",
        note="Service cases in Parquet, by `kpi sample jiaxing-2022`, to the measures of 7 entities and 8 quarters.",
        sizes={f"{many:,} rows": many for many in sizes},
        axis="rows",
    )
    hold(benchmark, race, contenders, rounds=5)


def scored(indicators: int, entities: int, periods: int):
    of = systems.system(indicators)
    frame, plan = systems.panel(of, entities, periods), compile_plan(of)
    return lambda: plan.collect(frame)


@pytest.mark.parametrize(
    ("axis", "sizes"),
    [("entities", (500, 1000, 2000, 4000)), ("periods", (15, 30, 60, 120)), ("indicators", (50, 100, 200, 400))],
)
def test_scoring(benchmark, axis, sizes):
    usual = {"entities": size(1000, least=20), "periods": 15, "indicators": size(100, least=20)}
    sizes = [size(item, least=item // 5) for item in sizes]
    contenders = {f"{item:,} {axis}": scored(**(usual | {axis: item})) for item in sizes}
    others = " × ".join(f"{many:,} {name}" for name, many in usual.items() if name != axis)
    race = Race(
        f"Growth with the {axis}",
        f"{sizes[0]:,} {axis}",
        note=f"The whole scoring of a panel in memory, with {others}.",
        sizes={f"{item:,} {axis}": item for item in sizes},
        axis=axis,
    )
    for work in contenders.values():
        assert isinstance(work(), pl.DataFrame)  # also warms what is kept between runs
    hold(benchmark, race, contenders, rounds=7)
