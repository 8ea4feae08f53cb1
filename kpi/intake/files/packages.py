"""Optional packages that a file format needs, imported when a file of that format is read."""

from __future__ import annotations

import importlib
from types import ModuleType

from kpi.errors import DataError, Diagnostic, Message, Place


def imported(name: str, extra: str, contents: Message, place: Place) -> ModuleType:
    """Import the package that reads a file.

    Args:
        name: the package.
        extra: the extra of this distribution that installs it.
        contents: what the file is.
        place: the file.

    Raises:
        DataError: K510 it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        message = Message("reading {contents} needs the package `{name}`", contents=contents, name=package)
        hint = Message(
            "pip install {name}, or 'kpi-scorecard[{extra}]', or save the table as CSV", name=package, extra=extra
        )
        raise DataError(Diagnostic("K510", message, place, hint)) from None
