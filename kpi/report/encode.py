"""Results for other programs, as bytes: CSV, JSON, JSON Lines and Parquet.

Values are as computed, floats in the shortest form that reads back as the same number; nulls stay null. The same
scorecard gives the same bytes.
"""

from __future__ import annotations

import json
from io import BytesIO

import polars as pl

from kpi.report.shape import MORE, SCHEMA, Results, frames

#: The frames in JSON; the measures, which may be large, are in Parquet and in workbooks.
_IN_JSON = ("totals", "pillars", "indicators", "findings")

# How a cell starts that spreadsheets take for a formula, the full-width signs of Chinese input methods included:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = "^[=+\\-@\t\r\n＝＋－＠]"


def is_formula(text: str) -> bool:
    """Returns whether a spreadsheet might take a text for a formula.

    >>> is_formula("=1+1"), is_formula("南湖区")
    (True, False)
    """
    return text.startswith(tuple("=+-@\t\r\n＝＋－＠"))


def csv(frame: pl.DataFrame, /, *, bom: bool = False) -> bytes:
    """Returns a frame as UTF-8 CSV, with `bom` so that Excel and WPS read the Chinese text right.

    A text that a spreadsheet would take for a formula gets a leading `'`; numbers are left alone.
    """
    text = pl.selectors.string()
    safe = frame.with_columns(pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text).name.keep())
    return (b"\xef\xbb\xbf" if bom else b"") + safe.write_csv().encode()


def parquet(frame: pl.DataFrame, scorecard: Results, /) -> bytes:
    """Returns a frame as Parquet; its key-value metadata name the system, the definitions and the data."""
    out = BytesIO()
    frame.write_parquet(out, metadata={key: str(value) for key, value in _head(scorecard).items()})
    return out.getvalue()


def document(scorecard: Results, /) -> bytes:
    """Returns a scorecard as one JSON object, `kpi.scorecard/1`.

    Keys in this order: schema, system, definition_hash, data_hash, title, entity_title, full, decimals, periods, rows
    (of the data: read = used + refused + restated + repeated + left_out, where there are any), then totals, pillars,
    indicators and findings (and what else there is, such as weights and restated) as arrays of objects, one a line.
    """
    head = {**_head(scorecard), **_about(scorecard)}
    parts = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    tables = frames(scorecard)
    for name in (*_IN_JSON, *(name for name in MORE if name in tables)):
        rows = tables[name].write_ndjson().rstrip("\n").replace("\n", ",\n")
        parts.append(f"{json.dumps(name)}: [\n{rows}\n]" if rows else f"{json.dumps(name)}: []")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def lines(scorecard: Results, /) -> bytes:
    """Returns one JSON object a line for each row of the totals, with its rows of the pillars under `pillars`.

    The keys are the columns of the totals, then definition_hash, data_hash and pillars, whose objects have the columns
    of the pillars but system, period, cohort and entity.
    """
    tables = frames(scorecard)
    keys = ["system", "period", "entity"]
    parts = tables["pillars"].select(*keys, pl.struct(pl.exclude(*keys, "cohort")).alias("pillars"))
    nested = parts.group_by(keys, maintain_order=True).agg("pillars")
    hashes = {"definition_hash": pl.lit(scorecard.definition_hash), "data_hash": pl.lit(scorecard.data_hash)}
    empty = pl.lit([], dtype=nested.schema["pillars"])
    rows = tables["totals"].join(nested, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return (
        rows.select(pl.exclude("pillars"), **hashes, pillars=pl.col("pillars").fill_null(empty)).write_ndjson().encode()
    )


def _head(scorecard: Results) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "system": scorecard.system,
        "definition_hash": scorecard.definition_hash,
        "data_hash": scorecard.data_hash,
    }


def _about(scorecard: Results) -> dict[str, object]:
    return {
        "title": scorecard.title,
        "entity_title": scorecard.entity_title,
        "full": scorecard.full,
        "decimals": scorecard.decimals,
        "periods": list(scorecard.periods),
        **({"rows": dict(counts)} if (counts := getattr(scorecard, "counts", None)) else {}),
    }
