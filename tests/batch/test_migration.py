"""Stores in a layout of before are refused, and brought over whole: every run, to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from city import QUARTERS, STORES
from click.testing import CliRunner
from former_stores import DUMPS, as_parquet, dumped
from test_nights import check, held, night, same
from test_stores import bits

from kpi.batch import editions
from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.config import load
from kpi.batch.store.base import TABLES, Change, Run
from kpi.batch.store.delta import DeltaStore
from kpi.cli.main import main
from kpi.errors import DataError

# Whole stores are built and brought over, with a server for each.
pytestmark = pytest.mark.slow

FORMER = 'archive = "archive"\nstore = {kind = "parquet", path = "store"}'
TODAY = 'archive = "archive"\nstore = "store"'


def ran(*arguments):
    done = CliRunner().invoke(main, ["batch", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output + done.stderr


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file of a folder but its lock."""
    there = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in there}


# ---- PARQUET ---- #


@pytest.fixture
def former(city):
    """A city whose four runs, the third of which closed an edition, are in a Parquet store, and those runs."""
    pytest.importorskip("deltalake")
    for quarter in QUARTERS[5:]:
        (city.folder / "inbox" / f"{quarter}.csv").unlink()
    config = city.config(store='archive = "archive"\nstore = "other"')
    night(config)
    gone = city.folder / "inbox" / f"{QUARTERS[4]}.csv"
    text = gone.read_text("utf-8")
    gone.unlink()
    night(config)
    assert ran(config, "--close", "一季度", "-p", "2021Q1")[0] == 0
    gone.write_text(text, "utf-8")
    city.report("2021Q3", created=[99.5, 120, 121])
    night(config)
    store = store_of(load(config))
    as_parquet(store, city.folder / "store")
    return city, store


def assert_brought_over(city, was, numbers):
    now = store_of(load(city.config(store=TODAY)))
    assert now.numbers() == numbers
    for number in numbers:
        assert now.run(number) == was.run(number)
        for table in TABLES:
            old, new = was.read(table, number=number), now.read(table, number=number)
            assert old.height == new.height, (number, table)
            if old.height:
                assert bits(new.select(old.columns)).equals(bits(old)), (number, table)
    assert now.check(thorough=True) == []


def test_a_parquet_store_is_refused_until_it_is_brought_over(former):
    city, _ = former
    before = files(city.folder / "store")
    for line in (FORMER, TODAY):
        config = city.config(store=line)
        for options in ([], ["--all"], ["--verify"], ["--check-store"], ["--repair"], ["--close", "x", "-p", "2021Q2"]):
            code, answer = ran(config, *options)
            assert (code, "K850" in answer, "--migrate" in answer) == (2, True, True), answer
        done = CliRunner().invoke(main, ["explain", "--run", "1", "--batch", str(config), "甲县"])
        assert (done.exit_code, "K850" in done.output + done.stderr) == (2, True)
    assert files(city.folder / "store") == before


def test_every_run_of_a_parquet_store_is_brought_over(former):
    city, was = former
    before = files(city.folder / "store")
    config = city.config(store=FORMER)
    code, answer = ran(config, "--migrate")
    assert (code, "4 runs brought over (1 to 4)" in answer, 'kind = "delta"' in answer) == (0, True, True), answer
    assert files(city.folder / "store" / "parquet") == before
    assert not (city.folder / "store" / ".migrating").exists()
    assert_brought_over(city, was, [1, 2, 3, 4])
    code, answer = ran(city.config(store=FORMER))
    assert (code, "K851" in answer) == (2, True), answer
    config = city.config(store=TODAY)
    check(config)
    state, archive = store_of(load(config)).head().state, archive_of(load(config))
    assert editions.read(state, archive, "一季度", "totals").height == 3
    assert night(config).outcomes[0].status == "unchanged"
    city.report("2021Q2", created=[1, 2, 3])
    assert night(config).failed == []
    check(config)
    code, answer = ran(config, "--migrate")
    assert (code, "nothing to bring over" in answer) == (0, True), answer


def test_the_archive_in_the_folder_of_the_store_stays(former):
    city, _ = former
    (city.folder / "archive").rename(city.folder / "store" / "archive")
    assert ran(city.config(store='store = {kind = "parquet", path = "store"}'), "--migrate")[0] == 0
    check(city.config())


def test_what_was_never_published_is_not_brought_over(former):
    city, was = former
    runs = city.folder / "store" / "runs"
    shutil.copy(runs / "000004.json", runs / "000005.json")
    assert ran(city.config(store=FORMER), "--migrate")[0] == 0
    assert_brought_over(city, was, [1, 2, 3, 4])


