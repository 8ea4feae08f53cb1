"""How robust a ranking is, as a report: its text and its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis.robustness import Robustness
from kpi.report.cards import printed, table_of
from kpi.report.marks import NOTHING, level, number, visible
from kpi.report.shape import HEADINGS, About, Report, Screen, origin, plain

#: How many assumptions are shown, those that move most.
MOST = 12

_ASSUMPTIONS = {"normalisation": "换标准化", "mean": "换合成方法", "missing": "换缺项处理", "without": "去掉"}
_ALTERNATIVES = {
    "minmax": "极差", "zscore": "Z 分数", "percentile": "百分位", "arithmetic": "算术平均", "geometric": "几何平均",
    "power": "0.5 次幂平均", "redistribute": "按比例分摊", "zero": "计零分", "cohort_mean": "同组平均分",
}  # fmt: skip


@dataclass(frozen=True)
class RobustnessReport(Report):
    """How robust a ranking is; the first frame has the places."""

    schema: ClassVar[str] = "kpi.robustness/1"
    sheets: ClassVar[Mapping[str, str]] = {"ranks": "位次区间", "alternatives": "逐项假设"}
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "mean": "平均位次", "median": "中位位次", "low": "5 % 位次", "high": "95 % 位次", "best": "最好位次",
        "worst": "最差位次", "kept": "保持星级（%）", "assumption": "假设", "alternative": "改为", "moved": "平均变动",
        "most": "最大变动", ("alternatives", "stars"): "星级变动数",
    }  # fmt: skip
    words: ClassVar[Mapping[str, Mapping[str, str]]] = {"assumption": _ASSUMPTIONS, "alternative": _ALTERNATIVES}
    rated: ClassVar[tuple[str, ...]] = ("ranks",)

    found: Robustness

    @property
    def about(self) -> About:
        """The system and the period."""
        card = self.found.card
        words = origin(card.definition_hash, card.data_hash)
        title = f"{card.title} {self.found.period} 稳健性"
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, hashes, and how the runs were simulated."""
        found, card = self.found, self.found.card
        return {
            "schema": self.schema, "system": card.system, "period": found.period,
            "definition_hash": card.definition_hash, "data_hash": card.data_hash, "runs": found.runs,
            "weights": found.weights, "seed": found.seed,
        }  # fmt: skip

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `Robustness` describes them."""
        return {"ranks": plain(self.found.ranks), "alternatives": plain(self.found.alternatives)}

    def text(self, screen: Screen) -> str:
        """Return the places, and the assumptions that move most."""
        return table(self.found, width=screen.width)


def table(found: Robustness, /, *, width: int | None = None) -> str:
    """Returns the places of every entity over the simulated runs, and the assumptions that move most."""
    head = f"{visible(found.card.title)}  {found.period}  稳健性"
    how = f"{found.runs} 次模拟：权重 ±{found.weights:g} %，标准化、合成、缺项处理任选；种子 {found.seed}"
    return printed(Text(head, style="bold"), Text(how), *_ranks(found), *_alternatives(found), width=width)


def _ranks(found: Robustness) -> list[object]:
    several = found.ranks["cohort"].n_unique() > 1
    scheme = found.card.definition.stars
    headings = ["分组"] * several + [found.card.entity_title, "位次", "90 % 区间", "最好–最差", "平均"]
    headings += [] if scheme is None else ["等级", "保持等级"] if scheme.names else ["星级", "保持星级"]
    shown = table_of(*headings)
    for row in found.ranks.iter_rows(named=True):
        who = [visible(row["cohort"])] * several + [visible(row["entity"])]
        if row["rank"] is None:
            shown.add_row(*who, NOTHING)
            continue
        kept = NOTHING if row["kept"] is None else f"{row['kept']:.0f} %"
        spans = (f"{row[a]:g}–{row[b]:g}" for a, b in (("low", "high"), ("best", "worst")))
        cells = [f"{row['rank']:g}", *spans, number(row["mean"], 1)]
        shown.add_row(*who, *cells, *([_level(found, row["stars"]), kept] if scheme else []))
    return [shown]


def _level(found: Robustness, number: float | None) -> str:
    """A level by its name, or as stars."""
    names = found.card.definition.stars.names if found.card.definition.stars is not None else {}
    grade = None if number is None else names.get(int(number))
    return visible(level(number, grade, named=bool(names)))


def _alternatives(found: Robustness) -> list[object]:
    rows = found.alternatives.filter(pl.col("moved") > 0)
    still = found.alternatives.height - rows.height
    scheme = found.card.definition.stars
    levels = [] if scheme is None else ["等级变动" if scheme.names else "星级变动"]
    shown = table_of("假设", "改为", "平均变动", "最大变动", "何者", *levels)
    for row in rows.head(MOST).iter_rows(named=True):
        other = row["title"] or _ALTERNATIVES.get(row["alternative"], row["alternative"])
        moves = [number(row["moved"], 2), f"{row['most']:g}"]
        changed = NOTHING if row["stars"] is None else str(row["stars"])
        shown.add_row(
            _ASSUMPTIONS[row["assumption"]],
            visible(other),
            *moves,
            visible(row["entity"]),
            *([changed] if levels else []),
        )
    words = f"\n逐项改变一个假设：{found.alternatives.height} 项中 {still} 项不改变任何位次"
    return [Text(words + ("，变动最大的几项" if rows.height else "")), *([shown] if rows.height else [])]
