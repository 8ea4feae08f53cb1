"""A corpus of broken files: each gives exactly the findings that `broken/expected.csv` lists, and no traceback."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import pytest

import kpi
from kpi.errors import DataError, Severity
from kpi.language.loading.loader import examine

FOLDER = Path(__file__).parent / "broken"
SYSTEM = """\
system: small
period: quarter
entities: {title: 县}
measures:
  gdp:    {title: 地区生产总值, unit: 亿元}
  cases:  {title: 办件量, unit: 件}
  online: {title: 网上办件量, unit: 件}
indicators:
  output:      {kind: level, title: 经济总量, of: gdp, target: {at_least: 100}}
  online_rate: {kind: ratio, title: 网办率, numerator: online, denominator: cases, unit: '%', target: {at_least: 80}}
pillars: {}
"""
with (FOLDER / "expected.csv").open(encoding="utf-8") as stream:
    EXPECTED = {name: list(rows) for name, rows in groupby(csv.DictReader(stream), lambda row: row["file"])}


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    path = tmp_path_factory.mktemp("broken") / "s.yaml"
    path.write_text(SYSTEM, "utf-8")
    return examine(path).system


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_broken_file_is_told_by_its_cells(name, system):
    try:
        card = kpi.score(FOLDER / name, system=system)
    except DataError as error:
        result, counts = error.diagnostics, None
    else:
        result, counts = card.findings_list, card.counts
    reports = [
        (item.code, str(item.severity), str(item.place.row or ""), item.place.field or "")
        for item in result
        if item.severity is not Severity.INFO
    ]
    assert reports == [(row["code"], row["severity"], row["row"], row["column"]) for row in EXPECTED[name]]
    assert {Path(item.place.file or "").name for item in result} == {name}
    assert all(item.message for item in result)
    if counts is not None:
        parts = ("used", "refused", "restated", "repeated", "left_out")
        assert counts["read"] == sum(counts.get(key, 0) for key in parts)


def test_the_corpus_and_its_list_are_complete():
    assert {path.name for path in FOLDER.iterdir()} == {*EXPECTED, "expected.csv"}
    assert len(EXPECTED) >= 60
