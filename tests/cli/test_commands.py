"""Every command of the table has a module, a help and a row of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from kpi.cli.main import COMMANDS, main

PAGE = (Path(__file__).parents[2] / "docs/commands.md").read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_documentation(name):
    assert re.search(rf"(?m)^\| `kpi {name}\b[^`]*` \| \S", PAGE), f"give kpi {name} a row in docs/commands.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_help_for_every_option(name):
    command = main.get_command(None, name)
    assert command is not None
    assert command.help
    undescribed = [item.name for item in command.params if item.param_type_name == "option" and not item.help]
    assert not undescribed
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
