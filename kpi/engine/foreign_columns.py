"""Plans with kinds of extensions: their code must keep the contracts of columns, or no result is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from pydantic import BaseModel

from kpi.engine.plan import Plan
from kpi.errors import DefinitionError, Diagnostic, Message
from kpi.language.system import System
from kpi.process import extensions
from kpi.process.extensions import Extension
from kpi.values.columns import Column


def extensions_of(system: System) -> list[Extension]:
    """Return the extensions whose kinds a system uses."""
    return sorted({*_used(system)}, key=lambda extension: extension.origin) if extensions.any_imported() else []


def _used(value: Any) -> Iterator[Extension]:
    if isinstance(value, BaseModel):
        if (extension := extensions.of_module(type(value).__module__)) is not None:
            yield extension
        value = dict(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for each in inner:
        yield from _used(each)


def collected(plan: Plan, panel: pl.DataFrame) -> pl.DataFrame:
    """Run a plan on a panel, and check the columns of indicators that extensions compute.

    Raises:
        DefinitionError: K933, if Polars refuses the plan of a system with extensions; K934, if an indicator of an
            extension has a value without the status ok, none with it, or one that is no finite number.
    """
    used = extensions_of(plan.system)
    if not used:
        return plan.collect(panel)
    try:
        frame = plan.collect(panel)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        origins = tuple(item.origin for item in used)
        message = Message(
            "the system cannot be computed with the kinds of {distributions}: {error}",
            distributions=origins, error=extensions.words(error),
        )  # fmt: skip
        hint = Message("install versions of the distributions that fit, or see their authors")
        raise DefinitionError(Diagnostic("K933", message, hint=hint)) from error
    findings = [*_unsound(plan.system, frame)]
    if findings:
        raise DefinitionError(findings)
    return frame


def _unsound(system: System, frame: pl.DataFrame) -> Iterator[Diagnostic]:
    for name, indicator in system.indicators.items():
        extension = extensions.of_module(type(indicator).__module__)
        if extension is None:
            continue
        value, status = pl.col(name), pl.col(Column(name).status).cast(pl.String)
        bad = frame.select((~value.is_finite() | status.is_null() | (value.is_null() == (status == "ok"))).sum()).item()
        if bad:
            message = Message(
                "`{name}`: the kind of {distribution} gives {number} values whose status does not fit, such as none "
                "that is ok",
                name=name, distribution=extension.origin, number=bad,
            )  # fmt: skip
            yield Diagnostic("K934", message, hint=Message("its author has to return what `kpi.extend.guarded` gives"))
