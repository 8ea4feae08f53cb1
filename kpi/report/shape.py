"""What a report reads: the shape of a scorecard, and the headings of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from kpi.errors import Message

#: The name and version of the shape, written into every machine-readable file.
SCHEMA = "kpi.scorecard/1"

#: The frames of a scorecard in their order, with the names of their sheets.
FRAMES = {
    "totals": Message("Totals"),
    "pillars": Message("Pillars"),
    "indicators": Message("Indicators"),
    "measures": Message("Reported figures"),
    "findings": Message("Checks"),
}

#: More frames, that a scorecard has only where there is something in them.
MORE = {
    "adjustments": Message("Adjustments"),
    "weights": Message("Weights"),
    "treated": Message("Treated"),
    "restated": Message("Revisions"),
    "quality": Message("Reporting quality"),
}

#: The headings of the columns of all frames. `entity` is headed by the system's own word (`entity_title`) instead.
HEADINGS = {
    "system": Message("System"),
    "period": Message("Period"),
    "cohort": Message("Cohort"),
    "entity": Message("Entity"),
    "pillar": Message("Pillar code"),
    "parent": Message("Parent pillar"),
    "indicator": Message("Indicator code"),
    "measure": Message("Measure code"),
    "title": Message("Title"),
    "score": Message("Score"),
    "raw_score": Message("Unrounded score"),
    "stars": Message("Stars"),
    "grade": Message("Grade"),
    "rank": Message("Rank"),
    "of": Message("Of"),
    "rank_change": Message("Rank change"),
    "score_change": Message("Score change"),
    "coverage": Message("Data coverage"),
    "veto": Message("Veto"),
    "status": Message("Status"),
    "weight": Message("Weight"),
    "points": Message("Points"),
    "kind": Message("Category"),
    "value": Message("Value"),
    "unit": Message("Unit of measure"),
    "target": Message("Target value"),
    "comparator": Message("Demand"),
    "attainment": Message("Attainment"),
    "schedule": Message("Schedule"),
    "light": Message("Light"),
    "reached": Message("Reached"),
    "score_status": Message("Score status"),
    "rows": Message("Source rows"),
    "code": Message("Code"),
    "severity": Message("Severity"),
    "message": Message("Note"),
    "file": Message("File"),
    "row": Message("Row"),
    "column": Message("Column"),
    "hint": Message("What to do"),
    "stands_for": Message("Count"),
    "node": Message("Parent code"),
    "part": Message("Part code"),
    "method": Message("Weighting method"),
    "effective": Message("Weight in the total"),
    "consistency_ratio": Message("Consistency ratio"),
    "step": Message("Step"),
    "before": Message("Before treatment"),
    "after": Message("After treatment"),
    "treatment": Message("Treatment"),
    "revision": Message("Revision"),
    "new_revision": Message("New revision"),
    "department": Message("Department"),
    "expected": Message("Figures expected"),
    "reported": Message("Figures reported"),
    "dated": Message("Dated"),
    "on_time": Message("On time"),
    "sound": Message("Sound"),
    "completeness": Message("Coverage"),
    "timeliness": Message("Timeliness"),
    "accuracy": Message("Accuracy"),
    "quality": Message("Quality score"),
}


class Results(Protocol):
    """The part of a scorecard that reports read: what was evaluated, and five tidy frames."""

    @property
    def system(self) -> str:
        """The id of the system."""

    @property
    def title(self) -> str:
        """The name of the system."""

    @property
    def definition_hash(self) -> str:
        """The fingerprint of the definitions."""

    @property
    def data_hash(self) -> str:
        """The fingerprint of the data."""

    @property
    def decimals(self) -> int:
        """How many decimals scores are rounded to."""

    @property
    def full(self) -> float:
        """The full mark."""

    @property
    def entity_title(self) -> str:
        """What the entities are called together, 县(市、区)."""

    @property
    def periods(self) -> Sequence[str]:
        """The labels of the periods, earliest first."""

    @property
    def totals(self) -> pl.DataFrame:
        """One row an entity and period: score, stars, rank."""

    @property
    def pillars(self) -> pl.DataFrame:
        """One row an entity, period and pillar."""

    @property
    def indicators(self) -> pl.DataFrame:
        """One row an entity, period and indicator."""

    @property
    def measures(self) -> pl.DataFrame:
        """One row an entity, period and measure."""

    @property
    def findings(self) -> pl.DataFrame:
        """One row a finding."""


def frames(scorecard: Results, /) -> dict[str, pl.DataFrame]:
    """Returns the frames of a scorecard by name, in order, enumerations as plain text for other programs.

    The five of every scorecard, then those of `MORE` that it has (its `extras`).
    """
    found = {name: getattr(scorecard, name) for name in FRAMES} | getattr(scorecard, "extras", {})
    return {name: plain(frame) for name, frame in found.items()}


def plain(frame: pl.DataFrame, /) -> pl.DataFrame:
    """Returns a frame with its enumerations as plain text, for other programs."""
    return frame.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
