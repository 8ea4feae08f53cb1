"""From the periods that figures are for to the periods that are scored: tables of what goes in and what comes out.

A figure is written as period: number, or as period: the status of a cell that says why there is none.
"""

from __future__ import annotations

import polars as pl
import pytest

from kpi.intake.reported.period_aggregation import from_january, labels_by_end, newest, to_scored
from kpi.values import period_texts
from kpi.values.periods import GRAINS, Grain, Period
from kpi.values.status import Status

Told = dict[str, float | str]


def rows_of(reports: Told, **more: object) -> pl.DataFrame:
    """Clean rows of one measure and entity."""
    spans = [period_texts.parse(text) for text in reports]
    columns = {
        "entity": [0] * len(reports), "start": [item.start for item in spans],
        "months": [item.months for item in spans],
        "measure": ["x"] * len(reports), "per": [None] * len(reports),
        "value": [None if isinstance(item, str) else float(item) for item in reports.values()],
        "status": [item if isinstance(item, str) else "ok" for item in reports.values()],
        "revision": [0.0] * len(reports), "row": list(range(2, len(reports) + 2)), "source": [0] * len(reports), **more,
    }  # fmt: skip
    schema = {
        "entity": pl.UInt32, "start": pl.Int32, "months": pl.Int32, "measure": pl.String, "per": pl.String,
        "value": pl.Float64, "status": Status, "revision": pl.Float64, "row": pl.UInt32, "source": pl.UInt32,
    }  # fmt: skip
    return pl.DataFrame(columns, schema=schema)


def scored(reports: Told, over_time: str, grain: Grain) -> Told:
    result, _ = to_scored(rows_of(reports), {"x": over_time}, grain)  # type: ignore[dict-item]
    return {
        Period.of(row["period"], grain).label: row["value"] if row["status"] == "ok" else row["status"]
        for row in result.sort("period").to_dicts()
    }


QUARTER = {"2023-01": 10, "2023-02": 20, "2023-03": 30}

