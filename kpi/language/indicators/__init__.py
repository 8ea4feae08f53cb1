"""Indicators (指标): what is judged, computed from measures; each kind is one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kpi.language.foreign_kinds import ForeignKinds
from kpi.language.indicators.base import ENTITIES, MONTH, Indicator, Symbol, Symbols, broken, earlier_by
from kpi.language.indicators.derived import Count, Formula, Growth, Index, Milestone, window
from kpi.language.indicators.pace import CLASSES, Pace, class_of
from kpi.language.indicators.plain import Coverage, Level, Ratio, Share
from kpi.language.indicators.prices import Chain, Real
from kpi.language.indicators.projection import Projection
from kpi.language.indicators.rating import Rating, rated_measures
from kpi.language.indicators.rolling import Rolling
from kpi.language.indicators.seasons import Adjusted
from kpi.language.model import one_of

#: Every kind of indicator, in the order of the reference.
KINDS: tuple[type[Indicator], ...] = (
    Level, Ratio, Coverage, Share, Growth, Rolling, Projection, Pace, Index, Chain, Real, Adjusted, Count, Milestone,
    Rating, Formula,
)  # fmt: skip

#: Kinds of indicators that extensions bring.
FOREIGN = ForeignKinds("indicators", lambda: Indicator, titled=True)

#: Any indicator, distinguished by `kind`.
if TYPE_CHECKING:
    AnyIndicator: TypeAlias = Indicator
else:
    AnyIndicator = one_of(*KINDS, foreign=FOREIGN)

__all__ = [
    "CLASSES", "ENTITIES", "FOREIGN", "KINDS", "MONTH", "AnyIndicator", "Count", "Coverage", "Formula", "Growth",
    "Index",
    "Indicator", "Level", "Milestone", "Pace", "Projection", "Rating", "Ratio", "Rolling", "Share", "Symbol", "Symbols",
    "broken", "class_of", "earlier_by", "rated_measures", "window",
]  # fmt: skip
