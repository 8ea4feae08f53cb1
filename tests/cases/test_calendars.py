"""Fiscal and school years, weeks, English months and orders of dates, by every way figures come in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.batch.batch_run import run
from kpi.batch.config import load
from kpi.cli.main import main
from kpi.language.loading.loader import examine_text

CASES = Path(__file__).parent

SYSTEM = """
system: s
period: {period}
{more}
entities: {{title: region{entities}}}
datasets:
  visits: {{form: records, columns: {{period: day, entity: region}}}}
  wide: {{form: panel{dataset}}}
  long: {{form: reported{dataset}}}
measures:
  x: {{title: revenue, unit: 万元}}
  calls: {{title: visits, kind: count, from: visits, unit: 个}}
indicators:
  level: {{kind: level, of: x}}
  grown: {{kind: growth, of: x}}
  seen: {{kind: level, of: calls}}
"""


def system(period="year", more="year_starts: 4", *, entities="", dataset=""):
    return kpi.load(SYSTEM.format(period=period, more=more, entities=entities, dataset=dataset))


def values(card, indicator="level"):
    """The value of every period, or the status of one that has none."""
    rows = card.indicators.filter(indicator=indicator).to_dicts()
    return {row["period"]: round(row["value"], 9) if row["status"] == "ok" else row["status"] for row in rows}


def codes(card, *, besides=("K555", "K562")):
    return [item.code for item in card.findings_list if item.code not in besides]


def codes_of(text):
    """The codes of the findings about a definition."""
    return [item.code for item in examine_text(text).findings]


def wide(reports, header="period"):
    return pl.DataFrame(
        {header: list(reports), "region": "North", "revenue": [float(item) for item in reports.values()]}
    )


def long(reports):
    return pl.DataFrame(
        {
            "period": list(reports),
            "region": "North",
            "indicator": "revenue",
            "value": [str(item) for item in reports.values()],
        }
    )


def across(reports):
    return pl.DataFrame(
        {"region": ["North"], "indicator": ["revenue"], **{text: [item] for text, item in reports.items()}}
    )


# ---- FISCAL YEARS ---- #

YEARS = {"2021/22": 100, "2022-23": 110, "2023-2024学年": 121, "FY2024/25": 242}
EXPECTED = {"2021/22": 100, "2022/23": 110, "2023/24": 121, "2024/25": 242}


@pytest.mark.parametrize("frame", [wide, long, across])
@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet", "frame"])
def test_years_of_any_layout_and_format(tmp_path, frame, suffix):
    data = frame(YEARS)
    if suffix != "frame":
        file = tmp_path / f"data.{suffix}"
        {"csv": data.write_csv, "xlsx": data.write_excel, "parquet": data.write_parquet}[suffix](file)
        data = file
    card = kpi.score(data, system=system())
    assert values(card) == EXPECTED
    assert values(card, "grown") == {"2021/22": "no_baseline", "2022/23": 10, "2023/24": 10, "2024/25": 100}
    assert codes(card) == []


def test_years_that_a_title_or_the_name_of_a_file_says(tmp_path):
    (tmp_path / "2023-24.csv").write_text("region,revenue\nNorth,5\n", "utf-8")
    assert values(kpi.score(tmp_path / "2023-24.csv", system=system())) == {"2023/24": 5}
    (tmp_path / "report FY2023.csv").write_text("region,revenue\nNorth,5\n", "utf-8")
    named = system(dataset=", columns: {period: {from: file}}")
    assert values(kpi.score(tmp_path / "report FY2023.csv", system=named)) == {"2023/24": 5}
    titled = tmp_path / "a.csv"
    titled.write_text("Revenue in 2022/23,\nregion,revenue\nNorth,5\n", "utf-8")
    assert values(kpi.score(titled, system=system(dataset=", columns: {period: {from: title}}"))) == {"2022/23": 5}


MONTHS = {"2023-04": 1, "2023年5月": 2, "Jun 2023": 3, "2023Q3": 9, "2023/24Q3": 12, "FY2023Q4": 15}


@pytest.mark.parametrize(
    ("period", "expected"),
    [("year", {"2023/24": 42}), ("quarter", {"2023/24Q1": 6, "2023/24Q2": 9, "2023/24Q3": 12, "2023/24Q4": 15})],
)
@pytest.mark.parametrize("frame", [wide, long, across])
def test_months_and_quarters_make_years(period, expected, frame):
    card = kpi.score(frame(MONTHS), system=system(period, "year_starts: {month: 4, named_by: start}"))
    assert values(card) == expected
    assert codes(card) == ["K618"], "2023Q3 is a quarter of the calendar"


def test_a_year_without_its_last_month_is_incomplete():
    months = {f"{2023 + month // 12}-{month % 12 + 1:02d}": 1 for month in range(3, 14)}
    assert values(kpi.score(wide(months), system=system())) == {"2023/24": "incomplete"}
    assert values(kpi.score(wide({**months, "2024-03": 1}), system=system())) == {"2023/24": 12}


def test_running_totals_begin_with_the_year():
    text = SYSTEM.format(period="quarter", more="year_starts: 4", entities="", dataset="").replace(
        "unit: 万元}", "unit: 万元, cumulative: true, over_time: sum}"
    )
    reports = {"2023-06": 3, "2023-09": 5, "2023-12": 9, "2024-03": 10, "2024-06": 2}
    assert list(values(kpi.score(wide(reports), system=kpi.load(text))).values()) == [3, 2, 4, 1, 2]


@pytest.mark.parametrize(
    ("more", "expected", "noted"),
    [
        ("year_starts: 4", "2023/24", ["K618"]),
        ("year_starts: {month: 4, named_by: start}", "2023/24", []),
        ("year_starts: {month: 4, named_by: end}", "2022/23", []),
    ],
)
@pytest.mark.parametrize("text", ["FY2023", "2023财年", "2023", "2023年度"])
def test_which_year_a_number_names_is_declared_or_reported(more, expected, noted, text):
    card = kpi.score(wide({text: 7}), system=system(more=more))
    assert (values(card), codes(card)) == ({expected: 7}, noted)


def test_two_columns_of_a_year_and_its_part():
    data = pl.DataFrame(
        {"year": ["2023/24"] * 4, "quarter": ["Q1", "Q2", "3", "第四季度"], "region": "North", "revenue": 1.0}
    )
    assert values(kpi.score(data, system=system("quarter"))) == dict.fromkeys(
        ["2023/24Q1", "2023/24Q2", "2023/24Q3", "2023/24Q4"], 1
    )
    data = pl.DataFrame({"year": ["2023", "2024"], "month": ["12", "1"], "region": "North", "revenue": [1.0, 2.0]})
    assert values(kpi.score(data, system=system("month"))) == {"2023-12": 1, "2024-01": 2}


def test_a_month_below_two_years_is_refused_rather_than_guessed():
    data = pl.DataFrame({"year": ["2023/24"], "month": ["1"], "region": "North", "revenue": [1.0]})
    with pytest.raises(kpi.DataError):
        kpi.score(data, system=system("month"))


def test_events_count_in_the_year_of_their_day():
    days = [dt.date(2023, 3, 31), dt.date(2023, 4, 1), dt.date(2024, 3, 31), dt.date(2024, 4, 1)]
    for column in (pl.Series(days), pl.Series(days).cast(pl.String), pl.Series(days).cast(pl.Datetime)):
        card = kpi.score(pl.DataFrame({"day": column, "region": "North"}), system=system())
        assert values(card, "seen") == {"2022/23": 1, "2023/24": 2, "2024/25": 1}
        item = kpi.score(pl.DataFrame({"day": column, "region": "North"}), system=system(), period="2023/24")
        assert values(item, "seen") == {"2023/24": 2}


@pytest.mark.parametrize(
    ("period", "there"), [("2022/23", True), ("FY2022", True), ("2022-23", True), ("2030/31", False)]
)
def test_one_period_is_asked_for(period, there):
    if there:
        assert values(kpi.score(wide(YEARS), system=system(), period=period)) == {"2022/23": 110}
        assert values(kpi.score(wide(YEARS), system=system(), period=period), "grown") == {"2022/23": 10}
    else:
        with pytest.raises(kpi.DataError, match="hold nothing for 2030/31"):
            kpi.score(wide(YEARS), system=system(), period=period)


TARGETS = """
system: t
period: quarter
year_starts: 4
entities: {title: region, roster: roster.csv, succession: succession.csv}
measures:
  x: {title: revenue, unit: 万元}
  m: {title: opened, unit: 是/否}
