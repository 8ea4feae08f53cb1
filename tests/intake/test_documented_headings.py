"""The table of headings in docs/data.md has every word that the program knows, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kpi.intake.files.headers import _ROLES, CATEGORIES
from kpi.intake.reported.entity_targets import _COLUMNS
from kpi.intake.roster import _HEADERS

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
SECTION = TEXT.partition("\n## Rosters, files of targets, and headings\n")[2].partition("\n## ")[0]


def headings(text):
    rows = re.finditer(r"\| `(\w+)` \|[^|]*\|(.*)\|(.*)\|", text)
    return {row[1]: [row[2].split(), row[3].split()] for row in rows}


ROWS = headings(SECTION)
KNOWN = {name: words.split() for name, words in _ROLES.items()} | {
    name: list(words) for name, words in _HEADERS.items()
}


def test_every_column_is_documented():
    assert set(ROWS) == set(KNOWN)
    assert set(_COLUMNS.values()) <= set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_every_heading_of_a_column_is_documented_in_its_language(name: str):
    chinese, english = ROWS[name]
    assert set(chinese) == {word for word in KNOWN[name] if not word.isascii()}
    assert set(english) == {word for word in KNOWN[name] if word.isascii()}


def test_the_chinese_page_has_the_same_headings():
    text = (Path(__file__).parents[2] / "docs" / "data.zh.md").read_text("utf-8")
    assert headings(text.partition("{#rosters-files-of-targets-and-headings}")[2].partition("\n## ")[0]) == ROWS


def test_the_columns_of_rosters_and_files_of_targets_are_named_in_the_text():
    rosters, targets = re.findall(r"(?s)A \*\*(?:roster|file of targets)\*\*.*?\n\n", SECTION)
    assert {"entity", "code", "cohort", "order", *_HEADERS} <= set(re.findall(r"`(\w+)`", rosters))
    assert set(CATEGORIES) <= set(re.findall(r"\w+", rosters))
    assert set(_COLUMNS) <= set(re.findall(r"`(\w+)`", targets))
