"""Codes beside names: rows whose 区划代码 and 地区 mean two different units."""

from __future__ import annotations

import polars as pl

from kpi.errors import Diagnostic, Severity
from kpi.intake import findings
from kpi.intake.entities import Entities
from kpi.intake.match import Placed
from kpi.intake.table import ROW


def disagreements(source: Placed, entities: Entities) -> list[Diagnostic]:
    """Returns a warning for each pair of a name and a code that mean different units, at its first row.

    The name counts. A code that the roster does not know says nothing against a name that it does.
    """
    name, code = source.roles.get("entity"), source.roles.get("code")
    if name is None or code is None or name == code:
        return []
    text = {role: pl.col(header).cast(pl.String).str.strip_chars() for role, header in (("name", name), ("code", code))}
    pairs = source.table.numbered().select(ROW, **text).drop_nulls(["name", "code"])
    pairs = pairs.group_by("name", "code").agg(pl.col(ROW).min())
    rows = pairs.collect()
    known = {role: entities.resolve(rows[role].unique().to_list()) for role in text}
    meant = [
        (known["name"].get(one["name"]), known["code"].get(one["code"]))
        for one in rows.select("name", "code").to_dicts()
    ]
    wrong = [None not in pair and pair[0] != pair[1] for pair in meant]

    every = [*entities.names, *entities.wholes]

    def tell(row: dict[str, object]) -> tuple[str, str, str | None]:
        other = every[known["code"][str(row["code"])]]
        message = f"`{row['code']}` is the code of {other}, but the row names {row['name']}; the name counts"
        return "K611", message, "correct the code or the name"

    rows = rows.filter(pl.Series(wrong, dtype=pl.Boolean))
    return findings.of_rows(source.table, rows, code, tell, severity=Severity.WARNING)
