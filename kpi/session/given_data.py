"""The data that callers give: files, frames and queries, some of them by dataset."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, KpiError, Message
from kpi.intake import frames
from kpi.intake.files import named_queries
from kpi.intake.files.sources import Source
from kpi.process import atomic_files


class NamedFile(Struct, frozen=True):
    """The content of a file with its name, such as of an upload, for a function that takes files.

    Attributes:
        name: the name, whose ending says what it may be; folders before it do not count.
        content: its bytes.
    """

    name: str
    content: bytes

    def __post_init__(self) -> None:
        """Raise DataError K556 if the content is no bytes, such as text, or the name is no text."""
        _check_content(self.name, self.content)


def _check_content(name: object, content: object) -> None:
    if not isinstance(name, str):
        message = Message("the name of a file is of the type {type}, not text", type=type(name).__name__)
        raise DataError(Diagnostic("K556", message, hint=Message("kpi.NamedFile takes the name, then the bytes")))
    if not isinstance(content, bytes | bytearray | memoryview):
        message = Message("the content of `{name}` is of the type {type}, not bytes", name=name,
                          type=type(content).__name__)  # fmt: skip
        hint = Message("read the file for bytes, or encode the text: text.encode()")
        raise DataError(Diagnostic("K556", message, hint=hint))


class Files(Struct, frozen=True):
    """What a caller gives, with the contents of files as files of a temporary folder.

    Attributes:
        unnamed: the data without a dataset.
        named: those by dataset.
        folders: the folders that findings do not show.
    """

    unnamed: Any
    named: Any
    folders: tuple[str, ...] = ()

    def card(self, card: Scorecard) -> Scorecard:
        """Return a scorecard that names the files as they were given."""
        if not self.folders:
            return card
        supply, restated = card.supply, card.supply.restated
        if restated is not None and "file" in restated.columns:
            file = pl.col("file")
            for folder in self.folders:
                file = file.str.replace(folder, "", literal=True)
            supply = replace(supply, restated=restated.with_columns(file))
        return replace(card, findings_list=tuple(self.shown(card.findings_list)), supply=supply)

    def shown(self, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Return findings with the names of files as they were given."""
        findings = list(findings)
        for folder in self.folders:
            findings = [finding.without(folder) for finding in findings]
        return findings


@contextmanager
def in_files(unnamed: Any, named: Any) -> Iterator[Files]:
    """Write the contents of files that a caller gives into a temporary folder for the time of the block.

    Raises:
        KpiError: what the block raises, without the folder.
    """
    if not any(map(_is_content, [*_several(unnamed), *_every_named(named)])):
        yield Files(unnamed, named)
        return
    with atomic_files.scratch() as folder:
        folders: list[str] = []

        def placed(data: Any) -> Any:
            if isinstance(data, list | tuple):
                return [placed(item) for item in data]
            if not _is_content(data):
                return data
            own = folder / str(len(folders))
            own.mkdir()
            path = own / (Path(data.name).name or "data")
            path.write_bytes(data.content if isinstance(data, NamedFile) else data.read())
            folders.append(f"{own}/")
            return path

        by_dataset = {name: placed(group) for name, group in named.items()} if isinstance(named, Mapping) else named
        files = Files(placed(unnamed), by_dataset, tuple(folders))
        try:
            yield files
        except KpiError as error:
            raise type(error)(files.shown(error.diagnostics)) from None


def _several(data: Any) -> list[Any]:
    return list(data) if isinstance(data, list | tuple) else [data]


def _every_named(named: Any) -> list[Any]:
    return [item for group in named.values() for item in _several(group)] if isinstance(named, Mapping) else []


def _is_content(data: Any) -> bool:
    """Return whether data are the content of a file: a `NamedFile`, or a file that is open for bytes."""
    return isinstance(data, NamedFile) or (
        isinstance(data, io.BufferedIOBase) and isinstance(getattr(data, "name", None), str)
    )


def no_data() -> Diagnostic:
    """Return the finding (K543) that there is nothing to score."""
    return Diagnostic("K543", Message("there is no data to score"), hint=Message("give files or frames"))


def given_sources(files: Any, data: Any) -> tuple[list[Source], dict[str, list[Source]]]:
    """Return the sources of a caller, with queries executed, and those by dataset."""
    if data is not None and not isinstance(data, Mapping):
        message = Message(
            "`data` is of the type {type}, not a mapping from the names of datasets to data", type=type(data).__name__
        )
        raise DataError(
            Diagnostic(
                "K556", message, hint=Message("give data={{dataset: files}}, or the files as the first argument")
            )
        )
    unnamed = named_queries.every(frames.sources(_with_tables(files, "table")))
    return unnamed, {
        str(name): named_queries.every(frames.sources(_with_tables(group, str(name))))
        for name, group in (data or {}).items()
    }


def _with_tables(data: Any, name: str) -> Any:
    """Return data with the tables of Spark, frames of one of its sessions, that are among them."""
    if isinstance(data, list | tuple):
        # Tables of one name are taken for one table.
        return [_with_tables(item, f"{name} {at}" if at > 1 else name) for at, item in enumerate(data, 1)]
    if type(data).__name__ != "DataFrame" or type(data).__module__.partition(".")[0] != "pyspark":
        return data
    from kpi.warehouse.spark.tables import SparkTable

    return SparkTable(data, name)
