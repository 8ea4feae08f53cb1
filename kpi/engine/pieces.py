"""Pieces of a stage: some of its values at a time, with what they are computed from.

All sources and bases of a stage together may be larger than the panel: with min-max, two columns for each indicator.
Each piece drops its own, so that the memory serves the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import polars as pl
from msgspec import Struct

#: How many values are computed together: each piece has to be planned.
_TOGETHER = 40

_NONE: frozenset[int] = frozenset()


class Piece(Struct, frozen=True):
    """A part of a stage: groups of named expressions in the order of evaluation, and the columns dropped after it."""

    steps: tuple[list[pl.Expr], ...]
    dropped: tuple[str, ...]

    @classmethod
    def of(cls, steps: Iterable[Mapping[str, pl.Expr]], dropped: Iterable[str]) -> Piece:
        """Return a piece of groups of columns, of which empty ones are left out."""
        named = ([expression.alias(name) for name, expression in step.items()] for step in steps if step)
        return cls(tuple(named), tuple(dropped))


def pieces(steps: Sequence[Mapping[str, pl.Expr]], passing: Sequence[str], done: Sequence[str]) -> Iterator[Piece]:
    """Yield the pieces of a stage; a column that several read is computed in the first and dropped with the last.

    Sources and bases that nothing reads are left out.

    Args:
        steps: groups of named expressions, each of which reads columns of those before it.
        passing: the columns that do not outlast the stage.
        done: further columns that are dropped with the stage.

    >>> x, least = pl.col("x"), pl.col("least")
    >>> [piece] = pieces([{"least": x.min()}, {"above": x - least}], ["least"], [])
    >>> [len(step) for step in piece.steps], piece.dropped
    ([1, 1], ('least',))
    """
    place = {name: number for number, step in enumerate(steps) for name in step}
    reads = {name: place.keys() & expression.meta.root_names() for step in steps for name, expression in step.items()}
    if any(place[read] >= place[name] for name, names in reads.items() for read in names):
        # A column is replaced, and others read it as it was.
        yield Piece.of(steps, (*passing, *done))
        return
    using = _pieces_using(steps, reads, frozenset(passing))
    first, last = ({name: of(numbers) for name, numbers in using.items() if numbers} for of in (min, max))
    count = max(last.values()) + 1
    for number in range(count):
        parts = [{name: step[name] for name in step if first.get(name) == number} for step in steps]
        dropped = [name for name in passing if last.get(name) == number]
        yield Piece.of(parts, (*dropped, *done) if number == count - 1 else dropped)


def _pieces_using(
    steps: Sequence[Mapping[str, pl.Expr]], reads: Mapping[str, AbstractSet[str]], passing: AbstractSet[str]
) -> Mapping[str, frozenset[int]]:
    """Return for each column which pieces compute or read it; a value and its status are in one."""
    readers: dict[str, list[str]] = {}
    for name, names in reads.items():
        for read in names & passing:
            readers.setdefault(read, []).append(name)
    using: dict[str, frozenset[int]] = {}
    values = next(step for step in steps if not step.keys() <= passing)
    using |= {name: frozenset((number // _TOGETHER,)) for number, name in enumerate(values)}

    def pass_on() -> None:
        # From the last on: what reads a column has its pieces before it.
        for name in reversed([name for name in reads if name in passing]):
            pieces_of = (using.get(reader, _NONE) for reader in readers.get(name, ()))
            using[name] = _NONE.union(*pieces_of)

    pass_on()
    for name in reads:
        if name not in using:
            using[name] = frozenset((max((max(using[read], default=0) for read in reads[name]), default=0),))
    pass_on()
    return using
