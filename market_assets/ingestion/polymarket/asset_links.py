"""Which Hyperliquid assets the catalogue's markets are about, brought up to date in the store.

The rules are those of `features/linking`; here is only which markets they are put to: those that
are open, and those that closed lately, whose end is still of interest. Links of markets that closed
long ago stay as they are. Nothing is read of those but the texts of markets whose event goes on, so
a run costs what is open, however much the store has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from market_assets.features.linking.frames import link_markets
from market_assets.ingestion.queries import query
from market_assets.storage.common.changes import Delete, Merge, Written
from market_assets.tables import POLYMARKET_MARKET_ASSET_LINKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.clock import Clock
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

_MARKETS_AT_ONCE: Final = 20_000
"""Markets whose texts and links are in memory at a time, 40 MB. A year's catalogue has 150,000 that
are open or closed lately."""
_WANTED: Final = f"with wanted as ({query('polymarket', 'markets_to_link')})"
"""The markets to link: every question is put about them only."""
_COUNT: Final = f"{_WANTED} select count(*) from wanted"  # noqa: S608 - the project's own SQL
_READ: Final = {
    name: f"{_WANTED} {sql}"
    for name, sql in {
        "markets": """
            select condition_id, event_id, slug, question from polymarket_markets
            where rowid in (select place from wanted) order by condition_id
        """,
        "others": """
            , more as (
                select rowid as place from polymarket_markets
                where event_id in (select event_id from wanted)
                  and rowid not in (select place from wanted)
            )
            select condition_id, event_id, slug, question from polymarket_markets
            where rowid in (select place from more)
        """,
        "events": """
            select event_id, title, slug, tag_ids, tag_slugs from polymarket_events
            where event_id in (select event_id from wanted)
        """,
        "links": """
            select condition_id, symbol from polymarket_market_asset_links
            where condition_id in (
                select condition_id from polymarket_markets
                where rowid in (select place from wanted)
            )
        """,
    }.items()
}
_REGISTRY: Final = """
select symbol, kind, dex, display_name, is_delisted from hyperliquid_assets
where is_listed is distinct from false
"""


class RegistryMissing(Exception):  # noqa: N818 - named for what is the matter
    """There is no asset that a market could be linked to."""


@dataclass(frozen=True)
class LinksMade:
    """What a run did: the links, how many markets were looked at, and links that no longer hold."""

    written: Written
    frame: pl.DataFrame
    markets: int
    dropped: int


def link_catalogue(
    store: Store, *, clock: Clock, run: IngestionRun | None = None, is_registry_kept: bool = True
) -> LinksMade:
    """Link the open and lately closed markets to the registry's assets.

    Args:
        store: has the catalogue and the registry, and takes the links.
        clock: says which markets are open or closed lately.
        run: what the rows are counted in.
        is_registry_kept: somebody brings the registry; where nobody does, an empty one is no
            failure, and there is nothing to link to.

    Raises:
        RegistryMissing: the registry is empty, and should not be.
    """
    now = clock.now()
    registry = store.read(_REGISTRY)
    if registry.is_empty():
        if is_registry_kept:
            raise RegistryMissing("no asset to link to: materialize hyperliquid_assets first")
        return _nothing_to_link_to(store, run)
    whole = {"now": now, "parts": 1, "part": 0}
    markets = store.read(_COUNT, whole).item()
    parts = max(1, -(-markets // _MARKETS_AT_ONCE))
    made = [
        _link_part(store, registry, {**whole, "parts": parts, "part": part}, run)
        for part in range(parts)
    ]
    return LinksMade(
        written=reduce(Written.plus, (part.written for part in made)),
        frame=pl.concat([part.frame for part in made]),
        markets=sum(part.markets for part in made),
        dropped=sum(part.dropped for part in made),
    )


def _nothing_to_link_to(store: Store, run: IngestionRun | None) -> LinksMade:
    none = pl.DataFrame(schema=POLYMARKET_MARKET_ASSET_LINKS.schema)
    runs = () if run is None else (run,)
    (written,) = store.write(Merge(POLYMARKET_MARKET_ASSET_LINKS, none), runs=runs)
    return LinksMade(written, none, markets=0, dropped=0)


def _link_part(
    store: Store, registry: pl.DataFrame, params: Mapping[str, Any], run: IngestionRun | None
) -> LinksMade:
    """Link the markets of one part of the events, in a transaction of its own."""
    found = store.read_together({name: (sql, params) for name, sql in _READ.items()})
    markets = found["markets"]
    links = link_markets(markets, found["events"], registry, params["now"], others=found["others"])
    dropped = found["links"].join(links, on=("condition_id", "symbol"), how="anti")
    merge = Merge(POLYMARKET_MARKET_ASSET_LINKS, links)
    written = store.write(merge, *_deletion(dropped), runs=() if run is None else (run,))
    return LinksMade(written[0], links, markets.height, dropped.height)


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
