"""Data treatment (数据处理): what is done to the values of indicators before they are scored.

Steps run in the order of the definition. They never touch an indicator's own value, which stays as reported: what is
scored is the column `name.treated`, and every cell that a step changed is on record (the frame `treated`).
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeAlias

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from kpi.errors import Message
from kpi.language.lookback import HISTORY, WHOLE, Lags, among
from kpi.language.model import PEERS, Among, Definition, Listed, Name, one_of
from kpi.language.sampling import AnySampling
from kpi.language.treatment.estimates import from_neighbours
from kpi.language.treatment.outliers import Gate, box_cox, is_mirrored, logarithm, winsorised
from kpi.values.columns import Column, Expressions
from kpi.values.linear import regressed
from kpi.values.status import OK, reason, status_of

Percent = Annotated[float, Field(ge=0, le=100)]


class Step(Definition):
    """The base of steps: which indicators, and the peers they look at."""

    #: Whether values stay in their unit.
    keeps_unit: ClassVar[bool] = True
    #: Whether it leaves entities out of scoring.
    screens: ClassVar[bool] = False
    #: Whether it reads the sampling variances of values, `name.variance`.
    needs_errors: ClassVar[bool] = False

    of: Listed[Name] = Field((), description="the indicators; left out: all that are scored")
    among: Among = Field("cohort", description="peers: the cohort, all of the period, or the cohort over all periods")

    def columnwise(self, column: pl.Expr, function: Callable[[pl.Series], pl.Series]) -> pl.Expr:
        """Return a function of a whole column applied to each group of peers."""

        def call(columns: Sequence[pl.Series]) -> pl.Series:
            return function(columns[0])

        return pl.map_groups([column], call, return_dtype=pl.Float64).over(PEERS[self.among])

    @property
    def lookback(self) -> Lags:
        """The lags, in periods, at which values enter what the step makes of them."""
        return among(self.among)

    @abstractmethod
    def columns(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return what the step makes of indicators, by name; the values are null where there is none."""

    @property
    def uses(self) -> tuple[Name, ...]:
        """The further indicators whose values the step looks at."""
        return ()

    def within(self, values: Mapping[str, tuple[pl.Expr, Sequence[str]]]) -> dict[str, pl.Expr]:
        """Return what the step makes of indicators whose series may break.

        Args:
            values: by name, each with the columns that count the breaks of its series.
        """
        return self.columns({name: value for name, (value, _) in values.items()})

    def facts(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr] | None:
        """Return columns that say more about what the step does to values; None without any."""

    @property
    def mirrors(self) -> bool:
        """Whether the step may act on the mirror image of a column."""
        return False

    def mirrored(self, value: pl.Expr) -> pl.Expr:
        """Return whether a step that `mirrors` acts on the mirror image of a column, 1 or 0.

        Raises:
            NotImplementedError: of a step that does not mirror.
        """
        raise NotImplementedError

    @property
    def words_mirrored(self) -> Message:
        """The step in words where it acts on the mirror image of a column."""
        return self.words_of_values

    @property
    def words_of_values(self) -> Message:
        """The step in words beside a value that it changed."""
        return self.words()

    @property
    def exempt(self) -> tuple[str, ...]:
        """The names of entities that a step which `screens` never leaves out."""
        return ()

    def leaves_out(self, values: Mapping[str, pl.Expr]) -> pl.Expr:
        """Return whether a step that `screens` leaves an entity out of scoring, Boolean.

        Raises:
            NotImplementedError: of a step that does not screen.
        """
        raise NotImplementedError

    @abstractmethod
    def words(self) -> Message:
        """Return the step in words."""


