"""Stars (星级): one to five by a declared scheme; grades and colours are the same machinery under other names."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from kpi.errors import Message, commas, statements, suggest
from kpi.language.aggregation.nodes import reaches
from kpi.language.conditions import condition, condition_problems
from kpi.language.indicators import Symbols
from kpi.language.indicators.base import in_titles
from kpi.language.lookback import HISTORY, Lags
from kpi.language.model import Block, Listed, Name, Path, Problem, Problems
from kpi.language.stars.base import Halving, Level, Limit, Rated, Scheme, halved, middle
from kpi.values.columns import Column
from kpi.values.names import clean
from kpi.values.status import reason, status_of


class Bands(Halving):
    """By score: the highest level whose cut is reached, `score >= cut`; 0 below every cut (分数段).

    Source: 数字政府服务能力 (95, 85, 75, 60, every lower bound in); 纳税信用 (90, 70, 40).

    >>> frame = pl.DataFrame({"score": [90.0, 89.99, None]})
    >>> frame.select(Bands().level(Rated.plain(pl.col("score")))).to_series().to_list()
    [5, 4, None]
    """

    kind: Literal["bands"] = "bands"
    cuts: dict[Level, float] = Field(
        default_factory=lambda: {5: 90.0, 4: 80.0, 3: 70.0, 2: 60.0, 1: 0.0},
        strict=False,
        min_length=1,
        description="stars: the least total",
    )

    @property
    @override
    def levels_given(self) -> tuple[int, ...]:
        """The levels that have a cut."""
        return tuple(sorted(filter(None, self.cuts)))

    @property
    def lowest(self) -> int:
        """The lowest level that has a cut."""
        return min(self.cuts)

    @property
    def by_score(self) -> bool:
        """Whether nothing but the total decides: neither earlier levels nor the number of indicators."""
        return self.moves is None and self.min_indicators is None

    @property
    @override
    def steps(self) -> tuple[float, ...]:
        """The cuts, with half stars also the middles between them."""
        cuts = sorted(self.cuts.values())
        middles = [middle(low, high) for low, high in pairwise(cuts)] if self.half else []
        return tuple(sorted((*cuts, *middles)))

    def level(self, rated: Rated) -> pl.Expr:
        """Return the band, 0 below every cut."""
        level = pl.lit(0)
        for stars, cut in sorted(self.cuts.items()):
            level = pl.when(rated.score >= cut).then(pl.lit(stars)).otherwise(level)
        if self.half:
            level = halved(level.cast(pl.Float64), rated.score, self.cuts)
        return pl.when(rated.score.is_not_null()).then(level).cast(self.dtype)

    @property
    def cuts_of_total(self) -> Mapping[int, float]:
        """The cuts."""
        return self.cuts

    @property
    def manner(self) -> Message:
        """How levels are found: the highest that is reached."""
        highest = Message("the highest level whose requirement is met")
        half = Message("half a star more from the middle between two cut points on")
        return statements([highest, half]) if self.half else highest

    @override
    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...]:
        """Return the levels with their cuts."""
        return tuple(
            (self.title(stars), Message("total ≥ {score:g}", score=cut))
            for stars, cut in sorted(self.cuts.items(), reverse=True)
        )

    def words(self) -> Message:
        """Return the cuts in words."""
        bands = [
            Message("{level} ≥ {cut:g}", level=self.title(stars), cut=cut)
            for stars, cut in sorted(self.cuts.items(), reverse=True)
        ]
        return Message("by score: {bands}", bands=commas(bands))

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield cuts that do not rise with the level."""
        cuts = [cut for _, cut in sorted(self.cuts.items())]
        if any(b <= a for a, b in pairwise(cuts)):
            yield Problem(
                "K415",
                (*path, "cuts"),
                Message("cuts must rise with the stars"),
                label=Message("not in order"),
                hint=Message("the cuts are {{stars: score}}, such as {{5: 90, 4: 80}}"),
            )


#: Units are placed among those of their cohort in a period.
_PEERS = ("period", "cohort")

_RANKS: dict[str, Literal["min", "max"]] = {"include": "min", "exclude": "max"}

