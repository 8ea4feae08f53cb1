"""A PostgreSQL server for tests and benchmarks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where a PostgreSQL server of version 15 or later is installed, newest first, None where none can be started.

    Debian keeps it off the PATH.
    """
    if os.geteuid() == 0 and not _has_user("postgres"):
        return None
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda item: -float(item.parent.name))
    on_path = shutil.which("initdb")
    places += [Path(on_path).resolve().parent] if on_path else []
    for place in places:
        if (place / "initdb").is_file() and (place / "postgres").is_file():
            answer = subprocess.run(
                [place / "postgres", "--version"], capture_output=True, text=True, check=True
            ).stdout
            if int(answer.split()[2].split(".")[0]) >= 15:
                return place
    return None


#: How long (seconds) a server may take to start, also on a machine that is busy.
_PATIENCE = 60


class Server:
    """A PostgreSQL server of its own, in a folder of its own, on a free port of this machine.

    Unless it is `safe`, what it wrote may be lost when the machine stops, and tests are faster.
    """

    def __init__(self, binaries: Path, folder: Path, *, safe: bool = False) -> None:
        self.binaries, self.folder, self.safe = binaries, folder, safe
        # The server refuses to run as root, so there it runs as the user that Debian's package made for it.
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        folder.mkdir()
        if self.user:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        secret = folder / "password"
        secret.write_text("geheim7\n")
        secret.chmod(0o644)
        self.run(
            "initdb", "-D", self.data, "-U", "kpi", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "-N"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://kpi:geheim7@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self.binaries / program, *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            **self.user,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it does not, with the last lines of its log.
        """
        command = [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), "-c", "unix_socket_directories="]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", f"fsync={'on' if self.safe else 'off'}"]
        import psycopg

        log = self.folder / "log"
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            # Backends of a server that was killed live on for a moment, and with them no other server starts.
            if self.process is None or self.process.poll() is not None:
                with log.open("wb") as out:
                    self.process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder, **self.user)
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")

    def stop(self) -> None:
        """Stops at once, as when the power goes."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            (self.data / "postmaster.pid").unlink(missing_ok=True)


@contextmanager
def own_server() -> Iterator[Server]:
    """Give a server of a test's own; the test is skipped, in continuous integration it fails, where there is none."""
    import pytest

    programs = binaries()
    if programs is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no PostgreSQL 15 or later here: apt install postgresql")
    # Not below pytest's own folder, which only its owner may enter and the server's user is another.
    with tempfile.TemporaryDirectory(prefix="kpi-postgresql-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = Server(programs, Path(place) / "server")
        try:
            yield server
        finally:
            server.stop()


def _has_user(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
