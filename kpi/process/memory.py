"""Memory that a process uses and can still allocate.

It imports almost nothing, to keep the supervisor small.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kpi.errors import Message

_PROC, _CGROUPS = "/proc", "/sys/fs/cgroup"
_VERSION_1, _VERSION_2 = ("memory.limit_in_bytes", "memory.usage_in_bytes"), ("memory.max", "memory.current")


def available(
    proc: str | os.PathLike[str] = _PROC,
    cgroups: str | os.PathLike[str] = _CGROUPS,
    *,
    process: int | None = None,
) -> int | None:
    """Return how many bytes of memory a process, this one or another, can still get; None if the system does not say.

    The least of: what the machine has free or can free, swap included; what the control groups (v1 and v2) of the
    process still allow, such as those of a container or a systemd unit; what `ulimit -v` still allows.
    """
    of = _of(proc, process)
    rooms = [*_of_machine(proc), *_of_groups(of, cgroups), *_of_process(of, process)]
    return max(0, min(rooms)) if rooms else None


def resident(proc: str | os.PathLike[str] = _PROC, *, process: int | None = None) -> int:
    """Return how many bytes of memory a process uses, this one or another; 0 if the system does not say."""
    return _sizes(_read(_of(proc, process), "status")).get("VmRSS", 0)


def gigabytes(size: int) -> Message:
    """Return a number of bytes as messages have it.

    >>> gigabytes(1_200_000_000), gigabytes(52_000_000)
    ('1.2 GB of memory', '52 MB of memory')
    """
    from kpi.errors import Message

    if size >= 1e9:
        return Message("{size:,.1f} GB of memory", size=size / 1e9)
    return Message("{size:,.0f} MB of memory", size=size / 1e6)


def _of(proc: str | os.PathLike[str], process: int | None) -> str:
    """Return the folder of a process in /proc."""
    return os.path.join(proc, "self" if process is None else str(process))  # noqa: PTH118  # pathlib takes 4 ms


def _of_machine(proc: str | os.PathLike[str]) -> list[int]:
    sizes = _sizes(_read(proc, "meminfo"))
    return [sizes["MemAvailable"] + sizes.get("SwapFree", 0)] if "MemAvailable" in sizes else []


def _of_groups(of: str, cgroups: str | os.PathLike[str]) -> list[int]:
    """Return the room in every control group with a limit, from that of the process up to the root."""
    rooms = []
    for line in _read(of, "cgroup").splitlines():
        number, names, path = line.split(":", 2)
        if number != "0" and "memory" not in names.split(","):
            continue
        most, usage = _VERSION_2 if number == "0" else _VERSION_1
        parts = [part for part in path.split("/") if part]
        # NOTE: inside a container the path is often that of the host, and only the root exists.
        for depth in range(len(parts), -1, -1):
            folder = "/".join([os.fspath(cgroups), *([] if number == "0" else ["memory"]), *parts[:depth]])
            limit, used = _read(folder, most).strip(), _read(folder, usage).strip()
            if limit.isdigit() and used.isdigit() and int(limit) < 1 << 60:
                rooms.append(int(limit) - int(used) + _reclaimable(folder))
    return rooms


def _reclaimable(folder: str) -> int:
    """Return the cached file pages of a control group that can be dropped."""
    figures = dict(line.split(" ", 1) for line in _read(folder, "memory.stat").splitlines() if " " in line)
    return int(figures.get("total_inactive_file", figures.get("inactive_file", 0)))


def _of_process(of: str, process: int | None) -> list[int]:
    used = _sizes(_read(of, "status")).get("VmSize")
    if used is None:
        return []
    import resource  # there is no /proc on Windows, where this is missing

    try:
        limit, _ = resource.prlimit(process or 0, resource.RLIMIT_AS)
    except OSError:  # it has just ended
        return []
    return [] if limit == resource.RLIM_INFINITY else [limit - used]


def _sizes(text: str) -> dict[str, int]:
    """Return the lines `Name:  12 kB` as bytes."""
    lines = [line.split() for line in text.splitlines()]
    return {line[0][:-1]: int(line[1]) * 1024 for line in lines if len(line) == 3 and line[2] == "kB"}


def _read(folder: str | os.PathLike[str], name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="ascii", errors="replace") as file:  # noqa: PTH118, PTH123
            return file.read()
    except OSError:
        return ""
