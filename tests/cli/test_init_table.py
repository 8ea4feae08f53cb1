"""`kpi init --table`: what is written, reported and refused, in both languages, the same each time."""

from __future__ import annotations

import sys

import pytest
from command import kpi

from tests.intake.annex_tables import TABLES, WRITERS

ANNEX = next(item for item in TABLES if item.name == "townships")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("form", WRITERS)
def test_the_commands_that_are_printed_work(form, folder):
    WRITERS[form](ANNEX, folder / f"指标.{form}")
    ran = kpi("init", "--table", f"指标.{form}", findings=False)
    assert ran.code == 0, ran.err
    commands = [line.split()[1:] for line in ran.out.splitlines()]
    assert [item[0] for item in commands] == ["show", "sample", "score"]
    for item in commands:
        done = kpi(*item, findings=False)
        assert done.code == 0, done.err
    assert "2025年度乡镇重点工作考核评分表" in (folder / "指标.yaml").read_text("utf-8")


def test_every_guess_is_reported_with_its_row(folder):
    WRITERS["csv"](ANNEX, folder / "a.csv")
    ran = kpi("init", "--table", "a.csv", findings=True)
    result = {(item["code"], item["row"]) for item in ran.findings}
    text = (folder / "a.yaml").read_text("utf-8")
    assert {("K718", 9), ("K719", 4), ("K719", 7)} <= result
    assert text.count("# guess") >= sum(code == "K719" for code, _ in result)


def test_the_same_table_makes_the_same_definition(folder):
    texts = []
    for form in ("xlsx", "xlsx"):
        WRITERS[form](ANNEX, folder / f"a.{form}")
        kpi("init", "--table", f"a.{form}", "-o", f"out{len(texts)}", findings=False)
        texts.append((folder / f"out{len(texts)}/a.yaml").read_bytes())
    assert texts[0] == texts[1]


def test_comments_are_in_the_language_in_use(folder):
    WRITERS["csv"](ANNEX, folder / "a.csv")
    ran = kpi("--lang", "zh", "init", "--table", "a.csv", findings=False)
    assert ran.code == 0
    comments = [line for line in (folder / "a.yaml").read_text("utf-8").splitlines() if "# " in line]
    english = [line for line in comments if "the figure" in line or "guess" in line]
    assert not english


def test_nothing_is_overwritten(folder):
    WRITERS["csv"](ANNEX, folder / "a.csv")
    (folder / "a.yaml").write_text("mine", "utf-8")
    ran = kpi("init", "--table", "a.csv")
    assert [item[0] for item in ran.errors] == ["K540"]
    assert (folder / "a.yaml").read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "content", "code"),
    [
        ([], "", "K543"),
        (["none.csv"], "", "K501"),
        (["a.csv"], "", "K502"),
        (["a.csv"], "期别,地区,数值\n2023,甲县,1\n", "K721"),
        (["a.csv", "b.csv"], "指标,分值,评分标准\n甲,100,按比例得分\n", "K721"),
        (["a.docx"], "PK\x03\x04 nothing", "K503"),
    ],
)
def test_what_cannot_be_read_is_said(arguments, content, code, folder):
    for name in arguments:
        if name != "none.csv":
            (folder / name).write_text(content, "utf-8")
    ran = kpi("init", "--table", *arguments)
    assert (ran.code, [item[0] for item in ran.errors]) == (2, [code])
    assert not list(folder.glob("*.yaml"))


def test_one_folder_is_taken_without_a_table(folder):
    ran = kpi("init", "one", "two")
    assert (ran.code, [item[0] for item in ran.errors]) == (2, ["K543"])
    assert not (folder / "one").exists()


def test_a_missing_package_is_named(folder, monkeypatch):
    WRITERS["docx"](ANNEX, folder / "a.docx")
    monkeypatch.setitem(sys.modules, "docx", None)
    ran = kpi("init", "--table", "a.docx")
    assert [item[0] for item in ran.errors] == ["K510"]
    assert "python-docx" in ran.err
