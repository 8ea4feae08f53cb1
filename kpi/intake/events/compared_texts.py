"""Report texts that conditions compare columns of events with, where no row has them or some rows spell them otherwise.

`状态 = '办结'` selects no row where all have 已办结, and counts neither `办 结` nor `办结。` as 办结, nor 已办结 and
办洁 beside it. Of a large table the first rows are looked at, and all of them for a condition that selects none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import polars as pl
from msgspec import Struct

from kpi.errors import NAMED, Diagnostic, Message, Place, Severity, first_names, shortened
from kpi.intake.cells.text_folding import folded
from kpi.intake.events.conditions import Comparison, cell, comparisons, condition, truth_of
from kpi.intake.events.events import Events
from kpi.intake.events.mergeable import SMALL, Aggregation, engines
from kpi.intake.events.near_texts import is_rare, is_same_state, is_slip
from kpi.intake.events.remote import PER, ROWS, Groups, Rows
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import column_of
from kpi.language.measures import Measure
from kpi.language.record_columns import as_written, expressions_of
from kpi.values.patterns import regex

#: How many rows of a table with more than `SMALL` are looked at first.
_HEAD = 10_000

#: The most distinct texts of a column in which other spellings are looked for: one with more names single things.
_DISTINCT = 10_000

# Marks around a text that do not tell it from another; signs such as + and - may.
_MARKS = r"[\s.,;:!?'\"`*_·…。，、；：！？“”‘’()（）\[\]【】《》〈〉]+"
_AROUND = regex(rf"^{_MARKS}|{_MARKS}$|\s+")
#: What makes the contrary of a text that it stands before.
_CONTRARY = ("未", "不", "非", "无", "没", "un", "not ", "non")


class _Texts(Struct, frozen=True):
    """The texts of columns: columns column, text (String), rows (Int64) and table (UInt32), the first with it.

    Attributes:
        frame: the texts, the most frequent of a column first.
        complete: whether all rows were looked at.
    """

    frame: pl.DataFrame
    complete: bool

    def of(self, column: str) -> pl.DataFrame:
        """Return the texts of a column."""
        return self.frame.filter(pl.col("column") == column)


def text_findings(
    tables: Sequence[Events], over: Aggregation, measures: Mapping[str, Measure], whole: pl.DataFrame
) -> list[Diagnostic]:
    """Return the findings (K681) about texts that are compared with columns of tables of events.

    Args:
        tables: the tables of a dataset, without rows of totals.
        over: the pass over them.
        measures: the measures of the dataset.
        whole: the groups of this pass, which show what conditions select.
    """
    compared = [
        item for item in comparisons(tuple(expressions_of([*measures.values()]))) if _is_text(tables, over, item)
    ]
    columns = sorted({item.column for item in compared})
    if not columns:
        return []
    if over.remote:
        # A database has no first rows: of a large table, only what conditions that select none are compared with.
        if int(whole[ROWS].sum()) > SMALL:
            compared = [item for item in compared if item.needed and not _is_met(item, whole)]
        texts = _elsewhere(over, sorted({item.column for item in compared}))
        return [*_misspelt(compared, texts, tables), *_absent(compared, texts, tables)]
    texts = _texts(tables, columns, most=_HEAD)
    if not texts.complete:
        doubtful = {
            item.column for item in compared
            if _spellings(item, compared, texts).height or (item.needed and not _is_met(item, whole))
        }  # fmt: skip
        compared = [item for item in compared if item.column in doubtful]
        texts = _texts(tables, sorted(doubtful), most=None) if doubtful else texts
    return [*_misspelt(compared, texts, tables), *_absent(compared, texts, tables)]


def _is_text(tables: Sequence[Events], over: Aggregation, item: Comparison) -> bool:
    """Return whether a column holds texts in all tables, as truth values have findings of their own."""
    if over.kinds.get(item.column) != "text":
        return False
    known = [(table, column_of(table.source.table, item.column)) for table in tables]
    return all(
        header is not None and table.source.table.frame.collect_schema()[header[0]] != pl.Boolean
        for table, header in known
    )


def _is_met(item: Comparison, whole: pl.DataFrame) -> bool:
    """Return whether some row is known to meet the condition with a comparison."""
    names = [name for name in whole.columns if name.split("\n")[:2] in (["rows", item.where], ["filled", item.where])]
    return any((whole[name].cast(pl.Int64) > 0).any() for name in names)


def _texts(tables: Sequence[Events], columns: Sequence[str], *, most: int | None) -> _Texts:
    """Return the texts of columns, in the first rows of large tables alone if `most` is given."""
    frames: list[pl.LazyFrame] = []
    complete = True
    for place, table in enumerate(tables):
        cells = table.kept()
        if most is not None and (table.size is None or table.size > SMALL):
            cells, complete = cells.head(most), False
        rows = cells.select(table.columns[cell(name)].alias(name) for name in columns)
        if most is not None:
            rows = rows.collect().lazy()
        frames += [
            rows.group_by(pl.col(name).cast(pl.String).alias("text"))
            .agg(pl.len().cast(pl.Int64).alias("rows"))
            .select("text", "rows", column=pl.lit(name), table=pl.lit(place, dtype=pl.UInt32))
            for name in columns
        ]
    merged = pl.concat(frames).sort("table").group_by("column", "text", maintain_order=True)
    texts = merged.agg(pl.col("rows").sum(), pl.col("table").first())
    return _Texts(_ordered(texts.collect(engine="streaming" if most is None else "in-memory")), complete)


def _elsewhere(over: Aggregation, columns: Iterable[str]) -> _Texts:
    """Return the texts of columns of tables whose rows an engine groups where they are."""
    frames = []
    for name in columns:
        for place, (table, engine) in enumerate(zip(over.tables, engines(over.tables), strict=True)):
            rows = Rows(table, over.kinds, over.scales, [name], {}, name, over.calendar)
            answer = engine.groups(Groups(rows, [], {}, pl.lit(value=False)))
            if answer is not None:
                frames.append(
                    answer.group_by(folded(answer[PER]).alias("text"))
                    .agg(pl.col(ROWS).cast(pl.Int64).sum().alias("rows"))
                    .with_columns(column=pl.lit(name), table=pl.lit(place, pl.UInt32))
                )  # fmt: skip
    if not frames:
        schema = {"text": pl.String, "rows": pl.Int64, "column": pl.String, "table": pl.UInt32}
        return _Texts(pl.DataFrame(schema=schema), complete=False)
    merged = pl.concat(frames).sort("table").group_by("column", "text", maintain_order=True)
    return _Texts(_ordered(merged.agg(pl.col("rows").sum(), pl.col("table").first())), complete=True)


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("text").is_not_null()).sort("rows", "text", descending=[True, False])


def _bare(text: str) -> str:
    """Return a text without blanks, marks around it and the case of letters; words for true and false as one of each.

    >>> [_bare(text) for text in ("已 办结。", "（A+）", "√", "是")]
    ['已办结', 'a+', 'true', 'true']
    """
    bare = _AROUND.sub("", text.casefold()) or text
    return truth_of(bare) or bare


def _spellings(item: Comparison, compared: Sequence[Comparison], texts: _Texts) -> pl.DataFrame:
    """Return the texts of a column that are those of a comparison in another spelling, with the column sure.

    A text is surely so where it differs by blanks, marks and the case of letters alone; probably, beside rows that have
    the text itself, where it says the same or is a rare slip.
    """
    there = texts.of(item.column)
    if not item.plain or there.height > _DISTINCT:
        return there.clear().with_columns(sure=pl.lit(value=True))
    known = _known(item.column, compared)
    meant = {_bare(text) for text in item.texts}
    rows = {text: number for text, number in there.select("text", "rows").rows() if text in item.texts}
    sure = [
        None if text in known else _bare(text) in meant or (False if _is_probable(text, number, rows) else None)
        for text, number in there.select("text", "rows").rows()
    ]
    return there.with_columns(sure=pl.Series(sure, dtype=pl.Boolean)).filter(pl.col("sure").is_not_null())


def _is_probable(text: str, number: int, meant: Mapping[str, int]) -> bool:
    """Return whether a text of some rows probably is one of those that are meant, which other rows have.

    >>> [_is_probable(text, 2, {"办结": 30}) for text in ("已办结", "办洁", "未办结")]
    [True, True, False]
    >>> _is_probable("办洁", 9, {"办结": 30})
    False
    """
    return any(
        is_same_state(text, other) or (is_rare(number, usual) and is_slip(text, other))
        for other, usual in meant.items()
    )


def _known(column: str, compared: Sequence[Comparison]) -> set[str]:
    """Return the texts that the definition compares a column with."""
    return {text for other in compared if other.column == column for text in other.texts}


def _misspelt(compared: Sequence[Comparison], texts: _Texts, tables: Sequence[Events]) -> Iterator[Diagnostic]:
    """Yield a warning for each condition that rows do not meet as their texts are spelled otherwise."""
    said = set()
    for item in compared:
        others = _spellings(item, compared, texts)
        if not others.height or (item.column, item.texts) in said:
            continue
        said.add((item.column, item.texts))
        many = int(others["rows"].sum())
        fields = {
            "column": item.column, "where": as_written(item.where), "others": first_names(_counted(others)),
            "texts": first_names(_quoted(item.texts)),
        }  # fmt: skip
        message = Message(
            "1 row with {others} in `{column}` is not counted as {texts}, with which `{where}` compares it", **fields
        )
        if many > 1:
            message = Message(
                "{number:,} rows with {others} in `{column}` are not counted as {texts}, with which `{where}` "
                "compares them",
                number=many, **fields,
            )  # fmt: skip
        names = ", ".join(_sql(text) for text in (*item.texts, *others["text"].head(5)))
        hint = Message(
            "correct the cells, or name every spelling: `{column} {test} ({names})`",
            column=item.column, test="NOT IN" if item.excludes else "IN", names=names,
        )  # fmt: skip
        if not others["sure"].all():
            hint = Message(
                "correct the cells, or name every spelling: `{column} {test} ({names})`; nothing is to be done where "
                "they mean something else",
                **hint.fields,
            )
        yield Diagnostic("K681", message, _place(others, item.column, tables), hint, Severity.WARNING)


def _absent(compared: Sequence[Comparison], texts: _Texts, tables: Sequence[Events]) -> Iterator[Diagnostic]:
    """Yield a finding for each condition that selects no row, or excludes none, as no row has a text of it.

    It is a warning where rows have a text that may be meant, else a note; what excludes no row is as a rule right.
    """
    said = set()
    for item in compared:
        there = texts.of(item.column)
        if not 0 < there.height <= _DISTINCT or (item.column, item.texts) in said or _meets(item, there):
            continue
        known = _known(item.column, compared)
        near = [
            text for text in there["text"]
            if text not in known and (any(map(_alike(text), item.texts)) or _is_near(text, item.texts))
        ]  # fmt: skip
        if _spellings(item, compared, texts).height or not (item.needed or (item.excludes and near)):
            continue
        said.add((item.column, item.texts))
        fields = {
            "column": item.column, "where": as_written(item.where), "texts": first_names(_quoted(item.texts)),
            # Without numbers, the same finding about several files is one.
            "others": first_names(_quoted([*sorted(there["text"].head(NAMED)), *there["text"][NAMED:]])),
        }  # fmt: skip
        message = Message("`{where}` selects no row: none has {texts} in `{column}`, but {others}", **fields)
        if item.excludes:
            message = Message("`{where}` excludes no row: none has {texts} in `{column}`, but {others}", **fields)
        hint = Message("check the text in the definition: nothing is to be done where such rows are rare")
        if near:
            hint = Message("if {texts} is meant, write that in the definition", texts=first_names(_quoted(near)))
        severity = Severity.WARNING if near else Severity.INFO
        yield Diagnostic("K681", message, _place(there.clear(), item.column, tables), hint, severity)


def _meets(item: Comparison, there: pl.DataFrame) -> bool:
    """Return whether one of some texts meets a test."""
    texts = there.select(pl.col("text").alias(cell(item.column)))
    return bool(texts.select(condition(item.test, {item.column: "text"}).any()).item())


def _alike(text: str) -> Callable[[str], bool]:
    """Return what tells whether another text is a part of a text or the reverse, and not its contrary.

    >>> list(map(_alike("已办结"), ["办结", "已办结件", "投诉"])), _alike("未办结")("办结")
    ([True, True, False], False)
    """
    bare = _bare(text)

    def alike(other: str) -> bool:
        short, long = sorted((bare, _bare(other)), key=len)
        before = long.partition(short)[0]
        return short in long and len(short) > 1 and not before.endswith(_CONTRARY)

    return alike


def _is_near(text: str, others: Iterable[str]) -> bool:
    """Return whether a text may be one of others that no row has: what is rare is not known of these."""
    return any(is_same_state(text, other) or is_slip(text, other) for other in others)


def _place(texts: pl.DataFrame, column: str, tables: Sequence[Events]) -> Place:
    """Return where the first of some texts stands, of none the first table."""
    if not texts.height:
        return tables[0].source.table.place(None, column)
    first: int = min(texts["table"].to_list())
    events, table = tables[first], tables[first].source.table
    if table.elsewhere is not None:
        return table.place(None, column)
    rows = events.numbered().select(ROW, text=events.columns[cell(column)].cast(pl.String))
    mine = rows.filter(pl.col("text").is_in(texts["text"].implode())).select(pl.col(ROW).min())
    return table.place(mine.collect().item(), column)


def _counted(texts: pl.DataFrame) -> list[str]:
    return [f"'{shortened(text)}' ({rows:,})" for text, rows in texts.select("text", "rows").rows()]


def _quoted(texts: Iterable[str]) -> list[str]:
    return [f"'{shortened(text)}'" for text in texts]


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
