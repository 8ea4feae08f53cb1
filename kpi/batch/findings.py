"""The findings of a night as a table: of files and explanations, of all data, of each period; and what stays of others.

A night scores some periods, a check of it all of them at once, and both must find the same. So what is about no period
of its own, such as a check for which the data hold nothing, is told of all periods, never of those that were scored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import polars as pl

from kpi.analysis.check_findings import lacking
from kpi.batch.store.base import Store, prepared
from kpi.engine.scorecard import Scorecard
from kpi.errors import Diagnostic, Severity
from kpi.intake.query_answers import Explanations
from kpi.language.system import System

#: Findings about figures, which belong to a period; the others belong to the files that were read.
_OF_FIGURES = "K7"

_TEXTS = ("code", "severity", "message", "file", "sheet", "row", "column", "entity", "period", "hint")


def found(
    system: System, of_files: Iterable[Diagnostic], *, said: Explanations, holds: Callable[[str], bool],
    cards: Collection[Scorecard], stay: pl.DataFrame | None = None,
) -> list[Diagnostic]:  # fmt: skip
    """Returns the findings of files, of explanations, of all data and of the periods that scorecards show.

    Args:
        system: gives the checks.
        of_files: what reading the files found.
        said: the explanations; those of no finding are findings themselves.
        holds: whether a column of the panel has a value in any period.
        cards: what was scored.
        stay: the findings of the other periods.
    """
    some = [*of_files, *said.findings, *lacking(system, holds)]
    for card in cards:
        shown = set(card.periods)
        some += [one for one in card.findings_list if one.place.period in shown]
    return [*some, *_unused(said, some, stay)]


def _unused(said: Explanations, some: Iterable[Diagnostic], stay: pl.DataFrame | None) -> Iterator[Diagnostic]:
    """Findings for the answers to nothing that was found: an answer is used where it follows the words it answers."""
    if not said.places:
        return
    there: dict[tuple[str, str], list[str]] = {}
    for one in some:
        there.setdefault((one.place.entity or "", one.place.period or ""), []).append(one.message)
    for who, period, message in () if stay is None else stay.select("entity", "period", "message").rows():
        there.setdefault((who or "", period or ""), []).append(message)
    used = {
        (who, period, words)
        for who, period, words in said.places
        if any(message.startswith(f"{words}；说明：") for message in there.get((who, period), ()))
    }
    yield from said.unused(used)


def kept(store: Store, system: str, gone: Collection[str]) -> pl.DataFrame | None:
    """Returns the findings about figures of the periods that stay as they are, None when there are none at all."""
    there = store.read("findings", system=system)
    if not there.height:
        return None
    stays = pl.col("code").str.starts_with(_OF_FIGURES) & ~pl.col("period").is_in(list(gone))
    return there.filter(stays)


def table(some: Iterable[Diagnostic], system: str, stay: pl.DataFrame | None = None) -> pl.DataFrame:
    """Returns findings as stores keep them, with those that stay, in an order of their own."""
    frame = pl.DataFrame(
        [
            (
                one.code, str(one.severity), one.message, one.place.file, one.place.sheet, one.place.row,
                one.place.field, one.place.entity, one.place.period, one.hint,
            )
            for one in some
        ],
        schema={name: pl.Int64 if name == "row" else pl.String for name in _TEXTS}, orient="row",
    )  # fmt: skip
    if stay is not None and stay.height:
        frame = pl.concat([frame, stay.select(frame.columns)])
    order = {str(severity): place for place, severity in enumerate(Severity)}
    rank = pl.col("severity").replace_strict(order, return_dtype=pl.Int64)
    return prepared(frame.sort(rank, pl.all(), nulls_last=True, maintain_order=True), system)
