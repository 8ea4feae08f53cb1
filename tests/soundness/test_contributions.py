"""Class of wrong answer: an explanation that does not add up, or says something else than another output."""

from __future__ import annotations

import io
import json
import math
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from kpi.analysis.diff import Side, diff, side
from kpi.analysis.explain import Explained, explain
from kpi.engine.scorecard import Scorecard
from kpi.report.files import content, write
from kpi.report.language import tr, using
from kpi.report.reading import read_result
from tests.oracle.strategies import POLICIES, Evaluation, as_yaml, evaluations
from tests.oracle.test_oracle import SLOW, scored
from tests.soundness.small_evaluation import small_card

NAMES, ENTITIES, YEARS = ["a", "b", "c", "d", "e"], ["甲", "乙", "丙", "丁"], [2023, 2024]

MEANS = [
    "arithmetic", "geometric", "harmonic", "minimum", {"power": 2}, {"power": -1}, "mazziotta_pareto", "topsis",
    "copeland", {"mazziotta_pareto": "plus"}, {"owa": [1, 2]}, {"owa": 0.5}, "grey_relational", "vikor",
    "rank_sum_ratio", {"worst": 1}, {"best": 1}, {"worst": 3},
]  # fmt: skip

#: How the result of a pillar may be scored again.
AGAIN = [
    *({"kind": kind} for kind in ("zscore", "percentile", "minmax", "distance_to_best", "rank")),
    {"kind": "goalposts", "low": 20, "high": 80},
]  # fmt: skip

#: Ways in which the weights of two parts come about.
METHODS = [
    *({"method": item} for item in ("equal", "entropy", "critic", "variation", "pca")),
    {"method": "ahp", "by": "eigenvector", "matrix": [[1, 3], ["1/3", 1]]},
    {"method": "importance"}, {"method": "benefit_of_the_doubt", "least": 10},
    {"method": "combined", "by": "product", "methods": [{"method": "equal"}, {"method": "critic"}]},
]  # fmt: skip


def by_cohort(values: dict[str, float]) -> dict:
    """Return a weight by cohort."""
    return {"by": "cohort", "values": values}


#: Weights of two parts that differ by class or period: the same sum in each, a class of which a part is none, a class
#: for which none are given, and a period before the first.
VARIED = [
    [by_cohort({"一类": 1, "二类": 3}), by_cohort({"一类": 3, "二类": 1})],
    [by_cohort({"一类": 4, "二类": 0, "": 2}), by_cohort({"一类": 0, "二类": 4, "": 2})],
    [[{"weight": 1}, {"from": 2024, "weight": 2}], [{"weight": 2}, {"from": 2024, "weight": 1}]],
    [[{"from": 2024, "weight": by_cohort({"一类": 1, "二类": 2})}], [{"weight": by_cohort({"一类": 2, "二类": 1})}]],
]


@st.composite
def nodes(draw: st.DrawFn, parts: list[str]) -> dict:
    """Draws a pillar over parts: its mean, its weights or what finds them, its policy for gaps, its rounding."""
    node = {"mean": draw(st.sampled_from(MEANS)), "missing": draw(st.sampled_from(POLICIES))}
    conditions = [{"when": "e > 30"}, {"below": {parts[0]: 50}}]
    caps = st.sampled_from(conditions).map(lambda condition: {"caps": [{"at_most": 40} | condition]})
    node |= draw(st.one_of(st.just({}), st.just({}), caps))
    method = draw(st.sampled_from([None, *METHODS]))
    if method is not None and method["method"] in ("importance", "benefit_of_the_doubt"):
        node |= {"mean": "arithmetic"}
        if method["method"] != "importance":
            node |= {"missing": draw(st.sampled_from(["redistribute", "fail"]))}
    if method is None and len(parts) == 2 and draw(st.booleans()):
        return node | {"parts": dict(zip(parts, draw(st.sampled_from(VARIED)), strict=True))} | draw(rounding())
    if method is None or len(parts) != 2:
        weights = {
            part: draw(st.sampled_from([1, 2, 0.1, 0] if place else [1, 2, 0.1])) for place, part in enumerate(parts)
        }
        return node | {"parts": weights} | draw(rounding())
    return node | {"parts": parts, "weights": method} | draw(rounding())


