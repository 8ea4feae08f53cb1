"""The system by which data are scored: the one asked for, the one that the data name, or the only one that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import DefinitionError, Diagnostic, Message, Place, Severity, suggest
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.reader import read_all
from kpi.intake.files.sources import Source
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import fitting, is_named, measure_names, measure_of, panel_columns, systems_named
from kpi.intake.matching.labels import by_labels
from kpi.intake.shapes.tables import shaped
from kpi.language.loading import catalogue
from kpi.language.loading.loader import Draft, Loaded, draft
from kpi.language.system import System
from kpi.session.given_data import given_sources

#: A system or its name, see `kpi.load`.
Given = str | Path | Mapping[str, Any] | System


def system_for(files: Any, *, definitions: str | Path | None = None) -> System:
    """Return the system that files name, or that alone fits them: the one by which `score` scores them.

    Raises:
        DefinitionError: none does, or several do.
        DataError: files cannot be read.
    """
    items, named = given_sources(files, None)
    every = [*items, *(item for group in named.values() for item in group)]
    result = chosen_system(None, every, None if definitions is None else Path(definitions), partly=True).system
    assert result is not None  # noqa: S101
    return result


def chosen_system(system: Given | None, data: Sequence[Source], folder: Path | None, *, partly: bool) -> Loaded:
    """Return the requested system, the one that the data name, or the only one that matches them."""
    if system is not None:
        return catalogue.resolve(system, folder)
    # A folder of the catalogue is read if nothing before it matches.
    groups = [_Drafts(group) for group in catalogue.by_folder(folder)]
    try:
        chosen = matching_system(data, groups, partly=partly)
    except DefinitionError as error:
        broken = [
            finding for item in _broken(groups) for finding in item.findings if finding.severity is Severity.ERROR
        ]
        if not broken:
            raise
        raise DefinitionError([*error.diagnostics, *broken]) from None
    if _comes_with_the_program(Path(chosen.file)) and (broken_files := _broken(groups)):
        names = tuple(f"`{item.file}`" for item in broken_files)
        name = "" if chosen.system is None else chosen.system.system
        message = Message(
            "{files} has errors and is passed over: the data are scored by `{system}`, which comes with the program",
            files=names, system=name,
        )  # fmt: skip
        hint = Message("look with `kpi check {file}`, or name a system with --system", file=broken_files[0].file)
        note = Diagnostic("K206", message, Place(broken_files[0].file), hint, Severity.WARNING)
        chosen = replace(chosen, findings=(*chosen.findings, note))
    return chosen


def _comes_with_the_program(file: Path) -> bool:
    return file.parent.resolve() == catalogue.shipped().resolve()


def _broken(groups: Iterable[_Drafts]) -> list[Loaded]:
    """Return the definitions with errors of the folders that do not come with the program."""
    own = (group for group in groups if not group.shipped)
    return [item for group in own for item in (draft.checked() for draft in group) if item.system is None]


class _Drafts(Sequence[Draft]):
    """The definitions of a folder, read on first access."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    @property
    def shipped(self) -> bool:
        """Whether the folder is that of the definitions that come with the package."""
        return bool(self._files) and _comes_with_the_program(self._files[0])

    @cached_property
    def _read(self) -> list[Draft]:
        return [draft(file) for file in self._files]

    def __getitem__(self, at: Any) -> Any:
        return self._read[at]

    def __len__(self) -> int:
        return len(self._files)


