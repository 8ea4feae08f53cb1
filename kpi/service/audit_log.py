"""The audit log: one JSON object a line for each request, without data, parameters and secrets."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import IO

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.process.os_errors import reason


class AuditLog:
    """Appends lines to a file, or to standard error; a line is written at once.

    Keys: time, token (its name), method, route (the template of the path), system, status, seconds, received and sent
    (bytes), client.

    Raises:
        DataError: K813, if the file cannot be written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._out: IO[str] = sys.stderr
        if file is not None:
            try:
                self._out = file.open("a", encoding="utf-8", buffering=1)
            except OSError as error:
                message = Message("cannot be written: {strerror}", strerror=reason(error))
                raise DataError(Diagnostic("K813", message, Place(str(file)))) from None

    def __call__(self, **fields: object) -> None:
        """Write a line with the time and some fields; a disk that is full does not stop the service."""
        time = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        try:
            self._out.write(json.dumps({"time": time, **fields}, ensure_ascii=False) + "\n")
        except (OSError, ValueError):
            if self._file is not None:
                sys.stderr.write("kpi serve: the audit log cannot be written\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._out.close()
