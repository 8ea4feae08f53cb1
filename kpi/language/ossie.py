"""A system as an Apache Ossie document (formerly Open Semantic Interchange), version 0.1.1, which dbt reads.

Measures become fields of one dataset with a row for each entity and period, indicators become metrics where SQL over
these fields says the same. Everything else, and the definition of each part to the letter, is in `custom_extensions`:
JSON with the key `kpi`, under the vendor COMMON, as readers of 0.1.1 know no others. What Ossie does not express
is reported: K942 an indicator without SQL, K943 what other programs must be told.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import yaml

from kpi.errors import Diagnostic, Message, Severity
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError
from kpi.language.indicators import Indicator
from kpi.language.model import kind_of
from kpi.language.system import System
from kpi.values import units
from kpi.values.patterns import regex
from kpi.values.status import STATUSES

#: The version of the documents that are written, and those that are read.
VERSION = "0.1.1"
READ = ("0.1.0", "0.1.1")
VENDOR = "COMMON"
#: The key of our data among those of the vendor.
KEY = "kpi"
#: The dataset of all measures, and its columns of entities and periods.
DATASET, ENTITY, PERIOD = "figures", "entity", "period"

_PLAIN = regex(r"[A-Za-z_][A-Za-z0-9_]*")


def document(system: System) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Return the document of a checked system, and what it does not express as findings."""
    tree = plain(system.model_dump(by_alias=True, exclude_unset=True))
    measures, indicators = tree.pop("measures", {}), tree.pop("indicators", {})
    metrics, apart = [], {}
    for name, indicator in system.indicators.items():
        sql = expression(system, name)
        if sql is None:
            apart[name] = _text(indicators[name])
        else:
            metrics.append(_metric(system, name, indicator, sql, indicators[name]))
    rest = {
        "schema": "kpi.system/1", "definition": _text(tree), "indicators": apart, "order": list(indicators),
        "statuses": {name: str(words) for name, words in STATUSES.items()},
    }  # fmt: skip
    fields = [
        _field(ENTITY, system.entities.title, dimension={"is_time": False}),
        _field(PERIOD, str(system.period.noun), dimension={"is_time": True}),
        *(_measure(system, name, measures[name]) for name in system.measures),
    ]
    model = {
        "name": system.system, "description": system.title or system.system,
        "ai_context": {"instructions": _INSTRUCTIONS},
        "datasets": [
            {
                "name": DATASET, "source": f"kpi.{_sql_name(system.system)}.{DATASET}", "primary_key": [ENTITY, PERIOD],
                "description": "one row for each entity and period", "fields": fields,
            }
        ],
        "metrics": metrics, "custom_extensions": [_extension(rest)],
    }  # fmt: skip
    if not metrics:
        del model["metrics"]
    return {"version": VERSION, "semantic_model": [model]}, [*_losses(system, apart)]


_INSTRUCTIONS = (
    "Metrics are values before scoring. Targets, scores, stars and why values are missing are in custom_extensions; a "
    "missing value is not zero."
)


def text(system: System) -> tuple[str, list[Diagnostic]]:
    """Return the document as JSON, and its findings."""
    tree, findings = document(system)
    return json.dumps(tree, ensure_ascii=False, indent=2) + "\n", findings


