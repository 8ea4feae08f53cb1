"""What the labels, titles and marks around figures say, and blocks below each other.

Class of wrong answer: a unit, year or name that stands beside the figures and is passed over without a word.
"""

from __future__ import annotations

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.drafting.survey import survey
from kpi.errors import DataError, Severity
from kpi.intake.files import chunks, pieces
from kpi.intake.files.reader import read
from kpi.intake.understanding import understood
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: s
period: PERIOD
entities: {title: 地区}
DATASETS
measures: {gdp: {title: GDP, unit: UNIT}, people: {title: 总人口, unit: 万人}}
indicators: {i: {kind: level, of: gdp, target: {at_least: 1}}}
"""


def system(period: str = "year", unit: str = "亿元", datasets: str = ""):
    text = SYSTEM.replace("PERIOD", period).replace("UNIT", unit).replace("DATASETS", datasets)
    loaded = examine_text(text, "s.yaml")
    assert loaded.system is not None, loaded.findings
    return loaded.system


def file(folder, rows, suffix=".csv", frozen=None, name="d"):
    path = folder / f"{name}{suffix}"
    if suffix == ".csv":
        path.write_text("\n".join(",".join("" if item is None else str(item) for item in row) for row in rows) + "\n")
        return path
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        for at, row in enumerate(rows):
            page.write_row(at, 0, row)
        if frozen:
            page.freeze_panes(frozen, 1)
    return path


def figures(card) -> dict[tuple[str, str], float | str]:
    rows = card.indicators.select("entity", "period", "value", "status").rows()
    return {(who, when): value if status == "ok" else status for who, when, value, status in rows}


def codes(card) -> list[str]:
    return [item.code for item in card.findings_list]


# ---- UNITS ---- #


@pytest.mark.parametrize("suffix", [".sav", ".dta"])
@pytest.mark.parametrize(
    ("label", "factor"),
    [
        ("GDP（亿元）", 1e4),
        ("全部产值【亿元】", 1e4),
        ("产值，单位：亿元", 1e4),
        ("GDP/亿元", 1e4),
        ("days/week", 1),
        ("GDP", 1),
    ],
)
def test_the_unit_of_a_label_counts_whatever_name_is_known(tmp_path, suffix, label, factor):
    pyreadstat = pytest.importorskip("pyreadstat")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"region": ["甲县", "乙县"], "year": [2023.0] * 2, "gdp": [1.5, 2.5]})
    path = tmp_path / f"a{suffix}"
    write = pyreadstat.write_sav if suffix == ".sav" else pyreadstat.write_dta
    write(frame, str(path), column_labels=["a", "b", label])
    card = kpi.score(path, system=system(unit="万元"))
    assert figures(card) == {("甲县", "2023"): 1.5 * factor, ("乙县", "2023"): 2.5 * factor}
    assert ("K518" in codes(card)) == (factor != 1)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("large", [False, True])
def test_the_unit_in_the_heading_of_values_is_that_of_all(tmp_path, monkeypatch, suffix, large):
    if large:
        monkeypatch.setattr(chunks, "LARGE", 100)
        monkeypatch.setattr(chunks, "LOOK", 200)
        monkeypatch.setattr(chunks, "SEARCHED", 4)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    rows = [
        ["期别", "地区", "指标", "数值（亿元）"],
        *([2023, f"{item}县", "GDP", 1.5] for item in "甲乙丙丁戊己庚辛壬癸"),
    ]
    card = kpi.score(file(tmp_path, rows, suffix), system=system(unit="万元"))
    assert set(figures(card).values()) == {15000}


def test_a_unit_beside_a_figure_goes_before_that_of_the_heading(tmp_path):
    rows = [
        ["期别", "地区", "指标", "数值（亿元）", "计量单位"],
        [2023, "甲县", "GDP", 1.5, "万元"],
        [2023, "乙县", "GDP", 1, ""],
    ]
    card = kpi.score(file(tmp_path, rows), system=system(unit="万元"))
    assert figures(card) == {("甲县", "2023"): 1.5, ("乙县", "2023"): 10000}


# ---- HEADERS ---- #


@pytest.mark.parametrize("frozen", [None, 4])
def test_frozen_rows_of_keys_are_no_levels_of_the_header(tmp_path, frozen):
    rows = [["指标", "GDP"], ["地区", "全国"], ["频度", "月"], ["单位", "万元"], ["2019-03", 20000], ["2019-04", 30000]]
    card = kpi.score(file(tmp_path, rows, ".xlsx", frozen), system=system("month"))
    assert figures(card) == {("全国", "2019-03"): 2, ("全国", "2019-04"): 3}


@pytest.mark.parametrize(("title", "used"), [("总量", 1.5), ("增加值", 2)])
def test_a_header_of_two_rows_is_known_by_its_lower_name(tmp_path, title, used):
    path = tmp_path / "d.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        page.merge_range(0, 0, 1, 0, "期别")
        page.merge_range(0, 1, 1, 1, "地区")
        page.merge_range(0, 2, 0, 3, "产出（亿元）")
        page.write_row(1, 2, ["总量", "增加值"])
        page.write_row(2, 0, [2023, "甲县", 1.5, 2])
    given = examine_text(SYSTEM.replace("PERIOD", "year").replace("UNIT", "万元").replace("DATASETS", "")
                         .replace("title: GDP", f"title: {title}"), "s.yaml").system  # fmt: skip
    assert figures(kpi.score(path, system=given)) == {("甲县", "2023"): used * 1e4}


@pytest.mark.parametrize("head", ["Series", "Series Name", "Variable"])
def test_english_headings_of_measures(tmp_path, head):
    rows = [[head, "region", "2022", "2023"], ["GDP", "A", 1, 2], ["GDP", "B", 3, 4]]
    card = kpi.score(file(tmp_path, rows), system=system())
    assert figures(card)["B", "2023"] == 4


# ---- PERIODS ---- #


@pytest.mark.parametrize(("unit", "february"), [("'1'", "missing"), ("亿元", "incomplete"), ("'%'", 9)])
def test_a_figure_for_two_months_is_none_of_the_second(tmp_path, unit, february):
    rows = [["期别", "地区", "GDP"], ["2023年1-2月", "甲县", 9], ["2023年2月", "乙县", 5], ["2023年3月", "甲县", 8]]
    card = kpi.score(file(tmp_path, rows), system=system("month", unit))
    assert figures(card)["甲县", "2023-03"] == 8
    assert figures(card).get(("甲县", "2023-02"), "missing") in (february, "refused")
    assert ("K609" in codes(card)) == (unit == "'1'")
    level = examine_text(
        SYSTEM.replace("PERIOD", "month").replace("DATASETS", "").replace("UNIT", f"{unit}, over_time: last")
    )
    assert figures(kpi.score(tmp_path / "d.csv", system=level.system))["甲县", "2023-02"] == 9


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize(
    "rows",
    [
        [["2023年各县GDP（万元）"], ["月份", "东湖县", "西山县"], ["1月", 10000, 2], ["2月", 30000, 4]],
        [["2023年"], ["月份", "地区", "GDP（万元）"], [1, "东湖县", 10000], [2, "东湖县", 30000]],
        [
            ["2023年"],
            ["月份", "地区", "指标", "数值", "计量单位"],
            ["1月", "东湖县", "GDP", 1, ""],
            ["2月", "东湖县", "GDP", 3, ""],
        ],
    ],
)
def test_months_down_take_the_year_of_the_title(tmp_path, suffix, rows):
    card = kpi.score(file(tmp_path, rows, suffix), system=system("month"))
    assert (figures(card)["东湖县", "2023-01"], figures(card)["东湖县", "2023-02"]) == (1, 3)
    assert any(item.code == "K565" and "2023" in item.message for item in card.findings_list)


@pytest.mark.parametrize("title", ["2022年与2023年", "各县"])
def test_months_without_one_year_above_them_are_refused(tmp_path, title):
    rows = [[title], ["月份", "地区", "GDP"], ["1月", "甲县", 1], ["2月", "甲县", 3]]
    with pytest.raises(DataError, match="K606"):
        kpi.score(file(tmp_path, rows), system=system("month"))


def test_a_year_in_the_title_does_not_go_before_one_in_a_column(tmp_path):
    rows = [["2023年"], ["年份", "月份", "地区", "GDP"], [2022, 1, "甲县", 1], [2022, 2, "甲县", 3]]
    assert ("甲县", "2022-01") in figures(kpi.score(file(tmp_path, rows), system=system("month")))


# ---- ROWS ---- #


@pytest.mark.parametrize("mark", ["#", "＃"])
def test_a_part_of_the_unit_above_is_reported(tmp_path, mark):
    rows = [["期别", "地区", "GDP"], [2023, "南京市", 9], [2023, f"{mark}江宁区", 4], [2023, "苏州市", 8]]
    card = kpi.score(file(tmp_path, rows), system=system())
    (finding,) = [item for item in card.findings_list if item.code == "K647"]
    assert finding.severity is Severity.WARNING
    assert "江宁区" in finding.message
    given = system()
    given = given.model_copy(update={"entities": given.entities.model_copy(update={"leave_out": ("#江宁区",)})})
    assert {who for who, _ in figures(kpi.score(tmp_path / "d.csv", system=given))} == {"南京市", "苏州市"}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("again", [True, False])
def test_each_block_is_of_the_unit_above_it(tmp_path, suffix, again):
    head, body = ["指标", "2022年", "2023年"], [["GDP（亿元）", 1, 2], ["总人口（万人）", 3, 4]]
    rows = [
        ["数据库：年度数据"],
        ["地区：北京"],
        head,
        *body,
        ["地区：上海"],
        *([head] if again else []),
        ["GDP（亿元）", 5, 6],
    ]
    card = kpi.score(file(tmp_path, rows, suffix), system=system())
    assert figures(card) == {("北京", "2022"): 1, ("北京", "2023"): 2, ("上海", "2022"): 5, ("上海", "2023"): 6}
    assert any(item.code == "K565" and "上海" in item.message for item in card.findings_list)


@pytest.mark.parametrize(
    ("below", "row"),
    [
        ([["地区：上海"], ["指标", "2021年", "2022年"]], "row 5"),
        ([["单位：万元"], ["地区：上海"], ["指标", "2022年", "2023年"]], "row 5"),
    ],
)
def test_a_block_that_lies_otherwise_is_refused(tmp_path, below, row):
    rows = [["单位：亿元"], ["地区：北京"], ["指标", "2022年", "2023年"], ["GDP", 1, 2], *below, ["GDP", 5, 6]]
    with pytest.raises(DataError, match="K563") as caught:
        kpi.score(file(tmp_path, rows), system=system())
    assert row in str(caught.value)


def test_marks_of_british_statistics_come_with_advice(tmp_path):
    rows = [["期别", "地区", "GDP"], [2023, "甲县", 9], [2023, "乙县", "[x]"], [2023, "丙县", "[c]"]]
    card = kpi.score(file(tmp_path, rows), system=system())
    hints = [str(item.hint) for item in card.findings_list if item.code == "K604"]
    assert len(hints) == 2
    assert all("missing: ['[x]', '[c]'" in hint for hint in hints)
    given = system(datasets="datasets: {d: {form: panel, missing: ['[x]', '[c]']}}")
    assert figures(kpi.score(tmp_path / "d.csv", system=given))["乙县", "2023"] == "missing"


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("Contents", [["Sheet", "Title"], [1, "GDP"]]),
        ("Cover", [["GDP", "2023"], ["Tel", 12345]]),
        ("目录", [["序号", "名称"], [1, "GDP"]]),
        ("Sheet2", [["指标名称", "地区编码", "单位"], ["GDP", "000000", "亿元"]]),
    ],
)
def test_sheets_about_others_are_left_out_with_a_note(tmp_path, name, rows):
    with xlsxwriter.Workbook(tmp_path / "d.xlsx") as book:
        for sheet, some in {"1": [["期别", "地区", "GDP"], [2023, "甲县", 9]], name: rows}.items():
            page = book.add_worksheet(sheet)
            for at, row in enumerate(some):
                page.write_row(at, 0, row)
    card = kpi.score(tmp_path / "d.xlsx", system=system())
    assert figures(card) == {("甲县", "2023"): 9}
    assert [item.severity for item in card.findings_list if item.code == "K524"] == [Severity.INFO]


def test_a_frame_takes_no_year_from_elsewhere():
    frame = pl.DataFrame({"月份": ["1月"], "地区": ["甲县"], "GDP": [1.0]})
    with pytest.raises(DataError, match="K606"):
        kpi.score(frame, system=system("month"))


def test_the_draft_and_the_view_of_a_file_have_its_labels(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"county": [1.0, 2.0], "year": [2023.0] * 2, "gdp": [1.5, 2.5]})
    pyreadstat.write_sav(
        frame, str(tmp_path / "a.sav"), column_labels=["县", "年份", "GDP（亿元）"],
        variable_value_labels={"county": {1: "甲县", 2: "乙县"}},
    )  # fmt: skip
    (table,) = read(tmp_path / "a.sav")
    look = understood(system(unit="万元"), table)
    assert [(row[0], row[4]) for row in look.rows] == [("甲县", "亿元"), ("乙县", "亿元")]
    result = survey(table, 2023)
    assert result is not None
    assert [(item.title, item.unit) for item in result.figures] == [("GDP", "亿元")]
