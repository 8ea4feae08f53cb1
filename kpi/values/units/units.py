"""Statistical units (计量单位): 万元, 件, 亩, %, 百分点 and what they make together, such as 万元/亩.

A `Unit` is a plain immutable value: its text, its size in base units as an exact fraction, and its dimension. Units are
resolved when a system is compiled; what runs on data is a multiplication by `factor`. Every counting word (件, 户, 人)
is a dimension of its own: 户 minus 家 is an error, 件/人 is fine. A difference of two % is 百分点, which is not %.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction

from msgspec import Struct

from kpi.errors import Message
from kpi.values.doubles import double
from kpi.values.patterns import regex
from kpi.values.units import english
from kpi.values.units.text import UnitError, above_first, plain, read, written
from kpi.values.units.vocabulary import (
    COUNTING_WORDS,
    INTENSIVE,
    MULTIPLES,
    Powers,
    counts,
    in_order,
    meaning,
    nearest,
    predicate,
)

_SHARE: Powers = ()
_POINTS: Powers = (("percentage points", 1),)
_ADVICE = {
    frozenset({_SHARE, _POINTS}): Message("a share is in %, the difference of two % is in 百分点"),
    frozenset({(("time", 1),), (("months", 1),)}): Message("a month has no fixed number of days"),
    frozenset({(("time", 1),), (("working days", 1),)}): Message("calendar days say nothing of working days"),
}
_QUANTITY = regex(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*+(?![\d,.])(.*)", re.DOTALL)


class Unit(Struct, frozen=True):
    """A unit: its text as written, cleaned; its exact size in base units; its dimension; the words it is made of.

    >>> str(parse("万元／亩")), parse("万元").scale, parse("件/人").dimension
    ('万元/亩', Fraction(10000, 1), (('人', -1), ('件', 1)))
    """

    text: str
    scale: Fraction
    dimension: Powers
    words: Powers

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        # NOTE: units are keys of everything that is computed of them, and the hash of a fraction takes a while.
        return hash(self.text)


ONE = Unit("1", Fraction(1), _SHARE, ())
PERCENT = Unit("%", Fraction(1, 100), _SHARE, (("%", 1),))
PER_MILLE = Unit("‰", Fraction(1, 1000), _SHARE, (("‰", 1),))
POINTS = Unit("百分点", Fraction(1), _POINTS, (("百分点", 1),))
PER_MILLE_POINTS = Unit("千分点", Fraction(1, 10), _POINTS, (("千分点", 1),))
#: Differences of points in time; whole numbers of them are exact.
MICROSECONDS = Unit("微秒", Fraction(1, 10**6), (("time", 1),), (("微秒", 1),))
WORKING_DAY = Unit("工作日", Fraction(1), (("working days", 1),), (("工作日", 1),))
YES_NO = Unit("是/否", Fraction(1), (("yes or no", 1),), (("是/否", 1),))

_declared: ContextVar[frozenset[str]] = ContextVar("declared", default=frozenset())


@contextmanager
def declared(words: Iterable[str]) -> Iterator[None]:
    """Within the block, in this thread, `words` are counting words too; units made of them stay valid after it.

    >>> with declared(["杆"]):
    ...     poles = parse("万杆")
    >>> conversion(["杆"], poles)
    {'杆': 0.0001}

    Raises:
        UnitError: for a word that has another meaning, is not Chinese, or begins with a multiple such as 万.
    """
    added = frozenset(plain(word).strip() for word in words)
    for word in sorted(added - COUNTING_WORDS):
        known = meaning(word)
        if known is not None:
            raise UnitError(
                Message(
                    "`{word}` cannot be declared as a counting word: it {meaning}",
                    word=word,
                    meaning=predicate(known[1]),
                )
            )
        if not word.isalpha() or word.isascii() or word.startswith(tuple(MULTIPLES)):
            hint = Message(
                "a counting word is Chinese, has no signs or digits, and does not begin with 百, 千, 万 or 亿"
            )
            raise UnitError(Message("`{word}` cannot be declared as a counting word", word=word), hint)
    token = _declared.set(_declared.get() | added)
    try:
        yield
    finally:
        _declared.reset(token)


def parse(text: str) -> Unit:
    """Return the unit that a text stands for: a word, or words joined by `/`, `·` and parentheses, with powers.

    >>> [str(parse(text)) for text in ("万元", "％", "吨标准煤／万元", "元/(人*月)", "万㎡", "是否", "million yuan")]
    ['万元', '%', '吨标准煤/万元', '元/(人·月)', '万m²', '是/否', '百万元']

    Raises:
        UnitError: for a word that is no unit, with what was probably meant; for `元/人·月`, which can be read two ways.
    """
    return _parse(text, _declared.get())


def split_quantity(text: str) -> tuple[float, Unit | None]:
    """Return the number of a quantity and its unit, None where none is written.

    >>> [(number, str(unit)) for number, unit in map(split_quantity, ("3 万件", "12.5%", "-1,234.5", "１０％"))]
    [(3.0, '万件'), (12.5, '%'), (-1234.5, 'None'), (10.0, '%')]

    Raises:
        UnitError: when the text does not begin with a number, or what follows is no unit.
    """
    match = _QUANTITY.fullmatch(plain(text).strip())
    number = double(match[1].replace(",", "")) if match else math.inf
    if match is None or not math.isfinite(number):
        raise UnitError(
            Message("`{text}` is not a quantity", text=text),
            Message("a quantity is a number and a unit, such as 3 万件 or 12.5%"),
        )
    return number, parse(match[2]) if match[2] else None


def convertible(first: Unit, second: Unit) -> bool:
    """Return whether two units measure the same thing, so that `factor` has an answer.

    >>> convertible(parse("亿元"), parse("千元")), convertible(PERCENT, POINTS), convertible(parse("户"), parse("家"))
    (True, False, False)
    """
    return first.dimension == second.dimension


@functools.lru_cache(maxsize=4096)
def factor(source: Unit, target: Unit) -> float:
    """Return what a value in `source` is multiplied by to be in `target`, exact but for one rounding to a double.

    >>> factor(parse("亿元"), parse("万元")), factor(parse("公顷"), parse("亩"))
    (10000.0, 15.0)
    >>> factor(divide(parse("亿元"), parse("万元")), PERCENT)
    1000000.0

    Raises:
        UnitError: when the two are of different dimensions, or the factor is beyond what a double holds.
    """
    if source.dimension != target.dimension:
        refusal = Message("{source} cannot be converted to {target}", source=source, target=target)
        raise _mismatch(refusal, source, target)
    return _double(source.scale / target.scale, source, target)


@functools.lru_cache(maxsize=4096)
def multiply(first: Unit, second: Unit) -> Unit:
    """Return the unit of a product; equal words cancel.

    >>> str(multiply(parse("元/人"), parse("人"))), str(multiply(ONE, parse("元"))), str(multiply(PERCENT, parse("元")))
    ('元', '元', '%·元')
    """
    return _product(first, second, 1)


@functools.lru_cache(maxsize=4096)
def divide(first: Unit, second: Unit) -> Unit:
    """Return the unit of a quotient; equal words cancel, and a unit by itself is ONE.

    >>> str(divide(parse("元"), parse("件"))), str(divide(parse("元/人"), parse("月"))), divide(PERCENT, PERCENT) == ONE
    ('元/件', '元/(人·月)', True)
    """
    return _product(first, second, -1)


@functools.lru_cache(maxsize=4096)
def power(unit: Unit, exponent: int) -> Unit:
    """Return a unit raised to a whole number.

    >>> str(power(parse("万元/人"), 2)), str(power(parse("米"), -1)), power(PERCENT, 0) == ONE
    ('(万元)²/人²', '1/米', True)

    Raises:
        UnitError: for an exponent beyond 99, which no statistic has.
    """
    if abs(exponent) > 99:
        raise UnitError(
            Message("{unit} cannot be raised to {exponent}", unit=unit, exponent=exponent),
            Message("exponents go from -99 to 99"),
        )
    words = above_first({word: n * exponent for word, n in unit.words})
    dimension = in_order({name: n * exponent for name, n in unit.dimension})
    return Unit(written(words), unit.scale**exponent, dimension, words)


@functools.lru_cache(maxsize=4096)
def add(first: Unit, second: Unit) -> tuple[Unit, float]:
    """Return the unit of a sum, and what the second value is multiplied by before it is added.

    % + 百分点 is %, as is 百分点 + %; otherwise the sum is in the first unit and both must be of one dimension.

    >>> [(str(unit), by) for unit, by in (add(parse("亿元"), parse("万元")), add(PERCENT, POINTS), add(ONE, PERCENT))]
    [('亿元', 0.0001), ('%', 1.0), ('1', 0.01)]

    Raises:
        UnitError: when the two cannot be added.
    """
    if first.dimension == _POINTS and second.dimension == _SHARE:
        share = {POINTS.scale: PERCENT, PER_MILLE_POINTS.scale: PER_MILLE}.get(first.scale)
        if share is not None:
            return share, factor(second, share)
    return _sum(first, second, Message("{second} cannot be added to {first}", first=first, second=second))


@functools.lru_cache(maxsize=4096)
def subtract(first: Unit, second: Unit) -> tuple[Unit, float]:
    """Return the unit of a difference, and what the second value is multiplied by before it is taken off.

    % - % is 百分点, ‰ - ‰ is 千分点, % - 百分点 is %; otherwise as for `add`.

    >>> [str(subtract(first, second)[0]) for first, second in ((PERCENT, PERCENT), (PERCENT, POINTS), (ONE, PERCENT))]
    ['百分点', '%', '1']

    Raises:
        UnitError: when the second cannot be taken off the first.
    """
    refusal = Message("{second} cannot be subtracted from {first}", first=first, second=second)
    unit, by = _sum(first, second, refusal)
    if second.dimension == _SHARE:
        unit = {PERCENT: POINTS, PER_MILLE: PER_MILLE_POINTS}.get(unit, unit)
    return unit, by


def is_of_months(unit: Unit) -> bool:
    """Return whether a unit counts months, quarters or years, which have no fixed number of days.

    >>> is_of_months(parse("个月")), is_of_months(parse("天"))
    (True, False)
    """
    return unit.dimension == (("months", 1),)


def is_count(unit: Unit) -> bool:
    """Return whether a unit counts things, in ones or in multiples such as 万件.

    >>> [text for text in ("件", "万人", "万元", "件/人", "%") if is_count(parse(text))]
    ['件', '万人']
    """
    return counts(unit.dimension)


@functools.lru_cache(maxsize=4096)
def summable(unit: Unit) -> bool:
    """Return whether figures in the unit add up over entities and months: money, counts, area, mass, energy, time.

    Shares, 百分点, 是/否, scores, ranks, levels and ratios such as 万元/人 do not.

    >>> [text for text in ("万元", "件", "吨公里", "%", "分", "万元/人", "是/否") if summable(parse(text))]
    ['万元', '件', '吨公里']
    """
    return bool(unit.dimension) and all(n > 0 and name not in INTENSIVE for name, n in unit.dimension)


def conversion(texts: Iterable[str], to: Unit) -> dict[str, float | UnitError]:
    """Return the factor to `to` of each distinct text of a `unit` column, or the error with its reason.

    >>> conversion(["万元", "亿元", "件", "万元"], parse("亿元"))
    {'万元': 0.0001, '亿元': 1.0, '件': UnitError('件 cannot be converted to 亿元: 件 counts 件, 亿元 is money')}
    """
    # Data are read after the definition's block of declared words has ended, but `to` still carries its own.
    words = _declared.get() | {name for name, _ in to.dimension if not name.isascii()}
    factors: dict[str, float | UnitError] = {}
    for text in dict.fromkeys(texts):
        try:
            factors[text] = factor(_parse(text, words), to)
        except UnitError as error:
            factors[text] = error
    return factors


@functools.lru_cache(maxsize=4096)
def _parse(text: str, extra: frozenset[str]) -> Unit:
    try:
        return _parsed(text, extra)
    except UnitError:
        if (chinese := english.in_chinese(plain(text).strip())) is None:
            raise
        return _parsed(chinese, extra)


def _parsed(text: str, extra: frozenset[str]) -> Unit:
    cleaned, powers = read(text, extra)
    scale, dimension = Fraction(1), dict[str, int]()
    for word, n in powers.items():
        known = meaning(word, extra)
        if known is None:
            if word == cleaned:
                message = Message("`{word}` is not a unit", word=word)
            else:
                message = Message("`{word}` is not a unit (in `{text}`)", word=word, text=cleaned)
            raise UnitError(message, functools.partial(nearest, word, extra))
        scale *= known[0] ** n
        for name, m in known[1]:
            dimension[name] = dimension.get(name, 0) + n * m
    return Unit(cleaned, scale, in_order(dimension), above_first(powers))


def _product(first: Unit, second: Unit, direction: int) -> Unit:
    powers, dimension = dict(first.words), dict(first.dimension)
    for into, more in ((powers, second.words), (dimension, second.dimension)):
        for name, n in more:
            into[name] = into.get(name, 0) + direction * n
    words = above_first(powers)
    return Unit(written(words), first.scale * second.scale**direction, in_order(dimension), words)


def _sum(first: Unit, second: Unit, refusal: Message) -> tuple[Unit, float]:
    if YES_NO.dimension in {first.dimension, second.dimension}:
        raise UnitError(
            Message("{refusal}: 是/否 is not an amount", refusal=refusal),
            Message("count them, or use CASE to give each a number"),
        )
    if first.dimension == _SHARE and second.dimension == _POINTS:
        return first, _double(second.scale / 100 / first.scale, second, first)
    if first.dimension != second.dimension:
        raise _mismatch(refusal, first, second)
    return first, factor(second, first)


def _double(exact: Fraction, source: Unit, target: Unit) -> float:
    try:
        number = float(exact)
    except OverflowError:
        number = 0.0
    if number == 0:
        raise UnitError(
            Message("{source} and {target} are too far apart to be converted", source=source, target=target)
        )
    return number


def _mismatch(refusal: Message, first: Unit, second: Unit) -> UnitError:
    hint = _ADVICE.get(frozenset({first.dimension, second.dimension}))
    if counts(first.dimension) and counts(second.dimension):
        hint = Message("every counting word counts a kind of thing of its own; a quotient of two is fine")
    return UnitError(
        Message(
            "{refusal}: {first} {first_meaning}, {second} {second_meaning}",
            refusal=refusal,
            first=first,
            first_meaning=predicate(first.dimension),
            second=second,
            second_meaning=predicate(second.dimension),
        ),
        hint,
    )
