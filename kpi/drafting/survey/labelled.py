"""Tables with a column for each figure whose header goes on in rows named 地区, 频度, 单位."""

from __future__ import annotations

from collections.abc import Sequence

from kpi.drafting.survey.reading import Reading
from kpi.drafting.survey.result import Survey
from kpi.intake.files.headers import role, split_unit
from kpi.intake.matching.datasets import is_unit


def labelled_rows(reading: Reading, labels: Sequence[str]) -> Survey:
    """Return a table with labels in its first rows.

    Args:
        reading: the table.
        labels: the first cells of these rows.
    """
    subject = reading.subject
    first, *rest = subject.columns
    head = subject.table.frame.head(len(labels)).collect()
    rows = {("unit" if label == "单位" else role(label) or ""): at for at, label in enumerate(labels)}
    figures = []
    for header in rest:
        if header in subject.headers:
            text = head[header][rows["unit"]] if "unit" in rows else None
            title, unit = split_unit(header, is_unit)
            figures.append(
                reading.figures.figure(title, unit or (text if text and is_unit(str(text)) else None), header)
            )
    return reading.survey("reported", figures, None, subject.columns[first].cells[len(labels) :])
