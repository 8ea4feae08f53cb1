"""An explanation as a tree on a terminal, or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from io import StringIO
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kpi.analysis.explain import Explained, words
from kpi.engine.scorecard import Scorecard
from kpi.errors import Message
from kpi.report.language import tr
from kpi.report.marks import level, visible


def tree(card: Scorecard, entity: str, node: Explained, *, width: int | None = None, color: bool = False) -> str:
    """Returns an explanation as a tree: score, share of the whole, contribution, and the formula with its figures."""
    out = StringIO()
    console = Console(
        file=out, width=width or 120, force_terminal=color, color_system="standard" if color else None,
        no_color=not color, legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(Text(f"{visible(entity)}  {card.periods[-1]}  {visible(card.title)}", style="bold"))
    root = Tree(_line(card, node))
    _grow(card, root, node)
    console.print(root)
    if card.definition.scoring is not None:
        console.print(Text(f"计分：{card.definition.scoring.in_full()}（另有注明的除外）", style="dim"))
    console.print(Text(f"定义 {card.definition_hash}  数据 {card.data_hash}", style="dim"))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _grow(card: Scorecard, branch: Tree, node: Explained) -> None:
    for part in node.parts:
        _grow(card, branch.add(_line(card, part)), part)


def _line(card: Scorecard, node: Explained) -> Text:
    text = Text(visible(_localized(node.title)), style="bold" if node.kind in ("total", "pillar") else "")
    if node.kind == "total":
        shown = "—" if node.score is None else f"{node.score:.{card.decimals}f}"
        stars = float(node.detail) if node.detail else None
        scheme = card.definition.stars
        text.append(f"  {shown}  {visible(level(stars, node.grade, named=scheme is not None and bool(scheme.names)))}")
        return text if node.status == "ok" else text.append(f"  {words(node.status)}", style="red")
    if node.kind == "measure":
        text.append("  ")
        text.append("—" if node.value is None else figure(node.value, node.unit))
    elif node.kind == "indicator":
        text.append("  ")
        text.append("—" if node.value is None else figure(node.value, node.unit), style="cyan")
        if node.treated is not None and node.treated != node.value:
            text.append(f" → {node.treated:,.6g}（处理后）", style="cyan")
    if node.score is not None:
        text.append(f"  得分 {node.score:.2f}", style="green")
    if node.weight is not None:
        text.append(f"  权重 {node.weight:.2f} %")
    if node.contribution is not None:
        text.append(
            f"  计 {node.contribution:.2f}"
            if node.kind in ("pillar", "indicator")
            else f"  计 {node.contribution:+.2f}"
        )
    if node.status != "ok":
        text.append(f"  {words(node.status)}", style="red")
    if node.detail:
        text.append(f"  {visible(_localized(node.detail))}", style="dim")
    return text


def figure(value: float, unit: str | None) -> str:
    """Returns a figure as people read it.

    >>> figure(12345.5, "万元"), figure(1.0, "是/否")
    ('12,345.5 万元', '是')
    """
    if unit == "是/否":
        return "是" if value else "否"
    return f"{value:,.6g} {unit or ''}".rstrip() if abs(value) < 1e6 else f"{value:,.10g} {unit or ''}".rstrip()


def as_json(card: Scorecard, entity: str, node: Explained) -> str:
    """Returns an explanation as JSON, floats unrounded."""
    head: dict[str, Any] = {
        "schema": "kpi.explanation/1", "system": card.system, "period": card.periods[-1], "entity": entity,
        "definition_hash": card.definition_hash, "data_hash": card.data_hash,
    }  # fmt: skip
    return json.dumps(head | {"explanation": asdict(_rendered(node))}, ensure_ascii=False, indent=2) + "\n"


def _localized(text: str) -> str:
    return tr(text) if isinstance(text, Message) else text


def _rendered(node: Explained) -> Explained:
    """Return a node and the nodes below it with texts in the language in use."""
    return replace(
        node, title=_localized(node.title), detail=_localized(node.detail), parts=tuple(map(_rendered, node.parts))
    )
