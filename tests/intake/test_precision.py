"""Numbers as whole multiples: the sum is that of the decimals, or the numbers are told to be beyond the precision."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.intake.events.fixed_point import Precision, precisions

BILLIONTH = Decimal("1e-9")
figures = st.lists(st.integers(-(10**9), 10**9).map(lambda item: item / 10**4) | st.floats(-2e6, 2e6), max_size=30)


def billionths(value: float) -> int:
    return int((Decimal(repr(value)) / BILLIONTH).quantize(Decimal(1), ROUND_HALF_EVEN))


@settings(deadline=None)
@given(figures, st.integers(0, 4))
def test_what_is_within_is_summed_as_its_decimals_are(some, decimals):
    few = [round(item, decimals) for item in some if abs(item) * 10**decimals < 2**26]
    frame = pl.DataFrame({"x": few}, schema={"x": pl.Float64})
    item, value = Precision(2e6, decimals, 32), pl.col("x")
    assert not frame.select(item.beyond(value).any()).item()
    total = frame.select(item.billionths(item.whole(value).cast(pl.Int64).sum())).item()
    assert total == sum(map(billionths, few))


@settings(deadline=None, max_examples=1000)
@given(st.floats(-2e6, 2e6) | st.integers(-(10**10), 10**10).map(lambda item: item / 10**4), st.integers(0, 4))
def test_a_number_of_more_decimals_is_told(number, decimals):
    item = Precision(min(2e6, 2.0**31 / 10**decimals - 1), decimals, 32)
    beyond = pl.select(item.beyond(pl.lit(number))).item()
    whole = pl.select(item.billionths(item.whole(pl.lit(number)))).item()
    same = pl.select(Precision(2e6, bits=64).whole(pl.lit(number))).item()
    assert beyond or whole == same


@pytest.mark.parametrize(
    ("first", "rows", "bits"),
    [
        ([1.0, 2.0], 1e3, 32), ([0.25, 99.99], 5e4, 32), ([0.25, 99.99], 1e6, 64), ([0.123456], 1.0, 64),
        ([3e6], 1.0, 64), ([1e9], 10.0, 128), ([0.0], 1e6, 32), ([None], 1.0, 128), ([-5.5, 5.5], 10.0, 32),
    ],
)  # fmt: skip
def test_the_bits_are_as_few_as_the_first_rows_allow(first, rows, bits):
    chosen, most = precisions(pl.DataFrame({"x": first}, schema={"x": pl.Float64}), rows)
    assert chosen["x"].bits == bits
    assert most >= rows


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e300])
@pytest.mark.parametrize("item", [Precision(), Precision(5.0, bits=64), Precision(5.0, 2, 32)])
def test_what_is_no_number_is_beyond_and_adds_nothing(item, number):
    assert pl.select(item.beyond(pl.lit(number))).item()
    # Rows that are beyond are summed in 128 bits.
    assert item.bits < 128 or pl.select(item.whole(pl.lit(number))).item() is None
