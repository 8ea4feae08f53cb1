"""Passwords appear nowhere: fifty shapes of connection strings through everything that names or uses one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from kpi.errors import DataError, Diagnostic, KpiError, Place, redacted
from kpi.intake.files.databases import Query, rows_of
from kpi.process.credentials import usable
from kpi.report.diagnostics import render

ROOT = Path(__file__).parents[2]

# Two halves, so that a part of a password is found as well.
ONE, TWO = "Qx7Rr", "Wk3Zz"
BETWEEN = ["", "@", " ", "#", "%", "/", "?", ":", "&", "=", "%40", "%20", "%25", "'", '"', "\\", "$", "[", "+", "密"]
PASSWORDS = [f"{ONE}{sign}{TWO}" for sign in BETWEEN]
SHAPES = [
    *(f"postgresql://li:{word}@127.0.0.1:1/db" for word in PASSWORDS),
    *(f"host=127.0.0.1 port=1 password={word} dbname=db" for word in PASSWORDS),
    f"host=127.0.0.1 port=1 password='{ONE} {TWO}'",
    f"host=127.0.0.1 port=1 password='{ONE}\\'{TWO}'",
    f"host=127.0.0.1 port=1 user=li password = {ONE}{TWO}",
    f"postgres://li:{ONE}{TWO}@127.0.0.1:1/db",
    f"postgresql://127.0.0.1:1/db?password={ONE}{TWO}&user=li",
    f"postgresql://127.0.0.1:1/db?password={ONE}@<{TWO}&user=li",
    f"POSTGRESQL://li:{ONE}@{TWO}@127.0.0.1:1",
    f"postgresql://li:{ONE}@{TWO}@127.0.0.1:1/db?sslmode=disable",
    f"postgresql://li:{ONE}{TWO}@[::1]:1/db",
    f"postgresql://li:{ONE}{TWO}@127.0.0.1,localhost/db?port=1",
    f"postgresql://li%40x:{ONE}{TWO}@127.0.0.1:1/db",
    f"postgresql://li:{ONE}\t{TWO}@127.0.0.1:1/db",
    f"password={ONE}{TWO} host=127.0.0.1 port=wrong",
]

SYSTEM = """\
system: small
period: year
entities: {}
measures: {a: {unit: 件}}
indicators: {b: {kind: level, of: a}}
"""


def hidden(*texts: str) -> None:
    for text in texts:
        assert ONE not in text, text
        assert TWO not in text, text


def test_there_are_fifty_shapes():
    assert len(SHAPES) >= 50


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_that_holds_a_connection_string_shows_no_password(shape):
    item = Diagnostic("K830", f"cannot reach {shape}", Place("a"), f"look at {shape}")
    if ("://" in shape and "@" in shape) or "assword" in shape:
        hidden(str(item), str(item.hint), render([item]), render([item], style="json"), str(KpiError(item)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", ["connection_env", "connection_file", "url"])
def test_no_password_is_shown_where_a_query_cannot_be_asked(shape, how, tmp_path, monkeypatch):
    monkeypatch.setenv("KPI_SECRET", shape)
    (tmp_path / "secret").write_text(shape, "utf-8")
    (tmp_path / "secret").chmod(0o600)
    value = {"connection_env": "KPI_SECRET", "connection_file": "secret", "url": shape}[how]
    try:
        query = Query(database="postgresql", sql="SELECT 1", **{how: value})
    except ValueError as error:
        hidden(str(error.errors(include_input=False)))  # as it is shown, see `kpi.intake.files.named_queries`
        return
    with pytest.raises(DataError) as caught:
        rows_of(query, "monthly", lambda name: tmp_path / name)
    assert caught.value.diagnostics[0].code in {"K815", "K830"}
    hidden(str(caught.value), "".join(traceback.format_exception(caught.value)))


def run(*arguments, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more.pop("env", {})}
    done = subprocess.run(
        [sys.executable, "-m", "kpi", *arguments], capture_output=True, text=True, env=environment, check=False, **more
    )
    return done.returncode, done.stdout + done.stderr


CASES = [
    '[data.monthly]\ndatabase = "postgresql"\nurl = {quoted}\nsql = "SELECT 1"',
    '[data.monthly]\ndatabase = "postgresql"\nconnection_env = {quoted}\nsql = "SELECT 1"',
    '[data.monthly]\ndatabase = "postgresql"\nconnection_file = {quoted}\nsql = "SELECT 1"',
    '[data.monthly]\ndatabase = "postgresql"\nulr = {quoted}\nsql = "SELECT 1"',
    '[data.monthly]\ndatabase = "postgresql"\npassword = "{one}{two}"\nsql = "SELECT 1"',
    '[data.monthly]\ndatabase = "postgresql"\nurl = {quoted} "\nsql = "SELECT 1"',
]


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("shape", [SHAPES[1], SHAPES[2], SHAPES[22]])
def test_a_password_in_the_configuration_is_refused_without_its_line(text, shape, tmp_path):
    from click.testing import CliRunner

    from kpi.cli.main import main

    filled = text.format(quoted=json.dumps(shape), one=ONE, two=TWO)
    (tmp_path / "kpi.toml").write_text(filled, "utf-8")
    (tmp_path / "small.yaml").write_text(SYSTEM, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = CliRunner().invoke(main, ["score", "monthly", "-s", "small.yaml"])
        assert done.exit_code == 2, done.output
        hidden(done.output, done.stderr)
        source = text.partition("\n")[2].format(quoted=json.dumps(shape), one=ONE, two=TWO)
        (tmp_path / "nightly.toml").write_text(
            f'store = "store"\n[[source]]\nsystem = "small.yaml"\n[[source.query]]\n{source}\n', "utf-8"
        )
        done = CliRunner().invoke(main, ["batch", "nightly.toml"])
        assert done.exit_code, done.output
        hidden(done.output, done.stderr)


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[1], SHAPES[2], SHAPES[24]])
def test_nights_write_no_password(shape, tmp_path):
    (tmp_path / "small.yaml").write_text(SYSTEM, "utf-8")
    source = '[[source]]\nsystem = "small.yaml"\n[[source.query]]\ndatabase = "postgresql"'
    outside = 'log = "log.jsonl"\nsummary = "summary.json"\nmetrics = "kpi.prom"\nnotify = "notes"\nstore = "store"'
    (tmp_path / "nightly.toml").write_text(
        f'{outside}\n{source}\nconnection_env = "KPI_SECRET"\nsql = "SELECT 1"\n', "utf-8"
    )
    code, output = run("batch", str(tmp_path / "nightly.toml"), env={"KPI_SECRET": shape})
    assert code == 1, output
    assert "K8" in output
    written = [path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 2
    hidden(output, *written)


def test_an_address_on_the_command_line_is_not_repeated(tmp_path):
    for shape in SHAPES:
        if "://" in shape:
            code, output = run("score", shape, cwd=tmp_path)
            assert code == 2
            hidden(output)
            break


def test_tracebacks_of_the_program_are_redacted(tmp_path):
    code = f"""
