"""Numbers of databases: the same as in a file, under a declared decimal comma too, and never a NaN."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.batch.batch_run import run, store_of
from kpi.batch.config import load
from kpi.errors import DataError
from kpi.intake.files.databases import Query, answer_of
from kpi.intake.files.sources import Rows
from kpi.language.loading.loader import examine_text
from tests.cases.test_not_a_number import VALUES, sound, system, table

COMMA = """
system: small
period: quarter
entities: {title: 县}
datasets: {d: {form: FORM, decimal: ',', columns: {entity: 地区, period: 期别}}}
measures: {gdp: {MEASURE, unit: 亿元}}
indicators: {output: {kind: level, of: gdp, target: {at_least: 100}}}
pillars: {}
"""
FIGURES = {"甲县": 684.864, "乙县": 1234.5, "丙县": 5.0, "丁县": 1.5e-07}
DATABASES = ["sqlite", "duckdb", "postgresql"]


def comma(form):
    measure = "kind: sum, of: 收入" if form == "records" else "title: 收入"
    result = examine_text(COMMA.replace("FORM", form).replace("MEASURE", measure))
    assert result.system is not None, result.findings
    return result.system


def frame(form, *, text=False):
    rows = [("2023Q4", name, f"{value:,}".translate(str.maketrans(",.", ".,")) if text else value)
            for name, value in FIGURES.items()]  # fmt: skip
    created = pl.DataFrame(rows, ["期别", "地区", "收入"], orient="row")
    if form == "reported":
        created = created.unpivot(index=["期别", "地区"], variable_name="指标", value_name="数值")
    return created


def written(kind, created, folder, request, number="double precision"):
    """Return the query on a database that holds a frame, numbers in a column of a type."""
    types = ", ".join(f'"{name}" {number if dtype.is_numeric() else "text"}' for name, dtype in created.schema.items())
    create = f"CREATE TABLE d ({types})"
    rows = created.rows()
    if kind == "postgresql":
        import psycopg

        url = request.getfixturevalue("database")
        with psycopg.connect(url) as database:
            database.execute(create.encode())
            marks = ", ".join(["%s"] * created.width)
            database.cursor().executemany(f"INSERT INTO d VALUES ({marks})".encode(), rows)  # noqa: S608
        return Query(database=kind, connection_env="KPI_TEST_DATABASE", table="d")
    file = folder / f"d.{kind}"
    database = pytest.importorskip("duckdb").connect(str(file)) if kind == "duckdb" else sqlite3.connect(file)
    with contextlib.closing(database):
        database.execute(create)
        database.executemany(f"INSERT INTO d VALUES ({', '.join('?' * created.width)})", rows)  # noqa: S608
        database.commit()
    return Query(database=kind, path=str(file), table="d")


def scored(query, a_system):
    answer = answer_of(query, "q", Path)
    return kpi.score(Rows("q", answer.rows, answer.numbers, answer.mixed), system=a_system)


@pytest.mark.parametrize("text", [False, True], ids=["numbers", "texts"])
@pytest.mark.parametrize("form", ["reported", "panel", "records"])
@pytest.mark.parametrize("kind", DATABASES)
def test_a_decimal_comma_is_for_texts_and_not_for_numbers(kind, form, text, tmp_path, request):
    created = frame(form, text=text).filter(pl.lit(not text) | (pl.col("地区") != "丁县"))
    card = scored(written(kind, created, tmp_path, request), comma(form))
    result = {row["entity"]: row["value"] for row in card.measures.iter_rows(named=True)}
    assert result == {name: FIGURES[name] for name in result}
    assert set(result) == set(created["地区"])
    assert card.findings_list == [] or {item.code for item in card.findings_list} <= {"K530"}


@pytest.mark.parametrize("form", ["reported", "panel", "records"])
def test_texts_with_a_point_contradict_a_decimal_comma(form, tmp_path, request):
    created = frame(form).with_columns(pl.selectors.float().cast(pl.String)).filter(pl.col("地区") == "乙县")
    card = scored(written("duckdb", created, tmp_path, request), comma(form))
    assert [(item.code, "decimal comma" in item.message) for item in card.findings_list if item.code == "K604"] == [
        ("K604", True)
    ]


def test_numbers_beside_texts_are_refused_where_they_could_be_either(tmp_path):
    file = tmp_path / "d.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE d (期别, 地区, 收入)")
        rows = [("2023Q4", "甲县", 684.864), ("2023Q4", "乙县", "1.234,5"), ("2023Q4", "丙县", 7.25)]
        database.executemany("INSERT INTO d VALUES (?, ?, ?)", rows)
        database.commit()
    card = scored(Query(database="sqlite", path=str(file), table="d"), comma("panel"))
    result = dict(card.measures.select("entity", "value").rows())
    assert result == {"甲县": None, "乙县": 1234.5, "丙县": 7.25}
    assert "K635" in {item.code for item in card.findings_list}


@pytest.mark.parametrize("kind", DATABASES)
def test_nights_read_numbers_of_a_database_as_numbers(kind, tmp_path, request):
    pytest.importorskip("deltalake")
    query = written(kind, frame("panel"), tmp_path, request)
    (tmp_path / "small.yaml").write_text(comma_text("panel"), "utf-8")
    where = f'path = "{query.path}"' if query.path else 'connection_env = "KPI_TEST_DATABASE"'
    text = f'store = "store"\n[[source]]\nsystem = "small.yaml"\n[[source.query]]\ndatabase = "{kind}"\n{where}\n'
    (tmp_path / "kpi.toml").write_text(text + 'table = "d"\n', "utf-8")
    done = run(load(tmp_path / "kpi.toml"))
    assert not done.failed, done
    measures = store_of(load(tmp_path / "kpi.toml")).read("measures")
    assert dict(measures.select("entity", "value").rows()) == FIGURES


def comma_text(form):
    return COMMA.replace("FORM", form).replace("MEASURE", "title: 收入")


def test_nights_ask_which_dataset_where_decimal_marks_differ(tmp_path, request):
    query = written("sqlite", frame("panel"), tmp_path, request)
    other = comma_text("panel").replace("datasets: {", "datasets: {e: {form: reported}, ")
    (tmp_path / "small.yaml").write_text(other, "utf-8")
    text = 'store = "store"\n[[source]]\nsystem = "small.yaml"\n[[source.query]]\n'
    text += f'database = "sqlite"\npath = "{query.path}"\n'
    for dataset, code in (("", 1), ('dataset = "d"\n', 0)):
        (tmp_path / "kpi.toml").write_text(text + 'table = "d"\n' + dataset, "utf-8")
        done = run(load(tmp_path / "kpi.toml"))
        assert bool(done.failed) == bool(code), done
        assert any(item.code == "K836" for item in done.findings) == bool(code)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["double precision", "real", "numeric"])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("form", ["panel", "reported", "records"])
def test_postgresql_has_no_figure_that_is_no_number(form, values, number, tmp_path, request):
    query = written("postgresql", table(form, values), tmp_path, request, number)
    card, expected = scored(query, system(form, "zero")), kpi.score(table(form, values), system=system(form, "zero"))
    sound(card)
    assert card.totals.equals(expected.totals)
    codes = [sorted(item.code for item in some.findings_list) for some in (card, expected)]
    assert codes[0] == codes[1]


def test_columns_of_one_name_are_a_finding(tmp_path):
    (tmp_path / "a.db").touch()
    query = Query(database="sqlite", path=str(tmp_path / "a.db"), sql="SELECT 1 AS a, 2 AS a")
    with pytest.raises(DataError) as caught:
        answer_of(query, "q", Path)
    assert caught.value.diagnostics[0].code == "K830"
