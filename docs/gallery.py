"""Draw the pictures of docs/gallery: the commands that docs/gallery.md shows, run on sample data, in both languages.

Run from the root of the repository: python docs/gallery.py [PICTURE ...]
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from kpi.cli.main import main

HERE = Path(__file__).resolve().parent
PAGE, PICTURES, SAMPLES = HERE / "gallery.md", HERE / "gallery", HERE.parent / "sample_data"
#: The files that the commands name, by where they come from.
FILES = {
    "reports.csv": SAMPLES / "jiaxing-2022/reports.csv",
    "cases.csv": SAMPLES / "jiaxing-2022/cases.csv",
    "bulletin.csv": SAMPLES / "county-bulletin/reports.csv",
    "squares.geojson": PICTURES / "squares.geojson",
}
SUFFIXES = {"en": ".svg", "zh": ".zh.svg"}


def commands() -> dict[str, list[str]]:
    """Return the commands of the page by the name of the picture that each draws."""
    lines = re.findall(r"(?m)^\$ kpi (plot .*)$", PAGE.read_text("utf-8"))
    return {Path(words[words.index("-o") + 1]).stem: words for words in map(shlex.split, lines)}


def run(words: list[str]) -> None:
    """Run a command of `kpi` to its end."""
    with contextlib.suppress(SystemExit):  # without a picture the copy fails
        main.main(words, prog_name="kpi")


def draw(names: list[str]) -> None:
    """Draw pictures by name, all where none is named."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in FILES.items():
            shutil.copy(path, Path(folder) / name)
        os.chdir(folder)
        run(["init", "--kind", "index", "example"])
        for name, words in commands().items():
            for language, suffix in SUFFIXES.items():
                if not names or name in names:
                    run(["--lang", language, *words, "--quiet"])
                    shutil.move(f"{name}.svg", PICTURES / f"{name}{suffix}")


if __name__ == "__main__":
    draw(sys.argv[1:])
