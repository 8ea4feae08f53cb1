"""The routes of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.routing import Route

from kpi.errors import Diagnostic, KpiError, Message
from kpi.process.distribution import version
from kpi.process.locale import current
from kpi.report.language import tr
from kpi.service import analyses, openapi
from kpi.service.access import RIGHTS, require
from kpi.service.answering import (
    COMMON,
    STORED,
    SYSTEM,
    VARY,
    allow,
    answered,
    from_store,
    from_upload,
    json_answer,
    kind_of,
    not_modified,
    token_of,
    unchanged,
)  # fmt: skip
from kpi.service.metrics import MEDIA as METRICS
from kpi.service.middleware import OPEN, Requests, response_of
from kpi.service.openapi import answers, problems
from kpi.service.parameters import (
    NAME,
    PAGE,
    AnyPeriod,
    AnyRun,
    FileName,
    Format,
    Limit,
    Offset,
    Several,
    SystemId,
    TableName,
    only_known,
)  # fmt: skip
from kpi.service.problems import MEDIA, Problem, document, status_of
from kpi.service.representations import HTML, JSON, PAPERS, RESULTS, TABLES, Kind, Page
from kpi.service.response_cache import Answer
from kpi.service.service import Service
from kpi.service.stored import missing
from kpi.service.workers import RefusedError


def create_app(service: Service) -> FastAPI:
    """Return the application of a service, which starts and ends its workers."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="kpi", version=version() or "0", lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Indicators, scores, stars and rankings: uploaded data are scored, and stored results are served.",
        dependencies=[Depends(only_known)],
        generate_unique_id_function=lambda route: f"{route.name}_{min(route.methods or ['GET']).lower()}",
    )  # fmt: skip
    _errors(app)
    _operation(app, service)
    _systems(app, service)
    _tables(app, service)
    analyses.add(app, service)
    _publishing(app, service)
    app.add_middleware(Requests, service=service)

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = openapi.described(schema, secured=bool(service.access.tokens), open_paths=OPEN)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]
    return app


# ---- ERRORS ---- #


def _errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def of_problem(request: Request, problem: Problem) -> Response:
        return response_of(problem, request.url.path)

    @app.exception_handler(RefusedError)
    async def of_worker(request: Request, error: RefusedError) -> Response:
        return Response(document(error.status, request.url.path, error.findings), error.status, error.headers, MEDIA)

    @app.exception_handler(KpiError)
    async def of_library(request: Request, error: KpiError) -> Response:
        return response_of(Problem(status_of(error), error.diagnostics), request.url.path)

    @app.exception_handler(RequestValidationError)
    async def of_parameters(request: Request, error: RequestValidationError) -> Response:
        findings = [
            Diagnostic(
                "K915",
                Message("`{key}`: {words}", key=".".join(map(str, details["loc"][1:])), words=details["msg"]),
                hint=Message("/openapi.json describes what can be asked for"),
            )
            for details in error.errors()
        ]
        return response_of(Problem(422, findings), request.url.path)

    @app.exception_handler(HTTPException)
    async def of_routing(request: Request, error: HTTPException) -> Response:
        known = {
            404: Message("there is nothing at this path"),
            405: Message("the method is not allowed here"),
        }
        other = Message("the request cannot be answered: {detail}", detail=str(error.detail))
        message = known.get(error.status_code, other)
        hint = Message("/openapi.json describes what can be asked for")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request.scope["path"]))
        problem = Problem(error.status_code, Diagnostic("K915", message, hint=hint), headers=headers)
        return response_of(problem, request.url.path)

    @app.exception_handler(Exception)
    async def of_engine(request: Request, _: Exception) -> Response:
        message = Message("the service failed to answer")
        hint = Message("this is a mistake of the engine: please report it with the data that show it")
        return response_of(Problem(500, Diagnostic("K909", message, hint=hint)), request.url.path)


