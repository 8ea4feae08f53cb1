"""What a batch is told: a TOML file, checked whole, every finding with its line.

The smallest is `store = "store"` and one `[[source]]` with `system = "jiaxing-2022"` and `data = "inbox/*.csv"`. Paths
are relative to the file and stay below its folder unless `outside = true`. Passwords are never in it: a database is
named by the variable of the environment, or the private file, that holds its connection string.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

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

from kpi.errors import DefinitionError, Diagnostic, Message, Place, suggest
from kpi.intake.files.databases import Query
from kpi.language.model import OneOrMany
from kpi.report.formats import SUFFIXES, suffix_of
from kpi.values import periods


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Table):
    """A system, where its data are, and what must hold before its results are published."""

    system: str = Field(description="an id of the catalogue or the path of a YAML file")
    data: OneOrMany[str] = Field((), description="files, folders and patterns of files")
    named: dict[str, OneOrMany[str]] = Field(default_factory=dict, description="files by the dataset they are")
    query: tuple[Query, ...] = Field((), strict=False)
    explanations: OneOrMany[str] = Field((), description="files of 说明, such as a 查询单 that came back")
    periods: Annotated[str | tuple[str, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)] = (
        Field("changed", description="changed, last 3, or a list; what is chosen is scored again only if it changed")
    )
    output: OneOrMany[str] = Field((), description="files that get the whole current result")
    max_findings: int | None = Field(None, ge=0, description="more errors in the data keep the night from the store")
    fail_under: float | None = Field(None, ge=0, le=100, description="percent of new totals that must have a score")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.data or self.named or self.query):
            raise ValueError("a source needs `data`, `named` or `query`")
        if isinstance(self.periods, str) and not re.fullmatch(r"changed|last [1-9]\d*", self.periods):
            raise ValueError("`periods` is changed, last N, or a list of periods")
        for text in self.periods if isinstance(self.periods, tuple) else ():
            try:
                periods.parse(text)
            except periods.PeriodError as error:
                raise ValueError(str(error)) from None
        for name in self.output:
            if suffix_of(Path(name).name) not in SUFFIXES and not name.endswith("/"):
                raise ValueError(f"`{name}` has no known format: {', '.join(SUFFIXES)}, or a folder/")
        return self


class StoreTable(_Table):
    """Where results go."""

    kind: Literal["delta", "postgresql"] = "delta"
    path: str | None = None
    connection_env: str | None = None
    connection_file: str | None = None
    keep: int = Field(400, gt=0, description="how many runs can be read again")

    _was_parquet: bool = PrivateAttr(default=False)

    @property
    def was_parquet(self) -> bool:
        """Whether the file still names the Parquet store, whose content `--migrate` brings into Delta Lake."""
        return self._was_parquet

    @model_validator(mode="wrap")
    @classmethod
    def _former_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, dict) and value.get("kind") == "parquet":
            return handler(value | {"kind": "delta"}).of_parquet()
        return handler(value)

    def of_parquet(self) -> Self:
        """Return the table, as of a file that still names the Parquet store."""
        self._was_parquet = True
        return self

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in ("path", "connection_env", "connection_file") if getattr(self, name) is not None]
        wanted = ("connection_env", "connection_file") if self.kind == "postgresql" else ("path",)
        if len(given) != 1 or given[0] not in wanted:
            raise ValueError(f"a {self.kind} store needs `{'` or `'.join(wanted)}`, and nothing else")
        if self.connection_env is not None and not re.fullmatch(r"[A-Za-z_]\w*", self.connection_env):
            raise ValueError("`connection_env` is the name of a variable of the environment, not what it holds")
        return self


class Config(_Table):
    """A whole configuration."""

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
        """The file that this was read from."""
        return self._file

    def at(self, file: Path) -> Self:
        """Return the configuration with its file set."""
        self._file = file
        return self

    def path(self, name: str) -> Path:
        """Return a path of the configuration, made absolute.

        Raises:
            DefinitionError: K803, when it leaves the folder of the configuration and may not.
        """
        root = self._file.parent.resolve()
        found = root / name
        # NOTE: resolved, so that neither .. nor a link leads out; patterns have no links to resolve.
        if not self.outside and not found.resolve().is_relative_to(root):
            hint = Message("move it below the folder of the configuration, or set outside = true")
            raise DefinitionError(
                Diagnostic(
                    "K803", Message("`{name}` leads out of {root}", name=name, root=root), Place(str(self._file)), hint
                )
            )
        return found


def load(file: Path) -> Config:
    """Return a configuration, or raises DefinitionError with every finding.

    K800 it cannot be read, K801 not TOML, K802 a key that is unknown, missing or wrong, K803 a path that leads out.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or Message("not UTF-8")
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
        # A list of sources that lost its broken ones is called too short: what is wrong with them was said.
        wrong = [one for one in error.errors() if one["type"] != "too_short" or not tree.get("source")]
        raise DefinitionError([_finding(file, text, one) for one in wrong]) from None
    findings: list[Diagnostic] = []
    for number, name in _paths(config):
        try:
            config.path(name)
        except DefinitionError as error:
            place = Place(str(file), _line(text, ("source", number) if number is not None else (), name))
            findings += [Diagnostic(one.code, one.message, place, one.hint) for one in error.diagnostics]
    if findings:
        raise DefinitionError(findings)
    return config


def _paths(config: Config) -> list[tuple[int | None, str]]:
    """Every path in a configuration, with the number of the source it belongs to."""
    some = [config.definitions, config.archive, config.log, config.metrics, config.notify, config.summary]
    some += [config.store.path, config.store.connection_file]
    found: list[tuple[int | None, str]] = [(None, name) for name in some if name is not None]
    for number, source in enumerate(config.source):
        named = [name for names in source.named.values() for name in names]
        files = [name for query in source.query for name in (query.path, query.connection_file) if name is not None]
        yaml = [source.system] if source.system.endswith((".yaml", ".yml")) or "/" in source.system else []
        given = (*source.data, *named, *files, *source.explanations, *source.output, *yaml)
        found += [(number, name) for name in given]
    return found


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
        return Diagnostic("K802", words, place)
    return Diagnostic(
        "K802", Message("`{last}` {words}{words_2}", last=last, words=words[:1].lower(), words_2=words[1:]), place
    )


def _model(path: tuple[Any, ...]) -> type[BaseModel]:
    if "query" in path[:-1]:
        return Query
    tables: dict[Any, type[BaseModel]] = {"store": StoreTable, "source": Source}
    return tables.get(path[0], Config) if len(path) > 1 else Config


def _line(text: str, path: tuple[Any, ...], word: str) -> int:
    """Return the line of a key or value: the first that holds the word, within the table that the path names."""
    start, end = 0, None
    lines = text.splitlines()
    if path[:1] == ("source",) and len(path) > 1 and isinstance(path[1], int):
        heads = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[\s*source\s*\]\]", line)]
        if path[1] < len(heads):
            start = heads[path[1]]
            end = heads[path[1] + 1] if path[1] + 1 < len(heads) else None
    found = (number for number, line in enumerate(lines[start:end], start) if word in line.partition("#")[0])
    return next(found, start) + 1
