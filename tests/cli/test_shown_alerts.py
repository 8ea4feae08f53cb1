"""Alerts in the cards of `kpi show`."""

from __future__ import annotations

from kpi.language.loading.loader import examine_text
from kpi.report import cards

TEXT = (
    "system: s\nperiod: year\nentities: {title: 县}\nmeasures: {m: {title: 产值, unit: 件}}\n"
    "indicators: {a: {kind: level, of: m}}\nnotify: {low: {title: 产值偏低, when: m < 5, severity: info}}\n"
)


def test_alerts_are_listed_with_their_conditions_and_have_cards():
    system = examine_text(TEXT).system
    assert "Alert 产值偏低: 产值 < 5" in cards.system(system)
    for name in ("low",):
        card = cards.definition(system, name)
        assert "产值偏低" in card
        assert "产值 < 5" in card
        assert "info" in card
