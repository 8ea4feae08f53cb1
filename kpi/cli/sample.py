"""What `kpi sample` does, by its options. Returns the exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from kpi.cli.progress_line import showing
from kpi.errors import DataError, Diagnostic, count
from kpi.intake.synthetic.files import Sample, pour, write
from kpi.language.loading.catalogue import load


def sample(
    *, system: str, definitions: str | None, output: str | None, dataset: str | None, form: str | None, quiet: bool,
    period: str | None, say: Callable[[str], None], **asked: Any,
) -> int:  # fmt: skip
    """Writes synthetic data to files, or one dataset as CSV to stdout.

    Raises:
        KpiError: there is no such system, or the sample cannot be made or written.
    """
    began = time.perf_counter()
    wanted = Sample(load(system, definitions), last=period, **asked)
    if output is None:
        if form == "parquet":
            raise DataError(Diagnostic("K541", "standard output takes csv only", hint="name a file: -o sample.parquet"))
        # Rows that scroll by on the same terminal show by themselves how far it is.
        with showing(quiet=quiet or sys.stdout.isatty()):
            pour(wanted, sys.stdout.buffer, dataset)
        return 0
    with showing(quiet=quiet):
        written = write(wanted, output, form=form, dataset=dataset)
    if not quiet:
        files = ", ".join(f"{file} ({count(rows, 'row')})" for file, rows in written.items())
        say(f"Wrote {files} in {time.perf_counter() - began:.2f} s. Every figure is invented.")
    return 0
