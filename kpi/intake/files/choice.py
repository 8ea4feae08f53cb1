"""The sheets and header rows that a definition or a caller chooses, where they are not to be found."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from msgspec import Struct

from kpi.errors import DataError, Diagnostic, Message, Place, suggest
from kpi.intake.files.headers import clean
from kpi.values.patterns import regex


class Choice(Struct, frozen=True):
    """What a dataset declares of its files.

    Attributes:
        dataset: its name.
        sheets: the names or patterns (`20*年`) of its sheets, none for any.
        header: the rows of the header, from 1, none where it is to be found.
    """

    dataset: str
    sheets: tuple[str, ...] = ()
    header: tuple[int, ...] = ()

    def takes(self, sheet: str) -> bool:
        """Return whether the dataset names a sheet.

        >>> Choice("a", ("20*年",)).takes("2023 年"), Choice("a", ("表1",)).takes("表12"), Choice("a").takes("表1")
        (True, False, False)
        """
        return any(fnmatch.fnmatchcase(clean(sheet), clean(pattern)) for pattern in self.sheets)


class Selection(Struct, frozen=True):
    """What is read of a file.

    Attributes:
        sheet: the one sheet that the caller names, None for those that `choices` take.
        choices: those of all datasets that the file may belong to, none where no definition is known.
    """

    sheet: str | None = None
    choices: tuple[Choice, ...] = ()

    def check(self, names: Sequence[str], place: Place) -> None:
        """Raise K501 if a workbook has none of the sheets that are chosen; `names` are those that it has."""
        if self.sheet is not None and self.sheet not in names:
            message = Message("the workbook has no sheet `{sheet}`", sheet=self.sheet)
            hint = suggest(self.sheet, names) or _sheets(names)
            raise DataError(Diagnostic("K501", message, place, hint))
        if self.sheet is None and names and not any(self.of(name) is None or self.of(name) for name in names):
            patterns = tuple(f"`{item}`" for choice in self.choices for item in choice.sheets)
            message = Message("the workbook has none of the sheets that `sheet:` names: {patterns}", patterns=patterns)
            raise DataError(Diagnostic("K501", message, place, _sheets(names)))

    def of(self, sheet: str | None) -> tuple[Choice, ...] | None:
        """Return the choices that hold for a sheet, None where nothing is declared; none where no dataset takes it.

        A sheet that a dataset names belongs to no other one.
        """
        if not self.choices:
            return None
        naming = tuple(choice for choice in self.choices if sheet is not None and choice.takes(sheet))
        if naming or self.sheet is not None:
            return naming or self.choices
        return tuple(choice for choice in self.choices if sheet is None or not choice.sheets)

    def reads(self, sheet: str, *, visible: bool) -> bool:
        """Return whether a sheet is read: a hidden one only if it is named as it is written."""
        if self.sheet is not None:
            return sheet == self.sheet
        items = self.of(sheet)
        if items is not None and not items:
            return False
        return visible or any(clean(sheet) in map(clean, item.sheets) for item in items or ())

    def header(self, sheet: str | None = None) -> tuple[int, ...]:
        """Return the declared rows of the header, from 1; none where the datasets that a file may be of differ."""
        headers = {item.header for item in self.of(sheet) or ()}
        return headers.pop() if len(headers) == 1 else ()

    def datasets(self, sheet: str | None) -> tuple[str, ...] | None:
        """Return the datasets that a sheet may belong to, None for any."""
        items = self.of(sheet)
        return None if items is None or len(items) == len(self.choices) else tuple(item.dataset for item in items)

    @property
    def unclear(self) -> tuple[str, ...]:
        """The datasets whose header rows are not used, as a file without sheets may be of another dataset."""
        headers = {choice.header for choice in self.choices}
        return tuple(choice.dataset for choice in self.choices if choice.header) if len(headers) > 1 else ()


#: Everything that can be read.
EVERYTHING = Selection()


def _sheets(names: Sequence[str]) -> Message:
    return Message("it has {sheets}", sheets=tuple(f"`{name}`" for name in names))


_ABOUT = regex(
    r"(封面|扉页|首页|目录|目次|索引|说明|填[表报]说明|编制说明|使用说明|报表说明|数据说明|指标解释|指标说明|注释|附注|备注|注|声明"
    r"|cover|title(page)?|contents?|tableofcontents|toc|index|notes?|readme|about|metadata|instructions?|legend"
    r"|information|disclaimer|glossary|definitions?|sources?)",
    re.IGNORECASE,
)


def is_about(sheet: str | None) -> bool:
    """Return whether a sheet is about the others, by its name: a cover, a table of contents, notes.

    >>> is_about("Cover"), is_about("填报说明"), is_about("1 Table of contents"), is_about("表1"), is_about(None)
    (True, True, True, False, False)
    """
    return sheet is not None and _ABOUT.fullmatch(re.sub(r"[\W\d_]", "", sheet)) is not None
