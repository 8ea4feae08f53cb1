"""A program whose end is always answered for: a child does the work, and its parent waits and says why it ended.

The work may be inside a query that neither returns nor can be told to stop (Polars 2.1 leaves its streaming engine
within 0.1 s of Ctrl-C, but an in-memory query ran on for up to 16 s), it may be killed by the kernel without a word, or
abort where an allocation is refused. A process in such a state cannot answer for itself. So the program forks before it
has imported anything: the child knows of no signal, works, and tells what it does and what is unfinished (`journal`);
the parent, which is tiny, takes the signals and looks whether memory lasts. Whatever is to end ends in one way, killed,
and then the parent removes what is unfinished. What libraries in other languages write on standard error, such as a
thread of Polars that panics over a damaged file, which becomes a finding, is shown only where it is the last word.

That is right as nothing needs a last word of the process that ends: files are moved into their places when they are
whole (`atomic_files`), a store publishes a night by its last step, a lock ends with its process, and a database rolls
back the transaction of a connection that drops.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` would be half of what is imported before the signals are taken
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from kpi.errors import Message
    from kpi.process.journal import Event

    Render = Callable[[Message], str]

#: How long (seconds) the memory is not looked at after the start, so that a short command does not pay for it.
_PATIENCE = 0.3
#: The work is ended when less memory (bytes) than this is left and it has more than that itself; or when less is left
#: than a small part of the little that it has, as in a container of 150 MB.
RESERVE, LARGE, _PART = 96 << 20, 256 << 20, 8
#: How long (seconds) the memory is not looked at: at most, and at least, and how fast (bytes a second) it may go.
_LOOKS, _OFTEN, _FAST = 0.2, 0.004, 8 << 30
#: The signals that end a program: Ctrl-C, `kill` or systemd, and a terminal that is closed.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
#: How many bytes are shown of what others than Python wrote last.
_LAST = 2000
#: The end of a child by itself, but in the midst of its work: so does OpenBLAS.
_LEFT = "exit"
#: The ends of a child that a want of memory may have caused.
_DEATHS = (_LEFT, "SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS")


def supervised(work: Callable[[], None], render: Render = str) -> None:
    """Run some work in a child of this process, report how it ended, and end this process with its exit code.

    The end by a signal is 128 and its number, as in a shell: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP; the
    end for want of memory is 2. A program that was started with one of them ignored goes on ignoring it.

    Where a process cannot be forked, on Windows and where Polars or threads have been used already, the work is done
    in this one.

    Args:
        work: the program.
        render: returns a message in the language of the user.
    """
    answered = _begin() if _can_fork() else None
    if answered is None:
        work()
        return
    told, tell = os.pipe()
    noise = os.memfd_create("noise") if hasattr(os, "memfd_create") and "POLARS_VERBOSE" not in os.environ else None
    try:
        child = os.fork()
    except OSError:  # no memory, or too many processes
        _let(answered)
        work()
        return
    if child:
        os.close(tell)
        _answer(child, _Told(told, noise), answered, render)
    os.close(told)
    _work(work, tell, noise, render)


def _can_fork() -> bool:
    threads = sys.modules.get("threading")
    return hasattr(os, "fork") and "polars" not in sys.modules and (threads is None or threads.active_count() == 1)


def _begin() -> set[int]:
    """Blocks the signals that the parent is to answer, and returns them; a child keeps them blocked for good.

    Polars would take SIGINT as soon as it is imported, and panic over it on standard error.
    """
    every = [getattr(signal, name) for name in _SIGNALS]
    answered = {one for one in every if signal.getsignal(one) not in (signal.SIG_IGN, None)}
    signal.pthread_sigmask(signal.SIG_BLOCK, answered | {signal.SIGCHLD})
    # A handler, as the end of a child is not told where SIGCHLD is ignored.
    signal.signal(signal.SIGCHLD, _noticed)
    return answered


def _let(answered: set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, answered | {signal.SIGCHLD})


def _noticed(*_: object) -> None:
    """Does nothing: that the signal came is read from the file that Python's handler in C writes to."""


# ---- THE CHILD ---- #


