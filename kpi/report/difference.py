"""A difference as a report: the table of changes, one entity in detail, and its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text
from typing_extensions import override

from kpi.analysis.diff import Difference
from kpi.engine.contributions import NOISE
from kpi.errors import Diagnostic, Message, Severity
from kpi.report.cards import printed, table_of
from kpi.report.difference_paper import (
    CARDED,
    across,
    between,
    level_heading,
    levels_of,
    main_causes,
    paper,
    place,
    score,
    texts_of,
)  # fmt: skip
from kpi.report.language import localized, tr
from kpi.report.marks import NOTHING, change, movement, number, reason, visible
from kpi.report.page.papers import paper_page
from kpi.report.paper.markdown import markdown
from kpi.report.paper.model import Paper
from kpi.report.paper.word import word
from kpi.report.shape import HEADINGS, WITHIN, WORDS, About, Report, Screen, origin, plain
from kpi.report.workbook import workbook
from kpi.values.status import STATUSES

#: The maximum number of lines of each kind.
MOST = 30


@dataclass(frozen=True)
class DifferenceReport(Report):
    """The difference of two results; with `entity` the text has all changes of this entity.

    `findings` are those of the second result that belong to it, as of a scorecard; None where there are none.
    """

    schema: ClassVar[str] = "kpi.diff/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "totals": Message("Changes of totals"),
        "indicators": Message("Changes of indicators"),
        "figures": Message("Changes of figures"),
        "definitions": Message("Changes of the rules"),
        "restated": Message("Corrected figures"),
        "classes": Message("Changes of class"),
        "longer": Message("Changes of longer periods"),
        "headlines": Message("Changes of headlines"),
        "places": Message("Changes of places"),
        "findings": Message("Checks"),
    }
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "period_before": Message("Old period"),
        "score_before": Message("Old score"),
        "over_before": Message("Old longer period"),
        "change": Message("Change"),
        "from_data": Message("From the data"),
        "from_definition": Message("From the rules"),
        "stars_before": Message("Old stars"),
        "grade_before": Message("Old grade"),
        "rank_before": Message("Old rank"),
        "group_before": Message("Old group"),
        "status_before": Message("Old status"),
        "value_before": Message("Old figure"),
        "contribution_before": Message("Old contribution"),
        "contribution": Message("Contribution"),
        "weight_before": Message("Old weight"),
        "from_weight": Message("From weights"),
        "path": Message("Place in the rules"),
        "before": Message("Old"),
        "after": Message("New"),
        "areas_changed": Message("Areas changed"),
        "attribute": Message("Column of the roster"),
    }

    words: ClassVar[Mapping[str, Mapping[str, str]]] = WORDS | dict.fromkeys(
        ("status", "status_before"), STATUSES | {"absent": Message("none")}
    )

    difference: Difference
    entity: str | None = None
    findings: pl.DataFrame | None = None

    @property
    def about(self) -> About:
        """The system, the two sides, and the hashes of both."""
        after = self.difference.after
        title = _title(self.difference)
        hashes = (f"{old} → {new}" if old != new else new for old, new in self._hashes().values())
        return About(title, after.system, origin(*hashes), after.entity_title, after.decimals)

    @property
    def texts(self) -> Mapping[str, Message]:
        """The messages in the frames of both sides."""
        return texts_of(self.difference)

    def _hashes(self) -> dict[str, list[str]]:
        before, after = self.difference.before, self.difference.after
        return {
            "definition_hash": [before.definition_hash, after.definition_hash],
            "data_hash": [before.data_hash, after.data_hash],
        }

    def head(self) -> dict[str, Any]:
        """Return schema, system, the names of both sides, their hashes, and whether causes could be separated."""
        before, after = self.difference.before, self.difference.after
        sides = {"schema": self.schema, "system": after.system, "before": before.name, "after": after.name}
        return {**sides, **self._hashes(), "separable": self.difference.separable}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `Difference` describes them."""
        frames = {name: plain(frame) for name, frame in self.difference.frames.items()}
        return frames if self.findings is None else {**frames, "findings": plain(self.findings)}

    def text(self, screen: Screen) -> str:
        """Return the changes as tables."""
        return table(self.difference, self.entity, width=screen.width)

    @property
    def paper(self) -> Paper:
        """The document, in the language in use."""
        return paper(self, self.difference, self.entity)

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the document in Word, Markdown and as a page; the workbook begins with its sheets."""
        return {
            "docx": lambda: word(self.paper),
            "md": lambda: markdown(self.paper).encode(),
            "html": lambda: paper_page(self.paper),
            "xlsx": lambda: workbook(self, self.paper),
        }

    @override
    def left_out(self, form: str) -> list[Diagnostic]:
        """Return a finding (K894) for the units that a document leaves out."""
        if form not in ("docx", "pdf", "md", "html"):
            return []
        units = self.difference.totals["entity"].n_unique()
        if units <= CARDED:
            return []
        words = Message("in the document, changes are listed of only {shown:,} of {units:,} units", shown=CARDED,
                        units=units)  # fmt: skip
        hint = Message("a folder takes all tables: -o results/")
        return [Diagnostic("K894", words, hint=hint, severity=Severity.WARNING)]


def table(difference: Difference, entity: str | None = None, *, width: int | None = None) -> str:
    """Return the changes as tables for a terminal; for one entity, with everything that changed its total."""
    if entity is not None:
        return _detail(difference, entity, width)
    changed = difference.changed
    parts: list[object] = [_head(difference)]
    if not (changed.height or difference.changed_headlines.height or difference.changed_places.height):
        parts.append(Text(tr("Nothing has changed.")))
    decimals, heading = difference.after.decimals, level_heading(difference)
    for rows in changed.partition_by("period", maintain_order=True):
        entity_title = visible(localized(difference.after.entity_title))
        levels = [] if heading is None else [heading]
        shown = table_of(
            tr("Rank"),
            entity_title,
            tr("Score"),
            tr("Old"),
            tr("Change"),
            tr("Data"),
            tr("Rules"),
            *levels,
            tr("Mainly from"),
        )
        causes = main_causes(difference, rows.head(MOST))
        for row in rows.head(MOST).iter_rows(named=True):
            rank = place(row)
            now, was = (score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score", "score_before"))
            effects = [_effect(row[key], decimals) for key in ("change", "from_data", "from_definition")]
            mainly = "\n".join(causes.get((row["period"], row["entity"]), ()))
            last = [*([levels_of(difference, row)] if levels else []), mainly]
            shown.add_row(rank, visible(row["entity"]), now, was, *effects, *last)
        more = tr(", {rows} more", rows=rows.height - MOST) if rows.height > MOST else ""
        parts += [
            Text(
                "\n" + tr("{what}: {number} changed{more}", what=between(rows), number=rows.height, more=more),
                style="bold",
            ),
            shown,
            *map(Text, across(difference, rows, MOST)),
        ]
    parts += [*_headlines(difference), *_places(difference)]
    parts += _classes(difference)
    parts += _longer(difference)
    parts += _restated(difference)
    parts += _definitions(difference)
    parts.append(Text(_footer(difference), style="dim"))
    return printed(*parts, width=width)


def _longer(difference: Difference) -> list[object]:
    """Return the tables of totals over longer periods, where both results have such: by cohort, up to the last period.

    The row of each scored period has the longer period up to it; the last has all of it that there is.
    """
    rows = difference.longer
    known = rows.filter(pl.col("over").is_not_null() & pl.col("over_before").is_not_null()) if rows.height else rows
    parts: list[object] = []
    if known.height:
        known = known.filter(pl.col("period") == pl.col("period").last().over("over_before", "over"))
        cohorts = difference.totals.select("period", "entity", "cohort")
        known = known.join(cohorts, on=["period", "entity"], how="left", maintain_order="left")
    several = bool(known.height) and known["cohort"].n_unique() > 1
    for part in known.partition_by("over_before", "over", "cohort", maintain_order=True) if known.height else ():
        first, decimals = part.row(0, named=True), difference.after.decimals
        entity_title = visible(localized(difference.after.entity_title))
        shown = table_of(tr("Rank"), entity_title, tr("Score"), tr("Old"), tr("Change"), tr("Former rank"))
        for row in part.sort("rank", nulls_last=True, maintain_order=True).head(MOST).iter_rows(named=True):
            rank = place(row)
            now, was = (score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score", "score_before"))
            former = NOTHING if row["rank_before"] is None else f"{row['rank_before']:g}"
            shown.add_row(rank, visible(row["entity"]), now, was, _effect(row["change"], decimals), former)
        old, new = first["over_before"], first["over"]
        longer = new if old == new else f"{old} → {new}"
        heading = tr("{longer}, from its periods up to {period}", longer=longer, period=between(part))
        if several:
            heading = f"{heading}  {visible(first['cohort'] or tr('No cohort'))}"
        parts += [Text(f"\n{heading}", style="bold"), shown]
    return parts


def _headlines(difference: Difference) -> list[object]:
    """Return a table for each index beside the total and period in which some unit changed."""
    parts: list[object] = []
    rows, decimals = difference.changed_headlines, difference.after.decimals
    for part in rows.partition_by("period", "headline", maintain_order=True) if rows.height else ():
        entity_title = visible(localized(difference.after.entity_title))
        shown = table_of(tr("Rank"), entity_title, tr("Score"), tr("Old"), tr("Change"), tr("Data"), tr("Rules"))
        for row in part.sort("rank", nulls_last=True, maintain_order=True).head(MOST).iter_rows(named=True):
            now, was = (score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score", "score_before"))
            effects = [_effect(row[key], decimals) for key in ("change", "from_data", "from_definition")]
            shown.add_row(place(row), visible(row["entity"]), now, was, *effects)
        parts += [Text(f"\n{between(part)}  {visible(part['title'][0])}", style="bold"), shown]
        parts += _cut(part)
    return parts


def _places(difference: Difference) -> list[object]:
    """Return a table for each period of the places in several rankings that changed."""
    parts: list[object] = []
    rows = difference.changed_places
    for part in rows.partition_by("period", maintain_order=True) if rows.height else ():
        entity_title = visible(localized(difference.after.entity_title))
        shown = table_of(entity_title, tr("Ranked within"), tr("Group"), tr("Rank"), tr("Former rank"))
        for row in part.head(MOST).iter_rows(named=True):
            within = localized(WITHIN.get(row["within"], row["within"]))
            groups = [visible(row[key] or "") for key in ("group_before", "group")]
            group = groups[1] if groups[0] == groups[1] else " → ".join(text or NOTHING for text in groups)
            former = NOTHING if row["rank_before"] is None else f"{row['rank_before']:g}"
            shown.add_row(visible(row["entity"]), visible(within), group, place(row), former)
        parts += [Text("\n" + tr("{what}: places", what=between(part)), style="bold"), shown]
        parts += _cut(part)
    return parts


def _cut(rows: pl.DataFrame) -> list[object]:
    """Return the line that says how many rows of a table are left out, if any."""
    return [Text(tr("{rows} more", rows=rows.height - MOST), style="dim")] if rows.height > MOST else []


def _head(difference: Difference) -> Text:
    return Text(visible(_title(difference)), style="bold")


def _title(difference: Difference) -> str:
    before, after = difference.before, difference.after
    return tr("{title}: {before} → {after}", title=after.title, before=before.name, after=after.name)


def _effect(value: float | None, decimals: int) -> str:
    return NOTHING if value is None else change(value, decimals)


def _detail(difference: Difference, entity: str, width: int | None) -> str:
    decimals, heading = difference.after.decimals, level_heading(difference)
    parts: list[object] = [Text(visible(f"{entity}  "), style="bold") + _head(difference)]
    for row in difference.totals.iter_rows(named=True):
        now, was = (score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score", "score_before"))
        effects = [_effect(row[key], decimals) for key in ("change", "from_data", "from_definition")]
        moved = movement(None if row["rank_change"] is None else int(row["rank_change"]))
        total, data, rules = effects
        line = "\n" + tr(
            "{period}  score {was} → {now}  change {total} (data {data}, rules {rules})",
            period=row["period"], was=was, now=now, total=total, data=data, rules=rules,
        )  # fmt: skip
        stars = "" if heading is None else f"  {heading} {levels_of(difference, row)}"
        parts.append(Text(tr("{line}{stars}  rank {moved}", line=line, stars=stars, moved=moved or NOTHING)))
        parts += map(Text, across(difference, difference.totals.filter(period=row["period"]), MOST))
        texts = texts_of(difference)
        indicators = difference.indicators.filter(period=row["period"])
        weighed = bool((indicators["from_weight"].abs() > NOISE).any())
        weights = [tr("Weight %")] if weighed else []
        shown = table_of(
            tr("Indicator"),
            tr("Old value"),
            tr("New value"),
            tr("Unit"),
            *weights,
            tr("Old score"),
            tr("Score"),
            tr("Change"),
            tr("Data"),
            tr("Rules"),
        )
        for item in indicators.head(MOST).iter_rows(named=True):
            effects = [_effect(item[key], decimals) for key in ("change", "from_data", "from_definition")]
            scores = [number(item[key], decimals) or NOTHING for key in ("score_before", "score")]
            shown.add_row(
                visible(localized(texts.get(item["title"], item["title"]))), _value(item["value_before"]),
                _value(item["value"]), item["unit"] or "",
                *([_weight(item)] if weighed else []), *scores, *effects,
            )  # fmt: skip
        parts += [shown] if indicators.height else []
        if weighed:
            brought = change(float(indicators["from_weight"].sum()), decimals)
            parts.append(Text(tr("of which by weights: {brought}", brought=brought), style="dim"))
        figures = difference.figures.filter(period=row["period"])
        shown = table_of(tr("Reported figures"), tr("Old value"), tr("New value"), tr("Unit"), tr("Status"))
        for figure in figures.head(MOST).iter_rows(named=True):
            state = [
                figure[key] if figure[key] == "absent" else reason(figure[key]) for key in ("status_before", "status")
            ]
            words = state[1] if state[0] == state[1] else " → ".join(state)
            shown.add_row(
                visible(figure["title"]),
                _value(figure["value_before"]),
                _value(figure["value"]),
                figure["unit"] or "",
                words,
            )
        parts += [shown] if figures.height else []
    parts += [*_headlines(difference), *_places(difference)]
    parts += _classes(difference)
    parts += _restated(difference)
    parts.append(Text(_footer(difference), style="dim"))
    return printed(*parts, width=width)


def _classes(difference: Difference) -> list[object]:
    """Return a line for each unit whose class changed, so that other weights or rules hold for it."""
    lines = [
        tr(
            "{entity} changed its class ({column}): {before} → {after}, with the weights and rules of this class",
            entity=visible(row["entity"]), column=visible(row["attribute"]), before=visible(row["before"]) or NOTHING,
            after=visible(row["after"]) or NOTHING,
        )
        for row in difference.classes.head(MOST).iter_rows(named=True)
    ]  # fmt: skip
    return [Text(line) for line in lines]


def _weight(row: dict[str, Any]) -> str:
    if row["weight"] is None:
        return ""
    old, new = (f"{row[key]:.4g}" for key in ("weight_before", "weight"))
    return new if old == new else f"{old} → {new}"


def _value(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.6g}"


def _restated(difference: Difference) -> list[object]:
    frame = difference.restated
    if not frame.height:
        return []
    shown = table_of(
        tr("Period"),
        localized(difference.after.entity_title),
        tr("Reported figures"),
        tr("Before"),
        tr("After"),
        tr("File"),
        tr("Row"),
    )
    for row in frame.head(MOST).iter_rows(named=True):
        texts = [visible(str(row.get(name) or "")) for name in ("period", "entity", "title")]
        places = [visible(str(row.get(name) or "")) for name in ("file", "row")]
        shown.add_row(*texts, _value(row["before"]), _value(row["after"]), *places)
    return [Text(tr("\nCorrected figures: {frame}", frame=frame.height), style="bold"), shown]


def _definitions(difference: Difference) -> list[object]:
    frame = difference.definitions
    if not frame.height:
        return []
    shown = table_of(tr("Of the rules"), tr("Old"), tr("New"))
    for row in frame.head(MOST).iter_rows(named=True):
        shown.add_row(*(visible(row[name] or NOTHING) for name in ("path", "before", "after")))
    return [Text(tr("\nChanges of the rules: {frame}", frame=frame.height), style="bold"), shown]


def _footer(difference: Difference) -> str:
    before, after = difference.before, difference.after
    pair = [f"{result.definition_hash[:8]}" for result in (before, after)]
    words = [tr("Change = data + rules, of unrounded totals")]
    if not difference.separable:
        words = [
            tr("The rules changed too; results without data cannot tell the effect of the data from that of the rules")
        ]
    words.append(
        tr("Definition {pair}", pair=pair[0])
        if pair[0] == pair[1]
        else tr("Old definition {pair}  new definition {pair_2}", pair=pair[0], pair_2=pair[1])
    )
    return "  ".join(words)
