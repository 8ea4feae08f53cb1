"""Ctrl-C at any moment, memory and disk that run out, a death: an answer in time, and nothing half done left behind."""

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
from kpi.errors import DataError
from kpi.intake.synthetic.files import Sample, write
from kpi.process import atomic_files, limits, memory, supervisor
from kpi.process.progress import stage
from tests.cli.command import GOOD, SYSTEM
from tests.cli.command import kpi as run

ROOT = Path(__file__).parents[2]
# Work of the child of a program.
WORKING = """
import os, signal, sys, time
from pathlib import Path
from kpi.process.supervisor import supervised
BEFORE

def work():
    from kpi.cli import score as module
    from kpi.cli.command import command
    from kpi.process import atomic_files
    from kpi.cli.main import main
    from kpi.process.progress import stage
    WORK
    module.score.callback = command(score)
    main(["score", "x.csv", "-o", "out.csv"], prog_name="kpi")

supervised(work)
"""
# Polars 2.1 does not leave it when it is told to: an in-memory query of some seconds.
ENDLESS = """
    import polars as pl
    def score(console, *, output, **_):
        frame = pl.select(pl.int_range(3_000_000).alias("x")).with_columns(pl.col("x").cast(pl.Float64))
        with atomic_files.replacing(Path(output[0])) as beside, stage("scoring"):
            beside.write_text("half")
            print("working", flush=True)
            for _ in range(30):
                query = frame.lazy()
                for _ in range(100):
                    query = query.with_columns(pl.col("x").sin() * 2)
                query.collect(engine="in-memory")
        return 0
"""
SAID = {
    signal.SIGINT: (130, "Interrupted; nothing is half written.\n"),
    signal.SIGTERM: (143, "Terminated; nothing is half written.\n"),
    signal.SIGHUP: (129, "Hung up; nothing is half written.\n"),
}


def working(work, before=""):
    """Return the program that does some work, indented as a function's text is."""
    return WORKING.replace("BEFORE", before).replace("    WORK\n", work)


def slow(*case):
    """A case of a kind that is tested anyway."""
    return pytest.param(*case, marks=pytest.mark.slow)


def begun(folder, *command):
    """Starts a command in a process group of its own, as a shell does."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    # Whoever runs the tests may ignore the end of a terminal, as `nohup` does; a shell does not.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        return subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGHUP, before)


def ran(folder, code, **settings):
    """Runs a program to its end."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **settings}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def interrupted(process, by=signal.SIGINT, to=os.killpg):
    """Sends Ctrl-C to the group, or to the program alone, and returns code, stdout, stderr and the time it took."""
    began = time.monotonic()
    to(process.pid, by)
    try:
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out, errors.decode(), time.monotonic() - began


@pytest.mark.parametrize(
    ("by", "to"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill), slow(signal.SIGHUP, os.kill)]
)
def test_an_interrupt_ends_a_query_that_does_not_stop(tmp_path, by, to):
    process = begun(tmp_path, sys.executable, "-c", working(ENDLESS))
    assert process.stdout.readline() == b"working\n"
    time.sleep(0.3)
    code, _, errors, seconds = interrupted(process, by, to)
    assert (code, errors) == SAID[by]
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]
    assert seconds < 5  # one second on a machine of one's own


