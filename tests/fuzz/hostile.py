"""Hostile definitions: expressions and YAML from a grammar of what breaks parsers, and what must hold of the answers.

python tests/fuzz/hostile.py --seconds 60     with atheris, where it is installed, else with random bytes
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

#: Seconds within which everything is answered.
SECONDS = 10

_LEAVES = (
    "a",
    "b",
    "t",
    "0",
    "1",
    "1e308",
    "1e-320",
    "9" * 40,
    "'网'",
    "''",
    "NULL",
    "TRUE",
    '"a"',
    "甲",
    "ｂ",
    "1.",
    ".5",
)
_BINARY = (
    "+",
    "-",
    "*",
    "/",
    "=",
    "<>",
    "<",
    ">=",
    "AND",
    "OR",
    "LIKE",
    "||",
    "%",
    "--",
    "<=>",
    "::",
    "IS",
    "ＡＮＤ",
    "≥",
)
_SHAPES = (
    "({0})", "-{0}", "NOT {0}", "abs({0})", "round({0}, 2)", "round({0}, {1})", "coalesce({0}, {1})", "left({0}, {1})",
    "least({0}, {1})", "power({0}, {1})", "sqrt({0})", "exp({0})", "CASE WHEN {0} THEN {1} END", "{0} IS NULL",
    "CASE {0} WHEN {1} THEN 2 ELSE {0} END", "{0} BETWEEN {1} AND {0}", "{0} IN ({1}, {0})", "{0} IN ()",
    "IF({0}, {1}, 0)", "(SELECT {0})", "read_csv('{1}')", "{0} OVER ()", "{0}; {1}", "{0} /* {1} */", "CAST({0} AS int)",
    "{0}.{1}", "{0}[{1}]", "length({0}, {1})", "f({0})", "{{{0}}}", "interval '1' {0}", "date {0}", "@{0}", ":{0}", "?",
)  # fmt: skip
_SYSTEM = """\
system: hostile
period: quarter
entities: {{title: 县}}
datasets: {{i: {{form: records}}}}
measures:
  a: {{unit: 亿元}}
  b: {{unit: 件, title: {word}}}
  c: {{kind: count, unit: 件, from: i, where: {where}}}
indicators:
  x: {{kind: level, of: a, target: {{at_least: {number}, by: {word}}}}}
  y: {{kind: formula, expr: {expr}, unit: {word}}}
