"""Detect undeclared totals: entities whose figures are the sums of those of all others."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.entities import Entities
from kpi.language.system import System, unit_or_none
from kpi.values import units

#: A sum of fewer others may be a coincidence.
_OTHERS = 3

#: The relative tolerance between a total and the sum, for the rounding of floats.
_APART = 1e-9


#: The most totals of the same entities beside each other, such as 合计 and 县域合计 under other names.
_TOTALS = 3


def unnamed(frame: pl.DataFrame, entities: Entities, system: System) -> Iterator[Diagnostic]:
    """Yield a warning for each entity that equals the sum of all others, wherever all have a figure.

    The condition is `(k + 1) x = sum of all` for k totals, for every additive measure, in every period in which all
    entities have a figure, if in one of them at least three of the others are not 0. Several totals of the same
    entities (k = 2, 3) are detected together, since they would hide each other.

    Args:
        frame: the panel, ordered by period and entity.
        entities: the entities, at least four.
        system: gives the measures.
    """
    number = len(entities.names)
    if number <= _OTHERS:
        return
    names = [
        name
        for name, measure in system.measures.items()
        if measure.reported and measure.per is None
        and (unit := unit_or_none(measure.unit)) is not None and units.summable(unit)
    ]  # fmt: skip
    for who, beside in _totals(frame.select(names), number):
        name = entities.names[who]
        if entities.exclusions.is_kept(name):
            continue
        message = Message("{name} equals the sum of all others; it is ranked with them", name=name)
        if beside:
            message = Message(
                "{name} equals the sum of all others but {totals}; it is ranked with them",
                name=name,
                totals=tuple(entities.names[total] for total in beside),
            )
        hint = Message("if it is a total, write `entities: {{leave_out: [{name}]}}`, or use a roster", name=name)
        yield Diagnostic("K613", message, Place(entity=name), hint, Severity.WARNING)


def _totals(figures: pl.DataFrame, number: int) -> Iterator[tuple[int, list[int]]]:
    """Yield the place of each entity that is a total, with the places of further totals of the same units."""
    import numpy as np

    candidates = {totals: set(range(number)) for totals in range(1, _TOTALS + 1)}
    most = 0
    for column in figures:
        values = column.to_numpy().reshape(-1, number)
        complete = values[~np.isnan(values).any(axis=1)]
        if not len(complete):
            continue
        most = max(most, int((complete != 0).sum(axis=1).max()))
        sums, apart = complete.sum(axis=1, keepdims=True), _APART * np.abs(complete).sum(axis=1, keepdims=True)
        for totals, places in candidates.items():
            equal = (np.abs((totals + 1) * complete - sums) <= apart).all(axis=0)
            places &= {int(place) for place in equal.nonzero()[0]}
    for totals, places in candidates.items():
        # Several totals must all be there. At least three others are not 0.
        if most >= totals + _OTHERS and (totals == 1 or len(places) == totals):
            yield from ((place, sorted(places - {place}) if totals > 1 else []) for place in sorted(places))
