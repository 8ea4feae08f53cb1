"""Methods on figures without a solution: gaps stay, stars are not given, both with a warning; and the order of rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import polars as pl
import pytest
from scoring_sample import problems, scored, system_text

from kpi.analysis.explain import explain

ROOT = Path(__file__).parents[2]
POSTS = {"kind": "goalposts", "low": 0, "high": 100}
ABC = ["a", "b", "c"]


def system(step=None, names=ABC, **options):
    treatment = {} if step is None else {"treatment": {"fill": {"kind": "impute", **step}}}
    return system_text(names, scoring=POSTS, pillars={"总": {"parts": names}}, **treatment, **options)


def table(rows, names=ABC, period=2023):
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    who = {"period": period, "entity": [f"E{at}" for at in range(len(rows))]}
    return pl.DataFrame(who | columns, schema_overrides=dict.fromkeys(names, pl.Float64))


def warnings(card):
    return [finding.code for finding in card.findings_list]


# ---- GAPS ---- #

REGRESSION = {"by": "regression", "of": ["a"], "on": ["b", "c"]}
NEIGHBOURS = {"by": "neighbours", "of": ["a"], "on": ["b", "c"], "nearest": 2}


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        pytest.param(REGRESSION, [(1, 2, 4), (2, 4, 8), (3, 6, 12), (9, 8, 16), (None, 1, 2)], id="dependent"),
        pytest.param(REGRESSION, [(1, 2, 5), (2, 3, 5), (3, 7, 5), (4, 9, 5), (None, 1, 5)], id="constant"),
        pytest.param(REGRESSION, [(1, 2, 1), (2, 3, 5), (3, 7, 3), (None, 1, 2)], id="as many units as coefficients"),
        pytest.param(REGRESSION, [(1, 2, 1), (2, 3, 5), (3, 7, 3), (4, 1, 9), (None, None, 2)], id="a missing one"),
        pytest.param(NEIGHBOURS, [(1, 2, 1), (None, 3, 5)], id="too few neighbours"),
        pytest.param(NEIGHBOURS, [(1, 2, None), (3, 2, None), (None, None, 5)], id="nothing in common"),
        pytest.param(NEIGHBOURS, [(1, 2, 3), (3, 2, 3), (None, 2, 3)], id="all are alike"),
    ],
)  # fmt: skip
def test_a_gap_that_nothing_can_fill_stays_and_is_reported(tmp_path, step, rows):
    card = scored(tmp_path, system(step), table(rows))
    last = card.indicators.filter(entity=f"E{len(rows) - 1}", indicator="a")
    assert last.select("score", "score_status").row(0) == (None, "missing")
    assert warnings(card).count("K657") == 1
    assert not card.treated.height


def test_what_is_filled_is_on_record_with_how(tmp_path):
    rows = [(10, 2, 1), (20, 3, 5), (30, 7, 3), (40, 1, 9), (None, 4, 4), (60, None, 1)]
    for step in (REGRESSION, NEIGHBOURS):
        card = scored(tmp_path, system(step), table(rows))
        assert card.treated.select("entity", "indicator", "before").rows() == [("E4", "a", None)]
        assert "b" in card.treated["treatment"][0]
        assert not [code for code in warnings(card) if code.startswith("K65")]
        node = explain(card, "E4", "a")
        assert node.value is None
        assert node.treated == card.treated["after"][0]


def test_values_of_an_earlier_step_are_used_and_other_indicators_stay(tmp_path):
    treatment = {
        "first": {"kind": "impute", "by": "mean", "of": ["b"]},
        "then": {"kind": "impute", "by": "regression", "of": ["a"], "on": ["b"]},
    }
    text = system_text(ABC, scoring=POSTS, pillars={"总": {"parts": ABC}}, treatment=treatment)
    card = scored(tmp_path, text, table([(2, 1, 1), (4, 2, 2), (6, 3, 3), (None, None, 4)]))
    assert card.treated.select("indicator", "after").rows() == [("b", 2.0), ("a", pytest.approx(4.0))]


def test_all_periods_together_have_more_units(tmp_path):
    rows = pl.concat([table([(2, 1, 5), (4, 2, 5)], period=2022), table([(6, 3, 5), (None, 4, 5)])])
    step = {"by": "regression", "of": ["a"], "on": ["b"]}
    assert scored(tmp_path, system(step), rows).treated.height == 0
    card = scored(tmp_path, system(step | {"among": "panel"}), rows)
    assert card.treated["after"].to_list() == pytest.approx([8.0])


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"by": "regression"}, "K113"),
        ({"by": "neighbours", "of": ["a"]}, "K113"),
        ({"by": "mean", "on": ["b"]}, "K113"),
        ({"by": "regression", "on": ["b"], "nearest": 3}, "K113"),
        ({"by": "regression", "of": ["a"], "on": ["x"]}, "K203"),
        ({"by": "regression", "of": ["a"], "on": ["a"]}, "K458"),
    ],
)
def test_steps_that_cannot_be_meant_are_refused(step, code):
    assert code in problems(system(step))


# ---- STARS ---- #


def starred(folder, values, **stars):
    text = system(None, ["a"], stars={"kind": "kmeans", "levels": [1, 2, 3], **stars})
    return scored(folder, text, table([(value,) for value in values], ["a"]))


@pytest.mark.parametrize(
    ("values", "starts"),
    [
        ([50, 60], [40, 50, 60]),
        ([50, 50, 50, 60], [40, 50, 60]),
        ([10, 11, 12, 13], [10, 50, 90]),
        ([50, 50, 50, 50, 60, 70], "groups"),
    ],
)
def test_no_clusters_no_stars_and_a_warning(tmp_path, values, starts):
    card = starred(tmp_path, values, starts=starts)
    assert card.totals["stars"].null_count() == len(values)
    assert card.totals["rank"].null_count() == 0
    assert "K658" in warnings(card)


@pytest.mark.parametrize(
    ("values", "starts", "words"),
    [
        ([50, 50, 50, 60], [40, 50, 60], "too few different scores"),
        # Three different scores and more, none of which is nearest to 50 or 90.
        ([10, 11, 12, 13], [10, 50, 90], "lost all its scores"),
    ],
)
def test_the_warning_says_why_there_are_no_stars(tmp_path, values, starts, words):
    card = starred(tmp_path, values, starts=starts)
    (finding,) = [item for item in card.findings_list if item.code == "K658"]
    assert words in str(finding.message)


def test_one_gap_is_one_gap(tmp_path):
    card = scored(tmp_path, system(REGRESSION), table([(1, 2, 4), (2, 4, 8), (3, 6, 12), (9, 8, 16), (None, 1, 2)]))
    (finding,) = [item for item in card.findings_list if item.code == "K657"]
    assert "1 gap of a" in str(finding.message)


# ---- NODES ---- #


def test_importances_that_need_a_negative_weight_say_so(tmp_path):
    # a and b are nearly the same: ten times the importance for one of them takes a negative weight for the other.
    method = {"method": "importance", "importance": {"a": 10, "b": 1, "c": 1}}
    text = system_text(ABC, scoring=POSTS, pillars={"总": {"parts": ABC, "weights": method}})
    card = scored(tmp_path, text, table([(10, 11, 50), (20, 19, 20), (30, 32, 90), (40, 39, 10), (50, 51, 60)]))
    (finding,) = [item for item in card.findings_list if item.code == "K658"]
    assert "negative" in str(finding.hint)


def test_best_weights_of_zeros_only_are_undefined(tmp_path):
    pytest.importorskip("scipy")
    method = {"method": "benefit_of_the_doubt"}
    text = system_text(ABC, scoring=POSTS, pillars={"总": {"parts": ABC, "weights": method}})
    card = scored(tmp_path, text, table([(0, 0, 0), (0, 0, 0)]))
    assert card.totals.select("score", "rank").rows() == [(None, None)] * 2
    assert "K658" in warnings(card)
    item = scored(tmp_path, text, table([(0, 0, 0), (50, 0, 0)]))
    assert item.totals.sort("entity")["score"].to_list() == [0, 100]


def test_a_total_of_a_pillar_without_a_result_has_its_reason(tmp_path):
    mean = {"mazziotta_pareto": "minus"}
    text = system_text(ABC, scoring=POSTS, pillars={"总": {"parts": ABC, "mean": mean, "weight": 100}})
    card = scored(tmp_path, text, table([(0, 0, 0), (50, 50, 50)]))
    assert card.totals.sort("entity")["status"].to_list() == ["out_of_range", "ok"]


def test_clusters_have_their_stars_in_any_order_of_the_starts(tmp_path):
    for starts in ([10, 50, 90], [90, 10, 50], "groups"):
        card = starred(tmp_path, [12, 8, 55, 50, 91, 88], starts=starts)
        assert card.totals.sort("entity")["stars"].to_list() == [1, 1, 2, 2, 3, 3]
        assert "K658" not in warnings(card)


def test_half_stars_and_the_upper_bound(tmp_path):
    card = starred(tmp_path, [10, 20, 30, 80, 90, 100], starts=[10, 20, 90], half=True)
    assert card.totals["stars"].dtype == pl.Float64
    upper = starred(tmp_path, [12, 8, 55, 50, 91, 88], starts=[10, 50, 90], inclusive="upper")
    assert upper.totals.sort("entity")["stars"].to_list() == [1, 1, 2, 2, 3, 3]


def test_starts_are_as_many_as_the_levels():
    for starts in ([10, 20], [10, 10, 20]):
        assert "K459" in problems(system(None, ["a"], stars={"kind": "kmeans", "levels": [1, 2, 3], "starts": starts}))


def test_grades_by_probits_need_three_different_scores(tmp_path):
    for values, levels in (([10, 10, 90], [1, 2]), ([10, 50, 90], [1, 2, 3, 4]), ([50], [1, 2])):
        card = starred(tmp_path, values, kind="probits", levels=levels)
        assert card.totals["stars"].null_count() == len(values)
        assert "K658" in warnings(card)
    half = starred(tmp_path, [10, 20, 30, 80, 90, 100], kind="probits", half=True)
    assert half.totals["stars"].dtype == pl.Float64
    assert "K658" not in warnings(half)


def test_probits_are_one_fewer_than_the_levels_and_rise():
    for probits in ([4], [6, 4], [4, 4], [4, 5, 6]):
        stars = {"kind": "probits", "levels": [1, 2, 3], "probits": probits}
        assert "K661" in problems(system(None, ["a"], stars=stars))
    assert "K661" not in problems(system(None, ["a"], stars={"kind": "probits", "probits": [4.5, 6]}))


# ---- THE SAME BITS ---- #

NAMES = list("abcdefgh")
WAYS = [
    *({"mean": mean} for mean in ("grey_relational", "vikor", "rank_sum_ratio", {"owa": 2})),
    {"weights": {"method": "benefit_of_the_doubt", "least": 5}}, {"weights": {"method": "importance"}},
    {"weights": {"method": "combined", "by": "game", "methods": [{"method": "entropy"}, {"method": "critic"}]}},
]  # fmt: skip
STEPS = {
    "one": {"kind": "impute", "by": "regression", "of": ["a"], "on": ["b", "c"]},
    "other": {"kind": "impute", "by": "neighbours", "of": ["d"], "on": ["e", "f"]},
}


def bits(folder: Path, seed: int) -> list[object]:
    """Return totals and stars by every way, of the same figures in an order that depends on the seed."""
    random, order = Random(1), Random(seed)
    rows = [[None if random.random() < 0.06 else random.uniform(1, 99) for _ in NAMES] for _ in range(60)]
    frame = table(rows, NAMES)
    places = list(range(frame.height))
    order.shuffle(places)
    result: list[object] = []
    for way in WAYS:
        pillars = {"总": {"parts": NAMES, **way}}
        text = system_text(NAMES, scoring=POSTS, pillars=pillars, treatment=STEPS, stars={"kind": "kmeans"})
        totals = scored(folder, text, frame[places]).totals.sort("entity")
        result += [str(totals["raw_score"].to_list()), str(totals["stars"].to_list())]
    return result


def test_the_order_of_rows_changes_no_bit(tmp_path):
    assert bits(tmp_path, 1) == bits(tmp_path, 2)


@pytest.mark.slow
def test_the_number_of_threads_changes_no_bit(tmp_path):
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, 'tests/scoring'); "
        f"import test_no_solution as it; print(it.bits(Path({str(tmp_path)!r}), 1))"
    )
    result = []
    for threads in ("1", "2", "8"):
        environment = os.environ | {"POLARS_MAX_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        result.append(done.stdout)
    assert len(set(result)) == 1
