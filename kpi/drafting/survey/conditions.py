"""The condition that tells rows of one unit and figure apart, such as those of all parts of a further key together."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import polars as pl

from kpi.drafting.survey.subject import Subject
from kpi.errors import Message, count
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import role

#: Texts of a further key that stand for all of its parts together.
_ALL_PARTS = ("合计", "总计", "全部", "总体", "T", "TOTAL", "Total", "total", "_T", "All", "all", "BTSX")


def condition(subject: Subject, keys: Sequence[str], figures: Collection[str]) -> str | None:
    """Return the condition that tells rows of one key apart, None where they need none.

    Args:
        subject: the table.
        keys: the columns of units, figures and periods.
        figures: the columns that hold figures.
    """
    rest = _further_keys(subject, keys, figures)
    if not keys or not rest:
        return None
    columns = pl.selectors.by_name(*dict.fromkeys([*keys, *rest]))
    frame = subject.table.frame.select(columns).collect().drop_nulls(keys)
    if not frame.height or frame.select(pl.selectors.by_name(*keys)).n_unique() == frame.height:
        return None
    conditions = []
    for header in rest:
        several = frame.group_by(keys).agg(pl.selectors.by_name(header).n_unique().alias("many"))
        if frame.height and several["many"].max() > 1:  # type: ignore[operator]
            chosen, texts = _meant(frame, header, keys[0])
            rows, frame = frame.height, frame.filter(as_text(header).str.strip_chars() == chosen)
            conditions.append(_is_text(header, chosen))
            kept = Message("{kept} of {rows}", kept=frame.height, rows=count(rows, "row"))
            message = Message("rows with `{text}` in `{header}` are meant, {kept}; its texts are {texts}",
                              text=chosen, header=header, kept=kept, texts=(*texts[:6], *["…"][: len(texts) > 6]),
                              )  # fmt: skip
            subject.notes.guess(message, header)
    return " AND ".join(conditions) or None


def _further_keys(subject: Subject, keys: Sequence[str], figures: Collection[str]) -> list[str]:
    """Return the headers of columns of words that play no other role."""
    ignored = {key for key, header in subject.table.roles.items() if header is None}
    unit = subject.roles.get("unit") if subject.sdmx else None
    return [
        header for header in subject.headers
        if header not in keys and header not in figures and subject.columns[header].is_words
        and (role(header) is None or role(header) in ignored or header == unit)
    ]  # fmt: skip


def _meant(frame: pl.DataFrame, header: str, key: str) -> tuple[str, list[str]]:
    """Return the text of a further key that is meant: all parts together, or the most frequent; and all texts."""
    counts = frame.group_by(as_text(header).str.strip_chars().alias("text"), maintain_order=True).agg(
        pl.selectors.by_name(key).n_unique().alias("units"), pl.len().alias("rows")
    ).drop_nulls().sort("rows", "units", descending=True, maintain_order=True)  # fmt: skip
    texts, most = counts["text"].to_list(), counts["rows"][0]
    # A part of hardly any rows is not meant even if it is called the whole.
    totals = [text for text, _, rows in counts.rows() if text in _ALL_PARTS and 2 * rows >= most]
    return next(iter(totals), texts[0]), texts


def _is_text(header: str, text: str) -> str:
    """Return the condition that a column has a text."""
    shown = header if re.fullmatch(r"[^\W\d]\w*", header) else f'"{header}"'
    quoted = text.replace("'", "''")
    return f"{shown} = '{quoted}'"
