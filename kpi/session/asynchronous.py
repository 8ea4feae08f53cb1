"""The functions of the library for programs with an event loop: each runs in a thread, and the loop goes on.

    card = await kpi.aio.score("period.csv", system=scorer.system)

What a call raises is raised where it is awaited. The language chosen with `kpi.using_language` holds in the thread.
A call that is cancelled ends in its thread without a result.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from kpi.analysis.what_if import what_if as _what_if
from kpi.session.checking import check as _check
from kpi.session.publishing import bulletin as _bulletin
from kpi.session.publishing import content as _content
from kpi.session.publishing import write as _write
from kpi.session.scoring import audit as _audit
from kpi.session.scoring import score as _score
from kpi.session.scoring import stress as _stress

P = ParamSpec("P")
T = TypeVar("T")


def _in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    @functools.wraps(function)
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(function, *args, **kwargs)

    return awaited


audit = _in_thread(_audit)
bulletin = _in_thread(_bulletin)
check = _in_thread(_check)
content = _in_thread(_content)
score = _in_thread(_score)
stress = _in_thread(_stress)
what_if = _in_thread(_what_if)
write = _in_thread(_write)
