"""Groups of entities: who is compared with whom (`peers:`) and who is ranked together (`ranking: {within: ...}`).

Both name a group: `all`, `cohort` (the roster's or data's), or one of `groups:`, by a column of the roster or by a
figure.
"""

from typing import Annotated, Self

import polars as pl
from pydantic import Field, model_validator

from kpi.errors import Message, Severity, commas
from kpi.language.indicators import Symbols
from kpi.language.model import Block, Listed, Name, Path, Problem, Problems
from kpi.language.quantities import OpenQuantity, Quantity, in_unit, printed, quantity_problems
from kpi.values.columns import group_of
from kpi.values.rounding import HAIR, compare
from kpi.values.units import Unit

#: The groupings that need no definition: all entities of a period, and the cohorts.
ALL, COHORTS = "all", "cohort"


class Group(Block):
    """Groups of entities, by a column of the roster or by a figure of the period.

    By a figure the group is the first, from the highest bound down, whose bound the figure reaches: `value >= bound`.
    An entity without the figure, or below every bound, is in no group: together with all others that are in none.

    >>> frame = pl.DataFrame({"people": [120.0, 50.0, 8.0, None]})
    >>> groups = Group(of="people", cuts={"large": 100, "small": 20})
    >>> frame.select(groups.by_figure({})).to_series().to_list()
    ['large', 'small', '', '']
    """

    column: str | None = Field(None, description="a column of the roster, such as 省份")
    of: Name | None = Field(None, description="the measure or indicator by which entities are grouped")
    cuts: Annotated[dict[str, OpenQuantity] | None, Field(min_length=1)] = Field(
        None, description="{group: least value}, in the unit of `of`; the bounds are inclusive"
    )
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.of is None) or (self.of is None) != (self.cuts is None):
            raise ValueError(
                Message("give either `column`, of the roster, or `of` and `cuts`, a figure and its bounds")
            )
        return self

    def by_figure(self, symbols: Symbols) -> pl.Expr:
        """Return the group by the figure (String), empty for none."""
        name = self.of or ""
        unit = symbols[name].unit if name in symbols else None
        bounds = {
            group: float(bound) if unit is None else in_unit(bound, unit) for group, bound in (self.cuts or {}).items()
        }
        label = pl.lit("")
        for group, bound in sorted(bounds.items(), key=lambda pair: pair[1]):
            reached = compare("ge", pl.col(name), bound, abs(bound) * HAIR)
            label = pl.when(reached).then(pl.lit(group)).otherwise(label)
        return label

    def words(self, symbols: Symbols) -> Message:
        """Return where the groups come from in words."""
        if self.column is not None:
            return Message("by the column {column} of the roster", column=self.column)
        name = self.of or ""
        title = symbols[name].title if name in symbols else name
        bounds = (self.cuts or {}).items()
        unit = symbols[name].unit if name in symbols else None
        cuts = [
            Message("{group} from {bound} on", group=group, bound=_with_unit(bound, unit)) for group, bound in bounds
        ]
        return Message("by {title}: {cuts}", title=title, cuts=commas(cuts))

    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield bounds of another dimension than the figure, and equal ones."""
        if self.of is None or self.of not in symbols or (unit := symbols[self.of].unit) is None:
            return
        bounds = {(*path, "cuts", group): bound for group, bound in (self.cuts or {}).items()}
        problems = list(quantity_problems(bounds, unit))
        yield from problems
        if not problems and len({in_unit(bound, unit) for bound in bounds.values()}) < len(bounds):
            message = Message("two groups have the same bound")
            yield Problem("K495", (*path, "cuts"), message, hint=Message("give each group a bound of its own"))


def _with_unit(bound: Quantity, unit: Unit | None) -> str:
    """Return a bound as people write it, with the unit of the figure where it is a bare number."""
    bare = isinstance(bound, str) or unit is None or not str(unit)
    return printed(bound) if bare else f"{printed(bound)} {unit}"


def columns_of_roster(groups: dict[str, Group]) -> dict[str, str]:
    """Return the columns of the panel with groups by a column of the roster, each with this column."""
    return {group_of(name): group.column for name, group in groups.items() if group.column is not None}


def without_roster(path: Path) -> Problem:
    """Return the problem of a group by a column of a roster that there is not."""
    message = Message("a group by a column needs a roster that has it")
    return Problem("K494", path, message, hint=Message("write `entities: {{roster: FILE}}`"), severity=Severity.ERROR)
