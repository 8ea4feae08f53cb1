"""Errors of the service as problem details (RFC 9457) that carry the findings.

The document has `type` (`urn:kpi:` and the code of the first finding), `title` (the meaning of this code), `status`,
`detail` (the message of the first finding), `instance` (the path that was asked for) and `findings`, objects with the
keys of the findings of `kpi.scorecard/1`: code, severity, message, file, row, column, entity, period, hint, stands_for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException

from kpi.errors import Diagnostic, KpiError
from kpi.report.language import localized, translated
from kpi.report.rules import rules

MEDIA = "application/problem+json"


class Problem(HTTPException):
    """A request that is not answered as asked, with the findings that say why.

    It is an `HTTPException`, so that FastAPI lets it pass where it reads the body of a request.
    """

    def __init__(
        self, status: int, findings: Diagnostic | Iterable[Diagnostic], *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.findings = (findings,) if isinstance(findings, Diagnostic) else tuple(findings)
        super().__init__(status, HTTPStatus(status).phrase, None if headers is None else dict(headers))

    def document(self, instance: str) -> bytes:
        """Return the problem document in the language in use."""
        return document(self.status_code, instance, [record(finding) for finding in self.findings])


def record(finding: Diagnostic) -> dict[str, Any]:
    """Return a finding with the keys of the findings of a scorecard, in the language in use."""
    return {
        "code": finding.code, "severity": str(finding.severity), "message": localized(finding.message),
        "file": finding.place.file, "row": finding.place.row if finding.place.line is None else finding.place.line,
        "column": finding.place.field, "entity": finding.place.entity, "period": finding.place.period,
        "hint": None if finding.hint is None else localized(finding.hint), "stands_for": finding.stands_for,
    }  # fmt: skip


def document(status: int, instance: str, findings: list[dict[str, Any]]) -> bytes:
    """Return a problem document."""
    tree: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if findings:
        code = findings[0]["code"]
        known = rules().get(code)
        title = tree["title"] if known is None else translated(known.means)
        tree |= {"type": f"urn:kpi:{code}", "title": title, "detail": findings[0]["message"]}
    tree |= {"instance": instance, "findings": findings}
    return json.dumps(tree, ensure_ascii=False).encode()


#: The codes of findings about something that is named and does not exist.
_MISSING = frozenset({"K205", "K551", "K602", "K203", "K811", "K824", "K825", "K828", "K914"})


def status_of(error: KpiError) -> int:
    """Return the status of an error of the library: 404 where what is named does not exist, else 422."""
    return 404 if error.diagnostics and error.diagnostics[0].code in _MISSING else 422
