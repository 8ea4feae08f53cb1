"""Damage to a store: what its libraries say of it as one finding, with what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from kpi.errors import DataError, Diagnostic, KpiError, Message, Place
from kpi.process.limits import shortage

#: What to do about a damaged store.
REPAIR = Message("nothing was changed; kpi batch CONFIG --repair goes back to the last run that is whole")

P = ParamSpec("P")
T = TypeVar("T")


def damaged(message: Message, place: Place) -> Diagnostic:
    """Return the finding K833 that a store is damaged."""
    return Diagnostic("K833", Message("the store is damaged: {message}", message=message), place, REPAIR)


@contextmanager
def damage_reported(where: str, *, contents: bool = True) -> Iterator[None]:
    """Turn what a library raises over a damaged file into the finding K833.

    Args:
        where: the store or table.
        contents: also where what was read is not what was written: a number that is none, a key that is missing.

    Raises:
        DataError: K833; what is a finding already, and what is for want of memory, pass.
    """
    try:
        yield
    except KpiError:
        raise
    except BaseException as error:
        if not _is_damage(error, contents=contents) or shortage(error) is not None:
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        message = Message("{error}", error=lines[0][:200])
        if type(error).__name__ == "PanicException":
            message = Message("a reader failed on it")
        raise DataError(damaged(message, Place(where))) from None


def reports_damage(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Wrap a method of a store that reads, and has `where`, in `damage_reported`."""
    return _wrapped(method, contents=True)


def reports_damage_of_files(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Wrap a method of a store that writes, too, where an error of another kind is one of ours."""
    return _wrapped(method, contents=False)


def _wrapped(method: Callable[Concatenate[Any, P], T], *, contents: bool) -> Callable[Concatenate[Any, P], T]:
    @wraps(method)
    def wrapped(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with damage_reported(self.where, contents=contents):
            return method(self, *args, **kwargs)

    return wrapped


def _is_damage(error: BaseException, *, contents: bool) -> bool:
    # Panics of Rust libraries are no Exception, and each library has a class of that name.
    if type(error).__name__ == "PanicException":
        return True
    library = any(
        ancestor.__module__.startswith(("polars", "deltalake", "_internal")) for ancestor in type(error).__mro__
    )
    return library or isinstance(error, OSError) or (contents and isinstance(error, ValueError | KeyError | TypeError))
