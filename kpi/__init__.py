"""Indicators, scores, star ratings and rankings from declarative definitions, compiled to Polars.

>>> import kpi
>>> system = kpi.load("jiaxing-2022")
>>> card = kpi.score("sample_data/jiaxing-2022/*.csv", system=system, period="2023Q4")
>>> card.totals.select("entity", "score", "stars").row(0)
('桐乡市', 94.89, 5)
"""

from __future__ import annotations

from kpi.language.loading.table_reader import provide
from kpi.process import notebook

TYPE_CHECKING = False  # `typing` is much of what a short command imports
if TYPE_CHECKING:
    from typing import Any

    from kpi.analysis.way_up import way_up as way_up
    from kpi.analysis.what_if import what_if as what_if
    from kpi.engine.plan import Plan as Plan
    from kpi.engine.scorecard import Scorecard as Scorecard
    from kpi.errors import DataError as DataError
    from kpi.errors import DefinitionError as DefinitionError
    from kpi.errors import Diagnostic as Diagnostic
    from kpi.errors import KpiError as KpiError
    from kpi.language.loading.catalogue import load as load
    from kpi.language.system import System as System
    from kpi.process.locale import using as using_language
    from kpi.report.plots.kinds import plotted as plot
    from kpi.session import audit as audit
    from kpi.session import check as check
    from kpi.session import score as score
    from kpi.session import stress as stress

#: Where each public name lives, and its name there if that is another: imported when first used, so that `import kpi`
#: costs nothing.
_HOMES = {
    "load": "language.loading.catalogue", "check": "session", "score": "session", "stress": "session",
    "audit": "session",
    "System": "language.system", "Plan": "engine.plan", "Scorecard": "engine.scorecard", "Diagnostic": "errors",
    "KpiError": "errors", "DefinitionError": "errors", "DataError": "errors",
    "way_up": "analysis.way_up", "what_if": "analysis.what_if",
    "using_language": "process.locale:using", "plot": "report.plots.kinds:plotted",
}  # fmt: skip

__all__ = [
    "DataError", "DefinitionError", "Diagnostic", "KpiError", "Plan", "Scorecard", "System", "audit", "check", "load",
    "plot", "score", "stress", "using_language", "way_up", "what_if",
]  # fmt: skip


def _table_reader() -> Any:
    from importlib import import_module

    return import_module("kpi.intake.definition_tables")


# The reader of files stands above the language, which names tables: they are connected here, where every import begins.
provide(_table_reader)


def _view(function: str) -> Any:
    def html(shown: Any) -> str:
        from importlib import import_module

        return str(getattr(import_module("kpi.report.notebook"), function)(shown))

    return html


notebook.VIEWS |= {
    "Scorecard": _view("of_scorecard"),
    "System": _view("of_system"),
    "CheckedSystem": _view("of_system"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kpi' has no attribute {name!r}")
    from importlib import import_module

    home, _, there = _HOMES[name].partition(":")
    return getattr(import_module(f"kpi.{home}"), there or name)


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
