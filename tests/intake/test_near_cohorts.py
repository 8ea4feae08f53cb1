"""Cohorts whose name is another's but for one letter are reported, and those that differ by meaning are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import kpi


def definition(more: str = "", entities: str = "{roster: r.csv}", ranking: str = "{within: [cohort]}") -> str:
    return (
        f"system: t\nperiod: month\nentities: {entities}\nranking: {ranking}\n"
        f"measures: {{m: {{title: 产值, unit: 亿元}}}}\n"
        "indicators: {x: {kind: level, of: m, target: {at_least: 100}}}\npillars: {p: {parts: {x: 1}}}\n" + more
    )


def scored(folder: Path, cohorts: list[str], *, header: str = "cohort", **more: Any) -> list[Any]:
    names = [f"第{at}镇" for at in range(len(cohorts))]
    rows = "".join(f"{name},{cohort}\n" for name, cohort in zip(names, cohorts, strict=True))
    (folder / "r.csv").write_text(f"name,{header}\n{rows}", "utf-8")
    (folder / "s.yaml").write_text(definition(**more), "utf-8")
    data = pl.DataFrame({"月份": "2024-01", "乡镇": names, "产值": range(1, len(names) + 1)})
    card = kpi.score(data, system=folder / "s.yaml")
    return [item for item in card.findings_list if item.code == "K665"]


@pytest.mark.parametrize(
    ("usual", "many", "rare", "few"),
    [
        ("工业县", 3, "工业具", 1), ("生态功能区", 20, "生态功能屈", 2), ("重点开发", 5, "重点开", 1),
        ("综合部门", 12, "综和部门", 1),
        ("生态功能区", 3, "生态能功区", 1), ("Industrial towns", 30, "Indsutrial towns", 3),
        ("Urban", 9, "urban", 1), ("A", 2, "a", 2), ("工业县", 1, "工業縣", 1), ("Class II", 8, "CLASS II", 5),
        ("Coastal", 6, "Costal", 1), ("Industrial towns", 30, "Industrial tovns", 3), ("一类县", 4, "一类具", 1),
    ],
)  # fmt: skip
def test_a_slip_of_one_letter_is_reported_with_its_row(tmp_path, usual, many, rare, few):
    cohorts = [*[usual] * many, *[rare] * few, "城区", "城区"]
    (finding,) = scored(tmp_path, cohorts)
    assert f"`{rare}`" in str(finding.message)
    assert f"`{usual}`, which {many} units" in str(finding.message)
    assert f"第{many}镇" in str(finding.message)
    assert (finding.place.row, finding.place.field) == (many + 2, "cohort")


@pytest.mark.parametrize(
    "cohorts",
    [
        [*["一类县"] * 9, "二类县"],
        [*["农业县"] * 9, "工业县"],
        [*["A"] * 9, "B"],
        [*["Group A"] * 9, "Group B"],
        [*["Class I"] * 9, "Class II"],
        [*["东部组"] * 9, "西部组"],
        [*["开发区"] * 9, "新开发区"],
        [*["中心镇"] * 9, "中心村"],
        [*["inland"] * 9, "island"],
        [*["工农县"] * 9, "农工县"],
        [*["东西部"] * 9, "西东部"],
        [*["AB"] * 9, "BA"],
        [*["type ab"] * 9, "type ba"],
        [*["Northeastern"] * 9, "Northwestern"],
        [*["生态功能区"] * 9, *["生态能功区"] * 2],
        ["Coastal", "Caostal"],
        [*["杭州市"] * 9, "台州市", "湖州市"],
        [*["江西省"] * 9, "陕西省"],
        [*["和平区"] * 9, "太平区"],
        [*["甲组"] * 9, "乙组"],
        [*["2级县"] * 9, "3级县"],
        [*["工业县"] * 9, *["工业具"] * 3],
        ["工业县", "工业具"],
        [*["工业县"] * 9, "城区"],
        [*["林区县"] * 5, *["库区县"] * 5, "垦区县"],
    ],
)  # fmt: skip
def test_names_that_differ_by_meaning_or_are_as_frequent_are_not(tmp_path, cohorts):
    assert scored(tmp_path, cohorts) == []


def test_a_group_by_a_column_of_the_roster_is_judged_too(tmp_path):
    cohorts = [*["工业县"] * 4, "工业具"]
    more = "groups: {类: {column: 类型}}\n"
    assert len(scored(tmp_path, cohorts, header="类型", more=more, ranking="{within: [all, 类]}")) == 1
    assert scored(tmp_path, cohorts, header="备注", ranking="{within: [all]}") == []


def test_a_class_without_a_rule_is_reported_once(tmp_path):
    rule = "scoring: {by: cohort, values: {工业县: {kind: completion}}}\n"
    assert scored(tmp_path, [*["工业县"] * 4, "工业具"], more=rule) == []


def test_groups_in_the_data_are_judged(tmp_path):
    names = [f"第{at}镇" for at in range(5)]
    data = pl.DataFrame({"月份": "2024-01", "乡镇": names, "分组": [*["工业县"] * 4, "工业具"], "产值": range(1, 6)})
    (tmp_path / "s.yaml").write_text(definition(entities="{title: 乡镇}"), "utf-8")
    found = [item for item in kpi.score(data, system=tmp_path / "s.yaml").findings_list if item.code == "K665"]
    assert [item.place.entity for item in found] == ["第4镇"]
