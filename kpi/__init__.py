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

    from kpi.analysis.explain import explain as explain
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
    from kpi.session import asynchronous as aio
    from kpi.session import audit as audit
    from kpi.session import check as check
    from kpi.session import score as score
    from kpi.session import stress as stress
    from kpi.session.comparing import difference as diff
    from kpi.session.given_data import NamedFile as NamedFile
    from kpi.session.publishing import bulletin as bulletin
    from kpi.session.publishing import content as content
    from kpi.session.publishing import write as write
    from kpi.session.scorer import Scorer as Scorer
    from kpi.session.scorer import compile as compile  # noqa: A004 - as re.compile

    __version__: str

#: Where each public name lives, and its name there if that is another: imported when first used, so that `import kpi`
#: costs nothing.
_HOMES = {
    "load": "language.loading.catalogue", "check": "session", "score": "session", "stress": "session",
    "audit": "session",
    "System": "language.system", "Plan": "engine.plan", "Scorecard": "engine.scorecard", "Diagnostic": "errors",
    "KpiError": "errors", "DefinitionError": "errors", "DataError": "errors", "explain": "analysis.explain",
    "way_up": "analysis.way_up", "what_if": "analysis.what_if", "diff": "session.comparing:difference",
    "using_language": "process.locale:using", "plot": "report.plots.kinds:plotted", "aio": "session.asynchronous:",
    "compile": "session.scorer", "Scorer": "session.scorer", "NamedFile": "session.given_data",
    "write": "session.publishing", "content": "session.publishing", "bulletin": "session.publishing",
}  # fmt: skip

__all__ = [
    "DataError", "DefinitionError", "Diagnostic", "KpiError", "NamedFile", "Plan", "Scorecard", "Scorer", "System",
    "__version__", "aio", "audit", "bulletin", "check", "compile", "content", "diff", "explain", "load", "plot",
    "score", "stress", "using_language", "way_up", "what_if", "write",
]  # fmt: skip

#: Former public names, each with the present one and the version with which it goes: at least one minor version after
#: the one that renamed it.
_DEPRECATED: dict[str, tuple[str, str]] = {}


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
    if name == "__version__":
        from kpi.process.distribution import version

        return version() or "0+unknown"
    if name in _DEPRECATED:
        import warnings

        current, last = _DEPRECATED[name]
        warnings.warn(f"kpi.{name} goes with version {last}: use kpi.{current}", DeprecationWarning, stacklevel=2)
        name = current
    if name not in _HOMES:
        raise AttributeError(f"module 'kpi' has no attribute {name!r}")
    from importlib import import_module

    home, module, there = _HOMES[name].partition(":")
    result = import_module(f"kpi.{home}")
    return result if module and not there else getattr(result, there or name)


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
