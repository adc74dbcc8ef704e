"""The channels: which assets belong together, how often they are due, and which job brings them.

A channel is what health, alerts and `market-assets status` speak of: `hyperliquid/mids`. Its
freshness window is computed here, once, from its cadence, and stated on its assets as a Dagster
`FreshnessPolicy` by `defs/`; nothing else in the project says how old is too old.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

SLACK: Final = timedelta(minutes=5)


def freshness_window(cadence: timedelta) -> timedelta:
    """Older than this is stale, for what is due every `cadence`: one missed turn is forgiven."""
    return max(2 * cadence, cadence + SLACK)


@dataclass(frozen=True)
class Channel:
    """A source's flow of data with one cadence.

    Attributes:
        source: the venue, `hyperliquid`; or what the project makes by itself, `history`.
        name: the flow, `mids`. `source/name` is unique.
        cadence: how often its assets are materialized when all is well.
        assets: the asset keys, which are table names where a table exists.
        job: the Dagster job that materializes them.
        mode: `schedule` (a run per cadence) or `stream` (a sidecar that reports while rows arrive).
        polled_by: the job that brings a stream's channel where its stream is off; empty: none.
        offset: how long after the full cadence a scheduled job is due, so that what others are
            made from comes first, and not everything at once. Channels of one job agree on it.
    """

    source: str
    name: str
    cadence: timedelta
    assets: tuple[str, ...]
    job: str
    mode: Literal["schedule", "stream"] = "schedule"
    offset: timedelta = timedelta(0)
    polled_by: str = ""

    @property
    def polled(self) -> Channel:
        """The channel as it is where its stream is off: a job brings it."""
        return replace(self, mode="schedule", job=self.polled_by)

    @property
    def label(self) -> str:
        """`source/name`, as people see it."""
        return f"{self.source}/{self.name}"

    @property
    def freshness_window(self) -> timedelta:
        """How old the channel's assets may be."""
        return freshness_window(self.cadence)


