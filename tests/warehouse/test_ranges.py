"""What a database knows of its columns is left out of a query, and nothing that may be in them is."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import kpi
from kpi.warehouse.databases import DuckDB
from tests.conformance.databases import in_duckdb

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

SYSTEM = {
    "system": "ranges", "period": "month", "entities": {},
    "measures": {
        "paid": {"kind": "sum", "of": "金额", "unit": "元", "where": "渠道 = '网上'"},
        "mean": {"kind": "mean", "of": "金额", "unit": "元"}, "cases": {"kind": "count", "unit": "件"},
    },
    "indicators": {"level": {"kind": "level", "of": "paid"}},
    "datasets": {"items": {"form": "records", "columns": {"period": "日期", "entity": "县区"}}},
    "pillars": {"all": {"parts": {"level": 1}}}, "scoring": {"kind": "minmax"},
}  # fmt: skip


def plain() -> pl.DataFrame:
    """Rows without gaps, of figures and dates that need no second look."""
    rows = 400
    return pl.DataFrame({
        "县区": [f"{at % 3}县" for at in range(rows)], "渠道": [["网上", "窗口"][at % 2] for at in range(rows)],
        "日期": [date(2023, 1 + at % 12, 1 + at % 28) for at in range(rows)],
        "金额": [at * 0.37 for at in range(rows)],
    })  # fmt: skip


def scored(address: str, monkeypatch: pytest.MonkeyPatch) -> tuple[kpi.Scorecard, str]:
    """Return the scorecard of a database, and the query of its groups."""
    queries: list[str] = []
    batches = DuckDB.batches
    monkeypatch.setattr(DuckDB, "batches", lambda self, sql: (queries.append(sql), batches(self, sql))[1])
    card = kpi.score(system=SYSTEM, warehouse=address)
    monkeypatch.undo()
    # The distinct texts of a compared column are another query.
    (groups,) = (sql for sql in queries if "row_count" in sql and "SUM(" in sql)
    return card, groups


def test_columns_within_their_limits_are_not_tested_row_by_row(tmp_path, monkeypatch):
    frame = plain()
    card, groups = scored(in_duckdb(tmp_path / "a.duckdb", {"items": frame}), monkeypatch)
    assert card.measures.equals(kpi.score(system=SYSTEM, data={"items": frame}).measures)
    assert "ABS(" not in groups
    assert "BETWEEN" not in groups
    assert 'COUNT("' not in groups


CHANGES = {
    "a gap": ("UPDATE items SET 金额 = NULL WHERE 金额 = 37", 'COUNT("c 金额")'),
    "NaN": ("UPDATE items SET 金额 = 'nan' WHERE 金额 = 37", "ABS("),
    "infinity": ("UPDATE items SET 金额 = '-inf' WHERE 金额 = 37", "ABS("),
    "a figure beyond exact sums": ("INSERT INTO items VALUES ('1县', '网上', '2023-03-01', 1e12)", "ABS("),
    "a date long ago": ("INSERT INTO items VALUES ('1县', '网上', '0023-03-01', 1.5)", "BETWEEN"),
    "no date": ("INSERT INTO items VALUES ('1县', '网上', NULL, 1.5)", "BETWEEN"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_changed_later_is_tested(tmp_path, monkeypatch, kind):
    path = tmp_path / "a.duckdb"
    address = in_duckdb(path, {"items": plain()})
    change, tested = CHANGES[kind]
    with duckdb.connect(str(path)) as database:
        database.execute(change)
        changed = pl.DataFrame(database.sql("SELECT * FROM items ORDER BY ALL").pl())
    card, groups = scored(address, monkeypatch)
    here = kpi.score(system=SYSTEM, data={"items": changed})
    assert card.measures.equals(here.measures)
    assert card.counts == here.counts
    assert [str(item.message) for item in card.findings_list] == [str(item.message) for item in here.findings_list]
    if kind != "no date":  # a date that is not there has no month in either case
        assert tested in groups


def test_the_rows_of_a_view_are_not_read_for_its_ranges(tmp_path, monkeypatch):
    path = tmp_path / "a.duckdb"
    address = in_duckdb(path, {"rows": plain()})
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE VIEW items AS SELECT * FROM rows")
    card, groups = scored(address, monkeypatch)
    assert "ABS(" in groups
    assert card.measures.equals(kpi.score(system=SYSTEM, data={"items": plain()}).measures)
