"""The configuration file kpi.toml: the nearest one at or above the working folder, and its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kpi.errors import DefinitionError, Diagnostic, Message, Place

FILE = "kpi.toml"


class Settings(Struct, frozen=True):
    """The content of a configuration file and its path; paths in it are relative to its folder."""

    file: Path
    tree: Mapping[str, Any]

    def path(self, name: str) -> Path:
        """Return a path of the file, made absolute."""
        return self.file.parent / name

    def wrong(
        self, message: Message, word: str = "", hint: Message | None = None, *, table: str = ""
    ) -> DefinitionError:
        """Return the error K108 at the first line that begins with a word, or else has it, not in a comment.

        Only lines of the table `[table]` count, if there is such a header, and its header if none of them has the word.
        """
        lines = [line.partition("#")[0] for line in self.file.read_text("utf-8").splitlines()]
        heads = [number for number, line in enumerate(lines, 1) if re.match(r"\s*\[", line)]
        first = next((number for number in heads if table and _header(lines[number - 1]) == table), None)
        last = len(lines) if first is None else next((number - 1 for number in heads if number > first), len(lines))
        section = list(enumerate(lines, 1))[first or 0 : last]
        patterns = [rf"\s*[\"']?{re.escape(word)}\b", rf".*(?<!\w){re.escape(word)}"] if word else []
        matches = (number for pattern in patterns for number, line in section if re.match(pattern, line))
        return DefinitionError(Diagnostic("K108", message, Place(str(self.file), next(matches, first)), hint))


def _header(line: str) -> str:
    """Return the name of a table in its header, without brackets, quotes and blanks."""
    return re.sub(r"[\[\]\s\"']", "", line)


def nearest() -> Settings | None:
    """Return the nearest configuration file at or above the working folder, None where there is none.

    Raises:
        DefinitionError: K108, when it cannot be read.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        file = folder / FILE
        if file.is_file():
            import tomllib

            try:
                return Settings(file, tomllib.loads(file.read_text("utf-8")))
            except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
                message = Message("the configuration cannot be read: {reason}", reason=error)
                raise DefinitionError(Diagnostic("K108", message, Place(str(file)))) from None
    return None
