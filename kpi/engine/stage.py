"""Stages: the steps of a plan, each some groups of named expressions over the columns of earlier steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import polars as pl
from msgspec import Struct, field

from kpi.engine.pieces import Piece, pieces
from kpi.errors import Message
from kpi.values.columns import Expressions


class Stage(Struct, frozen=True, dict=True):
    """One step of a plan: expressions that are evaluated together, in the order of `Expressions`.

    Attributes:
        name: the name of the stage, such as `scores`.
        words: a description for readers of a plan.
        values: the columns that it computes.
        statuses: why values are missing; they read the values of the same stage.
        bases: what values are compared with; evaluated before them, and dropped with the stage.
        sources: what bases are computed from; evaluated before them, and dropped with the stage.
        done: further columns that no later stage reads, dropped with the stage.
    """

    name: str
    words: Message
    values: Mapping[str, pl.Expr] = field(default_factory=dict)
    statuses: Mapping[str, pl.Expr] = field(default_factory=dict)
    bases: Mapping[str, pl.Expr] = field(default_factory=dict)
    sources: tuple[Mapping[str, pl.Expr], ...] = ()
    done: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, words: Message, expressions: Expressions, done: tuple[str, ...] = ()) -> Stage:
        """Return a stage of grouped expressions."""
        return cls(
            name, words, expressions.values, expressions.statuses, expressions.bases, expressions.sources, done
        )  # fmt: skip

    @property
    def steps(self) -> tuple[Mapping[str, pl.Expr], ...]:
        """The groups of columns in the order of evaluation: sources, bases, values, statuses; no empty ones."""
        return Expressions(self.values, self.statuses, self.bases, self.sources).steps

    @property
    def columns(self) -> dict[str, pl.Expr]:
        """All columns of the stage."""
        return Expressions(self.values, self.statuses, self.bases, self.sources).columns

    def __call__(self, frame: pl.LazyFrame, *, in_pieces: bool = False) -> pl.LazyFrame:
        """Return the frame with the columns of the stage, without its sources, its bases and the columns of `done`.

        Args:
            frame: with the columns of earlier stages.
            in_pieces: some values are computed at a time, so that fewer sources and bases are in memory at once. The
                columns are the same, in another order.
        """
        for piece in self._pieces if in_pieces else self._complete:
            for step in piece.steps:
                frame = frame.with_columns(step)
            if piece.dropped:
                frame = frame.drop(piece.dropped)
        return frame

    @property
    def _passing(self) -> tuple[str, ...]:
        return (*(name for step in self.sources for name in step), *self.bases)

    @cached_property
    def _complete(self) -> tuple[Piece, ...]:
        return (Piece.of(self.steps, (*self._passing, *self.done)),)

    @cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        return tuple(pieces(self.steps, self._passing, self.done)) if self._passing else self._complete
