"""What a file is by its first bytes, and text in any encoding as a UTF-8 file.

Recognition goes by content, never by the name: a workbook called .csv is a workbook. Text is decoded strictly, in a
stream of constant memory: UTF-8, else UTF-16 or UTF-32 (by byte order mark or by their zero bytes), else GB18030,
which contains GBK and GB2312.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.table import Scratch
from kpi.process.limits import shortage

Packing = Literal["gzip", "zstd"]

#: The most that a compressed file may unpack to, in bytes.
MOST_UNPACKED = 16 * 1024**3

#: The most that a compressed file may grow, once it is beyond `FREE_GROWTH` bytes: more is a bomb, not data.
MOST_GROWTH = 200
FREE_GROWTH = 64 * 1024**2

_CHUNK = 1 << 20
_MARKS = (  # the longer first: UTF-32 starts like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZIP, _COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKINGS: tuple[tuple[bytes, Packing], ...] = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"{\\rtf", "an RTF document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"SQLite format 3", "an SQLite database"),
)
_ZIPPED = (
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
    ("content.xml", "an OpenDocument file"),
)
#: What `zipfile` raises on damaged archives: a flipped flag makes it ask for a password (RuntimeError), or for a method
#: that it does not know, whose error is a kind of RuntimeError.
UNZIPPED = (zipfile.BadZipFile, RuntimeError, EOFError, struct.error, OverflowError)
# How many non-ASCII characters must decode before a failure for the file to be damaged UTF-8 rather than GB18030,
# where a run of so many pairs that happen to be UTF-8 does not occur.
_CONVINCING = 8


@dataclass(frozen=True, slots=True)
class Text:
    """A text file in UTF-8: where it is, the encoding it came in, its line count, and the scratch file if it is one."""

    path: Path
    encoding: str
    lines: int
    scratch: Scratch | None = None


def beginning(path: Path, place: Place) -> bytes:
    """Return the first bytes of a file, by which its format is recognised.

    Raises:
        DataError: K502, an empty file.
    """
    with path.open("rb") as file:
        head = file.read(8192)
    if not head.strip(b"\0\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise DataError(Diagnostic("K502", Message("the file is empty"), place))
    return head


def is_xlsx(path: Path, head: bytes) -> bool:
    """Return whether a file is a workbook of Excel since 2007: a zip archive with `xl/workbook.xml`."""
    if not head.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except UNZIPPED:
        return False


def is_xls(path: Path, head: bytes) -> bool:
    """Return whether a file is a workbook of Excel before 2007 that is not locked: a compound file with a workbook."""
    if not head.startswith(_COMPOUND):
        return False
    content = path.read_bytes()
    parts = {name for name in (*_WORKBOOKS, *_NO_WORKBOOKS) if name.encode("utf-16-le") in content}
    return bool(parts & set(_WORKBOOKS)) and not parts & set(_NO_WORKBOOKS)


_WORKBOOKS, _NO_WORKBOOKS = ("Workbook", "Book"), ("EncryptedPackage", "WordDocument")


def packing(path: Path, head: bytes, place: Place) -> Packing | None:
    """Return how a file that no format recognises is compressed, None for text.

    Raises:
        DataError: K503, no table at all; K511, a workbook locked with a password.
    """
    for magic, kind in _PACKINGS:
        if head.startswith(magic):
            return kind
    if head.startswith(_ZIP):
        raise _zipped(path, place)
    if head.startswith(_COMPOUND):
        raise _compound(path, place)
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            raise _foreign(words, place)
    if re.match(rb"\s*(<!doctype html|<html|<table|<\?xml|<meta)", head.removeprefix(codecs.BOM_UTF8), re.IGNORECASE):
        raise _foreign("a web page (HTML or XML)", place, "open it in Excel or WPS and save it as .xlsx or .csv")
    return None


def _zipped(path: Path, place: Place) -> DataError:
    """Return the refusal of a zip file that is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except UNZIPPED:
        return _foreign("a damaged zip file or workbook", place, "send or download it again")
    for part, words in _ZIPPED:
        if any(name.startswith(part) for name in names):
            return _foreign(words, place)
    return _foreign("a zip archive", place, "unpack it and name the folder")


def _compound(path: Path, place: Place) -> DataError:
    """Return the refusal of a compound file (the format of Office before 2007) that is no workbook, or a locked one."""
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        message = Message("the workbook is locked with a password")
        return DataError(
            Diagnostic("K511", message, place, Message("remove the password in Excel or WPS and save it again"))
        )
    if "WordDocument".encode("utf-16-le") in content:
        return _foreign("a Word document", place)
    return _foreign("an Office file, but no workbook", place)


def _foreign(words: str, place: Place, hint: str = "save the table as .xlsx or .csv") -> DataError:
    """Returns the refusal of a file that is no table."""
    return DataError(Diagnostic("K503", Message("the file is {words}, not a table", words=words), place, hint))


