"""Pictures of charts as files: SVG, PNG, PDF, a page of HTML, or the Vega-Lite document."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.report.files import replace
from kpi.report.formats import suffix_of
from kpi.report.plots.theme import FONTS
from kpi.values.patterns import regex


def _converter() -> ModuleType:
    """Return the package that renders charts.

    Raises:
        DataError: K510, it is not installed.
    """
    try:
        import vl_convert as module
    except ImportError as error:
        hint = Message("pip install vl-convert-python, or write .json")
        raise DataError(
            Diagnostic("K510", Message("pictures need the package vl-convert-python"), hint=hint)
        ) from error
    return module


def _svg(chart: dict[str, Any]) -> bytes:
    return str(_converter().vegalite_to_svg(chart)).encode()


def _png(chart: dict[str, Any]) -> bytes:
    return bytes(_converter().vegalite_to_png(chart, scale=2))


def _pdf(chart: dict[str, Any]) -> bytes:
    return bytes(_converter().vegalite_to_pdf(chart))


def _html(chart: dict[str, Any]) -> bytes:
    # Everything is inside the page: it needs no network. The chart stands in a script, which `</script>` in a name
    # would end: a character that no text has takes the place of `<`, and its escape in JSON that of the character.
    text = json.dumps(chart, ensure_ascii=False)
    free = next(character for character in map(chr, range(0xE000, 0xF8FF)) if character not in text)
    page = str(_converter().vegalite_to_html(json.loads(text.replace("<", free)), bundle=True))
    return page.replace(free, r"\u003c").encode()


def _document(chart: dict[str, Any]) -> bytes:
    return json.dumps(chart, ensure_ascii=False, indent=1, sort_keys=True).encode()


#: The pictures whose texts are drawn with the fonts of this machine.
_DRAWN = (".png", ".pdf")
_CHINESE = regex("[\u3400-\u9fff]")

#: What writes a chart, by the suffix of a file.
PICTURES: Mapping[str, Callable[[dict[str, Any]], bytes]] = {
    ".svg": _svg, ".png": _png, ".pdf": _pdf, ".html": _html, ".json": _document,
}  # fmt: skip


def picture(chart: Any, suffix: str) -> bytes:
    """Return a chart as the content of a file.

    Args:
        chart: an Altair chart.
        suffix: of the file: `.svg`, `.png`, `.pdf`, `.html`, or `.json` for the Vega-Lite document.

    Raises:
        DataError: K541, no such picture; K510, the package that renders is not installed.
    """
    if suffix not in PICTURES:
        message = Message("`{suffix}` is no picture", suffix=suffix or "''")
        hint = Message("write {suffixes}", suffixes=tuple(PICTURES))
        raise DataError(Diagnostic("K541", message, hint=hint))
    return PICTURES[suffix](chart.to_dict())


def write(chart: Any, out: str | Path) -> list[Diagnostic]:
    """Write a chart as a picture, whole or not at all, and return the findings: K881, Chinese texts are boxes.

    Args:
        chart: an Altair chart.
        out: the file, whose suffix names the kind of picture.

    Raises:
        DataError: as `picture`; K540, the file cannot be written.
    """
    suffix = suffix_of(str(out))
    replace(Path(out), picture(chart, suffix))
    if suffix not in _DRAWN or not _CHINESE.search(json.dumps(chart.to_dict(), ensure_ascii=False)) or draws("甲乙"):
        return []
    hint = Message("install one, such as fonts-noto-cjk, or write .svg or .html, which use the fonts of the reader")
    message = Message("no font with Chinese characters is installed: they are shown as boxes")
    return [Diagnostic("K881", message, Place(str(out)), hint, severity=Severity.WARNING)]


@functools.cache
def draws(characters: str) -> bool:
    """Return whether two characters look different in a picture: glyphs that no font has are the same box.

    >>> draws("ab"), draws("\U0010fff0\U0010fff1")
    (True, False)
    """
    first, second = (
        _png({"data": {"values": [{}]}, "mark": {"type": "text", "text": character, "font": FONTS, "fontSize": 20}})
        for character in characters
    )
    return first != second
