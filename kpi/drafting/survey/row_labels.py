"""First rows of a table that go on with its header: 地区, 频度, 单位 below the names of figures."""

from __future__ import annotations

from kpi.drafting.survey.headings import Headings
from kpi.intake.files.headers import clean, role

_FREQUENCY = ("频度", "频率", "周期", "frequency")


def row_labels(headings: Headings) -> list[str] | None:
    """Return the first cells of a table of measures whose header goes on in rows named 地区, 频度, 单位."""
    subject = headings.subject
    first = next(iter(subject.columns))
    if role(first) != "measure" or "entity" in subject.roles:
        return None
    cells = [clean(cell) for cell in subject.columns[first].cells]
    labels = []
    for cell in cells:
        if role(cell) not in ("entity", "unit") and cell.casefold() not in _FREQUENCY and cell != "单位":
            break
        labels.append(cell)
    rest = cells[len(labels) :]
    return labels if labels and rest and all(headings.period_in(cell) is not None for cell in rest) else None


def labelled_entities(headings: Headings) -> tuple[str, ...]:
    """Return the names of units above the figures, none where no row is labelled so."""
    rows = [at for at, label in enumerate(row_labels(headings) or []) if role(label) == "entity"]
    if not rows:
        return ()
    others = list(headings.subject.columns.values())[1:]
    return tuple(dict.fromkeys(column.cells[rows[0]] for column in others if column.cells))
