"""The command line: a module for each command, loaded when it is asked for.

Data go to stdout, everything else to stderr. Exit codes: 0 fine, 1 findings, 2 could not run, 130 interrupted (Ctrl-C),
143 terminated (SIGTERM), 129 hung up (SIGHUP).
"""

from __future__ import annotations

import importlib
from typing import Any

import click
from typing_extensions import override

#: The commands, each a module of this package with a command of the same name, in the order of the help.
COMMANDS = (
    "score", "check", "explain", "stress", "diff", "batch", "show", "sample", "schema", "rule", "init", "completion",
)  # fmt: skip


class _Commands(click.Group):
    """A group that loads a command when it is asked for, and names the one that was probably meant."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(importlib.import_module(f"kpi.cli.{cmd_name}"), cmd_name)
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kpi.errors import suggest

            if args and (hint := suggest(args[0], COMMANDS)):
                raise click.UsageError(f"{error.message} {hint[0].upper()}{hint[1:]}", ctx) from None
            raise


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version; a checkout that is not installed has none."""
    if not wanted:
        return
    from kpi.process.distribution import version

    click.echo(f"kpi, version {version() or 'unknown (not installed)'}")
    ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Indicators, scores, stars and rankings from raw departmental data.

    kpi score period.csv scores a file, kpi explain period.csv 桐乡市 says why,
    kpi init begins a system of your own.
    """
