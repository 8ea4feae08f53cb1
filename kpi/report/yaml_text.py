"""Values as YAML in one line, as it stands in definitions that are drafted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml


def flow(value: Any) -> str:  # noqa: PLR0911 - one line a kind of value
    """Return a value in a line of YAML that reads back as it is.

    >>> flow({"form": "panel", "columns": {"period": {"from": "file"}}, "missing": ["NP", -999, 12345678]})
    '{form: panel, columns: {period: {from: file}}, missing: [NP, -999, 12345678]}'
    >>> flow("办件总量"), flow("%"), flow("no"), flow("a: b"), flow("2023")
    ('办件总量', "'%'", "'no'", "'a: b'", "'2023'")
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if isinstance(value, int | float):
        return repr(value)
    # In a list, as commas and brackets inside a flow have to be quoted.
    return yaml.safe_dump([str(value)], allow_unicode=True, width=math.inf, default_flow_style=True).strip()[1:-1]


def document_text(tree: Mapping[str, Any]) -> str:
    """Return a definition as YAML, one line for each measure, indicator and other named part.

    >>> print(document_text({"system": "a", "measures": {"gdp": {"unit": "亿元"}}}), end="")
    system: a
    measures:
      gdp: {unit: 亿元}
    """
    lines = []
    for key, value in tree.items():
        if isinstance(value, Mapping) and value and all(isinstance(item, Mapping) for item in value.values()):
            lines += [f"{key}:", *(f"  {_line({name: item})}" for name, item in value.items())]
        else:
            lines.append(_line({key: value}))
    return "\n".join(lines) + "\n"


def _line(entry: Mapping[str, Any]) -> str:
    ((key, value),) = entry.items()
    content = {"value": value}
    text = yaml.safe_dump(content, allow_unicode=True, width=math.inf, default_flow_style=True, sort_keys=False).strip()
    return f"{flow(key)}: {text.removeprefix('{value: ').removesuffix('}')}"
