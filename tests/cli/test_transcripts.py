"""Command lines as a shell sees them: what goes to stdout, what to stderr, the exit code, on a terminal and in a pipe.

A transcript is a text: bash runs `$ command` in a folder with the example of `kpi init` (`%`: with stdout on a terminal
of 100 columns), lines that begin with `| ` are its stdout, with `! ` its stderr, and `= 0` is its exit code.
Seconds and hashes are masked. `KPI_TRANSCRIPTS=write pytest tests/cli` writes them anew: read the difference first.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from kpi.cli import starter

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.fixture
def shell(tmp_path):
    """Return a function that runs a command of bash in a folder with the example system."""
    starter.write(tmp_path / "work")
    binary = tmp_path / "bin" / "kpi"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kpi "$@"\n')
    binary.chmod(0o755)
    unset = ("NO_COLOR", "FORCE_COLOR", "KPI_DEFINITIONS", "COLUMNS", "TERM")
    inherited = {key: value for key, value in os.environ.items() if key not in unset}
    env = inherited | {
        "PATH": f"{binary.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "xterm",
    }  # fmt: skip

    def run(command, *, terminal=False):
        options = {"cwd": tmp_path / "work", "env": env, "stdin": subprocess.DEVNULL}
        if not terminal:
            done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60, **options)
            return done.stdout.decode(), done.stderr.decode(), done.returncode
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        with subprocess.Popen(["bash", "-c", command], stdout=side, stderr=subprocess.PIPE, **options) as process:
            os.close(side)
            answer: list[bytes] = []
            reader = threading.Thread(target=drain, args=(main, answer))
            reader.start()
            errors = process.stderr.read().decode()
            process.wait(timeout=60)
            reader.join(timeout=60)
        os.close(main)
        return b"".join(answer).decode().replace("\r\n", "\n"), errors, process.returncode

    run.folder = tmp_path / "work"
    return run


def drain(terminal, answer):
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so when the other side is closed.
            return
        if not data:
            return
        answer.append(data)


def masked(text):
    text = re.sub(r"\d+\.\d\d s\b", "N s", text)
    text = re.sub(r"\d+\.\d\d 秒", "N 秒", text)
    text = re.sub(r"(定义|数据|[Dd]efinition|data|_hash\":)( ?[`\"]?)[0-9a-f]{8,16}\b", r"\1\2HASH", text)
    # The last digits of raw scores are those of the machine's arithmetic.
    text = re.sub(r"(\d\.\d{6})\d{4,}", r"\1…", text)
    return re.sub(r"\bkpi, version .+", "kpi, version N", text).replace("\x1b", "␛")


def play(text, shell):
    """Return a transcript with what its commands really do."""
    lines = []
    for line in text.splitlines():
        if line.startswith(("$ ", "% ")):
            out, errors, code = shell(line[2:], terminal=line.startswith("%"))
            lines.append(line)
            lines += [f"| {item}".rstrip() for item in masked(out).splitlines()]
            lines += [f"! {item}".rstrip() for item in masked(errors).splitlines()]
            lines.append(f"= {code}")
        elif not line.startswith(("|", "!", "=")):
            lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path, shell):
    expected = path.read_text("utf-8")
    result = play(expected, shell)
    if os.environ.get("KPI_TRANSCRIPTS") == "write":
        path.write_text(result, "utf-8")
        return
    assert result == expected


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 5


def test_the_commands_that_init_prints_run(shell):
    out, _, code = shell("kpi init there")
    assert code == 0
    steps = out.splitlines()
    assert steps[0] == "cd there"
    out, errors, code = shell("set -e; " + "; ".join(steps))
    assert (code, "Traceback" in errors) == (0, False)
    assert "no findings" in errors


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_scripts(shell, shell_name):
    out, errors, code = shell(f"kpi completion {shell_name}")
    assert ("_KPI_COMPLETE" in out, errors, code) == (True, "", 0)


def test_completion_completes(shell):
    command = 'COMP_WORDS="kpi sc" COMP_CWORD=1 _KPI_COMPLETE=bash_complete kpi'
    out, errors, code = shell(command)
    assert (sorted(out.split()), errors, code) == (["plain,schema", "plain,score"], "", 0)


def test_an_interrupt_gives_130_and_no_traceback(tmp_path):
    # Reading a definition from a pipe that nobody writes to waits as long as the test wants.
    waiting = tmp_path / "s.yaml"
    os.mkfifo(waiting)
    (tmp_path / "period.csv").write_text(starter.data(), "utf-8")
    command = [sys.executable, "-m", "kpi", "score", "period.csv", "--system", "s.yaml"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        writer = opened(waiting)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        # NOTE: with Polars loaded an interrupted read goes on (SA_RESTART), so that Python sees the signal after it.
        os.write(writer, b"#")
        os.close(writer)
        out, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, errors.decode()) == (130, b"", "Interrupted; nothing is half written.\n")


def opened(pipe):
    """Return the writing end of a named pipe, once somebody reads from it."""
    for _ in range(1500):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(pipe)
