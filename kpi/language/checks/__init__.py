"""Checks (审核关系): what must hold of the figures, as expressions over the panel, each distinguished by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Discriminator, Tag

from kpi.language.checks.across import Cumulative, GrowthWithin, LastYear, Magnitude, ReportedGrowth, SameDirection
from kpi.language.checks.base import Breach, Check
from kpi.language.checks.scope import AddsUpTo, SameScope
from kpi.language.checks.supply import Complete, Due, Roster
from kpi.language.checks.within import Between, Holds, Parts, Required

__all__ = ["AnyCheck", "Breach", "Check", "Due"]

_KEYS = (
    "growth_within", "required", "between", "parts", "cumulative", "last_year", "reported_growth", "same_direction",
    "magnitude", "roster", "complete", "due", "adds_up_to", "same_scope", "expr",
)  # fmt: skip


def _which(value: Any) -> str | None:
    given = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((key for key in _KEYS if key in given), None)


#: Any check, distinguished by its key.
if TYPE_CHECKING:
    AnyCheck: TypeAlias = Check
else:
    AnyCheck = Annotated[
        Annotated[Holds, Tag("expr")]
        | Annotated[GrowthWithin, Tag("growth_within")]
        | Annotated[Required, Tag("required")]
        | Annotated[Between, Tag("between")]
        | Annotated[Parts, Tag("parts")]
        | Annotated[Cumulative, Tag("cumulative")]
        | Annotated[LastYear, Tag("last_year")]
        | Annotated[ReportedGrowth, Tag("reported_growth")]
        | Annotated[SameDirection, Tag("same_direction")]
        | Annotated[Magnitude, Tag("magnitude")]
        | Annotated[Roster, Tag("roster")]
        | Annotated[Complete, Tag("complete")]
        | Annotated[Due, Tag("due")]
        | Annotated[AddsUpTo, Tag("adds_up_to")]
        | Annotated[SameScope, Tag("same_scope")],
        Discriminator(_which),
    ]
