"""`kpi` and `python -m kpi`: the command line as a program of its own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from kpi.errors import Message


def program() -> None:
    """Run the command line in a supervised child process, see `kpi.process.supervisor`."""
    try:
        _open()
        _tune()
        import sys

        if _serves(sys.argv[1:]):
            _work()
            return
        from kpi.process.supervisor import supervised

        supervised(_work, _rendered)
    except KeyboardInterrupt:  # in the first milliseconds, or without a supervisor
        import os

        os.write(2, b"Interrupted; nothing is half written.\n")
        os._exit(130)


def _serves(arguments: list[str]) -> bool:
    """Return whether the command is `serve`: it has workers of its own, and ends once its requests are answered.

    >>> _serves(["--lang", "zh", "serve"]), _serves(["--lang=zh", "serve", "-h"]), _serves(["score", "serve"])
    (True, True, False)
    """
    named = [
        text for at, text in enumerate(arguments) if not text.startswith("-") and arguments[at - 1 : at] != ["--lang"]
    ]
    return named[:1] == ["serve"]


def _rendered(message: Message) -> str:
    """Return a message in the language of the user, which may be set by an option."""
    import sys

    from kpi.process.locale import requested, using
    from kpi.report.language import localized

    with using(requested(sys.argv[1:])):
        return localized(message)


def _open() -> None:
    """Open the null device for each closed standard stream, so that later files do not get its descriptor."""
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

    # A short run creates 190,000 objects, most of them permanent; to collect garbage once takes a tenth of it.
    gc.set_threshold(500_000)
    atexit.register(gc.freeze)
    _redact_tracebacks()
    from kpi.cli.main import main

    main(prog_name="kpi")


def _redact_tracebacks() -> None:
    """Print tracebacks without passwords."""
    import sys

    def printed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import traceback

        from kpi.errors import redacted

        sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = printed


if __name__ == "__main__":
    program()
