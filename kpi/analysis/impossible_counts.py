"""The findings about figures of which no confidence limits can be: more events than cases, or a count below zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.named_figures import MOST_NAMED, named_figures, periods_named
from kpi.language.indicators.windows import span_words
from kpi.language.small_numbers import ErrorOf, limited, shrunk
from kpi.language.system import System


def impossible_counts(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each indicator and period with figures that a sampling error cannot be computed from (K672).

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
        rows = frame.filter(wrong).select(columns)
        if not rows.height:
            continue
        periods = rows.sort("period", "entity").partition_by("period", maintain_order=True)
        named = periods_named(len(periods))
        for mine in periods[:named]:
            yield _finding(system, error, mine, entities, labels[mine["period"][0]])
        if more := periods[named:]:
            first, last = (labels[mine["period"][0]] for mine in (more[0], more[-1]))
            yield _further(system, error, sum(mine.height for mine in more), first, last)


def _finding(system: System, error: ErrorOf, rows: pl.DataFrame, entities: Sequence[str], label: str) -> Diagnostic:
    """Return the finding about the figures of one indicator and period; with disclosure rules it has none of them."""
    quoted = system.disclosure is None
    first = [*rows.head(MOST_NAMED).iter_rows(named=True)]
    units = [entities[row["entity"]] for row in first]
    if rows.height == 1 and quoted:
        message, hint = _words(system, error, first[0])
    else:
        figures = zip(units, (_figures(system, error, row) for row in first), strict=True)
        message = Message(
            "{indicator} has no limits in these units, which do not count in their groups, as there can be no such "
            "figures: {figures}",
            indicator=system.symbols[error.name].title, figures=named_figures(figures, rows.height, quoted=quoted),
        )  # fmt: skip
        hint = _hint(error)
    place = Place(entity=units[0] if rows.height == 1 else None, period=label)
    return Diagnostic("K672", message, place, hint, Severity.WARNING, stands_for=rows.height)


def _further(system: System, error: ErrorOf, number: int, first: str, last: str) -> Diagnostic:
    """Return the finding about the figures of one indicator in periods beyond those with findings of their own."""
    title = system.symbols[error.name].title
    message = Message(
        "{indicator} has no limits for {figures:,} more figures, of {first} to {last}, as there can be no such figures",
        indicator=title, figures=number, first=first, last=last,
    )  # fmt: skip
    return Diagnostic("K672", message, Place(field=title), _hint(error), Severity.WARNING, stands_for=number)


def _hint(error: ErrorOf) -> Message:
    if error.is_proportion:
        return Message("check the figures; for a rate of events per case, which may be above 1, write `method: byar`")
    return Message("check the figures")


def _words(system: System, error: ErrorOf, row: Mapping[str, float]) -> tuple[Message, Message]:
    """Return what is wrong with the figures of a unit, and what to do."""
    below = _below(error, row)
    title = system.symbols[error.name].title
    titles = _titles(system, error)
    if below is not None:
        message = Message(
            "{indicator} has no limits here and does not count in its group: {figure} is {value:,.10g}, below zero",
            indicator=title, figure=titles[below], value=row[below],
        )  # fmt: skip
        return message, Message("check the figures")
    above, under = error.read
    message = Message(
        "{indicator} has no limits here and does not count in its group: {events} is {number:,.10g}, more than {cases} "
        "with {all:,.10g}, and a part is never more than all",
        indicator=title, events=titles[above], number=row[above], cases=titles[under], all=row[under],
    )  # fmt: skip
    return message, _hint(error)


def _figures(system: System, error: ErrorOf, row: Mapping[str, float]) -> Message:
    """Return the figures of one of many units that are wrong."""
    titles = _titles(system, error)
    if (below := _below(error, row)) is not None:
        return Message("{figure} is {value:,.10g}, below zero", figure=titles[below], value=row[below])
    above, under = error.read
    return Message(
        "{events} is {number:,.10g}, more than {cases} with {all:,.10g}",
        events=titles[above], number=row[above], cases=titles[under], all=row[under],
    )  # fmt: skip


def _below(error: ErrorOf, row: Mapping[str, float]) -> str | None:
    return next((used for used in error.read if row[used] < 0), None)


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
