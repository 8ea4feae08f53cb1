"""What holds for every request: the language, the token, limits, the audit log and metrics."""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from kpi.process.locale import using
from kpi.report.page.document import program
from kpi.service.access import same_site
from kpi.service.limits import limited
from kpi.service.problems import MEDIA, Problem
from kpi.service.representations import language
from kpi.service.service import Service

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

#: What anybody may ask for, who can reach the service: no data is in it.
OPEN = ("/health", "/openapi.json")
#: The methods that change nothing.
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
#: Of scripts, only the program of the report runs, known by its hash: a name that gets into a page as markup does not.
_PROGRAM = b64encode(hashlib.sha256(program().encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_PROGRAM}'; font-src data:; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY"), (b"referrer-policy", b"no-referrer"),
]  # fmt: skip


class Requests:
    """The outermost layer of the application.

    It identifies the token before anything is read or looked up, so that nobody learns what there is.
    """

    def __init__(self, app: Any, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status, sent, got = 500, 0, 0
        # HEAD is GET without the body: the same rights, status and headers, with the length of the body.
        method = scope["method"]
        scope = {**scope, "method": "GET" if method == "HEAD" else method}
        headers = Headers(scope=scope)
        bounded = limited(receive, headers, self._service.limits)

        async def counted_receive() -> MutableMapping[str, Any]:
            nonlocal got
            message = await bounded()
            got += len(message.get("body", b""))
            return message

        async def counted_send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            elif method == "HEAD":
                message = {**message, "body": b""}
            sent += len(message.get("body", b""))
            await send(message)

        try:
            with using(language(headers.get("accept-language", ""))):
                try:
                    if scope["path"] not in OPEN:
                        scope["token"] = self._service.access.identify(headers)
                        if scope["method"] not in _SAFE:
                            same_site(headers)
                except Problem as problem:
                    await response_of(problem, scope["path"])(scope, counted_receive, counted_send)
                else:
                    await self._app(scope, counted_receive, counted_send)
        finally:
            self._record({**scope, "method": method}, status, time.perf_counter() - began, got, sent)

    def _record(self, scope: Scope, status: int, seconds: float, got: int, sent: int) -> None:
        route = getattr(scope.get("route"), "path", "")
        token = scope.get("token")
        metrics = self._service.metrics
        method = scope["method"] if scope["method"] in (*_SAFE, "POST", "PUT", "PATCH", "DELETE") else "other"
        metrics.requests.labels(method, route, str(status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        metrics.received.inc(got)
        metrics.sent.inc(sent)
        self._service.audit(
            token=None if token is None else token.name, method=method, route=route,
            system=scope.get("path_params", {}).get("system"), status=status, seconds=round(seconds, 6), received=got,
            sent=sent, client=(scope.get("client") or ("", 0))[0],
        )  # fmt: skip


def response_of(problem: Problem, path: str) -> Response:
    """Return the response of a problem, in the language in use."""
    return Response(problem.document(path), problem.status_code, problem.headers, MEDIA)
