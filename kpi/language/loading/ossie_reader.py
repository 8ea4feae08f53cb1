"""Read an Apache Ossie document as a definition: one of ours as it was, one of others as far as its SQL is plain.

Codes: K944 it is no document that can be read, K945 what is not taken over, K946 what had to be guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlglot
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from kpi.errors import DefinitionError, Diagnostic, Message, Place, Severity
from kpi.language import ossie
from kpi.language.loading import positions
from kpi.language.loading.loader import Loaded, examine_mapping
from kpi.process.os_errors import reason

SUFFIX = ".ossie.json"


class Read(Struct, frozen=True):
    """What a document says.

    Attributes:
        tree: the definition, as YAML holds it.
        findings: what was guessed, changed or left out.
    """

    tree: dict[str, Any]
    findings: tuple[Diagnostic, ...]


def examine_document(path: str | Path) -> Loaded:
    """Read and check the definition that a document has; never raise for its content."""
    file = Path(path)
    try:
        read = definition_of(file)
    except DefinitionError as error:
        return Loaded(str(path), None, error.diagnostics)
    loaded = examine_mapping(read.tree, folder=file.resolve().parent)
    placed = (replace(finding, place=Place(str(path), field=str(finding.place) or None)) for finding in loaded.findings)
    return Loaded(str(path), loaded.system, (*read.findings, *placed))


def definition_of(path: Path) -> Read:
    """Return the definition of a document.

    Raises:
        DefinitionError: K944.
    """
    place = Place(str(path))
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise _unreadable(Message("the file cannot be read: {reason}", reason=reason(error)), place) from None
    except (ValueError, RecursionError):
        raise _unreadable(Message("the file is no JSON"), place) from None
    try:
        return _definition(document, place)
    except (KeyError, TypeError, AttributeError, IndexError):
        raise _unreadable(Message("the document lacks what Ossie 0.1.1 requires"), place) from None


def _unreadable(message: Message, place: Place) -> DefinitionError:
    hint = Message("give a semantic model of Apache Ossie 0.1.1 as JSON")
    return DefinitionError(Diagnostic("K944", message, place, hint))


def _definition(document: Any, place: Place) -> Read:
    if document["version"] not in ossie.READ:
        words = Message("Ossie {version} is not read, only {known}", version=document["version"], known=ossie.READ)
        raise _unreadable(words, place)
    models = document["semantic_model"]
    if len(models) != 1:
        raise _unreadable(
            Message("there are {number} semantic models, and a definition is one", number=len(models)), place
        )
    (model,) = models
    own = _own(model)
    return _ours(model, own, place) if own is not None else _theirs(model, place)


def _own(part: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return our data of a part, None where it has none."""
    for extension in part.get("custom_extensions") or []:
        try:
            data = json.loads(extension["data"])
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict) and isinstance(own := data.get(ossie.KEY), dict):
            return own
    return None


def _yaml(text: Any, place: Place) -> Any:
    document = positions.read(str(text), place.file or "")
    if document.findings:
        raise DefinitionError(replace(finding, place=place) for finding in document.findings)
    return document.data


# ---- DOCUMENTS OF OURS ---- #


def _ours(model: Mapping[str, Any], own: Mapping[str, Any], place: Place) -> Read:
    tree = _yaml(own["definition"], place)
    findings = []
    measures, indicators = {}, {name: _yaml(text, place) for name, text in own["indicators"].items()}
    for dataset in model["datasets"]:
        for field in dataset.get("fields") or []:
            if (facts := _own(field)) is not None:
                measures[field["name"]] = _yaml(facts["definition"], place)
            elif field["name"] not in (ossie.ENTITY, ossie.PERIOD):
                findings.append(_left_out(field["name"], place))
    written = {}
    for metric in model.get("metrics") or []:
        if (facts := _own(metric)) is None:
            findings.append(_left_out(metric["name"], place))
            continue
        indicators[metric["name"]] = _yaml(facts["definition"], place)
        written[metric["name"]] = _sql(metric)
    order = {name: number for number, name in enumerate(own["order"])}
    ordered = sorted(indicators, key=lambda name: order.get(name, len(order)))
    head, tail = {"measures": measures}, {"indicators": {name: indicators[name] for name in ordered}}
    whole = {key: tree[key] for key in tree if key in _BEFORE} | head | tail
    whole |= {key: value for key, value in tree.items() if key not in whole}
    system = examine_mapping(whole).system  # without the files that it names
    for name, sql in written.items():
        if system is not None and ossie.expression(system, name) != sql:
            message = Message("the SQL of `{name}` was changed; its definition in custom_extensions is used", name=name)
            hint = Message("change the definition too, or remove the extension and define the indicator anew")
            findings.append(Diagnostic("K945", message, replace(place, field=name), hint, Severity.WARNING))
    return Read(whole, tuple(findings))


#: The keys of a system that stand before its measures.
_BEFORE = ("system", "title", "period", "timeline", "source", "entities", "datasets")


def _left_out(name: str, place: Place) -> Diagnostic:
    message = Message(
        "`{name}` was added by another program and is not taken over: it has no definition of ours", name=name
    )
    hint = Message("define it in the YAML that is written")
    return Diagnostic("K945", message, replace(place, field=name), hint, Severity.WARNING)