class Impute(Step):
    """Fills gaps: from the peers, from other indicators (`on`), or from the entity's own figures; each is on record.

    `regression` fits the peers' values to those of the indicators `on`, by least squares, `x = b₀ + Σ b_j x_j`, and
    `neighbours` takes the mean of the `nearest` peers by the indicators `on`, in standard deviations. Both leave a gap
    where peers are too few; `regression` also where an indicator `on` is missing, or they depend on each other. `mean`
    and `median` leave a gap where fewer than `at_least` percent of the peers have a figure. `previous` takes a
    figure at most `periods` old. `linear` never goes beyond the first and the last figure. What is not applicable to an
    entity is no gap, and where all peers lack it there is nothing to fill with.

    Source: OECD/JRC Handbook (2008), 4: `x = mean` or `x = median` of the peers (unconditional imputation), and
    regression; nearest neighbours: Troyanskaya et al. (2001).

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "x": [1.0, None, 5.0], "x.status": ["ok", "missing", "ok"]})
    >>> frame.select(**Impute(by="mean").columns({"x": pl.col("x")}))["x"].to_list()
    [1.0, 3.0, 5.0]
    """

    kind: Literal["impute"] = "impute"
    by: Literal["mean", "median", "previous", "linear", "regression", "neighbours"] = Field(
        description="what stands in for a missing value"
    )
    on: Listed[Name] = Field((), description="of regression and neighbours: the indicators that the value depends on")
    nearest: int = Field(5, ge=1, description="of neighbours: how many of the nearest peers count")
    at_least: Percent = Field(0, description="percent of values that must be there")
    periods: Annotated[int, Field(ge=1)] | None = Field(None, description="how far back a value may come from")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.periods is not None and self.by != "previous":
            raise ValueError(Message("`periods` belongs to `by: previous`"))
        if self.at_least and self.by not in ("mean", "median"):
            raise ValueError(Message("`at_least` belongs to `by: mean` and `by: median`"))
        if bool(self.on) != (self.by in ("regression", "neighbours")):
            raise ValueError(Message("`on` belongs to `by: regression` and `by: neighbours`, which need it"))
        if "nearest" in self.model_fields_set and self.by != "neighbours":
            raise ValueError(Message("`nearest` belongs to `by: neighbours`"))
        return self

    @property
    def uses(self) -> tuple[Name, ...]:
        """The indicators that the value depends on."""
        return self.on

    @property
    def lookback(self) -> Lags:
        """All earlier periods for the last figure, all periods for a line between two."""
        return {"previous": frozenset({HISTORY}), "linear": frozenset({WHOLE})}.get(self.by, among(self.among))

    def columns(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the values with their gaps filled where they can be."""
        return self.within({name: (value, ()) for name, value in values.items()})

    def within(self, values: Mapping[str, tuple[pl.Expr, Sequence[str]]]) -> dict[str, pl.Expr]:
        """Return the values with their gaps filled, an entity's own figures taken from the same side of a break only.

        Args:
            values: by name, each with the columns that count the breaks of its series.
        """
        return {
            name: self._filled(name, value, breaks, [values[other][0] for other in self.on if other != name])
            for name, (value, breaks) in values.items()
        }

    def _estimated(self, value: pl.Expr, on: Sequence[pl.Expr]) -> pl.Expr:
        """Return what the indicators `on` make of an indicator within each group of peers."""

        def estimate(columns: Sequence[pl.Series]) -> pl.Series:
            target, *predictors = (column.cast(pl.Float64) for column in columns)
            if self.by == "neighbours":
                return from_neighbours(target, predictors, self.nearest)
            estimates = regressed(target, predictors) if predictors else None
            return pl.Series([None] * len(target), dtype=pl.Float64) if estimates is None else estimates

        return pl.map_groups([value, *on], estimate, return_dtype=pl.Float64).over(PEERS[self.among])

    def _filled(self, name: str, value: pl.Expr, breaks: Sequence[str], on: Sequence[pl.Expr]) -> pl.Expr:
        if self.by == "previous":
            stand_in = value.forward_fill(self.periods).over("entity", *breaks)
        elif self.by == "linear":
            stand_in = value.interpolate().over("entity", *breaks)
        elif self.by in ("regression", "neighbours"):
            stand_in = self._estimated(value, on)
        else:
            # A product such as 0.55 * 20 must not ask for more than eleven by its last bit.
            asked = (pl.len() * (self.at_least / 100)).round(9)
            enough = (value.count() >= asked).over(PEERS[self.among])
            middle = value.mean() if self.by == "mean" else value.median()
            stand_in = pl.when(enough).then(middle.over(PEERS[self.among]))
        gap = value.is_null() & ~status_of(name).is_in(["not_applicable", "late"])
        return pl.when(gap).then(stand_in).otherwise(value)

    def words(self) -> Message:
        """Return the step in words."""
        if self.by == "previous":
            return Message("gaps are filled with the figure of the period before")
        if self.by == "linear":
            return Message("gaps are filled by linear interpolation")
        peers = {
            "cohort": Message("the cohort"),
            "period": Message("the period"),
            "panel": Message("the cohort over all periods"),
        }[self.among]
        if self.by == "regression":
            return Message("gaps are filled by regression on {indicators} in {peers}", indicators=self.on, peers=peers)
        if self.by == "neighbours":
            return Message(
                "gaps are filled with the mean of the {number} nearest units of {peers} by {indicators}",
                number=self.nearest, peers=peers, indicators=self.on,
            )  # fmt: skip
        if self.by == "mean":
            return Message("gaps are filled with the mean of {peers}", peers=peers)
        return Message("gaps are filled with the median of {peers}", peers=peers)


class Screen(Step):
    """Leaves out entities with too few figures: below `at_least` percent of the indicators none of theirs is scored.

    Who is left out has no score (not_scored), whatever later steps fill in and whatever a pillar does with gaps.
    Figures that an earlier step filled in count; put the screen first to count only what was reported. What is not
    applicable counts neither as there nor as lacking: `there / (there + lacking) >= at_least`.

    Source: screening by data availability, OECD/JRC Handbook (2008), 3; COINr (Becker et al. 2022).

    >>> frame = pl.DataFrame({"x": [1.0, 2.0], "y": [3.0, None], "x.status": "ok", "y.status": ["ok", "missing"]})
    >>> frame.select(**Screen(at_least=60).columns({"x": pl.col("x"), "y": pl.col("y")})).rows()
    [(1.0, 3.0), (None, None)]
    """

    screens: ClassVar[bool] = True
    kind: Literal["screen"] = "screen"
    at_least: Percent = Field(description="percent of values that an entity must have to be scored")
    keep: Listed[str] = Field(
        (), description="names of entities that are scored all the same, such as one of few but central figures"
    )

    @property
    def exempt(self) -> tuple[str, ...]:
        """The entities that the definition names as exceptions."""
        return self.keep

    def leaves_out(self, values: Mapping[str, pl.Expr]) -> pl.Expr:
        """Return whether an entity has too few of the values."""
        there = pl.sum_horizontal([value.is_not_null().cast(pl.Float64) for value in values.values()])
        asked = pl.sum_horizontal(
            [(status_of(name) != reason("not_applicable")).cast(pl.Float64) for name in values]
        )  # fmt: skip
        # A product such as 0.7 * 10 must not ask for more than seven by its last bit.
        return there < (asked * (self.at_least / 100)).round(9)

    def columns(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the values of entities with enough of them."""
        enough = ~self.leaves_out(values)
        return {name: pl.when(enough).then(value) for name, value in values.items()}

    def words(self) -> Message:
        """Return the step in words."""
        if self.keep:
            return Message(
                "units with less than {percent:g} % of the indicators are left out, but for {names}",
                percent=self.at_least,
                names=self.keep,
            )
        return Message("units with less than {percent:g} % of the indicators are left out", percent=self.at_least)


class Gated(Step):
    """The base of steps that act where a column has outliers."""

    skew: float = Field(2.0, gt=0, description="there are outliers where the skewness, to either side, is beyond this")
    kurtosis: float = Field(3.5, description="and the excess kurtosis is beyond this as well")

    @property
    def gate(self) -> Gate:
        """The gate."""
        return Gate(self.skew, self.kurtosis)

    @property
    def outlying(self) -> Message:
        """The indicators that the step acts on, in words."""
        return Message(
            "indicators with a skewness > {skew:g} and a kurtosis > {kurtosis:g}",
            skew=self.skew,
            kurtosis=self.kurtosis,
        )


class Winsorise(Gated):
    """Moves outliers to the nearest other value until skewness or kurtosis is within bounds (缩尾).

    At most `most` values on the long side; where that is not enough the column stays as far as it came
    (`otherwise: keep`) or goes back to what it was (`undo`), to be transformed by a later step. Equal values, and fewer
    than four, have no outliers: `|G1| > skew` and `G2 > kurtosis` are both needed.

    Source: OECD/JRC guidelines of the COIN toolkit; COINr (Becker et al. 2022).

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0]})
    >>> frame.select(**Winsorise().columns({"x": pl.col("x")}))["x"].to_list()
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0]
    """

    kind: Literal["winsorise"] = "winsorise"
    most: int = Field(5, ge=1, description="how many values may be moved")
    otherwise: Literal["keep", "undo"] = Field("keep", description="what is done when that is not enough")

    def columns(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the values with their outliers moved in."""

        def move(values: pl.Series) -> pl.Series:
            return winsorised(values, self.gate, self.most, undo=self.otherwise == "undo")

        return {name: self.columnwise(value, move) for name, value in values.items()}

    def words(self) -> Message:
        """Return the step in words."""
        return Message("{indicators} are winsorised, at most {most} values", indicators=self.outlying, most=self.most)


class Transform(Gated):
    """Bends a column by `log` or `box_cox` (with `power`, or the most likely one), where it has outliers or `always`.

    The result has no unit, so such an indicator is scored relative to its peers, without a target. `log` is
    `ln(x - min + range/100)`, for a column skewed to the left `-ln(max - x + range/100)`, `box_cox` `(x^p - 1)/p`.
    Equal values stay as they are.

    Source: Box and Cox (1964); the logarithms are those of COINr (Becker et al. 2022), log_CT_plus.

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "x": [1.0, 4.0, 9.0]})
    >>> frame.select(**Transform(by="box_cox", power=0.5, when="always").columns({"x": pl.col("x")}))["x"].to_list()
    [0.0, 2.0, 4.0]
    """

    keeps_unit: ClassVar[bool] = False
    kind: Literal["transform"] = "transform"
    by: Literal["log", "box_cox"] = Field(description="log, or box_cox")
    power: float | None = Field(None, description="the power of box_cox; left out: the most likely one")
    when: Literal["outliers", "always"] = Field("outliers", description="only where there are outliers, or always")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.power is not None and self.by == "log":
            raise ValueError(Message("`power` belongs to `by: box_cox`"))
        return self

    def columns(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the values bent where they are to be."""

        def bend(values: pl.Series) -> pl.Series:
            if self.when == "outliers" and not self.gate.fails(values):
                return values
            return logarithm(values) if self.by == "log" else box_cox(values, self.power)

        return {name: self.columnwise(value, bend) for name, value in values.items()}

    @property
    @override
    def mirrors(self) -> bool:
        """Whether it is a logarithm, which shortens the long side of a column."""
        return self.by == "log"

    @override
    def mirrored(self, value: pl.Expr) -> pl.Expr:
        """Return whether a column is skewed to the left, 1 or 0."""

        def left(values: pl.Series) -> pl.Series:
            return pl.Series([float(is_mirrored(values))]).new_from_index(0, len(values))

        return self.columnwise(value, left)

    @property
    @override
    def words_mirrored(self) -> Message:
        """The logarithm of a column that is skewed to the left."""
        return Message("logarithm of the mirror image, −ln(max − x + range/100), as skewed to the left; without a unit")

    @property
    @override
    def words_of_values(self) -> Message:
        """The formula."""
        if self.by == "log":
            return Message("logarithm, ln(x − min + range/100); without a unit")
        if self.power is None:
            return Message("Box-Cox transformation by the most likely power; without a unit")
        return Message("Box-Cox transformation by the power {power:g}; without a unit", power=self.power)

    def words(self) -> Message:
        """Return the step in words."""
        formula = self.words_of_values
        if self.by == "log":
            formula = Message(
                "logarithm, ln(x − min + range/100), of columns skewed to the left −ln(max − x + range/100); "
                "without a unit"
            )
        if self.when == "always":
            return formula
        return Message("{formula}: of {indicators}", formula=formula, indicators=self.outlying)


