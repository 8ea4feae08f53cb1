"""Which files an outside program may name: those in the folders of data and of definitions, whatever links say.

Codes: K940 a path outside of the folders, or a file that a definition names there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kpi.errors import DataError, DefinitionError, Diagnostic, KpiError, Message, suggest
from kpi.intake.files.file_formats import has_known_suffix
from kpi.language.loading import catalogue, positions

#: The keys of definitions that may name files.
_FILES = ("roster", "succession", "calendar", "headings", "file", "table", "from")
_HINT = Message("name a file in one of the folders that this server was given, by its path from there")


class Access(Struct, frozen=True):
    """The folders that may be read.

    Attributes:
        data: the folders of data.
        definitions: the folders in which systems are looked up, before those that come with the package.
    """

    data: tuple[Path, ...]
    definitions: tuple[Path, ...]

    def files(self, names: list[str]) -> list[Path]:
        """Return the files of data with some names, paths from a folder of data; a folder stands for its files.

        Raises:
            DataError: K940, a path leads out of the folders; K501, there is no such file.
        """
        return [file for name in names for file in self._named(name)]

    def _named(self, name: str) -> list[Path]:
        plain, _, sheet = name.partition("#")
        for folder in self.data:
            path = folder / plain
            if not _inside(path, folder):
                raise DataError(_outside(name))
            if path.is_dir():
                return [item for item in sorted(path.iterdir()) if _is_data(item) and _inside(item, folder)]
            if path.is_file():
                return [path.with_name(f"{path.name}#{sheet}") if sheet else path]
        known = [name for name, _ in self.listed()]
        raise DataError(Diagnostic("K501", Message("there is no file `{file}`", file=name), hint=suggest(name, known)))

    def listed(self) -> Iterator[tuple[str, int]]:
        """Yield the files of data, by their paths from a folder of data, with their sizes in bytes."""
        for folder in self.data:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and _is_data(path) and _inside(path, folder):
                    yield path.relative_to(folder).as_posix(), path.stat().st_size

    def systems(self) -> dict[str, Path]:
        """Return the files of definitions by the ids of their systems; the first folder that has an id wins."""
        by_id: dict[str, Path] = {}
        for folder in (*self.definitions, catalogue.shipped()):
            for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
                if _inside(file, folder):
                    by_id.setdefault(file.stem, file)
        return by_id

    def system(self, name: str) -> Path:
        """Return the file of a system, after looking at the files that it names.

        Raises:
            DefinitionError: K205, there is no such system; K940, it names a file outside of its folder.
        """
        known = self.systems()
        if name not in known:
            raise DefinitionError(
                Diagnostic(
                    "K205", Message("there is no system `{name}`", name=name),
                    hint=suggest(name, known) or Message("what there is: {names}", names=tuple(known)),
                )
            )  # fmt: skip
        self.examine(known[name].read_text("utf-8-sig", errors="replace"), known[name].parent)
        return known[name]

    def examine(self, text: str, folder: Path) -> None:
        """Refuse a definition that names files outside of a folder.

        Raises:
            DefinitionError: K940.
        """
        tree = positions.read(text, "<text>").data
        wrong = [name for name in _file_names(tree) if not _inside(folder / name.partition("#")[0], folder)]
        if wrong:
            raise DefinitionError(_outside(name) for name in wrong)

    def scored_by(self, system: str | None) -> Path | None:
        """Return the file of a system, None for one that the data name or that alone fits.

        Raises:
            KpiError: as `system`; K543, if none is named and there are several.
        """
        if system is not None:
            return self.system(system)
        own = [file for file in self.systems().values() if file.parent in self.definitions]
        if len(own) == 1:
            return self.system(own[0].stem)
        raise KpiError(
            Diagnostic(
                "K543", Message("say which system is meant"),
                hint=Message("what there is: {names}", names=tuple(self.systems())),
            )
        )  # fmt: skip


def _is_data(path: Path) -> bool:
    return not path.name.startswith((".", "~$")) and has_known_suffix(path.name)


def _inside(path: Path, folder: Path) -> bool:
    """Return whether a path, with all links followed, is in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a null character
        return False


def _outside(name: str) -> Diagnostic:
    return Diagnostic("K940", Message("`{path}` is outside of the folders that may be read", path=name), hint=_HINT)


def _file_names(tree: Any) -> Iterator[str]:
    """Yield every text of a definition that may be the name of a file."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key in _FILES:
                yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))
            yield from _file_names(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _file_names(value)
