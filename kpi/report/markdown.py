"""Reports as Markdown: the league tables of scorecards with their findings, the frames of other reports as tables."""

from __future__ import annotations

import polars as pl

from kpi.report.language import localized, tr
from kpi.report.league import Block, League, Line, league
from kpi.report.longer import longer_tables
from kpi.report.marks import NOTHING, SEVERITIES, change, number, visible
from kpi.report.reader_columns import constant_columns, decimals_of, shown_columns
from kpi.report.shape import Report, Results
from kpi.values.patterns import regex

#: The maximum number of findings listed.
LISTED = 50

_SPECIAL = regex(r"([\\`*_\[\]<>|~&$])")


def markdown(scorecard: Results, /, *, period: str | None = None) -> str:
    """Return the results of a period (by default the latest) as Markdown: one league table a cohort, then findings.

    Tables are in the dialect of GitHub; text from data is escaped.

    Raises:
        DataError: K531, the scorecard has no such period.

    """
    standing = league(scorecard, period=period)
    title = " ".join(filter(None, (scorecard.title, standing.period)))
    paragraphs = [f"# {escaped(title)}"]
    for block in standing.blocks:
        if (heading := standing.heading(block)) is not None:
            paragraphs.append(f"## {escaped(heading)}")
        paragraphs.append(piped(*league_rows(scorecard, standing, block)))
    for heading, headings, lines in longer_tables(scorecard, standing.period):
        paragraphs += [f"## {escaped(heading)}", piped(headings, "<" * len(headings), lines)]
    if not standing.blocks:
        paragraphs.append(tr("There are no scores to rank."))
    paragraphs += [*_findings(scorecard), "---", _footnote(scorecard, standing)]
    return "\n\n".join(paragraphs) + "\n"


def tables(report: Report, /) -> str:
    """Return a report as Markdown: its frames that have rows, a table each, with their headings.

    Columns and decimals are those of `reader_columns`; numbers in units of their own have up to ten significant digits.
    Text is escaped.
    """
    about = report.about
    paragraphs = [f"# {escaped(about.title)}"]
    frames = report.frames()
    for name, frame in frames.items():
        if not frame.height:
            continue
        alike = constant_columns(frame)
        kept = {column: decimals_of(frame, column) for column in shown_columns(frame) if column not in alike}
        titles = [report.heading(name, column) for column in kept]
        aligned = "".join(">" if frame.schema[column].is_numeric() else "<" for column in kept)
        rows = [
            [_cell(report, column, row[column], decimals) for column, decimals in kept.items()]
            for row in frame.iter_rows(named=True)
        ]
        heading = [f"## {escaped(report.sheet(name))}"] if len(frames) > 1 else []
        words = report.in_all_rows(name, frame)
        paragraphs += [*heading, piped(titles, aligned, rows), *([escaped(words)] if words else [])]
    if len(paragraphs) == 1:
        paragraphs.append(tr("There is nothing in it."))
    return "\n\n".join([*paragraphs, *(["---", escaped(about.origin)] if about.origin else [])]) + "\n"


def _cell(report: Report, column: str, value: object, decimals: int | None) -> str:
    """Return a value for readers: a number, a word, or nothing."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return report.word(column, value)
    return f"{value:,.10g}" if decimals is None else f"{value:z,.{decimals}f}"


def league_rows(scorecard: Results, standing: League, block: Block) -> tuple[list[str], str, list[list[str]]]:
    """Return headings, alignments (`<` left, `>` right) and rows of a league table."""
    levels = [standing.level_heading] if standing.rated else []
    titles = [
        tr("Rank"),
        tr("Move"),
        localized(scorecard.entity_title),
        tr("Score"),
        *levels,
        tr("Change"),
        *standing.further,
        *standing.headings,
        tr("Coverage"),
        tr("Remarks"),
    ]
    aligned = "><<>" + "<" * len(levels) + ">" + ">" * (len(standing.further) + len(standing.pillars)) + "><"
    return titles, aligned, [_cells(standing, line, scorecard.decimals) for line in block.lines]


def _cells(standing: League, line: Line, decimals: int) -> list[str]:
    return [
        NOTHING if line.rank is None else str(line.rank),
        line.moved,
        line.entity,
        number(line.score, decimals) or NOTHING,
        *([standing.level(line)] if standing.rated else []),
        change(line.change, decimals),
        *line.further,
        *(standing.pillar(line, position, decimals) for position in range(len(line.pillars))),
        "" if line.coverage is None else f"{line.coverage:.1f}%",
        line.note,
    ]


def _findings(scorecard: Results) -> list[str]:
    """Return the section of findings, empty without findings."""
    rows = list(scorecard.findings.head(LISTED).iter_rows(named=True))
    if not rows:
        return []
    texts = getattr(scorecard, "texts", {})
    cells = [
        [
            localized(SEVERITIES.get(row["severity"], row["severity"])),
            row["code"],
            " ".join(filter(None, (row["entity"], row["period"]))),
            " ".join(
                filter(
                    None,
                    (row["file"], tr("row {row}", row=row["row"]) if row["row"] is not None else "", row["column"]),
                )
            ),
            localized(texts.get(row["message"], row["message"])),
        ]
        for row in rows
    ]
    titles = [tr("Severity"), tr("Code"), tr("About"), tr("Place"), tr("Note")]
    filled = [at for at in range(len(titles)) if any(row[at] for row in cells)]
    table = piped([titles[at] for at in filled], "<" * len(filled), [[row[at] for at in filled] for row in cells])
    section = [f"## {tr('Findings')}", table]
    if more := _number_of(scorecard.findings[LISTED:]):
        section.append(tr("{more:,} more are not listed.", more=more))
    return section


def _number_of(findings: pl.DataFrame) -> int:
    """Return the number of findings that rows represent; in frames of earlier versions, one each."""
    return int(findings["stands_for"].sum()) if "stands_for" in findings.columns else findings.height


def _footnote(scorecard: Results, standing: League) -> str:
    return tr(
        "Full mark {full:g}, scores to {decimals} decimals; {base}; {nothing} "
        "is not rated. System {system}, definition `{definition_hash}`, data `{data_hash}`.",
        full=scorecard.full,
        decimals=scorecard.decimals,
        base=standing.base,
        nothing=NOTHING,
        system=escaped(scorecard.system),
        definition_hash=scorecard.definition_hash,
        data_hash=scorecard.data_hash,
    )


def piped(titles: list[str], aligned: str, rows: list[list[str]]) -> str:
    """Return a table in the dialect of GitHub, texts escaped; `aligned` has `<` or `>` for each column."""
    rule = ["---:" if side == ">" else "---" for side in aligned]
    cells = [[escaped(cell) for cell in row] for row in (titles, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", visible(text))