class Shrink(Step):
    """Draws values to the mean of their peers by how reliable they are (收缩): `mean + r (x - mean)`.

    `r = between / (between + v)` is the reliability: of the variance of values the part that is no chance. v is the
    sampling variance of a unit of that size whose true value is that of its group (as for funnel limits), and
    `between = max(0, variance of the values - mean of v)`. A unit with few cases is drawn far to the mean, one with
    many hardly. A group with fewer than three values and errors stays as it is. The same in short:
    `shrink: reliability` at an indicator.

    Source: Morris (1983), Parametric empirical Bayes inference; Adams (2009), The Reliability of Provider Profiling.

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "x": [10.0, 20.0, 30.0], "x.variance": [20.0, 20.0, 20.0]})
    >>> frame.select(**Shrink().columns({"x": pl.col("x")}))["x"].to_list()
    [12.0, 20.0, 28.0]
    """

    needs_errors: ClassVar[bool] = True
    kind: Literal["shrink"] = "shrink"
    by: Literal["reliability"] = Field("reliability", description="how far a value is drawn")
    error: AnySampling | None = Field(
        None, description="the sampling error; left out: as `uncertainty: sampling:` says, else `known`"
    )

    def columns(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the values, drawn to the mean where their error is known."""
        shrunk = {}
        for name, value in values.items():
            mean, reliability = self._mean(name, value), self._reliability(name, value)
            drawn = mean + reliability * (value - mean)
            shrunk[name] = pl.when(reliability.is_not_null()).then(drawn).otherwise(value)
        return shrunk

    def facts(self, values: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the reliabilities."""
        return {Column(name).reliability: self._reliability(name, value) for name, value in values.items()}

    def _known(self, name: str, value: pl.Expr) -> pl.Expr:
        return pl.when(pl.col(Column(name).variance).is_not_null()).then(value)

    def _mean(self, name: str, value: pl.Expr) -> pl.Expr:
        return self._known(name, value).mean().over(PEERS[self.among])

    def _reliability(self, name: str, value: pl.Expr) -> pl.Expr:
        """Return r, null where the error is not known or peers are too few."""
        peers, own = PEERS[self.among], self._known(name, value)
        error = pl.when(value.is_not_null()).then(pl.col(Column(name).variance))
        between = (own.var().over(peers) - error.mean().over(peers)).clip(0)
        enough = (own.count().over(peers) >= 3) & (between + error > 0)
        return pl.when(enough & own.is_not_null()).then(between / (between + error))

    def words(self) -> Message:
        """Return the step in words."""
        return Message("values are drawn to the mean of their peers by their reliability")


#: Every kind of step, in the order of the reference.
STEPS: tuple[type[Step], ...] = (Impute, Screen, Winsorise, Transform, Shrink)

#: Any step, distinguished by `kind`.
if TYPE_CHECKING:
    AnyStep: TypeAlias = Step
else:
    AnyStep = one_of(*STEPS)


def finished(name: str, last: pl.Expr, out: pl.Expr | None) -> Expressions:
    """Return the columns `name.treated` and its status: ok, else why there is none.

    not_scored where the entity was left `out`, out_of_range where a value was lost otherwise, else the value's own.
    """
    why = pl.when(status_of(name) == OK).then(reason("out_of_range")).otherwise(status_of(name))
    if out is not None:
        why = pl.when(out & (status_of(name) != reason("not_applicable"))).then(reason("not_scored")).otherwise(why)
    good = last.is_not_null() & last.is_finite()
    column = Column(name).treated
    return Expressions({column: pl.when(good).then(last)}, {column.status: pl.when(good).then(OK).otherwise(why)})
