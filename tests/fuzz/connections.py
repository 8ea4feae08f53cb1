"""Connection strings with passwords of any signs: whatever becomes of one, no half of its password is shown."""

from __future__ import annotations

import os
import random
import traceback
from pathlib import Path

from kpi.errors import DataError, Diagnostic, KpiError, Place
from kpi.intake.files.databases import Query, rows_of
from kpi.report.diagnostics import render

#: Two halves, so that a part of a password is found as well.
HALVES = ("Qx7Rr", "Wk3Zz")
_SIGNS = ("@", " ", "#", "%", "/", "?", ":", "&", "=", "%40", "%20", "%25", "'", '"', "\\", "$", "[", "]", "+", "密", "`",
          ";", ",", "|", "{", "}", "<", ">", "!", "*", "é", "\u3000", "\t", "~", "^", "-", "_", ".", "1")  # fmt: skip
_URLS = (
    "postgresql://li:{word}@127.0.0.1:1/db",
    "postgres://li:{word}@127.0.0.1:1/db?sslmode=disable",
    "POSTGRESQL://li:{word}@127.0.0.1:1",
    "postgresql://:{word}@127.0.0.1:1/db",
    "postgresql://li%40x:{word}@[::1]:1/db",
    "postgresql://li:{word}@127.0.0.1:1,127.0.0.1:1/db",
    "postgresql://li:{word}@127.0.0.1:no/db",
    "postgresql://127.0.0.1:1/db?password={word}&user=li",
)
_KEYS = (
    "host=127.0.0.1",
    "port=1",
    "user=li",
    "dbname=db",
    "sslmode=disable",
    "connect_timeout=2",
    "nonsense=1",
    "port=no",
)


def connection(dice: random.Random) -> str:
    """Return a connection string with a password."""
    between = "".join(dice.choice(_SIGNS) for _ in range(dice.choice((0, 1, 1, 2, 4))))
    word = HALVES[0] + between + HALVES[1]
    if dice.random() < 0.6:
        return dice.choice(_URLS).format(word=word)
    quote = dice.choice(("", "", "'"))
    keys = [*dice.sample(_KEYS, dice.choice((1, 3, 4))), dice.choice(("password={}", "password = {}")).format(
        quote + word.replace("\\", "\\\\").replace("'", "\\'") + quote if quote else word)]  # fmt: skip
    dice.shuffle(keys)
    return " ".join(["host=127.0.0.1 port=1", *keys])


def judge_connection(text: str) -> None:
    """Judge that a password appears in no message about its string, and in no traceback of a query that uses it."""
    item = Diagnostic("K830", f"cannot reach {text}", Place("a"), f"look at {text}")
    _hidden(text, str(item), str(item.hint), render([item]), render([item], style="json"), str(KpiError(item)))
    os.environ["KPI_FUZZED"] = text
    for given in ({"url": text}, {"connection_env": "KPI_FUZZED"}, {"connection_env": text}):
        try:
            query = Query(database="postgresql", sql="SELECT 1", **given)
        except ValueError as error:
            _hidden(text, str(error.errors(include_input=False)))  # type: ignore[attr-defined]
            continue
        try:
            rows_of(query, "monthly", Path)
        except DataError as error:
            result = error
        else:
            raise AssertionError(f"{text!r} reaches a database")
        _hidden(text, str(result), "".join(traceback.format_exception(result)))
        assert all(item.code in {"K815", "K830"} for item in result.diagnostics), text


def _hidden(text: str, *shown: str) -> None:
    for item in shown:
        for half in HALVES:
            assert half not in item, f"{text!r} is shown: {item!r}"
