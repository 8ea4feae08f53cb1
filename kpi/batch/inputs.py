"""What a system is scored from: its definition and its data, kept in the archive and laid out from there.

A night never reads the inbox twice. Every file goes into the archive first, under the hash of its content, and what is
scored is the archived copy. So a file that is being replaced meanwhile does no harm, and scoring a past night again is
the very same thing: laying out what its manifest names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from kpi.batch.config import Config, Source
from kpi.batch.store.whole import Archive
from kpi.engine.scorecard import definition_hash
from kpi.errors import DataError, DefinitionError, Diagnostic, Message, Place, readable
from kpi.intake.calendars import version_of
from kpi.intake.entities import Entities
from kpi.intake.files.damage import unchanged
from kpi.intake.files.databases import fetched
from kpi.intake.files.reader import expanded, hash_of_all
from kpi.intake.grid import Panel
from kpi.intake.panel import take_in
from kpi.intake.query_answers import Explanations, explanations
from kpi.language.loading import catalogue
from kpi.language.loading.loader import Loaded, examine
from kpi.language.system import CheckedSystem, System
from kpi.values.periods import Period

_DATA, _DEFINITION = "data", "definition"
_EXPLANATIONS = "explanations"

#: A file of data: its name, the hash of its content, and its dataset, None where its columns tell.
Item = tuple[str, str, str | None]


@dataclass(frozen=True)
class Inputs:
    """Names and hashes: the files of a definition (the YAML first), of its data, each with its dataset or None, and of
    explanations (说明).
    """  # noqa: D205

    system: str
    definition: Mapping[str, str]
    data: tuple[Item, ...]
    explanations: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the inputs as a manifest holds them."""
        data = [{"file": name, "sha256": sha, "dataset": dataset} for name, sha, dataset in self.data]
        said = [{"file": name, "sha256": sha} for name, sha in self.explanations]
        return {
            "definition": dict(self.definition), "main": next(iter(self.definition)), "data": data, _EXPLANATIONS: said
        }  # fmt: skip

    @classmethod
    def of_json(cls, system: str, tree: Mapping[str, Any]) -> Inputs:
        """Return the inputs that a manifest holds."""
        rest = {name: sha for name, sha in tree["definition"].items() if name != tree["main"]}
        data = tuple((one["file"], one["sha256"], one["dataset"]) for one in tree["data"])
        said = tuple((one["file"], one["sha256"]) for one in tree.get(_EXPLANATIONS, ()))
        return cls(system, {tree["main"]: tree["definition"][tree["main"]], **rest}, data, said)

    @property
    def hashes(self) -> set[str]:
        """The hashes of all files."""
        return {
            *self.definition.values(), *(sha for _, sha, _ in self.data), *(sha for _, sha in self.explanations)
        }  # fmt: skip


@dataclass(frozen=True)
class LaidOut:
    """Inputs in a folder, ready to be scored."""

    folder: Path
    system: CheckedSystem
    inputs: Inputs
    archive: Archive
    fingerprint: str

    def checked(self, items: Iterable[Item]) -> dict[str | None, list[str | Path]]:
        """Return data files by their dataset, None where their columns tell, after a look at their content.

        Raises:
            DataError: K814, when the archive has lost a file or a file was changed.
        """
        found: dict[str | None, list[str | Path]] = {}
        for name, sha, dataset in items:
            self.archive.checked(sha)
            found.setdefault(dataset, []).append(self.folder / _DATA / name)
        return found

    def panel(self, items: Iterable[Item] | None = None) -> Panel:
        """Return the figures of some files, or all, read together; findings name files as the configuration does.

        Raises:
            DataError: what `take_in` raises, and K814.
        """
        items = list(self.inputs.data if items is None else items)
        files = self.checked(items)
        named = {dataset: some for dataset, some in files.items() if dataset is not None}
        try:
            panel = take_in(self.system, files.get(None, []), named=named, data_hash=_hash(items))
        except DataError as error:
            raise DataError([self.renamed(one) for one in error.diagnostics]) from None
        restated = panel.restated
        if restated is not None:
            restated = restated.with_columns(pl.col("file").str.strip_prefix(f"{self.folder / _DATA}{os.sep}"))
        return replace(panel, findings=tuple(map(self.renamed, panel.findings)), restated=restated)

    @property
    def data_hash(self) -> str:
        """The hash of the content of all data, as reading them together gives it."""
        return _hash(self.inputs.data)

    def said(self, entities: Entities, periods: Iterable[Period]) -> Explanations:
        """Return what the explanations say; findings and places name files as the configuration does.

        Raises:
            DataError: what `explanations` raises, and K814.
        """
        for _, sha in self.inputs.explanations:
            self.archive.checked(sha)
        files = [self.folder / _EXPLANATIONS / name for name, _ in self.inputs.explanations]
        labels = {one.index(self.system.period): one.label for one in periods}
        try:
            found = explanations(*files, system=self.system, entities=entities, labels=labels)
        except DataError as error:
            raise DataError([self.renamed(one) for one in error.diagnostics]) from None
        found.findings = [self.renamed(one) for one in found.findings]
        found.places = {
            key: self.renamed(Diagnostic("K705", Message("{place}", place=at), at)).place
            for key, at in found.places.items()
        }
        return found

    def renamed(self, finding: Diagnostic) -> Diagnostic:
        """Return a finding whose files have the names that people know: relative to the configuration or definition.

        They stand in its place, and in its words where a figure contradicts one of another file.
        """
        file, message = finding.place.file, finding.message
        for part in (_DATA, _DEFINITION, _EXPLANATIONS):
            folder = f"{self.folder / part}{os.sep}"
            file, message = None if file is None else file.removeprefix(folder), message.without(folder)
        return replace(finding, place=replace(finding.place, file=file), message=message)


