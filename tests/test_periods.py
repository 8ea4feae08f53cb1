"""Periods: every written form, what is refused and how, columns, dense numbers and labels."""

from __future__ import annotations

import contextlib
import datetime as dt
import pickle
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kpi.report.language import LANGUAGES, tr, using
from kpi.values import period_texts
from kpi.values.period_texts import parse, parse_column
from kpi.values.periods import FIRST_YEAR, GRAINS, LAST_YEAR, Grain, Period, PeriodError, parse_span

SPANS = [(month, months) for month in range(12) for months in range(1, 13 - month)]


@st.composite
def periods(draw):
    month, months = draw(st.sampled_from(SPANS))
    return Period(draw(st.integers(FIRST_YEAR, LAST_YEAR)) * 12 + month, months)


def span(first, last=None, *, year=2023):
    return Period(year * 12 + first - 1, (last or first) - first + 1)


def read(text, **options):
    """Return the period, or the PeriodError; anything else that is raised fails the test."""
    try:
        return parse(text, **options)
    except PeriodError as error:
        return error


# ---- ALL FORMS ---- #

FORMS = {
    (12, 12): """
        2023-12 | 2023/12 | 2023.12 | 2023—12 | 2023 12 | 202312 | 2023M12 | 2023-M12 | 2023m12 | 2023年12月
        2023年12月份 | 2023年12月末 | 2023年12月底 | 2023-12月 | 202312月 | 2023 年 12 月 | 2023年度12月
        ２０２３年１２月 | ２０２３－１２ | ２０２３．１２ | 二〇二三年十二月 | 二零二三年十二月
        二○二三年十二月 | 二O二三年十二月份 | 二〇二三年 十二月 | 2023年十二月 | 2023十二月 | 2023-12-31
        2023/12/31 | 2023.12.31 | 2023 12 31 | 20231231 | 2023年12月31日 | 2023年12月31号
        二〇二三年十二月三十一日 | 2023-12-31 00:00:00 | 2023-12-31T08:30:00 | 2023-12-31 08:30 | 2023/12/31 8:30
        2023-12-31 08:30:00.000000 | 2023—12—31 | 2023-12-31T08:30:00+08:00 | 2023年12月31日 08:30
        2023年12月31日08:30:59 | 20231231083000 | 20231231 08:30 | 2023-12-1 | 202312.0 | 20231231.0 | 2023-12/12
        2023年12-12月""",
    (1, 1): """
        2023-01 | 2023-1 | 2023/1 | 202301 | 2023年1月 | 2023年01月 | 2023年一月 | 2023.01 | 2023.1月 | 2023.1.15
        2023-1-1""",
    (2, 2): "2023.2 | 2023.02 | 2023-02-28 | 二〇二三年二月",
    (10, 10): "2023年十月 | 2023.10 | 2023-十 | 2023-10",
    (10, 12): """
        2023Q4 | 2023-Q4 | 2023q4 | Q4 2023 | Q4/2023 | q4-2023 | 4Q2023 | 4Q 2023 | 2023 Q4 | 20234Q | 2023 4Q
        2023年Q4 | ２０２３Ｑ４ | 2023年四季度 | 2023年第四季度 | 2023年4季度 | 2023四季度 | 2023年第4季度
        2023年四季 | 2023-4季度 | 2023年度四季度 | 2023年Ⅳ季度 | 2023年第Ⅳ季度 | 2023 年 第 四 季 度
        二〇二三年四季度 | 二〇二三年第四季度 | 2023年四季度末 | 2023年10-12月 | 2023-10/12""",
    (1, 3): """
        2023年一季度 | 2023Q1 | 2023年1-3月 | 2023年前3个月 | 2023年前三月 | 2023年1季 | 二〇二三一季度
        2023年3月累计 | 2023年前一季度""",
    (4, 6): "2023Q2 | 2023年二季度 | 2023年4—6月",
    (1, 6): """
        2023H1 | 2023-H1 | H1 2023 | 1H2023 | 2023h1 | 2023年上半年 | 2023上半年 | 2023年H1 | 2023年1-6月
        2023年前两季度 | 2023年前二季度 | 2023年一至二季度 | 2023年前六个月 | 2023年上半年累计 | 二〇二三年上半年
        2023Q1-Q2""",
    (7, 12): "2023H2 | 2023年下半年 | H2 2023 | 2023年7-12月 | 2023下半年 | 2023年三至四季度",
    (1, 12): """
        2023 | 2023年 | 2023年度 | 2023年全年 | 2023全年 | 2023年度全年 | ２０２３ | 二〇二三年 | 二零二三
        2023年末 | 2023年底 | 2023.0 | 2023年1-12月 | 2023年前四季度 | 2023年四季度累计 | 2023年1-12月累计""",
    (1, 9): """
        2023年前三季度 | 2023前三季度 | 2023年前3季度 | 2023年前三个季度 | 2023年一至三季度 | 2023年1-3季度
        2023Q1-Q3 | 2023年第一至第三季度 | 2023年一季度至三季度 | 2023Q1~3 | 2023Q1-2023Q3 | 2023年1-9月
        2023年1—9月 | 2023年1–9月 | 2023年1－9月 | 2023年1～9月 | 2023年1~9月 | 2023年1——9月 | 2023年1--9月
        2023年1月-9月 | 2023年1月—9月 | 2023年1至9月 | 2023年1月至9月 | 2023年1到9月 | 2023年01-09月
        2023年 1 - 9 月 | 2023.1-9 | 2023.1-9月 | 2023/1-9 | 2023-1~9 | 2023-01/09 | 2023-01—09 | 2023 1-9月
        2023年1-9 | 2023年1-9月份 | 2023年一至九月 | 2023年1-9月末 | 二〇二三年一至九月 | 2023年年初至9月
        2023年初至9月 | 2023年前9个月 | 2023年前九个月 | 2023年1-9月累计 | 2023年9月累计 | 2023年三季度累计
        2023-09累计 | 2023年1月-2023年9月 | 2023年1月至2023年9月 | 2023-01~2023-09 | 2023-01/2023-09
        2023-01-2023-09 | 202301-202309 | 2023.1-2023.9""",
    (1, 2): """
        2023年1-2月 | 2023年1—2月 | 2023年1-2月份 | 2023-01/02 | 2023年一至二月 | 2023年前两个月 | 2023年2月累计""",
    (2, 5): "2023年2-5月 | 2023-02/05 | 2023年2-5月累计",
}
WRITTEN = [
    (text.strip(), months) for months, texts in FORMS.items() for line in texts.split("\n") for text in line.split("|")
]
WRITTEN = [(text, months) for text, months in WRITTEN if text]


