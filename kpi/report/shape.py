"""What the formats of results read: the reports of commands, the shape of a scorecard, Chinese headings of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import polars as pl

from kpi.engine.contributions import KINDS
from kpi.report.marks import COMPARATORS, LIGHTS, SEVERITIES
from kpi.values.status import STATUSES

#: The name and version of the shape, written into every machine-readable file.
SCHEMA = "kpi.scorecard/1"

#: The frames of a scorecard in their order, with the names of their sheets.
FRAMES = {"totals": "总表", "pillars": "分项", "indicators": "指标", "measures": "基础数据", "findings": "审核"}

#: More frames, that a scorecard has only where there is something in them.
MORE = {"adjustments": "加减调整", "weights": "权重", "treated": "数据处理", "restated": "修订", "quality": "报送质量"}

#: The headings of the columns of all frames. `entity` is headed by the system's own word (`entity_title`) instead.
HEADINGS: dict[str | tuple[str, str], str] = {
    "system": "评价体系",
    "period": "期别",
    "cohort": "分组",
    "entity": "评价对象",
    "pillar": "分项代码",
    "parent": "上级分项",
    "indicator": "指标代码",
    "measure": "数据代码",
    "title": "名称",
    "score": "得分",
    "raw_score": "未取整得分",
    "stars": "星级",
    "grade": "等级",
    "rank": "位次",
    "of": "同组个数",
    "rank_change": "位次升降",
    "score_change": "得分增减",
    "coverage": "数据完整率",
    "veto": "一票否决",
    "status": "状态",
    "weight": "权重",
    "points": "分值",
    "kind": "类别",
    "value": "数值",
    "unit": "计量单位",
    "target": "目标值",
    "comparator": "目标要求",
    "attainment": "目标完成率",
    "schedule": "序时进度",
    "light": "进度灯",
    "reached": "是否达标",
    "score_status": "计分状态",
    "rows": "原始行数",
    "code": "代码",
    "severity": "级别",
    "message": "说明",
    "file": "文件",
    "row": "行",
    "column": "列",
    "hint": "处理办法",
    "stands_for": "条数",
    "node": "上级代码",
    "part": "构成代码",
    "method": "赋权方法",
    "effective": "对总分的权重",
    "consistency_ratio": "一致性比率",
    "step": "步骤",
    "before": "处理前",
    "after": "处理后",
    "treatment": "处理方法",
    "revision": "修订号",
    "new_revision": "现修订号",
    "department": "报送单位",
    "expected": "应报数",
    "reported": "已报数",
    "dated": "有报送日期数",
    "on_time": "按期数",
    "sound": "无误数",
    "completeness": "完整率",
    "timeliness": "及时率",
    "accuracy": "准确率",
    "quality": "报送质量分",
}


#: The words of columns whose values are names, where people read them; other values stay as they are.
WORDS: dict[str, Mapping[str, str]] = {
    "comparator": COMPARATORS,
    "severity": SEVERITIES,
    "light": LIGHTS,
    "kind": KINDS | {"total": "总分", "pillar": "分项", "indicator": "指标", "measure": "基础数据"},
    "status": STATUSES,
    "score_status": STATUSES,
}


class Results(Protocol):
    """The part of a scorecard that reports read: what was evaluated, and five tidy frames."""

    @property
    def system(self) -> str:
        """The id of the system."""

    @property
    def title(self) -> str:
        """The name of the system."""

    @property
    def definition_hash(self) -> str:
        """The fingerprint of the definitions."""

    @property
    def data_hash(self) -> str:
        """The fingerprint of the data."""

    @property
    def decimals(self) -> int:
        """How many decimals scores are rounded to."""

    @property
    def full(self) -> float:
        """The full mark."""

    @property
    def entity_title(self) -> str:
        """What the entities are called together, 县(市、区)."""

    @property
    def periods(self) -> Sequence[str]:
        """The labels of the periods, earliest first."""

    @property
    def totals(self) -> pl.DataFrame:
        """One row an entity and period: score, stars, rank."""

    @property
    def pillars(self) -> pl.DataFrame:
        """One row an entity, period and pillar."""

    @property
    def indicators(self) -> pl.DataFrame:
        """One row an entity, period and indicator."""

    @property
    def measures(self) -> pl.DataFrame:
        """One row an entity, period and measure."""

    @property
    def findings(self) -> pl.DataFrame:
        """One row a finding."""


@dataclass(frozen=True)
class About:
    """What a report is about, for headings, margins and metadata.

    Attributes:
        title: its heading.
        system: the id of the system, empty where there is none.
        origin: the definitions and data behind it, in words.
        entity_title: what the entities are called together.
        decimals: how many decimals scores are rounded to.
        full: the full mark.
    """

    title: str
    system: str = ""
    origin: str = ""
    entity_title: str = "评价对象"
    decimals: int = 2
    full: float = 100


@dataclass(frozen=True)
class Screen:
    """What a report is shown on: its width in terminal cells (None for no terminal), and whether it takes colour."""

    width: int | None = None
    color: bool = False


class Report(ABC):
    """The result of a command, which every format of `kpi.report.formats` can write.

    Formats with one table hold the first frame, the others all frames. A format that a report writes in a form of its
    own, such as the JSON of an explanation, is among `own`.
    """

    #: Name and version of the shape, in every machine-readable file.
    schema: ClassVar[str]
    #: The names of frames where people read them.
    sheets: ClassVar[Mapping[str, str]]
    #: The headings of columns where people read them, of all frames or of one: `column` or `(frame, column)`.
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS
    #: The words of columns whose values are names, where people read them.
    words: ClassVar[Mapping[str, Mapping[str, str]]] = WORDS
    #: The frames whose columns `stars` and `grade` are levels.
    rated: ClassVar[tuple[str, ...]] = ("totals",)

    @property
    @abstractmethod
    def about(self) -> About:
        """What the report is about."""

    @abstractmethod
    def head(self) -> dict[str, Any]:
        """Return what precedes the frames in JSON: the schema, then what identifies the report."""

    @abstractmethod
    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames by name, the first being the one that formats with one table hold."""

    def heading(self, frame: str, column: str) -> str:
        """Return the heading of a column of a frame; a column without one is headed by its name."""
        if (own := self.headings.get((frame, column))) is not None:
            return own
        return self.about.entity_title if column == "entity" else self.headings.get(column, column)

    def word(self, column: str, value: object) -> str:
        """Return a value that is no number as people read it."""
        if isinstance(value, bool):
            return "是" if value else "否"
        return self.words.get(column, {}).get(str(value), str(value))

    def first(self) -> pl.DataFrame:
        """Return the first frame; a report may have it without the others."""
        return next(iter(self.frames().values()))

    @abstractmethod
    def text(self, screen: Screen) -> str:
        """Return the report as a terminal shows it."""

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the formats, by name, that the report writes in a form of its own."""
        return {}


def origin(definition_hash: str, data_hash: str) -> str:
    """Return the definitions and data behind a result in words.

    >>> origin("7c1e9a55", "90ab34cd")
    '定义 7c1e9a55 数据 90ab34cd'
    """
    return f"定义 {definition_hash} 数据 {data_hash}"


def frames(scorecard: Results, /) -> dict[str, pl.DataFrame]:
    """Returns the frames of a scorecard by name, in order, enumerations as plain text for other programs.

    The five of every scorecard, then those of `MORE` that it has (its `extras`).
    """
    found = {name: getattr(scorecard, name) for name in FRAMES} | getattr(scorecard, "extras", {})
    return {name: plain(frame) for name, frame in found.items()}


def plain(frame: pl.DataFrame, /) -> pl.DataFrame:
    """Returns a frame with its enumerations as plain text, for other programs."""
    return frame.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
