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
    assert [str(item) for item in done.findings if item.severity is Severity.ERROR] == []
    return done, [str(item.message) for item in done.findings]


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
    assert [item.code for item in card.findings_list if item.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("State,State FIPS Code,population\nAlabama,01,100\nAlaska,02,200\n", ["population"]),
        ("name,zip,id,population,area code\nA,1001,5,100,12\nB,2002,6,200,13\n", ["population"]),
        ("企业,邮政编码,电话,序号,年份,产值(万元)\n甲,310000,0571,1,2023,10\n乙,310001,0572,2,2023,20\n", ["产值"]),
        ("FIPS,population\n01001,100\n01003,200\n", ["population"]),
    ],
)  # fmt: skip
def test_codes_are_no_figures(text, names, tmp_path):
    done, _ = drafted(tmp_path, text)
    assert [item.title for item in done.draft.measures] == names
    assert done.scored == 2


@pytest.mark.parametrize(
    "line", ["制表：统计局", "填表人：", "Source:", "Last Updated: 2024", "Data from database: X", "用户类别", "审核："]
)
def test_lines_below_or_without_figures_are_no_measures(line, tmp_path):
    done, _ = drafted(tmp_path, f"指标,2021年,2022年\n用电量,1,2\n{line},,\n用水量,3,4\n{line},,\n")
    assert [item.title for item in done.draft.measures] == ["用电量", "用水量"]


@pytest.mark.parametrize(
    ("above", "title"),
    [
        ("2023年各县用电量\n单位：万千瓦时\n", "用电量"),
        ("2023年1-3月全市用电量情况表\n单位：万千瓦时\n", "用电量"),
        ("2023年\n用电量\n单位：万千瓦时\n", "用电量"),
    ],
)
def test_the_line_of_the_unit_names_no_measure(above, title, tmp_path):
    done, _ = drafted(tmp_path, f"{above}县区,1月,2月,3月,合计\n东湖县,10,11,12,33\n西湖县,20,21,22,63\n")
    (measure,) = done.draft.measures
    assert (measure.title, measure.keys["unit"], str(done.draft.period)) == (title, "万千瓦时", "month")
