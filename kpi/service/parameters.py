"""The parameters of requests, with what the description of the service says of them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, get_args, get_origin

from fastapi import Path, Query, Request
from fastapi.routing import APIRoute
from pydantic import StringConstraints

from kpi.errors import Diagnostic, Message, suggest
from kpi.service.problems import Problem

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


async def only_known(request: Request) -> None:
    """Refuse parameters that would not be used: unknown ones, and those that are repeated where one value counts.

    Raises:
        Problem: K915 (422).
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    several = {field.alias: _takes_several(field.field_info.annotation) for field in route.dependant.query_params}
    findings = []
    for key, times in Counter(key for key, _ in request.query_params.multi_items()).items():
        if key not in several:
            hint = Message("known are {names}", names=tuple(several)) if several else None
            message = Message("the request has no parameter `{key}`", key=key)
            findings.append(Diagnostic("K915", message, hint=suggest(key, several) or hint))
        elif times > 1 and not several[key]:
            message = Message("the parameter `{key}` is given {times} times, and only one value is used", key=key,
                              times=times)  # fmt: skip
            findings.append(Diagnostic("K915", message, hint=Message("give it once")))
    if findings:
        raise Problem(422, findings)


def _takes_several(annotation: object) -> bool:
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))
