"""Coverage (条款对照): which indicators implement which clause of the document, and what is missing or invented.

The table `coverage/SYSTEM.csv` beside a definition has the columns clause and indicator, one row per requirement of a
clause, in the order of the document. It is written from the document, not from the definition: where they differ, one
of the two is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from kpi.errors import DefinitionError, Diagnostic, Message, Place, statements
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW
from kpi.language.system import System


class Covered(Struct, frozen=True):
    """One requirement of a clause.

    `state` is scored (计分), unscored (不计分: present without a number or without weight), missing (only in the table)
    or invented (only in the definition).
    """

    clause: str
    indicator: str
    title: str
    target: str
    basis: str
    state: str


def clauses(text: str | None) -> tuple[str, ...]:
    """Return the clauses that an indicator implements.

    >>> clauses("一(二)3;三(三)1")
    ('一(二)3', '三(三)1')
    """
    return tuple(clause.strip() for clause in (text or "").split(";") if clause.strip())


def coverage(system: System) -> list[Covered]:
    """Return the requirements clause by clause, in the order of the document; additions of the definition are last.

    Raises:
        DefinitionError: if the system has no table, or the table lacks the columns clause and indicator.
    """
    stated = {
        (clause, name): None for name, indicator in system.indicators.items() for clause in clauses(indicator.clause)
    }
    expected = dict.fromkeys(_table(system))
    return [_covered(system, clause, name, expected, stated) for clause, name in {**expected, **stated}]


def problems(system: System) -> Iterator[Diagnostic]:
    """Yield a finding for each missing and each invented requirement."""
    for row in coverage(system):
        if row.state == "missing":
            yield Diagnostic(
                "K440",
                Message(
                    "no indicator `{indicator}` stands for clause {clause}", indicator=row.indicator, clause=row.clause
                ),
            )
        elif row.state == "invented":
            hint = Message("correct `clause:`, or add it to the table if the document has it")
            yield Diagnostic(
                "K441",
                Message(
                    "`{indicator}` names clause {clause}, which has no such row",
                    indicator=row.indicator,
                    clause=row.clause,
                ),
                hint=hint,
            )


def _covered(
    system: System, clause: str, name: str, expected: dict[tuple[str, str], None], stated: dict[tuple[str, str], None]
) -> Covered:
    indicator = system.indicators.get(name)
    if (clause, name) not in stated or indicator is None:
        return Covered(clause, name, "" if indicator is None else indicator.title or name, "", "", "missing")
    unit = system.symbols[name].unit
    target = statements(target_of.words("" if unit is None else unit) for target_of in indicator.target)
    state = "scored" if name in system.parents else "unscored"
    shown = state if (clause, name) in expected else "invented"
    return Covered(clause, name, indicator.title or name, target, indicator.basis or "", shown)


def _table(system: System) -> list[tuple[str, str]]:
    path = system.home / "coverage" / f"{system.system}.csv"
    if not path.is_file():
        hint = Message("write {path} with the columns clause, indicator", path=path)
        raise DefinitionError(
            Diagnostic("K442", Message("there is no table of clauses for {system}", system=system.system), hint=hint)
        )
    table = read(path)[0]
    if not {"clause", "indicator"} <= set(table.columns):
        message = Message("the table of clauses needs the columns clause, indicator")
        raise DefinitionError(Diagnostic("K442", message, Place(str(path))))
    frame = table.numbered().collect().sort(ROW)
    return [(clause, name) for clause, name in frame.select("clause", "indicator").rows() if clause and name]
