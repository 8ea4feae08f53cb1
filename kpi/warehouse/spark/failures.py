"""Errors of Spark in plain words: what is not there, not allowed, not the same, or broke off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.values.patterns import regex
from kpi.warehouse.spark.workers import VERSIONS

_VERSIONS = regex(rf"{VERSIONS}([^:]*):([^:]*):")
_NO_MODULE = regex(r"No module named '([\w.]+)'")


class _Known(NamedTuple):
    """What messages of Spark contain, and what is reported of them."""

    pattern: re.Pattern[str]
    code: str
    message: Message
    hint: Message


# The first whose pattern is found counts.
_KNOWN = (
    _Known(
        regex(
            r"(?i)AccessControlException|AccessDenied|Permission ?denied|PERMISSION_DENIED|INSUFFICIENT_PERMISSION|"
            r"UNAUTHENTICATED|not authorized"
        ),
        "K922", Message("Spark may not read the table"), Message("ask its owner for the right to read it"),
    ),
    _Known(
        regex(r"PATH_NOT_FOUND|TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|CATALOG_NOT_FOUND|FileNotFound"),
        "K921", Message("Spark has no such table or path"),
        Message("give the name of a table of Spark's catalogue, or a path that every worker can reach"),
    ),
    _Known(
        regex(r"PARQUET_COLUMN_DATA_TYPE_MISMATCH|SchemaColumnConvertNotSupported|CANNOT_MERGE_SCHEMAS"),
        "K924", Message("the files of the table hold a column as different types"),
        Message("write the column with one type in all files"),
    ),
    _Known(
        regex(
            r"UNABLE_TO_INFER_SCHEMA|FAILED_READ_FILE|CANNOT_READ_FILE|DATA_SOURCE_NOT_FOUND|is not a Parquet file|"
            r"PARSE_SYNTAX"
        ),
        "K924", Message("Spark cannot read it as a table"),
        Message("of paths, folders and files of Parquet, ORC, CSV (.csv) and JSON lines (.json) are read"),
    ),
    _Known(
        regex(r"crashed unexpectedly|ExecutorLostFailure|Python worker exited|EOFException|SparkContext was shut"),
        "K925", Message("workers of Spark were lost again and again"),
        Message("give the executors more memory (spark.executor.memory, spark.executor.memoryOverhead)"),
    ),
)  # fmt: skip
_OTHER = _Known(regex(""), "K925", Message("Spark could not do it"), Message("Spark's own log has more about it"))

#: The length of what is quoted of Spark's own message.
_QUOTED = 300


@contextmanager
def in_words(name: str) -> Iterator[None]:
    """Report an error of Spark within the block in words.

    Args:
        name: the table in question.

    Raises:
        DataError: K921 to K926; errors of other origin are raised unchanged.
    """
    try:
        yield
    except Exception as error:
        if not _of_spark(error):
            raise
        raise DataError(finding(error, Place(name))) from None


def _of_spark(error: Exception) -> bool:
    """Return whether an exception comes from Spark, or from the connection to it."""
    package = type(error).__module__.partition(".")[0]
    return package in {"pyspark", "py4j", "grpc"} or isinstance(error, ConnectionError)


def finding(error: Exception, place: Place) -> Diagnostic:
    """Return the finding on an error of Spark."""
    text = str(error)
    if (versions := _VERSIONS.search(text)) is not None:
        message = Message(
            "a worker of Spark has Polars {other}, and this program Polars {own}", other=versions[2], own=versions[1]
        )
        hint = Message("install the same versions of kpi-scorecard and polars wherever Spark runs Python")
        return Diagnostic("K923", message, place, hint)
    if (module := _NO_MODULE.search(text)) is not None:
        message = Message("a worker of Spark has no Python package `{name}`", name=module[1].partition(".")[0])
        hint = Message(
            "install kpi-scorecard[spark] wherever Spark runs Python, and let PYSPARK_PYTHON name that Python"
        )
        return Diagnostic("K923", message, place, hint)
    known = next((item for item in _KNOWN if item.pattern.search(text)), _OTHER)
    message = known.message
    if known.code != "K921":
        message = Message("{what}: {cause}", what=message, cause=quoted(text))
    return Diagnostic(known.code, message, place, known.hint)


def quoted(text: str) -> str:
    """Return what a message of Spark says, on one line, without the trace of its calls."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    own = [line for line in lines if not re.match(r"(at |File |Traceback|\^|JVM stacktrace|SQLSTATE)", line)]
    errors = [line for line in own if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (errors or own or [type(text).__name__])[-1 if errors else 0][:_QUOTED]
