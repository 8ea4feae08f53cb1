"""YAML with positions: YAML 1.2 scalars, no duplicate keys, and the line and column of every value.

libyaml composes the tree; scalars are read by the YAML 1.2 core schema (`no` is text, `012` is twelve, `1e3` is a
thousand), where YAML 1.1 readers see false, ten and text.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml as pyyaml

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.loading.table_rows import Cell
from kpi.language.model import Path
from kpi.values.doubles import double
from kpi.values.patterns import regex

#: `scalar` resolves plain scalars; to have them resolved by the rules of YAML 1.1 too takes a third longer.
_Loader: Any = type("_Loader", (getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader),), {"yaml_implicit_resolvers": {}})

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE, _FALSE = {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_INT, _BASED = regex(r"[-+]?[0-9]+"), regex(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = regex(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = regex(r"([-+]?)\.(inf|Inf|INF)")
_DATE = regex(r"\d{4}-\d{2}-\d{2}")
#: What numbers and dates begin with.
_FIGURE = frozenset("+-.0123456789")
_PLAIN = ("", None)
#: The line breaks of YAML; `str.splitlines` splits at more characters.
_BREAKS = regex("\r\n|[\n\r\x85\u2028\u2029]")
#: One letter of a quoted text as it is written: a doubled quote and an escape are one letter.
_LETTER = regex(r"''|\\x..|\\u.{4}|\\.|.")
#: How many values a file may have and how deep they may lie, so that aliases of aliases cannot fill the memory.
_MOST, _DEEPEST = 1_000_000, 50
_MOST_OPEN, _MOST_INDENT = 1000, 10_000
_BRACKET, _DASHES = regex(r"[][{}]"), regex(r"(?:[-?:] +){1000}")
_INDENTED = regex(rf"^ {{{_MOST_INDENT}}}", re.MULTILINE)
#: What YAML 1.1 reads as a truth value and YAML 1.2 as text.
_OLD_TRUTH = {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "Y", "n", "N"}
#: What as a key is no slip, because the language has it: `ranking: {on: raw}`.
_OWN = {"on"}


@dataclass
class Document:
    """A YAML document: its data, the findings made while reading it, and where everything stands."""

    file: str
    data: Any = None
    findings: list[Diagnostic] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    spoiled: set[Path] = field(default_factory=set)
    #: Where the parser gave up, line and offset from 0; None where it came to the end.
    stopped: tuple[int, int] | None = None
    #: Values that are not in the document but in tables that it names, where they stand.
    cells: dict[Path, Cell] = field(default_factory=dict)
    _keys: dict[Path, pyyaml.Node] = field(default_factory=dict)
    _values: dict[Path, pyyaml.Node] = field(default_factory=dict)

    def known(self, path: Path) -> Path:
        """Return the longest part of a path that the document has, leaving out steps that it does not have.

        A list position where one value stands for a list of one is such a step, as is the kind of a definition.
        """
        paths: set[Path] = {()}
        for step in path:
            longer = {(*candidate, step) for candidate in paths}
            paths |= {item for item in longer if item in self._values or item in self.cells}
        return max(paths, key=lambda candidate: (len(candidate), candidate[-1:] == tuple(path[-1:])))

    def written(self, path: Path) -> str:
        """Return a value on one line as the file has it, empty for anything longer."""
        known = self.known(path)
        if known in self.cells:
            return self.cells[known].text
        node = self._values[known]
        return node.value if isinstance(node, pyyaml.ScalarNode) and node.style in _PLAIN else ""

    def has(self, path: Path) -> bool:
        """Return whether a value stands in the document itself."""
        return path in self._values

    def forget(self, path: Path) -> None:
        """Let no value at a path, or inside it, stand in a table."""
        for item in [cell for cell in self.cells if cell[: len(path)] == path]:
            del self.cells[item]

    def borrow(self, path: Path, other: Path) -> None:
        """Let a value that the document does not have stand where another one does."""
        self._values.setdefault(path, self._values[self.known(other)])
        if (key := self._keys.get(other)) is not None:
            self._keys.setdefault(path, key)

    def place(self, path: Path, span: tuple[int, int] | None = None, *, key: bool = False) -> Place:
        """Return where the value (or its `key`) at a path stands; the nearest known ancestor when there is none.

        The place of a mapping or list is that of its key, and so is that of text over many lines, where a `span` has no
        place of its own.
        """
        known = self.known(path)
        if known in self.cells:
            return self.cells[known].place
        node = self._values[known]
        passed_over = known[-1:] != tuple(path[-1:]) and not isinstance(path[-1], int)
        at_key = key or passed_over or not isinstance(node, pyyaml.ScalarNode)
        many_lines = node.start_mark.line != node.end_mark.line and getattr(node, "style", None) != "|"
        if at_key or many_lines or node.start_mark.index == node.end_mark.index:
            node = self._keys.get(known, node)
            if not known and isinstance(node, pyyaml.MappingNode) and node.value:
                node = node.value[0][0]
            span = None
        return self.spot(node, span)

    def spot(self, node: pyyaml.Node, span: tuple[int, int] | None = None) -> Place:
        """Return where a node stands, or the part of its text that `span` gives by offset and length."""
        mark, end = node.start_mark, node.end_mark
        if isinstance(node, pyyaml.ScalarNode) and node.style == "|" and span is not None:
            before, text = node.value[: span[0]].split("\n"), node.value.split("\n")
            line = mark.line + len(before)
            indent = len(self.lines[line]) - len(text[len(before) - 1])
            return Place(self.file, line + 1, indent + len(before[-1]) + 1, max(span[1], 1))
        if end.line != mark.line:
            return Place(self.file, mark.line + 1, mark.column + 1)
        column, length = mark.column + 1, end.column - mark.column
        if span is not None:
            source = self.lines[mark.line][mark.column : end.column]
            starts = _letters(source, getattr(node, "style", None))
            first = min(span[0], len(starts) - 1)
            last = min(first + span[1], len(starts) - 1)
            column, length = column + starts[first], starts[last] - starts[first]
        return Place(self.file, mark.line + 1, column, max(length, 1))


@functools.lru_cache(maxsize=4)
def _letters(source: str, style: str | None) -> Sequence[int]:
    """Return where each letter of a scalar's text begins in its source, and where the last one ends."""
    if style not in ("'", '"'):
        return range(len(source) + 1)
    return [1 + match.start() for match in _LETTER.finditer(source[1:-1])] + [len(source) - 1]


