"""What the answers of all routes share: rights, formats, tags, headers, and their description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response

from kpi.process.locale import current
from kpi.service.access import Right, Token, require
from kpi.service.jobs import Data
from kpi.service.representations import JSON, ONE_TABLE, Kind, chosen, is_current, tags
from kpi.service.response_cache import Answer
from kpi.service.service import Service
from kpi.service.uploads import received

#: The headers by which representations differ.
VARY = {"Vary": "Accept, Accept-Language, Authorization"}
STORED = {**VARY, "Cache-Control": "private, no-cache"}
SCORED = {**VARY, "Cache-Control": "no-store"}

COMMON = (400, 401, 403, 404, 406, 408, 413, 422, 500, 503)
SYSTEM = "/systems/{system}"


def token_of(request: Request) -> Token:
    """Return the token of a request."""
    token: Token = request.scope["token"]
    return token


def allow(request: Request, right: Right, system: str | None) -> None:
    """Check the right of the token of a request, see `access.require`."""
    require(token_of(request), right, system)


def kind_of(request: Request, offered: Sequence[Kind], name: str | None, table: str | None = None) -> Kind:
    """Return the format that a request asks for, of one table of a result where it names it; see `chosen`."""
    if table is not None:
        offered = [kind for kind in offered if kind in ONE_TABLE]
    return chosen(request.headers.get("accept", ""), offered, name)


def unchanged(request: Request, key: str, headers: Mapping[str, str]) -> Response | None:
    """Return 304 where the request names the tag of its answer, which then is not computed; else None.

    The tag alone says that the answer exists; `*` does not.
    """
    if key not in tags(request.headers.get("if-none-match", "")):
        return None
    return Response(None, 304, {**headers, "ETag": key})


def answered(request: Request, key: str, answer: Answer, kind: Kind, headers: Mapping[str, str]) -> Response:
    """Return an answer with its tag; 304 without a body where the request has it already."""
    every = {**answer.headers, **headers, "ETag": key}
    if is_current(request.headers.get("if-none-match", ""), key):
        return Response(None, 304, {**headers, "ETag": key})
    return Response(answer.body, 200, {**every, "Content-Type": kind.header})


def not_modified() -> dict[int | str, Any]:
    """Return the description of an answer without a body."""
    return {304: {"description": "Not Modified"}}


def scored_answer(service: Service, answer: Answer, kind: Kind, parameters: object) -> Response:
    """Return the answer for an upload, tagged by the hashes of definition and data and by all that was asked."""
    hashes = answer.headers.get("X-Definition"), answer.headers.get("X-Data")
    key = service.tag(hashes, kind.name, current(), parameters)
    return Response(answer.body, 200, {**answer.headers, **SCORED, "ETag": key, "Content-Type": kind.header})


def json_answer(tree: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(json.dumps(tree, ensure_ascii=False).encode(), status, headers, JSON.media)


async def from_store(
    service: Service, request: Request, job: str, system: str, *, run: int | None, kind: Kind, **arguments: Any
) -> Response:
    """Answer with a job about a run of the store."""
    allow(request, "read", system)
    key, answer = await service.asked(job, system, run, {**arguments, "kind": kind.name})
    return unchanged(request, key, STORED) or answered(request, key, await answer(), kind, STORED)


async def from_upload(
    service: Service, request: Request, job: str, system: str, *, name: str | None, kind: Kind, **arguments: Any
) -> Response:
    """Answer with a job about the files of the request."""
    allow(request, "score", system)
    async with received(request, service.limits, name) as upload:
        answer = await service.scorers.run(
            job, current(), system=system, data=Data(upload), kind=kind.name, **arguments
        )
    return scored_answer(service, answer, kind, [upload.digest, *sorted(arguments.items())])
