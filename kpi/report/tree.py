"""Explanations as reports: a tree as text, Markdown and JSON, and a table with one row per node."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, ClassVar

import polars as pl
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kpi.analysis.explain import Explained, words
from kpi.analysis.next_level import NextLevel
from kpi.analysis.peers import Spread
from kpi.engine.scorecard import Scorecard
from kpi.errors import Message, built_in
from kpi.language.system import ROOT
from kpi.report.language import localized, tr
from kpi.report.markdown import escaped
from kpi.report.marks import figure, least_change, level, number, visible
from kpi.report.peers import in_words, picture
from kpi.report.shape import HEADINGS, WORDS, About, Report, Screen, origin


@dataclass(frozen=True)
class ExplanationReport(Report):
    """The explanation of a score; the frame has one row per node with its depth, from the total to the figures."""

    schema: ClassVar[str] = "kpi.explanation/1"
    sheets: ClassVar[Mapping[str, str]] = {"explanation": Message("Explanation"), "ahead": Message("Next level")}
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "depth": Message("Level of the tree"),
        "name": Message("Code"),
        "contribution": Message("Contribution"),
        "detail": Message("Note"),
        "counted": Message("Score that counts"),
        "treated": Message("Treated value"),
        "full_marks": Message("Full marks"),
        "peers": Message("Peers with a value"),
        "least": Message("Minimum"),
        "lower": Message("Lower quartile"),
        "middle": Message("Median"),
        "upper": Message("Upper quartile"),
        "greatest": Message("Maximum"),
        "place": Message("Place among peers"),
        "level": Message("Level"),
        "needed": Message("Total needed"),
        "lacking": Message("Points lacking"),
        "by": Message("Needed by"),
        "changed": Message("Least single change"),
        "from": Message("Present value"),
        "to": Message("Value needed"),
    }
    words: ClassVar[Mapping[str, Mapping[str, str]]] = WORDS | {
        "by": {"cut": Message("cut point"), "peers": Message("lowest peer at the level")},
    }

    card: Scorecard
    entity: str
    node: Explained
    ahead: NextLevel | None = None

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
        """Return the explanation and, where there is a next level, the frame `ahead`.

        Explanation: depth (0 for the total), then the fields of `Explained` but `parts`, with the spread of the peers
        as peers (how many have a value), least, lower, middle, upper, greatest and place. Ahead: level, title, needed,
        lacking, by, and the least single change: changed (the indicator), from, to, unit.
        """
        names = [name for name in Explained.__struct_fields__ if name not in ("parts", "peers")]
        texts = {"name", "title", "kind", "unit", "status", "detail", "grade"}
        schema: dict[str, type[pl.DataType]] = {name: pl.String if name in texts else pl.Float64 for name in names}
        rows = [
            (depth, *(getattr(node, name) for name in names), *_of_peers(node.peers))
            for depth, node in self._nodes(_rendered(self.node))
        ]
        schema = {"depth": pl.Int64, **schema, **_PEERS}
        frames = {"explanation": pl.DataFrame(rows, schema=schema, orient="row")}
        if (above := self.ahead) is not None and above.level is not None:
            change = above.change
            ends = (None,) * 4 if change is None else (change.indicator, change.value, change.needed, change.unit)
            row = (above.level, localized(above.title), above.needed, above.lacking, above.by, *ends)
            frames["ahead"] = pl.DataFrame([row], schema=_AHEAD, orient="row")
        return frames

    def _nodes(self, node: Explained, depth: int = 0) -> Iterator[tuple[int, Explained]]:
        yield depth, node
        for part in node.parts:
            yield from self._nodes(part, depth + 1)

    def text(self, screen: Screen) -> str:
        """Return the tree."""
        return tree(
            self.card,
            self.entity,
            self.node,
            width=screen.width,
            color=screen.color,
            ahead=_ahead(self.card, self.ahead),
        )

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return JSON and Markdown with nested nodes."""
        return {"json": self._json, "md": self._markdown}

    def _json(self) -> bytes:
        result = self.head() | {"explanation": built_in(_rendered(self.node))}
        if self.ahead is not None and self.ahead.level is not None:
            result["ahead"] = {**built_in(self.ahead), "title": localized(self.ahead.title)}
        return (json.dumps(result, ensure_ascii=False, indent=2) + "\n").encode()

    def _markdown(self) -> bytes:
        lines = []
        for depth, node in self._nodes(self.node):
            lines.append(f"{'  ' * depth}- {escaped(_line(self.card, node).plain)}")
            if node.peers is not None:
                lines.append(f"{'  ' * (depth + 1)}- {escaped(_peers(self.card, node))}")
            if depth == 0:
                lines += [f"  - {escaped(words)}" for words in _ahead(self.card, self.ahead)]
        body = "\n".join(lines)
        return f"# {escaped(self.about.title)}\n\n{body}\n\n---\n\n{self.about.origin}\n".encode()


