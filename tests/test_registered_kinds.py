"""Every kind of definition has an example, a section of the reference, a case, and survives being written and read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from kpi.engine.scorecard import definition_hash
from kpi.errors import Message
from kpi.language import adjustments, checks, indicators, measures, scoring
from kpi.language.aggregation.methods import METHODS
from kpi.language.loading.catalogue import shipped
from kpi.language.loading.loader import examine, examine_text
from kpi.language.model import kind_of
from kpi.language.stars.data_driven import SCHEMES
from kpi.language.system import System
from kpi.language.treatment.steps import STEPS

ROOT = Path(__file__).parents[1]
SYSTEMS = sorted([
    *shipped().glob("*.yaml"), *(ROOT / "tests/golden").glob("*/system.yaml"), ROOT / "tests/checks/system.yaml",
])  # fmt: skip

#: Every family of kinds: the chapter of the reference that it stands in, and its kinds by the words that name them.
FAMILIES: dict[str, dict[str, type[BaseModel]]] = {
    "Measures": {kind_of(item): item for item in measures.KINDS},
    "Indicators": {kind_of(item): item for item in indicators.KINDS},
    "Scoring rules": {kind_of(item): item for item in scoring.KINDS},
    "Adjustments": {kind_of(item): item for item in adjustments.KINDS},
    "Checks, by their first key": {**checks.KINDS},
    "Weights": {kind_of(item, "method"): item for item in METHODS},
    "Stars": {kind_of(item): item for item in SCHEMES},
    "Data treatment": {kind_of(item): item for item in STEPS},
}
KINDS = [(family, word, kind) for family, kinds in FAMILIES.items() for word, kind in kinds.items()]
#: What kinds that no system uses cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    **{word: {"of": "用时", "unit": "天"} for word in ("min", "max", "median", "last", "first", "distinct")},
    "quantile": {"of": "用时", "unit": "天", "q": 0.9},
    "adjusted": {"of": "销售额"},
    "impute": {"by": "mean"},
    "screen": {"at_least": 60},
    "transform": {"by": "log"},
}

EVERY = pytest.mark.parametrize(("family", "word", "kind"), KINDS, ids=[f"{item[0]}-{item[1]}" for item in KINDS])


@cache
def reference() -> dict[str, set[str]]:
    """Return the sections of every chapter of the reference."""
    pages = "".join((ROOT / "docs/reference" / page).read_text("utf-8") for page in ("scoring.md", "keys.md"))
    chapters = re.split(r"(?m)^## ", pages)
    return {part.partition("\n")[0]: set(re.findall(r"(?m)^### `(\w+)`", part)) for part in chapters}


@cache
def used() -> set[type[BaseModel]]:
    """Return the kinds that golden cases, the systems of the package and the one with all checks use."""
    return {type(item) for file in SYSTEMS for item in blocks(system_of(file))}


@cache
def results_in_code() -> str:
    """Return the tests that state results of kinds in code."""
    folders = ("scoring", "conformance", "cases", "intake", "checks")
    return "".join(path.read_text("utf-8") for name in folders for path in (ROOT / "tests" / name).glob("*.py"))


def system_of(file: Path) -> System:
    system = examine(file).system
    assert system is not None, file
    return system


def blocks(value: Any) -> Iterator[BaseModel]:
    """Yield every model in a value, at any depth."""
    if isinstance(value, BaseModel):
        yield value
        value = dict(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from blocks(inner)


def plain(value: Any) -> Any:
    """Return a dumped definition as YAML holds it."""
    if isinstance(value, dict):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.value if isinstance(value, Enum) else value


@EVERY
def test_a_kind_has_an_example(family, word, kind):
    assert ">>>" in (inspect.getdoc(kind) or ""), f"write a doctest into {kind.__module__}.{kind.__name__}"


@pytest.mark.parametrize("kind", [*measures.KINDS, *indicators.KINDS], ids=lambda kind: kind.__name__)
def test_a_kind_has_a_title_for_its_card(kind):
    assert isinstance(getattr(kind, "kind_title", None), Message), f"give {kind.__name__} a `kind_title`"


@EVERY
def test_a_kind_has_a_section_of_the_reference(family, word, kind):
    assert word in reference()[family], f"`{word}` has no section under `{family}`: run python docs/reference.py"


@EVERY
def test_a_kind_has_a_case(family, word, kind):
    named = re.search(rf"(?:kind|method)[\"']?: ?[\"']?{word}\b|\b{kind.__name__}\(", results_in_code())
    assert kind in used() or named, f"no golden case, system or test of results uses `{word}`"


@pytest.mark.parametrize("file", SYSTEMS, ids=[f"{item.parent.name}-{item.stem}" for item in SYSTEMS])
def test_a_system_is_the_same_after_it_is_written_and_read(file):
    system = system_of(file)
    text = yaml.safe_dump(plain(system.model_dump(by_alias=True, exclude_unset=True)), allow_unicode=True)
    again = examine_text(text, folder=file.parent)
    assert again.system is not None, [str(item) for item in again.findings]
    assert again.system.model_dump() == system.model_dump()
    assert definition_hash(again.system) == definition_hash(system)
    assert hash(again.system) == hash(system)


@EVERY
def test_a_kind_is_the_same_after_it_is_written_and_read(family, word, kind):
    systems = (item for file in SYSTEMS for item in blocks(system_of(file)) if type(item) is kind)
    try:
        block = next(systems, None) or kind.model_validate(NEEDED.get(word, {}))
    except ValidationError:
        pytest.fail(f"no system uses `{word}`: add to NEEDED what it cannot do without")
    text = yaml.safe_dump(plain(block.model_dump(by_alias=True, exclude_unset=True)), allow_unicode=True)
    again = kind.model_validate(yaml.safe_load(text))
    assert again == block
    assert hash(again) == hash(block)
