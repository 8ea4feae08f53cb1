"""`kpi check`: definitions, and data against them, without scoring."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@options.data
@options.form("without it findings are on stderr, as --output-format says.")
@options.output("The findings are a form (查询单).")
@options.explanations
@options.system
@options.definitions
@options.period
@options.succession
@options.option("--show", is_flag=True, help="Show how files of data are understood: PATH, or --data.")
@options.writing
@command
def check(
    console: Console, *, paths: Sequence[str], data: Sequence[str], form: str | None, output: Sequence[str],
    explanations: str | None, system: str | None, definitions: str | None, period: str | None,
    succession: str | None, show: bool,
) -> Exit:  # fmt: skip
    """Check definitions, and data against them."""
    if show:
        return _shown(console, paths, data, system, definitions)
    from kpi import session
    from kpi.errors import Message, Severity, count
    from kpi.report.diagnostics import tally
    from kpi.report.language import sentences
    from kpi.report.quality import reporting
    from kpi.report.queries import FindingsReport

    files, named = options.files_of(data)
    with console.progress():
        done = session.checked(
            list(paths), data=files or None, datasets=named or None, system=system, definitions=definitions,
            period=period, explanations=explanations, succession=succession,
        )  # fmt: skip
    if form is None:
        if done.card is not None:
            console.write(reporting(done.card, width=console.width))
        console.report(done.findings)
    if form is not None or output:
        console.publish(FindingsReport(done.findings), form, output)
    indicators = sum(len(loaded.system.indicators) for loaded in done.examined if loaded.system)
    parts = [count(len(done.examined), "file"), count(indicators, "indicator")]
    parts += [count(len(data), "data file")] if data else []
    checked = Message("Checked {parts}: {tally}.", parts=tuple(parts), tally=tally(done.findings))
    console.note(sentences([checked, *([Message("Wrote {files}.", files=tuple(output))] if output else [])]))
    if any(finding.code == "K100" for finding in done.findings):
        return Exit.FAILED
    return Exit.FINDINGS if any(item.severity is Severity.ERROR for item in done.findings) else Exit.FINE


def _shown(
    console: Console, paths: Sequence[str], data: Sequence[str], system: str | None, definitions: str | None
) -> Exit:
    """Write how files are understood, by a definition among the paths, that of `--system`, or one that fits them."""
    import datetime as dt

    from kpi.drafting.advice import Advice, not_understood, system_of, understanding
    from kpi.errors import DataError, Diagnostic, Message
    from kpi.report.understanding import paragraph

    files, named = options.files_of(data)
    own = [path for path in paths if path.endswith((".yaml", ".yml"))]
    sources = [
        *(path for path in paths if path not in own),
        *files,
        *(item for items in named.values() for item in items),
    ]
    if not sources:
        hint = Message("kpi check period.csv --show")
        raise DataError(Diagnostic("K543", Message("there is no file of data to show"), hint=hint))
    with console.progress():
        meant = system_of(sources, system or (own[0] if own else None), definitions)
        result = understanding(sources, meant, dt.datetime.now(dt.UTC).year - 1)
    words = Message("No definition fits the files; they are shown as `kpi init` would take them.")
    if result.system is not None and not result.drafted:
        words = Message("Understood by the definition {system}.", system=result.system.system)
    console.note(words)
    for table in result.tables:
        helping = table.advice or Advice((), (), known=True)
        text = paragraph(
            table.understood,
            table.rows,
            width=console.width,
            lines=helping.lines,
            then=helping.rows,
            known=helping.known,
        )
        console.write(text, untrusted=True)
    console.report(not_understood(result))
    return Exit.FINE if result.complete else Exit.FINDINGS
