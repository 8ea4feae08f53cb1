"""What people read of units that merge or change their name: diff, the table of places, and explanations say so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.cli.main import main
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError
from kpi.report.league import league

SYSTEM = """system: t
period: year
entities: {title: 县%s}
measures:
  g: {title: 总值, unit: 亿元}
  r: {title: 满意率, unit: '%%'}
indicators:
  ig: {title: 总值增速, kind: growth, of: g, target: {at_least: 5}}
  ix: {title: 总值指数, kind: index, of: g, base: '2019', target: {at_least: 100}}
  ir: {title: 满意率水平, kind: level, of: r, target: {at_least: 95}}
pillars: {p: {parts: {ig: 1, ir: 1}}}
"""
TABLE = "old,new,date\n江干区,上城区,2021\n临安市,临安区,2021\n"
YEARS = {
    "上城区": (2019, 2020, 2021), "江干区": (2019, 2020), "临安市": (2019, 2020), "临安区": (2021,),
    "富阳区": (2019, 2020, 2021),
}  # fmt: skip


def frame(*years: int) -> pl.DataFrame:
    rows = [
        (str(year), who, 100.0 + year - 2019, 80.0 + at + year - 2019)
        for at, (who, there) in enumerate(YEARS.items()) for year in there if year in (years or there)
    ]  # fmt: skip
    return pl.DataFrame(rows, ["period", "entity", "总值", "满意率"], orient="row")


def definition(path: Path, table: str | None = TABLE) -> Path:
    (path / "s.yaml").write_text(SYSTEM % ("" if table is None else ", succession: succession.csv"), "utf-8")
    (path / "succession.csv").write_text(table or "", "utf-8")
    return path / "s.yaml"


def scored(path: Path, *years: int, table: str | None = TABLE, **kwargs: str) -> Scorecard:
    return kpi.score(frame(*years), system=definition(path, table), **kwargs)


def run(*args: object, language: str = "en") -> tuple[int, str]:
    done = CliRunner().invoke(main, [*map(str, args), "--lang", language])
    return done.exit_code, done.output


def changed(table: pl.DataFrame, *keys: str) -> set[tuple[str, ...]]:
    return set(table.filter("areas_changed").select(keys).rows())


def test_a_difference_across_a_break_says_so(tmp_path):
    card = scored(tmp_path)
    years = {label: at for at, label in card.labels.items()}
    sides = [side(card.only([years[item]]), item) for item in ("2020", "2021")]
    result = diff(*sides, periods={"2021": "2020"})
    assert changed(result.totals, "entity") == {("上城区",)}
    assert changed(result.indicators, "entity", "indicator") == {("上城区", "ir")}, "what adds up is of one area"
    assert changed(result.figures, "entity", "measure") == {("上城区", "r")}
    same = diff(*(side(card.only([years[item]]), item) for item in ("2019", "2020")), periods={"2020": "2019"})
    assert not any(changed(table, "entity") for table in (same.totals, same.indicators, same.figures))


def test_a_difference_of_two_files_says_so_too(tmp_path):
    old, new = (side(scored(tmp_path, *years), "s") for years in ((2019, 2020), (2019, 2020, 2021)))
    result = diff(old, new, periods={"2021": "2020"})
    assert changed(result.totals, "entity") == {("上城区",)}
    without = diff(*(side(scored(tmp_path, table=None), "s") for _ in range(2)))
    assert without.totals["areas_changed"].to_list() == [False] * without.totals.height


@pytest.mark.parametrize("more", [(), ("-e", "上城区")])
def test_the_table_of_a_difference_has_a_line_for_the_unit(more, tmp_path):
    frame().write_csv(tmp_path / "d.csv")
    args = ("diff", "2020", "2021", "--data", tmp_path / "d.csv", "-s", definition(tmp_path), *more)
    code, text = run(*args, "-f", "table")
    assert code == 0
    lines = [line for line in text.splitlines() if "areas changed in between" in line]
    assert [("上城区" in line, "满意率水平" in line, "增速" in line) for line in lines] == [(True, True, False)]
    code, text = run(*args, "-f", "json")
    totals = json.loads(text[: text.rindex("}") + 1])["totals"]
    assert {row["entity"]: row["areas_changed"] for row in totals}["上城区"] is True
    assert run(*args, "-f", "table", language="zh")[0] == 0


def test_a_unit_with_a_new_name_is_compared_with_itself(tmp_path):
    before = side(scored(tmp_path, 2019, 2020, table=None), "before")
    after = side(scored(tmp_path), "after")
    result = diff(before, after, periods={"2021": "2020"})
    rows = {row["entity"]: row for row in result.totals.to_dicts()}
    assert (rows["临安区"]["status_before"], rows["临安区"]["score_before"] is not None) == ("ok", True)
    assert "临安市" not in rows
    assert rows["江干区"]["status"] == "absent"


def test_a_unit_that_merged_is_not_new_in_the_table_of_places(tmp_path):
    card = scored(tmp_path)
    lines = {line.entity: line for block in league(card).blocks for line in block.lines}
    assert lines["上城区"].moved == ""
    assert "areas changed" in lines["上城区"].note
    assert lines["临安区"].moved
    item = scored(tmp_path, period="2021")
    assert {line.entity: line.moved for block in league(item).blocks for line in block.lines}["上城区"] == ""


def words(node: object, name: str) -> str:
    return next(str(item.detail) for item in node.walk() if item.name == name)


def test_an_explanation_of_a_growth_shows_what_it_is_compared_with(tmp_path):
    card = scored(tmp_path)
    tree = explain(card, "上城区")
    assert "compared with 202 亿元 in 2020" in words(tree, "ig")
    assert "compared with 204 亿元 in 2019" not in words(tree, "ig")
    assert "compared with 200 亿元 in 2019" in words(explain(card, "上城区", "ix"), "ix")
    first = words(explain(card, "上城区", "ig", period="2019"), "ig")
    assert "compared with 2018, which has no figure" in first
    assert "areas changed: not comparable with 2020 and before" in words(tree, "r")
    assert "areas changed" not in words(tree, "g")
    assert "areas changed" not in words(explain(card, "临安区"), "r")
    alone = scored(tmp_path, period="2021")
    assert words(explain(alone, "上城区"), "ig") == words(tree, "ig")


@pytest.mark.parametrize(
    ("who", "hint"), [("江干区", "the unit that there is now"), ("江干", ""), ("临安市", "its name is 临安区 now")]
)
def test_a_unit_that_is_gone_is_said_to_be(who, hint, tmp_path):
    card = scored(tmp_path)
    with pytest.raises(DataError) as caught:
        explain(card, who)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K602"
    assert "went into" in finding.message
    assert "2021-01" in finding.message
    assert hint in str(finding.hint)
    if not hint:
        return
    with pytest.raises(DataError, match="went into"):
        diff(side(card, "a"), side(card, "b")).of(who)
    frame().write_csv(tmp_path / "d.csv")
    code, text = run("explain", tmp_path / "d.csv", who, "-s", definition(tmp_path))
    assert (code, "went into" in text) == (2, True)
