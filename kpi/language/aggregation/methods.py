"""Every method that finds weights, as one union."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kpi.language.aggregation.benefit_of_doubt import BenefitOfTheDoubt
from kpi.language.aggregation.combined import Combined, Given
from kpi.language.aggregation.importance import Importance
from kpi.language.aggregation.judgements import GroupAhp
from kpi.language.aggregation.weights import Ahp, Critic, Entropy, Equal, Pca, Variation, Weighting
from kpi.language.model import one_of

#: Every method, in the order of the reference.
METHODS: tuple[type[Weighting], ...] = (
    Equal, Given, Entropy, Critic, Variation, Pca, Importance, Ahp, GroupAhp, Combined, BenefitOfTheDoubt,
)  # fmt: skip

#: Any weighting method, distinguished by `method`.
if TYPE_CHECKING:
    AnyWeighting: TypeAlias = Weighting
else:
    AnyWeighting = one_of(*METHODS, tag="method")
