"""The reference documentation says what the definitions say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

from kpi.cli.main import main
from kpi.language.loading.schema import json_schema
from kpi.report.rules import rules

DOCS = Path(__file__).parents[1] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = ("scoring.md", "keys.md", "results.md", "findings.md", "findings.zh.md", "options.md", "options.zh.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_up_to_date(page):
    written = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert written == generator().PAGES[page](), "run: python docs/reference.py"


def test_every_page_that_is_written_is_compared():
    assert set(PAGES) == set(generator().PAGES)


def test_every_finding_and_every_option_is_in_the_reference():
    findings = (DOCS / "reference/findings.md").read_text("utf-8")
    assert set(re.findall(r"(?m)^### (K\d+)$", findings)) == set(rules())
    options = (DOCS / "reference/options.md").read_text("utf-8")
    for name in main.list_commands(click.Context(main)):
        section = options.partition(f"## `kpi {name}`\n")[2].partition("\n## ")[0]
        command = main.get_command(click.Context(main), name)
        written = set(re.findall(r"--?[\w-]+", section))
        assert {word for one in command.params if isinstance(one, click.Option) for word in one.opts} <= written, name


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
