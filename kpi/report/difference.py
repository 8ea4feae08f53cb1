"""A difference as a report: the table of changes, one entity in detail, and its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis.diff import Difference
from kpi.engine.contributions import NOISE
from kpi.report.cards import printed, table_of
from kpi.report.marks import NOTHING, change, level, movement, number, reason, visible
from kpi.report.shape import HEADINGS, WORDS, About, Report, Screen, origin, plain
from kpi.values.status import STATUSES

#: How many lines of a kind are shown.
MOST = 30

#: How many indicators are named beside a changed total.
_NAMED = 2


@dataclass(frozen=True)
class DifferenceReport(Report):
    """What changed between two results; with `entity` the text has everything that moved this one."""

    schema: ClassVar[str] = "kpi.diff/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "totals": "总分变化", "indicators": "指标变化", "figures": "数据变化", "definitions": "办法变化",
        "restated": "更正的数据",
    }  # fmt: skip
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "period_before": "原期别", "score_before": "原得分", "change": "增减", "from_data": "来自数据",
        "from_definition": "来自办法", "stars_before": "原星级", "grade_before": "原等级", "rank_before": "原位次",
        "status_before": "原状态", "value_before": "原数值", "contribution_before": "原贡献", "contribution": "贡献",
        "weight_before": "原权重", "from_weight": "来自权重", "path": "办法中的位置", "before": "原", "after": "现",
    }  # fmt: skip

    words: ClassVar[Mapping[str, Mapping[str, str]]] = WORDS | dict.fromkeys(
        ("status", "status_before"), STATUSES | {"absent": "无"}
    )

    difference: Difference
    entity: str | None = None

    @property
    def about(self) -> About:
        """The system, the two sides, and the hashes of both."""
        before, after = self.difference.before, self.difference.after
        title = f"{after.title}：{before.name} → {after.name}"
        hashes = (f"{old} → {new}" if old != new else new for old, new in self._hashes().values())
        return About(title, after.system, origin(*hashes), after.entity_title, after.decimals)

    def _hashes(self) -> dict[str, list[str]]:
        before, after = self.difference.before, self.difference.after
        return {
            "definition_hash": [before.definition_hash, after.definition_hash],
            "data_hash": [before.data_hash, after.data_hash],
        }

    def head(self) -> dict[str, Any]:
        """Return schema, system, the names of both sides, their hashes, and whether causes could be separated."""
        before, after = self.difference.before, self.difference.after
        sides = {"schema": self.schema, "system": after.system, "before": before.name, "after": after.name}
        return {**sides, **self._hashes(), "separable": self.difference.separable}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `Difference` describes them."""
        return {name: plain(frame) for name, frame in self.difference.frames.items()}

    def text(self, screen: Screen) -> str:
        """Return what changed as tables."""
        return table(self.difference, self.entity, width=screen.width)


