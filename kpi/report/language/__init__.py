"""The language of what users read: English, as it stands in the code, or another by its catalogue.

A catalogue, `zh.po` and its compiled form `zh.mo`, translates the templates of messages; their fields, such as names,
figures and further messages, are put into the translated template. `python docs/catalogue.py` collects the templates
from the code and compiles the catalogues.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from importlib.resources import files

from kpi.errors import Message, cleaned, formatted

#: The languages, with the comma of lists in each. The first is that of the code.
LANGUAGES: Mapping[str, str] = {"en": ", ", "zh": "、"}

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def preferred(environment: Mapping[str, str]) -> str:
    """Return the language that an environment asks for: by KPI_LANG, else by its locale; English for any other.

    >>> preferred({"KPI_LANG": "zh"}), preferred({"LANG": "zh_CN.UTF-8"}), preferred({"LC_ALL": "C", "LANG": "zh_CN"})
    ('zh', 'zh', 'en')
    """
    wanted = next(
        (environment[name] for name in ("KPI_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    language = wanted.lower()[:2]
    return language if language in LANGUAGES else "en"


def current() -> str:
    """Return the language in use: the one chosen by `using`, else the preferred one of the environment."""
    return _chosen.get() or preferred(os.environ)


@contextlib.contextmanager
def using(language: str | None) -> Iterator[None]:
    """Use a language inside a block, None for the one in use.

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


def tr(text: str, /, **fields: object) -> str:
    """Return a text in the language in use.

    Args:
        text: a message, or a template, for which `fields` are given; a text that no catalogue has stays as it is.
        fields: of the template.

    >>> with using("zh"):
    ...     tr("row {row:,}", row=1200), tr(Message("row {row:,}", row=7))
    ('第 1,200 行', '第 7 行')
    """
    if isinstance(text, Message):
        template, fields = text.template, dict(text.fields)
    elif fields or "{" not in text:
        template = text
    else:  # a text that is no template
        return text
    language = current()
    if language == "en":
        return str(text) if isinstance(text, Message) else formatted(template, fields) if fields else text
    translated = _catalogue(language)(template)
    if not fields and translated == template:
        return str(text)
    values = {
        name: tuple(map(_translated, value)) if isinstance(value, tuple) else _translated(value)
        for name, value in fields.items()
    }
    return cleaned(formatted(translated, values, LANGUAGES[language]))


def _translated(value: object) -> object:
    return tr(value) if isinstance(value, Message) else value


@functools.cache
def _catalogue(language: str) -> Callable[[str], str]:
    from gettext import GNUTranslations

    with files(__package__).joinpath(f"{language}.mo").open("rb") as file:
        return GNUTranslations(file).gettext


def wordings(message: Message) -> tuple[str, ...]:
    """Return the texts of a message in all languages, each once.

    >>> wordings(Message("row {row:,}", row=7))
    ('row 7', '第 7 行')
    """
    texts = []
    for language in LANGUAGES:
        with using(language):
            texts.append(tr(message))
    return tuple(dict.fromkeys(texts))
