"""Nights without a roster whose files are of regions or of places alone: the store has what scoring all files gives."""

from __future__ import annotations

import pytest
from test_nights import held, night

import kpi

SYSTEM = """
system: small
period: year
entities: {title: 地区}
measures: {people: {title: 人口, unit: 人}, cases: {title: 办件量, unit: 件}}
indicators: {rate: {kind: ratio, numerator: cases, denominator: people, unit: 件/人, score: {kind: minmax}}}
pillars: {p: {weight: 100, parts: {rate: 100}, ours: true}}
"""
REGIONS = "年份,地区,人口,办件量\n{year},东部地区,100,50\n{year},西部地区,80,20\n{year},浙北,70,22\n"
PLACES = "年份,地区,人口,办件量\n{year},浙江省,100,50\n{year},四川省,80,20\n{year},湖北省,70,22\n"


@pytest.mark.parametrize("years", [(2023, 2023), (2022, 2023), (2023, 2022)], ids=["same", "before", "after"])
@pytest.mark.parametrize("later", [True, False], ids=["one after another", "one night"])
def test_a_file_of_regions_alone_makes_no_units(city, later, years):
    pytest.importorskip("deltalake")
    inbox = city.folder / "inbox"
    for file in inbox.iterdir():
        file.unlink()
    (city.folder / "small.yaml").write_text(SYSTEM, "utf-8")
    config = city.config()
    (inbox / "regions.csv").write_text(REGIONS.format(year=years[0]), "utf-8")
    if later:
        # Regions are the units where there are no others.
        assert night(config).failed == []
        assert set(held(config)["totals"]["entity"]) == {"东部地区", "西部地区", "浙北"}
    (inbox / "places.csv").write_text(PLACES.format(year=years[1]), "utf-8")
    result = night(config)
    assert result.failed == []
    assert "K612" in {finding.code for finding in result.findings}
    card = kpi.score(sorted(inbox.iterdir()), system=city.folder / "small.yaml")
    keys = ["entity", "period", "score", "rank"]
    stored = held(config)["totals"].select(keys).sort(keys[:2])
    assert stored.rows() == card.totals.select(keys).sort(keys[:2]).rows()
    assert set(stored["entity"]) == {"浙江省", "四川省", "湖北省"}
