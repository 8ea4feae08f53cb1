"""A survey of one table: how it lies, which figures it has in which units, and what had to be guessed for that.

Unlike `kpi.intake.shapes.recognition`, which knows the measures of a system and takes a table only where one reading is
possible, a survey has no measures to start from and takes the likeliest reading. What it says is tried by scoring
(`kpi.drafting.draft`), so the readers have the last word.

`subject` is the table with the roles of its columns, `notes` what is declared and guessed of it. `headings` and `spans`
read its periods, `entities` its units, `figures` what it has figures of; these make up a `reading`. A module for each
shape makes a survey of a reading: `across`, `labelled`, `events` and `rows`, of which `choice` takes the first that
fits. `joining` compares the surveys of several tables.
"""

from __future__ import annotations

from kpi.drafting.survey.choice import is_description, survey, unread_periods
from kpi.drafting.survey.joining import of_units
from kpi.drafting.survey.notes import Guess
from kpi.drafting.survey.result import Figure, Survey
from kpi.drafting.survey.subject import UNNAMED

__all__ = ["UNNAMED", "Figure", "Guess", "Survey", "is_description", "of_units", "survey", "unread_periods"]
