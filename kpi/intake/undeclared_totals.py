"""Detect undeclared totals: entities whose figures are the sums of those of all others.

Reported figures and sums over events are compared as they stand in the panel, so it does not matter where in a file the
rows of a total are, or how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.entities import Entities
from kpi.language.measures import Measure
from kpi.language.system import System, unit_or_none
from kpi.values import units
from kpi.values.columns import Column

if TYPE_CHECKING:
    import numpy as np

    Matrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]

#: A sum of fewer others may be a coincidence.
_OTHERS = 3

#: The relative tolerance between a total and the sum, for the rounding of floats.
_APART = 1e-9

#: The most totals of the same entities beside each other, such as 合计 and 县域合计 under other names.
_TOTALS = 3

#: How many events all others have at least where one of them may be a total: small sums are equal by coincidence.
_EVENTS = 10


def unnamed(frame: pl.DataFrame, entities: Entities, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K613) for each entity that equals the sum of all others, wherever all have a figure.

    The condition is `(k + 1) x = sum of all` for k totals, for every additive measure, in every period in which all
    entities have a figure, if in one of them at least three of the others are not 0. Several totals of the same
    entities (k = 2, 3) are detected together, since they would hide each other. Where in every period some entity lacks
    its figure, a total is the sum of the figures that are there, in every period in which it has one.

    A sum over events is 0 for entities without any. A total of events has the sum of all others or 0 (where its row has
    no figure, or does not satisfy a condition) in every period, or over all of them, and either as many events as all
    others or less than a tenth of them.

    Args:
        frame: the panel, ordered by period and entity.
        entities: the entities, at least four.
        system: gives the measures.
    """
    number = len(entities.names)
    if number <= _OTHERS:
        return
    for who, beside in _totals(frame, system, number):
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


def _totals(frame: pl.DataFrame, system: System, number: int) -> Iterator[tuple[int, list[int]]]:
    """Yield the place of each entity that is a total, with the places of further totals of the same units."""
    additive = {name: measure for name, measure in system.measures.items() if is_additive(measure)}
    for totals in range(1, _TOTALS + 1):
        places = set(range(number))
        sure: set[int] = set()
        for name, measure in sorted(additive.items(), key=lambda item: not item[1].reported):
            if not places:
                break
            if measure.reported:
                fits, equal = _reported_totals(frame[name].to_numpy().reshape(-1, number), totals)
            else:
                fits, equal = _event_totals(*of_events(frame, name, number), totals)
            places &= fits
            sure |= equal
        sure &= places
        # Several totals must all be there.
        if totals == 1 or len(sure) == totals:
            yield from ((place, sorted(sure - {place}) if totals > 1 else []) for place in sorted(sure))


def is_additive(measure: Measure) -> bool:
    """Return whether the figures of units add up to that of all: amounts, not levels, rates or numbers of rows."""
    if measure.per is not None or not (measure.reported or (measure.additive and measure.taken_from)):
        return False
    unit = unit_or_none(measure.unit)
    return unit is not None and units.summable(unit)


def _reported_totals(values: Matrix, totals: int) -> tuple[set[int], set[int]]:
    """Return the places of entities that may be totals, and of those that are, by one reported measure."""
    import numpy as np

    complete = values[~np.isnan(values).any(axis=1)]
    if len(complete):
        equal = _equal(complete, totals)
        many = (complete != 0).sum(axis=1, keepdims=True) >= totals + _OTHERS
        return _places(np.all(equal, axis=0)), _places((equal & many).any(axis=0))
    filled = ~np.isnan(values)
    if not filled.any():
        return set(range(values.shape[1])), set()
    there = np.where(filled, values, 0.0)
    holds: Matrix = np.all(_equal(there, totals) | ~filled, axis=0) & np.any(filled, axis=0)
    many = (there != 0).sum(axis=1, keepdims=True) >= totals + _OTHERS
    return _places(holds), _places(holds & (many & filled).any(axis=0))


def of_events(frame: pl.DataFrame, name: str, number: int) -> tuple[Matrix, Matrix]:
    """Return the sums and the numbers of events of each period, and of all periods together."""
    import numpy as np

    columns = frame[name].fill_nan(None).fill_null(0.0), frame[Column(name).rows].fill_null(0)
    values, rows = (column.to_numpy().reshape(-1, number) for column in columns)
    return np.vstack([values, values.sum(axis=0)]), np.vstack([rows, rows.sum(axis=0)])


def _equal(values: Matrix, totals: int) -> Matrix:
    """Return which figures are the sum of all but some totals of a row, these totals being the same."""
    import numpy as np

    sums, apart = values.sum(axis=1, keepdims=True), _APART * np.abs(values).sum(axis=1, keepdims=True)
    equal: Matrix = np.abs((totals + 1) * values - sums) <= apart
    return equal


def _event_totals(values: Matrix, rows: Matrix, totals: int) -> tuple[set[int], set[int]]:
    """Return the places of entities that may be totals, and of those that are, by one sum over events."""
    nonzero = values != 0
    equal = _equal(values, totals) & nonzero
    fits = (equal | ~nonzero)[:-1].all(axis=0) | equal[-1]
    others = rows.sum(axis=1, keepdims=True) - totals * rows
    told = (others >= _EVENTS) & ((rows == others) | (10 * rows < others))
    many = nonzero.sum(axis=1, keepdims=True) >= totals + _OTHERS
    return _places(fits), _places(fits & (equal & told & many).any(axis=0))


def _places(which: Matrix) -> set[int]:
    return {int(place) for place in which.nonzero()[0]}
