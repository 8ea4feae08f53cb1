"""A column of dates (统计日期, 报告月) beside that of the periods: it is not read, and may name shorter ones."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import clean, role
from kpi.intake.matching.datasets import Placed
from kpi.language.datasets import Records
from kpi.language.system import System
from kpi.values import period_texts
from kpi.values.patterns import regex

#: How many of the first rows are looked at.
_HEAD = 10_000

#: Headers that say what figures are for, not when they were reported.
_HEADER = regex(
    "(统计|数据|截止|截至|所属|核算|业务|报告|报表|指标|监测|调查|考核|评价)"
    "(年月|日期|时间|时点|月|月份|月度|季|季度|期|期间|周期|日)"
    "|as of( date)?|(reference|reporting|data|observation)[ _](date|month|quarter|period)"
)


def dates_beside(source: Placed, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K691) for each column of dates that name shorter periods than those that are read.

    All cells are dates or periods, at least half of them are shorter than the period of their row and lie in it, and
    some do not end with it: the figure of 2024 beside 2024-03-31 may be that of a month.

    Args:
        source: a table with its roles; one of events, or whose dataset declares the column of periods, has no others.
        system: gives the timeline.
    """
    used = source.roles.get("period")
    if used is None or isinstance(source.dataset, Records) or "period" in source.dataset.columns:
        return
    taken = set(source.roles.values())
    headers = [
        header for header in source.table.columns
        if header not in taken and role(header) is None and _HEADER.fullmatch(clean(header).casefold())
    ]  # fmt: skip
    if not headers or source.table.remote is not None or used not in source.table.columns:
        return
    cells = source.table.raw.head(_HEAD).select(_text(used), *map(_text, headers)).collect()
    for header in headers:
        pairs = cells.select(whole=used, part=header).drop_nulls()
        if pairs.height and _says_more(pairs, system):
            message = Message(
                "`{header}` has dates within the periods of `{used}`, and is not read", header=header, used=used
            )
            hint = Message(
                "write `columns: {{period: {header}}}` in `datasets:` if it says what figures are for, else "
                "`columns: {{period: {used}}}`",
                header=header, used=used,
            )  # fmt: skip
            yield Diagnostic("K691", message, source.table.place(None, header), hint, Severity.WARNING)


def _text(header: str) -> pl.Expr:
    text = as_text(header).str.strip_chars()
    return pl.when(text != "").then(text.str.replace(r"^(\d+)\.0$", "$1")).alias(header)


def _says_more(pairs: pl.DataFrame, system: System) -> bool:
    """Return whether the periods in `part` are shorter than those in `whole`, and lie in them without ending there."""
    whole, part = (
        period_texts.parse_column(pairs[name], timeline=system.timeline).select(
            pl.col("text").alias(name), pl.col("start").alias(f"start of {name}"),
            (pl.col("start") + pl.col("months") - 1).alias(f"end of {name}"),
            pl.col("months").alias(f"months of {name}"),
        )
        for name in ("whole", "part")
    )  # fmt: skip
    if part["months of part"].null_count():
        return False
    rows = pairs.join(whole, on="whole").join(part, on="part").drop_nulls()
    shorter = pl.col("months of part") < pl.col("months of whole")
    inside = (pl.col("start of part") >= pl.col("start of whole")) & (pl.col("end of part") <= pl.col("end of whole"))
    earlier = pl.col("end of part") < pl.col("end of whole")
    said = rows.select(within=(shorter & inside).sum(), earlier=(shorter & inside & earlier).any())
    return bool(said["earlier"][0]) and 2 * int(said["within"][0]) >= rows.height