def _sql(part: Mapping[str, Any]) -> str:
    dialects = part["expression"]["dialects"]
    return str(
        next(
            (dialect["expression"] for dialect in dialects if dialect["dialect"] == "ANSI_SQL"),
            dialects[0]["expression"],
        )
    )


# ---- DOCUMENTS OF OTHERS ---- #


def _theirs(model: Mapping[str, Any], place: Place) -> Read:
    measures: dict[str, Any] = {}
    indicators: dict[str, Any] = {}
    findings: list[Diagnostic] = []
    titles = {
        field["name"]: field.get("description") or field["name"]
        for dataset in model["datasets"]
        for field in dataset.get("fields") or []
    }
    columns = _Columns(model["datasets"])
    for metric in model.get("metrics") or []:
        name = _name(metric["name"])
        sides = _sides(_sql(metric))
        hint = Message("sums and means of a column, and quotients of two of them, are; define it in the YAML")
        if sides is not None and (why := columns.unusable(sides)) is not None:
            sides, hint = None, why
        if sides is None or name in indicators or name in [side.name for side in sides] or not _are_names(sides):
            message = Message("the metric `{name}` is not taken over: {sql}", name=metric["name"], sql=_sql(metric))
            findings.append(Diagnostic("K945", message, replace(place, field=metric["name"]), hint, Severity.WARNING))
            continue
        columns.take(sides)
        for side in sides:
            title_of = titles.get(side.name, side.name)
            measures[side.name] = {"title": str(title_of), "unit": "1", "over_time": side.over_time}
        title = {"title": str(metric.get("description") or metric["name"])}
        if len(sides) == 1:
            indicators[name] = {"kind": "level", **title, "of": sides[0].name}
        else:
            quotient = {"numerator": sides[0].name, "denominator": sides[1].name, "unit": "1"}
            indicators[name] = {"kind": "ratio", **title, **quotient}
    if not indicators:
        raise _unreadable(Message("no metric of the document can be taken over"), place)
    for relationship in model.get("relationships") or []:
        message = Message(
            "the relationship `{name}` is not taken over: figures come as one table", name=relationship["name"]
        )
        findings.append(Diagnostic("K945", message, place, severity=Severity.WARNING))
    guess = Message("Ossie has no units, periods and directions: every unit is 1, the period a year, more is better")
    hint = Message("correct them in the YAML, and add what is a unit of evaluation")
    findings.append(Diagnostic("K946", guess, place, hint, Severity.WARNING))
    tree = {
        "system": re.sub(r"[^\w.-]+", "-", model["name"]) or "system",
        "title": str(model.get("description") or model["name"]),
        "period": "year", "entities": {}, "measures": measures, "indicators": indicators, "pillars": {},
    }  # fmt: skip
    return Read(tree, tuple(findings))


def _name(text: str) -> str:
    return re.sub(r"\W+", "_", text) or "_"


class _Side(Struct, frozen=True):
    """An aggregation of a column: its dataset, empty where the SQL names none, its name, and how periods make one."""

    dataset: str
    name: str
    over_time: str


class _Columns:
    """The columns of a document: those that its datasets have, and those that are measures already."""

    def __init__(self, datasets: Sequence[Mapping[str, Any]]) -> None:
        self._fields = {each["name"]: [field["name"] for field in each.get("fields") or []] for each in datasets}
        self._taken: dict[str, _Side] = {}

    def unusable(self, sides: Iterable[_Side]) -> Message | None:
        """Return why aggregations cannot be measures, None if they can."""
        for side in sides:
            owner = self._owner(side)
            if owner is None:
                return Message("no dataset of it has the field `{name}`: add the field there", name=side.name)
            placed = replace(side, dataset=owner)
            if self._taken.get(side.name, placed) != placed:
                return Message(
                    "`{name}` is a measure already, of another dataset or aggregation: define a second in the YAML",
                    name=side.name,
                )
        return None

    def take(self, sides: Iterable[_Side]) -> None:
        """Keep aggregations as measures."""
        self._taken |= {side.name: replace(side, dataset=self._owner(side) or "") for side in sides}

    def _owner(self, side: _Side) -> str | None:
        """Return the dataset of a column; one that leaves its fields out may have any."""
        among = {name: fields for name, fields in self._fields.items() if side.dataset in ("", name)}
        return next((name for name, fields in among.items() if not fields or side.name in fields), None)


def _are_names(sides: Sequence[_Side]) -> bool:
    return all(_name(side.name) == side.name for side in sides)


def _sides(sql: str) -> list[_Side] | None:
    """Return the aggregation of a column, or the two of a quotient of aggregations; None for any other expression."""
    try:
        tree = sqlglot.parse_one(sql).unnest()
    except (sqlglot.errors.SqlglotError, AttributeError, IndexError, RecursionError, TypeError, ValueError):
        return None
    parts = [tree.this.unnest(), tree.expression.unnest()] if isinstance(tree, exp.Div) else [tree]
    sides = [*_aggregations(parts)]
    return sides if len(sides) == len(parts) and len({side.name for side in sides}) == len(sides) else None


def _aggregations(parts: list[Any]) -> Iterator[_Side]:
    for part in parts:
        if isinstance(part, exp.Sum | exp.Avg) and isinstance(part.this, exp.Column):
            yield _Side(part.this.table, part.this.name, "sum" if isinstance(part, exp.Sum) else "mean")
