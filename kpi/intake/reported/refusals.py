"""Why reported rows are refused: an ordered table of conditions, each with its code and the words of its findings.

A row is refused for the first condition that holds for it. Rows whose measure, entity or period is not known come
first (`of_keys`). Those that are refused afterwards (`of_figures`) are for a known figure, which they void.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message
from kpi.intake import row_findings
from kpi.intake.cells.numbers import LARGEST, fold, mark_hint, problem_of
from kpi.intake.cells.unit_factors import misfit
from kpi.intake.files.headers import clean, split_unit
from kpi.intake.files.merged_cells import SPLIT, of_several, range_of
from kpi.intake.files.table import ROW, UNREADABLE, Table
from kpi.intake.matching.datasets import Placed, is_unit
from kpi.intake.matching.notation import decimal_finding, notation_of
from kpi.intake.reported.lookups import Resolver
from kpi.intake.reported.unused_figures import Extra, unknown_measure
from kpi.language import expressions
from kpi.language.datasets import PanelData
from kpi.language.measures import Reported
from kpi.language.system import System
from kpi.values import period_texts, periods
from kpi.values.patterns import regex
from kpi.values.timelines import Timeline

Row = dict[str, Any]
#: Message and hint for a row.
Words = Callable[[Row], tuple[Message, Message | None]]


class Refusal(Struct, frozen=True):
    """A reason for which rows are refused.

    Attributes:
        code: of the findings, or what gives it for a row.
        condition: holds for the rows that are refused; null is no reason.
        words: message and hint for a row; None where `summary` makes the findings.
        column: the header of the bad cell, empty for none, None for what the row has in `field`.
        further: how many more rows there are, beyond those at hand.
        summary: makes the findings of all rows together.
    """

    code: str | Callable[[Row], str]
    condition: pl.Expr
    words: Words | None = None
    column: str | None = None
    further: int = 0
    summary: Callable[[pl.DataFrame], list[Diagnostic]] | None = None

    def findings(self, table: Table, rows: pl.DataFrame) -> list[Diagnostic]:
        """Return the findings about the rows of a table that are refused for this reason."""
        if self.summary is not None or self.words is None:
            return [] if self.summary is None else self.summary(rows)
        code, words = self.code, self.words

        def finding_of(row: Row) -> row_findings.Finding:
            return (code if isinstance(code, str) else code(row), *words(row))

        return row_findings.of_rows(table, rows, self.column, finding_of, further=self.further)


def refuse(
    table: Table, rows: pl.DataFrame, refusals: Sequence[Refusal], findings: list[Diagnostic]
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Return the rows that are not refused, and those that are, by reason.

    Args:
        table: where the rows come from.
        rows: with the columns that the conditions read.
        refusals: in the order in which they apply.
        findings: takes a finding for each row, up to a limit.
    """
    at = pl.coalesce(*(pl.when(refusal.condition).then(number) for number, refusal in enumerate(refusals)))
    reason = rows.select(at.alias("reason")).to_series()
    if reason.null_count() == rows.height:
        return rows, []
    refused = []
    for number in reason.unique().drop_nulls().sort():
        items = rows.filter(reason == number)
        findings += refusals[number].findings(table, items)
        refused.append(items)
    return rows.filter(reason.is_null()), refused


# ---- MEASURE, ENTITY, PERIOD ---- #


def of_keys(resolver: Resolver, extra: Extra, lost: Mapping[str, int]) -> list[Refusal]:
    """Return the refusals of rows whose measure, entity or period is not known.

    The rows have the columns that `Resolver` adds, and name, the measure.

    Args:
        resolver: of the table.
        extra: gives what an unknown measure may have been meant to be.
        lost: how many more rows lack a measure, an entity or a period.
    """
    source, system = resolver.source, resolver.system
    measure, period = source.roles.get("measure"), source.roles.get("period", "")
    return [
        Refusal("K601", pl.col("name").is_null(), partial(unknown_measure, resolver, extra), measure, lost["measure"]),
        Refusal("K602", pl.col("who").is_null(), partial(_unknown_entity, resolver), source.who, lost["entity"]),
        Refusal(
            "K606", pl.col("start").is_null(), partial(_bad_period, source, system.timeline), period, lost["period"]
        ),
        Refusal("K621", _no_total(system), partial(_not_from_january, system), period),
    ]


