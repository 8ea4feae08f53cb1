"""The parameters of requests, with what the description of the service says of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import StringConstraints

#: The names in paths.
NAME = r"^[^\x00-\x1f/]+$"
SystemId = Annotated[
    str, Path(max_length=100, pattern=NAME, description="the id of a system", examples=["jiaxing-2022"])
]
Text = Annotated[str | None, Query(min_length=1, max_length=200)]
Unit = Annotated[str, Query(min_length=1, max_length=200, description="a name or code", examples=["桐乡市"])]
AnyUnit = Annotated[str | None, Query(min_length=1, max_length=200, description="a name or code", examples=["桐乡市"])]
PeriodText = Annotated[str, Query(min_length=1, max_length=60, description="a period", examples=["2023Q4"])]
AnyPeriod = Annotated[str | None, Query(min_length=1, max_length=60, description="a period", examples=["2023Q4"])]
Run = Annotated[int, Query(ge=1, le=2**31, description="a run of the store")]
AnyRun = Annotated[int | None, Query(ge=1, le=2**31, description="a run of the store; left out: the last")]
TableName = Annotated[
    str | None, Query(min_length=1, max_length=60, description="one table of the result", examples=["totals"])
]
FileName = Annotated[str | None, Query(min_length=1, max_length=200, description="of a file that is the body")]
Format = Annotated[
    str | None,
    Query(alias="format", min_length=1, max_length=10, description="a format, in place of the header Accept"),
]
Several = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] | None, Query(max_length=500)]
Offset = Annotated[int, Query(ge=0, le=2**40, description="rows before the page")]
Limit = Annotated[int, Query(ge=1, le=1_000_000, description="the most rows of the page")]
Changes = Annotated[
    list[Annotated[str, StringConstraints(min_length=3, max_length=500)]],
    Query(
        alias="set", min_length=1, max_length=100, description="UNIT.FIGURE=VALUE", examples=[["桐乡市.一网通办率=95"]]
    ),
]
#: The rows of a page, where a request does not say how many.
PAGE = 10_000
