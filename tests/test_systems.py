"""The five cities' systems against the documents: every row is there as stated, and nothing else claims to be."""

from __future__ import annotations

import csv
import time
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import kpi
from kpi import session
from kpi.analysis import clause_coverage
from kpi.cli.main import main
from kpi.errors import DefinitionError, Diagnostic
from kpi.language.indicators import Formula, Indicator
from kpi.language.loading.loader import examine_text
from kpi.language.system import System

ROOT = Path(__file__).parents[1]
DEFINITIONS = ROOT / "definitions"
TARGETS = ROOT / "tests" / "data" / "targets.csv"
CITIES = {"tongxiang-2022": 60, "jiaxing-2022": 74, "dongtai-2021": 38, "binzhou-2023": 101, "taizhou-2020": 44}
SCORED = {"stated", "full_coverage", "milestone"}
COMPARATORS = {
    ">=": "at_least", ">": "above", "<=": "at_most", "<": "below", "rank<=": "at_most", "==": "equals", "done": "done"
}  # fmt: skip


@cache
def system(name: str) -> System:
    return kpi.load(name, definitions=DEFINITIONS)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def documented() -> list[dict[str, str]]:
    return rows_of(TARGETS)


def indicator_of(row: dict[str, str]) -> Indicator:
    return system(row["system"]).indicators[row["id"]]


each_row = pytest.mark.parametrize("row", documented(), ids=lambda row: f"{row['system']}-{row['id']}")
each_city = pytest.mark.parametrize("city", CITIES)


# ---- EVERY ROW ---- #


@each_city
def test_the_documents_rows_and_no_others_have_a_basis(city: str):
    rows = {row["id"] for row in documented() if row["system"] == city}
    assert len(rows) == CITIES[city]
    assert rows == {name for name, item in system(city).indicators.items() if item.basis is not None}


@each_row
def test_a_row_is_an_indicator_with_the_documents_facts(row: dict[str, str]):
    indicator = indicator_of(row)
    assert indicator.title == row["name_zh"]
    assert indicator.basis == row["basis"]
    assert indicator.clause == row["clause"]
    assert "、".join(indicator.lead) == row["lead_units"]
    assert "、".join(indicator.responsible) == row["responsible_units"]
    assert indicator.direction == row["direction"]
    if not isinstance(
        indicator, Formula
    ):  # 一件事六减 has six units; what is compared is the change of each, in percent
        assert str(system(row["system"]).unit(row["id"])) == row["unit"]


@each_row
def test_a_row_has_the_documents_comparator_figure_and_deadline(row: dict[str, str]):
    [target] = indicator_of(row).target
    assert (target.by or "") == row["deadline"]
    assert target.inferred == (row["inferred"] == "yes")
    assert ("" if target.baseline is None else f"{target.baseline.value:g}") == row["baseline"]
    if row["basis"] not in SCORED:
        # What a framework or a list merely counts, and a direction without a figure, is no target: the note tells it.
        assert target.done is None
        assert getattr(target, target.comparator) is None
        assert target.note is not None
        assert row["comparator"] == "done" or row["target"] in target.note
        return
    assert target.comparator == COMPARATORS[row["comparator"]]
    if target.done is None:
        own = target.per_entity
        bound = own.total if own is not None else target.bounds(system(row["system"]).unit(row["id"]))[0]
        assert bound == float(row["target"])
        if own is not None:
            assert target.ours


@each_row
def test_a_rate_with_known_parts_is_computed_from_them(row: dict[str, str]):
    unpublished = {"online_acceptance_rate", "online_acceptance_rate_up", "patient_wait_reduction"}
    if row["parts_known"] and row["unit"] == "%" and row["id"] not in unpublished:
        assert indicator_of(row).kind in {"coverage", "ratio", "growth"}


@each_city
def test_what_is_firm_has_weight_in_the_pillar_of_its_area_and_nothing_else_has(city: str):
    rows = [row for row in documented() if row["system"] == city]
    # A figure that there already is stands in no pillar of a plan; 台州's reply consists of such figures.
    firm = {row["id"]: row["area_zh"] for row in rows if row["basis"] in SCORED}
    firm = {name: area for name, area in firm.items() if name != "fusion_pilots"}
    assert system(city).parents == firm
    assert sum(system(city).tops.values()) == 100


@each_city
def test_what_no_document_states_is_marked_as_ours(city: str):
    item = system(city)
    assert item.scoring is not None
    assert all(
        block.ours for block in (item.scoring, item.composite, item.stars, item.ranking, *item.adjustments.values())
    )
    assert all(set(pillar.ours) == {"weight", "parts", "missing"} for pillar in item.pillars.values())
    for indicator in item.indicators.values():
        for target in indicator.target:
            ours = target.ours if isinstance(target.ours, tuple) else ()
            assert {"schedule", "tolerance"} & target.model_fields_set <= set(ours)


# ---- CLAUSES ---- #


@each_city
def test_the_table_of_clauses_is_the_documents(city: str):
    rows = [row for row in documented() if row["system"] == city]
    table = [(row["clause"], row["indicator"]) for row in rows_of(DEFINITIONS / "coverage" / f"{city}.csv")]
    asked = [(clause, row["id"]) for row in rows for clause in clause_coverage.clauses(row["clause"])]
    assert sorted(table) == sorted(asked)


@each_city
def test_every_clause_is_covered_and_none_invented(city: str):
    assert list(clause_coverage.problems(system(city))) == []
    rows = clause_coverage.coverage(system(city))
    assert {row.state for row in rows} == {"scored", "unscored"}
    assert len({row.indicator for row in rows}) == CITIES[city]


