"""Several surveys together: tables of one unit each, which the name of a sheet or file says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from kpi.drafting.survey.notes import Guess
from kpi.drafting.survey.result import Survey
from kpi.errors import Message
from kpi.intake.files.headers import clean, role
from kpi.intake.shapes.labels import labelled, stem
from kpi.intake.shapes.recognition import is_place


def of_units(surveys: Sequence[Survey]) -> list[Survey]:
    """Return surveys of which those without a column of units say where the unit stands.

    Tables of one workbook, or files, that have the same columns are of a unit each, by the name of the sheet or file.
    """
    return [_with_unit(survey, surveys) if _lacks_unit(survey) else survey for survey in surveys]


def _lacks_unit(survey: Survey) -> bool:
    """Return whether neither a column nor headings nor labels name the unit."""
    turned = survey.declared.get("shape", {}).get("columns") == "entities"
    return survey.entity is None and not turned and not _labelled_entity(survey)


def _labelled_entity(survey: Survey) -> bool:
    """Return whether a label names the unit: above the table, or in its first row."""
    if labelled(survey.table.titles, "entity") is not None:
        return True
    first = next(iter(survey.columns.values()))
    return bool(first.cells) and role(first.header) == "measure" and role(clean(first.cells[0])) == "entity"


def _with_unit(lacking: Survey, surveys: Sequence[Survey]) -> Survey:
    source = _source(lacking, surveys)
    if source.get("from") == "file":
        message = Message("the unit of each table is the name of its file")
    elif source.get("from") == "sheet":
        message = Message("the unit of each table is the name of its sheet")
    else:
        message = Message("all figures are of one unit, `{unit}`, as no column names units", unit=source["constant"])
    plain = {"form": lacking.form, **lacking.plain}
    declared = {**lacking.declared, "form": lacking.form}
    return replace(
        lacking, plain=_with_entity(plain, source), declared=_with_entity(declared, source),
        guesses=(*lacking.guesses, Guess(message)),
    )  # fmt: skip


def _source(lacking: Survey, surveys: Sequence[Survey]) -> dict[str, str]:
    """Return where the unit of a table stands, else its name: that of a title or of the file."""
    table = lacking.table
    alike = [other for other in surveys if other.table.columns == table.columns and other.entity is None]
    files = {other.table.file for other in alike}
    sheets = {other.table.sheet for other in alike}
    if is_place(stem(table.file)) or (len(files) > 1 and len(files) == len(alike)):
        return {"from": "file"}
    if table.sheet and (is_place(table.sheet) or len(sheets) > 1):
        return {"from": "sheet"}
    title = next((clean(text) for text in table.titles if is_place(clean(text))), None)
    return {"constant": title or stem(table.file)}


def _with_entity(dataset: dict[str, Any], source: dict[str, str]) -> dict[str, Any]:
    return {**dataset, "columns": {**dataset.get("columns", {}), "entity": source}}
