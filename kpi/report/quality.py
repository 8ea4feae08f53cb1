"""The quality of reporting as a table for a terminal."""

from __future__ import annotations

from rich.text import Text

from kpi.engine.scorecard import Scorecard
from kpi.report.cards import printed, table_of
from kpi.report.language import tr
from kpi.report.marks import NOTHING, number, visible


def reporting(card: Scorecard, *, width: int | None = None) -> str:
    """Return the quality of reporting in the latest period as a table, empty if it cannot be assessed."""
    frame = card.extras.get("quality")
    if frame is None or not frame.height:
        return ""
    last = card.periods[-1]
    table = table_of(
        tr("Department"),
        tr("Expected"),
        tr("Reported"),
        tr("Coverage"),
        tr("Timeliness"),
        tr("Accuracy"),
        tr("Quality"),
    )
    for row in frame.filter(period=last).sort("quality", "department", descending=[True, False]).iter_rows(named=True):
        parts = [number(row[key], 1) or NOTHING for key in ("completeness", "timeliness", "accuracy")]
        table.add_row(
            visible(row["department"]), str(row["expected"]), str(row["reported"]), *parts, number(row["quality"], 2)
        )
    return printed(
        Text(tr("Reporting quality  {title}  {last}", title=visible(card.title), last=last), style="bold"),
        table,
        width=width,
    )
