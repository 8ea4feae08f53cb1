"""Files of requests: multipart forms, or one file as the body, written to a folder of the request."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from kpi.errors import Diagnostic, Message
from kpi.service.limits import Limits
from kpi.service.problems import Problem
from kpi.service.scoring import Upload

#: The suffix of a body without a name, by its media type; the content decides how it is read.
SUFFIXES: Mapping[str, str] = {
    "text/csv": ".csv", "text/tab-separated-values": ".tsv", "text/plain": ".txt", "application/json": ".json",
    "application/vnd.apache.parquet": ".parquet", "application/vnd.apache.arrow.file": ".arrow",
    "application/vnd.apache.arrow.stream": ".arrow", "application/zip": ".zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx", "application/vnd.ms-excel": ".xls",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods", "application/octet-stream": ".csv",
}  # fmt: skip

#: The fields of a form whose files belong to no named dataset.
_UNNAMED = ("file", "files", "data")
_EXPLANATIONS = "explanations"
_PIECE = 1 << 20
_LONGEST = 120


@asynccontextmanager
async def received(request: Request, limits: Limits, name: str | None) -> AsyncIterator[Upload]:
    """Receive the files of a request for the duration of the block.

    Args:
        request: its body is a form, whose fields are named `file` or by a dataset, or one file.
        limits: of the request.
        name: of the file that is the body.

    Raises:
        Problem: K912 (400), if the body is no form or nothing, or the form has a part that would not be used;
            K905 and K913, as its limits are.
    """
    with tempfile.TemporaryDirectory(prefix="kpi-serve-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media == "multipart/form-data":
            try:
                async with request.form(max_files=limits.files, max_fields=limits.files) as form:
                    upload = await _of_form(form, folder)
            except Problem:
                raise
            except HTTPException as error:
                raise _malformed(str(error.detail)) from None
        else:
            upload = await _of_body(request, folder, name or f"data{SUFFIXES.get(media, '.csv')}")
        if upload.is_empty:
            raise _malformed("")
        yield upload


async def _of_form(form: FormData, folder: Path) -> Upload:
    files: list[str] = []
    named: dict[str, tuple[str, ...]] = {}
    explanations = None
    digest = hashlib.sha256()
    for number, (key, part) in enumerate(form.multi_items()):
        if not isinstance(part, UploadFile):
            raise _unused(
                Message("the field `{key}` of the form is not a file, and is not used", key=key),
                Message("send a file with its name; parameters are in the address, such as ?period=2023Q4"),
            )
        if key == _EXPLANATIONS and explanations is not None:
            raise _unused(
                Message("the form has more than one file in the field `{key}`", key=key),
                Message("send the answers to queries as one file"),
            )
        name = _unique(folder, plain_name(part.filename or "", f"file-{number + 1}.csv"))
        content = hashlib.sha256()
        with (folder / name).open("wb") as out:
            while piece := await part.read(_PIECE):
                out.write(piece)
                content.update(piece)
        digest.update(repr((key, name, content.hexdigest())).encode())
        if key == _EXPLANATIONS:
            explanations = name
        elif key in _UNNAMED:
            files.append(name)
        else:
            named[key] = (*named.get(key, ()), name)
    return Upload(folder, tuple(files), named, explanations, digest.hexdigest())


async def _of_body(request: Request, folder: Path, name: str) -> Upload:
    name, size = plain_name(name, "data.csv"), 0
    content = hashlib.sha256()
    with (folder / name).open("wb") as out:
        async for piece in request.stream():
            out.write(piece)
            content.update(piece)
            size += len(piece)
    return Upload(folder, (name,) if size else (), digest=repr((name, content.hexdigest())))


def plain_name(name: str, default: str) -> str:
    r"""Return the name of a file without folders and characters that a path or pattern would interpret.

    >>> plain_name("../../etc/报表.csv", "a.csv"), plain_name(r"C:\data\a*.csv", "a.csv"), plain_name("..", "a.csv")
    ('报表.csv', 'a_.csv', 'a.csv')
    """
    last = name.replace("\\", "/").rpartition("/")[2].strip().lstrip(".")
    safe = "".join(letter if letter.isprintable() and letter not in '*?[]<>|:"#' else "_" for letter in last)
    safe = safe.encode("utf-8", "replace").decode()
    stem, dot, suffix = safe.rpartition(".")
    if len(safe) > _LONGEST:
        safe = f"{stem[: _LONGEST // 2]}{dot}{suffix[-20:]}"
    return safe or default


def _unique(folder: Path, name: str) -> str:
    stem, dot, suffix = name.partition(".")
    number = 1
    while (folder / name).exists():
        number += 1
        name = f"{stem}-{number}{dot}{suffix}"
    return name


def _malformed(detail: str) -> Problem:
    message = Message("the request has no file that can be received")
    if detail:
        message = Message("the form of the request cannot be read: {detail}", detail=detail)
    hint = Message("send the file as the body, or a form as multipart/form-data whose fields are files")
    return _unused(message, hint)


def _unused(message: Message, hint: Message) -> Problem:
    return Problem(400, Diagnostic("K912", message, hint=hint))
