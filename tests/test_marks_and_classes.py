"""Class of wrong answer: marks, weights and rules of a class other than those that the rule prints for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.analysis.robustness import stressed
from kpi.engine.plan import compile_plan
from tests.soundness.small_evaluation import examined, small_card, small_system

GOLDEN = Path(__file__).parent / "golden"

TWO = """
    measures: {x: {unit: 分}, y: {unit: 分}}
    indicators:
      i: {kind: level, of: x}
      j: {kind: level, of: y}
    scoring: {kind: goalposts, low: 0, high: 100}
    pillars: {p: {weight: 100, parts: {i: 60, j: 40}}}
"""


def card_of(name: str) -> kpi.Scorecard:
    folder = GOLDEN / name
    return kpi.score(folder / "data.csv", system=folder / "system.yaml")


# ---- MARKS ---- #


def test_marks_of_an_item_are_its_weight_wherever_the_rule_stands():
    text = (
        TWO.replace("{kind: goalposts, low: 0, high: 100}", "{kind: deduction, marks: 6}")
        .replace("of: x}", "of: x, target: {at_least: 10}}")
        .replace("of: y}", "of: y, target: {at_least: 10}}")
    )
    card = small_card(text, (2023, "甲", "x", 9), (2023, "甲", "y", 9))
    assert card.indicators["score"].to_list() == pytest.approx([90, 85])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("marks: 2", "2 marks off for each 1 short, down to nothing"),
        ("marks: 2, floor: null", "2 marks off for each 1 short, below nothing too"),
        ("points: 20, max: 50", "20 % off for each 1 short, at most 50 %"),
        ("marks: 2, floor: 40", "2 marks off for each 1 short, down to 40 %"),
    ],
)
def test_the_words_of_a_deduction_say_where_it_ends(rule, words):
    text = TWO.replace("{kind: goalposts, low: 0, high: 100}", f"{{kind: deduction, {rule}}}")
    assert small_system(text).rule("i").words() == words


def test_scores_are_shown_in_marks_where_the_system_says_so():
    card = card_of("marks-as-printed")
    line = next(node for node in explain(card, "甲").walk() if node.name == "重点工作")
    assert (line.score, line.full_marks) == (pytest.approx(40), 10)
    assert {"marks", "full_marks"} <= set(card.pillars.columns) & set(card.indicators.columns)
    plain = small_card(TWO, (2023, "甲", "x", 9))
    assert "marks" not in plain.pillars.columns


GIVEN = """
    measures: {x: {unit: '%'}, z: {unit: 分}}
    indicators:
      i: {kind: level, of: x, score: {kind: bands, marks: {5: 90, 3: 80}}}
      j: {kind: level, of: x, score: {kind: piecewise, marks: [[60, 0], [80, 10]]}}
      k: {kind: level, of: z, target: {at_least: 8}, score: {kind: pass, marks: {full: 4}}}
    pillars: {p: {weight: 20, parts: {i: 5, j: 10, k: 5}}}
    composite: {full: 20}