def _work(work: Callable[[], None], to: int, noise: int | None, render: Render) -> None:
    """Does the work, and tells when it ends by itself, as there are libraries that end a process where they stand."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _report(to, render)
    errors = 2 if noise is None or sys.stderr is None else _apart(noise)
    try:
        work()
    except BaseException as error:
        words = "" if isinstance(error, SystemExit) else _short(error, render)
        _write(to, b"over \0")
        if words:
            os.write(errors, words.encode())
            os._exit(2)  # for a tidy end there may be too little memory
        raise
    _write(to, b"over \0")


def _apart(noise: int) -> int:
    """Leaves standard error to Python, and has what others write there written elsewhere; returns the file of it."""
    own = os.dup(2)
    os.dup2(noise, 2)
    of = sys.stderr
    sys.stderr = os.fdopen(own, "w", buffering=1, encoding=of.encoding, errors=of.errors)
    return own


def _short(error: BaseException, render: Render) -> str:
    """Returns what to say of an error that comes of too little memory, even for saying it in style; else ""."""
    words = ""
    try:
        from kpi.errors import Message
        from kpi.process.limits import SMALLER, shortage
        from kpi.process.memory import available

        if finding := shortage(error):
            words = _finding(finding.code, finding.message, finding.hint, render) + "\n"
        elif (room := available()) is not None and room < RESERVE:
            # As of a name in Polars, which hides that it could not be loaded.
            message = Message("not enough memory, or another failure: {error}", error=repr(error))
            words = _finding("K570", message, SMALLER, render) + "\n"
    except (MemoryError, ImportError):
        words = "error[K570]: not enough memory\n"
    return words


def _finding(code: str, message: str, hint: str | None, render: Render) -> str:
    """Return a finding as the command line shows it."""
    from kpi.errors import Message

    return render(Message("error[{code}]: {message}\n   = {hint}", code=code, message=message, hint=hint))


def _report(to: int, render: Render) -> None:
    """Has what happens in this process written to its parent, an entry in one piece, which a pipe keeps whole."""
    from kpi.errors import Message
    from kpi.process import journal

    parent, bound = os.getppid(), False

    def report(event: Event, what: str) -> None:
        nonlocal bound
        if not bound:
            bound = True
            _bind(parent)
        text = render(what) if isinstance(what, Message) else what
        _write(to, f"{event} {text}".replace("\0", "").encode("utf-8", "surrogateescape") + b"\0")

    journal.listen(report)


def _write(to: int, entry: bytes) -> None:
    try:
        os.write(to, entry)
    except BrokenPipeError:
        os.kill(os.getpid(), signal.SIGKILL)  # nobody answers any more


def _bind(parent: int) -> None:
    """Has Linux end this process with its parent; not before there is something to tell, as ctypes takes 3 ms."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


# ---- THE PARENT ---- #


