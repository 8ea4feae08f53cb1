"""The language of the code: names that say what a thing is, and sentences without personification."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Names that do not say what a thing is: bare participles, verbs of speech and vague nouns.
BANNED = {
    "told", "said", "found", "made", "gone", "tell", "tells", "says", "knows", "goal", "takers", "twice", "pour",
    "of_wholes", "whoever", "one", "some", "mine",
}  # fmt: skip
#: Phrases that docstrings and comments do without, as patterns.
PHRASES = (
    r"\bwhoever\b", r"\banswers for\b", r"\banswered for\b", r"\bown affair\b", r"\bcomes round to itself\b",
    r"\bsays of whom\b", r"\bto be had\b", r"\bas few \w+ as will do\b", r"\b(?:is|are|was) told\b(?! apart)",
    r"\btells? (?:people|anyone|nothing|who|what|how|when|its|the)\b", r"\bof whom\b", r"\bfor want of\b",
)  # fmt: skip


def names(tree: ast.AST) -> list[tuple[int, str]]:
    """Return the names of functions, classes, parameters, fields and attributes that a module defines."""
    defined = []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.append((node.lineno, name))
            case ast.Attribute(attr=name, ctx=ast.Store()):
                defined.append((node.lineno, name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            defined += [(argument.lineno, argument.arg) for argument in every if argument is not None]
        if isinstance(node, ast.ClassDef):
            fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
            defined += [(field.lineno, field.target.id) for field in fields if isinstance(field.target, ast.Name)]
    return sorted(defined)


def prose(source: str) -> list[tuple[int, str]]:
    """Return the docstrings and comments of a module, each with its line."""
    texts = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                texts.append((getattr(node, "lineno", 1), docstring))
    return sorted(texts)


def odd_names(source: str) -> list[tuple[int, str]]:
    """Return the banned names that a module defines, with their lines."""
    return [(line, name) for line, name in names(ast.parse(source)) if name.strip("_") in BANNED]


def odd_phrases(source: str) -> list[tuple[int, str]]:
    """Return the banned phrases in docstrings and comments, with the lines of these."""
    pattern = re.compile("|".join(PHRASES), re.IGNORECASE)
    return [(line, match[0]) for line, text in prose(source) for match in pattern.finditer(text)]


def sources() -> dict[str, str]:
    paths = sorted((ROOT / "kpi").rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def test_names_say_what_a_thing_is():
    matches = [
        f"{file}:{line} `{name}` does not say what it is: name the thing"
        for file, source in sources().items()
        for line, name in odd_names(source)
    ]
    assert not matches, "\n".join(matches)


def test_docstrings_and_comments_are_plain():
    matches = [
        f"{file}:{line} `{phrase}`: say it in plain technical English"
        for file, source in sources().items()
        for line, phrase in odd_phrases(source)
    ]
    assert not matches, "\n".join(matches)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def found(): pass", "found"),
        ("def _told(): pass", "_told"),
        ("def merge(one, other): pass", "one"),
        ("def merge(*, said=None): pass", "said"),
        ("def merge(*some): pass", "some"),
        ("class Run:\n    twice: bool = False", "twice"),
        ("class Run:\n    def start(self): self.gone = 1", "gone"),
        ("async def pour(): pass", "pour"),
        ("sorted(rows, key=lambda one: one.line)", "one"),
    ],
)
def test_an_odd_name_is_noticed(source, name):
    assert [odd for _, odd in odd_names(source)] == [name]


@pytest.mark.parametrize(
    "source",
    ["def findings(): pass", "def one_line(): pass", "found = 1", "for one in rows: pass", "class Found: pass"],
)
def test_other_names_pass(source):
    assert odd_names(source) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""Memory, for whoever asks."""',
        "def run():\n    '''Run a program whose end is always answered for.'''",
        "x = 1  # whatever goes wrong with it is its own affair",
    ],
)
def test_an_odd_phrase_is_noticed(source):
    assert len(odd_phrases(source)) == 1


def test_other_phrases_and_texts_of_the_program_pass():
    assert odd_phrases('"""Return the answers for a query."""'.replace("answers for", "answers to")) == []
    assert odd_phrases('message = "whoever reported it"') == []
