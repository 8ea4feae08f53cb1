"""What all tests share: texts are in English, whatever the locale, unless a test asks for Chinese."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The same examples everywhere, and no limit of time for one of them: machines differ, and are shared.
settings.register_profile("kpi", derandomize=True, deadline=None)
settings.load_profile("kpi")

os.environ["KPI_LANG"] = "en"
# The width of tables is that of the test, not of the terminal that it runs in.
os.environ.pop("COLUMNS", None)


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has texts for people written in Chinese."""
    monkeypatch.setenv("KPI_LANG", "zh")
