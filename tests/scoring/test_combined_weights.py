"""Weights of several methods and of groups, for a wanted importance, and best for each unit: what has no solution."""

from __future__ import annotations

import builtins
import importlib.util
import math
from random import Random

import polars as pl
import pytest
from scoring_sample import problems, scored, system_text

from kpi.analysis.explain import explain
from kpi.analysis.robustness import stressed
from kpi.analysis.variants import leave_out
from kpi.language.aggregation.benefit_of_doubt import BenefitOfTheDoubt
from kpi.language.aggregation.combined import Combined
from kpi.language.aggregation.importance import Importance
from kpi.language.aggregation.judgements import GroupAhp
from kpi.language.loading.loader import examine_text
from kpi.values import linear

ABC = ["a", "b", "c"]
PLAIN = {"kind": "piecewise", "floor": None, "knots": [[-1e6, -1e6], [1e6, 1e6]]}
CONTRADICTING = [[1, 5, "1/5"], ["1/5", 1, 5], [5, "1/5", 1]]
CONSISTENT = [[1, 2, 4], ["1/2", 1, 2], ["1/4", "1/2", 1]]


def text(weights, *, names=ABC, **options):
    return system_text(
        list(names), scoring=PLAIN, pillars={"总": {"parts": list(names), "weights": weights, **options}}
    )


def table(rows, names=ABC):
    return pl.DataFrame(
        {"period": 2023, "entity": [f"E{at}" for at in range(len(rows))]}
        | {name: [row[at] for row in rows] for at, name in enumerate(names)},
        schema_overrides=dict.fromkeys(names, pl.Float64),
    )


def group(judges, **options):
    return {"method": "group_ahp", "by": "eigenvector", "combine": "judgements", "judges": judges, **options}


def combined(*methods, by="sum", **options):
    return {"method": "combined", "by": by, "methods": list(methods), **options}


def given(*weights):
    return {"method": "given", "weights": dict(zip(ABC, weights, strict=False))}


GIVEN = given(3, 2, 1)


# ---- BAD DEFINITIONS ---- #


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        (group({"甲": {"matrix": CONTRADICTING}, "乙": {"matrix": CONSISTENT}}), "K423"),
        (group({"甲": {"matrix": CONTRADICTING}}, inconsistent="leave_out"), "K423"),
        (group({"甲": {"matrix": [[1, 2], ["1/2", 1]]}}), "K421"),
        (group({"甲": {"matrix": CONSISTENT}, "乙": {"matrix": [[1, 2], ["1/2", 1]]}}), "K113"),
        (group({"甲": {"matrix": [[1, 2, 3], [2, 1, 1], ["1/3", 1, 1]]}}), "K421"),
        (given(1, 2), "K454"),
        (given(0, 0, 0), "K113"),
        (combined(GIVEN), "K113"),
        (combined(GIVEN, given(1, 2)), "K454"),
        (combined(given(1, 0, 0), given(0, 1, 0), by="product"), "K454"),
        (combined(GIVEN, {"method": "entropy", "among": "panel"}), "K113"),
        (combined(GIVEN, {"method": "entropy"}, by="product", shares=[1, 1]), "K113"),
        (combined(GIVEN, {"method": "entropy"}, shares=[1]), "K113"),
        ({"method": "importance", "importance": {"a": 1, "b": 2}}, "K454"),
        ({"method": "importance", "importance": {"a": 1, "b": 2, "c": 0}}, "K454"),
        ({"method": "benefit_of_the_doubt", "least": 40}, "K454"),
        ({"method": "benefit_of_the_doubt", "most": 30}, "K454"),
        ({"method": "benefit_of_the_doubt", "least": {"a": 50}, "most": {"a": 40}}, "K454"),
        ({"method": "benefit_of_the_doubt", "least": {"a": 10, "x": 20}}, "K454"),
    ],
)  # fmt: skip
def test_what_has_no_weights_by_definition_is_a_finding(weights, code):
    assert code in problems(text(weights))


@pytest.mark.parametrize(
    ("weights", "options"),
    [
        ({"method": "importance"}, {"mean": "geometric"}),
        (combined(GIVEN, {"method": "importance"}), {"mean": "topsis"}),
        ({"method": "benefit_of_the_doubt"}, {"mean": "geometric"}),
        ({"method": "benefit_of_the_doubt"}, {"missing": "zero"}),
        ({"method": "benefit_of_the_doubt"}, {"missing": "cohort_mean"}),
    ],
)
def test_weights_that_would_mean_something_else_are_a_finding(weights, options):
    assert "K455" in problems(text(weights, **options))


