"""The fixtures of nights: the city, the database and the stores."""

from __future__ import annotations

import time

import pytest
from city import STORES, City

from tests.postgresql import own_server


@pytest.fixture
def city(tmp_path):
    return City(tmp_path / "city")


# ---- POSTGRESQL ---- #


@pytest.fixture(scope="session")
def server():
    pytest.importorskip("psycopg")
    with own_server() as running:
        yield running


@pytest.fixture
def database(server, monkeypatch):
    """The connection string of an empty database, in the variable KPI_TEST_DATABASE."""
    import psycopg

    if server.process is None:
        server.start()
    name = f"night_{time.monotonic_ns()}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = server.url.removesuffix("postgres") + name
    monkeypatch.setenv("KPI_TEST_DATABASE", url)
    return url


# Delta Lake, the default, in every run; PostgreSQL, which passes the same tests, in the slow one.
@pytest.fixture(params=["delta", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request):
    """The line of a configuration for each kind of store."""
    if request.param == "delta":
        pytest.importorskip("deltalake")
    if request.param == "postgresql":
        request.getfixturevalue("database")
    return STORES[request.param]
