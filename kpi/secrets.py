"""Where passwords come from, and how they stay out of everything that is written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Place

_PASSWORD = re.compile(r"(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)|(://[^:/@\s]*:)([^@\s]+)(@)")


def connection(*, env: str | None = None, file: Path | None = None) -> str:
    """Returns the connection string in a variable of the environment, or in a file that only its owner may read.

    Raises:
        DataError: K815, when it is not there, or others may read the file. The message never holds the string.
    """
    if env is not None:
        if not (text := os.environ.get(env)):
            hint = f"set {env} to postgresql://user:password@host/database"
            raise DataError(Diagnostic("K815", f"the variable {env} is not set", hint=hint))
        return text
    assert file is not None  # noqa: S101
    place = Place(str(file))
    try:
        if file.stat().st_mode & 0o077:
            raise DataError(
                Diagnostic("K815", "others may read the file with the password", place, f"chmod 600 {file}")
            )
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise DataError(Diagnostic("K815", f"cannot be read: {error.strerror}", place)) from None


def without_passwords(text: str, secret: str = "") -> str:
    """Returns a message in which connection strings have lost their passwords, and that of `secret` is gone anywhere.

    >>> without_passwords("cannot reach postgresql://li:geheim@db/kpi")
    'cannot reach postgresql://li:***@db/kpi'
    >>> without_passwords("no geheim here", "host=db password=geheim")
    'no *** here'
    """
    for found in _PASSWORD.finditer(secret):
        if word := (found[2] or found[4] or "").strip("'"):
            text = text.replace(word, "***")
    return _PASSWORD.sub(lambda m: f"{m[1]}***" if m[1] else f"{m[3]}***{m[5]}", text)
