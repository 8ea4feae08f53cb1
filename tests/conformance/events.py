"""Events of every type of column, and measures of every kind over them."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
from hypothesis import strategies as st

NAMES = ["东湖县", "西山区", "南 城区", "南城区", "北城区", None]
CHANNELS = ["网上", "窗口", "网上 ", "自助机", None, "", "　", "（网上）", "it's", 'a"b', "100%"]


def events(rows: int = 4000, seed: int = 1) -> pl.DataFrame:
    """Return events with blanks, odd texts, decimals, times of day, and rows without a unit or date.

    They are in the order in which a warehouse fetches rows, so that findings show the same ones.
    """
    draw = random.Random(seed)
    start = dt.datetime(2023, 1, 1)  # noqa: DTZ001 - local time

    def sometimes(value: object, share: float = 0.05) -> object:
        return None if draw.random() < share else value

    began = [sometimes(start + dt.timedelta(minutes=draw.randrange(525_600)), 0.01) for _ in range(rows)]
    frame = pl.DataFrame(
        {
            "办件编号": [f"A{draw.randrange(rows):06}" for _ in range(rows)],
            "地区": [draw.choice(NAMES) if draw.random() < 0.1 else draw.choice(NAMES[:-1]) for _ in range(rows)],
            "受理时间": pl.Series(began, dtype=pl.Datetime("us")),
            "渠道": [draw.choice(CHANNELS) for _ in range(rows)],
            "金额": [sometimes(round(draw.random() * 10_000, 2)) for _ in range(rows)],
            "评分": [sometimes(float(draw.randint(1, 5))) for _ in range(rows)],
            "村": [draw.choice(["一村", "二 村", "二村", "三村", None, " "]) for _ in range(rows)],
            "件数": [draw.randrange(1_000_000) for _ in range(rows)],
            "办结": [sometimes(draw.random() < 0.7) for _ in range(rows)],
            "用时": [sometimes(draw.randrange(-500, 40_000)) for _ in range(rows)],
        },
    )
    hours = pl.duration(minutes=pl.col("用时"))
    return frame.with_columns(
        办结时间=pl.col("受理时间") + hours, 应收=pl.col("金额").cast(pl.Decimal(18, 2)),
        日期=pl.col("受理时间").dt.date(),
    ).sort(pl.all())  # fmt: skip


MEASURES = {
    "all": {"kind": "count", "unit": "件"},
    "online": {"kind": "count", "unit": "件", "where": "渠道 = '网上' AND 金额 > 10.5"},
    "not_counter": {"kind": "count", "unit": "件", "where": "渠道 <> '窗口' AND NOT 评分 < 3"},
    "like": {"kind": "count", "unit": "件", "where": "渠道 LIKE '%网上%' OR 渠道 IS NULL"},
    "among": {"kind": "count", "unit": "件", "where": "渠道 IN ('网上','窗口','(网上)','it''s','a\"b','100%')"},
    "done": {"kind": "count", "unit": "件", "where": "办结 = '是'"},
    "short": {"kind": "count", "unit": "件", "where": "length(渠道) < 3 AND left(村, 1) = '二'"},
    "quick": {"kind": "count", "unit": "件", "where": "办结时间 - 受理时间 <= 5 天"},
    "since": {"kind": "count", "unit": "件", "where": "受理时间 >= '2023-05-01' AND 受理时间 <= '2023-08-31'"},
    "mornings": {"kind": "count", "unit": "件", "where": "hour(受理时间) < 12 AND weekday(受理时间) = 1"},
    "late_in_period": {"kind": "count", "unit": "件", "where": "period_end - 受理时间 <= 30 天"},
    "years": {"kind": "count", "unit": "件", "where": "year(办结时间) = 2023 AND month(办结时间) > 3"},
    "money": {"kind": "sum", "of": "金额", "unit": "元"},
    "in_wan": {"kind": "sum", "of": "应收", "unit": "元", "where": "渠道 <> '窗口'"},
    "whole": {"kind": "sum", "of": "件数", "unit": "件", "none": 0},
    "net": {"kind": "sum", "of": "金额 - 评分", "unit": "元"},
    "cases": {"kind": "sum", "of": "CASE WHEN 评分 >= 4 THEN 金额 ELSE 0 END", "unit": "元"},
    "filled": {"kind": "sum", "of": "coalesce(金额, 评分, 0)", "unit": "元"},
    "best": {"kind": "max", "of": "greatest(金额, 评分)", "unit": "元"},
    "share": {"kind": "mean", "of": "金额 / 评分", "unit": "元"},
    "third": {"kind": "mean", "of": "金额 / 3", "unit": "元"},
    "days": {"kind": "mean", "of": "办结时间 - 受理时间", "unit": "天"},
    "largest": {"kind": "max", "of": "金额", "unit": "元"},
    "smallest": {"kind": "min", "of": "评分", "unit": "分"},
    "median": {"kind": "median", "of": "金额", "unit": "元"},
    "ninth": {"kind": "quantile", "q": 0.9, "of": "金额", "unit": "元", "where": "渠道 IN ('网上','窗口')"},
    "villages": {"kind": "distinct", "of": "村", "unit": "个"},
    "ids": {"kind": "distinct", "of": "办件编号", "unit": "个", "where": "评分 > 2"},
    "numbers": {"kind": "distinct", "of": "件数", "unit": "个"},
    "last": {"kind": "last", "of": "金额", "unit": "元"},
    "first": {"kind": "first", "of": "金额", "unit": "元"},
    "spread": {"kind": "deviation", "of": "金额", "unit": "元"},
    "trimmed": {"kind": "trimmed_mean", "trim": 1, "of": "金额", "unit": "元"},
    "of_villages": {"kind": "count", "unit": "件", "per": "村", "where": "金额 > 100"},
    "medians_of_villages": {"kind": "median", "of": "金额", "unit": "元", "per": "村"},
    "monthly": {"kind": "count", "unit": "件", "over_time": "mean"},
    "so_far": {"kind": "sum", "of": "金额", "unit": "元", "over_time": "ytd"},
}  # fmt: skip


def system(measures: dict[str, object], *, period: str = "quarter", when: str = "受理时间", **more: object) -> dict:
    """Return a system of measures over these events, scored and ranked by two of them."""
    dataset = {"form": "records", "columns": {"period": when, "entity": "地区"},
               "types": dict.fromkeys(("金额", "评分", "件数", "应收"), "number")}  # fmt: skip
    both = {"all": MEASURES["all"], "online": MEASURES["online"]}
    return {
        "system": "conformance", "period": period, "entities": {}, "datasets": {"items": dataset},
        "measures": {**both, **measures},
        "indicators": {"rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "unit": "%",
                                "target": {"at_least": 40}}},
        "scoring": {"kind": "completion", "cap": 100}, "pillars": {"only": {"weight": 100, "parts": {"rate": 100}}},
        "stars": {"kind": "bands", "cuts": {5: 50, 4: 40, 3: 30, 2: 20, 1: 0}}, **more,
    }  # fmt: skip


#: Conditions and expressions that measures are drawn from.
TESTS = st.sampled_from([
    "渠道 = '网上'", "渠道 <> '窗口'", "渠道 IS NULL", "村 LIKE '二%'", "金额 > 5000", "评分 >= 3",
    "件数 BETWEEN 1000 AND 500000",
    "办结时间 - 受理时间 > 36 小时", "受理时间 < '2023-07-01'", "month(受理时间) IN (1, 5, 9)", "金额 / 评分 < 1000",
    "coalesce(评分, 0) < 2", "abs(金额 - 5000) <= 100.5", "weekday(办结时间) >= 6", "least(金额, 件数) > 100",
])  # fmt: skip
VALUES = st.sampled_from([
    "金额", "评分", "件数", "应收", "金额 * 评分", "金额 - 应收", "金额 / 件数", "abs(评分 - 3)", "办结时间 - 受理时间",
])  # fmt: skip


@st.composite
def drawn_measures(draw: st.DrawFn) -> dict[str, object]:
    measures: dict[str, object] = {}
    for at in range(draw(st.integers(1, 5))):
        tests = draw(st.lists(TESTS, min_size=0, max_size=3))
        joined = draw(st.sampled_from([" AND ", " OR "])).join(tests)
        kind = draw(st.sampled_from(["count", "sum", "mean", "min", "max", "median", "quantile", "distinct", "last"]))
        measure: dict[str, object] = {"kind": kind, "unit": "件"}
        if kind == "distinct":
            measure["of"] = draw(st.sampled_from(["村", "渠道", "件数", "办件编号"]))
        elif kind != "count":
            measure["of"] = draw(VALUES)
            measure["unit"] = "天" if "时间" in str(measure["of"]) else "元"
        if kind == "quantile":
            measure["q"] = draw(st.sampled_from([0.0, 0.25, 0.9, 1.0]))
        if joined:
            measure["where"] = f"NOT ({joined})" if draw(st.booleans()) else joined
        if draw(st.integers(0, 4)) == 0:
            measure["per"] = "村"
        measures[f"m{at}"] = measure
    return measures
