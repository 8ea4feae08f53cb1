"""Files of formats that extensions read, known by their suffix: an extension gives a frame, or several by sheet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl

from kpi.errors import Message, Place
from kpi.process import extensions
from kpi.process.extensions import Extension

Frame = pl.DataFrame | pl.LazyFrame

#: Suffixes of files that are unpacked before their format is looked for.
_PACKED = (".gz", ".zst")


def extension_of(name: str, built_in: Collection[str]) -> Extension | None:
    """Return the extension that reads files of a name, None where the suffix is built in or nobody's.

    Raises:
        DataError: K932, if several distributions read the suffix.
    """
    suffix = Path(name).suffix.lower()
    if len(suffix) < 2 or suffix in built_in or suffix in _PACKED:
        return None
    return extensions.named("readers", suffix[1:])


def frames_of(extension: Extension, path: Path, place: Place) -> dict[str | None, Frame]:
    """Return what an extension reads from a file: the frames by the names of their sheets, None for the only one.

    Raises:
        DataError: K930 to K933, if the extension cannot be used or fails; what it raises itself as such.
    """
    read = extension.load()
    if not callable(read):
        raise extension.unfit(Message("it is no function of a path"))
    with extension.at_work(place):
        answer = read(path)
    if isinstance(answer, Frame):
        return {None: answer}
    if isinstance(answer, Mapping) and answer and all(isinstance(item, Frame) for item in answer.values()):
        return {str(name): frame for name, frame in answer.items()}
    raise extension.unfit(Message("it returned {type}, no frame of Polars", type=type(answer).__name__))
