"""Units that scoring rules name: they must be among the entities."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.errors import Diagnostic, Message, Place, suggest
from kpi.intake.entities import Entities
from kpi.language.system import System


def unknown(system: System, entities: Entities) -> Iterator[Diagnostic]:
    """Yield an error for each unit that a rule compares with and that is no entity."""
    places = entities.resolve(system.named_units)
    for name in system.named_units:
        if places.get(name, len(entities.names)) < len(entities.names):
            continue
        message = Message("{unit}, with which scores are compared, is not among the entities", unit=name)
        hint: Message | None = suggest(name, entities.names)
        if entities.exclusions.exclude(name) or name in entities.wholes:
            hint = Message('a total is no entity by itself: write `keep: ["{unit}"]` under `entities:`', unit=name)
        yield Diagnostic("K656", message, Place(entity=name), hint)
