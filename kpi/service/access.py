"""Who may do what: tokens with the rights to read, score and publish, each for systems by pattern.

A file of tokens is YAML and holds no token, only the SHA-256 of each:

    tokens:
      - name: statistics
        sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        read: "*"
        score: [jiaxing-*, demo]

Tokens are drawn at random (`drawn`), so that a plain hash cannot be reversed by trying words. Requests carry one as
`Authorization: Bearer TOKEN`, or as the password of Basic, which browsers ask their user for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kpi.errors import DefinitionError, Diagnostic, Message, Place
from kpi.process.os_errors import reason
from kpi.service.problems import Problem

Right = Literal["read", "score", "publish"]
RIGHTS: tuple[Right, ...] = ("read", "score", "publish")

#: The variable of the environment that may hold the text of a file of tokens.
ENVIRONMENT = "KPI_TOKENS"

#: The host names of this machine, for a service without tokens.
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else tuple(value) if value else ()),
]


class Token(BaseModel):
    """A token: its name for the audit log, its hash, and the systems that it may read, score and publish."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, pattern=r"^[^\s:]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    read: Patterns = ()
    score: Patterns = ()
    publish: Patterns = ()

    def may(self, right: Right, system: str) -> bool:
        """Return whether the token has a right for a system."""
        patterns: tuple[str, ...] = getattr(self, right)
        return any(fnmatchcase(system, pattern) for pattern in patterns)

    def may_anywhere(self, right: Right) -> bool:
        """Return whether the token has a right for any system."""
        return bool(getattr(self, right))


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[Token, ...] = Field(min_length=1)


#: Who asks where no tokens are declared: the users of this machine.
LOCAL = Token(name="local", sha256="0" * 64, read=("*",), score=("*",), publish=("*",))


class Access(Struct, frozen=True):
    """The tokens of a service; none: everybody on this machine may do everything."""

    tokens: tuple[Token, ...] = ()

    def identify(self, headers: Mapping[str, str]) -> Token:
        """Return the token of a request.

        Raises:
            Problem: K902 without a known token; K904 without declared tokens, if the request names another host.
        """
        if not self.tokens:
            if _host(headers.get("host", "")) not in LOOPBACK:
                raise _elsewhere()
            return LOCAL
        digest = hashlib.sha256(_presented(headers.get("authorization", ""))).hexdigest()
        known: Token | None = None
        # Every token is compared, in constant time, so that the time does not depend on which matches.
        for token in self.tokens:
            if hmac.compare_digest(token.sha256, digest):
                known = token
        if known is None:
            scheme = "Basic" if "text/html" in headers.get("accept", "") else "Bearer"
            message = Message("the request has no token that is known here")
            hint = Message("send the header `Authorization: Bearer TOKEN`")
            challenge = {"WWW-Authenticate": f'{scheme} realm="kpi"'}
            raise Problem(401, Diagnostic("K902", message, hint=hint), headers=challenge)
        return known


def require(token: Token, right: Right, system: str | None) -> None:
    """Check the right of a token, for a system or, for None, for any.

    Raises:
        Problem: K903, whether or not there is such a system.
    """
    if token.may_anywhere(right) if system is None else token.may(right, system):
        return
    what = {
        "read": Message("the token may not read this"), "score": Message("the token may not score this system"),
        "publish": Message("the token may not publish this"),
    }[right]  # fmt: skip
    hint = Message("ask for a token with the right `{right}`", right=right)
    raise Problem(403, Diagnostic("K903", what, hint=hint))


def same_site(headers: Mapping[str, str]) -> None:
    """Check that a request was not made by a page of another site, for which a browser sends what it knows.

    Raises:
        Problem: K904.
    """
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
        raise _elsewhere()


def _elsewhere() -> Problem:
    message = Message("the request comes from a page of another site, or names another host")
    hint = Message("ask the service itself, under its own address")
    return Problem(403, Diagnostic("K904", message, hint=hint))


def _host(header: str) -> str:
    return (urlsplit(f"//{header}").hostname or "") if header.isprintable() and "/" not in header else ""


def _presented(header: str) -> bytes:
    """Return the token of a header `Authorization`, empty without one."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def drawn(name: str) -> tuple[str, str]:
    """Return a new token, and the entry of a file of tokens for it, without rights."""
    token = secrets.token_urlsafe(32)
    entry = {
        "name": name,
        "sha256": hashlib.sha256(token.encode()).hexdigest(),
        "read": "*",
        "score": [],
        "publish": [],
    }
    return token, yaml.safe_dump([entry], sort_keys=False, allow_unicode=True)


def read(file: Path | None, environment: Mapping[str, str]) -> Access:
    """Return the tokens of a file, or of the variable KPI_TOKENS; none without either.

    Raises:
        DefinitionError: K900, if they cannot be read or are not as they should be.
    """
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            words: str = reason(error) if isinstance(error, OSError) else Message("not UTF-8")
            message = Message("cannot be read: {words}", words=words)
            raise DefinitionError(Diagnostic("K900", message, Place(str(file)))) from None
        return _parsed(text, Place(str(file)))
    text = environment.get(ENVIRONMENT, "")
    return _parsed(text, Place(f"${ENVIRONMENT}")) if text else Access()


def _parsed(text: str, place: Place) -> Access:
    hint = Message("kpi serve --new-token NAME prints a token and its entry")
    try:
        tree = yaml.safe_load(text)
        tokens = _File.model_validate(tree).tokens
    except yaml.YAMLError:
        # Not the error itself, which shows a line of the file.
        raise DefinitionError(Diagnostic("K900", Message("not YAML"), place, hint)) from None
    except ValidationError as error:
        findings = [
            Diagnostic(
                "K900",
                Message("`{key}`: {words}", key=".".join(map(str, details["loc"])), words=details["msg"]), place, hint,
            )
            for details in error.errors(include_input=False)
        ]  # fmt: skip
        raise DefinitionError(findings) from None
    for key in ("name", "sha256"):
        if len({getattr(token, key) for token in tokens}) < len(tokens):
            message = Message("two tokens have the same `{key}`", key=key)
            raise DefinitionError(Diagnostic("K900", message, place, hint))
    return Access(tokens)
