"""The page as one file of HTML: style, program and data in it, nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files

from kpi.engine.scorecard import Scorecard
from kpi.report.language import current, tr
from kpi.report.marks import visible
from kpi.report.page.contents import head
from kpi.report.page.numbers import Numbers

#: Nothing is loaded, and only what stands in the page itself runs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def program() -> str:
    """Return the program of the page as it stands between its tags, the same in every page."""
    source = files(__package__).joinpath("page.js").read_text("utf-8")
    return "\n" + source.replace("</script", r"<\/script")


def page(card: Scorecard) -> bytes:
    """Return a scorecard as a page: league table, cards of units, comparison, places over time, findings, method.

    The page is of all periods that the scorecard shows; its table and cards are of the last. Names are data, never
    markup: the program of the page sets them as text.
    """
    numbers = Numbers()
    contents = json.dumps(head(card, numbers), ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    title = escape(visible(f"{card.title} {card.periods[-1]}"))
    language = "zh-CN" if current() == "zh" else "en"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#league">{escape(tr("To the table"))}</a>\n<div id="page"></div>\n'
        f"<noscript>{escape(tr('This page needs JavaScript, which is turned off.'))}</noscript>\n"
        f'<script type="application/json" id="head">{contents}</script>\n'
        f'<script type="text/plain" id="numbers">{numbers.text()}</script>\n'
        f"<script>{program()}</script>\n</body>\n</html>\n"
    ).encode()
