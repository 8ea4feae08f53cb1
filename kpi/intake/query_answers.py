"""Read files of explanations (说明): of figures, or as a 查询单 that comes back filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl
from msgspec import Struct, field

from kpi.errors import DataError, Diagnostic, Message, Place, alternatives
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean, roles
from kpi.intake.files.reader import read_all
from kpi.intake.files.sources import Source
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import measure_names
from kpi.language.system import System
from kpi.values import period_texts, periods

#: The headers of the finding that a row of a 查询单 answers, in the languages of the form.
FINDING = ("问题", "Finding")


class Explanations(Struct):
    """Explanations by departments: `notes` of figures, and `answers` to findings.

    The key of a note is measure, entity and period index; that of an answer is unit, period label and the message of
    the finding as the form has it, in any language. `places` are the cells of the answers, and `findings` the rows that
    explain nothing.
    """

    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    answers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    places: dict[tuple[str, str, str], Place] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def unused(self, used: set[tuple[str, str, str]]) -> Iterator[Diagnostic]:
        """Yield a finding for each answer that belongs to no finding of the data."""
        for key, place in self.places.items():
            if key not in used:
                hint = Message("leave the unit, the period and the finding as they are in the form")
                yield Diagnostic("K705", Message("the row explains no finding of this data"), place, hint)


def explanations(
    *sources: Source, system: System, entities: Entities, labels: Mapping[int, str], alone: bool = False
) -> Explanations:
    """Read explanations from files with the columns 评价对象 (地区), 期别, 说明 and either 指标 or 问题.

    Their headings may be English too: Entity, Period, Note, Measure, Finding. Rows without an explanation are left out:
    a 查询单 may come back half filled in.

    Args:
        sources: files or frames; of two explanations of one figure or finding, the later one is used.
        system: gives the measures.
        entities: the entities.
        labels: the labels of the scored periods, by index.
        alone: whether rows of other periods are ignored.

    Raises:
        DataError: what reading a file raises, and K541 when a column is missing.
    """
    result = Explanations()
    for table in (table for group in read_all(sources) for table in group):
        _read(table, system, entities, labels, result, alone=alone)
    return result


def _read(
    table: Table, system: System, entities: Entities, labels: Mapping[int, str], result: Explanations, *, alone: bool
) -> None:
    known, _ = roles(table.columns)
    finding = next((header for header in FINDING if header in table.columns), None)
    lacking: list[str] = [
        words for role, words in (("entity", "评价对象"), ("period", "期别"), ("note", "说明")) if role not in known
    ]
    if "measure" not in known and finding is None:
        lacking.append(alternatives(["指标", FINDING[0]]))
    if lacking:
        message = Message("the explanations have no column {columns}", columns=tuple(lacking))
        raise DataError(Diagnostic("K541", message, table.place(), Message("send the 查询单 back with 说明 filled in")))
    names = measure_names(system)
    index = {label: at for at, label in labels.items()}
    columns = {role: known[role] for role in ("entity", "period", "note", "measure") if role in known}
    text = pl.lit(None) if finding is None else pl.col(finding)
    rows = table.numbered().select(ROW, finding=text.cast(pl.String), **{
        role: as_text(header).str.strip_chars() for role, header in columns.items()
    }).collect()  # fmt: skip
    for row in rows.filter(pl.col("note").fill_null("") != "").to_dicts():
        place = table.place(row[ROW], known["note"])
        period, is_one = _label(row["period"], system, index)
        if alone and is_one and period not in index:
            continue
        if finding is not None:
            at = entities.place(row["entity"] or "")
            name = entities.every[at] if at is not None else row["entity"] or ""
            key = (name, period or "", row["finding"] or "")
            result.answers[key], result.places[key] = row["note"], place
            continue
        who = entities.place(row["entity"] or "")
        measure = names.get(clean(row["measure"] or ""))
        if who is None or measure is None or period is None or period not in index:
            message = Message(
                "no figure {measure} of {entity} for {period} to explain",
                measure=row["measure"] or "",
                entity=row["entity"] or "",
                period=row["period"] or "",
            )
            result.findings.append(Diagnostic("K705", message, place))
        else:
            result.notes[measure, who, index[period]] = row["note"]


def _label(text: str | None, system: System, index: Mapping[str, int]) -> tuple[str | None, bool]:
    """Return the label of the scored period that a text names, or the text, and whether it names one."""
    if text is None or text in index:
        return text, text is not None
    try:
        return periods.Period.of(
            period_texts.parse(text, timeline=system.timeline).index(system.period), system.period
        ).label, True
    except periods.PeriodError:
        return text, False
