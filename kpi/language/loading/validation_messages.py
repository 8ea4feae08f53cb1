"""Validation errors of pydantic as findings in the user's words: one for one mistake, at its place."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_args

from msgspec.structs import replace
from pydantic import BaseModel

from kpi.errors import Diagnostic, Message, alternatives, shortened, suggest
from kpi.language.foreign_kinds import UnusableError, class_at
from kpi.language.loading import positions
from kpi.language.model import NAME_WORDS, Path
from kpi.language.system import System
from kpi.process import extensions

#: What a value must be, by the type of pydantic's error.
_KINDS = {
    "float_type": Message("a number"),
    "float_parsing": Message("a number"),
    "finite_number": Message("a finite number"),
    "int_type": Message("a whole number"),
    "int_parsing": Message("a whole number"),
    "int_from_float": Message("a whole number"),
    "string_type": Message("text"),
    "bool_type": Message("true or false"),
    "dict_type": Message("a mapping, `name: value`"),
    "model_type": Message("a mapping, `key: value`"),
    "model_attributes_type": Message("a mapping, `key: value`"),
    "tuple_type": Message("a list"),
    "list_type": Message("a list"),
    "date_type": Message("a date, 2023-07-28"),
}
_CHOICES = ("literal_error", "enum")
#: What a value must be, by the type of pydantic's error, from the context of the error.
_LIMITS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "greater_than": lambda context: Message("must be above {limit:g}", limit=context["gt"]),
    "greater_than_equal": lambda context: Message("must be at least {limit:g}", limit=context["ge"]),
    "less_than": lambda context: Message("must be below {limit:g}", limit=context["lt"]),
    "less_than_equal": lambda context: Message("must be at most {limit:g}", limit=context["le"]),
    "string_too_long": lambda context: Message("has at most {number} characters", number=context["max_length"]),
    "too_short": lambda context: Message("needs {number} or more", number=context["min_length"]),
    "string_pattern_mismatch": lambda _: Message("must be a name: {characters}", characters=NAME_WORDS),
}
#: Errors that only say that a value is of another type, as every branch of a union says that does not fit.
_TYPES = {kind for kind in _KINDS if kind.endswith("_type")} | set(_CHOICES)
_TAGS = ("union_tag_invalid", "union_tag_not_found")


def findings(document: positions.Document, errors: Iterable[Any]) -> list[Diagnostic]:
    """Return pydantic's errors about a document as findings, without those that only follow from another."""
    relevant = _decided(document, [error for error in errors if not _spoiled(document, tuple(error["loc"]))])
    renamed = {
        (*_at(document, error)[:-1], key)
        for error in relevant
        if error["type"] == "extra_forbidden"
        for key in _meant(error)
    }
    bad_names = {error["input"] for error in relevant if error["loc"][-1:] == ("[key]",)}
    results = []
    for error in _merged(document, relevant):
        follows = (
            error["type"] == "missing" and (*document.known(tuple(error["loc"])[:-1]), error["loc"][-1]) in renamed
        )
        echo = (
            error["type"] == "string_pattern_mismatch" and error["loc"][-1] != "[key]" and error["input"] in bad_names
        )
        if not follows and not echo and not _unnamed(document, error):
            results.append(_finding(document, error))
    return results


def _decided(document: positions.Document, errors: list[Any]) -> list[Any]:
    """Return the errors without those of models that a mapping does not mean, where its keys are those of another one.

    `mean: {vikor: 2}` fits no model of the union; the only one with the key `vikor` is meant.
    """
    branches: dict[Path, dict[str, int]] = {}
    keys: dict[Path, Any] = {}
    at: list[tuple[Path, str] | None] = []
    for error in errors:
        path = tuple(error["loc"])
        value: Any = document.data
        place = None
        for number, step in enumerate(path):
            if (isinstance(value, dict) and step in value) or (
                isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)
            ):
                value = value[step]
            else:
                # A step that the document does not have is a branch, unless it is the last: a key that is missing.
                place = (path[:number], str(step)) if isinstance(value, dict) else None
                if place is not None and number + 1 < len(path):
                    refused = branches.setdefault(path[:number], {})
                    keys[path[:number]] = value
                    refused[str(step)] = refused.get(str(step), 0) + (error["type"] == "extra_forbidden")
                break
        at.append(place)
    meant, unknown = {}, set()
    for parent, refused in branches.items():
        least = [branch for branch, number in refused.items() if number == min(refused.values())]
        if len(least) == 1 and len(refused) > 1:
            meant[parent] = least[0]
        elif len(refused) > 1 and 0 < len(keys[parent]) == min(refused.values()):
            unknown.add(parent)
    return [
        error
        for error, place in zip(errors, at, strict=True)
        if place is None
        or (place[0] not in meant and (place[0] not in unknown or error["type"] == "extra_forbidden"))
        or place[1] == meant.get(place[0])
    ]


