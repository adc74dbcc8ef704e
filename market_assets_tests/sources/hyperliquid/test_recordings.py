"""The exchange's own payloads, recorded: all of them decode, and the tables made of them agree."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from market_assets.clock import INTERVALS, ManualClock, from_ms
from market_assets.sources.decoding import Rows
from market_assets.sources.hyperliquid import frames, wire
from market_assets.sources.hyperliquid.categories import files
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.messages import (
    AckFrame,
    CandleFrame,
    ErrorFrame,
    MidsFrame,
    OtherFrame,
    PongFrame,
    Subscription,
    decode_frame,
)
from market_assets.sources.hyperliquid.model import Universe
from market_assets.sources.hyperliquid.sanity import candle_fault, sound_mids
from market_assets.sources.hyperliquid.universe import perp_listings, spot_listings
from market_assets_tests.recordings import recordings
from market_assets_tests.sources.http_server import Reply, serving

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder() -> Path:
    found = recordings("hyperliquid")
    if found is None:
        pytest.skip("no recordings beside this repository")
    return found


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]


def test_registry_of_the_first_dex(folder: Path) -> None:
    """228 perps of February 2026, 38 of them delisted, none of those with a price."""
    body = (folder / "rest_metaAndAssetCtxs_main_20260206.json").read_bytes()
    listings, rejected = perp_listings("", *wire.decode_perps(body))
    assert rejected == {}
    frame = frames.assets(Universe(tuple(listings), {}, {}), NOW)
    assert frame.height == 228
    assert frame["is_delisted"].sum() == 38
    by_symbol = {listing.symbol: listing for listing in listings}
    assert by_symbol["BTC"].volume_24h == 12377419030.3486595154
    assert (by_symbol["BTC"].max_leverage, by_symbol["BTC"].sz_decimals) == (40, 5)
    assert by_symbol["kPEPE"].mid
    assert by_symbol["HPOS"].only_isolated
    assert all(listing.mid is None for listing in listings if listing.is_delisted)
    assert all(listing.mid for listing in listings if not listing.is_delisted)
    universe = json.loads(body)[0]["universe"]
    assert [listing.symbol for listing in listings] == [asset["name"] for asset in universe]
    isolated = {asset["name"] for asset in universe if asset.get("onlyIsolated")}
    assert {listing.symbol for listing in listings if listing.only_isolated} == isolated


def registry(body: bytes) -> Rows[wire.PerpAsset]:
    """The perps of a dex, without their markets."""
    read = wire.decoder(wire.PerpMeta).read(body)
    return read.rows(read.value.universe, "universe")


@pytest.mark.parametrize(
    ("name", "assets"),
    [
        ("rest_meta_main_20230717.json", 28),
        ("rest_meta_main_20250822.json", 203),
        ("rest_meta_main_20251213.json", 223),
    ],
)
def test_registries_of_other_years(folder: Path, name: str, assets: int) -> None:
    """The shape grew from three keys to six; the first one still decodes."""
    rows = registry((folder / name).read_bytes())
    assert rows.faults == []
    contexts = Rows([wire.PerpContext()] * len(rows.items), [])
    listings, rejected = perp_listings("", rows, contexts)
    assert (len(listings), rejected) == (assets, {})


def test_spot_pairs_have_the_names_that_people_know(folder: Path) -> None:
    body = (folder / "rest_spotMeta_20250822.json").read_bytes()
    read = wire.decoder(wire.SpotMeta).read(body)
    tokens = read.rows(read.value.tokens, "tokens")
    pairs = read.rows(read.value.universe, "universe")
    assert tokens.faults == pairs.faults == []
    listings, rejected = spot_listings(tokens, pairs, Rows([], []))
    assert (len(listings), rejected) == (199, {})
    names = {listing.symbol: listing.display_name for listing in listings}
    assert names["PURR/USDC"] == "PURR/USDC"
    assert names["@107"] == "HYPE/USDC"
    assert names["@142"] == "UBTC/USDC"
    assert names["@207"] == "HYPE/USDT0"
    assert frames.assets(Universe(tuple(listings), {}, {}), NOW).height == 199


def test_curated_symbols_exist(folder: Path) -> None:
    """Every perp and every pair in the curated file is one that the exchange lists or listed."""
    perps = json.loads((folder / "rest_metaAndAssetCtxs_main_20260206.json").read_bytes())[0]
    spot = json.loads((folder / "rest_spotMeta_20250822.json").read_bytes())
    known = {entry["name"] for entry in perps["universe"] + spot["universe"]}
    curated = {symbol for symbol, _ in files.curated() if not symbol.startswith("xyz:")}
    assert curated <= known


def test_dexs(folder: Path) -> None:
    rows = wire.decode_dexs((folder / "rest_perpDexs_20251213T1322.json").read_bytes())
    assert rows.faults == []
    assert [dex.name for dex in rows.items if dex] == ["xyz", "flx", "vntl", "hyna"]


@pytest.mark.parametrize(
    ("name", "coins"),
    [
        ("rest_allMids_main_20230717.json", 28),
        ("rest_allMids_main_20251213T212831.json", 482),
    ],
)
def test_mids(folder: Path, name: str, coins: int) -> None:
    """Every recorded mid is a price, and equals what Python reads from its text."""
    body = (folder / name).read_bytes()
    numbers, unreadable = wire.decode_mids(body)
    mids, faults = sound_mids(numbers)
    assert (len(mids), unreadable, faults) == (coins, {}, {})
    assert mids == {coin: float(text) for coin, text in json.loads(body).items()}
    frame = frames.mids(mids, NOW)
    assert frame.height == coins
    streamed = decode_frame(b'{"channel":"allMids","data":{"mids":' + body + b"}}")
    assert streamed == MidsFrame("", mids, {})


@pytest.mark.parametrize(
    ("name", "symbol", "interval", "rows"),
    [
        ("rest_candleSnapshot_kPEPE_1h_202305.json", "kPEPE", "1h", 24),
        ("rest_candleSnapshot_spot_@107_1d_202501.json", "@107", "1d", 2),
    ],
)
def test_candle_snapshots(folder: Path, name: str, symbol: str, interval: str, rows: int) -> None:
    """Through the client, as recorded, and clipped: the first row begins before the start."""
    body = (folder / name).read_bytes()
    recorded = json.loads(body)
    with serving() as server:
        server.default = lambda _request: Reply(body=body)
        client = HyperliquidClient(server.url, clock=ManualClock(NOW))
        start = from_ms(recorded[0]["t"])
        end = from_ms(recorded[-1]["t"]) + INTERVALS[interval]
        whole = client.candles(symbol, interval, start, end)
        clipped = client.candles(symbol, interval, start + timedelta(milliseconds=1), end)
        client.close()
    assert len(whole) == rows
    assert len(clipped) == rows - 1
    for candle, row in zip(whole, recorded, strict=True):
        assert candle == (
            *(row["s"], row["i"], row["t"]),
            *(float(row[key]) for key in "ohlcv"),
            *(row["n"], True),
        )
    frame = frames.candles(whole, "rest", NOW)
    last_ms = frame["close_at"].dt.timestamp("ms") - 1
    assert last_ms.to_list() == [row["T"] for row in recorded]


CANDLE_FILES = [
    (f"candles_{coin}_{interval}_20250721_26.csv", interval)
    for coin, intervals in {
        "BTC_perp": ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h"),
        "HYPE_spot": ("1m", "5m", "1h"),
        "PURR_spot": ("1m", "5m", "1h"),
    }.items()
    for interval in intervals
]


@pytest.mark.parametrize(("name", "interval"), CANDLE_FILES)
def test_no_recorded_candle_is_refused(folder: Path, name: str, interval: str) -> None:
    """The rules of `sanity` are no stricter than the market: tens of thousands of rows pass."""
    rows = list(csv.DictReader((folder / name).read_text("utf-8").splitlines()))
    assert rows
    for row in rows:
        update = wire.CandleUpdate(
            "X",
            interval,
            int(row["t"]),
            *(float(row[key]) for key in ("open", "high", "low", "close", "volume")),
            trades=0,
        )
        assert candle_fault(update) is None


@pytest.mark.parametrize("interval", ["1m", "1h"])
def test_rows_of_2026_pass_the_client(folder: Path, interval: str) -> None:
    """Hundreds of rows of one asset without a gap, given back as the exchange gave them."""
    name = f"candles_BTC_{interval}_candleSnapshot_rows_2026.csv"
    recorded = list(csv.DictReader((folder / name).read_text("utf-8").splitlines()))
    length_ms = INTERVALS[interval] // timedelta(milliseconds=1)
    body = [
        {"t": int(row["T"]) + 1 - length_ms, "s": "BTC", "i": interval, "n": 1, **row, "T": 0}
        for row in recorded
    ]
    with serving() as server:
        server.default = lambda _request: Reply(body=body)
        client = HyperliquidClient(server.url, clock=ManualClock(NOW))
        start = from_ms(body[0]["t"])
        candles = client.candles("BTC", interval, start, start + len(body) * INTERVALS[interval])
        client.close()
    assert client.rejected[0] == 0
    frame = frames.candles(candles, "rest", NOW)
    assert frame.height == len(recorded)
    assert frame["open_at"].diff().drop_nulls().unique().to_list() == [INTERVALS[interval]]
    for column, key in {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}.items():
        assert frame[column].to_list() == [float(row[key]) for row in recorded]


def test_streamed_candles_of_one_minute(folder: Path) -> None:
    """Three states of one bar, growing."""
    messages = lines(folder / "ws_candle_BTC_1m_one_bar_3frames_20260726.jsonl")
    decoded = [decode_frame(json.dumps(message["msg"]).encode()) for message in messages]
    updates = [frame.updates[0] for frame in decoded if isinstance(frame, CandleFrame)]
    assert [update.trades for update in updates] == [1, 21, 79]
    assert {(update.symbol, update.interval, update.open_ms) for update in updates} == {
        ("BTC", "1m", 1785053340000)
    }
    assert [candle_fault(update) for update in updates] == [None] * 3
    assert updates[2].volume == 1.07768


def test_streamed_candles_with_renamed_keys(folder: Path) -> None:
    """A capture whose keys its collector renamed, put back: every state of a bar is one of a bar
    that grows, also on a builder dex.
    """
    wire_key = {
        "timestamp": "t",
        "end_timestamp": "T",
        "symbol": "s",
        "interval": "i",
        "open": "o",
        "high": "h",
        "low": "l",
        "close": "c",
        "volume": "v",
        "trades": "n",
    }
    trades: dict[Subscription, int] = {}
    for row in lines(folder / "ws_candle_partial_updates_renamed_keys_20251231.jsonl"):
        data = {wire_key[key]: value for key, value in row.items() if key in wire_key}
        frame = decode_frame(json.dumps({"channel": "candle", "data": data}).encode())
        assert isinstance(frame, CandleFrame)
        update = frame.updates[0]
        assert candle_fault(update) is None
        key = Subscription("candle", update.symbol, update.interval)
        assert update.trades > trades.get(key, 0)
        trades[key] = update.trades
    assert Subscription("candle", "xyz:AAPL", "15m") in trades


def test_acknowledgements_match_their_requests(folder: Path) -> None:
    """The exchange echoes with keys reordered and added; the match is on type, coin, interval."""
    requests: list[Subscription] = []
    acks: list[Subscription] = []
    others: list[str] = []
    for line in lines(folder / "ws_subscribe_ack_data_pairs_HYPE_202512.jsonl"):
        message = line["msg"]
        if line["dir"] == "out":
            said = message["subscription"]
            requests.append(
                Subscription(said["type"], said.get("coin", ""), said.get("interval", ""))
            )
            continue
        frame = decode_frame(json.dumps(message).encode())
        match frame:
            case AckFrame():
                acks.append(frame.data.subscription.subscription)
            case CandleFrame():
                assert frame.updates[0].volume == 3495670.8399999999
            case MidsFrame():
                assert frame == MidsFrame("", {"0G": 1.2017, "2Z": 0.129165}, {})
            case OtherFrame():
                others.append(frame.channel)
    assert acks == requests
    assert others == ["trades", "l2Book", "bbo"]


def test_pongs_errors_and_contexts(folder: Path) -> None:
    ack, pong = (
        decode_frame(json.dumps(message).encode())
        for message in lines(folder / "ws_ack_and_pong_frames.jsonl")
    )
    assert isinstance(ack, AckFrame)
    assert isinstance(pong, PongFrame)
    for message in lines(folder / "ws_error_channel_limits_20251110.jsonl"):
        frame = decode_frame(json.dumps(message).encode())
        assert frame == ErrorFrame(message["data"])
    context = (folder / "ws_activeAssetCtx_BTC_testnet_20260725.json").read_bytes()
    assert decode_frame(context) == OtherFrame("activeAssetCtx")


def test_categories_of_the_documentation(folder: Path) -> None:
    samples = json.loads((folder / "docs_samples_categories_outcomes_fastctx.json").read_bytes())
    rows = wire.decode_categories(json.dumps(samples["perpCategories"]).encode())
    assert rows.faults == []
    pairs = [pair for pair in rows.items if pair]
    frame = frames.categories([coin for coin, _ in pairs], pairs, NOW)
    assert frame.height == 4
    assert set(frame["source"]) == {"exchange"}
    taxonomy = frames.taxonomy(frame["category"], NOW)
    unknown = taxonomy.filter(pl.col("parent") == "exchange")["category"].to_list()
    assert unknown == ["all", "test_cat"]


def test_selections_of_july_2026(folder: Path) -> None:
    """Newer payloads, of which somebody kept a part: builder dexs with `noCross`, spot markets."""
    m1 = json.loads((folder / "rest_selection_20260719_m1.json").read_bytes())["selection"]
    m5 = json.loads((folder / "rest_selection_20260719_m5.json").read_bytes())["selection"]
    meta = {"universe": m1["hip3Universe"]}
    rows = registry(json.dumps(meta).encode())
    contexts = Rows([wire.PerpContext()] * len(rows.items), [])
    listings, rejected = perp_listings("xyz", rows, contexts)
    assert rejected == {}
    assert {listing.symbol: listing.only_isolated for listing in listings} == {
        "xyz:XYZ100": False,
        "xyz:TSLA": False,
        "xyz:NVDA": False,
        "xyz:GOLD": False,
        "xyz:HOOD": True,
    }
    # Explicit false and null, as that selection writes absent flags.
    loose = registry(json.dumps(m5["hip3Meta"]).encode())
    assert loose.faults == []
    answer = [
        {"tokens": m5["spotTokens"], "universe": m5["spotUniverse"]},
        m5["spotAssetContexts"],
    ]
    spot, rejected = spot_listings(*wire.decode_spot(json.dumps(answer).encode()))
    assert set(rejected) == {"@5"}, "its token was not selected"
    assert {listing.symbol: listing.mid for listing in spot} == {
        coin: float(mid) for coin, mid in m5["allMids"] if coin != "@5"
    }
