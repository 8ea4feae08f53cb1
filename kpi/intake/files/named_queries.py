"""Queries on databases that kpi.toml defines, by the name of their table `[data.NAME]`.

    [data.monthly]
    database = "postgresql"
    url = "postgresql://db.example/statistics"   # PGUSER and PGPASSWORD are in the environment
    table = "period_figures"

`kpi score monthly` runs the query and scores its rows like those of a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.intake.files.databases import Query, answer_of
from kpi.intake.files.sources import Rows, Source
from kpi.process import settings

_HINT = Message("name the query in kpi.toml, under [data.NAME], and score NAME")


def names() -> list[str]:
    """Return the names of the queries in kpi.toml."""
    return list(_tables())


def asked(source: Source) -> Source:
    """Return the rows of a named query, and any other source as it is; a file takes precedence over a name.

    Raises:
        DefinitionError: K108, the query in kpi.toml is not valid.
        DataError: K544 for the address of a database, and as `answer_of`.
    """
    if not isinstance(source, str) or Path(source).exists():
        return source
    if "://" in source:
        message = Message("`{scheme}://…` is the address of a database, not a file", scheme=source.partition("://")[0])
        raise DataError(Diagnostic("K544", message, hint=_HINT))
    if source not in _tables():
        return source
    configuration = settings.nearest()
    assert configuration is not None  # noqa: S101
    answer = answer_of(_query(configuration, source, configuration.tree["data"][source]), source, configuration.path)
    return Rows(source, answer.rows, answer.numbers, answer.mixed)


def _tables() -> Mapping[str, object]:
    configuration = settings.nearest()
    tables = {} if configuration is None else configuration.tree.get("data", {})
    if configuration is not None and not isinstance(tables, dict):
        raise configuration.wrong(Message("`data` must be tables, [data.NAME]"), "data")
    return tables


def _query(configuration: settings.Settings, name: str, table: object) -> Query:
    try:
        return Query.model_validate(table)
    except ValidationError as error:
        # Only the first error: others often follow from it. The input is not quoted, it may be a password.
        item = error.errors(include_input=False, include_url=False)[0]
        cause = item.get("ctx", {}).get("error")
        words = cause.args[0] if isinstance(cause, ValueError) else item["msg"]
        # An error of the whole table is at the first key that it names.
        named = [word for word in table if f"`{word}`" in str(words)] if isinstance(table, Mapping) else []
        key = str(item["loc"][-1]) if item["loc"] else next(iter(named), "")
        message, hint = Message("[data.{name}] {error}", name=name, error=words), None
        if item["type"] == "extra_forbidden":
            message = Message("[data.{name}] unknown key `{key}`", name=name, key=key)
            hint = suggest(key, Query.model_fields)
        elif item["loc"]:
            message = Message("[data.{name}] `{key}`: {error}", name=name, key=key, error=words)
        raise configuration.wrong(message, key, hint, table=f"data.{name}") from None


def every(sources: Sequence[Source]) -> list[Source]:
    """Return sources with named queries replaced by their rows."""
    return [asked(source) for source in sources]
