"""Milestones and deadlines inside a period."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpi

DEFINITION = """
system: steps
period: GRAIN
entities: {title: 镇}
measures: {step: {title: 动员部署, unit: 是/否, over_time: last}}
indicators: {done: {kind: milestone, of: step, target: {done: true, by: 2022-05}}}
"""


@pytest.mark.parametrize(
    ("grain", "periods", "statuses"),
    [
        ("year", {"2021": 0, "2022": 1}, ["ok", "ok"]),
        ("year", {"2022": 0, "2023": 1}, ["ok", "late"]),
        ("quarter", {"2022Q1": 0, "2022Q2": 1}, ["ok", "ok"]),
        ("quarter", {"2022Q2": 0, "2022Q3": 1}, ["ok", "late"]),
        ("month", {"2022-04": 0, "2022-05": 1}, ["ok", "ok"]),
        ("month", {"2022-05": 0, "2022-06": 1}, ["ok", "late"]),
    ],
)
def test_nobody_is_late_in_a_period_that_contains_the_deadline(
    tmp_path: Path, grain: str, periods: dict[str, int], statuses: list[str]
):
    definition, data = tmp_path / "steps.yaml", tmp_path / "data.csv"
    definition.write_text(DEFINITION.replace("GRAIN", grain), "utf-8")
    data.write_text(
        "期别,地区,动员部署\n" + "".join(f"{period},甲镇,{item}\n" for period, item in periods.items()), "utf-8"
    )
    card = kpi.score(data, system=definition)
    assert card.frame["done.status"].to_list() == statuses
