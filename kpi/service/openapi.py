"""What the OpenAPI description says of answers and bodies, with examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from kpi.service.problems import MEDIA
from kpi.service.representations import CSV, JSON, Kind
from kpi.service.uploads import SUFFIXES

FINDING: dict[str, Any] = {
    "type": "object",
    "required": ["code", "severity", "message"],
    "properties": {
        "code": {"type": "string", "pattern": "^K[0-9]{3}$"},
        "severity": {"enum": ["error", "query", "warning", "info"]},
        "message": {"type": "string"},
        **{key: {"type": ["string", "null"]} for key in ("file", "column", "entity", "period", "hint")},
        "row": {"type": ["integer", "null"]},
        "stands_for": {"type": "integer"},
    },
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "instance", "findings"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "instance": {"type": "string"},
        "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
    },
    "example": {
        "type": "urn:kpi:K602", "title": "A unit is not in the roster.", "status": 404,
        "detail": "`东胡县` is not among the entities", "instance": "/systems/demo/explanation",
        "findings": [{
            "code": "K602", "severity": "error", "message": "`东胡县` is not among the entities", "file": None,
            "row": None, "column": None, "entity": None, "period": None, "hint": "did you mean `东湖县`?",
            "stands_for": 1,
        }],
    },
}  # fmt: skip

TABLE: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "system", "table", "count", "offset", "limit", "rows"],
    "properties": {
        "schema": {"const": "kpi.table/1"}, "system": {"type": "string"}, "table": {"type": "string"},
        "count": {"type": "integer", "description": "the rows of all pages"}, "offset": {"type": "integer"},
        "limit": {"type": "integer"}, "rows": {"type": "array", "items": {"type": "object"}},
    },
    "example": {
        "schema": "kpi.table/1", "system": "demo", "table": "totals", "count": 3, "offset": 0, "limit": 1,
        "rows": [{"system": "demo", "period": "2024Q1", "entity": "东湖县", "score": 91.5, "stars": 4, "rank": 1}],
    },
}  # fmt: skip

RESULT: dict[str, Any] = {
    "type": "object",
    "required": ["schema"],
    "properties": {"schema": {"type": "string", "pattern": "^kpi\\."}},
    "example": {
        "schema": "kpi.scorecard/1", "system": "demo", "definition_hash": "7c1e9a55", "data_hash": "90ab34cd",
        "totals": [{"period": "2024Q1", "entity": "东湖县", "score": 91.5, "stars": 4, "rank": 1}],
    },
}  # fmt: skip

SYSTEMS: dict[str, Any] = {
    "type": "object",
    "required": ["systems"],
    "properties": {
        "systems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["system", "title", "rights", "periods"],
                "properties": {
                    "system": {"type": "string"}, "title": {"type": "string"}, "period": {"type": ["string", "null"]},
                    "entities": {"type": ["string", "null"]}, "indicators": {"type": ["integer", "null"]},
                    "rights": {"type": "array", "items": {"enum": ["read", "score", "publish"]}},
                    "periods": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}  # fmt: skip

RUN: dict[str, Any] = {
    "type": "object",
    "required": ["run", "failed", "systems"],
    "properties": {
        "run": {"type": "integer"}, "failed": {"type": "array", "items": {"type": "string"}},
        "systems": {"type": "array", "items": {"type": "object"}},
    },
}  # fmt: skip

HEALTH: dict[str, Any] = {
    "type": "object",
    "required": ["status", "version"],
    "properties": {"status": {"enum": ["ok", "degraded"]}, "version": {"type": ["string", "null"]}},
    "example": {"status": "ok", "version": "0.1.0"},
}

SCHEMAS = {"Finding": FINDING, "Problem": PROBLEM}

_CSV = "period,entity,score,stars,rank\n2024Q1,东湖县,91.5,4,1\n"


def answers(schema: dict[str, Any], kinds: Iterable[Kind], *, status: int = 200) -> dict[int | str, Any]:
    """Return the description of a successful answer in some formats."""
    content: dict[str, Any] = {}
    for kind in kinds:
        if kind == JSON:
            content[kind.media] = {"schema": schema}
        elif kind.media.startswith("text/"):
            content[kind.media] = {"schema": {"type": "string"}, **({"example": _CSV} if kind == CSV else {})}
        else:
            content[kind.media] = {"schema": {"type": "string", "format": "binary"}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content}}


def problems(*statuses: int) -> dict[int | str, Any]:
    """Return the description of problems."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in sorted(statuses)}


def body(*, required: bool = True) -> dict[str, Any]:
    """Return the description of the body of an upload."""
    example = "期别,地区,办件量,网上办件量\n2024Q1,东湖县,200,183\n2024Q1,西山区,100,75\n"
    file = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": file, "minItems": 1},
            "explanations": {**file, "description": "answers to queries, such as a 查询单 that came back"},
        },
        "additionalProperties": file,
        "description": "Files in `file`; files of a named dataset in a field with its name.",
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    for media in SUFFIXES:
        content[media] = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
    content["text/csv"]["example"] = example
    return {"required": required, "content": content}


def described(schema: dict[str, Any], *, secured: bool, open_paths: Sequence[str]) -> dict[str, Any]:
    """Return a description of FastAPI with the schemas of this module, and security where there are tokens."""
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(SCHEMAS)
    if secured:
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "a token of the file of --tokens"}
        }
        for path, item in schema["paths"].items():
            for operation in item.values():
                operation["security"] = [] if path in open_paths else [{"token": []}]
    return schema
