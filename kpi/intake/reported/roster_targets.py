"""Targets that follow from the roster: by the value of a column, or as shares of the document's figure.

A share is `total * x / (the sum of all x)`, so all x have to be positive and in one unit. Cells with a unit are
converted into that of most of them (`0.1万人` beside `1000人`); cells without one are in the unit of the heading, else
in the plain unit of the others, which is reported. A unit whose cell cannot be used has no target, and the total is
shared among the others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, first_names, suggest
from kpi.intake.cells.numbers import PLAIN, problem_of
from kpi.intake.cells.unit_factors import literal, meant, without_multiple
from kpi.intake.changing_attributes import bounds_of, snapshots
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean, split_unit
from kpi.intake.files.merged_cells import of_several
from kpi.intake.matching.notation import read_column
from kpi.language.quantities import in_unit
from kpi.language.system import System
from kpi.language.targets import EQUAL, PerEntity
from kpi.values import units
from kpi.values.names import comparable
from kpi.values.units import Unit


def from_roster(
    bound: PerEntity, indicator: str, system: System, entities: Entities, periods: Sequence[int] = ()
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return the targets of the entities, and the findings; columns: entity (place), target (null without one).

    Where the column of the roster changes with time there is a target for each of the `periods` too, in the column
    period; without any periods the findings are about all times.

    Raises:
        DataError: K545, the roster lacks the column.
    """
    number = entities.frame.height
    places = pl.DataFrame({"entity": range(number)}, schema={"entity": pl.UInt32})
    if bound.share == EQUAL:
        return places.with_columns(target=pl.lit(float(bound.total or 0) / number)), []
    attribute = bound.by or bound.share or ""
    place = Place(str(system.home / system.entities.roster) if system.entities.roster else None)
    if attribute not in entities.frame.columns:
        hint = suggest(attribute, entities.frame.columns) or Message("add the column to the roster")
        message = Message(
            "the roster has no column `{attribute}`, which {indicator} needs", attribute=attribute, indicator=indicator
        )
        raise DataError(Diagnostic("K545", message, place, hint))
    changes, months = attribute in entities.changing, system.period.months
    times = list(periods) or bounds_of(attribute, entities, months)
    findings: list[Diagnostic] = []
    frames: list[pl.DataFrame] = []
    for cells, own in snapshots(attribute, entities, times, months):
        if changes and not own:
            continue
        then = replace(entities, frame=entities.frame.with_columns(cells)) if changes else entities
        if bound.by is not None:
            targets, more = _by_value(bound, indicator, system, then, place)
        else:
            targets, more = _shares(bound, indicator, then, place)
        findings += [finding for finding in more if finding not in findings]
        frame = places.with_columns(pl.Series("target", targets, dtype=pl.Float64))
        when = pl.DataFrame({"period": own}, schema={"period": pl.Int32})
        frames.append(frame.join(when, how="cross") if changes else frame)
    return pl.concat(frames), findings


# ---- BY VALUE ---- #


def _by_value(
    bound: PerEntity, indicator: str, system: System, entities: Entities, place: Place
) -> tuple[list[float | None], list[Diagnostic]]:
    unit = system.unit(indicator)
    findings: list[Diagnostic] = []
    bounds: dict[str, float] = {}
    for value, quantity in bound.values.items():
        number = in_unit(quantity, unit)
        if bounds.setdefault(comparable(value), number) != number:
            message = Message(
                "`{value}` has two bounds for {indicator}; the first is used",
                value=comparable(value),
                indicator=indicator,
            )
            findings.append(Diagnostic("K643", message, place, Message("leave one of the two out")))
    cells = [comparable(cell) for cell in entities.frame[str(bound.by)]]
    lacking: dict[str, list[str]] = {}
    for name, cell in zip(entities.names, cells, strict=True):
        # A blank cell says that there is no target.
        if cell and cell not in bounds:
            lacking.setdefault(cell, []).append(name)
    if lacking:
        values = tuple(
            Message("`{value}` ({names})", value=value, names=first_names(names)) for value, names in lacking.items()
        )
        message = Message(
            "`values` gives no bound for {values}: no target for {indicator}", values=values, indicator=indicator
        )
        hint = Message("give a bound for each value of `{column}`, or correct the roster", column=bound.by)
        where = Place(place.file, field=bound.by)
        findings.append(Diagnostic("K643", message, where, hint, Severity.WARNING))
    return [bounds.get(cell) for cell in cells], findings


