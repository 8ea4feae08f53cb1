from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from kpi.cli.main import main
from kpi.errors import DefinitionError
from kpi.report.rules import rule, rules

ROOT = Path(__file__).parents[1]
SOURCES = {path.relative_to(ROOT): path.read_text("utf-8") for path in sorted((ROOT / "kpi").rglob("*.py"))}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_every_code_is_explained(path):
    used = set(re.findall(r'"(K\d{3})"', SOURCES[path]))
    assert used <= set(rules()), f"explain {sorted(used - set(rules()))} in kpi/report/rules.yaml"


def test_no_code_is_explained_that_nothing_finds():
    used = {code for text in SOURCES.values() for code in re.findall(r'"(K\d{3})"', text)}
    assert set(rules()) - used == set()


def test_rules_are_in_order_and_say_something_of_their_own():
    known = list(rules().values())
    assert [item.code for item in known] == sorted(item.code for item in known)
    assert len({item.means for item in known}) == len(known)
    for item in known:
        assert item.means.endswith("."), item
        assert item.bad != item.good, item


def test_a_code_is_found_however_it_is_written():
    assert rule(" k203 ").code == "K203"


def test_an_unknown_code_names_its_neighbour():
    with pytest.raises(DefinitionError) as caught:
        rule("K2033")
    assert caught.value.diagnostics[0].hint == "did you mean `K203`?"


def test_the_command_prints_the_rule_and_the_list():
    done = CliRunner().invoke(main, ["rule", "K104"])
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, f"K104  {rules()['K104'].means}")
    assert CliRunner().invoke(main, ["rule"]).stdout.count("\n") == len(rules())
    wrong = CliRunner().invoke(main, ["rule", "K999"])
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "K207" in wrong.stderr
