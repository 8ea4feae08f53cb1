"""Reported figures: long or wide tables become clean rows, one figure each, and a finding for each refused one.

A clean row has the columns entity (UInt32, place among the entities), start (Int32, first month) and months (Int32),
measure (String), per (String, the finer unit or null), value (Float64, in the measure's unit), status (Status),
revision (Float64), row (UInt32, in its table) and source (UInt32, which table).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from kpi.errors import Diagnostic, Severity
from kpi.intake import row_findings
from kpi.intake.aggregate_rows import by_name
from kpi.intake.cells.numbers import LARGEST, PLAIN, fold, mark_hint, read_numbers
from kpi.intake.cells.unit_factors import factors
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean
from kpi.intake.files.merged_cells import range_of
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, condition_columns, measure_names, measure_of, panel_columns
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.intake.matching.notation import decimal_finding, notation_of, read_column
from kpi.intake.reported import entity_targets
from kpi.intake.reported.lookups import names_of
from kpi.intake.reported.plain_rows import Coded
from kpi.intake.reported.unused_figures import Extra, unknown_measure
from kpi.intake.rows_left_out import figureless_note, left_out_notes
from kpi.language import expressions
from kpi.language.datasets import PanelData
from kpi.language.expressions.terms import Term
from kpi.language.measures import Reported
from kpi.language.system import System
from kpi.values import periods
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


@dataclass
class Figures:
    """Clean figures of one table and what was found.

    `read` counts figures, `refused` the bad ones, `left_out` those that are about no unit and those that the system
    does not use. `units` are the places of the entities with a row for a known measure and a readable period; in wide
    tables without periods with a cell that is not blank, whatever it says. `notes` are the texts in the note column
    (说明), by measure, entity and scored period.
    """

    rows: pl.DataFrame
    targets: pl.DataFrame
    findings: list[Diagnostic] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    left_out: int = 0
    units: frozenset[int] = frozenset()
    notes: dict[tuple[str, int, int], str] = field(default_factory=dict)


def texts(
    source: Placed, system: System, period: str | None, frame: pl.DataFrame, *, only: str | None = None
) -> pl.DataFrame:
    """Returns the figures of a table's numbered rows as text, one a row; of a wide table those of one column only.

    Columns: `ROW`, entity, code, period, measure, value, unit, revision, target, note, per, field (the header of the
    figure's cell) and every column that a `where:` reads, prefixed with `where `.
    """
    table, roles = source.table, source.roles
    text = {role: _text(roles[role]) for role in roles if roles[role] in frame.columns}
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
                    "entity": _who(text), "per": pl.lit(None, dtype=pl.String),
                },
            )
            for header, (measure, unit) in columns.items() if only in (None, header)
        ]  # fmt: skip
        return stacked(parts)
    own = {
        "value": pl.col(roles["value"]),
        "field": pl.lit(roles["value"]),
        "entity": _who(text),
        "per": _per(system, frame.columns, text["measure"]),
    }
    return frame.select(ROW, **_TEXT | text | own | extra)


def stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return rows that `texts` gives one below the other; their figures as texts where some are no numbers.

    A date beside numbers would become one otherwise: the days since 1970.
    """
    kinds = {part.schema["value"] for part in parts} - {pl.Null()}
    if len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds):
        parts = [part.with_columns(pl.col("value").cast(pl.String)) for part in parts]
    return pl.concat(parts, how="vertical_relaxed")


def _who(text: Mapping[str, pl.Expr]) -> pl.Expr:
    """Who a row is about: whom it names, or else whose code it has."""
    return pl.coalesce(*(text[role] for role in ("entity", "code") if role in text), pl.lit(None, dtype=pl.String))


def _text(header: str) -> pl.Expr:
    """A column as text, null where there are only blanks."""
    stripped = pl.col(header).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _per(system: System, columns: list[str], measure: pl.Expr) -> pl.Expr:
    """The finer unit of a row, from the column that its measure names."""
    per = pl.lit(None, dtype=pl.String)
    for text, name in measure_names(system).items():
        column = system.measures[name].per
        if column in columns:
            per = pl.when(measure == text).then(pl.col(column)).otherwise(per)
    return per


