"""A damaged store is refused in words or is as good as before; it never begins anew without a word."""

from __future__ import annotations

import random
import shutil

import polars as pl
import pytest
from city import QUARTERS
from click.testing import CliRunner
from test_nights import held, night, same

from kpi.cli.main import main
from kpi.errors import DataError


def ran(*arguments):
    """Run the command line and return its exit code and all it said."""
    done = CliRunner().invoke(main, ["batch", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output + done.stderr


@pytest.fixture
def kept(city):
    pytest.importorskip("deltalake")
    return three_runs(city)


def three_runs(city):
    """Return a city and the configuration of its store after three runs, the second of which closed an edition."""
    for quarter in QUARTERS[4:]:
        (city.folder / "inbox" / f"{quarter}.csv").unlink()
    config = city.config()
    night(config)
    assert ran(config, "--close", "first", "-p", "2021Q1")[0] == 0
    city.report("2021Q2", created=[99.5, 120, 121])
    night(config)
    return city, config


def folder(city):
    return city.folder / "store"


def files(city):
    """Every file of the store but the archive and the lock."""
    there = [path for path in folder(city).rglob("*") if path.is_file()]
    return sorted(path for path in there if "archive" not in path.parts and path.name != ".lock")


def test_a_whole_store_says_so(kept):
    _, config = kept
    code, answer = ran(config, "--check-store")
    assert (code, "whole. The last run is 3" in answer, "first" in answer) == (0, True, True), answer
    code, answer = ran(config, "--repair")
    assert (code, "nothing to repair" in answer) == (0, True)


def test_what_names_the_runs_is_gone(kept):
    city, config = kept
    shutil.rmtree(folder(city) / "runs")
    before = {item: item.read_bytes() for item in files(city)}
    city.report("2021Q3", created=[1, 2, 3])
    for options in ([], ["--all"], ["--check-store"], ["--close", "second", "-p", "2021Q2"]):
        code, answer = ran(config, *options)
        assert code in {1, 2}, answer
        assert "K833" in answer
        assert "--repair" in answer
    assert {item: item.read_bytes() for item in files(city)} == before


def test_a_log_that_lost_its_end_is_noticed(city):
    pytest.importorskip("deltalake")
    config = city.config()
    night(config)
    assert ran(config, "--close", "first", "-p", "2021Q1")[0] == 0
    city.correct("2022Q2")
    night(config)
    max((folder(city) / "runs" / "_delta_log").glob("*.json")).unlink()
    code, answer = ran(config)
    assert (code, "K833" in answer) == (2, True)
    code, answer = ran(config, "--repair")
    assert (code, "went back to run 2" in answer) == (0, True), answer
    night(config)
    assert ran(config, "--verify")[0] == 0
    assert "first" in ran(config, "--check-store")[1]


@pytest.mark.parametrize("column", ["score_status", "value", "entity"])
def test_a_log_that_names_a_column_otherwise_is_noticed(kept, column):
    city, config = kept
    log = folder(city) / "indicators/_delta_log/00000000000000000000.json"
    text = log.read_text("utf-8")
    log.write_text(text.replace(f'\\"name\\":\\"{column}\\"', f'\\"name\\":\\"{column[:-1]})\\"'), "utf-8")
    assert log.read_text("utf-8") != text
    for options in ([], ["--check-store"]):
        code, answer = ran(config, *options)
        assert code, answer
        assert "K833" in answer


@pytest.mark.parametrize(
    "change",
    [
        pl.col("versions").str.replace('"totals"', '"t0tals"', literal=True),
        pl.col("versions").str.replace('"seal"', '"sea1"', literal=True),
        pl.col("versions").str.replace(r'"totals": \d+', '"totals": 0'),
        pl.col("number") - 2,
        pl.col("number") + 1,
        pl.col("state").str.replace(r"\d", "7"),
    ],
)
def test_a_changed_record_of_a_run_is_noticed(kept, change):
    city, config = kept
    replace_record(city, lambda row: row.with_columns(change))
    for options in ([], ["--check-store"]):
        code, answer = ran(config, *options)
        assert (code, "was changed" in answer) == (1 if options else 2, True), answer


def test_a_lost_record_of_a_run_is_noticed(kept):
    city, config = kept
    replace_record(city, lambda row: row.clear())
    for options in ([], ["--check-store"]):
        code, answer = ran(config, *options)
        assert code == (1 if options else 2), answer
        assert "3 records of runs were written, and 2 can be read" in answer
    code, answer = ran(config, "--repair")
    assert (code, "went back to run 2" in answer) == (0, True), answer


def replace_record(city, change):
    """Replace the file of the last run's record by one of the same length with another content."""
    for path in (folder(city) / "runs").glob("*.parquet"):
        row = pl.read_parquet(path)
        if row["number"].to_list() == [3]:
            length = path.stat().st_size
            change(row).write_parquet(path, compression="zstd", compression_level=22, statistics=False)
            assert path.stat().st_size <= length
            pad(path, length)


def pad(path, length):
    """Lengthen a Parquet file: its end says where its footer begins, so bytes may stand before it."""
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(data[:start] + bytes(length - len(data)) + data[start:])


def damage(path, how, chance):
    data = path.read_bytes()
    if how == "removed" or not data:
        path.unlink()
    elif how == "truncated":
        path.write_bytes(data[: chance.randrange(len(data))])
    else:
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :])


