"""Settings of Polars for a process that does nothing but run `kpi`: they are those of the whole process.

A library call leaves the process that embeds it as it is, so only the command line applies them, before Polars is
imported, which reads its environment then.
"""

from __future__ import annotations

from collections.abc import MutableMapping

#: Polars 2.1 keeps 4,096 groups and holds the rows of all others until the end, up to 7.7 GB where 0.7 GB will do. And
#: the more rows are added at a time, the less often the sums of all groups are fetched from far memory.
SETTINGS = {"POLARS_MAX_HOT_TABLE_SIZE": str(1 << 20), "POLARS_IDEAL_MORSEL_SIZE": "300000"}


def apply(environment: MutableMapping[str, str]) -> None:
    """Add the settings to an environment, where it has none of its own."""
    for name, value in SETTINGS.items():
        environment.setdefault(name, value)
