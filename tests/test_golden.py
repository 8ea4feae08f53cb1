"""Golden cases: a definition, data, and what must come out, worked out by hand or published, never by the program.

Each folder has `system.yaml`, data files, `expected/*.csv` and a README that says where the numbers come from. A file
of expected results names the rows it is about and the columns it judges: a blank is null, a number with decimals is
meant to half its last place, a whole number exactly. `totals` list all rows of their periods, `findings` all findings.
"""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.language.loading.loader import examine

FOLDERS = sorted(folder for folder in (Path(__file__).parent / "golden").iterdir() if folder.is_dir())
KEYS = {
    "totals": ("period", "entity"),
    "pillars": ("period", "entity", "pillar"),
    "longer": ("period", "entity"),
    "longer_pillars": ("period", "entity", "pillar"),
    "places": ("period", "entity", "within"),
    "headlines": ("period", "entity", "headline"),
    "indicators": ("period", "entity", "indicator"),
    "measures": ("period", "entity", "measure"),
    "weights": ("period", "node", "part"),
    "outlook": ("period", "entity", "indicator"),
    "limits": ("period", "entity", "indicator"),
}


def data_of(folder: Path) -> list[Path]:
    """Return the data files: those that the definition does not name itself."""
    text = (folder / "system.yaml").read_text("utf-8")
    return sorted(file for file in folder.glob("*.csv") if file.name not in text)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def agrees(text: str, value: object) -> bool:
    if text == "" or value is None:
        return value in (None, "") and text == ""
    if isinstance(value, str):
        return value == text
    decimals = len(text.partition(".")[2])
    slack = 0.5 * 10**-decimals if decimals else 0.0
    return abs(float(str(value)) - float(text)) <= slack + 1e-9


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_results_are_those_of_the_source(folder):
    card = kpi.score(data_of(folder), system=folder / "system.yaml")
    wrong = []
    for file in sorted((folder / "expected").glob("*.csv")):
        if file.stem == "findings":
            continue
        keys, wanted = KEYS[file.stem], rows(file)
        frame: pl.DataFrame = getattr(card, file.stem)
        result = {tuple(str(row[key]) for key in keys): row for row in frame.to_dicts()}
        for row in wanted:
            where = tuple(row[key] for key in keys)
            assert where in result, f"no row {where} in {file.stem}, but {list(result)[:5]} ..."
            wrong += [
                f"{file.stem} {where}: {column} is {result[where][column]}, not {text or 'null'}"
                for column, text in row.items()
                if column not in keys and not agrees(text, result[where][column])
            ]
        if file.stem == "totals":
            periods = {row["period"] for row in wanted}
            assert {where for where in result if where[0] in periods} == {(r["period"], r["entity"]) for r in wanted}
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_findings_are_those_expected(folder):
    card = kpi.score(data_of(folder), system=folder / "system.yaml")
    file = folder / "expected" / "findings.csv"
    wanted = [tuple(row.values()) for row in rows(file)] if file.exists() else []
    result = card.findings.select("code", "severity", "period", "entity").rows()
    assert sorted(tuple(item or "" for item in row) for row in result) == sorted(wanted)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_definition_is_without_findings(folder):
    assert [str(item) for item in examine(folder / "system.yaml").findings] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_says_where_its_numbers_come_from(folder):
    assert len((folder / "README.md").read_text("utf-8").splitlines()) >= 3
    assert list((folder / "expected").glob("*.csv"))
