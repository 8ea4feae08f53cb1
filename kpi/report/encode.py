"""Encoders for other programs, as bytes: CSV, JSON, JSON Lines and Parquet.

Values are written as computed, floats in the shortest form that reads back as the same number; nulls stay null. The
same scorecard gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import polars as pl

# Leading characters that spreadsheets take for a formula, including full-width signs of Chinese input methods:
# https://owasp.org/www-community/attacks/CSV_Injection
_SIGNS = tuple("=+-@\t\r\n＝＋－＠")
_FORMULA = "^[=+\\-@\t\r\n＝＋－＠]"


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet might take a text for a formula.

    >>> is_formula("=1+1"), is_formula("南湖区")
    (True, False)
    """
    return text.startswith(_SIGNS)


def csv(frame: pl.DataFrame, /) -> bytes:
    """Return a frame as UTF-8 CSV without a byte order mark.

    A text that a spreadsheet would take for a formula gets a leading `'`; numbers are left alone.
    """
    text = pl.selectors.string()
    safe = frame.with_columns(pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text).name.keep())
    return safe.write_csv().encode()


def parquet(frame: pl.DataFrame, head: Mapping[str, Any], /) -> bytes:
    """Return a frame as Parquet, with `head` as its key-value metadata, texts as they are and all else as JSON."""
    out = BytesIO()
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in head.items()
    }
    frame.write_parquet(out, metadata=texts)
    return out.getvalue()


def document(head: Mapping[str, Any], frames: Mapping[str, pl.DataFrame], /) -> bytes:
    """Return one JSON object: the keys of `head`, then every frame as an array of objects, one a line."""
    parts = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    for name, frame in frames.items():
        rows = frame.write_ndjson().rstrip("\n").replace("\n", ",\n")
        parts.append(f"{json.dumps(name)}: [\n{rows}\n]" if rows else f"{json.dumps(name)}: []")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()