@pytest.mark.parametrize("by", SAID, ids=lambda by: by.name)
def test_what_is_to_be_ignored_is(tmp_path, by):
    code = f"""from kpi.process.supervisor import supervised
import os, time
def work():
    os.kill(os.getppid(), {by:d})
    os.kill(os.getpid(), {by:d})
    time.sleep(0.1)
    print("done")
supervised(work)
"""
    command = ["sh", "-c", f"trap '' {by.name[3:]}; exec {sys.executable} -c '{code}'"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_scratch_folder_goes_with_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with atomic_files.scratch() as folder:
        (folder / "a").mkdir()
        (folder / "a" / "b").write_text("x")
        atomic_files.remove_all()
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("by", SAID, ids=lambda by: by.name)
def test_an_interrupt_of_the_start_is_one_too(tmp_path, by):
    # While the child imports, when nothing has been told yet.
    code = "import os, signal, time; from kpi.process.supervisor import supervised\n"
    code += "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # which nohup ignores
    code += f"supervised(lambda: (os.kill(os.getppid(), {by:d}), time.sleep(60)))"
    done = ran(tmp_path, code)
    assert (done.returncode, done.stdout, done.stderr) == (SAID[by][0], "", SAID[by][1])


EARLY = """
import os, signal, sys
class Interrupting:
    def find_spec(name, *_):
        if name == "kpi.process.supervisor":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
from kpi.__main__ import program
program()
"""


def test_an_interrupt_before_anybody_watches_is_answered(tmp_path):
    done = ran(tmp_path, EARLY)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", SAID[signal.SIGINT][1])


def test_an_end_that_comes_before_the_interrupt_counts(tmp_path):
    code = "import os, signal, time; from kpi.process.supervisor import supervised\n"
    code += (
        "def work():\n os.kill(os.getppid(), signal.SIGSTOP); os.kill(os.getppid(), signal.SIGINT); raise SystemExit(7)"
    )
    process = begun(tmp_path, sys.executable, "-c", f"{code}\nsupervised(work)")
    while not _ended_child(process.pid):
        time.sleep(0.02)
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (7, b"")


def _ended_child(pid):
    """Whether a process has a child that has ended and not been waited for."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return any(") Z " in Path(f"/proc/{item}/stat").read_text() for item in children)


DYING = """
import os, signal, time
from pathlib import Path
from kpi.process.supervisor import supervised
def work():
    from kpi.process import atomic_files
    from kpi.process.progress import stage
    with atomic_files.folder(Path("out/deep")) as out, atomic_files.scratch() as tree, stage("scoring"):
        (tree / "a").mkdir()
        with atomic_files.unfinished(out / "half") as half, atomic_files.unfinished(tree / "a" / "b") as other:
            half.write_text("half")
            other.write_text("half")
            DIE
supervised(work)
"""
K570 = "error[K570]: not enough memory while scoring"


@pytest.mark.parametrize(
    ("die", "code", "answer"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", 2, f"{K570}: the system ended the program, as"),
        ("os.abort()", 2, f"{K570}, or another failure\n"),
        ("os.write(2, b'words'); os.abort()", 2, f"words\n{K570}, or another failure (see above)\n"),
        slow("os.write(2, b'words\\n' * 9999); os.abort()", 2, "words\n" * 333 + K570),
        slow("os.kill(os.getpid(), signal.SIGSEGV)", 2, f"{K570}, or a fault of a library"),
        slow("os.kill(os.getpid(), signal.SIGBUS)", 2, f"{K570}, or a file was cut short"),
        ("os._exit(1)", 2, f"{K570}, or another failure\n"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", 128 + signal.SIGXCPU, "error: ended by SIGXCPU while scoring"),
    ],
    ids=["killed", "aborted", "with words", "with many", "fault", "bus", "left", "another signal"],
)  # fmt: skip
def test_a_death_is_told_and_cleaned_up(tmp_path, die, code, answer):
    done = ran(tmp_path, DYING.replace("DIE", die))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(answer)
    assert not list(tmp_path.iterdir())


def test_what_others_write_on_standard_error_is_shown_with_a_death_only(tmp_path):
    work = "def work():\n os.write(2, b'thread panicked'); print('told', file=sys.stderr); raise SystemExit(3)"
    code = f"import os, sys\nfrom kpi.process.supervisor import supervised\n{work}\nsupervised(work)"
    done = ran(tmp_path, code)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "told\n")
    assert "panicked" in ran(tmp_path, code, POLARS_VERBOSE="1").stderr


@pytest.mark.parametrize("closed", ["2>&-", slow(">&- 2>&-"), "<&- >&- 2>&-"])
def test_closed_standard_files_are_like_none(small, closed):
    command = f"{sys.executable} -m kpi score data.csv -s small.yaml -o out.csv"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", f"exec {command} {closed}"], cwd=small, env=env, check=False, timeout=60)
    assert done.returncode == 0
    with_all = run("score", small / "data.csv", "-s", small / "small.yaml")
    assert (small / "out.csv").read_text("utf-8-sig").strip() == with_all.out.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_work_ends_with_the_program_that_answers_for_it(tmp_path):
    dying = DYING.replace("DIE", "print(os.getpid(), flush=True); time.sleep(60)")
    process = begun(tmp_path, sys.executable, "-c", dying)
    child = int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=30)  # until the child, too, has closed stdout
    for _ in range(100):
        stat = Path(f"/proc/{child}/stat")
        if not stat.exists() or ") Z " in stat.read_text():
            return
        time.sleep(0.05)
    pytest.fail("the child is still there")


@pytest.mark.parametrize(
    "before", ["import polars", "import threading; threading.Thread(target=time.sleep, args=(0.1,)).start()"]
)
def test_what_cannot_be_forked_is_done_in_this_process(tmp_path, before):
    code = f"import os, time\n{before}\nfrom kpi.process.supervisor import supervised\nhere = os.getpid()\n"
    done = ran(tmp_path, f"{code}supervised(lambda: print(os.getpid() == here))\nprint('after')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nafter\n", "")


def test_nothing_slow_is_imported_before_the_fork(tmp_path):
    done = ran(tmp_path, "import sys, kpi.__main__, kpi.process.supervisor\nprint(*sys.modules)")
    assert "kpi.process.supervisor" in done.stdout.split()
    assert not {"click", "typing", "re", "pathlib", "threading", "kpi.cli.main", "polars"} & set(done.stdout.split())


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
        assert (code, errors) == SAID[signal.SIGINT]
        assert [path.name for path in home.iterdir()] == ["tmp"]
        assert seconds < 5


def _mapped(pid):
    """Whether the child of a program has Polars."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return any("polars" in Path(f"/proc/{item}/maps").read_text("utf-8", errors="replace") for item in children)


# ---- MEMORY ---- #


def test_a_panel_that_does_not_fit_is_refused_before_it_is_made(tmp_path, monkeypatch):
    # A year that is mistyped makes the grid two centuries long.
    months = pl.DataFrame({"期别": ["1900-01", "2199-12"], "指标": "产值", "数值": [1, 2]})
    frame = months.join(pl.DataFrame({"地区": [f"县{number}" for number in range(1000)]}), how="cross")
    frame.write_parquet(tmp_path / "wrong.parquet")
    text = "system: s\nperiod: month\nentities: {}\nmeasures: {output: {title: 产值, unit: 亿元}}\n"
    (tmp_path / "s.yaml").write_text(f"{text}indicators: {{x: {{kind: level, of: output}}}}\n", "utf-8")
    monkeypatch.setattr(limits, "available", lambda: 100_000_000)
    ran = run("score", tmp_path / "wrong.parquet", "-s", tmp_path / "s.yaml")
    assert ran.code == 2
    (result,) = ran.findings
    assert result["code"] == "K570"
    assert result["message"] == (
        "a panel of 1,000 entities from 1900-01 to 2199-12 needs 122 MB of memory, and 100 MB of memory is left"
    )
    assert "--period" in result["hint"]


LIMITED = """
    import resource
    # What is mapped before is not what is tried.
    room = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (800 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
"""


def limited(folder, work, before=""):
    return ran(folder, working(work, before), POLARS_MAX_THREADS="1", RUST_BACKTRACE="0")


GROWING = """
    def score(console, **_):
        held = []
        with stage("scoring"):
            while True:
                held.append(bytearray(b"x") * (8 << 20))
                time.sleep(0.02)
"""
REFUSED = """
    def score(console, **_):
        import polars as pl
        with stage("scoring"):
            pl.repeat(1.0, 1 << 30, eager=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are Linux's")
@pytest.mark.parametrize(
    ("how", "answer"),
    [
        pytest.param(GROWING, "not enough memory while scoring: ", id="used up", marks=pytest.mark.slow),
        pytest.param(REFUSED, "not enough memory while scoring, or another", id="refused to Rust"),
        pytest.param(REFUSED.replace("pl.repeat(1.0, 1 << 30, eager=True)", "bytearray(1 << 34)"),
                     "not enough memory while scoring\n", id="refused to Python", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_memory_that_runs_out_is_a_finding(tmp_path, how, answer):
    done = limited(tmp_path, LIMITED + how)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error[K570]: {answer}" in done.stderr
    assert "--period" in done.stderr
    assert "Traceback" not in done.stderr


CONTAINED = """
from kpi.process import memory
def available(process=None):
    return max(0, (200 << 20) - memory.resident(process=process))
memory.available = available
"""
FILLING = """
    def score(console, **_):
        from kpi.process import memory
        held = []
        with stage("scoring"):
            while memory.available():
                held.append(bytearray(b"x") * (1 << 20))
                time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_small_container_does_not_end_without_a_word(tmp_path):
    done = limited(tmp_path, FILLING, CONTAINED)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"error\[K570\]: not enough memory while scoring: 1\d\d MB of memory is in use, ", done.stderr)


