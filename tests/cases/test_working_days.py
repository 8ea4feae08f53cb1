"""Differences of dates in working days: by a calendar, on every path the same, and nothing beyond it is guessed."""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.cli.main import main
from kpi.errors import DataError
from kpi.intake import calendars
from kpi.intake.events import mergeable, ordered
from kpi.language.loading.loader import examine, examine_text

ROLES = {"period": "办结时间", "entity": "镇"}

#: A calendar of two years, as its author lists it: what differs from Monday to Friday.
FREE = ["2025-01-01", "2025-01-28", "2025-01-29", "2025-01-30", "2025-01-31", "2025-02-03", "2025-02-04", "2025-10-01",
        "2025-10-02", "2025-10-03", "2025-10-06", "2025-10-07", "2025-10-08", "2026-01-01", "2026-01-02",
        "2026-05-01", "2026-06-19", "2026-09-25", "2026-10-01"]  # fmt: skip
MADE_UP = ["2025-01-26", "2025-02-08", "2025-09-28", "2025-10-11", "2026-01-04"]


def works(day: dt.date) -> bool:
    return str(day) in MADE_UP or (day.weekday() < 5 and str(day) not in FREE)


def elapsed(start: dt.date, end: dt.date) -> int:
    """Day by day: the days after the first, up to the last."""
    low, high = sorted((start, end))
    number = sum(works(low + dt.timedelta(days=item)) for item in range(1, (high - low).days + 1))
    return number if start <= end else -number


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    rows = [f"{day},休息日" for day in FREE] + [f"{day},工作日" for day in MADE_UP]
    (folder / "days.csv").write_text("日期,是否工作日\n" + "\n".join(rows) + "\n", "utf-8")
    return folder


def system(home: Path, measures: dict[str, dict], columns: dict[str, str] = ROLES, **dataset: object) -> dict:
    return {
        "system": "days", "period": "quarter", "entities": {"title": "镇"}, "calendar": str(home / "days.csv"),
        "datasets": {"bj": {"form": "records", "columns": columns, **dataset}},
        "measures": measures, "indicators": {"all": {"kind": "level", "of": next(iter(measures))}}, "pillars": {},
    }  # fmt: skip


def count(where: str) -> dict:
    return {"kind": "count", "unit": "件", "where": where}


def cases(*rows: tuple[object, object], **more: list) -> dict[str, list]:
    own = {"受理时间": [row[0] for row in rows], "办结时间": [row[1] for row in rows], "镇": ["甲"] * len(rows)}
    return {**own, **more}


def figures(card: kpi.Scorecard, entity: str = "甲") -> dict[str, object]:
    mine = card.measures.filter(pl.col("entity") == entity)
    return {row["measure"]: row["value"] if row["status"] == "ok" else row["status"] for row in mine.rows(named=True)}


def codes(card: kpi.Scorecard) -> list[str]:
    return card.findings["code"].to_list()


# ---- WHAT A WORKING DAY IS ---- #


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2025-07-04 09:00", "2025-07-07 08:00", 1),
        ("2025-07-04 09:00", "2025-07-04 23:59", 0),
        ("2025-07-05", "2025-07-06", 0),
        ("2025-07-05", "2025-07-07", 1),
        ("2025-07-07", "2025-07-14", 5),
        ("2025-09-26", "2025-10-11", 6),
        ("2025-09-30 23:59", "2025-10-09 00:01", 1),
        ("2025-01-25", "2025-02-08", 6),
        ("2025-12-31", "2026-01-05", 2),
        ("2025-07-08", "2025-07-04", -2),
    ],
)
def test_the_day_of_receipt_does_not_count_and_make_up_days_do(home, start, end, days):
    of = system(home, {"days": {"kind": "sum", "unit": "工作日", "of": "办结时间 - 受理时间"}})
    card = kpi.score(cases((start, end)), system=of)
    assert figures(card)["days"] == days == elapsed(dt.date.fromisoformat(start[:10]), dt.date.fromisoformat(end[:10]))
    assert codes(card) == ["K649"] * (days < 0)


