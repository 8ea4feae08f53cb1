"""The findings of chained indices: a base outside the data, and relatives that are written without their percent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.indicators.prices import FACTORS_UP_TO
from kpi.language.system import System
from kpi.values.periods import Period


def bases_outside(system: System, there: Sequence[Period]) -> Iterator[Diagnostic]:
    """Yield a warning for each chained index whose base no relative of the data reaches.

    Args:
        system: the system with the indices.
        there: the periods of the data, in order.
    """
    if not there:
        return
    for name, indicator in system.indicators.items():
        base = indicator.base_outside(there[0], there[-1], system.period)
        if base is None:
            continue
        message = Message(
            "{title} is 100 in {base}, and the data go from {first} to {last}: the relatives between are missing, and "
            "so is the index",
            title=system.symbols[name].title, base=base, first=there[0].label, last=there[-1].label,
        )  # fmt: skip
        hint = Message("add the relatives between, or take a `base:` in the data")
        yield Diagnostic("K469", message, Place(), hint, Severity.WARNING)


def plain_relatives(system: System, frame: pl.DataFrame, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Yield an error for each chained index with relatives such as 103.5 in the unit 1, in the first such period.

    Args:
        system: the system with the indices.
        frame: the result of the plan, of the periods that are judged.
        labels: the labels of the period indices.
    """
    for name, indicator in system.indicators.items():
        relatives = indicator.plain_relatives(system.symbols)
        if relatives is None:
            continue
        rows = frame.filter(pl.col(relatives) > FACTORS_UP_TO)
        if not rows.height:
            continue
        message = Message(
            "{title} is in the unit 1, in which {value:g} is not a change but {value:g} times as much: {index} has no "
            "value beyond it",
            title=system.symbols[relatives].title, value=rows[relatives][0], index=system.symbols[name].title,
        )  # fmt: skip
        hint = Message("write `unit: '%'` at `{name}`", name=relatives)
        yield Diagnostic("K446", message, Place(period=labels[rows["period"][0]]), hint, stands_for=rows.height)
