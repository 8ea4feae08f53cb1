"""Star schemes whose cut points come from the scores: quantiles and natural breaks, guarded from period to period."""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message, commas
from kpi.language.foreign_kinds import ForeignKinds
from kpi.language.indicators import Symbols
from kpi.language.lookback import HISTORY, Lags
from kpi.language.model import Listed, Path, Problem, Problems, one_of
from kpi.language.stars import clusters, cutpoints
from kpi.language.stars.base import Halving, Level, Rated, Scheme, halved, star_count
from kpi.language.stars.fixed import Bands, Ladder, Lit, Quota
from kpi.values.rounding import SCORE_DECIMALS


class Found(Halving):
    """The base of schemes that find their cut points anew for each period and cohort.

    With `guardrail: 5` a cut point is never more than five points from the one used in the period before (CMS star
    ratings), so that a level means much the same from one period to the next. A score on a cut point has the level
    above it, or with `inclusive: upper` the one below. `half` gives half a star more from the middle between two cut
    points on.
    """

    guardrail: float | None = Field(None, ge=0, description="points that a cut point may move between periods")
    inclusive: Literal["lower", "upper"] = Field("lower", description="the bound that belongs to a band")

    @property
    @abstractmethod
    def steps(self) -> tuple[int, ...]:
        """The levels, rising."""

    @abstractmethod
    def cuts(self, scores: pl.Series) -> list[float] | None:
        """Return rising cut points for scores, none of them null; fewer than levels - 1 leave out the lowest.

        None where the scheme finds none, and gives no levels.
        """

    @property
    @override
    def number(self) -> int:
        """The number of levels."""
        return len(self.steps)

    @override
    def finds_none(self, scores: pl.Series) -> bool:
        """Return whether there are no cut points for some scores."""
        return self.cuts(scores) is None

    @property
    def lowest(self) -> int:
        """The lowest level."""
        return self.steps[0]

    @override
    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...]:
        """Return the levels with the clusters that they are."""
        return tuple(
            (
                self.title(step),
                Message("cluster {place} of {number}, the highest first", place=place, number=self.number),
            )
            for place, step in enumerate(reversed(self.steps), 1)
        )

    @property
    def lookback(self) -> Lags:
        """With a guardrail all earlier periods, as a cut point depends on the one before."""
        return super().lookback if self.guardrail is None else frozenset({HISTORY})

    def level(self, rated: Rated) -> pl.Expr:
        """Return the level between the cut points of the period."""

        def levels(columns: Sequence[pl.Series]) -> pl.Series:
            return self._levels(columns[0], columns[1])

        # All periods of a cohort together, because a cut point may depend on the one before.
        return pl.map_groups([pl.col("period"), rated.score], levels, return_dtype=self.dtype).over("cohort")

    def _levels(self, periods: pl.Series, scores: pl.Series) -> pl.Series:
        frame = pl.DataFrame({"period": periods, "score": scores}).with_row_index("at")
        before: list[float] | None = None
        done = []
        for item in frame.sort("period", "at").partition_by("period", maintain_order=True):
            known = item["score"].drop_nulls()
            cuts = self.cuts(known) if len(known) else None
            if cuts is None:
                done.append(item.select("at", level=pl.lit(None, dtype=self.dtype)))
                continue
            cuts = before = cutpoints.guarded(cuts, before, self.guardrail)
            steps = self.steps[len(self.steps) - len(cuts) - 1 :]
            done.append(item.select("at", level=self._between(pl.col("score"), cuts, steps)))
        return pl.concat(done).sort("at")["level"]

    def _between(self, score: pl.Expr, cuts: Sequence[float], steps: Sequence[int]) -> pl.Expr:
        level = pl.lit(float(steps[0]))
        # A cut that is interpolated, or moved by the guardrail, is rounded as scores are.
        cuts = [round(cut, SCORE_DECIMALS) for cut in cuts]
        for cut, step in zip(cuts, steps[1:], strict=True):
            reached = score >= cut if self.inclusive == "lower" else score > cut
            level = pl.when(reached).then(pl.lit(float(step))).otherwise(level)
        if self.half:
            level = halved(level, score, dict(zip(steps[1:], cuts, strict=True)))
        return pl.when(score.is_not_null()).then(level).cast(self.dtype)

    def _limited(self, words: Message) -> Message:
        """Return a scheme in words with its guardrail and its half stars."""
        texts = [words]
        if self.guardrail is not None:
            texts.append(Message("cut points move at most {points:g} points a period", points=self.guardrail))
        if self.half:
            texts.append(Message("half a star more in the upper half of a band"))
        return commas(texts)


