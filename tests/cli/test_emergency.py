"""Ctrl-C in the middle of work, memory and disk that run out: an answer in time, and nothing half done left behind."""

from __future__ import annotations

import errno
import gzip
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi import emergency, resources, temporary
from kpi.errors import DataError
from kpi.progress import stage
from kpi.sample.files import Sample, write
from tests.cli.command import GOOD, SYSTEM
from tests.cli.command import kpi as run

ROOT = Path(__file__).parents[2]
# Work that Polars 2.1 does not leave when it is told to: an in-memory query of some seconds.
ENDLESS = """
import sys
import polars as pl
import kpi.commands
from kpi import temporary
from kpi.cli import program
from kpi.progress import stage

def score(*, output, **_):
    frame = pl.select(pl.int_range(3_000_000).alias("x")).with_columns(pl.col("x").cast(pl.Float64))
    with temporary.whole(__import__("pathlib").Path(output[0])) as beside, stage("scoring"):
        beside.write_text("half")
        print("working", flush=True)
        for _ in range(30):
            query = frame.lazy()
            for _ in range(100):
                query = query.with_columns(pl.col("x").sin() * 2)
            query.collect(engine="in-memory")
    return 0

if KEEP:
    _done = score
    def score(**options):
        while True:
            try:
                return _done(**options)
            except KeyboardInterrupt:
                pass

kpi.commands.score = score
sys.argv = ["kpi", "score", "x.csv", "-o", "out.csv"]
program()
"""


def slow(case):
    """A case of a kind that is tested anyway."""
    return pytest.param(case, marks=pytest.mark.slow)


def begun(folder, *command):
    """Starts a command in a process group of its own, as a shell does."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def interrupted(process, by=signal.SIGINT):
    """Sends Ctrl-C to the group, and returns the exit code, stdout, stderr and how long the end took."""
    began = time.monotonic()
    os.killpg(process.pid, by)
    try:
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out, errors.decode(), time.monotonic() - began


@pytest.mark.parametrize("keep", [slow(case=False), True], ids=["in a query", "in a query and deaf"])
@pytest.mark.parametrize(
    ("by", "ended", "said"), [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")]
)
def test_an_interrupt_ends_a_query_that_does_not_stop(tmp_path, keep, by, ended, said):
    process = begun(tmp_path, sys.executable, "-c", ENDLESS.replace("KEEP", str(keep)))
    assert process.stdout.readline() == b"working\n"
    time.sleep(0.3)
    code, _, errors, seconds = interrupted(process, by)
    assert (code, errors) == (ended, f"{said}; nothing is half written.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]
    assert seconds < 5  # one second on a machine of one's own


def test_a_program_that_is_to_ignore_sigterm_does(tmp_path):
    code = (
        "from kpi import emergency; import os, signal, sys; emergency.prepare(); os.kill(os.getpid(), signal.SIGTERM)"
    )
    command = ["sh", "-c", f"trap '' TERM; exec {sys.executable} -c '{code}'"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False, timeout=60)
    assert done.returncode == 0


def test_a_scratch_folder_goes_with_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary.scratch() as folder:
        (folder / "a").mkdir()
        (folder / "a" / "b").write_text("x")
        temporary.remove_all()
        assert not list(tmp_path.iterdir())


# The interrupt comes while modules are read: where text is executed, as in the definition of a dataclass, CPython would
# end the program by the signal, and pydantic, as it makes a model, would take it for a mistake in the model.
IMPORTING = """
import os, signal, sys
from typing import Literal
import pydantic
LETTER = (Literal["a"], "a")
import kpi.emergency  # no text is executed any more after the interrupt
class Interrupting:
    def find_spec(name, *_):
        if name == "kpi.commands":
            WHAT
sys.meta_path.insert(0, Interrupting)
sys.argv = ["kpi", "score", "x.csv"]
from kpi.cli import program
program()
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "what",
    [
        "exec('os.kill(os.getpid(), signal.{by})')",
        "os.kill(os.getpid(), signal.{by}); pydantic.create_model('A', **dict.fromkeys('abcdefghij', LETTER))",
    ],
)
def test_an_interrupt_of_the_start_is_one_too(tmp_path, what, by):
    (tmp_path / "importing.py").write_text(IMPORTING.replace("WHAT", what.format(by=by.name)))
    command, env = [sys.executable, "-m", "importing"], os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    said = {signal.SIGINT: (130, "Interrupted"), signal.SIGTERM: (143, "Terminated")}[by]
    assert (ran.returncode, ran.stdout, ran.stderr) == (said[0], "", f"{said[1]}; nothing is half written.\n")


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 0.3, 0.8, 1.5])
def test_an_interrupt_of_a_big_score_leaves_nothing(tmp_path, after):
    of = kpi.load("jiaxing-2022")
    write(Sample(of, rows=3_000_000), tmp_path / "data", form="csv")
    process = begun(tmp_path, sys.executable, "-m", "kpi", "score", "data", "-s", "jiaxing-2022", "-o", "out/")
    while not _mapped(process.pid):
        time.sleep(0.02)
    time.sleep(after)
    code, out, errors, seconds = interrupted(process)
    assert (code, out, errors) == (130, b"", "Interrupted; nothing is half written.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "tmp"]
    assert not list((tmp_path / "tmp").iterdir())
    assert seconds < 5


@pytest.mark.slow
def test_an_interrupt_of_a_sample_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "kpi", "sample", "service-reviews", "--rows", "400000000"]
    for number, out in enumerate(("one.parquet", "one.csv", "folder/")):
        (home := tmp_path / str(number)).mkdir()
        process = begun(home, *command, "-o", out)
        # It is at work when the first megabyte of the unfinished file is there.
        while not any(path.stat().st_size > 1 << 20 for path in home.rglob(".*.tmp")):
            time.sleep(0.05)
        code, _, errors, seconds = interrupted(process)
        # Now and then a thread of Polars is quicker to say that it was stopped than standard error is silenced.
        *before, last = errors.splitlines()
        assert (code, last) == (130, "Interrupted; nothing is half written.")
        assert not before or "POLARS_ABORT_KEYBOARD_INTERRUPT" in errors
        assert [path.name for path in home.iterdir()] == ["tmp"]
        assert seconds < 5


