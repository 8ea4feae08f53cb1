"""Scorecards as reports: all frames, JSON with the pillars and findings, the league table as text and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from typing_extensions import override

from kpi.engine.scorecard import PROBABILITY, Scorecard
from kpi.errors import Diagnostic, Message, Severity
from kpi.report import encode
from kpi.report.language import tr
from kpi.report.league import level_title
from kpi.report.markdown import markdown
from kpi.report.shape import FRAMES, MORE, SCHEMA, About, Report, Results, Screen, frames, origin, plain

#: The frames in JSON; the measures, which may be large, are in Parquet and workbooks only.
_IN_JSON = ("totals", "pillars", "indicators", "findings")


@dataclass(frozen=True)
class ScorecardReport(Report):
    """A scorecard as a report; `period` selects the league table of texts, by default the latest.

    The frames have all periods.
    """

    schema: ClassVar[str] = SCHEMA
    sheets: ClassVar[Mapping[str, str]] = FRAMES | MORE

    scorecard: Results
    period: str | None = None

    @property
    def about(self) -> About:
        """The system and the hashes of definitions and data."""
        card = self.scorecard
        words = origin(card.definition_hash, card.data_hash)
        return About(card.title, card.system, words, card.entity_title, card.decimals, card.full)

    @property
    def texts(self) -> Mapping[str, Message]:
        """The messages in the frames; results that were read from files have none."""
        return getattr(self.scorecard, "texts", {})

    def head(self) -> dict[str, Any]:
        """Return schema, system, definition_hash and data_hash."""
        card = self.scorecard
        hashes = {"definition_hash": card.definition_hash, "data_hash": card.data_hash}
        return {"schema": SCHEMA, "system": card.system, **hashes}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames of every scorecard, then its `extras`."""
        return frames(self.scorecard)

    @override
    def heading(self, frame: str, column: str) -> str:
        """Return the heading of a column; those of probabilities name the level."""
        if column.startswith(PROBABILITY):
            return tr("Probability of {level} (%)", level=level_title(self.scorecard, column))
        return super().heading(frame, column)

    def first(self) -> pl.DataFrame:
        """Return the totals."""
        return plain(self.scorecard.totals)

    def text(self, screen: Screen) -> str:
        """Return the league table."""
        from kpi.report.table import league_table

        return league_table(
            self.scorecard, period=self.period, width=screen.width, color=screen.color, columns=screen.columns
        )

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return JSON with fewer frames, JSON Lines with pillars, documents, the workbook and the page."""
        own: dict[str, Callable[[], bytes]] = {
            "json": partial(document, self), "jsonl": partial(lines, self), "docx": self._document,
            "md": self._markdown,
        }  # fmt: skip
        if isinstance(self.scorecard, Scorecard):  # results that were read from files have no definition
            own["xlsx"] = self._workbook
            own["html"] = self._page
        return own

    @override
    def outlook(self, form: str) -> Message | None:
        """Return the size of a workbook, and how long it takes to write."""
        if form != "xlsx" or not isinstance(self.scorecard, Scorecard):
            return None
        from kpi.report.scorebook.extent import extent

        return extent(self.scorecard, self.period).outlook()

    @override
    def left_out(self, form: str) -> list[Diagnostic]:
        """Return a finding (K894) for whatever a workbook, bulletin or page leaves out."""
        card = self.scorecard
        if not isinstance(card, Scorecard):
            return super().left_out(form)
        folder = Message("a folder takes all tables: -o results/")
        if form == "xlsx":
            from kpi.report.scorebook.extent import extent

            return extent(card, self.period).left_out()
        if form in ("docx", "pdf", "md"):
            from kpi.report.bulletin.facts import MOST_UNITS

            label = self.period if self.period is not None else next(iter(reversed(card.periods)), "")
            units = int((card.totals["period"] == label).sum())
            words = Message("only the first {shown:,} of {units:,} units are listed", shown=MOST_UNITS, units=units)
            lists = form != "md" or isinstance(self, BulletinReport)
            return (
                _left_out(Message("in the bulletin, {what}", what=words), folder)
                if units > MOST_UNITS and lists
                else []
            )
        if form == "html":
            from kpi.report.page.contents import left_out

            parts = (Message("in the page, {what}", what=words) for words in left_out(card))
            return [finding for words in parts for finding in _left_out(words, folder)]
        return []

    def _document(self) -> bytes:
        if isinstance(self.scorecard, Scorecard):
            return self._bulletin()
        from kpi.report.paper.standing import paper_of_scores
        from kpi.report.paper.word import word

        return word(paper_of_scores(self.scorecard, period=self.period))

    def _bulletin(self, template: Path | None = None) -> bytes:
        from kpi.report.bulletin import collect, render

        assert isinstance(self.scorecard, Scorecard)  # noqa: S101
        return render.word(collect.facts(self.scorecard, period=self.period), template)

    def _workbook(self) -> bytes:
        from kpi.report.scorebook.book import book

        assert isinstance(self.scorecard, Scorecard)  # noqa: S101
        return book(self, self.scorecard, self.period)

    def _page(self) -> bytes:
        from kpi.report.page.document import page

        assert isinstance(self.scorecard, Scorecard)  # noqa: S101
        return page(self.scorecard)

    def _markdown(self) -> bytes:
        return markdown(self.scorecard, period=self.period).encode()


@dataclass(frozen=True)
class BulletinReport(ScorecardReport):
    """A scorecard as a bulletin (通报) in Word, PDF and Markdown; `template` is one of a bureau.

    A template as .docx is for Word and PDF, one as .md for Markdown. Other formats are those of the scorecard.
    """

    template: Path | None = None

    @override
    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the formats of a scorecard, those for people as bulletins."""
        return {**super().own(), "docx": partial(self._bulletin, self.template), "md": self._text}

    def _text(self) -> bytes:
        from kpi.report.bulletin import collect, render

        assert isinstance(self.scorecard, Scorecard)  # noqa: S101
        return render.markdown(collect.facts(self.scorecard, period=self.period), self.template).encode()


