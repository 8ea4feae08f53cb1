"""Passwords: their sources, and how they are kept out of all output."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message, Place, remember, suggest
from kpi.process.os_errors import reason
from kpi.values.patterns import regex

_ADDRESS = regex(r"(?i)postgres(?:ql)?://")
# Characters that a user, password or host must have encoded.
_UNENCODED = regex(r"[@/?#\s\[\]]|%(?![0-9A-Fa-f]{2})")

#: The scheme of another address.
_SCHEME = regex(r"([A-Za-z][A-Za-z0-9+.-]{0,19})://")
#: The keys of connection strings that are in common use.
_KEYS = ("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "sslmode", "sslrootcert", "service")

_FORMS = Message("write postgresql://user:password@host/database, or host=… dbname=… user=… password=…")
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
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            message = Message("it is not a file but a folder, a pipe or a device")
            hint = Message("write the connection string into a file that only its owner may read")
            raise DataError(Diagnostic("K815", message, place, hint))
        if mode & 0o077:
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
    _refuse_other_forms(text, place)
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        return text  # the caller reports the missing package
    try:
        parts = conninfo_to_dict(text)
    except (ProgrammingError, ValueError) as error:
        if key := _unknown_key(text, str(error)):
            message = Message("the connection string has the unknown key `{key}`", key=key)
            raise DataError(Diagnostic("K815", message, place, suggest(key, _KEYS) or _FORMS)) from None
        raise _ambiguous(place, _ENCODE if address else _QUOTE) from None
    for key in ("password", "sslpassword"):
        remember(str(parts.get(key) or ""))
    if _UNENCODED.search(f"{parts.get('host', '')}".replace("/", "")) or not re.fullmatch(
        r"[\d,]*", f"{parts.get('port', '')}"
    ):
        raise _ambiguous(place, _ENCODE if address else _QUOTE)
    return text


def _refuse_other_forms(text: str, place: Place) -> None:
    """Raise DataError K815 for an address of another scheme, or a text that is neither address nor keys with values."""
    for secret in re.findall(r"(?i)\b(?:pass|pwd)\w*\s*=\s*(\S+)", text):
        remember(secret.strip("'"))
    if _ADDRESS.match(text):
        return
    if other := _SCHEME.match(text):
        message = Message("the address begins with `{scheme}://`, not with postgresql://", scheme=other[1])
        raise DataError(Diagnostic("K815", message, place, _FORMS))
    if "=" not in text:
        message = Message("the connection string is neither an address, postgresql://…, nor keys with values")
        raise DataError(Diagnostic("K815", message, place, _FORMS))


def _unknown_key(text: str, error: str) -> str | None:
    """Return the key that a driver does not have, unless it may be a part of a password with blanks."""
    unknown = re.search(r'invalid (?:connection option|URI query parameter):? "(\w+)"', error)
    at = unknown and re.search(rf"(?<![^\s?&]){re.escape(unknown[1])}\s*=", text)
    if not unknown or not at or re.search(r"(?i)(?:pass|pwd)\w*\s*=", text[: at.start()]):
        return None
    return unknown[1]


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