@pytest.mark.parametrize(
    ("where", "want"),
    [
        ("办结时间 - 受理时间 <= 5 工作日", 2),
        ("办结时间 - 受理时间 <= 5 个工作日", 2),
        ("办结时间 - 受理时间 <= 5 working days", 2),
        ("办结时间 - 受理时间 <= 5 Workdays", 2),
        ("办结时间 - 受理时间 = 1 working day", 1),
        ("5 工作日 >= 办结时间 - 受理时间", 2),
        ("办结时间 - 受理时间 BETWEEN 2 工作日 AND 6 工作日", 2),
        ("办结时间 - 受理时间 IN (1 工作日, 6 工作日)", 2),
        ("NOT 办结时间 - 受理时间 <= 5 工作日", 1),
        ("abs(受理时间 - 办结时间) <= 5 工作日", 2),
        ("2 * (办结时间 - 受理时间) <= 10 工作日", 2),
        ("(办结时间 - 受理时间) / 1 工作日 <= 5", 2),
        ("办结时间 - 受理时间 - 1 工作日 <= 4 工作日", 2),
        ("办结时间 - 受理时间 <= 5 工作日 AND 办结时间 - 受理时间 <= 5 天", 1),
        ("CASE WHEN 办结时间 - 受理时间 <= 6 天 THEN 办结时间 - 受理时间 ELSE 0 工作日 END >= 1 工作日", 1),
        ("coalesce(办结时间 - 受理时间, 0 工作日) < 6 工作日", 2),
        ("greatest(办结时间 - 受理时间, 3 工作日) > 3 工作日", 2),
        ("办结时间 - 受理时间 > 0 工作日", 3),
    ],
)
def test_working_days_in_expressions(home, where, want):
    data = cases(("2025-07-04", "2025-07-07"), ("2025-07-04", "2025-07-11"), ("2025-07-04", "2025-07-14"))
    card = kpi.score(data, system=system(home, {"m": count(where)}))
    assert figures(card) == {"m": want}
    assert codes(card) == ["K649"] * ("受理时间 - 办结时间" in where)


# ---- AGAINST A PLAIN COMPUTATION ---- #

MEASURES = {
    "every": {"kind": "count", "unit": "件"},
    "soon": count("办结时间 - 受理时间 <= 5 工作日"),
    "both": count("办结时间 - 受理时间 <= 5 工作日 AND 办结时间 - 受理时间 > 36 小时"),
    "kept": count("办结时间 - 受理时间 <= 时限"),
    "open": count("period_end - 受理时间 > 20 工作日"),
    "sum": {"kind": "sum", "unit": "工作日", "of": "办结时间 - 受理时间"},
    "mean": {"kind": "mean", "unit": "工作日", "of": "办结时间 - 受理时间"},
    "calendar": {"kind": "max", "unit": "天", "of": "办结时间 - 受理时间"},
    "max": {"kind": "max", "unit": "工作日", "of": "办结时间 - 受理时间 - 时限"},
    "min": {"kind": "min", "unit": "个工作日", "of": "办结时间 - 受理时间", "where": "时限 > 1 工作日"},
    "median": {"kind": "median", "unit": "工作日", "of": "办结时间 - 受理时间"},
    "promise": {"kind": "mean", "unit": "工作日", "of": "时限"},
}
Row = tuple[dt.datetime | None, dt.datetime, int]


