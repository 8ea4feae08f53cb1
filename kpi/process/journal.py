"""Event channel from the worker to the supervisor: stages of the work, and unfinished files.

Without a listener, as where the package is embedded, events cost nothing. `supervisor` listens from another process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

#: A stage began or ended; a file, a folder that may still be empty, or a tree is unfinished; a path is finished.
Event = Literal["begun", "ended", "file", "folder", "tree", "finished"]

_listener: Callable[[Event, str], None] | None = None


def listen(listener: Callable[[Event, str], None]) -> None:
    """Register the listener, which is called with each event and its stage or absolute path, on the emitting thread."""
    global _listener  # noqa: PLW0603  # as for the whole process
    _listener = listener


def emit(event: Event, detail: str) -> None:
    """Report an event; a path is reported as unfinished before it exists, and as finished once in place or removed."""
    if _listener is not None:
        _listener(event, detail)
