"""The tree of weights as a sunburst: a ring for each level, an arc for each pillar and indicator."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message
from kpi.language.system import ROOT
from kpi.report.language import tr
from kpi.report.plots.theme import GROUPS, drawing, finished, rows, titled
from kpi.report.plots.view import View

#: The radius of the hole, the width of a ring and of the margin, and the height of a label (pixels).
_INNER, _RING, _MARGIN, _LINE = 40, 96, 20, 11
#: The longest label (characters).
_LONG = 8


def sunburst(view: View) -> Any:
    """Draw the weight that each pillar and indicator has in the total, in the last period shown."""
    alt = drawing()
    kind = _class_of(view)
    arcs = _arcs(view.at_period(), view.cohort, kind)
    if arcs.is_empty():
        message = Message("{system} has no tree of weights", system=view.card.system)
        raise DataError(Diagnostic("K880", message, hint=Message("write `pillars:`")))
    depth = int(arcs["depth"].max()) + 1  # type: ignore[arg-type]
    base = alt.Chart(rows(arcs))
    whole = alt.Scale(domain=[0, 2 * math.pi], range=[0, 2 * math.pi])
    outer = _INNER + _RING * depth
    near = alt.Scale(domain=[0, outer], range=[0, outer])
    slices = base.mark_arc(stroke="white", strokeWidth=1).encode(
        theta=alt.Theta("start:Q", scale=whole), theta2="end:Q",
        radius=alt.Radius("inner:Q", scale=near), radius2="outer:Q",
        color=alt.Color("top:N", sort=None, title=tr("Pillar"), scale=alt.Scale(range=GROUPS)),
        opacity=alt.Opacity("depth:O", legend=None, scale=alt.Scale(range=[1, 0.75, 0.55, 0.45, 0.35])),
        tooltip=["title:N", alt.Tooltip("weight:Q", format=".2f", title=tr("Weight"))],
    )  # fmt: skip
    # Labels run along the radius, which leaves room for more of them than along the arc.
    texts = (
        base.transform_filter(f"(datum.end - datum.start) * datum.between > {_LINE}")
        .mark_text(fontSize=10, color="black")
        .encode(
            theta=alt.Theta("middle:Q", scale=whole, stack=None), radius=alt.Radius("between:Q", scale=near),
            text="label:N", angle=alt.Angle("turn:Q", scale=None),
        )
    )  # fmt: skip
    title = titled(view.headline(Message("weights in the total")), below=[*view.below(), kind or ""])
    side = 2 * (outer + _MARGIN)
    return finished(alt.layer(slices, texts).properties(width=side, height=side, title=title))


def _class_of(view: View) -> str | None:
    """Return the class whose weights are drawn: that of the unit; None where weights are the same for all.

    Raises:
        DataError: K880, weights differ by class and no unit is given.
    """
    card = view.at_period()
    attributes = card.definition.classed_weights
    if not attributes or card.weights["class"].n_unique() == 1:
        return None
    if view.entity is None:
        message = Message("weights differ by class: say of which unit")
        raise DataError(Diagnostic("K880", message, hint=Message("--entity NAME, or entity= in Python")))
    of_unit = card.classes.filter(pl.col("entity") == view.entity)
    known = dict(of_unit.select("attribute", "class").iter_rows())
    return "、".join(known.get(attribute) or "" for attribute in attributes)


def _arcs(card: Scorecard, cohort: str | None, kind: str | None) -> pl.DataFrame:
    """Return the arcs of the tree: the title, depth, angles (radians), radii (pixels), top pillar and weight."""
    weights = card.weights.drop_nulls("effective")
    if kind is not None:
        weights = weights.filter(pl.col("class") == kind)
    cohorts = weights["cohort"].unique(maintain_order=True).to_list()
    if cohorts:
        chosen = cohort if cohort in cohorts else cohorts[0]
        weights = weights.filter(pl.col("cohort").eq_missing(pl.lit(chosen)))
    shares = {(node, part): share for node, part, share in weights.select("node", "part", "weight").iter_rows()}
    system, arcs = card.definition, []

    def walk(node: str, names: list[str], span: tuple[float, float], depth: int, top: str) -> None:
        whole = sum(shares.get((node, name), 0.0) for name in names)
        place, end = span
        width = end - place
        for name in names:
            share = shares.get((node, name), 0.0)
            if not whole or not share:
                continue
            until = place + width * share / whole
            pillar = system.pillars.get(name)
            text = (pillar.title or name) if pillar is not None else system.symbols[name].title
            inner, middle = _INNER + _RING * depth, (place + until) / 2
            arcs.append(
                (text, _short(text), depth, place, until, middle, _turn(middle), inner, inner + _RING,
                 inner + _RING / 2, top or text, 100 * (until - place) / (2 * math.pi))
            )  # fmt: skip
            if pillar is not None:
                walk(name, list(pillar.parts), (place, until), depth + 1, top or text)
            place = until

    walk(ROOT, list(system.tops), (0.0, 2 * math.pi), 0, "")
    schema = ["title", "label", "depth", "start", "end", "middle", "turn", "inner", "outer", "between", "top", "weight"]
    return pl.DataFrame(arcs, schema=schema, orient="row")


def _turn(middle: float) -> float:
    """Return the rotation (degrees) of a label along the radius, so that it is not upside down.

    >>> [round(_turn(math.radians(angle))) for angle in (0, 90, 180, 270)]
    [-90, 0, 90, 0]
    """
    degrees = math.degrees(middle)
    return degrees - 90 if degrees <= 180 else degrees - 270


def _short(text: str) -> str:
    """Return a text as a label of at most eight characters.

    >>> _short("一网通办率"), _short("Gross domestic product")
    ('一网通办率', 'Gross d…')
    """
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
