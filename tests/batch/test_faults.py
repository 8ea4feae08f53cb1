"""Whatever happens to a night, the store holds the old results or the new ones, and the next night is a night."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from city import QUARTERS, STORES
from nights import begun
from test_nights import check, held, night, same

from kpi.batch import system_run as nights
from kpi.batch.batch_run import run, store_of
from kpi.batch.config import load
from kpi.batch.store import whole
from kpi.errors import DataError

# Nights are killed, and databases stopped.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from kpi.batch.config import load
from kpi.batch.batch_run import run
config = load(Path(sys.argv[1]))
print("ready", flush=True)
print(run(config, wait=float(sys.argv[2])).run.number, flush=True)
"""


def start(config: Path, wait: float = 0) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(config), str(wait)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"
    return child


def toggled(city, old: bool) -> None:
    """Puts one of two versions of a quarter into the inbox."""
    city.report("2022Q2", created=[140, 150, 160] if old else [141, 150, 160], done=old)


class Reader(threading.Thread):
    """Reads the last run again and again, and keeps what it saw that was never published."""

    def __init__(self, config, published):
        super().__init__(daemon=True)
        self.config, self.published = config, published
        self.reads, self.wrong, self.last = 0, [], 0
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                number = store_of(load(self.config)).head().number
                seen = held(self.config, number)
            except Exception as error:  # noqa: BLE001 - a reader is never refused
                self.wrong.append(repr(error))
                continue
            if number < self.last or not any(same(seen, item) for item in self.published):
                self.wrong.append(f"run {number} after {self.last}")
            self.last = number
            self.reads += 1
            time.sleep(0.05)  # the nights beside need the processor too

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def versions(city, store):
    """Return a configuration, what its store holds of each of the two versions, and the seconds of a night."""
    for quarter in QUARTERS[7:]:
        (city.folder / "inbox" / f"{quarter}.csv").unlink()
    config, expected, spent = city.config(store=store), {}, 0.0
    for old in (True, False):
        toggled(city, old)
        began = time.perf_counter()
        night(config)
        spent = time.perf_counter() - began
        expected[old] = held(config)
    return config, expected, spent


def killed_often(city, store, times: int, seed: int) -> tuple[int, int]:
    """Kill `times` nights at random moments, with a reader beside, and let the next night finish the work.

    Returns how many nights were killed before they had published anything, and how often the reader read.

    Every moment is drawn from its own part of the time that a night takes, so that they are spread over all it does.
    """
    config, expected, spent = versions(city, store)
    chance = random.Random(seed)
    parts = chance.sample(range(times), times)
    halfway = 0
    reader = Reader(config, list(expected.values()))
    with reader:
        for turn in range(times):
            before, after = turn % 2 == 1, turn % 2 == 0
            toggled(city, after)
            child = begun(config)
            time.sleep(1.5 * spent * (parts[turn] + chance.random()) / times)
            child.kill()
            child.join()
            seen = held(config)
            # The child may have finished before it was killed; what it must not be is in between.
            assert same(seen, expected[before]) or same(seen, expected[after]), turn
            halfway += same(seen, expected[before])
            began = time.perf_counter()
            night(config)
            spent = (spent + time.perf_counter() - began) / 2
            assert same(held(config), expected[after]), turn
    check(config)
    assert halfway > 0
    assert reader.wrong == []
    assert reader.reads > 0
    return halfway, reader.reads


def test_a_killed_night_leaves_the_old_results_or_the_new(city, store):
    assert killed_often(city, store, 5, seed=7)


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_thirty_killed_nights(city, store):
    assert killed_often(city, store, 30, seed=13)


def test_a_night_that_is_told_to_stop_leaves_nothing_half_written(city):
    config = city.config(store='log = "log.jsonl"\nstore = "store"')
    (city.folder / "tmp").mkdir()
    night(config)
    expected = held(config)
    chance, codes = random.Random(3), []
    for _ in range(2):
        log = city.folder / "log.jsonl"
        log.unlink(missing_ok=True)
        child = subprocess.Popen(
            [sys.executable, "-m", "kpi", "batch", config, "--all"], cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": str(city.folder / "tmp")},
        )  # fmt: skip
        while not log.exists():
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        child.terminate()
        _, answer = child.communicate(timeout=60)
        codes.append(child.returncode)
        assert child.returncode == 0 or answer == "Terminated; nothing is half written.\n"
        assert not list((city.folder / "tmp").iterdir())
        assert not list(city.folder.rglob("*.tmp"))
        assert same(held(config), expected)
    assert 143 in codes
    check(config)


def test_two_batches_at_once_one_waits_or_leaves_with_a_message(city, store):
    config = city.config(store=store)
    night(config)
    there = store_of(load(config))
    with there.lock(0):
        with pytest.raises(DataError, match="K810"):
            night(config)
        child = start(config, wait=60)
        time.sleep(0.5)
        assert child.poll() is None
    out, err = child.communicate(timeout=60)
    assert out.strip() == "2", err


def written_by(city, store, writers: int, turns: int) -> int:
    """Let several processes run nights at once, with a reader beside, and return how often the reader read."""
    config, expected = versions(city, store)[:2]
    with Reader(config, list(expected.values())) as reader:
        for turn in range(turns):
            toggled(city, turn % 2 == 0)
            children = [start(config, wait=300) for _ in range(writers)]
            for child in children:
                _, err = child.communicate(timeout=300)
                assert child.returncode == 0, err
            assert same(held(config), expected[turn % 2 == 0]), turn
    assert store_of(load(config)).head().number == 2 + writers * turns
    check(config)
    assert reader.wrong == []
    return reader.reads


