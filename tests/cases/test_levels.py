"""Class of wrong answer: stars that nothing states, levels under another name, places that nobody has."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

import kpi
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import examine_text
from kpi.report import cards
from kpi.report import difference as difference_report
from kpi.report.files import content
from kpi.report.markdown import markdown
from kpi.report.robustness import table as robust_table
from kpi.report.table import league_table
from kpi.report.tree import tree

CASE = Path(__file__).parent / "vetoed-quota"
QUOTA = (CASE / "system.yaml").read_text("utf-8")
DATA = (CASE / "data.csv").read_text("utf-8")
STARS = QUOTA[QUOTA.index("stars:") :]
EFFECT = "effect: {stars_at_most: 1}"


def scored(folder: Path, text: str = QUOTA, data: str = DATA) -> Scorecard:
    (folder / "data.csv").write_text(data, "utf-8")
    loaded = examine_text(text)
    assert loaded.system is not None, loaded.findings
    return kpi.score(folder / "data.csv", system=loaded.system)


def grades(card: Scorecard) -> str:
    """The grades from the best total to the worst."""
    return "".join(grade or "-" for grade in card.totals.sort("raw_score", descending=True)["grade"])


def data(vetoed: str, scores: list[int] | None = None) -> str:
    """Ten units, from the best to the worst, an `x` in the place of each that has an accident, `X` for two."""
    scores = scores or list(range(99, 89, -1))
    bad = {"x": 1, "X": 2, ".": 0}
    rows = [f"2024,局{n:02d},{s},{bad[v]}" for n, (s, v) in enumerate(zip(scores, vetoed, strict=True), 1)]
    return "年份,部门,分数,重大事故\n" + "\n".join(rows) + "\n"


# ---- QUOTAS ---- #


def test_the_place_of_a_vetoed_unit_goes_to_the_next_or_is_used_up_as_the_definition_says(tmp_path):
    assert grades(scored(tmp_path)) == "ACAABBBBBC"
    assert grades(scored(tmp_path, QUOTA.replace("shares:", "vetoed: passed_on, shares:"))) == "ACAABBBBBC"
    assert grades(scored(tmp_path, QUOTA.replace("shares:", "vetoed: counted, shares:"))) == "ACABBBBBCC"


@pytest.mark.parametrize(
    ("effect", "vetoed", "passed_on", "counted"),
    [
        ("{stars_at_most: 1}", "xx........", "CCAAABBBBB", "CCABBBBBCC"),
        # Who may still be B takes a place of B, not of A.
        ("{stars_at_most: 2}", "x.........", "BAAABBBBCC", "BAABBBBBCC"),
        ("{demote: 1}", "x.........", "BAAABBBBCC", "BAABBBBBCC"),
        ("{demote: 1}", "xx........", "BBAAABBBCC", "BBABBBBBCC"),
        ("{demote: 1}", "...x......", "AAACBBBBBC", "AAACBBBBCC"),
        ("{demote: 2}", "x.........", "CAAABBBBBC", "CAABBBBBCC"),
        # Who fails is not ranked: shares are of the other nine, or of all ten.
        ("{fail: true}", "x.........", "-AAABBBBCC", "-AABBBBBCC"),
    ],
)
def test_places_are_passed_on_whatever_the_veto_does(tmp_path, effect, vetoed, passed_on, counted):
    text = QUOTA.replace(EFFECT, f"effect: {effect}")

    def by_entity(text):
        frame = scored(tmp_path, text, data(vetoed)).totals.sort("entity")
        return "".join(grade or "-" for grade in frame["grade"])

    assert by_entity(text) == passed_on
    assert by_entity(text.replace("shares:", "vetoed: counted, shares:")) == counted


def test_a_place_passed_on_to_a_demoted_unit_goes_on_to_the_one_behind_it(tmp_path):
    text = QUOTA.replace(
        "v: {kind: veto, when: bad > 0, effect: {stars_at_most: 1}}",
        "v: {kind: veto, when: bad > 1, effect: {stars_at_most: 1}}, "
        "w: {kind: veto, when: bad = 1, effect: {demote: 1}}",
    )
    # The fourth is among the best three only because the first is not: it earns A, has B, and A goes to the fifth.
    assert grades(scored(tmp_path, text, data("X..x......"))) == "CAABABBBBC"


def test_ties_at_a_place_passed_on_get_the_better_level_together_or_the_worse(tmp_path):
    scores = [99, 98, 97, 96, 96, 94, 93, 92, 91, 90]
    assert grades(scored(tmp_path, QUOTA, data("x.........", scores))) == "CAAAABBBBC"
    excluded = QUOTA.replace("shares:", "ties: exclude, shares:")
    assert grades(scored(tmp_path, excluded, data("x.........", scores))) == "CAABBBBBBC"


def test_cohorts_with_shares_of_their_own_pass_places_on_within_themselves(tmp_path):
    text = QUOTA.replace("shares:", "cohorts: {乙: {3: 60, 1: 40}}, shares:")
    lines = data("x....x....").splitlines()
    rows = [lines[0] + ",分组", *(f"{line},{'甲' if n < 5 else '乙'}" for n, line in enumerate(lines[1:]))]
    totals = scored(tmp_path, text, "\n".join(rows) + "\n").totals.sort("entity")
    assert "".join(totals["grade"]) == "CAABB" + "CAAAC"


def test_what_happens_to_places_is_told(tmp_path):
    for text, words in (
        (QUOTA, "go to the next"),
        (QUOTA.replace("shares:", "vetoed: counted, shares:"), "use up their places"),
    ):
        shown = cards.system(scored(tmp_path, text).definition)
        assert words in shown
        assert "A 30 %, B 50 %, C 20 %" in shown


# ---- WITHOUT STARS ---- #

PLAIN = QUOTA.replace(STARS, "").replace(EFFECT, "effect: {score_at_most: 60}")


@pytest.mark.usefixtures("chinese")
def test_without_a_scheme_there_are_no_stars_anywhere(tmp_path):
    card = scored(tmp_path, PLAIN)
    assert card.totals["stars"].null_count() == card.totals["grade"].null_count() == 10
    assert card.totals["score"].null_count() == 0
    for text in (
        league_table(card), markdown(card), tree(card, "局01", explain(card, "局01")),
        robust_table(kpi.stress(tmp_path / "data.csv", system=card.definition, runs=5)),
        difference_report.table(diff(side(card, "a"), side(scored(tmp_path, PLAIN, data("..........")), "b"))),
        difference_report.table(
            diff(side(card, "a"), side(scored(tmp_path, PLAIN, data("..........")), "b")), "局02"
        ),
    ):  # fmt: skip
        assert not any(sign in text for sign in ("★", "☆", "星", "等级")), text
    assert "不评星级" in cards.system(card.definition)
    document = json.loads(content(card, "json"))
    assert {row["stars"] for row in document["totals"]} == {row["grade"] for row in document["totals"]} == {None}
    head = [cell.value for cell in load_workbook(io.BytesIO(content(card, "xlsx")))["总表"][1]]
    assert not {"星数", "星级", "等级", "级数"} & set(head)


@pytest.mark.parametrize("effect", ["stars_at_most", "demote"])
def test_a_veto_on_stars_needs_a_scheme(effect):
    result = examine_text(QUOTA.replace(STARS, "").replace(EFFECT, f"effect: {{{effect}: 1}}"))
    assert [(item.code, item.place.line) for item in result.findings] == [("K475", 7)]


def test_vetoes_on_scores_and_failures_need_none(tmp_path):
    for effect in ("{score: 59}", "{score_at_most: 60}", "{fail: true}"):
        assert scored(tmp_path, PLAIN.replace("{score_at_most: 60}", effect)).totals.height == 10


# ---- NAMES ---- #


@pytest.mark.usefixtures("chinese")
def test_names_stand_in_the_place_of_stars(tmp_path):
    card = scored(tmp_path)
    other = scored(tmp_path, QUOTA, data(".........."))
    changes = diff(side(card, "a"), side(other, "b"))
    for text in (
        league_table(card), markdown(card), tree(card, "局02", explain(card, "局02")),
        robust_table(kpi.stress(tmp_path / "data.csv", system=card.definition, runs=5)),
        difference_report.table(changes), difference_report.table(changes, "局02"),
    ):  # fmt: skip
        assert not any(sign in text for sign in ("★", "☆", "星")), text
    lines = {
        re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]", "", line.split()[1]): line.split()
        for line in reversed(league_table(card).splitlines())
        if "局" in line
    }
    assert (lines["局01"][3], lines["局02"][3]) == ("A", "C")
    assert "C → A" in difference_report.table(changes, "局02")
    assert "等级不高于 C" in tree(card, "局02", explain(card, "局02"))
    sheet = load_workbook(io.BytesIO(content(card, "xlsx")))["总表"]
    head = [cell.value for cell in sheet[1]]
    assert ("等级" in head, "级数" in head, "星级" in head) == (True, True, False)
    assert (sheet[2][head.index("等级")].value, sheet[2][head.index("级数")].value) == ("A", 3)


def test_a_level_without_a_name_shows_its_stars(tmp_path):
    shown = league_table(scored(tmp_path, QUOTA.replace("names: {3: A, 2: B, 1: C}", "names: {3: A}")))
    assert shown.count("★★☆☆☆") == 5


# ---- DEMOTIONS ---- #

BANDS = "stars: {kind: bands, cuts: {3: 95, 2: 92, 1: 0}}\n"


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (BANDS, [2, 1, 1]),
        (BANDS.replace("cuts", "floor: 0, cuts"), [2, 1, 0]),
        (BANDS.replace("1: 0}", "1: 91}"), [2, 1, 0]),
        ("stars: {kind: quota, shares: {3: 40, 2: 40, 1: 20}}\n", [2, 2, 1]),
        ("stars: {kind: quota, floor: 0, shares: {3: 40, 2: 40, 1: 20}}\n", [2, 2, 0]),
        ("stars: {kind: breaks, levels: [1, 2, 3], floor: 0}\n", [2, 1, 0]),
        ("stars: {kind: ladder, rungs: {1: {score: 0}, 2: {score: 92}, 3: {score: 95}}}\n", [2, 1, 0]),
    ],
)
def test_a_demotion_stops_at_the_lowest_level_or_at_none_where_the_floor_says_so(tmp_path, scheme, expected):
    text = QUOTA.replace(STARS, scheme).replace(EFFECT, "effect: {demote: 1}")
    scores = [99, 98, 97, 96, 93, 93, 93, 92, 90, 90]
    totals = scored(tmp_path, text, data("x...x....x", scores)).totals.sort("entity")
    result = totals["stars"].to_list()
    assert [result[0], result[4], result[9]] == expected
    card = scored(tmp_path, text, data("x...x....x", scores))
    assert "一票否决：v" in next(line for line in reversed(league_table(card).splitlines()) if "局10" in line)
    if expected[-1] == 0:
        assert "☆☆☆☆☆" in league_table(card)
