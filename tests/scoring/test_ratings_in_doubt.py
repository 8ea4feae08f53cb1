"""Ratings of indicators whose limits reach another star: against limits by hand, in every output, and where none is."""

from __future__ import annotations

import io
import zipfile

import pytest

import kpi
from kpi.language.loading.loader import examine_text
from kpi.report.files import write
from kpi.report.league import league, ratings_in_doubt
from kpi.report.page.contents import head
from kpi.report.page.numbers import Numbers
from kpi.report.table import league_table

SYSTEM = """
system: ratings
period: year
entities: {title: 区}
measures: {hits: {unit: 件}, cases: {unit: 件}, late: {unit: 件}}
indicators:
  share: {kind: ratio, numerator: hits, denominator: cases, title: 办结率, score: {kind: goalposts, low: 0, high: 100}}
  delay: {kind: ratio, numerator: late, denominator: cases, title: 超期率, score: {kind: goalposts, low: 0, high: 50}, better: lower}
pillars: {all: {weight: 100, parts: {share: 50, delay: 50}}}
stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}
"""  # noqa: E501
#: Wilson's limits of 95 %: 81/100 is 72.2 to 87.5, 8100/10000 80.2 to 81.8, 75/100 65.7 to 82.5; 0/100 is 0 to 3.70.
HITS, CASES, LATE = [81, 8100, 75, None], [100, 10_000, 100, 100], [0, 0, 12, 0]


def card(more: str = "limits: 95", system: str = SYSTEM) -> kpi.Scorecard:
    frame = {"地区": [f"区{at}" for at in range(4)], "期别": ["2023"] * 4, "hits": HITS, "cases": CASES, "late": LATE}
    examined = examine_text(system + more)
    assert examined.system is not None, examined.findings
    return kpi.score(frame, system=examined.system)


def ratings(scored: kpi.Scorecard, name: str = "share") -> list[tuple[float | None, ...]]:
    return scored.indicators.filter(indicator=name).select("stars_low", "stars", "stars_high").rows()


def test_a_rating_is_open_between_the_levels_of_its_limits():
    assert ratings(card()) == [(3, 4, 4), (4, 4, 4), (2, 3, 4), (None, None, None)]


def test_of_what_is_better_lower_the_upper_limit_is_the_lower_rating():
    """12/100 is 7.0 to 19.8: scores of 76 and 60.4 to 86; 0/100 is 92.6 to 100."""
    assert ratings(card(), "delay") == [(5, 5, 5), (5, 5, 5), (2, 3, 4), (5, 5, 5)]


def test_a_target_between_the_limits_may_be_what_is_rated_best():
    """Within 40 to 42 %, 30/64 is 46.9, 89.6 marks. 35.2 has 88.0, 58.9 has 71.3, and 42 between them full marks."""
    text = SYSTEM.replace("score: {kind: goalposts, low: 0, high: 100}", "target: {within: [40, 42]}")
    frame = {"地区": ["区0"], "期别": ["2023"], "hits": [30], "cases": [64], "late": [0]}
    scored = kpi.score(frame, system=examine_text(text + "limits: {level: 95, of: share}").system)
    assert ratings(scored) == [(3, 4, 5)]


@pytest.mark.parametrize("kind", ["rank", "percentile", "minmax", "zscore", "distance_to_best"])
def test_a_score_that_depends_on_the_others_has_no_rating(kind):
    """The minimum, the mean or the best of the group would move with the value between its limits."""
    score = f"{{kind: {kind}}}"
    text = SYSTEM.replace("{kind: goalposts, low: 0, high: 100}", score)
    assert ratings(card(system=text)) == [(None, None, None)] * 4
    assert ratings(card(system=text), "delay")[2] == (2, 3, 4)


def test_treated_values_have_no_rating():
    more = "limits: 95\ntreatment: {small: {kind: shrink, of: [share]}}"
    assert ratings(card(more)) == [(None, None, None)] * 4


@pytest.mark.parametrize("more", ["", "limits: 95"])
def test_without_limits_or_without_cuts_there_are_no_columns(more):
    text = (
        SYSTEM if not more else SYSTEM.replace("stars: {kind: bands", "stars: {kind: quota, shares: {5: 50, 4: 50}} #")
    )
    scored = card(more, text)
    assert "stars_low" not in scored.indicators.columns
    assert ratings_in_doubt(scored, "2023") == {}


def test_every_output_says_so(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    text = "办结率 not distinguishable from ★★★☆☆"
    with kpi.using_language("en"):
        scored = card()
        notes = {line.entity: line.note for line in league(scored).lines}
        for name in ("a.xlsx", "a.html", "a.md", "a.docx", "a.json"):
            write(scored, tmp_path / name)
        shown = " ".join(league_table(scored, width=200).split())
        explained = str(kpi.explain(scored, "区0", "share").detail)
    assert text in notes["区0"]
    assert "办结率" not in notes["区1"]
    assert "超期率 not distinguishable from ★★☆☆☆ to ★★★★☆" in notes["区2"]
    assert text in shown
    for name in ("a.html", "a.md"):
        assert text in (tmp_path / name).read_text("utf-8"), name
    document = zipfile.ZipFile(io.BytesIO((tmp_path / "a.docx").read_bytes())).read("word/document.xml").decode()
    assert text in document
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cells = {sheet.title: [str(cell.value) for row in sheet.iter_rows() for cell in row] for sheet in book}
    assert sum(any("not distinguishable from ★★★☆☆" in cell for cell in texts) for texts in cells.values()) >= 2
    assert '"stars_low":3.0' in (tmp_path / "a.json").read_text("utf-8").replace(" ", "")
    assert "rating 4 stars, not distinguishable from 3 stars" in explained


def test_the_card_of_a_unit_on_the_page_says_so_of_each_indicator():
    with kpi.using_language("en"):
        numbers = Numbers()
        nodes = {node["name"]: node for node in head(card(), numbers)["nodes"]}
    assert nodes["share"]["doubts"] == [
        "", "not distinguishable from ★★★☆☆", "not distinguishable from ★★☆☆☆ to ★★★★☆",
    ]  # fmt: skip
    assert nodes["delay"]["doubts"] == ["", "not distinguishable from ★★☆☆☆ to ★★★★☆"]
    assert "doubt" not in {node["name"]: node for node in head(card(""), Numbers())["nodes"]}["share"]


def test_levels_have_their_names(tmp_path):
    text = SYSTEM.replace("1: 0}}", "1: 0}, names: {5: 优, 4: 良, 3: 中, 2: 及格, 1: 差}}")
    with kpi.using_language("en"):
        notes = {line.entity: line.note for line in league(card(system=text)).lines}
    assert "办结率 not distinguishable from 中" in notes["区0"]


def test_more_than_three_ratings_of_a_unit_are_counted():
    names = [f"rate{at}" for at in range(5)]
    rate = "{kind: ratio, numerator: hits, denominator: cases, score: {kind: goalposts, low: 0, high: 100}}"
    rates = "".join(f"\n  {name}: {rate}" for name in names)
    parts = ", ".join(f"{name}: 20" for name in names)
    text = SYSTEM.replace("\npillars:", f"{rates}\npillars:").replace("share: 50, delay: 50", parts)
    with kpi.using_language("en"):
        notes = {line.entity: line.note for line in league(card(system=text)).lines}
    assert notes["区0"].count("★★★☆☆") == 4  # the total and three of six
    assert "ratings of 3 more indicators not distinguishable from others" in notes["区0"]