@pytest.mark.parametrize(("text", "months"), WRITTEN, ids=[text for text, _ in WRITTEN])
def test_form(text, months):
    assert parse(text) == span(*months)


@pytest.mark.parametrize(
    "text",
    ["\ufeff2023年12月", " 2023-12 ", "\u30002023年\u300012月", "2023\u00a0年12月", "2023-12\u200b", "2023-12\r\n"],
)
def test_blanks_and_invisible_characters_do_not_matter(text):
    assert parse(text) == span(12)


@given(st.dates(dt.date(FIRST_YEAR, 1, 1), dt.date(LAST_YEAR, 12, 31)))
def test_every_date_stands_for_its_month(day):
    written = [f"{day}", f"{day:%Y%m%d}", f"{day:%Y.%m.%d}", f"{day} 23:59:59", f"{day}T00:00:00.000"]
    written += [f"{day.year}年{day.month}月{day.day}日", f"{day.year}/{day.month}/{day.day}"]
    assert {parse(text) for text in written} == {span(day.month, year=day.year)}


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("1-9月", (1, 9)), ("1—9月", (1, 9)), ("1月-9月", (1, 9)), ("年初至9月", (1, 9)), ("前三季度", (1, 9)),
        ("上半年", (1, 6)), ("下半年", (7, 12)), ("H2", (7, 12)), ("四季度", (10, 12)), ("第四季度", (10, 12)),
        ("Q4", (10, 12)), ("4Q", (10, 12)), ("12月", (12, 12)), ("十二月份", (12, 12)), ("全年", (1, 12)),
        ("1-9月累计", (1, 9)), ("12月31日", (12, 12)), ("M12", (12, 12)), ("Q1-Q3", (1, 9)), ("一至三季度", (1, 9)),
        ("前9个月", (1, 9)), ("1-2月", (1, 2)), ("9月末", (9, 9)),
    ],
)  # fmt: skip
def test_a_text_without_a_year(text, months):
    assert parse(text, year=2023) == span(*months)
    with pytest.raises(PeriodError, match=f"`{text}` is not a period: it names no year") as caught:
        parse(text)
    # The example in the hint is in the user's words and can be taken as it stands.
    suggested = caught.value.hint.removeprefix("add the year, such as ")
    assert suggested == f"2023年{text}"
    assert parse(suggested) == span(*months)


