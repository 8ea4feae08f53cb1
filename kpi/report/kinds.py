"""Every kind of definition, reader, writer and store as a report, and where each comes from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from msgspec import Struct
from pydantic import BaseModel
from typing_extensions import override

from kpi.errors import Diagnostic, KpiError, Message
from kpi.intake.files.file_formats import READERS
from kpi.language import adjustments, checks, indicators, measures, scoring
from kpi.language.aggregation.methods import METHODS
from kpi.language.foreign_kinds import ForeignKinds
from kpi.language.loading.schema import without_examples
from kpi.language.model import kind_of
from kpi.language.stars import data_driven
from kpi.language.treatment.steps import STEPS
from kpi.process import extensions
from kpi.process.distribution import NAME, version
from kpi.process.extensions import Extension
from kpi.report.cards import printed, table_of
from kpi.report.formats import FORMATS
from kpi.report.language import localized, tr
from kpi.report.marks import visible
from kpi.report.shape import About, Report, Screen

#: The families, in the order of the list, with their titles.
TITLES: dict[str, Message] = {
    "measures": Message("Measures"), "indicators": Message("Indicators"), "scoring": Message("Scoring rules"),
    "stars": Message("Stars"), "weights": Message("Weights"), "adjustments": Message("Adjustments"),
    "checks": Message("Checks"), "treatment": Message("Data treatment"), "readers": Message("Files that are read"),
    "writers": Message("Formats of results"), "stores": Message("Stores"),
}  # fmt: skip

_FOREIGN: dict[str, ForeignKinds] = {
    "indicators": indicators.FOREIGN, "scoring": scoring.FOREIGN, "stars": data_driven.FOREIGN,
}  # fmt: skip


class _Kind(Struct, frozen=True):
    """A row of the list."""

    family: str
    name: str
    does: str
    origin: str
    code: str


@dataclass(frozen=True)
class KindsReport(Report):
    """What is built in and what extensions bring; `stores` are the kinds of stores that are built in."""

    schema: ClassVar[str] = "kpi.kinds/1"
    sheets: ClassVar[Mapping[str, str]] = {"kinds": Message("Kinds")}
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = {
        "family": Message("Family"), "kind": Message("Kind"), "does": Message("What it is"),
        "origin": Message("Comes from"), "code": Message("Code"),
    }  # fmt: skip
    words: ClassVar[Mapping[str, Mapping[str, str]]] = {"family": TITLES}

    stores: Sequence[str] = ()

    @property
    def about(self) -> About:
        """The heading of the list."""
        return About(tr("Kinds"))

    def head(self) -> dict[str, Any]:
        """Return the schema."""
        return {"schema": self.schema}

    @override
    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the list: family, kind, what it is, the distribution that it comes from, and its code."""
        rows = [(item.family, item.name, item.does, item.origin, item.code) for item in self._listed[0]]
        return {"kinds": pl.DataFrame(rows, schema=dict.fromkeys(self.headings, pl.String), orient="row")}  # type: ignore[arg-type]

    @property
    def findings(self) -> list[Diagnostic]:
        """The extensions that cannot be used, and why."""
        return self._listed[1]

    def text(self, screen: Screen) -> str:
        """Return the list as a table."""
        table = table_of(*map(localized, list(self.headings.values())[:4]))
        for item in self._listed[0]:
            table.add_row(
                localized(TITLES[item.family]), item.name, visible(localized(item.does)), visible(item.origin)
            )
        return printed(table, width=screen.width)

    @cached_property
    def _listed(self) -> tuple[list[_Kind], list[Diagnostic]]:
        kinds, findings = [*_built_in(self.stores)], []
        for family in extensions.FAMILIES:
            known = {item.name for item in kinds if item.family == family}
            findings += extensions.clashes(family, known)
            for name in extensions.names(family):
                if name in known:
                    continue
                try:
                    extension = extensions.named(family, name)
                    assert extension is not None  # noqa: S101
                    kinds.append(_of(extension))
                except KpiError as error:
                    findings += (diagnostic for diagnostic in error.diagnostics if diagnostic not in findings)
        order = list(TITLES)
        return sorted(kinds, key=lambda kind: order.index(kind.family)), findings


def _built_in(stores: Sequence[str]) -> Iterator[_Kind]:
    origin = f"{NAME} {version() or ''}".strip()
    families: dict[str, Mapping[str, type[BaseModel]]] = {
        "measures": {kind_of(item): item for item in measures.KINDS},
        "indicators": {kind_of(item): item for item in indicators.KINDS},
        "scoring": {kind_of(item): item for item in scoring.KINDS},
        "stars": {kind_of(item): item for item in data_driven.SCHEMES},
        "weights": {kind_of(item, "method"): item for item in METHODS},
        "adjustments": {kind_of(item): item for item in adjustments.KINDS},
        "checks": checks.KINDS,
        "treatment": {kind_of(item): item for item in STEPS},
    }
    for family, kinds in families.items():
        for name, kind in kinds.items():
            yield _Kind(family, name, _summary(kind), origin, f"{kind.__module__}:{kind.__qualname__}")
    for reader in READERS:
        for suffix in reader.suffixes:
            yield _Kind(
                "readers", suffix.removeprefix("."), reader.name.strip("`"), origin, "kpi.intake.files.file_formats"
            )
    for form in FORMATS:
        yield _Kind("writers", form.name, " ".join(form.suffixes), origin, "kpi.report.formats")
    for store in stores:
        yield _Kind("stores", store, "", origin, "")


def _of(extension: Extension) -> _Kind:
    """Return the row of an extension.

    Raises:
        KpiError: K930 or K931, if it cannot be used.
    """
    foreign = _FOREIGN.get(extension.family)
    loaded = extension.load() if foreign is None else foreign.of(extension.name)
    if not callable(loaded):
        raise extension.unfit(Message("it is no function"))
    return _Kind(extension.family, extension.name, _summary(loaded), extension.origin, extension.value)


def _summary(documented: Any) -> str:
    """Return the title of a kind, else the first sentence of what is documented."""
    if isinstance(title := getattr(documented, "kind_title", None), Message):
        return title
    return without_examples(inspect.getdoc(documented) or "").partition("\n")[0]
