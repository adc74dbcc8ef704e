"""The categories of the registry's assets: the exchange's word, and the curated list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.ingestion.silence import refuse_silence
from market_assets.ingestion.snapshots import replace_whole
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.endpoint import VENUE
from market_assets.tables import HYPERLIQUID_ASSET_CATEGORIES

if TYPE_CHECKING:
    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.runs import IngestionRun


def refresh_categories(
    client: HyperliquidClient,
    store: Store,
    *,
    clock: Clock,
    run: IngestionRun | None = None,
    believe: bool = False,
) -> Written:
    """Ask for the exchange's categories and make the table theirs and the curated ones.

    Args:
        client: the exchange.
        store: has the registry, and takes the rows.
        clock: the time of receipt.
        run: what the rows are counted in.
        believe: whatever the answer lacks is deleted, however much it is.

    Raises:
        VenueError: it could not be had, or names nothing where much is known.
    """
    symbols = store.read("select symbol from hyperliquid_assets order by symbol")["symbol"]
    before, _ = client.rejected
    said = client.categories()
    unreadable = client.rejected[0] - before
    known = store.read(
        "select count(*) from hyperliquid_asset_categories where source = 'exchange'"
    ).item()
    refuse_silence(VENUE, "perpCategories", known=known, answered=len(said))
    return replace_whole(
        store,
        HYPERLIQUID_ASSET_CATEGORIES,
        frames.categories(symbols.to_list(), said, clock.now()),
        unreadable=unreadable,
        believe=believe,
        run=run,
    )
