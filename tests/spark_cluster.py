"""A cluster of Spark for tests and benchmarks: a master and workers on this machine."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: How long (seconds) a cluster may take to start, also on a machine that is busy.
_PATIENCE = 180


def needed() -> None:
    """Skip the test where Spark cannot run; continuous integration has all of it."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs pyspark and Java 17: pip install '.[spark]', apt install openjdk-17-jre-headless")


def environment() -> dict[str, str]:
    """Return the variables with which Spark runs this checkout in its Python workers."""
    own = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}
    return {**os.environ, **own, "KPI_LANG": "en"}


class Cluster:
    """A master and workers with a core each, on free ports of loopback."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        import pyspark

        self.home, self.folder = Path(pyspark.__file__).parent, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"spark://127.0.0.1:{self.port}"
        at = ["--host", "127.0.0.1", "--webui-port", "0"]
        self.processes = [self._started("deploy.master.Master", *at, "--port", str(self.port))]
        for number in range(workers):
            own = folder / f"worker{number}"
            more = ["--cores", "1", "--memory", "1g", "--work-dir", str(own)]
            self.processes.append(self._started("deploy.worker.Worker", *at, *more, self.address))
        self._wait(workers)

    def _started(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(self.home / "bin" / "spark-class"), f"org.apache.spark.{name}", *arguments]
        with (self.folder / "spark.log").open("ab") as log:
            return subprocess.Popen(command, env=environment(), stdout=log, stderr=log)

    def _wait(self, workers: int) -> None:
        ends = time.monotonic() + _PATIENCE
        log = self.folder / "spark.log"
        while log.read_text(errors="replace").count("Successfully registered with master") < workers:
            assert time.monotonic() < ends, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop all of it."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        # Spark leaves sockets to the collector: here, where their warnings are of no test.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()


class ConnectServer:
    """A server of Spark Connect on a free port of loopback, from the jars of pyspark itself."""

    def __init__(self, folder: Path) -> None:
        import pyspark

        home, self.log = Path(pyspark.__file__).parent, folder / "connect.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"sc://127.0.0.1:{port}"
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port),
            "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
        }  # fmt: skip
        given = [item for key, value in settings.items() for item in ("--conf", f"{key}={value}")]
        name = "org.apache.spark.sql.connect.service.SparkConnectServer"
        command = [
            str(home / "bin" / "spark-submit"),
            "--class",
            name,
            "--master",
            "local[2]",
            *given,
            "spark-internal",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment(), stdout=log, stderr=log, cwd=folder)
        ends = time.monotonic() + _PATIENCE
        while not self._answers(port):
            assert time.monotonic() < ends, self.log.read_text(errors="replace")[-2000:]
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)

    def _answers(self, port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
