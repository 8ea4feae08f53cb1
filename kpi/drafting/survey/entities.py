"""The column that names the units of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kpi.drafting.survey.subject import Subject, is_identifier
from kpi.errors import Message
from kpi.intake.files.headers import role
from kpi.values.patterns import regex

#: The column of units in tables of SDMX without REF_AREA.
_AREA = regex("(ref_?|geo_?|reporting_?)?(area|geo|country|economy)|location", re.IGNORECASE)
#: Words of headers of the column that names the units, where no known header does.
_NAMING = regex(
    r"[县市区乡镇村]$|街道|单位|部门|机构|地区|辖区|网格|中心|窗口|派出所|学校|医院|企业|分局|支队|大队|region|area|unit|office"
)


def entity_of(subject: Subject, taken: Iterable[str | None] = ()) -> str | None:
    """Return the column that names the units, None where the table is of one; declare what is not recognised."""
    header, known = entity_column(subject, set(taken))
    if header is not None and header not in subject.roles.values():
        subject.notes.declare_column("entity", header)
        if not known:
            subject.notes.guess(Message("column `{header}` names the units", header=header), header)
    return header


def entity_column(subject: Subject, taken: set[str | None]) -> tuple[str | None, bool]:
    """Return the column that names the units, None without one, and whether header or cells say so."""
    if (known := subject.roles.get("entity") or subject.roles.get("code")) is not None:
        return known, True
    if subject.sdmx and (areas := [header for header in subject.headers if _AREA.fullmatch(header)]):
        return areas[0], True
    columns = subject.columns
    rest = [
        header for header in subject.headers
        if header not in taken and role(header) is None and not columns[header].is_dates
    ]  # fmt: skip
    words = [header for header in rest if columns[header].is_words and not is_identifier(header)]
    if places := [header for header in words if columns[header].is_places]:
        return places[0], True
    called = [header for header in words if _NAMING.search(header.casefold())]
    first = [
        header for header in words
        if header == subject.headers[0] or len(columns[header].distinct) == subject.table.rows
    ]  # fmt: skip
    codes = [header for header in rest if columns[header].is_codes and len(columns[header].distinct) > 1]
    return next(iter([*called, *first, *codes]), None), False