def test_a_store_without_runs_is_brought_over(city):
    pytest.importorskip("deltalake")
    (city.folder / "store").mkdir()
    (city.folder / "store" / "HEAD").write_text("0\n")
    config = city.config(store=FORMER)
    assert ran(config)[0] == 2
    code, answer = ran(config, "--migrate")
    assert (code, "0 runs" in answer) == (0, True), answer
    assert night(city.config(store=TODAY)).run.number == 1


def only_of(city, number, table="totals"):
    """A file of a table that a run has and the last has not."""
    import json

    def names(run):
        tree = json.loads((city.folder / "store" / "runs" / f"{run:06}.json").read_text("utf-8"))
        return set(tree["tables"][table]["small"].values())

    return city.folder / "store" / table / min(names(number) - names(4))


@pytest.mark.parametrize("how", ["changed", "gone", "record"])
def test_a_damaged_run_is_left_out_and_named(former, how):
    city, was = former
    path = only_of(city, 1)
    if how == "record":
        path = city.folder / "store" / "runs" / "000001.json"
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    if how != "record":
        assert len({1, 2, 3} - damaged(city, path)) < 3
    code, answer = ran(city.config(store=FORMER), "--migrate")
    assert (code, "K853" in answer, "run 1 was left out" in answer) == (0, True, True), answer
    left = {1} if how == "record" else damaged(city, path)
    assert_brought_over(city, was, [number for number in (1, 2, 3, 4) if number not in left])


def damaged(city, path):
    """The runs that name a file."""
    folder = city.folder / "store"
    runs = (folder / "parquet" / "runs") if (folder / "parquet").exists() else folder / "runs"
    return {int(item.stem) for item in runs.glob("*.json") if path.name in item.read_text("utf-8")}


@pytest.mark.parametrize("what", ["HEAD", "runs/000004.json", "a file"])
def test_a_store_whose_last_run_is_damaged_is_refused_and_left_as_it_is(former, what):
    city, _ = former
    folder = city.folder / "store"
    path = (
        max((folder / "totals").glob("*.parquet"), key=lambda item: 4 in damaged(city, item))
        if what == "a file"
        else folder / what
    )
    path.write_bytes(path.read_bytes()[:-5]) if what == "a file" else path.unlink()
    before = files(folder)
    for options in ([], ["--migrate"]):
        code, answer = ran(city.config(store=FORMER), *options)
        assert (code, ("K853" if options else "K850") in answer) == (2, True), answer
    assert files(folder) == before


def test_a_migration_that_is_interrupted_is_finished_by_the_next(former, monkeypatch):
    city, was = former
    safe, replace = city.folder / "safe", Path.replace
    shutil.copytree(city.folder / "store", safe)
    for step in range(40):
        shutil.rmtree(city.folder / "store")
        shutil.copytree(safe, city.folder / "store")
        moves = iter(range(1000))

        def moved(self, target, moves=moves, step=step):
            # Only what moves whole tables: files are written through the same function.
            if (
                "_delta_log" not in str(target)
                and Path(target).name in {*TABLES, "runs", "HEAD"}
                and next(moves) == step
            ):
                raise KeyboardInterrupt
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", moved)
        config = city.config(store=FORMER)
        ended = CliRunner().invoke(main, ["batch", str(config), "--migrate"]).exit_code == 0
        monkeypatch.undo()
        if ended:
            break
        code, answer = ran(city.config(store=TODAY))
        assert (code, "K850" in answer) == (2, True), (step, answer)
        assert ran(config, "--migrate")[0] == 0, step
        if step % 4 == 0:
            assert_brought_over(city, was, [1, 2, 3, 4])
        assert store_of(load(city.config(store=TODAY))).head() == was.head()
    assert step > 10


# ---- POSTGRESQL ---- #


@pytest.fixture
def packed(city, database, request):
    """The configuration of a store of an older engine, with packed rows unless another version is asked for."""
    import psycopg

    with psycopg.connect(database) as connection:
        connection.execute(DUMPS[getattr(request, "param", 2)].read_bytes())
    return city.config(store=STORES["postgresql"])


def tables_of(database):
    import psycopg

    with psycopg.connect(database) as connection:
        query = "SELECT relname, relkind::text, reltuples FROM pg_class WHERE relnamespace = 'kpi'::regnamespace"
        return set(connection.execute(f"{query} AND relkind IN ('r', 'v')".encode()).fetchall())


