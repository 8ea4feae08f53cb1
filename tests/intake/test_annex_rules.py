"""The phrase book: every rule gives the marks of its words, computed by hand; what it does not know it leaves."""

from __future__ import annotations

import csv
from fractions import Fraction

import polars as pl
import pytest

import kpi
from kpi.intake.annexes.phrases import PATTERNS, understood
from kpi.intake.annexes.reading import draft_of
from kpi.intake.annexes.rules import scoring_of
from kpi.report.definition_text import definition_text

HEADER = ["指标", "计量单位", "目标值", "分值", "评分标准"]

#: Rule, marks, target, unit, name; then the figures of several units and the marks of each, by hand.
CASES = [
    # All or nothing.
    ("完成得满分，未完成不得分", 10, "", "", "制度建设", ["是", "否"], [10, 0]),
    ("达到目标得满分，否则不得分", 10, "≥95%", "", "办结率", [95, 94.9, 100], [10, 0, 10]),
    ("未完成不得分", 10, "≥95%", "", "办结率", [95, 94.9], [10, 0]),
    ("小于或等于目标值得10分；大于不得分", 10, "5%", "", "失业率", [5, 5.1, 4], [10, 0, 10]),
    ("低于目标值得满分，高于目标值不得分", 10, "≤5%", "", "失业率", [5, 5.1, 4], [10, 0, 10]),
    ("完成的得满分，未完成的得50%分值", 10, "≥95%", "", "办结率", [95, 90], [10, 5]),
    # In proportion.
    ("按比例得分", 20, "≥80%", "", "覆盖率", [80, 40, 100], [20, 10, 20]),
    ("完成得满分，未完成的按比例得分", 20, "", "", "税收收入", [100, 90, 120], [20, 18, 20]),
    ("完成率×权重", 20, "", "", "税收收入", [75, 110], [15, 20]),
    ("按比例得分，最高加5分", 20, "", "", "税收收入", [110, 150], [22, 25]),
    ("按比例得分，超额完成按比例加分", 20, "", "", "税收收入", [110, 150], [22, 30]),
    ("按比例得分", 10, "≤4天", "", "平均时长", [4, 5, 8], [10, 8, 5]),
    ("完成80%以下不得分，80%以上按比例得分", 10, "", "", "投资", [79.9, 80, 100], [0, 8, 10]),
    ("低于90%不得分，高于90%按线性内插得分", 10, "", "", "合格率", [90, 95, 100], [0, 5, 10]),
    # Steps short of a target.
    ("达到目标得满分，每低1个百分点扣0.5分，扣完为止", 10, "≥95%", "", "办结率", [95, 93, 92.5, 70], [10, 9, 9, 0]),
    ("完成任务得满分，每低1个百分点扣0.5分", 20, "", "", "税收收入", [100, 97, 50], [20, 18.5, 0]),
    ("≥38%得满分，每低1%扣1分", 6, "", "", "绿地率", [38, 36, 30], [6, 4, 0]),
    ("不足90%的，每降低1个百分点扣0.5分", 10, "", "", "满意度", [90, 86], [10, 8]),
    ("每低于目标值2%扣1分", 10, "500万元", "", "产值", [500, 490, 450], [10, 9, 5]),
    ("每低于目标值1天扣2分，扣完为止", 10, "≥330天", "", "优良天数", [330, 328, 300], [10, 6, 0]),
    ("每高1个百分点扣2分", 10, "≤5%", "", "失业率", [4, 5, 7], [10, 10, 6]),
    ("每低0.5个百分点扣1分，最多扣5分", 10, "≥95%", "", "合格率", [94, 80], [8, 5]),
    ("每低1个百分点扣2分，最多倒扣5分", 10, "≥95%", "", "合格率", [95, 89, 50], [10, -2, -5]),
    ("每少报送1篇扣0.5分", 10, "", "", "信息报送", [0, 3], [10, 8.5]),
    # A base and steps on either side.
    ("完成目标值得8分，每超过1个百分点加0.5分，最高10分；每低1个百分点扣0.5分", 10, "≥6%", "", "增速",
     [6, 8, 12, 4], [8, 9, 10, 7]),
    ("完成目标值得40分，每超过10%加2分，最多加10分；每低10%扣4分", 50, "", "", "推广",
     [100, 110, 200, 90, 50], [40, 42, 50, 36, 20]),
    ("达到目标得基本分8分，每低1个百分点扣1分", 10, "≥90%", "", "满意度", [95, 90, 88], [8, 8, 6]),
    # Things counted.
    ("每项扣2分", 10, "", "", "问题整改", [0, 1, 3, 9], [10, 8, 4, 0]),
    ("每发现一处扣1分，此项最多扣6分", 10, "", "", "现场", [0, 2, 9], [10, 8, 4]),
    ("发生一起扣2分，扣分不设上限", 10, "", "", "安全", [1, 7], [8, -4]),
    ("每推迟一个月扣2分", 10, "", "", "进度", [0, 2], [10, 6]),
    ("一项未完成扣2分", 10, "", "", "事项", [0, 2], [10, 6]),
    ("未按时报送每次扣1分", 10, "", "", "报送", [0, 4], [10, 6]),
    ("每新增1家得2分，最高10分", 10, "", "", "企业", [0, 3, 8], [0, 6, 10]),
    ("每增加5个百分点加1分，最多加6分", 10, "", "", "增长", [10, 50], [2, 6]),
    ("每次1分，满3分止", 10, "", "", "会议", [2, 5], [2, 3]),
    ("超期答复的，发现1件扣2分，扣完为止", 10, "", "", "答复", [0, 2], [10, 6]),
    ("每月报送不少于2篇，每少1篇扣0.5分", 10, "", "", "信息", [0, 4], [10, 8]),
    # Bands.
    ("≥95%得5分，85%—95%得3分，<85%不得分", 5, "", "", "覆盖率", [95, 94, 85, 84], [5, 3, 3, 0]),
    ("达到5%得1分，10%得2分，15%以上得3分", 3, "", "", "增长率", [4, 5, 12, 15], [0, 1, 2, 3]),
    ("5年及以上得5分，3-5年得4分，3年以下得2分", 5, "", "", "年限", [6, 5, 3, 1], [5, 5, 4, 2]),
    ("≤0.2%得4分；0.2%—0.5%得2分；＞0.5%得0分", 4, "", "", "差错率", [0.1, 0.2, 0.4, 0.6], [4, 4, 2, 0]),
    # The figure is a change: none of it is below the bands.
    ("增长10%以上得20分，增长5%-10%得10分，增长5%以下得5分，未增长不得分", 20, "", "", "税收收入",
     [10, 9.9, 5, 3, 0.1, 0, -3], [20, 10, 10, 5, 5, 0, 0]),
    ("较上年缩短10%以上得满分，缩短5%-10%得10分，缩短不足5%得5分，未缩短不得分", 20, "", "", "平均办理时长",
     [12, 7, 4, 0, -3], [20, 10, 5, 0, 0]),
    ("10%以上得20分，5%-10%得10分，5%以下得5分，负增长得1分", 20, "", "", "增长率", [12, 7, 0, -1], [20, 10, 5, 1]),
    ("达到5%得1分，10%得2分，15%以上得3分，未达标不得分", 3, "", "", "增长率", [4, 5, 15], [0, 1, 3]),
    ("按比例得分", 10, "下降4%", "", "单位能耗", [4, 2, -1], [10, 5, 0]),
    # Peers.
    ("排名前三得满分，其余按排名依次递减1分", 10, "", "", "增速", [9, 8, 7, 6, 5], [10, 10, 10, 9, 8]),
    ("第1名得满分，每降一位扣2分", 10, "", "", "增速", [9, 8, 7], [10, 8, 6]),
    ("排名1-3名依次得10、8、6分", 10, "", "", "增速", [9, 8, 7], [10, 8, 6]),
    ("第一名得满分，其余按与第一名的比例得分", 10, "", "", "零售额", [200, 150, 50], [10, 7.5, 2.5]),
    ("按功效系数法计算", 10, "", "", "增速", [10, 5, 0], [10, 8, 6]),
    ("权重×〔20+80×(本值−最小)/(最大−最小)〕/100", 10, "", "", "增速", [10, 5, 0], [10, 6, 2]),
    ("排名前30名得满分，每降1位扣0.2分", 10, "全省前30名", "", "满意度", [12, 30, 35], [10, 10, 9]),
    # Marks as awarded: no rule, a judgement, a rule that is not known.
    ("酌情扣分", 10, "", "", "特色工作", [10, 7.5], [10, 7.5]),
    ("居民普遍认可", 10, "", "", "口碑", [10, 4], [10, 4]),
    ("完成年度目标得30分，未完成的按比例计分，超额完成的每超10%加1分，最多加5分。", 30, "", "", "任务",
     [33, 30, 12, 36], [33, 30, 12, 35]),
    ("完成情况良好得满分，突出的加分", 10, "", "", "任务", [14, 10], [14, 10]),
    ("完成得满分，酌情加分", 10, "", "", "任务", [12, 10], [12, 10]),
    ("居民认可得满分，投诉属实的倒扣5分", 10, "", "", "口碑", [10, -5], [10, -5]),
    ("居民认可得满分，投诉酌情扣分，最多倒扣3分", 10, "", "", "口碑", [10, -2, -4], [10, -2, -3]),
    ("居民认可，超额完成不加分", 10, "", "", "口碑", [10, 12], [10, 10]),
    ("", 10, "", "", "口碑", [10, 4], [10, 4]),
    ("", 10, "≥80%", "", "覆盖率", [80, 40], [10, 5]),
]  # fmt: skip


