"""Records: one event a row becomes measures per entity and scored period.

What merges is aggregated in one pass of the streaming engine (`kpi.intake.partials`), and one more for each column of
finer units (`per`), whose groups are others; what does not merge is taken a bucket of periods at a time
(`kpi.intake.buckets`). Rows that are wrong are looked for only when there are some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from kpi import progress
from kpi.datasets import Records
from kpi.errors import Diagnostic
from kpi.intake.aside import left_out_notes
from kpi.intake.buckets import Statistics
from kpi.intake.entities import Entities
from kpi.intake.events import MONTH, WHO, dated, events
from kpi.intake.match import Placed, needed_columns, of_dataset
from kpi.intake.partials import PER, ROWS, SOURCE, Aggregation, aggregation
from kpi.measures import SCALE, Measure, OfRows, Part, exact_sum, unscaled
from kpi.periods import Grain
from kpi.status import OK, Status, reason
from kpi.system import System


@dataclass
class Aggregated:
    """Measures of one table of records.

    `figures` has the columns measure, entity, per, period, value, status, rows (as `kpi.intake.timing.to_scored`).
    """

    figures: pl.DataFrame
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Gathered:
    """The tables of a dataset, aggregated by who and month as they are written, before it is known who there is."""

    grain: Grain
    measures: Mapping[str, Measure]
    pass_over: Aggregation
    tables: Mapping[str | None, pl.DataFrame]
    bad: Sequence[Mapping[str, int]]

    def texts(self) -> list[str]:
        """Returns the distinct texts that say who a row is about, sorted."""
        return sorted({text for table in self.tables.values() for text in table[WHO].drop_nulls().unique()})

    def units(self) -> list[str]:
        """Returns those of the texts that a row with a readable date has: what is refused makes no unit."""
        some = (table.filter(dated(pl.col(MONTH)))[WHO].drop_nulls() for table in self.tables.values())
        return sorted({text for texts in some for text in texts.unique()})

    def measured(self, entities: Entities) -> Aggregated:
        """Returns the measures of the entities, and what is wrong in the rows."""
        meaning = entities.resolve(self.texts())
        known = pl.DataFrame(
            {WHO: list(meaning), "entity": list(meaning.values())}, schema={WHO: pl.String, "entity": pl.UInt32}
        )
        figures = []
        for (per, timing), group in self._groups().items():
            found = self._merged(group, per, known, by_month=timing is not None)
            figures.append(_long(found, group, timing, self.grain))
        out = Aggregated(pl.concat(figures) if figures else pl.DataFrame())
        self._told(out, entities, known)
        return out

    def _groups(self) -> dict[tuple[str | None, str | None], dict[str, Measure]]:
        """The measures by the column of finer units and by how months are combined."""
        groups: dict[tuple[str | None, str | None], dict[str, Measure]] = {}
        for name, measure in self.measures.items():
            timing = measure.over_time if measure.over_time != "ytd" else None
            groups.setdefault((measure.per, timing), {})[name] = measure
        return groups

    def _merged(
        self, group: Mapping[str, Measure], per: str | None, known: pl.DataFrame, *, by_month: bool
    ) -> pl.DataFrame:
        """Value and rows of each measure for every entity, finer unit and period, or month."""
        months = 1 if by_month else self.grain.months
        keys = ["entity", PER, "period"]
        table = self._known(per, known).with_columns(period=(pl.col(MONTH) // months).cast(pl.Int32))
        parts = _parts(group.values())
        merged = table.group_by(keys).agg(part.merged().alias(part.name) for part in parts)
        of_rows = {name: measure for name, measure in group.items() if isinstance(measure, OfRows)}
        made = Statistics(self.pass_over, known, per, self.grain.months, by_month)
        for some in made.of(of_rows, self._known(per, known)):
            merged = merged.join(some, on=keys, how="left", nulls_equal=True)
        merged = merged.with_columns(
            pl.lit(None, dtype=pl.Float64).alias(name) for name in of_rows if name not in merged.columns
        )
        columns: dict[str, pl.Expr] = {}
        for name, measure in group.items():
            own = [pl.col(part.name) for part in measure.parts()]
            columns[name], columns[f"{name}.rows"] = measure.figure(*own, *([pl.col(name)] if name in of_rows else []))
        return merged.select(*keys, **columns)

    def _known(self, per: str | None, known: pl.DataFrame) -> pl.DataFrame:
        """The groups that are of an entity and a month."""
        return self.tables[per].filter(dated(pl.col(MONTH))).join(known, on=WHO, how="inner")

    def _told(self, out: Aggregated, entities: Entities, known: pl.DataFrame) -> None:
        """Counts the rows, and finds those that are wrong where there are any."""
        known_not = [text for text in self.texts() if text not in set(known[WHO]) and entities.stranger(text)]
        # Of a name that is nobody's without a roster every row is refused for another reason.
        nameless = pl.col(WHO).is_null() | pl.col(WHO).is_in(pl.Series(known_not, dtype=pl.String).implode())
        named = pl.col("entity").is_not_null() | ~nameless
        # Native files have blank texts where others have nothing.
        nobody = pl.col(WHO).fill_null("").str.strip_chars() == ""
        whole = self.tables[None].join(known, on=WHO, how="left")
        aside = self._left_out(out, entities, whole)
        counted = whole.join(aside, on=[SOURCE, WHO], how="anti", nulls_equal=True).group_by(SOURCE).agg(
            rows=pl.col(ROWS).sum(), strangers=pl.col(ROWS).filter(~named).sum(),
            undated=pl.col(ROWS).filter(~dated(pl.col(MONTH))).sum(),
            refused=pl.col(ROWS).filter(~(named & dated(pl.col(MONTH)))).sum(),
            empty=pl.col(ROWS).filter(nobody & pl.col(MONTH).is_null()).sum(),
            unknown=pl.col(WHO).filter(~named).unique().drop_nulls(),
        ).sort(SOURCE)  # fmt: skip
        passed = dict(aside.group_by(SOURCE).agg(pl.col(WHO)).rows())
        for one in counted.to_dicts():
            table = self.pass_over.tables[one[SOURCE]]
            blank = table.blank() if one["empty"] else 0
            out.read += one["rows"] - blank
            out.refused += one["refused"] - blank
            out.findings += table.findings(
                entities, one["unknown"], one["strangers"] - blank, one["undated"] - blank, self.bad[one[SOURCE]],
                passed=passed.get(one[SOURCE], ()),
            )  # fmt: skip

    def _left_out(self, out: Aggregated, entities: Entities, whole: pl.DataFrame) -> pl.DataFrame:
        """Counts the rows of totals and the like and of repeated headings, and returns their tables and texts."""
        unknown = whole.filter(pl.col("entity").is_null() & pl.col(WHO).is_not_null()).group_by(SOURCE, WHO).agg(
            pl.col(ROWS).sum()
        ).sort(SOURCE, WHO)  # fmt: skip
        tables = self.pass_over.tables
        mine = [tables[source].aside(entities, text) for source, text in unknown.select(SOURCE, WHO).rows()]
        aside = unknown.filter(pl.Series(mine, dtype=pl.Boolean))
        out.read += int(aside[ROWS].sum())
        out.left_out += int(aside[ROWS].sum())
        for (source,), some in aside.partition_by(SOURCE, as_dict=True, maintain_order=True).items():
            table = tables[int(str(source))]
            out.findings += left_out_notes(table.source, table.rows_of(some[WHO].to_list()), entities)
        return aside.select(SOURCE, WHO)


def gathered(sources: Sequence[Placed], system: System) -> dict[str, Gathered]:
    """Returns every dataset of records among some tables, aggregated as `gather` does, by its name."""
    groups: dict[str, list[Placed]] = {}
    for source in sources:
        if isinstance(source.dataset, Records):
            groups.setdefault(source.name, []).append(source)
    found = {}
    for name, some in groups.items():
        sizes = [source.table.size for source in some]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        with progress.stage(f"aggregating {name}", total):
            found[name] = gather(some, system)
    return found


def gather(sources: Sequence[Placed], system: System) -> Gathered:
    """Returns a dataset of records, aggregated as far as can be without knowing who there is.

    Args:
        sources: its tables, which count as one: a file for each month, or for each department.
        system: gives the measures, with `where`, `per` and `over_time`.

    Raises:
        ComputeError: rows are lost.
    """
    measures = of_dataset(system, sources[0].name)
    kinds = needed_columns(system, sources[0].name)
    tables = [events(source, measures, kinds, system.period, alone=len(sources) == 1) for source in sources]
    by_per: dict[str | None, list[Measure]] = {None: []}
    for measure in measures.values():
        by_per.setdefault(measure.per, []).append(measure)
    over = aggregation(tables, kinds, _parts(measures.values()))
    whole, bad, over = over.proven(_parts(by_per[None]))
    read = dict(whole.group_by(SOURCE).agg(pl.col(ROWS).sum()).rows())
    for place, source in enumerate(sources):
        source.table.all_read(read.get(place, 0))
    found: dict[str | None, pl.DataFrame] = {None: whole}
    found |= {per: over.partials(_parts(some), per) for per, some in by_per.items() if per is not None}
    return Gathered(system.period, measures, over, found, bad)


def _parts(measures: Iterable[Measure]) -> list[Part]:
    """What the measures keep, each once."""
    return list(dict.fromkeys(part for measure in measures for part in measure.parts()))


def _long(table: pl.DataFrame, measures: Mapping[str, Measure], timing: str | None, grain: Grain) -> pl.DataFrame:
    """The columns of one query as one figure a row, combined over months where `over_time` says so."""
    if timing is not None:
        table = table.group_by(["entity", "per", (pl.col("period") // grain.months).alias("scored")]).agg(
            **{name: _over_months(pl.col(name), timing) for name in measures},
            **{f"{name}.rows": pl.col(f"{name}.rows").sum() for name in measures},
        ).rename({"scored": "period"})  # fmt: skip
    parts = []
    for name, measure in measures.items():
        part = table.select(
            measure=pl.lit(name), entity=pl.col("entity"), per=pl.col("per"), period=pl.col("period").cast(pl.Int32),
            value=pl.col(name), rows=pl.col(f"{name}.rows").cast(pl.Int64),
        )  # fmt: skip
        if measure.over_time == "ytd":
            year = ["entity", "per", pl.col("period") * grain.months // 12]
            part = part.sort("period").with_columns(
                value=unscaled((pl.col("value") * SCALE).round().cum_sum().over(year)),
                rows=pl.col("rows").cum_sum().over(year),
            )
        parts.append(part)
    status = pl.when(pl.col("value").is_not_null()).then(OK).otherwise(reason("missing")).cast(Status)
    found = pl.concat(parts).with_columns(status=status)
    return found.select("measure", "entity", "per", "period", "value", "status", "rows")


def _over_months(value: pl.Expr, timing: str) -> pl.Expr:
    """How the months of a scored period are combined."""
    return {
        "sum": pl.when(value.count() > 0).then(exact_sum(value)),
        "mean": pl.when(value.count() > 0).then(exact_sum(value) / value.count()),
        "max": value.max(),
        "min": value.min(),
        "last": value.sort_by("period").last(),
        "first": value.sort_by("period").first(),
    }[timing]
