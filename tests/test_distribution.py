"""The name of the distribution: one, ours, wherever the project names what to install."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kpi.process import distribution

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8", errors="replace")
    for folder in ("kpi", "docs", "definitions", "tests", "benchmarks", "sample_data")
    for suffix in ("py", "md", "yaml", "toml", "txt")
    for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))
} | {
    name: (ROOT / name).read_text("utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml")
}

#: What else is named `kpi-…`: thread and process names, benchmarks, the example of an extension.
OTHERS = {"kpi-batch", "kpi-serve", "kpi-bench", "kpi-postgresql", "kpi-fuzz", "kpi-example"}
NAMED = re.compile(r"(?<![\w/.-])kpi-[a-z]+")
INSTALLED = re.compile(r"(?<!\w)pip install (?:-\S+ )*['\"]?([\w.-]+)")


def bare(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0]


def required() -> set[str]:
    every = [*PROJECT["dependencies"], *(item for some in PROJECT["optional-dependencies"].values() for item in some)]
    return {bare(item) for item in every}


def test_the_project_has_the_name_that_the_package_knows():
    assert PROJECT["name"] == distribution.NAME
    assert list(PROJECT["scripts"]) == ["kpi"]


def test_no_other_distribution_of_a_like_name_is_mentioned():
    result = {(path, name) for path, text in TEXTS.items() for name in NAMED.findall(text)}
    assert {pair for pair in result if pair[1] not in OTHERS | {distribution.NAME}} == set()


def test_what_is_to_be_installed_is_a_requirement_of_the_project():
    allowed = required() | {".", "atheris"}
    others = {path: text for path, text in TEXTS.items() if path != "tests/test_distribution.py"}
    result = {(path, name.rstrip(".") or ".") for path, text in others.items() for name in INSTALLED.findall(text)}
    assert {"fastexcel", "xlsxwriter", "zstandard", "duckdb", "psycopg", "deltalake"} <= {name for _, name in result}
    assert {pair for pair in result if pair[1] not in allowed} == set()


@pytest.mark.parametrize("text", ["pip install 'kpi-" + "engine[excel]'", 'pip install "kpi-' + 'tools"'])
def test_another_name_would_be_noticed(text):
    assert NAMED.findall(text)
    assert bare(INSTALLED.findall(text)[0]) not in required()


def test_the_version_is_the_installed_one_or_none():
    assert distribution.version() in (None, PROJECT["version"])
