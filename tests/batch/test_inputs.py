"""Databases as inputs, the files a night keeps, and secrets that stay secret."""

from __future__ import annotations

import sqlite3

import pytest
from city import QUARTERS
from test_nights import check, held, night, same

from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.config import load
from kpi.errors import DataError
from kpi.intake.files.databases import fetched
from kpi.process.credentials import connection

CREATE = "CREATE TABLE reports (期别 text, 地区 text, 指标 text, 数值 {number}, 单位 text)"
SQL = "SELECT * FROM reports"


def rows(city):
    actual = []
    for quarter in QUARTERS:
        lines = (city.folder / "inbox" / f"{quarter}.csv").read_text("utf-8").splitlines()[1:]
        for cells in (line.split(",") for line in lines):
            value = {"是": "1", "否": "0"}.get(cells[3], cells[3])
            actual.append((*cells[:3], value, cells[4] or "是/否"))
    return actual


def sqlite(city):
    with sqlite3.connect(city.folder / "data.db") as database:
        database.execute(CREATE.format(number="numeric"))
        database.executemany("INSERT INTO reports VALUES (?, ?, ?, ?, ?)", rows(city))
    database.close()
    return 'database = "sqlite"\npath = "data.db"'


def duckdb(city):
    package = pytest.importorskip("duckdb")
    with package.connect(str(city.folder / "data.duckdb")) as database:
        database.execute(CREATE.format(number="decimal(18, 3)"))
        database.executemany("INSERT INTO reports VALUES (?, ?, ?, ?, ?)", rows(city))
    return 'database = "duckdb"\npath = "data.duckdb"'


def postgresql(city, url):
    import psycopg

    with psycopg.connect(url) as database:
        database.execute(CREATE.format(number="numeric(30, 12)").encode())
        database.cursor().executemany("INSERT INTO reports VALUES (%s, %s, %s, %s, %s)", rows(city))
    return 'database = "postgresql"\nconnection_env = "KPI_TEST_DATABASE"'


def config_of(city, table, sql=SQL):
    return city.config(f'[[source]]\nsystem = "small.yaml"\n[[source.query]]\n{table}\nsql = "{sql}"')


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "postgresql"])
def test_a_database_gives_the_results_that_files_give(city, kind, request):
    config = city.config()
    night(config)
    expected = held(config)["totals"]
    table = {
        "sqlite": lambda: sqlite(city), "duckdb": lambda: duckdb(city),
        "postgresql": lambda: postgresql(city, request.getfixturevalue("database")),
    }[kind]()  # fmt: skip
    config = config_of(city, table)
    result = night(config)
    assert result.failed == [], result.findings
    assert held(config)["totals"].equals(expected, null_equal=True)
    assert night(config).outcomes[0].status == "unchanged"
    check(config)


def test_no_digit_of_a_numeric_is_lost(city, database):
    import psycopg

    with psycopg.connect(database) as connection_:
        connection_.execute("CREATE TABLE t (地区 text, x numeric)")
        connection_.execute(
            "INSERT INTO t VALUES ('乙', 0.1234567890123456789), ('甲', NULL), ('丙', 123456789012345678)"
        )
    text = 'database = "postgresql"\nconnection_env = "KPI_TEST_DATABASE"'
    config = load(config_of(city, text, "SELECT * FROM t"))
    data = fetched(config.source[0].query[0], "q", config.path).decode()
    assert data.splitlines() == ["地区,x", "丙,123456789012345678", "乙,0.1234567890123456789", "甲,"]


def test_a_query_cannot_write(city, database):
    import psycopg

    table = postgresql(city, database)
    config = load(config_of(city, table, "DELETE FROM reports RETURNING *"))
    with pytest.raises(DataError, match="K831"):
        fetched(config.source[0].query[0], "q", config.path)
    with psycopg.connect(database) as connection_:
        assert connection_.execute("SELECT count(*) FROM reports").fetchone()[0] == len(rows(city))
    config = load(config_of(city, sqlite(city), "DELETE FROM reports"))
    with pytest.raises(DataError, match="K831"):
        fetched(config.source[0].query[0], "q", config.path)


def test_passwords_are_nowhere(city, database, monkeypatch):
    monkeypatch.setenv("KPI_TEST_DATABASE", database.replace("geheim7", "falsch8"))
    table = 'database = "postgresql"\nconnection_env = "KPI_TEST_DATABASE"'
    config = config_of(city, table)
    result = night(config)
    assert result.failed == ["small"]
    text = str(result.findings) + str(store_of(load(config)).head())
    assert "falsch8" not in text
    assert "K830" in text
    for file in city.folder.rglob("*"):
        if file.is_file():
            assert b"falsch8" not in file.read_bytes()


def test_a_file_that_others_may_read_holds_no_password(tmp_path):
    file = tmp_path / "connection"
    file.write_text("postgresql://li:geheim@db/kpi\n")
    file.chmod(0o644)
    with pytest.raises(DataError, match="K815"):
        connection(file=file)
    file.chmod(0o600)
    assert connection(file=file) == "postgresql://li:geheim@db/kpi"


def test_a_variable_that_is_not_set_is_said(monkeypatch):
    monkeypatch.delenv("KPI_NOWHERE", raising=False)
    with pytest.raises(DataError, match="KPI_NOWHERE"):
        connection(env="KPI_NOWHERE")


def test_what_the_archive_holds_is_named_by_its_content(city):
    config = city.config()
    night(config)
    archive = archive_of(load(config))
    entry = store_of(load(config)).head().state["systems"]["small"]["inputs"]
    names = {item["file"]: item["sha256"] for item in entry["data"]}
    for quarter in QUARTERS:
        assert (
            archive.checked(names[f"inbox/{quarter}.csv"]).read_bytes()
            == (city.folder / "inbox" / f"{quarter}.csv").read_bytes()
        )
    assert set(entry["definition"]) == {"small.yaml", "roster.csv"}


def test_the_names_of_files_in_findings_are_those_of_the_inbox(city):
    file = city.folder / "inbox" / "2023Q4.csv"
    file.write_text(file.read_text("utf-8").replace("甲县", "癸县"), "utf-8")
    config = city.config()
    night(config)
    named = set(held(config)["findings"]["file"].drop_nulls())
    assert named == {"inbox/2023Q4.csv"}


def test_two_stores_of_the_same_nights_hold_the_same(city, database):
    contents = []
    for store in (
        'store = "a"',
        'archive = "c"\nstore = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}',
    ):
        config = city.config(store=store)
        night(config)
        contents.append(held(config))
    assert same(contents[0], contents[1])


def test_a_sheet_behind_a_file_is_refused(city):
    (city.folder / "book.xlsx").write_bytes(b"PK")
    result = night(city.config('[[source]]\nsystem = "small.yaml"\ndata = "book.xlsx#一"'))
    assert [item.code for item in result.findings] == ["K539"]
