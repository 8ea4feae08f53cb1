"""Write the sample data of `jiaxing-2022`: reports.csv and cases.csv, the same bytes for the same seed.

Everything here is synthetic: no figure was observed anywhere. Every unit has a level of digitalisation between 0 and 1
that grows over eight quarters at its own pace; figures, flags and service cases follow from it, with noise. Flaws that
real files have are put in at known places (FLAWS below, and README.md), so that they can be tested for.

    python sample_data/jiaxing-2022/generate.py --seed 2022
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

QUARTERS = [f"{year}Q{quarter}" for year in (2022, 2023) for quarter in (1, 2, 3, 4)]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class County:
    """One county-level unit: its level in the first and the last quarter, how it moves between them, and its size.

    A `pace` below 1 grows early, above 1 late.
    """

    name: str
    first: float
    last: float
    pace: float
    towns: int
    villages: int
    size: float

    def level(self, quarter: int) -> float:
        """Return the level in a quarter (0 to 7), between 0 and 1."""
        return self.first + (self.last - self.first) * float((quarter / 7) ** self.pace)


COUNTIES = [
    County("南湖区", 0.72, 0.83, 1.0, 13, 140, 1.15),
    County("秀洲区", 0.53, 0.77, 1.6, 9, 145, 0.95),
    County("嘉善县", 0.54, 0.80, 0.6, 9, 155, 0.90),
    County("平湖市", 0.63, 0.72, 0.8, 9, 150, 1.00),
    County("海盐县", 0.45, 0.63, 1.2, 9, 120, 0.75),
    County("海宁市", 0.66, 0.85, 1.5, 12, 215, 1.20),
    County("桐乡市", 0.67, 0.92, 0.9, 11, 210, 1.25),
]


@dataclass(frozen=True)
class Part:
    """A part and its whole, as two reported figures; `whole` None means the whole is another part's (towns).

    `typical` is the whole of a unit of size 1; `lead` is added to the unit's level to make the rate. A flow starts
    afresh every quarter, a stock never falls.
    """

    part: str
    whole: str | None
    unit: str
    typical: int
    lead: float = 0.0
    flow: bool = False


TOWNS, VILLAGES = "镇(街道)总数", "村(社区)总数"
PARTS = [
    Part("已数字化核心业务数", "核心业务总数", "项", 420, 0.04),
    Part("已纳入长三角一网通办的跨省通办事项数", "跨省通办事项总数", "项", 150, 0.06),
    Part("已接入一网统管部门数", "应接入一网统管部门数", "个", 38, 0.02),
    Part("掌上执法检查次数", "执法检查总次数", "次", 5200, 0.05, flow=True),
    Part("重点领域全流程可追溯监管事项数", "重点领域监管事项总数", "项", 86),
    Part("就地化解纠纷数", "纠纷受理总数", "件", 12400, 0.03, flow=True),
    Part("四治融合达标村(社区)数", VILLAGES, "个", 0, -0.06),
    Part("已共享涉灾预警信息数", "应共享涉灾预警信息数", "条", 130, 0.05, flow=True),
    Part("已建成智安街道(镇)数", TOWNS, "个", 0, 0.02),
    Part("智慧养老平台已覆盖镇(街道)数", None, "个", 0, 0.04),
    Part("已建成智慧体育设施镇(街道)数", None, "个", 0, 0.01),
    Part("已建成健心客厅镇(街道)数", None, "个", 0, -0.03),
    Part("建成智慧景区的A级景区数", "A级景区总数", "家", 18, -0.05),
    Part("已自动监测县控以上断面数", "县控以上断面总数", "个", 24, 0.03),
    Part("已监控两高企业数", "两高企业总数", "家", 36, 0.02),
    Part("已赋码自然资源实体数", "自然资源实体总数", "个", 26000, -0.08),
    Part("完成两化改造规上工业企业数", "规上工业企业总数", "家", 980, -0.04),
    Part("已开放数据目录数", "应开放数据目录数", "个", 310, 0.01),
]

#: Stocks as (name, unit, full mark): the figure is the level's share of the full mark. A list is one mark a county.
COUNTS: list[tuple[str, str, int | list[int]]] = [
    ("标志性重大应用数", "个", [2, 2, 2, 1, 1, 1, 1]),
    ("便民利企一件事改革落地数", "项", 75),
    ("体教融合特色学校数", "所", [5, 5, 4, 4, 4, 4, 4]),
    ("省级未来社区数", "个", [19, 19, 19, 19, 18, 18, 18]),
    ("省级未来乡村数", "个", [15, 15, 14, 14, 14, 14, 14]),
    ("省级风貌样板区数", "个", [15, 15, 14, 14, 14, 14, 14]),
    ("数据授权运营领域数", "个", 5),
    ("数据授权运营主体数", "家", 17),
    ("已突破领域数", "个", 6),
    ("数字机关多跨场景数", "个", 3),
    ("已迭代产业大脑数", "个", 4),
    ("已建成综合交通枢纽数", "个", 1),
    ("交通重大应用数", "个", 2),
]

#: Flags from easy to hard: the easier are done first.
FLAGS = [
    "数字政府领导小组",
    "大气精准监测应用",
    "社会治理现代化试点",
    "县域智治大脑感知体系",
    "物联感知前端",
    "原创产品知识产权溯源",
    "掌上办公之市",
    "生态环境数据仓",
    "一地可办三地事",
    "公共数据平台",
    "细颗粒物臭氧监测网",
    "掌上办事之市",
    "执行力指数体系",
    "经济治理数据平台",
    "柔性监管体系",
    "政策文件数据库",
    "碳交易煤样监管系统",
    "政务网络安全运营中心",
    "智慧化政务服务综合体",
    "物联感知中台",
    "减污降碳协同应用",
    "掌上治理之市",
    "网络攻防演练中心",
    "生物多样性数据库",
    "核与辐射监管应用",
    "现代化交通强市",
    "全域无废城市",
]
VISION = "现代政府完成情况"

#: Ranks of the city in the province, one a quarter, the same for every unit.
PLACES = {
    "浙里办活跃度通报位次": [5, 5, 4, 4, 3, 3, 3, 2],
    "浙政钉活跃度通报位次": [4, 4, 4, 3, 3, 2, 3, 2],
    "数字政府建设通报位次": [5, 5, 5, 4, 4, 4, 3, 3],
    "互联网+监管事项占比通报位次": [6, 6, 5, 5, 4, 4, 3, 3],
    "疫情智控考核通报位次": [3, 2, 2, 4, 3, 3, 2, 2],
    "就近办率通报位次": [5, 4, 4, 4, 3, 3, 3, 2],
    "掌上办率通报位次": [4, 4, 3, 3, 3, 3, 2, 2],
    "数字资源复用频次通报位次": [6, 5, 5, 5, 4, 4, 4, 3],
    "粮食播种面积通报位次": [1, 1, 1, 1, 1, 1, 1, 1],
    "粮食总产量通报位次": [2, 2, 2, 2, 1, 1, 1, 1],
    "农村居民收入通报位次": [1, 1, 1, 1, 1, 1, 1, 1],
}


@dataclass(frozen=True)
class Report:
    """One row of reports.csv."""

    period: str
    entity: str
    measure: str
    value: str
    unit: str
    revision: int = 0
    note: str = ""


HEADER = ["期别", "地区", "指标", "数值", "计量单位", "修订", "说明"]


def whole_of(part: Part, county: County, stream: Random) -> int:
    """Return the whole of a part in a county: towns and villages from the county, the rest by its size."""
    if part.whole == VILLAGES:
        return county.villages
    if part.whole in {TOWNS, None}:
        return county.towns
    return round(part.typical * county.size * (0.9 + 0.2 * stream.random()))


def parts(county: County, seed: int) -> Iterator[Report]:
    """Yield parts and wholes for all quarters."""
    for part in PARTS:
        stream = Random(f"{seed} {county.name} {part.part}")
        whole, own, done = whole_of(part, county, stream), 0.08 * (stream.random() - 0.5), 0
        for quarter, period in enumerate(QUARTERS):
            noise = (0.03 if part.flow else 0.01) * (stream.random() - 0.5)
            rate = min(1.0, max(0.0, county.level(quarter) + part.lead + own + noise))
            if part.flow:
                now = round(whole * (0.92 + 0.16 * stream.random()) * (1 + 0.01 * quarter))
                if county.name == "平湖市" and part.part == "就地化解纠纷数" and period == "2023Q3":
                    now = round(now * 1.45)
                if county.name == "海盐县" and part.part == "已共享涉灾预警信息数" and period == "2022Q1":
                    now = 0
                done = round(now * rate)
            else:
                now, done = whole, max(done, round(whole * rate))
            yield Report(period, county.name, part.part, str(done), part.unit)
            if part.whole:
                yield Report(period, county.name, part.whole, str(now), part.unit)


def counts(county: County, seed: int) -> Iterator[Report]:
    """Yield the stocks that are counted against a full mark."""
    for name, unit, mark in COUNTS:
        stream = Random(f"{seed} {county.name} {name}")
        full, own, stock = mark[COUNTIES.index(county)] if isinstance(mark, list) else mark, stream.random(), 0
        for quarter, period in enumerate(QUARTERS):
            stock = max(stock, min(full, round(full * (county.level(quarter) + 0.1 * (own - 0.4)))))
            yield Report(period, county.name, name, str(stock), unit)


def flags(county: County, seed: int) -> Iterator[Report]:
    """Yield the flags: 0 until the level passes the flag's difficulty, 1 from then on."""
    for place, name in enumerate(FLAGS):
        stream = Random(f"{seed} {county.name} {name}")
        hard = 0.25 + 0.70 * place / (len(FLAGS) - 1) + 0.14 * (stream.random() - 0.5)
        for quarter, period in enumerate(QUARTERS):
            done = county.level(quarter) >= hard
            if name == "数字政府领导小组" and county.name == "海盐县":
                done = period >= "2023Q2"
            yield Report(period, county.name, f"{name}完成情况", str(int(done)), "是/否")
    for period in QUARTERS:
        yield Report(period, county.name, VISION, "不适用", "是/否", note="2035年目标，本期不评")


