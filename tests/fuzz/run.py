"""Judges as many mutated inputs as asked for, in one process, and prints what was wrong.

    python tests/fuzz/run.py --count 100000            random cases, always the same for a seed
    python tests/fuzz/run.py --count 100000 --coverage  guided by coverage (pip install atheris)

A case that fails is printed with its number: --only NUMBER judges it alone.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cases import FORMATS, GRID, HARMLESS, LOCAL, RAW, SHAPES, TOKENS, Case, Change


def drawn(seed: int, number: int) -> Case:
    """Return the case of a number: of four, one means the same, one is local, one odd in cells, one odd in bytes."""
    # The stream of a text is the same in every process and version.
    dice = random.Random(f"{seed}/{number}")

    def change(kinds: tuple[str, ...]) -> Change:
        token = dice.choice(TOKENS)
        if dice.random() < 0.2:
            token += dice.choice(TOKENS)
        return Change(dice.choice(kinds), dice.randrange(1 << 30), dice.randrange(1 << 30), token)

    shape, form = dice.choice(tuple(SHAPES)), dice.choice(tuple(FORMATS))
    way = number % 4
    kinds = (tuple(sorted(HARMLESS)), tuple(sorted(HARMLESS | LOCAL)), GRID, GRID)[way]
    grid = tuple(change(kinds) for _ in range(dice.choice((1, 1, 2, 3, 5)) if way < 3 else dice.choice((0, 0, 0, 1))))
    raw = tuple(change(RAW) for _ in range(dice.choice((1, 1, 1, 2, 4)))) if way == 3 else ()
    return Case(shape, form, grid, raw)


def random_cases(numbers: range, seed: int, most: int) -> int:
    """Judges cases and returns how many failed."""
    from judge import Judge, Wrong

    judge, began, failed = Judge(), time.perf_counter(), Counter[str]()
    done = 0
    for number in numbers:
        case = drawn(seed, number)
        try:
            judge.case(case)
        except Wrong as error:
            failed[str(error)[:60]] += 1
            print(f"\n{number}: {error}\n  {case!r}", flush=True)
            if len(numbers) == 1 or failed.total() <= 3:
                traceback.print_exception(error.__cause__ or error, limit=-6, file=sys.stdout)
        done += 1
        if done % 5000 == 0:
            print(f"{done:,} inputs, {time.perf_counter() - began:,.0f} s, {failed.total()} wrong", flush=True)
        if failed.total() >= most:
            break
    judge.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{done:,} inputs in {time.perf_counter() - began:,.0f} s: {judge.scored:,} scored, {judge.refused:,} refused "
        f"with a reason, {failed.total()} wrong; at most {peak:,.0f} MiB"
    )
    return failed.total()


def hostile_definitions(count: int, seed: int) -> int:
    """Judges expressions and definitions and returns how many failed."""
    import hostile

    dice, failed = random.Random(f"{seed}/definitions"), 0
    for number in range(count):
        judge, text = (
            (hostile.judge_definition, hostile.definition(dice))
            if number % 3 == 0
            else (hostile.judge_expression, hostile.expression(dice))
        )
        try:
            hostile.timed(judge, text)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failed += 1
            print(f"\n{judge.__name__}, {type(error).__name__}: {error}\n{text[:2000]}", flush=True)
    print(f"{count:,} expressions and definitions: {failed} wrong", flush=True)
    return failed


def odd_tables(count: int, seed: int) -> int:
    """Judge typed tables with odd columns and return how many failed."""
    import odd_types
    from judge import Judge, Wrong

    judge, failed = Judge(), 0
    for number in range(count):
        try:
            odd_types.judge_table(judge, odd_types.drawn(random.Random(f"{seed}/types/{number}")))
        except Wrong as error:
            failed += 1
            print(f"\ntyped table {number}: {error}", flush=True)
    judge.close()
    print(f"{count:,} typed tables, each in four forms: {failed} wrong", flush=True)
    return failed


def hostile_connections(count: int, seed: int) -> int:
    """Judge connection strings and return how many are shown."""
    import connections

    dice, failed = random.Random(f"{seed}/connections"), 0
    for _ in range(count):
        try:
            connections.judge_connection(connections.connection(dice))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failed += 1
            print(f"\n{type(error).__name__}: {error}", flush=True)
    print(f"{count:,} connection strings: {failed} wrong", flush=True)
    return failed


def guided(count: int) -> None:
    """Lets atheris draw the cases, so that each new branch of the reader is followed; it ends the process."""
    import atheris

    with atheris.instrument_imports(
        include=["kpi.intake", "kpi.values.periods", "kpi.values.period_texts", "kpi.values.units"]
    ):
        from judge import Judge
    judge = Judge()

    def try_bytes(data: bytes) -> None:
        draw = atheris.FuzzedDataProvider(data)

        def change(kinds: tuple[str, ...]) -> Change:
            token = draw.PickValueInList(list(TOKENS)) if draw.ConsumeBool() else draw.ConsumeUnicodeNoSurrogates(12)
            kind = kinds[draw.ConsumeIntInRange(0, len(kinds) - 1)]
            return Change(kind, draw.ConsumeIntInRange(0, 1 << 16), draw.ConsumeIntInRange(0, 1 << 16), token)

        shape, form = draw.PickValueInList(list(SHAPES)), draw.PickValueInList(list(FORMATS))
        kinds = (tuple(sorted(HARMLESS)), tuple(sorted(HARMLESS | LOCAL)), GRID)[draw.ConsumeIntInRange(0, 2)]
        grid = tuple(change(kinds) for _ in range(draw.ConsumeIntInRange(0, 4)))
        raw = tuple(change(RAW) for _ in range(draw.ConsumeIntInRange(0, 3)))
        judge.case(Case(shape, form, grid, raw))

    atheris.Setup([sys.argv[0], f"-runs={count}", "-timeout=120", "-max_len=400", "-print_final_stats=1"], try_bytes)
    atheris.Fuzz()


def main() -> int:
    """Reads the options and returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="the number of the first case")
    options.add_argument("--only", type=int, help="judge the case of this number alone")
    options.add_argument("--most", type=int, default=50, help="stop after so many wrong answers")
    options.add_argument("--coverage", action="store_true", help="let atheris draw the cases")
    given = options.parse_args()
    if given.coverage:
        guided(given.count)
    first, count = (given.first, given.count) if given.only is None else (given.only, 1)
    wrong = 0
    if given.only is None:
        wrong += hostile_definitions(count // 10, given.seed)
        wrong += hostile_connections(count // 20, given.seed)
        wrong += odd_tables(count // 50, given.seed)
    return min(1, wrong + random_cases(range(first, first + count), given.seed, given.most))


if __name__ == "__main__":
    sys.exit(main())
