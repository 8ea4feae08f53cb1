"""Redaction: remove passwords from everything that leaves the program.

Messages of findings pass `redacted` when a `Diagnostic` is made, source lines when they are shown, and tracebacks of
the command line when they are printed. Two things are removed: secrets that were used (`remember`), in any spelling
that a URL gives them, and whatever looks like the password of a connection string.
"""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus, unquote

#: What stands in the place of a secret.
MASK = "***"

# A password may hold any character where it was not encoded, also @ and blanks: up to the last @ of the line.
_URL = re.compile(r"(://[^:/@\s'\"]*:)(.+)(@)")
# password=..., PGPASSWORD: ..., "password": "..."; an unquoted value ends where another key begins.
_KEY = re.compile(
    r"""(?ix)
    (\b\w*(?:passw(?:or)?d|passphrase|pwd)\b["']?\s*[=:]\s*)
    ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S.*?(?=\s+["']?[a-z_]+["']?\s*=|$))
    """,
    re.MULTILINE,
)
# Shorter secrets would be found in words that have nothing to do with them.
_SHORTEST = 4

_secrets: set[str] = set()


def remember(secret: str | None) -> None:
    """Register a secret, such as a password in use, so that `redacted` removes it wherever it stands."""
    if secret and len(secret) >= _SHORTEST:
        _secrets.update({secret, unquote(secret), quote(secret, safe=""), quote_plus(secret)})


def redacted(text: str) -> str:
    """Return a text without passwords.

    >>> redacted("cannot reach postgresql://li:ge@heim@db/kpi")
    'cannot reach postgresql://li:***@db/kpi'
    >>> redacted("host=db password=ge heim user=li"), redacted('{"password": "geheim"}')
    ('host=db password=*** user=li', '{"password": ***}')
    >>> redacted("地区,数值"), redacted("see https://example.org/a")
    ('地区,数值', 'see https://example.org/a')
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    if "://" in text:
        text = _URL.sub(rf"\1{MASK}\3", text)
    if ("=" in text or ":" in text) and _KEY.search(text):
        text = _KEY.sub(rf"\1{MASK}", text)
    return text
