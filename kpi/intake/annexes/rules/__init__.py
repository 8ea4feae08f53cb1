"""From the clauses of a scoring rule to a scoring kind of the language, and the figure that it is about.

Marks of the annex become percent of the full marks M of their row. Where a text leaves something open, the choice is
among the guesses of the result. A combination of clauses that is none of those below is not understood, and a rule that
is not understood in full is not used at all: then the figure is the marks themselves, as the assessors give them.

`row` has the terms of a row, and a module for each way of scoring reads them: `places`, `efficacy`, `line`,
`proportion`, `steps`, `counts`, `bands`, `passing`, `no_rule` and `awards`. `choice` lists them in the order in which
they are tried.
"""

from __future__ import annotations

from kpi.intake.annexes.rules.awards import award_limits, awarded
from kpi.intake.annexes.rules.choice import scoring_of
from kpi.intake.annexes.rules.names import falling
from kpi.intake.annexes.rules.scoring import Count, Figure, Scoring, addable

__all__ = ["Count", "Figure", "Scoring", "addable", "award_limits", "awarded", "falling", "scoring_of"]
