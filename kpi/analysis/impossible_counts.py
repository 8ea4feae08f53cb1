"""The findings about figures of which no confidence limits can be: more events than cases, or a count below zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.indicators.windows import span_words
from kpi.language.small_numbers import ErrorOf, limited, shrunk
from kpi.language.system import System


def impossible_counts(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each unit and period whose figures a sampling error cannot be computed from (K672).

    Args:
        system: that was scored.
        frame: the result of its plan.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    errors = {name: error for name, (_, error) in limited(system).items()}
    for name, error in (shrunk(system) | errors).items():
        wrong = pl.col(name).is_not_null() & ~error.possible() & pl.col("period").is_in(list(labels))
        columns = list(dict.fromkeys(("entity", "period", *error.read)))
        for row in frame.filter(wrong).select(columns).iter_rows(named=True):
            place = Place(entity=entities[row["entity"]], period=labels[row["period"]])
            message, hint = _words(system, error, row)
            yield Diagnostic("K672", message, place, hint, Severity.WARNING)


def _words(system: System, error: ErrorOf, row: Mapping[str, float]) -> tuple[Message, Message]:
    """Return what is wrong with the figures of a unit, and what to do."""
    hint = Message("check the figures")
    below = next((used for used in error.read if row[used] < 0), None)
    title = system.symbols[error.name].title
    titles = _titles(system, error)
    if below is not None:
        message = Message(
            "{indicator} has no limits here and does not count in its group: {figure} is {value:,.10g}, below zero",
            indicator=title, figure=titles[below], value=row[below],
        )  # fmt: skip
        return message, hint
    above, under = error.read
    message = Message(
        "{indicator} has no limits here and does not count in its group: {events} is {number:,.10g}, more than {cases} "
        "with {all:,.10g}, and a part is never more than all",
        indicator=title, events=titles[above], number=row[above], cases=titles[under], all=row[under],
    )  # fmt: skip
    hint = Message("check the figures; for a rate of events per case, which may be above 1, write `method: byar`")
    return message, hint


def _titles(system: System, error: ErrorOf) -> dict[str, str]:
    """Return the titles of the figures that an error is computed from; those of sums name their window."""
    measures = error.counts.measures if error.counts is not None else ()
    if not measures:
        return {used: system.symbols[used].title for used in error.read}
    window = span_words(getattr(system.indicators[error.name], "pool", "") or "")
    return {
        used: Message("{title} over {window}", title=system.symbols[measure].title, window=window)
        for used, measure in zip(error.read, measures, strict=True)
    }
