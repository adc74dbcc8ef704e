"""The formats that candles are written in, each by the suffix of the file.

Feather is what freqtrade reads: the columns date (milliseconds, UTC), open, high, low, close and
volume, without an index, compressed by LZ4, as `pandas.DataFrame.to_feather` writes them. Parquet
and CSV have the same columns first, then symbol, interval, close_at and trades.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import polars as pl
from pyarrow import feather

from market_assets.storage.common.durable import settle, temporary_beside
from market_assets.storage.common.errors import from_os

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PURPOSE: Final = "export"
FREQTRADE: Final = ("date", "open", "high", "low", "close", "volume")
"""The columns of freqtrade's layout, in its order."""
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"


def write(candles: pl.DataFrame, target: Path) -> None:
    """Write the candles in the format of the suffix; the file is whole, or it is as it was.

    Who is killed meanwhile leaves at most a hidden file beside it.

    Args:
        candles: from `read_candles`.
        target: ends with one of `SUFFIXES`; replaced if it is there.

    Raises:
        StoreUnwritable: the folder is missing, read-only or full.
        StoreError: the system refuses for another reason.
    """
    temporary = temporary_beside(target, _PURPOSE)
    try:
        with temporary.open("xb") as file:
            _WRITERS[target.suffix.lower()](candles, file)
        settle(temporary, target)
    except OSError as error:
        raise from_os(target.parent, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _parquet(candles: pl.DataFrame, file: BinaryIO) -> None:
    candles.write_parquet(file, compression="zstd")


def _csv(candles: pl.DataFrame, file: BinaryIO) -> None:
    candles.write_csv(file, datetime_format=_INSTANT)


def _feather(candles: pl.DataFrame, file: BinaryIO) -> None:
    frame = candles.select(pl.col("date").dt.cast_time_unit("ms"), *FREQTRADE[1:])
    feather.write_feather(frame.to_arrow(), file, compression="lz4")


_WRITERS: Final[Mapping[str, Callable[[pl.DataFrame, BinaryIO], None]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".feather": _feather,
}
SUFFIXES: Final = tuple(_WRITERS)
"""What a file's name may end with."""
