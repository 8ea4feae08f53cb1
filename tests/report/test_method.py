"""The method of a system as a document: what it says, and that Markdown, Word and workbook say the same.

The texts in `methods/` are read before they are committed; `KPI_METHODS=write pytest tests/report/test_method.py`
writes them anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pytest
from click.testing import CliRunner
from docx.oxml.ns import qn

import kpi
from kpi.cli.main import main
from kpi.language.loading import catalogue
from kpi.report.files import content, write
from kpi.report.method.choices import choices, ours_section
from kpi.report.method.indicators import full_marks
from kpi.report.method.report import MethodReport, method
from kpi.report.paper.model import Column, Paper, Paragraph, Section, Table
from kpi.report.paper.sheets import sheets
from kpi.report.paper.word import word

FOLDER = Path(__file__).parent / "methods"
SYSTEMS = sorted(catalogue.systems(None))
LONG = "甲" * 200
HOSTILE = {
    "command": "=cmd|' /C calc'!A0",
    "long": LONG,
    "reversed": "\u202egnp.exe",
    "tag": "<w:t>&amp;",
    "bell": "a\x07b",
}

ALL_KEYS = """
system: everything-2024
title: 全部内容
source: {document: 示例方案, issuer: 市政府办公室, date: 2024-01-02, number: 示政办〔2024〕1号}
period: quarter
entities: {title: 县(市、区)}
measures:
  done: {title: 办结量, unit: 件}
  all: {title: 受理量, unit: 件}
  gdp: {title: 生产总值, unit: 亿元}
  late: {title: 迟报次数, unit: 次}
indicators:
  rate:
    {kind: ratio, title: 办结率, numerator: done, denominator: all, unit: '%', score: {kind: deduction, points: 2},
     target: {at_least: 95, by: 2025, baseline: {value: 80, period: 2023Q4}, schedule: linear, tolerance: 2}}
  wait: {kind: level, title: 受理量, of: all, better: lower, score: {kind: minmax}}
  size: {kind: level, title: 生产总值, of: gdp, score: {kind: minmax}, ours: [score]}
  share: {kind: formula, title: 每件产值, expr: gdp / all, score: {kind: minmax}}
  again: {kind: level, title: 总量, of: gdp, score: {kind: minmax}}
treatment:
  tails: {kind: winsorise, most: 5}
pillars:
  政务: {weight: 60, parts: {rate: 3, 办理: 1}}
  办理: {parts: [wait, share], weights: {method: entropy}}
  经济: {weight: 40, parts: [size, again], weights: {method: ahp, by: eigenvector, matrix: [[1, 3], [1/3, 1]]}}
adjustments:
  late: {kind: deduction, title: 迟报, of: late, points: 0.5, max: 2, ours: true}
  pilot: {kind: bonus, title: 试点, when: gdp > 100, points: 1, opens: 80}
  stop: {kind: veto, title: 数据造假, when: late > 10, effect: {demote: 1}}
stars: {kind: ladder, rungs: {1: {score: 60}, 2: {score: 80, pillars: 50, when: late < 3}}, names: {2: 优秀, 1: 合格}}
ranking: {ties: dense, decimals: 1, tie_break: [政务]}
checks:
  part: {expr: done <= all, severity: error}
