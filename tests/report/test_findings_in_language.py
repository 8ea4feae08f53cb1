"""Findings are in the language in use when they are read, and in English in a store."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.report.files import write

SYSTEM = """
system: s
period: quarter
entities: {}
measures: {n: {title: 办件量, unit: 件}}
indicators: {i: {kind: level, of: n}}
"""
FRAME = pl.DataFrame({"期别": ["2024Q1"] * 2, "地区": ["甲县", "乙县"], "办件量": ["many", "3"]})
CHINESE = re.compile("[\u4e00-\u9fff]{4}")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    FRAME.write_csv(tmp_path / "d.csv")
    return tmp_path


@pytest.mark.parametrize("chosen", ["using", "environment"])
def test_the_frame_of_findings_is_in_the_language_in_use(files, chosen, monkeypatch):
    card = kpi.score(files / "d.csv", system=files / "s.yaml")
    english = card.findings["message"].to_list()
    assert not any(map(CHINESE.search, english))
    if chosen == "using":
        with kpi.using_language("zh"):
            chinese = card.findings["message"].to_list()
    else:
        monkeypatch.setenv("KPI_LANG", "zh")
        chinese = card.findings["message"].to_list()
        monkeypatch.delenv("KPI_LANG")
    assert all(map(CHINESE.search, chinese))
    assert card.findings["message"].to_list() == english
    assert [str(item.message) for item in card.findings_list] == english


def test_errors_and_checks_are_in_the_language_in_use(files):
    with pytest.raises(kpi.KpiError) as raised:
        kpi.score([], system=files / "s.yaml")
    error = raised.value
    assert "there is no data to score" in str(error)
    with kpi.using_language("zh"):
        assert "there is no data to score" not in str(error)
        assert CHINESE.search(str(error))
        (chinese, *_) = kpi.check(files / "s.yaml", data=files / "d.csv")
        assert CHINESE.search(chinese.message)
    (english, *_) = kpi.check(files / "s.yaml", data=files / "d.csv")
    assert not CHINESE.search(english.message)
    assert english.message.template == chinese.message.template


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_files_of_findings_are_in_the_language_in_use(files, language, form):
    card = kpi.score(files / "d.csv", system=files / "s.yaml")
    target = files / "out.json" if form == "json" else files / f"{form}"
    with kpi.using_language(language):
        if form == "json":
            write(card, target)
            messages = [row["message"] for row in json.loads(target.read_text("utf-8"))["findings"]]
        else:
            frame = card.findings
            getattr(frame, f"write_{form}")(target)
            messages = getattr(pl, f"read_{form}")(target)["message"].to_list()
    assert all((CHINESE.search(message) is not None) == (language == "zh") for message in messages)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_json_of_the_command_line_is_in_its_language(files, language):
    command = ["score", str(files / "d.csv"), "--system", str(files / "s.yaml"), "-f", "json", "--lang", language]
    done = CliRunner().invoke(main, command)
    messages = [row["message"] for row in json.loads(done.stdout)["findings"]]
    assert all((CHINESE.search(message) is not None) == (language == "zh") for message in messages)
