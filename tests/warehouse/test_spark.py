"""Tables of Spark are scored as files are: the same figures, findings and counts, whatever happens to its workers."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import polars as pl
import pytest

import kpi
from tests.spark_cluster import Cluster, ConnectServer, environment, needed

# Spark 4 warns of pandas 3, which is not used here, and leaves sockets to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

#: A column that no SQL and no pattern may take for anything but its name.
HOSTILE = "`; DROP TABLE x; -- \"'. ^a*$\\"

MEASURES = {
    "cases": {"kind": "count", "unit": "件"},
    "online": {"kind": "count", "unit": "件", "where": "渠道 = '网上' AND 用时 < 10"},
    "spent": {"kind": "sum", "of": "用时", "unit": "天"},
    "doubled": {"kind": "mean", "of": "用时 * 2", "unit": "天"},
    "longest": {"kind": "max", "of": "用时", "unit": "小时"},
    "by_village": {"kind": "count", "unit": "件", "per": "村"},
    "median_by_village": {"kind": "median", "of": "用时", "unit": "天", "per": "村"},
    "monthly": {"kind": "max", "of": "用时", "unit": "天", "over_time": "mean"},
    "middle": {"kind": "median", "of": "用时", "unit": "天"},
    "ninth": {"kind": "quantile", "q": 0.9, "of": "用时", "unit": "天", "where": "渠道 = '网上'"},
    "matters": {"kind": "distinct", "of": "事项", "unit": "个"},
    "first": {"kind": "first", "of": "用时", "unit": "天"},
    "spread": {"kind": "deviation", "of": "用时", "unit": "天"},
}
LEVELS = ("spent", "doubled", "longest", "monthly", "middle", "ninth", "matters", "first", "spread")


def system(*key):
    """Return a system of all kinds of measures over events."""
    events = {"form": "records", "columns": {"period": "受理日期", "entity": "县区"}, "key": list(key)}
    return {
        "system": "small", "period": "quarter", "entities": {"title": "县区"}, "datasets": {"cases": events},
        "measures": {name: {**measure, "from": "cases"} for name, measure in MEASURES.items()},
        "indicators": {
            "rate": {"kind": "ratio", "numerator": "online", "denominator": "cases", "unit": "%",
                     "target": {"at_least": 30}},
            "villages": {"kind": "count", "of": "by_village", "passes": "> 10"},
            "slow_villages": {"kind": "count", "of": "median_by_village", "passes": "> 10"},
            **{f"{name}_level": {"kind": "level", "of": name} for name in LEVELS},
        },
        "pillars": {"all": {"weight": 100, "parts": {"rate": 100}}},
        "stars": {"kind": "bands", "cuts": {5: 95, 3: 60, 1: 0}},
    }  # fmt: skip


def events(rows):
    """Return events as departments write them, with cells of every kind that is refused or converted."""
    draw = random.Random(3)

    def day():
        odd = ["2023年5月3日", "不详", None, "2023-02-11", "2023Q1"]
        return draw.choice(odd) if draw.random() < 0.1 else f"2023/{draw.randrange(1, 13)}/{draw.randrange(1, 29)}"

    def spent():
        odd = ["1.5", "3小时", "缺", "—", "1,200", ""]
        return draw.choice(odd) if draw.random() < 0.05 else f"{draw.randrange(3000) / 100}"

    names = ["东湖县", "西山区", "南岭市", " 东湖县", "合计", None]
    return pl.DataFrame({
        "受理日期": [day() for _ in range(rows)],
        "县区": draw.choices(names, [6, 6, 6, 1, 0.2, 0.2], k=rows),
        "渠道": draw.choices(["网上", "窗口", None], k=rows),
        "用时（天）": [spent() for _ in range(rows)],
        "村": draw.choices(["甲", "乙", "丙", "", None], k=rows),
        "编号": [f"e{draw.randrange(rows * 50)}" for _ in range(rows)],
        "事项": [f"s{draw.randrange(50)}" for _ in range(rows)],
        HOSTILE: draw.choices(["甲", "乙"], k=rows),
    })  # fmt: skip


def compare(of_files, of_spark, file, table, *, rows=True):
    """Check that two scorecards have the same figures, counts and findings, without the names of file and table."""
    for name in ("totals", "pillars", "indicators", "measures"):
        assert getattr(of_spark, name).equals(getattr(of_files, name)), name
    assert of_spark.counts == of_files.counts
    if rows:
        # Repeated numbers of events are not looked for elsewhere.
        kept = [finding for finding in of_files.findings_list if finding.code != "K690"]
        result = [str(finding).replace(str(file), table) for finding in kept]
        assert [str(finding) for finding in of_spark.findings_list] == result


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    needed()
    item = Cluster(tmp_path_factory.mktemp("spark"))
    yield item
    item.stop()


@pytest.fixture(scope="module")
def session(cluster):
    from kpi.warehouse.spark.session import opened

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        with opened(cluster.address) as item:
            yield item


def killing(rows, victim, mark):
    """Return rows of Spark on the way of which a process is killed: a worker of Python, or an executor.

    It is killed once, whichever tasks are run again: the file `mark` says that it was.
    """

    def passed(batches):
        import os
        import signal
        from pathlib import Path

        from pyspark import TaskContext

        batches = iter(batches)
        # In the middle: after a batch was taken.
        first = next(batches, None)
        if TaskContext.get().partitionId() == 1 and not mark.exists():
            mark.touch()
            parent = os.getppid()
            executor = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(executor if victim == "executor" else os.getpid(), signal.SIGKILL)
        if first is not None:
            yield first
        yield from batches

    plain = rows.toDF(*(f"c{place}" for place in range(len(rows.columns))))
    return plain.repartition(4).mapInArrow(passed, plain.schema).toDF(*rows.columns)


def test_tables_of_a_cluster(subtests, session, cluster, tmp_path, monkeypatch):  # noqa: PLR0915 - of one cluster
    # All in one test: a cluster takes long to start, and the tests of a module run in several processes.
    from kpi.intake.events import ordered
    from kpi.warehouse.spark import tables, workers
    from kpi.warehouse.spark.session import table
    from kpi.warehouse.spark.tables import SparkTable

    file = tmp_path / "cases.parquet"
    events(4000).write_parquet(file, row_group_size=1000)
    expected = kpi.score(file, system=system())
    with subtests.test("the same results"):
        compare(expected, kpi.score(table(session, str(file)), system=system()), file, str(file))
    with subtests.test("an existing session"):
        card = kpi.score((), data={"cases": session.read.parquet(str(file))}, system=system())
        compare(expected, card, file, "cases")
    with subtests.test("a dataset with a key"):
        keyed = kpi.score(file, system=system("编号"))
        assert keyed.counts["read"] == 4000
        compare(keyed, kpi.score(table(session, str(file)), system=system("编号")), file, str(file))
    with subtests.test("partitions whose groups are merged in Spark"):
        many = session.read.parquet(str(file)).repartition(3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kpi.warehouse.spark.tables._MANY", 2)
            compare(expected, kpi.score(SparkTable(many, "t"), system=system()), file, "t", rows=False)
    with subtests.test("statistics of rows with and without a condition in one job"):
        stages = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tables, "shipped", lambda stage: (stages.append(stage), workers.shipped(stage))[1])
            kpi.score(table(session, str(file)), system=system())
        jobs = [stage.work.args for stage in stages if getattr(stage.work, "func", None) is ordered.cells]
        assert [[sorted(request.measures) for request in requests] for (requests,) in jobs] == [
            [["first", "matters", "middle", "spread"], ["ninth"]],
            [["median_by_village"]],
        ]
    with subtests.test("a hostile name of a column"):
        measure = {"kind": "distinct", "of": HOSTILE, "unit": "个", "from": "cases"}
        own = {**system(), "measures": {"kinds": measure}, "pillars": {}}
        own["indicators"] = {"n": {"kind": "level", "of": "kinds"}}
        compare(kpi.score(file, system=own), kpi.score(table(session, str(file)), system=own), file, str(file))
    for victim in ("worker", "executor"):
        with subtests.test("a process is killed", victim=victim):
            mark = tmp_path / victim
            rows = killing(session.read.parquet(str(file)), victim, mark)
            compare(expected, kpi.score(SparkTable(rows, "t"), system=system()), file, "t", rows=False)
            assert mark.exists()
    with subtests.test("a table that is not there"), pytest.raises(kpi.DataError) as error:
        table(session, "no_such_table")
    assert [entry.code for entry in error.value.diagnostics] == ["K921"]
    with subtests.test("a path that is not there"), pytest.raises(kpi.DataError) as error:
        table(session, str(tmp_path / "nowhere"))
    assert [entry.code for entry in error.value.diagnostics] == ["K921"]
    with subtests.test("columns of two types"):
        mixed = tmp_path / "mixed"
        mixed.mkdir()
        events(10).write_parquet(mixed / "a.parquet")
        events(10).with_columns(pl.lit(3).alias("用时（天）")).write_parquet(mixed / "b.parquet")
        with pytest.raises(kpi.DataError) as error:
            kpi.score(table(session, str(mixed)), system=system())
        assert [entry.code for entry in error.value.diagnostics] == ["K924"]
    with subtests.test("a column of lists"):
        lists = events(10).with_columns(pl.lit([1.0]).alias("用时（天）"))
        lists.write_parquet(tmp_path / "lists.parquet")
        with pytest.raises(kpi.DataError) as error:
            kpi.score(table(session, str(tmp_path / "lists.parquet")), system=system())
        assert [entry.code for entry in error.value.diagnostics] == ["K554"]
    with subtests.test("a worker of another version"):
        item = table(session, str(file))
        monkeypatch.setattr(pl, "__version__", "1.99.0")
        with pytest.raises(kpi.DataError) as error:
            kpi.score(item, system=system())
        monkeypatch.undo()
        assert [entry.code for entry in error.value.diagnostics] == ["K923"]
        assert "1.99.0" in str(error.value)
    with subtests.test("a table without the right to read it"):
        if os.geteuid() == 0:
            pytest.skip("whoever is root may read everything")
        file.chmod(0)
        with pytest.raises(kpi.DataError) as error:
            table(session, str(file))
        assert [entry.code for entry in error.value.diagnostics] == ["K922"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    needed()
    folder = tmp_path_factory.mktemp("command")
    events(2000).write_parquet(folder / "cases.parquet")
    import yaml

    (folder / "small.yaml").write_text(yaml.safe_dump(system(), allow_unicode=True), encoding="utf-8")
    return folder


def command(folder, *arguments, **variables):
    """Run `kpi score` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "kpi", "score", *arguments], cwd=folder, env={**environment(), **variables},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_the_command_scores_a_table(folder):
    of_file = command(folder, "cases.parquet", "-s", "small.yaml", "-q")
    of_spark = command(folder, "--spark", "local[2]", "--table", "cases=cases.parquet", "-s", "small.yaml", "-q")
    assert of_spark.stdout == of_file.stdout
    assert of_spark.returncode == of_file.returncode
    assert "Exception" not in of_spark.stderr
    assert "WARN" not in of_spark.stderr


def test_the_command_scores_a_table_over_spark_connect(folder):
    of_file = command(folder, "cases.parquet", "-s", "small.yaml", "-q")
    server = ConnectServer(folder)
    try:
        path = str(folder / "cases.parquet")
        done = command(folder, "--spark", server.address, "--table", f"cases={path}", "-s", "small.yaml", "-q")
        lost = command(folder, "--spark", server.address, "--table", "cases=nowhere.parquet", "-s", "small.yaml")
    finally:
        server.stop()
    assert done.stdout == of_file.stdout
    assert done.returncode == of_file.returncode
    assert "Exception" not in done.stderr
    assert lost.returncode == 2
    assert "K921" in lost.stderr
    gone = command(folder, "--spark", server.address, "--table", f"cases={path}", "-s", "small.yaml", "-o", "r.csv")
    assert gone.returncode == 2
    assert "K920" in gone.stderr
    assert not (folder / "r.csv").exists()
