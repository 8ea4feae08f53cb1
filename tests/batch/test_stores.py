"""What is read from a store is what was written, to the bit: every type, nulls anywhere, any text."""

from __future__ import annotations

import datetime as dt
import time

import polars as pl
import pytest
from city import STORES

from kpi.batch.batch_run import store_of
from kpi.batch.config import load
from kpi.batch.store.base import Change, Run, prepared
from kpi.batch.store.postgres import PostgresStore
from kpi.errors import DataError

TEXTS = ["", "甲县", "a,b\"c\\N'd", "一\n二", "\\.", "x" * 9000, None]
NUMBERS = [0, -1, 2**63 - 1, -(2**63), 7, 8, None]
FLOATS = [0.0, -0.0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1e-9, None]
DAYS = [dt.date(1949, 10, 1), dt.date(2023, 12, 31), None, dt.date(2000, 1, 1), None, dt.date(1, 1, 1), None]


def rows(period: str, shift: int = 0) -> pl.DataFrame:
    """Rows with a null in each column, at places of its own."""
    some = {"part": TEXTS, "many": NUMBERS, "share": FLOATS, "day": DAYS, "told": [True, False, None] * 2 + [None]}
    turned = {name: values[shift + at :] + values[: shift + at] for at, (name, values) in enumerate(some.items())}
    nothing = pl.lit(None, dtype=pl.String).alias("nothing")
    return prepared(pl.DataFrame({"period": [period] * 7} | turned).with_columns(nothing), "s'1")


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().reinterpret(signed=False))


@pytest.fixture
def opened(city, store):
    return store_of(load(city.config(store=store)))


def test_what_is_read_is_what_was_written(opened):
    first, second, other = rows("2023Q1"), rows("2023Q2", 2), rows("2023Q2", 4)
    findings = prepared(pl.DataFrame({"period": [None, "2023Q1"], "message": ["x", "y" * 5000]}), "s'1")
    both = Change("totals", "s'1", ("2023Q1", "2023Q2"), pl.concat([first, second]))
    with opened.lock(0):
        opened.publish(Run(1, {"a": "甲"}, {"b": 1}), [both, Change("findings", "s'1", None, findings)])
        more = other.with_columns(pl.lit("new").alias("added"))
        opened.publish(
            Run(2), [Change("totals", "s'1", ("2023Q2",), more), Change("pillars", "s'1", ("x",), first[:0])]
        )
    assert opened.run(1) == Run(1, {"a": "甲"}, {"b": 1})
    was = opened.read("totals", number=1, system="s'1").select(first.columns)
    assert bits(was).equals(bits(pl.concat([first, second])))
    now = opened.read("totals")
    assert bits(now.select(first.columns)).equals(bits(pl.concat([first, other])))
    assert now["added"].to_list() == [None] * 7 + ["new"] * 7
    assert opened.read("findings").sort("message")["message"].to_list() == ["x", "y" * 5000]
    assert opened.read("pillars").height == opened.read("totals", system="s").height == 0
    with opened.lock(0):
        assert opened.tidy(1) == 1
    assert bits(opened.read("totals").select(first.columns)).equals(bits(pl.concat([first, other])))


def grid(period: str, height: int = 200, *, turned: bool = False) -> pl.DataFrame:
    """Rows of every entity with every part: what follows from the part, what does not, and what only seems to."""
    parts = [f"p{part}" for part in range(height)]
    whole = pl.DataFrame({"entity": TEXTS[:-1]}).join(pl.DataFrame({"part": parts}), how="cross")
    if turned:
        whole = whole.sort("part", maintain_order=True)
    number, places = pl.int_range(pl.len()), whole.height
    fixed = {"p0": 0.0, "p1": -0.0, "p2": None}
    columns = {
        name: pl.Series([values[(place * place) % 7] for place in range(places)])
        for name, values in (
            ("many", NUMBERS),
            ("share", FLOATS),
            ("day", DAYS),
            ("text", TEXTS),
            ("told", [True, None] * 4),
        )
    }
    return prepared(
        whole.with_columns(
            period=pl.lit(period),
            title=pl.when(pl.col("part") != "p2").then(pl.col("part") + "指标"),
            target=pl.col("part").replace_strict(fixed, default=0.1, return_dtype=pl.Float64),
            # The same for all entities, but for the sign of a zero.
            zero=pl.when(number == height).then(-0.0).otherwise(0.0),
            late=pl.when(number == places - 1).then(1),
            never=pl.lit(None, dtype=pl.Float64),
            **columns,
        ),
        "s'1",
    )  # fmt: skip


