"""Class of wrong answer: a difference that is silent about places and indices beside the total."""

from __future__ import annotations

import json

import polars as pl
import pytest

import kpi
from kpi.analysis.diff import diff, side
from kpi.report import analysis, queries, results, robustness, roster, tree, way_up  # noqa: F401 - all reports
from kpi.report import difference as report
from kpi.report import method as method_of_system  # noqa: F401
from kpi.report.files import write
from kpi.report.language import LANGUAGES, localized, using
from kpi.report.reading import read_result
from kpi.report.shape import Report

SYSTEM = """
system: two
period: year
entities: {title: 县, roster: roster.csv}
datasets: {data: {form: panel}}
measures: {产值: {unit: 亿元}, 人口: {unit: 万人, over_time: last}, 专利: {unit: 件}}
indicators:
  i产值: {kind: level, of: 产值}
  i专利: {kind: level, of: 专利}
groups: {规模: {of: 人口, cuts: {大: 50, 小: 0}}}
scoring: {kind: goalposts, low: 0, high: 100}
pillars:
  产业: {weight: 100, parts: {i产值: 1, i专利: 0}}
  创新: {weight: 0, title: 创新指数, parts: {i专利: 1, i产值: 1}}
ranking: {within: [all, cohort, 规模]}
"""
OLD = "期别,县,产值,人口,专利\n2023,甲,10,60,5\n2023,乙,20,70,6\n2023,丙,1,45,7\n2023,丁,3,9,50\n"
NEW = OLD.replace("丙,1,45,7", "丙,30,55,7").replace("甲,10,60,5", "甲,10,60,40")


@pytest.fixture
def cards(tmp_path):
    """Two scorecards: 丙 makes more and becomes large, 甲 has more patents, which only the headline counts."""
    (tmp_path / "roster.csv").write_text("entity,cohort\n甲,东\n乙,东\n丙,西\n丁,西\n", "utf-8")
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    result = []
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
        result.append(kpi.score(tmp_path / f"{name}.csv", system=tmp_path / "s.yaml"))
    return result


def of_cards(cards):
    return diff(side(cards[0], "old"), side(cards[1], "new"))


def test_headlines_and_places_of_two_scorecards(cards):
    result = of_cards(cards)
    moved = result.changed_headlines.select(
        "entity", "score_before", "score", "rank_before", "rank", "rank_change"
    ).rows()
    assert sorted(moved) == [("丙", 4, 18.5, 4, 3, 1), ("乙", 13, 13, 2, 4, -2), ("甲", 7.5, 25, 3, 2, 1)]
    places = {(row["entity"], row["within"]): row for row in result.changed_places.iter_rows(named=True)}
    national = {who: row["rank_change"] for (who, within), row in places.items() if within == "all"}
    assert national == {"甲": -1, "乙": -1, "丙": 3, "丁": -1}
    # In another group nobody has gained or lost places.
    assert (places["丙", "规模"]["group_before"], places["丙", "规模"]["group"]) == ("小", "大")
    assert places["丙", "规模"]["rank_change"] is None
    assert places["丙", "cohort"]["rank_change"] == 1


def test_the_effects_on_headlines_add_up(cards, tmp_path):
    changed = kpi.score(tmp_path / "new.csv", system=_other(tmp_path))
    bridge = side(cards[1], "between")
    rows = diff(side(cards[0], "old"), side(changed, "new"), bridge).headlines
    total = rows["from_data"] + rows["from_definition"]
    assert total.to_list() == pytest.approx(rows["change"].to_list())
    assert rows.filter(entity="甲").select("from_data", "from_definition").row(0) == pytest.approx((17.5, 7.5))


def _other(folder):
    (folder / "t.yaml").write_text(SYSTEM.replace("{i专利: 1, i产值: 1}", "{i专利: 3, i产值: 1}"), "utf-8")
    return folder / "t.yaml"


@pytest.mark.parametrize("written", ["{}.json", "{}/"])
def test_written_results_have_the_same_standings(cards, tmp_path, written):
    sides = []
    for name, card in zip(("old", "new"), cards, strict=True):
        write(card, f"{tmp_path}/{written.format(name)}")
        sides.append(read_result(tmp_path / written.format(name).rstrip("/")))
    result, expected = diff(*sides), of_cards(cards)
    for name in ("headlines", "places"):
        item, other = getattr(result, name), getattr(expected, name)
        assert item.height > 0
        assert item.rows() == other.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String)).rows()


@pytest.mark.parametrize("suffix", ["json", "md", "html", "xlsx", "docx", "csv"])
def test_every_format_has_the_standings(cards, tmp_path, suffix):
    difference = report.DifferenceReport(of_cards(cards))
    if suffix == "docx":
        pytest.importorskip("docx")
    target = tmp_path / ("out" if suffix == "csv" else f"out.{suffix}")
    write(difference, f"{target}/" if suffix == "csv" else str(target))
    if suffix == "json":
        tree = json.loads(target.read_text("utf-8"))
        assert (len(tree["headlines"]), len(tree["places"])) == (4, 12)
    elif suffix in ("md", "html"):
        text = target.read_text("utf-8")
        assert "Changes of headlines" in text
        assert "Changes of places" in text
    elif suffix == "csv":
        assert {"headlines.csv", "places.csv", "headlines.parquet"} <= {item.name for item in target.iterdir()}
    else:
        assert target.stat().st_size > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_of_frames_are_names_of_sheets(language):
    """A workbook allows 31 characters, of which a number of a further sheet takes up to four."""
    kinds = [kind for kind in _below(Report) if "sheets" in vars(kind)]
    assert len(kinds) > 5, kinds
    with using(language):
        titles = {str(localized(title)) for kind in kinds for title in kind.sheets.values()}
    assert not [title for title in titles if len(title) > 27]


def _below(kind):
    return [kind, *(result for below in kind.__subclasses__() for result in _below(below))]


def test_the_table_and_that_of_a_unit_have_the_standings(cards):
    result = of_cards(cards)
    for text in (report.table(result), report.table(result.of("丙"), "丙")):
        assert "创新指数" in text
        assert "小 → 大" in text
    assert "all units" in report.table(result)


def test_a_difference_of_headlines_alone_is_one(cards, tmp_path):
    (tmp_path / "c.csv").write_text(OLD.replace("甲,10,60,5", "甲,10,60,40"), "utf-8")
    other = kpi.score(tmp_path / "c.csv", system=tmp_path / "s.yaml")
    result = diff(side(cards[0], "old"), side(other, "new"))
    assert result.changed.height == 0
    text = report.table(result)
    assert "Nothing has changed" not in text
    assert "创新指数" in text


def test_systems_without_them_have_no_such_frames():
    from tests.soundness.small_evaluation import small_card

    card = small_card(
        "\nmeasures: {x: {unit: 分}}\nindicators: {i: {kind: level, of: x}}\n"
        "scoring: {kind: goalposts, low: 0, high: 9}\npillars: {p: {parts: [i]}}\n",
        (2023, "甲", "x", 5),
    )
    result = diff(side(card, "a"), side(card, "b"))
    assert not {"headlines", "places"} & set(result.frames)
