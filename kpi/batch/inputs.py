"""The inputs of a system, definition and data: archived first, then laid out from the archive.

A run reads the inbox once. Every file is archived under the hash of its content, and the archived copy is scored.
Replacing a file during the run is therefore harmless, and a past run is repeated by laying out the files of its
manifest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.batch.config import Config, Source
from kpi.batch.remote_tables import opened, packed, unpacked
from kpi.batch.store.whole import Archive
from kpi.engine.scorecard import definition_hash
from kpi.errors import DataError, DefinitionError, Diagnostic, Message, Place, readable
from kpi.intake.calendars import version_of
from kpi.intake.entities import Entities
from kpi.intake.files.contents import hash_of_all
from kpi.intake.files.damage import unchanged
from kpi.intake.files.databases import fetched
from kpi.intake.files.remote import Remote
from kpi.intake.files.sources import expanded, sheet_named
from kpi.intake.grid import Panel
from kpi.intake.panel import take_in
from kpi.intake.query_answers import Explanations, explanations
from kpi.language.loading import catalogue
from kpi.language.loading.loader import Loaded, examine
from kpi.language.system import CheckedSystem, System
from kpi.process import atomic_files
from kpi.process.os_errors import reason
from kpi.values.periods import Period

_DATA, _DEFINITION = "data", "definition"
_EXPLANATIONS = "explanations"

#: A file of data: its name, the hash of its content, and its dataset, None if its columns determine it.
Item = tuple[str, str, str | None]


class Inputs(Struct, frozen=True):
    """Names and hashes of the input files of a system.

    `definition` has the YAML first, `data` each file with its dataset or None, `explanations` (说明) the answers to
    findings. `tables` are those elsewhere, each with its dataset, and `figures` the hash of what they and the files
    came to, see `remote_tables`.
    """

    system: str
    definition: Mapping[str, str]
    data: tuple[Item, ...]
    explanations: tuple[tuple[str, str], ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    figures: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the inputs in the format of a manifest."""
        data = [{"file": name, "sha256": sha, "dataset": dataset} for name, sha, dataset in self.data]
        explanations = [{"file": name, "sha256": sha} for name, sha in self.explanations]
        return {
            "definition": dict(self.definition), "main": next(iter(self.definition)), "data": data,
            _EXPLANATIONS: explanations, **self._elsewhere(),
        }  # fmt: skip

    def _elsewhere(self) -> dict[str, Any]:
        return {} if self.figures is None else {"tables": dict(self.tables), "figures": self.figures}

    @classmethod
    def of_json(cls, system: str, tree: Mapping[str, Any]) -> Inputs:
        """Return the inputs of a manifest."""
        rest = {name: sha for name, sha in tree["definition"].items() if name != tree["main"]}
        data = tuple((entry["file"], entry["sha256"], entry["dataset"]) for entry in tree["data"])
        explanations = tuple((entry["file"], entry["sha256"]) for entry in tree.get(_EXPLANATIONS, ()))
        definition = {tree["main"]: tree["definition"][tree["main"]], **rest}
        tables = tuple(tree.get("tables", {}).items())
        return cls(system, definition, data, explanations, tables, tree.get("figures"))

    @property
    def hashes(self) -> set[str]:
        """The hashes of all files."""
        return {
            *self.definition.values(), *(sha for _, sha, _ in self.data), *(sha for _, sha in self.explanations),
            *filter(None, [self.figures]),
        }  # fmt: skip


