"""What the machine of a measurement is called."""

from __future__ import annotations

import re
from pathlib import Path


def processor() -> str:
    """Return the name of the processor with a comma behind it, empty where the system does not tell."""
    try:
        result = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        return ""
    return f"{result.group(1).strip()}, " if result else ""
