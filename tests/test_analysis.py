"""What figures are like: availability, correlation, consistency, strengths; and the command that shows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from kpi.analysis import statistics
from kpi.errors import DataError
from kpi.language.loading.loader import examine_text
from kpi.session import score

ROOT = Path(__file__).parents[1]
NAMES = ("a", "b", "c")
ROWS = {"甲": (10, 20, 30), "乙": (20, 40, 10), "丙": (30, 60, None), "丁": (40, 80, 20)}


@pytest.fixture
def card(tmp_path):
    document = {
        "system": "bench",
        "period": "year",
        "entities": {"title": "县"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in NAMES},
        "indicators": {name: {"kind": "level", "of": f"m_{name}"} for name in NAMES},
        "scoring": {"kind": "goalposts", "low": 0, "high": 100},
        "pillars": {"一": {"weight": 1, "parts": ["a", "b"]}, "二": {"weight": 1, "parts": ["c"]}},
    }
    system = examine_text(yaml.safe_dump(document, allow_unicode=True)).system
    assert system is not None
    rows = [
        {"period": year, "entity": entity, "measure": f"m_{name}", "value": value}
        for year in ("2022", "2023")
        for entity, values in ROWS.items()
        for name, value in zip(NAMES, values, strict=True)
        if value is not None
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "figures.csv")
    return score(tmp_path / "figures.csv", system=system)


@pytest.fixture(scope="module")
def sample():
    files = [ROOT / "sample_data/jiaxing-2022" / name for name in ("reports.csv", "cases.csv")]
    return score(files, system="jiaxing-2022")


def test_availability_counts_the_last_period_alone(card):
    result = statistics.availability(card).select("indicator", "there", "lacking", "percent").rows()
    assert result == [("c", 3, 1, 75.0), ("a", 4, 0, 100.0), ("b", 4, 0, 100.0)]


def test_correlations_within_and_across_pillars(card):
    result = {(r["first"], r["second"]): r for r in statistics.correlations(card).iter_rows(named=True)}
    assert result["a", "b"]["correlation"] == pytest.approx(1)
    assert result["a", "b"]["within"] is True
    # (10, 30), (20, 10), (40, 20): by hand.
    assert result["a", "c"]["correlation"] == pytest.approx(-0.327327, abs=1e-6)
    assert (result["a", "c"]["within"], result["a", "c"]["entities"]) == (False, 3)


def test_cronbachs_alpha_by_its_definition(card):
    result = {row["pillar"]: row for row in statistics.consistency(card).iter_rows(named=True)}
    # Variances of a, b and a + b are as 1 : 4 : 9.
    assert result["一"]["alpha"] == pytest.approx(2 * (1 - 5 / 9))
    assert result["二"]["alpha"] is None


def test_alpha_and_correlations_are_those_of_numpy(sample):
    numpy = pytest.importorskip("numpy")
    scores = sample.indicators.filter(pl.col("period") == sample.periods[-1])
    wide = scores.pivot("indicator", index="entity", values="score").sort("entity")
    compared = 0
    for row in statistics.correlations(sample).iter_rows(named=True):
        both = wide.select(row["first"], row["second"]).drop_nulls()
        assert row["entities"] == both.height
        x, y = both.to_numpy().T
        if both.height < 3 or x.std() == 0 or y.std() == 0:
            assert row["correlation"] is None
            continue
        assert row["correlation"] == pytest.approx(numpy.corrcoef(x, y)[0, 1], abs=1e-12)
        compared += 1
    assert compared > 100
    parts_of = {name: list(item.parts) for name, item in sample.definition.pillars.items()}
    reports = 0
    for row in statistics.consistency(sample).iter_rows(named=True):
        whole = wide.select(parts_of[row["pillar"]]).drop_nulls().to_numpy()
        assert row["entities"] == len(whole)
        if row["alpha"] is not None:
            # The other way to write it: k c / (v + (k - 1) c), with mean variance and mean covariance.
            covariance, k = numpy.cov(whole.T), whole.shape[1]
            mean_variance = numpy.trace(covariance) / k
            mean_covariance = (covariance.sum() - numpy.trace(covariance)) / (k * (k - 1))
            alpha = k * mean_covariance / (mean_variance + (k - 1) * mean_covariance)
            assert row["alpha"] == pytest.approx(alpha, abs=1e-12)
            reports += 1
    assert reports >= 5


def test_strengths_and_weaknesses_are_those_of_plain_counting(sample):
    last = sample.indicators.filter(pl.col("period") == sample.periods[-1]).to_dicts()
    for entity in sample.entities["entity"]:
        result = {row["indicator"]: row for row in statistics.profile(sample, entity).iter_rows(named=True)}
        for name, row in result.items():
            others = [item["score"] for item in last if item["indicator"] == name and item["score"] is not None]
            [mine] = [item["score"] for item in last if item["indicator"] == name and item["entity"] == entity]
            assert row["mean"] == pytest.approx(sum(others) / len(others))
            assert (row["score"], row["of"]) == (mine, len(others))
            assert row["rank"] == 1 + sum(other > mine for other in others)


def test_a_profile_goes_from_strength_to_weakness(card):
    result = statistics.profile(card, "甲")
    assert result["indicator"].to_list() == ["c", "b", "a"] or result["indicator"].to_list() == ["c", "a", "b"]
    assert result["rank"].to_list() == [1, 4, 4]
    assert result["ahead"].to_list()[0] == pytest.approx(10)
    with pytest.raises(DataError, match="K602"):
        statistics.profile(card, "戊")


def test_the_command_shows_it(monkeypatch):
    monkeypatch.setenv("KPI_LANG", "zh")
    files = [str(ROOT / "sample_data/jiaxing-2022" / name) for name in ("reports.csv", "cases.csv")]
    command = [sys.executable, "-m", "kpi", "show", "jiaxing-2022", "--analysis", files[0], "--analysis", files[1]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "数据完整率" in done.stdout
    assert "克朗巴哈" in done.stdout
    command.insert(5, "桐乡市")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "强项" in done.stdout