def rounding() -> st.SearchStrategy[dict]:
    return st.sampled_from([{}, {}, {"decimals": 0}, {"decimals": 1}])


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    """Draws a scorecard of two periods with gaps, of a system that may do everything to a total."""
    composite = draw(nodes(["p", "q"])) | draw(st.sampled_from([{}, {"full": 15}, {"cap": 60, "floor": 20}]))
    weights = composite.pop("parts")
    pillars = {
        "p": draw(nodes(["ia", "r"])), "q": draw(nodes(["id", "ie"])), "r": draw(nodes(["ib", "ic"])),
    }  # fmt: skip
    for name in pillars:
        pillars[name] |= draw(st.one_of(st.just({}), st.sampled_from(AGAIN).map(lambda rule: {"score": rule})))
    if isinstance(weights, dict):
        for name, weight in weights.items():
            pillars[name]["weight"] = weight
        if draw(st.booleans()) and all(weights.values()):
            pillars["beside"] = draw(nodes(["p", "q"])) | {"weight": 0}
            # A part that a method weighs has one node that it is weighed in.
            if isinstance(pillars["beside"]["parts"], list):
                pillars["beside"] |= {"parts": {"p": 2, "q": 1}}
                del pillars["beside"]["weights"]
    marked = [name for name, pillar in pillars.items() if "weights" not in pillar]
    inside, other = (draw(st.sampled_from(marked)) if marked else None for _ in range(2))
    adjustments = {
        "plus": {"kind": "bonus", "of": "a", "points": 1, "per": 5},
        "minus": {"kind": "deduction", "when": "b > 50", "points": 7},
        "capped": {"kind": "veto", "when": "c > 40", "effect": draw(st.sampled_from([{"score": 10}, {"fail": True}]))},
        "most": {"kind": "veto", "when": "d > 40", "effect": {"score_at_most": 30}},
        "more": {"kind": "bonus", "of": "c", "points": 2, "per": 10, "opens": draw(st.sampled_from([None, 20]))},
        "own": {"kind": "bonus", "of": "d", "points": 0.1, "per": 5, "within": inside, "opens": {"ia": 50}},
        "lost": {"kind": "deduction", "when": "a > 20", "points": 0.5, "within": inside},
        "extra": {"kind": "bonus", "when": "b > 20", "points": 1, "within": other, "opens": 1},
    }
    kept = draw(st.sets(st.sampled_from(sorted(adjustments))))
    joint = {"most_of_both": ["plus", "more"], "most_inside": ["own", "lost"]}
    for name, of in joint.items():
        if some := [item for item in of if item in kept]:
            within = {"within": inside} if name == "most_inside" else {}
            adjustments[name] = {"kind": "limit", "of": some, "max": draw(st.sampled_from([0.3, 3]))} | within
            kept.add(name)
    for name in {inside, other} - {None}:
        pillars[name] |= draw(st.sampled_from([{}, {"floor": None}, {"cap": 1}]))
    own = {"一类": {"kind": "completion", "cap": 120}, "二类": {"kind": "minmax"}, "": {"kind": "pass"}}
    rule = draw(st.sampled_from([
        {"kind": "completion"}, {"kind": "minmax"}, {"kind": "step", "points": 1}, {"by": "cohort", "values": own},
    ]))  # fmt: skip
    system = {
        "measures": {name: {"unit": "件"} for name in NAMES},
        "indicators": {f"i{name}": {"kind": "level", "of": name, "target": {"at_least": 50}} for name in NAMES},
        "scoring": rule, "pillars": pillars, "composite": composite,
        "adjustments": {name: item for name, item in adjustments.items() if name in kept},
    }  # fmt: skip
    if draw(st.booleans()):
        by = draw(st.sampled_from(["median", "mean", "previous"]))
        system["treatment"] = {"gaps": {"kind": "impute", "by": by, "of": ["ib", "id"]}}
    figures = st.one_of(st.none(), st.sampled_from([0, 1, 29, 30, 45, 50, 60]))
    cells = [(year, who, name, draw(figures)) for year in YEARS for who in ENTITIES for name in NAMES]
    assume(any(value is not None for *_, value in cells))
    kinds = draw(st.sampled_from([{}, dict(zip(ENTITIES, ["一类", "二类", "二类", "三类"], strict=True))]))
    rows = ((*key, "—" if value is None else value, kinds.get(key[1], "")) for *key, value in cells)
    return small_card(as_yaml(system), *rows)


def same(item: float | None, other: float | None) -> bool:
    return (item or 0.0) == pytest.approx(other or 0.0, rel=1e-9, abs=1e-9)


def added(parts: list[Explained] | tuple[Explained, ...]) -> float:
    return math.fsum(part.contribution or 0.0 for part in parts)


