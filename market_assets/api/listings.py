"""Lists of rows: the registry and candles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_assets.api.errors import ApiError
from market_assets.api.view import View, candle_as_of, newest, sql
from market_assets.clock import interval_length

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from market_assets.storage.api import Snapshot

MOST_CANDLES: Final = 5000
"""What one answer may hold, and how many intervals a span may be long."""


def assets(view: View, _: Mapping[str, Any]) -> dict[str, Any]:
    """All assets of the registry, by symbol; `as_of` is when the venue was last asked."""
    rows = registry(view)
    as_of = max((row["ingested_at"] for row in rows.values()), default=None)
    # As JSON already: it is the same for all who ask until the next publication.
    listed = view.snapshot.remember(
        "registry as JSON", lambda _: msgspec.Raw(msgspec.json.encode(list(rows.values())))
    )
    return {"as_of": as_of, "age_s": view.age_s(as_of), "count": len(rows), "assets": listed}


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
    if since is not None and until is not None:
        _check_span(since, until, interval)
    rows = (
        _candles(view, asked, since=since, until=until) if view.has("hyperliquid_candles") else []
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


def _candles(
    view: View, asked: Mapping[str, Any], *, since: datetime | None, until: datetime | None
) -> list[dict[str, Any]]:
    """One more than are wanted, to see whether there are more."""
    most = asked["limit"] + 1
    values = {
        "symbol": asked["symbol"],
        "interval": asked["interval"],
        "since": since,
        "until": until,
        "most": most,
    }
    if since is None and until is None:
        # The newest without a hole are in a short span, which is found without reading the table.
        newest_of = newest(view, "hyperliquid_candles", time="open_at", interval=asked["interval"])
        if asked["symbol"] not in newest_of:
            return []
        back = (most - 1) * interval_length(asked["interval"])
        near = {**values, "since": newest_of[asked["symbol"]]["open_at"] - back}
        rows = view.snapshot.rows(sql("candles"), near)
        if len(rows) >= most - 1:
            return rows
    return view.snapshot.rows(sql("candles"), values)


def _registry(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in snapshot.rows(sql("registry"))}


def _check_span(since: datetime, until: datetime, interval: str) -> None:
    longest = MOST_CANDLES * interval_length(interval)
    if since >= until:
        raise ApiError("bad_span", "from must be before to")
    if until - since > longest:
        raise ApiError(
            "bad_span",
            f"from and to are {until - since} apart; at {interval} at most {longest}, which are "
            f"{MOST_CANDLES} candles: leave to out, and go on from next_from",
        )


def _check_known(view: View, symbol: str) -> None:
    """No candles in a span is an answer; no such symbol is an error."""
    if symbol not in registry(view):
        raise ApiError("unknown_symbol", f"no symbol {symbol!r}; /api/v1/assets lists them")