def test_the_year_of_the_text_wins_over_the_year_given():
    assert parse("2022年1-9月", year=2023) == span(1, 9, year=2022)


# ---- WHAT IS REFUSED ---- #


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2023年13月", "there is no month 13"), ("2023-13", "there is no month 13"), ("202313", "there is no month 13"),
        ("2023-00", "there is no month 0"), ("202300", "there is no month 0"), ("2023年0月", "there is no month 0"),
        ("20231301", "there is no month 13"), ("2023年1-13月", "there is no month 13"),
        ("2023年前13个月", "there is no month 13"), ("2023Q5", "there is no quarter 5"),
        ("Q5 2023", "there is no quarter 5"), ("2023年五季度", "there is no quarter 5"),
        ("2023Q0", "there is no quarter 0"), ("2023年前五季度", "there is no quarter 5"),
        ("2023H3", "there is no half 3"), ("2023-02-30", "there is no day 30"), ("20230229", "there is no day 29"),
        ("2023年4月31日", "there is no day 31"), ("2023-12-00", "there is no day 0"),
        ("2023-12-32 08:00", "there is no day 32"), ("2023年9-1月", "it runs backwards"),
        ("2023-09/01", "it runs backwards"), ("2023Q3-Q1", "it runs backwards"),
        ("2023年10月-2024年3月", "it reaches into another year"), ("2023-10~2024-03", "it reaches into another year"),
        ("2023-2024", "it looks like a fiscal year"), ("2023年-2024年", "it reaches into another year"),
        ("2023/2024年度", "it looks like a fiscal year"), ("202310-202403", "it reaches into another year"),
        ("99999999", "there is no year 9999"), ("1899", "there is no year 1899"), ("2200年", "there is no year 2200"),
        ("330483", "there is no year 3304"), ("0000-00-00", "there is no year 0"), ("1234", "there is no year 1234"),
        ("2023.1", "spreadsheets also turn 2023.10 into 2023.1"), ("45291", "spreadsheets keep dates as such numbers"),
        ("20231", "its last digit could be a month or a quarter"), ("23年12月", "its year has two digits"),
        ("45291.5", "spreadsheets keep dates as such numbers"),
        ("2023年累计", "it does not say up to which month it adds up"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_named(text, why):
    with pytest.raises(PeriodError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"`{text}` is not a period: {why}")
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "0", "1", "12", "23", "999", "-2023", "+2023", "1e4", "2023-", "2023年12", "2023 1²", "2023-1²", "2023年¹",
        "合计", "累计", "累计累计", "年", "年度", "年12月", "-12", "/12", "二十十月", "十", "O", "NaN", "null",
        "None", "true", "—", "…", "2023-12-31 25:00", "2023-12-31T99", "2023-12-31T16:30:00Z",
        "2023-12-31 16:30:00+00:00", "31/12/2023", "12/31/2023", "2023/12-31-1", "2023Q", "2023Q4Q", "2023年第季度",
        "2023年1、2月", "2023年1-9月12日", "20231-20239", "1-9", "1/9", "1—本月", "2023年1-本月", "2023年1-9月2",
        "2023年十1月", "2023年1十月", "202a", "٢٠٢٣", "2023年" * 40, "9" * 5000, "2023-12-01 至 2023-12-31",
        "2023-0931", "二〇二三十二月",
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused(text):
    for year in (None, 2023):
        with pytest.raises(PeriodError, match="is not a period") as caught:
            parse(text, year=year)
        assert caught.value.hint
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u3000", "\ufeff"])
def test_a_blank_is_called_blank(text):
    with pytest.raises(PeriodError, match="the period is blank"):
        parse(text)


def test_the_error_quotes_the_text_as_it_was_written():
    with pytest.raises(PeriodError, match="`２０２３年 十三月` is not a period: there is no month 13"):
        parse("２０２３年\n十三月")


def test_the_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(PeriodError("`x` is not a period", "write 2023")))  # noqa: S301
    assert (str(error), error.hint) == ("`x` is not a period", "write 2023")


