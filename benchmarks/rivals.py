"""S in DuckDB's SQL and in pandas: the system of `systems.system_text` scored with the columns of `by_hand.score`.

Each contender gets ready with the panel where its engine wants it, and returns the work. Statuses are the small numbers
behind the enumeration, which is the cheapest that either engine can do.
"""
# ruff: noqa: S608  # the statement is made of numbers

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from benchmarks import by_hand, systems
from benchmarks.systems import of_indicator, tree
from kpi.engine.plan import compile_plan
from kpi.values.status import Status

CODE = {name: code for code, name in enumerate(Status.categories)}
NA, OK = CODE["not_applicable"], CODE["ok"]


def panel(indicators: int, entities: int, periods: int) -> pl.DataFrame:
    """Return the panel that all contenders score."""
    return systems.panel(systems.system(indicators), entities, periods)


def coded(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the numbers behind its enumerations, in the order of the rows."""
    return frame.with_columns(pl.selectors.enum().to_physical())


def numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what all contenders have to find: values, scores, statuses, coverage, stars, ranks and changes.

    Why a pillar has no score pandas and DuckDB do not find from the reasons of its parts: they have `missing`.
    """
    node, total = r"(x\d+|p\d+|t\d+|composite)", "raw|score|rank|of|stars|rank_change|score_change"
    wanted = re.compile(rf"entity|period|cohort|x\d+(\.status)?|x\d+\.score\.status|{node}\.(score|coverage)|{total}")
    return coded(frame.select(name for name in frame.columns if wanted.fullmatch(name)))


def plan(indicators: int, entities: int, periods: int) -> Callable[[], pl.DataFrame]:
    """The plan of the system."""
    frame, compiled = panel(indicators, entities, periods), compile_plan(systems.system(indicators))
    return lambda: compiled.collect(frame)


def polars(indicators: int, entities: int, periods: int) -> Callable[[], pl.DataFrame]:
    """Polars by hand."""
    frame = panel(indicators, entities, periods).lazy()
    return lambda: by_hand.score(frame, indicators, entities).collect(engine="in-memory")


# ---- PANDAS ---- #


def pandas(indicators: int, entities: int, periods: int) -> Callable[[], Any]:
    """pandas and NumPy: whole columns, no loop over rows; the panel is sorted, so that a year ago is a plain shift."""
    import pandas as pd

    source = coded(panel(indicators, entities, periods))
    frame = pd.DataFrame({name: source[name].to_numpy() for name in source.columns if name[0] != "#"})
    return lambda: _with_pandas(frame, indicators, entities)


def _with_pandas(frame: Any, indicators: int, entities: int) -> Any:
    import pandas as pd

    measures = indicators // 2 + 1
    columns: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for i in range(indicators):
            of, by = of_indicator(i, measures)
            value, state = frame[f"m{of}"].to_numpy(), frame[f"m{of}.status"].to_numpy()
            if i % 4 == 3:
                base = frame[f"m{of}"].shift(12 * entities).to_numpy()
                x = np.where(base > 0, (value / base - 1) * 100, np.nan)
                why = np.select(
                    [state != OK, np.isnan(base), base == 0],
                    [state, *map(np.uint8, (CODE["no_baseline"], CODE["zero_baseline"]))],
                    np.uint8(OK),
                )
                score = np.clip(x / 5 * 100, 0, 100)
            elif i % 4 == 2:
                x, why = value, state
                score = np.where(x > 50, 50 / x * 100, np.where(np.isnan(x), np.nan, 100.0))
            else:
                whole, other = frame[f"m{by}"].to_numpy(), frame[f"m{by}.status"].to_numpy()
                x = np.where(whole != 0, value / whole * 100, np.nan)
                why = np.select(
                    [state != OK, other != OK, whole == 0],
                    [state, other, np.uint8(CODE["zero_denominator"])],
                    np.uint8(OK),
                )
                score = np.clip(x / 95 * 100, 0, 100)
            columns |= {f"x{i}": x, f"x{i}.status": why, f"x{i}.score": score, f"x{i}.score.status": why}
        nodes = tree(indicators)
        for level in ("p", "t"):
            _level(columns, {name: parts for name, (_, parts) in nodes.items() if name[0] == level})
        _level(columns, {"composite": {name: weight for name, (weight, _) in nodes.items() if weight}})
    raw = columns["composite.score"]
    # Half away from zero of what has nine decimals, which decides as decimal numbers do.
    score = np.floor(np.round(raw * 1e9) / 1e7 + 0.5) / 100
    done = pd.DataFrame(columns, index=frame.index).assign(raw=raw, score=score)
    groups = done["score"].groupby([frame["period"], frame["cohort"]], sort=False)
    done["rank"] = groups.rank("min", ascending=False)
    done["of"] = groups.transform("count")
    stars = np.select([score >= cut for cut in (90, 80, 70, 60, 0)], [5, 4, 3, 2, 1], 0)
    done["stars"] = np.where(np.isnan(score), np.nan, stars)
    done["rank_change"] = done["rank"].shift(entities) - done["rank"]
    done["score_change"] = (done["score"] - done["score"].shift(entities)).round(9)
    return pd.concat([frame[["entity", "period", "cohort"]], done], axis=1)


def _level(columns: dict[str, Any], nodes: dict[str, dict[str, int]]) -> None:
    for name, parts in nodes.items():
        applicable = present = earned = covered = 0.0
        for part, weight in parts.items():
            score, applies = columns[f"{part}.score"], columns[f"{part}.score.status"] != NA
            applicable = applicable + np.where(applies, weight, 0.0)
            present = present + np.where(np.isnan(score), 0.0, weight)
            earned = earned + np.nan_to_num(score) * weight
            if part[0] != "x":
                covered = covered + np.where(applies, np.nan_to_num(columns[f"{part}.coverage"]) * weight, 0.0)
        columns[f"{name}.score"] = np.where(present > 0, earned / present, np.nan)
        columns[f"{name}.score.status"] = np.select([applicable <= 0, present <= 0], [NA, CODE["missing"]], OK)
        percent = present * 100 if next(iter(parts))[0] == "x" else covered
        columns[f"{name}.coverage"] = np.where(applicable > 0, percent / applicable, np.nan)


# ---- DUCKDB ---- #


def duckdb(indicators: int, entities: int, periods: int) -> Callable[[], Any]:
    """DuckDB: one statement, a common table expression for each level of the tree."""
    import duckdb

    connection = duckdb.connect()
    source = coded(panel(indicators, entities, periods)).select(pl.exclude("^#.*$", "^.*\\.rows$")).to_arrow()
    connection.register("source", source)
    connection.execute("CREATE TABLE panel AS SELECT * FROM source")
    connection.unregister("source")
    del source
    text = sql(indicators)
    return lambda: connection.sql(text).to_arrow_table()


def sql(indicators: int) -> str:
    """Return the statement that scores the panel."""
    measures = indicators // 2 + 1
    values, scores = [], []
    for i in range(indicators):
        of, by = of_indicator(i, measures)
        value, state = f'"m{of}"', f'"m{of}.status"'
        if i % 4 == 3:
            base = f"lag({value}, 12) OVER history"
            values.append(f'CASE WHEN {base} > 0 THEN ({value} / {base} - 1) * 100 END AS "x{i}"')
            values.append(
                f"CASE WHEN {state} <> {OK} THEN {state} WHEN {base} IS NULL THEN {CODE['no_baseline']}"
                f' WHEN {base} = 0 THEN {CODE["zero_baseline"]} ELSE {OK} END AS "x{i}.status"'
            )
            scores.append(f'greatest(least("x{i}" / 5 * 100, 100), CASE WHEN "x{i}" IS NOT NULL THEN 0 END)')
        elif i % 4 == 2:
            values += [f'{value} AS "x{i}"', f'{state} AS "x{i}.status"']
            scores.append(f'CASE WHEN "x{i}" > 50 THEN 50 / "x{i}" * 100 WHEN "x{i}" IS NOT NULL THEN 100.0 END')
        else:
            whole, other = f'"m{by}"', f'"m{by}.status"'
            values.append(f'CASE WHEN {whole} <> 0 THEN {value} / {whole} * 100 END AS "x{i}"')
            values.append(
                f"CASE WHEN {state} <> {OK} THEN {state} WHEN {other} <> {OK} THEN {other}"
                f' WHEN {whole} = 0 THEN {CODE["zero_denominator"]} ELSE {OK} END AS "x{i}.status"'
            )
            scores.append(f'greatest(least("x{i}" / 95 * 100, 100), CASE WHEN "x{i}" IS NOT NULL THEN 0 END)')
        # DuckDB's least and greatest pass over nulls: the score is null where the value is.
        scores[-1] = f'CASE WHEN "x{i}" IS NOT NULL THEN {scores[-1]} END::DOUBLE AS "x{i}.score"'
        scores.append(f'"x{i}.status" AS "x{i}.score.status"')
    nodes = tree(indicators)
    levels = [{name: parts for name, (_, parts) in nodes.items() if name[0] == level} for level in ("p", "t")]
    levels.append({"composite": {name: weight for name, (weight, _) in nodes.items() if weight}})
    steps = [
        (
            f"l0 AS (SELECT entity, period, cohort, {', '.join(values)} FROM panel"
            " WINDOW history AS (PARTITION BY entity ORDER BY period))"
        ),
        f"l1 AS (SELECT *, {', '.join(scores)} FROM l0)",
    ]
    for level in levels:
        sums, results = zip(*(_node(name, parts) for name, parts in level.items()), strict=True)
        at = len(steps)
        steps.append(f"l{at} AS (SELECT *, {', '.join(sums)} FROM l{at - 1})")
        steps.append(f"l{at + 1} AS (SELECT *, {', '.join(results)} FROM l{at})")
    stars = " ".join(f"WHEN score >= {cut} THEN {star}" for star, cut in ((5, 90), (4, 80), (3, 70), (2, 60), (1, 0)))
    return f"""WITH {", ".join(steps)},
        totals AS (SELECT *, "composite.score" AS raw,
            round(CAST("composite.score" AS DECIMAL(38, 9)), 2)::DOUBLE AS score FROM l{len(steps) - 1}),
        placed AS (SELECT *, CASE WHEN score IS NOT NULL THEN rank() OVER (
                PARTITION BY period, cohort ORDER BY score DESC NULLS LAST) END AS rank,
            count(score) OVER (PARTITION BY period, cohort) AS of,
            CASE {stars} WHEN score IS NOT NULL THEN 0 END AS stars FROM totals)
        SELECT *, lag(rank) OVER history - rank AS rank_change,
            round(score - lag(score) OVER history, 9) AS score_change
        FROM placed WINDOW history AS (PARTITION BY entity ORDER BY period) ORDER BY period, entity"""


def _node(name: str, parts: dict[str, int]) -> tuple[str, str]:
    """Return the sums of a node of the tree, and what is made of them."""
    applies = {part: f'"{part}.score.status" <> {NA}' for part in parts}
    applicable = " + ".join(f"CASE WHEN {applies[part]} THEN {weight} ELSE 0 END" for part, weight in parts.items())
    present = " + ".join(
        f'CASE WHEN "{part}.score" IS NOT NULL THEN {weight} ELSE 0 END' for part, weight in parts.items()
    )
    earned = " + ".join(f'coalesce("{part}.score", 0) * {weight}' for part, weight in parts.items())
    covered = " + ".join(
        f'CASE WHEN {applies[part]} THEN coalesce("{part}.coverage", 0) * {weight} ELSE 0 END'
        for part, weight in parts.items()
    )
    percent = f'"{name}.present" * 100.0' if next(iter(parts))[0] == "x" else f'"{name}.covered"'
    more = "" if next(iter(parts))[0] == "x" else f', ({covered})::DOUBLE AS "{name}.covered"'
    sums = (
        f'({applicable}) AS "{name}.applicable", ({present}) AS "{name}.present",'
        f' ({earned})::DOUBLE AS "{name}.earned"{more}'
    )
    results = (
        f'CASE WHEN "{name}.present" > 0 THEN "{name}.earned" / "{name}.present" END AS "{name}.score",'
        f' CASE WHEN "{name}.applicable" <= 0 THEN {NA} WHEN "{name}.present" <= 0 THEN {CODE["missing"]} ELSE {OK} END'
        f' AS "{name}.score.status",'
        f' CASE WHEN "{name}.applicable" > 0 THEN {percent} / "{name}.applicable" END AS "{name}.coverage"'
    )
    return sums, results
