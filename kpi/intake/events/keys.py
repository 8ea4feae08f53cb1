"""Deduplicate events that are in several rows, of one file or of several, by the declared key of a dataset.

Rows with the same key and the same values in all columns that measures read are one event. Of rows with different
numbers in the column 修订 the highest is used. Other rows that contradict each other are all refused, like reported
figures: the order of the files is unknown.

Keys are first compared by their hashes, which take eight bytes a row; only rows with a repeated hash are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake import row_findings
from kpi.intake.cells import instants
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import PLAIN, fold, read_numbers
from kpi.intake.cells.text_folding import folded
from kpi.intake.cells.unit_factors import literal
from kpi.intake.entities import BESIDE
from kpi.intake.events.conditions import cell
from kpi.intake.events.events import MONTH, ORDER, WHO, Events, Repeats, unit_column
from kpi.intake.events.rounded_numbers import is_rounded, rounded_numbers
from kpi.intake.events.units import Reader
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import column_of
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.language.datasets import Records
from kpi.language.measures import Measure
from kpi.values import units
from kpi.values.periods import Grain, Order, Period

_SOURCE, _HASH, _EDITION = "#source", "#hash", "#edition"


class Deduplication(Struct):
    """The result of deduplication: the findings, and the numbers of rows that are left out.

    `repeated` rows have the same values as another, `restated` rows have a later revision; both are left out.
    `left_out` is their total, `by_table` their number in each table. `rounded` says that rows are events of their own
    as the digits of their numbers are lost.
    """

    findings: list[Diagnostic] = field(default_factory=list)
    repeated: int = 0
    restated: int = 0
    rounded: bool = False
    by_table: Mapping[int, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """The number of rows that are left out."""
        return self.repeated + self.restated

    def left_out_of(self, table: int) -> int:
        """Return the number of rows of a table that are left out."""
        return self.by_table.get(table, 0)


def deduplicated(
    tables: Sequence[Events], measures: Mapping[str, Measure], dataset: Records, *, grain: Grain
) -> tuple[list[Events], Deduplication]:
    """Mark rows of the same event in the tables of a dataset, and return the tables and the result.

    Args:
        tables: the tables of the dataset.
        measures: its measures, which decide on the columns that are compared.
        dataset: declares the key.
        grain: the grain of the scored periods.
    """
    result = Deduplication()
    if not dataset.key:
        return list(tables), result
    rows = _repeated(tables, measures, dataset, result, grain)
    if not rows.height:
        return list(tables), result
    by_key = [name for name in rows.columns if name.startswith("k ")]
    cells = [name for name in rows.columns if name.startswith(("c ", "n ", "t "))]
    contents = pl.struct(*cells, *(name for name in rows.columns if name in {WHO, MONTH, ORDER}))
    place = pl.struct(_SOURCE, ROW)
    # With an unreadable revision the valid row is unknown.
    rows = rows.with_columns(open=pl.col(_EDITION).is_infinite().any().over(by_key))
    rows = rows.with_columns(latest=pl.col("open") | (pl.col(_EDITION) == pl.col(_EDITION).max().over(by_key)))
    current = rows.filter("latest").sort(_SOURCE, ROW)
    current = current.with_columns(
        same=(contents.n_unique().over(by_key) == 1) & ~pl.col("open"), at=pl.int_range(pl.len()).over(by_key),
        first=place.first().over(by_key),
    )  # fmt: skip
    repeated = current.filter(pl.col("same") & (pl.col("at") > 0))
    clashing = current.filter(~pl.col("same"))
    restated = rows.filter(~pl.col("latest"))
    result.repeated, result.restated = repeated.height, restated.height
    left_out = pl.concat([repeated.select(_SOURCE, ROW), restated.select(_SOURCE, ROW)])
    result.by_table = dict(left_out.group_by(_SOURCE).len().rows())
    _report(result, tables, repeated, clashing, by_key)
    return [
        replace(
            item,
            repeats=Repeats(
                pl.concat(
                    [
                        *([] if item.repeats is None else [item.repeats.left_out]),
                        left_out.filter(pl.col(_SOURCE) == at)[ROW],
                    ]
                ),
                clashing.filter(pl.col(_SOURCE) == at)[ROW],
            ),
        )
        for at, item in enumerate(tables)
    ], result


def _repeated(
    tables: Sequence[Events], measures: Mapping[str, Measure], dataset: Records, result: Deduplication, grain: Grain
) -> pl.DataFrame:
    """Return the rows with a repeated key: their key, all columns that measures read, and their location."""
    keys = [_keys(table, dataset.key) for table in tables]
    hashes = pl.concat(
        entry.source.table.mapped(entry.kept().select(_hash(key).alias(_HASH)))
        for entry, key in zip(tables, keys, strict=True)
    )
    every = hashes.collect(engine="streaming")[_HASH]
    if blank := every.null_count():
        words = "、".join(dataset.key)
        message = Message(
            "{rows} without {columns}: each counts as an event of its own",
            rows=count(blank, "row"),
            columns=tuple(dataset.key),
        )
        result.findings.append(
            Diagnostic("K630", message, tables[0].source.table.place(None, words), None, Severity.INFO)
        )
    ordered = every.drop_nulls().sort()
    repeated = ordered.filter(ordered == ordered.shift(1)).unique()
    if not repeated.len():
        return pl.DataFrame()
    timed = any(measure.chronological for measure in measures.values())
    frames = []
    for at, (item, key) in enumerate(zip(tables, keys, strict=True)):
        rows = item.numbered().filter(_hash(key).is_in(repeated.implode()))
        revision = item.source.roles.get("revision")
        edition = pl.lit(0.0) if revision is None else pl.col(revision).map_batches(_edition, return_dtype=pl.Float64)
        names = [name for name in item.columns if name not in ({MONTH, WHO} if timed else {MONTH, WHO, ORDER})]
        frame = rows.select(
            pl.lit(at, dtype=pl.UInt32).alias(_SOURCE), pl.col(ROW).cast(pl.UInt32),
            *(text.alias(f"k {place}") for place, text in enumerate(key)),
            edition.alias(_EDITION),
            item.columns[WHO].map_batches(folded, return_dtype=pl.String).alias(WHO),
            # Rows without a readable date are reported elsewhere.
            (item.columns[MONTH] // grain.months).alias(MONTH),
            *(item.columns[name].cast(pl.String).alias(name) for name in names if name not in map(cell, item.numbers)),
            *(part for name in item.numbers for part in _figure(item, name)),
        )  # fmt: skip
        frame = item.source.table.mapped(frame)
        frames.append(_converted(frame.collect(engine="streaming"), item, item.numbers))
    items = pl.concat(frames)
    # Rows that repeat the heading are no events, and are left out elsewhere.
    undated = pl.col(MONTH).is_null()
    texts = items.filter(undated)[WHO].drop_nulls().unique()
    headings = [text for text in texts if any(map(partial(_heads, text), tables))]
    heading = pl.col(WHO).is_in(pl.Series(headings, dtype=pl.String).implode()).fill_null(value=False)
    items = items.filter(~(undated & heading))
    by_key = [f"k {place}" for place in range(len(dataset.key))]
    items = _without_rounded(items, tables, keys, dataset.key, result)
    return items.filter(pl.len().over(by_key) > 1)


def _without_rounded(
    items: pl.DataFrame, tables: Sequence[Events], keys: Sequence[Sequence[pl.Expr]], names: Sequence[str],
    result: Deduplication,
) -> pl.DataFrame:  # fmt: skip
    """Return rows without those whose numbers a spreadsheet rounded, which are the same for different events."""
    parts = [f"k {part}" for part in range(len(names))]
    seen = items.group_by(_SOURCE).agg(is_rounded(pl.col(part)).any() for part in parts).to_dicts()
    suspected: list[set[int]] = [set() for _ in tables]
    for row in seen:
        suspected[row[_SOURCE]] = {at for at, part in enumerate(parts) if row[part]}
    if not any(suspected):
        return items
    rounded, findings = rounded_numbers(tables, keys, names, suspected)
    result.rounded = bool(rounded)
    result.findings += findings
    for at, places in rounded.items():
        lost = pl.any_horizontal(is_rounded(pl.col(parts[part])) for part in sorted(places))
        items = items.filter(~((pl.col(_SOURCE) == at) & lost.fill_null(value=False)))
    return items


def _heads(text: str, table: Events) -> bool:
    """Return whether the name or code of a row is the heading of its column."""
    return any(repeats_heading(table.source, part) for part in text.split(BESIDE) if part)


def _keys(table: Events, names: Sequence[str]) -> list[pl.Expr]:
    """Return the columns of the key as folded texts."""
    columns = [column_of(table.source.table, name) for name in names]
    return [
        as_text(column[0]).map_batches(folded, return_dtype=pl.String, is_elementwise=True)
        for column in columns
        if column is not None
    ]


def _hash(key: Sequence[pl.Expr]) -> pl.Expr:
    """Hash a key; null if a part of it is blank."""
    filled = pl.all_horizontal(text.is_not_null() for text in key)
    return pl.when(filled).then(pl.struct(text.alias(f"k {at}") for at, text in enumerate(key)).hash(0))


def _edition(column: pl.Series) -> pl.Series:
    """Parse the numbers of revisions: 0 for blank, infinity for no number."""
    read = read_numbers(column)
    return read["value"].fill_null(0.0).set(read["problem"].is_not_null(), math.inf)


def _report(
    result: Deduplication,
    tables: Sequence[Events],
    repeated: pl.DataFrame,
    clashing: pl.DataFrame,
    by_key: Sequence[str],
) -> None:
    """Add the findings: one for each table with repetitions, and one for each contradicting row."""
    for at, item in enumerate(tables):
        table = item.source.table
        rows_of_table = repeated.filter(pl.col(_SOURCE) == at)
        if rows_of_table.height:
            row = rows_of_table.row(0, named=True)
            event, place = _named(row, by_key), _place(tables, row["first"])
            message = Message(
                "1 row repeats an event that counts already, such as {event} of {place}", event=event, place=place
            )
            if rows_of_table.height > 1:
                message = Message(
                    "{number:,} rows repeat an event that counts already, such as {event} of {place}",
                    number=rows_of_table.height,
                    event=event,
                    place=place,
                )
            result.findings.append(Diagnostic("K629", message, table.place(int(row[ROW])), None, Severity.WARNING))

        def contradiction(row: dict[str, object]) -> row_findings.Finding:
            first, event = row["first"], _named(row, by_key)
            if first == {_SOURCE: row[_SOURCE], ROW: row[ROW]}:
                return "K608", Message("event {event} contradicts other rows of the event", event=event), _LATER
            place = _place(tables, first)  # type: ignore[arg-type]
            message = Message("event {event} contradicts another row of the event, {place}", event=event, place=place)
            return "K608", message, _LATER

        rows = clashing.filter(pl.col(_SOURCE) == at)
        if rows.height:
            result.findings += row_findings.of_rows(table, rows, "", contradiction)


_LATER = Message("give the later row a higher number in a column 修订, or leave out the earlier file")


def _named(row: Mapping[str, object], by_key: Sequence[str]) -> str:
    return " ".join(str(row[name]) for name in by_key)


def _place(tables: Sequence[Events], first: Mapping[str, int]) -> Message:
    table = tables[first[_SOURCE]].source.table.place().message()
    return Message("row {row:,} of {table}", row=first[ROW], table=table)


# ---- WITHOUT A KEY ---- #

# How many groups are compared row by row, and the most rows of such a group.
_GROUPS, _ROWS = 20, 100_000

# The most rows of a table that are held to be compared with others.
_HELD = 500_000

# The most rows of a group whose texts are compared by their meaning.
_FEW = 10_000

# Figures that were converted are compared after rounding to so many decimals.
_DECIMALS = 9

#: So many equal rows in two files are no coincidence, even if one has further rows.
_ENOUGH = 3


def shared_events(
    tables: Sequence[Events], groups: pl.DataFrame, parts: Sequence[str], grain: Grain
) -> list[Diagnostic]:
    """Return the findings about files that seem to have the same events, for datasets without a key.

    The rows of the largest groups of one entity and month that two files share are compared: dates and figures by
    value, in whatever unit, all other cells of the common columns as texts. Files are reported that share a complete
    group, or if all compared rows of one are in the other.

    Args:
        tables: the tables of the dataset.
        groups: by `#source`, `WHO` and `MONTH`, with their `#rows`.
        parts: the columns of the aggregates of a group.
        grain: of the scored periods.
    """
    if len(tables) < 2:
        return []
    sizes = groups.drop_nulls([WHO, MONTH]).with_columns(mark=pl.struct("#rows", *parts).hash(0))
    sizes = sizes.group_by(WHO, MONTH, _SOURCE).agg(
        pl.col("#rows").sum(), pl.col("mark").sort().implode().first().hash(0)
    )
    pairs = {pair: common for at in range(len(tables)) for pair, common in _shared(sizes, at)}
    rows_of = _rows_of(tables, pairs)
    findings = []
    for pair in sorted(pairs):
        twin = _common(tables[pair[0]], tables[pair[1]], pairs[pair], [rows_of[at] for at in pair])
        if twin is None:
            continue
        who, month, rows, total = twin
        places = [tables[at].source.table.place() for at in pair]
        label = Period(month, 1, grain.timeline).label
        code, _, known = who.rpartition(BESIDE)
        entity, (first, second) = (known or code).strip(), (place.message() for place in places)
        message = Message(
            "the same 1 row of {entity} for {period} stands in {first} and in {second}; both count",
            entity=entity, period=label, first=first, second=second,
        )  # fmt: skip
        if total > 1:
            message = Message(
                "the same rows stand in {first} and in {second}, at least {number:,}, such as {rows} of {entity} for "
                "{period}; both count",
                number=total, rows=count(rows, "row"), entity=entity, period=label, first=first, second=second,
            )  # fmt: skip
        hint = Message("leave the earlier file out, or name the columns that tell events apart, such as key: 办件编号")
        findings.append(Diagnostic("K631", message, places[1], hint, Severity.WARNING))
    return findings


def _shared(sizes: pl.DataFrame, at: int) -> Iterator[tuple[tuple[int, int], pl.DataFrame]]:
    """Yield the largest groups that a table shares with each later one; those with equal aggregates come first.

    Args:
        sizes: by `#source`, `WHO` and `MONTH`, with their `#rows` and a hash of their aggregates, `mark`.
        at: the position of the table.
    """
    other = f"{_SOURCE}.other"
    mine, later = sizes.filter(pl.col(_SOURCE) == at), sizes.filter(pl.col(_SOURCE) > at)
    shared = mine.join(later, on=[WHO, MONTH], suffix=".other").filter(
        pl.max_horizontal("#rows", "#rows.other") <= _ROWS
    )
    same = (pl.col("#rows") == pl.col("#rows.other")) & (pl.col("mark") == pl.col("mark.other"))
    # Only what may be among the largest is sorted: many files share very many groups.
    size = same.cast(pl.Int64) * (1 << 40) + pl.col("#rows").cast(pl.Int64)
    shared = shared.with_columns(same=same, size=size)
    shared = shared.filter(pl.col("size") >= pl.col("size").top_k(_GROUPS).min().over(other))
    shared = shared.sort("same", "#rows", MONTH, WHO, descending=[True, True, False, False])
    for (later_at,), common in shared.partition_by(other, as_dict=True, maintain_order=True).items():
        yield (at, int(str(later_at))), common.head(_GROUPS)


def _rows_of(tables: Sequence[Events], pairs: Mapping[tuple[int, int], pl.DataFrame]) -> list[pl.LazyFrame]:
    """Return the rows of each table with their `WHO` and `MONTH`.

    The rows of all groups that are compared are read once, if they fit.
    """
    frames = []
    for at, table in enumerate(tables):
        rows = table.source.table.frame.with_columns(table.columns[name].alias(name) for name in (WHO, MONTH))
        mine = [
            common.select(WHO, MONTH, pl.col("#rows" if at == pair[0] else "#rows.other").alias("#rows"))
            for pair, common in pairs.items()
            if at in pair
        ]
        if mine and int((groups := pl.concat(mine).unique())["#rows"].sum()) <= _HELD:
            rows = _of_groups(rows, groups).collect(engine="streaming").lazy()
        frames.append(rows)
    return frames


def _of_groups(rows: pl.LazyFrame, groups: pl.DataFrame) -> pl.LazyFrame:
    """Return the rows of some groups; a file is first filtered by names and months, which it can prune by."""
    near = pl.all_horizontal(pl.col(name).is_in(groups[name].unique().implode()) for name in (WHO, MONTH))
    return rows.filter(near).join(groups.lazy().select(WHO, MONTH), on=[WHO, MONTH], how="semi")


def _common(
    first: Events, second: Events, groups: pl.DataFrame, rows: Sequence[pl.LazyFrame]
) -> tuple[str, int, int, int] | None:
    """Return entity, month and rows of the largest group that two tables share, and all rows that they do.

    None if they share none.

    Texts are compared as written and, if that finds nothing, by their meaning, in groups of few rows.
    """
    few = groups.filter(pl.max_horizontal("#rows", "#rows.other") <= _FEW)
    return _same(first, second, groups, rows, canonical=False) or (
        _same(first, second, few, rows, canonical=True) if few.height else None
    )


def _same(
    table: Events, other_table: Events, groups: pl.DataFrame, rows: Sequence[pl.LazyFrame], *, canonical: bool
) -> tuple[str, int, int, int] | None:
    texts = sorted(_texts(table) & _texts(other_table))
    numbers = sorted(table.numbers.keys() & other_table.numbers.keys())
    first, second = (
        _cells(events, of, groups, texts, numbers) for events, of in zip((table, other_table), rows, strict=True)
    )
    if canonical:
        first, second = (
            _by_meaning(first, table.source.dataset.dates),
            _by_meaning(second, other_table.source.dataset.dates),
        )
    first, second = _alike_units(first, second, texts)
    first, second = (cells.group_by(pl.all()).agg(pl.len().alias("rows")) for cells in (first, second))
    both = first.join(second, on=first.columns[:-1], nulls_equal=True, suffix=".other")
    both = both.with_columns(rows=pl.min_horizontal("rows", "rows.other"))
    if not both.height:
        return None
    common = both.group_by(WHO, MONTH).agg(pl.col("rows").sum())
    sums = groups.select(WHO, MONTH, "#rows", "#rows.other")
    common = common.join(sums, on=[WHO, MONTH]).sort("rows", MONTH, WHO, descending=[True, False, False])
    complete = common.filter((pl.col("rows") == pl.col("#rows")) & (pl.col("rows") == pl.col("#rows.other")))
    fewer = min(int(groups["#rows"].sum()), int(groups["#rows.other"].sum()))
    if complete.height:
        common = complete
    elif both.height < _ENOUGH or int(both["rows"].sum()) < fewer:
        return None
    who, month, many = common.row(0)[:3]
    return str(who), int(month), int(many), int(common["rows"].sum())


def _texts(table: Events) -> set[str]:
    """Return the columns that are compared as texts: all but the date, the entity, numbers and their units."""
    typed = {table.source.roles.get("period"), *(column.header for column in table.numbers.values())}
    typed |= {table.source.who, unit_column(table.source)}
    return {name for name in table.source.table.columns if name not in typed}


def _cells(
    table: Events, rows: pl.LazyFrame, groups: pl.DataFrame, texts: Sequence[str], numbers: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of some groups: who, month and day, texts as they are, and numbers in the unit of their column.

    A text is there once more with the unit of its row behind it, `u ` instead of `c `, where a column has units.
    """
    by_row = unit_column(table.source)
    unit = pl.lit("") if by_row is None else as_text(by_row).fill_null("")
    cells = {name: as_text(name).str.strip_chars() for name in texts}
    result = _of_groups(rows, groups).select(
        WHO, MONTH, table.columns[ORDER].alias(ORDER),
        *(text.alias(f"c {name}") for name, text in cells.items()),
        *((text + unit).alias(f"u {name}") for name, text in cells.items()),
        *(part for name in numbers for part in _figure(table, name)),
    )  # fmt: skip
    return _converted(result.collect(engine="streaming"), table, numbers)


