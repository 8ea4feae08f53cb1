"""The sample data: reproducible to the byte, complete, scored without findings, quickly."""

from __future__ import annotations

import importlib.util
import sys
import time
from functools import cache
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

import kpi
from kpi.engine.scorecard import Scorecard

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_data"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_generate", SAMPLES / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()
MADE = list(GENERATOR.PERIODS)


@cache
def card(name: str) -> Scorecard:
    return kpi.score(SAMPLES / name / "reports.csv", system=name, definitions=ROOT / "definitions")


@pytest.mark.parametrize("name", MADE)
def test_the_generator_writes_the_committed_bytes(name: str, tmp_path: Path):
    written = GENERATOR.write(name, tmp_path, seed=2022)
    assert written.read_bytes() == (SAMPLES / name / "reports.csv").read_bytes()


@pytest.mark.parametrize("name", [*MADE, "taizhou-2020"])
def test_a_sample_is_scored_within_two_seconds_and_has_no_findings(name: str):
    began = time.process_time()
    result = card(name).findings_list
    assert time.process_time() - began < 2
    # What 台州 published does not have the figures of all its clauses.
    expected = {"K555"} if name == "taizhou-2020" else set()
    assert {item.code for item in result if item.severity != "info"} == expected


@pytest.mark.parametrize("name", [*MADE, "taizhou-2020", "jiaxing-2022"])
def test_a_sample_finds_its_system_by_itself(name: str):
    # Systems share figures such as 办件总量, so several know some of them.
    result = kpi.score(SAMPLES / name / "reports.csv", definitions=ROOT / "definitions")
    assert result.definition.system == name


@pytest.mark.parametrize("name", MADE)
def test_a_sample_spreads_its_entities_over_the_stars(name: str):
    last = card(name).totals.filter(pl.col("period") == GENERATOR.PERIODS[name][-1])
    assert last["stars"].n_unique() >= 2
    assert last["score"].n_unique() >= last.height * 0.6


@pytest.mark.parametrize("name", MADE)
def test_what_is_reported_instead_of_a_figure_shows_as_that(name: str):
    expected = {"—": "missing", "不适用": "not_applicable"}
    entities = card(name).entities["entity"].to_list()
    index = {label: place for place, label in card(name).labels.items()}
    for (entity, measure, period), (value, _) in GENERATOR.EVENTS.get(name, {}).items():
        where = (pl.col("entity") == entities.index(entity)) & (pl.col("period") == index[period])
        row = card(name).frame.row(by_predicate=where, named=True)
        if value in expected:
            assert row[f"{measure}.status"] in {expected[value], "incomplete"}
        else:
            assert row[measure] == float(value)


# ---- 台州 SCORES FROM ITS OWN FIGURES ---- #


def test_taizhou_holds_what_the_city_published():
    row = card("taizhou-2020").frame.row(0, named=True)
    assert row["items_combed"] == 6433
    assert row["cases_handled_h1"] == 292.1
    assert row["online_acceptance_rate"] == 85
    assert row["online_acceptance_rank"] == 3
    assert row["shared_data_calls"] == 4.6
    assert row["major_projects_connect_rate"] == 100
    assert row["major_projects_connect_whole"] == row["major_projects_group_a"] + row["major_projects_group_b"] == 21
    assert round(row["zheliban_activity"], 1) == 6.1


def test_a_published_reduction_counts_the_more_the_better():
    row = card("taizhou-2020").frame.row(0, named=True)
    assert card("taizhou-2020").definition.indicators["patient_wait_reduction"].direction == "higher"
    assert row["patient_wait_reduction"] == 55
    assert row["patient_wait_reduction.score"] == 100


def test_targets_of_later_years_lower_the_coverage_and_not_the_score():
    [total] = card("taizhou-2020").totals.to_dicts()
    assert total["score"] == 100
    assert 50 < total["coverage"] < 70
    row = card("taizhou-2020").frame.row(0, named=True)
    assert row["digital_upgrade_coverage.score.status"] == "missing"


# ---- THE TRAPS ---- #


def final(name: str) -> pl.DataFrame:
    frame = card(name).frame
    return frame.filter(pl.col("period") == pl.col("period").max())


def aimed(name: str, indicator: str) -> pl.Series:
    last = card(name).indicators.filter(pl.col("period") == pl.col("period").last(), pl.col("indicator") == indicator)
    return last["target"]


def test_windows_of_one_and_two_years_read_one_figure():
    wide = card("tongxiang-2022").frame.sort("entity", "period")
    for _, group in wide.group_by("entity"):
        first, second, third = group["digital_firms_added"]
        assert group["two_year_above_scale_firms"][-1] == third
        assert group["new_digital_above_scale_firms"].to_list() == [None, second - first, third - second]
    system = card("tongxiang-2022").definition
    assert system.targets("new_digital_above_scale_firms")[0].per_entity.total == 20
    assert system.targets("two_year_above_scale_firms")[0].per_entity.total == 40


def test_a_dated_pair_is_two_targets_on_one_figure():
    frame = final("tongxiang-2022")
    first, second = (frame[f"grassroots_handling_rate_{year}"].to_list() for year in (2022, 2023))
    assert first == second
    assert set(aimed("tongxiang-2022", "grassroots_handling_rate_2022")) == {93}
    assert set(aimed("tongxiang-2022", "grassroots_handling_rate_2023")) == {94}


def test_an_increment_stands_beside_its_stock():
    frame = final("binzhou-2023")
    for added, stock in (
        ("mobile_items_added", "mobile_items_total"),
        ("new_5g_stations", "total_5g_stations"),
        ("charging_piles_added", "charging_piles_total"),
    ):
        unit = 10_000 if stock == "total_5g_stations" else 1
        assert (frame[added] <= frame[stock] * unit).all()
        assert aimed("binzhou-2023", added).sum() < aimed("binzhou-2023", stock).sum() * unit


def test_a_strict_bound_is_not_met_by_the_bound_itself():
    system = card("binzhou-2023").definition
    [target] = system.targets("charging_radius_km")
    values = pl.DataFrame({"x": [1.4, 1.5, 1.6]})
    reached = values.select(target.reached(pl.col("x"), pl.lit(1.5), pl.lit(None)))["x"]
    assert reached.to_list() == [True, False, False]


def test_about_a_thousand_is_met_within_five_percent():
    [target] = card("binzhou-2023").definition.targets("tech_upgrade_projects")
    values = pl.DataFrame({"x": [949.0, 950.0, 1000.0]})
    reached = values.select(target.reached(pl.col("x"), pl.lit(1000.0), pl.lit(None)))["x"]
    assert reached.to_list() == [False, True, True]
    assert target.words("个").startswith("about")


def test_targets_by_class_of_hospital():
    assert set(aimed("binzhou-2023", "mobile_pay_tertiary_coverage")) == {60}
    assert set(aimed("binzhou-2023", "mobile_pay_secondary_coverage")) == {30}
    assert set(aimed("binzhou-2023", "e_voucher_secondary_coverage")) == {80}


def test_firms_with_a_star_are_among_those_in_the_cloud():
    frame = final("dongtai-2021")
    assert (frame["star_cloud_enterprises"] <= frame["cloud_enterprises"]).all()
    assert "star_firms_within_cloud_firms" in card("dongtai-2021").definition.checks


def test_shares_of_a_total_add_up_to_the_documents_figure():
    for name in MADE[:3]:
        frame = final(name)
        for indicator in card(name).definition.indicators:
            own = [item.per_entity for item in card(name).definition.targets(indicator) if item.per_entity]
            if own:
                assert frame[f"{indicator}.target"].sum() == pytest.approx(own[0].total)
