"""The output of commands: data on stdout; findings, summary and progress on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import IO, TYPE_CHECKING

from msgspec import Struct

from kpi.report.formats import NAMES, TEXT

if TYPE_CHECKING:
    from kpi.errors import Diagnostic
    from kpi.report.diagnostics import Layout
    from kpi.report.shape import Report


#: The width of a table that has all the room it needs.
_WIDEST = 10_000


class Console(Struct, frozen=True):
    """The output of one command, according to its options.

    Attributes:
        style: the style of findings.
        color: `auto`, `always` or `never`; `auto` follows NO_COLOR, FORCE_COLOR and the terminal.
        quiet: no summary, no notes and no progress.
        wide: tables are as wide as they need to be, whatever the terminal.
        columns: the columns of the table that are asked for.
    """

    style: Layout = "full"
    color: str = "auto"
    quiet: bool = False
    wide: bool = False
    columns: tuple[str, ...] = ()

    def say(self, text: str) -> None:
        """Write a line to stderr, in the language in use."""
        from kpi.report.language import localized

        sys.stderr.write(f"{localized(text)}\n")

    def note(self, text: str) -> None:
        """Write a line to stderr, unless the command is quiet."""
        if not self.quiet:
            self.say(text)

    def report(self, findings: Iterable[Diagnostic]) -> None:
        """Write findings to stderr."""
        from kpi.report.diagnostics import render

        if listed_findings := list(findings):
            self.say(render(listed_findings, style=self.style, color=self.colored(sys.stderr)).rstrip("\n"))

    def mention(self, findings: Iterable[Diagnostic]) -> None:
        """Note that there are errors or warnings, of a command that shows something else.

        Args:
            findings: of everything that was scored for it; equal ones count once.
        """
        from kpi.errors import Message, Severity
        from kpi.report.diagnostics import tally

        known = list(dict.fromkeys(findings))
        if any(finding.severity is not Severity.INFO for finding in known):
            self.note(Message("There are findings: {tally}. kpi check --data shows them.", tally=tally(known)))

    def write(self, text: str, *, untrusted: bool = False) -> None:
        """Write data to stdout.

        Args:
            text: the data.
            untrusted: whether it may have control characters, which a terminal would interpret.
        """
        if untrusted and sys.stdout.isatty():
            from kpi.report.marks import escaped

            text = escaped(text)
        sys.stdout.write(text)

    def publish(
        self, report: Report, form: str | None = None, output: Sequence[str] = (), *, usual: str | None = None
    ) -> None:
        """Write a report to files, and to stdout unless only files are requested.

        Args:
            report: the report.
            form: the format on stdout; None for the usual one.
            output: the files and folders.
            usual: the default of `form`; None for a table on a terminal and CSV in a pipe.

        Raises:
            DataError: as `kpi.report.files.write`; K541, a binary format on a terminal.
        """
        from kpi.errors import Message
        from kpi.process.progress import stage
        from kpi.report.files import left_out, outlook, write

        for out in output:
            if (words := outlook(report, out)) is not None:
                self.note(words)
            with self.progress(), stage(Message("writing {file}", file=out)):
                write(report, out)
            self.report(left_out(report, out))
        if form is not None or not output:
            self._print(report, form or usual or (TEXT if sys.stdout.isatty() else "csv"))

    def _print(self, report: Report, form: str) -> None:
        from kpi.errors import DataError, Diagnostic, Message
        from kpi.report.files import content, write_stream
        from kpi.report.shape import Screen

        if form == TEXT:
            self.write(report.text(Screen(self.width, self.colored(sys.stdout), self.columns)))
        elif not sys.stdout.isatty():
            write_stream(content(report, form), sys.stdout)
        else:
            text = None
            # Of a format of an extension only the content shows whether it is binary.
            if form not in NAMES or not NAMES[form].binary:
                with suppress(UnicodeDecodeError):
                    text = content(report, form).decode()
            if text is None:
                suffix = NAMES[form].suffixes[0] if form in NAMES else f".{form}"
                hint = Message("write it to a file: -o results{suffixes}", suffixes=suffix)
                message = Message("{form} is a binary format, which a terminal cannot show", form=form)
                raise DataError(Diagnostic("K541", message, hint=hint))
            self.write(text, untrusted=True)
        sys.stdout.flush()

    def progress(self, *, quiet: bool = False) -> AbstractContextManager[None]:
        """Show the progress of the block on a terminal."""
        from kpi.cli.progress_line import showing

        return showing(quiet=quiet or self.quiet)

    def colored(self, stream: IO[str]) -> bool:
        """Return whether a stream supports colour."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()

    @property
    def width(self) -> int | None:
        """The width of tables: COLUMNS if it is set, else that of the terminal of stdout; None for other outputs."""
        if self.wide:
            return _WIDEST
        if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
            return min(int(columns), _WIDEST)
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            return None