def _left_out(words: Message, hint: Message) -> list[Diagnostic]:
    return [Diagnostic("K894", words, hint=hint, severity=Severity.WARNING)]


def document(report: ScorecardReport, /) -> bytes:
    """Return a scorecard as one JSON object, `kpi.scorecard/1`.

    Keys in this order: schema, system, definition_hash, data_hash, title, entity_title, full, decimals, periods, rows
    (of the data: read = used + refused + restated + repeated + left_out, where there are any), then totals, pillars,
    indicators and findings (and what else there is, such as weights and restated) as arrays of objects, one a line.
    """
    card, tables = report.scorecard, report.frames()
    counts = getattr(card, "counts", None)
    about = {
        "title": card.title, "entity_title": card.entity_title, "full": card.full, "decimals": card.decimals,
        "periods": list(card.periods), **({"rows": dict(counts)} if counts else {}),
    }  # fmt: skip
    names = (*_IN_JSON, *(name for name in MORE if name in tables))
    return encode.document(report.head() | about, {name: tables[name] for name in names})


def lines(report: ScorecardReport, /) -> bytes:
    """Return one JSON object a line for each row of the totals, with its rows of the pillars under `pillars`.

    The keys are the columns of the totals, then definition_hash, data_hash and pillars, whose objects have the columns
    of the pillars but system, period, cohort and entity.
    """
    card, tables = report.scorecard, report.frames()
    keys = ["system", "period", "entity"]
    parts = tables["pillars"].select(*keys, pl.struct(pl.exclude(*keys, "cohort")).alias("pillars"))
    nested = parts.group_by(keys, maintain_order=True).agg("pillars")
    hashes = {"definition_hash": pl.lit(card.definition_hash), "data_hash": pl.lit(card.data_hash)}
    empty = pl.lit([], dtype=nested.schema["pillars"])
    rows = tables["totals"].join(nested, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return (
        rows.select(pl.exclude("pillars"), **hashes, pillars=pl.col("pillars").fill_null(empty)).write_ndjson().encode()
    )
