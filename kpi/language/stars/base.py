"""What all star schemes share: what they see, what limits their answer, and how levels move from period to period.

A scheme returns the stars that a row of totals has earned: an expression over score, rank, cohort size, pillar
scores and conditions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from msgspec import Struct
from pydantic import BeforeValidator, Field

from kpi.errors import Message, commas, statements
from kpi.language.indicators import Symbols
from kpi.language.lookback import HISTORY, NOW, Lags
from kpi.language.model import Block, Listed, Path, Problems
from kpi.values.columns import Column
from kpi.values.rounding import SCORE_DECIMALS
from kpi.values.status import NO_LEVEL

Level = Annotated[int, Field(ge=0, le=5)]


class Limit(Struct, frozen=True):
    """What a veto does to a level where it applies: no more than `at_most`, or `demote` levels down to `lowest`.

    >>> frame = pl.DataFrame({"level": [5, 1, 0], "veto": True})
    >>> limits = Limit(pl.col("veto"), at_most=3), Limit(pl.col("veto"), demote=2, lowest=1)
    >>> [frame.select(one.lowered(pl.col("level"))).to_series().to_list() for one in limits]
    [[3, 1, 0], [3, 1, 0]]
    """

    applies: pl.Expr
    at_most: int | None = None
    demote: int = 0
    lowest: int = 0

    def lowered(self, level: pl.Expr) -> pl.Expr:
        """Return the level after the veto."""
        if self.at_most is not None:
            return pl.when(self.applies).then(level.clip(upper_bound=self.at_most)).otherwise(level)
        # A demotion stops at the lowest level, but never lifts what had not even reached that.
        down = pl.max_horizontal(level - self.demote, pl.min_horizontal(level, pl.lit(self.lowest)))
        return pl.when(self.applies & level.is_not_null()).then(down).otherwise(level)


class Rated(Struct, frozen=True):
    """What a scheme sees: the score to compare, the places, the top pillars, and the names that conditions may use."""

    score: pl.Expr
    tops: tuple[str, ...]
    symbols: Symbols
    full: float = 100
    scored: tuple[str, ...] = ()
    #: What vetoes do to levels, in the order in which they act.
    limits: tuple[Limit, ...] = ()
    #: The score to compare with that of units which a veto fails, where it differs from `score`.
    entered: pl.Expr | None = None

    @classmethod
    def plain(cls, score: pl.Expr) -> Rated:
        """Return what a scheme sees of bare scores: for trying it on a frame with period and cohort."""
        return cls(score, (), {})


class Moves(Block):
    """How far stars may move from one period to the next; left out: as far as they like.

    `moves: one_rung` is `{up: 1}`: at most one level up a period, down as far as earned. `moves: hold_harmless` is
    `{down: 0}`: what was once reached is kept (保级).

    >>> frame = pl.DataFrame({"level": [1, 3, 5, 1], "#entities": 2}, schema_overrides={"level": pl.Int8})
    >>> [Moves(**of).applied(frame.get_columns()).to_list() for of in ({"up": 1}, {"down": 0})]
    [[1, 3, 2, 1], [1, 3, 5, 3]]
    """

    up: Annotated[int, Field(ge=0)] | None = Field(None, description="the most levels up from one period to the next")
    down: Annotated[int, Field(ge=0)] | None = Field(
        None, description="the most levels down from one period to the next"
    )

    def words(self) -> Message:
        """Return the limits in words."""
        limits: list[Message] = []
        if self.up == 0:
            limits.append(Message("no level up"))
        elif self.up == 1:
            limits.append(Message("at most one level up a period"))
        elif self.up is not None:
            limits.append(Message("at most {number} levels up a period", number=self.up))
        if self.down == 0:
            limits.append(Message("no level down"))
        elif self.down == 1:
            limits.append(Message("at most one level down a period"))
        elif self.down is not None:
            limits.append(Message("at most {number} levels down a period", number=self.down))
        return commas(limits)

    def applied(self, columns: Sequence[pl.Series]) -> pl.Series:
        """Return the levels after limits, from the levels earned (period after period) and the number of entities.

        A limit counts from an entity's last level, also over periods without one; a first level is free.
        """
        earned, number = columns[0], int(columns[1][0])
        last = pl.Series([None] * number, dtype=earned.dtype)
        settled = []
        for start in range(0, len(earned), number):
            frame = pl.DataFrame({"now": earned.slice(start, number), "last": last})
            level = pl.col("now")
            if self.up is not None:
                level = pl.min_horizontal(level, pl.col("last") + self.up)
            if self.down is not None:
                level = pl.max_horizontal(level, pl.col("last") - self.down)
            level = pl.when(pl.col("now").is_not_null()).then(level).cast(earned.dtype)
            here = frame.select(level.alias("level"), pl.coalesce(level, "last").alias("last"))
            settled.append(here["level"])
            last = here["last"]
        return pl.concat(settled) if settled else earned


#: The moves that have a name.
NAMED: dict[str, dict[str, int]] = {"one_rung": {"up": 1}, "hold_harmless": {"down": 0}}


def _named(moves: Any) -> Any:
    return NAMED.get(moves, moves) if isinstance(moves, str) else moves


AnyMoves = Annotated[
    Moves | None, BeforeValidator(_named, json_schema_input_type=Moves | Literal["one_rung", "hold_harmless"] | None)
]


class Scheme(Block):
    """The base of star schemes; `names` gives levels their own words, such as {5: 优秀}.

    What a scheme gives is settled in this order: none below `min_indicators`, `floor` and `cap`, `moves`.
    """

    names: dict[Level, str] = Field(default_factory=dict, strict=False, description="level: grade or colour")
    on: Literal["rounded", "raw"] = Field("rounded", description="whether the printed or the full number is compared")
    min_indicators: Annotated[int, Field(ge=1)] | None = Field(
        None, description="scored indicators needed for any star"
    )
    floor: Level | None = Field(
        None, description="the least that who has a score gets; 0 lets a demotion end below the lowest level, at none"
    )
    cap: Level | None = Field(None, description="the most that anyone gets")
    moves: AnyMoves = Field(
        None, description="one_rung, hold_harmless, or {up: 1, down: 1}: levels from period to period"
    )
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    #: Whether there may be scores for which the scheme gives no levels.
    may_find_none: ClassVar[bool] = False

    @property
    def levels_given(self) -> tuple[int, ...]:
        """The levels that the scheme gives, rising, without 0; empty where any may be."""
        return ()

    @property
    def number(self) -> int:
        """The number of levels that a scheme with cut points from the scores has; 0 for others."""
        return 0

    def finds_none(self, scores: pl.Series) -> bool:  # noqa: ARG002
        """Return whether the scheme gives no levels for the scores of a cohort, none of them null."""
        return False

    @property
    def fewest(self) -> int:
        """How many different scores a scheme that may find no levels needs."""
        return self.number

    @property
    def dtype(self) -> type[pl.DataType]:
        """The type of levels: Int8, or with halves Float64."""
        return pl.Int8

    @property
    def lookback(self) -> Lags:
        """The lags, in periods, at which totals enter the level."""
        return NOW if self.moves is None else frozenset({HISTORY})

    def settled(self, rated: Rated) -> pl.Expr:
        """Return the level after the minimum of indicators, floor, cap and moves."""
        level = self.level(rated).cast(self.dtype)
        if self.min_indicators is not None:
            number = pl.sum_horizontal(
                [pl.col(Column(name).score).is_not_null().cast(pl.Int64) for name in rated.scored]
            )
            level = pl.when(number >= self.min_indicators).then(level)
        if self.floor is not None or self.cap is not None:
            level = level.clip(self.floor, self.cap)
        if self.moves is not None:
            level = pl.map_batches([level, pl.col("#entities")], self.moves.applied, return_dtype=self.dtype)
        return level

    @abstractmethod
    def level(self, rated: Rated) -> pl.Expr:
        """Return the level earned (Int8), null where there is no score."""

    @abstractmethod
    def words(self) -> Message:
        """Return the scheme in words."""

    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...] | None:
        """Return the levels, the best first, each with what it asks for; None where they make no list.

        Args:
            symbols: what names in conditions stand for.
        """

    @property
    def cuts_of_total(self) -> Mapping[int, float]:
        """The least total of each level, where totals alone decide and the same total always means the same level."""
        return {}

    @property
    def manner(self) -> Message:
        """How levels are found, in words, without what each of them asks for."""
        return self.words()

    @property
    def limits_words(self) -> tuple[str, ...]:
        """What limits the levels, in words."""
        limits: list[str] = []
        if self.min_indicators is not None:
            limits.append(Message("none with fewer than {number} scored indicators", number=self.min_indicators))
        if self.floor:
            limits.append(Message("at least {level}", level=self.title(self.floor)))
        elif self.floor is not None:
            limits.append(Message("may fall to no star"))
        if self.cap is not None:
            limits.append(Message("at most {level}", level=self.title(self.cap)))
        if self.moves is not None:
            limits.append(self.moves.words())
        return tuple(filter(None, limits))

    def in_titles(self, symbols: Symbols) -> Message | None:
        """Return the scheme in words, with titles for the names in conditions; None without conditions."""

    def in_full(self, symbols: Symbols) -> Message:
        """Return the scheme in words with what limits it, with titles for the names in conditions."""
        return statements([text for text in (self.in_titles(symbols) or self.words(), *self.limits_words) if text])

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yield what is wrong beyond the shape."""
        yield from ()

    @property
    def lowest(self) -> int:
        """The lowest level that the scheme gives by itself."""
        return 0

    @property
    def bottom(self) -> int:
        """The level at which demotions stop: the lowest of the scheme, or its `floor` where that is lower."""
        return self.lowest if self.floor is None else min(self.lowest, self.floor)

    @property
    def counts_vetoed(self) -> bool:
        """Whether a unit that a veto fails still takes a place among the others."""
        return False

    @property
    def steps(self) -> tuple[float, ...]:
        """The totals at which the level rises, from the least, where the level follows from the total alone."""
        return ()

    @property
    def by_score(self) -> bool:
        """Whether the level of a unit follows from its total alone."""
        return False

    def title(self, level: float) -> str:
        """Return the name of a level, or how many stars it is (a Message).

        >>> from kpi.language.stars.fixed import Bands
        >>> [Bands(names={3: "A"}).title(level) for level in (3, 2, 3.5)]
        ['A', '2 stars', '3.5 stars']
        >>> Bands(names={3: "A"}).title(0), Bands().title(0)
        ('no level', '0 stars')
        """
        if level == 0 and self.names and 0 not in self.names:
            return NO_LEVEL
        named = self.names.get(int(level)) if float(level).is_integer() else None
        return named or star_count(level)


