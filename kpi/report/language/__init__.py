"""The language of texts for users: English, as in the code, or another one through its catalogue.

A catalogue, `kpi.po` in the folder of a language and its compiled form `kpi.mo`, translates the templates of messages;
fields, such as names, figures and further messages, are filled into the translated template. A second catalogue,
`reference.po`, has the descriptions of keys, kinds and tables of results. `python docs/catalogue.py` collects both from
the code and compiles them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from kpi.errors import Message, cleaned, formatted, render_with
from kpi.process.locale import LANGUAGES as LANGUAGES
from kpi.process.locale import current as current
from kpi.process.locale import preferred as preferred
from kpi.process.locale import using as using


class Signs(NamedTuple):
    """The punctuation between texts that are put beside each other."""

    comma: str
    semicolon: str
    space: str


#: The punctuation of the languages.
SIGNS: Mapping[str, Signs] = {"en": Signs(", ", "; ", " "), "zh": Signs("、", "；", "")}

#: The folder of the catalogues, in the layout of gettext.
FOLDER = Path(__file__).parent


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
    return cleaned(formatted(_catalogue(language)(text.template), values, SIGNS[language].comma))


render_with(localized)


def translated(text: str) -> str:
    """Return a fixed text of the program that is no template, such as the help of an option.

    >>> with using("zh"):
    ...     translated("A key that has no meaning here.")
    '键在此处无意义。'
    """
    language = current()
    return text if language == "en" or not text else _catalogue(language)(text)


def described(text: str) -> str:
    """Return the description of a key, a kind or a table of results in the language in use, paragraph by paragraph.

    They are in a catalogue of their own, `reference`, which no command but `kpi schema` reads.

    >>> with using("zh"):
    ...     described("what they are called, such as 县(市、区)")
    '评价对象的称谓，例如 县(市、区)'
    """
    language = current()
    if language == "en" or not text:
        return text
    translate = _catalogue(language, "reference")
    words = "\n\n".join(map(translate, paragraphs_of(text)))
    return re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", words)


def paragraphs_of(text: str) -> list[str]:
    r"""Return the paragraphs of a description and the items of its lists, each on one line, as its catalogue has them.

    >>> paragraphs_of("Percent\ncompleted.\n\n- a form\n- a rule")
    ['Percent completed.', '- a form', '- a rule']
    """
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=- )", text) if part.strip()]


def listed(texts: Iterable[str]) -> str:
    """Return texts as a list, without those that are empty."""
    return SIGNS[current()].comma.join(map(localized, filter(None, texts)))


def joined(texts: Iterable[str]) -> str:
    """Return statements one after the other, without those that are empty."""
    return SIGNS[current()].semicolon.join(map(localized, filter(None, texts)))


def sentences(texts: Iterable[str]) -> str:
    """Return whole sentences one after the other, without those that are empty."""
    return SIGNS[current()].space.join(map(localized, filter(None, texts)))


def _value(value: object) -> object:
    return localized(value) if isinstance(value, Message) else value


@functools.cache
def _catalogue(language: str, domain: str = "kpi") -> Callable[[str], str]:
    from gettext import GNUTranslations

    with (FOLDER / language / "LC_MESSAGES" / f"{domain}.mo").open("rb") as file:
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
