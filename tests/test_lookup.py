"""Where a system is found that nobody names by its path, and what `kpi check` checks data against."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

ROOT = Path(__file__).parents[1]

DEFINITION = """\
system: {id}
title: {title}
period: year
entities: {{title: 县}}
measures: {{all: {{title: {first}, unit: 件}}, online: {{title: {second}, unit: 件}}}}
indicators: {{rate: {{kind: ratio, numerator: online, denominator: all, target: {{at_least: 50}}}}}}
pillars: {{服务: {{weight: 100, parts: {{rate: 100}}}}}}
"""


def definition(name, *, title="自己的", first="件数甲", second="件数乙"):
    return DEFINITION.format(id=name, title=title, first=first, second=second)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KPI_DEFINITIONS", raising=False)
    (tmp_path / "d.csv").write_text("期别,县,件数甲,件数乙\n2022,东湖县,10,4\n2023,东湖县,10,6\n", "utf-8")
    return tmp_path


def ran(*arguments):
    done = CliRunner().invoke(main, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_definition_in_the_working_folder_is_found_by_name_id_and_fit(folder):
    (folder / "own.yaml").write_text(definition("my-system"), "utf-8")
    assert kpi.load("own").system == kpi.load("my-system").system == "my-system"
    assert kpi.score("d.csv").system == "my-system"
    assert "my-system" in ran("show").stdout


def test_the_working_folder_comes_before_the_catalogue(folder):
    own = definition("jiaxing-2022", first="办件总量", second="网上办件量")
    (folder / "jiaxing-2022.yaml").write_text(own, "utf-8")
    (folder / "d.csv").write_text("期别,县,办件总量,网上办件量\n2023,东湖县,10,6\n", "utf-8")
    assert kpi.load("jiaxing-2022").title == "自己的"
    assert kpi.score("d.csv").title == "自己的"


def test_the_first_folder_that_fits_wins(folder):
    for place in ("first", "second"):
        (folder / place).mkdir()
        (folder / place / f"{place}.yaml").write_text(definition(place), "utf-8")
    (folder / "own.yaml").write_text(definition("own"), "utf-8")
    (folder / "kpi.toml").write_text('definitions = "second"\n', "utf-8")
    assert kpi.score("d.csv").system == "second"
    assert kpi.score("d.csv", definitions="first").system == "first"
    with pytest.raises(kpi.KpiError):
        kpi.load("own")  # kpi.toml names another folder


def test_what_the_data_name_goes_before_what_fits(folder):
    (folder / "own.yaml").write_text(definition("own"), "utf-8")
    (folder / "other").mkdir()
    (folder / "other" / "named.yaml").write_text(definition("named"), "utf-8")
    (folder / "d.csv").write_text("评价体系,期别,县,件数甲,件数乙\nnamed,2023,东湖县,10,6\n", "utf-8")
    assert kpi.score("d.csv", definitions="other").system == "named"
    (folder / "d.csv").write_text("评价体系,期别,县,件数甲,件数乙\nown,2023,东湖县,10,6\n", "utf-8")
    assert kpi.score("d.csv", definitions="other").system == "own"


@pytest.mark.parametrize(
    "text", ["services:\n  web:\n    system: linux\n", "- 1\n", "", ":::\n\t- [", "# system: x\n", "systems: {}\n"]
)
def test_other_yaml_in_the_working_folder_is_no_definition(folder, text):
    (folder / "docker-compose.yaml").write_text(text, "utf-8")
    (folder / "own.yaml").write_text(definition("own"), "utf-8")
    assert kpi.score("d.csv").system == "own"
    assert kpi.check() == kpi.check()
    assert "docker-compose" not in ran("check").stderr + ran("show").stdout + ran("show", "nothing").stderr


def test_a_broken_definition_is_reported_when_it_is_meant(folder):
    (folder / "broken.yaml").write_text(definition("broken").replace("online, den", "onlin, den"), "utf-8")
    (folder / "own.yaml").write_text(definition("own"), "utf-8")
    assert kpi.score("d.csv").system == "own"
    checked = ran("check", "--data", "d.csv")
    assert "onlin" in checked.stderr
    with pytest.raises(kpi.DefinitionError, match="onlin"):
        kpi.load("broken")


# ---- CHECKS OF DATA ---- #


def test_data_are_checked_against_the_fitting_definition_of_a_folder(folder):
    (folder / "some").mkdir()
    (folder / "some" / "own.yaml").write_text(definition("own"), "utf-8")
    (folder / "some" / "other.yaml").write_text(definition("other", first="别的", second="再一个"), "utf-8")
    (folder / "d.csv").write_text("期别,县,件数甲,件数乙\n2023,东湖县,10,约6\n", "utf-8")
    from_python = kpi.check("some", data="d.csv")
    assert [(item.code, item.place.row) for item in from_python] == [("K604", 2)]
    done = ran("check", "some", "--data", "d.csv", "--output-format", "concise")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[:-1] == [str(item) for item in from_python]


def test_several_definitions_that_fit_are_not_guessed_between(folder):
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(definition(name), "utf-8")
    result = kpi.check(["one.yaml", "two.yaml"], data="d.csv")
    assert [item.code for item in result] == ["K206"]
    assert kpi.check(["one.yaml", "two.yaml"], data="d.csv", system="two.yaml") == []


def test_a_definition_with_errors_comes_before_its_data(folder):
    (folder / "own.yaml").write_text(definition("own").replace("online, den", "onlin, den"), "utf-8")
    assert {item.code for item in kpi.check("own.yaml", data="nowhere.csv")} == {"K203"}


def test_a_definition_with_errors_beside_the_data_is_reported_where_none_fits(folder):
    (folder / "own.yaml").write_text(definition("own").replace("online, den", "onlin, den"), "utf-8")
    (folder / "strange.csv").write_text("期别,县,件数甲,件数乙\n2023,东湖县,10,6\n", "utf-8")
    done = ran("score", "strange.csv", "--output-format", "concise")
    assert done.exit_code == 2
    assert "K206" in done.stderr
    assert "own.yaml" in done.stderr
    assert "K203" in done.stderr


def test_a_definition_with_errors_is_never_replaced_in_silence_by_one_of_the_program(folder):
    (folder / "own.yaml").write_text(definition("own").replace("online, den", "onlin, den"), "utf-8")
    reports = ROOT / "sample_data/tongxiang-2022/reports.csv"
    card = kpi.score(reports)
    assert card.system == "tongxiang-2022"
    noted = [item for item in card.findings_list if item.code == "K206"]
    assert [(item.severity.value, item.place.file) for item in noted] == [("warning", "own.yaml")]
    (folder / "own.yaml").unlink()
    assert not [item for item in kpi.score(reports).findings_list if item.code == "K206"]


def test_check_takes_a_period_as_score_does(folder):
    (folder / "own.yaml").write_text(definition("own") + "checks: {part: {expr: online <= all}}\n", "utf-8")
    (folder / "d.csv").write_text("期别,县,件数甲,件数乙\n2021,东湖县,3,4\n2023,东湖县,10,6\n", "utf-8")
    for period, expected in ((None, ["2021"]), ("2021", ["2021"]), ("2023", [])):
        result = kpi.check("own.yaml", data="d.csv", period=period)
        assert [item.place.period for item in result] == expected
        assert tuple(result) == kpi.score("d.csv", system="own.yaml", period=period).findings_list
        arguments = () if period is None else ("--period", period)
        done = ran("check", "own.yaml", "--data", "d.csv", *arguments, "--output-format", "concise", "-q")
        assert done.stderr.splitlines() == [str(item) for item in result]
    assert [item.code for item in kpi.check("own.yaml", data="d.csv", period="2018")] == ["K551"]
