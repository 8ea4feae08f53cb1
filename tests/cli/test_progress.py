"""Progress: a line on a terminal while work takes long, nothing in a pipe or when quiet, nothing left behind."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

import polars as pl
import pytest

import kpi
from kpi.intake.synthetic.files import Sample, write
from kpi.process.progress import advance, counted, stage, watched


class Heard:
    """A watcher that notes what it is told."""

    def __init__(self):
        self.told = []

    def begin(self, name, total):
        self.told.append((name, total))

    def advance(self, rows):
        self.told.append(rows)

    def end(self):
        self.told.append("end")

    def stages(self):
        """Return name, total and rows of every stage."""
        result, around = [], []
        for texts in self.told:
            if isinstance(texts, tuple):
                around.append(len(result))
                result.append([*texts, 0])
            elif texts == "end":
                around.pop()
            else:
                result[around[-1]][2] += texts
        return result


def on_a_terminal(*command):
    """Return what a command writes on stderr when that is a terminal, and what on stdout, a pipe."""
    main, theirs = pty.openpty()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    written = b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([main], [], [], 0.2)[0]:
            try:
                more = os.read(main, 65536)
            except OSError:  # Linux says so when the last writer has gone
                break
            if not more:
                break
            written += more
        elif child.poll() is not None:
            break
    with child.stdout:
        out = child.stdout.read()
    os.close(main)
    assert child.wait(60) == 0, written
    return written.decode(), out.decode()


WORK = """
import sys, time
from kpi.cli.progress_line import showing
import kpi
from kpi.process.progress import advance, stage
from kpi.intake.synthetic.files import Sample, write
with showing(quiet=QUIET), stage("reading cases.csv", 4000):
    for _ in range(STEPS):
        time.sleep(0.05)
        advance(200)
print("done")
"""


def work(*, steps, quiet=False):
    return sys.executable, "-c", WORK.replace("QUIET", str(quiet)).replace("STEPS", str(steps))


def test_long_work_shows_stage_rows_and_time_left_and_cleans_up():
    shown, out = on_a_terminal(*work(steps=20))
    assert out == "done\n"
    assert re.search(r"reading cases.csv  [\d,]+ of 4,000 rows  0:0\d left", shown)
    counts = [int(count.replace(",", "")) for count in re.findall(r"([\d,]+) of 4,000", shown)]
    assert counts == sorted(counts)
    assert counts[0] >= 1000  # patience: nothing before half a second
    assert shown.endswith(("\x1b[2K", "\x1b[?25h\r\x1b[1A\x1b[2K")), shown[-40:]


@pytest.mark.parametrize(("steps", "quiet"), [(2, False), (14, True)])
def test_short_or_quiet_work_shows_nothing(steps, quiet):
    assert on_a_terminal(*work(steps=steps, quiet=quiet)) == ("", "done\n")


def test_a_pipe_gets_nothing():
    done = subprocess.run(work(steps=14), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_whoever_watches_is_told_and_nobody_else():
    advance(1)
    heard = Heard()
    with watched(heard), stage("outer"), stage("inner", 3):
        advance(2)
    with stage("later"):
        advance(5)
    assert heard.told == [("outer", None), ("inner", 3), 2, "end", "end"]


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
def test_rows_of_a_query_are_counted_as_they_pass(tmp_path, engine):
    pl.DataFrame({"a": range(100_000)}).write_parquet(tmp_path / "rows.parquet", row_group_size=10_000)
    heard = Heard()
    with watched(heard):
        frame = counted(pl.scan_parquet(tmp_path / "rows.parquet").select("a")).filter(pl.col("a") % 2 == 0)
        result = frame.select(pl.col("a").sum()).collect(engine=engine)
    assert result.item() == sum(range(0, 100_000, 2))
    assert sum(heard.told) == 100_000


def test_scoring_tells_its_stages_and_the_rows_of_large_files(tmp_path):
    of = kpi.load("jiaxing-2022")
    files = write(Sample(of, rows=20_000), tmp_path)
    heard = Heard()
    with watched(heard):
        kpi.score(list(files), system=of)
    stages = [texts[0] for texts in heard.told if isinstance(texts, tuple)]
    assert heard.told.count("end") == len(stages)
    assert stages[0].startswith("reading ")
    assert stages[-1] == "scoring"
    assert ("aggregating items", 20_000) in heard.told
    assert sum(rows for name, _, rows in heard.stages() if ".csv" not in name) == sum(files.values())


@pytest.mark.parametrize("name", ["s.parquet", "s.csv"])
def test_a_sample_tells_its_rows(tmp_path, name):
    sample, heard = Sample(kpi.load("service-reviews"), rows=5_000), Heard()
    with watched(heard):
        write(sample, tmp_path / name)
    assert heard.stages()[-1] == [f"writing {tmp_path / name}", 5_000, 5_000]


EVENTS = """
system: events
period: month
entities: {}
datasets: {cases: {form: records, columns: {period: 日期, entity: 地区}}}
measures:
  n: {kind: count, from: cases, unit: 件}
  middle: {kind: median, from: cases, of: 收费, unit: 元}
  high: {kind: quantile, q: 0.9, from: cases, of: 收费, unit: 元, where: 收费 > 10}
indicators: {x: {kind: level, of: middle}, y: {kind: level, of: high}, z: {kind: level, of: n}}
"""
REPORTS = """
system: reports
period: month
entities: {}
measures: {output: {title: 产值, unit: 亿元}}
indicators: {x: {kind: level, of: output}}
"""


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("text", [EVENTS, REPORTS], ids=["events", "reports"])
def test_every_stage_that_reads_rows_knows_how_many_there_will_be(tmp_path, monkeypatch, text, form, large):
    monkeypatch.setattr("kpi.intake.files.chunks.LARGE", 1 if large else 1 << 40)
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    of = kpi.load(tmp_path / "s.yaml")
    (file,) = write(Sample(of, entities=100, seed=2), tmp_path / f"s.{form}")
    heard = Heard()
    with watched(heard):
        kpi.score(file, system=of)
    counted = [(total, rows) for _, total, rows in heard.stages() if rows]
    assert counted
    assert all(rows * 0.8 <= (total or 0) <= rows * 1.2 for total, rows in counted), counted