def read(text: str, file: str) -> Document:
    """Return the document in a text; syntax errors, duplicate keys and YAML 1.1 habits are findings in it."""
    document = Document(file, lines=_BREAKS.split(text))
    node = _compose(document, text)
    if node is None:
        return document
    document._values[()] = node  # noqa: SLF001
    try:
        if "*" in text:
            _count(node, {}, 0)
        document.data = _Reader(document).value(node, ())
    except _TooMuchError:
        document.findings.append(Diagnostic("K101", _TOO_MUCH, Place(file, 1, 1), Message("write it without aliases")))
    return document


class _TooMuchError(ValueError):
    """A document of more values, or of deeper ones, than any definition has."""


def _count(node: pyyaml.Node, known: dict[int, int], depth: int) -> int:
    """Return the number of values of a node with its aliases expanded, each node counted once.

    Raises:
        _TooMuchError: for too many, before any of them is made.
    """
    if id(node) in known or depth > _DEEPEST + 1:
        return known.get(id(node), 1)
    known[id(node)] = 1  # of an alias inside its own anchor, which is reported for itself
    if isinstance(node, pyyaml.ScalarNode):
        return 1
    parts = node.value if isinstance(node, pyyaml.SequenceNode) else [value for _, value in node.value]
    number = 1 + sum(_count(part, known, depth + 1) for part in parts)
    if number > _MOST:
        raise _TooMuchError(_TOO_MUCH)
    known[id(node)] = number
    return number


#: Keys whose texts are conditions or expressions.
CONDITIONS = ("where", "when", "expr")

# A text that a condition compares something with and that lacks its quotes.
_BARE = regex(r"(=|<>)\s*([^\s\x00-\x7f][^\s'\"<>=,()]*)(?=\s*(?:,|$|\band\b|\bor\b|且|或))")


def without_brackets(key: str, condition: str, *, mapping: bool) -> Message:
    """Return the hint that brackets make no text in YAML, with the condition or expression that was meant.

    >>> without_brackets("where", '状态 = 办结', mapping=True)
    "braces make a mapping in YAML: write the text alone, `where: 状态 = '办结'`"
    """
    text = condition.strip().replace('"', "'")
    text = _BARE.sub(r"\1 '\2'", text) if key != "expr" else text
    text = re.sub(r"'([^']+)'(?=\s*[=<>])", r"\1", text)
    # What begins with a quote ends with the next one for YAML, and a comma ends a text in braces.
    text = f'"{text}"' if re.search(r"^'|: | #|[,\[\]{}]", text) else text
    if mapping:
        return Message("braces make a mapping in YAML: write the text alone, `{key}: {text}`", key=key, text=text)
    return Message("brackets make a list in YAML: write the text alone, `{key}: {text}`", key=key, text=text)


