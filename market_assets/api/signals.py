"""Polymarket's signals: those that were asked for, and the newest of each symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_assets.api.view import View, sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.storage.api import Snapshot

MOST_SIGNALS: Final = 1000
"""What one answer may hold."""
SIGNALS_SHOWN: Final = 10
"""Signals of one symbol in `latest`, the newest first."""
_TABLE: Final = "polymarket_signal_events"


def signals(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Signals, newest first: of a kind, of a symbol, since an instant, or all of them."""
    rows = view.snapshot.rows(sql("signals"), dict(asked)) if view.has(_TABLE) else []
    return {"count": len(rows), "signals": [_told(view, row) for row in rows]}


def signals_of(view: View, symbol: str) -> list[dict[str, Any]]:
    """The newest signals of markets about a symbol."""
    if not view.has(_TABLE):
        return []
    by_symbol = view.snapshot.remember("newest signals", _newest)
    return [_told(view, row) for row in by_symbol.get(symbol, ())]


def _told(view: View, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its age; what is JSON already is not written as a text."""
    return {**view.part(row, row["as_of"]), "detail": msgspec.Raw(row["detail"].encode())}


def _newest(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in snapshot.rows(sql("newest_signals"), {"most": SIGNALS_SHOWN}):
        found.setdefault(row["symbol"], []).append(row)
    return found
