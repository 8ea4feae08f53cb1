"""`kpi check FILE --show`: a file as it is understood, and the lines by which it would be.

Class of wrong answer: figures that are shown otherwise than they are scored; advice that does not help.
"""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.drafting.advice import understanding
from kpi.report.language import using
from tests.soundness.test_shapes_of_a_table import ENTITIES, PERIODS, SHAPES, SYSTEM, TITLES, Table, write

DEFINITION = """
system: s
period: year
entities: {title: 县}
measures: {gdp: {title: GDP, unit: 亿元}, pop: {title: 人口, unit: 人}}
indicators: {a: {kind: level, of: gdp, score: {kind: rank}}}
pillars: {p: {weight: 100, parts: {a: 100}, ours: true}}
"""


def shown(folder, monkeypatch, *args):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, ["check", "--lang", "en", "--show", *args])


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_shown_is_what_is_scored(name, tmp_path):
    figures = {
        (who, when, of): 7.25 + 3 * at + 1.5 * then + 100 * number
        for at, who in enumerate(ENTITIES)
        for then, when in enumerate(PERIODS["year"])
        for number, of in enumerate(TITLES)
    }
    written = SHAPES[name](Table("year", ENTITIES, PERIODS["year"], figures))
    files = write(tmp_path, written, written.formats[-1])
    system = kpi.load(SYSTEM.format(grain="year", datasets=written.datasets, where=written.where, over="y"))
    result = understanding(files, system, 2024)
    assert result.complete
    card = kpi.score(files, system=system)
    scored = {
        (row["entity"], row["period"], system.symbols[row["measure"]].title): row["value"]
        for row in card.measures.iter_rows(named=True)
    }
    rows = [row for item in result.tables for row in item.understood.rows]
    assert len(rows) >= 3
    for who, when, what, value, unit in rows:
        assert unit in ("亿元", "万人")
        if not written.where:
            assert float(value) == scored[who, when, what]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("地区,2022年,2023年\n甲县,1,2\n乙县,3,4\n", "measure: {constant: GDP}", id="no figure is named"),
        pytest.param("地区,指标,1月,2月\n甲县,GDP,1,2\n乙县,GDP,3,4\n", "shape: {columns: periods}", id="no year"),
        pytest.param("派出机构,期别,GDP\n甲县,2022,2\n乙县,2022,4\n", "entity: 派出机构", id="unknown units"),
        pytest.param("2023各县情况,\n地区,GDP\n甲县,1\n乙县,2\n", "period: {from: title}", id="in the title"),
        pytest.param("期别,GDP\n2022,2\n2023,4\n", "entity: {constant: d}", id="no column of units"),
    ],
)  # fmt: skip
def test_advice_helps_once_it_is_taken(text, line, tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text(text, "utf-8")
    (tmp_path / "s.yaml").write_text(DEFINITION, "utf-8")
    done = shown(tmp_path, monkeypatch, "d.csv", "s.yaml")
    assert done.exit_code == 1
    assert "It would be with these lines" in done.stdout
    assert line in done.stdout
    answer = re.search(r"(?m)^    (datasets:)\n      (.*)$", done.stdout)
    assert answer is not None, done.stdout
    (tmp_path / "s.yaml").write_text(DEFINITION + f"datasets:\n  {answer[2]}\n", "utf-8")
    after = shown(tmp_path, monkeypatch, "d.csv", "s.yaml")
    assert (after.exit_code, "Not understood" in after.stdout) == (0, False)


def test_a_file_without_a_definition_is_shown_as_a_draft_takes_it(tmp_path, monkeypatch):
    text = "2023年主要指标,,\n单位：万元,,\n地区,产值,合格率（%）\n甲县,5,90\n合计,8,\n乙县,约3,80\n"
    (tmp_path / "d.csv").write_text(text, "utf-8")
    done = shown(tmp_path, monkeypatch, "d.csv")
    assert done.exit_code == 0, done.stderr
    assert "No definition fits" in done.stderr
    for words in ("Header: row 3; data from row 4", "Above it: 2023年主要指标", "the line above the table",
                  "合计 (row 5)", "row 6, column 产值: `约3` is a bound"):  # fmt: skip
        assert words in done.stdout, done.stdout
    assert re.search(r"甲县 +2023 +产值 +5 +万元", done.stdout)


def test_what_is_no_table_of_figures_is_shown_as_read(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("姓名,电话\n张,甲\n", "utf-8")
    done = shown(tmp_path, monkeypatch, "d.csv")
    assert done.exit_code == 1
    assert "K708" in done.stderr
    assert re.search(r"张 +甲", done.stdout)


def test_without_a_file_there_is_nothing_to_show(tmp_path, monkeypatch):
    done = shown(tmp_path, monkeypatch)
    assert (done.exit_code, "K543" in done.stderr) == (2, True)


def test_a_file_that_is_not_there_is_named(tmp_path, monkeypatch):
    done = shown(tmp_path, monkeypatch, "d.csv")
    assert (done.exit_code, "K501" in done.stderr) == (2, True)


def test_the_screen_is_translated(tmp_path):
    (tmp_path / "d.csv").write_text("地区,期别,GDP（元）\n甲县,2023,5\n", "utf-8")
    with using("zh"):
        assert understanding([tmp_path / "d.csv"], None, 2024).complete


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        (
            "县区,2022年GDP(亿元),2023年人口\n东湖县,1,3\n",
            {"GDP": "the heading", "人口": "the definition"},
        ),
        ("各县GDP\n单位：亿元\n县区,2022年,2023年\n东湖县,1,2\n西湖县,3,4\n", {"各县GDP": "the line above the table"}),
        ("地区,年份,指标,数值,计量单位\n东湖县,2022,GDP,1,亿元\n", {"GDP": "column `计量单位`, else the definition"}),
    ],
)
def test_the_source_of_a_unit_is_where_it_stands(text, sources, tmp_path):
    file = tmp_path / "data.csv"
    file.write_text(text, "utf-8")
    (table,) = understanding([file], None, 2024).tables
    assert {item.title: str(item.source) for item in table.understood.units} == sources