def test_rows_that_are_a_grid_are_read_as_they_were_written(opened):
    first, second, other = grid("2023Q1"), grid("2023Q2", 100), grid("2023Q3", turned=True)
    ragged = pl.concat([first[:5], first[6:]]).with_columns(period=pl.lit("2023Q4"))
    ragged = ragged.with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64))
    both = Change("indicators", "s'1", ("2023Q1", "2023Q2"), pl.concat([first, second]))
    with opened.lock(0):
        opened.publish(Run(1), [both, Change("indicators", "s'1", ("2023Q3",), other)])
        # The title no longer follows from the part, and there is another column.
        again = first.with_columns(title=pl.col("title") + pl.col("entity"), new=pl.col("part"))
        opened.publish(
            Run(2), [Change("indicators", "s'1", ("2023Q1", "2023Q4"), pl.concat([again, ragged], how="diagonal"))]
        )
    was = opened.read("indicators", number=1, system="s'1").select(first.columns)
    assert bits(was).equals(bits(pl.concat([first, second, other])))
    now = opened.read("indicators")
    expected = pl.concat([again, second, other, ragged], how="diagonal").select(now.columns)
    assert bits(now).equals(bits(expected))
    with opened.lock(0):
        assert opened.tidy(1) == 1
    assert bits(opened.read("indicators")).equals(bits(expected))