class LaidOut(Struct, frozen=True):
    """Inputs in a folder, ready to be scored."""

    folder: Path
    system: CheckedSystem
    inputs: Inputs
    archive: Archive
    fingerprint: str

    def checked(self, items: Iterable[Item]) -> dict[str | None, list[str | Path]]:
        """Return data files by dataset, None if their columns determine it, after verifying their content.

        Raises:
            DataError: K814, if a file of the archive is missing or changed.
        """
        by_dataset: dict[str | None, list[str | Path]] = {}
        for name, sha, dataset in items:
            self.archive.checked(sha)
            by_dataset.setdefault(dataset, []).append(self.folder / _DATA / name)
        return by_dataset

    def panel(
        self, items: Iterable[Item] | None = None, tables: Mapping[str, Remote] | None = None
    ) -> Panel:  # fmt: skip
        """Return the figures of some or all files, read together; findings use the configured names of files.

        Where tables elsewhere are among the inputs, these are the archived figures of all.

        Args:
            items: the files, None for all.
            tables: tables elsewhere by dataset, to be aggregated now.

        Raises:
            DataError: as `take_in`, K814, and as `remote_tables.unpacked`.
        """
        if self.inputs.figures is not None:
            file = self.archive.checked(self.inputs.figures)
            return unpacked(file, self.system, self.fingerprint, self.data_hash)
        items = list(self.inputs.data if items is None else items)
        files = self.checked(items)
        named: dict[str, list[Any]] = {dataset: [*paths] for dataset, paths in files.items() if dataset is not None}
        for dataset, table in (tables or {}).items():
            named.setdefault(dataset, []).append(table)
        try:
            panel = take_in(self.system, files.get(None, []), named=named, data_hash=_hash(items))
        except DataError as error:
            raise DataError([self.renamed(finding) for finding in error.diagnostics]) from None
        restated = panel.restated
        if restated is not None:
            restated = restated.with_columns(pl.col("file").str.strip_prefix(f"{self.folder / _DATA}{os.sep}"))
        return replace(panel, findings=tuple(map(self.renamed, panel.findings)), restated=restated)

    @property
    def data_hash(self) -> str:
        """The hash of the content of all data, equal to that of reading them together."""
        if self.inputs.figures is not None:
            return hash_of_all([*(sha for _, sha, _ in self.inputs.data), self.inputs.figures])
        return _hash(self.inputs.data)

    def explanations(self, entities: Entities, periods: Iterable[Period]) -> Explanations:
        """Return the explanations; findings and places use the configured names of files.

        Raises:
            DataError: as `query_answers.explanations`, and K814.
        """
        for _, sha in self.inputs.explanations:
            self.archive.checked(sha)
        files = [self.folder / _EXPLANATIONS / name for name, _ in self.inputs.explanations]
        labels = {period.index(self.system.period): period.label for period in periods}
        try:
            answers = explanations(*files, system=self.system, entities=entities, labels=labels)
        except DataError as error:
            raise DataError([self.renamed(finding) for finding in error.diagnostics]) from None
        answers.findings = [self.renamed(finding) for finding in answers.findings]
        answers.places = {
            key: self.renamed(Diagnostic("K705", Message("{place}", place=at), at)).place
            for key, at in answers.places.items()
        }
        return answers

    def renamed(self, finding: Diagnostic) -> Diagnostic:
        """Return a finding with the names of files that users know: relative to the configuration or definition.

        Names occur in its place, and in its message if a figure contradicts one of another file.
        """
        file, message = finding.place.file, finding.message
        for part in (_DATA, _DEFINITION, _EXPLANATIONS):
            folder = f"{self.folder / part}{os.sep}"
            file, message = None if file is None else file.removeprefix(folder), message.without(folder)
        return replace(finding, place=replace(finding.place, file=file), message=message)


