"""The values of indicators and pillars over all units, condensed to the few numbers and names that a bulletin gives.

They stay columns, and all items are condensed by one query: of 3,000 units and 200 indicators a bulletin names some of
600,000 values, so no Python object is made of the others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import polars as pl
from msgspec import Struct

#: The lights that are counted.
LIGHTS = ("green", "yellow", "red")


class ItemValues(Struct, frozen=True, dict=True):
    """The values of an item in a period.

    Attributes:
        units: how many units there are, with a value or without.
        numbers: the values of those that have one.
        highest, lowest: the units with the highest and with the lowest value.
        smallest, largest: without sign, the smallest value that is not zero, and the largest; 0 for none.
        whole: whether all values are whole numbers.
        weight: the largest weight, None where it does not count.
        reached, judged: how many units have reached their target, of those that it is judged for.
        green, yellow, red: how many units have the light.
        behind: the units with a red light.
    """

    units: int = 0
    numbers: Sequence[float] = ()
    highest: Sequence[str] = ()
    lowest: Sequence[str] = ()
    smallest: float = 0.0
    largest: float = 0.0
    whole: bool = True
    weight: float | None = None
    reached: int = 0
    judged: int = 0
    green: int = 0
    yellow: int = 0
    red: int = 0
    behind: Sequence[str] = ()

    @cached_property
    def sum(self) -> float:
        """The sum of the values; the same in whichever order the units come."""
        return math.fsum(self.numbers)

    @property
    def mean(self) -> float | None:
        """The simple mean of the values, None without any."""
        return self.sum / len(self.numbers) if self.numbers else None

    def end(self, *, highest: bool) -> tuple[Sequence[str], float | None]:
        """Return the units at one end, and their value; nothing where all units have the same."""
        if not self.numbers or min(self.numbers) == max(self.numbers):
            return (), None
        return (self.highest, max(self.numbers)) if highest else (self.lowest, min(self.numbers))


class Items(Struct, frozen=True):
    """The rows of indicators or pillars by period, item and entity.

    Attributes:
        frame: the columns `period`, `item`, `entity`, `number`, and of indicators `weight`, `reached`, `light`.
    """

    frame: pl.DataFrame

    def condensed(self, period: str | None) -> Mapping[str, ItemValues]:
        """Return the values of each item in a period."""
        number, entity = pl.col("number"), pl.col("entity")
        more = {}
        if "light" in self.frame.columns:
            light = pl.col("light")
            more = {
                "weight": pl.col("weight").max(), "reached": pl.col("reached").sum(),
                "judged": pl.col("reached").count(), "behind": entity.filter(light == "red"),
                **{name: (light == name).sum() for name in LIGHTS},
            }  # fmt: skip
        parts = self.frame.filter(_in(period)).group_by("item").agg(
            units=pl.len(), numbers=number.drop_nulls(), highest=entity.filter(number == number.max()),
            lowest=entity.filter(number == number.min()),
            smallest=number.abs().filter(number != 0).min().fill_null(0.0), largest=number.abs().max().fill_null(0.0),
            whole=(number == number.round()).all(), **more,
        )  # fmt: skip
        return {row.pop("item"): ItemValues(**row) for row in parts.iter_rows(named=True)}

    def pairs(
        self, period: str | None, former: str | None, apart: Collection[str]
    ) -> Mapping[str, list[tuple[float, float]]]:
        """Return the values of each item in two periods, of the units with both.

        Args:
            period: the present period.
            former: the other one, None for none.
            apart: the units that are not compared.

        Returns:
            The present and the former value of each unit, by item; none of items without any.
        """
        known = self.frame.select("period", "item", "entity", "number").drop_nulls("number")
        before = known.filter(_in(former), ~pl.col("entity").is_in(list(apart)))
        both = known.filter(_in(period)).join(before, on=["item", "entity"], how="inner")
        parts = both.group_by("item").agg("number", "number_right")
        return {item: list(zip(now, then, strict=True)) for item, now, then in parts.iter_rows()}


def _in(period: str | None) -> pl.Expr:
    return pl.col("period") == pl.lit(period, dtype=pl.String)