def table(difference: Difference, entity: str | None = None, *, width: int | None = None) -> str:
    """Returns what changed as tables for a terminal; for a difference of one entity, all that moved its total."""
    if entity is not None:
        return _detail(difference, entity, width)
    changed = difference.changed
    parts: list[object] = [_head(difference)]
    if not changed.height:
        parts.append(Text("没有变化。"))
    decimals, heading = difference.after.decimals, _level_heading(difference)
    for rows in changed.partition_by("period", maintain_order=True):
        who = visible(difference.after.entity_title)
        levels = [] if heading is None else [heading]
        shown = table_of("位次", who, "得分", "原", "增减", "数据", "办法", *levels, "主要来自")
        for row in rows.head(MOST).iter_rows(named=True):
            moved = "" if row["rank_change"] is None else movement(int(row["rank_change"]))
            rank = NOTHING if row["rank"] is None else f"{row['rank']:g} {moved}".strip()
            now, was = (_score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score", "score_before"))
            effects = [_effect(row[key], decimals) for key in ("change", "from_data", "from_definition")]
            last = [*([_stars(row)] if levels else []), _mainly(difference, row)]
            shown.add_row(rank, visible(row["entity"]), now, was, *effects, *last)
        more = f"，另有 {rows.height - MOST} 个" if rows.height > MOST else ""
        parts += [Text(f"\n{_of(rows)}：{rows.height} 个有变化{more}", style="bold"), shown]
    parts += _restated(difference)
    parts += _definitions(difference)
    parts.append(Text(_footer(difference), style="dim"))
    return printed(*parts, width=width)


def _head(difference: Difference) -> Text:
    after = difference.after
    return Text(visible(f"{after.title}：{difference.before.name} → {after.name}"), style="bold")


def _of(rows: pl.DataFrame) -> str:
    old, new = rows.row(0, named=True)["period_before"], rows.row(0, named=True)["period"]
    return str(new) if old == new else f"{old} → {new}"


def _score(value: float | None, status: str, decimals: int) -> str:
    if status == "absent":
        return "无"
    return number(value, decimals) if value is not None else reason(status)


def _effect(value: float | None, decimals: int) -> str:
    return NOTHING if value is None else change(value, decimals)


def _stars(row: dict[str, Any]) -> str:
    """The levels before and after: their names, or how many stars."""
    old, new = (_level(row[f"stars{key}"], row[f"grade{key}"]) for key in ("_before", ""))
    return new if old == new else f"{old} → {new}"


def _level(number: float | None, grade: str | None) -> str:
    if number is None:
        return NOTHING
    return f"{number:g}" if grade is None else visible(level(number, grade, named=True))


def _level_heading(difference: Difference) -> str | None:
    """The heading of levels, None where neither result has any."""
    totals = difference.totals
    if all(totals[name].null_count() == totals.height for name in ("stars", "stars_before")):
        return None
    named = any(totals[name].null_count() < totals.height for name in ("grade", "grade_before"))
    return "等级" if named else "星级"


def _mainly(difference: Difference, row: dict[str, Any]) -> str:
    frame = difference.indicators.filter(period=row["period"], entity=row["entity"]).drop_nulls("change")
    named = frame.filter(pl.col("change") != 0).head(_NAMED)
    decimals = difference.after.decimals
    lines = named.select("title", "change").rows()
    return "\n".join(f"{visible(title)} {change(value, decimals)}" for title, value in lines)


def _detail(difference: Difference, entity: str, width: int | None) -> str:
    decimals, heading = difference.after.decimals, _level_heading(difference)
    parts: list[object] = [Text(visible(f"{entity}  "), style="bold") + _head(difference)]
    for row in difference.totals.iter_rows(named=True):
        now, was = (_score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score", "score_before"))
        effects = [_effect(row[key], decimals) for key in ("change", "from_data", "from_definition")]
        moved = movement(None if row["rank_change"] is None else int(row["rank_change"]))
        line = f"\n{row['period']}  得分 {was} → {now}  增减 {effects[0]}（数据 {effects[1]}，办法 {effects[2]}）"
        stars = "" if heading is None else f"  {heading} {_stars(row)}"
        parts.append(Text(f"{line}{stars}  位次 {moved or NOTHING}"))
        lines = difference.indicators.filter(period=row["period"])
        weighed = bool((lines["from_weight"].abs() > NOISE).any())
        weights = ["权重 %"] if weighed else []
        shown = table_of("指标", "原值", "现值", "单位", *weights, "原得分", "得分", "增减", "数据", "办法")
        for one in lines.head(MOST).iter_rows(named=True):
            effects = [_effect(one[key], decimals) for key in ("change", "from_data", "from_definition")]
            scores = [number(one[key], decimals) or NOTHING for key in ("score_before", "score")]
            shown.add_row(
                visible(one["title"]), _value(one["value_before"]), _value(one["value"]), one["unit"] or "",
                *([_weight(one)] if weighed else []), *scores, *effects,
            )  # fmt: skip
        parts += [shown] if lines.height else []
        if weighed:
            brought = change(float(lines["from_weight"].sum()), decimals)
            parts.append(Text(f"其中权重变化：{brought}", style="dim"))
        figures = difference.figures.filter(period=row["period"])
        shown = table_of("基础数据", "原值", "现值", "单位", "状态")
        for one in figures.head(MOST).iter_rows(named=True):
            state = [one[key] if one[key] == "absent" else reason(one[key]) for key in ("status_before", "status")]
            words = state[1] if state[0] == state[1] else " → ".join(state)
            shown.add_row(
                visible(one["title"]), _value(one["value_before"]), _value(one["value"]), one["unit"] or "", words
            )
        parts += [shown] if figures.height else []
    parts += _restated(difference)
    parts.append(Text(_footer(difference), style="dim"))
    return printed(*parts, width=width)


def _weight(row: dict[str, Any]) -> str:
    if row["weight"] is None:
        return ""
    old, new = (f"{row[key]:.4g}" for key in ("weight_before", "weight"))
    return new if old == new else f"{old} → {new}"


def _value(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.6g}"


def _restated(difference: Difference) -> list[object]:
    frame = difference.restated
    if not frame.height:
        return []
    shown = table_of("期别", difference.after.entity_title, "基础数据", "更正前", "更正后", "文件", "行")
    for row in frame.head(MOST).iter_rows(named=True):
        texts = [visible(str(row.get(name) or "")) for name in ("period", "entity", "title")]
        places = [visible(str(row.get(name) or "")) for name in ("file", "row")]
        shown.add_row(*texts, _value(row["before"]), _value(row["after"]), *places)
    return [Text(f"\n更正的数据：{frame.height} 个", style="bold"), shown]


def _definitions(difference: Difference) -> list[object]:
    frame = difference.definitions
    if not frame.height:
        return []
    shown = table_of("办法中的", "原", "现")
    for row in frame.head(MOST).iter_rows(named=True):
        shown.add_row(*(visible(row[name] or NOTHING) for name in ("path", "before", "after")))
    return [Text(f"\n办法的变化：{frame.height} 处", style="bold"), shown]


def _footer(difference: Difference) -> str:
    before, after = difference.before, difference.after
    pair = [f"{one.definition_hash[:8]}" for one in (before, after)]
    words = ["增减 = 数据 + 办法，按未取整的总分"]
    if not difference.separable:
        words = ["办法也变了，只有结果、没有数据时不能区分数据和办法的影响"]
    words.append(f"定义 {pair[0]}" if pair[0] == pair[1] else f"原定义 {pair[0]}  现定义 {pair[1]}")
    return "  ".join(words)
