"""Checks (审核关系): conditions on the figures, as expressions over the panel, distinguished by their keys."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Discriminator, Tag

from kpi.language.checks.across import Cumulative, GrowthWithin, LastYear, Magnitude, ReportedGrowth, SameDirection
from kpi.language.checks.base import Breach, Check
from kpi.language.checks.history import History
from kpi.language.checks.scope import AddsUpTo, SameScope
from kpi.language.checks.supply import Complete, Due, Roster
from kpi.language.checks.within import Between, Holds, Parts, Required

__all__ = ["KINDS", "AnyCheck", "Breach", "Check"]

#: Every kind of check by the key that distinguishes it, in the order of the reference.
KINDS: dict[str, type[Check]] = {
    "expr": Holds,
    "growth_within": GrowthWithin,
    "required": Required,
    "between": Between,
    "parts": Parts,
    "cumulative": Cumulative,
    "last_year": LastYear,
    "reported_growth": ReportedGrowth,
    "same_direction": SameDirection,
    "magnitude": Magnitude,
    "history": History,
    "roster": Roster,
    "complete": Complete,
    "due": Due,
    "adds_up_to": AddsUpTo,
    "same_scope": SameScope,
}


def _which(value: Any) -> str | None:
    """Return the key that distinguishes a check; `expr`, which other checks may have too, only if there is no other."""
    given = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((key for key in KINDS if key in given and key != "expr"), "expr" if "expr" in given else None)


#: Any check, distinguished by its key.
if TYPE_CHECKING:
    AnyCheck: TypeAlias = Check
else:
    _TAGGED = (Annotated[kind, Tag(key)] for key, kind in KINDS.items())
    AnyCheck = Annotated[functools.reduce(operator.or_, _TAGGED), Discriminator(_which)]
