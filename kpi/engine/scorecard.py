"""The scorecard: results as tidy frames, sorted, without timestamps, the same bits for the same input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl
import polars.selectors as cs

from kpi.engine import applied_weights
from kpi.engine.contributions import NOISE, entries
from kpi.engine.plan import Plan
from kpi.engine.reporting_quality import Supply, quality, told
from kpi.engine.result_columns import goal
from kpi.errors import Diagnostic, Message, Severity
from kpi.language.system import ROOT, System
from kpi.values.columns import Column
from kpi.values.rounding import unsigned_zero

#: The columns of what was restated.
RESTATED: dict[str, type[pl.DataType]] = {
    "system": pl.String, "period": pl.String, "entity": pl.String, "measure": pl.String, "title": pl.String,
    "before": pl.Float64, "after": pl.Float64, "unit": pl.String, "revision": pl.Float64, "new_revision": pl.Float64,
    "file": pl.String, "row": pl.Int64,
}  # fmt: skip

LIGHTS = pl.Enum(["green", "yellow", "red", "none"])


@dataclass(frozen=True)
class Scorecard:
    """The results of scoring a panel with a plan.

    Attributes:
        plan: what was computed.
        frame: every column of the plan, one row per period and entity (wide).
        entities: entity (String) and code, in order.
        labels: the text of each period index that was scored, in order.
        findings_list: what was found in the data.
        data_hash: of the files.
        shown: the period indices that the tidy frames hold; all of `labels` when None.
        counts: what became of the rows: read, used, refused, restated, repeated; and where there are any, how many rows
            were left_out (about no unit, or of figures that the system does not use), how many for other periods
            passed_over, and how many files unread.
        supply: who reported, what was restated, what is in doubt.
        former: the units that are none any more, each with where it went.
        renamed: those of them that only have a new name, each with it.
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

    # ---- WHAT IT IS ---- #

    @property
    def definition(self) -> System:
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
        """What the entities are called."""
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
        """A hash of the definition: what it says, not how it is written."""
        return definition_hash(self.definition)

    # ---- FRAMES ---- #

    @cached_property
    def totals(self) -> pl.DataFrame:
        """One row per period and entity, in the order of periods, cohorts, places.

        Columns: system, period, cohort, entity, score (rounded), raw_score (before rounding), stars (the level, Int8,
        null without a star scheme), grade (the name of the level, null without names), rank, of (ranked in the
        cohort), rank_change (positive: moved up), score_change, coverage (percent of weight with data), veto (titles,
        empty for none), status (why there is no score).
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
        return _published(ordered.drop("when", "group", "order"))

    @cached_property
    def pillars(self) -> pl.DataFrame:
        """One row per period, entity and pillar, in the order of the roster and the definition.

        Columns: system, period, cohort, entity, pillar, title, parent (null for a top one), score (percent of full
        marks), weight (percent of the whole that it carried), points (what it gives to the total, on the scale of the
        full mark, see `kpi.engine.contributions`), coverage, rank, status.
        """
        names = list(self.definition.pillars)
        return self._long(
            "pillar", names, {name: self.definition.pillars[name].title or name for name in names},
            {
                "parent": lambda n: pl.lit(self.definition.parents.get(n), dtype=pl.String),
                "score": lambda n: pl.col(Column(n).score), "weight": lambda n: pl.col(Column(n).weight),
                "points": lambda n: pl.col(Column(n).contribution),
                "coverage": lambda n: pl.col(Column(n).coverage), "rank": lambda n: pl.col(Column(n).rank),
                "status": lambda n: pl.col(Column(n).score.status),
            },
        )  # fmt: skip

    @cached_property
    def indicators(self) -> pl.DataFrame:
        """One row per period, entity and indicator, in the order of the roster and the definition.

        Columns: system, period, cohort, entity, indicator, title, value (in unit), unit, status, target, comparator,
        attainment (percent of the target), schedule (percent that should be reached by now), light, reached, score
        (percent of full marks), score_status, weight (percent of the whole that it carried), points (what it gives to
        the total, on the scale of the full mark, see `kpi.engine.contributions`), rank.
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
                "target": lambda n: goal(system, n)[0],
                "comparator": lambda n: pl.lit(comparators[n], dtype=pl.String),
                "attainment": lambda n: pl.col(Column(n).attainment), "schedule": lambda n: pl.col(Column(n).schedule),
                "light": lambda n: pl.col(Column(n).light).cast(LIGHTS), "reached": lambda n: pl.col(Column(n).reached),
                "score": lambda n: pl.col(Column(n).score), "score_status": lambda n: pl.col(Column(n).score.status),
                "weight": lambda n: of_tree(Column(n).weight, n),
                "points": lambda n: of_tree(Column(n).contribution, n),
                "rank": lambda n: pl.col(Column(n).rank),
            },
        )  # fmt: skip

    @cached_property
    def adjustments(self) -> pl.DataFrame:
        """What gives to the total beside the indicators, one row each where it is not zero.

        Columns: system, period, cohort, entity, part, title, kind (bonus, deduction, floor, cap, veto; of nodes: mean,
        rounding, missing), points (on the scale of the full mark). The points of the indicators and these add up to
        `raw_score`.
        """
        wide = self._rows(details=True)
        names = ("system", "period", "cohort", "entity", "part", "title", "kind", "points")
        keys = wide.select(**self._keys(), order=pl.int_range(pl.len()))
        found = [keys.clear().with_columns(part=pl.lit(""), title=pl.lit(""), kind=pl.lit(""), points=pl.lit(0.0))]
        for one in entries(self.definition):
            rows = keys.with_columns(
                part=pl.lit(one.name), title=pl.lit(one.title), kind=pl.lit(one.kind),
                points=wide.select(one.points.alias("points")).to_series(),
            ).filter(pl.col("points").abs() > NOISE)  # fmt: skip
            found.append(rows)
        return pl.concat(found).sort("order", maintain_order=True).select(names)

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
        """The weights as they were used, frozen: one row per period, cohort, node and part.

        Columns: system, period, cohort, node, part, method (given, or the method that found it), weight (percent of the
        node, all parts of a node making 100), effective (percent of the whole, when nothing is missing; null without
        a composite), consistency_ratio (of AHP).
        """
        return _published(applied_weights.weights(self.definition, self._rows(), self._keys()))

    @cached_property
    def treated(self) -> pl.DataFrame:
        """Every cell that data treatment changed, one row per step that changed it, in the order of the steps.

        Columns: system, period, cohort, entity, step, indicator, title, before, after (in the indicator's unit, null
        for no value), unit, treatment (the step in words).
        """
        return _published(applied_weights.treated(self.definition, self._rows(), self._keys()))

    @cached_property
    def findings(self) -> pl.DataFrame:
        """What was found, errors first.

        Columns: code, severity, message, file, row, column, entity, period, hint, stands_for (how many findings it
        counts as: one that closes a list says how many more there are).
        """
        order = list(Severity)
        rows = [
            {
                "code": one.code, "severity": str(one.severity), "message": one.message, "file": one.place.file,
                "row": one.place.row, "column": one.place.field, "entity": one.place.entity, "period": one.place.period,
                "hint": one.hint, "stands_for": one.stands_for,
            }
            for one in sorted(self.findings_list, key=lambda one: order.index(one.severity))
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
    def quality(self) -> pl.DataFrame:
        """How well each department reports, one row per period and department; columns as in `reporting_quality`."""
        return quality(self.definition, self._rows(), self.labels, self.entities["entity"], self.supply)

    @cached_property
    def restated(self) -> pl.DataFrame:
        """Every figure that a later revision took the place of, in the order of periods, entities and measures.

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
        """Frames that not every scorecard has.

        `adjustments` where something beside the indicators gives to the total, `weights` where a method found some,
        `treated` where a cell may have been, `restated` where a figure was, and `quality` where something says who
        reports or when it is due.
        """
        found = {}
        # With another full mark it is always there, as `points` were percent of the whole before there was this frame.
        if self.adjustments.height or self.full != 100:
            found["adjustments"] = self.adjustments
        if any(node.weights is not None for node in self.definition.nodes.values()):
            found["weights"] = self.weights
        if self.definition.treatment:
            found["treated"] = self.treated
        if self.restated.height:
            found["restated"] = self.restated
        if told(self.definition, self.supply):
            found["quality"] = self.quality
        return found

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """All result frames by name."""
        return {name: getattr(self, name) for name in ("totals", "pillars", "indicators", "measures", "findings")}

    @cached_property
    def breaks(self) -> pl.DataFrame:
        """How often the series of each indicator and measure broke up to a period, as units succeeded one another.

        Columns: period, entity, name, breaks. Without units that succeed one another it is empty.
        """
        system, frame = self.definition, self._rows()
        kinds = dict.fromkeys(("period", "entity", "name"), pl.String) | {"breaks": pl.Int32}
        found = [pl.DataFrame(schema=kinds)]
        keys = frame.select(**{key: self._keys()[key] for key in ("period", "entity")})
        for name in (*system.measures, *system.indicators):
            columns = [column for column in system.breaks(name) if column in frame.columns]
            if columns:
                many = frame.select(pl.sum_horizontal(columns).cast(pl.Int32)).to_series()
                found.append(keys.with_columns(name=pl.lit(name), breaks=many))
        return pl.concat(found)

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
        """Return the scorecard with its tidy frames reduced to some period indices."""
        return replace(self, shown=tuple(periods))

    # ---- HOW THE FRAMES ARE MADE ---- #

    @cached_property
    def detailed(self) -> pl.DataFrame:
        """The wide frame of the periods shown with the plan's details, computed when a tidy frame first needs them."""
        return self.plan.detail(self._shown())

    def _shown(self) -> pl.DataFrame:
        return self.frame if self.shown is None else self.frame.filter(pl.col("period").is_in(list(self.shown)))

    def _rows(self, *, details: bool = False) -> pl.DataFrame:
        frame = self.detailed if details else self._shown()
        return frame.with_columns(period_index=pl.col("period"))

    def _keys(self) -> dict[str, pl.Expr]:
        names = self.entities["entity"]
        return {
            "system": pl.lit(self.system),
            "period": pl.col("period").replace_strict(dict(self.labels), return_dtype=pl.String),
            "cohort": pl.when(pl.col("cohort") != "").then(pl.col("cohort")),
            "entity": pl.col("entity").replace_strict(dict(enumerate(names)), return_dtype=pl.String),
        }

    def _long(
        self, what: str, names: Sequence[str], titles: Mapping[str, str], values: Mapping[str, object]
    ) -> pl.DataFrame:
        """Stacks columns of the wide frame: for every row all names, in order."""
        wide = self._rows(details=True)
        keys = wide.select(**self._keys())
        number, height = len(names), wide.height
        # Row r of the wide frame becomes rows r*number ... r*number + number - 1.
        order = pl.int_range(number * height, eager=True)
        gather = (order % number) * height + order // number if number else order
        repeated = keys.select(pl.all().gather(order // max(number, 1)))
        labels = pl.DataFrame(
            {what: names, "title": [titles[name] for name in names]}, schema={what: pl.String, "title": pl.String}
        )
        stacked = labels.select(pl.all().gather(order % max(number, 1))) if number else labels
        columns = []
        for column, expression in values.items():
            series = wide.select([expression(name).alias(str(i)) for i, name in enumerate(names)])  # type: ignore[operator]
            parts = [one if len(one) == height else one.new_from_index(0, height) for one in series.get_columns()]
            whole = pl.concat(parts) if parts else pl.Series([], dtype=pl.Float64)
            columns.append(whole.gather(gather).alias(column) if number else whole.alias(column))
        return pl.concat([repeated, stacked, _published(pl.DataFrame(columns))], how="horizontal")


def _published(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame as people read it: minus zero, which only binary fractions know, is zero."""
    return frame.with_columns(unsigned_zero(cs.float()))


def definition_hash(system: System) -> str:
    """Return a hash of what a definition says: sixteen hexadecimal digits."""
    text = json.dumps(system.model_dump(mode="json", by_alias=True), ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
