"""Write the data of the starting points of `kpi init --kind`: invented figures, the same for the same seed.

`python docs/starts.py` writes them beside their definitions.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).parents[1] / "kpi/cli/starts"
TOWNS = ("城关街道", "东湖镇", "南岭镇", "西山镇", "北河乡", "青溪镇", "白沙乡", "云台街道")
COUNTIES = ("东湖县", "南岭市", "西山区", "北河县", "青溪县", "白沙市", "云台区")
Row = Sequence[object]


def write(name: str, rows: Iterable[Row]) -> None:
    """Write rows as a CSV."""
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def roster(folder: str, names: Sequence[str], first: int | None = None, extra: Sequence[str] = ()) -> None:
    """Write the roster of a start, with codes from a first one on, and with groups."""
    head = ["entity", "code", "order"] + (["cohort", "规模"] if extra else [])
    rows = [
        [name, "" if first is None else str(first + at), at + 1, *(2 * [extra[at]] if extra else [])]
        for at, name in enumerate(names)
    ]
    write(f"{folder}/roster.csv", [head, *rows])


def assessment(draw: random.Random) -> None:
    """Write what towns report for an annual assessment."""
    roster("assessment", TOWNS, 330999001)
    rows: list[Row] = [("期别", "地区", "指标", "数值", "计量单位")]
    for at, town in enumerate(TOWNS):
        revenue = draw.randint(3000, 12000)
        for year in ("2023年", "2024年"):
            due, petitions = draw.randint(6, 15), draw.randint(40, 160)
            figures = {
                "重点项目应开工数": (due, "个"), "重点项目开工数": (due - draw.choice((0, 0, 0, 1, 2)), "个"),
                "一般公共预算收入": (revenue, "万元"), "信访件数": (petitions, "件"),
                "信访按期办结数": (petitions - draw.choice((0, 0, 1, 1, 5)), "件"),
                "断面水质达标率": (draw.choice((100, 100, 96.7, 93.3)), "%"),
                "迟报次数": (draw.choice((0, 0, 0, 1, 3)), "次"), "省级以上表彰数": (draw.choice((0, 0, 1, 2)), "项"),
                "较大以上安全事故数": (int(at == 4 and year == "2024年"), "起"),
            }  # fmt: skip
            rows += [(year, town, title, figure, unit) for title, (figure, unit) in figures.items()]
            revenue = round(revenue * draw.uniform(1.02, 1.10))
    write("assessment/figures.csv", rows)


def matters(draw: random.Random) -> None:
    """Write cases of government services."""
    roster("matters", TOWNS, 330999001)
    rows: list[Row] = [("办件编号", "受理时间", "办结时间", "所属乡镇", "事项", "渠道", "承诺时限（天）", "满意度")]
    for number in range(1, 801):
        begun = dt.datetime(2024, 1, 1) + dt.timedelta(minutes=draw.randint(0, 90 * 24 * 60))  # noqa: DTZ001
        promise = draw.choice((1, 3, 5, 10))
        took = dt.timedelta(hours=draw.uniform(0.5, 24 * promise * draw.choice((0.3, 0.6, 0.9, 1.02))))
        done = f"{begun + took:%Y-%m-%d %H:%M}" if draw.random() > 0.02 else ""
        row = (
            f"B{number:05}", f"{begun:%Y-%m-%d %H:%M}", done, draw.choice(TOWNS),
            draw.choice(("社会保险", "企业开办", "不动产登记", "户籍管理")),
            draw.choice(("网上", "掌上", "掌上", "窗口", "自助")),
            promise, draw.choice((5, 5, 5, 5, 4, 4, 3, "")) if done else "",
        )  # fmt: skip
        rows.append(row)
    write("matters/cases.csv", rows)


def index(draw: random.Random) -> None:
    """Write the figures of counties in three years."""
    roster("index", COUNTIES, 330921)
    head = ("年份", "地区", "地区生产总值（亿元）", "常住人口（万人）", "研发经费（亿元）", "居民人均可支配收入（元）",
            "城乡收入比", "空气优良天数比例（%）", "单位GDP能耗（吨标准煤/万元）")  # fmt: skip
    rows: list[Row] = [head]
    for county in COUNTIES:
        gdp, people = draw.uniform(200, 900), draw.uniform(30, 90)
        research, income, gap, air, energy = (
            draw.uniform(0.012, 0.035), draw.uniform(38000, 66000), draw.uniform(1.5, 2.1), draw.uniform(82, 97),
            draw.uniform(0.25, 0.6),
        )  # fmt: skip
        for year in (2022, 2023, 2024):
            rows.append(
                (year, county, f"{gdp:.2f}", f"{people:.1f}", f"{gdp * research:.2f}", round(income), f"{gap:.2f}",
                 f"{air:.1f}", f"{energy:.3f}")
            )  # fmt: skip
            gdp, income, gap, energy = gdp * draw.uniform(1.03, 1.08), income * 1.05, gap - 0.03, energy * 0.97
            air = min(99.0, air + draw.uniform(-0.5, 1.2))
    write("index/figures.csv", rows)


def per_mu(draw: random.Random) -> None:
    """Write the figures of firms."""
    names = [
        f"{first}{second}有限公司"
        for first in ("东湖", "南岭", "西山", "北河", "青溪")
        for second in ("机械", "纺织", "电子", "食品")
    ]
    sizes = [draw.choice(("规上", "规上", "规下")) for _ in names]
    roster("per-mu", names, None, sizes)
    head = ("年份", "企业", "实缴税收（万元）", "用地面积（亩）", "工业增加值（万元）", "综合能耗（吨标准煤）",
            "平均职工人数（人）", "研发经费（万元）", "营业收入（万元）", "重大环境违法次数（次）")  # fmt: skip
    rows: list[Row] = [head]
    for at, (name, size) in enumerate(zip(names, sizes, strict=True)):
        land = draw.uniform(15, 90) if size == "规上" else draw.uniform(4, 15)
        value = land * draw.uniform(70, 220)
        revenue = value * draw.uniform(3, 5)
        rows.append(
            (2024, name, f"{land * draw.uniform(8, 40):.1f}", f"{land:.2f}", f"{value:.1f}",
             f"{value / draw.uniform(1.5, 5):.1f}", round(value / draw.uniform(12, 32)),
             f"{revenue * draw.uniform(0.01, 0.05):.1f}", f"{revenue:.1f}", int(at == 6))
        )  # fmt: skip
    write("per-mu/firms.csv", rows)


def stars(draw: random.Random) -> None:
    """Write the figures of service windows in four quarters."""
    windows = (
        "社保窗口",
        "医保窗口",
        "不动产窗口",
        "企业开办窗口",
        "公积金窗口",
        "户籍窗口",
        "税务窗口",
        "车管窗口",
        "婚姻登记窗口",
        "综合窗口",
    )
    roster("stars", windows)
    head = ("期别", "服务窗口", "接待人次", "即办人次", "平均等候时长（分钟）", "评价数", "好评数", "有效投诉数")
    rows: list[Row] = [head]
    for window in windows:
        skill = draw.uniform(0.72, 0.95)
        for quarter in ("2024Q1", "2024Q2", "2024Q3", "2024Q4"):
            visitors, rated = draw.randint(2000, 9000), draw.randint(150, 600)
            skill = min(0.98, skill + draw.uniform(-0.03, 0.05))
            rows.append(
                (quarter, window, visitors, round(visitors * skill), f"{draw.uniform(4, 22):.1f}", rated,
                 round(rated * draw.uniform(0.86, 0.99)), draw.choice((0, 0, 0, 1, 2, 5)))
            )  # fmt: skip
    write("stars/figures.csv", rows)


if __name__ == "__main__":
    for make in (assessment, matters, index, per_mu, stars):
        make(random.Random(2024))  # noqa: S311 - the same figures each time
