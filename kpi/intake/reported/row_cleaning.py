"""Careful path: clean the reported rows that are not plain, one figure each, and report each refused one.

A clean row has the columns entity (UInt32, place among the entities), start (Int32, first month) and months (Int32),
measure (String), per (String, the finer unit or null), value (Float64, in the measure's unit), status (Status),
revision (Float64), row (UInt32, in its table) and source (UInt32, which table).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake import row_findings
from kpi.intake.aggregate_rows import by_name
from kpi.intake.cells.cell_text import as_text, texts_of
from kpi.intake.cells.numbers import PLAIN, YUAN_SIGN, read_numbers
from kpi.intake.cells.text_folding import as_names, folded
from kpi.intake.cells.unit_factors import same
from kpi.intake.entities import Entities
from kpi.intake.events import conditions
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, condition_columns, panel_columns
from kpi.intake.matching.notation import notation_of, read_column
from kpi.intake.region_names import is_region
from kpi.intake.reported import entity_targets, refusals
from kpi.intake.reported.lookups import ASIDE, Resolver, distinct, joined
from kpi.intake.reported.plain_rows import Coded
from kpi.intake.reported.refusals import refuse
from kpi.intake.reported.unused_figures import Extra
from kpi.intake.rows_left_out import figureless_note, left_out_notes, nameless
from kpi.intake.version_numbers import versions
from kpi.language import expressions
from kpi.language.datasets import PanelData
from kpi.language.measures import Reported
from kpi.language.system import System
from kpi.values import units
from kpi.values.status import Status

_TEXT = {
    role: pl.lit(None, dtype=pl.String)
    for role in ("period", "measure", "value", "unit", "revision", "target", "cohort", "code", "note")
}

#: The columns of clean rows.
CLEAN: dict[str, pl.DataType | type[pl.DataType]] = {
    "entity": pl.UInt32, "start": pl.Int32, "months": pl.Int32, "measure": pl.String, "per": pl.String,
    "value": pl.Float64, "status": Status, "revision": pl.Float64, "row": pl.UInt32, "source": pl.UInt32,
}  # fmt: skip

_NOTHING = pl.DataFrame(schema=CLEAN)


class Figures(Struct):
    """The clean figures of one table, its findings and counts.

    `read` counts figures, `refused` the bad ones, `left_out` those that are about no unit and those that the system
    does not use. `units` are the places of the entities with a row for a known measure and a readable period; in wide
    tables without periods with a cell that is not blank, whatever it says. `notes` are the texts in the note column
    (说明), by measure, entity and scored period. `versions` are the revisions of two parts, such as 1.10.
    """

    rows: pl.DataFrame
    targets: pl.DataFrame
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    left_out: int = 0
    units: frozenset[int] = frozenset()
    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    versions: Collection[str] = ()


def texts(
    source: Placed, system: System, period: str | None, frame: pl.DataFrame, *, only: str | None = None
) -> pl.DataFrame:
    """Return the figures of a table's numbered rows as text, one a row; of a wide table those of one column only.

    Columns: `ROW`, entity, code, period, measure, value, unit, revision, target, note, field (the header of the
    figure's cell), every column that a `where:` reads, prefixed with `where `, and of a long table every one that names
    finer units, prefixed with `per `.
    """
    table, roles = source.table, source.roles
    types = frame.schema
    text = {role: _text(roles[role], types[roles[role]]) for role in roles if roles[role] in types}
    if "target" in text:
        # A target that is no number is refused, as a figure is, where other such cells are blank.
        text["target"] = _filled_text(pl.selectors.by_name(roles["target"]).cast(pl.String))
    if "period" not in text and period is not None:
        text["period"] = pl.lit(period)
    extra = {f"where {name}": pl.col(name) for name in condition_columns(system) if name in frame.columns}
    if isinstance(source.dataset, PanelData):
        columns = panel_columns(system, table, list(roles.values()))
        parts = [
            frame.select(
                ROW, **_TEXT | text | extra | {
                    "measure": pl.lit(measure), "value": pl.col(header),
                    "unit": pl.lit(unit or table.unit, dtype=pl.String), "field": pl.lit(header),
                    "entity": _entity_text(text),
                },
            )
            for header, (measure, unit) in columns.items() if only in (None, header)
        ]  # fmt: skip
        return stacked(parts)
    finer = {measure.per for measure in system.measures.values() if measure.per in frame.columns}
    extra |= {f"per {column}": as_text(str(column)).map_batches(as_names, return_dtype=pl.String) for column in finer}
    own = {"value": pl.col(roles["value"]), "field": pl.lit(roles["value"]), "entity": _entity_text(text)}
    return frame.select(ROW, **_TEXT | text | own | extra)


def stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return rows that `texts` gives one below the other; their figures as texts where some are no numbers.

    A date beside numbers would become one otherwise: the days since 1970.
    """
    kinds = {part.schema["value"] for part in parts} - {pl.Null()}
    if len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds):
        parts = [part.with_columns(pl.col("value").cast(pl.String)) for part in parts]
    return pl.concat(parts, how="vertical_relaxed")


