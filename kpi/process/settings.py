"""The configuration file kpi.toml: the nearest one at or above the working folder, and its content."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpi.errors import DefinitionError, Diagnostic, Message, Place

FILE = "kpi.toml"


@dataclass(frozen=True)
class Settings:
    """The content of a configuration file and its path; paths in it are relative to its folder."""

    file: Path
    tree: Mapping[str, Any]

    def path(self, name: str) -> Path:
        """Return a path of the file, made absolute."""
        return self.file.parent / name

    def wrong(self, message: Message, word: str = "", hint: Message | None = None) -> DefinitionError:
        """Return the error K108 at the first line that holds a word."""
        lines = self.file.read_text("utf-8").splitlines()
        matches = (
            number for number, line in enumerate(lines, 1) if word and re.search(rf"(?<!\w){re.escape(word)}", line)
        )
        return DefinitionError(Diagnostic("K108", message, Place(str(self.file), next(matches, None)), hint))


def nearest() -> Settings | None:
    """Return the nearest configuration file at or above the working folder, None where there is none.

    Raises:
        DefinitionError: K108, when it cannot be read.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        file = folder / FILE
        if file.is_file():
            try:
                return Settings(file, tomllib.loads(file.read_text("utf-8")))
            except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
                message = Message("the configuration cannot be read: {reason}", reason=error)
                raise DefinitionError(Diagnostic("K108", message, Place(str(file)))) from None
    return None
