"""The variables of each source beyond its addresses: how much is read, how politely, what counts.

And `MARKET_SOURCES`, which says which of them are on. Read by `project.py` with all others. The
values are handed to `ingestion/` as they stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets import switches
from market_assets.settings.values import SettingError
from market_assets.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class PolymarketSettings:
    """What is read of Polymarket.

    Attributes:
        concurrency: requests at once, at most; fewer after a 429.
        discovery_pages: pages of open events that a walk reads at most; None: all.
        trades_min_usd: smaller trades are not asked for.
        trades_safety: how far before the last trade seen a run reads again, for late ones.
        trades_lookback: how far back an empty table is filled.
        trades_pages: pages that one run reads at most.
        history_min_usd: the same as `trades_min_usd`, for backfilled days; 0 takes every trade.
        history_requests_per_10s: what a backfill may ask for.
        universe_size: markets that are tracked at most, manual ones aside.
        universe_liquidity_usd: an open market with this much liquidity is tracked.
        universe_volume_usd: or with this much volume within 24 hours.
        universe_open_interest_usd: or with this much open interest.
        always_tracked: condition ids that are tracked whatever their figures.
    """

    concurrency: int
    discovery_pages: int | None
    trades_min_usd: float
    trades_safety: timedelta
    trades_lookback: timedelta
    trades_pages: int
    history_min_usd: float
    history_requests_per_10s: int
    universe_size: int
    universe_liquidity_usd: float
    universe_volume_usd: float
    universe_open_interest_usd: float
    always_tracked: tuple[str, ...]


@dataclass(frozen=True)
class DefillamaSettings:
    """What is read of DefiLlama.

    Attributes:
        concurrency: requests at once, at most; fewer after a 429.
        requests_per_minute: over all processes.
        top_chains: chains that are tracked by their TVL.
        top_protocols: protocols that are tracked by their TVL.
        track: subject ids that are tracked besides.
        untrack: subject ids that are not.
        failed_share: a run fails where more than this share of its subjects could not be read.
    """

    concurrency: int
    requests_per_minute: int
    top_chains: int
    top_protocols: int
    track: tuple[str, ...]
    untrack: tuple[str, ...]
    failed_share: float


VARIABLES: Final[tuple[tuple[str, str, str], ...]] = (
    ("MARKET_POLYMARKET_CONCURRENCY", "4", "Polymarket: requests at once; fewer after a 429"),
    ("MARKET_BOOKS_STREAM", "on", "Polymarket: off: books are polled every 30 s, not streamed"),
    ("MARKET_DISCOVERY_PAGES", "0", "Polymarket: pages of open events in a walk; 0: all"),
    ("MARKET_TRADES_MIN_USD", "1000", "Polymarket: smaller trades are not read"),
    ("MARKET_TRADES_SAFETY_MINUTES", "10", "Polymarket: trades read again, for late ones"),
    ("MARKET_TRADES_LOOKBACK_HOURS", "24", "Polymarket: how far back an empty table is filled"),
    ("MARKET_TRADES_PAGES", "20", "Polymarket: pages of trades that one run reads at most"),
    ("MARKET_TRADES_HISTORY_MIN_USD", "0", "Polymarket: the same for backfilled days; 0: all"),
    (
        "MARKET_HISTORY_REQUESTS_PER_10S",
        "60",
        "Polymarket: requests of a backfill in any 10 seconds",
    ),
    ("MARKET_UNIVERSE_SIZE", "200", "Polymarket: markets that are tracked at most"),
    ("MARKET_UNIVERSE_LIQUIDITY_USD", "5000", "Polymarket: tracked from this liquidity on"),
    ("MARKET_UNIVERSE_VOLUME_USD", "5000", "Polymarket: or from this volume in 24 hours on"),
    ("MARKET_UNIVERSE_OPEN_INTEREST_USD", "10000", "Polymarket: or from this open interest on"),
    ("MARKET_ALWAYS_TRACKED", "", "Polymarket: comma-separated condition ids, always tracked"),
    ("MARKET_DEFILLAMA_CONCURRENCY", "4", "DefiLlama: requests at once; fewer after a 429"),
    ("MARKET_DEFILLAMA_REQUESTS_PER_MINUTE", "200", "DefiLlama: over all processes"),
    ("MARKET_DEFILLAMA_TOP_CHAINS", "100", "DefiLlama: chains tracked by their TVL"),
    ("MARKET_DEFILLAMA_TOP_PROTOCOLS", "100", "DefiLlama: protocols tracked by their TVL"),
    ("MARKET_DEFILLAMA_TRACK", "", "DefiLlama: more subjects, as protocol:aave,chain:tron"),
    ("MARKET_DEFILLAMA_UNTRACK", "", "DefiLlama: subjects that are not tracked"),
    (
        "MARKET_DEFILLAMA_FAILED_SHARE",
        "0.1",
        "DefiLlama: a run fails where more of its subjects failed",
    ),
)
"""Name, default and meaning of each variable."""

LOCAL: Final[dict[str, str]] = {
    "MARKET_DISCOVERY_PAGES": "5",
    "MARKET_TRADES_LOOKBACK_HOURS": "2",
    "MARKET_TRADES_PAGES": "5",
    "MARKET_UNIVERSE_SIZE": "20",
    "MARKET_DEFILLAMA_TOP_CHAINS": "10",
    "MARKET_DEFILLAMA_TOP_PROTOCOLS": "10",
}
"""The defaults of the profile `local`, where they are smaller."""


BOOKS_STREAM: Final = "MARKET_BOOKS_STREAM"


def polled(said: str) -> frozenset[str]:
    """Sources whose stream is off, from the value of `MARKET_BOOKS_STREAM`.

    Raises:
        SettingError: it is neither on nor off.
    """
    if said.lower() not in ("on", "off"):
        raise SettingError(f"{BOOKS_STREAM} is {said!r}; on or off")
    return frozenset({"polymarket"} if said.lower() == "off" else ())


def switched(
    chosen: Sequence[str] | None,
    *,
    configured: Callable[[str], bool],
    simulated: bool,
    polled: frozenset[str] = frozenset(),
) -> Switches:
    """Which sources are on; who names them has the last word, with simulated venues too.

    Args:
        chosen: the names in `MARKET_SOURCES`, in capitals or not; None where it is not set.
        configured: whether a variable has a value.
        simulated: the venues are simulated ones, which lack no source.
        polled: sources whose stream is off.

    Raises:
        SettingError: one of the names is no source's, or there is none.
    """
    if chosen is None:
        return Switches(
            frozenset(
                source.name
                for source in switches.SOURCES
                if simulated or not source.joins_with or any(map(configured, source.joins_with))
            ),
            polled=polled,
        )
    names = ", ".join(switches.NAMES)
    if not chosen:
        raise SettingError(f"{switches.VARIABLE} names no source; it may name {names}")
    for name in chosen:
        if name.lower() not in switches.NAMES:
            raise SettingError(
                f"{switches.VARIABLE} names {name!r}, which is no source; it may name {names}"
            )
    on = frozenset(name.lower() for name in chosen)
    return Switches(on, is_chosen=True, polled=polled)


def polymarket(
    number: Callable[[str, float, float], float], names: Callable[[str], tuple[str, ...]]
) -> PolymarketSettings:
    """Polymarket's settings as the variables have them.

    Args:
        number: the value of a variable that lies between a least and a most.
        names: the value of a variable that is a comma-separated list.
    """
    return PolymarketSettings(
        concurrency=int(number("MARKET_POLYMARKET_CONCURRENCY", 1, 32)),
        discovery_pages=int(number("MARKET_DISCOVERY_PAGES", 0, 100_000)) or None,
        trades_min_usd=number("MARKET_TRADES_MIN_USD", 0, 1e9),
        trades_safety=timedelta(minutes=number("MARKET_TRADES_SAFETY_MINUTES", 0, 1440)),
        trades_lookback=timedelta(hours=number("MARKET_TRADES_LOOKBACK_HOURS", 0.1, 24 * 365)),
        trades_pages=int(number("MARKET_TRADES_PAGES", 1, 1000)),
        history_min_usd=number("MARKET_TRADES_HISTORY_MIN_USD", 0, 1e9),
        history_requests_per_10s=int(number("MARKET_HISTORY_REQUESTS_PER_10S", 1, 200)),
        universe_size=int(number("MARKET_UNIVERSE_SIZE", 1, 10_000)),
        universe_liquidity_usd=number("MARKET_UNIVERSE_LIQUIDITY_USD", 0, 1e12),
        universe_volume_usd=number("MARKET_UNIVERSE_VOLUME_USD", 0, 1e12),
        universe_open_interest_usd=number("MARKET_UNIVERSE_OPEN_INTEREST_USD", 0, 1e12),
        always_tracked=names("MARKET_ALWAYS_TRACKED"),
    )


def defillama(
    number: Callable[[str, float, float], float], names: Callable[[str], tuple[str, ...]]
) -> DefillamaSettings:
    """DefiLlama's settings as the variables have them; the arguments are those of `polymarket`."""
    return DefillamaSettings(
        concurrency=int(number("MARKET_DEFILLAMA_CONCURRENCY", 1, 32)),
        requests_per_minute=int(number("MARKET_DEFILLAMA_REQUESTS_PER_MINUTE", 1, 10_000)),
        top_chains=int(number("MARKET_DEFILLAMA_TOP_CHAINS", 0, 10_000)),
        top_protocols=int(number("MARKET_DEFILLAMA_TOP_PROTOCOLS", 0, 10_000)),
        track=names("MARKET_DEFILLAMA_TRACK"),
        untrack=names("MARKET_DEFILLAMA_UNTRACK"),
        failed_share=number("MARKET_DEFILLAMA_FAILED_SHARE", 0, 1),
    )
