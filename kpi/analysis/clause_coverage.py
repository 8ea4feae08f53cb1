"""Coverage (条款对照): which indicators stand for which clause of the document, nothing missing and nothing invented.

The table `coverage/SYSTEM.csv` beside a definition has the columns clause and indicator, one row for each thing that a
clause asks for, in the order of the document. It is made from the document, not from the definition: where they differ,
one of the two is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kpi.errors import DefinitionError, Diagnostic, Message, Place, statements
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW
from kpi.language.system import System


@dataclass(frozen=True)
class Covered:
    """One thing that a clause asks for.

    `state` is scored (计分), unscored (不计分, there without a number or without weight), missing (only the table has
    it) or invented (only the definition has it).
    """

    clause: str
    indicator: str
    title: str
    target: str
    basis: str
    state: str


def clauses(text: str | None) -> tuple[str, ...]:
    """Return the clauses that an indicator stands for.

    >>> clauses("一(二)3;三(三)1")
    ('一(二)3', '三(三)1')
    """
    return tuple(clause.strip() for clause in (text or "").split(";") if clause.strip())


def coverage(system: System) -> list[Covered]:
    """Return the document clause by clause, in its order; what the definition adds to it comes last.

    Raises:
        DefinitionError: when there is no table for the system, or it has not the columns clause and indicator.
    """
    stated = {
        (clause, name): None for name, indicator in system.indicators.items() for clause in clauses(indicator.clause)
    }
    expected = dict.fromkeys(_table(system))
    return [_covered(system, clause, name, expected, stated) for clause, name in {**expected, **stated}]


def problems(system: System) -> Iterator[Diagnostic]:
    """Yield a finding for each thing that is missing and each that is invented."""
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