def at(first: dt.datetime, last: dt.datetime) -> st.SearchStrategy[dt.datetime]:
    minutes = int((last - first) / dt.timedelta(minutes=1))
    return st.integers(0, minutes).map(lambda item: first + dt.timedelta(minutes=item))


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), at(dt.datetime(2025, 8, 20), dt.datetime(2025, 12, 31, 23))),  # noqa: DTZ001
        at(dt.datetime(2025, 10, 1), dt.datetime(2025, 12, 31, 23)),  # noqa: DTZ001
        st.integers(0, 10),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def expected(rows: list[Row]) -> dict[str, object]:
    """The figures of `MEASURES`, row by row."""
    known = [(start, end, limit, elapsed(start.date(), end.date())) for start, end, limit in rows if start is not None]
    days = [item for *_, item in known]
    long = [item for *_, limit, item in known if limit > 1]
    end_of_period = dt.date(2025, 12, 31)
    none = "missing"
    return {
        "every": len(rows),
        "soon": sum(item <= 5 for item in days),
        "both": sum(item <= 5 and end - start > dt.timedelta(hours=36) for start, end, _, item in known),
        "kept": sum(item <= limit for *_, limit, item in known),
        "open": sum(elapsed(start.date(), end_of_period) > 20 for start, *_ in known),
        "sum": sum(days) if days else none,
        "mean": float(Fraction(sum(days), len(days))) if days else none,
        "calendar": max((end - start) / dt.timedelta(days=1) for start, end, *_ in known) if known else none,
        "max": max(item - limit for *_, limit, item in known) if known else none,
        "min": min(long) if long else none,
        "median": statistics.median(days) if days else none,
        "promise": sum(limit for *_, limit in rows) / len(rows),
    }


def agree(result: dict[str, object], wanted: dict[str, object]) -> None:
    assert set(result) == set(wanted)
    for name, value in wanted.items():
        assert result[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12)), name


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_figures_are_those_of_a_plain_computation(home, rows):
    data = cases(*((start, end) for start, end, _ in rows), **{"时限（工作日）": [limit for _, _, limit in rows]})
    typed = pl.DataFrame(data, schema_overrides={"受理时间": pl.Datetime("ms"), "办结时间": pl.Datetime("ns")})
    text = typed.with_columns(pl.col("受理时间", "办结时间").dt.to_string("%Y-%m-%d %H:%M"))
    for item in (typed, text):
        card = kpi.score(item, system=system(home, MEASURES))
        agree(figures(card), expected(rows))
        assert set(codes(card)) <= {"K649", "K628"}


MANY: list[Row] = [
    (
        dt.datetime(2025, 8 + n % 3, 1 + n % 28, n % 24, n % 60),  # noqa: DTZ001
        dt.datetime(2025, 10 + n % 3, 1 + n % 28, (n * 7) % 24),  # noqa: DTZ001
        n % 9,
    )
    for n in range(900)
]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "two files", "lines"])
def test_every_format_gives_the_same(home, tmp_path, monkeypatch, kind):
    frame = pl.DataFrame(cases(*(row[:2] for row in MANY), **{"时限（工作日）": [row[2] for row in MANY]}))
    text = frame.with_columns(pl.col("受理时间", "办结时间").dt.to_string("%Y-%m-%d %H:%M:%S"))
    paths = [tmp_path / f"d.{kind}"]
    match kind:
        case "csv":
            text.write_csv(paths[0])
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
    card = kpi.score(paths, system=system(home, MEASURES))
    agree(figures(card), expected(MANY))
    assert set(codes(card)) <= {"K649", "K632", "K631"}


# ---- PROMISED DAYS ---- #


@pytest.mark.parametrize(
    ("heading", "cells", "want"),
    [
        ("时限（工作日）", [5, 5], 1),
        ("时限(个工作日)", [6, 5], 2),
        ("时限（天）", [5, 10], 1),
        ("时限", ["6个工作日", "5工作日"], 2),
        ("时限", ["5工作日", "10天"], "refused"),
        ("时限", [5, 5], "refused"),
    ],
)
def test_the_unit_of_promised_days_decides(home, heading, cells, want):
    data = cases(("2025-07-04", "2025-07-14"), ("2025-07-04", "2025-07-11"), **{heading: cells})
    card = kpi.score(data, system=system(home, {"kept": count("办结时间 - 受理时间 <= 时限")}))
    assert figures(card) == {"kept": want}
    assert bool(codes(card)) == (want == "refused")


