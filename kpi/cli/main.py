"""The command line: a module for each command, loaded when it is asked for.

Data go to stdout, everything else to stderr. Exit codes: 0 fine, 1 findings, 2 could not run, 130 interrupted (Ctrl-C),
143 terminated (SIGTERM), 129 hung up (SIGHUP).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click
from typing_extensions import override

from kpi.cli.language import install, localized
from kpi.process.locale import requested, using

#: The commands in the order of the help; each is a module with a command of the same name, `_` for `-`.
COMMANDS = (
    "score", "check", "explain", "what-if", "stress", "audit", "diff", "batch", "show", "sample", "roster", "schema",
    "rule", "init", "form", "plot", "report", "mcp", "serve", "completion",
)  # fmt: skip


class _Commands(click.Group):
    """A group that loads a command on use, and suggests similar names for an unknown one."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"kpi.cli.{name}"), name)
        return localized(command)

    @override
    def main(self, args: Sequence[str] | None = None, *positional: Any, **settings: Any) -> Any:
        with using(requested(sys.argv[1:] if args is None else args)):
            if args is None:  # this process is the program
                install()
            return click.Group.main(localized(self), args, *positional, **settings)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kpi.errors import nearest
            from kpi.report.language import tr

            if args and (near := nearest(args[0], COMMANDS)):
                words = tr("no such command `{name}`; did you mean `{near}`?", name=args[0], near=near)
                raise click.UsageError(words, ctx) from error
            raise


def _version(ctx: click.Context, _: click.Parameter, requested: bool) -> None:
    """Print the version; an uninstalled checkout has none."""
    if not requested:
        return
    from kpi.process.distribution import version
    from kpi.report.language import tr

    click.echo(tr("kpi, version {version}", version=version() or tr("unknown (not installed)")))
    ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Indicators, scores, stars and rankings from raw departmental data.

    kpi score period.csv scores a file, kpi explain period.csv 桐乡市 says why,
    kpi init begins a system of your own.
    """  # noqa: D401  # the head of the help
