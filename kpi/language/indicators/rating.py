"""Ratings by people (民主测评, 评委打分): scores of several raters, weighted by group, without the highest and lowest.

A rating stands for measures, one for each group of raters, which are added to those of the system: `NAME_GROUP`, the
mean of the group, and `NAME_unused`, the rows that no group or grade is given for. So the means of the groups, and how
many raters each has, are in the results and under the indicator in an explanation.
"""

import functools
import math
import operator
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, ValidationError, model_validator
from typing_extensions import override

from kpi.errors import Message, Severity, commas, statements
from kpi.language.indicators.base import Indicator, Symbols, Unused, unit_of
from kpi.language.model import Listed, Name, Path, Problem, Problems, Text
from kpi.language.sums import total
from kpi.values.columns import Expressions
from kpi.values.periods import Grain
from kpi.values.rounding import unsigned_zero
from kpi.values.status import ZERO, Reason, guarded, literal, reason, status_of
from kpi.values.units import Unit

#: The statuses of a figure that is there and wrong, or there in part: nothing stands in for it.
_WRONG = ("refused", "incomplete")


#: What stands for a group where there are none.
ALL = "raters"


def _column(name: str) -> str:
    """Return a column as an expression names it."""
    return name if re.fullmatch(r"\w+", name) else '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Rating(Indicator):
    """The mean of raters' scores by group, weighted: `Σ w x / Σ w`, x being the mean of a group.

    `trim: 1` leaves the highest and the lowest score of each group out (去掉一个最高分和一个最低分), from `trim_from`
    scores on. `grades` turns grades into points. With `between` scores beyond a scale do not count. A group without
    any score leaves the whole without a value, unless `absent: redistribute` gives its weight to the others.

    Source: 民主测评 and 评委打分 of 考核办法.

    >>> rating = Rating(of="等级", by="主体", groups={"领导": 40, "群众": 60}, grades={"优秀": 100, "合格": 60}, trim=1)
    >>> list(rating.measures("cadres"))
    ['cadres_领导', 'cadres_群众', 'cadres_unused']
    >>> rating.measures("cadres")["cadres_领导"]["of"]
    "CASE WHEN 等级 = '优秀' THEN 100 WHEN 等级 = '合格' THEN 60 END"
    """

    kind: Literal["rating"] = "rating"
    kind_title: ClassVar[Message] = Message("rating by people")
    source: Name | None = Field(None, alias="from", description="the dataset of records: a row for each rater's score")
    of: str = Field(description="the column of scores; or of grades, with `grades`")
    where: str | None = Field(None, description="a condition on the rows, such as 项目 = '作风'")
    unit: Text = Field("分", description="the unit of the scores")
    by: str | None = Field(None, description="the column that names the group of the rater, such as 测评主体")
    groups: dict[Text, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="the weight of each group, such as {领导: 30, 同级: 60, 群众: 10}"
    )
    trim: int = Field(0, ge=0, description="how many of the highest, and as many of the lowest, each group leaves out")
    trim_from: int | None = Field(
        None, ge=3, description="the fewest scores of a group of which ends are left out; left out: 2 x trim + 1"
    )
    grades: dict[Text, float] = Field(
        default_factory=dict, description="the points of each grade, such as {优秀: 100, 良好: 80}"
    )
    between: Listed[float] | None = Field(
        None, min_length=2, max_length=2, description="the scale of the scores, such as [0, 100]; others do not count"
    )
    absent: Literal["missing", "redistribute"] = Field(
        "missing", description="a group without a score: no value, or its weight goes to the others in proportion"
    )

    means: dict[Text, Name] = Field(
        default_factory=dict, description="the measure of each group; filled in, `NAME_GROUP` for each"
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.by is None) == bool(self.groups):
            raise ValueError(Message("`by` needs `groups`, and only `by` has them"))
        if self.trim_from is not None and self.trim_from <= 2 * self.trim:
            raise ValueError(Message("`trim_from` leaves no score: it must be above 2 x `trim`"))
        if self.between is not None and self.grades:
            raise ValueError(Message("`between` is about scores, and grades have points of their own"))
        if self.between is not None and self.between[0] >= self.between[1]:
            raise ValueError(Message("`between` is the lowest score and the highest, such as [0, 100]"))
        return self

    # ---- THE MEASURES ---- #

    def means_of(self, name: str) -> dict[str, str]:
        """Return the names of the measures of the groups; without groups that of all raters."""
        return {group: f"{name}_" + re.sub(r"\W", "_", group) for group in self.groups} or {ALL: f"{name}_raters"}

    def measures(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the definitions of the measures that the rating stands for, as YAML holds them."""
        shared: dict[str, Any] = {} if self.source is None else {"from": self.source}
        mean: dict[str, Any] = {"kind": "trimmed_mean", "trim": self.trim} if self.trim else {"kind": "mean"}
        if self.trim_from is not None and self.trim:
            mean["trim_from"] = self.trim_from
        title = self.title or name
        results: dict[str, dict[str, Any]] = {}
        for group, key in self.means_of(name).items():
            own = f"{_column(str(self.by))} = {_text(group)}" if self.groups else None
            where = self._condition(" AND ".join(filter(None, (own, self._on_scale()))) or None)
            results[key] = shared | mean | {
                "of": self._points(), "unit": self.unit, "title": f"{title}（{group}）" if self.groups else title,
            } | ({} if where is None else {"where": where})  # fmt: skip
        if unused := self._unused():
            condition = self._condition(unused)
            count = {"kind": "count", "unit": "份", "where": condition, "title": f"{title}（-）"}
            results[f"{name}_unused"] = shared | count
        return results

    def _on_scale(self) -> str | None:
        """Return the condition of scores that are on the scale, None if every score is."""
        if self.between is None:
            return None
        low, high = self.between
        return f"{_column(self.of)} BETWEEN {low:.15g} AND {high:.15g}"

    def _condition(self, own: str | None) -> str | None:
        if self.where is None or own is None:
            return own or self.where
        return f"({self.where}) AND {own}"

    def _points(self) -> str:
        if not self.grades:
            return self.of
        branches = " ".join(
            f"WHEN {_column(self.of)} = {_text(grade)} THEN {points:.15g}" for grade, points in self.grades.items()
        )
        return f"CASE {branches} END"

    def _unused(self) -> str | None:
        """Return the condition of rows that no group or grade is given for, None if every row counts."""
        known = [(self.by, self.groups), (self.of if self.grades else None, self.grades)]
        tests = [
            f"{_column(column)} IS NULL OR {_column(column)} NOT IN ({', '.join(map(_text, values))})"
            for column, values in known
            if column is not None
        ]
        if (on_scale := self._on_scale()) is not None:
            tests.append(f"NOT ({on_scale})")
        return f"({' OR '.join(tests)})" if tests else None

    @override
    def unused_rows(self, name: str) -> Unused | None:
        """Return the measure that counts rows of no group or grade."""
        if self._unused() is None:
            return None
        columns = {str(self.by): tuple(self.groups)} if self.groups else {}
        scale = {} if self.between is None else {self.of: (self.between[0], self.between[1])}
        return Unused(f"{name}_unused", columns | ({self.of: tuple(self.grades)} if self.grades else {}), scale)

    # ---- THE INDICATOR ---- #

    @property
    def weights(self) -> dict[str, float]:
        """The measures of the groups, with their weights, in the order of their names."""
        return dict(sorted((mean, self.groups.get(group, 1.0)) for group, mean in self.means.items()))

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the means of the groups."""
        for group, name in self.means.items():
            yield ("means", group), name

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the unit of the scores."""
        return next((unit_of(symbols, mean) for mean in self.means.values()), None)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the weighted mean and its status."""
        weights = self.weights
        if self.absent == "missing":
            value = total([pl.col(mean) * weight for mean, weight in weights.items()]) / math.fsum(weights.values())
            given = pl.all_horizontal([pl.col(mean).is_not_null() for mean in weights])
            return guarded(name, unsigned_zero(pl.when(given).then(value)), inputs=list(weights))
        there = total([pl.col(mean).is_not_null() * literal(weight) for mean, weight in weights.items()])
        value = total([pl.col(mean) * weight for mean, weight in weights.items()]) / there
        wrong = {
            mean: functools.reduce(operator.or_, [status_of(mean) == reason(status) for status in _WRONG])
            for mean in weights
        }
        causes: list[Reason] = [(holds, status_of(mean)) for mean, holds in wrong.items()]
        sound = pl.when((there > ZERO) & ~pl.any_horizontal(wrong.values())).then(value)
        return guarded(name, unsigned_zero(sound), reasons=causes, shown={"missing": there <= ZERO})

    @override
    def words(self, symbols: Symbols) -> Message:
        """Return the groups, the scores that are left out and the points of grades."""
        groups = commas(f"{group} {weight:g}" for group, weight in self.groups.items())
        grades = commas(f"{grade} {points:g}" for grade, points in self.grades.items())
        parts = [Message("mean of raters")]
        if self.groups:
            parts = [Message("mean of raters by group: {groups}", groups=groups)]
        if self.trim:
            least = self.trim_from or 2 * self.trim + 1
            cut = {"number": self.trim, "least": least}
            parts.append(Message("without the {number} highest and lowest of {least} scores or more", **cut))
        if self.grades:
            parts.append(grades)
        if self.between is not None:
            low, high = self.between
            parts.append(Message("scores from {low:g} to {high:g} count", low=low, high=high))
        if self.absent == "redistribute":
            parts.append(Message("the weight of a group without scores goes to the others"))
        return statements(parts)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield what is wrong with units and targets, groups with one name, and weights that almost add up."""
        yield from super().problems(path, symbols, grain)
        expected = self.means_of(str(path[-1]))
        if len(set(expected.values())) != len(expected):
            message = Message("two groups have one name but for signs: {names}", names=tuple(self.groups))
            yield Problem("K492", (*path, "groups"), message, hint=Message("rename one"))
        elif expected != dict(self.means):
            message = Message("`means` are filled in: {names}", names=tuple(expected.values()))
            yield Problem("K492", (*path, "means"), message, hint=Message("leave `means` out"))
        weights = math.fsum(self.groups.values())
        for whole in (100, 1):
            if self.groups and 0.5 * whole < weights < 1.5 * whole and not math.isclose(weights, whole, rel_tol=1e-9):
                message = Message("the weights of the groups add up to {total:g}", total=weights)
                hint = Message("make them {full}; as proportions of another sum they count all the same", full=whole)
                yield Problem("K860", (*path, "groups"), message, hint=hint, severity=Severity.WARNING, at_key=True)


def rated_measures(indicators: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the ratings among definitions of indicators with their `means` filled in, and the measures of these.

    Args:
        indicators: as YAML holds them; what is no valid rating is left to be reported.
    """
    filled: dict[str, Any] = {}
    measures: dict[str, Any] = {}
    for name, raw in indicators.items():
        if not isinstance(raw, Mapping) or raw.get("kind") != "rating":
            continue
        try:
            rating = Rating.model_validate(dict(raw))
        except ValidationError:
            continue
        filled[name] = dict(raw) | ({} if rating.means else {"means": rating.means_of(str(name))})
        measures |= rating.measures(str(name))
    return filled, measures
