"""Class of wrong answer: a name that becomes a formula, markup, a tag of a template or a script in any output."""

from __future__ import annotations

import csv
import html
import json
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO, StringIO

import openpyxl
import polars as pl
import pytest
from lxml import etree

import kpi
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.analysis.next_level import ahead
from kpi.analysis.robustness import stressed
from kpi.report.difference import DifferenceReport
from kpi.report.encode import is_formula
from kpi.report.files import content
from kpi.report.formats import FORMATS
from kpi.report.language import using
from kpi.report.plots.pictures import picture
from kpi.report.results import BulletinReport, ScorecardReport
from kpi.report.robustness import RobustnessReport
from kpi.report.shape import Report
from kpi.report.tree import ExplanationReport

FORMULA, SCRIPT, TEMPLATE = "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "{{ 7*191 }}{% raw %}"
HOSTILE = (FORMULA, SCRIPT, TEMPLATE, "甲" * 200, "שלום עולם", "[x](javascript:alert(2))|**b**", "&amp;]]>\"'")
NO_DATA = "无数据"
SYSTEM = """
system: hostile
title: '=1+1<script>alert(3)</script>'
period: year
entities: {title: 县}
measures: {va: {title: 甲, unit: '%'}, vb: {title: 乙, unit: 件}}
indicators:
  a: {kind: level, of: va, title: '<img src=x onerror=alert(4)>', target: {at_least: 100}}
  b: {kind: level, of: vb, title: '@SUM(A1)', better: lower, target: {at_most: 2}}
pillars: {p: {title: '</script><b>{{ 7*191 }}', weight: 60, parts: {a: 1}}, q: {title: '+2', weight: 40, parts: {b: 1}}}
stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 60, 2: 40, 1: 0}}
"""
#: Every format that is written without another program.
FORMS = [item.name for item in FORMATS if item.name not in ("pdf", "parquet")]


@pytest.fixture(scope="module")
def card() -> kpi.Scorecard:
    many = len(HOSTILE)
    frame = pl.DataFrame({
        "县": [*HOSTILE, *HOSTILE, NO_DATA], "年": ["2022"] * many + ["2023"] * (many + 1),
        "甲": [*(float(90 - 7 * n) for n in range(many)), *(float(60 + 5 * n) for n in range(many)), None],
        "乙": [*(float(n) for n in range(many)), *(float(9 - n) for n in range(many)), None],
    })  # fmt: skip
    return kpi.score(frame, system=SYSTEM)


@pytest.fixture(scope="module")
def reports(card) -> dict[str, Report]:
    old, new = (side(card.only([index]), label) for index, label in card.labels.items())
    return {
        "score": ScorecardReport(card), "report": BulletinReport(card),
        "diff": DifferenceReport(diff(old, new, periods={new.name: old.name})),
        "stress": RobustnessReport(stressed(card, runs=5)),
        "explain": ExplanationReport(card, FORMULA, explain(card, FORMULA), ahead(card, FORMULA)),
        "explain <": ExplanationReport(card, SCRIPT, explain(card, SCRIPT), ahead(card, SCRIPT)),
        "explain {": ExplanationReport(card, TEMPLATE, explain(card, TEMPLATE), ahead(card, TEMPLATE)),
        "explain none": ExplanationReport(card, NO_DATA, explain(card, NO_DATA), ahead(card, NO_DATA)),
    }  # fmt: skip


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def _inert_page(text: str) -> None:
    page = Elements()
    page.feed(text)
    names = [tag for tag, _ in page.found]
    assert "img" not in names
    assert not [key for _, attributes in page.found for key in attributes if key.startswith("on")]
    assert not re.search(r"<script>alert", text)


def _inert_cells(text: str) -> None:
    cells = [cell for row in csv.reader(StringIO(text)) for cell in row]
    assert not [cell for cell in cells if is_formula(cell) and not re.fullmatch(r"[-+]?[\d.e+-]+", cell)]


def _inert_markdown(text: str) -> None:
    # CommonMark takes a sign after a backslash for a text.
    assert not re.search(r"(?<!\\)<(script|img|b)\b", text)
    assert not re.search(r"(?<!\\)\]\(javascript", text)


def _inert_workbook(data: bytes) -> None:
    for sheet in openpyxl.load_workbook(BytesIO(data)):
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            assert cell.hyperlink is None
            own = re.match(r"=(ROUND\(SUM|MAX|MIN|MEDIAN|AVERAGE|STDEVP|[A-Z]+\d+\*)", str(cell.value))
            assert cell.data_type != "f" or own


def _inert_document(data: bytes) -> None:
    with zipfile.ZipFile(BytesIO(data)) as packed:
        for name in packed.namelist():
            if name.endswith((".xml", ".rels")):
                tree = etree.fromstring(packed.read(name))
                fields = {value for item in tree.iter() for key, value in item.attrib.items() if key.endswith("}instr")}
                assert fields <= {"PAGE", "NUMPAGES"}


INERT: dict[str, Callable[[bytes], None]] = {
    "csv": lambda data: _inert_cells(data.decode()), "sdmx-csv": lambda data: _inert_cells(data.decode()),
    "json": json.loads, "jsonl": lambda data: [json.loads(line) for line in data.decode().splitlines()],
    "html": lambda data: _inert_page(data.decode()), "md": lambda data: _inert_markdown(data.decode()),
    "xlsx": _inert_workbook, "docx": _inert_document,
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name", ["score", "report", "diff", "stress", "explain", "explain <", "explain {", "explain none"]
)
def test_hostile_texts_do_nothing(reports, name: str, form: str, language: str) -> None:
    with using(language):
        data = content(reports[name], form)
    INERT[form](data)
    # A text that was taken for a template would have the product.
    assert b"1337" not in data or form in ("xlsx", "docx")


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "md", "html", "sdmx-csv"])
def test_no_name_is_lost(reports, form: str) -> None:
    text = content(reports["score"], form).decode()
    plain = html.unescape(text).replace("\\", "")
    for part in ("cmd|", "alert(1)", "7*191", "甲" * 200, "שלום", NO_DATA):
        assert part.replace("*", "") in plain.replace("*", ""), part


@pytest.mark.parametrize("kind", ["distribution", "heat_map", "places", "weights", "waterfall", "spread"])
@pytest.mark.parametrize("form", ["svg", "html", "json"])
def test_hostile_texts_do_nothing_in_plots(card, kind: str, form: str) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    entity = SCRIPT if kind in ("waterfall", "spread") else None
    data = picture(kpi.plot(card, kind, entity=entity), f".{form}")
    if form == "json":
        json.loads(data)
    elif form == "svg":
        root = etree.fromstring(data)
        names = {str(item.tag).rpartition("}")[2] for item in root.iter()}
        assert not names & {"script", "foreignObject", "img", "image"}
        assert not [key for item in root.iter() for key in item.attrib if key.startswith("on")]
    else:
        assert "<script>alert" not in data.decode()
