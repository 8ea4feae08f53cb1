"""Regular expressions of modules, compiled when they are first used."""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """A pattern that is compiled at the first use of one of its methods, which is kept."""

    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        value = getattr(compiled, name)
        setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return f"regex({self._text!r})"


def regex(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern with the methods of a compiled one, for a constant of a module.

    A short run uses a third of the patterns of the modules that it imports, and compiling them all is a twentieth of
    it. The functions of `re` do not take it.

    >>> year = regex("(?P<year>[0-9]{4})年")
    >>> year.search("截至2023年末")["year"], year.pattern
    ('2023', '(?P<year>[0-9]{4})年')
    """
    return cast("re.Pattern[str]", _Pattern(text, flags))
