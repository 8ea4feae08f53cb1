"""Bulletins: what they report, that hostile names stay texts, that a template's mistakes have a place.

The texts in `bulletins/` are read before they are committed; `KPI_BULLETINS=write pytest tests/report/test_bulletin.py`
writes them anew.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import docx
import polars as pl
import pytest
from click.testing import CliRunner
from docx.oxml.ns import qn
from lxml import etree

import kpi
from kpi.cli.main import main
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError
from kpi.report.bulletin.changes import of_scores, of_values
from kpi.report.bulletin.collect import facts
from kpi.report.bulletin.facts import Facts
from kpi.report.bulletin.item_values import Items, ItemValues
from kpi.report.bulletin.mistakes import NAMES
from kpi.report.bulletin.names import wrong_names
from kpi.report.bulletin.render import default_template, markdown, word
from kpi.report.bulletin.words import environment
from kpi.report.files import content
from kpi.report.language import using
from kpi.report.results import BulletinReport, ScorecardReport
from tests.report.cohorts_sample import cohorts_card

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "bulletins"
LONG = "甲" * 200
#: The paragraph of the templates that follows the title.
BEGIN = 7
RIGHT_TO_LEFT = "\u05d0\u05d1\u05d2"
NO_DATA = "空白县"
HOSTILE = (
    "=cmd|' /C calc'!A0",
    LONG,
    RIGHT_TO_LEFT,
    "\u202egnp.exe",
    "<script>alert(1)</script>&amp;",
    "{{ 7*7 }}{% x %}",
)
SYSTEM = """
system: bulletin-2024
title: 示范评价
source: {document: 示范办法, issuer: 市政府办公室, number: 示政办〔2024〕1号}
period: quarter
entities: {title: 县区}
measures:
  done: {title: 办结量, unit: 件}
  all: {title: 受理量, unit: 件}
  ready: {title: 平台建成, unit: 是/否, over_time: last}
  late: {title: 迟报次数, unit: 次}
indicators:
  rate:
    {kind: ratio, title: 办结率, numerator: done, denominator: all,
     target: {at_least: 95, by: 2024Q4, baseline: {value: 40, period: 2022Q4}, schedule: linear}}
  cases: {kind: level, title: 受理数, of: all, better: lower, score: {kind: minmax}}
  platform: {kind: level, title: 平台, of: ready, target: {done: true, by: 2024}}
pillars:
  service: {title: 服务, weight: 60, parts: {rate: 40, cases: 20}}
  base: {title: 基础, weight: 40, parts: {platform: 40}}
