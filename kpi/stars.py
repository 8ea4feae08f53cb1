"""Stars (星级): one to five by a declared scheme; grades and colours are the same machinery under other names.

A scheme answers with the stars that a row of totals has earned: an expression over score, rank, cohort size, pillar
scores and conditions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from kpi.adjustments import condition, condition_problems
from kpi.definition import Block, Listed, Name, Path, Problem, Problems
from kpi.errors import suggest
from kpi.indicators import Symbols
from kpi.pillars import score_of
from kpi.status import reason, status_of

Level = Annotated[int, Field(ge=0, le=5)]


@dataclass(frozen=True)
class Rated:
    """What a scheme sees: the score to compare, the places, the top pillars, and the names that conditions may use."""

    score: pl.Expr
    tops: tuple[str, ...]
    symbols: Symbols
    full: float = 100
    scored: tuple[str, ...] = ()


class Moves(Block):
    """How far stars may move from one period to the next; left out: as far as they like.

    `up: 1` is one rung at a time, `down: 0` holds harmless: what was reached is kept.
    """

    up: Annotated[int, Field(ge=0)] | None = Field(None, description="the most levels up from one period to the next")
    down: Annotated[int, Field(ge=0)] | None = Field(
        None, description="the most levels down from one period to the next"
    )

    def applied(self, columns: Sequence[pl.Series]) -> pl.Series:
        """Returns the levels after limits, from the levels earned (period after period) and the number of entities.

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


def reaches(pillar: str, cut: float) -> pl.Expr:
    """Returns whether a pillar has a score of at least `cut`, but for the last bits of binary fractions."""
    return (pl.col(score_of(pillar)).round(9) >= cut).fill_null(value=False)


class Scheme(Block):
    """The base of star schemes; `names` gives levels their own words, such as {5: 优秀}.

    What a scheme gives is settled in this order: none below `min_indicators`, `floor` and `cap`, `moves`.
    """

    names: dict[Level, str] = Field(default_factory=dict, strict=False, description="level: grade or colour")
    on: Literal["rounded", "raw"] = Field("rounded", description="compare the printed or the full number")
    min_indicators: Annotated[int, Field(ge=1)] | None = Field(
        None, description="scored indicators needed for any star"
    )
    floor: Level | None = Field(None, description="the least that who has a score gets")
    cap: Level | None = Field(None, description="the most that anyone gets")
    moves: Moves | None = Field(None, description="how fast levels may change from period to period")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @property
    def dtype(self) -> type[pl.DataType]:
        """The type of levels: Int8, or with halves Float64."""
        return pl.Int8

    def settled(self, rated: Rated) -> pl.Expr:
        """Returns the level after the minimum of indicators, floor, cap and moves."""
        level = self.level(rated).cast(self.dtype)
        if self.min_indicators is not None:
            number = pl.sum_horizontal([pl.col(score_of(name)).is_not_null().cast(pl.Int64) for name in rated.scored])
            level = pl.when(number >= self.min_indicators).then(level)
        if self.floor is not None or self.cap is not None:
            level = level.clip(self.floor, self.cap)
        if self.moves is not None:
            level = pl.map_batches([level, pl.col("#entities")], self.moves.applied, return_dtype=self.dtype)
        return level

    @abstractmethod
    def level(self, rated: Rated) -> pl.Expr:
        """Returns the level earned (Int8), null where there is no score."""

    @abstractmethod
    def words(self) -> str:
        """Returns the scheme in words."""

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yields what is wrong beyond the shape."""
        yield from ()

    @property
    def lowest(self) -> int:
        """The level below which nothing can fall."""
        return 0


class Halving(Scheme):
    """The base of schemes that may give half stars."""

    half: bool = Field(False, description="half a star more from the middle between two cut points on")

    @property
    def dtype(self) -> type[pl.DataType]:
        """The type of levels: Int8, or with halves Float64."""
        return pl.Float64 if self.half else pl.Int8


def halved(level: pl.Expr, score: pl.Expr, cuts: Mapping[int, float]) -> pl.Expr:
    """Returns a level with half a star more in the upper half of a band; the highest has none."""
    ordered = sorted(cuts.items())
    for (stars, low), (_, high) in pairwise(ordered):
        more = (level == stars) & (score >= (low + high) / 2)
        level = pl.when(more).then(pl.lit(stars + 0.5)).otherwise(level)
    return level


class Bands(Halving):
    """By score: the highest level whose cut is reached; cuts are inclusive lower bounds."""

    kind: Literal["bands"] = "bands"
    cuts: dict[Level, float] = Field(
        default_factory=lambda: {5: 90.0, 4: 80.0, 3: 70.0, 2: 60.0, 1: 0.0},
        strict=False,
        min_length=1,
        description="stars: the least total",
    )

    @property
    def lowest(self) -> int:
        """The lowest level that has a cut."""
        return min(self.cuts)

    def level(self, rated: Rated) -> pl.Expr:
        """Returns the band, 0 below every cut."""
        level = pl.lit(0)
        for stars, cut in sorted(self.cuts.items()):
            level = pl.when(rated.score >= cut).then(pl.lit(stars)).otherwise(level)
        if self.half:
            level = halved(level.cast(pl.Float64), rated.score, self.cuts)
        return pl.when(rated.score.is_not_null()).then(level).cast(self.dtype)

    def words(self) -> str:
        """Returns the cuts in words."""
        return "按分数段：" + "，".join(
            f"{stars} 星 ≥ {cut:g}" for stars, cut in sorted(self.cuts.items(), reverse=True)
        )

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yields cuts that do not rise with the level."""
        cuts = [cut for _, cut in sorted(self.cuts.items())]
        if any(b <= a for a, b in pairwise(cuts)):
            yield Problem(
                "K415",
                (*path, "cuts"),
                "cuts must rise with the stars",
                label="not in order",
                hint="the cuts are {stars: score}, such as {5: 90, 4: 80}",
            )


