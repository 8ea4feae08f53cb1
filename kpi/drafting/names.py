"""Names and scalars of a drafted definition: the headings themselves where YAML and the language allow it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from kpi.intake.files.headers import clean
from kpi.language.loading.cross_references import RESERVED

#: Longer headings are cut: a name is typed.
_LONGEST = 40

#: Texts that stand in YAML as they are: no sign that means anything there, and no number or truth value.
_PLAIN = re.compile(r"[^\W\d][\w%/·.()（）、-]*", re.ASCII)
_WORDS = re.compile(r"[^\W\d_][\w%‰/·、()（）-]*")
_MEANING = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def name_of(text: str, taken: Collection[str], otherwise: str = "figure") -> str:
    """Return a name for what a heading says: the heading itself if it is a valid name, else a readable slug of it.

    Args:
        text: the heading without its unit.
        taken: the names that are used already.
        otherwise: the name where nothing of the heading can stand in one.

    >>> name_of("办件总量", []), name_of("GDP per head (real)", []), name_of("GDP", ["GDP"]), name_of("#", [])
    ('办件总量', 'gdp_per_head_real', 'GDP_2', 'figure')
    """
    cleaned = clean(text)
    name = cleaned if re.fullmatch(r"\w+", cleaned) else re.sub(r"\W+", "_", cleaned).strip("_")
    if name.isascii() and name != cleaned:
        name = name.lower()
    name = name[:_LONGEST].strip("_") or otherwise
    used = {*taken, *RESERVED}
    if name not in used:
        return name
    return next(f"{name}_{number}" for number in range(2, len(used) + 3) if f"{name}_{number}" not in used)


def scalar(text: str) -> str:
    """Return a text as YAML, in quotes where it would be read as something else.

    >>> scalar("办件总量"), scalar("%"), scalar("no"), scalar("a: b"), scalar("2023")
    ('办件总量', '"%"', '"no"', '"a: b"', '"2023"')
    """
    plain = (_PLAIN.fullmatch(text) or _WORDS.fullmatch(text)) and text.casefold() not in _MEANING
    return text if plain else json.dumps(text, ensure_ascii=False)


def flow(value: object) -> str:
    """Return a value as YAML in one line.

    >>> flow({"form": "panel", "columns": {"period": {"from": "file"}}, "missing": ["NP", -999]})
    '{form: panel, columns: {period: {from: file}}, missing: [NP, -999]}'
    """
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:g}"
        case _:
            return scalar(str(value))
