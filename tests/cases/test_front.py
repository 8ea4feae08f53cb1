"""Situations from real use: likely mistakes in definitions, full-width signs, frames of pandas."""

from __future__ import annotations

import pandas as pd
import pytest

import kpi
from kpi.language.loading.loader import examine_text

SLIPS = """\
system: t
period: quarter
entities: {title: 县}
measures: {a: {title: 网办量, unit: 件}, b: {title: 办件量, unit: 件}}
indicators:
  r: {kind: ratio, numerator: a, denominator: b, target: {at_least: 0.9}}
  g: {kind: ratio, numerator: b, denominator: a, target: {at_most: 200}}
pillars:
  甲: {weight: 55, parts: {r: 40}}
  乙: {weight: 40, parts: {g: 40}}
"""


def test_likely_mistakes_are_reported_and_each_can_be_meant():
    result = examine_text(SLIPS).findings
    assert [(item.code, item.place.line) for item in result] == [("K433", 6), ("K434", 8), ("K435", 9)]
    meant = SLIPS.replace("0.9", "0.9 %").replace("parts: {r", "relative: true, parts: {r")
    assert examine_text(meant + "composite: {relative: true}\n").findings == ()


def test_targets_without_a_tree_are_reported():
    assert [item.code for item in examine_text(SLIPS[: SLIPS.index("pillars")]).findings] == ["K436", "K433"]


@pytest.mark.parametrize("section", ["entities: {roster: nowhere.csv}", "target: {at_least: {file: nowhere.csv}}"])
def test_a_file_that_is_not_there_is_an_error_of_check(section, tmp_path):
    key = section.partition(":")[0]
    old = {"entities": "entities: {title: 县}", "target": "target: {at_most: 200}"}[key]
    file = tmp_path / "s.yaml"
    file.write_text(SLIPS.replace(old, section), "utf-8")
    result = [item for item in kpi.check(file) if item.severity == "error"]
    assert [(item.code, "nowhere.csv" in item.message) for item in result] == [("K107", True)]


COLON = """\
system: t
title：示例
period: quarter
entities: {title: 县}
measures: {a: {unit: 件}}
indicators: {x: {kind: level, of: a}}
"""
COMMA = """\
system: t
period: quarter
entities: {title: 县}
measures: {a: {unit: 件}， b: {unit: 件}}
indicators: {x: {kind: level, of: a}}
"""
QUOTES = """\
system: t
period: quarter
entities: {title: 县}
measures: {a: {unit: “件”}}
indicators: {x: {kind: level, of: a}}
"""


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (COLON, (2, 6), "full-width colon (：): write a half-width colon and a blank"),
        (COMMA, (4, 24), "full-width comma (，): write a half-width comma and a blank"),
        (QUOTES, (4, 22), 'full-width quotation marks (“”): write half-width ones ("")'),
    ],
    ids=["colon", "comma", "quotes"],
)
def test_a_full_width_sign_is_one_finding_where_it_stands(text, place, words):
    (item,) = examine_text(text).findings
    assert (item.code, (item.place.line, item.place.column), item.message) == ("K115", place, words)


def test_a_frame_of_pandas_is_read():
    system = """\
system: r24
period: year
entities: {title: 县}
measures:
  rr: {title: 满意率, unit: '%'}
indicators:
  ir: {kind: level, of: rr}
"""
    frame = pd.DataFrame({"期别": [2023, 2023], "县": ["甲县", "乙县"], "满意率": [91.5, 88.0]})
    for data in (frame, [frame], frame.to_dict("list")):
        card = kpi.score(data, system=system)
        assert sorted(card.indicators["value"]) == [88.0, 91.5]
