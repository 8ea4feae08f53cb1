"""Numbers of events that a spreadsheet rounded are said to be so, and each of their rows counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import kpi

LONG = [330483202401000001 + at for at in range(12)]


def definition(key: Any = "办件编号", **more: Any) -> dict[str, Any]:
    return {
        "system": "t", "period": "month", "entities": {"title": "县"},
        "datasets": {"ev": {"form": "records", **({"key": key} if key else {})}},
        "measures": {"rows": {"kind": "count", "unit": "件"}, "s": {"kind": "sum", "of": "金额", "unit": "元"}},
        "indicators": {"x": {"kind": "level", "of": "rows"}, "y": {"kind": "level", "of": "s"}}, **more,
    }  # fmt: skip


def frame(numbers: Sequence[Any], *, same: bool = False, **columns: Any) -> pl.DataFrame:
    days = ["2024-01-05"] * len(numbers) if same else [f"2024-01-{at + 1:02}" for at in range(len(numbers))]
    return pl.DataFrame({"日期": days, "县": "甲县", "办件编号": numbers, "金额": "10", **columns}, strict=False)


def kept(number: int) -> int:
    """Return what a spreadsheet keeps of a number."""
    return int(float(f"{number:.15g}"))


def given(data: pl.DataFrame, form: str, folder: Path) -> Any:
    path = folder / f"d.{form}"
    if form == "csv":
        data.write_csv(path)
    elif form == "parquet":
        data.write_parquet(path)
    elif form == "xlsx":
        data.write_excel(path)
    return data if form == "frame" else path


def codes(card: Any) -> list[str]:
    return [item.code for item in card.findings_list]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(
    ("form", "numbers"),
    [
        ("csv", [str(kept(item)) for item in LONG]),
        ("csv", [f"{item:.5E}" for item in LONG]),
        ("csv", [f"{item:.2e}" for item in LONG]),
        ("xlsx", [float(kept(item)) for item in LONG]),
        ("xlsx", [str(kept(item)) for item in LONG]),
        ("parquet", [float(item) for item in LONG]),
        ("parquet", [kept(item) for item in LONG]),
        ("frame", [kept(item) for item in LONG]),
    ],
)  # fmt: skip
def test_rounded_numbers_are_reported_and_every_row_counts(form, numbers, same, tmp_path):
    card = kpi.score(given(frame(numbers, same=same), form, tmp_path), system=definition())
    assert codes(card) == ["K634"]
    assert card.indicators["value"].to_list() == [12, 120]
    assert str(card.findings_list[0].message).startswith("12 rows with a number in `办件编号`")


@pytest.mark.parametrize("digits", [16, 17, 18])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_doubles_of_a_workbook_that_are_no_round_numbers_are_found(form, digits, tmp_path):
    start = 33048320240100 * 10 ** (digits - 14)
    cells = [float(f"{start + 17 * at:.15g}") for at in range(25)]
    numbers = cells if form == "xlsx" else [str(int(item)) for item in cells]
    card = kpi.score(given(frame(numbers * 2, same=True), form, tmp_path), system=definition())
    assert codes(card) == ["K634"]
    assert card.indicators["value"].to_list()[0] == 50


@pytest.mark.parametrize(
    "numbers",
    [
        [str(item) for item in LONG],
        [f"A{item}" for item in LONG],
        [f"{at}E10" for at in range(12)],
        [str(at) for at in range(12)],
        [str(1000 * at) for at in range(12)],
        [f"{at:018}" for at in range(12)],
        [f"3304832024{at:02}" for at in range(12)],
    ],
)
def test_numbers_that_tell_events_apart_are_not(numbers):
    card = kpi.score(frame(numbers), system=definition())
    assert codes(card) == []
    again = kpi.score([frame(numbers, same=True), frame([*numbers, "Z"], same=True)], system=definition())
    assert codes(again) == ["K629"]
    assert again.indicators["value"].to_list()[0] == 13


def test_some_numbers_may_end_in_zeros():
    numbers = [*(str(item) for item in LONG), "330483202401000000"]
    card = kpi.score([frame(numbers, same=True), frame([*numbers, "Z"], same=True)], system=definition())
    assert codes(card) == ["K629"]


def test_a_file_with_rounded_numbers_leaves_others_alone():
    good, bad = frame([str(item) for item in LONG], same=True), frame([str(kept(item)) for item in LONG], same=True)
    bad = bad.with_columns(县=pl.lit("乙县"))
    card = kpi.score([good, good.head(5), bad], system=definition())
    assert sorted(codes(card)) == ["K629", "K634"]
    assert card.indicators.filter(indicator="x")["value"].to_list() == [12, 12]


def test_a_key_of_several_columns():
    card = kpi.score(frame([kept(item) for item in LONG], same=True), system=definition(["县", "办件编号"]))
    assert codes(card) == ["K634"]


def test_two_files_with_rounded_numbers_are_compared_as_files_without_a_key():
    numbers = [str(kept(item)) for item in LONG]
    card = kpi.score([frame(numbers), frame([*numbers, "Z"])], system=definition())
    assert sorted(codes(card)) == ["K631", "K634", "K634"]


def test_a_key_is_not_proposed_for_rounded_numbers():
    numbers = [kept(item * 1000) for item in range(330483202401001, 330483202401005)] * 2
    assert codes(kpi.score(frame(numbers), system=definition(key=None))) == []
    assert codes(kpi.score(frame([item + 1 for item in numbers]), system=definition(key=None))) == ["K690"]


# ---- HOW MANY ROWS TWO FILES SHARE ---- #


@pytest.mark.parametrize(
    ("who", "month"),
    [("甲甲甲甲甲", "11111"), ("甲乙丙丁戊", "11111"), ("甲甲甲甲甲", "12345"), ("甲甲乙乙丙", "11111")],
)
@pytest.mark.parametrize("equal", [True, False])
def test_all_rows_that_two_files_share_are_counted(who, month, equal):
    data = pl.DataFrame(
        {
            "日期": [f"2024-0{item}-05" for item in month], "县": [f"{item}县" for item in who],
            "金额": [10] * 5 if equal else [10, 11, 12, 13, 14],
        }
    )  # fmt: skip
    more = pl.concat([data, pl.DataFrame({"日期": ["2024-07-05"], "县": ["己县"], "金额": [99]})])
    (finding,) = kpi.score([data, more], system=definition(key=None)).findings_list
    assert finding.code == "K631"
    assert "at least 5, such as" in str(finding.message)


def test_one_row_that_two_files_share():
    rows = [("2024-01-05", "甲县", 10), ("2024-02-05", "乙县", 20)]
    first, second = (pl.DataFrame(rows[:at], schema=["日期", "县", "金额"], orient="row") for at in (1, 2))
    (finding,) = kpi.score([first, second], system=definition(key=None)).findings_list
    assert str(finding.message).startswith("the same 1 row of 甲县 for 2024-01")