def _spoiled(document: positions.Document, path: Path) -> bool:
    known = document.known(path)
    return any(known[: len(item)] == item for item in document.spoiled)


def _unnamed(document: positions.Document, error: Any) -> bool:
    """Return whether an error is about a key of a definition that stands in the place of named ones.

    In `indicators: {kind: ratio, numerator: a}` every key is taken for a name; the finding is that of `kind`.
    """
    path = tuple(error["loc"])
    if error["type"] not in _TAGS or isinstance(error.get("input"), dict) or not path:
        return False
    parent: Any = document.data
    for step in path[:-1]:
        parent = parent.get(step) if isinstance(parent, dict) else None
    tag = next((tag for model in _candidates(path) if (tag := _tag_field(model)) is not None), "kind")
    return isinstance(parent, dict) and path[-1] != tag and parent.get(tag) in _tags_at(path)


def _at(document: positions.Document, error: Any) -> Path:
    return (*document.known(tuple(error["loc"])[:-1]), error["loc"][-1])


def _merged(document: positions.Document, errors: list[Any]) -> Iterator[Any]:
    """Merge the errors that the branches of one union gave for one value.

    A mapping is judged by the branch that takes mappings, a list by the one that takes lists; a value that fits no
    branch must be one of the kinds that they accept.
    """
    groups: dict[Path, list[Any]] = {}
    for error in errors:
        path = tuple(error["loc"])
        absent = path[-1:] if error["type"] in ("missing", "extra_forbidden") else ()
        known = document.known(path[: len(path) - len(absent)])
        groups.setdefault((*known, *absent, "[key]") if path[-1:] == ("[key]",) else (*known, *absent), []).append(
            error
        )
    for group in groups.values():
        types = [error for error in group if error["type"] in _TYPES]
        deeper = [error for error in group if error["type"] not in _TYPES]
        if len(group) == 1 or not types or deeper:
            yield from deeper or group
            continue
        kinds = functools.reduce(
            lambda first, second: Message("{first}, or {second}", first=first, second=second),
            dict.fromkeys(map(_wanted_kind, types)),
        )
        yield {**types[0], "loc": document.known(tuple(types[0]["loc"])), "kinds": kinds}


def _finding(document: positions.Document, error: Any) -> Diagnostic:
    path, kind, value = tuple(error["loc"]), error["type"], error.get("input")
    if kind == "missing":
        tail, place = path[-1], document.place(path[:-1])
        return Diagnostic(
            "K111",
            Message("`{key}` is missing", key=tail),
            place,
            Message("add `{key}:`", key=tail),
            label=Message("needs `{key}`", key=tail),
        )
    if kind in _TAGS:
        return _tag(document, path, value)
    if kind == "extra_forbidden":
        return _unknown_key(document, error)
    return _key(document, error) if path[-1:] == ("[key]",) else _value(document, error)


def _value(document: positions.Document, error: Any) -> Diagnostic:
    """Return the finding of a value that cannot stand where it does."""
    path, kind, value = document.known(tuple(error["loc"])), error["type"], error.get("input")
    key = _key_of(path, value)
    if value is None:
        return Diagnostic(
            "K113",
            Message("`{key}` is empty", key=key),
            document.place(path),
            Message("give it a value, or take the key away"),
        )
    if error["type"] == "value_error" and isinstance(refused := error["ctx"]["error"], UnusableError):
        return replace(refused.finding, place=document.place((*path, "kind")))
    if error["type"] == "value_error":
        message = Message("`{key}`: {reason}", key=key, reason=error["ctx"]["error"].args[0])
        return Diagnostic("K113", message, document.place(path))
    written = shortened(document.written(path))
    demand = _demand(error)
    message = (
        Message("`{key}` {demand}; here: {text}", key=key, demand=demand, text=written)
        if written
        else Message("`{key}` {demand}", key=key, demand=demand)
    )
    return Diagnostic("K113", message, document.place(path), _hint(key, kind, value, written))


