"""Datasets: raw departmental data, in one of three forms."""

import itertools
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from kpi.language.model import Block, Definition, Listed, OneOrMany, Text, one_of
from kpi.values.periods import Order

Role = Literal[
    "period", "entity", "code", "measure", "value", "unit", "target", "revision", "note", "cohort", "reporter",
    "reported", "scope",
]  # fmt: skip


#: The roles for which a whole table may have one text.
_OF_TABLE: tuple[str, ...] = ("period", "entity", "measure", "unit")


class Elsewhere(Block):
    """A key that no column has: one text for a whole table, from its surroundings or as it is given."""

    from_: Literal["sheet", "file", "title"] | None = Field(
        None,
        alias="from",
        description="where the text stands: the name of the sheet, of the file (without its ending), or a line above"
        " the header, such as 地区：上海",
    )
    constant: Text | None = Field(None, description="the text itself, such as 全国")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.from_ is None) == (self.constant is None):
            raise ValueError("give either `from`: sheet, file or title, or a `constant`")
        return self


class Shape(Block):
    """What stands across the header of a table, one column each, what its first column holds, and its blocks."""

    columns: Literal["periods", "entities", "measures"] | None = Field(
        None, description="what the columns of figures are: periods (2022年, 2023年), entities (甲县, 乙县) or measures"
    )
    rows: Literal["periods", "entities", "measures"] | None = Field(
        None, description="what the first column holds, where its header does not say so"
    )

    blocks: Literal["below", "joined"] | None = Field(
        None,
        description="how blocks beside each other (地区, 2018, 地区, 2018) belong together: `below`, each goes on with"
        " the list of the one to its left, or `joined`, each has further figures of the same names",
    )

    @model_validator(mode="after")
    def _two_directions(self) -> Self:
        if self.columns is None and (self.blocks is None or self.rows is not None):
            raise ValueError("give `columns`: periods, entities or measures")
        if self.columns == self.rows and self.columns is not None:
            raise ValueError("`columns` and `rows` cannot be the same")
        return self


class Dataset(Definition):
    """The base of datasets: which of a file's columns plays which role, and how its figures are written."""

    #: Whether a row is one figure, whose measure stands in a column.
    long: ClassVar[bool] = False

    columns: dict[Role, str | Listed[str] | Elsewhere] = Field(
        default_factory=dict,
        description="role: the header in the file; `period: [年份, 月份]` for a year and its part in two columns;"
        " `{from: sheet}`, `{from: file}`, `{from: title}` or `{constant: 全国}` for what no column has",
    )
    shape: Shape | None = Field(
        None, description="how the table lies, where that is not recognised: {columns: periods}, entities or measures"
    )
    dates: Annotated[Order, BeforeValidator(lambda order: order.lower() if isinstance(order, str) else order)] = Field(
        "ymd", description="the order in dates whose year stands last: dmy for 31/12/2023, mdy for 12/31/2023"
    )
    decimal: Literal[".", ","] = Field(
        ".", description="the decimal mark of figures that are texts; with `,` 1.234,5 is 1234.5 and 684.864 is 684864"
    )
    missing: Listed[Annotated[str, StringConstraints(min_length=1)] | float] = Field(
        (),
        description="marks of missing figures beside the usual ones, and numbers that stand for them: [NP, ':', -999]",
    )

    headings: str | None = Field(
        None,
        description="a table of figures beside the definition whose headings are those of the files, for `measures: "
        "{from: …}`; a wide table, of which the first row is enough",
    )
    sheet: OneOrMany[Text] = Field(
        (),
        description="the sheets of workbooks that hold it, by name or pattern: 表1, '20*年', or a list; by default"
        " every visible sheet that fits. A hidden sheet is read if it is named without a pattern",
    )
    header: OneOrMany[Annotated[int, Field(ge=1, le=60)]] = Field(
        (),
        description="the rows of the file or sheet, from 1, that name the columns, where they are not found: 3 or"
        " [3, 4]",
    )

    @property
    def headers(self) -> dict[str, str]:
        """The role and the header of every column that is named alone."""
        return {str(role): header for role, header in self.columns.items() if isinstance(header, str)}

    @property
    def elsewhere(self) -> dict[str, Elsewhere]:
        """The role and the source of every key that no column has."""
        return {str(role): item for role, item in self.columns.items() if isinstance(item, Elsewhere)}

    @property
    def parts_of_period(self) -> tuple[str, ...]:
        """The headers of the columns of a year and its part, none where one column alone has the period."""
        parts = self.columns.get("period")
        return parts if isinstance(parts, tuple) else ()

    @model_validator(mode="after")
    def _rows_follow(self) -> Self:
        if len(self.header) > 4 or any(below != above + 1 for above, below in itertools.pairwise(self.header)):
            raise ValueError("`header`: up to four rows that follow one another, such as [3, 4]")
        return self

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        for role, item in self.columns.items():
            if isinstance(item, tuple) and (role != "period" or len(item) != 2):
                raise ValueError(f"`columns`: `{role}` cannot be a list; only `period` is one, of a year and its part")
            if isinstance(item, Elsewhere) and role not in _OF_TABLE:
                raise ValueError(f"`columns`: `{role}` is a column; {', '.join(_OF_TABLE)} may stand elsewhere")
            if isinstance(item, Elsewhere) and role == "unit" and item.constant is None:
                raise ValueError(
                    "`columns`: a `unit` is a column or a `constant`; one above the table is read as it is"
                )
        return self


class ReportedData(Dataset):
    """One number a row: period, entity, measure, value, and perhaps unit, target, revision, note."""

    long: ClassVar[bool] = True
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
    calendar: Text | None = Field(
        None, description="a table of working days for this dataset alone, see `calendar` of the system"
    )


#: Every form of datasets, in the order of the reference.
FORMS: tuple[type[Dataset], ...] = (ReportedData, PanelData, Records)

#: Any dataset, distinguished by `form`.
if TYPE_CHECKING:
    AnyDataset: TypeAlias = Dataset
else:
    AnyDataset = one_of(*FORMS, tag="form")
