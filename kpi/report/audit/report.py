"""The audit of an index as a report: a document of ten steps, and frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis.audit import REMARKS, Audit
from kpi.errors import DataError, Message
from kpi.report.audit.steps import paper
from kpi.report.cards import printed
from kpi.report.language import tr
from kpi.report.marks import visible
from kpi.report.page.papers import paper_page
from kpi.report.paper import markdown, word
from kpi.report.paper.model import Paper, Paragraph
from kpi.report.plots import pictures
from kpi.report.plots.kinds import plotted
from kpi.report.plots.uncertainty import drawn_intervals
from kpi.report.plots.view import View
from kpi.report.robustness import RobustnessReport
from kpi.report.shape import About, Report, Screen, origin, plain

#: The frames of an audit in their order, each with the name of its sheet; the first is the one of formats with one
#: table.
_SHEETS: Mapping[str, Message] = {
    "remarks": Message("Remarks"),
    "structure": Message("Structure"),
    "availability": Message("Data coverage"),
    "units": Message("Coverage by unit"),
    "distributions": Message("Distributions"),
    "treatment": Message("Treated"),
    "correlations": Message("Correlation"),
    "parts": Message("Parts and nodes"),
    "dimensions": Message("Dimensions"),
    "components": Message("Principal components"),
    "loadings": Message("Loadings"),
    "alphas": Message("Consistency without a part"),
    "importance": Message("Effective importance"),
    "ranks": Message("Rank intervals"),
    "alternatives": Message("Single assumptions"),
    "sensitivity": Message("Variance by choice"),
    "drivers": Message("Drivers"),
    "links": Message("Links"),
}

#: The plot below a step of the document.
_PLOTS: Mapping[int, str] = {1: "weights", 4: "correlation", 7: "intervals", 8: "heat_map", 10: "distribution"}

#: The most indicators, and units, of plots with a row or column for each.
_DRAWN = 80


@dataclass(frozen=True)
class AuditReport(Report):
    """An audit; the first frame has the remarks."""

    schema: ClassVar[str] = "kpi.audit/1"
    sheets: ClassVar[Mapping[str, str]] = _SHEETS
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = {
        **RobustnessReport.headings,
        "step": Message("Step of the audit"),
        ("treatment", "step"): Message("Step"),
        "remark": Message("Remark"),
        "part": Message("What (code)"),
        ("remarks", "other"): Message("Beside"),
        "figure": Message("Figure"),
        "limit": Message("Limit"),
        ("structure", "parent"): Message("Part of"),
        "level": Message("Level"),
        "parts": Message("Parts"),
        "indicators": Message("Indicators"),
        ("structure", "weight"): Message("Weight (%)"),
        "there": Message("Available"),
        "lacking": Message("Lacking"),
        "not_applicable": Message("Not applicable"),
        ("availability", "percent"): Message("Coverage (%)"),
        ("units", "percent"): Message("Coverage (%)"),
        "number": Message("Number"),
        ("distributions", "mean"): Message("Mean"),
        "deviation": Message("Deviation"),
        "least": Message("Least"),
        "lowest": Message("Unit with the least"),
        ("distributions", "most"): Message("Most"),
        "highest": Message("Unit with the most"),
        "skew": Message("Skewness"),
        "kurtosis": Message("Kurtosis"),
        "outside": Message("Beyond 1.5 quartile ranges"),
        "outliers": Message("Outliers"),
        "skew_after": Message("Skewness after treatment"),
        "kurtosis_after": Message("Kurtosis after treatment"),
        "changed": Message("Values changed"),
        ("correlations", "first"): Message("First part"),
        "second": Message("Second part"),
        "correlation": Message("Correlation"),
        "entities": Message("Units"),
        "with_node": Message("With its node"),
        "with_total": Message("With the total"),
        "with_other": Message("With another node"),
        ("parts", "other"): Message("Other node"),
        "left_out": Message("Parts that do not vary"),
        "alpha": Message("Cronbach's α"),
        "adequacy": Message("Sampling adequacy"),
        "chi_squared": Message("Bartlett's χ²"),
        "freedom": Message("Degrees of freedom"),
        "probability": Message("Probability"),
        "factors": Message("Eigenvalues above 1"),
        ("dimensions", "first"): Message("First component (%)"),
        "component": Message("Component"),
        "eigenvalue": Message("Eigenvalue"),
        ("components", "percent"): Message("Of the variance (%)"),
        "cumulative": Message("Together (%)"),
        "loading": Message("Loading"),
        "rotated": Message("Rotated loading"),
        "without": Message("α without it"),
        "end": Message("End of the ranking"),
        ("drivers", "ahead"): Message("Ahead of the mean"),
        ("links", "correlation"): Message("Correlation with the total"),
    }
    words: ClassVar[Mapping[str, Mapping[str, str]]] = {
        **RobustnessReport.words,
        "remark": REMARKS,
        "end": {"top": Message("first"), "bottom": Message("last")},
    }
    rated: ClassVar[tuple[str, ...]] = ("ranks",)

    audit: Audit

    @property
    def about(self) -> About:
        """The system and the period."""
        card = self.audit.card
        title = tr("{title} {period} audit", title=card.title, period=self.audit.period)
        words = origin(card.definition_hash, card.data_hash)
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, hashes, and the parameters of the runs; null where there were none."""
        audit, card = self.audit, self.audit.card
        result = audit.robustness
        return {
            "schema": self.schema, "system": card.system, "period": audit.period,
            "definition_hash": card.definition_hash, "data_hash": card.data_hash,
            "runs": None if result is None else result.runs, "seed": None if result is None else result.seed,
            "converged": None if result is None else result.converged,
        }  # fmt: skip

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `Audit` describes them, and those of its robustness; those without rows are left out."""
        audit, result = self.audit, self.audit.robustness
        of_runs = {} if result is None else {
            "ranks": result.ranks, "alternatives": result.alternatives, "sensitivity": result.sensitivity
        }  # fmt: skip
        frames = {name: of_runs.get(name) if name in of_runs else getattr(audit, name, None) for name in _SHEETS}
        return {
            name: plain(frame)
            for name, frame in frames.items()
            if frame is not None and (frame.height or name == "remarks")
        }

    @property
    def texts(self) -> Mapping[str, Message]:
        """The messages that the frames have as English text, by that text."""
        return self.audit.texts

    def text(self, screen: Screen) -> str:
        """Return the paragraphs of the ten steps; tables are in files."""
        document = self.paper
        parts: list[object] = [Text(visible(document.title), style="bold")]
        for heading, section in document.numbered:
            parts.append(Text(f"\n{visible(heading)}", style="bold"))
            parts += [Text(visible(part.text)) for part in section.parts if isinstance(part, Paragraph)]
        parts.append(Text("\n" + tr("Tables and pictures: -o audit.html, .docx, .md, .xlsx or .json")))
        return printed(*parts, width=screen.width)

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the document as a page with pictures, in Word and in Markdown."""
        return {
            "html": self._page,
            "docx": lambda: word.word(self.paper),
            "md": lambda: markdown.markdown(self.paper).encode(),
        }

    @property
    def paper(self) -> Paper:
        """The document, in the language in use."""
        return paper(self.audit)

    def _page(self) -> bytes:
        try:
            drawn = {step: picture for step, kind in _PLOTS.items() if (picture := self._picture(kind)) is not None}
        except DataError as error:
            # Without the packages that draw there are no pictures, and everything else is there.
            [why, *_] = error.diagnostics
            note = tr("Without pictures: {why}; {hint}.", why=why.message, hint=why.hint or "")
            return paper_page(self.paper, {}, note)
        return paper_page(self.paper, drawn)

    def _picture(self, kind: str) -> str | None:
        """Return a plot as SVG, None where the result has nothing that it shows.

        Raises:
            DataError: K510, if a package is not installed.
        """
        audit = self.audit
        if kind in ("correlation", "heat_map") and len(audit.counted) > _DRAWN:
            return None
        view = View(audit.card, audit.period)
        try:
            if kind != "intervals":
                chart = plotted(audit.card, kind, period=audit.period)
            elif audit.robustness is None:
                return None
            else:
                chart = drawn_intervals(view, audit.robustness.ranks, audit.robustness.runs)
            return pictures.picture(chart, ".svg").decode()
        except DataError as error:
            if any(diagnostic.code == "K510" for diagnostic in error.diagnostics):
                raise
            return None
