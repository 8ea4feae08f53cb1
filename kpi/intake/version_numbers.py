"""Revisions such as 1.9 and 1.10, whose order as numbers is not that of versions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.numbers import fold
from kpi.intake.matching.datasets import Placed
from kpi.values.patterns import regex

_VERSION = regex(r"(?a)\d+\.\d+")

#: How many texts are compared with each other.
_COMPARED = 200


def versions(texts: Collection[str | None]) -> set[str]:
    """Return the revisions that have two parts.

    >>> sorted(versions(["1", "1.9", "１.10", None, "v2"]))
    ['1.10', '1.9']
    """
    return {folded for text in texts if text is not None and _VERSION.fullmatch(folded := fold(text).strip())}


def misordered(tables: Mapping[str, Placed]) -> Iterator[Diagnostic]:
    """Yield a warning (K679) if some revisions of two parts have another order as numbers than as versions.

    Args:
        tables: a table of each revision.
    """
    ordered = sorted(tables, key=lambda text: (float(text), text))[-_COMPARED:]
    for earlier, later in combinations(ordered, 2):
        if _parts(earlier) > _parts(later):
            message = Message(
                "revisions are compared as numbers, so {later} is later than {earlier}", later=later, earlier=earlier
            )
            hint = Message("number the revisions 1, 2, 3, or write 1.09 and 1.10")
            source = tables[later]
            place = source.table.place(None, source.roles.get("revision"))
            yield Diagnostic("K679", message, place, hint, Severity.WARNING)
            return


def _parts(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
