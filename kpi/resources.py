"""Memory and disk: how much there is, whether something fits, and the finding when it does not."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from kpi.errors import DataError, Diagnostic

SMALLER = "score fewer periods or entities at a time, give large data as Parquet, or use a machine with more memory"
#: What systems and libraries say, in small letters, when they are refused memory or a thread, or cannot load a library.
_REFUSED = (
    "out of memory", "cannot allocate memory", "failed to map segment", "can't start new thread",
    "failed to spawn thread", "unable to allocate", "memory allocation",
)  # fmt: skip
_FULL = "make room there, or point TMPDIR or the output at a disk that has some"
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available(proc: Path = _PROC, cgroups: Path = _CGROUPS, *, process: int | None = None) -> int | None:
    """Returns how many bytes of memory a process, this one or another, can still have; None where no system tells.

    The least of what the machine has free or can free, swap included; of what the control groups (v1 and v2) that the
    process is in still allow, such as those of a container or a systemd unit; and of what `ulimit -v` still allows.
    """
    found = [*_of_machine(proc), *_of_groups(proc, cgroups, process), *_of_process(proc, process)]
    return max(0, min(found)) if found else None


def resident(proc: Path = _PROC, *, process: int | None = None) -> int:
    """Returns how many bytes of memory a process has, this one or another; 0 where the system does not tell."""
    return _sizes(_told(proc, process, "status")).get("VmRSS", 0)


def _of_machine(proc: Path) -> list[int]:
    sizes = _sizes(_read(proc / "meminfo"))
    return [sizes["MemAvailable"] + sizes.get("SwapFree", 0)] if "MemAvailable" in sizes else []


def _of_groups(proc: Path, cgroups: Path, process: int | None) -> list[int]:
    """Returns the room in every control group with a limit on the way from the process's own to the root."""
    found = []
    for line in _told(proc, process, "cgroup").splitlines():
        number, names, path = line.split(":", 2)
        if number != "0" and "memory" not in names.split(","):
            continue
        root = cgroups if number == "0" else cgroups / "memory"
        most, now = ("memory.max", "memory.current") if number == "0" else _VERSION_1
        inside = root / path.lstrip("/")
        # NOTE: inside a container the path is often that of the host, and only the root is there.
        for folder in (inside, *inside.parents):
            limit, used = _read(folder / most).strip(), _read(folder / now).strip()
            if limit.isdigit() and used.isdigit() and int(limit) < 1 << 60:
                found.append(int(limit) - int(used) + _reclaimable(folder))
            if folder == root:
                break
    return found


_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _reclaimable(folder: Path) -> int:
    """Returns what a control group holds of files only so as not to read them again."""
    found = re.search(r"^(?:total_)?inactive_file (\d+)$", _read(folder / "memory.stat"), re.MULTILINE)
    return int(found[1]) if found else 0


def _of_process(proc: Path, process: int | None) -> list[int]:
    try:
        import resource
    except ImportError:  # pragma: no cover  # Windows has no such limit
        return []
    used = _sizes(_told(proc, process, "status")).get("VmSize")
    if used is None:
        return []
    try:
        limit, _ = resource.prlimit(process or 0, resource.RLIMIT_AS)
    except OSError:  # it has just ended
        return []
    return [] if limit == resource.RLIM_INFINITY else [limit - used]


def _told(proc: Path, process: int | None, what: str) -> str:
    """Returns what /proc says about a process, this one or another."""
    return _read(proc / ("self" if process is None else str(process)) / what)


def _sizes(text: str) -> dict[str, int]:
    """Returns the lines `Name:  12 kB` as bytes."""
    return {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii", errors="replace")
    except OSError:
        return ""


def make_sure(needed: int, what: str, hint: str = SMALLER) -> None:
    """Checks that so many bytes can still be had, before anything is allocated.

    Raises:
        DataError: K570, when they cannot.
    """
    room = available()
    if room is not None and needed > room:
        raise DataError(
            Diagnostic("K570", f"{what} needs {gigabytes(needed)}, and {gigabytes(room)} is left", hint=hint)
        )


def gigabytes(size: int) -> str:
    """Returns a size for people.

    >>> gigabytes(1_200_000_000), gigabytes(52_000_000)
    ('1.2 GB of memory', '52 MB of memory')
    """
    return f"{size / 1e9:,.1f} GB of memory" if size >= 1e9 else f"{size / 1e6:,.0f} MB of memory"


def shortage(error: BaseException) -> Diagnostic | None:
    """Returns the finding when an error says that memory or disk ran out, else None.

    >>> shortage(OSError(errno.ENOSPC, "No space left on device")).message
    'no space is left on the disk'
    """
    at = "".join(f" {note}" for note in getattr(error, "__notes__", ())[:1])  # what `progress.stage` notes
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in _REFUSED):
        return Diagnostic("K570", f"not enough memory{at}", hint=SMALLER)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full or "no space left on device" in said or "file too large" in said or "quota exceeded" in said:
        return Diagnostic("K571", f"no space is left on the disk{at}", hint=_FULL)
    # What failed for want of memory makes other things fail, such as a name that a module was to import.
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None if before is None else shortage(before)
