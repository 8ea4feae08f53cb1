"""Queries on databases can read and nothing else, whatever their text, and end in time."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from kpi.errors import DataError
from kpi.intake.files.databases import Query, rows_of

WRITES = [
    "INSERT INTO figures VALUES ('2023Q4', '丙县', 'gdp', '1')",
    "DELETE FROM figures",
    "DROP TABLE figures",
    "CREATE TABLE other (a int)",
    "SELECT 1; DROP TABLE figures",
    "SELECT 1; ROLLBACK; DROP TABLE figures",
    "rollback; drop table figures; select 1",
    "COMMIT; DROP TABLE figures",
    "/* SELECT */ DROP TABLE figures",
    "-- SELECT\nDROP TABLE figures",
    "EXPLAIN DELETE FROM figures",
]


def code_of(query, tmp_path):
    with pytest.raises(DataError) as caught:
        rows_of(query, "monthly", lambda name: tmp_path / name)
    (result,) = caught.value.diagnostics
    assert result.hint
    assert result.place.file == "monthly"
    return result.code


# ---- SQLITE ---- #


@pytest.fixture
def sqlite(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "data.db")) as database:
        database.execute("CREATE TABLE figures (a text, b text, c text, d text)")
        database.execute("INSERT INTO figures VALUES ('2023Q4', '甲县', 'gdp', '1')")
        database.commit()
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE secret (a text)")
        database.commit()
    return tmp_path


@pytest.mark.parametrize(
    "sql", [*WRITES, "ATTACH 'other.db' AS other", "PRAGMA writable_schema = 1", "PRAGMA table_info(figures)", "VACUUM"]
)
def test_sqlite_reads_only(sqlite, sql):
    before = (sqlite / "data.db").read_bytes()
    assert code_of(Query(database="sqlite", path="data.db", sql=sql), sqlite) == "K831"
    assert (sqlite / "data.db").read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, upper(b) FROM figures",
        "WITH x AS (SELECT * FROM figures) SELECT * FROM x",
        "VALUES (1, 2)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n;",
    ],
)
def test_sqlite_answers_what_reads(sqlite, sql):
    assert rows_of(Query(database="sqlite", path="data.db", sql=sql), "q", lambda name: sqlite / name).height


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def test_a_query_on_sqlite_ends_in_time(sqlite):
    assert code_of(Query(database="sqlite", path="data.db", sql=ENDLESS, timeout=0.2), sqlite) == "K832"


def test_a_cell_of_sqlite_has_a_limit(sqlite):
    query = Query(database="sqlite", path="data.db", sql="SELECT zeroblob(1000000000)", timeout=0.2)
    assert code_of(query, sqlite) == "K830"


# ---- DUCKDB ---- #


@pytest.fixture
def duck(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    (tmp_path / "inside").mkdir()
    with duckdb.connect(str(tmp_path / "inside" / "data.duckdb")) as database:
        database.execute("CREATE TABLE figures AS SELECT 1 AS a")
    (tmp_path / "inside" / "beside.csv").write_text("a\n7\n")
    (tmp_path / "outside.csv").write_text("a\n9\n")
    return tmp_path


def on_duck(sql, **more):
    return Query(database="duckdb", path="inside/data.duckdb", sql=sql, **more)


@pytest.mark.parametrize(
    "sql",
    [
        *WRITES,
        "COPY figures TO 'inside/written.csv'",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "PRAGMA show_tables",
        "INSTALL httpfs",
    ],
)
def test_duckdb_reads_only(duck, sql):
    assert code_of(on_duck(sql), duck) == "K831"
    assert not (duck / "inside" / "written.csv").exists()


def test_duckdb_reads_files_beside_the_database_alone(duck):
    inside = on_duck(f"FROM '{duck / 'inside' / 'beside.csv'}'")
    assert rows_of(inside, "q", lambda name: duck / name)["a"].to_list() == ["7"]
    assert code_of(on_duck(f"FROM '{duck / 'outside.csv'}'"), duck) == "K830"


def test_a_query_on_duckdb_ends_in_time(duck):
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000) b"
    assert code_of(on_duck(endless, timeout=0.3), duck) == "K832"


# ---- POSTGRESQL ---- #


@pytest.mark.parametrize(
    "sql",
    [
        *WRITES,
        "DO $$ BEGIN COMMIT; DROP TABLE figures; END $$",
        "CALL wipe()",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SET TRANSACTION READ WRITE",
        "WITH gone AS (DELETE FROM figures RETURNING *) SELECT * FROM gone",
        "SELECT wiped()",
        "SELECT set_config('transaction_read_only', 'off', false), wiped()",
    ],
)
def test_postgresql_reads_only(database, tmp_path, sql):
    import psycopg

    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE figures (a text, b text, c text, d text)")
        connection.execute("INSERT INTO figures VALUES ('2023Q4', '甲县', 'gdp', '1')")
        body = "$$ BEGIN DELETE FROM figures; RETURN 1; END $$"
        connection.execute(f"CREATE FUNCTION wiped() RETURNS int LANGUAGE plpgsql AS {body}".encode())
        body = "$$ BEGIN COMMIT; DELETE FROM figures; END $$"
        connection.execute(f"CREATE PROCEDURE wipe() LANGUAGE plpgsql AS {body}".encode())
    query = Query(database="postgresql", connection_env="KPI_TEST_DATABASE", sql=sql)
    assert code_of(query, tmp_path) in {"K830", "K831"}
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM figures").fetchone() == (1,)


def test_nothing_stays_of_a_function_that_writes_in_a_read_only_transaction(database, tmp_path):
    import psycopg

    sql = "SELECT lo_from_bytea(0, 'abc') AS a UNION ALL SELECT lo_import(current_setting('hba_file'))"
    query = Query(database="postgresql", connection_env="KPI_TEST_DATABASE", sql=sql)
    with contextlib.suppress(DataError):  # newer servers refuse it
        rows_of(query, "q", lambda name: tmp_path / name)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (0,)


def test_a_query_on_postgresql_ends_in_time(database, tmp_path):
    query = Query(database="postgresql", connection_env="KPI_TEST_DATABASE", sql="SELECT pg_sleep(60)", timeout=0.3)
    assert code_of(query, tmp_path) == "K832"


def test_what_hinders_postgresql_is_named(database, tmp_path):
    import psycopg

    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE figures (a text)")
        body = "$$ BEGIN DELETE FROM figures; RETURN 1; END $$"
        connection.execute(f"CREATE FUNCTION wiped() RETURNS int LANGUAGE plpgsql AS {body}".encode())
    for sql, code, words in (
        ("SELECT wiped()", "K831", "the query writes"),
        ("SELECT date 'infinity'", "K830", "holds a value"),
        ("SELECT 1 / 0", "K830", "does not answer"),
    ):
        query = Query(database="postgresql", connection_env="KPI_TEST_DATABASE", sql=sql)
        with pytest.raises(DataError) as caught:
            rows_of(query, "monthly", lambda name: tmp_path / name)
        (result,) = caught.value.diagnostics
        assert (result.code, words in result.message) == (code, True)


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS a;", "(SELECT 1 AS a)", "/* all */ WITH x AS (SELECT 1 AS a) SELECT * FROM x", "VALUES (1)"]
)
def test_postgresql_answers_what_reads(database, tmp_path, sql):
    query = Query(database="postgresql", connection_env="KPI_TEST_DATABASE", sql=sql)
    assert rows_of(query, "q", lambda name: tmp_path / name).rows() == [("1",)]
