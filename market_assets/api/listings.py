"""Lists of rows: the registry, candles, and the two searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api.errors import ApiError
from market_assets.api.view import View, candle_as_of, sql
from market_assets.clock import interval_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.storage.published import Snapshot

MOST_CANDLES: Final = 5000
"""What one answer may hold, and how many intervals a span may be long."""


def assets(view: View, _: Mapping[str, Any]) -> dict[str, Any]:
    """All assets of the registry, by symbol; `as_of` is when the venue was last asked."""
    rows = list(registry(view).values())
    as_of = max((row["ingested_at"] for row in rows), default=None)
    return {"as_of": as_of, "age_s": view.age_s(as_of), "count": len(rows), "assets": rows}


def registry(view: View) -> dict[str, dict[str, Any]]:
    """The registry with categories, by symbol; empty where there is none yet."""
    if not view.has("hyperliquid_assets", "hyperliquid_asset_categories"):
        return {}
    return view.snapshot.remember("registry", _registry)


def candles(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Candles that open in `[from, to)`, oldest first.

    Without `from` they are the newest before `to`, or the newest there are. With it, and where
    there are more than `limit`, `next_from` says where to go on.

    Raises:
        ApiError: the span is empty, or longer than `MOST_CANDLES` intervals; or nothing is known
            of the symbol.
    """
    since, until, most = asked["from"], asked["to"], asked["limit"]
    interval = asked["interval"]
    longest = MOST_CANDLES * interval_length(interval)
    if since is not None:
        end = until or view.now + interval_length(interval)
        if until is not None and since >= until:
            raise ApiError("bad_span", "from must be before to")
        if end - since > longest:
            raise ApiError(
                "bad_span",
                f"from and to are {end - since} apart; at {interval} at most {longest}, "
                f"which are {MOST_CANDLES} candles: ask span by span",
            )
    rows = []
    if view.has("hyperliquid_candles"):
        rows = view.snapshot.rows(
            sql("candles"),
            {
                "symbol": asked["symbol"],
                "interval": interval,
                "since": since,
                "until": until,
                "most": most + 1,
            },
        )
    if not rows:
        _check_known(view, asked["symbol"])
    more = len(rows) > most
    rows = rows[:most] if since is not None else rows[-most:]
    as_of = max(map(candle_as_of, rows), default=None)
    return {
        "symbol": asked["symbol"],
        "interval": interval,
        "as_of": as_of,
        "age_s": view.age_s(as_of),
        "count": len(rows),
        "next_from": rows[-1]["close_at"] if more and since is not None else None,
        "candles": rows,
    }


def search_markets(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Prediction markets whose question or slug has all the words."""
    rows: list[dict[str, Any]] = []
    if view.has("polymarket_markets"):
        rows = view.snapshot.rows(
            sql("search_markets"), {"words": asked["q"].lower().split(), "most": asked["limit"]}
        )
    symbols: dict[str, list[str]] = {}
    if rows and view.has("polymarket_market_asset_links"):
        ids = [row["condition_id"] for row in rows]
        links = view.snapshot.rows(sql("links_of_markets"), {"condition_ids": ids})
        symbols = {row["condition_id"]: row["symbols"] for row in links}
    markets = [
        {**view.part(row, row["ingested_at"]), "symbols": symbols.get(row["condition_id"], [])}
        for row in rows
    ]
    return {"q": asked["q"], "count": len(markets), "markets": markets}


def search_subjects(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Chains and protocols of which an id, name or token has all the words."""
    rows: list[dict[str, Any]] = []
    if view.has("defillama_subjects"):
        phrase = asked["q"].lower()
        rows = view.snapshot.rows(
            sql("search_subjects"),
            {"words": phrase.split(), "phrase": phrase, "most": asked["limit"]},
        )
    subjects = [view.part(row, row["ingested_at"]) for row in rows]
    return {"q": asked["q"], "count": len(subjects), "subjects": subjects}


def _registry(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in snapshot.rows(sql("registry"))}


def _check_known(view: View, symbol: str) -> None:
    """No candles in a span is an answer; no such symbol is an error."""
    if symbol not in registry(view):
        raise ApiError("unknown_symbol", f"no symbol {symbol!r}; /api/v1/assets lists them")