def test_a_solver_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "scipy" else builtins.object())
    result = examine_text(text({"method": "benefit_of_the_doubt"})).findings
    assert [item.code for item in result] == ["K456"]
    assert "scipy" in str(result[0].message)


def test_ordered_weights_are_as_many_as_the_parts():
    assert "K457" in problems(system_text(ABC, scoring=PLAIN, pillars={"总": {"parts": ABC, "mean": {"owa": [1, 2]}}}))
    pillars = {"甲": {"parts": ["a"]}, "乙": {"parts": ["b"]}, "丙": {"parts": ["c"]}}
    weighed = {name: {**item, "weight": 1} for name, item in pillars.items()}
    assert "K457" in problems(system_text(ABC, scoring=PLAIN, pillars=weighed, composite={"mean": {"owa": [1, 2]}}))
    assert "K113" in problems(
        system_text(ABC, scoring=PLAIN, pillars={"总": {"parts": ABC, "mean": {"owa": [0, 0, 0]}}})
    )


# ---- NO SOLUTION IN THE DATA ---- #


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([(1, 2, 5), (2, 4, 3), (3, 6, 9), (5, 10, 1)], id="two depend on each other"),
        pytest.param([(1, 7, 5), (2, 7, 3), (3, 7, 9), (5, 7, 1)], id="one is constant"),
        pytest.param([(1, 2, 5), (2, 1, 3), (3, 6, 9)], id="fewer entities than needed"),
        pytest.param([(1, 2, 5), (2, 1, 3), (3, 6, 9), (4, None, 2)], id="too few are complete"),
        pytest.param([(1, 9, 1), (2, 8, 2), (3, 7.5, 3), (4, 6, 4.5), (5, 5.5, 5.2)], id="a weight would be negative"),
    ],
)
def test_importance_without_a_solution_has_no_weights_and_no_scores(tmp_path, rows):
    card = scored(tmp_path, text({"method": "importance"}), table(rows))
    assert set(card.pillars["status"]) == {"out_of_range"}
    assert card.pillars["score"].null_count() == len(rows)
    assert card.weights.filter(node="总")["weight"].null_count() == 3


def test_a_combination_has_no_weights_where_a_method_has_none(tmp_path):
    card = scored(tmp_path, text(combined(GIVEN, {"method": "entropy"})), table([(1, 2, -5), (2, 4, 3)]))
    assert set(card.pillars["status"]) == {"out_of_range"}


def test_equations_that_depend_on_each_other_have_no_combination():
    lists = [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.35, 0.25, 0.4]]
    assert linear.game_shares(lists) is None
    assert linear.game_shares([lists[0]] * 3) == [1, 1, 1]


def test_a_unit_without_any_part_is_missing_and_one_below_zero_has_no_weights(tmp_path):
    rows = [(80, 20, 1, 1), (20, 80, 1, 1), (None, None, None, 1), (None, 40, None, 1)]
    pillars = {"总": {"parts": ABC, "weights": {"method": "benefit_of_the_doubt"}}, "别": {"parts": ["d"]}}
    weighed = {name: {**item, "weight": 1} for name, item in pillars.items()}
    names = [*ABC, "d"]
    card = scored(tmp_path, system_text(names, scoring=PLAIN, pillars=weighed), table(rows, names))
    result = card.pillars.filter(pillar="总").sort("entity")
    assert result["status"].to_list() == ["ok", "ok", "missing", "ok"]
    assert result["coverage"].round(6).to_list() == [100, 100, 0, 33.333333]
    card = scored(tmp_path, text({"method": "benefit_of_the_doubt"}), table([(80, 20, -1), (20, 80, 1)]))
    assert set(card.pillars["status"]) == {"out_of_range"}


def test_too_little_weight_is_incomplete_with_weights_of_each_unit_too(tmp_path):
    weights = {"method": "benefit_of_the_doubt"}
    card = scored(
        tmp_path, text(weights, missing={"redistribute": {"at_least": 60}}), table([(8, 2, 1), (1, None, None)])
    )
    assert card.pillars.sort("entity")["status"].to_list() == ["ok", "incomplete"]


# ---- WHAT HOLDS ---- #


def test_each_unit_has_the_weights_that_it_was_judged_by(tmp_path):
    card = scored(
        tmp_path,
        text({"method": "benefit_of_the_doubt", "least": 20}),
        table([(80, 20, 40), (20, 80, 40), (30, 30, 50)]),
    )
    for entity in card.entities["entity"]:
        points = card.indicators.filter(entity=entity)
        assert points["weight"].sum() == pytest.approx(100)
        weighted = points.select(pl.col("weight") / 100 * pl.col("score")).to_series()
        assert (weighted / weighted.sum() >= 0.2 - 1e-9).all()
    assert card.weights.filter(node="总")["weight"].sum() == pytest.approx(100)