def test_a_column_of_units_and_the_unit_of_a_measure_count_too(home):
    rows = [("2025-07-04", "2025-07-14"), ("2025-07-04", "2025-07-11")]
    kept = {"kept": count("办结时间 - 受理时间 <= 时限")}
    card = kpi.score(cases(*rows, 时限=[5, 6], 计量单位=["工作日", "工作日"]), system=system(home, kept))
    assert figures(card) == {"kept": 1}
    of = system(home, {**kept, "promise": {"kind": "mean", "unit": "工作日", "of": "时限"}})
    assert figures(kpi.score(cases(*rows, 时限=[5, 6]), system=of)) == {"kept": 1, "promise": 5.5}


def test_a_pause_in_another_unit_does_not_go_together(home):
    of = system(home, {"kept": count("办结时间 - 受理时间 - 暂停 <= 5 工作日")}, types={"受理时间": "date"})
    rows = [("2025-07-04", "2025-07-14")]
    assert figures(kpi.score(cases(*rows, **{"暂停（工作日）": [1]}), system=of)) == {"kept": 1}
    card = kpi.score(cases(*rows, **{"暂停（天）": [1]}), system=of)
    assert figures(card) == {"kept": "refused"}
    assert codes(card) == ["K605"]


def test_finer_units_and_months_count_the_same_rows(home):
    data = cases(
        ("2025-07-04", "2025-07-07"), ("2025-07-04", "2025-07-14"), ("2025-08-01", "2025-08-05"), 村=[*"一二一"]
    )
    mean = {"kind": "mean", "unit": "工作日", "of": "办结时间 - 受理时间"}
    of = system(home, {"village": {**mean, "per": "村"}, "worst": {**mean, "over_time": "max"}})
    of["indicators"] = {
        "slow": {"kind": "count", "of": "village", "passes": "> 2"},
        "w": {"kind": "level", "of": "worst"},
    }
    card = kpi.score(data, system=of)
    assert dict(card.indicators.select("indicator", "value").rows()) == {"slow": 1.0, "w": 3.5}


# ---- BEYOND THE CALENDAR ---- #


@pytest.mark.parametrize("many", [False, True])
def test_dates_beyond_the_calendar_refuse_what_counts_from_them(home, monkeypatch, many):
    if many:
        monkeypatch.setattr(mergeable, "SMALL", 0)
        monkeypatch.setattr(mergeable, "_HEAD", 10)
    rows = [("2026-12-01", "2026-12-02")] * (50 if many else 1) + [("2024-12-31", "2026-12-02")]
    measures = MEASURES | {
        "decided": count("办结时间 - 受理时间 <= 5 天 AND 办结时间 - 受理时间 <= 5 工作日"),
        "apart": count("受理时间 >= '2026-01-01'"),
    }
    card = kpi.score(cases(*rows, **{"时限（工作日）": [3] * len(rows)}), system=system(home, measures))
    result = figures(card)
    plain = {"every", "calendar", "promise", "decided", "apart"}
    assert {name for name, value in result.items() if value != "refused"} == plain
    assert (result["every"], result["decided"]) == (len(rows), len(rows) - 1)
    (finding,) = [item for item in card.findings_list if item.code == "K668"]
    assert "2024" in finding.message
    assert finding.place.row == len(rows)
    assert card.counts["refused"] == 1


def test_only_rows_that_are_asked_for_matter(home):
    data = cases(("2031-01-01", "2026-07-02"), ("2026-07-01", "2026-07-02"), 渠道=["窗口", "网上"])
    of = system(
        home,
        {"m": count("渠道 = '网上' AND 办结时间 - 受理时间 <= 5 工作日"), "every": count("受理时间 > '2020-01-01'")},
    )
    card = kpi.score(data, system=of)
    assert figures(card) == {"m": 1, "every": 2}
    assert codes(card) == ["K649"]
    assert card.counts["refused"] == 0