def matching_system(data: Sequence[Source], groups: Sequence[Sequence[Draft | Loaded]], *, partly: bool) -> Loaded:
    """Return the system that the data name, or the only match, of the first group that has one."""
    # Malformed rows may be the reason that no system matches unchecked tables.
    with suppress(DefinitionError, pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        if (chosen := _chosen(data, groups, unchecked=True, partly=partly)) is not None:
            return chosen
    chosen = _chosen(data, groups, unchecked=False, partly=partly)
    assert chosen is not None  # noqa: S101
    return chosen


def _chosen(
    data: Sequence[Source], groups: Sequence[Sequence[Draft | Loaded]], *, unchecked: bool, partly: bool
) -> Loaded | None:
    """Return the system that the data name, or that alone fits them; large files may be left unchecked.

    None where a large file that is unchecked names systems: its rows have to be checked first. With `partly`, what is
    wrong with a file that cannot be read is reported when all are taken in.
    """
    unread: list[Diagnostic] | None = [] if partly else None
    tables = [table for group in read_all(data, unchecked=unchecked, unread=unread) for table in group]
    if any(table.pieces is not None and systems_named(table) for table in tables):
        return None
    # To check them all takes as long as to read them all, and only those that may be meant matter.
    named = sorted({text for table in tables for text in systems_named(table)})
    chosen = _first(groups, partial(_named, named)) if named else []
    by_name = bool(chosen)
    if not chosen:
        chosen = _first(groups, partial(_fitting, tables))
    if len(chosen) == 1:
        return chosen[0]
    if not chosen and any(table.pieces is not None for table in tables):
        return None
    if not chosen:
        known = [item.system.system for group in groups for draft in group for item in _usable([draft]) if item.system]
        choice = (
            Message("say which with --system; there is {systems}", systems=tuple(known))
            if known
            else Message("say which with --system; there is none")
        )
        hint = next(filter(None, (suggest(text, known) for text in named)), choice)
        unknown = (
            Message("`{name}`, which the files name, is not a system", name=named[0])
            if named
            else Message("no system fits the files")
        )
        raise DefinitionError(Diagnostic("K206", unknown, hint=hint))
    names = tuple(loaded.system.system for loaded in chosen if loaded.system)
    several = (
        Message("several systems are named in the files: {systems}", systems=names)
        if by_name
        else Message("several systems fit the files: {systems}", systems=names)
    )
    raise DefinitionError(Diagnostic("K206", several, hint=Message("say which with --system")))


def _first(
    groups: Sequence[Sequence[Draft | Loaded]], chosen: Callable[[Sequence[Draft | Loaded]], list[Loaded]]
) -> list[Loaded]:
    """Return the systems selected from the first group that has any: folders are searched in order."""
    return next(filter(None, map(chosen, groups)), [])


def _named(texts: Sequence[str], group: Sequence[Draft | Loaded]) -> list[Loaded]:
    """Return the systems of a group with an id or title among some texts."""
    return _usable(loaded for loaded in group if loaded.system and any(is_named(loaded.system, text) for text in texts))


def _usable(drafts: Iterable[Draft | Loaded]) -> list[Loaded]:
    """Return the systems without errors."""
    examined = (draft if isinstance(draft, Loaded) else draft.checked() for draft in drafts)
    return [loaded for loaded in examined if loaded.system]


def _fitting(tables: Sequence[Table], drafts: Sequence[Draft | Loaded]) -> list[Loaded]:
    """Return the systems that fit all tables and use the most of their figures, as systems share some (办件总量).

    A sheet that fits none, such as one of remarks, decides nothing where others do: it is reported when it is read.
    """
    looked_at: dict[tuple[int, str], list[str]] = {}

    def texts(at: int, header: str) -> list[str]:
        if (at, header) not in looked_at:
            looked_at[at, header] = _texts(tables[at], header)
        return looked_at[at, header]

    usable = [(candidate, candidate.system) for candidate in drafts if candidate.system]
    figures = [[fits(system, table, partial(texts, at)) for at, table in enumerate(tables)] for _, system in usable]
    needed = [at for at, table in enumerate(tables) if table.sheet is None or any(counts[at] for counts in figures)]
    fit: dict[int, list[Draft | Loaded]] = {}
    for (candidate, _), counts in zip(usable, figures, strict=True):
        number = sum(counts) if needed and all(counts[at] for at in needed) else 0
        fit.setdefault(number, []).append(candidate)
    return next(filter(None, (_usable(fit[many]) for many in sorted(fit, reverse=True) if many)), [])


def _texts(table: Table, header: str) -> list[str]:
    """Return the distinct texts of a column; this also checks the rows of an unchecked table."""
    column = as_text(header)
    if table.pieces is None:
        distinct = table.frame.select(column).group_by(pl.all()).len().collect().to_series()
    else:
        texts = table.pieces.map(lambda piece: piece.scan().select(column).collect().unique())
        distinct = pl.concat(texts).to_series().unique()
    return distinct.drop_nulls().to_list()


def fits(system: System, table: Table, texts: Callable[[str], list[str]]) -> int:
    """Return the number of figures of a table that the system uses, 0 if the table matches no dataset of it.

    Args:
        system: the system.
        table: the table.
        texts: returns the distinct texts of a column.
    """
    labelled = by_labels(system, table)
    if labelled is None:
        return 0
    if labelled[0] is not table:
        table = labelled[0]
        texts = partial(_texts, table)
    shape = shaped(system, table)
    turned = None if shape is None else shape[0]
    if turned is None:
        return 0
    if turned.origin is not None or turned.roles:
        texts = partial(_texts, turned)
    source = fitting(system, turned, texts)
    if source is None:
        return 0
    if not source.dataset.long:
        return max(1, len(panel_columns(system, turned)))
    names = measure_names(system)
    return sum(measure_of(names, text)[0] is not None for text in texts(source.roles["measure"]))
