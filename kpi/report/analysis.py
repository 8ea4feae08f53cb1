"""An analysis as a report: the tables of `kpi.analysis.statistics` as text and frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis import statistics
from kpi.engine.scorecard import Scorecard
from kpi.report.cards import printed, table_of
from kpi.report.marks import NOTHING, number, visible
from kpi.report.shape import HEADINGS, About, Report, Screen, origin

#: How many pairs, gaps, strengths and weaknesses are shown.
MOST = 8


@dataclass(frozen=True)
class AnalysisReport(Report):
    """What the figures of a scorecard are like, or with `entity` the strengths and weaknesses of one."""

    schema: ClassVar[str] = "kpi.analysis/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "availability": "数据完整率", "consistency": "内部一致性", "correlations": "相关系数", "profile": "强项与弱项",
    }  # fmt: skip
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "there": "有数", "lacking": "缺数", "not_applicable": "不适用", "percent": "完整率", "parts": "构成数",
        "entities": "单位数", "alpha": "克朗巴哈 α", "first": "指标一", "second": "指标二", "within": "同一分项",
        "correlation": "相关系数", "mean": "同组平均", "ahead": "高出", "standing": "相对位置",
    }  # fmt: skip

    card: Scorecard
    entity: str | None = None

    @property
    def about(self) -> About:
        """The system, the latest period and the entity."""
        card = self.card
        title = " ".join(filter(None, (self.entity, card.title, card.periods[-1])))
        words = origin(card.definition_hash, card.data_hash)
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, hashes, and the entity of a profile."""
        card = self.card
        head = {
            "schema": self.schema, "system": card.system, "period": card.periods[-1],
            "definition_hash": card.definition_hash, "data_hash": card.data_hash,
        }  # fmt: skip
        return head if self.entity is None else {**head, "entity": self.entity}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return availability, consistency and correlations; or the profile of the entity."""
        if self.entity is not None:
            return {"profile": statistics.profile(self.card, self.entity)}
        return {
            "availability": statistics.availability(self.card), "consistency": statistics.consistency(self.card),
            "correlations": statistics.correlations(self.card),
        }  # fmt: skip

    def text(self, screen: Screen) -> str:
        """Return the tables, of what is strongest only."""
        return analysed(self.card, self.entity, width=screen.width)


def analysed(card: Scorecard, entity: str | None = None, *, width: int | None = None) -> str:
    """Returns the analysis of a scorecard: availability, consistency and correlation; or the profile of an entity.

    Raises:
        DataError: when there is no such entity.
    """
    if entity is not None:
        return _profile(card, entity, width)
    title = Text(f"{visible(card.title)}  {card.periods[-1]}", style="bold")
    return printed(title, *_availability(card), *_consistency(card), *_correlations(card), width=width)


def _profile(card: Scorecard, entity: str, width: int | None) -> str:
    frame = statistics.profile(card, entity)
    parts: list[object] = [Text(f"{visible(entity)}  {visible(card.title)}  {card.periods[-1]}", style="bold")]
    strong, weak = frame.filter(pl.col("standing") < 0.5), frame.filter(pl.col("standing") > 0.5).reverse()
    for heading, rows in (("强项", strong.head(MOST)), ("弱项", weak.head(MOST))):
        table = table_of("指标", "名称", "得分", "同组平均", "高出", "位次")
        for row in rows.iter_rows(named=True):
            numbers = [number(row[key], 1) for key in ("score", "mean", "ahead")]
            table.add_row(row["indicator"], visible(row["title"]), *numbers, f"{row['rank']}/{row['of']}")
        parts += [Text(f"\n{heading}"), table]
    return printed(*parts, width=width)


def _availability(card: Scorecard) -> list[object]:
    frame = statistics.availability(card)
    gaps = frame.filter(pl.col("lacking") > 0)
    there, lacking = sum(frame["there"]), sum(frame["lacking"])
    percent = 100 * there / max(there + lacking, 1)
    head = Text(f"\n数据完整率 {percent:.1f} %，{gaps.height} 个指标有缺")
    table = table_of("指标", "名称", "有数", "缺数", "不适用", "%")
    for row in gaps.head(MOST).iter_rows(named=True):
        counts = [str(row[key]) for key in ("there", "lacking", "not_applicable")]
        table.add_row(row["indicator"], visible(row["title"]), *counts, number(row["percent"], 1))
    return [head, table] if gaps.height else [head]


def _consistency(card: Scorecard) -> list[object]:
    table = table_of("一级、二级指标", "名称", "构成", "单位数", "克朗巴哈 α")
    for row in statistics.consistency(card).iter_rows(named=True):
        alpha = number(row["alpha"], 2) or NOTHING
        table.add_row(row["pillar"], visible(row["title"]), str(row["parts"]), str(row["entities"]), alpha)
    return [Text("\n内部一致性（α 低于 0.70：各项未必衡量同一事物）"), table] if table.row_count else []


def _correlations(card: Scorecard) -> list[object]:
    frame = statistics.correlations(card).drop_nulls("correlation")
    parts: list[object] = []
    for within, heading in ((True, "同一分项内"), (False, "不同分项间")):
        rows = frame.filter(pl.col("within") == within)
        if not rows.height:
            continue
        mean = sum(rows["correlation"]) / rows.height
        table = table_of("指标", "指标", "相关系数", "单位数")
        for row in rows.head(MOST).iter_rows(named=True):
            table.add_row(row["first"], row["second"], number(row["correlation"], 3), str(row["entities"]))
        parts += [Text(f"\n{heading}：{rows.height} 对，平均相关系数 {mean:.3f}，最强的几对"), table]
    return parts