def system_of(tmp_path, *rows: list[str]):
    path = tmp_path / "annex.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return kpi.load(definition_text(draft_of([path])))


def marks_of(system, figures: dict[str, list[object]]) -> list[float]:
    units = [f"单位{at:02}" for at in range(len(next(iter(figures.values()))))]
    frame = pl.DataFrame(
        [
            {"期别": "2025", "地区": unit, "指标": title, "数值": str(value)}
            for title, values in figures.items() for unit, value in zip(units, values, strict=True)
        ]
    )  # fmt: skip
    totals = kpi.score(frame, system=system).totals.sort("entity")
    return totals["score"].to_list()


@pytest.mark.parametrize(("rule", "marks", "target", "unit", "name", "figures", "expected"), CASES)
def test_a_rule_gives_the_marks_of_its_words(*, rule, marks, target, unit, name, figures, expected, tmp_path):
    system = system_of(tmp_path, [name, unit, target, str(marks), rule])
    # A floor below zero holds for the row; the total of one row has its own.
    system = kpi.load(
        {**system.model_dump(by_alias=True, exclude_unset=True), "composite": {"full": marks, "floor": None}}
    )
    (measure,) = system.measures.values()
    assert marks_of(system, {measure.title: figures}) == pytest.approx(expected)


def test_sub_items_are_added_up(tmp_path):
    system = system_of(tmp_path, ["台账", "", "", "10", "(1)无台账扣4分；(2)每缺一项扣0.5分，扣完为止"])
    without, lacking = (item.title for item in system.measures.values())
    # 10 - 4 (once, however often) - 0.5 for each of what lacks.
    assert marks_of(system, {without: [0, 1, 2, 0], lacking: [3, 3, 0, 30]}) == pytest.approx([8.5, 4.5, 6, 0])


