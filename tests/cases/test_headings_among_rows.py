"""Tables below each other: a heading or a line of a period among the rows decides what follows it.

Class of wrong answer: figures read under the columns, units or period of the table above them.
"""

from __future__ import annotations

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.errors import DataError
from kpi.intake.files import chunks, pieces
from kpi.session import score

SYSTEM = """
system: county
period: year
entities: {title: 地区}
measures:
  gdp: {title: GDP, unit: 亿元}
  people: {title: 人口, unit: 万人}
  rate: {title: 完成率, unit: '%'}
indicators: {level: {kind: level, of: gdp}}
"""
HEAD = "地区,GDP（亿元）,人口（万人）"


def figures(file, definition=SYSTEM):
    card = score(file, system=kpi.load(definition), partly=True)
    rows = card.measures.filter(pl.col("value").is_not_null()).select("entity", "period", "measure", "value").rows()
    return {(who, when, what): value for who, when, what, value in rows}


def text_file(folder, rows):
    (folder / "2023.csv").write_text("\n".join([*rows, ""]))
    return folder / "2023.csv"


def refused(file, definition=SYSTEM):
    with pytest.raises(DataError) as caught:
        figures(file, definition)
    (finding,) = caught.value.diagnostics
    return finding


OTHERS = ["地区,完成率（%）,办件量", "地区,人口（万人）,GDP（亿元）", "地区,GDP（万元）,人口（万人）",
          "地区,GDP同比（%）,人口（万人）", "地区,2022,2023", "区县,完成率（%）,办件量"]  # fmt: skip


@pytest.mark.parametrize("second", OTHERS)
@pytest.mark.parametrize("line", [[], ["表二 城乡,,"], [",,"]])
@pytest.mark.parametrize("roster", [False, True])
def test_another_heading_refuses_the_table(tmp_path, second, line, roster):
    rows = [HEAD, "甲县,1,10", "乙县,2,10", *line, second, "丙县,90,5"]
    definition = SYSTEM
    if roster:
        (tmp_path / "roster.csv").write_text("entity\n甲县\n乙县\n丙县\n")
        definition = SYSTEM.replace("{title: 地区}", f"{{title: 地区, roster: '{tmp_path}/roster.csv'}}")
    finding = refused(text_file(tmp_path, rows), definition)
    assert (finding.code, finding.place.row) == ("K563", 4 + len(line))


def test_another_heading_in_a_workbook_and_a_frame(tmp_path):
    rows = [HEAD.split(","), ["甲县", 1, 10], [], ["地区", "完成率（%）", "人口（万人）"], ["丙县", 90, 5]]
    with xlsxwriter.Workbook(tmp_path / "2023.xlsx") as book:
        page = book.add_worksheet("2023")
        for at, row in enumerate(rows):
            page.write_row(at, 0, row)
    assert (refused(tmp_path / "2023.xlsx").code, refused(tmp_path / "2023.xlsx").place.row) == ("K563", 4)
    cells = {head: [str(row[at]) for row in rows[1:] if row] for at, head in enumerate(rows[0])}
    assert refused(pl.DataFrame({**cells, "年份": ["2023"] * 3})).code == "K563"


@pytest.mark.parametrize(
    "rows",
    [
        ["地区,2021年,2022年", "甲县,1,10", "地区,2022年,2023年", "乙县,90,5"],
        ["地区,年份,指标,数值", "甲县,2022,GDP,10", "地区,指标,年份,数值", "乙县,2022,GDP,5"],
    ],
)
def test_another_heading_in_other_shapes(tmp_path, rows):
    finding = refused(text_file(tmp_path, ["指标：GDP", *rows] if "年份" not in rows[0] else rows))
    assert finding.code == "K563"


@pytest.mark.parametrize("second", ["地区,完成率（%）,人口（万人）", "地区, GDP(亿元),人口（万人）"])
def test_headings_of_a_large_file(tmp_path, monkeypatch, second):
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    head, second = (f"{text},年份" for text in (HEAD, second))
    rows = [f"县{at},{at},{at},2023" for at in range(1, 200)]
    file = text_file(tmp_path, [head, *rows, second, "丙县,90,5,2023"])
    if "完成率" in second:
        assert (refused(file).code, refused(file).place.row) == ("K563", 201)
    else:
        assert figures(file)["丙县", "2023", "gdp"] == 90.0


def test_a_heading_that_is_repeated_as_it_is_stays_a_note(tmp_path):
    file = text_file(tmp_path, [HEAD, "甲县,1,10", "地区, GDP(亿元),人口（万人）", "丙县,90,5"])
    card = score(file, system=kpi.load(SYSTEM))
    assert [item.code for item in card.findings_list if item.code in ("K563", "K615")] == ["K615"]


def test_a_heading_of_two_rows_may_be_repeated(tmp_path):
    rows = ["年份,地区,经济,民生", ",,GDP（亿元）,人口（万人）", "2023,甲县,1,10", "年份,地区,经济,民生"]
    some = figures(text_file(tmp_path, [*rows, "2023,丙县,90,5"]))
    assert some["丙县", "2023", "gdp"] == 90.0


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("lines", [("2022年", "2023年"), ("期别：2022年", "期别：2023年"), ("2022", "2023")])
@pytest.mark.parametrize("above", [True, False])
def test_a_line_of_a_period_holds_for_what_follows(tmp_path, again, lines, above):
    first, second = (f"{line},," for line in lines)
    if not above and ("：" in first or first[:4] == first[:-2]):
        pytest.skip("a line with a label or a bare number counts where one stands above the table")
    start = [first, HEAD] if above else [HEAD, first]
    rows = [*start, "甲县,1,10", "乙县,2,10", second, *([HEAD] if again else []), "甲县,3,11", "乙县,4,12"]
    some = figures(text_file(tmp_path, rows))
    assert {key[:2]: value for key, value in some.items() if key[2] == "gdp"} == {
        ("甲县", "2022"): 1.0, ("乙县", "2022"): 2.0, ("甲县", "2023"): 3.0, ("乙县", "2023"): 4.0,
    }  # fmt: skip


def test_a_line_of_a_period_beside_blank_numbers(tmp_path):
    rows = [f"序号,{HEAD}", ",2022年,,", "1,甲县,1,10", ",2023年,,", "1,甲县,3,10"]
    some = figures(text_file(tmp_path, rows))
    assert (some["甲县", "2022", "gdp"], some["甲县", "2023", "gdp"]) == (1.0, 3.0)


def test_a_title_that_names_the_period_of_its_block(tmp_path):
    rows = ["各县主要指标（2022年）,,", HEAD, "甲县,1,10", "各县主要指标（2023年）,,", HEAD, "甲县,3,11"]
    some = figures(text_file(tmp_path, rows))
    assert (some["甲县", "2022", "gdp"], some["甲县", "2023", "gdp"]) == (1.0, 3.0)


def test_a_period_without_figures_is_no_line(tmp_path):
    rows = [",甲县,乙县", "2021年,1,2", "2022年,,", "2023年,3,4"]
    some = figures(text_file(tmp_path, ["指标：GDP,,", *rows]))
    assert some["甲县", "2023", "gdp"] == 3.0
    assert ("甲县", "2022", "gdp") not in some
