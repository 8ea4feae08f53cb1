"""Loading: a YAML file becomes a checked `System`, or all its findings with file, line and column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import ValidationError

from kpi import wording, yaml
from kpi.crosscheck import problems
from kpi.definition import Path, Problem
from kpi.errors import Diagnostic, Place, Severity, suggest
from kpi.system import System


@dataclass(frozen=True)
class Loaded:
    """A file of definitions: the system when it can be used, and everything found in it."""

    file: str
    system: System | None
    findings: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Draft:
    """A file of definitions whose parts have been read: the system when they all have the right shape.

    Attributes:
        file: its path.
        system: nothing is checked across its parts yet, so it may only be looked at, not used.
        findings: what was found so far.
        document: where everything stands; None for a file that cannot be read.
        folder: where the files that it names are.
    """

    file: str
    system: System | None
    findings: tuple[Diagnostic, ...]
    document: yaml.Document | None = None
    folder: FilePath | None = None

    def checked(self) -> Loaded:
        """Returns the file with everything checked."""
        findings = list(self.findings)
        if self.system is not None and self.document is not None:
            findings += [_located(self.document, problem) for problem in problems(self.system)]
            findings += _files(self.document, self.system, self.folder)
        findings = _tidy(findings)
        broken = any(one.severity is Severity.ERROR for one in findings)
        return Loaded(self.file, None if broken else self.system, tuple(findings))


def examine(path: str | FilePath) -> Loaded:
    """Reads and checks one definition file; never raises for what is in the file."""
    return draft(path).checked()


def examine_text(text: str, file: str = "<text>", *, folder: FilePath | None = None) -> Loaded:
    """Checks a definition given as text; `folder` is where the files it names are."""
    return draft_text(text, file, folder=folder).checked()


def draft(path: str | FilePath) -> Draft:
    """Reads one definition file; never raises for what is in the file."""
    file = FilePath(path)
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        near = suggest(file.name, [one.name for one in file.parent.glob("*.y*ml")]) if file.parent.is_dir() else None
        return Draft(str(path), None, (Diagnostic("K100", "there is no such file", Place(str(path)), near),))
    except OSError as error:
        why = error.strerror or "it is damaged"
        return Draft(str(path), None, (Diagnostic("K100", f"the file cannot be read: {why}", Place(str(path))),))
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(
            str(path), before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig")) + 1
        )
        hint = "save it as UTF-8; Windows editors call what they write instead ANSI or GB18030"
        return Draft(str(path), None, (Diagnostic("K100", "the file is not UTF-8", place, hint),))
    return draft_text(text, str(path), folder=file.resolve().parent)


def draft_text(text: str, file: str, *, folder: FilePath | None) -> Draft:
    """Reads a definition given as text, as `draft`."""
    document = yaml.read(text, file)
    findings = list(document.findings)
    system: System | None = None
    if document.data is not None and not isinstance(document.data, dict):
        findings.append(
            Diagnostic("K102", "a system is a mapping, `key: value`", Place(file, 1, 1), "begin with `system: name`")
        )
    elif document.data is not None:
        try:
            system = System.model_validate(document.data).at(folder)
        except ValidationError as error:
            findings += wording.findings(document, error.errors(include_url=False))
    return Draft(file, system, tuple(findings), document, folder)


def _tidy(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    unique = {(one.code, one.message, str(one.place)): one for one in findings}
    return sorted(unique.values(), key=lambda one: (one.place.line or 0, one.place.column or 0))


def _located(document: yaml.Document, problem: Problem) -> Diagnostic:
    place = document.place(problem.path, problem.span, key=problem.at_key)
    return Diagnostic(problem.code, problem.message, place, problem.hint, problem.severity, problem.label)


def _files(document: yaml.Document, system: System, folder: FilePath | None) -> list[Diagnostic]:
    """Findings for files that the definition names and that are not there."""
    if folder is None:
        return []
    named: dict[Path, str] = {}
    if system.entities.roster:
        named[("entities", "roster")] = system.entities.roster
    for name in system.indicators:
        for place, target in enumerate(system.indicators[name].target):
            if target.per_entity and target.per_entity.file:
                named[("indicators", name, "target", place, target.comparator, "file")] = target.per_entity.file
    return [
        Diagnostic(
            "K107", f"there is no file `{file}` beside the definition", document.place(path), _near(folder, file)
        )
        for path, file in named.items()
        if not (folder / file).is_file()
    ]


def _near(folder: FilePath, file: str) -> str | None:
    parent = (folder / file).parent
    near = suggest(FilePath(file).name, [one.name for one in parent.iterdir()]) if parent.is_dir() else None
    return near or "put it there, or give its path from there"
