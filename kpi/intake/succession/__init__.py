"""Succession of units (区划调整): figures before a merger or split are brought to the areas of today.

A table says which unit goes into which from when: the columns old, new, date and share. Steps are taken in the order of
their dates, each for the periods before its own: the figures of old units are added to those of the new one, divided by
shares where a unit is split. What does not add up stays as the new unit reported it, and its series breaks.

An area goes where the rows of its unit say; without a row of its own among the old units, a unit that has figures
before the date keeps its area, too. The rules are ours: they bring figures to one area, as comparisons over time need.
"""

from __future__ import annotations

from kpi.intake.succession.areas import Areas, Inflow, adds_up
from kpi.intake.succession.steps import Step, Succession
from kpi.intake.succession.tables import examined, succession_of

__all__ = ["Areas", "Inflow", "Step", "Succession", "adds_up", "examined", "succession_of"]
