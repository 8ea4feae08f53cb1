"""A NaN or an infinity is never a value, whatever the source: it is refused in words, as it is in CSV."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.intake.files import chunks, pieces
from kpi.intake.files.databases import Query, rows_of
from kpi.intake.files.sources import Rows
from kpi.language.loading.loader import examine_text
from kpi.language.system import System

NAN, INFINITE = float("nan"), float("inf")
REPORTED = """
  pop: {title: Einwohner, unit: 人, over_time: last}
  rate: {title: Quote, unit: '%', over_time: mean}"""
RECORDS = """
  pop: {kind: sum, of: Einwohner, unit: 人}
  most: {kind: max, of: Einwohner, unit: 人}
  least: {kind: min, of: Quote, unit: '%'}
  mean: {kind: mean, of: Quote, unit: '%'}
  middle: {kind: median, of: Quote, unit: '%'}
  large: {kind: count, where: Einwohner > 3, unit: 件}
  rate: {kind: last, of: Quote, unit: '%'}"""


def system(form: str, missing: str) -> System:
    measures = RECORDS if form == "records" else REPORTED
    names = [line.split(":")[0].strip() for line in measures.strip().splitlines()]
    loaded = examine_text(f"""
system: s
period: year
entities: {{title: Land}}
datasets: {{d: {{form: {form}, columns: {{entity: Land, period: Jahr}}}}}}
measures:{measures}
indicators: {{{", ".join(f"i_{name}: {{kind: level, of: {name}, score: {{kind: minmax}}}}" for name in names)}}}
pillars: {{P: {{weight: 1, missing: {missing}, parts: {{{", ".join(f"i_{name}: 1" for name in names)}}}, ours: true}}}}
""")
    assert loaded.system is not None, loaded.findings
    return loaded.system


def table(
    form: str, values: list[tuple[float | None, float | None]], dtype: type[pl.DataType] = pl.Float64
) -> pl.DataFrame:
    rows = [(f"L{at}", "2023", *some) for at, some in enumerate(values)]
    schema = {"Land": pl.String, "Jahr": pl.String, "Einwohner": dtype, "Quote": dtype}
    wide = pl.DataFrame(rows, schema, orient="row")
    if form != "reported":
        return wide
    return wide.unpivot(index=["Land", "Jahr"], variable_name="指标", value_name="数值")


def source(frame: pl.DataFrame, kind: str, folder: Path) -> Path | pl.DataFrame | pl.LazyFrame | Rows:
    file = folder / f"d.{kind}"
    if kind == "csv":
        frame.write_csv(file)
    elif kind == "parquet":
        frame.write_parquet(file)
    elif kind == "arrow":
        frame.write_ipc(file)
    elif kind == "frame":
        return frame
    elif kind == "lazy":
        return frame.lazy()
    else:
        columns, marks = ", ".join(frame.columns), ", ".join("?" * frame.width)
        if kind == "duckdb":
            database = pytest.importorskip("duckdb").connect(str(file))
            types = ", ".join(
                f"{name} {'DOUBLE' if dtype.is_float() else 'VARCHAR'}" for name, dtype in frame.schema.items()
            )
        else:
            # SQLite keeps no NaN: a text stands for it.
            database, types = sqlite3.connect(file), columns
            frame = frame.with_columns(pl.selectors.float().cast(pl.String))
        database.execute(f"CREATE TABLE d ({types})")
        database.executemany(f"INSERT INTO d ({columns}) VALUES ({marks})", frame.rows())  # noqa: S608
        database.commit()
        database.close()
        return Rows("query", rows_of(Query(database=kind, path=str(file), table="d"), "query", Path))
    return file


SOURCES = ["csv", "large", "parquet", "arrow", "frame", "lazy", "duckdb", "sqlite"]
VALUES = {
    "one": [(NAN, 1.0), (5.0, 2.0), (2.0, 3.0)],
    "several": [(NAN, NAN), (5.0, NAN), (2.0, 3.0)],
    "all": [(NAN, NAN), (NAN, NAN), (NAN, 1.0)],
    "infinite": [(INFINITE, 1.0), (5.0, -INFINITE), (2.0, 3.0)],
    "beside nothing": [(NAN, None), (5.0, 2.0), (None, 3.0)],
    "beside all": [(INFINITE, NAN), (-INFINITE, 2.0), (NAN, None), (5.0, 1.0)],
}


def sound(card: Scorecard) -> None:
    """Check that in every frame of results a value and its status agree."""
    for name in ("totals", "pillars", "indicators", "measures"):
        frame = getattr(card, name)
        for column in frame.columns:
            if frame[column].dtype.is_float():
                assert frame[column].is_finite().fill_null(value=True).all(), (name, column)
        value = "score" if name in {"totals", "pillars"} else "value"
        assert frame["status"].null_count() == 0, name
        bad = frame.filter((pl.col("status") == "ok") != pl.col(value).is_not_null())
        assert bad.is_empty(), (name, bad.rows(named=True))


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("form", ["panel", "reported", "records"])
@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_no_number_is_refused_and_never_a_value(kind, form, values, tmp_path, monkeypatch):
    if kind == "large":
        monkeypatch.setattr(chunks, "LARGE", 10)
        monkeypatch.setattr(chunks, "LOOK", 20)
        monkeypatch.setattr(chunks, "SEARCHED", 2)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 40))
    given = source(table(form, values), "csv" if kind == "large" else kind, tmp_path)
    card = kpi.score(given, system=system(form, "zero"))
    sound(card)
    # Each such cell is a finding that quotes it, as in CSV.
    wrong = sorted(
        str(value).casefold() for some in values for value in some if value is not None and abs(value) not in range(9)
    )
    text = sorted(item.message.split("`")[1].casefold() for item in card.findings_list if item.code == "K604")
    assert text == wrong
    assert all("is not a finite number" in item.message for item in card.findings_list if item.code == "K604")
    statuses = dict(card.measures.filter(measure="pop").select("entity", "status").rows())
    for at, (value, _) in enumerate(values):
        assert (statuses[f"L{at}"] == "ok") == (value in range(9)), at


@pytest.mark.parametrize("form", ["panel", "reported", "records"])
@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64])
def test_sources_of_all_precisions_give_the_same(form, dtype, tmp_path):
    values = VALUES["beside all"]
    cards = [
        kpi.score(source(table(form, values, dtype), kind, tmp_path), system=system(form, "zero"))
        for kind in ("csv", "parquet", "frame")
    ]
    assert cards[0].totals.equals(cards[1].totals)
    assert cards[0].totals.equals(cards[2].totals)


def test_a_nan_among_many_events_is_one_finding_and_no_part_of_a_sum(tmp_path):
    many = [(1.5, 2.0)] * 120_000
    frame = table("records", many).with_columns(Land=pl.lit("L0"))
    frame = pl.concat([frame, frame.head(1).with_columns(Einwohner=pl.lit(NAN))])
    card = kpi.score(source(frame, "parquet", tmp_path), system=system("records", "zero"))
    sound(card)
    assert [(item.code, item.place.row) for item in card.findings_list] == [("K604", 120_001)]


def test_targets_and_shares_that_are_no_numbers_are_refused(tmp_path):
    (tmp_path / "s.yaml").write_text("""
system: s
period: year
entities: {title: Land, roster: roster.parquet}
measures: {pop: {title: Einwohner, unit: 人}}
indicators:
  i: {kind: level, of: pop, target: {at_least: {column: 目标值}}}
  j: {kind: level, of: pop, target: {at_least: {share: 权重, total: 100}}}
pillars: {P: {weight: 1, parts: {i: 1, j: 1}, ours: true}}
""")
    pl.DataFrame({"entity": ["a", "b"], "权重": [NAN, 1.0]}).write_parquet(tmp_path / "roster.parquet")
    data = pl.DataFrame(
        {"期别": "2023", "地区": ["a", "b"], "指标": "Einwohner", "数值": [5.0, 6.0], "目标值": [NAN, 3.0]}
    )
    data.write_parquet(tmp_path / "d.parquet")
    card = kpi.score(tmp_path / "d.parquet", system=tmp_path / "s.yaml")
    assert sorted(item.code for item in card.findings_list) == ["K604", "K604"]
    targets = dict(card.indicators.filter(entity="a").select("indicator", "target").rows())
    assert targets == {"i": None, "j": None}