def assert_explained(card: Scorecard) -> None:
    """Every node of every explanation is the sum of its parts, and says what the frames say."""
    points = {
        (row["period"], row["entity"], row[what]): row["points"]
        for frame, what in ((card.pillars, "pillar"), (card.indicators, "indicator"), (card.adjustments, "part"))
        for row in frame.to_dicts()
        if not (what == "part" and row["kind"] == "missing")
    }
    raw = {(row["period"], row["entity"]): row["raw_score"] for row in card.totals.to_dicts()}
    for label in card.periods:
        for entity in card.entities["entity"]:
            total = explain(card, entity, period=label)
            if raw[label, entity] is not None:
                assert same(added(total.parts), raw[label, entity]), (label, entity)
            for node in total.walk():
                if node.kind not in ("total", "measure") and node.contribution is not None:
                    assert same(points.get((label, entity, node.name)), node.contribution), (label, entity, node)
                if node.kind == "pillar" and node.score is not None and node.contribution is not None:
                    assert same(added(node.parts), node.contribution), (label, entity, node)
            for name in card.definition.headlines:
                alone = explain(card, entity, name, period=label)
                assert same(alone.contribution, alone.score), (label, entity, name)
                assert same(added(alone.parts), alone.score) or alone.score is None, (label, entity, name)


def assert_lines_add_up(item: Side, card: Scorecard) -> None:
    """The lines of one side of a difference make the total, and are the points of the frames."""
    reports = {
        (row["period"], row["entity"], row["indicator"]): row["contribution"] for row in item.contributions.to_dicts()
    }
    for row in card.totals.drop_nulls("raw_score").to_dicts():
        lines = [value for (label, who, _), value in reports.items() if (label, who) == (row["period"], row["entity"])]
        assert same(math.fsum(value or 0.0 for value in lines), row["raw_score"]), row
    for row in card.indicators.to_dicts():
        assert same(reports.get((row["period"], row["entity"], row["indicator"])), row["points"]), row


def assert_changes_add_up(before: Side, after: Side, pairs: dict[str, str]) -> None:
    result = diff(before, after, periods=pairs)
    known = result.totals.drop_nulls("change")
    moved = result.indicators.group_by("period", "entity").agg(pl.col("change").sum())
    both = known.join(moved, on=["period", "entity"], how="left", suffix="_moved")
    for row in both.to_dicts():
        assert (row["change_moved"] or 0.0) == pytest.approx(row["change"], abs=1e-7), row
    rows = result.indicators.drop_nulls("from_weight").to_dicts()
    for row in (row for row in rows if row["weight"] and row["weight_before"]):
        old, new = row["contribution_before"] / row["weight_before"], row["contribution"] / row["weight"]
        by_score = row["weight_before"] * (new - old)
        assert by_score + row["from_weight"] == pytest.approx(row["change"], abs=1e-7), row


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(card=cards())
def test_contributions_add_up_and_are_the_same_everywhere(card: Scorecard) -> None:
    assert_explained(card)
    item = side(card, "one")
    assert_lines_add_up(item, card)
    if len(card.periods) == 2:
        assert_changes_add_up(item, item, {"2024": "2023"})


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations())
def test_contributions_of_random_systems_add_up(evaluation: Evaluation) -> None:
    assume(evaluation.system.get("pillars"))
    card = scored(evaluation)
    assert_explained(card)
    assert_lines_add_up(side(card, "one"), card)


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(item=cards(), other=cards())
def test_two_definitions_differ_by_the_sum_of_their_lines(item: Scorecard, other: Scorecard) -> None:
    shared = [label for label in other.periods if label in item.periods]
    assume(shared)
    assert_changes_add_up(side(item, "old"), side(other, "new"), {label: label for label in shared})


