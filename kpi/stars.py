"""Stars (星级): one to five by a declared scheme; grades and colours are the same machinery under other names.

A scheme answers with the stars that a row of totals has earned: an expression over score, rank, cohort size, pillar
scores and conditions.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from kpi.adjustments import condition, condition_problems
from kpi.definition import Block, Listed, Name, Path, Problem, Problems, one_of
from kpi.errors import suggest
from kpi.indicators import Symbols
from kpi.pillars import score_of

Level = Annotated[int, Field(ge=0, le=5)]


@dataclass(frozen=True)
class Rated:
    """What a scheme sees: the score to compare, the places, the top pillars, and the names that conditions may use."""

    score: pl.Expr
    tops: tuple[str, ...]
    symbols: Symbols
    full: float = 100


class Scheme(Block):
    """The base of star schemes; `names` gives levels their own words, such as {5: 优秀}."""

    names: dict[Level, str] = Field(default_factory=dict, strict=False, description="level: grade or colour")
    on: Literal["rounded", "raw"] = Field("rounded", description="compare the printed or the full number")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

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


class Bands(Scheme):
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
        return pl.when(rated.score.is_not_null()).then(level).cast(pl.Int8)

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
    with `ties: include`, all the worse with `exclude`.
    """

    kind: Literal["quota"] = "quota"
    shares: dict[Level, float] = Field(min_length=2, strict=False, description="level: percent of the ranked units")
    rounding: Literal["half_up", "down", "up"] = Field("half_up", description="how the number of places is rounded")
    ties: Literal["include", "exclude"] = Field(
        "include", description="units tied at a cut all get the better level, or all the worse"
    )

    @property
    def lowest(self) -> int:
        """The lowest level that has a share."""
        return min(self.shares)

    def level(self, rated: Rated) -> pl.Expr:
        """Returns the level by place within period and cohort."""
        peers = ("period", "cohort")
        place = rated.score.rank("min" if self.ties == "include" else "max", descending=True).over(peers)
        number = rated.score.count().over(peers).cast(pl.Float64)
        ordered = sorted(self.shares.items(), reverse=True)
        level = pl.lit(ordered[-1][0])
        cumulative = 100 - ordered[-1][1]
        for stars, share in reversed(ordered[:-1]):
            # A product such as 0.1 * 30 must not miss a whole number by its last bit.
            places = (number * cumulative / 100).round(9)
            places = {"half_up": (places + 0.5).floor(), "down": places.floor(), "up": places.ceil()}[self.rounding]
            level = pl.when(place <= places).then(pl.lit(stars)).otherwise(level)
            cumulative -= share
        return pl.when(rated.score.is_not_null()).then(level).cast(pl.Int8)

    def words(self) -> str:
        """Returns the shares in words."""
        shares = "，".join(f"{stars} 星 {share:g} %" for stars, share in sorted(self.shares.items(), reverse=True))
        return f"按比例：{shares}"

    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yields shares that do not make a hundred percent."""
        if abs((total := sum(self.shares.values())) - 100) > 1e-9:
            yield Problem(
                "K416",
                (*path, "shares"),
                f"the shares make {total:g} %, not 100 %",
                hint="a share for every level, the lowest too",
            )


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
                met = met & pl.all_horizontal([pl.col(score_of(top)) >= rung.pillars for top in rated.tops])
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
        lit = pl.sum_horizontal(
            [(pl.col(score_of(top)) >= self.cut).fill_null(value=False).cast(pl.Int64) for top in tops]
        )
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


#: Any scheme, told apart by `kind`.
AnyScheme = one_of(Bands, Quota, Ladder, Lit)
