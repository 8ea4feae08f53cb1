"""Compute the sizes and dimensions of the measured units that `kpi/values/units/measured.txt` defines.

    python docs/units.py        write kpi/values/units/measured.json (pip install pint)

Fractions keep 1 公顷 = 15 亩 exact.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pint

FOLDER = Path(__file__).resolve().parents[1] / "kpi" / "values" / "units"

#: Words that are no valid names for pint, by their names in the registry.
SIGNS = {"百分率": "%", "千分率": "‰", "万分率": "‱", "是否": "是/否"}


def measured() -> dict[str, tuple[str, dict[str, int]]]:
    """Return each word with its size in base units, as a fraction, and the powers of its base dimensions."""
    registry: Any = pint.UnitRegistry(None, non_int_type=Fraction)
    registry.load_definitions((FOLDER / "measured.txt").read_text("utf-8").splitlines())
    words = {}
    for name in registry:
        size, root = registry.get_root_units(name)
        powers = {base[1:-1].replace("_", " "): int(power) for base, power in root.dimensionality.items()}
        words[SIGNS.get(name, name)] = (str(Fraction(size)), dict(sorted(powers.items())))
    return words


def text() -> str:
    """Return the table as JSON, a line a word."""
    lines = (
        f"  {json.dumps(word, ensure_ascii=False)}: {json.dumps(entry)}" for word, entry in sorted(measured().items())
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    (FOLDER / "measured.json").write_text(text(), "utf-8")