@settings(max_examples=8, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(card=cards())
def test_written_results_hold_the_same_contributions(card: Scorecard) -> None:
    own = side(card, "own")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(card, folder / "a.json")
        write(card, f"{name}/parquet/")
        write(card, f"{name}/csv/", "csv")
        for path in (folder / "a.json", folder / "parquet"):
            read = read_result(path)
            result = diff(own, read)
            assert not result.indicators.filter(pl.col("change").abs() > 1e-7).height, path
            rest = read.contributions.filter(pl.col("indicator") == "rest").drop_nulls("contribution")
            assert (rest["contribution"].abs() < 1e-7).all(), path
        document = json.loads((folder / "a.json").read_text("utf-8"))
        listed = pl.read_csv(folder / "csv" / "indicators.csv", infer_schema_length=None)["points"].to_list()
    expected = card.indicators["points"].to_list()
    assert [row["points"] for row in document["indicators"]] == pytest.approx(expected)
    assert listed == pytest.approx(expected)
    with using("zh"):
        book = content(card, "xlsx")
    sheet = load_workbook(io.BytesIO(book), read_only=True)["指标"]
    head, *lines = sheet.iter_rows(values_only=True)
    assert [line[head.index("分值")] for line in lines] == pytest.approx(expected)


@st.composite
def quarterly(draw: st.DrawFn) -> Scorecard:
    """Draws a scorecard of two years by quarter, with gaps, whose totals make those of years."""
    by = draw(st.sampled_from(["mean", "sum", "last", "weighted"]))
    over = {"period": "year", "by": by, "vetoes": draw(st.sampled_from(["any", "last"]))}
    over |= {"weights": [1, 2, 3, 0.5]} if by == "weighted" else {}
    over |= {} if by == "last" else draw(st.sampled_from([{}, {"at_least": 1}, {"at_least": 3}]))
    effect = draw(st.sampled_from([{"score": 10}, {"fail": True}, {"score_at_most": 30}]))
    system = {
        "measures": {name: {"unit": "件"} for name in "abc"},
        "indicators": {f"i{name}": {"kind": "level", "of": name, "target": {"at_least": 50}} for name in "abc"},
        "pillars": {"p": {"parts": {"ia": 1, "ib": 2}, "mean": draw(st.sampled_from(["geometric", "arithmetic"]))}},
        "adjustments": {
            "plus": {"kind": "bonus", "of": "a", "points": 1, "per": 5},
            "stop": {"kind": "veto", "when": "c > 50", "effect": effect},
        },
        "totals_over": over,
    }
    figures = st.one_of(st.none(), st.sampled_from([0, 29, 30, 50, 60]))
    periods = [f"{year}Q{quarter}" for year in YEARS for quarter in (1, 2, 3, 4)]
    cells = [(when, who, name, draw(figures)) for when in periods for who in ENTITIES[:2] for name in "abc"]
    assume(any(value is not None for *_, value in cells))
    text = as_yaml(system)
    return small_card(text, *((*key, "—" if value is None else value) for *key, value in cells), period="quarter")


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(card=quarterly())
def test_a_year_is_the_sum_of_its_quarters_and_vetoes(card: Scorecard) -> None:
    raw = {row["entity"]: {row["over"]: row["raw_score"]} for row in card.longer.to_dicts()}
    for row in card.longer.to_dicts():
        raw[row["entity"]][row["over"]] = row["raw_score"]
        assert (row["raw_score"] is None) == (row["status"] != "ok"), row
    for entity, years in raw.items():
        for label, expected in years.items():
            year = explain(card, entity, period=label)
            assert same(year.contribution, expected), (entity, label)
            if expected is None:
                continue
            assert same(added(year.parts), expected), (entity, label)
            for quarter in year.parts:
                if quarter.kind == "period" and quarter.contribution is not None:
                    assert same(added(quarter.parts), quarter.contribution), (entity, quarter)


# ---- BY HAND ---- #

SMALL = """
    measures: {x: {unit: '%'}, y: {unit: '%'}, bad: {unit: 件}}
    indicators:
      i: {kind: level, of: x, target: {at_least: 100}}
      j: {kind: level, of: y, target: {at_least: 100}}
    pillars: {p: {weight: 1, parts: {i: 3, j: 1}, MORE}}
"""


def points(card: Scorecard, who: str) -> dict[str, float | None]:
    rows = card.indicators.filter(entity=who).select("indicator", "points").rows()
    return dict(rows) | dict(card.adjustments.filter(entity=who).select("part", "points").rows())


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("missing: zero", {"i": 60.0, "j": 0.0}),
        ("missing: cohort_mean", {"i": 60.0, "j": 10.0}),
        ("missing: {penalty: {points: 4}}", {"i": 60.0, "j": -1.0}),
        ("missing: redistribute", {"i": 80.0, "j": None}),
        ("missing: spread", {"i": 80.0, "j": None}),
        ("missing: fail", {"i": None, "j": None}),
    ],
)
def test_what_counts_in_the_place_of_a_missing_part_is_its_contribution(
    policy: str, expected: dict[str, float | None]
) -> None:
    text = SMALL.replace("MORE", policy)
    card = small_card(text, (2023, "甲", "x", 80), (2023, "甲", "y", "—"), (2023, "乙", "x", 50), (2023, "乙", "y", 40))
    assert points(card, "甲") == expected
    tree = explain(card, "甲")
    assert {node.name: node.contribution for node in tree.walk() if node.kind == "indicator"} == expected
    reports = next(node for node in tree.walk() if node.name == "j")
    assert ("counted as" in reports.detail) == (policy.split()[1] in ("zero", "cohort_mean", "{penalty:"))


