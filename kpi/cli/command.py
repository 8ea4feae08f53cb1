"""Shared parts of all commands: exit codes, error handling, and options with a common meaning.

Command modules import only `click` at module level, so that `kpi --help` answers at once.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from typing_extensions import override

from kpi.cli.console import Console
from kpi.report.formats import FORMATS, TEXT

if TYPE_CHECKING:
    from kpi.errors import Diagnostic

Decorator = Callable[[Any], Any]


class Exit(IntEnum):
    """Exit codes of commands."""

    #: Success.
    FINE = 0
    #: There are findings or differences to look at.
    FINDINGS = 1
    #: The command could not do everything requested.
    FAILED = 2
    INTERRUPTED = 130


def command(work: Callable[..., Exit]) -> Callable[..., None]:
    """Turn a function of a console into the callback of a command, which ends the process with its exit code.

    Errors with findings, exhausted memory or disk, a closed pipe and Ctrl-C end with a message.
    """

    @functools.wraps(work)
    def callback(**options: Any) -> None:
        console = Console(
            options.pop("style", "full"), options.pop("color", "auto"), quiet=bool(options.pop("quiet", False))
        )
        sys.exit(_code(functools.partial(work, console, **options), console))

    return callback


def _code(work: Callable[[], Exit], console: Console) -> int:
    try:
        return int(_done(work, console))
    except KeyboardInterrupt:  # in this process, see `kpi.process.supervisor`
        from kpi.process import atomic_files

        atomic_files.remove_all()
        sys.stderr.write("Interrupted; nothing is half written.\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe has closed it, as in `kpi score ... | head`: no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE


def _done(work: Callable[[], Exit], console: Console) -> Exit:
    """Run a command; exhausted memory or disk, and extensions that fail, become findings."""
    from kpi.errors import KpiError
    from kpi.process.extensions import blamed
    from kpi.process.limits import shortage

    try:
        return work()
    except KpiError as error:
        console.report(error.diagnostics)
    except BaseException as error:  # panics of Polars are not Exceptions
        if (finding := shortage(error) or blamed(error)) is None:
            raise
        console.report([finding])
    return Exit.FAILED


# ---- OPTIONS ---- #

STYLES = ("full", "concise", "json", "github")


def option(*names: str, **settings: Any) -> Decorator:
    """Return an option."""
    return click.option(*names, **settings)


system = option("-s", "--system", metavar="ID|YAML", help="The system: an id of the catalogue or a YAML file.")
definitions = option("--definitions", metavar="DIR", help="A folder in which ids are looked up first.")
period = option("-p", "--period", metavar="PERIOD", help="Only this period: 2023Q4, 2023年四季度, 2023-12 ...")
data = option(
    "--data", multiple=True, metavar="[NAME=]FILE", help="A file of data; with NAME= the dataset that it belongs to."
)
warehouse = option(
    "--warehouse",
    metavar="ADDRESS",
    help="A database whose rows stay there: duckdb:FILE, postgresql://HOST/DATABASE, clickhouse://HOST/DATABASE.",
)
spark = option(
    "--spark", metavar="ADDRESS",
    help="A Spark whose workers aggregate its tables: local[2], spark://host:7077, sc://host:15002.",
)  # fmt: skip
table = option(
    "--table", multiple=True, metavar="DATASET=TABLE",
    help="The table of a dataset in the warehouse, schema.table, or with --spark a name or path.",
)  # fmt: skip
explanations = option(
    "--explanations", metavar="FILE", help="Answers to queries (说明), such as a 查询单 that came back."
)
succession = option(
    "--succession", metavar="FILE", help="Units that merge, split or change their name: old, new, date, share."
)


class _Runs(click.IntRange):
    """A number of runs; what follows the option and is no number was not meant for it."""

    def fail(self, message: str, param: click.Parameter | None = None, ctx: click.Context | None = None) -> NoReturn:
        from kpi.report.language import tr

        more = tr("Write --intervals 500, or put --intervals behind the files.")
        super().fail(f"{message} {more}", param, ctx)


intervals = option(
    "--intervals", type=_Runs(1), is_flag=False, flag_value=500, default=None, metavar="[RUNS]",
    help="Intervals of scores and places and probabilities of levels, of so many runs; 500.",
)  # fmt: skip
batch_file = option("--batch", default="nightly.toml", show_default=True, metavar="CONFIG", help="The batch of runs.")


def output(extra: str = "") -> Decorator:
    """Return the option with the files for results; `extra` is appended to its help."""
    words = f"Write {' '.join(fmt.name for fmt in FORMATS)} by the suffix; a folder takes all tables."
    return option("-o", "--output", multiple=True, metavar="OUT", help=f"{words} {extra}".rstrip())


def form(default: str = "a table on a terminal, CSV in a pipe.") -> Decorator:
    """Return the option with the format of results on stdout; `default` describes the default."""
    choices = _Formats([TEXT, *(fmt.name for fmt in FORMATS)])
    return option("-f", "--format", "form", type=choices, help=f"On stdout; {default}")


class _Formats(click.Choice[str]):
    """The formats that are built in, and by their name those of extensions, which are looked up only then."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from kpi.process import extensions

        if value not in self.choices and value in extensions.names("writers"):
            return str(value)
        return click.Choice.convert(self, value, param, ctx)


