"""Limits of memory and disk: checks in advance, and the finding when one is exceeded."""

from __future__ import annotations

import errno

from kpi.errors import DataError, Diagnostic, Message
from kpi.process.memory import available, gigabytes

SMALLER = Message(
    "score one period (--period) or fewer entities, give large data as Parquet, or use a machine with more memory"
)
#: Error texts, in lower case, of failed allocations, thread starts and library loads.
_REFUSED = (
    "out of memory", "cannot allocate memory", "failed to map segment", "can't start new thread",
    "failed to spawn thread", "unable to allocate", "memory allocation",
)  # fmt: skip
#: Bytes that are not worth asking the system for what is left, which takes as long as scoring a few units.
_SMALL = 16 << 20
_FULL = Message("make room there, or point TMPDIR or the output at a disk that has some")


def make_sure(needed: int, purpose: Message, hint: Message = SMALLER) -> None:
    """Check that so many bytes of memory are available, before anything is allocated.

    Raises:
        DataError: K570, if they are not.
    """
    room = available() if needed > _SMALL else None
    if room is not None and needed > room:
        raise DataError(
            Diagnostic(
                "K570",
                Message(
                    "{what} needs {needed}, and {room} is left",
                    what=purpose,
                    needed=gigabytes(needed),
                    room=gigabytes(room),
                ),
                hint=hint,
            )
        )


def shortage(error: BaseException) -> Diagnostic | None:
    """Return the finding for an error that is due to exhausted memory or disk, else None.

    >>> shortage(OSError(errno.ENOSPC, "No space left on device")).message
    'no space is left on the disk'
    """
    stage = next(iter(getattr(error, "__notes__", ())), None)  # the note of `progress.stage`
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in _REFUSED):
        message = Message("not enough memory {stage}", stage=stage) if stage else Message("not enough memory")
        return Diagnostic("K570", message, hint=SMALLER)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full or "no space left on device" in text or "file too large" in text or "quota exceeded" in text:
        message = (
            Message("no space is left on the disk {stage}", stage=stage)
            if stage
            else Message("no space is left on the disk")
        )
        return Diagnostic("K571", message, hint=_FULL)
    # A failed allocation causes further errors, such as an ImportError.
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None if before is None else shortage(before)
