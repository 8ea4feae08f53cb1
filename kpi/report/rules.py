"""Rules: the meaning of each finding code, with an example that triggers it and one that does not."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files

import yaml

from kpi.errors import DefinitionError, Diagnostic, Message, suggest
from kpi.report.language import tr, translated


@dataclass(frozen=True, slots=True)
class Rule:
    """The meaning of a code in one sentence, an example that triggers it, and the same without the mistake."""

    code: str
    means: str
    bad: str
    good: str

    def card(self) -> str:
        """Return the rule for display."""
        wrong, right = tr("wrong"), tr("right")
        return f"{self.code}  {translated(self.means)}\n\n  {wrong}  {self.bad}\n  {right}  {self.good}\n"


@functools.cache
def rules() -> dict[str, Rule]:
    """Return all rules by code, in the order of codes.

    >>> rules()["K104"].means
    'A key is given twice; which one is meant cannot be told.'
    """
    text = files(__package__).joinpath("rules.yaml").read_text("utf-8")
    return {code: Rule(code, **rule) for code, rule in yaml.safe_load(text).items()}


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
