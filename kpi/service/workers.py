"""A pool of worker processes with limits of time, memory and queue.

A worker that takes too long, uses too much memory or ends is replaced; only the request that it worked on fails.
`concurrent.futures` fails every request where one process ends, and limits neither.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from msgspec import Struct

from kpi.errors import Diagnostic, Message
from kpi.process import memory
from kpi.service.metrics import Metrics
from kpi.service.problems import Problem
from kpi.service.settings import Settings
from kpi.service.worker_process import Reply, main

#: How often (seconds) the memory of workers at work is looked at.
_LOOKS = 0.1
#: How long (seconds) a worker may take to start, and to end by itself.
_START, _END = 60, 5
#: After how many jobs a worker is replaced, as memory that libraries keep only grows.
_JOBS = 20_000
#: How long (seconds) before a worker that cannot start is started again.
_PAUSE = 1

_CONTEXT = multiprocessing.get_context("spawn")


class RefusedError(Exception):
    """A job that a worker refused, with the status, the findings as records, and headers."""

    def __init__(self, status: int, findings: list[dict[str, Any]], headers: dict[str, str] | None) -> None:
        super().__init__(str(status))
        self.status, self.findings, self.headers = status, findings, headers


class _Worker(Struct, eq=False):
    """A worker process and the connection to it; `excess` once it was ended for its memory."""

    process: SpawnProcess
    connection: Connection
    jobs: int = 0
    excess: bool = False

    def kill(self) -> None:
        with suppress(OSError, ValueError):
            self.process.kill()
        with suppress(OSError):
            self.connection.close()


class Pool:
    """Workers of one kind."""

    def __init__(self, name: str, size: int, settings: Settings, metrics: Metrics, *, threads: int = 1) -> None:
        self.name, self.size = name, size
        self._settings, self._threads, self._metrics = settings, threads, metrics
        self._limits = settings.limits
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._waiting = 0
        self._busy: set[_Worker] = set()
        self._workers: set[_Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads_pool = ThreadPoolExecutor(size * 2 + 1, f"kpi-{name}")
        self._closing = False

    async def start(self) -> None:
        """Start all workers, and wait until they are ready."""
        await asyncio.gather(*(self._add() for _ in range(self.size)))
        self._background(self._watch())

    async def stop(self) -> None:
        """End all workers; none is at work any more."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        workers = list(self._workers)
        for worker in workers:
            with suppress(OSError):
                worker.connection.close()
        loop = asyncio.get_running_loop()
        for worker in workers:
            await loop.run_in_executor(self._threads_pool, worker.process.join, _END)
            if worker.process.is_alive():
                worker.process.kill()
                await loop.run_in_executor(self._threads_pool, worker.process.join)
        self._threads_pool.shutdown(wait=False)

    @property
    def ready(self) -> int:
        """The number of workers that work or could."""
        return len(self._workers)

    @property
    def at_work(self) -> list[int]:
        """The ids of the processes that work."""
        return [worker.process.pid for worker in list(self._busy) if worker.process.pid is not None]

    async def run(self, job: str, language: str, **arguments: Any) -> Any:
        """Do a job in a worker and return its value.

        Args:
            job: its name in `kpi.service.jobs`.
            language: of texts.
            arguments: of the job.

        Raises:
            RefusedError: the job ends with findings.
            Problem: K910 (503) the queue is full or nothing became free, K907 (503) too much time, K908 (413) too much
                memory, K909 (500) the worker ended or failed.
        """
        if self._waiting >= self._limits.queue and self._idle.empty():
            raise self._overloaded()
        self._waiting += 1
        try:
            worker = await asyncio.wait_for(self._idle.get(), self._limits.seconds)
        except TimeoutError:
            raise self._overloaded() from None
        finally:
            self._waiting -= 1
        return await self._done(worker, (job, language, arguments))

    async def _done(self, worker: _Worker, request: tuple[Any, ...]) -> Any:
        self._busy.add(worker)
        seconds = self._limits.seconds
        loop = asyncio.get_running_loop()
        reason = "cancelled"
        try:
            reply = await loop.run_in_executor(self._threads_pool, _exchanged, worker.connection, request, seconds)
            reason = ""
        except TimeoutError:
            reason = "time"
            raise _too_long(seconds) from None
        except (EOFError, OSError):
            reason = "memory" if worker.excess else "ended"
            raise _too_much(self._limits.memory) if worker.excess else _ended() from None
        finally:
            self._busy.discard(worker)
            worker.jobs += 1
            if reason or worker.excess or worker.jobs >= _JOBS:
                self._replace(worker, reason or ("memory" if worker.excess else "age"))
            else:
                self._idle.put_nowait(worker)
        kind, value = reply
        if kind == "problem":
            raise RefusedError(*value)
        if kind == "failed":
            sys.stderr.write(f"kpi serve: {request[0]}: {value}\n")
            raise _ended()
        return value

    def _replace(self, worker: _Worker, reason: str) -> None:
        self._workers.discard(worker)
        worker.kill()
        self._metrics.ended.labels(self.name, reason).inc()
        if not self._closing:
            self._background(self._add(worker))

    async def _add(self, former: _Worker | None = None) -> None:
        """Start a worker, again and again if it cannot be, once a former one has ended."""
        loop = asyncio.get_running_loop()
        if former is not None:
            await loop.run_in_executor(self._threads_pool, former.process.join, _END)
        while not self._closing:
            ours, theirs = _CONTEXT.Pipe()
            process = _CONTEXT.Process(
                target=main, args=(theirs, self._settings, self._threads), daemon=True, name=f"kpi-{self.name}"
            )
            # In this thread, as Linux ends a child with the thread that started it.
            process.start()
            theirs.close()
            worker = _Worker(process, ours)
            self._workers.add(worker)
            try:
                await loop.run_in_executor(self._threads_pool, _received, ours, _START)
            except (EOFError, OSError, TimeoutError):
                self._workers.discard(worker)
                worker.kill()
                self._metrics.ended.labels(self.name, "start").inc()
                await asyncio.sleep(_PAUSE)
                continue
            self._idle.put_nowait(worker)
            return

    async def _watch(self) -> None:
        """Kill workers that use too much memory, and keep the metrics."""
        while True:
            await asyncio.sleep(_LOOKS)
            sizes = {worker: memory.resident(process=worker.process.pid) for worker in list(self._workers)}
            for worker, size in sizes.items():
                if size > self._limits.memory:
                    worker.excess = True
                    if worker in self._busy:
                        worker.process.kill()
            self._metrics.memory.labels(self.name).set(sum(sizes.values()))
            self._metrics.busy.labels(self.name).set(len(self._busy))
            self._metrics.waiting.labels(self.name).set(self._waiting)

    def _background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _overloaded(self) -> Problem:
        message = Message("the service has more requests than it can work on")
        hint = Message("ask again in {seconds} s", seconds=2)
        return Problem(503, Diagnostic("K910", message, hint=hint), headers={"Retry-After": "2"})


def _exchanged(connection: Connection, request: tuple[Any, ...], seconds: float) -> Reply:
    connection.send(request)
    return _received(connection, seconds)


def _received(connection: Connection, seconds: float) -> Reply:
    if not connection.poll(seconds):
        raise TimeoutError
    reply: Reply = connection.recv()
    return reply


def _too_long(seconds: float) -> Problem:
    message = Message("the work took longer than {seconds:g} s and was ended", seconds=seconds)
    hint = Message("ask for one period, or send fewer data at once, or have --max-seconds raised")
    return Problem(503, Diagnostic("K907", message, hint=hint), headers={"Retry-After": "60"})


def _too_much(size: int) -> Problem:
    message = Message("the work needed more than {size} and was ended", size=memory.gigabytes(size))
    hint = Message("ask for one period, or send fewer data at once, or have --max-memory raised")
    return Problem(413, Diagnostic("K908", message, hint=hint))


def _ended() -> Problem:
    message = Message("the work ended unexpectedly; other requests are not affected")
    hint = Message("this is a mistake of the engine: please report it with the data that show it")
    return Problem(500, Diagnostic("K909", message, hint=hint))
