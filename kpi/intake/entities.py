"""Entities (评价对象): who is scored, from a roster or from the data, and which entity a text means."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from kpi.errors import DataError, Diagnostic, Place, suggest
from kpi.intake.files import read
from kpi.intake.headers import clean, roles

#: Endings that people leave out: 桐乡 is 桐乡市 where only one entity can be meant.
_ENDINGS = ("市", "县", "区", "镇", "街道", "乡")


@dataclass(frozen=True)
class Entities:
    """The entities in their order.

    `frame` has the columns entity (String, the name shown), code, cohort (String, null where there is none), and any
    other column of the roster; `closed` says that a roster lists them all, so that others are unknown.
    """

    frame: pl.DataFrame
    closed: bool = False
    findings: tuple[Diagnostic, ...] = field(default=())

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
            for ending in _ENDINGS:
                if name.endswith(ending) and len(name) - len(ending) >= 2:
                    short.setdefault(name.removesuffix(ending), []).append(place)
        for text, places in short.items():
            if len(places) == 1:
                found.setdefault(text, places[0])
        return found

    def resolve(self, texts: list[str]) -> dict[str, int]:
        """Returns the place of every text that means an entity; unknown texts are left out."""
        return {text: place for text in texts if (place := self.lookup.get(clean(text))) is not None}

    def unknown(self, text: str, place: Place) -> Diagnostic:
        """Returns the finding for a text that means no entity."""
        return Diagnostic("K602", f"`{text}` is not in the roster", place, suggest(text, self.lookup))


def from_roster(path: Path, cohort: str | None) -> Entities:
    """Reads a roster: the columns entity (or 名称), code, cohort, order, and whatever attributes it has.

    Args:
        path: a table file with one row per entity.
        cohort: the column that splits the ranking, `cohort` when None.

    Raises:
        DataError: when there is no entity column, or an entity is listed twice.
    """
    table = read(path)[0]
    found, _ = roles(table.columns)
    frame = table.frame.collect()
    name = next((one for one in ("entity", "name") if one in frame.columns), found.get("entity"))
    if name is None:
        raise DataError(
            Diagnostic("K541", "the roster has no column for the entity", table.place(), "call it `entity`")
        )
    frame = frame.filter(pl.col(name).is_not_null())
    twice = frame.filter(pl.col(name).is_duplicated())[name].unique(maintain_order=True).to_list()
    if twice:
        raise DataError([Diagnostic("K603", f"`{one}` is in the roster twice", table.place()) for one in twice])
    group = cohort or found.get("cohort") or "cohort"
    if cohort is not None and cohort not in frame.columns:
        hint = suggest(cohort, frame.columns)
        raise DataError(Diagnostic("K541", f"the roster has no column `{cohort}`", table.place(), hint))
    columns = {
        "entity": pl.col(name).str.strip_chars(),
        "code": pl.col(found["code"]) if "code" in found else pl.lit(None, dtype=pl.String),
        "cohort": pl.col(group) if group in frame.columns else pl.lit(None, dtype=pl.String),
    }
    if "order" in found:
        frame = frame.sort(pl.col(found["order"]).cast(pl.Float64, strict=False), maintain_order=True, nulls_last=True)
    rest = [pl.col(one) for one in frame.columns if one not in (name, "entity", "code", "cohort")]
    return Entities(frame.select(*rest, **columns), closed=True)


def from_data(names: list[str], cohorts: dict[str, str]) -> Entities:
    """Returns the entities that the data name, in the order of their names.

    Args:
        names: the texts in the data's entity column.
        cohorts: the group of each, where the data give one.
    """
    ordered = sorted({text.strip() for text in names})
    frame = pl.DataFrame(
        {
            "entity": ordered,
            "code": pl.Series([None] * len(ordered), dtype=pl.String),
            "cohort": pl.Series([cohorts.get(name) for name in ordered], dtype=pl.String),
        },
        schema={"entity": pl.String, "code": pl.String, "cohort": pl.String},
    )
    return Entities(frame)
