"""The page holds the figures of the result, loads nothing, and runs no name; what a browser does is in test_browser."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kpi
from kpi.report.files import content, left_out, write
from kpi.report.page import contents as page_contents
from kpi.report.page import document
from kpi.report.page.numbers import ABSENT, Numbers
from kpi.report.robustness import RobustnessReport

SAMPLE = Path(__file__).parents[2] / "sample_data" / "jiaxing-2022"
HOSTILE = "</script><script>document.title='run'</script>=cmd|'/c calc'!A1\u202e"


class Reader(HTMLParser):
    """Collects the scripts of a page by their ids, and what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.name: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.name = (given.get("id") or "program") if tag == "script" else None
        self.loaded += [
            value or "" for name, value in attrs if name in {"src", "href"} and not str(value).startswith("#")
        ]

    def handle_data(self, data: str) -> None:
        if self.name is not None:
            self.texts[self.name] = self.texts.get(self.name, "") + data

    def handle_endtag(self, _tag: str) -> None:
        self.name = None


def unpacked(block: bytes, where: list[int]) -> list[float | None]:
    """Return the numbers of a column as the program of the page reads them."""
    offset, length, size, decimals = where
    planes = np.frombuffer(block, dtype="u1", count=length * size, offset=offset).reshape(size, length)
    values = np.ascontiguousarray(planes.T).view("<f8" if size == 8 else f"<i{size}").ravel().tolist()
    if size == 8:
        return [None if math.isnan(value) else value for value in values]
    return [None if value == ABSENT[size] else value / 10**decimals for value in values]


