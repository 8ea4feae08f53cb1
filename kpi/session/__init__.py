"""Scoring from end to end, from files and a system to a scorecard: the functions behind `kpi score` and services."""

from __future__ import annotations

from kpi.session.asked_periods import label_of, longer_period, period_of_form
from kpi.session.checking import Checked, check, checked, examine_all
from kpi.session.scoring import audit, score, score_panel, stress
from kpi.session.systems import fits, system_for

__all__ = [
    "Checked", "audit", "check", "checked", "examine_all", "fits", "label_of", "longer_period", "period_of_form",
    "score", "score_panel", "stress", "system_for",
]  # fmt: skip
