"""Results as SDMX-CSV 2.0: an observation a row, of each figure of a scorecard.

INDICATOR is the name of a measure, an indicator, a pillar, or TOTAL, and KPI_RESULT which of its results a figure is:
value, score, rank; it is empty for reported figures, which alone are read back (`kpi.intake.files.sdmx_columns`).
OBS_STATUS is A, or M where there is no figure; KPI_STATUS has our own reason. See https://github.com/sdmx-twg/sdmx-csv.
"""

from __future__ import annotations

import re

import polars as pl

from kpi.report.shape import Report

#: The frames of a scorecard with figures by period and entity, and the column that names what they are of.
_KEYS = {"totals": None, "pillars": "pillar", "indicators": "indicator", "measures": "measure"}
_COLUMNS = (
    "STRUCTURE", "STRUCTURE_ID", "ACTION", "TIME_PERIOD", "REF_AREA", "INDICATOR", "KPI_RESULT", "OBS_VALUE",
    "OBS_STATUS", "UNIT_MEASURE", "KPI_STATUS",
)  # fmt: skip


def observations(report: Report) -> pl.DataFrame:
    """Return the figures of a report as observations, all columns as text but OBS_VALUE.

    A report without periods and entities has the columns of text of its first table in place of TIME_PERIOD and
    REF_AREA.
    """
    every = report.frames()
    items = {name: every[name] for name in _KEYS if name in every and {"period", "entity"} <= set(every[name].columns)}
    if not items:
        name, frame = next(iter(every.items()))
        items = {name: frame}
    structure = re.sub(r"[^A-Za-z0-9_@$-]", "_", report.about.system or report.schema.partition("/")[0]).upper()
    rows = pl.concat([_of_frame(name, frame) for name, frame in items.items()], how="diagonal")
    rows = rows.with_columns(
        STRUCTURE=pl.lit("dataflow"), STRUCTURE_ID=pl.lit(f"KPI:{structure}(1.0)"), ACTION=pl.lit("I")
    )
    own = [name for name in rows.columns if name not in _COLUMNS]
    return rows.select(*(name for name in _COLUMNS[:5] if name in rows.columns), *own,
                       *(name for name in _COLUMNS[5:] if name in rows.columns))  # fmt: skip


def _of_frame(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the observations of a frame, row by row."""
    plain = frame.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
    figures = plain.select(pl.selectors.numeric()).columns
    key = _KEYS.get(name)
    what = pl.lit("TOTAL" if name == "totals" else name) if key is None else pl.col(key)
    dimensions: list[pl.Expr]
    if name in _KEYS and {"period", "entity"} <= set(plain.columns):
        dimensions = [
            pl.col("period").cast(pl.String).str.replace(r"^(\d{4})Q(\d)$", "$1-Q$2")
            .str.replace(r"^(\d{4})H(\d)$", "$1-S$2").alias("TIME_PERIOD"),
            pl.col("entity").cast(pl.String).alias("REF_AREA"),
        ]  # fmt: skip
    else:
        texts = {item: item.upper() for item in plain.select(pl.selectors.string()).columns}
        dimensions = [pl.col(item).alias(f"{own}_" if own in _COLUMNS else own) for item, own in texts.items()]
    status = pl.col("status").cast(pl.String) if "status" in plain.columns else pl.lit(None, dtype=pl.String)
    unit = pl.col("unit") if "unit" in plain.columns else pl.lit(None, dtype=pl.String)
    parts = [
        plain.select(
            *dimensions,
            INDICATOR=what,
            KPI_RESULT=pl.lit(None if (name, column) == ("measures", "value") else column, dtype=pl.String),
            OBS_VALUE=pl.col(column).cast(pl.Float64),
            OBS_STATUS=pl.when(pl.col(column).is_null()).then(pl.lit("M")).otherwise(pl.lit("A")),
            UNIT_MEASURE=unit if column == "value" else pl.lit(None, dtype=pl.String),
            KPI_STATUS=pl.when(pl.col(column).is_null()).then(status),
        )
        for column in figures
    ]
    return pl.concat(parts) if parts else plain.select(dimensions).clear()