def _mapped(pid):
    return "polars" in Path(f"/proc/{pid}/maps").read_text("utf-8", errors="replace")


# ---- MEMORY ---- #


def test_a_panel_that_does_not_fit_is_refused_before_it_is_made(tmp_path, monkeypatch):
    # A year that is mistyped makes the grid two centuries long.
    months = pl.DataFrame({"期别": ["1900-01", "2199-12"], "指标": "产值", "数值": [1, 2]})
    frame = months.join(pl.DataFrame({"地区": [f"县{number}" for number in range(1000)]}), how="cross")
    frame.write_parquet(tmp_path / "wrong.parquet")
    text = "system: s\nperiod: month\nentities: {}\nmeasures: {output: {title: 产值, unit: 亿元}}\n"
    (tmp_path / "s.yaml").write_text(f"{text}indicators: {{x: {{kind: level, of: output}}}}\n", "utf-8")
    monkeypatch.setattr(resources, "available", lambda: 100_000_000)
    ran = run("score", tmp_path / "wrong.parquet", "-s", tmp_path / "s.yaml")
    assert ran.code == 2
    (found,) = ran.findings
    assert found["code"] == "K570"
    assert found["message"] == (
        "a panel of 1,000 entities from 1900-01 to 2199-12 needs 122 MB of memory, and 100 MB of memory is left"
    )
    assert "fewer periods" in found["hint"]


LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1)) << 20
import kpi.commands  # what is mapped before is not what is tried
from kpi.resources import _sizes, _read
from pathlib import Path
room = _sizes(_read(Path("/proc/self/status")))["VmSize"] + limit
resource.setrlimit(resource.RLIMIT_AS, (room, room))
HOW
from kpi.cli import program
program()
"""


def limited(folder, megabytes, *arguments, how=""):
    code = LIMITED.replace("HOW", how)
    command = [sys.executable, "-c", code, str(megabytes), *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


GROWING = """
def score(**_):
    from kpi.progress import stage
    import time
    held = []
    with stage("scoring"):
        while True:
            held.append(bytearray(b"x") * (8 << 20))
            time.sleep(0.02)
kpi.commands.score = score
"""
REFUSED = """
def score(**_):
    import polars as pl
    from kpi.progress import stage
    with stage("scoring"):
        pl.repeat(1.0, 1 << 30, eager=True)
