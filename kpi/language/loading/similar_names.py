"""Names and titles that cannot be distinguished, in files or by their look."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from kpi.errors import Message, Severity
from kpi.language.measures import reported
from kpi.language.model import Path, Problem, Problems
from kpi.language.system import System
from kpi.values.names import clean, look


def problems(system: System) -> Problems:
    """Yield measures that files cannot distinguish, and names and titles that look alike, in the order of the file."""
    yield from _same_in_files(system)
    yield from _alike(_names(system), Message("name"), system)
    yield from _alike(_titles(system), Message("title"), system)


def _texts(system: System, name: str) -> Iterator[tuple[Path, str]]:
    """Yield the title and the synonyms of a measure."""
    measure = system.measures[name]
    if measure.title is not None:
        yield ("measures", name, "title"), measure.title
    for place, text in enumerate(measure.synonyms):
        yield ("measures", name, "synonyms", place), text


def _same_in_files(system: System) -> Problems:
    """Yield texts under which files could carry two measures, or a measure and the targets of an indicator."""
    measures = reported(system.measures)
    owners = {clean(name): name for name in reversed(measures)}
    for name in measures:
        for path, text in ((("measures", name), name), *_texts(system, name)):
            owner = owners.setdefault(clean(text), name)
            if owner != name:
                yield _same(path, text, Message("the measure `{name}`", name=owner), at_key=len(path) == 2)
    for name, indicator in system.indicators.items():
        if not any(item.per_entity is not None and item.per_entity.column is not None for item in indicator.target):
            continue
        about = {name, *(used for _, used in indicator.inputs())}
        texts: list[tuple[Path, str]] = [(("indicators", name), name)]
        if indicator.title is not None:
            texts.append((("indicators", name, "title"), indicator.title))
        for path, text in texts:
            owner = owners.setdefault(clean(text), name)
            if owner not in about:
                other = (
                    Message("the measure `{name}`", name=owner)
                    if owner in system.measures
                    else Message("the indicator `{name}`", name=owner)
                )
                yield _same(path, text, other, at_key=len(path) == 2)


def _same(path: Path, text: str, owner: Message, *, at_key: bool) -> Problem:
    message = Message("files carry {owner} as `{text}` too: which is meant cannot be told", owner=owner, text=text)
    hint = Message("give each a title of its own, as its files have it")
    return Problem("K482", path, message, hint=hint, label=Message("not its own"), at_key=at_key)


def _names(system: System) -> Iterator[tuple[str, Path, str]]:
    for space in ("measures", "indicators", "pillars"):
        for name in getattr(system, space):
            yield name, (space, name), name


def _titles(system: System) -> Iterator[tuple[str, Path, str]]:
    for name in system.measures:
        for path, text in _texts(system, name):
            yield name, path, text


def _alike(texts: Iterator[tuple[str, Path, str]], what: Message, system: System) -> Problems:
    """Yield texts of two definitions that differ by nothing that is seen."""
    first: dict[str, tuple[str, str]] = {}
    for name, path, text in texts:
        # Texts of ASCII letters look like what they are, which nearly all names do.
        owner, other = first.setdefault(text if text.isascii() else look(text), (name, text))
        if owner == name or other == text:
            continue
        both = reported(system.measures).keys() >= {owner, name}
        if both and clean(other) == clean(text):
            continue  # they cannot be distinguished in files, which is an error
        message = Message(
            "the {what} `{text}` looks like `{other}` of `{owner}` and is another: {difference}",
            what=what,
            text=text,
            other=other,
            owner=owner,
            difference=_difference(text, other),
        )
        hint = Message("type it anew with the same letters, or choose another")
        yield Problem("K483", path, message, hint=hint, severity=Severity.WARNING, at_key=len(path) == 2)


def _difference(text: str, other: str) -> Message:
    """Return the first letters in which two texts differ, by their Unicode names."""
    pairs = zip(text + "\0", other + "\0", strict=False)
    item, two = next(pair for pair in pairs if pair[0] != pair[1])
    return Message("{letter}, not {other}", letter=_named(item), other=_named(two))


def _named(letter: str) -> str:
    return unicodedata.name(letter, "").lower() or Message("the end of the text")
