"""Tables as statistical offices publish them: SDMX, codes of units, further dimensions, lines above and below.

Class of wrong answer: rows of figures that are counted as events; a code, a signature or a line 单位： that becomes a
figure; figures of the smaller part of a dimension.
"""

from __future__ import annotations

import pytest

import kpi
from kpi.drafting.trial import tried
from kpi.errors import Severity


def drafted(tmp_path, text):
    file = tmp_path / "data.csv"
    file.write_text(text, "utf-8")
    done = tried([file], 2024)
    assert [str(one) for one in done.findings if one.severity is Severity.ERROR] == []
    return done, [str(one.message) for one in done.findings]


ROWS = "{} DE,2023-01,3.0\n{} FR,2023-01,4.0\n{} DE,2023-02,3.5\n{} FR,2023-02,4.2\n"


@pytest.mark.parametrize(
    ("head", "row", "entity", "unit"),
    [
        ("DATAFLOW,freq,unit,geo", "X,M,PC,", "geo", "%"),
        ("DATAFLOW,LAST UPDATE,freq,unit,geo", "X,11/03/23 11:00:00,M,PC,", "geo", "%"),
        ("STRUCTURE,STRUCTURE_ID,FREQ,REF_AREA", "d,X:Y(1.0),M,", "REF_AREA", "1"),
        ("DATAFLOW,freq,unit,geo", "X,M,CLV10_MEUR,", "geo", "1"),
        ("DATAFLOW,FREQ,UNIT_MEASURE,country", "X,M,PC,", "country", "%"),
    ],
)
def test_sdmx_is_reported_figures(head, row, entity, unit, tmp_path):
    done, notes = drafted(tmp_path, f"{head},TIME_PERIOD,OBS_VALUE\n" + ROWS.replace("{} ", row))
    (measure,) = done.draft.measures
    assert (done.scored, str(done.draft.period), done.draft.entities) == (2, "month", entity)
    assert measure.keys["unit"] == unit
    assert any("no known units" in note for note in notes) == ("CLV10" in row)


def test_the_larger_part_of_a_dimension_is_meant(tmp_path):
    rows = [f"C{at},loans,PC_LW95,2020,{at},%" for at in range(10)]
    rows += [f"C{at},loans,PC_POP,2020,{at},%" for at in range(30)]
    done, notes = drafted(tmp_path, "Country,Indicator,Counterpart,Year,Value,Unit\n" + "\n".join(rows) + "\n")
    assert done.draft.measures[0].keys["where"] == "Counterpart = 'PC_POP'"
    assert done.scored == 30
    assert any("30 of 40 rows; its texts are PC_POP, PC_LW95" in note for note in notes)


def test_a_row_that_is_not_meant_voids_no_figure(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("地区,sex,期别,指标,数值,计量单位\n甲县,T,2022,m,1,%\n甲县,F,2022,m,9,XX\n", "utf-8")
    definition = tmp_path / "d.yaml"
    definition.write_text(
        "system: d\nperiod: year\nentities: {title: 县}\nmeasures:\n  m: {unit: '%', where: \"sex = 'T'\"}\n"
        "indicators: {a: {kind: level, of: m, score: {kind: rank}}}\n"
        "pillars: {p: {weight: 100, parts: {a: 100}, ours: true}}\n", "utf-8",
    )  # fmt: skip
    card = kpi.score([file], system=str(definition))
    assert card.measures["value"].to_list() == [1]
    assert [one.code for one in card.findings_list if one.severity is Severity.ERROR] == []
