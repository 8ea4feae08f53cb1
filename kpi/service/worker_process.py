"""The process of a worker: it does one job after the other, and imports Polars only here."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

from kpi.service.settings import Settings

#: What a worker sends: `ready`; `answer` with a value; `problem` with status, findings and headers; `failed`.
Reply = tuple[str, Any]


def main(connection: Connection, settings: Settings, threads: int) -> None:
    """Do the jobs that arrive on a connection until it is closed.

    Args:
        connection: jobs come as `(name, language, arguments)`, replies go as `Reply`.
        settings: of the service.
        threads: of Polars.
    """
    # Only the service ends its workers, which finish what is running.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _end_with_parent()
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    from kpi.process.tuning import apply

    apply(os.environ)
    from kpi.service import jobs

    context = jobs.Context(settings)
    connection.send(("ready", None))
    with contextlib.suppress(EOFError, OSError):
        while True:
            name, language, arguments = connection.recv()
            connection.send(_reply(context, name, language, arguments))


def _reply(context: Any, name: str, language: str, arguments: dict[str, Any]) -> Reply:
    """Do a job, and return its answer, or what prevents one."""
    from kpi.errors import KpiError, redacted
    from kpi.process.limits import shortage
    from kpi.report.language import using
    from kpi.service.jobs import JOBS
    from kpi.service.problems import Problem, record, status_of

    with using(language):
        try:
            return "answer", JOBS[name](context, **arguments)
        except Problem as problem:
            return "problem", (problem.status_code, [record(each) for each in problem.findings], problem.headers)
        except KpiError as error:
            return "problem", (status_of(error), [record(each) for each in error.diagnostics], None)
        except BaseException as error:  # noqa: BLE001  # panics of Polars are not Exceptions
            if (finding := shortage(error)) is not None:
                return "problem", (413, [record(finding)], None)
            return "failed", redacted(f"{type(error).__name__}: {error}")[:1000]


def _end_with_parent() -> None:
    """Have Linux kill this process when the service is killed, also in the midst of a job."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
