"""What a process tells whoever answers for its end: what it is doing, and what would be left behind.

Nobody listens where the package is embedded, and telling costs nothing. `supervisor` listens from another process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

#: A stage of the work began or ended; a file, a folder that may still be empty, a tree is unfinished, or no longer.
Event = Literal["begun", "ended", "file", "folder", "tree", "finished"]

_listener: Callable[[Event, str], None] | None = None


def listen(listener: Callable[[Event, str], None]) -> None:
    """Has every event told to a listener, with the name of the stage or the absolute path, on the thread it is of."""
    global _listener  # noqa: PLW0603  # as for the whole process
    _listener = listener


def tell(event: Event, what: str) -> None:
    """Tells of an event: of what is unfinished before it is there, of what is finished after."""
    if _listener is not None:
        _listener(event, what)
