"""Statistics of a scored system: data availability, correlation, consistency, and the profile of an entity.

They help to build a system: whether the indicators of a pillar belong together, which are redundant and which have
gaps. All are computed on the scores of one period.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import polars as pl

from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.values import numerics
from kpi.values.columns import Column


def _last(card: Scorecard) -> pl.DataFrame:
    """Return the wide rows of the last period that is shown."""
    index = next(index for index, label in card.labels.items() if label == card.periods[-1])
    return card.detailed.filter(pl.col("period") == index)


def _scored(card: Scorecard) -> list[str]:
    return [name for name in card.definition.indicators if card.definition.rule(name) is not None]


def availability(card: Scorecard) -> pl.DataFrame:
    """Return the number of entities with a value in the last period, by indicator, ordered by gaps.

    Columns: indicator, title, there, lacking, not_applicable (entities), percent (of those it applies to; null where it
    applies to none).
    """
    rows = _last(card)
    records = []
    for name in card.definition.indicators:
        absent = int((rows[Column(name).status] == "not_applicable").sum())
        there = rows[name].count()
        applicable = rows.height - absent
        percent = 100 * there / applicable if applicable else None
        records.append((name, card.definition.symbols[name].title, there, applicable - there, absent, percent))
    schema = ["indicator", "title", "there", "lacking", "not_applicable", "percent"]
    return pl.DataFrame(records, schema=schema, orient="row").sort(
        "lacking", "indicator", descending=[True, False]
    )  # fmt: skip


def correlations(card: Scorecard) -> pl.DataFrame:
    """Return Pearson correlations of scores in the last period over pairwise complete entities, strongest first.

    Columns: first, second (indicators), within (Boolean: of the same pillar), correlation (null where one is constant
    or fewer than three entities have both), entities.
    """
    names, rows = _scored(card), _last(card)
    parents = card.definition.parents
    columns = [rows[Column(name).score] for name in names]
    table = numerics.correlated(columns)
    records = []
    for i, j in combinations(range(len(names)), 2):
        first, second = names[i], names[j]
        both = int((columns[i].is_not_null() & columns[j].is_not_null()).sum())
        within = parents.get(first) is not None and parents.get(first) == parents.get(second)
        records.append((first, second, within, table[i][j] if both >= 3 else None, both))
    schema = {
        "first": pl.String, "second": pl.String, "within": pl.Boolean, "correlation": pl.Float64, "entities": pl.Int64
    }  # fmt: skip
    frame = pl.DataFrame(records, schema=schema, orient="row")
    return frame.sort(pl.col("correlation").abs(), "first", "second", descending=[True, False, False], nulls_last=True)


def consistency(card: Scorecard) -> pl.DataFrame:
    """Return Cronbach's alpha of every pillar in the last period: `k/(k - 1) (1 - sum(s²)/s²(sum))`.

    It is computed on the scores of the parts, over the entities that have all of them.
    """
    rows = _last(card)
    records = []
    for name, pillar in card.definition.pillars.items():
        complete = rows.select([Column(part).score for part in pillar.parts]).drop_nulls()
        records.append((name, pillar.title or name, complete.width, complete.height, _alpha(complete.get_columns())))
    schema = {
        "pillar": pl.String, "title": pl.String, "parts": pl.Int64, "entities": pl.Int64, "alpha": pl.Float64
    }  # fmt: skip
    return pl.DataFrame(records, schema=schema, orient="row")


def _alpha(columns: Sequence[pl.Series]) -> float | None:
    """Cronbach's alpha of complete columns.

    >>> round(_alpha([pl.Series([1.0, 2.0, 3.0]), pl.Series([2.0, 4.0, 6.0])]), 4)
    0.8889
    """
    number = len(columns)
    if number < 2 or len(columns[0]) < 3:
        return None
    total = pl.DataFrame({str(place): column for place, column in enumerate(columns)}).sum_horizontal()
    if total.min() == total.max():
        return None
    parts = math.fsum(float(column.var()) for column in columns)  # type: ignore[arg-type]
    return number / (number - 1) * (1 - parts / float(total.var()))  # type: ignore[arg-type]


def profile(card: Scorecard, entity: str) -> pl.DataFrame:
    """Return the indicators of an entity in the last period, from the greatest strength to the greatest weakness.

    Columns: indicator, title, score, mean (of the cohort), ahead (score less mean, percent of full marks), rank, of
    (entities of the cohort that have a score), standing (0 ahead of all others, 1 behind all, 0.5 where all are equal).
    Indicators without a score are left out.

    Raises:
        DataError: if the entity does not exist.
    """
    names = card.entities["entity"].to_list()
    codes = card.entities["code"].to_list() if "code" in card.entities.columns else [None] * len(names)
    places = {str(code): place for place, code in enumerate(codes) if code} | {
        entity_name: i for i, entity_name in enumerate(names)
    }
    if entity not in places:
        raise DataError(
            Diagnostic(
                "K602", Message("`{entity}` is not among the entities", entity=entity), hint=suggest(entity, places)
            )
        )
    rows = _last(card)
    own_rows = rows.filter(pl.col("entity") == places[entity])
    peers = rows.filter(pl.col("cohort") == own_rows["cohort"][0])
    indicators = []
    for name in _scored(card):
        score = own_rows[Column(name).score][0]
        if score is None:
            continue
        scores = peers[Column(name).score].drop_nulls()
        mean = sum(scores) / len(scores)
        better, equal = int((scores > score).sum()), int((scores == score).sum())
        standing = (better + (equal - 1) / 2) / (len(scores) - 1) if len(scores) > 1 else 0.5
        title = card.definition.symbols[name].title
        indicators.append((name, title, score, mean, score - mean, better + 1, len(scores), standing))
    schema = {
        "indicator": pl.String, "title": pl.String, "score": pl.Float64, "mean": pl.Float64, "ahead": pl.Float64,
        "rank": pl.Int64, "of": pl.Int64, "standing": pl.Float64,
    }  # fmt: skip
    frame = pl.DataFrame(indicators, schema=schema, orient="row")
    return frame.sort("standing", "ahead", "indicator", descending=[False, True, False])