M, Q, H, Y = GRAINS[1:]
FLOWS: list[tuple[str, Grain, Told, Told]] = [
    ("months make a quarter", Q, QUARTER, {"2023Q1": 60.0}),
    ("a quarter as it is", Q, {"2023Q1": 61}, {"2023Q1": 61.0}),
    ("the quarter itself goes before its months", Q, QUARTER | {"2023Q1": 61}, {"2023Q1": 61.0}),
    ("a month is missing", Q, {"2023-01": 10, "2023-03": 30}, {"2023Q1": "incomplete"}),
    ("1-2月 is a period of its own", Q, {"2023年1-2月": 30, "2023-03": 30}, {"2023Q1": 60.0}),
    (
        "spans that overlap are not added up", Q,
        {"2023-01": 10, "2023年1-2月": 30, "2023-03": 30}, {"2023Q1": "incomplete"},
    ),
    (
        "overlap that covers as many months as there are", Q,
        {"2023-01": 10, "2023年1-2月": 30}, {"2023Q1": "incomplete"},
    ),
    (
        "a year to date is never added", Q,
        {"2023年1-3月": 60, "2023年1-6月": 150, "2023年1-9月": 270}, {"2023Q1": 60.0, "2023Q2": 90.0, "2023Q3": 120.0},
    ),
    ("no difference across a gap", Q, {"2023Q1": 60, "2023年1-9月": 270}, {"2023Q1": 60.0, "2023Q3": "incomplete"}),
    ("each year begins at nothing", Q, {"2022年": 300, "2023年1-3月": 60}, {"2022Q4": "incomplete", "2023Q1": 60.0}),
    ("months of a year to date", M, {"2023年1-2月": 30, "2023年1-3月": 60}, {"2023-02": "incomplete", "2023-03": 30.0}),
    ("January is its own year to date", M, {"2023-01": 10, "2023年1-2月": 30}, {"2023-01": 10.0, "2023-02": 20.0}),
    ("a fall of the year to date is kept", M, {"2023-01": 10, "2023年1-2月": 8}, {"2023-01": 10.0, "2023-02": -2.0}),
    ("differences keep their decimals", M, {"2023-01": 0.1, "2023年1-2月": 0.3}, {"2023-01": 0.1, "2023-02": 0.2}),
    ("halves of quarters and ranges", H, {"2023Q1": 1, "2023-04": 2, "2023年5-6月": 3}, {"2023H1": 6.0}),
    ("a year of 1-9月 and a quarter", Y, {"2023年1-9月": 9, "2023Q4": 4}, {"2023": 13.0}),
    ("negative figures", Q, QUARTER | {"2023-02": -20}, {"2023Q1": 20.0}),
    ("a month that was not reported", Q, QUARTER | {"2023-02": "missing"}, {"2023Q1": "missing"}),
    ("a month that does not apply is a part", Q, QUARTER | {"2023-02": "not_applicable"}, {"2023Q1": "incomplete"}),
    ("a month below the unit is a part", Q, QUARTER | {"2023-02": "below_unit"}, {"2023Q1": "incomplete"}),
    ("a quarter that does not apply", Q, dict.fromkeys(QUARTER, "not_applicable"), {"2023Q1": "not_applicable"}),
    (
        "missing goes before not applicable", Q,
        {"2023-01": "missing", "2023-02": "not_applicable", "2023-03": 1}, {"2023Q1": "missing"},
    ),
    ("refused goes before a gap", Q, {"2023-01": 1, "2023-02": "refused"}, {"2023Q1": "refused"}),
    (
        "a difference with a refused total", Q,
        {"2023年1-6月": "refused", "2023年1-9月": 90}, {"2023Q2": "refused", "2023Q3": "refused"},
    ),
    (
        "a total that was not reported", Q,
        {"2023年1-3月": 1, "2023年1-6月": "missing"}, {"2023Q1": 1.0, "2023Q2": "missing"},
    ),
    ("refused goes first", Q, {"2023-01": "missing", "2023-02": "refused", "2023-03": 1}, {"2023Q1": "refused"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("grain", "reports", "expected"), [case[1:] for case in FLOWS], ids=[case[0] for case in FLOWS]
)
def test_flows(grain: Grain, reports: Told, expected: Told) -> None:
    assert scored(reports, "sum", grain) == expected


OTHERS: list[tuple[str, str, Grain, Told, Told]] = [
    ("a stock is taken at the end", "last", Q, QUARTER, {"2023Q1": 30.0}),
    ("first takes the beginning", "first", Q, QUARTER, {"2023Q1": 10.0}),
    ("the end of a longer span is an end, too", "last", Q, {"2023-07": 7, "2023年1-9月": 9}, {"2023Q3": 9.0}),
    ("the shorter of two spans with one end", "last", Q, {"2023年1-9月": 9, "2023-09": 8}, {"2023Q3": 8.0}),
    ("a stock whose end is not reported", "last", Q, QUARTER | {"2023-03": "missing"}, {"2023Q1": "missing"}),
    ("mean", "mean", Q, QUARTER, {"2023Q1": 20.0}),
    ("a mean with a month that was not reported", "mean", Q, QUARTER | {"2023-03": "missing"}, {"2023Q1": "missing"}),
    ("a mean without a month", "mean", Q, {"2023-01": 10, "2023-03": 30}, {"2023Q1": "incomplete"}),
    ("a mean with a month that was refused", "mean", Q, QUARTER | {"2023-03": "refused"}, {"2023Q1": "refused"}),
    ("refused goes before a gap", "max", Q, {"2023-01": 10, "2023-02": "refused"}, {"2023Q1": "refused"}),
    ("a quarter itself goes before its months", "mean", Q, QUARTER | {"2023Q1": 21}, {"2023Q1": 21.0}),
    ("a quarter without its months", "min", Q, {"2023Q1": 21, "2023-04": 5}, {"2023Q1": 21.0, "2023Q2": "incomplete"}),
    ("a year to date is no part of a mean", "mean", Q, QUARTER | {"2023年1-6月": 99}, {"2023Q1": 20.0}),
    ("spans that overlap have no mean", "mean", Q, QUARTER | {"2023年1-2月": 15}, {"2023Q1": "incomplete"}),
    ("median", "median", H, QUARTER | {"2023Q2": 12}, {"2023H1": 16.0}),
    ("a stock without its end", "last", Q, {"2023-01": 10, "2023-02": 20}, {"2023Q1": "incomplete"}),
    ("a stock with a gap before its end", "last", Q, {"2023-01": 10, "2023-03": 30}, {"2023Q1": 30.0}),
    ("a stock whose end is refused", "last", Q, QUARTER | {"2023-03": "refused"}, {"2023Q1": "refused"}),
    ("a stock that was refused before its end", "last", Q, QUARTER | {"2023-01": "refused"}, {"2023Q1": 30.0}),
    ("first without the beginning", "first", Q, {"2023-02": 20, "2023-03": 30}, {"2023Q1": "incomplete"}),
    ("a mean of nothing", "mean", Q, dict.fromkeys(QUARTER, "missing"), {"2023Q1": "missing"}),
    ("max", "max", Q, QUARTER, {"2023Q1": 30.0}),
    ("min", "min", H, QUARTER | {"2023Q2": 5}, {"2023H1": 5.0}),
    (
        "a maximum of less than all", "max", Q,
        {"2023-01": "missing", "2023-02": "not_applicable"}, {"2023Q1": "incomplete"},
    ),
    ("a maximum of nothing", "max", Q, dict.fromkeys(QUARTER, "missing"), {"2023Q1": "missing"}),
    ("1-5月 is not the half", "ytd", Q, {"2023年1-5月": 60}, {"2023Q2": "incomplete"}),
    (
        "a year to date after a refused quarter", "ytd", Q,
        {"2023Q1": "refused", "2023Q2": 90}, {"2023Q1": "refused", "2023Q2": "refused"},
    ),
    (
        "year to date as reported", "ytd", Q,
        {"2023年1-3月": 60, "2023年1-6月": 150}, {"2023Q1": 60.0, "2023Q2": 150.0},
    ),
    ("year to date from quarters", "ytd", Q, {"2023Q1": 60, "2023Q2": 90}, {"2023Q1": 60.0, "2023Q2": 150.0}),
    ("year to date after a gap", "ytd", Q, {"2023Q1": 60, "2023Q3": 90}, {"2023Q1": 60.0, "2023Q3": "incomplete"}),
    (
        "each year adds up anew", "ytd", H,
        {"2022H2": 5, "2023H1": 1, "2023H2": 2}, {"2022H2": "incomplete", "2023H1": 1.0, "2023H2": 3.0},
    ),
    ("months make the year to date of a quarter", "ytd", Q, QUARTER, {"2023Q1": 60.0}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("over_time", "grain", "reports", "expected"), [case[1:] for case in OTHERS], ids=[case[0] for case in OTHERS]
)
def test_stocks_means_and_years_to_date(over_time: str, grain: Grain, reports: Told, expected: Told) -> None:
    assert scored(reports, over_time, grain) == expected


ENOUGH: list[tuple[str, str, int, Told, float | str]] = [
    ("two months are enough for a mean", "mean", 2, {"2023-01": 10, "2023-03": 30}, 20.0),
    ("three are not there", "mean", 3, {"2023-01": 10, "2023-03": 30}, "incomplete"),
    ("a refused month is none of them", "mean", 2, QUARTER | {"2023-02": "refused"}, 20.0),
    ("nor is it enough", "mean", 3, QUARTER | {"2023-02": "refused"}, "refused"),
    ("more than there can be", "mean", 9, QUARTER, 20.0),
    ("the latest of two", "last", 2, {"2023-01": 10, "2023-02": 20}, 20.0),
    ("the latest that is reported", "last", 1, QUARTER | {"2023-03": "missing"}, 20.0),
    ("the earliest of one", "first", 1, {"2023-03": 30}, 30.0),
    ("the median of two", "median", 2, {"2023-01": 10, "2023-02": 20}, 15.0),
    ("overlap is not a number of parts", "max", 2, {"2023-01": 10, "2023年1-2月": 20}, "incomplete"),
]


@pytest.mark.parametrize(
    ("over_time", "enough", "reports", "expected"), [case[1:] for case in ENOUGH], ids=[case[0] for case in ENOUGH]
)
def test_how_many_periods_are_enough(over_time: str, enough: int, reports: Told, expected: float | str) -> None:
    result, _ = to_scored(rows_of(reports), {"x": over_time}, Q, {"x": enough})  # type: ignore[dict-item]
    assert [row["value"] if row["status"] == "ok" else row["status"] for row in result.to_dicts()] == [expected]


@pytest.mark.parametrize(
    ("over_time", "expected"),
    [
        ("sum", {"2022Q4": 5.0, "2023Q1": 30.0, "2023Q2": 45.0, "2023Q3": "incomplete", "2023Q4": "incomplete"}),
        ("ytd", {"2022Q4": 50.0, "2023Q1": 30.0, "2023Q2": 75.0, "2023Q3": "incomplete", "2023Q4": 150.0}),
    ],
)
def test_labels_of_cumulative_figures_are_their_ends(over_time: str, expected: Told) -> None:
    reports = {
        "2022Q3": 45, "2022": 50, "2023-01": 10, "2023-02": 20, "2023年3月": 30, "2023Q2": 75, "2023-08": 90,
        "2023年下半年": 150,
    }  # fmt: skip
    result, _ = to_scored(from_january(rows_of(reports), ["x"]), {"x": over_time}, Q)  # type: ignore[dict-item]
    figures = {
        Period.of(row["period"], Q).label: row["value"] if row["status"] == "ok" else row["status"]
        for row in result.sort("period").to_dicts()
        if row["period"] >= 2022 * 4 + 3
    }
    assert figures == expected


@pytest.mark.parametrize("over_time", ["sum", "last", "mean", "ytd"])
def test_the_order_of_rows_changes_nothing(over_time: str) -> None:
    reports: Told = {
        "2023-01": 0.1,
        "2023年1-2月": 0.3,
        "2023-03": 0.7,
        "2023Q2": 1e9,
        "2023年1-9月": 2e9,
        "2023-12": "missing",
    }
    turned = dict(reversed(reports.items()))
    assert scored(reports, over_time, Grain.QUARTER) == scored(turned, over_time, Grain.QUARTER)


def test_a_span_across_scored_periods_is_too_coarse_unless_it_begins_in_january() -> None:
    result, coarse = to_scored(rows_of({"2023年2-5月": 1, "2023年1-5月": 2}), {"x": "sum"}, Grain.QUARTER)
    assert coarse["row"].to_list() == [2]
    assert result["status"].to_list() == ["incomplete"]


# ---- REVISIONS ---- #


@pytest.mark.parametrize(
    ("values", "revisions", "value", "restated", "said_twice"),
    [
        ([1, 2], [0, 1], 2.0, 1, 0),
        ([2, 1], [1, 0], 2.0, 1, 0),
        ([1, 2], [0, 0], None, 0, 2),
        ([1, 1], [0, 0], 1.0, 0, 2),
        ([1, 2, 3], [0, 1, 1], None, 1, 2),
        ([1, 2, 3], [1, 1, 2], 3.0, 2, 0),
    ],
)
def test_the_latest_revision_counts_and_contradictions_do_not(
    values: list[float], revisions: list[int], value: float | None, restated: int, said_twice: int
) -> None:
    number = len(values)
    rows = pl.concat([rows_of({"2023Q1": item}) for item in values]).with_columns(
        revision=pl.Series(revisions, dtype=pl.Float64), row=pl.int_range(2, number + 2, dtype=pl.UInt32)
    )
    kept, twice, changed = newest(rows)
    assert kept["value"].to_list() == [value]
    assert kept["status"].to_list() == ["ok" if value is not None else "refused"]
    assert (changed.height, twice.height) == (restated, said_twice)


# ---- MONTHS THAT NAME QUARTERS ---- #


@pytest.mark.parametrize(
    ("reports", "grain", "expected"),
    [
        ({"2023-03": 1, "2023-06": 2}, Grain.QUARTER, True),
        ({"2023-03": 1, "2023-05": 2}, Grain.QUARTER, False),
        ({"2023-03": 1, "2023Q2": 2}, Grain.QUARTER, False),
        ({"2023-06": 1, "2023-12": 2}, Grain.HALF, True),
        ({"2023-12": 1}, Grain.YEAR, True),
        ({"2023-03": 1}, Grain.MONTH, False),
        ({}, Grain.QUARTER, False),
    ],
)
def test_quarters_may_be_labelled_by_their_last_month(reports: Told, grain: Grain, expected: bool) -> None:
    assert labels_by_end(rows_of(reports), grain) is expected
