"""Every store has what `Store` asks of one, called in the same way."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

from kpi.batch import store
from kpi.batch.store.base import Store

MODULES = [importlib.import_module(f"{store.__name__}.{item.name}") for item in pkgutil.iter_modules(store.__path__)]
STORES = sorted(
    {
        value
        for module in MODULES
        for name, value in vars(module).items()
        if inspect.isclass(value) and name.endswith("Store") and value is not Store and not name.startswith("_")
    },
    key=lambda kind: kind.__name__,
)
MEMBERS = [name for name in vars(Store) if not name.startswith("_")]


def test_there_are_stores():
    assert len(STORES) >= 2


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("kind", STORES, ids=lambda kind: kind.__name__)
def test_a_store_has_every_member(kind, member):
    wanted = vars(Store)[member]
    if isinstance(wanted, property):
        assert hasattr(kind, member) or member in kind.__init__.__code__.co_names
        return
    given = inspect.signature(getattr(kind, member)).parameters
    for name, parameter in inspect.signature(wanted).parameters.items():
        assert (given[name].kind, given[name].default) == (parameter.kind, parameter.default), name
