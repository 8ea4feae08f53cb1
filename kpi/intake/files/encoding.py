"""Detect the kind of a file, and decode text of any encoding to UTF-8.

Files are recognised by their content, never by their name: a workbook called .csv is a workbook. Text is decoded
strictly, in a stream of constant memory: UTF-8, else UTF-16 or UTF-32 (by byte order mark or by their zero bytes),
else GB18030, which contains GBK and GB2312.
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
from pathlib import Path
from typing import IO, Literal

from msgspec import Struct

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.table import Scratch
from kpi.process.limits import shortage

Packing = Literal["gzip", "zstd"]

#: The limit of the unpacked size of a compressed file, in bytes.
MOST_UNPACKED = 16 * 1024**3

#: The limit of the ratio of unpacked to packed size beyond `FREE_GROWTH` bytes: larger is a bomb, not data.
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
    (b"%PDF", Message("a PDF document")),
    (b"\x89PNG", Message("an image (PNG)")),
    (b"\xff\xd8\xff", Message("an image (JPEG)")),
    (b"GIF8", Message("an image (GIF)")),
    (b"{\\rtf", Message("an RTF document")),
    (b"Rar!", Message("a RAR archive")),
    (b"7z\xbc\xaf", Message("a 7z archive")),
    (b"BZh", Message("a bzip2 archive")),
    (b"\xfd7zXZ", Message("an xz archive")),
    (b"SQLite format 3", Message("an SQLite database")),
)
_BINARY = Message("binary")
_ZIPPED = (
    ("word/", Message("a Word document")),
    ("ppt/", Message("a PowerPoint presentation")),
    ("content.xml", Message("an OpenDocument file")),
)
#: Exceptions of `zipfile` on damaged archives: a flipped flag asks for a password (RuntimeError), or for an unknown
#: compression method (NotImplementedError, a RuntimeError). A name that is marked as UTF-8 and is not does not decode.
UNZIPPED = (zipfile.BadZipFile, RuntimeError, EOFError, struct.error, OverflowError, UnicodeDecodeError)
# How many non-ASCII characters must decode before a failure for the file to be damaged UTF-8 rather than GB18030,
# where a run of so many pairs that happen to be UTF-8 does not occur.
_CONVINCING = 8


class Text(Struct, frozen=True):
    """A text file in UTF-8: its path, original encoding and line count, and the scratch file that holds it, if any."""

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


def zipped_parts(path: Path, head: bytes) -> frozenset[str]:
    """Return the names of the parts of a zip archive, none for another file or a damaged one."""
    if not head.startswith(_ZIP):
        return frozenset()
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(archive.namelist())
    except UNZIPPED:
        return frozenset()


def is_xlsx(path: Path, head: bytes) -> bool:
    """Return whether a file is a workbook of Excel since 2007: a zip archive with `xl/workbook.xml`."""
    return "xl/workbook.xml" in zipped_parts(path, head)


def is_xlsb(path: Path, head: bytes) -> bool:
    """Return whether a file is a binary workbook of Excel since 2007: a zip archive with `xl/workbook.bin`."""
    return "xl/workbook.bin" in zipped_parts(path, head)


def is_ods(path: Path, head: bytes) -> bool:
    """Return whether a file is an OpenDocument spreadsheet, by its part `mimetype`."""
    if not {"content.xml", "mimetype", "META-INF/manifest.xml"} <= zipped_parts(path, head):
        return False
    try:
        with zipfile.ZipFile(path) as archive, archive.open("mimetype") as part:
            return part.read(100).startswith(b"application/vnd.oasis.opendocument.spreadsheet")
    except (*UNZIPPED, zlib.error):
        return False


def is_plain_zip(path: Path, head: bytes) -> bool:
    """Return whether a file is a zip archive of files, and no document of an office program."""
    parts = zipped_parts(path, head)
    office = ("[Content_Types].xml", "content.xml", "mimetype")
    return (
        bool(parts)
        and not any(item in parts for item in office)
        and not any(name.startswith(start) for start, _ in _ZIPPED for name in parts)
    )


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
    for magic, contents in _FOREIGN:
        if head.startswith(magic):
            raise _foreign(contents, place)
    return None


def is_markup(head: bytes) -> bool:
    """Return whether a text file begins with a tag, in any encoding: HTML or XML."""
    start = head[:64].removeprefix(codecs.BOM_UTF8).replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    return re.match(rb"<[!?a-z]", start, re.IGNORECASE) is not None


def markup(place: Place) -> DataError:
    """Return the refusal of a document of XML of which no table can be read."""
    hint = Message("open it in Excel or WPS and save it as .xlsx or .csv")
    return _foreign(Message("a document in XML"), place, hint)


def _zipped(path: Path, place: Place) -> DataError:
    """Return the refusal of a zip file that is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except UnicodeDecodeError:
        message = Message("the names of the files in the zip archive are marked as UTF-8 and are not")
        return DataError(Diagnostic("K503", message, place, Message("unpack it and name the folder")))
    except UNZIPPED:
        return _foreign(Message("a damaged zip file or workbook"), place, _SEND_AGAIN)
    for part, contents in _ZIPPED:
        if any(name.startswith(part) for name in names):
            return _foreign(contents, place, _SAVE_AS_TABLE_OR_DRAFT if part == "word/" else _SAVE_AS_TABLE)
    return _foreign(Message("a zip archive"), place, Message("unpack it and name the folder"))


