"""Datasets: raw departmental data, in one of three forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from kpi.language.model import Definition, Listed, OneOrMany, Text, one_of
from kpi.values.periods import Order

Role = Literal[
    "period", "entity", "code", "measure", "value", "unit", "target", "revision", "note", "cohort", "reporter",
    "reported", "scope",
]  # fmt: skip


class Dataset(Definition):
    """The base of datasets: which of a file's columns plays which role, and how its figures are written."""

    columns: dict[Role, str] = Field(default_factory=dict, description="role: the header in the file")
    dates: Order = Field(
        "ymd", description="the order in dates whose year stands last: dmy for 31/12/2023, mdy for 12/31/2023"
    )
    decimal: Literal[".", ","] = Field(
        ".", description="the decimal mark of figures that are texts; with `,` 1.234,5 is 1234.5 and 684.864 is 684864"
    )
    missing: Listed[Annotated[str, StringConstraints(min_length=1)] | float] = Field(
        (),
        description="marks of missing figures beside the usual ones, and numbers that stand for them: [NP, ':', -999]",
    )


class ReportedData(Dataset):
    """One number a row: period, entity, measure, value, and perhaps unit, target, revision, note."""

    form: Literal["reported"] = "reported"


class PanelData(Dataset):
    """One row per entity and period, one column per measure, headed by its name or title, perhaps with a unit."""

    form: Literal["panel"] = "panel"


class Records(Dataset):
    """One event a row, with a date; measures count and aggregate them."""

    form: Literal["records"] = "records"
    types: dict[str, Literal["number", "text", "date"]] = Field(
        default_factory=dict,
        description="what a column holds, where its use in conditions does not show it: number, text, or date for"
        " dates with or without a time of day",
    )
    key: OneOrMany[Text] = Field(
        (),
        description="the column that tells events apart, such as 办件编号, or several: an event that stands in several"
        " rows or files counts once",
    )


#: Any dataset, told apart by `form`.
if TYPE_CHECKING:
    AnyDataset: TypeAlias = Dataset
else:
    AnyDataset = one_of(ReportedData, PanelData, Records, tag="form")