WORDS = ["2023", "季度", "上半年", "累计", "全年", "1月", "2024年"]
PIECES = [*"0123456789 年月日前至到-—/.~QHMT:第一十〇末²", *WORDS]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)), st.sampled_from([None, 2023]))
@example("累计", 2023)
@example("ß" * 150, None)
@example("2023年1月1日累计", None)
def test_any_text_is_a_period_or_a_period_error(text, year):
    result = read(text, year=year)
    if isinstance(result, PeriodError):
        assert str(result)
        assert result.hint
        assert "\n" not in str(result)
    else:
        assert FIRST_YEAR <= result.year <= LAST_YEAR
        assert parse(result.label) == result


# ---- PERIODS AS VALUES ---- #


@given(periods())
def test_label_and_title_read_back(period):
    assert parse(period.label) == period
    for language in LANGUAGES:
        with using(language):
            assert parse(tr(period.title)) == period


def test_labels_and_titles_name_each_span_once():
    every = [Period(2023 * 12 + month, months) for month, months in SPANS]
    assert len(every) == 78
    assert len({item.label for item in every}) == len({item.title for item in every}) == 78


@pytest.mark.parametrize(
    ("months", "label", "title", "grain"),
    [
        ((12, 12), "2023-12", "2023年12月", Grain.MONTH),
        ((1, 1), "2023-01", "2023年1月", Grain.MONTH),
        ((10, 12), "2023Q4", "2023年四季度", Grain.QUARTER),
        ((1, 3), "2023Q1", "2023年一季度", Grain.QUARTER),
        ((1, 6), "2023H1", "2023年上半年", Grain.HALF),
        ((7, 12), "2023H2", "2023年下半年", Grain.HALF),
        ((1, 12), "2023", "2023年", Grain.YEAR),
        ((1, 9), "2023-01/09", "2023年1-9月", None),
        ((1, 2), "2023-01/02", "2023年1-2月", None),
        ((2, 4), "2023-02/04", "2023年2-4月", None),
        ((4, 9), "2023-04/09", "2023年4-9月", None),
    ],
)
def test_names_and_kind_of_a_span(months, label, title, grain):
    period = span(*months)
    with using("zh"):
        assert (period.label, tr(period.title), period.grain) == (label, title, grain)
    assert period.title == label
    assert (period.year, period.end) == (2023, 2023 * 12 + months[1] - 1)


def test_the_end_of_a_deadline_is_its_last_month():
    ends = [parse(by).end % 12 + 1 for by in ("2025", "2025-06", "2023Q2", "2023H1", "2023年前三季度")]
    assert ends == [12, 6, 6, 6, 9]


@pytest.mark.parametrize(("start", "months"), [(2023 * 12, 0), (2023 * 12, 13), (2023 * 12 + 9, 4), (2023 * 12, -1)])
def test_a_span_outside_one_year_cannot_be_made(start, months):
    with pytest.raises(PeriodError, match="not within one year"):
        Period(start, months)


