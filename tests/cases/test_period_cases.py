"""Gaps in a period, running totals, figures that contradict each other, and how days and periods are written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.analysis.explain import explain
from kpi.batch.file_periods import span
from kpi.intake.files import chunks, pieces
from kpi.intake.reported.row_pruning import entered
from kpi.intake.synthetic.files import Sample, write
from kpi.values import period_texts, periods

CASES = Path(__file__).parent

SYSTEM = """
system: s
period: {period}
entities: {{title: 县}}
datasets: {{long: {{form: reported{more}}}, wide: {{form: panel{more}}}}}
measures:
  xx: {{title: 财政收入, unit: 亿元{measure}}}
indicators:
  level: {{kind: level, of: xx}}
"""


def system_of(folder: Path, measure: str, *, period: str = "quarter", more: str = "") -> kpi.System:
    file = folder / "system.yaml"
    file.write_text(SYSTEM.format(period=period, measure=f", {measure}" if measure else "", more=more), "utf-8")
    return kpi.load(file)


def values(card: kpi.Scorecard) -> dict[tuple[str, ...], float | str]:
    """The figure of every period, entity and indicator, or the status of one that has none."""
    return {
        (row["period"], row["entity"], row["indicator"]): row["value"] if row["status"] == "ok" else row["status"]
        for row in card.indicators.to_dicts()
    }


def of_one(card: kpi.Scorecard) -> dict[str, float | str]:
    return {period: value for (period, _, _), value in values(card).items()}


def codes(card: kpi.Scorecard) -> list[str]:
    return [item.code for item in card.findings_list]


def long(reports: dict[str, object], measure: str = "财政收入") -> pl.DataFrame:
    return pl.DataFrame(
        {"期别": list(reports), "地区": "甲县", "指标": measure, "数值": [str(item) for item in reports.values()]}
    )


# ---- RUNNING TOTALS ---- #


def test_year_to_date_under_a_cumulative_title_is_kept():
    card = kpi.score(CASES / "cumulative-by-month/d.csv", system=CASES / "cumulative-by-month/s.yaml")
    assert of_one(card) == {"2024-01": 10, "2024-02": 20, "2024-03": 30}
    assert [(item.code, str(item.severity)) for item in card.findings_list] == [("K436", "warning"), ("K461", "info")]


MONTHS = {"2023-12": 90, "2024-01": 10, "2024-02": 20, "2024-03": 30, "2024-04": 45, "2024-05": 50, "2024年6月": 77}
QUARTERS = {"2024年1-3月": 30, "2024Q2": 77, "2024-09": 97, "2024年": 100}


@pytest.mark.parametrize(
    ("period", "over_time", "reports", "expected"),
    [
        ("quarter", "sum", MONTHS, {"2023Q4": "incomplete", "2024Q1": 30, "2024Q2": 47}),
        ("quarter", "ytd", MONTHS, {"2023Q4": 90, "2024Q1": 30, "2024Q2": 77}),
        ("quarter", "sum", QUARTERS, {"2024Q1": 30, "2024Q2": 47, "2024Q3": 20, "2024Q4": 3}),
        ("year", "sum", QUARTERS, {"2024": 100}),
        ("year", "sum", MONTHS, {"2023": 90, "2024": "incomplete"}),
        ("half", "ytd", QUARTERS, {"2024H1": 77, "2024H2": 100}),
        (
            "month", "sum", {"2024-01": 1, "2024-03": 3, "2024-04": 8},
            {"2024-01": 1, "2024-02": "missing", "2024-03": "incomplete", "2024-04": 5},
        ),
        (
            "month", "sum", {"2024-01": 1, "2024-02": "约3", "2024-03": 8},
            {"2024-01": 1, "2024-02": "refused", "2024-03": "refused"},
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["long", "wide", "parquet", "pieces"])
def test_cumulative_figures_run_from_january_however_they_are_labelled(  # noqa: PLR0917
    tmp_path, monkeypatch, period, over_time, reports, expected, form
):
    system = system_of(tmp_path, f"over_time: {over_time}, cumulative: true", period=period)
    frame = long(reports)
    if form == "wide":
        frame = frame.select("期别", "地区", pl.col("数值").alias("财政收入"))
    file = tmp_path / ("d.parquet" if form == "parquet" else "d.csv")
    frame.write_parquet(file) if form == "parquet" else frame.write_csv(file)
    if form == "pieces":
        monkeypatch.setattr(chunks, "LARGE", 10)
        monkeypatch.setattr(chunks, "LOOK", 60)
        monkeypatch.setattr(chunks, "SEARCHED", 3)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 80))
    assert of_one(kpi.score(file, system=system)) == expected
    for label, value in expected.items():
        if value != "missing":
            assert of_one(kpi.score(file, system=system, period=label)) == {label: value}


def test_an_explanation_says_that_a_figure_is_a_difference_of_totals(tmp_path):
    for over_time, words in (
        ("sum", "difference of figures cumulative from January"),
        ("ytd", "cumulative from January to the period"),
    ):
        system = system_of(tmp_path, f"over_time: {over_time}, cumulative: true")
        text = (tmp_path / "system.yaml").read_text("utf-8") + "pillars: {p: {parts: {level: 1}}}\n"
        text = text.replace("of: xx", "of: xx, target: {at_least: 9}")
        (tmp_path / "system.yaml").write_text(text, "utf-8")
        system = kpi.load(tmp_path / "system.yaml")
        card = kpi.score(long({"2024-03": 30, "2024-06": 70}), system=system)
        measures = [node for node in explain(card, "甲县", period="2024Q2").walk() if node.kind == "measure"]
        assert f"1 row; {words}" in [node.detail for node in measures]


def test_two_labels_of_one_running_total_contradict_each_other(tmp_path):
    system = system_of(tmp_path, "cumulative: true")
    card = kpi.score(long({"2024-03": 30, "2024年1-3月": 31, "2024Q2": 60}), system=system)
    assert of_one(card) == {"2024Q1": "refused", "2024Q2": "refused"}
    assert codes(card) == ["K608", "K608"]


def test_a_span_that_begins_later_is_no_label_of_a_running_total(tmp_path):
    card = kpi.score(long({"2024-03": 30, "2024年4-5月": 31}), system=system_of(tmp_path, "cumulative: true"))
    assert of_one(card) == {"2024Q1": 30}
    assert (codes(card), card.counts["refused"]) == (["K621"], 1)


def test_files_of_one_year_are_read_together_where_figures_are_cumulative(tmp_path):
    file = tmp_path / "june.csv"
    long({"2024-06": 77}).write_csv(file)
    start = 2024 * 12 + 5
    for measure, reach in (("", {8097}), ("cumulative: true", {8096, 8097, 8098, 8099})):
        system = system_of(tmp_path, measure)
        assert span(system, file, None).periods in (frozenset(reach), frozenset(range(8096, 8100)))
        assert reach <= set(entered(system, start, 1, events=False))
    assert set(entered(system, start - 2, 3, events=False)) == {8096, 8097, 8098, 8099}


def test_growth_of_a_running_total_within_a_year_is_an_error(tmp_path):
    folder = CASES / "growth-of-ytd"
    with pytest.raises(kpi.DefinitionError) as caught:
        kpi.score(folder / "d.csv", system=folder / "s.yaml")
    assert [item.code for item in caught.value.diagnostics] == ["K462"]
    text = (folder / "s.yaml").read_text("utf-8")
    (tmp_path / "sum.yaml").write_text(text.replace("over_time: ytd", "over_time: sum"), "utf-8")
    card = kpi.score(folder / "d.csv", system=tmp_path / "sum.yaml")
    result = {period: round(value, 1) for period, value in of_one(card).items() if not isinstance(value, str)}
    assert result == {"2024Q1": -34.0, "2024Q2": 33.3}
    (tmp_path / "year.yaml").write_text(text.replace("1q", "1y"), "utf-8")
    assert kpi.load(tmp_path / "year.yaml")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2024年累计主要指标,,\n期别,地区,财政收入\n2024-01,甲县,1\n2024-02,甲县,3\n", "K623"),
        ("期别,地区,财政收入\n2024-01,甲县,1\n2024-02,甲县,3\n", None),
        ("期别,地区,指标,数值\n2024-01,甲县,财政收入(YTD),1\n2024-02,甲县,财政收入(YTD),3\n", "K461"),
        ("2024年累计主要指标,,\n期别,地区,财政收入\n2024年1-3月,甲县,1\n2024年1-6月,甲县,3\n", None),
    ],
)
def test_a_heading_that_calls_figures_cumulative_is_a_warning(tmp_path, text, code):
    (tmp_path / "d.csv").write_text(text, "utf-8")
    synonyms = "synonyms: ['财政收入(YTD)']" if "YTD" in text else ""
    for period in ("month", "year"):
        system = system_of(tmp_path, synonyms, period=period)
        card = kpi.score(tmp_path / "d.csv", system=system)
        assert [item for item in codes(card) if item in ("K461", "K623")] == ([code] if code else [])
        system = system_of(tmp_path, ", ".join(filter(None, (synonyms, "cumulative: false"))), period=period)
        assert not {"K461", "K623"} & set(codes(kpi.score(tmp_path / "d.csv", system=system)))


def test_a_name_that_says_cumulative_is_a_title_where_there_is_none(tmp_path):
    file = tmp_path / "s.yaml"
    for over_time, period in (("sum", "month"), ("ytd", "quarter")):
        text = SYSTEM.format(period=period, measure=f", over_time: {over_time}", more="")
        file.write_text(
            text.replace("xx: {title: 财政收入, ", "累计收入: {").replace("of: xx", "of: 累计收入"), "utf-8"
        )
        card = kpi.score(long({"2024-01": 1, "2024-02": 3}, "累计收入"), system=file)
        assert [(item.code, str(item.severity)) for item in card.findings_list] == [("K461", "warning")]


def test_a_definition_is_warned_of_once_with_its_data(tmp_path):
    system_of(tmp_path, "synonyms: [累计收入]", period="month")
    long({"2024-01": 1, "2024-02": 3}).write_csv(tmp_path / "d.csv")
    result = kpi.check(tmp_path / "system.yaml", data=tmp_path / "d.csv")
    assert [item.code for item in result] == ["K461"]
    assert "cumulative: true" in (result[0].hint or "")


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
def test_a_sample_of_cumulative_figures_rises_within_the_year(tmp_path, period):
    system = system_of(tmp_path, "cumulative: true", period=period)
    created = write(Sample(system, periods=5, entities=3, seed=1, flaws=False), tmp_path / "d.csv")
    card = kpi.score(list(created), system=system)
    result = card.indicators.filter(pl.col("status") == "ok")
    assert result.height >= 9
    assert (result["value"] > 0).all()


# ---- CONTRADICTIONS ---- #


def test_spans_that_contradict_each_other_are_reported_once_a_measure():
    folder = CASES / "contradicting-spans"
    card = kpi.score(folder / "d.csv", system=folder / "s.yaml")
    assert of_one(card.only([8096])) == {"2024Q1": 6}  # the later of both indicators
    assert codes(card) == ["K622", "K622"]
    flow, stock = (item.message for item in card.findings_list)
    assert flow == (
        "财政收入 of 甲县 is 35 亿元 for 2024Q1, but figures for other spans come to 30 亿元; that for "
        "2024Q1 is used; so with 1 more figure of it"
    )
    assert stock == (
        "在册人数 of 甲县 is 5 人 for 2024-03 and 6 人 for 2024Q1, which end together; that for 2024Q1 is used"
    )


@pytest.mark.parametrize(
    ("reports", "result"),
    [
        ({"2024Q1": 30.4, "2024-01": 10.1, "2024-02": 10.1, "2024-03": 10.1}, False),  # rounding explains it
        ({"2024Q1": 30.6, "2024-01": 10.1, "2024-02": 10.1, "2024-03": 10.1}, True),
        ({"2024年1-3月": 30, "2024Q2": 40, "2024年1-6月": 80}, True),  # a difference of totals
        ({"2024年1-3月": 30, "2024Q2": 40, "2024年1-6月": 70}, False),
        ({"2024H1": 30, "2024Q3": 10, "2024Q4": 30, "2024": 80}, True),
        ({"2024-01": 10, "2024-02": 10, "2024年1-2月": 30}, True),
        ({"2024-01": 10, "2024-02": 10, "2024年1-3月": 90}, False),  # March is not known
        ({"2023-01": 10, "2023-02": 10, "2024年1-2月": 90}, False),  # another year
    ],
)
@pytest.mark.parametrize("over_time", ["sum", "ytd"])
def test_flows_contradict_each_other_beyond_rounding(tmp_path, reports, result, over_time):
    card = kpi.score(long(reports), system=system_of(tmp_path, f"over_time: {over_time}"))
    assert ("K622" in codes(card)) is result


@settings(max_examples=40, deadline=None)
@given(
    monthly=st.lists(st.integers(0, 99), min_size=12, max_size=12),
    spans=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), min_size=1, max_size=8, unique=True),
    wrong=st.integers(0, 7),
)
def test_figures_of_one_truth_never_contradict_each_other_and_a_wrong_one_does(monthly, spans, wrong, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spans")
    spans = [(first, months) for first, months in spans if first + months <= 12] or [(0, 12)]
    spans += [(month, 1) for month in range(12) if (month, 1) not in spans]

    def label(first: int, months: int) -> str:
        return periods.Period(2024 * 12 + first, months).title

    reports = {label(first, months): sum(monthly[first : first + months]) for first, months in spans}
    system = system_of(folder, "over_time: ytd", period="year")
    assert "K622" not in codes(kpi.score(long(reports), system=system))
    longer = [item for item in spans if item[1] > 1]
    if longer:
        first, months = longer[wrong % len(longer)]
        reports[label(first, months)] += months
        assert "K622" in codes(kpi.score(long(reports), system=system))


MONTHS = {"2024-01": 1, "2024-02": 1, "2024-03": 1}


@pytest.mark.parametrize("over_time", ["sum", "last", "first", "mean", "median", "max", "min", "ytd"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_figure_for_exactly_the_period_goes_before_finer_ones_and_a_contradiction_is_reported(
    tmp_path, over_time, order
):
    quarter = system_of(tmp_path, f"over_time: {over_time}")
    reports = dict(list((MONTHS | {"2024Q1": 9}).items())[::order])
    card = kpi.score(long(reports), system=quarter)
    assert (of_one(card), codes(card)) == ({"2024Q1": 9}, ["K622"])
    assert "that for 2024Q1 is used" in card.findings_list[0].message
    agreeing = kpi.score(long(MONTHS | {"2024Q1": 3 if over_time in ("sum", "ytd") else 1}), system=quarter)
    assert codes(agreeing) == []


@pytest.mark.parametrize(("over_time", "month"), [("last", "2024-12"), ("first", "2024-01")])
def test_the_figure_of_a_year_goes_before_that_of_its_month(tmp_path, over_time, month):
    year = system_of(tmp_path, f"over_time: {over_time}", period="year")
    card = kpi.score(long({month: 1, "2024": 3}), system=year)
    assert (of_one(card), codes(card)) == ({"2024": 3}, ["K622"])
    # Where no figure is for exactly the year, that of the shortest span counts.
    quarter = "2024Q4" if over_time == "last" else "2024Q1"
    card = kpi.score(long({month: 1, quarter: 2}), system=year)
    assert (of_one(card), codes(card)) == ({"2024": 1}, ["K622"])


def test_the_mean_of_a_period_contradicts_its_parts_beyond_rounding_alone(tmp_path):
    reports = {"2024-01": 1, "2024-02": 1, "2024-03": 2}
    mean = system_of(tmp_path, "over_time: mean")
    assert codes(kpi.score(long(reports | {"2024Q1": 1}), system=mean)) == []
    assert codes(kpi.score(long(reports | {"2024Q1": 3}), system=mean)) == ["K622"]
    # Without March nothing follows of a mean; a month above a maximum contradicts it all the same.
    some = {"2024-01": 1, "2024-02": 7, "2024Q1": 3}
    assert codes(kpi.score(long(some), system=mean)) == []
    for over_time, result in (("max", ["K622"]), ("min", ["K622"])):
        assert codes(kpi.score(long(some), system=system_of(tmp_path, f"over_time: {over_time}"))) == result
    assert codes(kpi.score(long(some | {"2024Q1": 8}), system=system_of(tmp_path, "over_time: max"))) == []


# ---- GAPS ---- #


def test_a_gap_is_incomplete_and_a_refused_month_is_refused():
    folder = CASES / "missing-month"
    card = kpi.score(folder / "d.csv", system=folder / "s.yaml")
    assert values(card) == {
        ("2024Q1", who, indicator): status
        for who, status in (("乙县", "refused"), ("甲县", "incomplete"))
        for indicator in ("lst", "lme", "lfl")
    }


def test_a_mean_of_three_quarters_is_incomplete_unless_three_are_enough(tmp_path):
    folder = CASES / "mean-of-quarters"
    card = kpi.score(folder / "d.csv", system=folder / "s.yaml")
    assert values(card) == {("2024", "乙局", "y"): "incomplete", ("2024", "甲局", "y"): 79}
    text = (folder / "s.yaml").read_text("utf-8").replace("over_time: mean", "over_time: mean, at_least: 3")
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    card = kpi.score(folder / "d.csv", system=tmp_path / "s.yaml")
    assert values(card) == {("2024", "乙局", "y"): 92, ("2024", "甲局", "y"): 79}


def test_a_year_to_date_is_refused_for_a_mean_rather_than_passed_over(tmp_path):
    card = kpi.score(long({"2024Q1": 1, "2024年1-6月": 2}), system=system_of(tmp_path, "over_time: mean"))
    assert of_one(card) == {"2024Q1": 1}
    assert (codes(card), card.counts["refused"]) == (["K609"], 1)


# ---- DAYS AND PERIODS ---- #


def test_days_of_a_zone_are_local_or_refused_by_its_name():
    card = kpi.score(CASES / "time-zones/d.csv", system=CASES / "time-zones/s.yaml")
    assert of_one(card) == {"2024-03": 15}
    refused = [item.message for item in card.findings_list]
    assert [item for item in refused if "it is in the zone UTC; write local time, or +08:00" in item] == [
        f"`{text}` is not a period: it is in the zone UTC; write local time, or +08:00"
        for text in ("2024-03-31 00:00:00 UTC", "2024-03-31Z")
    ]
    assert card.counts["refused"] == 9


@pytest.mark.parametrize("stamp", ["+08", "+08:00", "+0800", " +08", "UTC+8", "+08:00[Asia/Shanghai]", ""])
def test_local_zones(stamp):
    assert period_texts.parse(f"2024-03-31 23:59:59{stamp}").label == "2024-03"
    assert period_texts.parse_column(pl.Series([f"2024-03-31T23:59:59{stamp}"]))["months"].to_list() == [1]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2024-03-31T16:30:00Z", "UTC"), ("2024-03-31 16:30+00:00", r"\+00:00"), ("2024-03-31 16:30 CST", "CST"),
        ("2024-03-31 16:30:00-05", "-05"), ("2024/03/31 16:30 GMT+9", r"GMT\+9"),
    ],
)  # fmt: skip
def test_other_zones_are_named(text, zone):
    with pytest.raises(periods.PeriodError, match=f"it is in the zone {zone}$"):
        period_texts.parse(text)


@pytest.mark.parametrize("form", ["events.parquet", "events.arrow", "frame", "reported"])
def test_instants_in_another_zone_become_local_days(tmp_path, form):
    times = pl.Series("日期", [dt.datetime(2024, 3, 31, 16, 30), dt.datetime(2024, 3, 31, 15, 59)])  # noqa: DTZ001
    frame = pl.DataFrame([times.dt.replace_time_zone("UTC"), pl.Series("地区", ["甲县", "甲县"])])
    system: object = CASES / "time-zones/s.yaml"
    data: object = frame
    if form == "reported":
        system = system_of(tmp_path, "", period="month")
        data = frame.with_columns(pl.Series("财政收入", [1.0, 1.0]))
    elif form != "frame":
        data = tmp_path / form
        frame.write_parquet(data) if form.endswith("parquet") else frame.write_ipc(data)
    card = kpi.score(data, system=system)
    assert of_one(card) == {"2024-03": 1, "2024-04": 1}
    assert codes(card) == ["K624"]
    assert of_one(kpi.score(data, system=system, period="2024-04")) == {"2024-04": 1}
    if form == "reported":
        data = data.with_columns(pl.col("日期").dt.convert_time_zone("Asia/Shanghai"))
        assert codes(kpi.score(data, system=system)) == []


DAYS = {"2024-01-15": 1, "02/03/2024": 10, "5/3/2024 11:59 PM": 100}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("dmy", {"2024-01": 1, "2024-02": "missing", "2024-03": 110, "2024-04": "missing", "2024-05": "missing"}),
        ("mdy", {"2024-01": 1, "2024-02": 10, "2024-03": "missing", "2024-04": "missing", "2024-05": 100}),
        ("ymd", {"2024-01": 1}),
    ],
)
@pytest.mark.parametrize("form", ["reported", "pieces", "records", "last"])
def test_the_order_of_day_and_month_is_as_the_dataset_says(tmp_path, monkeypatch, order, expected, form):
    if form in ("reported", "pieces"):
        days = DAYS if order != "dmy" else {"2024-01-15": 1, "02/03/2024": 110}
        system, frame = system_of(tmp_path, "", period="month", more=f", dates: {order}"), long(days)
    else:
        kind = {"records": "sum", "last": "last"}[form]
        (tmp_path / "system.yaml").write_text(
            "system: s\nperiod: month\nentities: {title: 县}\n"
            f"datasets: {{ev: {{form: records, dates: {order}}}}}\n"
            f"measures: {{n: {{kind: {kind}, of: 金额, unit: 元}}}}\nindicators: {{l: {{kind: level, of: n}}}}\n",
            "utf-8",
        )  # fmt: skip
        system = kpi.load(tmp_path / "system.yaml")
        frame = pl.DataFrame({"日期": list(DAYS), "地区": "甲县", "金额": list(DAYS.values())})
        if form == "last" and order == "dmy":
            expected = expected | {"2024-03": 100}  # of 5 March, not of 2 March
    file = tmp_path / "d.csv"
    frame.write_csv(file)
    if form == "pieces":
        monkeypatch.setattr(chunks, "LARGE", 10)
        monkeypatch.setattr(chunks, "LOOK", 60)
        monkeypatch.setattr(chunks, "SEARCHED", 3)
    card = kpi.score(file, system=system)
    last = list(expected)[-1] if order != "dmy" else "2024-03"
    until = {label: value for label, value in expected.items() if label <= last}
    assert of_one(card) == until
    findings = [item for item in card.findings_list if item.code != "K583"]
    assert all("`dates: dmy` or `dates: mdy`" in item.message for item in findings)
    assert len(findings) == (2 if order == "ymd" else 0)
    assert of_one(kpi.score(file, system=system, period="2024-01")) == {"2024-01": 1}


def test_a_day_that_the_order_does_not_have_is_refused():
    assert period_texts.parse("31/03/2024", order="dmy").label == "2024-03"
    with pytest.raises(periods.PeriodError, match="there is no month 31"):
        period_texts.parse("31/03/2024", order="mdy")
    assert period_texts.parse("2024-03-31", order="mdy").label == "2024-03"


def test_fiscal_years_are_refused_in_words_and_calendar_years_are_not():
    folder = CASES / "fiscal-years"
    card = kpi.score(folder / "fy.csv", system=folder / "fy.yaml")
    assert of_one(card) == {"2023": 150, "2024": 160}
    assert codes(card) == ["K606"] * 5
    assert all(
        "it looks like a fiscal year" in item.message or "it is a fiscal year" in item.message
        for item in card.findings_list
    )
    assert all("year_starts: 4" in f"{item.message} {item.hint}" for item in card.findings_list)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2023-24", "it looks like a fiscal year"), ("1999/00", "it looks like a fiscal year"),
        ("FY2023/24", "it is a fiscal year"),
        ("Q1FY24", "its year has two digits"), ("2023会计年度", "it is a fiscal year"),
        ("2020W53", "it is a week"), ("2021-W01", "it is a week"),
        ("2023年第5周", "it is a week"), ("第12周", "it is a week"),
        ("2023学年", "it is a school year"),
        ("2024年3月上旬", "parts of months"), ("31-Mar-24", "its year has two digits"),
        ("24-03-31", "its year has two digits"), ("31/03/24", "its year has two digits"), ("民国113年3月", "years of"),
        ("1711900799", "it looks like seconds"), ("31/03/2024", "the order of day and month is not known"),
    ],
)  # fmt: skip
def test_what_is_no_span_of_months_is_refused_in_words(text, why):
    with pytest.raises(periods.PeriodError) as caught:
        period_texts.parse(text)
    assert str(caught.value).startswith(f"`{text}` is not a period: {why}")
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "2024/3/31 下午11:59",
        "20240331 235959",
        "2024年03月31日 23时59分",
        "2024-03-31 23:59:59.123",
        "二〇二四年三月三十一日",
    ],
)
def test_times_of_day_are_read_in_the_forms_of_spreadsheets(text):
    assert period_texts.parse(text).label == "2024-03"


# ---- THE PERIOD THAT IS ASKED FOR ---- #


@pytest.mark.parametrize(("asked", "noted"), [("2024", True), ("2024年1-12月", True), ("2024Q4", False)])
def test_a_longer_period_than_the_scored_ones_is_that_at_its_end_and_it_is_said(tmp_path, asked, noted):
    reports = {"2024Q1": 1, "2024Q4": 4}
    card = kpi.score(long(reports), system=system_of(tmp_path, ""), period=asked)
    assert of_one(card) == {"2024Q4": 4}
    assert codes(card) == (["K578"] if noted else [])
    if noted:
        assert "2024Q4, at its end, is scored" in card.findings_list[0].message


def test_a_check_of_no_data_says_so(tmp_path):
    system = system_of(tmp_path, "")
    for nothing in ({"data": []}, {"datasets": {}}):
        assert [item.code for item in kpi.check(tmp_path / "system.yaml", **nothing)] == ["K543"]
    assert kpi.check(tmp_path / "system.yaml") == []
    assert kpi.check(tmp_path / "system.yaml", data=long({"2024Q1": 1}), system=system) == []