pillars: {{p: {{weight: {number}, parts: {{x: {number}, y: 1}}}}}}
adjustments: {{v: {{kind: bonus, points: {number}, when: {where}}}}}
stars: {{kind: bands, cuts: {{5: {number}, 1: 0}}}}
"""
_WORDS = ("件", "x" * 3000, "''", "~", "[]", "{}", "&a [*a]", "*a", "!!python/object:os.system x", "2025", "ＧＤＰ", "é",
          "e\u0301", "\u202e", "0x" + "f" * 500, ".nan", "-.inf", "：", "|", ">", "%", "`", "'", '"', "#", "- -", "? ?")  # fmt: skip
_NUMBERS = ("1", "0", "-1", "1e308", "5e-324", ".inf", "-.inf", ".nan", "9" * 400, "1e400", "'3 万件'", "1e300 件", "[1, 2]",
            "~", "true", "0o17", "1_000", "１２")  # fmt: skip


def expression(dice: random.Random, depth: int = 4) -> str:
    """Return an expression, often of what the language does not have."""
    way = dice.random()
    if depth <= 0 or way < 0.2:
        return dice.choice(_LEAVES)
    if way < 0.5:
        return f" {dice.choice(_BINARY)} ".join(expression(dice, depth - 1) for _ in range(dice.choice((2, 2, 3))))
    if way < 0.53:
        shape, inner = dice.choice(_SHAPES[:14]), dice.choice(_LEAVES)
        for _ in range(dice.choice((5, 20, 40, 300))):
            inner = shape.format(inner, "b")[:20_000]
        return inner
    if way < 0.56:
        return f" {dice.choice(_BINARY)} ".join([expression(dice, 0)] * dice.choice((100, 1000, 3000)))
    return dice.choice(_SHAPES).format(expression(dice, depth - 1), expression(dice, depth - 2))


def definition(dice: random.Random) -> str:
    """Return the YAML of a system with hostile parts, some of its letters changed."""

    def quoted() -> str:
        text = expression(dice)
        return text if dice.random() < 0.1 else "'" + text.replace("'", "''") + "'"

    text = _SYSTEM.format(
        word=dice.choice(_WORDS), number=dice.choice(_NUMBERS), expr=quoted(), where=quoted()
    )  # fmt: skip
    for _ in range(dice.choice((0, 0, 1, 3))):
        at = dice.randrange(len(text))
        text = (
            text[:at]
            + dice.choice(("", "\n", "\t", ":", "{", "]", "：", "，", "\x00", "*a ", "&a ", "  "))
            + text[at + 1 :]
        )
    return text


def judge_expression(text: str) -> None:
    """Judge that a text is an expression whose plan runs, or a finding with its place and what to do."""
    import polars as pl

    from kpi.language import expressions
    from kpi.values import units
    from kpi.values.status import Status
    from kpi.language.expressions.terms import ExpressionError, Term, figure

    frame = pl.DataFrame(
        {
            "a": [1.0, None],
            "b": [0.0, 2.0],
            "t": ["网上", None],
            "a.status": ["ok", "refused"],
            "b.status": ["ok", "ok"],
        },
        schema_overrides={"a.status": Status, "b.status": Status},
    )

    def scope(name: str) -> Term | None:
        unit = {"a": "亿元", "b": "件"}.get(name)
        known = None if unit is None else figure(name, units.parse(unit), exact=True)
        return Term(pl.col("t"), "text") if name == "t" else known

    try:
        parsed = expressions.parse(text)
        parsed.column_kinds()
        parsed.tells_blank()
        term = parsed.resolve(scope)
    except ExpressionError as error:
        result = error
    else:
        frame.select(x=term.expr)
        return
    start, length = result.span
    assert result.message, text
    assert 0 <= start <= len(text), (text, result.span)
    assert length >= 0, (text, result.span)


def judge_number(text: str) -> None:
    """Judge that a cell is a number or none, and that a number is finite."""
    import math

    from kpi.intake.cells.numbers import read_number

    result = read_number(text)
    assert result.value is None or math.isfinite(result.value), text


def judge_definition(text: str) -> None:
    """Judge that a definition is a system or findings with words, of sensible length."""
    from kpi.language.loading.loader import examine_text

    result = examine_text(text)
    assert result.system is not None or result.findings, text
    for item in result.findings:
        assert item.code, text
        assert item.message, text
        assert len(item.message) < 1200, text


def timed(judge: Callable[[str], None], text: str) -> None:
    """Judge a text, in time."""
    began = time.perf_counter()
    judge(text)
    assert time.perf_counter() - began < SECONDS, f"{time.perf_counter() - began:.1f} s: {text[:300]}"


def parsers(data: bytes) -> None:
    """Judge bytes as a cell and as an expression."""
    text = data.decode("utf-8", "ignore")
    timed(judge_number, text)
    timed(judge_expression, text)


def main() -> int:
    """Feed the parsers for some seconds and return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    try:
        import atheris
    except ImportError:
        judge_expression("a + 1")  # what is imported once takes its time
        judge_number("1")
        dice, ends, number = random.Random(given.seed), time.monotonic() + given.seconds, 0
        while time.monotonic() < ends:
            text = expression(dice).encode()
            at = dice.randrange(len(text) + 1)
            parsers(text[:at] + dice.randbytes(dice.choice((0, 0, 1, 4))) + text[at:])
            number += 1
        print(f"{number:,} inputs, without atheris")
        return 0
    with atheris.instrument_imports(
        include=[
            "kpi.language.expressions",
            "kpi.language.expressions.grammar",
            "kpi.language.expressions.limits",
            "kpi.intake.cells.numbers",
        ]
    ):
        judge_expression("a + 1")
        judge_number("1")
    # The most memory that this process has used counts, which is that of its parent where that had more.
    limit = 2048 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options = [f"-max_total_time={given.seconds}", "-timeout=30", "-max_len=400", f"-rss_limit_mb={limit}"]
    atheris.Setup([sys.argv[0], *options], parsers)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