def test_the_less_memory_is_left_the_more_often_it_is_looked_at():
    pauses = [supervisor.pause(room) for room in (None, 1 << 34, 200 << 20, 20 << 20, 0)]
    assert pauses == sorted(pauses, reverse=True)
    assert 0 < pauses[-1] < pauses[2] < pauses[0] == pauses[1]


def groups(folder, files):
    """A /proc and a /sys/fs/cgroup as Linux has them."""
    for name, text in {"proc/meminfo": "MemAvailable:   8000 kB\nSwapFree:   1000 kB\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return memory.available(folder / "proc", folder / "cgroup")


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


def test_the_memory_of_another_process_is_told():
    if sys.platform != "linux":
        pytest.skip("/proc is Linux's")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        sizes = memory.resident(process=other.pid), memory.resident()
        room = memory.available(process=other.pid)
        assert 0 < sizes[0] < sizes[1]
        resource = pytest.importorskip("resource")
        resource.prlimit(other.pid, resource.RLIMIT_AS, (1 << 26, 1 << 26))
        assert memory.available(process=other.pid) < min(room, 1 << 26)
        other.communicate(b"\n")
    assert memory.resident(process=other.pid) == 0


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (ImportError("x.so: failed to map segment from shared object"), True),
        (RuntimeError("can't start new thread"), True),
        (pl.exceptions.PanicException("could not spawn threads: Cannot allocate memory (os error 12)"), True),
        (pl.exceptions.ComputeError("Cannot allocate memory (os error 12)"), True),
        (ImportError("No module named 'x'"), False),
        (pl.exceptions.PanicException("index out of bounds"), False),
    ],
)
def test_what_comes_of_too_little_memory_is_known_by_its_words(error, short):
    result = limits.shortage(error)
    assert (result is not None) is short


