"""What notebooks show of an object: reports stand above the engine and the language, so the package registers them.

This module imports nothing, as every command begins with it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: What returns the HTML of an object, by the name of its class.
VIEWS: dict[str, Callable[[Any], str]] = {}


def html(shown: object) -> str:
    """Return the HTML of an object of one of the classes of `VIEWS`."""
    return VIEWS[type(shown).__name__](shown)
