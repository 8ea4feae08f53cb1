"""What all definitions share: frozen models with flat fields, problems that carry their path, and one base class.

A definition is a pydantic model of one `kind`: its fields are its YAML, unknown keys are refused, and it never changes
after loading. What is wrong with it beyond its shape (a name, a unit, a contradiction) it reports as `Problem` values;
the loader turns their paths into lines and columns.
"""

import datetime as dt
import functools
import operator
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar, cast, get_args

from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, StringConstraints, Tag

from kpi.errors import Message, Severity
from kpi.language.foreign_kinds import ForeignKinds, is_foreign

T = TypeVar("T")

#: Where in a system a value stands: mapping keys and list positions from the root.
Path = tuple[str | int, ...]

#: The characters of a name, in words.
NAME_WORDS = Message("letters, digits and underscores of any script")

#: A mapping key that names something: letters, digits and underscores of any script.
Name = Annotated[str, StringConstraints(pattern=r"^\w+$", max_length=200)]

#: A YAML list, kept as a tuple.
Listed = Annotated[tuple[T, ...], Field(strict=False)]


def _one_or_many(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


class _ItselfOrListed:
    """Allow a single value beside a list in the JSON Schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        listed = handler(core)
        return {"anyOf": [listed["items"], listed]}


#: One value, or a list of them, kept as a tuple.
OneOrMany = Annotated[tuple[T, ...], BeforeValidator(_one_or_many), _ItselfOrListed]


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | dt.date) and not isinstance(value, bool) else value


#: A text that YAML may have read as a number or a date, such as a year: `by: 2025`.
Text = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int)]


#: Who is compared with whom: the entities of a cohort in a period, all of a period, or a cohort over all periods.
Among = Literal["cohort", "period", "panel"]

#: The columns that identify the groups of each kind.
PEERS: dict[Among, tuple[str, ...]] = {
    "cohort": ("period", "cohort"),
    "period": ("period",),
    "panel": ("cohort",),
}


K = TypeVar("K")
V = TypeVar("V")


class FrozenMapping(dict[K, V]):
    """A mapping that cannot be changed, and can be hashed if its values can.

    >>> targets = FrozenMapping({"2024": 90})
    >>> targets["2025"] = 95
    Traceback (most recent call last):
    TypeError: a definition cannot be changed; make another with `model_copy`
    """

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a definition cannot be changed; make another with `model_copy`")

    __setitem__ = __delitem__ = __ior__ = _refused
    clear = pop = popitem = setdefault = update = _refused

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMapping, (dict(self),)


def _frozen(value: Any) -> Any:
    """Return a value with the mappings in it frozen."""
    if type(value) is dict:
        return FrozenMapping({key: _frozen(inner) for key, inner in value.items()})
    return value


class Frozen(BaseModel):
    """The base of all models of definitions: frozen all the way, strict about types, unknown keys refused.

    The validator of a model is built when it is first needed: that of a system contains those of all kinds, and to
    build each of them by itself takes a fifth of the start of a command.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        populate_by_name=True,
        protected_namespaces=(),
        defer_build=True,
    )

    def model_post_init(self, _context: Any) -> None:
        """Freeze the mappings among the fields."""
        fields = self.__dict__
        for name, value in fields.items():
            if type(value) is dict:
                fields[name] = _frozen(value)

    @classmethod
    def of_defaults(cls) -> Self:
        """Return the model with all its defaults; the validator, which would take most of the time, is not built."""
        return cast("Self", cls.model_construct())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields replaced, which is frozen too."""
        copied = super().model_copy(update=update, deep=deep)
        copied.model_post_init(None)
        return copied


class Definition(Frozen):
    """The base of all definitions: what has a name of its own, and a title that users read."""

    title: str | None = Field(None, description="the name that users read, 中文名称")
    note: str | None = Field(None, description="free text: scope, source, 口径说明")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")


class Block(Frozen):
    """The base of parts of definitions that have no title of their own."""


def kind_of(model: type[BaseModel], tag: str = "kind") -> str:
    """Return the `kind` under which a definition is written."""
    return str(get_args(model.model_fields[tag].annotation)[0])


def one_of(
    *models: type[BaseModel], default: str | None = None, tag: str = "kind", implied: Mapping[str, str] | None = None,
    foreign: ForeignKinds | None = None,
) -> Any:  # fmt: skip
    """Return the union of definitions discriminated by `kind` (or another `tag`), `default` where there is none.

    `implied` are keys that stand for a kind where none is given, `foreign` the kinds that extensions may bring.
    """
    known = frozenset(kind_of(model, tag) for model in models)

    def tag_of(value: Any) -> str | None:
        kind = value.get(tag, default) if isinstance(value, dict) else getattr(value, tag, None)
        if isinstance(value, dict) and tag not in value:
            kind = next((kind_ for key, kind_ in (implied or {}).items() if key in value), kind)
        if not isinstance(kind, str):
            return None
        return foreign.tag if foreign and kind not in known and is_foreign(foreign.family, kind) else kind

    tagged = [Annotated[model, Tag(kind_of(model, tag))] for model in models]
    if foreign:
        tagged.append(Annotated[Any, foreign, Tag(foreign.tag)])
    return Annotated[functools.reduce(operator.or_, tagged), Discriminator(tag_of)]


class Problem(Struct, frozen=True):
    """Something wrong with a definition: code, path from the root of the system, one sentence, and what to do.

    `span` is an offset and a length inside the text at that path, for a caret under part of an expression; with
    `at_key` the place is the key at the path, not its value.
    """

    code: str
    path: Path
    message: Message
    hint: Message | None = None
    label: Message | None = None
    span: tuple[int, int] | None = None
    severity: Severity = Severity.ERROR
    at_key: bool = False


Problems = Iterator[Problem]
