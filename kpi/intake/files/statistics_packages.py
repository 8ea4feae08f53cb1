"""Files of statistics packages: SPSS (.sav, .zsav) and Stata (.dta), with the labels of variables and values.

A variable has a short name and a label, its second name here. A value may stand for a text (1 is 甲县): a key is read
as that text, a figure as the number, unless its label is a mark of a missing figure. Values that the file declares as
missing are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.headers import clean
from kpi.intake.files.packages import imported
from kpi.intake.files.table import Table, cause
from kpi.process.limits import make_sure

#: The versions of .dta files that are no XML, by their first byte.
_OLD_STATA = {0x69, *range(0x6C, 0x74)}
#: The most bytes of memory per byte of a file while it is read.
_GROWTH = 12


def is_spss(head: bytes) -> bool:
    """Return whether a file is one of SPSS, compressed or not."""
    return head.startswith((b"$FL2", b"$FL3"))


def is_stata(head: bytes) -> bool:
    """Return whether a file is one of Stata, of any version."""
    old = len(head) > 4 and head[0] in _OLD_STATA and head[1] in (1, 2) and head[2] == 1 and head[3] == 0
    return old or head.startswith(b"<stata_dta>")


#: The texts that the values of columns stand for, by column.
Values = Mapping[str, Mapping[float | str, str]]


def frame_of(path: Path, kind: Literal["sav", "dta"], place: Place) -> tuple[pl.DataFrame, Values, Mapping[str, str]]:
    """Return the rows of a file, the texts of its values by column, and the labels of its variables.

    Columns of whole numbers are integers: years, codes.

    Raises:
        DataError: K503 damaged, K509 too large, K510 a package is missing.
    """
    contents = Message("an SPSS file (.sav)") if kind == "sav" else Message("a Stata file (.dta)")
    pyreadstat = imported("pyreadstat", "survey", contents, place)
    make_sure(path.stat().st_size * _GROWTH, Message("the table {file}", file=place.file))
    try:
        reader = pyreadstat.read_sav if kind == "sav" else pyreadstat.read_dta
        frame, meta = reader(str(path), output_format="polars")
        frame = pl.DataFrame(frame)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # noqa: BLE001 - the reader raises any exception on a damaged file
        message = Message("the file is damaged: {error}", error=cause(error))
        raise DataError(Diagnostic("K503", message, place, Message("write or download it again"))) from None
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    numbers = [pl.selectors.by_name(name).fill_nan(None) for name in floats]
    frame = frame.with_columns(numbers)
    limit = 2.0**53
    whole = [name for name in floats if frame[name].drop_nulls().is_between(-limit, limit).all()
             and (frame[name].drop_nulls() % 1 == 0).all()]  # fmt: skip
    frame = frame.with_columns(pl.selectors.by_name(*whole).cast(pl.Int64)) if whole else frame
    labels = {name: label for name, label in meta.column_names_to_labels.items() if label and label.strip()}
    return frame, meta.variable_value_labels, labels


def labelled(table: Table, names: Mapping[str, str], labels: Mapping[str, str], values: Values) -> Table:
    """Return a table with the labels of its variables and values; `names` are the columns by the names of variables."""
    return replace(
        table,
        labels={names[name]: clean(label) for name, label in labels.items()},
        value_labels={names[name]: items for name, items in values.items() if name in names},
    )
