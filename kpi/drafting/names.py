"""Names of a drafted definition: the headings themselves where the language allows it."""

from __future__ import annotations

import re
from collections.abc import Collection

from kpi.intake.files.headers import clean
from kpi.language.loading.cross_references import RESERVED

#: Longer headings are cut: a name is typed.
_LONGEST = 40


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