class Quantiles(Found):
    """By quantiles of the scores: `percentiles: {5: 90, 4: 70, 3: 30, 2: 10, 1: 0}` gives five stars from the 90th on.

    The cut points are `Q(p)` of the scores of the period and cohort. Where all scores are equal, and for a single
    entity, everyone has the highest level (the lowest with `inclusive: upper`).

    Source: Hyndman and Fan (1996), type 7, for `interpolation: linear`.

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "score": [10.0, 20.0, 30.0, 40.0, 50.0]})
    >>> scheme = Quantiles(percentiles={3: 75.0, 2: 25.0, 1: 0.0})
    >>> frame.select(scheme.level(Rated.plain(pl.col("score")))).to_series().to_list()
    [1, 2, 2, 3, 3]
    """

    kind: Literal["quantiles"] = "quantiles"
    percentiles: dict[Level, float] = Field(strict=False, min_length=2, description="level: percentile it begins at")
    interpolation: cutpoints.Interpolation = Field("linear", description="how a quantile between two values is read")

    @property
    def steps(self) -> tuple[int, ...]:
        """The levels, rising."""
        return tuple(sorted(self.percentiles))

    def cuts(self, scores: pl.Series) -> list[float]:
        """Return the quantiles at which the levels but the lowest begin."""
        percents = [self.percentiles[step] for step in self.steps[1:]]
        return cutpoints.quantiles(scores, percents, self.interpolation)

    @override
    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...]:
        """Return the levels with the percentiles at which they begin."""
        return tuple(
            (self.title(step), Message("total ≥ P{percentile:g}", percentile=self.percentiles[step]))
            for step in reversed(self.steps)
        )

    def words(self) -> Message:
        """Return the scheme in words."""
        bands = [
            Message("{level} ≥ P{percentile:g}", level=star_count(step), percentile=self.percentiles[step])
            for step in reversed(self.steps)
        ]
        return self._limited(Message("by quantiles: {bands}", bands=commas(bands)))

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield percentiles that do not rise with the level, or are none."""
        percents = [self.percentiles[step] for step in self.steps]
        if any(b <= a for a, b in pairwise(percents)) or not 0 <= percents[0] < percents[-1] <= 100:
            hint = Message("the percentiles are {{stars: percent}}, such as {{5: 90, 4: 70, 3: 30, 2: 10, 1: 0}}")
            yield Problem("K415", (*path, "percentiles"), Message("percentiles must rise with the stars"), hint=hint)


class Breaks(Found):
    """By natural breaks: the clusters of scores with the least squares within them, an exact optimum.

    `min Σ (x - mean of its cluster)²` over all ways to cut. With fewer distinct scores than levels the highest levels
    are given, so where all scores are equal, and for a single entity, everyone has the highest.

    Source: Fisher (1958); natural breaks of Jenks (1967).

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "score": [10.0, 11.0, 50.0, 52.0, 90.0]})
    >>> scheme = Breaks(levels=(1, 2, 3))
    >>> frame.select(scheme.level(Rated.plain(pl.col("score")))).to_series().to_list()
    [1, 1, 2, 2, 3]
    """

    kind: Literal["breaks"] = "breaks"
    levels: Listed[Level] = Field((1, 2, 3, 4, 5), min_length=2, description="the levels, the lowest first")

    @property
    def steps(self) -> tuple[int, ...]:
        """The levels, rising."""
        return tuple(sorted(self.levels))

    def cuts(self, scores: pl.Series) -> list[float]:
        """Return the least score of each cluster, or with `inclusive: upper` the greatest of the one below."""
        cuts = cutpoints.breaks(scores, len(self.steps))
        return cuts if self.inclusive == "lower" else _greatest_below(scores, cuts)

    def words(self) -> Message:
        """Return the scheme in words."""
        words = Message(
            "by natural breaks (optimal clusters in one dimension): {number} levels", number=len(self.steps)
        )
        return self._limited(words)


class KMeans(Found):
    """By k-means clusters of the scores from given starting points, as CMS gives stars to hospitals.

    Every score goes to the nearest centre, every centre to the mean of its scores, until nothing moves: a local optimum
    of `min Σ (x - mean of its cluster)²`, which depends on the `starts`; `breaks` is the exact one. `starts: groups`
    begins at the medians of groups of equal size. There are no stars (K658) where there are fewer distinct scores than
    levels, and where a cluster loses all its scores.

    Source: CMS, Overall Hospital Quality Star Rating, methodology report v4.1 (2021); Lloyd (1982).

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "score": [0.0, 40.0, 45.0, 100.0]})
    >>> for starts in ((0, 40), (0, 100)):
    ...     scheme = KMeans(levels=(1, 2), starts=starts)
    ...     print(frame.select(scheme.level(Rated.plain(pl.col("score")))).to_series().to_list())
    [1, 2, 2, 2]
    [1, 1, 1, 2]
    """

    may_find_none: ClassVar[bool] = True
    kind: Literal["kmeans"] = "kmeans"
    levels: Listed[Level] = Field((1, 2, 3, 4, 5), min_length=2, description="the levels, the lowest first")
    starts: Listed[float] | Literal["groups"] = Field(
        "groups", description="the scores at which the clusters start, one for each level; or groups"
    )

    @property
    def steps(self) -> tuple[int, ...]:
        """The levels, rising."""
        return tuple(sorted(self.levels))

    def cuts(self, scores: pl.Series) -> list[float] | None:
        """Return the least score of each cluster, or with `inclusive: upper` the greatest of the one below."""
        starts = clusters.group_medians(scores, len(self.steps)) if self.starts == "groups" else self.starts
        cuts = None if starts is None else clusters.cuts(scores, starts)
        return cuts if cuts is None or self.inclusive == "lower" else _greatest_below(scores, cuts)

    def words(self) -> Message:
        """Return the scheme in words."""
        number = len(self.steps)
        if self.starts == "groups":
            words = Message("by k-means from the medians of equal groups: {number} levels", number=number)
        else:
            starts = tuple(f"{start:g}" for start in sorted(self.starts))
            words = Message("by k-means from {starts}: {number} levels", starts=starts, number=number)
        return self._limited(words)

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield starting points that are not as many as the levels, or equal."""
        if self.starts == "groups":
            return
        if len(set(self.starts)) != len(self.steps):
            message = Message(
                "there are {number} different starting points for {levels} levels",
                number=len(set(self.starts)), levels=len(self.steps),
            )  # fmt: skip
            yield Problem("K459", (*path, "starts"), message, hint=Message("give one for each level"))


