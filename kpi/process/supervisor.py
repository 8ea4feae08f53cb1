"""Run the command in a forked worker; the parent handles signals, memory and clean-up.

A query may neither return nor react to a signal (Polars 2.1 leaves its streaming engine within 0.1 s of Ctrl-C, but an
in-memory query ran on for up to 16 s), the kernel may kill the process without a word, and Rust aborts where an
allocation is refused. A process in such a state cannot clean up or report. So the program forks before it has imported
anything: the child ignores signals, works, and reports its stages and unfinished files (`journal`); the parent, which
is tiny, takes the signals and watches the memory. The child is always ended in one way, SIGKILL, and then the parent
removes unfinished files. What libraries in other languages write on standard error, such as a thread of Polars that
panics over a damaged file, which becomes a finding, is shown only where it is the last output.

SIGKILL is safe, as nothing needs an orderly end: files are moved into place when they are complete (`atomic_files`), a
store publishes a night by its last step, a lock ends with its process, and a database rolls back the transaction of a
connection that drops.
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

#: How long (seconds) after the start the memory is first checked, so that a short command does not pay for it.
_PATIENCE = 0.3
#: The child is killed when less memory (bytes) than RESERVE is left and it uses more than LARGE; or when less is left
#: than a small part of what it uses, as in a container of 150 MB.
RESERVE, LARGE, _PART = 96 << 20, 256 << 20, 8
#: The longest and the shortest time (seconds) between checks, and how fast (bytes a second) memory may be used.
_LOOKS, _OFTEN, _FAST = 0.2, 0.004, 8 << 30
#: The signals that end a program: Ctrl-C, `kill` or systemd, and a terminal that is closed.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
#: How many of the last bytes that libraries wrote on standard error are shown.
_LAST = 2000
#: A child that exits by itself in the midst of its work, as with OpenBLAS.
_LEFT = "exit"
#: The exit statuses that exhausted memory may have caused.
_DEATHS = (_LEFT, "SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS")


def supervised(work: Callable[[], None], render: Render = str) -> None:
    """Run some work in a child of this process, report how it ended, and end this process with its exit code.

    The exit code after a signal is 128 and its number, as in a shell: 130 after Ctrl-C, 143 after SIGTERM, 129 after
    SIGHUP; without memory it is 2. A signal that was ignored when the program was started stays ignored.

    Where a process cannot be forked, on Windows and where Polars or threads have been used already, the work is done
    in this one.

    Args:
        work: the program.
        render: returns a message in the language of the user.
    """
    handled = _begin() if _can_fork() else None
    if handled is None:
        work()
        return
    source, sink = os.pipe()
    noise = os.memfd_create("noise") if hasattr(os, "memfd_create") and "POLARS_VERBOSE" not in os.environ else None
    try:
        child = os.fork()
    except OSError:  # no memory, or too many processes
        _release(handled)
        work()
        return
    if child:
        os.close(sink)
        _supervise(child, _Worker(source, noise), handled, render)
    os.close(source)
    _run_child(work, sink, noise, render)


def _can_fork() -> bool:
    threads = sys.modules.get("threading")
    return hasattr(os, "fork") and "polars" not in sys.modules and (threads is None or threads.active_count() == 1)


def _begin() -> set[int]:
    """Block the signals that the parent handles, and return them; the child keeps them blocked.

    Polars would handle SIGINT as soon as it is imported, and panic over it on standard error.
    """
    every = [getattr(signal, name) for name in _SIGNALS]
    handled = {
        signal_number for signal_number in every if signal.getsignal(signal_number) not in (signal.SIG_IGN, None)
    }
    signal.pthread_sigmask(signal.SIG_BLOCK, handled | {signal.SIGCHLD})
    # With a handler, as the end of a child is not reported where SIGCHLD is ignored.
    signal.signal(signal.SIGCHLD, _ignore)
    return handled


def _release(handled: set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, handled | {signal.SIGCHLD})


def _ignore(*_: object) -> None:
    """Do nothing: the signal is read from the file that Python's handler in C writes to."""


# ---- THE CHILD ---- #


def _run_child(work: Callable[[], None], to: int, noise: int | None, render: Render) -> None:
    """Do the work, and report its end, as there are libraries that exit the process wherever they are."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _report(to, render)
    errors = 2 if noise is None or sys.stderr is None else _redirected(noise)
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


def _redirected(noise: int) -> int:
    """Redirect what libraries write on standard error to a file, keep Python's own, and return its descriptor."""
    own = os.dup(2)
    os.dup2(noise, 2)
    of = sys.stderr
    sys.stderr = os.fdopen(own, "w", buffering=1, encoding=of.encoding, errors=of.errors)
    return own


def _short(error: BaseException, render: Render) -> str:
    """Return the finding of an error due to exhausted memory, as plain text; empty for other errors."""
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
    """Send the events of this process to its parent, each in one write, which a pipe keeps whole."""
    from kpi.process import journal

    parent, bound = os.getppid(), False

    def report(event: Event, detail: str) -> None:
        nonlocal bound
        if not bound:
            bound = True
            _bind(parent)
        text = detail if type(detail) is str else render(detail)  # type: ignore[arg-type]
        _write(to, f"{event} {text}".replace("\0", "").encode("utf-8", "surrogateescape") + b"\0")

    journal.listen(report)


def _write(to: int, entry: bytes) -> None:
    try:
        os.write(to, entry)
    except BrokenPipeError:
        os.kill(os.getpid(), signal.SIGKILL)  # the parent is gone


