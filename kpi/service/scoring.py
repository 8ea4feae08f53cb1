"""The only module of the service in which figures are scored.

A worker keeps the systems that it has loaded, each as long as its files are unchanged.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.batch.config import load as configuration
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, DefinitionError, Diagnostic, KpiError, Message, suggest
from kpi.intake.files.reader import read_all
from kpi.language.loading import catalogue
from kpi.language.loading.loader import Draft, draft
from kpi.language.system import System
from kpi.service.problems import Problem
from kpi.service.settings import Settings
from kpi.session.scorer import Scorer
from kpi.session.scorer import compile as compiled

#: How long (seconds) the list of definitions is kept.
_KEPT = 1.0
#: Files whose rows take at least so many bytes each.
_PLAIN, _SHORTEST = (".csv", ".tsv", ".txt", ".json"), 2


class Upload(Struct, frozen=True):
    """The files of a request, in a folder of their own.

    Attributes:
        folder: the folder.
        files: names of files whose dataset is found by their columns.
        named: names of files by dataset.
        explanations: the name of a file with answers to queries.
        digest: a hash of all parts of the request in their order: field, name of the file and content.
    """

    folder: Path
    files: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    explanations: str | None = None
    digest: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is no file to score."""
        return not self.files and not any(self.named.values())

    def paths(self) -> list[Path]:
        """Return the paths of all files to score."""
        return [self.folder / name for group in (self.files, *self.named.values()) for name in group]


class Systems:
    """The systems that a service knows, by id: those of its batch, then those of the catalogue."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files: dict[str, Path] = {}
        self._listed = -_KEPT
        self._loaded: dict[str, tuple[tuple[object, ...], Scorer]] = {}
        self._drafts: dict[str, tuple[tuple[object, ...], Draft]] = {}

    def files(self) -> Mapping[str, Path]:
        """Return the definition files by id."""
        if time.monotonic() - self._listed > _KEPT:
            folder = self._settings.definitions
            if self._settings.batch is None:
                self._files = catalogue.files(folder)
            else:
                config = configuration(self._settings.batch)
                if folder is None and config.definitions is not None:
                    folder = config.path(config.definitions)
                paths = [source.system for source in config.source if source.system.endswith((".yaml", ".yml"))]
                own = {_id(path): path for path in map(config.path, paths)}
                self._files = {**own, **{name: at for name, at in catalogue.files(folder).items() if name not in own}}
            self._listed = time.monotonic()
        return self._files

    def file(self, name: str) -> Path:
        """Return the definition file of an id, which is never taken for a path; raise DefinitionError K205 without."""
        files = self.files()
        if name not in files:
            raise DefinitionError(
                Diagnostic("K205", Message("there is no system `{name}`", name=name), hint=suggest(name, files))
            )
        return files[name]

    def draft(self, name: str) -> Draft:
        """Return a system as it is read, without the checks of a definition."""
        file = self.file(name)
        stamp = _stamp([file])
        if self._drafts.get(name, ((), None))[0] != stamp:
            self._drafts[name] = stamp, draft(file)
        return self._drafts[name][1]

    def scorer(self, name: str) -> Scorer:
        """Return a compiled system; raise DefinitionError if there is none, or it has errors."""
        file = self.file(name)
        known = self._loaded.get(name)
        if known is not None and known[0] == _stamp(_of_definition(file, known[1].system)):
            return known[1]
        scorer = compiled(file)
        self._loaded[name] = _stamp(_of_definition(file, scorer.system)), scorer
        return scorer


def _id(file: Path) -> str:
    system = draft(file).system
    return file.stem if system is None else system.system


def _of_definition(file: Path, system: System) -> list[Path]:
    """Return the files of a definition that are read when it is loaded."""
    return [file, *(system.home / name for name in system.tables)]


def _stamp(files: list[Path]) -> tuple[object, ...]:
    stamps = []
    for file in files:
        try:
            state = file.stat()
            stamps.append((str(file), state.st_mtime_ns, state.st_size))
        except OSError:
            stamps.append((str(file), 0, 0))
    return tuple(stamps)


def scored(scorer: Scorer, upload: Upload, *, period: str | None, rows: int) -> Scorecard:
    """Return the scorecard of uploaded files, with the names of files as they were sent.

    Args:
        scorer: a compiled system.
        upload: the files.
        period: the only period to score; None for all.
        rows: the most rows that they may have together.

    Raises:
        Problem: K906 (413), if they have more rows.
        KpiError: as `kpi.score`.
    """
    with _as_sent(upload.folder):
        _check_rows(upload, rows)
        card = scorer.score(
            [upload.folder / name for name in upload.files],
            period=period, partly=True,
            data={name: [upload.folder / file for file in files] for name, files in upload.named.items()},
            explanations=None if upload.explanations is None else upload.folder / upload.explanations,
        )  # fmt: skip
    prefix = f"{upload.folder}{os.sep}"
    restated = card.supply.restated
    if restated is not None and restated.height:
        restated = restated.with_columns(pl.col("file").str.strip_prefix(prefix))
        card = replace(card, supply=replace(card.supply, restated=restated))
    return replace(card, findings_list=tuple(_renamed(finding, prefix) for finding in card.findings_list))


def _check_rows(upload: Upload, rows: int) -> None:
    """Count rows where there may be too many; a plain text cannot have more than half its bytes."""
    paths = [path for path in upload.paths() if path.is_file()]
    short = all(path.suffix.lower() in _PLAIN for path in paths)
    if short and sum(path.stat().st_size for path in paths) <= rows * _SHORTEST:
        return
    counted = 0
    for group in read_all(paths, unread=[]):
        for table in group:
            counted += table.frame.select(pl.len()).collect().item()
            if counted > rows:
                message = Message("the files have more than {rows:,} rows", rows=rows)
                hint = Message("send fewer periods or files at once, or have --max-rows raised")
                raise Problem(413, Diagnostic("K906", message, hint=hint))


@contextmanager
def _as_sent(folder: Path) -> Iterator[None]:
    """Name files in errors as they were sent."""
    try:
        yield
    except KpiError as error:
        prefix = f"{folder}{os.sep}"
        kind = DefinitionError if isinstance(error, DefinitionError) else DataError
        raise kind([_renamed(finding, prefix) for finding in error.diagnostics]) from None


def _renamed(finding: Diagnostic, prefix: str) -> Diagnostic:
    file = finding.place.file
    hint = finding.hint
    return replace(
        finding, place=replace(finding.place, file=None if file is None else file.removeprefix(prefix)),
        message=finding.message.without(prefix) if isinstance(finding.message, Message) else finding.message,
        hint=hint.without(prefix) if isinstance(hint, Message) else hint,
    )  # fmt: skip
