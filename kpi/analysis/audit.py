"""Audit (审计): what a composite index is made of, what its figures are like, and how far its results hold.

The findings follow the ten steps of the handbook: framework, data, missing values and outliers, multivariate analysis,
normalisation, weights and aggregation, robustness, back to the indicators, links to other indicators, presentation.
Correlations and components are of scores, which are all directed upwards, of the units with all of them.

Source: OECD/JRC Handbook on Constructing Composite Indicators (2008); Saisana, Becker, Neves and others, statistical
audits of the JRC, for the limits of skewness, kurtosis and correlation. The limits of availability are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from kpi.analysis import multivariate, statistics
from kpi.analysis.robustness import Robustness, stressed
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, rendered
from kpi.language.system import ROOT, System
from kpi.values.columns import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Percent of values below which an indicator, or a unit, is remarked on.
AVAILABLE = 65.0
#: The skewness and excess kurtosis beyond which, both together, an indicator has outliers.
SKEW, KURTOSIS = 2.0, 3.5
#: The correlation above which two indicators say the same, and below which parts of a node hardly belong together.
REDUNDANT, WEAK = 0.92, 0.3
#: Cronbach's alpha, and the sampling adequacy, below which parts hardly measure one thing.
ALPHA, ADEQUACY = 0.7, 0.6
#: The ratio of effective to nominal weight, either way, beyond which a part is remarked on.
BALANCE = 2.0
#: The share of the units, in percent, that an interval of places may be wide.
WIDE = 25.0
#: How many units at either end are traced back to indicators, and how many indicators of each.
ENDS, DRIVERS = 3, 3

#: Remarks by their key: what was noticed.
REMARKS: Mapping[str, Message] = {
    "few_values": Message("few values"),
    "few_of_unit": Message("unit with few values"),
    "outliers": Message("outliers"),
    "outliers_left": Message("outliers also after treatment"),
    "constant": Message("same score everywhere"),
    "negative": Message("negative correlation within a node"),
    "weak": Message("weak correlation within a node"),
    "redundant": Message("almost the same as another"),
    "against_node": Message("moves against its node"),
    "several_dimensions": Message("several dimensions in a node"),
    "inconsistent": Message("low consistency"),
    "inadequate": Message("low sampling adequacy"),
    "lowers_alpha": Message("consistency is higher without it"),
    "overweight": Message("more weight in effect than on paper"),
    "underweight": Message("less weight in effect than on paper"),
    "unsettled": Message("runs have not converged"),
    "wide": Message("wide interval of places"),
}


#: A row of `Audit.remarks`.
Remark = tuple[int, str, str, str, str | None, float | None, float | None]


class Audit(Struct, frozen=True, dict=True):
    """The audit of one period; its frames are computed when they are first asked for.

    `robustness` is None with fewer than three ranked units or without a composite: `reason` says why.
    """

    card: Scorecard
    period: str
    robustness: Robustness | None
    reason: Diagnostic | None

    @property
    def system(self) -> System:
        """The system."""
        return self.card.definition

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The wide rows of the period."""
        index = next(index for index, label in self.card.labels.items() if label == self.period)
        return self.card.detailed.filter(pl.col("period") == index)

    @cached_property
    def names(self) -> list[str]:
        """The names of the units, in the order of the rows."""
        every = self.card.entities["entity"]
        return [every[int(place)] for place in self.rows["entity"]]

    @cached_property
    def counted(self) -> list[str]:
        """The indicators that give to the total; all that are scored where there is no total."""
        system = self.system
        scored = [name for name in system.indicators if system.rule(name) is not None]
        return [name for name in scored if name in system.counted] if system.tops else scored

    def title(self, name: str | None) -> str:
        """Return the title of an indicator or node."""
        if name is None:
            return Message("all indicators")
        return Message("Total") if name == ROOT else self.system.titles.get(name, name)

    @property
    def texts(self) -> dict[str, Message]:
        """The messages that the frames have as English text, by that text."""
        own = () if self.robustness is None else self.robustness.words
        titles = (self.title(None), self.title(ROOT))
        words = (*own, *titles, *self.card.texts.values())
        return {str(text): text for text in words if isinstance(text, Message)}

    def scores(self, name: str) -> pl.Series:
        """Return the scores of a node or indicator."""
        return self.rows["raw" if name == ROOT else Column(name).score]

    # ---- STRUCTURE AND DATA ---- #

    @cached_property
    def structure(self) -> pl.DataFrame:
        """Every node from the top.

        Columns: node, title, parent, level, parts, indicators (all below), weight (percent of the total on paper).
        """
        system, weights = self.system, self._on_paper
        rows = []
        level = {ROOT: 0}
        for name, _, parts in system.tree:
            level |= dict.fromkeys(parts, level[name] + 1)
            below = list(parts)
            for part in below:
                if part in system.pillars:
                    below += [other for other in system.pillars[part].parts if other in system.counted]
            indicators = sum(part in system.indicators for part in below)
            parent = None if name == ROOT else system.parents.get(name, ROOT)
            weight = 100.0 if name == ROOT else weights.get(name)
            rows.append((name, rendered(self.title(name)), parent, level[name], len(parts), indicators, weight))
        schema = {
            "node": pl.String, "title": pl.String, "parent": pl.String, "level": pl.Int64, "parts": pl.Int64,
            "indicators": pl.Int64, "weight": pl.Float64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def _on_paper(self) -> dict[str, float]:
        """The weight of each part in the total, in percent."""
        frame = self.card.weights.filter(pl.col("period") == self.period)
        return dict(frame.group_by("part").agg(pl.col("effective").mean()).iter_rows())

    @cached_property
    def availability(self) -> pl.DataFrame:
        """How many units have a value, by indicator, the gaps first.

        Columns: indicator, title, there, lacking, not_applicable (units), percent (of those it applies to).
        """
        return statistics.availability(self.card)

    @cached_property
    def units(self) -> pl.DataFrame:
        """How many indicators have a value, by unit, the gaps first.

        Columns: entity, there, lacking, not_applicable (indicators), percent (of those that apply).
        """
        names = list(self.system.indicators)
        absent = self.rows.select(
            pl.sum_horizontal([(pl.col(Column(name).status) == "not_applicable").fill_null(value=False).cast(pl.Int64)
                               for name in names])
        ).to_series()  # fmt: skip
        there = self.rows.select(pl.sum_horizontal([pl.col(name).is_not_null().cast(pl.Int64) for name in names]))
        frame = pl.DataFrame({"entity": self.names, "there": there.to_series(), "not_applicable": absent})
        applicable = len(names) - pl.col("not_applicable")
        percent = pl.when(applicable > 0).then(100 * pl.col("there") / applicable)
        return frame.select("entity", "there", (applicable - pl.col("there")).alias("lacking"), "not_applicable",
                            percent.alias("percent")).sort("lacking", "entity", descending=[True, False])  # fmt: skip

    @cached_property
    def distributions(self) -> pl.DataFrame:
        """The distribution of the values of each indicator, as reported.

        Columns: indicator, title, unit, number, mean, deviation, least, lowest (unit), most, highest (unit), skew,
        kurtosis (G1 and G2, excess), outside (values beyond 1.5 times the interquartile range from the quartiles),
        outliers (|skew| > 2 and kurtosis > 3.5), skew_after and kurtosis_after (of treated values).
        """
        rows = []
        for name in self.system.indicators:
            values = self.rows[name].cast(pl.Float64)
            known = values.drop_nulls()
            if not len(known):
                continue
            low, high = values.arg_min(), values.arg_max()
            assert low is not None and high is not None  # noqa: S101, PT018
            first, third = (float(known.quantile(share, "linear")) for share in (0.25, 0.75))  # type: ignore[arg-type]
            reach = 1.5 * (third - first)
            outside = int(((known < first - reach) | (known > third + reach)).sum())
            skew, kurtosis = _shape(known)
            changed = Column(name).treated
            after = _shape(self.rows[changed].drop_nulls()) if changed in self.rows.columns else (None, None)
            rows.append(
                (name, rendered(self.title(name)), str(self.system.unit(name)), len(known), known.mean(), known.std(),
                 values[low], self.names[low], values[high], self.names[high], skew, kurtosis,
                 outside, _has_outliers(skew, kurtosis), *after)
            )  # fmt: skip
        numbers, texts = pl.Float64, pl.String
        schema = {
            "indicator": texts, "title": texts, "unit": texts, "number": pl.Int64, "mean": numbers,
            "deviation": numbers, "least": numbers, "lowest": texts, "most": numbers, "highest": texts,
            "skew": numbers, "kurtosis": numbers, "outside": pl.Int64, "outliers": pl.Boolean, "skew_after": numbers,
            "kurtosis_after": numbers,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def treatment(self) -> pl.DataFrame:
        """How many values each step of the data treatment changed.

        Columns: step, title, indicator, changed (values).
        """
        keys = {"step": pl.String, "title": pl.String, "indicator": pl.String}
        treated = self.card.treated.filter(pl.col("period") == self.period)
        if treated.is_empty():
            return pl.DataFrame(schema=keys | {"changed": pl.Int64})
        return treated.group_by(list(keys), maintain_order=True).agg(changed=pl.len().cast(pl.Int64)).select(
            *keys, "changed"
        )  # fmt: skip

    # ---- MULTIVARIATE ANALYSIS ---- #

    @cached_property
    def nodes(self) -> dict[str, tuple[str, ...]]:
        """The nodes that make the total with their parts, those with a score."""
        return {name: tuple(part for part in parts if self._scored(part)) for name, _, parts in self.system.tree}

    def _scored(self, part: str) -> bool:
        return part in self.system.pillars or part in self.counted

    def table(self, parts: Sequence[str]) -> tuple[list[str], Floats]:
        """Return the parts that vary, and the scores of the units that have all of these."""
        varying = [part for part in parts if _varies(self.scores(part))]
        frame = pl.DataFrame({part: self.scores(part) for part in varying}).drop_nulls()
        still = [part for part in varying if _varies(frame[part])]
        return still, frame.select(still).to_numpy()

    @cached_property
    def correlations(self) -> pl.DataFrame:
        """Pearson's correlations of scores: of all parts of each node, then of indicators of different nodes.

        Columns: node (of which both are parts; null across nodes), first, second, correlation (null for fewer than
        three units, or where one does not vary), entities (with both), remark (redundant, negative, weak).
        """
        parents = self.system.parents
        rows = []
        for node, parts in self.nodes.items():
            rows += [(node, *pair) for pair in self._pairs(parts)]
        across = [
            (None, first, second, *rest) for first, second, *rest in self._pairs(self.counted)
            if parents.get(first) != parents.get(second)
        ]  # fmt: skip
        schema = {
            "node": pl.String, "first": pl.String, "second": pl.String, "correlation": pl.Float64,
            "entities": pl.Int64,
        }  # fmt: skip
        value, within = pl.col("correlation"), pl.col("node").is_not_null()
        remark = (
            pl.when(value > REDUNDANT).then(pl.lit("redundant")).when(within & (value < 0)).then(pl.lit("negative"))
            .when(within & (value < WEAK)).then(pl.lit("weak"))
        )  # fmt: skip
        return pl.DataFrame(rows + across, schema=schema, orient="row").with_columns(remark=remark)

    def _pairs(self, parts: Sequence[str]) -> Iterator[tuple[str, str, float | None, int]]:
        from kpi.values.numerics import correlated

        columns = [self.scores(part) for part in parts]
        table = correlated(columns)
        for i, j in combinations(range(len(parts)), 2):
            both = int((columns[i].is_not_null() & columns[j].is_not_null()).sum())
            yield parts[i], parts[j], table[i][j] if both >= 3 else None, both

    @cached_property
    def parts(self) -> pl.DataFrame:
        """The correlations of each part with its node, the total, and the nearest other node.

        Columns: node, part, title, with_node, with_total, with_other (of an indicator the largest with a node that it
        is not in), other (that node).
        """
        total = self.scores(ROOT) if self.nodes else None
        rows = []
        for node, parts in self.nodes.items():
            others = [other for other in self.nodes if other not in (node, ROOT)]
            for part in parts:
                own = self.scores(part)
                best: tuple[float, str] | None = None
                if part in self.system.indicators:
                    for other in others:
                        value = _correlation(own, self.scores(other))
                        if value is not None and part not in self._below(other) and (not best or value > best[0]):
                            best = value, other
                rows.append(
                    (node, part, rendered(self.title(part)), _correlation(own, self.scores(node)),
                     None if total is None else _correlation(own, total), *(best or (None, None)))
                )  # fmt: skip
        schema = {
            "node": pl.String, "part": pl.String, "title": pl.String, "with_node": pl.Float64,
            "with_total": pl.Float64, "with_other": pl.Float64, "other": pl.String,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _below(self, node: str) -> set[str]:
        """Return the parts below a node at any depth."""
        below = list(self.nodes.get(node, ()))
        for part in below:
            below += [other for other in self.nodes.get(part, ()) if other not in below]
        return set(below)

    @cached_property
    def _groups(self) -> list[tuple[str | None, tuple[str, ...]]]:
        """All indicators, then each node, with the parts that are analysed together."""
        every: list[tuple[str | None, tuple[str, ...]]] = [(None, tuple(self.counted))]
        return [(node, parts) for node, parts in [*every, *self.nodes.items()] if len(parts) > 1]

    @cached_property
    def dimensions(self) -> pl.DataFrame:
        """The consistency and the dimensions of all indicators together (node null), then of each node.

        Columns: node, title, parts, entities (with all scores), left_out (parts that do not vary), alpha (Cronbach),
        adequacy (Kaiser, Meyer, Olkin), chi_squared, freedom and probability (Bartlett), factors (eigenvalues above 1),
        first (percent of the variance that the first component explains).
        """
        rows = []
        for node, parts in self._groups:
            varying, table = self.table(parts)
            units = len(table)
            record: list[float | int | None] = [None] * 7
            if units >= 3 and len(varying) >= 2:
                matrix = multivariate.correlation_matrix(table)
                of_node = multivariate.components(matrix)
                test = multivariate.sphericity(matrix, units) or (None, None, None)
                share = 100 * float(of_node.eigenvalues[0]) / len(varying)
                adequacy = multivariate.sampling_adequacy(matrix)
                record = [multivariate.alpha(table), adequacy, *test, of_node.kept, share]
            rows.append((node, rendered(self.title(node)), len(parts), units, len(parts) - len(varying), *record))
        schema = {
            "node": pl.String, "title": pl.String, "parts": pl.Int64, "entities": pl.Int64, "left_out": pl.Int64,
            "alpha": pl.Float64, "adequacy": pl.Float64, "chi_squared": pl.Float64, "freedom": pl.Int64,
            "probability": pl.Float64, "factors": pl.Int64, "first": pl.Float64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def _components(self) -> list[tuple[str | None, list[str], multivariate.Components]]:
        analysed = []
        for node, parts in self._groups:
            varying, table = self.table(parts)
            if len(table) >= 3 and len(varying) >= 2:
                matrix = multivariate.correlation_matrix(table)
                analysed.append((node, varying, multivariate.components(matrix)))
        return analysed

    @cached_property
    def components(self) -> pl.DataFrame:
        """The principal components of all indicators (node null) and of each node.

        Columns: node, component, eigenvalue, percent (of the variance), cumulative.
        """
        rows = []
        for node, parts, of_node in self._components:
            percent = 100 * of_node.eigenvalues / len(parts)
            cumulative = percent.cumsum()
            rows += [
                (node, at + 1, float(value), float(percent[at]), float(cumulative[at]))
                for at, value in enumerate(of_node.eigenvalues)
            ]
        schema = {
            "node": pl.String, "component": pl.Int64, "eigenvalue": pl.Float64, "percent": pl.Float64,
            "cumulative": pl.Float64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def loadings(self) -> pl.DataFrame:
        """The loadings on the components with an eigenvalue above 1, at least the first.

        Columns: node, part, title, component, loading, rotated (varimax).
        """
        rows = []
        for node, parts, of_node in self._components:
            kept = of_node.loadings[:, : of_node.kept]
            rotated = multivariate.varimax(kept)
            rows += [
                (node, part, rendered(self.title(part)), at + 1, float(kept[place, at]), float(rotated[place, at]))
                for place, part in enumerate(parts)
                for at in range(of_node.kept)
            ]
        schema = {
            "node": pl.String, "part": pl.String, "title": pl.String, "component": pl.Int64, "loading": pl.Float64,
            "rotated": pl.Float64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def alphas(self) -> pl.DataFrame:
        """Cronbach's alpha of each node with three parts or more, with and without each part.

        Columns: node, part, title, alpha, without.
        """
        rows = []
        for node, parts in self.nodes.items():
            varying, table = self.table(parts)
            if len(varying) < 3 or len(table) < 3:
                continue
            of_node = multivariate.alpha(table)
            for place, part in enumerate(varying):
                rest = [other for other in range(len(varying)) if other != place]
                rows.append((node, part, rendered(self.title(part)), of_node, multivariate.alpha(table[:, rest])))
        schema = {
            "node": pl.String, "part": pl.String, "title": pl.String, "alpha": pl.Float64, "without": pl.Float64
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    # ---- RESULTS ---- #

    @cached_property
    def importance(self) -> pl.DataFrame | None:
        """The weight of each part on paper and in effect, see `Robustness`; None without a robustness analysis."""
        return None if self.robustness is None else self.robustness.importance

    @cached_property
    def drivers(self) -> pl.DataFrame:
        """What lifts the first three units of each cohort and holds down the last three: three indicators of each.

        Columns: entity, cohort, rank, end (top, bottom), indicator, title, value, unit, score, points, ahead (of the
        mean of the cohort, in points).
        """
        schema = {
            "entity": pl.String, "cohort": pl.String, "rank": pl.UInt32, "end": pl.String, "indicator": pl.String,
            "title": pl.String, "value": pl.Float64, "unit": pl.String, "score": pl.Float64, "points": pl.Float64,
            "ahead": pl.Float64,
        }  # fmt: skip
        indicators = self.card.indicators.filter(
            (pl.col("period") == self.period) & pl.col("indicator").is_in(self.counted) & pl.col("points").is_not_null()
        ).with_columns(ahead=pl.col("points") - pl.col("points").mean().over("cohort", "indicator"))
        totals = self.card.totals.filter((pl.col("period") == self.period) & pl.col("rank").is_not_null())
        tables = [pl.DataFrame(schema=schema)]
        for _, units in totals.group_by("cohort", maintain_order=True):
            number = min(ENDS, units.height // 2)
            for end, at_end in (("top", units.head(number)), ("bottom", units.tail(number))):
                for entity, rank in at_end.select("entity", "rank").iter_rows():
                    own = indicators.filter(pl.col("entity") == entity)
                    most = own.sort("ahead", "indicator", descending=[end == "top", False]).head(DRIVERS)
                    most = most.filter(pl.col("ahead") > 0 if end == "top" else pl.col("ahead") < 0)
                    tables.append(
                        most.select(
                            "entity", "cohort", pl.lit(rank, pl.UInt32).alias("rank"), pl.lit(end).alias("end"),
                            "indicator", "title", pl.col("value").cast(pl.Float64), "unit", "score", "points", "ahead",
                        )
                    )  # fmt: skip
        return pl.concat(tables)

    @cached_property
    def links(self) -> pl.DataFrame:
        """How the total goes with the values of indicators that do not give to it.

        Columns: indicator, title, correlation (with the total), entities.
        """
        system = self.system
        rows = []
        for name in system.indicators if system.tops else ():
            if name in system.counted:
                continue
            values = self.rows[name].cast(pl.Float64)
            both = int((values.is_not_null() & self.scores(ROOT).is_not_null()).sum())
            rows.append((name, rendered(self.title(name)), _correlation(values, self.scores(ROOT)), both))
        schema = {"indicator": pl.String, "title": pl.String, "correlation": pl.Float64, "entities": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    # ---- REMARKS ---- #

    @cached_property
    def remarks(self) -> pl.DataFrame:
        """What deserves a look, in the order of the steps.

        Columns: step (1 to 10), remark (a key of `REMARKS`), part (indicator, node or unit), title, other (a second
        indicator, or the node), figure, limit.
        """
        schema = {
            "step": pl.Int64, "remark": pl.String, "part": pl.String, "title": pl.String, "other": pl.String,
            "figure": pl.Float64, "limit": pl.Float64,
        }  # fmt: skip
        rows = [*self._of_data(), *self._of_correlations(), *self._of_dimensions(), *self._of_results()]
        return pl.DataFrame(rows, schema=schema, orient="row").sort("step", maintain_order=True)

    def _of_data(self) -> Iterator[Remark]:
        for row in self.availability.iter_rows(named=True):
            if row["percent"] is not None and row["percent"] < AVAILABLE:
                yield 2, "few_values", row["indicator"], row["title"], None, row["percent"], AVAILABLE
        for row in self.units.iter_rows(named=True):
            if row["percent"] is not None and row["percent"] < AVAILABLE:
                yield 2, "few_of_unit", row["entity"], row["entity"], None, row["percent"], AVAILABLE
        for row in self.distributions.iter_rows(named=True):
            if row["skew_after"] is None and row["outliers"]:
                yield 3, "outliers", row["indicator"], row["title"], None, row["skew"], SKEW
            elif _has_outliers(row["skew_after"], row["kurtosis_after"]):
                yield 3, "outliers_left", row["indicator"], row["title"], None, row["skew_after"], SKEW
        for name in self.counted:
            scores = self.scores(name).drop_nulls()
            if len(scores) > 1 and not _varies(scores):
                yield 4, "constant", name, rendered(self.title(name)), None, float(scores[0]), None

    def _of_correlations(self) -> Iterator[Remark]:
        limits = {"redundant": REDUNDANT, "negative": 0.0, "weak": WEAK}
        marked = self.correlations.drop_nulls("remark")
        order = list(limits)
        for row in sorted(marked.iter_rows(named=True), key=lambda row: order.index(row["remark"])):
            yield (
                4, row["remark"], row["first"], rendered(self.title(row["first"])), rendered(self.title(row["second"])),
                row["correlation"], limits[row["remark"]],
            )  # fmt: skip
        for row in self.parts.iter_rows(named=True):
            if row["with_node"] is not None and row["with_node"] < 0:
                yield (
                    4,
                    "against_node",
                    row["part"],
                    row["title"],
                    rendered(self.title(row["node"])),
                    row["with_node"],
                    0.0,
                )

    def _of_dimensions(self) -> Iterator[Remark]:
        for row in self.dimensions.filter(pl.col("node").is_not_null()).iter_rows(named=True):
            node, title = row["node"], row["title"]
            if row["factors"] is not None and row["factors"] > 1:
                yield 4, "several_dimensions", node, title, None, row["factors"], 1.0
            if row["alpha"] is not None and row["alpha"] < ALPHA:
                yield 4, "inconsistent", node, title, None, row["alpha"], ALPHA
            if row["adequacy"] is not None and row["parts"] > 2 and row["adequacy"] < ADEQUACY:
                yield 4, "inadequate", node, title, None, row["adequacy"], ADEQUACY
        for row in self.alphas.drop_nulls().iter_rows(named=True):
            if row["without"] > row["alpha"] + 0.005:
                other = rendered(self.title(row["node"]))
                yield 4, "lowers_alpha", row["part"], row["title"], other, row["without"], row["alpha"]

    def _of_results(self) -> Iterator[Remark]:
        if self.importance is not None:
            for row in self.importance.drop_nulls().iter_rows(named=True):
                if row["effective"] > BALANCE * row["weight"]:
                    yield 6, "overweight", row["part"], row["title"], None, row["effective"], row["weight"]
                elif row["effective"] * BALANCE < row["weight"]:
                    yield 6, "underweight", row["part"], row["title"], None, row["effective"], row["weight"]
        if self.robustness is not None:
            if not self.robustness.converged:
                yield 7, "unsettled", "", "", None, float(self.robustness.runs), None
            ranks = self.robustness.ranks.drop_nulls("rank")
            widest = ranks.with_columns(
                width=pl.col("high") - pl.col("low"), allowed=pl.len().over("cohort") * WIDE / 100
            )
            for row in widest.filter(pl.col("width") > pl.col("allowed")).iter_rows(named=True):
                yield 7, "wide", row["entity"], row["entity"], None, row["width"], row["allowed"]


def audited(
    card: Scorecard, *, period: str | None = None, runs: int = 500, seed: int = 1, sensitivity: int = 0
) -> Audit:
    """Return the audit of a period.

    Args:
        card: the results as scored.
        period: the label of the period; None for the last that is shown.
        runs: of the robustness analysis.
        seed: of its random numbers.
        sensitivity: the number of base points of Sobol' indices; 0 for none.
    """
    label = period or card.periods[-1]
    index = next(index for index, text in card.labels.items() if text == label)
    of_period = card.only([index])
    robustness, reason = None, None
    try:
        robustness = stressed(of_period, period=label, runs=runs, seed=seed, sensitivity=sensitivity)
    except DataError as error:
        [reason, *_] = error.diagnostics
    return Audit(of_period, label, robustness, reason)


def _shape(values: pl.Series) -> tuple[float | None, float | None]:
    """Return skewness and excess kurtosis, the sample estimates G1 and G2; None for too few values or equal ones."""
    known = values.cast(pl.Float64).drop_nulls()
    if len(known) < 3 or known.min() == known.max():
        return None, None
    skew = known.skew(bias=False)
    return skew, known.kurtosis(bias=False) if len(known) > 3 else None


def _has_outliers(skew: float | None, kurtosis: float | None) -> bool:
    return skew is not None and kurtosis is not None and abs(skew) > SKEW and kurtosis > KURTOSIS


def _varies(values: pl.Series) -> bool:
    """Return whether there are two values that differ by more than floating-point error."""
    known = values.drop_nulls()
    if len(known) < 2:
        return False
    low, high = float(known.min()), float(known.max())  # type: ignore[arg-type]
    return high - low > 1e-9 * max(abs(low), abs(high), 1e-300)


def _correlation(first: pl.Series, second: pl.Series) -> float | None:
    """Return Pearson's correlation over the units with both; None for fewer than three, or where one is constant."""
    from kpi.values.numerics import correlated

    both = pl.DataFrame({"first": first.cast(pl.Float64), "second": second.cast(pl.Float64)}).drop_nulls()
    return correlated(both.get_columns())[0][1] if both.height >= 3 else None
