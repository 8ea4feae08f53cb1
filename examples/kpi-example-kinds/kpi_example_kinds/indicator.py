"""An indicator: the diffusion index of a survey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from kpi.extend import Expressions, Grain, Indicator, Message, Path, Problem, Symbols, Unit, guarded, title_of, unit_of
from kpi.values import units


class Diffusion(Indicator):
    """The diffusion index (扩散指数): percent of answers `up`, and half the percent of those `same`, of all answers.

    Above 50 more answer better than worse. Source: the method of purchasing managers' indices (采购经理指数).
    """

    kind: Literal["diffusion"] = "diffusion"
    kind_title: ClassVar[Message] = Message("diffusion index")
    up: str = Field(description="the measure that counts the answers: better")
    same: str = Field(description="the measure that counts the answers: no change")
    down: str = Field(description="the measure that counts the answers: worse")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the three measures with their keys."""
        yield from ((("up",), self.up), (("same",), self.same), (("down",), self.down))

    def in_unit(self, symbols: Symbols) -> Unit:
        """Return percent."""
        return units.parse("%")

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the index and its status; without answers the denominator is zero."""
        total = pl.col(self.up) + pl.col(self.same) + pl.col(self.down)
        value = (pl.col(self.up) + pl.col(self.same) / 2) / total * 100
        inputs = [self.up, self.same, self.down]
        return guarded(name, value, inputs=inputs, shown={"zero_denominator": total == 0})

    def words(self, symbols: Symbols) -> Message:
        """Return the formula with the titles of the measures."""
        titles = {key: title_of(symbols, name) for key, name in (("up", self.up), ("same", self.same))}
        return Message("({up} + {same} ÷ 2) ÷ all answers", **titles)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Iterator[Problem]:
        """Yield measures of another unit than the first: only counts of one thing can be added."""
        yield from super().problems(path, symbols, grain)
        first = unit_of(symbols, self.up)
        for (key,), name in self.inputs():
            unit = unit_of(symbols, name)
            if first is not None and unit is not None and unit != first:
                message = Message("`{name}` is in {unit}, `{first}` in {other}",
                                  name=name, unit=unit, first=self.up, other=first)  # fmt: skip
                yield Problem("K301", (*path, key), message)
