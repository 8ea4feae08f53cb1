"""The catalogue: where systems are looked up by id or file.

Ids are looked up in the given folder, in that of KPI_DEFINITIONS, in that of kpi.toml or, if it names none, in the
working folder, and then in the shipped folder. A working folder may hold any YAML: only files with a top-level `system`
count there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kpi.errors import DefinitionError, Diagnostic, Message, suggest
from kpi.language.loading.loader import Draft, Loaded, draft, examine, examine_mapping, examine_system, examine_text
from kpi.language.loading.ossie_reader import SUFFIX, examine_document
from kpi.language.system import System
from kpi.process import settings
from kpi.values.patterns import regex

ENVIRONMENT = "KPI_DEFINITIONS"

#: The line of a file that makes it a definition, however its colon and its quotes are written.
_SYSTEM = re.compile(rb"""^(?:\xef\xbb\xbf)?(?:\{[ \t]*)?["']?system["']?[ \t]*(?::|\xef\xbc\x9a)""", re.MULTILINE)
_TOP = regex(r"""^\ufeff?(?:\{[ \t]*)?["']?system["']?[ \t]*[:：][ \t]*["']?([\w.-]+)""", re.MULTILINE)


def shipped() -> Path:
    """Return the folder of the definitions that come with the package."""
    package = Path(__file__).parents[2]
    inside = package / "definitions"
    return inside if inside.is_dir() else package.parent / "definitions"


def folders(given: Path | None = None) -> list[Path]:
    """Return where systems are looked up, in this order; the working folder is the relative path without a name."""
    candidates = [given] if given is not None else []
    if place := os.environ.get(ENVIRONMENT):
        candidates.append(Path(place))
    configured = _configured()
    if configured is not None:
        candidates.append(configured)
    unique = {item.resolve(): item for item in reversed([*candidates, shipped()])}
    return list(reversed(unique.values()))


def _configured() -> Path | None:
    """Return the folder that kpi.toml names, the working folder where it names none, None where it names ""."""
    configuration = settings.nearest()
    value = None if configuration is None else configuration.tree.get("definitions")
    if configuration is None or value is None:
        return Path()
    if not isinstance(value, str):
        raise configuration.wrong(Message("`definitions` must be the path of a folder"), "definitions")
    return configuration.path(value) if value else None


def files(given: Path | None = None) -> dict[str, Path]:
    """Return the definition files of the catalogue by id; the first folder that has an id wins."""
    by_id: dict[str, Path] = {}
    for _, file in _files(given):
        by_id.setdefault(file.stem, file)
    return by_id


def _files(given: Path | None) -> Iterator[tuple[Path, Path]]:
    """Yield every definition file with the folder of the catalogue that it is in, in the order of looking up."""
    for folder in folders(given):
        for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            if folder != Path() or _is_definition(file):
                yield folder, file


def _is_definition(file: Path) -> bool:
    """Return whether a YAML file has a top-level `system`; one that cannot be read is none."""
    try:
        return file.is_file() and _SYSTEM.search(file.read_bytes()) is not None
    except OSError:
        return False


def find(name: str, given: Path | None = None) -> Loaded:
    """Return the system with an id, or the one in a YAML file or an Ossie document, loaded and checked.

    In the working folder the id may also be that in the file, `system: demo`, rather than its name.

    Raises:
        DefinitionError: when there is no such system, or when its definition has errors.
    """
    if name.endswith(SUFFIX):
        return _usable(examine_document(name))
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return _usable(examine(name))
    known = files(given)
    file = known.get(name) or next(
        (item for item in known.values() if item.parent == Path() and _id(item) == name), None
    )
    if file is None:
        hint = suggest(name, known) or (
            Message("what there is: {names}", names=tuple(known))
            if known
            else Message("looked in {folders}", folders=tuple(map(str, folders(given))))
        )
        raise DefinitionError(Diagnostic("K205", Message("there is no system `{name}`", name=name), hint=hint))
    return _usable(examine(file))


def _id(file: Path) -> str | None:
    match = _TOP.search(file.read_text("utf-8", errors="replace"))
    return match[1] if match else None


def resolve(system: Any, given: Path | None = None) -> Loaded:
    """Return a system that is given in any way, loaded and checked: see `load`.

    Raises:
        DefinitionError: as for `load`.
    """
    if isinstance(system, System):
        return _usable(examine_system(system))
    if isinstance(system, Mapping):
        return _usable(examine_mapping(system, folder=Path.cwd()))
    if isinstance(system, str) and ("\n" in system or system.lstrip().startswith("{")):
        return _usable(examine_text(system, folder=Path.cwd()))
    if isinstance(system, str | os.PathLike) and os.fspath(system):
        return find(os.fspath(system), given)
    message = (
        Message("{type} is no system", type=type(system).__name__)
        if not isinstance(system, str)
        else Message("the name of the system is empty")
    )
    hint = Message("give an id, the path of a YAML file, its text, a mapping, or a System")
    raise DefinitionError(Diagnostic("K116", message, hint=hint))


def load(source: str | Path | Mapping[str, Any] | System, definitions: str | Path | None = None) -> System:
    """Return a checked system, which can be scored.

    Args:
        source: an id of the catalogue, the path of a YAML file, its text (of several lines, or in braces), a mapping of
            what it would say, or a `System` that was put together in Python. Files that a text or a mapping names are
            looked for in the working folder.
        definitions: a folder in which ids are looked up first.

    Raises:
        DefinitionError: when there is none, or with every error found in it, each with its line and column, or for a
            mapping with the keys that lead to it.
    """
    system = resolve(source, None if definitions is None else Path(definitions)).system
    assert system is not None  # noqa: S101
    return system


def _usable(loaded: Loaded) -> Loaded:
    if loaded.system is None:
        raise DefinitionError(loaded.findings)
    return loaded


def systems(given: Path | None = None) -> dict[str, Loaded]:
    """Return every system of the catalogue by id, checked; broken ones have no `system`."""
    return {name: item.checked() for name, item in drafts(given).items()}


def drafts(given: Path | None = None) -> dict[str, Draft]:
    """Return every system of the catalogue by id, parsed but not checked."""
    return {name: draft(path) for name, path in files(given).items()}


def by_folder(given: Path | None = None) -> list[list[Path]]:
    """Return the definition files of the catalogue by folder, in the order of looking up, each id once."""
    groups: dict[Path, list[Path]] = {}
    seen: set[str] = set()
    for folder, file in _files(given):
        if file.stem not in seen:
            seen.add(file.stem)
            groups.setdefault(folder, []).append(file)
    return list(groups.values())
