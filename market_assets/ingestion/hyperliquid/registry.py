"""The registry: every asset that the exchange lists, and what it lists no more.

A refresh merges what is listed. An asset that its dex's good answer does not name is missed, and
after several refreshes unlisted (`ingestion/listing.py`): it keeps its row, and does not trade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.frames import conform
from market_assets.ingestion import listing
from market_assets.ingestion.silence import ENOUGH_TO_JUDGE
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.model import in_words
from market_assets.tables import HYPERLIQUID_ASSETS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.model import Universe
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.runs import IngestionRun

_MANY_DEXS: Final = 3
"""Builder dexs that hardly go at once."""
_STORED: Final = "select * from hyperliquid_assets where is_listed is distinct from false"


@dataclass(frozen=True)
class RegistryRead:
    """What a refresh brought.

    Attributes:
        written: rows of the registry.
        universe: what the exchange said.
        missing: symbols that were listed and that it did not name.
        unlisted: those of them that now count as taken back.
    """

    written: Written
    universe: Universe
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]


def refresh_registry(
    client: HyperliquidClient, store: Store, *, clock: Clock, run: IngestionRun | None = None
) -> RegistryRead:
    """Read the registry of every dex and of spot, and merge it.

    A dex that cannot be read keeps its rows as they were.

    Raises:
        VenueError: nothing at all could be read.
    """
    universe = client.universe()
    if run is not None:
        run.left_out = in_words(universe.failures)
    now = clock.now()
    found = frames.assets(universe, now)
    missing = _missed(store.read(_STORED), found, universe, now)
    written = store.merge(HYPERLIQUID_ASSETS, pl.concat([found, missing]), run=run)
    gone = missing.filter(~pl.col("is_listed"))
    return RegistryRead(
        written, universe, tuple(missing["symbol"].sort()), tuple(gone["symbol"].sort())
    )


def _missed(
    stored: pl.DataFrame, found: pl.DataFrame, universe: Universe, now: datetime
) -> pl.DataFrame:
    """Stored assets that the exchange did not name, with one more miss."""
    absent = stored.join(found, on="symbol", how="anti")
    unsaid = {
        symbol
        for symbol, kind, dex in absent.select("symbol", "kind", "dex").iter_rows()
        if universe.says_nothing_of(symbol, kind, dex)
    }
    absent = absent.filter(~pl.col("symbol").is_in(unsaid))
    silent = pl.struct("kind", "dex").is_in(_silent(stored, found, universe.dexs))
    rows = pl.concat(
        [
            listing.missed(absent.filter(~silent), now),
            listing.missed(absent.filter(silent), now, silent=True),
        ]
    )
    rows = rows.with_columns(is_delisted=pl.col("is_delisted") | ~pl.col("is_listed"))
    return conform(HYPERLIQUID_ASSETS, rows)


def _silent(
    stored: pl.DataFrame, found: pl.DataFrame, dexs: Collection[str]
) -> list[dict[str, str]]:
    """Lists (kind and dex) that are empty where they named many assets, and should not be.

    The exchange still has them, or it is the list of dexs that has become far shorter: a dex goes
    now and then, but not half of them at once.
    """
    sizes = stored.group_by("kind", "dex").len()
    empty = sizes.join(found, on=["kind", "dex"], how="anti")
    of_builders = sizes.filter(pl.col("dex") != "")
    gone = empty.filter(pl.col("dex") != "", ~pl.col("dex").is_in(list(dexs)))
    is_cut = gone.height >= _MANY_DEXS and 2 * gone.height > of_builders.height
    many = empty.filter(pl.col("len") >= ENOUGH_TO_JUDGE, pl.col("dex").is_in(["", *dexs]))
    return pl.concat([many, gone] if is_cut else [many]).select("kind", "dex").to_dicts()