def _compound(path: Path, place: Place) -> DataError:
    """Return the refusal of a compound file (the format of Office before 2007) that is no workbook, or a locked one."""
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        message = Message("the workbook is locked with a password")
        return DataError(
            Diagnostic("K511", message, place, Message("remove the password in Excel or WPS and save it again"))
        )
    if "WordDocument".encode("utf-16-le") in content:
        return _foreign(Message("a Word document"), place)
    return _foreign(Message("an Office file, but no workbook"), place)


_SAVE_AS_TABLE = Message("save the table as .xlsx or .csv")
_SAVE_AS_TABLE_OR_DRAFT = Message(
    "save a table of figures as .xlsx or .csv; of a document with a table of indicators, kpi init --table FILE writes "
    "a definition"
)
_SEND_AGAIN = Message("send or download it again")


def _foreign(contents: Message, place: Place, hint: Message = _SAVE_AS_TABLE) -> DataError:
    """Return the error for a file that is no table."""
    message = Message("the file is {contents}, not a table", contents=contents)
    return DataError(Diagnostic("K503", message, place, hint))


def unpacked(path: Path, kind: Packing, place: Place) -> Scratch:
    """Unpack a gzip or zstd file into a scratch file.

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
            raise  # the disk for unpacked data is full: the file is sound
        raise _foreign(_damaged(kind, error), place, _SEND_AGAIN) from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise _foreign(_damaged("zstd", error), place, _SEND_AGAIN) from None
    return scratch


def _damaged(kind: str, error: Exception) -> Message:
    return Message("a damaged {kind} file ({error})", kind=kind, error=error)


def check_growth(unpacked_size: int, packed_size: int, place: Place) -> None:
    """Raise K509 when a compressed file unpacks to more than the limits."""
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
    """Return the stream that unpacks a zstd file."""
    try:
        import zstandard
    except ImportError:
        message = Message("reading a .zst file needs the package `zstandard`")
        raise DataError(
            Diagnostic("K510", message, place, Message("pip install zstandard, or unpack the file"))
        ) from None
    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)


def as_utf8(path: Path, place: Place) -> Text:
    """Return a text file as UTF-8: the file itself if it is UTF-8, else a decoded scratch copy.

    Raises:
        DataError: K507 the text does not decode, naming the byte and the row; K503 bytes that are no text.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _by_zeros(head, place)
    foreign: _Undecodable | None = None
    if encoding == "utf-8":
        try:
            return Text(path, "UTF-8", _check(path))
        except _Undecodable as error:
            if error.convinced or _has_mark(head):
                raise DataError(error.diagnostic("UTF-8", place)) from None
            foreign = error
        encoding = "gb18030"
    scratch = Scratch()
    lines = 0
    try:
        with scratch.path.open("wb") as target:
            for text, breaks in _decoded(path, encoding, place if encoding == "gb18030" else None):
                if encoding == "gb18030" and lines == 0:
                    _check_plausible(text, place)
                lines += breaks
                target.write(text.encode("utf-8"))
    except _Undecodable as error:
        if encoding in {"utf-16-le", "utf-16-be"}:
            raise _foreign(_BINARY, place) from None
        raise DataError(error.diagnostic(encoding.upper(), place)) from None
    except _MixedError:
        # Where the rows above are UTF-8, the first of the other encoding is the one that does not decode.
        if foreign is not None and foreign.other is not None and foreign.above:
            raise DataError(foreign.diagnostic("UTF-8", place)) from None
        raise
    return Text(scratch.path, encoding.upper(), lines, scratch)