def _key_of(path: Path, value: Any) -> Any:
    """Return the key of a value, or the key of the list that holds it."""
    names = [step for step in path if isinstance(step, str)]
    return path[-1] if path and isinstance(value, dict) else (names[-1] if names else "system")


def _demand(error: Any) -> Message:
    """Return what a value must be or have, as the predicate of a sentence about it."""
    kind, context = error["type"], error.get("ctx", {})
    if "kinds" in error:
        return Message("must be {kind}", kind=error["kinds"])
    if "." in context.get("pattern", ""):
        return Message("must be of letters, digits and the signs . _ -")
    if kind in _CHOICES or kind == "bool_type":
        # Of its own, as values in Latin letters have a blank before them in Chinese, and kinds do not.
        return Message("must be {values}", values=_wanted_kind(error))
    if kind in _KINDS:
        return Message("must be {kind}", kind=_KINDS[kind])
    if kind in _LIMITS:
        return _LIMITS[kind](context)
    message = str(error["msg"]).removeprefix("Input ")
    return Message("{reason}", reason=message[:1].lower() + message[1:])


def _wanted_kind(error: Any) -> Message:
    """Return the kind of value, or the values, that an error asks for."""
    return _KINDS.get(error["type"]) or alternatives(_choices(error))


def _choices(error: Any) -> list[str]:
    return [word.strip(" '") for word in error["ctx"]["expected"].replace(" or ", ", ").split(",")]


def _hint(key: Any, kind: str, value: Any, written: str) -> Message | None:
    truth = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    if kind == "bool_type" and (meant := truth.get(str(value).lower())):
        return Message("YAML 1.2 reads `{text}` as text; write {truth}", text=written, truth=meant)
    if kind == "string_type":
        return _as_text(key, value, written)
    if kind in ("float_type", "int_type") and isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return Message("take the quotes away: {number}", number=value)
    if key == "target" and isinstance(value, int | float | str):
        return Message("write {{at_least: {value}}}, or another comparator", value=value)
    if key == "parts":
        return Message("write {{name: weight}}, such as {{online_rate: 30, wait: 20}}, or [online_rate, wait]")
    return None


def _as_text(key: Any, value: Any, written: str) -> Message | None:
    """Return how a value that is no text is written as one."""
    if key in positions.CONDITIONS and isinstance(value, dict | list):
        return positions.without_brackets(str(key), _condition(value), mapping=isinstance(value, dict))
    return Message('put it into quotes: "{text}"', text=written) if isinstance(value, int | float | dt.date) else None


def _condition(value: dict[Any, Any] | list[Any]) -> str:
    """Return the condition, or expression, that a mapping or list was meant to be.

    >>> _condition({"状态 = 办结": None}), _condition({"状态": "办结", "天数 > 3": None}), _condition(["天数 > 3"])
    ('状态 = 办结', "状态 = '办结' and 天数 > 3", '天数 > 3')
    """
    items = value.items() if isinstance(value, dict) else ((item, None) for item in value)
    parts = [
        str(item) if other is None else f"{item} = '{other}'" if isinstance(other, str) else f"{item} = {other}"
        for item, other in items
    ]
    return " and ".join(parts)


def _key(document: positions.Document, error: Any) -> Diagnostic:
    """Return the finding of a key that cannot stand where it does."""
    path, kind, value = tuple(error["loc"]), error["type"], error.get("input")
    place = document.place(path[:-1], key=True)
    if kind == "string_pattern_mismatch":
        hint = Message("put other words into `title:`")
        return Diagnostic(
            "K112", Message("`{text}` cannot be a name: {characters}", text=value, characters=NAME_WORDS), place, hint
        )
    if kind == "string_type":
        return Diagnostic(
            "K112",
            Message("`{number}` is a number, not a name", number=value),
            place,
            Message('put it into quotes: "{text}"', text=value),
        )
    if kind == "literal_error":
        choices = _choices(error)
        hint = suggest(str(value), choices) or Message("one of {choices}", choices=tuple(choices))
        return Diagnostic(
            "K110", Message("unknown key `{key}`", key=value), place, hint, label=Message("not a key here")
        )
    return Diagnostic("K113", Message("the key `{key}` {demand}", key=value, demand=_demand(error)), place)