# ---- SHARES ---- #


def _shares(
    bound: PerEntity, indicator: str, entities: Entities, place: Place
) -> tuple[list[float | None], list[Diagnostic]]:
    column = str(bound.share)
    cells = entities.frame[column]
    read, _ = read_column(cells, PLAIN)
    unit, assumed = _unit_of(column, read["unit"])
    findings: list[Diagnostic] = []
    shares: list[float | None] = []
    for name, cell, number, typed in zip(entities.names, cells, read["value"], read["unit"], strict=True):
        share, code, reason = None, "K604", None
        if (merged := entities.merged.get((column, name))) is not None:
            code, reason = "K533", of_several(cell, merged)
        elif number is None:
            blank = cell is None or not clean(str(cell))
            reason = Message("the cell is blank") if blank else problem_of(cell)
            reason = reason or Message("`{text}` is no number", text=cell)
        elif number <= 0:
            code, reason = "K642", Message("`{text}` is no share, as it is not above zero", text=cell)
        else:
            try:
                share = number * _factor(typed, unit)
            except units.UnitError as error:
                code, reason = "K642", Message("`{text}`: {reason}", text=cell, reason=error.message)
        shares.append(share)
        if reason is not None:
            message = Message(
                "{reason}; {name} has no target for {indicator}", reason=reason, name=name, indicator=indicator
            )
            hint = Message("correct the roster: the total is shared among the others")
            findings.append(Diagnostic(code, message, Place(place.file, field=column, entity=name), hint))
    bare = any(typed is None and share is not None for typed, share in zip(read["unit"], shares, strict=True))
    if assumed and bare:
        message = Message("cells of `{column}` without a unit beside others with one are plain numbers", column=column)
        if unit is not None and unit != units.ONE:
            message = Message(
                "cells of `{column}` without a unit beside others with one are in {unit}", column=column, unit=unit
            )
        hint = Message("write the unit into every cell, or into the heading alone")
        findings.append(Diagnostic("K642", message, Place(place.file, field=column), hint, Severity.WARNING))
    whole = math.fsum(share for share in shares if share is not None)
    total = float(bound.total or 0)
    return [None if share is None else share / whole * total for share in shares], findings


def _unit_of(heading: str, typed: Iterable[str | None]) -> tuple[Unit | None, bool]:
    """Return the unit of cells without one, None for plain numbers, and whether it follows from other cells."""
    text = split_unit(heading)[1]
    if text is not None and (of_heading := _parsed(text)) is not None:
        return of_heading, False
    written = [text for text in typed if text is not None]
    known = [unit for text in written if (unit := _parsed(text)) is not None]
    if not known:
        return None, bool(written)
    (most, _), *_ = Counter(unit.dimension for unit in known).most_common(1)
    first = next(unit for unit in known if unit.dimension == most)
    # 0.1 beside 10% is the same.
    return (units.ONE if most == units.ONE.dimension else units.parse(without_multiple(str(first)))), True


def _parsed(text: str) -> Unit | None:
    try:
        return units.parse(literal(text))
    except units.UnitError:
        return None


def _factor(typed: str | None, unit: Unit | None) -> float:
    """Return the factor of a cell with some unit or none.

    Raises:
        UnitError: the unit is none, or of another dimension.
    """
    own = "" if unit is None else str(unit)
    multiple, text = meant(own, typed, own)
    if text is None or text in (own, ""):
        return multiple
    source = units.parse(text)
    return multiple if unit is None else multiple * units.factor(source, unit)
