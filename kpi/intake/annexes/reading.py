"""Files to drafts of definitions: an annex of a 考核办法, or the tables of COINr and of the COIN Tool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.annexes.coin import coin_tool_draft, coinr_draft, is_coin_tool, is_framework
from kpi.intake.annexes.definition import definition_of
from kpi.intake.annexes.drafts import Draft
from kpi.intake.annexes.grids import Grid
from kpi.intake.annexes.rows import read_rows
from kpi.intake.annexes.sources import read_grids


def draft_of(paths: Sequence[Path]) -> Draft:
    """Return the draft of the definition that files state.

    Args:
        paths: the annex; or iMeta and iData, in any order; or a workbook of the COIN Tool.

    Raises:
        DataError: K501 to K510 as `read_grids`; K721 no table of indicators; K728 and K729 as `coinr_draft`.
    """
    grids = {path: read_grids(path) for path in paths}
    if len(paths) == 1 and is_coin_tool(grids[paths[0]]):
        return coin_tool_draft(grids[paths[0]], paths[0])
    frameworks = [path for path in paths if is_framework(grids[path][0])]
    if frameworks:
        others = [path for path in paths if path not in frameworks]
        return coinr_draft(grids[frameworks[0]][0], None if not others else grids[others[0]][0], frameworks[0], others)
    if len(paths) > 1:
        message = Message("one annex makes one definition; {number} files are given", number=len(paths))
        hint = Message("give one file, or the tables iMeta and iData of COINr")
        raise DataError(Diagnostic("K721", message, Place(str(paths[1])), hint))
    path = paths[0]
    annex = read_rows(grids[path])
    if annex is None:
        raise DataError(_no_table(path, grids[path]))
    return definition_of(annex, path.stem)


def _no_table(path: Path, grids: Sequence[Grid]) -> Diagnostic:
    shown = next((cell for grid in grids for row in grid.rows for cell in row if cell), "")
    message = Message("no table of indicators is in the file; it begins with `{text}`", text=shown[:40])
    hint = Message("a table of indicators has headings such as 一级指标, 二级指标, 分值 and 评分标准")
    return Diagnostic("K721", message, Place(str(path)), hint)