class Quota(Scheme):
    """By place: fixed shares of the ranked units, from the best (比例控制).

    The k best shares together take the places up to `round(share of N)`. Units tied at a cut all get the better level
    with `ties: include`, all the worse with `exclude`. A cohort may have shares of its own.
    """

    kind: Literal["quota"] = "quota"
    shares: dict[Level, float] = Field(min_length=2, strict=False, description="level: percent of the ranked units")
    cohorts: dict[str, Annotated[dict[Level, float], Field(min_length=2, strict=False)]] = Field(
        default_factory=dict, description="cohort: its own shares, instead of `shares`"
    )
    rounding: Literal["half_up", "down", "up"] = Field("half_up", description="how the number of places is rounded")
    ties: Literal["include", "exclude"] = Field(
        "include", description="units tied at a cut all get the better level, or all the worse"
    )

    @property
    def lowest(self) -> int:
        """The lowest level that has a share."""
        return min(min(shares) for shares in (self.shares, *self.cohorts.values()))

    def level(self, rated: Rated) -> pl.Expr:
        """Returns the level by place within period and cohort."""
        peers = ("period", "cohort")
        place = rated.score.rank("min" if self.ties == "include" else "max", descending=True).over(peers)
        number = rated.score.count().over(peers).cast(pl.Float64)
        level = self._level(self.shares, place, number)
        for cohort, shares in self.cohorts.items():
            level = pl.when(pl.col("cohort") == cohort).then(self._level(shares, place, number)).otherwise(level)
        return pl.when(rated.score.is_not_null()).then(level).cast(pl.Int8)

    def _level(self, shares: dict[int, float], place: pl.Expr, number: pl.Expr) -> pl.Expr:
        ordered = sorted(shares.items(), reverse=True)
        level = pl.lit(ordered[-1][0])
        cumulative = 100 - ordered[-1][1]
        for stars, share in reversed(ordered[:-1]):
            # A product such as 0.1 * 30 must not miss a whole number by its last bit.
            places = (number * cumulative / 100).round(9)
            places = {"half_up": (places + 0.5).floor(), "down": places.floor(), "up": places.ceil()}[self.rounding]
            level = pl.when(place <= places).then(pl.lit(stars)).otherwise(level)
            cumulative -= share
        return level

    def words(self) -> str:
        """Returns the shares in words."""
        own = "".join(f"；{cohort}：{_shares(shares)}" for cohort, shares in self.cohorts.items())
        return f"按比例：{_shares(self.shares)}{own}"

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yields shares that do not make a hundred percent."""
        every: dict[Path, dict[int, float]] = {("shares",): self.shares}
        every |= {("cohorts", cohort): shares for cohort, shares in self.cohorts.items()}
        for tail, shares in every.items():
            if abs((total := sum(shares.values())) - 100) > 1e-9:
                message, hint = f"the shares make {total:g} %, not 100 %", "a share for every level, the lowest too"
                yield Problem("K416", (*path, *tail), message, hint=hint)


def _shares(shares: dict[int, float]) -> str:
    return "，".join(f"{stars} 星 {share:g} %" for stars, share in sorted(shares.items(), reverse=True))


class Rung(Block):
    """What one level asks for: a total, a floor for every top pillar, and a condition; all that is given must hold."""

    score: float | None = Field(None, description="the least total")
    pillars: float | None = Field(None, description="every top pillar must have at least this")
    when: str | None = Field(None, description="a condition, such as a 是/否 measure")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a rung needs `score`, `pillars` or `when`")
        return self


class Ladder(Scheme):
    """By prerequisites: the highest level such that it and every level below are met.

    With `one_rung` a unit rises at most one level a period (只有三星方可申报四星); it may fall freely.
    """

    kind: Literal["ladder"] = "ladder"
    rungs: dict[Level, Rung] = Field(min_length=1, strict=False, description="level: what it asks for")
    one_rung: bool = Field(False, description="rise at most one level a period")

    def level(self, rated: Rated) -> pl.Expr:
        """Returns the level reached, 0 where not even the first rung is met."""
        met = pl.lit(True)
        level = pl.lit(0)
        for stars, rung in sorted(self.rungs.items()):
            if rung.score is not None:
                met = met & (rated.score >= rung.score)
            if rung.pillars is not None:
                met = met & pl.all_horizontal([self._has(top, rung.pillars) for top in rated.tops])
            if rung.when is not None:
                met = met & condition(rung.when, rated.symbols).expr
            level = pl.when(met).then(pl.lit(stars)).otherwise(level)
        earned = pl.when(rated.score.is_not_null()).then(level).cast(pl.Int64)
        if self.one_rung:
            # The lowest over all earlier periods s of earned(s) + (periods since s) is what single steps can reach.
            here = pl.int_range(pl.len()).over("entity")
            earned = (earned - here).cum_min().over("entity") + here
            earned = pl.when(rated.score.is_not_null()).then(earned)
        return earned.cast(pl.Int8)

    @staticmethod
    def _has(top: str, floor: float) -> pl.Expr:
        """Whether a pillar has its floor; one that does not apply to the unit asks nothing of it."""
        exempt = status_of(score_of(top)) == reason("not_applicable")
        return exempt | reaches(top, floor)

    def words(self) -> str:
        """Returns the rungs in words."""
        texts = []
        for stars, rung in sorted(self.rungs.items()):
            parts = [f"总分 ≥ {rung.score:g}" if rung.score is not None else "", rung.when or ""]
            parts.insert(1, f"各一级指标 ≥ {rung.pillars:g}" if rung.pillars is not None else "")
            texts.append(f"{stars} 星：" + "，".join(filter(None, parts)))
        return "逐级达标：" + "；".join(texts) + ("；每期至多升一级" if self.one_rung else "")

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yields conditions that cannot be read."""
        for stars, rung in self.rungs.items():
            if rung.when is not None:
                yield from condition_problems(rung.when, (*path, "rungs", stars, "when"), symbols)


class Lit(Scheme):
    """By dimension: one star for each pillar that reaches the cut (得分达 80 即点亮一颗星)."""

    kind: Literal["lit"] = "lit"
    cut: float = Field(80, description="the score that lights a star")
    of: Listed[Name] = Field((), description="the pillars; left out: the top pillars")

    def level(self, rated: Rated) -> pl.Expr:
        """Returns how many of the pillars are lit, at most five; a pillar without a score is dark."""
        tops = self.of or rated.tops
        lit = pl.sum_horizontal([reaches(top, self.cut).cast(pl.Int64) for top in tops])
        return pl.when(rated.score.is_not_null()).then(lit.clip(upper_bound=5)).cast(pl.Int8)

    def words(self) -> str:
        """Returns the rule in words."""
        return f"点亮制：一级指标得分 ≥ {self.cut:g} 得一颗星"

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yields names that are no pillars."""
        for place, name in enumerate(self.of):
            if name not in nodes:
                yield Problem(
                    "K203",
                    (*path, "of", place),
                    f"unknown pillar `{name}`",
                    hint=suggest(name, nodes),
                    label="not defined",
                )