@pytest.mark.parametrize("ways", [1, 6])
@pytest.mark.parametrize("many", [1, 10**6])
def test_numbers_with_any_of_them_null_are_read_as_they_were_written(opened, monkeypatch, ways, many):
    monkeypatch.setattr("kpi.batch.store.partitions.MANY", many)
    place = pl.int_range(pl.len())

    def cyclic(name: str, values: list, step: int) -> pl.Expr:
        return pl.lit(pl.Series(values)).gather((place // step) % len(values)).alias(name)

    whole = pl.DataFrame({"entity": [f"县{number}" for number in range(700)]})
    whole = whole.join(pl.DataFrame({"measure": [None, *(f"m{number}" for number in range(11))]}), how="cross")
    columns = [cyclic("many", NUMBERS, 1), cyclic("share", FLOATS, 1), cyclic("day", DAYS, 1)]
    columns += [cyclic(f"told{way}", [True, None, False], 3**way) for way in range(ways)]
    rows = prepared(whole.with_columns(pl.lit("2023Q1").alias("period"), *columns), "s'1")
    with opened.lock(0):
        opened.publish(Run(1), [Change("measures", "s'1", ("2023Q1",), rows)])
        other = rows.with_columns(pl.col("measure") + "更名", status=pl.lit("ok"))
        opened.publish(Run(2), [Change("measures", "s'1", ("2023Q1",), other)])
    assert bits(opened.read("measures", number=1).select(rows.columns)).equals(bits(rows))
    assert bits(opened.read("measures").select(other.columns)).equals(bits(other))


@pytest.mark.slow
def test_postgresql_has_plain_rows_and_shows_which_are_current(city, database, monkeypatch):
    import psycopg

    monkeypatch.setattr("kpi.batch.store.binary._ROWS", 500)  # the rows of a part are sent in several pieces
    monkeypatch.setattr("kpi.batch.store.binary._IN_CACHE", 100)
    monkeypatch.setattr("kpi.batch.store.postgres._PIECE", 700)
    opened = store_of(load(city.config(store=STORES["postgresql"])))
    first, second, other = grid("2023Q1"), grid("2023Q2", 100), grid("2023Q3", turned=True)
    with opened.lock(0):
        opened.publish(Run(1), [Change("indicators", "s'1", None, first.reverse())])
        opened.publish(Run(2), [Change("indicators", "s'1", ("2023Q2",), second)])
        opened.publish(Run(3), [Change("indicators", "s'1", ("2023Q3",), other)])
        opened.publish(Run(4), [Change("indicators", "s'1", ("2023Q1",), first)])
    rows = pl.concat([first, second, other])
    with psycopg.connect(database) as connection:

        def rows_of(query: str) -> list[tuple]:
            return connection.execute(query.encode()).fetchall()

        assert rows_of("SELECT count(*) FROM kpi.indicators_facts") == [(first.height + rows.height,)]
        types = (
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'kpi' AND table_name"
        )
        kinds = dict(rows_of(f"{types} = 'indicators'"))
        assert {kinds[name] for name in ("entity", "part", "title", "text")} == {"text"}
        assert [kinds[name] for name in ("target", "many", "day", "told", "late")] == [
            "double precision", "bigint", "date", "boolean", "bigint"
        ]  # fmt: skip
        shown = rows_of("SELECT * FROM kpi.indicators ORDER BY period, position")
        assert shown == rows.sort("period", "position").select(opened.read("indicators").columns).rows()
        item = rows_of("SELECT position FROM kpi.indicators WHERE entity = '甲县' AND period = '2023Q2' ORDER BY 1")
        assert item == [(place,) for place in range(100, 200)]
        held = rows_of(
            "SELECT DISTINCT valid_from, valid_to FROM kpi.indicators_history WHERE period = '2023Q1' ORDER BY 1"
        )
        assert held == [(1, 4), (4, None)]


@pytest.mark.slow
@pytest.mark.parametrize("many", [1, 10**6])
def test_what_a_killed_night_copied_into_postgresql_holds_nowhere_and_is_removed(city, database, monkeypatch, many):
    import psycopg

    monkeypatch.setattr("kpi.batch.store.partitions.MANY", many)
    opened = store_of(load(city.config(store=STORES["postgresql"])))
    first, second = grid("2023Q1"), grid("2023Q1", 100)
    with opened.lock(0):
        opened.publish(Run(1), [Change("indicators", "s'1", None, first)])
    copy = PostgresStore._copied  # noqa: SLF001

    def copied_and_killed(self, *arguments):
        copy(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(PostgresStore, "_copied", copied_and_killed)
    with opened.lock(0), pytest.raises(KeyboardInterrupt):
        opened.publish(Run(2), [Change("indicators", "s'1", None, second)])
    monkeypatch.setattr(PostgresStore, "_copied", copy)

    def parts() -> list[int]:
        with psycopg.connect(database) as connection:
            return [part for (part,) in connection.execute("SELECT id FROM kpi.parts").fetchall()]

    def rows(name: str) -> int:
        with psycopg.connect(database) as connection:
            return connection.execute(f"SELECT count(*) FROM kpi.{name}".encode()).fetchone()[0]  # noqa: S608

    own = f"indicators_facts_{max(part for part in parts())}" if many == 1 else "indicators_facts_0"
    assert rows(own) == second.height + (first.height if many > 1 else 0)
    assert rows("indicators") == rows("indicators_history") == first.height
    assert opened.check() == []
    assert bits(opened.read("indicators").select(first.columns)).equals(bits(first))
    with opened.lock(0):
        opened.publish(Run(2), [])
    assert rows("indicators_facts") == first.height
    with psycopg.connect(database) as connection:
        is_there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"kpi.{own}",)).fetchone()[0]
        assert is_there == (many > 1)


@pytest.mark.slow
def test_partitions_of_postgresql_are_dropped_when_no_run_needs_them(city, database, monkeypatch):
    import psycopg

    monkeypatch.setattr("kpi.batch.store.partitions.MANY", 1000)
    monkeypatch.setattr("kpi.batch.store.partitions.FULL", 1300)
    opened = store_of(load(city.config(store=STORES["postgresql"])))
    first, second, few = grid("2023Q1"), grid("2023Q2"), grid("2023Q3", 10)
    quarters = ("2023Q1", "2023Q2")

    def partitions(connection) -> int:
        query = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'kpi.indicators_facts'::regclass"
        return connection.execute(query).fetchone()[0]

    with opened.lock(0), psycopg.connect(database, autocommit=True) as connection:
        opened.publish(Run(1), [Change("indicators", "s'1", quarters, pl.concat([first, second]))])
        assert partitions(connection) == 2  # that of few rows, and that of both quarters
        opened.publish(Run(2), [Change("indicators", "s'1", quarters, pl.concat([first, second.reverse()]))])
        opened.publish(Run(3), [Change("indicators", "s'1", ("2023Q3",), few)])
        assert partitions(connection) == 3
        expected = bits(opened.read("indicators"))
        assert expected.height == first.height + second.height + few.height
        # Readers are not kept waiting: a partition is left for the next run.
        with psycopg.connect(database) as reader:
            reader.execute("SELECT count(*) FROM kpi.indicators_history")
            assert opened.tidy(2) == 1
            assert partitions(connection) == 3
        assert opened.tidy(1) == 1
        assert partitions(connection) == 2
        assert connection.execute("SELECT count(*) FROM kpi.indicators_facts").fetchone()[0] == expected.height
        assert opened.check() == []
        opened.publish(Run(4), [Change("indicators", "s'1", (*quarters, "2023Q3"), first[:0])])
        assert opened.tidy(1) == 1
        assert partitions(connection) == 1
        assert connection.execute("SELECT count(*) FROM kpi.indicators_facts").fetchone()[0] == 0


@pytest.mark.slow
def test_a_name_too_long_for_an_index_is_named(city, database):
    import random

    opened = store_of(load(city.config(store=STORES["postgresql"])))
    chance = random.Random(1)
    name = "".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(2000))
    rows = prepared(pl.DataFrame({"period": ["2023Q1"], "entity": [name], "score": [1.0]}), "s")
    with opened.lock(0):
        with pytest.raises(DataError, match="K852"):
            opened.publish(Run(1), [Change("totals", "s", None, rows)])
        assert opened.numbers() == []
        assert opened.check() == []
        findings = prepared(pl.DataFrame({"period": ["2023Q1"], "entity": [name]}), "s")
        opened.publish(Run(1), [Change("findings", "s", None, findings)])
    assert opened.read("findings")["entity"].to_list() == [name]


