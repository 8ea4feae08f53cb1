"""A service over a small city: real workers, and a real server on loopback in a thread of the tests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.batch.city import City

TOKENS = {
    "reader": {"read": ["small"]},
    "scorer": {"score": ["small"]},
    "analyst": {"read": ["small"], "score": ["small"]},
    "publisher": {"read": "*", "score": "*", "publish": "*"},
    "outsider": {"read": ["other-*"], "score": ["other-*"], "publish": ["other-*"]},
}


def token_of(name: str) -> str:
    return f"secret-of-the-{name}"


def access(names=tuple(TOKENS)):
    from kpi.service.access import Access, Token

    digests = {name: hashlib.sha256(token_of(name).encode()).hexdigest() for name in names}
    return Access(tuple(Token(name=name, sha256=digests[name], **TOKENS[name]) for name in names))


@dataclass
class Running:
    """A service that runs, and its files."""

    url: str
    service: object
    folder: Path
    audit: Path

    def client(self, name: str | None = "publisher", **headers):
        import httpx

        if name is not None:
            headers["Authorization"] = f"Bearer {token_of(name)}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

    def lines(self):
        return [json.loads(line) for line in self.audit.read_text("utf-8").splitlines()]


@contextlib.contextmanager
def running(folder: Path, settings, allowed):
    """Run a service in a thread on a free port."""
    import uvicorn

    from kpi.service.app import create_app
    from kpi.service.audit_log import AuditLog
    from kpi.service.server import bound
    from kpi.service.service import Service

    audit = folder / "audit.jsonl"
    service = Service(settings, allowed, AuditLog(audit))
    listening = bound("127.0.0.1", 0, has_tokens=bool(allowed.tokens))
    port = listening.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(create_app(service), log_level="warning", access_log=False, lifespan="on", ws="none")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        deadline = time.monotonic() + 300
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Running(f"http://127.0.0.1:{port}", service, folder, audit)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A city of which a night was published; tests do not change it."""
    pytest.importorskip("deltalake")
    from kpi.batch.batch_run import run
    from kpi.batch.config import load

    city = City(tmp_path_factory.mktemp("service") / "city")
    run(load(city.config()))
    return city


@pytest.fixture(scope="session")
def served(published):
    """The service over the published city, with one worker of each kind."""
    from kpi.service.limits import Limits
    from kpi.service.settings import Settings

    limits = Limits(size=1 << 20, workers=1, readers=1, seconds=120, upload_seconds=60)
    settings = Settings(batch=published.folder / "nightly.toml", limits=limits)
    with running(published.folder, settings, access()) as started:
        yield started


@pytest.fixture
def own_city(published, tmp_path):
    """A copy of the published city, to be changed."""
    folder = tmp_path / "city"
    shutil.copytree(published.folder, folder)
    (folder / "audit.jsonl").unlink(missing_ok=True)
    city = City.__new__(City)
    city.folder = folder
    return city


@pytest.fixture(scope="session")
def figures(published):
    """The figures of a quarter, as a department sends them."""
    return (published.folder / "inbox/2023Q4.csv").read_bytes()
