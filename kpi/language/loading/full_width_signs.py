"""Full-width signs (全角符号) in the structure of a definition, where YAML has only half-width ones.

For YAML `title：示例` is no key and value, and it reports another error at another place. So signs that stand where
structure does are replaced on trial: a sign is wrong if the text can be parsed, or has fewer errors, without it. Signs
inside texts are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.values.patterns import regex

#: The most signs of a text that are tried.
_MOST = 60

_COMMAS = {
    "，": Message("full-width comma (，): write a half-width comma and a blank"),
    "、": Message("enumeration comma (、): write a half-width comma and a blank"),
}
_PAIRS = {
    "“": ("”", '""', Message('full-width quotation marks (“”): write half-width ones ("")')),
    "‘": ("’", "''", Message("full-width quotation marks (‘’): write half-width ones ('')")),
    "＂": ("＂", '""', Message('full-width quotation marks (＂): write half-width ones (")')),
    "【": ("】", "[]", Message("lenticular brackets (【】): write half-width ones ([])")),
    "［": ("］", "[]", Message("full-width brackets (［］): write half-width ones ([])")),
    "｛": ("｝", "{}", Message("full-width braces (｛｝): write half-width ones ({{}})")),
}
_OPENING, _CLOSING = "[{［｛【", "]}］｝】"
_ANY = regex(f"[：，、　－＃０-９{''.join(_PAIRS)}]")
_KEY = regex(r"[\w.“”\"'-]+[ 　]*")
_ENTRY, _ITEM = regex(r"[{,，、｛【［\[]"), regex(r"^(?:[ 　]*[-－][ 　]+)+")
_NUMBER = regex(r"[０-９][０-９．]*")
_BLOCK = regex(r"[|>][-+0-9]*\s*(?:#.*)?$")
_HALF = {ord(full): half for full, half in zip("０１２３４５６７８９．", "0123456789.", strict=True)}


class Sign(Struct, frozen=True):
    """A full-width sign, or a pair of them, that may stand for structure.

    Attributes:
        line: its line, from 0.
        spots: offset in the line, what stands there, and what should, for each part.
        message: what is wrong with it.
    """

    line: int
    spots: tuple[tuple[int, str, str], ...]
    message: Message

    @property
    def column(self) -> int:
        """Where it begins, from 0."""
        return self.spots[0][0]


class Reading(Struct, frozen=True):
    """The result of parsing a text.

    Attributes:
        stopped: line and offset, from 0, at which parsing failed; None if it did not.
        shaped: whether all parts have the right shape; only then are references checked.
        findings: of the text.
    """

    stopped: tuple[int, int] | None
    shaped: bool
    findings: Sequence[Diagnostic]

    def burden(self, lines: Sequence[str]) -> tuple[int, int, int]:
        """Return the severity of the errors: characters left unparsed, errors of shape, other errors."""
        left = 0
        if self.stopped is not None:
            line, offset = self.stopped
            left = 1 + sum(len(item) + 1 for item in lines[line:]) - offset
        errors = sum(finding.severity is Severity.ERROR for finding in self.findings)
        return (left, 0, errors) if self.shaped else (left, errors, 0)


def explained(lines: Sequence[str], first: Reading, read: Callable[[str], Reading]) -> list[Diagnostic]:
    """Return the findings of a text with those that full-width signs cause replaced by findings about the signs.

    Args:
        lines: the text.
        first: the result of parsing it.
        read: parses another text.
    """
    every = list(_signs(lines))[:_MOST] if any(map(_ANY.search, lines)) else []
    wrong: list[Sign] = []
    reading = first
    if every and first.stopped is not None:
        wrong, reading = _needed(lines, [], every, first, read)
    if reading.stopped is None:
        for line in sorted(_lines(reading.findings)):
            # Those of a line together, as one alone may only make another error; then each, as some may be of a text.
            items = [sign for sign in every if sign.line == line and sign not in wrong]
            if items:
                wrong, reading = _needed(lines, wrong, items, reading, read)
            for sign in items if reading.stopped is None else ():
                if sign not in wrong:
                    wrong, reading = _alone(lines, wrong, sign, reading, read)
    if not wrong:
        return list(first.findings)
    file = first.findings[0].place.file
    return [*(_finding(sign, lines, file) for sign in wrong), *(_moved(finding, wrong) for finding in reading.findings)]


def _needed(
    lines: Sequence[str], known: list[Sign], tried: Sequence[Sign], before: Reading, read: Callable[[str], Reading]
) -> tuple[list[Sign], Reading]:
    """Return the wrong signs that are known and those of some others without which less is wrong, and the reading then.

    While YAML gives up, only how far it comes is compared.
    """

    def burden(signs: Sequence[Sign], reading: Reading) -> tuple[int, ...]:
        whole = reading.burden(_replaced(lines, signs))
        return whole if before.stopped is None else whole[:1]

    wrong = [*known, *tried]
    reading = read("\n".join(_replaced(lines, wrong)))
    if burden(wrong, reading) >= burden(known, before):
        return known, before
    for sign in reversed(tried):
        fewer = [item for item in wrong if item is not sign]
        without = read("\n".join(_replaced(lines, fewer)))
        if burden(fewer, without) <= burden(wrong, reading):
            wrong, reading = fewer, without
    return wrong, reading


def _alone(
    lines: Sequence[str], known: list[Sign], sign: Sign, before: Reading, read: Callable[[str], Reading]
) -> tuple[list[Sign], Reading]:
    """Return the wrong signs with one more where less is wrong without it, and the reading then.

    What is wrong may also be another thing than before, which the error about the sign has hidden.
    """
    wrong = [*known, sign]
    reading = read("\n".join(_replaced(lines, wrong)))
    now, then = reading.burden(_replaced(lines, wrong)), before.burden(_replaced(lines, known))
    about = _about(sign, before, known)
    gone = bool(about) and not about & _about(sign, reading, wrong)
    return (wrong, reading) if now < then or (now == then and gone) else (known, before)


def _about(sign: Sign, reading: Reading, replaced: Sequence[Sign]) -> set[tuple[str, str]]:
    """Return the errors that point at a sign, by code and message."""
    errors = [_moved(finding, replaced) for finding in reading.findings if finding.severity is Severity.ERROR]
    return {
        (error.code, error.message)
        for error in errors
        if error.place.line == sign.line + 1 and 0 <= sign.column + 1 - (error.place.column or 0) < error.place.length
    }


def _lines(findings: Iterable[Diagnostic]) -> set[int]:
    return {
        finding.place.line - 1
        for finding in findings
        if finding.place.line is not None and finding.severity is Severity.ERROR
    }


def _replaced(lines: Sequence[str], signs: Iterable[Sign]) -> list[str]:
    """Return the lines with signs replaced by what should stand there."""
    text = list(lines)
    spots = [(sign.line, *spot) for sign in signs for spot in sign.spots]
    for line, offset, old, new in sorted(spots, reverse=True):
        text[line] = text[line][:offset] + new + text[line][offset + len(old) :]
    return text


def _finding(sign: Sign, lines: Sequence[str], file: str | None) -> Diagnostic:
    place = Place(file, sign.line + 1, sign.column + 1, len(sign.spots[0][1]))
    repaired = _replaced(lines, [sign])[sign.line].strip()
    hint = Message("write: {text}", text=repaired) if len(repaired) <= 100 else None
    return Diagnostic("K115", sign.message, place, hint, label=Message("full-width"))


def _moved(finding: Diagnostic, signs: Iterable[Sign]) -> Diagnostic:
    """Return a finding of the text with signs replaced at its place in the text as it is."""
    if finding.place.line is None or finding.place.column is None:
        return finding
    shift, at = 0, finding.place.column - 1
    for sign in signs:
        if sign.line == finding.place.line - 1:
            shift += sum(len(new) - len(old) for offset, old, new in sign.spots if offset < at - shift)
    return replace(finding, place=replace(finding.place, column=finding.place.column - shift))


# ---- WHERE STRUCTURE STANDS ---- #


def _signs(lines: Sequence[str]) -> Iterator[Sign]:
    """Yield the full-width signs that stand where YAML has structure, in their order."""
    depth, inside = 0, -1
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip(" "))
        if inside >= 0 and (not line.strip() or indent > inside):
            continue  # a text over many lines
        inside = -1
        signs, depth = _of_line(line, number, depth)
        if _ANY.search(line):
            yield from signs
        if not depth and _BLOCK.search(line):
            inside = indent


def _of_line(line: str, number: int, depth: int) -> tuple[list[Sign], int]:  # noqa: C901, PLR0912, PLR0915 - one scan
    """Return the signs of a line that may be structure, and how many brackets are open after it."""
    signs: list[Sign] = []
    start = True  # whether a key or an item may begin here
    value = False  # whether a value may begin here
    at = 0
    while at < len(line):
        sign = line[at]
        begins = start or value
        if sign in "\"'" and begins:
            closing = line.find(sign, at + 1)
            at = len(line) if closing < 0 else closing + 1
            start = value = False
            continue
        if sign == "#" and (at == 0 or line[at - 1] in " 　\t"):
            break
        if sign == "＃" and not line[:at].strip():
            signs.append(
                Sign(number, ((at, sign, "#"),), Message("full-width number sign (＃): write a half-width one (#)"))
            )
            break
        if sign in _OPENING and (begins or sign in "[{"):
            if sign in _PAIRS:
                signs += _pair(line, number, at)
            depth, start, value = depth + 1, True, sign in "[［【"
        elif sign in _CLOSING:
            depth, start, value = max(depth - 1, 0), False, False
        elif sign in _PAIRS and begins and (pair := _pair(line, number, at)):
            signs += pair
            at = pair[0].spots[-1][0]
            start = value = False
        elif sign == "：" and _begins_key(line, at, depth):
            new = ":" if line[at + 1 : at + 2] == " " else ": "
            signs.append(
                Sign(number, ((at, sign, new),), Message("full-width colon (：): write a half-width colon and a blank"))
            )
            start, value = False, True
        elif sign in _COMMAS and depth:
            new = "," if line[at + 1 : at + 2] == " " else ", "
            signs.append(Sign(number, ((at, sign, new),), _COMMAS[sign]))
            start = value = True
        elif sign == "," and depth:
            start = value = True
        elif sign == ":" and line[at + 1 : at + 2] in ("", " ", "　"):
            start, value = False, True
        elif sign == "　" and (begins or line[at - 1] in ":,-"):
            signs.append(Sign(number, ((at, sign, " "),), Message("full-width blank: write a half-width one")))
        elif sign == "－" and not line[:at].strip(" 　") and line[at + 1 : at + 2] in (" ", "　"):
            signs.append(
                Sign(number, ((at, sign, "-"),), Message("full-width hyphen (－): write a half-width one (-)"))
            )
        elif begins and (digits := _NUMBER.match(line, at)):
            half = digits[0].translate(_HALF)
            message = Message(
                "full-width digits ({digits}): write half-width ones ({half})", digits=digits[0], half=half
            )
            signs.append(Sign(number, ((at, digits[0], half),), message))
            at = digits.end() - 1
            start = value = False
        elif sign == "-" and start and not line[:at].strip():
            value = True
        elif sign not in " \t":
            start = value = False
        at += 1
    return signs, depth


def _begins_key(line: str, at: int, depth: int) -> bool:
    """Return whether the text before an offset is a key at the beginning of an entry.

    >>> _begins_key("  title：示例", 7, 0), _begins_key("title: 县：市", 8, 0), _begins_key("a: {unit：件}", 8, 1)
    (True, False, True)
    """
    before = line[:at]
    entry = _ENTRY.split(before)[-1] if depth else _ITEM.sub("", before)
    return _KEY.fullmatch(entry.strip(" 　")) is not None


def _pair(line: str, number: int, at: int) -> list[Sign]:
    """Return a pair of signs that enclose a whole value, nothing where they enclose a part of a text."""
    closing, half, message = _PAIRS[line[at]]
    # Quotation marks may be typed the wrong way round, brackets nest.
    end = line.find(closing, at + 1) if closing not in "】］｝" else line.rfind(closing)
    if end < 0:
        return []
    if not re.match(r"[ 　]*($|[,，、:：\]}】］｝#])", line[end + 1 :]):
        return []
    return [Sign(number, ((at, line[at], half[0]), (end, closing, half[1])), message)]
