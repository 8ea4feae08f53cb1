"""Zip archives of tables: every file inside, named like `a.zip/b.csv`, unpacked one after another within the limits."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from itertools import count
from operator import itemgetter
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.files.encoding import UNZIPPED, check_growth
from kpi.intake.files.table import Scratch, Table

_CHUNK = 1 << 20
#: The most files of an archive.
MOST_FILES = 10_000
#: How many files that are left out a note names.
_NAMED = 12
#: The bit that says that the name of a file is UTF-8, and the one that says that a file has a password.
_UTF8, _LOCKED = 0x800, 0x1

#: Reads a file under a name for users.
ReadFile = Callable[[Path, Place], tuple[Table, ...]]


def is_zip(head: bytes) -> bool:
    """Return whether a file begins like a zip archive."""
    return head.startswith(b"PK\x03\x04")


def read_archive(path: Path, place: Place, is_table: Callable[[str], bool], read: ReadFile) -> tuple[Table, ...]:
    """Read the tables of all files in a zip archive, in the order of their names.

    Errors of files that cannot be read are among the notes of the first table, if others can.

    Args:
        path: the archive.
        place: its name for users.
        is_table: returns whether a file is read, by its name.
        read: reads an unpacked file.

    Raises:
        DataError: K502 no table, K503 damaged, K509 too large, K511 locked, and those of its files if none is readable.
    """
    tables: list[Table] = []
    findings: list[Diagnostic] = []
    left_out: list[str] = []
    taken: set[str] = set()
    for given, info, archive in _files(path, place):
        name = _numbered(given, taken)
        taken.add(name)
        if not is_table(given):
            left_out.append(name)
            continue
        where = Place(f"{place.file}/{name}")
        try:
            scratch = _unpacked(archive, info, path.stat().st_size, where)
            items = read(scratch.path, where)
        except DataError as error:
            findings += error.diagnostics
            continue
        tables += [replace(item, scratch=_Both(item.scratch, scratch)) for item in items]
    if not tables:
        nothing = Diagnostic(
            "K502", Message("the archive holds no table"), place, Message("unpack it and look what it holds")
        )
        raise DataError(findings or [nothing])
    if left_out:
        named = tuple(f"`{name}`" for name in left_out[:_NAMED])
        message = Message("files of the archive that are no tables are left out: {names}", names=named)
        if len(left_out) > _NAMED:
            message = Message("{number:,} files of the archive that are no tables are left out, such as {names}",
                              number=len(left_out), names=named)  # fmt: skip
        findings.append(Diagnostic("K517", message, place, severity=Severity.INFO))
    return (replace(tables[0], notes=(*findings, *tables[0].notes)), *tables[1:])


class _Both(Scratch):
    """Two scratch files that are kept as long as a table: the unpacked file, and one that its reader made."""

    def __init__(self, inner: Scratch | None, outer: Scratch) -> None:
        self.kept = (inner, outer)
        self.path = outer.path if inner is None else inner.path


def _files(path: Path, place: Place) -> Iterator[tuple[str, zipfile.ZipInfo, zipfile.ZipFile]]:
    """Yield the files of an archive with their names, sorted."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [item for item in archive.infolist() if not item.is_dir()]
            if len(parts) > MOST_FILES:
                message = Message(
                    "the archive holds {files:,} files, at most {most:,} are read", files=len(parts), most=MOST_FILES
                )
                raise DataError(Diagnostic("K509", message, place, Message("unpack it and name the folder")))
            check_growth(sum(part.file_size for part in parts), path.stat().st_size, place)
            if any(part.flag_bits & _LOCKED for part in parts):
                hint = Message("unpack it with the password and name the folder")
                raise DataError(Diagnostic("K511", Message("the archive is locked with a password"), place, hint))
            for name, info in sorted(((name_of(part), part) for part in parts), key=itemgetter(0)):
                yield name, info, archive
    except (*UNZIPPED, zlib.error, LookupError, ValueError):
        raise _damaged(place) from None


def _numbered(name: str, taken: Collection[str]) -> str:
    """Return the name of a file of an archive, with a number where another file of the archive has the name.

    >>> _numbered("报表/a.csv", {"报表/a.csv"}), _numbered("a.csv", ())
    ('报表/a (2).csv', 'a.csv')
    """
    if name not in taken:
        return name
    path = PurePosixPath(name)
    numbered = (str(path.with_name(f"{path.stem} ({number}){path.suffix}")) for number in count(2))
    return next(item for item in numbered if item not in taken)


def name_of(info: zipfile.ZipInfo) -> str:
    """Return the name of a file of an archive: in UTF-8 where it says so, else in GB18030 as Windows writes it.

    >>> name_of(zipfile.ZipInfo("报表.csv".encode("gbk").decode("cp437")))
    '报表.csv'
    """
    name = info.filename
    if not info.flag_bits & _UTF8:
        try:
            raw = name.encode("cp437")
            try:
                name = raw.decode("utf-8")
            except UnicodeDecodeError:
                name = raw.decode("gb18030")
        except UnicodeError:
            pass  # a name of another encoding stays as it is
    return str(PurePosixPath(name.replace("\\", "/")))


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, packed: int, place: Place) -> Scratch:
    """Unpack a file of an archive, whatever size it claims to have within the limits.

    Raises:
        DataError: K503 damaged, K509 more than the limits.
    """
    suffixes = "".join(suffix for suffix in PurePosixPath(name_of(info)).suffixes[-2:] if suffix.isascii())
    scratch = Scratch(suffixes or ".unpacked")
    total = 0
    try:
        with archive.open(info) as source, scratch.path.open("wb") as target:
            while chunk := source.read(_CHUNK):
                total += len(chunk)
                check_growth(total, packed, place)
                target.write(chunk)
    except (*UNZIPPED, zlib.error):
        raise _damaged(place) from None
    return scratch


def _damaged(place: Place) -> DataError:
    message = Message("the file is {contents}, not a table", contents=Message("a damaged zip file or workbook"))
    return DataError(Diagnostic("K503", message, place, Message("send or download it again")))
