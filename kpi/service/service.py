"""The state of a running service: its workers, its tokens, what it keeps, counts and logs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kpi.batch.fingerprints import engine
from kpi.errors import Message, suggest
from kpi.process.locale import current
from kpi.service.access import Access
from kpi.service.audit_log import AuditLog
from kpi.service.jobs import Data
from kpi.service.limits import Limits
from kpi.service.metrics import Metrics
from kpi.service.representations import tag
from kpi.service.response_cache import Answer, ResponseCache
from kpi.service.settings import Settings
from kpi.service.stored import Head, Published, missing
from kpi.service.workers import Pool

#: How long (seconds) the last run of the store is taken to be the last.
_FRESH = 1.0
#: The most time (seconds) of a night.
_NIGHT = 6 * 3600


class Service(Struct, dict=True):
    """A running service.

    Attributes:
        settings: what it was started with.
        access: its tokens.
        audit: the audit log.
        metrics: its counters.
    """

    settings: Settings
    access: Access = field(default_factory=Access)
    audit: AuditLog = field(default_factory=AuditLog)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self.cache = ResponseCache(limits.cache)
        # As many processes score as there are processors, each with one thread: short work gains nothing from more.
        self.scorers = Pool("score", limits.scorers, self.settings, self.metrics)
        self.readers = Pool("read", limits.readers, self.settings, self.metrics, threads=2)
        self._heads: dict[int, Head] = {}
        self._last: tuple[float, Head] | None = None
        self._looking = asyncio.Lock()
        self.night = asyncio.Lock()

    @property
    def limits(self) -> Limits:
        """The limits of requests."""
        return self.settings.limits

    async def start(self) -> None:
        """Start the workers."""
        await asyncio.gather(self.scorers.start(), self.readers.start())

    async def stop(self) -> None:
        """End the workers, once no request is running."""
        await asyncio.gather(self.scorers.stop(), self.readers.stop())
        self.audit.close()

    async def head(self, number: int | None = None) -> Head:
        """Return a run of the store, by default the last, which is looked up once a second.

        Raises:
            Problem: K914, if there is none.
        """
        if number is not None:
            if number not in self._heads:
                self._keep(await self.readers.run("head", current(), number=number))
            return self._heads[number]
        async with self._looking:
            if self._last is None or time.monotonic() - self._last[0] > _FRESH:
                head = await self.readers.run("head", current())
                if self._last is None or self._last[1] != head:
                    # After a repair of the store, runs have the numbers of others that are no more.
                    self._heads.clear()
                self._last = time.monotonic(), head
                self._keep(head)
                self.metrics.run.set(head.number)
            return self._last[1]

    def _keep(self, head: Head) -> None:
        self._heads[head.number] = head
        while len(self._heads) > 100:
            del self._heads[next(iter(self._heads))]

    async def published(self, system: str, number: int | None = None) -> tuple[Head, Published]:
        """Return a run, by default the last, and a system in it.

        Raises:
            Problem: K914, if the run does not have it.
        """
        head = await self.head(number)
        if system not in head.systems:
            message = Message("the store has no results of `{system}`", system=system)
            raise missing(message, suggest(system, head.systems))
        return head, head.systems[system]

    async def kept(self, pool: Pool, job: str, key: str, **arguments: Any) -> Answer:
        """Return the answer of a job, from those that are kept under a key if it is there."""
        answer = self.cache.get(key)
        if answer is None:
            answer = await pool.run(job, current(), **arguments)
            assert isinstance(answer, Answer)  # noqa: S101
            self.cache.put(key, answer)
        return answer

    def tag(self, *parts: object) -> str:
        """Return an entity tag of the engine and of the hashes and parameters that determine a representation."""
        return tag(engine(), *parts)

    async def asked(
        self, job: str, system: str, run: int | None, arguments: Mapping[str, Any]
    ) -> tuple[str, Callable[[], Awaitable[Answer]]]:
        """Return the tag of the answer of a job about a run of the store, and what computes the answer."""
        head, published = await self.published(system, run)
        key = self.tag(job, system, published.tag, current(), sorted(arguments.items()))
        data = Data(run=head.number, tag=published.tag)
        return key, partial(self.kept, self.scorers, job, key, system=system, data=data, **arguments)

    async def run_night(self) -> Answer:
        """Run a night of the batch in a process of its own, which has the time and the memory that it needs."""
        async with self.night:
            limits = replace(self.limits, memory=1 << 62, seconds=_NIGHT)
            pool = Pool("night", 1, replace(self.settings, limits=limits), self.metrics, threads=limits.scorers)
            try:
                await pool.start()
                answer = await pool.run("night", current())
            finally:
                await pool.stop()
        self._last = None
        assert isinstance(answer, Answer)  # noqa: S101
        return answer
