"""The tables of every system of the catalogue, from its sample data."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kpi.intake.matching.datasets import datasets
from kpi.language.datasets import Records
from kpi.language.loading import catalogue

ROOT = Path(__file__).parents[2]

#: The systems of the catalogue, all of which have sample data.
SYSTEMS = sorted(path.stem for path in (ROOT / "definitions").glob("*.yaml"))

#: The files of datasets that are called otherwise.
_FILES = {"items": "cases"}


def tables_of(name: str) -> dict[str, pl.DataFrame]:
    """Return the table of each dataset of a system, its rows sorted: texts, in events of typed columns."""
    system = catalogue.find(name).system
    assert system is not None
    folder = ROOT / "sample_data" / ("five-star" if name.startswith("five-star") else name)
    tables = {}
    for dataset, form in datasets(system).items():
        file = folder / f"{_FILES.get(dataset, dataset)}.csv"
        typed = isinstance(form, Records)
        frame = pl.read_csv(file, infer_schema=typed, try_parse_dates=typed)
        tables[dataset] = frame.sort(pl.all())
    return tables