"""
OWN = "i: {by: cohort, values: {甲类: 3, 乙类: 5}}, j: {by: cohort, values: {甲类: 12, 乙类: 10}}"
OF_CLASS = "{by: cohort, values: {甲类: {kind: bands, marks: {3: 90}}, 乙类: {kind: bands, marks: {5: 90}}}}"


def codes(text: str) -> set[str]:
    return {item.code for item in examined(text).findings}


def test_marks_beyond_those_of_the_item_are_an_error():
    assert codes(GIVEN) == set()
    for old, new in (("5: 90", "6: 90"), ("10]]", "11]]"), ("full: 4", "full: 5.5"), ("full: 4", "full: 4, fail: 6")):
        assert codes(GIVEN.replace(old, new)) == {"K660"}, new
    assert codes(GIVEN.replace("{kind: bands, marks: {5: 90", "{kind: bands, cap: 120, marks: {6: 90")) == set()
    assert codes(GIVEN.replace("{kind: bands, marks: {5: 90", "{kind: bands, cap: 120, marks: {7: 90")) == {"K660"}


def test_marks_beyond_those_of_a_class_are_an_error():
    assert codes(GIVEN.replace("i: 5, j: 10", OWN)) == {"K660"}
    rule = "{kind: bands, marks: {5: 90, 3: 80}}"
    assert codes(GIVEN.replace("i: 5, j: 10", OWN).replace(rule, OF_CLASS)) == set()
    turned = OF_CLASS.replace("甲类", "丙类").replace("乙类", "甲类").replace("丙类", "乙类")
    assert codes(GIVEN.replace("i: 5, j: 10", OWN).replace(rule, turned)) == {"K660"}


def test_marks_of_what_has_none_and_both_scales_are_errors():
    assert codes(GIVEN.replace("{i: 5, j: 10, k: 5}", "[i, j, k], weights: {method: entropy}")) == {"K490"}
    assert "K490" in codes(GIVEN.replace("i: 5, j: 10", "j: 15"))
    for rule in ("bands, marks: {5: 90}, cuts: {100: 90}", "bands", "piecewise", "pass, full: 90, marks: {full: 4}",
                 "piecewise, knots: [[1, 2], [3, 4]], marks: [[1, 2], [3, 4]]"):  # fmt: skip
        assert codes(GIVEN.replace("{kind: bands, marks: {5: 90, 3: 80}}", f"{{kind: {rule}}}")) == {"K113"}, rule


def test_the_words_of_marks_say_that_they_are_such():
    system = small_system(GIVEN.replace("3: 80", "3: 80, 1: -.inf"))
    assert [system.rule(name).words() for name in "ijk"] == [
        "by bands: 5 marks for 90; 3 marks for 80; 1 marks otherwise",
        "piecewise linear: 0 marks for 60, 10 marks for 80",
        "4 marks if the target is reached, else 0",
    ]


def test_marks_of_a_class_are_in_percent_of_its_own():
    text = GIVEN.replace("i: 5, j: 10", OWN).replace("5: 90, 3: 80", "3: 80")
    rows = [(2023, who, "x", 85, kind) for who, kind in (("甲", "甲类"), ("乙", "乙类"))]
    card = small_card(text.replace(", 10]]", ", 9]]"), *rows)
    assert card.indicators.filter(indicator="i").sort("entity")["score"].to_list() == pytest.approx([60, 100])
    assert card.indicators.filter(indicator="j").sort("entity")["score"].to_list() == pytest.approx([90, 75])


# ---- CLASSES ---- #


def test_a_class_without_weights_has_no_score_and_neither_has_the_total():
    text = TWO.replace("i: 60, j: 40", "i: {by: cohort, values: {甲类: 60}}, j: {by: cohort, values: {甲类: 40}}")
    text = text.replace("{p: {weight: 100,", "{q: {weight: 50, parts: [k]}, p: {weight: 50,")
    text = text.replace("j: {kind: level, of: y}", "j: {kind: level, of: y}\n      k: {kind: level, of: x}")
    rows = [(2023, who, name, 80, kind) for who, kind in (("甲", "甲类"), ("乙", "乙类"), ("丙", "")) for name in "xy"]
    card = small_card(text, *rows)
    by_unit = dict(card.totals.select("entity", "score").rows())
    assert by_unit == {"甲": 80, "乙": None, "丙": None}
    assert set(card.totals.filter(pl.col("score").is_null())["status"]) == {"not_given"}
    messages = card.findings.filter(code="K426")["message"].to_list()
    assert len(messages) == 2
    assert any("`乙类` (乙)" in text for text in messages)
    assert any("is blank for 丙" in text for text in messages)


def test_a_weight_of_nothing_leaves_the_item_out_of_a_class():
    parts = "i: {by: cohort, values: {甲类: 100, 乙类: 60}}, j: {by: cohort, values: {甲类: 0, 乙类: 40}}"
    rows = [(2023, who, name, value, kind) for who, kind in (("甲", "甲类"), ("乙", "乙类")) for name, value in
            (("x", 80), ("y", 30))]  # fmt: skip
    for mean, both in (("minimum", 30), ("arithmetic", 60), ("geometric", 80**0.6 * 30**0.4)):
        text = TWO.replace("i: 60, j: 40", parts).replace("{weight: 100,", f"{{weight: 100, mean: {mean},")
        card = small_card(text, *rows)
        assert card.totals.sort("entity")["raw_score"].to_list() == pytest.approx([both, 80]), mean


def test_an_explanation_names_the_class_and_only_its_rule():
    card = card_of("weights-by-class")
    node = next(node for node in explain(card, "乙县", period="2024").walk() if node.name == "生态")
    assert "功能区: 生态县" in node.detail
    assert node.detail.count("goalposts") == 1


def test_a_unit_that_changes_its_class_is_named_with_its_weights():
    card = card_of("weights-by-class")
    item = side(card, "one")
    result = diff(item, item, periods={"2024": "2023"})
    assert result.classes.rows() == [("2024", "乙县", "功能区", "工业县", "生态县")]
    moved = result.indicators.filter(entity="乙县")["change"].sum()
    assert moved == pytest.approx(result.totals.filter(entity="乙县")["change"].item())


def test_the_frame_of_weights_has_a_row_for_each_class():
    card = card_of("weights-by-class")
    rows = card.weights.filter(period="2024", part="经济").select("class", "weight").sort("class").rows()
    assert rows == [("山区县", None), ("工业县", 50.0), ("生态县", 20.0)]


def test_periods_before_the_first_weight_have_no_score():
    text = TWO.replace("i: 60, j: 40", "i: [{from: 2024, weight: 60}], j: 40")
    card = small_card(text, *((year, "甲", name, 80) for year in (2023, 2024) for name in "xy"))
    assert card.totals.sort("period")["score"].to_list() == [None, 80]
    assert card.findings["code"].to_list() == ["K427"]


def test_a_column_that_no_roster_has_is_an_error():
    text = TWO.replace("i: 60", "i: {by: 类别, values: {甲类: 60}}")
    with pytest.raises(kpi.KpiError) as refused:
        small_card(text, (2023, "甲", "x", 80))
    assert [item.code for item in refused.value.diagnostics] == ["K545"]


def test_the_column_of_the_cohort_is_one_to_differ_by(tmp_path):
    (tmp_path / "r.csv").write_text("entity,类别\n甲县,甲类\n乙县,乙类\n", "utf-8")
    (tmp_path / "d.csv").write_text("年份,地区,x,y\n2023,甲县,80,30\n2023,乙县,80,30\n", "utf-8")
    weights = "i: {by: 类别, values: {甲类: 60, 乙类: 20}}, j: {by: 类别, values: {甲类: 40, 乙类: 80}}"
    head = "system: s\nperiod: year\nentities: {title: 县, roster: r.csv}\ndatasets: {d: {form: panel}}"
    (tmp_path / "s.yaml").write_text(head + TWO.replace("\n    ", "\n").replace("i: 60, j: 40", weights), "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=tmp_path / "s.yaml")
    assert dict(card.totals.select("entity", "score").rows()) == {"甲县": 60, "乙县": 40}


def test_marks_by_class_are_those_of_the_unit():
    weights = "i: {by: cohort, values: {甲类: 20, 乙类: 50}}, j: {by: cohort, values: {甲类: 80, 乙类: 50}}"
    text = TWO.replace("i: 60, j: 40", weights).replace(
        "i: {kind: level, of: x}", "i: {kind: level, of: x, target: {at_least: 10}, score: {kind: deduction, marks: 5}}"
    )
    rows = [(2023, who, name, 9, kind) for who, kind in (("甲", "甲类"), ("乙", "乙类")) for name in "xy"]
    card = small_card(text, *rows)
    assert dict(card.indicators.filter(indicator="i").select("entity", "score").rows()) == {"甲": 75, "乙": 90}


def test_a_system_without_classes_has_the_plan_that_it_had():
    plan = compile_plan(small_system(TWO))
    assert not {"given weights", "limits", "adjustments"} & {stage.name for stage in plan.stages}
    assert [stage.name for stage in plan.stages][:2] == ["indicators 1", "scores"]


# ---- LIMITS, AND ADJUSTMENTS WITHIN A PILLAR ---- #


@pytest.mark.parametrize(("a", "b", "total"), [(1, 1, 62), (3, 4, 65), (9, 9, 65), (0, 0, 60)])
def test_several_bonuses_have_one_limit(a, b, total):
    adjustments = (
        "    adjustments:\n      m: {kind: bonus, of: a, points: 1, max: 4}\n      n: {kind: bonus, of: b, points: 1}\n"
        "      most: {kind: limit, of: [m, n], max: 5}\n"
    )
    text = TWO.replace("y: {unit: 分}}", "y: {unit: 分}, a: {unit: 个}, b: {unit: 个}}") + adjustments
    rows = [(2023, "甲", name, value) for name, value in (("x", 60), ("y", 60), ("a", a), ("b", b))]
    assert small_card(text, *rows).totals["score"].to_list() == [total]


def test_a_pillar_without_a_score_takes_no_bonus():
    text = TWO + "    adjustments: {m: {kind: bonus, when: y > 0, points: 5, within: p}}\n"
    text = text.replace("{weight: 100,", "{weight: 100, missing: fail,")
    card = small_card(text, (2023, "甲", "x", "—"), (2023, "甲", "y", 60))
    assert card.totals["score"].to_list() == [None]
    assert card.adjustments.height == 0


def test_what_stress_leaves_out_takes_its_adjustments_along():
    text = TWO.replace("100, parts: {i: 60, j: 40}}", "60, parts: {i: 60}}, q: {weight: 40, parts: {j: 40}}")
    text += (
        "    adjustments:\n      m: {kind: bonus, of: x, points: 1, per: 10, within: p}\n"
        "      n: {kind: limit, of: [m], max: 2, within: p}\n"
    )
    card = small_card(text, *((2023, who, name, at * 10) for at, who in enumerate("甲乙丙") for name in "xy"))
    assert stressed(card, runs=5).alternatives.height


def test_a_limit_on_itself_or_twice_is_refused():
    text = TWO + (
        "    adjustments:\n      m: {kind: bonus, of: x, points: 1}\n      a: {kind: limit, of: [m, b], max: 2}\n"
        "      b: {kind: limit, of: [m], max: 2}\n"
    )
    assert [item.code for item in examined(text).findings if item.severity == "error"] == ["K491", "K491"]


# ---- RATINGS ---- #

VOTES = "日期,单位,评委,主体,得分\n"


@pytest.mark.parametrize(
    ("scores", "keys", "expected"),
    [
        ([60, 90, 92, 100], "trim: 1", 91.0),
        ([60, 90], "trim: 1", 75.0),
        ([60, 90, 92, 100], "trim: 1, trim_from: 6", 85.5),
        ([60, 60, 90, 92, 100, 100], "trim: 2", 91.0),
        ([60, 90, 93], "unit: 分", 81.0),
    ],
)
def test_ends_are_left_out_of_enough_scores(tmp_path, scores, keys, expected):
    rows = "".join(f"2023-12-01,甲,{at},群众,{score}\n" for at, score in enumerate(scores))
    (tmp_path / "v.csv").write_text(VOTES + rows, "utf-8")
    system = (
        "system: s\nperiod: year\nentities: {title: 单位}\n"
        "datasets: {v: {form: records, columns: {period: 日期, entity: 单位}}}\n"
        f"indicators: {{r: {{kind: rating, of: 得分, {keys}}}}}\npillars: {{}}\n"
    )
    assert kpi.score(tmp_path / "v.csv", system=system).indicators["value"].to_list() == [expected]


def test_scores_beyond_the_scale_do_not_count_and_are_reported(tmp_path):
    """90 and 80 of 甲 count; 130 and -5 are slips, a blank one is no score."""
    rows = "".join(f"2023-12-01,甲,{at},{group},{score}\n" for at, (group, score) in enumerate(
        [("领导", 90), ("领导", 130), ("群众", 80), ("群众", -5), ("群众", "")]
    ))  # fmt: skip
    (tmp_path / "v.csv").write_text(VOTES + rows, "utf-8")
    system = (
        "system: s\nperiod: year\nentities: {title: 单位}\n"
        "datasets: {v: {form: records, columns: {period: 日期, entity: 单位}}}\n"
        "indicators: {r: {kind: rating, of: 得分, by: 主体, groups: {领导: 40, 群众: 60}, between: [0, 100]}}\n"
        "pillars: {}\n"
    )
    card = kpi.score(tmp_path / "v.csv", system=system)
    assert card.indicators["value"].to_list() == [pytest.approx(0.4 * 90 + 0.6 * 80)]
    (finding,) = [item for item in card.findings_list if item.code == "K861"]
    assert "2 rows do not count" in str(finding.message)
    assert "`得分` is not from 0 to 100; the first is `130`" in str(finding.message)
    assert (finding.place.row, finding.place.field) == (3, "得分")
    assert "scores from 0 to 100 count" in str(card.definition.indicators["r"].words(card.definition.symbols))


def test_a_group_that_is_absent_is_missing_or_gives_its_weight_away():
    result = dict(card_of("raters-by-group").indicators.filter(entity="乙局").select("indicator", "value").rows())
    assert result == {"测评": None, "打分": 94.5}


def test_the_groups_of_a_rating_stand_under_it():
    node = next(node for node in explain(card_of("raters-by-group"), "甲局").walk() if node.name == "测评")
    assert [(part.name, part.value) for part in node.parts] == [("测评_领导", 90.0), ("测评_群众", 80.0)]


def test_weights_by_two_columns_name_them_where_they_do_not_add_up():
    """60 + 70 of 甲, 乙: with a column that is misspelt the values of both are combined."""
    parts = "{i: {by: 类别, values: {甲: 60, 乙: 30}}, j: {by: 类型, values: {甲: 40, 乙: 70}}}"
    (finding,) = [item for item in examined(TWO.replace("{i: 60, j: 40}", parts)).findings if item.code == "K424"]
    assert "类别 甲, 类型 乙: 130" in str(finding.message)
    assert "the columns 类别, 类型" in str(finding.hint)


def test_the_explanation_of_a_measure_has_its_condition(tmp_path):
    text = TWO.replace("x: {unit: 分}", "x: {unit: 分, where: \"城乡 = '城'\"}")
    data = pl.DataFrame(
        {"期别": ["2024"] * 2, "地区": ["甲县"] * 2, "城乡": ["城", "乡"], "x": [50, 70], "y": [80, 80]}
    )
    card = kpi.score(data, system=small_system(text))
    assert any("where 城乡 = '城'" in node.detail for node in explain(card, "甲县").walk())


def test_a_rating_that_does_not_count_has_the_place_of_its_cell():
    card = card_of("raters-by-group")
    result = [item for item in card.findings_list if item.code == "K861"]
    assert result
    for item in result:
        assert all((item.place.file, item.place.row, item.place.field))
        assert "the first is `" in str(item.message)


def test_a_year_of_periods_without_a_weight_has_their_reason_and_no_nan(tmp_path):
    """A unit with a blank class has no total in either half, and its year none for the same reason."""
    (tmp_path / "r.csv").write_text("entity,类别\n甲县,甲类\n乙县,\n", "utf-8")
    rows = [f"2024H{half},{unit},80,30" for half in (1, 2) for unit in ("甲县", "乙县")]
    (tmp_path / "d.csv").write_text("\n".join(["期别,地区,x,y", *rows]), "utf-8")
    weights = "i: {by: 类别, values: {甲类: 60, 乙类: 20}}, j: {by: 类别, values: {甲类: 40, 乙类: 80}}"
    head = "system: s\nperiod: half\nentities: {title: 县, roster: r.csv}\ndatasets: {d: {form: panel}}"
    body = TWO.replace("\n    ", "\n").replace("i: 60, j: 40", weights).replace("unit: 分", "unit: 分, over_time: last")
    (tmp_path / "s.yaml").write_text(f"{head}{body}\ntotals_over: {{period: year, by: mean}}\n", "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=tmp_path / "s.yaml")
    assert set(card.totals.filter(entity="乙县")["status"]) == {"not_given"}
    assert set(card.longer.filter(entity="乙县")["status"]) == {"not_given"}
    assert set(card.longer.filter(entity="甲县")["status"]) == {"incomplete", "ok"}
    for unit, each in (("乙县", 0), ("甲县", 50)):
        year = explain(card, unit, period="2024")
        assert [node.weight for node in year.parts if node.kind == "period"] == [each, each]


BASE = """
    measures: {x: {unit: '%'}}
    indicators: {i: {kind: level, of: x, target: {at_least: 8}, score: {kind: step, base: 8, marks: 1}}}
    pillars: {p: {weight: 10, parts: {i: 10}}}
    composite: {full: 10}
