"""What a service was started with, as its worker processes get it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from kpi.service.limits import Limits


class Settings(Struct, frozen=True):
    """The places of definitions and results, and the limits.

    Attributes:
        definitions: a folder in which systems are looked up first.
        batch: the configuration of a batch, whose store is served.
        store: a folder with a store in Delta Lake, in place of a configuration.
        language: of texts, where a request names none.
        limits: what requests may use.
    """

    definitions: Path | None = None
    batch: Path | None = None
    store: Path | None = None
    language: str = "en"
    limits: Limits = field(default_factory=Limits)

    @property
    def has_store(self) -> bool:
        """Whether results are stored."""
        return self.batch is not None or self.store is not None
