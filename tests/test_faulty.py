"""Faulty definitions: each file holds one class of mistake, and under each faulty line what is found there.

`#   ^^^^ K203 message | hint` points at the line above, in cells of a terminal, as people see it; `# at 1:1+6 K111 ...`
gives line, column and length where there is no room for carets. A hint that ends in `...` is given by its beginning.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from kpi.language.loading.loader import examine

ROOT = Path(__file__).parents[1]
FILES = sorted((Path(__file__).parent / "faulty").glob("*.yaml"))
POINTED = re.compile(r"#(?P<before> *)(?P<carets>\^+) (?P<words>.*)")
PLACED = re.compile(r"# at (?P<line>\d+):(?P<column>\d+)\+(?P<length>\d+) (?P<words>.*)")
WORDS = re.compile(r"(?:(?P<severity>[a-z]+) )?(?P<code>K\d{3}) (?P<message>.*?)(?: \| (?P<hint>.*))?")
#: The modules that judge a definition by itself.
JUDGES = (
    *("yaml", "wording", "signs", "loader", "crosscheck", "slips", "running_totals", "terms", "expressions", "targets"),
    *("adjustments", "stars", "checks", "scoring/*", "indicators/*", "weights", "pillars", "means", "measures"),
    *("treatment", "system"),
)


def letters(line: str, cells: int) -> int:
    """Return how many letters of a line take the first cells."""
    return next(number for number in range(len(line) + 1) if cell_len(line[:number]) >= cells)


def expected(file: Path) -> list[tuple[int, int, int, str, str, str, str]]:
    result = []
    above = (0, "")
    for number, line in enumerate(file.read_text("utf-8-sig", errors="replace").split("\n"), 1):
        if pointed := POINTED.fullmatch(line):
            start = letters(above[1], len(pointed["before"]) + 1)
            end = letters(above[1], len(pointed["before"]) + 1 + len(pointed["carets"]))
            place = (above[0], start + 1, end - start)
        elif pointed := PLACED.fullmatch(line):
            place = (int(pointed["line"]), int(pointed["column"]), int(pointed["length"]))
        else:
            above = (number, line)
            continue
        words = WORDS.fullmatch(pointed["words"])
        assert words, f"{file.name}:{number} is no expectation: {line}"
        result.append((*place, words["severity"] or "error", words["code"], words["message"], words["hint"] or ""))
    return sorted(result)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_exactly_what_the_file_says_is_found(file):
    wanted = expected(file)
    assert wanted, "the file expects nothing"
    hints = {want[:-1]: want[-1] for want in wanted}
    result = []
    for item in examine(file).findings:
        known = (item.place.line, item.place.column, item.place.length, str(item.severity), item.code, item.message)
        hint = item.hint or ""
        start = hints.get(known, "")
        shown = start if start.endswith(" ...") and hint.startswith(start.removesuffix(" ...")) else hint
        result.append((*known, shown))
        assert item.place.file == str(file)
    assert sorted(result) == wanted


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_system_with_errors_is_not_usable(file):
    errors = [want for want in expected(file) if want[3] == "error"]
    assert (examine(file).system is None) is bool(errors)


def test_every_code_about_definitions_has_a_file():
    used = {
        code
        for judge in JUDGES
        for path in (ROOT / "kpi").glob(f"{judge}.py")
        for code in re.findall(r'"(K\d{3})"', path.read_text("utf-8"))
    }
    shown = {want[4] for file in FILES for want in expected(file)}
    assert used <= shown


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_messages_speak_of_definitions_and_not_of_the_parser(file):
    leaks = re.compile(r"pydantic|python|dictionary|instance|validation|Traceback|None\b|\bstr\b|\[key\]|input|codec")
    for item in examine(file).findings:
        assert not leaks.search(f"{item.message} {item.hint or ''}"), str(item)