#: Words that people write for keys of the language, and the keys; the first that can stand in a place is meant.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "deadline": ("by",), "due": ("by",), "until": ("by",), "截止": ("by",), "期限": ("by",),
    "min": ("at_least", "floor", "min_total"), "minimum": ("at_least", "floor"), "gte": ("at_least",),
    "max": ("at_most", "cap", "most"), "maximum": ("at_most", "cap"), "lte": ("at_most",), "limit": ("cap", "max"),
    "gt": ("above",), "lt": ("below",), "equal": ("equals",), "range": ("within", "scale", "limits"),
    "formula": ("expr",), "expression": ("expr",), "condition": ("when", "where", "expr"), "filter": ("where",),
    "direction": ("better",), "polarity": ("better",), "name": ("title",), "label": ("title",), "名称": ("title",),
    "description": ("note",), "comment": ("note",), "说明": ("note",), "children": ("parts",), "indicators": ("parts",),
    "aggregation": ("mean",), "aggregate": ("mean",), "method": ("mean",), "digits": ("decimals",),
    "precision": ("decimals",), "places": ("decimals",), "thresholds": ("cuts", "knots"), "bands": ("cuts",),
    "quotas": ("shares",), "type": ("kind", "form", "method"), "source": ("from",), "column": ("of",),
    "hold_harmless": ("moves",), "one_rung": ("moves",), "group": ("cohort", "among"), "peers": ("among",),
    "单位": ("unit",), "权重": ("weight",), "目标": ("target",), "rule": ("score", "scoring"),
}  # fmt: skip


def _near(word: str, keys: list[str]) -> Message | None:
    """Return the hint that names the key that was probably meant, by another word for it or by its letters."""
    other = next((key for key in SYNONYMS.get(word.casefold(), ()) if key in keys), None)
    return suggest(word, keys) if other is None else Message("did you mean `{name}`?", name=other)


def _meant(error: Any) -> list[str]:
    """Return the key that an unknown key was probably meant to be, if one is near."""
    hint = _near(str(error["loc"][-1]), [key for model in _models_at(tuple(error["loc"])) for key in _keys(model)])
    return [str(hint.fields["name"])] if hint else []


def _unknown_key(document: positions.Document, error: Any) -> Diagnostic:
    path = tuple(error["loc"])
    tail = path[-1]
    keys = [key for model in _models_at(path) for key in _keys(model)]
    hint = _near(str(tail), keys) or _by_class(tail, error.get("input"), keys)
    hint = hint or (Message("what there is: {keys}", keys=tuple(keys)) if keys else None)
    parent = document.known(path[:-1])
    if document.written(parent) == tail:
        return Diagnostic(
            "K114",
            Message("`{key}` cannot be `{value}`", key=parent[-1], value=tail),
            document.place(parent),
            hint,
            label=Message("not known"),
        )
    return Diagnostic(
        "K110",
        Message("unknown key `{key}`", key=tail),
        document.place(path, key=True),
        hint,
        label=Message("not a key here"),
    )


