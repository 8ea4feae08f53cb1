"""Passwords: their sources, and how they are kept out of all output."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message, Place, remember
from kpi.process.os_errors import reason

_ADDRESS = re.compile(r"(?i)postgres(?:ql)?://")
# Characters that a user, password or host must have encoded.
_UNENCODED = re.compile(r"[@/?#\s\[\]]|%(?![0-9A-Fa-f]{2})")

_ENCODE = Message("in a URL write @ as %40, : as %3A, / as %2F, # as %23, % as %25 and a blank as %20")
_QUOTE = Message(
    "write the value in single quotes: password='my secret'; within them \\' for a quote and \\\\ for a backslash"
)


def connection(*, env: str | None = None, file: Path | None = None) -> str:
    """Return the connection string from an environment variable, or from a file that only its owner may read.

    Raises:
        DataError: K815, if it is missing, others may read the file, or it is ambiguous. No message has the
            string.
    """
    if env is not None:
        place = Place(f"${env}")
        if not (text := os.environ.get(env)):
            hint = Message("set {env} to postgresql://user:password@host/database", env=env)
            raise DataError(Diagnostic("K815", Message("the variable {env} is not set", env=env), hint=hint))
        return usable(text, place)
    assert file is not None  # noqa: S101
    place = Place(str(file))
    try:
        if file.stat().st_mode & 0o077:
            raise DataError(
                Diagnostic(
                    "K815",
                    Message("others may read the file with the password"),
                    place,
                    Message("chmod 600 {file}", file=file),
                )
            )
        return usable(file.read_text("utf-8").strip(), place)
    except OSError as error:
        raise DataError(Diagnostic("K815", Message("cannot be read: {reason}", reason=reason(error)), place)) from None
    except UnicodeDecodeError:
        raise DataError(Diagnostic("K815", Message("cannot be read: it is not UTF-8"), place)) from None


def usable(text: str, place: Place | None = None) -> str:
    """Return an unambiguous connection string, and register its password for redaction.

    A driver reads `postgresql://li:ge@heim@db` as the host `heim@db` and shows it in its message: such a string is
    refused before it reaches a driver.

    Raises:
        DataError: K815, with the characters to encode or to quote.
    """
    place = place or Place()
    remember(text)
    if address := _ADDRESS.match(text):
        account, separator, _ = text[address.end() :].rpartition("@")
        if separator:
            for part in (account, *account.split(":", 1)[1:]):
                remember(part)
            if _UNENCODED.search(account):
                raise _ambiguous(place, _ENCODE)
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        return text  # the caller reports the missing package
    try:
        parts = conninfo_to_dict(text)
    except (ProgrammingError, ValueError):
        raise _ambiguous(place, _ENCODE if address else _QUOTE) from None
    for key in ("password", "sslpassword"):
        remember(str(parts.get(key) or ""))
    if _UNENCODED.search(f"{parts.get('host', '')}".replace("/", "")) or not re.fullmatch(
        r"[\d,]*", f"{parts.get('port', '')}"
    ):
        raise _ambiguous(place, _ENCODE if address else _QUOTE)
    return text


def has_password(text: str) -> bool:
    """Return whether a connection string has a password.

    >>> has_password("postgresql://li:geheim@db/kpi"), has_password("postgresql://db/kpi?password=geheim")
    (True, True)
    >>> has_password("postgresql://li@db/kpi"), has_password("postgresql://li:@db/kpi")
    (False, False)
    """
    address = _ADDRESS.match(text)
    account = text[address.end() :].rpartition("@")[0] if address else ""
    return bool(account.partition(":")[2]) or re.search(r"(?i)passw(?:or)?d\s*=\s*\S", text) is not None


def _ambiguous(place: Place, hint: Message) -> DataError:
    message = Message(
        "the connection string cannot be read: the password or another part has characters that must be marked"
    )
    return DataError(Diagnostic("K815", message, place, hint))
