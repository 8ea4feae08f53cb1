"""Answers that are kept while what determines them, which is their key, stays the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from msgspec import Struct, field


class Answer(Struct, frozen=True):
    """The body of an answer and its headers."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class ResponseCache:
    """The last answers used, up to a number of bytes; none is larger than an eighth of these.

    >>> cache = ResponseCache(80)
    >>> for key in ("a", "b"):
    ...     cache.put(key, Answer(b"0123456789"))
    >>> cache.get("a").body, cache.get("c")
    (b'0123456789', None)
    """

    def __init__(self, size: int) -> None:
        self._room, self._size = size, 0
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def get(self, key: str) -> Answer | None:
        """Return the answer of a key, None if it is not kept."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer, in place of those that were not used for longest."""
        if len(answer.body) * 8 > self._room or key in self._answers:
            return
        self._answers[key] = answer
        self._size += len(answer.body)
        while self._size > self._room:
            _, oldest = self._answers.popitem(last=False)
            self._size -= len(oldest.body)
