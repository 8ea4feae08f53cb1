"""Entities (评价对象): who is scored, from a roster or from the data, and which entity a text means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from kpi.errors import Diagnostic, Place, suggest
from kpi.intake.headers import clean
from kpi.periods import Period

#: Endings that people leave out: 桐乡 is 桐乡市 where only one entity can be meant.
_ENDINGS = ("市", "县", "区", "镇", "街道", "乡")

# The code of a county, and what makes the code of twelve digits of it that statistics use down to villages.
_COUNTY, _NO_TOWN = re.compile(r"\d{6}"), "000000"

#: The first and last month of what holds at any time.
ALWAYS = (0, 12 * 9999)


@dataclass(frozen=True)
class Entities:
    """The entities in their order.

    `frame` has the columns entity (String, the name shown), code, cohort (String, null where there is none), and any
    other column of the roster; `closed` says that a roster lists them all, so that others are unknown. `others` are
    further texts that mean an entity, by its place: earlier codes, other names. `times` are the first and last month
    for which a code holds, where that is not always. `wholes` are units that are no entities, such as 全市: they have
    the places behind the entities.
    """

    frame: pl.DataFrame
    closed: bool = False
    others: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    wholes: Sequence[str] = ()

    @cached_property
    def names(self) -> list[str]:
        """The names in order."""
        return self.frame["entity"].to_list()

    @cached_property
    def lookup(self) -> dict[str, int]:
        """Every text that means an entity: names, codes, and names without their ending where that is unique."""
        found: dict[str, int] = {}
        short: dict[str, list[int]] = {}
        for place, (name, code) in enumerate(zip(self.names, self.frame["code"].to_list(), strict=True)):
            for text in (name, code, *([code[:6]] if code and len(code) == 12 else [])):
                if text:
                    found.setdefault(clean(str(text)), place)
        for text, place in self.others.items():
            found.setdefault(text, place)
        for text in [text for text in found if _COUNTY.fullmatch(text)]:
            found.setdefault(text + _NO_TOWN, found[text])
        for place, name in enumerate(self.names):
            for ending in _ENDINGS:
                if name.endswith(ending) and len(name) - len(ending) >= 2:
                    short.setdefault(name.removesuffix(ending), []).append(place)
        alone = {text: places[0] for text, places in short.items() if len(places) == 1}
        behind = {clean(name): place for place, name in enumerate(self.wholes, len(self.names))}
        return behind | alone | found

    def resolve(self, texts: list[str]) -> dict[str, int]:
        """Returns the place of every text that means an entity; unknown texts are left out."""
        return {text: place for text in texts if (place := self.lookup.get(clean(text))) is not None}

    def outdated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows that name an entity by a code which does not hold in their period, and why in `outdated`.

        Args:
            rows: with the columns entity (the text), start and months (of the period).
        """
        if not self.times:
            return rows.clear().with_columns(outdated=pl.lit(None, dtype=pl.String))
        keys = ["entity", "start", "months"]
        uses = rows.select(keys).unique()
        said = pl.Series("outdated", [self._outdated(*use) for use in uses.rows()], dtype=pl.String)
        late = uses.with_columns(said).drop_nulls("outdated")
        return rows.join(late, on=keys, maintain_order="left")

    def _outdated(self, text: str, start: int, months: int) -> str | None:
        first, last = self.times.get(clean(text).removesuffix(_NO_TOWN), self.times.get(clean(text), ALWAYS))
        if start + months - 1 >= first and start <= last:
            return None
        since = f"since {Period(first, 1).label}" if start < first else f"until {Period(last, 1).label}"
        return f"`{text}` is the code of {self.names[self.lookup[clean(text)]]} only {since}"

    def unknown(self, text: str, place: Place) -> Diagnostic:
        """Returns the finding for a text that means no entity."""
        return Diagnostic("K602", f"`{text}` is not in the roster", place, suggest(text, self.lookup))


def from_data(names: list[str], cohorts: dict[str, str]) -> Entities:
    """Returns the entities that the data name, in the order of their names.

    Args:
        names: the texts in the data's entity column.
        cohorts: the group of each, where the data give one.
    """
    ordered = sorted({text.strip() for text in names} - {""})
    frame = pl.DataFrame(
        {
            "entity": ordered,
            "code": pl.Series([None] * len(ordered), dtype=pl.String),
            "cohort": pl.Series([cohorts.get(name) for name in ordered], dtype=pl.String),
        },
        schema={"entity": pl.String, "code": pl.String, "cohort": pl.String},
    )
    return Entities(frame)
