"""Forms that are filled in come back as the same figures.

Class of wrong answer: a blank cell that is zero; a figure of another unit, period or measure; a key that can be
overwritten; a cell that takes a text.
"""

from __future__ import annotations

import datetime as dt

import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

import kpi
from kpi.cli.main import main
from kpi.errors import DataError
from kpi.intake.entry_forms import entry_form
from kpi.session import period_of_form
from kpi.values.period_texts import parse
from kpi.values.periods import Grain

DEFINITION = """
system: form
title: 示例
period: quarter
entities: {title: 县(市、区), roster: roster.csv}
DATASETS
measures:
  cases: {title: 办件总量, unit: 件, decimals: 0}
  online: {title: 网上办件量, unit: 件}
  rate: {title: 满意率, unit: '%'}
  ready: {title: 是否建成, unit: 是/否, over_time: last}
MORE
indicators:
  online_rate: {kind: ratio, numerator: online, denominator: cases, target: {at_least: 80}, lead: 数据局}
  half: {kind: formula, expr: online_rate / 2, unit: '%', lead: 政务办}
  happy: {kind: level, of: rate, target: {at_least: 90}, responsible: [信访局, 数据局]}
pillars:
  all: {weight: 100, parts: {online_rate: 60, happy: 40}, ours: true}
checks:
  part: {expr: online <= cases, severity: error}
  range: {between: [0, 100], of: [rate]}
  positive: {between: [0, null], of: [cases, online]}
"""
ROSTER = "entity,code,cohort,order\n甲县,330101,,1\n乙县,330102,,2\n"
BEFORE = "期别,地区,指标,数值\n2023Q4,甲县,办件总量,100\n2023Q4,乙县,网上办件量,70\n2023Q4,甲县,满意率,88.5\n"
FIGURES = {
    ("甲县", "办件总量"): 120, ("乙县", "办件总量"): 80, ("甲县", "网上办件量"): 60.0, ("乙县", "网上办件量"): None,
    ("甲县", "满意率"): 0, ("乙县", "满意率"): 91.25, ("甲县", "是否建成"): "是", ("乙县", "是否建成"): None,
}  # fmt: skip
WIDE = "datasets: {panel: {form: panel}}"
NAMED = "datasets: {given: {form: reported, columns: {period: 报告期, value: 上报数, entity: 属地}}}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    (tmp_path / "roster.csv").write_text(ROSTER, "utf-8")
    (tmp_path / "before.csv").write_text(BEFORE, "utf-8")
    return tmp_path


def written(folder, datasets="", more=""):
    text = DEFINITION.replace("DATASETS", datasets).replace("MORE", more)
    (folder / "form.yaml").write_text(text, "utf-8")


def form(*args, code=0):
    done = CliRunner().invoke(main, ["form", "form.yaml", *args])
    assert done.exit_code == code, done.stderr
    return done


def headings(sheet):
    return [cell.value for cell in sheet[3]]


def fill(path, figures):
    """Fill in the open cells of a form by unit and figure, as a person would."""
    book = openpyxl.load_workbook(path)
    for sheet in book:
        heads = headings(sheet)
        if not {"指标", "Measure"}.intersection(heads):
            for row in sheet.iter_rows(min_row=4):
                for head, cell in zip(heads, row, strict=True):
                    if "（" in str(head):
                        unit = row[heads.index("县(市、区)") if "县(市、区)" in heads else 0].value
                        cell.value = figures.get((unit, head.partition("（")[0]))
            continue
        title = next(at for at, cell in enumerate(sheet[4]) if cell.value in {what for _, what in figures})
        for row in sheet.iter_rows(min_row=4):
            cell = next(item for item in row if not item.protection.locked)
            cell.value = figures.get((row[1].value, row[title].value))
    book.save(path)


def measures(*files):
    card = kpi.score(list(files), system="form.yaml")
    columns = ("period", "entity", "measure", "value", "status")
    return card.measures.filter(pl.col("period") == "2024Q1").select(columns).sort(columns[:3])


@pytest.fixture
def expected(folder):
    rows = [f"2024Q1,{who},{what},{'' if value is None else value}" for (who, what), value in FIGURES.items()]
    (folder / "plain.csv").write_text("\n".join(["期别,地区,指标,数值", *rows]), "utf-8")
    written(folder)
    return measures(folder / "plain.csv")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("datasets", ["", WIDE, NAMED], ids=["usual", "wide", "named"])
