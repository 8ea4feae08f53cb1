"""The scorecard: results as tidy frames, sorted, without timestamps and reproducible to the bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
import polars.selectors as cs
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.engine import applied_weights, funnel_limits, limits_of_levels, longer_totals, withheld
from kpi.engine.contributions import NOISE, entries
from kpi.engine.plan import Plan
from kpi.engine.reporting_quality import Supply, is_assessable, quality
from kpi.engine.result_columns import target_bounds
from kpi.errors import DataError, Diagnostic, Message, Severity, rendered, suggest
from kpi.language.grouping import COHORTS
from kpi.language.indicators import class_of
from kpi.language.small_numbers import limited
from kpi.language.system import ROOT, CheckedSystem, System
from kpi.process import locale, notebook
from kpi.values.columns import COHORT, LONGER, PARTS_THERE, Column, class_by, group_of, in_ranking
from kpi.values.periods import Period
from kpi.values.rounding import unsigned_zero

#: The columns of `Scorecard.restated`.
RESTATED: dict[str, type[pl.DataType]] = {
    "system": pl.String, "period": pl.String, "entity": pl.String, "measure": pl.String, "title": pl.String,
    "before": pl.Float64, "after": pl.Float64, "unit": pl.String, "revision": pl.Float64, "new_revision": pl.Float64,
    "file": pl.String, "row": pl.Int64,
}  # fmt: skip

#: The columns of `Scorecard.longer` and `Scorecard.longer_pillars` where there are none.
LONGER_COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("system", "period", "cohort", "entity", "over"), pl.String),
    "score": pl.Float64, "raw_score": pl.Float64, "stars": pl.Int8, "grade": pl.String, "rank": pl.UInt32,
    "of": pl.UInt32, "rank_before": pl.UInt32, "rank_change": pl.Int32, "score_before": pl.Float64,
    "score_change": pl.Float64, "veto": pl.String, "periods": pl.Int64, "expected": pl.Int64, "status": pl.String,
}  # fmt: skip
LONGER_PILLARS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("system", "period", "cohort", "entity", "pillar", "title", "over"), pl.String),
    "score": pl.Float64, "status": pl.String,
}  # fmt: skip
#: The columns of `Scorecard.places` where there are none.
PLACES: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("system", "period", "cohort", "entity", "within", "group"), pl.String),
    "rank": pl.UInt32, "of": pl.UInt32, "against": pl.String, "rank_before": pl.UInt32, "rank_change": pl.Int32,
}  # fmt: skip
#: The columns of `Scorecard.headlines` where there are none.
HEADLINES: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("system", "period", "cohort", "entity", "headline", "title"), pl.String),
    "score": pl.Float64, "raw_score": pl.Float64, "rank": pl.UInt32, "of": pl.UInt32, "rank_change": pl.Int32,
    "score_change": pl.Float64, "coverage": pl.Float64, "status": pl.String,
}  # fmt: skip

#: The columns of `Scorecard.alike`, which the analysis adds: levels that other samples would have given.
ALIKE: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("system", "period", "cohort", "entity"), pl.String),
    **dict.fromkeys(("stars", "stars_low", "stars_high"), pl.Float64),
    **dict.fromkeys(("grade", "grade_low", "grade_high"), pl.String),
}  # fmt: skip

#: What the columns of totals with the probability of a level begin with; the level follows.
PROBABILITY = "probability_"

#: The columns of totals that say how far places and scores hold.
BOUNDS = ("rank_low", "rank_high", "score_low", "score_high")

LIGHTS = pl.Enum(["green", "yellow", "red", "none", "at_risk"])


class Scorecard(Struct, frozen=True, dict=True):
    """The results of scoring a panel with a plan.

    Attributes:
        plan: the plan that was run.
        frame: every column of the plan, one row per period and entity (wide).
        entities: entity (String) and code, in order.
        labels: the label of each scored period index, in order.
        findings_list: the findings in the data.
        data_hash: the hash of the files.
        shown: the period indices that the tidy frames hold; all of `labels` when None.
        counts: what became of the rows: read, used, refused, restated, repeated; and where there are any, how many rows
            were left_out (about no unit, or of figures that the system does not use), how many for other periods
            passed_over, and how many files unread.
        supply: reporters, restated figures and figures in doubt.
        former: the units that no longer exist, each with its successors in words.
        renamed: those of them that only have a new name, with this name.
        intervals: period, entity, and what `totals` has of how far scores and places hold; None if it was not asked
            for.
        worlds: confidential: where `disclosure:` suppresses figures, the wide frame with the true figures and those
            with others that readers must not be able to tell from them; `frame` is what all of them have in common.
    """

    plan: Plan
    frame: pl.DataFrame
    entities: pl.DataFrame
    labels: Mapping[int, str]
    findings_list: tuple[Diagnostic, ...] = ()
    data_hash: str = ""
    shown: tuple[int, ...] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    supply: Supply = field(default_factory=Supply)
    former: Mapping[str, Message] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    intervals: pl.DataFrame | None = None
    worlds: tuple[pl.DataFrame, ...] = ()

    #: What other packages add to scorecards by name, such as `plot`: functions of a scorecard.
    namespaces: ClassVar[dict[str, Callable[[Scorecard], Any]]] = {}

    def __getattr__(self, name: str) -> Any:
        """Return what another package adds under a name."""
        if name in (added := type(self).namespaces):
            return added[name](self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        """Return what was scored, in a line."""
        periods = self.periods
        span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
        units, indicators = self.entities.height, len(self.definition.indicators)
        return f"<Scorecard of {self.system}: {units} entities, {indicators} indicators, {span}>"

    def _repr_html_(self) -> str:
        """Return the league table, for notebooks."""
        return notebook.html(self)

    # ---- IDENTITY ---- #

    @property
    def definition(self) -> CheckedSystem:
        """The system that was scored."""
        return self.plan.system

    @property
    def system(self) -> str:
        """The system's id."""
        return self.definition.system

    @property
    def title(self) -> str:
        """The system's title."""
        return self.definition.title or self.definition.system

    @property
    def entity_title(self) -> str:
        """The title of the entities, such as 县区."""
        return self.definition.entities.title

    @property
    def decimals(self) -> int:
        """The decimals of printed totals."""
        return self.definition.ranking.decimals

    @property
    def full(self) -> float:
        """The full mark."""
        return self.definition.composite.full

    @property
    def periods(self) -> list[str]:
        """The labels of the periods in the frames, in order."""
        return [label for index, label in self.labels.items() if self.shown is None or index in self.shown]

    @cached_property
    def definition_hash(self) -> str:
        """A hash of the content of the definition, independent of how it is written."""
        return definition_hash(self.definition)

    # ---- FRAMES ---- #

    @cached_property
    def totals(self) -> pl.DataFrame:
        """One row per period and entity, ordered by period, cohort and rank.

        Columns: system, period, cohort, entity, score (rounded), raw_score (before rounding), stars (the level, Int8,
        null without a star scheme), grade (the name of the level, null without names), rank, of (ranked in the
        cohort), rank_change (positive: moved up), score_change, coverage (percent of weight with data), veto (titles,
        empty for none), status (why there is no score). Where intervals were asked for, also rank_low, rank_high,
        score_low, score_high (5th and 95th percentile of the runs) and for each level that occurs in them, from the
        highest, its probability in percent (probability_5, probability_4.5 ...).
        """
        frame = self._rows()
        names = {} if self.definition.stars is None else self.definition.stars.names
        grade = (
            pl.col("stars").cast(pl.Int64).replace_strict(names, default=None, return_dtype=pl.String)
            if names
            else pl.lit(None, dtype=pl.String)
        )
        placed = frame.select(
            **self._keys(),
            score="score", raw_score="raw", stars="stars", grade=grade, rank="rank", of="of", rank_change="rank_change",
            score_change="score_change", coverage=Column(ROOT).coverage, veto="veto", status=Column("raw").status,
            order=pl.int_range(pl.len()), when="period_index",
        )  # fmt: skip
        placed = placed.with_columns(pl.col("order").min().over("when", "cohort").alias("group"))
        ordered = placed.sort("when", "group", "rank", "order", nulls_last=True)
        totals = _published(ordered.drop("when", "group", "order"))
        if self.intervals is None:
            return totals
        return totals.join(self.intervals, on=["period", "entity"], how="left", maintain_order="left")

    @cached_property
    def pillars(self) -> pl.DataFrame:
        """One row per period, entity and pillar, in the order of the roster and the definition.

        Columns: system, period, cohort, entity, pillar, title, parent (null for a top one), score (percent of full
        marks), weight (percent of the whole that it carried), points (its contribution to the total, on the scale of
        the full mark, see `kpi.engine.contributions`), coverage, rank, status; with `show: marks` also marks (the score
        in marks of the pillar) and full_marks.
        """
        names = list(self.definition.pillars)
        return self._long(
            "pillar", names, {name: self.definition.pillars[name].title or name for name in names},
            {
                "parent": lambda n: pl.lit(self.definition.parents.get(n), dtype=pl.String),
                "score": lambda n: pl.col(Column(n).score), "weight": lambda n: pl.col(Column(n).weight),
                "points": lambda n: pl.col(Column(n).contribution),
                "coverage": lambda n: pl.col(Column(n).coverage), "rank": lambda n: pl.col(Column(n).rank),
                "status": lambda n: pl.col(Column(n).score.status), **self._marks(),
            },
        )  # fmt: skip

    @cached_property
    def indicators(self) -> pl.DataFrame:
        """One row per period, entity and indicator, in the order of the roster and the definition.

        Columns: system, period, cohort, entity, indicator, title, value (in unit), unit, status, target, comparator,
        attainment (percent of the target), schedule (percent that should be reached by now), light, reached, score
        (percent of full marks), score_status, weight (percent of the whole that it carried), points (what it gives to
        the total, on the scale of the full mark, see `kpi.engine.contributions`), rank; with `show: marks` also marks
        (the score in marks of the item) and full_marks; with `limits:` also lower, upper (the confidence limits of the
        value) and signal (where it is between the funnel limits of its group, see `limits`); with stars by cuts of
        the total also stars (the level that a total of this score would have), stars_low and stars_high (the lowest and
        the highest of the values between the limits; null where values are treated or scores depend on other units).
        """
        system = self.definition
        names = list(system.indicators)
        comparators = {n: (t[0].comparator if (t := system.targets(n)) else None) for n in names}
        weighted = {name for name in names if name in system.parents}

        def of_tree(column: str, name: str) -> pl.Expr:
            return pl.col(column) if name in weighted else pl.lit(None, dtype=pl.Float64)

        return self._long(
            "indicator", names, {name: system.symbols[name].title for name in names},
            {
                "value": pl.col, "unit": lambda n: pl.lit(str(system.unit(n))),
                "status": lambda n: pl.col(Column(n).status),
                "target": lambda n: target_bounds(system, n)[0],
                "comparator": lambda n: pl.lit(comparators[n], dtype=pl.String),
                "attainment": lambda n: pl.col(Column(n).attainment), "schedule": lambda n: pl.col(Column(n).schedule),
                "light": lambda n: pl.col(Column(n).light).cast(LIGHTS), "reached": lambda n: pl.col(Column(n).reached),
                "score": lambda n: pl.col(Column(n).score), "score_status": lambda n: pl.col(Column(n).score.status),
                "weight": lambda n: of_tree(Column(n).weight, n),
                "points": lambda n: of_tree(Column(n).contribution, n),
                "rank": lambda n: pl.col(Column(n).rank), **self._marks(), **self._ends(),
            },
        )  # fmt: skip

    def _ends(self) -> dict[str, Callable[[str], pl.Expr]]:
        """Return the columns `lower`, `upper` and `signal` of indicators, where the system has confidence limits."""
        funnels = funnel_limits.has_funnel(self.definition)
        if not funnels:
            return {}
        nothing = pl.lit(None, dtype=pl.Float64)
        return {
            "lower": lambda name: pl.col(Column(name).lower_limit) if name in funnels else nothing,
            "upper": lambda name: pl.col(Column(name).upper_limit) if name in funnels else nothing,
            "signal": lambda name: pl.col(Column(name).signal) if funnels.get(name) else nothing.cast(pl.String),
            **self._ratings(),
        }

    def _ratings(self) -> dict[str, Callable[[str], pl.Expr]]:
        """Return the columns `stars`, `stars_low` and `stars_high` of indicators, where limits can be rated."""
        names = limits_of_levels.rated(self.definition)
        if not names:
            return {}

        def of(name: str, part: Column) -> pl.Expr:
            return pl.col(part) if name in names else pl.lit(None, dtype=pl.Float64)

        return {
            "stars": lambda name: of(name, Column(name).level),
            "stars_low": lambda name: of(name, Column(name).level_low),
            "stars_high": lambda name: of(name, Column(name).level_high),
        }

    def _marks(self) -> dict[str, Callable[[str], pl.Expr]]:
        """Return the columns `marks` (earned) and `full_marks` of pillars and indicators, where results show them."""
        if self.definition.show != "marks":
            return {}

        def full(name: str) -> pl.Expr:
            marks = self.definition.shown_marks(name)
            return marks if isinstance(marks, pl.Expr) else pl.lit(marks, dtype=pl.Float64)

        return {"marks": lambda name: pl.col(Column(name).score) * full(name) / 100, "full_marks": full}

    @cached_property
    def longer_rows(self) -> pl.DataFrame:
        """The wide frame of longer periods (`engine.longer_totals`), a row for each shown period and entity."""
        frame = self.published(lambda every: longer_totals.longer(self.definition, every))
        return frame if self.shown is None else frame.filter(pl.col("period").is_in(list(self.shown)))

    def longer_label(self, index: int) -> str:
        """Return the label of a longer period."""
        over, grain = self.definition.totals_over, self.definition.period
        return Period.of(index, grain if over is None else over.grain(grain)).label

    @cached_property
    def longer(self) -> pl.DataFrame:
        """One row per scored period and entity: the longer period (year) up to it, complete with its last period.

        Columns: system, period, cohort, entity, over (the longer period), score, raw_score, stars, grade, rank, of,
        rank_before, rank_change, score_before, score_change (against the longer period before), veto, periods (that
        have a total), expected, status (incomplete: too few of the periods have a total).
        """
        over, names = self.definition.totals_over, {}
        if over is None:
            return pl.DataFrame(schema=LONGER_COLUMNS)
        if self.definition.stars is not None:
            names = self.definition.stars.names
        nothing, level = pl.lit(None, dtype=pl.String), pl.col("stars").cast(pl.Int64)
        grade = level.replace_strict(names, default=None, return_dtype=pl.String) if names else nothing
        labels = {int(index): self.longer_label(int(index)) for index in self.longer_rows[LONGER].unique()}
        return _published(self.longer_rows.select(
            **self._keys(), over=pl.col(LONGER).replace_strict(labels, return_dtype=pl.String), score="score",
            raw_score="raw", stars="stars", grade=grade,
            rank="rank", of="of", rank_before=Column("rank").former, rank_change="rank_change",
            score_before=Column("score").former, score_change="score_change", veto="veto", periods=PARTS_THERE,
            expected=pl.lit(over.number(self.definition.period), pl.Int64), status=Column("raw").status,
        ))  # fmt: skip

    @cached_property
    def longer_pillars(self) -> pl.DataFrame:
        """One row per scored period, entity and pillar: its score over the longer period, made as the total is.

        Columns: system, period, cohort, entity, pillar, title, over, score (percent of full marks), status.
        """
        names = list(self.definition.pillars) if self.definition.totals_over is not None else []
        if not names:
            return pl.DataFrame(schema=LONGER_PILLARS)
        rows = self.longer_rows
        labels = {int(index): self.longer_label(int(index)) for index in rows[LONGER].unique()}
        keys = rows.select(**self._keys(), over=pl.col(LONGER).replace_strict(labels, return_dtype=pl.String))
        tables = [
            keys.with_columns(
                pillar=pl.lit(name), title=pl.lit(self.definition.pillars[name].title or name),
                score=rows[Column(name).score], status=rows[Column(name).score.status], at=pl.int_range(pl.len()),
            )
            for name in names
        ]  # fmt: skip
        return _published(pl.concat(tables).sort("at", maintain_order=True).select(*LONGER_PILLARS))

    @cached_property
    def places(self) -> pl.DataFrame:
        """One row per period, entity and ranking that it has a place in, with its former place.

        Columns: system, period, cohort (as in the totals), entity, within (`all`, `cohort` or the name of a group),
        group (null for none), rank, of, against (the window of the change, null for one period), rank_before,
        rank_change (positive: moved up; null where the entity was in another group, or areas changed).
        """
        definition = self.definition
        names = list(definition.ranking.within or (definition.ranking.main,)) if definition.places_apart else []
        if not names:
            return pl.DataFrame(schema=PLACES)
        return self._long(
            "within", names, dict.fromkeys(names, ""),
            {
                "group": self._group,
                "rank": lambda n: pl.col(in_ranking(n).place), "of": lambda n: pl.col(in_ranking(n).ranked),
                "against": lambda _: pl.lit(definition.ranking.against, dtype=pl.String),
                "rank_before": lambda n: pl.col(in_ranking(n).former),
                "rank_change": lambda n: pl.col(in_ranking(n).place_change),
            },
        ).drop("title")  # fmt: skip

    @cached_property
    def headlines(self) -> pl.DataFrame:
        """One row per period, entity and headline (a top pillar of weight 0), as `totals` has for the total.

        Columns: system, period, cohort, entity, headline, title, score (rounded as totals are, of 100), raw_score,
        rank, of, rank_change, score_change, coverage, status.
        """
        names = list(self.definition.headlines)
        if not names:
            return pl.DataFrame(schema=HEADLINES)
        return self._long(
            "headline", names, {name: self.definition.pillars[name].title or name for name in names},
            {
                "score": lambda n: pl.col(Column(n).printed), "raw_score": lambda n: pl.col(Column(n).score),
                "rank": lambda n: pl.col(Column(n).place), "of": lambda n: pl.col(Column(n).ranked),
                "rank_change": lambda n: pl.col(Column(n).place_change),
                "score_change": lambda n: pl.col(Column(n).printed_change),
                "coverage": lambda n: pl.col(Column(n).coverage),
                "status": lambda n: pl.col(Column(n).score.status),
            },
        )  # fmt: skip

    @cached_property
    def outlook(self) -> pl.DataFrame:
        """Where figures are going: one row per period, entity and indicator that is a projection or a pace.

        Columns: system, period, cohort, entity, indicator, title, value, unit, status; of a projection low and high
        (the ends of its interval) and light; of a pace actual and required (growth a year, in the unit of its figure,
        or percent if compound) and class (on_track, moderately_improving, stagnating, decreasing).
        """
        system = self.definition
        names = [name for name, indicator in system.indicators.items() if indicator.projects or indicator.classified]

        def beside(name: str, column: Column, *, there: bool) -> pl.Expr:
            return pl.when(pl.col(name).is_not_null()).then(column) if there else pl.lit(None, dtype=pl.Float64)

        def classes(name: str) -> pl.Expr:
            indicator = system.indicators[name]
            return class_of(name, indicator.class_cuts) if indicator.classified else pl.lit(None, dtype=pl.String)

        projects = {name: system.indicators[name].projects for name in names}
        paced = {name: system.indicators[name].classified for name in names}
        return self._long(
            "indicator", names, {name: system.symbols[name].title for name in names},
            {
                "value": pl.col, "unit": lambda n: pl.lit(str(system.unit(n))),
                "status": lambda n: pl.col(Column(n).status),
                "low": lambda n: beside(n, Column(n).low, there=projects[n]),
                "high": lambda n: beside(n, Column(n).high, there=projects[n]),
                "light": lambda n: pl.col(Column(n).light).cast(LIGHTS),
                "actual": lambda n: beside(n, Column(n).actual, there=paced[n]),
                "required": lambda n: beside(n, Column(n).required, there=paced[n]),
                "class": classes,
            },
        )  # fmt: skip

    @cached_property
    def limits(self) -> pl.DataFrame:
        """Confidence limits: one row per period, entity and indicator that has them.

        Columns: system, period, cohort, entity, indicator, title, value, unit, level (percent), lower, upper (the
        confidence limits of the value); of the funnel of its group: centre (the value of the group as a whole), low_95,
        high_95, low_998, high_998 (its limits for a unit of this size, with over-dispersion), dispersion (how much more
        the values differ than by chance, 1 for chance) and signal (alarm_above, alert_above, within, alert_below,
        alarm_below). Without `limits:` it is empty.
        """
        system, result = self.definition, limited(self.definition)
        funnels = funnel_limits.has_funnel(system)
        nothing = pl.lit(None, dtype=pl.Float64)

        def of_funnel(name: str, expr: Callable[[Column], pl.Expr]) -> pl.Expr:
            return expr(Column(name)) if funnels[name] else nothing

        def end(name: str, z: float) -> pl.Expr:
            def limit(column: Column) -> pl.Expr:
                expr = pl.col(column.centre) + z * pl.col(column.widened)
                error = result[name][1]
                if error.counts is None:
                    return expr
                # No proportion is above all cases, and no rate below nothing.
                return expr.clip(0, error.counts.scale if error.is_proportion else None)

            return of_funnel(name, limit)

        return self._long(
            "indicator", list(result), {name: system.symbols[name].title for name in result},
            {
                "value": pl.col, "unit": lambda n: pl.lit(str(system.unit(n))),
                "level": lambda n: pl.lit(result[n][0].level, dtype=pl.Float64),
                "lower": lambda n: pl.col(Column(n).lower_limit), "upper": lambda n: pl.col(Column(n).upper_limit),
                "centre": lambda n: of_funnel(n, lambda column: pl.col(column.centre)),
                "low_95": lambda n: end(n, -funnel_limits.INNER), "high_95": lambda n: end(n, funnel_limits.INNER),
                "low_998": lambda n: end(n, -funnel_limits.OUTER), "high_998": lambda n: end(n, funnel_limits.OUTER),
                "dispersion": lambda n: of_funnel(n, lambda column: pl.col(column.dispersion)),
                "signal": lambda n: pl.col(Column(n).signal) if funnels[n] else nothing.cast(pl.String),
            },
        )  # fmt: skip

    @cached_property
    def adjustments(self) -> pl.DataFrame:
        """The non-zero components of the total other than indicators, one row each.

        Columns: system, period, cohort, entity, part, title, kind (bonus, deduction, floor, cap, veto; of nodes: mean,
        rounding, missing), points (on the scale of the full mark). The points of the indicators and these add up to
        `raw_score`.
        """
        wide = self._rows(details=True)
        names = ("system", "period", "cohort", "entity", "part", "title", "kind", "points")
        keys = wide.select(**self._keys(), order=pl.int_range(pl.len()))
        tables = [keys.clear().with_columns(part=pl.lit(""), title=pl.lit(""), kind=pl.lit(""), points=pl.lit(0.0))]
        for entry in entries(self.definition):
            rows = keys.with_columns(
                part=pl.lit(entry.name), title=pl.lit(entry.title), kind=pl.lit(entry.kind),
                points=wide.select(entry.points.alias("points")).to_series(),
            ).filter(pl.col("points").abs() > NOISE)  # fmt: skip
            tables.append(rows)
        return pl.concat(tables).sort("order", maintain_order=True).select(names)

    @cached_property
    def measures(self) -> pl.DataFrame:
        """One row per period, entity and measure: system, period, entity, measure, title, value, unit, status, rows."""
        system = self.definition
        names = [name for name, measure in system.measures.items() if measure.per is None]
        return self._long(
            "measure", names, {name: system.symbols[name].title for name in names},
            {
                "value": pl.col, "unit": lambda n: pl.lit(str(system.unit(n))),
                "status": lambda n: pl.col(Column(n).status),
                "rows": lambda n: pl.col(Column(n).rows),
            },
        ).drop("cohort")  # fmt: skip

    @cached_property
    def weights(self) -> pl.DataFrame:
        """The weights as used, frozen: one row per period, cohort, node and part.

        Columns: system, period, cohort (of the peers), class (of the columns of the roster by which weights differ,
        where they do, with a row for each class), node, part, method (given, or the method that found it), weight
        (percent of the node, all parts of a node making 100), effective (percent of the whole, when nothing is missing;
        null without a composite), consistency_ratio (of AHP).
        """
        keys = self._keys() | {"cohort": pl.when(pl.col(COHORT) != "").then(pl.col(COHORT))}
        return _published(applied_weights.weights(self.definition, self._rows(), keys))

    @cached_property
    def peer_groups(self) -> pl.DataFrame:
        """With whom star schemes and rules compare an entity: period, entity, group (null for none)."""
        keys = self._keys()
        group = pl.when(pl.col(COHORT) != "").then(pl.col(COHORT))
        return self._rows().select(period=keys["period"], entity=keys["entity"], group=group)

    @cached_property
    def treated(self) -> pl.DataFrame:
        """Every cell that data treatment changed, one row per step that changed it, in the order of the steps.

        Columns: system, period, cohort, entity, step, indicator, title, before, after (null for no value), unit (of
        both, null where the step or one before it leaves values without a unit), treatment (the step in words, with the
        formula that was used: that of a logarithm depends on the skew of the peers).
        """
        return _published(applied_weights.treated(self.definition, self._rows(), self._keys()))

    @property
    def findings(self) -> pl.DataFrame:
        """All findings, errors first, their messages and hints in the language in use.

        Columns: code, severity, message, file, row, column, entity, period, hint, stands_for (the number of
        findings that the row represents: the last entry of a shortened list represents the rest).
        """
        language = locale.current()
        if language not in self._findings_by_language:
            self._findings_by_language[language] = self._findings()
        return self._findings_by_language[language]

    @cached_property
    def _findings_by_language(self) -> dict[str, pl.DataFrame]:
        return {}

    def _findings(self) -> pl.DataFrame:
        order = list(Severity)
        rows = [
            {
                "code": finding.code, "severity": str(finding.severity),
                "message": rendered(finding.message),
                "file": finding.place.file, "row": finding.place.row, "column": finding.place.field,
                "entity": finding.place.entity, "period": finding.place.period,
                "hint": None if finding.hint is None else rendered(finding.hint),
                "stands_for": finding.stands_for,
            }
            for finding in sorted(self.findings_list, key=lambda item: order.index(item.severity))
        ]  # fmt: skip
        text = ["code", "severity", "message", "file", "column", "entity", "period", "hint"]
        schema: dict[str, type[pl.DataType]] = {
            name: (pl.String if name in text else pl.Int64)
            for name in (
                "code",
                "severity",
                "message",
                "file",
                "row",
                "column",
                "entity",
                "period",
                "hint",
                "stands_for",
            )
        }
        return pl.DataFrame(rows, schema=schema)

    @cached_property
    def texts(self) -> Mapping[str, Message]:
        """The messages that the frames have as English text, by that text, for reports in other languages."""
        texts: list[str | None] = [text for finding in self.findings_list for text in (finding.message, finding.hint)]
        texts += [entry.title for entry in entries(self.definition)]
        for treatment in self.definition.treatment.values():
            texts += [treatment.words(), treatment.words_of_values, treatment.words_mirrored]
        return {str(text): text for text in texts if isinstance(text, Message)}

    @cached_property
    def quality(self) -> pl.DataFrame:
        """The quality of reporting, one row per period and department; columns as in `reporting_quality`."""
        rows = self._shown(self.worlds[0]) if self.worlds else self._rows()
        return quality(self.definition, rows, self.labels, self.entities["entity"], self.supply)

    @cached_property
    def restated(self) -> pl.DataFrame:
        """The figures that later revisions replaced, ordered by period, entity and measure.

        Columns: system, period (the figure's own, which may be finer than the scored ones), entity, measure, title,
        before, after (in the measure's unit, null for no value), unit, revision and new_revision, file and row (of what
        was restated).
        """
        rows = self.supply.restated
        if rows is None:
            return pl.DataFrame(schema=RESTATED)
        return self._superseded(rows).with_columns(system=pl.lit(self.system)).select(list(RESTATED))

    @property
    def restated_in(self) -> pl.Series:
        """The label of the scored period that each row of `restated` belongs to."""
        rows = self.supply.restated
        if rows is None:
            return pl.Series("period", [], dtype=pl.String)
        return self._superseded(rows)["index"].replace_strict(dict(self.labels), return_dtype=pl.String)

    def _superseded(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows if self.shown is None else rows.filter(pl.col("index").is_in(list(self.shown)))

    @property
    def extras(self) -> dict[str, pl.DataFrame]:
        """Frames that only some scorecards have.

        `longer` and `longer_pillars` with totals over longer periods, `places` if there are several rankings, or former
        places, `headlines` if there are indices beside the total, `adjustments` if something other than indicators
        contributes to the total, `weights` if a method derived weights from data, `treated` if there is data treatment,
        `restated` if a figure was replaced, `limits` if there are confidence limits, `outlook` if an indicator is a
        projection or a pace, `quality` if reporters or due dates are known.
        """
        return self._of_totals() | self._of_figures()

    @property
    def asked(self) -> tuple[str, ...]:
        """Those of `limits`, `alike` and `outlook` that the definition asks for."""
        system, tables = self.definition, []
        if limited(system):
            tables += ["limits"] if system.stars is None or "alike" not in self.namespaces else ["limits", "alike"]
        if any(indicator.projects or indicator.classified for indicator in system.indicators.values()):
            tables.append("outlook")
        return tuple(tables)

    def _of_totals(self) -> dict[str, pl.DataFrame]:
        """Return the further frames about totals and the tree, as far as there are any."""
        frames = {}
        if self.definition.totals_over is not None:
            frames["longer"], frames["longer_pillars"] = self.longer, self.longer_pillars
        if self.definition.places_apart:
            frames["places"] = self.places
        if self.definition.headlines:
            frames["headlines"] = self.headlines
        # Always present if the full mark is not 100: older results have `points` in percent and lack this frame.
        if self.adjustments.height or self.full != 100:
            frames["adjustments"] = self.adjustments
        if self.definition.varied or any(node.weights is not None for node in self.definition.nodes.values()):
            frames["weights"] = self.weights
        return frames

    def _of_figures(self) -> dict[str, pl.DataFrame]:
        """Return the further frames about figures and values, as far as there are any."""
        frames = {}
        if self.definition.treatment:
            frames["treated"] = self.treated
        if self.restated.height:
            frames["restated"] = self.restated
        for name in self.asked:
            frame: pl.DataFrame = getattr(self, name)
            if frame.height or name != "alike":
                frames[name] = frame
        if is_assessable(self.definition, self.supply):
            frames["quality"] = self.quality
        return frames

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """All result frames by name."""
        return {name: getattr(self, name) for name in ("totals", "pillars", "indicators", "measures", "findings")}

    def table(self, name: str = "totals") -> pl.DataFrame:
        """Return a result frame by name: one of `frames` or `extras`.

        Raises:
            DataError: K541, there is no such frame.
        """
        frames = self.frames | self.extras
        if name not in frames:
            message = Message("there is no frame `{name}`", name=name)
            hint = suggest(name, frames) or Message("{names}", names=tuple(frames))
            raise DataError(Diagnostic("K541", message, hint=hint))
        return frames[name]

    def to_dicts(self, name: str = "totals") -> list[dict[str, Any]]:
        """Return the rows of a result frame as dicts, with statuses as texts; errors as for `table`."""
        return self.table(name).to_dicts()

    def to_arrow(self, name: str = "totals") -> Any:
        """Return a result frame as an Arrow table of PyArrow; errors as for `table`, K510 without PyArrow."""
        return _converted(self.table(name).to_arrow, Message("Arrow tables need the package pyarrow"))

    def to_pandas(self, name: str = "totals") -> Any:
        """Return a result frame as a pandas frame; errors as for `table`, K510 without pandas or PyArrow."""
        return _converted(self.table(name).to_pandas, Message("frames of pandas need the packages pandas and pyarrow"))

    @cached_property
    def breaks(self) -> pl.DataFrame:
        """How often the series of each indicator and measure broke up to a period, as units succeeded one another.

        Columns: period, entity, name, breaks. Without units that succeed one another it is empty.
        """
        system, frame = self.definition, self._rows()
        kinds = dict.fromkeys(("period", "entity", "name"), pl.String) | {"breaks": pl.Int32}
        results = [pl.DataFrame(schema=kinds)]
        keys = frame.select(**{key: self._keys()[key] for key in ("period", "entity")})
        for name in (*system.measures, *system.indicators):
            columns = [column for column in system.breaks(name) if column in frame.columns]
            if columns:
                many = frame.select(pl.sum_horizontal(columns).cast(pl.Int32)).to_series()
                results.append(keys.with_columns(name=pl.lit(name), breaks=many))
        return pl.concat(results)

    @cached_property
    def classes(self) -> pl.DataFrame:
        """The classes by which weights or rules differ: period, entity, attribute (the column of the roster), class."""
        frame, keys = self._rows(), self._keys()
        schema = dict.fromkeys(("period", "entity", "attribute", "class"), pl.String)
        tables = [
            frame.select(keys["period"].alias("period"), keys["entity"].alias("entity")).with_columns(
                pl.lit(attribute).alias("attribute"), frame[class_by(attribute)].alias("class")
            )
            for attribute in self.definition.classes
            if class_by(attribute) in frame.columns
        ]
        return pl.concat([pl.DataFrame(schema=schema), *tables])

    @cached_property
    def not_compared(self) -> frozenset[tuple[str, str]]:
        """The periods and entities with a place in the period before, whose areas have changed since."""
        system = self.definition
        if system.entities.succession is None:
            return frozenset()
        before = pl.col("rank").shift(1).over("entity", order_by="period")
        rows = self.frame.with_columns(before=before).filter(
            pl.col("rank").is_not_null() & pl.col("before").is_not_null() & pl.col("rank_change").is_null()
        )
        return frozenset(rows.select(**{key: self._keys()[key] for key in ("period", "entity")}).rows())

    def only(self, periods: Sequence[int]) -> Scorecard:
        """Return the scorecard with its tidy frames restricted to some period indices."""
        return replace(self, shown=tuple(periods))

    # ---- CONSTRUCTION OF THE FRAMES ---- #

    @property
    def panel(self) -> pl.DataFrame:
        """The panel that the scorecard was computed from: its frame without what the stages added."""
        frame, system = self.frame, self.definition
        if group_of(COHORTS) in frame.columns:
            frame = frame.with_columns(pl.col(group_of(COHORTS)).alias(COHORT))
        figures = {column for name in system.measures for column in (name, Column(name).status)}
        computed = {name for stage in self.plan.stages for name in stage.columns} - figures - {COHORT}
        return frame.drop(computed, strict=False)

    @cached_property
    def detailed(self) -> pl.DataFrame:
        """The wide frame of the shown periods with the details of the plan, computed on first use."""
        return self.published(lambda every: self.plan.detail(self._shown(self.plan.with_intervals(every))))

    @cached_property
    def ranged(self) -> pl.DataFrame:
        """The wide frame with the intervals of projections, computed on first use."""
        return self.published(self.plan.with_intervals)

    def published(self, compute: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """Return what is computed from the wide frame, without what depends on suppressed figures.

        Args:
            compute: gives columns of rows in an order that does not depend on figures.
        """
        if not self.worlds:
            return compute(self.frame)
        rules = self.definition.disclosure
        return withheld.common([compute(world) for world in self.worlds], () if rules is None else rules.keep)

    def _shown(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame if self.shown is None else frame.filter(pl.col("period").is_in(list(self.shown)))

    def _rows(self, *, details: bool = False) -> pl.DataFrame:
        frame = self.detailed if details else self._shown(self.frame)
        return frame.with_columns(period_index=pl.col("period"))

    def _keys(self) -> dict[str, pl.Expr]:
        names = self.entities["entity"]
        return {
            "system": pl.lit(self.system),
            "period": pl.col("period").replace_strict(dict(self.labels), return_dtype=pl.String),
            "cohort": self._group(self.definition.ranking.main),
            "entity": pl.col("entity").replace_strict(dict(enumerate(names)), return_dtype=pl.String),
        }

    def _group(self, grouping: str) -> pl.Expr:
        """Return the group of an entity in a grouping, null for none."""
        _, *column = self.definition.grouped_by(grouping)
        return pl.when(pl.col(column[0]) != "").then(pl.col(column[0])) if column else pl.lit(None, dtype=pl.String)

    def _long(
        self, heading: str, names: Sequence[str], titles: Mapping[str, str], values: Mapping[str, object]
    ) -> pl.DataFrame:
        """Stack columns of the wide frame into rows: for each row of it all names, in order."""
        wide = self._rows(details=True)
        keys = wide.select(**self._keys())
        number, height = len(names), wide.height
        # Row r of the wide frame becomes rows r*number ... r*number + number - 1.
        order = pl.int_range(number * height, eager=True)
        gather = (order % number) * height + order // number if number else order
        repeated = keys.select(pl.all().gather(order // max(number, 1)))
        labels = pl.DataFrame(
            {heading: names, "title": [titles[name] for name in names]}, schema={heading: pl.String, "title": pl.String}
        )
        stacked = labels.select(pl.all().gather(order % max(number, 1))) if number else labels
        columns = []
        for column, expression in values.items():
            series = wide.select([expression(name).alias(str(i)) for i, name in enumerate(names)])  # type: ignore[operator]
            parts = [
                column_of if len(column_of) == height else column_of.new_from_index(0, height)
                for column_of in series.get_columns()
            ]
            joined = pl.concat(parts) if parts else pl.Series([], dtype=pl.Float64)
            columns.append(joined.gather(gather).alias(column) if number else joined.alias(column))
        return pl.concat([repeated, stacked, _published(pl.DataFrame(columns))], how="horizontal")


def _published(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame for output: minus zero becomes zero."""
    return frame.with_columns(unsigned_zero(cs.float()))


#: The keys of systems and indicators that hashes of older systems do not have.
_LATER, _LATER_OF_DOMINANCE = ("limits", "localise", "shrink", "disclosure"), ("by", "n")


def _converted(convert: Callable[[], Any], lacking: Message) -> Any:
    try:
        return convert()
    except ImportError as error:
        hint = Message("pip install {packages}", packages="pandas pyarrow")
        raise DataError(Diagnostic("K510", lacking, hint=hint)) from error


def definition_hash(system: System) -> str:
    """Return a hash of the content of a definition: sixteen hexadecimal digits."""
    content = system.model_dump(mode="json", by_alias=True)
    # A system that states nothing of these has the hash that it had before it could.
    if content["uncertainty"]["show"] is None:
        del content["uncertainty"]["show"]
        if not system.uncertainty.declared:
            del content["uncertainty"]
    disclosure = content.get("disclosure") or {}
    for key in ("dominance", "years"):
        if not disclosure.get(key):
            disclosure.pop(key, None)
    blocks: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        (block, _LATER) for block in (content, *content["indicators"].values())
    ]
    blocks += [(block, _LATER_OF_DOMINANCE) for block in disclosure.get("dominance", {}).values()]
    for block, later in blocks:
        for key in later:
            if block.get(key) is None:
                block.pop(key, None)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_of_intervals(column: str) -> bool:
    """Return whether a column of totals is one of intervals or probabilities, which only some results have."""
    return column in BOUNDS or column.startswith(PROBABILITY)


def as_scorecard(given: object) -> Scorecard:
    """Return what a function is given as a scorecard; raise DataError K556 for anything else, such as a path."""
    if isinstance(given, Scorecard):
        return given
    message = Message("{type} is no scorecard", type=type(given).__name__)
    raise DataError(Diagnostic("K556", message, hint=Message("give what kpi.score returns")))
