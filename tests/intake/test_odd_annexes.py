"""Tables with cells from everywhere: each makes a definition that loads and scores, or findings; never a traceback."""

from __future__ import annotations

import csv
import random

import pytest

import kpi
from kpi.errors import DataError
from kpi.intake.annexes.reading import draft_of
from kpi.intake.synthetic.files import Sample, write
from kpi.language.loading.loader import examine_text
from kpi.report.definition_text import definition_text

HEADINGS = [
    *(
        "序号",
        "一级指标",
        "二级指标",
        "三级指标",
        "考核项目",
        "考核内容",
        "指标",
        "分值",
        "权重",
        "评分标准",
        "计分办法",
    ),
    *("目标值", "2025年", "单位", "责任单位", "备注", "得分", "数据来源", "区间", "指标性质", "其他", "指标类别"),
]
NAMES = [
    "经济发展（30分）",
    "一、基础工作(20分)",
    "1.税收收入",
    "网上办结率",
    "安全事故起数",
    "满意度≥90%",
    "no",
    "2025",
    "5G覆盖率",
    "常规(50%)、成果(50%)",
    "加分项（5分）",
    "一票否决",
    "减分项",
    "合计",
    "小计",
    "注：每项不计负分",
    "……",
    "指标1：",
    "-",
    "/",
    "",
    "",
    "税收收入",
    "工作 机制",
    "a: b",
    "{x}",
    "'q'",
    '"',
    "#tag",
    "长" * 90,
    "甲、乙（10分）",
    "（10分）",
    "10",
    "PM2.5浓度",
    "null",
]
RULES = [
    "完成得满分，未完成不得分",
    "每低1个百分点扣0.5分",
    "每项扣2分",
    "每新增1家得2分，最高10分",
    "居民认可",
    "酌情扣分",
    "得0分",
    "≥95%得5分，85%—95%得3分，<85%不得分",
    "排名前三得满分，其余按排名依次递减1分",
    "按比例得分",
    "按功效系数法计算",
    "第一名得满分，其余按与第一名的比例得分",
    "完成80%以下不得分，80%以上按比例得分",
    "低于90%不得分，高于90%按线性内插",
    "完成目标值得4分，每超过10%加2分，最多加10分；每低10%扣4分",
    "国家级加5分、省级加3分、市级加1分",
    "每次加1分，累计不超过3分",
    "被通报批评每次扣2分，不设上限",
    "不得评为优秀",
    "未完成不得分，实行一票否决",
    "(1)无台账扣4分；(2)每缺一项扣0.5分",
    "每少报送1篇扣0.5分",
    "每低0个百分点扣1分",
    "每低1个百分点扣0分",
    "≥0%得满分",
    "按比例得分，最多扣6分",
    "扣完为止",
    "",
]
CELLS = {
    "分值": ["10", "20", "5分", "15%", "0.5", "0", "-", "", "≤5", "另行通知", "100", "1000", "10+5"],
    "评分标准": RULES,
    "目标值": [
        "≥95%",
        "100",
        "≤3起",
        "0",
        "完成年度任务",
        "前3名",
        "明显",
        "12月底前",
        "120户",
        "90%—95%",
        "≥0.5%",
        "-5%",
        "",
        "30天",
    ],
    "单位": ["%", "个", "亿元", "", "户", "天", "Score", "—", "件/人"],
    "区间": ["≥95%", "85%—95%", "<85%", "好"],
    "指标性质": ["≥", "≤", "=", "定性"],
}
LIKE = {"权重": "分值", "得分": "分值", "计分办法": "评分标准", "2025年": "目标值"}


def odd_table(seed: int) -> list[list[str]]:
    choose = random.Random(seed)
    headings = list(dict.fromkeys([*choose.sample(HEADINGS, choose.randint(2, 8)), "指标", "分值"]))
    rows = [
        [choose.choice(CELLS.get(LIKE.get(item, item), NAMES)) for item in headings]
        for _ in range(choose.randint(1, 9))
    ]
    return [["考核指标体系"] * choose.randint(0, 1), headings, *rows, [choose.choice(NAMES)]]


@pytest.mark.parametrize("block", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_table_makes_a_definition_or_findings(block, tmp_path):
    created, codes = 0, set()
    for seed in range(150) if block == 0 else range(150, 700):
        with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(odd_table(seed))
        try:
            text = definition_text(draft_of([tmp_path / "a.csv"]))
        except DataError as error:
            codes |= {item.code for item in error.diagnostics}
            continue
        loaded = examine_text(text)
        assert loaded.system is not None, (seed, [item.message for item in loaded.findings])
        created += 1
        if seed % 15 == 0:
            write(Sample(loaded.system, entities=3, periods=1), str(tmp_path / f"{seed}.csv"))
            assert kpi.score(tmp_path / f"{seed}.csv", system=loaded.system).totals.height == 3
    assert created > 100
    assert codes <= {"K502", "K721"}