def test_a_period_that_ends_beyond_the_calendar(home):
    rows = [("2026-12-01", "2027-03-01"), ("2026-12-01", "2026-12-20")]
    of = system(home, {"open": count("period_end - 受理时间 > 20 工作日")})
    card = kpi.score(cases(*rows), system=of)
    result = dict(card.measures.filter(pl.col("value").is_not_null()).select("period", "value").rows())
    assert result == {"2026Q4": 1}
    assert codes(card) == ["K668"]


# ---- WHICH CALENDAR ---- #


def test_a_calendar_of_one_dataset_goes_before_that_of_the_system(home, tmp_path):
    (tmp_path / "own.csv").write_text("date,working\n2025-07-07,no\n", "utf-8")
    days = {"days": {"kind": "sum", "unit": "工作日", "of": "办结时间 - 受理时间"}}
    data = cases(("2025-07-04", "2025-07-08"))
    assert figures(kpi.score(data, system=system(home, days))) == {"days": 2}
    assert figures(kpi.score(data, system=system(home, days, calendar=str(tmp_path / "own.csv")))) == {"days": 1}


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_calendar_is_read_in_every_format(tmp_path, suffix):
    table = pl.DataFrame({"日期": [dt.date(2025, 7, 7), dt.date(2025, 7, 12)], "工作日": [False, True]})
    file = tmp_path / f"own.{suffix}"
    {"csv": table.write_csv, "xlsx": table.write_excel, "parquet": table.write_parquet}[suffix](file)
    days = {"days": {"kind": "sum", "unit": "工作日", "of": "办结时间 - 受理时间"}}
    of = system(tmp_path, days) | {"calendar": str(file)}
    assert figures(kpi.score(cases(("2025-07-04", "2025-07-13")), system=of)) == {"days": 5}


def test_a_calendar_that_is_not_there_is_said_where_it_is_named(tmp_path):
    of = system(tmp_path, {"m": count("办结时间 - 受理时间 <= 5 工作日")}, calendar="dayz.csv") | {
        "calendar": "days.cs"
    }
    (tmp_path / "days.csv").write_text("date,working\n2025-07-07,no\n", "utf-8")
    (tmp_path / "s.json").write_text(json.dumps(of, ensure_ascii=False), "utf-8")
    result = examine(tmp_path / "s.json").findings
    assert [item.code for item in result] == ["K107", "K107"]
    assert "days.csv" in str(result[0].hint)


def test_reported_figures_count_no_working_days(tmp_path):
    of = {
        "system": "r", "period": "quarter", "entities": {},
        "measures": {"m": {"unit": "件", "where": "办结时间 - 受理时间 <= 5 工作日"}},
        "indicators": {"i": {"kind": "level", "of": "m"}},
    }  # fmt: skip
    text = json.dumps(of, ensure_ascii=False)
    assert [item.code for item in examine_text(text, "s.yaml").findings] == ["K467"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,working\n2025-10-11,也许\n", "也许"),
        ("date,working\n2025-13-11,是\n", "2025-13-11"),
        ("date,working\n2025-10-11,是\n2025-10-11,否\n", "both"),
        ("日期,备注\n2025-10-11,是\n", "working"),
        ("date,working\n2023-10-11,是\n2025-10-11,否\n", "2024"),
        ("date,working\n2025-10-11,\n", "2025-10-11"),
    ],
)
def test_a_calendar_that_cannot_be_used_is_a_finding_of_check_and_of_score(tmp_path, text, words):
    (tmp_path / "days.csv").write_text(text, "utf-8")
    of = system(tmp_path, {"m": count("办结时间 - 受理时间 <= 5 工作日")})
    with pytest.raises(DataError) as caught:
        kpi.score(cases(("2025-07-04", "2025-07-14")), system=of)
    (finding,) = caught.value.diagnostics
    assert (finding.code, words in finding.message) == ("K667", True)
    folder = tmp_path / "s.yaml"
    folder.write_text(
        "system: t\nperiod: quarter\nentities: {}\ncalendar: days.csv\n"
        "datasets: {bj: {form: records, columns: {period: 办结时间, entity: 镇}}}\n"
        "measures: {m: {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 5 工作日}}\n"
        "indicators: {i: {kind: level, of: m}}\npillars: {}\n",
        "utf-8",
    )
    checked = CliRunner().invoke(main, ["check", str(folder)])
    assert (checked.exit_code, "K667" in checked.stderr) == (1, True)


