"""Which Hyperliquid assets the catalogue's markets are about, brought up to date in the store.

The rules are those of `features/linking`; here is only which markets they are put to: those that
are open, and those that closed lately, whose end is still of interest. Links of markets that closed
long ago stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_assets.features.linking.frames import link_markets
from market_assets.ingestion.queries import query
from market_assets.storage.changes import Delete, Merge, Written
from market_assets.tables import POLYMARKET_MARKET_ASSET_LINKS

if TYPE_CHECKING:
    import polars as pl

    from market_assets.clock import Clock
    from market_assets.storage.runs import IngestionRun
    from market_assets.storage.store import Store

_EVENTS: Final = "select event_id, title, slug, tag_ids, tag_slugs from polymarket_events"
_REGISTRY: Final = (
    "select symbol, kind, dex, display_name, is_delisted from hyperliquid_assets"
    " where is_listed is distinct from false"
)


class RegistryMissing(Exception):  # noqa: N818 - named for what is the matter
    """There is no asset that a market could be linked to."""


@dataclass(frozen=True)
class LinksMade:
    """What a run did: the links, how many markets were looked at, and links that no longer hold."""

    written: Written
    frame: pl.DataFrame
    markets: int
    dropped: int


def link_catalogue(store: Store, *, clock: Clock, run: IngestionRun | None = None) -> LinksMade:
    """Link the open and lately closed markets to the registry's assets.

    Raises:
        RegistryMissing: the registry is empty.
    """
    now = clock.now()
    found = store.read_together(
        {
            "markets": (query("polymarket", "markets_to_link"), {"now": now}),
            "events": (_EVENTS, {}),
            "registry": (_REGISTRY, {}),
            "links": ("select condition_id, symbol from polymarket_market_asset_links", {}),
        }
    )
    if found["registry"].is_empty():
        raise RegistryMissing("no asset to link to: materialize hyperliquid_assets first")
    links = link_markets(found["markets"], found["events"], found["registry"], now)
    judged = found["links"].join(found["markets"], on="condition_id", how="semi")
    dropped = judged.join(links, on=("condition_id", "symbol"), how="anti")
    merge = Merge(POLYMARKET_MARKET_ASSET_LINKS, links)
    written = store.write(merge, *_deletion(dropped), runs=() if run is None else (run,))
    return LinksMade(written[0], links, found["markets"].height, dropped.height)


def _deletion(dropped: pl.DataFrame) -> tuple[Delete, ...]:
    if dropped.is_empty():
        return ()
    return (
        Delete(
            POLYMARKET_MARKET_ASSET_LINKS,
            "(condition_id, symbol) in (select (unnest(?), unnest(?)))",
            [dropped["condition_id"].to_list(), dropped["symbol"].to_list()],
        ),
    )
