"""The configuration of a batch: a TOML file, validated completely, with a line number for every finding.

The smallest is `store = "store"` and one `[[source]]` with `system = "jiaxing-2022"` and `data = "inbox/*.csv"`. Paths
are relative to the file and stay below its folder unless `outside = true`. It holds no passwords: a database is
identified by the environment variable, or the private file, that holds its connection string.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from kpi.errors import DefinitionError, Diagnostic, Message, Place, alternatives, suggest
from kpi.intake.files.databases import Query
from kpi.language.model import OneOrMany
from kpi.process import extensions
from kpi.process.credentials import has_password
from kpi.process.os_errors import reason
from kpi.report.formats import SUFFIXES, name_of, suffix_of
from kpi.values import period_texts, periods
from kpi.values.patterns import regex

#: The password in a URL, and the token of Spark Connect that is not the name of a variable.
_ACCOUNT, _TOKEN = regex(r"//[^/@]*:[^/@]+@"), regex(r"(?i)(?:token|password)=(?!\$\{)")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Table):
    """A system, its data, and the conditions for publishing its results."""

    system: str = Field(description="an id of the catalogue or the path of a YAML file")
    data: OneOrMany[str] = Field((), description="files, folders and patterns of files")
    named: dict[str, OneOrMany[str]] = Field(default_factory=dict, description="files by the dataset they are")
    query: tuple[Query, ...] = Field((), strict=False)
    warehouse: str | None = Field(None, description="a database whose rows stay there: duckdb:FILE, a URL, env:NAME")
    spark: str | None = Field(None, description="the master of a Spark whose rows stay there, such as local[2]")
    tables: dict[str, str] = Field(default_factory=dict, description="the table of each dataset of either")
    explanations: OneOrMany[str] = Field((), description="files of 说明, such as a 查询单 that came back")
    periods: Annotated[str | tuple[str, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)] = (
        Field("changed", description="changed, last 3, or a list; what is chosen is scored again only if it changed")
    )
    output: OneOrMany[str] = Field((), description="files that get the whole current result")
    max_findings: int | None = Field(None, ge=0, description="more errors in the data keep the night from the store")
    fail_under: float | None = Field(None, ge=0, le=100, description="percent of new totals that must have a score")

    @property
    def database_file(self) -> str | None:
        """The file of the warehouse, None unless it is DuckDB."""
        kind, _, name = (self.warehouse or "").partition(":")
        return name.removeprefix("//") if kind.casefold() == "duckdb" else None

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if self.warehouse is not None and self.spark is not None:
            raise ValueError(Message("a source has either `warehouse` or `spark`"))
        if self.tables and self.warehouse is None and self.spark is None:
            raise ValueError(Message("`tables` are those of `warehouse` or `spark`"))
        if self.spark is not None and not self.tables:
            raise ValueError(Message('`spark` needs its tables: tables = {{items = "items.parquet"}}'))
        if self.warehouse is not None and (has_password(self.warehouse) or _ACCOUNT.search(self.warehouse)):
            raise ValueError(
                Message("a password does not stand in a file: write env:NAME, and set NAME to the address")
            )
        if self.spark is not None and _TOKEN.search(self.spark):
            raise ValueError(Message("a token does not stand in a file: write ${{NAME}} in its place, and set NAME"))
        return self

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.data or self.named or self.query or self.warehouse or self.spark):
            raise ValueError("a source needs `data`, `named`, `query`, `warehouse` or `spark`")
        if isinstance(self.periods, str) and not re.fullmatch(r"changed|last [1-9]\d*", self.periods):
            raise ValueError("`periods` is changed, last N, or a list of periods")
        for text in self.periods if isinstance(self.periods, tuple) else ():
            try:
                period_texts.on_any_timeline(text)
            except periods.PeriodError as error:
                raise ValueError(str(error)) from None
        for name in self.output:
            if not name.endswith("/") and name_of(suffix_of(Path(name).name)) is None:
                raise ValueError(f"`{name}` has no known format: {', '.join(SUFFIXES)}, or a folder/")
        return self


#: The kinds of stores that are built in.
STORES = ("delta", "postgresql")


class StoreTable(_Table):
    """The location of results."""

    kind: str = Field("delta", description="delta, postgresql, or the name of an extension")
    path: str | None = None
    connection_env: str | None = None
    connection_file: str | None = None
    keep: int = Field(400, gt=0, description="how many runs can be read again")

    _was_parquet: bool = PrivateAttr(default=False)

    @property
    def was_parquet(self) -> bool:
        """Whether the configuration names the former Parquet store, which `--migrate` converts to Delta Lake."""
        return self._was_parquet

    @model_validator(mode="wrap")
    @classmethod
    def _former_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, dict) and value.get("kind") == "parquet":
            return handler(value | {"kind": "delta"}).of_parquet()
        return handler(value)

    def of_parquet(self) -> Self:
        """Return the table as if the configuration named the former Parquet store."""
        self._was_parquet = True
        return self

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.kind not in STORES and self.kind not in extensions.names("stores"):
            known = alternatives([*STORES, *extensions.names("stores")])
            raise ValueError(Message("`{kind}` is no kind of store; known are {kinds}", kind=self.kind, kinds=known))
        present = [name for name in ("path", "connection_env", "connection_file") if getattr(self, name) is not None]
        allowed = ("connection_env", "connection_file") if self.kind == "postgresql" else ("path",)
        if len(present) != 1 or present[0] not in allowed:
            raise ValueError(f"a {self.kind} store needs `{'` or `'.join(allowed)}`, and nothing else")
        if self.connection_env is not None and not re.fullmatch(r"[A-Za-z_]\w*", self.connection_env):
            raise ValueError("`connection_env` is the name of a variable of the environment, not what it holds")
        return self


class Config(_Table):
    """The configuration of a batch."""

    store: Annotated[StoreTable, BeforeValidator(lambda value: {"path": value} if isinstance(value, str) else value)]
    source: tuple[Source, ...] = Field(strict=False, min_length=1)
    definitions: str | None = Field(None, description="a folder in which systems are looked up first")
    archive: str | None = Field(None, description="where inputs are kept; left out: beside or in the store")
    log: str | None = Field(None, description="a file that gets one JSON object a line")
    metrics: str | None = Field(None, description="a file for Prometheus' text collector")
    notify: str | None = Field(None, description="a folder that gets a note for every night with news")
    summary: str | None = Field(None, description="a JSON file that says how the last night went")
    outside: bool = Field(False, description="paths may leave the folder of this file")

    _file: Path = PrivateAttr(Path("batch.toml"))

    @property
    def file(self) -> Path:
        """The file that the configuration was read from."""
        return self._file

    def at(self, file: Path) -> Self:
        """Return the configuration with `file` set."""
        self._file = file
        return self

    def path(self, name: str) -> Path:
        """Return a path of the configuration, made absolute.

        Raises:
            DefinitionError: K803, if it is outside of the folder of the configuration without `outside = true`.
        """
        root = self._file.parent.resolve()
        resolved = root / name
        # NOTE: resolved, so that neither .. nor a link leads outside; patterns have no links to resolve.
        if not self.outside and not resolved.resolve().is_relative_to(root):
            hint = Message("move it below the folder of the configuration, or set outside = true")
            raise DefinitionError(
                Diagnostic(
                    "K803", Message("`{name}` leads out of {root}", name=name, root=root), Place(str(self._file)), hint
                )
            )
        return resolved


def load(file: Path) -> Config:
    """Read a configuration; raise DefinitionError with all findings.

    K800 it cannot be read, K801 not TOML, K802 an unknown, missing or invalid key, K803 a path outside of the folder.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words: str = reason(error) if isinstance(error, OSError) else Message("not UTF-8")
        raise DefinitionError(
            Diagnostic("K800", Message("cannot be read: {words}", words=words), Place(str(file)))
        ) from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        place = Place(str(file), int(at[1]), int(at[2])) if at else Place(str(file))
        words = re.sub(r" \(at .*\)", "", str(error))
        raise DefinitionError(Diagnostic("K801", Message("not TOML: {words}", words=words), place)) from None
    try:
        config = Config.model_validate(tree).at(file)
    except ValidationError as error:
        # pydantic drops invalid sources and then reports the list as too short: the sources have findings already.
        wrong = [details for details in error.errors() if details["type"] != "too_short" or not tree.get("source")]
        raise DefinitionError([_finding(file, text, details) for details in wrong]) from None
    findings: list[Diagnostic] = []
    for number, name in _paths(config):
        try:
            config.path(name)
        except DefinitionError as error:
            place = Place(str(file), _line(text, ("source", number) if number is not None else (), name))
            findings += [
                Diagnostic(finding.code, finding.message, place, finding.hint) for finding in error.diagnostics
            ]
    if findings:
        raise DefinitionError(findings)
    return config


