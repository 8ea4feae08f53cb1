"""The catalogue: where systems are found by their id, and which one a file is for."""

from __future__ import annotations

import os
from pathlib import Path

from kpi import settings
from kpi.errors import DefinitionError, Diagnostic, suggest
from kpi.loader import Draft, Loaded, draft, examine
from kpi.system import System

ENVIRONMENT = "KPI_DEFINITIONS"


def shipped() -> Path:
    """Returns the folder of the definitions that come with the package."""
    inside = Path(__file__).parent / "definitions"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "definitions"


def folders(given: Path | None = None) -> list[Path]:
    """Returns where systems are looked up: the folder given, KPI_DEFINITIONS, kpi.toml, then what is shipped."""
    found = [given] if given is not None else []
    if place := os.environ.get(ENVIRONMENT):
        found.append(Path(place))
    configured = _configured()
    if configured is not None:
        found.append(configured)
    return list(dict.fromkeys([*found, shipped()]))


def _configured() -> Path | None:
    found = settings.found()
    value = None if found is None else found.tree.get("definitions")
    if found is None or value is None:
        return None
    if not isinstance(value, str):
        raise found.wrong("`definitions` must be the path of a folder", "definitions")
    return found.path(value) if value else None


def files(given: Path | None = None) -> dict[str, Path]:
    """Returns the definition files of the catalogue by id; the first folder that has an id wins."""
    found: dict[str, Path] = {}
    for folder in folders(given):
        for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            found.setdefault(file.stem, file)
    return found


def find(name: str, given: Path | None = None) -> Loaded:
    """Returns the system with an id, or the one in a YAML file, loaded and checked.

    Raises:
        DefinitionError: when there is no such system, or when its definition has errors.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return _usable(examine(name))
    known = files(given)
    if name not in known:
        looked = ", ".join(str(folder) for folder in folders(given))
        hint = suggest(name, known) or (f"what there is: {', '.join(known)}" if known else f"looked in {looked}")
        raise DefinitionError(Diagnostic("K205", f"there is no system `{name}`", hint=hint))
    return _usable(examine(known[name]))


def load(name: str | Path, definitions: str | Path | None = None) -> System:
    """Returns the system with an id, or the one in a YAML file.

    Raises:
        DefinitionError: when there is none, or with every error found in it, each with its line and column.
    """
    system = find(str(name), None if definitions is None else Path(definitions)).system
    assert system is not None  # noqa: S101
    return system


def _usable(loaded: Loaded) -> Loaded:
    if loaded.system is None:
        raise DefinitionError(loaded.findings)
    return loaded


def systems(given: Path | None = None) -> dict[str, Loaded]:
    """Returns every system of the catalogue by id, checked; broken ones have no `system`."""
    return {name: one.checked() for name, one in drafts(given).items()}


def drafts(given: Path | None = None) -> dict[str, Draft]:
    """Returns every system of the catalogue by id, read but not checked, for whoever needs one of them."""
    return {name: draft(path) for name, path in files(given).items()}