def test_no_unit_is_better_with_weights_of_others():
    random = Random(7)
    rows = [[random.uniform(1, 100) for _ in range(4)] for _ in range(12)]
    columns = [pl.Series(column) for column in zip(*rows, strict=True)]
    own = BenefitOfTheDoubt().table(columns)
    scores = [
        row[-1] * math.fsum(w * x for w, x in zip(row, values, strict=False))
        for row, values in zip(own, rows, strict=True)
    ]
    assert max(scores) == pytest.approx(100)
    for values, score in zip(rows, scores, strict=True):
        for weights in own:
            sums = [math.fsum(w * x for w, x in zip(weights, item, strict=False)) for item in rows]
            assert 100 * math.fsum(w * x for w, x in zip(weights, values, strict=False)) / max(sums) <= score + 1e-9


METHODS = [
    Importance(), Combined(by="product", methods=[{"method": "entropy"}, given(1, 2, 3)]),
    Combined(by="game", methods=[{"method": "variation"}, given(1, 2, 3)]),
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=["importance", "product", "game"])
def test_the_order_of_entities_does_not_matter(method):
    random = Random(3)
    rows = [[random.uniform(1, 100) for _ in range(3)] for _ in range(40)]
    results = []
    for _ in range(4):
        random.shuffle(rows)
        results.append(method.find([pl.Series(column) for column in zip(*rows, strict=True)]))
    if isinstance(method, Importance):
        assert all(item == results[0] for item in results)
    assert all(item == pytest.approx(results[0], abs=1e-14) for item in results)


def test_the_best_weights_have_the_same_bits_in_any_order():
    random = Random(5)
    rows = [[float(random.randint(1, 100)) if random.random() > 0.1 else None for _ in range(4)] for _ in range(30)]
    answers = []
    for _ in range(3):
        random.shuffle(rows)
        columns = [pl.Series(column, dtype=pl.Float64) for column in zip(*rows, strict=True)]
        answers.append(
            sorted(
                (str(row), result.tolist())
                for row, result in zip(rows, BenefitOfTheDoubt(least=5).table(columns), strict=True)
            )
        )
    assert str(answers[0]) == str(answers[1]) == str(answers[2])


def test_correlations_are_as_wanted():
    random = Random(11)
    base = [random.gauss(0, 1) for _ in range(60)]
    columns = [pl.Series([item * 0.5 + random.gauss(0, size) for item in base]) for size in (1, 2, 5)]
    weights = Importance(importance={"a": 2, "b": 1, "c": 1}).find(columns)
    assert weights is not None
    total = sum((column * weight for column, weight in zip(columns, weights, strict=True)), columns[0] * 0)
    result = [pl.DataFrame({"a": column, "b": total}).select(pl.corr("a", "b")).item() for column in columns]
    assert [item / sum(result) for item in result] == pytest.approx([0.5, 0.25, 0.25])


def test_judges_count_by_their_weights_and_the_others_are_named():
    judges = {"甲": {"matrix": CONSISTENT}, "乙": {"matrix": CONTRADICTING, "weight": 9}}
    item = GroupAhp(by="eigenvector", combine="judgements", inconsistent="leave_out", judges=judges)
    assert item.fixed(3) == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert "乙" in str(item.words())
    for name in ("judgements", "priorities"):
        both = GroupAhp(by="eigenvector", combine=name, inconsistent="allow", judges=judges)
        assert both.consistency > 0.1


WEIGHTS = [
    {"method": "importance", "importance": {"a": 1, "b": 2, "c": 3}}, combined(GIVEN, {"method": "entropy"}),
    combined(GIVEN, GIVEN),
    group({"甲": {"matrix": CONSISTENT}}), {"method": "benefit_of_the_doubt", "least": {"a": 10, "b": 5}},
]  # fmt: skip


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda item: item["method"])
def test_stress_and_a_part_less(tmp_path, weights):
    random = Random(2)
    rows = [[random.uniform(10, 100) for _ in range(3)] for _ in range(8)]
    system = text(weights)
    card = scored(tmp_path, system, table(rows))
    assert card.pillars["score"].null_count() == 0
    rest = leave_out(examine_text(system).system, "b")
    assert list(rest.pillars["总"].parts) == ["a", "c"]
    result = stressed(card, runs=3)
    assert result is not None
    assert explain(card, "E1").contribution is not None