def _by_class(key: object, value: object, keys: Sequence[str]) -> Message | None:
    """Return how figures by class are written, where a key that is not known has a figure as a class would."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if {"by", "values"} <= set(keys):
        return Message(
            "for units of several classes write {{by: {column}, values: {{{key}: {value}}}}}, `by` being a column of "
            "the roster", column="类别", key=key, value=value,
        )  # fmt: skip
    if "at_least" in keys and not str(key).isascii():
        return Message(
            "for units of several classes write {{at_least: {{by: {column}, values: {{{key}: {value}}}}}}}, `by` being "
            "a column of the roster", column="类别", key=key, value=value,
        )  # fmt: skip
    return None


def _tag(document: positions.Document, path: Path, value: Any) -> Diagnostic:
    """Return the finding of a definition whose kind is unknown or not given."""
    name, kinds = path[-1] if path else "", _tags_at(path)
    key = next((tag for model in _candidates(path) if (tag := _tag_field(model)) is not None), "kind")
    place = document.place(path)
    if not isinstance(value, dict):
        written = document.written(path)
        kind = name if name in kinds else kinds[0] if kinds else None
        hint = Message("write {{{key}: {kind}, ...}}", key=key, kind=kind) if kinds else None
        if name == key and value in kinds:
            hint = Message("give it a name: `name: {{{key}: {value}, ...}}`", key=key, value=value)
        message = (
            Message("`{name}` must be a mapping, `key: value`; here: {text}", name=name, text=shortened(written))
            if written
            else Message("`{name}` must be a mapping, `key: value`", name=name)
        )
        return Diagnostic("K113", message, place, hint)
    if path[:1] == ("checks",):
        hint = Message("add `expr:`, a condition that must hold, or `growth_within:`")
        return Diagnostic("K111", Message("`{name}` says nothing that could be checked", name=name), place, hint)
    given = value.get(key)
    if given is None:
        hint = _kind_meant(path, value, key, kinds) or Message("one of {kinds}", kinds=tuple(kinds))
        return Diagnostic(
            "K111",
            Message("`{name}` needs a `{key}`", name=name, key=key),
            place,
            hint,
            label=Message("needs `{key}`", key=key),
        )
    if not isinstance(given, str):
        return Diagnostic(
            "K113",
            Message("`{key}` must be text", key=key),
            document.place((*path, key)),
            Message("one of {kinds}", kinds=tuple(kinds)),
        )
    kinds = [*kinds, *_installed_at(path)]
    hint = suggest(given, kinds) or Message("one of {kinds}", kinds=tuple(kinds))
    return Diagnostic(
        "K114",
        Message("unknown {key} `{value}`", key=key, value=given),
        document.place((*path, key)),
        hint,
        label=Message("not a {key}", key=key),
    )


def _kind_meant(path: Path, value: dict[Any, Any], key: str, kinds: list[str]) -> Message | None:
    """Return the hint for a definition without a kind: by its name, by what stands in its place, or by its keys."""
    if path and path[-1] in kinds:
        return Message("`{name}` is only its name; if it is the {key} too, add `{key}: {name}`", name=path[-1], key=key)
    for inner in value:
        if inner in kinds:
            return Message("write `{key}: {kind}` beside its keys, {{{key}: {kind}, ...}}", key=key, kind=inner)
    fitting = [kind for model in _candidates(path) if (kind := _kind(model)) and value.keys() <= set(_keys(model))]
    return Message("add `{key}: {kind}`", key=key, kind=fitting[0]) if value and len(fitting) == 1 else None


# ---- THE MODELS BEHIND A PATH ---- #


@functools.cache
def _models_of_fields(model: type[BaseModel]) -> dict[str, list[type[BaseModel]]]:
    """Return the models that each field of a model may hold, by its name and its alias."""
    models_of: dict[str, list[type[BaseModel]]] = {}
    for name, field in model.model_fields.items():
        models = _models_in(field.annotation if not field.metadata else (field.annotation, *field.metadata))
        for key in {name, field.alias or name}:
            models_of.setdefault(key, models)
    return models_of


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """All models that an annotation may hold, however deep in unions, mappings and lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = annotation if isinstance(annotation, tuple) else get_args(annotation)
    return [model for part in parts for model in _models_in(part)]


def _candidates(path: Path) -> list[type[BaseModel]]:
    """Return the models that may stand at a path, before their kind is known."""
    models: list[type[BaseModel]] = [System]
    for step in path:
        inner = [models_of_field for model in models for models_of_field in _models_of_fields(model).get(str(step), ())]
        models = inner or models
    return list(dict.fromkeys(models))


def _models_at(path: Path) -> list[type[BaseModel]]:
    """Return the models at the parent of a path, narrowed by the tags that pydantic put into it."""
    if (foreign := class_at(path)) is not None:
        return [foreign]
    models = _candidates(path[:-1])
    for step in reversed(path[:-1]):
        # The last that is a kind: before it there may be names, which may be those of kinds too.
        narrowed = [model for model in models if _kind(model) == step]
        if narrowed:
            return narrowed
    return models


def _tag_field(model: type[BaseModel]) -> str | None:
    """Return the key that discriminates a model in its union, if it is in one."""
    return next((tag for tag in ("kind", "form", "method") if tag in model.model_fields), None)


def _kind(model: type[BaseModel]) -> str | None:
    tag = _tag_field(model)
    return None if tag is None else str(get_args(model.model_fields[tag].annotation)[0])


def _tags_at(path: Path) -> list[str]:
    return [kind for model in _candidates(path) if (kind := _kind(model)) is not None]


def _installed_at(path: Path) -> list[str]:
    """Return the kinds that extensions bring for a path."""
    for model in _candidates(path):
        for family in extensions.FAMILIES:
            if model.__module__.startswith(f"kpi.language.{family}."):
                return extensions.names(family)
    return []


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
