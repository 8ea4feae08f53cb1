"""The same results: measures that databases compute are those that Polars computes from the same rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

import kpi
from kpi.engine.scorecard import Scorecard
from tests.conformance.databases import in_chdb, in_duckdb, in_postgresql
from tests.conformance.events import MEASURES, drawn_measures, events, system
from tests.conformance.shipped_systems import SYSTEMS, tables_of
from tests.postgresql import own_server

#: The kinds of measures that are decimal numbers, equal to the last bit.
EXACT = {"count", "sum", "min", "max", "last", "first", "distinct"}

pytest.importorskip("pyarrow")

#: Names of columns, and texts in them.
HOSTILE = ['x"; DROP TABLE items; --', "o'clock", "back\\slash", "`tick`", "一" * 20]


def hostile() -> pl.DataFrame:
    frame = events(300)
    return frame.with_columns(
        pl.Series(name, [[name, "网上", None][at % 3] for at in range(frame.height)]) for name in HOSTILE
    ).sort(pl.all())  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    catalogue = {f"{name} {dataset}": table for name in SYSTEMS for dataset, table in tables_of(name).items()}
    return {"items": events(), 'odd "items"': hostile(), **catalogue}


@pytest.fixture(
    scope="module",
    params=["duckdb", pytest.param("postgresql", marks=pytest.mark.slow), pytest.param("chdb", marks=pytest.mark.slow)],
)
def warehouse(request: pytest.FixtureRequest, frames: dict[str, pl.DataFrame]) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="warehouse-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        if request.param == "duckdb":
            pytest.importorskip("duckdb")
            yield in_duckdb(folder / "events.duckdb", frames)
        elif request.param == "chdb":
            pytest.importorskip("chdb")
            yield in_chdb(folder / "chdb", frames)
        else:
            pytest.importorskip("adbc_driver_postgresql")
            with own_server() as server:
                yield in_postgresql(server.url, frames)


def assert_same(here: Scorecard, there: Scorecard, *, fetched: bool = False) -> None:
    """Assert that two scorecards have the same numbers, places and findings; only one says what was fetched."""
    keys = ["period", "entity", "measure"]
    exact = [name for name, item in here.definition.measures.items() if item.kind in EXACT and item.over_time != "mean"]
    a, b = (card.measures.sort(keys) for card in (here, there))
    assert a.drop("value").equals(b.drop("value"))
    known = pl.col("measure").is_in(exact)
    assert a.filter(known).equals(b.filter(known)), a.join(b, on=keys).filter(
        known & pl.col("value").ne_missing(pl.col("value_right"))
    )
    apart = (a["value"] - b["value"]).abs() > a["value"].abs() * 1e-12
    assert not apart.any(), a.filter(apart)
    assert here.totals.equals(there.totals)
    assert here.counts == there.counts
    # Repeated numbers of events are not looked for elsewhere.
    notes = [
        [str(item.message) for item in card.findings_list if item.code not in ("K690", "K984")]
        for card in (here, there)
    ]
    assert sorted(notes[0]) == sorted(notes[1])
    assert any(item.code == "K984" for item in there.findings_list) == fetched


def scored(
    frames: dict[str, pl.DataFrame], warehouse: str, definition: object, tables: dict[str, str] | None = None
) -> tuple[Scorecard, Scorecard]:
    here = kpi.score(system=definition, data={"items": frames["items"]})
    return here, kpi.score(system=definition, warehouse=warehouse, tables=tables)


@pytest.mark.parametrize("period", ["quarter", "month", "year"])
def test_measures_of_every_kind_are_the_same(frames, warehouse, period):
    measures = {name: item for name, item in MEASURES.items() if name != "trimmed"}
    assert_same(*scored(frames, warehouse, system(measures, period=period)))


def test_weeks_and_years_of_business_are_the_same(frames, warehouse):
    measures = {name: MEASURES[name] for name in ("money", "last", "first", "late_in_period")}
    assert_same(*scored(frames, warehouse, system(measures, period="week", when="日期")))
    assert_same(*scored(frames, warehouse, system(measures, period="quarter", year_starts=4)))


def test_what_no_database_computes_is_fetched_and_reported(frames, warehouse):
    measures = {name: MEASURES[name] for name in ("trimmed", "median", "of_villages")}
    assert_same(*scored(frames, warehouse, system(measures)), fetched=True)
    rounded = {"rounded": {"kind": "sum", "of": "round(金额, 1)", "unit": "元"}}
    assert_same(*scored(frames, warehouse, system(rounded)), fetched=True)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_is_the_same_with_all_its_tables_in_the_database(warehouse, name):
    tables = tables_of(name)
    here = kpi.score(system=name, data=dict(tables))
    there = kpi.score(system=name, warehouse=warehouse, tables={dataset: f"{name} {dataset}" for dataset in tables})
    assert_same(here, there)


def test_a_connection_is_asked_by_one_thread_at_a_time(warehouse, monkeypatch):
    """Few events beside few reported figures are read side by side from files, never over one connection."""
    started = []
    monkeypatch.setattr("kpi.intake.panel.beside", lambda work: started.append(work) or work)
    tables = tables_of("jiaxing-2022")
    kpi.score(system="jiaxing-2022", data=dict(tables))
    assert len(started) == 1
    kpi.score(
        system="jiaxing-2022", warehouse=warehouse, tables={dataset: f"jiaxing-2022 {dataset}" for dataset in tables}
    )
    assert len(started) == 1


@settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(measures=drawn_measures())
def test_drawn_measures_are_the_same(frames, warehouse, measures):
    assert_same(*scored(frames, warehouse, system(measures)))


def test_hostile_names_and_texts_are_only_names_and_texts(frames, warehouse):
    for name in HOSTILE:
        quoted = '"' + name.replace('"', '""') + '"'
        text = name.replace("'", "''")
        measures = {"odd": {"kind": "count", "unit": "件", "where": f"{quoted} = '{text}' OR {quoted} <> '网上'"},
                    "kinds": {"kind": "distinct", "unit": "个", "of": name}}  # fmt: skip
        here, there = scored(
            {"items": frames['odd "items"']}, warehouse, system(measures), tables={"items": 'odd "items"'}
        )
        assert_same(here, there)
        assert here.measures.filter(pl.col("measure") == "kinds")["value"].min() > 1
