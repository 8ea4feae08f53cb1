"""Units without a cohort (分组) beside units that have one: they are ranked apart."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.entities import Entities
from kpi.language.system import System

#: What stands in a cell for no group: nothing, —, /, 无.
_BLANK = r"^[\W_]*$|^\s*无\s*$"


def blank_cohorts(entities: Entities, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K677) for the units whose cell is blank in the column of cohorts, where others have one.

    Args:
        entities: those of the roster or of the data, with the column cohort.
        system: says where the roster is.
    """
    if entities.frame["cohort"].null_count() == entities.frame.height:
        return
    filled = ~pl.col("cohort").fill_null("").str.contains(_BLANK)
    blank = entities.frame.filter(~filled)["entity"].to_list()
    if not blank or len(blank) == entities.frame.height:
        return
    message = Message("without a group, so ranked apart from the others: {names}", names=first_names(blank))
    place = Place(str(system.entities.roster)) if entities.closed else Place(entity=blank[0])
    hint = Message("write the group of each unit into the column of groups; a group of their own needs a name, too")
    yield Diagnostic("K677", message, place, hint, Severity.WARNING)
