"""The trial of a draft: it is scored with the files that it comes from, and said in full where that does not do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi import session
from kpi.drafting.definition_text import roster_text, text_of
from kpi.drafting.draft import Draft, drafted
from kpi.drafting.survey import is_description, unread_periods
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, KpiError, Message, Place, Severity, number_of
from kpi.intake.files.reader import read_all
from kpi.intake.files.sources import Source
from kpi.intake.files.table import Table
from kpi.intake.roster_from_files import roster_from_files
from kpi.language.loading.loader import examine_text
from kpi.process import atomic_files

#: The file of the units.
ROSTER = "roster.csv"


class Tried(Struct, frozen=True):
    """A definition that was tried.

    Attributes:
        draft: what it says.
        text: its YAML.
        roster: the units as CSV, None where there is no more than one, or a roster would not do.
        findings: what is guessed, and what is wrong with the files all the same.
        scored: how many units were scored; 0 where the files could not be scored.
    """

    draft: Draft
    text: str
    roster: str | None
    findings: tuple[Diagnostic, ...]
    scored: int


class _Attempt(Struct, frozen=True):
    text: str
    card: Scorecard | None
    errors: tuple[Diagnostic, ...]

    @property
    def fault(self) -> tuple[bool, int]:
        """How far it is from a result without errors."""
        return self.card is None, number_of(self.errors)


def tried(sources: Sequence[Source], year: int, name: str | None = None, folder: Path | None = None) -> Tried:
    """Return a definition for some files that has been tried on them.

    Args:
        sources: files, folders and patterns.
        year: the period of figures of which nothing says any.
        name: the id of the system; left out: that of the first file.
        folder: where it will stand, perhaps beside a roster of other units.

    Raises:
        DataError: files cannot be read, or hold neither figures nor events (K707).
    """
    unread: list[Diagnostic] = []
    tables = [table for group in read_all(sources, unread=unread) for table in group]
    draft, empty = drafted(tables, year, name)
    if draft is None:
        raise DataError([*unread, *map(_nothing, empty)])
    files = list(dict.fromkeys(Path(table.file).name for table in tables))
    first = _attempt(draft, sources, files, declared=False)
    best, declared = first, False
    if first.fault > (False, 0):
        other = _attempt(draft, sources, files, declared=True)
        if other.fault < first.fault:
            best, declared = other, True
    roster = None
    if best.card is not None:
        units = best.card.entities
        if units.height == 1:
            draft = replace(draft, alone=True)
        elif units.height:
            draft, roster = _with_roster(draft, sources, files, units, best, declared=declared)
            if roster is not None and folder is not None:
                draft = replace(draft, roster=_free(folder, roster, draft.id))
        best = replace(best, text=text_of(draft, files, declared=declared))
    notes = [
        *unread,
        *(_guessed(message.message, tables) for message in draft.guesses),
        *(_left_out(table, tables) for table in empty),
    ]
    if best.card is not None and draft.roster is None and not draft.alone:
        message = Message("no roster is written, as the units could not be told apart by one")
        notes.append(Diagnostic("K706", message, Place(), None, Severity.INFO))
    return Tried(
        draft, best.text, roster, (*notes, *best.errors), 0 if best.card is None else best.card.entities.height
    )


def _free(folder: Path, roster: str, name: str) -> str:
    """Return the name of a file for a roster: the usual one unless it has other units already."""
    usual = folder / ROSTER
    return ROSTER if not usual.exists() or usual.read_bytes() == roster.encode() else f"{name}-{ROSTER}"


def _attempt(
    draft: Draft, sources: Sequence[Source], files: Sequence[str], *, declared: bool, roster: str | None = None
) -> _Attempt:
    """Return what scoring with a draft gives; its files are in a folder that is removed."""
    text = text_of(draft, files, declared=declared)
    with atomic_files.scratch() as folder:
        if roster is not None:
            (folder / ROSTER).write_text(roster, "utf-8")
        loaded = examine_text(text, f"{draft.id}.yaml", folder=folder)
        wrong = tuple(finding for finding in loaded.findings if finding.severity is Severity.ERROR)
        if loaded.system is None:
            return _Attempt(text, None, wrong)
        try:
            card = session.score(list(sources), system=loaded.system, partly=True, intervals=0)
        except KpiError as error:
            return _Attempt(text, None, tuple(error.diagnostics))
    errors = tuple(finding for finding in card.findings_list if finding.severity is Severity.ERROR)
    return _Attempt(text, card, errors)


def _with_roster(
    draft: Draft, sources: Sequence[Source], files: Sequence[str], units: pl.DataFrame, before: _Attempt, *,
    declared: bool,
) -> tuple[Draft, str | None]:  # fmt: skip
    """Return the draft with a roster of its units, without one where it would leave figures unread."""
    listed = replace(draft, roster=ROSTER)
    roster = roster_text(_with_other_names(units.to_dicts(), sources, before))
    after = _attempt(listed, sources, files, declared=declared, roster=roster)
    same = after.card is not None and after.fault <= before.fault and before.card is not None
    if same and after.card is not None and before.card is not None:
        same = after.card.counts["used"] == before.card.counts["used"]
    return (listed, roster) if same else (draft, None)


def _with_other_names(
    units: Sequence[Mapping[str, Any]], sources: Sequence[Source], before: _Attempt
) -> list[dict[str, Any]]:
    """Return the units with the aliases and the unit above that `kpi roster` finds in the files."""
    system = None if before.card is None else before.card.plan.system
    try:
        known = roster_from_files(list(sources), system=system).frame.to_dicts()
    except DataError:
        return [dict(unit) for unit in units]
    by_code = {row["code"]: row for row in known if row["code"]}
    by_name = {row["entity"]: row for row in known}
    matches = (by_code.get(unit["code"] or "") or by_name.get(unit["entity"]) or {} for unit in units)
    return [
        {**unit, "aliases": row.get("aliases"), "parent": row.get("parent")}
        for unit, row in zip(units, matches, strict=True)
    ]


def _guessed(message: Message, tables: Sequence[Table]) -> Diagnostic:
    place = Place(Path(tables[0].file).name) if len({table.file for table in tables}) == 1 else Place()
    hint = Message("it is marked in the definition; correct it there where it is otherwise")
    return Diagnostic("K706", Message("guessed: {message}", message=message), place, hint, Severity.INFO)


def _nothing(table: Table) -> Diagnostic:
    if (twice := table.repeated()) is not None:
        return twice
    message = Message("no column holds figures, and none days of events: nothing can be scored")
    if unread := unread_periods(table):
        hint = Message("then init reads the heading as a period")
        return Diagnostic(
            "K707", Message("no figures can be placed: {why}", why=unread[0]), table.place(table.header_row), hint
        )
    columns = tuple(f"`{header}`" for header in table.columns[:12])
    hint = Message(
        "its columns are {columns}; give a table of figures, or of one case a row with a date", columns=columns
    )
    return Diagnostic("K707", message, table.place(), hint)


def _left_out(table: Table, tables: Sequence[Table]) -> Diagnostic:
    if is_description(table) and any(other.file == table.file and other is not table for other in tables):
        message = Message("the table describes figures and holds none, and nothing is made of it")
        return Diagnostic("K707", message, table.place(), None, Severity.INFO)
    message = Message("the table has neither figures nor days of events, and nothing is made of it")
    return Diagnostic("K707", message, table.place(), None, Severity.WARNING)


def scored_without_naming(sources: Sequence[str], name: str) -> bool:
    """Return whether `kpi score FILE...` finds the system of a name by itself, in the folder it is called in."""
    try:
        return session.system_for(sources).system == name
    except KpiError:
        return False