adjustments: {late: {kind: deduction, of: late, points: 1, max: 3, title: 迟报}}
stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 60, 2: 40, 1: 0}}
notify: {slow: {when: rate < 72, title: 办结偏慢}}
"""


def scored(units: tuple[str, ...] = ("甲县", "乙县", "丙县", "丁县")) -> Scorecard:
    """Return scores of three periods: those of units differ in all of them; the last unit reports nothing."""
    rows = []
    for place, period in enumerate(("2023Q1", "2023Q4", "2024Q1")):
        for number, unit in enumerate(units):
            figures = {
                "办结量": 50 + 10 * place + 5 * number,
                "受理量": 100 + number,
                "平台建成": number % 2,
                "迟报次数": number,
            }
            rows += [(period, unit, name, value) for name, value in figures.items()]
    rows += [("2024Q1", NO_DATA, "迟报次数", 0)]
    columns = dict(zip(("期别", "地区", "指标", "数值"), map(list, zip(*rows, strict=True)), strict=True))
    return kpi.score([{**columns, "数值": [str(entry) for entry in columns["数值"]]}], system=SYSTEM)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return scored()


@pytest.fixture(scope="module")
def jiaxing() -> Scorecard:
    folder = ROOT / "sample_data/jiaxing-2022"
    return kpi.score([folder / "reports.csv", folder / "cases.csv"], system="jiaxing-2022")


def texts(data: bytes) -> list[str]:
    """Return the text of each paragraph and of each row of a table, in order."""
    lines = []
    for element in docx.Document(BytesIO(data)).element.body:
        rows = [element] if element.tag == qn("w:p") else list(element.iter(qn("w:tr")))
        for row in rows:
            cells = [row] if row.tag == qn("w:p") else list(row.iter(qn("w:tc")))
            lines.append(" | ".join("".join(entry.text or "" for entry in cell.iter(qn("w:t"))) for cell in cells))
    return lines


def changed(tmp_path: Path, change: Callable[[docx.document.Document], None]) -> Path:
    """Return the Chinese template with a change."""
    with using("zh"):
        document = docx.Document(BytesIO(default_template("docx")))
    change(document)
    path = tmp_path / "my.docx"
    document.save(path)
    return path


# ---- WHAT IT REPORTS ---- #


def test_changes_are_those_of_the_period_before_and_of_a_year_before(card) -> None:
    reports = facts(card)
    assert (reports.period, reports.before, reports.year_before) == ("2024Q1", "2023Q4", "2023Q1")
    rate = reports.parts[0].indicators[0]
    # Means of 办结量/受理量 over the four units, by hand: 70/100, 75/101, 80/102, 85/103;
    # ten cases fewer a period before.
    mean = [sum((start + 5 * n) / (100 + n) for n in range(4)) * 25 for start in (70, 60, 50)]
    assert rate.mean == f"{mean[0]:.2f}%" == "76.30%"
    assert rate.change is not None
    assert rate.year is not None
    assert rate.change.short == f"+{mean[0] - mean[1]:.2f}"
    assert rate.year.short == f"+{mean[0] - mean[2]:.2f}"
    assert (rate.reported, rate.units, rate.best, rate.worst) == (4, 5, ("丁县",), ("甲县",))


def test_means_of_two_periods_are_over_the_units_of_both() -> None:
    rows = [
        ("now", "a", 10.0), ("now", "new", 500.0), ("now", "b", 30.0), ("now", "left", None), ("then", "b", 12.0),
        ("then", "gone", 1.0), ("then", "a", 8.0), ("then", "left", 7.0),
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["period", "entity", "number"], orient="row").with_columns(item=pl.lit("x"))
    items = Items(frame)
    pairs = items.pairs("now", "then", ())["x"]
    assert sorted(pairs) == [(10.0, 8.0), (30.0, 12.0)]
    assert items.pairs("now", "then", {"a"})["x"] == [(30.0, 12.0)]
    assert items.pairs("now", None, ()) == {}
    change = of_values(pairs, "件", higher=False)
    assert change is not None
    assert (change.short, change.better) == ("+100.0%", False)


def test_an_end_names_all_units_that_share_it_and_none_where_all_are_alike() -> None:
    rows = [("now", "a", 2.0), ("now", "b", 3.0), ("now", "c", 3.0), ("now", "d", None)]
    frame = pl.DataFrame(rows, schema=["period", "entity", "number"], orient="row").with_columns(item=pl.lit("x"))
    values = Items(frame).condensed("now")["x"]
    assert values.units == 4
    assert values.mean == 8 / 3
    assert (values.end(highest=True), values.end(highest=False)) == ((["b", "c"], 3.0), (["a"], 2.0))
    assert Items(frame.filter(number=3)).condensed("now")["x"].end(highest=True) == ((), None)
    assert Items(frame).condensed("then") == {}
    assert ItemValues().mean is None


@pytest.mark.parametrize(
    ("now", "before", "unit", "shown"),
    [
        (105.0, 100.0, "件", "+5.0%"), (91.5, 90.0, "%", "+1.50"), (2.0, 3.0, "位", "-1"), (1.0, 0.0, "是/否", "+1"),
        (5.0, 0.0, "件", "+5"), (5.0, -1.0, "万元", "+6"), (90.0, 90.0, "%", "0.00"), (0.0, 4.0, "件", "-100.0%"),
    ],
)  # fmt: skip
def test_growth_is_given_only_where_it_means_something(now, before, unit, shown) -> None:
    change = of_values([(now, before)], unit, higher=True)
    assert change is not None
    assert change.short == shown


def test_what_is_printed_as_nothing_is_no_rise() -> None:
    change = of_scores(80.001, 80.0, 2)
    assert change is not None
    assert (change.sign, change.short, change.better) == (0, "0.00", None)


def test_without_a_period_nothing_is_compared_with_it(card) -> None:
    reports = facts(card, period="2023Q1")
    assert (reports.before, reports.year_before) == ("", "")
    assert all(entry.change is None and entry.year is None for part in reports.parts for entry in part.indicators)
    with using("zh"):
        assert not re.search(
            "比上期提高|比上年同期提高|与上期", markdown(facts(card, period="2023Q1")).replace("与上期比", "")
        )


def test_years_are_compared_once() -> None:
    rows = {"期别": ["2022", "2023"], "地区": ["甲", "甲"], "a": [1, 2]}
    system = """{system: s, period: year, entities: {}, measures: {a: {title: a, unit: 件}},
                 indicators: {a_level: {kind: level, of: a}}}"""
    reports = facts(kpi.score([rows], system=system))
    assert (reports.before, reports.year_before) == ("", "2022")


def test_a_unit_without_data_is_named_and_has_no_zero(card) -> None:
    reports = facts(card)
    assert [line.unit for line in reports.unrated] == [NO_DATA]
    (line,) = reports.unrated
    assert (line.score, line.rank) == ("—", "—")
    for text in ("".join(texts(word(reports))), markdown(reports)):
        assert NO_DATA in text
    assert not any("0.00" in row for row in texts(word(reports)) if NO_DATA in row)


def test_alerts_are_among_the_warnings_and_not_among_the_checks(card) -> None:
    reports = facts(card)
    assert [(entry.about, entry.code) for entry in reports.alerts] == [("甲县", "K653")]
    assert sorted(entry.about for entry in reports.ended) == ["丙县", "乙县"]
    assert not reports.findings


def test_figures_are_those_of_the_league_table(jiaxing) -> None:
    with using("zh"):
        reports = facts(jiaxing)
        lines = texts(content(ScorecardReport(jiaxing), "docx"))
    for row in jiaxing.totals.filter(period="2023Q4").iter_rows(named=True):
        assert any(
            line.startswith(f"{row['rank']} | ") and row["entity"] in line and f"{row['score']:.2f}" in line
            for line in lines
        )
    mean = jiaxing.totals.filter(period="2023Q4")["score"].mean()
    assert reports.groups[0].mean == f"{mean:.2f}"
    assert any(f"平均得分{mean:.2f}分" in line for line in lines)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_text_is_as_committed(card, language: str) -> None:
    with using(language):
        reports = facts(card)
        # The method has a test of its own, and what it is in depends on more than bulletins.
        annex = "附件3" if language == "zh" else "Annex 3"
        created = {
            "md": markdown(reports).partition(annex)[0],
            "txt": "\n".join(texts(word(reports))).partition(f"{annex}\n")[0],
        }
    for suffix, text in created.items():
        path = FOLDER / f"small_{language}.{suffix}"
        if os.environ.get("KPI_BULLETINS") == "write":
            path.write_text(text, encoding="utf-8")
        assert path.read_text("utf-8") == text


def test_word_and_markdown_say_the_same(jiaxing) -> None:
    with using("zh"):
        reports = facts(jiaxing)
        of_word = [entry.strip() for entry in texts(word(reports)) if entry.strip(" |")]
        of_text = markdown(reports).replace("\\", "")
    missing = [line for line in of_word if line not in of_text and len(line) < 200 and " | " not in line
               and not re.match("附件[123]$|分项得分表$|指标值表$|评价方法$", line)]  # fmt: skip
    assert not missing


# ---- LAYOUT ---- #


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_that_of_official_documents(card, language: str) -> None:
    with using(language):
        document = docx.Document(BytesIO(word(facts(card))))
    section = document.sections[0]
    edges = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(entry.mm) for entry in (section.page_width, section.page_height, *edges)] == [
        210,
        297,
        37,
        35,
        28,
        26,
    ]
    styles = [document.styles[name] for name in ("Title", "Bulletin Text", "Heading 1", "Heading 2")]
    fonts = {entry.name: (entry.element.rPr.rFonts.get(qn("w:eastAsia")), entry.font.size.pt) for entry in styles}
    assert fonts == {
        "Title": ("方正小标宋简体", 22),
        "Bulletin Text": ("仿宋", 16),
        "Heading 1": ("黑体", 16),
        "Heading 2": ("楷体", 16),
    }
    assert document.styles["Normal"].paragraph_format.line_spacing.pt == 28.95
    # Without 仿宋 programs take another font for the language: a Japanese one has other glyphs and signs.
    spoken = {entry.get(qn("w:eastAsia")) for entry in document.styles.element.iter(qn("w:lang"))}
    assert spoken == {"zh-CN"}
    assert document.settings.odd_and_even_pages_header_footer
    for footer in (section.footer, section.even_page_footer):
        line = footer.part.element
        assert "".join(entry.text or "" for entry in line.iter(qn("w:t"))) == "— 1 —"
        assert [entry.get(qn("w:instr")) for entry in line.iter(qn("w:fldSimple"))] == ["PAGE"]
    for table in document.element.iter(qn("w:tbl")):
        rows = list(table.iter(qn("w:tr")))
        assert list(rows[0].iter(qn("w:tblHeader")))
        assert all(list(row.iter(qn("w:cantSplit"))) for row in rows)
        assert len(table.tblGrid.gridCol_lst) == len(list(rows[0].iter(qn("w:tc"))))
        width = sum(int(column.get(qn("w:w"))) for column in table.tblGrid.gridCol_lst) / (1440 / 25.4)
        assert min(abs(width - 156), abs(width - 225)) < 0.2


def test_columns_in_which_nothing_stands_are_left_out() -> None:
    """A single period has nothing to compare with, no lights, no targets and no notes."""
    rows = {"期别": ["2023"] * 3, "地区": ["甲", "乙", "丙"], "a": [1.5, 2.25, 4]}
    system = """{system: s, period: year, entities: {title: 县}, measures: {a: {title: a, unit: 件}},
                 indicators: {a_level: {kind: level, title: 量, of: a, score: {kind: minmax}}},
                 pillars: {p: {parts: {a_level: 1}}}}"""
    reports = facts(kpi.score([rows], system=system))
    lines = texts(word(reports))
    assert "Place | 县 | Score" in lines
    assert "Indicator | Mean | Best | Worst" in lines
    assert "量 | 2.58件 | 丙: 4.00件 | 甲: 1.50件" in lines
    assert not any("Green" in line or "Remarks" in line for line in lines)
    table = [line for line in markdown(reports).splitlines() if line.startswith("|")]
    assert table[:2] == ["| Place | 县 | Score |", "| --- | --- | --- |"]


def test_values_beside_each_other_have_the_same_decimals() -> None:
    rows = {
        "期别": ["2023"] * 3,
        "地区": ["甲", "乙", "丙"],
        "a": [8.95, 10.9, 12],
        "b": [1, 2, 3],
        "c": [0.012, 0.05, 0],
    }
    measures = "a: {unit: 分钟}, b: {unit: 个}, c: {unit: 人}"
    levels = ", ".join(f"i{name}: {{kind: level, of: {name}}}" for name in "abc")
    reports = facts(
        kpi.score(
            [rows],
            system=f"{{system: s, period: year, entities: {{}}, measures: {{{measures}}}, indicators: {{{levels}}}}}",
        )
    )
    shown = {row.title: sorted(row.values) for row in reports.matrices[0].rows}
    assert list(shown.values()) == [["10.90", "12.00", "8.95"], ["1", "2", "3"], ["0.0000", "0.0120", "0.0500"]]


def test_the_same_scores_give_the_same_bytes(card) -> None:
    assert word(facts(card)) == word(facts(card))


def test_templates_are_as_their_outline_writes_them(tmp_path, monkeypatch) -> None:
    spec = importlib.util.spec_from_file_location("bulletin_templates", ROOT / "docs/bulletin_templates.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    for path in tmp_path.iterdir():
        committed = ROOT / "kpi/report/bulletin" / path.name
        if path.suffix == ".md":
            assert path.read_bytes() == committed.read_bytes(), "run docs/bulletin_templates.py"
        else:
            assert texts(path.read_bytes()) == texts(committed.read_bytes()), "run docs/bulletin_templates.py"


# ---- FURTHER RANKINGS ---- #


def golden(name: str) -> Scorecard:
    folder = ROOT / "tests/golden" / name
    return kpi.score(folder / "data.csv", system=folder / "system.yaml")


def test_the_totals_of_the_year_are_in_the_bulletin() -> None:
    card = golden("year-of-quarters")
    reports = facts(card)
    year = next(entry for entry in reports.tables if entry.title.startswith("2024"))
    # By hand in the README of the golden case: the veto of one quarter holds for the year.
    assert [(row[3], row[4]) for row in year.rows] == [("甲", "90.00"), ("乙", "70.00"), ("丙", "60.00")]
    for text in (markdown(reports), "\n".join(texts(word(reports)))):
        assert "2024, from its periods" in text
        assert "Veto: 安全事故" in text


def test_moves_are_called_by_what_they_are_against() -> None:
    reports = facts(golden("year-of-quarters"))  # ranking: against: 1y
    assert reports.against == "year on year"
    assert "Places year on year. Moved up: 乙 (2)." in markdown(reports)
    with using("zh"):
        text = markdown(facts(golden("year-of-quarters")))
    assert "同比，位次上升的有：乙（升2位）" in text
    assert "与上期相比，位次" not in text


def test_places_in_further_rankings_are_in_the_bulletin() -> None:
    reports = facts(golden("two-rankings"))
    (table,) = reports.tables
    assert list(table.headings) == ["县", "Rank within the cohort", "Rank within 规模"]
    assert list(table.rows[0])[:2] == ["甲", "1/3 ▲1"]
    assert "Rank within 规模" in "".join(texts(word(reports)))


def test_indices_beside_the_total_are_in_the_bulletin() -> None:
    system = SYSTEM.replace("adjustments:", "  quick: {title: 速度指数, weight: 0, parts: {rate: 1}}\nadjustments:", 1)
    rows = [("2024Q1", unit, name, value) for unit, done in (("甲县", 50), ("乙县", 90), ("丙县", 70))
            for name, value in (("办结量", done), ("受理量", 100), ("平台建成", 1), ("迟报次数", 0))]  # fmt: skip
    columns = dict(zip(("期别", "地区", "指标", "数值"), map(list, zip(*rows, strict=True)), strict=True))
    reports = facts(kpi.score([{**columns, "数值": [str(entry) for entry in columns["数值"]]}], system=system))
    (table,) = reports.tables
    assert table.title == "速度指数 (index beside the total)"
    assert [(row[0], row[2]) for row in table.rows] == [("1", "乙县"), ("2", "丙县"), ("3", "甲县")]


# ---- HOSTILE NAMES ---- #


@pytest.fixture(scope="module")
def hostile() -> Facts:
    return facts(scored(HOSTILE))


def test_hostile_names_are_texts_in_word(hostile) -> None:
    data = word(hostile)
    text = "".join(texts(data))
    assert all(name in text for name in (HOSTILE[0], LONG, HOSTILE[4], HOSTILE[5]))
    assert f"\u2068{RIGHT_TO_LEFT}\u2069" in text
    assert "\u202e" not in text
    assert "gnp.exe" in text
    with zipfile.ZipFile(BytesIO(data)) as parts:
        for name in parts.namelist():
            if name.endswith((".xml", ".rels")):
                root = etree.fromstring(parts.read(name))
                assert not [
                    entry for entry in root.iter() if isinstance(entry.tag, str) and entry.tag.endswith("}script")
                ]
    codes = [entry.get(qn("w:instr")) for entry in docx.Document(BytesIO(data)).element.iter(qn("w:fldSimple"))]
    assert not codes


def test_hostile_names_are_texts_in_markdown(hostile) -> None:
    text = markdown(hostile)
    assert "<script>" not in text
    assert r"\<script\>" in text
    assert r"=cmd\|" in text
    assert "49" not in re.findall(r"\| \S+ \| \S* \| (\S+) \|", text)
    assert "\u202e" not in text


# ---- TEMPLATES ---- #


def test_a_template_of_a_bureau_is_used(card, tmp_path) -> None:
    def change(document: docx.document.Document) -> None:
        document.add_paragraph("主送：{{ entities }}各单位，{{ groups[0].mean }}")

    path = changed(tmp_path, change)
    report = BulletinReport(card, None, path)
    assert f"主送：县区各单位，{facts(card).groups[0].mean}" in texts(content(report, "docx"))
    text = tmp_path / "my.md"
    text.write_text("{% for g in groups %}{{ g.mean }}{% endfor %}", encoding="utf-8")
    assert content(BulletinReport(card, None, text), "md").decode() == f"{facts(card).groups[0].mean}\n"


@pytest.mark.parametrize(
    ("tag", "what"),
    [
        pytest.param("{{ group.men }}", "`men`", id="an attribute"),
        pytest.param("{{ titel }}", "`titel`", id="a name"),
        pytest.param("{{ title | nummer }}", "`nummer`", id="a filter"),
        pytest.param("{% if title %}", "end", id="a block without an end"),
        pytest.param("{% endfor %}", "endfor", id="an end without a block"),
        pytest.param("{{ title + }}", "expression|unexpected", id="no expression"),
        pytest.param("{{ 1 / 0 }}", "zero", id="an arithmetic error"),
        pytest.param("{{ title | names(title) }}", "slice|int", id="a filter that fails"),
        pytest.param("{{ title.__class__.__mro__ }}", "unsafe|`__class__`", id="what a sandbox forbids"),
        pytest.param("{{ range(999999999) }}", "Range|range", id="too much"),
    ],
)
def test_a_mistake_is_reported_with_its_place(card, tmp_path, tag: str, what: str) -> None:
    def change(document: docx.document.Document) -> None:
        tagged = tag if "group." not in tag else f"{{% for group in groups %}}{tag}{{% endfor %}}"
        document.paragraphs[BEGIN].insert_paragraph_before(f"甲 {{{{ title }}}} 乙 {tagged}")

    path = changed(tmp_path, change)
    with pytest.raises(DataError) as caught:
        word(facts(card), path)
    (entry,) = caught.value.diagnostics
    assert entry.code == "K882"
    assert entry.place.file == str(path)
    assert f"in paragraph {BEGIN + 1}, at `" in entry.message
    assert tag in entry.message
    assert re.search(what, str(entry.message).partition("`: ")[2]), entry.message


def test_a_mistake_in_a_cell_and_in_a_footer_has_its_place(card, tmp_path) -> None:
    def in_cell(document: docx.document.Document) -> None:
        document.tables[0].rows[2].cells[5].paragraphs[0].runs[0].text = "{{ line.scor }}"

    def in_footer(document: docx.document.Document) -> None:
        document.sections[0].footer.paragraphs[0].add_run("{{ issue }}")

    for change, place, near in (
        (in_cell, "table 1, row 3, column 6", "`score`"),
        (in_footer, "the footer of a page", "`issuer`"),
    ):
        with pytest.raises(DataError) as caught:
            word(facts(card), changed(tmp_path, change))
        (entry,) = caught.value.diagnostics
        assert place in entry.message
        assert near in str(entry.hint)


def test_a_block_that_cuts_through_the_document_is_reported_and_not_mended(card, tmp_path) -> None:
    def change(document: docx.document.Document) -> None:
        document.paragraphs[BEGIN].insert_paragraph_before("{% for group in groups %}甲")
        row = document.tables[0].rows[0].cells[0].paragraphs[0]
        row.runs[0].text = "{% endfor %}"

    with pytest.raises(DataError) as caught:
        word(facts(card), changed(tmp_path, change))
    (entry,) = caught.value.diagnostics
    assert entry.code == "K882"
    assert "table 1, row 1, column 1" in entry.message
    assert "{% endfor %}" in entry.message


def test_a_mistake_in_a_text_has_its_line(card, tmp_path) -> None:
    path = tmp_path / "my.md"
    for text in ("# a\n\n{{ titel }}\n", "# a\n\n{% if %}\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            markdown(facts(card), path)
        (entry,) = caught.value.diagnostics
        assert (entry.code, entry.place.line) == ("K882", 3)


def test_wrong_names_are_reported_all_at_once_where_the_data_do_not_come(card, tmp_path) -> None:
    def change(document: docx.document.Document) -> None:
        before = document.paragraphs[BEGIN].insert_paragraph_before
        before("{% if not groups %}{{ titel }}{% else %}{{ title }}{% endif %}")
        document.tables[0].rows[2].cells[5].paragraphs[0].runs[0].text = "{% if false %}{{ line.scor }}{% endif %}"
        document.sections[0].footer.paragraphs[0].add_run("{% if false %}{{ issue }}{% endif %}")

    with pytest.raises(DataError) as caught:
        word(facts(card), changed(tmp_path, change))
    reported = [
        (re.search(r"in (.+), at `(.+)`: .*`(\w+)`$", entry.message).groups(), str(entry.hint))
        for entry in caught.value.diagnostics
    ]
    assert {entry.code for entry in caught.value.diagnostics} == {"K882"}
    assert reported == [
        ((f"paragraph {BEGIN + 1}", "{{ titel }}", "titel"), "did you mean `title`?"),
        (("table 1, row 3, column 6", "{{ line.scor }}", "scor"), "did you mean `score`?"),
        (("the footer of a page", "{{ issue }}", "issue"), "did you mean `issuer`?"),
    ]
    path = tmp_path / "my.md"
    path.write_text("{% if not groups %}\n{{ titel }}\n{% endif %}\n{{ perio }}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        markdown(facts(card), path)
    assert [entry.place.line for entry in caught.value.diagnostics] == [2, 4]


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        pytest.param("{% if 0 %}{{ groups[0].men }}{% endif %}", ["men"], id="an item"),
        pytest.param("{% for g in groups[:2] %}{{ g.first[0].scor }}{% endfor %}", ["scor"], id="a chain"),
        pytest.param("{% for g in groups %}{% set l = g.highest %}{{ l.unti }}{% endfor %}", ["unti"], id="set"),
        pytest.param("{% with p = parts | first %}{{ p.titel }}{% endwith %}", ["titel"], id="a first item"),
        pytest.param("{% macro m(a) %}{{ a.any }}{{ perio }}{% endmacro %}", ["perio"], id="a macro"),
        pytest.param("{{ parts | map(attribute='titel') | join }}", ["titel"], id="a mapped attribute"),
        pytest.param("{{ parts | selectattr('titel') | list }}", ["titel"], id="a selected attribute"),
        pytest.param("{{ parts | map(attribute='change') | map(attribute='amont') | list }}", ["amont"], id="twice"),
        pytest.param("{% for g in groups %}{{ loop.idx }}{% endfor %}", ["idx"], id="a loop"),
        pytest.param("{{ groups.mean }}", ["mean"], id="a list"),
        pytest.param("{{ title.endwith('a') }}", ["endwith"], id="a text"),
        pytest.param("{{ groups['0'] }}{{ groups[0]['men'] }}", ["0", "men"], id="in brackets"),
        pytest.param("{% for g in groups %}{% set k = 1 %}{% endfor %}{{ k }}", ["k"], id="beyond its loop"),
        pytest.param("{{ a }}\n{{ b if title else c }}", ["a", "b", "c"], id="in order"),
        pytest.param("{% if extra is defined %}{{ extra }}{% endif %}{{ more | default('') }}", [], id="asked for"),
        pytest.param("{% if groups[0].extra is defined %}{{ groups[0].extra }}{% endif %}", [], id="asked of an item"),
        pytest.param("{% set n = namespace(a=0) %}{% set n.a = n.a + 1 %}{{ n.a }}", [], id="a namespace"),
        pytest.param("{% set l = title %}{% set l = groups[0] %}{{ l.mean }}", [], id="assigned twice"),
        pytest.param("{% for g in groups recursive %}{{ loop.depth0 }}{{ loop.index }}{% endfor %}", [], id="loop"),
        pytest.param("{{ groups[0].change.short }}{{ title.upper() }}{{ range(3) | list }}", [], id="known"),
        pytest.param("{% set x %}{{ title }}{% endset %}{{ x.y }}", [], id="of an unknown kind"),
        pytest.param("{{ parts | sort(attribute='mean') | map('upper') | list }}", [], id="filters"),
        pytest.param("{% for a, b in parts | groupby('weight') %}{{ a.x }}{{ b.y }}{% endfor %}", [], id="pairs"),
    ],
)
def test_names_are_known_without_rendering(source: str, wrong: list[str]) -> None:
    assert [each.name for each in wrong_names(source, environment())] == wrong


def test_an_item_named_of_its_list_is_explained() -> None:
    (wrong,) = wrong_names("{{ groups.mean }}", environment())
    assert "loop" in str(wrong.hint)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"text"])
def test_a_file_that_is_no_template_is_refused(card, tmp_path, data: bytes) -> None:
    path = tmp_path / "my.docx"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        word(facts(card), path)
    assert caught.value.diagnostics[0].code == "K883"


def test_a_workbook_by_the_name_of_a_document_is_refused(card, tmp_path) -> None:
    path = tmp_path / "my.docx"
    path.write_bytes(content(ScorecardReport(card), "xlsx"))
    with pytest.raises(DataError) as caught:
        word(facts(card), path)
    assert caught.value.diagnostics[0].code == "K883"


def test_every_name_of_the_facts_is_documented() -> None:
    text = (ROOT / "docs/results.md").read_text("utf-8")
    missing = [name for name in NAMES if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text)]
    assert not missing


# ---- THE COMMAND ---- #


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    from kpi.cli import starter

    starter.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_bulletins(files) -> None:
    run = CliRunner().invoke(main, ["report", "period.csv", "-o", "a.docx", "-o", "a.md"])
    assert run.exit_code == 0, run.output
    assert "Overall" in (files / "a.md").read_text("utf-8")
    assert any("Overall" in line for line in texts((files / "a.docx").read_bytes()))
    score = CliRunner().invoke(main, ["score", "period.csv", "-o", "b.docx"])
    assert score.exit_code == 0, score.output
    assert (files / "b.docx").read_bytes() == (files / "a.docx").read_bytes()


def test_nothing_is_half_written(files) -> None:
    assert CliRunner().invoke(main, ["report", "--copy-template", "my.docx"]).exit_code == 0
    document = docx.Document("my.docx")
    document.add_paragraph("{{ titel }}")
    document.save("my.docx")
    (files / "old.docx").write_bytes(b"old")
    before = sorted(path.name for path in files.iterdir())
    for out in ("old.docx", "new.docx"):
        run = CliRunner().invoke(main, ["report", "period.csv", "--template", "my.docx", "-o", out])
        assert run.exit_code == 2
        assert "K882" in run.output
    assert (files / "old.docx").read_bytes() == b"old"
    assert sorted(path.name for path in files.iterdir()) == before


def test_a_template_is_copied_once_and_fits_what_is_written(files) -> None:
    for _ in range(2):
        run = CliRunner().invoke(main, ["report", "--copy-template", "my.md"])
    assert run.exit_code == 2
    assert "K540" in run.output
    run = CliRunner().invoke(main, ["report", "period.csv", "--template", "my.md", "-o", "a.docx"])
    assert "K883" in run.output
    assert not (files / "a.docx").exists()


def test_pdf_says_what_is_missing(files, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    monkeypatch.setattr("kpi.report.paper.pdf._ELSEWHERE", ())
    run = CliRunner().invoke(main, ["report", "period.csv", "-o", "a.pdf"])
    assert run.exit_code == 2
    assert "K510" in run.output
    assert "LibreOffice" in run.output
    assert not (files / "a.pdf").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("units", [HOSTILE, ("甲县", "乙县")])
def test_libreoffice_makes_the_same_pdf_of_it_twice(units) -> None:
    report = BulletinReport(scored(units))
    data = content(report, "pdf")
    assert data.startswith(b"%PDF-")
    assert content(report, "pdf") == data
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 4


def test_all_units_at_an_end_and_without_a_level_are_named() -> None:
    groups = {group.name: group for group in facts(cohorts_card()).groups}
    assert list(groups["east"].highest_units) == ["A", "B"]
    assert list(groups["west"].lowest_units) == ["E", "F"]
    assert {level.title: list(level.units) for level in groups["west"].levels} == {"top": ["D"], "no level": ["E", "F"]}
    text = markdown(facts(cohorts_card()))
    assert "The highest score is 70.00 (A, B)" in text
    assert "0 stars" not in text


@pytest.mark.parametrize(("language", "words"), [("en", "a row for 乙, 丙"), ("zh", "下列数据的列或行：乙、丙")])
def test_measures_that_no_file_has_are_one_finding_with_their_titles(language: str, words: str) -> None:
    system = kpi.load({
        "system": "lacking", "title": "评价", "period": "year", "entities": {"title": "县"},
        "measures": {name: {"title": title, "unit": "件"} for name, title in zip("abc", "甲乙丙", strict=True)},
        "indicators": {f"i{name}": {"kind": "level", "of": name, "target": {"at_least": 5}} for name in "abc"},
        "pillars": {"P": {"weight": 100, "parts": {f"i{name}": 1 for name in "abc"}}},
    })  # fmt: skip
    card = kpi.score(pl.DataFrame({"县": ["东县"], "期别": ["2023"], "甲": [7]}), system=system)
    with kpi.using_language(language):
        text = content(BulletinReport(card), "md").decode()
    assert text.count("K555") == 1
    assert words in text
    assert "`b`" not in text.replace("\\", "")
    if language == "en":
        assert "1 unit (县) has been assessed" in text
        assert "Of 1 unit, 1 has a score" in text


def test_what_a_definition_may_say_by_mistake_is_not_for_readers() -> None:
    frame = pl.DataFrame(
        {"期别": ["2023Q4"] * 3, "地区": ["甲县", "乙县", "丙县"], "办件量": [9, 7, 8], "受理量": [10, 10, 10]}
    )
    text = """\
system: t
period: quarter
entities: {title: 县}
measures: {办件: {title: 办件量, unit: 件}, 受理: {title: 受理量, unit: 件}}
indicators: {率: {kind: ratio, numerator: 办件, denominator: 受理, unit: '%', target: {at_least: 0.9}}}
pillars: {甲: {weight: 100, parts: {率: 1}}}
"""
    card = kpi.score(frame, system=text)
    assert "K433" in [item.code for item in card.findings_list]
    bulletin = facts(card)
    assert (bulletin.findings, bulletin.warnings) == ([], 0)