@pytest.mark.parametrize("writers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_batches_at_once_come_to_as_many_runs_one_after_another(city, store, writers):
    written_by(city, store, writers, 1)


def test_a_lock_ends_with_its_process(city):
    config = city.config()
    code = "from kpi.batch.store.lock import locked; from pathlib import Path; import sys, time\n"
    code += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    lock = city.folder / "store" / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", code, str(lock)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "held"
    with pytest.raises(DataError, match=str(holder.pid)):
        night(config)
    holder.kill()
    holder.communicate()
    assert night(config).failed == []


def test_a_full_disk_publishes_nothing_and_is_said(city, monkeypatch):
    # A file size limit makes the kernel refuse writes, as a full disk does.
    config = city.config()
    night(config)
    before = held(config)
    city.correct("2022Q2")
    code = "import resource, signal, sys\nfrom kpi.cli.main import main\n"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    code += "main(['batch', sys.argv[1]])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(config)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "K571" in done.stderr or "K813" in done.stderr
    assert "Traceback" not in done.stderr
    assert same(before, held(config))
    assert night(config).outcomes[0].scored == ("2022Q2", "2022Q3", "2023Q2", "2023Q3")
    check(config)


def test_a_database_that_goes_away_keeps_the_old_results_and_comes_back(city, server, database):
    config = city.config(
        store='archive = "archive"\nstore = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}'
    )
    night(config)
    before = held(config)
    city.correct("2022Q2")
    some = load(config)
    gone = []

    def stop_in_the_middle(event, **_):
        if event == "system" and not gone:
            gone.append(server.stop())

    with pytest.raises(DataError, match="K816") as caught:
        run(some, log=stop_in_the_middle)
    assert "geheim7" not in str(caught.value)
    assert gone
    server.start()
    assert same(before, held(config))
    assert night(config).outcomes[0].scored == ("2022Q2", "2022Q3", "2023Q2", "2023Q3")
    check(config)


def test_runs_are_numbered_whatever_the_clock_says(city, monkeypatch):
    import datetime as dt

    from kpi.batch import batch_run as module

    config = city.config()
    night(config)

    class Past(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1999, 1, 1, tzinfo=tz)

    monkeypatch.setattr(module.dt, "datetime", Past)
    city.correct("2022Q2")
    result = night(config)
    assert result.run.number == 2
    assert result.run.manifest["started"].startswith("1999")
    assert store_of(load(config)).head().number == 2
    check(config)


def test_an_input_replaced_after_it_was_copied_is_scored_as_archived(city, monkeypatch):
    config = city.config()
    target = city.folder / "inbox" / "2023Q4.csv"
    scored = nights.scored

    def replaced(*given, **more):
        target.write_text("期别,地区,指标,数值\n2023Q4,甲县,产值,1\n", "utf-8")
        return scored(*given, **more)

    monkeypatch.setattr(nights, "scored", replaced)
    night(config)
    monkeypatch.undo()
    # What was published is what the archive holds; the next night sees the new file.
    check(config)
    assert night(config).outcomes[0].scored == ("2023Q4",)


def test_an_input_that_changes_while_it_is_copied_is_refused(city, monkeypatch):
    config = city.config()
    night(config)
    before = held(config)
    target = city.folder / "inbox" / "2023Q4.csv"
    kept = whole.Archive.keep

    def replaced(self, file):
        sha = kept(self, file)
        if file == target:
            target.write_text("期别,地区,指标,数值\n2023Q4,甲县,产值,1\n", "utf-8")
        return sha

    monkeypatch.setattr(whole.Archive, "keep", replaced)
    (outcome,) = night(config).outcomes
    assert (outcome.status, [item.code for item in outcome.findings]) == ("failed", ["K552"])
    assert same(held(config), before)


def test_an_unreadable_source_is_named(city):
    if os.geteuid() == 0:
        (city.folder / "inbox" / "2023Q4.csv").write_bytes(b"PK\x03\x04 not a workbook")
    else:
        (city.folder / "inbox" / "2023Q4.csv").chmod(0)
    config = city.config()
    result = night(config)
    assert result.failed == ["small"]
    assert any(item.place.file and item.place.file.endswith("2023Q4.csv") for item in result.findings)


def test_a_file_of_the_last_run_that_is_gone_is_a_warning_once(city, store):
    config = city.config(store=store)
    assert night(config).outcomes[0].status == "scored"
    gone = city.folder / "inbox" / f"{QUARTERS[-1]}.csv"
    gone.rename(gone.with_name("moved.csv"))
    (again,) = night(config).outcomes
    assert "K640" not in [item.code for item in again.findings]
    gone.with_name("moved.csv").unlink()
    (after,) = night(config).outcomes
    assert [item.place.file for item in after.findings if item.code == "K640"] == ["inbox/moved.csv"]
    assert night(config).outcomes[0].status == "unchanged"


def test_a_night_reads_a_file_whose_name_is_gbk(city, store):
    file = city.folder / "inbox" / f"{QUARTERS[0]}.csv"
    file.rename(file.with_name(os.fsdecode("上报表.csv".encode("gbk"))))
    done = night(city.config(store=store))
    assert done.outcomes[0].status == "scored"
    assert "inbox/上报表.csv" in [item["file"] for item in done.run.state["systems"]["small"]["inputs"]["data"]]
