"""Hooks of the site: the definitions that pages link to are files of the site as well.

`mkdocs build` calls them: see `mkdocs.yml`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
#: In the repository the definitions stand beside `docs`, in the site below it.
BESIDE, BELOW = "(../../definitions/", "(../definitions/"


def on_files(files: Files, *, config: Any) -> Files:
    """Add the definitions that come with the package."""
    for path in sorted((ROOT / "definitions").glob("*.yaml")):
        files.append(File.generated(config, f"definitions/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Have links to definitions lead to the files of the site."""
    return markdown.replace(BESIDE, BELOW)
