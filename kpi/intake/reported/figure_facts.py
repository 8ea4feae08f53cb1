"""Facts about figures beside their values: reporters and dates, their scope, whether they were repeated.

The panel gets a column `measure.fact` for the facts that the checks of the system read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake import row_findings
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import read_numbers
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import panel_columns
from kpi.intake.reported.lookups import Resolver, distinct
from kpi.language.checks.base import FACTS
from kpi.language.datasets import PanelData
from kpi.language.system import System
from kpi.values.columns import Column

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S")
_IN_DATA = ("reported", "scope", "reporter")
_KEYS = ["measure", "entity", "start", "months"]


class Facts(Struct):
    """The facts about figures in the tables of a call, and the findings about cells that could not be read."""

    rows: list[pl.DataFrame] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    def take(self, resolver: Resolver, period: str | None) -> None:
        """Read the facts of a table; nothing where neither its columns nor the checks give a reason to.

        Args:
            resolver: of the table.
            period: the period of every row, for tables without a period column.
        """
        in_data = any(fact in resolver.source.roles for fact in _IN_DATA)
        asked = any(fact in {"through", "repeated", "outdated"} for fact, _ in wanted(resolver.system))
        if in_data or asked:
            self.rows.append(self._read(resolver, period))

    def _read(self, resolver: Resolver, period: str | None) -> pl.DataFrame:
        source, entities = resolver.source, resolver.entities
        rows = resolver.with_periods(resolver.with_entities(_texts(resolver, period)))
        rows = rows.with_columns(revision=read_numbers(rows["revision"])["value"].fill_null(0.0))
        rows = rows.drop_nulls(["who", "start", "measure"])
        day = pl.coalesce([pl.col("reported").str.to_date(form, strict=False) for form in _DAYS])
        rows = rows.with_columns(day=day)
        unread = rows.filter(pl.col("day").is_null() & pl.col("reported").is_not_null()).unique(
            ROW, maintain_order=True
        )
        hint = Message("write it as 2024-01-10")
        self.findings += row_findings.of_rows(
            source.table, unread, source.roles.get("reported"),
            lambda row: ("K606", Message("`{text}` is not a day", text=row["reported"]), hint),
            severity=Severity.WARNING,
        )  # fmt: skip
        late = entities.outdated(rows).select(ROW, outdated=pl.coalesce("code", "entity"))
        late = late.unique(ROW, maintain_order=True)
        rows = rows.join(late, on=ROW, how="left", maintain_order="left")
        return rows.select(
            "measure", "start", "months", "revision", "scope", "reporter", "outdated", entity="who", reported="day"
        )

    def columns(self, grid: pl.DataFrame, system: System) -> list[pl.Series]:
        """Return the columns of facts for a panel, whose rows are ordered by period and entity."""
        asked = [(fact, name) for fact, name in wanted(system) if fact in FACTS]
        if not asked:
            return []
        by_name: Mapping[tuple[object, ...], pl.DataFrame] = {}
        if self.rows:
            items = _gathered(pl.concat(self.rows), system.period.months)
            first, number = int(grid["period"][0]), int(grid["#entities"][0])
            place = (pl.col("period") - first).cast(pl.Int64) * number + pl.col("entity").cast(pl.Int64)
            items = items.with_columns(place=place).filter(
                (pl.col("entity") < number) & pl.col("place").is_between(0, grid.height - 1)
            )
            by_name = items.partition_by("measure", as_dict=True, maintain_order=True)
        columns = []
        for fact, name in dict.fromkeys(asked):
            column = pl.repeat(None, grid.height, dtype=FACTS[fact], eager=True)
            if (mine := by_name.get((name,))) is not None:
                column = column.scatter(mine["place"], mine[fact].cast(FACTS[fact]))
            columns.append(column.alias(Column(name).fact(fact)))
        return columns

    def reporters(self, system: System) -> pl.DataFrame:
        """Return the reporters of figures, if a column of the data names them.

        Columns: measure, entity (place), period (Int32, index), reporter (String).
        """
        items = [rows for rows in self.rows if rows["reporter"].null_count() < rows.height]
        if not items:
            return _no_reporters()
        columns = _no_reporters().columns
        return _gathered(pl.concat(items), system.period.months).select(columns).drop_nulls("reporter")


@cache
def _no_reporters() -> pl.DataFrame:
    schema = {"measure": pl.String, "entity": pl.UInt32, "period": pl.Int32, "reporter": pl.String}
    return pl.DataFrame(schema=schema)


def wanted(system: System) -> list[tuple[str, str]]:
    """Return the facts that the checks of a system read, each with its measure."""
    return list(dict.fromkeys(pair for check in system.checks.values() for pair in check.facts(system.symbols)))


def wholes(system: System) -> list[str]:
    """Return the units that are no entities but whose figures checks compare with, such as 全市."""
    return list(dict.fromkeys(fact for fact, _ in wanted(system) if fact not in FACTS))


def aggregate_columns(grid: pl.DataFrame, figures: pl.DataFrame, system: System, number: int) -> list[pl.Series]:
    """Return a column `measure.unit` (Float64) for each figure of a unit that is no entity.

    Args:
        grid: the panel.
        figures: per measure, entity and period; the units come behind the `number` entities, in the order of `wholes`.
        system: gives the checks.
        number: how many entities there are.
    """
    units = {name: number + at for at, name in enumerate(wholes(system))}
    columns = []
    for fact, name in wanted(system):
        if fact in units:
            mine = figures.filter((pl.col("entity") == units[fact]) & (pl.col("measure") == name))
            mine = mine.select("period", "value").unique("period", keep="first", maintain_order=True)
            column = grid.select("period").join(mine, on="period", how="left", maintain_order="left")["value"]
            columns.append(column.alias(Column(name).fact(fact)))
    return columns


def _texts(resolver: Resolver, period: str | None) -> pl.DataFrame:
    """Return the figures of a table, one a row: entity, period, measure, revision and facts, as text."""
    source, system = resolver.source, resolver.system
    table, roles = source.table, source.roles
    rows = table.numbered()
    nothing = pl.lit(None, dtype=pl.String)
    text: dict[str, pl.Expr] = {}
    for role in ("period", "entity", "code", "revision", *_IN_DATA):
        header = roles.get(role)
        stripped = nothing if header is None else as_text(header).str.strip_chars()
        text[role] = pl.when(stripped != "").then(stripped)
    if "period" not in roles:
        text["period"] = pl.lit(period, dtype=pl.String)
    text["entity"] = pl.coalesce(text["entity"], text["code"])
    if isinstance(source.dataset, PanelData):
        frame = rows.collect()
        columns = panel_columns(system, table, list(roles.values()))
        parts: Sequence[pl.DataFrame] = [
            frame.filter(pl.col(header).is_not_null()).select(ROW, **text, measure=pl.lit(name))
            for header, (name, _) in columns.items()
        ]
        return pl.concat(parts)
    named = as_text(roles["measure"]).str.strip_chars()
    frame = rows.select(ROW, **text, measure=named).collect()
    meanings = resolver.measures(distinct(frame, "measure"))
    measures = {text: meaning.name for text, meaning in meanings.items() if meaning.name in system.measures}
    return frame.with_columns(pl.col("measure").replace_strict(measures, default=None, return_dtype=pl.String))


def _gathered(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    """Return the facts per measure, entity and scored period: of the latest revision, but the day of the first."""
    latest = pl.col("revision") == pl.col("revision").max()
    spans = rows.group_by(_KEYS, maintain_order=True).agg(
        pl.col("reported").min(), repeated=latest.sum() > 1,
        **{fact: pl.col(fact).filter(latest) for fact in ("scope", "reporter", "outdated")},
    )  # fmt: skip
    end = pl.col("start") + pl.col("months") - 1
    return spans.group_by("measure", "entity", (end // size).cast(pl.Int32).alias("period"), maintain_order=True).agg(
        pl.col("reported").max(), pl.col("repeated").any(), through=end.max(),
        scope=pl.col("scope").explode().drop_nulls().unique().sort().str.join("、"),
        reporter=pl.col("reporter").explode().drop_nulls().sort().first(),
        outdated=pl.col("outdated").explode().drop_nulls().sort().first(),
    ).with_columns(pl.when(pl.col("scope") != "").then("scope").alias("scope"))  # fmt: skip
