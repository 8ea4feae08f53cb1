"""What readers of a document are shown of a frame: which of its columns, and numbers with how many decimals.

Files for programs have all columns, as they are computed.
"""

from __future__ import annotations

import polars as pl

from kpi.report.marks import alike_decimals

#: Columns with the code of what a column `title` names.
_CODES = frozenset({"indicator", "measure", "pillar", "headline", "component", "node", "item", "part", "name"})
#: Columns with what rows are about, which stay where all are the same.
_SUBJECTS = frozenset({"entity", "title", "unit", "message"})
#: The fewest rows in which a column can be constant.
_ROWS = 3
#: How the names of columns begin whose numbers have one unit although rows with a unit of their own stand beside them.
_ALIKE = (
    "score", "raw_score", "change", "from_", "contribution", "weight", "points", "marks", "full_marks", "coverage",
    "attainment", "schedule", "share",
)  # fmt: skip


def shown_columns(frame: pl.DataFrame) -> list[str]:
    """Return the columns that have something for readers, in their order.

    Without `system`, which the document names, columns without any value, and codes beside titles that tell them apart.

    >>> frame = pl.DataFrame({"indicator": ["a", "b"], "title": ["A", "B"], "score": [1.0, 2.0], "grade": [None, None]})
    >>> shown_columns(frame), shown_columns(frame.with_columns(title=pl.lit("A")))
    (['title', 'score'], ['indicator', 'title', 'score'])
    """
    kept = [
        name
        for name in frame.columns
        if name == "entity" or (name != "system" and frame[name].null_count() < frame.height)
    ]
    return [name for name in kept if not (name in _CODES and "title" in kept and _told_apart(frame, name))]


def constant_columns(frame: pl.DataFrame) -> list[str]:
    """Return those of `shown_columns` that say the same in all rows, of three rows or more: a sentence says it once.

    Never titles and units, of which the rows are; and some column always remains.

    >>> frame = pl.DataFrame({"period": ["2023"] * 3, "entity": ["A", "B", "C"], "from_definition": [0.0] * 3})
    >>> constant_columns(frame), constant_columns(frame.head(2))
    (['period', 'from_definition'], [])
    """
    if frame.height < _ROWS:
        return []
    shown = shown_columns(frame)
    alike = [
        name for name in shown if name not in _SUBJECTS and not frame[name].null_count() and frame[name].n_unique() == 1
    ]
    return alike if len(alike) < len(shown) else []


def _told_apart(frame: pl.DataFrame, code: str) -> bool:
    pairs = frame.select(code, "title").drop_nulls(code).unique()
    return not pairs["title"].null_count() and pairs["title"].n_unique() == pairs.height


def decimals_of(frame: pl.DataFrame, column: str) -> int | None:
    """Return the decimals of the numbers of a column: none if all are whole, else two, or more if they are small.

    None where they have units of their own, and for numbers without decimals and texts.

    >>> frame = pl.DataFrame({"unit": ["%", "km"], "value": [1.5, 2.25], "change": [3.8524, 0.0]})
    >>> frame = frame.with_columns(weight=pl.lit(0.013))
    >>> [decimals_of(frame, column) for column in frame.columns]
    [None, None, 2, 4]
    """
    if not frame.schema[column].is_float() or ("unit" in frame.columns and not column.startswith(_ALIKE)):
        return None
    values = frame[column].drop_nulls().abs()
    largest = values.max()
    if not isinstance(largest, float):
        return None
    whole = bool((values == values.round()).all())
    return alike_decimals(largest, largest, whole=whole, declared=None, unit="")