def reads(config, expected):
    """Return whether readers see what was published."""
    try:
        return same(held(config), expected)
    except DataError as error:
        if not all(item.code.startswith("K8") and item.hint for item in error.diagnostics):
            raise
        return False


def judged(city, config, chance, draws):
    """Damage one file after the other: the store works with the same bits, or is refused, and can be repaired."""
    expected, safe, refused = held(config), city.folder / "safe", 0
    shutil.copytree(folder(city), safe)
    for draw in range(draws):
        path, how = chance.choice(files(city)), chance.choice(["removed", "truncated", "changed"])
        damage(path, how, chance)
        where = f"draw {draw}: {path.relative_to(city.folder)} {how}"
        code, answer = ran(config, "--check-store")
        assert code in {0, 1, 2}, f"{where}: {answer}"
        assert (code == 0) or "K8" in answer, f"{where}: {answer}"
        refused += code != 0
        assert reads(config, expected) or code, where
        code, answer = ran(config)
        if code:
            assert "K8" in answer, f"{where}: {answer}"
        elif ran(config, "--check-store")[0] == 0:
            assert same(held(config), expected), where
        if draw % 3 == 0:
            code, answer = ran(config, "--repair")
            assert (code == 0) or "K835" in answer, f"{where}: {answer}"
            if code == 0:
                assert ran(config)[0] == 0, where
                assert same(held(config), expected), where
        shutil.rmtree(folder(city))
        shutil.copytree(safe, folder(city))
    return refused


def test_files_that_are_damaged(kept):
    assert judged(*kept, random.Random(5), 12) > 3


@pytest.mark.slow
def test_a_hundred_damaged_files(kept):
    assert judged(*kept, random.Random(6), 100) > 32


@pytest.mark.parametrize(
    ("number", "words"),
    [(27, "File too large"), (5, "Input/output error"), (28, "No space left on device"), (30, "Read-only file system")],
)
def test_a_file_that_cannot_be_written_is_a_finding(kept, monkeypatch, number, words):
    city, config = kept
    city.report("2021Q3", created=[1, 2, 3])
    before = held(config)

    def refused(*_, **__):
        raise OSError(number, words)

    monkeypatch.setattr("pathlib.Path.replace", refused)
    code, answer = ran(config)
    assert code == 2
    assert "K813" in answer or "K571" in answer, answer
    monkeypatch.undo()
    assert same(held(config), before)


def test_a_log_that_cannot_be_written_does_not_stop_a_night(city):
    config = city.config(store='log = "log.jsonl"\nstore = "store"')
    (city.folder / "log.jsonl").mkdir()
    code, answer = ran(config)
    assert (code, "K834" in answer) == (0, True), answer


def test_runs_that_postgresql_lost(city, database):
    import psycopg

    config = city.config(store='store = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}')
    night(config)
    expected = held(config)
    city.correct("2022Q2")
    night(config)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM kpi.runs WHERE number = 2")
    for options in ([], ["--check-store"]):
        code, answer = ran(config, *options)
        assert (code in {1, 2}, "K833" in answer) == (True, True), answer
    code, answer = ran(config, "--repair")
    assert (code, "run 1" in answer) == (0, True), answer
    assert same(held(config), expected)
    night(config)
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE kpi.runs")
    for options in ([], ["--check-store"]):
        code, answer = ran(config, *options)
        assert (code in {1, 2}, "K833" in answer) == (True, True), answer
    code, answer = ran(config, "--repair")
    assert (code, "K835" in answer) == (2, True), answer
