"""Where a template of a bulletin has a mistake: the tag, and its paragraph or cell."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, suggest
from kpi.report.bulletin import facts
from kpi.values.patterns import regex

if TYPE_CHECKING:
    from jinja2 import Environment

_OPENS = regex(r"\{[{%]")
_TAG = regex(r"\{\{.*?\}\}|\{%.*?%\}|\{[{%][^<]*", re.DOTALL)
#: The elements and statements of a document whose nesting has to agree.
_NESTED = regex(r"<(/?)w:(\w+)[^<>]*?(/?)>|(\{\{)|\{%-?\s*(\w*)")
_STATEMENT = regex(r"\{\{|\{%-?\s*(\w*)")
_OF_A_NAME = regex(r"has no attribute '([^']*)'|^'([^']*)' is undefined|[Nn]o (?:filter|test) named '([^']*)'")
_BLOCKS = ("for", "if", "macro", "call", "filter", "with")
#: The most signs of a tag that a message shows.
_LONGEST = 80

#: Every name that a template can use of the facts.
NAMES = sorted(
    {
        name
        for kind in vars(facts).values()
        if isinstance(kind, type) and issubclass(kind, Struct)
        for name in (*kind.__struct_fields__, *(key for key, value in vars(kind).items()
                                                            if isinstance(value, property)))
    }
)  # fmt: skip


class WrongName(Exception):  # noqa: N818 - raised by nothing: a finding before it has a place
    """A name that is not there.

    Attributes:
        name: as the template has it.
        line: of the template.
        hint: what may be meant.
    """

    def __init__(self, name: str, line: int, hint: Message | None) -> None:
        super().__init__(name)
        self.name, self.line, self.hint = name, line, hint


class Mistake(Exception):  # noqa: N818 - no error of the program
    """A mistake in a part of a template.

    Attributes:
        source: the part, as Jinja reads it.
        part: the name of the part in the package, such as /word/document.xml.
        cause: what Jinja, or a filter, raised, or a wrong name; None where the tags cut through the document.
    """

    def __init__(self, source: str, part: str, cause: Exception | None) -> None:
        super().__init__(part)
        self.source, self.part, self.cause = source, part, cause


class Spot(Struct, frozen=True):
    """Where a tag stands: which one of its part, and its text."""

    number: int
    tag: str


def line_of(error: Exception) -> int | None:
    """Return the line of a template that an error comes from, None if it names none."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else getattr(error, "lineno", None)


def spot(mistake: Mistake, environment: Environment, context: dict[str, Any]) -> Spot | None:
    """Return the tag of a mistake: with a line for each tag, the line that Jinja names counts the tags."""
    if mistake.cause is None:
        return crossing(mistake.source)
    if isinstance(mistake.cause, WrongName):
        return _numbered(mistake.source, mistake.cause.line - 1)
    if "Unexpected end of template" in str(mistake.cause):
        return _open(mistake.source)
    try:
        environment.from_string(tag_a_line(mistake.source)).render(context)
    except Exception as error:  # noqa: BLE001 - the same error once more, whatever it is
        if (line := line_of(error)) is not None:
            return _numbered(mistake.source, line - 1)
    return None


def tag_a_line(source: str) -> str:
    """Return a template with the first tag on line 2, and each further one on the next.

    >>> tag_a_line("{{ a }}, {% if b %}").splitlines()
    ['', '{{ a }}, ', '{% if b %}']
    """
    return _OPENS.sub(lambda match: f"\n{match[0]}", source.replace("\n", " "))


def _numbered(source: str, number: int) -> Spot | None:
    """Return the tag of a number, from 1."""
    starts = [match.start() for match in _OPENS.finditer(source)]
    if not 1 <= number <= len(starts):
        return None
    match = _TAG.match(source, starts[number - 1])
    return Spot(number, re.sub(r"\s+", " ", re.sub("<[^>]*>", "", match[0] if match else "")).strip()[:_LONGEST])


def crossing(source: str) -> Spot | None:
    """Return the first tag that ends a block elsewhere than it began, as seen from the elements around it."""
    elements: list[str] = []
    blocks: list[tuple[int, list[str]]] = []
    number = 0
    for closing, name, empty, printed, statement in (match.groups() for match in _NESTED.finditer(source)):
        if name:
            if closing and elements:
                elements.pop()
            elif not closing and not empty:
                elements.append(name)
            continue
        number += 1
        if printed:
            continue
        if statement in _BLOCKS:
            blocks.append((number, list(elements)))
        elif statement.startswith("end") and blocks and statement != "endset":
            _, began = blocks.pop()
            if began != elements:
                return _numbered(source, number)
        elif statement in ("else", "elif") and blocks and blocks[-1][1] != elements:
            return _numbered(source, number)
    return None


def _open(source: str) -> Spot | None:
    """Return the tag that begins the last block without an end, at which Jinja is only at the end of the text."""
    blocks = []
    for number, match in enumerate(_STATEMENT.finditer(source), start=1):
        if match[1] in _BLOCKS:
            blocks.append(number)
        elif (match[1] or "").removeprefix("end") in _BLOCKS and blocks:
            blocks.pop()
    return _numbered(source, blocks[-1]) if blocks else None


def where(document: Any, number: int) -> Message | None:
    """Return where the tag of a number stands in a document of python-docx; None where it has fewer tags."""
    counted = 0
    for message, text in _paragraphs(document.element.body):
        counted += len(_OPENS.findall(text))
        if counted >= number:
            return message
    return None


def _paragraphs(body: Any) -> Iterator[tuple[Message, str]]:
    """Yield every paragraph in order: where it is, and its text."""
    from docx.oxml.ns import qn

    paragraph = table = 0
    for element in body:
        if element.tag == qn("w:p"):
            paragraph += 1
            yield Message("paragraph {number}", number=paragraph), _text(element)
        elif element.tag == qn("w:tbl"):
            table += 1
            for row, line in enumerate(element.iter(qn("w:tr")), start=1):
                for column, cell in enumerate(line.iter(qn("w:tc")), start=1):
                    words = Message("table {table}, row {row}, column {column}", table=table, row=row, column=column)
                    yield words, _text(cell)


def _text(element: Any) -> str:
    from docx.oxml.ns import qn

    return "".join(item.text or "" for item in element.iter(qn("w:t")))


def finding(
    file: str, cause: Exception | None, place: Message | None, tag: str = "", line: int | None = None
) -> Diagnostic:
    """Return the finding about a mistake: which tag, where, what is wrong with it, and what may be meant."""
    hint: Message | None = Message("docs/results.md lists what a template can name")
    if cause is None:
        what = Message("a block ends in another paragraph or row than it begins in")
        hint = Message("write {{%p ... %}} in a paragraph of its own, and {{%tr ... %}} in a row of its own")
    elif isinstance(cause, WrongName):
        what, hint = Message("there is nothing of the name `{name}`", name=cause.name), cause.hint or hint
    elif (match := _OF_A_NAME.search(str(cause))) is not None:
        name = next(filter(None, match.groups()), "")
        what = Message("there is nothing of the name `{name}`", name=name)
        hint = suggest(name, NAMES) or hint
    else:
        what = Message("{error}", error=str(cause) or type(cause).__name__)
    if place is not None:
        message = Message("the template has a mistake in {place}, at `{tag}`: {what}", place=place, tag=tag, what=what)
    elif tag:
        message = Message("the template has a mistake at `{tag}`: {what}", tag=tag, what=what)
    else:
        message = Message("the template has a mistake: {what}", what=what)
    return Diagnostic("K882", message, Place(file, line=line), hint)