def _entity_text(text: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return the text of the entity that a row is about: its name, or else its code."""
    return pl.coalesce(*(text[role] for role in ("entity", "code") if role in text), pl.lit(None, dtype=pl.String))


def _text(header: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as text, null where there are only blanks."""
    return _filled_text(as_text(header, dtype))


def _filled_text(text: pl.Expr) -> pl.Expr:
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _per(system: System, columns: list[str]) -> pl.Expr:
    """Return the finer unit of a row, from the column that its measure (`name`) has them in."""
    per = pl.lit(None, dtype=pl.String)
    for name, measure in system.measures.items():
        if f"per {measure.per}" in columns:
            per = pl.when(pl.col("name") == name).then(pl.col(f"per {measure.per}")).otherwise(per)
    return per


def clean_rows(apart: Coded, number: int, entities: Entities, period: str | None) -> Figures:
    """Return the clean figures of the rows of a table that are not plain.

    Args:
        apart: the rows of the table, of which those of a wide one that are not plain are as `texts` gives them.
        number: the table's number, kept in the column `source`.
        entities: the entities.
        period: the period of every row, for tables without a period column.
    """
    source, system = apart.resolver.source, apart.resolver.system
    if not apart.others.height:
        return Figures(_NOTHING, pl.DataFrame(), read=apart.read)
    raw = apart.others if isinstance(source.dataset, PanelData) else texts(source, system, period, apart.others)
    figures, lost = Figures(raw, raw, read=apart.read), apart.lost
    table, grain = source.table, system.period.months
    resolver = replace(apart.resolver, entities=entities)
    every = resolver.with_entities(raw)
    raw = _without_aside(every, source, entities, figures)
    # Totals, too, show how the figures of a column are written.
    aside = every.join(raw, on=[ROW, "field"], how="anti") if raw.height < every.height else every.clear()
    raw, extra, misspelt = _named(resolver, raw, figures, apart)
    raw = raw.with_columns(per=_per(system, raw.columns))
    lost = lost | {"measure": lost["measure"] + misspelt}
    raw, unknown = refuse(table, resolver.with_periods(raw), refusals.of_keys(resolver, extra, lost), figures.findings)
    unclear = apart.unclear.union(*(_with_commas(source, items) for items in (*unknown, aside)))
    late = entities.outdated(raw)
    figures.findings += row_findings.of_rows(
        table, late, source.who, partial(_outdated, entities), severity=Severity.WARNING
    )
    there = _filled("value") | _filled("target") if _may_have_headings(source) else pl.lit(value=True)
    figures.units = frozenset(raw.filter(there)["who"].unique())

    figures.targets, wrong = entity_targets.in_data(raw, system, source, figures.findings)
    raw = raw.filter(~pl.col("name").is_in(list(system.indicators)))
    # Rows that are not meant are neither refused nor void the figure of those that are.
    raw = _with_figures(_where(raw, system, source, figures.findings), resolver, unclear)
    reasons = refusals.of_figures(source, system, unclear, raw.columns)
    raw, void = refuse(table, raw, reasons, figures.findings)
    figures.findings += _signs(raw, source, system)
    figures.targets = _of_used(figures.targets, raw, void, number)

    rows = raw.select(
        entity="who", start="start", months="months", measure="name", per="per",
        value=pl.col("number") * pl.col("factor").fill_null(1.0), status="status",
        revision=pl.col("edition").fill_null(0.0),
        row=pl.col(ROW).cast(pl.UInt32), source=pl.lit(number, dtype=pl.UInt32),
    )  # fmt: skip
    noted = raw.drop_nulls("note").select("name", "who", (pl.col("start") + pl.col("months") - 1) // grain, "note")
    figures.versions = versions(raw["revision"].unique().to_list())
    figures.notes = {(name, who, period): note for name, who, period, note in noted.rows()}
    figures.refused = sum(refused.height for refused in (*unknown, wrong, *void)) + sum(lost.values())
    figures.rows = pl.concat([rows, *(_voiding(refused, number) for refused in void)], how="vertical")
    return figures


def _with_figures(raw: pl.DataFrame, resolver: Resolver, unclear: frozenset[str]) -> pl.DataFrame:
    """Return rows with what their figures, units and revisions say (see `refusals.of_figures`).

    Args:
        raw: rows of which measure, entity and period are known.
        resolver: of the table.
        unclear: the columns in which decimal commas were seen that are not declared.
    """
    numbers, undecided = _numbers(resolver.source, raw, unclear)
    revision = read_numbers(raw["revision"])
    raw = raw.with_columns(
        numbers["value"].alias("number"),
        numbers["status"].cast(Status),
        numbers["unit"].alias("typed"),
        numbers["problem"],
        undecided.alias("unclear"),
        revision["value"].alias("edition"),
        revision["problem"].alias("uneditable"),
    )
    return raw.join(
        resolver.factors(raw), on=["unit", "typed", "name"], how="left", nulls_equal=True, maintain_order="left"
    )


def _signs(raw: pl.DataFrame, source: Placed, system: System) -> list[Diagnostic]:
    """Return a warning (K633) for each column in which figures behind a currency sign are in 元, and others are not."""
    signed = raw.filter((pl.col("typed") == YUAN_SIGN) & pl.col("unit").is_null())
    findings = []
    for header, name, row in signed.group_by("field", "name").agg(pl.col(ROW).min()).sort("field", "name").iter_rows():
        if (unit := system.unit(name)) == units.parse("元"):
            continue
        message = Message(
            "figures with {sign} are in 元, as no heading has a unit; those of {measure} without it are in {unit}",
            sign=YUAN_SIGN, measure=system.symbols[name].title, unit=unit,
        )  # fmt: skip
        hint = Message("write the unit into the heading, like 收入(万元)")
        place = source.table.place(source.table.row_of(row), header)
        findings.append(Diagnostic("K633", message, place, hint, Severity.WARNING))
    return findings


def _with_commas(source: Placed, rows: pl.DataFrame) -> set[str]:
    """Return the columns in which rows that are not used have decimal commas that are not declared."""
    fields = rows.drop_nulls("value").partition_by("field", as_dict=True)
    return {
        str(header)
        for (header,), items in fields.items()
        if read_column(items["value"], notation_of(source.dataset, source.table, str(header)))[1].any()
    }


def _numbers(source: Placed, raw: pl.DataFrame, unclear: frozenset[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return what `read_numbers` gives of the figures of rows, and which have an undecided decimal mark.

    Args:
        source: the table.
        raw: its rows, with the columns value and field.
        unclear: the columns in which decimal commas were seen that are not declared.
    """
    parts, marks = [], []
    fields = raw["field"].unique(maintain_order=True).to_list()
    for header in fields:
        rows = raw.filter(pl.col("field") == header) if len(fields) > 1 else raw
        read, undecided = read_column(rows["value"], notation_of(source.dataset, source.table, header, unclear))
        parts.append(read)
        marks.append(undecided)
    if not parts:
        return read_column(raw["value"], PLAIN)
    numbers, undecided = pl.concat(parts), pl.concat(marks)
    if len(fields) > 1:
        at = pl.concat([(raw["field"] == header).arg_true() for header in fields]).arg_sort()
        return numbers[at], undecided[at]
    return numbers, undecided


def _named(resolver: Resolver, raw: pl.DataFrame, figures: Figures, apart: Coded) -> tuple[pl.DataFrame, Extra, int]:
    """Return the rows with the names of their measures, without those of figures that the system does not use.

    And these, and how many rows with texts that may be misspelt are not among the rows.
    """
    source = resolver.source
    meanings = resolver.measures(distinct(raw, "measure"))
    raw = joined(raw, "measure", "name", {text: meaning.name for text, meaning in meanings.items()})
    if isinstance(source.dataset, PanelData):
        return raw, Extra({}, ()), 0
    raw = joined(raw, "measure", "beside", {text: meaning.unit for text, meaning in meanings.items()})
    above = pl.lit(source.table.unit, dtype=pl.String)
    raw = _with_other_units(raw).with_columns(unit=pl.coalesce("unit", "beside", above)).drop("beside")
    extra = Extra.of(resolver.system, resolver.measures(apart.measures))
    raw, unused = extra.without(raw, apart.unknown, source, figures.findings)
    figures.left_out += unused
    return raw, extra, sum(many for text, many in apart.unknown.items() if text not in extra.texts)


def _with_other_units(raw: pl.DataFrame) -> pl.DataFrame:
    """Return rows with `other_unit`: the unit behind the name of the measure where that of the row is another."""
    pairs = raw.select("unit", "beside").drop_nulls().unique()
    other = pl.Series("other_unit", [None if same(*pair) else pair[1] for pair in pairs.rows()], dtype=pl.String)
    return raw.join(pairs.with_columns(other), on=["unit", "beside"], how="left", maintain_order="left")


#: The revision of a refused row: none is the first, and one that cannot be read may be any.
_EDITION = pl.col("revision").cast(pl.Float64, strict=False).fill_nan(None).fill_null(
    pl.when(pl.col("revision").is_null()).then(0.0).otherwise(float("inf"))
)  # fmt: skip


def _voiding(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    """Return refused rows whose entity, period and measure are known as clean rows: they void that figure."""
    return rows.select(
        entity="who", start="start", months="months", measure="name", per="per",
        value=pl.lit(None, dtype=pl.Float64),
        status=pl.lit("refused", dtype=Status), revision=_EDITION,
        row=pl.col(ROW).cast(pl.UInt32), source=pl.lit(number, dtype=pl.UInt32),
    )  # fmt: skip


def _of_used(targets: pl.DataFrame, used: pl.DataFrame, void: Sequence[pl.DataFrame], number: int) -> pl.DataFrame:
    """Return the targets without those beside figures that are not used, with their revision and source.

    A figure that is refused in its first form leaves its target: it was the only one. A refused restatement leaves
    none, as an earlier figure may count. Rows that `where:` does not take are about other figures.

    Args:
        targets: those of a table.
        used: the rows with figures that are used.
        void: those that are refused, by reason.
        number: of the table.
    """
    if not targets.height:
        return targets
    first = [rows.filter(_EDITION == 0) for rows in void]
    rows = pl.concat([rows.select(row=ROW, measure="name") for rows in (used, *first)]).unique()
    beside = targets.filter(~pl.col("alone")).join(rows, on=["row", "measure"], how="semi", maintain_order="left")
    targets = pl.concat([targets.filter("alone"), beside])
    return targets.with_columns(revision=_EDITION, source=pl.lit(number, dtype=pl.UInt32)).drop("alone")


def _filled(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars().fill_null("") != ""


def _may_have_headings(source: Placed) -> bool:
    """Return whether a row may be a heading: in a wide table, where it has nothing but a name.

    One with a period is about that period, and one of a long table about its measure, even if the figure is blank.
    """
    return isinstance(source.dataset, PanelData) and "period" not in source.roles


def _without_aside(raw: pl.DataFrame, source: Placed, entities: Entities, figures: Figures) -> pl.DataFrame:
    """Leave out the rows that are about no unit: totals and the like, repeated headings, headings of groups."""
    raw = _without_remarks(raw, source, entities, figures)
    aside = pl.col("who").is_null() & pl.col("no_entity").is_in(ASIDE).fill_null(value=False)
    left_out, kept = raw.filter(aside), raw.filter(~aside)
    without_figures = _bare if isinstance(source.dataset, PanelData) else _headings
    if entities.closed and (regions := [text for text in distinct(left_out, "entity") if is_region(text)]):
        # A region that has no figure is the heading of the units below it.
        headings = without_figures(left_out.filter(pl.col("entity").is_in(regions)), source, entities)
        left_out = left_out.join(headings, on=[ROW, "field"], how="anti", maintain_order="left")
        kept = pl.concat([kept, headings])
    figures.findings += left_out_notes(source, left_out.select(ROW, text="entity"), entities)
    bare = without_figures(kept, source, entities)
    if bare.height:
        figures.findings.append(
            figureless_note(source, by_name(bare.select("entity", ROW).rows()), closed=entities.closed)
        )
        kept = kept.join(bare, on=[ROW, "field"], how="anti", maintain_order="left")
    figures.left_out += raw.height - kept.height
    return kept


def _without_remarks(raw: pl.DataFrame, source: Placed, entities: Entities, figures: Figures) -> pl.DataFrame:
    """Leave out remarks that stand in another column than names do, and give rows of totals in one their name."""
    there = raw.filter(pl.col("who").is_null() & pl.col("entity").is_null())
    totals, remarks = nameless(source, there[ROW].unique().to_list(), there["field"].unique().to_list())
    totals = {row: text for row, text in totals.items() if entities.excluded(text)}
    if totals:
        named = pl.col("who").is_null() & pl.col(ROW).is_in([*totals])
        raw = raw.with_columns(
            entity=pl.when(named).then(pl.col(ROW).replace_strict(totals, default=None)).otherwise("entity"),
            no_entity=pl.when(named).then(pl.lit("excluded")).otherwise("no_entity"),
        )
    if remarks:
        rows = by_name((text, row) for row, text in sorted(remarks.items()))
        figures.findings.append(figureless_note(source, rows, closed=entities.closed))
        kept = raw.filter(~(pl.col("who").is_null() & pl.col(ROW).is_in([*remarks])))
        figures.left_out += raw.height - kept.height
        return kept
    return raw


def _bare(raw: pl.DataFrame, source: Placed, entities: Entities) -> pl.DataFrame:
    """Return the cells of a wide table's rows that have nothing but a name, which no entity with a figure has.

    Without a roster and without a column of periods, the figures of all files show which names have none.
    """
    if not entities.closed and "period" not in source.roles:
        return raw.clear()
    filled = _filled("value") if "period" not in source.roles else _filled("value") | pl.col("period").is_not_null()
    mine = raw.filter(pl.col("entity").is_not_null())
    if entities.closed:
        mine = mine.filter(pl.col("who").is_null())
    empty = mine.group_by("entity").agg(filled.any().alias("filled")).filter(~pl.col("filled"))["entity"]
    return mine.filter(pl.col("entity").is_in(empty.implode()))


def _headings(raw: pl.DataFrame, _source: Placed, entities: Entities) -> pl.DataFrame:
    """Return the rows of a long table that have nothing but a name, which with a roster is that of no entity."""
    nothing = pl.all_horizontal(pl.col("measure", "period").is_null()) & ~_filled("value") & ~_filled("target")
    named = pl.col("entity").is_not_null()
    return raw.filter(nothing & named & (pl.col("who").is_null() if entities.closed else True))


def _outdated(entities: Entities, row: dict[str, Any]) -> row_findings.Finding:
    message = entities.outdated_code(row["entity"], row["code"], row["start"], row["months"])
    assert message is not None  # noqa: S101
    return "K610", message, Message("use the code of that time, or the name")


def _where(raw: pl.DataFrame, system: System, source: Placed, findings: list[Diagnostic]) -> pl.DataFrame:
    """Leave out rows that their measure's `where:` does not take; cells are cleaned as those of records are."""
    measures = {name: item for name, item in system.measures.items() if isinstance(item, Reported) and item.where}
    wheres = [str(item.where) for item in measures.values()]
    left_out = pl.repeat(value=False, n=raw.height, dtype=pl.Boolean, eager=True)
    blank: dict[tuple[str, str], tuple[int, list[str]]] = {}
    truths: set[str] = set()
    for name, measure in measures.items():
        where = str(measure.where)
        columns = sorted(conditions.reads(where))
        if any(f"where {column}" not in raw.columns for column in columns):
            continue
        known = expressions.parse(where).column_kinds()
        kinds = {column: known.get(column, "text") for column in columns}
        cells = [
            _compared(raw[f"where {column}"], kind, column, source, wheres).alias(conditions.cell(column))
            for column, kind in kinds.items()
        ]
        truths |= {item for item in columns if kinds[item] == "text" and raw[f"where {item}"].dtype == pl.Boolean}
        mine, taken = pl.col("name") == name, conditions.condition(where, kinds)
        excluding = conditions.left_out_blank(where, kinds)
        tests = raw.with_columns(cells).select(
            (mine & ~taken.fill_null(value=False)).alias("left out"),
            *(
                (mine & taken.is_null() & pl.col(conditions.cell(item)).is_null()).alias(f"no {item}")
                for item in excluding
            ),
        )
        left_out |= tests["left out"]
        for column in excluding:
            if rows := int(tests[f"no {column}"].sum()):
                many, names = blank.get((where, column), (0, []))
                blank[where, column] = (many + rows, [*names, name])
    for column in sorted(truths):
        findings += conditions.truth_notes(wheres, column, source.table.place(None, column))
    for (where, column), (rows, names) in blank.items():
        findings.append(conditions.blank_note(where, column, names, rows, source.table.place(None, column)))
    return raw.filter(~left_out)


def _compared(cells: pl.Series, kind: str, column: str, source: Placed, wheres: Sequence[str]) -> pl.Series:
    """Return the cells of a column as conditions compare them: as numbers, or as folded texts."""
    if kind == "number":
        return read_column(cells, notation_of(source.dataset, source.table, column))[0]["value"]
    if cells.dtype == pl.Boolean:
        words = conditions.truth_words(wheres, column)
        return cells.to_frame().select(conditions.truth_text(pl.first(), words)).to_series()
    texts_read = folded(texts_of(cells))
    return texts_read.set(texts_read == "", None)
