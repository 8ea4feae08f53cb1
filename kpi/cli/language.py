"""The language of the command line: `--lang`, help in it, and the parser's own messages."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Sequence
from typing import TypeVar

import click

from kpi.report.language import FOLDER, LANGUAGES, current, translated

Localized = TypeVar("Localized", bound=click.Command)

OPTION = "--lang"


def asked(arguments: Sequence[str]) -> str | None:
    """Return the language of `--lang` wherever it stands among arguments, as help is printed before it is parsed.

    >>> asked(["score", "a.csv", "--lang", "zh"]), asked(["--lang=en"]), asked(["--", "--lang", "zh"])
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


def localized(command: Localized) -> Localized:
    """Return a command with the option `--lang`, and its help in the language in use."""
    result = copy.copy(command)
    result.params = [*map(copy.copy, command.params), _option()]
    if current() != "en":
        result.help = translated(inspect.cleandoc(command.help)) if command.help else None
        result.short_help = translated(command.short_help) if command.short_help else None
        for parameter in result.params:
            if isinstance(parameter, click.Option) and parameter.help:
                parameter.help = translated(parameter.help)
    return result


def _option() -> click.Option:
    what = "The language of everything for people; left out: KPI_LANG, else the locale."
    return click.Option([OPTION], type=click.Choice(list(LANGUAGES)), expose_value=False, help=what)


def install() -> None:
    """Let the parser of this process, which runs one command, take its own messages from our catalogue."""
    if (language := current()) == "en":
        return
    import gettext

    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain("kpi", str(FOLDER))
    gettext.textdomain("kpi")
