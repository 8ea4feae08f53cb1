import pytest


@pytest.fixture
def chinese(monkeypatch):
    """Has reports written in Chinese."""
    monkeypatch.setenv("KPI_LANG", "zh")