_PLACES: dict[str, Message] = {
    "half_up": Message("numbers of places are rounded half up"), "down": Message("numbers of places are rounded down"),
    "up": Message("numbers of places are rounded up"),
}  # fmt: skip

_TIED: dict[str, Message] = {
    "include": Message("units with equal totals at the end of a level all get the better one"),
    "exclude": Message("units with equal totals at the end of a level all get the worse one"),
}


class Quota(Scheme):
    """By place: fixed shares of the ranked units, from the best (比例控制).

    The k best shares together take the places up to `round(share of N)`, of N ranked units. Units tied at a cut all get
    the better level with `ties: include`, all the worse with `exclude`. A cohort may have shares of its own. Of a
    single unit, and where all are equal, everyone is first.

    A unit that a veto keeps from a level (`stars_at_most`, `demote`) takes no place there: it goes to the next
    (`vetoed: passed_on`, 依次递补). With `vetoed: counted` the place is used up. A unit that a veto fails is not
    ranked; with `counted` it takes the place that its total would have had, and N counts it.

    Source: quotas of published schemes, such as 五星 at most 10 %, 四星 20 %, 一星 5 %; 亩均论英雄 (20, 60, 15, 5 %).

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "score": [90.0, 80.0, 80.0, 70.0]})
    >>> scheme = Quota(shares={3: 50.0, 2: 25.0, 1: 25.0})
    >>> frame.select(scheme.level(Rated.plain(pl.col("score")))).to_series().to_list()
    [3, 3, 3, 1]
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
    vetoed: Literal["passed_on", "counted"] = Field(
        "passed_on", description="the place of a vetoed unit goes to the next (依次递补), or is used up"
    )

    @property
    def counts_vetoed(self) -> bool:
        """Whether a unit that a veto fails still takes a place among the others."""
        return self.vetoed == "counted"

    @property
    @override
    def levels_given(self) -> tuple[int, ...]:
        """The levels that have a share."""
        return tuple(sorted({level for shares in (self.shares, *self.cohorts.values()) for level in shares if level}))

    @property
    def lowest(self) -> int:
        """The lowest level that has a share."""
        return min(min(shares) for shares in (self.shares, *self.cohorts.values()))

    def level(self, rated: Rated) -> pl.Expr:
        """Return the level by place within period and cohort, before vetoes."""
        passed_on = self.vetoed == "passed_on" and bool(rated.limits)
        entered = rated.entered if self.counts_vetoed and rated.entered is not None else rated.score
        number = entered.count().over(_PEERS).cast(pl.Float64)
        own = rated.score if passed_on else entered
        level = self._level(self.shares, own, number, rated.limits if passed_on else ())
        for cohort, shares in self.cohorts.items():
            theirs = self._level(shares, own, number, rated.limits if passed_on else ())
            level = pl.when(pl.col("cohort") == clean(cohort)).then(theirs).otherwise(level)
        return pl.when(rated.score.is_not_null()).then(level).cast(pl.Int8)

    def _level(
        self, shares: Mapping[int, float], score: pl.Expr, number: pl.Expr, limits: tuple[Limit, ...]
    ) -> pl.Expr:
        """Return the level by place, from the best level down, places passed on where `limits` keep units from them."""
        ordered = sorted(shares.items(), reverse=True)
        levels: list[tuple[int, pl.Expr]] = []
        earned = pl.lit(None, dtype=pl.Int64)
        cumulative = 0.0
        for level, share in ordered[:-1]:
            cumulative += share
            # A product such as 0.1 * 30 must not miss a whole number by its last bit.
            places = (number * cumulative / 100).round(9)
            places = {"half_up": (places + 0.5).floor(), "down": places.floor(), "up": places.ceil()}[self.rounding]
            if limits:
                # Who keeps this level or a better one takes a place: by what was earned above, or by earning this one.
                kept = earned.fill_null(level)
                for limit in limits:
                    kept = limit.lowered(kept)
                place = _place(score, kept >= level, self.ties)
                earned = earned.fill_null(pl.when(place <= places).then(pl.lit(level, dtype=pl.Int64)))
            else:
                levels.append((level, score.rank(_RANKS[self.ties], descending=True).over(_PEERS) <= places))
        if limits:
            return earned.fill_null(ordered[-1][0])
        result = pl.lit(ordered[-1][0])
        for level, within in reversed(levels):
            result = pl.when(within).then(pl.lit(level)).otherwise(result)
        return result

    @property
    def manner(self) -> Message:
        """How levels are found: by shares, with the rules about parts of a place, equal totals and vetoes."""
        rules = [Message("by share of the ranked units, from the best"), _PLACES[self.rounding], _TIED[self.ties]]
        return statements([*rules, self._vetoed])

    @property
    def _vetoed(self) -> Message:
        if self.vetoed == "passed_on":
            return Message("places of vetoed units go to the next")
        return Message("vetoed units use up their places")

    @override
    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...]:
        """Return the levels with their shares, and those that cohorts have of their own."""
        levels = []
        for level, share in sorted(self.shares.items(), reverse=True):
            shares = [Message("{share:g} % of the units", share=share)]
            shares += [
                Message("{share:g} % in {cohort}", share=own[level], cohort=cohort)
                for cohort, own in self.cohorts.items()
                if level in own
            ]
            levels.append((self.title(level), statements(shares)))
        return tuple(levels)

    def words(self) -> Message:
        """Return the shares in words."""
        cohorts = [
            Message("{cohort}: {shares}", cohort=cohort, shares=self._shares(shares))
            for cohort, shares in self.cohorts.items()
        ]
        shares = Message("by share: {shares}", shares=self._shares(self.shares))
        return statements([shares, *cohorts, self._vetoed])

    def _shares(self, shares: Mapping[int, float]) -> Message:
        return commas(
            Message("{level} {share:g} %", level=self.title(level), share=share)
            for level, share in sorted(shares.items(), reverse=True)
        )

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield shares that do not make a hundred percent."""
        every: dict[Path, dict[int, float]] = {("shares",): self.shares}
        every |= {("cohorts", cohort): shares for cohort, shares in self.cohorts.items()}
        for tail, shares in every.items():
            if abs((total := sum(shares.values())) - 100) > 1e-9:
                message = Message("the shares make {total:g} %, not 100 %", total=total)
                hint = Message("a share for every level, the lowest too")
                yield Problem("K416", (*path, *tail), message, hint=hint)


