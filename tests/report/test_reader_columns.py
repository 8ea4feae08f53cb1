"""Documents of any result: columns that readers need, decimals that line up, and what is for programs alone."""

from __future__ import annotations

import re
from io import BytesIO

import docx
import polars as pl
import pytest

import kpi
from kpi.analysis.robustness import stressed
from kpi.report.difference import DifferenceReport
from kpi.report.files import content
from kpi.report.language import using
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
    assert "Title" in heads
    assert not heads & {"Indicator code", "Measure code", "Part code"}
    # The files for programs have them.
    assert '"indicator"' in content(report, "json").decode() or '"part"' in content(report, "json").decode()


def test_numbers_of_a_column_have_the_same_decimals(reports) -> None:
    lines = content(reports["diff"], "md").decode().split("\n\n")
    (table,) = [part for part in lines if part.startswith("| ") and "Old contribution" in part]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    places = [at for at, head in enumerate(rows[0]) if head in ("Old contribution", "Contribution", "Change")]
    assert len(places) == 3
    for at in places:
        decimals = {len(row[at].partition(".")[2]) for row in rows[2:] if row[at]}
        assert decimals == {2}


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Only workbooks, folders and JSON have"), ("zh", "以下表只写入工作簿")]
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