def events(county: County, seed: int) -> Iterator[Report]:
    """Yield fires with their losses, network incidents, and the city's ranks in the province."""
    stream = Random(f"{seed} {county.name} events")
    for quarter, period in enumerate(QUARTERS):
        fires = round((46 - 2.2 * quarter) * county.size * (0.85 + 0.3 * stream.random()))
        loss = fires * (1.5 + 2.0 * stream.random())
        hurt = sum(stream.random() < 0.02 for _ in range(fires))
        incidents = int(county.name == "平湖市" and period == "2023Q1")
        yield Report(period, county.name, "火灾起数", str(fires), "起")
        yield Report(period, county.name, "火灾直接财产损失", f"{loss:.1f}", "万元")
        yield Report(period, county.name, "火灾伤亡人数", str(hurt), "人")
        yield Report(period, county.name, "重大网络安全事件数", str(incidents), "起")
        for name, places in PLACES.items():
            yield Report(period, county.name, name, str(places[quarter]), "位")


Change = Callable[[Report], Report]


def in_units_of(ten_thousands: str, decimals: int) -> Change:
    """Return the change of a figure into a unit ten thousand times larger."""
    return lambda r: replace(r, value=f"{float(r.value) / 10_000:.{decimals}f}", unit=ten_thousands)


