"""Periods that a draft has to recognise, whatever years or weeks they count by.

Class of wrong answer: a period in a heading that becomes a measure of an invented period; a period of another grain or
year than the label has; a definition by which `check --show` reads periods otherwise than `score`.
"""

from __future__ import annotations

import polars as pl
import pytest
from click.testing import CliRunner

from kpi.cli.main import main
from kpi.drafting.advice import understanding
from kpi.drafting.trial import tried
from kpi.errors import DataError, Severity
from kpi.language.loading.loader import examine_text

ROWS = "Kerala,10,20\nGoa,3,4\n"


def drafted(tmp_path, text, suffix="csv"):
    file = tmp_path / f"data.{suffix}"
    if suffix == "csv":
        file.write_text(text, "utf-8")
    else:
        head, *rows = (line.split(",") for line in text.splitlines())
        figures = [[float(item) if item.isdigit() else item for item in row] for row in rows]
        frame = pl.DataFrame(figures, schema=head, orient="row")
        frame.write_parquet(file) if suffix == "parquet" else frame.write_excel(file)
    done = tried([file], 2024)
    assert [item for item in done.findings if item.severity is Severity.ERROR] == []
    system = examine_text(done.text, folder=tmp_path).system if done.roster is None else None
    if done.roster is not None:
        (tmp_path / "roster.csv").write_text(done.roster, "utf-8")
        system = examine_text(done.text, folder=tmp_path).system
    rows = [row for item in understanding([file], system, 2024).tables for row in item.understood.rows]
    return done, rows


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize(
    ("headings", "period", "month", "first"),
    [
        ("2021-22,2022-23", "year", 4, "2021/22"),
        ("FY2021-22,FY2022-23", "year", 4, "2021/22"),
        ("2021/22Q1,2021/22Q2", "quarter", 4, "2021/22Q1"),
        ("2021-2022学年,2022-2023学年", "year", 9, "2021/22"),
        ("2020-W01,2020-W02", "week", 1, "2020-W01"),
        ("第1周,第2周", "week", 1, "2024-W01"),
        ("31/03/2020,30/06/2020", "month", 1, "2020-03"),
        ("03/31/2020,06/30/2020", "month", 1, "2020-03"),
        ("2021,2022", "year", 1, "2021"),
    ],
)
def test_headings_that_are_periods(headings, period, month, first, suffix, tmp_path):  # noqa: PLR0917
    done, rows = drafted(tmp_path, f"State,{headings}\n{ROWS}", suffix)
    assert (str(done.draft.period), done.draft.period.timeline.year_starts) == (period, month)
    assert (len(done.draft.measures), done.scored) == (1, 2)
    assert rows[0][1] == first
    assert ("year_starts" in str([str(item.message) for item in done.findings])) == (month != 1)


@pytest.mark.parametrize(
    ("cells", "period", "month", "first"),
    [
        (("2021-22", "2022-23"), "year", 4, "2021/22"),
        (("2021学年", "2022学年"), "year", 9, "2021/22"),
        (("2020-W52", "2020-W53"), "week", 1, "2020-W52"),
        (("31/03/2020", "30/04/2020"), "month", 1, "2020-03"),
        (("03/31/2020", "04/30/2020"), "month", 1, "2020-03"),
        (("2020-03-31", "2020-04-30"), "month", 1, "2020-03"),
    ],
)
def test_cells_that_are_periods(cells, period, month, first, tmp_path):
    text = "entity,period,cases\n" + "".join(f"{who},{when},{at}\n" for when in cells for at, who in enumerate("AB"))
    done, rows = drafted(tmp_path, text)
    assert (str(done.draft.period), done.draft.period.timeline.year_starts) == (period, month)
    assert done.scored == 2
    assert rows[0][1] == first


def test_a_period_that_cannot_be_read_is_no_measure(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text(f"State,Jan-20,Feb-20\n{ROWS}", "utf-8")
    with pytest.raises(DataError, match="its year has two digits") as raised:
        tried([file], 2024)
    assert [item.code for item in raised.value.diagnostics] == ["K707"]
    done, _ = drafted(tmp_path, f"State,Jan-20,population\n{ROWS}")
    assert [item.name for item in done.draft.measures] == ["population"]
    assert any("`Jan-20` is left out" in str(item.message) for item in done.findings)


def test_other_numbers_in_headings_stay_figures(tmp_path):
    done, _ = drafted(tmp_path, "State,year,W1,PM2.5,0-14,Q5\nKerala,2023,1,2,3,4\nGoa,2023,2,3,4,5\n")
    assert [item.title for item in done.draft.measures] == ["W1", "PM2.5", "0-14", "Q5"]
    assert str(done.draft.period) == "year"


def test_what_init_wrote_is_scored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text(f"State,2021-22,2022-23\n{ROWS}", "utf-8")
    assert CliRunner().invoke(main, ["init", "d.csv"]).exit_code == 0
    result = CliRunner().invoke(main, ["score", "d.csv", "-s", "d.yaml"])
    assert result.exit_code == 0
    assert "2021/22" in result.output
