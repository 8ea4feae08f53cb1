"""What a command writes for people: on stderr, in colour where that is wanted, as wide as the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import IO

from kpi.errors import Diagnostic
from kpi.report.diagnostics import Layout, render


def wants_color(color: str, stream: IO[str]) -> bool:
    """Returns whether a stream takes colour: as told, else NO_COLOR, FORCE_COLOR, else on a terminal."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def width_of(stream: IO[str]) -> int | None:
    """Returns the width of a terminal, None for anything else."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None


def say(text: str) -> None:
    """Writes a line for people, on stderr."""
    sys.stderr.write(f"{text}\n")


def tell(findings: Iterable[Diagnostic], style: Layout, color: str) -> None:
    """Writes findings on stderr."""
    found = list(findings)
    if found:
        say(render(found, style=style, color=wants_color(color, sys.stderr)).rstrip("\n"))
