"""Report levels, such as 年末常住人口 or 存款余额, whose figures of months are added up as flows are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.measures import Reported
from kpi.values.patterns import regex
from kpi.values.periods import Grain

#: Words of titles whose figures are levels at a point in time.
_LEVEL = regex(
    r"[年期月季]末|余额|保有量|存量|(?:常住|户籍|总)人口|床位|里程|面积"
    r"|\b(?:year[- ]end|end of (?:the )?year|balance|population|stock)\b",
    re.IGNORECASE,
)


def added_levels(rows: pl.DataFrame, measures: Mapping[str, Reported], grain: Grain) -> Iterator[Diagnostic]:
    """Yield a warning (K664) for each measure with the title of a level of which finer figures are added up.

    Args:
        rows: the clean figures, with the columns measure (String) and months (Int32).
        measures: the reported measures.
        grain: of the scored periods.
    """
    finer = rows.filter(pl.col("months") < grain.months)
    for name in sorted(finer["measure"].cast(pl.String).unique().drop_nulls()):
        measure = measures.get(name)
        if measure is None or measure.over_time is not None or measure.timing != "sum" or measure.from_january:
            continue
        title = next((text for text in (measure.title, name, *measure.synonyms) if text and _LEVEL.search(text)), None)
        if title is None:
            continue
        message = Message(
            "the figures of {measure} within a {grain} are added up, but its name is that of a level", measure=title,
            grain=grain.noun,
        )  # fmt: skip
        hint = Message("write `over_time: last` for a level at the end, `over_time: sum` if it is an amount")
        yield Diagnostic("K664", message, Place(field=title), hint, Severity.WARNING)
