"""The reference documentation says what the definitions say."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from pathlib import Path

import click
import pytest

from kpi.cli.main import main
from kpi.language.loading.schema import json_schema
from kpi.report.rules import rules

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))

import catalogue  # noqa: E402  # of the folder docs


@functools.cache
def generator():
    """Return the program; its results of the sample data are made once for all pages."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = [
    f"{page}{suffix}" for page in ("scoring", "keys", "results", "findings", "options") for suffix in (".md", ".zh.md")
]


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_up_to_date(page):
    written = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert written == generator().PAGES[page](), "run: python docs/reference.py"


def test_every_page_that_is_written_is_compared():
    assert set(PAGES) == set(generator().PAGES)


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_the_catalogue_of_the_reference_has_its_texts_and_no_others(language, monkeypatch):
    monkeypatch.setattr(catalogue, "of_reference", generator().texts)
    now = (catalogue.folder(language) / "reference.po").read_bytes()
    assert catalogue.po(catalogue.updated(language, "reference")) == now, "run python docs/catalogue.py"


def test_code_is_the_same_in_both_languages():
    code = re.compile(r"`([\w./]+)`")
    for page in ("keys", "scoring", "results"):
        english, chinese = ((DOCS / f"reference/{page}{suffix}").read_text("utf-8") for suffix in (".md", ".zh.md"))
        assert set(code.findall(english)) - set(code.findall(chinese)) <= {"NAME_GROUP"}, page
        assert english.count("\n### ") == chinese.count("\n### ")


def test_every_finding_and_every_option_is_in_the_reference():
    findings = (DOCS / "reference/findings.md").read_text("utf-8")
    assert set(re.findall(r"(?m)^### (K\d+)$", findings)) == set(rules())
    options = (DOCS / "reference/options.md").read_text("utf-8")
    for name in main.list_commands(click.Context(main)):
        section = options.partition(f"## `kpi {name}`\n")[2].partition("\n## ")[0]
        command = main.get_command(click.Context(main), name)
        written = set(re.findall(r"--?[\w-]+", section))
        assert {word for item in command.params if isinstance(item, click.Option) for word in item.opts} <= written, (
            name
        )


def test_every_key_of_the_language_is_in_the_reference():
    pages = "".join((DOCS / "reference" / page).read_text("utf-8") for page in ("scoring.md", "keys.md"))
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|[^|]*\|[^|]*\| (.*) \|$", pages.replace("\\|", "¦")))
    headings = {word for line in re.findall(r"(?m)^### (.*)$", pages) for word in re.findall(r"`(\w+)`", line)}
    schema = json_schema()
    for name, model in {"system": schema, **schema["$defs"]}.items():
        for key, item in model.get("properties", {}).items():
            if key in {"kind", "method", "form"} and "const" in item:
                assert item["const"] in headings, (name, key, item["const"])
            else:
                assert (key, item["description"].replace("|", "¦")) in rows, (name, key)
