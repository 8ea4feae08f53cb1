"""What a report reads: the shape of a scorecard, and the Chinese headings of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl

#: The name and version of the shape, written into every machine-readable file.
SCHEMA = "kpi.scorecard/1"

#: The frames of a scorecard in their order, with the names of their sheets.
FRAMES = {"totals": "总表", "pillars": "分项", "indicators": "指标", "measures": "基础数据", "findings": "审核"}

#: More frames, that a scorecard has only where there is something in them.
MORE = {"adjustments": "加减调整", "weights": "权重", "treated": "数据处理", "restated": "修订", "quality": "报送质量"}

#: The headings of the columns of all frames. `entity` is headed by the system's own word (`entity_title`) instead.
HEADINGS = {
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


def frames(scorecard: Results, /) -> dict[str, pl.DataFrame]:
    """Returns the frames of a scorecard by name, in order, enumerations as plain text for other programs.

    The five of every scorecard, then those of `MORE` that it has (its `extras`).
    """
    found = {name: getattr(scorecard, name) for name in FRAMES} | getattr(scorecard, "extras", {})
    return {name: plain(frame) for name, frame in found.items()}


def plain(frame: pl.DataFrame, /) -> pl.DataFrame:
    """Returns a frame with its enumerations as plain text, for other programs."""
    return frame.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