def opened(page: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the head of a page and its block of numbers."""
    reader = Reader(page.decode())
    return json.loads(reader.texts["head"]), zlib.decompress(base64.b64decode(reader.texts["numbers"]), -15)


@pytest.fixture(scope="module")
def card() -> kpi.Scorecard:
    return kpi.score([SAMPLE / "reports.csv", SAMPLE / "cases.csv"], system="jiaxing-2022", partly=True)


@pytest.fixture(scope="module")
def page(card) -> tuple[dict[str, Any], bytes]:
    return opened(content(card, "html"))


NUMBER = st.none() | st.floats(-1e9, 1e9) | st.integers(-300, 300).map(float)


@given(values=st.lists(NUMBER, min_size=1, max_size=30), decimals=st.integers(0, 6))
def test_numbers_come_back_as_they_are_shown(values, decimals):
    numbers = Numbers()
    numbers.add(pl.Series([1.0, None], dtype=pl.Float64), 0)
    where = numbers.add(pl.Series(values, dtype=pl.Float64), decimals)
    block = zlib.decompress(base64.b64decode(numbers.text()), -15)
    largest = max((abs(value) for value in values if value is not None), default=0)
    for value, shown in zip(values, unpacked(block, where), strict=True):
        assert (value is None) == (shown is None)
        if value is not None and shown is not None:
            assert abs(shown - value) <= max(0.5 * 10.0**-decimals, largest * 1e-8) * (1 + 1e-9)


def test_the_league_of_a_page_is_that_of_the_totals(card, page):
    head, block = page
    league = {key: unpacked(block, head["league"][key]) for key in ("score", "rank", "stars", "change")}
    rows = card.totals.with_columns(pl.col("score_change").round(2))
    for period, entity, score, rank, stars, change in rows.select(
        "period", "entity", "score", "rank", "stars", "score_change"
    ).iter_rows():
        place = head["periods"].index(period) * len(head["units"]) + head["units"].index(entity)
        assert (league["score"][place], league["rank"][place], league["stars"][place]) == (score, rank, stars)
        assert league["change"][place] == change or math.isclose(league["change"][place], change, abs_tol=1e-9)


def test_the_cards_of_a_page_have_every_value_score_and_point(card, page):
    head, block = page
    latest = card.indicators.filter(pl.col("period") == card.periods[-1])
    nodes = {node["name"]: node for node in head["nodes"]}
    for name, rows in latest.group_by("indicator", maintain_order=True):
        node = nodes[str(name[0])]
        for key, column, within in (("values", "value", 1e-3), ("score", "score", 0.005), ("points", "points", 1e-4)):
            if key not in node:
                assert rows[column].null_count() == rows.height
                continue
            expected = rows[column].to_list()
            for item, shown in zip(expected, unpacked(block, node[key]), strict=True):
                assert (item is None) == (shown is None)
                assert item is None or math.isclose(item, shown, abs_tol=within, rel_tol=1e-5)
    statuses = list(head["statuses"])
    (name,) = latest.filter(pl.col("status") != "ok")["indicator"].unique(maintain_order=True)[:1]
    shown = [statuses[int(place or 0)] for place in unpacked(block, nodes[name]["status"])]
    assert shown == latest.filter(pl.col("indicator") == name)["status"].to_list()


def test_the_measures_of_a_page_have_figures_and_rows(card, page):
    head, block = page
    latest = card.measures.filter(pl.col("period") == card.periods[-1])
    shown = {item["name"]: item for item in head["measures"]}
    for name, rows in latest.group_by("measure", maintain_order=True):
        measure = shown[str(name[0])]
        for value, figure in zip(rows["value"], unpacked(block, measure["values"]), strict=True):
            assert value == figure or math.isclose(value, figure, rel_tol=1e-5)
        assert unpacked(block, measure["rows"]) == rows["rows"].to_list()


def test_a_page_loads_nothing_and_names_are_no_markup():
    frame = pl.DataFrame({
        "期别": ["2023"] * 3, "地区": [HOSTILE, "长" * 200, "乙县"],
        "办件量": [200, 100, 50], "网办量": [180, 75, 20],
    })  # fmt: skip
    rate = {"kind": "ratio", "numerator": "online", "denominator": "all", "title": HOSTILE}
    system = {
        "scoring": {"kind": "minmax"},
        "system": "small", "title": HOSTILE, "period": "year", "entities": {"title": HOSTILE},
        "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网办量", "unit": "件"}},
        "indicators": {"rate": rate}, "pillars": {"a": {"weight": 100, "parts": {"rate": 1}}},
    }  # fmt: skip
    card = kpi.score(frame, system=system)
    for page in (
        content(card, "html").decode(),
        content(RobustnessReport(kpi.stress(frame, system=system, runs=5)), "html").decode(),
    ):
        reader = Reader(page)
        assert not reader.loaded
        assert "Content-Security-Policy" in page
        assert "\u202e" not in page
        assert all("document.title" not in text for name, text in reader.texts.items() if name != "head")
        assert reader.tags.count("script") in {0, 3}


def test_every_report_is_a_page(card, tmp_path):
    system = card.definition
    write(card, tmp_path / "report.html")
    stressed = kpi.stress([SAMPLE / "reports.csv", SAMPLE / "cases.csv"], system=system, runs=5)
    write(RobustnessReport(stressed), tmp_path / "stress.htm")
    assert (tmp_path / "report.html").read_bytes() == content(card, "html")
    assert "<table>" in (tmp_path / "stress.htm").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm to bundle the program with")
def test_the_program_is_that_of_its_source(tmp_path):
    folder = Path(document.__file__).parent
    source = tmp_path / "page" / "source"
    shutil.copytree(folder / "source", source, ignore=shutil.ignore_patterns("node_modules"))
    options = ("--silent", "--no-audit", "--no-fund", "--no-package-lock")
    fetched = subprocess.run(["npm", "install", *options], cwd=source, check=False, capture_output=True, timeout=300)
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch the packages: {fetched.stderr.decode()[-200:]}")
    subprocess.run(["npm", "run", "--silent", "build"], cwd=source, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "page" / "page.js").read_bytes() == (folder / "page.js").read_bytes(), "run make page"


def test_the_words_of_a_page_are_of_the_language_in_use(card):
    with kpi.using_language("zh"):
        head, _ = opened(content(card, "html"))
    chinese = re.compile("[\u4e00-\u9fff]")
    in_words = [text for text in head["texts"].values() if re.search(r"\w", re.sub(r"\{\w+\}", "", text))]
    assert all(chinese.search(text) for text in in_words)
    assert not [text for text in opened(content(card, "html"))[0]["texts"].values() if chinese.search(text)]


def test_headlines_stand_beside_the_total():
    folder = Path(__file__).parents[1] / "golden" / "scored-again"
    card = kpi.score(next(folder.glob("data*.csv")), system=folder / "system.yaml")
    head, block = opened(content(card, "html"))
    latest = card.headlines.filter(pl.col("period") == card.periods[-1])
    assert latest.height
    nodes = {node["name"]: node for node in head["nodes"] if node["parent"] is None and node.get("beside")}
    for name, rows in latest.group_by("headline", maintain_order=True):
        node = nodes[str(name[0])]
        shown = unpacked(block, node["scores"])[-len(head["units"]) :]
        assert shown == pytest.approx(rows["raw_score"].to_list(), abs=0.005)
        assert "points" not in node
        assert [inner for inner in head["nodes"] if inner["parent"] == node["name"]]


def golden(name):
    folder = Path(__file__).parents[1] / "golden" / name
    return kpi.score(folder / "data.csv", system=folder / "system.yaml")


def test_a_page_shows_marks_where_results_do():
    card = golden("marks-as-printed")
    head, block = opened(content(card, "html"))
    assert head["marks"]
    rows = card.pillars.filter(period=card.periods[-1])
    for node in (item for item in head["nodes"] if item["pillar"]):
        own = rows.filter(pillar=node["name"])
        assert unpacked(block, node["scores"])[-own.height :] == pytest.approx(own["marks"].to_list())
        assert node["full"] == own["full_marks"][0]
    shown = {item["name"]: item for item in head["nodes"] if not item["pillar"]}
    for row in card.indicators.filter(pl.col("marks").is_not_null(), period=card.periods[-1]).iter_rows(named=True):
        place = card.entities["entity"].to_list().index(row["entity"])
        assert unpacked(block, shown[row["indicator"]]["score"])[place] == pytest.approx(row["marks"], abs=0.006)


def test_a_page_has_the_totals_of_the_year():
    head, _ = opened(content(golden("year-of-quarters"), "html"))
    (table,) = head["longer"]
    assert table["title"] == "2024, from its periods"
    assert [row[3:5] for row in table["rows"]] == [["甲", "90.00"], ["乙", "70.00"], ["丙", "60.00"]]
    assert opened(content(golden("marks-as-printed"), "html"))[0]["longer"] == []


def test_what_a_page_leaves_out_is_a_finding(card, monkeypatch):
    assert left_out(card, "report.html") == []
    monkeypatch.setattr(page_contents, "_MOST_EARLIER", 1)
    monkeypatch.setattr(page_contents, "_MOST_MEASURES", 1)
    result = [str(item) for item in left_out(card, "report.html")]
    assert len(result) == 2
    assert result[0] == "warning K894 in the page, the lines of scores of indicators over earlier periods are left out"