def test_the_history_of_an_entity_is_in_few_groups_of_rows(tmp_path):
    pytest.importorskip("deltalake")
    parquet = pytest.importorskip("pyarrow.parquet")
    from kpi.batch.store.delta import DeltaStore

    # In no order of their names, as rosters have them.
    names = [f"{(at * 7) % 1000:03}县" for at in range(1000)]
    whole = pl.DataFrame({"entity": names}).join(
        pl.DataFrame({"indicator": [f"x{at}" for at in range(30)]}), how="cross"
    )
    written = prepared(whole.with_columns(period=pl.lit("2023Q1"), value=pl.int_range(pl.len()) / 7), "s")
    store = DeltaStore(tmp_path / "store")
    with store.lock(0):
        store.publish(Run(1), [Change("indicators", "s", ("2023Q1",), written)])
    (file,) = (tmp_path / "store/indicators").rglob("*.parquet")
    about = parquet.ParquetFile(file).metadata
    place = about.schema.names.index("entity")
    ranges = [about.row_group(at).column(place).statistics for at in range(about.num_row_groups)]
    assert len(ranges) > 3
    assert sum(each.min <= "500县" <= each.max for each in ranges) <= 2
    assert store.read("indicators", system="s").equals(store.read("indicators"))
    assert bits(store.read("indicators").select(written.columns)).equals(bits(written))
    history = store.read("indicators", where={"entity": ["500县"]})
    assert history["indicator"].to_list() == [f"x{at}" for at in range(30)]


