"""Queries in kpi.toml, scored by name: the rows of a database score like those of a file, and no password is told."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.errors import DataError, DefinitionError

SYSTEM = """\
system: small
period: quarter
entities: {title: 县}
measures: {gdp: {title: 地区生产总值, unit: 亿元}}
indicators: {output: {kind: level, of: gdp, target: {at_least: 100}}}
pillars: {}
"""
ROWS = [("2023Q4", "甲县", "地区生产总值", "120"), ("2023Q4", "乙县", "地区生产总值", "80.25")]
TABLE = "CREATE TABLE figures (期别 text, 地区 text, 指标 text, 数值 {number})"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SYSTEM, "utf-8")
    with contextlib.closing(sqlite3.connect(tmp_path / "data.db")) as database:
        database.execute(TABLE.format(number="numeric"))
        database.executemany("INSERT INTO figures VALUES (?, ?, ?, ?)", ROWS)
        database.commit()
    return tmp_path


def configured(folder, text):
    (folder / "kpi.toml").write_text(text, "utf-8")


def values(name="monthly"):
    return kpi.score(name, system="small.yaml").indicators["value"].to_list()


SQLITE = '[data.monthly]\ndatabase = "sqlite"\npath = "data.db"\n'


@pytest.mark.parametrize("what", ['table = "figures"', 'sql = "SELECT * FROM figures"'])
def test_sqlite(folder, what):
    configured(folder, SQLITE + what)
    assert values() == [80.25, 120.0]


def test_a_finding_names_the_query(folder):
    configured(folder, SQLITE + "sql = \"SELECT 期别, 地区, 指标, '约' || 数值 AS 数值 FROM figures WHERE 数值 > 100\"")
    (result,) = kpi.score("monthly", system="small.yaml").findings_list
    assert (result.code, result.place.file, result.place.row, result.place.field) == ("K604", "monthly", 1, "数值")


def test_duckdb(folder):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(folder / "data.duckdb")) as database:
        database.execute("CREATE SCHEMA stats")
        database.execute(TABLE.replace("figures", "stats.figures").format(number="decimal(18, 3)"))
        database.executemany("INSERT INTO stats.figures VALUES (?, ?, ?, ?)", ROWS)
    configured(folder, '[data.monthly]\ndatabase = "duckdb"\npath = "data.duckdb"\ntable = "stats.figures"')
    assert values() == [80.25, 120.0]


def test_postgresql(folder, database, monkeypatch):
    import psycopg

    with psycopg.connect(database) as connection:
        connection.execute(TABLE.format(number="numeric").encode())
        connection.cursor().executemany("INSERT INTO figures VALUES (%s, %s, %s, %s)", ROWS)
    configured(
        folder, '[data.monthly]\ndatabase = "postgresql"\nconnection_env = "KPI_TEST_DATABASE"\ntable = "figures"'
    )
    assert values() == [80.25, 120.0]
    # The address in the file, user and password in the environment.
    known = psycopg.conninfo.conninfo_to_dict(database)
    monkeypatch.setenv("PGUSER", str(known["user"]))
    monkeypatch.setenv("PGPASSWORD", str(known["password"]))
    address = f"postgresql://{known['host']}:{known['port']}/{known['dbname']}"
    configured(folder, f'[data.monthly]\ndatabase = "postgresql"\nurl = "{address}"\ntable = "figures"')
    assert values() == [80.25, 120.0]
    monkeypatch.setenv("PGPASSWORD", "falsch-geheim")
    with pytest.raises(DataError) as caught:
        values()
    assert [item.code for item in caught.value.diagnostics] == ["K830"]
    assert "geheim" not in str(caught.value)


def test_the_commands_take_names(folder):
    configured(folder, SQLITE + 'table = "figures"')
    done = CliRunner().invoke(main, ["score", "monthly", "-s", "small.yaml", "-f", "csv"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("\n") == 3
    done = CliRunner().invoke(main, ["explain", "monthly", "甲县", "-s", "small.yaml"])
    assert done.exit_code == 0, done.stderr
    done = CliRunner().invoke(main, ["check", "small.yaml", "--data", "monthly"])
    assert done.exit_code == 0, done.stderr


def test_a_file_goes_before_a_name(folder):
    configured(folder, SQLITE + 'table = "figures"')
    (folder / "monthly").write_text("期别,地区,指标,数值\n2023Q4,甲县,gdp,7\n", "utf-8")
    assert values() == [7.0]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[data.monthly]\ndatabase = "sqlite"\npath = "data.db"\ntabel = "figures"', 4, "unknown key `tabel`"),
        (SQLITE, None, "give either `sql`, a query, or `table`"),
        ('[data.monthly]\ndatabase = "oracle"\ntable = "f"', 2, "`database`"),
        ('[data.monthly]\ndatabase = "postgresql"\ntable = "f"', None, "needs `url`, "),
        (
            '[data.monthly]\ndatabase = "postgresql"\nurl = "postgresql://li:geheim@db/x"\ntable = "f"',
            None, "a password does not stand in a file",
        ),
        ("data = 5", 1, "`data` must be tables"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_configuration_is_told(folder, text, line, words):
    configured(folder, text)
    with pytest.raises(DefinitionError) as caught:
        values()
    (result,) = caught.value.diagnostics
    assert (result.code, words in result.message, "geheim" in str(caught.value)) == ("K108", True, False)
    assert line is None or result.place.line == line


def test_what_a_database_says_is_told_on_one_line(folder):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(folder / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE figures (a INTEGER)")
    configured(folder, '[data.monthly]\ndatabase = "duckdb"\npath = "a.duckdb"\nsql = "SELECT b FROM figures"')
    with pytest.raises(DataError) as caught:
        values()
    (result,) = caught.value.diagnostics
    assert "b" in result.message
    assert set("\n\t^").isdisjoint(result.message)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[data.monthly]\ndatabase = "sqlite"\npath = "none.db"\ntable = "figures"', "K830"),
        (SQLITE + 'table = "figures; DROP TABLE figures"', "K830"),
        (SQLITE + 'sql = "DELETE FROM figures"', "K831"),
        (SQLITE + 'sql = "SELECT * FROM reprots"', "K830"),
        ('[data.monthly]\ndatabase = "postgresql"\nconnection_env = "KPI_NOT_SET"\ntable = "f"', "K815"),
    ],
)
def test_a_query_that_fails_is_a_finding(folder, text, code):
    configured(folder, text)
    with pytest.raises(DataError) as caught:
        values()
    assert [item.code for item in caught.value.diagnostics] == [code]


def test_an_address_is_no_file_and_its_password_is_not_told(folder):
    done = CliRunner().invoke(main, ["score", "postgresql://li:geheim@db.example/x", "-s", "small.yaml"])
    assert done.exit_code == 2
    assert "K544" in done.stderr
    assert "geheim" not in done.output + done.stderr
