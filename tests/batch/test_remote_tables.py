"""Nights over tables whose rows stay where they are: databases, and Spark."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.batch.batch_run import store_of
from kpi.batch.config import load
from kpi.cli.main import main
from kpi.warehouse.databases import PostgreSQL
from tests import spark_cluster
from tests.conformance.databases import in_duckdb, in_postgresql
from tests.postgresql import own_server

pytest.importorskip("deltalake")
pytest.importorskip("pyarrow")

SYSTEM = """\
system: windows
period: month
entities: {title: 县区, ROSTER}
datasets:
  items: {form: records, columns: {period: 日期, entity: 县区}}
  reports: {form: reported}
measures:
  cases: {kind: count, from: items, unit: 件}
  waited: {kind: mean, from: items, of: 等待, unit: 分钟}
  middle: {kind: median, from: items, of: 等待, unit: 分钟}
  budget: {from: reports, title: 预算, unit: 元}
indicators:
  pace: {kind: level, of: waited, better: lower, target: {at_most: 20}}
  median: {kind: level, of: middle, better: lower, target: {at_most: 20}}
  volume: {kind: level, of: cases, target: {at_least: 30}}
  money: {kind: level, of: budget, target: {at_least: 50}}
"""


def items(months: int = 3) -> pl.DataFrame:
    rows = 240 * months
    return pl.DataFrame({
        "县区": [f"{'甲乙丙'[at % 3]}县" for at in range(rows)],
        "日期": [dt.date(2024, 1 + at // 240, 1 + at % 28) for at in range(rows)],
        "等待": [float(at * 7919 % 61) / 2 for at in range(rows)],
    })  # fmt: skip


BUDGET = "期别,地区,指标,数值\n" + "".join(
    f"2024-{month:02},{who}县,预算,{60 + month}\n" for month in range(1, 4) for who in "甲乙丙"
)


def folder_of(path: Path, address: str, tables: str = 'items = "items"', *, roster: bool = True) -> Path:
    roster_key = "roster: roster.csv" if roster else "keep: []"
    (path / "windows.yaml").write_text(SYSTEM.replace("ROSTER", roster_key), "utf-8")
    (path / "roster.csv").write_text("name\n甲县\n乙县\n丙县\n", "utf-8")
    (path / "budget.csv").write_text(BUDGET, "utf-8")
    config = path / "nightly.toml"
    config.write_text(
        f'store = "store"\n[[source]]\nsystem = "windows.yaml"\ndata = "budget.csv"\n{address}\n'
        f'tables = {{{tables}}}\noutput = "result.csv"\n', "utf-8",
    )  # fmt: skip
    return config


def night(config: Path, *more: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["batch", str(config), *more, "--lang", "en"], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def last(config: Path) -> dict[str, object]:
    store = store_of(load(config))
    head = store.head()
    assert head is not None
    return head.manifest["systems"]["windows"] | {"state": head.state["systems"]["windows"]}


def stored(config: Path, table: str) -> pl.DataFrame:
    return store_of(load(config)).read(table, system="windows")


@pytest.fixture(params=["duckdb", pytest.param("postgresql", marks=pytest.mark.slow)])
def write(request, tmp_path, monkeypatch) -> Iterator[tuple[str, Callable[[pl.DataFrame], object]]]:
    """The line of a configuration that names a database, and a function that writes the events into it."""
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
        path = tmp_path / "events.duckdb"

        def into_duckdb(frame: pl.DataFrame) -> None:
            path.unlink(missing_ok=True)
            in_duckdb(path, {"items": frame})

        yield 'warehouse = "duckdb:events.duckdb"', into_duckdb
        return
    pytest.importorskip("adbc_driver_postgresql")
    with own_server() as server:
        monkeypatch.setenv("EVENTS", server.url)
        yield 'warehouse = "env:EVENTS"', lambda frame: in_postgresql(server.url, {"items": frame})


@pytest.mark.parametrize("roster", [True, False], ids=["roster", "no roster"])
def test_nights_publish_what_files_would_give(tmp_path, write, roster):
    address, into = write
    into(items())
    config = folder_of(tmp_path, address, roster=roster)
    night(config)
    card = kpi.score(str(tmp_path / "budget.csv"), system=str(tmp_path / "windows.yaml"), data={"items": items()})
    keys = ["period", "entity"]
    for table in ("totals", "indicators", "measures"):
        there = stored(config, table).drop("system", "position")
        assert there.equals(getattr(card, table).select(there.columns)), table
    assert sorted(there["entity"].unique()) == ["丙县", "乙县", "甲县"]
    assert stored(config, "totals").select(keys).height == 9
    assert "to the bit" in night(config, "--verify")


def test_a_night_without_news_scores_nothing_and_one_with_news_its_periods(tmp_path, write):
    address, into = write
    into(items())
    config = folder_of(tmp_path, address)
    night(config)
    assert last(config)["scored"] == ["2024-01", "2024-02", "2024-03"]
    before = last(config)["state"]
    night(config)
    assert last(config)["state"] == before
    changed = items().with_columns(
        pl.when(pl.int_range(pl.len()) == 600).then(1000.0).otherwise(pl.col("等待")).alias("等待")
    )
    into(changed)
    night(config)
    assert last(config)["scored"] == ["2024-03"]
    night(config, "--verify", "--run", "1")
    # A run is repeated from what it archived, whatever the table holds by now.
    assert "to the bit" in night(config, "--verify")


def test_a_table_that_is_gone_keeps_the_last_results(tmp_path, write):
    address, into = write
    into(items())
    config = folder_of(tmp_path, address)
    night(config)
    before = stored(config, "totals")
    gone = folder_of(tmp_path, address, 'items = "nowhere"')
    output = night(gone, code=1)
    assert "K981" in output
    assert "nowhere" in output
    assert "Traceback" not in output
    assert stored(config, "totals").equals(before)


def test_a_database_that_is_gone_keeps_the_last_results(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    del duckdb
    in_duckdb(tmp_path / "events.duckdb", {"items": items()})
    config = folder_of(tmp_path, 'warehouse = "duckdb:events.duckdb"')
    night(config)
    before = stored(config, "totals")
    (tmp_path / "events.duckdb").unlink()
    assert "K980" in night(config, code=1)
    assert stored(config, "totals").equals(before)
    assert "to the bit" in night(config, "--verify")
    written = json.dumps(last(config)["state"]["inputs"], ensure_ascii=False)  # type: ignore[index]
    assert '"tables": {"items": "duckdb:events.duckdb items"}' in written


@pytest.mark.slow
def test_a_connection_that_is_lost_keeps_the_last_results(tmp_path, monkeypatch):
    pytest.importorskip("adbc_driver_postgresql")
    with own_server() as server:
        monkeypatch.setenv("EVENTS", in_postgresql(server.url, {"items": items()}))
        config = folder_of(tmp_path, 'warehouse = "env:EVENTS"')
        night(config)
        before = stored(config, "totals")
        batches = PostgreSQL.batches

        def lost(self: PostgreSQL, sql: str) -> Iterator[pl.DataFrame]:
            # The server ends in the middle of the night, before the groups are asked for.
            if "row_count" in sql:
                server.stop()
            return batches(self, sql)

        monkeypatch.setattr(PostgreSQL, "batches", lost)
        assert "K980" in night(config, code=1)
    assert stored(config, "totals").equals(before)
    assert "to the bit" in night(config, "--verify")


def test_the_figures_belong_to_their_definition(tmp_path):
    pytest.importorskip("duckdb")
    in_duckdb(tmp_path / "events.duckdb", {"items": items()})
    config = folder_of(tmp_path, 'warehouse = "duckdb:events.duckdb"')
    night(config)
    definition = tmp_path / "windows.yaml"
    definition.write_text(definition.read_text("utf-8").replace("at_least: 30", "at_least: 300"), "utf-8")
    night(config)
    done = CliRunner().invoke(
        main, ["diff", "--at", "1", "--at", "2", "--batch", str(config), "--lang", "en"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('warehouse = "postgresql://li:geheim9@db.example/city"', "a password does not stand in a file"),
        ('warehouse = "clickhouse://li:geheim9@db.example/city"', "a password does not stand in a file"),
        ('spark = "sc://host:15002/;token=geheim9"', "a token does not stand in a file"),
        ('warehouse = "duckdb:../events.duckdb"', "K803"),
        ('warehouse = "duckdb:a"\nspark = "local[1]"', "either `warehouse` or `spark`"),
    ],
)
def test_what_a_configuration_does_not_take(tmp_path, lines, words):
    output = night(folder_of(tmp_path, lines), code=2)
    assert words in output
    assert "geheim9" not in output
    assert not (tmp_path / "store").exists()


def test_tables_of_nothing_and_spark_without_tables_are_refused(tmp_path):
    assert "are those of `warehouse` or `spark`" in night(folder_of(tmp_path, ""), code=2)
    config = folder_of(tmp_path, 'spark = "local[1]"', "")
    assert "`spark` needs its tables" in night(config, code=2)


def test_succession_is_refused(tmp_path):
    pytest.importorskip("duckdb")
    in_duckdb(tmp_path / "events.duckdb", {"items": items()})
    config = folder_of(tmp_path, 'warehouse = "duckdb:events.duckdb"')
    (tmp_path / "changes.csv").write_text("原单位,承继单位,日期\n甲县,丁区,2024-02-01\n", "utf-8")
    (tmp_path / "roster.csv").write_text("name\n丁区\n乙县\n丙县\n", "utf-8")
    definition = tmp_path / "windows.yaml"
    text = definition.read_text("utf-8").replace("roster: roster.csv", "roster: roster.csv, succession: changes.csv")
    definition.write_text(text, "utf-8")
    assert "K987" in night(config, code=1)


@pytest.mark.slow
def test_a_night_over_a_table_of_spark(tmp_path):
    spark_cluster.needed()
    config = folder_of(tmp_path, 'spark = "local[1]"', 'items = "items.parquet"')
    items().write_parquet(tmp_path / "items.parquet")
    night(config)
    card = kpi.score(str(tmp_path / "budget.csv"), system=str(tmp_path / "windows.yaml"), data={"items": items()})
    there = stored(config, "measures").drop("system", "position")
    assert there.equals(card.measures.select(there.columns))
    assert "to the bit" in night(config, "--verify")
