"""Columns of panels and results: the value of an item has the name of the item, its parts are `name.part`.

No other module spells names of columns. A panel has one row per period and entity, in this order, with the columns that
locate a row: `period` (Int32, an index at the grain of the system), `entity` (UInt32, the position in the roster),
`COHORT`, `MONTH` and `ENTITIES`; and for each measure its value and parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    import polars as pl

#: The cohort of the entity (String).
COHORT = "cohort"
#: The last month of the period, in months since year 0 (Int32).
MONTH = "#month"
#: How many entities the panel has, the distance in rows from one period to the next (Int64).
ENTITIES = "#entities"
#: Whether the entity is none in the period, as the roster says (Boolean); only where some are such for a time.
OUTSIDE = "#outside"


#: The longer period that a total is of (Int32), and how many of its periods have a total (Int64).
LONGER, PARTS_THERE = "#longer", "#parts"


class Part:
    """A column that belongs to an item, named `item.part`."""

    def __init__(self, meaning: str) -> None:
        self.__doc__ = meaning

    def __set_name__(self, owner: type, name: str) -> None:
        self.suffix = f".{name}"

    def __get__(self, column: Column | None, owner: type) -> Column:
        return Column((column or "") + self.suffix)


class Column(str):
    """The name of the column with the value of a measure, an indicator, a pillar or an adjustment.

    It is an immutable str, usable wherever a column name is.

    >>> online = Column("online_rate")
    >>> online, online.status, online.score, online.score.status
    ('online_rate', 'online_rate.status', 'online_rate.score', 'online_rate.score.status')
    """

    __slots__ = ()

    # ---- FIGURES AND INDICATORS ---- #
    status = Part("Status: `ok` exactly where there is a value, else the reason why there is none.")
    rows = Part("Int64: how many rows of data the value is made of.")
    refused = Part("Boolean: whether a row that the value needs was refused.")
    base = Part("Float64: what the value is compared with, evaluated before it, for its stage alone.")
    window = Part("Float64: a total over a window, evaluated before the value, for its stage alone.")
    above = Part("Float64: a numerator over a window, evaluated before the value, for its stage alone.")
    below = Part("Float64: a denominator over a window, evaluated before the value, for its stage alone.")
    pooled_above = Part("Float64: a numerator over a window, which stays beside the value.")
    pooled_below = Part("Float64: a denominator over a window, which stays beside the value.")
    real = Part("Float64: a figure in prices of a base period, evaluated before the value, for its stage alone.")
    low = Part("Float64: the lower end of the interval of a projection.")
    high = Part("Float64: the upper end of the interval of a projection.")
    lower_limit = Part("Float64: the lower confidence limit of the value.")
    upper_limit = Part("Float64: the upper confidence limit of the value.")
    variance = Part("Float64: the sampling variance of the value if the true value is that of the group.")
    reliability = Part("Float64: the part of the variance of values that is no chance, 0 to 1.")
    centre = Part("Float64: the value of the group as a whole, which its funnel limits are around.")
    deviation = Part("Float64: the standard error that the value has if the true value is that of the group.")
    widened = Part("Float64: the standard error with over-dispersion, of which the funnel limits are multiples.")
    dispersion = Part("Float64: how much more the values of the group differ than by chance (φ, 1 for chance).")
    level = Part("Float64: the rating: the level that the cuts of the stars give to the score.")
    level_low = Part("Float64: the lowest rating of the values between the confidence limits.")
    level_high = Part("Float64: the highest rating of the values between the confidence limits.")
    signal = Part("String: where the value is between the funnel limits of its group.")
    actual = Part("Float64: the growth a year since a base period.")
    required = Part("Float64: the growth a year that an aim requires.")
    passed = Part("Float64: how many finer units pass a threshold.")
    units = Part("Float64: how many finer units have a figure.")
    breaks = Part("Int32: how many times the series broke up to the period, as units succeeded one another.")
    added = Part("String: which figures of other units are in the value, as units succeeded one another.")
    treated = Part("Float64: the value after data treatment.")
    mirrored = Part("Float64: of a value after a step, 1 where the step took it from the mirror image, else 0.")

    # ---- TARGETS ---- #
    target = Part("Float64: the target in force, its lower bound for a range.")
    upper_target = Part("Float64: the upper bound of the target in force, for a range.")
    attainment = Part("Float64: how far the target is attained, in percent.")
    schedule = Part("Float64: how far it should be by the end of the period, in percent.")
    reached = Part("Boolean: whether the target in force is reached.")
    light = Part("String: the light, by how far the attainment is behind the schedule.")

    # ---- SCORES AND WEIGHTS ---- #
    score = Part("Float64: the score, in percent of full marks.")
    unadjusted = Part("Float64: the score of a pillar before bonuses and deductions within it, in percent.")
    rank = Part("UInt32: the place of the score in the cohort.")
    result = Part("Float64: the mean of a pillar, before its own scoring rule and its caps.")
    uncapped = Part("Float64: the score of a node before its caps.")
    coverage = Part("Float64: the percent of the applicable weight that has reported figures.")
    applicable = Part("Float64: the sum of the weights of a node that apply.")
    present = Part("Float64: the sum of the weights of a node that have a score of their own.")
    carried = Part("Float64: the sum of the weights that enter the mean of a node.")
    spread = Part("Float64: the weight of missing parts that each present part of a node carries.")
    weighting = Part("Float64: the weight that a method found from data; of a node, the list of those of its parts.")
    factor = Part("Float64: what makes the mean of a node its score, where each entity has weights of its own.")
    declared = Part("Float64: the weight of a part that is declared for the class of the entity and the period.")
    share = Part("Float64: the fraction (0 to 1) of its node that a part carried.")
    weight = Part("Float64: the weight of a part in the total, in percent.")

    # ---- CONTRIBUTIONS TO THE TOTAL ---- #
    counted = Part("Float64: the score of a part that entered the mean of its node.")
    contribution = Part("Float64: what a part gives to the total, in points of the full mark.")
    residual = Part("Float64: what a node gives to the total beyond the contributions of its parts, in points.")
    rescored = Part("Float64: what the own scoring rule of a pillar gives to the total, in points.")
    capped = Part("Float64: what the caps of a node change of the total, in points.")
    points = Part("Float64: the points of an adjustment, negative for a deduction.")
    veto = Part("Boolean: whether a veto holds.")
    unjudged = Part("Boolean: whether a figure is missing that decides about an adjustment or a check.")
    opened = Part("Boolean: whether a bonus that does not always count does so.")

    # ---- PLACES OF HEADLINES BESIDE THE TOTAL, AND IN FURTHER RANKINGS ---- #
    printed = Part("Float64: the rounded score of a headline.")
    place = Part("The place of a headline, or in a further ranking; with `ties: average` Float64, else UInt32.")
    ranked = Part("UInt32: the number of entities of the cohort that have a place.")
    former = Part("The place in the earlier period that changes are against, as `place`.")
    place_change = Part("The places gained since the earlier period that changes are against, negative for lost ones.")
    printed_change = Part("Float64: the change of the rounded score since that period.")

    # ---- FACTS ABOUT REPORTS ---- #
    reported = Part("Date: when a figure was handed in.")
    scope = Part("String: what a figure covers (口径), as its report says.")
    repeated = Part("Boolean: whether a figure was reported more than once for one period.")
    outdated = Part("String: the outdated code under which a figure was handed in.")

    def own_target(self, place: int) -> Column:
        """Return the column of the targets per entity for one target of the indicator, by position."""
        return Column(f"{self}.own_target.{place}")

    def fact(self, name: str) -> Column:
        """Return the column of a fact about a figure that a check reads: `reported`, `scope`, a total, and so on."""
        return Column(f"{self}.{name}")

    def at_limit(self, place: int) -> Column:
        """Return the column of the score of an end of the confidence limits, or of the target between them."""
        return Column(f"{self}.at_limit.{place}")

    def after(self, step: str) -> Column:
        """Return the column of the value after a step of data treatment."""
        return Column(f"{self}#{step}")


def is_unit(name: str) -> Column:
    """Return the column (Boolean) that is true in the rows of a unit that a definition names."""
    return Column(f"#unit {name}")


def class_by(attribute: str) -> Column:
    """Return the column (String) of the class of each entity by a column of the roster; empty where it has none."""
    return Column(f"#class {attribute}")


def share_of(place: int) -> str:
    """Return the column (Float64) with the factor by which a period enters the total of a longer one, by its place."""
    return f"#share.{place}"


def kept_by(step: str) -> Column:
    """Return the column (Boolean) of entities that a screening step keeps, as the definition names them."""
    return Column(f"#{step}.kept")


def group_of(name: str) -> Column:
    """Return the column (String) with the group of an entity in a grouping: `cohort`, or one of `groups:`."""
    return Column(f"#group.{name}")


def in_ranking(name: str) -> Column:
    """Return the base of the columns with places in a further ranking: its `place`, `ranked` and so on."""
    return Column(f"#ranking.{name}")


def left_out_by(step: str) -> Column:
    """Return the column (Boolean) that is true where a step of data treatment leaves an entity out."""
    return Column(f"#{step}.out")


_NONE: Mapping[str, pl.Expr] = {}


def _merged(
    first: Iterable[Mapping[str, pl.Expr]], second: Iterable[Mapping[str, pl.Expr]]
) -> tuple[Mapping[str, pl.Expr], ...]:
    """Return the groups of both, the first with the first, and so on."""
    return tuple({**group, **other} for group, other in zip_longest(first, second, fillvalue=_NONE))


class Expressions(Struct, frozen=True):
    """Named expressions in the order of evaluation: each group of `sources`, `bases`, `values`, `statuses`.

    Each may read those before it: values are computed from bases, bases from sources, and a status is the reason for a
    missing value. Sources and bases do not outlast their stage.
    """

    values: Mapping[str, pl.Expr] = field(default_factory=dict)
    statuses: Mapping[str, pl.Expr] = field(default_factory=dict)
    bases: Mapping[str, pl.Expr] = field(default_factory=dict)
    sources: tuple[Mapping[str, pl.Expr], ...] = ()

    def __or__(self, other: Expressions) -> Expressions:
        """Return the union of both."""
        return Expressions(
            {**self.values, **other.values}, {**self.statuses, **other.statuses}, {**self.bases, **other.bases},
            _merged(self.sources, other.sources),
        )  # fmt: skip

    @property
    def steps(self) -> tuple[Mapping[str, pl.Expr], ...]:
        """The groups of expressions that are evaluated together, in order; empty groups are left out."""
        return tuple(step for step in (*self.sources, self.bases, self.values, self.statuses) if step)

    @property
    def columns(self) -> dict[str, pl.Expr]:
        """All expressions by name of column."""
        return {name: item for step in self.steps for name, item in step.items()}
