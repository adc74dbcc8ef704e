"""How large the simulated Polymarket is, how busy, how full of traps, and its limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PolymarketSize:
    """What is listed and traded.

    Attributes:
        events: about how many events are open at any time; an event has about four markets.
        ahead: how many up/down events of each series are open before their own time has come.
        trades_per_minute: taker orders a minute; each is one transaction of one to six fills.
        large_share: which part of them is about 1000 USD and more.
        late_share: which part of them comes into the feed late: seconds to minutes.
        late_s: the longest delay of a late one, in seconds.
        broken_one_in: one market in so many cannot be decoded; 0: none.
        broken_trades_one_in: one fill in so many has a value that cannot be; 0: none.
        history_days: for how long before the simulator's start closed events are listed.
        book_changes: how often a second the book of a market changes, trades not counted; the
            channel sends two frames of most changes. At least every 5 seconds, whatever it says.
        updown_days: the same for up/down events, of which each series has up to 288 a day.
        trade_days: how long before the simulator's start trades are known.
    """

    events: int = 300
    ahead: int = 2
    trades_per_minute: float = 120.0
    large_share: float = 0.03
    late_share: float = 0.04
    late_s: float = 240.0
    broken_one_in: int = 400
    broken_trades_one_in: int = 0
    history_days: int = 120
    book_changes: float = 0.5
    updown_days: int = 2
    trade_days: int = 30


@dataclass(frozen=True)
class PolymarketLimits:
    """What one address may do.

    Attributes:
        scale: multiplier of all published request limits; 0.01 makes a limit of 500 one of 5.
        plain_cache_s: venue seconds for which an answer of a plain list (`/events`, `/markets`)
            is repeated for the same address of the request, old as it may be.
        assets: assets on one socket of the channel; with more of them no books come any more.
        silence_s: wall seconds without a word from a client after which its socket is reset.
        backlog: frames that may wait for a slow reader before its socket is reset.
    """

    scale: float = 1.0
    plain_cache_s: float = 300.0
    assets: int = 500
    silence_s: float = 120.0
    backlog: int = 20_000