def _bind(parent: int) -> None:
    """Have Linux kill this process with its parent; called with the first event, as ctypes takes 3 ms."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


# ---- THE PARENT ---- #


class _Worker:
    """The events that the child has reported; `noise` is the file with the standard error of libraries."""

    def __init__(self, source: int, noise: int | None) -> None:
        os.set_blocking(source, False)
        self.source: int | None = source
        self._noise = noise
        self.doing: list[str] = []
        self.over = False
        self.unfinished: dict[str, str] = {}
        self._rest = b""

    def read(self) -> None:
        """Read the events that have arrived."""
        while self.source is not None:
            try:
                data = os.read(self.source, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self.source = None
            *entries, self._rest = (self._rest + data).split(b"\0")
            for entry in entries:
                self._note(*entry.decode("utf-8", "surrogateescape").partition(" ")[::2])

    def last(self) -> str:
        """Return the last lines that libraries wrote on standard error."""
        if self._noise is None:
            return ""
        size = os.lseek(self._noise, 0, os.SEEK_END)
        os.lseek(self._noise, max(size - _LAST, 0), os.SEEK_SET)
        lines = os.read(self._noise, _LAST).decode("utf-8", "replace").strip("\n").split("\n")
        return "".join(f"{line}\n" for line in lines[size > _LAST :] if line)

    def _note(self, event: str, detail: str) -> None:
        if event == "begun":
            self.doing.append(detail)
        elif event == "ended" and detail in self.doing:
            self.doing.remove(detail)
        elif event == "finished":
            self.unfinished.pop(detail, None)
        elif event == "over":
            self.over = True
        elif event in ("file", "folder", "tree"):
            self.unfinished[detail] = event


def _supervise(child: int, worker: _Worker, handled: set[int], render: Render) -> NoReturn:
    """Wait for the end of the child, or kill it, and end this process."""
    status, by, short = _wait(child, worker, _wakened(handled), handled)
    worker.read()
    if worker.over and not os.WIFSIGNALED(status):  # it ended by itself just before it was killed
        _end(os.waitstatus_to_exitcode(status), "", worker)
    if by is not None:
        _end(128 + by, render(_interrupted(signal.Signals(by).name)), worker)
    death = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else _LEFT
    if short or death in _DEATHS:
        from kpi.errors import Message
        from kpi.process.limits import SMALLER

        stage = worker.doing[-1] if worker.doing else ""
        head = Message("not enough memory while {stage}", stage=stage) if stage else Message("not enough memory")
        message = (
            _out_of_memory(head, death) if short is None else Message("{message}: {state}", message=head, state=short)
        )
        last = "" if short else worker.last()
        if last:
            message = Message("{message} (see above)", message=message)
        _end(2, last + _finding("K570", message, SMALLER, render), worker)
    _end(128 + os.WTERMSIG(status), worker.last() + render(_ended(death, worker.doing)), worker)


def _interrupted(name: str) -> Message:
    """Return the message about a signal that the user or the system sent."""
    from kpi.errors import Message

    if name == "SIGINT":
        return Message("Interrupted; nothing is half written.")
    if name == "SIGTERM":
        return Message("Terminated; nothing is half written.")
    return Message("Hung up; nothing is half written.")


def _ended(name: str, doing: list[str]) -> Message:
    """Return the message about a child that another signal ended."""
    from kpi.errors import Message

    if doing:
        return Message("error: ended by {signal} while {stage}; nothing is half written.", signal=name, stage=doing[-1])
    return Message("error: ended by {signal}; nothing is half written.", signal=name)


def _out_of_memory(message: Message, death: str) -> Message:
    """Return the message about a child that exhausted memory may have ended."""
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


def _wakened(handled: set[int]) -> int:
    """Take the signals from now on, and return the file from which their numbers are read."""
    woken, wake = os.pipe()
    for descriptor in (woken, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in handled:
        signal.signal(number, _ignore)
    _release(handled)
    return woken


def _wait(child: int, worker: _Worker, woken: int, handled: set[int]) -> tuple[int, int | None, Message | None]:
    """Return the exit status of the child, and the signal or the memory shortage for which it was killed, if any."""
    look = time.monotonic() + _PATIENCE
    while True:
        files = [woken] if worker.source is None else [woken, worker.source]
        ready, _, _ = select.select(files, [], [], max(look - time.monotonic(), 0))
        worker.read()
        came = os.read(woken, 4096) if woken in ready else b""
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, None, None
        by: int | None = next((number for number in came if number in handled), None)
        short: Message | None = None
        if by is None and time.monotonic() >= look:
            short, wait = _shortage(child)
            look = time.monotonic() + wait
        if by is not None or short:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1], by, short


def _shortage(child: int) -> tuple[Message | None, float]:
    """Return the memory in use and left if it is too little for the child, and the time (seconds) of the next check."""
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
    """Return the time (seconds) to the next check of the memory while so many bytes are left."""
    return _LOOKS if room is None else min(max(room / _FAST, _OFTEN), _LOOKS)


def _end(code: int, words: str, worker: _Worker) -> NoReturn:
    """Remove unfinished files, write the reason, and end the process."""
    if worker.unfinished:
        from kpi.process import atomic_files

        atomic_files.remove_all(worker.unfinished)
    if words:
        import contextlib

        # The line of the progress and the hidden cursor belong to a terminal.
        begin = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{begin}{words}\n".encode())
    os._exit(code)
