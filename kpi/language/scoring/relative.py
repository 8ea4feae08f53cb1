"""Rules that judge a value by its distance from its peers: the entities of the same cohort.

The peers are those of the same period, with `among: period` of all cohorts, with `among: panel` of all periods, so
that years can be compared; then a new period moves the scores of the old ones.
"""

import math
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import AfterValidator, Field

from kpi.errors import Message
from kpi.language.lookback import Lags, among
from kpi.language.model import PEERS, Among, Listed, Path
from kpi.language.quantities import Quantity
from kpi.language.scoring.rule import AgainstTarget, Case, Rule, Scored
from kpi.values.rounding import HAIR, compare, differ
from kpi.values.status import literal


def _rising(scale: tuple[float, ...]) -> tuple[float, ...]:
    if len(scale) != 2 or scale[0] >= scale[1]:
        raise ValueError(Message("a scale is a pair of the worst and the best score, such as [0, 100]"))
    return scale


#: The scores of the worst and of the best: `[0, 100]`.
Scale = Annotated[Listed[float], AfterValidator(_rising)]


def stretched(position: pl.Expr, scale: tuple[float, ...]) -> pl.Expr:
    """Return a position between 0 and 1 as a score on a scale."""
    low, high = scale
    return position * (high - low) if low == 0 else low + (high - low) * position


def _position(case: Case, worst: pl.Expr | None = None, best: pl.Expr | None = None) -> pl.Expr:
    """Where a value lies between worst (0) and best (1), by default of the peers; 1 where the two are the same."""
    low, high = case.worst() if worst is None else worst, case.best() if best is None else best
    apart = case.apart() if worst is None and best is None else differ(high, low)
    way = (case.value - low) / (high - low) if case.higher else (low - case.value) / (low - high)
    return pl.when(~apart).then(literal(1.0)).otherwise(way)


class Relative(Rule):
    """The base of rules that compare with peers."""

    relative: ClassVar[bool] = True
    among: Among = Field("cohort", description="peers: the cohort, all of the period, or the cohort over all periods")

    @property
    def peers(self) -> tuple[str, ...]:
        """The columns that distinguish peers from others."""
        return PEERS[self.among]

    @property
    def lookback(self) -> Lags:
        """The lags at which the values of peers enter the score."""
        return among(self.among)