def gathered(config: Config, source: Source, archive: Archive) -> Inputs:
    """Return the current inputs of a source, all of them archived.

    Raises:
        DefinitionError: if the system cannot be found or used.
        DataError: if a file or database cannot be read.
    """
    loaded = _located(config, source)
    assert loaded.system is not None  # noqa: S101
    definition = {name: archive.keep(path) for name, path in _parts(loaded, loaded.system)}
    data: list[Item] = []
    findings: list[Diagnostic] = []
    explanations: set[tuple[str, str]] = set()
    requested: list[tuple[str, str | None, bool]] = [(name, None, False) for name in source.data]
    requested += [(name, dataset, False) for dataset, names in source.named.items() for name in names]
    requested += [(name, None, True) for name in source.explanations]
    for name, dataset, explains in requested:
        path = config.path(name)
        try:
            if sheet_named(path)[1] is not None:
                message = Message(
                    "a batch reads whole files, so the sheet behind `{name}` cannot be chosen here", name=name
                )
                hint = Message("name the sheet in the definition, under `datasets:`: `sheet: {sheet}`",
                               sheet=sheet_named(path)[1])  # fmt: skip
                findings.append(Diagnostic("K539", message, Place(name), hint))
                continue
            # A folder of explanations may still be empty or missing.
            awaited = explains and (path.is_dir() or any(mark in name for mark in "*?["))
            for file in _existing(path) if awaited else expanded(path):
                config.path(str(file))
                with unchanged([file]):
                    sha = archive.keep(file)
                if explains:
                    explanations.add((_relative(config, file), sha))
                else:
                    data.append((_relative(config, file), sha, dataset))
        except DataError as error:
            findings += error.diagnostics
        except OSError as error:
            findings.append(
                Diagnostic(
                    "K501", Message("cannot be read: {strerror}", strerror=reason(error)), Place(str(error.filename))
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
    inputs = Inputs(loaded.system.system, definition, tuple(sorted(set(data), key=str)), tuple(sorted(explanations)))
    return inputs if source.warehouse is None and source.spark is None else _measured(config, source, inputs, archive)


def _measured(config: Config, source: Source, inputs: Inputs, archive: Archive) -> Inputs:
    """Return inputs with the figures of all files and of the tables elsewhere, computed now and archived."""
    with atomic_files.scratch() as folder:
        laid = laid_out(inputs, archive, folder)
        with opened(config, source, laid.system) as tables:
            panel = laid.panel(tables=tables)
            names = tuple(sorted((dataset, _named(config, table.name)) for dataset, table in tables.items()))
        figures = archive.put(packed(panel, laid.fingerprint, config.file.parent.resolve()))
    return replace(inputs, tables=names, figures=figures)


def _named(config: Config, table: str) -> str:
    return table.replace(f"{config.file.parent.resolve()}{os.sep}", "")


def _decimal(system: System, dataset: str | None, name: str) -> str:
    """Return the decimal mark of the numbers of a query, as declared by its dataset.

    Raises:
        DataError: K836, if the candidate datasets declare different marks.
    """
    named_datasets = (
        [] if dataset is None else [dataset_of for key, dataset_of in system.datasets.items() if key == dataset]
    )
    marks = {dataset_of.decimal for dataset_of in named_datasets or system.datasets.values()}
    if len(marks) > 1:
        message = Message(
            "the datasets of the system have different decimal marks, and the query does not say which it is"
        )
        raise DataError(Diagnostic("K836", message, Place(name), Message("give the query its `dataset`")))
    return next(iter(marks), ".")


def _existing(path: Path) -> list[Path]:
    """Return the files of a folder or pattern, none if it does not exist."""
    try:
        return expanded(path)
    except DataError:
        return []


def laid_out(inputs: Inputs, archive: Archive, folder: Path) -> LaidOut:
    """Lay the inputs out in an empty folder, as links to the archive, and load the definition.

    Raises:
        DataError: K814, if a file of the definition is missing from the archive or changed.
        DefinitionError: if the engine does not accept the definition any more.
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
    # Counts of working days depend on the calendar.
    known = filter(None, [version_of(loaded.system)])
    fingerprint = "/".join([definition_hash(loaded.system), *beside, *known])
    laid = LaidOut(folder, loaded.system, inputs, archive, fingerprint)
    warnings = tuple(map(laid.renamed, loaded.system.warnings))
    return replace(laid, system=CheckedSystem.of(loaded.system, warnings))


def _located(config: Config, source: Source) -> Loaded:
    name = source.system
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return catalogue.find(str(config.path(name)))
    return catalogue.find(name, None if config.definitions is None else config.path(config.definitions))


def _parts(loaded: Loaded, system: System) -> Iterator[tuple[str, Path]]:
    """Return the YAML file and the files beside it that the definition refers to."""
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
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(item)


def _relative(config: Config, file: Path) -> str:
    root = config.file.parent.resolve()
    # A path outside keeps its parts below a separate folder, so that names do not collide.
    return readable(str(file.relative_to(root)) if file.is_relative_to(root) else "outside" + str(file.resolve()))