def test_an_error_that_comes_of_too_little_memory_is_one_too():
    # As of a name in Polars where that could not be imported whole.
    error = NameError("name 'PySeries' is not defined")
    error.__context__ = MemoryError()
    assert limits.shortage(error).code == "K570"
    error.__suppress_context__ = True
    assert limits.shortage(error) is None


@pytest.mark.parametrize(
    ("setting", "code", "first"),
    [
        ("memory.available = lambda **_: 10 << 20", 2, "error[K570]: not enough memory, or another failure: NameError"),
        ("memory.available = lambda **_: None", 1, "Traceback (most recent call last):"),
    ],
    ids=["little is left", "enough is left"],
)  # fmt: skip
def test_an_unknown_error_is_told_of_with_the_memory_where_little_is_left(tmp_path, setting, code, first):
    program = f"from kpi.process import memory; {setting}\nfrom kpi.process.supervisor import supervised\n"
    done = ran(tmp_path, f"{program}def work():\n raise NameError('x')\nsupervised(work)")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(first)


def test_where_nothing_is_told_nothing_is_refused(tmp_path):
    assert memory.available(tmp_path, tmp_path) is None


# ---- DISK ---- #


def small_files(folder, bytes_, *arguments):
    """Runs kpi where no file may be larger, which the system answers as it answers a full disk."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_}, {bytes_}))\n"
    code += "from kpi.__main__ import program; program()"
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
    assert limits.shortage(caught.value).message == "no space is left on the disk while reading a.csv"
    assert limits.shortage(ValueError("x")) is None


# ---- WHOLE OR NOT AT ALL ---- #


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    (tmp_path / "a").write_text("old")
    with suppress(ZeroDivisionError), atomic_files.replacing(tmp_path / "a") as beside:
        beside.write_text("new")
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_new_folder_goes_when_nothing_came_into_it_and_stays_otherwise(tmp_path):
    with atomic_files.folder(tmp_path / "empty"):
        pass
    with atomic_files.folder(tmp_path / "full") as full:
        (full / "a").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_what_is_unfinished_goes_with_the_process(tmp_path):
    with atomic_files.folder(tmp_path / "new") as new, atomic_files.unfinished(new / "part") as part:
        part.write_text("half")
        atomic_files.remove_all()
        assert not list(tmp_path.iterdir())


def test_an_embedding_program_gets_the_estimate_as_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "available", lambda: 10)
    monkeypatch.setattr(limits, "_SMALL", 0)  # below it nothing is asked
    with pytest.raises(DataError, match="K570"):
        kpi.score(ROOT / "sample_data/jiaxing-2022/reports.csv", system="jiaxing-2022")
