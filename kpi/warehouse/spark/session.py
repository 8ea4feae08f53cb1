"""Sessions of Spark: one that a command opens for itself, and those that a program has already."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from kpi.errors import DataError, Diagnostic, Message, Place, remember
from kpi.process import progress
from kpi.process.os_errors import reason
from kpi.values.patterns import regex
from kpi.warehouse.spark.failures import finding, quoted
from kpi.warehouse.spark.tables import SparkTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FORMS = Message("write --spark local[2], --spark spark://host:7077 or --spark sc://host:15002")
_LOCAL = regex(r"local(\[(?P<cores>\d+|\*)(,\s*\d+)?\])?")
_OF_THIS_MACHINE = regex(r"local\b|spark://(127\.|localhost\b|\[::1\])")

#: How often a task of local mode is tried, which Spark by itself does once.
_TRIES = 4

# The suffixes of paths, and how Spark reads them; all others are Parquet.
_FORMATS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    ".csv": ("csv", {"header": "true", "inferSchema": "false", "multiLine": "true", "escape": '"'}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".orc": ("orc", {}),
}


@contextmanager
def opened(address: str) -> Iterator[SparkSession]:
    """Open a session for a command, and close it again.

    It sets PYSPARK_PYTHON and SPARK_LOCAL_IP, which Spark reads from the environment alone, in this process.

    Args:
        address: local[N], spark://host:port, sc://host:port (Spark Connect) or another master of Spark. A token of
            Spark Connect need not stand in it: `${NAME}` stands for what the environment variable NAME holds.

    Raises:
        DataError: K920 pyspark or Java is missing, the address is none, or Spark cannot be reached.
    """
    url = _expanded(address)
    shown = Place(_without_parameters(address))
    _check(url, shown)
    _reach(url, shown)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        # Spark 4 warns of pandas 3, which is not used here.
        warnings.filterwarnings("ignore", message="PySpark does not", category=FutureWarning)
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "spark.log"
        with progress.stage(Message("starting Spark")):
            session = _session(url, shown, log)
        stack.callback(_close, session)
        yield session


def _session(url: str, shown: Place, log: Path) -> SparkSession:
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder
    if url.startswith("sc://"):
        builder = builder.remote(url)
    else:
        builder = builder.master(_retried(url)).appName("kpi")
        for key, value in _settings(url).items():
            builder = builder.config(key, value)
    try:
        with _quiet(log):
            session: SparkSession = builder.getOrCreate()
        if url.startswith("sc://"):
            _ = session.version
    except Exception as error:  # noqa: BLE001 - Java, the network and Spark fail in many ways
        lines = [line for line in _read(log).splitlines() if re.search(r"ERROR|Exception|Error|JAVA_HOME", line)]
        cause = quoted(lines[0] if lines else str(error))
        message = Message("Spark cannot be started or reached: {cause}", cause=cause)
        hint = Message("look whether the address is right and the server runs; a local one needs Java 17 or newer")
        raise DataError(Diagnostic("K920", message, shown, hint)) from None
    return session


def _settings(url: str) -> dict[str, str]:
    """Return the settings of a session for one command; none of them is a secret, as a list of processes shows them."""
    settings = {
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    }
    if _OF_THIS_MACHINE.match(url):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if url.startswith("local"):
        settings |= {"spark.ui.enabled": "false"}
    return settings


def _retried(url: str) -> str:
    """Return a master; of local mode one that tries a task again.

    >>> _retried("local[2]"), _retried("local"), _retried("local[2,8]"), _retried("spark://host:7077")
    ('local[2,4]', 'local[1,4]', 'local[2,8]', 'spark://host:7077')
    """
    local = _LOCAL.fullmatch(url)
    if local is None or local[3] is not None:
        return url
    return f"local[{local['cores'] or 1},{_TRIES}]"


def _check(url: str, shown: Place) -> None:
    """Raise DataError K920 without what Spark needs."""
    if not re.fullmatch(r"local(\[.*\])?|yarn|\w[\w+]*://.+", url):
        raise DataError(Diagnostic("K920", Message("this is no address of Spark"), shown, _FORMS))
    needed = ["pyspark", *(["grpc"] if url.startswith("sc://") else []), "pyarrow"]
    for name in needed:
        if importlib.util.find_spec(name) is None:
            message = Message("tables of Spark need the package `{name}`", name=name)
            hint = Message("pip install 'kpi-scorecard[spark]'")
            raise DataError(Diagnostic("K920", message, shown, hint))
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else None
    if not url.startswith("sc://") and shutil.which(java or "java") is None:
        message = Message("Spark needs Java, and there is none")
        hint = Message("install Java 17 or newer (apt install openjdk-17-jre-headless), or let JAVA_HOME name it")
        raise DataError(Diagnostic("K920", message, shown, hint))


def _reach(url: str, shown: Place) -> None:
    """Raise DataError K920 where nobody answers, for which Spark itself would wait for minutes."""
    server = re.match(r"(?:sc|spark)://(\[[^\]]*\]|[^:/;,]*)(?::(\d+))?", url)
    if server is None or "," in url:
        return
    host, port = server[1].strip("[]"), int(server[2] or (15002 if url.startswith("sc") else 7077))
    try:
        socket.create_connection((host, port), timeout=20).close()
    except OSError as error:
        message = Message("{host}:{port} cannot be reached: {cause}", host=host, port=str(port), cause=reason(error))
        hint = Message("look whether the address is right and the server runs")
        raise DataError(Diagnostic("K920", message, shown, hint)) from None


def _expanded(address: str) -> str:
    """Return an address with the values of environment variables in place of `${NAME}`, its secrets registered.

    Raises:
        DataError: K920 a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        text = os.environ.get(match[1])
        if not text:
            message = Message("the variable {env} is not set", env=match[1])
            raise DataError(Diagnostic("K920", message, hint=Message("set it, or write the address without it")))
        remember(text)
        return text

    url = re.sub(r"\$\{(\w+)\}", value, address.strip())
    for _, secret in parse_qsl(url.partition("/;")[2].replace(";", "&")):
        remember(secret)
    return url


def _without_parameters(address: str) -> str:
    """Return an address without its parameters, among which tokens are."""
    return address.strip().partition("/;")[0]


@contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Let a started program write its errors into a file: Java says much that is none of a command's output."""
    sys.stderr.flush()
    kept, target = os.dup(2), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(target)


def _read(log: Path) -> str:
    with suppress(OSError):
        return log.read_text(encoding="utf-8", errors="replace")
    return ""


def _close(session: SparkSession) -> None:
    with suppress(Exception):
        session.stop()


def table(session: SparkSession, name: str) -> SparkTable:
    """Return a table of a session.

    Args:
        session: the session.
        name: the name of a table of its catalogue, or a path: of a folder or file of Parquet, or by its suffix of CSV,
            JSON lines or ORC.

    Raises:
        DataError: K921 to K926, Spark cannot read it.
    """
    try:
        if _is_path(name):
            kind, options = _FORMATS.get(Path(name).suffix.lower(), ("parquet", {}))
            rows = session.read.format(kind).options(**options).load(name)
        else:
            rows = session.table(name)
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"pyspark", "py4j", "grpc"}:
            raise
        raise DataError(finding(error, Place(name))) from None
    return SparkTable(rows, name)


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name or Path(name).suffix.lower() in {".parquet", *_FORMATS} or Path(name).exists()