class _Told:
    """What the child has told so far; `noise` is what others than Python wrote on its standard error."""

    def __init__(self, source: int, noise: int | None) -> None:
        os.set_blocking(source, False)
        self.source: int | None = source
        self._noise = noise
        self.doing: list[str] = []
        self.over = False
        self.unfinished: dict[str, str] = {}
        self._rest = b""

    def read(self) -> None:
        """Takes notice of all that is there to read."""
        while self.source is not None:
            try:
                data = os.read(self.source, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self.source = None
            *entries, self._rest = (self._rest + data).split(b"\0")
            for one in entries:
                self._note(*one.decode("utf-8", "surrogateescape").partition(" ")[::2])

    def last(self) -> str:
        """Returns the last lines that others than Python wrote."""
        if self._noise is None:
            return ""
        size = os.lseek(self._noise, 0, os.SEEK_END)
        os.lseek(self._noise, max(size - _LAST, 0), os.SEEK_SET)
        lines = os.read(self._noise, _LAST).decode("utf-8", "replace").strip("\n").split("\n")
        return "".join(f"{line}\n" for line in lines[size > _LAST :] if line)

    def _note(self, event: str, what: str) -> None:
        if event == "begun":
            self.doing.append(what)
        elif event == "ended" and what in self.doing:
            self.doing.remove(what)
        elif event == "finished":
            self.unfinished.pop(what, None)
        elif event == "over":
            self.over = True
        elif event in ("file", "folder", "tree"):
            self.unfinished[what] = event


def _answer(child: int, told: _Told, answered: set[int], render: Render) -> NoReturn:
    """Waits for the end of the child, or ends it, and ends this process."""
    status, by, short = _wait(child, told, _wakened(answered), answered)
    told.read()
    if told.over and not os.WIFSIGNALED(status):  # by itself, if just before it was to be ended
        _end(os.waitstatus_to_exitcode(status), "", told)
    if by is not None:
        _end(128 + by, render(_interrupted(signal.Signals(by).name)), told)
    death = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else _LEFT
    if short or death in _DEATHS:
        from kpi.errors import Message
        from kpi.process.limits import SMALLER

        stage = told.doing[-1] if told.doing else ""
        head = Message("not enough memory while {stage}", stage=stage) if stage else Message("not enough memory")
        message = (
            _out_of_memory(head, death) if short is None else Message("{message}: {state}", message=head, state=short)
        )
        last = "" if short else told.last()
        if last:
            message = Message("{message} (see above)", message=message)
        _end(2, last + _finding("K570", message, SMALLER, render), told)
    _end(128 + os.WTERMSIG(status), told.last() + render(_ended(death, told.doing)), told)


def _interrupted(name: str) -> Message:
    """Return what is said of the signal that the user or the system sent."""
    from kpi.errors import Message

    if name == "SIGINT":
        return Message("Interrupted; nothing is half written.")
    if name == "SIGTERM":
        return Message("Terminated; nothing is half written.")
    return Message("Hung up; nothing is half written.")


def _ended(name: str, doing: list[str]) -> Message:
    """Return what is said of a child that another signal ended."""
    from kpi.errors import Message

    if doing:
        return Message("error: ended by {signal} while {stage}; nothing is half written.", signal=name, stage=doing[-1])
    return Message("error: ended by {signal}; nothing is half written.", signal=name)


def _out_of_memory(message: Message, death: str) -> Message:
    """Return what the end of a child means when memory has run out, and what else it may mean."""
    from kpi.errors import Message

    if death == "SIGKILL":
        return Message(
            "{message}: the system ended the program, as it does when memory runs out, or somebody did", message=message
        )
    if death == "SIGSEGV":
        return Message(
            "{message}, or a fault of a library: it was ended as it reached for memory that it does not have (SIGSEGV)",
            message=message,
        )
    if death == "SIGBUS":
        return Message("{message}, or a file was cut short while it was read (SIGBUS)", message=message)
    return Message("{message}, or another failure", message=message)


def _wakened(answered: set[int]) -> int:
    """Takes the signals from now on, and returns the file in which their numbers can be read."""
    woken, wake = os.pipe()
    for one in (woken, wake):
        os.set_blocking(one, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in answered:
        signal.signal(number, _noticed)
    _let(answered)
    return woken


def _wait(child: int, told: _Told, woken: int, answered: set[int]) -> tuple[int, int | None, Message | None]:
    """Returns how the child ended, and by which signal or for what want of memory it was ended."""
    look = time.monotonic() + _PATIENCE
    while True:
        files = [woken] if told.source is None else [woken, told.source]
        ready, _, _ = select.select(files, [], [], max(look - time.monotonic(), 0))
        told.read()
        came = os.read(woken, 4096) if woken in ready else b""
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, None, None
        by: int | None = next((one for one in came if one in answered), None)
        short: Message | None = None
        if by is None and time.monotonic() >= look:
            short, wait = _shortage(child)
            look = time.monotonic() + wait
        if by is not None or short:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1], by, short


def _shortage(child: int) -> tuple[Message | None, float]:
    """Return what memory is used and left, if too little for the child, and when (seconds) to look again."""
    from kpi.process import memory

    room = memory.available(process=child)
    if room is not None and room < RESERVE:
        its = memory.resident(process=child)
        if its > LARGE or room < its // _PART:
            from kpi.errors import Message

            used = memory.gigabytes(its)
            return Message("{used} is in use, {room:.0f} MB is left", used=used, room=room / 1e6), 0
    return None, pause(room)


def pause(room: int | None) -> float:
    """Returns how long (seconds) the memory need not be looked at while so many bytes are left."""
    return _LOOKS if room is None else min(max(room / _FAST, _OFTEN), _LOOKS)


def _end(code: int, words: str, told: _Told) -> NoReturn:
    """Removes what is unfinished, says why, and ends the process."""
    if told.unfinished:
        from kpi.process import atomic_files

        atomic_files.remove_all(told.unfinished)
    if words:
        import contextlib

        # The line of the progress and the hidden cursor belong to a terminal.
        begin = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{begin}{words}\n".encode())
    os._exit(code)
