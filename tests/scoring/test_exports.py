"""What a scoring found or changed by itself leaves the program with the results."""

from __future__ import annotations

import json

import polars as pl
import pytest
from openpyxl import load_workbook
from scoring_sample import scored, system_text

from kpi.report.files import write

FIGURES = pl.DataFrame({"period": 2023, "entity": list("ABC"), "a": [1.0, 2.0, None], "b": [3.0, 1.0, 2.0]})


@pytest.fixture
def card(tmp_path):
    text = system_text(
        ["a", "b"],
        scoring={"kind": "minmax"},
        treatment={"gaps": {"kind": "impute", "by": "mean"}},
        pillars={"全": {"parts": ["a", "b"], "weights": {"method": "entropy"}}},
    )
    return scored(tmp_path, text, FIGURES)


def test_json_has_weights_and_treated_cells(tmp_path, card):
    write(card, tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert {row["method"] for row in document["weights"] if row["node"] == "全"} == {"entropy"}
    assert [(row["entity"], row["before"], row["after"]) for row in document["treated"]] == [("C", None, 1.5)]


@pytest.mark.usefixtures("chinese")
def test_a_workbook_and_a_folder_have_them(tmp_path, card):
    write(card, tmp_path / "out.xlsx")
    book = load_workbook(tmp_path / "out.xlsx", read_only=True)
    assert book.sheetnames[-2:] == ["权重", "数据处理"]
    book.close()
    written = write(card, f"{tmp_path}/frames/", "csv")
    assert {"weights", "treated"} <= {path.stem for path in written}


def test_a_scorecard_without_them_has_no_empty_ones(tmp_path):
    card = scored(tmp_path, system_text(["a", "b"], scoring={"kind": "minmax"}), FIGURES)
    write(card, tmp_path / "out.json")
    assert not {"weights", "treated"} & set(json.loads((tmp_path / "out.json").read_text("utf-8")))
