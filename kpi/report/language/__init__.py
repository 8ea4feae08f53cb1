"""The language of what users read: English, as it stands in the code, or another by its catalogue.

A catalogue, `kpi.po` in the folder of a language and its compiled form `kpi.mo`, translates the templates of messages;
their fields, such as names, figures and further messages, are put into the translated template. `python
docs/catalogue.py` collects the templates from the code and compiles the catalogues.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from kpi.errors import Message, cleaned, formatted


class Signs(NamedTuple):
    """The punctuation between texts that are put beside each other."""

    comma: str
    semicolon: str
    space: str


#: The languages with their punctuation. The first is that of the code.
LANGUAGES: Mapping[str, Signs] = {"en": Signs(", ", "; ", " "), "zh": Signs("、", "；", "")}

#: Where the catalogues are, laid out as gettext finds them.
FOLDER = Path(__file__).parent

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


def tr(template: str, /, **fields: object) -> str:
    """Return a text of the program in the language in use.

    Args:
        template: of `str.format`, in English, written as a literal: the catalogues translate it.
        fields: of the template.

    >>> with using("zh"):
    ...     tr("row {row:,}", row=1200)
    '第 1,200 行'
    """
    return localized(template if isinstance(template, Message) else Message(template, **fields))


def localized(text: str) -> str:
    """Return a message in the language in use; any other text, such as a name, is returned as it is.

    >>> with using("zh"):
    ...     localized(Message("row {row:,}", row=7)), localized("row")
    ('第 7 行', 'row')
    """
    language = current()
    if language == "en" or not isinstance(text, Message):
        return str(text)
    values = {
        name: tuple(map(_value, value)) if isinstance(value, tuple) else _value(value)
        for name, value in text.fields.items()
    }
    return cleaned(formatted(_catalogue(language)(text.template), values, LANGUAGES[language].comma))


def translated(text: str) -> str:
    """Return a fixed text of the program that is no template, such as the help of an option.

    >>> with using("zh"):
    ...     translated("A key that has no meaning here.")
    '键在此处无意义。'
    """
    language = current()
    return text if language == "en" or not text else _catalogue(language)(text)


def listed(texts: Iterable[str]) -> str:
    """Return texts as a list, without those that are empty."""
    return LANGUAGES[current()].comma.join(map(localized, filter(None, texts)))


def joined(texts: Iterable[str]) -> str:
    """Return statements one after the other, without those that are empty."""
    return LANGUAGES[current()].semicolon.join(map(localized, filter(None, texts)))


def sentences(texts: Iterable[str]) -> str:
    """Return whole sentences one after the other, without those that are empty."""
    return LANGUAGES[current()].space.join(map(localized, filter(None, texts)))


def _value(value: object) -> object:
    return localized(value) if isinstance(value, Message) else value


@functools.cache
def _catalogue(language: str) -> Callable[[str], str]:
    from gettext import GNUTranslations

    with (FOLDER / language / "LC_MESSAGES" / "kpi.mo").open("rb") as file:
        return GNUTranslations(file).gettext
