"""Frameworks of COINr and the COIN Tool: the same tree, weights and directions, and the index computed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import kpi
from kpi.errors import DataError
from kpi.intake.annexes.reading import draft_of
from kpi.report.definition_text import definition_text

META = """\
Level,iCode,iName,Direction,Weight,Unit,Target,Denominator,Parent,Type
1,Roads,Paved roads,1,1,km,,Area,Infra,Indicator
1,Net,Internet users,1,3,%,90,,Infra,Indicator
1,Dust,Fine dust,-1,1,µg per m3,,,Env,Indicator
2,Infra,Infrastructure,1,2,,,,Index,Aggregate
2,Env,Environment,1,1,,,,Index,Aggregate
3,Index,Small index,1,1,,,,,Aggregate
,Area,Area,,,km2,,,,Denominator
,Size,Size,,,,,,,Group
"""
DATA = """\
uName,uCode,Time,Size,Roads,Net,Dust,Area
Aland,A,2023,L,100,80,10,10
Beland,B,2023,S,100,60,20,20
Celand,C,2023,S,50,40,30,20
"""
# Min-max in 0 to 100. Roads for each km2: 10, 5, 2.5, so 100, 33.3, 0; Net 100, 50, 0; Dust 100, 50, 0.
# Infra = (Roads + 3 Net)/4, Index = (2 Infra + Env)/3.
INDEX = {"Aland": 100.0, "Beland": (2 * (100 / 3 + 150) / 4 + 50) / 3, "Celand": 0.0}


def written(folder: Path, **files: str) -> list[Path]:
    paths = []
    for name, text in files.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text(text, "utf-8")
    return paths


@pytest.mark.parametrize("order", [1, -1])
def test_a_framework_and_its_data_make_the_index(tmp_path, order):
    paths = written(tmp_path, small_iMeta=META, small_iData=DATA)[::order]
    draft = draft_of(paths)
    system = kpi.load(definition_text(draft))
    assert (system.system, system.title) == ("small", "Small index")
    assert system.indicators["Dust"].better == "lower"
    assert {name: item.parts for name, item in system.pillars.items()} == {
        "Infra": {"Roads": 1, "Net": 3},
        "Env": {"Dust": 1},
    }
    totals = kpi.score(tmp_path / "small_iData.csv", system=system).totals
    assert dict(totals.select("entity", "raw_score").iter_rows()) == pytest.approx(INDEX)


@pytest.mark.parametrize(
    ("before", "after", "code", "what"),
    [
        ("Infra,Indicator\n1,Net", "Infrra,Indicator\n1,Net", "K728", "Infrra"),
        ("1,Net,Internet", "1,Roads,Internet", "K728", "stands twice"),
        ("km,,Area", "km,,Aera", "K728", "Aera"),
        ("Direction,", "Way,", "K728", "direction"),
        ("1,Dust", "1,Smog", "K729", "Smog"),
    ],
)
def test_a_framework_that_contradicts_itself_or_the_data_is_refused(before, after, code, what, tmp_path):
    with pytest.raises(DataError) as raised:
        draft_of(written(tmp_path, iMeta=META.replace(before, after), iData=DATA))
    assert {item.code for item in raised.value.diagnostics} == {code}
    assert any(what in item.message for item in raised.value.diagnostics)


def test_columns_that_the_framework_does_not_name_are_reported(tmp_path):
    draft = draft_of(written(tmp_path, iMeta=META, iData=DATA.replace("Area\n", "Aera\n")))
    assert ["`Aera`" in item.message for item in draft.findings if item.code == "K724"] == [True]


def coin_tool(path: Path) -> Path:
    """Write a workbook in the layout of the COIN Tool: codes in row 16, units from row 17 on, in B and C."""
    import openpyxl

    book = openpyxl.Workbook()
    database = book.active
    assert database is not None
    database.title = "Database"
    columns = {
        7: ("Weight", 1, 3, 1), 8: ("Direction", 1, 1, -1), 9: ("Goalpost low", 0, 0, 0),
        10: ("Goalpost high", 200, 100, 50),
        11: ("Index", "Index", "Index", "Index"), 12: ("Sub-index", "si.01", "si.01", "si.01"),
        13: ("Pillar", "p.01", "p.01", "p.02"), 14: ("Sub-pillar", "sp.01", "sp.01", "sp.01"),
        15: ("Indicator name", "Paved roads", "Internet users", "Fine dust"),
        16: ("Indicator code", "ind.01", "ind.02", "ind.03"),
        17: ("", 100, 80, 10), 18: ("", 100, 60, 20), 19: ("", 50, 40, "n/a"),
    }  # fmt: skip
    for row, cells in columns.items():
        for at, cell in enumerate(cells, 4):
            database.cell(row, at, None if cell == "" else cell)
    database["B2"] = "Data of the framework"
    for row, (name, code) in enumerate([("Aland", "A"), ("Beland", "B"), ("Celand", "C")], 17):
        database.cell(row, 2, name)
        database.cell(row, 3, code)
    framework = book.create_sheet("Framework")
    framework["C4"], framework["E4"], framework["H4"] = "Code", "Weight", "Dimension/indicator"
    for row, (code, weight, name) in enumerate(
        [("Index", 1, "Small index"), ("si.01", 1, "--"), ("p.01", 2, "Infrastructure"), ("p.02", 1, "Environment")], 5
    ):
        framework.cell(row, 3, code)
        framework.cell(row, 5, weight)
        framework.cell(row, 8, name)
    book.save(path)
    return path


def test_a_workbook_of_the_coin_tool_makes_definition_and_data(tmp_path):
    draft = draft_of([coin_tool(tmp_path / "tool.xlsx")])
    text = definition_text(draft)
    system = kpi.load(text)
    assert system.title == "Small index"
    assert {item.title: item.weight for item in system.pillars.values()} == {"Infrastructure": 2, "Environment": 1}
    assert yaml.safe_load(text)["indicators"]["ind_03"]["better"] == "lower"
    ((name, data),) = draft.files.items()
    (tmp_path / name).write_text(data, "utf-8")
    totals = kpi.score(tmp_path / name, system=system).totals
    # Goalposts: roads 100/200, users 80/100, dust 1 - 10/50; the unit without dust has infrastructure alone.
    expected = {
        "Aland": (2 * (50 + 3 * 80) / 4 + 80) / 3, "Beland": (2 * (50 + 3 * 60) / 4 + 60) / 3,
        "Celand": (25 + 3 * 40) / 4,
    }  # fmt: skip
    assert dict(totals.select("entity", "raw_score").iter_rows()) == pytest.approx(expected)


def test_another_layout_of_the_coin_tool_is_refused(tmp_path):
    import openpyxl

    path = coin_tool(tmp_path / "tool.xlsx")
    book = openpyxl.load_workbook(path)
    for row in range(11, 15):
        for column in range(5, 8):
            book["Database"].cell(row, column).value = None
    book.save(path)
    with pytest.raises(DataError, match="no row of codes"):
        draft_of([path])