def test_without_the_package_the_finding_names_it(monkeypatch, tmp_path):
    calendars.of_china.cache_clear()
    monkeypatch.setitem(sys.modules, "chinese_calendar", None)
    of = system(tmp_path, {"m": count("办结时间 - 受理时间 <= 5 工作日")})
    del of["calendar"]
    data = cases(("2025-07-04", "2025-07-14"))
    with pytest.raises(DataError) as caught:
        kpi.score(data, system=of)
    assert [item.code for item in caught.value.diagnostics] == ["K666"]
    assert "pip install chinesecalendar" in str(caught.value.diagnostics[0].hint)
    of["measures"] = {"m": count("办结时间 - 受理时间 <= 5 天")}
    assert figures(kpi.score(data, system=of)) == {"m": 0}


def test_the_working_days_of_china_have_holidays_and_make_up_days(tmp_path):
    pytest.importorskip("chinese_calendar")
    calendars.of_china.cache_clear()
    of = system(tmp_path, {"m": {"kind": "sum", "unit": "工作日", "of": "办结时间 - 受理时间"}})
    del of["calendar"]
    # By the notices for 2018, 2020 with its longer spring festival, 2023 and 2025.
    known = {("2018-02-10", "2018-02-24"): 7, ("2020-01-17", "2020-02-05"): 8, ("2023-04-20", "2023-05-06"): 10,
             ("2025-09-26", "2025-10-11"): 6}  # fmt: skip
    for (start, end), days in known.items():
        assert figures(kpi.score(cases((start, end)), system=of)) == {"m": days}, start


# ---- DEFINITIONS ---- #


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        (count("办结时间 - 受理时间 - 1 天 <= 5 工作日"), "K301"),
        (count("办结时间 <= 受理时间 + 5 工作日"), "K467"),
        ({"kind": "mean", "unit": "天", "of": "办结时间 - 受理时间 - 1 工作日"}, "K468"),
        (count("办结时间 - 受理时间 <= 5"), "K467"),
        (count("办结时间 - 受理时间 <= 5 工作日 + 1 天"), "K301"),
        ({"kind": "mean", "unit": "件", "of": "办结时间 - 受理时间"}, "K468"),
    ],
)
def test_what_does_not_go_together_is_an_error_of_the_definition(home, measure, code):
    text = json.dumps(system(home, {"m": measure}), ensure_ascii=False)
    (finding,) = examine_text(text, "s.yaml").findings
    assert finding.code == code
    assert finding.hint


def test_the_explanation_says_working_days(home, tmp_path):
    (tmp_path / "d.csv").write_text("受理时间,办结时间,镇\n2025-07-04,2025-07-14,甲\n", "utf-8")
    (tmp_path / "s.yaml").write_text(
        f"system: t\nperiod: quarter\nentities: {{}}\ncalendar: {home / 'days.csv'}\n"
        "datasets: {bj: {form: records, columns: {period: 办结时间, entity: 镇}}}\n"
        "measures:\n  wait: {kind: mean, unit: 工作日, of: 办结时间 - 受理时间}\n"
        "  soon: {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 6 工作日}\n"
        "indicators:\n  i: {kind: level, of: wait, target: {at_most: 10}}\n"
        "  n: {kind: level, of: soon, target: {at_least: 1}}\npillars: {p: {parts: {i: 1, n: 1}}}\n",
        "utf-8",
    )
    answer = CliRunner().invoke(main, ["explain", str(tmp_path / "d.csv"), "甲", "-s", str(tmp_path / "s.yaml")])
    assert answer.exit_code == 0, answer.output
    assert "taken from 办结时间 - 受理时间, in working days" in answer.output
    assert "where 办结时间 - 受理时间 <= 6 工作日" in answer.output
    assert "6 工作日" in answer.output


