"""Damaged stores: errors of libraries become one finding, with the next step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from kpi.errors import DataError, Diagnostic, KpiError, Message, Place
from kpi.process.limits import shortage
from kpi.process.os_errors import reason

#: The hint for a damaged store.
REPAIR = Message("nothing was changed; kpi batch CONFIG --repair goes back to the last run that is whole")

#: The most characters of the text of a library in a message.
_CLAUSE = 80

P = ParamSpec("P")
T = TypeVar("T")


def damaged(message: Message, place: Place) -> Diagnostic:
    """Return the finding K833 on a damaged store."""
    return Diagnostic("K833", Message("the store is damaged: {message}", message=message), place, REPAIR)


@contextmanager
def damage_reported(where: str, *, contents: bool = True) -> Iterator[None]:
    """Convert errors of libraries on damaged files into the finding K833.

    Args:
        where: the store or table.
        contents: convert also errors on changed content, such as an invalid number or a missing key.

    Raises:
        DataError: K833; findings and memory errors are passed on.
    """
    try:
        yield
    except KpiError:
        raise
    except BaseException as error:
        if not _is_damage(error, contents=contents) or shortage(error) is not None:
            raise
        raise DataError(damaged(_cause(error), Place(where))) from None


def _cause(error: BaseException) -> Message:
    """Return what is wrong in plain words, with the first clause of the text of a library."""
    if isinstance(error, OSError):
        return Message("a file of it cannot be read: {error}", error=reason(error))
    if type(error).__name__ == "PanicException":
        return Message("a reader failed on it")
    lines = str(error).strip().splitlines() or [""]
    clause = re.split(r"[{\[(]|: ", lines[0], maxsplit=1)[0].strip(" :.")[:_CLAUSE]
    return Message("a file of it is missing or is not what was written ({cause})", cause=clause or type(error).__name__)


def reports_damage(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Wrap a reading method of a store, which has `where`, in `damage_reported`."""
    return _wrapped(method, contents=True)


def reports_damage_of_files(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Wrap a writing method of a store, where other errors are faults of the engine."""
    return _wrapped(method, contents=False)


def _wrapped(method: Callable[Concatenate[Any, P], T], *, contents: bool) -> Callable[Concatenate[Any, P], T]:
    @wraps(method)
    def wrapped(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with damage_reported(self.where, contents=contents):
            return method(self, *args, **kwargs)

    return wrapped


def _is_damage(error: BaseException, *, contents: bool) -> bool:
    # Panics of Rust libraries are not Exceptions, and each library has its own class of that name.
    if type(error).__name__ == "PanicException":
        return True
    library = any(
        ancestor.__module__.startswith(("polars", "deltalake", "_internal")) for ancestor in type(error).__mro__
    )
    return library or isinstance(error, OSError) or (contents and isinstance(error, ValueError | KeyError | TypeError))
