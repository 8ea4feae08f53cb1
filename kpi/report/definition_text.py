"""A draft of a definition as YAML that people read: one line a measure, comments before whatever is a guess or ours.

The same draft makes the same text; its comments are in the language in use.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from kpi.errors import Message
from kpi.intake.annexes.drafts import Draft, Item
from kpi.report.language import localized
from kpi.report.yaml_text import flow

#: How long a line of YAML or of a comment may be; a text in Chinese is twice as wide.
_WIDTH = 110


def definition_text(draft: Draft) -> str:
    """Return the YAML of a draft.

    >>> draft = Draft(keys={"system": "a", "period": "year"})
    >>> draft.put("measures", "满意度_值", {"title": "满意度", "unit": "%"}, inline=True)
    >>> print(definition_text(draft))
    system: a
    period: year
    <BLANKLINE>
    measures:
      满意度_值: {title: 满意度, unit: '%'}
    <BLANKLINE>
    """
    lines = [*_comments(draft.head, "")]
    for key, value in draft.keys.items():
        comment = draft.key_comments.get(key)
        lines.append(f"{key}: {flow(value)}" + (f"  # {_one_line(localized(comment))}" if comment is not None else ""))
    for section, items in draft.sections.items():
        if items:
            lines += ["", f"{section}:", *_section(items)]
    for key, item in draft.tail.items():
        lines += ["", *_comments(item.comments, ""), f"{key}: {flow(item.fields)}"]
    return "\n".join(lines) + "\n"


def _section(items: Mapping[str, Item]) -> Iterable[str]:
    for place, (name, item) in enumerate(items.items()):
        if item.inline:
            yield from _comments(item.comments, "  ")
            yield f"  {flow(name)}: {flow(item.fields)}"
            continue
        if place:
            yield ""
        yield from _comments(item.comments, "  ")
        yield f"  {flow(name)}:"
        for key, value in item.fields.items():
            if key == "note" and len(str(value)) > 60:
                yield "    note: >-"
                yield from _folded(str(value))
            else:
                yield f"    {key}: {flow(value)}"


def _folded(text: str) -> Iterable[str]:
    """Yield the lines of a folded text; Chinese has no blanks at which it could be parted, so it stays in one line."""
    yield f"      {_one_line(text)}"


def _comments(comments: Iterable[Message], indent: str) -> Iterable[str]:
    for comment in comments:
        for line in textwrap.wrap(_one_line(localized(comment)), _WIDTH, break_long_words=False) or [""]:
            yield f"{indent}# {line}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
