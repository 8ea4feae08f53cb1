"""The fenced blocks of the documentation: what each is, and what it does when a reader types it.

A page is a session in a folder of its own, from its first block to its last:

- A block with a title (```yaml title="system.yaml"```) is a file, which is written into the folder.
- `console` is typed: each line that begins with `$ ` is run, lines that begin with `> ` continue it, and the lines
  below it are what a terminal of 100 columns then shows. A line `...` stands for any lines. A
  command without lines below it has to succeed.
- `python` is executed, all blocks of a page with the same names; one with `>>>` as a doctest.
- `yaml` without a title is a part of a definition: it has to be in the schema of the language. `toml` and
  `json` have to be such.
- `sh` installs, and is run apart, in environments of its own.
- `text` is nothing that is run.

A comment `<!-- run: COMMAND -->` is run and not shown, where a page speaks of files that its reader has. A comment
`<!-- not run: REASON -->` above a block leaves it out; the reasons are counted by a test.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
from click.testing import CliRunner  # noqa: F401  # imports what click needs before streams are replaced

from kpi.cli.main import main
from kpi.language.loading.positions import read
from kpi.language.loading.schema import json_schema

ROOT = Path(__file__).parents[2]
WIDTH = "100"
#: Hashes, which a page shows and no test compares, and seconds, for which a page has `…`.
HASH = re.compile(r"\b[0-9a-f]{8,64}\b")
SECONDS = re.compile(r"(?<= in )[\d.]+(?= s\b)|(?<=用时 )[\d.]+(?= 秒)")
COMMENT = re.compile(r"<!-- (run|not run): (.*?) -->")
FENCE = re.compile(r"^( *)(`{3,})(\w*)(.*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, title, text and line, and the reason for which it is not run."""

    language: str
    title: str
    text: str
    line: int
    left_out: str = ""
    indent: str = ""


@dataclass(frozen=True)
class Hidden:
    """A command that is run and not shown."""

    command: str
    line: int


def blocks(text: str) -> Iterator[Block | Hidden]:
    """Yield the blocks of a page, and the commands in its comments, in their order."""
    lines = text.splitlines()
    number, reason = 0, ""
    while number < len(lines):
        line = lines[number]
        if comment := COMMENT.fullmatch(line.strip()):
            if comment[1] == "run":
                yield Hidden(comment[2], number + 1)
            else:
                reason = comment[2]
        elif fence := FENCE.match(line):
            indent, ticks, language, rest = fence.groups()
            end = next(at for at in range(number + 1, len(lines)) if lines[at].strip() == ticks)
            body = [item.removeprefix(indent) for item in lines[number + 1 : end]]
            title = re.search(r'title="([^"]+)"', rest)
            yield Block(language, title[1] if title else "", "\n".join(body) + "\n", number + 1, reason, indent)
            number, reason = end, ""
        elif line.strip():
            reason = ""
        number += 1


@dataclass
class Step:
    """A command of a console block and the lines that stand below it."""

    command: str
    typed: list[str]
    shown: list[str] = field(default_factory=list)


def steps(text: str) -> list[Step]:
    """Return the commands of a console block."""
    result: list[Step] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            result.append(Step(line[2:], [line]))
        elif line.startswith("> ") and result and not result[-1].shown:
            result[-1].command += "\n" + line[2:]
            result[-1].typed.append(line)
        elif result:
            result[-1].shown.append(line)
    for step in result:
        while step.shown and not step.shown[-1].strip():
            step.shown.pop()
    return result


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Errors(io.TextIOBase):
    """Stderr beside stdout on one screen, without the progress line that a terminal would show and remove."""

    def __init__(self, screen: io.StringIO) -> None:
        self.screen = screen

    def write(self, text: str) -> int:
        return self.screen.write(text)

    def isatty(self) -> bool:
        return False