def unpacked(path: Path, kind: Packing, place: Place) -> Scratch:
    """Returns a scratch file with what a gzip or zstd file holds.

    Raises:
        DataError: K509 more than the limits, K503 a damaged file, K510 without the package that zstd needs.
    """
    scratch = Scratch(suffix=".unpacked")
    size = path.stat().st_size
    total = 0
    try:
        with path.open("rb") as packed, scratch.path.open("wb") as target:
            stream = gzip.GzipFile(fileobj=packed) if kind == "gzip" else _zstd(packed, place)
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                check_growth(total, size, place)
                target.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        if shortage(error) is not None:
            raise  # the disk for what is unpacked is full: the file is not to blame
        raise _foreign(f"a damaged {kind} file ({error})", place, "send or download it again") from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise _foreign(f"a damaged zstd file ({error})", place, "send or download it again") from None
    return scratch


def check_growth(unpacked_size: int, packed_size: int, place: Place) -> None:
    """Raises K509 when a compressed file unpacks to more than the limits."""
    if unpacked_size > MOST_UNPACKED or unpacked_size > FREE_GROWTH + MOST_GROWTH * packed_size:
        message = Message(
            "the file unpacks to {unpacked_size:,} bytes or more from {packed_size:,}: refused as a likely bomb",
            unpacked_size=unpacked_size,
            packed_size=packed_size,
        )
        raise DataError(
            Diagnostic("K509", message, place, Message("unpack it yourself if you trust it, and read what it holds"))
        )


def _zstd(packed: IO[bytes], place: Place) -> IO[bytes]:
    """Returns the stream that unpacks a zstd file."""
    try:
        import zstandard
    except ImportError:
        message = Message("reading a .zst file needs the package `zstandard`")
        raise DataError(
            Diagnostic("K510", message, place, Message("pip install zstandard, or unpack the file"))
        ) from None
    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)


def as_utf8(path: Path, place: Place) -> Text:
    """Returns a text file as UTF-8: the file itself when it is that, else a scratch copy.

    Raises:
        DataError: K507 the text does not decode, naming the byte and the row; K503 bytes that are no text.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _by_zeros(head, place)
    if encoding == "utf-8":
        try:
            return Text(path, "UTF-8", _check(path))
        except _Undecodable as error:
            if error.convinced or _has_mark(head):
                raise DataError(error.diagnostic("UTF-8", place)) from None
        encoding = "gb18030"
    scratch = Scratch()
    lines = 0
    try:
        with scratch.path.open("wb") as target:
            for text in _decoded(path, encoding, place if encoding == "gb18030" else None):
                if encoding == "gb18030" and lines == 0:
                    _check_plausible(text, place)
                lines += text.count("\n")
                target.write(text.encode("utf-8"))
    except _Undecodable as error:
        if encoding in {"utf-16-le", "utf-16-be"}:
            raise _foreign("binary", place) from None
        raise DataError(error.diagnostic(encoding.upper(), place)) from None
    return Text(scratch.path, encoding.upper(), lines, scratch)


def _by_zeros(head: bytes, place: Place) -> str:
    """Returns the encoding that the zero bytes of unmarked text tell: ASCII in UTF-16 has one in every second place.

    A few stand in the other place: 一 is 4E00, 开 5F00 and the wide blank 3000.
    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    if even == odd == 0:
        return "utf-8"
    if min(even, odd) * 4 < max(even, odd) and max(even, odd) * 40 > len(head):
        return "utf-16-le" if odd > even else "utf-16-be"
    raise _foreign("binary", place)


def _has_mark(head: bytes) -> bool:
    """Returns whether the file says itself that it is UTF-8."""
    return head.startswith(codecs.BOM_UTF8)


def _check(path: Path) -> int:
    """Returns the number of line breaks of a UTF-8 file, all of which decodes."""
    return sum(text.count("\n") for text in _decoded(path, "utf-8"))


class _Undecodable(Exception):  # noqa: N818 - not an error that leaves this module
    """Bytes that are not text in the encoding tried: where, and whether what came before proves the encoding."""

    def __init__(self, offset: int, row: int, octet: int, convinced: bool, other: str | None = None) -> None:
        super().__init__()
        self.offset, self.row, self.octet, self.convinced, self.other = offset, row, octet, convinced, other

    def diagnostic(self, encoding: str, place: Place) -> Diagnostic:
        """Returns the finding for the user."""
        what = Message(
            "byte {offset:,} (0x{octet:02X}) is not {encoding} text",
            offset=self.offset, octet=self.octet, encoding=encoding,
        )  # fmt: skip
        message = (
            Message(
                "{what}: the row is {other} text, those above are {encoding}: the file mixes encodings",
                what=what, other=self.other, encoding=encoding,
            )
            if self.other is not None
            else Message("{what}: the file is damaged or mixes encodings", what=what)
        )  # fmt: skip
        hint = Message("open it in Excel or WPS, look at that row, and save it as CSV UTF-8")
        return Diagnostic("K507", message, Place(place.file, sheet=place.sheet, row=self.row), hint)