"""


def test_percent_beside_marks_is_a_warning_where_it_may_be_marks():
    assert codes(BASE) == {"K948"}
    for base in ("{marks: 8}", "80", "10.5"):
        assert codes(BASE.replace("base: 8", f"base: {base}")) == set(), base
    assert codes(BASE.replace("base: 8", "base: {marks: 11}")) == {"K660"}
    assert codes(BASE.replace("base: 8", "no_target: 6")) == {"K948"}
    assert codes(BASE.replace("base: 8", "no_target: {marks: 6}")) == set()
    # Of an item that is worth 100, percent are marks.
    assert codes(BASE.replace("weight: 10", "weight: 100").replace("i: 10", "i: 100").replace("10}", "100}")) == set()


@pytest.mark.parametrize(
    ("old", "new", "form"),
    [
        ("{i: 60,", "{i: {工业县: 60},", "{by: 类别, values: {工业县: 60}}"),
        ("of: x}", "of: x, target: {工业县: 8}}", "{at_least: {by: 类别, values: {工业县: 8}}}"),
        ("of: x}", "of: x, target: {at_least: {工业县: 8}}}", "{by: 类别, values: {工业县: 8}}"),
    ],
)
def test_a_class_that_stands_as_a_key_has_a_hint_with_the_form(old, new, form):
    findings = [finding for finding in examined(TWO.replace(old, new)).findings if finding.code == "K110"]
    assert [form in str(finding.hint) for finding in findings] == [True]


def test_a_key_of_a_target_that_is_no_class_has_the_list_of_keys():
    findings = examined(TWO.replace("of: x}", "of: x, target: {at_least: 8, zebra: 9}}")).findings
    (finding,) = (finding for finding in findings if finding.code == "K110")
    assert "at_least" in str(finding.hint)
    assert "classes" not in str(finding.hint)
