"""The distribution that the package is installed from: its name and version."""

from __future__ import annotations

#: The name under which the package is installed; it is imported as `kpi`, and so is the command.
NAME = "kpi-scorecard"


def version() -> str | None:
    """Return the installed version, None for a checkout that is not installed."""
    from importlib import metadata

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return None
