"""Drafts: definitions as they are going to be written, with a comment at everything that is a guess or ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from kpi.errors import Diagnostic, Message
from kpi.values.names import clean, look

#: The longest name of a measure, indicator or pillar.
_LONGEST = 60
#: Words that are no names in YAML or in expressions.
_RESERVED = {
    "and",
    "or",
    "not",
    "in",
    "is",
    "like",
    "between",
    "case",
    "when",
    "then",
    "else",
    "end",
    "null",
    "true",
    "false",
    "no",
    "on",
    "off",
    "yes",
    "y",
    "n",
}


class Item(Struct, frozen=True):
    """One entry of a section: its fields as in YAML, the comments before it, and whether it is written in a line."""

    fields: dict[str, Any]
    comments: tuple[Message, ...] = ()
    inline: bool = False


class Draft(Struct):
    """A definition before it is written.

    Attributes:
        head: comments at the top.
        keys: the keys at the top, in their order.
        key_comments: comments beside these keys.
        sections: the mappings of names, in their order.
        tail: the keys at the end, with their comments.
        findings: what the owner of the file should look at.
        names: the names that are taken.
        titles: the titles of measures that are taken.
        files: further files to be written beside the definition, with their texts.
    """

    head: list[Message] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    key_comments: dict[str, Message] = field(default_factory=dict)
    sections: dict[str, dict[str, Item]] = field(default_factory=dict)
    tail: dict[str, Item] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)

    def named(self, title: str, ending: str = "") -> str:
        """Return a name that nothing else has, as near to a title as names can be.

        >>> draft = Draft()
        >>> draft.named("网上办结率（%）"), draft.named("网上办结率（%）"), draft.named("5G覆盖率"), draft.named("no")
        ('网上办结率', '网上办结率_2', '_5G覆盖率', 'no_')
        """
        plain = re.sub(r"\((?:%|‰|分)\)$", "", clean(title))
        name = re.sub(r"\W+", "_", plain).strip("_")[:_LONGEST].rstrip("_") or "x"
        name = name + ending
        if name[0].isdigit():
            name = f"_{name}"
        if name.casefold() in _RESERVED:
            name = f"{name}_"
        number, free = 1, name
        while free.casefold() in self.names:
            number += 1
            free = f"{name}_{number}"
        self.names.add(free.casefold())
        return free

    def titled(self, title: str, *contexts: str) -> str:
        """Return a title that no other measure has, with what it belongs to before it where that is needed.

        >>> draft = Draft()
        >>> draft.titled("工作机制", "党建"), draft.titled("工作机制", "安全"), draft.titled("工作机制", "安全")
        ('工作机制', '安全·工作机制', '安全·工作机制 2')
        """
        choices = [title]
        for context in contexts:
            choices.append(f"{context}·{choices[-1]}")
        number = 1
        while look(choices[0]).casefold() in self.titles:
            if len(choices) > 1:
                choices.pop(0)
                continue
            number += 1
            choices = [f"{choices[0].removesuffix(f' {number - 1}')} {number}"]
        self.titles.add(look(choices[0]).casefold())
        return choices[0]

    def put(
        self, section: str, name: str, fields: dict[str, Any], comments: Sequence[Message] = (), *, inline: bool = False
    ) -> None:
        """Add an entry to a section."""
        self.sections.setdefault(section, {})[name] = Item(fields, tuple(comments), inline)


def identifier(text: str) -> str:
    """Return a text as the id of a system: letters, digits, dots and hyphens.

    >>> identifier("附件1：考核 指标（2025）")
    '附件1-考核指标-2025'
    """
    return re.sub(r"[^\w.]+", "-", clean(text)).strip("-.") or "annex"