def _by_zeros(head: bytes, place: Place) -> str:
    """Guess the encoding of text without a byte order mark from its zero bytes: ASCII in UTF-16 has one in every pair.

    A few are in the other position: 一 is 4E00, 开 5F00 and the ideographic space 3000.
    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    if even == odd == 0:
        return "utf-8"
    if min(even, odd) * 4 < max(even, odd) and max(even, odd) * 40 > len(head):
        return "utf-16-le" if odd > even else "utf-16-be"
    raise _foreign(_BINARY, place)


def _has_mark(head: bytes) -> bool:
    """Return whether a file begins with the byte order mark of UTF-8."""
    return head.startswith(codecs.BOM_UTF8)


def _check(path: Path) -> int:
    """Decode a whole UTF-8 file and return the number of its line breaks."""
    return sum(breaks for _, breaks in _decoded(path, "utf-8"))


class _Undecodable(Exception):  # noqa: N818 - not an error that leaves this module
    """Bytes that cannot be decoded: their position, and whether the text before them proves the encoding.

    `above` is whether there are letters other than ASCII before them, `other` the encoding of their row.
    """

    def __init__(self, offset: int, row: int, octet: int, *, convinced: bool, above: bool, other: str | None) -> None:
        super().__init__()
        self.offset, self.row, self.octet, self.convinced = offset, row, octet, convinced
        self.above, self.other = above, other

    def diagnostic(self, encoding: str, place: Place) -> Diagnostic:
        """Return the finding for the user."""
        fields = {"offset": self.offset, "octet": self.octet, "encoding": encoding}
        message = Message(
            "byte {offset:,} (0x{octet:02X}) is not {encoding} text: the file is damaged or mixes encodings", **fields
        )
        if self.other is not None:
            message = Message(
                "byte {offset:,} (0x{octet:02X}) is not {encoding} text: the row is {other} text, "
                "those above are {encoding}: the file mixes encodings",
                other=self.other,
                **fields,
            )
        hint = Message("open it in Excel or WPS, look at that row, and save it as CSV UTF-8")
        return Diagnostic("K507", message, Place(place.file, sheet=place.sheet, row=self.row), hint)


def _decoded(path: Path, encoding: str, unmixed: Place | None = None) -> Iterator[tuple[str, int]]:
    """Yield the text of a file piece by piece, decoded strictly, without a byte order mark, and its line breaks.

    With `unmixed`, the place of the file, a UTF-8 line among GB18030 is an error (see `_check_unmixed`).
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    read = lines = foreign = 0
    # No byte of a character is a line break, but for UTF-16; bytes are counted in a third of the time.
    in_bytes = encoding in {"utf-8", "gb18030"}
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
                    foreign += _beyond_ascii(before)
                row = lines + before.count("\n") + 1
                octet = error.object[error.start]
                other = _other_encoding(bytes(error.object), error.start, encoding)
                above = foreign > 0
                at = read - pending + error.start
                convinced = foreign >= _CONVINCING
                raise _Undecodable(at, row, octet, convinced=convinced, above=above, other=other) from None
            if not text.isascii() and foreign < _CONVINCING:
                foreign += _beyond_ascii(text[:4096])
            read += len(chunk)
            breaks = chunk.count(b"\n") if in_bytes else text.count("\n")
            lines += breaks
            if text:
                yield text, breaks
            if not chunk:
                return


def _beyond_ascii(text: str) -> int:
    """Return how many characters of a text are not ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _other_encoding(content: bytes, at: int, encoding: str) -> str | None:
    """Return the encoding of the line around a byte, where it is UTF-8 among GB18030 or vice versa; else None."""
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
    """Raise K507 if bytes decode as GB18030 but to characters that no text has."""
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


class _MixedError(DataError):
    """A row of UTF-8 in a text that is read as GB18030."""


def _check_unmixed(content: bytes, lines: int, place: Place) -> None:
    """Raise K507 where a line of bytes that are read as GB18030 is UTF-8; `lines` stand before them."""
    for match in _TWO_OF_UTF8.finditer(content):
        start, end = content.rfind(b"\n", 0, match.start()) + 1, content.find(b"\n", match.end())
        if mixed(content[start : end if end >= 0 else None].decode("gb18030", "ignore")):
            row = lines + content.count(b"\n", 0, start) + 1
            message = Message("the row is UTF-8 text, others are GB18030 (GBK): the file mixes encodings")
            hint = Message("open each of the files it was made of, save it as CSV UTF-8, and put them together again")
            finding = Diagnostic("K507", message, Place(place.file, sheet=place.sheet, row=row), hint)
            raise _MixedError(finding)


def _strange(text: str) -> bool:
    """Return whether more than every twentieth character is one that no text has."""
    sample = text[:65536]
    return len(re.findall("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff]", sample)) * 20 > len(sample)


def encoding_of_sample(beginning: bytes) -> Literal["utf-8", "gb18030"]:
    """Guess the encoding (UTF-8 or GB18030) from the first bytes; default UTF-8."""
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        before = beginning[: error.start].decode()
        if not _has_mark(beginning) and _beyond_ascii(before) < _CONVINCING:
            with suppress(UnicodeDecodeError):
                return "utf-8" if _strange(beginning.decode("gb18030")) else "gb18030"
    return "utf-8"


#: How many lines a beginning has at least, unless it is so long: a header may have many columns.
_LINES, _LONGEST_HEAD = 8, 1 << 26


def head_of(path: Path, size: int = 1 << 20) -> tuple[io.StringIO, bool]:
    """Return the beginning of a UTF-8 file, with some complete lines, and whether it is the complete file."""
    with path.open("rb") as file:
        content = file.read(size)
        while len(content) < _LONGEST_HEAD and content.count(b"\n") < _LINES and (more := file.read(size)):
            content += more
    complete = len(content) == path.stat().st_size
    return io.StringIO(content.decode("utf-8-sig", "strict" if complete else "ignore"), newline=""), complete
