"""A compiled system: loaded and checked once, it scores data again and again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kpi.engine.plan import Plan, compile_plan
from kpi.engine.scorecard import Scorecard
from kpi.errors import DefinitionError, Diagnostic, KpiError
from kpi.intake.files.sources import Source
from kpi.language.loading import catalogue
from kpi.language.system import CheckedSystem
from kpi.session.scoring import score
from kpi.session.systems import Given


class Scorer(Struct, frozen=True):
    """A system that is ready to score: immutable, safe to share between threads, and picklable.

    Attributes:
        system: the system, which passed all checks.

    >>> import polars as pl
    >>> scorer = compile({
    ...     "system": "small", "period": "quarter", "entities": {},
    ...     "measures": {"filed": {"title": "办件量", "unit": "件"}},
    ...     "indicators": {"level": {"kind": "level", "of": "filed"}}})
    >>> scorer
    <Scorer of small: 1 indicators>
    >>> frame = pl.DataFrame({"期别": ["2023Q4"] * 2, "地区": ["东湖县", "西山区"], "办件量": [200, 100]})
    >>> scorer.score(frame).indicators["value"].to_list()
    [200.0, 100.0]
    """

    system: CheckedSystem

    def __post_init__(self) -> None:
        compile_plan(self.system)

    def __repr__(self) -> str:
        """Return the system, in a line."""
        return f"<Scorer of {self.system.system}: {len(self.system.indicators)} indicators>"

    @property
    def plan(self) -> Plan:
        """The compiled plan; it is not pickled but compiled again."""
        return compile_plan(self.system)

    def score(
        self,
        files: Any = (),
        *,
        data: Mapping[str, Any] | None = None,
        period: str | int | None = None,
        explanations: Source | None = None,
        partly: bool = False,
        intervals: int | None = None,
    ) -> Scorecard:
        """Score files, or frames, by the system; arguments and errors as for `kpi.score`."""
        return score(
            files, system=self.system, data=data, period=period, explanations=explanations, partly=partly,
            intervals=intervals,
        )  # fmt: skip

    def check(
        self,
        files: Any = (),
        *,
        data: Mapping[str, Any] | None = None,
        period: str | int | None = None,
        explanations: Source | None = None,
    ) -> list[Diagnostic]:
        """Return every finding in data, in the language in use; arguments as for `kpi.score`."""
        try:
            card = self.score(files, data=data, period=period, explanations=explanations, partly=True, intervals=0)
        except KpiError as error:
            return [finding.rendered() for finding in error.diagnostics]
        return [finding.rendered() for finding in card.findings_list]


def compile(  # noqa: A001 - kpi.compile, as re.compile
    system: Given, *, definitions: str | Path | None = None, succession: str | Path | None = None
) -> Scorer:
    """Load, check and compile a system, to score by it many times.

    Args:
        system: whatever `kpi.load` takes.
        definitions: a folder in which ids are looked up first.
        succession: a table of units that merge, split or change their name, in place of the system's own.

    Raises:
        DefinitionError: the system cannot be found, or has errors.
    """
    loaded = catalogue.resolve(system, None if definitions is None else Path(definitions))
    if loaded.system is None:  # pragma: no cover - a broken system is refused when it is resolved
        raise DefinitionError(loaded.findings)
    checked = loaded.system
    return Scorer(checked if succession is None else checked.succeeding(Path(succession)))
