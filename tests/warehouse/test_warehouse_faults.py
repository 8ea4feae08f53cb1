"""What goes wrong with a warehouse is said in words, with code 2, and nothing is written; no password shows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml

import kpi
from kpi.errors import DataError
from kpi.warehouse.tables import Warehouse
from tests.conformance.databases import in_duckdb, in_postgresql
from tests.conformance.events import MEASURES, events, system
from tests.postgresql import Server, own_server

ROOT = Path(__file__).parents[2]

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def duckdb_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        frame = events(200)
        nested = frame.with_columns(金额=pl.concat_list("金额", "评分"))
        yield in_duckdb(Path(folder) / "events.duckdb", {"items": frame, "nested": nested})


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    definition = folder / "conformance.yaml"
    definition.write_text(yaml.safe_dump(system({"money": MEASURES["money"]}), allow_unicode=True), encoding="utf-8")
    command = [sys.executable, "-m", "kpi", "score", "--system", str(definition), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--warehouse", "duckdb:nowhere.duckdb"], "K980", "the database is not there"),
        (["--warehouse", "warehouse.example"], "K985", "duckdb:FILE"),
        (["--warehouse", "DUCKDB", "--table", "items=no.table"], "K981", "no such table"),
        (["--warehouse", "DUCKDB", "--table", "items=a.b.c.d"], "K985", "is no name of a table"),
        (["--warehouse", "DUCKDB", "--table", "items"], "K542", "does not name a dataset and its table"),
        (["--table", "items=items", "data.csv"], "K986", "no warehouse that has them"),
        (["--warehouse", "postgresql://li:geheim9@127.0.0.1:1/city"], "K815", "PGPASSWORD"),
        (["--warehouse", "clickhouse://li:geheim9@127.0.0.1:1/city"], "K815", "CLICKHOUSE_PASSWORD"),
    ],
)
def test_faults_have_words_and_write_nothing(duckdb_file, tmp_path, arguments, code, words):
    given = [duckdb_file if item == "DUCKDB" else item for item in arguments]
    done = run(*given, "-o", "result.csv", folder=tmp_path)
    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "geheim9" not in done.stderr + done.stdout
    assert sorted(item.name for item in tmp_path.iterdir()) == ["conformance.yaml"]


def test_a_column_of_another_type_is_a_finding(duckdb_file):
    with pytest.raises(DataError, match="K554"):
        kpi.score(
            system=system({"money": MEASURES["money"]}), warehouse=duckdb_file, tables={"items": "nested"}
        )  # fmt: skip


def test_the_database_is_opened_for_reading_only(duckdb_file):
    warehouse = Warehouse.at(duckdb_file)
    with pytest.raises(DataError, match="K983"):
        list(warehouse.database.batches("CREATE TABLE other AS SELECT 1"))
    with pytest.raises(DataError, match="K98"):
        list(warehouse.database.batches("SELECT * FROM read_csv('/etc/passwd')"))
    warehouse.close()


def test_a_table_that_is_given_twice_counts_once(duckdb_file):
    definition = system({"money": MEASURES["money"]})
    warehouse = Warehouse.at(duckdb_file)
    twice = kpi.score([warehouse.table("items"), warehouse.table("items")], system=definition)
    assert [item.code for item in twice.findings_list].count("K548") == 1
    assert twice.counts["read"] == 200
    warehouse.close()


def test_the_hash_is_of_what_was_fetched(duckdb_file, tmp_path):
    definition = system({"money": MEASURES["money"]})
    other = in_duckdb(tmp_path / "other.duckdb", {"items": events(200, seed=2)})
    hashes = [kpi.score(system=definition, warehouse=item).data_hash for item in (duckdb_file, duckdb_file, other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("adbc_driver_postgresql")
    with own_server() as own:
        in_postgresql(own.url, {"items": events(200)})
        yield own


@pytest.mark.slow
def test_postgresql_that_does_not_permit_or_answer(server, tmp_path):
    import psycopg

    with psycopg.connect(server.url) as database:
        database.execute("CREATE ROLE reader LOGIN PASSWORD 'geheim9'")
    address = server.url.replace("kpi:geheim7@", "reader@")
    done = run("--warehouse", address, "-o", "result.csv", folder=tmp_path, PGPASSWORD="geheim9")
    assert (done.returncode, "error[K982]" in done.stderr) == (2, True), done.stderr
    wrong = run("--warehouse", address, "-o", "result.csv", folder=tmp_path, PGPASSWORD="geheim8")
    assert (wrong.returncode, "error[K980]" in wrong.stderr) == (2, True), wrong.stderr
    far = run("--warehouse", "postgresql://li@127.0.0.1:1/city", folder=tmp_path)
    assert (far.returncode, "error[K980]" in far.stderr) == (2, True), far.stderr
    by_variable = run("--warehouse", "env:CITY", "-o", "result.csv", folder=tmp_path, CITY=server.url)
    assert "Scored 4 entities" in by_variable.stderr
    assert (tmp_path / "result.csv").exists()
    assert not any(
        secret in item.stdout + item.stderr for item in (done, wrong, far) for secret in ("geheim9", "geheim8")
    )


@pytest.mark.slow
def test_a_connection_that_is_lost_has_words(server):
    import psycopg

    warehouse = Warehouse.at(server.url)
    table = warehouse.table("items")
    with psycopg.connect(server.url, autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'kpi'"
        )
    with pytest.raises(DataError, match="K980") as caught:
        kpi.score(system=system({"money": MEASURES["money"]}), data={"items": table})
    assert "geheim7" not in str(caught.value)
