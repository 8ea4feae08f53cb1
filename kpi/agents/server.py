"""The server: answers as tools and resources of the Model Context Protocol, over standard input and output.

The tools only read, but for `write_definition`, which is there only where writing is allowed. What is wrong with a call
is an error with the findings of the engine.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from kpi.agents.answers import Answer, Answers, Frame, record
from kpi.errors import DataError, Diagnostic, KpiError, Message
from kpi.process.distribution import version
from kpi.process.extensions import blamed
from kpi.process.limits import shortage

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

INSTRUCTIONS = """
Indicators, scores, stars and ranks of units (counties, departments, firms) from declarative definitions.
Begin with list_systems, then list_indicators for meanings, units and sources. query scores files of the data folders.
A value that is missing has a status that says why; never take it for zero. Scores are what the definition says:
explain gives the numbers behind each. Answers come in pages: go on at next_offset. Findings are doubts about data or
definitions: mention those that concern your answer; explain_code says what a code means.
"""


class Change(BaseModel):
    """Another value of a figure of one unit."""

    entity: str = Field(description="the unit, by name or code")
    figure: str = Field(description="the measure or indicator, by name or title")
    value: float | str = Field(description="the new value: a number in its unit, or a text such as 95%")


def server_of(answers: Answers) -> MCPServer:
    """Return the server of some answers.

    Raises:
        DataError: K510, if the package `mcp` is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.types import ToolAnnotations
    except ImportError:
        message = Message("the server for language models needs the package `mcp`, version 2")
        hint = Message("pip install 'mcp>=2', or 'kpi-scorecard[mcp]'")
        raise DataError(Diagnostic("K510", message, hint=hint)) from None
    server = MCPServer(
        "kpi", title="kpi", instructions=INSTRUCTIONS.strip(), version=version() or "", log_level="WARNING"
    )
    reading = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    writing = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)

    def what_if(
        data: list[str], changes: list[Change], *, system: str | None = None, period: str | None = None,
        offset: int = 0, limit: int = 50,
    ) -> Answer:  # fmt: skip
        """Return which totals, stars and places would be different with other values; nothing is saved."""
        given = [change.model_dump() for change in changes]
        return answers.what_if(data, given, system=system, period=period, offset=offset, limit=limit)

    def query(
        data: list[str], *, system: str | None = None, period: str | None = None, table: Frame = "totals",
        entities: list[str] | None = None, indicators: list[str] | None = None, intervals: bool = False,
        offset: int = 0, limit: int = 50,
    ) -> Answer:  # fmt: skip
        """Score files and return a page of a table; `intervals` adds those of ranks under other weights.

        `data` are files or folders by their path from the data folder, "." for all of it.
        """
        return answers.query(
            data, system=system, period=period, table=table, entities=entities or [], indicators=indicators or [],
            intervals=intervals, offset=offset, limit=limit,
        )  # fmt: skip

    def explain(
        data: list[str], entity: str, *, indicator: str | None = None, system: str | None = None,
        period: str | None = None, offset: int = 0, limit: int = 100,
    ) -> Answer:  # fmt: skip
        """Return how the total of a unit, or of one indicator, comes about: every step with value, status, weight."""
        return answers.explain(
            data, entity, indicator=indicator, system=system, period=period, offset=offset, limit=limit
        )

    tools: list[Callable[..., Answer]] = [
        answers.list_systems, answers.list_indicators, query, explain, what_if, answers.check_definition,
        answers.explain_code,
    ]  # fmt: skip
    for tool in tools:
        server.tool(name=tool.__name__, annotations=reading)(_guarded(tool))
    if answers.writing:
        server.tool(name="write_definition", annotations=writing)(_guarded(answers.write_definition))

    def systems() -> str:
        """Return every system and every file of data."""
        return json.dumps(answers.list_systems(), ensure_ascii=False)

    def definition(system: str) -> str:
        """Return the YAML of a system."""
        return answers.definition_text(system)

    server.resource("kpi://systems", name="systems", mime_type="application/json")(_readable(systems))
    server.resource("kpi://systems/{system}", name="definition", mime_type="application/yaml")(_readable(definition))
    return server


def _guarded(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a tool whose errors are answers: the findings."""

    @functools.wraps(work)
    def call(*args: Any, **kwargs: Any) -> Any:
        from mcp.server.mcpserver.exceptions import ToolError

        try:
            return work(*args, **kwargs)
        except BaseException as error:  # panics of Polars are not Exceptions
            if (findings := _findings(error)) is None:
                raise
            raise ToolError(json.dumps({"findings": findings}, ensure_ascii=False)) from error

    return call


def _readable(work: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(work)
    def call(*args: Any, **kwargs: Any) -> str:
        from mcp.server.mcpserver.exceptions import ResourceError

        try:
            return work(*args, **kwargs)
        except KpiError as error:
            raise ResourceError(str(error)) from error

    return call


def _findings(error: BaseException) -> list[Answer] | None:
    """Return the findings of an error, None if it is a mistake of the engine."""
    if isinstance(error, KpiError):
        return [record(finding) for finding in error.diagnostics]
    finding = shortage(error) or blamed(error)
    return None if finding is None else [record(finding)]
