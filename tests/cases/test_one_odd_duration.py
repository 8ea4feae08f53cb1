"""One cell in working days among days, or the other way round: it alone is refused, with its row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.intake.events import mergeable
from kpi.intake.files import chunks, pieces

KEPT = "kept: {kind: count, unit: 件, where: 办结时间 - 受理时间 <= 时限}"
PROMISED = "promise: {kind: mean, unit: %s, of: 时限}"


def read(path: Path, frame: pl.DataFrame, suffix: str) -> Path:
    file = path / f"d.{suffix}"
    {"csv": frame.write_csv, "xlsx": frame.write_excel, "parquet": frame.write_parquet}[suffix](file)
    return file


def events(heading: str, limits: list[str]) -> pl.DataFrame:
    many = len(limits)
    return pl.DataFrame({
        "地区": ["甲县" if at % 2 else "乙县" for at in range(many)], "受理时间": ["2025-07-07"] * many,
        "办结时间": ["2025-07-11"] * many, heading: limits,
    })  # fmt: skip


def of_events(path: Path, *measures: str) -> Path:
    (path / "e.yaml").write_text(
        "system: e\nperiod: year\nentities: {title: 县}\n"
        "datasets: {ev: {form: records, columns: {period: 受理时间, entity: 地区}}}\n"
        "measures:\n  every: {kind: count, unit: 件}\n"
        + "".join(f"  {item}\n" for item in measures)
        + "indicators: {i: {kind: level, of: every}}\n",
        "utf-8",
    )
    return path / "e.yaml"


def figures(card: Scorecard, name: str) -> dict[str, tuple[float | None, str]]:
    rows = card.measures.filter(measure=name).select("entity", "value", "status").rows()
    return {who: (value, status) for who, value, status in rows}


def misfits(card: Scorecard) -> list[tuple[str, int | None]]:
    return [(item.code, item.place.row) for item in card.findings_list if item.code in ("K605", "K468")]


CELLS = {
    "时限（天）": (["3", "5", "7天", "3 工作日", "4", "1"], "天"),
    "时限": (["3天", "5天", "7天", "3 工作日", "4天", "1天"], "天"),
    "时限（工作日）": (["3", "4", "7", "3天", "4", "4个工作日"], "工作日"),
    "时限 ": (["3工作日", "4工作日", "7 工作日", "3天", "4工作日", "4个工作日"], "工作日"),
}


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("promised", [True, False])
@pytest.mark.parametrize("heading", CELLS)
def test_events(heading, promised, suffix, tmp_path, monkeypatch):
    limits, unit = CELLS[heading]
    yaml = of_events(tmp_path, KEPT, *([PROMISED % unit] if promised else []))
    file = read(tmp_path, events(heading.strip(), limits), suffix)
    small = kpi.score(file, system=yaml)
    working = unit == "工作日"
    # Rows 1, 3, 5 are of 乙县, 2, 4, 6 of 甲县, whose second one is in the other unit.
    assert figures(small, "kept") == {"乙县": (2.0, "ok"), "甲县": (None, "refused")}
    if promised:
        mean = (3.0 + 7.0 + 4.0) / 3
        assert figures(small, "promise")["乙县"] == (pytest.approx(mean), "ok")
        assert figures(small, "promise")["甲县"] == (None, "refused")
    row = 4 if suffix == "parquet" else 5
    assert misfits(small) == [("K605", row)]
    message = next(item for item in small.findings_list if item.code == "K605")
    assert "微秒" not in message.message
    assert ("3天" if working else "3 工作日") in message.message
    assert "column of their own" in str(message.hint)
    assert small.counts["refused"] == 1
    monkeypatch.setattr(mergeable, "SMALL", 2)
    monkeypatch.setattr(chunks, "LARGE", 20)
    large = kpi.score(file, system=yaml)
    assert large.measures.equals(small.measures)
    assert misfits(large) == misfits(small)


def test_a_column_of_units(tmp_path):
    frame = events("时限", ["3", "5", "7", "3", "4", "1"]).with_columns(
        计量单位=pl.Series(["天", "天", "天", "工作日", "天", "天"])
    )
    card = kpi.score(frame, system=of_events(tmp_path, KEPT))
    assert figures(card, "kept") == {"乙县": (2.0, "ok"), "甲县": (None, "refused")}
    assert misfits(card) == [("K605", 4)]


def test_figures_without_a_unit_are_named_apart_from_those_in_another(tmp_path):
    card = kpi.score(events("时限", ["3", "5", "7天", "3 工作日", "4 工作日", "1"]), system=of_events(tmp_path, KEPT))
    assert sorted(misfits(card)) == [("K468", 1), ("K605", 3)]
    assert "3 rows refused" in next(item for item in card.findings_list if item.code == "K468").message


REPORTED = """system: r
period: year
entities: {title: 县}
measures: {a: {title: 用时, unit: 天}}
indicators: {i: {kind: level, of: a}}
"""


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_reported_figures(shape, suffix, tmp_path, monkeypatch):
    (tmp_path / "r.yaml").write_text(REPORTED, "utf-8")
    cells = ["5", "3 工作日", "7天", *map(str, range(30))]
    who = [f"{at}县" for at in range(len(cells))]
    frame = pl.DataFrame({"period": ["2021"] * len(cells), "entity": who, "用时（天）": cells})
    if shape == "long":
        frame = frame.rename({"用时（天）": "数值"}).with_columns(指标=pl.lit("用时"), 计量单位=pl.lit("天"))
    file = read(tmp_path, frame, suffix)
    small = kpi.score(file, system=tmp_path / "r.yaml")
    result = figures(small, "a")
    assert (result["0县"], result["1县"], result["2县"]) == ((5.0, "ok"), (None, "refused"), (7.0, "ok"))
    assert [row for code, row in misfits(small) if code == "K605"] == [2 if suffix == "parquet" else 3]
    assert small.counts["refused"] == 1
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    large = kpi.score(file, system=tmp_path / "r.yaml")
    assert large.measures.equals(small.measures)
    assert misfits(large) == misfits(small)
