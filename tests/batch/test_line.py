"""The line that a night shows on a terminal while it works: what it is at; nothing in a pipe, nothing left behind."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kpi.batch.batch_run import store_of
from kpi.batch.config import load

ROOT = Path(__file__).parents[2]


def begun(config, stderr, *options):
    """Starts a night that waits for the store."""
    command = [sys.executable, "-m", "kpi", "batch", str(config), "--wait", "60", *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL)


def written(terminal, *, until=None):
    """Reads what is written on a terminal, to the end or until some words are."""
    result, end = b"", time.monotonic() + 60
    while time.monotonic() < end and (until is None or until not in result):
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                more = os.read(terminal, 65536)
            except OSError:  # Linux says so when the last writer has gone
                return result
            if not more:
                return result
            result += more
    assert time.monotonic() < end, result
    return result


def test_a_night_shows_what_it_is_at_and_cleans_up(city):
    pytest.importorskip("deltalake")
    config = city.config()
    main, theirs = pty.openpty()
    with store_of(load(config)).lock(0):
        child = begun(config, theirs)
        os.close(theirs)
        # A terminal of 80 columns may break the name of the folder.
        shown = written(main, until=b"waiting for ")
    after = written(main).decode()
    os.close(main)
    child.communicate(timeout=60)
    assert child.returncode == 0, (shown, after)
    line, _, left = after.rpartition("\x1b[2K")
    assert line, after  # it was taken away before the summary
    assert "Run 1" in left, after
    assert "waiting for" not in left
    assert "working" not in left


@pytest.mark.parametrize("options", [(), pytest.param(("--quiet",), marks=pytest.mark.slow)])
def test_a_night_shows_nothing_in_a_pipe_or_when_quiet(city, options):
    pytest.importorskip("deltalake")
    config = city.config()
    main, theirs = pty.openpty() if options else os.pipe()
    with store_of(load(config)).lock(0):
        child = begun(config, theirs, *options)
        os.close(theirs)
        # Longer than the start and the time after which a terminal has the line.
        time.sleep(2.5)
        assert child.poll() is None
    shown = written(main).decode()
    os.close(main)
    child.communicate(timeout=60)
    assert child.returncode == 0, shown
    assert "waiting" not in shown
    assert "\x1b" not in shown
