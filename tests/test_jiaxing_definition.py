from __future__ import annotations

import csv
import importlib.util
import re
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DATA = ROOT / "sample_data" / "jiaxing-2022"
TARGETS = ROOT / "tests" / "data" / "targets.csv"
SYSTEM: dict[str, Any] = yaml.safe_load((ROOT / "definitions" / "jiaxing-2022.yaml").read_text("utf-8"))
MEASURES: dict[str, Any] = SYSTEM["measures"]
INDICATORS: dict[str, Any] = SYSTEM["indicators"]
PILLARS: dict[str, Any] = SYSTEM["pillars"]
SCORED = {"stated", "full_coverage", "milestone"}
COMPARATORS = {">=": "at_least", ">": "above", "rank<=": "at_most", "<=": "at_most", "done": "done"}
KINDS = {
    "coverage": "coverage",
    "ratio": "ratio",
    "milestone": "milestone",
    "flag": "milestone",
    "rank": "level",
    "count": "level",
    "reduction": "growth",
}
Figures = dict[tuple[str, str, str], dict[str, str]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def documented() -> list[dict[str, str]]:
    return [row for row in rows_of(TARGETS) if row["system"] == "jiaxing-2022"]


def entities() -> list[str]:
    return [row["entity"] for row in rows_of(ROOT / "definitions" / SYSTEM["entities"]["roster"])]


def inputs(indicator: dict[str, Any]) -> list[str]:
    return [indicator[key] for key in ("of", "covered", "numerator", "total", "denominator") if key in indicator]


def unit(indicator: dict[str, Any]) -> str:
    if indicator["kind"] in {"coverage", "growth"}:
        return "%"
    return indicator["unit"] if "unit" in indicator else MEASURES[indicator["of"]]["unit"]


# ---- DEFINITION ---- #


def test_the_documents_targets_and_no_others_have_a_basis():
    rows = documented()
    assert len(rows) == 74
    assert {row["id"] for row in rows} == {name for name, item in INDICATORS.items() if "basis" in item}


@pytest.mark.parametrize("row", documented(), ids=lambda row: row["id"])
def test_a_documented_target_is_an_indicator_as_the_document_states_it(row: dict[str, str]):
    indicator = INDICATORS[row["id"]]
    target = indicator["target"]
    assert indicator["basis"] == row["basis"]
    assert indicator["title"] == row["name_zh"]
    assert indicator["kind"] == KINDS[row["kind"]]
    assert indicator.get("better", "higher") == row["direction"]
    assert unit(indicator) == row["unit"]
    assert indicator["clause"] == row["clause"]
    assert "、".join(indicator.get("lead", [])) == row["lead_units"]
    assert "、".join(indicator.get("responsible", [])) == row["responsible_units"]
    assert str(target["by"]) == row["deadline"]
    assert target.get("inferred", False) == (row["inferred"] == "yes")
    assert target.get("soft", False) == (row["soft"] == "yes")
    assert str(target.get("baseline", {}).get("value", "")) == row["baseline"]

    assert set(target) & set(COMPARATORS.values()) == {COMPARATORS[row["comparator"]]}
    bound = target[COMPARATORS[row["comparator"]]]
    if indicator["basis"] not in SCORED:
        # What a framework or a list merely counts is no target: the note tells it.
        assert bound is None
        assert row["target"] in target["note"]
    elif isinstance(bound, dict):
        assert bound["total"] == float(row["target"])
    else:
        assert float(bound) == float(row["target"])


def test_scored_indicators_are_in_the_pillar_of_their_area():
    area = {row["id"]: row["area_zh"] for row in documented()}
    places = {part: pillar for pillar, item in PILLARS.items() for part in item["parts"]}
    assert places == {row: area[row] for row, item in INDICATORS.items() if item.get("basis") in SCORED}


def test_every_scored_indicator_is_in_exactly_one_pillar_and_no_other_is_in_any():
    parts = [part for pillar in PILLARS.values() for part in pillar["parts"]]
    assert sorted(parts) == sorted(name for name, item in INDICATORS.items() if item.get("basis") in SCORED)
    assert sum(pillar["weight"] for pillar in PILLARS.values()) == 100


def test_what_no_document_states_is_marked_as_ours():
    blocks = [*(SYSTEM[key] for key in ("scoring", "composite", "stars", "ranking")), *SYSTEM["adjustments"].values()]
    assert all(block["ours"] is True for block in blocks)
    assert all(set(pillar["ours"]) == {"weight", "parts", "missing"} for pillar in PILLARS.values())
    targets = [item["target"] for item in INDICATORS.values() if "target" in item]
    allotted = [target for target in targets if isinstance(target.get("at_least"), dict)]
    assert len(allotted) == 5
    assert all(target["ours"] == ["file"] for target in allotted)
    assert all(target["ours"] == ["period"] for target in targets if "baseline" in target)


def test_names_are_unique_and_every_measure_is_used():
    names = [*MEASURES, *INDICATORS, *PILLARS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\w+", name) for name in names)
    used = {name for item in INDICATORS.values() for name in inputs(item)}
    assert used | {"security_incidents"} == set(MEASURES)
    titles = [measure["title"] for measure in MEASURES.values()]
    assert len(set(titles)) == len(titles)


def test_ratios_carry_numerator_and_denominator_in_the_same_unit():
    pairs = [inputs(item) for item in INDICATORS.values() if item["kind"] in {"coverage", "ratio"}]
    assert len(pairs) == 14 + 5 + 2
    for part, whole in pairs:
        assert part != whole
        assert MEASURES[part]["unit"] == MEASURES[whole]["unit"] != "%"


def test_every_part_is_checked_against_its_whole():
    checked = {check["expr"] for check in SYSTEM["checks"].values() if "expr" in check}
    stated = [item for item in INDICATORS.values() if item["kind"] in {"coverage", "ratio"} and "basis" in item]
    assert checked == {" <= ".join(inputs(item)) for item in stated}


def test_allotted_targets_add_up_to_the_documents_figures():
    bounds = {name: item["target"].get("at_least") for name, item in INDICATORS.items() if "target" in item}
    totals = {name: bound["total"] for name, bound in bounds.items() if isinstance(bound, dict)}
    shares: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows_of(ROOT / "definitions" / "targets" / "jiaxing-2022.csv"):
        assert row["entity"] not in shares[row["indicator"]]
        shares[row["indicator"]][row["entity"]] = int(row["target"])
    assert {name: sum(share.values()) for name, share in shares.items()} == totals
    for share in shares.values():
        # Equal, what is left over one each in the order of the roster.
        assert list(share) == entities()
        assert max(share.values()) - min(share.values()) <= 1
        assert list(share.values()) == sorted(share.values(), reverse=True)


def test_the_roster_is_the_seven_county_level_units():
    rows = rows_of(ROOT / "definitions" / SYSTEM["entities"]["roster"])
    assert {row["entity"]: row["code"] for row in rows} == {
        "南湖区": "330402",
        "秀洲区": "330411",
        "嘉善县": "330421",
        "平湖市": "330482",
        "海盐县": "330424",
        "海宁市": "330481",
        "桐乡市": "330483",
    }
    assert [row["order"] for row in rows] == list("1234567")


# ---- SAMPLE DATA ---- #


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("jiaxing_generate", DATA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def figures() -> Figures:
    return {(row["地区"], row["指标"], row["期别"]): row for row in rows_of(DATA / "reports.csv") if row["修订"] == "0"}


def test_the_generator_writes_the_committed_bytes(generator: ModuleType, tmp_path: Path):
    generator.write(tmp_path, seed=2022)
    for name in ("reports.csv", "cases.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_another_seed_gives_other_figures(generator: ModuleType):
    assert generator.reports(1) != generator.reports(2022)


def test_every_reported_measure_has_a_row_for_every_unit_and_quarter(figures: Figures):
    titles = {measure["title"] for measure in MEASURES.values() if measure.get("kind", "reported") == "reported"}
    quarters = [f"{year}Q{quarter}" for year in (2022, 2023) for quarter in (1, 2, 3, 4)]
    assert set(figures) == {
        (entity, title, quarter) for entity in entities() for title in titles for quarter in quarters
    }


def test_units_of_the_data_are_those_of_the_measures_or_multiples(figures: Figures):
    declared = {measure["title"]: measure["unit"] for measure in MEASURES.values()}
    result = {(title, row["计量单位"]) for (_, title, _), row in figures.items()}
    assert result - set(declared.items()) == {
        ("就地化解纠纷数", "万件"),
        ("纠纷受理总数", "万件"),
        ("已赋码自然资源实体数", "万个"),
        ("自然资源实体总数", "万个"),
        ("火灾直接财产损失", "亿元"),
    }


def test_parts_never_exceed_their_wholes(generator: ModuleType):
    titles = {name: measure["title"] for name, measure in MEASURES.items()}
    pairs = [inputs(item) for item in INDICATORS.values() if item["kind"] in {"coverage", "ratio"}]
    for county in generator.COUNTIES:
        true = {(row.measure, row.period): int(row.value) for row in generator.parts(county, 2022)}
        for part, whole in pairs:
            if MEASURES[part].get("from") is None:
                for quarter in generator.QUARTERS:
                    assert 0 <= true[titles[part], quarter] <= true[titles[whole], quarter]


def test_flags_switch_once(figures: Figures):
    flags: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (entity, title, _), row in figures.items():
        if row["计量单位"] == "是/否":
            flags[entity, title].append(row["数值"])
    assert len(flags) == 28 * 7
    for (_, title), values in flags.items():
        assert values == sorted(values)
        assert set(values) <= {"0", "1"} or (title, set(values)) == ("现代政府完成情况", {"不适用"})
    assert flags["海盐县", "数字政府领导小组完成情况"] == list("00000111")


def test_the_data_have_the_flaws_the_readme_tells(figures: Figures):
    corrected = [row for row in rows_of(DATA / "reports.csv") if row["修订"] != "0"]
    assert [(row["地区"], row["指标"], row["期别"]) for row in corrected] == [("海宁市", "就地化解纠纷数", "2023Q2")]
    assert int(corrected[0]["数值"]) > int(figures["海宁市", "就地化解纠纷数", "2023Q2"]["数值"])
    values = {key: row["数值"] for key, row in figures.items()}
    assert [key for key, value in values.items() if value == "—"] == [("桐乡市", "建成智慧景区的A级景区数", "2023Q1")]
    assert [key for key, value in values.items() if value == "…"] == [("嘉善县", "火灾直接财产损失", "2022Q2")]
    assert values["海盐县", "应共享涉灾预警信息数", "2022Q1"] == "0"
    absent = {key[:2] for key, value in values.items() if value == "不适用" and key[1] != "现代政府完成情况"}
    assert absent == {("南湖区", "已监控两高企业数"), ("南湖区", "两高企业总数")}
    incidents = [key for key, value in values.items() if key[1] == "重大网络安全事件数" and value != "0"]
    assert incidents == [("平湖市", "重大网络安全事件数", "2023Q1")]
    assert "," in values["嘉善县", "执法检查总次数", "2022Q1"]
    jump = figures["平湖市", "纠纷受理总数", "2023Q3"]
    assert int(jump["数值"]) > 1.3 * int(values["平湖市", "纠纷受理总数", "2023Q2"])
    assert jump["说明"]


def test_service_cases_are_many_and_complete():
    cases = rows_of(DATA / "cases.csv")
    assert len(cases) >= 20_000
    assert len({case["办件编号"] for case in cases}) == len(cases)
    assert {case["所属县市"] for case in cases} == set(entities())
    assert {case["渠道"] for case in cases} == {"窗口", "网上", "掌上", "自助"}
    assert min(case["办结日期"] for case in cases) >= "2022-01-01"
    assert max(case["办结日期"] for case in cases) <= "2023-12-31"
    assert all((case["等待分钟"] == "") == (case["渠道"] in {"网上", "掌上"}) for case in cases)


def test_the_readme_tells_the_sizes():
    readme = (DATA / "README.md").read_text("utf-8")
    for name in ("reports.csv", "cases.csv"):
        assert f"{len(rows_of(DATA / name)):,}" in readme
