"""Stores of extensions: a function of a path that returns a `Store`."""

from __future__ import annotations

from pathlib import Path

from kpi.batch.store.base import Store
from kpi.errors import Message, Place
from kpi.process import extensions

#: What a store has to have, see `kpi.batch.store.base.Store`.
_PARTS = ("where", "lock", "head", "run", "numbers", "publish", "read", "check", "repair", "tidy")


def opened(kind: str, path: Path) -> Store:
    """Return the store of an extension at a path.

    Raises:
        DataError: K930 to K933, if the extension cannot be used or fails.
    """
    extension = extensions.named("stores", kind)
    assert extension is not None  # noqa: S101 - the configuration was checked
    make = extension.load()
    if not callable(make):
        raise extension.unfit(Message("it is no function of a path"))
    with extension.at_work(Place(str(path))):
        store = make(path)
    if missing := [name for name in _PARTS if not hasattr(store, name)]:
        raise extension.unfit(Message("it does not define {methods}", methods=tuple(f"`{name}`" for name in missing)))
    checked: Store = store
    return checked