def test_a_store_that_stays_open_sees_what_others_publish_and_what_takes_its_place(tmp_path):
    pytest.importorskip("deltalake")
    import shutil

    from kpi.batch.store.delta import DeltaStore

    reader, writer = DeltaStore(tmp_path / "store"), DeltaStore(tmp_path / "store")

    def publish(store, number, value):
        rows_of = prepared(pl.DataFrame({"period": ["2023Q1"], "entity": ["甲县"], "value": [value]}), "s")
        with store.lock(0):
            store.publish(Run(number), [Change("totals", "s", ("2023Q1",), rows_of)])

    assert reader.read("totals").is_empty()
    for number in (1, 2, 3):
        publish(writer, number, number / 7)
        assert reader.read("totals")["value"].to_list() == [number / 7]
        assert reader.read("totals", number=1)["value"].to_list() == [1 / 7]
    with writer.lock(0):
        writer.tidy(1)
    with pytest.raises(DataError):
        reader.read("totals", number=1)
    assert reader.read("totals")["value"].to_list() == [3 / 7]
    shutil.rmtree(tmp_path / "store")
    assert reader.read("totals").is_empty()
    publish(DeltaStore(tmp_path / "store"), 1, 0.5)
    assert reader.read("totals")["value"].to_list() == [0.5]
    publish(reader, 2, 0.25)
    assert reader.read("totals")["value"].to_list() == [0.25]


@pytest.mark.slow
def test_an_error_in_the_middle_of_rows_from_postgresql_is_one_of_the_store(database):
    from psycopg.sql import SQL, Identifier

    store = PostgresStore(database)
    shown = {"n": ("rows", pl.Int32()), "texts": ("rows", pl.String())}
    rows = SQL("(SELECT n, 3 / (40000 - n) AS share, nullif(repeat('\"a,', n % 3), '') AS texts FROM {}) AS rows")
    numbers = SQL("generate_series(1, 50000) AS n")
    with store.transaction() as connection:
        whole = store.rows(connection, rows.format(numbers), shown, SQL("n < 9"))
    assert whole["texts"].to_list() == [None if n % 3 == 0 else '"a,' * (n % 3) for n in range(1, 9)]
    with pytest.raises(DataError, match="division by zero"), store.transaction() as connection:
        store.rows(connection, rows.format(numbers), shown, SQL("{} >= 0").format(Identifier("rows", "share")))
    # The next question is answered.
    with store.transaction() as connection:
        assert store.rows(connection, rows.format(numbers), shown, SQL("false")).height == 0


@pytest.mark.slow
def test_questions_to_postgresql_share_a_connection_that_the_server_may_end(database):
    import psycopg

    store = PostgresStore(database)
    assert store.numbers() == []
    with psycopg.connect(database, autocommit=True) as other:

        def sessions():
            rows = other.execute(
                "SELECT pid, state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return dict(rows.fetchall())

        def ended(pid):
            # A session ends some time after it was told to.
            deadline = time.monotonic() + 30
            while pid in sessions() and time.monotonic() < deadline:
                time.sleep(0.02)
            return pid not in sessions()

        ((first, _),) = sessions().items()
        assert store.numbers() == []
        # It is in no transaction, which would keep old rows alive.
        assert sessions() == {first: "idle"}
        other.execute("SELECT pg_terminate_backend(%s)", (first,))
        assert ended(first)
        assert store.numbers() == []
        (second,) = sessions()
        assert second != first
        with pytest.raises(DataError, match="boom"), store.transaction(store.idle) as connection:
            connection.execute("DO $$ BEGIN RAISE 'boom'; END $$")
        assert ended(second)
        assert store.numbers() == []
        (third,) = sessions()
        del store
        assert ended(third)
