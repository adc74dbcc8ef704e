"""The main job on real input: what the recordings hold is what the database holds afterwards."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from market_assets_tests.recordings import recordings
from market_assets_tests.simulated import simulated
from market_assets_tests.system.running import System

FILES = {"BTC": "BTC_perp", "@107": "HYPE_spot", "PURR/USDC": "PURR_spot"}
Candle = tuple[float, float, float, float, float]


@pytest.fixture(scope="module")
def folder() -> Path:
    found = recordings("hyperliquid")
    if found is None:
        pytest.skip("no recordings on this machine")
    return found


MIDS = (
    "select mids.symbol, mid, low, high from hyperliquid_mid_prices as mids"
    " inner join hyperliquid_candles as candles on mids.symbol = candles.symbol"
    " and interval = '1m' and time_bucket(interval '1 minute', bucket_at) = open_at"
)


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[System, int]:
    """A database filled from the recordings by the project's own commands; their shift in ms."""
    with simulated(recordings=folder, process=True) as venue:
        system = System(
            tmp_path_factory.mktemp("recorded"),
            {**venue.environment, "MARKET_SYMBOLS": ",".join(FILES), "MARKET_PROFILE": "full"},
        )
        system.dagster(
            *("asset", "materialize", "-m", "market_assets.definitions"),
            *("--select", "hyperliquid_assets"),
        )
        for _ in range(6):  # on a busy machine it may not be through with the past at once
            system.command("stream", "hyperliquid", "--duration", "25")
            if is_filled(system):
                break
        system.command("maintain")
        moved = next(note for note in venue.stats()["notes"] if "are moved by" in note)
        days = int(moved.split("are moved by ")[1].split()[0])
        return system, days * 86_400_000


def is_filled(system: System) -> bool:
    """Whether every symbol has its past, a minute that is running, and mids of the same minutes."""
    found = rows(
        system,
        "select symbol from hyperliquid_candles group by symbol"
        " having count(*) filter (interval = '1m' and is_closed) >= 1400"
        " and count(*) filter (interval = '1h' and source = 'rest' and is_closed) > 0"
        " and count(*) filter (interval = '1m' and not is_closed) > 0",
    )
    return {symbol for (symbol,) in found} == set(FILES) == {row[0] for row in rows(system, MIDS)}


def rows(system: System, sql: str, *params: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(system.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql, list(params)).fetchall()


def recorded_candles(folder: Path, symbol: str, interval: str) -> dict[int, Candle]:
    with (folder / f"candles_{FILES[symbol]}_{interval}_20250721_26.csv").open() as file:
        return {
            int(row["t"]): tuple(  # type: ignore[misc]
                float(row[name]) for name in ("open", "high", "low", "close", "volume")
            )
            for row in csv.DictReader(file)
        }


@pytest.mark.parametrize(("interval", "least"), [("1m", 1400), ("1h", 24)])
@pytest.mark.parametrize("symbol", sorted(FILES))
def test_candles_and_roll_ups_are_the_recorded_ones(
    done: tuple[System, int], folder: Path, symbol: str, interval: str, least: int
) -> None:
    """Every closed candle, from the stream, from REST or rolled up, to the last digit of price."""
    system, moved_ms = done
    theirs = recorded_candles(folder, symbol, interval)
    ours = rows(
        system,
        "select epoch_ms(open_at), open, high, low, close, volume, source"
        " from hyperliquid_candles where symbol = ? and interval = ? and is_closed",
        symbol,
        interval,
    )
    assert len(ours) >= least
    for open_ms, *prices, volume, _ in ours:
        recorded = theirs[open_ms - moved_ms]
        assert tuple(prices) == recorded[:4]
        assert volume == pytest.approx(recorded[4], rel=1e-9)


def test_hours_come_from_both_ways(done: tuple[System, int]) -> None:
    """Rolled up where the minutes are there, from REST where only the hours are."""
    found = rows(
        done[0],
        "select source, count(*) from hyperliquid_candles where interval = '1h' group by source",
    )
    assert {source for source, _ in found} == {"rest", "rollup"}


def test_the_registry_is_the_recorded_one(done: tuple[System, int], folder: Path) -> None:
    meta = json.loads((folder / "rest_metaAndAssetCtxs_main_20260206.json").read_text())[0]
    theirs = {
        one["name"]: (one["szDecimals"], one["maxLeverage"], one.get("isDelisted", False))
        for one in meta["universe"]
    }
    ours = rows(
        done[0],
        "select symbol, sz_decimals, max_leverage, is_delisted from hyperliquid_assets"
        " where kind = 'perp' and dex = ''",
    )
    assert {symbol: rest for symbol, *rest in ours} == {k: list(v) for k, v in theirs.items()}
    spot = json.loads((folder / "rest_spotMeta_20250822.json").read_text())
    names = {pair["name"] for pair in spot["universe"]}
    found = rows(done[0], "select symbol, max_leverage from hyperliquid_assets where kind = 'spot'")
    assert {symbol for symbol, _ in found} == names
    assert {leverage for _, leverage in found} == {None}
    (hype,) = rows(done[0], "select display_name from hyperliquid_assets where symbol = '@107'")
    assert hype == ("HYPE/USDC",)


def test_mids_agree_with_the_candles_of_the_same_minutes(done: tuple[System, int]) -> None:
    found = rows(done[0], MIDS)
    assert {symbol for symbol, *_ in found} == set(FILES)
    for symbol, mid, low, high in found:
        assert low * 0.99 <= mid <= high * 1.01, symbol  # quotes move without trades, too


def test_the_minute_that_is_running_is_there_and_not_closed(done: tuple[System, int]) -> None:
    """It is the one after the newest that is closed; within seconds of its begin, the second."""
    found = rows(
        done[0],
        "select symbol, max(open_at) filter (not is_closed), max(open_at) filter (is_closed)"
        " from hyperliquid_candles where interval = '1m' group by symbol",
    )
    for symbol, running, closed in found:
        assert running - closed in (timedelta(minutes=1), timedelta(minutes=2)), symbol
