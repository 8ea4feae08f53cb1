"""Loading: a YAML file becomes a checked `System`, or all its findings with file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError
from typing_extensions import override

from kpi.errors import Diagnostic, Message, Place, Severity, bounded_suggestions, suggest
from kpi.language.datasets import Records
from kpi.language.loading import positions, validation_messages
from kpi.language.loading.cross_references import problems, uncertainty_problems
from kpi.language.loading.full_width_signs import Reading, explained
from kpi.language.loading.likely_mistakes import slips
from kpi.language.loading.table_reader import is_short
from kpi.language.model import Path, Problem, Problems
from kpi.language.system import CheckedSystem, System
from kpi.language.uncertainty import Uncertainty
from kpi.process import extensions
from kpi.process.os_errors import reason

#: Warnings that scoring gives where the data show them: that figures are called cumulative, and are not read so.
_SHOWN_BY_DATA = ("K461",)


class Loaded(Struct, frozen=True):
    """A definition file: the system if it is valid, and all findings."""

    file: str
    system: CheckedSystem | None
    findings: tuple[Diagnostic, ...]


class Draft(Struct, frozen=True):
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
    document: positions.Document | None = None
    folder: FilePath | None = None

    def checked(self) -> Loaded:
        """Return the file with everything checked."""
        with bounded_suggestions():
            try:
                return self._checked()
            except BaseException as error:
                if (finding := extensions.blamed(error)) is None:
                    raise
                placed = replace(finding, place=Place(self.file))
                return Loaded(self.file, None, (*self.findings, placed))

    def _checked(self) -> Loaded:
        findings = self.all_findings()
        if any(finding.severity is Severity.ERROR for finding in findings) and self.document is not None:
            first = Reading(self.document.stopped, self.system is not None, findings)
            findings = _tidy(explained(self.document.lines, first, self._read_anew))
        broken = any(finding.severity is Severity.ERROR for finding in findings)
        warnings = tuple(
            finding for finding in findings
            if finding.severity is Severity.WARNING and finding.code not in _SHOWN_BY_DATA
        )  # fmt: skip
        system = None if broken or self.system is None else CheckedSystem.of(self.system, warnings)
        return Loaded(self.file, system, tuple(findings))

    def all_findings(self) -> list[Diagnostic]:
        """Return all findings of the file, of YAML and of the definitions."""
        findings = list(self.findings)
        if self.system is not None and self.document is not None:
            definition_problems: list[Problem] = [*problems(self.system), *_files(self.system, self.folder)]
            severities = {
                *(finding.severity for finding in findings),
                *(definition_problem.severity for definition_problem in definition_problems),
            }
            if Severity.ERROR not in severities:
                definition_problems += slips(self.system)
            findings += [_located(self.document, problem) for problem in definition_problems]
        return _tidy(findings)

    def _read_anew(self, text: str) -> Reading:
        other = draft_text(text, self.file, folder=self.folder)
        stopped = None if other.document is None else other.document.stopped
        return Reading(stopped, other.system is not None, other.all_findings())


def examine(path: str | FilePath) -> Loaded:
    """Read and check one definition file; never raise for its content."""
    return draft(path).checked()


def examine_text(text: str, file: str = "<text>", *, folder: FilePath | None = None) -> Loaded:
    """Check a definition given as text; `folder` is where the files it names are."""
    return draft_text(text, file, folder=folder).checked()


def examine_mapping(tree: Mapping[str, Any], *, folder: FilePath | None = None) -> Loaded:
    """Check a definition given as a mapping; findings stand at the keys that lead to them.

    `folder` is where the files that it names are.
    """
    document = _Given("the definition", _plain(tree))
    return _validated(document, folder).checked()


def examine_system(system: System) -> Loaded:
    """Check the definitions of a system that was built in Python, unless they were checked before."""
    if isinstance(system, CheckedSystem):
        return Loaded("", system, system.warnings)
    document = _Given(system.system, system.model_dump(by_alias=True, exclude_unset=True))
    return Draft("", system, (), document, system.home).checked()


def draft(path: str | FilePath) -> Draft:
    """Read one definition file; never raise for its content."""
    file = FilePath(path)
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        near = suggest(file.name, [item.name for item in file.parent.glob("*.y*ml")]) if file.parent.is_dir() else None
        return Draft(str(path), None, (Diagnostic("K100", Message("there is no such file"), Place(str(path)), near),))
    except OSError as error:
        why = reason(error) if error.errno else Message("it is damaged")
        message = Message("the file cannot be read: {reason}", reason=why)
        return Draft(str(path), None, (Diagnostic("K100", message, Place(str(path))),))
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(
            str(path), before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig")) + 1
        )
        hint = Message("save it as UTF-8; Windows editors call what they write instead ANSI or GB18030")
        return Draft(str(path), None, (Diagnostic("K100", Message("the file is not UTF-8"), place, hint),))
    return draft_text(text, str(path), folder=file.resolve().parent)


def draft_text(text: str, file: str, *, folder: FilePath | None) -> Draft:
    """Read a definition given as text, as `draft`."""
    document = positions.read(text, file)
    if document.data is not None and not isinstance(document.data, dict):
        place = Place(file, 1, 1)
        wrong = Diagnostic(
            "K102", Message("a system is a mapping, `key: value`"), place, Message("begin with `system: name`")
        )
        return Draft(file, None, (*document.findings, wrong), document, folder)
    return _validated(document, folder)


def _validated(document: positions.Document, folder: FilePath | None) -> Draft:
    """Return the draft of a document that holds a mapping, or nothing for a text that cannot be read."""
    findings, system = list(document.findings), None
    if document.data is not None:
        tree, tables = document.data, []
        if any(map(is_short, (document.data.get("measures"), document.data.get("indicators")))):
            from kpi.language.loading.short_forms import written_out

            written = written_out(document, folder)
            tree, tables = written.tree, written.tables
            findings += written.findings
        try:
            system = System.model_validate(tree).at(folder).reading(tables)
        except ValidationError as error:
            with bounded_suggestions():
                findings += validation_messages.findings(document, error.errors(include_url=False))
    return Draft(document.file, system, tuple(findings), document, folder)


def varying(system: System, values: Mapping[str, Any], name: str) -> tuple[Uncertainty | None, tuple[Diagnostic, ...]]:
    """Return what varies as stated outside of a definition, None with findings where it is wrong.

    What is stated takes the place of the same keys under `uncertainty:` in the system.

    Args:
        system: the system that is studied.
        values: the keys of `uncertainty:` with their values.
        name: where they stand, for the findings.
    """
    document = _Given(name, {"uncertainty": _plain(values)})
    try:
        stated = Uncertainty.model_validate(document.data["uncertainty"] if document.data else {})
    except ValidationError as error:
        errors = [{**item, "loc": ("uncertainty", *item["loc"])} for item in error.errors(include_url=False)]
        with bounded_suggestions():
            return None, tuple(validation_messages.findings(document, errors))
    together = system.uncertainty.model_copy(update={key: getattr(stated, key) for key in stated.model_fields_set})
    findings = tuple(_located(document, problem) for problem in uncertainty_problems(together, system))
    return (None, findings) if findings else (together, ())


class _Given(positions.Document):
    """A definition that Python holds: what would be a line and a column in a file is the keys that lead there."""

    def __init__(self, file: str, tree: dict[str, Any]) -> None:
        super().__init__(file, tree)
        self._index((), tree)

    def _index(self, path: Path, value: Any) -> None:
        self._values[path] = value
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in inside:
            self._index((*path, key), item)

    @override
    def written(self, path: Path) -> str:
        known = self.known(path)
        value: Any = self.cells[known].text if known in self.cells else self._values[known]
        return "" if isinstance(value, dict | list) else str(value)

    @override
    def place(self, path: Path, span: tuple[int, int] | None = None, *, key: bool = False) -> Place:
        known = self.known(path)
        return self.cells[known].place if known in self.cells else Place(".".join(map(str, known)) or self.file)

    @override
    def borrow(self, path: Path, other: Path) -> None:
        """Do nothing: the keys that lead to a value say where it stands."""


def _plain(value: Any) -> Any:
    """Return mappings and sequences of any class as dictionaries and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _tidy(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    unique = {(finding.code, finding.message, str(finding.place)): finding for finding in findings}
    return sorted(unique.values(), key=lambda finding: _order(finding.place))


def _order(place: Place) -> tuple[int, int, int]:
    """Return the order of a place: by lines, those in tables before them by rows."""
    return place.line or 0, place.column or 0, place.row or 0


def _located(document: positions.Document, problem: Problem) -> Diagnostic:
    place = document.place(problem.path, problem.span, key=problem.at_key)
    return Diagnostic(problem.code, problem.message, place, problem.hint, problem.severity, problem.label)


def _files(system: System, folder: FilePath | None) -> Problems:
    """Yield findings on files that the definition names and that do not exist."""
    if folder is None:
        return
    records = {name: item for name, item in system.datasets.items() if isinstance(item, Records)}
    beside: dict[Path, str | None] = {
        ("entities", "roster"): system.entities.roster,
        ("entities", "succession"): system.entities.succession,
        ("calendar",): system.calendar,
        **{("datasets", name, "calendar"): item.calendar for name, item in records.items()},
    }
    beside |= {("datasets", name, "headings"): item.headings for name, item in system.datasets.items()}
    named = {path: file for path, file in beside.items() if file}
    for name in system.indicators:
        for place, target in enumerate(system.indicators[name].target):
            if target.per_entity and target.per_entity.file:
                named[("indicators", name, "target", place, target.comparator, "file")] = target.per_entity.file
    for path, file in named.items():
        if not (folder / file).is_file():
            yield Problem(
                "K107",
                path,
                Message("there is no file `{file}` beside the definition", file=file),
                hint=_near(folder, file),
            )


def _near(folder: FilePath, file: str) -> Message:
    parent = (folder / file).parent
    names = [item.name for item in parent.iterdir() if item.is_file()] if parent.is_dir() else []
    near = suggest(FilePath(file).name, names)
    return near or Message("put it there, or give its path from there")