def star_count(level: float) -> Message:
    """Return how many stars a level is, in words.

    >>> star_count(1), star_count(2.5)
    ('1 star', '2.5 stars')
    """
    return Message("{level:g} star", level=level) if level == 1 else Message("{level:g} stars", level=level)


class Halving(Scheme):
    """The base of schemes that may give half stars."""

    half: bool = Field(False, description="half a star more from the middle between two cut points on")

    @property
    def dtype(self) -> type[pl.DataType]:
        """The type of levels: Int8, or with halves Float64."""
        return pl.Float64 if self.half else pl.Int8


def middle(low: float, high: float) -> float:
    """Return the total between two cuts from which on there is half a star more, with the decimals of scores."""
    return round((low + high) / 2, SCORE_DECIMALS)


def halved(level: pl.Expr, score: pl.Expr, cuts: Mapping[int, float]) -> pl.Expr:
    """Return a level with half a star more in the upper half of a band; the highest has none.

    >>> frame = pl.DataFrame({"level": [1.0, 1.0, 2.0], "score": [60.0, 70.0, 95.0]})
    >>> frame.select(halved(pl.col("level"), pl.col("score"), {1: 60.0, 2: 80.0})).to_series().to_list()
    [1.0, 1.5, 2.0]
    """
    ordered = sorted(cuts.items())
    for (stars, low), (_, high) in pairwise(ordered):
        more = (level == stars) & (score >= middle(low, high))
        level = pl.when(more).then(pl.lit(stars + 0.5)).otherwise(level)
    return level
