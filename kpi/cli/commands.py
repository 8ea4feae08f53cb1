"""What the commands do: each returns its exit code, data on stdout, findings and summary on stderr."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kpi import session
from kpi.cli.console import say, tell, wants_color, width_of
from kpi.cli.manual import init, rule, schema
from kpi.cli.progress_line import showing
from kpi.engine.plan import compile_plan
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, KpiError, Place, Severity, count
from kpi.intake.files import named_queries
from kpi.language.system import System
from kpi.process.progress import stage
from kpi.report.diagnostics import Layout, tally
from kpi.report.files import content, write, write_findings
from kpi.report.marks import escaped

__all__ = ["batch", "check", "explain", "init", "rule", "sample", "schema", "score", "show", "stress"]

FINE, FINDINGS, FAILED = 0, 1, 2


def _named(pairs: Sequence[str]) -> dict[str, list[str | Path]]:
    named: dict[str, list[str | Path]] = {}
    for pair in pairs:
        name, equals, file = pair.partition("=")
        if not equals or not name or not file:
            raise DataError(
                Diagnostic("K542", f"`--data {pair}` does not name a dataset", hint="write --data NAME=FILE")
            )
        named.setdefault(name, []).append(file)
    return named


def score(
    *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None, named: Sequence[str],
    output: Sequence[str], form: str | None, strict: bool, style: Layout, color: str, quiet: bool,
    explanations: str | None = None, succession: str | None = None,
) -> int:  # fmt: skip
    """Scores files and writes the results; 2 when anything in the data was refused."""
    began = time.perf_counter()
    try:
        if not files and not named:
            raise DataError(Diagnostic("K543", "there is no file to score", hint="kpi score period.csv"))
        with showing(quiet=quiet):
            card = session.score(
                list(files),
                system=system,
                definitions=definitions,
                data=_named(named),
                period=period,
                explanations=explanations,
                partly=True,
                succession=succession,
            )
        errors = [one for one in card.findings_list if one.severity is Severity.ERROR]
        notes = [one for one in card.findings_list if one.severity is not Severity.INFO or not quiet]
        if strict and errors:
            tell(notes, style, color)
            say(f"Nothing was scored: {tally(card.findings_list)} (--strict).")
            return FAILED
        with showing(quiet=quiet):
            for out in output:
                with stage(f"writing {out}"):
                    write(card, out)
        if form is not None or not output:
            _print(card, form or ("table" if sys.stdout.isatty() else "csv"), color)
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED
    tell(notes, style, color)
    if not quiet:
        say(summary(card, time.perf_counter() - began, output))
    return FAILED if errors else FINE


def _print(card: Scorecard, form: str, color: str) -> None:
    if form == "table":
        from kpi.report.table import league_table

        text = league_table(card, width=width_of(sys.stdout), color=wants_color(color, sys.stdout))
        sys.stdout.write(text)
    elif sys.stdout.isatty() and form != "parquet":
        # A terminal would take control characters in names for commands.
        sys.stdout.write(escaped(content(card, form).decode()))
    else:
        write(card, sys.stdout.buffer, form)
    sys.stdout.flush()


def summary(card: Scorecard, seconds: float, output: Sequence[str] = ()) -> str:
    """Returns the last line of a scoring: how much was scored, what became of every row, what is undefined and why."""
    counts = card.counts
    scored = card.totals["score"].count()
    periods = card.periods
    span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    entities = card.entities.height
    parts = [
        (
            f"Scored {count(entities, 'entity', 'entities')} on {count(len(card.definition.indicators), 'indicator')}, "
            f"{span} ({scored:,} of {count(card.totals.height, 'total')}) in {seconds:.2f} s."
        )
    ]
    rows = [f"{counts['used']:,} used"] + [
        f"{counts[key]:,} {key.replace('_', ' ')}"
        for key in ("refused", "restated", "repeated", "left_out")
        if counts.get(key)
    ]
    parts.append(f"{count(counts['read'], 'row')} read: {', '.join(rows)}.")
    if others := counts.get("passed_over"):
        parts.append(f"{count(others, 'row')} for other periods passed over.")
    if unread := counts.get("unread"):
        parts.append(f"{count(unread, 'file or sheet', 'files or sheets')} not read.")
    statuses = _shown(card).select(f"{name}.status" for name in card.definition.indicators)
    undefined = Counter(status for column in statuses for status in column.filter(column != "ok"))
    if undefined:
        reasons = ", ".join(f"{number:,} {status}" for status, number in undefined.most_common())
        parts.append(f"{count(undefined.total(), 'value')} undefined: {reasons}.")
    if card.findings_list:
        parts.append(f"{tally(card.findings_list)}.")
    if output:
        parts.append(f"Wrote {', '.join(output)}.")
    return " ".join(parts)


def _shown(card: Scorecard) -> pl.DataFrame:
    return card.frame if card.shown is None else card.frame.filter(pl.col("period").is_in(list(card.shown)))


def check(
    *, paths: Sequence[str], data: Sequence[str], output: Sequence[str], system: str | None, definitions: str | None,
    style: Layout, color: str, quiet: bool, period: str | None = None, explanations: str | None = None,
    succession: str | None = None,
) -> int:  # fmt: skip
    """Checks definitions and data; 1 when there are errors, 2 when there was nothing to check."""
    from kpi.report.quality import reporting

    with showing(quiet=quiet):
        done = session.checked(
            list(paths), data=list(data), system=system, definitions=definitions, period=period,
            explanations=explanations, succession=succession,
        )  # fmt: skip
    findings, examined = done.findings, done.examined
    if done.card is not None:
        sys.stdout.write(reporting(done.card, width=width_of(sys.stdout)))
    tell(findings, style, color)
    try:
        for out in output:
            write_findings(findings, out)
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED
    if not quiet:
        indicators = sum(len(loaded.system.indicators) for loaded in examined if loaded.system)
        what = f"Checked {count(len(examined), 'file')}, {count(indicators, 'indicator')}"
        what += f", {count(len(data), 'data file')}" if data else ""
        written = f" Wrote {', '.join(output)}." if output else ""
        say(f"{what}: {tally(findings) if findings else 'no findings'}.{written}")
    if any(one.code == "K100" for one in findings):
        return FAILED
    return FINDINGS if any(one.severity is Severity.ERROR for one in findings) else FINE


def explain(
    *, files: Sequence[str], system: str | None, definitions: str | None, period: str | None, named: Sequence[str],
    form: str | None, style: Layout, color: str, quiet: bool, number: int | None = None, batch: str = "",
    succession: str | None = None,
) -> int:  # fmt: skip
    """Prints why an entity got its score, in files or in a past run of a batch."""
    from kpi.analysis.explain import explain as explained
    from kpi.analysis.explain import name_of
    from kpi.report.tree import as_json, tree

    some = [one for one in files if (Path(one).exists() or one in named_queries.names()) and number is None]
    rest = [one for one in files if one not in some]
    try:
        if not some and not named and number is None:
            raise DataError(Diagnostic("K500", f"there is no file `{files[0]}`", Place(files[0])))
        if not rest or len(rest) > 2:
            hint = "kpi explain period.csv 桐乡市, or kpi explain period.csv 桐乡市 一网通办率"
            missing = Diagnostic("K543", "say whose score is to be explained", hint=hint)
            raise DataError(missing if not rest else Diagnostic("K500", f"there is no file `{rest[0]}`", hint=hint))
        if number is not None:
            from kpi.cli.batch import card_of

            card = card_of(batch, number, system, period)
        else:
            card = session.score(
                some,
                system=system,
                definitions=definitions,
                data=_named(named),
                period=period,
                partly=True,
                succession=succession,
            )
        node = explained(card, rest[0], rest[1] if len(rest) == 2 else None)
        who = name_of(card, rest[0])
        if form == "json":
            text = as_json(card, who, node)
            sys.stdout.write(escaped(text) if sys.stdout.isatty() else text)
        else:
            sys.stdout.write(tree(card, who, node, width=width_of(sys.stdout), color=wants_color(color, sys.stdout)))
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED
    errors = [one for one in card.findings_list if one.severity is Severity.ERROR]
    if errors and not quiet:
        say(f"The data have findings: {tally(card.findings_list)}. kpi check --data shows them.")
    return FINE


def stress(*, named: Sequence[str], style: Layout, color: str, **options: Any) -> int:
    """Prints how robust the ranking of files is."""
    from kpi.cli.stress import stress as told

    try:
        return told(data=_named(named), width=width_of(sys.stdout), **options)
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED


def batch(*, style: Layout, color: str, **options: Any) -> int:
    """Runs a nightly batch, checks a past one, or closes an edition; 1 when a system failed or figures differ."""
    from kpi.cli.batch import batch as done

    def show(findings: Iterable[Diagnostic]) -> None:
        tell(findings, style, color)

    try:
        return done(**options, show=show, say=say)
    except KpiError as error:
        show(error.diagnostics)
        return FAILED


def show(
    *, system: str | None, name: str | None, definitions: str | None, plan: bool, coverage: bool,
    analysis: Sequence[str], style: Layout, color: str,
) -> int:  # fmt: skip
    """Prints the catalogue, a system, one definition, a plan, coverage of a document (1 with gaps) or an analysis."""
    from kpi.language.loading import catalogue
    from kpi.report import cards

    folder = None if definitions is None else Path(definitions)
    width = width_of(sys.stdout)
    try:
        if analysis:
            return _analysis(analysis, system, name, definitions, width)
        if system is None:
            sys.stdout.write(cards.overview(catalogue.systems(folder), width=width))
            return FINE
        loaded = catalogue.find(system, folder)
        assert loaded.system is not None  # noqa: S101
        if plan:
            sys.stdout.write(cards.plan(compile_plan(loaded.system)))
        elif coverage:
            return _coverage(loaded.system, width, style, color)
        elif name is None:
            sys.stdout.write(cards.system(loaded.system, width=width))
        else:
            sys.stdout.write(cards.definition(loaded.system, name, width=width))
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED
    return FINE


def _analysis(
    files: Sequence[str], system: str | None, entity: str | None, definitions: str | None, width: int | None
) -> int:
    """Prints what the figures of files are like, or the strengths and weaknesses of an entity."""
    from kpi.report.analysis import analysed

    card = session.score(list(files), system=system, definitions=definitions)
    sys.stdout.write(analysed(card, entity, width=width))
    return FINE


def _coverage(system: System, width: int | None, style: Layout, color: str) -> int:
    from kpi.analysis import clause_coverage
    from kpi.report import cards

    sys.stdout.write(cards.coverage(system, clause_coverage.coverage(system), width=width))
    findings = list(clause_coverage.problems(system))
    tell(findings, style, color)
    return FINDINGS if findings else FINE


def sample(*, style: Layout, color: str, **options: Any) -> int:
    """Writes synthetic data for a system, to files or as CSV to stdout."""
    from kpi.cli.sample import sample as made

    try:
        return made(**options, say=say)
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED


def diff(*, style: Layout, color: str, **options: Any) -> int:
    """Prints what changed between two periods, results, definitions or runs, and where it came from."""
    from kpi.cli.comparison import command

    try:
        command(**options, stdout=sys.stdout, width=width_of(sys.stdout), say=say)
    except KpiError as error:
        tell(error.diagnostics, style, color)
        return FAILED
    return FINE
