"""Numbers of a page: whole numbers of few bytes, compressed, as a browser unpacks them without a library."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping

import polars as pl
from msgspec import Struct, field

#: What stands for no number: the least of each type, by the bytes of a number.
ABSENT = {1: -(2**7), 2: -(2**15), 4: -(2**31)}
_TYPES: Mapping[int, type[pl.DataType]] = {1: pl.Int8, 2: pl.Int16, 4: pl.Int32}
#: The most digits that a number keeps where it is too large for its decimals.
_DIGITS = 9


class Numbers(Struct):
    """Columns of numbers in one block of bytes, each a scaled whole number.

    Attributes:
        content: the bytes.
    """

    content: bytearray = field(default_factory=bytearray)

    def add(self, column: pl.Series, decimals: int) -> list[int]:
        """Add a column, rounded to some decimals as it is shown, and return where it stands.

        Args:
            column: of numbers, null for none; already rounded by the rules of the system where these matter.
            decimals: how many are shown.

        Returns:
            The offset, the number of entries, the bytes of each, and the decimals: the number is the whole one divided
            by the power of ten. Columns with numbers beyond that are 64-bit floating-point, of 8 bytes.
        """
        values = column.cast(pl.Float64).fill_nan(None)
        largest = max(abs(float(values.max() or 0)), abs(float(values.min() or 0)))  # type: ignore[arg-type]
        # Large numbers lose decimals that nobody reads: 123456789.12 has all its digits, one of 1e9 has none behind.
        kept = min(decimals, max(0, _DIGITS - 1 - math.floor(math.log10(largest)))) if largest >= 1 else decimals
        whole = (values.round(kept) * 10.0**kept).round(0)
        bound = largest * 10.0**kept
        size = next((size for size, absent in ABSENT.items() if bound < -absent), 8)
        offset = len(self.content)
        if size == 8:
            data = values.fill_null(math.nan).to_numpy().astype("<f8")
        else:
            data = whole.fill_null(ABSENT[size]).cast(_TYPES[size]).to_numpy().astype(f"<i{size}")
        # All first bytes, then all second ones: neighbours are alike, which packs better.
        self.content += data.view("u1").reshape(-1, size).T.tobytes()
        return [offset, len(column), size, kept]

    def text(self) -> str:
        """Return the bytes, compressed by DEFLATE, in Base64."""
        packed = zlib.compressobj(6, zlib.DEFLATED, -15)
        return base64.b64encode(packed.compress(bytes(self.content)) + packed.flush()).decode()
