"""What a command writes: data on stdout; findings, a summary and progress on stderr, for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from kpi.errors import Diagnostic
    from kpi.report.diagnostics import Layout


@dataclass(frozen=True)
class Console:
    """How one run of a command writes, as its options ask for.

    Attributes:
        style: how findings are written.
        color: `auto`, `always` or `never`; `auto` follows NO_COLOR, FORCE_COLOR and the terminal.
        quiet: no summary, no notes and no progress.
    """

    style: Layout = "full"
    color: str = "auto"
    quiet: bool = False

    def say(self, text: str) -> None:
        """Write a line for people, on stderr."""
        sys.stderr.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Write a line for people unless the command is to be quiet."""
        if not self.quiet:
            self.say(text)

    def report(self, findings: Iterable[Diagnostic]) -> None:
        """Write findings on stderr."""
        from kpi.report.diagnostics import render

        if some := list(findings):
            self.say(render(some, style=self.style, color=self.colored(sys.stderr)).rstrip("\n"))

    def write(self, text: str, *, untrusted: bool = False) -> None:
        """Write data on stdout.

        Args:
            text: the data.
            untrusted: whether it may hold control characters, which a terminal would take for commands.
        """
        if untrusted and sys.stdout.isatty():
            from kpi.report.marks import escaped

            text = escaped(text)
        sys.stdout.write(text)

    def form(self, asked: str | None) -> str:
        """Return the format of data on stdout: as asked for, else a table on a terminal and CSV in a pipe."""
        return asked or ("table" if sys.stdout.isatty() else "csv")

    def progress(self, *, quiet: bool = False) -> AbstractContextManager[None]:
        """Show on a terminal how far long work inside a block has come."""
        from kpi.cli.progress_line import showing

        return showing(quiet=quiet or self.quiet)

    def colored(self, stream: IO[str]) -> bool:
        """Return whether a stream takes colour."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()

    @property
    def width(self) -> int | None:
        """The width of the terminal that stdout is, None for anything else."""
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            return None
