"""The end of a process that cannot go on: Ctrl-C within a second, and a word when the memory runs out.

SIGTERM, by which systemd stops a service, is answered like Ctrl-C.

The thread that works may be inside a query that neither returns nor can be told to stop: Polars 2.1 leaves its
streaming engine within 0.1 s of Ctrl-C, but an in-memory query ran on for up to 16 s. So another thread waits for
signals (Python's handler in C writes them into a socket at once, whatever the interpreter does) and, when the work has
not ended by itself soon after, removes unfinished files and ends the process. The same thread looks whether memory
lasts, as the kernel kills without a word. An allocation that is refused makes Rust abort: that signal is answered too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

from kpi import progress, resources, temporary

#: How long (seconds) the work may take to stop by itself.
GRACE = 0.5
#: The work is ended when less memory (bytes) than this is left and it has more than that itself; or when less is left
#: than a small part of the little that it has, as in a container of 150 MB.
RESERVE, LARGE, _PART = 96 << 20, 256 << 20, 8
#: How long (seconds) the memory is not looked at: at most, and at least, and how fast (bytes a second) it may go.
_LOOKS, _OFTEN, _FAST = 0.2, 0.004, 8 << 30
_WORDS = {
    signal.SIGINT: "Interrupted; nothing is half written.",
    signal.SIGTERM: "Terminated; nothing is half written.",
}
_ending = threading.Lock()
#: Kept, as C calls it.
_kept: list[object] = []
#: Given back when memory runs out, so that this can be said.
_spare = bytearray(4 << 20)
_BARE = b"error[K570]: not enough memory\n"
#: Where the last words go: standard error, of which a program of its own keeps a copy.
_last: list[int] = [2]


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends work where Ctrl-C would."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keeps Ctrl-C and SIGTERM back until the end of the block; in the main thread of a program of its own only.

    pydantic makes an interrupt in its midst another error.
    """
    came: list[int] = []
    # What is ignored, as by a program in the background, stays so.
    before = {one: handler for one in _WORDS if callable(handler := signal.getsignal(one))}
    for one in before:
        signal.signal(one, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        if came:
            signal.raise_signal(came[0])


def prepare() -> None:
    """Begins to watch for Ctrl-C, SIGTERM and the end of the memory; in the main thread of a program of its own only.

    A program that was started with SIGTERM ignored goes on ignoring it.
    """
    if threading.current_thread() is not threading.main_thread() or _kept:
        return
    ours, theirs = socket.socketpair()
    for one in (ours, theirs):
        one.setblocking(False)  # noqa: FBT003
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    _kept.extend((ours, theirs))
    with contextlib.suppress(OSError):
        _last[0] = os.dup(2)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    _answer_aborts()
    threading.Thread(target=_watch, args=(ours,), name="emergency", daemon=True).start()


def _watch(ours: socket.socket) -> None:
    room = None
    while True:
        if select.select([ours], [], [], pause(room))[0]:
            came = ours.recv(4096)
            if ended := next((one for one in _WORDS if one in came), None):
                _silence()
                threading.Event().wait(GRACE)
                _end(128 + ended, _WORDS[ended])
        elif (room := resources.available()) is not None and room < RESERVE:
            mine = resources.resident()
            if mine > LARGE or room < mine // _PART:
                _end(2, _told(f": {resources.gigabytes(mine)} is in use, {room / 1e6:.0f} MB is left"))


def pause(room: int | None) -> float:
    """Returns how long (seconds) the memory need not be looked at while so many bytes are left."""
    return _LOOKS if room is None else min(max(room / _FAST, _OFTEN), _LOOKS)


def _silence() -> None:
    """Keeps what threads of Polars say, in panic over the interrupt, from standard error."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _told(more: str) -> str:
    _spare.clear()
    doing = progress.doing()
    return f"error[K570]: not enough memory{f' while {doing}' if doing else ''}{more}\n   = {resources.SMALLER}"


def _answer_aborts() -> None:
    """Has an abort, which is what Rust does when memory is refused and seldom else, told as what it is."""
    if sys.platform == "win32":
        return

    def aborted(_: int) -> None:
        try:
            _end(2, _told(", or another failure: the line above tells"))
        except MemoryError:
            os.write(_last[0], _BARE)
            os._exit(2)

    with contextlib.suppress(OSError, AttributeError):
        handler: Callable[[int], None] = ctypes.CFUNCTYPE(None, ctypes.c_int)(aborted)
        setter = ctypes.CDLL(None).signal
        setter.argtypes, setter.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
        setter(signal.SIGABRT, ctypes.cast(handler, ctypes.c_void_p))  # type: ignore[arg-type]
        _kept.append(handler)


def interrupted(error: KeyboardInterrupt, *, own: bool) -> int:
    """Answers a Ctrl-C or SIGTERM that has reached the edge of the work: ends a program of its own at once, else says
    so and returns the exit code.

    CPython would end that program by the signal if the interrupt came in an `exec` of text, as dataclasses have it.
    """  # noqa: D205
    ended = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
    if own:
        _end(128 + ended, _WORDS[ended])
    sys.stderr.write(f"{_WORDS[ended]}\n")
    return 128 + ended


def _end(code: int, words: str) -> NoReturn:
    """Removes what is unfinished, says why, and ends the process without waiting for anything."""
    if not _ending.acquire(blocking=False):
        threading.Event().wait()  # another thread is at it
    temporary.remove_all()
    # The line of the progress and the hidden cursor belong to a terminal.
    begin = "\r\x1b[2K\x1b[?25h" if os.isatty(_last[0]) else ""
    with contextlib.suppress(OSError):
        os.write(_last[0], f"{begin}{words}\n".encode())
    os._exit(code)
