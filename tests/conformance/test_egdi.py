"""The E-Government Development Index of the United Nations, from its three components, by a definition in YAML."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kpi.language.loading.loader import examine_text
from kpi.session import score

EGDI = Path(__file__).parents[1] / "data" / "egdi.csv"

SYSTEM = """
system: egdi
title: E-Government Development Index
period: year
entities: {title: country}
measures:
  osi: {title: Online Service Index, unit: '1', over_time: last}
  hci: {title: Human Capital Index, unit: '1', over_time: last}
  tii: {title: Telecommunication Infrastructure Index, unit: '1', over_time: last}
indicators:
  online: {kind: level, of: osi}
  people: {kind: level, of: hci}
  infrastructure: {kind: level, of: tii}
scoring: {kind: goalposts, low: 0, high: 1}
pillars:
  egdi: {parts: [online, people, infrastructure]}
composite: {full: 1}
ranking: {ties: min, decimals: DECIMALS}
"""


@pytest.mark.parametrize(("year", "decimals"), [(2014, 5), (2018, 4)])
def test_index_and_ranks(tmp_path, year, decimals):
    published = pl.read_csv(EGDI).filter(pl.col("year") == year)
    long = published.unpivot(["osi", "hci", "tii"], index="country", variable_name="measure")
    long = long.select(pl.lit(str(year)).alias("period"), "measure", "value", entity="country")
    long.write_csv(tmp_path / "figures.csv")
    loaded = examine_text(SYSTEM.replace("DECIMALS", str(decimals)))
    assert loaded.system is not None
    card = score(tmp_path / "figures.csv", system=loaded.system)
    both = card.totals.join(published, left_on="entity", right_on="country", suffix=".published")
    assert both.height == published.height == 193
    assert (both["raw_score"] - both["index"]).abs().max() <= 5e-5
    moved = both.filter(pl.col("rank") != pl.col("rank.published"))
    assert moved.is_empty()