def test_faults_of_several_kinds_are_added_up(tmp_path):
    system = system_of(tmp_path, ["公开", "", "", "10", "①未公开的，每件扣1分。②格式不规范的，每件扣0.5分。"])
    hidden, untidy = (item.title for item in system.measures.values())
    assert marks_of(system, {hidden: [1, 0], untidy: [3, 1]}) == pytest.approx([7.5, 9.5])


def test_levels_of_honours_are_added_up(tmp_path):
    system = system_of(tmp_path, ["表彰", "", "", "10", "国家级加5分、省级加3分、市级加1分，最高10分"])
    national, regional, local = (item.title for item in system.measures.values())
    assert marks_of(system, {national: [1, 2], regional: [1, 1], local: [1, 0]}) == pytest.approx([9, 10])


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda item: item.name)
def test_every_entry_of_the_phrase_book_understands_its_example(pattern):
    matching = [
        item for item in PATTERNS
        if (match := item.words.fullmatch(pattern.example.replace("，", ","))) and item.parse(match) is not None
    ]  # fmt: skip
    assert matching[0] is pattern
    assert understood(pattern.example) is not None


@pytest.mark.parametrize(
    "rule",
    [
        "居民普遍认可",
        "高于全市平均得满分，每低0.1个百分点扣0.2分",  # whose average, and which
        "完成目标的90%得36分，80%得32分，依次类推",
        "与上年持平得8分，每下降一个百分点扣1分",  # the figure of last year is another one
        "低于96%每点扣0.25分；低于90%每点扣0.5分",
        "第一、二、三、四起分别扣5、6、7、8分",
        "完成率达到100%得满分，每低1个百分点扣0.2分，低于80%不得分",
        "前三名得满分，其余依次递减",  # by how much
        "得12分",  # more than the row has
        "≥90%得12分，≥80%得5分",
        "完成得满分，居民满意",  # one clause alone is known
        "每超额完成10%加3分，最多加9分",  # nothing is said about the target itself
        "每低1个百分点扣0.5分，最高得8分",  # limits that the kind does not have
        "第1名得满分，每降一位扣2分，最高得8分",
        "未完成不得分，最多扣6分",
        "(1)每缺一项扣1分，最多扣3分；(2)每错一项扣1分，最多扣2分",  # of each
        "(1)无台账扣4分；(2)每缺一项扣0.5分，最多扣3分",
        "国家级加3分，最高6分，省级加2分",
        # Marks for every value, and a clause that takes them from some.
        "增长8%以上得10分，增长4%-8%得6分，增长4%以下得2分，未完成不得分",
        "增长8%以上得10分，增长4%-8%得6分，增长4%以下得2分，未下降不得分",
        "增长8%以上得10分，增长4%-8%得6分，未增长不得分",  # nothing about 0 to 4
        "增长8%以上得满分，未增长不得分",
        "≥95%得10分，85%—95%得6分，<80%不得分",  # nothing about 80 to 85
        "低于90%不得分，高于90%按线性内插得分，未完成不得分",
    ],
)
def test_what_is_not_known_in_full_is_entered_as_awarded(rule):
    scoring = scoring_of(rule, Fraction(10), name="工作")
    assert not scoring.understood
    assert (scoring.figure, scoring.score) == ("marks", {"kind": "goalposts", "low": 0, "high": 10})


