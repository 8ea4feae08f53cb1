"""Stages: the steps of a plan, each a few groups of named expressions over the columns before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from kpi.values.columns import Expressions


@dataclass(frozen=True)
class Stage:
    """One step of a plan: expressions that are evaluated together, but for the order that `Expressions` gives them.

    Attributes:
        name: of the stage, such as `scores`.
        words: what it computes, for readers of a plan.
        values: the columns that it computes.
        statuses: why values are missing; they read the values of the same stage.
        bases: what values are compared with; evaluated before them, and dropped with the stage.
        done: further columns that no later stage reads, dropped with the stage.
    """

    name: str
    words: str
    values: Mapping[str, pl.Expr] = field(default_factory=dict)
    statuses: Mapping[str, pl.Expr] = field(default_factory=dict)
    bases: Mapping[str, pl.Expr] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, words: str, expressions: Expressions, done: tuple[str, ...] = ()) -> Stage:
        """Return a stage of expressions that are in order."""
        return cls(name, words, expressions.values, expressions.statuses, expressions.bases, done)

    @property
    def steps(self) -> tuple[Mapping[str, pl.Expr], ...]:
        """The columns as they are evaluated: bases, then values, then statuses, without empty groups."""
        return Expressions(self.values, self.statuses, self.bases).steps

    @property
    def columns(self) -> dict[str, pl.Expr]:
        """All columns of the stage."""
        return Expressions(self.values, self.statuses, self.bases).columns

    def __call__(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Return the frame with the columns of the stage, without its bases and those that are done with."""
        for step in self.steps:
            frame = frame.with_columns(**step)
        dropped = (*self.bases, *self.done)
        return frame.drop(dropped) if dropped else frame
