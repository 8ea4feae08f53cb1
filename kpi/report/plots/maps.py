"""A map of the units, coloured by their totals or by an indicator."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.entities import Entities
from kpi.report.language import tr
from kpi.report.plots.theme import SCORES, drawing, finished, titled
from kpi.report.plots.view import View

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
        figure, heading = "value", f"{system.symbols[view.indicator].title} ({system.unit(view.indicator)})"
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
    # Coordinates of a national grid are not degrees on a sphere; rings of either order are drawn.
    chart = shapes.project(type="identity", reflectY=True).properties(width=560, height=460, title=title)
    return finished(chart)


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
