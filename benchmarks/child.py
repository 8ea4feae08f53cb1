"""A contender in a process of its own: the peak of memory is its own, as the operating system counts it.

The process is a new interpreter, not a fork: nothing that the parent holds is in the count, and Polars does not
survive a fork. The peak is VmHWM of /proc, which begins anew with a program. `ru_maxrss` does not: on Linux a program
starts with the maximum of the process that started it, so it stands in only where there is no /proc.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kpi.process.tuning import SETTINGS

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """One run: seconds, the peak of resident memory in bytes (None: not measured apart), and the answer."""

    seconds: float
    peak: int | None
    answer: pl.DataFrame | None


@dataclass(frozen=True)
class Apart:
    """A contender in a process of its own.

    `make` is a function at the top of a module; called with `settings` it gets ready (opens, generates, compiles: not
    timed, but counted in the peak) and returns the work, a function without arguments, which is timed. `shown` makes
    of the answer what is compared; a floor, which answers something else, is not `compared`.
    """

    make: Callable[..., Callable[[], Any]]
    settings: dict[str, Any] = field(default_factory=dict)
    shown: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    compared: bool = True

    def run(self, *, answer: bool = False) -> Run:
        """Run the contender once; with `answer` its result is brought back as a frame."""
        assert "<" not in self.make.__qualname__, "only a function at the top of a module can be found by a child"
        with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder:
            out, frame = Path(folder) / "run", Path(folder) / "answer.parquet"
            order = (
                self.make.__module__,
                self.make.__qualname__,
                self.settings,
                out,
                frame if answer else None,
                self.shown,
            )
            command = [sys.executable, "-m", "benchmarks.child"]
            path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])  # where the parent found the function
            done = subprocess.run(
                command, cwd=ROOT, input=pickle.dumps(order), stderr=subprocess.PIPE, check=False,
                env=SETTINGS | os.environ | {"PYTHONPATH": path},
            )  # fmt: skip
            if done.returncode:
                text = done.stderr.decode(errors="replace")[-2000:]
                raise RuntimeError(f"{self.make.__qualname__} ended with {done.returncode}: {text}")
            seconds, peak = pickle.loads(out.read_bytes())  # noqa: S301  (written by our own child)
            return Run(seconds, peak, pl.read_parquet(frame) if answer else None)


def peak_memory() -> int:
    """Return the most memory that this program has had resident, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def as_frame(answer: Any) -> pl.DataFrame:
    """Return what a contender found as a Polars frame: from Polars, pandas, Arrow, or a mapping of arrays."""
    if isinstance(answer, pl.DataFrame):
        return answer
    if isinstance(answer, dict):
        return pl.DataFrame(answer)
    if isinstance(answer, int | float):
        return pl.DataFrame({"answer": [answer]})
    if type(answer).__module__.startswith("pandas"):
        return pl.DataFrame({str(name): answer[name].to_numpy() for name in answer.columns}, nan_to_null=True)
    return pl.DataFrame(pl.from_arrow(answer))


def differences(
    mine: pl.DataFrame, other: pl.DataFrame, keys: tuple[str, ...] = (), tolerance: float = 1e-9
) -> list[str]:
    """Return in words where a frame differs from another: rows, nulls, and values in every column of the other.

    Rows are compared in the order of `keys`; floats agree when they differ by at most `tolerance`, relative to the
    larger or absolute.
    """
    lacking = [name for name in other.columns if name not in mine.columns]
    if lacking or mine.height != other.height:
        return [f"{mine.height} rows beside {other.height}, without the columns {lacking}"]
    mine, other = (item.sort(keys) if keys else item for item in (mine.select(other.columns), other))
    result = []
    for name in other.columns:
        left, right = mine[name], other[name]
        if not (left.is_null() == right.is_null()).all():
            result.append(f"{name}: {(left.is_null() != right.is_null()).sum()} nulls where the other has a value")
        elif right.dtype.is_float() or left.dtype.is_float():
            left, right = left.cast(pl.Float64), right.cast(pl.Float64)
            apart = (left - right).abs() / pl.Series([1.0]).append(right.abs().fill_null(0)).clip(1)[1:]
            if apart.is_nan().any() or (apart.max() or 0) > tolerance:
                result.append(f"{name}: up to {apart.max()} apart")
        elif not (left.cast(pl.String) if right.dtype == pl.String else left).eq_missing(right).all():
            result.append(f"{name}: {left.ne_missing(right).sum()} values differ")
    return result


def main() -> None:
    """Run the contender that the parent sends, and write what it took."""
    module, name, settings, out, frame, shown = pickle.load(sys.stdin.buffer)  # noqa: S301  (sent by our own parent)
    work = getattr(importlib.import_module(module), name)(**settings)
    # Nobody's imports are searched for garbage while they are timed.
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    answer = work()
    seconds, peak = time.perf_counter() - began, peak_memory()
    out.write_bytes(pickle.dumps((seconds, peak)))
    if frame is not None:
        result = as_frame(answer)
        (result if shown is None else shown(result)).write_parquet(frame)


if __name__ == "__main__":
    main()
