"""Units that look like totals: whose figures are those of all other units together."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.entities import Entities
from kpi.language.system import System, unit_or_none
from kpi.values import units

#: Of fewer others a sum may well be a chance.
_OTHERS = 3

#: How far a total may be from the sum, as a part of it: what sums of floats differ by.
_APART = 1e-9


#: So many totals of the same units are found beside each other, such as 合计 and 县域合计 under other names.
_TOTALS = 3


def unnamed(frame: pl.DataFrame, entities: Entities, system: System) -> Iterator[Diagnostic]:
    """Yield a warning for each entity that equals the sum of all others, wherever all have a figure.

    That is so when `(k + 1) x = sum of all` of k entities, for every measure whose figures add up, in every period in
    which all entities have one, if in one of them at least three of the others are not 0. More than one total of the
    same units (k = 2, 3) are found together, or they would hide each other.

    Args:
        frame: the panel, ordered by period and entity.
        entities: who there is, at least four.
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
        if entities.exclusions.kept(name):
            continue
        others = f"all others but {'、'.join(entities.names[one] for one in beside)}" if beside else "all others"
        message = Message("{name} equals the sum of {others}; it is ranked with them", name=name, others=others)
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
        # One total is always named; of several, all of them must be there. At least three others are not 0.
        if most >= totals + _OTHERS and (totals == 1 or len(places) == totals):
            yield from ((place, sorted(places - {place}) if totals > 1 else []) for place in sorted(places))
