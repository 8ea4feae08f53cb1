"""Quantities in definitions: bare numbers in the unit of their indicator, and texts with a unit of their own."""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from kpi.errors import Message
from kpi.language import ranges
from kpi.language.model import Path, Problem, Problems
from kpi.values import units
from kpi.values.units import Unit

#: A number in the unit of its indicator, or a text with a number and a unit: `95`, `3 万件`.
Quantity = float | str

#: The same, or an open end: `-.inf`, `.inf`.
OpenQuantity = Annotated[float, Field(allow_inf_nan=True)] | str


def in_unit(quantity: Quantity, unit: Unit) -> float:
    """Return a quantity as a number in `unit`.

    >>> in_unit("3 万件", units.parse("件"))
    30000.0

    Raises:
        UnitError: when the text holds no number, or its unit is of another dimension.
    """
    if not isinstance(quantity, str):
        return float(quantity)
    number, written = units.split_quantity(quantity)
    return number if written is None else number * units.factor(written, unit)


def quantity_problems(quantities: Mapping[Path, Quantity | None], unit: Unit) -> Problems:
    """Yield a problem for every quantity that cannot be brought into `unit`."""
    for path, quantity in quantities.items():
        try:
            if quantity is None:
                continue
            number = in_unit(quantity, unit)
            # Bare numbers are looked at with all others of the definition.
            if isinstance(quantity, str) and not (math.isfinite(number) and ranges.fits(number)):
                yield ranges.outside(path, quantity)
        except units.UnitError as error:
            yield Problem(
                "K303",
                path,
                error.message,
                hint=Message("the indicator is in {unit}", unit=unit),
                label=Message("needs {unit}", unit=unit),
            )


def step_problems(path: Path, step: Quantity, unit: Unit) -> Problems:
    """Yield a problem when the size of a step is not above zero; a step in the wrong unit is not its business."""
    try:
        if in_unit(step, unit) <= 0:
            yield Problem("K414", path, Message("the size of a step must be above zero"))
    except units.UnitError:
        return


def printed(value: Quantity) -> str:
    """Return a quantity as people write it, thousands apart."""
    return value if isinstance(value, str) else f"{value:,.10g}"
