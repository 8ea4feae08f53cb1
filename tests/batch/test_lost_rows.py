"""Rows, tables and archived files that are gone are found, and come back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from city import QUARTERS, STORES
from test_damaged_stores import ran
from test_nights import held, night, same

# A server is started for each store.
pytestmark = pytest.mark.slow

LOSSES = {
    "table": "DROP TABLE kpi.totals_facts CASCADE",
    "rows": "TRUNCATE kpi.totals_facts CASCADE",
    "some rows": "DELETE FROM kpi.indicators_facts WHERE position = 1",
    "view": "DROP VIEW kpi.totals",
    "history": "DROP VIEW kpi.totals_history",
    "parts": "DELETE FROM kpi.parts",
    "validity": "UPDATE kpi.parts SET valid_to = valid_from",
    "column": "ALTER TABLE kpi.totals_facts DROP COLUMN score CASCADE",
    "dimension": "DROP TABLE kpi.entities CASCADE",
    "rows of a dimension": "DELETE FROM kpi.entities WHERE id = (SELECT entity_id FROM kpi.indicators_facts LIMIT 1)",
    "column of a dimension": "ALTER TABLE kpi.indicators_kinds DROP COLUMN title CASCADE",
    "state": "UPDATE kpi.runs SET state = '{}'",
    "state of the last run": "UPDATE kpi.runs SET state = '{}' WHERE number = 2",
}


def two_runs(city, store):
    for quarter in QUARTERS[4:]:
        (city.folder / "inbox" / f"{quarter}.csv").unlink()
    config = city.config(store=STORES[store])
    night(config)
    assert ran(config, "--close", "first", "-p", "2021Q1")[0] == 0
    return config


@pytest.mark.parametrize("loss", LOSSES)
def test_what_postgresql_lost_is_found_and_comes_back(city, database, loss):
    import psycopg

    config = two_runs(city, "postgresql")
    expected = held(config)
    with psycopg.connect(database) as connection:
        connection.execute(LOSSES[loss].encode())
    for options, code_expected in (([], 2), (["--check-store"], 1), (["--verify"], 1)):
        code, answer = ran(config, *options)
        assert (code, "K833" in answer) == (code_expected, True), answer
        assert "whole" not in answer.replace("is whole", "")
    code, answer = ran(config, "--repair")
    assert "went back to the last" not in answer
    if loss == "state":
        assert (code, "K835" in answer) == (2, True), answer
        return
    assert code == 0, answer
    code, answer = ran(config, "--check-store")
    assert (code == 0) or "K837" in answer, answer
    assert ran(config)[0] == 0
    assert same(held(config), expected)
    for options in (["--check-store"], ["--verify"]):
        code, answer = ran(config, *options)
        assert code == 0, answer
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(score) > 0, count(*) FROM kpi.totals").fetchone() == (True, 12)


def test_a_store_of_an_earlier_engine_is_compared_as_far_as_it_can_be(city, database):
    import psycopg

    config = two_runs(city, "postgresql")
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE kpi.parts DROP COLUMN rows")
        connection.execute("ALTER TABLE kpi.runs DROP COLUMN contents, DROP COLUMN digest")
    assert ran(config, "--check-store")[0] == 0
    assert ran(config)[0] == 0
    city.correct("2021Q3")
    assert ran(config)[0] == 0
    assert ran(config, "--check-store")[0] == 0
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM kpi.parts")
    assert ran(config, "--check-store")[0] == 1


def test_a_store_that_is_gone_is_not_begun_anew(city, database):
    import psycopg

    config = two_runs(city, "postgresql")
    expected = held(config)
    for loss in ("DROP TABLE kpi.parts CASCADE", "DROP SCHEMA kpi CASCADE"):
        with psycopg.connect(database) as connection:
            connection.execute(loss.encode())
        for options, expected_code in (([], 2), (["--all"], 2), (["--check-store"], None), (["--repair"], 2)):
            code, answer = ran(config, *options)
            assert (code, "K838" in answer) == (expected_code or code, True), answer
            assert code in {1, 2}
    (trace,) = city.folder.rglob("last_run.json")
    assert str(trace) in answer
    trace.unlink()
    assert ran(config)[0] == 0
    assert same(held(config), expected)


def test_views_that_were_changed_are_found_and_made_again(city, database):
    import psycopg

    config = two_runs(city, "postgresql")
    expected = held(config)
    with psycopg.connect(database) as connection:
        connection.execute("CREATE ROLE view_reader")
        connection.execute("GRANT SELECT ON kpi.totals TO view_reader")
        text = connection.execute("SELECT pg_get_viewdef('kpi.totals'::regclass)").fetchone()[0].rstrip(";")
        connection.execute(f"CREATE OR REPLACE VIEW kpi.totals AS {text} AND f.rank = 1".encode())
        connection.execute("ALTER VIEW kpi.indicators_history RENAME COLUMN value TO figure")
    code, answer = ran(config, "--check-store")
    assert (code, "`kpi.totals` was" in answer, "`kpi.indicators_history` was" in answer) == (1, True, True), answer
    code, answer = ran(config, "--repair")
    assert code == 0, answer
    assert ran(config, "--check-store")[0] == 0
    assert same(held(config), expected)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM kpi.totals").fetchone() == (12,)
        assert connection.execute("SELECT has_table_privilege('view_reader', 'kpi.totals', 'SELECT')").fetchone()[0]
    assert ran(config)[0] == 0


def test_a_changed_value_is_named_with_the_remedy(city, database):
    import psycopg

    config = two_runs(city, "postgresql")
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE kpi.totals_facts SET score = 1")
    code, answer = ran(config, "--verify")
    assert (code, "K827" in answer, "--all" in answer) == (1, True, True), answer


# ---- ARCHIVE ---- #


def archived(config, sha_of):
    from kpi.batch.batch_run import archive_of, store_of
    from kpi.batch.config import load

    loaded = load(config)
    return archive_of(loaded).place(sha_of(store_of(loaded).head().state))


def flipped(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def of_edition(state):
    return state["editions"]["first"]["revisions"][0]["tables"]["totals"]


def of_data(state):
    return state["systems"]["small"]["inputs"]["data"][1]["sha256"]


def of_definition(state):
    return state["systems"]["small"]["inputs"]["definition"]["small.yaml"]


@pytest.mark.parametrize("how", [flipped, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("which", [of_edition, of_data, of_definition])
def test_a_damaged_file_of_the_archive_is_found_and_written_again(city, store, which, how):
    config = two_runs(city, next(name for name, line in STORES.items() if line == store))
    path = archived(config, which)
    before = path.read_bytes()
    how(path)
    code, answer = ran(config, "--check-store")
    assert (code, "K814" in answer, "--repair" in answer) == (1, True, True), answer
    code, answer = ran(config, "--verify")
    assert (code > 0, "K814" in answer, "--repair" in answer) == (True, True, True), answer
    code, answer = ran(config, "--repair")
    assert (code, "1 file of the archive" in answer) == (0, True), answer
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.damaged"))
    assert ran(config, "--check-store")[0] == 0
    assert ran(config, "--verify")[0] == 0


def test_a_night_warns_of_a_file_of_a_closed_edition_that_is_gone(city):
    pytest.importorskip("deltalake")
    config = two_runs(city, "delta")
    archived(config, of_edition).unlink()
    code, answer = ran(config)
    assert (code, "K814" in answer) == (0, True), answer


def test_an_archived_input_whose_original_changed_cannot_be_written_again(city):
    pytest.importorskip("deltalake")
    config = two_runs(city, "delta")
    path = archived(config, of_data)
    flipped(path)
    damaged = path.read_bytes()
    city.report("2021Q2", created=[1, 2, 3])
    code, answer = ran(config, "--repair")
    assert (code, "K814" in answer, "backup" in answer) == (2, True, True), answer
    assert path.read_bytes() == damaged


# ---- ACCESS ---- #


@pytest.mark.parametrize("options", [[], ["--repair"], ["--close", "x", "-p", "2021"]])
def test_a_store_that_cannot_be_written_is_a_finding(city, monkeypatch, options):
    pytest.importorskip("deltalake")
    config = two_runs(city, "delta")
    opened = os.open

    def refused(path, *rest, **more):
        if str(path).endswith(".lock"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refused)
    code, answer = ran(config, *options)
    assert (code, "K813" in answer) == (2, True), answer


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_connection_file_is_a_file(city, make):
    config = city.config(store='archive = "archive"\nstore = {kind = "postgresql", connection_file = "secret"}')
    make(city.folder / "secret", 0o600)
    code, answer = ran(config)
    assert (code, "K815" in answer) == (2, True), answer
