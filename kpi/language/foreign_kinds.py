"""Kinds of definitions that extensions bring: the branch of a union that takes them, and their classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, get_args

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticOmit, core_schema

from kpi.errors import Diagnostic, KpiError, Message
from kpi.process import extensions
from kpi.process.extensions import Extension

#: Whether JSON Schemas have the installed kinds beside those that are built in.
_IN_SCHEMAS: ContextVar[bool] = ContextVar("installed kinds in schemas", default=False)

#: Step of the path of an error, before the kind: `installed indicators`.
_STEP = "installed "


class UnusableError(ValueError):
    """A kind that cannot be used, within the validation of a definition; pydantic takes only a ValueError."""

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.finding = finding


class ForeignKinds(Struct, frozen=True):
    """The branch of a union for kinds that are not built in.

    Attributes:
        family: of extensions.
        base: returns the class that they derive from, which may be defined later than the union.
        titled: whether a class has a `kind_title`.
    """

    family: str
    base: Callable[[], type[BaseModel]]
    titled: bool = False

    @property
    def tag(self) -> str:
        """The tag of the branch, a step in the paths of errors."""
        return _STEP + self.family

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validated)

    def __get_pydantic_json_schema__(self, _core: Any, handler: Any) -> dict[str, Any]:
        classes = self.classes() if _IN_SCHEMAS.get() else []
        if not classes:
            raise PydanticOmit
        return {"oneOf": [handler(item.__pydantic_core_schema__) for item in classes]}

    def classes(self) -> list[type[BaseModel]]:
        """Return the classes of all installed kinds that can be used."""
        usable = []
        for name in extensions.names(self.family):
            try:
                usable.append(self.of(name))
            except KpiError:  # it is listed by `kpi show --kinds`
                continue
        return usable

    def of(self, name: str) -> type[BaseModel]:
        """Return the class of a kind that is installed.

        Raises:
            KpiError: K930 to K932, if it cannot be used.
        """
        extension = extensions.named(self.family, name)
        assert extension is not None  # noqa: S101
        kind = extension.load()
        if (why := self._unfit(extension, kind)) is not None:
            raise extension.unfit(why)
        usable: type[BaseModel] = kind
        return usable

    def _unfit(self, extension: Extension, kind: Any) -> Message | None:
        """Return why an object is no kind of the family, None if it is."""
        base = self.base()
        if not (isinstance(kind, type) and issubclass(kind, base)):
            return Message("it is no subclass of kpi.extend.{base}", base=base.__name__)
        if missing := sorted(getattr(kind, "__abstractmethods__", ())):
            return Message("it does not define {methods}", methods=tuple(f"`{name}`" for name in missing))
        field = kind.model_fields.get("kind")
        if field is None or get_args(field.annotation) != (extension.name,):
            return Message('it does not declare `kind: Literal["{name}"] = "{name}"`', name=extension.name)
        if self.titled and not isinstance(getattr(kind, "kind_title", None), Message):
            return Message("it has no `kind_title`, a Message")
        return None

    def _validated(self, value: Any) -> BaseModel:
        name = value["kind"] if isinstance(value, dict) else value.kind
        try:
            kind = self.of(name)
        except KpiError as error:
            raise UnusableError(error.diagnostics[0]) from error
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            below = [_below(name, item) for item in error.errors()]
            raise ValidationError.from_exception_data(error.title, below) from None
        except BaseException as error:
            finding = extensions.blamed(error)
            if finding is None:
                raise
            raise UnusableError(finding) from error


def _below(name: str, error: Any) -> InitErrorDetails:
    """Return an error with the kind before its path."""
    return InitErrorDetails(
        type=error["type"], loc=(name, *error["loc"]), input=error["input"], ctx=error.get("ctx", {})
    )


def is_foreign(family: str, kind: str) -> bool:
    """Return whether an extension brings a kind."""
    return kind in extensions.names(family)


def class_at(path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Return the class of the innermost installed kind that the path of an error leads into, None if it is built in."""
    for at in range(len(path) - 2, -1, -1):
        step = path[at]
        if isinstance(step, str) and step.startswith(_STEP):
            extension = extensions.named(step.removeprefix(_STEP), str(path[at + 1]))
            kind = None if extension is None else extension.load()
            return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return None


@contextmanager
def in_schemas() -> Iterator[None]:
    """Let JSON Schemas within the block have the installed kinds."""
    token = _IN_SCHEMAS.set(True)
    try:
        yield
    finally:
        _IN_SCHEMAS.reset(token)