def _paths(config: Config) -> list[tuple[int | None, str]]:
    """Return all paths in a configuration, with the number of their source."""
    of_config = [config.definitions, config.archive, config.log, config.metrics, config.notify, config.summary]
    of_config += [config.store.path, config.store.connection_file]
    paths: list[tuple[int | None, str]] = [(None, name) for name in of_config if name is not None]
    for number, source in enumerate(config.source):
        named = [name for names in source.named.values() for name in names]
        files = [name for query in source.query for name in (query.path, query.connection_file) if name is not None]
        files += [source.database_file] if source.database_file else []
        yaml = [source.system] if source.system.endswith((".yaml", ".yml")) or "/" in source.system else []
        of_source = (*source.data, *named, *files, *source.explanations, *source.output, *yaml)
        paths += [(number, name) for name in of_source]
    return paths


def _finding(file: Path, text: str, error: Any) -> Diagnostic:
    path = tuple(error["loc"])
    last = next((step for step in reversed(path) if isinstance(step, str)), "")
    place = Place(str(file), _line(text, path, last))
    if error["type"] == "extra_forbidden":
        model = _model(path)
        hint = suggest(last, model.model_fields) or Message(
            "what there is: {model_fields}", model_fields=tuple(model.model_fields)
        )
        return Diagnostic("K802", Message("unknown key `{last}`", last=last), place, hint)
    if error["type"] == "missing":
        return Diagnostic("K802", Message("`{last}` is missing", last=last), place, Message("add `{last}`", last=last))
    words = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if error["type"] == "value_error":
        own = error["ctx"]["error"].args[0]
        return Diagnostic("K802", own if isinstance(own, Message) else words, place)
    return Diagnostic(
        "K802", Message("`{last}` {words}{words_2}", last=last, words=words[:1].lower(), words_2=words[1:]), place
    )


def _model(path: tuple[Any, ...]) -> type[BaseModel]:
    if "query" in path[:-1]:
        return Query
    tables: dict[Any, type[BaseModel]] = {"store": StoreTable, "source": Source}
    return tables.get(path[0], Config) if len(path) > 1 else Config


def _line(text: str, path: tuple[Any, ...], word: str) -> int:
    """Return the line of a key or value: the first with the word, within the table of the path."""
    start, end = 0, None
    lines = text.splitlines()
    if path[:1] == ("source",) and len(path) > 1 and isinstance(path[1], int):
        heads = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[\s*source\s*\]\]", line)]
        if path[1] < len(heads):
            start = heads[path[1]]
            end = heads[path[1] + 1] if path[1] + 1 < len(heads) else None
    numbers = (number for number, line in enumerate(lines[start:end], start) if word in line.partition("#")[0])
    return next(numbers, start) + 1
