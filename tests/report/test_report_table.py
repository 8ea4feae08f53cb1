from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_sample import UNITS, empty, sample

from kpi.errors import DataError
from kpi.report.league import league
from kpi.report.marks import stars
from kpi.report.table import league_table

pytestmark = pytest.mark.usefixtures("chinese")

ANSI = re.compile("\x1b\\[[0-9;]*m")


def cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def edge(line: str, result: re.Match[str]) -> int:
    return cells(line[: result.start()])


@pytest.mark.parametrize("width", [41, 50, 60, 80, 100, 140, 200])
def test_lines_fit_and_stars_line_up_in_terminal_cells(width: int) -> None:
    lines = league_table(sample(), width=width).splitlines()
    assert max(cells(line) for line in lines) <= width
    starred = {edge(line, result) for line in lines if (result := re.search("[★½☆]{5}", line))}
    headed = {edge(line, result) for line in lines if (result := re.search("星级", line))}
    assert len(starred) == len(headed) == 1
    assert starred == headed


@pytest.mark.parametrize("width", [1, 20, 41, 60, 100, 200])
def test_no_width_loses_an_entity_a_veto_or_a_reason(width: int) -> None:
    text = league_table(sample(), width=width)
    joined = re.sub(r"\s", "", text)
    assert all(entity.split("\t")[0] in joined for entity in UNITS if "=" not in entity)
    assert text.count("91.50") == 1
    assert re.search("未评：缺报", joined)
    assert re.search("一票否决", joined)


def test_more_width_shows_more_pillars_and_says_what_is_left_out() -> None:
    narrow, wide = league_table(sample(), width=76), league_table(sample(), width=140)
    assert "数字经济" not in narrow
    assert "另有2个分项未列" in narrow
    assert "数字经济" in wide
    assert "未列" not in wide
    assert "76.12" in wide


def test_vetoes_and_reasons_are_footnotes_of_their_units() -> None:
    text = league_table(sample(), width=100)
    for line in league(sample()).lines:
        marked = re.search(rf"{line.entity[:3]}[^\n]*?([¹²³⁴⁵]+)", text)
        assert (marked is not None) == bool(line.note)
        if marked is not None:
            assert re.search(rf"(?m)^{marked[1]} {line.entity[:3]}", text)


def test_columns_are_chosen_by_name_or_heading() -> None:
    text = league_table(sample(), columns=("entity", "得分", "数字经济", "rank"))
    assert re.search(r"(?m)^\S+ +得分 +数字经济 +位次$", text)
    with pytest.raises(DataError, match="K890"):
        league_table(sample(), columns=("得风",))


def test_standing_is_by_cohort_and_rank_and_the_unrated_are_last() -> None:
    blocks = league(sample()).blocks
    assert [block.cohort for block in blocks] == ["区", "县(市)"]
    assert [(line.entity[:3], line.rank, line.moved) for line in blocks[1].lines] == [
        ("桐乡市", 1, "▲1"),
        ("海宁市", 2, "▼1"),
        ("示范区", 3, "新"),
        ("平湖市", None, ""),
    ]
    assert (blocks[1].lines[-1].note, blocks[1].rated) == ("未评：缺报", 3)


def test_an_earlier_period_has_its_own_standing_and_ties_share_a_rank() -> None:
    text = league_table(sample(), period="2023Q3", width=120)
    assert re.findall(r"^ +(\d)  (南湖区|秀洲区)", text, re.MULTILINE) == [("1", "南湖区"), ("1", "秀洲区")]
    assert "升降" not in text
    assert "2023Q4" not in text


def test_only_pillars_without_a_parent_are_at_the_top() -> None:
    nested = sample().pillars.with_columns(parent=pl.when(pl.col("pillar") == "service").then(pl.lit("economy")))
    assert league(replace(sample(), pillars=nested)).pillars == ("一体化智能化公共数据平台", "数字经济")


def test_an_unknown_period_is_a_finding_that_lists_the_known() -> None:
    with pytest.raises(DataError) as caught:
        league_table(sample(), period="2023Q5")
    (item,) = caught.value.diagnostics
    assert item.code == "K531"
    assert "2023Q3, 2023Q4" in (item.hint or "")


def test_colour_adds_nothing_but_colour_and_text_is_never_markup() -> None:
    named = sample().totals.with_columns(pl.col("entity").replace("平湖市", "[red]\x1b[31m:star:平湖[/red]"))
    scorecard = replace(sample(), totals=named)
    plain, coloured = league_table(scorecard, width=150), league_table(scorecard, width=150, color=True)
    assert "\x1b[32m" in coloured
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()
    assert "[red]\\x1b[31m:star:平" in plain
    assert "\x1b" not in plain


def test_one_nameless_cohort_has_no_heading() -> None:
    text = league_table(replace(sample(), totals=sample().totals.with_columns(cohort=pl.lit(None, pl.String))))
    assert "未分组" not in text
    assert text.count("县(市、区)") == 1


def test_named_grades_have_a_column() -> None:
    graded = sample().totals.with_columns(grade=pl.lit("优秀"))
    assert "等级" in league_table(replace(sample(), totals=graded), width=140)
    assert "等级" not in league_table(sample(), width=140)


def test_nothing_evaluated_is_said() -> None:
    assert "没有可以排名的得分" in league_table(empty())


def test_many_entities_are_printed_in_time() -> None:
    latest = sample().totals.filter(period="2023Q4").head(1)
    count = pl.int_range(1, 3001, dtype=pl.UInt32).alias("rank")
    many = latest.select(pl.exclude("rank", "entity")).join(pl.DataFrame().select(count), how="cross")
    many = many.with_columns(entity="县" + pl.col("rank").cast(pl.String)).select(latest.columns)
    assert league_table(replace(sample(), totals=many)).count("★★★★★") == 3000


@given(st.none() | st.floats(0, 5))
def test_stars_are_five_signs_of_one_width(number: float | None) -> None:
    shown = stars(number)
    assert len(shown) == (0 if number is None else 5)
    # "A" is ambiguous: one cell or two, depending on the terminal, but the same for each of the signs.
    assert {unicodedata.east_asian_width(sign) for sign in shown} <= {"A"}
    if number is not None:
        assert abs(shown.count("★") + shown.count("½") / 2 - number) <= 0.25
