"""The plan by which the files of a call are read, as a value, and the loop that reads until a plan is sufficient.

Reading begins with the least that is likely to do: only the rows that a period can depend on, large text files without
a look at their rows beforehand, only the columns that are needed. A reading that finds this insufficient does not
repair anything: it returns `Escalate` with the plan that does more, and its results are discarded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar, overload

from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Diagnostic
from kpi.intake.files.sources import Source
from kpi.intake.matching.datasets import Placed

T = TypeVar("T")

#: When the rows of large text files are checked: while they are read, or all of them before.
Verification = Literal["deferred", "beforehand"]


class Pruning(Protocol):
    """One reading of the rows that a period can depend on, see `kpi.intake.reported.row_pruning`."""

    passed_over: int
    by_end: bool

    def of(self, source: Placed) -> Placed:
        """Return a table with the rows that are read."""

    def insufficient(self, plan: ReadPlan, first: int, last: int) -> Escalate | None:
        """Return the escalation to more rows, None where those that were read are enough."""


class Columns(Struct, frozen=True):
    """How the columns of one table are read.

    Attributes:
        complete: all of them, rather than those that are needed: if only the others show whether a row is blank.
        many_texts: with more than 65,535 distinct texts in a column.
        unclear: those in which decimal commas were seen that are not declared (see `kpi.intake.matching.notation`).
    """

    complete: bool = False
    many_texts: bool = False
    unclear: frozenset[str] = frozenset()


class ReadPlan(Struct, frozen=True):
    """How the files of a call are read; what they give is the same by every plan that is sufficient.

    Attributes:
        files: files and frames, each with the dataset that the caller names.
        damaged: the findings about files that are left out, as they cannot be read completely.
        rows: makes the pruning of rows, for each reading anew; None reads all rows.
        verification: when the rows of large text files are checked.
        columns: how those of the table at hand are read.
        regions: names that are left out, as they are regions beside other units (see `kpi.intake.regions`).
    """

    files: tuple[tuple[Source, str | None], ...] = ()
    damaged: tuple[Diagnostic, ...] = ()
    rows: Callable[[], Pruning] | None = None
    verification: Verification = "deferred"
    columns: Columns = Columns()
    regions: frozenset[str] = frozenset()

    def with_rows(self, rows: Callable[[], Pruning] | None) -> Escalate:
        """Return the escalation to reading other rows, those of all periods for None."""
        return Escalate(replace(self, rows=rows), reopen=True)

    def verified(self) -> Escalate:
        """Return the escalation to checking the rows of large text files beforehand."""
        return Escalate(replace(self, verification="beforehand"), reopen=True)

    def without_regions(self, regions: frozenset[str]) -> Escalate:
        """Return the escalation to leaving out more names, `folded`."""
        return Escalate(replace(self, regions=self.regions | regions), reopen=True)

    def with_columns(self, columns: Columns) -> Escalate:
        """Return the escalation to reading the columns of the table at hand otherwise."""
        return Escalate(replace(self, columns=columns), reopen=False)


class Escalate(Struct, frozen=True):
    """The answer of a reading whose plan is not sufficient: the plan to read with instead.

    Attributes:
        plan: the plan that does more.
        reopen: whether all files are opened anew, rather than the table at hand read anew.
    """

    plan: ReadPlan
    reopen: bool


@overload
def settled(read: Callable[[ReadPlan], T | Escalate], plan: ReadPlan, *, reopen: Literal[True]) -> T: ...
@overload
def settled(read: Callable[[ReadPlan], T | Escalate], plan: ReadPlan, *, reopen: Literal[False]) -> T | Escalate: ...
def settled(read: Callable[[ReadPlan], T | Escalate], plan: ReadPlan, *, reopen: bool) -> T | Escalate:
    """Read by a plan, and by each plan that this escalates to, until one is sufficient.

    Args:
        read: reads by a plan.
        plan: the first.
        reopen: whether `read` opens files. Where it reads one open table, a plan that opens files anew is returned.
    """
    result = read(plan)
    while isinstance(result, Escalate) and (reopen or not result.reopen):
        result = read(result.plan)
    return result
