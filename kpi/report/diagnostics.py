"""Findings as text: with source lines as a compiler prints them, concise, JSON, or annotations of a pull request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import structs
from rich.cells import cell_len, set_cell_size

from kpi.errors import Diagnostic, Message, Severity, count, number_of, redacted
from kpi.report.language import listed, localized, tr
from kpi.report.marks import SEVERITIES, visible
from kpi.values.patterns import regex

#: The styles of findings.
Layout = Literal["full", "concise", "json", "github"]

#: The maximum number of data findings shown per code, since one mistake often repeats in many rows.
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
_BREAKS = regex("\r\n|[\n\r\x85\u2028\u2029]")


def render(
    diagnostics: Iterable[Diagnostic],
    *,
    style: Layout = "full",
    color: bool = False,
    width: int | None = None,
    shown: int = SHOWN,
) -> str:
    """Return findings as text, in their order, without a final line break; empty without findings.

    `full` shows the source line with carets below the span, aligned also under Chinese text, and groups data findings
    by code, with at most `shown` per group; with `width`, long source lines are cut around the caret. `concise` is one
    line per finding, `json` an array of objects, `github` the workflow commands that annotate files.
    """
    findings = list(diagnostics)
    if style == "json":
        return json.dumps([_record(finding) for finding in findings], ensure_ascii=False, indent=2)
    if style == "github":
        return "\n".join(_command(finding) for finding in findings)
    if style == "concise":
        return "\n".join(visible(one_line(finding)) for finding in findings)
    return "\n\n".join("\n".join(lines) for lines in _full(findings, color=color, width=width, shown=shown))


def one_line(finding: Diagnostic) -> str:
    """Return the one-line form of a finding; its severity is the same in every language, for programs."""
    return _in_line(finding, str(finding.severity))


def for_readers(finding: Diagnostic) -> str:
    """Return the one-line form of a finding with its severity in the language in use."""
    return _in_line(finding, localized(SEVERITIES[finding.severity]))


def _in_line(finding: Diagnostic, severity: str) -> str:
    where = localized(finding.place.message())
    return f"{where + ': ' if where else ''}{severity} {finding.code} {localized(finding.message)}"


def tally(diagnostics: Iterable[Diagnostic]) -> str:
    """Return the number of findings by severity, the most severe first, including unlisted ones.

    >>> tally([Diagnostic("K203", "a"), Diagnostic("K412", "b", severity=Severity.WARNING), Diagnostic("K203", "c")])
    '2 errors, 1 warning'
    >>> tally([])
    'no findings'
    """
    numbers: Counter[Severity] = Counter()
    for finding in diagnostics:
        numbers[finding.severity] += finding.stands_for
    counts = [(numbers[severity], nouns) for severity, nouns in _NOUNS.items()]
    return listed(count(number, *nouns) for number, nouns in counts if number) or tr("no findings")


def _full(findings: list[Diagnostic], *, color: bool, width: int | None, shown: int) -> Iterator[list[str]]:
    gathered: dict[tuple[Severity, str], list[Diagnostic]] = {}
    for finding in findings:
        if finding.place.line is None:
            gathered.setdefault((finding.severity, finding.code), []).append(finding)
    lines_of = cache(_read)
    for finding in findings:
        if finding.place.line is not None:
            source = lines_of(finding.place.file) if finding.place.file else ()
            yield [
                _headline(finding, color=color),
                *_snippet(finding, source, color=color, width=width),
                *_hint(finding, color=color),
            ]
        elif group := gathered.pop((finding.severity, finding.code), None):
            yield _group(group, color=color, shown=shown)


def _group(group: list[Diagnostic], *, color: bool, shown: int) -> list[str]:
    """Return the lines of data findings of one code; equal messages share a headline above their places."""
    alike: dict[tuple[str, str | None], list[Diagnostic]] = {}
    for finding in group[:shown]:
        alike.setdefault((finding.message, finding.hint), []).append(finding)
    lines = []
    for same in alike.values():
        arrows = [_arrow(finding, color=color) for finding in same if str(finding.place)]
        lines += [_headline(same[0], color=color), *arrows, *_hint(same[0], color=color)]
    if (more := number_of(group[shown:])) > 0:
        noun = _NOUNS[group[0].severity][more != 1]
        lines.append("   " + tr("... and {more:,} more {code} {what}", more=more, code=group[0].code, what=noun))
    return lines


def _headline(finding: Diagnostic, *, color: bool) -> str:
    label = f"{localized(SEVERITIES[finding.severity])}[{finding.code}]"
    return f"{_paint(label, _COLOURS[finding.severity], color=color)}: {visible(localized(finding.message))}"


def _arrow(finding: Diagnostic, *, color: bool) -> str:
    label = (
        Message(": {label}", label=visible(localized(finding.label)))
        if finding.label and finding.place.line is None
        else ""
    )
    return f"  {_paint('-->', 'blue', color=color)} {visible(localized(finding.place.message()))}{label}"


def _hint(finding: Diagnostic, *, color: bool) -> list[str]:
    return [f"   {_paint('=', 'blue', color=color)} {visible(localized(finding.hint))}"] if finding.hint else []


def _snippet(finding: Diagnostic, source: tuple[str, ...], *, color: bool, width: int | None) -> list[str]:
    """Return the arrow, the source line and the carets; only the arrow if the file has no such line.

    A line with a password is not shown.
    """
    place, arrow = finding.place, _arrow(finding, color=color)
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
    carets = "^" * max(cell_len(meant), 1) + (f" {visible(localized(finding.label))}" if finding.label else "")
    under = f"{' ' * (len(gutter) - 1)}|"
    pointer = " " * cell_len(before) + _paint(carets, _COLOURS[finding.severity], color=color)
    return [
        arrow,
        f"{_paint(gutter, 'blue', color=color)} {before}{meant}{after}".rstrip(),
        f"{_paint(under, 'blue', color=color)} {pointer}",
    ]


def _cut(before: str, meant: str, after: str, room: int) -> tuple[str, str, str]:
    """Return the three parts of a source line within `room` cells, with dots at cuts."""
    before = _head(before[::-1], max(room - cell_len(meant), room // 3))[::-1]
    meant = _head(meant, room - cell_len(before))
    return before, meant, _head(after, room - cell_len(before + meant))


def _head(text: str, room: int) -> str:
    """Return a text, cut to `room` cells and ending in dots when it is wider."""
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, room - 3) + "..." if room > 3 else "." * max(room, 0)


def _read(file: str) -> tuple[str, ...]:
    """Return the lines of a file, none if it cannot be read: the finding is shown without its source."""
    try:
        return tuple(_BREAKS.split(Path(file).read_bytes().decode("utf-8-sig", errors="replace")))
    except (OSError, ValueError):
        return ()


def _paint(text: str, style: str, *, color: bool) -> str:
    if not color:
        return text
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def _record(finding: Diagnostic) -> dict[str, object]:
    head = {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": localized(finding.message),
        "label": finding.label and localized(finding.label),
        "hint": finding.hint and localized(finding.hint),
        "stands_for": finding.stands_for,
    }
    place = structs.asdict(finding.place)
    if place["named_in"] is None:
        del place["named_in"]
    return head | place


def _command(finding: Diagnostic) -> str:
    """Return the workflow command that annotates a line; rows of a workbook are described in the message."""
    place = finding.place
    spots: dict[str, object] = {}
    if place.file:
        spots["file"] = place.file
    if place.line is not None:
        spots |= {"line": place.line, "col": place.column or 1, "endColumn": (place.column or 1) + max(place.length, 1)}
    elif place.row is not None and place.sheet is None:
        spots["line"] = place.row
    spots["title"] = finding.code
    options = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in spots.items())
    words = "\n".join(
        map(
            localized,
            filter(
                None, ("" if place.line is not None else place.message(), finding.message, finding.label, finding.hint)
            ),
        )
    )
    return f"::{_COMMANDS[finding.severity]} {options}::{_escaped(words)}"


def _escaped(text: str, extra: str = "") -> str:
    for sign in "%\r\n" + extra:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
