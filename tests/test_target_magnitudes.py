"""Targets of units in another unit of measure than their figures are reported, in whatever form they are given."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

UNITS = ["甲县", "乙县", "丙县", "丁县", "戊县"]
FIGURES = [44.0, 61.0, 38.5, 102.0, 75.0]
SYSTEM = """\
system: targets
period: year
entities: {{title: 县}}
measures: {{g: {{title: 产值, unit: 亿元}}, n: {{title: 企业数, unit: 家}}}}
indicators: {{x: {{kind: level, of: g, target: {{at_least: {target}}}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
{more}
"""


def found(targets, figures=FIGURES, *, target="{column: 目标}", years=(2024,), folder=None, more="", **options):
    of_units = dict(zip(UNITS, targets, strict=False))
    rows = [
        (unit, year, figure) if folder else (unit, year, figure, of_units.get(unit))
        for year in years for unit, figure in zip(UNITS, figures, strict=False)
    ]  # fmt: skip
    schema = ["县", "年份", "g", *([] if folder else ["目标"])]
    text = SYSTEM.format(target=target, more=more)
    source = text
    if folder:
        (folder / "t.csv").write_text(
            "entity,indicator,target\n" + "".join(f"{unit},x,{goal}\n" for unit, goal in of_units.items())
        )
        source = folder / "s.yaml"
        source.write_text(text)
    card = kpi.score(pl.DataFrame(rows, schema=schema, orient="row"), system=source, **options)
    return [(item.place.entity, str(item.message)) for item in card.findings_list if item.code == "K687"]


@pytest.mark.parametrize("factor", [10_000, 1000, 0.01, 0.0001])
def test_all_targets_in_another_unit(factor):
    ((entity, message),) = found([figure * factor for figure in FIGURES])
    assert entity is None
    assert message.startswith("the targets of 产值 are far from all figures in 2024: ")
    assert message.endswith("and 2 more figures")


@pytest.mark.parametrize("factor", [1, 0.5, 12, 100, 1 / 30])
def test_targets_near_and_ahead(factor):
    assert found([figure * factor for figure in FIGURES]) == []


def test_the_target_of_one_unit():
    ((entity, message),) = found([450_000.0, 60.0, 40.0, 100.0, 80.0], years=(2023, 2024))
    assert entity == "甲县"
    assert message == "the target of 产值 is far from the figure in 2023, 2024: 甲县: 44 亿元 with a target of 450,000"
    # Targets that differ from unit to unit say nothing.
    assert found([450_000.0, 0.6, 40.0, 1000.0, 80.0]) == []
    assert found([0.0, 60.0, 40.0, 100.0, 80.0]) == []
    assert found([450_000.0, 600_000.0, 380_000.0], FIGURES[:3]) == []


def test_a_target_that_the_definition_states():
    assert found([1] * 5, target="0.01") == []


def test_targets_of_a_file(tmp_path):
    assert len(found([figure * 10_000 for figure in FIGURES], target="{file: t.csv}", folder=tmp_path)) == 1
    assert found(FIGURES, target="{file: t.csv}", folder=tmp_path) == []


def test_disclosure_shows_no_figure():
    ((_, message),) = found([figure * 10_000 for figure in FIGURES], more="disclosure: {threshold: 3, of: [n]}")
    assert message == "the targets of 产值 are far from all figures in 2024: 丁县, 丙县, 乙县, and 2 more figures"
