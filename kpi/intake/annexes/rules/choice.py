"""The way of scoring that the clauses of a row state: the first of all ways that has every clause."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from msgspec.structs import replace

from kpi.intake.annexes.phrases import Nothing, Part, Vetoed, read_rule
from kpi.intake.annexes.rules.awards import awarded, by_judgement, with_award_limits
from kpi.intake.annexes.rules.bands import by_bands
from kpi.intake.annexes.rules.counts import by_counts, by_grants
from kpi.intake.annexes.rules.efficacy import by_efficacy
from kpi.intake.annexes.rules.line import by_line
from kpi.intake.annexes.rules.no_rule import without_rule
from kpi.intake.annexes.rules.passing import by_passing
from kpi.intake.annexes.rules.places import by_places
from kpi.intake.annexes.rules.proportion import by_proportion
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.rules.steps import by_steps
from kpi.intake.annexes.targets import StatedTarget, change_of
from kpi.values.units import Unit

#: All ways of scoring, in the order in which they are tried. Each returns None for clauses of another way.
WAYS: tuple[Callable[[Row], Scoring | None], ...] = (
    without_rule,
    by_judgement,
    by_places,
    by_efficacy,
    by_line,
    by_proportion,
    by_steps,
    by_counts,
    by_grants,
    by_bands,
    by_passing,
)


def scoring_of(
    text: str, marks: Fraction, stated_target: StatedTarget | None = None, *, unit: Unit | None = None, name: str = ""
) -> Scoring:
    """Return what a row is scored by.

    Args:
        text: its rule; empty where the annex has none.
        marks: its full marks.
        stated_target: its target.
        unit: the unit of its figure, where a column says it.
        name: its name.

    >>> from kpi.intake.annexes.targets import stated_target_of
    >>> scoring_of("每低1个百分点扣0.5分，扣完为止", Fraction(10), stated_target_of("≥95%")).score
    {'kind': 'deduction', 'points': 5, 'per': 1, 'steps': 'whole', 'ours': ['steps']}
    >>> scoring_of("居民认可", Fraction(10)).unread
    ('居民认可',)
    """
    parts, unread = read_rule(text)
    if unread:
        scoring = awarded(marks, unread=unread)
    else:
        row = Row([part for part in parts if not isinstance(part, Nothing | Vetoed)], marks, stated_target, unit, name)
        stated = _scoring(row, parts)
        scoring = awarded(marks, unread=(text,)) if stated is None else stated
    return with_award_limits(scoring, text, marks) if scoring.figure == "marks" else scoring


def _scoring(row: Row, parts: Sequence[Part]) -> Scoring | None:
    """Return the scoring that all clauses of a rule state, None where they make no known rule."""
    stated = [part.marks for part in parts if isinstance(part, Nothing) and part.marks is not None]
    if any(not math.isclose(marks, float(row.marks)) for marks in stated) or row.exceeded() or row.contradicts():
        return None
    scoring = next((scoring for way in WAYS if (scoring := way(row)) is not None), None)
    vetoes = [part for part in parts if isinstance(part, Vetoed)]
    if scoring is None or row.unused_limits() or (vetoes and scoring.target is None and not scoring.counts):
        return None
    changes = row.changes()
    if len({change_of(words) for words in changes}) > 1 or any(mark > 100 for mark in _cuts(scoring)):
        return None
    if scoring.figure == "value" and changes:
        scoring = replace(scoring, change=changes[0])
    return replace(scoring, veto=vetoes[0] if vetoes else None, guesses=tuple(row.guesses))


def _cuts(scoring: Scoring) -> dict[float, object]:
    """Return the bands of a scoring by their percent of marks, none of any other kind."""
    cuts: dict[float, object] = (scoring.score or {}).get("cuts", {})
    return cuts
