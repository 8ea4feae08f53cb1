"""The progress line on a terminal: the stage, the rows done, the remaining time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kpi.process.progress import watched

#: The delay (seconds) before the line is shown.
PATIENCE = 0.5


class Line:
    """A line on stderr, drawn by its own thread, since the working thread may be inside a query."""

    def __init__(self) -> None:
        self._stages: list[tuple[str, int | None, int]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)

    def begin(self, name: str, total: int | None) -> None:
        """Show a stage."""
        with self._lock:
            self._stages.append((name, total, 0))

    def advance(self, rows: int) -> None:
        """Count rows of the innermost stage."""
        with self._lock:
            if self._stages:
                name, total, done = self._stages[-1]
                self._stages[-1] = name, total, done + rows

    def end(self) -> None:
        """Return to the enclosing stage."""
        with self._lock:
            self._stages.pop()

    def start(self) -> None:
        """Start drawing after the delay."""
        self._thread.start()

    def stop(self) -> None:
        """Remove the line."""
        self._ended.set()
        self._thread.join()

    def _now(self) -> tuple[str, int | None, int]:
        from kpi.errors import Message

        with self._lock:
            return self._stages[-1] if self._stages else (Message("working"), None, 0)

    def _draw(self) -> None:
        if self._ended.wait(PATIENCE):
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn

        console = Console(file=sys.stderr, force_terminal=True, highlight=False)
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=console, transient=True, redirect_stdout=False, refresh_per_second=8) as shown:
            task = shown.add_task("", total=None)
            before: tuple[str, int | None] = ("", None)
            while not self._ended.wait(0.1):
                name, total, done = self._now()
                if (name, total) != before:
                    # A new task, as the speed of the previous stage does not apply.
                    shown.remove_task(task)
                    task, before = shown.add_task("", total=total), (name, total)
                shown.update(task, completed=done)
                shown.update(task, description=line_text(name, total, done, shown.tasks[0].time_remaining))


def line_text(name: str, total: int | None, done: int, remaining: float | None) -> str:
    """Return the text of the line.

    >>> line_text("reading cases.parquet", 50_000_000, 12_300_000, 83)
    'reading cases.parquet  12,300,000 of 50,000,000 rows  1:23 left'
    >>> line_text("scoring", None, 0, None)
    'scoring'
    """
    from kpi.errors import Message
    from kpi.report.language import localized

    parts = [name]
    if done or total:
        parts.append(
            Message("{done:,} of {total:,} rows", done=done, total=max(total, done))
            if total
            else Message("{number:,} {noun}", number=done, noun=Message("rows"))
        )
    if total and done and remaining is not None:
        minutes, seconds = divmod(round(remaining), 60)
        hours, minutes = divmod(minutes, 60)
        time = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        parts.append(Message("{time} left", time=time))
    return "  ".join(map(localized, parts))


@contextmanager
def showing(*, quiet: bool) -> Iterator[None]:
    """Show the progress of the block on a terminal, unless it is quiet."""
    stream: Any = sys.stderr
    if quiet or not stream.isatty():
        yield
        return
    line = Line()
    line.start()
    try:
        with watched(line):
            yield
    finally:
        line.stop()
