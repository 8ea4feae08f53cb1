"""Units that look like totals: whose figures are those of all other units together."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Place, Severity
from kpi.intake.entities import Entities
from kpi.language.measures import Reported
from kpi.language.system import System, unit_or_none
from kpi.values import units

#: Of fewer others a sum may well be a chance.
_OTHERS = 3

#: How far a total may be from the sum, as a part of it: what sums of floats differ by.
_APART = 1e-9


def unnamed(frame: pl.DataFrame, entities: Entities, system: System) -> Iterator[Diagnostic]:
    """Yields a warning for each entity that equals the sum of all others, wherever all have a figure.

    That is so when `2 x = sum of all` for every measure whose figures add up, in every period in which all entities
    have one, if in one of them at least three of the others are not 0.

    Args:
        frame: the panel, ordered by period and entity.
        entities: who there is, at least four.
        system: gives the measures.
    """
    import numpy as np

    number = len(entities.names)
    if number <= _OTHERS:
        return
    names = [
        name
        for name, measure in system.measures.items()
        if isinstance(measure, Reported) and measure.per is None
        and (unit := unit_or_none(measure.unit)) is not None and units.summable(unit)
    ]  # fmt: skip
    candidates, proven = set(range(number)), False
    for name in names:
        if frame[name].null_count() == frame.height:
            continue
        values = frame[name].to_numpy().reshape(-1, number)
        whole = values[~np.isnan(values).any(axis=1)]
        if not len(whole):
            continue
        sums = whole.sum(axis=1, keepdims=True)
        equal = (np.abs(2 * whole - sums) <= _APART * np.abs(whole).sum(axis=1, keepdims=True)).all(axis=0)
        proven = proven or bool(((whole != 0).sum(axis=1) > _OTHERS).any())
        candidates &= {int(place) for place in equal.nonzero()[0]}
        if not candidates:
            return
    for place in sorted(candidates) if proven else ():
        who = entities.names[place]
        if entities.exclusions.kept(who):
            continue
        message = f"{who} equals the sum of all others; it is ranked with them"
        hint = f"if it is a total, write `entities: {{leave_out: [{who}]}}`, or use a roster"
        yield Diagnostic("K613", message, Place(entity=who), hint, Severity.WARNING)
