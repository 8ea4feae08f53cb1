"""Routes of analyses: with GET of what the store holds, with POST of uploaded files."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response

from kpi.analysis.what_if import given_values
from kpi.process.locale import current
from kpi.service import openapi
from kpi.service.answering import (
    COMMON,
    STORED,
    SYSTEM,
    allow,
    answered,
    from_store,
    from_upload,
    kind_of,
    not_modified,
    unchanged,
)  # fmt: skip
from kpi.service.openapi import answers, problems
from kpi.service.parameters import (
    AnyPeriod,
    AnyRun,
    AnyUnit,
    Changes,
    FileName,
    Format,
    PeriodText,
    Run,
    SystemId,
    TableName,
    Text,
    Unit,
)  # fmt: skip
from kpi.service.representations import PAPERS, RESULTS
from kpi.service.service import Service

_STORED_ANSWERS = {**answers(openapi.RESULT, RESULTS), **not_modified(), **problems(*COMMON)}
_POSTED: dict[str, Any] = {
    "openapi_extra": {"requestBody": openapi.body()},
    "responses": {**answers(openapi.RESULT, RESULTS), **problems(*COMMON)},
}
_PAPERS = answers(openapi.RESULT, PAPERS)


def add(app: FastAPI, service: Service) -> None:
    """Add explanations, what-ifs, differences and reports."""
    _explanations(app, service)
    _what_ifs(app, service)
    _differences(app, service)
    _reports(app, service)


def _explanations(app: FastAPI, service: Service) -> None:
    @app.get(f"{SYSTEM}/explanation", responses=_STORED_ANSWERS, tags=["analyses"])
    async def explain_stored(
        request: Request, system: SystemId, *, entity: Unit, indicator: Text = None,
        period: AnyPeriod = None, to: Text = None, run: AnyRun = None,
        table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Explain the score of an entity; with `to` how it gets to a level (`5`) or place (`rank:3`)."""
        return await from_store(
            service, request, "explanation", system, run=run, kind=kind_of(request, RESULTS, form, table),
            entity=entity, indicator=indicator,
            period=period, to=to, table=table,
        )  # fmt: skip

    @app.post(f"{SYSTEM}/explanation", tags=["analyses"], **_POSTED)
    async def explain_upload(
        request: Request, system: SystemId, *, entity: Unit, indicator: Text = None,
        period: AnyPeriod = None, to: Text = None, name: FileName = None,
        table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Explain the score of an entity in uploaded files."""
        return await from_upload(
            service, request, "explanation", system, name=name, kind=kind_of(request, RESULTS, form, table),
            entity=entity, indicator=indicator, period=period, to=to, table=table,
        )  # fmt: skip


def _what_ifs(app: FastAPI, service: Service) -> None:
    @app.get(f"{SYSTEM}/what-if", responses=_STORED_ANSWERS, tags=["analyses"])
    async def what_if_stored(
        request: Request, system: SystemId, *, values: Changes, period: AnyPeriod = None,
        run: AnyRun = None, table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Return the totals, stars and places that would change with other values of some figures."""
        return await from_store(
            service, request, "what_if", system, run=run, kind=kind_of(request, RESULTS, form, table),
            values=given_values(values),
            period=period, table=table,
        )  # fmt: skip

    @app.post(f"{SYSTEM}/what-if", tags=["analyses"], **_POSTED)
    async def what_if_upload(
        request: Request, system: SystemId, *, values: Changes, period: AnyPeriod = None,
        name: FileName = None, table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Return what would change in the results of uploaded files."""
        return await from_upload(
            service, request, "what_if", system, name=name, kind=kind_of(request, RESULTS, form, table),
            values=given_values(values),
            period=period, table=table,
        )  # fmt: skip


def _differences(app: FastAPI, service: Service) -> None:
    @app.get(f"{SYSTEM}/difference", responses=_STORED_ANSWERS, tags=["analyses"])
    async def difference_stored(
        request: Request, system: SystemId, *, before: PeriodText, after: PeriodText, entity: AnyUnit = None,
        run: AnyRun = None, table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Return what changed between two periods."""
        return await from_store(
            service, request, "difference", system, run=run, kind=kind_of(request, RESULTS, form, table),
            before=before, after=after,
            entity=entity, table=table,
        )  # fmt: skip

    @app.post(f"{SYSTEM}/difference", tags=["analyses"], **_POSTED)
    async def difference_upload(
        request: Request, system: SystemId, *, before: PeriodText, after: PeriodText, entity: AnyUnit = None,
        name: FileName = None, table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Return what changed between two periods of uploaded files."""
        return await from_upload(
            service, request, "difference", system, name=name, kind=kind_of(request, RESULTS, form, table),
            before=before, after=after,
            entity=entity, table=table,
        )  # fmt: skip

    @app.get(f"{SYSTEM}/runs/difference", responses=_STORED_ANSWERS, tags=["analyses"])
    async def difference_of_runs(
        request: Request, system: SystemId, *, before: Run, after: Run, entity: AnyUnit = None,
        table: TableName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Return what changed between two runs, and how much of it by data and by definition."""
        allow(request, "read", system)
        kind = kind_of(request, RESULTS, form, table)
        tags = [(await service.published(system, number))[1].tag for number in (before, after)]
        key = service.tag("difference_of_runs", system, before, after, tags, entity, table, kind.name, current())
        if (known := unchanged(request, key, STORED)) is not None:
            return known
        answer = await service.kept(
            service.scorers, "difference_of_runs", key, system=system, before=before, after=after, entity=entity,
            kind=kind.name, table=table,
        )  # fmt: skip
        return answered(request, key, answer, kind, STORED)


def _reports(app: FastAPI, service: Service) -> None:
    @app.get(f"{SYSTEM}/report", tags=["results"], responses={**_PAPERS, **not_modified(), **problems(*COMMON)})
    async def report_stored(
        request: Request, system: SystemId, *, period: AnyPeriod = None, run: AnyRun = None,
        form: Format = None,
    ) -> Response:  # fmt: skip
        """Return the report of a period: a page, a bulletin (通报) in Word or Markdown, or a workbook."""
        return await from_store(
            service, request, "report", system, run=run, kind=kind_of(request, PAPERS, form), period=period
        )

    @app.post(
        f"{SYSTEM}/report", tags=["scoring"], openapi_extra={"requestBody": openapi.body()},
        responses={**_PAPERS, **problems(*COMMON)},
    )  # fmt: skip
    async def report_upload(
        request: Request, system: SystemId, *, period: AnyPeriod = None, name: FileName = None,
        form: Format = None,
    ) -> Response:  # fmt: skip
        """Return the report of a period of uploaded files."""
        return await from_upload(
            service, request, "report", system, name=name, kind=kind_of(request, PAPERS, form), period=period
        )