def test_a_geometric_mean_shows_what_unequal_scores_cost() -> None:
    card = small_card(SMALL.replace("MORE", "mean: geometric"), (2023, "甲", "x", 16), (2023, "甲", "y", 81))
    assert points(card, "甲") == pytest.approx({"i": 12.0, "j": 20.25, "p.residual": 24.0 - 32.25})
    assert [node.kind for node in explain(card, "甲").parts[0].parts] == ["indicator", "indicator", "mean"]


def test_a_pillar_without_a_score_counts_as_a_whole() -> None:
    text = SMALL.replace(
        "{weight: 1, parts: {i: 3, j: 1}, MORE}", "{weight: 1, parts: [i]}, q: {weight: 1, parts: [j]}"
    )
    text += "    composite: {missing: cohort_mean}\n"
    card = small_card(text, (2023, "甲", "x", 80), (2023, "甲", "y", "—"), (2023, "乙", "x", 50), (2023, "乙", "y", 40))
    assert points(card, "甲") == {"i": 40.0, "j": None, "q": 20.0}
    assert card.pillars.filter(entity="甲")["points"].to_list() == [40.0, 20.0]


def test_an_imputed_value_is_shown_with_how() -> None:
    text = SMALL.replace(", MORE", "") + "    treatment: {gaps: {kind: impute, by: median}}\n"
    card = small_card(text, (2023, "甲", "x", 80), (2023, "甲", "y", "—"), (2023, "乙", "x", 50), (2023, "乙", "y", 40))
    node = explain(card, "甲", "j")
    assert (node.value, node.treated, node.score, node.contribution) == (None, 40.0, 40.0, 10.0)
    with using("zh"):
        assert "缺数以同组中位数填补：无 → 40" in tr(node.detail)


def test_caps_floors_and_vetoes_are_contributions_in_their_order() -> None:
    text = SMALL.replace(", MORE", "") + (
        "    composite: {full: 50, cap: 45}\n"
        "    adjustments:\n"
        "      plus: {kind: bonus, when: x > 0, points: 20}\n"
        "      stop: {kind: veto, when: bad > 0, effect: {score_at_most: 30}}\n"
        "      end: {kind: veto, when: bad > 1, effect: {score: 5}}\n"
    )
    card = small_card(text, *((2023, "甲", name, value) for name, value in (("x", 80), ("y", 80), ("bad", 2))))
    expected = {"i": 30.0, "j": 10.0, "plus": 20.0, "composite.cap": -15.0, "stop": -15.0, "end": -25.0}
    assert points(card, "甲") == expected
    tree = explain(card, "甲")
    assert (tree.contribution, [part.name for part in tree.parts]) == (5, ["p", "plus", "composite.cap", "stop", "end"])


def test_an_adjustment_named_like_an_indicator_keeps_apart_from_it() -> None:
    text = SMALL.replace(", MORE", "") + "    adjustments: {i: {kind: bonus, when: x > 0, points: 2}}\n"
    card = small_card(text, (2023, "甲", "x", 80), (2023, "甲", "y", 80))
    assert points(card, "甲") == {"i": 60.0, "j": 20.0, "adjustments.i": 2.0}


def test_results_written_before_there_were_adjustments_are_read_on_their_scale(tmp_path: Path) -> None:
    text = SMALL.replace(", MORE", "") + "    composite: {full: 50}\n"
    card = small_card(text, (2023, "甲", "x", 80), (2023, "甲", "y", 80))
    write(card, tmp_path / "new.json")
    document = json.loads((tmp_path / "new.json").read_text("utf-8"))
    del document["adjustments"]
    for row in document["indicators"]:
        row["points"] *= 2
    (tmp_path / "old.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    for name in ("new", "old"):
        lines = dict(read_result(tmp_path / f"{name}.json").contributions.select("indicator", "contribution").rows())
        assert lines == {"i": 30.0, "j": 10.0, "rest": 0.0}