class Probits(Found):
    """By the normal distribution of the scores, as the rank-sum ratio (秩和比, RSR) is divided into grades (分档).

    Each different score has a probit, 5 and the normal deviate of its cumulative frequency (mean rank ÷ n, of the
    greatest 1 - 1/(4n)). A line `RSR = a + b probit` is drawn through them by least squares, and the grades begin where
    it passes given probits: by default three standard deviations on either side of 5 in as many equal parts as there
    are levels, for three levels 4 and 6. `compare: scores` compares the scores with these limits, `compare: fitted`
    what the line has at the probit of a unit. No stars (K658) with fewer different scores than levels, or than three.

    Source: 田凤调 (1988), 秩和比法; 田凤调 (2002), 秩和比法的应用.

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "score": [1.0, 50.0, 55.0, 60.0, 95.0]})
    >>> for compare in ("scores", "fitted"):
    ...     scheme = Probits(levels=(1, 2, 3), compare=compare)
    ...     print(frame.select(scheme.level(Rated.plain(pl.col("score")))).to_series().to_list())
    [1, 2, 2, 2, 3]
    [2, 2, 2, 2, 3]
    """

    may_find_none: ClassVar[bool] = True
    kind: Literal["probits"] = "probits"
    levels: Listed[Level] = Field((1, 2, 3), min_length=2, description="the levels, the lowest first")
    probits: Listed[float] | None = Field(
        None,
        description="the probits at which the levels but the lowest begin, such as [4, 6]; left out: 2 to 8 evenly",
    )
    compare: Literal["scores", "fitted"] = Field("scores", description="what is compared with the limits")

    @property
    def steps(self) -> tuple[int, ...]:
        """The levels, rising."""
        return tuple(sorted(self.levels))

    @property
    @override
    def fewest(self) -> int:
        """As many different scores as levels, and no fewer than a line needs to be more than a guess."""
        return max(3, self.number)

    @property
    def limits(self) -> tuple[float, ...]:
        """The probits at which the levels but the lowest begin."""
        number = len(self.steps)
        return tuple(self.probits or (2 + 6 * place / number for place in range(1, number)))

    @override
    def requirements(self, symbols: Symbols) -> tuple[tuple[str, Message], ...]:
        """Return the levels with the probits at which they begin."""
        begins = [Message("from the limit at probit {limit:.4g} on", limit=limit) for limit in reversed(self.limits)]
        words = [*begins, Message("below the limit at probit {limit:.4g}", limit=self.limits[0])]
        return tuple(zip(map(self.title, reversed(self.steps)), words, strict=True))

    def cuts(self, scores: pl.Series) -> list[float] | None:
        """Return where the line passes the limits, or the least score whose fitted one reaches them."""
        points = cutpoints.probits(scores)
        if len(points) < self.fewest:
            return None
        base, slope = cutpoints.line(points)
        if self.compare == "scores":
            return [base + slope * limit for limit in self.limits]
        beyond = float("inf")
        return [next((score for score, probit in points if probit >= limit), beyond) for limit in self.limits]

    @override
    def words(self) -> Message:
        """Return the scheme in words."""
        limits = tuple(f"{limit:.4g}" for limit in self.limits)
        if self.compare == "fitted":
            words = Message("by probits of the totals ({limits}): {number} levels", limits=limits, number=self.number)
        else:
            words = Message(
                "by the regression of totals on their probits ({limits}): {number} levels",
                limits=limits, number=self.number,
            )  # fmt: skip
        return self._limited(words)

    @override
    def problems(self, path: Path, symbols: Symbols, nodes: frozenset[str]) -> Problems:
        """Yield probits that do not rise, or are not one fewer than the levels."""
        if self.probits is None:
            return
        if len(self.probits) != len(self.steps) - 1 or any(b <= a for a, b in pairwise(self.probits)):
            message = Message("{levels} levels begin at {number} probits, which rise", levels=len(self.steps),
                              number=len(self.steps) - 1)  # fmt: skip
            yield Problem("K661", (*path, "probits"), message, hint=Message("such as [4, 6] for three levels"))


def _greatest_below(scores: pl.Series, cuts: Sequence[float]) -> list[float]:
    """Return the greatest score below each cut point."""
    below = (scores.filter(scores < cut).max() for cut in cuts)
    return [float(score) for score in below]  # type: ignore[arg-type]


#: Every kind of scheme, in the order of the reference.
SCHEMES: tuple[type[Scheme], ...] = (Bands, Quota, Ladder, Lit, Quantiles, Breaks, KMeans, Probits)

#: Kinds of star schemes that extensions bring.
FOREIGN = ForeignKinds("stars", lambda: Scheme)

#: Any scheme, distinguished by `kind`.
if TYPE_CHECKING:
    AnyScheme: TypeAlias = Scheme
else:
    AnyScheme = one_of(*SCHEMES, foreign=FOREIGN)