def findings(text: str, table: str, folder: Path) -> list[Diagnostic]:
    loaded = examine_text(text).system
    assert loaded is not None
    (folder / "coverage").mkdir()
    (folder / "coverage" / "example.csv").write_text(table, "utf-8")
    return list(clause_coverage.problems(loaded.at(folder)))


EXAMPLE = """
system: example
period: year
entities: {title: 县}
measures: {roads: {unit: 公里}}
indicators: {length: {kind: level, of: roads, target: {at_least: 10}, clause: 一1}}
"""


def test_a_clause_that_the_document_has_not_is_a_finding(tmp_path: Path):
    result = findings(EXAMPLE, "clause,indicator\n一2,length\n", tmp_path)
    assert [item.code for item in result] == ["K440", "K441"]
    assert "一2" in result[0].message
    assert "一1" in result[1].message


def test_a_row_without_an_indicator_is_a_finding(tmp_path: Path):
    result = findings(EXAMPLE, "clause,indicator\n一1,length\n一1,width\n", tmp_path)
    assert [(item.code, "width" in item.message) for item in result] == [("K440", True)]


def test_a_system_without_a_table_of_clauses_says_so(tmp_path: Path):
    loaded = examine_text(EXAMPLE).system
    assert loaded is not None
    with pytest.raises(DefinitionError, match="no table of clauses"):
        clause_coverage.coverage(loaded.at(tmp_path))


# ---- ALL DEFINITIONS ---- #


def test_all_definitions_are_without_findings_within_two_seconds_of_work():
    began = time.process_time()
    examined = session.examine_all([DEFINITIONS])
    assert [finding for item in examined for finding in item.findings] == []
    assert len(examined) >= 5
    assert time.process_time() - began < 2


# ---- TRAPS IN THE FIGURES ---- #


def words(city: str, name: str) -> str:
    [target] = system(city).indicators[name].target
    return target.words(system(city).unit(name))


def test_one_id_has_a_target_and_a_date_of_its_own_in_each_city():
    assert words("tongxiang-2022", "one_net_service_rate") == "≥ 90 % (2023)"
    assert words("jiaxing-2022", "one_net_service_rate") == "≥ 95 % (2025)"


def test_one_title_with_two_scopes_reads_two_pairs_of_figures():
    rates = [
        system("tongxiang-2022").indicators[f"{scope}_app_connect_rate"] for scope in ("digital_society", "gov_major")
    ]
    used = [{of for _, of in rate.inputs()} for rate in rates]
    assert used[0].isdisjoint(used[1])


def test_one_figure_for_two_measures_is_two_indicators():
    item, other = (
        system("dongtai-2021").indicators[name] for name in ("digital_economy_scale", "digital_industry_sales")
    )
    assert item.target[0].per_entity.total == other.target[0].per_entity.total == 500
    assert list(item.inputs()) != list(other.inputs())


def test_at_least_and_more_than_sixty_percent_differ():
    assert words("dongtai-2021", "deep_application_coverage") == "≥ 60 % (2023)"
    assert words("dongtai-2021", "ops_centre_dept_access_rate") == "> 60 % (2023)"


def test_a_first_place_is_a_target_and_a_place_in_front_is_none():
    assert words("jiaxing-2022", "grain_area_rank") == "≤ 1 位 (2025)"
    assert words("jiaxing-2022", "zheliban_activity_rank") == "≤ no number given (2025)"
    assert "zheliban_activity_rank" not in system("jiaxing-2022").parents


def test_units_of_the_document_are_kept():
    assert words("binzhou-2023", "total_5g_stations") == "≥ 1.1 万个 (in all, shared equally) (2023)"
    assert words("binzhou-2023", "data_records_added") == "≥ 1.5 亿条 (in all, shared equally) (2023)"


def test_the_rosters_hold_the_county_level_units_with_their_codes():
    def codes(name: str) -> set[str]:
        return {row["code"] for row in rows_of(DEFINITIONS / "rosters" / f"{name}.csv")}

    assert codes("taizhou") == {f"3310{number}" for number in ("02", "03", "04", "22", "23", "24", "81", "82", "83")}
    binzhou = {f"3716{number}" for number in ("02", "03", "21", "22", "23", "25", "81")}
    assert codes("binzhou") == binzhou | {"3716-K1", "3716-K2", "3716-K3"}
    assert len(codes("jiaxing")) == 7
    assert len(rows_of(DEFINITIONS / "rosters" / "tongxiang.csv")) == 11
    assert len(rows_of(DEFINITIONS / "rosters" / "dongtai.csv")) == 17


# ---- ON THE COMMAND LINE ---- #


@pytest.mark.usefixtures("chinese")
def test_show_coverage_prints_the_clauses_and_what_stands_for_them():
    shown = CliRunner().invoke(main, ["show", "dongtai-2021", "--coverage", "--definitions", str(DEFINITIONS)])
    assert shown.exit_code == 0
    assert "12 条，38 项：计分 27、不计分 11、缺 0、文件无此条 0" in shown.stdout
    lines = [line for line in shown.stdout.splitlines() if "base_stations_5g" in line]
    assert len(lines) == 1


@pytest.mark.usefixtures("chinese")
def test_show_coverage_fails_where_something_is_missing(tmp_path: Path):
    (tmp_path / "example.yaml").write_text(EXAMPLE, "utf-8")
    (tmp_path / "coverage").mkdir()
    (tmp_path / "coverage" / "example.csv").write_text("clause,indicator\n一1,length\n一2,width\n", "utf-8")
    shown = CliRunner().invoke(main, ["show", "example", "--coverage", "--definitions", str(tmp_path)])
    assert shown.exit_code == 1
    assert "K440" in shown.stderr
    assert "缺 1" in shown.stdout
