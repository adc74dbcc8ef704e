"""Which candles are exported, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.exports.candles import Wanted, read_candles
from market_assets.exports.errors import NothingToExportError
from market_assets.storage.api import Reader
from market_assets.storage.common.errors import StoreError
from market_assets.storage.files.reader import FileReader
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_ASSETS, HYPERLIQUID_CANDLES
from market_assets_tests.storage.examples import assets

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 24 * 70
"""Of BTC, from 20 December 2025 on: parts of two months and two whole ones."""
BEGINS = NEW_YEAR - timedelta(days=12)


def candle(symbol: str, interval: str, open_at: datetime, **values: object) -> dict[str, object]:
    length = timedelta(hours=1) if interval == "1h" else timedelta(minutes=1)
    usual = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 10.0, "trades": 3}
    return {
        **usual,
        "symbol": symbol,
        "interval": interval,
        "open_at": open_at,
        "close_at": open_at + length,
        "is_closed": True,
        "source": "rest",
        "ingested_at": open_at + length,
        **values,
    }


@pytest.fixture(scope="module", name="reader")
def make_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Hours of BTC, the last one still forming; minutes of BTC and ETH."""
    store = FileStore(tmp_path_factory.mktemp("store") / "market.duckdb")
    rows = [candle("BTC", "1h", BEGINS + timedelta(hours=n), close=n) for n in range(HOURS)]
    rows[-1]["is_closed"] = False
    rows += [candle(symbol, "1m", NEW_YEAR) for symbol in ("BTC", "ETH", "kPEPE", "PURR/USDC")]
    store.merge(HYPERLIQUID_CANDLES, pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema))
    store.publish(force=True)
    with FileReader(store.paths.published) as reader:
        yield reader


def test_all_closed_candles_of_one_symbol_and_interval(reader: Reader) -> None:
    found = read_candles(reader, Wanted("BTC", "1h"))
    assert found.columns == [
        *("date", "open", "high", "low", "close", "volume"),
        *("symbol", "interval", "close_at", "trades"),
    ]
    assert found["close"].to_list() == list(range(HOURS - 1))
    assert found["date"][0] == BEGINS
    assert found["close_at"][0] == BEGINS + timedelta(hours=1)
    assert set(found["symbol"]) == {"BTC"}
    assert set(found["interval"]) == {"1h"}
    assert read_candles(reader, Wanted("ETH", "1m")).height == 1


def test_days_are_utc_and_both_are_included(reader: Reader) -> None:
    found = read_candles(reader, Wanted("BTC", "1h", date(2025, 12, 31), date(2026, 1, 1)))
    assert found["date"].to_list() == [NEW_YEAR + timedelta(hours=n) for n in range(-24, 24)]


@given(
    st.none() | st.integers(min_value=-20, max_value=80),
    st.none() | st.integers(min_value=-20, max_value=80),
)
def test_a_span_is_what_a_filter_gives(
    reader: Reader, since: int | None, until: int | None
) -> None:
    """However it lies to months; where there is nothing, that is said."""
    first = None if since is None else (BEGINS + timedelta(days=since)).date()
    last = None if until is None else (BEGINS + timedelta(days=until)).date()
    expected = [
        open_at
        for open_at in (BEGINS + timedelta(hours=n) for n in range(HOURS - 1))
        if (first is None or open_at.date() >= first) and (last is None or open_at.date() <= last)
    ]
    wanted = Wanted("BTC", "1h", first, last)
    if expected:
        assert read_candles(reader, wanted)["date"].to_list() == expected
    else:
        with pytest.raises(NothingToExportError, match="there are some from 2025-12-20 00:00 to"):
            read_candles(reader, wanted)


def test_progress_is_told_by_the_month(reader: Reader) -> None:
    """Twelve days of December, January, and 27 days of February."""
    told: list[tuple[int, int]] = []
    read_candles(reader, Wanted("BTC", "1h"), lambda done, total: told.append((done, total)))
    assert told == [(12 * 24, 1679), (43 * 24, 1679), (1679, 1679)]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("btc", "1h"), r"no candles of 'btc' are published; did you mean BTC\?"),
        (Wanted("PEPE", "1m"), r"'PEPE' are published; did you mean kPEPE\?"),
        (Wanted("PURR/USD", "1m"), r"did you mean PURR/USDC\?"),
        (Wanted("", "1m"), r"no candles of '' are published$"),
        (Wanted("XXXXXXXX", "1m"), r"no candles of 'XXXXXXXX' are published$"),
        (Wanted("BTC", "5m"), r"no 5m candles of BTC are published; there are 1m, 1h$"),
        (Wanted("ETH", "1h"), r"no 1h candles of ETH are published; there are 1m$"),
        (
            Wanted("BTC", "1m", date(2026, 1, 2), date(2026, 1, 3)),
            "until 2026-01-03: there are some from 2026-01-01 00:00 to 2026-01-01 00:00 UTC",
        ),
    ],
)
def test_what_is_not_there_is_said_with_what_is(reader: Reader, wanted: Wanted, says: str) -> None:
    with pytest.raises(NothingToExportError, match=says):
        read_candles(reader, wanted)


def test_a_symbol_that_is_listed_and_has_none_is_not_mistaken(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "market.duckdb")
    store.replace(HYPERLIQUID_ASSETS, assets("BTC", "ETH", seen=0))
    store.publish(force=True)
    with FileReader(store.paths.published) as reader:
        for symbol, says in (("BTC", "'BTC' are published$"), ("ETC", "did you mean ETH")):
            with pytest.raises(NothingToExportError, match=says):
                read_candles(reader, Wanted(symbol, "1h"))


def archived(folder: Path) -> FileStore:
    """A store of two live hours, and two of the days before in the archive."""
    store = FileStore(folder / "market.duckdb", archive=folder / "archive")
    frames = [
        pl.DataFrame(
            [candle("BTC", "1h", NEW_YEAR + timedelta(hours=n), close=n) for n in hours],
            schema=HYPERLIQUID_CANDLES.schema,
        )
        for hours in ((1, 2), (-24, -1))
    ]
    store.merge(HYPERLIQUID_CANDLES, frames[0])
    store.keep(HYPERLIQUID_CANDLES, frames[1], over_before=NEW_YEAR)
    store.publish(force=True)
    return store


def test_archived_candles_are_exported_too(tmp_path: Path) -> None:
    store = archived(tmp_path)
    with FileReader(store.paths.published) as reader:
        found = read_candles(reader, Wanted("BTC", "1h"))
    assert found["close"].to_list() == [-24.0, -1.0, 1.0, 2.0]


def test_a_damaged_file_of_the_archive_is_named(tmp_path: Path) -> None:
    """It was whole when the view was made."""
    store = archived(tmp_path)
    [file] = (tmp_path / "archive").rglob("*.parquet")
    file.write_bytes(b"damaged")
    with (
        FileReader(store.paths.published) as reader,
        pytest.raises(StoreError, match=r"market\.duckdb: .*data\.parquet") as raised,
    ):
        read_candles(reader, Wanted("BTC", "1h"))
    assert "\n" not in str(raised.value)