def gathered(config: Config, source: Source, archive: Archive) -> Inputs:
    """Return the inputs of a source as they are now, all of them in the archive.

    Raises:
        DefinitionError: when the system cannot be found or used.
        DataError: when a file or database cannot be read.
    """
    loaded = _found(config, source)
    assert loaded.system is not None  # noqa: S101
    definition = {name: archive.keep(path) for name, path in _parts(loaded, loaded.system)}
    data: list[Item] = []
    findings: list[Diagnostic] = []
    said: set[tuple[str, str]] = set()
    given: list[tuple[str, str | None, bool]] = [(name, None, False) for name in source.data]
    given += [(name, dataset, False) for dataset, names in source.named.items() for name in names]
    given += [(name, None, True) for name in source.explanations]
    for name, dataset, explains in given:
        path = config.path(name)
        try:
            # Nobody has explained anything yet where explanations are awaited in a folder.
            awaited = explains and (path.is_dir() or any(mark in name for mark in "*?["))
            for file in _perhaps(path) if awaited else expanded(path):
                config.path(str(file))
                with unchanged([file]):
                    sha = archive.keep(file)
                if explains:
                    said.add((_relative(config, file), sha))
                else:
                    data.append((_relative(config, file), sha, dataset))
        except DataError as error:
            findings += error.diagnostics
        except OSError as error:
            findings.append(
                Diagnostic(
                    "K501", Message("cannot be read: {strerror}", strerror=error.strerror), Place(str(error.filename))
                )
            )
    for number, query in enumerate(source.query):
        name = f"query-{number}.csv"
        try:
            decimal = _decimal(loaded.system, query.dataset, name)
            data.append((name, archive.put(fetched(query, name, config.path, decimal=decimal)), query.dataset))
        except DataError as error:
            findings += error.diagnostics
    if findings:
        raise DataError(findings)
    return Inputs(loaded.system.system, definition, tuple(sorted(set(data), key=str)), tuple(sorted(said)))


def _decimal(system: System, dataset: str | None, name: str) -> str:
    """Return the decimal mark that numbers of a query are written with: that which its dataset declares.

    Raises:
        DataError: K836, when the datasets that the rows may be declare different ones.
    """
    named = [] if dataset is None else [one for key, one in system.datasets.items() if key == dataset]
    marks = {one.decimal for one in named or system.datasets.values()}
    if len(marks) > 1:
        message = Message(
            "the datasets of the system have different decimal marks, and the query does not say which it is"
        )
        raise DataError(Diagnostic("K836", message, Place(name), Message("give the query its `dataset`")))
    return next(iter(marks), ".")


def _perhaps(path: Path) -> list[Path]:
    """Return the files of a folder or pattern, none where there are none."""
    try:
        return expanded(path)
    except DataError:
        return []


def laid_out(inputs: Inputs, archive: Archive, folder: Path) -> LaidOut:
    """Return the inputs as links to the archive in an empty folder, the definition loaded.

    Raises:
        DataError: K814, when the archive has lost a file of the definition or it was changed.
        DefinitionError: when the engine no longer accepts the definition.
    """
    for name, place in [
        *((f"{_DEFINITION}/{name}", archive.checked(sha)) for name, sha in inputs.definition.items()),
        *((f"{_DATA}/{name}", archive.place(sha)) for name, sha, _ in inputs.data),
        *((f"{_EXPLANATIONS}/{name}", archive.place(sha)) for name, sha in inputs.explanations),
    ]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(place.resolve())
    # NOTE: copied, as the loader looks for the other files beside the resolved path.
    main = folder / _DEFINITION / next(iter(inputs.definition))
    text = main.read_bytes()
    main.unlink()
    main.write_bytes(text)
    loaded = examine(main)
    if loaded.system is None:
        raise DefinitionError(loaded.findings)
    beside = sorted(sha for name, sha in inputs.definition.items() if name != main.name)
    # What is counted in working days depends on the calendar.
    known = filter(None, [version_of(loaded.system)])
    fingerprint = "/".join([definition_hash(loaded.system), *beside, *known])
    return LaidOut(folder, loaded.system, inputs, archive, fingerprint)


def _found(config: Config, source: Source) -> Loaded:
    name = source.system
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return catalogue.find(str(config.path(name)))
    return catalogue.find(name, None if config.definitions is None else config.path(config.definitions))


def _parts(loaded: Loaded, system: System) -> Iterator[tuple[str, Path]]:
    """Return the YAML file and every file beside it that the definition names."""
    main = Path(loaded.file)
    yield main.name, main
    named = {text for text in _texts(system.model_dump(mode="json")) if 0 < len(text) < 256 and "\n" not in text}
    named |= {*system.tables}
    for name in sorted(named):
        path = system.home / name
        if path.is_file():
            if not path.resolve().is_relative_to(system.home.resolve()):
                hint = Message("files that a definition names stand in its folder or below")
                raise DefinitionError(
                    Diagnostic(
                        "K804",
                        Message("`{name}` is outside the definition's folder", name=name),
                        Place(loaded.file),
                        hint,
                    )
                )
            yield name, path


def _hash(items: Iterable[Item]) -> str:
    return hash_of_all(sha for _, sha, _ in items)


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for one in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(one)


def _relative(config: Config, file: Path) -> str:
    root = config.file.parent.resolve()
    # A path outside keeps its names, below a folder of its own, so that no two files meet.
    return readable(str(file.relative_to(root)) if file.is_relative_to(root) else "outside" + str(file.resolve()))
