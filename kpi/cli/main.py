"""The command line: options and help only, so that `kpi --help` answers at once; the work is in `kpi.cli.commands`.

Data go to stdout, everything else to stderr. Exit codes: 0 fine, 1 findings, 2 could not run, 130 interrupted (Ctrl-C),
143 terminated (SIGTERM), 129 hung up (SIGHUP).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

FORMATS = ("table", "csv", "json", "jsonl", "md")
STYLES = ("full", "concise", "json", "github")


class _Group(click.Group):
    """A group that names the command that was probably meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kpi.errors import suggest

            if args and (hint := suggest(args[0], self.commands)):
                raise click.UsageError(f"{error.message} {hint[0].upper()}{hint[1:]}", ctx) from None
            raise


def _option(*names: str, **settings: Any) -> Callable[[Any], Any]:
    return click.option(*names, **settings)


_system = _option("-s", "--system", metavar="ID|YAML", help="The system: an id of the catalogue or a YAML file.")
_definitions = _option("--definitions", metavar="DIR", help="A folder in which ids are looked up first.")
_period = _option("-p", "--period", metavar="PERIOD", help="Only this period: 2023Q4, 2023年四季度, 2023-12 ...")
_data = _option("--data", "named", multiple=True, metavar="NAME=FILE", help="A file whose dataset you name.")
_style = _option(
    "--output-format", "style", type=click.Choice(STYLES), default="full", help="How findings are written."
)
_color = _option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour on a terminal."
)
_explanations = _option(
    "--explanations", metavar="FILE", help="Answers to queries (说明), such as a 查询单 that came back."
)
_succession = _option(
    "--succession", metavar="FILE", help="Units that merge, split or change their name: old, new, date, share."
)
_quiet = _option("-q", "--quiet", is_flag=True, help="No summary and no notes.")


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Prints the version; a checkout that is not installed has none."""
    if not wanted:
        return
    from kpi.process.distribution import version

    click.echo(f"kpi, version {version() or 'unknown (not installed)'}")
    ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Indicators, scores, stars and rankings from raw departmental data.

    kpi score period.csv scores a file, kpi explain period.csv 桐乡市 says why,
    kpi init begins a system of your own.
    """


@main.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@_system
@_definitions
@_period
@_data
@_option(
    "-o",
    "--output",
    multiple=True,
    metavar="OUT",
    help="Write csv json jsonl parquet xlsx md by the suffix; a folder takes all frames.",
)
@_option("-f", "--format", "form", type=click.Choice(FORMATS), help="On stdout; a table on a terminal, CSV in a pipe.")
@_option("--strict", is_flag=True, help="No result at all when a row is refused.")
@_succession
@_explanations
@_style
@_color
@_quiet
def score(**options: Any) -> None:
    """Score files: a league table with stars and ranks."""
    _run("score", options)


@main.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@_option("--data", "data", multiple=True, metavar="FILE", help="Check files against the definition too.")
@_option("-o", "--output", multiple=True, metavar="OUT", help="Write the findings as a form (查询单), csv or xlsx.")
@_explanations
@_system
@_definitions
@_period
@_succession
@_style
@_color
@_quiet
def check(**options: Any) -> None:
    """Check definitions, and data against them."""
    _run("check", options)


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE... ENTITY [INDICATOR]")
@_system
@_definitions
@_period
@_data
@_option("-f", "--format", "form", type=click.Choice(["table", "json"]), help="A tree, or the same as JSON.")
@_option("--run", "number", type=int, metavar="NUMBER", help="A past run of a batch instead of files.")
@_option("--batch", default="nightly.toml", show_default=True, metavar="CONFIG", help="The batch that --run is of.")
@_succession
@_style
@_color
@_quiet
def explain(**options: Any) -> None:
    """Say why an entity got its score, from the star down to the figures."""
    _run("explain", options)


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_system
@_definitions
@_period
@_data
@_option("--runs", type=click.IntRange(1), default=500, show_default=True, help="How many runs are simulated.")
@_option(
    "--weights", type=click.FloatRange(0, 99), default=20, show_default=True, help="Percent that weights may be off."
)
@_option("--seed", type=int, default=1, show_default=True, help="Other runs for another seed.")
@_option("-f", "--format", "form", type=click.Choice(["table", "csv", "json"]), help="A table, places, or all.")
@_succession
@_style
@_color
@_quiet
def stress(**options: Any) -> None:
    """Say how robust the ranking is: places under other weights and methods."""
    _run("stress", options)


@main.command()
@click.argument("given", nargs=-1, metavar="A B")
@_option("--data", "named", multiple=True, metavar="FILE", help="Figures to score, for two periods or definitions.")
@_option("--at", multiple=True, type=int, metavar="RUN", help="A run of a batch; one is compared with the last.")
@_option("--batch", default="nightly.toml", show_default=True, metavar="CONFIG", help="The batch that --at is of.")
@_option("-e", "--entity", metavar="ENTITY", help="Everything that moved this one.")
@_system
@_definitions
@_period
@_option(
    "-f", "--format", "form", type=click.Choice(["table", "csv", "json"]), help="Table on a terminal, CSV in a pipe."
)
@_option("-o", "--output", multiple=True, metavar="OUT", help="Write csv (the totals) or json (everything).")
@_style
@_color
@_quiet
def diff(**options: Any) -> None:
    """Say what changed between two periods, two results, two definitions or two runs of a batch.

    kpi diff 2024Q1 2024Q2 --data period.csv, kpi diff old.json new.json,
    kpi diff old.yaml new.yaml --data period.csv, kpi diff --at 3 --at 4 --batch nightly.toml
    """
    _run("diff", options)


