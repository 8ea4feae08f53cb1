"""Extensions: kinds, readers, writers and stores that other distributions bring through entry points.

A distribution declares an entry point in the group `kpi.FAMILY`; its name is what users write: the `kind` of a
definition or of a store, or the suffix of a file without its dot. Entry points are looked up only for a name that is
not built in, or for a list; nothing is imported before it is used. What is built in always has precedence.

Codes: K930 an extension that cannot be imported, K931 one that is not what its group takes, K932 a name that is given
twice, K933 an extension that fails at its work.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from kpi.errors import DataError, DefinitionError, Diagnostic, KpiError, Message, Place, Severity

#: The families of extensions, in the order of lists, each with the error of one that cannot be used.
FAMILIES: Mapping[str, type[KpiError]] = {
    "indicators": DefinitionError, "scoring": DefinitionError, "stars": DefinitionError,
    "readers": DataError, "writers": DataError, "stores": DataError,
}  # fmt: skip


def group(family: str) -> str:
    """Return the group of entry points of a family."""
    return f"kpi.{family}"


class Extension(Struct, frozen=True):
    """An entry point of another distribution.

    Attributes:
        family: a key of `FAMILIES`.
        name: what users write for it.
        value: what is imported, `module:attribute`.
        distribution: the name of the distribution.
        version: its version.
    """

    family: str
    name: str
    value: str
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """The distribution with its version."""
        return f"{self.distribution} {self.version}".strip()

    @property
    def package(self) -> str:
        """The top-level package that is imported."""
        return self.value.partition(":")[0].partition(".")[0]

    def load(self) -> Any:
        """Import the extension and return its object.

        Raises:
            KpiError: K930, of the class of its family, if it cannot be imported.
        """
        return _loaded(self)

    @contextmanager
    def at_work(self, place: Place | None = None) -> Iterator[None]:
        """Turn whatever its code raises in the block into the error K933 of its family.

        `sys.exit` and panics of libraries, which are no `Exception`, end neither a service nor a night.
        """
        try:
            yield
        except (KpiError, *_OF_THE_PROGRAM):
            raise
        except BaseException as error:
            raise FAMILIES[self.family](_failure(self, error, place)) from error

    def unfit(self, why: Message) -> KpiError:
        """Return the error K931 for an object that its family does not take."""
        message = Message(
            "`{name}` of {distribution} cannot be used: {reason}", name=self.name, distribution=self.origin, reason=why
        )
        return FAMILIES[self.family](Diagnostic("K931", message, hint=_HINT))


_HINT = Message("install a version of the distribution that fits, or see its author; other systems do not need it")

#: What is raised from outside, whichever code is running.
_OF_THE_PROGRAM = (KeyboardInterrupt, GeneratorExit)

#: The extensions that were imported, by the top-level package of their code.
_IMPORTED: dict[str, Extension] = {}


@functools.cache
def _loaded(extension: Extension) -> Any:
    from importlib.metadata import EntryPoint

    try:
        loaded = EntryPoint(extension.name, extension.value, group(extension.family)).load()
    except _OF_THE_PROGRAM:
        raise
    except BaseException as error:
        message = Message(
            "`{name}` of {distribution} cannot be imported: {error}",
            name=extension.name, distribution=extension.origin, error=words(error),
        )  # fmt: skip
        raise FAMILIES[extension.family](Diagnostic("K930", message, hint=_HINT)) from error
    _IMPORTED.setdefault(extension.package, extension)
    return loaded


def words(error: BaseException) -> str:
    """Return an exception as text: its type, and the first line of what it says."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _failure(extension: Extension, error: BaseException, place: Place | None = None) -> Diagnostic:
    message = Message("the code of {distribution} failed: {error}", distribution=extension.origin, error=words(error))
    return Diagnostic("K933", message, place or Place(), _HINT)


@functools.cache
def every(family: str) -> tuple[Extension, ...]:
    """Return all extensions of a family that are installed, sorted by name and distribution."""
    from importlib.metadata import entry_points

    results = {
        Extension(
            family, point.name, point.value, getattr(point.dist, "name", "") or "?",
            getattr(point.dist, "version", "") or "",
        )
        for point in entry_points(group=group(family))
    }  # fmt: skip
    return tuple(sorted(results, key=lambda point: (point.name, point.distribution, point.value)))


def named(family: str, name: str) -> Extension | None:
    """Return the extension of a name, None if there is none.

    Raises:
        KpiError: K932, of the class of the family, if several distributions bring the name.
    """
    candidates = [item for item in every(family) if item.name == name]
    if len(candidates) > 1:
        raise FAMILIES[family](_repeated(name, candidates))
    return candidates[0] if candidates else None


def _repeated(name: str, candidates: Iterable[Extension]) -> Diagnostic:
    origins = tuple(candidate.origin for candidate in candidates)
    message = Message("`{name}` is brought by several distributions: {distributions}", name=name, distributions=origins)
    return Diagnostic("K932", message, hint=Message("remove all but one of them"))


def names(family: str) -> list[str]:
    """Return the names of all extensions of a family."""
    return list(dict.fromkeys(item.name for item in every(family)))


def clashes(family: str, built_in: Iterable[str]) -> list[Diagnostic]:
    """Return the findings (K932) on names of a family that are built in, or that several distributions bring."""
    known = set(built_in)
    findings = []
    for name in names(family):
        candidates = [item for item in every(family) if item.name == name]
        if name in known:
            origins = tuple(candidate.origin for candidate in candidates)
            message = Message(
                "`{name}` of {distributions} is not used: the name is built in", name=name, distributions=origins
            )
            hint = Message("its author has to choose another name")
            findings.append(Diagnostic("K932", message, hint=hint, severity=Severity.WARNING))
        elif len(candidates) > 1:
            findings.append(_repeated(name, candidates))
    return findings


def forget() -> None:
    """Forget which extensions are installed, as after an installation within the process."""
    every.cache_clear()
    _loaded.cache_clear()
    _IMPORTED.clear()


def any_imported() -> bool:
    """Return whether an extension was imported."""
    return bool(_IMPORTED)


def of_module(module: str) -> Extension | None:
    """Return an imported extension by the name of a module of its package, None if the module belongs to none."""
    return _IMPORTED.get(module.partition(".")[0])


def blamed(error: BaseException) -> Diagnostic | None:
    """Return the finding K933 for an exception that the code of an imported extension raised, None for others."""
    extension, trace = None, None if isinstance(error, _OF_THE_PROGRAM) else error.__traceback__
    while trace is not None and _IMPORTED:
        extension = of_module(str(trace.tb_frame.f_globals.get("__name__", ""))) or extension
        trace = trace.tb_next
    return None if extension is None else _failure(extension, error)


@contextmanager
def answering() -> Iterator[None]:
    """Turn exceptions of the code of extensions in the block into a DefinitionError with K933."""
    try:
        yield
    except KpiError:
        raise
    except BaseException as error:
        if (finding := blamed(error)) is None:
            raise
        raise DefinitionError(finding) from error
