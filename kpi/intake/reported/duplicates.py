"""Figures that are reported more than once: repetitions, and contradictions."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake import row_findings
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entities import Entities, short_forms
from kpi.intake.files.headers import REPORTERS, clean, role, split_unit
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, is_unit, panel_columns
from kpi.intake.reported import period_aggregation
from kpi.language.datasets import PanelData
from kpi.language.system import System
from kpi.values import period_texts
from kpi.values.patterns import regex
from kpi.values.periods import Period


class Repeats(Struct):
    """The findings about figures given more than once, and how many rows repeat others or are refused for it."""

    findings: list[Diagnostic] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0


def repeats_of(repeated: pl.DataFrame, sources: Sequence[Placed], system: System) -> Repeats:
    """Return the findings for figures given more than once: equal ones are counted once, different ones refused.

    Args:
        repeated: clean rows (see `kpi.intake.reported.row_cleaning`) that share measure, entity, finer unit and period.
        sources: the tables they come from.
        system: gives the titles of measures.
    """
    repeats = Repeats()
    if repeated.select(period_aggregation.refused().all()).item():
        return repeats
    keys = [*period_aggregation.KEYS, "start", "months"]
    repeated = repeated.sort("source", "row", "measure")
    same = (pl.col("value").n_unique().over(keys) == 1) & (pl.col("status").n_unique().over(keys) == 1)
    same &= ~pl.col("apart")
    places = pl.struct("source", "row").sort_by("source", "row").implode()
    repeated = repeated.with_columns(same=same, others=places.over(keys, mapping_strategy="join"))
    # Rows that were refused before were reported and counted then.
    repeated = repeated.filter(~period_aggregation.refused())
    extra = repeated.filter(pl.col("same") & (pl.int_range(pl.len()).over(keys) > 0))
    clash = repeated.filter(~pl.col("same"))
    repeats.repeated, repeats.refused = extra.height, clash.height
    cells = _cells(clash, sources, system)
    for rows, severity, equal in ((extra, Severity.WARNING, True), (clash, Severity.ERROR, False)):
        for number, source in enumerate(sources):
            mine = (
                rows.filter(pl.col("source") == number)
                .rename({"row": ROW})
                .with_columns(field=pl.lit(source.roles.get("value")))
            )

            def finding_of(row: dict[str, Any], equal: bool = equal, at: int = number) -> row_findings.Finding:
                mine, others = (at, row[ROW]), [(place["source"], place["row"]) for place in row["others"]]
                others.remove(mine)
                columns = _columns_of(row["measure"], sources[at], system)
                title = system.symbols[row["measure"]].title
                places = places_named(others, mine, sources, columns)
                if equal:
                    message = Message("the figure of {title} repeats {places}", title=title, places=places)
                    return "K608", message, None
                message = _beside(title, places, alike=row["apart"])
                if mine in others:
                    return "K608", message, _ONE_COLUMN
                beside = [cells[place] for place in (mine, *others) if place in cells]
                texts = {row.get(_WHO) for row in beside} - {None}
                if _several_units(texts):
                    message = Message(
                        "{message}; the rows name {names}, which are one unit by the roster",
                        message=message,
                        names=tuple(sorted(text or "" for text in texts)),
                    )
                    return "K608", message, _UNITS
                differing, hint = _of_cells(message, beside, sources[at], system)
                if hint is not None:
                    return "K608", differing, hint
                return "K608", message, _LATER if all(place == at for place, _ in others) else _ELSEWHERE

            if mine.height:
                repeats.findings += row_findings.of_rows(source.table, mine, None, finding_of, severity=severity)
    return repeats


def _beside(title: str, places: Message, *, alike: bool) -> Message:
    """Return the message that a figure is given more than once, with one value or with several."""
    if alike:
        return Message("the figure of {title} is for the same unit and period as {places}", title=title, places=places)
    return Message("the figure of {title} contradicts {places}", title=title, places=places)


def _of_cells(
    message: Message, rows: Sequence[Mapping[str, str | None]], source: Placed, system: System
) -> tuple[Message, Message | None]:
    """Return the message with the cells in which rows differ, and what to do about these; None where they do not."""
    if len({row.get(_DAY) for row in rows} - {None}) > 1:
        return message, _A_WEEK if system.timeline.weeks else _A_MONTH
    apart = _differences(rows)
    if not apart:
        return message, None
    differences = tuple(
        Message("`{header}` ({cells})", header=header, cells=tuple(texts)) for header, texts in apart.items()
    )
    message = Message("{message}; the rows differ in {differences}", message=message, differences=differences)
    return message, _what_to_do(apart, source)


def _what_to_do(headers: Collection[str], source: Placed) -> Message:
    """Return what to do about rows that differ in some columns."""
    if any(role(header) == "entity" for header in headers):
        return _NAMESAKES
    return _APART if isinstance(source.dataset, PanelData) else _APART_BY_WHERE


def superseded(
    earlier: pl.DataFrame, sources: Sequence[Placed], system: System, entities: Entities
) -> pl.DataFrame | None:
    """Return what later revisions took the place of, one row a figure, or None where nothing was restated.

    Columns: entity (its name), period (the label of the figure's own), index (Int32, the scored period), measure,
    title, before, after, unit, revision, new_revision, file, row; in the order of periods, entities and measures.

    Args:
        earlier: what `period_aggregation.newest` says was restated.
        sources: the tables they come from.
        system: gives titles, units and the grain.
        entities: gives the names.
    """
    if not earlier.height:
        return None
    rows = earlier.sort("start", "months", "entity", "measure", "revision", "source", "row")
    spans = rows.select("start", "months").unique()
    labels = {(start, many): Period(start, many, system.timeline).label for start, many in spans.rows()}
    return rows.select(
        entity=pl.col("entity").replace_strict(dict(enumerate(entities.every)), return_dtype=pl.String),
        period=pl.Series([labels[span] for span in rows.select("start", "months").rows()], dtype=pl.String),
        index=((pl.col("start") + pl.col("months") - 1) // system.period.months).cast(pl.Int32),
        measure="measure",
        title=pl.Series([system.symbols[name].title for name in rows["measure"]], dtype=pl.String),
        before="value", after="after",
        unit=pl.Series([str(system.unit(name)) for name in rows["measure"]], dtype=pl.String),
        revision="revision", new_revision="edition",
        file=pl.Series([sources[at].table.file for at in rows["source"]], dtype=pl.String),
        row=pl.Series(
            [sources[at].table.row_of(row) for at, row in rows.select("source", "row").rows()], dtype=pl.Int64
        ),
    )  # fmt: skip


_NAMESAKES = Message(
    "units of one name are one unit: give a column of codes, or write both names, the coarser first, into the column "
    "of units"
)
_APART = Message("these may be different figures: leave out the rows that are not meant")
_APART_BY_WHERE = Message(
    "these may be different figures: say with `where:` which is meant, or leave the other rows out"
)
_ELSEWHERE = Message(
    "score one of the files or sheets alone; where one corrects the other, number its rows in a column 修订"
)
_LATER = Message("give the later figure a higher number in a column 修订")
_UNITS = Message(
    "if these were units of their own that merged, name a table of old, new and date in `entities: {{succession: ...}}`"
)
_A_MONTH = Message(
    "periods of days are not scored: give one figure a month, or, where each row is a case, declare `form: "
    "records`, whose rows are counted and added up"
)
_A_WEEK = Message(
    "periods of days are not scored: give one figure a week, or, where each row is a case, declare `form: "
    "records`, whose rows are counted and added up"
)
_ONE_COLUMN = Message("leave all but one of the columns out, or give each a name of its own")

#: The column of the text that identifies the entity of a row.
_WHO = "\0who"
#: The column of the day that a row has for its period.
_DAY = "\0day"

#: Roles of columns that distinguish figures of one unit, period and measure.
_TELLING = ("code", "scope", "unit", "cohort")

_FIGURE = regex(r"-?(\d+\.\d+|\d{1,3}(,\d{3})+)")

#: How many other places of a figure are named, the rest are counted.
_MOST = 5


def _cells(
    clash: pl.DataFrame, sources: Sequence[Placed], system: System
) -> dict[tuple[int, int], dict[str, str | None]]:
    """Return the cells beside the figures of contradicting rows, by table and row; of as many as are reported."""
    wanted: dict[int, set[int]] = {}
    for number in clash["source"].unique():
        told_of = clash.filter(pl.col("source") == number).sort("row").head(row_findings.LIMIT)
        for others in told_of["others"]:
            for place in list(others)[: _MOST + 1]:
                wanted.setdefault(place["source"], set()).add(place["row"])
        wanted.setdefault(int(number), set()).update(told_of["row"])
    cells_of_rows: dict[tuple[int, int], dict[str, str | None]] = {}
    for number, rows in wanted.items():
        source = sources[number]
        headers = _describing(source, system)
        cells = [as_text(header).str.strip_chars() for header in headers]
        if "entity" in source.roles:
            who = as_text(source.roles["entity"]).str.strip_chars().alias(_WHO)
            cells, headers = [*cells, who], [*headers, _WHO]
        if (period := source.roles.get("period")) is not None:
            cells, headers = [*cells, as_text(period).alias(_DAY)], [*headers, _DAY]
        items = source.table.numbered().filter(pl.col(ROW).is_in(sorted(rows))).select(ROW, *cells).collect()
        if _DAY in headers:
            items = items.with_columns(_days(items[_DAY], source))
        cells_of_rows |= {
            (number, int(row[ROW])): {header: row[header] for header in headers} for row in items.to_dicts()
        }
    return cells_of_rows


def _days(texts: pl.Series, source: Placed) -> pl.Series:
    """Return the days that texts of periods name, as texts, null for any other period."""
    meant = {text: period_texts.day(text, source.dataset.dates) for text in texts.unique().drop_nulls()}
    written = {text: None if item is None else item.isoformat() for text, item in meant.items()}
    return texts.replace_strict(written, default=None, return_dtype=pl.String)


def _describing(source: Placed, system: System) -> list[str]:
    """Return the columns that may say what a figure is about, other than by the unit, period and measure it is for."""
    figures = panel_columns(system, source.table, list(source.roles.values()))
    figures = figures if isinstance(source.dataset, PanelData) else {}
    passed = {*figures, *(header for role_of, header in source.roles.items() if role_of not in _TELLING)}
    return [
        header
        for header in source.table.columns
        if header not in passed and role(header) != "order" and split_unit(header, is_unit)[1] is None
    ]


def _differences(rows: Sequence[Mapping[str, str | None]]) -> dict[str, list[str]]:
    """Return the columns in which rows differ, with what they say; fractions and large numbers are figures."""
    differences = {}
    for header in dict.fromkeys(header for row in rows for header in row if header not in (_WHO, _DAY)):
        texts = list(dict.fromkeys(clean(row.get(header) or "") for row in rows if header in row))
        if len(texts) > 1 and not any(_FIGURE.fullmatch(text) for text in texts):
            differences[header] = [text or "blank" for text in texts[:_MOST]]
    return dict(list(differences.items())[:_MOST])


#: Roles and headings of columns that say nothing about what a figure is of.
_ASIDE = ("note", "reporter", "reported", "order", "unit", "code")
_ASIDE_BY_NAME = regex(
    r"备注|说明|原因|时间|日期|来源|(?:填报|报送|录入|审核|经办|联系|负责|责任|制表)|(?i:note|remark)"
)


_TEXTS = {ROW: pl.UInt32, "header": pl.String, "text": pl.String, "source": pl.Int64}


def told_apart(rows: pl.DataFrame, sources: Sequence[Placed], system: System) -> pl.Series:
    """Return for each row whether rows of its figure differ in a text beside it, such as 性别 or the 地市 of a 县区.

    Rows whose periods are different days differ, too: none of them is of the whole month or week.
    Figures, dates, remarks, blanks, and who reported a figure make no difference.

    Args:
        rows: clean rows (see `kpi.intake.reported.row_cleaning`) that say the same.
        sources: the tables they come from.
        system: gives the titles of measures.
    """
    keys = [*period_aggregation.KEYS, "start", "months"]
    parts, days = [], []
    for number in rows["source"].unique().sort():
        source = sources[number]
        headers = [
            header
            for header in _describing(source, system)
            if header not in REPORTERS and role(header) not in _ASIDE and not _ASIDE_BY_NAME.search(clean(header))
        ]
        wanted = rows.filter(pl.col("source") == number)["row"].unique()
        numbered = source.table.numbered().filter(pl.col(ROW).is_in(wanted.implode()))
        if (period := source.roles.get("period")) is not None:
            dated = numbered.select(ROW, as_text(period).alias("text")).collect()
            days.append(dated.with_columns(_days(dated["text"], source), header=pl.lit(_DAY), source=number))
        schema = source.table.frame.collect_schema()
        headers = [header for header in headers if schema[header] in (pl.String, pl.Categorical, pl.Enum)]
        if not headers:
            continue
        cells = [pl.selectors.by_name(header).cast(pl.String) for header in headers]
        items = numbered.select(ROW, *cells).collect()
        parts.append(items.unpivot(index=ROW, variable_name="header", value_name="text").with_columns(source=number))
    if not parts and not days:
        return pl.Series(values=[False] * rows.height, dtype=pl.Boolean)
    order = [ROW, "header", "text", "source"]
    texts = pl.concat([pl.DataFrame(schema=_TEXTS), *(items.select(order).cast(_TEXTS) for items in parts)])
    texts = texts.drop_nulls("text")
    cleaned = {text: clean(text) for text in texts["text"].unique()}
    texts = texts.with_columns(pl.col("text").replace_strict(cleaned, return_dtype=pl.String))
    # What begins with a digit or a sign is a figure or a date.
    texts = texts.filter(pl.col("text").str.contains(r"^\p{L}"))
    texts = pl.concat([texts, *(items.select(order).cast(_TEXTS).drop_nulls("text") for items in days)])
    texts = texts.rename({ROW: "row"})
    texts = texts.with_columns(pl.col("row").cast(rows.schema["row"]), pl.col("source").cast(rows.schema["source"]))
    different = (
        rows.select("source", "row", *keys).join(texts, on=["source", "row"])
        .group_by(*keys, "header").agg(pl.col("text").n_unique())
        .filter(pl.col("text") > 1).select(keys).unique().with_columns(apart=True)
    )  # fmt: skip
    joined = rows.select(keys).join(different, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined["apart"].fill_null(value=False)


def _several_units(texts: Collection[str | None]) -> bool:
    """Return whether texts that mean one unit are names of different ones, rather than forms of one name."""
    names = {clean(text) for text in texts if text and not clean(text).isdigit()}
    forms = [{name, *short_forms(name)} for name in names]
    return any(not form & other for form, other in itertools.combinations(forms, 2))


def _columns_of(measure: str, source: Placed, system: System) -> list[str]:
    """Return the headers of a wide table that give a measure, none for a long one."""
    if not isinstance(source.dataset, PanelData):
        return []
    columns = panel_columns(system, source.table, list(source.roles.values()))
    return [header for header, (name, _) in columns.items() if name == measure]


def places_named(
    others: Sequence[tuple[int, int]], own: tuple[int, int], sources: Sequence[Placed], columns: Sequence[str]
) -> Message:
    """Return where else a figure stands: rows of the same table by number, those of others with their file, too.

    Args:
        others: table and row of each.
        own: table and row of the finding.
        sources: the tables.
        columns: the headers under which a wide table has the figure.
    """
    places = []
    for at, row in dict.fromkeys(others):
        if (at, row) == own:
            quoted = tuple(f"`{header}`" for header in columns)
            places.append(Message("another column of the row ({columns})", columns=quoted))
            continue
        place = sources[at].table.place(row)
        spot = Message("row {row:,}", row=place.row)
        if place.field:
            spot = Message("row {row:,}, column {column}", row=place.row, column=place.field)
        places.append(
            spot if at == own[0] else Message("{place} of {file}", place=spot, file=sources[at].table.place())
        )
    listed = Message("{places}", places=tuple(places[:_MOST]))
    if len(places) <= _MOST:
        return listed
    return Message("{places} and {more:,} more", places=listed, more=len(places) - _MOST)
