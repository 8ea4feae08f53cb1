"""Every block of every page of the documentation is run, and what it shows is what is printed.

`KPI_DOCS=write pytest tests/docs` puts what is printed into the pages: read the difference first.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from page_blocks import ROOT, Block, agrees, blocks, follow, not_in_the_language, steps

PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "CHANGELOG.md" and "```" in path.read_text("utf-8")
)

#: Why blocks are not run, and how many there may be of each reason.
NOT_RUN = {
    "queries of a server, which tests/batch runs": 4,
    "a unit of systemd": 4,
    "a session of Spark, which tests/warehouse starts": 2,
    "definitions beside a table, which the schema for editors does not have": 2,
}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def language(page: Path) -> str:
    return "zh" if page.stem.endswith((".zh", ".zh-CN")) else "en"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_a_page_shows_is_what_happens(page, tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    text = page.read_text("utf-8")
    now, problems = follow(page, text, folder, language(page))
    if os.environ.get("KPI_DOCS") == "write" and now != text:
        page.write_text(now, encoding="utf-8")
    elif problems:
        pytest.fail("\n\n".join(problems))


def test_blocks_that_are_not_run_have_a_reason():
    reasons = Counter(
        block.left_out
        for page in PAGES
        for block in blocks(page.read_text("utf-8"))
        if isinstance(block, Block) and block.left_out
    )
    assert reasons == NOT_RUN


def test_pages_in_two_languages_show_the_same_commands():
    for page in PAGES:
        other = page.with_name(page.name.replace(".zh.md", ".md"))
        if page != other:
            assert typed(page) == typed(other), name(page)


def typed(page: Path) -> list[tuple[str, str]]:
    result = (block for block in blocks(page.read_text("utf-8")) if isinstance(block, Block))
    return [
        (block.language, step.command.partition(" #")[0].rstrip())
        for block in result
        if block.language == "console"
        for step in steps(block.text)
    ]


def test_a_page_that_shows_something_else_is_noticed(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    text = "```console\n$ echo one\ntwo\n```\n"
    now, problems = follow(Path("page.md"), text, folder, "en")
    assert now == text.replace("two", "one")
    assert len(problems) == 1


def test_a_key_that_the_language_does_not_have_is_noticed():
    assert not_in_the_language("pillars: {a: {part: {x: 1}}}\n")
    assert not not_in_the_language("pillars: {a: {parts: {x: 1}}}\n")


def test_an_ellipsis_stands_for_lines():
    assert agrees(["...", "b"], ["a", "a", "b"])
    assert not agrees(["...", "b"], ["a", "b", "c"])
