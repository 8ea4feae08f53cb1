"""Typed tables with odd columns, and connection strings: see `run.py`, which draws as many as wanted."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import connections
import odd_types
from judge import Judge


@pytest.fixture(scope="module")
def judge():
    judge = Judge()
    yield judge
    judge.close()


#: Types in the fast tests; the others are in the slow ones.
FAST = ("float 32", "decimal", "list", "binary")


@pytest.mark.parametrize("shape", odd_types.SHAPES)
@pytest.mark.parametrize(
    "kind", [pytest.param(item, marks=() if item in FAST else pytest.mark.slow) for item in odd_types.TYPES]
)
def test_a_figure_of_every_type_is_scored_or_refused(judge, kind, shape):
    grid = odd_types.SHAPES[shape]()
    figures = {grid[0][at] for at in odd_types.columns_of_figures(shape)}
    columns = [
        odd_types.TYPES[kind if name in figures else "text"]([row[at] or None for row in grid[1:]]).alias(name)
        for at, name in enumerate(grid[0])
    ]
    odd_types.judge_table(judge, pl.DataFrame(columns))


def drawn_tables(judge, numbers):
    for number in numbers:
        odd_types.judge_table(judge, odd_types.drawn(random.Random(f"1/{number}")))


def test_tables_of_odd_types(judge):
    drawn_tables(judge, range(5))


@pytest.mark.slow
def test_many_tables_of_odd_types(judge):
    drawn_tables(judge, range(5, 200))


@pytest.mark.parametrize("count", [200, pytest.param(3000, marks=pytest.mark.slow)])
def test_no_connection_string_is_shown(count):
    dice = random.Random(count)
    for _ in range(count):
        connections.judge_connection(connections.connection(dice))
