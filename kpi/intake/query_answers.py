"""Explanations (说明) in files of their own: about figures, or as a 查询单 that comes back filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean, roles
from kpi.intake.files.reader import Source, read_all
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import measure_names
from kpi.language.system import System
from kpi.values import periods

#: The header of the finding that a row of a 查询单 answers.
FINDING = "问题"


@dataclass
class Explanations:
    """What departments say: about figures, and to findings, each finding by unit, period label and message.

    `places` are the cells of the answers, and `findings` the rows that explain nothing.
    """

    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    answers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    places: dict[tuple[str, str, str], Place] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def unused(self, used: set[tuple[str, str, str]]) -> Iterator[Diagnostic]:
        """Yields a finding for each answer to nothing that was found."""
        for key, place in self.places.items():
            if key not in used:
                hint = Message("leave 评价对象, 期别 and 问题 as they are in the form")
                yield Diagnostic("K705", Message("the row explains no finding of this data"), place, hint)


def explanations(
    *sources: Source, system: System, entities: Entities, labels: Mapping[int, str], alone: bool = False
) -> Explanations:
    """Reads explanations from files with the columns 评价对象 (地区), 期别, 说明 and either 指标 or 问题.

    Rows without an explanation are left out: a 查询单 may come back half filled in.

    Args:
        sources: files or frames; what a later one says about a figure or finding counts.
        system: gives the measures.
        entities: who there is.
        labels: of the periods that were scored.
        alone: rows for other periods are of no interest.

    Raises:
        DataError: what reading a file raises, and K541 when a column is missing.
    """
    found = Explanations()
    for table in (table for group in read_all(sources) for table in group):
        _read(table, system, entities, labels, found, alone=alone)
    return found


def _read(
    table: Table, system: System, entities: Entities, labels: Mapping[int, str], found: Explanations, *, alone: bool
) -> None:
    known, _ = roles(table.columns)
    lacking = [
        words for role, words in (("entity", "评价对象"), ("period", "期别"), ("note", "说明")) if role not in known
    ]
    if "measure" not in known and FINDING not in table.columns:
        lacking.append(f"指标 or {FINDING}")
    if lacking:
        message = Message("the explanations have no column {lacking}", lacking=tuple(lacking))
        raise DataError(Diagnostic("K541", message, table.place(), Message("send the 查询单 back with 说明 filled in")))
    names = measure_names(system)
    index = {label: at for at, label in labels.items()}
    columns = {role: known[role] for role in ("entity", "period", "note", "measure") if role in known}
    said = FINDING if FINDING in table.columns else known["measure"]
    rows = table.numbered().select(ROW, said=pl.col(said).cast(pl.String), **{
        role: pl.col(header).cast(pl.String).str.strip_chars() for role, header in columns.items()
    }).collect()  # fmt: skip
    for row in rows.filter(pl.col("note").fill_null("") != "").to_dicts():
        place = table.place(row[ROW], known["note"])
        period, is_one = _label(row["period"], system, index)
        if alone and is_one and period not in index:
            continue
        if said == FINDING:
            at = entities.place(row["entity"] or "")
            name = entities.every[at] if at is not None else row["entity"] or ""
            key = (name, period or "", row["said"] or "")
            found.answers[key], found.places[key] = row["note"], place
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
            found.findings.append(Diagnostic("K705", message, place))
        else:
            found.notes[measure, who, index[period]] = row["note"]


def _label(text: str | None, system: System, index: Mapping[str, int]) -> tuple[str | None, bool]:
    """The label of the scored period that a text names, or the text, and whether it names one."""
    if text is None or text in index:
        return text, text is not None
    try:
        return periods.Period.of(periods.parse(text).index(system.period), system.period).label, True
    except periods.PeriodError:
        return text, False