CHANNELS: Final[tuple[Channel, ...]] = (
    Channel(
        "hyperliquid",
        "registry",
        timedelta(hours=1),
        (
            "hyperliquid_assets",
            "hyperliquid_asset_categories",
            "hyperliquid_asset_category_taxonomy",
        ),
        "hyperliquid_registry_refresh",
        offset=timedelta(minutes=7),
    ),
    Channel(
        "hyperliquid",
        "mids",
        timedelta(minutes=1),
        ("hyperliquid_mid_prices",),
        "hyperliquid_stream",
        "stream",
    ),
    Channel(
        "hyperliquid",
        "candles",
        timedelta(minutes=1),
        ("hyperliquid_candles",),
        "hyperliquid_stream",
        "stream",
    ),
    Channel(
        "hyperliquid",
        "contexts",
        timedelta(minutes=5),
        ("hyperliquid_asset_contexts",),
        "hyperliquid_contexts_refresh",
        offset=timedelta(minutes=1),
    ),
    Channel(
        "hyperliquid",
        "funding_rates",
        timedelta(hours=1),
        ("hyperliquid_funding_rates",),
        "hyperliquid_funding_rates_refresh",
        offset=timedelta(minutes=3),
    ),
    *(
        Channel(
            "hyperliquid",
            name,
            timedelta(minutes=5),
            (f"hyperliquid_{name}",),
            "hyperliquid_features_refresh",
            offset=timedelta(minutes=2),
        )
        for name in (
            "technical_indicators",
            "funding_pressure",
            "liquidity_profiles",
            "volatility_profiles",
            "positioning_pressure",
        )
    ),
    Channel(
        "hyperliquid",
        "maintenance",
        timedelta(minutes=1),
        ("hyperliquid_maintenance",),
        "hyperliquid_maintenance_run",
    ),
    *(
        Channel(
            "polymarket",
            name,
            timedelta(minutes=10),
            (asset,),
            "polymarket_discovery_refresh",
            offset=timedelta(minutes=4),
        )
        for name, asset in (
            ("events", "polymarket_events"),
            ("markets", "polymarket_markets"),
            ("links", "polymarket_market_asset_links"),
        )
    ),
    Channel(
        "polymarket",
        "tags",
        timedelta(hours=6),
        ("polymarket_tags",),
        "polymarket_tags_refresh",
        offset=timedelta(minutes=17),
    ),
    *(
        Channel(
            "polymarket",
            name,
            timedelta(minutes=5),
            (asset,),
            "polymarket_prices_refresh",
            offset=timedelta(minutes=3),
        )
        for name, asset in (
            ("immediate_markets", "polymarket_immediate_markets"),
            ("open_interest", "polymarket_market_metrics"),
        )
    ),
    Channel(
        "polymarket",
        "later_markets",
        timedelta(minutes=30),
        ("polymarket_later_markets",),
        "polymarket_later_markets_refresh",
        offset=timedelta(minutes=9),
    ),
    Channel(
        "polymarket",
        "recently_closed_markets",
        timedelta(hours=1),
        ("polymarket_recently_closed_markets",),
        "polymarket_closed_markets_refresh",
        offset=timedelta(minutes=27),
    ),
    Channel(
        "polymarket",
        "universe",
        timedelta(minutes=15),
        ("polymarket_tracked_universe",),
        "polymarket_universe_refresh",
        offset=timedelta(minutes=6),
    ),
    Channel(
        "polymarket",
        "books",
        timedelta(seconds=30),
        ("polymarket_books", "polymarket_orderbook_levels", "polymarket_book_tops"),
        "polymarket_stream",
        "stream",
        polled_by="polymarket_books_poll",
    ),
    Channel(
        "polymarket",
        "trades",
        timedelta(minutes=1),
        ("polymarket_trades",),
        "polymarket_trades_refresh",
    ),
    Channel(
        "polymarket",
        "signals",
        timedelta(minutes=1),
        ("polymarket_signal_events",),
        "polymarket_signals_refresh",
    ),
    *(
        Channel(
            "defillama",
            name,
            timedelta(hours=1),
            (f"defillama_{name}",),
            "defillama_capital_refresh",
            # Its rows speak for the full hour that comes: late in the hour they are young by then.
            offset=timedelta(minutes=48),
        )
        for name in ("subjects", "capital_base", "capital_flows", "economic_throughput")
    ),
    Channel(
        "defillama",
        "daily_history",
        timedelta(hours=1),  # a series is due once or twice a day; hourly a run goes on
        ("defillama_daily_history",),
        "defillama_history_refresh",
        offset=timedelta(minutes=35),
    ),
    Channel(
        "history",
        "healing",
        timedelta(minutes=5),
        ("ingestion_gaps",),
        "ingestion_gaps_refresh",
        offset=timedelta(minutes=2),
    ),
    Channel(
        "history",
        "completeness",
        timedelta(hours=1),
        ("data_completeness",),
        "data_completeness_refresh",
        # After the payments of the hour, and after the roll-up of its candles.
        offset=timedelta(minutes=43),
    ),
    Channel(
        "history",
        "candle_audits",
        timedelta(hours=1),
        ("hyperliquid_candle_audits",),
        "hyperliquid_candle_audits_refresh",
        offset=timedelta(minutes=20),
    ),
)


@dataclass(frozen=True)
class Backfill:
    """An asset of the past: nobody waits for it, so it is never stale; it is run by hand.

    Attributes:
        source: the venue.
        asset: its key.
        partition: what one partition of it is, in a word.
        table: the table that it fills, which is another asset's too.
    """

    source: str
    asset: str
    partition: str
    table: str

    @property
    def channel(self) -> str:
        """What its attempts are counted as in `ingestion_runs`."""
        return self.asset.removeprefix(f"{self.source}_")


BACKFILLS: Final[tuple[Backfill, ...]] = (
    Backfill("hyperliquid", "hyperliquid_candles_history", "day", "hyperliquid_candles"),
    Backfill("hyperliquid", "hyperliquid_funding_history", "month", "hyperliquid_funding_rates"),
    Backfill("polymarket", "polymarket_trades_history", "day", "polymarket_trades"),
    Backfill("polymarket", "polymarket_closed_markets_history", "month", "polymarket_markets"),
)


def channel_of(asset: str) -> Channel:
    """The channel that an asset belongs to.

    Raises:
        KeyError: no channel has that asset.
    """
    for channel in CHANNELS:
        if asset in channel.assets:
            return channel
    raise KeyError(f"no channel has the asset {asset!r}")


def source_of(asset: str) -> str:
    """The venue of an asset: of a channel or of a backfill.

    Raises:
        KeyError: nobody has that asset.
    """
    backfills = {backfill.asset: backfill.source for backfill in BACKFILLS}
    return backfills[asset] if asset in backfills else channel_of(asset).source
