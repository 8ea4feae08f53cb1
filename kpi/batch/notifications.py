"""Notifications of a run: a log of JSON lines, metrics for Prometheus, and a summary for people."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from kpi.analysis.alert_findings import ALERTS
from kpi.batch.batch_run import Night
from kpi.batch.store.whole import write_durably
from kpi.errors import Diagnostic, Message, Place, Severity, count, number_of
from kpi.process.os_errors import reason
from kpi.report.diagnostics import for_readers, one_line
from kpi.report.language import localized, sentences, tr

#: The maximum number of findings in a note.
_NOTED = 50


class Log:
    """A log of events: one JSON object per line, appended in one write; nothing without a file.

    A log that cannot be written does not stop the run: `problem` is a warning about it.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.problem: Diagnostic | None = None

    def __call__(self, event: str, **facts: Any) -> None:
        """Append an event with its fields."""
        if self._file is None:
            return
        line = {"time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
        try:
            self._append((json.dumps(line, ensure_ascii=False, default=str) + "\n").encode())
        except OSError as error:
            message = Message("the log cannot be written: {strerror}", strerror=reason(error))
            hint = Message("make room, or see who may write there; the night went on without it")
            self.problem = Diagnostic("K834", message, Place(str(self._file)), hint, Severity.WARNING)

    def _append(self, line: bytes) -> None:
        assert self._file is not None  # noqa: S101
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def summary(result: Night) -> str:
    """Return the last line of a run: what was scored, what was not, and why."""
    failed = tuple(result.failed)
    if result.run is None:
        return tr("Nothing was published: {failed} failed. The last results stay.", failed=failed)
    scored = sum(len(outcome.scored) for outcome in result.outcomes)
    parts = [Message("{periods} scored", periods=count(scored, "period"))]
    if removed := sum(len(outcome.removed) for outcome in result.outcomes):
        parts.append(Message("{periods} removed", periods=count(removed, "period")))
    if pending := sum(len(outcome.pending) for outcome in result.outcomes):
        parts.append(Message("{periods} left as they were", periods=count(pending, "changed period")))
    if same := sum(outcome.status == "unchanged" for outcome in result.outcomes):
        parts.append(Message("{systems} unchanged", systems=count(same, "system")))
    run = Message(
        "Run {number} in {seconds:.2f} s: {parts}.", number=result.run.number, seconds=result.seconds,
        parts=tuple(parts),
    )  # fmt: skip
    return sentences(
        [run, *([Message("Failed, with the last results kept: {failed}.", failed=failed)] if failed else [])]
    )


def write_summary(file: Path, result: Night) -> None:
    """Write the result of a run as one JSON object: the facts of the manifest and the summary in words."""
    tree = {
        "run": None if result.run is None else result.run.number,
        "summary": summary(result),
        "failed": result.failed,
        "seconds": round(result.seconds, 3),
        "systems": {outcome.system: outcome.as_json() for outcome in result.outcomes},
        "alerts": [one_line(alert) for outcome in result.outcomes for alert in outcome.alerts],
        "findings": [one_line(finding) for finding in result.findings if finding.severity is Severity.ERROR],
    }
    write_durably(file, (json.dumps(tree, ensure_ascii=False, indent=1) + "\n").encode())


def write_note(folder: Path, result: Night) -> Path | None:
    """Write a note in Markdown for a run with news and return it; None without news.

    News are failed systems, scored or removed periods, alerts that have begun or ended, errors and warnings. The note
    is named after the run; that of a run that published nothing is `not-published.md`, which the next successful run
    removes.
    """
    number = None if result.run is None else result.run.number
    stopped = folder / "not-published.md"
    if number is not None:
        stopped.unlink(missing_ok=True)
    # An alert is news when it begins or ends, not as long as it holds.
    serious = [
        finding
        for finding in result.findings
        if finding.severity in (Severity.ERROR, Severity.WARNING) and finding.code not in ALERTS
    ]
    alerts = [alert for outcome in result.outcomes for alert in outcome.alerts]
    if not serious and not alerts and all(outcome.status == "unchanged" for outcome in result.outcomes):
        return None
    title = tr("Results not published") if number is None else tr("Run {number}", number=number)
    lines = [f"# {title}", "", summary(result), ""]
    for item in result.outcomes:
        words = {"failed": tr("failed, the last results stay"), "unchanged": tr("unchanged")}.get(
            item.status, tr("updated")
        )
        lines.append("- " + tr("{name}: {what}", name=item.system, what=words))
        for name, labels in ((tr("scored"), item.scored), (tr("removed"), item.removed), (tr("waiting"), item.pending)):
            if labels:
                lines.append("  - " + tr("{name}: {what}", name=name, what=tuple(labels)))
    if alerts:
        lines += ["", f"## {localized(count(len(alerts), 'alert'))}", ""]
        lines += [f"- {for_readers(alert)}" for alert in alerts[:_NOTED]]
        if len(alerts) > _NOTED:
            lines.append("- " + tr("{number:,} more, see the findings", number=len(alerts) - _NOTED))
    if serious:
        lines += [
            "",
            f"## {localized(count(number_of(serious), 'finding'))}",
            "",
            *(f"- {for_readers(finding)}" for finding in serious[:_NOTED]),
        ]
        if len(serious) > _NOTED:
            lines.append("- " + tr("{number:,} more, see the findings", number=number_of(serious[_NOTED:])))
    path = stopped if number is None else folder / f"run-{number:06}.md"
    write_durably(path, ("\n".join(lines) + "\n").encode())
    return path


def write_metrics(file: Path, result: Night, *, timestamp: float) -> None:
    """Write the metrics of a run in Prometheus' text format, for the textfile collector of its node exporter.

    A failed system keeps the time of its last success from the existing file.
    """
    successes = _successes(file)
    lines = [
        "# HELP kpi_batch_last_success_timestamp_seconds When the system was last checked and found or made current.",
        "# TYPE kpi_batch_last_success_timestamp_seconds gauge",
    ]
    for outcome in result.outcomes:
        fine = outcome.status != "failed" and result.run is not None
        when = f"{timestamp:.0f}" if fine else successes.get(outcome.system)
        if when is not None:
            lines.append(f'kpi_batch_last_success_timestamp_seconds{{system="{outcome.system}"}} {when}')
    gauges: list[tuple[str, str, list[tuple[str, float]]]] = [
        ("failed", "Whether the system failed in the last batch.", []),
        ("periods_scored", "Periods scored in the last batch.", []),
        ("rows_read", "Rows of data read in the last batch.", []),
        ("rows_refused", "Rows of data refused in the last batch.", []),
    ]
    for outcome in result.outcomes:
        label = Message('system="{system}"', system=outcome.system)
        values = (
            outcome.status == "failed",
            len(outcome.scored),
            outcome.counts.get("read", 0),
            outcome.counts.get("refused", 0),
        )
        for (_, _, rows), value in zip(gauges, values, strict=True):
            rows.append((label, float(value)))
    results: list[tuple[str, float]] = []
    spent: list[tuple[str, float]] = []
    for outcome in result.outcomes:
        tally: Counter[str] = Counter()
        for finding in outcome.findings:
            tally[str(finding.severity)] += finding.stands_for
        results += [(f'system="{outcome.system}",severity="{s}"', float(tally[s])) for s in map(str, Severity)]
        spent += [(f'system="{outcome.system}",stage="{stage}"', value) for stage, value in outcome.seconds.items()]
    gauges += [
        ("findings", "Findings of the last batch.", results),
        ("stage_seconds", "Seconds that a stage of the last batch took.", spent),
        ("seconds", "Seconds that the last batch took.", [("", result.seconds)]),
        ("run", "The number of the last published run.", [("", float(result.run.number))] if result.run else []),
    ]
    for name, words, samples in gauges:
        lines += [f"# HELP kpi_batch_{name} {words}", f"# TYPE kpi_batch_{name} gauge"]
        lines += [
            f"kpi_batch_{name}{{{label}}} {value:g}" if label else f"kpi_batch_{name} {value:g}"
            for label, value in samples
        ]
    write_durably(file, ("\n".join(lines) + "\n").encode())


def _successes(file: Path) -> dict[str, str]:
    head = 'kpi_batch_last_success_timestamp_seconds{system="'
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {
        name: value
        for line in lines
        if line.startswith(head)
        for name, _, value in [line.removeprefix(head).partition('"} ')]
    }