def _place(score: pl.Expr, takes: pl.Expr, ties: str) -> pl.Expr:
    """Return the place of each unit among those that take places; of a unit that takes none, the one it would have."""

    def places(columns: Sequence[pl.Series]) -> pl.Series:
        scores, taking = columns
        others = scores.filter(taking & scores.is_not_null()).sort()
        if ties == "include":
            return len(others) - others.search_sorted(scores, side="right").cast(pl.Int64) + 1
        itself = taking.cast(pl.Int64)
        return len(others) - others.search_sorted(scores, side="left").cast(pl.Int64) + 1 - itself

    placed = pl.map_groups([score, takes], places, return_dtype=pl.Int64).over(_PEERS)
    return pl.when(score.is_not_null()).then(placed)


class Rung(Block):
    """What one level asks for: a total, a floor for every top pillar, and a condition; all that is given must hold."""

    score: float | None = Field(None, description="the least total")
    pillars: float | None = Field(None, description="every top pillar must have at least this")
    when: str | None = Field(None, description="a condition, such as a 是/否 measure")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(Message("a rung needs `score`, `pillars` or `when`"))
        return self


class Ladder(Scheme):
    """By prerequisites: the highest level such that it and every level below are met, 0 where not even the first is.

    With `one_rung` a unit rises at most one level a period (只有三星方可申报四星); it may fall freely.

    Source: GB/T 50378-2014 绿色建筑评价标准, 3.2: all control items, 40 in each category, 50, 60 or 80 in all.

    >>> frame = pl.DataFrame({"score": [55.0, 80.0, 49.9]})
    >>> scheme = Ladder(rungs={1: Rung(score=50.0), 2: Rung(score=60.0), 3: Rung(score=80.0)})
    >>> frame.select(scheme.level(Rated.plain(pl.col("score")))).to_series().to_list()
    [1, 3, 0]
    """

    kind: Literal["ladder"] = "ladder"
    rungs: dict[Level, Rung] = Field(min_length=1, strict=False, description="level: what it asks for")
    one_rung: bool = Field(False, description="rise at most one level a period")

    @property
    def lookback(self) -> Lags:
        """With `one_rung` all earlier periods, as a level is at most one above the one before."""
        return frozenset({HISTORY}) if self.one_rung else super().lookback

    def level(self, rated: Rated) -> pl.Expr:
        """Return the level reached, 0 where not even the first rung is met."""
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
        """Return whether a pillar reaches its floor, or does not apply to the unit."""
        exempt = status_of(Column(top).score) == reason("not_applicable")
        return exempt | reaches(top, floor)

    def words(self) -> Message:
        """Return the rungs in words."""
        return self.in_titles({})

    @override
    def in_titles(self, symbols: Symbols) -> Message:
        """Return the rungs in words, with titles for the names in conditions."""
        rungs: list[str] = [
            Message("{level}: {conditions}", level=self.title(stars),
                    conditions=_asked(rung, in_titles(rung.when or "", symbols)))
            for stars, rung in sorted(self.rungs.items())
        ]  # fmt: skip
        if self.one_rung:
            rungs.append(Message("up one level a period at most"))
        return Message("level by level: {rungs}", rungs=statements(rungs))

    @property
    def manner(self) -> Message:
        """How levels are found: one after the other."""
        rules = [Message("level by level: each asks for what those below it ask for too")]
        if self.one_rung:
            rules.append(Message("up one level a period at most"))
        return statements(rules)

    @override
    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...]:
        """Return the levels with what each asks for beside what those below it ask for."""
        return tuple(
            (self.title(stars), _asked(rung, in_titles(rung.when or "", symbols)))
            for stars, rung in sorted(self.rungs.items(), reverse=True)
        )

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield conditions that cannot be read."""
        for stars, rung in self.rungs.items():
            if rung.when is not None:
                yield from condition_problems(rung.when, (*path, "rungs", stars, "when"), symbols)


def _asked(rung: Rung, when: str) -> Message:
    """Return what a rung asks for, in words, with its condition as it is to be shown."""
    conditions: list[str] = []
    if rung.score is not None:
        conditions.append(Message("total ≥ {score:g}", score=rung.score))
    if rung.pillars is not None:
        conditions.append(Message("each top pillar ≥ {score:g}", score=rung.pillars))
    return commas([*conditions, when] if when else conditions)


class Lit(Scheme):
    """By dimension: a star for each pillar that reaches it, `pillar >= cut`, at most five (得分达 80 即点亮一颗星).

    Source: 村级组织星级创建, a dimension's base of 100 and its star from 80 on.

    >>> frame = pl.DataFrame({"score": [70.0], "a.score": [80.0], "b.score": [79.9]})
    >>> frame.select(Lit(of=("a", "b")).level(Rated.plain(pl.col("score")))).item()
    1
    """

    kind: Literal["lit"] = "lit"
    cut: float = Field(80, description="the score that lights a star")
    of: Listed[Name] = Field((), description="the pillars; left out: the top pillars")

    def level(self, rated: Rated) -> pl.Expr:
        """Return how many of the pillars are lit, at most five; a pillar without a score is dark."""
        tops = self.of or rated.tops
        lit = pl.sum_horizontal([reaches(top, self.cut).cast(pl.Int64) for top in tops])
        return pl.when(rated.score.is_not_null()).then(lit.clip(upper_bound=5)).cast(pl.Int8)

    def words(self) -> Message:
        """Return the rule in words."""
        return Message("a star for each top pillar with a score ≥ {cut:g}", cut=self.cut)

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield names that are no pillars."""
        for place, name in enumerate(self.of):
            if name not in nodes:
                yield Problem(
                    "K203",
                    (*path, "of", place),
                    Message("unknown pillar `{name}`", name=name),
                    hint=suggest(name, nodes),
                    label=Message("not defined"),
                )
