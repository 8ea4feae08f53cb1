"""Places: which one equal totals share, what decides between them, whether the printed or the full number counts."""

from __future__ import annotations

import polars as pl
import pytest
from scoring_sample import scored, system_text

IDENTITY = {"kind": "goalposts", "low": 0, "high": 100}


def places(folder, totals, **ranking):
    """Return the places of entities by their totals; `b` has no weight, and decides where it is asked to."""
    figures = pl.DataFrame(
        {"period": 2023, "entity": [f"E{n:02}" for n in range(len(totals))], "a": totals, "b": range(len(totals))},
        schema_overrides={"a": pl.Float64, "b": pl.Float64},
    )
    text = system_text(["a", "b"], scoring=IDENTITY, pillars={"总": {"parts": ["a"]}}, ranking=ranking)
    return scored(folder, text, figures).totals.sort("entity")["rank"].to_list()


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("min", [2, 1, 2, 4]), ("max", [3, 1, 3, 4]), ("average", [2.5, 1, 2.5, 4]), ("dense", [2, 1, 2, 3])],
)
def test_equal_totals_share_the_place_that_is_declared(tmp_path, ties, expected):
    assert places(tmp_path, [80, 90, 80, 70], ties=ties) == expected


def test_a_tie_is_broken_by_what_is_declared_in_its_own_direction(tmp_path):
    assert places(tmp_path, [80, 90, 80, 70], tie_break=["b"]) == [3, 1, 2, 4]


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ({"on": "rounded"}, [1, 1, 3]),
        ({"on": "raw"}, [2, 1, 3]),
        ({"on": "rounded", "decimals": 0}, [1, 1, 1]),
        ({"on": "rounded", "decimals": 3}, [2, 1, 3]),
    ],
)
def test_the_printed_or_the_full_number_is_compared(tmp_path, ranking, expected):
    assert places(tmp_path, [80.001, 80.004, 79.99], **ranking) == expected


def test_half_up_and_half_even_part_ways_at_an_exact_half(tmp_path):
    assert places(tmp_path, [80.125, 80.13], rounding="half_up") == [1, 1]
    assert places(tmp_path, [80.125, 80.13], rounding="half_even") == [2, 1]


def test_who_has_no_total_has_no_place_and_a_single_one_is_first(tmp_path):
    assert places(tmp_path, [None, 50.0]) == [None, 1]
    assert places(tmp_path, [None, None]) == [None, None]
    assert places(tmp_path, [50.0]) == [1]
