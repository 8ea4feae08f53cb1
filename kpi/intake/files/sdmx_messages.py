"""SDMX messages: SDMX-ML (generic and structure-specific) by pysdmx, and SDMX-JSON 1.0 and 2.0, as rows of text.

Each observation is a row with the columns of SDMX-CSV: dimensions, OBS_VALUE, attributes. Attributes of a series, a
data set or the message hold for all of its observations. SDMX-JSON has the names of codes beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.packages import imported
from kpi.intake.files.table import cause
from kpi.process.limits import make_sure

#: The most bytes of memory per byte of a message while it is read.
_GROWTH = 20

#: Attributes of data sets that say nothing of figures.
_OF_SET = {
    "setID", "action", "reportingBeginDate", "reportingEndDate", "validFromDate", "validToDate", "publicationYear",
    "publicationPeriod", "dataScope", "REPORTING_YEAR_START_DAY",
}  # fmt: skip

_AGAIN = Message("write or download it again")


def is_sdmx_ml(beginning: str) -> bool:
    """Return whether a text begins like a message of SDMX-ML."""
    return re.search(r"sdmx\.org/resources/sdmxml/schemas", beginning, re.IGNORECASE) is not None


def is_sdmx_json(document: Any) -> bool:
    """Return whether a JSON document is a data message of SDMX-JSON."""
    if not isinstance(document, dict):
        return False
    inner = document.get("data", document)
    described = isinstance(inner, dict) and ("structure" in inner or "structures" in inner or "structure" in document)
    return described and "dataSets" in inner


def of_xml(path: Path, place: Place) -> pl.DataFrame:
    """Return the observations of a message of SDMX-ML in UTF-8, all as text.

    Raises:
        DataError: K503 damaged, or no data, K509 too large, K510 a package is missing.
    """
    for name in ("pysdmx.io", "pandas", "xmltodict", "lxml"):
        imported(name, "sdmx", Message("an SDMX message (SDMX-ML)"), place)
    from pysdmx.io import read_sdmx

    make_sure(path.stat().st_size * _GROWTH, Message("the message {file}", file=place.file))
    text = path.read_text("utf-8-sig")
    # pysdmx looks for the declaration, which XML does not demand.
    text = text if text.startswith("<?xml") else f'<?xml version="1.0" encoding="UTF-8"?>{text.lstrip()}'
    try:
        message = read_sdmx(text, validate=False)
        datasets: list[Any] = list(message.data or ())
        sets = [(dataset.data, dict(dataset.attributes or {})) for dataset in datasets]
    except (MemoryError, DataError):
        raise
    except Exception as error:  # noqa: BLE001 - pysdmx raises any exception on a damaged message
        words = Message("the SDMX message is damaged, or of a kind that is not read: {error}", error=cause(error))
        if isinstance(error, AttributeError | TypeError):
            words = Message(
                "the SDMX message is damaged, or of a kind that is not read: an element that it needs is empty or "
                "missing, such as one of its header"
            )
        raise DataError(Diagnostic("K503", words, place, _AGAIN)) from None
    frames = []
    for data, attributes in sets:
        columns = {
            str(name): [_filled(item) for item in data[name].tolist()] for name in data.columns if name not in _OF_SET
        }
        rows = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
        constant = {
            name: str(item)
            for name, item in attributes.items()
            if name not in columns and name not in _OF_SET and item is not None
        }
        frames.append(rows.with_columns(pl.lit(item).alias(name) for name, item in constant.items()))
    return _joined(frames, place)


def of_json(document: Mapping[str, Any], place: Place) -> tuple[pl.DataFrame, dict[str, dict[float | str, str]]]:
    """Return the observations of a data message of SDMX-JSON, all as text, and the names of codes by column.

    Raises:
        DataError: K503 damaged, or no data.
    """
    try:
        inner = document.get("data", document)
        structures = inner.get("structures") or [inner.get("structure") or document["structure"]]
        labels: dict[str, dict[float | str, str]] = {}
        frames = []
        for data in inner["dataSets"]:
            structure = structures[data.get("structure", 0)]
            rows = [*_observations(data, structure)]
            columns = list(dict.fromkeys(name for row in rows for name in row))
            frames.append(pl.DataFrame({name: [row.get(name) for row in rows] for name in columns},
                                       schema=dict.fromkeys(columns, pl.String)))  # fmt: skip
            for component in _components(structure):
                names = {value["id"]: label for value in component.get("values", ()) if "id" in value
                         for label in [_name(value)] if label is not None and label != value["id"]}  # fmt: skip
                if names:
                    labels.setdefault(component["id"], {}).update(names)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        words = Message("the SDMX message is damaged, or of a kind that is not read: {error}", error=cause(error))
        raise DataError(Diagnostic("K503", words, place, _AGAIN)) from None
    return _joined(frames, place), labels


def _filled(cell: Any) -> str | None:
    """Return a cell of pandas as text, None where it has no value, of whatever kind."""
    import pandas as pd

    return None if cell == "" or pd.isna(cell) else str(cell)


def _joined(frames: Sequence[pl.DataFrame], place: Place) -> pl.DataFrame:
    frames = [frame for frame in frames if frame.height]
    if not frames:
        raise DataError(Diagnostic("K505", Message("the SDMX message has no observation"), place))
    return pl.concat(frames, how="diagonal")


def _observations(data: Mapping[str, Any], structure: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    """Yield the observations of a data set, by the ids of their components."""
    dimensions, attributes = structure["dimensions"], structure.get("attributes") or {}
    measures = (structure.get("measures") or {}).get("observation") or [{"id": "OBS_VALUE"}]
    constant = {entry["id"]: _value(entry, 0) for entry in dimensions.get("dataSet") or ()}
    constant |= _attributes(attributes.get("dataSet") or (), data.get("attributes") or ())
    series = data.get("series")
    groups: list[tuple[str, Any]] = [("", {"observations": data.get("observations") or {}})]
    groups = groups if series is None else list(series.items())
    for key, group in groups:
        shared = constant | _key(dimensions.get("series") or (), key)
        shared |= _attributes(attributes.get("series") or (), group.get("attributes") or ())
        for place, content in (group.get("observations") or {}).items():
            row = shared | _key(dimensions["observation"], place)
            for item, cell in zip(measures, content, strict=False):
                name = "OBS_VALUE" if len(measures) == 1 else item["id"]
                row[name] = _value(item, cell) if item.get("values") and isinstance(cell, int) else _text(cell)
            yield row | _attributes(attributes.get("observation") or (), content[len(measures) :])


def _key(components: Sequence[Mapping[str, Any]], key: str) -> dict[str, str | None]:
    """Return the codes of dimensions that a key such as 0:3 means."""
    if not components:
        return {}
    places = key.split(":")
    return {item["id"]: _value(item, int(at)) for item, at in zip(components, places, strict=True)}


def _attributes(components: Sequence[Mapping[str, Any]], cells: Sequence[Any]) -> dict[str, str | None]:
    """Return attributes: each cell is the place of a value, or the value itself where none are listed."""
    results: dict[str, str | None] = {}
    for item, cell in zip(components, cells, strict=False):
        if cell is not None:
            results[item["id"]] = _value(item, cell) if item.get("values") and isinstance(cell, int) else _text(cell)
    return results


def _value(component: Mapping[str, Any], at: int) -> str | None:
    if at < 0:
        raise IndexError(Message("a value is not in the list of its component"))
    value = component["values"][at]
    return None if value is None else _text(value.get("id", value.get("value", _name(value))))


def _name(value: Mapping[str, Any]) -> str | None:
    name = value.get("name")
    if isinstance(name, Mapping):
        return next((str(item) for item in name.values()), None)
    return None if name is None else str(name)


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, list | dict):
        return None
    return cell if isinstance(cell, str) else str(cell).lower() if isinstance(cell, bool) else repr(cell)


def _components(structure: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in ("dimensions", "attributes"):
        for items in (structure.get(part) or {}).values():
            yield from items if isinstance(items, list) else ()