def _losses(system: System, apart: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for name in apart:
        message = Message(
            "`{name}` ({kind}) has no expression in SQL over the figures of a period: it is no metric elsewhere",
            name=name, kind=kind_of(type(system.indicators[name])),
        )  # fmt: skip
        hint = Message("its definition is in custom_extensions, from which `kpi init` takes it again")
        yield Diagnostic("K942", message, hint=hint, severity=Severity.WARNING)
    if files := sorted(set(_file_names(plain(system.model_dump(by_alias=True, exclude_unset=True))))):
        message = Message("the files that the definition names are not in the document: {files}", files=tuple(files))
        hint = Message("put them beside it where it is read again")
        yield Diagnostic("K943", message, hint=hint, severity=Severity.INFO)
    hint = Message("put the table that has a column for each field in its place, as database.schema.table")
    message = Message("Ossie has no data: the source of `{dataset}` is a placeholder", dataset=DATASET)
    yield Diagnostic("K943", message, hint=hint, severity=Severity.INFO)
    scaled = [name for name in system.indicators if name not in apart and _is_scaled(system, name)]
    if scaled:
        message = Message("Ossie has no units: the SQL of {names} is not in their own unit", names=tuple(scaled))
        hint = Message("the unit of each is in custom_extensions, and so is that of its expression")
        yield Diagnostic("K943", message, hint=hint, severity=Severity.INFO)
    mixed = [name for name, item in system.indicators.items() if kind_of(type(item)) == "formula" and name not in apart]
    if mixed:
        message = Message(
            "readers such as dbt only take an aggregation, or a quotient of two, as it is meant: see {names}",
            names=tuple(mixed),
        )
        hint = Message("define these metrics anew there, or leave them out")
        yield Diagnostic("K943", message, hint=hint, severity=Severity.WARNING)
    if system.pillars or system.stars is not None or system.checks:
        message = Message("scores, pillars, stars and checks are in custom_extensions, which other programs pass over")
        yield Diagnostic("K943", message, severity=Severity.INFO)


# ---- SQL ---- #


def expression(system: System, name: str) -> str | None:
    """Return an indicator as SQL over the fields of a period, None where that does not say the same."""
    indicator = system.indicators[name]
    fields = indicator.model_dump(exclude_unset=True)
    kind = kind_of(type(indicator))
    if kind == "level" and not fields.get("deflator"):
        return _aggregate(system, fields["of"])
    if kind == "ratio" and not (fields.get("pool") or fields.get("min_denominator")):
        sides = [_aggregate(system, fields[key]) for key in ("numerator", "denominator")]
        return None if None in sides else f"{sides[0]} / {sides[1]}"
    if kind == "formula":
        return _formula(system, fields["expr"])
    return None


def _formula(system: System, written: str) -> str | None:
    """Return a formula of sums, products and quotients of measures as SQL."""
    try:
        names = sorted(expressions.parse(written).names(), key=lambda pair: pair[1])
    except ExpressionError:
        return None
    # Units convert, and functions have other meanings elsewhere.
    if not re.fullmatch(r"[\w\s()+*/.-]*", written) or re.search(r"\w\s*\(", written):
        return None
    if len({str(system.symbols[used].unit) for used, _ in names if used in system.symbols}) != 1:
        return None
    parts, end = [], 0
    for used, (offset, length) in names:
        if (aggregate := _aggregate(system, used)) is None:
            return None
        parts += [written[end:offset], aggregate]
        end = offset + length
    return "".join([*parts, written[end:]])


def _aggregate(system: System, measure: str) -> str | None:
    """Return the aggregation of a measure: a sum of amounts, else the mean; None for an indicator."""
    if measure not in system.measures:
        return None
    unit = system.symbols[measure].unit
    function = "SUM" if unit is not None and units.summable(unit) else "AVG"
    return f"{function}({DATASET}.{_sql_name(measure)})"


def _sql_name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def _unit_of_sql(system: System, name: str) -> str:
    """Return the unit in which the SQL of an indicator counts: that of the measures, without conversion."""
    indicator = system.indicators[name]
    used = [system.symbols[each].unit for _, each in indicator.inputs()]
    if kind_of(type(indicator)) == "level":
        return str(used[0])
    if kind_of(type(indicator)) == "ratio":
        return f"{used[0]}/{used[1]}" if str(used[0]) != str(used[1]) else "1"
    return ""


def _file_names(tree: Any) -> Iterator[str]:
    """Yield the files that a definition names."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key in ("roster", "succession", "calendar", "headings", "file", "table") and isinstance(value, str):
                yield value
            yield from _file_names(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _file_names(value)


def _is_scaled(system: System, name: str) -> bool:
    return _unit_of_sql(system, name) not in ("", str(system.unit(name)))


# ---- PARTS ---- #


def _metric(system: System, name: str, indicator: Indicator, sql: str, written: Any) -> dict[str, Any]:
    unit = system.unit(name)
    facts = {
        "unit": str(unit), "unit_of_sql": _unit_of_sql(system, name) or None, "better": indicator.direction,
        "targets": [str(target.words(unit)) for target in system.targets(name)],
        "source": indicator.clause, "definition": _text(written),
    }  # fmt: skip
    words = str(indicator.words(system.symbols))
    title = system.symbols[name].title
    return {
        "name": name, "expression": _ansi(sql), "description": f"{title}: {words}" if title != words else title,
        "ai_context": {"synonyms": [title]}, "custom_extensions": [_extension(facts)],
    }  # fmt: skip


def _measure(system: System, name: str, written: Any) -> dict[str, Any]:
    symbol = system.symbols[name]
    facts = {"unit": None if symbol.unit is None else str(symbol.unit), "definition": _text(written)}
    return _field(name, symbol.title, custom_extensions=[_extension(facts)])


def _field(name: str, title: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "expression": _ansi(_sql_name(name)), "description": str(title), **more}


def _ansi(sql: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": sql}]}


def _extension(facts: Mapping[str, Any]) -> dict[str, str]:
    content = {KEY: {key: value for key, value in facts.items() if value not in (None, [])}}
    return {"vendor_name": VENDOR, "data": json.dumps(content, ensure_ascii=False)}


def plain(value: Any) -> Any:
    """Return a dumped definition as YAML holds it."""
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.value if isinstance(value, Enum) else value


def _text(value: Any) -> str:
    """Return a part of a definition as YAML in one line, whose keys may be numbers, unlike those of JSON."""
    return yaml.safe_dump(value, allow_unicode=True, width=math.inf, default_flow_style=True, sort_keys=False).strip()
