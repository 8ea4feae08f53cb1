"""Errors of the operating system as messages in the language of the user."""

from __future__ import annotations

import errno

from kpi.errors import Message

#: The common errors, by number.
REASONS = {
    errno.ENOENT: Message("no such file or folder"),
    errno.EACCES: Message("permission denied"),
    errno.EPERM: Message("operation not permitted"),
    errno.EISDIR: Message("it is a folder"),
    errno.ENOTDIR: Message("a part of the path is not a folder"),
    errno.ENOSPC: Message("no space left on the disk"),
    errno.EDQUOT: Message("the disk quota is exceeded"),
    errno.EFBIG: Message("the file is too large"),
    errno.EIO: Message("input/output error"),
    errno.EROFS: Message("the file system is read-only"),
    errno.EMFILE: Message("too many open files"),
    errno.ENAMETOOLONG: Message("the name is too long"),
    errno.ENOTEMPTY: Message("the folder is not empty"),
    errno.EEXIST: Message("it exists already"),
}


def reason(error: BaseException) -> Message:
    """Return the reason of an error of the operating system; the text of the error if it is none of the common ones.

    >>> reason(PermissionError(errno.EACCES, "Permission denied", "a.csv"))
    'permission denied'
    >>> reason(ValueError("not a number"))
    'not a number'
    """
    number = getattr(error, "errno", None)
    if number in REASONS:
        return REASONS[number]
    return Message("{text}", text=getattr(error, "strerror", None) or error)
