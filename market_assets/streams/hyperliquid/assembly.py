"""A session of the Hyperliquid stream put together from the settings, as Dagster and the CLI do."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.feed import HyperliquidFeed
from market_assets.sources.hyperliquid.weights import PER_MINUTE, weight_budget
from market_assets.storage.common.spool import Spool
from market_assets.streams.candles.rounds import SHARE
from market_assets.streams.core.session import StreamSession
from market_assets.streams.hyperliquid.flow import HyperliquidFlow
from market_assets.streams.hyperliquid.options import HyperliquidOptions
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.machine_paths import MachinePaths
    from market_assets.proxies import Proxies
    from market_assets.storage.api import Store

_REPORT_EVERY: Final = timedelta(seconds=60)


class StreamSettings(Protocol):
    """What a session needs to know; `settings.Settings` has it.

    Attributes:
        hyperliquid_api_url: where candles are read to heal holes, and the lists of assets.
        hyperliquid_ws_url: where mids and candles stream.
        proxies: which of them leads to an address.
        machine: locks, spools and budgets of this machine.
        wanted_symbols: symbols to restrict to; empty: all live ones.
        subscriptions: WebSocket subscriptions in all.
        weight_share: share of the venue's request weight that all processes together use.
        spool_limit_bytes: what may wait on disk for a locked database.
        flush_interval: how often rows are put on disk.
        session_length: after which a session asks to be relieved.
        retention: how long rows are kept, by the name of the setting.
    """

    @property
    def machine(self) -> MachinePaths: ...
    @property
    def hyperliquid_api_url(self) -> str: ...
    @property
    def hyperliquid_ws_url(self) -> str: ...
    @property
    def proxies(self) -> Proxies: ...
    @property
    def wanted_symbols(self) -> tuple[str, ...]: ...
    @property
    def subscriptions(self) -> int: ...
    @property
    def weight_share(self) -> float: ...
    @property
    def spool_limit_bytes(self) -> int: ...
    @property
    def flush_interval(self) -> timedelta: ...
    @property
    def session_length(self) -> timedelta: ...
    @property
    def retention(self) -> Mapping[str, timedelta]: ...


def hyperliquid_session(
    store: Store,
    settings: StreamSettings,
    *,
    code_version: str,
    run_id: str,
    duration: timedelta | None = None,
    report_interval: timedelta = _REPORT_EVERY,
) -> StreamSession:
    """A session that streams from the venue into that database.

    Args:
        store: the database; spool, locks and the shared request budget stand in its state folder.
        settings: addresses, limits, intervals.
        code_version: of the code that runs.
        run_id: the Dagster run, or what the session was started as.
        duration: after which it ends; None: it goes on until it is relieved.
        report_interval: how often a table is reported while rows arrive.
    """
    rules = {rule.only[1]: rule for rule in HYPERLIQUID_CANDLES.retention if rule.only}
    keep = {interval: rule.age(settings.retention) for interval, rule in rules.items()}
    options = HyperliquidOptions(
        restrict=settings.wanted_symbols,
        subscriptions=settings.subscriptions,
        flush_interval=settings.flush_interval,
        session_length=settings.session_length,
        duration=duration,
        keep_minutes=keep["1m"],
        keep_hours=keep["1h"],
        keep_mids=settings.retention["MARKET_KEEP_MIDS_HOURS"],
        reread_weight=SHARE * settings.weight_share * PER_MINUTE * 60,
        report_interval=report_interval,
    )
    budget = weight_budget(settings.machine.budget("hyperliquid"), share=settings.weight_share)
    own = settings.machine.stream("hyperliquid")
    spool = Spool(own.spool, limit_bytes=settings.spool_limit_bytes)
    flow_for = partial(
        HyperliquidFlow,
        options=options,
        store=store,
        spool=spool,
        client_for=lambda user, clock: HyperliquidClient(
            settings.hyperliquid_api_url,
            budget=budget,
            user=user,
            clock=clock,
            proxies=settings.proxies,
        ),
        feed=lambda sink, clock: HyperliquidFeed(
            settings.hyperliquid_ws_url, sink, clock=clock, proxies=settings.proxies
        ),
    )
    return StreamSession(
        options=options,
        store=store,
        spool=spool,
        folder=own.folder,
        flow_for=flow_for,
        code_version=code_version,
        run_id=run_id,
    )