def _unknown_entity(resolver: Resolver, row: Row) -> tuple[Message, Message | None]:
    source = resolver.source
    if not clean(str(row["entity"] or "")):
        return Message("the row names no entity"), _PERHAPS_MERGED if _is_below(source, row) else None
    finding = resolver.entities.unknown(str(row["entity"]), source.table.place())
    return finding.message, finding.hint


def _bad_period(source: Placed, timeline: Timeline, row: Row) -> tuple[Message, Message | None]:
    if row["period"] is None and "period" not in source.roles:
        hint = Message(
            "name it 期别 or period, say which it is under `columns:`, or give one for the whole file with --period"
        )
        missing = Message("no column says which period the row is for")
        return _of_titles(source.table.titles, missing), hint
    if row["period"] is None:
        fill = _PERHAPS_MERGED if _is_below(source, row) else Message("fill it in")
        hint = Message("{fill}; or give one for the whole file with --period", fill=fill)
        return Message("the row has no period"), hint
    order = source.dataset.dates if "period" in source.roles else "ymd"
    reason = period_texts.problem(str(row["period"]), order=order, timeline=timeline)
    return reason or Message("{reason}", reason=row["no_period"]), None


#: What may be a period in a title: 2025年1-3月, 2025年第一季度, 2025年上半年, 2025年度, 2025-03, 2025Q1.
_IN_TITLE = regex(
    r"(?:19|20|21)[0-9]{2} *(?:年 *(?:[0-9]{1,2} *(?:[-—~至] *[0-9]{1,2} *)?月份?|第?[一二三四五六七八九0-9]季度"
    r"|[上下]半年|度)?|[-/.][0-9]{1,2}(?![0-9])|Q[0-9])"
)


def _of_titles(titles: Iterable[str], missing: Message) -> Message:
    """Return the message about a missing period, with what the titles of the table say of one.

    >>> _of_titles(["2025年13月各县情况"], Message("no period"))
    'no period; taken from the title, `2025年13月` is not a period: there is no month 13'
    """
    text = next((match[0] for title in titles if (match := _IN_TITLE.search(fold(title)))), None)
    if text is None:
        return missing
    try:
        period_texts.parse(text)
    except periods.PeriodError as error:
        return Message("{missing}; taken from the title, {problem}", missing=missing, problem=error.message)
    return Message("{missing}; `{text}` in the title is not taken for it", missing=missing, text=text)


#: Where a row lacks what the row above it has.
_PERHAPS_MERGED = Message(
    "write it into every row: of cells that were merged in a sheet only the first row has the text"
)


def _is_below(source: Placed, row: Row) -> bool:
    """Return whether a row of a sheet or text file stands below another."""
    return not source.table.typed and int(row[ROW]) > source.table.first_row


def _no_total(system: System) -> pl.Expr:
    """Return whether a figure that runs from January has a period that is no label of it, such as 4-5月."""
    running = [
        name for name, measure in system.measures.items() if isinstance(measure, Reported) and measure.from_january
    ]
    start, months = pl.col("start"), pl.col("months")
    regular = months.is_in([grain.months for grain in periods.GRAINS]) & (start % months == 0)
    return pl.col("name").is_in(running) & (start % 12 != 0) & ~regular


def _not_from_january(system: System, row: Row) -> tuple[Message, Message | None]:
    title = system.measures[row["name"]].title or row["name"]
    hint = Message("label it by its last month, or by the months from January, such as 2024年1-5月")
    message = Message(
        "`{period}` does not begin in January, but the figures of {title} run from January",
        period=row["period"],
        title=title,
    )
    return message, hint


# ---- FIGURES ---- #


def of_figures(source: Placed, system: System, unclear: frozenset[str], columns: Sequence[str]) -> list[Refusal]:
    """Return the refusals of rows whose figure, unit, revision or condition cannot be used.

    The rows have the columns value, unit and revision (texts), number, problem, unclear and typed (of the figure),
    factor and misfit (of its unit), other_unit (behind its name, where the row has another),
    edition and uneditable (the revision, and what is wrong with it).

    Args:
        source: the table and what its columns are.
        system: gives the measures.
        unclear: the columns in which decimal commas were seen that are not declared.
        columns: those of the rows.
    """
    unit, value, revision = (source.roles.get(role) for role in ("unit", "value", "revision"))
    no_factor = pl.col("factor").is_null() & (pl.col("status") == "ok")
    too_large = pl.col("number").abs() * pl.col("factor") > LARGEST
    # Of a column that cannot be read there is one finding already.
    lost = (pl.col("value").cast(pl.String) == UNREADABLE) & pl.col("field").is_in(list(source.table.unreadable))
    return [
        *([Refusal("K553", lost)] if source.table.unreadable else []),
        Refusal("K635", pl.col("unclear"), summary=partial(_undecided, source, unclear)),
        Refusal(_code_of_figure, pl.col("problem").is_not_null(), partial(_no_figure, source, unclear)),
        *([Refusal("K605", _two_units(), _says_two_units, unit)] if "other_unit" in columns else []),
        Refusal("K605", no_factor, partial(_no_unit, source, system), unit),
        Refusal("K604", too_large, _too_large, value),
        Refusal("K604", pl.col("uneditable").is_not_null(), _no_revision, revision),
        *(
            Refusal("K541", pl.col("name") == name, partial(_no_condition, system, column), "")
            for name, column in _lacking(system, columns)
        ),
    ]