class Session:
    """What a reader has before her: a folder, a language, and the names that her Python knows."""

    def __init__(self, folder: Path, language: str) -> None:
        """Begin in a folder, with `kpi` and `python` on the path."""
        self.folder = self.home = folder
        self.names: dict[str, Any] = {"__name__": "page"}
        tools = folder.parent / "bin"
        tools.mkdir(exist_ok=True)
        for name, arguments in {"kpi": "-m kpi", "python": ""}.items():
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            (tools / name).chmod(0o755)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("KPI_", "FORCE_COLOR"))},
            "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "KPI_LANG": language,
            "COLUMNS": WIDTH, "NO_COLOR": "1", "ROOT": str(ROOT),
        }  # fmt: skip

    def run(self, command: str) -> tuple[str, int]:
        """Run a command line; return what the screen shows and the exit code."""
        shown, code = "", 0
        for part in re.split(r" +&& +", command):
            words = _words(part)
            if words[:1] == ["cd"]:
                self.folder = (self.folder / words[1]).resolve()
            elif words[:1] == ["kpi"] and not re.search(r"[|<>*$;]", part.partition(" #")[0]):
                text, code = self._kpi(words[1:])
                shown += text
            else:
                done = subprocess.run(
                    ["bash", "-c", part], cwd=self.folder, env=self.environment, check=False, timeout=300,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
                shown, code = shown + done.stdout.decode(), done.returncode
            if code:
                break
        return shown.replace(f"{self.home}/", ""), code

    def _kpi(self, arguments: list[str]) -> tuple[str, int]:
        """Run `kpi` in this process, which is ten times as fast, as on a terminal."""
        screen = _Terminal()
        with self.inside(), contextlib.redirect_stdout(screen), contextlib.redirect_stderr(_Errors(screen)):
            try:
                main.main(arguments, prog_name="kpi")
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return screen.getvalue(), code

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Have this process stand in the folder, with its environment."""
        before, place = dict(os.environ), Path.cwd()
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(place)
            os.environ.clear()
            os.environ.update(before)

    def python(self, block: Block, page: Path) -> None:
        """Execute a block of Python, or examine it as a doctest."""
        with self.inside():
            if ">>> " in block.text:
                options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
                example = doctest.DocTestParser().get_doctest(block.text, self.names, page.name, str(page), block.line)
                runner = doctest.DocTestRunner(optionflags=options, verbose=False)
                report = io.StringIO()
                assert not runner.run(example, out=report.write, clear_globs=False).failed, report.getvalue()
                self.names |= example.globs
            else:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(block.text, f"{page}:{block.line}", "exec"), self.names)  # noqa: S102


def _words(command: str) -> list[str]:
    """Return the words of a command, none where only a shell can part it."""
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return []


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Return whether lines of a page are what was printed; a line `...` stands for any number of lines.

    >>> agrees(["a", "...", "d"], ["a", "b", "c", "d"]), agrees(["a"], ["a", "b"])
    (True, False)
    """
    parts = [r"(?:.*\n)*?" if line.strip() == "..." else re.escape(_fixed(line)) + "\n" for line in shown]
    return re.fullmatch("".join(parts), "".join(f"{_fixed(line)}\n" for line in printed)) is not None


def _fixed(line: str) -> str:
    return HASH.sub("#", SECONDS.sub("…", line)).rstrip()


def plain(printed: str) -> list[str]:
    """Return the lines of a screen, without blank ones at its end."""
    lines = [SECONDS.sub("…", line).rstrip() for line in printed.replace("\ufeff", "").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def follow(page: Path, text: str, folder: Path, language: str) -> tuple[str, list[str]]:
    """Do what a page shows; return its text with what was printed, and what differs from it."""
    session, lines, problems = Session(folder, language), text.splitlines(), []
    replaced: list[tuple[int, int, list[str]]] = []
    for block in blocks(text):
        place = f"{page}:{block.line}"
        if isinstance(block, Hidden):
            printed, code = session.run(block.command)
            assert code == 0, f"{place}: {block.command}: {printed}"
        elif block.left_out or (block.language in {"sh", "text"} and not block.title):
            continue
        elif block.language == "console":
            body, different = typed(session, block, place)
            replaced.append((block.line, block.line + len(block.text.splitlines()), body))
            problems += different
        else:
            problems += [f"{place}: {problem}" for problem in done(session, block, page)]
    for begin, end, body in reversed(replaced):
        lines[begin:end] = body
    return "\n".join(lines) + "\n", problems


def typed(session: Session, block: Block, place: str) -> tuple[list[str], list[str]]:
    """Type the commands of a block; return its lines with what was printed, and what differs from those it has."""
    body, problems = [], []
    for step in steps(block.text):
        printed, code = session.run(step.command)
        assert "Traceback" not in printed, f"{place}: {step.command}\n{printed}"
        shown = plain(printed)
        if not step.shown:
            assert code == 0, f"{place}: {step.command}: {printed}"
        elif not agrees(step.shown, shown):
            problems.append("\n".join([f"{place}: $ {step.command}", *shown]))
            step.shown = shown
        body += [*step.typed, *step.shown]
    return body, problems


def done(session: Session, block: Block, page: Path) -> list[str]:
    """Do what a block that is not typed is for: write a file, execute, compare; return problems."""
    if block.title:
        path = session.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        session.python(block, page)
    elif block.language == "yaml":
        return not_in_the_language(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "json":
        json.loads(block.text)
    else:
        return [f"a block of {block.language or 'no language'}, which is not run"]
    return []


def not_in_the_language(text: str) -> list[str]:
    """Return what a part of a definition has that no definition may have."""
    schema = {key: value for key, value in json_schema().items() if key not in {"required", "anyOf"}}
    part = read(text, "page").data
    # A part may be what stands under a key of a pillar or of an indicator.
    if isinstance(part, dict) and set(part) <= {"weights"}:
        part = {"pillars": {"part": {"parts": ["a", "b"], **part}}}
    return [f"{'.'.join(map(str, item.absolute_path))}: {item.message[:200]}" for item in
            jsonschema.Draft202012Validator(schema).iter_errors(_json(part))]  # fmt: skip


def _json(tree: Any) -> Any:
    """Return a tree of YAML as JSON has it: keys and dates are texts."""
    if isinstance(tree, dict):
        return {str(key): _json(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_json(item) for item in tree]
    return tree if tree is None or isinstance(tree, str | int | float | bool) else str(tree)
