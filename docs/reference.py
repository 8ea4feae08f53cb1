"""Writes docs/reference/scoring.md from the definitions themselves: a section per kind, out of its class.

Run from the root of the repository: python docs/reference.py
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kpi.analysis import robustness
from kpi.language.aggregation import means
from kpi.language.aggregation.missing import Missing
from kpi.language.aggregation.weights import METHODS
from kpi.language.model import kind_of
from kpi.language.scoring import KINDS, Case, Rule
from kpi.language.scoring.lines import Goalposts
from kpi.language.scoring.places import Borda, Percentile, RankScore
from kpi.language.scoring.relative import DistanceToBest, DistanceToTarget, Efficacy, MinMax, ZScore
from kpi.language.stars.data_driven import SCHEMES
from kpi.language.treatment.steps import STEPS
from kpi.values import numerics

FILE = Path(__file__).parent / "reference" / "scoring.md"
HEAD = """# Scoring, weights, means, data treatment and stars

Written by `python docs/reference.py` out of the definitions; what is said here is what the classes say of themselves.
Scores are percent of full marks. What a kind makes of equal values and of a single entity stands in its text.
"""
#: Rules that put values on a common scale, each with what it cannot do without, and the keys that set their range.
NORMALISERS: dict[type[Rule], dict[str, Any]] = {
    Goalposts: {"low": 0, "high": 10}, Efficacy: {}, MinMax: {}, ZScore: {}, DistanceToTarget: {}, DistanceToBest: {},
    Percentile: {}, RankScore: {}, Borda: {},
}  # fmt: skip
RANGE = ("scale", "base", "span", "mean", "sd", "first", "step", "points", "constant")

#: What every definition of a group takes stands once, at its head.
SHARED = {"kind", "method", "ours", "title", "note"}


def paragraphs(model: Any) -> str:
    """Returns the text of a docstring without its examples, `Args:` and `Returns:`."""
    text = inspect.getdoc(model) or ""
    text = re.sub(r"(?ms)^>>>.*?(?=^\s*$|\Z)", "", text)
    text = text.partition("\nArgs:")[0]
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def default(field: FieldInfo) -> str:
    """Returns a field's default as YAML would have it."""
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {one:g}' for key, one in value.items())}}}`"
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def table(model: type[BaseModel], leave_out: set[str]) -> str:
    """Returns the fields of a model as a table."""
    rows = [
        f"| `{field.alias or name}` | {default(field)} | {field.description or ''} |"
        for name, field in model.model_fields.items()
        if name not in leave_out | SHARED
    ]
    return "\n".join(["| key | default | |", "|---|---|---|", *rows]) if rows else ""


def group(title: str, models: tuple[type[BaseModel], ...], tag: str = "kind") -> str:
    """Returns a chapter: what all kinds take, then each."""
    common = set.intersection(*(set(model.model_fields) for model in models)) - SHARED
    usual = {name: Counter(default(one.model_fields[name]) for one in models).most_common(1)[0][0] for name in common}
    parts = [f"## {title}"]
    if common:
        plain = next(one for one in models if all(default(one.model_fields[name]) == usual[name] for name in common))
        parts += ["All take:", table(plain, set(plain.model_fields) - common)]
    for model in models:
        # A default of a kind's own, such as no cap, is worth saying again.
        own = table(model, {name for name in common if default(model.model_fields[name]) == usual[name]})
        parts += [f"### `{kind_of(model, tag)}`", paragraphs(model), *([own] if own else [])]
    return "\n\n".join(parts)


def glance() -> str:
    """Returns the normalisers side by side; what they make of equal values and of a single one is computed here."""
    rows = ["| kind | range | floor, cap | all are 5 | one, 5 |", "|---|---|---|---|---|"]
    for model, needed in NORMALISERS.items():
        rule = model.model_validate(needed)
        ranges = [f"`{name}: {default(field)[1:-1]}`" for name, field in model.model_fields.items() if name in RANGE]
        limits = ", ".join("none" if one is None else f"{one:g}" for one in (rule.floor, rule.cap))
        scores = (scored(rule, [5.0] * number) for number in (3, 1))
        rows.append(f"| `{kind_of(model)}` | {', '.join(ranges)} | {limits} | {' | '.join(scores)} |")
    shown = ", ".join(f"`{kind_of(model)}` {needed}" for model, needed in NORMALISERS.items() if needed)
    head = "Direction is the indicator's `better` everywhere. The target is 5; as examples: "
    return "\n\n".join(["### Normalisers at a glance", head + shown.replace("'", "") + ".", "\n".join(rows)])


def stress() -> str:
    """Returns the chapter on `kpi stress`, with the alternatives that it tries."""
    tried = {
        "normalisation": ", ".join(f"`{name}` ({rule.words()})" for name, rule in robustness.NORMALISATIONS.items()),
        "mean": ", ".join(f"`{name}` ({means.words(one)})" for name, one in robustness.MEANS.items()),
        "missing": ", ".join(f"`{name}` ({one.words()})" for name, one in robustness.POLICIES.items()),
        "without": "each indicator and pillar",
    }
    rows = "\n".join(
        ["| assumption | alternatives |", "|---|---|", *(f"| {key} | {one} |" for key, one in tried.items())]
    )
    text = inspect.getdoc(robustness) or ""
    return "\n\n".join(
        [
            "## Robustness",
            text.replace("Robustness (稳健性)", "`kpi stress FILE`"),
            rows,
            paragraphs(robustness.Robustness),
        ]
    )


def scored(rule: Rule, values: list[float]) -> str:
    """Returns the score of the first of some values, all of them peers, the target being 5."""
    answer = rule.score(Case.plain(pl.col("x"), target=pl.lit(5.0)))
    return f"{pl.DataFrame({'x': values}).select(rule.finish(answer)).to_series()[0]:g}"


def text() -> str:
    """Returns the whole reference."""
    formulas = {
        "entropy": numerics.entropy,
        "critic": numerics.critic,
        "variation": numerics.variation,
        "pca": numerics.principal,
    }
    found = "\n\n".join(f"`{name}`: {paragraphs(one)}" for name, one in formulas.items())
    chapters = [
        HEAD.strip(),
        group("Scoring rules", KINDS),
        glance(),
        "\n\n".join(["## Means", paragraphs(means.evaluate), f"`copeland`: {paragraphs(numerics.copeland)}"]),
        "\n\n".join(["## Missing parts", paragraphs(Missing), table(Missing, set())]),
        group("Weights", METHODS, "method"),
        f"### Formulas of weights from data\n\n{found}",
        group("Data treatment", STEPS),
        group("Stars", SCHEMES),
        stress(),
    ]
    return "\n\n".join(chapters) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
