"""Rules: the meaning of each finding code, with an example that triggers it and one that does not."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib.resources import files

import yaml
from msgspec import Struct

from kpi.errors import DefinitionError, Diagnostic, Message, suggest
from kpi.report.language import tr, translated


class Rule(Struct, frozen=True):
    """The meaning of a code in one sentence, an example that triggers it, and the same without the mistake.

    `in_words` are the examples in English words, which are translated, rather than in some notation.
    """

    code: str
    means: str
    bad: str
    good: str
    in_words: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts with translations: the meaning, and the examples in words."""
        return (self.means, *self.in_words)

    def rendered(self) -> tuple[str, str, str]:
        """Return the meaning, the wrong and the right example in the language in use."""
        meaning, bad, good = (
            translated(text) if text in self.texts else text for text in (self.means, self.bad, self.good)
        )
        return meaning, bad, good

    def card(self) -> str:
        """Return the rule for display."""
        wrong, right = tr("wrong"), tr("right")
        means, bad, good = self.rendered()
        return f"{self.code}  {means}\n\n  {wrong}  {bad}\n  {right}  {good}\n"


@functools.cache
def rules() -> dict[str, Rule]:
    """Return all rules by code, in the order of codes.

    >>> rules()["K104"].means
    'A key is given twice; which one is meant cannot be told.'
    """
    text = files(__package__).joinpath("rules.yaml").read_text("utf-8")
    return {code: _rule(code, entry) for code, entry in yaml.safe_load(text).items()}


def _rule(code: str, entry: Mapping[str, str]) -> Rule:
    in_words = tuple(entry[key] for key in ("bad_in_words", "good_in_words") if key in entry)
    bad, good = (entry.get(key) or entry[f"{key}_in_words"] for key in ("bad", "good"))
    return Rule(code, entry["means"], bad, good, in_words)


def rule(code: str) -> Rule:
    """Return the rule of a code in any case.

    Raises:
        DefinitionError: if the code does not exist.
    """
    known = rules()
    entry = known.get(code.strip().upper())
    if entry is None:
        hint = suggest(code, known) or Message(
            "codes go from {known} to {known_2}; kpi rule lists them", known=min(known), known_2=max(known)
        )
        raise DefinitionError(Diagnostic("K207", Message("there is no code `{code}`", code=code), hint=hint))
    return entry
