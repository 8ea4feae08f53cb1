"""Documents of any result: columns that readers need, decimals that line up, and what is for programs alone."""

from __future__ import annotations

import re
from io import BytesIO

import docx
import openpyxl
import polars as pl
import pytest

import kpi
from kpi.analysis.robustness import stressed
from kpi.report.difference import DifferenceReport
from kpi.report.files import content
from kpi.report.language import using
from kpi.report.reader_columns import constant_columns
from kpi.report.robustness import RobustnessReport
from tests.soundness.small_evaluation import small_card

SYSTEM = """
measures: {x: {title: 甲数, unit: 件}, y: {title: 乙数, unit: "%"}}
indicators:
  ix: {title: 甲率, kind: level, of: x, target: {at_least: 70}}
  iy: {title: 乙率, kind: level, of: y, target: {at_least: 90}}
pillars: {P: {title: 服务, weight: 70, parts: {ix: 1}}, Q: {title: 效能, weight: 30, parts: {iy: 1}}}
"""


def values(factor: float) -> list[tuple[int, str, str, float]]:
    figures = {"东县": (61.0, 83.37), "西县": (47.0, 91.2), "南县": (33.0, 70.11)}
    return [
        (2023, unit, name, value * factor)
        for unit, pair in figures.items() for name, value in zip("xy", pair, strict=True)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def reports() -> dict[str, object]:
    card = small_card(SYSTEM, *values(1))
    return {
        "diff": DifferenceReport(kpi.diff(card, small_card(SYSTEM, *values(0.9)))),
        "stress": RobustnessReport(stressed(card, runs=20)),
    }


@pytest.mark.parametrize("name", ["diff", "stress"])
def test_readers_have_titles_and_no_codes(reports, name: str) -> None:
    report = reports[name]
    document = docx.Document(BytesIO(content(report, "docx")))
    heads = {cell.text for table in document.tables for cell in table.rows[0].cells}
    text = content(report, "md").decode()
    heads |= {cell.strip() for line in re.findall(r"^(\|.*)\n\| -", text, re.MULTILINE) for cell in line.split("|")}
    heads |= set(re.findall(r'<th scope="col">([^<]*)</th>', content(report, "html").decode()))
    assert heads >= ({"Indicator", "Title"} if name == "diff" else {"Part", "Changed to"})
    assert not heads & {"Indicator code", "Measure code", "Part code"}
    # The files for programs have them.
    assert '"indicator"' in content(report, "json").decode() or '"part"' in content(report, "json").decode()


def test_numbers_of_a_column_have_the_same_decimals(reports) -> None:
    lines = content(reports["diff"], "md").decode().split("\n\n")
    (table,) = [part for part in lines if part.startswith("| ") and "Effect on the total" in part]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    places = [at for at, head in enumerate(rows[0]) if head in ("Old score", "Score", "Effect on the total")]
    assert len(places) == 3
    for at in places:
        decimals = {len(row[at].partition(".")[2]) for row in rows[2:] if row[at]}
        assert decimals == {2}


@pytest.mark.parametrize(
    ("language", "words"), [("en", "the parameters of the runs"), ("zh", "每次模拟的参数见工作簿")]
)
def test_parameters_of_runs_are_left_to_programs_and_that_is_said(reports, language: str, words: str) -> None:
    with using(language):
        report = reports["stress"]
        for form in ("md", "html", "docx"):
            data = content(report, form)
            text = (
                "\n".join(paragraph.text for paragraph in docx.Document(BytesIO(data)).paragraphs)
                if form == "docx" else data.decode()
            )  # fmt: skip
            assert words in text
            assert "zscore" not in text
        assert isinstance(report.frames()["drawn"], pl.DataFrame)
        assert "drawn" in content(report, "json").decode()


def test_what_all_rows_say_is_said_once() -> None:
    frame = pl.DataFrame({
        "period": ["2023"] * 3, "entity": ["东县", "西县", "南县"], "title": ["甲率"] * 3, "change": [1.5, 2.0, -1.0],
        "from_definition": [0.0] * 3, "areas_changed": [False] * 3, "status": ["ok"] * 3,
    })  # fmt: skip
    report = DifferenceReport(kpi.diff(small_card(SYSTEM, *values(1)), small_card(SYSTEM, *values(0.9))))
    assert constant_columns(frame) == ["period", "from_definition", "areas_changed", "status"]
    assert report.in_all_rows("figures", frame) == "In all rows: Period 2023, From the rules 0."
    # Of two rows nothing is taken for granted, and a column with gaps is not the same in all rows.
    assert constant_columns(frame.head(2)) == []
    gaps = frame.with_columns(from_definition=pl.Series([0.0, None, 0.0]))
    assert "from_definition" not in constant_columns(gaps)


def test_a_difference_is_a_document_of_few_pages() -> None:
    """Of many units and indicators the document has sentences, the totals, and the largest changes of each unit."""
    names = [f"{number}县" for number in range(1, 31)]
    measures = {f"m{number}": "{unit: 件}" for number in range(20)}
    indicators = {f"i{number}": f"{{title: 指标{number}, kind: level, of: m{number}}}" for number in range(20)}
    tree = "{weight: 100, parts: {" + ", ".join(f"{name}: 1" for name in indicators) + "}}"
    system = "\n".join(
        ["measures:", *(f"  {name}: {text}" for name, text in measures.items()), "scoring: {kind: rank}", "indicators:",
         *(f"  {name}: {text}" for name, text in indicators.items()), f"pillars: {{P: {tree}}}"]
    )  # fmt: skip

    def rows(seed: int) -> list[tuple[int, str, str, float]]:
        return [
            (2023, unit, measure, float((at * 7 + place * 13 * seed) % 97))
            for at, unit in enumerate(names) for place, measure in enumerate(measures)
        ]  # fmt: skip

    report = DifferenceReport(kpi.diff(small_card(system, *rows(1)), small_card(system, *rows(2))))
    changed = report.frames()["indicators"]
    assert changed.height > 400
    document = docx.Document(BytesIO(content(report, "docx")))
    assert max(len(table.rows) for table in document.tables) <= 30 * 5 + 1
    words = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "Of 30 units with a total in both" in words
    assert "all changes come from the data" in words
    assert f"{changed.filter(pl.col('change').abs() > 1e-9).height - 150:,} more changes are in workbooks" in words
    assert f"{report.frames()['figures'].height} reported figures are others" in words
    # The workbook has the document before its data, which are whole.
    book = openpyxl.load_workbook(BytesIO(content(report, "xlsx")))
    assert book[report.sheet("indicators")].max_row == changed.height + 1
    assert book.sheetnames[0] == "Totals"
    assert "Changes" in book.sheetnames


def test_figures_stay_behind_names_that_run_right_to_left() -> None:
    def rows(factor: float) -> list[tuple[int, str, str, float]]:
        return [(2023, unit, name, at * factor) for at, unit in ((61.0, "שלום"), (47.0, "西县")) for name in "xy"]

    report = DifferenceReport(kpi.diff(small_card(SYSTEM, *rows(1)), small_card(SYSTEM, *rows(0.9))))
    words = [part.text for part in report.paper.sections[0].parts if hasattr(part, "text")]
    assert any("שלום\u200e -" in text and "西县 -" in text for text in words)


def test_of_one_unit_a_difference_has_everything() -> None:
    pair = [small_card(SYSTEM, *values(factor)) for factor in (1, 0.9)]
    difference = kpi.diff(*pair)
    text = content(DifferenceReport(difference.of("东县"), "东县"), "md").decode()
    assert text.startswith("# 东县: ")
    assert "units with a total in both" not in text
    assert "## 2. All changes" in text
    # Its name stands in the title and with its total, not in each row.
    assert text.count("东县") == 2


def test_other_rules_are_said_to_be_the_cause() -> None:
    other = SYSTEM.replace("weight: 70", "weight: 60").replace("weight: 30", "weight: 40")
    report = DifferenceReport(kpi.diff(small_card(SYSTEM, *values(1)), small_card(other, *values(1))))
    text = content(report, "md").decode()
    assert "All changes come from the rules." in text
    assert "pillars.P.weight | 70.0 | 60.0" in text


def test_units_beyond_the_most_are_counted_and_reported() -> None:
    def rows(factor: float) -> list[tuple[int, str, str, float]]:
        return [(2023, f"{at}县", name, (20 + at % 50) * factor) for at in range(70) for name in "xy"]

    report = DifferenceReport(kpi.diff(small_card(SYSTEM, *rows(1)), small_card(SYSTEM, *rows(0.9))))
    text = content(report, "md").decode()
    assert "10 more are not listed" in text
    assert "Of 70 units the first 60 are listed." in text
    assert [item.code for item in report.left_out("docx")] == ["K894"]
    assert [*report.left_out("xlsx"), *report.left_out("csv")] == []
