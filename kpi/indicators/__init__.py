"""Indicators (指标): what is judged, computed from measures; each kind is one class."""

from __future__ import annotations

from typing import Any

from kpi.definition import one_of
from kpi.indicators.base import ENTITIES, MONTH, Indicator, Symbol, Symbols
from kpi.indicators.derived import Count, Formula, Growth, Index, Milestone, window
from kpi.indicators.plain import Coverage, Level, Ratio, Share

#: Any indicator, told apart by `kind`.
AnyIndicator: Any = one_of(Level, Ratio, Coverage, Share, Growth, Index, Count, Milestone, Formula)

__all__ = [
    "ENTITIES", "MONTH", "AnyIndicator", "Count", "Coverage", "Formula", "Growth", "Index", "Indicator", "Level",
    "Milestone", "Ratio", "Share", "Symbol", "Symbols", "window",
]  # fmt: skip