kpi.commands.score = score
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are Linux's")
@pytest.mark.parametrize(
    ("how", "said"),
    [
        pytest.param(GROWING, "not enough memory while scoring: ", id="used up", marks=pytest.mark.slow),
        pytest.param(REFUSED, "not enough memory while scoring, or another", id="refused to Rust"),
        pytest.param(REFUSED.replace("pl.repeat(1.0, 1 << 30, eager=True)", "bytearray(1 << 34)"),
                     "not enough memory while scoring\n", id="refused to Python", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_memory_that_runs_out_is_a_finding(tmp_path, how, said):
    done = limited(tmp_path, 800, "score", "x.csv", how=how)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error[K570]: {said}" in done.stderr
    assert "fewer periods" in done.stderr
    assert "Traceback" not in done.stderr


CONTAINER = """
import os, signal, time
from kpi import resources
room = resources.resident() + (60 << 20)
resources.available = lambda: max(0, room - resources.resident())
def score(**_):
    from kpi.progress import stage
    held = []
    with stage("scoring"):
        while resources.available():
            held.append(bytearray(b"x") * (1 << 20))
            time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does
kpi.commands.score = score
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_small_container_does_not_end_without_a_word(tmp_path):
    done = limited(tmp_path, 2000, "score", "x.csv", how=CONTAINER)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"error\[K570\]: not enough memory while scoring: 1\d\d MB of memory is in use, ", done.stderr)


def test_the_less_memory_is_left_the_more_often_it_is_looked_at():
    pauses = [emergency.pause(room) for room in (None, 1 << 34, 200 << 20, 20 << 20, 0)]
    assert pauses == sorted(pauses, reverse=True)
    assert 0 < pauses[-1] < pauses[2] < pauses[0] == pauses[1]


def groups(folder, files):
    """A /proc and a /sys/fs/cgroup as Linux has them."""
    for name, text in {"proc/meminfo": "MemAvailable:   8000 kB\nSwapFree:   1000 kB\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return resources.available(folder / "proc", folder / "cgroup")


@pytest.mark.parametrize(
    ("files", "kilobytes"),
    [
        ({}, 9000),
        ({"proc/self/cgroup": "0::/a/b\n", "cgroup/a/b/memory.max": "max\n", "cgroup/a/memory.max": "3145728\n",
          "cgroup/a/memory.current": "2121728\n"}, 1000),
        ({"proc/self/cgroup": "0::/host/path\n", "cgroup/memory.max": "3145728\n", "cgroup/memory.current": "2121728\n",
          "cgroup/memory.stat": "anon 7\ninactive_file 512000\n"}, 1500),
        ({"proc/self/cgroup": "4:memory:/x\n0::/\n", "cgroup/memory/x/memory.limit_in_bytes": "1024000\n",
          "cgroup/memory/x/memory.usage_in_bytes": "512000\n"}, 500),
        ({"proc/self/cgroup": "4:cpu:/x\n", "cgroup/memory/x/memory.limit_in_bytes": "1\n"}, 9000),
    ],
    ids=["machine", "above, version 2", "in a container", "version 1", "another controller"],
)  # fmt: skip
def test_the_least_limit_counts(tmp_path, files, kilobytes):
    assert groups(tmp_path, files) == kilobytes * 1024


def test_where_nothing_is_told_nothing_is_refused(tmp_path):
    assert resources.available(tmp_path, tmp_path) is None


# ---- DISK ---- #


def small_files(folder, bytes_, *arguments):
    """Runs kpi where no file may be larger, which the system answers as it answers a full disk."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_}, {bytes_}))\n"
    code += "from kpi.cli import program; program()"
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def small(tmp_path):
    (tmp_path / "small.yaml").write_text(SYSTEM, "utf-8")
    (tmp_path / "data.csv").write_text(GOOD, "utf-8")
    return tmp_path


@pytest.mark.parametrize("out", ["out/", *map(slow, ("out.csv", "out.json", "out.parquet", "out.md", "out.xlsx"))])
def test_a_full_disk_leaves_no_part_of_a_result(small, out):
    done = small_files(small, 40, "score", "data.csv", "-s", "small.yaml", "-o", out)
    assert (done.returncode, done.stdout) == (2, "")
    # A workbook is put together from temporary files.
    assert ("error[K571]: no space" if out == "out.xlsx" else "error[K540]: cannot write") in done.stderr
    assert "make room" in done.stderr
    assert sorted(path.name for path in small.iterdir()) == ["data.csv", "small.yaml"]


@pytest.mark.parametrize("out", ["s.parquet", *map(slow, ("s.csv", "s/"))])
def test_a_full_disk_leaves_no_part_of_a_sample(tmp_path, out):
    done = small_files(tmp_path, 4000, "sample", "service-reviews", "--rows", "100000", "-o", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[K540]: cannot write" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["gb.csv", slow("packed.csv.gz")])
def test_a_full_disk_for_temporary_files_is_said(small, name):
    text = GOOD + GOOD.partition("\n")[2].replace("2023Q4", "2023Q3") * 3
    (small / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode("gb18030"))
    done = small_files(small, 40, "score", name, "-s", "small.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error[K571]: no space is left on the disk while reading {name}" in done.stderr
    assert "TMPDIR" in done.stderr


def test_what_a_stage_was_doing_is_told_once():
    with pytest.raises(OSError, match="No space") as caught, stage("scoring"), stage("reading a.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert resources.shortage(caught.value).message == "no space is left on the disk while reading a.csv"
    assert resources.shortage(ValueError("x")) is None


# ---- WHOLE OR NOT AT ALL ---- #


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    (tmp_path / "a").write_text("old")
    with suppress(ZeroDivisionError), temporary.whole(tmp_path / "a") as beside:
        beside.write_text("new")
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_new_folder_goes_when_nothing_came_into_it_and_stays_otherwise(tmp_path):
    with temporary.folder(tmp_path / "empty"):
        pass
    with temporary.folder(tmp_path / "full") as full:
        (full / "a").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_what_is_unfinished_goes_with_the_process(tmp_path):
    with temporary.folder(tmp_path / "new") as new, temporary.unfinished(new / "part") as part:
        part.write_text("half")
        temporary.remove_all()
        assert not list(tmp_path.iterdir())


def test_an_embedding_program_gets_the_estimate_as_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "available", lambda: 10)
    with pytest.raises(DataError, match="K570"):
        kpi.score(ROOT / "sample_data/jiaxing-2022/reports.csv", system="jiaxing-2022")