class Efficacy(Relative):
    """功效系数: `base + span (x - xs)/(xh - xs)` between 不允许值 xs and 满意值 xh, by default worst and best.

    Exponential: `base exp(ln((base+span)/base) (x - xs)/(xh - xs))`. Not clipped (a value below xs gets less than the
    base) unless `floor` and `cap` say so. All get base + span where best and worst are the same, and a single one does.

    Source: 功效系数法 of 综合评价 textbooks (60 + 40); 临沂 2012 县域考核; 旌德 (20 + 80).

    >>> frame = pl.DataFrame({"x": [5.81]})
    >>> rule = Efficacy(unacceptable=6.0, satisfactory=12.0)
    >>> round(frame.select(rule.score(Case.plain(pl.col("x"))).score).item(), 2)
    58.73
    """

    kind: Literal["efficacy"] = "efficacy"
    floor: float | None = Field(None, description="the least percent of full marks; null for none")
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    base: float = Field(60, gt=0, description="the score at the unacceptable value")
    span: float = Field(40, gt=0, description="what is added up to the satisfactory value")
    satisfactory: Quantity | None = Field(None, description="满意值; left out: the best of the peers")
    unacceptable: Quantity | None = Field(None, description="不允许值; left out: the worst of the peers")
    exponential: bool = Field(False, description="exponential instead of linear between the two")

    def score(self, case: Case) -> Scored:
        """Return base and span by position."""
        best, worst = case.quantity(self.satisfactory), case.quantity(self.unacceptable)
        position = _position(case, worst, best)
        if self.exponential:
            return Scored(self.base * (math.log((self.base + self.span) / self.base) * position).exp())
        return Scored(self.base + self.span * position)

    def words(self) -> Message:
        """Return the rule in words."""
        position = Message("(actual − unacceptable) ÷ (satisfactory − unacceptable)")
        if self.exponential:
            return Message(
                "exponential efficacy coefficient: {base:g} + {span:g} × {position}",
                base=self.base,
                span=self.span,
                position=position,
            )
        return Message(
            "efficacy coefficient: {base:g} + {span:g} × {position}", base=self.base, span=self.span, position=position
        )

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the two standards."""
        return {("satisfactory",): self.satisfactory, ("unacceptable",): self.unacceptable}


class MinMax(Relative):
    """Position between the worst and the best of the peers: `low + (high - low) (x - worst)/(best - worst)`.

    Where all peers are equal everyone gets `constant`, by default the middle of the scale; so does a single one.

    Source: OECD/JRC Handbook on Constructing Composite Indicators (2008), 5.2; 极差标准化.

    >>> frame = pl.DataFrame({"x": [2.0, 3.0, 6.0]})
    >>> frame.select(MinMax().score(Case.plain(pl.col("x"))).score).to_series().to_list()
    [0.0, 25.0, 100.0]
    """

    kind: Literal["minmax"] = "minmax"
    scale: Scale = Field((0.0, 100.0), description="the range of scores")
    constant: float | None = Field(None, description="the score where all are equal; left out: the middle")

    def score(self, case: Case) -> Scored:
        """Return the position on the scale."""
        low, high = self.scale
        same = 0.5 if self.constant is None else (self.constant - low) / (high - low)
        worst, best = case.worst(), case.best()
        # Nobody is better than the best or worse than the worst: only what is put for equals may leave the scale.
        # Lower is better: from the worst down, so that nothing of the way is zero and not minus zero.
        way = (case.value - worst) / (best - worst) if case.higher else (worst - case.value) / (worst - best)
        # Without a value there is no way either, so that one condition decides.
        position = pl.when(case.apart() | case.value.is_null()).then(way).otherwise(literal(same))
        inside = low == 0 and 0 <= same <= 1 and self.floor == 0 and self.cap is not None and high <= self.cap
        return Scored(stretched(position, self.scale), sound=True, within=inside)

    def words(self) -> Message:
        """Return the rule in words."""
        low, high = self.scale
        return Message("min-max: {low:g} % for the worst of the peers, {high:g} % for the best", low=low, high=high)


class ZScore(Relative):
    """Distance from the mean in standard deviations: `mean + sd (x - average)/s`, mirrored where lower is better.

    `s` is the sample standard deviation (n - 1). All get `mean` where all are equal, and a single one does. Not clipped
    unless `floor` and `cap` say so.

    Source: OECD/JRC Handbook (2008), 5.1; with mean 100 and sd 10 the first step of the Mazziotta-Pareto index.

    >>> frame = pl.DataFrame({"x": [1.0, 2.0, 3.0]})
    >>> frame.select(ZScore().score(Case.plain(pl.col("x"))).score).to_series().to_list()
    [40.0, 50.0, 60.0]
    """

    kind: Literal["zscore"] = "zscore"
    floor: float | None = Field(None, description="the least percent of full marks; null for none")
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    mean: float = Field(50, description="the score of the mean")
    sd: float = Field(10, gt=0, description="the points of one standard deviation")

    def score(self, case: Case) -> Scored:
        """Return the standardised value."""
        sign = 1 if case.higher else -1
        apart = case.value - case.among(case.value.mean(), "mean")
        # The deviation of equal numbers may come out as a few last bits instead of zero: compare the numbers.
        z = pl.when(case.apart()).then(apart / case.among(case.value.std(), "deviation")).otherwise(0.0)
        return Scored(self.mean + sign * self.sd * z)

    def words(self) -> Message:
        """Return the rule in words."""
        return Message(
            "z-scores: {mean:g} % for the mean of the peers, {sd:g} % for each standard deviation",
            mean=self.mean,
            sd=self.sd,
        )


class DistanceToBest(Relative):
    """Distance to the best of the peers: as a share of it, `x/best` (lower is better: `best/x`).

    With `by: range` the gap in the range of the peers, `1 - |best - x|/|best - worst|`, the same as min-max. The best
    get the top of the scale, so where all are equal, and for a single one, everyone does. A best value of zero or less
    leaves `by: ratio` without a result (out_of_range), unless lower is better and the value is itself the best.

    Source: OECD/JRC Handbook (2008), 5.3, distance to the group leader.

    >>> frame = pl.DataFrame({"x": [2.0, 3.0, 4.0]})
    >>> frame.select(DistanceToBest().score(Case.plain(pl.col("x"))).score).to_series().to_list()
    [50.0, 75.0, 100.0]
    """

    kind: Literal["distance_to_best"] = "distance_to_best"
    by: Literal["ratio", "range"] = Field("ratio", description="how distance is measured")
    scale: Scale = Field((0.0, 100.0), description="the range of scores")

    def score(self, case: Case) -> Scored:
        """Return the part of the way to the best."""
        best = case.best()
        if self.by == "range":
            return Scored(stretched(_position(case), self.scale))
        ratio = case.value / best if case.higher else best / case.value
        at_best = compare("eq", case.value, best, best.abs() * HAIR)
        position = pl.when(at_best).then(pl.lit(1.0)).otherwise(ratio)
        impossible = (best <= 0) & ~at_best if case.higher else case.value < 0
        return Scored(stretched(position, self.scale), {"out_of_range": impossible})

    def words(self) -> Message:
        """Return the rule in words."""
        if self.by == "ratio":
            return Message("by the ratio to the best of the peers")
        return Message("by the gap to the best of the peers as a part of their range")


class DistanceToTarget(Relative, AgainstTarget):
    """The part of the way from the worst of the peers to the target: `(x - worst)/(target - worst)`.

    Who has reached the target gets at least the top of the scale (more where `cap` allows), also where the target is
    no better than the worst. So where all are equal everyone gets the top if it is reached and the bottom if not.

    Source: OECD/JRC Handbook (2008), 5.3, with the worst performer as the origin.

    >>> frame = pl.DataFrame({"x": [2.0, 4.0, 9.0], "t": [6.0, 6.0, 6.0]})
    >>> case = Case.plain(pl.col("x"), target=pl.col("t"))
    >>> frame.select(s=DistanceToTarget(cap=None).score(case).score)["s"].to_list()
    [0.0, 50.0, 175.0]
    """

    kind: Literal["distance_to_target"] = "distance_to_target"
    relative: ClassVar[bool] = False
    scale: Scale = Field((0.0, 100.0), description="the range of scores")

    def score(self, case: Case) -> Scored:
        """Return the part of the way to the target."""
        worst = case.worst()
        further = case.target - worst if case.higher else worst - case.target
        come = case.value - worst if case.higher else worst - case.value
        position = pl.when(further > 0).then(come / further).otherwise(1.0)
        return Scored(stretched(position, self.scale))

    def words(self) -> Message:
        """Return the rule in words."""
        return Message("by the part of the way from the worst of the peers to the target")
