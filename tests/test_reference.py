"""The reference documentation says what the definitions say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from kpi.language.loading.schema import json_schema

DOCS = Path(__file__).parents[1] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["scoring.md", "keys.md", "results.md"])
def test_the_reference_is_up_to_date(page):
    written = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert written == generator().PAGES[page](), "run: python docs/reference.py"


def test_every_key_of_the_language_is_in_the_reference():
    pages = "".join((DOCS / "reference" / page).read_text("utf-8") for page in ("scoring.md", "keys.md"))
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|[^|]*\|[^|]*\| (.*) \|$", pages.replace("\\|", "¦")))
    headings = {word for line in re.findall(r"(?m)^### (.*)$", pages) for word in re.findall(r"`(\w+)`", line)}
    schema = json_schema()
    for name, model in {"system": schema, **schema["$defs"]}.items():
        for key, one in model.get("properties", {}).items():
            if key in {"kind", "method", "form"} and "const" in one:
                assert one["const"] in headings, (name, key, one["const"])
            else:
                assert (key, one["description"].replace("|", "¦")) in rows, (name, key)