def _decoded(path: Path, encoding: str, unmixed: Place | None = None) -> Iterator[str]:
    """Yields the text of a file piece by piece, decoded strictly, without a byte order mark.

    With `unmixed`, the name of the file, a line that is UTF-8 among others is an error (see `_check_unmixed`).
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    read = lines = foreign = 0
    with path.open("rb", buffering=0) as file:
        while True:
            chunk = file.read(_CHUNK)
            if unmixed is not None:
                _check_unmixed(chunk, lines, unmixed)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = bytes(error.object[: error.start]).decode(encoding, "ignore")
                if foreign < _CONVINCING:
                    foreign += sum(not one.isascii() for one in before)
                row = lines + before.count("\n") + 1
                octet = error.object[error.start]
                other = _other_encoding(bytes(error.object), error.start, encoding)
                raise _Undecodable(read - pending + error.start, row, octet, foreign >= _CONVINCING, other) from None
            if not text.isascii() and foreign < _CONVINCING:
                foreign += sum(not one.isascii() for one in text[:4096])
            read += len(chunk)
            lines += text.count("\n")
            if text:
                yield text
            if not chunk:
                return


def _other_encoding(content: bytes, at: int, encoding: str) -> str | None:
    """Return which encoding the line around a byte is in, where it is UTF-8 among GB18030 or the other way round."""
    end = content.find(b"\n", at)
    line = content[content.rfind(b"\n", 0, at) + 1 : end if end >= 0 else None]
    other = {"utf-8": "gb18030", "gb18030": "utf-8"}.get(encoding)
    if other is None:
        return None
    try:
        return None if _strange(line.decode(other)) else other.upper()
    except UnicodeDecodeError:
        return None


def _check_plausible(text: str, place: Place) -> None:
    """Raises K507 when bytes decode as GB18030 but the characters are not those of any text."""
    if _strange(text):
        message = Message("the text is neither UTF-8 nor UTF-16 nor GB18030 (GBK)")
        raise DataError(Diagnostic("K507", message, place, Message("open it in Excel or WPS and save it as CSV UTF-8")))


def mixed(text: str) -> bool:
    """Return whether text that was read as GB18030 is UTF-8: its bytes are, and make common characters of rare ones.

    >>> mixed("西县".encode().decode("gb18030")), mixed("东县")
    (True, False)
    """
    try:
        meant = text.encode("gb18030").decode("utf-8")
        meant.encode("gb2312")
    except UnicodeError:
        return False
    try:
        text.encode("gb2312")
    except UnicodeError:
        return len(meant) < len(text.encode("gb18030"))
    return False


#: Six bytes that may be two Chinese characters in UTF-8, as a run of three characters of GB18030.
_TWO_OF_UTF8 = re.compile(rb"[\xe3-\xe9][\x80-\xbf][\x80-\xbf][\xe3-\xe9][\x80-\xbf][\x80-\xbf]")


def _check_unmixed(content: bytes, lines: int, place: Place) -> None:
    """Raise K507 where a line of bytes that are read as GB18030 is UTF-8; `lines` stand before them."""
    for found in _TWO_OF_UTF8.finditer(content):
        start, end = content.rfind(b"\n", 0, found.start()) + 1, content.find(b"\n", found.end())
        if mixed(content[start : end if end >= 0 else None].decode("gb18030", "ignore")):
            row = lines + content.count(b"\n", 0, start) + 1
            message = Message("the row is UTF-8 text, others are GB18030 (GBK): the file mixes encodings")
            hint = Message("open each of the files it was made of, save it as CSV UTF-8, and put them together again")
            raise DataError(Diagnostic("K507", message, Place(place.file, sheet=place.sheet, row=row), hint))


def _strange(text: str) -> bool:
    """Returns whether more than every twentieth character is one that no text has."""
    sample = text[:65536]
    return len(re.findall("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff]", sample)) * 20 > len(sample)


def encoding_of_sample(beginning: bytes) -> Literal["utf-8", "gb18030"]:
    """Returns as which of the two `as_utf8` reads a file that goes on as it begins; UTF-8 where it is neither."""
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        before = beginning[: error.start].decode()
        if not _has_mark(beginning) and sum(not one.isascii() for one in before) < _CONVINCING:
            with suppress(UnicodeDecodeError):
                return "utf-8" if _strange(beginning.decode("gb18030")) else "gb18030"
    return "utf-8"


def head_of(path: Path, size: int = 1 << 20) -> tuple[io.StringIO, bool]:
    """Returns the beginning of a UTF-8 file, and whether that is all of it."""
    with path.open("rb") as file:
        content = file.read(size)
    whole = len(content) == path.stat().st_size
    return io.StringIO(content.decode("utf-8-sig", "strict" if whole else "ignore"), newline=""), whole
