"""Secondary suppression by τ-Argus: the cheapest pattern that protects what is suppressed, for linear relations.

A problem is written in the JJ format of τ-Argus: the cells with their value, cost, status (u: suppressed, s: may be, z:
must not be), what readers know of them, and how far from the value they must be able to be; then the linear relations.
An inequality becomes an equation with one more cell that nobody knows. The solver works in a process of its own, in a
folder of its own: it keeps its state in the process and writes into the working folder.

Source: τ-Argus user's manual 4.2, A.3 (the JJ format); Fischetti and Salazar-González (2000).
"""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kpi.analysis.disclosure.cells import Cell, Table
from kpi.errors import DataError, Diagnostic, Message

#: What runs in the process: each folder that is named has a problem and gets its solution.
_SOLVE = """
import os, sys
from pytauargus._tauargus import HiTaSCtrl
for folder in sys.argv[1:]:
    os.chdir(folder)
    code = HiTaSCtrl().full_jj(in_file_jj="JJ.IN", out_file="JJ.OUT", max_time=1)
    with open("CODE", "w") as file:
        file.write(str(code))
"""
#: How much more a zero costs than the largest figure: a zero is suppressed last.
_ZERO = 10


def secondary(tables: Sequence[Table]) -> list[frozenset[Cell] | None]:
    """Return for each table the further cells to suppress; None where no pattern protects what is suppressed.

    Raises:
        DataError: K510, if the package pytauargus is not installed; K961, if it fails.
    """
    if not tables:
        return []
    if importlib.util.find_spec("pytauargus") is None:
        message = Message("secondary suppression needs the package `{name}`", name="pytauargus")
        raise DataError(Diagnostic("K510", message, hint=Message("pip install {packages}", packages="pytauargus")))
    with tempfile.TemporaryDirectory(prefix="kpi-") as folder:
        folders = [Path(folder, str(place)) for place in range(len(tables))]
        orders = []
        for table, path in zip(tables, folders, strict=True):
            path.mkdir()
            orders.append(_write(table, path / "JJ.IN"))
        run = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", _SOLVE, *map(str, folders)], capture_output=True, text=True, check=False
        )
        if run.returncode:
            message = Message("τ-Argus failed with the code {code}", code=run.returncode)
            hint = Message("install another version of the package `{name}`", name="pytauargus")
            raise DataError(Diagnostic("K961", message, hint=hint))
        return [_read(path, order) for path, order in zip(folders, orders, strict=True)]


def _write(table: Table, path: Path) -> list[Cell | None]:
    """Write a table in the JJ format; return its cells in their order, None for those that stand for no figure."""
    cells: list[Cell | None] = list(dict.fromkeys(cell for relation in table.relations for cell in relation.factors))
    numbers = {cell: number for number, cell in enumerate(cells) if cell is not None}
    largest = max((_cost(table.values[cell]) for cell in numbers), default=1)
    lines = []
    for cell, number in numbers.items():
        value, (least, most) = table.values[cell], table.bounds[cell]
        low, high = table.ends.get(cell, (value, value))
        status = "u" if cell in table.ends else "z" if cell in table.published else "s"
        cost = 1 if cell in table.withheld else _cost(value) if value else _ZERO * largest
        lines.append(f"{number} {value!r} {cost} {status} {least!r} {most!r} {value - low!r} {high - value!r} 0")
    equations = []
    for relation in table.relations:
        sums = " ".join(f"{numbers[cell]} ({factor:.15g})" for cell, factor in relation.factors.items())
        total = math.fsum(factor * table.values[cell] for cell, factor in relation.factors.items())
        if relation.is_equation:
            equations.append(f"{total!r} {len(relation.factors)} : {sums}")
            continue
        for end, sign in ((relation.low, -1), (relation.high, 1)):
            if end is not None:
                beside = abs(total - end)
                far = 4 * (beside + sum(abs(value) for value in table.values.values())) + 100
                lines.append(f"{len(lines)} {beside!r} 1 s 0 {far!r} 0 0 0")
                equations.append(f"{end!r} {len(relation.factors) + 1} : {sums} {len(cells)} ({sign})")
                cells.append(None)
    path.write_text("\n".join(["0", str(len(lines)), *lines, str(len(equations)), *equations, ""]), encoding="ascii")
    return cells


def _cost(value: float) -> int:
    return 1 + round(100 * math.log1p(abs(value)))


def _read(folder: Path, cells: Sequence[Cell | None]) -> frozenset[Cell] | None:
    if (folder / "CODE").read_text(encoding="ascii").strip() not in ("0", "1"):
        return None
    numbers = (folder / "JJ.OUT").read_text(encoding="ascii").split()
    chosen = (cells[int(number)] for number in numbers)
    return frozenset(cell for cell in chosen if cell is not None)