def _figure(table: Events, name: str) -> tuple[pl.Expr, ...]:
    """Return a number, and where it takes a second look its text and the unit of its row."""
    value, column = table.columns[cell(name)], table.numbers[name]
    odd = value.is_nan()
    unit = pl.lit(None, dtype=pl.String) if column.by_row is None else pl.col(column.by_row).cast(pl.String)
    return (
        value.cast(pl.Float64).alias(f"n {name}"),
        pl.when(odd).then(pl.col(column.header).cast(pl.String)).alias(f"t {name}"),
        pl.when(odd).then(unit.str.strip_chars()).alias(f"w {name}"),
    )


def _converted(rows: pl.DataFrame, table: Events, numbers: Iterable[str]) -> pl.DataFrame:
    """Return rows with the numbers that take a second look in the unit of their column; texts of what is none stay."""
    for name in numbers:
        value, text = rows[f"n {name}"], rows[f"t {name}"]
        odd = value.is_nan().fill_null(value=False)
        if odd.any():
            column = table.numbers[name]
            units_of = None if column.by_row is None else rows[f"w {name}"]
            read = Reader(column, table.scales[name]).read(text, units_of).struct
            value = read.field("value").zip_with(odd, value)
            text = text.set(~read.field("bad"), None)
        rows = rows.with_columns(value.round(_DECIMALS).alias(f"n {name}"), text.alias(f"t {name}"))
    return rows.drop(f"w {name}" for name in numbers)