indicators:
  level: {kind: level, of: x, target: {at_least: 100, by: 2023/24, schedule: even}}
  own: {kind: level, of: x, target: {at_least: {file: targets.csv}, by: 2024/25}}
  indexed: {kind: index, of: x, base: Q1 2023/24}
  opened: {kind: milestone, of: m, target: {done: true, by: 2023/24Q2}}
"""


def test_deadlines_rosters_targets_and_succession_have_such_years(tmp_path):
    (tmp_path / "s.yaml").write_text(TARGETS, "utf-8")
    (tmp_path / "roster.csv").write_text("entity,valid_from,valid_to\nNorth,2022/23,\nSouth,,2023/24Q4\n", "utf-8")
    (tmp_path / "succession.csv").write_text("old,new,date\nSouth,North,2024/25\n", "utf-8")
    (tmp_path / "targets.csv").write_text("entity,indicator,period,target\nNorth,own,2024/25Q1,50\n", "utf-8")
    rows = [("2023/24Q1", 40, "否"), ("2023/24Q2", 60, "否"), ("2023/24Q3", 80, "是"), ("2024/25Q1", 90, "是")]
    data = pl.DataFrame(
        [
            *((period, "North", float(value), done) for period, value, done in rows),
            *((period, "South", 10.0, "否") for period, _, _ in rows[:3]),
        ],
        schema=["period", "region", "revenue", "opened"], orient="row",
    )  # fmt: skip
    card = kpi.score(data, system=tmp_path / "s.yaml")
    north = card.indicators.filter(entity="North")
    due = dict(north.filter(indicator="level").select("period", "schedule").rows())
    assert (due["2023/24Q1"], due["2023/24Q3"], due["2024/25Q1"]) == (25, 75, 100)
    assert dict(north.filter(indicator="indexed").select("period", "value").rows())["2023/24Q2"] == 140
    assert dict(north.filter(indicator="opened").select("period", "status").rows())["2023/24Q3"] == "late"
    assert dict(north.filter(indicator="own").select("period", "target").rows())["2024/25Q1"] == 50


def test_times_of_files_beside_the_definition_have_two_readings_too(tmp_path):
    text = TARGETS.replace("base: Q1 2023/24", "base: 2023Q2")
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    (tmp_path / "roster.csv").write_text("entity,valid_from,valid_to\nNorth,FY2022,\nSouth,,2023/24\n", "utf-8")
    (tmp_path / "succession.csv").write_text("old,new,date\nSouth,North,2024财年\n", "utf-8")
    (tmp_path / "targets.csv").write_text("entity,indicator,period,target\nNorth,own,2023Q2,50\n", "utf-8")
    data = pl.DataFrame({"period": ["2023/24Q1"], "region": "North", "revenue": [1.0], "opened": "否"})
    card = kpi.score(data, system=tmp_path / "s.yaml")
    places = {Path(str(item.place.file)).name for item in card.findings_list if item.code == "K618"}
    assert places == {"roster.csv", "s.yaml", "succession.csv", "targets.csv"}
    assert "K618" in [item.code for item in examine_text(text, folder=tmp_path).findings]


def test_a_deadline_with_two_readings_is_reported():
    text = SYSTEM.format(period="year", more="year_starts: 4", entities="", dataset="").replace(
        "level: {kind: level, of: x}", "level: {kind: level, of: x, target: {at_least: 1, by: 2025}}"
    )
    assert "K618" in codes_of(text)
    assert "K618" not in codes_of(text.replace("by: 2025", "by: 2025/26"))


@pytest.mark.parametrize(("file", "period"), [("fy.csv", "2022/23"), ("w.csv", "2024-W02")])
def test_results_are_told_apart_by_their_labels(tmp_path, monkeypatch, file, period):
    monkeypatch.chdir(tmp_path)
    weeks = file == "w.csv"
    wide({"2024-W01": 1, "2024-W02": 2, "2024-W03": 3} if weeks else YEARS).write_csv(file)
    text = SYSTEM.format(
        period="week" if weeks else "year", more="" if weeks else "year_starts: 4", entities="", dataset=""
    )
    Path("s.yaml").write_text(text, "utf-8")
    later = "2024-W03" if weeks else "2023/24"
    done = CliRunner().invoke(main, ["diff", period, later, "--data", file, "-s", "s.yaml"])
    assert (done.exit_code, f"{period},{later}" in done.stdout) == (0, True), done.output
    for name in ("a.json", "b.json"):
        assert CliRunner().invoke(main, ["score", file, "-s", "s.yaml", "-o", name]).exit_code == 0
    done = CliRunner().invoke(main, ["diff", "a.json", "b.json", "--period", period])
    assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(main, ["explain", file, "North", "level", "-s", "s.yaml", "--period", period])
    assert (shown.exit_code, period in shown.stdout) == (0, True)


def test_nights_have_such_periods(tmp_path):
    pytest.importorskip("deltalake")
    (tmp_path / "s.yaml").write_text(
        SYSTEM.format(period="year", more="year_starts: 4", entities="", dataset=""), "utf-8"
    )
    (tmp_path / "w.yaml").write_text(
        SYSTEM.format(period="week", more="", entities="", dataset="").replace("system: s", "system: w"), "utf-8"
    )
    for name, reports in (("fy", YEARS), ("w", {"2023-W52": 1, "2024W1": 2})):
        (tmp_path / name).mkdir()
        wide(reports).write_csv(tmp_path / name / "data.csv")
    config = tmp_path / "nightly.toml"
    source = '[[source]]\nsystem = "{}.yaml"\ndata = "{}/*.csv"\nperiods = {}\n'
    config.write_text(
        'store = "store"\n'
        + source.format("s", "fy", '["2022/23", "FY2023/24"]')
        + source.format("w", "w", '"changed"'),
        "utf-8",
    )
    outcomes = {item.system: item for item in run(load(config)).outcomes}
    assert outcomes["s"].status == outcomes["w"].status == "scored"
    assert list(outcomes["s"].scored) == ["2022/23", "2023/24"]
    assert list(outcomes["w"].scored) == ["2023-W52", "2024-W01"]


def test_without_a_declaration_the_key_is_named():
    folder = CASES / "fiscal-years"
    card = kpi.score(folder / "fy.csv", system=folder / "fy.yaml")
    assert codes(card) == ["K606"] * 5
    assert all("year_starts: 4" in item.message for item in card.findings_list)
    text = (folder / "fy.yaml").read_text("utf-8") + "year_starts: {month: 4, named_by: start}\n"
    result = [item.code for item in kpi.score(folder / "fy.csv", system=kpi.load(text)).findings_list]
    assert "K606" not in result


DAYS = [dt.date(2023, 3, 31), dt.date(2023, 4, 3), dt.date(2024, 3, 31)]


@pytest.mark.parametrize("suffix", ["xlsx", "parquet", "frame"])
@pytest.mark.parametrize(
    ("period", "more", "expected"),
    [
        ("year", "year_starts: 4", {"2022/23": "incomplete", "2023/24": "incomplete"}),
        ("month", "year_starts: 4", {"2023-03": 1, "2023-04": 2, "2024-03": 3}),
        ("week", "", {"2023-W13": 1, "2023-W14": 2, "2024-W13": 3}),
    ],
)
def test_days_of_workbooks_and_typed_columns(tmp_path, suffix, period, more, expected):
    data = pl.DataFrame({"date": DAYS, "region": "North", "revenue": [1.0, 2.0, 3.0]})
    if suffix != "frame":
        file = tmp_path / f"data.{suffix}"
        {"xlsx": data.write_excel, "parquet": data.write_parquet}[suffix](file)
        data = file
    result = values(kpi.score(data, system=system(period, more)))
    assert {label: value for label, value in result.items() if value != "missing"} == expected


@pytest.mark.parametrize(("more", "period"), [("year_starts: 4", "2023/24"), ("", "2023-W52")])
def test_a_file_without_periods_is_for_the_one_that_is_given(more, period):
    data = pl.DataFrame({"region": "North", "revenue": [1.0]})
    scored = system("year" if more else "week", more)
    assert values(kpi.score(data, system=scored, period=period)) == {period: 1}


# ---- WEEKS ---- #

WEEKS = {"2019-W52": 80, "2020W01": 100, "2020年第2周": 200, "2020-12-30": 153, "2021-W01": 110, "2021-W02": 260}
SCORED = {"2019-W52": 80, "2020-W01": 100, "2020-W02": 200, "2020-W53": 153, "2021-W01": 110, "2021-W02": 260}


def weekly(**options):
    return system("week", "", **options)


@pytest.mark.parametrize("frame", [wide, long, across])
@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet", "frame"])
def test_weeks_of_any_layout_and_format(tmp_path, frame, suffix):
    data = frame(WEEKS)
    if suffix != "frame":
        file = tmp_path / f"data.{suffix}"
        {"csv": data.write_csv, "xlsx": data.write_excel, "parquet": data.write_parquet}[suffix](file)
        data = file
    card = kpi.score(data, system=weekly())
    assert {period: value for period, value in values(card).items() if value != "missing"} == SCORED
    assert len(values(card)) == 1 + 53 + 2
    grown = values(card, "grown")
    assert (grown["2021-W01"], grown["2021-W02"], grown["2020-W53"]) == (10, 30, "no_baseline")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_one_week_is_asked_for_and_looks_back_a_year(tmp_path, suffix):
    file = tmp_path / f"data.{suffix}"
    {"csv": wide(WEEKS).write_csv, "parquet": wide(WEEKS).write_parquet}[suffix](file)
    card = kpi.score(file, system=weekly(), period="2021W1")
    assert (values(card), values(card, "grown")) == ({"2021-W01": 110}, {"2021-W01": 10})
    assert card.counts["passed_over"] > 0


def test_a_week_53_without_a_counterpart_is_said():
    card = kpi.score(wide({"2019-W01": 1, "2019-W52": 1, "2020-W52": 2, "2020-W53": 3}), system=weekly())
    (finding,) = (item for item in card.findings_list if item.code == "K626")
    assert "2020-W53" in str(finding.message)
    assert "2019 has no week 53" in str(finding.message)
    assert values(card, "grown")["2020-W53"] == "no_baseline"
    assert values(card, "grown")["2020-W52"] == 100


def test_events_count_in_the_week_of_their_day():
    days = [dt.date(2020, 12, 28), dt.date(2021, 1, 3), dt.date(2021, 1, 4)]
    for column in (pl.Series(days), pl.Series(days).cast(pl.String), pl.Series(days).cast(pl.Datetime)):
        card = kpi.score(pl.DataFrame({"day": column, "region": "North"}), system=weekly())
        assert values(card, "seen") == {"2020-W53": 2, "2021-W01": 1}
        item = kpi.score(pl.DataFrame({"day": column, "region": "North"}), system=weekly(), period="2021-W01")
        assert values(item, "seen") == {"2021-W01": 1}


def test_the_last_event_of_a_week_is_by_its_day_though_the_month_turns():
    text = SYSTEM.format(period="week", more="", entities="", dataset="").replace(
        "{title: visits, kind: count, from: visits, unit: 个}",
        "{title: visits, kind: last, of: n, unit: 个, from: visits}",
    )
    days = ["2021-02-01", "2021-01-31", "2021-02-03", "2021-01-30"]
    data = pl.DataFrame({"day": days, "region": "North", "n": [1, 2, 3, 4]})
    for column in (pl.col("day"), pl.col("day").str.to_date()):
        card = kpi.score(data.with_columns(column), system=kpi.load(text))
        assert values(card, "seen") == {"2021-W04": 2, "2021-W05": 3}


@pytest.mark.parametrize("headings", [("week",), ("周次",), ("year", "week"), ("年份", "周"), ("iso_year", "iso_week")])
def test_columns_of_weeks(headings):
    cells = ([2020, 2021], [53, 1]) if len(headings) == 2 else (["2020-W53", "2021-W01"],)
    data = pl.DataFrame(dict(zip(headings, cells, strict=True))).with_columns(
        region=pl.lit("North"), revenue=pl.lit(1.0)
    )
    assert values(kpi.score(data, system=weekly())) == {"2020-W53": 1, "2021-W01": 1}


def test_a_column_of_weeks_beside_dates_says_no_more():
    data = pl.DataFrame({"date": ["2020-03-01", "2020-04-02"], "week": [9, 14], "region": "North", "revenue": 1.0})
    for scored in (system("month", ""), weekly()):
        card = kpi.score(data, system=scored)
        assert codes(card, besides=("K555", "K583")) == []
        assert list(card.indicators.filter(indicator="level", status="ok")["value"]) == [1, 1]


@pytest.mark.parametrize("text", ["2021-02", "2021", "2021Q1", "2021-W54", "第3周"])
def test_what_is_no_week_is_refused(text):
    card = kpi.score(wide({"2021-W01": 1, text: 2}), system=weekly())
    assert (codes(card), values(card)) == (["K606"], {"2021-W01": 1})


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
def test_weeks_are_refused_where_months_are_scored(period):
    card = kpi.score(wide({"2021-01": 1, "2021-W05": 2}), system=system(period, ""))
    (finding,) = (item for item in card.findings_list if item.code == "K606")
    assert "weeks do not add up to months" in str(finding.message)


@pytest.mark.parametrize("more", ["over_time: ytd", "cumulative: true"])
def test_weeks_have_no_running_totals(more):
    text = SYSTEM.format(period="week", more="", entities="", dataset="").replace(
        "unit: 万元}", f"unit: 万元, {more}}}"
    )
    assert "K619" in codes_of(text)


@pytest.mark.parametrize("over", ["1m", "1q"])
def test_windows_that_are_no_weeks_are_refused(over):
    text = SYSTEM.format(period="week", more="", entities="", dataset="").replace(
        "of: x}\n  seen", f"of: x, over: {over}}}\n  seen"
    )
    assert codes_of(text) == ["K404"]


def test_weeks_and_years_of_another_beginning_do_not_go_together():
    with pytest.raises(kpi.DefinitionError, match="does not go with `period: week`"):
        system("week", "year_starts: 4")


def test_a_deadline_among_weeks():
    text = SYSTEM.format(period="week", more="", entities="", dataset="").replace(
        "level: {kind: level, of: x}",
        "level: {kind: level, of: x, target: {at_least: 1, by: 2021, schedule: even}}",
    )
    card = kpi.score(wide({"2020-W53": 1, "2021-W13": 1, "2021-W52": 1, "2022-W01": 1}), system=kpi.load(text))
    due = dict(card.indicators.filter(indicator="level").select("period", "schedule").rows())
    assert (due["2020-W53"], due["2021-W13"], due["2021-W52"], due["2022-W01"]) == (0, 25, 100, 100)


# ---- MONTHS AND DATES ---- #


@pytest.mark.parametrize("frame", [wide, long, across])
def test_english_months_and_other_forms_of_any_layout(frame):
    reports = {"Jan 2020": 1, "2020 Feb": 2, "March 2020": 3, "2020M04": 4, "05/2020": 5}
    card = kpi.score(frame(reports), system=system("month", ""))
    assert values(card) == {f"2020-0{month}": month for month in range(1, 6)}
    reports = {"2020_Q1": 1, "2020-Q2": 2, "Q3 2020": 3, "4Q2020": 4}
    assert list(values(kpi.score(frame(reports), system=system("quarter", ""))).values()) == [1, 2, 3, 4]


@pytest.mark.parametrize("frame", [wide, long, across])
@pytest.mark.parametrize(
    ("dates", "expected"), [("dmy", "2020-03"), ("DMY", "2020-03"), ("mdy", "2020-04"), ("MDY", "2020-04")]
)
def test_the_order_of_dates_is_declared(frame, dates, expected):
    card = kpi.score(frame({"04/03/2020": 1}), system=system("month", "", dataset=f", dates: {dates}"))
    assert values(card) == {expected: 1}
    assert "K625" not in codes(card)


@pytest.mark.parametrize("frame", [wide, long])
def test_a_day_above_12_decides_for_the_column(frame):
    card = kpi.score(frame({"04/03/2020": 1, "31/01/2020": 2}), system=system("month", ""))
    assert {period: value for period, value in values(card).items() if value != "missing"} == {
        "2020-01": 2,
        "2020-03": 1,
    }
    assert codes(card) == ["K625", "K583"]


def test_a_day_above_12_decides_for_the_headings():
    card = kpi.score(across({"04/03/2020": 1, "31/01/2020": 2}), system=system("month", ""))
    assert {period: value for period, value in values(card).items() if value != "missing"} == {
        "2020-01": 2,
        "2020-03": 1,
    }
    assert any("31/01/2020" in str(item.message) for item in card.findings_list if item.code == "K562")


def test_dates_that_leave_the_order_open_are_refused():
    for reports in ({"2020-01": 1, "04/03/2020": 1}, {"2020-01": 1, "31/01/2020": 2, "01/31/2020": 3}):
        card = kpi.score(wide(reports), system=system("month", ""))
        assert set(codes(card)) == {"K606"}
        assert all("dates: dmy" in str(item.message) for item in card.findings_list if item.code == "K606")