@main.command()
@click.argument("config", metavar="CONFIG")
@_option("--wait", type=float, default=0, metavar="SECONDS", help="Wait for another batch that is at work.")
@_option("-x", "--stop", is_flag=True, help="Stop at the first system that fails and publish nothing.")
@_option("--all", "everything", is_flag=True, help="Score every period, changed or not.")
@_option("--verify", is_flag=True, help="Compute the last run again and compare it with the store, bit by bit.")
@_option("--run", "number", type=int, metavar="NUMBER", help="The run to verify instead of the last.")
@_option("--check-store", is_flag=True, help="Report the state of the store.")
@_option("--repair", is_flag=True, help="Go back to the last run of the store that is whole.")
@_option("--close", metavar="EDITION", help="Freeze the results of --period as an edition.")
@_option("-p", "--period", "periods", multiple=True, metavar="PERIOD", help="What an edition closes: 2022, 2023Q4 ...")
@_system
@_option("--supersede", metavar="EDITION", help="Score the periods of a closed edition again: a new revision.")
@_option("--reason", metavar="TEXT", help="Why the edition is superseded.")
@_style
@_color
@_quiet
def batch(**options: Any) -> None:
    """Score what changed, from files and databases into a store; CONFIG is a TOML file."""
    _run("batch", options)


@main.command()
@click.argument("system", required=False)
@click.argument("name", required=False)
@_definitions
@_option("--plan", is_flag=True, help="The stages and expressions that the system compiles to.")
@_option("--analysis", multiple=True, metavar="FILE", help="What figures are like; NAME an entity: its strengths.")
@_option("--coverage", is_flag=True, help="The document clause by clause, and what stands for each.")
@_style
@_color
def show(**options: Any) -> None:
    """Show the catalogue, a system, or one definition with its formula in words."""
    _run("show", options)


@main.command()
@click.argument("system", metavar="SYSTEM")
@_option("--rows", type=click.IntRange(1), help="Events of a records dataset; left out: 20 an entity and period.")
@_option("--entities", type=click.IntRange(1), help="Left out: those of the roster, else 20.")
@_option("--periods", type=click.IntRange(1), help="Left out: those of two years.")
@_option("-p", "--period", metavar="PERIOD", help="The last period; left out: the last of 2023.")
@_option("--seed", type=int, default=1, show_default=True, help="Other figures for another seed.")
@_option("--flaws", is_flag=True, help="Leave some figures out, correct some late, use other units.")
@_option("--dataset", metavar="NAME", help="Only this dataset of the system.")
@_option("-o", "--output", metavar="OUT", help="A csv or parquet file, or a folder for all datasets; else stdout.")
@_option("-f", "--format", "form", type=click.Choice(["csv", "parquet"]), help="Of the files in a folder.")
@_definitions
@_style
@_color
@_quiet
def sample(**options: Any) -> None:
    """Write synthetic data for a system, of any size, the same for the same seed."""
    _run("sample", options)


@main.command()
@_option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
def schema(**options: Any) -> None:
    """Print the JSON Schema of the definition language, for editors."""
    _run("schema", options)


@main.command()
@click.argument("code", required=False)
def rule(**options: Any) -> None:
    """Say what the code of a finding means, with an example; without a code, list them all."""
    _run("rule", options)


@main.command()
@click.argument("directory", default=".", metavar="[DIR]")
def init(**options: Any) -> None:
    """Write a small working system with data, and say what to run next."""
    _run("init", options)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(main, {}, "kpi", "_KPI_COMPLETE").source())


def _done(command: str, options: dict[str, Any]) -> int:
    """Runs a command; that memory or disk runs out is a finding like any other."""
    from kpi.process.limits import shortage

    try:
        import kpi.cli.commands

        return int(getattr(kpi.cli.commands, command)(**options))
    except BaseException as error:  # Polars' panics are no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)) or (found := shortage(error)) is None:
            raise
        from kpi.cli.console import tell

        tell([found], options.get("style", "full"), options.get("color", "auto"))
        return 2


def _run(command: str, options: dict[str, Any]) -> None:
    """Runs a command and ends the process with its exit code."""
    try:
        code = _done(command, options)
    except KeyboardInterrupt:  # in this process, see `kpi.process.supervisor`
        from kpi.process import atomic_files

        atomic_files.remove_all()
        sys.stderr.write("Interrupted; nothing is half written.\n")
        code = 130
    except BrokenPipeError:
        # The reader of a pipe has gone, as in `kpi score ... | head`: that is its business.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
