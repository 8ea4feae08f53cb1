"""The JSON Schema of the definition language, for editors: what may be written, and what it means where one hovers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from kpi.language.foreign_kinds import in_schemas
from kpi.language.system import System
from kpi.values.patterns import regex

#: The keys that discriminate the definitions of a union, each with the definition that is the default.
_TAGS = ("kind", "form", "method")
_DEFAULT = "reported"
#: The definition that its keys tell from the others of its union.
_IMPLIED = "by_class"
_RATING = {
    "description": "a rating", "properties": {"kind": {"description": "rating", "const": "rating"}},
    "required": ["kind"],
}  # fmt: skip
#: Indicators among which there is a rating, which stands for measures of its own.
_RATED = {
    "description": "indicators with a rating, which stands for measures of its own",
    "properties": {
        "indicators": {"description": "with a rating", "not": {"additionalProperties": {"not": _RATING}}},
    },
}  # fmt: skip
#: The name of a definition that shares its class's name with another: the module, of which one part distinguishes them.
_MODULE = regex(r"kpi__language__([a-z]+)__(?:\w+__)?(\w+)")
#: A name, for editors too, whose `\w` knows ASCII alone: no white space and no sign of ASCII but the underscore.
_NAME = r"^[^\s!-/:-@\[-^`{-~]+$"


def json_schema(*, installed: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of a definition file, with `installed` also of the kinds that extensions bring.

    It judges the shape: keys, types, kinds. What needs the whole system, such as names and units, `kpi check` judges.
    """
    with in_schemas() if installed else nullcontext():
        schema = System.model_json_schema(by_alias=True)
    names = {name: _MODULE.sub(r"\1.\2", name) for name in schema["$defs"]}
    schema["$defs"] = {names[name]: part for name, part in schema["$defs"].items()}
    for part in _objects(schema):
        _described(part)
        _tagged(part)
        _named(part)
        if isinstance(target := part.get("$ref"), str):
            part["$ref"] = "#/$defs/" + names[target.rpartition("/")[2]]
    schema["required"].remove("measures")
    schema["anyOf"] = [{"required": ["measures"]}, _RATED]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "kpi.system/1", **schema}


def descriptions(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the descriptions that a JSON Schema has, each where it stands.

    >>> next(descriptions({"properties": {"a": {"description": "the first"}}}))
    'the first'
    """
    for part in _objects(dict(schema)):
        if isinstance(text := part.get("description"), str):
            yield text


def in_words(part: Any, words: Callable[[str], str]) -> Any:
    """Return a JSON Schema with the words of every description in its place, such as those of another language.

    >>> in_words({"a": {"description": "first", "const": 1}}, str.upper)
    {'a': {'description': 'FIRST', 'const': 1}}
    """
    if isinstance(part, list):
        return [in_words(value, words) for value in part]
    if not isinstance(part, dict):
        return part
    return {
        key: words(value) if key == "description" and isinstance(value, str) else in_words(value, words)
        for key, value in part.items()
    }


def without_examples(text: str) -> str:
    r"""Return a docstring without its doctests, which are for readers of the code.

    >>> without_examples("Doubles `x`.\n\n>>> double(2)\n4\n\nSource: arithmetic.")
    'Doubles `x`.\n\nSource: arithmetic.'
    """
    text = re.sub(r"(?ms)^>>>.*?(?=^\s*$|\Z)", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in list(part.values()):
            yield from _objects(value)
    elif isinstance(part, list):
        for value in part:
            yield from _objects(value)


def _described(part: dict[str, Any]) -> None:
    """Return the part of a description that is meant for authors of definitions."""
    if isinstance(text := part.get("description"), str):
        part["description"] = without_examples(text)


def _tagged(part: dict[str, Any]) -> None:
    """Make the tag of a definition required, so that exactly one definition of a union fits, and explains it."""
    properties = part.get("properties", {})
    for tag in _TAGS:
        constant = properties.get(tag, {}).get("const")
        if constant is not None:
            properties[tag]["description"] = part.get("description", "").partition("\n")[0]
            if tag != "kind" or constant not in (_DEFAULT, _IMPLIED):
                part["required"] = [tag, *part.get("required", [])]


def _named(part: dict[str, Any]) -> None:
    """Write the rule for names so that Chinese ones are names in every editor."""
    if part.get("pattern") == r"^\w+$":
        part["pattern"] = _NAME
    by_pattern = part.pop("patternProperties", {})
    if by_pattern:
        part["additionalProperties"] = by_pattern[r"^\w+$"]
        part["propertyNames"] = {"pattern": _NAME, **part.get("propertyNames", {})}
