"""Figures that may be others than they look: two units, points beside decimal commas, versions, spare months."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import kpi


def definition(**dataset: Any) -> dict[str, Any]:
    system: dict[str, Any] = {
        "system": "t", "title": "T", "period": "year", "entities": {"title": "地区"},
        "measures": {"gdp": {"title": "GDP", "unit": "亿元"}},
        "indicators": {"a": {"kind": "level", "of": "gdp", "score": {"kind": "minmax"}}},
        "pillars": {"p": {"weight": 100, "parts": {"a": 100}, "ours": True}},
    }  # fmt: skip
    return system | ({"datasets": {"d": {"form": "panel", **dataset}}} if dataset else {})


def scored(tmp_path: Any, text: str, form: str = "csv", system: dict[str, Any] | None = None) -> Any:
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8")
    data: Any = path
    if form == "parquet":
        data = tmp_path / "a.parquet"
        pl.read_csv(path, infer_schema=False).write_parquet(data)
    elif form == "frame":
        data = pl.read_csv(path, infer_schema=False)
    return kpi.score(data, system=system or definition())


def values(card: Any) -> dict[str, float | None]:
    return dict(card.indicators.select("entity", "value").rows())


def codes(card: Any) -> list[str]:
    return [finding.code for finding in card.findings_list]


# ---- TWO UNITS ---- #


@pytest.mark.parametrize("form", ["csv", "parquet", "frame"])
def test_two_units_of_one_figure_are_refused(form, tmp_path):
    rows = ["2023,甲县,GDP(亿元),万元,120000", "2023,乙县,GDP(亿元),亿元,36", "2023,丙县,GDP(万元),,50000"]
    text = "\n".join(["年份,地区,指标,单位,数值", *rows, ""])
    card = scored(tmp_path, text, form)
    assert values(card) == {"甲县": None, "乙县": 36.0, "丙县": 5.0}
    assert codes(card) == ["K605"]
    (finding,) = card.findings_list
    assert finding.place.row == (2 if form == "csv" else 1)


def test_one_unit_in_two_words_is_no_contradiction(tmp_path):
    text = "年份,地区,指标,单位,数值\n2023,甲县,GDP(万元),万圆,120000\n2023,乙县,GDP(万元),万元,50000\n"
    card = scored(tmp_path, text)
    assert values(card) == {"甲县": 12.0, "乙县": 5.0}
    assert codes(card) == []


@pytest.mark.parametrize("header", ["GDP", "GDP(亿元)"])
def test_a_column_of_other_units_beside_a_wide_table_is_reported(header, tmp_path):
    rows = ["2023,甲县,{unit},12,300", "2023,乙县,亿元,36,400", ""]
    text = "\n".join([f"年份,地区,计量单位,{header},人口", *rows])
    card = scored(tmp_path, text.format(unit="万元"))
    assert "K605" in codes(card)
    (finding,) = [finding for finding in card.findings_list if finding.code == "K605"]
    assert "万元" in finding.message
    assert "K605" not in codes(scored(tmp_path, text.format(unit="亿元")))
    assert "K605" not in codes(scored(tmp_path, text.format(unit="人")))


# ---- DECIMAL COMMAS ELSEWHERE ---- #

COMMAS = "year;region;GDP;x\n2023;A;1.234;1,5\n2023;B;2.345;2,5\n2023;C;12.500;3,5\n"


@pytest.mark.parametrize("long", [False, True])
def test_points_beside_decimal_commas_are_reported(long, tmp_path):
    text = COMMAS
    if long:
        text = "year;region;indicator;value;x\n2023;A;GDP;1.234;1,5\n2023;B;GDP;2.345;2,5\n2023;C;GDP;12;3,5\n"
    card = scored(tmp_path, text)
    finding = next(finding for finding in card.findings_list if finding.code == "K635")
    assert "1.234" in finding.message
    assert finding.severity.value == "warning"


def test_points_that_are_decimals_are_not_reported(tmp_path):
    assert "K635" not in codes(scored(tmp_path, COMMAS.replace("12.500", "12.5")))
    assert "K635" not in codes(scored(tmp_path, COMMAS.replace(",5", ",500")))
    assert "K635" not in codes(scored(tmp_path, COMMAS, system=definition(decimal=".")))
    card = scored(tmp_path, COMMAS, system=definition(decimal=","))
    assert "K635" not in codes(card)
    assert values(card) == {"A": 1234.0, "B": 2345.0, "C": 12500.0}


# ---- VERSIONS ---- #


def test_versions_that_are_no_numbers_are_reported(tmp_path):
    card = scored(tmp_path, "年份,地区,GDP,版本\n2023,甲县,10,1.9\n2023,甲县,11,1.10\n2023,乙县,3,1\n")
    assert codes(card) == ["K679"]
    assert "1.9 is later than 1.10" in card.findings_list[0].message
    assert values(card)["甲县"] == 10
    assert codes(scored(tmp_path, "年份,地区,GDP,版本\n2023,甲县,10,1.1\n2023,甲县,11,1.2\n2023,乙县,3,1\n")) == []


def test_versions_of_two_files_are_compared(tmp_path):
    for name, row in {"a": "2023,甲县,10,1.9", "b": "2023,甲县,11,1.10"}.items():
        (tmp_path / f"{name}.csv").write_text(f"年份,地区,GDP,版本\n{row}\n2023,乙县,3,1\n", "utf-8")
    card = kpi.score([tmp_path / "a.csv", tmp_path / "b.csv"], system=definition())
    assert codes(card).count("K679") == 1


# ---- SPARE MONTHS ---- #

QUARTERS = [("2023Q1", 10), ("2023Q2", 20), ("2023Q3", 30), ("2023Q4", 40)]


def long_text(**rows: list[tuple[str, float]]) -> str:
    lines = [f"{period},{who},GDP,{value}" for who, items in rows.items() for period, value in items]
    return "\n".join(["期别,地区,指标,数值", *lines, ""])


@pytest.mark.parametrize(
    "more", [[("2023-05", 7)], [("2023-05", 7), ("2023-11", 9)], [("2023年1-9月", 60)], [("2023年上半年", 30)]]
)
def test_a_year_is_read_from_its_quarters(more, tmp_path):
    card = scored(tmp_path, long_text(甲县=[*QUARTERS, *more], 乙县=QUARTERS))
    assert values(card) == {"甲县": 100.0, "乙县": 100.0}
    assert codes(card) == ["K678"]


def test_a_year_is_read_from_its_months(tmp_path):
    months = [(f"2023-{month:02}", month) for month in range(1, 13)]
    card = scored(tmp_path, long_text(甲县=[*months, ("2023Q1", 6)], 乙县=[*months, ("2023Q1", 16)]))
    assert values(card) == {"甲县": 78.0, "乙县": 78.0}
    assert sorted(codes(card)) == ["K622", "K678"]


def test_each_year_has_its_note(tmp_path):
    next_year = [(period.replace("2023", "2024"), value) for period, value in [*QUARTERS, ("2023-05", 7)]]
    card = scored(tmp_path, long_text(甲县=[*QUARTERS, ("2023-05", 7), *next_year], 乙县=QUARTERS))
    assert codes(card) == ["K678", "K678"]


def test_a_month_above_its_quarter_leaves_the_year_open(tmp_path):
    card = scored(tmp_path, long_text(甲县=[*QUARTERS, ("2023-05", 70)], 乙县=QUARTERS))
    assert values(card) == {"甲县": None, "乙县": 100.0}
    assert codes(card) == ["K622"]


def test_a_month_does_not_make_up_for_a_quarter(tmp_path):
    card = scored(tmp_path, long_text(甲县=[*QUARTERS[:3], ("2023-10", 7)], 乙县=QUARTERS))
    assert values(card) == {"甲县": None, "乙县": 100.0}
    assert "K678" not in codes(card)


def test_means_of_quarters_and_of_months_are_two(tmp_path):
    system = definition()
    system["measures"]["gdp"]["over_time"] = "mean"
    card = scored(tmp_path, long_text(甲县=[*QUARTERS, ("2023-05", 7)], 乙县=QUARTERS), system=system)
    assert values(card) == {"甲县": 25.0, "乙县": 25.0}
    assert codes(card) == ["K678"]
    months = [(f"2023-{month:02}", month) for month in range(1, 13)]
    card = scored(tmp_path, long_text(甲县=[*QUARTERS, *months], 乙县=QUARTERS), system=system)
    assert values(card)["甲县"] is None