@pytest.mark.parametrize(
    ("name", "target", "rule", "title"),
    [
        ("平均办理时长", "", "较上年缩短10%以上得10分，缩短5%-10%得5分，缩短不足5%不得分", "平均办理时长较上年缩短"),
        ("平均办理时长", "较上年缩短5%", "完成得满分，未完成不得分", "平均办理时长较上年缩短"),
        ("税收收入", "增长5%", "按比例得分", "税收收入增长"),
        ("税收收入增长率", "同比增长5%", "按比例得分", "税收收入增长率"),
        ("满意度", "≥95%", "按比例得分", "满意度"),
    ],
)
def test_a_figure_that_is_a_change_has_it_in_its_title(name, target, rule, title, tmp_path):
    (measure,) = system_of(tmp_path, [name, "", target, "10", rule]).measures.values()
    assert (measure.title, str(measure.unit)) == (title, "%")


def test_the_limit_of_marks_is_reported_where_the_rule_has_more(tmp_path):
    scoring = scoring_of("居民认可得100分", Fraction(20), name="口碑")
    assert (scoring.awards, [str(item) for item in scoring.guesses]) == (
        (0, 20), ["20 marks at most is ours, as the rule speaks of 100"],
    )  # fmt: skip


def test_a_rule_that_contradicts_the_column_of_targets_is_not_used(tmp_path):
    from kpi.intake.annexes.targets import stated_target_of

    assert not scoring_of("≥90%得满分，否则不得分", Fraction(10), stated_target_of("≥95%"), name="办结率").understood
    assert scoring_of("≥95%得满分，否则不得分", Fraction(10), stated_target_of("≥95%"), name="办结率").understood
