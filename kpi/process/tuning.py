"""Environment settings of Polars and OpenBLAS for the command line.

They hold for the whole process, so a library call never applies them; the command line does, before these libraries,
which read the environment then, are imported.
"""

from __future__ import annotations

from collections.abc import MutableMapping

#: By default Polars 2.1 keeps 4,096 groups and holds the rows of all others until the end, up to 7.7 GB instead of 0.7
#: GB. Larger morsels fetch the sums of all groups from far memory less often. OpenBLAS starts threads when numpy is
#: imported, which spin for a twentieth of a short run; all matrices here are small.
SETTINGS = {
    "POLARS_MAX_HOT_TABLE_SIZE": str(1 << 20), "POLARS_IDEAL_MORSEL_SIZE": "300000", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip


def apply(environment: MutableMapping[str, str]) -> None:
    """Add the settings that an environment does not have."""
    for name, value in SETTINGS.items():
        environment.setdefault(name, value)