def _undecided(source: Placed, unclear: frozenset[str], rows: pl.DataFrame) -> list[Diagnostic]:
    """Return a finding for each column with cells whose decimal mark is undecided."""
    findings = []
    for (header,), cells in rows.select(ROW, "field", text="value").group_by("field", maintain_order=True):
        notation = notation_of(source.dataset, source.table, str(header), unclear)
        findings.append(decimal_finding(source.table, str(header), cells, notation))
    return findings


def _code_of_figure(row: Row) -> str:
    return "K604" if range_of(str(row["value"])) is None else "K533"


def _no_figure(source: Placed, unclear: frozenset[str], row: Row) -> tuple[Message, Message | None]:
    if (merged := range_of(str(row["value"]))) is not None:
        return of_several(*merged), SPLIT
    notation = notation_of(source.dataset, source.table, row["field"], unclear)
    reason = problem_of(row["value"], notation) or Message("{reason}", reason=row["problem"])
    return reason, mark_hint(str(row["value"]))


def _no_unit(source: Placed, system: System, row: Row) -> tuple[Message, Message | None]:
    return misfit(row, system) or Message("{reason}", reason=row["misfit"]), _unit_above(source, row)


def _two_units() -> pl.Expr:
    return pl.col("other_unit").is_not_null() & pl.col("typed").is_null() & (pl.col("status") == "ok")


def _says_two_units(row: Row) -> tuple[Message, Message | None]:
    message = Message("the unit of the row is {unit}, but that in `{measure}` is {other}",
                      unit=row["unit"], measure=row["measure"], other=row["other_unit"])  # fmt: skip
    return message, Message("write the unit of the figure in both places, or in one only")


def _too_large(row: Row) -> tuple[Message, Message | None]:
    return Message("`{cell}` is too large", cell=row["value"]), None


def _no_revision(row: Row) -> tuple[Message, Message | None]:
    reason = problem_of(row["revision"]) or row["uneditable"]
    return Message("the revision {reason}", reason=reason), Message("number the revisions 1, 2, 3")


def _unit_above(source: Placed, row: Row) -> Message | None:
    """Return what to do about a unit that a row has from the line above the table."""
    if source.table.unit is None or row["unit"] != source.table.unit:
        return None
    if split_unit(source.roles.get("value", ""), is_unit)[1] is not None:
        return Message("the unit in the heading of the figures is taken for all that has no unit of its own:"
                       " write it into a column 计量单位")  # fmt: skip
    unit = source.table.unit
    if isinstance(source.dataset, PanelData):
        return Message(
            "单位：{unit} above the table is taken for all that has no unit of its own: write it into the header",
            unit=unit,
        )
    return Message(
        "单位：{unit} above the table is taken for all that has no unit of its own: write it into a column 计量单位",
        unit=unit,
    )


def _lacking(system: System, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return the measures whose `where:` reads a column that the table does not have, with the first such column."""
    wanted = {
        name: [column for column, _ in expressions.parse(measure.where).names() if f"where {column}" not in columns]
        for name, measure in system.measures.items()
        if isinstance(measure, Reported) and measure.where is not None
    }
    return [(name, absent[0]) for name, absent in wanted.items() if absent]


def _no_condition(system: System, column: str, row: Row) -> tuple[Message, Message | None]:
    title, condition = system.measures[row["name"]].title or row["name"], system.measures[row["name"]].where
    message = Message(
        "{title} takes rows where {condition}, but the file has no column `{column}`",
        title=title,
        condition=condition,
        column=column,
    )
    return message, Message("add the column")