import kpi.__main__, kpi.cli.main
def broken(**_): raise RuntimeError("postgresql://li:{ONE}@{TWO}@db/x")
kpi.cli.main.main = broken
kpi.__main__.program()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, cwd=tmp_path
    )
    assert done.returncode
    assert "RuntimeError" in done.stderr
    hidden(done.stderr.replace(code, ""))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"postgre://li:{ONE}{TWO}@h/d", "postgre://"),
        (f"li:{ONE}{TWO}@h/d", "neither an address"),
        (f"host=h passwort={ONE}{TWO}", "`passwort`"),
        (f"postgresql://h/d?passwort={ONE}{TWO}", "`passwort`"),
        (f"host=h password={ONE} {TWO}=x", "characters that must be marked"),
    ],
)
def test_what_is_wrong_with_a_connection_string_is_named(text, named):
    pytest.importorskip("psycopg")
    with pytest.raises(DataError) as caught:
        usable(text)
    (result,) = caught.value.diagnostics
    assert named in str(result.message)
    hidden(str(result), str(result.hint))


def test_a_key_of_a_query_is_found_in_its_table(tmp_path, monkeypatch):
    from kpi.errors import DefinitionError
    from kpi.intake.files.named_queries import asked

    text = '# connection\n[data.y]\nconnection_env = "Y"\n[data.x]\ndatabase = "postgresql"\n{key}\ntable = "t"\n'
    for key in ('connection = "a"', 'connection_env = "a:b"'):
        (tmp_path / "kpi.toml").write_text(text.format(key=key), "utf-8")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(DefinitionError) as caught:
            asked("x")
        assert caught.value.diagnostics[0].place.line == 6


def test_a_registered_password_is_removed_wherever_a_driver_repeats_it():
    usable(f"postgresql://li:{ONE}%40{TWO}@db/x")
    hidden(redacted(f"FATAL: {ONE}@{TWO} is wrong, {ONE}%40{TWO} too"))


def test_plain_messages_are_left_as_they_are():
    for text in ("`12:30` is a time", "see https://example.org/a:b", "地区=甲县", "the password is missing", "a: b@c"):
        assert redacted(text) == text


def test_a_line_with_a_password_is_not_shown(tmp_path):
    file = tmp_path / "kpi.toml"
    file.write_text(f'[data.a]\nurl = "postgresql://li:{ONE}@{TWO}@db/x"\ntable = "t"\n', "utf-8")
    shown = render([Diagnostic("K108", "wrong", Place(str(file), line)) for line in (2, 3)])
    hidden(shown)
    assert 'table = "t"' in shown
