"""Timelines: years that begin with any month, ISO weeks, and every text of their periods."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.report.language import LANGUAGES, tr, using
from kpi.values.period_texts import assumption, order_of, parse, stretch
from kpi.values.periods import FIRST_YEAR, GRAINS, LAST_YEAR, Grain, Length, Period, PeriodError
from kpi.values.timelines import MONTHS, WEEKS, Timeline

APRIL, JULY, SEPTEMBER, OCTOBER = (Timeline(month) for month in (4, 7, 9, 10))
BY_END = Timeline(4, "end")


def label(text, timeline, **options):
    """Return the label of the period that a text names, or the reason why it names none."""
    try:
        return parse(text, timeline=timeline, **options).label
    except PeriodError as error:
        return str(error)


@st.composite
def spans(draw):
    """Any period of any timeline."""
    if draw(st.booleans()):
        return Period(draw(st.integers(WEEKS.first(FIRST_YEAR), WEEKS.first(LAST_YEAR + 1) - 1)), 1, WEEKS)
    first = draw(st.integers(0, 11))
    year = draw(st.integers(FIRST_YEAR, LAST_YEAR - 1))
    return Period(12 * year + first, draw(st.integers(1, 12 - first)), Timeline(draw(st.integers(1, 12))))


@given(spans())
def test_labels_and_titles_are_read_back(period):
    assert parse(period.label, timeline=period.timeline) == period
    for language in LANGUAGES:
        with using(language):
            assert parse(tr(period.title), timeline=period.timeline) == period


@given(
    st.integers(1, 12), st.sampled_from([item for item in Length if item is not Length.WEEK]), st.integers(1950, 2150)
)
def test_the_periods_of_a_grain_follow_one_another(month, length, year):
    grain = Grain.of(length, Timeline(month))
    every = [Period.of(year * grain.per_year + place, grain) for place in range(grain.per_year)]
    days = [(grain.timeline.first_day(item.start), grain.timeline.last_day(item.end)) for item in every]
    assert days[0][0] == date(year, month, 1)
    assert days[-1][1] == date(year + 1, month, 1) - timedelta(days=1) if month > 1 else date(year, 12, 31)
    assert all(last + timedelta(days=1) == first for (_, last), (first, _) in pairwise(days))
    assert [item.grain for item in every] == [grain] * grain.per_year


@given(st.dates(date(1901, 1, 1), date(2198, 12, 31)))
def test_a_day_is_in_the_week_that_the_calendar_says(day):
    year, week, _ = day.isocalendar()
    period = parse(day.isoformat(), timeline=WEEKS)
    assert period.label == f"{year}-W{week:02d}"
    assert period.timeline.first_day(period.start) <= day <= period.timeline.last_day(period.end)


@given(st.dates(date(1901, 1, 1), date(2198, 12, 31)), st.integers(1, 12), st.booleans())
def test_columns_of_days_give_the_same_ordinals(day, month, weeks):
    timeline = WEEKS if weeks else Timeline(month)
    ordinal = pl.select(timeline.of_days(pl.lit(day))).item()
    assert ordinal == timeline.of_day(day) == parse(day.isoformat(), timeline=timeline).start
    assert pl.select(timeline.first_days(pl.lit(ordinal))).item() == timeline.first_day(ordinal)


# ---- YEARS THAT DO NOT BEGIN IN JANUARY ---- #


@pytest.mark.parametrize(
    "text",
    [
        "2023/24", "2023-24", "2023/2024", "2023-2024", "2023—2024", "FY2023", "FY 2023", "FY2023/24", "2023FY",
        "2023财年", "2023财政年度", "2023会计年度", "2023学年", "2023-2024学年", "2023学年度",
        "2023/24年度", "2023年度",
        "2023", "2023年", "2023年4月至2024年3月", "2023-04/2024-03", "FISCAL YEAR 2023", "二〇二三学年", "2023.0",
    ],
)  # fmt: skip
def test_forms_of_a_year(text):
    assert label(text, APRIL) == "2023/24"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Q1 FY2023", "2023/24Q1"), ("FY2023 Q4", "2023/24Q4"), ("FY2023Q4", "2023/24Q4"), ("2023/24 Q2", "2023/24Q2"),
        ("2023/24Q2", "2023/24Q2"), ("Q2 2023/24", "2023/24Q2"), ("2023财年第三季度", "2023/24Q3"),
        ("2023-2024学年上半年", "2023/24H1"), ("H2 FY2023", "2023/24H2"), ("FY2023前三季度", "2023-04/12"),
        ("2023Q2", "2023/24Q1"), ("2024年一季度", "2023/24Q4"), ("2024-03", "2024-03"), ("2023年10月", "2023-10"),
        ("2024-03-31", "2024-03"), ("2023年4-9月", "2023/24H1"), ("2023-12/2024-02", "2023-12/2024-02"),
        ("2009/10", "2009/10"), ("2009-10", "2009-10"), ("1999/00", "1999/00"), ("Feb 2024", "2024-02"),
    ],
)  # fmt: skip
def test_parts_of_a_year(text, expected):
    assert label(text, APRIL) == expected


def test_the_number_of_a_year_names_it_by_its_start_or_its_end():
    numbers = ["FY2023", "2023财年", "2023", "Q1 FY2023", "2023/24"]
    assert [label(text, APRIL) for text in numbers] == ["2023/24", "2023/24", "2023/24", "2023/24Q1", "2023/24"]
    assert [label(text, BY_END) for text in numbers] == ["2022/23", "2022/23", "2022/23", "2022/23Q1", "2023/24"]


def test_quarters_of_the_calendar_need_not_be_quarters_of_the_year():
    assert label("2024Q1", SEPTEMBER) == "2024-01/03"
    assert parse("2024Q1", timeline=SEPTEMBER).grain is None
    assert label("2024Q1", OCTOBER) == "2023/24Q2"
    assert label("2024H1", JULY) == "2023/24H2"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2023年1-9月", "it does not lie within one year"), ("2023H1", "it does not lie within one year"),
        ("2022/24", "its two years do not follow each other"), ("FY2023/25", "its two years do not follow each other"),
        ("FY23", "its year has two digits"),
        ("Q1FY24", "its year has two digits"), ("FY23/24", "its year has two digits"),
        ("2024-03/2023-04", "it runs backwards"), ("2024-13", "there is no month 13"), ("2024W05", "it is a week"),
        ("FY1800", "there is no year 1800"),
    ],
)  # fmt: skip
def test_what_is_no_part_of_one_year_is_refused(text, why):
    assert label(text, APRIL).startswith(f"`{text}` is not a period: {why}")


def test_what_is_assumed_is_said():
    assumed = {text: assumption(text, APRIL) for text in ("FY2023", "2023", "2023Q1", "2009/10", "2023财年Q1")}
    assert all(assumed.values())
    certain = ("2023/24", "2023-24", "2023-2024学年", "2023-05", "2024-05-01", "2023/24Q1", "nonsense", "2009-10")
    assert [assumption(text, APRIL) for text in certain] == [None] * len(certain)
    assert assumption("FY2023", BY_END) is None
    assert assumption("2023Q1", BY_END) is not None
    assert assumption("FY2023", MONTHS) is None


@pytest.mark.parametrize("text", ["2023/24", "2023-24", "FY2023", "2023财年", "2023-2024学年", "1999/00"])
def test_without_a_declaration_they_are_refused_with_the_key(text):
    with pytest.raises(PeriodError) as caught:
        parse(text)
    assert "year_starts: 4" in caught.value.hint


# ---- WEEKS ---- #


@pytest.mark.parametrize(
    "text",
    [
        "2024-W05", "2024W5", "2024W05", "2024年第5周", "2024年5周", "2024年第五周", "2024 W5", "W05 2024", "W5/2024",
        "Week 5 2024", "week 5, 2024", "2024 week 5", "2024-W05-3", "2024KW05", "2024-01-31", "31 Jan 2024", "20240131",
        "2024/2/4 23:59", "２０２４Ｗ５",
    ],
)  # fmt: skip
def test_forms_of_a_week(text):
    assert label(text, WEEKS) == "2024-W05"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2024", "it is not one week"), ("2024-05", "it is not one week"), ("2024Q1", "it is not one week"),
        ("2023-W53", "there is no week 53 in 2023"),
        ("2024-W00", "there is no week 0"), ("2024-02-30", "there is no day"),
        ("31/01/2024", "the order of day and month is not known"),
    ],
)  # fmt: skip
def test_what_is_no_week_is_refused_in_words(text, why):
    assert label(text, WEEKS).startswith(f"`{text}` is not a period: {why}")


def test_weeks_take_the_year_above_them_and_the_order_of_dates():
    assert label("第5周", WEEKS, year=2024) == label("31/01/2024", WEEKS, order="dmy") == "2024-W05"


def test_weeks_do_not_make_months():
    for text in ("2024-W05", "2024年第5周"):
        with pytest.raises(PeriodError) as caught:
            parse(text)
        assert "weeks do not add up to months" in caught.value.hint
        assert "period: week" in caught.value.hint


def test_longer_periods_stand_for_the_weeks_of_their_thursdays():
    spans = {
        text: [Period(item, 1, WEEKS).label for item in stretch(text, WEEKS)] for text in ("2021", "2020", "2024-02")
    }
    assert spans == {
        "2021": ["2021-W01", "2021-W52"], "2020": ["2020-W01", "2020-W53"], "2024-02": ["2024-W05", "2024-W09"]
    }  # fmt: skip


@given(st.integers(1950, 2150), st.integers(1, 53), st.integers(1, 30))
def test_a_window_of_years_leads_to_the_week_of_the_same_number(year, week, years):
    if week > date(year, 12, 28).isocalendar().week:
        return
    ordinal = WEEKS.first(year) + week - 1
    window = Grain.WEEK.window(f"{years}y")
    same = [
        lag for lag in window.lags
        if pl.select(WEEKS.same_week(pl.lit(ordinal), lag)).item() and WEEKS.year(ordinal - lag) == year - years
    ]  # fmt: skip
    exists = week <= date(year - years, 12, 28).isocalendar().week
    assert len(same) == int(exists)
    assert not exists or Period(ordinal - same[0], 1, WEEKS).label == f"{year - years}-W{week:02d}"
    any_week = [lag for lag in window.lags if pl.select(WEEKS.same_week(pl.lit(ordinal), lag)).item()]
    assert any_week == same


@pytest.mark.parametrize(
    ("grain", "text", "lags"),
    [
        (Grain.WEEK, "1w", (1,)), (Grain.WEEK, "52w", (52,)), (Grain.WEEK, "1y", (52, 53)), (Grain.WEEK, "1m", None),
        (Grain.WEEK, "1q", None), (Grain.MONTH, "1w", None), (Grain.MONTH, "1y", (12,)), (Grain.QUARTER, "1m", None),
        (Grain.of("year", APRIL), "2y", (2,)),
    ],
)  # fmt: skip
def test_windows(grain, text, lags):
    window = grain.window(text)
    assert (None if window is None else window.lags) == lags


def test_grains_are_told_apart_by_their_timeline():
    assert Grain.of("year", APRIL) != Grain.YEAR
    assert Grain.of("week", APRIL) == Grain.WEEK
    assert [str(item) for item in GRAINS] == ["week", "month", "quarter", "half", "year"]


# ---- OTHER FORMS ---- #


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Feb 2020", "2020-02"), ("February 2020", "2020-02"), ("2020 Feb", "2020-02"), ("feb. 2020", "2020-02"),
        ("FEB-2020", "2020-02"), ("Sept 2020", "2020-09"), ("2020-February", "2020-02"), ("Feb, 2020", "2020-02"),
        ("29 Feb 2020", "2020-02"), ("29-Feb-2020", "2020-02"),
        ("Feb 29, 2020", "2020-02"), ("29th February 2020", "2020-02"),
        ("29-FEB-2020 08:30:00", "2020-02"), ("Jan-Mar 2020", "2020Q1"), ("2020_Q1", "2020Q1"), ("Q1_2020", "2020Q1"),
        ("2020-Q1", "2020Q1"), ("Q1 2020", "2020Q1"),
        ("1Q2020", "2020Q1"), ("2020Q1", "2020Q1"), ("2020M01", "2020-01"),
        ("M1 2020", "2020-01"), ("2020H1", "2020H1"), ("H1 2020", "2020H1"), ("02/2020", "2020-02"),
        ("2020_02", "2020-02"),
    ],
)  # fmt: skip
def test_english_months_and_other_forms(text, expected):
    assert label(text, MONTHS) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Feb-20", "its year has two digits"),
        ("20-Feb", "its year has two digits"), ("30 Feb 2020", "there is no day 30"),
        ("2020_2", ""), ("Feb", "it names no year"), ("February", "it names no year"),
    ],
)  # fmt: skip
def test_english_months_that_name_no_month_of_a_year(text, why):
    assert label(text, MONTHS).startswith(f"`{text}` is not a period" + (f": {why}" if why else ""))
    assert label("Feb", MONTHS, year=2020) == "2020-02"


def test_a_day_above_12_decides_the_order():
    assert order_of(["04/03/2024", "31/03/2024"]) == ("dmy", "31/03/2024")
    assert order_of(["04/03/2024", "03/31/2024"]) == ("mdy", "03/31/2024")
    assert order_of(["04/03/2024", "2024-03-31"]) is None
    assert order_of(["31/03/2024", "03/31/2024"]) is None
