"""The comments of a first system in the language in use: in its file they are English, and the catalogues have them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kpi.report.language import translated as of_catalogue
from kpi.values.patterns import regex

#: A line that is a comment, perhaps indented; that of an editor and an empty one are not for readers.
_LINE = regex(r"(?P<indent> *)# (?P<text>(?!yaml-language-server).+)")
_WIDTH = 112


def comments(text: str) -> Iterator[str]:
    r"""Yield the comments of a YAML text, each in one line.

    >>> [*comments("# One\n# two.\na: 1\n  # Three.\n")]
    ['One two.', 'Three.']
    """
    yield from (" ".join(words) for _, words in _blocks(text) if words)


def translated(text: str) -> str:
    """Return a YAML text with its comments in the language in use."""
    out = []
    for lines, words in _blocks(text):
        if not words:
            out += lines
            continue
        indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        template = " ".join(words)
        local = of_catalogue(template)
        out += lines if local == template else [f"{indent}# {part}" for part in _wrapped(local)]
    return "\n".join(out) + "\n"


def _blocks(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield runs of lines: those of a comment with its words, and single other lines without any."""
    run: list[str] = []
    words: list[str] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            if run:
                yield run, words
                run, words = [], []
            yield [line], []
        else:
            run.append(line)
            words.append(match["text"])
    if run:
        yield run, words


def _wrapped(text: str) -> Iterator[str]:
    """Yield the lines of a text, broken where Chinese may be: before any sign but a closing one."""
    from rich.cells import cell_len

    line = ""
    for part in re.findall(r"[!-~]+ ?|.[，。、；：）》”]?", text):
        if line and cell_len(line + part) > _WIDTH:
            yield line.rstrip()
            line = ""
        line += part
    yield line.rstrip()
