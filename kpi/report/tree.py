"""Explanations as reports: a tree as text, Markdown and JSON, and a table with one row per node."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from io import StringIO
from typing import Any, ClassVar

import polars as pl
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kpi.analysis.explain import Explained, words
from kpi.engine.scorecard import Scorecard
from kpi.errors import Message
from kpi.language.system import ROOT
from kpi.report.language import localized, tr
from kpi.report.markdown import escaped
from kpi.report.marks import level, number, visible
from kpi.report.shape import HEADINGS, About, Report, Screen, origin


@dataclass(frozen=True)
class ExplanationReport(Report):
    """The explanation of a score; the frame has one row per node with its depth, from the total to the figures."""

    schema: ClassVar[str] = "kpi.explanation/1"
    sheets: ClassVar[Mapping[str, str]] = {"explanation": Message("Explanation")}
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "depth": Message("Level of the tree"),
        "name": Message("Code"),
        "contribution": Message("Contribution"),
        "detail": Message("Note"),
        "counted": Message("Score that counts"),
        "treated": Message("Treated value"),
        "full_marks": Message("Full marks"),
    }

    card: Scorecard
    entity: str
    node: Explained

    @property
    def about(self) -> About:
        """The entity, the system and the latest period."""
        card = self.card
        title = f"{self.entity} {period_of(card, self.node)} {card.title}"
        words = origin(card.definition_hash, card.data_hash)
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, entity and hashes."""
        card = self.card
        return {
            "schema": self.schema,
            "system": card.system,
            "period": period_of(card, self.node),
            "entity": self.entity,
            "definition_hash": card.definition_hash,
            "data_hash": card.data_hash,
        }

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return one frame: depth (0 for the total), then the fields of `Explained` but `parts`."""
        names = [field.name for field in fields(Explained) if field.name != "parts"]
        texts = {"name", "title", "kind", "unit", "status", "detail", "grade"}
        schema = {name: pl.String if name in texts else pl.Float64 for name in names}
        rows = [(depth, *(getattr(node, name) for name in names)) for depth, node in self._nodes(_rendered(self.node))]
        return {"explanation": pl.DataFrame(rows, schema={"depth": pl.Int64, **schema}, orient="row")}

    def _nodes(self, node: Explained, depth: int = 0) -> Iterator[tuple[int, Explained]]:
        yield depth, node
        for part in node.parts:
            yield from self._nodes(part, depth + 1)

    def text(self, screen: Screen) -> str:
        """Return the tree."""
        return tree(self.card, self.entity, self.node, width=screen.width, color=screen.color)

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return JSON and Markdown with nested nodes."""
        return {"json": self._json, "md": self._markdown}

    def _json(self) -> bytes:
        result = self.head() | {"explanation": asdict(_rendered(self.node))}
        return (json.dumps(result, ensure_ascii=False, indent=2) + "\n").encode()

    def _markdown(self) -> bytes:
        lines = [f"{'  ' * depth}- {escaped(_line(self.card, node).plain)}" for depth, node in self._nodes(self.node)]
        body = "\n".join(lines)
        return f"# {escaped(self.about.title)}\n\n{body}\n\n---\n\n{self.about.origin}\n".encode()


def period_of(card: Scorecard, node: Explained) -> str:
    """Return the label of the period of an explanation: the latest of a scorecard, or the longer one of a total."""
    return node.name if node.kind == "total" and node.name != ROOT else card.periods[-1]


def tree(card: Scorecard, entity: str, node: Explained, *, width: int | None = None, color: bool = False) -> str:
    """Return an explanation as a tree: score, weight, contribution, and the formula with its figures."""
    out = StringIO()
    console = Console(
        file=out, width=width or 120, force_terminal=color, color_system="standard" if color else None,
        no_color=not color, legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(Text(f"{visible(entity)}  {period_of(card, node)}  {visible(card.title)}", style="bold"))
    root = Tree(_line(card, node))
    _grow(card, root, node)
    console.print(root)
    if card.definition.scoring is not None:
        console.print(
            Text(
                tr("Scoring: {scoring} (unless stated otherwise)", scoring=card.definition.scoring.in_full()),
                style="dim",
            )
        )
    console.print(
        Text(
            tr(
                "Definition {definition_hash}  data {data_hash}",
                definition_hash=card.definition_hash,
                data_hash=card.data_hash,
            ),
            style="dim",
        )
    )
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _grow(card: Scorecard, branch: Tree, node: Explained) -> None:
    for part in node.parts:
        _grow(card, branch.add(_line(card, part)), part)


def _line(card: Scorecard, node: Explained) -> Text:
    text = Text(visible(localized(node.title)), style="bold" if node.kind in ("total", "pillar") else "")
    if node.kind == "total":
        shown = "—" if node.score is None else f"{node.score:.{card.decimals}f}"
        stars = float(node.detail) if node.detail else None
        scheme = card.definition.stars
        text.append(f"  {shown}  {visible(level(stars, node.grade, named=scheme is not None and bool(scheme.names)))}")
        return text if node.status == "ok" else text.append(f"  {localized(words(node.status))}", style="red")
    if node.kind == "measure":
        text.append("  ")
        text.append("—" if node.value is None else figure(node.value, node.unit))
    elif node.kind == "indicator":
        text.append("  ")
        text.append("—" if node.value is None else figure(node.value, node.unit), style="cyan")
        if node.treated is not None and node.treated != node.value:
            text.append(tr(" → {treated:,.6g} (treated)", treated=node.treated), style="cyan")
    if node.score is not None:
        text.append(_score(card, node.score, node.full_marks), style="green")
    if node.weight is not None:
        text.append(tr("  weight {weight:.2f} %", weight=node.weight))
    if node.contribution is not None:
        text.append(
            tr("  counts {contribution:.2f}", contribution=node.contribution)
            if node.kind in ("pillar", "indicator", "period")
            else tr("  counts {contribution:+.2f}", contribution=node.contribution)
        )
    if node.status != "ok":
        text.append(f"  {localized(words(node.status))}", style="red")
    if node.detail:
        text.append(f"  {visible(localized(node.detail))}", style="dim")
    return text


def _score(card: Scorecard, score: float, full_marks: float | None) -> str:
    """Return a score in percent, or in marks where results show these."""
    if full_marks is None:
        return tr("  score {score:.2f}", score=score)
    return tr("  {marks} of {full:g} marks", marks=number(score * full_marks / 100, card.decimals), full=full_marks)


def figure(value: float, unit: str | None) -> str:
    """Return a figure with its unit for display.

    >>> figure(12345.5, "万元"), figure(1.0, "是/否")
    ('12,345.5 万元', 'yes')
    """
    if unit == "是/否":
        return tr("yes") if value else tr("no")
    return f"{value:,.6g} {unit or ''}".rstrip() if abs(value) < 1e6 else f"{value:,.10g} {unit or ''}".rstrip()


def _rendered(node: Explained) -> Explained:
    """Return a node and its descendants with texts in the language in use."""
    return replace(
        node, title=localized(node.title), detail=localized(node.detail), parts=tuple(map(_rendered, node.parts))
    )
