"""The functions for event loops: results as of the plain ones, and a loop that goes on."""

from __future__ import annotations

import asyncio
import inspect
import time

import polars as pl
import pytest

import kpi

ROWS = pl.DataFrame({"期别": ["2023Q1"] * 2, "地区": ["甲县", "乙县"], "办件量": [4, 2], "网上办件量": [1, 2]})
SYSTEM = {
    "system": "small", "period": "quarter", "entities": {},
    "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    "indicators": {"rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "unit": "%"}},
}  # fmt: skip


def test_many_calls_at_once_give_what_one_gives():
    expected = kpi.score(ROWS, system=SYSTEM).indicators

    async def every() -> list[kpi.Scorecard]:
        return await asyncio.gather(*(kpi.aio.score(ROWS, system=SYSTEM) for _ in range(20)))

    assert all(card.indicators.equals(expected) for card in asyncio.run(every()))


def test_the_loop_goes_on(monkeypatch):
    def slow(*_: object, **__: object) -> None:
        time.sleep(0.3)

    monkeypatch.setattr("kpi.session.scoring.take_in", slow)

    async def beats() -> int:
        call = asyncio.ensure_future(kpi.aio.score(ROWS, system=SYSTEM))
        number = 0
        while not call.done():
            await asyncio.sleep(0.005)
            number += 1
        call.exception()
        return number

    assert asyncio.run(beats()) > 5


def test_errors_and_the_language_pass_through():
    async def failing() -> None:
        with kpi.using_language("zh"):
            with pytest.raises(kpi.DataError) as caught:
                await kpi.aio.score({"a": [1]}, system=SYSTEM)
            assert any("一" <= letter <= "龥" for letter in str(caught.value))

    asyncio.run(failing())


@pytest.mark.parametrize("name", ["audit", "bulletin", "check", "content", "score", "stress", "what_if", "write"])
def test_each_has_the_arguments_of_the_plain_function(name):
    assert inspect.signature(getattr(kpi.aio, name)) == inspect.signature(getattr(kpi, name))
    assert getattr(kpi.aio, name).__doc__ == getattr(kpi, name).__doc__
