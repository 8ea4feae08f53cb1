"""The language of the command line: `--lang`, translated help, and messages of the parser."""

from __future__ import annotations

import copy
import inspect
import os
from typing import TypeVar

import click

from kpi.process.locale import LANGUAGES, OPTION, current

Localized = TypeVar("Localized", bound=click.Command)


def localized(command: Localized) -> Localized:
    """Return a command with the option `--lang` and help in the language in use."""
    result = copy.copy(command)
    result.params = [*map(copy.copy, command.params), _option()]
    if current() != "en":
        from kpi.report.language import translated

        result.help = translated(inspect.cleandoc(command.help)) if command.help else None
        result.short_help = translated(command.short_help) if command.short_help else None
        for parameter in result.params:
            if isinstance(parameter, click.Option) and parameter.help:
                parameter.help = translated(parameter.help)
    return result


def _option() -> click.Option:
    help_text = "The language of everything for people; left out: KPI_LANG, else the locale."
    return click.Option([OPTION], type=click.Choice(list(LANGUAGES)), expose_value=False, help=help_text)


def install() -> None:
    """Install our catalogue for the messages of the parser in this process."""
    if (language := current()) == "en":
        return
    import gettext

    from kpi.report.language import FOLDER

    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain("kpi", str(FOLDER))
    gettext.textdomain("kpi")
