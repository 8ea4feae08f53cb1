"""Loading: a YAML file becomes a checked `System`, or all its findings with file, line and column."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from kpi import yaml
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


def examine(path: str | FilePath) -> Loaded:
    """Reads and checks one definition file; never raises for what is in the file."""
    file = FilePath(path)
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        near = suggest(file.name, [one.name for one in file.parent.glob("*.y*ml")]) if file.parent.is_dir() else None
        return Loaded(str(path), None, (Diagnostic("K100", "there is no such file", Place(str(path)), near),))
    except (OSError, UnicodeDecodeError) as error:
        return Loaded(str(path), None, (Diagnostic("K100", f"the file cannot be read: {error}", Place(str(path))),))
    return examine_text(text, str(path), folder=file.resolve().parent)


def examine_text(text: str, file: str = "<text>", *, folder: FilePath | None = None) -> Loaded:
    """Checks a definition given as text; `folder` is where the files it names are."""
    document = yaml.read(text, file)
    findings = list(document.findings)
    system: System | None = None
    if document.data is not None and not isinstance(document.data, dict):
        findings.append(
            Diagnostic("K102", "a system is a mapping of keys", Place(file, 1, 1), "begin with `system: name`")
        )
    elif document.data is not None:
        try:
            system = System.model_validate(document.data).at(folder)
        except ValidationError as error:
            findings += [_shape(document, one) for one in error.errors(include_url=False)]
        if system is not None:
            findings += [_located(document, problem) for problem in problems(system)]
            findings += _files(document, system, folder)
    findings = _tidy(findings)
    broken = any(one.severity is Severity.ERROR for one in findings)
    return Loaded(file, None if broken else system, tuple(findings))


def _tidy(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    unique = {(one.code, one.message, str(one.place)): one for one in findings}
    return sorted(unique.values(), key=lambda one: (one.place.line or 0, one.place.column or 0))


def _located(document: yaml.Document, problem: Problem) -> Diagnostic:
    place = document.place(problem.path, problem.span)
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
    return suggest(FilePath(file).name, [one.name for one in parent.iterdir()]) if parent.is_dir() else None


# ---- SHAPE: WHAT PYDANTIC FOUND, IN WORDS ---- #


def _shape(document: yaml.Document, error: Any) -> Diagnostic:
    path, kind, value = tuple(error["loc"]), error["type"], error.get("input")
    models = _models_at(path)
    tail = path[-1] if path else ""
    if kind == "extra_forbidden":
        keys = [key for model in models for key in _keys(model)]
        hint = suggest(str(tail), keys) or (f"what there is: {', '.join(keys)}" if keys else None)
        return Diagnostic("K110", f"unknown key `{tail}`", document.place(path, key=True), hint, label="not a key here")
    if kind == "missing":
        place = document.place(path[:-1])
        return Diagnostic("K111", f"`{tail}` is missing", place, f"add `{tail}:`", label=f"needs `{tail}`")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag(document, path, value)
    if kind == "string_pattern_mismatch" and path[-1:] == ("[key]",):
        message = f"`{path[-2]}` cannot be a name: letters, digits and underscores of any script"
        return Diagnostic("K112", message, document.place(path[:-1], key=True), "put other words into `title:`")
    shown = f"; here: {json.dumps(value, ensure_ascii=False, default=str)[:60]}" if not isinstance(value, dict) else ""
    key = next((step for step in reversed(path) if isinstance(step, str)), "system")
    message = f"`{key}` {_WORDS.get(kind) or _plain(error)}{shown}"
    return Diagnostic("K113", message, document.place(path), _truth_hint(kind, value))


#: How pydantic's findings read in the user's words.
_WORDS = {
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of keys",
    "model_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "date_type": "must be a date, 2023-07-28",
}


def _plain(error: Any) -> str:
    message: str = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    context = error.get("ctx") or {}
    if error["type"] in ("literal_error", "enum"):
        return f"must be {context.get('expected', '')}"
    return message[:1].lower() + message[1:]


def _truth_hint(kind: str, value: Any) -> str | None:
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return f"YAML 1.2 reads `{value}` as text; write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    return None


def _tag(document: yaml.Document, path: Path, value: Any) -> Diagnostic:
    kinds = _tags_at(path)
    key = "form" if path[:1] == ("datasets",) else "kind"
    given = value.get(key) if isinstance(value, dict) else None
    if given is None:
        message = f"`{path[-1] if path else ''}` needs a `{key}`"
        return Diagnostic("K111", message, document.place(path), f"one of {', '.join(kinds)}", label=f"needs `{key}`")
    hint = suggest(str(given), kinds) or f"one of {', '.join(kinds)}"
    return Diagnostic("K114", f"unknown {key} `{given}`", document.place((*path, key)), hint, label="not a kind")


def _annotations(model: type[BaseModel], key: Any) -> Any:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return field.annotation if not field.metadata else (field.annotation, *field.metadata)
    return None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """All models that an annotation may hold, however deep in unions, mappings and lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = annotation if isinstance(annotation, tuple) else get_args(annotation)
    return [model for part in parts for model in _models_in(part)]


def _candidates(path: Path) -> list[type[BaseModel]]:
    """The models that may stand at a path, before their kind is known."""
    models: list[type[BaseModel]] = [System]
    for step in path:
        found = [m for model in models for a in [_annotations(model, step)] if a is not None for m in _models_in(a)]
        models = found or models
    return list(dict.fromkeys(models))


def _models_at(path: Path) -> list[type[BaseModel]]:
    """The models at the parent of a path, narrowed by the tags that pydantic put into it."""
    models = _candidates(path[:-1])
    tags = {step for step in path if isinstance(step, str)}
    narrowed = [model for model in models if (kind := _kind(model)) is not None and kind in tags]
    return narrowed or models


def _kind(model: type[BaseModel]) -> str | None:
    for tag in ("kind", "form"):
        if tag in model.model_fields:
            return str(get_args(model.model_fields[tag].annotation)[0])
    return None


def _tags_at(path: Path) -> list[str]:
    return [kind for model in _candidates(path) if (kind := _kind(model)) is not None]


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of the definition language, for editors."""
    schema = System.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "kpi.system/1", **schema}
