"""A scoring rule: an S curve."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kpi.extend import Case, Message, Rule, Scored


class Logistic(Rule):
    """Percent on an S curve: `100 / (1 + exp(-(x - middle) / width))`; lower is better: mirrored."""

    kind: Literal["logistic"] = "logistic"
    middle: float = Field(description="the value that gets half of full marks, in the unit of the indicator")
    width: float = Field(gt=0, description="how far from the middle 73 % of full marks are")

    def score(self, case: Case) -> Scored:
        """Return the score; it is between 0 and 100 by itself."""
        distance = (case.value - self.middle) / self.width
        exponent = -distance if case.higher else distance
        return Scored(100 / (1 + exponent.exp()), sound=False)

    def words(self) -> Message:
        """Return the rule in words."""
        return Message("on an S curve, 50 % at {middle:g}", middle=self.middle)
