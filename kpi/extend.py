"""What authors of extensions need: base classes and functions with a stable name, see docs/extending.md.

>>> from kpi.extend import Indicator, guarded
>>> sorted(Indicator.__abstractmethods__)
['expressions', 'in_unit', 'inputs', 'words']
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` is much of what a short command imports
if TYPE_CHECKING:
    from typing import Any

    from kpi.batch.store.base import Change, Repaired, Run, Store, no_run, ordered
    from kpi.batch.store.lock import locked
    from kpi.errors import DataError, Diagnostic, Message, Place, Severity
    from kpi.language.indicators.base import Indicator, Symbol, Symbols, declared, scale, title_of, unit_of
    from kpi.language.model import Path, Problem
    from kpi.language.scoring.rule import AgainstTarget, Case, Rule, Scored
    from kpi.language.stars.base import Rated, Scheme
    from kpi.values.columns import Column, Expressions
    from kpi.values.periods import Grain
    from kpi.values.status import guarded
    from kpi.values.units import Unit

#: Where each name is defined; imported when first used, so that a reader of files does not import the language.
_HOMES = {
    "Indicator": "language.indicators.base", "Symbol": "language.indicators.base",
    "Symbols": "language.indicators.base", "declared": "language.indicators.base",
    "scale": "language.indicators.base", "title_of": "language.indicators.base", "unit_of": "language.indicators.base",
    "Rule": "language.scoring.rule", "AgainstTarget": "language.scoring.rule", "Case": "language.scoring.rule",
    "Scored": "language.scoring.rule", "Scheme": "language.stars.base", "Rated": "language.stars.base",
    "Path": "language.model", "Problem": "language.model", "Column": "values.columns", "Expressions": "values.columns",
    "Grain": "values.periods", "Unit": "values.units", "guarded": "values.status",
    "Store": "batch.store.base", "Run": "batch.store.base", "Change": "batch.store.base",
    "Repaired": "batch.store.base", "ordered": "batch.store.base", "no_run": "batch.store.base",
    "locked": "batch.store.lock",
    "DataError": "errors", "Diagnostic": "errors", "Message": "errors", "Place": "errors", "Severity": "errors",
}  # fmt: skip

__all__ = [
    "AgainstTarget", "Case", "Change", "Column", "DataError", "Diagnostic", "Expressions", "Grain", "Indicator",
    "Message", "Path", "Place", "Problem", "Rated", "Repaired", "Rule", "Run", "Scheme", "Scored", "Severity", "Store",
    "Symbol", "Symbols", "Unit", "declared", "guarded", "locked", "no_run", "ordered", "scale", "title_of", "unit_of",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kpi.extend' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"kpi.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