"""


@pytest.fixture(scope="module")
def everything() -> kpi.System:
    return kpi.load(ALL_KEYS)


def texts(paper: Paper) -> Iterator[str]:
    """Yield every text of a document in its order: headings, paragraphs and cells."""
    yield paper.title
    if paper.subtitle:
        yield paper.subtitle
    for heading, section in paper.numbered:
        yield heading
        for part in section.parts:
            if isinstance(part, Paragraph):
                yield part.text
                continue
            if part.caption:
                yield part.caption
            yield from (column.heading for column in part.columns)
            for row in part.rows:
                yield from (column.shown(cell) for column, cell in zip(part.columns, row, strict=True))


def of_word(data: bytes) -> list[str]:
    body = docx.Document(BytesIO(data)).element.body
    return ["".join(text.text or "" for text in line.iter(qn("w:t"))) for line in body.iter(qn("w:p"))]


def of_workbook(data: bytes) -> list[str]:
    book = openpyxl.load_workbook(BytesIO(data))
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    return [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


def close(text: str) -> str:
    """Return a text without blanks, and a number as Excel has it."""
    return re.sub(r"\s|,", "", text)


@pytest.mark.parametrize("name", ["per-mu-2022", "annual-assessment-2021", "smart-communities", "everything"])
def test_the_text_is_the_one_that_was_read(name: str, everything) -> None:
    system = everything if name == "everything" else kpi.load(name)
    text = re.sub(r"\b[0-9a-f]{16}\b", "(hash)", content(MethodReport(system), "md").decode())
    path = FOLDER / f"{name}.md"
    if os.environ.get("KPI_METHODS") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_word_and_workbook_hold_every_text(name: str, language: str) -> None:
    with kpi.using_language(language):
        report = MethodReport(catalogue.find(name).system)
        expected = [close(text) for text in texts(method(report.system)) if text]
        of_docx = [close(text) for text in of_word(content(report, "docx")) if text]
        of_xlsx = "\n".join(close(text) for text in of_workbook(content(report, "xlsx")))
    assert of_docx == expected
    numbers = re.compile(r"[\d.]+")
    assert not [text for text in expected if text not in of_xlsx and not numbers.fullmatch(text)]


def test_a_word_document_is_laid_out_for_print(everything) -> None:
    document = docx.Document(BytesIO(content(MethodReport(everything), "docx")))
    assert next(entry.text for entry in document.paragraphs if entry.style.name == "Heading 1") == "1. What is scored"
    for style, font in (("Heading 1", "黑体"), ("Title", "黑体"), ("Normal", "仿宋")):
        fonts = document.styles[style].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == font
        assert not [key for key in fonts.attrib if key.endswith("Theme")]
    for table in document.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None  # noqa: SLF001
    fields = [entry.text for entry in document.sections[0].footer._element.iter(qn("w:instrText"))]  # noqa: SLF001
    assert fields == ["PAGE", "NUMPAGES"]


def test_marks_add_up_to_the_full_mark() -> None:
    compared = 0
    for name in SYSTEMS:
        system = kpi.load(name)
        marks = full_marks(system)
        leaves = [marks[entry] for entry in system.indicators if entry in marks]
        if len(leaves) == sum(entry in system.parents for entry in system.indicators):
            assert sum(leaves) == pytest.approx(system.composite.full), name
            compared += 1
    assert compared > 10


def test_marks_end_where_weights_come_from_data_or_another_mean(everything) -> None:
    marks = full_marks(everything)
    assert marks["rate"] == pytest.approx(45)  # 60 of 100, and 3 of 4 of these
    assert marks["办理"] == pytest.approx(15)
    assert marks["size"] == pytest.approx(30)  # AHP: 3 to 1 of 40
    assert not {"wait", "share"} & set(marks)
    assert set(full_marks(kpi.load("data-maturity"))) == {"composite", "能力域"}  # its mean is the minimum


def test_every_choice_is_listed() -> None:
    system = kpi.load("jiaxing-2022")
    section = ours_section(system).tables[0]
    listed = {(row[0], item) for row in section.rows for item in str(row[1]).split(", ")}
    assert {("targets", "省级未来社区"), ("levels", ""), ("pillars", "经济调节")} <= listed
    assert {(entry.part, entry.item) for entry in choices(system)} >= {
        ("target", "省级未来社区"), ("stars", ""), ("adjustments", "重大网络安全事件"), ("pillars", "经济调节"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_inert(kind: str) -> None:
    hostile = HOSTILE[kind]
    table = Table([Column(hostile), Column("n")], [[hostile, 1.5], [hostile, None]], caption=hostile)
    paper = Paper(hostile, hostile, [Section(hostile, hostile, [Paragraph(hostile), table])], margin=hostile)
    result = of_workbook(sheets(paper))
    shown = hostile.replace("\x07", "\\x07").replace("\u202e", "\\u202e")
    assert result.count(shown) >= 4
    assert of_word(word(paper)).count(shown) == 7


def test_the_command_writes_it(tmp_path) -> None:
    run = CliRunner().invoke(main, ["show", "per-mu-2022", "-o", f"{tmp_path}/m.docx", "-o", f"{tmp_path}/m.md"])
    assert (run.exit_code, run.stdout) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.docx", "m.md"]
    run = CliRunner().invoke(main, ["show", "per-mu-2022", "-f", "csv"])
    assert run.stdout.splitlines()[0].startswith("indicator,title,parent,unit,direction,weight,marks,formula")
    for more in ([], ["per-mu-2022", "tax"], ["per-mu-2022", "--plan"], ["per-mu-2022", "--coverage"]):
        refused = CliRunner().invoke(main, ["show", *more, "-o", f"{tmp_path}/x.md"])
        assert (refused.exit_code, "K543" in refused.stderr) == (2, True), more


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_both(everything, tmp_path) -> None:
    for suffix in ("docx", "xlsx"):
        write(MethodReport(everything), tmp_path / f"m.{suffix}")
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf",
             "--outdir", str(tmp_path), str(tmp_path / f"m.{suffix}")],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        assert (tmp_path / "m.pdf").read_bytes().startswith(b"%PDF")
        (tmp_path / "m.pdf").unlink()
