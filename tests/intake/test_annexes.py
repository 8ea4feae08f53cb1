"""Annexes of every layout and format: the definition loads, has the marks of the table, and scores figures."""

from __future__ import annotations

import math

import pytest
from annex_tables import TABLES, WRITERS, Table

import kpi
from kpi.intake.annexes.reading import draft_of
from kpi.language.loading.loader import examine_text
from kpi.report.definition_text import definition_text


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.name)
def test_an_annex_has_its_marks_in_the_definition(table: Table, form: str, tmp_path):
    path = WRITERS[form](table, tmp_path / f"指标体系.{form}")
    draft = draft_of([path])
    loaded = examine_text(definition_text(draft))
    assert loaded.system is not None, [str(one.message) for one in loaded.findings]
    assert not loaded.findings
    system = loaded.system
    titles = {name: one.title or name for name, one in system.pillars.items()}
    marks = {titles[name]: weight for one in system.pillars.values() for name, weight in one.parts.items() if name in titles}
    marks |= {titles[name]: one.weight for name, one in system.pillars.items() if one.weight is not None}
    assert table.pillars.items() <= marks.items() or len(system.pillars) == 1
    parts = {
        system.indicators[name].title or name: weight
        for one in system.pillars.values() for name, weight in one.parts.items() if name in system.indicators
    }  # fmt: skip
    assert parts == table.rows
    assert system.composite.full == table.total
    assert {one.title or name for name, one in system.adjustments.items()} == table.adjustments
    assert {one.code for one in draft.findings} == table.findings


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.name)
def test_the_definition_scores_figures(table: Table, tmp_path):
    path = WRITERS["csv"](table, tmp_path / "annex.csv")
    system = kpi.load(definition_text(draft_of([path])))
    from kpi.intake.synthetic.files import Sample, write

    write(Sample(system, entities=5, periods=1), str(tmp_path / "sample.csv"))
    card = kpi.score(tmp_path / "sample.csv", system=system)
    assert card.totals.height == 5
    vetoed = any(one.kind == "veto" for one in system.adjustments.values())
    assert all(vetoed if score is None else math.isfinite(score) for score in card.totals["score"])