def clean_rows(
    source: Placed, number: int, system: System, entities: Entities, period: str | None, *, apart: Coded | None = None
) -> Figures:
    """Returns the clean figures of a table.

    Args:
        source: the table and what its columns are.
        number: the table's number, kept in the column `source`.
        system: gives measures, units and indicators.
        entities: who there is.
        period: the period of every row, for tables without a period column.
        apart: the rows of the table, of which only those that are not plain are cleaned here; as `texts` gives them
            where it is a wide one.
    """
    if apart is not None and not apart.others.height:
        return Figures(pl.DataFrame(schema=CLEAN), pl.DataFrame(), read=apart.read)
    if apart is not None and isinstance(source.dataset, PanelData):
        raw = apart.others
    else:
        raw = texts(source, system, period, source.table.numbered().collect() if apart is None else apart.others)
    figures = Figures(raw, raw, read=raw.height if apart is None else apart.read)
    lost = {} if apart is None else apart.lost
    bad: list[pl.DataFrame] = []

    def refuse(
        where: pl.Expr, column: str | None, tell: Callable[..., tuple[str, str, str | None]], further: int = 0
    ) -> None:
        nonlocal raw
        rows = raw.filter(where)
        if rows.height:
            figures.findings += row_findings.of_rows(source.table, rows, column, tell, further=further)
            bad.append(rows)
            raw = raw.filter(~where)

    roles, grain = source.roles, system.period.months
    raw = _identified(raw, entities)
    raw = _without_aside(raw, source, entities, figures)
    raw, extra, misspelt = _named(source, system, raw, figures, apart)
    refuse(
        pl.col("name").is_null(),
        roles.get("measure"),
        partial(unknown_measure, system, extra.absent),
        lost.get("measure", 0) + misspelt,
    )
    unknown = pl.col("who").is_null()
    refuse(unknown, source.who, lambda row: _unknown_entity(entities, source, row), lost.get("entity", 0))
    known = periods.parse_column(raw["period"], order=source.dataset.dates).rename({"text": "period"})
    raw = raw.join(known, on="period", how="left", nulls_equal=True, maintain_order="left")
    refuse(pl.col("start").is_null(), roles.get("period", ""), partial(_bad_period, source), lost.get("period", 0))
    refuse(_no_total(system), roles.get("period", ""), partial(_not_from_january, system))
    figures.findings += row_findings.of_rows(
        source.table, entities.outdated(raw), source.who, _outdated, severity=Severity.WARNING
    )
    there = _filled("value") | _filled("target") if _may_have_headings(source) else pl.lit(value=True)
    figures.units = frozenset(raw.filter(there)["who"].unique())

    figures.targets, wrong = entity_targets.in_data(raw, system, source, figures.findings)
    bad.append(wrong)
    raw = raw.filter(~pl.col("name").is_in(list(system.indicators)))
    raw, unclear = _with_numbers(source, raw, figures, frozenset() if apart is None else apart.unclear)
    bad.append(unclear)
    refuse(pl.col("problem").is_not_null(), None, _no_figure)
    raw = raw.join(
        factors(raw, system), on=["unit", "typed", "name"], how="left", nulls_equal=True, maintain_order="left"
    )
    refuse(
        pl.col("factor").is_null() & (pl.col("status") == "ok"),
        roles.get("unit"),
        lambda row: ("K605", str(row["misfit"]), _unit_above(source, row)),
    )
    too_large = pl.col("number").abs() * pl.col("factor") > LARGEST
    refuse(too_large, roles.get("value"), lambda row: ("K604", f"`{row['value']}` is too large", None))
    revision = read_numbers(raw["revision"])
    raw = raw.with_columns(revision["value"].alias("edition"), revision["problem"].alias("uneditable"))
    refuse(
        pl.col("uneditable").is_not_null(),
        roles.get("revision"),
        lambda row: ("K604", f"the revision {row['uneditable']}", "number the revisions 1, 2, 3"),
    )
    for name, column in _lacking(raw, system):
        refuse(pl.col("name") == name, "", partial(_no_condition, system, column))
    raw = _where(raw, system, source)

    rows = raw.select(
        entity="who", start="start", months="months", measure="name", per="per",
        value=pl.col("number") * pl.col("factor").fill_null(1.0), status="status",
        revision=pl.col("edition").fill_null(0.0),
        row=pl.col(ROW).cast(pl.UInt32), source=pl.lit(number, dtype=pl.UInt32),
    )  # fmt: skip
    noted = raw.drop_nulls("note").select("name", "who", (pl.col("start") + pl.col("months") - 1) // grain, "note")
    figures.notes = {(name, who, period): note for name, who, period, note in noted.rows()}
    figures.refused = sum(one.height for one in bad) + sum(lost.values()) + misspelt
    figures.rows = pl.concat([rows, *_refused(bad, number)], how="vertical")
    return figures


def _with_numbers(
    source: Placed, raw: pl.DataFrame, figures: Figures, unclear: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows with what their figures say, and apart from them those whose decimal mark cannot be told.

    Args:
        source: the table.
        raw: its rows, with the columns value and field.
        figures: takes the findings about the latter.
        unclear: the columns in which decimal commas were seen that are not declared.
    """
    numbers, undecided = _numbers(source, raw, unclear)
    raw = raw.with_columns(
        numbers["value"].alias("number"),
        numbers["status"].cast(Status),
        numbers["unit"].alias("typed"),
        numbers["problem"],
        undecided.alias("unclear"),
    )
    figures.findings += _undecided(source, raw.filter("unclear"), unclear)
    return raw.filter(~pl.col("unclear")), raw.filter("unclear")


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


def _undecided(source: Placed, rows: pl.DataFrame, unclear: frozenset[str]) -> list[Diagnostic]:
    """Return a finding for each column with cells whose decimal mark cannot be told."""
    found = []
    for (header,), cells in rows.select(ROW, "field", text="value").group_by("field", maintain_order=True):
        notation = notation_of(source.dataset, source.table, str(header), unclear)
        found.append(decimal_finding(source.table, str(header), cells, notation))
    return found


def _named(
    source: Placed, system: System, raw: pl.DataFrame, figures: Figures, apart: Coded | None
) -> tuple[pl.DataFrame, Extra, int]:
    """Return the rows with the names of their measures, without those of figures that the system does not use.

    And these, and how many rows with texts that may be misspelt are not among the rows.
    """
    names = names_of(system)
    meanings = {text: measure_of(names, text) for text in _distinct(raw, "measure")}
    raw = _resolve(raw, "measure", "name", {text: name for text, (name, _) in meanings.items()})
    if isinstance(source.dataset, PanelData):
        return raw, Extra({}, ()), 0
    raw = _resolve(raw, "measure", "beside", {text: unit for text, (_, unit) in meanings.items()})
    above = pl.lit(source.table.unit, dtype=pl.String)
    raw = raw.with_columns(unit=pl.coalesce("unit", "beside", above)).drop("beside")
    further = Counter[str]() if apart is None else apart.unknown
    extra = Extra.of(system, meanings if apart is None else apart.measures)
    raw, unused = extra.without(raw, further, source, figures.findings)
    figures.left_out += unused
    return raw, extra, sum(many for text, many in further.items() if text not in extra.texts)


#: The revision of a refused row: none is the first, and one that cannot be read may be any.
_EDITION = pl.col("revision").cast(pl.Float64, strict=False).fill_nan(None).fill_null(
    pl.when(pl.col("revision").is_null()).then(0.0).otherwise(float("inf"))
)  # fmt: skip


def _refused(bad: list[pl.DataFrame], number: int) -> list[pl.DataFrame]:
    """Refused figures whose entity, period and measure are known: they void that figure rather than vanish."""
    return [
        rows.select(
            entity="who", start="start", months="months", measure="name", per="per",
            value=pl.lit(None, dtype=pl.Float64),
            status=pl.lit("refused", dtype=Status), revision=_EDITION,
            row=pl.col(ROW).cast(pl.UInt32), source=pl.lit(number, dtype=pl.UInt32),
        )
        for rows in bad if "number" in rows.columns
    ]  # fmt: skip


def _filled(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars().fill_null("") != ""


def _identified(raw: pl.DataFrame, entities: Entities) -> pl.DataFrame:
    """Adds the place of the entity that each row is about, `who`, null where it is about none that is known."""
    pairs = raw.select("entity", "code").unique()
    places = [entities.place(name, code) for name, code in pairs.rows()]
    pairs = pairs.with_columns(pl.Series("who", places, dtype=pl.UInt32))
    return raw.join(pairs, on=["entity", "code"], how="left", nulls_equal=True, maintain_order="left")


def _may_have_headings(source: Placed) -> bool:
    """Returns whether a row may be a heading: in a wide table, where it has nothing but a name.

    One with a period is about that period, and one of a long table about its measure, even if the figure is blank.
    """
    return isinstance(source.dataset, PanelData) and "period" not in source.roles


def _without_aside(raw: pl.DataFrame, source: Placed, entities: Entities, figures: Figures) -> pl.DataFrame:
    """Leaves out the rows that are about no unit: totals and the like, repeated headings, headings of groups."""
    nobody = raw.filter(pl.col("who").is_null() & pl.col("entity").is_not_null())
    names = _distinct(nobody, "entity")
    aside = [name for name in names if entities.excluded(name) or repeats_heading(source, name)]
    left = nobody.filter(pl.col("entity").is_in(aside))
    figures.findings += left_out_notes(source, left.select(ROW, text="entity"), entities)
    passed = pl.col("who").is_null() & pl.col("entity").is_in(aside).fill_null(value=False)
    kept = raw.filter(~passed)
    bare = (_bare if isinstance(source.dataset, PanelData) else _headings)(kept, source, entities)
    if bare.height:
        figures.findings.append(
            figureless_note(source, by_name(bare.select("entity", ROW).rows()), closed=entities.closed)
        )
        kept = kept.join(bare, on=[ROW, "field"], how="anti", maintain_order="left")
    figures.left_out += raw.height - kept.height
    return kept


def _bare(raw: pl.DataFrame, source: Placed, entities: Entities) -> pl.DataFrame:
    """Returns the cells of a wide table's rows that have nothing but a name, which no entity with a figure has.

    Without a roster and without a column of periods, the figures of all files tell which names have none.
    """
    if not entities.closed and "period" not in source.roles:
        return raw.clear()
    said = _filled("value") if "period" not in source.roles else _filled("value") | pl.col("period").is_not_null()
    mine = raw.filter(pl.col("entity").is_not_null())
    if entities.closed:
        mine = mine.filter(pl.col("who").is_null())
    empty = mine.group_by("entity").agg(said.any().alias("said")).filter(~pl.col("said"))["entity"]
    return mine.filter(pl.col("entity").is_in(empty.implode()))


def _headings(raw: pl.DataFrame, _source: Placed, entities: Entities) -> pl.DataFrame:
    """Return the rows of a long table that have nothing but a name, which with a roster is that of no entity."""
    nothing = pl.all_horizontal(pl.col("measure", "period").is_null()) & ~_filled("value") & ~_filled("target")
    named = pl.col("entity").is_not_null()
    return raw.filter(nothing & named & (pl.col("who").is_null() if entities.closed else True))


def _distinct(frame: pl.DataFrame, column: str) -> list[str]:
    return frame[column].drop_nulls().unique().sort().to_list()


def _resolve(
    frame: pl.DataFrame, column: str, name: str, meanings: Mapping[str, object], dtype: pl.DataType | type = pl.String
) -> pl.DataFrame:
    """Adds what the distinct texts of a column mean, null for those that mean nothing."""
    table = pl.DataFrame(
        {column: list(meanings), name: list(meanings.values())}, schema={column: pl.String, name: dtype}
    )
    return frame.join(table, on=column, how="left", maintain_order="left")


def _is_below(source: Placed, row: dict[str, object]) -> bool:
    """Return whether a row of a sheet or text file stands below another."""
    return not source.table.typed and int(str(row[ROW])) > source.table.first_row


#: Where a row lacks what the row above it has.
_PERHAPS_MERGED = "write it into every row: of cells that were merged in a sheet only the first row has the text"


def _unknown_entity(entities: Entities, source: Placed, row: dict[str, object]) -> tuple[str, str, str | None]:
    if not clean(str(row["entity"] or "")):
        return "K602", "the row names no entity", _PERHAPS_MERGED if _is_below(source, row) else None
    finding = entities.unknown(str(row["entity"]), source.table.place())
    return finding.code, finding.message, finding.hint


def _bad_period(source: Placed, row: dict[str, object]) -> tuple[str, str, str | None]:
    if row["period"] is None and "period" not in source.roles:
        hint = "name it 期别 or period, say which it is under `columns:`, or give one for the whole file with --period"
        return "K606", f"no column says which period the row is for{_of_titles(source.table.titles)}", hint
    if row["period"] is None:
        fill = _PERHAPS_MERGED if _is_below(source, row) else "fill it in"
        return "K606", "the row has no period", f"{fill}; or give one for the whole file with --period"
    return "K606", str(row["problem"] or f"`{row['period']}` is not a period"), None


#: What may be a period in a title: 2025年1-3月, 2025年第一季度, 2025年上半年, 2025年度, 2025-03, 2025Q1.
_IN_TITLE = re.compile(
    r"(?:19|20|21)[0-9]{2} *(?:年 *(?:[0-9]{1,2} *(?:[-—~至] *[0-9]{1,2} *)?月份?|第?[一二三四五六七八九0-9]季度"
    r"|[上下]半年|度)?|[-/.][0-9]{1,2}(?![0-9])|Q[0-9])"
)


def _of_titles(titles: Iterable[str]) -> str:
    """Return what the titles of a table say of its period, as the end of a sentence; empty where they name none.

    >>> _of_titles(["2025年13月各县情况"])
    '; taken from the title, `2025年13月` is not a period: there is no month 13'
    """
    text = next((match[0] for title in titles if (match := _IN_TITLE.search(fold(title)))), None)
    if text is None:
        return ""
    try:
        periods.parse(text)
    except periods.PeriodError as error:
        return f"; taken from the title, {error}"
    return f"; `{text}` in the title is not taken for it"


def _no_total(system: System) -> pl.Expr:
    """Returns whether a figure that runs from January has a period that is no label of it, such as 4-5月."""
    running = [name for name, one in system.measures.items() if isinstance(one, Reported) and one.from_january]
    start, months = pl.col("start"), pl.col("months")
    regular = months.is_in([grain.months for grain in periods.Grain]) & (start % months == 0)
    return pl.col("name").is_in(running) & (start % 12 != 0) & ~regular


def _not_from_january(system: System, row: dict[str, object]) -> tuple[str, str, str | None]:
    title = system.measures[str(row["name"])].title or row["name"]
    hint = "label it by its last month, or by the months from January, such as 2024年1-5月"
    return "K621", f"`{row['period']}` does not begin in January, but the figures of {title} run from January", hint


def _no_figure(row: dict[str, object]) -> tuple[str, str, str | None]:
    if (merged := range_of(str(row["value"]))) is not None:
        figure, cells = merged
        message = f"`{figure}` stands in the merged cell {cells}: one figure for several is none of them"
        return "K533", message, "split the cell, and write each figure into its own"
    return "K604", str(row["problem"]), mark_hint(str(row["value"]))


def _outdated(row: dict[str, object]) -> tuple[str, str, str | None]:
    return "K610", str(row["outdated"]), "use the code of that time, or the name"


def _unit_above(source: Placed, row: dict[str, object]) -> str | None:
    """Returns what to do about a unit that a row has from the line above the table."""
    if source.table.unit is None or row["unit"] != source.table.unit:
        return None
    where = "the header" if isinstance(source.dataset, PanelData) else "a column 计量单位"
    return (
        f"单位：{source.table.unit} above the table is taken for all that has no unit of its own: write it into {where}"
    )


def _lacking(raw: pl.DataFrame, system: System) -> list[tuple[str, str]]:
    """Returns the measures whose `where:` reads a column that the table does not have, with the first such column."""
    wanted = {
        name: [column for column, _ in expressions.parse(measure.where).names() if f"where {column}" not in raw.columns]
        for name, measure in system.measures.items()
        if isinstance(measure, Reported) and measure.where is not None
    }
    return [(name, columns[0]) for name, columns in wanted.items() if columns]


def _no_condition(system: System, column: str, row: dict[str, object]) -> tuple[str, str, str | None]:
    name = str(row["name"])
    title, condition = system.measures[name].title or name, system.measures[name].where
    return "K541", f"{title} takes rows where {condition}, but the file has no column `{column}`", "add the column"


def _where(raw: pl.DataFrame, system: System, source: Placed) -> pl.DataFrame:
    """Leaves out rows that their measure's `where:` does not take."""
    keep = pl.lit(True)
    for name, measure in system.measures.items():
        if not isinstance(measure, Reported) or measure.where is None:
            continue
        expression = expressions.parse(measure.where)
        if any(f"where {column}" not in raw.columns for column, _ in expression.names()):
            continue
        kinds = expression.column_kinds()
        cleaned = {
            f"where {column}": read_column(
                raw[f"where {column}"], notation_of(source.dataset, source.table, column)
            )[0]["value"]
            for column, kind in kinds.items() if kind == "number" and f"where {column}" in raw.columns
        }  # fmt: skip
        raw = raw.with_columns(**cleaned)
        taken = expression.resolve(lambda column: Term(pl.col(f"where {column}"), kinds.get(column, "text")))  # noqa: B023
        keep = pl.when(pl.col("name") == name).then(taken.expr.fill_null(value=False)).otherwise(keep)
    return raw.filter(keep)