def _of_condition(line: str, column: int) -> Message | None:
    """Return the hint about a bracket of a line that encloses a condition, None where it encloses something else."""
    key = re.search(rf"\b({'|'.join(CONDITIONS)})\s*:\s*$", line[:column])
    if key is None:
        return None
    opening, inside = line[column], line[column + 1 :]
    end = inside.find("}" if opening == "{" else "]")
    return without_brackets(key[1], inside if end < 0 else inside[:end], mapping=opening == "{")


_TOO_MUCH = Message("more than {most:,} values, or values more than {depth} deep", most=_MOST, depth=_DEEPEST)


def _compose(document: Document, text: str) -> pyyaml.Node | None:
    """Return the tree of a text, or None with a finding."""
    for number, line in enumerate(document.lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            place = Place(document.file, number, indent.index("\t") + 1)
            document.findings.append(
                Diagnostic("K101", Message("a tab in the indentation"), place, Message("indent with spaces"))
            )
    if _too_deep(text):
        hint = Message("a definition is a few levels deep")
        document.findings.append(
            Diagnostic("K101", Message("values within values without end"), Place(document.file, 1, 1), hint)
        )
    if document.findings:
        return None
    try:
        node = pyyaml.compose(text, Loader=_Loader)
    except pyyaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        document.stopped = (at.line, at.column) if at else (0, 0)
        mark = error.context_mark if str(error.problem) in _UNCLOSED else error.problem_mark or error.context_mark
        place = Place(document.file, mark.line + 1, mark.column + 1) if mark else Place(document.file, 1, 1)
        message, hint = _SYNTAX.get(
            str(error.problem),
            (Message("this is not YAML: {problem}", problem=error.problem or error.context), _QUOTES),
        )
        if mark is not None and str(error.problem) in _UNCLOSED:
            hint = _of_condition(document.lines[mark.line], mark.column) or hint
        document.findings.append(Diagnostic("K101", message, place, hint))
        return None
    except (pyyaml.YAMLError, UnicodeEncodeError):
        odd = pyyaml.reader.Reader.NON_PRINTABLE.search
        spots = ((number, match.start()) for number, line in enumerate(document.lines, 1) if (match := odd(line)))
        line_number, offset = next(spots, (1, 0))
        place = Place(document.file, line_number, offset + 1)
        document.findings.append(
            Diagnostic("K101", Message("a character that no text file holds"), place, Message("delete it"))
        )
        return None
    if node is None:
        place = Place(document.file, 1, 1)
        document.findings.append(
            Diagnostic("K102", Message("the file is empty"), place, Message("kpi init writes one to begin with"))
        )
    return node


def _too_deep(text: str) -> bool:
    """Return whether brackets or dashes nest so deep that libyaml, which composes by recursion, would not return."""
    depth = deepest = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match[0] in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest > _MOST_OPEN or _DASHES.search(text) is not None or _INDENTED.search(text) is not None


_QUOTES = Message("a text that holds `: `, or begins with % @ & * ! [ {{, needs quotes")
_UNCLOSED = ("did not find expected ',' or '}'", "did not find expected ',' or ']'")
#: How the parser's findings read in the user's words, and what to do.
_SYNTAX = {
    "did not find expected ',' or '}'": (
        Message("a `{{` is not closed, or a comma is missing"),
        Message("close it with `}}`"),
    ),
    "did not find expected ',' or ']'": (
        Message("a `[` is not closed, or a comma is missing"),
        Message("close it with `]`"),
    ),
    "found character that cannot start any token": (
        Message("no text begins with this sign"),
        Message("put the text into quotes"),
    ),
    "mapping values are not allowed in this context": (
        Message("a second `:` on one line"),
        Message("put a text that holds `: ` in quotes"),
    ),
    "did not find expected key": (
        Message("this line does not fit in"),
        Message("indent it like the lines that it belongs to"),
    ),
    "found undefined alias": (
        Message("there is no anchor of this name"),
        Message("define it further up with `&`, or quote the text"),
    ),
    "but found another document": (
        Message("a second document begins here"),
        Message("one file is one system; take the `---` away"),
    ),
}


class _Reader:
    """One walk over a composed tree that builds plain data and remembers where each value came from."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.open: list[int] = []
        self.read = 0

    def value(self, node: pyyaml.Node, path: Path) -> Any:
        if id(node) in self.open:
            self.document.spoiled.add(path)
            place = self.document.spot(self.document._keys.get(path, node))  # noqa: SLF001
            hint = Message("an alias repeats a value that is finished further up")
            self.document.findings.append(Diagnostic("K101", Message("an alias inside its own anchor"), place, hint))
            return None
        self.read += 1
        if self.read > _MOST or len(self.open) > _DEEPEST:
            raise _TooMuchError(_TOO_MUCH)
        self.open.append(id(node))
        try:
            if isinstance(node, pyyaml.MappingNode):
                return dict(self.items(node, path))
            if isinstance(node, pyyaml.SequenceNode):
                if node.flow_style:
                    self.commas(node.value)
                return [self.item(child, (*path, place)) for place, child in enumerate(node.value)]
            return self.scalar(node) if isinstance(node, pyyaml.ScalarNode) else None
        finally:
            self.open.pop()

    def scalar(self, node: pyyaml.ScalarNode) -> Any:
        mark = node.start_mark
        line = self.document.lines[mark.line]
        if line.startswith("!", mark.column):
            source = line[mark.column :]
            hint = Message("take it away; what is in quotes is text")
            self.complain(node, "K101", Message("tags such as `{tag}` are not used here", tag=source.split()[0]), hint)
        return scalar(node)

    def commas(self, items: Iterable[pyyaml.Node]) -> None:
        """Warn of full-width commas in a list, where `[甲，乙]` is one item, unless its text is in quotes."""
        for node in items:
            if isinstance(node, pyyaml.ScalarNode) and node.style in _PLAIN and (at := node.value.find("，")) >= 0:
                message = Message("a full-width comma (，) separates no list: `{text}` is one item", text=node.value)
                hint = Message("write a half-width comma and a blank, or put it into quotes if it is one item")
                place = self.document.spot(node, (at, 1))
                self.document.findings.append(Diagnostic("K115", message, place, hint, Severity.WARNING))

    def item(self, node: pyyaml.Node, path: Path) -> Any:
        self.document._values[path] = node  # noqa: SLF001
        return self.value(node, path)

    def items(self, node: pyyaml.MappingNode, path: Path) -> Iterator[tuple[Any, Any]]:
        seen: dict[Any, pyyaml.Node] = {}
        for key_node, value_node in node.value:
            key = scalar(key_node) if isinstance(key_node, pyyaml.ScalarNode) else None
            if key is None:
                self.complain(key_node, "K103", Message("a key must be a name"), Message("write `name: value`"))
                continue
            if key == "<<":
                hint = Message("write the keys out, or give the whole value an alias: `name: *other`")
                self.complain(key_node, "K103", Message("`<<` is not part of YAML 1.2"), hint)
                self.document.spoiled.add(path)
                continue
            if key in seen:
                first = seen[key].start_mark.line + 1
                self.complain(
                    key_node,
                    "K104",
                    Message("`{key}` is given twice; first on line {line}", key=key, line=first),
                    Message("remove one of the two"),
                )
                continue
            if key_node.value in _OLD_TRUTH - _OWN and key_node.style in _PLAIN:
                hint = Message('YAML 1.2 reads `{key}` as text; quote it if that is meant: "{key}"', key=key_node.value)
                self.complain(
                    key_node,
                    "K106",
                    Message("`{key}` as a key is easily taken for a truth value", key=key_node.value),
                    hint,
                    Severity.INFO,
                )
            seen[key] = key_node
            here = (*path, key)
            self.document._keys[here] = key_node  # noqa: SLF001
            yield key, self.item(value_node, here)

    def complain(
        self,
        node: pyyaml.Node,
        code: str,
        message: Message,
        hint: Message | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        self.document.findings.append(Diagnostic(code, message, self.document.spot(node), hint, severity))


def scalar(node: pyyaml.ScalarNode) -> Any:
    """Return a scalar by the core schema of YAML 1.2; quoted scalars are text."""
    text: str = node.value
    if node.style not in _PLAIN:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _figure(text) if text[0] in _FIGURE else text


def _figure(text: str) -> Any:  # noqa: PLR0911 - one line a kind of scalar reads best
    """Return the number or date that a text is, else the text."""
    if _INT.fullmatch(text) and len(text) < 400:
        return int(text)
    if _FLOAT.fullmatch(text):
        return double(text)
    if _BASED.fullmatch(text) and len(text) < 400:
        return int(text, 0)
    if match := _INFINITE.fullmatch(text):
        return float("-inf" if match[1] == "-" else "inf")
    if _DATE.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return text
    return text