def test_the_last_day_of_a_year_does_not_list_the_year(tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("日期,是否工作日\n2022-12-31,休息日\n2023-01-01,休息日\n2023-10-02,休息日\n", "utf-8")
    known = calendars.of_table(file)
    assert (known.first, known.last) == (2023, 2023)


# ---- CALENDARS THAT LIST LITTLE, WORDS, TIMES AND UNITS THAT DO NOT EXIST ---- #

DAYS = {"days": {"kind": "sum", "unit": "工作日", "of": "办结时间 - 受理时间"}}


@pytest.mark.parametrize(("free", "works"), [("休", "班"), ("假", "补班"), ("休息日", "工作日"), ("no", "yes")])
def test_words_of_a_calendar(free, works, tmp_path):
    rows = [f"2025-07-{day:02d},{free}" for day in range(7, 14)] + [f"2025-07-19,{works}"]
    (tmp_path / "days.csv").write_text("日期,类型\n" + "\n".join(rows) + "\n", "utf-8")
    card = kpi.score(cases(("2025-07-04", "2025-07-20")), system=system(tmp_path, DAYS))
    assert figures(card)["days"] == 6
    assert codes(card) == []


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_calendar_of_a_single_day_is_reported_once(suffix, tmp_path):
    table = pl.DataFrame({"日期": ["2025-07-07"], "类型": ["休"]})
    file = tmp_path / f"one.{suffix}"
    {"csv": table.write_csv, "xlsx": table.write_excel, "parquet": table.write_parquet}[suffix](file)
    of = system(tmp_path, DAYS) | {"calendar": str(file)}
    card = kpi.score(cases(("2025-07-04", "2025-07-08"), ("2025-07-04", "2025-07-09")), system=of)
    (finding,) = card.findings_list
    assert (finding.code, finding.severity.value) == ("K641", "warning")
    assert "1 day of 2025" in finding.message
    assert finding.place.file == str(file)
    assert figures(card)["days"] == 3


def test_a_check_of_definition_and_data_reports_a_calendar_once(tmp_path):
    (tmp_path / "days.csv").write_text("日期,类型\n2025-07-07,休\n2026-07-07,休\n2026-07-08,休\n", "utf-8")
    (tmp_path / "s.yaml").write_text(
        "system: s\nperiod: year\nentities: {title: 镇}\ncalendar: days.csv\n"
        "datasets: {bj: {form: records, columns: {period: 办结时间, entity: 镇}}}\n"
        "measures: {m: {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 5 工作日}}\n"
        "indicators: {i: {kind: level, of: m}}\n",
        "utf-8",
    )
    pl.DataFrame(cases(("2025-07-04", "2025-07-08"))).write_csv(tmp_path / "d.csv")
    alone = CliRunner().invoke(main, ["check", str(tmp_path / "s.yaml"), "--lang", "en"])
    assert alone.output.count("K641") == 1
    assert "1 day of 2025" in alone.output
    assert "2 days of 2026" in alone.output
    both = CliRunner().invoke(
        main, ["check", str(tmp_path / "s.yaml"), "--data", str(tmp_path / "d.csv"), "--lang", "en"]
    )
    assert both.output.count("K641") == 1


@pytest.mark.parametrize("unit", ["自然日", "日历日", "个自然日"])
def test_calendar_days_by_any_name(unit, tmp_path):
    (tmp_path / "days.csv").write_text("日期,类型\n2025-07-07,休\n", "utf-8")
    rows = [("2025-07-04", "2025-07-08"), ("2025-07-04", "2025-07-10")]
    measures = {
        "fixed": count(f"办结时间 - 受理时间 <= 5 {unit}"), "kept": count("办结时间 - 受理时间 <= 时限"),
        "mean": {"kind": "mean", "unit": unit, "of": "办结时间 - 受理时间"},
    }  # fmt: skip
    for limits in ({f"时限（{unit}）": [5, 5]}, {"时限": [f"5{unit}", f"5 {unit}"]}):
        card = kpi.score(cases(*rows, **limits), system=system(tmp_path, measures))
        assert figures(card) == {"fixed": 1, "kept": 1, "mean": 5}


def refused(definition: dict, code: str) -> list:
    with pytest.raises(kpi.DefinitionError) as caught:
        kpi.load(definition)
    return [item for item in caught.value.diagnostics if item.code == code]


@pytest.mark.parametrize("unit", ["个月", "月", "年", "季度", "months"])
def test_months_have_no_fixed_length(unit, tmp_path):
    (tmp_path / "days.csv").write_text("日期,类型\n2025-07-07,休\n", "utf-8")
    (finding,) = refused(system(tmp_path, {"m": count(f"办结时间 - 受理时间 <= 1 {unit}")}), "K467")
    assert "no fixed length" in finding.message
    assert "days" in str(finding.hint)
    if unit == "months":
        return
    kept = system(tmp_path, {"kept": count("办结时间 - 受理时间 <= 时限")})
    for limits in ({f"时限（{unit}）": [5, 5]}, {"时限": [f"5{unit}", "3天"]}):
        card = kpi.score(cases(("2025-07-04", "2025-07-08"), ("2025-07-04", "2025-07-10"), **limits), system=kept)
        assert [str(item.hint) for item in card.findings_list if item.code in ("K604", "K605")] == [
            "months and years have no fixed length: write days, 天 or 工作日"
        ]
    wait = {"m": {"kind": "mean", "unit": "个月", "of": "办结时间 - 受理时间"}}
    assert ["no fixed length" in str(item.hint) for item in refused(system(tmp_path, wait), "K468")] == [True]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2025-07-08 24:00", "the end of a day is 00:00 of the next one"),
        ("2025年7月8日24时", "the end of a day is 00:00 of the next one"),
        ("20250708 24:00:00", "the end of a day is 00:00 of the next one"),
        ("2025/7/8 25:10", "hours go from 0 to 23"),
        ("2025-07-08T12:60:00", "minutes and seconds to 59"),
        ("2025-02-30 08:00", "there is no day 30"),
    ],
)
@pytest.mark.parametrize("column", [0, 1])
def test_a_time_that_does_not_exist_is_said_to_be(text, why, column, tmp_path):
    (tmp_path / "days.csv").write_text("日期,类型\n2025-07-07,休\n", "utf-8")
    row = ("2025-07-04", text) if column else (text, "2025-07-08")
    wait = system(tmp_path, {"m": count("办结时间 - 受理时间 <= 5 天")})
    card = kpi.score(cases(row, ("2025-07-04", "2025-07-05")), system=wait)
    (finding,) = [item for item in card.findings_list if item.code == "K606"]
    assert why in finding.message


def test_open_cases_need_a_period_that_each_has(tmp_path):
    (tmp_path / "days.csv").write_text("日期,类型\n2025-07-07,休\n", "utf-8")
    rows = [("2025-07-04", "2025-07-08"), ("2025-07-04", None)]
    for where in ("办结时间 - 受理时间 <= 5 天", "period_end - 受理时间 > 20 天"):
        card = kpi.score(cases(*rows), system=system(tmp_path, {"m": count(where)}))
        (finding,) = [item for item in card.findings_list if item.code == "K606"]
        assert "columns: {period: 受理时间}" in str(finding.hint)
    plain = kpi.score(cases(*rows), system=system(tmp_path, {"m": {"kind": "count", "unit": "件"}}))
    assert [item.hint for item in plain.findings_list if item.code == "K606"] == [None]