def period_of(card: Scorecard, node: Explained) -> str:
    """Return the label of the period of an explanation: the latest of a scorecard, or the longer one of a total."""
    return node.name if node.kind == "total" and node.name != ROOT else card.periods[-1]


#: The columns of the spread of the peers, and those of the next level.
_PEERS: dict[str, type[pl.DataType]] = {
    "peers": pl.Int64, "least": pl.Float64, "lower": pl.Float64, "middle": pl.Float64, "upper": pl.Float64,
    "greatest": pl.Float64, "place": pl.Int64,
}  # fmt: skip
_AHEAD: dict[str, type[pl.DataType]] = {
    "level": pl.Float64, "title": pl.String, "needed": pl.Float64, "lacking": pl.Float64, "by": pl.String,
    "changed": pl.String, "from": pl.Float64, "to": pl.Float64, "unit": pl.String,
}  # fmt: skip


def _of_peers(spread: Spread | None) -> tuple[float | None, ...]:
    if spread is None:
        return (None,) * len(_PEERS)
    five = (spread.least, spread.lower, spread.middle, spread.upper, spread.greatest)
    return (spread.number, *five, spread.place)


def tree(
    card: Scorecard, entity: str, node: Explained, *, width: int | None = None, color: bool = False,
    ahead: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return an explanation as a tree: score, weight, contribution, the formula with its figures, and the peers.

    `ahead` are lines about the next level, which stand below the total.
    """
    out = StringIO()
    console = Console(
        file=out, width=width or 120, force_terminal=color, color_system="standard" if color else None,
        no_color=not color, legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(Text(f"{visible(entity)}  {period_of(card, node)}  {visible(card.title)}", style="bold"))
    root = Tree(_label(card, node, ahead))
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
        _grow(card, branch.add(_label(card, part)), part)


def _label(card: Scorecard, node: Explained, more: Sequence[str] = ()) -> Text:
    """Return the line of a node, and below it the picture of its peers and further lines."""
    text = _line(card, node)
    if node.peers is not None:
        text.append(f"\n{picture(node.peers)} {_peers(card, node)}", style="dim")
    for line in more:
        text.append(f"\n{visible(line)}", style="cyan")
    return text


def _peers(card: Scorecard, node: Explained) -> str:
    """Return the place of a unit among its peers in words."""
    assert node.peers is not None  # noqa: S101
    if node.kind == "indicator":
        return in_words(node.peers, lambda value: figure(value, node.unit))
    if node.kind == "total":
        return in_words(node.peers, lambda value: number(value, card.decimals))
    scale = 1.0 if node.full_marks is None else node.full_marks / 100
    return in_words(node.peers, lambda value: number(value * scale, 2 if node.full_marks is None else card.decimals))


def _ahead(card: Scorecard, above: NextLevel | None) -> list[str]:
    """Return what a total lacks to the next level, and the least change of a figure that reaches it."""
    if above is None:
        return []
    lines = [tr("Next level: {words}", words=above.words(card.decimals))]
    if (change := above.change) is not None:
        lines.append(least_change(change.title, change.value, change.needed, change.unit))
    return lines


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
        # The total of a period is rounded as the system says; a score of a node is not.
        total = node.kind == "period" and node.full_marks is None
        rounded = tr("  score {score}", score=number(node.score, card.decimals)) if total else None
        text.append(rounded or _score(card, node.score, node.full_marks), style="green")
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


def _rendered(node: Explained) -> Explained:
    """Return a node and its descendants with texts in the language in use."""
    return replace(
        node, title=localized(node.title), detail=localized(node.detail), parts=tuple(map(_rendered, node.parts))
    )
