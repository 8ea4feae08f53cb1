"""A system and its data from a table of figures, as a user would write them: YAML text and a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import examine_text
from kpi.session import score


def system_text(names: list[str], *, rules: dict[str, Any] | None = None, **options: Any) -> str:
    """Return a system with one level indicator per name, as YAML."""
    own = rules or {}
    document: dict[str, Any] = {
        "system": "bench",
        "period": "year",
        "entities": {"title": "单位"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in names},
        "indicators": {name: {"kind": "level", "of": f"m_{name}", **own.get(name, {})} for name in names},
    }
    return yaml.safe_dump(document | options, allow_unicode=True, sort_keys=False)


def reports(wide: pl.DataFrame, *, entity: str = "entity", period: str | None = None) -> pl.DataFrame:
    """Return a table with a column per indicator as reported figures; gaps are left out."""
    wide = wide if period is None else wide.with_columns(pl.lit(period).alias("period"))
    long = wide.unpivot(index=["period", entity], variable_name="measure", value_name="value").drop_nulls("value")
    columns = {
        "period": pl.col("period").cast(pl.String),
        "entity": entity,
        "measure": pl.lit("m_") + pl.col("measure"),
    }
    return long.select(**columns, value="value")


def scored(folder: Path, text: str, wide: pl.DataFrame, **options: Any) -> Scorecard:
    """Scores a table of figures with a system given as text."""
    loaded = examine_text(text, "bench.yaml", folder=folder)
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    file = folder / "figures.csv"
    reports(wide, **options).write_csv(file)
    return score(file, system=loaded.system)


def problems(text: str) -> list[str]:
    """Return the codes found in a system given as text."""
    return [item.code for item in examine_text(text, "bench.yaml").findings]
