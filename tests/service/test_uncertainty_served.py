"""The service shows what a store keeps of uncertainty, and nothing of it for systems that ask for none."""

from __future__ import annotations

import pytest

from tests.batch.city import City


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A store of two systems, one of which declares limits and intervals."""
    pytest.importorskip("deltalake")
    from kpi.batch.batch_run import run
    from kpi.batch.config import load
    from kpi.service.settings import Settings
    from kpi.service.stored import Stored

    city = City(tmp_path_factory.mktemp("uncertain") / "city")
    plain = (city.folder / "small.yaml").read_text("utf-8")
    asked = plain.replace("system: small", "system: asked").replace(
        "parts: {length: 2, plan: 1}", "parts: {length: 2, plan: 1, share: 3}"
    ).replace(
        "measures:\n", "measures:\n  done: {title: 办结, unit: 件}\n  cases: {title: 受理, unit: 件}\n"
    ).replace(
        "indicators:\n",
        "indicators:\n  share: {kind: ratio, numerator: done, denominator: cases, "
        "score: {kind: goalposts, low: 0, high: 100}}\n",
    )  # fmt: skip
    asked += "limits: {level: 95, of: share}\nstars: {kind: bands}\nuncertainty: {sampling: known, show: intervals}\n"
    (city.folder / "asked.yaml").write_text(asked, "utf-8")
    (city.folder / "more").mkdir()
    for file in (city.folder / "inbox").glob("*.csv"):
        text = file.read_text("utf-8")
        for at, unit in enumerate(("甲县", "乙县", "丙县")):
            text += f"{file.stem},{unit},办结,{70 + 8 * at},件\n{file.stem},{unit},受理,100,件\n"
        (city.folder / "more" / file.name).write_text(text, "utf-8")
    sources = '[[source]]\nsystem = "small.yaml"\ndata = "inbox/*.csv"\n'
    sources += '[[source]]\nsystem = "asked.yaml"\ndata = "more/*.csv"\n'
    path = city.config(sources)
    assert run(load(path)).failed == []
    return Stored(Settings(batch=path))


def table(stored, name: str, system: str):
    published = stored.head().systems[system]
    return stored.table(name, system, 1, there=published.periods, periods=["2023Q4"], where={}, columns=())


def test_tables_of_a_system_that_asks_are_served(stored):
    totals = table(stored, "totals", "asked")
    assert totals["rank_low"].null_count() == 0
    assert {"probability_5", "probability_1"} <= set(totals.columns)
    limits = table(stored, "limits", "asked")
    assert set(limits["indicator"]) == {"share"}
    assert limits["lower"].null_count() == 0
    assert table(stored, "alike", "asked").height == 3


def test_the_other_system_has_none_of_it(stored):
    totals = table(stored, "totals", "small")
    assert not [name for name in totals.columns if name.startswith(("rank_low", "score_low", "probability_"))]
    assert table(stored, "limits", "small").height == table(stored, "alike", "small").height == 0


def test_reports_from_the_store_have_intervals(stored, tmp_path):
    from kpi.report.files import write

    published = stored.head().systems["asked"]
    card = stored.card("asked", 1, published.tag)
    assert card.intervals is not None
    write(card, tmp_path / "a.html")
    write(card, tmp_path / "a.json")
    assert '"rank_low":' in (tmp_path / "a.json").read_text("utf-8")
    kept = table(stored, "totals", "asked").sort("entity")
    own = card.totals.filter(period="2023Q4").sort("entity")
    assert own["rank_low"].equals(kept["rank_low"])
