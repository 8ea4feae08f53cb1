"""What all tests share: texts are in English, whatever the locale, unless a test asks for Chinese."""

from __future__ import annotations

import os

import pytest

os.environ["KPI_LANG"] = "en"
# The width of tables is that of the test, not of the terminal that it runs in.
os.environ.pop("COLUMNS", None)


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has texts for people written in Chinese."""
    monkeypatch.setenv("KPI_LANG", "zh")