def saying(note: str, value: str | None = None) -> Change:
    """Return the addition of a remark, and of a sign in place of the figure."""
    return lambda r: replace(r, note=note, value=r.value if value is None else value)


#: How counties really file some figures, by county, measure and quarter (None for all quarters).
FLAWS: dict[tuple[str, str, str | None], Change] = {
    ("桐乡市", "就地化解纠纷数", None): in_units_of("万件", 4),
    ("桐乡市", "纠纷受理总数", None): in_units_of("万件", 4),
    ("秀洲区", "已赋码自然资源实体数", None): in_units_of("万个", 4),
    ("秀洲区", "自然资源实体总数", None): in_units_of("万个", 4),
    ("海宁市", "火灾直接财产损失", "2022Q4"): in_units_of("亿元", 5),
    ("嘉善县", "火灾直接财产损失", "2022Q2"): lambda r: replace(r, value="…"),
    ("嘉善县", "执法检查总次数", None): lambda r: replace(r, value=f"{int(r.value):,}"),
    ("嘉善县", "掌上执法检查次数", None): lambda r: replace(r, value=f"{int(r.value):,}"),
    ("桐乡市", "建成智慧景区的A级景区数", "2023Q1"): saying("景区改造，未统计", "—"),
    ("南湖区", "已监控两高企业数", None): saying("辖内无两高企业", "不适用"),
    ("南湖区", "两高企业总数", None): saying("辖内无两高企业", "不适用"),
    ("海盐县", "应共享涉灾预警信息数", "2022Q1"): saying("本季无涉灾预警"),
    ("平湖市", "纠纷受理总数", "2023Q3"): saying("征迁项目集中签约，纠纷集中受理"),
    ("海宁市", "就地化解纠纷数", "2023Q2"): lambda r: replace(r, value=str(round(int(r.value) * 0.8))),
}


