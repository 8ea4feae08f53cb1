"""Configurations: every finding at once, with its line, and nothing that leads out or gives a password away."""

from __future__ import annotations

import pytest

from kpi.batch.config import load
from kpi.errors import DefinitionError

SOURCE = '[[source]]\nsystem = "small.yaml"\ndata = "inbox/*.csv"\n'


def findings(path, text):
    file = path / "nightly.toml"
    file.write_text(text, "utf-8")
    try:
        load(file)
    except DefinitionError as error:
        return [(item.code, item.place.line, item.message, item.hint) for item in error.diagnostics]
    return []


def test_the_smallest_configuration_is_two_lines_and_a_source(tmp_path):
    assert findings(tmp_path, f'store = "store"\n{SOURCE}') == []


@pytest.mark.parametrize(
    ("text", "code", "line", "word"),
    [
        ('store = "store\n', "K801", 1, "not TOML"),
        (f'stor = "store"\n{SOURCE}', "K802", 1, "unknown key `stor`"),
        (f'store = "store"\n{SOURCE}perods = "changed"\n', "K802", 5, "unknown key `perods`"),
        (f'store = "store"\n{SOURCE}[[source]]\nsystem = 3\ndata = "x"\n', "K802", 6, "`system`"),
        (f'store = "store"\n{SOURCE}periods = "latest"\n', "K802", 2, "last N"),
        (f'store = "store"\n{SOURCE}output = "a.docm"\n', "K802", 2, "no known format"),
        ('store = "store"\n[[source]]\nsystem = "x"\n', "K802", 2, "needs `data`"),
        (f'store = {{kind = "postgresql", path = "x"}}\n{SOURCE}', "K802", 1, "connection_env"),
        (f'store = "store"\n{SOURCE}[[source.query]]\ndatabase = "sqlite"\nsql = "x"\n', "K802", 5, "needs `path`"),
        (f'store = "../store"\n{SOURCE}', "K803", 1, "leads out"),
        ('store = "store"\n[[source]]\nsystem = "s.yaml"\ndata = ["ok.csv", "/etc/*.csv"]\n', "K803", 4, "leads out"),
        (f'store = "store"\nlog = "../x"\n{SOURCE}', "K803", 2, "leads out"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, code, line, word):
    result = findings(tmp_path, text)
    assert any((c, n) == (code, line) and word in m for c, n, m, _ in result), result


def test_a_near_key_is_suggested(tmp_path):
    ((_, _, _, hint),) = findings(tmp_path, f'store = "store"\n{SOURCE}perids = "changed"\n')
    assert hint == "did you mean `periods`?"


def test_a_broken_source_is_not_also_reported_as_missing(tmp_path):
    result = findings(tmp_path, 'store = "store"\n[[source]]\nsystem = 3\ndata = "x"\n')
    assert len(result) == 1


def test_a_link_does_not_lead_out_either(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "away").symlink_to(tmp_path)
    assert [c for c, *_ in findings(tmp_path / "in", f'store = "away/store"\n{SOURCE}')] == ["K803"]


def test_outside_allows_what_leads_out(tmp_path):
    assert findings(tmp_path, f'outside = true\nstore = "../store"\n{SOURCE}') == []


def test_a_connection_string_is_no_key_so_it_cannot_stand_in_the_file(tmp_path):
    text = f'store = {{kind = "postgresql", connection = "postgresql://li:geheim@db/kpi"}}\n{SOURCE}'
    result = findings(tmp_path, text)
    assert result
    assert "geheim" not in str(result)