@pytest.mark.parametrize("packed", [2, 3], indirect=True)
def test_a_store_with_packed_rows_is_refused_until_it_is_brought_over(packed, database):
    before = tables_of(database)
    for options in ([], ["--all"], ["--verify"], ["--check-store"], ["--repair"], ["--close", "x", "-p", "2023Q1"]):
        code, answer = ran(packed, *options)
        assert (code, "K850" in answer, "--migrate" in answer) == (2, True, True), answer
        assert "geheim7" not in answer
    assert tables_of(database) == before


@pytest.mark.parametrize(("packed", "version"), [(1, 1), (2, 2), (3, 3)], indirect=["packed"])
def test_every_run_of_an_older_store_is_brought_over(packed, city, database, version):
    import psycopg

    pytest.importorskip("deltalake")
    was = DeltaStore(city.folder / "other")
    with was.lock(0):
        for run, changes in dumped():
            was.publish(run, changes)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM kpi.schema_version WHERE version > %s", (version,))
        connection.execute(f"CREATE ROLE reader_{version}".encode())
        connection.execute(f"GRANT SELECT ON kpi.indicators, kpi.totals_history TO reader_{version}".encode())
        connection.execute("GRANT SELECT ON kpi.totals TO PUBLIC")
    code, answer = ran(packed, "--migrate")
    assert (code, "3 runs brought over (1 to 3)" in answer) == (0, True), answer
    now = store_of(load(packed))
    assert now.numbers() == [1, 2, 3]
    for number in (1, 2, 3):
        assert now.run(number) == was.run(number)
        for table in TABLES:
            old, new = was.read(table, number=number), now.read(table, number=number)
            assert old.height == new.height, (number, table)
            if old.height:
                assert bits(new.select(old.columns)).equals(bits(old)), (number, table)
    with psycopg.connect(database) as connection:
        first = connection.execute("SELECT min(id) FROM kpi.parts WHERE \"table\" = 'indicators'").fetchone()[0]
        own = f"indicators_facts_{first}"
        assert (
            connection.execute("SELECT count(*) FROM kpi.totals_facts").fetchone()
            == connection.execute("SELECT count(*) FROM kpi.totals_history").fetchone()
        )
    assert {name for name, *_ in tables_of(database)} == {
        "runs", "parts", "schema_version", "entities", "indicators_kinds", "indicators_facts_0", own,
        *(f"{table}{end}" for table in ("totals", "indicators", "findings") for end in ("", "_history", "_facts")),
    } - {"indicators_facts"}  # fmt: skip
    with psycopg.connect(database) as connection:
        query = f"SELECT has_table_privilege('reader_{version}', %s, 'SELECT')".encode()
        may = {
            view: connection.execute(query, (f"kpi.{view}",)).fetchone()[0]
            for view in ("indicators", "indicators_history", "totals", "totals_history", "findings")
        }
    assert may == {
        "indicators": True, "indicators_history": False, "totals": True, "totals_history": True, "findings": False
    }  # fmt: skip
    code, answer = ran(packed, "--migrate")
    assert (code, "nothing to bring over" in answer) == (0, True), answer
    with now.lock(0):
        assert now.check() == []
        rows = was.read("indicators", number=1).filter(period="2023Q1")
        now.publish(Run(4), [Change("indicators", "s'1", ("2023Q1",), rows)])
        assert now.tidy(1) == 3
    there = now.read("indicators")
    expected = pl.concat([rows, was.read("indicators").filter(pl.col("period") != "2023Q1")])
    assert bits(there).equals(bits(expected.select(there.columns)))


@pytest.mark.parametrize("packed", [2, 3], indirect=True)
def test_a_migration_that_the_database_refuses_changes_nothing(packed, database):
    import psycopg

    with psycopg.connect(database) as connection:
        connection.execute("CREATE VIEW public.mine AS SELECT entity, value FROM kpi.indicators")
    before = tables_of(database)
    code, answer = ran(packed, "--migrate")
    assert (code, "K816" in answer, "mine" in answer) == (2, True, True), answer
    assert tables_of(database) == before
    with psycopg.connect(database) as connection:
        connection.execute("DROP VIEW public.mine")
    assert ran(packed, "--migrate")[0] == 0


def test_a_new_store_has_nothing_to_bring_over(city, database):
    config = city.config(store=STORES["postgresql"])
    code, answer = ran(config, "--migrate")
    assert (code, "nothing to bring over" in answer) == (0, True), answer
    assert night(config).failed == []
    assert same(held(config), held(config, 1))
    with pytest.raises(DataError, match="K811"):
        store_of(load(config)).run(7)
