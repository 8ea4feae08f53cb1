"""Write the synthetic data of systems that need more rows than hands write, the same bytes for the same seed.

Firms for per-mu-2022 (with their roster), tasks for execution-index, reviews for service-reviews. No figure was
observed anywhere. The two 标杆企业 are set by hand: one is exactly at every published benchmark, the other has the
ratios 30.0, 150.0, 2.0, 4929.81, 20.0 and 2 %.

    python sample_data/mechanisms.py
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
ROSTERS = HERE.parent / "definitions" / "rosters"
Rows = list[list[str]]

# ---- FIRMS ---- #

FIRM_HEADER = [
    "期别", "企业", "税收(万元)", "用地面积(亩)", "增加值(万元)", "综合能耗(等价值)(吨标准煤)", "主要污染物排放量(吨)",
    "平均用工人数(人)", "研发费用(万元)", "主营业务收入(万元)", "用电量(万千瓦时)", "不定等级",
]  # fmt: skip

#: Tax and value added per mu, value added per energy, per emission and per head, research per revenue.
BENCHMARKS = (24.097, 136.16, 2.694, 4929.81, 18.14, 0.0302)
OTHER = (30.0, 150.0, 2.0, 4929.81, 20.0, 0.02)


def large(ratios: Iterable[float], land: float, revenue: float) -> list[str]:
    """Return the figures of a firm above scale that has the ratios."""
    tax, added, energy, emission, staff, research = ratios
    value = added * land
    figures = [tax * land, land, value, value / energy, value / emission, value / staff, research * revenue, revenue]
    return [*(f"{one:.12g}" for one in figures), "不适用", "0"]


def small(tax_per_mu: float, tax_per_electricity: float, land: float) -> list[str]:
    """Return the figures of a firm below scale, which is asked for land, tax and electricity only."""
    tax = tax_per_mu * land
    return [f"{tax:.12g}", f"{land:.12g}", *["不适用"] * 6, f"{tax / tax_per_electricity:.12g}", "0"]


def firms(seed: int) -> tuple[Rows, Rows]:
    """Return the roster of the firms and their figures of 2022."""
    stream = Random(f"{seed} firms")
    roster: Rows = []
    rows: Rows = []

    def add(name: str, cohort: str, figures: list[str]) -> None:
        roster.append([name, "", cohort, str(len(roster) + 1), cohort[:2], cohort[3:]])
        rows.append(["2022", name, *figures])

    add("标杆企业一", "规上·纺织", large(BENCHMARKS, 100, 20_000))
    add("标杆企业二", "规上·纺织", large(OTHER, 50, 10_000))
    for industry, number in (("纺织", 18), ("电器", 20)):
        for place in range(1, number + 1):
            ratios = [one * stream.uniform(0.35, 1.35) for one in BENCHMARKS]
            land, revenue = stream.randint(10, 120), stream.randint(3000, 60_000)
            add(f"{industry}企业{place:02d}", f"规上·{industry}", large(ratios, land, revenue))
    add("城东供电公司", "规上·电器", [*large(BENCHMARKS, 40, 9000)[:-1], "1"])
    for place in range(1, 21):
        tax, electricity = 11.5932 * stream.uniform(0.2, 1.6), 0.2352 * stream.uniform(0.2, 1.6)
        add(f"小微企业{place:02d}", "规下", small(tax, electricity, stream.randint(2, 15)))
    return roster, rows


# ---- TASKS AND REVIEWS ---- #


def days(year: int, quarter: int, stream: Random) -> date:
    """Return a day of a quarter."""
    return date(year, 3 * quarter + 1, 1) + timedelta(days=stream.randrange(90))


def names(roster: str) -> list[str]:
    """Return the entities of a roster."""
    with (ROSTERS / roster).open(encoding="utf-8", newline="") as file:
        return [row["entity"] for row in csv.DictReader(file)]


def tasks(seed: int) -> Rows:
    """Return tasks of departments over four quarters of 2022, better from quarter to quarter."""
    rows: Rows = []
    for place, department in enumerate(names("jiaxing-departments.csv")):
        stream = Random(f"{seed} {department}")
        for quarter in range(4):
            good = 0.70 + 0.03 * (place * 4 % 9) + 0.02 * quarter
            # One department finished four tasks in the third quarter: too few to judge.
            number = 4 if (place, quarter) == (4, 2) else stream.randint(24, 48)
            for _ in range(number):
                limit = stream.choice([5, 10, 20])
                late = stream.random() > good
                used = limit + stream.randint(1, 9) if late else stream.randint(1, limit)
                returned = int(stream.random() > good + 0.08)
                rows.append([days(2022, quarter, stream).isoformat(), department, str(limit), str(used), str(returned)])
    return [[f"R{number:05d}", *row] for number, row in enumerate(sorted(rows), start=1)]


def reviews(seed: int) -> Rows:
    """Return reviews of counter cases in two quarters of 2021; many cases have none."""
    rows: Rows = []
    for place, county in enumerate(names("taizhou.csv")):
        stream = Random(f"{seed} {county}")
        for quarter in range(2):
            good = 0.86 + 0.015 * (place * 4 % 9)
            number = 12 if (place, quarter) == (8, 0) else stream.randint(140, 220)
            for _ in range(number):
                stars = ""
                if stream.random() < 0.7:
                    stars = (
                        str(stream.choice([3, 4, 5, 5, 5, 5])) if stream.random() < good else str(stream.choice([1, 2]))
                    )
                rectified = "" if stars not in {"1", "2"} else ("是" if stream.random() < good else "否")
                rows.append([days(2021, quarter, stream).isoformat(), county, stars, rectified])
    return [[f"P{number:05d}", *row] for number, row in enumerate(sorted(rows), start=1)]


def save(path: Path, header: list[str], rows: Rows) -> None:
    """Write a table, UTF-8 with LF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write(out: Path, rosters: Path, *, seed: int) -> None:
    """Write the data of the three systems, and the roster of the firms."""
    roster, figures = firms(seed)
    save(rosters / "per-mu.csv", ["entity", "code", "cohort", "order", "规模", "行业"], roster)
    save(out / "per-mu-2022" / "firms.csv", FIRM_HEADER, figures)
    save(
        out / "execution-index" / "tasks.csv",
        ["任务编号", "办结日期", "承办部门", "时限", "用时", "退回次数"],
        tasks(seed),
    )
    save(out / "service-reviews" / "reviews.csv", ["评价编号", "评价日期", "所属县市", "星级", "整改"], reviews(seed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the synthetic records of three systems.")
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder that holds one folder a system")
    parser.add_argument("--rosters", type=Path, default=ROSTERS, help="the folder of the roster of the firms")
    options = parser.parse_args()
    write(options.out, options.rosters, seed=options.seed)