@pytest.mark.parametrize("year", [0, -1, FIRST_YEAR - 1, LAST_YEAR + 1])
def test_a_year_out_of_range_cannot_be_made(year):
    with pytest.raises(PeriodError, match=f"there is no year {year}"):
        Period(year * 12, 1)


def test_order_is_by_start_then_length():
    texts = ["2022Q4", "2023-01", "2023-01/02", "2023Q1", "2023H1", "2023", "2023-02", "2023Q4", "2024"]
    assert [item.label for item in sorted(map(parse, reversed(texts)))] == texts


#: Grains of calendar years.
MONTHLY = GRAINS[1:]


@given(st.integers(FIRST_YEAR * 12, LAST_YEAR * 12 + 11), st.sampled_from(MONTHLY))
def test_dense_numbers_and_periods_are_inverse(month, grain):
    index = month // grain.months
    period = Period.of(index, grain)
    assert period.grain == grain
    assert period.index(grain) == index == Period(month, 1).index(grain)
    assert period.start <= month <= period.end
    if period.end < LAST_YEAR * 12 + 11:
        assert Period.of(index + 1, grain).start == period.end + 1


@given(periods(), st.sampled_from(MONTHLY))
def test_a_longer_span_is_never_taken_for_its_first_part(period, grain):
    holders = {month // grain.months for month in range(period.start, period.end + 1)}
    if len(holders) == 1:
        assert {period.index(grain)} == holders
    else:
        with pytest.raises(PeriodError, match="does not lie within one"):
            period.index(grain)


def test_grains():
    names = [(str(item), item.months, item.title) for item in GRAINS]
    assert names == [
        ("week", 1, "week"),
        ("month", 1, "calendar month"),
        ("quarter", 3, "quarter"),
        ("half", 6, "half"),
        ("year", 12, "year"),
    ]
    assert Grain.of("quarter") == Grain.QUARTER
    assert f"{Grain.QUARTER}" == "quarter"


# ---- WINDOWS ---- #


@pytest.mark.parametrize(("text", "months"), [("1y", 12), ("2y", 24), ("1q", 3), ("6m", 6), ("1m", 1), ("12m", 12)])
def test_window(text, months):
    assert parse_span(text) == months


@pytest.mark.parametrize(
    "text", ["", "1", "y", "0y", "01y", "1d", "1h", "-1y", "1.5y", "1 y", "1Y", "1年", "1y1m", "1y\n", "9999y"]
)
def test_what_is_no_window_is_refused(text):
    with pytest.raises(PeriodError, match="is not a window of time") as caught:
        parse_span(text)
    assert caught.value.hint == "write a number with y, q, m or w, such as 1y"


@given(st.text(max_size=6) | st.from_regex("[0-9]{1,4}[mqyd]?"))
def test_any_text_is_a_window_or_a_period_error(text):
    with contextlib.suppress(PeriodError):
        assert parse_span(text) > 0


# ---- COLUMNS ---- #

SCHEMA = {"text": pl.String, "start": pl.Int32, "months": pl.Int32, "problem": pl.String}


def labels(frame):
    return [None if start is None else Period(start, months).label for _, start, months, _ in frame.rows()]


def test_column_of_texts():
    frame = parse_column(pl.Series("期别", ["2023Q4", "1-9月", None, "2023年四季度", "2023Q4", "", "2023年13月"]))
    assert dict(frame.schema) == SCHEMA
    assert frame["text"].to_list() == ["", "1-9月", "2023Q4", "2023年13月", "2023年四季度"]
    assert labels(frame) == [None, None, "2023Q4", None, "2023Q4"]
    assert frame["problem"].to_list() == [
        "the period is blank; write it as 2023-12, 2023Q4, 2023H1, 2023 or 2023年1-9月",
        "`1-9月` is not a period: it names no year; add the year, such as 2023年1-9月",
        None,
        "`2023年13月` is not a period: there is no month 13; write a number from 1 to 12",
        None,
    ]


def test_column_below_a_heading_with_the_year():
    frame = parse_column(pl.Series(["1-2月", "3月", "2022年3月"]), year=2023)
    assert labels(frame) == ["2023-01/02", "2022-03", "2023-03"]


NOON = dt.datetime(2023, 12, 31, 12, 0)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([dt.date(2023, 12, 31), dt.date(2023, 1, 1), None]), ["2023-01", "2023-12"]),
        (pl.Series([dt.date(1899, 12, 30)]), [None]),
        (pl.Series([NOON]), ["2023-12"]),
        (pl.Series([NOON], dtype=pl.Datetime("ms")), ["2023-12"]),
        (pl.Series([NOON]).dt.replace_time_zone("Asia/Shanghai"), ["2023-12"]),
        (pl.Series([20231231, 202312, 2023, 2023, None]), ["2023", "2023-12", "2023-12"]),
        (pl.Series([202312], dtype=pl.Int32), ["2023-12"]),
        (pl.Series([2023], dtype=pl.UInt16), ["2023"]),
        (pl.Series([20231231.0, 202312.0, 2023.0, None, 2023.12]), ["2023", "2023-12", "2023-12", "2023-12"]),
        (pl.Series([2023.1, 45291.0]), [None, None]),
        (pl.Series(["2023Q4"], dtype=pl.Categorical), ["2023Q4"]),
        (pl.Series(["2023Q4"], dtype=pl.Enum(["2023Q3", "2023Q4"])), ["2023Q4"]),
        (pl.Series([True]), [None]),
        (pl.Series([None, None]), []),
        (pl.Series([], dtype=pl.String), []),
    ],
)
def test_column_of_any_type(column, expected):
    frame = parse_column(column)
    assert dict(frame.schema) == SCHEMA
    assert labels(frame) == expected
    assert frame["problem"].is_null().to_list() == [label is not None for label in expected]


