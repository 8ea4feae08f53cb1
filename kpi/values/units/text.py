"""Texts of units: `吨标准煤/万元` read as words with powers, and words with powers written as a text that reads back.

Texts are NFKC-normalised before anything else (／, ％ and ㎡ are what /, % and m² are). `a/b·c` is refused: some read
it as a/(b·c), others as (a/b)·c.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from kpi.errors import Message
from kpi.values.patterns import regex
from kpi.values.units.vocabulary import Powers, has_multiple, meaning, vocabulary

_ONE_SIGN = str.maketrans(
    {"×": "·", "*": "·", "・": "·", "•": "·", "⋅": "·", "∙": "·", "∕": "/", "⁄": "/", "÷": "/", "−": "-"}
    | dict.fromkeys("\u200b\ufeff")
)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENT = regex(r"(?<=[^\d/·(^-])\^?(-?\d+)")
_TOKEN = regex(r"(?P<word>是/否|[^\d/·()^-]+)|(?P<number>\^?-?\d+)|(?P<sign>.)")
_LONGEST = 200


class UnitError(ValueError):
    """A text is no unit, or two units do not go together; `message` says what is wrong and `hint` what to do.

    A hint that takes a search is given as a function, which is called where the hint is shown.
    """

    def __init__(self, message: Message, hint: Message | Callable[[], Message | None] | None = None) -> None:
        self.message, self._hint = message, hint
        super().__init__(message)

    @property
    def hint(self) -> Message | None:
        """What to do."""
        return self._hint() if callable(self._hint) else self._hint

    def __reduce__(self) -> tuple[type[UnitError], tuple[Message, Message | None]]:
        return type(self), (self.message, self.hint)


def plain(text: str) -> str:
    """Return a text in its plain form: NFKC, no zero-width characters, one sign for each meaning.

    >>> plain("１２％ × 万元∕亩")
    '12% · 万元/亩'
    """
    return unicodedata.normalize("NFKC", text).translate(_ONE_SIGN)


def read(text: str, declared: frozenset[str] = frozenset()) -> tuple[str, dict[str, int]]:
    """Return a unit's text, cleaned, and the words it is made of with their powers; the words may be unknown.

    >>> read("（元／人）"), read("吨标准煤/(万元*人^2)")
    (('元/人', {'元': 1, '人': -1}), ('吨标准煤/(万元·人²)', {'吨标准煤': 1, '万元': -1, '人': -2}))

    Raises:
        UnitError: for an empty text, a number inside, signs without a word, and what can be read two ways.
    """
    signs = "".join(plain(text).split()).replace("··", "^")  # `**`, whose stars are dots by now
    signs = re.sub(r"^\(([^()]*)\)$", r"\1", signs)
    signs = {"是否": "是/否"}.get(signs, signs)
    if not signs:
        raise UnitError(Message("no unit is given"))
    if len(signs) > _LONGEST:
        raise UnitError(Message("`{text}…` is too long for a unit", text=signs[:20]))
    return _raised(signs), _Reader(text.strip(), signs, declared).read()


def written(words: Powers) -> str:
    """Return words with powers as a text from which `read` makes them again.

    >>> written((("元", 1), ("人", -1), ("月", -1))), written((("万元", 2),)), written((("人", -1),)), written(())
    ('元/(人·月)', '(万元)²', '1/人', '1')
    """
    above = [_piece(word, n) for word, n in words if n > 0]
    below = [_piece(word, -n) for word, n in words if n < 0]
    under = f"({'·'.join(below)})" if len(below) > 1 else "".join(below)
    return ("·".join(above) or "1") + (f"/{under}" if below else "")


def above_first(words: Mapping[str, int]) -> Powers:
    """Return powers in the order of writing, those above the stroke first, without those that cancel."""
    return (*((word, n) for word, n in words.items() if n > 0), *((word, n) for word, n in words.items() if n < 0))


class _Reader:
    """Read `a·b/c`, `a/(b·c)` and `(a/b)²`: a product of operands, each a word or a product in parentheses."""

    def __init__(self, text: str, signs: str, declared: frozenset[str]) -> None:
        self.text, self.declared, self.at = text, declared, 0
        self.tokens = [(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(signs)] + [("end", "")]

    def read(self) -> dict[str, int]:
        words = self.product()
        if self.tokens[self.at][0] != "end":
            raise self.wrong(Message("`{token}` does not belong there", token=self.tokens[self.at][1]))
        return words

    def product(self) -> dict[str, int]:
        words: dict[str, int] = {}
        direction = 1
        while True:
            for word, n in self.operand().items():
                words[word] = words.get(word, 0) + direction * n
            sign = self.tokens[self.at][1]
            if sign not in {"/", "·"}:
                return words
            if sign == "·" and direction < 0:
                raise self.wrong(Message("`a/b·c` can be read two ways"), Message("write a/(b·c) or a·c/b"))
            direction = -1 if sign == "/" else 1
            self.at += 1

    def operand(self) -> dict[str, int]:
        kind, sign = self.tokens[self.at]
        self.at += 1
        if kind == "word":
            return self.word(sign)
        if kind == "number":
            if sign == "1":
                return {}
            raise self.wrong(
                Message("a unit holds no number"), Message("write the multiple as a word, such as 百件 or 万人")
            )
        if sign != "(":
            raise self.wrong(
                Message("a unit is missing before `{sign}`", sign=sign)
                if sign
                else Message("a unit is missing at the end")
            )
        words = self.product()
        if self.tokens[self.at][1] != ")":
            raise self.wrong(Message("a parenthesis is not closed"))
        self.at += 1
        return self.power(words)

    def word(self, word: str) -> dict[str, int]:
        kind, digits = self.tokens[self.at]
        # 万m² is ten thousand m², not the square of 万m, so that a known m2 goes before a power.
        if kind == "number" and meaning(word + digits.removeprefix("^"), self.declared) is not None:
            self.at += 1
            return {word + digits.removeprefix("^"): 1}
        if kind == "number" and has_multiple(word):
            raise self.wrong(
                Message("`{word}` cannot be raised as it stands", word=word),
                Message("write {unit}", unit=_raised(f"({word}){digits}")),
            )
        return self.power({word: 1})

    def power(self, words: dict[str, int]) -> dict[str, int]:
        kind, digits = self.tokens[self.at]
        if kind != "number":
            return words
        self.at += 1
        exponent = int(digits.removeprefix("^"))
        if not 0 < abs(exponent) <= 99:
            raise self.wrong(Message("the power {exponent} has no meaning", exponent=exponent))
        return {word: n * exponent for word, n in words.items()}

    def wrong(self, why: Message, hint: Message | None = None) -> UnitError:
        return UnitError(Message("`{text}` is not a unit: {why}", text=self.text, why=why), hint)


def _raised(signs: str) -> str:
    return _EXPONENT.sub(lambda match: match[1].translate(_RAISED), signs)


def _piece(word: str, n: int) -> str:
    if n == 1:
        return _raised(word)
    alone = word.isalpha() and not has_multiple(word) and f"{word}{n}" not in vocabulary()
    return (word if alone else f"({_raised(word)})") + str(n).translate(_RAISED)
