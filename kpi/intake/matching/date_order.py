"""Infer the order of day and month in the dates of a column, where one of its dates decides it."""

from __future__ import annotations

import polars as pl
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.matching.datasets import Placed
from kpi.values import period_texts
from kpi.values.patterns import regex

_YEAR_FIRST = regex(r"\s*\d{4}")


def ordered(source: Placed) -> tuple[Placed, list[Diagnostic]]:
    """Return a table with the order of day and month in its periods, and a finding (K625) where it was inferred.

    A day above 12 decides for the whole column: with 31/03/2024 in it, 04/03/2024 is the fourth of March. Where none
    is, or where both numbers are above 12 in turn, the dates stay refused without `dates:`.

    Args:
        source: the table, whose dataset may declare the order.
    """
    header = source.roles.get("period")
    if header is None or "dates" in source.dataset.model_fields_set:
        return source, []
    cells = source.table.first_cells(header)
    if not isinstance(cells.dtype, pl.String | pl.Categorical | pl.Enum):
        return source, []
    first = set(cells.cast(pl.String).drop_nulls().to_list())
    # Most dates begin with their year, which is seen sooner than a date is parsed.
    if not any(period_texts.has_year_last(text) for text in first if not _YEAR_FIRST.match(text)):
        return source, []
    column = source.table.raw.select(pl.selectors.by_name(header).cast(pl.String))
    texts = source.table.distinct(column).collect(engine="streaming").to_series().alias("cells").drop_nulls().sort()
    result = period_texts.order_of(texts)
    if result is None:
        return source, []
    order, text = result
    dataset = source.dataset.model_copy(update={"dates": order})
    message = (
        Message("dates are read as day, month, year, as in `{text}`", text=text)
        if order == "dmy"
        else Message("dates are read as month, day, year, as in `{text}`", text=text)
    )
    hint = Message("say `dates: {order}` at the dataset", order=order)
    note = Diagnostic("K625", message, source.table.place(None, header), hint, Severity.INFO)
    return replace(source, dataset=dataset), [note]
