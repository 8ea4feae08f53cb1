"""The rule that judges a value by its distance from a reference unit, such as the whole city or the province."""

from typing import Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.model import Text
from kpi.language.scoring.relative import Relative
from kpi.language.scoring.rule import Case, Scored
from kpi.values.status import literal


class Reference(Relative):
    """Distance to a reference unit (标杆单位, 参照地区) in the same period: who is as good as it has 100.

    - `ratio`: `100 x/x_ref`, where lower is better `100 x_ref/x`; both must be above zero.
    - `range`: `100 (x - worst)/(x_ref - worst)`, the part of the way from the worst of the peers to the reference; 100
      where the reference is itself the worst.
    - `adjusted`: `100 + 60 (x - x_ref)/(greatest - least)`, mirrored where lower is better: 100 for the reference, and
      70 to 130 if it is in the middle. With the mean `mazziotta_pareto` this is the adjusted Mazziotta-Pareto index, to
      be compared over time with `among: panel`.

    Not clipped unless `floor` and `cap` say so. Where the unit has no value there is no score (no_baseline); its name
    must be that of a unit of the data or the roster.

    Source: OECD/JRC Handbook (2008), 5.3, distance to a reference; COINr (Becker et al. 2022), n_dist2ref, for `range`;
    Mazziotta and Pareto (2018) for `adjusted`.

    >>> frame = pl.DataFrame({"x": [2.0, 4.0, 10.0], "#unit 全市": [False, True, False]})
    >>> for by in ("ratio", "range", "adjusted"):
    ...     score = Reference(unit="全市", by=by).score(Case.plain(pl.col("x"))).score
    ...     print(by, frame.select(score.alias("s"))["s"].to_list())
    ratio [50.0, 100.0, 250.0]
    range [0.0, 100.0, 400.0]
    adjusted [85.0, 100.0, 145.0]
    """

    kind: Literal["reference"] = "reference"
    floor: float | None = Field(None, description="the least percent of full marks; null for none")
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    unit: Text = Field(min_length=1, description="the unit that the others are compared with, by name or code")
    by: Literal["ratio", "range", "adjusted"] = Field(description="how distance is measured")

    @property
    @override
    def units(self) -> tuple[str, ...]:
        """The reference unit."""
        return (self.unit,)

    @override
    def score(self, case: Case) -> Scored:
        """Return the distance in percent."""
        value, reference = case.value, case.of_unit(self.unit)
        guards = {"no_baseline": reference.is_null()}
        if self.by == "ratio":
            return Scored(
                (value / reference if case.higher else reference / value) * 100,
                guards | {
                    "zero_baseline": reference == 0, "negative_baseline": reference < 0,
                    "out_of_range": value < 0 if case.higher else value <= 0,
                },
            )  # fmt: skip
        if self.by == "range":
            worst = case.worst()
            further = reference - worst if case.higher else worst - reference
            come = value - worst if case.higher else worst - value
            return Scored(pl.when(further > 0).then(come / further * 100).otherwise(literal(100.0)), guards)
        ahead = value - reference if case.higher else reference - value
        span = case.greatest() - case.least()
        return Scored(pl.when(case.apart()).then(100 + 60 * ahead / span).otherwise(literal(100.0)), guards)

    @override
    def words(self) -> Message:
        """Return the rule in words."""
        if self.by == "ratio":
            return Message("by the ratio to {unit}, which has 100 %", unit=self.unit)
        if self.by == "range":
            return Message(
                "by the part of the way from the worst of the peers to {unit}, which has 100 %", unit=self.unit
            )
        return Message("100 % for {unit}, and 60 % for the range of the peers", unit=self.unit)
