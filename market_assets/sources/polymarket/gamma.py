"""Gamma, Polymarket's catalogue: events with their markets, look-ups by id, tags, sports.

Documented at https://docs.polymarket.com/api-reference. What is known of it beyond that:

- lists are walked by key: `after_cursor` is the last answer's `next_cursor`, which the last page
  lacks. A parameter `cursor` is accepted and answers the first page for ever;
- a page holds at most 100, and 20 if nobody asks;
- without `closed`, events come in any state but markets open only; `closed=any` gives both, on
  the markets routes only together with identifiers;
- identifiers are repeated parameters: at most 100, and a query of at most 8 KB (414 above);
- the plain routes `/events` and `/markets` are announced as going away; here they look things up
  by id, and once they answer 404 or 410 the keyset routes do.

Not here: shapes (`wire.py`), what a market is made of (`markets.py`), weights (`limits.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.sources.polymarket.host import HostClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from market_assets.sources.polymarket.model import EventPage, Markets, Sport, Tags


class GammaClient(HostClient):
    """`https://gamma-api.polymarket.com`, or another that speaks the same. Thread-safe."""

    def event_pages(
        self,
        *,
        closed: bool | None = False,
        active: bool | None = None,
        end_min: datetime | None = None,
        end_max: datetime | None = None,
        page_size: int = 100,
    ) -> Iterator[EventPage]:
        """Events with their markets, page by page as they come, so that memory stays bounded.

        Args:
            closed: only closed ones, only others, or (None) both.
            active: only those that the venue shows, only others, or (None) both.
            end_min: only those that end then or later.
            end_max: only those that end then or earlier.
            page_size: events a page, at most 100.

        Raises:
            VenueNonsense: a cursor came twice, or an empty page that is not the last.
            VenueError: a page could not be had; the class says why. So for every method here.
        """
        raise NotImplementedError

    def events(self, event_ids: Iterable[str]) -> EventPage:
        """Events by id, whatever their state; those that the venue does not know are left out."""
        raise NotImplementedError

    def markets(self, condition_ids: Iterable[str]) -> Markets:
        """Markets by condition id, whatever their state; unknown ones are left out."""
        raise NotImplementedError

    def tags(self) -> Tags:
        """Every tag."""
        raise NotImplementedError

    def sports(self) -> tuple[Sport, ...]:
        """Every sport with the tags that its events carry."""
        raise NotImplementedError
