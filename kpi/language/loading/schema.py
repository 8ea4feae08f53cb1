"""The JSON Schema of the definition language, for editors: what may be written, and what it means where one hovers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kpi.language.system import System

#: The keys that tell the definitions of a union apart, and the one definition that is meant without it.
_TAGS = ("kind", "form", "method")
_DEFAULT = "reported"
#: A name, for editors too, whose `\w` knows ASCII alone: no white space and no sign of ASCII but the underscore.
_NAME = r"^[^\s!-/:-@\[-^`{-~]+$"


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of a definition file.

    It judges the shape: keys, types, kinds. What needs the whole system, such as names and units, `kpi check` judges.
    """
    schema = System.model_json_schema(by_alias=True)
    for part in _objects(schema):
        _tagged(part)
        _named(part)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "kpi.system/1", **schema}


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in list(part.values()):
            yield from _objects(value)
    elif isinstance(part, list):
        for value in part:
            yield from _objects(value)


def _tagged(part: dict[str, Any]) -> None:
    """Makes the tag of a definition required, so that exactly one definition of a union fits, and explains it."""
    properties = part.get("properties", {})
    for tag in _TAGS:
        constant = properties.get(tag, {}).get("const")
        if constant is not None:
            properties[tag]["description"] = part.get("description", "").partition("\n")[0]
            if (tag, constant) != ("kind", _DEFAULT):
                part["required"] = [tag, *part.get("required", [])]


def _named(part: dict[str, Any]) -> None:
    """Writes the rule for names so that Chinese ones are names in every editor."""
    if part.get("pattern") == r"^\w+$":
        part["pattern"] = _NAME
    by_pattern = part.pop("patternProperties", {})
    if by_pattern:
        part["additionalProperties"] = by_pattern[r"^\w+$"]
        part["propertyNames"] = {"pattern": _NAME, **part.get("propertyNames", {})}