def _methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods of all routes of a path; a router names those of the first alone."""
    routes = [route for route in app.routes if isinstance(route, Route) and route.path_regex.match(path)]
    methods = {method for route in routes for method in route.methods or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


# ---- OPERATION ---- #


def _operation(app: FastAPI, service: Service) -> None:
    @app.get("/health", responses={**answers(openapi.HEALTH, [JSON]), **problems(500)}, tags=["operation"])
    async def health() -> Response:
        """Say whether the service works: it is degraded while workers are replaced."""
        pools = (service.scorers, service.readers)
        well = all(pool.ready >= pool.size for pool in pools)
        return json_answer({"status": "ok" if well else "degraded", "version": version()})

    @app.get(
        "/metrics", tags=["operation"],
        responses={200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}},
                   **problems(401, 403, 500)},
    )  # fmt: skip
    async def metrics() -> Response:
        """Return the metrics in the text format of Prometheus."""
        return Response(service.metrics.text(), media_type=METRICS)

    @app.get(
        "/", tags=["results"],
        responses={200: {"description": "OK", "content": {HTML.media: {"schema": {"type": "string"}}}},
                   **not_modified(), **problems(*COMMON)},
    )  # fmt: skip
    async def front_page(request: Request, system: Annotated[str | None, Query(max_length=100)] = None) -> Response:
        """Show the report over the last run of the store; with several systems a list of them."""
        head = await service.head()
        names = [name for name in head.systems if token_of(request).may("read", name)]
        if system is None and len(names) != 1:
            entries = "".join(f'<li><a href="/?system={escape(name)}">{escape(name)}</a></li>' for name in names)
            title = escape(tr("Results"))
            body = f'<!DOCTYPE html>\n<meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{entries}</ul>\n'
            answer = Answer(body.encode())
            return answered(request, service.tag("list", names, current()), answer, HTML, STORED)
        name = system if system is not None else names[0]
        return await from_store(service, request, "report", name, run=None, kind=HTML, period=None)


# ---- SYSTEMS ---- #


def _systems(app: FastAPI, service: Service) -> None:
    @app.get("/systems", responses={**answers(openapi.SYSTEMS, [JSON]), **problems(*COMMON)}, tags=["systems"])
    async def list_systems(request: Request) -> Response:
        """List the systems for which the token has a right, with the periods that are stored."""
        token = token_of(request)
        entries = {entry["system"]: entry for entry in await service.readers.run("systems", current())}
        stored = (await service.head()).systems if await _published(service) else {}
        listed = []
        for name in sorted({*entries, *stored}):
            rights = [right for right in RIGHTS if token.may(right, name)]
            if rights:
                unknown = {"system": name, "title": name, "period": None, "entities": None, "indicators": None}
                periods = list(stored[name].periods) if name in stored and token.may("read", name) else []
                listed.append({**entries.get(name, unknown), "rights": rights, "periods": periods})
        return json_answer({"systems": listed}, headers=VARY)

    offered = (JSON, *(kind for kind in PAPERS if kind != HTML))

    @app.get(SYSTEM, responses={**answers(openapi.RESULT, offered), **problems(*COMMON)}, tags=["systems"])
    async def system_method(request: Request, system: SystemId, *, form: Format = None) -> Response:
        """Return the method of a system: indicators, weights, targets, and formulas in words."""
        token = token_of(request)
        if not token.may("score", system):
            require(token, "read", system)
        kind = kind_of(request, offered, form)
        answer = await service.readers.run("definition", current(), system=system, kind=kind.name)
        return Response(answer.body, 200, {**VARY, "Content-Type": kind.header})

    @app.post(
        f"{SYSTEM}/score", tags=["scoring"], openapi_extra={"requestBody": openapi.body()},
        responses={**answers(openapi.RESULT, RESULTS), **problems(*COMMON)},
    )  # fmt: skip
    async def score_upload(
        request: Request, system: SystemId, *, period: AnyPeriod = None, table: TableName = None,
        strict: bool = False, name: FileName = None, form: Format = None,
    ) -> Response:  # fmt: skip
        """Score uploaded files: the scorecard with its findings; as Arrow, CSV or Parquet one of its tables."""
        return await from_upload(
            service, request, "score", system, name=name, kind=kind_of(request, RESULTS, form, table),
            period=period, table=table,
            strict=strict,
        )  # fmt: skip


async def _published(service: Service) -> bool:
    """Return whether there is a store in which something was published."""
    try:
        await service.head()
    except (RefusedError, Problem):
        return False
    return True


# ---- STORED TABLES ---- #


def _tables(app: FastAPI, service: Service) -> None:
    async def page_of(
        request: Request, system: str, name: str, *, run: int | None, periods: list[str],
        where: dict[str, list[str]], columns: list[str], page: Page, kind: Kind, latest: bool = False,
    ) -> Response:  # fmt: skip
        head, published = await service.published(system, run)
        arguments = {
            "name": name, "periods": periods, "where": where, "columns": columns, "page": page, "kind": kind.name,
            "latest": latest,
        }  # fmt: skip
        key = service.tag("table", system, published.tag, sorted(arguments.items()))
        headers = {**STORED, "X-Run": str(head.number)}
        if (known := unchanged(request, key, headers)) is not None:
            return known
        answer = await service.kept(
            service.readers, "table", key, system=system, run=head.number, tag=published.tag, **arguments
        )
        # The further pages are of the same run, also where a night publishes another one meanwhile.
        parameters = [item for item in request.query_params.multi_items() if item[0] != "run"]
        rows = int(answer.headers["X-Total-Count"])
        links = page.links(request.url.path, [*parameters, ("run", str(head.number))], rows)
        return answered(request, key, answer, kind, {**headers, "Link": links})

    described = {**answers(openapi.TABLE, TABLES), **not_modified(), **problems(*COMMON)}

    @app.get(f"{SYSTEM}/league", responses=described, tags=["results"])
    async def league_table(
        request: Request, system: SystemId, *, period: AnyPeriod = None, run: AnyRun = None,
        offset: Offset = 0, limit: Limit = PAGE, form: Format = None,
    ) -> Response:  # fmt: skip
        """Return the league table of a period, by default the last, in the order of places."""
        allow(request, "read", system)
        return await page_of(
            request, system, "totals", run=run, periods=[] if period is None else [period], where={}, columns=[],
            page=Page(offset, limit), kind=kind_of(request, TABLES, form), latest=True,
        )  # fmt: skip

    @app.get(f"{SYSTEM}/tables/{{table}}", responses=described, tags=["results"])
    async def stored_table(
        request: Request, system: SystemId, *,
        table: Annotated[str, Path(max_length=60, pattern=NAME, examples=["totals"])],
        period: Several = None, entity: Several = None, indicator: Several = None,
        pillar: Several = None, measure: Several = None, column: Several = None,
        run: AnyRun = None, offset: Offset = 0, limit: Limit = PAGE,
        form: Format = None,
    ) -> Response:  # fmt: skip
        """Return rows of a stored table: of some periods, entities, indicators, pillars or measures."""
        allow(request, "read", system)
        named = {"entity": entity, "indicator": indicator, "pillar": pillar, "measure": measure}
        return await page_of(
            request, system, table, run=run, periods=period or [], columns=list(dict.fromkeys(column or ())),
            where={key: values for key, values in named.items() if values}, page=Page(offset, limit),
            kind=kind_of(request, TABLES, form),
        )  # fmt: skip


# ---- PUBLISHING ---- #


def _publishing(app: FastAPI, service: Service) -> None:
    @app.post("/runs", status_code=201, tags=["publishing"],
              responses={**answers(openapi.RUN, [JSON], status=201), **problems(*COMMON, 409)})  # fmt: skip
    async def publish_run(request: Request) -> Response:
        """Run a night of the batch: what changed is scored and published. It needs the right for every system."""
        allow(request, "publish", None)
        if service.settings.batch is None:
            raise missing(
                Message("the service has no batch"),
                Message("start it with a configuration, kpi serve nightly.toml"),
            )
        for system in await service.scorers.run("sources", current()):
            allow(request, "publish", system)
        if service.night.locked():
            message = Message("a night is at work already")
            raise Problem(409, Diagnostic("K916", message, hint=Message("ask again when it has ended")))
        answer = await service.run_night()
        return Response(answer.body, 201, {"Content-Type": JSON.media, "Location": "/systems"})
