"""Links as a frame: markets, their events and the registry in, `POLYMARKET_MARKET_ASSET_LINKS` out.

What makes a link is in `linker`; nothing is read or written here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from market_assets.features.linking.linker import Link, Linker, Subject
from market_assets.features.linking.listings import Listed
from market_assets.frames import conform
from market_assets.tables import POLYMARKET_MARKET_ASSET_LINKS

if TYPE_CHECKING:
    from datetime import datetime


class _Event(NamedTuple):
    """What a market knows through its event."""

    title: str
    slug: str
    tag_ids: tuple[str, ...]
    tag_slugs: tuple[str, ...]


_NO_EVENT = _Event("", "", (), ())


def link_markets(
    markets: pl.DataFrame, events: pl.DataFrame, registry: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """One row per market and symbol that it is about.

    Args:
        markets: rows of `POLYMARKET_MARKETS`, of which condition_id, event_id, question and slug
            are read. A condition id that comes twice counts once.
        events: rows of `POLYMARKET_EVENTS`, of which event_id, title, slug, tag_ids and tag_slugs
            are read. A market without an event is linked by its own text.
        registry: rows of `HYPERLIQUID_ASSETS`, of which symbol, kind, dex, display_name and
            is_delisted are read.
        now: `linked_at` of each row.

    Returns:
        A frame that conforms to `POLYMARKET_MARKET_ASSET_LINKS`, in the order of the markets.
    """
    linker = Linker([Listed(*row) for row in registry.select(*_LISTED).iter_rows()])
    known = {
        event_id: _Event(title or "", slug or "", _texts(tag_ids), _texts(tag_slugs))
        for event_id, title, slug, tag_ids, tag_slugs in events.select(*_EVENT).iter_rows()
    }
    links: list[Link] = []
    unique = markets.select(*_MARKET).unique("condition_id", keep="first", maintain_order=True)
    for condition_id, event_id, question, slug in unique.iter_rows():
        event = known.get(event_id, _NO_EVENT)
        links += linker.links(
            Subject(
                condition_id=condition_id,
                question=question or "",
                slug=slug or "",
                event_title=event.title,
                event_slug=event.slug,
                tag_ids=event.tag_ids,
                tag_slugs=event.tag_slugs,
            )
        )
    rows = [(li.condition_id, li.symbol, li.method, li.matched_text, li.confidence) for li in links]
    columns = {n: t for n, t in _SPEC.schema.items() if n != "linked_at"}
    linked_at = pl.lit(now).cast(_SPEC.schema["linked_at"]).alias("linked_at")
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(linked_at)
    return conform(_SPEC, frame)


_SPEC: Final = POLYMARKET_MARKET_ASSET_LINKS
_LISTED: Final = ("symbol", "kind", "dex", "display_name", "is_delisted")
_EVENT: Final = ("event_id", "title", "slug", "tag_ids", "tag_slugs")
_MARKET: Final = ("condition_id", "event_id", "question", "slug")


def _texts(values: list[str | None] | None) -> tuple[str, ...]:
    return tuple(value for value in values or () if value)
