"""`kpi` and `python -m kpi`: the command line as a program of its own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from kpi.errors import Message


def program() -> None:
    """Run the command line as a program whose end is always answered for, see `kpi.process.supervisor`."""
    try:
        _open()
        _tune()
        from kpi.process.supervisor import supervised

        supervised(_work, _rendered)
    except KeyboardInterrupt:  # of the first milliseconds, or where nobody can answer for this process
        import os

        os.write(2, b"Interrupted; nothing is half written.\n")
        os._exit(130)


def _rendered(message: Message) -> str:
    """Return a message in the language of the user, who may have chosen it by an option."""
    import sys

    from kpi.process.locale import requested, using
    from kpi.report.language import localized

    with using(requested(sys.argv[1:])):
        return localized(message)


def _open() -> None:
    """Open nothing in place of a standard file that is closed, lest the next file that is opened be taken for it."""
    import os
    import sys

    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _tune() -> None:
    import os

    from kpi.process.tuning import apply

    apply(os.environ)


def _work() -> None:
    import atexit
    import gc

    # What a command imports stays, 130,000 objects: to search it for garbage, on the way and at the end, is a fifth
    # of a short run.
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)
    _redact_tracebacks()
    from kpi.cli.main import main

    main(prog_name="kpi")


def _redact_tracebacks() -> None:
    """Have a traceback of the program printed without passwords."""
    import sys

    def printed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import traceback

        from kpi.errors import redacted

        sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = printed


if __name__ == "__main__":
    program()
