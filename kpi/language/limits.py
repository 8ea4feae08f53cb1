"""Confidence limits (置信限) of values, and the limits within which the values of a group differ by chance."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from kpi.errors import Message
from kpi.language.model import Block, Name, OneOrMany
from kpi.language.sampling import AnySampling

Percent = Annotated[float, Field(ge=50, lt=100)]


class Limits(Block):
    """Confidence limits beside a value, and the funnel limits of its group; neither changes a value or a score.

    `level` percent of all samples of the size of this one have the limits around what is estimated. The method is that
    of the sampling error (see there): `wilson` for proportions, `byar` for numbers of events and rates of them, with
    exact limits below ten events, `dobson` for weighted sums of counts; others are `value ± z · standard error`. Left
    out, it is what `uncertainty: sampling:` says of the indicator, else `known`.

    The funnel limits at 95 and 99.8 % are around the value of the group as a whole, `θ = Σ events / Σ cases`, or the
    mean weighted by 1/s² where there are no counts: `θ ± 1.96 s` and `θ ± 3.09 s`, with s the standard error that a
    unit of that size has if its true value is θ. A value beyond the outer ones is an alarm, beyond the inner ones an
    alert. Units that differ by more than chance (over-dispersion) widen them: with `z = (x - θ)/s`, moved in to its
    percentiles `winsorise` and 100 - `winsorise`, and `φ = Σz²/n`, `additive` takes `√(s² + τ²)` in place of s, with
    `τ² = (nφ - (n - 1)) / (Σw - Σw²/Σw)`, w = 1/s², and none below 0; `multiplicative` takes `s √φ` where φ is above 1;
    `plain` takes s. A group of fewer than three units has no funnel limits, nor has a number of events without a
    denominator.

    Source: Wilson (1927); Breslow and Day (1987); Dobson et al. (1991); D. J. Spiegelhalter, Funnel plots for comparing
    institutional performance, Statistics in Medicine 24 (2005), and Handling over-dispersion of performance indicators,
    Quality and Safety in Health Care 14 (2005).
    """

    level: Percent = Field(95, description="percent of samples of which the limits hold what is estimated")
    method: AnySampling | None = Field(
        None, description="the sampling error; left out: as `uncertainty: sampling:` says, else `known`"
    )
    funnel: Literal["additive", "multiplicative", "plain", "none"] = Field(
        "additive", description="how the funnel limits take over-dispersion into account; `none` for no funnel limits"
    )
    winsorise: Annotated[float, Field(ge=0, lt=50)] = Field(
        10, description="percent of the z-scores, at each end, that are moved in before over-dispersion is estimated"
    )
    ours: bool = Field(False, description="what no document states and we chose: true, or the keys")

    def words(self) -> Message:
        """Return the limits in words.

        >>> Limits(level=95).words()
        'limits of 95 %; funnel limits of 95 and 99.8 % with over-dispersion (additive)'
        """
        level = (
            Message("limits of {level:g} %", level=self.level)
            if self.method is None
            else Message("limits of {level:g} %, {method}", level=self.level, method=self.method.words())
        )
        if self.funnel == "none":
            return level
        funnel = {
            "additive": Message("funnel limits of 95 and 99.8 % with over-dispersion (additive)"),
            "multiplicative": Message("funnel limits of 95 and 99.8 % with over-dispersion (multiplicative)"),
            "plain": Message("funnel limits of 95 and 99.8 %"),
        }[self.funnel]
        return Message("{limits}; {funnel}", limits=level, funnel=funnel)


class LimitsOfAll(Limits):
    """Limits of some indicators of a system, or all whose figures show their error; an indicator may have its own."""

    of: OneOrMany[Name] = Field(
        (), description="the indicators; left out: all of which the sampling error is known or stated"
    )


def level_alone(value: Any) -> Any:
    """Return `limits: 95` as `limits: {level: 95}`."""
    return {"level": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


AnyLimits = Annotated[Limits, BeforeValidator(level_alone, json_schema_input_type=Limits | float)]
AnyLimitsOfAll = Annotated[LimitsOfAll, BeforeValidator(level_alone, json_schema_input_type=LimitsOfAll | float)]
