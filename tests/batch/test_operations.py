"""Editions, the command line, logs and metrics, and other programs that read the store."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from test_nights import check, held, night, treated

from kpi.batch import editions
from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.comparison import runs
from kpi.batch.config import load
from kpi.errors import DataError

ROOT = Path(__file__).parents[2]


def kpi(city, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "kpi", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def closed(config, name="年度考核", labels=("2022",)):
    some = load(config)
    store = store_of(some)
    with store.lock(0):
        return editions.close(store, archive_of(some), name=name, system="small", labels=list(labels))


# ---- EDITIONS ---- #


def test_a_closed_edition_keeps_its_results_and_says_that_its_inputs_changed(city, store):
    config = city.config(store=store)
    night(config)
    before = held(config)["totals"].filter(pl.col("period").str.starts_with("2022"))
    closed(config)
    city.correct("2022Q2")
    result = night(config)
    assert result.outcomes[0].scored == ("2023Q2", "2023Q3")
    assert result.outcomes[0].pending == ("2022Q2", "2022Q3")
    assert [item.code for item in result.findings if item.code == "K822"] == ["K822", "K822"]
    after = held(config)["totals"].filter(pl.col("period").str.starts_with("2022"))
    assert before.equals(after, null_equal=True)
    check(config)


def test_an_edition_is_superseded_with_a_reason_and_both_revisions_stay(city, store):
    config = city.config(store=store)
    night(config)
    closed(config)
    city.correct("2022Q2")
    night(config)
    result = night(config, supersede=("年度考核", "甲县更正产值"))
    assert result.outcomes[0].scored == ("2022Q2", "2022Q3")
    check(config)
    state, archive = store_of(load(config)).head().state, archive_of(load(config))
    first, second = (editions.read(state, archive, "年度考核", "totals", revision=number) for number in (1, 2))
    now = held(config)["totals"].filter(pl.col("period").str.starts_with("2022"))
    assert second.equals(now, null_equal=True)
    assert not first.equals(second, null_equal=True)
    revisions = state["editions"]["年度考核"]["revisions"]
    assert [item["reason"] for item in revisions] == [None, "甲县更正产值"]


def test_an_edition_cannot_be_closed_twice_or_overlap(city):
    config = city.config()
    night(config)
    closed(config)
    for name, labels in (("年度考核", ("2023",)), ("另一", ("2022Q4",)), ("空", ("2031",))):
        with pytest.raises(DataError, match="K828"):
            closed(config, name, labels)


def test_the_frozen_rows_survive_the_forgetting_of_runs(city):
    config = city.config(store='store = {path = "store", keep = 1}')
    night(config)
    closed(config)
    for quarter in ("2021Q1", "2023Q4"):
        city.correct(quarter)
        night(config)
    state = store_of(load(config)).head().state
    assert editions.read(state, archive_of(load(config)), "年度考核", "totals").height == 12


# ---- THE COMMAND ---- #


def test_the_commands_of_a_batch(city):
    settings = 'log = "kpi.jsonl"\nmetrics = "kpi.prom"\nsummary = "summary.json"\nstore = "store"'
    config = city.config('output = ["out/totals.csv", "out/all/"]', store=settings)
    done = kpi(city, "batch", config)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "12 periods scored" in done.stderr
    assert (city.folder / "out/totals.csv").read_text("utf-8-sig").count("\n") == 37
    assert (city.folder / "out/all/indicators.parquet").exists()
    events = [json.loads(line) for line in (city.folder / "kpi.jsonl").read_text("utf-8").splitlines()]
    assert [item["event"] for item in events] == ["start", "system", "published", "end"]
    assert json.loads((city.folder / "summary.json").read_text("utf-8"))["run"] == 1

    done = kpi(city, "batch", config, "--verify")
    assert done.returncode == 0
    assert "to the bit" in done.stderr
    done = kpi(city, "explain", "--run", "1", "--batch", config, "甲县", "-p", "2022Q4")
    assert "Composite score" in done.stdout, done.stderr
    done = kpi(city, "batch", config, "--close", "2022", "-p", "2022")
    assert "2022Q1, 2022Q2, 2022Q3, 2022Q4" in done.stderr
    city.correct("2022Q2")
    assert kpi(city, "batch", config, "--supersede", "2022").returncode == 2
    done = kpi(city, "batch", config, "--supersede", "2022", "--reason", "更正")
    assert "4 periods scored" in done.stderr


def test_a_system_that_fails_gives_exit_code_one_and_keeps_its_last_success_in_the_metrics(city):
    config = city.config(store='metrics = "kpi.prom"\nstore = "store"')
    assert kpi(city, "batch", config).returncode == 0
    first = (city.folder / "kpi.prom").read_text("utf-8")
    (city.folder / "inbox" / "2023Q4.csv").write_bytes(b"PK\x03\x04 no workbook")
    done = kpi(city, "batch", config)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "2023Q4.csv" in done.stderr
    second = (city.folder / "kpi.prom").read_text("utf-8")
    stamp = r'kpi_batch_last_success_timestamp_seconds\{system="small"\} (\d+)'
    assert re.search(stamp, first)[1] == re.search(stamp, second)[1]
    assert 'kpi_batch_failed{system="small"} 1' in second


def test_a_night_with_news_leaves_a_note_and_one_without_leaves_none(city):
    config = city.config(store='notify = "notes"\nstore = "store"')
    notes = city.folder / "notes"
    assert kpi(city, "batch", config).returncode == 0
    assert "2023Q4" in (notes / "run-000001.md").read_text("utf-8")
    assert kpi(city, "batch", config).returncode == 0
    assert [item.name for item in notes.iterdir()] == ["run-000001.md"]
    good = (city.folder / "inbox" / "2023Q4.csv").read_bytes()
    (city.folder / "inbox" / "2023Q4.csv").write_bytes(b"PK\x03\x04 no workbook")
    assert kpi(city, "batch", config, "-x").returncode == 1
    note = (notes / "not-published.md").read_text("utf-8")
    assert "small: failed, the last results stay" in note
    assert "inbox/2023Q4.csv" in note
    (city.folder / "inbox" / "2023Q4.csv").write_bytes(good)
    assert kpi(city, "batch", config).returncode == 0
    assert [item.name for item in notes.iterdir()] == ["run-000001.md"]


def test_the_state_of_a_run_names_files_hashes_rows_and_versions(city):
    config = city.config()
    night(config)
    run = store_of(load(config)).head()
    entry = run.state["systems"]["small"]
    assert [item["file"] for item in entry["inputs"]["data"]] == sorted(entry["rows"])
    assert set(entry["rows"].values()) == {9}
    assert {"python", "polars", "pydantic"} <= set(run.manifest["versions"])
    reports = run.manifest["systems"]["small"]
    assert reports["rows"]["read"] == 9 * 12
    assert {"hash", "prepare", "read", "score", "frames"} <= set(reports["seconds"])


def test_the_units_of_systemd_and_the_line_of_cron_in_the_manual_are_sound(tmp_path, city):
    text = (ROOT / "docs" / "batch.md").read_text("utf-8")
    # As cron does: a shell, and little in the environment.
    program = tmp_path / "bin" / "kpi"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m kpi "$@"\n')
    program.chmod(0o755)
    block = re.search(r"```ini\n(.*?)```", text, re.DOTALL)[1]
    units = dict(re.findall(r"# /etc/systemd/system/(\S+)\n(.*?)(?=# /etc|\Z)", block, re.DOTALL))
    assert set(units) == {"kpi-batch.service", "kpi-batch.timer"}
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in units)
    for parser, unit in ((service, "kpi-batch.service"), (timer, "kpi-batch.timer")):
        parser.optionxform = str
        parser.read_string(units[unit])
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Install"]["WantedBy"] == "timers.target"
    cron = re.search(r"With cron: `(.*?)`", text)[1]
    for line in (service["Service"]["ExecStart"], cron.split(None, 6)[-1]):
        options = [word for word in line.split() if word.startswith("--")]
        done = kpi(None, "batch", "--help")
        assert all(option in done.stdout for option in options), line
    assert re.fullmatch(r"\d+ \d+ \* \* \* \S+ kpi batch .*", cron)
    command = cron.split(None, 6)[-1].replace("/srv/kpi/nightly.toml", str(city.config()))
    done = subprocess.run(
        ["sh", "-c", command], env={"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}, cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "12 periods scored" in done.stderr
    if shutil.which("systemd-analyze"):
        for unit, lines in units.items():
            (tmp_path / unit).write_text(lines.replace("/usr/bin/kpi", str(program)))
        command = ["systemd-analyze", "verify", *(tmp_path / unit for unit in units)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_no_password_is_in_the_arguments_or_the_log_of_a_batch(city, database, monkeypatch):
    config = city.config(
        store='log = "log.jsonl"\narchive = "archive"\n'
        'store = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}'
    )
    with store_of(load(config)).lock(0):
        command = [sys.executable, "-m", "kpi", "batch", str(config), "--wait", "30"]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(3)
        arguments = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    answer = out + err + (city.folder / "log.jsonl").read_text("utf-8") + arguments.decode()
    run = store_of(load(config)).head()
    assert "geheim7" not in answer + json.dumps([run.manifest, run.state], ensure_ascii=False)


def test_the_metrics_have_the_form_that_prometheus_reads(city):
    config = city.config(store='metrics = "kpi.prom"\nstore = "store"')
    kpi(city, "batch", config)
    label = r'[a-z_]+="[^"\\\n]*"'
    sample = re.compile(rf"kpi_batch_[a-z_]+(\{{{label}(,{label})*\}})? [0-9.e+-]+")
    for line in (city.folder / "kpi.prom").read_text("utf-8").splitlines():
        assert line.startswith(("# HELP kpi_batch_", "# TYPE kpi_batch_")) or sample.fullmatch(line), line


def test_what_cannot_run_gives_exit_code_two(city):
    assert kpi(city, "batch", city.folder / "none.toml").returncode == 2
    config = city.config()
    with store_of(load(config)).lock(0):
        done = kpi(city, "batch", config)
    assert done.returncode == 2
    assert "K810" in done.stderr


def test_two_runs_differ_by_data_and_by_definition_and_both_add_up(city, store):
    config = city.config(store=store)
    night(config)
    city.correct("2022Q2")
    night(config)
    file = city.folder / "small.yaml"
    file.write_text(file.read_text("utf-8").replace("at_least: 300", "at_least: 290"), "utf-8")
    night(config)
    data = runs([1, 2], config=str(config), system=None, period=None)
    assert data.changed["period"].unique(maintain_order=True).to_list() == ["2022Q2"]
    assert set(data.totals["from_definition"].drop_nulls()) == {0.0}
    assert data.figures.select("period", "entity", "measure", "value").rows() == [("2022Q2", "甲县", "made", 99.5)]
    both = runs([1], config=str(config), system="small", period="2022Q2")
    assert both.before.name, both.after.name == ("run 1", "run 3")
    row = both.totals.filter(entity="甲县").row(0, named=True)
    assert row["from_data"] == pytest.approx(data.totals.filter(entity="甲县", period="2022Q2")["change"].item())
    assert row["from_definition"] > 0
    assert row["change"] == pytest.approx(row["from_data"] + row["from_definition"])
    assert both.definitions["path"].to_list() == ["indicators.length.target[1].at_least"]
    # A roster and files of targets belong to the definition.
    roster = city.folder / "roster.csv"
    roster.write_text(roster.read_text("utf-8").replace("丙县,330103\n", ""), "utf-8")
    night(config)
    gone = runs([3], config=str(config), system=None, period="2022Q2")
    assert gone.totals.filter(entity="丙县")["status"].to_list() == ["absent"]
    assert set(gone.totals["from_data"].drop_nulls()) == {0.0}
    with pytest.raises(DataError, match="K811"):
        runs([9], config=str(config), system=None, period=None)


# ---- OTHER PROGRAMS ---- #


@pytest.mark.parametrize("name", ["small", "数字政府2022"])
def test_duckdb_reads_the_published_version_of_a_delta_store(city, name):
    duckdb, deltalake = pytest.importorskip("duckdb"), pytest.importorskip("deltalake")
    treated(city)
    text = (city.folder / "small.yaml").read_text("utf-8").replace("system: small", f"system: '{name}'")
    (city.folder / "small.yaml").write_text(text, "utf-8")
    config = city.config()
    assert night(config).failed == []
    city.correct("2022Q3")
    night(config)
    runs = pl.read_delta(str(city.folder / "store" / "runs"))
    versions = json.loads(runs.sort("number")["versions"][-1])
    for table, shown in (("totals", ["entity", "raw_score"]), ("treated", ["step", "entity", "indicator", "after"])):
        files = deltalake.DeltaTable(city.folder / "store" / table, version=versions[table]).file_uris()
        query = "SELECT * FROM read_parquet($files, hive_partitioning = true) WHERE period = '2022Q2' ORDER BY position"
        actual = duckdb.sql(query, params={"files": files}).select("system", *shown).fetchall()
        assert actual == held(config)[table].filter(period="2022Q2").select("system", *shown).rows()
        assert actual


def test_psql_reads_a_postgresql_store(city, server, database):
    psql = shutil.which("psql") or str(server.binaries / "psql")
    config = city.config(
        store='archive = "archive"\nstore = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}'
    )
    night(config)
    treated(city)
    night(config)
    query = "SELECT step, entity, indicator FROM kpi.treated WHERE period = '2022Q2' ORDER BY position"
    done = subprocess.run([psql, database, "-AtF,", "-c", query], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["gaps,丙县,growth", "gaps,丙县,length"]
    query = "SELECT entity, score FROM kpi.totals WHERE period = '2023Q4' ORDER BY position"
    done = subprocess.run([psql, database, "-AtF,", "-c", query], capture_output=True, text=True, check=True)
    expected = held(config)["totals"].filter(period="2023Q4").select("entity", "score").rows()
    assert [line.split(",") for line in done.stdout.splitlines()] == [[e, f"{s:g}"] for e, s in expected]


def test_a_postgresql_store_of_a_newer_engine_is_refused(city, database):
    import psycopg

    config = city.config(
        store='archive = "archive"\nstore = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}'
    )
    night(config)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO kpi.schema_version VALUES (99)")
    with pytest.raises(DataError, match="K817"):
        night(config)
