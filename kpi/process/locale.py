"""The language of texts for users: chosen explicitly, else that of the environment.

It imports next to nothing, so that the command line can use it at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar

#: The languages; the first is that of the code.
LANGUAGES = ("en", "zh")

#: The option of the command line that chooses a language.
OPTION = "--lang"

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def preferred(environment: Mapping[str, str]) -> str:
    """Return the language of an environment: by KPI_LANG, else by the locale; by default English.

    >>> preferred({"KPI_LANG": "zh"}), preferred({"LANG": "zh_CN.UTF-8"}), preferred({"LC_ALL": "C", "LANG": "zh_CN"})
    ('zh', 'zh', 'en')
    """
    requested = next(
        (environment[name] for name in ("KPI_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    language = requested.lower()[:2]
    return language if language in LANGUAGES else "en"


def current() -> str:
    """Return the language in use: the one set by `using`, else that of the environment."""
    return _chosen.get() or preferred(os.environ)


@contextlib.contextmanager
def using(language: str | None) -> Iterator[None]:
    """Use a language inside the block; None leaves it unchanged.

    Raises:
        ValueError: there is no catalogue of the language.
    """
    if language is not None and language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}, known are {', '.join(LANGUAGES)}")
    token = _chosen.set(language or _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(token)


def requested(arguments: Sequence[str]) -> str | None:
    """Return the value of `--lang` anywhere among arguments, as help is printed before they are parsed.

    >>> requested(["score", "a.csv", "--lang", "zh"]), requested(["--lang=en"]), requested(["--", "--lang", "zh"])
    ('zh', 'en', None)
    """
    language = None
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name == OPTION:
            value = value if equals else next(iter(arguments[position + 1 :]), "")
            language = value if value in LANGUAGES else language
    return language
