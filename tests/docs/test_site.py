"""The site builds strictly, in both languages, its links lead somewhere, and it fetches nothing from other hosts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import kpi
from kpi.report.plots.kinds import NAMES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
pytestmark = pytest.mark.slow


class Links(HTMLParser):
    """What a page refers to, what it loads, and the anchors it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in {"id", "name"} and value:
                self.anchors.add(value)
            elif key == "class" and value:
                self.classes |= set(value.split())
            elif (key == "href" and tag == "a") and value:
                self.links.append(value)
            elif (key == "src" or (key == "href" and tag == "link")) and value:
                self.loads.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    out = tmp_path_factory.mktemp("site")
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(out.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site):
    parsed = {}
    for path in site.rglob("*.html"):
        parsed[path] = Links()
        parsed[path].feed(path.read_text("utf-8"))
    return parsed


def test_every_page_is_there_in_both_languages(site):
    for page in PAGES:
        name = page.with_name(page.name.replace("README", "index"))
        plain = name.as_posix().removesuffix(".md").removesuffix(".zh")
        english, chinese = site / f"{plain}.html", site / f"zh/{plain}.html"
        assert english.exists(), plain
        assert '<html lang="zh"' in chinese.read_text("utf-8"), plain


def test_every_page_has_a_chinese_text():
    names = {page.as_posix() for page in PAGES}
    chinese = {name.removesuffix(".zh.md") for name in names if name.endswith(".zh.md")}
    assert chinese == {name.removesuffix(".md") for name in names if not name.endswith(".zh.md")}


def test_links_and_anchors_lead_somewhere(site, pages):
    broken = []
    for path, parsed in pages.items():
        if path.name == "404.html":
            continue
        for link in parsed.links + parsed.loads:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("/"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken, "\n".join(broken[:40])


def test_nothing_comes_from_another_host(site, pages):
    loaded = {link for parsed in pages.values() for link in parsed.loads if urlsplit(link).netloc}
    assert loaded == set()
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(?:url\(|@import\s*)[\"']?https?:", styles)
    # The only address in the program of the theme is that of the diagrams it would draw.
    assert not any("mermaid" in parsed.classes for parsed in pages.values())


def test_both_languages_can_be_searched(site):
    index = json.loads((site / "search/search_index.json").read_text("utf-8"))
    assert {"en", "zh"} <= set(index["config"]["lang"])
    result = {
        entry["location"].partition("#")[0] for entry in index["docs"] if "否决" in entry["title"] + entry["text"]
    }
    assert {"cookbook/veto.html", "zh/cookbook/veto.html"} <= result


def test_a_page_leads_to_itself_in_the_other_language(pages, site):
    assert "../zh/cookbook/veto.html" in pages[site / "cookbook/veto.html"].links
    assert "../../cookbook/veto.html" in pages[site / "zh/cookbook/veto.html"].links


def test_every_public_name_has_its_place_in_the_reference_of_python(pages, site):
    text = (site / "reference/python.html").read_text("utf-8")
    assert {f"kpi.{name}" for name in kpi.__all__} <= set(re.findall(r"kpi\.\w+", text))


def test_every_kind_of_plot_has_its_picture():
    for suffix in ("svg", "zh.svg"):
        drawn = {path.name.removesuffix(f".{suffix}") for path in (DOCS / "gallery").glob(f"*.{suffix}")}
        assert {name for name in drawn if "." not in name} == set(NAMES)
