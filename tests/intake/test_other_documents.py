"""Documents that are given as data and are none, such as the definition: each is said to be what it is."""

import gzip
import json

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.errors import DataError

DEFINITION = """
system: service
title: 政务服务评价
period: quarter
entities: {title: 县区}
measures:
  办件总量: {unit: 件}
  投诉量: {unit: 件}
indicators:
  投诉率: {kind: ratio, numerator: 投诉量, denominator: 办件总量, unit: ‰, target: {at_most: 4}}
pillars:
  政务服务: {weight: 100, parts: {投诉率: 100}}
"""
FIGURES = "期别,县区,办件总量,投诉量\n2024Q1,东湖县,12480,41\n2024Q1,南岭市,20115,77\n"
BATCH = 'store = "store"\n[[source]]\nsystem = "service"\ndata = "inbox/*.csv"\n'
AS_JSON = json.dumps(yaml.safe_load(DEFINITION), ensure_ascii=False)
INDENTED = json.dumps(yaml.safe_load(DEFINITION), ensure_ascii=False, indent=2)
ROW = '{"system": "service", "period": "2024Q1", "县区": "东湖县", "办件总量": 12480, "投诉量": 41}'
LONG = DEFINITION + "".join(f"# a note {number}\n" for number in range(500_000))


def refusal(path):
    with pytest.raises(DataError) as caught:
        kpi.score(path, system=DEFINITION)
    (finding,) = caught.value.diagnostics
    return finding


@pytest.mark.parametrize(
    ("name", "text", "words", "command"),
    [
        ("period.yaml", DEFINITION, "is a definition", "--system period.yaml"),
        ("period.yml", "# only notes\n- a\n", "is a definition", "--system period.yml"),
        ("period.yaml", LONG, "is a definition", "--system period.yaml"),
        ("period.txt", DEFINITION, "is a definition", "--system period.txt"),
        ("period.csv", DEFINITION.replace("\n", "\r\n"), "is a definition", "--system period.csv"),
        ("period.json", AS_JSON, "is a definition", "--system period.json"),
        ("period.json", INDENTED, "is a definition", "--system period.json"),
        ("nightly.toml", BATCH, "configuration of a batch", "kpi batch nightly.toml"),
        ("pyproject.toml", "[project]\nname = 'a'\n", "settings", "--system"),
        ("score.py", "import kpi\n\nkpi.score('a.csv', 'b.csv')\n", "a program", "--system"),
        ("method.md", "# 办法\n\n## 1. 指标\n\n| 指标 | 单位 |\n|---|---|\n| 产值 | 亿元 |\n", "a text", "--system"),
        ("notes.md", "# 办法\n\n按季度评价。\n", "a text", "--system"),
    ],
)  # fmt: skip
def test_a_document_that_is_no_table_is_named_with_how_to_give_it(tmp_path, name, text, words, command):
    (tmp_path / name).write_text(text, "utf-8")
    finding = refusal(tmp_path / name)
    assert (finding.code, words in finding.message, command in finding.hint) == ("K503", True, True), finding


def test_a_definition_is_known_when_it_is_packed(tmp_path):
    (tmp_path / "period.yaml.gz").write_bytes(gzip.compress(DEFINITION.encode()))
    assert "is a definition" in refusal(tmp_path / "period.yaml.gz").message


def test_a_definition_beside_figures_is_reported_and_these_are_scored(tmp_path):
    (tmp_path / "period.yaml").write_text(DEFINITION, "utf-8")
    (tmp_path / "period.csv").write_text(FIGURES, "utf-8")
    card = kpi.score([tmp_path / "period.csv", tmp_path / "period.yaml"], system=DEFINITION, partly=True)
    (finding,) = [item for item in card.findings_list if item.code == "K503"]
    assert (card.totals.height, "is a definition" in finding.message) == (2, True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("figures.md", FIGURES),
        ("figures.md", "# 三月\n\n" + FIGURES),
        ("figures.dat", FIGURES),
        ("figures.csv", FIGURES.replace("期别", "system,期别").replace("2024Q1", "service,2024Q1")),
        ("figures.csv", "system: SNA\ntitle: 季报\nperiod: 2024Q1\n\n" + FIGURES),
        ("figures.jsonl", ROW + "\n"),
        ("figures.json", f"[{ROW}]"),
    ],
)  # fmt: skip
def test_figures_whose_file_looks_like_another_document_are_scored(tmp_path, name, text):
    (tmp_path / name).write_text(text, "utf-8")
    card = kpi.score(tmp_path / name, system=DEFINITION)
    assert card.totals.filter(pl.col("score").is_not_null()).height == card.totals.height > 0


def test_the_chinese_refusal_has_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("KPI_LANG", "zh")
    (tmp_path / "period.yaml").write_text(DEFINITION, "utf-8")
    ran = CliRunner().invoke(main, ["score", str(tmp_path / "period.yaml")])
    assert "评价体系的定义" in ran.output
    assert "--system period.yaml" in ran.output