def flawed(report: Report) -> Report:
    """Return a report as its county really files it."""
    place = (report.entity, report.measure)
    change = FLAWS.get((*place, None)) or FLAWS.get((*place, report.period))
    return change(report) if change else report


def reports(seed: int) -> list[Report]:
    """Return all rows of reports.csv as filed, by quarter; the correction of 2023Q2 comes after 2023Q3."""
    true = [
        row
        for county in COUNTIES
        for rows in (parts(county, seed), counts(county, seed), flags(county, seed), events(county, seed))
        for row in rows
    ]
    filed: list[Report] = []
    for period in QUARTERS:
        filed += [flawed(row) for row in true if row.period == period]
        if period == "2023Q3":
            late = next(r for r in true if (r.entity, r.measure, r.period) == ("海宁市", "就地化解纠纷数", "2023Q2"))
            filed.append(replace(late, revision=1, note="更正二季度数：原报漏计镇级调解"))
    return filed


KINDS = {
    "社会保险": 3,
    "医疗保障": 2,
    "不动产登记": 3,
    "企业开办": 1,
    "户籍管理": 2,
    "公积金": 2,
    "车驾管": 1,
    "工程建设审批": 15,
}
CASE_HEADER = ["办件编号", "办结日期", "所属县市", "渠道", "事项类型", "等待分钟", "办理天数", "承诺天数", "评价星级"]


def case(county: County, quarter: int, stream: Random) -> list[str]:
    """Return one service case without its number: online cases have no waiting time, many cases no rating."""
    level = county.level(quarter)
    start = date(2022 + quarter // 4, 3 * (quarter % 4) + 1, 1)
    end = date(start.year + quarter % 4 // 3, (start.month + 2) % 12 + 1, 1)
    day = start + timedelta(days=int(stream.random() * (end - start).days))
    waited = ""
    if stream.random() < 0.66 + 0.31 * level:
        channel = "掌上" if stream.random() < 0.3 + 0.4 * level else "网上"
    elif stream.random() < 0.75:
        channel, waited = "窗口", str(max(1, round(stream.gauss(28 - 20 * level, 5))))
    else:
        channel, waited = "自助", str(1 + int(stream.random() * 4))
    kind = list(KINDS)[int(len(KINDS) * stream.random() ** 1.5)]
    promised = KINDS[kind]
    late = stream.random() < 0.08 * (1 - level)
    took = promised + 1 + int(stream.random() * 4) if late else int(stream.random() * (promised + 1))
    stars = ""
    if stream.random() < 0.6:
        stars = "5" if stream.random() < 0.7 + 0.25 * level else str(1 + int(stream.random() * 4))
    return [day.isoformat(), county.name, channel, kind, waited, str(took), str(promised), stars]


def cases(seed: int) -> list[list[str]]:
    """Return all rows of cases.csv, numbered in the order of their dates."""
    found: list[list[str]] = []
    for county in COUNTIES:
        stream = Random(f"{seed} {county.name} cases")
        for quarter in range(len(QUARTERS)):
            many = round(360 * county.size * (0.95 + 0.1 * stream.random()) * (1 + 0.015 * quarter))
            found += [case(county, quarter, stream) for _ in range(many)]
    return [[f"JX{place:06d}", *row] for place, row in enumerate(sorted(found), start=1)]


def write(folder: Path, *, seed: int) -> None:
    """Write reports.csv and cases.csv into a folder, UTF-8 with LF."""
    filed = [[r.period, r.entity, r.measure, r.value, r.unit, str(r.revision), r.note] for r in reports(seed)]
    for name, header, rows in (("reports.csv", HEADER, filed), ("cases.csv", CASE_HEADER, cases(seed))):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the synthetic sample data of jiaxing-2022.")
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder that is written into")
    options = parser.parse_args()
    write(options.out, seed=options.seed)