def _by_meaning(rows: pl.DataFrame, order: Order) -> pl.DataFrame:
    """Return rows with their texts by what they say."""
    texts = [name for name in rows.columns if name.startswith(("c ", "u ", "t ")) and rows[name].dtype == pl.String]
    return rows.with_columns(_canonical(rows[name], order).alias(name) for name in texts)


def _alike_units(first: pl.DataFrame, second: pl.DataFrame, texts: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows with each text as it is, or with the unit of its row, whichever makes more of them the same."""
    marked = {f"{mark} {name}" for name in texts for mark in "cu"}
    keep = [name for name in first.columns if name not in marked]
    for name in texts:
        common = {
            mark: first[f"{mark} {name}"].unique().is_in(second[f"{mark} {name}"].implode()).sum() for mark in "cu"
        }
        keep.append(f"{'u' if common['u'] > common['c'] else 'c'} {name}")
    return first.select(keep), second.select(keep)


def _canonical(texts: pl.Series, order: Order) -> pl.Series:
    """Return what texts say, the same for figures in different units and for dates in different forms.

    >>> _canonical(pl.Series(["1.5亿元", "15,000万元", "2025/7/1", "2025-07-01", "甲"]), "ymd").n_unique()
    3
    """
    own = texts.drop_nulls().unique()
    read, at = read_numbers(own), instants.read(own, PLAIN, order)
    values = [
        _in_base(text, value if problem is None else None, unit, None if day is None or math.isnan(day) else day)
        for text, value, unit, problem, day in zip(own, read["value"], read["unit"], read["problem"], at, strict=True)
    ]
    return texts.replace_strict(own, pl.Series(values, dtype=pl.String), default=None)


def _in_base(text: str, value: float | None, unit: str | None, day: float | None) -> str:
    if day is not None:
        return f"@{day:.0f}"
    if value is None:
        return fold(text)
    try:
        result = units.ONE if unit is None else units.parse(literal(unit))
    except units.UnitError:
        return fold(text)
    return f"{float(Fraction(str(value)) * result.scale):.12g} {result.dimension}"
