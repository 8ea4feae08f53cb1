"""Stages in pieces: the same columns with the same bits, whatever is computed together."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import kpi
from kpi.engine import pieces as pieces_of
from kpi.engine import plan as plan_of
from kpi.engine.pieces import pieces

SYSTEM = """
system: windows
period: month
entities: {title: 县}
measures: {x: {unit: 万元}, y: {unit: 万元}, rate: {unit: "%"}}
indicators:
  level: {kind: level, of: x}
  total: {kind: rolling, of: x, over: 3m}
  real: {kind: growth, of: y, over: 1y, deflator: rate, base: 2021-03}
  ends: {kind: projection, of: x, years: 2, at_least: 2}
  line: {kind: projection, of: y, by: trend, over: 6m, as: total}
scoring: {kind: minmax}
pillars: {all: {weight: 100, parts: {level: 20, total: 20, real: 20, ends: 20, line: 20}}}
"""


def scored() -> dict[str, pl.DataFrame]:
    months = [(year, month) for year in (2021, 2022, 2023) for month in range(1, 13)]
    rows = [
        {
            "期别": f"{year}-{month:02}",
            "县区": entity,
            "x": 5.5 + month * step,
            "y": year % 7 + month,
            "rate": 100 + step,
        }
        for year, month in months
        for step, entity in enumerate(("甲县", "乙县", "丙县"))
        if (month, step) != (5, 1)
    ]
    card = kpi.score(pl.DataFrame(rows), system=SYSTEM)
    return {name: getattr(card, name) for name in ("totals", "pillars", "indicators", "measures")}


@pytest.mark.parametrize("together", [1, 2, 100])
def test_results_in_pieces_are_the_same(monkeypatch, together):
    complete = scored()
    assert complete["totals"]["score"].is_not_null().any()
    monkeypatch.setattr(plan_of, "_MANY", 0)
    monkeypatch.setattr(pieces_of, "_TOGETHER", together)
    for name, frame in scored().items():
        assert_frame_equal(frame, complete[name], check_exact=True)


def test_each_piece_drops_what_no_later_one_reads(monkeypatch):
    monkeypatch.setattr(pieces_of, "_TOGETHER", 1)
    x, shared, own = pl.col("x"), pl.col("shared"), pl.col("own")
    steps = [
        {"shared": x.min(), "unread": x.max()}, {"own": shared * 2},
        {"a": x - shared, "b": x - own, "c": x + shared}, {"b.status": pl.col("b").is_null()},
    ]  # fmt: skip
    parts = list(pieces(steps, ["shared", "unread", "own"], ["done"]))
    names = [[expression.meta.output_name() for step in piece.steps for expression in step] for piece in parts]
    assert names == [["shared", "a"], ["own", "b", "b.status"], ["c"]]
    assert [piece.dropped for piece in parts] == [(), ("own",), ("shared", "done")]


def test_a_stage_that_replaces_what_it_reads_stays_in_one_piece(monkeypatch):
    monkeypatch.setattr(pieces_of, "_TOGETHER", 1)
    cohort = pl.col("cohort")
    (piece,) = pieces(
        [{"least": pl.col("x").min().over("cohort")}, {"cohort": pl.lit(""), "kept": cohort}], ["least"], []
    )
    assert [len(step) for step in piece.steps] == [1, 2]
    assert piece.dropped == ("least",)
