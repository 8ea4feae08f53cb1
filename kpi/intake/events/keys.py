"""Events that stand in several rows, of one file or of several: each counts once, by the key that a dataset names.

Rows with one key that say the same in all that measures read are one event. Of rows with different numbers in the
column 修订 the highest counts. Rows that contradict each other otherwise are refused, all of them, as reported figures
are: which of two files is the later one, nothing says.

Keys are compared as hashes first, which take eight bytes a row; only rows whose hash occurs more than once are looked
at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake import row_findings
from kpi.intake.cells import instants
from kpi.intake.cells.numbers import PLAIN, fold, read_numbers
from kpi.intake.cells.text_folding import folded
from kpi.intake.entities import BESIDE
from kpi.intake.events.conditions import cell
from kpi.intake.events.events import MONTH, ORDER, WHO, Events, Repeats, unit_column
from kpi.intake.events.units import Reader
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import column_of
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.language.datasets import Records
from kpi.language.measures import Measure
from kpi.values import units
from kpi.values.periods import Grain, Order, Period

_SOURCE, _HASH, _EDITION = "#source", "#hash", "#edition"


@dataclass
class Once:
    """What was found of events that stand in several rows.

    `repeated` rows say what another says, `restated` ones have a later revision; both are left out. `left_out` is how
    many these are together, and `by_table` in each table.
    """

    findings: list[Diagnostic] = field(default_factory=list)
    repeated: int = 0
    restated: int = 0
    by_table: Mapping[int, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """How many rows are left out."""
        return self.repeated + self.restated

    def left_out_of(self, table: int) -> int:
        """Return how many rows of a table are left out."""
        return self.by_table.get(table, 0)


def once(
    tables: Sequence[Events], measures: Mapping[str, Measure], dataset: Records, *, grain: Grain
) -> tuple[list[Events], Once]:
    """Return the tables of a dataset with the rows marked whose event another row has, and what was found.

    Args:
        tables: that count as one.
        measures: of the dataset, which say what of a row is read.
        dataset: names the key.
        grain: of the scored periods.
    """
    found = Once()
    if not dataset.key:
        return list(tables), found
    rows = _repeated(tables, measures, dataset, found, grain)
    if not rows.height:
        return list(tables), found
    by_key = [name for name in rows.columns if name.startswith("k ")]
    cells = [name for name in rows.columns if name.startswith(("c ", "n ", "t "))]
    said = pl.struct(*cells, *(name for name in rows.columns if name in {WHO, MONTH, ORDER}))
    place = pl.struct(_SOURCE, ROW)
    # A revision that cannot be read leaves open which row holds.
    rows = rows.with_columns(open=pl.col(_EDITION).is_infinite().any().over(by_key))
    rows = rows.with_columns(latest=pl.col("open") | (pl.col(_EDITION) == pl.col(_EDITION).max().over(by_key)))
    current = rows.filter("latest").sort(_SOURCE, ROW)
    current = current.with_columns(
        same=(said.n_unique().over(by_key) == 1) & ~pl.col("open"), at=pl.int_range(pl.len()).over(by_key),
        first=place.first().over(by_key),
    )  # fmt: skip
    repeated = current.filter(pl.col("same") & (pl.col("at") > 0))
    clashing = current.filter(~pl.col("same"))
    restated = rows.filter(~pl.col("latest"))
    found.repeated, found.restated = repeated.height, restated.height
    left_out = pl.concat([repeated.select(_SOURCE, ROW), restated.select(_SOURCE, ROW)])
    found.by_table = dict(left_out.group_by(_SOURCE).len().rows())
    _report(found, tables, repeated, clashing, by_key)
    return [
        replace(
            one,
            repeats=Repeats(left_out.filter(pl.col(_SOURCE) == at)[ROW], clashing.filter(pl.col(_SOURCE) == at)[ROW]),
        )
        for at, one in enumerate(tables)
    ], found


def _repeated(
    tables: Sequence[Events], measures: Mapping[str, Measure], dataset: Records, found: Once, grain: Grain
) -> pl.DataFrame:
    """The rows whose key another row has, with their key, all that measures read, and where they are."""
    keys = [_keys(one, dataset.key) for one in tables]
    hashes = pl.concat(
        one.source.table.raw.select(_hash(key).alias(_HASH)) for one, key in zip(tables, keys, strict=True)
    )
    every = hashes.collect(engine="streaming")[_HASH]
    if blank := every.null_count():
        words = "、".join(dataset.key)
        message = Message(
            "{blank} without {words}: each counts as an event of its own", blank=count(blank, "row"), words=words
        )
        found.findings.append(
            Diagnostic("K630", message, tables[0].source.table.place(None, words), None, Severity.INFO)
        )
    ordered = every.drop_nulls().sort()
    twice = ordered.filter(ordered == ordered.shift(1)).unique()
    if not twice.len():
        return pl.DataFrame()
    timed = any(one.chronological for one in measures.values())
    frames = []
    for at, (one, key) in enumerate(zip(tables, keys, strict=True)):
        rows = one.source.table.numbered().filter(_hash(key).is_in(twice.implode()))
        revision = one.source.roles.get("revision")
        edition = pl.lit(0.0) if revision is None else pl.col(revision).map_batches(_edition, return_dtype=pl.Float64)
        names = [name for name in one.columns if name not in ({MONTH, WHO} if timed else {MONTH, WHO, ORDER})]
        frame = rows.select(
            pl.lit(at, dtype=pl.UInt32).alias(_SOURCE), pl.col(ROW).cast(pl.UInt32),
            *(text.alias(f"k {place}") for place, text in enumerate(key)),
            edition.alias(_EDITION),
            one.columns[WHO].map_batches(folded, return_dtype=pl.String).alias(WHO),
            # Rows without a readable date are reported for that.
            (one.columns[MONTH] // grain.months).alias(MONTH),
            *(one.columns[name].cast(pl.String).alias(name) for name in names if name not in map(cell, one.numbers)),
            *(part for name in one.numbers for part in _figure(one, name)),
        )  # fmt: skip
        frames.append(_converted(frame.collect(engine="streaming"), one, one.numbers))
    some = pl.concat(frames)
    # What repeats the heading is no event, and is left out as such.
    undated = pl.col(MONTH).is_null()
    texts = some.filter(undated)[WHO].drop_nulls().unique()
    headings = [text for text in texts if any(map(partial(_heads, text), tables))]
    heading = pl.col(WHO).is_in(pl.Series(headings, dtype=pl.String).implode()).fill_null(value=False)
    some = some.filter(~(undated & heading))
    by_key = [f"k {place}" for place in range(len(dataset.key))]
    return some.filter(pl.len().over(by_key) > 1)


def _heads(text: str, table: Events) -> bool:
    """Whether a text that says who a row is about is the heading of its column."""
    return any(repeats_heading(table.source, one) for one in text.split(BESIDE) if one)


def _keys(table: Events, names: Sequence[str]) -> list[pl.Expr]:
    """The key of a row as texts, folded."""
    columns = [column_of(table.source.table, name) for name in names]
    return [
        pl.col(column[0]).cast(pl.String).map_batches(folded, return_dtype=pl.String, is_elementwise=True)
        for column in columns
        if column is not None
    ]


def _hash(key: Sequence[pl.Expr]) -> pl.Expr:
    """A hash of a key, null where a part of it is blank."""
    filled = pl.all_horizontal(text.is_not_null() for text in key)
    return pl.when(filled).then(pl.struct(text.alias(f"k {at}") for at, text in enumerate(key)).hash(0))


def _edition(column: pl.Series) -> pl.Series:
    """The numbers of revisions, 0 for none, infinity for what is no number."""
    read = read_numbers(column)
    return read["value"].fill_null(0.0).set(read["problem"].is_not_null(), math.inf)


def _report(
    found: Once, tables: Sequence[Events], repeated: pl.DataFrame, clashing: pl.DataFrame, by_key: Sequence[str]
) -> None:
    """Add the findings, one for each table and kind of repetition, and for contradictions one a row."""
    for at, one in enumerate(tables):
        table = one.source.table
        mine = repeated.filter(pl.col(_SOURCE) == at)
        if mine.height:
            row = mine.row(0, named=True)
            message = Message(
                "{mine} repeat{verb} an event that counts already, such as {row} of {tables}",
                mine=count(mine.height, "row"),
                verb=Message("s") if mine.height == 1 else "",
                row=_named(row, by_key),
                tables=_place(tables, row["first"]),
            )
            place = table.place(int(row[ROW]))
            found.findings.append(Diagnostic("K629", message, place, None, Severity.WARNING))

        def tell(row: dict[str, object]) -> tuple[str, str, str | None]:
            first = row["first"]
            other = f"another row of the event, {_place(tables, first)}"  # type: ignore[arg-type]
            if first == {_SOURCE: row[_SOURCE], ROW: row[ROW]}:
                other = "other rows of the event"
            return "K608", f"event {_named(row, by_key)} contradicts {other}", _LATER

        rows = clashing.filter(pl.col(_SOURCE) == at)
        if rows.height:
            found.findings += row_findings.of_rows(table, rows, "", tell)


_LATER = "give the later row a higher number in a column 修订, or leave out the earlier file"


def _named(row: Mapping[str, object], by_key: Sequence[str]) -> str:
    return " ".join(str(row[name]) for name in by_key)


def _place(tables: Sequence[Events], first: Mapping[str, int]) -> str:
    return f"row {first[ROW]:,} of {tables[first[_SOURCE]].source.table.place()}"


# ---- WITHOUT A KEY ---- #

# Of how many groups, and up to how many rows each, it is looked whether the rows themselves are the same.
_GROUPS, _ROWS = 20, 100_000

# Up to how many rows of a group texts are compared by what they say.
_FEW = 10_000

# Figures that were converted are compared after rounding to so many decimals.
_DECIMALS = 9

#: So many different rows of one file in another are no chance, even where the other has further rows.
_ENOUGH = 3


def alike(tables: Sequence[Events], groups: pl.DataFrame, parts: Sequence[str]) -> list[Diagnostic]:
    """Return the findings about files that seem to hold the same events, for datasets that name no key.

    Of the largest groups of one entity and month that two files have, the rows are compared: dates and figures by what
    they mean, in whatever unit, all other cells of the columns that both have as texts. Files are reported that have a
    whole group in common, or all rows of the one in the groups of the other.

    Args:
        tables: that count as one.
        groups: by `#source`, `WHO` and `MONTH`, with their `#rows`.
        parts: the columns that say what a group comes to.
    """
    if len(tables) < 2:
        return []
    sizes = groups.drop_nulls([WHO, MONTH]).with_columns(mark=pl.struct("#rows", *parts).hash(0))
    sizes = sizes.group_by(WHO, MONTH, _SOURCE).agg(
        pl.col("#rows").sum(), pl.col("mark").sort().implode().first().hash(0)
    )
    shared = sizes.join(sizes, on=[WHO, MONTH], suffix=".other").filter(
        pl.col(_SOURCE) < pl.col(f"{_SOURCE}.other"), pl.max_horizontal("#rows", "#rows.other") <= _ROWS
    )
    # Groups that come to the same are looked at first.
    shared = shared.with_columns(
        same=(pl.col("#rows") == pl.col("#rows.other")) & (pl.col("mark") == pl.col("mark.other"))
    )
    shared = shared.sort("same", "#rows", MONTH, WHO, descending=[True, True, False, False])
    found = []
    for pair in shared.select(_SOURCE, f"{_SOURCE}.other").unique().sort(pl.all()).rows():
        mine = shared.filter((pl.col(_SOURCE) == pair[0]) & (pl.col(f"{_SOURCE}.other") == pair[1])).head(_GROUPS)
        twin = _common(tables[pair[0]], tables[pair[1]], mine)
        if twin is None:
            continue
        who, month, rows = twin
        places = [tables[at].source.table.place() for at in pair]
        label = Period(month, 1).label
        code, _, known = who.rpartition(BESIDE)
        message = Message(
            "the same {rows} of {known} for {label} {verb} in {places} and in {places_2}; both count",
            rows=count(rows, "row"),
            known=(known or code).strip(),
            label=label,
            verb=Message("stands") if rows == 1 else Message("stand"),
            places=places[0],
            places_2=places[1],
        )
        hint = Message("leave the earlier file out, or name the columns that tell events apart, such as key: 办件编号")
        found.append(Diagnostic("K631", message, places[1], hint, Severity.WARNING))
    return found


def _common(one: Events, other: Events, groups: pl.DataFrame) -> tuple[str, int, int] | None:
    """Return entity, month and rows of the largest group that two tables have in common; None if they differ.

    Texts are compared as they are written, and where that shows nothing by what they say, in groups of few rows.
    """
    few = groups.filter(pl.max_horizontal("#rows", "#rows.other") <= _FEW)
    return _same(one, other, groups, said=False) or (_same(one, other, few, said=True) if few.height else None)


def _same(one: Events, other: Events, groups: pl.DataFrame, *, said: bool) -> tuple[str, int, int] | None:
    wanted = groups.select(WHO, MONTH, pl.lit(value=True).alias("wanted"))
    texts = sorted(_texts(one) & _texts(other))
    numbers = sorted(one.numbers.keys() & other.numbers.keys())
    first, second = (_cells(table, wanted, texts, numbers) for table in (one, other))
    if said:
        first, second = _by_meaning(first, one.source.dataset.dates), _by_meaning(second, other.source.dataset.dates)
    first, second = _alike_units(first, second, texts)
    first, second = (cells.group_by(pl.all()).agg(pl.len().alias("rows")) for cells in (first, second))
    both = first.join(second, on=first.columns[:-1], nulls_equal=True, suffix=".other")
    both = both.with_columns(rows=pl.min_horizontal("rows", "rows.other"))
    if not both.height:
        return None
    found = both.group_by(WHO, MONTH).agg(pl.col("rows").sum())
    sums = groups.select(WHO, MONTH, "#rows", "#rows.other")
    found = found.join(sums, on=[WHO, MONTH]).sort("rows", MONTH, WHO, descending=[True, False, False])
    complete = found.filter((pl.col("rows") == pl.col("#rows")) & (pl.col("rows") == pl.col("#rows.other")))
    fewer = min(int(groups["#rows"].sum()), int(groups["#rows.other"].sum()))
    if complete.height:
        found = complete
    elif both.height < _ENOUGH or int(both["rows"].sum()) < fewer:
        return None
    who, month, rows = found.row(0)[:3]
    return str(who), int(month), int(rows)


def _texts(table: Events) -> set[str]:
    """Return the columns that are compared as texts: all but the date, the entity, numbers and their units."""
    typed = {table.source.roles.get("period"), *(column.header for column in table.numbers.values())}
    typed |= {table.source.who, unit_column(table.source)}
    return {name for name in table.source.table.columns if name not in typed}


def _cells(table: Events, wanted: pl.DataFrame, texts: Sequence[str], numbers: Sequence[str]) -> pl.DataFrame:
    """Return the rows of some groups: who, month and day, texts as they are, and numbers in the unit of their column.

    A text is there once more with the unit of its row behind it, `u ` instead of `c `, where a column has units.
    """
    rows = table.source.table.frame.with_columns(table.columns[name].alias(name) for name in (WHO, MONTH))
    rows = rows.join(wanted.lazy(), on=[WHO, MONTH], how="semi")
    by_row = unit_column(table.source)
    unit = pl.lit("") if by_row is None else pl.col(by_row).cast(pl.String).fill_null("")
    cells = {name: pl.col(name).cast(pl.String).str.strip_chars() for name in texts}
    found = rows.select(
        WHO, MONTH, table.columns[ORDER].alias(ORDER),
        *(text.alias(f"c {name}") for name, text in cells.items()),
        *((text + unit).alias(f"u {name}") for name, text in cells.items()),
        *(part for name in numbers for part in _figure(table, name)),
    )  # fmt: skip
    return _converted(found.collect(engine="streaming"), table, numbers)


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
    return rows.with_columns(_said(rows[name], order).alias(name) for name in texts)


def _alike_units(one: pl.DataFrame, other: pl.DataFrame, texts: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows with each text as it is, or with the unit of its row, whichever makes more of them the same."""
    marked = {f"{mark} {name}" for name in texts for mark in "cu"}
    keep = [name for name in one.columns if name not in marked]
    for name in texts:
        common = {mark: one[f"{mark} {name}"].unique().is_in(other[f"{mark} {name}"].implode()).sum() for mark in "cu"}
        keep.append(f"{'u' if common['u'] > common['c'] else 'c'} {name}")
    return one.select(keep), other.select(keep)


def _said(texts: pl.Series, order: Order) -> pl.Series:
    """Return what texts say, the same for figures in different units and for dates in different forms.

    >>> _said(pl.Series(["1.5亿元", "15,000万元", "2025/7/1", "2025-07-01", "甲"]), "ymd").n_unique()
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
        found = units.ONE if unit is None else units.parse(unit)
    except units.UnitError:
        return fold(text)
    return f"{float(Fraction(str(value)) * found.scale):.12g} {found.dimension}"
