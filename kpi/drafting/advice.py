"""How files are understood, and for a table that is not the lines of YAML by which it would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from kpi import session
from kpi.drafting.definition_text import text_of
from kpi.drafting.draft import drafted
from kpi.drafting.names import name_of
from kpi.drafting.survey import of_units
from kpi.drafting.survey import survey as survey_of
from kpi.errors import DataError, Diagnostic, KpiError, Message, Severity
from kpi.intake.files.reader import read_all
from kpi.intake.files.sources import Source
from kpi.intake.files.table import Table
from kpi.intake.understanding import Understood, understood
from kpi.language.datasets import FORMS
from kpi.language.loading.loader import examine_text
from kpi.language.system import System
from kpi.report.yaml_text import flow

#: Notes on a table as a whole rather than on rows that are left out or refused.
_OF_TABLE = ("K584", "K565", "K538", "K528", "K534", "K567", "K210", "K525", "K520", "K521", "K522", "K523", "K562")


class Advice(Struct, frozen=True):
    """What would help a table that is not understood.

    Attributes:
        lines: of the definition.
        rows: the first figures as they would be understood then.
        known: whether the figures are measures of the system; else the lines are those of a definition of its own.
    """

    lines: Sequence[str]
    rows: Sequence[tuple[str | None, ...]]
    known: bool


class Shown(Struct, frozen=True):
    """A table as it is understood, what became of its rows, and what would help."""

    understood: Understood
    rows: Sequence[Diagnostic] = ()
    advice: Advice | None = None


class Understanding(Struct, frozen=True):
    """How files are understood.

    Attributes:
        system: the system that they are read for; of files without one that of a draft.
        drafted: whether it is a draft.
        tables: every table.
        unread: what is wrong with files that cannot be read.
    """

    system: System | None
    drafted: bool
    tables: Sequence[Shown]
    unread: Sequence[Diagnostic] = ()

    @property
    def complete(self) -> bool:
        """Whether every file and table is understood."""
        return not self.unread and all(shown.understood.usable for shown in self.tables)


def understanding(sources: Sequence[Source], system: System | None, year: int) -> Understanding:
    """Return how files are understood by a system, or by a draft where there is none.

    Args:
        sources: files, folders and patterns.
        system: the system; None for a draft.
        year: the period of figures of which nothing says any, in a draft.

    Raises:
        DataError: no file can be read.
    """
    unread: list[Diagnostic] = []
    tables = [table for group in read_all(sources, unread=unread) for table in group]
    is_draft = system is None
    if system is None:
        system = _of_draft(tables, year)
    if system is None:
        return Understanding(None, is_draft, [Shown(Understood(table)) for table in tables], unread)
    findings = _of_rows(sources, system)
    shown = []
    for table in tables:
        here = understood(system, table)
        rows = [finding for finding in findings if _about(finding, table) and finding not in here.errors]
        advice = None if here.usable else _advice(system, table, year)
        shown.append(Shown(here, rows, advice))
    return Understanding(system, is_draft, shown, unread)


def _of_draft(tables: Sequence[Table], year: int) -> System | None:
    """Return the system of a draft, said in full only where the tables are not recognised without."""
    draft, _ = drafted(tables, year)
    if draft is None:
        return None
    systems = [examine_text(text_of(draft, [], declared=declared)).system for declared in (False, True)]
    usable = [system for system in systems if system is not None]
    known = [sum(understood(system, table).usable for table in tables) for system in usable]
    return usable[known.index(max(known))] if usable else None


def _of_rows(sources: Sequence[Source], system: System) -> list[Diagnostic]:
    """Return what is found in the rows of files."""
    try:
        findings = list(session.score(list(sources), system=system, partly=True, intervals=0).findings_list)
    except KpiError as error:
        findings = list(error.diagnostics)
    return [finding for finding in findings if finding.code not in _OF_TABLE]


def _about(finding: Diagnostic, table: Table) -> bool:
    return finding.place.file == table.file and finding.place.sheet in (None, table.sheet)


def _advice(system: System, table: Table, year: int) -> Advice | None:
    """Return the lines by which a table would be understood, tried on it; None where nothing is known to help."""
    survey = survey_of(table, year, system.timeline)
    if survey is None:
        return None
    survey = of_units([survey])[0]
    name = name_of(survey.form, system.datasets)
    choices = [dict(survey.plain) or {"form": survey.form}, dict(survey.declared)]
    if len(survey.figures) == 1 and survey.form != "records":
        # Figures of one measure that the table does not name: the first of the system stands for the one that is meant.
        measure = {"constant": next((own.title or key for key, own in system.measures.items() if own.reported), "")}
        choices += [
            {**declaration, "form": "reported", "columns": {**declaration.get("columns", {}), "measure": measure}}
            for declaration in choices
        ]
    for declaration in choices:
        if (rows := _tried(system, table, name, declaration)) is not None:
            return Advice(_lines(name, declaration), rows, known=True)
    other = _of_draft([table], year)
    if other is None:
        return None
    rows = understood(other, table).rows
    measures = [f"  {measure.title or key}: {{unit: {measure.unit}}}" for key, measure in other.measures.items()][:2]
    return Advice(["measures:", *measures], rows, known=False) if rows else None


def _tried(
    system: System, table: Table, name: str, declaration: Mapping[str, Any]
) -> Sequence[tuple[str | None, ...]] | None:
    """Return the first figures of a table if a further dataset makes it understood, else None."""
    form = next(model for model in FORMS if model.model_fields["form"].default == declaration["form"])
    dataset = form.model_validate(dict(declaration), strict=False)
    try:
        trial = understood(system.model_copy(update={"datasets": {**system.datasets, name: dataset}}), table, name)
    except DataError:
        return None
    return trial.rows if trial.usable and trial.rows else None


def _lines(name: str, declaration: Mapping[str, Any]) -> list[str]:
    return ["datasets:", f"  {name}: {flow(dict(declaration))}"]


def system_of(sources: Sequence[Source], given: Any, definitions: str | Path | None) -> System | None:
    """Return the system that files are for: the one that is given or that alone fits them, None where none does.

    Raises:
        DefinitionError: the one that is given cannot be used.
    """
    from kpi.language.loading import catalogue

    if given is not None:
        return catalogue.load(given, definitions)
    try:
        return session.system_for(list(sources), definitions=definitions)
    except KpiError as error:
        if any(finding.code == "K501" for finding in error.diagnostics):
            raise
        return None


def not_understood(shown_files: Understanding) -> list[Diagnostic]:
    """Return why files and tables are not understood: what the readers say, or that there is nothing to score."""
    findings = list(shown_files.unread)
    for shown in shown_files.tables:
        reading = shown.understood
        if reading.dataset is None:
            columns = tuple(f"`{header}`" for header in reading.table.columns[:12])
            hint = Message("its columns are {columns}", columns=columns)
            message = Message("no column holds figures that are known, and none days of events")
            findings += reading.errors or [Diagnostic("K708", message, reading.table.place(), hint, Severity.ERROR)]
        else:
            # Rows of which a key is not known are refused one by one: the first says why.
            findings += reading.errors or ([] if reading.usable else [*shown.rows[:1]])
    return findings
