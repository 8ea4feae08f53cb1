"""Scores a definition and a few figures, written in a test, from end to end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from textwrap import dedent

from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import Loaded, examine_text
from kpi.language.system import System
from kpi.session import score

HEAD = "system: small\nperiod: year\nentities: {title: 县}\n"


def examined(text: str, period: str = "year") -> Loaded:
    return examine_text(HEAD.replace("period: year", f"period: {period}") + dedent(text))


def small_system(text: str, period: str = "year") -> System:
    result = examined(text, period)
    assert result.system is not None, result.findings
    return result.system


def small_card(text: str, *figures: tuple[object, ...], period: str = "year") -> Scorecard:
    """Return the scorecard of a definition without its head, and figures: period, entity, measure, value[, cohort]."""
    lines = ["period,entity,measure,value,cohort"]
    lines += [",".join(str(cell) for cell in (*figure, "")[:5]) for figure in figures]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.csv"
        file.write_text("\n".join(lines) + "\n", "utf-8")
        return score(file, system=small_system(text, period))


def column(card: Scorecard, frame: str, name: str) -> list[object]:
    return getattr(card, frame)[name].to_list()  # type: ignore[no-any-return]
