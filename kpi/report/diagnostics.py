"""Findings as text: as a compiler prints them, one a line, for programs, or as annotations of a pull request."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.style import Style

from kpi.errors import Diagnostic, Message, Severity, count, number_of, redacted
from kpi.report.language import listed, localized, tr
from kpi.report.marks import SEVERITIES, visible

#: The ways to write findings.
Layout = Literal["full", "concise", "json", "github"]

#: How many findings of one code are shown of data, where one mistake often repeats on a thousand rows.
SHOWN = 5

_COLOURS = {
    Severity.ERROR: "bold red",
    Severity.QUERY: "bold magenta",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "bold blue",
}
_NOUNS = {
    Severity.ERROR: (Message("error"), Message("errors")),
    Severity.QUERY: (Message("query"), Message("queries")),
    Severity.WARNING: (Message("warning"), Message("warnings")),
    Severity.INFO: (Message("note"), Message("notes")),
}
_COMMANDS = {Severity.ERROR: "error", Severity.QUERY: "warning", Severity.WARNING: "warning", Severity.INFO: "notice"}

# The line breaks of YAML, which are fewer than those of `str.splitlines`: line numbers must agree with the parser's.
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def render(
    diagnostics: Iterable[Diagnostic],
    *,
    style: Layout = "full",
    color: bool = False,
    width: int | None = None,
    shown: int = SHOWN,
) -> str:
    """Return findings as text, in their order, without a line break at the end; nothing for no findings.

    `full` shows the source line with carets under what is meant, aligned also under Chinese text, and gathers findings
    of one code in data, of which it shows at most `shown`; with `width` long source lines are cut around the caret.
    `concise` is one line a finding, `json` an array of objects, `github` the workflow commands that annotate files.
    """
    found = list(diagnostics)
    if style == "json":
        return json.dumps([_record(one) for one in found], ensure_ascii=False, indent=2)
    if style == "github":
        return "\n".join(_command(one) for one in found)
    if style == "concise":
        return "\n".join(visible(one_line(one)) for one in found)
    return "\n\n".join("\n".join(lines) for lines in _full(found, color=color, width=width, shown=shown))


def one_line(one: Diagnostic) -> str:
    """Return the one-line form of a finding; its severity is for programs, and the same in every language."""
    where = localized(one.place.message())
    return f"{where + ': ' if where else ''}{one.severity} {one.code} {localized(one.message)}"


def tally(diagnostics: Iterable[Diagnostic]) -> str:
    """Return how many findings there are of each severity, the gravest first; those that are not listed count too.

    >>> tally([Diagnostic("K203", "a"), Diagnostic("K412", "b", severity=Severity.WARNING), Diagnostic("K203", "c")])
    '2 errors, 1 warning'
    >>> tally([])
    'no findings'
    """
    numbers: Counter[Severity] = Counter()
    for one in diagnostics:
        numbers[one.severity] += one.stands_for
    counts = [(numbers[severity], nouns) for severity, nouns in _NOUNS.items()]
    return listed(count(number, *nouns) for number, nouns in counts if number) or tr("no findings")


def _full(found: list[Diagnostic], *, color: bool, width: int | None, shown: int) -> Iterator[list[str]]:
    gathered: dict[tuple[Severity, str], list[Diagnostic]] = {}
    for one in found:
        if one.place.line is None:
            gathered.setdefault((one.severity, one.code), []).append(one)
    lines_of = cache(_read)
    for one in found:
        if one.place.line is not None:
            source = lines_of(one.place.file) if one.place.file else ()
            yield [
                _headline(one, color=color),
                *_snippet(one, source, color=color, width=width),
                *_hint(one, color=color),
            ]
        elif group := gathered.pop((one.severity, one.code), None):
            yield _group(group, color=color, shown=shown)


def _group(group: list[Diagnostic], *, color: bool, shown: int) -> list[str]:
    """Return the lines of findings of one code in data: those that say the same share a headline over their places."""
    alike: dict[tuple[str, str | None], list[Diagnostic]] = {}
    for one in group[:shown]:
        alike.setdefault((one.message, one.hint), []).append(one)
    lines = []
    for same in alike.values():
        arrows = [_arrow(one, color=color) for one in same if str(one.place)]
        lines += [_headline(same[0], color=color), *arrows, *_hint(same[0], color=color)]
    if (more := number_of(group[shown:])) > 0:
        what = _NOUNS[group[0].severity][more != 1]
        lines.append("   " + tr("... and {more:,} more {code} {what}", more=more, code=group[0].code, what=what))
    return lines


def _headline(one: Diagnostic, *, color: bool) -> str:
    severity = localized(SEVERITIES[one.severity])
    return (
        f"{_paint(f'{severity}[{one.code}]', _COLOURS[one.severity], color=color)}: {visible(localized(one.message))}"
    )


def _arrow(one: Diagnostic, *, color: bool) -> str:
    label = Message(": {label}", label=visible(localized(one.label))) if one.label and one.place.line is None else ""
    return f"  {_paint('-->', 'blue', color=color)} {visible(localized(one.place.message()))}{label}"


def _hint(one: Diagnostic, *, color: bool) -> list[str]:
    return [f"   {_paint('=', 'blue', color=color)} {visible(localized(one.hint))}"] if one.hint else []


def _snippet(one: Diagnostic, source: tuple[str, ...], *, color: bool, width: int | None) -> list[str]:
    """Return the arrow, the source line and the carets; the arrow alone when the file has no such line.

    A line that holds a password is not shown either.
    """
    place, arrow = one.place, _arrow(one, color=color)
    if place.line is None or not 0 < place.line <= len(source):
        return [arrow]
    gutter = f"{place.line} |"
    raw = source[place.line - 1]
    if redacted(raw) != raw:
        return [arrow]
    start = min(max((place.column or 1) - 1, 0), len(raw))
    end = max(min(start + place.length, len(raw)), start)
    before, meant, after = (visible(part.replace("\t", "    ")) for part in (raw[:start], raw[start:end], raw[end:]))
    if width is not None:
        before, meant, after = _cut(before, meant, after, width - len(gutter) - 1)
    carets = "^" * max(cell_len(meant), 1) + (f" {visible(localized(one.label))}" if one.label else "")
    under = f"{' ' * (len(gutter) - 1)}|"
    pointer = " " * cell_len(before) + _paint(carets, _COLOURS[one.severity], color=color)
    return [
        arrow,
        f"{_paint(gutter, 'blue', color=color)} {before}{meant}{after}".rstrip(),
        f"{_paint(under, 'blue', color=color)} {pointer}",
    ]


def _cut(before: str, meant: str, after: str, room: int) -> tuple[str, str, str]:
    """Return the three parts of a source line within `room` cells, dots where something is left out."""
    before = _head(before[::-1], max(room - cell_len(meant), room // 3))[::-1]
    meant = _head(meant, room - cell_len(before))
    return before, meant, _head(after, room - cell_len(before + meant))


def _head(text: str, room: int) -> str:
    """Return a text, cut to `room` cells and ending in dots when it is wider."""
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, room - 3) + "..." if room > 3 else "." * max(room, 0)


def _read(file: str) -> tuple[str, ...]:
    """Return the lines of a file, none when it cannot be read: a finding without its source is still a finding."""
    try:
        return tuple(_BREAKS.split(Path(file).read_bytes().decode("utf-8-sig", errors="replace")))
    except (OSError, ValueError):
        return ()


def _paint(text: str, style: str, *, color: bool) -> str:
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if color else text


def _record(one: Diagnostic) -> dict[str, object]:
    head = {
        "code": one.code,
        "severity": str(one.severity),
        "message": localized(one.message),
        "label": one.label and localized(one.label),
        "hint": one.hint and localized(one.hint),
        "stands_for": one.stands_for,
    }
    place = asdict(one.place)
    if place["named_in"] is None:
        del place["named_in"]
    return head | place


def _command(one: Diagnostic) -> str:
    """Return the workflow command that annotates a line; a row of a workbook is no line, so it is said in words."""
    place = one.place
    spots: dict[str, object] = {}
    if place.file:
        spots["file"] = place.file
    if place.line is not None:
        spots |= {"line": place.line, "col": place.column or 1, "endColumn": (place.column or 1) + max(place.length, 1)}
    elif place.row is not None and place.sheet is None:
        spots["line"] = place.row
    spots["title"] = one.code
    options = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in spots.items())
    words = "\n".join(
        map(
            localized,
            filter(None, ("" if place.line is not None else place.message(), one.message, one.label, one.hint)),
        )
    )
    return f"::{_COMMANDS[one.severity]} {options}::{_escaped(words)}"


def _escaped(text: str, extra: str = "") -> str:
    for sign in "%\r\n" + extra:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
