"""Dates in events: differences are durations, in every format and on every path the same, and nothing is guessed."""

from __future__ import annotations

import json
import statistics
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.cli.main import main
from kpi.intake.events import mergeable, ordered
from kpi.language.loading.loader import examine_text

HERE = Path(__file__).parent / "date-arithmetic"
ROLES = {"period": "办结时间", "entity": "镇"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def system(measures: dict[str, dict], columns: dict[str, str] = ROLES, **dataset: object) -> dict:
    return {
        "system": "durations", "period": "quarter", "entities": {"title": "镇"},
        "datasets": {"bj": {"form": "records", "columns": columns, **dataset}},
        "measures": measures, "indicators": {"all": {"kind": "level", "of": next(iter(measures))}}, "pillars": {},
    }  # fmt: skip


def count(where: str) -> dict:
    return {"kind": "count", "unit": "件", "where": where}


def figures(card: kpi.Scorecard, entity: str = "甲") -> dict[str, object]:
    mine = card.measures.filter(pl.col("entity") == entity)
    return {row["measure"]: row["value"] if row["status"] == "ok" else row["status"] for row in mine.rows(named=True)}


def codes(card: kpi.Scorecard) -> list[str]:
    return card.findings["code"].to_list()


def cases(*rows: tuple[object, object], **more: list) -> dict[str, list]:
    return {
        "受理时间": [row[0] for row in rows],
        "办结时间": [row[1] for row in rows],
        "镇": ["甲"] * len(rows),
        **more,
    }


# ---- THE CASE ---- #


def test_the_share_in_time_and_the_waits_of_the_case():
    card = kpi.score(HERE / "d.csv", system=HERE / "s.yaml")
    rates = dict(card.indicators.select("entity", "value").rows())
    assert rates == {"甲镇": 50.0, "乙镇": 100.0}
    waits = [Fraction(2 * 1440 + 110, 1440), Fraction(18 * 1440 - 90, 1440)]
    assert figures(card, "甲镇")["wait"] == float(sum(waits) / 2)
    assert figures(card, "乙镇")["wait"] == 1.0
    assert codes(card) == []


def test_the_commands_say_the_expressions(tmp_path):
    shown = CliRunner().invoke(main, ["show", str(HERE / "s.yaml"), "wait"])
    assert "办结时间 - 受理时间" in shown.output
    shown = CliRunner().invoke(main, ["show", str(HERE / "s.yaml"), "ontime"])
    assert "办结时间 - 受理时间 <= 5 天" in shown.output
    answer = CliRunner().invoke(main, ["explain", str(HERE / "d.csv"), "甲镇", "rate", "-s", str(HERE / "s.yaml")])
    assert answer.exit_code == 0, answer.output
    assert "办结时间 - 受理时间 <= 5 天" in answer.output
    checked = CliRunner().invoke(main, ["check", str(HERE / "s.yaml"), "--data", str(HERE / "d.csv")])
    assert checked.exit_code == 0, checked.output


# ---- AGAINST A PLAIN COMPUTATION ---- #

MEASURES = {
    "every": {"kind": "count", "unit": "件"},
    "soon": count("办结时间 - 受理时间 <= 5 天"),
    "between": count("办结时间 - 受理时间 BETWEEN 36 小时 AND 5 天"),
    "kept": count("办结时间 - 受理时间 <= 时限"),
    "due": count("办结时间 <= 受理时间 + 时限"),
    "open": count("period_end - 受理时间 > 20 天"),
    "july": count("month(受理时间) = 7 AND weekday(受理时间) < 6"),
    "since": count("受理时间 >= '2025-07-10' AND 受理时间 <= '2025-08-01'"),
    "sum": {"kind": "sum", "unit": "小时", "of": "办结时间 - 受理时间"},
    "mean": {"kind": "mean", "unit": "天", "of": "办结时间 - 受理时间"},
    "min": {"kind": "min", "unit": "分钟", "of": "办结时间 - 受理时间", "where": "时限 > 1 天"},
    "max": {"kind": "max", "unit": "分钟", "of": "办结时间 - 受理时间 - 时限"},
    "median": {"kind": "median", "unit": "天", "of": "办结时间 - 受理时间"},
    "promise": {"kind": "mean", "unit": "天", "of": "时限"},
}


def at(first: datetime, last: datetime) -> st.SearchStrategy[datetime]:
    minutes = int((last - first) / timedelta(minutes=1))
    return st.integers(0, minutes).map(lambda item: first + timedelta(minutes=item))


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), at(datetime(2025, 6, 20), datetime(2025, 9, 30, 23))),  # noqa: DTZ001
        at(datetime(2025, 7, 1), datetime(2025, 9, 30, 23)),  # noqa: DTZ001
        st.integers(0, 10),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def expected(rows: list[tuple[datetime | None, datetime, int]]) -> dict[str, object]:
    """The figures of `MEASURES`, row by row."""
    known = [(start, end, limit * DAY) for start, end, limit in rows if start is not None]
    waits = [end - start for start, end, _ in known]
    long = [end - start for start, end, limit in known if limit > DAY]
    end_of_period = datetime(2025, 9, 30)  # noqa: DTZ001

    def of(parts: list[timedelta], unit: timedelta) -> Fraction:
        return sum((Fraction(part // timedelta(microseconds=1)) for part in parts), Fraction()) / (
            unit // timedelta(microseconds=1)
        )

    def ratio(part: timedelta, unit: timedelta) -> float:
        return float(of([part], unit))

    minute = timedelta(minutes=1)
    none = "missing"
    return {
        "every": len(rows),
        "soon": sum(item <= 5 * DAY for item in waits),
        "between": sum(36 * HOUR <= item <= 5 * DAY for item in waits),
        "kept": sum(end - start <= limit for start, end, limit in known),
        "due": sum(end <= start + limit for start, end, limit in known),
        "open": sum(end_of_period - start > 20 * DAY for start, _, _ in known),
        "july": sum(start.month == 7 and start.isoweekday() < 6 for start, _, _ in known),
        "since": sum(date(2025, 7, 10) <= start.date() <= date(2025, 8, 1) for start, _, _ in known),
        "sum": float(of(waits, HOUR)) if waits else none,
        "mean": float(of(waits, DAY) / len(waits)) if waits else none,
        "min": ratio(min(long), minute) if long else none,
        "max": ratio(max(end - start - limit for start, end, limit in known), minute) if known else none,
        "median": ratio(statistics.median(waits), DAY) if waits else none,
        "promise": sum(limit for _, _, limit in rows) / len(rows),
    }


def agree(result: dict[str, object], wanted: dict[str, object]) -> None:
    assert set(result) == set(wanted)
    for name, value in wanted.items():
        assert result[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12)), name


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_figures_are_those_of_a_plain_computation(rows):
    data = cases(*((start, end) for start, end, _ in rows), **{"时限（天）": [limit for _, _, limit in rows]})
    typed = pl.DataFrame(data, schema_overrides={"受理时间": pl.Datetime("ms"), "办结时间": pl.Datetime("ns")})
    text = typed.with_columns(pl.col("受理时间", "办结时间").dt.to_string("%Y-%m-%d %H:%M"))
    of = system(MEASURES)
    wanted = expected(rows)
    for item in (typed, text):
        card = kpi.score(item, system=of)
        agree(figures(card), wanted)
        negative = sum(start is not None and end < start for start, end, _ in rows)
        assert codes(card).count("K649") == (negative > 0)


ROWS_OF_MANY = [
    (datetime(2025, 7, 1 + n % 28, n % 24, n % 60), datetime(2025, 7 + n % 3, 1 + n % 28, (n * 7) % 24), n % 9)  # noqa: DTZ001
    for n in range(3000)
]


@pytest.mark.parametrize("kind", ["csv", "slashes", "xlsx", "parquet", "two files", "lines"])
def test_every_format_gives_the_same(tmp_path, monkeypatch, kind):
    rows = ROWS_OF_MANY[:400]
    frame = pl.DataFrame(cases(*(row[:2] for row in rows), **{"时限（天）": [row[2] for row in rows]}))
    text = frame.with_columns(pl.col("受理时间", "办结时间").dt.to_string("%Y-%m-%d %H:%M:%S"))
    paths = [tmp_path / f"d.{kind}"]
    match kind:
        case "csv":
            text.write_csv(paths[0])
        case "slashes":
            paths = [tmp_path / "d.csv"]
            text.with_columns(pl.col("受理时间", "办结时间").str.replace_all("-", "/")).write_csv(paths[0])
        case "xlsx":
            frame.write_excel(paths[0])
        case "parquet":
            monkeypatch.setattr(mergeable, "SMALL", 0)
            monkeypatch.setattr(ordered, "CELLS", 100)
            frame.write_parquet(paths[0])
        case "two files":
            paths = [tmp_path / "a.csv", tmp_path / "b.parquet"]
            text[:150].write_csv(paths[0])
            frame[150:].write_parquet(paths[1])
        case "lines":
            paths = [tmp_path / "d.jsonl"]
            text.write_ndjson(paths[0])
    card = kpi.score(paths, system=system(MEASURES))
    agree(figures(card), expected(rows))
    assert set(codes(card)) <= {"K649", "K632"}


@pytest.mark.parametrize("late", [None, "坏的", "2025-07-32"])
def test_a_cell_far_down_that_is_no_date_refuses_what_needs_it(monkeypatch, late):
    monkeypatch.setattr(mergeable, "SMALL", 0)
    monkeypatch.setattr(mergeable, "_HEAD", 100)
    rows = [row for row in ROWS_OF_MANY if row[1].month == 7]
    rows[-1] = (*rows[-1][:2], 5)
    frame = pl.DataFrame(cases(*(row[:2] for row in rows), **{"时限（天）": [row[2] for row in rows]}))
    text = frame.with_columns(pl.col("受理时间", "办结时间").dt.to_string("%Y-%m-%d %H:%M"))
    text = text.with_columns(
        受理时间=pl.when(pl.int_range(pl.len()) == len(rows) - 1).then(pl.lit(late)).otherwise("受理时间")
    )
    card = kpi.score(text, system=system(MEASURES))
    result = figures(card)
    if late is None:
        agree(result, expected([*rows[:-1], (None, *rows[-1][1:])]))
        return
    assert {name for name, value in result.items() if value != "refused"} == {"every", "promise"}
    assert codes(card).count("K606") == 1
    assert late in card.findings.filter(pl.col("code") == "K606")["message"].item()


def test_finer_units_and_months_are_computed_of_the_same_rows():
    data = cases(
        ("2025-07-01", "2025-07-03"), ("2025-07-01", "2025-07-09"), ("2025-08-01", "2025-08-05"),
        村=["一", "二", "一"],
    )  # fmt: skip
    of = system(
        {
            "village": {"kind": "mean", "unit": "天", "of": "办结时间 - 受理时间", "per": "村"},
            "worst": {"kind": "mean", "unit": "天", "of": "办结时间 - 受理时间", "over_time": "max"},
        }
    )
    of["indicators"] = {
        "slow": {"kind": "count", "of": "village", "passes": "> 5"},
        "w": {"kind": "level", "of": "worst"},
    }
    card = kpi.score(data, system=of)
    assert dict(card.indicators.select("indicator", "value").rows()) == {"slow": 1.0, "w": 5.0}


# ---- WHAT DATES ARE ---- #


@pytest.mark.parametrize(
    "text",
    ["2025-7-1 9:05", "2025/07/01 09:05:00", "2025年7月1日 9:05", "2025年7月1日9时5分", "20250701 090500",
     "2025-07-01T09:05:00",
     "２０２５－０７－０１ 09:05", "2025-07-01 09:05+08:00", "2025.7.1 09:05", "2025-07-01 上午9:05"],
)  # fmt: skip
def test_a_time_is_read_in_every_form_in_use(text):
    of = system({"wait": {"kind": "mean", "unit": "分钟", "of": "办结时间 - 受理时间"}})
    card = kpi.score(cases((text, "2025-07-01 10:00:30")), system=of)
    assert figures(card) == {"wait": 55.5}


@pytest.mark.parametrize(
    "text", ["45000", "2025-07", "2025-02-30", "31/12/2024", "2025-07-01 25:00", "2025-07-01 09:05Z"]
)
def test_what_is_no_date_is_refused_with_the_reason(text):
    of = system({"wait": {"kind": "mean", "unit": "分钟", "of": "办结时间 - 受理时间"}})
    card = kpi.score(cases((text, "2025-07-01 10:00"), ("2025-06-30", "2025-07-01")), system=of)
    assert figures(card) == {"wait": "refused"}
    finding = card.findings.filter(pl.col("code") == "K606").row(0, named=True)
    assert text in finding["message"]
    assert "受理时间" in str(finding)


def test_the_order_of_day_and_month_is_that_of_the_dataset():
    of = system({"wait": {"kind": "mean", "unit": "天", "of": "办结时间 - 受理时间"}}, dates="dmy")
    assert figures(kpi.score(cases(("02/07/2025 12:00", "03/07/2025")), system=of)) == {"wait": 0.5}


def test_instants_with_a_zone_are_local_times():
    frame = pl.DataFrame(cases((datetime(2025, 7, 1), datetime(2025, 7, 2, 9)))).with_columns(  # noqa: DTZ001
        pl.col("受理时间").dt.replace_time_zone("UTC")
    )
    card = kpi.score(frame, system=system({"wait": {"kind": "mean", "unit": "小时", "of": "办结时间 - 受理时间"}}))
    assert figures(card) == {"wait": 25.0}
    assert codes(card) == ["K624"]


def test_a_day_that_is_compared_is_the_whole_day():
    data = cases(*[(f"2025-07-0{day} 10:00", "2025-07-31") for day in (1, 2, 3)])
    tests = {"<=": 2, "<": 1, ">": 1, ">=": 2, "=": 1, "<>": 2}
    of = {f"m{n}": count(f"受理时间 {sign} '2025-07-02'") for n, sign in enumerate(tests)}
    of |= {"flip": count("'2025-07-02' >= 受理时间"), "in": count("受理时间 IN ('2025-07-01', '2025年7月3日')")}
    of |= {
        "exact": count("受理时间 <= '2025-07-02 09:59'"),
        "both": count("受理时间 BETWEEN '2025-07-02' AND '2025-07-03'"),
    }
    result = figures(kpi.score(data, system=system(of)))
    wanted = {f"m{n}": value for n, value in enumerate(tests.values())}
    assert result == wanted | {
        "flip": 2,
        "in": 2,
        "exact": 1,
        "both": 2,
    }


def test_what_is_open_at_the_end_of_the_period():
    rows = [("2025-07-01 09:00", None), ("2025-09-10", None), ("2025-09-09", None), ("2025-07-05", "2025-07-06"),
            ("2025-06-01", None), ("2025-07-01", "2025-10-02")]  # fmt: skip
    of = system(
        {
            "late": count("办结时间 IS NULL AND period_end - 受理时间 > 20 天"),
            "open": count("办结时间 IS NULL OR 办结时间 > period_end"),
            "oldest": {"kind": "max", "unit": "天", "of": "period_end - 受理时间", "where": "办结时间 IS NULL"},
        },
        {"period": "受理时间", "entity": "镇"},
    )
    card = kpi.score(cases(*rows), system=of)
    third = card.measures.filter(pl.col("period") == "2025Q3")
    assert dict(third.select("measure", "value").rows()) == {"late": 2, "open": 4, "oldest": 90 + 15 / 24}
    second = card.measures.filter(pl.col("period") == "2025Q2")
    assert dict(second.select("measure", "value").rows()) == {"late": 1, "open": 1, "oldest": 29}


# ---- UNITS ---- #


def test_a_duration_written_in_any_unit_is_the_same():
    written = [
        "5 天",
        "5天",
        "5 日",
        "120 小时",
        "7200 分钟",
        "5 days",
        "120 hours",
        "7200 minutes",
        "432000 秒",
        "2 天 + 3 天",
    ]
    of = system({f"m{n}": count(f"办结时间 - 受理时间 <= {text}") for n, text in enumerate(written)})
    data = cases(("2025-07-01 08:00", "2025-07-06 08:00"), ("2025-07-01 08:00", "2025-07-06 08:01"))
    assert set(figures(kpi.score(data, system=of)).values()) == {1.0}


@pytest.mark.parametrize(
    ("heading", "cells", "want"),
    [("时限（天）", [3, 1], 1.0), ("时限(小时)", [72, 24], 1.0), ("时限", ["3天", "1个工作日"], "refused"),
     ("时限", ["3天", "24小时"], 1.0), ("时限", [3, 1], "refused"), ("时限（元）", [3, 1], "refused")],
)  # fmt: skip
def test_a_promised_duration_needs_a_unit_of_time(heading, cells, want):
    data = cases(("2025-07-01", "2025-07-03"), ("2025-07-01", "2025-07-03"), **{heading: cells})
    card = kpi.score(data, system=system({"kept": count("办结时间 - 受理时间 <= 时限")}))
    assert figures(card) == {"kept": want}
    assert bool(codes(card)) == (want == "refused")
    if heading == "时限" and cells == [3, 1]:
        assert codes(card) == ["K468"]


def test_the_unit_of_a_measure_is_implied_for_its_column():
    of = system({"kept": count("办结时间 - 受理时间 <= 时限"), "promise": {"kind": "mean", "unit": "天", "of": "时限"}})
    card = kpi.score(cases(("2025-07-01", "2025-07-03"), ("2025-07-01", "2025-07-03"), 时限=[3, 1]), system=of)
    assert figures(card) == {"kept": 1, "promise": 2}


def test_amounts_are_computed_in_the_units_of_their_columns():
    data = cases(
        ("2025-07-01", "2025-07-03"), ("2025-07-01", "2025-07-03"),
        **{"金额（万元）": [10, 20.5], "退款（元）": [5000, None], "数量（件）": [1, 2], "单价（元/件）": [3, 4]},
    )  # fmt: skip
    of = system(
        {
            "net": {"kind": "sum", "unit": "元", "of": "金额 - 退款"},
            "filled": {"kind": "sum", "unit": "万元", "of": "金额 - coalesce(退款, 0)"},
            "value": {"kind": "sum", "unit": "元", "of": "数量 * 单价"},
            "no": {"kind": "sum", "unit": "元", "of": "数量 + 单价"},
            "middle": {"kind": "median", "unit": "元", "of": "数量 * 单价"},
        }
    )
    card = kpi.score(data, system=of)
    assert figures(card) == {"net": 95_000, "filled": 30, "value": 11, "no": "refused", "middle": 5.5}
    assert sorted(codes(card)) == ["K605", "K628"]
    (blank,) = card.findings.filter(pl.col("code") == "K628").rows(named=True)
    assert "1 row with a blank `退款`" in blank["message"]
    assert "coalesce(退款, 0)" in blank["hint"]


def test_numbers_of_hours_are_no_dates():
    data = cases(("2025-07-01", "2025-07-03"), **{"用时（小时）": [30], "暂停（天）": [1]})
    of = system(
        {"net": {"kind": "mean", "unit": "小时", "of": "用时 - 暂停"}, "short": count("用时 - 暂停 < 7 小时")},
        {"period": "办结时间", "entity": "镇"},
    )
    assert figures(kpi.score(data, system=of)) == {"net": 6, "short": 1}


@pytest.mark.parametrize(
    "where",
    ["办结时间 - 受理时间 <= 5", "5 >= 办结时间 - 受理时间", "办结时间 - 受理时间 + 1 > 2 天",
     "金额 / (办结时间 - 受理时间) > 5"],
)  # fmt: skip
def test_a_number_without_a_unit_is_no_duration(where):
    text = json.dumps(system({"m": count(where)}), ensure_ascii=False)
    (finding,) = examine_text(text, "s.yaml").findings
    assert finding.code == "K467"
    assert "天" in str(finding.hint)


def test_a_difference_is_negative_or_zero_without_a_unit():
    of = system({"m": count("办结时间 - 受理时间 < 0"), "ok": count("办结时间 >= 受理时间")})
    card = kpi.score(cases(("2025-07-02", "2025-07-01"), ("2025-07-01", "2025-07-01")), system=of)
    assert figures(card) == {"m": 1, "ok": 1}
    (row,) = card.findings.rows(named=True)
    assert (row["code"], row["severity"], row["row"]) == ("K649", "warning", 1)
    assert "2025-07-01 before 2025-07-02" in row["message"]


@pytest.mark.parametrize(
    ("where", "want"),
    [
        ("(办结时间 - 受理时间) / 1 天 <= 5", 2), ("(办结时间 - 受理时间) / 48 小时 = 1", 1),
        ("abs(受理时间 - 办结时间) <= 2 周", 3),
        ("2 * (办结时间 - 受理时间) <= 10 days", 2), ("办结时间 - 受理时间 IN (1 天, 48 小时)", 2),
        ("CASE WHEN 办结时间 - 受理时间 > 5 天 THEN 1 ELSE 0 END = 1", 1),
        ("least(办结时间, 受理时间) > '2025-07-01'", 1),
        ("NOT 办结时间 - 受理时间 <= 5 天", 1), ("办结时间 - 5 天 > 受理时间", 1),
    ],
)  # fmt: skip
def test_durations_in_larger_expressions(where, want):
    data = cases(("2025-07-01", "2025-07-03"), ("2025-07-01", "2025-07-08"), ("2025-07-02", "2025-07-03"))
    assert figures(kpi.score(data, system=system({"m": count(where)}))) == {"m": want}


def test_an_amount_for_each_day_is_divided_by_a_number_of_days():
    data = cases(("2025-07-01", "2025-07-03"), **{"金额（元）": [10]})
    of = system({"m": {"kind": "mean", "unit": "元", "of": "金额 / ((办结时间 - 受理时间) / 1 天)"}})
    assert figures(kpi.score(data, system=of)) == {"m": 5}


def test_a_column_of_texts_that_look_like_dates_stays_what_it_is():
    data = cases(
        ("2025-07-01", "2025-07-03"), ("2025-07-01", "2025-07-03"), 批次=["2025-07-01第一批", "2025-07-02第二批"]
    )
    of = system({"m": count("批次 >= '2025-07-02'"), "d": count("批次 LIKE '2025-07-01%'")})
    assert figures(kpi.score(data, system=of)) == {"m": 1, "d": 1}


# ---- BLANKS ---- #


def blanks(card: kpi.Scorecard) -> list[tuple[str, str]]:
    return [
        (item.place.field, item.message.split(" with")[0])
        for item in card.findings_list
        if item.code == "K628" and "cannot be compared" in item.message
    ]


def test_a_limit_that_is_blank_is_named_as_it_lowers_the_share():
    rows = [("2024-10-08", "2024-10-09"), ("2024-10-08", "2024-10-09"), (None, "2024-10-09")]
    kept = count("办结时间 - 受理时间 <= 承诺时限")
    data = cases(*rows, **{"承诺时限（天）": ["5", None, "5"]})
    card = kpi.score(data, system=system({"kept": kept, "total": count("镇 = '甲'")}))
    assert figures(card) == {"kept": 1, "total": 3}
    assert blanks(card) == [("受理时间", "1 row"), ("承诺时限", "1 row")]


def test_a_blank_that_another_condition_leaves_out_is_not_named():
    rows = [(None, "2024-10-09"), ("2024-10-08", "2024-10-09"), (None, "2024-10-09")]
    kinds = {"事项": ["告知", "许可", "许可"]}
    where = "办结时间 - 受理时间 <= 5 天 AND 事项 = '许可'"
    card = kpi.score(cases(*rows, **kinds), system=system({"kept": count(where)}))
    assert figures(card) == {"kept": 1}
    assert blanks(card) == [("受理时间", "1 row")]


@pytest.mark.parametrize(
    "where", ["coalesce(办结时间 - 受理时间 <= 5 天, 镇 = '甲')", "办结时间 - 受理时间 <= 5 天 OR 受理时间 IS NULL"]
)
def test_a_condition_that_says_what_a_blank_means_is_left_alone(where):
    card = kpi.score(cases((None, "2024-10-09")), system=system({"kept": count(where)}))
    assert figures(card) == {"kept": 1}
    assert blanks(card) == []
