"""Findings of nights: whatever a night scores, the store says what one reading of everything would."""

from __future__ import annotations

import polars as pl
import pytest
from city import SYSTEM
from test_nights import check, held, night, same

import kpi
from kpi.report.language import LANGUAGES, tr, using

PLAIN = 'store = "store"'
JUMP = ["2023Q4,甲县,产值,900,亿元", "2023Q3,乙县,产值,800,亿元"]


def findings_of(config, *codes):
    """The findings of some codes: code, entity, period, file, row, and the explanation in the message."""
    rows = held(config)["findings"].filter(pl.col("code").is_in(codes))
    words = pl.col("message").str.split("; explanation: ").list.get(1, null_on_oob=True)
    return rows.select("code", "entity", "period", "file", "row", words).sort(pl.all()).rows()


@pytest.fixture
def jumping(city):
    """A city with a query in each of two quarters."""
    for row in JUMP:
        quarter = row[:6]
        file = city.folder / "inbox" / f"{quarter}.csv"
        lines = file.read_text("utf-8").splitlines()
        name = row.split(",")[1]
        file.write_text(
            "\n".join([row if line.startswith(f"{quarter},{name},产值") else line for line in lines]) + "\n"
        )
    (city.folder / "answers").mkdir()
    return city


def answer(city, *rows, header="评价对象,期别,指标,说明"):
    (city.folder / "answers" / "a.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")


def test_explanations_answer_queries_and_score_their_periods_again(jumping):
    answer(jumping, "乙县,2020Q1,产值,早了", "甲县,2023Q1,产值,")
    config = jumping.config('explanations = "answers/*.csv"', store=PLAIN)
    assert night(config).failed == []
    early = ("K705", None, None, "answers/a.csv", 2, None)
    queries = [("K701", "乙县", "2023Q3", None, None, None), ("K701", "甲县", "2023Q4", None, None, None)]
    assert findings_of(config, "K701", "K703", "K705") == [*queries, early]
    check(config)

    answer(jumping, "甲县,2023年四季度,产值,新厂投产", "乙县,2020Q1,产值,早了")
    result = night(config)
    assert result.outcomes[0].scored == ("2023Q4",)
    answered = ("K703", "甲县", "2023Q4", None, None, "新厂投产")
    late = ("K705", None, None, "answers/a.csv", 3, None)
    assert findings_of(config, "K701", "K703", "K705") == [queries[0], answered, late]
    check(config)

    # Without the file the query stands again.
    (jumping.folder / "answers" / "a.csv").unlink()
    assert night(config).outcomes[0].scored == ("2023Q4",)
    assert findings_of(config, "K701", "K703", "K705") == queries
    check(config)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_query_form_is_answered_and_what_answers_nothing_is_told(jumping, language):
    config = jumping.config('explanations = "answers/*.csv"', store=PLAIN)
    night(config)
    files = sorted((jumping.folder / "inbox").iterdir())
    with using(language):
        card = kpi.score(files, system=jumping.folder / "small.yaml")
        asked = {item.place.period: tr(item.message) for item in card.findings_list if item.code == "K701"}
    rows = [f"甲县,2023Q4,{asked['2023Q4']},新厂投产", f"乙县,2023Q4,{asked['2023Q4']},不是我"]
    answer(jumping, *rows, header="评价对象,期别,问题,说明")
    night(config)
    expected = [
        ("K701", "乙县", "2023Q3", None, None, None),
        ("K703", "甲县", "2023Q4", None, None, "新厂投产"),
        ("K705", None, None, "answers/a.csv", 3, None),
    ]
    assert findings_of(config, "K701", "K703", "K705") == expected
    check(config)
    # A night that scores other periods still knows that the answer was used.
    jumping.correct("2021Q1")
    assert "2023Q4" not in night(config).outcomes[0].scored
    assert findings_of(config, "K701", "K703", "K705") == expected
    check(config)


def test_a_store_is_the_same_in_every_language(jumping):
    answer(jumping, "乙县,2020Q1,产值,早了", "甲县,2023Q4,产值,新厂投产")
    stored = []
    for language in LANGUAGES:
        config = jumping.config('explanations = "answers/*.csv"', store=f'store = "store-{language}"')
        with using(language):
            night(config)
        stored.append(held(config))
        check(config)
        with using("zh"):
            check(config)
    assert same(*stored)
    assert stored[0]["findings"].height > 2


