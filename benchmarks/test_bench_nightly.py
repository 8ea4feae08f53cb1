"""B: what a night costs where one of 120 periods changed, beside one that scores everything."""

from __future__ import annotations

from benchmarks.nights import Inbox
from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.batch.store.delta import DeltaStore


def test_a_night_with_one_corrected_period(benchmark):
    entities, months, indicators = size(3000, least=30), size(120, least=36), size(20, least=8)
    with Inbox(entities, months, indicators) as inbox:
        corrected = inbox.store()
        corrected()
        turn = iter(range(1000))

        def night_of(month: int):
            inbox.correct(inbox.months[month], next(turn))
            return corrected()

        race = Race(
            f"B: nights over {entities:,} entities × {months} months × {indicators} indicators, one CSV file a month",
            "everything",
            {"a month in the middle": "≤ 0.05", "the last month": "≤ 0.05"},
            note="From files into Delta Lake: everything into a new store, or one figure of one month corrected. A "
            "correction in the middle scores four months again, since growth and changes of rank see it.",
        )
        contenders = {
            "everything": inbox.whole,
            "a month in the middle": lambda: night_of(months // 2),
            "the last month": lambda: night_of(months - 1),
            "nothing changed": corrected,
        }
        hold(benchmark, race, contenders, rounds=3)
        # What is left to see: that the nights did what they are timed for.
        assert len(night_of(months // 2).outcomes[0].scored) == 4
        assert len(night_of(months - 1).outcomes[0].scored) == 1
        assert corrected().outcomes[0].status == "unchanged"


def test_the_check_of_a_stores_sizes(benchmark):
    entities, months = size(300, least=30), 120
    with Inbox(entities, months, 8) as inbox:
        night, store = inbox.store(), DeltaStore(inbox.folder / "store-1")
        night()
        assert night().outcomes[0].status == "unchanged"
        race = Race(
            f"B: the check of a store's sizes that each of its nights makes, {months} periods",
            "nothing changed",
            {"the check": "≤ 50 ms"},
            note=f"{entities} entities, a file a month, every period of it in the store. The reference is a whole "
            "night in which nothing changed.",
        )
        hold(benchmark, race, {"nothing changed": night, "the check": store.check}, rounds=7)
        assert store.check() == []
