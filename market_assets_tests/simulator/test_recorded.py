"""`--recordings`: what was recorded is served as it was, and candles move to the present."""

from __future__ import annotations

import csv
import json
import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from market_assets_tests.recordings import recordings
from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.simulator.test_stream import connected
from market_simulator.hyperliquid.bars import INTERVALS, MINUTE_MS
from market_simulator.hyperliquid.limits import Limits
from market_simulator.hyperliquid.recorded.files import Recordings
from market_simulator.hyperliquid.recorded.market import RecordedMarket, implied_premium
from market_simulator.hyperliquid.recorded.replay import days_to_move
from market_simulator.venues import unrecorded

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = recordings("hyperliquid")
DAY_MS = 86_400_000

real = pytest.mark.skipif(RECORDED is None, reason="the recordings are not on this machine")


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    limits = Limits(weight_per_minute=10**9)
    with simulated(recordings=RECORDED, limits=limits) as running:
        yield running


def rows_of(path: Path) -> list[dict[str, float]]:
    with path.open(newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def moved_days(venue: Simulated) -> int:
    found = re.search(r"moved by (\d+) days", " ".join(venue.stats()["notes"]))
    assert found
    return int(found[1])


@real
@pytest.mark.parametrize(
    ("name", "kind", "coin", "interval"),
    [
        ("BTC", "perp", "BTC", "1m"),
        ("BTC", "perp", "BTC", "3m"),
        ("BTC", "perp", "BTC", "1h"),
        ("BTC", "perp", "BTC", "4h"),
        ("HYPE", "spot", "@107", "1m"),
        ("HYPE", "spot", "@107", "1h"),
        ("PURR", "spot", "PURR/USDC", "5m"),
        ("PURR", "spot", "PURR/USDC", "1h"),
    ],
)
def test_history_is_the_recording_row_by_row(
    venue: Simulated, name: str, kind: str, coin: str, interval: str
) -> None:
    """Every closed row before now, moved by whole days, with the recorded numbers exactly."""
    assert RECORDED is not None
    path = RECORDED / f"candles_{name}_{kind}_{interval}_20250721_26.csv"
    moved = moved_days(venue) * DAY_MS
    length = INTERVALS[interval] * MINUTE_MS
    now = venue.now_ms()
    request = {"coin": coin, "interval": interval, "startTime": 0, "endTime": now}
    served = venue.info(type="candleSnapshot", req=request)
    recorded = {int(r["t"]) + moved: r for r in rows_of(path)}
    closed = [row for row in served if row["t"] + length <= now - 1000]
    by_then = [t for t in recorded if t <= closed[-1]["t"]]
    assert len(served) == 5000 or len(closed) == len(by_then), "the newest 5000 of an interval"
    assert [row["t"] for row in closed] == by_then[-len(closed) :]
    assert closed[-1]["t"] >= now - 2 * length - 1000
    for row in closed:
        r = recorded[row["t"]]
        assert [float(row[k]) for k in "ohlcv"] == [
            r["open"],
            r["high"],
            r["low"],
            r["close"],
            r["volume"],
        ]
        assert (row["n"] == 0) == (r["volume"] == 0)


@real
def test_minutes_grow_towards_their_recorded_bar() -> None:
    """Live frames: open first, extremes, then exactly what the recording has; mids go along."""
    assert RECORDED is not None
    path = RECORDED / "candles_BTC_perp_1m_20250721_26.csv"
    with simulated(recordings=RECORDED, speed=120) as venue, connected(venue) as ws:
        moved = moved_days(venue) * DAY_MS
        recorded = {int(r["t"]) + moved: r for r in rows_of(path)}
        ws.subscribe(type="candle", coin="BTC", interval="1m")
        ws.subscribe(type="allMids")
        bars: dict[int, list[dict[str, Any]]] = {}
        mids: list[tuple[int, float]] = []
        end = time.monotonic() + 2.2
        while time.monotonic() < end:
            frame = ws.next()
            if frame["channel"] == "candle":
                bars.setdefault(frame["data"]["t"], []).append(frame["data"])
            elif frame["channel"] == "allMids" and bars:
                mids.append((max(bars), float(frame["data"]["mids"]["BTC"])))
        whole = sorted(bars)[1:-1]
        assert whole
        for t in whole:
            r, frames = recorded[t], bars[t]
            last = frames[-1]
            assert float(frames[0]["o"]) == r["open"]
            assert [float(last[k]) for k in "ohlcv"] == [
                r["open"],
                r["high"],
                r["low"],
                r["close"],
                r["volume"],
            ]
            for a, b in pairwise(frames):
                assert float(a["v"]) <= float(b["v"])
                assert a["n"] < b["n"]
        low = min(r["low"] for t, r in recorded.items() if t >= min(bars) - DAY_MS)
        high = max(r["high"] for t, r in recorded.items() if t >= min(bars) - DAY_MS)
        for t, mid in mids:
            near = [recorded[t + i * MINUTE_MS] for i in (-1, 0, 1)]
            assert min(r["low"] for r in near) <= mid <= max(r["high"] for r in near)
            assert low <= mid <= high


@real
def test_bodies_are_served_as_they_were_recorded(venue: Simulated) -> None:
    """Whole bodies at the paths they came from; the newest meta is that of the newest contexts."""
    assert RECORDED is not None

    def recorded(name: str) -> Any:
        return json.loads((RECORDED / name).read_bytes())

    contexts = recorded("rest_metaAndAssetCtxs_main_20260206.json")
    assert venue.info(type="metaAndAssetCtxs") == contexts
    assert venue.info(type="meta", dex="") == contexts[0]
    assert venue.info(type="spotMeta") == recorded("rest_spotMeta_20250822.json")
    assert venue.info(type="perpDexs") == recorded("rest_perpDexs_20251213T1322.json")
    assert venue.info(type="l2Book", coin="BTC") == recorded("rest_l2Book_BTC_20250826.json")
    trades = recorded("rest_recentTrades_BTC_2rows_20260906.json")
    assert venue.info(type="recentTrades", coin="BTC") == trades
    mids, kept = venue.info(type="allMids"), recorded("rest_allMids_main_20251213T212831.json")
    assert set(mids) == set(kept)
    assert {c for c in mids if mids[c] != kept[c]} <= {"BTC", "@107", "PURR/USDC"}
    selected = recorded("rest_selection_20260719_m5.json")["selection"]
    names = [a["name"] for a in selected["hip3Meta"]["universe"]]
    assert [a["name"] for a in venue.info(type="meta", dex="xyz")["universe"]] == names
    meta, rows = venue.info(type="metaAndAssetCtxs", dex="xyz")
    assert len(meta["universe"]) == len(rows) == len(selected["hip3AssetContexts"])
    assert rows[0]["markPx"] == selected["hip3AssetContexts"][0]["markPx"]


@real
def test_mids_and_candles_agree(venue: Simulated) -> None:
    """The mid of a replayed coin is the close of its forming candle."""
    for coin in ("BTC", "@107", "PURR/USDC"):
        market = venue.simulator.venue.market  # type: ignore[union-attr]
        now = venue.now_ms()
        row = market.candles(coin, "1m", now, now, now)[-1]
        assert market.mids("", now)[coin] == row["c"]


@real
def test_what_was_not_recorded_is_refused_and_listed(venue: Simulated) -> None:
    """500 null, never something made up; coins without candles have none."""
    assert RECORDED is not None
    missing = unrecorded(RECORDED)
    for request in (
        {"type": "predictedFundings"},
        {"type": "perpCategories"},
        {"type": "meta", "dex": "flx"},
        {"type": "allMids", "dex": "xyz"},
        {"type": "l2Book", "coin": "ETH"},
    ):
        answer = httpx.post(f"{venue.url}/info", json=request, trust_env=False)
        assert (answer.status_code, answer.text) == (500, "null")
    assert "POST /info predictedFundings" in missing
    assert "POST /info meta dex=flx" in missing
    assert not any(m.startswith("POST /info candleSnapshot") for m in missing)
    assert any("predictedFundings" in note for note in venue.stats()["notes"])
    now = venue.now_ms()
    request = {"coin": "ETH", "interval": "1m", "startTime": 0, "endTime": now}
    assert venue.info(type="candleSnapshot", req=request) == []
    listing = httpx.post(f"{venue.url}/__control__/listing", json={}, trust_env=False)
    assert listing.status_code == 409


@real
def test_funding_rows_are_the_recorded_rates(venue: Simulated) -> None:
    """Moved like the candles, with a premium from which the formula gives the rate."""
    assert RECORDED is not None
    moved = moved_days(venue) * DAY_MS
    now = venue.now_ms()
    served = venue.info(type="fundingHistory", coin="BTC", startTime=now - 20 * DAY_MS)
    recorded = {
        int(r["t"]) + moved: r["fundingRate"]
        for r in rows_of(RECORDED / "funding_BTC_20230512_20250726.csv")
    }
    expected = [t for t in recorded if now - 20 * DAY_MS <= t <= now]
    assert [row["time"] for row in served] == expected
    for row in served:
        rate = recorded[row["time"]]
        assert float(row["fundingRate"]) == pytest.approx(rate, abs=1e-10)
        premium = float(row["premium"])
        assert (premium + min(max(1e-4 - premium, -5e-4), 5e-4)) / 8 == pytest.approx(
            rate, abs=1e-9
        )


@pytest.mark.parametrize("rate", [0.0000125, 0.00005, -0.0001, 0.0])
def test_the_implied_premium_gives_its_rate(rate: float) -> None:
    """The formula, inverted."""
    premium = implied_premium(rate)
    assert (premium + min(max(1e-4 - premium, -5e-4), 5e-4)) / 8 == pytest.approx(rate)


@pytest.mark.parametrize("later", [0, 1, 30, 400.3])
def test_windows_move_by_whole_days(later: float) -> None:
    """Now lies inside, with a day left to play where the window is long enough."""
    first = int(datetime(2025, 7, 21, 12, tzinfo=UTC).timestamp() * 1000)
    end = first + int(timedelta(days=4.67).total_seconds() * 1000)
    now = end + int(later * DAY_MS)
    was = now - days_to_move(first, end, now) * DAY_MS
    assert end - 2 * DAY_MS < was <= end - DAY_MS
    short = first + 8 * 3_600_000
    was = now - days_to_move(first, short, now) * DAY_MS
    assert was <= short


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def made_up(folder: Path) -> Path:
    """A folder in the form of the recordings, by hand."""
    write(folder, "rest_meta_main_20250101.json", '{"universe":[{"name":"OLD","szDecimals":1}]}')
    newer = '[{"universe":[{"name":"BTC","szDecimals":5}]},[{"markPx":"1.0"}]]'
    write(folder, "rest_metaAndAssetCtxs_main_20260101.json", newer)
    write(folder, "rest_allMids_main_20260101T000000.json", '{"BTC":"5.0","OLD":"1.0"}')
    write(folder, "rest_meta_dex_xyz_20260101.json", '{"universe":[{"name":"xyz:A"}]}')
    write(folder, "rest_perpDexs_20260101.json", '[null,{"name":"xyz"},{"name":"flx"}]')
    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    lines = ["t,open,high,low,close,volume"]
    for i in range(600):
        flat = i % 5 == 0
        bar = "10,10,10,10,0" if flat else f"{10 + i},{12 + i},{9 + i},{11 + i},{1.25 + i}"
        lines.append(f"{start + i * 60_000},{bar}")
    write(folder, "candles_BTC_perp_1m_20260101_02.csv", "\n".join(lines) + "\n")
    return folder


def test_a_folder_made_by_hand(tmp_path: Path) -> None:
    """Newest body wins, dexs are found by either form of name, flat minutes send no frame."""
    now = int(datetime(2026, 5, 1, 7, tzinfo=UTC).timestamp() * 1000)
    market = RecordedMarket(Recordings(made_up(tmp_path)), now)
    assert Recordings(tmp_path).body("meta")["universe"][0]["name"] == "BTC"
    assert Recordings(tmp_path).body("meta", "xyz")["universe"][0]["name"] == "xyz:A"
    assert market.knows("OLD")
    assert market.has_dex("flx")
    rows = market.candles("BTC", "1m", 0, now, now)
    assert rows[-1]["t"] <= now <= rows[-1]["T"]
    first = rows[0]["t"] // MINUTE_MS
    empty, full = market.minute("BTC", first), market.minute("BTC", first + 1)
    assert empty.times == []
    assert rows[0]["n"] == 0
    assert full.bars[-1] == full.bars[-1]._replace(n=rows[1]["n"])
    assert full.times == sorted(full.times)
    assert full.times[-1] < (first + 2) * MINUTE_MS
    lots = [bar.lots for bar in full.bars]
    assert lots == sorted(lots)
    assert lots[0] > 0


def test_folders_that_hold_nothing(tmp_path: Path) -> None:
    """A clear error, not an empty exchange."""
    with pytest.raises(FileNotFoundError, match="no recordings"):
        Recordings(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        unrecorded(tmp_path / "nowhere")
