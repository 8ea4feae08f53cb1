"""A map of the units, coloured by their totals or by an indicator."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.entities import Entities
from kpi.report.language import tr
from kpi.report.marks import unit_words
from kpi.report.plots.theme import SCORES, drawing, finished, titled
from kpi.report.plots.view import View

#: The width of a map, and the least and greatest height, in pixels; the most areas that have their name.
_WIDTH, _LOW, _HIGH, _NAMED = 560, 160, 900, 80
#: Properties of a feature that may have the code or the name of a unit, in this order.
_KEYS = ("code", "adcode", "CODE", "行政区划代码", "代码", "id", "name", "NAME", "名称", "entity")


def choropleth(view: View) -> Any:
    """Draw the areas of a GeoJSON file in the colour of their total, or of their value of an indicator.

    An area belongs to the unit with the code or name that one of its properties has.

    Raises:
        DataError: K880, there is no file, it is no GeoJSON, or none of its areas is a unit.
    """
    alt, system = drawing(), view.card.definition
    if view.map is None:
        message = Message("a map needs the areas of the units, a GeoJSON file")
        raise DataError(Diagnostic("K880", message, hint=Message("--geojson areas.json")))
    features = _features(view)
    entities = Entities(view.card.entities, closed=True)
    if view.indicator is None:
        table, figure, heading = view.totals(), "score", tr("Score")
    else:
        table = view.indicators().filter(pl.col("indicator") == view.indicator)
        heading = tr("{title} ({unit})", title=system.symbols[view.indicator].title,
                     unit=unit_words(str(system.unit(view.indicator))))  # fmt: skip
        figure = "value"
    figures = dict(table.select("entity", figure).iter_rows())
    areas, placed = [], set()
    for feature in features:
        place = next((result for key in _names(feature) if (result := entities.place(key)) is not None), None)
        name = None if place is None else entities.names[place]
        placed.add(name)
        areas.append({
            "type": "Feature", "geometry": feature["geometry"],
            "properties": {"entity": name, "figure": figures.get(name)},
        })  # fmt: skip
    absent = [name for name in figures if name not in placed]
    if len(absent) == len(figures):
        message = Message("no area of {file} has the code or the name of a unit", file=view.map.name)
        hint = Message("its properties need `code` or `name`, as the roster has them")
        raise DataError(Diagnostic("K880", message, Place(str(view.map)), hint=hint))
    data = alt.Data(values={"type": "FeatureCollection", "features": areas}, format=alt.DataFormat(property="features"))
    shapes = alt.Chart(data).mark_geoshape(stroke="white", strokeWidth=0.7).encode(
        color=alt.condition(
            "isValid(datum.properties.figure)",
            alt.Color("properties.figure:Q", title=heading, scale=alt.Scale(range=SCORES)), alt.value("#E5E7EB"),
        ),
        tooltip=[alt.Tooltip("properties.entity:N", title=system.entities.title),
                 alt.Tooltip("properties.figure:Q", title=heading, format=".2f")],
    )  # fmt: skip
    below = view.below()
    if absent:
        below.append(Message("without an area: {units}", units=tuple(absent[:8])))
    title = titled(view.headline(heading), below=below)
    left, low, right, high = _extent([ring for area in areas for ring in _rings(area["geometry"])])
    height = min(max(_WIDTH * (high - low) / max(right - left, 1e-9), _LOW), _HIGH)
    # NOTE: names are placed in pixels: text is not drawn at the coordinates of an identity projection.
    # Coordinates of a national grid are not degrees on a sphere; rings of either order are drawn.
    scale = min(_WIDTH / max(right - left, 1e-9), height / max(high - low, 1e-9))
    shift = [_WIDTH / 2 - scale * (left + right) / 2, height / 2 + scale * (low + high) / 2]
    parts = [shapes.project(type="identity", reflectY=True, scale=scale, translate=shift)]
    if len(areas) <= _NAMED:
        parts.append(_labels(areas, scale, shift))
    chart = alt.layer(*parts).properties(width=_WIDTH, height=height, title=title)
    return finished(chart)


def _labels(areas: Sequence[dict[str, Any]], scale: float, shift: Sequence[float]) -> Any:
    """Return the names of the units in the middle of their largest ring, dark with a light edge, on any colour."""
    alt = drawing()
    points = []
    for area in areas:
        name, rings = area["properties"]["entity"], _rings(area["geometry"])
        if name is not None and rings:
            x, y = _centre(max(rings, key=lambda ring: abs(_doubled(ring))))
            points.append({"entity": name, "x": shift[0] + scale * x, "y": shift[1] - scale * y})
    names = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("x:Q", scale=None, axis=None), y=alt.Y("y:Q", scale=None, axis=None), text="entity:N"
    )
    edge = names.mark_text(fontSize=11, stroke="white", strokeWidth=3, strokeOpacity=0.85, strokeJoin="round")
    return edge + names.mark_text(fontSize=11, color="#16181D")


def _rings(geometry: dict[str, Any]) -> list[list[tuple[float, float]]]:
    """Return the outer rings of an area, none of what is no polygon."""
    kind, parts = geometry.get("type"), geometry.get("coordinates")
    try:
        polygons = {"Polygon": [parts], "MultiPolygon": parts}.get(str(kind)) or []
        rings = [[(float(point[0]), float(point[1])) for point in polygon[0]] for polygon in polygons if polygon]
    except (TypeError, ValueError, LookupError):
        return []  # what is no polygon after all has no place, and is not drawn
    return [ring for ring in rings if ring]


def _extent(rings: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float, float, float]:
    """Return the least and greatest coordinates of rings: left, bottom, right, top."""
    across, up = ([point[axis] for ring in rings for point in ring] or [0.0, 1.0] for axis in (0, 1))
    return min(across), min(up), max(across), max(up)


def _doubled(ring: Sequence[tuple[float, float]]) -> float:
    """Return twice the area of a ring, negative where it runs clockwise."""
    return math.fsum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise([*ring, ring[0]]))


def _centre(ring: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the centroid of a ring, the mean of its points where it has no area.

    >>> _centre([(0, 0), (4, 0), (4, 2), (0, 2), (0, 0)])
    (2.0, 1.0)
    """
    # Relative to its first point, so that coordinates of a grid in metres keep their digits.
    first = ring[0]
    moved = [(x - first[0], y - first[1]) for x, y in ring]
    size = _doubled(moved)
    if not size:
        return tuple(first[axis] + math.fsum(p[axis] for p in moved) / len(moved) for axis in (0, 1))  # type: ignore[return-value]
    sides = list(itertools.pairwise([*moved, moved[0]]))
    weights = [a[0] * b[1] - b[0] * a[1] for a, b in sides]
    x, y = (
        math.fsum((a[axis] + b[axis]) * weight for (a, b), weight in zip(sides, weights, strict=True)) / (3 * size)
        for axis in (0, 1)
    )
    return first[0] + x, first[1] + y


