"""A unit that is nearly the sum of all others is reported, one that is as large as all others by chance is not."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

import kpi

DISTRICTS = ["海宁市", "桐乡市", "平湖市", "嘉善县", "海盐县", "南湖区", "秀洲区"]
ENGLISH = ["Haining", "Tongxiang", "Pinghu", "Jiashan", "Haiyan", "Nanhu", "Xiuzhou"]
Row = tuple[str, str, str, float]

SYSTEM = """\
system: s
period: year
entities: {{title: 县{more}}}
measures:
  made: {{title: 产值, unit: 亿元}}
  tax: {{title: 税收, unit: 万元}}
  jobs: {{title: 就业人数, unit: 万人}}
  rate: {{title: 满意率, unit: '%'}}
indicators: {{a: {{kind: level, of: made, score: {{kind: minmax}}}}}}
pillars: {{p: {{parts: {{a: 100}}}}}}
"""


def rows(units: list[str], total: str, measures: dict[str, float], years: int, digits: int = 1) -> list[Row]:
    """Return figures of units, and of a total above them by a part of it (by measure)."""
    chance = random.Random(11)
    items: list[Row] = []
    for year in range(2024 - years, 2024):
        for title, above in measures.items():
            own = [round(chance.uniform(80, 400), digits) for _ in units]
            items += [(str(year), unit, title, value) for unit, value in zip(units, own, strict=True)]
            items.append((str(year), total, title, round(sum(own) * (1 + above), digits)))
    return items


def messages(items: list[Row], more: str = "", **columns: Any) -> list[str]:
    data = pl.DataFrame(items, schema=["年份", "县", "指标", "数值"], orient="row").with_columns(**columns)
    card = kpi.score(data, system=SYSTEM.format(more=more))
    return [str(item.message) for item in card.findings_list if item.code in {"K613", "K486"}]


@pytest.mark.parametrize(
    ("units", "total", "measures", "years"),
    [
        (DISTRICTS, "嘉兴市", {"产值": 0.002}, 2),
        (DISTRICTS, "嘉兴市", {"产值": 0.004, "税收": -0.001}, 1),
        (["杭州市", "宁波市", "温州市", "绍兴市"], "浙江省", {"产值": 0.003}, 1),
        (["硖石街道", "海洲街道", "许村镇", "长安镇"], "海宁市", {"产值": 0.003}, 2),
        (ENGLISH, "Jiaxing", {"产值": 0.002, "税收": 0.001}, 1),
        (ENGLISH, "Jiaxing", {"产值": 0.002}, 6),
        ([f"{name} District" for name in ENGLISH], "Jiaxing City", {"产值": 0.002}, 2),
    ],
)
def test_a_city_that_is_nearly_the_sum_is_reported(units, total, measures, years):
    (message,) = messages(rows(units, total, measures, years))
    assert message.startswith(f"{total} is nearly the sum of all others (at most 0.")
    assert messages(rows(units, total, measures, years), f", keep: [{total}]") == []
    assert messages(rows(units, total, measures, years), f", leave_out: [{total}]") == []


@pytest.mark.parametrize(
    ("units", "total", "measures", "years", "found"),
    [
        (DISTRICTS, "嘉兴市", {"产值": 0.011, "税收": -0.009}, 2, True),
        (DISTRICTS, "嘉兴市", {"产值": 0.013}, 4, True),
        (ENGLISH, "Jiaxing", {"产值": 0.011, "税收": -0.009, "就业人数": 0.002}, 1, True),
        (["杭州市", "宁波市", "温州市", "绍兴市"], "浙江省", {"产值": 0.012}, 1, True),
        (DISTRICTS, "嘉兴市", {"产值": 0.011, "税收": -0.009}, 1, False),
        (DISTRICTS, "嘉兴市", {"产值": 0.013}, 3, False),
        (DISTRICTS, "嘉兴市", {"产值": 0.011, "税收": 0.03}, 3, False),
        (ENGLISH, "Jiaxing", {"产值": 0.011, "税收": -0.009}, 3, False),
        (ENGLISH, "Jiaxing", {"产值": 0.012}, 12, False),
    ],
)
def test_a_percent_off_takes_more_sums(units, total, measures, years, found):
    got = messages(rows(units, total, measures, years))
    assert len(got) == found
    assert all(message.startswith(f"{total} is nearly the sum of all others (at most 1.") for message in got)


def test_units_that_are_half_of_all_are_hardly_ever_taken_for_totals():
    chance = random.Random(5)
    taken = 0
    for _ in range(60):
        share = chance.uniform(0.4, 0.6)
        items: list[Row] = []
        for year in ("2022", "2023"):
            for title in ("产值", "税收", "就业人数"):
                own = [round(chance.uniform(80, 400), 1) for _ in ENGLISH]
                half = share * chance.uniform(0.9, 1.1)
                items += [(year, unit, title, value) for unit, value in zip(ENGLISH, own, strict=True)]
                items.append((year, "Capital", title, round(sum(own) * half / (1 - half), 1)))
        taken += len(messages(items))
    assert taken == 0


def test_how_far_it_is_at_most_is_told():
    (message,) = messages(rows(DISTRICTS, "嘉兴市", {"产值": 0.004, "税收": -0.001}, 3))
    assert message == "嘉兴市 is nearly the sum of all others (at most 0.4 % apart); it is ranked with them"


def test_the_exact_sum_is_reported_once():
    (message,) = messages(rows(DISTRICTS, "嘉兴市", {"产值": 0.0}, 3))
    assert message == "嘉兴市 equals the sum of all others; it is ranked with them"
    (message,) = messages(rows(DISTRICTS, "嘉兴市", {"产值": 0.0, "税收": 0.002}, 3))
    assert "nearly" in message


def test_rates_and_rounded_small_figures_do_not_hide_it():
    items = rows(DISTRICTS, "嘉兴市", {"产值": 0.002}, 2)
    items += [(year, unit, "满意率", 90.0) for year in ("2022", "2023") for unit in [*DISTRICTS, "嘉兴市"]]
    small = dict(zip([*DISTRICTS, "嘉兴市"], [0.4, 0.4, 0.4, 0.3, 0.3, 0.2, 0.2, 2.4], strict=True))
    items += [(year, unit, "税收", value) for year in ("2022", "2023") for unit, value in small.items()]
    assert len(messages(items)) == 1


@pytest.mark.parametrize(
    "items",
    [
        rows(DISTRICTS, "嘉兴市", {"产值": 0.02}, 3),
        rows(DISTRICTS, "嘉兴市", {"产值": 0.002}, 1),
        rows(DISTRICTS, "嘉兴市", {"产值": 0.002, "税收": 0.02}, 3),
        rows(ENGLISH, "Jiaxing", {"产值": 0.002}, 3),
        rows(DISTRICTS[:2], "嘉兴市", {"产值": 0.002}, 3),
        [(year, unit, "满意率", value) for year, unit, _, value in rows(DISTRICTS, "嘉兴市", {"产值": 0.002}, 3)],
    ],
    ids=["too far", "one sum", "another measure", "one measure under any name", "few others", "rates"],
)
def test_what_may_be_chance_is_not_reported(items):
    assert messages(items) == []


def test_the_capital_of_ningxia_is_as_large_as_all_others():
    # Output in 100 million yuan: that of 2020 is published, the others are made up.
    capital, others = [1964.37, 2262.95, 2535.63], [1956.18, 2259.36, 2533.94]
    parts = {"石嘴山市": 0.275, "吴忠市": 0.325, "固原市": 0.175, "中卫市": 0.225}
    items = [(str(2020 + at), "银川市", "产值", value) for at, value in enumerate(capital)]
    for at, value in enumerate(others):
        items += [(str(2020 + at), name, "产值", value * part) for name, part in parts.items()]
    assert messages(items) == []


@pytest.mark.parametrize("size", [5, 9])
def test_small_whole_numbers_are_equal_by_chance(size):
    chance = random.Random(13)
    items: list[Row] = []
    for year in ("2021", "2022", "2023"):
        for title in ("产值", "税收"):
            own = [chance.randint(1, 30) for _ in range(size - 1)]
            own = [*own, sum(own)] if (year, title) != ("2022", "税收") else [*own, sum(own) + 1]
            items += [
                (year, unit, title, value)
                for unit, value in zip([*DISTRICTS, "嘉兴市", "平湖县"][-size:], own, strict=True)
            ]
    assert messages(items) == []


def test_codes_that_say_so_are_one_finding():
    items = rows(DISTRICTS, "嘉兴市", {"产值": 0.002}, 3)
    codes = dict(
        zip([*DISTRICTS, "嘉兴市"], [330481, 330483, 330482, 330421, 330424, 330402, 330411, 330400], strict=True)
    )
    (message,) = messages(items, 代码=pl.col("县").replace_strict(codes))
    assert message == "units that others belong to are ranked beside them: 嘉兴市"


def test_a_city_in_a_group_of_its_own_is_not_ranked_with_them():
    items = rows(DISTRICTS, "嘉兴市", {"产值": 0.002}, 3)
    group = pl.when(pl.col("县") == "嘉兴市").then(pl.lit("市")).otherwise(pl.lit("县"))
    assert messages(items, 分组=group) == []


def test_random_tables_have_no_totals():
    chance = random.Random(17)
    for _ in range(20):
        size = {name: 10 ** chance.uniform(0, 2.5) for name in DISTRICTS}
        items = [
            (str(year), unit, "产值", round(value * chance.uniform(1, 1.05), 2))
            for year in (2021, 2022, 2023) for unit, value in size.items()
        ]  # fmt: skip
        assert messages(items) == []