def test_explanations_without_their_columns_fail_the_system(city):
    answers = city.folder / "answers.csv"
    answers.write_text("评价对象,期别\n甲县,2023Q4\n", "utf-8")
    result = night(city.config('explanations = "answers.csv"', store=PLAIN))
    assert result.failed == ["small"]
    (actual,) = [item for item in result.findings if item.code == "K541"]
    assert actual.place.file == "answers.csv"


@pytest.mark.parametrize("roster", [True, False], ids=["in slices", "all together"])
def test_a_check_that_nothing_can_be_judged_by_is_told_of_all_periods(city, roster):
    text = SYSTEM + "  late: {due: 10d, of: [made], severity: warning}\n"
    text = text if roster else text.replace(", roster: roster.csv", "")
    (city.folder / "small.yaml").write_text(text, "utf-8")
    config = city.config(store=PLAIN)
    night(config)
    nothing = [("K704", None, None, None, None, None)]
    assert findings_of(config, "K704") == nothing
    check(config)
    city.correct("2022Q2")
    result = night(config)
    assert findings_of(config, "K704") == nothing
    assert [item.code for item in result.findings].count("K704") == 1
    check(config)
    # One quarter that says when it was reported is enough, also for a night that scores others.
    file = city.folder / "inbox" / "2021Q1.csv"
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([f"{lines[0]},报送日期", *(f"{line},2021-04-08" for line in lines[1:])]) + "\n", "utf-8")
    night(config)
    assert findings_of(config, "K704") == []
    check(config)
    city.report("2023Q4", created=[171, 175, 182])
    night(config)
    assert findings_of(config, "K704") == []
    check(config)
    before = held(config)
    night(config, everything=True)
    assert same(before, held(config))


def test_findings_of_periods_that_are_only_looked_back_to_are_not_counted(jumping):
    config = jumping.config(store=PLAIN)
    night(config)
    jumping.report("2024Q1", created=[900, 160, 170])
    result = night(config)
    assert result.outcomes[0].scored == ("2024Q1",)
    assert {item.place.period for item in result.findings if item.code == "K701"} <= {"2024Q1"}


UNSOLVED = """
system: small
period: quarter
entities: {title: 县, roster: roster.csv}
measures:
  made: {title: 产值, unit: 亿元}
  roads: {title: 公路, unit: 公里, over_time: last}
  plan_out: {title: 方案出台, unit: 1, over_time: last}
indicators:
  output: {kind: level, of: made}
  length: {kind: level, of: roads}
  years: {kind: rolling, of: made, over: 12y}
  chained: {kind: chain, of: plan_out, over: 1y, base: 2021}
groups: {规模: {of: roads, cuts: {大: 400, 小: 269}}}
peers: 规模
ranking: {within: [all, 规模]}
treatment: {gaps: {kind: impute, by: regression, of: [output], on: [length]}}
scoring: {kind: goalposts, low: 0, high: 1000}
pillars: {经济: {parts: [output, length], weights: {method: importance}}}
stars: {kind: kmeans, levels: [1, 2, 3]}
"""


def test_findings_about_a_method_or_a_window_stay_from_night_to_night(city, store):
    (city.folder / "small.yaml").write_text(UNSOLVED, "utf-8")
    for file in (city.folder / "inbox").iterdir():
        rows = file.read_text("utf-8").replace("方案出台,是,", "方案出台,103.5,1")
        # One unit of 2022 has no output, and one is in no group; the others have the same figures.
        gap = rows.replace("2022Q3,甲县,产值", "2022Q3,甲县,别的").replace("2023Q1,丙县,公路,2", "2023Q1,丙县,公路,1")
        file.write_text(gap, "utf-8")
    codes = ("K446", "K657", "K658", "K659", "K865")
    files = sorted((city.folder / "inbox").iterdir())
    config = city.config(store=store)
    night(config)
    stored = findings_of(config, *codes)
    scored = {item.code for item in kpi.score(files, system=city.folder / "small.yaml").findings_list}
    assert {code for code, *_ in stored} == scored & set(codes) == set(codes)
    assert [period for code, _, period, *_ in stored if code == "K659"] == [None]
    assert {period for code, _, period, *_ in stored if code == "K657"} == {"2022Q3"}
    assert all(period for code, _, period, *_ in stored if code != "K659")
    check(config)

    # A night that scores a single quarter keeps what is about the others.
    city.correct("2023Q4")
    assert len(night(config).outcomes[0].scored) < 12
    assert findings_of(config, *codes) == stored
    check(config)
    before = held(config)
    night(config, everything=True)
    assert same(before, held(config))