def writing(work: Any) -> Any:
    """Add the options for the style of findings, colours and the summary."""
    quiet = option("-q", "--quiet", is_flag=True, help="No summary and no notes.")
    return findings(quiet(work))


def findings(work: Any) -> Any:
    """Add the options for the style of findings and colours."""
    colors = option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour on a terminal."
    )
    style = option(
        "--output-format", "style", type=click.Choice(STYLES), default="full", help="How findings are written."
    )
    return style(colors(work))


@contextmanager
def tables_of_spark(spark: str | None, tables: Sequence[str]) -> Iterator[tuple[list[Any], dict[str, list[Any]]]]:
    """Give the tables of `--table`, those without a dataset and those by named dataset, for the time of the block.

    Raises:
        DataError: K926 no table of Spark is named, or one without its name; K920 to K925 of Spark.
    """
    from kpi.errors import DataError, Diagnostic, Message

    if spark is None:
        yield [], {}
        return
    if not tables:
        hint = Message("write --table DATASET=TABLE, with the name or path of its table")
        raise DataError(Diagnostic("K926", Message("`--spark` is given, and no table"), hint=hint))
    from kpi.warehouse.spark.session import opened, table

    unnamed: list[Any] = []
    named: dict[str, list[Any]] = {}
    with opened(spark) as session:
        for argument in tables:
            name, equals, given = argument.partition("=")
            if equals and not (name.strip() and given.strip()):
                message = Message("`--table {argument}` does not name a table", argument=argument)
                raise DataError(Diagnostic("K926", message, hint=Message("write --table DATASET=TABLE")))
            items = named.setdefault(name.strip(), []) if equals else unnamed
            items.append(table(session, given.strip() if equals else argument))
        yield unnamed, named


def of_a_run() -> Diagnostic:
    """Return the finding on `--succession` for a run of a batch."""
    from kpi.errors import Diagnostic, Message

    hint = Message("name the table in the definition, `entities: {{succession: ...}}`, and run the batch")
    return Diagnostic("K543", Message("a run is what it was: no other table of succession is used for it"), hint=hint)


def without_password(address: str | None) -> str | None:
    """Return the address of a warehouse, which has no password: anyone on the machine can list the arguments.

    Raises:
        DataError: K815, if it has one.
    """
    from kpi.errors import DataError, Diagnostic, Message, remember
    from kpi.process.credentials import has_password

    if address is not None and (has_password(address) or re.search(r"//[^/@:]*:[^@]+@", address)):
        remember(address)
        message = Message("a password does not stand among the arguments, which anyone on the machine can list")
        hint = Message("set PGPASSWORD or CLICKHOUSE_PASSWORD, or write env:VARIABLE for a variable with the address")
        raise DataError(Diagnostic("K815", message, hint=hint))
    return address


def tables_of(arguments: Sequence[str]) -> dict[str, str] | None:
    """Return the tables of `--table` by dataset, None without any.

    Raises:
        DataError: K542, if a name or a table is missing.
    """
    from kpi.errors import DataError, Diagnostic, Message

    tables: dict[str, str] = {}
    for argument in arguments:
        name, _, place = argument.partition("=")
        if not name or not place:
            message = Message("`--table {argument}` does not name a dataset and its table", argument=argument)
            raise DataError(Diagnostic("K542", message, hint=Message("write --table DATASET=SCHEMA.TABLE")))
        tables[name] = place
    return tables or None


def files_of(arguments: Sequence[str]) -> tuple[list[str | Path], dict[str, list[str | Path]]]:
    """Return the files of `--data`: those without a dataset, and those by named dataset.

    Raises:
        DataError: K542, if a name or a file is missing.
    """
    from kpi.errors import DataError, Diagnostic, Message

    files: list[str | Path] = []
    named: dict[str, list[str | Path]] = {}
    for argument in arguments:
        name, equals, file = argument.partition("=")
        if not equals or Path(argument).exists():
            files.append(argument)
        elif not name or not file:
            raise DataError(
                Diagnostic(
                    "K542",
                    Message("`--data {argument}` does not name a dataset", argument=argument),
                    hint=Message("write --data NAME=FILE"),
                )
            )
        else:
            named.setdefault(name, []).append(file)
    return files, named
