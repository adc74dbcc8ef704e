"""The exported files, as other programs read them; and that none is ever half a one."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from market_assets.exports import files
from market_assets.exports.files import FREQTRADE, SUFFIXES, write
from market_assets.storage.common.errors import StoreError, StoreUnwritable

T0 = datetime(2026, 1, 1, tzinfo=UTC)
EXTRA = ("symbol", "interval", "close_at", "trades")


def candles(closes: list[float]) -> pl.DataFrame:
    """Hours of BTC with these closes, as `read_candles` gives them."""
    opens = [T0 + timedelta(hours=n) for n in range(len(closes))]
    return pl.DataFrame(
        {
            "date": opens,
            "open": 1.0,
            "high": 2.0,
            "low": 0.5,
            "close": closes,
            "volume": 10.0,
            "symbol": "BTC",
            "interval": "1h",
            "close_at": [one + timedelta(hours=1) for one in opens],
            "trades": 3,
        },
        schema_overrides={
            "date": pl.Datetime("us", "UTC"),
            "close": pl.Float64,
            "close_at": pl.Datetime("us", "UTC"),
        },
    )


def as_freqtrade_reads(path: Path) -> pd.DataFrame:
    """Its columns by position, its types, and `date` made of milliseconds or instants."""
    found = pd.read_feather(path)
    found.columns = pd.Index(FREQTRADE)
    found = found.astype(dtype=dict.fromkeys(FREQTRADE[1:], "float"))
    found["date"] = pd.to_datetime(found["date"], unit="ms", utc=True)
    return found


def test_feather_is_freqtrades_layout(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDC-1h.feather"
    write(candles([1.5, 2.5]), path)
    found = pd.read_feather(path)
    assert list(found.columns) == ["date", "open", "high", "low", "close", "volume"]
    assert str(found["date"].dtype) == "datetime64[ms, UTC]"
    assert {str(found[name].dtype) for name in FREQTRADE[1:]} == {"float64"}
    assert list(found.index) == [0, 1]
    read = as_freqtrade_reads(path)
    assert list(read["date"]) == [pd.Timestamp(T0), pd.Timestamp(T0 + timedelta(hours=1))]
    assert list(read["close"]) == [1.5, 2.5]
    # The same file as pandas writes, also for those who do not read it by pandas.
    by_pandas = tmp_path / "pandas.feather"
    found.to_feather(by_pandas, compression="lz4")
    ours, theirs = feather.read_table(path), feather.read_table(by_pandas)
    assert ours.schema.remove_metadata() == theirs.schema.remove_metadata()
    assert ours.equals(theirs)


def test_feather_is_compressed(tmp_path: Path) -> None:
    """A thousand rows of six columns of 8 bytes are 48,000."""
    path = tmp_path / "btc.feather"
    write(candles([1.5] * 1000), path)
    assert path.stat().st_size < 24_000


def test_parquet_has_all_columns_and_instants_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "btc.parquet"
    write(candles([1.5, 2.5]), path)
    assert pl.read_parquet(path).equals(candles([1.5, 2.5]))
    found = pd.read_parquet(path)
    assert list(found.columns) == [*FREQTRADE, *EXTRA]
    assert str(found["date"].dt.tz) == str(found["close_at"].dt.tz) == "UTC"


def test_csv_has_all_columns_and_instants_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "btc.CSV"
    write(candles([1.5]), path)
    with path.open(newline="", encoding="utf-8") as text:
        assert list(csv.reader(text)) == [
            [*FREQTRADE, *EXTRA],
            [
                *("2026-01-01T00:00:00Z", "1.0", "2.0", "0.5", "1.5", "10.0"),
                *("BTC", "1h", "2026-01-01T01:00:00Z", "3"),
            ],
        ]


@given(st.lists(st.floats(min_value=1e-12, max_value=1e12), min_size=1, max_size=50))
def test_no_format_changes_a_price(
    tmp_path_factory: pytest.TempPathFactory, closes: list[float]
) -> None:
    """Not in its last digit."""
    folder = tmp_path_factory.mktemp("files")
    readers = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".feather": pl.read_ipc}
    assert set(readers) == set(SUFFIXES)
    for suffix, read in readers.items():
        path = folder / f"btc{suffix}"
        write(candles(closes), path)
        assert read(path)["close"].to_list() == closes


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_existing_file_is_replaced_only_by_a_whole_one(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle: the old one stays, and nothing beside it."""
    path = tmp_path / f"btc{suffix}"
    write(candles([1.5]), path)
    before = path.read_bytes()
    half_way = files._WRITERS[suffix]

    def full(frame: pl.DataFrame, file: BinaryIO) -> None:
        half_way(frame, file)
        assert path.read_bytes() == before
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_WRITERS", {suffix: full})
    with pytest.raises(StoreUnwritable, match="No space left on device"):
        write(candles([2.5]), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    monkeypatch.undo()
    write(candles([2.5]), path)
    assert path.read_bytes() != before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_folder_is_named(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(StoreError, match="nowhere cannot be written"):
        write(candles([1.5]), tmp_path / "nowhere" / f"btc{suffix}")
