"""Check definitions, and data against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kpi.engine.scorecard import Scorecard
from kpi.errors import (
    DataError,
    Diagnostic,
    KpiError,
    Message,
    Place,
    Severity,
    not_yet_reported,
)
from kpi.intake.calendars import examined as calendars_examined
from kpi.intake.entity_classes import examined as classes_examined
from kpi.intake.files import named_queries
from kpi.intake.files.sources import Source
from kpi.intake.reported.entity_targets import examined as targets_examined
from kpi.intake.roster import roster_of
from kpi.intake.succession import examined as units_examined
from kpi.language.loading import catalogue
from kpi.language.loading.loader import Loaded, examine
from kpi.language.system import System
from kpi.session.given_data import given_sources, in_files, no_data
from kpi.session.scoring import score
from kpi.session.systems import Given, matching_system

Paths = str | Path | Sequence[str | Path]


def check(
    paths: Paths = (), *, data: Any = None, system: Given | None = None, definitions: str | Path | None = None,
    period: str | int | None = None, explanations: Source | None = None, datasets: Mapping[str, Any] | None = None,
    succession: str | Path | None = None,
) -> list[Diagnostic]:  # fmt: skip
    """Check definitions, and data against them, and return every finding, in the language in use.

    Args:
        paths: YAML files and folders of them; nothing: the whole catalogue.
        data: files, or frames, to check, None for no data; against `system`, else against the one of `paths` that they
            name or that alone fits them, else against one of the catalogue, as `score` finds it.
        system: the system the data are for, when more than one fits; whatever `kpi.load` takes.
        definitions: a folder in which ids are looked up first.
        period: check the data of this period only.
        explanations: a file with answers to queries.
        datasets: files and frames whose dataset is named, by its name.
        succession: as for `score`.
    """
    done = checked(
        paths, data=data, system=system, definitions=definitions, period=period, explanations=explanations,
        datasets=datasets, succession=succession,
    )  # fmt: skip
    return [finding.rendered() for finding in done.findings]


class Checked(Struct, frozen=True):
    """The result of a check: the definitions, all findings, and the scorecard if the data could be scored."""

    examined: tuple[Loaded, ...]
    findings: tuple[Diagnostic, ...]
    card: Scorecard | None = None


def checked(
    paths: Paths = (), *, data: Any = None, system: Given | None = None, definitions: str | Path | None = None,
    period: str | int | None = None, explanations: Source | None = None, datasets: Mapping[str, Any] | None = None,
    succession: str | Path | None = None,
) -> Checked:  # fmt: skip
    """Check definitions, and data against them; arguments as for `check`.

    Data are checked if the definitions of `paths` have no errors, which come first.
    """
    with in_files(data, datasets) as given:
        done = _checked(
            paths, data=given.unnamed, datasets=given.named, system=system, definitions=definitions, period=period,
            explanations=explanations, succession=succession,
        )  # fmt: skip
        return replace(done, findings=tuple(given.shown(done.findings)))


def _checked(
    paths: Paths, *, data: Any, datasets: Mapping[str, Any] | None, system: Given | None,
    definitions: str | Path | None,
    period: str | int | None, explanations: Source | None, succession: str | Path | None,
) -> Checked:  # fmt: skip
    folder = None if definitions is None else Path(definitions)
    files = _paths(paths)
    examined = tuple(examine_all(files, folder))
    findings = [finding for loaded in examined for finding in loaded.findings]
    for loaded in examined:
        if loaded.system is not None:
            findings += _roster_examined(loaded.system)
            findings += (item for item in units_examined(loaded.system) if item not in findings)
            findings += calendars_examined(loaded.system)
            findings += not_yet_reported(targets_examined(loaded.system), findings)
            findings += (item for item in classes_examined(loaded.system) if item not in findings)
    wrong = files and any(finding.severity is Severity.ERROR for finding in findings)
    card = None
    try:
        some_data, named = ([], {}) if wrong else given_sources(() if data is None else data, datasets)
        every = [*some_data, *(source for group in named.values() for source in group)]
        if not every and not wrong and (data is not None or datasets is not None):
            findings.append(no_data())
        if every:
            if system is None and files:
                system = _of_examined(every, examined)
            card = score(
                some_data, system=system, definitions=definitions, data=named, period=period,
                explanations=explanations, partly=True, succession=succession, intervals=0,
            )  # fmt: skip
            findings += not_yet_reported(card.findings_list, findings)
    except KpiError as error:
        findings += not_yet_reported(error.diagnostics, findings)
    return Checked(examined, tuple(findings), card)


def _roster_examined(system: System) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the roster of a system, as scoring with it would report."""
    if system.entities.roster is None or not (system.home / system.entities.roster).is_file():
        return ()  # the definition has a finding that it is not there
    try:
        roster_of(system)
    except DataError as error:
        return error.diagnostics
    return ()


def _of_examined(data: Sequence[Source], examined: Sequence[Loaded]) -> System | None:
    """Return the usable system that matches the data."""
    usable = [loaded for loaded in examined if loaded.system]
    return (
        usable[0].system
        if len(usable) == 1
        else matching_system(named_queries.every(data), [usable], partly=True).system
    )


def examine_all(paths: Paths = (), definitions: Path | None = None) -> list[Loaded]:
    """Return the definitions in some files and folders, examined; the catalogue if there are no paths."""
    files = _paths(paths)
    if not files:
        return list(catalogue.systems(definitions).values())
    loaded: list[Loaded] = []
    for path in map(Path, files):
        if path.is_dir():
            inside = sorted([*path.glob("**/*.yaml"), *path.glob("**/*.yml")])
            if not inside:
                place = Place(str(path))
                nothing = Diagnostic(
                    "K100", Message("the folder holds no definitions"), place, Message("they are .yaml files")
                )
                loaded.append(Loaded(str(path), None, (nothing,)))
            loaded += [examine(file) for file in inside]
        elif not path.exists() and path.suffix not in (".yaml", ".yml") and str(path) in catalogue.files(definitions):
            loaded.append(examine(catalogue.files(definitions)[str(path)]))
        else:
            loaded.append(examine(path))
    return loaded


def _paths(paths: Paths) -> list[str | Path]:
    return [paths] if isinstance(paths, str | Path) else list(paths)
