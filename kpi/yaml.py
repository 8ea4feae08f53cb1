"""YAML with positions: YAML 1.2 scalars, no duplicate keys, and the line and column of every value.

libyaml composes the tree; scalars are read by the YAML 1.2 core schema (`no` is text, `012` is twelve, `1e3` is a
thousand), where YAML 1.1 readers see false, ten and text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml as pyyaml

from kpi.definition import Path
from kpi.errors import Diagnostic, Place, Severity

_Loader: Any = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE, _FALSE = {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_INT, _BASED = re.compile(r"[-+]?[0-9]+"), re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
#: What YAML 1.1 reads as a truth value and YAML 1.2 as text.
_OLD_TRUTH = {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "Y", "n", "N"}


@dataclass
class Document:
    """A YAML document: its data, the findings made while reading it, and where everything stands."""

    file: str
    data: Any = None
    findings: list[Diagnostic] = field(default_factory=list)
    _keys: dict[Path, pyyaml.Node] = field(default_factory=dict)
    _values: dict[Path, pyyaml.Node] = field(default_factory=dict)

    def place(self, path: Path, span: tuple[int, int] | None = None, *, key: bool = False) -> Place:
        """Returns where the value (or its `key`) at a path stands; the nearest known ancestor when there is none.

        Steps of the path that the document does not have, such as a list position where one value stands for a list of
        one, are passed over.
        """
        known: Path = ()
        for step in path:
            if (*known, step) in self._values:
                known = (*known, step)
        node = self._keys.get(known) if key or known != tuple(path) else None
        node = node if node is not None and span is None else self._values.get(known)
        if node is None:
            return Place(self.file, 1, 1)
        mark, end = node.start_mark, node.end_mark
        length = end.column - mark.column if end.line == mark.line else 1
        column = mark.column + 1
        if span is not None:
            quoted = isinstance(node, pyyaml.ScalarNode) and node.style in ("'", '"')
            column, length = column + quoted + span[0], span[1]
        elif isinstance(node, pyyaml.CollectionNode) and known in self._keys:
            return self.place(known, key=True)
        return Place(self.file, mark.line + 1, column, max(length, 1))


def read(text: str, file: str) -> Document:
    """Returns the document in a text; syntax errors, duplicate keys and YAML 1.1 habits are findings in it."""
    document = Document(file)
    if "\t" in text:
        for number, line in enumerate(text.splitlines(), 1):
            indent = line[: len(line) - len(line.lstrip())]
            if "\t" in indent:
                place = Place(file, number, indent.index("\t") + 1)
                document.findings.append(Diagnostic("K101", "a tab in the indentation", place, "indent with spaces"))
        if document.findings:
            return document
    try:
        node = pyyaml.compose(text, Loader=_Loader)
    except pyyaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        message = f"this is not YAML: {error.problem or error.context}"
        hint = "a text that holds `: `, or begins with % @ & * ! [ {, needs quotes"
        document.findings.append(Diagnostic("K101", message, place, hint))
        return document
    except pyyaml.YAMLError as error:
        document.findings.append(Diagnostic("K101", f"this is not YAML: {error}", Place(file, 1, 1)))
        return document
    if node is None:
        document.findings.append(Diagnostic("K102", "the file is empty", Place(file, 1, 1)))
        return document
    document._values[()] = node  # noqa: SLF001
    document.data = _Reader(document).value(node, ())
    return document


class _Reader:
    """One walk over a composed tree that builds plain data and remembers where each value came from."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.open: list[int] = []

    def value(self, node: pyyaml.Node, path: Path) -> Any:
        if id(node) in self.open:
            self.complain(node, "K101", "an alias inside its own anchor")
            return None
        self.open.append(id(node))
        try:
            if isinstance(node, pyyaml.MappingNode):
                return dict(self.items(node, path))
            if isinstance(node, pyyaml.SequenceNode):
                return [self.item(child, (*path, place)) for place, child in enumerate(node.value)]
            return scalar(node) if isinstance(node, pyyaml.ScalarNode) else None
        finally:
            self.open.pop()

    def item(self, node: pyyaml.Node, path: Path) -> Any:
        self.document._values[path] = node  # noqa: SLF001
        return self.value(node, path)

    def items(self, node: pyyaml.MappingNode, path: Path) -> Iterator[tuple[Any, Any]]:
        seen: dict[Any, pyyaml.Node] = {}
        for key_node, value_node in node.value:
            key = scalar(key_node) if isinstance(key_node, pyyaml.ScalarNode) else None
            if key is None:
                self.complain(key_node, "K103", "a key must be a plain text or number")
                continue
            if key in seen:
                first = seen[key].start_mark.line + 1
                self.complain(
                    key_node, "K104", f"`{key}` is given twice; first on line {first}", "remove one of the two"
                )
                continue
            if key_node.value in _OLD_TRUTH and key_node.style is None:
                hint = f'YAML 1.2 reads `{key_node.value}` as text; quote it if that is meant: "{key_node.value}"'
                self.complain(
                    key_node,
                    "K106",
                    f"`{key_node.value}` as a key is easily taken for a truth value",
                    hint,
                    Severity.WARNING,
                )
            seen[key] = key_node
            here = (*path, key)
            self.document._keys[here] = key_node  # noqa: SLF001
            yield key, self.item(value_node, here)

    def complain(
        self, node: pyyaml.Node, code: str, message: str, hint: str | None = None, severity: Severity = Severity.ERROR
    ) -> None:
        mark = node.start_mark
        length = max(node.end_mark.column - mark.column, 1) if node.end_mark.line == mark.line else 1
        place = Place(self.document.file, mark.line + 1, mark.column + 1, length)
        self.document.findings.append(Diagnostic(code, message, place, hint, severity))


def scalar(node: pyyaml.ScalarNode) -> Any:  # noqa: PLR0911 - one line a kind of scalar reads best
    """Returns a scalar by the core schema of YAML 1.2; quoted scalars are text."""
    text: str = node.value
    if node.style in ("'", '"', "|", ">") or (node.tag == "tag:yaml.org,2002:str" and node.style is not None):
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if found := _INFINITE.fullmatch(text):
        return float("-inf" if found[1] == "-" else "inf")
    if _DATE.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return text
    return text
