"""A session of Polymarket's stream, put together from the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from market_assets.sources.polymarket.clob import ClobClient
from market_assets.sources.polymarket.limits import polymarket_budgets
from market_assets.sources.polymarket.market_feed import MarketFeed
from market_assets.storage.common.spool import Spool
from market_assets.streams.core.options import StreamOptions
from market_assets.streams.core.session import StreamSession
from market_assets.streams.polymarket.flow import BooksFlow

if TYPE_CHECKING:
    from market_assets.machine_paths import MachinePaths
    from market_assets.proxies import Proxies
    from market_assets.storage.api import Store

NAME: Final = "polymarket"
USER: Final = "stream"
FLUSH: Final = timedelta(seconds=2)
"""On average a book is a second old when it can be read. Each flush holds the live file for some
60 ms, whatever has changed."""
_NO_LIMIT: Final = 1_000_000
"""The venue names no limit of subscriptions for an address."""


class StreamSettings(Protocol):
    """What a session needs to know; `settings.Settings` has it.

    Attributes:
        machine: locks, spools and budgets of this machine.
        polymarket_clob_url: where whole books are read.
        polymarket_ws_url: where they stream.
        proxies: which of them leads to an address.
        spool_limit_bytes: what may wait on disk for a locked database.
        session_length: after which a session asks to be relieved.
    """

    @property
    def machine(self) -> MachinePaths: ...
    @property
    def polymarket_clob_url(self) -> str: ...
    @property
    def polymarket_ws_url(self) -> str: ...
    @property
    def proxies(self) -> Proxies: ...
    @property
    def spool_limit_bytes(self) -> int: ...
    @property
    def session_length(self) -> timedelta: ...


def polymarket_session(
    store: Store,
    settings: StreamSettings,
    *,
    code_version: str,
    run_id: str,
    duration: timedelta | None = None,
    report_interval: timedelta = timedelta(seconds=60),
) -> StreamSession:
    """A session that streams the tracked tokens' books into the store.

    Args:
        store: the database.
        settings: addresses, limits, how long a session lasts.
        code_version: of the code that runs.
        run_id: the Dagster run, or who else streams.
        duration: after which it ends, relieved or not; None: never.
        report_interval: how often a table is reported while rows arrive.
    """
    options = StreamOptions(
        subscriptions=_NO_LIMIT,
        flush_interval=FLUSH,
        session_length=settings.session_length,
        duration=duration,
        report_interval=report_interval,
    )
    budget = polymarket_budgets(settings.machine.folder).clob
    own = settings.machine.stream(NAME)
    return StreamSession(
        options=options,
        store=store,
        spool=Spool(own.spool, limit_bytes=settings.spool_limit_bytes),
        folder=own.folder,
        flow_for=lambda clock, call: BooksFlow(
            clock,
            call,
            store=store,
            client_for=lambda _: ClobClient(
                settings.polymarket_clob_url, budget=budget, user=USER, proxies=settings.proxies
            ),
            feed=lambda sink, feed_clock: MarketFeed(
                settings.polymarket_ws_url, sink, clock=feed_clock, proxies=settings.proxies
            ),
        ),
        code_version=code_version,
        run_id=run_id,
    )
