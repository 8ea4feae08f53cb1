"""Word documents as PDF, by LibreOffice: it sets pages as they are printed, with the fonts of the computer."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message

#: Names of the program, and where it is when no path leads to it.
_PROGRAMS = ("soffice", "libreoffice")
_ELSEWHERE = (
    r"C:\Program Files\LibreOffice\program\soffice.exe",
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
)
#: The most seconds that a document takes.
_LIMIT = 300
#: What differs between two files of the same content: the time of creation, and numbers that are made of it.
_CREATED = re.compile(rb"(?<=/CreationDate\(D:)\d{14}")
_NUMBERS = re.compile(rb"(?<=<)[0-9A-F]{32}(?=>)|(?<=/DocChecksum /)[0-9A-F]{32}")


def pdf(document: bytes, /) -> bytes:
    """Return a Word document as PDF.

    LibreOffice runs without windows and with settings of its own, so that one that is open is not in the way.

    Raises:
        DataError: K510, LibreOffice is not installed; K884, it makes no PDF of the document.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    program = program or next((path for path in _ELSEWHERE if Path(path).exists()), None)
    if program is None:
        hint = Message("install it (apt-get install libreoffice-writer, or libreoffice.org), or write .docx")
        raise DataError(Diagnostic("K510", Message("writing PDF needs LibreOffice"), hint=hint))
    with tempfile.TemporaryDirectory(prefix="kpi_pdf_") as name:
        folder = Path(name)
        (folder / "report.docx").write_bytes(document)
        command = [
            program, "--headless", "--norestore", f"-env:UserInstallation={(folder / 'settings').as_uri()}",
            "--convert-to", "pdf", "--outdir", str(folder), str(folder / "report.docx"),
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 - the program, and files of names that are ours
                command, capture_output=True, timeout=_LIMIT, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise DataError(_failed(Message("it has not finished in {seconds} s", seconds=_LIMIT))) from error
        except OSError as error:
            from kpi.process.os_errors import reason

            raise DataError(_failed(Message("{error}", error=reason(error)))) from error
        if not (result := folder / "report.pdf").exists():
            words = " ".join(done.stderr.decode(errors="replace").split())[:300]
            raise DataError(_failed(Message("{error}", error=words or f"exit {done.returncode}")))
        return _settled(result.read_bytes())


def _settled(document: bytes) -> bytes:
    """Return a PDF with a constant time of creation; nothing changes its length, so that its index stays right.

    >>> _settled(b"/CreationDate(D:20240131120000Z')>>")
    b"/CreationDate(D:20000101000000Z')>>"
    """
    dated = _CREATED.sub(b"20000101000000", document)
    trailer = dated.rfind(b"/ID")
    if trailer < 0:
        return dated
    content = hashlib.sha256(dated[:trailer]).hexdigest()[:32].upper().encode()
    return dated[:trailer] + _NUMBERS.sub(content, dated[trailer:])


def _failed(what: Message) -> Diagnostic:
    hint = Message("write .docx, and print it to PDF from Word or WPS")
    return Diagnostic("K884", Message("LibreOffice makes no PDF of the document: {what}", what=what), hint=hint)