def test_every_row_finds_its_period_when_joined_back():
    column = pl.Series("期别", ["2023Q4", None, "x", "2023-12-31 08:30:00", "2023-12-31 09:00:00", "2023Q4"])
    read = parse_column(column)
    joined = column.to_frame().join(read, left_on="期别", right_on="text", how="left", maintain_order="left")
    assert joined.height == len(column)
    assert joined["months"].to_list() == [3, None, None, 1, 1, 3]
    assert joined["problem"].is_null().to_list() == [True, True, False, True, True, True]


TEXTS = st.one_of(
    st.sampled_from([text for text, _ in WRITTEN]),
    st.lists(st.sampled_from([*PIECES, "2023-12-31", "2023/1-9", " 08:30"]), max_size=5).map("".join),
    st.text(max_size=5),
)


@settings(deadline=None)  # a busy machine is not a wrong answer
@given(st.lists(TEXTS, max_size=20), st.randoms(use_true_random=False))
def test_a_column_reads_as_its_texts_do_in_any_order(texts, random):
    texts += ["2023/1-9 08:30", "2023-1-9 08:30"]
    frame = parse_column(pl.Series(texts, dtype=pl.String))
    assert frame["text"].to_list() == sorted(set(texts), key=str.encode)
    for text, *result, problem in frame.rows():
        alone = read(text)
        if isinstance(alone, PeriodError):
            assert result == [None, None]
            assert problem
        else:
            assert (*result, problem) == (alone.start, alone.months, None)
    random.shuffle(texts)
    assert parse_column(pl.Series(texts, dtype=pl.String)).equals(frame)


def test_timestamps_are_parsed_once_a_day(monkeypatch):
    seen = []
    row = period_texts._row  # noqa: SLF001
    monkeypatch.setattr(period_texts, "_row", lambda text, *more: seen.append(text) or row(text, *more))
    hours = pl.datetime_range(NOON - dt.timedelta(days=30), NOON, "1h", eager=True)
    frame = parse_column(hours)
    assert frame.height == len(hours) == 721
    assert set(labels(frame)) == {"2023-12"}
    assert len(seen) == 31


def test_importing_periods_stays_light():
    heavy = "{'pydantic', 'pint', 'sqlglot', 'yaml', 'numpy'}"
    code = f"import kpi.values.period_texts, sys; print(sys.modules.keys() & {heavy})"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
