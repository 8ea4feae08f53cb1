"""What a survey notes down of a table: what has to be declared of it, and what had to be guessed."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from kpi.errors import Message


class Guess(Struct, frozen=True):
    """Something that no file says: what was taken for it, and of which columns that holds."""

    message: Message
    place: str | None = None


class Notes(Struct, frozen=True):
    """Declarations and guesses.

    Attributes:
        plain: what a dataset says of the table where its shape is recognised.
        declared: the same with its shape and keys in full.
        guesses: what had to be guessed.
    """

    plain: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    guesses: list[Guess] = field(default_factory=list)

    def guess(self, message: Message, header: str | None = None) -> None:
        """Add a guess."""
        self.guesses.append(Guess(message, header))

    def declare(self, key: str, value: object) -> None:
        """Declare what is not recognised."""
        self.declared[key] = self.plain[key] = value

    def declare_column(self, of: str, source: object, *, plain: bool = True) -> None:
        """Declare where a key stands; with `plain` it would not be known otherwise."""
        self.declared.setdefault("columns", {})[of] = source
        if plain:
            self.plain.setdefault("columns", {})[of] = source

    def declare_dates(self, order: str) -> None:
        """Declare the order of year, month and day in dates."""
        self.declare("dates", order)
        other = "mdy" if order == "dmy" else "dmy"
        self.guess(Message("dates are {order}, not {other}", order=order, other=other))