@pytest.mark.parametrize("by", ["nothing", "department", "unit"])
@pytest.mark.parametrize("before", [False, True], ids=["bare", "before"])
def test_what_is_filled_in_is_what_is_scored(folder, expected, language, datasets, by, before):  # noqa: PLR0917
    if before and datasets:
        text = (
            "属地,报告期,指标,上报数\n甲县,2023Q4,办件总量,100\n"
            if "上报数" in datasets
            else "地区,期别,办件总量\n甲县,2023Q4,100\n"
        )
        (folder / "before.csv").write_text(text, "utf-8")
    written(folder, datasets)
    data = ["--data", "before.csv"] if before else []
    form("-o", "filled.xlsx", "-p", "2024Q1", "--by", by, *data, "--lang", language)
    fill("filled.xlsx", FIGURES)
    assert_frame_equal(measures("filled.xlsx"), expected)
    done = CliRunner().invoke(main, ["score", "filled.xlsx", "-s", "form.yaml"])
    assert done.exit_code == 0, done.stderr


def test_a_folder_takes_a_file_for_each_department(folder, expected):
    form("-o", "forms", "-p", "2024Q1", "--by", "department", "--lang", "en")
    names = sorted(item.name for item in (folder / "forms").iterdir())
    assert names == ["Others.xlsx", "信访局.xlsx", "数据局.xlsx"]
    for item in (folder / "forms").iterdir():
        fill(item, FIGURES)
    assert_frame_equal(measures("forms"), expected)


def test_a_blank_form_has_no_figure_and_no_zero(folder):
    form("-o", "blank.xlsx", "-p", "2024Q1")
    card = kpi.score("blank.xlsx", system="form.yaml")
    assert card.measures["value"].null_count() == 8
    assert set(card.measures["status"]) == {"missing"}


@pytest.mark.parametrize("datasets", ["", WIDE], ids=["long", "wide"])
def test_only_figures_and_notes_can_be_written(folder, datasets):
    if datasets:
        (folder / "before.csv").write_text("地区,期别,办件总量\n甲县,2023Q4,100\n", "utf-8")
    written(folder, datasets)
    form("-o", "form.xlsx", "--data", "before.csv")
    sheet = openpyxl.load_workbook("form.xlsx").worksheets[0]
    assert sheet.protection.sheet
    heads = headings(sheet)
    for row in sheet.iter_rows(min_row=4):
        for head, cell in zip(heads, row, strict=True):
            is_open = head in ("Value", "数值", "Note", "说明") or "（" in str(head)
            assert cell.protection.locked is not is_open, head
            assert (cell.value is None) or not is_open
    before = next(at for at, head in enumerate(heads) if "2023Q4" in str(head))
    assert sheet.cell(4, before + 1).value == 100
    assert sheet.cell(4, before + 1).font.color.rgb == "FF7F7F7F"


def test_cells_take_numbers_in_their_range(folder):
    form("-o", "form.xlsx", "-p", "2024Q1", "--lang", "en")
    sheet = openpyxl.load_workbook("form.xlsx").worksheets[0]
    value = headings(sheet).index("Value") + 1
    column = openpyxl.utils.get_column_letter(value)
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    result = {}
    for row in range(4, sheet.max_row + 1):
        rule = rules[f"{column}{row}"]
        result[sheet.cell(row, headings(sheet).index("Measure") + 1).value] = (rule.type, rule.formula1, rule.formula2)
    assert result["办件总量"][:2] == ("whole", "0")
    assert result["网上办件量"][:2] == ("decimal", "0")
    assert result["满意率"] == ("decimal", "0", "100")
    assert result["是否建成"][0] == "list"


def test_a_condition_becomes_a_column_and_finer_units_are_left_out(folder, expected):
    more = """  women: {title: 失业率, unit: '%', where: "性别 = 'F' AND 口径 = '常住'"}
  some: {title: 其他率, unit: '%', where: 性别 IN ('F', 'M')}
  village: {title: 村覆盖率, unit: '%', per: 村}
"""
    text = more.replace("where: 性别 IN ('F', 'M')", "where: \"性别 IN ('F', 'M')\"")
    written(folder, more=text)
    done = form("-o", "form.xlsx", "-p", "2024Q1", code=1)
    assert done.stderr.count("K711") == 2
    fill("form.xlsx", {**FIGURES, ("甲县", "失业率"): 4.5})
    result = measures("form.xlsx").filter(pl.col("measure") == "women")
    assert result["value"].to_list() == [None, 4.5]


