"""The Data API, version 1: trades, newest first, and open interest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_simulator.polymarket.parameters import bad
from market_simulator.polymarket.synthetic.ids import is_hex_id
from market_simulator.polymarket.world import TradeQuery, World

if TYPE_CHECKING:
    from market_simulator.polymarket.removal import Removals
    from market_simulator.polymarket.rows import Row
    from market_simulator.rest import Asked

DEFAULT_ROWS: Final = 100
MOST_ROWS: Final = 10_000
MOST_OFFSET: Final = 10_000
_UNITS: Final = ("", "CASH", "TOKENS")


class DataApi:
    """The answers of the Data API."""

    def __init__(self, world: World, removals: Removals) -> None:
        self._world = world
        self._removals = removals

    def health(self, _asked: Asked) -> Row:
        return {"data": "OK"}

    def trades(self, asked: Asked) -> list[Row]:
        """`/trades`."""
        if asked.query.get("market") and asked.query.get("eventId"):
            raise bad("'market' and 'eventId' are mutually exclusive")
        side = asked.one("side").upper() or None
        if side not in (None, "BUY", "SELL"):
            raise bad("invalid 'side': must be BUY or SELL")
        query = TradeQuery(
            limit=_whole(asked, "limit", DEFAULT_ROWS, MOST_ROWS),
            offset=_whole(asked, "offset", 0, MOST_OFFSET),
            start_s=_whole(asked, "start", None, None),
            end_s=_whole(asked, "end", None, None),
            side=side,
            conditions=_conditions(asked),
            events=frozenset(asked.listed("eventId")) or None,
            user=asked.one("user") or None,
            taker_only=_taker_only(asked),
            min_cash=_filtered(asked, "CASH"),
            min_size=_filtered(asked, "TOKENS"),
        )
        return self._world.trades(query, asked.now_ms)

    def interest(self, asked: Asked) -> list[Row]:
        """`/oi`."""
        wanted = _conditions(asked)
        if not wanted:
            raise bad("required query param 'market' not provided")
        return self._removals.trading(self._world.interest(sorted(wanted), asked.now_ms))


def _whole(asked: Asked, name: str, default: int | None, most: int | None) -> Any:
    text = asked.one(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        raise bad(f"invalid query param '{name}'") from None
    if number < 0:
        raise bad(f"'{name}' must not be negative")
    if most is not None and number > most:
        raise bad(f"max historical activity {name} of {most} exceeded")
    return number


def _taker_only(asked: Asked) -> bool:
    text = asked.one("takerOnly", "true").lower()
    if text not in ("true", "false"):
        raise bad("invalid query param 'takerOnly'")
    return text == "true"


def _filtered(asked: Asked, unit: str) -> float:
    """`filterAmount` where `filterType` is that unit, else 0; both must come together."""
    kind, text = asked.one("filterType").upper(), asked.one("filterAmount")
    if bool(kind) != bool(text):
        raise bad("'filterType' and 'filterAmount' must be provided together")
    if kind not in _UNITS:
        raise bad("invalid 'filterType': must be CASH or TOKENS")
    try:
        return float(text) if kind == unit else 0.0
    except ValueError:
        raise bad("invalid query param 'filterAmount'") from None


def _conditions(asked: Asked) -> frozenset[str] | None:
    """The condition ids of `market`; a malformed one counts as not given, as the venue says."""
    texts = asked.listed("market")
    if any(not is_hex_id(text) for text in texts):
        raise bad("required query param 'market' not provided")
    return frozenset(texts) or None