def _features(view: View) -> list[dict[str, Any]]:
    """Return the areas of the file.

    Raises:
        DataError: K880, it is not there or is no GeoJSON with areas.
    """
    assert view.map is not None  # noqa: S101
    place = Place(str(view.map))
    try:
        content = json.loads(view.map.read_text("utf-8"))
    except OSError as error:
        raise DataError(Diagnostic("K500", Message("there is no file `{files}`", files=view.map), place)) from error
    except ValueError as error:
        raise DataError(Diagnostic("K880", Message("{file} is no GeoJSON", file=view.map.name), place)) from error
    features = content.get("features") if isinstance(content, dict) else None
    areas = [
        feature for feature in features or () if isinstance(feature, dict) and isinstance(feature.get("geometry"), dict)
    ]
    if not areas:
        hint = Message("it is a FeatureCollection, such as those of administrative divisions")
        raise DataError(Diagnostic("K880", Message("{file} has no areas", file=view.map.name), place, hint))
    return areas


def _names(feature: dict[str, Any]) -> list[str]:
    """Return the texts of a feature that may name a unit."""
    properties = feature.get("properties")
    known = {"id": feature.get("id"), **(properties if isinstance(properties, dict) else {})}
    return [str(known[key]) for key in _KEYS if isinstance(known.get(key), str | int)]
