"""The findings of methods that have no solution in the figures: gaps that stay, and no weights or clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from kpi.engine.plan import Plan
from kpi.errors import Diagnostic, Message, Place, Severity, count
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.status import status_of


def unsolved(plan: Plan, frame: pl.DataFrame, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Yield a warning for each indicator, node or scheme of a system whose method finds nothing for some groups.

    An indicator or node has a single warning, with a period as its place where it is about no other.

    Args:
        plan: the plan that was run.
        frame: its result, of the periods that are judged.
        labels: the labels of the period indices.
    """
    system = plan.system
    yield from _gaps(system, frame, labels)
    yield from _weights(system, frame, labels)
    yield from _clusters(system, frame, labels)


def _place(rows: pl.DataFrame, labels: Mapping[int, str]) -> Place:
    """Return the period of rows as a place, that of several periods being nowhere."""
    return Place(period=labels[rows["period"][0]]) if rows["period"].n_unique() == 1 else Place()


def _gaps(system: System, frame: pl.DataFrame, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    for step, names in system.steps.items():
        if not system.treatment[step].uses:
            continue
        for name in names:
            gap = pl.col(Column(name).after(step)).is_null() & ~status_of(name).is_in(["not_applicable", "late"])
            rows = frame.filter(gap)
            if not rows.height:
                continue
            message = Message(
                "not filled by `{step}`: {gaps} of {indicator}, first in {period}",
                gaps=count(rows.height, "gap"), indicator=system.symbols[name].title, step=step,
                period=labels[rows["period"][0]],
            )  # fmt: skip
            hint = Message("too few units have the figures, or the indicators `on` are missing or depend on each other")
            yield Diagnostic("K657", message, _place(rows, labels), hint, Severity.WARNING, stands_for=rows.height)


def _weights(system: System, frame: pl.DataFrame, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    for node, definition, parts in system.tree:
        if definition.weights_method is None:
            continue
        scored = pl.any_horizontal(pl.col(Column(part).score).is_not_null() for part in parts)
        rows = frame.filter(pl.col(Column(node).weighting).is_null() & scored)
        if not rows.height:
            continue
        message = Message(
            "no score in `{node}` for {units}, first in {period}: there are no weights ({method})",
            units=count(rows.height, "unit"), node=node, period=labels[rows["period"][0]],
            method=definition.weights_method.title,
        )  # fmt: skip
        yield Diagnostic(
            "K658",
            message,
            _place(rows, labels),
            definition.weights_method.why_none,
            Severity.WARNING,
            stands_for=rows.height,
        )


def _clusters(system: System, frame: pl.DataFrame, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    scheme = system.stars
    if scheme is None or not scheme.may_find_none:
        return
    rows = frame.filter(pl.col("score").is_not_null()).group_by("period", "cohort", maintain_order=True)
    for (period, cohort), group in rows:
        if not scheme.finds_none(group["score"]):
            continue
        message = Message(
            "there are no stars in {period}: too few different scores for {levels} levels ({units})",
            period=labels[period], units=count(group.height, "unit"), levels=scheme.number,
        )  # fmt: skip
        if group["score"].n_unique() >= scheme.fewest:
            message = Message(
                "there are no stars in {period}: one of the {levels} clusters lost all its scores to others ({units})",
                period=labels[period], units=count(group.height, "unit"), levels=scheme.number,
            )  # fmt: skip
        where = Place(entity=cohort or None, period=labels[period])
        hint = Message("take fewer levels, other starting points, or `kind: breaks`")
        yield Diagnostic("K658", message, where, hint, Severity.WARNING, stands_for=group.height)
