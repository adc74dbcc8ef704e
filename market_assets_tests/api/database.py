"""A published database with rows in every table that the API reads, made through the store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from market_assets.storage.common.changes import Merge
from market_assets.storage.files.store import FileStore
from market_assets.tables import TABLES, TableSpec, defillama

NOW = datetime(2026, 11, 20, 12, 0, 3, tzinfo=UTC)
"""The present of the tests' clock, 3 seconds into a minute."""
SYMBOLS = ("BTC", "PURR/USDC", "xyz:TSLA", "@107", "kPEPE")
MINUTES = 30
TOKEN = "6519323466662829166490788836493636691088930549089764811674607382051926354847"
SPECS = {
    spec.name: spec
    for spec in (*TABLES, *(one for one in vars(defillama).values() if isinstance(one, TableSpec)))
}


def ago(**length: float) -> datetime:
    """An instant before `NOW`."""
    return NOW - timedelta(**length)


def frame(spec: TableSpec, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table: what is not given is NULL where it may be, and something where not."""
    filler: dict[str, Any] = {
        "VARCHAR": "x",
        "DOUBLE": 1.5,
        "BIGINT": 1,
        "BOOLEAN": False,
        "TIMESTAMPTZ": ago(minutes=1),
        "DATE": date(2026, 11, 19),
        "VARCHAR[]": [],
        "DOUBLE[]": [],
    }
    default = {c.name: filler[c.type] if c.required else None for c in spec.columns}
    return pl.DataFrame([default | row for row in rows], schema=spec.schema)


def candle(
    symbol: str, opened: datetime, *, interval: str = "1m", close: float = 100.0
) -> dict[str, Any]:
    """One closed candle, or the forming one of the last minute."""
    length = timedelta(minutes=1) if interval == "1m" else timedelta(hours=1)
    return {
        "symbol": symbol,
        "interval": interval,
        "open_at": opened,
        "close_at": opened + length,
        "close": close,
        "is_closed": opened + length <= NOW,
        "source": "stream",
        "ingested_at": min(opened + length, NOW) - timedelta(milliseconds=500),
    }


def content() -> dict[str, pl.DataFrame]:
    """Rows by table."""
    minute = NOW.replace(second=0)
    features = [t.name for t in TABLES if t.name.startswith("hyperliquid_") and "as_of" in t.key]
    frames = {
        "hyperliquid_assets": [
            {
                "symbol": symbol,
                "kind": "spot" if symbol[0] == "@" or "/" in symbol else "perp",
                "dex": "xyz" if ":" in symbol else "",
                "ingested_at": ago(minutes=20),
            }
            for symbol in SYMBOLS
        ],
        "hyperliquid_asset_categories": [
            {"symbol": "BTC", "category": category} for category in ("store_of_value", "layer_1")
        ],
        "hyperliquid_mid_prices": [
            {"symbol": symbol, "bucket_at": ago(seconds=3 + 5 * n), "mid": 100.0 + n}
            for symbol in SYMBOLS
            for n in range(3)
        ],
        "hyperliquid_candles": [
            *(
                candle(symbol, minute - timedelta(minutes=n), close=100.0 + n)
                for symbol in SYMBOLS
                for n in range(MINUTES)
            ),
            candle("BTC", minute - timedelta(hours=1), interval="1h", close=90.0),
        ],
        "hyperliquid_asset_contexts": [
            {"symbol": symbol, "observed_at": ago(minutes=n), "mark_px": 10.0 + n}
            for symbol in SYMBOLS
            for n in (2, 7)
        ],
        "hyperliquid_funding_rates": [{"symbol": "BTC", "funding_at": ago(minutes=59)}],
        **{
            name: [{"symbol": "BTC", "as_of": ago(minutes=n), **_interval(name)} for n in (3, 8)]
            for name in features
        },
        "polymarket_markets": [
            {
                "condition_id": f"0x{n}",
                "question": question,
                "slug": question.lower().replace(" ", "-"),
                "outcomes": ["Yes", "No"],
                "outcome_prices": [0.4, None],
                "closed": closed,
                "volume_24h_usd": volume,
                "ingested_at": ago(minutes=9),
            }
            for n, (question, closed, volume) in enumerate(
                (
                    ("Will Bitcoin reach 200k", False, 10.0),
                    ("Will Bitcoin fall 50% this year", False, 90.0),
                    ("Bitcoin above 100k in 2025", True, 500.0),
                    ("Will it rain in Paris", False, None),
                )
            )
        ],
        "polymarket_market_asset_links": [
            {"condition_id": f"0x{n}", "symbol": "BTC", "confidence": 0.9} for n in range(3)
        ],
        "polymarket_immediate_markets": [
            {"condition_id": "0x1", "symbol": "BTC", "as_of": ago(minutes=n), "yes_price": n / 10}
            for n in (2, 7)
        ],
        "polymarket_signal_events": [
            {
                "signal_id": f"s{n}",
                "kind": kind,
                "condition_id": f"0x{n}",
                "token_id": "1" if kind == "price_jump" else None,
                "symbol": symbol,
                "as_of": ago(minutes=n),
                "score": 7.0 + n,
                "threshold": 5.0,
                "found_at": ago(minutes=n),
                "detail": f'{{"mid": 0.{n}}}',
            }
            for n, kind, symbol in (
                (1, "price_jump", "BTC"),
                (2, "volume_spike", None),
                *((n, "volume_spike", "BTC") for n in range(3, 15)),
            )
        ],
        "defillama_subjects": [
            {
                "subject_id": "chain:bitcoin",
                "kind": "chain",
                "slug": "bitcoin",
                "name": "Bitcoin",
                "token_symbol": "BTC",
                "hyperliquid_symbol": "BTC",
                "is_tracked": True,
                "ingested_at": ago(minutes=50),
            },
            {
                "subject_id": "protocol:bitcoin-bank",
                "kind": "protocol",
                "slug": "bitcoin-bank",
                "name": "Bitcoin_Bank 100%",
                "chains": ["Bitcoin"],
                "ingested_at": ago(minutes=50),
            },
        ],
        **{
            f"defillama_{name}": [
                {"subject_id": "chain:bitcoin", "as_of": ago(hours=n)} for n in (1, 2)
            ]
            for name in ("capital_base", "capital_flows", "economic_throughput")
        },
        "defillama_daily_history": [{"subject_id": "chain:bitcoin", "metric": "tvl"}],
        "ingestion_runs": [
            run("hyperliquid", "contexts", started=ago(minutes=n), ms=700, rows=5) for n in (2, 7)
        ]
        + [
            run("hyperliquid", "mids", started=ago(minutes=5), ms=60_000, rows=9),
            run("polymarket", "markets", started=ago(minutes=4), ms=90, error="the venue said 502"),
        ],
        "polymarket_books": [
            {
                "token_id": TOKEN,
                "condition_id": "0x1",
                "outcome": "Yes",
                "best_bid": 0.41,
                "best_ask": 0.43,
                "levels": 3,
                "book_at": ago(seconds=20),
                "book_hash": "abc",
                "is_proven": True,
                "source": "stream",
                "ingested_at": ago(seconds=19),
            }
        ],
        "polymarket_orderbook_levels": [
            {"token_id": token, "side": side, "price": price, "size": size, "book_hash": "abc"}
            for token, side, price, size in (
                (TOKEN, "bid", 0.4, 10.0),
                (TOKEN, "bid", 0.41, 2.5),
                (TOKEN, "ask", 0.43, 7.0),
                ("8", "ask", 0.9, 1.0),
            )
        ],
        "ingestion_gaps": [
            {
                "source": "hyperliquid",
                "channel": "candles",
                "symbol": symbol,
                "gap_from_at": ago(hours=3),
                "gap_to_at": ago(hours=2),
                "detected_at": ago(hours=1),
                "healed_at": healed,
                "healed_rows": None if healed is None else 60,
            }
            for symbol, healed in (("BTC", None), ("@107", ago(minutes=40)))
        ],
    }
    return {name: frame(SPECS[name], *rows) for name, rows in frames.items()}


def run(
    source: str,
    channel: str,
    *,
    started: datetime,
    ms: int,
    rows: int = 0,
    error: str | None = None,
) -> dict[str, Any]:
    """A finished attempt."""
    return {
        "run_id": f"{source}/{channel}/{started.isoformat()}",
        "source": source,
        "channel": channel,
        "asset_key": f"{source}_{channel}",
        "status": "ok" if error is None else "failed",
        "started_at": started,
        "finished_at": started + timedelta(milliseconds=ms),
        "duration_ms": ms,
        "rows_written": rows,
        "error_kind": None if error is None else "VenueDown",
        "error_message": error,
    }


def publish(path: Path, frames: dict[str, pl.DataFrame] | None = None) -> FileStore:
    """Write the rows, and publish them at `path`."""
    store = FileStore(path, tables=tuple(SPECS.values()))
    frames = content() if frames is None else frames
    store.write(*(Merge(SPECS[name], rows) for name, rows in frames.items()))
    store.publish(force=True)
    return store


def _interval(name: str) -> dict[str, str]:
    return {"interval": "1m"} if "interval" in SPECS[name].key else {}