def test_without_units_there_is_no_form(folder):
    text = (folder / "form.yaml").read_text("utf-8").replace(", roster: roster.csv", "")
    (folder / "form.yaml").write_text(text, "utf-8")
    assert "K709" in form("-o", "form.xlsx", code=2).stderr
    assert not (folder / "form.xlsx").exists()
    form("-o", "form.xlsx", "--data", "before.csv")
    sheet = openpyxl.load_workbook("form.xlsx").worksheets[0]
    assert {row[1].value for row in sheet.iter_rows(min_row=4)} == {"甲县", "乙县"}
    assert {row[0].value for row in sheet.iter_rows(min_row=4)} == {"2024Q1"}


@pytest.mark.parametrize(
    "datasets",
    [
        "datasets: {d: {form: panel, columns: {entity: {from: file}}}}",
        "datasets: {d: {form: reported, shape: {columns: periods}}}",
    ],
)
def test_a_dataset_of_another_shape_takes_no_form(folder, datasets):
    written(folder, datasets)
    assert "K710" in form("-o", "form.xlsx", code=2).stderr


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_drafted_definition_takes_a_form_whose_period_stands_above(folder, language):
    text = "2023年各县情况,,\n地区,办件总量（件）,满意率（%）\n甲县,120,90\n乙县,80,75\n"
    (folder / "counts.csv").write_text(text, "utf-8")
    (folder / "form.yaml").unlink()
    (folder / "roster.csv").unlink()
    (folder / "before.csv").unlink()
    assert CliRunner().invoke(main, ["init", "counts.csv", "--name", "form"]).exit_code == 0
    form("-o", "form.xlsx", "--data", "counts.csv", "--lang", language)
    fill("form.xlsx", {("甲县", "办件总量"): 0, ("乙县", "办件总量"): 5})
    card = kpi.score("form.xlsx", system="form.yaml")
    rows = card.measures.select("period", "entity", "measure", "value").rows()
    assert sorted(rows, key=str) == [
        ("2024", "乙县", "办件总量", 5.0), ("2024", "乙县", "满意率", None),
        ("2024", "甲县", "办件总量", 0.0), ("2024", "甲县", "满意率", None),
    ]  # fmt: skip


def test_figures_of_events_take_no_form():
    system = kpi.load(
        {
            "system": "e", "period": "year", "entities": {},
            "datasets": {"d": {"form": "records", "columns": {"period": "日期", "entity": "地区"}}},
            "measures": {"n": {"kind": "count", "unit": "件"}}, "indicators": {"i": {"kind": "level", "of": "n"}},
        }
    )  # fmt: skip
    with pytest.raises(DataError, match="K710"):
        entry_form(system, parse("2024"), listed=[("甲县", None)])


def test_another_suffix_is_refused(folder):
    assert "K541" in form("-o", "form.csv", code=2).stderr


@pytest.mark.parametrize(
    ("grain", "day", "label"),
    [
        (Grain.MONTH, dt.date(2024, 1, 5), "2023-12"), (Grain.QUARTER, dt.date(2024, 4, 1), "2024Q1"),
        (Grain.HALF, dt.date(2024, 6, 30), "2023H2"), (Grain.YEAR, dt.date(2024, 12, 31), "2023"),
    ],
)  # fmt: skip
def test_without_data_the_period_is_the_last_that_has_ended(grain, day, label):
    system = kpi.load(
        {"system": "e", "period": str(grain), "entities": {}, "measures": {"n": {"unit": "件"}},
         "indicators": {"i": {"kind": "level", "of": "n"}}}
    )  # fmt: skip
    assert period_of_form(system, None, None, day).label == label


def test_a_form_is_the_same_each_time(folder):
    form("-o", "a.xlsx", "-p", "2024Q1")
    form("-o", "b.xlsx", "-p", "2024Q1")
    assert (folder / "a.xlsx").read_bytes() == (folder / "b.xlsx").read_bytes()
