"""Marks by the efficacy coefficient (功效系数法), between the worst and the best of the units compared."""

from __future__ import annotations

from typing import Any

from kpi.errors import Message
from kpi.intake.annexes.phrases import Efficacy, Limit
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.texts import number


def by_efficacy(row: Row) -> Scoring | None:
    """Return marks by the efficacy coefficient, with the numbers of the text or the usual 60 + 40."""
    clauses = row.of(Efficacy)
    if len(clauses) != 1 or not row.only(Efficacy, Limit):
        return None
    score: dict[str, Any] = {"kind": "efficacy"}
    if clauses[0].base is None:
        score |= {"base": 60, "span": 40, "ours": ["base", "span"]}
        row.guess(Message("60 + 40, the usual numbers of the method, as the annex has none"))
    else:
        score |= {"base": number(clauses[0].base), "span": number(clauses[0].span)}
    row.guess(Message("best and worst are those of the units compared"))
    return Scoring("value", row.text_of(row.figure_unit()), None, score, row.direction())
